//! `quorate probe`: gathers facts and records them, to be judged later or elsewhere.

use super::active::{self, ActiveOptions};
use super::args::ProbeOptions;
use super::gather::{Gathered, Gathering, dry_run};
use super::redact::RedactOptions;
use super::terminal::Terminal;
use super::timings::Timings;
use super::write::{check_writable, json_to_file_or_stdout, resolved, to_stdout};
use super::{Outcome, bundles, recording, redact};
use crate::facts::Document;
use crate::inventory::{self, Inventory};
use crate::redact::Salt;
use crate::report::{Coverage, ExitCode, TestedLun};
use crate::rule::Judgement;
use crate::source::Problem;
use std::path::{Path, PathBuf};

/// Gather the facts of a cluster and record them, without judging
#[derive(clap::Args)]
pub(super) struct ProbeArgs {
    /// A cluster.toml, or support bundles whose facts are to be recorded, or with --redact a recording; by default the
    /// nearest cluster.toml
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where to record the facts, as JSON (- for standard output)
    #[arg(short, long, value_name = "FILE", default_value = "-", env = "QUORATE_PROBE_OUTPUT")]
    output: PathBuf,
    /// Tell on standard error how long each part took
    #[arg(long, env = "QUORATE_TIMINGS", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(hide_env_values = true)]
    timings: bool,
    /// Contact nothing: tell what would be asked of which host and target, and the script that would run
    #[arg(long, env = "QUORATE_DRY_RUN", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(help_heading = "Probing", hide_env_values = true)]
    dry_run: bool,
    #[command(flatten)]
    privacy: RedactOptions,
    #[command(flatten)]
    probing: ProbeOptions,
    #[command(flatten)]
    active: ActiveOptions,
}

pub(super) fn run(args: ProbeArgs, terminal: &Terminal) -> Outcome {
    let mut timings = Timings::new(args.timings);
    if args.output != Path::new("-") {
        check_writable(&args.output)?;
    }
    let salt = args.privacy.salt()?;
    let salt = salt.as_ref();
    if let [path] = args.paths.as_slice()
        && !bundles::are_bundles(&args.paths)
        && recording::is_recording(path)
    {
        if salt.is_none() {
            return Err(Problem::new(format!("{} is a recording already", path.display()))
                .help("`quorate check` judges it; --redact replaces the names in it")
                .into());
        }
        let document = recording::read(path)?;
        timings.done("reading the recording");
        return record(&args, &document, salt, false, terminal, timings);
    }
    if bundles::are_bundles(&args.paths) {
        let document = bundles::read(&args.paths, terminal)?;
        timings.done("reading bundles");
        return record(&args, &document, salt, false, terminal, timings);
    }
    let plan = inventory::locate(args.paths.first().map(PathBuf::as_path))?;
    if resolved(&plan) == resolved(&args.output) {
        let what = format!("the facts would replace {}, the plan they are gathered by", plan.display());
        return Err(Problem::new(what).help("name another file to record them in").into());
    }
    let inventory = Inventory::load(&plan)?;
    inventory.check_references()?;
    active::check(&inventory)?;
    timings.done("reading");
    if args.dry_run {
        to_stdout(&dry_run(&inventory, &args.probing, &args.active))?;
        return Ok(ExitCode::Clean);
    }
    let gathering = Gathering::new(&inventory, &args.probing, &args.active, terminal)?;
    let Gathered { document, interrupted } = gathering.run(&mut timings);
    gathering.end(terminal);
    timings.done("gathering facts");
    record(&args, &document, salt, interrupted, terminal, timings)
}

/// Writes the facts and says what they come to.
fn record(
    args: &ProbeArgs,
    document: &Document,
    salt: Option<&Salt>,
    interrupted: bool,
    terminal: &Terminal,
    mut timings: Timings,
) -> Outcome {
    // What is left on a LUN is told under its own name, whatever comes of the recording.
    let left: Vec<TestedLun> =
        TestedLun::all(document).into_iter().filter(TestedLun::left_something).collect();
    let tell_left = || {
        for lun in &left {
            terminal.note(&lun.residue_lines().unwrap_or_default());
        }
    };
    let redacted =
        salt.map(|salt| redact::proved(document, salt)).transpose().inspect_err(|_| tell_left())?;
    if let Some(redacted) = &redacted {
        timings.done("redacting");
        terminal.note(&format!(
            "Replaced {} names and numbers, and all addresses; every rule says the same of the redacted facts.",
            redacted.replaced
        ));
    }
    let written = redacted.as_ref().map_or(document, |redacted| &redacted.document);
    json_to_file_or_stdout(&args.output, written).inspect_err(|_| tell_left())?;
    timings.done("writing");
    if args.output != Path::new("-") {
        let reached = document.nodes.iter().filter(|node| node.reached == Some(true)).count();
        terminal.note(&format!(
            "Recorded {reached} of {} nodes in {file}. `quorate check {file}` judges them.",
            document.nodes.len(),
            file = args.output.display(),
        ));
    }
    timings.tell();
    tell_left();
    let coverage = Coverage::of(document, &Judgement::default());
    Ok(match coverage.complete {
        _ if !left.is_empty() => ExitCode::LeftOnLun,
        _ if interrupted => ExitCode::Interrupted,
        true => ExitCode::Clean,
        false => ExitCode::Incomplete,
    })
}
