//! Sets of name and value in the CIB: which value holds, where several sets name the same, and where a rule decides.

use super::super::xml::Element;
use super::values::score;
use std::collections::HashMap;

/// All elements of a document that have an id, by their id.
pub(super) struct Ids<'a>(HashMap<&'a str, &'a Element>);

impl<'a> Ids<'a> {
    pub fn of(root: &'a Element) -> Self {
        let mut ids = HashMap::new();
        for element in root.walk() {
            if let Some(id) = element.get("id") {
                ids.entry(id).or_insert(element);
            }
        }
        Ids(ids)
    }

    /// The element itself, or the one that it refers to (`id-ref`); nothing where there is no such.
    pub fn resolve(&self, element: &'a Element) -> Option<&'a Element> {
        match element.get("id-ref") {
            Some(id) => self.0.get(id).copied().filter(|found| found.name == element.name),
            None => Some(element),
        }
    }
}

/// What sets say of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said<'a> {
    /// Nothing.
    Nothing,
    /// A value, whatever the time and the place.
    Value(&'a str),
    /// A rule decides, which asks for the time, the node or the resource.
    ByRule,
}

/// Sets that hold together: those of one resource, or of the cluster.
#[derive(Clone, Default)]
pub(super) struct Sets<'a> {
    /// Name and value, the first of a name holds.
    plain: Vec<(&'a str, &'a str)>,
    by_rule: Vec<&'a str>,
}

impl<'a> Sets<'a> {
    /// The sets with that name of element inside `parent`. Those with the higher score go first, and of the options of the
    /// cluster those of `cib-bootstrap-options` before all.
    pub fn of(parent: &'a Element, name: &'a str, ids: &Ids<'a>) -> Self {
        let mut sets: Vec<&Element> = parent.all(name).filter_map(|set| ids.resolve(set)).collect();
        sets.sort_by_key(|set| {
            let first = set.get("id") == Some("cib-bootstrap-options");
            std::cmp::Reverse((first, set.get("score").and_then(score).unwrap_or(0)))
        });
        let mut out = Sets::default();
        for set in sets {
            let ruled = set.child("rule").is_some();
            // Old documents have the pairs one level deeper.
            let pairs = set.children.iter().flat_map(|child| {
                if child.name == "attributes" { child.children.iter().collect() } else { vec![child] }
            });
            for pair in pairs.filter(|pair| pair.name == "nvpair") {
                let named = pair.get("name");
                let Some(pair) = ids.resolve(pair) else { continue };
                let (Some(name), Some(value)) = (named.or_else(|| pair.get("name")), pair.get("value"))
                else {
                    continue;
                };
                if ruled {
                    out.by_rule.push(name);
                } else if !out.plain.iter().any(|(known, _)| *known == name) {
                    out.plain.push((name, value));
                }
            }
        }
        out
    }

    /// These, and where they say nothing those.
    #[must_use]
    pub fn or(mut self, other: &Sets<'a>) -> Self {
        let own: Vec<&str> = self.plain.iter().map(|(name, _)| *name).collect();
        let ruled: Vec<&str> = self.by_rule.clone();
        for (name, value) in &other.plain {
            if !own.contains(name) {
                self.plain.push((name, value));
            }
        }
        // A value of one's own hides what a rule says elsewhere.
        self.by_rule.extend(other.by_rule.iter().filter(|name| !own.contains(name) && !ruled.contains(name)));
        self
    }

    /// What they say of a name.
    pub fn get(&self, name: &str) -> Said<'a> {
        if self.by_rule.contains(&name) {
            return Said::ByRule;
        }
        let found = self.plain.iter().find(|(known, _)| *known == name);
        found.map_or(Said::Nothing, |(_, value)| Said::Value(value))
    }

    /// A typed value: the default where nothing is said, missing where a rule decides or the value cannot be read.
    pub fn typed<T>(&self, name: &str, default: Option<T>, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        match self.get(name) {
            Said::Nothing => default,
            Said::Value(value) => read(value),
            Said::ByRule => None,
        }
    }

    /// All names with their values, each once; no value where a rule decides.
    pub fn all(&self) -> Vec<(&'a str, Option<&'a str>)> {
        let mut out: Vec<(&str, Option<&str>)> = Vec::new();
        let plain = self.plain.iter().map(|(name, value)| (*name, Some(*value)));
        for (name, value) in plain.chain(self.by_rule.iter().map(|name| (*name, None))) {
            let value = value.filter(|_| !self.by_rule.contains(&name));
            if !out.iter().any(|(known, _)| *known == name) {
                out.push((name, value));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::xml;
    use super::*;

    #[test]
    fn the_first_set_that_says_it_holds() {
        let tree = xml::parse(
            "<r><m id='a'><nvpair name='x' value='1'/></m><m id='b' score='10'><nvpair name='x' value='2'/><nvpair name='y' value='3'/></m>\
             <m id-ref='c'/><s><m id='c'><nvpair name='z' value='4'/></m></s>\
             <m id='d'><rule id='r'/><nvpair name='y' value='9'/></m></r>",
        )
        .unwrap();
        let ids = Ids::of(&tree);
        let sets = Sets::of(&tree, "m", &ids);
        assert_eq!(sets.get("x"), Said::Value("2"), "the higher score");
        assert_eq!(sets.get("y"), Said::ByRule);
        assert_eq!(sets.get("z"), Said::Value("4"), "referred to");
        assert_eq!(sets.get("w"), Said::Nothing);
        assert_eq!(sets.all(), [("x", Some("2")), ("y", None), ("z", Some("4"))]);
        assert_eq!(sets.typed("w", Some(7), |text| text.parse().ok()), Some(7));
        assert_eq!(sets.typed("y", Some(7), |text| text.parse().ok()), None);
    }

    #[test]
    fn what_is_nearer_hides_what_is_farther() {
        let tree = xml::parse(
            "<r><a><m id='1'><nvpair name='x' value='own'/></m></a>\
             <b><m id='2'><nvpair name='x' value='far'/><nvpair name='y' value='far'/></m><m id='3'><rule/><nvpair name='x' value='ruled'/><nvpair name='z' value='1'/></m></b></r>",
        )
        .unwrap();
        let ids = Ids::of(&tree);
        let own =
            Sets::of(tree.child("a").unwrap(), "m", &ids).or(&Sets::of(tree.child("b").unwrap(), "m", &ids));
        assert_eq!(
            (own.get("x"), own.get("y"), own.get("z")),
            (Said::Value("own"), Said::Value("far"), Said::ByRule)
        );
    }
}
