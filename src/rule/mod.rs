//! TOML rules to checked rules to findings: verbs, profiles, parameters, severities, waivers, examples.
//!
//! The way of a rule: `pack` (files), `raw` (TOML with places), `checked` and `compile` (checked against the facts),
//! `ruleset` (chosen by profile and configuration), `engine` and `compare` (a verdict for each element), `judge` and
//! `waive` (findings). A rule that loads can be judged by; a fact that is missing never makes it pass.

mod checked;
mod compare;
mod compile;
mod each;
mod engine;
mod example;
mod explain;
mod finding;
mod fit;
mod judge;
mod learn;
mod lint;
mod pack;
mod params;
mod pattern;
mod profile;
mod raw;
mod ruleset;
mod scaffold;
mod schema;
mod standing;
#[cfg(test)]
mod tests;
mod vouch;
mod waive;

pub use checked::{Example, Rule, Written};
pub use each::{Each, WHOLE};
pub use example::{ExampleOutcome, ExampleResult};
pub use explain::{Covered, ExampleText, FactRead, ParamRead, RuleExplanation, RuleExpression};
pub use finding::*;
pub use learn::{Bound, Heard, Lesson, Proposal, Reason, Refused};
pub use lint::Lint;
pub use pack::{RuleFolder, RuleSources};
pub use params::*;
pub use pattern::means_rule;
pub use profile::*;
pub use raw::ExampleVerdict;
pub use ruleset::{Chosen, ResolvedRules, Ruleset, Selection};
pub use scaffold::{Sketch, rule_id};
pub use schema::{profile_json_schema, rules_json_schema};
pub use standing::Standing;
pub use waive::{BUILT_IN, BuiltIn};
