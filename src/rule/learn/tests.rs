//! What is learnt from small documents, and that it changes no verdict of the fixtures.

use super::*;
use crate::derive;
use crate::rule::{ParamList, RuleSources, Ruleset, Selection};
use crate::source::{Item, SourceFile, Text};
use jiff::civil::date;
use std::path::Path;

const REST: &str = "title = 'T'\nseverity = 'fail'\nmessage = 'M'\nwhy = 'W'\nremedy = 'R'\nsource = ['S']\n\
     [[rule.example]]\nverdict = 'pass'\nfacts = '{}'\n[[rule.example]]\nverdict = 'fail'\nfacts = '{}'\n";

fn ruleset(param: &str, asks: &str) -> Ruleset {
    let pack = format!("[param.p]\n{param}\ndoc = 'D'\n[[rule]]\nname = 'r'\n{asks}\n{REST}");
    let profile = "title = 'p'\nplatform = 'generic'\nselect = ['t']";
    let file = |name: &str, text: &str| SourceFile::new(name, text);
    Ruleset::from_files(&[file("t.toml", &pack)], &[file("p.toml", profile)])
        .unwrap_or_else(|problems| panic!("{problems}\n{pack}"))
}

fn document(json: &str) -> Document {
    let text = format!("{{\"schema\":\"quorate/1\",\"cluster\":{{\"platform\":\"generic\"}},{json}}}");
    let mut document =
        Document::parse(text.as_bytes(), "facts.json").unwrap_or_else(|error| panic!("{error}"));
    derive::complete(&mut document);
    document
}

fn learn(param: &str, asks: &str, facts: &str, margin: u8) -> Lesson {
    let ruleset = ruleset(param, asks);
    let document = document(facts);
    let resolved = ruleset.resolve(&Selection::of_document(&document)).unwrap_or_else(|p| panic!("{p}"));
    resolved.learn(&document, margin)
}

/// `at least 4 (hv1 +1)`
fn told(lesson: &Lesson) -> String {
    let proposed = lesson.proposals.iter().map(|one| {
        format!("{} {} ({} +{})", one.bound.words(), one.value.to_toml(), one.subject, one.subjects - 1)
    });
    let refused = lesson.refused.iter().map(|one| format!("{:?}: {}", one.reason, one.findings[0].subject));
    let rest = [("met", &lesson.met), ("choice", &lesson.choices), ("idle", &lesson.idle)];
    let rest = rest.iter().filter(|(_, names)| !names.is_empty()).map(|(word, _)| (*word).to_owned());
    proposed.chain(refused).chain(rest).collect::<Vec<_>>().join("; ")
}

const NODES: &str = r#""nodes":[{"name":"hv1","memory":{"total_bytes":4294967296},"cpu":{"threads":8},"os":{"release":"9","family":"linux"}},
    {"name":"hv2","memory":{"total_bytes":8589934592},"cpu":{"threads":4},"os":{"release":"9","family":"linux"}}]"#;

#[test]
fn a_limit_is_learnt_whichever_way_the_rule_is_written() {
    let each = |asks: &str| format!("each = 'nodes'\n{asks}");
    for (param, asks, wanted) in [
        ("type='int'\ndefault=2", each("require = 'node.cpu.threads >= params.p'"), "at least 4 (hv2 +0)"),
        ("type='int'\ndefault=2", each("require = 'params.p < node.cpu.threads'"), "at least 3 (hv2 +0)"),
        ("type='int'\ndefault=2", each("require = '!(node.cpu.threads < params.p)'"), "at least 4 (hv2 +0)"),
        ("type='int'\ndefault=64", each("require = 'node.cpu.threads <= params.p'"), "at most 8 (hv1 +0)"),
        (
            "type='int'\ndefault=90",
            each("require = 'node.cpu.threads * 10 <= params.p * 4'"),
            "at most 20 (hv1 +0)",
        ),
        (
            "type='size'\ndefault='1 GiB'",
            each("require = 'node.memory.total_bytes >= params.p'"),
            "at least \"4 GiB\" (hv1 +0)",
        ),
        (
            "type='size'\ndefault='64 GiB'",
            each("same = 'node.memory.total_bytes'\ntolerance = 'params.p'"),
            "at most \"4 GiB\" (hv1 +1)",
        ),
        (
            "type='int'\ndefault=1",
            "count = 'nodes.filter(n, n.cpu.threads >= 4)'\nmin = 'params.p'".to_owned(),
            "at least 2 (cluster +0)",
        ),
        (
            "type='int'\ndefault=2",
            "count = 'nodes.filter(n, n.cpu.threads < params.p)'\nmax = '0'".to_owned(),
            "at least 4 (cluster +0)",
        ),
        (
            "type='list of string'\ndefault=['8', '9', '10']",
            each("require = 'node.os.release in params.p'"),
            "one of these [\"9\"] (hv1 +1)",
        ),
    ] {
        assert_eq!(told(&learn(param, &asks, NODES, 0)), wanted, "{asks}");
    }
}

#[test]
fn what_is_no_limit_or_measures_nothing_is_not_learnt() {
    let each = |asks: &str| format!("each = 'nodes'\n{asks}");
    for (param, asks, wanted) in [
        ("type='int'\ndefault=4", each("require = 'node.cpu.threads >= params.p'"), "met"),
        ("type='int'\ndefault=2", each("require = 'node.cpu.threads % 2 == params.p - 2'"), "choice"),
        ("type='bool'\ndefault=true", each("require = 'params.p'"), "choice"),
        ("type='string'\ndefault='linux'", each("require = 'string(node.os.family) == params.p'"), "choice"),
        (
            "type='int'\ndefault=2",
            "each = 'networks'\nrequire = 'network.expected_mtu >= params.p'".to_owned(),
            "idle",
        ),
        (
            "type='int'\ndefault=2",
            each("when = 'params.p > 5'\nrequire = 'node.cpu.threads >= params.p'"),
            "idle",
        ),
        // Any one of the two would do.
        (
            "type='list of string'\ndefault=['9', '']",
            each("require = 'params.p.exists(r, node.os.release.startsWith(r))'"),
            "choice",
        ),
        // What is required is no list of what is allowed.
        (
            "type='list of string'\ndefault=['9']",
            each("subset = 'params.p'\nof = '[node.os.release]'"),
            "choice",
        ),
        ("type='list of string'\ndefault=['7']", each("require = '!(node.os.release in params.p)'"), "idle"),
    ] {
        assert_eq!(told(&learn(param, &asks, NODES, 0)), wanted, "{asks}");
    }
}

#[test]
fn nothing_is_learnt_from_what_fails_or_is_unknown() {
    let asks = "each = 'nodes'\nrequire = 'node.cpu.threads >= params.p'";
    let lesson = learn("type='int'\ndefault=6", asks, NODES, 0);
    assert_eq!(told(&lesson), "Fails: hv2");
    assert_eq!((lesson.refused[0].findings[0].message.as_str(), lesson.refused[0].more), ("M", 0));
    let unknown = r#""nodes":[{"name":"hv1","cpu":{"threads":8}},{"name":"hv2"}]"#;
    assert_eq!(told(&learn("type='int'\ndefault=6", asks, unknown, 0)), "Unknown: hv2");
    assert!(!learn("type='int'\ndefault=6", asks, unknown, 0).is_empty());
}

#[test]
fn room_is_left_on_the_way_back_to_the_value_in_force_and_never_beyond_it() {
    let asks = "each = 'nodes'\nrequire = 'node.cpu.threads >= params.p'";
    let room = |margin| told(&learn("type='int'\ndefault=2", asks, NODES, margin));
    assert_eq!(room(50), "at least 3 (hv2 +0)");
    assert_eq!((room(100), room(255)), ("met".to_owned(), "met".to_owned()));
    let duration = |seen, in_force, bound, percent| {
        let seen = ParamValue::Duration(seen);
        with_room(&seen, &ParamValue::Duration(in_force), bound, percent).to_toml()
    };
    assert_eq!(duration(3_000_000, 5_000_000_000, Bound::AtMost, 20), "\"1.1 s\"");
    assert_eq!(duration(3_000_000, 5_000_000_000, Bound::AtMost, 99), "\"5 s\"");
    assert_eq!(duration(30_000_000_000, 1_000_000_000, Bound::AtLeast, 10), "\"27 s\"");
    let size = with_room(&ParamValue::Size(7 << 30), &ParamValue::Size(1 << 30), Bound::AtLeast, 10);
    assert_eq!(size.to_toml(), "\"6528 MiB\"");
}

#[test]
fn values_are_written_as_they_are_read() {
    for (value, wanted) in [
        (ParamValue::Size(540_831_741_911), "\"540831741911 bytes\""),
        (ParamValue::Rate(1_234_567_891), "\"1234567891 bit/s\""),
        (ParamValue::Duration(3_217_001), "\"3.217001 ms\""),
        (ParamValue::Str("a\"b".to_owned()), "'a\"b'"),
        (ParamValue::List(ParamList(vec![ParamValue::Int(1), ParamValue::Bool(true)])), "[1, true]"),
    ] {
        assert_eq!(value.to_toml(), wanted);
    }
}

#[test]
fn judged_by_what_was_learnt_a_fixture_says_what_it_said_before() {
    let ruleset = Ruleset::load(&RuleSources { to_judge: true, ..RuleSources::default() }).expect("sound");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clusters");
    let (mut files, mut learnt) = (0, 0);
    for entry in std::fs::read_dir(folder).expect("there") {
        let path = entry.expect("listed").path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let mut document = Document::read(&path).unwrap_or_else(|error| panic!("{error}"));
        derive::complete_on(&mut document, Some(date(2026, 11, 20)));
        let mut selection = Selection::of_document(&document);
        let Ok(resolved) = ruleset.resolve(&selection) else { continue };
        files += 1;
        for margin in [0, 30] {
            let lesson = resolved.learn(&document, margin);
            learnt += lesson.proposals.len();
            // By way of the text, as a cluster.toml would have it.
            let block: String = lesson
                .proposals
                .iter()
                .map(|one| format!("{} = {}\n", one.param, one.value.to_toml()))
                .collect();
            selection.params = block_params(&block);
            let strict = ruleset.resolve(&selection).unwrap_or_else(|problems| panic!("{problems}"));
            let said = |resolved: &ResolvedRules<'_>| -> Vec<String> {
                let judgement = resolved.judge(&document, &[], date(2026, 11, 20));
                let told = judgement
                    .findings
                    .iter()
                    .map(|one| format!("{} {} {} {}", one.rule, one.status, one.subjects, one.subject));
                told.collect()
            };
            assert_eq!(said(&strict), said(&resolved), "{}", path.display());
            selection.params = Vec::new();
        }
        // What refuses is told with what it says.
        let lesson = resolved.learn(&document, 0);
        assert!(lesson.refused.iter().all(|one| one.reason == Reason::Together || !one.findings.is_empty()));
    }
    assert!(files > 10 && learnt > 100, "{files} files, {learnt} proposals");
}

fn block_params(block: &str) -> Vec<(Text, Item)> {
    let text = format!(
        "[cluster]\nname = 'c'\nplatform = 'generic'\n[[node]]\nname = 'n'\nprobe = 'none'\n[params]\n{block}"
    );
    let file = SourceFile::new("cluster.toml", text);
    crate::inventory::Inventory::parse(&file).unwrap_or_else(|problems| panic!("{problems}")).params
}
