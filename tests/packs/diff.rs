//! Healthy clusters against the same with one thing wrong: exactly that fact is told to have changed, and the verdict that it
//! changed names it.

use crate::cluster::{Mutations, clusters};
use crate::{facts, shipped};
use proptest::prelude::*;
use quorate::facts::{Document, FactChange};
use quorate::report::{Diff, FailOn, Report, Run, Told};
use quorate::rule::Ruleset;
use rayon::prelude::*;
use serde_json::Value;

/// The names and keys of a path, without positions, which the mutations use as well as keys.
fn words(path: &str) -> Vec<&str> {
    path.split(['.', '[', ']']).filter(|word| !word.is_empty() && word.parse::<usize>().is_err()).collect()
}

/// Whether what changed at one path is what was changed at another: the same, above it, below it, or the element of which the
/// key was changed.
fn concerns(change: &str, mutated: &str) -> bool {
    let types = |path: &str| -> Vec<String> {
        let mut depth = 0;
        let mut out = vec![String::new()];
        for c in path.chars() {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                '.' if depth == 0 => out.push(String::new()),
                c if depth == 0 => out.last_mut().expect("it begins with one").push(c),
                _ => {}
            }
        }
        out
    };
    let (a, b) = (types(change), types(mutated));
    let owner = |path: &str| words(path).get(1).map(|word| (*word).to_owned());
    let apart = path_is_in_list(change) && path_is_in_list(mutated) && owner(change) != owner(mutated);
    (a.starts_with(&b) || b.starts_with(&a)) && !apart
}

/// Whether the first element on a path is named by its key.
fn path_is_in_list(path: &str) -> bool {
    path.split_once('[')
        .and_then(|(_, rest)| rest.split_once(']'))
        .is_some_and(|(key, _)| key.parse::<usize>().is_err())
}

fn counted(a: &Document, b: &Document) -> Vec<FactChange> {
    let mut all = a.changes_to(b);
    all.retain(|change| !change.derived);
    all
}

/// The facts of a mutated cluster; none where the mutation is one that is refused when it is read.
fn mutated(facts: &Value, mutations: &Mutations, at: usize) -> Option<(Vec<String>, Document)> {
    let mutation = &mutations.mutation[at];
    facts::complete(&mutation.apply(facts)).map(|document| (mutation.paths(), document))
}

#[test]
fn exactly_what_was_changed_is_told() {
    let clusters = clusters();
    let wrong: Vec<String> = clusters
        .par_iter()
        .flat_map_iter(|(name, facts, mutations)| {
            let healthy = facts::valid(facts);
            let all = 0..mutations.mutation.len();
            all.filter_map(move |at| {
                let (paths, document) = mutated(facts, mutations, at)?;
                let changes = counted(&healthy, &document);
                let stray =
                    changes.iter().find(|change| !paths.iter().any(|path| concerns(&change.path, path)));
                let told = |path: &String| changes.iter().any(|change| concerns(&change.path, path));
                // Where several facts are set, some may have that value already.
                let untold = if paths.iter().any(told) { None } else { paths.first() };
                match (stray, untold) {
                    (None, None) => None,
                    (Some(stray), _) => Some(format!("{name} {at}: {} changed, {paths:?} was", stray.path)),
                    (_, Some(untold)) => Some(format!("{name} {at}: {untold} changed and is not told")),
                }
            })
            .collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What differs between two documents by the rules of a cluster's own profile.
fn diff(ruleset: &Ruleset, mutations: &Mutations, a: &Document, b: &Document) -> Diff {
    let resolved = |document: &Document| {
        ruleset.resolve(&mutations.selection(document)).unwrap_or_else(|problems| panic!("{problems:?}"))
    };
    let (ours, theirs) = (resolved(a), resolved(b));
    let report = |rules: &quorate::rule::ResolvedRules<'_>, document: &Document| {
        Report::new(document, rules.judge(document, &[], facts::day(document)), FailOn::Fail, false)
    };
    let (before, after) = (report(&ours, a), report(&theirs, b));
    let (tell_ours, tell_theirs) = (
        |asked: &[(&str, &str)]| ours.standing(a, asked),
        |asked: &[(&str, &str)]| theirs.standing(b, asked),
    );
    let reads = |id: &str| ruleset.rule(id).map(|rule| rule.reads()).unwrap_or_default();
    let run = |report, document, standing| Run {
        file: "x".to_owned(),
        report,
        document: Some(document),
        standing: Some(standing),
    };
    Diff::of(&run(&before, a, &tell_ours), &run(&after, b, &tell_theirs), &reads)
}

/// Some clusters stand for all: what is tried is the comparison, not the rules.
const TRIED: [&str; 3] = ["pacemaker-3-iscsi", "wsfc-2022-disk-witness", "vsphere-ha-8"];

#[test]
fn the_verdict_that_changed_names_the_fact_that_made_it_so() {
    let ruleset = shipped();
    let clusters = clusters();
    let tried = clusters.par_iter().filter(|(name, ..)| TRIED.contains(&name.as_str()));
    let told: Vec<Result<bool, String>> = tried
        .flat_map(|(name, facts, mutations)| {
            let healthy = facts::valid(facts);
            let ruleset = &ruleset;
            (0..mutations.mutation.len()).into_par_iter().filter_map(move |at| {
                let (paths, document) = mutated(facts, mutations, at)?;
                let mutation = &mutations.mutation[at];
                let diff = diff(ruleset, mutations, &healthy, &document);
                let change = diff
                    .verdicts
                    .iter()
                    .find(|change| change.rule == mutation.rule && change.subject == mutation.subject);
                let Some(change) = change else {
                    return Some(Err(format!("{name} {at}: no verdict of {} changed", mutation.rule)));
                };
                if matches!(change.before, Told::Fail | Told::Unknown | Told::NothingFound | Told::NotChecked)
                {
                    return Some(Err(format!("{name} {at}: {} was {}", mutation.rule, change.before.word())));
                }
                let stray =
                    change.because.iter().find(|cause| !paths.iter().any(|path| concerns(cause, path)));
                if let Some(stray) = stray {
                    return Some(Err(format!("{name} {at}: because of {stray}, {paths:?} was changed")));
                }
                Some(Ok(!change.because.is_empty()))
            })
        })
        .collect();
    let wrong: Vec<&String> = told.iter().filter_map(|one| one.as_ref().err()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    // What is derived out of facts that the rule does not read itself is told by the program, which knows what goes into it.
    let named = told.iter().filter(|one| matches!(one, Ok(true))).count();
    assert!(named * 4 >= told.len() * 3, "{named} of {}", told.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_differs_from_itself_and_the_way_back_is_the_mirror(seed in any::<(u16, u16, u16)>()) {
        use std::sync::LazyLock;
        static ALL: LazyLock<Vec<(String, Value, Mutations)>> = LazyLock::new(clusters);
        let (_, facts, mutations) = &ALL[usize::from(seed.0) % ALL.len()];
        let pick = |seed: u16| mutated(facts, mutations, usize::from(seed) % mutations.mutation.len());
        let (Some((_, a)), Some((_, b))) = (pick(seed.1), pick(seed.2)) else { return Ok(()) };
        prop_assert_eq!(a.changes_to(&a), vec![]);
        let mut there = a.changes_to(&b);
        let mut back: Vec<FactChange> = b.changes_to(&a).into_iter().map(FactChange::mirrored).collect();
        let key = |change: &FactChange| (change.path.clone(), change.kind);
        there.sort_by_key(key);
        back.sort_by_key(key);
        prop_assert_eq!(there, back);
    }
}
