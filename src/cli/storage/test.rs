//! `quorate storage test`: plays the conformance steps against LUNs, and reports.

use super::answer::{ListedStep, RefusedLun, StorageReport};
use super::guard::Guard;
use super::select::{Chosen, UnitOptions, check_signatures};
use super::watch::Line;
use crate::cli::Outcome;
use crate::cli::args::Format;
use crate::cli::interrupt::Interrupt;
use crate::cli::terminal::Terminal;
use crate::cli::trace::TraceFile;
use crate::cli::write::{ended, to_stdout};
use crate::conformance::cleanup::{Dial, by_record};
use crate::conformance::facts::tell;
use crate::conformance::gate::{Refusal, RefusalKind};
use crate::conformance::journal::Journal;
use crate::conformance::outcome::{self, Severity, StepResult, StopKind};
use crate::conformance::plan::{BlockRange, Mode, Plan, Stack, StepId};
use crate::conformance::run::{self, RunError};
use crate::conformance::step::step;
use crate::report::{Detail, ExitCode, TestedLun};
use crate::source::{Problem, Problems};
use clap::builder::FalseyValueParser;
use std::path::{Path, PathBuf};

/// Play cluster nodes against a LUN and tell what departs from what failover relies on
#[derive(clap::Args)]
pub(super) struct TestArgs {
    #[command(flatten)]
    unit: UnitOptions,
    /// How far to go: inspect (reads only), pr (registers and reserves), pr-write (also writes to a range of blocks)
    #[arg(
        long,
        value_name = "MODE",
        default_value = "inspect",
        env = "QUORATE_MODE",
        hide_env_values = true
    )]
    mode: Mode,
    /// Only these steps, and those on which they rest
    #[arg(long, value_name = "STEP,...", env = "QUORATE_ONLY", value_delimiter = ',')]
    only: Vec<StepId>,
    /// Only what this stack needs: wsfc, veritas, fence-scsi, ...
    #[arg(long, value_name = "STACK", env = "QUORATE_STACK")]
    stack: Option<Stack>,
    /// Contact nothing: list the steps; -v tells all of them
    #[arg(long, env = "QUORATE_LIST", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    list: bool,
    /// The blocks that may be written to in mode pr-write; by default 64 in the middle of the LUN
    #[arg(long, value_name = "FIRST+COUNT", env = "QUORATE_RANGE")]
    range: Option<BlockRange>,
    /// Test the LUN although this stands on it, by the name that a refusal tells; may be given several times
    #[arg(long, value_name = "NAME", env = "QUORATE_ALLOW_NONBLANK", value_delimiter = ',')]
    allow_nonblank: Vec<String>,
    /// Let the test send LOGICAL UNIT RESET, which ends commands of other hosts too
    #[arg(long, env = "QUORATE_LUN_RESET", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    lun_reset: bool,
    /// Let the test register 64 sessions at once, which can use up the target's table
    #[arg(long, env = "QUORATE_FILL_TABLE", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    fill_table: bool,
    /// Where to write down what a cleanup needs; by default in this folder, and removed when nothing is left
    #[arg(long, value_name = "FILE", env = "QUORATE_RUN_FILE")]
    run_file: Option<PathBuf>,
    /// Keep every byte exchanged with the target in a pcapng file, which Wireshark opens
    #[arg(long, value_name = "FILE", env = "QUORATE_TRACE")]
    trace: Option<PathBuf>,
    /// How to write the report
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", env = "QUORATE_FORMAT")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    format: Format,
}

/// Which steps are asked for.
pub(super) struct Wanted {
    only: Vec<StepId>,
    stack: Option<Stack>,
}

impl Wanted {
    /// Whether a step is among them.
    pub fn has(&self, step: &ListedStep) -> bool {
        (self.only.is_empty() || self.only.iter().any(|id| id.to_string() == step.id))
            && self.stack.is_none_or(|stack| step.stacks.iter().any(|name| name == stack.name()))
    }
}

pub(super) fn run(args: TestArgs, terminal: &Terminal) -> Outcome {
    if args.list {
        let wanted = Wanted { only: args.only, stack: args.stack };
        return super::list::run(&wanted, args.format, terminal);
    }
    check_signatures(&args.allow_nonblank)?;
    let trace = TraceFile::open(args.trace.as_deref())?;
    let marked = args.unit.lun.is_none() && args.mode > Mode::Inspect;
    let chosen = args.unit.choose(marked, &trace.tap())?;
    if chosen.len() > 1 && args.run_file.is_some() {
        let problem =
            Problem::new(format!("--run-file is for one LUN, and {} are to be tested", chosen.len()));
        return Err(problem.help("choose one with --lun").into());
    }
    let plans = chosen.into_iter().map(|chosen| args.plan(chosen)).collect::<Result<Vec<_>, Problems>>()?;
    let interrupt = Interrupt::listen_patiently({
        let quiet = terminal.quiet;
        move || {
            if !quiet {
                let _ = std::io::Write::write_all(
                    &mut std::io::stderr(),
                    b"\nInterrupted: what was done is undone first.\n",
                );
            }
        }
    });
    let mut report = StorageReport::new();
    let mut codes = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        if interrupt.came() {
            codes.push(ExitCode::Interrupted);
            break;
        }
        codes.push(args.test(plan, number, &interrupt, terminal, &mut report)?);
    }
    trace.end(terminal);
    let code = worst(&codes);
    report.exit_code = code.code();
    let written = match args.format {
        Format::Json => to_stdout(&report.to_json()),
        Format::Table => {
            let look = terminal.look();
            let parts: Vec<String> =
                report.tested.iter().map(|tested| tested.to_table(look, Detail::Every)).collect();
            to_stdout(&parts.join("\n"))
        }
    };
    ended(code, written, terminal)
}

impl TestArgs {
    fn plan(&self, chosen: Chosen) -> Result<Plan, Problems> {
        if let Some((most, why)) = &chosen.most
            && self.mode > *most
        {
            let problem = Problem::new(format!(
                "LUN {} may not be tested in mode {}: {why}",
                chosen.subject.name, self.mode
            ));
            return Err(problem.help(format!("write test = \"{}\" there if it may be", self.mode)).into());
        }
        let mut allow_nonblank = chosen.allow_nonblank;
        allow_nonblank.extend(self.allow_nonblank.iter().cloned());
        let plan = Plan::new(chosen.subject);
        Ok(Plan {
            mode: self.mode,
            only: (!self.only.is_empty()).then(|| self.only.clone()),
            stack: self.stack,
            range: self.range.or(chosen.range),
            lun_reset: self.lun_reset,
            fill_table: self.fill_table,
            allow_nonblank,
            nodes: chosen.nodes.unwrap_or(plan.nodes),
            ..plan
        })
    }

    /// Tests one LUN and adds it to the report.
    fn test(
        &self,
        plan: &Plan,
        number: usize,
        interrupt: &Interrupt,
        terminal: &Terminal,
        report: &mut StorageReport,
    ) -> Outcome {
        let started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let run_file = self.run_file.clone().unwrap_or_else(|| default_run_file(number));
        let name = if plan.subject.name.is_empty() {
            plan.subject.lun.to_string()
        } else {
            plan.subject.name.clone()
        };
        let line = Line::new(&format!("LUN {name}"), terminal.shows_progress(), interrupt.clone());
        let played = play(plan, &run_file, &line);
        line.end();
        let outcome = match played {
            Ok(outcome) => outcome,
            Err(RunError::Refused(refusal)) => {
                terminal.complain(&refused_problem(&refusal).into());
                let interrupted = refusal.kind == RefusalKind::Interrupted;
                report.refused.push(refused_lun(&refusal, name));
                return Ok(if interrupted { ExitCode::Interrupted } else { ExitCode::Usage });
            }
            Err(error) => return Err(Problem::new(error.to_string()).into()),
        };
        let clean = outcome.residue.is_clean();
        if clean && self.run_file.is_none() && run_file.exists() {
            // A file that stays does no harm: a cleanup with it finds nothing.
            let _ = std::fs::remove_file(&run_file);
        }
        let path = format!("targets[{}].luns[{name}]", outcome.target);
        let mut told = tell(&outcome, &path, &started, (!clean).then_some(Path::new(&run_file))).facts;
        if let Some(steps) = told.steps.as_mut().filter(|_| plan.only.is_some() || plan.stack.is_some()) {
            steps.retain(|step| outcome.steps.iter().any(|played| played.id.to_string() == step.id));
        }
        let code = exit_code(&outcome, plan);
        report.tested.push(TestedLun { target: outcome.target.clone(), lun: name, conformance: told });
        Ok(code)
    }
}

/// Plays a plan with a guard beside it, and undoes by the run file what the run itself could not.
///
/// # Errors
/// As [`run::run`]; nothing was changed.
pub(in crate::cli) fn play(
    plan: &Plan,
    run_file: &Path,
    watch: &dyn run::Watch,
) -> Result<outcome::Outcome, RunError> {
    let changes = plan.mode > Mode::Inspect;
    let guard = if changes { Guard::start(run_file, plan) } else { None };
    let played = run::run(plan, run_file, watch);
    if let Some(guard) = guard {
        guard.finished();
    }
    let mut outcome = played?;
    if !outcome.residue.is_clean() {
        undo_once_more(&mut outcome, run_file, plan);
    }
    Ok(outcome)
}

/// What the run itself could not undo, as after a loss of all its sessions, its run file may.
fn undo_once_more(outcome: &mut outcome::Outcome, run_file: &Path, plan: &Plan) {
    let Ok(mut journal) = Journal::open(run_file) else { return };
    let subject = &plan.subject;
    let dial = Dial::new(subject.target.clone(), subject.access.clone(), plan.command_timeout);
    let cleaned = by_record(journal.record(), &dial);
    if cleaned.is_clean() {
        // A file that does not say so costs a cleanup that finds nothing.
        let _ = journal.finish();
    }
    if cleaned.refused.is_none() {
        outcome.residue = cleaned.residue;
    }
}

/// A name that no other run has: the second, the process, and the number of the LUN among those of the command.
fn default_run_file(number: usize) -> PathBuf {
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    PathBuf::from(format!("quorate-run-{now}-{}-{number}.json", std::process::id()))
}

fn refused_problem(refusal: &Refusal) -> Problem {
    let portal = refusal.portal.as_ref().map(|portal| format!(" through {portal}")).unwrap_or_default();
    let name = if refusal.name.is_empty() { String::new() } else { format!(" ({})", refusal.name) };
    let found = format!("LUN {}{name} of {}{portal}: {}", refusal.lun, refusal.target, refusal.found);
    Problem::new(crate::report::printable(&found).into_owned()).help(&*refusal.remedy)
}

fn refused_lun(refusal: &Refusal, lun: String) -> RefusedLun {
    RefusedLun {
        target: refusal.target.to_string(),
        lun,
        portal: refusal.portal.as_ref().map(ToString::to_string),
        kind: refusal.kind.name().to_owned(),
        found: refusal.found.to_string(),
        remedy: refusal.remedy.to_string(),
    }
}

/// How a single test ends.
fn exit_code(outcome: &outcome::Outcome, plan: &Plan) -> ExitCode {
    let stopped = outcome.stopped.as_ref().map(|stopped| stopped.kind);
    if stopped == Some(StopKind::Refused) {
        return ExitCode::Usage;
    }
    if !outcome.residue.is_clean() {
        return ExitCode::LeftOnLun;
    }
    if stopped == Some(StopKind::Interrupted) {
        return ExitCode::Interrupted;
    }
    if outcome.worst().is_some_and(|worst| worst >= Severity::Major) {
        return ExitCode::Findings;
    }
    if stopped.is_some() || outcome.steps.iter().any(|played| is_undetermined(played, plan)) {
        return ExitCode::Incomplete;
    }
    ExitCode::Clean
}

/// Whether a step was wanted and could not be determined. What a milder mode or a missing switch leaves out was not wanted,
/// unless it was asked for by its number.
fn is_undetermined(played: &outcome::StepOutcome, plan: &Plan) -> bool {
    if !matches!(played.result, StepResult::NotRun { .. }) {
        return false;
    }
    let by_number = plan.only.as_ref().is_some_and(|only| only.contains(&played.id));
    let beyond = step(played.id).mode > plan.mode;
    let switched_off = played.id == StepId::new(35) && !plan.lun_reset;
    // There is nothing to compare with.
    let one_portal = played.id == StepId::new(39) && plan.subject.portals.len() == 1;
    // Without a reservation there is nothing that must be passed, and reading makes none.
    let unreserved = played.id == StepId::new(15) && plan.mode == Mode::Inspect;
    by_number || !(beyond || switched_off || one_portal || unreserved)
}

/// The exit code of several tests, in the order that exit codes have.
fn worst(codes: &[ExitCode]) -> ExitCode {
    const ORDER: [ExitCode; 5] = [
        ExitCode::LeftOnLun,
        ExitCode::Usage,
        ExitCode::Interrupted,
        ExitCode::Findings,
        ExitCode::Incomplete,
    ];
    ORDER.into_iter().find(|code| codes.contains(code)).unwrap_or(ExitCode::Clean)
}
