//! The command line as a whole, and the groups of options that several subcommands share.
//!
//! Every option has a twin in the environment, `QUORATE_` and its name; the option wins.

use crate::facts::parse_duration;
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

/// Will this cluster fail over when it has to? Find out before it is deployed.
///
/// quorate looks at the nodes, the networks, the shared storage and the witness of a failover cluster, holds what it
/// finds against rules, and reports what would keep the cluster from failing over. It changes nothing.
#[derive(Parser)]
#[command(name = "quorate", version, arg_required_else_help = true, max_term_width = 100, after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    everything was checked, nothing found at or above --fail-on
  1    findings at or above --fail-on
  2    wrong command line, configuration or rule, or a file that cannot be read or written
  3    no failure found, but something could not be determined
  4    nothing was checked
  5    something of ours may be left on a LUN
  130  interrupted; the report is partial

Begin with `quorate demo`, or with `quorate init` for a cluster of your own.";

#[derive(Subcommand)]
pub(super) enum Command {
    Demo(super::demo::DemoArgs),
    Check(Box<super::check::CheckArgs>),
    Diff(super::diff::DiffArgs),
    Probe(super::probe::ProbeArgs),
    Init(super::init::InitArgs),
    Learn(super::learn::LearnArgs),
    Explain(super::explain::ExplainArgs),
    Manifest(super::manifest::ManifestArgs),
    Rules(super::rules::RulesArgs),
    Schema(super::schema::SchemaArgs),
    Storage(super::storage::StorageArgs),
    Completions(super::completions::CompletionsArgs),
    Man(super::manual::ManArgs),
    #[command(hide = true)]
    Docs(super::docs::DocsArgs),
}

/// Options of every subcommand.
#[derive(Args)]
pub(super) struct Global {
    /// When to colour; NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE count where this says nothing
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", env = "QUORATE_COLOR")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    pub color: When,
    /// When to make rules and lines of files links that a terminal opens; FORCE_HYPERLINK counts where this says nothing
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN", env = "QUORATE_HYPERLINKS")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    pub hyperlinks: When,
    /// Show more: what holds, why, the facts read and where they come from
    #[arg(short, long, global = true, action = clap::ArgAction::Count, env = "QUORATE_VERBOSE")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    pub verbose: u8,
    /// No progress and no hints
    #[arg(short, long, global = true, value_parser = FalseyValueParser::new(), env = "QUORATE_QUIET")]
    #[arg(help_heading = "Output", hide_env_values = true)]
    pub quiet: bool,
}

/// When to do what not every terminal can show.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless the environment says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How an answer is written.
#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Table,
    /// For programs; `quorate schema report` describes it
    Json,
}

/// Which rules, and with what limits.
#[derive(Args, Default)]
#[command(next_help_heading = "Rules")]
pub(super) struct RuleOptions {
    /// Profile that chooses rules and limits; by default the one of the cluster's platform and release
    #[arg(long, value_name = "NAME", env = "QUORATE_PROFILE")]
    pub profile: Option<String>,
    /// Folder with rule files of your own, besides the shipped ones; may be given several times
    #[arg(long = "rules", value_name = "DIR", env = "QUORATE_RULES", value_delimiter = PATH_LIST)]
    pub directories: Vec<PathBuf>,
    /// Only these rules: an id (network/same-mtu), a category (network), or a pattern (*/same-*)
    #[arg(long, value_name = "RULE,...", env = "QUORATE_SELECT", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Not these rules
    #[arg(long, value_name = "RULE,...", env = "QUORATE_IGNORE", value_delimiter = ',')]
    pub ignore: Vec<String>,
}

/// What separates folders in one value, as in PATH.
pub(super) const PATH_LIST: char = if cfg!(windows) { ';' } else { ':' };

/// How hosts and targets are probed.
#[derive(Args, Default)]
#[command(next_help_heading = "Probing")]
pub(super) struct ProbeOptions {
    /// Hosts and targets probed at the same time
    #[arg(long, value_name = "N", env = "QUORATE_PARALLEL", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub parallel: Option<u16>,
    /// Longest time for one host or target: 30s, 2m
    #[arg(long, value_name = "TIME", env = "QUORATE_HOST_TIMEOUT", value_parser = time)]
    pub host_timeout: Option<Duration>,
    /// Longest time for the whole run: 5m
    #[arg(long, value_name = "TIME", env = "QUORATE_DEADLINE", value_parser = time)]
    pub deadline: Option<Duration>,
    /// Keep SSH connections open for the next run that long: 60s
    #[arg(long, value_name = "TIME", env = "QUORATE_SSH_PERSIST", value_parser = time)]
    pub ssh_persist: Option<Duration>,
    /// Do not measure the ways between hosts
    #[arg(long, env = "QUORATE_NO_MESH", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    pub no_mesh: bool,
    /// Keep every byte exchanged with storage targets in a pcapng file, which Wireshark opens
    #[arg(long, value_name = "FILE", env = "QUORATE_TRACE")]
    pub trace: Option<PathBuf>,
}

/// A length of time that is longer than none.
fn time(text: &str) -> Result<Duration, String> {
    let nanos = parse_duration(text).map_err(|error| error.to_string())?;
    match u64::try_from(nanos) {
        Ok(nanos) if nanos > 0 => Ok(Duration::from_nanos(nanos)),
        _ => Err("it must be longer than none".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_has_a_twin_in_the_environment() {
        fn look(command: &clap::Command, lacking: &mut Vec<String>) {
            for arg in command.get_arguments() {
                let named = arg.get_long().is_some_and(|long| !["help", "version"].contains(&long));
                let twin = arg.get_env().is_some_and(|env| env.to_string_lossy().starts_with("QUORATE_"));
                if named && !twin {
                    lacking.push(format!("{} --{}", command.get_name(), arg.get_long().unwrap_or_default()));
                }
            }
            command.get_subcommands().for_each(|below| look(below, lacking));
        }
        let mut lacking = Vec::new();
        look(&Cli::command(), &mut lacking);
        assert!(lacking.is_empty(), "{lacking:?}");
    }

    #[test]
    fn the_help_names_every_exit_code() {
        for code in crate::report::ExitCode::ALL {
            let line = format!("  {:<5}{}", code.code(), code.meaning());
            assert!(EXIT_CODES.contains(&line), "{line}");
        }
    }

    #[test]
    fn times_are_read_and_none_is_refused() {
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert!(time("0s").is_err() && time("-3s").is_err() && time("soon").is_err());
    }
}
