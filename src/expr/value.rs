//! What a part of an expression comes to: facts borrowed as they stand, and computed values only where an operation makes one.
//!
//! `M` is what tracing adds to a value: nothing in the fast evaluation.

use super::version::VersionText;
use crate::facts::{List, Record, Value};
use ipnet::IpNet;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Text, borrowed from the facts or the rule, or computed.
#[derive(Clone)]
pub enum Text<'a> {
    /// As it stands in the facts or the rule.
    Borrowed(&'a str),
    /// Computed.
    Shared(Arc<str>),
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Text::Borrowed(text) => text,
            Text::Shared(text) => text,
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// The three truth values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    False,
    True,
    Unknown,
}

impl Truth {
    pub(super) fn not(self) -> Self {
        match self {
            Truth::False => Truth::True,
            Truth::True => Truth::False,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Truth::True } else { Truth::False }
    }
}

/// A value, or the lack of one.
#[derive(Clone)]
pub(super) enum Plain<'a, M> {
    Unknown,
    Bool(bool),
    Int(i64),
    /// A whole number that is not known but lies between these two; [`i64::MAX`] is no bound.
    Between(i64, i64),
    Size(i64),
    Duration(i64),
    Rate(i64),
    Str(Text<'a>),
    Version(Text<'a>),
    Cidr(IpNet),
    Record(&'a dyn Record),
    /// A list of facts.
    Facts(&'a dyn List),
    /// A computed list.
    Items(Arc<Items<'a, M>>),
}

/// A value and what tracing adds to it.
#[derive(Clone)]
pub(super) struct Seen<'a, M> {
    pub(super) plain: Plain<'a, M>,
    pub(super) mark: M,
}

/// A computed list.
#[derive(Clone)]
pub(super) struct Items<'a, M> {
    pub(super) items: Vec<Item<'a, M>>,
    /// Whether the order of the items is known.
    pub(super) in_order: bool,
}

/// An element of a computed list, or what may be one.
#[derive(Clone)]
pub(super) struct Item<'a, M> {
    pub(super) seen: Seen<'a, M>,
    pub(super) presence: Presence,
}

/// Whether an element is in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// It is.
    Certain,
    /// It may be: the condition that decides is unknown.
    Maybe,
    /// It stands for any number of elements, of which nothing is known.
    Many,
}

impl Presence {
    /// Of an element of a list that is itself an element.
    pub(super) fn within(self, outer: Presence) -> Self {
        match (outer, self) {
            (Presence::Certain, inner) => inner,
            (Presence::Many, _) | (_, Presence::Many) => Presence::Many,
            (Presence::Maybe, _) => Presence::Maybe,
        }
    }

    /// When it is not known whether the element stays.
    pub(super) fn doubted(self) -> Self {
        match self {
            Presence::Certain | Presence::Maybe => Presence::Maybe,
            Presence::Many => Presence::Many,
        }
    }
}

/// How many elements a list has at least and at most; [`i64::MAX`] is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) least: i64,
    pub(super) most: i64,
}

impl Count {
    pub(super) fn add(&mut self, presence: Presence) {
        match presence {
            Presence::Certain => {
                self.least = self.least.saturating_add(1);
                self.most = self.most.saturating_add(1);
            }
            Presence::Maybe => self.most = self.most.saturating_add(1),
            Presence::Many => self.most = i64::MAX,
        }
    }

    pub(super) fn exact(length: usize) -> Self {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        Count { least: length, most: length }
    }

    pub(super) fn plain<'a, M>(self) -> Plain<'a, M> {
        if self.least == self.most { Plain::Int(self.least) } else { Plain::Between(self.least, self.most) }
    }
}

impl<M> Items<'_, M> {
    pub(super) fn count(&self) -> Count {
        let mut count = Count::default();
        self.items.iter().for_each(|item| count.add(item.presence));
        count
    }
}

impl<M> Plain<'_, M> {
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Plain::Unknown)
    }

    /// The truth of a bool.
    pub(super) fn truth(&self) -> Truth {
        match self {
            Plain::Bool(value) => (*value).into(),
            _ => Truth::Unknown,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Plain::Str(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn version(&self) -> Option<VersionText<'_>> {
        match self {
            Plain::Version(text) => Some(VersionText(text)),
            _ => None,
        }
    }

    /// The count of a list's elements.
    pub(super) fn count(&self) -> Option<Count> {
        match self {
            Plain::Facts(list) => Some(Count::exact(list.len())),
            Plain::Items(items) => Some(items.count()),
            _ => None,
        }
    }
}

impl<M> From<Truth> for Plain<'_, M> {
    fn from(truth: Truth) -> Self {
        match truth {
            Truth::False => Plain::Bool(false),
            Truth::True => Plain::Bool(true),
            Truth::Unknown => Plain::Unknown,
        }
    }
}

impl<'a, M> From<Value<'a>> for Plain<'a, M> {
    fn from(value: Value<'a>) -> Self {
        match value {
            Value::Missing => Plain::Unknown,
            Value::Bool(value) => Plain::Bool(value),
            Value::Int(value) => Plain::Int(value),
            Value::Size(value) => Plain::Size(value),
            Value::Duration(value) => Plain::Duration(value),
            Value::Rate(value) => Plain::Rate(value),
            Value::Str(text) => Plain::Str(Text::Borrowed(text)),
            Value::Record(record) => Plain::Record(record),
            Value::List(list) => Plain::Facts(list),
        }
    }
}
