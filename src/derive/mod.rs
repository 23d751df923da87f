//! Facts from facts: pure functions that relate what the probes found.
//!
//! [`complete`] fills every field that the facts' documentation calls derived. It looks at nothing but the document,
//! overwrites what an earlier run derived, and never guesses: where a fact it needs is missing, the derived one is
//! missing too, with a gap that names the cause.

mod corosync;
mod firewall;
mod host;
mod link;
mod network;
mod pacemaker;
mod placement;
mod storage;

use crate::facts::{Document, Gap, GapReason, Places, Source, SourceKind};
use jiff::civil::Date;

/// Fills all derived facts of a document. What holds until a day is held against the day on which it was gathered.
pub fn complete(document: &mut Document) {
    let gathered = document.day();
    complete_on(document, gathered);
}

/// Fills all derived facts of a document. What holds until a day is held against that one, in UTC; without a day it is not
/// known whether it holds.
pub fn complete_on(document: &mut Document, today: Option<Date>) {
    pacemaker::forget(document);
    document.sources.retain(|source| source.kind != Some(SourceKind::Derived));
    document.gaps.retain(|gap| !is_derived(&gap.path));
    judge_attestations(document, today);
    storage::say_untested(document);
    host::relate(document);
    firewall::relate(document);
    network::relate(document);
    link::relate(document);
    storage::relate(document);
    placement::relate(document);
    corosync::relate(document);
    pacemaker::relate(document);
}

/// Whether a path lies in a part of the document that only this room writes.
fn is_derived(path: &str) -> bool {
    path.starts_with("pairs")
        || path.contains(".views[")
        || corosync::is_derived(path)
        || link::is_derived(path)
        || pacemaker::is_derived(path)
        || placement::is_derived(path)
}

/// An attestation holds while its last day has not passed.
fn judge_attestations(document: &mut Document, today: Option<Date>) {
    for attestation in &mut document.attestations {
        let until = attestation.until.as_deref().map(str::parse::<Date>);
        attestation.valid = match (today, until) {
            (Some(today), Some(Ok(until))) => Some(today <= until),
            _ => None,
        };
    }
}

/// A gap for a derived fact, which tells the cause: the gap of the first of `causes` that has one.
fn derived_gap(places: &Places<'_>, path: String, causes: &[String]) -> Gap {
    let cause = causes.iter().find_map(|cause| places.gap(cause).map(|gap| (cause, gap)));
    match cause {
        Some((cause, gap)) => Gap {
            path,
            reason: gap.reason,
            detail: Some(match &gap.detail {
                Some(detail) => format!("{cause}: {detail}"),
                None => cause.clone(),
            }),
        },
        None => Gap {
            path,
            reason: Some(GapReason::NotCollected),
            detail: causes.first().map(|cause| format!("needs {cause}")),
        },
    }
}

/// A source entry for a derived fact.
fn derived_source(path: String, item: &str) -> Source {
    Source { path, kind: Some(SourceKind::Derived), place: None, item: Some(item.to_owned()) }
}

/// Facts out of their JSON, with what is derived.
#[cfg(test)]
fn completed(text: &str) -> Document {
    let mut document = Document::parse(text.as_bytes(), "test").expect("valid facts");
    complete(&mut document);
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Attestation, Run};

    #[test]
    fn an_attestation_holds_through_its_last_day() {
        let valid = |started: &str, until: &str| {
            let mut document = Document {
                run: Run { started: Some(started.into()), ..Run::default() },
                attestations: vec![Attestation {
                    subject: "cables".into(),
                    until: Some(until.into()),
                    ..Attestation::default()
                }],
                ..Document::empty()
            };
            complete(&mut document);
            document.attestations[0].valid
        };
        assert_eq!(valid("2026-03-01T23:59:59Z", "2026-03-01"), Some(true));
        assert_eq!(valid("2026-03-02T00:00:00Z", "2026-03-01"), Some(false));
        assert_eq!(valid("2026-03-02T00:00:00Z", "spring"), None);
        assert_eq!(valid("", "2026-03-01"), None);
    }
}
