//! What is said of a finding wherever it stands alone: the same words in every format.

use super::text::printable;
use crate::rule::{AppliedWaiver, Evidence, Finding, Line, Since, SinceBaseline, Status};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::LazyLock;

/// Where a finding is shown that no line of a file declares: at the head of the plan.
pub(super) static PLAN: LazyLock<Line> = LazyLock::new(|| Line { file: "cluster.toml".to_owned(), line: 1 });

/// The line that a finding is shown at: that of the plan, else that of the rule.
pub(super) fn place(finding: &Finding) -> &Line {
    finding.declared_at.as_ref().or(finding.rule_at.as_ref()).unwrap_or(&PLAN)
}

/// Who accepts a finding, until when, and why; to stand after the word "waived".
pub(super) fn waiver_words(waiver: &AppliedWaiver) -> String {
    let words = format!(
        "by {} until {} UTC (otherwise {}): {}",
        waiver.owner, waiver.until, waiver.instead_of, waiver.reason
    );
    printable(&words).into_owned()
}

/// Names in a row, each as `written` makes it; beyond the first `most` they are only counted, but never a single one.
pub(super) fn names<'a, W: Display>(all: &[&'a str], most: usize, written: impl Fn(&'a str) -> W) -> String {
    let (shown, more) = foremost(all, most);
    let shown: Vec<String> = shown.iter().map(|name| written(name).to_string()).collect();
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The first `most`, and how many there are beyond them; never a single one.
pub(super) fn foremost<T>(all: &[T], most: usize) -> (&[T], usize) {
    let most = if all.len() == most.saturating_add(1) { all.len() } else { most.min(all.len()) };
    (&all[..most], all.len() - most)
}

/// Each once, in the order in which they come.
pub(super) fn distinct<T: Copy + Eq + Hash>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    all.into_iter().filter(|one| seen.insert(*one)).collect()
}

/// Where the facts come from that several findings rest on.
pub(super) fn provenance<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<&'a str> {
    distinct(findings.into_iter().flat_map(|finding| finding.provenance.iter().map(String::as_str)))
}

/// The finding as one line, its subject first: `hv2: kernel 6.1, most run 6.5`.
pub(super) fn headline(finding: &Finding) -> String {
    let message = if finding.message.is_empty() { &*finding.title } else { &*finding.message };
    let message = printable(message);
    let subject = printable(&finding.subject);
    let whole = finding.subject == crate::rule::WHOLE;
    // `db3 uses MTU 1400 on lan` names `db3 lan` already.
    let named = message.contains(subject.as_ref()) || subject.split(' ').all(|name| has_word(&message, name));
    if whole || named { message.into_owned() } else { format!("{subject}: {message}") }
}

/// Whether a text has that word, not only as a part of another.
fn has_word(text: &str, word: &str) -> bool {
    let bounded = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        bounded(text[..at].chars().next_back()) && bounded(text[at + word.len()..].chars().next())
    })
}

/// What stands under the line: why, what to do, what is missing, who accepts it, the sources, each on a line of its own.
pub(super) fn details(finding: &Finding) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |head: &str, text: &str| {
        if !text.is_empty() {
            out.push(format!("{head}: {}", printable(text)));
        }
    };
    say("Baseline", &since_words(finding).unwrap_or_default());
    say("Why", &finding.why);
    if finding.status != Status::Waived {
        say("Fix", &finding.remedy);
    }
    let missing: Vec<String> =
        finding.evidence.iter().filter(|evidence| evidence.missing.is_some()).map(missing_or_value).collect();
    say("Missing", &missing.join("; "));
    if let Some(waiver) = &finding.waiver {
        say("Waived", &waiver_words(waiver));
    }
    say("Rule", &finding.rule);
    say("Source", &finding.source.join("; "));
    say("From", &finding.provenance.join("; "));
    out
}

/// How a finding stands to the baseline, where there is one.
pub(super) fn since_words(finding: &Finding) -> Option<String> {
    let SinceBaseline { since, was } = finding.baseline.as_ref()?;
    let was = was.filter(|was| *was != finding.status);
    Some(match (since, was) {
        (Since::New | Since::Worse, None) => "new".to_owned(),
        (Since::New | Since::Worse, Some(was)) => format!("new; it was {was} then"),
        (Since::Untold, _) => {
            format!("it was {} then, and can no longer be told", was.unwrap_or(finding.status))
        }
        (Since::Reworded | Since::Known, Some(was)) => format!("still there; it was {was} then"),
        (Since::Reworded, None) => "still there, with other words".to_owned(),
        (Since::Known, None) => "still there".to_owned(),
    })
}

/// A fact with its value, or with why it is missing.
pub(super) fn missing_or_value(evidence: &Evidence) -> String {
    match (&evidence.value, &evidence.missing) {
        (Some(value), _) => format!("{} = {value}", evidence.path),
        (None, Some(reason)) if reason.starts_with(&evidence.path) => reason.clone(),
        (None, reason) => format!("{}: {}", evidence.path, reason.as_deref().unwrap_or("missing")),
    }
}

/// What tells a finding from all others, and stays the same while its rule and its subject do: 32 hexadecimal digits.
pub(super) fn fingerprint(finding: &Finding) -> String {
    // A finding of several subjects has the path of their list only.
    let path = if finding.path.is_empty() { &finding.subject } else { &finding.path };
    let digest = Sha256::new().chain_update(&finding.rule).chain_update([0]).chain_update(path).finalize();
    hex::encode(&digest[..16])
}

/// Whether the finding is one that somebody must look at.
pub(super) const fn is_open(status: Status) -> bool {
    matches!(status, Status::Fail | Status::Unknown | Status::Warn | Status::Info)
}
