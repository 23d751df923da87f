//! How far the value of a parameter can be moved before a rule says something else.
//!
//! A limit is what, moved one way, makes a rule that holds not hold, and moved the other way does not. What makes rules
//! not hold both ways is a value to be met exactly. Only what is seen by judging counts, not how an expression is
//! written, so that `size(x) >= params.n`, `a * 100 <= b * params.n` and a tolerance are all learnt.

use super::Bound;
use crate::facts::{Document, Value};
use crate::rule::Chosen;
use crate::rule::each::Position;
use crate::rule::engine::{Engine, Said};
use crate::rule::params::{ParamList, ParamSetting, ParamValue};

/// Most elements of a list that are tried one by one.
const MOST_ELEMENTS: usize = 256;

/// What a rule says of an element, without words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Pass,
    Violated,
    Idle,
    Unknown,
}

/// What a rule says of each element.
pub(super) fn marks<'a>(engine: &Engine<'a>, chosen: &Chosen<'a>) -> Vec<(Position, Mark)> {
    let mut marks = Vec::new();
    engine.judge(chosen.rule, chosen.body, &mut |position, said| {
        let mark = match said {
            Said::Pass => Mark::Pass,
            Said::Violated(_) => Mark::Violated,
            Said::NotApplicable(_) => Mark::Idle,
            Said::Unknown(_) => Mark::Unknown,
        };
        marks.push((*position, mark));
    });
    marks
}

/// What another value of the parameter changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Nothing.
    None,
    /// Something that holds does not hold any more, and that is all.
    Breaks,
    /// Something else.
    Other,
}

/// What moving a parameter in one direction comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    /// Nothing ever changes.
    Never,
    /// Beyond this value, something breaks.
    At(i64),
    /// Something else changes first.
    Other,
}

/// What a parameter is to the rules that read it, as far as these facts tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A limit.
    Limit {
        bound: Bound,
        /// The strictest value that is met.
        seen: ParamValue,
        /// A value that is not met any more.
        beyond: ParamValue,
    },
    /// A value to be met exactly, a switch, a name.
    Choice,
    /// Nothing: no value makes a difference.
    Nothing,
}

/// One parameter being moved.
pub(super) struct Search<'s> {
    document: &'s Document,
    settings: &'s [ParamSetting],
    at: usize,
    rules: &'s [Chosen<'s>],
    before: Vec<Vec<(Position, Mark)>>,
}

impl<'s> Search<'s> {
    pub(super) fn new(
        document: &'s Document,
        settings: &'s [ParamSetting],
        at: usize,
        rules: &'s [Chosen<'s>],
    ) -> Self {
        let engine = Engine::silent(document, super::values(settings));
        let before = rules.iter().map(|chosen| marks(&engine, chosen)).collect();
        Search { document, settings, at, rules, before }
    }

    /// Whether no rule holds of anything, so that there is nothing to learn from.
    pub(super) fn is_idle(&self) -> bool {
        !self.before.iter().flatten().any(|(_, mark)| *mark == Mark::Pass)
    }

    /// What the parameter is, beginning from its value in force.
    pub(super) fn find(&self, in_force: &ParamValue) -> Found {
        match in_force {
            ParamValue::Bool(_) | ParamValue::Str(_) => Found::Choice,
            ParamValue::Int(from) => self.find_limit(*from, ParamValue::Int),
            ParamValue::Size(from) => self.find_limit(*from, ParamValue::Size),
            ParamValue::Duration(from) => self.find_limit(*from, ParamValue::Duration),
            ParamValue::Rate(from) => self.find_limit(*from, ParamValue::Rate),
            ParamValue::List(list) => self.find_list(list),
        }
    }

    fn find_limit(&self, from: i64, value: fn(i64) -> ParamValue) -> Found {
        let limit =
            |bound, seen: i64, beyond: i64| Found::Limit { bound, seen: value(seen), beyond: value(beyond) };
        let change = |at: i64| self.change(&value(at));
        // No fact is compared with less than nothing, unless the value in force is that already.
        let floor = if from >= 0 { -1 } else { i64::MIN };
        match (edge(from, i64::MAX, &change), edge(from, floor, &change)) {
            (Edge::At(_), Edge::At(_)) => Found::Choice,
            (Edge::At(seen), _) => limit(Bound::AtLeast, seen, seen.saturating_add(1)),
            (_, Edge::At(seen)) => limit(Bound::AtMost, seen, seen.saturating_sub(1)),
            (Edge::Never, Edge::Never) => Found::Nothing,
            _ => Found::Choice,
        }
    }

    /// A list is a limit where it says what is allowed: without it nothing holds, and of its elements just those are
    /// needed that the facts have.
    fn find_list(&self, list: &ParamList) -> Found {
        let none = ParamValue::List(ParamList(Vec::new()));
        match self.change(&none) {
            Change::None => return Found::Nothing,
            Change::Breaks if list.0.len() <= MOST_ELEMENTS => {}
            _ => return Found::Choice,
        }
        let needed = |order: &mut dyn Iterator<Item = usize>| {
            let mut kept: Vec<usize> = (0..list.0.len()).collect();
            for at in order {
                let rest: Vec<usize> = kept.iter().copied().filter(|one| *one != at).collect();
                if self.change(&part(list, &rest)) == Change::None {
                    kept = rest;
                }
            }
            kept
        };
        let kept = needed(&mut (0..list.0.len()));
        // Where any one of several would do, none of them is what the facts need.
        if kept != needed(&mut (0..list.0.len()).rev()) {
            return Found::Choice;
        }
        Found::Limit { bound: Bound::OneOf, seen: part(list, &kept), beyond: none }
    }

    fn change(&self, value: &ParamValue) -> Change {
        let mut values: Vec<Value<'_>> = super::values(self.settings);
        values[self.at] = value.value();
        let engine = Engine::silent(self.document, values);
        let mut change = Change::None;
        for (chosen, before) in self.rules.iter().zip(&self.before) {
            let after = marks(&engine, chosen);
            if after == *before {
                continue;
            }
            let breaks = after.len() == before.len()
                && before.iter().zip(&after).all(|((was, before), (is, after))| {
                    was == is && (before == after || (*before, *after) == (Mark::Pass, Mark::Violated))
                });
            if !breaks {
                return Change::Other;
            }
            change = Change::Breaks;
        }
        change
    }
}

fn part(list: &ParamList, kept: &[usize]) -> ParamValue {
    ParamValue::List(ParamList(kept.iter().map(|at| list.0[*at].clone()).collect()))
}

/// The last value before something changes, from one that is known not to change anything towards another: in steps
/// that double until something does, then by halves.
fn edge(from: i64, to: i64, change: &dyn Fn(i64) -> Change) -> Edge {
    let step_from = |good: i64, step: i64| {
        if to > good {
            return good.saturating_add(step).min(to);
        }
        // Nothing is a value of its own, which often switches a rule off.
        let next = good.saturating_sub(step).max(to);
        if good > 0 && next < 0 { 0 } else { next }
    };
    let (mut good, mut step) = (from, 1_i64);
    let mut bad = loop {
        let next = step_from(good, step);
        if next == good {
            return Edge::Never;
        }
        if change(next) != Change::None {
            break next;
        }
        good = next;
        step = step.saturating_mul(2);
    };
    while good.abs_diff(bad) > 1 {
        let middle = i64::try_from(i128::midpoint(i128::from(good), i128::from(bad))).unwrap_or(good);
        if change(middle) == Change::None { good = middle } else { bad = middle }
    }
    if change(bad) == Change::Breaks { Edge::At(good) } else { Edge::Other }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_found_exactly_and_only_where_there_is_one() {
        let below = |limit: i64| move |at: i64| if at < limit { Change::Breaks } else { Change::None };
        for limit in [0, 1, 7, 63, 64, 65, 999_999_999, 1_000_000_000] {
            assert_eq!(edge(1_000_000_000, -1, &below(limit)), Edge::At(limit), "{limit}");
            assert_eq!(edge(1_000_000_000, i64::MAX, &below(limit)), Edge::Never);
        }
        assert_eq!(edge(5, -1, &below(-1)), Edge::Never);
        let above = |at: i64| if at > 4_000 { Change::Breaks } else { Change::None };
        assert_eq!(edge(0, i64::MAX, &above), Edge::At(4_000));
        assert_eq!(edge(4_000, i64::MAX, &above), Edge::At(4_000));
        let switch = |at: i64| if at == 0 { Change::Other } else { Change::None };
        assert_eq!(edge(3, -1, &switch), Edge::Other);
    }
}
