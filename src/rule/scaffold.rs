//! A rule to begin with: sound, with examples that say what they promise, and with words on what to edit.
//!
//! What it asks of its element is found in the facts' types, and tried out: a sketch is only given away once its
//! examples run.

use super::each::Each;
use super::{Ruleset, Severity};
use crate::facts::{Document, Platform, RecordType, Type};
use crate::rule::checked::is_name;
use crate::source::SourceFile;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// How deep a field may stand below its element.
const MOST_DEPTH: usize = 2;

/// What a text begins with that is to be written.
pub(super) const TO_EDIT: &str = "EDIT:";

/// A rule that is to be written.
#[derive(Clone, Debug)]
pub struct Sketch<'s> {
    /// Its category, which is the name of the file.
    pub category: &'s str,
    /// Its name within the category.
    pub name: &'s str,
    /// How bad it is when it does not hold.
    pub severity: Severity,
    /// The list whose elements get a verdict each; the whole cluster where there is none.
    pub each: Option<&'s Each>,
    /// The only platform on which it has something to say.
    pub platform: Option<Platform>,
}

/// Category and name of a rule's id.
///
/// # Errors
/// What is wrong with it, and how it is written.
pub fn rule_id(id: &str) -> Result<(&str, &str), String> {
    let Some((category, name)) = id.split_once('/') else {
        return Err(format!("`{id}` has no category: an id is `category/name`"));
    };
    for (part, what) in [(category, "category"), (name, "name")] {
        if !is_name(part) {
            return Err(format!(
                "`{part}` is no {what}: it has small letters, digits and `-`, and begins with a letter"
            ));
        }
    }
    Ok((category, name))
}

/// A fact that a sketch asks for.
struct Field {
    /// From the element on: `os.release`.
    path: Vec<&'static str>,
    /// Whether it is text; otherwise it is true or false.
    text: bool,
}

impl Sketch<'_> {
    /// The tables of the rule, as they can stand in a new file or at the end of one. None where the element has no fact
    /// that a rule could begin with.
    pub fn text(&self) -> Option<String> {
        let mut fields = Vec::new();
        match self.each.and_then(|each| each.bindings().last()).map(|binding| &binding.ty) {
            Some(Type::Record(record)) => fields_of(record, &mut Vec::new(), &mut fields),
            Some(_) => {}
            None => fields_of(
                Document::TYPE.find("cluster").and_then(|(_, field)| record_of(&(field.ty)()))?,
                &mut Vec::new(),
                &mut fields,
            ),
        }
        // What a text should be says more than what is true of nearly every element.
        fields.sort_by_key(|field| !field.text);
        fields.iter().map(|field| self.with(field)).find(|text| self.is_sound(text))
    }

    /// Whether it loads, and its examples say what they promise.
    fn is_sound(&self, text: &str) -> bool {
        let file = SourceFile::new(format!("{}.toml", self.category), text);
        Ruleset::from_files(&[file], &[])
            .is_ok_and(|ruleset| ruleset.test_examples(|_| true).iter().all(super::ExampleResult::is_right))
    }

    fn with(&self, field: &Field) -> String {
        let element = self.each.and_then(|each| each.bindings().last());
        let variable = element.map_or("cluster", |binding| binding.name.as_str());
        let key = element
            .and_then(|binding| record_of(&binding.ty))
            .and_then(|record| record.key.map(|at| record.fields[at].name));
        let fact = format!("{variable}.{}", field.path.join("."));
        let what = field.path.join(" ").replace('_', " ");
        let named = key.map_or("the cluster".to_owned(), |key| format!("{{{variable}.{key}}}"));
        let (title, require, message, holds, fails) = if field.text {
            (
                format!("The {what} of every {variable} is the one that is wanted"),
                format!("{fact} == 'wanted'"),
                format!("{named} has {what} {{{fact}}}, which is not the one that is wanted"),
                json!("wanted"),
                json!("other"),
            )
        } else {
            (
                format!("Every {variable} is {what}"),
                fact.clone(),
                format!("{named} is not {what}"),
                json!(true),
                json!(false),
            )
        };
        let title = if element.is_none() {
            title.replace(" of every cluster", " of the cluster").replace("Every cluster", "The cluster")
        } else {
            title
        };
        let mut out = String::new();
        let _ = write!(
            out,
            "[[rule]]\nname = \"{}\"\n# EDIT: the requirement as a sentence.\ntitle = \"{title}\"\n\
             # fail: the cluster will not fail over when it has to; warn: less surely; info: worth knowing.\n\
             severity = \"{}\"\n",
            self.name, self.severity
        );
        if let Some(each) = self.each {
            let _ = write!(
                out,
                "# The list whose elements get a verdict each; left out, one verdict for the cluster.\neach = \"{}\"\n",
                each.text()
            );
        }
        match self.platform {
            Some(platform) => {
                let _ = write!(
                    out,
                    "# Where this is false, the rule has nothing to say.\nwhen = \"cluster.platform == '{platform}'\"\n"
                );
            }
            None => out.push_str(
                "# Where this is false, the rule has nothing to say.\n#when = \"size(nodes) > 1\"\n",
            ),
        }
        let _ = write!(
            out,
            "# EDIT: what must hold; `quorate schema facts` has the names of the facts. Instead of `require`:\n\
             #   same = \"VALUE\"              one value over all elements (with tolerance = \"duration('1s')\")\n\
             #   unique = \"VALUE\"            no value twice\n\
             #   subset = \"LIST\", of = \"LIST\"\n\
             #   count = \"LIST\", min = \"2\", max = \"8\"\n\
             require = \"{require}\"\n\
             # EDIT: what is the matter where it does not hold.\n\
             message = \"{message}\"\n\
             why = \"EDIT: what breaks, in plain words.\"\n\
             remedy = \"EDIT: what to do.\"\n\
             source = [\"EDIT: the document in which it stands, and where in it\"]\n\n\
             # EDIT: facts, and what the rule must say of them. At least one where it holds and one where it does not.\n"
        );
        let mut examples = vec![
            ("it is as wanted", "pass", Some(holds.clone()), self.platform),
            ("it is not", self.severity.word(), Some(fails), self.platform),
            ("it is not known", "unknown", None, self.platform),
        ];
        if let Some(platform) = self.platform {
            let other = if platform == Platform::Generic { Platform::Pacemaker } else { Platform::Generic };
            examples.push(("on another platform", "not-applicable", Some(holds), Some(other)));
        }
        for (title, verdict, value, platform) in examples {
            let facts = self.facts(&field.path, value, platform);
            let _ = write!(
                out,
                "[[rule.example]]\ntitle = \"{title}\"\nverdict = \"{verdict}\"\nfacts = '''{facts}'''\n\n"
            );
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }

    /// A document with one element, or with the cluster alone, and the field where there is a value for it.
    fn facts(&self, field: &[&str], value: Option<Value>, platform: Option<Platform>) -> Value {
        let mut levels: Vec<(&str, bool, &'static RecordType)> = Vec::new();
        let mut record = &Document::TYPE;
        for segment in self.each.map_or("cluster", Each::text).split('.') {
            let Some((_, found)) = record.find(segment) else { break };
            let ty = (found.ty)();
            let Some(inner) = record_of(&ty) else { break };
            levels.push((segment, matches!(ty, Type::List(_)), inner));
            record = inner;
        }
        // From the inside out: the field, the element, what it is in.
        let mut element = needed(record);
        if let (Some(value), Some((first, below))) = (value, field.split_first()) {
            let value = below.iter().rev().fold(value, |value, name| json!({ *name: value }));
            element.insert((*first).to_owned(), value);
        }
        for (at, (name, list, _)) in levels.iter().enumerate().rev() {
            let value = if *list { json!([element]) } else { Value::Object(element) };
            element = at.checked_sub(1).map_or_else(Map::new, |above| needed(levels[above].2));
            element.insert((*name).to_owned(), value);
        }
        if let Some(platform) = platform {
            let cluster = element.entry("cluster").or_insert_with(|| json!({}));
            cluster["platform"] = json!(platform.word());
        }
        Value::Object(element)
    }
}

/// The record of a type, or of the elements of a list.
fn record_of(ty: &Type) -> Option<&'static RecordType> {
    match ty {
        Type::Record(record) => Some(record),
        Type::List(element) => record_of(element),
        _ => None,
    }
}

/// The fields of a record that must be there, its key first.
fn needed(record: &RecordType) -> Map<String, Value> {
    let mut out = Map::new();
    for (at, field) in record.fields.iter().enumerate() {
        let is_key = record.key == Some(at);
        let value = match (field.ty)() {
            Type::Str if is_key => json!(format!("{}1", record.name.to_lowercase())),
            Type::Int if is_key => json!(1),
            Type::Str if !field.optional => json!("a"),
            Type::Bool if !field.optional => json!(true),
            Type::Int | Type::Size | Type::Duration | Type::Rate if !field.optional => json!(1),
            _ => continue,
        };
        out.insert(field.name.to_owned(), value);
    }
    out
}

/// The texts and truth values of a record that may be missing, the nearest first.
fn fields_of(record: &'static RecordType, above: &mut Vec<&'static str>, out: &mut Vec<Field>) {
    for (at, field) in record.fields.iter().enumerate() {
        let text = match (field.ty)() {
            Type::Str => true,
            Type::Bool => false,
            _ => continue,
        };
        if field.optional && record.key != Some(at) {
            out.push(Field { path: [above.as_slice(), &[field.name]].concat(), text });
        }
    }
    if above.len() + 1 < MOST_DEPTH {
        for field in record.fields {
            if let Type::Record(inner) = (field.ty)() {
                above.push(field.name);
                fields_of(inner, above, out);
                above.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every list of the facts, at any depth.
    fn lists(record: &'static RecordType, above: &str, depth: usize, out: &mut Vec<String>) {
        for field in record.fields {
            let path =
                if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
            let ty = (field.ty)();
            if matches!(ty, Type::List(_)) && record_of(&ty).is_some() {
                out.push(path.clone());
            }
            if let Some(inner) = record_of(&ty).filter(|_| depth < 4) {
                lists(inner, &path, depth + 1, out);
            }
        }
    }

    #[test]
    fn a_sketch_of_any_list_is_sound() {
        let mut all = Vec::new();
        lists(&Document::TYPE, "", 0, &mut all);
        assert!(all.len() > 50, "{}", all.len());
        let without: Vec<&String> = all
            .iter()
            .filter(|path| {
                let each = Each::parse(path).expect("a list");
                let sketch = Sketch {
                    category: "own",
                    name: "rule",
                    severity: Severity::Warn,
                    each: Some(&each),
                    platform: None,
                };
                sketch.text().is_none()
            })
            .collect();
        assert!(without.len() * 5 < all.len(), "{} of {}: {without:?}", without.len(), all.len());
        for known in ["nodes", "nodes.nics", "networks", "targets.luns", "vms", "volumes", "links"] {
            assert!(!without.iter().any(|path| *path == known), "{known}");
        }
    }

    #[test]
    fn a_sketch_says_what_to_edit() {
        let each = Each::parse("nodes").expect("a list");
        let sketch = Sketch {
            category: "own",
            name: "same-site",
            severity: Severity::Fail,
            each: Some(&each),
            platform: Some(Platform::Wsfc),
        };
        insta::assert_snapshot!(sketch.text().expect("there is one"));
        let whole = Sketch { each: None, platform: None, ..sketch };
        assert!(whole.text().expect("there is one").contains("cluster."));
    }

    #[test]
    fn ids_are_checked() {
        assert_eq!(rule_id("own/same-site"), Ok(("own", "same-site")));
        for bad in ["own", "own/", "/x", "own/a/b", "Own/x", "own/x y", "../x", "own/x-", "own/é"] {
            assert!(rule_id(bad).is_err(), "{bad}");
        }
    }
}
