//! The words of the language: functions, methods and macros, and what other languages call them.

use super::types::ExprType;
use std::ops::RangeInclusive;

/// What a method is called on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Text,
    List,
    TextOrList,
    Cidr,
}

impl On {
    pub(super) fn takes(self, ty: &ExprType) -> bool {
        match self {
            On::Text => ty.is_text(),
            On::List => ty.element().is_some(),
            On::TextOrList => ty.is_text() || ty.element().is_some(),
            On::Cidr => *ty == ExprType::Cidr,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            On::Text => "a string",
            On::List => "a list",
            On::TextOrList => "a string or a list",
            On::Cidr => "a subnet",
        }
    }
}

/// A method: its name, what it is called on, how many arguments it may have, and how it is written.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) on: On,
    pub(super) arguments: RangeInclusive<usize>,
    pub(super) usage: &'static str,
}

const fn method(name: &'static str, on: On, least: usize, most: usize, usage: &'static str) -> Method {
    Method { name, on, arguments: least..=most, usage }
}

pub(super) const METHODS: &[Method] = &[
    method("all", On::List, 2, 2, "list.all(x, condition)"),
    method("exists", On::List, 2, 2, "list.exists(x, condition)"),
    method("exists_one", On::List, 2, 2, "list.exists_one(x, condition)"),
    method("filter", On::List, 2, 2, "list.filter(x, condition)"),
    method("map", On::List, 2, 3, "list.map(x, value)` or `list.map(x, condition, value)"),
    method("size", On::TextOrList, 0, 0, "list.size()"),
    method("distinct", On::List, 0, 0, "list.distinct()"),
    method("flatten", On::List, 0, 0, "list.flatten()"),
    method("sort", On::List, 0, 0, "list.sort()"),
    method("min", On::List, 0, 0, "list.min()"),
    method("max", On::List, 0, 0, "list.max()"),
    method("sum", On::List, 0, 0, "list.sum()"),
    method("join", On::List, 1, 1, "list.join(', ')"),
    method("startsWith", On::Text, 1, 1, "text.startsWith('prefix')"),
    method("endsWith", On::Text, 1, 1, "text.endsWith('suffix')"),
    method("contains", On::Text, 1, 1, "text.contains('part')"),
    method("contains", On::Cidr, 1, 1, "cidr('10.0.0.0/24').contains(address)"),
    method("overlaps", On::Cidr, 1, 1, "cidr('10.0.0.0/24').overlaps(other)"),
    method("matches", On::Text, 1, 1, "text.matches(r'^hv\\d+$')"),
    method("lowerAscii", On::Text, 0, 0, "text.lowerAscii()"),
    method("upperAscii", On::Text, 0, 0, "text.upperAscii()"),
];

/// A function: its name and how it is written. All take one argument.
pub(super) const FUNCTIONS: &[(&str, &str)] = &[
    ("size", "size(list)"),
    ("has", "has(node.field)"),
    ("attested", "attested('hardware-certified')"),
    ("bytes", "bytes(\"512 MiB\")"),
    ("duration", "duration(\"3s\")"),
    ("rate", "rate(\"10 Gbit/s\")"),
    ("version", "version('10.0.20348')"),
    ("cidr", "cidr('10.0.0.0/24')"),
    ("int", "int('12')"),
    ("string", "string(12)"),
];

/// Names of other languages, and what stands for them here.
const ALIASES: &[(&str, &str)] = &[
    ("len", "size"),
    ("length", "size"),
    ("count", "size"),
    ("any", "exists"),
    ("some", "exists"),
    ("every", "all"),
    ("forall", "all"),
    ("where", "filter"),
    ("select", "map"),
    ("unique", "distinct"),
    ("uniq", "distinct"),
    ("sorted", "sort"),
    ("lower", "lowerAscii"),
    ("tolower", "lowerAscii"),
    ("upper", "upperAscii"),
    ("toupper", "upperAscii"),
    ("includes", "contains"),
    ("starts_with", "startsWith"),
    ("ends_with", "endsWith"),
    ("match", "matches"),
    ("regex", "matches"),
    ("defined", "has"),
    ("exist", "exists"),
    ("str", "string"),
    ("number", "int"),
    ("size_of", "bytes"),
    ("subnet", "cidr"),
    ("ip", "cidr"),
    ("semver", "version"),
];

/// What stands here for a name of another language, if it is one of those that may stand.
pub(super) fn alias(name: &str, known: impl Fn(&str) -> bool) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    ALIASES.iter().find(|(other, own)| *other == lower && known(own)).map(|(_, own)| *own)
}
