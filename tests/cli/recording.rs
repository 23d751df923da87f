//! Judging recordings: the report as people see it, as JSON, exit codes, and that it does not change.

use crate::support::{Folder, fixture};
use quorate::report::Report;

fn healthy() -> Folder {
    let folder = Folder::new();
    folder.write("facts.json", fixture("clusters/pacemaker-3-iscsi.json"));
    folder
}

#[test]
fn a_recording_is_judged() {
    let folder = healthy();
    let answer = folder.quorate(&["check", "facts.json"]).env("COLUMNS", "100").end();
    // How many rules there are is no promise of the report.
    let rules = [(r"\d+ (pass|not applicable|selected|evaluated)", "[n] $1")];
    insta::with_settings!({ filters => rules }, {
        insta::assert_snapshot!("recording-healthy", answer.text());
    });
    let json = folder.run(&["check", "facts.json", "--format", "json"]);
    let report = Report::from_json(&json.out).expect("a report");
    assert_eq!(Some(i32::from(report.exit_code)), json.code);
    assert_eq!(json.code, answer.code);
    assert_eq!(json.json()["schema"], "quorate-report/1");
    let again = folder.run(&["check", "facts.json", "--format", "json"]);
    assert_eq!(again.out, json.out, "the same facts give the same report");
    let text = folder.read("facts.json");
    let piped = folder.quorate(&["check", "-", "--format", "json"]).stdin(text).end();
    assert_eq!(piped.out, json.out);
}

#[test]
fn an_odd_node_is_named_and_the_check_fails() {
    let folder = healthy();
    let mut facts: serde_json::Value = serde_json::from_str(&folder.read("facts.json")).expect("JSON");
    facts["nodes"][1]["os"]["architecture"] = "aarch64".into();
    folder.write("facts.json", facts.to_string());
    let answer = folder.run(&["check", "facts.json", "--select", "node/same-architecture"]);
    insta::assert_snapshot!("recording-odd-node", answer.text());
    let name = facts["nodes"][1]["name"].as_str().expect("a name");
    let json = folder.run(&["check", "facts.json", "--select", "node/same-architecture", "--format", "json"]);
    let report = json.ends_with(1).json();
    assert_eq!(report["verdict"], "findings");
    assert_eq!(report["findings"][0]["subject"], name);
    assert_eq!(report["summary"]["fail"], 1);
}

#[test]
fn what_is_missing_is_never_clean() {
    let folder = healthy();
    let mut facts: serde_json::Value = serde_json::from_str(&folder.read("facts.json")).expect("JSON");
    facts["nodes"][0]["os"].as_object_mut().expect("an object").remove("architecture");
    folder.write("facts.json", facts.to_string());
    let select = ["check", "facts.json", "--select", "node/same-architecture"];
    assert!(folder.run(&select).ends_with(3).out.contains("INCOMPLETE"));
    folder.quorate(&select).env("QUORATE_FAIL_ON", "unknown").end().ends_with(1);
    facts["nodes"][0]["reached"] = false.into();
    folder.write("facts.json", facts.to_string());
    let json = folder.run(&["check", "facts.json", "--select", "witness", "--format", "json"]).json();
    assert_eq!(json["coverage"]["nodes"]["not_reached"][0]["name"], facts["nodes"][0]["name"]);
    assert_ne!(json["exit_code"], 0);
}

#[test]
fn nothing_checked_is_said_and_ends_with_4() {
    let folder = Folder::new();
    folder.write("facts.json", r#"{"schema":"quorate/1","cluster":{"platform":"generic"}}"#);
    let answer = folder.run(&["check", "facts.json", "--select", "witness/sbd-raw"]);
    assert!(answer.ends_with(4).out.contains("NOTHING-CHECKED"), "{}", answer.out);
    folder
        .run(&["check", "facts.json", "--select", "witness/sbd-rwa"])
        .ends_with(2)
        .complains("witness/sbd-raw");
    folder
        .run(&["check", "facts.json", "--profile", "generik"])
        .ends_with(2)
        .complains("did you mean `generic`");
}

#[test]
fn an_empty_document_is_not_clean() {
    let folder = Folder::new();
    folder.write("facts.json", r#"{"schema":"quorate/1","cluster":{"platform":"generic"}}"#);
    let code = folder.run(&["check", "facts.json"]).code;
    assert!(matches!(code, Some(1 | 3 | 4)), "{code:?}");
}

#[test]
fn a_plan_beside_the_recording_sets_limits_severities_and_waivers() {
    let folder = Folder::new();
    let facts = r#"{"schema":"quorate/1","cluster":{"platform":"generic"},"run":{"complete":true,
        "started":"2026-05-01T00:00:00Z"},"nodes":[
        {"name":"a","os":{"architecture":"x86_64"}},{"name":"b","os":{"architecture":"x86_64"}},
        {"name":"c","os":{"architecture":"aarch64"}}]}"#;
    folder.write("facts.json", facts);
    let plan = |more: &str| {
        format!("[cluster]\nname='x'\nplatform='generic'\n[[node]]\nname='a'\nprobe='none'\n{more}")
    };
    let check = |more: &str| {
        folder.write("plan.toml", plan(more));
        let args = ["check", "facts.json", "--plan", "plan.toml", "--select", "node/same-architecture"];
        folder.run(&args)
    };
    check("").ends_with(1);
    check("[severity]\n'node/same-architecture' = 'warn'\n").ends_with(0);
    let waive = "[[waive]]\nrule='node/same-architecture'\nsubject='c'\nreason='spare'\nowner='anna'\nuntil='2026-05-01'\n";
    let answer = check(waive);
    assert!(answer.ends_with(0).out.contains("Waived by anna until 2026-05-01"), "{}", answer.out);
    let answer = check(&waive.replace("2026-05-01", "2026-04-30"));
    assert!(answer.ends_with(1).out.contains("waiver/expired"), "{}", answer.out);
    folder.write("plan.toml", plan("[param]\nx = 1\n"));
    folder
        .run(&["check", "facts.json", "--plan", "plan.toml"])
        .ends_with(2)
        .complains("did you mean `params`");
}

#[test]
fn a_plan_alone_is_judged_without_contacting_anything() {
    let folder = Folder::new();
    folder.write(
        "plan.toml",
        "[cluster]\nname='x'\nplatform='generic'\n[[node]]\nname='a'\nprobe='ssh://nowhere.invalid'\n",
    );
    let answer = folder.run(&["check", "--plan", "plan.toml", "--select", "node/same-architecture"]);
    assert!(matches!(answer.code, Some(3 | 4)), "{}", answer.text());
    assert!(answer.out.contains("only the plan was read"), "{}", answer.out);
}
