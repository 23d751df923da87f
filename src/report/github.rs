//! The report as workflow commands of GitHub Actions: annotations on the very line of the plan that declares what is
//! wrong, else on no line.
//!
//! GitHub shows the first ten of a step and kind and drops the others without a word. So the verdict comes first, then the worst;
//! what is said of several subjects is said once for each line of the plan, and what is unknown once for each cause.

use super::group::{Block, blocks_of};
use super::model::{Report, Tone};
use super::text::{count, printable};
use super::words::{details, distinct, foremost, headline, is_open, names, provenance};
use crate::rule::{Finding, Line, Status};
use std::collections::HashMap;

/// How much of the same is said in one annotation before the rest is only counted.
const MOST: usize = 12;

/// The report as workflow commands, one a line: the verdict, then what is open, the worst first.
pub fn to_github(report: &Report) -> String {
    let mut out = String::new();
    verdict(&mut out, report);
    // What the baseline has is no news on a pull request; the verdict counts it.
    let news = |finding: &Finding| finding.baseline.as_ref().is_none_or(|one| !one.since.is_known());
    for status in Status::ALL.into_iter().filter(|status| is_open(*status)) {
        for block in blocks_of(&report.findings, status, &news) {
            if status == Status::Unknown {
                unknown(&mut out, &block);
                continue;
            }
            for line in &block.lines {
                for findings in by_place(&line.findings) {
                    found(&mut out, &findings);
                }
            }
        }
    }
    out
}

fn verdict(out: &mut String, report: &Report) {
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
    push(out, command, None, "quorate", &words);
}

/// The same of several subjects, at one place.
fn found(out: &mut String, findings: &[&Finding]) {
    let [first, rest @ ..] = findings else { return };
    let mut body = headlines(findings);
    if rest.is_empty() {
        body.extend(details(first));
    } else {
        body.extend(details(&Finding { provenance: Vec::new(), ..(*first).clone() }));
        body.extend(from(findings));
    }
    let title = format!("{} {}", first.status, first.rule);
    push(out, command(first.status), first.declared_at.as_ref(), &title, &body.join("\n"));
}

/// All that is unknown for one cause.
fn unknown(out: &mut String, block: &Block<'_>) {
    let Some(line) = block.lines.first() else { return };
    if let [_] = line.findings.as_slice() {
        found(out, &line.findings);
        return;
    }
    let subjects = names(&line.subjects, MOST, printable);
    let mut body = vec![format!("{subjects}: {}", printable(&line.message))];
    let rules = names(&block.rules, MOST, printable);
    let title = match block.rules.as_slice() {
        [rule] => {
            body.push(format!("Why: {}", printable(block.why)));
            body.push(format!("Rule: {rule}"));
            format!("{} {rule}", block.status)
        }
        several => {
            body.push(format!("{} cannot be judged: {rules}", count(several.len(), "rules")));
            format!("{}: {}", block.status, count(several.len(), "rules"))
        }
    };
    if !block.remedy.is_empty() {
        body.insert(1, format!("Fix: {}", printable(&block.remedy)));
    }
    body.extend(from(&line.findings));
    let at = line.findings.iter().find_map(|finding| finding.declared_at.as_ref());
    push(out, command(block.status), at, &title, &body.join("\n"));
}

/// The findings at each place, in their order.
fn by_place<'a>(findings: &[&'a Finding]) -> Vec<Vec<&'a Finding>> {
    let mut out: Vec<Vec<&Finding>> = Vec::new();
    let mut index: HashMap<Option<(&str, usize)>, usize> = HashMap::new();
    for &finding in findings {
        let place = finding.declared_at.as_ref().map(|at| (at.file.as_str(), at.line));
        let at = *index.entry(place).or_insert(out.len());
        match out.get_mut(at) {
            Some(here) => here.push(finding),
            None => out.push(vec![finding]),
        }
    }
    out
}

/// What is said of each, as far as there is room.
fn headlines(findings: &[&Finding]) -> Vec<String> {
    let all: Vec<String> = findings.iter().map(|finding| headline(finding)).collect();
    let all = distinct(all.iter().map(String::as_str));
    let (shown, more) = foremost(&all, MOST);
    let mut out: Vec<String> = shown.iter().map(|&text| text.to_owned()).collect();
    if more > 0 {
        out.push(format!("and {more} more"));
    }
    out
}

/// Where the facts come from that the findings rest on.
fn from(findings: &[&Finding]) -> Option<String> {
    let all = provenance(findings.iter().copied());
    (!all.is_empty()).then(|| format!("From: {}", names(&all, MOST, printable)))
}

const fn command(status: Status) -> &'static str {
    match status {
        Status::Fail => "error",
        Status::Info => "notice",
        _ => "warning",
    }
}

fn push(out: &mut String, command: &str, at: Option<&Line>, title: &str, message: &str) {
    let place = at.map_or_else(String::new, |at| format!("file={},line={},", property(&at.file), at.line));
    out.push_str(&format!("::{command} {place}title={}::{}\n", property(title), data(message)));
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
