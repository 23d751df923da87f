//! Two runs compared: recordings, reports, one of each, and what cannot be compared.

use crate::support::{Folder, fixture};
use serde_json::Value;

fn folder() -> Folder {
    let folder = Folder::new();
    let text = fixture("clusters/pacemaker-3-iscsi.json");
    folder.write("before.json", &text);
    let mut facts: Value = serde_json::from_str(&text).expect("JSON");
    facts["nodes"][1]["os"]["architecture"] = "aarch64".into();
    facts["nodes"][2]["cpu"].as_object_mut().expect("an object").remove("cores");
    facts["links"][0]["round_trip_us"] = 777.into();
    folder.write("after.json", facts.to_string());
    folder
}

#[test]
fn facts_and_verdicts_that_changed_are_told_with_their_cause() {
    let folder = folder();
    let answer = folder.quorate(&["diff", "before.json", "after.json"]).env("COLUMNS", "100").end();
    insta::assert_snapshot!("diff-recordings", answer.ends_with(1).text());
    for width in ["20", "40", "80", "200"] {
        let answer = folder.quorate(&["diff", "before.json", "after.json"]).env("COLUMNS", width).end();
        let most = width.parse().expect("a number");
        assert!(answer.ends_with(1).out.lines().all(|line| line.chars().count() <= most), "{}", answer.out);
    }
    let told = folder.run(&["diff", "before.json", "after.json", "--format", "json"]).ends_with(1).json();
    assert_eq!(told["schema"], "quorate-diff/1");
    let change = &told["verdicts"][0];
    assert_eq!((&change["before"], &change["after"]), (&"pass".into(), &"fail".into()));
    assert_eq!(change["because"][0], "nodes[db2].os.architecture");
}

#[test]
fn the_same_is_the_same() {
    let folder = folder();
    let answer = folder.run(&["diff", "before.json", "before.json"]);
    assert!(answer.ends_with(0).out.contains("No fact changed."), "{}", answer.out);
    // Times differ from run to run.
    let mut facts: Value = serde_json::from_str(&folder.read("before.json")).expect("JSON");
    facts["links"][0]["round_trip_us"] = 42.into();
    folder.write("later.json", facts.to_string());
    let answer = folder.run(&["diff", "before.json", "later.json"]);
    assert!(answer.ends_with(0).out.contains("1 measured time differs"), "{}", answer.out);
}

#[test]
fn reports_are_compared_by_their_verdicts() {
    let folder = folder();
    for name in ["before", "after"] {
        let (facts, to) = (format!("{name}.json"), format!("{name}-report.json"));
        folder.run(&["check", &facts, "--format", "json", "-o", &to]);
    }
    let answer = folder.run(&["diff", "before-report.json", "after-report.json"]).ends_with(1).out.clone();
    assert!(answer.contains("Reports hold verdicts and no facts"), "{answer}");
    assert!(answer.contains("→ FAIL") && !answer.contains("Because"), "{answer}");
    let mixed =
        folder.run(&["diff", "before.json", "after-report.json", "--format", "json"]).ends_with(1).json();
    assert_eq!(mixed["before"]["kind"], "recording");
    assert_eq!(mixed["after"]["kind"], "report");
    assert!(mixed.get("facts").is_none(), "facts that cannot be compared are not told to be the same");
    folder.run(&["diff", "before.json", "before-report.json"]).ends_with(0);
}

#[test]
fn what_cannot_be_compared_says_what_it_is() {
    let folder = folder();
    folder.write("cluster.toml", "[cluster]\n");
    folder.run(&["diff", "before.json", "cluster.toml"]).ends_with(2).complains("a plan, not a report");
    folder.run(&["diff", "before.json", "absent.json"]).ends_with(2).complains("absent.json cannot be read");
    folder.write("cut.json", &folder.read("before.json")[..200]);
    folder.run(&["diff", "cut.json", "before.json"]).ends_with(2).complains("cut.json is no JSON");
    folder.write("odd.json", r#"{"schema":"quorate/1","nodse":[]}"#);
    folder.run(&["diff", "odd.json", "before.json"]).ends_with(2).complains("there is no such field");
    folder.write("other.json", r#"{"schema":"quorate/1","cluster":{"name":"other","platform":"generic"}}"#);
    let answer = folder.run(&["diff", "before.json", "other.json"]);
    assert!(answer.ends_with(1).out.contains("of different clusters: pg and other"), "{}", answer.out);
}
