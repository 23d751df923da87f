//! `quorate storage cleanup`: undoes a test that was cut off, by its run file or by the marks of its keys.

use super::answer::{CleanedLun, StorageReport};
use super::select::UnitOptions;
use crate::cli::Outcome;
use crate::cli::args::Format;
use crate::cli::terminal::Terminal;
use crate::cli::trace::TraceFile;
use crate::cli::write::{ended, to_stdout};
use crate::conformance::cleanup::{Cleaned, Dial, by_marks, by_record};
use crate::conformance::journal::Journal;
use crate::conformance::plan::DEFENCE_INTERVAL;
use crate::report::{ExitCode, printable, printable_lines};
use crate::source::Problem;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(8);

/// Remove what a storage test left on a LUN, and nothing else
///
/// With its run file a test is undone even beside others: its keys go, its reservation ends, the blocks that it wrote are put
/// back. Without one, keys and reservations that bear our mark are removed from a LUN that nobody else uses.
#[derive(clap::Args)]
pub(super) struct CleanupArgs {
    #[command(flatten)]
    unit: UnitOptions,
    /// The run file of the test; a cluster.toml beside it tells how to log in
    #[arg(long = "run", value_name = "FILE", env = "QUORATE_CLEANUP_RUN", conflicts_with = "number")]
    run_file: Option<PathBuf>,
    /// Keep every byte exchanged with the target in a pcapng file, which Wireshark opens
    #[arg(long, value_name = "FILE", env = "QUORATE_TRACE")]
    trace: Option<PathBuf>,
    /// How to write what was done
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", env = "QUORATE_FORMAT")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    format: Format,
}

pub(super) fn run(args: CleanupArgs, terminal: &Terminal) -> Outcome {
    let trace = TraceFile::open(args.trace.as_deref())?;
    let tap = trace.tap();
    let mut report = StorageReport::new();
    match &args.run_file {
        Some(file) => {
            let mut journal = Journal::open(file).map_err(|error| Problem::new(error.to_string()))?;
            let access = args.unit.access_to(&journal.record().target, &tap)?;
            let dial = Dial::new(journal.record().target.clone(), access, COMMAND);
            report.cleaned.push(undo(&mut journal, &dial));
        }
        None => {
            for chosen in args.unit.choose(true, &tap)? {
                let subject = chosen.subject;
                let dial = Dial::new(subject.target.clone(), subject.access.clone(), COMMAND);
                let cleaned = by_marks(&subject, &dial, DEFENCE_INTERVAL);
                report.cleaned.push(CleanedLun::new(
                    &subject.target,
                    &subject.lun.to_string(),
                    None,
                    cleaned,
                ));
            }
        }
    }
    trace.end(terminal);
    let code = if report.cleaned.iter().all(|cleaned| cleaned.left.is_empty()) {
        ExitCode::Clean
    } else if args.run_file.is_none() && report.cleaned.iter().all(never_seen) {
        // Nothing says that there is something of ours, and nothing could be looked at.
        ExitCode::Usage
    } else {
        ExitCode::LeftOnLun
    };
    report.exit_code = code.code();
    let written = match args.format {
        Format::Json => to_stdout(&report.to_json()),
        Format::Table => {
            let parts: Vec<String> =
                report.cleaned.iter().map(|cleaned| in_words(cleaned, args.run_file.as_deref())).collect();
            to_stdout(&parts.join("\n"))
        }
    };
    ended(code, written, terminal)
}

/// Undoes the run of a file, and writes down there that it is undone.
pub(super) fn undo(journal: &mut Journal, dial: &Dial) -> CleanedLun {
    let record = journal.record();
    let (target, lun, run) = (record.target.clone(), record.lun.to_string(), record.run.to_string());
    let cleaned: Cleaned = by_record(record, dial);
    if cleaned.is_clean()
        && let Err(error) = journal.finish()
    {
        tracing::warn!("{error}");
    }
    CleanedLun::new(&target, &lun, Some(run), cleaned)
}

fn never_seen(cleaned: &CleanedLun) -> bool {
    cleaned.portals.iter().all(|portal| portal.unknown.is_some())
}

fn in_words(cleaned: &CleanedLun, run_file: Option<&Path>) -> String {
    let run = cleaned.run.as_ref().map(|run| format!(", run {run}")).unwrap_or_default();
    let mut lines = vec![format!("LUN {} of {}{run}", cleaned.lun, cleaned.target)];
    lines.extend(cleaned.done.iter().map(|done| format!("  {}", printable(done))));
    if let Some(why) = &cleaned.refused {
        lines.push(format!("Refused: {}.", printable(why)));
    }
    if !cleaned.would.is_empty() {
        lines.push("It would have done this:".to_owned());
        lines.extend(cleaned.would.iter().map(|would| format!("  {}", printable(would))));
    }
    if cleaned.left.is_empty() {
        lines.push("Nothing of quorate is left on it.".to_owned());
        if let Some(file) = run_file {
            lines.push(format!("The run file {} is not needed any more.", file.display()));
        }
    } else {
        lines.push("May be left on the LUN:".to_owned());
        lines.extend(cleaned.left.iter().map(|left| format!("  {}", printable(left))));
    }
    if !cleaned.commands.is_empty() {
        lines.push("By hand, on a host that sees it:".to_owned());
        lines.extend(cleaned.commands.iter().map(|line| format!("  {}", printable(line))));
    }
    lines.push("Keys and reservation now:".to_owned());
    for portal in &cleaned.portals {
        let keys = if portal.keys.is_empty() { "no key".to_owned() } else { portal.keys.join(" ") };
        let held = portal.reservation.as_deref().unwrap_or("no reservation");
        let shown = portal.unknown.clone().unwrap_or(format!("{keys}, {held}"));
        lines.push(format!("  {}: {}", portal.portal, printable(&shown)));
    }
    printable_lines(&(lines.join("\n") + "\n")).into_owned()
}
