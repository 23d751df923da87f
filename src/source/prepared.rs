//! TOML files of the program itself, parsed when it was built: the same tables as parsing gives, at a fraction of the time.
//!
//! `build.rs` writes each tree in preorder as numbers of 32 bits, little-endian:
//!
//! ```text
//! table   = count { key item }        entries in the order of the file
//! key     = start end from to         where it stands, and its value
//! item    = TEXT start end from to
//!         | INT start end low high    a number of 64 bits in two halves
//!         | BOOL start end value
//!         | LIST start end count { item }
//!         | TABLE start end table
//! ```
//!
//! `start` and `end` are bytes of the file. `from` and `to` are bytes of the file as well, or, beyond its end, of `extra`,
//! which holds the texts that are not written as they are meant: those with escapes. A file that has anything else in it,
//! or a mistake, has no tree and is parsed when it is read.

use super::file::{SourceFile, Span};
use super::item::{Item, Kind};
use super::table::Table;
use super::text::Text;
use std::sync::Arc;

/// A TOML file of the program, parsed when it was built.
#[derive(Clone, Copy, Debug)]
pub struct Prepared {
    /// What the file is called.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
    /// Texts that are not written as they are meant.
    pub extra: &'static str,
    /// Its tree; empty where it must be parsed.
    pub tree: &'static [u8],
}

const INT: u32 = 1;
const BOOL: u32 = 2;
const LIST: u32 = 3;
const TABLE: u32 = 4;

impl Prepared {
    /// The outermost table of `file`, which must hold [`Prepared::text`]. None where it must be parsed.
    pub fn table(&self, file: &Arc<SourceFile>) -> Option<Table> {
        let mut reader = Reader { words: self.tree.chunks_exact(4), of: self, file };
        (!self.tree.is_empty()).then(|| reader.table(0, 0, ""))
    }
}

struct Reader<'a> {
    words: std::slice::ChunksExact<'a, u8>,
    of: &'a Prepared,
    file: &'a Arc<SourceFile>,
}

impl Reader<'_> {
    /// The next number; 0 after the last, so that a tree that is cut off ends.
    fn word(&mut self) -> u32 {
        self.words.next().and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
    }

    fn text(&mut self, start: u32, end: u32) -> Text {
        let (from, to) = (self.word() as usize, self.word() as usize);
        let text = self.of.text;
        let value = match from.checked_sub(text.len()) {
            None => text.get(from..to),
            Some(from) => self.of.extra.get(from..to.saturating_sub(text.len())),
        };
        Text { value: value.unwrap_or_default().to_owned(), span: self.span(start, end) }
    }

    fn span(&self, start: u32, end: u32) -> Span {
        Span::new(self.file, start as usize..end as usize)
    }

    fn table(&mut self, start: u32, end: u32, key: &str) -> Table {
        let mut table = Table::new(self.span(start, end), key.to_owned(), false);
        for _ in 0..self.word() {
            let (start, end) = (self.word(), self.word());
            let name = self.text(start, end);
            let below = if key.is_empty() { name.value.clone() } else { format!("{key}.{name}") };
            let item = self.item(below);
            table.add(name, Some(item));
        }
        table
    }

    fn item(&mut self, key: String) -> Item {
        let (kind, start, end) = (self.word(), self.word(), self.word());
        let kind = match kind {
            INT => {
                let (low, high) = (self.word(), self.word());
                Kind::Int((i64::from(high) << 32) | i64::from(low))
            }
            BOOL => Kind::Bool(self.word() != 0),
            LIST => Kind::List((0..self.word()).map(|_| self.item(key.clone())).collect()),
            TABLE => Kind::Table(self.table(start, end, &key)),
            _ => Kind::Text(self.text(start, end)),
        };
        Item { kind, span: self.span(start, end), key }
    }
}
