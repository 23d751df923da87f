//! Waivers: findings that somebody accepts for a time.
//!
//! A waived finding stays in the report with the status it would have. A waiver accepts from the first to the last of its
//! days in UTC and at no other time; one that has not begun, that ends soon, that has ended, that accepts nothing or that
//! names no rule is itself a finding, so that none is forgotten.

use super::pattern::glob;
use super::{AppliedWaiver, Finding, Line, Ruleset, Severity, Status};
use crate::inventory::Waiver;
use crate::source::{Problems, suggest};
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

const EXPIRES_SOON: BuiltIn = BuiltIn {
    id: "waiver/expires-soon",
    title: "No waiver expires within two weeks",
    severity: Severity::Warn,
    why: "When a waiver ends, what it accepts counts again, and a check that was clean fails over night.",
    remedy: "Mend what the waiver is for before its last day, or have its owner accept it until a later one.",
};

const NOT_BEGUN: BuiltIn = BuiltIn {
    id: "waiver/not-begun",
    title: "Every waiver has begun",
    severity: Severity::Info,
    why: "Before its first day a waiver accepts nothing: what it is for counts.",
    remedy: "Wait for the day, or write an earlier `from` if the finding is accepted now.",
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
pub const BUILT_IN: [BuiltIn; 7] =
    [EXPIRED, EXPIRES_SOON, NOT_BEGUN, UNUSED, UNKNOWN_RULE, super::fit::FITS, super::vouch::IN_FORCE];

/// Those about waivers.
const OF_WAIVERS: [BuiltIn; 5] = [EXPIRED, EXPIRES_SOON, NOT_BEGUN, UNUSED, UNKNOWN_RULE];

/// Days before the end of a waiver on which the report begins to warn: time for one meeting of those who accept, and to
/// mend what was accepted.
const WARNING_DAYS: i32 = 14;

/// Whether a waiver accepts today.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Term {
    NotBegun,
    InForce,
    Expired,
}

impl Term {
    fn on(waiver: &Waiver, today: Date) -> Self {
        if today > waiver.until {
            Term::Expired
        } else if waiver.from.is_some_and(|from| today < from) {
            Term::NotBegun
        } else {
            Term::InForce
        }
    }
}

impl Ruleset {
    /// The waivers whose rule does not exist or cannot be waived, each at its place.
    pub fn check_waivers(&self, waivers: &[Waiver]) -> Problems {
        let mut problems = Problems::new();
        for waiver in waivers {
            if let Some(wrong) = not_waivable(self, &waiver.rule) {
                let problem = waiver.rule.problem(wrong.message, "the waiver accepts nothing");
                problems.push(problem.help_if(wrong.help));
            }
        }
        problems
    }
}

/// Why nothing can be waived under that id.
struct NotWaivable {
    message: String,
    help: Option<String>,
}

fn not_waivable(ruleset: &Ruleset, id: &str) -> Option<NotWaivable> {
    if OF_WAIVERS.iter().any(|rule| rule.id == id) {
        let help = Some("correct or remove the waiver that it speaks of".to_owned());
        return Some(NotWaivable { message: format!("{id} is about waivers, and cannot be waived"), help });
    }
    if ruleset.all_ids().any(|known| known == id) {
        return None;
    }
    let help = if id.contains(['*', '?']) || !id.contains('/') {
        Some("a waiver names one rule by its whole id".to_owned())
    } else {
        suggest(id, ruleset.all_ids()).map(|near| format!("did you mean {near}?"))
    };
    Some(NotWaivable { message: format!("there is no rule {id}"), help })
}

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
        let wrong = not_waivable(ruleset, &waiver.rule);
        let known = wrong.is_none();
        let force = Term::on(waiver, today);
        let meant = if known { accept(findings, waiver, force) } else { 0 };
        let said = [
            (force == Term::Expired).then(|| {
                let left = match meant {
                    0 => "; what it was for is no longer found".to_owned(),
                    1 => "; its finding counts again".to_owned(),
                    several => format!("; its {several} findings count again"),
                };
                format!("accepted by {} until {} UTC, which has passed{left}", waiver.owner, waiver.until)
            }),
            ends_soon(waiver, force, meant, today),
            (force == Term::NotBegun).then(|| {
                let left = match meant {
                    0 => "; nothing that it could accept is found now".to_owned(),
                    1 => "; its finding counts until then".to_owned(),
                    several => format!("; its {several} findings count until then"),
                };
                let from = waiver.from.unwrap_or(waiver.until);
                format!("accepted by {} from {from} UTC, which has not come{left}", waiver.owner)
            }),
            (known && force == Term::InForce && meant == 0).then(|| {
                let built_in = BUILT_IN.iter().any(|rule| rule.id == waiver.rule.value);
                if built_in || selected.contains(&waiver.rule.value) {
                    format!("{} finds nothing that it could accept", waiver.rule)
                } else {
                    format!("{} is not among the rules that were checked", waiver.rule)
                }
            }),
            wrong.map(|wrong| match wrong.help {
                Some(help) => format!("{}; {help} ({})", wrong.message, waiver.rule.place()),
                None => format!("{} ({})", wrong.message, waiver.rule.place()),
            }),
        ];
        for ((said, rule), sound) in said.into_iter().zip(OF_WAIVERS).zip(&mut sound) {
            match said {
                Some(message) => odd.push(rule.about(waiver, message)),
                None => *sound += 1,
            }
        }
    }
    for (rule, sound) in OF_WAIVERS.into_iter().zip(sound) {
        if sound > 0 {
            let subject = if sound == 1 { "1 waiver".to_owned() } else { format!("{sound} waivers") };
            odd.push(rule.said(Status::Pass, sound, &subject, rule.title.to_owned(), Vec::new()));
        }
    }
    odd.sort_by_key(|finding| OF_WAIVERS.iter().position(|rule| rule.id == finding.rule));
    findings.append(&mut odd);
    OF_WAIVERS.iter().map(|rule| rule.id.to_owned()).collect()
}

/// What is said of a waiver that accepts something and does so for a few more days only.
fn ends_soon(waiver: &Waiver, force: Term, meant: usize, today: Date) -> Option<String> {
    if force != Term::InForce || meant == 0 {
        return None;
    }
    let days = today.until(waiver.until).map_or(i32::MAX, |left| left.get_days());
    let when = match days {
        0 => "which is today".to_owned(),
        1 => "which is tomorrow".to_owned(),
        days if days <= WARNING_DAYS => format!("in {days} days"),
        _ => return None,
    };
    let then =
        if meant == 1 { "its finding counts".to_owned() } else { format!("its {meant} findings count") };
    Some(format!(
        "accepted by {} until {} UTC, {when}; after that day {then} again",
        waiver.owner, waiver.until
    ))
}

/// Accepts the findings that a waiver means, or only counts them while it is not in force.
fn accept(findings: &mut [Finding], waiver: &Waiver, force: Term) -> usize {
    let mut meant = 0;
    for finding in findings.iter_mut().filter(|finding| finding.rule == waiver.rule.value) {
        let is_meant = waiver
            .subject
            .as_ref()
            .is_none_or(|subject| glob(subject, &finding.subject) || glob(subject, &finding.path));
        if !is_meant || matches!(finding.status, Status::Pass | Status::NotApplicable) {
            continue;
        }
        meant += 1;
        if force == Term::InForce && finding.status != Status::Waived {
            finding.waiver = Some(AppliedWaiver {
                owner: waiver.owner.clone(),
                reason: waiver.reason.clone(),
                from: waiver.from.map(|from| from.to_string()),
                until: waiver.until.to_string(),
                instead_of: finding.status,
            });
            finding.status = Status::Waived;
        }
    }
    meant
}

fn subject(waiver: &Waiver) -> String {
    match &waiver.subject {
        Some(subject) => format!("waiver of {} for {subject}", waiver.rule),
        None => format!("waiver of {}", waiver.rule),
    }
}

impl BuiltIn {
    /// What the rule says of a waiver that is not in order.
    fn about(&self, waiver: &Waiver, message: String) -> Finding {
        let status = super::judge::violated(self.severity);
        let finding = self.said(status, 1, &subject(waiver), message, vec![waiver.place.to_string()]);
        let line = || Line { file: waiver.place.file.to_string(), line: waiver.place.line };
        let declared_at = waiver.in_plan.then(line);
        Finding { declared_at, ..finding }
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
            baseline: None,
            declared_at: None,
            rule_at: None,
        }
    }
}
