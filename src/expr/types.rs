//! Types of expressions: those of facts, and those that only expressions make.

use crate::facts::{ChoiceType, RecordType, Type};
use std::fmt;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExprType {
    /// `true` or `false`.
    Bool,
    /// A whole number without a unit.
    Int,
    /// Text.
    Str,
    /// An amount of storage or memory.
    Size,
    /// A length of time.
    Duration,
    /// A speed.
    Rate,
    /// A version, ordered as people mean it: `version("10.0.9") < version("10.0.10")`.
    Version,
    /// A subnet.
    Cidr,
    /// Text out of a closed list of words.
    Choice(&'static ChoiceType),
    /// A record of facts.
    Record(&'static RecordType),
    /// A list whose elements have one type.
    List(Box<ExprType>),
    /// Of the elements of `[]`: goes with any type.
    Any,
}

impl From<&Type> for ExprType {
    fn from(ty: &Type) -> Self {
        match ty {
            Type::Bool => ExprType::Bool,
            Type::Int => ExprType::Int,
            Type::Str => ExprType::Str,
            Type::Size => ExprType::Size,
            Type::Duration => ExprType::Duration,
            Type::Rate => ExprType::Rate,
            Type::Choice(choice) => ExprType::Choice(choice),
            Type::Record(record) => ExprType::Record(record),
            Type::List(element) => ExprType::List(Box::new(element.as_ref().into())),
        }
    }
}

impl From<Type> for ExprType {
    fn from(ty: Type) -> Self {
        (&ty).into()
    }
}

impl fmt::Display for ExprType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExprType::Bool => f.write_str("bool"),
            ExprType::Int => f.write_str("int"),
            ExprType::Str => f.write_str("string"),
            ExprType::Size => f.write_str("size"),
            ExprType::Duration => f.write_str("duration"),
            ExprType::Rate => f.write_str("rate"),
            ExprType::Version => f.write_str("version"),
            ExprType::Cidr => f.write_str("cidr"),
            ExprType::Choice(choice) => f.write_str(choice.name),
            ExprType::Record(record) => f.write_str(record.name),
            ExprType::List(element) if **element == ExprType::Any => f.write_str("list"),
            ExprType::List(element) => write!(f, "list of {element}"),
            ExprType::Any => f.write_str("anything"),
        }
    }
}

impl ExprType {
    /// Whether it is text, free or out of a list of words.
    pub fn is_text(&self) -> bool {
        matches!(self, ExprType::Str | ExprType::Choice(_))
    }

    /// Whether it is an amount with a unit.
    pub fn is_unit(&self) -> bool {
        matches!(self, ExprType::Size | ExprType::Duration | ExprType::Rate)
    }

    /// Whether it is a number, with a unit or without.
    pub fn is_amount(&self) -> bool {
        *self == ExprType::Int || self.is_unit()
    }

    /// Whether its values have an order.
    pub fn is_ordered(&self) -> bool {
        self.is_amount() || matches!(self, ExprType::Str | ExprType::Version)
    }

    /// Whether two of its values can be told to be equal: all but records and lists of records.
    pub fn is_comparable(&self) -> bool {
        match self {
            ExprType::Record(_) => false,
            ExprType::List(element) => element.is_comparable(),
            _ => true,
        }
    }

    /// The type of the elements, of a list.
    pub fn element(&self) -> Option<&ExprType> {
        match self {
            ExprType::List(element) => Some(element),
            _ => None,
        }
    }

    /// The type that both are, if there is one: words of a list are text beside free text.
    pub fn common(&self, other: &ExprType) -> Option<ExprType> {
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (ExprType::Any, known) | (known, ExprType::Any) => Some(known.clone()),
            (ExprType::Choice(_), ExprType::Str) | (ExprType::Str, ExprType::Choice(_)) => {
                Some(ExprType::Str)
            }
            (ExprType::List(a), ExprType::List(b)) => Some(ExprType::List(Box::new(a.common(b)?))),
            _ => None,
        }
    }
}
