//! Every format, read back by what reads it, with hostile words and with nothing at all.

use super::tests::{finding, report};
use super::*;
use crate::rule::{AppliedWaiver, Evidence, Finding, Line, Status};
use Status::{Fail, Info, NotApplicable, Pass, Unknown, Waived, Warn};
use quick_junit::NonSuccessKind;

mod page;
mod schema;

/// What a host might say to be taken for something else by what reads the report.
const HOSTILE: &str = "</td><script>alert(1)</script> ]]> \u{1b}[31m\u{9b}2J\0\n::error::x%0A\r\n::stop-commands::x\u{2028}::error::y | `a` @all \
     [x](http://y) \"q\" 'p' \\ <!-- &amp; \u{202e}\u{200f}\u{fffe}\u{1ffff}\u{e0041} {{ 7 * 7 }} {% raw %}";

fn of_all_kinds() -> Report {
    let mut findings = vec![
        finding("a/fails", Fail, "nodes[hv1]", "hv1 lacks it"),
        finding("a/fails", Fail, "nodes[hv2]", HOSTILE),
        finding("a/unknown", Unknown, "nodes[hv2]", ""),
        finding("a/warns", Warn, "nodes[hv1].nics[eth0]", "eth0 is slow"),
        finding("a/notes", Info, "", "worth knowing"),
        finding("a/waived", Waived, "nodes[hv1]", "hv1 is odd"),
        finding("a/holds", Pass, "nodes[hv1]", "it holds"),
        finding("a/idle", NotApplicable, "", "there are no x"),
    ];
    findings[0].declared_at = Some(Line { file: "plans/a b.toml".into(), line: 7 });
    findings[1].rule_at = Some(Line { file: "rules/a.toml".into(), line: 3 });
    findings[2].evidence = vec![Evidence {
        path: "nodes[hv2].cpu".into(),
        value: None,
        missing: Some("unreachable: no route".into()),
    }];
    findings[5].waiver = Some(AppliedWaiver {
        owner: "Ada".into(),
        reason: "spare | part".into(),
        from: None,
        until: "2027-01-31".into(),
        instead_of: Fail,
    });
    report(findings)
}

/// A report in which every text that comes from a host, a file or a rule is hostile, and one name is very long.
fn everything_hostile() -> Report {
    let long = "n".repeat(20_000);
    let mut findings: Vec<Finding> = Vec::new();
    for (at, status) in Status::ALL.into_iter().enumerate() {
        let text = || format!("{HOSTILE}{at}");
        let evidence =
            |value: Option<String>| Evidence { path: text(), missing: value.is_none().then(text), value };
        findings.push(Finding {
            title: text().into(),
            subject: if at == 0 { format!("{HOSTILE}{long}") } else { text() },
            message: text(),
            why: text().into(),
            remedy: text().into(),
            source: vec![text()].into(),
            evidence: vec![evidence(None), evidence(Some(text()))],
            provenance: vec![text()],
            waiver: (status == Waived).then(|| AppliedWaiver {
                owner: text(),
                from: None,
                reason: text(),
                until: text(),
                instead_of: Fail,
            }),
            declared_at: (at % 2 == 0).then(|| Line { file: text(), line: 3 }),
            rule_at: Some(Line { file: text(), line: 4 }),
            ..finding(&text(), status, &format!("nodes[{HOSTILE}]"), "")
        });
    }
    let mut report = report(findings);
    report.cluster.name = Some(HOSTILE.into());
    report.cluster.platform = Some(HOSTILE.into());
    report.cluster.release = Some(HOSTILE.into());
    report.cluster.profile = HOSTILE.into();
    report.gathered = Some(HOSTILE.into());
    report.reason = HOSTILE.into();
    report.coverage.nodes.not_reached.push(NotReached { name: HOSTILE.into(), reason: HOSTILE.into() });
    report
}

fn empty() -> Report {
    report(Vec::<Finding>::new())
}

#[test]
fn junit_is_read_back_with_a_case_for_each_subject() {
    let document: quick_junit::Report =
        quick_junit::Report::deserialize_from_str(&to_junit(&of_all_kinds())).expect("JUnit");
    let cases: Vec<_> = document.test_suites.iter().flat_map(|suite| &suite.test_cases).collect();
    let of = |wanted: NonSuccessKind| {
        let is = |case: &&&quick_junit::TestCase| matches!(&case.status, quick_junit::TestCaseStatus::NonSuccess { kind, .. } if *kind == wanted);
        cases.iter().filter(is).count()
    };
    // Two subjects fail, and so does the verdict; what is not known is an error.
    assert_eq!((of(NonSuccessKind::Failure), of(NonSuccessKind::Error)), (3, 1));
    assert_eq!(document.test_suites[0].name.as_str(), "verdict");
    assert_eq!(cases.len(), 9);

    let nothing = quick_junit::Report::deserialize_from_str(&to_junit(&empty())).expect("JUnit");
    assert_eq!((nothing.tests, nothing.errors), (1, 1), "nothing checked is not green");
}

#[test]
fn warnings_fail_where_they_are_to() {
    let mut report = of_all_kinds();
    report.fail_on = FailOn::Warn;
    let document = quick_junit::Report::deserialize_from_str(&to_junit(&report)).expect("JUnit");
    assert_eq!(document.failures, 4);
}

#[test]
fn sarif_is_read_back_with_lines_and_fingerprints_that_stay() {
    let text = to_sarif(&of_all_kinds());
    let sarif: serde_sarif::sarif::Sarif = serde_json::from_str(&text).expect("SARIF");
    let results = sarif.runs[0].results.as_ref().expect("results");
    assert_eq!(results.len(), 6, "what holds is no result");
    let place = |at: usize| {
        let place = results[at].locations.as_ref()?.first()?.physical_location.as_ref()?;
        let artifact = place.artifact_location.as_ref()?;
        Some((artifact.uri.clone()?, artifact.uri_base_id.clone(), place.region.as_ref()?.start_line?))
    };
    assert_eq!(place(0), Some(("plans/a%20b.toml".into(), None, 7)));
    assert_eq!(place(1), Some(("rules/a.toml".into(), Some("QUORATE".into()), 3)));
    let waived = results.iter().find(|result| result.rule_id.as_deref() == Some("a/waived")).expect("there");
    assert_eq!(waived.suppressions.as_ref().map(Vec::len), Some(1));
    let prints = |text: &str| -> Vec<String> {
        let sarif: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let results = sarif["runs"][0]["results"].as_array().expect("list").clone();
        results.iter().map(|one| one["partialFingerprints"]["quorate/v1"].to_string()).collect()
    };
    let mut later = of_all_kinds();
    for finding in &mut later.findings {
        finding.message.push_str(", a little worse");
        finding.declared_at = None;
    }
    assert_eq!(prints(&text), prints(&to_sarif(&later)), "other words and lines are the same finding");
    let run = &serde_json::from_str::<serde_json::Value>(&to_sarif(&empty())).expect("JSON")["runs"][0];
    assert_eq!(run["invocations"][0]["exitCode"], 4);
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn annotations_are_one_line_each_and_say_nothing_that_a_host_wants_said() {
    let text = to_github(&of_all_kinds());
    let commands: Vec<&str> = text.lines().collect();
    assert_eq!(commands.len(), 6, "{text}");
    assert!(
        commands[1]
            .starts_with("::error file=plans/a b.toml,line=7,title=fail a/fails::hv1 lacks it%0AWhy: ")
    );
    assert!(commands.iter().all(|line| line.starts_with("::error ")
        || line.starts_with("::warning ")
        || line.starts_with("::notice ")));
    assert!(commands[2].contains("%250A"), "a host's own escapes are escaped: {}", commands[2]);
    assert!(commands[0].contains("findings: 2 failures (exit code 1)"));
    assert_eq!(to_github(&empty()).lines().count(), 1);
}

#[test]
fn the_ten_annotations_that_are_shown_are_the_worst_and_say_nothing_twice() {
    let at = |line: usize| Some(Line { file: "cluster.toml".into(), line });
    let mut findings = vec![finding("a/notes", Info, "", "worth knowing")];
    for node in 0..40 {
        let path = format!("nodes[hv{node}]");
        let missing = |what: &str| Evidence {
            path: format!("nodes[hv{node}].{what}"),
            value: None,
            missing: Some("not-declared".into()),
        };
        findings.push(Finding {
            evidence: vec![missing("cpu")],
            declared_at: at(node + 10),
            ..finding("a/unknown", Unknown, &path, "")
        });
        findings
            .push(Finding { evidence: vec![missing("memory")], ..finding("b/unknown", Unknown, &path, "") });
        findings.push(finding("a/warns", Warn, &path, &format!("hv{node} is slow")));
        // Those of the first three stand in lines of their own.
        let declared_at = (node < 3).then(|| at(node + 10)).flatten();
        findings
            .push(Finding { declared_at, ..finding("a/fails", Fail, &path, &format!("hv{node} lacks it")) });
    }
    let text = to_github(&report(findings));
    let commands: Vec<&str> = text.lines().collect();
    assert_eq!(commands.len(), 8, "{text}");
    assert!(commands[0].starts_with("::error title=quorate::findings: 40 failures"), "{}", commands[0]);
    for (node, command) in commands[1..4].iter().enumerate() {
        let expected = format!(
            "::error file=cluster.toml,line={},title=fail a/fails::hv{node} lacks it%0AWhy: ",
            node + 10
        );
        assert!(command.starts_with(&expected), "{command}");
    }
    assert!(commands[4].starts_with("::error title=fail a/fails::hv3 lacks it%0Ahv4 lacks it%0A"), "{text}");
    assert!(commands[4].contains("hv14 lacks it%0Aand 25 more%0AWhy: "), "{}", commands[4]);
    assert!(
        commands[5].starts_with("::warning file=cluster.toml,line=10,title=unknown%3A 2 rules::hv0, "),
        "{text}"
    );
    assert!(commands[5].contains("2 rules cannot be judged: a/unknown, b/unknown"), "{}", commands[5]);
    assert!(commands[6].starts_with("::warning title=warn a/warns::hv0 is slow%0A"), "{}", commands[6]);
    assert!(commands[7].starts_with("::notice title=info a/notes::"), "{}", commands[7]);
}

#[test]
fn code_quality_has_a_fingerprint_of_its_own_for_each() {
    let issues: serde_json::Value = serde_json::from_str(&to_gitlab(&of_all_kinds())).expect("JSON");
    let issues = issues.as_array().expect("a list");
    let mut prints: Vec<&str> = issues.iter().filter_map(|issue| issue["fingerprint"].as_str()).collect();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!((issues.len(), prints.len()), (6, 6));
    let severities = ["blocker", "critical", "major", "minor", "info"];
    for issue in issues {
        assert!(severities.contains(&issue["severity"].as_str().expect("text")));
        assert!(issue["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0), "{issue}");
        assert!(!issue["description"].as_str().expect("text").is_empty());
    }
    assert_ne!(to_gitlab(&empty()).trim(), "[]", "nothing checked is not an empty list");
}

#[test]
fn markdown_keeps_a_hosts_words_from_being_more_than_words() {
    let text = to_markdown(&of_all_kinds());
    assert!(text.starts_with("## quorate: prod\n\n❌ **FINDINGS**: 2 failures (exit code 1)\n"), "{text}");
    let unescaped = text.replace("\\]", "").replace("\\[", "");
    for never in ["<script", "](", " @all", "\u{1b}", "\u{202e}"] {
        assert!(!unescaped.contains(never), "{never}: {text}");
    }
    // A row stays a row: the bars of a table are those of the table.
    for row in text.lines().filter(|line| line.starts_with("| **") || line.starts_with("|  |")) {
        let bars = row.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 4, "{row}");
    }
    assert!(to_markdown(&empty()).contains("❔ **NOTHING CHECKED**"));
}

/// The elements of a page, with their attributes.
fn elements(page: &str) -> Vec<(String, Vec<(String, String)>)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut out = Vec::new();
    for token in html5gum::Tokenizer::new(page) {
        let Ok(token) = token;
        if let html5gum::Token::StartTag(tag) = token {
            let attributes = tag.attributes.iter().map(|(name, value)| (text(name), text(value))).collect();
            out.push((text(&tag.name), attributes));
        }
    }
    out
}

#[test]
fn a_page_holds_no_script_and_asks_nobody_for_anything() {
    let mut report = of_all_kinds();
    report.cluster.name = Some(HOSTILE.into());
    report.coverage.nodes.not_reached.push(NotReached { name: HOSTILE.into(), reason: HOSTILE.into() });
    let drawn = report.drawn.get_or_insert_default();
    drawn.nodes = vec![DrawnNode { name: "hv1".into(), ..DrawnNode::default() }; 2];
    drawn.nodes[1].name = HOSTILE.into();
    drawn.networks.push(DrawnNetwork {
        name: HOSTILE.into(),
        taps: vec![None, Some(Tap::default())],
        portals: vec![DrawnPortal { address: HOSTILE.into(), login: Some(false), worst: None }],
        ..DrawnNetwork::default()
    });
    drawn.differences.push(Difference {
        fact: HOSTILE.into(),
        values: vec![Some(HOSTILE.into()), None],
        majority: None,
    });
    let page = to_html(&report);
    let elements = elements(&page);
    for (name, attributes) in &elements {
        assert!(
            !["script", "iframe", "object", "embed", "link", "img", "form"].contains(&name.as_str()),
            "<{name}>"
        );
        for (attribute, value) in attributes {
            assert!(!attribute.starts_with("on") && attribute != "src", "<{name} {attribute}>");
            assert!(attribute != "href" || value.starts_with('#'), "<{name} {attribute}={value}>");
        }
    }
    let one = |wanted: &str| elements.iter().filter(|(name, _)| name == wanted).count() == 1;
    assert!(one("h1") && one("main") && one("svg"), "{page}");
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
    assert!(page.contains("findings") && page.contains("(exit code 1)") && page.contains("✗ missing"));
    let nothing = to_html(&empty());
    assert!(nothing.contains("nothing checked") && nothing.contains("Nothing was found."), "{nothing}");
}

#[test]
fn every_place_that_a_page_links_to_is_there() {
    let page = to_html(&of_all_kinds());
    let elements = elements(&page);
    let all = |wanted: &'static str| {
        let attributes = elements.iter().flat_map(|(_, attributes)| attributes);
        attributes.filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_str())
    };
    let ids: Vec<&str> = all("id").collect();
    for link in all("href")
        .map(|link| link.trim_start_matches('#'))
        .chain(all("aria-labelledby").flat_map(|ids| ids.split(' ')))
    {
        assert_eq!(ids.iter().filter(|id| **id == link).count(), 1, "{link}");
    }
}

#[test]
fn metrics_have_the_text_format() {
    let sample =
        regex::Regex::new(r#"^quorate_[a-z_]+\{([a-z_]+="([^"\\]|\\.)*",?)+\} -?\d+$"#).expect("sound");
    for report in [of_all_kinds(), empty()] {
        let text = to_prometheus(&report);
        assert!(text.ends_with('\n'));
        let mut series = Vec::new();
        for line in text.lines() {
            if !line.starts_with("# ") {
                assert!(sample.is_match(line), "{line}");
                series.push(line.rsplit_once(' ').expect("a value").0);
            }
        }
        let all = series.len();
        series.sort_unstable();
        series.dedup();
        assert_eq!(series.len(), all, "a series stands once");
    }
    assert!(
        to_prometheus(&empty()).contains("quorate_verdict{cluster=\"prod\",verdict=\"nothing-checked\"} 1\n")
    );
}

#[test]
fn json_lines_tell_a_whole_file_from_a_cut_one() {
    let text = to_json_lines(&of_all_kinds());
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["type"], "report");
    assert!(lines[0].get("findings").is_none());
    assert!(lines[1..lines.len() - 1].iter().all(|line| line["type"] == "finding"));
    let end = &lines[lines.len() - 1];
    assert_eq!((end["type"].as_str(), end["findings"].as_u64()), (Some("end"), Some(8)));
    let back: Finding = serde_json::from_value(lines[1].clone()).expect("a finding");
    assert_eq!(back, of_all_kinds().findings[0]);
}

#[test]
fn words_are_the_same_everywhere() {
    let report = of_all_kinds();
    let message = "hv1 lacks it";
    for text in [
        to_junit(&report),
        to_sarif(&report),
        to_github(&report),
        to_gitlab(&report),
        to_markdown(&report),
        to_json_lines(&report),
    ] {
        assert!(text.contains(message), "{text}");
        assert!(text.contains("mend it"), "{text}");
        assert!(text.contains("a/fails"), "{text}");
    }
}

#[test]
fn nothing_hostile_gets_through_in_any_format() {
    let report = everything_hostile();
    let look = Look { verbose: 1, explain: true, ..Look::PLAIN };
    let all = [
        ("table", to_table(&report, look)),
        ("narrow", to_table(&report, Look { width: 20, ..look })),
        ("json", report.to_json()),
        ("json-lines", to_json_lines(&report)),
        ("markdown", to_markdown(&report)),
        ("html", to_html(&report)),
        ("junit", to_junit(&report)),
        ("sarif", to_sarif(&report)),
        ("github", to_github(&report)),
        ("gitlab", to_gitlab(&report)),
        ("prometheus", to_prometheus(&report)),
    ];
    let mut wrong: Vec<String> = Vec::new();
    for (format, text) in &all {
        if let Some((at, _)) = text.char_indices().find(|(_, c)| *c != '\n' && is_hostile(*c)) {
            wrong.push(format!("{format}: {:?}", text[at..].chars().take(40).collect::<String>()));
        }
        if !text.ends_with('\n') {
            wrong.push(format!("{format} does not end with a line end"));
        }
        // A runner reads commands out of whatever is printed.
        let commands = text.lines().filter(|line| line.trim_start().starts_with("::")).count();
        let own = if *format == "github" { report.findings.len() - 3 + 1 } else { 0 };
        if commands != own {
            wrong.push(format!("{format} has {commands} commands, not {own}"));
        }
        if ["markdown", "html", "junit"].contains(format) && text.contains("<script>") {
            wrong.push(format!("{format} has an element of a host"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(all[5].1.contains("{{ 7 * 7 }} {% raw %}"), "a template in a host's words is not run");
    let samples = all[10].1.lines().filter(|line| !line.starts_with('#'));
    let sound = regex::Regex::new(
        r#"^quorate_[a-z_]+\{[a-z_]+="([^"\\]|\\[\\"n])*"(,[a-z_]+="([^"\\]|\\[\\"n])*")*\} -?\d+$"#,
    );
    let sound = sound.expect("sound");
    for sample in samples {
        assert!(sound.is_match(sample), "{sample}");
    }
    assert_eq!(Report::from_json(&all[2].1).expect("it is read back"), report);
}
