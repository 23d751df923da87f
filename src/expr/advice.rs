//! What to do about a mistake: words that were meant, and how things are written.

use super::error::ExprError;
use super::syntax::{Expr, Kind, Operator, Word};
use super::types::ExprType;
use crate::facts::{ChoiceType, RecordType, Type};
use crate::source::suggest;

pub(super) fn did_you_mean(word: Option<&str>) -> Option<String> {
    word.map(|word| format!("did you mean `{word}`?"))
}

/// The group of a record that has a field of that name, for one that was written without the group.
pub(super) fn group_of(record: &'static RecordType, name: &str) -> Option<&'static str> {
    record.fields.iter().find_map(|group| match (group.ty)() {
        Type::Record(inner) if inner.find(name).is_some() => Some(group.name),
        _ => None,
    })
}

pub(super) fn unknown_field(record: &'static RecordType, field: &Word) -> ExprError {
    let names = || record.fields.iter().map(|field| field.name);
    let help = did_you_mean(suggest(&field.text, names()))
        .or_else(|| {
            group_of(record, &field.text).map(|group| format!("did you mean `{group}.{}`?", field.text))
        })
        .unwrap_or_else(|| format!("it has: {}", names().collect::<Vec<_>>().join(", ")));
    let message = format!("{} has no field `{}`", record.name, field.text);
    ExprError::new(field.range.clone(), message).help(help)
}

pub(super) fn no_fields(ty: &ExprType, field: &Word) -> ExprError {
    let message = format!("no field `{}` here: this is a {ty}", field.text);
    let help = match ty {
        ExprType::List(element) => match element.as_ref() {
            ExprType::Record(record) if record.find(&field.text).is_some() => Some(format!(
                "each element has it: `.all(x, x.{0} ...)`, `.exists(x, x.{0} ...)` or `.map(x, x.{0})`",
                field.text
            )),
            _ if field.text == "size" || field.text == "length" => Some("write `size(list)`".to_owned()),
            _ => None,
        },
        _ => None,
    };
    ExprError::new(field.range.clone(), message).maybe_help(help)
}

pub(super) fn unknown_word(choice: &ChoiceType, word: &str, expr: &Expr) -> ExprError {
    let words: Vec<&str> = choice.words.iter().map(|(word, _)| *word).collect();
    let all = format!("there are: {}", words.join(", "));
    let help = match did_you_mean(suggest(word, words.iter().copied())) {
        Some(similar) => format!("{similar} {all}"),
        None => all,
    };
    ExprError::new(expr.range.clone(), format!("`{word}` is no {}", choice.name)).help(help)
}

/// How to compare records: by their key.
pub(super) fn compare_key(ty: &ExprType) -> Option<String> {
    match ty {
        ExprType::Record(record) => {
            let key = record.key.map_or("name", |key| record.fields[key].name);
            Some(format!("compare a field of it, such as `.{key}`"))
        }
        ExprType::List(element) => {
            compare_key(element).map(|_| "compare fields of the elements: `.map(x, x.name)`".to_owned())
        }
        _ => None,
    }
}

pub(super) fn comparison_help(left: &Expr, a: &ExprType, b: &ExprType) -> Option<String> {
    let chained = |expr: &Expr| match &expr.kind {
        Kind::Binary(operator, ..) => operator.binding() == Operator::Equal.binding(),
        _ => false,
    };
    if *a == ExprType::Bool && chained(left) {
        return Some("join two comparisons: `a < b && b < c`".to_owned());
    }
    let pair = [(a, b), (b, a)];
    pair.iter().find_map(|(one, other)| {
        Some(match (one, other) {
            (ExprType::Version, ExprType::Str) => "make both versions: `version('10.0.20348')`".to_owned(),
            (ExprType::Cidr, ExprType::Str) => "make both subnets, or ask `cidr(...).contains(address)`".to_owned(),
            (ExprType::Size, ExprType::Int | ExprType::Str) => {
                "write the amount with its unit: `bytes(\"512 MiB\")`".to_owned()
            }
            (ExprType::Duration, ExprType::Int | ExprType::Str) => {
                "write the amount with its unit: `duration(\"3s\")`".to_owned()
            }
            (ExprType::Rate, ExprType::Int | ExprType::Str) => {
                "write the amount with its unit: `rate(\"10 Gbit/s\")`".to_owned()
            }
            (ty, ExprType::Int) if ty.is_text() => {
                "write text in quotes, read a number with `int(text)`, or compare versions: `version(text) > version('3')`"
                    .to_owned()
            }
            (ExprType::List(_), ExprType::Int) => "compare its size: `size(list)`".to_owned(),
            (ExprType::List(element), other) if element.common(other).is_some() => {
                "ask `value in list`".to_owned()
            }
            (ExprType::Record(_), _) => return compare_key(one),
            _ => return None,
        })
    })
}

pub(super) fn arithmetic_help(operator: Operator, a: &ExprType, b: &ExprType) -> Option<String> {
    let text = (a.is_text() || b.is_text()) && operator == Operator::Add;
    if text {
        return Some("make it text first: `string(number)`".to_owned());
    }
    if a.is_unit() && b.is_unit() && a != b {
        return Some("only amounts of the same unit go together".to_owned());
    }
    if (a.is_unit() || b.is_unit()) && matches!(operator, Operator::Add | Operator::Subtract) {
        return Some("write the amount with its unit, as in `duration(\"3s\")`".to_owned());
    }
    None
}
