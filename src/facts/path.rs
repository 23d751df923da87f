//! Paths into the facts document, and what its gaps and sources say of a path.

use super::cluster::Document;
use super::meta::Value;
use super::provenance::{Gap, Source};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// The path of an element of the list at `list`: `nodes[hv1]` by its key, `routes[2]` by its position where it has none.
pub fn element_path(list: &str, element: Value<'_>, position: usize) -> String {
    let mut path = String::with_capacity(list.len() + 16);
    path.push_str(list);
    push_element(&mut path, element, position);
    path
}

/// Makes the path of a list that of one of its elements.
pub fn push_element(path: &mut String, element: Value<'_>, position: usize) {
    path.push('[');
    match key_of(element) {
        Value::Str(key) => path.push_str(key),
        Value::Int(key) => push_number(path, key),
        _ => push_number(path, position),
    }
    path.push(']');
}

fn push_number(path: &mut String, number: impl std::fmt::Display) {
    // Writing to a string cannot fail.
    let _ = write!(path, "{number}");
}

/// What tells an element of a list from another: the key of a record, a plain value itself.
fn key_of(element: Value<'_>) -> Value<'_> {
    match element {
        Value::Record(record) => record.record_type().key.map_or(Value::Missing, |key| record.field(key)),
        plain => plain,
    }
}

/// The text that tells an element of a list from another: the key of a record, the text or number of a plain value.
pub fn element_key(element: Value<'_>) -> Option<String> {
    match key_of(element) {
        Value::Str(key) => Some(key.to_owned()),
        Value::Int(key) => Some(key.to_string()),
        _ => None,
    }
}

/// An index over the gaps and sources of a document. Each is built when it is first asked for; a lookup costs the path's
/// length.
pub struct Places<'a> {
    document: &'a Document,
    gaps: OnceLock<HashMap<&'a str, &'a Gap>>,
    sources: OnceLock<HashMap<&'a str, &'a Source>>,
}

impl<'a> Places<'a> {
    /// Indexes a document.
    pub fn new(document: &'a Document) -> Self {
        Places { document, gaps: OnceLock::new(), sources: OnceLock::new() }
    }

    /// The gap that covers a path: its own, or the one of the nearest path above it.
    pub fn gap(&self, path: &str) -> Option<&'a Gap> {
        let all = || self.document.gaps.iter().map(|gap| (gap.path.as_str(), gap)).collect();
        let gaps = self.gaps.get_or_init(all);
        ancestors(path).find_map(|at| gaps.get(at).copied())
    }

    /// The source that covers a path: its own, or the one of the nearest path above it.
    pub fn source(&self, path: &str) -> Option<&'a Source> {
        let all = || self.document.sources.iter().map(|source| (source.path.as_str(), source)).collect();
        let sources = self.sources.get_or_init(all);
        ancestors(path).find_map(|at| sources.get(at).copied())
    }
}

/// The path itself, then every path above it, and the empty path last.
///
/// A `.` or `[` inside a key yields a path that names nothing; looking it up finds nothing, which is harmless.
pub fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |at| {
        if at.is_empty() { None } else { Some(at.rfind(['.', '[']).map_or("", |end| &at[..end])) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{GapReason, Node};

    #[test]
    fn the_nearest_gap_wins() {
        let gap = |path: &str, reason| Gap { path: path.into(), reason: Some(reason), detail: None };
        let document = Document {
            gaps: vec![
                gap("nodes[hv1.example.com]", GapReason::Unreachable),
                gap("nodes[hv1.example.com].hardware.serial", GapReason::PermissionDenied),
            ],
            ..Document::default()
        };
        let places = Places::new(&document);
        let reason = |path| places.gap(path).and_then(|gap| gap.reason);
        assert_eq!(reason("nodes[hv1.example.com].os.build"), Some(GapReason::Unreachable));
        assert_eq!(reason("nodes[hv1.example.com].hardware.serial"), Some(GapReason::PermissionDenied));
        assert_eq!(reason("nodes[hv1.example.co].os.build"), None);
        assert_eq!(reason("nodes[hv2].os.build"), None);
    }

    #[test]
    fn elements_are_named_by_their_key() {
        use crate::facts::Fact;
        let node = Node { name: "hv1".into(), ..Node::default() };
        assert_eq!(element_path("nodes", node.value(), 3), "nodes[hv1]");
        assert_eq!(element_path("routes", Value::Bool(true), 3), "routes[3]");
    }
}
