//! Attestations that ran out.
//!
//! What rests on one is not known again, which the rules say by themselves; this says of the attestation where it stands and
//! since when it holds no more, even where no rule asks for it.

use super::waive::BuiltIn;
use super::{Finding, Severity, Status};
use crate::facts::{Document, Places};

pub(super) const IN_FORCE: BuiltIn = BuiltIn {
    id: "attestation/in-force",
    title: "No attestation has run out",
    severity: Severity::Warn,
    why: "Somebody looked at what no probe can see, and said how long that may be believed. After that day nothing is known \
          of it, and every rule that rests on it says so.",
    remedy: "Look again, then write a later `until` in the `[[attest]]`; or take it away.",
};

/// A finding for each attestation whose last day has passed.
pub(super) fn ran_out(document: &Document) -> Vec<Finding> {
    let odd: Vec<_> =
        document.attestations.iter().filter(|attestation| attestation.valid == Some(false)).collect();
    if odd.is_empty() {
        return Vec::new();
    }
    let places = Places::new(document);
    let said = |attestation: &&crate::facts::Attestation| {
        let path = format!("attestations[{}]", attestation.subject);
        let until = attestation.until.as_deref().unwrap_or("a day that is not known");
        let by = attestation.by.as_deref().unwrap_or("nobody in particular");
        let message = format!("{by} vouched for {} until {until}, which has passed", attestation.subject);
        let provenance = places.source(&path).and_then(|source| {
            let (place, item) = (source.place.as_deref()?, source.item.as_deref()?);
            Some(match item.strip_prefix("line ") {
                Some(line) => format!("{place}:{line}"),
                None => format!("{place}, {item}"),
            })
        });
        let finding =
            IN_FORCE.said(Status::Warn, 1, &attestation.subject, message, provenance.into_iter().collect());
        Finding { path, ..finding }
    };
    odd.iter().map(said).collect()
}

#[cfg(test)]
mod tests {
    use crate::inventory::Inventory;
    use crate::rule::{RuleSources, Ruleset, Selection};
    use crate::source::SourceFile;

    #[test]
    fn an_attestation_that_ran_out_is_said_with_its_line() {
        let text = "[cluster]\nname = 'c'\nplatform = 'generic'\n[[node]]\nname = 'a'\nprobe = 'none'\n\
                    [[attest]]\nsubject = 'cables'\nby = 'Ada'\nuntil = '2026-05-31'\n";
        let plan = Inventory::parse(&SourceFile::new("cluster.toml", text)).expect("sound");
        let rules = Ruleset::load(&RuleSources::default()).expect("sound");
        let resolved = rules.resolve(&Selection::of_inventory(&plan)).expect("sound");
        let on = |day| {
            let mut document = plan.plan_alone();
            crate::derive::complete_on(&mut document, Some(day));
            let judgement = resolved.judge(&document, &[], day);
            assert_eq!(
                judgement.selected.iter().any(|id| id == "attestation/in-force"),
                judgement.findings.iter().any(|finding| finding.rule == "attestation/in-force")
            );
            judgement.findings.into_iter().find(|finding| finding.rule == "attestation/in-force")
        };
        assert_eq!(on(jiff::civil::date(2026, 5, 31)), None);
        let said = on(jiff::civil::date(2026, 6, 1)).expect("it ran out");
        assert_eq!(said.message, "Ada vouched for cables until 2026-05-31, which has passed");
        assert_eq!(
            (said.subject.as_str(), said.provenance.as_slice()),
            ("cables", &["cluster.toml:7".to_owned()][..])
        );
    }
}
