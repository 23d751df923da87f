//! Macros and `in`: going over the elements of a list, those that may be in it among them.

use super::eval::{Evaluator, Judged, fact};
use super::node::{Loop, Node, Quantifier, Relation};
use super::trace::Tracer;
use super::value::{Count, Item, Items, Plain, Presence, Seen, Truth};
use std::sync::Arc;

/// How many deciding or contributing elements are kept of one list.
const MAX_TOLD: u32 = 100;

impl<'a, T: Tracer<'a>> Evaluator<'a, '_, T> {
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
        let mut told = Told::on(seen.mark);
        for item in &items.items {
            let open = item.presence != Presence::Certain
                || matches!(item.seen.plain, Plain::Unknown | Plain::Items(_));
            let mark = self.mark_of_all(&item.seen);
            told.add_or_keep(self, open, |_| mark);
        }
        told.mark
    }

    pub(super) fn quantifier(&mut self, quantifier: Quantifier, over: &'a Loop) -> Judged<T::Mark> {
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

    pub(super) fn filter(&mut self, over: &'a Loop) -> Seen<'a, T::Mark> {
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

    pub(super) fn count_where(&mut self, over: &'a Loop) -> Seen<'a, T::Mark> {
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

    pub(super) fn map(&mut self, over: &'a Loop, condition: Option<&'a Node>) -> Seen<'a, T::Mark> {
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

    pub(super) fn is_in(&mut self, element: &'a Node, list: &'a Node) -> Judged<T::Mark> {
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
}

/// Marks of many elements, the first of them only.
pub(super) struct Told<M> {
    pub(super) mark: M,
    count: u32,
}

impl<M: Default> Default for Told<M> {
    fn default() -> Self {
        Told { mark: M::default(), count: 0 }
    }
}

impl<M: Copy + Default> Told<M> {
    /// Beginning with a mark.
    pub(super) fn on(mark: M) -> Self {
        Told { mark, count: 0 }
    }

    /// Adds a mark, if there is room.
    pub(super) fn add<'a, 's, T: Tracer<'a, Mark = M>>(
        &mut self,
        evaluator: &mut Evaluator<'a, 's, T>,
        mark: impl FnOnce(&mut T) -> M,
    ) {
        self.add_or_keep(evaluator, false, mark);
    }

    /// Adds a mark; one that must not be lost even when there are many.
    pub(super) fn add_or_keep<'a, 's, T: Tracer<'a, Mark = M>>(
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

fn in_order<M>(list: &Seen<'_, M>) -> bool {
    match &list.plain {
        Plain::Items(items) => items.in_order,
        _ => true,
    }
}
