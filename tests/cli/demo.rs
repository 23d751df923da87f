//! `quorate demo`: works anywhere, keeps what was changed, and shows a fault.

use crate::support::{Answer, Folder};
use quorate::report::Report;

/// Free ports, so that demonstrations can run side by side.
fn demo(folder: &Folder, more: &[&str]) -> Answer {
    folder.run(&[["demo", "--format", "json"].as_slice(), more].concat())
}

fn verdicts(answer: &Answer, rule: &str) -> Vec<String> {
    let report = Report::from_json(&answer.out).unwrap_or_else(|error| panic!("{error}: {}", answer.text()));
    let findings = report.findings.into_iter().filter(|finding| finding.rule == rule);
    findings.map(|finding| format!("{}: {}", finding.subject, finding.status)).collect()
}

#[test]
fn it_works_in_an_empty_folder_and_keeps_what_is_changed() {
    let folder = Folder::new();
    let answer = demo(&folder, &[]);
    answer.ends_with(0).complains("Wrote quorate-demo/cluster.toml");
    let report = Report::from_json(&answer.out).expect("a report");
    assert_eq!((report.coverage.nodes.total, report.coverage.nodes.reached), (3, 3), "{}", answer.text());
    assert_eq!((report.coverage.targets.reached, report.coverage.portals.reached), (1, 2));
    assert!(report.summary.pass > 5 * (report.summary.fail + report.summary.warn), "{:?}", report.summary);
    assert!(verdicts(&answer, "node/same-kernel").contains(&"hv3: warn".to_owned()));
    assert!(verdicts(&answer, "iscsi/login-at-start").iter().any(|said| said.ends_with("hv3: fail")));

    let plan = folder.read("quorate-demo/cluster.toml").replace("name = \"demo\"", "name = \"mine\"");
    folder.write("quorate-demo/cluster.toml", &plan);
    let answer = demo(&folder, &[]);
    answer.ends_with(0).complains("Using quorate-demo/cluster.toml as it is");
    assert_eq!(Report::from_json(&answer.out).expect("a report").cluster.name.as_deref(), Some("mine"));
    assert_eq!(folder.read("quorate-demo/cluster.toml"), plan);

    folder.write("quorate-demo/cluster.toml", plan.replace("role = \"witness\"", "role = \"wittness\""));
    demo(&folder, &[]).ends_with(2).complains("did you mean `witness`");
    folder.write("quorate-demo/cluster.toml", plan.replace("127.0.0.1:", "192.0.2.1:"));
    demo(&folder, &[]).ends_with(2).complains("it runs on this machine only");
}

#[test]
fn faults_show() {
    let folder = Folder::new();
    let clean = demo(&folder, &["--dir", "a"]);
    let said = |rule: &str, fault: &str| {
        let folder = Folder::new();
        let answer = demo(&folder, &["--fault", fault]);
        answer.ends_with(0).complains(&format!("Fault {fault}"));
        (verdicts(&clean, rule), verdicts(&answer, rule))
    };
    for (fault, rule, verdict) in [
        ("witness-too-small", "witness/size-minimum", "fail"),
        ("no-persistent-reservations", "reservation/supported", "fail"),
        ("identity-differs-per-portal", "reservation/same-identity-per-portal", "fail"),
        ("read-only", "iscsi/lun-writable", "fail"),
        ("duplicate-identity", "reservation/unique-identity", "fail"),
    ] {
        let (without, with) = said(rule, fault);
        let has = |all: &[String]| all.iter().any(|said| said.ends_with(verdict));
        assert!(has(&with) && !has(&without), "{fault}: {without:?} {with:?}");
    }
}

#[test]
fn faults_are_listed_and_near_names_known() {
    let folder = Folder::new();
    let list = folder.run(&["demo", "--list-faults", "--format", "json"]).ends_with(0).json();
    assert!(list.as_array().is_some_and(|all| all.len() > 20));
    assert!(folder.run(&["demo", "--list-faults"]).ends_with(0).out.contains("witness-too-small"));
    assert!(!folder.file("quorate-demo").exists());
    folder
        .run(&["demo", "--fault", "witnes-too-small"])
        .ends_with(2)
        .complains("did you mean `witness-too-small`");
    folder.write("file", "");
    folder.run(&["demo", "--dir", "file/x"]).ends_with(2).complains("cannot be made");
}
