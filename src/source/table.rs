//! A table of a TOML file, read key by key: what is not asked for is unknown.

use super::file::{Place, SourceFile, Span};
use super::item::{Builder, FromItem, Item};
use super::problem::{Problem, Problems};
use super::suggest::{did_you_mean, suggest};
use super::syntax;
use super::text::Text;
use std::sync::Arc;
use toml::de::DeTable;

/// A table of a TOML file.
///
/// Ask for its keys with [`get`](Table::get) and [`need`](Table::need), then call [`finish`](Table::finish), which
/// reports every key that was not asked for.
#[derive(Clone, Debug)]
pub struct Table {
    span: Span,
    key: String,
    entries: Vec<Entry>,
    asked: Vec<&'static str>,
    /// Keys that must be there and are not.
    missing: Vec<&'static str>,
    damaged: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    key: Text,
    /// None when the value was reported as wrong, or was taken.
    item: Option<Item>,
    taken: bool,
}

impl Table {
    /// Parses a file into its outermost table. Mistakes of syntax, all of them, are added to `problems`; what stands
    /// on other lines is there nevertheless, and keys are then not said to be missing.
    pub fn parse(file: &Arc<SourceFile>, problems: &mut Problems) -> Table {
        let (root, errors) = DeTable::parse_recoverable(syntax::worth_reading(file.text()));
        let broken = syntax::touched_lines(file, &errors);
        syntax::report(file, &errors, problems);
        Builder { file, broken: &broken }.table(root.into_inner(), 0..0, "", problems)
    }

    pub(super) fn new(span: Span, key: String, damaged: bool) -> Self {
        Table { span, key, entries: Vec::new(), asked: Vec::new(), missing: Vec::new(), damaged }
    }

    pub(super) fn add(&mut self, key: Text, item: Option<Item>) {
        self.entries.push(Entry { key, item, taken: false });
    }

    pub(super) fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.key.span.range().start);
    }

    /// Where it stands: its header, or the braces; the beginning of the file for the outermost.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// File and line of its header.
    pub fn place(&self) -> Place {
        self.span.place()
    }

    /// Whether the file has mistakes of syntax, so that something may be missing here that was written.
    pub fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Whether a key is there, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key.value == key)
    }

    /// The value of a key, left where it is; none where it is wrong or was taken.
    pub fn peek(&self, key: &str) -> Option<&Item> {
        self.entries.iter().find(|entry| entry.key.value == key)?.item.as_ref()
    }

    /// Where a key itself stands.
    pub fn key_span(&self, key: &str) -> Option<&Span> {
        self.entries.iter().find(|entry| entry.key.value == key).map(|entry| &entry.key.span)
    }

    /// The keys that were asked for so far.
    pub fn asked(&self) -> &[&'static str] {
        &self.asked
    }

    /// The value of a key that may be left out. None as well when the value is wrong, which is then reported.
    pub fn get<T: FromItem>(&mut self, key: &'static str, problems: &mut Problems) -> Option<T> {
        self.asked.push(key);
        let entry = self.entries.iter_mut().find(|entry| entry.key.value == key)?;
        entry.taken = true;
        T::read(entry.item.take()?, problems)
    }

    /// The value of a key that must be there. None when it is wrong, which is then reported, or missing, which
    /// [`finish`](Table::finish) reports unless it is misspelt there.
    pub fn need<T: FromItem>(&mut self, key: &'static str, problems: &mut Problems) -> Option<T> {
        if !self.has(key) {
            self.asked.push(key);
            self.missing.push(key);
            return None;
        }
        self.get(key, problems)
    }

    /// The mistake that keys are missing.
    pub fn missing(&self, keys: &[&str]) -> Problem {
        let names: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        let (names, verb) = match &names[..] {
            [all @ .., last] if !all.is_empty() => (format!("{} and {last}", all.join(", ")), "are"),
            _ => (names.concat(), "is"),
        };
        let message = match self.key.as_str() {
            "" => format!("{names} {verb} missing"),
            table => format!("{names} {verb} missing in `{table}`"),
        };
        self.span.problem(message, format!("has no {}", names.replace(" and ", " and no ")))
    }

    /// Everything in it, in the order of the file.
    pub fn into_entries(self) -> impl Iterator<Item = (Text, Item)> {
        self.entries.into_iter().filter_map(|entry| entry.item.map(|item| (entry.key, item)))
    }

    /// The keys that were not asked for, each with the place of its value.
    pub fn unknown(&self) -> impl Iterator<Item = (&Text, &Span)> {
        let left = self.entries.iter().filter(|entry| !entry.taken);
        left.filter_map(|entry| entry.item.as_ref().map(|item| (&entry.key, &item.span)))
    }

    /// Reports every key that was not asked for, and every one that must be there and is not.
    pub fn finish(mut self, problems: &mut Problems) {
        // A value that was reported as wrong already says enough.
        for entry in self.entries.iter().filter(|entry| !entry.taken && entry.item.is_some()) {
            let (problem, meant) = self.unknown_key(&entry.key);
            problems.push(problem);
            self.missing.retain(|key| Some(*key) != meant);
        }
        if !self.damaged && !self.missing.is_empty() {
            problems.push(self.missing(&self.missing));
        }
    }

    /// The mistake that a key is not known, and the key that was probably meant.
    fn unknown_key(&self, key: &Text) -> (Problem, Option<&'static str>) {
        let message = match self.key.as_str() {
            "" => format!("there is no key `{key}` here"),
            table => format!("there is no key `{key}` in `{table}`"),
        };
        // What is there already was not meant by the unknown one.
        let free = self.asked.iter().copied().filter(|known| !self.has(known));
        let near = suggest(key, free);
        let help = match near {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None => did_you_mean(key, self.asked.iter().copied()),
        };
        (key.problem(message, "unknown key").help_if(help), near)
    }
}
