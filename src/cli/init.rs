//! `quorate init`: a commented cluster.toml to begin with, empty or filled by discovery at a storage target.

use super::Outcome;
use super::terminal::Terminal;
use super::write::{to_file, to_stdout};
use crate::facts::Target;
use crate::inventory::template::{self, DiscoveredLun, DiscoveredTarget};
use crate::iscsi::Portal;
use crate::probe::target::{Access, Limits, survey};
use crate::report::{ExitCode, count};
use crate::source::{Problem, Problems};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time that discovery may take.
const SURVEY: Duration = Duration::from_secs(60);

/// Write a commented cluster.toml to begin with
#[derive(clap::Args)]
pub(super) struct InitArgs {
    /// Fill in the targets and LUNs that this iSCSI portal shows; nothing is written to them
    #[arg(long, value_name = "HOST:PORT", env = "QUORATE_FROM_TARGET")]
    from_target: Option<Portal>,
    /// The file to write (- for standard output)
    #[arg(short, long, value_name = "FILE", default_value = "cluster.toml", env = "QUORATE_INIT_OUTPUT")]
    output: PathBuf,
    /// Replace a file that is there
    #[arg(long, env = "QUORATE_FORCE", value_parser = clap::builder::FalseyValueParser::new())]
    force: bool,
}

pub(super) fn run(args: InitArgs, terminal: &Terminal) -> Outcome {
    let to_terminal = args.output == Path::new("-");
    if !to_terminal && !args.force && args.output.symlink_metadata().is_ok() {
        let problem = Problem::new(format!("{} is there already", args.output.display()));
        return Err(problem.help("--force replaces it, -o FILE writes another").into());
    }
    let text = match &args.from_target {
        None => template::blank(),
        Some(portal) => template::from_discovery(&discovered(portal, terminal)?),
    };
    if to_terminal {
        to_stdout(&text)?;
    } else {
        to_file(&args.output, &text)?;
        terminal.note(&format!(
            "Wrote {}. Name your nodes and networks in it, then run `quorate check`.",
            args.output.display()
        ));
    }
    Ok(ExitCode::Clean)
}

/// The targets that a portal shows.
fn discovered(portal: &Portal, terminal: &Terminal) -> Result<Vec<DiscoveredTarget>, Problems> {
    let found = survey(portal, &Access::default(), &Limits::within(SURVEY)).map_err(|error| {
        Problem::new(format!("{portal}: {error}")).help(
            "see that the portal is right and can be reached from here; `quorate init` alone needs none",
        )
    })?;
    let targets: Vec<DiscoveredTarget> =
        found.into_iter().map(|found| discovered_target(found.target)).collect();
    let luns = targets.iter().map(|target| target.luns.len()).sum();
    terminal.note(&format!(
        "{portal} shows {} with {}.",
        count(targets.len(), "targets"),
        count(luns, "LUNs")
    ));
    Ok(targets)
}

fn discovered_target(target: Target) -> DiscoveredTarget {
    let luns = target.luns.unwrap_or_default().into_iter().filter_map(|lun| {
        let model: Vec<String> = [lun.vendor, lun.product].into_iter().flatten().collect();
        Some(DiscoveredLun {
            number: u64::try_from(lun.number?).ok()?,
            identity: lun.identity.filter(|identity| !identity.is_empty()),
            size_bytes: lun.size_bytes.map(|size| size.0),
            model: (!model.is_empty()).then(|| model.join(" ")),
        })
    });
    DiscoveredTarget {
        name: target.name,
        portals: target.portals.unwrap_or_default().into_iter().map(|portal| portal.address).collect(),
        luns: luns.collect(),
    }
}
