//! Constraints and levels of fencing in the CIB.

use super::super::xml::Element;
use crate::facts::{FencingLevel, PacemakerConstraint};

/// Reads `constraints`: the constraints, the ids of those that hold several rules, and what constraints of order name.
pub(super) fn read(constraints: Option<&Element>) -> (Vec<PacemakerConstraint>, Vec<String>, Vec<String>) {
    let (mut out, mut several, mut ordered) = (Vec::new(), Vec::new(), Vec::new());
    for element in constraints.into_iter().flat_map(|all| &all.children) {
        let (kind, names): (_, &[&str]) = match element.name.as_str() {
            "rsc_location" => ("location", &["rsc", "rsc-pattern"]),
            "rsc_colocation" => ("colocation", &["rsc", "with-rsc"]),
            "rsc_order" => ("order", &["first", "then"]),
            "rsc_ticket" => ("ticket", &["rsc"]),
            _ => continue,
        };
        let named = names.iter().filter_map(|name| element.get(name));
        let in_sets =
            element.walk().filter(|inner| inner.name == "resource_ref").filter_map(|inner| inner.get("id"));
        let resources: Vec<String> = named.chain(in_sets).map(str::to_owned).collect();
        if kind == "order" {
            ordered.extend(resources.iter().cloned());
        }
        let id = element.text("id");
        if element.all("rule").count() > 1 {
            several.push(id.clone());
        }
        let score = element.get("score").or_else(|| element.get("kind"));
        let mut rules = element.all("rule");
        let by_rule = rules.next().and_then(|rule| rule.get("score")).filter(|_| rules.next().is_none());
        out.push(PacemakerConstraint {
            id,
            kind: Some(kind.to_owned()),
            resources: Some(resources),
            node: Some(element.text("node")),
            score: Some(score.or(by_rule).unwrap_or_default().to_owned()),
        });
    }
    (out, several, ordered)
}

/// Reads `fencing-topology`.
pub(super) fn levels(topology: Option<&Element>) -> Vec<FencingLevel> {
    let all = topology.into_iter().flat_map(|topology| topology.all("fencing-level"));
    all.map(|level| FencingLevel {
        id: level.text("id"),
        target: level.get("target").or_else(|| level.get("target-pattern")).map(str::to_owned).or_else(
            || {
                Some(format!(
                    "{}={}",
                    level.get("target-attribute")?,
                    level.get("target-value").unwrap_or_default()
                ))
            },
        ),
        level: level.get("index").and_then(|index| index.parse().ok()),
        devices: level.get("devices").map(|list| {
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
        }),
    })
    .collect()
}
