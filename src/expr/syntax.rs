//! The syntax tree of an expression, as it was written, and its text.
//!
//! No tree is deeper than [`MAX_DEPTH`], so walking one by recursion is safe. Printing a tree and parsing the text gives
//! the same tree again.

use std::fmt;
use std::ops::Range;

/// Deepest nesting of an expression, chains such as `a.b.c` included.
pub const MAX_DEPTH: usize = 100;

/// A name and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) range: Range<usize>,
}

/// A part of an expression and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
    /// How many levels lie below, itself included.
    pub(super) depth: usize,
}

/// What a part of an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Something that could not be read; its error is told already.
    Hole,
    Bool(bool),
    Int(i64),
    Str(String),
    List(Vec<Expr>),
    Name(String),
    Field(Box<Expr>, Word),
    Index(Box<Expr>, Box<Expr>),
    Call(Word, Vec<Expr>),
    Method(Box<Expr>, Word, Vec<Expr>),
    Not(Box<Expr>),
    Minus(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
}

/// An operator with two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// Its sign and how strongly it binds; those that bind alike go from left to right.
    const TABLE: &'static [(&'static str, u8, Operator)] = &[
        ("||", 1, Operator::Or),
        ("&&", 2, Operator::And),
        ("==", 3, Operator::Equal),
        ("!=", 3, Operator::Unequal),
        ("<", 3, Operator::Less),
        ("<=", 3, Operator::LessEqual),
        (">", 3, Operator::Greater),
        (">=", 3, Operator::GreaterEqual),
        ("in", 3, Operator::In),
        ("+", 4, Operator::Add),
        ("-", 4, Operator::Subtract),
        ("*", 5, Operator::Multiply),
        ("/", 5, Operator::Divide),
        ("%", 5, Operator::Remainder),
    ];

    /// The operator of a sign, and how strongly it binds.
    pub(super) fn of(sign: &str) -> Option<(Operator, u8)> {
        Self::TABLE
            .iter()
            .find(|(text, ..)| *text == sign)
            .map(|(_, binding, operator)| (*operator, *binding))
    }

    fn row(self) -> &'static (&'static str, u8, Operator) {
        Self::TABLE.iter().find(|(.., operator)| *operator == self).unwrap_or(&Self::TABLE[0])
    }

    /// How it is written.
    pub(super) fn sign(self) -> &'static str {
        self.row().0
    }

    /// How strongly it binds.
    pub(super) fn binding(self) -> u8 {
        self.row().1
    }
}

/// How strongly a unary operator binds: more than any with two sides.
const UNARY: u8 = 6;
/// How strongly a dot, an index or a call binds, and everything that needs no parentheses.
const MEMBER: u8 = 7;

impl Expr {
    fn binding(&self) -> u8 {
        match &self.kind {
            Kind::Choose(..) => 0,
            Kind::Binary(operator, ..) => operator.binding(),
            Kind::Not(_) | Kind::Minus(_) => UNARY,
            Kind::Int(number) if *number < 0 => UNARY,
            _ => MEMBER,
        }
    }

    /// Writes it, in parentheses where it binds less than is asked for.
    fn write(&self, f: &mut fmt::Formatter<'_>, least: u8) -> fmt::Result {
        if self.binding() < least {
            f.write_str("(")?;
            self.write(f, 0)?;
            return f.write_str(")");
        }
        match &self.kind {
            Kind::Hole => f.write_str("<?>"),
            Kind::Bool(value) => write!(f, "{value}"),
            Kind::Int(value) => write!(f, "{value}"),
            Kind::Str(value) => write_text(f, value),
            Kind::List(elements) => {
                f.write_str("[")?;
                write_list(f, elements)?;
                f.write_str("]")
            }
            Kind::Name(name) => f.write_str(name),
            Kind::Field(base, name) => {
                base.write(f, MEMBER)?;
                write!(f, ".{}", name.text)
            }
            Kind::Index(base, index) => {
                base.write(f, MEMBER)?;
                f.write_str("[")?;
                index.write(f, 0)?;
                f.write_str("]")
            }
            Kind::Call(name, arguments) => {
                write!(f, "{}(", name.text)?;
                write_list(f, arguments)?;
                f.write_str(")")
            }
            Kind::Method(base, name, arguments) => {
                base.write(f, MEMBER)?;
                write!(f, ".{}(", name.text)?;
                write_list(f, arguments)?;
                f.write_str(")")
            }
            Kind::Not(of) => {
                f.write_str("!")?;
                of.write(f, UNARY)
            }
            Kind::Minus(of) => {
                f.write_str("-")?;
                // `-5` would be read as a literal, and `--5` is hard to read.
                of.write(f, if matches!(of.kind, Kind::Int(_) | Kind::Minus(_)) { MEMBER + 1 } else { UNARY })
            }
            Kind::Binary(operator, left, right) => {
                let binding = operator.binding();
                left.write(f, binding)?;
                write!(f, " {} ", operator.sign())?;
                right.write(f, binding + 1)
            }
            Kind::Choose(condition, then, otherwise) => {
                condition.write(f, 1)?;
                f.write_str(" ? ")?;
                then.write(f, 1)?;
                f.write_str(" : ")?;
                otherwise.write(f, 0)
            }
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, elements: &[Expr]) -> fmt::Result {
    for (position, element) in elements.iter().enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        element.write(f, 0)?;
    }
    Ok(())
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("'")?;
    for c in text.chars() {
        match c {
            '\'' => f.write_str("\\'")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("'")
}

/// Trees are alike when they say the same, wherever they stand.
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
