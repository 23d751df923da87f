//! Messages with expressions in them: `{node.name} has {size(node.nics)} interfaces`.
//!
//! `{{` and `}}` stand for the braces themselves. What is unknown is written `unknown`; a message never fails.

use super::env::Env;
use super::error::{ExprError, tidy};
use super::program::{Program, Scope, compile};
use std::fmt::Write as _;
use std::ops::Range;

/// A message with checked expressions in it.
#[derive(Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Value(Program),
}

impl Template {
    /// Parses a message and checks its expressions.
    ///
    /// # Errors
    /// Every mistake in it, with its place in the message.
    pub fn compile(text: &str, env: &Env) -> Result<Template, Vec<ExprError>> {
        let mut errors = Vec::new();
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(['{', '}']) {
            plain.push_str(&text[at..at + found]);
            at += found;
            let brace = if text[at..].starts_with('{') { '{' } else { '}' };
            if text[at + 1..].starts_with(brace) {
                plain.push(brace);
                at += 2;
            } else if brace == '}' {
                let error = ExprError::new(at..at + 1, "this `}` closes nothing");
                errors.push(error.help("write `}}` for a brace in the text"));
                at += 1;
            } else if let Some(end) = end_of(text, at + 1) {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                expression(text, at + 1..end, env, &mut parts, &mut errors);
                at = end + 1;
            } else {
                let error = ExprError::new(at..at + 1, "this `{` is never closed");
                errors.push(error.help("close it with `}`, or write `{{` for a brace in the text"));
                at = text.len();
            }
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        if errors.is_empty() { Ok(Template { parts }) } else { Err(tidy(errors)) }
    }

    /// Writes the message.
    pub fn render<'a>(&'a self, scope: &Scope<'_, 'a>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                // Writing to a string cannot fail.
                Part::Value(program) => {
                    let _ = write!(out, "{}", program.eval(scope));
                }
            }
        }
        out
    }

    /// The expressions in it, in order.
    pub fn programs(&self) -> impl Iterator<Item = &Program> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value(program) => Some(program),
            Part::Text(_) => None,
        })
    }

    /// The facts it reads, as [`Program::reads`], each once.
    pub fn reads(&self) -> Vec<String> {
        let mut all: Vec<String> =
            self.programs().flat_map(|program| program.reads().iter().cloned()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

fn expression(
    text: &str,
    range: Range<usize>,
    env: &Env,
    parts: &mut Vec<Part>,
    errors: &mut Vec<ExprError>,
) {
    let inside = &text[range.clone()];
    if inside.trim().is_empty() {
        let error =
            ExprError::new(range.start - 1..range.end + 1, "expected an expression between the braces");
        errors.push(error.help("write `{{` and `}}` for braces in the text"));
        return;
    }
    match compile(inside, env) {
        Ok(program) => parts.push(Part::Value(program)),
        Err(found) => errors.extend(found.into_iter().map(|error| ExprError {
            range: error.range.start + range.start..error.range.end + range.start,
            ..error
        })),
    }
}

/// Where the brace stands that closes an expression; braces in its texts do not count.
fn end_of(text: &str, start: usize) -> Option<usize> {
    let mut quote = None;
    let mut raw = false;
    let mut before = ' ';
    let mut characters = text[start..].char_indices();
    while let Some((at, c)) = characters.next() {
        match quote {
            None if c == '}' => return Some(start + at),
            None if c == '\'' || c == '"' => {
                quote = Some(c);
                raw = matches!(before, 'r' | 'R');
            }
            Some(open) if c == open => quote = None,
            Some(_) if c == '\\' && !raw => {
                characters.next();
            }
            _ => {}
        }
        before = c;
    }
    None
}
