//! A check held against a former report: what it fails on, what it lists, and every file that is no such report.

use crate::support::{Answer, Folder, fixture};
use serde_json::{Value, json};

const SELECT: &str = "node/same-architecture,node/same-os,node/same-cores";

/// A folder with a healthy cluster and `odd.json`, the same with one node of another architecture.
fn folder() -> Folder {
    let folder = Folder::new();
    let text = fixture("clusters/pacemaker-3-iscsi.json");
    folder.write("facts.json", &text);
    folder.write("odd.json", changed(&text, "/nodes/1/os/architecture", json!("aarch64")));
    folder
}

fn changed(text: &str, path: &str, value: Value) -> String {
    let mut facts: Value = serde_json::from_str(text).expect("JSON");
    *facts.pointer_mut(path).unwrap_or_else(|| panic!("{path} is not there")) = value;
    facts.to_string()
}

fn check(folder: &Folder, facts: &str, more: &[&str]) -> Answer {
    folder.run(&[&["check", facts, "--select", SELECT], more].concat())
}

fn report(folder: &Folder, facts: &str, to: &str) {
    check(folder, facts, &["--format", "json", "-o", to]);
}

#[test]
fn only_what_is_new_makes_the_check_fail() {
    let folder = folder();
    report(&folder, "odd.json", "then.json");
    let answer = check(&folder, "odd.json", &["--baseline", "then.json"]);
    assert!(answer.ends_with(0).out.contains("NOTHING-NEW"), "{}", answer.out);
    let worse = changed(&folder.read("odd.json"), "/nodes/2/os/id", json!("other"));
    folder.write("worse.json", worse);
    let answer = folder.quorate(&["check", "worse.json", "--select", SELECT, "--baseline", "then.json"]);
    let answer = answer.env("COLUMNS", "100").end();
    answer.ends_with(1);
    let rules = [(r"\d+ (pass|not applicable|selected|evaluated)", "[n] $1")];
    insta::with_settings!({ filters => rules }, {
        insta::assert_snapshot!("baseline-worse", answer.text());
    });
    let answer = check(&folder, "facts.json", &["--baseline", "then.json", "--format", "json"]);
    let told = answer.ends_with(0).json();
    assert_eq!(told["verdict"], "clean");
    assert_eq!(told["baseline"]["gone"][0]["now"], "fixed");
    assert_eq!(told["baseline"]["gone"][0]["rule"], "node/same-architecture");
}

#[test]
fn the_exit_code_is_the_same_in_every_format() {
    let folder = folder();
    report(&folder, "facts.json", "clean.json");
    report(&folder, "odd.json", "odd-report.json");
    for format in [
        "table",
        "json",
        "json-lines",
        "markdown",
        "html",
        "junit",
        "sarif",
        "github",
        "gitlab",
        "prometheus",
    ] {
        check(&folder, "odd.json", &["--baseline", "clean.json", "--format", format]).ends_with(1);
        check(&folder, "odd.json", &["--baseline", "odd-report.json", "--format", format]).ends_with(0);
    }
}

#[test]
fn what_can_no_longer_be_told_is_not_fixed() {
    let folder = folder();
    report(&folder, "odd.json", "then.json");
    let mut facts: Value = serde_json::from_str(&folder.read("odd.json")).expect("JSON");
    facts["nodes"][1]["os"].as_object_mut().expect("an object").remove("architecture");
    folder.write("lost.json", facts.to_string());
    let answer = check(&folder, "lost.json", &["--baseline", "then.json"]);
    assert!(answer.ends_with(3).out.contains("1 can no longer be told, 0"), "{}", answer.out);
    assert!(answer.out.contains("it was fail then, and can no longer be told"), "{}", answer.out);
}

#[test]
fn a_subject_that_is_gone_or_a_rule_that_was_not_checked_is_not_fixed() {
    let folder = folder();
    report(&folder, "odd.json", "then.json");
    let mut facts: Value = serde_json::from_str(&folder.read("odd.json")).expect("JSON");
    facts["nodes"].as_array_mut().expect("a list").remove(1);
    folder.write("fewer.json", facts.to_string());
    let gone = |answer: Answer| answer.json()["baseline"]["gone"][0]["now"].clone();
    let told = check(&folder, "fewer.json", &["--baseline", "then.json", "--format", "json"]);
    assert_eq!(gone(told), "subject-gone");
    let args =
        ["check", "facts.json", "--select", "node/same-os", "--baseline", "then.json", "--format", "json"];
    assert_eq!(gone(folder.run(&args)), "not-checked");
}

#[test]
fn what_is_no_baseline_says_what_it_is() {
    let folder = folder();
    report(&folder, "odd.json", "then.json");
    let whole = folder.read("then.json");
    let refused = |text: &str, words: &str| {
        folder.write("base.json", text);
        check(&folder, "facts.json", &["--baseline", "base.json"]).ends_with(2).complains(words);
    };
    refused("", "is empty");
    refused(&whole[..whole.len() / 2], "no JSON (line");
    refused("[]", "no report: it is JSON of another kind");
    refused("{}", "does not say `\"schema\"`");
    refused(&whole.replace("quorate-report/1", "quorate-report/2"), "a report of another version");
    refused(&folder.read("facts.json"), "a recording of facts");
    let other = |path: &str, value: Value| changed(&whole, path, value);
    refused(&other("/cluster/name", json!("other")), "cluster `other`");
    refused(&other("/cluster/profile", json!("wsfc")), "judged by profile `wsfc`");
    refused(&other("/coverage/run_complete", json!(false)), "did not come to its end");
    refused(&other("/verdict", json!("interrupted")), "did not come to its end");
    refused(&other("/verdict", json!("nothing-checked")), "nothing was checked");
    refused(&other("/findings", json!([])), "counts other findings");
    for (format, words) in [("json-lines", "JSON lines"), ("sarif", "SARIF"), ("table", "no JSON")] {
        check(&folder, "odd.json", &["--format", format, "-o", "base"]);
        check(&folder, "facts.json", &["--baseline", "base"]).ends_with(2).complains(words);
    }
    folder.write("cluster.toml", "[cluster]\n");
    check(&folder, "facts.json", &["--baseline", "cluster.toml"])
        .ends_with(2)
        .complains("a plan, not a report");
    check(&folder, "facts.json", &["--baseline", "absent.json"])
        .ends_with(2)
        .complains("absent.json cannot be read");
    check(&folder, "facts.json", &["--baseline", "."]).ends_with(2).complains("is a folder");
}

#[test]
fn a_baseline_of_another_cluster_is_refused_before_anybody_is_asked() {
    let folder = folder();
    report(&folder, "odd.json", "then.json");
    let plan =
        "[cluster]\nname='x'\nplatform='pacemaker'\n[[node]]\nname='a'\nprobe='ssh://nowhere.invalid'\n";
    folder.write("cluster.toml", plan);
    folder
        .run(&["check", "--baseline", "then.json"])
        .ends_with(2)
        .complains("this check is one of cluster `x`");
}

#[test]
fn a_waiver_that_names_no_rule_is_told_with_its_place() {
    let folder = folder();
    let plan = "[cluster]\nname='pg'\nplatform='pacemaker'\nrelease='15.6'\n[[node]]\nname='db1'\nprobe='none'\n\
        [[waive]]\nrule='node/same-architectrue'\nreason='r'\nowner='o'\nfrom='2026-01-01'\nuntil='2099-01-01'\n";
    folder.write("plan.toml", plan);
    let answer = check(&folder, "odd.json", &["--plan", "plan.toml"]);
    answer.ends_with(1).complains("plan.toml:9").complains("did you mean node/same-architecture?");
    assert!(answer.out.contains("there is no rule node/same-architectrue"), "{}", answer.out);
}
