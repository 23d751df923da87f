//! A TOML string that knows where each of its characters stands in the file.

use super::file::{Place, Span};
use super::problem::Problem;
use std::fmt;
use std::ops::{Deref, Range};

/// The value of a TOML string or key, and where it stands.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// The decoded value.
    pub value: String,
    /// Where it stands, quotes included.
    pub span: Span,
}

impl Text {
    /// The value.
    pub fn as_str(&self) -> &str {
        &self.value
    }

    /// File and line it begins on.
    pub fn place(&self) -> Place {
        self.span.place()
    }

    /// A mistake in the whole of it.
    pub fn problem(&self, message: impl Into<String>, label: impl Into<String>) -> Problem {
        self.inner().problem(message, label)
    }

    /// The span without the quotes; that of the quotes for an empty string.
    pub fn inner(&self) -> Span {
        if self.value.is_empty() { self.span.clone() } else { self.within(0..self.value.len()) }
    }

    /// Where a byte range of the decoded value stands in the file: for all four kinds of strings and for keys,
    /// through escapes and line-ending backslashes. A range at the end of the value stands before the closing quote.
    pub fn within(&self, range: Range<usize>) -> Span {
        let start = self.offset(range.start, false);
        let end = if range.end <= range.start { start } else { self.offset(range.end, true).max(start) };
        Span::new(self.span.file(), start..end)
    }

    /// Where a byte of the decoded value stands in the file. As the end of a range, it stays behind the character
    /// before it, so that a line-ending backslash and the spaces after it are not covered.
    fn offset(&self, wanted: usize, as_end: bool) -> usize {
        let raw = self.span.text();
        let mut at = self.span.range().start + opening(raw);
        let mut decoded = 0;
        for (value, width) in Characters::of(raw) {
            if decoded >= wanted && (value > 0 || as_end) || decoded + value > wanted {
                break;
            }
            decoded += value;
            at += width;
        }
        at
    }
}

/// Bytes before the first character: quotes, and the line end right after three of them.
fn opening(raw: &str) -> usize {
    for quotes in ["\"\"\"", "'''"] {
        if let Some(rest) = raw.strip_prefix(quotes) {
            // `""""""` is empty as well, and so is the lone pair of quotes.
            let line_end = if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
            return 3 + line_end;
        }
    }
    usize::from(raw.starts_with(['"', '\'']))
}

/// The characters of a raw TOML string: bytes of the value, bytes of the file.
struct Characters<'a> {
    rest: &'a str,
    escapes: bool,
}

impl<'a> Characters<'a> {
    fn of(raw: &'a str) -> Self {
        let open = opening(raw);
        let quotes = match raw.as_bytes() {
            [b'"', b'"', b'"', ..] | [b'\'', b'\'', b'\'', ..] => 3,
            [b'"' | b'\'', ..] => 1,
            _ => 0,
        };
        let end = raw.len().saturating_sub(quotes).max(open);
        Characters { rest: raw.get(open..end).unwrap_or_default(), escapes: raw.starts_with('"') }
    }
}

impl Iterator for Characters<'_> {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let first = self.rest.chars().next()?;
        let step = if first == '\\' && self.escapes {
            escape(self.rest)
        } else {
            (first.len_utf8(), first.len_utf8())
        };
        self.rest = self.rest.get(step.1..).unwrap_or_default();
        Some(step)
    }
}

/// What the escape at the beginning of a text is worth: bytes of the value, bytes of the file (TOML 1.1, Strings).
fn escape(text: &str) -> (usize, usize) {
    let hex = |digits: usize| {
        let code = text.get(2..2 + digits).and_then(|code| u32::from_str_radix(code, 16).ok());
        let c = code.and_then(char::from_u32).unwrap_or('\u{fffd}');
        (c.len_utf8(), 2 + digits)
    };
    match text.as_bytes().get(1) {
        Some(b'x') => hex(2),
        Some(b'u') => hex(4),
        Some(b'U') => hex(8),
        Some(b' ' | b'\t' | b'\r' | b'\n') => {
            let rest = text[1..].trim_start_matches([' ', '\t', '\r', '\n']);
            (0, text.len() - rest.len())
        }
        _ => (1, 2),
    }
}

impl Deref for Text {
    type Target = str;
    fn deref(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.value)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:?}", self.value, self.span)
    }
}
