//! Facts that the plan declares of nodes, of the cluster and of what it carries, checked against the facts' own types.

use crate::facts::{
    Cluster, Fact, FieldType, Group, Host, Node, Placement, RecordType, Type, Vm, Volume, parse_duration,
    parse_rate, parse_size,
};
use crate::source::{
    FromItem, Item, Kind, Place, Problem, Problems, Span, Spanned, Table, Text, did_you_mean, plain,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// Facts that the plan declares of a node or of the cluster, in one table.
#[derive(Clone, Debug, Default)]
pub struct Declared<R> {
    /// The facts.
    pub facts: R,
    /// Where each stands, by its path below the record: `os.build`, `nics[eth0].switch_name`.
    pub places: Vec<(String, Place)>,
}

/// Records that the plan declares, one table each.
#[derive(Clone, Debug, Default)]
pub struct DeclaredList<R> {
    /// The records, with keys of their own.
    pub facts: Vec<R>,
    /// Where each and each fact of it stands, by its path in the document: `vms[web1]`, `vms[web1].memory_bytes`.
    pub spans: Vec<(String, Span)>,
}

/// A record of facts of which the plan can declare some in one table.
pub trait Declarable: Fact + Default + DeserializeOwned {
    /// What messages call it: `a node`.
    const CALLED: &'static str;
    /// Facts of it that are said elsewhere in the plan, or that only a probe can know, and what to do instead.
    const NOT_DECLARED: &'static [(&'static str, &'static str)];
}

impl Declarable for Node {
    const CALLED: &'static str = "a node";
    const NOT_DECLARED: &'static [(&'static str, &'static str)] = &[
        ("name", "it is the `name` of the `[[node]]` itself"),
        ("probe", "it is the `probe` of the `[[node]]` itself"),
        ("site", "write `site` in the `[[node]]` itself"),
        ("physical_host", "write `physical_host` in the `[[node]]` itself"),
        ("reached", "only a probe can tell"),
        ("privileged", "only a probe can tell"),
    ];
}

impl Declarable for Cluster {
    const CALLED: &'static str = "the cluster";
    const NOT_DECLARED: &'static [(&'static str, &'static str)] = &[
        ("name", "it is the `name` of `[cluster]` itself"),
        ("platform", "it is the `platform` of `[cluster]` itself"),
        ("release", "write `release` in `[cluster]` itself"),
        ("edition", "write `edition` in `[cluster]` itself"),
        ("votes", "they are counted: the nodes and the `[witness]`"),
    ];
}

/// A record of which the plan declares a whole list.
pub trait Listed: Fact + DeserializeOwned {
    /// The list in the document: `vms`.
    const LIST: &'static str;
}

impl Listed for Vm {
    const LIST: &'static str = "vms";
}

impl Listed for Host {
    const LIST: &'static str = "hosts";
}

impl Listed for Volume {
    const LIST: &'static str = "volumes";
}

impl Listed for Group {
    const LIST: &'static str = "groups";
}

impl Listed for Placement {
    const LIST: &'static str = "placements";
}

/// The names and types of a record's fields.
fn record_of<R: Fact>() -> &'static RecordType {
    match R::fact_type() {
        Type::Record(record) => record,
        _ => unreachable!("only records are declared"),
    }
}

impl<R: Declarable> FromItem for Declared<R> {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        let span = item.span.clone();
        let mut table = Table::read(item, problems)?;
        for (name, why) in R::NOT_DECLARED {
            if let Some(key) = table.key_span(name).cloned() {
                let _: Option<Item> = table.get(name, problems);
                problems.push(key.problem(format!("`{name}` cannot be declared"), "not here").help(*why));
            }
        }
        let before = problems.len();
        let mut reader =
            Reader { problems, spans: Vec::new(), called: R::CALLED, elsewhere: R::NOT_DECLARED };
        let facts = reader.record(table, record_of::<R>(), "");
        let places = reader.spans.into_iter().map(|(path, span)| (path, span.place())).collect();
        if problems.len() > before {
            return None;
        }
        match serde_json::from_value(facts) {
            Ok(facts) => Some(Declared { facts, places }),
            Err(error) => {
                problems.push(span.problem(format!("these facts cannot be read: {error}"), "declared here"));
                None
            }
        }
    }

    fn schema() -> Value {
        record_schema(record_of::<R>(), "", R::NOT_DECLARED)
    }
}

impl<R: Listed> FromItem for DeclaredList<R> {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        let span = item.span.clone();
        let tables: Vec<Table> = FromItem::read(item, problems)?;
        let before = problems.len();
        let mut reader = Reader { problems, spans: Vec::new(), called: "", elsewhere: &[] };
        // One after the other, so that a large cluster is never there twice.
        let mut facts = Ok(Vec::with_capacity(tables.len()));
        reader.list(tables, record_of::<R>(), R::LIST, |value| {
            if let Ok(all) = &mut facts {
                match serde_json::from_value(value) {
                    Ok(one) => all.push(one),
                    Err(error) => facts = Err(error),
                }
            }
        });
        let spans = reader.spans;
        if problems.len() > before {
            return None;
        }
        match facts {
            Ok(facts) => Some(DeclaredList { facts, spans }),
            Err(error) => {
                problems.push(span.problem(format!("these facts cannot be read: {error}"), "declared here"));
                None
            }
        }
    }

    fn schema() -> Value {
        json!({ "type": "array", "items": record_schema(record_of::<R>(), R::LIST, &[]) })
    }
}

/// A length of time in whole seconds, none or more: a number, or a string with a unit.
#[derive(Clone, Copy, Debug)]
pub struct WholeSeconds(pub i64);

impl FromItem for WholeSeconds {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        let (key, span) = (item.key.clone(), item.span.clone());
        let mut reader = Reader { problems, spans: Vec::new(), called: "", elsewhere: &[] };
        let seconds = reader.amount(item, &Type::Duration, "_s")?.as_i64()?;
        if seconds < 0 {
            problems.push(span.problem(format!("`{key}` cannot be negative"), "below 0"));
            return None;
        }
        Some(WholeSeconds(seconds))
    }

    fn schema() -> Value {
        type_schema(&Type::Duration, "")
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

/// Facts of the outermost record that are not declared with it, and why.
type Elsewhere = &'static [(&'static str, &'static str)];

/// Whether a field of the record at `path` can be declared.
fn can_declare(field: &FieldType, path: &str, elsewhere: Elsewhere) -> bool {
    let reserved = path.is_empty() && elsewhere.iter().any(|(name, _)| *name == field.name);
    !is_derived(field) && !reserved
}

struct Reader<'a> {
    problems: &'a mut Problems,
    spans: Vec<(String, Span)>,
    /// What messages call the outermost record.
    called: &'static str,
    /// Facts of the outermost record that are not declared with it.
    elsewhere: Elsewhere,
}

impl Reader<'_> {
    fn record(&mut self, table: Table, ty: &'static RecordType, path: &str) -> Value {
        let mut facts = Map::new();
        for (key, item) in table.into_entries() {
            let Some((_, field)) = ty.find(&key) else {
                let names = ty
                    .fields
                    .iter()
                    .filter(|field| can_declare(field, path, self.elsewhere))
                    .map(|field| field.name);
                let of = if path.is_empty() { self.called.to_owned() } else { format!("`{path}`") };
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

    /// A value of that type; what it says is at `path`.
    fn value(&mut self, item: Item, ty: &Type, name: &str, path: &str) -> Option<Value> {
        let span = item.span.clone();
        let value = match ty {
            Type::Record(record) => {
                let table = Table::read(item, self.problems)?;
                return Some(self.record(table, record, path));
            }
            Type::List(inner) if matches!(**inner, Type::Record(_)) => {
                let Type::Record(record) = **inner else { return None };
                let tables: Vec<Table> = FromItem::read(item, self.problems)?;
                self.spans.push((path.to_owned(), span));
                let mut elements = Vec::with_capacity(tables.len());
                self.list(tables, record, path, |element| elements.push(element));
                return Some(Value::Array(elements));
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
        self.spans.push((path.to_owned(), span));
        Some(value)
    }

    /// Records of a list, each of which `take` is given; where they have a key, it is there and unique.
    fn list(&mut self, tables: Vec<Table>, ty: &'static RecordType, path: &str, mut take: impl FnMut(Value)) {
        let mut seen: HashMap<String, Span> = HashMap::new();
        for (position, table) in tables.into_iter().enumerate() {
            let mut element_path = format!("{path}[{position}]");
            if let Some(key) = ty.key {
                let name = ty.fields[key].name;
                let Some(item) = table.peek(name) else {
                    if !table.is_damaged() {
                        self.problems.push(table.missing(&[name]));
                    }
                    continue;
                };
                // A key of the wrong kind is reported below, with the rest of the record.
                if let Kind::Text(text) = &item.kind {
                    if let Some(problem) = bad_key(text, path, name, &mut seen) {
                        self.problems.push(problem);
                        continue;
                    }
                    element_path = format!("{path}[{text}]");
                }
            }
            self.spans.push((element_path.clone(), table.span().clone()));
            take(self.record(table, ty, &element_path));
        }
    }

    fn scalar(&mut self, item: Item, ty: &Type, name: &str) -> Option<Value> {
        match ty {
            Type::Bool => Some(Value::Bool(Spanned::<bool>::read(item, self.problems)?.value)),
            Type::Str => Some(Value::String(Text::read(item, self.problems)?.value)),
            Type::Int => Some(Value::from(Spanned::<i64>::read(item, self.problems)?.value)),
            Type::Size | Type::Rate | Type::Duration => self.amount(item, ty, name),
            Type::Choice(choice) => {
                let key = item.key.clone();
                let text = Text::read(item, self.problems)?;
                let words = || choice.words.iter().map(|(word, _)| *word);
                if words().any(|word| word == text.value) {
                    return Some(Value::String(text.value));
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
            Ok(number) => Some(Value::from(number)),
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

fn record_schema(ty: &RecordType, path: &str, elsewhere: Elsewhere) -> Value {
    let mut properties = Map::new();
    for field in ty.fields.iter().filter(|field| can_declare(field, path, elsewhere)) {
        let mut schema = type_schema(&(field.ty)(), field.name);
        schema["description"] = plain(field.doc).into();
        properties.insert(field.name.to_owned(), schema);
    }
    let mut schema = json!({
        "type": "object",
        "description": plain(ty.doc),
        "properties": properties,
        "additionalProperties": false,
    });
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
        Type::Record(record) => record_schema(record, path, &[]),
    }
}
