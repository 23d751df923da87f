//! Reading and writing the facts document as JSON, with every limit that a hostile file calls for.

use super::cluster::Document;
use super::meta::{Fact, List, Value};
use super::path::element_path;
use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

/// Version of the documents that this program writes.
pub const FACTS_SCHEMA: &str = "quorate/1";

/// Largest file that is read. A cluster of 64 nodes takes about half a megabyte.
pub const MAX_DOCUMENT_BYTES: u64 = 256 * 1024 * 1024;

/// What is wrong with a recording.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is larger than [`MAX_DOCUMENT_BYTES`].
    #[error("{file}: larger than {} MiB; this is no recording of facts", MAX_DOCUMENT_BYTES / (1024 * 1024))]
    TooLarge {
        /// The file.
        file: String,
    },
    /// The document is of another kind or version.
    #[error("{file}: its schema is `{found}`; this program reads `{FACTS_SCHEMA}`")]
    Schema {
        /// The file.
        file: String,
        /// What the file says.
        found: String,
    },
    /// The JSON is malformed, or a value has the wrong type.
    #[error("{file}:{line}:{column}: {message}{}", .path.as_ref().map(|path| format!(" (at `{path}`)")).unwrap_or_default())]
    Json {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// Path of the value, where it is known.
        path: Option<String>,
        /// What is wrong.
        message: String,
    },
    /// The document says something that cannot be.
    #[error("{file}: {}", .problems.join("\n"))]
    Invalid {
        /// The file.
        file: String,
        /// One sentence for each problem.
        problems: Vec<String>,
    },
}

impl Document {
    /// An empty document of this program's version.
    pub fn empty() -> Self {
        Document { schema: FACTS_SCHEMA.to_owned(), ..Document::default() }
    }

    /// Reads a recording from a file.
    ///
    /// # Errors
    /// [`LoadError`] names the file, the line and what is wrong.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        let name = path.display().to_string();
        let io = |source| LoadError::Io { file: name.clone(), source };
        let file = std::fs::File::open(path).map_err(io)?;
        let mut text = Vec::new();
        file.take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut text).map_err(io)?;
        if text.len() as u64 > MAX_DOCUMENT_BYTES {
            return Err(LoadError::TooLarge { file: name });
        }
        Self::parse(&text, &name)
    }

    /// Parses a recording; `name` is what errors call it.
    ///
    /// A document of this major version and a later minor one (`quorate/1.3`) is read as far as it is understood; in
    /// any other, a field that does not exist is an error, so that a misspelt one is never taken for missing.
    ///
    /// # Errors
    /// [`LoadError`] names the file, the line and what is wrong.
    pub fn parse(text: &[u8], name: &str) -> Result<Self, LoadError> {
        let mut unknown = Vec::new();
        let mut from = serde_json::Deserializer::from_slice(text);
        let document: Document = serde_ignored::deserialize(&mut from, |path| unknown.push(path.to_string()))
            .and_then(|document| from.end().map(|()| document))
            .map_err(|error| json_error(text, name, &error))?;
        if document.schema != FACTS_SCHEMA {
            let later_minor =
                document.schema.strip_prefix(FACTS_SCHEMA).is_some_and(|rest| rest.starts_with('.'));
            if !later_minor {
                return Err(LoadError::Schema { file: name.to_owned(), found: document.schema });
            }
            unknown.clear();
        }
        let mut problems: Vec<String> = unknown
            .iter()
            .map(|path| format!("`{path}`: there is no such field; see `quorate schema facts`"))
            .collect();
        check_keys("", Value::Record(&document), &mut problems);
        if problems.is_empty() {
            Ok(document)
        } else {
            Err(LoadError::Invalid { file: name.to_owned(), problems })
        }
    }

    /// The document as JSON, indented, with a line end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("facts hold text and numbers only");
        text.push('\n');
        text
    }
}

/// The message for malformed JSON. A document of another schema says so first, since that explains the rest.
fn json_error(text: &[u8], name: &str, error: &serde_json::Error) -> LoadError {
    #[derive(serde::Deserialize)]
    struct Peek {
        schema: Option<String>,
    }
    if let Ok(peek) = serde_json::from_slice::<Peek>(text) {
        match peek.schema {
            Some(found) if found == FACTS_SCHEMA || found.starts_with("quorate/1.") => {}
            found => {
                return LoadError::Schema {
                    file: name.to_owned(),
                    found: found.unwrap_or_else(|| "missing".to_owned()),
                };
            }
        }
    }
    // The path costs time to keep, so it is only sought once something is wrong.
    let path =
        serde_path_to_error::deserialize::<_, Document>(&mut serde_json::Deserializer::from_slice(text))
            .err()
            .map(|error| error.path().to_string())
            .filter(|path| path != "." && !path.is_empty());
    let message = error.to_string();
    let message =
        message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message).to_owned();
    LoadError::Json { file: name.to_owned(), line: error.line(), column: error.column(), path, message }
}

/// Every list of records with a key: each key there, none twice.
fn check_keys(path: &str, value: Value<'_>, problems: &mut Vec<String>) {
    match value {
        Value::Record(record) => {
            for (index, field) in record.record_type().fields.iter().enumerate() {
                let value = record.field(index);
                if matches!(value, Value::List(_) | Value::Record(_)) {
                    let below = if path.is_empty() {
                        field.name.to_owned()
                    } else {
                        format!("{path}.{}", field.name)
                    };
                    check_keys(&below, value, problems);
                }
            }
        }
        Value::List(list) => check_list(path, list, problems),
        _ => {}
    }
}

fn check_list(path: &str, list: &dyn List, problems: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for (position, element) in (0..list.len()).filter_map(|at| list.get(at).map(|element| (at, element))) {
        let Value::Record(record) = element else { return };
        if let Some(key) = record.record_type().key {
            let name = record.record_type().fields[key].name;
            match record.field(key) {
                Value::Str("") => problems.push(format!("`{path}[{position}]` has no `{name}`")),
                Value::Str(text) if !seen.insert(text) => {
                    problems.push(format!("`{path}` has two elements with {name} `{text}`"));
                }
                _ => {}
            }
        }
        check_keys(&element_path(path, element, position), element, problems);
    }
}

/// The JSON schema of the facts document, with keys required.
pub fn facts_json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Document).to_value();
    let definitions = schema.get_mut("$defs").and_then(|all| all.as_object_mut());
    for (name, definition) in definitions.into_iter().flatten() {
        require_key(name, definition);
    }
    schema["required"] = serde_json::json!(["schema"]);
    schema
}

/// Marks the key of a record as required in its definition.
fn require_key(name: &str, definition: &mut serde_json::Value) {
    fn find(ty: &super::meta::Type, name: &str, depth: usize) -> Option<&'static super::meta::RecordType> {
        match ty {
            super::meta::Type::List(element) => find(element, name, depth),
            super::meta::Type::Record(record) if record.name == name => Some(record),
            super::meta::Type::Record(record) if depth > 0 => {
                record.fields.iter().find_map(|field| find(&(field.ty)(), name, depth - 1))
            }
            _ => None,
        }
    }
    if let Some(record) = find(&Document::fact_type(), name, 8)
        && let Some(key) = record.key
    {
        let field = record.fields[key].name;
        definition["required"] = serde_json::json!([field]);
        if let Some(property) =
            definition.pointer_mut(&format!("/properties/{field}")).and_then(|p| p.as_object_mut())
        {
            property.remove("default");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Document, LoadError> {
        Document::parse(text.as_bytes(), "facts.json")
    }

    fn complaint(text: &str) -> String {
        parse(text).expect_err("must be refused").to_string()
    }

    #[test]
    fn a_document_survives_the_round_trip() {
        let text = r#"{"schema":"quorate/1","nodes":[{"name":"hv1","os":{"family":"linux","build":"1"},
            "nics":[{"name":"eth0","mtu":1500,"speed_bps":1000000000}]}]}"#;
        let document = parse(text).expect("valid");
        assert_eq!(document, parse(&document.to_json()).expect("valid"));
        assert!(!document.to_json().contains("bonds"), "what is missing is left out");
    }

    #[test]
    fn another_schema_is_named() {
        assert!(complaint(r#"{"schema":"quorate/2","nodes":7}"#).contains("`quorate/2`"));
        assert!(complaint(r#"{"nodes":[]}"#).contains("schema"));
        assert!(complaint(r#"{"schema":"quorate/10"}"#).contains("`quorate/10`"));
    }

    #[test]
    fn a_misspelt_field_is_refused_but_a_later_minor_is_read() {
        assert!(
            complaint(r#"{"schema":"quorate/1","nodes":[{"name":"a","oss":{}}]}"#).contains("nodes.0.oss")
        );
        assert!(parse(r#"{"schema":"quorate/1.4","nodes":[{"name":"a","oss":{}}]}"#).is_ok());
    }

    #[test]
    fn keys_are_there_and_unique() {
        let twice = complaint(r#"{"schema":"quorate/1","nodes":[{"name":"a"},{"name":"a"}]}"#);
        assert!(twice.contains("`nodes` has two elements with name `a`"), "{twice}");
        assert!(complaint(r#"{"schema":"quorate/1","nodes":[{}]}"#).contains("has no `name`"));
    }

    #[test]
    fn hostile_json_is_an_error_with_its_place() {
        assert!(
            complaint(r#"{"schema":"quorate/1","nodes":[{"name":"a","nics":[{"name":"x","mtu":NaN}]}]}"#)
                .contains("facts.json:1:")
        );
        assert!(complaint(r#"{"schema":"quorate/1","nodes":[{"name":"a""#).contains("EOF"));
        let deep = format!(r#"{{"schema":"quorate/1","x":{}"#, "[".repeat(100_000));
        assert!(complaint(&deep).contains("EOF"), "nesting is walked without recursion");
        let wrong = complaint(r#"{"schema":"quorate/1","nodes":[{"name":"a","cpu":{"cores":"four"}}]}"#);
        assert!(wrong.contains("nodes[0].cpu.cores"), "{wrong}");
    }

    #[test]
    fn the_schema_requires_keys() {
        let schema = facts_json_schema();
        assert_eq!(schema["$defs"]["Node"]["required"], serde_json::json!(["name"]));
    }
}
