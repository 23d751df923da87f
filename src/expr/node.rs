//! The checked tree: every name is resolved to a place, every operator to what it does. Evaluation looks nothing up.

use ipnet::IpNet;
use regex::Regex;
use std::ops::Range;

/// How many variables can be bound at a time: by the rule and by macros around one place.
pub const MAX_VARIABLES: usize = 16;

/// A checked part of an expression. A range is the part's place in the text, for those that can fail.
#[derive(Debug)]
pub(super) enum Node {
    /// A value that stands in the text.
    Const(Const),
    /// A variable, or the document.
    Root(Root),
    /// A chain of fields from a variable or the document.
    Path(Root, Box<[Step]>),
    /// A field of a computed record.
    Field(Box<Node>, Step),
    /// An element of a list.
    Index(Box<Node>, Box<Node>, Range<usize>),
    /// Whether a fact is known.
    Has(Box<Node>),
    /// Whether somebody vouches for something: whether a valid attestation of it is there, whether any is, and of what.
    Attested(Box<Node>, Box<Node>, Box<str>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    /// Whether the first is to the second as the ordering says.
    Compare(Relation, Box<Node>, Box<Node>),
    /// Whether the first is an element of the second.
    In(Box<Node>, Box<Node>),
    Choose(Box<Node>, Box<Node>, Box<Node>),
    Minus(Box<Node>, Range<usize>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>, Range<usize>),
    /// Text joined to text.
    Concat(Box<Node>, Box<Node>, Range<usize>),
    /// A list joined to a list.
    Append(Box<Node>, Box<Node>),
    List(Box<[Node]>),
    Quantifier(Quantifier, Box<Loop>),
    Filter(Box<Loop>),
    /// How many elements `filter` would leave, without making the list.
    CountWhere(Box<Loop>),
    /// The body of each element; of those for which the condition holds, where there is one.
    Map(Box<Loop>, Option<Box<Node>>),
    /// Length of a text in characters, or of a list.
    Size(Box<Node>),
    /// Whether the first text begins with, ends with, contains the second.
    TextTest(TextTest, Box<Node>, Box<Node>),
    Matches(Box<Node>, Box<Regex>),
    AsciiCase(AsciiCase, Box<Node>),
    Distinct(Box<Node>),
    Flatten(Box<Node>),
    Sort(Box<Node>),
    /// The least or greatest element.
    Extreme(Extreme, Box<Node>, Range<usize>),
    /// The sum, of the type of the constant, which is the sum of nothing.
    Sum(Box<Node>, Const, Range<usize>),
    Join(Box<Node>, Box<Node>, Range<usize>),
    Version(Box<Node>),
    Cidr(Box<Node>),
    /// Whether a subnet contains an address.
    CidrContains(Box<Node>, Box<Node>),
    /// Whether a subnet contains a whole subnet.
    CidrCovers(Box<Node>, Box<Node>),
    CidrOverlaps(Box<Node>, Box<Node>),
    ToInt(Box<Node>),
    ToText(Box<Node>),
}

/// A value that stands in the text.
#[derive(Clone, Debug)]
pub(super) enum Const {
    Bool(bool),
    Int(i64),
    Size(i64),
    Duration(i64),
    Rate(i64),
    Str(Box<str>),
    Version(Box<str>),
    Cidr(IpNet),
}

/// Where a chain of fields begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Document,
    /// A variable, by its place among those bound here; the rule's come first.
    Slot(usize),
    /// A parameter, by its place in the declaration.
    Param(usize),
}

/// A field, by its index and its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) index: usize,
    pub(super) name: &'static str,
}

/// What `==` and its like ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    All,
    Exists,
    ExistsOne,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AsciiCase {
    Lower,
    Upper,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extreme {
    Least,
    Greatest,
}

/// A list, the place of the variable that stands for its elements, and what is asked of each.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) list: Node,
    pub(super) slot: usize,
    pub(super) body: Node,
}
