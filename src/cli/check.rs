//! `quorate check`: plan or recording to facts, facts to findings, findings to a report and an exit code.
//!
//! Plan, rules and the choice of rules are checked as a whole before any host is contacted.

use super::active::{self, ActiveOptions};
use super::args::{ProbeOptions, RuleOptions};
use super::gather::{self, Gathered, Gathering};
use super::outputs::{OutputOptions, Shown};
use super::terminal::Terminal;
use super::timings::Timings;
use super::write::{ended, to_stdout};
use super::{Outcome, bundles, former, recording, rulebook};
use crate::derive;
use crate::facts::Document;
use crate::inventory::{self, Inventory, Waiver};
use crate::report::{Baseline, BaselineError, ExitCode, FailOn, Report};
use crate::rule::{ResolvedRules, Selection};
use crate::source::{Problem, Problems};
use jiff::civil::Date;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

/// Check a cluster: probe what cluster.toml names, or judge a recording, and report
#[derive(clap::Args)]
pub(super) struct CheckArgs {
    /// A cluster.toml, facts that `quorate probe` recorded (- for standard input), a report of Microsoft's cluster
    /// validation (.htm, .mht), or support bundles, one or more for each node (sosreport, supportconfig, crm report, as
    /// folder or archive); by default the nearest cluster.toml
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Judge by what this cluster.toml says of profile, parameters, severities and waivers; alone, judge only the plan
    #[arg(long, value_name = "FILE", env = "QUORATE_PLAN")]
    plan: Option<PathBuf>,
    #[command(flatten)]
    outputs: OutputOptions,
    /// Findings that make the check fail
    #[arg(long, value_enum, default_value_t, value_name = "STATUS", env = "QUORATE_FAIL_ON")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    fail_on: FailOn,
    /// A former report of this cluster (--format json): fail only on what is new since, and list what is still there and what
    /// was fixed
    #[arg(long, value_name = "FILE", env = "QUORATE_BASELINE")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    baseline: Option<PathBuf>,
    /// Of a validation report: Microsoft's verdict, ours, and why they differ, test by test
    #[arg(long, env = "QUORATE_COMPARE", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(help_heading = "Output", hide_env_values = true)]
    compare: bool,
    /// Tell on standard error how long each part took
    #[arg(long, env = "QUORATE_TIMINGS", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(help_heading = "Output", hide_env_values = true)]
    timings: bool,
    /// Contact nothing: tell what would be asked of which host and target, and the script that would run
    #[arg(long, env = "QUORATE_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(help_heading = "Probing", hide_env_values = true)]
    dry_run: bool,
    #[command(flatten)]
    rules: RuleOptions,
    #[command(flatten)]
    probing: ProbeOptions,
    #[command(flatten)]
    active: ActiveOptions,
}

impl CheckArgs {
    /// The files that the report is made from.
    fn inputs(&self) -> Vec<PathBuf> {
        let named = self.paths.iter().chain(&self.plan).chain(&self.baseline).cloned();
        let nearest = || inventory::locate(None).ok();
        let found = if self.paths.is_empty() && self.plan.is_none() { nearest() } else { None };
        named.chain(found).collect()
    }
}

/// What is to be judged.
enum Subject {
    /// The cluster of a plan, to be probed.
    Plan(Box<Inventory>),
    /// A plan by itself.
    PlanAlone(Box<Inventory>),
    /// Facts that were recorded, or that bundles hold, with what the plan says of judging.
    Recording(Box<Document>, Option<Box<Inventory>>),
}

pub(super) fn run(args: CheckArgs, terminal: &Terminal) -> Outcome {
    let mut timings = Timings::new(args.timings);
    args.outputs.check(args.inputs().iter().map(PathBuf::as_path))?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose();
    // Mistakes of the plan do not hide those of the rules. Both are read at the same time, and the rules once more
    // where the plan turns out to have some of its own.
    let (subject, rules) =
        rayon::join(|| subject(&args, terminal), || rulebook::load_to_judge(&args.rules, None));
    let inventory = subject.as_ref().ok().and_then(Subject::inventory);
    let rules = match inventory.filter(|inventory| !inventory.rules.directories.is_empty()) {
        Some(inventory) => rulebook::load_to_judge(&args.rules, Some(inventory)),
        None => rules,
    };
    timings.done("reading plan, facts and rules");
    let ((subject, ruleset), baseline) = both(both(subject, rules), baseline)?;
    let ruleset = ManuallyDrop::new(ruleset);
    let selection = rulebook::narrow(subject.selection(), &args.rules);
    let resolved = match subject.inventory().filter(|_| matches!(subject, Subject::Plan(_))) {
        Some(inventory) => both(ruleset.resolve(&selection), inventory.check_references())?.0,
        None => ruleset.resolve(&selection)?,
    };
    if let Some(baseline) = &baseline {
        // Before anybody is asked anything.
        baseline.fits(subject.cluster_name(), &resolved.profile().name).map_err(unfit)?;
    }
    let waivers = subject.inventory().map(|inventory| inventory.waivers.clone()).unwrap_or_default();
    let odd = ruleset.check_waivers(&waivers);
    if !odd.is_empty() && !terminal.quiet {
        terminal.warn(&odd);
    }
    let Gathered { document, interrupted } = match subject {
        Subject::Plan(inventory) if args.dry_run => {
            to_stdout(&gather::dry_run(&inventory, &args.probing, &args.active))?;
            return Ok(ExitCode::Clean);
        }
        Subject::Plan(inventory) => {
            let gathering = Gathering::new(&inventory, &args.probing, &args.active, terminal)?;
            let gathered = gathering.run(&mut timings);
            gathering.end(terminal);
            gathered
        }
        Subject::PlanAlone(inventory) => {
            Gathered { document: inventory.into_plan_alone(), interrupted: false }
        }
        Subject::Recording(document, _) => Gathered { document: *document, interrupted: false },
    };
    timings.done("gathering facts");
    // Never freed, as the facts are not.
    let drawn = args.outputs.show_pictures();
    let (document, report) = judged(document, &resolved, &waivers, args.fail_on, interrupted, drawn);
    let mut report = ManuallyDrop::new(report);
    if let Some(baseline) = &baseline {
        report.hold_against(baseline, |asked| resolved.standing(&document, asked)).map_err(unfit)?;
    }
    timings.done("judging");
    if args.compare && report.validation.is_none() {
        return Err(Problem::new(
            "there is nothing to compare: the facts hold no report of Microsoft's validation",
        )
        .help("--compare goes with the .htm that Test-Cluster or the wizard wrote")
        .into());
    }
    let shown = if args.compare { Shown::Comparison } else { Shown::Report };
    let written = args.outputs.write(&report, shown, terminal);
    timings.done("writing");
    timings.tell();
    ended(report.exit_code(), written, terminal)
}

/// Judges facts, and gives them with what is derived: that is derived anew, and waivers are held against the day the facts
/// were gathered. `drawn` says whether a format is wanted that shows or holds what pictures show.
pub(super) fn judged(
    document: Document,
    rules: &ResolvedRules<'_>,
    waivers: &[Waiver],
    fail_on: FailOn,
    interrupted: bool,
    drawn: bool,
) -> (ManuallyDrop<Document>, Report) {
    // Never freed: the process ends soon, and taking a large cluster apart again takes as long as parsing half of it.
    let mut document = ManuallyDrop::new(document);
    let today = day_of(&document);
    derive::complete_on(&mut document, Some(today));
    let judgement = rules.judge(&document, waivers, today);
    let mut report = Report::new(&document, judgement, fail_on, interrupted);
    if drawn {
        report.draw(&document);
    }
    (document, report)
}

fn read_baseline(path: &Path) -> Result<Baseline, Problems> {
    let report = former::read_report(path)?;
    Baseline::new(report, &path.display().to_string()).map_err(unfit)
}

fn unfit(error: BaselineError) -> Problems {
    Problem::new(error.to_string()).help(error.help()).into()
}

/// The day on which the facts were gathered, in UTC, so that a recording is judged next year as it is today.
pub(super) fn day_of(document: &Document) -> Date {
    document.day().unwrap_or_else(|| jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date())
}

fn subject(args: &CheckArgs, terminal: &Terminal) -> Result<Subject, Problems> {
    if bundles::are_bundles(&args.paths) {
        contacts_nothing(args, "a support bundle")?;
        let plan = || args.plan.as_deref().map(Inventory::load).transpose();
        let (document, plan) = both(bundles::read(&args.paths, terminal), plan())?;
        return Ok(Subject::Recording(Box::new(document), plan.map(Box::new)));
    }
    match (args.paths.first(), &args.plan) {
        (Some(path), plan) if recording::is_recording(path) => {
            contacts_nothing(args, "a recording")?;
            let (document, plan) =
                both(recording::read(path), plan.as_deref().map(Inventory::load).transpose())?;
            let settings = match plan {
                Some(plan) => Some(plan),
                None => recording::settings(&document, path, &args.rules.directories)?,
            };
            Ok(Subject::Recording(Box::new(document), settings.map(Box::new)))
        }
        (Some(path), Some(_)) => {
            Err(Problem::new(format!("{} is no recording and no support bundle", path.display()))
                .help("--plan goes with a recording or with bundles, or alone to judge only the plan")
                .into())
        }
        (None, Some(plan)) => {
            contacts_nothing(args, "a plan by itself")?;
            Ok(Subject::PlanAlone(Box::new(load(plan)?)))
        }
        (path, None) => {
            let path = inventory::locate(path.map(PathBuf::as_path))?;
            Ok(Subject::Plan(Box::new(load(&path)?)))
        }
    }
}

fn load(path: &Path) -> Result<Inventory, Problems> {
    let inventory = Inventory::load(path)?;
    active::check(&inventory)?;
    Ok(inventory)
}

/// Refuses options that make sense only where targets are contacted.
fn contacts_nothing(args: &CheckArgs, what: &str) -> Result<(), Problems> {
    if args.active.active {
        return Err(Problem::new(format!("there is nothing to test: {what} contacts no target"))
            .help("--active goes with a cluster.toml that is probed")
            .into());
    }
    if args.probing.trace.is_some() {
        return Err(Problem::new(format!("there is nothing to trace: {what} contacts no target"))
            .help("--trace goes with a cluster.toml that is probed")
            .into());
    }
    Ok(())
}

impl Subject {
    fn inventory(&self) -> Option<&Inventory> {
        match self {
            Subject::Plan(inventory) | Subject::PlanAlone(inventory) => Some(inventory),
            Subject::Recording(_, settings) => settings.as_deref(),
        }
    }

    fn cluster_name(&self) -> Option<&str> {
        match self {
            Subject::Plan(inventory) | Subject::PlanAlone(inventory) => Some(&inventory.cluster.name),
            Subject::Recording(document, _) => document.cluster.name.as_deref(),
        }
    }

    fn selection(&self) -> Selection {
        match (self.inventory(), self) {
            (Some(inventory), _) => Selection::of_inventory(inventory),
            (None, Subject::Recording(document, _)) => Selection::of_document(document),
            (None, _) => Selection::default(),
        }
    }
}

/// Both values, or the mistakes of both.
pub(super) fn both<A, B>(a: Result<A, Problems>, b: Result<B, Problems>) -> Result<(A, B), Problems> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut a), Err(b)) => {
            a.extend(b);
            Err(a)
        }
        (Err(problems), _) | (_, Err(problems)) => Err(problems),
    }
}
