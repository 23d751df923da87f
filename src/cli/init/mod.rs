//! `quorate init`: a commented cluster.toml to begin with, filled by flags, by questions on a terminal, and by discovery at
//! a storage target.
//!
//! Every answer is checked at once, by what reads cluster.toml. Nothing is written before the last of them, and nothing
//! that is there is replaced unasked.

mod dialogue;
mod interview;

use super::Outcome;
use super::args::RuleOptions;
use super::rulebook;
use super::schema;
use super::terminal::Terminal;
use super::write::{to_file, to_stdout};
use crate::facts::Target;
use crate::inventory::template::{DiscoveredLun, DiscoveredTarget, SketchedNetwork, sketched};
use crate::iscsi::Portal;
use crate::probe::target::{Access, Limits, survey};
use crate::report::{ExitCode, count};
use crate::source::{Problem, Problems};
use clap::builder::FalseyValueParser;
use dialogue::Dialogue;
use interview::Answers;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time that discovery may take.
const SURVEY: Duration = Duration::from_secs(60);

/// Write a commented cluster.toml to begin with; on a terminal, asks what no flag says
#[derive(clap::Args)]
pub(super) struct InitArgs {
    #[command(flatten)]
    given: Given,
    /// The file to write (- for standard output)
    #[arg(short, long, value_name = "FILE", default_value = "cluster.toml", env = "QUORATE_INIT_OUTPUT")]
    output: PathBuf,
    /// Replace a file that is there
    #[arg(long, env = "QUORATE_FORCE", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    force: bool,
    /// Ask nothing: what no flag says stays an example in the file
    #[arg(short, long, env = "QUORATE_YES", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    yes: bool,
    /// Write no schema for editors beside the file
    #[arg(long, env = "QUORATE_NO_SCHEMA", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    no_schema: bool,
}

/// Answers on the command line.
#[derive(clap::Args)]
#[command(next_help_heading = "Cluster")]
struct Given {
    /// Name of the cluster
    #[arg(long, value_name = "NAME", env = "QUORATE_NAME")]
    name: Option<String>,
    /// Platform: wsfc, pacemaker, vsphere, ...
    #[arg(long, value_name = "PLATFORM", env = "QUORATE_PLATFORM")]
    platform: Option<String>,
    /// Release of the platform: 2022, 9, 15.5
    #[arg(long, value_name = "RELEASE", env = "QUORATE_RELEASE")]
    release: Option<String>,
    /// Profile of rules, where it does not follow from platform and release
    #[arg(long, value_name = "NAME", env = "QUORATE_PROFILE")]
    profile: Option<String>,
    /// A node, and how to probe it: local, ssh://[user@]host[:port], facts:FILE, none; by default over ssh
    #[arg(long, value_name = "NAME[=PROBE]", env = "QUORATE_NODE", value_delimiter = ',')]
    node: Vec<String>,
    /// A network, its role (cluster, storage, client, migration, management) and its subnets
    #[arg(long, value_name = "NAME=ROLE:SUBNET[,SUBNET]", env = "QUORATE_NETWORK", value_delimiter = ';')]
    network: Vec<String>,
    /// Fill in the targets and LUNs that this iSCSI portal shows; nothing is written to them
    #[arg(long, value_name = "HOST:PORT", env = "QUORATE_FROM_TARGET")]
    from_target: Option<Portal>,
    /// Witness: none, disk=LUN, sbd=LUN, file-share=//SERVER/SHARE, cloud=URL, qdevice=HOST
    #[arg(long, value_name = "KIND[=PLACE]", env = "QUORATE_WITNESS")]
    witness: Option<String>,
}

pub(super) fn run(args: InitArgs, terminal: &Terminal) -> Outcome {
    let to_terminal = args.output == Path::new("-");
    if !to_terminal && !args.force && args.output.symlink_metadata().is_ok() {
        let problem = Problem::new(format!("{} is there already", args.output.display()));
        return Err(problem.help("--force replaces it, -o FILE writes another").into());
    }
    let ruleset = rulebook::load_to_judge(&RuleOptions::default(), None)?;
    let mut answers = Answers::new(&ruleset);
    args.given.take(&mut answers, terminal)?;
    let asks =
        !args.yes && !terminal.quiet && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if asks {
        let mut dialogue = Dialogue::new(std::io::stdin().lock(), std::io::stderr().lock());
        answers.ask(&mut dialogue, machine().as_deref(), &mut |portal| discovered(portal, None))?;
    }
    answers.check_profile()?;
    let named = !answers.sketch().nodes.is_empty();
    let mut text = sketched(answers.sketch());
    if args.no_schema {
        text = text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    }
    if to_terminal {
        to_stdout(&text)?;
        return Ok(ExitCode::Clean);
    }
    // The schema first: a plan that is there is one that is whole with all it names.
    let mut kept = false;
    if !args.no_schema {
        let folder = args.output.parent().unwrap_or(Path::new("."));
        kept = schema::beside(folder, schema::Kind::Cluster, args.force)?;
    }
    to_file(&args.output, &text)?;
    let mut note = format!("Wrote {}. ", args.output.display());
    if kept {
        let name = schema::Kind::Cluster.file_name();
        note.push_str(&format!("{name} is another version's and was kept; --force renews both. "));
    }
    note.push_str(if named {
        "See what else it can say, then run `quorate check`."
    } else {
        "Name your nodes and networks in it, then run `quorate check`."
    });
    terminal.note(&note);
    Ok(ExitCode::Clean)
}

/// The name of this machine, without domain, where it can be that of a node.
fn machine() -> Option<String> {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    let name = name.split('.').next().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let usable = !name.is_empty() && !name.starts_with('-') && name.chars().all(fits) && name != "localhost";
    usable.then(|| name.to_owned())
}

impl Given {
    /// Takes the answers that the command line has, each checked by itself.
    fn take(&self, answers: &mut Answers<'_>, terminal: &Terminal) -> Result<(), Problems> {
        let text = |value: &str| Some(value.to_owned());
        if let Some(name) = &self.name {
            answers.take("--name", name, |sketch| sketch.name = text(name))?;
        }
        if let Some(platform) = &self.platform {
            answers.take("--platform", platform, |sketch| sketch.platform = text(platform))?;
        }
        if let Some(release) = &self.release {
            answers.take("--release", release, |sketch| sketch.release = text(release))?;
        }
        if let Some(profile) = &self.profile {
            answers.take("--profile", profile, |sketch| sketch.profile = text(profile))?;
        }
        for node in &self.node {
            let (name, probe) = match node.split_once('=') {
                Some((name, probe)) => (name, probe.to_owned()),
                None => (node.as_str(), interview::probe_of(node, machine().as_deref())),
            };
            answers.take("--node", node, |sketch| sketch.nodes.push((name.to_owned(), probe)))?;
        }
        for network in &self.network {
            let parts = network.split_once('=').and_then(|(name, rest)| Some((name, rest.split_once(':')?)));
            let Some((name, (role, subnets))) = parts else {
                return Err(rulebook::text("--network", network)
                    .problem(format!("`{network}` is no network"), "cannot be read")
                    .help("write it as storage=storage:10.0.1.0/24,10.0.2.0/24")
                    .into());
            };
            let subnets = subnets.split(',').map(|subnet| subnet.trim().to_owned()).collect();
            let network_of = SketchedNetwork { name: name.to_owned(), role: role.to_owned(), subnets };
            answers.take("--network", network, |sketch| sketch.networks.push(network_of))?;
        }
        if let Some(portal) = &self.from_target {
            let targets = discovered(portal, Some(terminal))?;
            answers.take("--from-target", &portal.to_string(), |sketch| sketch.targets = Some(targets))?;
        }
        if let Some(witness) = &self.witness {
            let (kind, at) = match witness.split_once('=') {
                Some((kind, at)) => (kind, text(at)),
                None => (witness.as_str(), None),
            };
            answers.take("--witness", witness, |sketch| sketch.witness = Some((kind.to_owned(), at)))?;
        }
        Ok(())
    }
}

/// The targets that a portal shows.
fn discovered(portal: &Portal, terminal: Option<&Terminal>) -> Result<Vec<DiscoveredTarget>, Problems> {
    let found = survey(portal, &Access::default(), &Limits::within(SURVEY)).map_err(|error| {
        Problem::new(format!("{portal}: {error}")).help(
            "see that the portal is right and can be reached from here; `quorate init` alone needs none",
        )
    })?;
    let targets: Vec<DiscoveredTarget> =
        found.into_iter().map(|found| discovered_target(found.target)).collect();
    let luns = targets.iter().map(|target| target.luns.len()).sum();
    if let Some(terminal) = terminal {
        terminal.note(&format!(
            "{portal} shows {} with {}.",
            count(targets.len(), "targets"),
            count(luns, "LUNs")
        ));
    }
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
