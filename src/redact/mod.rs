//! Facts without the names of things: every host, domain, address, serial number, identity, key and user becomes a token.
//!
//! The same text becomes the same token everywhere in a document, inside messages and paths too, and two texts never
//! become one. Tokens keep what rules ask of the originals: subnets and prefixes of addresses, domains of names, the form of
//! an iSCSI name, an identity, a MAC, a key, the case of letters, and that an empty text is empty. Nothing of the
//! originals can be had back without the salt and a guess; the salt is in no document.
//!
//! Words of the field stay: names of interfaces, packages, agents, models, versions. So do labels that a plan gives to
//! networks, volumes, groups and resources, unless they hold a name that is replaced.

mod address;
mod fields;
mod settings;
mod text;
mod token;

#[cfg(test)]
mod tests;

use crate::facts::{Document, LoadError, RecordType, Type};
use fields::{Class, class_of};
use serde_json::Value as Json;
use std::collections::HashMap;
use token::Tokens;

pub use token::{LEAST_SALT, Salt};

/// A document without names, and how its paths are called now.
#[derive(Clone, Debug)]
pub struct Redacted {
    /// The document.
    pub document: Document,
    /// How many names, numbers and keys were replaced, each counted once; addresses are not counted.
    pub replaced: usize,
    paths: HashMap<String, String>,
    tokens: Tokens,
}

impl Redacted {
    /// The path in the redacted document of what is at a path in the original.
    pub fn path(&self, original: &str) -> String {
        map_path(&self.paths, &self.tokens, original)
    }

    /// The texts that were replaced by a token of their own: names, serial numbers, identities, keys, users.
    pub fn originals(&self) -> impl Iterator<Item = &str> {
        self.tokens.originals()
    }
}

/// Why a document cannot be redacted.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// What came out is no document of facts; this is a defect of quorate.
    #[error("the redacted facts are not sound: {0}")]
    Unsound(String),
    /// What the plan says of judging cannot be read.
    #[error("run.settings cannot be read: {0}")]
    Settings(String),
}

impl From<LoadError> for RedactError {
    fn from(error: LoadError) -> Self {
        RedactError::Unsound(error.to_string())
    }
}

/// Replaces all names of a document.
///
/// # Errors
/// The settings of the plan that it carries are no TOML, or what came out is not sound.
pub fn redact(document: &Document, salt: &Salt) -> Result<Redacted, RedactError> {
    let unsound = |error: serde_json::Error| RedactError::Unsound(error.to_string());
    let mut json = serde_json::to_value(document).map_err(unsound)?;
    let mut tokens = Tokens::new(salt);
    // What is known of addresses decides what becomes of those that stand alone.
    walk(&mut json, "", "", "", &mut Networks(&mut tokens));
    for round in fields::ROUNDS {
        walk(&mut json, "", "", "", &mut Learning { tokens: &mut tokens, round });
    }
    let mut writing = Writing { tokens: &mut tokens, paths: HashMap::new(), problem: None };
    walk(&mut json, "", "", "", &mut writing);
    let (paths, problem) = (writing.paths, writing.problem);
    if let Some(problem) = problem {
        return Err(RedactError::Settings(problem));
    }
    walk(&mut json, "", "", "", &mut Repointing { tokens: &tokens, paths: &paths });
    let document: Document = serde_json::from_value(json).map_err(unsound)?;
    let document = Document::parse(document.to_json().as_bytes(), "the redacted facts")?;
    Ok(Redacted { document, replaced: tokens.count(), paths, tokens })
}

/// All texts of a document but the words of the field, a line for each; of paths the keys.
#[cfg(test)]
pub(crate) fn texts(document: &Document) -> String {
    struct Texts(String);
    impl Visitor for Texts {
        fn text(&mut self, ty: &str, text: &str) -> Option<String> {
            let keys = match class_of(ty) {
                Class::Keep => "",
                Class::Path => text.find('[').map_or("", |at| &text[at..]),
                _ => text,
            };
            self.0.push_str(keys);
            self.0.push('\n');
            None
        }
    }
    let mut out = Texts(String::new());
    let mut json = serde_json::to_value(document).expect("facts are JSON");
    walk(&mut json, "", "", "", &mut out);
    out.0
}

/// Who looks at every text of a document.
trait Visitor {
    /// A text at a path of types; what is to stand in its place.
    fn text(&mut self, ty: &str, text: &str) -> Option<String>;
    /// An element of a list was called so, and is called so now.
    fn element(&mut self, _before: &str, _now: &str) {}
}

/// Shows every text of a record, its lists and its records to a visitor. `ty` is the path of types, `before` and `now` are
/// the paths of the value.
fn walk(json: &mut Json, ty: &str, before: &str, now: &str, visitor: &mut dyn Visitor) {
    record(json, &Document::TYPE, ty, before, now, visitor);
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn record(json: &mut Json, of: &RecordType, ty: &str, before: &str, now: &str, visitor: &mut dyn Visitor) {
    let Some(map) = json.as_object_mut() else { return };
    // What a parameter is, its name tells.
    let named = (of.name == "NamedValue")
        .then(|| map.get("name").and_then(Json::as_str).map(str::to_lowercase))
        .flatten();
    for (name, below_it) in map.iter_mut() {
        let Some((_, field)) = of.find(name) else { continue };
        let path = match &named {
            Some(parameter) if name == "value" => format!("{}{{{parameter}}}", below(ty, name)),
            _ => below(ty, name),
        };
        value(below_it, &(field.ty)(), &path, &below(before, name), &below(now, name), visitor);
    }
}

fn value(json: &mut Json, of: &Type, ty: &str, before: &str, now: &str, visitor: &mut dyn Visitor) {
    match (of, json) {
        (Type::Str, Json::String(text)) => {
            if let Some(other) = visitor.text(ty, text) {
                *text = other;
            }
        }
        (Type::Record(inner), json) => record(json, inner, ty, before, now, visitor),
        (Type::List(inner), Json::Array(all)) => {
            for (position, element) in all.iter_mut().enumerate() {
                let was = format!("{before}[{}]", key(element, inner, position));
                // The key is known once it is written; what lies below is written with it.
                if let Type::Record(inner) = &**inner {
                    if let Some(index) = inner.key {
                        let name = inner.fields[index].name;
                        if let Some(Json::String(text)) = element.get(name) {
                            let told = visitor.text(&below(ty, name), text);
                            let text = told.unwrap_or_else(|| text.clone());
                            let is = format!("{now}[{text}]");
                            visitor.element(&was, &is);
                            record(element, inner, ty, &was, &is, visitor);
                            continue;
                        }
                    }
                    let is = format!("{now}[{}]", key(element, &Type::Record(inner), position));
                    visitor.element(&was, &is);
                    record(element, inner, ty, &was, &is, visitor);
                } else {
                    value(element, inner, ty, &was, &was, visitor);
                    let is = format!("{now}[{}]", key(element, inner, position));
                    visitor.element(&was, &is);
                }
            }
        }
        _ => {}
    }
}

/// What tells an element from the others, as in paths.
fn key(element: &Json, of: &Type, position: usize) -> String {
    let key = match of {
        Type::Record(record) => record.key.and_then(|key| element.get(record.fields[key].name)),
        _ => Some(element),
    };
    match key {
        Some(Json::String(text)) => text.clone(),
        Some(Json::Number(number)) => number.to_string(),
        _ => position.to_string(),
    }
}

/// Learns which addresses and networks there are.
struct Networks<'t>(&'t mut Tokens);

impl Visitor for Networks<'_> {
    fn text(&mut self, ty: &str, text: &str) -> Option<String> {
        if class_of(ty) != Class::Keep {
            self.0.learn_addresses(text);
        }
        None
    }
}

/// Learns the names of one kind after the other, the surest first.
struct Learning<'t> {
    tokens: &'t mut Tokens,
    round: &'static [Class],
}

impl Visitor for Learning<'_> {
    fn text(&mut self, ty: &str, text: &str) -> Option<String> {
        let class = class_of(ty);
        if self.round.contains(&class) {
            self.tokens.learn(class, text);
        }
        None
    }
}

/// Writes tokens, and notes how elements are called.
struct Writing<'t> {
    tokens: &'t mut Tokens,
    paths: HashMap<String, String>,
    problem: Option<String>,
}

impl Visitor for Writing<'_> {
    fn text(&mut self, ty: &str, text: &str) -> Option<String> {
        match class_of(ty) {
            Class::Keep | Class::Path => None,
            Class::Settings => match settings::redact(text, self.tokens) {
                Ok(text) => Some(text),
                Err(problem) => {
                    self.problem.get_or_insert(problem);
                    None
                }
            },
            class => Some(self.tokens.write(class, text)),
        }
    }

    fn element(&mut self, before: &str, now: &str) {
        if before != now {
            self.paths.insert(before.to_owned(), now.to_owned());
        }
    }
}

/// Leads paths to where their facts are called now.
struct Repointing<'t> {
    tokens: &'t Tokens,
    paths: &'t HashMap<String, String>,
}

impl Visitor for Repointing<'_> {
    fn text(&mut self, ty: &str, text: &str) -> Option<String> {
        (class_of(ty) == Class::Path).then(|| map_path(self.paths, self.tokens, text))
    }
}

/// The longest beginning of a path that is called otherwise now; what is left of a key that is no element is rewritten.
fn map_path(paths: &HashMap<String, String>, tokens: &Tokens, path: &str) -> String {
    let ends = path.char_indices().filter(|(_, c)| *c == ']').map(|(at, _)| at + 1);
    let mut known: Option<(usize, &String)> = None;
    for end in ends {
        if let Some(now) = paths.get(&path[..end]) {
            known = Some((end, now));
        }
    }
    let (end, start) = known.map_or((0, ""), |(end, now)| (end, now.as_str()));
    let rest = &path[end..];
    if rest.contains('[') { format!("{start}{}", tokens.text(rest)) } else { format!("{start}{rest}") }
}
