//! What operators, functions and methods make of values.
//!
//! Each is unknown when a value it needs is, and when the values cannot be used together (a division by zero, a number that
//! does not fit, text that is no address); the trace then says so.

use super::compare::bounds;
use super::eval::Evaluator;
use super::node::{Arithmetic, AsciiCase, Node, TextTest};
use super::trace::Tracer;
use super::value::{Count, Plain, Seen, Text, Truth};
use super::version::VersionText;
use ipnet::IpNet;
use std::net::IpAddr;
use std::ops::Range;

/// Longest text that is computed, in bytes.
pub(super) const MAX_TEXT: usize = 1 << 20;

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

    pub(super) fn too_large(&mut self, range: &Range<usize>, on: T::Mark) -> Seen<'a, T::Mark> {
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

    pub(super) fn too_long(&mut self, range: &Range<usize>, on: T::Mark) -> Seen<'a, T::Mark> {
        self.fault_in(range, on, || format!("the text grows longer than {MAX_TEXT} bytes"))
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
            (Plain::Cidr(subnet), Plain::Str(text)) => {
                let Ok(address) = text.parse::<IpAddr>() else {
                    let fault = self.fault(b.mark, || format!("`{}` is no IP address", shown(text)));
                    return (Truth::Unknown, self.trace.join(a.mark, fault.mark));
                };
                subnet.contains(&address).into()
            }
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

pub(super) fn shared<'a, M>(text: String) -> Plain<'a, M> {
    Plain::Str(Text::Shared(text.into()))
}

pub(super) fn amount<M>(plain: &Plain<'_, M>) -> Option<i64> {
    match plain {
        Plain::Int(n) | Plain::Size(n) | Plain::Duration(n) | Plain::Rate(n) => Some(*n),
        _ => None,
    }
}

/// Sums and differences of counts that are known in part keep their bounds, where both have some; all else is lost.
fn add_bounds<'a, M>(what: Arithmetic, a: (i64, i64), b: (i64, i64)) -> Plain<'a, M> {
    let endless = |bounds: (i64, i64)| bounds.1 == i64::MAX;
    let (least, most) = match what {
        Arithmetic::Add if endless(a) || endless(b) => (a.0.checked_add(b.0), Some(i64::MAX)),
        Arithmetic::Add => (a.0.checked_add(b.0), a.1.checked_add(b.1)),
        Arithmetic::Subtract if !endless(a) && !endless(b) => (a.0.checked_sub(b.1), a.1.checked_sub(b.0)),
        _ => return Plain::Unknown,
    };
    match (least, most) {
        (Some(least), Some(most)) => Count { least, most }.plain(),
        _ => Plain::Unknown,
    }
}

/// The beginning of a text that cannot be used.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
