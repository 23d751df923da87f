//! `quorate diff`: two recordings or reports: what changed in the facts, and which verdicts changed because of it.
//!
//! Recordings are judged anew, each by what it carries of its plan unless the options say otherwise, so that both are judged by
//! the rules of this program.

use super::args::{Format, RuleOptions};
use super::former::{self, Kind};
use super::origin;
use super::terminal::Terminal;
use super::write::to_file_or_stdout;
use super::{Outcome, bundles, check, recording, rulebook};
use crate::facts::Document;
use crate::inventory::Inventory;
use crate::probe::validation;
use crate::report::{Diff, ExitCode, FailOn, Report, Run, to_diff_table, to_json};
use crate::rule::{ResolvedRules, Rule, Ruleset, Selection};
use crate::source::{Problem, Problems};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// Compare two recordings or two reports: what changed in the facts, and which verdicts changed because of it
///
/// Of a recording and a report only the verdicts are compared, since a report holds no facts.
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct DiffArgs {
    /// What came first: facts that `quorate probe` recorded, a report of `quorate check --format json`, a report of Microsoft's
    /// cluster validation, or a support bundle
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// What came after it
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", env = "QUORATE_DIFF_FORMAT")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    format: Format,
    /// Write it to a file, whole or not at all
    #[arg(short, long, value_name = "FILE", env = "QUORATE_DIFF_OUTPUT")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    output: Option<PathBuf>,
    /// Judge recordings by what this cluster.toml says of profile, parameters, severities and waivers
    #[arg(long, value_name = "FILE", env = "QUORATE_PLAN")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    rules: RuleOptions,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    nothing differs but times that are measured anew in every run
  1    a fact, a verdict or what they are judged by differs
  2    wrong command line, configuration or rule, or a file that cannot be read or written";

/// One of the two, judged.
struct Party {
    file: String,
    report: Report,
    /// Of a recording: its facts, and what they were judged by. Never freed, since the process ends soon.
    facts: Option<(ManuallyDrop<Document>, ManuallyDrop<Ruleset>, Selection)>,
}

pub(super) fn run(args: DiffArgs, terminal: &Terminal) -> Outcome {
    let plan = args.plan.as_deref().map(Inventory::load).transpose();
    let read = check::both(read(&args.before, terminal), read(&args.after, terminal));
    let ((before, after), plan) = check::both(read, plan)?;
    let before = Party::new(before, &args.before, &args, plan.as_ref())?;
    let after = Party::new(after, &args.after, &args, plan.as_ref())?;
    let diff = compare(&before, &after)?;
    let text = match args.format {
        Format::Table => {
            let to_file = args.output.as_deref().is_some_and(|path| path != Path::new("-"));
            to_diff_table(&diff, if to_file { terminal.look_in_file() } else { terminal.look() })
        }
        Format::Json => to_json(&diff) + "\n",
    };
    to_file_or_stdout(args.output.as_deref(), &text)?;
    Ok(if diff.differs { ExitCode::Findings } else { ExitCode::Clean })
}

/// What was read from a path.
enum Input {
    Report(Box<Report>),
    Recording(Box<Document>),
}

fn read(path: &Path, terminal: &Terminal) -> Result<Input, Problems> {
    let bundle = [path.to_owned()];
    if bundles::are_bundles(&bundle) {
        return Ok(Input::Recording(Box::new(bundles::read(&bundle, terminal)?)));
    }
    if path != Path::new("-") && !validation::is_report(path) {
        let text = former::read_text(path)?;
        match former::kind_of(&text, path) {
            Kind::Report => return Ok(Input::Report(Box::new(former::parse_report(&text, path)?))),
            Kind::Recording => {}
            Kind::Other(what, help) => {
                let problem = Problem::new(format!("{} is {what}", path.display()));
                return Err(problem.help(format!("{help}; `quorate probe -o FILE` records facts")).into());
            }
        }
    }
    Ok(Input::Recording(Box::new(recording::read(path)?)))
}

impl Party {
    fn new(read: Input, path: &Path, args: &DiffArgs, plan: Option<&Inventory>) -> Result<Self, Problems> {
        let file =
            if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() };
        let document = match read {
            Input::Report(report) => return Ok(Party { file, report: *report, facts: None }),
            Input::Recording(document) => document,
        };
        let carried = match plan {
            Some(_) => None,
            None => recording::settings(&document, path, &args.rules.directories)?,
        };
        let inventory = plan.or(carried.as_ref());
        let ruleset = ManuallyDrop::new(rulebook::load_to_judge(&args.rules, inventory)?);
        let chosen = inventory.map_or_else(|| Selection::of_document(&document), Selection::of_inventory);
        let selection = rulebook::narrow(chosen, &args.rules);
        let waivers = inventory.map(|inventory| inventory.waivers.clone()).unwrap_or_default();
        let resolved = ruleset.resolve(&selection)?;
        let (document, report) = check::judged(*document, &resolved, &waivers, FailOn::Fail, false, false);
        drop(resolved);
        Ok(Party { file, report, facts: Some((document, ruleset, selection)) })
    }

    fn rules(&self) -> Result<Option<ResolvedRules<'_>>, Problems> {
        self.facts.as_ref().map(|(_, ruleset, selection)| ruleset.resolve(selection)).transpose()
    }

    fn run(&self) -> Run<'_> {
        let document = self.facts.as_ref().map(|facts| &*facts.0);
        Run { file: self.file.clone(), report: &self.report, document, standing: None }
    }
}

fn compare(before: &Party, after: &Party) -> Result<Diff, Problems> {
    let reads = |id: &str| -> Vec<String> {
        let rule = [before, after].iter().find_map(|party| party.facts.as_ref()?.1.rule(id));
        rule.into_iter().flat_map(Rule::reads).flat_map(|fact| origin::inputs(&fact)).collect()
    };
    let (ours, theirs) = (before.rules()?, after.rules()?);
    let ours = ours.as_ref().zip(before.facts.as_ref());
    let theirs = theirs.as_ref().zip(after.facts.as_ref());
    let tell_ours = ours.map(|(rules, facts)| move |asked: &[(&str, &str)]| rules.standing(&facts.0, asked));
    let tell_theirs =
        theirs.map(|(rules, facts)| move |asked: &[(&str, &str)]| rules.standing(&facts.0, asked));
    let before = Run { standing: tell_ours.as_ref().map(|tell| tell as _), ..before.run() };
    let after = Run { standing: tell_theirs.as_ref().map(|tell| tell as _), ..after.run() };
    Ok(Diff::of(&before, &after, &reads))
}
