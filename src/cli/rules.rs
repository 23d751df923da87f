//! `quorate rules`: what is checked, whether the rules keep what their examples promise, what is wrong with them.

use super::args::{Format, RuleOptions};
use super::rulebook;
use super::terminal::Terminal;
use super::write::to_stdout;
use super::{Outcome, columns};
use crate::report::{ExitCode, count, printable_lines, to_json};
use crate::requirement::{self, Coverage, catalogue};
use crate::rule::{
    ExampleOutcome, ExampleResult, Lint, Rule, RuleFolder, RuleSources, Ruleset, Selection, Severity,
    means_rule,
};
use crate::source::{Problem, Problems, did_you_mean};
use serde::Serialize;
use std::path::PathBuf;

/// List, test or lint the rules, or begin one of your own
#[derive(clap::Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(clap::Subcommand)]
enum RulesCommand {
    /// List the rules; with --profile, those that it chooses, as bad as it takes them to be
    List {
        #[command(flatten)]
        format: FormatOption,
        #[command(flatten)]
        rules: RuleOptions,
    },
    /// Run the examples of the rules; with --rules, those of your own rules only
    Test {
        #[command(flatten)]
        format: FormatOption,
        #[command(flatten)]
        folders: Folders,
    },
    New(super::scaffold::NewArgs),
    /// Show which rules decide each requirement of the catalogue, or why none can
    Coverage {
        #[command(flatten)]
        format: FormatOption,
        #[command(flatten)]
        folders: Folders,
    },
    /// Show every mistake in rule files at its place, and what should be better
    Lint {
        #[command(flatten)]
        format: FormatOption,
        #[command(flatten)]
        folders: Folders,
    },
}

#[derive(clap::Args)]
struct FormatOption {
    /// How to write the answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", env = "QUORATE_FORMAT")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    format: Format,
}

#[derive(clap::Args)]
struct Folders {
    /// Folder with rule files of your own; may be given several times
    #[arg(long = "rules", value_name = "DIR", env = "QUORATE_RULES", value_delimiter = super::args::PATH_LIST)]
    directories: Vec<PathBuf>,
}

pub(super) fn run(args: RulesArgs, terminal: &Terminal) -> Outcome {
    match args.command {
        RulesCommand::List { format, rules } => list(format.format, &rules, terminal),
        RulesCommand::Test { format, folders } => test(format.format, folders),
        RulesCommand::New(args) => super::scaffold::new(args, terminal),
        RulesCommand::Coverage { format, folders } => coverage(format.format, folders, terminal),
        RulesCommand::Lint { format, folders } => lint(format.format, folders, terminal),
    }
}

/// A rule in the list.
#[derive(Serialize)]
struct Listed<'r> {
    id: &'r str,
    category: &'r str,
    title: &'r str,
    severity: &'static str,
    verb: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    each: Option<&'r str>,
    covers: Vec<&'r str>,
    tags: &'r [String],
    shipped: bool,
    place: String,
}

fn list(format: Format, options: &RuleOptions, terminal: &Terminal) -> Outcome {
    let ruleset = rulebook::load_to_judge(options, None)?;
    let rules = chosen(&ruleset, options)?;
    let listed: Vec<Listed<'_>> = rules
        .iter()
        .map(|(rule, severity)| Listed {
            id: &rule.id,
            category: rule.category(),
            title: &rule.title,
            severity: severity.word(),
            verb: rule.verb(),
            each: rule.each.as_ref().map(|each| each.text()),
            covers: rule.covers.iter().map(|id| id.as_str()).collect(),
            tags: &rule.tags,
            shipped: rule.shipped,
            place: rule.span.place().to_string(),
        })
        .collect();
    match format {
        Format::Json => to_stdout(&(to_json(&listed) + "\n"))?,
        Format::Table => {
            let rows = listed.iter().map(|rule| [rule.id, rule.severity, rule.title].map(str::to_owned));
            let mut text = columns::table(["Rule", "Severity", "What must hold"], rows, terminal.look());
            text.push_str(&format!(
                "\n{}. `quorate explain RULE` tells why and what to do.\n",
                count(listed.len(), "rules")
            ));
            to_stdout(&text)?;
        }
    }
    Ok(ExitCode::Clean)
}

/// All rules, or those that a profile chooses, narrowed down by `--select` and `--ignore`.
pub(super) fn chosen<'r>(
    ruleset: &'r Ruleset,
    options: &RuleOptions,
) -> Result<Vec<(&'r Rule, Severity)>, Problems> {
    if options.profile.is_some() {
        let selection = rulebook::narrow(Selection::default(), options);
        let resolved = ruleset.resolve(&selection)?;
        return Ok(resolved.rules().iter().map(|chosen| (chosen.rule, chosen.severity)).collect());
    }
    let mut problems = Problems::new();
    for (option, pattern) in patterns(options) {
        if !ruleset.rules().iter().any(|rule| means_rule(pattern, &rule.id)) {
            let ids = ruleset.rules().iter().map(|rule| rule.id.as_str());
            problems.push(
                rulebook::text(option, pattern)
                    .problem(format!("`{pattern}` means no rule"), "no such rule")
                    .help_if(did_you_mean(pattern, ids)),
            );
        }
    }
    let wanted = |rule: &&Rule| {
        let any = |all: &[String]| all.iter().any(|pattern| means_rule(pattern, &rule.id));
        (options.select.is_empty() || any(&options.select)) && !any(&options.ignore)
    };
    problems.or(ruleset.rules().iter().filter(wanted).map(|rule| (rule, rule.severity)).collect())
}

fn patterns(options: &RuleOptions) -> impl Iterator<Item = (&'static str, &str)> {
    let select = options.select.iter().map(|pattern| ("--select", pattern.as_str()));
    select.chain(options.ignore.iter().map(|pattern| ("--ignore", pattern.as_str())))
}

/// An example in the answer of `rules test`.
#[derive(Serialize)]
struct Tested<'r> {
    rule: &'r str,
    example: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'r str>,
    place: String,
    right: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

fn test(format: Format, folders: Folders) -> Outcome {
    let (ruleset, own) = load(folders)?;
    let results = ruleset.test_examples(|rule| !own || !rule.shipped);
    let tested: Vec<Tested<'_>> = results
        .iter()
        .map(|result| Tested {
            rule: &result.rule,
            example: result.number,
            title: result.title.as_deref(),
            place: result.place.to_string(),
            right: result.is_right(),
            problems: wrongs(result),
        })
        .collect();
    let wrong = tested.iter().filter(|test| !test.right).count();
    let rules = ruleset.rules().iter().filter(|rule| !own || !rule.shipped);
    let without: Vec<&str> =
        rules.filter(|rule| rule.examples.is_empty()).map(|rule| rule.id.as_str()).collect();
    match format {
        Format::Json => to_stdout(&(to_json(&tested) + "\n"))?,
        Format::Table => {
            let mut text = String::new();
            for test in tested.iter().filter(|test| !test.right) {
                let title = test.title.map(|title| format!(" ({title})")).unwrap_or_default();
                text.push_str(&format!("WRONG  {}, example {}{title}\n", test.rule, test.example));
                for problem in &test.problems {
                    text.push_str(&format!("       {problem}\n"));
                }
                text.push_str(&format!("       at {}\n", test.place));
            }
            if !without.is_empty() {
                text.push_str(&format!("Without an example: {}\n", without.join(", ")));
            }
            let right = tested.len() - wrong;
            text.push_str(&format!("{} right, {wrong} wrong\n", count(right, "examples")));
            to_stdout(&printable_lines(&text))?;
        }
    }
    Ok(if wrong > 0 {
        ExitCode::Findings
    } else if tested.is_empty() {
        ExitCode::NothingChecked
    } else {
        ExitCode::Clean
    })
}

/// What is wrong with an example, line by line.
fn wrongs(result: &ExampleResult) -> Vec<String> {
    match &result.outcome {
        ExampleOutcome::Right => Vec::new(),
        ExampleOutcome::Wrong { wanted, said } => {
            let said = said.iter().map(|said| format!("is     {said}"));
            std::iter::once(format!("wanted {wanted}")).chain(said).collect()
        }
        ExampleOutcome::PassesWithoutFacts => {
            vec!["passes even when every fact that the rule reads is taken away".to_owned()]
        }
        ExampleOutcome::Invalid(problems) => problems.to_string().lines().map(str::to_owned).collect(),
    }
}

/// The catalogue, requirement by requirement.
#[derive(Serialize)]
struct Covered<'r> {
    counts: CoverageCounts,
    requirements: Vec<Coverage<'r>>,
}

/// How many requirements there are of each kind.
#[derive(Serialize)]
struct CoverageCounts {
    requirements: usize,
    with_rules: usize,
    without_rule: usize,
    open: usize,
}

fn coverage(format: Format, folders: Folders, terminal: &Terminal) -> Outcome {
    let (ruleset, _) = load(folders)?;
    let requirements = requirement::coverage(catalogue(), ruleset.covers());
    let count_of =
        |wanted: &dyn Fn(&Coverage<'_>) -> bool| requirements.iter().filter(|one| wanted(one)).count();
    let counts = CoverageCounts {
        requirements: requirements.len(),
        with_rules: count_of(&|one| !one.rules.is_empty()),
        without_rule: count_of(&|one| one.rules.is_empty() && one.reason.is_some()),
        open: count_of(&|one| one.is_open()),
    };
    let open = counts.open;
    match format {
        Format::Json => to_stdout(&(to_json(&Covered { counts, requirements }) + "\n"))?,
        Format::Table => {
            let rows = requirements.iter().map(|one| {
                let decided = match one.reason {
                    _ if !one.rules.is_empty() => one.rules.join(" "),
                    Some(reason) => format!("no rule: {reason}"),
                    None => "OPEN: no rule, and no reason".to_owned(),
                };
                let known: Vec<&str> = one.requirement.known.iter().map(|known| known.word()).collect();
                [
                    one.requirement.id.clone(),
                    one.requirement.severity.word().to_owned(),
                    known.join(" "),
                    decided,
                ]
            });
            let header = ["Requirement", "Severity", "Known", "Decided by"];
            let mut text = columns::table(header, rows, terminal.look());
            text.push_str(&format!(
                "\n{}: {} decided by rules, {} for which no rule can be, {open} open.\n",
                count(counts.requirements, "requirements"),
                counts.with_rules,
                counts.without_rule,
            ));
            to_stdout(&printable_lines(&text))?;
        }
    }
    Ok(if open > 0 { ExitCode::Findings } else { ExitCode::Clean })
}

/// The rules of the program and of the folders, and whether there are folders.
fn load(folders: Folders) -> Result<(Ruleset, bool), Problems> {
    let own = !folders.directories.is_empty();
    let folders = folders.directories.into_iter().map(RuleFolder::new).collect();
    Ok((Ruleset::load(&RuleSources { folders, ..RuleSources::default() })?, own))
}

/// A mistake, or something that should be better.
#[derive(Serialize)]
struct Linted {
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

fn lint(format: Format, folders: Folders, terminal: &Terminal) -> Outcome {
    let (lint, rules) = match load(folders) {
        Ok((ruleset, own)) => {
            let rules = ruleset.rules().iter().filter(|rule| !own || !rule.shipped).count();
            (ruleset.lint(!own), rules)
        }
        Err(errors) => (Lint { errors, warnings: Problems::new() }, 0),
    };
    let Lint { errors, warnings } = lint;
    match format {
        Format::Json => {
            let errors = errors.iter().map(|problem| linted("error", problem));
            let all: Vec<Linted> =
                errors.chain(warnings.iter().map(|problem| linted("warning", problem))).collect();
            to_stdout(&(to_json(&all) + "\n"))?;
        }
        Format::Table => {
            if !warnings.is_empty() {
                terminal.warn(&warnings);
            }
            if errors.is_empty() {
                let better = match warnings.len() {
                    0 => "no mistake".to_owned(),
                    number => format!("no mistake, {}", count(number, "warnings")),
                };
                to_stdout(&format!("{}: {better}\n", count(rules, "rules")))?;
            } else {
                terminal.complain(&errors);
            }
        }
    }
    Ok(if errors.is_empty() { ExitCode::Clean } else { ExitCode::Usage })
}

fn linted(level: &'static str, problem: &Problem) -> Linted {
    let place = problem.place();
    let at = problem.line_column();
    Linted {
        level,
        file: place.map(|place| place.file.to_string()),
        line: at.map(|(line, _)| line),
        column: at.map(|(_, column)| column),
        message: problem.message().to_owned(),
        help: problem.advice().map(str::to_owned),
    }
}
