//! `each`: the way through the facts to the elements that a rule speaks of.
//!
//! A way such as `nodes.nics` names lists, with records between them where need be (`nodes.iscsi.sessions`). Every
//! list on it binds a variable, the singular of its name: `node`, `nic`. Walking borrows; a name or a path is only
//! written out for an element that somebody has to read about.

use crate::facts::{Document, Fact, RecordType, Type, Value, element_key, push_element};
use crate::source::suggest;
use std::ops::Range;

/// A checked `each`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Each {
    text: String,
    steps: Vec<Step>,
}

/// One list on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// Field by field from the element above (the document for the first step) to the list.
    fields: Vec<usize>,
    /// The same in words, as a path shows it: `iscsi.sessions`.
    path: String,
    /// What one element of it is called in expressions and the whole in messages.
    binding: Binding,
    /// Name of the list itself: `sessions`.
    plural: &'static str,
}

/// A variable that a step binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Its name: `nic`.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// The facts that it stands for, as a path of types: `nodes.nics`.
    pub path: String,
}

/// What is wrong with an `each`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EachError {
    /// Where in the text.
    pub range: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Each {
    /// Checks a way against the facts.
    pub fn parse(text: &str) -> Result<Self, EachError> {
        let mut record = &Document::TYPE;
        let mut steps = Vec::new();
        let (mut fields, mut path, mut types) = (Vec::new(), String::new(), String::new());
        let mut at = 0;
        let segments: Vec<&str> = text.split('.').collect();
        for (position, segment) in segments.iter().enumerate() {
            let range = at..at + segment.len();
            at = range.end + 1;
            let Some((index, field)) = record.find(segment) else {
                return Err(no_such_field(record, segment, range));
            };
            fields.push(index);
            for joined in [&mut path, &mut types] {
                if !joined.is_empty() {
                    joined.push('.');
                }
                joined.push_str(field.name);
            }
            let last = position + 1 == segments.len();
            record = match (field.ty)() {
                Type::List(element) => {
                    let binding =
                        Binding { name: singular(field.name), ty: (*element).clone(), path: types.clone() };
                    steps.push(Step {
                        fields: std::mem::take(&mut fields),
                        path: std::mem::take(&mut path),
                        binding,
                        plural: field.name,
                    });
                    match *element {
                        Type::Record(below) => below,
                        _ if last => break,
                        ty => return Err(ends_here(segment, &format!("a list of {ty}"), range)),
                    }
                }
                Type::Record(below) if !last => below,
                Type::Record(below) => return Err(no_list(segment, below, range)),
                ty if last => {
                    return Err(EachError {
                        range,
                        message: format!("`{segment}` is no list but a {ty}"),
                        help: Some("leave `each` out for one verdict over the whole cluster".to_owned()),
                    });
                }
                ty => return Err(ends_here(segment, &format!("a {ty}"), range)),
            };
        }
        Ok(Each { text: text.to_owned(), steps })
    }

    /// The way to the document itself, which has no elements but that one.
    pub(super) const fn whole() -> Self {
        Each { text: String::new(), steps: Vec::new() }
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The variables that it binds, outermost first.
    pub fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.steps.iter().map(|step| &step.binding)
    }

    /// How many lists it goes through.
    pub fn depth(&self) -> usize {
        self.steps.len()
    }

    /// What its elements are called together: `nics`.
    pub fn plural(&self) -> &'static str {
        self.steps.last().map_or("elements", |step| step.plural)
    }

    /// What one of its elements is called: `nic`.
    pub fn singular(&self) -> &str {
        self.steps.last().map_or("element", |step| &step.binding.name)
    }

    /// Walks the elements in the order of the facts.
    pub fn walk<'a>(&self, document: &'a Document, visitor: &mut impl Visitor<'a>) {
        let mut element = Element::default();
        self.walk_below(document, &mut element, visitor);
    }

    fn walk_below<'a>(
        &self,
        document: &'a Document,
        element: &mut Element<'a>,
        visitor: &mut impl Visitor<'a>,
    ) {
        if !visitor.enter(element) {
            return;
        }
        let Some(step) = self.steps.get(element.values.len()) else { return };
        match step.list(document, element.values.last().copied()) {
            Value::List(list) => {
                for (position, value) in
                    (0..list.len()).filter_map(|at| list.get(at).map(|value| (at, value)))
                {
                    element.push(value, position);
                    self.walk_below(document, element, visitor);
                    element.pop();
                }
            }
            _ => visitor.missing(element),
        }
    }

    /// The path of an element: `nodes[hv2].nics[eth0]`; empty for the whole document.
    pub fn path(&self, document: &Document, position: &Position) -> String {
        let mut path = String::new();
        let mut above = None;
        for (step, &index) in self.steps.iter().zip(position.indexes()) {
            let value = step.element(document, above, index);
            join(&mut path, &step.path);
            push_element(&mut path, value, index);
            above = Some(value);
        }
        path
    }

    /// The path of the list below an element: `nodes[hv2].nics` below `nodes[hv2]`.
    pub fn path_of_list(&self, document: &Document, position: &Position) -> String {
        let mut path = self.path(document, position);
        if let Some(step) = self.steps.get(position.depth) {
            join(&mut path, &step.path);
        }
        path
    }

    /// What an element is called: `hv2 eth0`; `cluster` for the whole document.
    pub fn subject(&self, document: &Document, position: &Position) -> String {
        let mut names = Vec::new();
        let mut above = None;
        for (step, &index) in self.steps.iter().zip(position.indexes()) {
            let value = step.element(document, above, index);
            names.push(element_key(value).unwrap_or_else(|| format!("{}[{index}]", step.plural)));
            above = Some(value);
        }
        if names.is_empty() { WHOLE.to_owned() } else { names.join(" ") }
    }

    /// The values that an element's variables stand for.
    pub fn values<'a>(&self, document: &'a Document, position: &Position) -> Vec<Value<'a>> {
        let mut values: Vec<Value<'a>> = Vec::with_capacity(position.depth);
        for (step, &index) in self.steps.iter().zip(position.indexes()) {
            values.push(step.element(document, values.last().copied(), index));
        }
        values
    }
}

/// What the whole cluster is called where a subject is named.
pub const WHOLE: &str = "cluster";

impl Step {
    fn list<'a>(&self, document: &'a Document, above: Option<Value<'a>>) -> Value<'a> {
        let mut value = above.unwrap_or_else(|| document.value());
        for &field in &self.fields {
            match value {
                Value::Record(record) => value = record.field(field),
                _ => return Value::Missing,
            }
        }
        value
    }

    fn element<'a>(&self, document: &'a Document, above: Option<Value<'a>>, position: usize) -> Value<'a> {
        match self.list(document, above) {
            Value::List(list) => list.get(position).unwrap_or(Value::Missing),
            _ => Value::Missing,
        }
    }
}

/// Most lists on one way; the facts have none that is as deep.
const MAX_DEPTH: usize = 6;

/// Where an element stands: its position in every list on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    indexes: [usize; MAX_DEPTH],
    depth: usize,
}

impl Position {
    fn indexes(&self) -> &[usize] {
        &self.indexes[..self.depth]
    }

    /// The positions of the elements above it, outermost first, and its own.
    pub(super) fn with_above(self) -> impl Iterator<Item = Position> {
        (1..=self.depth).map(move |depth| {
            let mut above = self;
            above.depth = depth;
            above
        })
    }
}

/// An element during a walk, or one of those above it.
#[derive(Default)]
pub struct Element<'a> {
    /// What the variables stand for, outermost first; fewer than all of them above the elements.
    pub values: Vec<Value<'a>>,
    /// Where it stands.
    pub position: Position,
}

impl<'a> Element<'a> {
    fn push(&mut self, value: Value<'a>, index: usize) {
        self.values.push(value);
        self.position.indexes[self.position.depth] = index;
        self.position.depth += 1;
    }

    fn pop(&mut self) {
        self.values.pop();
        self.position.depth -= 1;
    }
}

/// What a walk calls.
pub trait Visitor<'a> {
    /// The document, an element on the way, or an element at its end; returns whether to go on below.
    fn enter(&mut self, element: &Element<'a>) -> bool;
    /// The list below this element is missing.
    fn missing(&mut self, element: &Element<'a>);
}

fn join(path: &mut String, below: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(below);
}

/// The name of one element of a list of that name: `address` out of `addresses`, `nic` out of `nics`.
pub fn singular(plural: &str) -> String {
    if let Some(stem) = plural.strip_suffix("ies") {
        return format!("{stem}y");
    }
    for ending in ["sses", "ches", "shes", "xes"] {
        if plural.ends_with(ending) {
            return plural[..plural.len() - 2].to_owned();
        }
    }
    plural.strip_suffix('s').unwrap_or(plural).to_owned()
}

fn no_such_field(record: &RecordType, segment: &str, range: Range<usize>) -> EachError {
    let help = suggest(segment, record.fields.iter().map(|field| field.name))
        .map(|near| format!("did you mean `{near}`?"))
        .or_else(|| Some(format!("lists to choose from: {}", lists(record))));
    EachError { range, message: format!("{} has no field `{segment}`", record.name), help }
}

fn no_list(segment: &str, record: &RecordType, range: Range<usize>) -> EachError {
    EachError {
        range,
        message: format!("`{segment}` is no list"),
        help: Some(match lists(record) {
            none if none.is_empty() => "leave `each` out for one verdict over the whole cluster".to_owned(),
            some => format!("it holds the lists {some}"),
        }),
    }
}

fn ends_here(segment: &str, what: &str, range: Range<usize>) -> EachError {
    EachError { range, message: format!("`{segment}` is {what}; there is nothing below it"), help: None }
}

fn lists(record: &RecordType) -> String {
    let names: Vec<_> = record
        .fields
        .iter()
        .filter(|field| matches!((field.ty)(), Type::List(_)))
        .map(|field| format!("`{}`", field.name))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(json: &str) -> Document {
        Document::parse(json.as_bytes(), "facts.json").expect("valid facts")
    }

    fn complaint(text: &str) -> (Range<usize>, String, Option<String>) {
        let error = Each::parse(text).expect_err("must be refused");
        (error.range, error.message, error.help)
    }

    #[derive(Default)]
    struct Seen {
        elements: Vec<(String, String)>,
        missing: Vec<String>,
    }

    struct Recorder<'e, 'a> {
        each: &'e Each,
        document: &'a Document,
        seen: Seen,
    }

    impl<'a> Visitor<'a> for Recorder<'_, 'a> {
        fn enter(&mut self, element: &Element<'a>) -> bool {
            if element.values.len() == self.each.depth() {
                let subject = self.each.subject(self.document, &element.position);
                self.seen.elements.push((subject, self.each.path(self.document, &element.position)));
            }
            true
        }
        fn missing(&mut self, element: &Element<'a>) {
            self.seen.missing.push(self.each.path_of_list(self.document, &element.position));
        }
    }

    fn walk(each: &str, json: &str) -> Seen {
        let (each, document) = (Each::parse(each).expect("valid"), document(json));
        let mut recorder = Recorder { each: &each, document: &document, seen: Seen::default() };
        each.walk(&document, &mut recorder);
        recorder.seen
    }

    #[test]
    fn every_list_binds_its_singular() {
        let bindings = |text| -> Vec<(String, String)> {
            Each::parse(text).expect("valid").bindings().map(|b| (b.name.clone(), b.path.clone())).collect()
        };
        let pair = |name: &str, path: &str| (name.to_owned(), path.to_owned());
        assert_eq!(bindings("nodes.nics"), [pair("node", "nodes"), pair("nic", "nodes.nics")]);
        assert_eq!(bindings("nodes.iscsi.sessions")[1], pair("session", "nodes.iscsi.sessions"));
        assert_eq!(bindings("nodes.nics.addresses")[2], pair("address", "nodes.nics.addresses"));
        assert_eq!(bindings("networks.switches")[1], pair("switch", "networks.switches"));
    }

    /// A variable that hides another on the same way, or a top-level fact, would read the wrong one.
    #[test]
    fn no_way_binds_a_name_twice() {
        fn descend(record: &'static RecordType, way: &mut Vec<String>, checked: &mut usize) {
            for field in record.fields {
                let (ty, is_list) = match (field.ty)() {
                    Type::List(element) => (*element, true),
                    other => (other, false),
                };
                if is_list {
                    let name = singular(field.name);
                    assert!(!way.contains(&name), "`{name}` is bound twice below {way:?}");
                    assert!(Document::TYPE.find(&name).is_none(), "`{name}` hides a fact");
                    let env = crate::expr::Env::facts().bind(name.as_str(), Type::Bool, "");
                    assert!(crate::expr::compile(&name, &env).is_ok(), "`{name}` is a reserved word");
                    way.push(name);
                    assert!(way.len() < MAX_DEPTH, "{way:?}");
                    *checked += 1;
                }
                if let Type::Record(below) = ty {
                    descend(below, way, checked);
                }
                if is_list {
                    way.pop();
                }
            }
        }
        let mut checked = 0;
        descend(&Document::TYPE, &mut Vec::new(), &mut checked);
        assert!(checked > 40, "{checked} lists");
    }

    #[test]
    fn elements_are_named_with_those_above_them() {
        let json = r#"{"schema":"quorate/1","nodes":[
            {"name":"hv1","nics":[{"name":"eth0"}],"routes":[{"device":"eth0"}],"iscsi":{"sessions":[{"id":"4"}]}},
            {"name":"hv2"}]}"#;
        let seen = walk("nodes.nics", json);
        assert_eq!(seen.elements, [("hv1 eth0".to_owned(), "nodes[hv1].nics[eth0]".to_owned())]);
        assert_eq!(seen.missing, ["nodes[hv2].nics"]);
        let seen = walk("nodes.routes", json);
        assert_eq!(seen.elements, [("hv1 routes[0]".to_owned(), "nodes[hv1].routes[0]".to_owned())]);
        let seen = walk("nodes.iscsi.sessions", json);
        assert_eq!(seen.elements, [("hv1 4".to_owned(), "nodes[hv1].iscsi.sessions[4]".to_owned())]);
        assert_eq!(seen.missing, ["nodes[hv2].iscsi.sessions"]);
        assert_eq!(walk("links", json).missing, ["links"]);
    }

    #[test]
    fn a_wrong_way_is_refused_at_its_place() {
        let (range, message, help) = complaint("nodes.nic");
        assert_eq!((range, message.as_str()), (6..9, "Node has no field `nic`"));
        assert_eq!(help.as_deref(), Some("did you mean `nics`?"));
        let (range, message, _) = complaint("nodes.name");
        assert_eq!((range, message.as_str()), (6..10, "`name` is no list but a string"));
        let (range, message, help) = complaint("witness");
        assert_eq!((range, message.as_str()), (0..7, "`witness` is no list"));
        assert!(help.expect("some").contains("leave `each` out"));
        let (_, message, help) = complaint("nodes.iscsi");
        assert_eq!(message, "`iscsi` is no list");
        assert_eq!(help.as_deref(), Some("it holds the lists `sessions`, `records`, `bound_volumes`"));
        let (range, message, _) = complaint("nodes.updates.name");
        assert_eq!(
            (range, message.as_str()),
            (6..13, "`updates` is a list of string; there is nothing below it")
        );
        let (range, message, _) = complaint("");
        assert_eq!((range, message.as_str()), (0..0, "Document has no field ``"));
    }
}
