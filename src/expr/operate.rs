//! What operators, functions and methods make of values.
//!
//! Each is unknown when a value it needs is, and when the values cannot be used together (a division by zero, a number that
//! does not fit, text that is no address); the trace then says so.

use super::datum::Datum;
use super::eval::{Evaluator, bounds};
use super::node::{Arithmetic, AsciiCase, Const, Extreme, Node, TextTest};
use super::trace::Tracer;
use super::value::{Count, Item, Items, Plain, Presence, Seen, Text, Truth};
use super::version::VersionText;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

/// Longest text that is computed, in bytes.
const MAX_TEXT: usize = 1 << 20;

impl<'a, T: Tracer<'a>> Evaluator<'a, '_, T> {
    pub(super) fn minus(&mut self, of: &'a Node, range: &Range<usize>) -> Seen<'a, T::Mark> {
        let of = self.value(of);
        let negated = match &of.plain {
            Plain::Int(n) => n.checked_neg().map(Plain::Int),
            Plain::Size(n) => n.checked_neg().map(Plain::Size),
            Plain::Duration(n) => n.checked_neg().map(Plain::Duration),
            Plain::Rate(n) => n.checked_neg().map(Plain::Rate),
            _ => return Self::unknown(of.mark),
        };
        let mark = self.trace.join(of.mark, T::Mark::default());
        match negated {
            Some(plain) => Seen { plain, mark },
            None => self.too_large(range, mark),
        }
    }

    fn too_large(&mut self, range: &Range<usize>, on: T::Mark) -> Seen<'a, T::Mark> {
        self.fault_in(range, on, || "the result does not fit a number of 64 bits".to_owned())
    }

    pub(super) fn arithmetic(
        &mut self,
        what: Arithmetic,
        left: &'a Node,
        right: &'a Node,
        range: &Range<usize>,
    ) -> Seen<'a, T::Mark> {
        let (a, b) = (self.value(left), self.value(right));
        let mark = self.trace.join(a.mark, b.mark);
        let wrap: fn(i64) -> Plain<'a, T::Mark> = match (&a.plain, &b.plain) {
            (Plain::Unknown, _) | (_, Plain::Unknown) => return Self::unknown(mark),
            (Plain::Between(..), _) | (_, Plain::Between(..)) => {
                return Seen { plain: add_bounds(what, bounds(&a.plain), bounds(&b.plain)), mark };
            }
            // A unit by the same unit is a number.
            (Plain::Size(_), Plain::Size(_))
            | (Plain::Duration(_), Plain::Duration(_))
            | (Plain::Rate(_), Plain::Rate(_))
                if what == Arithmetic::Divide =>
            {
                Plain::Int
            }
            (Plain::Size(_), _) | (_, Plain::Size(_)) => Plain::Size,
            (Plain::Duration(_), _) | (_, Plain::Duration(_)) => Plain::Duration,
            (Plain::Rate(_), _) | (_, Plain::Rate(_)) => Plain::Rate,
            _ => Plain::Int,
        };
        let (Some(x), Some(y)) = (amount(&a.plain), amount(&b.plain)) else { return Self::unknown(mark) };
        let result = match what {
            Arithmetic::Add => x.checked_add(y),
            Arithmetic::Subtract => x.checked_sub(y),
            Arithmetic::Multiply => x.checked_mul(y),
            Arithmetic::Divide | Arithmetic::Remainder if y == 0 => {
                return self.fault_in(range, mark, || "division by zero".to_owned());
            }
            Arithmetic::Divide => x.checked_div(y),
            Arithmetic::Remainder => x.checked_rem(y),
        };
        match result {
            Some(result) => Seen { plain: wrap(result), mark },
            None => self.too_large(range, mark),
        }
    }

    pub(super) fn concat(
        &mut self,
        left: &'a Node,
        right: &'a Node,
        range: &Range<usize>,
    ) -> Seen<'a, T::Mark> {
        let (a, b) = (self.value(left), self.value(right));
        let mark = self.trace.join(a.mark, b.mark);
        let (Some(first), Some(second)) = (a.plain.text(), b.plain.text()) else {
            return Self::unknown(mark);
        };
        if first.len() + second.len() > MAX_TEXT {
            return self.too_long(range, mark);
        }
        Seen { plain: shared([first, second].concat()), mark }
    }

    fn too_long(&mut self, range: &Range<usize>, on: T::Mark) -> Seen<'a, T::Mark> {
        self.fault_in(range, on, || format!("the text grows longer than {MAX_TEXT} bytes"))
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
    fn all_known(&mut self, of: &'a Node) -> Result<(Vec<Plain<'a, T::Mark>>, T::Mark), Seen<'a, T::Mark>> {
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

    pub(super) fn ascii_case(&mut self, case: AsciiCase, of: &'a Node) -> Seen<'a, T::Mark> {
        let of = self.value(of);
        let mark = self.trace.join(of.mark, T::Mark::default());
        let Plain::Str(text) = of.plain else { return Self::unknown(mark) };
        let foreign: fn(&u8) -> bool = match case {
            AsciiCase::Lower => u8::is_ascii_uppercase,
            AsciiCase::Upper => u8::is_ascii_lowercase,
        };
        // Most text is in that case already, and is borrowed on.
        if !text.as_bytes().iter().any(foreign) {
            return Seen { plain: Plain::Str(text), mark };
        }
        let changed = match case {
            AsciiCase::Lower => text.to_ascii_lowercase(),
            AsciiCase::Upper => text.to_ascii_uppercase(),
        };
        Seen { plain: shared(changed), mark }
    }

    pub(super) fn text_test(&mut self, node: &'a Node) -> (Truth, T::Mark) {
        match node {
            Node::TextTest(test, text, part) => {
                let (a, b) = (self.value(text), self.value(part));
                let truth = match (a.plain.text(), b.plain.text()) {
                    (Some(text), Some(part)) => match test {
                        TextTest::StartsWith => text.starts_with(part),
                        TextTest::EndsWith => text.ends_with(part),
                        TextTest::Contains => text.contains(part),
                    }
                    .into(),
                    _ => Truth::Unknown,
                };
                self.judged(truth, &a, &b)
            }
            Node::Matches(text, pattern) => {
                let seen = self.value(text);
                let truth = seen.plain.text().map_or(Truth::Unknown, |text| pattern.is_match(text).into());
                (truth, self.trace.join(seen.mark, T::Mark::default()))
            }
            _ => (Truth::Unknown, T::Mark::default()),
        }
    }

    pub(super) fn version(&mut self, of: &'a Node) -> Seen<'a, T::Mark> {
        let of = self.value(of);
        let Plain::Str(text) = of.plain else { return Self::unknown(of.mark) };
        if VersionText::parse(&text).is_none() {
            return self.fault(of.mark, || format!("`{}` is no version", shown(&text)));
        }
        Seen { plain: Plain::Version(text), mark: of.mark }
    }

    pub(super) fn subnet(&mut self, of: &'a Node) -> Seen<'a, T::Mark> {
        let of = self.value(of);
        let Plain::Str(text) = &of.plain else { return Self::unknown(of.mark) };
        match text.parse::<IpNet>() {
            Ok(subnet) => Seen { plain: Plain::Cidr(subnet.trunc()), mark: of.mark },
            Err(_) => self.fault(of.mark, || format!("`{}` is no subnet", shown(text))),
        }
    }

    pub(super) fn subnet_test(&mut self, node: &'a Node) -> (Truth, T::Mark) {
        let (Node::CidrContains(subnet, other)
        | Node::CidrCovers(subnet, other)
        | Node::CidrOverlaps(subnet, other)) = node
        else {
            return (Truth::Unknown, T::Mark::default());
        };
        let (a, b) = (self.value(subnet), self.value(other));
        let truth = match (&a.plain, &b.plain) {
            (Plain::Cidr(subnet), Plain::Cidr(other)) if matches!(node, Node::CidrCovers(..)) => {
                subnet.contains(other).into()
            }
            (Plain::Cidr(subnet), Plain::Cidr(other)) => {
                (subnet.contains(other) || other.contains(subnet)).into()
            }
            (Plain::Cidr(subnet), Plain::Str(text)) => match text.parse::<IpAddr>() {
                Ok(address) => subnet.contains(&address).into(),
                Err(_) => {
                    let mark = self.fault(b.mark, || format!("`{}` is no IP address", shown(text))).mark;
                    return (Truth::Unknown, self.trace.join(a.mark, mark));
                }
            },
            _ => Truth::Unknown,
        };
        self.judged(truth, &a, &b)
    }

    pub(super) fn number(&mut self, of: &'a Node) -> Seen<'a, T::Mark> {
        let of = self.value(of);
        let Plain::Str(text) = &of.plain else { return Self::unknown(of.mark) };
        match text.parse::<i64>() {
            Ok(number) => Seen { plain: Plain::Int(number), mark: of.mark },
            Err(_) => self.fault(of.mark, || format!("`{}` is no whole number", shown(text))),
        }
    }

    pub(super) fn written(&mut self, of: &'a Node) -> Seen<'a, T::Mark> {
        let of = self.value(of);
        let plain = match of.plain {
            Plain::Str(text) | Plain::Version(text) => Plain::Str(text),
            Plain::Bool(value) => shared(value.to_string()),
            Plain::Int(value) => shared(value.to_string()),
            Plain::Cidr(subnet) => shared(subnet.to_string()),
            _ => Plain::Unknown,
        };
        Seen { plain, mark: of.mark }
    }
}

fn shared<'a, M>(text: String) -> Plain<'a, M> {
    Plain::Str(Text::Shared(text.into()))
}

fn amount<M>(plain: &Plain<'_, M>) -> Option<i64> {
    match plain {
        Plain::Int(n) | Plain::Size(n) | Plain::Duration(n) | Plain::Rate(n) => Some(*n),
        _ => None,
    }
}

/// Sums and differences of counts that are not wholly known keep their bounds; all else is lost.
fn add_bounds<'a, M>(what: Arithmetic, a: (i64, i64), b: (i64, i64)) -> Plain<'a, M> {
    let open = |bounds: (i64, i64)| bounds.0 == i64::MIN || bounds.1 == i64::MAX;
    let sums = match what {
        Arithmetic::Add => (a.0.checked_add(b.0), a.1.checked_add(b.1)),
        Arithmetic::Subtract => (a.0.checked_sub(b.1), a.1.checked_sub(b.0)),
        Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Remainder => return Plain::Unknown,
    };
    // `i64::MAX` is no bound but the lack of one, and does not add up.
    let least = match what {
        Arithmetic::Add if a.1 == i64::MAX || b.1 == i64::MAX => {
            return a.0.checked_add(b.0).map_or(Plain::Unknown, |least| Plain::Between(least, i64::MAX));
        }
        _ if open(a) || open(b) => return Plain::Unknown,
        _ => sums.0,
    };
    match (least, sums.1) {
        (Some(least), Some(most)) => Count { least, most }.plain(),
        _ => Plain::Unknown,
    }
}

/// The beginning of a text that cannot be used.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
