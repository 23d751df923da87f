//! Rules applied to facts: a verdict for each element.
//!
//! Three-valued throughout: a fact that is missing makes a verdict unknown, never a pass. A list that is missing on
//! the way to the elements is one unknown for its parent; a list that is empty has nothing to say. Where a rule holds,
//! nothing is written out; names, messages and evidence are only made for what somebody has to read.

use super::Evidence;
use super::checked::{Body, Count, Rule, Subset, Verb};
use super::compare::{Camps, Member, closest, names};
use super::each::{Each, Element, Position, Visitor};
use crate::expr::{Cause, Datum, Program, Scope};
use crate::facts::{Document, GapReason, Places, Value};

use std::collections::HashSet;
use std::sync::OnceLock;

/// Most pieces of evidence of one finding.
const MOST_EVIDENCE: usize = 24;
/// Most missing facts that a message names.
const MOST_CAUSES: usize = 3;
/// Most names in one message.
const MOST_NAMES: usize = 8;
/// Most elements of which a rule tells more than that it does not hold or is unknown.
const MOST_TOLD: usize = 1024;

/// Facts and parameters to judge by.
pub(super) struct Engine<'a> {
    document: &'a Document,
    params: Vec<Value<'a>>,
    places: OnceLock<Places<'a>>,
    /// Most elements of which a rule tells more than that it does not hold or is unknown.
    most_told: usize,
}

/// What a rule says of one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It holds.
    Pass,
    /// It has nothing to say.
    NotApplicable(Idle),
    /// It cannot be said. Without words for elements beyond the first [`MOST_TOLD`], so that a document with a
    /// million odd elements is judged exactly and told briefly.
    Unknown(Option<Words>),
    /// It does not hold. Without words as above.
    Violated(Option<Words>),
}

/// Why a rule has nothing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// Its condition is false.
    Condition,
    /// There is nothing to compare with.
    Alone,
    /// Nothing is asked for.
    NothingAsked,
}

/// What there is to read about a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub message: String,
    pub evidence: Vec<Evidence>,
}

/// The way to the one element of a rule without `each`.
static WHOLE: Each = Each::whole();

/// The way to the elements of a rule.
pub(super) fn way(rule: &Rule) -> &Each {
    rule.each.as_ref().unwrap_or(&WHOLE)
}

impl<'a> Engine<'a> {
    pub(super) fn new(document: &'a Document, params: Vec<Value<'a>>) -> Self {
        Engine { document, params, places: OnceLock::new(), most_told: MOST_TOLD }
    }

    /// One that judges without a word, for whoever only counts.
    pub(super) fn silent(document: &'a Document, params: Vec<Value<'a>>) -> Self {
        Engine { most_told: 0, ..Engine::new(document, params) }
    }

    /// Applies a rule; `say` is told of every element, and of elements above them where these decide for all below.
    pub(super) fn judge(&self, rule: &'a Rule, body: &'a Body, say: &mut dyn FnMut(&Position, Said)) {
        let each = way(rule);
        let mut judging = Judging { engine: self, rule, body, each, say, members: Vec::new(), told: 0 };
        each.walk(self.document, &mut judging);
        judging.compare();
    }

    /// The document's gaps and sources, indexed when first asked for.
    pub(super) fn places(&self) -> &Places<'a> {
        self.places.get_or_init(|| Places::new(self.document))
    }

    fn scope<'s>(&'s self, values: &'s [Value<'a>]) -> Scope<'s, 'a> {
        Scope { document: self.document, values, params: &self.params }
    }

    /// Why a fact is missing, as the gaps tell it.
    fn missing(&self, path: &str) -> String {
        let Some(gap) = self.places().gap(path) else { return GapReason::NotCollected.word().to_owned() };
        let reason = gap.reason.unwrap_or(GapReason::NotCollected);
        match gap.detail.as_deref() {
            Some(detail) if !detail.is_empty() => format!("{reason} ({detail})"),
            _ => reason.word().to_owned(),
        }
    }

    fn unknown(&self, causes: &[Cause]) -> Words {
        let mut each: Vec<&Cause> = Vec::new();
        for cause in causes {
            if !each.iter().any(|seen| seen.path == cause.path) {
                each.push(cause);
            }
        }
        let evidence: Vec<Evidence> = each
            .iter()
            .take(MOST_EVIDENCE)
            .map(|cause| Evidence {
                path: cause.path.clone(),
                value: None,
                missing: Some(cause.why.clone().unwrap_or_else(|| self.missing(&cause.path))),
            })
            .collect();
        let mut told: Vec<String> = evidence
            .iter()
            .take(MOST_CAUSES)
            .map(|cause| match (cause.path.as_str(), cause.missing.as_deref().unwrap_or_default()) {
                ("", why) => why.to_owned(),
                (path, why) => format!("{path}: {why}"),
            })
            .collect();
        if each.len() > MOST_CAUSES {
            told.push(format!("and {} more", each.len() - MOST_CAUSES));
        }
        Words { message: told.join("; "), evidence }
    }

    /// Where pieces of evidence come from, each place once.
    pub(super) fn provenance(&self, evidence: &[Evidence]) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for piece in evidence.iter().filter(|piece| piece.missing.is_none()) {
            let Some(source) = self.places().source(&piece.path) else { continue };
            let told = match (source.place.as_deref(), source.item.as_deref()) {
                (Some(place), Some(item)) => format!("{place}: {item}"),
                (Some(one), None) | (None, Some(one)) => one.to_owned(),
                (None, None) => continue,
            };
            if !all.contains(&told) {
                all.push(told);
            }
        }
        all
    }
}

/// One rule being applied.
struct Judging<'e, 'a> {
    engine: &'e Engine<'a>,
    rule: &'a Rule,
    body: &'a Body,
    each: &'a Each,
    say: &'e mut dyn FnMut(&Position, Said),
    /// What is compared once all elements are known.
    members: Vec<Member<'a>>,
    /// How many elements were told of with words.
    told: usize,
}

impl<'a> Visitor<'a> for Judging<'_, 'a> {
    fn enter(&mut self, element: &Element<'a>) -> bool {
        if let Some(when) = &self.body.when
            && when.guards.iter().any(|guard| {
                guard.depth == element.values.len()
                    && guard.program.test(&self.engine.scope(&element.values)) == Some(false)
            })
        {
            (self.say)(&element.position, Said::NotApplicable(Idle::Condition));
            return false;
        }
        if let Some(when) = &self.body.when
            && when.depth == element.values.len()
        {
            match when.program.test(&self.engine.scope(&element.values)) {
                Some(true) => {}
                Some(false) => {
                    (self.say)(&element.position, Said::NotApplicable(Idle::Condition));
                    return false;
                }
                None => {
                    self.say_unknown(element, &when.program);
                    return false;
                }
            }
        }
        if element.values.len() < self.each.depth() {
            return true;
        }
        self.leaf(element);
        false
    }

    fn missing(&mut self, element: &Element<'a>) {
        let words = self.wants_words().then(|| {
            let path = self.each.path_of_list(self.engine.document, &element.position);
            self.engine.unknown(&[Cause { path, why: None }])
        });
        (self.say)(&element.position, Said::Unknown(words));
    }
}

impl<'a> Judging<'_, 'a> {
    fn leaf(&mut self, element: &Element<'a>) {
        let scope = self.engine.scope(&element.values);
        match &self.body.verb {
            Verb::Require(program) => match program.test(&scope) {
                Some(true) => (self.say)(&element.position, Said::Pass),
                Some(false) => self.violated(&element.position, |judging| {
                    let message =
                        judging.message(element, &[]).unwrap_or_else(|| judging.rule.title.to_string());
                    (message, judging.evidence(program, element))
                }),
                None => self.say_unknown(element, program),
            },
            Verb::Same { value, per, .. } | Verb::Unique { value, per } => {
                let group = per.as_ref().map(|per| per.eval(&scope).datum());
                match (group, value.eval(&scope).datum()) {
                    (Some(None), _) => {
                        if let Some(per) = per {
                            self.say_unknown(element, per);
                        }
                    }
                    (_, None) => self.say_unknown(element, value),
                    (group, Some(value)) => {
                        self.members.push(Member {
                            position: element.position,
                            group: group.flatten(),
                            value,
                        });
                    }
                }
            }
            Verb::Subset(subset) => self.subset(element, subset),
            Verb::Count(count) => match count.holds.test(&scope) {
                Some(true) => (self.say)(&element.position, Said::Pass),
                Some(false) => self.count_violated(element, count),
                None => self.say_unknown(element, &count.holds),
            },
        }
    }

    fn subset(&mut self, element: &Element<'a>, subset: &'a Subset) {
        let scope = self.engine.scope(&element.values);
        // Where both lists are known and it holds, as nearly always, one look at each of them is enough.
        let (part, whole) = (subset.part.eval(&scope).datum(), subset.whole.eval(&scope));
        if let Some(Datum::List(part)) =
            part.filter(|part| !matches!(part, Datum::List(none) if none.is_empty()))
        {
            if whole.is_unknown() {
                return self.say_unknown(element, &subset.whole);
            }
            if let Some(Datum::List(whole)) = whole.datum() {
                let whole: HashSet<&Datum<'_>> = whole.iter().collect();
                if part.iter().all(|one| whole.contains(one)) {
                    return (self.say)(&element.position, Said::Pass);
                }
            }
        }
        match (subset.nothing.test(&scope), subset.holds.test(&scope)) {
            (Some(true), _) => (self.say)(&element.position, Said::NotApplicable(Idle::NothingAsked)),
            (_, Some(false)) => self.violated(&element.position, |judging| {
                let missing = listed(&subset.missing, &scope);
                let message = judging
                    .message(element, &[&missing])
                    .unwrap_or_else(|| format!("{} lacks {missing}", judging.subject(&element.position)));
                (message, judging.evidence(&subset.holds, element))
            }),
            (Some(false), Some(true)) => (self.say)(&element.position, Said::Pass),
            (_, None) => self.say_unknown(element, &subset.holds),
            (None, Some(true)) => self.say_unknown(element, &subset.nothing),
        }
    }

    fn count_violated(&mut self, element: &Element<'a>, count: &'a Count) {
        self.violated(&element.position, |judging| {
            let scope = judging.engine.scope(&element.values);
            let found = count.found.eval(&scope).to_string();
            let message = judging.message(element, &[&found]).unwrap_or_else(|| {
                let bound =
                    |program: &'a Option<Program>| program.as_ref().map(|at| at.eval(&scope).to_string());
                let wanted = match (bound(&count.min), bound(&count.max)) {
                    (Some(min), Some(max)) if min == max => min,
                    (Some(min), Some(max)) => format!("{min} to {max}"),
                    (Some(min), None) => format!("at least {min}"),
                    (None, Some(max)) => format!("at most {max}"),
                    (None, None) => "another number".to_owned(),
                };
                format!("{} has {found}, wanted {wanted}", judging.subject(&element.position))
            });
            (message, judging.evidence(&count.holds, element))
        });
    }

    /// Compares what `same` and `unique` gathered.
    fn compare(&mut self) {
        let members = std::mem::take(&mut self.members);
        for group in Member::groups(&members) {
            if let [only] = group.as_slice() {
                // A value that is compared with nothing is neither the same nor another.
                (self.say)(&only.position, Said::NotApplicable(Idle::Alone));
                continue;
            }
            match &self.body.verb {
                Verb::Same { value, tolerance: None, .. } => self.same(value, &group),
                Verb::Same { value, tolerance: Some(tolerance), .. } => self.close(value, tolerance, &group),
                Verb::Unique { value, .. } => self.unique(value, &group),
                Verb::Require(_) | Verb::Subset(_) | Verb::Count(_) => {}
            }
        }
    }

    fn same(&mut self, program: &'a Program, group: &[&Member<'a>]) {
        if group.iter().all(|member| member.value == group[0].value) {
            for member in group {
                (self.say)(&member.position, Said::Pass);
            }
            return;
        }
        let camps = Camps::of(group);
        let Some(majority) = camps.majority() else {
            let message = format!("{}no majority: {}", prefix(group), self.camps_told(&camps));
            for member in group {
                self.violated(&member.position, |judging| {
                    (message.clone(), judging.member_evidence(program, &[member]))
                });
            }
            return;
        };
        let wanted = &majority[0].value;
        let others = match (group.len() - majority.len(), majority.len()) {
            (1, 1) => "the other one has".to_owned(),
            (1, several) => format!("the other {several} have"),
            (_, several) => format!("{several} of {} have", group.len()),
        };
        for member in group {
            if member.value == *wanted {
                (self.say)(&member.position, Said::Pass);
                continue;
            }
            self.violated(&member.position, |judging| {
                let told = [member.value.precise(), wanted.precise()];
                let message =
                    judging.message_at(&member.position, &[&told[0], &told[1]]).unwrap_or_else(|| {
                        format!("{} has {}, {others} {}", judging.subject(&member.position), told[0], told[1])
                    });
                let message = format!("{message}{}", difference(&member.value, wanted));
                (message, judging.member_evidence(program, &[member, majority[0]]))
            });
        }
    }

    /// `same` with a tolerance: the odd ones are those outside the one closest crowd of more than half.
    fn close(&mut self, program: &'a Program, tolerance: &'a Program, group: &[&Member<'a>]) {
        let width = tolerance.eval(&self.engine.scope(&[])).datum();
        let Some(width) = width.as_ref().and_then(Datum::amount) else {
            let causes = tolerance.causes(&self.engine.scope(&[]), &[]);
            for member in group {
                let words = self.wants_words().then(|| self.engine.unknown(&causes));
                (self.say)(&member.position, Said::Unknown(words));
            }
            return;
        };
        let wanted_width = tolerance.eval(&self.engine.scope(&[])).to_string();
        let crowd = closest(group, width);
        let (least, most) = (crowd.least.value.precise(), crowd.most.value.precise());
        let range = if least == most { least } else { format!("{least} to {most}") };
        let camps = format!(
            "{}no majority: from {} on {} to {} on {}, more than {wanted_width} apart",
            prefix(group),
            crowd.lowest.value.precise(),
            self.subject(&crowd.lowest.position),
            crowd.highest.value.precise(),
            self.subject(&crowd.highest.position),
        );
        for (member, inside) in group.iter().zip(&crowd.inside) {
            if *inside && crowd.is_majority {
                (self.say)(&member.position, Said::Pass);
                continue;
            }
            self.violated(&member.position, |judging| {
                let evidence = judging.member_evidence(program, &[member]);
                if !crowd.is_majority {
                    return (camps.clone(), evidence);
                }
                let told = member.value.precise();
                let message = judging.message_at(&member.position, &[&told, &range]).unwrap_or_else(|| {
                    let subject = judging.subject(&member.position);
                    format!("{subject} has {told}, {} of {} have {range}", crowd.size, group.len())
                });
                (message, evidence)
            });
        }
    }

    fn unique(&mut self, program: &'a Program, group: &[&Member<'a>]) {
        for camp in Camps::of(group).iter() {
            if let [only] = camp {
                (self.say)(&only.position, Said::Pass);
                continue;
            }
            let all = self.first_subjects(camp);
            let value = camp[0].value.precise();
            for (at, member) in camp.iter().enumerate() {
                self.violated(&member.position, |judging| {
                    let others =
                        all.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, name)| name);
                    let others = names(others, camp.len() - 1, MOST_NAMES);
                    let message =
                        judging.message_at(&member.position, &[&value, &others]).unwrap_or_else(|| {
                            format!("{} have the same: {value}", names(&all, camp.len(), MOST_NAMES))
                        });
                    let other = camp[usize::from(at == 0)];
                    (message, judging.member_evidence(program, &[member, other]))
                });
            }
        }
    }

    /// The names of as many members as a message can show.
    fn first_subjects(&self, members: &[&Member<'a>]) -> Vec<String> {
        members.iter().take(MOST_NAMES + 2).map(|member| self.subject(&member.position)).collect()
    }

    /// `4.18 on hv1, hv2; 5.14 on hv3, hv4`
    fn camps_told(&self, camps: &Camps<'_, 'a>) -> String {
        const MOST_CAMPS: usize = 6;
        let mut told: Vec<String> = camps
            .iter()
            .take(MOST_CAMPS)
            .map(|camp| {
                let names = names(&self.first_subjects(camp), camp.len(), MOST_NAMES);
                format!("{} on {names}", camp[0].value.precise())
            })
            .collect();
        if camps.len() > MOST_CAMPS {
            told.push(format!("{} other values", camps.len() - MOST_CAMPS));
        }
        told.join("; ")
    }

    /// Whether the next element is told of with words.
    fn wants_words(&mut self) -> bool {
        self.told += 1;
        self.told <= self.engine.most_told
    }

    fn violated(&mut self, position: &Position, words: impl FnOnce(&Self) -> (String, Vec<Evidence>)) {
        let words = self.wants_words().then(|| {
            let (message, mut evidence) = words(self);
            evidence.truncate(MOST_EVIDENCE);
            Words { message, evidence }
        });
        (self.say)(position, Said::Violated(words));
    }

    fn say_unknown(&mut self, element: &Element<'a>, program: &'a Program) {
        let words = self.wants_words().then(|| {
            let scope = self.engine.scope(&element.values);
            self.engine.unknown(&program.causes(&scope, &self.paths(&element.position)))
        });
        (self.say)(&element.position, Said::Unknown(words));
    }

    fn evidence(&self, program: &'a Program, element: &Element<'a>) -> Vec<Evidence> {
        let scope = self.engine.scope(&element.values);
        let explained = program.explain(&scope, &self.paths(&element.position));
        explained
            .evidence
            .into_iter()
            .map(|piece| {
                let missing = piece.value.is_none().then(|| self.engine.missing(&piece.path));
                Evidence { path: piece.path, value: piece.value, missing }
            })
            .collect()
    }

    fn member_evidence(&self, program: &'a Program, members: &[&Member<'a>]) -> Vec<Evidence> {
        let mut all: Vec<Evidence> = Vec::new();
        for member in members {
            let values = self.each.values(self.engine.document, &member.position);
            let element = Element { values, position: member.position };
            for piece in self.evidence(program, &element) {
                if !all.contains(&piece) {
                    all.push(piece);
                }
            }
        }
        all
    }

    /// The paths of an element and of those above it.
    fn paths(&self, position: &Position) -> Vec<String> {
        position.with_above().map(|position| self.each.path(self.engine.document, &position)).collect()
    }

    fn subject(&self, position: &Position) -> String {
        self.each.subject(self.engine.document, position)
    }

    /// The rule's own words, with the words of its verb.
    fn message(&self, element: &Element<'a>, words: &[&str]) -> Option<String> {
        let template = self.body.message.as_ref()?;
        let mut values: Vec<Value<'_>> = element.values.clone();
        values.extend(words.iter().map(|word| Value::Str(word)));
        let scope = Scope { document: self.engine.document, values: &values, params: &self.engine.params };
        Some(template.render(&scope))
    }

    fn message_at(&self, position: &Position, words: &[&str]) -> Option<String> {
        let values = self.each.values(self.engine.document, position);
        self.message(&Element { values, position: *position }, words)
    }
}

/// The group's own value before what is said of it, where elements are grouped.
fn prefix(group: &[&Member<'_>]) -> String {
    group
        .first()
        .and_then(|member| member.group.as_ref())
        .map(|group| format!("{group}: "))
        .unwrap_or_default()
}

/// How a list differs from the one that is wanted; nothing for other values.
fn difference(value: &Datum<'_>, wanted: &Datum<'_>) -> String {
    let (Datum::List(own), Datum::List(wanted)) = (value, wanted) else { return String::new() };
    let told = |from: &[Datum<'_>], without: &[Datum<'_>], word: &str| {
        let all: Vec<String> =
            from.iter().filter(|one| !without.contains(one)).map(ToString::to_string).collect();
        (!all.is_empty()).then(|| format!("{word} {}", names(&all, all.len(), MOST_NAMES)))
    };
    let parts: Vec<String> =
        [told(wanted, own, "without"), told(own, wanted, "with")].into_iter().flatten().collect();
    if parts.is_empty() { " (in another order)".to_owned() } else { format!(" ({})", parts.join(", ")) }
}

/// The elements of a list that are certain, by name.
fn listed<'a>(program: &'a Program, scope: &Scope<'_, 'a>) -> String {
    let list = program.eval(scope);
    let all: Vec<String> = list
        .elements()
        .into_iter()
        .flatten()
        .filter(|element| element.certain)
        .map(|element| element.value.to_string())
        .collect();
    if all.is_empty() { list.to_string() } else { names(&all, all.len(), MOST_NAMES) }
}
