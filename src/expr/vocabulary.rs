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

/// A method: its name, what it is called on, how many arguments it may have, how it is written, what it gives, and an
/// example that needs no facts.
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) on: On,
    pub(super) arguments: RangeInclusive<usize>,
    pub(super) usage: &'static str,
    doc: &'static str,
    example: &'static str,
}

const fn method(
    name: &'static str,
    on: On,
    [least, most]: [usize; 2],
    usage: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Method {
    Method { name, on, arguments: least..=most, usage, doc, example }
}

#[rustfmt::skip]
pub(super) const METHODS: &[Method] = &[
    method("all", On::List, [2, 2], "list.all(x, condition)", "Whether the condition holds for every element.", "[1, 2].all(x, x > 0)"),
    method("exists", On::List, [2, 2], "list.exists(x, condition)", "Whether it holds for at least one.", "[1, 2].exists(x, x > 1)"),
    method("exists_one", On::List, [2, 2], "list.exists_one(x, condition)", "Whether it holds for exactly one.", "[1, 2].exists_one(x, x > 0)"),
    method("filter", On::List, [2, 2], "list.filter(x, condition)", "The elements for which it holds.", "[1, 2, 3].filter(x, x != 2)"),
    method("map", On::List, [2, 3], "list.map(x, value)` or `list.map(x, condition, value)", "A value of each element, or of each for which a condition holds.", "[1, 2, 3].map(x, x > 1, x * 10)"),
    method("size", On::TextOrList, [0, 0], "list.size()", "How many elements, or characters of a text.", "'hv1'.size()"),
    method("distinct", On::List, [0, 0], "list.distinct()", "The elements, each value once.", "[1, 2, 1].distinct()"),
    method("flatten", On::List, [0, 0], "list.flatten()", "The elements of the lists in a list.", "[[1], [2, 3]].flatten()"),
    method("sort", On::List, [0, 0], "list.sort()", "The elements in order.", "[3, 1, 2].sort()"),
    method("min", On::List, [0, 0], "list.min()", "The least element; unknown of an empty list.", "[3, 1, 2].min()"),
    method("max", On::List, [0, 0], "list.max()", "The greatest element; unknown of an empty list.", "[version('1.10'), version('1.9')].max()"),
    method("sum", On::List, [0, 0], "list.sum()", "The elements added up; 0 of an empty list.", "[duration('1s'), duration('500ms')].sum()"),
    method("join", On::List, [1, 1], "list.join(', ')", "The texts in a list as one text.", "['hv1', 'hv2'].join(' and ')"),
    method("startsWith", On::Text, [1, 1], "text.startsWith('prefix')", "Whether the text begins so.", "'hv1'.startsWith('hv')"),
    method("endsWith", On::Text, [1, 1], "text.endsWith('suffix')", "Whether the text ends so.", "'hv1'.endsWith('2')"),
    method("contains", On::Text, [1, 1], "text.contains('part')", "Whether the text has this in it. Of a list, ask `value in list`.", "'hv1.example.com'.contains('.')"),
    method("contains", On::Cidr, [1, 1], "cidr('10.0.0.0/24').contains(address)", "Whether an address, or a whole subnet, lies in the subnet.", "cidr('10.0.0.0/24').contains('10.0.0.11')"),
    method("overlaps", On::Cidr, [1, 1], "cidr('10.0.0.0/24').overlaps(other)", "Whether two subnets have addresses in common.", "cidr('10.0.0.0/24').overlaps('10.0.0.128/25')"),
    method("matches", On::Text, [1, 1], "text.matches(r'^hv\\d+$')", "Whether a regular expression is found in the text. It must be written out; `^` and `$` bind it to the ends.", "'hv12'.matches(r'^hv\\d+$')"),
    method("lowerAscii", On::Text, [0, 0], "text.lowerAscii()", "The text with A to Z as small letters.", "'HV1'.lowerAscii()"),
    method("upperAscii", On::Text, [0, 0], "text.upperAscii()", "The text with a to z as capital letters.", "'hv1'.upperAscii()"),
];

/// A function of one argument: its name, how it is written, what it gives, and an example that needs no facts.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) usage: &'static str,
    doc: &'static str,
    example: &'static str,
}

const fn function(
    name: &'static str,
    usage: &'static str,
    doc: &'static str,
    example: &'static str,
) -> Function {
    Function { name, usage, doc, example }
}

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    function("size", "size(list)", "How many elements, or characters of a text.", "size([1, 2, 3])"),
    function("has", "has(node.field)", "Whether a fact is known. Never unknown itself.", "has(cluster.name)"),
    function("attested", "attested('hardware-certified')", "Whether somebody vouches for it with an `[[attest]]` that is in force; unknown without one.", "attested('hardware-certified')"),
    function("bytes", "bytes(\"512 MiB\")", "An amount of storage or memory: B, KiB to PiB, kB to PB.", "bytes('1 GiB') / 2"),
    function("duration", "duration(\"3s\")", "A length of time: ns, us, ms, s, m, h, d.", "duration('3s') > duration('500ms')"),
    function("rate", "rate(\"10 Gbit/s\")", "A speed: bit/s, kbit/s, Mbit/s, Gbit/s, Tbit/s.", "rate('10 Gbit/s') / rate('1 Gbit/s')"),
    function("version", "version('10.0.20348')", "A version, in the order that people mean.", "version('10.0.9') < version('10.0.10')"),
    function("cidr", "cidr('10.0.0.0/24')", "A subnet.", "cidr('10.0.0.7/24')"),
    function("int", "int('12')", "The whole number that a text is.", "int('12') + 1"),
    function("string", "string(12)", "The text of a number, truth value, version or subnet.", "'vote ' + string(3)"),
];

/// A function or a method, as the reference of the language tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How it is written; two ways are parted by "` or `".
    pub usage: &'static str,
    /// What it gives, in a sentence.
    pub doc: &'static str,
    /// An expression with it that needs no facts.
    pub example: &'static str,
}

/// All functions, in the order of their reference.
pub fn functions() -> impl Iterator<Item = Entry> {
    FUNCTIONS.iter().map(|of| Entry { usage: of.usage, doc: of.doc, example: of.example })
}

/// All methods, in the order of their reference.
pub fn methods() -> impl Iterator<Item = Entry> {
    METHODS.iter().map(|of| Entry { usage: of.usage, doc: of.doc, example: of.example })
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::{Env, compile};

    #[test]
    fn every_word_is_in_its_own_example() {
        let words = FUNCTIONS.iter().map(|of| (of.name, of.example));
        for (name, example) in words.chain(METHODS.iter().map(|of| (of.name, of.example))) {
            assert!(example.contains(&format!("{name}(")), "{name}: {example}");
            assert!(compile(example, &Env::facts()).is_ok(), "{example}");
        }
    }
}
