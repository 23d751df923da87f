//! Waivers: findings that somebody accepts for a time.
//!
//! A waived finding stays in the report with the status it would have. A waiver that has expired, that accepts nothing
//! or that names no rule is itself a finding, so that none is forgotten.

use super::pattern::glob;
use super::{AppliedWaiver, Finding, Ruleset, Severity, Status};
use crate::inventory::Waiver;
use crate::source::suggest;
use jiff::civil::Date;
use std::sync::Arc;

/// A rule that is part of the engine and not of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Category and name.
    pub id: &'static str,
    /// The requirement as a sentence.
    pub title: &'static str,
    /// How bad it is when it does not hold.
    pub severity: Severity,
    /// What breaks, in plain words.
    pub why: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

const EXPIRED: BuiltIn = BuiltIn {
    id: "waiver/expired",
    title: "No waiver has expired",
    severity: Severity::Warn,
    why: "A finding that was accepted until a day counts again after it. Whoever accepted it may not know.",
    remedy: "Mend what the waiver was for and remove it, or have its owner accept it until a later day.",
};

const UNUSED: BuiltIn = BuiltIn {
    id: "waiver/unused",
    title: "Every waiver accepts a finding",
    severity: Severity::Warn,
    why: "A waiver that accepts nothing is left over or misspelt. It would silently accept the next finding of its kind.",
    remedy: "Remove the waiver, or correct its `rule` and `subject` to those of the report.",
};

const UNKNOWN_RULE: BuiltIn = BuiltIn {
    id: "waiver/unknown-rule",
    title: "Every waiver names a rule",
    severity: Severity::Warn,
    why: "A waiver whose rule does not exist accepts nothing, whatever its writer meant it to.",
    remedy: "Correct `rule` to the id that the report shows; `quorate rules list` has them all.",
};

/// The rules that are part of the engine.
pub const BUILT_IN: [BuiltIn; 5] = [EXPIRED, UNUSED, UNKNOWN_RULE, super::fit::FITS, super::vouch::IN_FORCE];

/// Those about waivers.
const OF_WAIVERS: [BuiltIn; 3] = [EXPIRED, UNUSED, UNKNOWN_RULE];

/// Accepts findings, and adds one for each waiver that is not in order. Returns the built-in rules that were judged.
pub(super) fn apply(
    findings: &mut Vec<Finding>,
    waivers: &[Waiver],
    ruleset: &Ruleset,
    selected: &[String],
    today: Date,
) -> Vec<String> {
    if waivers.is_empty() {
        return Vec::new();
    }
    let mut odd: Vec<Finding> = Vec::new();
    let mut sound = [0; OF_WAIVERS.len()];
    for waiver in waivers {
        let known = ruleset.rules().iter().any(|rule| rule.id == waiver.rule.value);
        let expired = today > waiver.until;
        let accepted = accept(findings, waiver, expired);
        let said = [
            expired.then(|| {
                let left = match accepted {
                    0 => "; what it was for is no longer found".to_owned(),
                    1 => "; its finding counts again".to_owned(),
                    several => format!("; its {several} findings count again"),
                };
                format!("accepted by {} until {}, which has passed{left}", waiver.owner, waiver.until)
            }),
            (known && !expired && accepted == 0).then(|| {
                if selected.contains(&waiver.rule.value) {
                    format!("{} finds nothing that it could accept", waiver.rule)
                } else {
                    format!("{} is not among the rules that were checked", waiver.rule)
                }
            }),
            (!known).then(|| {
                let near = suggest(&waiver.rule, ruleset.rules().iter().map(|rule| rule.id.as_str()));
                let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
                format!("there is no rule {}{near}", waiver.rule)
            }),
        ];
        for ((said, rule), sound) in said.into_iter().zip(OF_WAIVERS).zip(&mut sound) {
            match said {
                Some(message) => odd.push(rule.finding(Status::Warn, 1, &subject(waiver), message, waiver)),
                None => *sound += 1,
            }
        }
    }
    for (rule, sound) in OF_WAIVERS.into_iter().zip(sound) {
        if sound > 0 {
            let subject = if sound == 1 { "1 waiver".to_owned() } else { format!("{sound} waivers") };
            odd.push(Finding {
                provenance: Vec::new(),
                ..rule.finding(Status::Pass, sound, &subject, rule.title.to_owned(), &waivers[0])
            });
        }
    }
    odd.sort_by_key(|finding| OF_WAIVERS.iter().position(|rule| rule.id == finding.rule));
    findings.append(&mut odd);
    OF_WAIVERS.iter().map(|rule| rule.id.to_owned()).collect()
}

/// Accepts the findings that a waiver means, or only counts them when it has expired.
fn accept(findings: &mut [Finding], waiver: &Waiver, expired: bool) -> usize {
    let mut accepted = 0;
    for finding in findings.iter_mut().filter(|finding| finding.rule == waiver.rule.value) {
        let meant = waiver
            .subject
            .as_ref()
            .is_none_or(|subject| glob(subject, &finding.subject) || glob(subject, &finding.path));
        if !meant || matches!(finding.status, Status::Pass | Status::NotApplicable) {
            continue;
        }
        accepted += 1;
        if !expired && finding.status != Status::Waived {
            finding.waiver = Some(AppliedWaiver {
                owner: waiver.owner.clone(),
                reason: waiver.reason.clone(),
                until: waiver.until.to_string(),
                instead_of: finding.status,
            });
            finding.status = Status::Waived;
        }
    }
    accepted
}

fn subject(waiver: &Waiver) -> String {
    match &waiver.subject {
        Some(subject) => format!("waiver of {} for {subject}", waiver.rule),
        None => format!("waiver of {}", waiver.rule),
    }
}

impl BuiltIn {
    fn finding(
        &self,
        status: Status,
        subjects: usize,
        subject: &str,
        message: String,
        waiver: &Waiver,
    ) -> Finding {
        self.said(status, subjects, subject, message, vec![waiver.place.to_string()])
    }

    /// What the rule says.
    pub(super) fn said(
        &self,
        status: Status,
        subjects: usize,
        subject: &str,
        message: String,
        provenance: Vec<String>,
    ) -> Finding {
        Finding {
            rule: self.id.to_owned(),
            title: self.title.into(),
            status,
            severity: self.severity,
            subjects,
            subject: subject.to_owned(),
            path: String::new(),
            message,
            why: self.why.into(),
            remedy: self.remedy.into(),
            source: Arc::default(),
            evidence: Vec::new(),
            provenance,
            waiver: None,
            declared_at: None,
            rule_at: None,
        }
    }
}
