//! The page of the expression language. Every value that it shows is worked out by the language itself.

use super::cell;
use crate::expr::{Entry, Env, Scope, compile, functions, methods};
use crate::facts::Document;
use std::fmt::Write;

/// Operators, what they are for, and an example of each; those that bind tighter first.
const OPERATORS: &[(&str, &str, &str)] = &[
    (".  [ ]  ( )", "A field, an element by its position from 0, a call.", "[10, 20][1]"),
    ("!  -", "Not; the negative.", "!(1 > 2)"),
    (
        "*  /  %",
        "Whole numbers; a unit by a number is that unit, a unit by the same unit a number.",
        "bytes('1 GiB') / bytes('512 MiB')",
    ),
    ("+  -", "Numbers, units of one kind; `+` also joins texts and lists.", "[1, 2] + [3]"),
    (
        "<  <=  >  >=",
        "Numbers, units, versions, texts by their characters.",
        "version('2.9') < version('2.10')",
    ),
    ("==  !=", "Any two values of one type but records.", "[1, 2] == [2, 1]"),
    ("in", "Whether a value is in a list.", "'ext4' in ['xfs', 'ext4']"),
    ("&&", "And: false as soon as one side is false, whatever the other is.", "true && 1 < 2"),
    ("||", "Or: true as soon as one side is true, whatever the other is.", "false || 1 < 2"),
    ("? :", "One of two values.", "1 < 2 ? 'less' : 'more'"),
];

/// What cannot be known, and what can in spite of it.
const UNKNOWN: &[&str] = &[
    "cluster.votes > 2",
    "cluster.votes > 2 && false",
    "cluster.votes > 2 || true",
    "has(cluster.votes)",
    "1 / 0",
];

/// The page.
pub(super) fn page() -> String {
    let mut operators = String::from("| operator | for | example | value |\n|---|---|---|---|\n");
    for (operator, about, example) in OPERATORS {
        let signs: Vec<String> = operator.split("  ").map(code).collect();
        let _ =
            writeln!(operators, "| {} | {about} | {} | {} |", signs.join(" "), code(example), value(example));
    }
    let mut unknown = String::from("| expression | value |\n|---|---|\n");
    for example in UNKNOWN {
        let _ = writeln!(unknown, "| {} | {} |", code(example), value(example));
    }
    include_str!("pages/expressions.md")
        .replace("{operators}\n", &operators)
        .replace("{functions}\n", &entries(functions()))
        .replace("{methods}\n", &entries(methods()))
        .replace("{unknown}\n", &unknown)
}

fn entries(all: impl Iterator<Item = Entry>) -> String {
    let mut out = String::from("| written | gives | example | value |\n|---|---|---|---|\n");
    for entry in all {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            code(entry.usage),
            cell(entry.doc),
            code(entry.example),
            value(entry.example)
        );
    }
    out
}

/// Text as code in a cell.
fn code(text: &str) -> String {
    format!("`{}`", text.trim().replace('|', "\\|"))
}

/// What an expression gives where nothing is known.
fn value(example: &str) -> String {
    let nothing = Document::default();
    match compile(example, &Env::facts()) {
        Ok(program) => {
            let scope = Scope { document: &nothing, values: &[], params: &[] };
            cell(&program.eval(&scope).to_string())
        }
        Err(errors) => errors.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_an_expression() {
        let own = OPERATORS.iter().map(|(_, _, example)| *example).chain(UNKNOWN.iter().copied());
        let words = functions().chain(methods()).map(|entry| entry.example);
        for example in own.chain(words) {
            assert!(compile(example, &Env::facts()).is_ok(), "{example}: {}", value(example));
        }
        assert_eq!(value("cluster.votes > 2"), "unknown");
        assert!(page().contains("| `'hv1'.size()` | 3 |"), "{}", page());
    }
}
