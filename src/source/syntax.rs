//! Mistakes of TOML's syntax: which to tell, and in which words.

use super::file::{SourceFile, Span};
use super::problem::{Problem, Problems};
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, Error};

/// Enough of a file to tell that it is no TOML at all.
const SAMPLE_BYTES: usize = 64 * 1024;

/// More mistakes than that are in no file that was meant to be TOML.
const HOPELESS: usize = 1000;

/// The text, or only its beginning when that is no TOML at all: every mistake costs memory, and nobody reads them.
pub(super) fn worth_reading(text: &str) -> &str {
    let bytes = text.as_bytes();
    let Some(end) =
        bytes.get(..SAMPLE_BYTES).and_then(|sample| sample.iter().rposition(|byte| *byte == b'\n'))
    else {
        return text;
    };
    let sample = &text[..=end];
    if sample.len() < text.len() && DeTable::parse_recoverable(sample).1.len() > HOPELESS {
        sample
    } else {
        text
    }
}

/// The lines that the mistakes touch, in order and apart.
pub(super) fn touched_lines(file: &SourceFile, errors: &[Error]) -> Vec<Range<usize>> {
    merge(errors.iter().map(|error| lines_around(file, error.span())).collect())
}

/// Tells the mistakes: the first of each line, since the others follow from it, and of an unclosed list only that.
pub(super) fn report(file: &Arc<SourceFile>, errors: &[Error], problems: &mut Problems) {
    let mut told = errors;
    if let Some((first, problem)) = unclosed(file, errors) {
        told = &errors[..first];
        problems.push(problem);
    }
    let mut last_line = None;
    for error in told {
        let line = error.span().map(|span| file.line_index(span.start));
        if line.is_none() || line != last_line {
            problems.push(syntax_problem(file, error));
        }
        last_line = line;
    }
}

/// A list or inline table that is never closed swallows the rest of the file: the first mistake in it by position in
/// `errors`, and what to say.
fn unclosed(file: &Arc<SourceFile>, errors: &[Error]) -> Option<(usize, Problem)> {
    let (what, bracket) = errors.iter().find_map(|error| match error.message() {
        message if message.starts_with("unclosed array") => Some(("list", '[')),
        message if message.starts_with("unclosed inline table") => Some(("table", '{')),
        _ => None,
    })?;
    let inside = |error: &Error| {
        let message = error.message();
        ["in array", "array elements", "inline table", "unclosed array"]
            .iter()
            .any(|part| message.contains(part))
    };
    let first = errors.iter().position(inside)?;
    let at = errors[first].span()?.start;
    let opened = file
        .text()
        .get(..at)?
        .rmatch_indices(bracket)
        .map(|(at, _)| at)
        .find(|at| file.text()[..*at].trim_end_matches([' ', '\t']).ends_with('='))?;
    let problem = Span::new(file, opened..opened + 1)
        .problem(format!("not valid TOML: this {what} is never closed"), "opened here")
        .label(&Span::new(file, at..at), "this cannot be a part of it");
    Some((first, problem))
}

/// The lines that a mistake of syntax touches; without a place, all of them.
fn lines_around(file: &SourceFile, span: Option<Range<usize>>) -> Range<usize> {
    let Some(span) = span else { return 0..file.text().len() };
    file.line_range(file.line_index(span.start)).start..file.line_range(file.line_index(span.end)).end
}

/// Ranges in order, with those that touch made one.
fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| range.start);
    let mut out: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

fn syntax_problem(file: &Arc<SourceFile>, error: &Error) -> Problem {
    let span = Span::new(file, error.span().unwrap_or(0..0));
    let message = error.message();
    if message == "duplicate key" {
        let key = span.text().to_owned();
        return span.problem(format!("`{key}` is given twice"), "given here again").help(
            "keep one of the two; a table that is meant to repeat has two pairs of brackets, as `[[node]]`",
        );
    }
    if message == "recursion limit" {
        return span.problem("tables or lists are nested too deeply", "more than 80 levels");
    }
    span.problem(format!("not valid TOML: {message}"), "here")
}
