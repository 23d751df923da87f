//! `quorate completions`: what a shell needs to complete the command line, with the names of rules and profiles.
//!
//! Names are written into the script, so that completing starts no program. `quorate completions` writes it anew.

use super::Outcome;
use super::args::{Cli, RuleOptions};
use super::rulebook;
use super::write::to_stdout;
use crate::conformance::plan::Mode;
use crate::report::ExitCode;
use crate::rule::Ruleset;
use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, CommandFactory, ValueHint};
use clap_complete::Shell;
use std::fmt::Write;

/// Print a script that completes the command line in a shell
///
///   bash        source <(quorate completions bash)       in ~/.bashrc
///   zsh         quorate completions zsh > _quorate       in a folder of $fpath
///   fish        quorate completions fish > ~/.config/fish/completions/quorate.fish
///   powershell  quorate completions powershell | Out-String | Invoke-Expression      in $PROFILE
///   elvish      eval (quorate completions elvish | slurp)      in rc.elv
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: CompletionsArgs) -> Outcome {
    let ruleset = rulebook::load_to_judge(&RuleOptions::default(), None)?;
    let mut command = with_names(Cli::command(), &ruleset);
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "quorate", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if args.shell == Shell::Fish {
        values_in_fish(&mut script, &command);
    }
    to_stdout(&script)?;
    Ok(ExitCode::Clean)
}

/// What the script for fish leaves out: the values of arguments that are told by their place, and the subjects of `help`.
fn values_in_fish(script: &mut String, command: &Command) {
    let shown = |command: &&Command| !command.is_hide_set();
    let mut say = |condition: &str, values: &[String]| {
        if !values.is_empty() {
            let values = values.join(" ");
            // Writing to a string cannot fail.
            let _ = writeln!(script, "complete -c quorate -n \"{condition}\" -f -a \"{values}\"");
        }
    };
    let names: Vec<String> =
        command.get_subcommands().filter(shown).map(|below| below.get_name().to_owned()).collect();
    say("__fish_quorate_using_subcommand help", &names);
    for below in command.get_subcommands().filter(shown) {
        let condition = format!("__fish_quorate_using_subcommand {}", below.get_name());
        say(&condition, &values(below));
        for inner in below.get_subcommands().filter(shown) {
            say(
                &format!("{condition}; and __fish_seen_subcommand_from {}", inner.get_name()),
                &values(inner),
            );
        }
    }
}

/// The values of the arguments of a command that are told by their place.
fn values(command: &Command) -> Vec<String> {
    let values = command.get_positionals().flat_map(|arg| arg.get_possible_values());
    values.filter(|value| !value.is_hide_set()).map(|value| value.get_name().to_owned()).collect()
}

/// The command line with the names of rules and profiles as values, at any depth.
fn with_names(command: Command, ruleset: &Ruleset) -> Command {
    command.mut_args(|arg| named(arg, ruleset)).mut_subcommands(|below| with_names(below, ruleset))
}

fn named(arg: Arg, ruleset: &Ruleset) -> Arg {
    // Names of a command line last as long as the program, which ends once the script is written.
    let lasting = |name: &str| -> &'static str { name.to_owned().leak() };
    let profiles = || ruleset.profiles().iter().map(|profile| lasting(&profile.name)).collect::<Vec<_>>();
    let rules = || ruleset.all_ids().map(lasting).collect::<Vec<_>>();
    let categories = || {
        let mut categories: Vec<&str> = rules().iter().filter_map(|id| Some(id.split_once('/')?.0)).collect();
        categories.sort_unstable();
        categories.dedup();
        categories
    };
    match arg.get_id().as_str() {
        "profile" => arg.value_parser(PossibleValuesParser::new(profiles())),
        "select" | "ignore" => arg.value_parser(PossibleValuesParser::new([categories(), rules()].concat())),
        "rule" => arg.value_parser(PossibleValuesParser::new([profiles(), rules()].concat())),
        "mode" => {
            arg.value_parser(PossibleValuesParser::new(Mode::ALL.map(|mode| lasting(&mode.to_string()))))
        }
        "directories" => arg.value_hint(ValueHint::DirPath),
        _ => arg,
    }
}
