//! Facts as JSON that can be changed at one place.

use jiff::civil::Date;
use quorate::derive;
use quorate::facts::{Document, FACTS_SCHEMA};
use quorate::rule::{Judgement, Ruleset, Selection, Status};
use quorate::source::{SourceFile, Span, Text};
use serde_json::Value;

/// A document with what follows from it; none where a list has an element without its key, as such a one is refused.
pub fn complete(json: &Value) -> Option<Document> {
    let mut document = bare(json)?;
    derive::complete(&mut document);
    Some(document)
}

/// The same of facts that have to be valid.
pub fn valid(json: &Value) -> Document {
    let mut document = Document::parse(json.to_string().as_bytes(), "facts")
        .unwrap_or_else(|problem| panic!("invalid facts: {problem}"));
    derive::complete(&mut document);
    document
}

/// A document as it stands.
pub fn bare(json: &Value) -> Option<Document> {
    Document::parse(json.to_string().as_bytes(), "facts").ok()
}

/// The facts of an example; `schema` may be left out there.
pub fn of_example(text: &str) -> Value {
    let mut json: Value = serde_json::from_str(text).expect("valid JSON");
    json.as_object_mut().expect("an object").entry("schema").or_insert_with(|| FACTS_SCHEMA.into());
    json
}

/// Sets the value at a path such as `nodes[1].nics[eth0].mtu`: an element by its position, or by its key. `None` takes the
/// fact away.
pub fn set(json: &mut Value, path: &str, value: Option<Value>) {
    let steps = steps(path);
    let (last, above) = steps.split_last().expect("a path has a step");
    let mut at = &mut *json;
    for step in above {
        at = step.enter(at, path);
    }
    match (last, value) {
        (Step::Field(name), Some(value)) => {
            at.as_object_mut()
                .unwrap_or_else(|| panic!("`{path}` leads nowhere"))
                .insert(name.clone(), value);
        }
        (Step::Field(name), None) => {
            let fields = at.as_object_mut().unwrap_or_else(|| panic!("`{path}` leads nowhere"));
            assert!(fields.remove(name).is_some(), "`{path}` is not there");
        }
        (Step::Element(_), Some(value)) => *last.enter(at, path) = value,
        (Step::Element(key), None) => {
            let list = at.as_array_mut().unwrap_or_else(|| panic!("`{path}` is in no list"));
            let position = position(list, key, path);
            list.remove(position);
        }
    }
}

/// The value at a path.
pub fn get<'j>(json: &'j mut Value, path: &str) -> &'j mut Value {
    let mut at = json;
    for step in steps(path) {
        at = step.enter(at, path);
    }
    at
}

enum Step {
    Field(String),
    Element(String),
}

impl Step {
    fn enter<'j>(&self, at: &'j mut Value, path: &str) -> &'j mut Value {
        match self {
            Step::Field(name) => at.get_mut(name).unwrap_or_else(|| panic!("`{path}`: there is no `{name}`")),
            Step::Element(key) => {
                let list = at.as_array_mut().unwrap_or_else(|| panic!("`{path}`: `[{key}]` is in no list"));
                let position = position(list, key, path);
                &mut list[position]
            }
        }
    }
}

/// The fields that are keys of lists, the likelier ones first.
const KEYS: [&str; 10] =
    ["name", "node", "address", "portal", "id", "device", "target", "subject", "key", "operation"];

/// An element by its position, by its key, or by itself.
fn position(list: &[Value], key: &str, path: &str) -> usize {
    let by_key = || {
        KEYS.iter().find_map(|field| list.iter().position(|element| element.get(field) == Some(&key.into())))
    };
    key.parse()
        .ok()
        .filter(|position| *position < list.len())
        .or_else(by_key)
        .or_else(|| list.iter().position(|element| element == key))
        .unwrap_or_else(|| panic!("`{path}`: there is no element `{key}`"))
}

fn steps(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(inside) = rest.strip_prefix('[') {
            let (key, after) = inside.split_once(']').unwrap_or_else(|| panic!("`{path}`: `]` is missing"));
            steps.push(Step::Element(key.to_owned()));
            rest = after.strip_prefix('.').unwrap_or(after);
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            steps.push(Step::Field(rest[..end].to_owned()));
            rest = &rest[end..];
            rest = rest.strip_prefix('.').unwrap_or(rest);
        }
    }
    steps
}

/// A text as if it stood in a file.
pub fn text(value: &str) -> Text {
    let file = SourceFile::new("test", value);
    Text { value: value.to_owned(), span: Span::new(&file, 0..value.len()) }
}

/// What one rule says of a document, by a selection that holds everything but the rule.
pub fn judge(ruleset: &Ruleset, rule: &str, selection: Selection, document: &Document) -> Judgement {
    let selection = Selection { only: vec![text(rule)], ..selection };
    let resolved = ruleset.resolve(&selection).unwrap_or_else(|problems| panic!("{problems:?}"));
    resolved.judge(document, &[], day(document))
}

/// The day on which the facts were gathered; some day where they do not say.
pub fn day(document: &Document) -> Date {
    let said = document.run.started.as_deref().and_then(|text| text.get(..10)?.parse().ok());
    said.unwrap_or(jiff::civil::date(2026, 1, 1))
}

/// The worst that was said.
pub fn worst(judgement: &Judgement) -> Status {
    judgement.findings.iter().map(|finding| finding.status).min().unwrap_or(Status::NotApplicable)
}

/// Where a path of types such as `nodes.nics.mtu` leads to, as paths with positions.
pub fn places(json: &Value, types: &str) -> Vec<String> {
    let mut all = vec![(String::new(), json)];
    for name in types.split('.') {
        let mut next = Vec::new();
        for (path, at) in all {
            let Some(below) = at.get(name) else { continue };
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            next.push((path, below));
        }
        // The elements of a list stand for it, as they do in a path of types; its own place is kept by the caller.
        all = next
            .into_iter()
            .flat_map(|(path, at)| match at.as_array() {
                Some(elements) if elements.iter().all(Value::is_object) && !elements.is_empty() => {
                    let element = |(position, below)| (format!("{path}[{position}]"), below);
                    elements.iter().enumerate().map(element).collect()
                }
                _ => vec![(path, at)],
            })
            .collect();
    }
    all.into_iter().map(|(path, _)| path).collect()
}
