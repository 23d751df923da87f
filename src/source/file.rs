//! A text file in memory, and places in it.

use super::problem::{Problem, printable};
use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};
use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// Largest file that is read. The largest that anybody wrote by hand is far below one MiB; a file that is nothing but
/// mistakes costs some three hundred times its size in memory.
pub const MAX_SOURCE_BYTES: u64 = 4 * 1024 * 1024;

/// A text file in memory, without byte order mark.
pub struct SourceFile {
    name: Arc<str>,
    path: Option<PathBuf>,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    /// The text as it may be shown, where that is another: same byte offsets, nothing in it that a terminal would act on.
    /// Made when first shown.
    shown: OnceLock<Option<String>>,
    /// Tells files apart; a masked one has that of the file it was made of.
    origin: u64,
}

static FILES_READ: AtomicU64 = AtomicU64::new(0);

impl fmt::Debug for SourceFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceFile({})", self.name)
    }
}

impl SourceFile {
    /// A text that is in memory already; `name` is what messages call it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self::build(name.into(), None, text.into()))
    }

    fn build(name: String, path: Option<PathBuf>, mut text: String) -> Self {
        if text.starts_with('\u{feff}') {
            text.drain(..'\u{feff}'.len_utf8());
        }
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let origin = FILES_READ.fetch_add(1, Ordering::Relaxed);
        SourceFile { name: printable(&name).into(), path, text, lines, shown: OnceLock::new(), origin }
    }

    /// Reads a file; messages call it as `path` does.
    ///
    /// # Errors
    /// It is missing, a directory, unreadable, larger than [`MAX_SOURCE_BYTES`], or not UTF-8 (with the place).
    pub fn read(path: &Path) -> Result<Arc<Self>, Problem> {
        let name = path.display().to_string();
        let cannot = |what: String| Problem::new(format!("{name}: {what}"));
        let failed = |error: std::io::Error| cannot(format!("cannot be read: {error}"));
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            return Err(cannot("is a directory, not a file".to_owned()));
        }
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_SOURCE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_SOURCE_BYTES {
            return Err(cannot(format!(
                "is larger than {} MiB, which no file written by hand is",
                MAX_SOURCE_BYTES / (1024 * 1024)
            )));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Arc::new(Self::build(name, Some(path.to_owned()), text))),
            Err(error) => Err(not_utf8(name, &error)),
        }
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it was read from; none for a text that was in memory.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Line and column of a byte, both from 1, the column in characters.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let offset = self.floor(offset);
        let line = self.line_index(offset);
        (line + 1, self.text[self.lines[line]..offset].chars().count() + 1)
    }

    /// The line of a byte, counted from 0.
    pub(super) fn line_index(&self, offset: usize) -> usize {
        self.lines.partition_point(|start| *start <= offset) - 1
    }

    /// The same file with stars drawn for a part of it; the text itself stays.
    pub(super) fn masked(&self, range: Range<usize>) -> Self {
        let mut shown = self.shown().as_bytes().to_vec();
        for byte in
            shown.iter_mut().take(range.end).skip(range.start).filter(|byte| !byte.is_ascii_whitespace())
        {
            *byte = b'*';
        }
        SourceFile {
            name: self.name.clone(),
            path: self.path.clone(),
            text: self.text.clone(),
            lines: self.lines.clone(),
            shown: OnceLock::from(Some(String::from_utf8_lossy(&shown).into_owned())),
            origin: self.origin,
        }
    }

    /// The text as it may be shown.
    fn shown(&self) -> &str {
        self.shown.get_or_init(|| harmless(&self.text)).as_deref().unwrap_or(&self.text)
    }

    /// Whether it is that file, masked or not.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.origin == other.origin
    }

    /// The nearest character boundary at or before a byte.
    pub(super) fn floor(&self, offset: usize) -> usize {
        let mut at = offset.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The bytes of a line, counted from 0, without its line end.
    pub(super) fn line_range(&self, line: usize) -> Range<usize> {
        let start = self.lines[line];
        let end = self.lines.get(line + 1).copied().unwrap_or(self.text.len());
        start..start + self.text[start..end].trim_end_matches(['\n', '\r']).len()
    }
}

/// The text with every character replaced that a terminal acts on, or none when there is none. Offsets stay.
fn harmless(text: &str) -> Option<String> {
    let bad = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.contains(bad) {
        return None;
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c.len_utf8() {
            _ if c == '\r' && rest.peek() == Some(&'\n') => shown.push(c),
            1 if bad(c) => shown.push('?'),
            2 if bad(c) => shown.push('\u{bf}'),
            _ if bad(c) => shown.push('\u{fffd}'),
            _ => shown.push(c),
        }
    }
    Some(shown)
}

fn not_utf8(name: String, error: &std::string::FromUtf8Error) -> Problem {
    let bytes = error.as_bytes();
    let at = error.utf8_error().valid_up_to();
    let byte = bytes[at];
    let help = if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        "it looks like UTF-16; save it as UTF-8"
    } else {
        "save the file as UTF-8"
    };
    // The text up to the bad byte is sound, and the lossy rest keeps it at the same offset.
    let file = Arc::new(SourceFile::build(name, None, String::from_utf8_lossy(bytes).into_owned()));
    let bom = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    Span::new(&file, at - bom..at - bom + '\u{fffd}'.len_utf8())
        .problem("the file is not UTF-8 text", format!("byte 0x{byte:02x} begins no character"))
        .help(help)
}

/// Lines that are longer are cut around the place that is shown.
const LONGEST_LINE: usize = 400;

impl SourceCode for SourceFile {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let start = self.floor(span.offset());
        let end = self.floor(span.offset().saturating_add(span.len())).max(start);
        let (line, last) = (self.line_index(start), self.line_index(end));
        let (mut line, mut column) = (line, self.text[self.lines[line]..start].chars().count());
        let mut range = start..end;
        if context_lines_before + context_lines_after > 0 {
            let first = line.saturating_sub(context_lines_before);
            let after = (last + context_lines_after).min(self.lines.len() - 1);
            if (first..=after).any(|line| self.line_range(line).len() > LONGEST_LINE) {
                let of_span = self.lines[line]..self.line_range(last).end.max(end);
                range = self.floor(of_span.start.max(start.saturating_sub(LONGEST_LINE / 4)))
                    ..self.floor(of_span.end.min(end + LONGEST_LINE / 2));
                column = self.text[self.lines[line]..range.start].chars().count();
            } else {
                range = self.lines[first]..self.line_range(after).end;
                (line, column) = (first, 0);
            }
        }
        let shown = self.shown();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.to_string(),
            &shown.as_bytes()[range.clone()],
            (range.start, range.len()).into(),
            line,
            column,
            last - line + 1,
        )))
    }
}

/// A line of a file, as reports name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as [`SourceFile::name`] has it.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
}

impl Place {
    /// A line, from 1, of a file of that name.
    pub fn new(file: &str, line: usize) -> Self {
        Place { file: file.into(), line }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// A byte range of a file.
#[derive(Clone)]
pub struct Span {
    file: Arc<SourceFile>,
    start: usize,
    end: usize,
}

impl Span {
    /// A byte range of a file; one that reaches beyond the end is cut.
    pub fn new(file: &Arc<SourceFile>, range: Range<usize>) -> Self {
        let start = range.start.min(file.text.len());
        Span { file: file.clone(), start, end: range.end.clamp(start, file.text.len()) }
    }

    /// The file.
    pub fn file(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// The bytes of the file.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The text of the file in it.
    pub fn text(&self) -> &str {
        self.file.text.get(self.range()).unwrap_or_default()
    }

    /// File and line it begins on.
    pub fn place(&self) -> Place {
        Place { file: self.file.name.clone(), line: self.file.line_index(self.start) + 1 }
    }

    /// A mistake here: what is wrong, and a few words for under the caret.
    pub fn problem(&self, message: impl Into<String>, label: impl Into<String>) -> Problem {
        Problem::new(message).label(self, label)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.file.line_column(self.start);
        write!(f, "{}:{line}:{column}+{}", self.file.name, self.end - self.start)
    }
}

impl PartialEq for Span {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && self.range() == other.range()
    }
}

impl Eq for Span {}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}
