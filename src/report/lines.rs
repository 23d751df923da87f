//! The report as JSON lines: a head, one line for each finding, and an end that says how many there were, so that a file
//! that was cut off can be told from a whole one.

use super::json::push_line;
use super::model::Report;
use crate::rule::Finding;
use serde::Serialize;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Record<'a> {
    Finding {
        #[serde(flatten)]
        finding: &'a Finding,
    },
    End {
        findings: usize,
        verdict: super::Verdict,
        exit_code: u8,
    },
}

/// The report as JSON lines. The first has `"type":"report"` and all of `quorate-report/1` but the findings, those that follow
/// have `"type":"finding"`, the last has `"type":"end"`.
pub fn to_json_lines(report: &Report) -> String {
    let mut head = serde_json::to_value(report.without_findings()).unwrap_or_default();
    if let Some(head) = head.as_object_mut() {
        head.remove("findings");
        head.insert("type".to_owned(), "report".into());
    }
    let mut out = Vec::new();
    push_line(&mut out, &head);
    for finding in &report.findings {
        push_line(&mut out, &Record::Finding { finding });
    }
    push_line(
        &mut out,
        &Record::End {
            findings: report.findings.len(),
            verdict: report.verdict,
            exit_code: report.exit_code,
        },
    );
    String::from_utf8(out).expect("JSON is UTF-8")
}
