//! Chosen rules over a document: findings.

use super::checked::Rule;
use super::each::Position;
use super::engine::{Engine, Idle, Said, Words, way};
use super::ruleset::{Chosen, ResolvedRules};
use super::{Evidence, Finding, Judgement, Line, Severity, Status, fit, vouch, waive};
use crate::facts::Document;
use crate::inventory::Waiver;
use jiff::civil::Date;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

impl ResolvedRules<'_> {
    /// Judges a document, on which [`crate::derive::complete`] was run. `today` is the day in UTC that waivers are
    /// held against.
    ///
    /// What a rule says of each subject is a finding of its own, but for what passes: all subjects for which a rule
    /// holds are one finding, whose `subjects` counts them. So are those beyond the first thousand that do not. A rule that has nothing to say of any subject is one
    /// finding that is not applicable; where it has something to say of others, those it does not apply to are left out.
    pub fn judge(&self, document: &Document, waivers: &[Waiver], today: Date) -> Judgement {
        let values = self.params.iter().map(|setting| setting.value.value()).collect();
        let engine = Engine::new(document, values);
        let each: Vec<Vec<Finding>> =
            self.chosen.par_iter().map(|chosen| judge_rule(*chosen, &engine, document)).collect();
        let mut findings: Vec<Finding> = each.into_iter().flatten().collect();
        let mut selected: Vec<String> = self.chosen.iter().map(|chosen| chosen.rule.id.clone()).collect();
        if let Some(contradiction) =
            fit::contradiction(&self.ruleset.profiles().chain(self.profile), document)
        {
            selected.push(contradiction.rule.clone());
            findings.push(contradiction);
        }
        let ran_out = vouch::ran_out(document);
        if let Some(finding) = ran_out.first() {
            selected.push(finding.rule.clone());
            findings.extend(ran_out);
        }
        let built_in = waive::apply(&mut findings, waivers, self.ruleset, &selected, today);
        selected.extend(built_in);
        Judgement {
            findings,
            selected,
            profile: self.profile.name.clone(),
            overrides: self.overrides.clone(),
        }
    }
}

fn judge_rule<'a>(chosen: Chosen<'a>, engine: &Engine<'a>, document: &'a Document) -> Vec<Finding> {
    let Chosen { rule, severity, body } = chosen;
    let (mut passes, mut first_pass, mut idle) = (0, None, None);
    // Elements beyond those that are told of one by one.
    let mut more = [(Status::Unknown, 0), (violated(severity), 0)];
    let mut findings = Vec::new();
    engine.judge(rule, body, &mut |position, said| {
        let (status, words) = match said {
            Said::Pass => {
                passes += 1;
                first_pass.get_or_insert(*position);
                return;
            }
            Said::NotApplicable(why) => {
                idle.get_or_insert(why);
                return;
            }
            Said::Unknown(words) => (Status::Unknown, words),
            Said::Violated(words) => (violated(severity), words),
        };
        let Some(words) = words else {
            more.iter_mut().filter(|(of, _)| *of == status).for_each(|(_, number)| *number += 1);
            return;
        };
        let subject = way(rule).subject(document, position);
        let path = way(rule).path(document, position);
        let provenance = engine.provenance(&words.evidence);
        findings.push(finding(
            rule,
            severity,
            Told { status, subjects: 1, subject, path, words, provenance },
        ));
    });
    for (status, number) in more.into_iter().filter(|(_, number)| *number > 0) {
        findings.push(finding(rule, severity, several(rule, status, number)));
    }
    if let Some(first) = first_pass {
        findings.push(passed(rule, severity, passes, &first, document));
    } else if findings.is_empty() {
        findings.push(not_applicable(rule, severity, idle));
    }
    findings
}

/// Elements that are only counted.
fn several(rule: &Rule, status: Status, number: usize) -> Told {
    let each = way(rule);
    let plural = each.plural();
    Told {
        status,
        subjects: number,
        subject: format!("{number} more {plural}"),
        path: each.text().to_owned(),
        words: words(format!("the same for {number} more {plural}")),
        provenance: Vec::new(),
    }
}

/// The status of a rule of that severity that does not hold.
pub(super) fn violated(severity: Severity) -> Status {
    match severity {
        Severity::Fail => Status::Fail,
        Severity::Warn => Status::Warn,
        Severity::Info => Status::Info,
    }
}

/// What differs between the findings of one rule.
struct Told {
    status: Status,
    subjects: usize,
    subject: String,
    path: String,
    words: Words,
    provenance: Vec<String>,
}

fn finding(rule: &Rule, severity: Severity, told: Told) -> Finding {
    let Words { message, evidence } = told.words;
    let quiet = matches!(told.status, Status::Pass | Status::NotApplicable);
    Finding {
        rule: rule.id.clone(),
        title: rule.title.clone(),
        status: told.status,
        severity,
        subjects: told.subjects,
        subject: told.subject,
        path: told.path,
        message,
        why: rule.why.clone(),
        remedy: rule.remedy.clone(),
        source: rule.source.clone(),
        evidence,
        provenance: told.provenance,
        waiver: None,
        baseline: None,
        declared_at: None,
        rule_at: (!quiet)
            .then(|| rule.span.place())
            .map(|at| Line { file: at.file.to_string(), line: at.line }),
    }
}

fn words(message: String) -> Words {
    Words { message, evidence: Vec::<Evidence>::new() }
}

fn passed(rule: &Rule, severity: Severity, passes: usize, first: &Position, document: &Document) -> Finding {
    let each = way(rule);
    let (subject, path) = if passes == 1 {
        (each.subject(document, first), each.path(document, first))
    } else {
        (format!("{passes} {}", each.plural()), each.text().to_owned())
    };
    let told = Told {
        status: Status::Pass,
        subjects: passes,
        subject,
        path,
        words: words(rule.title.to_string()),
        provenance: Vec::new(),
    };
    finding(rule, severity, told)
}

fn not_applicable(rule: &Rule, severity: Severity, idle: Option<Idle>) -> Finding {
    let each = way(rule);
    let message = match idle {
        None => format!("there are no {}", each.plural()),
        Some(Idle::Condition) => {
            let when = rule.written.iter().find(|written| written.key == "when");
            let when = when.map(|written| written.text.split_whitespace().collect::<Vec<_>>().join(" "));
            format!("applies only where {}", when.unwrap_or_default())
        }
        Some(Idle::Alone) => format!("there is no other {} to compare with", each.singular()),
        Some(Idle::NothingAsked) => "nothing is asked for".to_owned(),
    };
    let told = Told {
        status: Status::NotApplicable,
        subjects: 1,
        subject: super::WHOLE.to_owned(),
        path: String::new(),
        words: words(message),
        provenance: Vec::new(),
    };
    finding(rule, severity, told)
}
