//! Evaluation, three-valued: conditions by Kleene's tables, everything else unknown when a part it needs is.
//!
//! What is known never changes when a missing fact becomes known (`has` asks just that, and alone does). Nothing panics, and
//! nothing runs for ever: a hostile document ends in unknown.

use super::node::{Const, Node, Root, Step};
use super::program::Scope;
use super::trace::Tracer;
use super::value::{Item, Items, Plain, Presence, Seen, Text, Truth};
use crate::facts::{Record, Value};
use std::ops::Range;
use std::sync::Arc;

/// How many elements are looked at in one evaluation.
const MAX_STEPS: u32 = 4_000_000;
/// How many when what was read is kept.
const MAX_TRACED_STEPS: u32 = 500_000;

/// One evaluation.
pub(super) struct Evaluator<'a, 's, T: Tracer<'a>> {
    text: &'a str,
    document: &'a dyn Record,
    params: &'s [Value<'a>],
    /// The rule's variables, which come first.
    bound: &'s [Value<'a>],
    /// The variables of macros, by their place after the rule's. Empty, and nothing to make, until a macro binds one.
    inner: Vec<Seen<'a, T::Mark>>,
    pub(super) trace: T,
    steps: u32,
}

/// A truth value and what it rests on.
pub(super) type Judged<M> = (Truth, M);

impl<'a, 's, T: Tracer<'a>> Evaluator<'a, 's, T> {
    pub(super) fn new(text: &'a str, scope: &Scope<'s, 'a>, trace: T) -> Self {
        Evaluator {
            text,
            document: scope.document,
            params: scope.params,
            bound: scope.values,
            inner: Vec::new(),
            trace,
            steps: 0,
        }
    }

    /// Lets a macro's variable stand for an element.
    pub(super) fn bind(&mut self, slot: usize, seen: Seen<'a, T::Mark>) {
        let at = slot.saturating_sub(self.bound.len());
        if at >= self.inner.len() {
            self.inner.resize_with(at + 1, || Self::unknown(T::Mark::default()));
        }
        self.inner[at] = seen;
    }

    /// Whether the evaluation was cut short, so that its result means nothing.
    pub(super) fn is_exhausted(&self) -> bool {
        self.steps > if T::ON { MAX_TRACED_STEPS } else { MAX_STEPS }
    }

    /// Counts an element that is looked at, and says whether to go on.
    pub(super) fn step(&mut self) -> bool {
        self.steps = self.steps.saturating_add(1);
        !self.is_exhausted()
    }

    pub(super) fn unknown(mark: T::Mark) -> Seen<'a, T::Mark> {
        Seen { plain: Plain::Unknown, mark }
    }

    pub(super) fn fault(&mut self, on: T::Mark, why: impl FnOnce() -> String) -> Seen<'a, T::Mark> {
        Self::unknown(self.trace.fault(on, why))
    }

    /// A fault of a part of the expression, which is quoted.
    pub(super) fn fault_in(
        &mut self,
        range: &Range<usize>,
        on: T::Mark,
        why: impl FnOnce() -> String,
    ) -> Seen<'a, T::Mark> {
        let part = self.text.get(range.clone()).unwrap_or_default();
        self.fault(on, || format!("{} in `{part}`", why()))
    }

    /// Both marks, of two values of which at least one is unknown.
    pub(super) fn unknown_of(&mut self, a: &Seen<'a, T::Mark>, b: &Seen<'a, T::Mark>) -> Seen<'a, T::Mark> {
        Self::unknown(self.trace.join(a.mark, b.mark))
    }

    /// A part that is a bool.
    pub(super) fn truth(&mut self, node: &'a Node) -> Judged<T::Mark> {
        match node {
            Node::And(left, right) => self.both(Truth::False, left, right),
            Node::Or(left, right) => self.both(Truth::True, left, right),
            Node::Not(of) => {
                let (truth, mark) = self.truth(of);
                (truth.not(), mark)
            }
            Node::Compare(relation, left, right) => {
                let (a, b) = (self.value(left), self.value(right));
                let truth = self.compare(*relation, &a.plain, &b.plain);
                let (a, b) = (self.mark_of_all(&a), self.mark_of_all(&b));
                let mark = self.trace.join(a, b);
                self.known_or_not(truth, mark)
            }
            Node::In(element, list) => self.is_in(element, list),
            Node::Quantifier(quantifier, over) => self.quantifier(*quantifier, over),
            Node::Has(of) => {
                let seen = self.value(of);
                let known = match &seen.plain {
                    Plain::Unknown => false,
                    Plain::Record(record) => is_known(*record),
                    _ => true,
                };
                (known.into(), self.trace.settled(seen.mark))
            }
            Node::Attested(valid, any, subject) => self.attested(valid, any, subject),
            Node::TextTest(..) | Node::Matches(..) => self.text_test(node),
            Node::CidrContains(..) | Node::CidrCovers(..) | Node::CidrOverlaps(..) => self.subnet_test(node),
            _ => {
                let seen = self.value(node);
                (seen.plain.truth(), seen.mark)
            }
        }
    }

    pub(super) fn value(&mut self, node: &'a Node) -> Seen<'a, T::Mark> {
        match node {
            Node::Const(value) => Seen { plain: value.plain(), mark: T::Mark::default() },
            Node::Root(root) => self.root(*root),
            Node::Path(root, steps) => self.path(*root, steps),
            Node::Field(base, step) => {
                let base = self.value(base);
                self.field(base, *step)
            }
            Node::Index(list, index, range) => self.index(list, index, range),
            Node::Choose(condition, then, otherwise) => {
                let (truth, mark) = self.truth(condition);
                let chosen = match truth {
                    Truth::True => self.value(then),
                    Truth::False => self.value(otherwise),
                    Truth::Unknown => return Self::unknown(mark),
                };
                let mark = self.trace.also(chosen.mark, mark);
                Seen { mark, ..chosen }
            }
            Node::Minus(of, range) => self.minus(of, range),
            Node::Arithmetic(what, left, right, range) => self.arithmetic(*what, left, right, range),
            Node::Concat(left, right, range) => self.concat(left, right, range),
            Node::Append(left, right) => self.append(left, right),
            Node::List(elements) => {
                let items = elements
                    .iter()
                    .map(|element| Item { seen: self.value(element), presence: Presence::Certain });
                Self::list(items.collect(), T::Mark::default())
            }
            Node::Filter(over) => self.filter(over),
            Node::CountWhere(over) => self.count_where(over),
            Node::Map(over, condition) => self.map(over, condition.as_deref()),
            Node::Size(of) => self.size(of),
            Node::AsciiCase(case, of) => self.ascii_case(*case, of),
            Node::Distinct(of) => self.distinct(of),
            Node::Flatten(of) => self.flatten(of),
            Node::Sort(of) => self.sort(of),
            Node::Extreme(extreme, of, range) => self.extreme(*extreme, of, range),
            Node::Sum(of, nothing, range) => self.sum(of, nothing, range),
            Node::Join(of, separator, range) => self.join(of, separator, range),
            Node::Version(of) => self.version(of),
            Node::Cidr(of) => self.subnet(of),
            Node::ToInt(of) => self.number(of),
            Node::ToText(of) => self.written(of),
            Node::Not(_)
            | Node::And(..)
            | Node::Or(..)
            | Node::Compare(..)
            | Node::In(..)
            | Node::Has(_)
            | Node::Attested(..)
            | Node::Quantifier(..)
            | Node::TextTest(..)
            | Node::Matches(..)
            | Node::CidrContains(..)
            | Node::CidrCovers(..)
            | Node::CidrOverlaps(..) => {
                let (truth, mark) = self.truth(node);
                Seen { plain: truth.into(), mark }
            }
        }
    }

    /// What nobody vouches for is not known, and never false.
    fn attested(&mut self, valid: &'a Node, any: &'a Node, subject: &str) -> Judged<T::Mark> {
        let (truth, mark) = self.truth(valid);
        if truth != Truth::False {
            return (truth, mark);
        }
        let ran_out = self.truth(any).0 == Truth::True;
        let unknown = self.fault(T::Mark::default(), || {
            if ran_out {
                format!("what vouches for `{subject}` ran out: its [[attest]] wants a later `until`")
            } else {
                format!("nobody vouches for `{subject}`: an [[attest]] with that subject is wanted")
            }
        });
        (Truth::Unknown, unknown.mark)
    }

    /// `&&` and `||`: the second decides unless the first one is already the value that does.
    fn both(&mut self, decides: Truth, left: &'a Node, right: &'a Node) -> Judged<T::Mark> {
        let (first, first_mark) = self.truth(left);
        if !T::ON && first == decides {
            return (first, first_mark);
        }
        let (second, second_mark) = self.truth(right);
        match (first == decides, second == decides) {
            (true, false) => (decides, first_mark),
            (false, true) => (decides, second_mark),
            (true, true) => (decides, self.trace.join(first_mark, second_mark)),
            (false, false) => {
                let truth = if first == Truth::Unknown { first } else { second };
                (truth, self.trace.join(first_mark, second_mark))
            }
        }
    }

    /// A truth that rests on two values.
    pub(super) fn judged(
        &mut self,
        truth: Truth,
        a: &Seen<'a, T::Mark>,
        b: &Seen<'a, T::Mark>,
    ) -> Judged<T::Mark> {
        let mark = self.trace.join(a.mark, b.mark);
        self.known_or_not(truth, mark)
    }

    /// What is known has no causes.
    pub(super) fn known_or_not(&mut self, truth: Truth, mark: T::Mark) -> Judged<T::Mark> {
        (truth, if truth == Truth::Unknown { mark } else { self.trace.settled(mark) })
    }

    fn root(&mut self, root: Root) -> Seen<'a, T::Mark> {
        match root {
            Root::Slot(slot) => match self.bound.get(slot) {
                Some(value) => {
                    let mark = self.trace.root(root);
                    fact(&mut self.trace, *value, mark)
                }
                None => {
                    self.inner_variable(slot).cloned().unwrap_or_else(|| Self::unknown(T::Mark::default()))
                }
            },
            Root::Document => Seen { plain: Plain::Record(self.document), mark: self.trace.root(root) },
            Root::Param(at) => {
                let mark = self.trace.root(root);
                fact(&mut self.trace, self.params.get(at).copied().unwrap_or(Value::Missing), mark)
            }
        }
    }

    fn inner_variable(&self, slot: usize) -> Option<&Seen<'a, T::Mark>> {
        self.inner.get(slot.checked_sub(self.bound.len())?)
    }

    fn path(&mut self, root: Root, steps: &'a [Step]) -> Seen<'a, T::Mark> {
        let (mut record, mut mark) = match root {
            Root::Document => (self.document, self.trace.root(root)),
            Root::Slot(slot) => match (self.bound.get(slot), self.inner_variable(slot)) {
                (Some(Value::Record(record)), _) => (*record, self.trace.root(root)),
                (Some(_), _) => {
                    let mark = self.root(root).mark;
                    return Self::unknown(mark);
                }
                (None, Some(Seen { plain: Plain::Record(record), mark })) => (*record, *mark),
                (None, Some(other)) => return Self::unknown(other.mark),
                (None, None) => return Self::unknown(T::Mark::default()),
            },
            Root::Param(_) => return self.root(root),
        };
        let mut value = Value::Record(record);
        for step in steps {
            mark = self.trace.field(mark, step.name);
            value = match value {
                Value::Record(_) => record.field(step.index),
                // Of a group that is missing as a whole, the field is named all the same.
                _ => Value::Missing,
            };
            if let Value::Record(below) = value {
                record = below;
            }
        }
        fact(&mut self.trace, value, mark)
    }

    fn field(&mut self, base: Seen<'a, T::Mark>, step: Step) -> Seen<'a, T::Mark> {
        let Plain::Record(record) = base.plain else { return Self::unknown(base.mark) };
        let mark = self.trace.field(base.mark, step.name);
        let seen = fact(&mut self.trace, record.field(step.index), mark);
        let mark = self.trace.also(seen.mark, base.mark);
        Seen { mark, ..seen }
    }

    /// A computed list in which the order is known.
    pub(super) fn list(items: Vec<Item<'a, T::Mark>>, mark: T::Mark) -> Seen<'a, T::Mark> {
        Seen { plain: Plain::Items(Arc::new(Items { items, in_order: true })), mark }
    }

    fn size(&mut self, of: &'a Node) -> Seen<'a, T::Mark> {
        let of = self.value(of);
        let plain = match &of.plain {
            Plain::Str(text) => Plain::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX)),
            other => match other.count() {
                Some(count) => count.plain(),
                None => return of,
            },
        };
        Seen { plain, mark: self.trace.join(of.mark, T::Mark::default()) }
    }
}

/// A fact as a value. Records are not read, only what is in them.
pub(super) fn fact<'a, T: Tracer<'a>>(trace: &mut T, value: Value<'a>, mark: T::Mark) -> Seen<'a, T::Mark> {
    let mark = if matches!(value, Value::Record(_)) { mark } else { trace.read(mark, value) };
    Seen { plain: value.into(), mark }
}

/// Whether any fact of a record is known.
fn is_known(record: &dyn Record) -> bool {
    (0..record.record_type().fields.len()).any(|at| match record.field(at) {
        Value::Missing => false,
        Value::Record(below) => is_known(below),
        _ => true,
    })
}

impl Const {
    pub(super) fn plain<M>(&self) -> Plain<'_, M> {
        match self {
            Const::Bool(value) => Plain::Bool(*value),
            Const::Int(value) => Plain::Int(*value),
            Const::Size(value) => Plain::Size(*value),
            Const::Duration(value) => Plain::Duration(*value),
            Const::Rate(value) => Plain::Rate(*value),
            Const::Str(text) => Plain::Str(Text::Borrowed(text)),
            Const::Version(text) => Plain::Version(Text::Borrowed(text)),
            Const::Cidr(subnet) => Plain::Cidr(*subnet),
        }
    }
}
