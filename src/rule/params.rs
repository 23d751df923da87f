//! Parameters of rules: declared once with a type and a default, set by a profile or by `cluster.toml`.
//!
//! A value always has its parameter's type, and says where it comes from.

use crate::facts::{
    DurationText, List, RateText, SizeText, Type, UnitError, Value, parse_duration, parse_rate, parse_size,
};
use crate::rule::raw::RawParam;
use crate::source::{Item, Kind, Place, Problem, Problems, Span, Text, did_you_mean};
use std::fmt;

/// A declared parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name; expressions read `params.NAME`.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Its value where nobody sets another.
    pub default: ParamValue,
    /// What it sets.
    pub doc: String,
    /// Where it is declared.
    pub span: Span,
}

/// A value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamValue {
    /// See [`Type::Bool`].
    Bool(bool),
    /// See [`Type::Int`].
    Int(i64),
    /// See [`Type::Str`].
    Str(String),
    /// Bytes.
    Size(i64),
    /// Nanoseconds.
    Duration(i64),
    /// Bits per second.
    Rate(i64),
    /// See [`Type::List`].
    List(ParamList),
}

/// The elements of a list parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamList(pub Vec<ParamValue>);

impl List for ParamList {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn get(&self, index: usize) -> Option<Value<'_>> {
        self.0.get(index).map(ParamValue::value)
    }
}

impl ParamValue {
    /// A borrowed view, as expressions read it.
    pub fn value(&self) -> Value<'_> {
        match self {
            ParamValue::Bool(value) => Value::Bool(*value),
            ParamValue::Int(value) => Value::Int(*value),
            ParamValue::Str(value) => Value::Str(value),
            ParamValue::Size(value) => Value::Size(*value),
            ParamValue::Duration(value) => Value::Duration(*value),
            ParamValue::Rate(value) => Value::Rate(*value),
            ParamValue::List(list) => Value::List(list),
        }
    }

    /// As a TOML file has it: `4`, `"512 MiB"`, `["a", "b"]`. It is read back as the same value.
    pub fn to_toml(&self) -> String {
        let quoted = |text: String| toml::Value::String(text).to_string();
        // What is written for people may be cut; then the largest unit that leaves no remainder holds all of it.
        let exact = |amount: i64, read: fn(&str) -> Result<i64, UnitError>, units: &[(&str, i64)]| {
            let text = self.to_string();
            if read(&text) == Ok(amount) {
                return quoted(text);
            }
            let unit = units.iter().find(|(_, factor)| amount % factor == 0);
            quoted(unit.map_or(text, |(name, factor)| format!("{} {name}", amount / factor)))
        };
        match self {
            ParamValue::Bool(value) => value.to_string(),
            ParamValue::Int(value) => value.to_string(),
            ParamValue::Str(value) => quoted(value.clone()),
            ParamValue::Size(value) => {
                let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("bytes", 1)];
                exact(*value, parse_size, &units)
            }
            ParamValue::Duration(value) => exact(*value, parse_duration, &[("ns", 1)]),
            ParamValue::Rate(value) => {
                let units = [("Mbit/s", 1_000_000), ("kbit/s", 1_000), ("bit/s", 1)];
                exact(*value, parse_rate, &units)
            }
            ParamValue::List(list) => {
                let all: Vec<String> = list.0.iter().map(ParamValue::to_toml).collect();
                format!("[{}]", all.join(", "))
            }
        }
    }
}

/// As people read it: `512 MiB`, `3 s`, `[1, 2]`.
impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamValue::Bool(value) => write!(f, "{value}"),
            ParamValue::Int(value) => write!(f, "{value}"),
            ParamValue::Str(value) => write!(f, "{value}"),
            ParamValue::Size(value) => SizeText(*value).fmt(f),
            ParamValue::Duration(value) => DurationText(*value).fmt(f),
            ParamValue::Rate(value) => RateText(*value).fmt(f),
            ParamValue::List(list) => {
                f.write_str("[")?;
                for (index, value) in list.0.iter().enumerate() {
                    if index > 0 {
                        f.write_str(", ")?;
                    }
                    value.fmt(f)?;
                }
                f.write_str("]")
            }
        }
    }
}

/// Where the value of a parameter comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamOrigin {
    /// Its declaration.
    Default,
    /// A profile.
    Profile {
        /// Its name.
        profile: String,
        /// The document the limit stands in.
        source: Option<String>,
    },
    /// `cluster.toml`, or an example.
    Set {
        /// File and line.
        place: Place,
    },
}

impl fmt::Display for ParamOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamOrigin::Default => f.write_str("default"),
            ParamOrigin::Profile { profile, source: Some(source) } => {
                write!(f, "profile {profile}: {source}")
            }
            ParamOrigin::Profile { profile, source: None } => write!(f, "profile {profile}"),
            ParamOrigin::Set { place } => write!(f, "{place}"),
        }
    }
}

/// A value of a parameter, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamSetting {
    /// The value.
    pub value: ParamValue,
    /// Where it comes from.
    pub origin: ParamOrigin,
}

/// Words for the types that a parameter can have.
const TYPES: [(&str, Type); 6] = [
    ("bool", Type::Bool),
    ("int", Type::Int),
    ("string", Type::Str),
    ("size", Type::Size),
    ("duration", Type::Duration),
    ("rate", Type::Rate),
];

impl Param {
    /// Checks a declaration; what is wrong is added to `problems`.
    pub(super) fn check(name: Text, raw: RawParam, problems: &mut Problems) -> Option<Self> {
        if !is_identifier(&name) {
            problems.push(
                name.problem(format!("`{name}` is no name for a parameter"), "not a name")
                    .help("a name has small letters, digits and `_`, and begins with a letter"),
            );
        }
        if let Some(doc) = raw.doc.as_ref().filter(|doc| doc.trim().is_empty()) {
            problems.push(doc.problem(format!("`{name}` does not say what it sets"), "says nothing"));
        }
        let ty = read_type(&raw.ty?, problems)?;
        // Who reads it is right to, whatever is wrong with its default; nothing that is loaded here is judged by.
        let default = raw.default.and_then(|default| read_value(&default, &ty, problems));
        let default = default.unwrap_or(ParamValue::Bool(false));
        let doc = raw.doc.map(|doc| doc.value).unwrap_or_default();
        Some(Param { name: name.value.clone(), ty, default, doc, span: name.span })
    }
}

/// Whether a text is a name that expressions can read.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn read_type(text: &Text, problems: &mut Problems) -> Option<Type> {
    let (list, word) = match text.strip_prefix("list of ") {
        Some(rest) => (true, rest.trim()),
        None => (false, text.trim()),
    };
    match TYPES.iter().find(|(name, _)| *name == word) {
        Some((_, ty)) if list => Some(Type::List(Box::new(ty.clone()))),
        Some((_, ty)) => Some(ty.clone()),
        None => {
            problems.push(
                text.problem(format!("`{text}` is no type of a parameter"), "unknown type").help_if(
                    did_you_mean(word, TYPES.iter().map(|(name, _)| *name))
                        .map(|help| format!("{help}; `list of int` and the like are types as well")),
                ),
            );
            None
        }
    }
}

/// A value out of a TOML file for a parameter of that type; what is wrong is added to `problems`.
pub(super) fn read_value(item: &Item, ty: &Type, problems: &mut Problems) -> Option<ParamValue> {
    match (ty, &item.kind) {
        (Type::Bool, Kind::Bool(value)) => Some(ParamValue::Bool(*value)),
        (Type::Int, Kind::Int(value)) => Some(ParamValue::Int(*value)),
        (Type::Str, Kind::Text(text)) => Some(ParamValue::Str(text.value.clone())),
        (Type::Size, Kind::Text(text)) => amount(text, ty, parse_size(text), problems).map(ParamValue::Size),
        (Type::Duration, Kind::Text(text)) => {
            amount(text, ty, parse_duration(text), problems).map(ParamValue::Duration)
        }
        (Type::Rate, Kind::Text(text)) => amount(text, ty, parse_rate(text), problems).map(ParamValue::Rate),
        (Type::List(element), Kind::List(items)) => {
            let values: Vec<_> =
                items.iter().filter_map(|item| read_value(item, element, problems)).collect();
            (values.len() == items.len()).then_some(ParamValue::List(ParamList(values)))
        }
        _ => {
            problems.push(wrong_type(item, ty));
            None
        }
    }
}

fn amount(text: &Text, ty: &Type, parsed: Result<i64, UnitError>, problems: &mut Problems) -> Option<i64> {
    parsed
        .map_err(|error| problems.push(text.problem(error.message, format!("not a {ty}")).help(error.help)))
        .ok()
}

fn wrong_type(item: &Item, ty: &Type) -> Problem {
    let example = match ty {
        Type::Size => Some("write a text with a unit: \"512 MiB\""),
        Type::Duration => Some("write a text with a unit: \"3s\""),
        Type::Rate => Some("write a text with a unit: \"10 Gbit/s\""),
        Type::List(_) => Some("put the values in brackets: [1, 2]"),
        _ => None,
    };
    item.span
        .problem(
            format!("`{}` must be of type {ty}, not {}", item.key, item.kind_name()),
            format!("this is {}", item.kind_name()),
        )
        .help_if(example.map(str::to_owned))
}

/// Sets parameters to the values of a table; an unknown one or a wrong type is added to `problems`.
pub(super) fn apply<'i>(
    settings: &mut [ParamSetting],
    params: &[Param],
    values: impl Iterator<Item = (&'i Text, &'i Item, ParamOrigin)>,
    problems: &mut Problems,
) {
    for (name, item, origin) in values {
        let Some(at) = params.iter().position(|param| param.name == name.value) else {
            problems.push(unknown_param(name, params));
            continue;
        };
        if let Some(value) = read_value(item, &params[at].ty, problems) {
            settings[at] = ParamSetting { value, origin };
        }
    }
}

/// The mistake that a parameter is not declared.
pub(super) fn unknown_param(name: &Text, params: &[Param]) -> Problem {
    name.problem(format!("there is no parameter `{name}`"), "unknown parameter")
        .help_if(did_you_mean(name, params.iter().map(|param| param.name.as_str())))
}

/// The settings in which every parameter has its default.
pub(super) fn defaults(params: &[Param]) -> Vec<ParamSetting> {
    params
        .iter()
        .map(|param| ParamSetting { value: param.default.clone(), origin: ParamOrigin::Default })
        .collect()
}
