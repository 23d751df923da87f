//! The report as workflow commands of GitHub Actions: annotations on the very line of the plan that declares what is
//! wrong, else on no line.

use super::model::{Report, Tone};
use super::text::printable;
use super::words::{details, headline, is_open};
use crate::rule::{Finding, Status};

/// The report as workflow commands, one a line; then the verdict.
pub fn to_github(report: &Report) -> String {
    let mut out = String::new();
    // What the baseline has is no news on a pull request; the last line counts it.
    let news = |finding: &&Finding| finding.baseline.as_ref().is_none_or(|one| !one.since.is_known());
    for finding in report.findings.iter().filter(|finding| is_open(finding.status)).filter(news) {
        let command = match finding.status {
            Status::Fail => "error",
            Status::Info => "notice",
            _ => "warning",
        };
        let mut properties = Vec::new();
        if let Some(at) = &finding.declared_at {
            properties.push(format!("file={}", property(&at.file)));
            properties.push(format!("line={}", at.line));
        }
        properties.push(format!("title={}", property(&format!("{} {}", finding.status, finding.rule))));
        let body: Vec<String> = std::iter::once(headline(finding)).chain(details(finding)).collect();
        push(&mut out, command, &properties, &body.join("\n"));
    }
    let mut words =
        format!("{}: {} (exit code {})", report.verdict.word(), printable(&report.reason), report.exit_code);
    if let Some(compared) = &report.baseline {
        let summary = format!("Held against {}: {}", compared.name(), compared.summary());
        words.push('\n');
        words.push_str(&printable(&summary));
    }
    let command = match report.verdict.tone() {
        Tone::Good => "notice",
        Tone::Bad => "error",
        Tone::Open => "warning",
    };
    push(&mut out, command, &["title=quorate".to_owned()], &words);
    out
}

fn push(out: &mut String, command: &str, properties: &[String], message: &str) {
    out.push_str(&format!("::{command} {}::{}\n", properties.join(","), data(message)));
}

/// The message of a command: a line end would end it, and what follows might be a command of a stranger.
fn data(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find(['%', '\r', '\n']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'%' => "%25",
            b'\r' => "%0D",
            _ => "%0A",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out
}

/// A property of a command.
fn property(text: &str) -> String {
    data(&printable(text)).replace(':', "%3A").replace(',', "%2C")
}
