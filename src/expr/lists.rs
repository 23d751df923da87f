//! What index and methods make of lists, those with elements that may or may not be in them among them.

use super::datum::Datum;
use super::elements::Told;
use super::eval::{Evaluator, fact};
use super::node::{Const, Extreme, Node};
use super::operate::{MAX_TEXT, amount, shared};
use super::trace::Tracer;
use super::value::{Item, Items, Plain, Presence, Seen};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The elements of a list that is wholly known, and what they rest on.
type AllKnown<'a, M> = (Vec<Plain<'a, M>>, M);

impl<'a, T: Tracer<'a>> Evaluator<'a, '_, T> {
    pub(super) fn index(
        &mut self,
        list: &'a Node,
        index: &'a Node,
        range: &Range<usize>,
    ) -> Seen<'a, T::Mark> {
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
                let mut told = Told::on(mark);
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

    /// All elements of a list, or one that stands for any number of them.
    fn items_of(&mut self, list: &Seen<'a, T::Mark>, items: &mut Vec<Item<'a, T::Mark>>) -> bool {
        if list.plain.is_unknown() {
            items.push(Item { seen: Self::unknown(list.mark), presence: Presence::Many });
        }
        self.each(list, |_, seen, presence| {
            items.push(Item { seen, presence });
            true
        });
        match &list.plain {
            Plain::Items(items) => items.in_order,
            _ => true,
        }
    }

    pub(super) fn append(&mut self, left: &'a Node, right: &'a Node) -> Seen<'a, T::Mark> {
        let (a, b) = (self.value(left), self.value(right));
        let mark = self.trace.join(Self::whole(&a), Self::whole(&b));
        if a.plain.is_unknown() && b.plain.is_unknown() {
            return Self::unknown(mark);
        }
        let mut items = Vec::new();
        let in_order = self.items_of(&a, &mut items) & self.items_of(&b, &mut items);
        Seen { plain: Plain::Items(Arc::new(Items { items, in_order })), mark }
    }

    pub(super) fn flatten(&mut self, of: &'a Node) -> Seen<'a, T::Mark> {
        let outer = self.value(of);
        if outer.plain.is_unknown() {
            return outer;
        }
        let mut mark = self.trace.join(Self::whole(&outer), T::Mark::default());
        let mut items = Vec::new();
        let mut in_order = !matches!(&outer.plain, Plain::Items(items) if !items.in_order);
        self.each(&outer, |this, list, presence| {
            let start = items.len();
            in_order &= this.items_of(&list, &mut items);
            let member = Self::whole(&list);
            mark = this.trace.join(mark, member);
            for item in &mut items[start..] {
                item.presence = item.presence.within(presence);
                item.seen.mark = this.trace.also(item.seen.mark, member);
            }
            true
        });
        Seen { plain: Plain::Items(Arc::new(Items { items, in_order })), mark }
    }

    pub(super) fn distinct(&mut self, of: &'a Node) -> Seen<'a, T::Mark> {
        let list = self.value(of);
        if list.plain.is_unknown() {
            return list;
        }
        let mut items: Vec<Item<'a, T::Mark>> = Vec::new();
        let in_order = self.items_of(&list, &mut items);
        let mut kept: Vec<Item<'a, T::Mark>> = Vec::new();
        let mut order_known = in_order;
        let mut places: BTreeMap<Datum<'a>, usize> = BTreeMap::new();
        let mut mark = list.mark;
        for mut item in items {
            let Some(datum) = Datum::of(&item.seen.plain) else {
                mark = self.trace.join(mark, item.seen.mark);
                // It may be equal to any other one.
                item.presence = item.presence.doubted();
                kept.push(item);
                continue;
            };
            if let Some(&place) = places.get(&datum) {
                if item.presence == Presence::Certain && kept[place].presence != Presence::Certain {
                    kept[place].presence = Presence::Certain;
                    order_known = false;
                }
                continue;
            }
            places.insert(datum, kept.len());
            kept.push(item);
        }
        // Of elements that are there, one remains, even if nothing is known of any.
        let there = match &list.plain {
            Plain::Items(items) => items.count().least > 0,
            other => other.count().is_some_and(|count| count.least > 0),
        };
        if there
            && !kept.iter().any(|item| item.presence == Presence::Certain)
            && let Some(first) = kept.iter_mut().find(|item| item.seen.plain.is_unknown())
        {
            first.presence = Presence::Certain;
            order_known = false;
        }
        let mark = self.trace.join(mark, T::Mark::default());
        Seen { plain: Plain::Items(Arc::new(Items { items: kept, in_order: order_known })), mark }
    }

    pub(super) fn sort(&mut self, of: &'a Node) -> Seen<'a, T::Mark> {
        let list = self.value(of);
        if list.plain.is_unknown() {
            return list;
        }
        let mut items = Vec::new();
        self.items_of(&list, &mut items);
        let mut mark = list.mark;
        for item in &items {
            mark = self.trace.join(mark, item.seen.mark);
        }
        let mut keyed: Vec<_> = items.into_iter().map(|item| (Datum::of(&item.seen.plain), item)).collect();
        let in_order = keyed.iter().all(|(key, _)| key.is_some());
        keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let items = keyed.into_iter().map(|(_, item)| item).collect();
        Seen { plain: Plain::Items(Arc::new(Items { items, in_order })), mark }
    }

    /// Every element of a list, where all are known; else what is not.
    fn all_known(&mut self, of: &'a Node) -> Result<AllKnown<'a, T::Mark>, Seen<'a, T::Mark>> {
        let list = self.value(of);
        if list.plain.is_unknown() {
            return Err(list);
        }
        let mut known = Vec::new();
        let mut open = false;
        let mut mark = Self::whole(&list);
        self.each(&list, |this, seen, presence| {
            open |=
                presence != Presence::Certain || matches!(seen.plain, Plain::Unknown | Plain::Between(..));
            mark = this.trace.join(mark, seen.mark);
            known.push(seen.plain);
            true
        });
        if open { Err(Self::unknown(mark)) } else { Ok((known, mark)) }
    }

    pub(super) fn extreme(
        &mut self,
        extreme: Extreme,
        of: &'a Node,
        range: &Range<usize>,
    ) -> Seen<'a, T::Mark> {
        let (known, mark) = match self.all_known(of) {
            Ok(known) => known,
            Err(unknown) => return unknown,
        };
        let keyed = known.into_iter().filter_map(|plain| Some((Datum::of(&plain)?, plain)));
        let found = match extreme {
            Extreme::Least => keyed.min_by(|(a, _), (b, _)| a.cmp(b)),
            Extreme::Greatest => keyed.max_by(|(a, _), (b, _)| a.cmp(b)),
        };
        let mark = self.trace.join(mark, T::Mark::default());
        match found {
            Some((_, plain)) => Seen { plain, mark },
            None => {
                self.fault_in(range, mark, || "an empty list has no least and no greatest element".to_owned())
            }
        }
    }

    pub(super) fn sum(
        &mut self,
        of: &'a Node,
        nothing: &'a Const,
        range: &Range<usize>,
    ) -> Seen<'a, T::Mark> {
        let (known, mark) = match self.all_known(of) {
            Ok(known) => known,
            Err(unknown) => return unknown,
        };
        let mark = self.trace.join(mark, T::Mark::default());
        let sum = known.iter().filter_map(amount).try_fold(0_i64, i64::checked_add);
        let Some(sum) = sum else { return self.too_large(range, mark) };
        let plain = match nothing {
            Const::Size(_) => Plain::Size(sum),
            Const::Duration(_) => Plain::Duration(sum),
            Const::Rate(_) => Plain::Rate(sum),
            _ => Plain::Int(sum),
        };
        Seen { plain, mark }
    }

    pub(super) fn join(
        &mut self,
        of: &'a Node,
        separator: &'a Node,
        range: &Range<usize>,
    ) -> Seen<'a, T::Mark> {
        let separator = self.value(separator);
        let (known, mark) = match self.all_known(of) {
            Ok(known) => known,
            Err(unknown) => return self.unknown_of(&unknown, &separator),
        };
        let mark = self.trace.join(mark, separator.mark);
        let Some(between) = separator.plain.text() else { return Self::unknown(mark) };
        let texts: Vec<&str> = known.iter().filter_map(Plain::text).collect();
        let length = texts.iter().fold(0_usize, |sum, text| sum.saturating_add(text.len() + between.len()));
        if length > MAX_TEXT {
            return self.too_long(range, mark);
        }
        Seen { plain: shared(texts.join(between)), mark }
    }
}
