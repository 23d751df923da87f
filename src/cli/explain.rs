//! `quorate explain`: all that a rule or a profile says of itself, for people, for programs, and as the page of the
//! documentation.

mod profile;

use self::profile::ExplainedProfile;
use super::args::RuleOptions;
use super::origin::{Origin, origins};
use super::rulebook;
use super::terminal::Terminal;
use super::write::to_stdout;
use super::{Outcome, columns};
use crate::report::{ExitCode, Look, printable, printable_lines, to_json};
use crate::requirement::Conflict;
use crate::rule::{Covered, RuleExplanation, Selection};
use crate::source::{Problem, suggest};
use clap::ValueEnum;
use serde::Serialize;
use std::fmt::Write;

/// Explain a rule: what it asks, why, what to do, the facts it reads and the commands that collect them; or a profile: what
/// it is for, its limits and their documents, and where it stands when sources disagree
#[derive(clap::Args)]
pub(super) struct ExplainArgs {
    /// Id of the rule, as the report shows it: network/redundant-paths; or the name of a profile: wsfc-2022
    #[arg(value_name = "RULE|PROFILE")]
    rule: String,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", env = "QUORATE_EXPLAIN_FORMAT")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    format: ExplainFormat,
    #[command(flatten)]
    rules: RuleOptions,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
    /// The page of the documentation
    Markdown,
}

/// A rule and the commands that collect its facts.
#[derive(Serialize)]
pub(super) struct Explained {
    #[serde(flatten)]
    rule: RuleExplanation,
    /// What is asked of a host or target to get the facts that the rule reads.
    collected_by: Vec<Origin>,
}

pub(super) fn run(args: ExplainArgs, terminal: &Terminal) -> Outcome {
    let ruleset = rulebook::load(&args.rules, None)?;
    let found = if args.rules.profile.is_some() {
        let selection = rulebook::narrow(Selection::default(), &args.rules);
        ruleset.resolve(&selection)?.explain(&args.rule)
    } else {
        ruleset.explain(&args.rule)
    };
    let Some(rule) = found else {
        if ruleset.profiles().find(&args.rule).is_none() {
            let ids = ruleset.all_ids().chain(ruleset.profiles().iter().map(|profile| profile.name.as_str()));
            return Err(unknown(&args.rule, &ids.collect::<Vec<_>>()).into());
        }
        let profile = ExplainedProfile::new(&ruleset, &args.rule)?;
        to_stdout(&match args.format {
            ExplainFormat::Json => to_json(&profile) + "\n",
            ExplainFormat::Markdown => profile.markdown(),
            ExplainFormat::Table => profile.text(terminal.look()),
        })?;
        return Ok(ExitCode::Clean);
    };
    let explained = Explained::new(rule);
    to_stdout(&match args.format {
        ExplainFormat::Json => to_json(&explained) + "\n",
        ExplainFormat::Markdown => explained.markdown(),
        ExplainFormat::Table => explained.text(terminal.look()),
    })?;
    Ok(ExitCode::Clean)
}

/// The mistake of a name that is none of a rule or a profile, with those that may be meant.
fn unknown(rule: &str, ids: &[&str]) -> Problem {
    let what = if rule.contains('/') { "rule" } else { "rule and no profile" };
    let problem = Problem::new(format!("there is no {what} `{rule}`"));
    let name = rule.rsplit('/').next().unwrap_or(rule);
    let mut near: Vec<&str> = suggest(rule, ids.iter().copied()).into_iter().collect();
    for id in ids {
        let words = id.split(['/', '-']).any(|word| word.len() > 3 && name.contains(word));
        if near.len() < 6 && !near.contains(id) && (id.contains(name) || words) {
            near.push(id);
        }
    }
    if near.is_empty() {
        problem.help("`quorate rules list` has them all")
    } else {
        problem.help(format!("did you mean {}? `quorate rules list` has them all", or_list(&near)))
    }
}

fn or_list(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [all @ .., last] => {
            let all: Vec<String> = all.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", all.join(", "))
        }
    }
}

impl Explained {
    pub fn new(rule: RuleExplanation) -> Self {
        let collected_by = origins(rule.facts.iter().map(|fact| fact.path.as_str()));
        Explained { rule, collected_by }
    }

    fn severity(&self) -> String {
        match self.rule.effective_severity {
            Some(severity) if severity != self.rule.severity => {
                format!("{severity} (by itself: {})", self.rule.severity)
            }
            _ => self.rule.severity.to_string(),
        }
    }

    fn text(&self, look: Look) -> String {
        let rule = &self.rule;
        let mut rows: Vec<(&str, String)> = vec![
            ("Rule", rule.id.clone()),
            ("Must hold", rule.title.clone()),
            ("Severity", self.severity()),
            ("Why", rule.why.clone()),
            ("Fix", rule.remedy.clone()),
        ];
        rows.extend(rule.source.iter().map(|source| ("Source", source.clone())));
        rows.extend(rule.expressions.iter().map(|one| ("Says", format!("{} = {}", one.key, one.text))));
        rows.extend(
            rule.facts.iter().map(|fact| ("Reads", format!("{} ({}): {}", fact.path, fact.ty, fact.doc))),
        );
        rows.extend(self.collected_by.iter().map(|one| ("Asks", asked(one))));
        rows.extend(rule.params.iter().map(|param| {
            let words = format!("{} = {} ({}): {}", param.name, param.value, param.origin, param.doc);
            ("Limit", words)
        }));
        rows.extend(rule.covers.iter().map(|one| ("Covers", covered(one))));
        for conflict in &rule.conflicts {
            rows.extend(disagreement(conflict).map(|line| ("Disputed", line)));
        }
        if !rule.tags.is_empty() {
            rows.push(("Tags", rule.tags.join(", ")));
        }
        if let Some(place) = &rule.place {
            rows.push(("Written in", place.clone()));
        }
        let mut out = columns::pairs(&rows, look);
        for example in &rule.examples {
            let title = example.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
            let subject =
                example.subject.as_ref().map(|subject| format!(" of {subject}")).unwrap_or_default();
            let _ = write!(out, "\nExample, {}{subject}{title}\n", example.verdict);
            for (name, value) in &example.params {
                let _ = writeln!(out, "  params.{name} = {value}");
            }
            for line in example.facts.lines() {
                let _ = writeln!(out, "  {line}");
            }
        }
        printable_lines(&out).into_owned()
    }

    /// The page of the documentation.
    pub fn markdown(&self) -> String {
        let rule = &self.rule;
        let mut out = format!("# {}\n\n{}.\n\n", rule.id, rule.title.trim_end_matches('.'));
        let _ = writeln!(
            out,
            "Severity: {}\n\n## Why\n\n{}\n\n## What to do\n\n{}\n",
            self.severity(),
            rule.why,
            rule.remedy
        );
        if !rule.source.is_empty() {
            out.push_str("## Source\n\n");
            for source in &rule.source {
                let _ = writeln!(out, "- {source}");
            }
            out.push('\n');
        }
        if !rule.covers.is_empty() {
            out.push_str("## Requirements it covers\n\n");
            for one in &rule.covers {
                let _ = writeln!(out, "- {}", covered(one));
            }
            out.push('\n');
        }
        for conflict in &rule.conflicts {
            out.push_str("## Where sources disagree\n\n");
            for line in disagreement(conflict) {
                let _ = writeln!(out, "- {line}");
            }
            out.push('\n');
        }
        if !rule.expressions.is_empty() {
            out.push_str("## What it says\n\n```toml\n");
            for one in &rule.expressions {
                let _ = writeln!(out, "{} = {}", one.key, toml_text(&one.text));
            }
            out.push_str("```\n\n");
        }
        if !rule.facts.is_empty() {
            out.push_str("## Facts it reads\n\n| Fact | Type | What it says |\n|---|---|---|\n");
            for fact in &rule.facts {
                let _ = writeln!(out, "| `{}` | {} | {} |", fact.path, fact.ty, cell(&fact.doc));
            }
            out.push('\n');
        }
        if !self.collected_by.is_empty() {
            out.push_str("## Commands that collect them\n\n");
            for one in &self.collected_by {
                let root = if one.needs_root { ", needs root" } else { "" };
                let _ = writeln!(out, "- `{}` ({}{root})", one.command, one.asked_of);
            }
            out.push('\n');
        }
        if !rule.params.is_empty() {
            out.push_str("## Limits\n\n| Parameter | Type | Default | What it sets |\n|---|---|---|---|\n");
            for param in &rule.params {
                let doc = cell(&param.doc);
                let _ = writeln!(out, "| `{}` | {} | {} | {doc} |", param.name, param.ty, cell(&param.value));
            }
            out.push('\n');
        }
        for example in &rule.examples {
            let title = example.title.as_ref().map(|title| format!(": {title}")).unwrap_or_default();
            let subject =
                example.subject.as_ref().map(|subject| format!(" of `{subject}`")).unwrap_or_default();
            let _ = write!(out, "## Example: {}{subject}{title}\n\n", example.verdict);
            for (name, value) in &example.params {
                let _ = writeln!(out, "With `params.{name} = {value}`.\n");
            }
            let _ = write!(out, "```json\n{}\n```\n\n", example.facts);
        }
        printable_lines(out.trim_end()).into_owned() + "\n"
    }
}

/// A requirement on one line.
fn covered(one: &Covered) -> String {
    match (&one.subject, &one.condition) {
        (Some(subject), Some(condition)) => format!("{} ({subject}): {condition}", one.id),
        _ => one.id.clone(),
    }
}

/// A conflict of sources, line by line.
fn disagreement(conflict: &Conflict) -> impl Iterator<Item = String> {
    let (article, vendor) = (&conflict.article, &conflict.vendor);
    let profiles = match (&conflict.default, &conflict.alternative) {
        (Some(of_vendor), Some(of_article)) => {
            Some(format!("profile {of_vendor} follows {vendor} and is the default, {of_article} {article}"))
        }
        (Some(of_vendor), None) => Some(format!("profile {of_vendor} follows {vendor} and is the default")),
        (None, Some(of_article)) => Some(format!("profile {of_article} follows {article}")),
        (None, None) => None,
    };
    let lines = [
        format!("{}, {}: {article} says: {}", conflict.id, conflict.subject, conflict.said_by_article),
        format!("{vendor} says: {}", conflict.said_by_vendor),
        format!("here: {}", conflict.resolution),
    ];
    lines.into_iter().chain(profiles)
}

/// What is asked of whom.
fn asked(origin: &Origin) -> String {
    let root = if origin.needs_root { ", as root" } else { "" };
    format!("{}{root}: {}", origin.asked_of, printable(&origin.command))
}

/// A text as TOML would have it: on one line, or in three quotes.
fn toml_text(text: &str) -> String {
    if text.contains('\n') {
        format!("'''\n{text}'''")
    } else {
        toml::Value::String(text.to_owned()).to_string()
    }
}

/// A text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
