//! `quorate demo`: a check of a small cluster that needs nothing: an iSCSI target inside this process, this machine as a
//! node, and two recorded nodes.
//!
//! What is there already in the folder is used as it is and never overwritten, so that it can be changed and tried again.

mod life;
mod recorded;

use super::active::ActiveOptions;
use super::args::{ProbeOptions, RuleOptions};
use super::gather::{Gathered, Gathering};
use super::outputs::{OutputOptions, ReportFormat, Shown};
use super::terminal::Terminal;
use super::timings::Timings;
use super::write::{to_file, to_stdout};
use super::{Outcome, check, columns, rulebook};
use crate::facts::{LunRole, NetworkRole};
use crate::inventory::template::{self, Demo, DemoLun};
use crate::inventory::{Inventory, TargetPlan};
use crate::report::{ExitCode, FailOn, Report, to_json};
use crate::rule::{Ruleset, Selection, Status};
use crate::simtarget::config::{DEMO_TARGET, Role, Unit};
use crate::simtarget::{Config, Fault, FaultSet, SimTarget};
use crate::source::{Problem, Problems};
use life::Life;
use recorded::{Lan, RECORDED};
use serde::Serialize;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// Ports that the embedded target takes when they are free.
const PORTS: [u16; 2] = [13_260, 13_261];

/// Check a demonstration cluster: an iSCSI target inside this process, this machine, and two recorded nodes
///
/// Writes a commented cluster.toml and the recorded nodes into a folder, where you can change them and run the
/// demonstration again. Nothing outside of that folder is changed. Ends with 0 whatever the verdict is, since the
/// demonstration has failures on purpose; a check of a cluster of your own ends as `quorate --help` says.
#[derive(clap::Args)]
pub(super) struct DemoArgs {
    /// Let the target have a fault, as some real ones have; may be given several times
    #[arg(long = "fault", value_name = "NAME", env = "QUORATE_FAULT", value_delimiter = ',')]
    faults: Vec<Fault>,
    /// List the faults, and do nothing else
    #[arg(long, env = "QUORATE_LIST_FAULTS", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(hide_env_values = true)]
    list_faults: bool,
    /// Folder for the files of the demonstration
    #[arg(long, value_name = "DIR", default_value = "quorate-demo", env = "QUORATE_DEMO_DIR")]
    dir: PathBuf,
    #[command(flatten)]
    outputs: OutputOptions,
    /// Tell on standard error how long each part took
    #[arg(long, env = "QUORATE_TIMINGS", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(help_heading = "Output", hide_env_values = true)]
    timings: bool,
}

pub(super) fn run(args: DemoArgs, terminal: &Terminal) -> Outcome {
    if args.list_faults {
        return list_faults(args.outputs.format, terminal);
    }
    args.outputs.check([])?;
    let mut timings = Timings::new(args.timings);
    let faults = fault_set(&args.faults);
    let path = args.dir.join("cluster.toml");
    let known = path.symlink_metadata().is_ok();
    std::fs::create_dir_all(&args.dir).map_err(|error| {
        Problem::new(format!("the folder {} cannot be made: {error}", args.dir.display()))
            .help("--dir names another one")
    })?;
    let target = if known { start_as_planned(&path)? } else { Some(start()?) };
    write_files(&args.dir, target.as_ref(), known)?;
    timings.done("setting up");
    tell(&path, known, target.as_ref(), &args.faults, terminal);
    let inventory = Inventory::load(&path)?;
    inventory.check_references()?;
    let ruleset = rulebook::load_to_judge(&RuleOptions::default(), Some(&inventory))?;
    let resolved = ruleset.resolve(&Selection::of_inventory(&inventory))?;
    timings.done("loading rules");
    let judge = |gathered: Gathered| {
        let (waivers, drawn) = (&inventory.waivers, args.outputs.show_pictures());
        check::judged(gathered.document, &resolved, waivers, FailOn::Fail, gathered.interrupted, drawn).1
    };
    let active = ActiveOptions::default();
    let gathering = Gathering::new(&inventory, &ProbeOptions::default(), &active, terminal)?;
    let mut life = target.as_ref().map(Life::begin).transpose().map_err(|error| {
        Problem::new(format!("the recorded nodes cannot use the demonstration target: {error}"))
    })?;
    // What the target is like without the faults, to tell afterwards what they change.
    let sound = (!args.faults.is_empty()).then(|| judge(gathering.run(&mut timings)));
    if let Some(target) = &target {
        target.set_faults(faults);
    }
    if let Some(life) = life.as_mut().filter(|_| !args.faults.is_empty()) {
        life.reconnect_last_node();
    }
    let gathered = gathering.run(&mut timings);
    timings.done("gathering facts");
    let report = judge(gathered);
    timings.done("judging");
    args.outputs.write(&report, Shown::Report, terminal)?;
    timings.done("writing");
    timings.tell();
    if report.exit_code() == ExitCode::Interrupted {
        return Ok(ExitCode::Interrupted);
    }
    if let Some(sound) = sound {
        terminal.note(&changes(&sound, &report, &ruleset));
    }
    terminal.note(&format!(
        "\nThis was a demonstration: the verdict is real, but the demonstration ends with exit code 0.\n\
         Next: change {} and run `quorate demo` again, see `quorate explain RULE`,\n\
         or `quorate demo --list-faults`; `quorate init` begins a check of your own cluster.",
        path.display()
    ));
    Ok(ExitCode::Clean)
}

fn fault_set(faults: &[Fault]) -> FaultSet {
    let mut set = FaultSet::NONE;
    for fault in faults {
        set.set(*fault, true);
    }
    set
}

/// In which rules about targets two reports differ.
fn changes(sound: &Report, faulty: &Report, ruleset: &Ruleset) -> String {
    let about_targets = |id: &str| {
        ruleset.rule(id).is_some_and(|rule| rule.reads().iter().any(|fact| fact.starts_with("targets")))
    };
    let told = |report: &Report, id: &str| -> Vec<(Status, String, String)> {
        let of_rule = report.findings.iter().filter(|finding| finding.rule == id);
        of_rule.map(|one| (one.status, one.subject.clone(), one.message.clone())).collect()
    };
    let mut ids: Vec<&str> = faulty.findings.iter().map(|finding| finding.rule.as_str()).collect();
    ids.dedup();
    let mut changed: Vec<&str> =
        ids.into_iter().filter(|id| about_targets(id) && told(sound, id) != told(faulty, id)).collect();
    changed.sort_unstable();
    changed.dedup();
    if changed.is_empty() {
        "\nA check only reads, and no rule sees anything of this: it shows in how long answers take, or when data is\n\
         written or nodes register and reserve."
            .to_owned()
    } else {
        format!("\nThis changes what {} of: {}.", said(changed.len()), changed.join(", "))
    }
}

fn said(rules: usize) -> String {
    if rules == 1 { "1 rule says".to_owned() } else { format!("{rules} rules say") }
}

/// Says what is about to be checked.
fn tell(path: &Path, known: bool, target: Option<&SimTarget>, faults: &[Fault], terminal: &Terminal) {
    let file = path.display();
    terminal.note(&if known {
        format!("Using {file} as it is; delete it to begin afresh.")
    } else {
        format!("Wrote {file} and the recorded nodes beside it.")
    });
    match target {
        Some(target) => {
            let portals: Vec<String> = target.portals().iter().map(ToString::to_string).collect();
            terminal.note(&format!("Demonstration target {DEMO_TARGET} on {}.", portals.join(" and ")));
        }
        None => terminal.note(&format!("{file} does not name {DEMO_TARGET}; the embedded target stays off.")),
    }
    for fault in faults {
        terminal.note(&format!("Fault {}: {}", fault.name(), fault.description()));
    }
}

/// Starts the target on its usual ports, or on free ones where those are taken.
fn start() -> Result<SimTarget, Problems> {
    let usual = PORTS.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    SimTarget::start(Config::demo_at(&usual, FaultSet::NONE))
        .or_else(|_| SimTarget::start(Config::demo(FaultSet::NONE)))
        .map_err(|error| Problem::new(format!("the demonstration target cannot start: {error}")).into())
}

/// Starts the target where the file says that it is; none when the file does not name it.
fn start_as_planned(path: &Path) -> Result<Option<SimTarget>, Problems> {
    let inventory = Inventory::load(path)?;
    let Some(plan) = inventory.targets.iter().find(|target| target.name == DEMO_TARGET) else {
        return Ok(None);
    };
    let addresses = addresses(plan)?;
    let target = SimTarget::start(Config::demo_at(&addresses, FaultSet::NONE)).map_err(|error| {
        Problem::new(format!("the demonstration target cannot start: {error}"))
            .help(format!("name other portals for it in {}, or delete that file", path.display()))
    })?;
    Ok(Some(target))
}

/// The addresses of the target's portals, all of them on this machine.
fn addresses(plan: &TargetPlan) -> Result<Vec<SocketAddr>, Problems> {
    let mut problems = Problems::new();
    let mut out = Vec::new();
    for planned in &plan.portals {
        let portal = planned.portal.to_string();
        let address = portal.to_socket_addrs().ok().and_then(|mut all| all.next());
        match address.filter(|address| address.ip().is_loopback()) {
            Some(address) => out.push(address),
            None => problems.push(
                Problem::new(format!("{}: the demonstration target cannot be at {portal}", planned.place))
                    .help("it runs on this machine only, at addresses such as 127.0.0.1:13260"),
            ),
        }
    }
    problems.or(out)
}

/// Writes the files that are not there.
fn write_files(dir: &Path, target: Option<&SimTarget>, known: bool) -> Result<(), Problems> {
    let missing: Vec<_> = RECORDED.iter().filter(|node| !dir.join(node.file()).exists()).copied().collect();
    if missing.is_empty() && known {
        return Ok(());
    }
    let portals: Vec<SocketAddr> = target.map(SimTarget::portals).unwrap_or_default();
    let local = recorded::local();
    let lan = Lan::of(&local.node);
    for node in missing {
        to_file(&dir.join(node.file()), &node.facts(&local, &lan, &portals)?.to_json())?;
    }
    if !known {
        to_file(&dir.join("cluster.toml"), &template::demo(&plan(&local.node.name, &lan, &portals)))?;
    }
    Ok(())
}

/// What the demonstration's file says.
fn plan(local: &str, lan: &Lan, portals: &[SocketAddr]) -> Demo {
    let network = |name: &str, role, subnets: &[&str]| {
        let subnets = subnets.iter().map(|subnet| subnet.parse().expect("it is a subnet")).collect();
        (name.to_owned(), role, subnets)
    };
    let units = Config::demo(FaultSet::NONE).targets.into_iter().flat_map(|target| target.units);
    Demo {
        local: local.to_owned(),
        recorded: RECORDED.iter().map(|node| (node.name.to_owned(), node.file())).collect(),
        networks: vec![
            ("lan".to_owned(), NetworkRole::Cluster, vec![lan.subnet()]),
            network("heartbeat", NetworkRole::Cluster, &["10.77.2.0/24"]),
            network("san-a", NetworkRole::Storage, &["10.77.10.0/24", "127.0.0.0/8"]),
            network("san-b", NetworkRole::Storage, &["10.77.11.0/24"]),
        ],
        target: DEMO_TARGET.to_owned(),
        portals: portals.iter().map(ToString::to_string).collect(),
        chap: None,
        luns: units
            .map(|unit| {
                let witness = unit.role == Role::Witness;
                DemoLun {
                    number: unit.lun,
                    name: if witness { "witness".to_owned() } else { format!("data{}", unit.lun) },
                    role: if witness { LunRole::Witness } else { LunRole::Data },
                    identity: Some(identity(&unit)),
                    size_bytes: Some(unit.size_bytes),
                }
            })
            .collect(),
    }
}

/// The identity that a LUN of the target shows.
fn identity(unit: &Unit) -> String {
    format!("naa.{}", hex::encode(&unit.naa))
}

/// A fault in the list.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    concerns: &'static str,
    description: &'static str,
    seen_in: &'static str,
    trips: &'static [&'static str],
}

fn list_faults(format: ReportFormat, terminal: &Terminal) -> Outcome {
    let faults: Vec<Listed> = Fault::ALL
        .iter()
        .map(|fault| Listed {
            name: fault.name(),
            concerns: fault.part().title(),
            description: fault.description(),
            seen_in: fault.seen_in(),
            trips: fault.trips(),
        })
        .collect();
    match format {
        ReportFormat::Json => to_stdout(&(to_json(&faults) + "\n"))?,
        _ => {
            let rows = faults.iter().map(|fault| [fault.name, fault.description].map(str::to_owned));
            to_stdout(&columns::table(["Fault", "What the target does"], rows, terminal.look()))?;
        }
    }
    Ok(ExitCode::Clean)
}
