//! The report from judgement to text: verdicts, grouping, widths, hostile input.

use super::*;
use crate::facts::{Document, Gap, GapReason, Node, Portal, ProbeKind, Target};
use crate::rule::{AppliedWaiver, Evidence, Finding, Judgement, Severity, Status};

pub(super) fn finding(rule: &str, status: Status, path: &str, message: &str) -> Finding {
    let subject = path.rsplit_once('[').map_or("cluster", |(_, key)| key.trim_end_matches(']'));
    Finding {
        rule: rule.into(),
        title: format!("Title of {rule}").into(),
        status,
        severity: Severity::Fail,
        subjects: 1,
        subject: subject.into(),
        path: path.into(),
        message: message.into(),
        why: "it breaks".into(),
        remedy: "mend it".into(),
        source: vec!["document".into()].into(),
        evidence: Vec::new(),
        provenance: Vec::new(),
        waiver: None,
        baseline: None,
        declared_at: None,
        rule_at: None,
    }
}

fn node(name: &str, reached: bool) -> Node {
    Node { name: name.into(), probe: Some(ProbeKind::Ssh), reached: Some(reached), ..Node::default() }
}

fn judgement(findings: Vec<Finding>) -> Judgement {
    let mut selected: Vec<String> = findings.iter().map(|finding| finding.rule.clone()).collect();
    selected.dedup();
    Judgement { findings, selected, profile: "generic".into(), overrides: Vec::new() }
}

pub(super) fn report(findings: Vec<Finding>) -> Report {
    let mut document = Document::empty();
    document.nodes = vec![node("hv1", true), node("hv2", true)];
    document.cluster.name = Some("prod".into());
    Report::new(&document, judgement(findings), FailOn::Fail, false)
}

fn verdict(statuses: &[Status], fail_on: FailOn) -> (Verdict, u8) {
    let findings = statuses.iter().map(|status| finding("a/b", *status, "nodes[hv1]", "m")).collect();
    let report = Report::new(&Document::empty(), judgement(findings), fail_on, false);
    (report.verdict, report.exit_code)
}

#[test]
fn the_exit_code_follows_the_worst() {
    use Status::{Fail, Info, NotApplicable, Pass, Unknown, Waived, Warn};
    assert_eq!(verdict(&[Pass, Info, Waived], FailOn::Fail), (Verdict::Clean, 0));
    assert_eq!(verdict(&[Pass, Warn], FailOn::Fail), (Verdict::Clean, 0));
    assert_eq!(verdict(&[Pass, Warn], FailOn::Warn), (Verdict::Findings, 1));
    assert_eq!(verdict(&[Pass, Warn, Unknown], FailOn::Fail), (Verdict::Incomplete, 3));
    assert_eq!(verdict(&[Pass, Unknown], FailOn::Warn), (Verdict::Incomplete, 3));
    assert_eq!(verdict(&[Pass, Unknown], FailOn::Unknown), (Verdict::Findings, 1));
    assert_eq!(verdict(&[Unknown, Fail], FailOn::Fail), (Verdict::Findings, 1));
    assert_eq!(verdict(&[NotApplicable], FailOn::Fail), (Verdict::NothingChecked, 4));
    assert_eq!(verdict(&[], FailOn::Fail), (Verdict::NothingChecked, 4));
    let interrupted =
        Report::new(&Document::empty(), judgement(vec![finding("a/b", Fail, "", "m")]), FailOn::Fail, true);
    assert_eq!((interrupted.verdict, interrupted.exit_code), (Verdict::Interrupted, 130));
}

#[test]
fn a_rule_that_says_nothing_is_unknown() {
    let mut silent = judgement(vec![finding("a/b", Status::Pass, "nodes[hv1]", "m")]);
    silent.selected.push("a/silent".into());
    let report = Report::new(&Document::empty(), silent, FailOn::Fail, false);
    assert_eq!((report.coverage.rules.unknown, report.exit_code), (1, 3));
    assert!(!report.coverage.complete);
}

#[test]
fn a_node_or_target_that_did_not_answer_is_never_clean() {
    let mut document = Document::empty();
    document.nodes = vec![node("hv1", true), node("hv2", false)];
    document.nodes.push(Node { name: "hv3".into(), probe: Some(ProbeKind::None), ..Node::default() });
    document.gaps.push(Gap {
        path: "nodes[hv2]".into(),
        reason: Some(GapReason::Unreachable),
        detail: Some("connection refused".into()),
    });
    document.targets.push(Target {
        name: "iqn.a:b".into(),
        portals: Some(vec![Portal {
            address: "10.0.0.1:3260".into(),
            planned: Some(true),
            error: Some("no route to host".into()),
            ..Portal::default()
        }]),
        ..Target::default()
    });
    let pass = || judgement(vec![finding("a/b", Status::Pass, "nodes[hv1]", "m")]);
    let report = Report::new(&document, pass(), FailOn::Fail, false);
    assert_eq!(report.exit_code, 3);
    let nodes = &report.coverage.nodes;
    assert_eq!((nodes.total, nodes.reached, nodes.declared), (3, 1, 1));
    assert_eq!(nodes.not_reached[0].reason, "unreachable: connection refused");
    assert_eq!(report.coverage.targets.not_reached[0].reason, "no route to host");
    assert_eq!(report.coverage.portals.not_reached[0].name, "10.0.0.1:3260 of iqn.a:b");

    document.nodes.remove(1);
    document.targets.clear();
    assert_eq!(Report::new(&document, pass(), FailOn::Fail, false).exit_code, 0);
    document.run.complete = Some(false);
    assert_eq!(
        Report::new(&document, pass(), FailOn::Fail, false).exit_code,
        3,
        "a recording of a broken run"
    );
}

#[test]
fn rules_count_once_and_add_up() {
    let report = report(vec![
        finding("a/mixed", Status::Pass, "nodes[hv1]", "m"),
        finding("a/mixed", Status::Unknown, "nodes[hv2]", "m"),
        finding("a/fine", Status::Pass, "nodes[hv1]", "m"),
        finding("a/fine", Status::Waived, "nodes[hv2]", "m"),
        finding("a/waived", Status::Waived, "nodes[hv2]", "m"),
        finding("a/not", Status::NotApplicable, "", "m"),
    ]);
    let rules = &report.coverage.rules;
    assert_eq!(
        (rules.selected, rules.evaluated, rules.unknown, rules.waived, rules.not_applicable),
        (4, 1, 1, 1, 1)
    );
}

#[test]
fn json_is_read_back() {
    let report = report(vec![finding("a/b", Status::Fail, "nodes[hv1]", "odd \u{1b}[2J \u{202e} \u{9b}")]);
    let text = report.to_json();
    assert!(!text.contains(|c| c != '\n' && is_hostile(c)), "{text}");
    assert_eq!(Report::from_json(&text).expect("our own"), report);
    assert!(matches!(Report::from_json(r#"{"schema":"quorate-report/2"}"#), Err(ReportError::Schema(_))));
    assert_eq!(report_json_schema()["properties"]["schema"]["const"], REPORT_SCHEMA);
}

fn look(width: u16) -> Look {
    Look { width, ..Look::PLAIN }
}

fn mixed() -> Report {
    let mut findings = vec![
        finding(
            "node/same-kernel",
            Status::Fail,
            "nodes[hv2]",
            "hv2 has 6.1.0-13; the other 15 have 6.1.0-18",
        ),
        finding("witness/size", Status::Warn, "", "the witness has 600 MiB, 1 GiB advised"),
    ];
    findings.push(Finding {
        subjects: 4,
        subject: "4 nodes".into(),
        ..finding("network/redundant-paths", Status::Pass, "nodes", "it holds")
    });
    for n in 1..=12 {
        let status = Status::Fail;
        let name = format!("hv{n}");
        findings.push(finding(
            "network/redundant-paths",
            status,
            &format!("nodes[{name}]"),
            &format!("{name} has one cluster network, 2 wanted"),
        ));
    }
    for rule in ["node/firmware", "node/serial", "node/bios"] {
        for node in ["hv3", "hv4"] {
            let path = format!("nodes[{node}]");
            let mut unknown = finding(rule, Status::Unknown, &path, "its firmware is not known");
            unknown.evidence.push(Evidence {
                path: format!("{path}.firmware.version"),
                value: None,
                missing: Some("permission-denied: needs root".into()),
            });
            findings.push(unknown);
        }
    }
    let mut waived = finding("network/mtu", Status::Waived, "networks[san]", "san runs MTU 1500");
    waived.waiver = Some(AppliedWaiver {
        owner: "anna".into(),
        reason: "switch is replaced in May".into(),
        from: None,
        until: "2027-05-31".into(),
        instead_of: Status::Warn,
    });
    findings.push(waived);
    report(findings)
}

#[test]
fn equal_findings_are_told_once() {
    insta::assert_snapshot!("table-80", to_table(&mixed(), look(80)));
}

#[test]
fn verbose_shows_what_holds_and_why() {
    insta::assert_snapshot!("table-verbose-120", to_table(&mixed(), Look { verbose: 1, ..look(120) }));
}

#[test]
fn it_folds_at_every_width() {
    let report = mixed();
    for width in [20, 33, 55, 56, 80, 100, 200] {
        let text = to_table(&report, look(width));
        for line in text.lines() {
            assert!(line.chars().count() <= usize::from(width), "{width}: {line}");
            assert_eq!(line, line.trim_end(), "no space at the end of a line");
        }
        assert!(text.contains("FAIL") && text.contains("UNKNOWN") && text.contains("FINDINGS"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }
    insta::assert_snapshot!("table-24", to_table(&report, look(24)));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let report = mixed();
    let colour = to_table(&report, Look { colour: true, ..look(80) });
    assert!(colour.contains("\u{1b}["));
    let plain = regex::Regex::new("\u{1b}\\[[0-9;]*m").expect("valid").replace_all(&colour, "").into_owned();
    let trim = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trim(&plain), trim(&to_table(&report, look(80))));
}

#[test]
fn hostile_text_stays_text() {
    let mut report = report(vec![finding(
        "a/b",
        Status::Fail,
        "nodes[hv1]",
        "build \u{1b}[2J\u{1b}]0;owned\u{7}\nPASS  everything \u{202e}enif si",
    )]);
    report.cluster.name = Some("\u{1b}[31mred".into());
    report
        .coverage
        .nodes
        .not_reached
        .push(NotReached { name: "x".into(), reason: "a\nVerdict CLEAN\r".into() });
    let text = to_table(&report, look(80));
    assert!(!text.contains(|c| c != '\n' && is_hostile(c)), "{text}");
    assert!(
        !text.lines().any(|line| line.starts_with("PASS") || line.starts_with("Verdict CLEAN")),
        "{text}"
    );
}

#[test]
fn something_left_on_a_lun_counts_before_everything() {
    let conformance = |residue: Option<Vec<String>>, asked| crate::facts::Conformance {
        asked: Some(asked),
        residue,
        ..crate::facts::Conformance::default()
    };
    let of = |conformance, interrupted| {
        let lun = crate::facts::Lun { name: "data".into(), conformance, ..crate::facts::Lun::default() };
        let mut document = Document::empty();
        document.targets.push(Target { name: "iqn.a:b".into(), luns: Some(vec![lun]), ..Target::default() });
        let judged = judgement(vec![finding("a/b", Status::Fail, "nodes[hv1]", "m")]);
        Report::new(&document, judged, FailOn::Fail, interrupted)
    };
    let left = || Some(vec!["key 0x7175000000000101".to_owned()]);
    for interrupted in [false, true] {
        let report = of(conformance(left(), true), interrupted);
        assert_eq!((report.verdict, report.exit_code), (Verdict::LeftOnLun, 5));
        assert!(report.reason.contains("may be left on data"), "{}", report.reason);
        let again = Report::from_json(&report.to_json()).expect("it is read back");
        assert_eq!(again, report);
        assert!(to_table(&report, look(80)).contains("0x7175000000000101"));
    }
    assert_eq!(of(conformance(Some(Vec::new()), true), false).exit_code, 1);
    assert_eq!(of(conformance(None, false), false).tested, []);
}
