//! SARIF held against its JSON schema, JUnit against the elements that Jenkins' schema knows, metrics against the text format.

use super::{empty, everything_hostile, of_all_kinds};
use crate::report::{to_gitlab, to_junit, to_prometheus, to_sarif};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

/// Holds a value against a schema of JSON Schema draft-07, with the keywords that SARIF's schema uses; any other is a panic, so
/// that nothing is left unchecked unseen.
fn check(value: &Value, schema: &Value, root: &Value, at: &str, wrong: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else {
        assert_eq!(schema, &Value::Bool(true), "a schema is an object");
        return;
    };
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        let pointer = target.strip_prefix('#').expect("a place in this schema");
        check(value, root.pointer(pointer).expect("it is there"), root, at, wrong);
    }
    let fits = |schema: &Value| {
        let mut wrong = Vec::new();
        check(value, schema, root, at, &mut wrong);
        wrong.is_empty()
    };
    for (keyword, want) in schema {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "$id" | "description" | "default" | "definitions" | "$ref" | "format" => {
                true
            }
            "type" => match want.as_str().expect("one type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("type {other}"),
            },
            "enum" => want.as_array().expect("a list").contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= want.as_f64().expect("a number")),
            "maximum" => value.as_f64().is_none_or(|number| number <= want.as_f64().expect("a number")),
            "minItems" => {
                value.as_array().is_none_or(|list| list.len() as u64 >= want.as_u64().expect("a number"))
            }
            "uniqueItems" => value.as_array().is_none_or(|list| {
                want == &Value::Bool(false)
                    || list.iter().enumerate().all(|(at, one)| !list[..at].contains(one))
            }),
            "pattern" => value.as_str().is_none_or(|text| {
                regex::Regex::new(want.as_str().expect("a pattern")).expect("sound").is_match(text)
            }),
            "required" => value.as_object().is_none_or(|object| {
                want.as_array()
                    .expect("a list")
                    .iter()
                    .all(|name| object.contains_key(name.as_str().expect("a name")))
            }),
            "anyOf" => want.as_array().expect("a list").iter().any(fits),
            "oneOf" => want.as_array().expect("a list").iter().filter(|schema| fits(schema)).count() == 1,
            "properties" => {
                for (name, schema) in want.as_object().expect("an object") {
                    if let Some(value) = value.get(name) {
                        check(value, schema, root, &format!("{at}/{name}"), wrong);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                let others = value.as_object().into_iter().flatten();
                for (name, value) in
                    others.filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)))
                {
                    if want == &Value::Bool(false) {
                        wrong.push(format!("{at} has {name}"));
                    } else {
                        check(value, want, root, &format!("{at}/{name}"), wrong);
                    }
                }
                true
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(value, want, root, &format!("{at}/{index}"), wrong);
                }
                true
            }
            other => panic!("the keyword {other} is not known here"),
        };
        if !holds {
            wrong.push(format!("{at}: {keyword} {want}, and it is {value}"));
        }
    }
}

fn mistakes(sarif: &Value) -> Vec<String> {
    let schema = include_str!("../../../fixtures/schemas/sarif-2.1.0.json");
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    let mut wrong = Vec::new();
    check(sarif, &schema, &schema, "", &mut wrong);
    wrong
}

#[test]
fn sarif_keeps_to_its_schema() {
    for report in [of_all_kinds(), everything_hostile(), empty()] {
        let sarif: Value = serde_json::from_str(&to_sarif(&report)).expect("JSON");
        assert_eq!(mistakes(&sarif), Vec::<String>::new());
    }
}

#[test]
fn the_schema_finds_what_is_wrong() {
    let sound: Value = serde_json::from_str(&to_sarif(&of_all_kinds())).expect("JSON");
    let spoilt: [fn(&mut Value); 5] = [
        |sarif| sarif["version"] = "2.0".into(),
        |sarif| sarif["runs"][0]["results"][0]["level"] = "bad".into(),
        |sarif| sarif["runs"][0]["results"][0]["message"] = serde_json::json!({}),
        |sarif| sarif["runs"][0]["results"][0]["hv1"] = true.into(),
        |sarif| sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"] = 7.into(),
    ];
    for spoil in spoilt {
        let mut sarif = sound.clone();
        spoil(&mut sarif);
        assert!(!mistakes(&sarif).is_empty(), "{sarif}");
    }
}

/// The elements of `junit-10.xsd` of Jenkins' xUnit plugin that a report may hold: name, attributes (`!` marks those that must be
/// there), elements in it, and whether it holds text.
const JUNIT: [(&str, &[&str], &[&str], bool); 9] = [
    ("testsuites", &["name", "time", "tests", "failures", "errors"], &["testsuite"], false),
    (
        "testsuite",
        &[
            "!name",
            "!tests",
            "!failures",
            "!errors",
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
        ],
        &["testsuite", "properties", "testcase", "system-out", "system-err"],
        false,
    ),
    (
        "testcase",
        &["!name", "time", "classname", "group"],
        &["skipped", "error", "failure", "system-out", "system-err"],
        false,
    ),
    ("properties", &[], &["property"], false),
    ("property", &["!name", "!value"], &[], false),
    ("failure", &["type", "message"], &[], true),
    ("error", &["type", "message"], &[], true),
    ("skipped", &["type", "message"], &[], true),
    ("system-out", &[], &[], true),
];

#[test]
fn junit_keeps_to_the_schema_of_jenkins() {
    for report in [of_all_kinds(), everything_hostile(), empty()] {
        let text = to_junit(&report);
        // What XML 1.0 can hold (its section 2.2).
        let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(legal), "{text:?}");
        let mut reader = Reader::from_str(&text);
        let mut open: Vec<String> = Vec::new();
        loop {
            match reader.read_event().expect("well-formed") {
                Event::Start(tag) => open.push(element(&tag, &open)),
                Event::Empty(tag) => drop(element(&tag, &open)),
                Event::End(_) => drop(open.pop().expect("it was opened")),
                Event::Text(text) => {
                    let blank = text.trim().is_empty();
                    let holds = open.last().is_some_and(|name| known(name).3);
                    assert!(blank || holds, "text in {open:?}");
                }
                Event::Decl(_) | Event::GeneralRef(_) => {}
                Event::Eof => break,
                other => panic!("{other:?} is nothing that a report holds"),
            }
        }
        assert!(open.is_empty());
    }
}

fn known(name: &str) -> (&'static str, &'static [&'static str], &'static [&'static str], bool) {
    *JUNIT.iter().find(|known| known.0 == name).unwrap_or_else(|| panic!("there is no <{name}>"))
}

/// Holds an element against what may stand there; gives its name.
fn element(tag: &BytesStart<'_>, open: &[String]) -> String {
    let name: String = tag.name().as_ref().into();
    match open.last() {
        Some(parent) => assert!(known(parent).2.contains(&name.as_str()), "<{name}> in <{parent}>"),
        None => assert_eq!(name, "testsuites"),
    }
    let allowed = known(&name).1;
    let has: Vec<String> = tag.attributes().map(|one| one.expect("sound").key.as_ref().into()).collect();
    for one in &has {
        assert!(allowed.iter().any(|known| known.trim_start_matches('!') == one), "<{name} {one}>");
    }
    for must in allowed.iter().filter_map(|known| known.strip_prefix('!')) {
        assert!(has.iter().any(|one| one == must), "<{name}> lacks {must}");
    }
    name
}

#[test]
fn code_quality_has_what_gitlab_reads() {
    for report in [of_all_kinds(), everything_hostile(), empty()] {
        let issues: Value = serde_json::from_str(&to_gitlab(&report)).expect("JSON");
        for issue in issues.as_array().expect("a list") {
            for text in ["/description", "/check_name", "/fingerprint", "/severity", "/location/path"] {
                let text = issue.pointer(text).and_then(Value::as_str);
                assert!(text.is_some_and(|text| !text.is_empty()), "{issue}");
            }
            assert!(issue["location"]["path"].as_str().is_some_and(|path| !path.starts_with("./")));
            assert!(issue["location"]["lines"]["begin"].is_u64(), "{issue}");
        }
    }
}

#[test]
fn metrics_are_grouped_each_with_help_and_type() {
    let name = regex::Regex::new("^[a-zA-Z_:][a-zA-Z0-9_:]*$").expect("sound");
    for report in [of_all_kinds(), everything_hostile(), empty()] {
        let text = to_prometheus(&report);
        let mut done: Vec<&str> = Vec::new();
        let mut lines = text.lines().peekable();
        while let Some(help) = lines.next() {
            let (metric, words) =
                help.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).expect("HELP");
            assert!(name.is_match(metric) && !words.is_empty() && !words.contains('\\'), "{help}");
            assert_eq!(lines.next(), Some(format!("# TYPE {metric} gauge").as_str()));
            assert!(!done.contains(&metric), "{metric} stands in one place");
            done.push(metric);
            while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
                assert!(sample.starts_with(&format!("{metric}{{")), "{sample}");
                assert!(
                    sample.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok()),
                    "{sample}"
                );
            }
        }
        assert!(done.len() > 5, "{done:?}");
    }
}
