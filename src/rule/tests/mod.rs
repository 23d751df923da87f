//! Rules judged from the outside of the engine: small files, small documents.

mod choice;
mod laws;
mod mistakes;
mod verbs;

use super::*;
use crate::derive;
use crate::facts::Document;
use crate::source::{Problems, SourceFile, Span, Text};
use jiff::civil::date;

fn load(packs: &[(&str, &str)], profiles: &[(&str, &str)]) -> Result<Ruleset, Problems> {
    let all = |files: &[(&str, &str)]| -> Vec<_> {
        files.iter().map(|(stem, text)| SourceFile::new(format!("{stem}.toml"), *text)).collect()
    };
    Ruleset::from_files(&all(packs), &all(profiles))
}

/// What every rule needs beside what a test is about.
const REST: &str = r#"
title = "T"
severity = "fail"
why = "W"
remedy = "R"
source = ["S"]
[[rule.example]]
verdict = "pass"
facts = '{}'
[[rule.example]]
verdict = "fail"
facts = '{}'
"#;

/// A ruleset of one rule, `t/r`.
fn one(rule: &str) -> Ruleset {
    let text = format!("[[rule]]\nname = 'r'\n{rule}\n{REST}");
    let profile = "title = 'p'\nplatform = 'generic'\nselect = ['t']";
    load(&[("t", &text)], &[("p", profile)]).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

fn document(json: &str) -> Document {
    let head = if json.contains("\"cluster\"") {
        "{\"schema\":\"quorate/1\","
    } else {
        "{\"schema\":\"quorate/1\",\"cluster\":{\"platform\":\"generic\"},"
    };
    let text = json.replacen('{', head, 1);
    let text = text.replace(",}", "}");
    let mut document =
        Document::parse(text.as_bytes(), "facts.json").unwrap_or_else(|error| panic!("{error}"));
    derive::complete(&mut document);
    document
}

fn judge(ruleset: &Ruleset, document: &Document) -> Judgement {
    let resolved = ruleset.resolve(&Selection::of_document(document)).unwrap_or_else(|e| panic!("{e}"));
    resolved.judge(document, &[], date(2026, 11, 20))
}

/// One line for each finding: `fail hv2: hv2 has ...`.
fn told(rule: &str, json: &str) -> Vec<String> {
    let ruleset = one(rule);
    let judgement = judge(&ruleset, &document(json));
    judgement
        .findings
        .iter()
        .map(|finding| format!("{} {}: {}", finding.status, finding.subject, finding.message))
        .collect()
}

fn text(value: &str) -> Text {
    let file = SourceFile::new("--only", value);
    Text { value: value.to_owned(), span: Span::new(&file, 0..value.len()) }
}
