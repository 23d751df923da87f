//! What is wrong with an expression, and where.
//!
//! Ranges are byte offsets into the text of the expression and always lie on character boundaries inside it.

use std::ops::Range;

/// How many errors of one expression are told; more would only be noise.
pub(super) const MAX_ERRORS: usize = 20;

/// One mistake in an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// The bytes of the text that are wrong; empty where something is missing.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl ExprError {
    /// A mistake at a place.
    pub(super) fn new(range: Range<usize>, message: impl Into<String>) -> Self {
        ExprError { range, message: message.into(), help: None }
    }

    /// The same with what to do about it.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with what to do about it, where that is known.
    pub(super) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// Errors in the order of the text, one for each place.
pub(super) fn tidy(mut errors: Vec<ExprError>) -> Vec<ExprError> {
    errors.sort_by_key(|error| (error.range.start, error.range.end));
    let mut kept: Vec<ExprError> = Vec::new();
    for error in errors {
        if !kept.iter().any(|other| other.range == error.range) {
            kept.push(error);
        }
    }
    kept.truncate(MAX_ERRORS);
    kept
}
