//! A report's HTML as sections of headings, messages and tables, whatever state its markup is in.
//!
//! The markup is taken as a flat run of tags, so that neither missing ends nor deep nesting matter, and time and memory
//! grow with the length of the text alone. What stands in scripts and styles is never looked at. Nothing here depends
//! on a word of any language: sections are found by their headings and anchors, messages by the class of their element,
//! results by the name of their picture.

use crate::facts::ValidationResult;
use crate::probe::answer::harmless;
use html5gum::Tokenizer;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use std::borrow::Cow;
use std::collections::HashMap;

/// Longest text of one cell or message, in bytes; what is longer is cut.
const LONGEST_TEXT: usize = 16 * 1024;

/// A report's page.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// `lang` of the page.
    pub language: Option<String>,
    /// Rows of the tables before the first heading: nodes, beginning and end.
    pub head: Vec<Vec<Cell>>,
    /// What stands below each heading.
    pub sections: Vec<Section>,
    /// Whether the page comes to its end.
    pub whole: bool,
}

/// A heading with what follows it.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// Its anchor: a number that means something in this report only.
    pub anchor: Option<String>,
    /// Its text.
    pub title: String,
    /// What follows, in order.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Debug)]
pub(super) enum Block {
    /// A smaller heading: what follows is of this node.
    Node(String),
    /// A sentence.
    Message {
        /// How it is marked.
        mark: Mark,
        /// The part in bold at its begin, without the colon.
        label: String,
        /// The rest.
        text: String,
    },
    /// A table.
    Table(Table),
}

/// How a message is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Not at all, or as information.
    Plain,
    /// As a warning.
    Warning,
    /// As an error.
    Error,
    /// As the reason why a test had nothing to look at.
    NotApplicable,
}

/// A table.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Cells of its head.
    pub head: Vec<Cell>,
    /// Rows of its body.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    /// Its text, white space as single spaces.
    pub text: String,
    /// The anchor that it points to.
    pub link: Option<String>,
    /// The result that its picture stands for.
    pub result: Option<ValidationResult>,
}

impl Page {
    /// Takes a page apart.
    pub fn read(html: &str) -> Self {
        let mut builder = Builder::default();
        let mut emitter =
            CallbackEmitter::new(|event: CallbackEvent<'_>, _: html5gum::Span<()>| -> Option<()> {
                builder.take(event);
                None
            });
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter) {
            // The reader is a string, which cannot fail.
            if token.is_err() {
                break;
            }
        }
        builder.end()
    }

    /// Where a section stands that an anchor names.
    pub fn anchors(&self) -> HashMap<&str, usize> {
        let named = self.sections.iter().enumerate();
        named.rev().filter_map(|(at, section)| Some((section.anchor.as_deref()?, at))).collect()
    }
}

impl Section {
    /// Its tables.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Table(table) => Some(table),
            _ => None,
        })
    }

    /// Rows that point to a section and show a result: title, anchor and result of each.
    pub fn results(&self) -> impl Iterator<Item = (&str, &str, Option<ValidationResult>)> {
        self.tables().flat_map(|table| &table.rows).filter_map(|row| {
            let link = row.iter().find(|cell| cell.link.is_some())?;
            let pictured = row.iter().find(|cell| cell.result.is_some());
            // A row of three cells without a known picture is one all the same; its result is not known.
            if pictured.is_none() && row.len() < 2 {
                return None;
            }
            Some((link.text.as_str(), link.link.as_deref()?, pictured.and_then(|cell| cell.result)))
        })
    }
}

/// Where text goes.
#[derive(Debug, Default, PartialEq, Eq)]
enum Sink {
    #[default]
    Nowhere,
    Heading,
    Node,
    Message(&'static str),
    Cell,
}

#[derive(Debug, Default)]
struct Builder {
    page: Page,
    into: Sink,
    text: String,
    label: Option<String>,
    anchor: Option<String>,
    cell: Cell,
    row: Option<Vec<Cell>>,
    table: Option<Table>,
    in_head: bool,
    /// Element whose text is no text: `script`, `style`.
    silent: Option<Vec<u8>>,
    tag: Vec<u8>,
    attribute: Vec<u8>,
    attributes: Vec<(Vec<u8>, String)>,
}

impl Builder {
    fn take(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag.clear();
                self.tag.extend_from_slice(name);
                self.attributes.clear();
            }
            CallbackEvent::AttributeName { name } => {
                self.attribute.clear();
                self.attribute.extend_from_slice(name);
            }
            CallbackEvent::AttributeValue { value } if is_told(&self.attribute) => {
                let value = String::from_utf8_lossy(&value[..value.len().min(512)]).into_owned();
                self.attributes.push((self.attribute.clone(), value));
            }
            CallbackEvent::CloseStartTag { .. } => self.open(),
            CallbackEvent::EndTag { name } => self.close(name),
            CallbackEvent::String { value } if self.silent.is_none() && self.into != Sink::Nowhere => {
                let room = LONGEST_TEXT.saturating_sub(self.text.len());
                self.text.push_str(&String::from_utf8_lossy(&value[..value.len().min(room)]));
            }
            _ => {}
        }
    }

    fn attribute(&self, name: &[u8]) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn open(&mut self) {
        let tag = std::mem::take(&mut self.tag);
        match tag.as_slice() {
            b"html" => {
                let language = self.attribute(b"lang").or_else(|| self.attribute(b"xml:lang"));
                self.page.language = language.map(clean).filter(|text| !text.is_empty());
            }
            b"script" | b"style" | b"title" | b"textarea" | b"noscript" | b"iframe" => {
                self.silent.get_or_insert_with(|| tag.clone());
            }
            b"h1" | b"h2" => {
                self.finish_all();
                self.anchor = self.attribute(b"id").map(str::to_owned).or_else(|| self.anchor.take());
                self.into = Sink::Heading;
            }
            b"h3" | b"h4" => {
                self.finish_all();
                self.into = Sink::Node;
            }
            b"table" => {
                self.finish_all();
                self.table = Some(Table::default());
            }
            b"thead" => self.in_head = self.table.is_some(),
            b"tbody" => self.in_head = false,
            b"tr" if self.table.is_some() => {
                self.finish_row();
                self.row = Some(Vec::new());
            }
            b"td" | b"th" if self.table.is_some() => {
                self.finish_cell();
                if tag == b"th" && self.row.is_none() {
                    self.in_head = true;
                }
                self.row.get_or_insert_default();
                self.into = Sink::Cell;
                self.text.clear();
            }
            b"a" => {
                let link = self.attribute(b"href").and_then(|href| href.split_once('#'));
                let link = link.map(|(_, anchor)| anchor.trim().to_owned()).filter(|text| !text.is_empty());
                if self.into == Sink::Cell {
                    self.cell.link = link.or_else(|| self.cell.link.take());
                } else if link.is_none() {
                    // An anchor of the old form stands before its heading.
                    let own = self.attribute(b"name").or_else(|| self.attribute(b"id"));
                    self.anchor = own.map(|name| name.trim().to_owned());
                }
            }
            b"img" if self.into == Sink::Cell => {
                let told = [&b"name"[..], b"src", b"alt"].into_iter();
                let result = told.filter_map(|name| self.attribute(name)).find_map(pictured);
                self.cell.result = result.or(self.cell.result);
            }
            b"div" | b"li" if self.into != Sink::Cell => {
                self.finish_message();
                let class = self.attribute(b"class").unwrap_or_default().to_ascii_lowercase();
                self.into = Sink::Message(match class.as_str() {
                    "warn" | "warning" => "warn",
                    "error" | "fail" | "cancel" => "error",
                    "notapplicable" => "not-applicable",
                    _ => "",
                });
            }
            b"br" => self.text.push(' '),
            _ => {}
        }
        self.tag = tag;
    }

    fn close(&mut self, name: &[u8]) {
        if self.silent.as_deref() == Some(name) {
            self.silent = None;
        }
        match name {
            b"html" | b"body" => {
                self.finish_all();
                self.page.whole = true;
            }
            b"h1" | b"h2" | b"h3" | b"h4" => self.finish_heading(),
            b"td" | b"th" => self.finish_cell(),
            b"tr" => self.finish_row(),
            b"thead" => {
                self.finish_row();
                self.in_head = false;
            }
            b"table" => self.finish_table(),
            b"div" | b"li" => self.finish_message(),
            b"b" | b"strong" if matches!(self.into, Sink::Message(_)) && self.label.is_none() => {
                self.label = Some(clean(&self.text).trim_end_matches([':', '：', ' ']).to_owned());
                self.text.clear();
            }
            _ => {}
        }
    }

    fn finish_all(&mut self) {
        self.finish_heading();
        self.finish_message();
        self.finish_table();
    }

    fn finish_heading(&mut self) {
        match self.into {
            Sink::Heading => {
                let title = self.taken();
                let anchor = self.anchor.take().map(|anchor| clean(&anchor));
                self.page.sections.push(Section { anchor, title, blocks: Vec::new() });
            }
            Sink::Node => {
                let node = self.taken();
                self.push(Block::Node(node));
            }
            _ => {}
        }
    }

    fn finish_message(&mut self) {
        let Sink::Message(class) = self.into else { return };
        let mark = match class {
            "warn" => Mark::Warning,
            "error" => Mark::Error,
            "not-applicable" => Mark::NotApplicable,
            _ => Mark::Plain,
        };
        let text = self.taken();
        let label = self.label.take().unwrap_or_default();
        if !text.is_empty() || !label.is_empty() {
            self.push(Block::Message { mark, label, text });
        }
    }

    fn finish_cell(&mut self) {
        if self.into == Sink::Cell {
            let text = self.taken();
            let cell = Cell { text, ..std::mem::take(&mut self.cell) };
            self.row.get_or_insert_default().push(cell);
        }
    }

    fn finish_row(&mut self) {
        self.finish_cell();
        let (Some(row), Some(table)) = (self.row.take(), &mut self.table) else { return };
        if self.in_head && table.head.is_empty() {
            table.head = row;
        } else if !row.is_empty() {
            table.rows.push(row);
        }
    }

    fn finish_table(&mut self) {
        self.finish_row();
        self.in_head = false;
        let Some(table) = self.table.take() else { return };
        if self.page.sections.is_empty() {
            self.page.head.extend(table.rows);
        } else {
            self.push(Block::Table(table));
        }
    }

    /// The text so far, cleaned; what comes next goes nowhere until an element says where.
    fn taken(&mut self) -> String {
        let text = clean(&self.text);
        self.text.clear();
        self.into = Sink::Nowhere;
        text
    }

    fn push(&mut self, block: Block) {
        if let Some(section) = self.page.sections.last_mut() {
            section.blocks.push(block);
        }
    }

    fn end(mut self) -> Page {
        self.finish_all();
        self.page
    }
}

/// Attributes that are looked at.
fn is_told(name: &[u8]) -> bool {
    matches!(name, b"id" | b"name" | b"class" | b"href" | b"lang" | b"xml:lang" | b"src" | b"alt")
}

/// The result that a picture of this name stands for.
fn pictured(name: &str) -> Option<ValidationResult> {
    let name = name.to_ascii_lowercase();
    if name.starts_with("data:") {
        return None;
    }
    [
        ("notapplicable", ValidationResult::NotApplicable),
        ("notrun", ValidationResult::NotRun),
        ("success", ValidationResult::Success),
        ("warn", ValidationResult::Warning),
        ("fail", ValidationResult::Failed),
        ("cancel", ValidationResult::Canceled),
    ]
    .into_iter()
    .find(|(word, _)| name.contains(word))
    .map(|(_, result)| result)
}

/// White space to single spaces, and nothing that could drive a terminal.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(256));
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        match harmless(Cow::Borrowed(word)) {
            Cow::Borrowed(word) => out.push_str(word),
            Cow::Owned(word) => out.push_str(&word),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_falls_into_sections() {
        let page = Page::read(
            "<html lang=\"de-DE\"><table><tr><td><div class=propertyName>Knoten: </div></td><td><div>hv1</div></td></tr></table>
            <h2 id=\"3\">Inventar</h2><table><thead><tr><th>Name</th><th>Ergebnis</th></tr></thead><tbody>
            <tr><td><id><a href=\"&#xD;&#xA;   #38\">BIOS &amp; mehr</a></id></td><td><result><IMG name=\"WarningImg\"></result></td><td>x</td></tr></table>
            <h2 id=38>BIOS</h2><div><b>Netzwerk:</b> Eins</div><h3><img name=NodeImg>hv1</h3><div class=\"warn\">Oh   je</div>
            <table><tr><td>a<td>b<tr><td>c</body>",
        );
        assert_eq!(page.language.as_deref(), Some("de-DE"));
        assert!(page.whole);
        assert_eq!(page.head[0][1].text, "hv1");
        let results: Vec<_> = page.sections[0].results().collect();
        assert_eq!(results, [("BIOS & mehr", "38", Some(ValidationResult::Warning))]);
        let bios = &page.sections[page.anchors()["38"]];
        assert_eq!(bios.title, "BIOS");
        assert!(
            matches!(&bios.blocks[0], Block::Message { label, text, .. } if label == "Netzwerk" && text == "Eins")
        );
        assert!(matches!(&bios.blocks[1], Block::Node(name) if name == "hv1"));
        assert!(
            matches!(&bios.blocks[2], Block::Message { mark: Mark::Warning, text, .. } if text == "Oh je")
        );
        let Block::Table(table) = &bios.blocks[3] else { panic!("a table") };
        let texts: Vec<Vec<&str>> =
            table.rows.iter().map(|row| row.iter().map(|cell| cell.text.as_str()).collect()).collect();
        assert_eq!(texts, [vec!["a", "b"], vec!["c"]]);
    }

    #[test]
    fn scripts_and_terminals_are_left_alone() {
        let page = Page::read(
            "<h2 id=1>A</h2><script>document.write('<h2 id=2>B</h2><td>')</script><style>h2{}</style>\
             <div>x\u{1b}[31m\u{202e}y<script>alert(1)</script></div><textarea><h2 id=9>C</h2></textarea>",
        );
        assert_eq!(page.sections.len(), 1);
        assert!(!page.whole);
        assert!(
            matches!(&page.sections[0].blocks[..], [Block::Message { text, .. }] if text == "x\u{fffd}[31m\u{fffd}y")
        );
    }

    #[test]
    fn old_anchors_stand_before_their_heading() {
        let page = Page::read("<a name=\"12\"></a><h1>T</h1><p><a href=\"#3\">up</a><h2>U</h2>");
        assert_eq!(page.sections[0].anchor.as_deref(), Some("12"));
        assert_eq!(page.sections[1].anchor, None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_stumble(text in "(<(/?(h2|h3|table|tr|td|th|div|b|script|a)( (id|name|class|href)=\"?[#a1 ]{0,3}\"?)?)>|[a&#;< >\\x1b]{0,4}){0,60}") {
            let page = Page::read(&text);
            for section in &page.sections {
                let _ = section.results().count();
            }
            assert!(!format!("{page:?}").contains('\u{1b}'));
        }
    }
}
