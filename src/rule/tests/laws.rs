//! Laws that hold for every rule: less knowledge never makes a rule pass.

use super::*;
use crate::rule::example::{ElementVerdict, overall, remove};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

/// Rules over small nodes, one for each verb and a few ways to write conditions.
const RULES: [&str; 11] = [
    "each = 'nodes'\nrequire = 'node.os.build == \"1\" || node.cpu.cores > 1'\nmessage = 'm'",
    "each = 'nodes'\nwhen = 'node.os.id == \"a\"'\nrequire = 'node.cpu.cores > 1'\nmessage = 'm'",
    "each = 'nodes.nics'\nwhen = 'node.os.id == \"a\"'\nrequire = 'nic.link_up && nic.mtu == 1'\nmessage = 'm'",
    "require = 'nodes.exists(n, n.nics.all(i, i.link_up))'\nmessage = 'm'",
    "require = 'nodes.filter(n, n.cpu.cores > 1).map(n, n.os.build).distinct().size() <= 1'\nmessage = 'm'",
    "each = 'nodes'\nsame = 'node.os.build'",
    "each = 'nodes.nics'\nsame = 'nic.mtu'\nper = 'nic.driver'",
    "each = 'nodes'\nsame = 'node.cpu.cores'\ntolerance = '1'",
    "each = 'nodes'\nunique = 'node.os.build'\nper = 'node.os.id'",
    "each = 'nodes'\nsubset = 'node.updates'\nof = 'node.features'",
    "each = 'nodes'\ncount = 'node.nics.filter(n, n.link_up)'\nmin = '1'\nmax = 'node.cpu.cores'",
];

/// Facts that those rules read.
const FACTS: [&str; 9] = [
    "nodes.os.build",
    "nodes.os.id",
    "nodes.cpu.cores",
    "nodes.nics",
    "nodes.nics.link_up",
    "nodes.nics.mtu",
    "nodes.nics.driver",
    "nodes.updates",
    "nodes.features",
];

fn word() -> impl Strategy<Value = Json> {
    prop_oneof![Just(json!("1")), Just(json!("2")), Just(json!("a")), Just(Json::Null)]
}

fn words() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        proptest::collection::vec(prop_oneof![Just("a"), Just("b")], 0..3).prop_map(|words| json!(words))
    ]
}

fn nic(at: usize) -> impl Strategy<Value = Json> {
    let up = prop_oneof![Just(json!(true)), Just(json!(false)), Just(Json::Null)];
    let mtu = prop_oneof![Just(json!(1)), Just(json!(2)), Just(Json::Null)];
    (up, mtu, word()).prop_map(move |(link_up, mtu, driver)| {
        json!({ "name": format!("e{at}"), "link_up": link_up, "mtu": mtu, "driver": driver })
    })
}

fn node(at: usize) -> impl Strategy<Value = Json> {
    let nics = prop_oneof![
        1 => Just(Json::Null),
        4 => (0..3_usize).prop_flat_map(|count| (0..count).map(nic).collect::<Vec<_>>()).prop_map(Json::Array),
    ];
    let cores = prop_oneof![Just(json!(0)), Just(json!(1)), Just(json!(2)), Just(json!(4)), Just(Json::Null)];
    (word(), word(), cores, nics, words(), words()).prop_map(
        move |(build, id, cores, nics, updates, features)| {
            json!({
                "name": format!("n{at}"), "os": { "build": build, "id": id }, "cpu": { "cores": cores },
                "nics": nics, "updates": updates, "features": features,
            })
        },
    )
}

fn cluster() -> impl Strategy<Value = Json> {
    (0..5_usize)
        .prop_flat_map(|count| (0..count).map(node).collect::<Vec<_>>())
        .prop_map(|nodes| json!({ "schema": "quorate/1", "nodes": nodes }))
}

/// The same without one fact of one node, or of all.
fn poorer(full: &Json, fact: &str, of: usize) -> Json {
    let mut all = full.clone();
    remove(&mut all, fact);
    let Some(poor) = all.pointer(&format!("/nodes/{of}")) else { return all };
    let mut one = full.clone();
    one["nodes"][of] = poor.clone();
    one
}

fn verdicts(ruleset: &Ruleset, json: &Json) -> Vec<ElementVerdict> {
    let document =
        Document::parse(json.to_string().as_bytes(), "facts").unwrap_or_else(|e| panic!("{e}\n{json}"));
    let rule = &ruleset.rules()[0];
    example::verdicts(rule, &document, &[])
}

/// What is unknown or fails with all facts must not pass with fewer.
fn check_poorer(ruleset: &Ruleset, rule: &str, full: &Json, poor: &Json) -> Result<(), TestCaseError> {
    let (before, after) = (verdicts(ruleset, full), verdicts(ruleset, poor));
    if overall(&after) == Status::Pass {
        prop_assert!(overall(&before) == Status::Pass, "{rule}\n{full}\n{poor}\n{before:?}\n{after:?}");
    }
    // Where elements are judged by themselves, the same holds for each of them.
    if rule.contains("same =") || rule.contains("unique =") {
        return Ok(());
    }
    for verdict in after.iter().filter(|verdict| verdict.status == Status::Pass) {
        let full = before.iter().find(|other| other.path == verdict.path);
        prop_assert!(
            full.is_some_and(|full| full.status == Status::Pass),
            "{rule}\n{full:?}\n{verdict:?}\n{poor}"
        );
    }
    Ok(())
}

thread_local! {
    static RULESETS: Vec<Ruleset> = RULES.into_iter().map(one).collect();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn less_knowledge_never_makes_a_rule_pass(full in cluster(), fact in 0..FACTS.len(), of in 0..8_usize) {
        let poor = poorer(&full, FACTS[fact], of);
        RULESETS.with(|rulesets| {
            RULES.into_iter().zip(rulesets).try_for_each(|(rule, ruleset)| check_poorer(ruleset, rule, &full, &poor))
        })?;
    }
}

/// Values that a fact could as well have.
fn other_values(value: &Json) -> Vec<Json> {
    match value {
        Json::Bool(_) => vec![json!(true), json!(false)],
        Json::Number(number) => {
            let number = number.as_i64().unwrap_or(0);
            vec![
                json!(0),
                json!(1),
                json!(number.saturating_add(1)),
                json!(number.saturating_mul(1000).max(1)),
            ]
        }
        Json::String(_) => vec![json!(""), json!("another-0")],
        Json::Array(elements) => vec![json!([]), json!(elements.iter().take(1).collect::<Vec<_>>())],
        _ => Vec::new(),
    }
}

/// Every place of a document that a path of types leads to, as a JSON pointer.
fn places(json: &Json, path: &str, at: &str, out: &mut Vec<String>) {
    let (name, below) = path.split_once('.').map_or((path, None), |(name, below)| (name, Some(below)));
    let Some(value) = json.get(name) else { return };
    let here = format!("{at}/{name}");
    match (below, value) {
        (None, _) => out.push(here),
        (Some(below), Json::Array(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                places(element, below, &format!("{here}/{index}"), out);
            }
        }
        (Some(below), inner) => places(inner, below, &here, out),
    }
}

/// A rule that passes although a fact is missing says that the fact does not matter: then it must pass for every value
/// of it. This finds rules that take missing for fine.
#[test]
fn no_shipped_rule_takes_missing_for_fine() {
    let ruleset = Ruleset::load(&RuleSources::default()).unwrap_or_else(|problems| panic!("{problems}"));
    let mut wrong: Vec<String> = Vec::new();
    let (mut tried, mut compared) = (0, 0);
    for rule in ruleset.rules() {
        for example in rule.examples.iter().filter(|example| example.verdict == ExampleVerdict::Pass) {
            let (document, settings) =
                ruleset.example_input(example).unwrap_or_else(|problems| panic!("{problems}"));
            let full = serde_json::to_value(&document).expect("facts are JSON");
            let judge = |json: &Json| {
                let document = Document::parse(json.to_string().as_bytes(), "facts").ok()?;
                Some(overall(&example::verdicts(rule, &document, &settings)))
            };
            let mut at = Vec::new();
            for path in rule.reads() {
                // The fact itself, and every list on the way to it.
                let ways = path.match_indices('.').map(|(end, _)| &path[..end]).chain([path.as_str()]);
                ways.for_each(|way| places(&full, way, "", &mut at));
            }
            at.sort();
            at.dedup();
            for pointer in at {
                let (parent, name) = pointer.rsplit_once('/').expect("a pointer has a slash");
                // The number of a link is the key of its list: that it is missing cannot be said.
                if name == "link" && parent.contains("/addresses/") {
                    continue;
                }
                let mut poor = full.clone();
                let Some(Json::Object(fields)) = poor.pointer_mut(parent) else { continue };
                let Some(old) = fields.remove(name) else { continue };
                tried += 1;
                if judge(&poor) != Some(Status::Pass) {
                    continue;
                }
                for value in other_values(&old) {
                    let mut other = full.clone();
                    if let Some(place) = other.pointer_mut(&pointer) {
                        *place = value.clone();
                    }
                    compared += 1;
                    if let Some(status @ (Status::Fail | Status::Warn | Status::Info)) = judge(&other) {
                        wrong.push(format!(
                            "{}: {} passes without {pointer}, but says `{status}` for {value}",
                            example.span.place(),
                            rule.id
                        ));
                    }
                }
            }
        }
    }
    assert!(tried > 200 && compared > 20, "{tried} facts, {compared} values");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
