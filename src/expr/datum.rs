//! A value that is wholly known, as the rules compare, order, group and show it.

use super::value::{Plain, Text};
use super::version::VersionText;
use crate::facts::{DurationText, RateText, Record, SizeText, Value, element_key};
use ipnet::IpNet;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// How many elements of a list are shown.
const SHOWN: usize = 5;
/// How many characters of a text are shown.
const LONGEST: usize = 200;

/// A known value. Two are equal when expressions would call them equal; their order is that of expressions, and any fixed one
/// where expressions have none. Shown as people read it; nothing is shown as `(none)`.
#[derive(Clone)]
pub enum Datum<'a> {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Bytes.
    Size(i64),
    /// Nanoseconds.
    Duration(i64),
    /// Bits per second.
    Rate(i64),
    /// Text.
    Str(Text<'a>),
    /// A version.
    Version(Text<'a>),
    /// A subnet.
    Cidr(IpNet),
    /// A record of facts.
    Record(&'a dyn Record),
    /// A list of which every element is known.
    List(Vec<Datum<'a>>),
}

impl<'a> Datum<'a> {
    /// The number of an int or an amount, in its base unit.
    pub fn amount(&self) -> Option<i64> {
        match self {
            Datum::Int(n) | Datum::Size(n) | Datum::Duration(n) | Datum::Rate(n) => Some(*n),
            _ => None,
        }
    }

    /// With the number in the base unit beside it where [`Display`](fmt::Display) does not show all of it, so that two
    /// different values never look alike: `503.69 GiB (540829171712 bytes)`.
    pub fn precise(&self) -> String {
        let short = self.to_string();
        match self {
            Datum::Size(bytes) if short.contains('.') => format!("{short} ({bytes} bytes)"),
            Datum::Rate(bits) if short.contains('.') => format!("{short} ({bits} bit/s)"),
            _ => short,
        }
    }

    /// A value that is wholly known, of what an evaluation gave.
    pub(super) fn of<M: Clone>(plain: &Plain<'a, M>) -> Option<Self> {
        Some(match plain {
            Plain::Unknown | Plain::Between(..) => return None,
            Plain::Bool(value) => Datum::Bool(*value),
            Plain::Int(value) => Datum::Int(*value),
            Plain::Size(value) => Datum::Size(*value),
            Plain::Duration(value) => Datum::Duration(*value),
            Plain::Rate(value) => Datum::Rate(*value),
            Plain::Str(text) => Datum::Str(text.clone()),
            Plain::Version(text) => Datum::Version(text.clone()),
            Plain::Cidr(subnet) => Datum::Cidr(*subnet),
            Plain::Record(record) => Datum::Record(*record),
            Plain::Facts(list) => {
                let elements = (0..list.len()).map(|at| Datum::of(&Plain::<M>::from(list.get(at)?)));
                Datum::List(elements.collect::<Option<_>>()?)
            }
            Plain::Items(items) => {
                let count = items.count();
                if count.least != count.most || !items.in_order {
                    return None;
                }
                Datum::List(
                    items.items.iter().map(|item| Datum::of(&item.seen.plain)).collect::<Option<_>>()?,
                )
            }
        })
    }

    fn rank(&self) -> u8 {
        match self {
            Datum::Bool(_) => 0,
            Datum::Int(_) => 1,
            Datum::Size(_) => 2,
            Datum::Duration(_) => 3,
            Datum::Rate(_) => 4,
            Datum::Str(_) => 5,
            Datum::Version(_) => 6,
            Datum::Cidr(_) => 7,
            Datum::Record(_) => 8,
            Datum::List(_) => 9,
        }
    }
}

/// Records have no order in expressions; here they go by their fields, so that equal ones are equal.
fn compare_values(a: Value<'_>, b: Value<'_>) -> Ordering {
    match (Datum::of::<()>(&a.into()), Datum::of::<()>(&b.into())) {
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

impl Ord for Datum<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Datum::Bool(a), Datum::Bool(b)) => a.cmp(b),
            (Datum::Int(a), Datum::Int(b))
            | (Datum::Size(a), Datum::Size(b))
            | (Datum::Duration(a), Datum::Duration(b))
            | (Datum::Rate(a), Datum::Rate(b)) => a.cmp(b),
            (Datum::Str(a), Datum::Str(b)) => (**a).cmp(&**b),
            (Datum::Version(a), Datum::Version(b)) => VersionText(a).cmp(&VersionText(b)),
            (Datum::Cidr(a), Datum::Cidr(b)) => a.cmp(b),
            (Datum::List(a), Datum::List(b)) => a.cmp(b),
            (Datum::Record(a), Datum::Record(b)) => {
                let (ta, tb) = (a.record_type(), b.record_type());
                let fields = (0..ta.fields.len()).map(|at| compare_values(a.field(at), b.field(at)));
                ta.name.cmp(tb.name).then_with(|| fields.fold(Ordering::Equal, Ordering::then))
            }
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

impl PartialOrd for Datum<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Datum<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Datum<'_> {}

impl Hash for Datum<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Datum::Bool(value) => value.hash(state),
            Datum::Int(n) | Datum::Size(n) | Datum::Duration(n) | Datum::Rate(n) => n.hash(state),
            Datum::Str(text) => (**text).hash(state),
            Datum::Version(text) => VersionText(text).hash(state),
            Datum::Cidr(subnet) => subnet.hash(state),
            Datum::Record(record) => record.record_type().name.hash(state),
            Datum::List(elements) => elements.hash(state),
        }
    }
}

impl fmt::Debug for Datum<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Str(text) => fmt::Debug::fmt(&**text, f),
            other => write!(f, "{other}"),
        }
    }
}

impl fmt::Display for Datum<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Datum::Bool(value) => write!(f, "{value}"),
            Datum::Int(value) => write!(f, "{value}"),
            Datum::Size(bytes) => SizeText(*bytes).fmt(f),
            Datum::Duration(nanos) => DurationText(*nanos).fmt(f),
            Datum::Rate(bits) => RateText(*bits).fmt(f),
            Datum::Str(text) | Datum::Version(text) => write_text(f, text),
            Datum::Cidr(subnet) => write!(f, "{subnet}"),
            Datum::Record(record) => {
                let name = record.record_type().name;
                f.write_str(&element_key(Value::Record(*record)).unwrap_or_else(|| name.to_owned()))
            }
            Datum::List(elements) => write_list(f, elements.iter().map(Some), elements.len()),
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    if text.is_empty() {
        return f.write_str("(none)");
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => write!(f, "{}…", &text[..end]),
        None => f.write_str(text),
    }
}

/// The first elements, `unknown` for those that are, and how many there are when not all are shown.
pub(super) fn write_list<D: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    elements: impl Iterator<Item = Option<D>>,
    length: usize,
) -> fmt::Result {
    if length == 0 {
        return f.write_str("(none)");
    }
    f.write_str("[")?;
    for (position, element) in elements.take(SHOWN).enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        match element {
            Some(element) => write!(f, "{element}")?,
            None => f.write_str("unknown")?,
        }
    }
    if length > SHOWN {
        write!(f, ", … {length} in all")?;
    }
    f.write_str("]")
}
