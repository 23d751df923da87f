//! What a rule says of one element that is asked for by its path.
//!
//! Findings tell what holds only as a number of elements; whoever compares two runs has to know it of each.

use super::engine::{Engine, Said, way};
use super::ruleset::ResolvedRules;
use crate::facts::{Document, ancestors};
use std::collections::HashMap;

/// What a rule says of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It does not hold.
    Violated,
    /// It cannot be said.
    Unknown,
    /// It holds.
    Holds,
    /// It has nothing to say of the element.
    NotApplicable,
    /// There is no such element.
    Gone,
    /// The rule was not chosen.
    NotChecked,
}

impl ResolvedRules<'_> {
    /// What rules say of elements of a document on which [`crate::derive::complete`] was run, each asked for by the id of the
    /// rule and the path of the element, empty for the cluster as a whole. The answers stand in the order of what was asked.
    pub fn standing(&self, document: &Document, asked: &[(&str, &str)]) -> Vec<Standing> {
        let values = self.params.iter().map(|setting| setting.value.value()).collect();
        let engine = Engine::new(document, values);
        let mut wanted: HashMap<&str, HashMap<&str, Standing>> = HashMap::new();
        for (rule, path) in asked {
            wanted.entry(rule).or_default().insert(path, Standing::Gone);
        }
        for (id, paths) in &mut wanted {
            let Some(chosen) = self.chosen.iter().find(|chosen| chosen.rule.id == *id) else {
                paths.values_mut().for_each(|standing| *standing = Standing::NotChecked);
                continue;
            };
            // What is said of all elements below a path holds for each of them.
            let mut said: HashMap<String, Standing> = HashMap::new();
            engine.judge(chosen.rule, chosen.body, &mut |position, what| {
                let standing = match what {
                    Said::Pass => Standing::Holds,
                    Said::NotApplicable(_) => Standing::NotApplicable,
                    Said::Unknown(_) => Standing::Unknown,
                    Said::Violated(_) => Standing::Violated,
                };
                let path = way(chosen.rule).path(document, position);
                said.entry(path).and_modify(|known| *known = standing.min(*known)).or_insert(standing);
            });
            for (path, standing) in paths.iter_mut() {
                if let Some(found) = ancestors(path).find_map(|at| said.get(at)) {
                    *standing = *found;
                }
            }
        }
        asked.iter().map(|(rule, path)| wanted[rule][path]).collect()
    }
}
