//! The report as GitLab's Code Quality report: a JSON list, each finding on the line of the plan, else of the rule.

use super::json::to_json;
use super::model::Report;
use super::text::printable;
use super::words::{PLAN, details, fingerprint, headline, is_open, place};
use crate::rule::{Finding, Line, Status};
use serde::Serialize;
use std::collections::HashMap;

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
    content: Content,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

#[derive(Serialize)]
struct Content {
    body: String,
}

/// The report as JSON for `artifacts:reports:codequality`, with a line end.
pub fn to_gitlab(report: &Report) -> String {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut issues: Vec<Issue> = report
        .findings
        .iter()
        .filter(|finding| is_open(finding.status))
        .map(|finding| issue(finding, &mut seen))
        .collect();
    if report.exit_code() != super::ExitCode::Clean {
        issues.insert(0, verdict(report));
    }
    let mut text = to_json(&issues);
    text.push('\n');
    text
}

fn issue(finding: &Finding, seen: &mut HashMap<String, usize>) -> Issue {
    // Two findings of one rule and subject would be taken for one.
    let fingerprint = fingerprint(finding);
    let count = seen.entry(fingerprint.clone()).and_modify(|count| *count += 1).or_insert(0);
    let fingerprint = if *count == 0 { fingerprint } else { format!("{fingerprint}-{count}") };
    Issue {
        description: match finding.baseline.as_ref().filter(|one| one.since.is_known()) {
            Some(_) => format!("{} (in the baseline too): {}", finding.status, headline(finding)),
            None => format!("{}: {}", finding.status, headline(finding)),
        },
        check_name: printable(&finding.rule).into_owned(),
        fingerprint,
        severity: match finding.status {
            Status::Fail => "critical",
            Status::Unknown => "major",
            Status::Warn => "minor",
            _ => "info",
        },
        location: location(place(finding)),
        content: Content { body: details(finding).join("\n\n") },
    }
}

fn verdict(report: &Report) -> Issue {
    Issue {
        description: format!("{}: {}", report.verdict.word(), printable(&report.reason)),
        check_name: "verdict".to_owned(),
        fingerprint: "quorate-verdict".to_owned(),
        severity: "blocker",
        location: location(
            report.findings.iter().find_map(|finding| finding.declared_at.as_ref()).unwrap_or(&PLAN),
        ),
        content: Content { body: format!("exit code {}", report.exit_code) },
    }
}

fn location(at: &Line) -> Location {
    Location { path: printable(&at.file).into_owned(), lines: Lines { begin: at.line } }
}
