//! The page of the facts: every record, its fields and their types, as they are declared.

use super::cell;
use crate::facts::{ChoiceType, Document, RecordType, Type};
use std::fmt::Write;

/// The page.
pub(super) fn page() -> String {
    let (mut records, mut choices) = (vec![&Document::TYPE], Vec::new());
    let mut at = 0;
    while at < records.len() {
        for field in records[at].fields {
            reach(&(field.ty)(), &mut records, &mut choices);
        }
        at += 1;
    }
    choices.sort_by_key(|choice| choice.name);
    let mut out = include_str!("pages/facts.md").to_owned();
    for record in records {
        write_record(record, &mut out);
    }
    for choice in choices {
        let _ = write!(out, "\n## {}\n\n{}\n\n| word | |\n|---|---|\n", choice.name, cell(choice.doc));
        for (word, doc) in choice.words {
            let _ = writeln!(out, "| `{word}` | {} |", cell(doc));
        }
    }
    out
}

/// Adds what a type leads to, each once.
fn reach(ty: &Type, records: &mut Vec<&'static RecordType>, choices: &mut Vec<&'static ChoiceType>) {
    match ty {
        Type::List(element) => reach(element, records, choices),
        Type::Record(record) if !records.contains(record) => records.push(record),
        Type::Choice(choice) if !choices.contains(choice) => choices.push(choice),
        _ => {}
    }
}

fn write_record(record: &RecordType, out: &mut String) {
    let _ = write!(out, "\n## {}\n\n{}\n", record.name, cell(record.doc));
    if let Some(key) = record.key {
        let _ = writeln!(out, "\nIts key is `{}`.", record.fields[key].name);
    }
    out.push_str("\n| field | type | |\n|---|---|---|\n");
    for field in record.fields {
        let _ = writeln!(out, "| `{}` | {} | {} |", field.name, linked(&(field.ty)()), cell(field.doc));
    }
}

/// A type, with the way to where it is told.
fn linked(ty: &Type) -> String {
    match ty {
        Type::List(element) => format!("list of {}", linked(element)),
        Type::Record(_) | Type::Choice(_) => format!("[{ty}](#{})", ty.to_string().to_lowercase()),
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_is_told_once() {
        let page = page();
        for name in ["Document", "Node", "Nic", "Lun", "Platform"] {
            assert_eq!(page.matches(&format!("\n## {name}\n")).count(), 1, "{name}");
        }
        let headings: Vec<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .map(|heading| heading.to_lowercase())
            .collect();
        for at in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(headings.iter().any(|heading| heading == at), "{at}");
        }
    }
}
