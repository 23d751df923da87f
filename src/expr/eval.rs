//! Evaluation, three-valued: conditions by Kleene's tables, everything else unknown when a part it needs is.
//!
//! What is known never changes when a missing fact becomes known (`has` asks just that, and alone does). Nothing panics, and
//! nothing runs for ever: a hostile document ends in unknown.

use super::node::{Const, Loop, MAX_VARIABLES, Node, Quantifier, Relation, Root, Step};
use super::program::Scope;
use super::trace::Tracer;
use super::value::{Count, Item, Items, Plain, Presence, Seen, Text, Truth};
use crate::facts::{Record, Value};
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::Arc;

/// How many elements are looked at in one evaluation.
const MAX_STEPS: u32 = 4_000_000;
/// How many when what was read is kept.
const MAX_TRACED_STEPS: u32 = 500_000;
/// How many deciding or contributing elements are kept of one quantifier.
const MAX_TOLD: u32 = 100;

/// One evaluation.
pub(super) struct Evaluator<'a, 's, T: Tracer<'a>> {
    text: &'a str,
    document: &'a dyn Record,
    params: &'s [Value<'a>],
    slots: [Seen<'a, T::Mark>; MAX_VARIABLES],
    pub(super) trace: T,
    steps: u32,
}

/// A truth value and what it rests on.
type Judged<M> = (Truth, M);

impl<'a, 's, T: Tracer<'a>> Evaluator<'a, 's, T> {
    pub(super) fn new(text: &'a str, scope: &Scope<'s, 'a>, mut trace: T) -> Self {
        let mut slots = [const { None::<Value<'a>> }; MAX_VARIABLES];
        for (slot, value) in slots.iter_mut().zip(scope.values) {
            *slot = Some(*value);
        }
        let mut at = 0;
        let slots = slots.map(|value| {
            let mark = if T::ON && value.is_some() { trace.root(Root::Slot(at)) } else { T::Mark::default() };
            at += 1;
            fact(&mut trace, value.unwrap_or(Value::Missing), mark)
        });
        Evaluator { text, document: scope.document, params: scope.params, slots, trace, steps: 0 }
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
    fn known_or_not(&mut self, truth: Truth, mark: T::Mark) -> Judged<T::Mark> {
        (truth, if truth == Truth::Unknown { mark } else { self.trace.settled(mark) })
    }

    fn root(&mut self, root: Root) -> Seen<'a, T::Mark> {
        match root {
            Root::Slot(slot) => {
                self.slots.get(slot).cloned().unwrap_or_else(|| Self::unknown(T::Mark::default()))
            }
            Root::Document => Seen { plain: Plain::Record(self.document), mark: self.trace.root(root) },
            Root::Param(at) => {
                let mark = self.trace.root(root);
                fact(&mut self.trace, self.params.get(at).copied().unwrap_or(Value::Missing), mark)
            }
        }
    }

    fn path(&mut self, root: Root, steps: &'a [Step]) -> Seen<'a, T::Mark> {
        let (mut record, mut mark) = match root {
            Root::Document => (self.document, self.trace.root(root)),
            Root::Slot(slot) => match self.slots.get(slot) {
                Some(Seen { plain: Plain::Record(record), mark }) => (*record, *mark),
                Some(other) => return Self::unknown(other.mark),
                None => return Self::unknown(T::Mark::default()),
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

    /// Goes over the elements of a list until told to stop.
    pub(super) fn each(
        &mut self,
        list: &Seen<'a, T::Mark>,
        mut visit: impl FnMut(&mut Self, Seen<'a, T::Mark>, Presence) -> bool,
    ) {
        match &list.plain {
            Plain::Facts(facts) => {
                for position in 0..facts.len() {
                    let Some(value) = facts.get(position) else { return };
                    let mark = self.trace.element(list.mark, value, position);
                    let seen = fact(&mut self.trace, value, mark);
                    if !self.step() || !visit(self, seen, Presence::Certain) {
                        return;
                    }
                }
            }
            Plain::Items(items) => {
                for item in &items.items {
                    if !self.step() || !visit(self, item.seen.clone(), item.presence) {
                        return;
                    }
                }
            }
            _ => {}
        }
    }

    /// Lets a variable stand for an element.
    fn bind(&mut self, slot: usize, seen: Seen<'a, T::Mark>) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = seen;
        }
    }

    /// What a list as a whole rests on when all of its elements were looked at: nothing for facts that have elements.
    pub(super) fn whole(list: &Seen<'a, T::Mark>) -> T::Mark {
        match &list.plain {
            Plain::Facts(facts) if !facts.is_empty() => T::Mark::default(),
            _ => list.mark,
        }
    }

    /// What a value rests on; of a computed list, with the elements.
    pub(super) fn mark_of_all(&mut self, seen: &Seen<'a, T::Mark>) -> T::Mark {
        let Plain::Items(items) = &seen.plain else { return seen.mark };
        if !T::ON {
            return seen.mark;
        }
        let mut told = Told { mark: seen.mark, ..Told::default() };
        for item in &items.items {
            let open = item.presence != Presence::Certain
                || matches!(item.seen.plain, Plain::Unknown | Plain::Items(_));
            let mark = self.mark_of_all(&item.seen);
            told.add_or_keep(self, open, |_| mark);
        }
        told.mark
    }

    fn quantifier(&mut self, quantifier: Quantifier, over: &'a Loop) -> Judged<T::Mark> {
        let list = self.value(&over.list);
        if list.plain.is_unknown() {
            return (Truth::Unknown, list.mark);
        }
        // `exists` is decided by one that is true, `all` by one that is false, `exists_one` by two that are true.
        let (wanted, enough) = match quantifier {
            Quantifier::All => (Truth::False, 1),
            Quantifier::Exists => (Truth::True, 1),
            Quantifier::ExistsOne => (Truth::True, 2),
        };
        let (mut hits, mut open) = (Count::default(), false);
        let (mut decided, mut undecided, mut rest) = (Told::default(), Told::default(), Told::default());
        self.each(&list, |this, seen, presence| {
            let element = seen.mark;
            this.bind(over.slot, seen);
            let (truth, mark) = this.truth(&over.body);
            if truth == wanted && presence == Presence::Certain {
                hits.add(presence);
                decided.add(this, |trace| trace.deciding(element, mark));
                return T::ON || hits.least < enough;
            }
            if truth == wanted || truth == Truth::Unknown {
                hits.add(presence.doubted());
                open = true;
                undecided.add(this, |trace| trace.join(mark, element));
            } else {
                rest.add(this, |trace| trace.join(mark, element));
            }
            true
        });
        let truth = match quantifier {
            _ if hits.least >= enough => (quantifier == Quantifier::Exists).into(),
            Quantifier::ExistsOne if open => Truth::Unknown,
            Quantifier::ExistsOne => (hits.least == 1).into(),
            _ if open => Truth::Unknown,
            Quantifier::All => Truth::True,
            Quantifier::Exists => Truth::False,
        };
        if !T::ON {
            return (truth, T::Mark::default());
        }
        let whole = Self::whole(&list);
        let mark = match truth {
            _ if hits.least >= enough => decided.mark,
            Truth::Unknown => {
                let mark = self.trace.join(decided.mark, undecided.mark);
                self.trace.join(mark, whole)
            }
            _ => {
                let mark = self.trace.join(decided.mark, rest.mark);
                self.trace.join(mark, whole)
            }
        };
        self.known_or_not(truth, mark)
    }

    fn filter(&mut self, over: &'a Loop) -> Seen<'a, T::Mark> {
        let list = self.value(&over.list);
        if list.plain.is_unknown() {
            return list;
        }
        let mut told = Told::default();
        let mut items = Vec::new();
        self.each(&list, |this, seen, presence| {
            this.bind(over.slot, seen.clone());
            let (truth, mark) = this.truth(&over.body);
            told.add_or_keep(this, truth == Truth::Unknown, |trace| trace.join(mark, seen.mark));
            if truth != Truth::False {
                let mark = this.trace.also(seen.mark, mark);
                let presence = if truth == Truth::True { presence } else { presence.doubted() };
                items.push(Item { seen: Seen { mark, ..seen }, presence });
            }
            true
        });
        let in_order = in_order(&list);
        let mark = self.trace.join(told.mark, Self::whole(&list));
        Seen { plain: Plain::Items(Arc::new(Items { items, in_order })), mark }
    }

    fn count_where(&mut self, over: &'a Loop) -> Seen<'a, T::Mark> {
        let list = self.value(&over.list);
        if list.plain.is_unknown() {
            return list;
        }
        let mut told = Told::default();
        let mut count = Count::default();
        self.each(&list, |this, seen, presence| {
            let element = seen.mark;
            this.bind(over.slot, seen);
            let (truth, mark) = this.truth(&over.body);
            told.add_or_keep(this, truth == Truth::Unknown, |trace| trace.join(mark, element));
            match truth {
                Truth::True => count.add(presence),
                Truth::Unknown => count.add(presence.doubted()),
                Truth::False => {}
            }
            true
        });
        let mark = self.trace.join(told.mark, Self::whole(&list));
        Seen { plain: count.plain(), mark }
    }

    fn map(&mut self, over: &'a Loop, condition: Option<&'a Node>) -> Seen<'a, T::Mark> {
        let list = self.value(&over.list);
        if list.plain.is_unknown() {
            return list;
        }
        let mut told = Told::default();
        let mut items = Vec::new();
        self.each(&list, |this, seen, mut presence| {
            let mut member = seen.mark;
            this.bind(over.slot, seen);
            if let Some(condition) = condition {
                let (truth, mark) = this.truth(condition);
                told.add_or_keep(this, truth == Truth::Unknown, |trace| trace.join(mark, member));
                match truth {
                    Truth::False => return true,
                    Truth::True => {}
                    Truth::Unknown => presence = presence.doubted(),
                }
                member = this.trace.join(member, mark);
            }
            let value = this.value(&over.body);
            let mark = this.trace.also(value.mark, member);
            items.push(Item { seen: Seen { mark, ..value }, presence });
            true
        });
        let in_order = in_order(&list);
        let mark = self.trace.join(told.mark, Self::whole(&list));
        Seen { plain: Plain::Items(Arc::new(Items { items, in_order })), mark }
    }

    fn is_in(&mut self, element: &'a Node, list: &'a Node) -> Judged<T::Mark> {
        let wanted = self.value(element);
        let wanted = Seen { mark: self.mark_of_all(&wanted), ..wanted };
        let mut found = Truth::False;
        let mut told = Told::default();
        // A list that stands in the text is not made for this.
        if let Node::List(elements) = list {
            for element in elements {
                let other = self.value(element);
                match self.compare(Relation::Equal, &wanted.plain, &other.plain) {
                    Truth::False => {}
                    Truth::True => {
                        let mark = self.trace.join(wanted.mark, other.mark);
                        return self.known_or_not(Truth::True, mark);
                    }
                    Truth::Unknown => found = Truth::Unknown,
                }
                let mark = self.mark_of_all(&other);
                told.add(self, |_| mark);
            }
            let mark = self.trace.join(wanted.mark, told.mark);
            return self.known_or_not(found, mark);
        }
        let list = self.value(list);
        if list.plain.is_unknown() {
            return self.judged(Truth::Unknown, &wanted, &list);
        }
        self.each(&list, |this, other, presence| {
            match this.compare(Relation::Equal, &wanted.plain, &other.plain) {
                Truth::False => {}
                Truth::True if presence == Presence::Certain => {
                    found = Truth::True;
                    told = Told::default();
                    let mark = this.mark_of_all(&other);
                    told.add(this, |_| mark);
                    return false;
                }
                _ => {
                    found = Truth::Unknown;
                    let mark = this.mark_of_all(&other);
                    told.add(this, |_| mark);
                }
            }
            true
        });
        let mut mark = self.trace.join(wanted.mark, told.mark);
        if found != Truth::True {
            mark = self.trace.join(mark, list.mark);
        }
        self.known_or_not(found, mark)
    }

    fn index(&mut self, list: &'a Node, index: &'a Node, range: &Range<usize>) -> Seen<'a, T::Mark> {
        let (list, index) = (self.value(list), self.value(index));
        let Plain::Int(wanted) = index.plain else { return self.unknown_of(&list, &index) };
        let outside = |length: usize| format!("there is no element [{wanted}] in a list of {length}");
        match &list.plain {
            Plain::Facts(facts) => {
                let found =
                    usize::try_from(wanted).ok().and_then(|at| facts.get(at).map(|value| (at, value)));
                let Some((at, value)) = found else {
                    let length = facts.len();
                    let mark = self.trace.also(list.mark, index.mark);
                    return self.fault_in(range, mark, || outside(length));
                };
                let mark = self.trace.element(list.mark, value, at);
                let seen = fact(&mut self.trace, value, mark);
                let mark = self.trace.also(seen.mark, index.mark);
                Seen { mark, ..seen }
            }
            Plain::Items(items) => {
                let certain =
                    items.items.iter().take_while(|item| item.presence == Presence::Certain).count();
                let at = usize::try_from(wanted).ok();
                let found =
                    at.filter(|at| *at < certain && items.in_order).and_then(|at| items.items.get(at));
                if let Some(item) = found {
                    let mark = self.trace.also(item.seen.mark, index.mark);
                    return Seen { plain: item.seen.plain.clone(), mark };
                }
                let most = items.count().most;
                let mark = self.trace.join(list.mark, index.mark);
                if at.is_none() || wanted >= most {
                    return self.fault_in(range, mark, || outside(items.items.len()));
                }
                let items = Arc::clone(items);
                let mut told = Told { mark, ..Told::default() };
                for item in
                    items.items.iter().filter(|item| item.presence != Presence::Certain || !items.in_order)
                {
                    told.add(self, |_| item.seen.mark);
                }
                Self::unknown(told.mark)
            }
            _ => self.unknown_of(&list, &index),
        }
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

    /// Whether the first is to the second as the relation says.
    pub(super) fn compare(
        &mut self,
        relation: Relation,
        a: &Plain<'a, T::Mark>,
        b: &Plain<'a, T::Mark>,
    ) -> Truth {
        let ordering = match (a, b) {
            (Plain::Unknown, _) | (_, Plain::Unknown) => return Truth::Unknown,
            (Plain::Bool(a), Plain::Bool(b)) => a.cmp(b),
            (Plain::Int(a), Plain::Int(b))
            | (Plain::Size(a), Plain::Size(b))
            | (Plain::Duration(a), Plain::Duration(b))
            | (Plain::Rate(a), Plain::Rate(b)) => a.cmp(b),
            (Plain::Str(a), Plain::Str(b)) => (**a).cmp(&**b),
            (Plain::Int(_) | Plain::Between(..), Plain::Int(_) | Plain::Between(..)) => {
                return between(relation, bounds(a), bounds(b));
            }
            (Plain::Cidr(a), Plain::Cidr(b)) => a.cmp(b),
            (Plain::Facts(_) | Plain::Items(_), Plain::Facts(_) | Plain::Items(_)) => {
                let equal = self.equal_lists(a, b);
                return if relation == Relation::Unequal { equal.not() } else { equal };
            }
            _ => match (a.version(), b.version()) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => return Truth::Unknown,
            },
        };
        relation.holds(ordering).into()
    }

    fn equal_lists(&mut self, a: &Plain<'a, T::Mark>, b: &Plain<'a, T::Mark>) -> Truth {
        let (Some(count_a), Some(count_b)) = (a.count(), b.count()) else { return Truth::Unknown };
        if count_a.most < count_b.least || count_b.most < count_a.least {
            return Truth::False;
        }
        if count_a.most == 0 && count_b.most == 0 {
            return Truth::True;
        }
        let exact = |plain: &Plain<'a, T::Mark>, count: Count| match plain {
            Plain::Items(items) => items.in_order && count.least == count.most,
            _ => true,
        };
        if !exact(a, count_a) || !exact(b, count_b) {
            return Truth::Unknown;
        }
        let mut equal = Truth::True;
        for at in 0..usize::try_from(count_a.least).unwrap_or(0) {
            let (Some(a), Some(b)) = (element(a, at), element(b, at)) else { return Truth::Unknown };
            if !self.step() {
                return Truth::Unknown;
            }
            match self.compare(Relation::Equal, &a, &b) {
                Truth::False => return Truth::False,
                Truth::True => {}
                Truth::Unknown => equal = Truth::Unknown,
            }
        }
        equal
    }
}

/// Marks of many elements, the first of them only.
struct Told<M> {
    pub(super) mark: M,
    count: u32,
}

impl<M: Default> Default for Told<M> {
    fn default() -> Self {
        Told { mark: M::default(), count: 0 }
    }
}

impl<M: Copy + Default> Told<M> {
    fn add<'a, 's, T: Tracer<'a, Mark = M>>(
        &mut self,
        evaluator: &mut Evaluator<'a, 's, T>,
        mark: impl FnOnce(&mut T) -> M,
    ) {
        self.add_or_keep(evaluator, false, mark);
    }

    /// Adds a mark; one that must not be lost even when there are many.
    fn add_or_keep<'a, 's, T: Tracer<'a, Mark = M>>(
        &mut self,
        evaluator: &mut Evaluator<'a, 's, T>,
        must: bool,
        mark: impl FnOnce(&mut T) -> M,
    ) {
        if T::ON && (self.count < MAX_TOLD || must) {
            self.count += 1;
            let mark = mark(&mut evaluator.trace);
            self.mark = evaluator.trace.join(self.mark, mark);
        }
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

fn in_order<M>(list: &Seen<'_, M>) -> bool {
    match &list.plain {
        Plain::Items(items) => items.in_order,
        _ => true,
    }
}

fn element<'a, M: Copy>(list: &Plain<'a, M>, at: usize) -> Option<Plain<'a, M>> {
    match list {
        Plain::Facts(facts) => facts.get(at).map(Plain::from),
        Plain::Items(items) => items.items.get(at).map(|item| item.seen.plain.clone()),
        _ => None,
    }
}

/// The least and the greatest number that a value can be.
pub(super) fn bounds<M>(plain: &Plain<'_, M>) -> (i64, i64) {
    match plain {
        Plain::Int(value) => (*value, *value),
        Plain::Between(least, most) => (*least, *most),
        _ => (i64::MIN, i64::MAX),
    }
}

fn between(relation: Relation, a: (i64, i64), b: (i64, i64)) -> Truth {
    match relation {
        Relation::Equal if a.1 < b.0 || b.1 < a.0 => Truth::False,
        Relation::Equal if a.0 == a.1 && a == b => Truth::True,
        Relation::Equal => Truth::Unknown,
        Relation::Unequal => between(Relation::Equal, a, b).not(),
        Relation::Less if a.1 < b.0 => Truth::True,
        Relation::Less if a.0 >= b.1 => Truth::False,
        Relation::Less => Truth::Unknown,
        Relation::Greater => between(Relation::Less, b, a),
        Relation::LessEqual => between(Relation::Less, b, a).not(),
        Relation::GreaterEqual => between(Relation::Less, a, b).not(),
    }
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Relation::Equal => ordering.is_eq(),
            Relation::Unequal => ordering.is_ne(),
            Relation::Less => ordering.is_lt(),
            Relation::LessEqual => ordering.is_le(),
            Relation::Greater => ordering.is_gt(),
            Relation::GreaterEqual => ordering.is_ge(),
        }
    }
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
