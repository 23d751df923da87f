//! `quorate learn`: parameters for `cluster.toml`, from the facts of a cluster that is in good order.

use super::args::{Format, RuleOptions};
use super::terminal::Terminal;
use super::write::to_stdout;
use super::{Outcome, bundles, check, recording, rulebook};
use crate::derive;
use crate::facts::Document;
use crate::inventory::Inventory;
use crate::report::{ExitCode, count, to_json};
use crate::rule::{Heard, Lesson, Proposal, Reason, Refused, Selection};
use crate::source::{Problem, Problems, printable};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Propose parameters from a healthy cluster: the strictest values that its facts meet
///
/// What is printed goes into cluster.toml. From then on `quorate check` reports what gets worse than it was, even where
/// it still is within the limits of the profile. A value is only ever proposed stricter than the one in force, and none
/// where a rule that reads it fails today or is unknown.
#[derive(clap::Args)]
pub(super) struct LearnArgs {
    /// Facts that `quorate probe` recorded (- for standard input), or support bundles
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// Begin from what this cluster.toml says of profile, parameters and rules
    #[arg(long, value_name = "FILE", env = "QUORATE_PLAN")]
    plan: Option<PathBuf>,
    /// Room to leave between what was seen (0) and the value in force (100)
    #[arg(long, value_name = "PERCENT", default_value_t = 0, env = "QUORATE_MARGIN")]
    #[arg(value_parser = clap::value_parser!(u8).range(0..=100), hide_env_values = true)]
    margin: u8,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", env = "QUORATE_FORMAT")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    format: Format,
    #[command(flatten)]
    rules: RuleOptions,
}

pub(super) fn run(args: LearnArgs, terminal: &Terminal) -> Outcome {
    let (mut document, plan) = read(&args, terminal)?;
    let ruleset = rulebook::load_to_judge(&args.rules, plan.as_ref())?;
    let selection = match &plan {
        Some(plan) => Selection::of_inventory(plan),
        None => Selection::of_document(&document),
    };
    let resolved = ruleset.resolve(&rulebook::narrow(selection, &args.rules))?;
    let today = check::day_of(&document);
    derive::complete_on(&mut document, Some(today));
    let lesson = resolved.learn(&document, args.margin);
    let profile = &resolved.profile().name;
    match args.format {
        Format::Json => {
            to_stdout(&(to_json(&Answer { profile, margin_percent: args.margin, lesson: &lesson }) + "\n"))?
        }
        Format::Table => {
            to_stdout(&block(&lesson, &document, profile, args.margin, terminal.quiet))?;
            terminal.note(&summary(&lesson));
        }
    }
    Ok(if lesson.is_empty() { ExitCode::NothingChecked } else { ExitCode::Clean })
}

/// The facts, and what is to be judged by.
fn read(args: &LearnArgs, terminal: &Terminal) -> Result<(Document, Option<Inventory>), Problems> {
    let plan = || args.plan.as_deref().map(Inventory::load).transpose();
    if bundles::are_bundles(&args.paths) {
        return check::both(bundles::read(&args.paths, terminal), plan());
    }
    let Some(path) = args.paths.first() else { return Err(Problem::new("nothing to learn from").into()) };
    if !recording::is_recording(path) {
        return Err(Problem::new(format!("{} is no recording and no support bundle", path.display()))
            .help("record the cluster with `quorate probe -o facts.json`, then learn from facts.json")
            .into());
    }
    let (document, plan) = check::both(recording::read(path), plan())?;
    let plan = match plan {
        Some(plan) => Some(plan),
        None => recording::settings(&document, path, &args.rules.directories)?,
    };
    Ok((document, plan))
}

/// The answer for programs.
#[derive(Serialize)]
struct Answer<'l> {
    profile: &'l str,
    margin_percent: u8,
    #[serde(flatten)]
    lesson: &'l Lesson,
}

/// The answer for `cluster.toml`: a table of parameters, and as comments all that was not learnt.
fn block(lesson: &Lesson, document: &Document, profile: &str, margin: u8, quiet: bool) -> String {
    let mut out = String::new();
    if !quiet {
        let name = document.cluster.name.as_deref().map(|name| format!("\"{}\", ", comment(name)));
        let nodes = document.nodes.len();
        let _ = write!(
            out,
            "# Learnt from {}{}, profile {profile}{}.\n\
             # Each value is the strictest that these facts meet{}, so that what gets worse is reported.\n\
             # Leave out what is free to change.\n",
            name.unwrap_or_default(),
            count(nodes, "nodes"),
            document
                .run
                .started
                .as_deref()
                .map(|at| format!(", gathered {}", comment(at)))
                .unwrap_or_default(),
            if margin == 0 {
                String::new()
            } else {
                format!(", with {margin} % of the way to the value in force as room")
            },
        );
    }
    if !lesson.proposals.is_empty() {
        out.push_str("[params]\n");
    }
    for proposal in &lesson.proposals {
        out.push_str(&proposed(proposal));
    }
    for (reason, words) in [
        (Reason::Fails, "fails"),
        (Reason::Unknown, "unknown"),
        (Reason::Together, "would change a verdict together with the others"),
    ] {
        let refused: Vec<&Refused> = lesson.refused.iter().filter(|one| one.reason == reason).collect();
        if refused.is_empty() {
            continue;
        }
        let _ = write!(out, "\n# Not learnt: {words}\n");
        for one in refused {
            let _ = writeln!(out, "# {}", one.param);
            for Heard { rule, status, subject, message } in &one.findings {
                let _ = writeln!(out, "#   {status} {rule} {}: {}", comment(subject), comment(message));
            }
            if one.more > 0 {
                let _ = writeln!(out, "#   and {} more", one.more);
            }
        }
    }
    for (names, words) in [
        (&lesson.met, "In force already, just as they were seen"),
        (&lesson.choices, "Choices, names and values to be met exactly"),
        (&lesson.idle, "Not measured here"),
    ] {
        if !names.is_empty() && !quiet {
            let _ = write!(out, "\n{}", listed(words, names));
        }
    }
    out
}

/// A proposal: what it sets, what was seen and where, what is in force and what the default is, and the line itself.
fn proposed(proposal: &Proposal) -> String {
    let mut out = format!("# {}\n", comment(&proposal.doc));
    let others = match proposal.subjects {
        0 | 1 => String::new(),
        several => format!(" and {} more", several - 1),
    };
    let _ = write!(
        out,
        "#   seen: {} {} ({}{others}, {})",
        proposal.bound.words(),
        proposal.seen.to_toml(),
        comment(&proposal.subject),
        proposal.rule
    );
    for fact in &proposal.evidence {
        let value = fact.value.as_deref().unwrap_or("unknown");
        let _ = write!(out, "\n#   {} = {}", comment(&fact.path), comment(value));
    }
    let default = match proposal.limit_from.as_str() {
        "default" => String::new(),
        from => format!("\n#   in force: {} ({})", proposal.instead_of.to_toml(), comment(from)),
    };
    let _ = write!(
        out,
        "{default}\n#   default: {}\n{} = {}\n",
        proposal.default.to_toml(),
        proposal.param,
        proposal.value.to_toml()
    );
    out
}

/// Names as a comment, folded.
fn listed(words: &str, names: &[String]) -> String {
    const WIDTH: usize = 110;
    let mut out = format!("# {words}:");
    let mut width = out.len();
    for (at, name) in names.iter().enumerate() {
        let end = if at + 1 == names.len() { "" } else { "," };
        if width + name.len() + 2 > WIDTH {
            out.push_str("\n#  ");
            width = 3;
        }
        let _ = write!(out, " {name}{end}");
        width += name.len() + 2;
    }
    out.push('\n');
    out
}

fn summary(lesson: &Lesson) -> String {
    let refused = match lesson.refused.len() {
        0 => String::new(),
        number => {
            format!("; {} not learnt, since what reads them fails or is unknown", count(number, "parameters"))
        }
    };
    match lesson.proposals.len() {
        0 => format!("Nothing to propose{refused}."),
        number => format!(
            "{} proposed{refused}. Put them into [params] of cluster.toml.",
            count(number, "parameters")
        ),
    }
}

/// Text of facts for the rest of a comment line.
fn comment(text: &str) -> String {
    const LONGEST: usize = 400;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(LONGEST).collect();
    printable(&cut).into_owned()
}
