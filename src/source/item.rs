//! A value of a TOML file, with its place, and how it becomes a value of ours.

use super::file::{Place, SourceFile, Span, Spanned};
use super::problem::{Problem, Problems};
use super::suggest::did_you_mean;
use super::table::Table;
use super::text::Text;
use crate::facts::Choice;
use std::ops::Range;
use std::sync::Arc;
use toml::de::{DeTable, DeValue};

/// A value of a TOML file.
#[derive(Clone, Debug)]
pub struct Item {
    /// The value.
    pub kind: Kind,
    /// Where it stands; for a table with a header, the header.
    pub span: Span,
    /// Its key, as messages call it: `node.name`.
    pub key: String,
}

/// What a value of a TOML file can be.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A string.
    Text(Text),
    /// A whole number.
    Int(i64),
    /// A number with a fraction, or `inf` or `nan`.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// A date, a time or both, as TOML writes it.
    Datetime(String),
    /// A list.
    List(Vec<Item>),
    /// A table.
    Table(Table),
}

impl Item {
    /// What it is, in the words of TOML.
    pub fn kind_name(&self) -> &'static str {
        match self.kind {
            Kind::Text(_) => "a string",
            Kind::Int(_) => "a whole number",
            Kind::Float(_) => "a number with a fraction",
            Kind::Bool(_) => "true or false",
            Kind::Datetime(_) => "a date",
            Kind::List(_) => "a list",
            Kind::Table(_) => "a table",
        }
    }

    /// File and line it begins on.
    pub fn place(&self) -> Place {
        self.span.place()
    }

    /// The mistake that it is of another kind than it should be.
    pub fn wrong_kind(&self, wanted: &str) -> Problem {
        self.span.problem(
            format!("`{}` must be {wanted}, not {}", self.key, self.kind_name()),
            format!("this is {}", self.kind_name()),
        )
    }
}

/// A value of ours that can stand in a TOML file.
pub trait FromItem: Sized {
    /// Reads it; what is wrong is added to `problems`, and then there is no value.
    fn read(item: Item, problems: &mut Problems) -> Option<Self>;

    /// The JSON schema (draft-07) of what can be read.
    fn schema() -> serde_json::Value;
}

impl FromItem for Item {
    fn read(item: Item, _: &mut Problems) -> Option<Self> {
        Some(item)
    }
    fn schema() -> serde_json::Value {
        serde_json::json!(true)
    }
}

impl FromItem for Table {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        match item.kind {
            Kind::Table(table) => Some(table),
            Kind::List(_) => {
                let last = item.key.rsplit('.').next().unwrap_or_default();
                let problem = item.wrong_kind("a table");
                problems.push(problem.help(format!("write `[{last}]` once, with one pair of brackets")));
                None
            }
            _ => {
                problems.push(item.wrong_kind("a table"));
                None
            }
        }
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "object" })
    }
}

impl FromItem for Text {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        if let Kind::Text(text) = item.kind {
            return Some(text);
        }
        let written = item.span.text();
        let bare = matches!(item.kind, Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) | Kind::Datetime(_));
        let help =
            (bare && !written.contains(['"', '\n'])).then(|| format!("put it in quotes: \"{written}\""));
        problems.push(item.wrong_kind("a string").help_if(help));
        None
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string" })
    }
}

impl FromItem for Spanned<bool> {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        if let Kind::Bool(value) = item.kind {
            return Some(Spanned { value, span: item.span });
        }
        let quoted = matches!(&item.kind, Kind::Text(text) if matches!(text.as_str(), "true" | "false"));
        problems
            .push(item.wrong_kind("true or false").help_if(quoted.then(|| "leave out the quotes".into())));
        None
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "boolean" })
    }
}

impl FromItem for Spanned<i64> {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        if let Kind::Int(value) = item.kind {
            return Some(Spanned { value, span: item.span });
        }
        let quoted = matches!(&item.kind, Kind::Text(text) if text.parse::<i64>().is_ok());
        problems
            .push(item.wrong_kind("a whole number").help_if(quoted.then(|| "leave out the quotes".into())));
        None
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "integer" })
    }
}

impl FromItem for Spanned<jiff::civil::Date> {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        let written = match &item.kind {
            Kind::Text(text) => text.as_str(),
            Kind::Datetime(text) => text.as_str(),
            _ => {
                problems.push(item.wrong_kind("a date").help("write it as \"2027-01-31\""));
                return None;
            }
        };
        // Only the plain form: a time of day or a zone would be dropped silently.
        let shape = written.len() == 10 && written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        match written.parse::<jiff::civil::Date>() {
            Ok(value) if shape => Some(Spanned { value, span: item.span }),
            _ => {
                let message = format!("`{}`: `{written}` is no date", item.key);
                problems.push(
                    item.span
                        .problem(message, "not a day of the calendar")
                        .help("write it as \"2027-01-31\""),
                );
                None
            }
        }
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "format": "date" })
    }
}

impl<T: Choice> FromItem for Spanned<T> {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        let text = Text::read(item.clone(), problems)?;
        if let Ok(value) = text.as_str().parse() {
            return Some(Spanned { value, span: text.span });
        }
        let words = T::choice_type().words.iter().map(|(word, _)| *word);
        problems.push(
            text.problem(
                format!("`{}` cannot be `{}`", item.key, text.as_str()),
                "not one of the words for it",
            )
            .help_if(did_you_mean(&text, words)),
        );
        None
    }
    fn schema() -> serde_json::Value {
        let words: Vec<_> = T::choice_type().words.iter().map(|(word, _)| *word).collect();
        serde_json::json!({ "type": "string", "enum": words })
    }
}

impl<T: FromItem> FromItem for Vec<T> {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        match item.kind {
            Kind::List(items) => {
                // An element that is wrong does not hide those that are sound.
                Some(items.into_iter().filter_map(|item| T::read(item, problems)).collect())
            }
            Kind::Table(_) => {
                let last = item.key.rsplit('.').next().unwrap_or_default();
                let problem = item.wrong_kind("a list of tables");
                problems.push(problem.help(format!("write `[[{last}]]`, with two pairs of brackets")));
                None
            }
            _ => {
                let help = format!("put it in brackets: [{}]", item.span.text());
                let short = !help.contains('\n');
                problems.push(item.wrong_kind("a list").help_if(short.then_some(help)));
                None
            }
        }
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "array", "items": T::schema() })
    }
}

/// A table whose keys are the writer's own: names of parameters, ids of rules.
#[derive(Clone, Debug)]
pub struct Entries<T>(pub Vec<(Text, T)>);

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<T: FromItem> FromItem for Entries<T> {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        let table = Table::read(item, problems)?;
        Some(Entries(
            table
                .into_entries()
                .filter_map(|(key, item)| T::read(item, problems).map(|value| (key, value)))
                .collect(),
        ))
    }
    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "object", "additionalProperties": T::schema() })
    }
}

/// Turns the parsed tree into ours.
pub(super) struct Builder<'a> {
    pub file: &'a Arc<SourceFile>,
    /// Lines with a mistake of syntax, in order and apart; what stands on them is not what was meant.
    pub broken: &'a [Range<usize>],
}

impl Builder<'_> {
    /// Whether anything of a byte range stands on a line with a mistake of syntax.
    fn is_broken(&self, range: &Range<usize>) -> bool {
        let next = self.broken.partition_point(|lines| lines.end < range.start);
        self.broken.get(next).is_some_and(|lines| lines.start <= range.end)
    }

    pub fn table(&self, table: DeTable<'_>, span: Range<usize>, key: &str, problems: &mut Problems) -> Table {
        let mut out = Table::new(Span::new(self.file, span), key.to_owned(), !self.broken.is_empty());
        for (name, value) in table {
            let key_span = Span::new(self.file, name.span());
            let below =
                if key.is_empty() { name.get_ref().to_string() } else { format!("{key}.{}", name.get_ref()) };
            let broken = self.is_broken(&name.span()) || self.is_broken(&value.span());
            let item = if broken { None } else { self.item(value, below, problems) };
            out.add(Text { value: name.into_inner().into_owned(), span: key_span }, item);
        }
        out.sort();
        out
    }

    /// None when the value was reported as wrong.
    fn item(&self, value: toml::Spanned<DeValue<'_>>, key: String, problems: &mut Problems) -> Option<Item> {
        let range = value.span();
        let span = Span::new(self.file, range.clone());
        let kind = match value.into_inner() {
            DeValue::String(text) => Kind::Text(Text { value: text.into_owned(), span: span.clone() }),
            DeValue::Integer(number) => {
                let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) else {
                    problems
                        .push(span.problem(format!("`{key}`: the number is too large"), "beyond 64 bits"));
                    return None;
                };
                Kind::Int(number)
            }
            DeValue::Float(number) => {
                let Ok(number) = number.as_str().parse() else {
                    problems.push(span.problem(format!("`{key}`: not a number"), "cannot be read"));
                    return None;
                };
                Kind::Float(number)
            }
            DeValue::Boolean(value) => Kind::Bool(value),
            DeValue::Datetime(value) => Kind::Datetime(value.to_string()),
            DeValue::Array(list) => Kind::List(
                list.into_iter().filter_map(|value| self.item(value, key.clone(), problems)).collect(),
            ),
            DeValue::Table(table) => Kind::Table(self.table(table, range, &key, problems)),
        };
        Some(Item { kind, span, key })
    }
}
