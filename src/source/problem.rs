//! Mistakes in files, each at its place, and how they are shown.

use super::file::{Place, SourceFile, Span};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};
use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::Range;
use std::sync::Arc;

/// More are counted but not kept: a file that is none of ours has a mistake on every line.
const MOST_PROBLEMS: usize = 100;

/// A mistake in a file.
#[derive(Clone)]
pub struct Problem {
    message: String,
    file: Option<Arc<SourceFile>>,
    labels: Vec<(Range<usize>, String)>,
    help: Option<String>,
    related: Vec<Problem>,
}

impl Problem {
    /// A mistake without a place: a file that cannot be read.
    pub fn new(message: impl Into<String>) -> Self {
        Problem {
            message: message_of(&message.into()),
            file: None,
            labels: Vec::new(),
            help: None,
            related: Vec::new(),
        }
    }

    /// Adds a place, with a few words for under the caret; the first is where the mistake is.
    #[must_use]
    pub fn label(mut self, span: &Span, words: impl Into<String>) -> Self {
        let words = message_of(&words.into());
        match &self.file {
            Some(file) if !Arc::ptr_eq(file, span.file()) => {
                self.related.push(Problem::new(words.clone()).label(span, words));
            }
            _ => {
                let range = brief(span);
                if self.labels.first().is_none_or(|(first, _)| can_be_drawn_with(span.file(), first, &range))
                {
                    self.labels.push((range, words));
                }
                self.file = Some(span.file().clone());
            }
        }
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(message_of(&help.into()));
        self
    }

    /// Says what to do, where there is something to say.
    #[must_use]
    pub fn help_if(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do.
    pub fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// File and line, where it has a place.
    pub fn place(&self) -> Option<Place> {
        let (file, offset) = self.start()?;
        Some(Place { file: file.name().into(), line: file.line_index(offset) + 1 })
    }

    /// Line and column, both from 1, where it has a place.
    pub fn line_column(&self) -> Option<(usize, usize)> {
        self.start().map(|(file, offset)| file.line_column(offset))
    }

    /// Takes what may be drawn of its file.
    fn redraw(&mut self, masked: &[(Arc<SourceFile>, Arc<SourceFile>)]) {
        if let Some(file) = &self.file
            && let Some((_, drawn)) = masked.iter().find(|(from, _)| from.is_same(file))
        {
            self.file = Some(drawn.clone());
        }
        self.related.iter_mut().for_each(|problem| problem.redraw(masked));
    }

    fn start(&self) -> Option<(&Arc<SourceFile>, usize)> {
        Some((self.file.as_ref()?, self.labels.first()?.0.start))
    }
}

/// Longest message or help that is kept, in bytes; what is longer quotes a value that nobody reads to the end.
const LONGEST_MESSAGE: usize = 1000;

/// Most bytes that carets stand under, and between two labels that are drawn together.
const LONGEST_LABEL: usize = 300;

/// A caret under many lines explains nothing; the first line of them does.
fn brief(span: &Span) -> Range<usize> {
    let range = span.range();
    let first = span.text().split('\n').next().unwrap_or_default().trim_end_matches('\r');
    range.start..span.file().floor(range.start + first.len().min(LONGEST_LABEL))
}

/// Labels on neighbouring lines are drawn in one piece, with all that is between them.
fn can_be_drawn_with(file: &SourceFile, one: &Range<usize>, other: &Range<usize>) -> bool {
    let apart = file.line_index(one.start).abs_diff(file.line_index(other.start)) > 3;
    apart || one.start.abs_diff(other.start) <= LONGEST_LABEL
}

/// The text as a message may hold it: printable, and cut where it is very long.
fn message_of(text: &str) -> String {
    let text = printable(text);
    if text.len() <= LONGEST_MESSAGE {
        return text.into_owned();
    }
    let boundary = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (end, tail) = (boundary(LONGEST_MESSAGE / 2), boundary(text.len() - LONGEST_MESSAGE / 4));
    format!("{} ... {}", &text[..end], &text[tail..])
}

/// The text with everything escaped that a terminal would act on.
pub fn printable(text: &str) -> Cow<'_, str> {
    let bad = |c: char| {
        c.is_control() && !matches!(c, '\n' | '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    if !text.contains(bad) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if bad(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, offset)) = self.start() {
            let (line, column) = file.line_column(offset);
            write!(f, "{}:{line}:{column}: ", file.name())?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.file.as_ref().map(|file| &**file as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() {
            return None;
        }
        Some(Box::new(self.labels.iter().enumerate().map(|(index, (range, words))| {
            let words = (!words.is_empty()).then(|| words.clone());
            if index == 0 {
                LabeledSpan::new_primary_with_span(words, range.clone())
            } else {
                LabeledSpan::new_with_span(words, range.clone())
            }
        })))
    }
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

/// How mistakes are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// ASCII without colour.
    Plain {
        /// Columns at which text wraps.
        width: usize,
    },
    /// Box drawing characters.
    Fancy {
        /// Columns at which text wraps.
        width: usize,
        /// Whether to colour.
        colour: bool,
    },
}

/// All mistakes of all files that were read.
#[derive(Clone, Default)]
pub struct Problems {
    list: Vec<Problem>,
    /// How many more there are that were not kept.
    dropped: usize,
    /// Files of which a part is not to be drawn, and what is drawn instead.
    masked: Vec<(Arc<SourceFile>, Arc<SourceFile>)>,
}

impl Problems {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, mut problem: Problem) {
        problem.redraw(&self.masked);
        if self.list.len() < MOST_PROBLEMS { self.list.push(problem) } else { self.dropped += 1 }
    }

    /// Never draws a part of a file, which may be a secret: stars stand for it, whatever mistake is near.
    pub fn mask(&mut self, span: &Span) {
        let at = self.masked.iter().position(|(file, _)| Arc::ptr_eq(file, span.file()));
        let drawn = at.map_or(span.file(), |at| &self.masked[at].1);
        let masked = Arc::new(drawn.masked(span.range()));
        match at {
            Some(at) => self.masked[at].1 = masked,
            None => self.masked.push((span.file().clone(), masked)),
        }
        for problem in &mut self.list {
            problem.redraw(&self.masked);
        }
    }

    /// Adds all of another gathering.
    pub fn extend(&mut self, other: Problems) {
        self.dropped += other.dropped;
        self.masked.extend(other.masked);
        other.list.into_iter().for_each(|problem| self.push(problem));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len() + self.dropped
    }

    /// Those that are kept: the first hundred, by file in the order of reading and then by place.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.sorted().into_iter()
    }

    fn sorted(&self) -> Vec<&Problem> {
        let files: Vec<_> = self.list.iter().filter_map(|problem| problem.file.as_ref()).collect();
        let rank = |problem: &Problem| {
            let file = problem.file.as_ref()?;
            files.iter().position(|other| Arc::ptr_eq(other, file))
        };
        let mut all: Vec<_> = self.list.iter().collect();
        all.sort_by_cached_key(|problem| (rank(problem), problem.start().map(|(_, offset)| offset)));
        all
    }

    /// The value when there is no mistake, else the mistakes.
    ///
    /// # Errors
    /// There is a mistake.
    pub fn or<T>(self, value: T) -> Result<T, Problems> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// All of them drawn, with carets in the file, and a closing line that counts them.
    pub fn render(&self, look: Look) -> String {
        let handler = match look {
            Look::Plain { width } => {
                GraphicalReportHandler::new_themed(GraphicalTheme::none()).with_width(width)
            }
            Look::Fancy { width, colour: false } => {
                GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(width)
            }
            Look::Fancy { width, colour: true } => {
                GraphicalReportHandler::new_themed(GraphicalTheme::unicode()).with_width(width)
            }
        };
        let handler = handler.with_links(false).without_cause_chain();
        let mut out = String::new();
        for problem in self.sorted() {
            if handler.render_report(&mut out, problem).is_err() {
                let _ = writeln!(out, "{problem:?}");
            }
            out.push('\n');
        }
        if self.dropped > 0 {
            let _ = writeln!(out, "and {} more\n", self.dropped);
        }
        out.push_str(&self.count());
        out.push('\n');
        out
    }

    /// `3 problems in cluster.toml`
    fn count(&self) -> String {
        let problems =
            if self.len() == 1 { "1 problem".to_owned() } else { format!("{} problems", self.len()) };
        let mut files: Vec<&str> =
            self.list.iter().filter_map(|problem| problem.file.as_ref()).map(|file| file.name()).collect();
        files.sort_unstable();
        files.dedup();
        match files[..] {
            [] => problems,
            [file] => format!("{problems} in {file}"),
            _ => format!("{problems} in {} files", files.len()),
        }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Problems { list: vec![problem], ..Problems::default() }
    }
}

/// One line for each: `file:line:column: what is wrong (what to do)`.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.sorted().into_iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem:?}")?;
        }
        if self.dropped > 0 {
            write!(f, "\nand {} more", self.dropped)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.sorted().into_iter().map(|problem| problem as &dyn Diagnostic)))
    }
}
