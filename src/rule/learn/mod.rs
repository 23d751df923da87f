//! Parameters proposed from a healthy cluster: the strictest values at which every rule says of it what it says now.
//!
//! Nothing is known here of any one parameter. How the rules compare facts with it is found by moving its value and
//! judging again (see `search`), so that every rule is learnt from, those of the user's own too. A value only ever gets
//! stricter than the one in force; nothing is learnt from what does not hold or is unknown.

mod search;
#[cfg(test)]
mod tests;

use super::checked::Body;
use super::engine::{Engine, Said, way};
use super::judge::violated;
use super::params::{Param, ParamSetting, ParamValue};
use super::{Chosen, Evidence, ResolvedRules, Status};
use crate::expr::Program;
use crate::facts::Document;
use crate::source::plain;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use search::{Found, Search, marks};
use serde::Serialize;

/// Most findings that are kept of a parameter that is not learnt.
const MOST_FINDINGS: usize = 3;
/// Most facts that are kept of what was seen.
const MOST_FACTS: usize = 3;

/// What the facts of a cluster say of the parameters of the rules that were chosen.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Lesson {
    /// The parameters that can be stricter, with the value that was seen.
    pub proposals: Vec<Proposal>,
    /// The parameters of which nothing is learnt, since a rule that reads them does not hold or is unknown.
    pub refused: Vec<Refused>,
    /// Names of the parameters whose values in force are just what was seen.
    pub met: Vec<String>,
    /// Names of the parameters that are no limits: switches, names, values that must be met exactly.
    pub choices: Vec<String>,
    /// Names of the parameters by which nothing is measured in these facts.
    pub idle: Vec<String>,
}

/// On which side of a parameter the facts must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// No less than it.
    AtLeast,
    /// No more than it.
    AtMost,
    /// One of its elements.
    OneOf,
}

impl Bound {
    /// The words for it: `at least`.
    pub const fn words(self) -> &'static str {
        match self {
            Bound::AtLeast => "at least",
            Bound::AtMost => "at most",
            Bound::OneOf => "one of these",
        }
    }
}

/// A value that is stricter than the one in force, and what it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// Name of the parameter.
    pub param: String,
    /// What it sets.
    pub doc: String,
    /// On which side of it the facts are.
    pub bound: Bound,
    /// The value that is proposed.
    #[serde(serialize_with = "as_toml")]
    pub value: ParamValue,
    /// The strictest value that the facts meet; the same, where no room is left beside it.
    #[serde(serialize_with = "as_toml")]
    pub seen: ParamValue,
    /// The value in force.
    #[serde(serialize_with = "as_toml")]
    pub instead_of: ParamValue,
    /// Where that comes from: `default`, profile and document, or file and line.
    pub limit_from: String,
    /// The default.
    #[serde(serialize_with = "as_toml")]
    pub default: ParamValue,
    /// Id of the rule that would be the first not to hold.
    pub rule: String,
    /// The element that it would be said of, as reports name it.
    pub subject: String,
    /// How many elements stand there together with it, itself among them.
    pub subjects: usize,
    /// The facts of it that decide.
    pub evidence: Vec<Evidence>,
}

/// A parameter of which nothing is learnt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Name of the parameter.
    pub param: String,
    /// Why.
    pub reason: Reason,
    /// What the rules that read it say, as far as they do not hold or are unknown; the first of them.
    pub findings: Vec<Heard>,
    /// How many more there are.
    pub more: usize,
}

/// Why nothing is learnt of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A rule that reads it does not hold.
    Fails,
    /// A rule that reads it is unknown of something.
    Unknown,
    /// Its value and that of another would, together, change what a rule says.
    Together,
}

/// What a rule says of a subject today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Heard {
    /// Id of the rule.
    pub rule: String,
    /// What it says.
    pub status: Status,
    /// Of what.
    pub subject: String,
    /// What is the matter.
    pub message: String,
}

fn as_toml<S: serde::Serializer>(value: &ParamValue, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&value.to_toml())
}

/// What came of one parameter.
enum Learnt {
    Proposed(Box<Proposal>),
    Refused(Refused),
    Met,
    Choice,
    Idle,
}

impl ResolvedRules<'_> {
    /// Proposes parameters from the facts of a healthy cluster, on which [`crate::derive::complete`] was run.
    ///
    /// `margin` is how much of the way back to the value in force is left as room, in percent: 0 proposes what was
    /// seen, 100 what is in force. Judging the same facts with the proposals gives the same findings.
    pub fn learn(&self, document: &Document, margin: u8) -> Lesson {
        let deciding: Vec<(usize, Vec<Chosen<'_>>)> = (0..self.params.len())
            .map(|at| (at, self.deciding(&self.ruleset.params()[at].name)))
            .filter(|(_, rules)| !rules.is_empty())
            .collect();
        let learnt: Vec<(usize, Learnt)> = deciding
            .par_iter()
            .map(|(at, rules)| (*at, self.learn_param(*at, rules, document, i128::from(margin.min(100)))))
            .collect();
        let mut lesson = Lesson::default();
        for (at, learnt) in learnt {
            let name = || self.ruleset.params()[at].name.clone();
            match learnt {
                Learnt::Proposed(proposal) => lesson.proposals.push(*proposal),
                Learnt::Refused(refused) => lesson.refused.push(refused),
                Learnt::Met => lesson.met.push(name()),
                Learnt::Choice => lesson.choices.push(name()),
                Learnt::Idle => lesson.idle.push(name()),
            }
        }
        self.hold_together(&mut lesson, document);
        lesson
    }

    /// The rules that decide by a parameter; those that only write it out are none of them.
    fn deciding(&self, param: &str) -> Vec<Chosen<'_>> {
        self.chosen.iter().filter(|chosen| reads(chosen.body, param)).copied().collect()
    }

    fn learn_param(&self, at: usize, rules: &[Chosen<'_>], document: &Document, margin: i128) -> Learnt {
        let (param, setting) = (&self.ruleset.params()[at], &self.params[at]);
        if let Some(refused) = self.refused(param, rules, document) {
            return Learnt::Refused(refused);
        }
        let search = Search::new(document, &self.params, at, rules);
        if search.is_idle() {
            return Learnt::Idle;
        }
        let (bound, seen, beyond) = match search.find(&setting.value) {
            Found::Limit { bound, seen, beyond } => (bound, seen, beyond),
            Found::Choice => return Learnt::Choice,
            Found::Nothing => return Learnt::Idle,
        };
        let value = with_room(&seen, &setting.value, bound, margin);
        if value == setting.value {
            return Learnt::Met;
        }
        let Some(closest) = self.closest(at, &beyond, rules, document) else { return Learnt::Choice };
        Learnt::Proposed(Box::new(Proposal {
            param: param.name.clone(),
            doc: plain(&param.doc),
            bound,
            value,
            seen,
            instead_of: setting.value.clone(),
            limit_from: setting.origin.to_string(),
            default: param.default.clone(),
            rule: closest.rule,
            subject: closest.subject,
            subjects: closest.subjects,
            evidence: closest.evidence,
        }))
    }

    /// Why nothing can be learnt of a parameter, if so: what its rules say that is neither a pass nor idle.
    fn refused(&self, param: &Param, rules: &[Chosen<'_>], document: &Document) -> Option<Refused> {
        let engine = Engine::new(document, values(&self.params));
        let (mut fails, mut unknown, mut more) = (Vec::new(), Vec::new(), [0, 0]);
        for chosen in rules {
            engine.judge(chosen.rule, chosen.body, &mut |position, said| {
                let (list, more, status, words) = match said {
                    Said::Violated(words) => (&mut fails, &mut more[0], violated(chosen.severity), words),
                    Said::Unknown(words) => (&mut unknown, &mut more[1], Status::Unknown, words),
                    Said::Pass | Said::NotApplicable(_) => return,
                };
                if list.len() >= MOST_FINDINGS {
                    *more += 1;
                    return;
                }
                list.push(Heard {
                    rule: chosen.rule.id.clone(),
                    status,
                    subject: way(chosen.rule).subject(document, position),
                    message: words.map(|words| words.message).unwrap_or_default(),
                });
            });
        }
        let (reason, findings, more) = match (fails.is_empty(), unknown.is_empty()) {
            (false, _) => (Reason::Fails, fails, more[0]),
            (true, false) => (Reason::Unknown, unknown, more[1]),
            (true, true) => return None,
        };
        Some(Refused { param: param.name.clone(), reason, findings, more })
    }

    /// The elements that would be the first not to hold, with the parameter just beyond what they meet.
    fn closest(
        &self,
        at: usize,
        beyond: &ParamValue,
        rules: &[Chosen<'_>],
        document: &Document,
    ) -> Option<Closest> {
        let mut values = values(&self.params);
        values[at] = beyond.value();
        let engine = Engine::new(document, values);
        let mut closest: Option<Closest> = None;
        for chosen in rules {
            engine.judge(chosen.rule, chosen.body, &mut |position, said| {
                let Said::Violated(words) = said else { return };
                match &mut closest {
                    Some(known) => known.subjects += usize::from(known.rule == chosen.rule.id),
                    None => {
                        let evidence = words.map(|words| words.evidence).unwrap_or_default();
                        let path = way(chosen.rule).path(document, position);
                        let facts = telling(evidence, &path);
                        closest = Some(Closest {
                            rule: chosen.rule.id.clone(),
                            subject: way(chosen.rule).subject(document, position),
                            subjects: 1,
                            evidence: facts,
                        });
                    }
                }
            });
        }
        closest
    }

    /// Takes back what would change a verdict once all proposals are in force together.
    fn hold_together(&self, lesson: &mut Lesson, document: &Document) {
        let before = Engine::silent(document, values(&self.params));
        loop {
            let settings = self.with(&lesson.proposals);
            let after = Engine::silent(document, values(&settings));
            let changed: Vec<&Chosen<'_>> = self
                .chosen
                .par_iter()
                .filter(|chosen| lesson.proposals.iter().any(|one| reads(chosen.body, &one.param)))
                .filter(|chosen| marks(&before, chosen) != marks(&after, chosen))
                .collect();
            if changed.is_empty() {
                return;
            }
            let (kept, taken): (Vec<Proposal>, Vec<Proposal>) = std::mem::take(&mut lesson.proposals)
                .into_iter()
                .partition(|one| !changed.iter().any(|chosen| reads(chosen.body, &one.param)));
            lesson.proposals = kept;
            lesson.refused.extend(taken.into_iter().map(|one| Refused {
                param: one.param,
                reason: Reason::Together,
                findings: Vec::new(),
                more: 0,
            }));
        }
    }

    /// The settings in force with proposals laid over them.
    fn with(&self, proposals: &[Proposal]) -> Vec<ParamSetting> {
        let mut settings = self.params.clone();
        for proposal in proposals {
            if let Some(at) = self.ruleset.params().iter().position(|param| param.name == proposal.param) {
                settings[at].value = proposal.value.clone();
            }
        }
        settings
    }
}

/// What stands nearest to a limit.
struct Closest {
    rule: String,
    subject: String,
    subjects: usize,
    evidence: Vec<Evidence>,
}

/// The facts that tell something of an element at a path: its own, where it has any, and not the names that they are
/// found by.
fn telling(evidence: Vec<Evidence>, path: &str) -> Vec<Evidence> {
    let mut facts = evidence;
    facts.retain(|piece| {
        let named = piece.value.as_ref().is_some_and(|value| piece.path.contains(&format!("[{value}].")));
        !piece.path.starts_with("params.") && !named
    });
    let (own, others): (Vec<Evidence>, Vec<Evidence>) =
        facts.into_iter().partition(|piece| !path.is_empty() && piece.path.starts_with(path));
    let mut facts = if own.is_empty() { others } else { own };
    facts.truncate(MOST_FACTS);
    facts
}

/// Whether what a rule asks depends on a parameter.
fn reads(body: &Body, param: &str) -> bool {
    body.programs().flat_map(Program::params_read).any(|name| name == param)
}

fn values(settings: &[ParamSetting]) -> Vec<crate::facts::Value<'_>> {
    settings.iter().map(|setting| setting.value.value()).collect()
}

/// What was seen, moved towards the value in force by so many percent of the way between them. Amounts with a unit are
/// rounded to two digits, away from what was seen, and never beyond the value in force.
fn with_room(seen: &ParamValue, in_force: &ParamValue, bound: Bound, percent: i128) -> ParamValue {
    // Counts need no rounding; sizes go by powers of two.
    let moved = |seen: i64, in_force: i64, base: i128, digits: i128| {
        let way = (i128::from(in_force) - i128::from(seen)) * percent / 100;
        let moved = i128::from(seen) + way;
        let mut unit = 1;
        while way != 0 && moved.abs() / unit >= digits {
            unit *= base;
        }
        let moved = match bound {
            Bound::AtLeast => (moved.div_euclid(unit) * unit).max(i128::from(in_force)),
            _ => ((moved + unit - 1).div_euclid(unit) * unit).min(i128::from(in_force)),
        };
        i64::try_from(moved).unwrap_or(seen)
    };
    match (seen, in_force) {
        _ if percent == 0 => seen.clone(),
        (ParamValue::Int(seen), ParamValue::Int(limit)) => {
            ParamValue::Int(moved(*seen, *limit, 1, i128::MAX))
        }
        (ParamValue::Size(seen), ParamValue::Size(limit)) => ParamValue::Size(moved(*seen, *limit, 2, 64)),
        (ParamValue::Duration(seen), ParamValue::Duration(limit)) => {
            ParamValue::Duration(moved(*seen, *limit, 10, 100))
        }
        (ParamValue::Rate(seen), ParamValue::Rate(limit)) => ParamValue::Rate(moved(*seen, *limit, 10, 100)),
        _ => seen.clone(),
    }
}

impl Lesson {
    /// Whether there was anything to learn from: a parameter by which something is measured.
    pub fn is_empty(&self) -> bool {
        self.proposals.is_empty() && self.refused.is_empty() && self.met.is_empty()
    }
}
