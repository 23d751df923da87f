//! All that a rule says of itself, as data: for `quorate explain` and for lists of rules.

use super::checked::Rule;
use super::params::{Param, ParamSetting};
use super::waive::{BUILT_IN, BuiltIn};
use super::{ResolvedRules, Ruleset, Severity};
use crate::facts::{Document, RecordType, Type};
use crate::requirement::{Conflict, catalogue};
use crate::source::plain;
use serde::Serialize;
use std::collections::BTreeMap;

/// All that a rule says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleExplanation {
    /// Category and name.
    pub id: String,
    /// The requirement as a sentence.
    pub title: String,
    /// How bad it is when the rule does not hold, as the rule says.
    pub severity: Severity,
    /// The same after profile and configuration; absent where they do not choose the rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_severity: Option<Severity>,
    /// What breaks, in plain words.
    pub why: String,
    /// What to do.
    pub remedy: String,
    /// The documents in which the requirement stands.
    pub source: Vec<String>,
    /// The requirements that it covers.
    pub covers: Vec<Covered>,
    /// Where the sources of those disagree, and which profile follows which.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<&'static Conflict>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Its expressions as they are written, by key: `each`, `when`, the verb and what goes with it.
    pub expressions: Vec<RuleExpression>,
    /// The facts that it reads.
    pub facts: Vec<FactRead>,
    /// The parameters that it reads.
    pub params: Vec<ParamRead>,
    /// Its examples.
    pub examples: Vec<ExampleText>,
    /// File and line that it stands in; absent for a rule that is part of the engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// A requirement that a rule covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Its id.
    pub id: String,
    /// The platform that it is of, and what it is about; absent for an id of a catalogue of the user's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What must hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

/// An expression of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleExpression {
    /// Its key.
    pub key: String,
    /// Its text.
    pub text: String,
}

/// A fact that a rule reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FactRead {
    /// Path of types: `nodes.os.build`.
    pub path: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: String,
    /// What it says.
    pub doc: String,
}

/// A parameter that a rule reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ParamRead {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: String,
    /// What it sets.
    pub doc: String,
    /// Its value: the one in force, else the default.
    pub value: String,
    /// Where that comes from: `default`, profile and document, or file and line.
    pub origin: String,
}

/// An example of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExampleText {
    /// What the rule says.
    pub verdict: String,
    /// Of which element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What it shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Values of parameters, as they are written.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// The facts as JSON.
    pub facts: String,
}

impl Ruleset {
    /// All that a rule says of itself, with the defaults of its parameters; none where there is no such rule.
    pub fn explain(&self, id: &str) -> Option<RuleExplanation> {
        explain(self, id, None)
    }

    /// The ids of all rules, those of the engine last.
    pub fn all_ids(&self) -> impl Iterator<Item = &str> {
        self.rules().iter().map(|rule| rule.id.as_str()).chain(BUILT_IN.iter().map(|rule| rule.id))
    }
}

impl ResolvedRules<'_> {
    /// All that a rule says of itself, with the severity and the parameters in force; none where there is no such rule.
    pub fn explain(&self, id: &str) -> Option<RuleExplanation> {
        explain(self.ruleset, id, Some(self))
    }
}

fn explain(ruleset: &Ruleset, id: &str, resolved: Option<&ResolvedRules<'_>>) -> Option<RuleExplanation> {
    let Some(rule) = ruleset.rule(id) else {
        return BUILT_IN.iter().find(|rule| rule.id == id).map(explain_built_in);
    };
    let chosen = resolved.and_then(|resolved| resolved.chosen.iter().find(|chosen| chosen.rule.id == id));
    let expressions = rule
        .written
        .iter()
        .map(|written| RuleExpression { key: written.key.to_owned(), text: written.text.trim().to_owned() });
    Some(RuleExplanation {
        id: rule.id.clone(),
        title: rule.title.to_string(),
        severity: rule.severity,
        effective_severity: chosen.map(|chosen| chosen.severity),
        why: rule.why.to_string(),
        remedy: rule.remedy.to_string(),
        source: rule.source.to_vec(),
        covers: rule.covers.iter().map(|id| covered(id)).collect(),
        conflicts: conflicts(rule),
        tags: rule.tags.clone(),
        expressions: expressions.collect(),
        facts: rule.reads().into_iter().map(fact_read).collect(),
        params: params_read(ruleset, rule, resolved),
        examples: examples(rule),
        place: Some(rule.span.place().to_string()),
    })
}

fn covered(id: &str) -> Covered {
    let requirement = catalogue().find(id);
    Covered {
        id: id.to_owned(),
        subject: requirement.map(|known| format!("{}: {}", known.platform, known.subject)),
        condition: requirement.map(|known| known.condition.clone()),
    }
}

fn conflicts(rule: &Rule) -> Vec<&'static Conflict> {
    let covers: Vec<String> = rule.covers.iter().map(|id| id.value.clone()).collect();
    catalogue().conflicts_of(&rule.id, &covers)
}

fn explain_built_in(rule: &BuiltIn) -> RuleExplanation {
    RuleExplanation {
        id: rule.id.to_owned(),
        title: rule.title.to_owned(),
        severity: rule.severity,
        effective_severity: Some(rule.severity),
        why: rule.why.to_owned(),
        remedy: rule.remedy.to_owned(),
        source: Vec::new(),
        covers: Vec::new(),
        conflicts: Vec::new(),
        tags: Vec::new(),
        expressions: Vec::new(),
        facts: Vec::new(),
        params: Vec::new(),
        examples: Vec::new(),
        place: None,
    }
}

fn params_read(ruleset: &Ruleset, rule: &Rule, resolved: Option<&ResolvedRules<'_>>) -> Vec<ParamRead> {
    let names = rule.params_read();
    let read = |(at, param): (usize, &Param)| {
        let setting: Option<&ParamSetting> = resolved.and_then(|resolved| resolved.params.get(at));
        names.contains(&param.name.as_str()).then(|| ParamRead {
            name: param.name.clone(),
            ty: param.ty.to_string(),
            doc: param.doc.clone(),
            value: setting.map_or(&param.default, |setting| &setting.value).to_string(),
            origin: setting.map_or_else(|| "default".to_owned(), |setting| setting.origin.to_string()),
        })
    };
    ruleset.params().iter().enumerate().filter_map(read).collect()
}

fn examples(rule: &Rule) -> Vec<ExampleText> {
    let text = |example: &super::Example| ExampleText {
        verdict: example.verdict.word().to_owned(),
        subject: example.subject.as_ref().map(|subject| subject.value.clone()),
        title: example.title.clone(),
        params: example
            .params
            .iter()
            .map(|(name, item)| (name.value.clone(), item.span.text().to_owned()))
            .collect(),
        facts: example.facts.trim().to_owned(),
    };
    rule.examples.iter().map(text).collect()
}

/// Type and documentation of a fact, by its path of types.
fn fact_read(path: String) -> FactRead {
    let mut record: &RecordType = &Document::TYPE;
    let (mut ty, mut doc) = (String::new(), String::new());
    for name in path.split('.') {
        let Some((_, field)) = record.find(name) else { break };
        ty = (field.ty)().to_string();
        doc = plain(field.doc);
        let mut inner = (field.ty)();
        while let Type::List(element) = inner {
            inner = *element;
        }
        if let Type::Record(below) = inner {
            record = below;
        }
    }
    FactRead { path, ty, doc }
}
