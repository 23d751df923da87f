//! `quorate manifest`: what the selected rules need of hosts, targets and networks, so that an account can be given exactly
//! that and no more.
//!
//! Nothing is written twice: the rules know the facts that they read, the list of collectors knows which command or file
//! tells which facts, and the ports are those of the code that connects. Nothing is contacted.

mod sudoers;

use super::args::RuleOptions;
use super::origin::{Question, asked_with_fallbacks};
use super::rules::chosen;
use super::terminal::Terminal;
use super::write::to_stdout;
use super::{Outcome, columns, rulebook};
use crate::facts::Platform;
use crate::inventory::{self, Inventory, ProbeMethod};
use crate::probe::collectors::COLLECTORS;
use crate::probe::{PortNeed, PortUse, ports, validation};
use crate::report::{ExitCode, Look, count, printable_lines, to_json};
use crate::rule::{Rule, Selection};
use crate::source::{Problem, Problems};
use crate::validation::test_of_id;
use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Version of what `--format json` writes.
const SCHEMA: &str = "quorate-manifest/1";

/// List the commands, files and ports that the selected rules need, for whoever grants the rights
#[derive(clap::Args)]
pub(super) struct ManifestArgs {
    /// A cluster.toml, whose profile, rules, targets and witness count; without one and without --profile, all rules
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", env = "QUORATE_MANIFEST_FORMAT")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    format: ManifestFormat,
    /// Account that the sudoers rules are for; by default the user of the plan's ssh:// addresses, else quorate
    #[arg(long, value_name = "NAME", env = "QUORATE_SUDO_USER", value_parser = account)]
    #[arg(help_heading = "Output", hide_env_values = true)]
    sudo_user: Option<String>,
    #[command(flatten)]
    rules: RuleOptions,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum ManifestFormat {
    /// For people
    #[default]
    Text,
    /// For programs; `quorate schema manifest` describes it
    Json,
    /// A file for /etc/sudoers.d, for nodes with `sudo = true`
    Sudoers,
}

/// A name that may stand in a sudoers file.
fn account(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    // A name in capitals would be one of an alias of sudoers.
    let alias = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    if begins && !alias && text.chars().all(fits) && text.len() <= 32 {
        Ok(text.to_owned())
    } else {
        Err("a login name is wanted: letters, digits, `_`, `-`, `.`, not all in capitals".to_owned())
    }
}

/// What the selected rules need.
#[derive(Serialize, JsonSchema)]
pub(super) struct Manifest {
    /// Version of this document: `quorate-manifest/1`.
    schema: &'static str,
    /// The profile that chose the rules; absent where all were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
    /// How facts of hosts come about on this platform.
    hosts: Hosts,
    /// The same in words.
    how: &'static str,
    /// The rules, with what each needs, by id.
    rules: Vec<RuleNeeds>,
    /// What is asked, each once.
    asks: Vec<Ask>,
    /// What is connected to.
    ports: Vec<PortNeed>,
}

/// How facts of hosts come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Hosts {
    /// A script is run on them, here or over SSH.
    Script,
    /// Nothing is run on them; a report of Microsoft's validation is read.
    ValidationReport,
    /// Nothing is run on them; recordings and the plan tell.
    Recording,
}

impl Hosts {
    const fn words(self) -> &'static str {
        match self {
            Hosts::Script => {
                "One read-only POSIX shell script runs on each node, here or over SSH. It is sent whole, whatever rules \
                 are selected; `quorate probe --dry-run` prints it. Listed is what these rules need of it. What needs root \
                 stays unknown without, or runs through sudo where the node has `sudo = true`."
            }
            Hosts::ValidationReport => {
                "Nothing is run on Windows nodes and no right is needed there: quorate reads the report that Test-Cluster or \
                 the wizard wrote. Listed are the tests whose sections these rules need; what no section holds comes from \
                 the plan."
            }
            Hosts::Recording => {
                "Nothing is run on the nodes of this platform and no right is needed there: their facts come from the plan \
                 (`[node.declare]`) or from a recording (`probe = \"facts:FILE\"`)."
            }
        }
    }
}

/// Kind of what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum AskKind {
    /// A command on a node.
    Command,
    /// A file, or files, on a node.
    File,
    /// A command or exchange with a storage target.
    Target,
    /// An exchange with the endpoint of the witness.
    Witness,
    /// A test of Microsoft's validation, whose report holds it.
    Report,
    /// What the plan, or a recording, says.
    Plan,
    /// What the run itself tells or measures.
    Run,
}

impl AskKind {
    const fn word(self) -> &'static str {
        match self {
            AskKind::Command => "command",
            AskKind::File => "file",
            AskKind::Target => "target",
            AskKind::Witness => "witness",
            AskKind::Report => "report",
            AskKind::Plan => "plan",
            AskKind::Run => "run",
        }
    }
}

/// Something that is asked.
#[derive(Serialize, JsonSchema)]
struct Ask {
    /// Name by which rules refer to it; of a command or file, the section of the script.
    id: String,
    /// Kind.
    kind: AskKind,
    /// The command, file, exchange, test or key.
    what: String,
    /// Whether it says nothing, or not all, to an account without root.
    needs_root: bool,
    /// What the script runs through sudo for it, where the plan asks for that: name and arguments. `DEVICE` and `NAME` are
    /// known to the host alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sudo: Vec<&'static str>,
    /// The facts, as paths of types, that rules read of it.
    facts: Vec<String>,
    /// The rules that need it.
    rules: Vec<String>,
}

/// What a rule needs.
#[derive(Serialize, JsonSchema)]
struct RuleNeeds {
    /// Id of the rule.
    id: String,
    /// What is asked for it, by the id of each.
    asks: Vec<String>,
}

pub(super) fn run(args: ManifestArgs, terminal: &Terminal) -> Outcome {
    let inventory = inventory_of(&args)?;
    let ruleset = rulebook::load(&args.rules, inventory.as_ref())?;
    let resolved = match &inventory {
        Some(inventory) => {
            Some(ruleset.resolve(&rulebook::narrow(Selection::of_inventory(inventory), &args.rules))?)
        }
        None if args.rules.profile.is_some() => {
            Some(ruleset.resolve(&rulebook::narrow(Selection::default(), &args.rules))?)
        }
        None => None,
    };
    let (rules, profile, platform) = match &resolved {
        Some(resolved) => {
            let profile = resolved.profile();
            let chain = ruleset.profiles().chain(profile);
            let platform = chain.iter().rev().find_map(|profile| profile.platform);
            (resolved.rules().iter().map(|one| one.rule).collect(), Some(profile.name.clone()), platform)
        }
        None => {
            let all: Vec<&Rule> = chosen(&ruleset, &args.rules)?.into_iter().map(|(rule, _)| rule).collect();
            (all, None, None)
        }
    };
    let platform = inventory.as_ref().map(|inventory| inventory.cluster.platform).or(platform);
    let manifest = Manifest::new(&rules, profile, hosts(platform, inventory.as_ref()), inventory.as_ref());
    if rules.is_empty() {
        return Err(Problem::new("no rule is selected, so nothing is needed")
            .help("`quorate rules list` has them all")
            .into());
    }
    to_stdout(&match args.format {
        ManifestFormat::Text => manifest.text(terminal.look()),
        ManifestFormat::Json => to_json(&manifest) + "\n",
        ManifestFormat::Sudoers => manifest.sudoers(&user(&args, inventory.as_ref())?)?,
    })?;
    Ok(ExitCode::Clean)
}

/// The plan that is named; else the nearest, unless a profile is named instead.
fn inventory_of(args: &ManifestArgs) -> Result<Option<Inventory>, Problems> {
    let path = match &args.path {
        Some(path) => Some(inventory::locate(Some(path))?),
        None if args.rules.profile.is_some() => None,
        None => inventory::locate(None).ok(),
    };
    path.map(|path| Inventory::load(&path)).transpose()
}

/// How facts of hosts come about.
fn hosts(platform: Option<Platform>, inventory: Option<&Inventory>) -> Hosts {
    let script = inventory.map(|inventory| {
        inventory.nodes.iter().any(|node| matches!(node.probe, ProbeMethod::Local | ProbeMethod::Ssh(_)))
    });
    match (script, platform) {
        (Some(true), _) => Hosts::Script,
        (_, Some(Platform::Wsfc)) => Hosts::ValidationReport,
        (Some(false), _) | (None, Some(Platform::Vsphere | Platform::VirtualIron)) => Hosts::Recording,
        (None, _) => Hosts::Script,
    }
}

/// The account that sudo is for.
fn user(args: &ManifestArgs, inventory: Option<&Inventory>) -> Result<String, Problems> {
    if let Some(user) = &args.sudo_user {
        return Ok(user.clone());
    }
    let mut users: Vec<&str> = inventory
        .into_iter()
        .flat_map(|inventory| &inventory.nodes)
        .filter_map(|node| match &node.probe {
            ProbeMethod::Ssh(target) => target.user.as_deref(),
            _ => None,
        })
        .filter(|user| *user != "root")
        .collect();
    users.sort_unstable();
    users.dedup();
    match users.as_slice() {
        [] => Ok("quorate".to_owned()),
        [one] => account(one).map_err(|why| {
            Problem::new(format!("the plan's user cannot stand in a sudoers file: {why}"))
                .help("--sudo-user names another")
                .into()
        }),
        several => Err(Problem::new(format!("the plan has several users: {}", several.join(", ")))
            .help("--sudo-user names the one that the rules are for")
            .into()),
    }
}

/// A text as an id: small letters, digits, `-`.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

impl Manifest {
    fn new(rules: &[&Rule], profile: Option<String>, hosts: Hosts, inventory: Option<&Inventory>) -> Self {
        let mut asks: Vec<Ask> = Vec::new();
        let mut needs = Vec::new();
        let mut wanted = PortUse::default();
        for rule in rules {
            let mut own: Vec<String> = Vec::new();
            for fact in rule.reads() {
                wanted.links |= fact == "links" || fact.starts_with("links.");
                for one in asked_with_fallbacks(&fact) {
                    let ask = ask(&one, &fact, hosts);
                    match ask.kind {
                        AskKind::Command | AskKind::File => wanted.nodes = true,
                        AskKind::Target => wanted.targets = true,
                        AskKind::Witness => wanted.witness = true,
                        AskKind::Report | AskKind::Plan | AskKind::Run => {}
                    }
                    if !own.contains(&ask.id) {
                        own.push(ask.id.clone());
                    }
                    note(&mut asks, ask, &rule.id);
                }
            }
            needs.push(RuleNeeds { id: rule.id.clone(), asks: own });
        }
        // In the order of the script, then what is asked of others.
        asks.sort_by_key(|ask| (ask.kind, COLLECTORS.iter().position(|one| one.section == ask.id)));
        // Between nodes on which no script runs nothing is measured.
        wanted.links &= hosts == Hosts::Script;
        let ports = ports(inventory, wanted);
        Manifest { schema: SCHEMA, profile, hosts, how: hosts.words(), rules: needs, asks, ports }
    }

    fn text(&self, look: Look) -> String {
        let of = self.profile.as_ref().map_or(String::new(), |name| format!(" of profile {name}"));
        let mut out = format!(
            "What {}{of} need{}.\n\n",
            count(self.rules.len(), "rules"),
            if self.rules.len() == 1 { "s" } else { "" }
        );
        out.push_str(&columns::pairs(&[("Hosts", self.how.to_owned())], look));
        out.push('\n');
        let rows = self.asks.iter().map(|ask| {
            let root = match (ask.needs_root, ask.sudo.is_empty()) {
                (false, _) => "",
                (true, false) => "sudo",
                (true, true) => "root",
            };
            [ask.kind.word().to_owned(), root.to_owned(), ask.rules.len().to_string(), ask.what.clone()]
        });
        out.push_str(&columns::table(["Kind", "Root", "Rules", "What is asked"], rows, look));
        if self.hosts == Hosts::Script && self.asks.iter().any(|ask| ask.needs_root) {
            let words = "`sudo` runs as root where the node has `sudo = true` and --format sudoers is installed; `root` only \
                         as root itself, since no exact command could be granted";
            out.push('\n');
            out.push_str(&columns::pairs(&[("Root", words.to_owned())], look));
        }
        out.push('\n');
        if self.ports.is_empty() {
            out.push_str("No port is connected to.\n");
        } else {
            let rows = self.ports.iter().map(|need| {
                let port = need
                    .port
                    .map_or_else(|| need.protocol.clone(), |port| format!("{}/{port}", need.protocol));
                [need.from.clone(), need.to.clone(), port, need.why.clone()]
            });
            out.push_str(&columns::table(["From", "To", "Port", "What for"], rows, look));
        }
        out.push('\n');
        let rows = self.rules.iter().map(|rule| {
            let mut asked: Vec<&str> = Vec::new();
            for ask in self.asks.iter().filter(|ask| rule.asks.contains(&ask.id)) {
                if !asked.contains(&ask.what.as_str()) {
                    asked.push(&ask.what);
                }
            }
            [rule.id.clone(), asked.join("; ")]
        });
        out.push_str(&columns::table(["Rule", "What it needs"], rows, look));
        let mut end = String::new();
        let _ = write!(
            end,
            "\n{}, {}, {}.\n",
            count(self.rules.len(), "rules"),
            count(self.asks.len(), "things asked"),
            count(self.ports.len(), "ports")
        );
        printable_lines(&(out + &end)).into_owned()
    }
}

/// What is asked, as an entry of the manifest, without rules.
fn ask(one: &Question, fact: &str, hosts: Hosts) -> Ask {
    let plain = |kind, what: &str| Ask {
        id: slug(what),
        kind,
        what: what.to_owned(),
        needs_root: false,
        sudo: Vec::new(),
        facts: vec![fact.to_owned()],
        rules: Vec::new(),
    };
    match (one.asked_of, one.collector, hosts) {
        ("node", Some(collector), Hosts::Script) => Ask {
            id: collector.section.to_owned(),
            needs_root: collector.needs_root,
            sudo: collector.sudo.to_vec(),
            ..plain(
                if collector.command.starts_with('/') { AskKind::File } else { AskKind::Command },
                collector.command,
            )
        },
        ("node", _, Hosts::ValidationReport) => match told_by(one, fact).and_then(test_of_id) {
            Some(test) => Ask {
                id: test.id.clone(),
                ..plain(AskKind::Report, &format!("Test-Cluster: {}", test.title))
            },
            None => plain(AskKind::Plan, "[node.declare]"),
        },
        ("node", ..) => plain(AskKind::Plan, "[node.declare]"),
        ("target", ..) => plain(AskKind::Target, one.command),
        ("witness", ..) => plain(AskKind::Witness, one.command),
        ("run", ..) => plain(AskKind::Run, one.command),
        _ => plain(AskKind::Plan, one.command),
    }
}

/// The test of Microsoft's validation that tells what a command tells on Linux: of the fact itself, else, where the fact is
/// derived, of what the command fills.
fn told_by(one: &Question, fact: &str) -> Option<&'static str> {
    validation::test_for_fact(fact)
        .or_else(|| one.collector?.facts.iter().find_map(|fact| validation::test_for_fact(fact)))
}

/// Adds what a rule needs to what is asked.
fn note(asks: &mut Vec<Ask>, ask: Ask, rule: &str) {
    let Some(known) = asks.iter_mut().find(|known| known.id == ask.id) else {
        asks.push(Ask { rules: vec![rule.to_owned()], ..ask });
        return;
    };
    for fact in ask.facts {
        if !known.facts.contains(&fact) {
            known.facts.push(fact);
        }
    }
    if !known.rules.iter().any(|other| other == rule) {
        known.rules.push(rule.to_owned());
    }
}

/// The JSON schema of what `--format json` writes.
pub(super) fn manifest_json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Manifest).to_value();
    schema["properties"]["schema"]["const"] = SCHEMA.into();
    schema
}
