//! Facts that the plan declares of a node, checked against the facts' own types.

use crate::facts::{FieldType, Node, RecordType, Type, parse_duration, parse_rate, parse_size};
use crate::source::{
    FromItem, Item, Kind, Place, Problem, Problems, Span, Spanned, Table, Text, did_you_mean, plain,
};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Facts that the plan declares of a node.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The facts.
    pub node: Node,
    /// Where each stands, by its path below the node: `os.build`, `nics[eth0].switch_name`.
    pub places: Vec<(String, Place)>,
}

/// Facts of a node that `[[node]]` says itself, or that only a probe can know.
const NOT_DECLARED: &[(&str, &str)] = &[
    ("name", "it is the `name` of the `[[node]]` itself"),
    ("probe", "it is the `probe` of the `[[node]]` itself"),
    ("site", "write `site` in the `[[node]]` itself"),
    ("physical_host", "write `physical_host` in the `[[node]]` itself"),
    ("reached", "only a probe can tell"),
    ("privileged", "only a probe can tell"),
];

impl FromItem for Declared {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        let span = item.span.clone();
        let mut table = Table::read(item, problems)?;
        for (name, why) in NOT_DECLARED {
            if let Some(key) = table.key_span(name).cloned() {
                let _: Option<Item> = table.get(name, problems);
                problems.push(key.problem(format!("`{name}` cannot be declared"), "not here").help(*why));
            }
        }
        let before = problems.len();
        let mut reader = Reader { problems, places: Vec::new() };
        let facts = reader.record(table, &Node::TYPE, "");
        let places = reader.places;
        if problems.len() > before {
            return None;
        }
        match serde_json::from_value(facts) {
            Ok(node) => Some(Declared { node, places }),
            Err(error) => {
                problems.push(span.problem(format!("these facts cannot be read: {error}"), "declared here"));
                None
            }
        }
    }

    fn schema() -> Value {
        record_schema(&Node::TYPE, "")
    }
}

/// Whether a fact is computed out of others, so that declaring it would change nothing.
fn is_derived(field: &FieldType) -> bool {
    plain(field.doc).starts_with("Derived:")
        || matches!(element((field.ty)()), Type::Record(record) if plain(record.doc).starts_with("Derived:"))
}

fn element(ty: Type) -> Type {
    match ty {
        Type::List(inner) => element(*inner),
        other => other,
    }
}

/// Whether a field of the record at `path` below the node can be declared.
fn can_declare(field: &FieldType, path: &str) -> bool {
    let reserved = path.is_empty() && NOT_DECLARED.iter().any(|(name, _)| *name == field.name);
    !is_derived(field) && !reserved
}

struct Reader<'a> {
    problems: &'a mut Problems,
    places: Vec<(String, Place)>,
}

impl Reader<'_> {
    fn record(&mut self, table: Table, ty: &'static RecordType, path: &str) -> Value {
        let mut facts = Map::new();
        for (key, item) in table.into_entries() {
            let Some((_, field)) = ty.find(&key) else {
                let names = ty.fields.iter().filter(|field| can_declare(field, path)).map(|field| field.name);
                let of = if path.is_empty() { "a node".to_owned() } else { format!("`{path}`") };
                self.problems.push(
                    key.problem(format!("there is no fact `{key}` of {of}"), "unknown fact").help_if(
                        did_you_mean(&key, names)
                            .or_else(|| Some("`quorate schema facts` shows all there are".to_owned())),
                    ),
                );
                continue;
            };
            if is_derived(field) {
                let problem =
                    key.problem(format!("`{key}` cannot be declared"), "computed out of other facts");
                self.problems.push(problem.help("declare what it is computed from"));
                continue;
            }
            let below = if path.is_empty() { key.value.clone() } else { format!("{path}.{key}") };
            if let Some(value) = self.value(item, &(field.ty)(), field.name, &below) {
                facts.insert(key.value, value);
            }
        }
        Value::Object(facts)
    }

    /// A value of that type; what it says is at `path` below the node.
    fn value(&mut self, item: Item, ty: &Type, name: &str, path: &str) -> Option<Value> {
        let place = item.place();
        let value = match ty {
            Type::Record(record) => {
                let table = Table::read(item, self.problems)?;
                return Some(self.record(table, record, path));
            }
            Type::List(inner) if matches!(**inner, Type::Record(_)) => {
                let Type::Record(record) = **inner else { return None };
                let tables: Vec<Table> = FromItem::read(item, self.problems)?;
                self.places.push((path.to_owned(), place));
                return Some(Value::Array(self.list(tables, record, path)));
            }
            Type::List(inner) => {
                let Kind::List(items) = item.kind else {
                    self.problems.push(item.wrong_kind("a list"));
                    return None;
                };
                let values = items.into_iter().map(|item| self.scalar(item, inner, name));
                Value::Array(values.collect::<Option<_>>()?)
            }
            scalar => self.scalar(item, scalar, name)?,
        };
        self.places.push((path.to_owned(), place));
        Some(value)
    }

    /// Records of a list; where they have a key, it is there and unique.
    fn list(&mut self, tables: Vec<Table>, ty: &'static RecordType, path: &str) -> Vec<Value> {
        let mut seen: HashMap<String, Span> = HashMap::new();
        let mut out = Vec::new();
        for (position, table) in tables.into_iter().enumerate() {
            let mut element_path = format!("{path}[{position}]");
            if let Some(key) = ty.key {
                let name = ty.fields[key].name;
                let found = table.clone().into_entries().find(|(word, _)| word.value == name);
                let Some((_, item)) = found else {
                    if !table.is_damaged() {
                        self.problems.push(table.missing(&[name]));
                    }
                    continue;
                };
                // A key of the wrong kind is reported below, with the rest of the record.
                if let Kind::Text(text) = item.kind {
                    if let Some(problem) = bad_key(&text, path, name, &mut seen) {
                        self.problems.push(problem);
                        continue;
                    }
                    element_path = format!("{path}[{text}]");
                }
            }
            self.places.push((element_path.clone(), table.place()));
            out.push(self.record(table, ty, &element_path));
        }
        out
    }

    fn scalar(&mut self, item: Item, ty: &Type, name: &str) -> Option<Value> {
        match ty {
            Type::Bool => Some(json!(Spanned::<bool>::read(item, self.problems)?.value)),
            Type::Str => Some(json!(Text::read(item, self.problems)?.value)),
            Type::Int => Some(json!(Spanned::<i64>::read(item, self.problems)?.value)),
            Type::Size | Type::Rate | Type::Duration => self.amount(item, ty, name),
            Type::Choice(choice) => {
                let key = item.key.clone();
                let text = Text::read(item, self.problems)?;
                let words = || choice.words.iter().map(|(word, _)| *word);
                if words().any(|word| word == text.value) {
                    return Some(json!(text.value));
                }
                self.problems.push(
                    text.problem(format!("`{key}` cannot be `{text}`"), "not one of the words for it")
                        .help_if(did_you_mean(&text, words())),
                );
                None
            }
            Type::List(_) | Type::Record(_) => {
                self.problems.push(item.wrong_kind("a single value"));
                None
            }
        }
    }

    /// A whole number in the unit of the fact's name, or a string with a unit.
    fn amount(&mut self, item: Item, ty: &Type, name: &str) -> Option<Value> {
        let parsed = match &item.kind {
            Kind::Int(number) => Ok(*number),
            Kind::Text(text) => match ty {
                Type::Size => parse_size(text),
                Type::Rate => parse_rate(text),
                _ => parse_duration(text),
            }
            .map(|amount| (amount, unit_of(name)))
            .map_or_else(
                |error| Err((error.message, error.help)),
                |(amount, unit)| {
                    if amount % unit == 0 {
                        Ok(amount / unit)
                    } else {
                        Err((
                            format!("`{text}` is finer than `{name}` can tell"),
                            "write a multiple of its unit".into(),
                        ))
                    }
                },
            ),
            _ => {
                self.problems.push(item.wrong_kind("a number, or a string with a unit"));
                return None;
            }
        };
        match parsed {
            Ok(number) if number < 0 && !matches!(ty, Type::Duration) => {
                self.problems
                    .push(item.span.problem(format!("`{}` cannot be negative", item.key), "below 0"));
                None
            }
            Ok(number) => Some(json!(number)),
            Err((message, help)) => {
                self.problems.push(item.span.problem(message, "an amount is wanted").help(help));
                None
            }
        }
    }
}

/// What is wrong with the key of an element of a list.
fn bad_key(key: &Text, path: &str, name: &str, seen: &mut HashMap<String, Span>) -> Option<Problem> {
    if key.is_empty() {
        return Some(key.problem(format!("`{name}` is empty"), "a name is wanted"));
    }
    let first = seen.insert(key.value.clone(), key.span.clone())?;
    Some(
        key.problem(format!("`{path}` has `{key}` twice"), "given here again")
            .label(&first, "given here first"),
    )
}

/// How many of the parsed base unit (bytes, nanoseconds, bits per second) the unit in a fact's name has.
fn unit_of(name: &str) -> i64 {
    match name.rsplit('_').next() {
        Some("us") => 1_000,
        Some("ms") => 1_000_000,
        Some("s") => 1_000_000_000,
        _ => 1,
    }
}

fn record_schema(ty: &RecordType, path: &str) -> Value {
    let mut properties = Map::new();
    for field in ty.fields.iter().filter(|field| can_declare(field, path)) {
        let mut schema = type_schema(&(field.ty)(), field.name);
        schema["description"] = plain(field.doc).into();
        properties.insert(field.name.to_owned(), schema);
    }
    let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
    if let Some(key) = ty.key
        && !path.is_empty()
    {
        schema["required"] = json!([ty.fields[key].name]);
    }
    schema
}

fn type_schema(ty: &Type, path: &str) -> Value {
    match ty {
        Type::Bool => json!({ "type": "boolean" }),
        Type::Int => json!({ "type": "integer" }),
        Type::Str => json!({ "type": "string" }),
        Type::Size | Type::Rate | Type::Duration => json!({ "type": ["integer", "string"] }),
        Type::Choice(choice) => {
            json!({ "type": "string", "enum": choice.words.iter().map(|(word, _)| *word).collect::<Vec<_>>() })
        }
        Type::List(inner) => json!({ "type": "array", "items": type_schema(inner, path) }),
        Type::Record(record) => record_schema(record, path),
    }
}
