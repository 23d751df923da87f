//! What differs between two documents, fact by fact.
//!
//! Elements of a list are matched by their key, those without one by what they say; the order of elements with a key is no
//! difference. What is derived, and what is measured anew in every run, is marked. The changes from one document to another
//! are those of the other way round with both sides exchanged.

use super::cluster::Document;
use super::meta::{List, Record, Value};
use super::path::{Places, ancestors, element_key, push_element};
use super::provenance::{GapReason, SourceKind};
use super::units::{DurationText, RateText, SizeText};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet, VecDeque};

/// Longest text of a value, in bytes; an element with hundreds of facts is told by its beginning.
const LONGEST: usize = 2000;

/// Parts of a document that are no facts of the cluster: the run itself, and what is said about facts.
const NO_FACTS: [&str; 4] = ["schema", "run", "gaps", "sources"];

/// Fields beside those in microseconds that no two runs find alike: times, and the names of runs of active tests.
const MEASURED: [&str; 7] = ["started", "uptime_s", "load_15", "skew_ms", "skew_error_ms", "run", "run_file"];

/// A fact that two documents tell differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FactChange {
    /// Path of the fact: `nodes[hv1].os.build`.
    pub path: String,
    /// What became of it.
    pub kind: ChangeKind,
    /// Its value in the first document as text; absent where it is not known or not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value in the second document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Of a list of plain values: those that only the first document has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
    /// Of a list of plain values: those that only the second document has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// Why it is not known in the document that does not tell it: the gap's reason and detail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// Path of that gap, where it covers more than this fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_at: Option<String>,
    /// Whether it is computed out of other facts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub derived: bool,
    /// Whether it is measured, so that it differs from run to run.
    #[serde(default, skip_serializing_if = "is_false")]
    pub measured: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// What became of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It has another value.
    Changed,
    /// Only the second document has such an element.
    Added,
    /// Only the first document has such an element.
    Removed,
    /// It was not known and is now.
    NowKnown,
    /// It was known and is not any more.
    NoLongerKnown,
}

impl ChangeKind {
    /// The word for it in reports.
    pub const fn word(self) -> &'static str {
        match self {
            ChangeKind::Changed => "changed",
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::NowKnown => "now-known",
            ChangeKind::NoLongerKnown => "no-longer-known",
        }
    }

    /// What it is the other way round.
    #[must_use]
    pub const fn mirrored(self) -> Self {
        match self {
            ChangeKind::Changed => ChangeKind::Changed,
            ChangeKind::Added => ChangeKind::Removed,
            ChangeKind::Removed => ChangeKind::Added,
            ChangeKind::NowKnown => ChangeKind::NoLongerKnown,
            ChangeKind::NoLongerKnown => ChangeKind::NowKnown,
        }
    }
}

impl FactChange {
    /// The same change from the second document to the first.
    #[must_use]
    pub fn mirrored(self) -> Self {
        FactChange {
            kind: self.kind.mirrored(),
            before: self.after,
            after: self.before,
            removed: self.added,
            added: self.removed,
            ..self
        }
    }

    /// Whether it is a difference of what was found, and not only of what follows or of how long something took.
    pub const fn counts(&self) -> bool {
        !self.derived && !self.measured
    }
}

impl Document {
    /// What differs from here to another document, in the order of the facts.
    pub fn changes_to(&self, other: &Document) -> Vec<FactChange> {
        // What follows from other facts in one of the two is no find of its own, even where the plan says it in the other.
        let derived = [self, other]
            .iter()
            .flat_map(|document| &document.sources)
            .filter(|source| source.kind == Some(SourceKind::Derived) && !source.path.is_empty())
            .map(|source| source.path.as_str())
            .collect();
        let (before, after) = (Places::new(self), Places::new(other));
        let mut comparing = Comparing { before, after, derived, path: String::new(), out: Vec::new() };
        comparing.records(self, other, Marks::default());
        comparing.out
    }
}

/// What holds for a fact and for all below it.
#[derive(Clone, Copy, Default)]
struct Marks {
    derived: bool,
    measured: bool,
}

struct Comparing<'a> {
    before: Places<'a>,
    after: Places<'a>,
    /// Paths of facts that a source says to be derived.
    derived: HashSet<&'a str>,
    path: String,
    out: Vec<FactChange>,
}

impl Comparing<'_> {
    fn records(&mut self, a: &dyn Record, b: &dyn Record, marks: Marks) {
        let top = self.path.is_empty();
        for (index, field) in a.record_type().fields.iter().enumerate() {
            if top && NO_FACTS.contains(&field.name) {
                continue;
            }
            let marks = Marks {
                derived: marks.derived || field.doc.trim_start().starts_with("Derived"),
                measured: marks.measured || field.name.ends_with("_us") || MEASURED.contains(&field.name),
            };
            let length = self.path.len();
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(field.name);
            self.values(a.field(index), b.field(index), marks);
            self.path.truncate(length);
        }
    }

    fn values(&mut self, a: Value<'_>, b: Value<'_>, marks: Marks) {
        match (a, b) {
            (Value::Missing, Value::Missing) => {}
            (Value::Missing, known) => self.push(ChangeKind::NowKnown, None, Some(known), marks),
            (known, Value::Missing) => self.push(ChangeKind::NoLongerKnown, Some(known), None, marks),
            (Value::Record(a), Value::Record(b)) => self.records(a, b, marks),
            (Value::List(a), Value::List(b)) => self.lists(a, b, marks),
            (a, b) if same(a, b) => {}
            (a, b) => self.push(ChangeKind::Changed, Some(a), Some(b), marks),
        }
    }

    fn lists(&mut self, a: &dyn List, b: &dyn List, marks: Marks) {
        match a.get(0).or_else(|| b.get(0)) {
            None => {}
            Some(Value::Record(record)) if record.record_type().key.is_some() => self.keyed(a, b, marks),
            Some(Value::Record(_)) => self.unkeyed(a, b, marks),
            Some(_) => self.plain(a, b, marks),
        }
    }

    /// Elements that have a key.
    fn keyed(&mut self, a: &dyn List, b: &dyn List, marks: Marks) {
        let keys = |list: &dyn List| -> Vec<String> {
            elements(list)
                .map(|(at, element)| element_key(element).unwrap_or_else(|| at.to_string()))
                .collect()
        };
        let (ours, theirs) = (keys(a), keys(b));
        let mut place: HashMap<&str, usize> = HashMap::new();
        for (at, key) in theirs.iter().enumerate() {
            place.entry(key).or_insert(at);
        }
        let mut matched = vec![false; theirs.len()];
        for ((at, element), key) in elements(a).zip(&ours) {
            match place.get(key.as_str()).copied().filter(|at| !matched[*at]) {
                Some(there) => {
                    matched[there] = true;
                    if let Some(other) = b.get(there) {
                        self.element(element, at, |comparing| comparing.values(element, other, marks));
                    }
                }
                None => self.element(element, at, |comparing| {
                    comparing.push(ChangeKind::Removed, Some(element), None, marks);
                }),
            }
        }
        for ((at, element), _) in elements(b).zip(&matched).filter(|(_, matched)| !**matched) {
            self.element(element, at, |comparing| {
                comparing.push(ChangeKind::Added, None, Some(element), marks);
            });
        }
    }

    /// Records without a key: those that say the same are the same, wherever they stand; of the others those at the same place
    /// are compared.
    fn unkeyed(&mut self, a: &dyn List, b: &dyn List, marks: Marks) {
        let mut ours: Vec<bool> =
            elements(a).map(|(at, one)| b.get(at).is_some_and(|other| same(one, other))).collect();
        let mut theirs: Vec<bool> = (0..b.len()).map(|at| at < a.len() && ours[at]).collect();
        let mut places: HashMap<String, VecDeque<usize>> = HashMap::new();
        for ((at, element), _) in elements(b).zip(&theirs).filter(|(_, matched)| !**matched) {
            places.entry(exact(element)).or_default().push_back(at);
        }
        for ((_, element), matched) in elements(a).zip(&mut ours).filter(|(_, matched)| !**matched) {
            let Some(places) = places.get_mut(&exact(element)) else { continue };
            // Of a very long element only the beginning is written.
            let alike = |at: &usize| b.get(*at).is_some_and(|other| same(element, other));
            if let Some(at) = places.front().copied().filter(alike) {
                places.pop_front();
                (*matched, theirs[at]) = (true, true);
            }
        }
        for ((at, element), _) in elements(a).zip(&ours).filter(|(_, matched)| !**matched) {
            match b.get(at).filter(|_| !theirs[at]) {
                Some(other) => {
                    theirs[at] = true;
                    self.element(element, at, |comparing| comparing.values(element, other, marks));
                }
                None => self.element(element, at, |comparing| {
                    comparing.push(ChangeKind::Removed, Some(element), None, marks);
                }),
            }
        }
        for ((at, element), _) in elements(b).zip(&theirs).filter(|(_, matched)| !**matched) {
            self.element(element, at, |comparing| {
                comparing.push(ChangeKind::Added, None, Some(element), marks);
            });
        }
    }

    fn plain(&mut self, a: &dyn List, b: &dyn List, marks: Marks) {
        let texts =
            |list: &dyn List| -> Vec<String> { elements(list).map(|(_, value)| text(value)).collect() };
        let (before, after) = (texts(a), texts(b));
        if before == after {
            return;
        }
        self.push(ChangeKind::Changed, Some(Value::List(a)), Some(Value::List(b)), marks);
        if let Some(change) = self.out.last_mut() {
            change.removed = beyond(&before, &after);
            change.added = beyond(&after, &before);
        }
    }

    fn element(&mut self, element: Value<'_>, position: usize, compare: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        push_element(&mut self.path, element, position);
        compare(self);
        self.path.truncate(length);
    }

    fn push(&mut self, kind: ChangeKind, before: Option<Value<'_>>, after: Option<Value<'_>>, marks: Marks) {
        let (mut old, mut new) = (before.map(text), after.map(text));
        // Amounts are rounded for reading; two that differ must not look alike.
        if old.is_some() && old == new {
            (old, new) = (before.map(exact), after.map(exact));
        }
        let gap = match kind {
            ChangeKind::NowKnown => self.before.gap(&self.path),
            ChangeKind::NoLongerKnown => self.after.gap(&self.path),
            _ => None,
        };
        let missing = gap.map(|gap| {
            let reason = gap.reason.unwrap_or(GapReason::NotCollected);
            match gap.detail.as_deref().filter(|detail| !detail.is_empty()) {
                Some(detail) => format!("{reason}: {detail}"),
                None => reason.word().to_owned(),
            }
        });
        self.out.push(FactChange {
            path: self.path.clone(),
            kind,
            before: old,
            after: new,
            removed: Vec::new(),
            added: Vec::new(),
            missing,
            missing_at: gap.map(|gap| gap.path.clone()).filter(|at| *at != self.path),
            derived: marks.derived || ancestors(&self.path).any(|at| self.derived.contains(at)),
            measured: marks.measured,
        });
    }
}

fn elements(list: &dyn List) -> impl Iterator<Item = (usize, Value<'_>)> {
    (0..list.len()).filter_map(|at| list.get(at).map(|element| (at, element)))
}

/// The texts of a list that another one does not have, as often as it has fewer of them.
fn beyond(list: &[String], other: &[String]) -> Vec<String> {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for text in other {
        *left.entry(text).or_default() += 1;
    }
    let is_more = |text: &&String| match left.get_mut(text.as_str()) {
        Some(number) if *number > 0 => {
            *number -= 1;
            false
        }
        _ => true,
    };
    list.iter().filter(is_more).cloned().collect()
}

/// Whether two values say the same.
fn same(a: Value<'_>, b: Value<'_>) -> bool {
    match (a, b) {
        (Value::Missing, Value::Missing) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Int(a), Value::Int(b))
        | (Value::Size(a), Value::Size(b))
        | (Value::Duration(a), Value::Duration(b))
        | (Value::Rate(a), Value::Rate(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && elements(a).zip(elements(b)).all(|((_, a), (_, b))| same(a, b))
        }
        (Value::Record(a), Value::Record(b)) => {
            (0..a.record_type().fields.len()).all(|index| same(a.field(index), b.field(index)))
        }
        _ => false,
    }
}

/// A value for people: `512 MiB`, `[a, b]`, `{name: eth0, mtu: 9000}`; what is not known is left out.
fn text(value: Value<'_>) -> String {
    let mut out = String::new();
    write(value, true, &mut out);
    out
}

/// The same with every amount as its number.
fn exact(value: Value<'_>) -> String {
    let mut out = String::new();
    write(value, false, &mut out);
    out
}

fn write(value: Value<'_>, rounded: bool, out: &mut String) {
    if out.len() > LONGEST {
        return;
    }
    match value {
        Value::Missing => out.push_str("missing"),
        Value::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Value::Str(text) => out.push_str(text),
        Value::Size(value) if rounded => out.push_str(&SizeText(value).to_string()),
        Value::Duration(value) if rounded => out.push_str(&DurationText(value).to_string()),
        Value::Rate(value) if rounded => out.push_str(&RateText(value).to_string()),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Size(value) => out.push_str(&format!("{value} bytes")),
        Value::Duration(value) => out.push_str(&format!("{value} ns")),
        Value::Rate(value) => out.push_str(&format!("{value} bit/s")),
        Value::List(list) => {
            out.push('[');
            for (at, element) in elements(list) {
                if at > 0 {
                    out.push_str(", ");
                }
                if out.len() > LONGEST {
                    out.push('…');
                    break;
                }
                write(element, rounded, out);
            }
            out.push(']');
        }
        Value::Record(record) => {
            out.push('{');
            let start = out.len();
            for (index, field) in record.record_type().fields.iter().enumerate() {
                let value = record.field(index);
                if is_nothing(value) {
                    continue;
                }
                if out.len() > start {
                    out.push_str(", ");
                }
                if out.len() > LONGEST {
                    out.push('…');
                    break;
                }
                out.push_str(field.name);
                out.push_str(": ");
                write(value, rounded, out);
            }
            out.push('}');
        }
    }
}

/// Whether nothing of a value is known.
fn is_nothing(value: Value<'_>) -> bool {
    match value {
        Value::Missing => true,
        Value::Record(record) => {
            (0..record.record_type().fields.len()).all(|index| is_nothing(record.field(index)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(json: &str) -> Document {
        Document::parse(format!(r#"{{"schema":"quorate/1",{json}}}"#).as_bytes(), "facts").expect("sound")
    }

    fn told(a: &str, b: &str) -> Vec<String> {
        document(a)
            .changes_to(&document(b))
            .iter()
            .map(|change| {
                let side = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
                let mark = if change.measured { " (measured)" } else { "" };
                let why = change.missing.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                let word = change.kind.word();
                format!(
                    "{} {word}: {} > {}{why}{mark}",
                    change.path,
                    side(&change.before),
                    side(&change.after)
                )
            })
            .collect()
    }

    #[test]
    fn elements_are_matched_by_their_key() {
        let a = r#""nodes":[{"name":"a","os":{"build":"1"}},{"name":"b"}]"#;
        let b = r#""nodes":[{"name":"c"},{"name":"a","os":{"build":"2"}}]"#;
        assert_eq!(
            told(a, b),
            [
                "nodes[a].os.build changed: 1 > 2",
                "nodes[b] removed: {name: b} > -",
                "nodes[c] added: - > {name: c}"
            ]
        );
        let turned = r#""nodes":[{"name":"b"},{"name":"a","os":{"build":"1"}}]"#;
        assert_eq!(told(a, turned), [""; 0], "their order is no difference");
    }

    #[test]
    fn what_is_not_known_says_why() {
        let known = r#""nodes":[{"name":"a","os":{"build":"1"}}]"#;
        let lost = r#""nodes":[{"name":"a"}],"gaps":[{"path":"nodes[a]","reason":"unreachable","detail":"no route"}]"#;
        assert_eq!(told(known, lost), ["nodes[a].os.build no-longer-known: 1 > - (unreachable: no route)"]);
        assert_eq!(told(lost, known), ["nodes[a].os.build now-known: - > 1 (unreachable: no route)"]);
        let change = &document(known).changes_to(&document(lost))[0];
        assert_eq!(change.missing_at.as_deref(), Some("nodes[a]"));
    }

    #[test]
    fn lists_without_keys_are_compared_by_what_they_say() {
        let a = r#""networks":[{"name":"n","subnets":["10.0.0.0/24","10.0.1.0/24"]}]"#;
        let b = r#""networks":[{"name":"n","subnets":["10.0.1.0/24","10.0.2.0/24"]}]"#;
        let change = &document(a).changes_to(&document(b))[0];
        assert_eq!((change.path.as_str(), change.kind), ("networks[n].subnets", ChangeKind::Changed));
        assert_eq!(change.removed, ["10.0.0.0/24"]);
        assert_eq!(change.added, ["10.0.2.0/24"]);
        let drifts = |list: &str| format!(r#""drifts":[{list}]"#);
        let one = |path: &str| format!(r#"{{"path":"{path}","planned":"x"}}"#);
        let (x, y, z) = (one("x"), one("y"), one("z"));
        assert_eq!(told(&drifts(&format!("{x},{y}")), &drifts(&format!("{y},{x}"))), [""; 0]);
        assert_eq!(
            told(&drifts(&format!("{x},{y}")), &drifts(&format!("{x},{z}"))),
            ["drifts[1].path changed: y > z"]
        );
        assert_eq!(
            told(&drifts(&format!("{x},{y}")), &drifts(&y)),
            ["drifts[0] removed: {path: x, planned: x} > -"]
        );
    }

    #[test]
    fn amounts_that_differ_do_not_look_alike() {
        let memory = |bytes: u64| format!(r#""nodes":[{{"name":"a","memory":{{"total_bytes":{bytes}}}}}]"#);
        assert_eq!(
            told(&memory(68_719_476_736), &memory(68_719_476_735)),
            ["nodes[a].memory.total_bytes changed: 64 GiB > 63.99 GiB"]
        );
        assert_eq!(
            told(&memory(67_719_476_736), &memory(67_719_476_735)),
            ["nodes[a].memory.total_bytes changed: 67719476736 bytes > 67719476735 bytes"]
        );
    }

    #[test]
    fn times_are_marked_and_the_run_is_no_fact() {
        let link = |time: u64| {
            format!(
                r#""run":{{"started":"2026-01-0{time}T00:00:00Z"}},"links":[{{"name":"a > b","round_trip_us":{time}}}]"#
            )
        };
        let told = told(&link(1), &link(2));
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(
            told[0].starts_with("links[a > b].round_trip_us changed") && told[0].ends_with("(measured)"),
            "{told:?}"
        );
    }
}
