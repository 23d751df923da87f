//! The expressions of one rule to programs: each error at its place in the file, each type as the verb needs it.
//!
//! `subset` and `count` are compiled from an expression that says the same, so that all verbs share one evaluation.

use super::checked::{Body, Condition, Count, Expressions, Subset, Verb};
use super::each::Each;
use crate::expr::{Env, ExprError, ExprType, Program, Template, compile, conjuncts};
use crate::source::{Problems, Text};

/// Compiles the expressions of one rule.
pub(super) struct Compiler<'c> {
    /// What can be read with no variable of `each`, with the first, with the first two ...; the last has all.
    envs: Vec<Env>,
    problems: &'c mut Problems,
}

impl<'c> Compiler<'c> {
    pub(super) fn new(env: &Env, each: Option<&Each>, problems: &'c mut Problems) -> Self {
        let mut envs = vec![env.clone()];
        for binding in each.into_iter().flat_map(Each::bindings) {
            let inner = envs.last().unwrap_or(env).clone();
            envs.push(inner.bind(binding.name.as_str(), &binding.ty, binding.path.as_str()));
        }
        Compiler { envs, problems }
    }

    /// Condition, verb and message. None when something is wrong, which is then reported.
    pub(super) fn rule(mut self, raw: &Expressions<'_>, verb: Option<&'static str>) -> Option<Body> {
        let when = raw.get("when").map(|text| self.condition(text));
        let compiled = verb.and_then(|verb| self.verb(raw, verb));
        let message = raw.message.map(|text| self.message(text, verb));
        // All of them are compiled before the first that is wrong ends it, so that all errors are told.
        Some(Body { when: sound(when)?, verb: compiled?, message: sound(message)? })
    }

    fn env(&self) -> &Env {
        self.envs.last().expect("there is one without variables at least")
    }

    fn condition(&mut self, text: &Text) -> Option<Condition> {
        let program = self.typed(text, "when", &ExprType::Bool)?;
        // Asked as soon as the variables that it reads are bound.
        let depth = program.variables_read();
        let mut guards = Vec::new();
        for part in conjuncts(text).into_iter().filter(|_| depth > 0) {
            let program = self.derived(&text[part], text)?;
            let depth_of_part = program.variables_read();
            if depth_of_part < depth {
                guards.push(Condition { program, depth: depth_of_part, guards: Vec::new() });
            }
        }
        Some(Condition { program, depth, guards })
    }

    fn verb(&mut self, raw: &Expressions<'_>, verb: &str) -> Option<Verb> {
        match verb {
            "require" => Some(Verb::Require(self.typed(raw.get("require")?, "require", &ExprType::Bool)?)),
            "same" => {
                let text = raw.get("same")?;
                let value = self.comparable(text, "same");
                let per = raw.get("per").map(|text| self.comparable(text, "per"));
                let tolerance =
                    raw.get("tolerance").map(|tolerance| self.tolerance(tolerance, text, value.as_ref()));
                Some(Verb::Same { value: value?, per: sound(per)?, tolerance: sound(tolerance)? })
            }
            "unique" => {
                let value = self.comparable(raw.get("unique")?, "unique");
                let per = raw.get("per").map(|text| self.comparable(text, "per"));
                Some(Verb::Unique { value: value?, per: sound(per)? })
            }
            "subset" => self.subset(raw).map(Verb::Subset),
            _ => self.count(raw).map(Verb::Count),
        }
    }

    fn subset(&mut self, raw: &Expressions<'_>) -> Option<Subset> {
        let part_text = raw.get("subset")?;
        let part = self.list(part_text, "subset");
        let Some(whole_text) = raw.get("of") else {
            self.problems.push(
                part_text.problem("`subset` without `of`", "of which list?").help("of = \"node.features\""),
            );
            return None;
        };
        let whole = self.list(whole_text, "of");
        let (part, whole) = (part?, whole?);
        if let (Some(a), Some(b)) = (part.ty().element(), whole.ty().element())
            && !(a.common(b).is_some_and(|ty| ty.is_comparable()))
        {
            let message = format!("elements of {} are none of {}", part.ty(), whole.ty());
            self.problems.push(
                whole_text
                    .problem(message, format!("this is {}", whole.ty()))
                    .label(&part_text.inner(), format!("this is {}", part.ty())),
            );
            return None;
        }
        Some(Subset {
            nothing: self.derived(&format!("size({part_text}\n) == 0"), part_text)?,
            holds: self
                .derived(&format!("({part_text}\n).all({IT}, {IT} in ({whole_text}\n))"), part_text)?,
            missing: self
                .derived(&format!("({part_text}\n).filter({IT}, !({IT} in ({whole_text}\n)))"), part_text)?,
            part,
            whole,
        })
    }

    fn count(&mut self, raw: &Expressions<'_>) -> Option<Count> {
        let text = raw.get("count")?;
        let list = self.list(text, "count");
        let min = raw.get("min").map(|text| self.typed(text, "min", &ExprType::Int));
        let max = raw.get("max").map(|text| self.typed(text, "max", &ExprType::Int));
        if min.is_none() && max.is_none() {
            self.problems.push(
                text.problem("`count` without `min` and `max`", "how many may there be?").help("min = \"2\""),
            );
            return None;
        }
        list?;
        let found = format!("size({text}\n)");
        let at_least = raw.get("min").map(|min| format!("{found} >= ({min}\n)"));
        let at_most = raw.get("max").map(|max| format!("{found} <= ({max}\n)"));
        let both: Vec<String> = at_least.into_iter().chain(at_most).collect();
        Some(Count {
            min: sound(min)?,
            max: sound(max)?,
            holds: self.derived(&both.join(" && "), text)?,
            found: self.derived(&found, text)?,
        })
    }

    fn tolerance(&mut self, text: &Text, same: &Text, value: Option<&Program>) -> Option<Program> {
        // One tolerance for all: it cannot depend on the element.
        let program = self.compile(text, "tolerance", 0)?;
        let value = value?;
        if !value.ty().is_amount() {
            self.problems.push(
                same.problem(
                    format!("values of type {} are equal or they are not", value.ty()),
                    format!("this is {}", value.ty()),
                )
                .label(&text.inner(), "so this says nothing")
                .help("`tolerance` goes with int, size, duration and rate"),
            );
            return None;
        }
        if program.ty() != value.ty() {
            self.problems.push(
                text.problem(
                    format!("the tolerance of {} must be of type {} as well", value.ty(), value.ty()),
                    format!("this is {}", program.ty()),
                )
                .label(&same.inner(), format!("this is {}", value.ty())),
            );
            return None;
        }
        Some(program)
    }

    fn typed(&mut self, text: &Text, key: &str, wanted: &ExprType) -> Option<Program> {
        let program = self.compile(text, key, self.envs.len() - 1)?;
        if program.ty() == wanted {
            return Some(program);
        }
        self.problems.push(text.problem(
            format!("`{key}` must be of type {wanted}, not {}", program.ty()),
            format!("this is {}", program.ty()),
        ));
        None
    }

    fn comparable(&mut self, text: &Text, key: &str) -> Option<Program> {
        let program = self.compile(text, key, self.envs.len() - 1)?;
        if program.ty().is_comparable() {
            return Some(program);
        }
        self.problems.push(
            text.problem(
                format!("`{key}` must be a value that can be compared, not {}", program.ty()),
                format!("this is {}", program.ty()),
            )
            .help("compare a field of it"),
        );
        None
    }

    fn list(&mut self, text: &Text, key: &str) -> Option<Program> {
        let program = self.compile(text, key, self.envs.len() - 1)?;
        if program.ty().element().is_some() {
            return Some(program);
        }
        self.problems.push(text.problem(
            format!("`{key}` must be a list, not {}", program.ty()),
            format!("this is {}", program.ty()),
        ));
        None
    }

    fn compile(&mut self, text: &Text, key: &str, depth: usize) -> Option<Program> {
        if text.trim().is_empty() {
            self.problems.push(text.problem(format!("`{key}` says nothing"), "empty"));
            return None;
        }
        match compile(text, &self.envs[depth]) {
            Ok(program) => Some(program),
            Err(errors) => {
                report(text, errors, self.problems);
                None
            }
        }
    }

    /// A program out of texts that are sound by themselves.
    fn derived(&mut self, expression: &str, text: &Text) -> Option<Program> {
        match compile(expression, self.env()) {
            Ok(program) => Some(program),
            Err(errors) => {
                for error in errors {
                    self.problems.push(text.problem(error.message, "as a whole").help_if(error.help));
                }
                None
            }
        }
    }

    fn message(&mut self, text: &Text, verb: Option<&str>) -> Option<Template> {
        let mut env = self.env().clone();
        for (name, ty) in verb.map(message_variables).unwrap_or_default() {
            env = env.bind(*name, ty.clone(), "");
        }
        match Template::compile(text, &env) {
            Ok(template) => Some(template),
            Err(errors) => {
                report(text, errors, self.problems);
                None
            }
        }
    }
}

/// Name of the element that `subset` looks for; no variable of a rule can be called so.
const IT: &str = "it_of_subset";

/// Variables that a message has beside those of `each`: what was found and what is wanted.
pub(super) fn message_variables(verb: &str) -> &'static [(&'static str, ExprType)] {
    match verb {
        "same" => &[("value", ExprType::Str), ("wanted", ExprType::Str)],
        "unique" => &[("value", ExprType::Str), ("others", ExprType::Str)],
        "subset" => &[("missing", ExprType::Str)],
        "count" => &[("found", ExprType::Str)],
        _ => &[],
    }
}

/// A part that may be left out: none when it is there and wrong.
#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn sound<T>(part: Option<Option<T>>) -> Option<Option<T>> {
    match part {
        None => Some(None),
        Some(None) => None,
        Some(Some(part)) => Some(Some(part)),
    }
}

/// Adds errors of an expression, each at its place in the file.
pub(super) fn report(text: &Text, errors: Vec<ExprError>, problems: &mut Problems) {
    for error in errors {
        problems.push(text.within(error.range).problem(error.message, "here").help_if(error.help));
    }
}
