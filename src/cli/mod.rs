//! The command line: one file for each subcommand, and what they share.
//!
//! Reports go to standard output, everything else (progress, logs, mistakes) to standard error. What goes wrong is
//! gathered as [`Problems`](crate::source::Problems), shown at once, and ends with exit code 2.

mod active;
mod args;
mod bundles;
mod check;
mod columns;
mod completions;
mod demo;
mod diff;
mod docs;
mod explain;
mod former;
mod gather;
mod hyperlinks;
mod init;
mod interrupt;
mod learn;
mod logging;
mod manifest;
mod manual;
mod origin;
mod outputs;
mod panic;
mod probe;
mod progress;
mod recording;
mod redact;
mod rulebook;
mod rules;
mod scaffold;
mod schema;
mod storage;
mod terminal;
mod timings;
mod trace;
mod write;

use crate::report::ExitCode;
use crate::source::Problems;
use args::{Cli, Command};
use clap::Parser;
use terminal::Terminal;

/// How a subcommand ends: with an exit code, or with mistakes to show.
type Outcome = Result<ExitCode, Problems>;

/// Runs the program with the arguments of this process.
pub fn run() -> std::process::ExitCode {
    panic::install();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, on standard output, and end with 0; mistakes end with 2.
            let told = write::printed(error.print());
            if let Err(problems) = &told {
                terminal::complain_plainly(problems);
            }
            let answered = told.is_ok() && !error.use_stderr();
            return if answered { ExitCode::Clean.into() } else { ExitCode::Usage.into() };
        }
    };
    logging::install();
    let terminal = Terminal::new(&cli.global);
    let outcome = match cli.command {
        Command::Check(args) => check::run(*args, &terminal),
        Command::Completions(args) => completions::run(args),
        Command::Demo(args) => demo::run(args, &terminal),
        Command::Diff(args) => diff::run(args, &terminal),
        Command::Docs(args) => docs::run(args),
        Command::Explain(args) => explain::run(args, &terminal),
        Command::Manifest(args) => manifest::run(args, &terminal),
        Command::Init(args) => init::run(args, &terminal),
        Command::Learn(args) => learn::run(args, &terminal),
        Command::Man(args) => manual::run(args),
        Command::Probe(args) => probe::run(args, &terminal),
        Command::Rules(args) => rules::run(args, &terminal),
        Command::Schema(args) => schema::run(args),
        Command::Storage(args) => storage::run(args, &terminal),
    };
    match outcome {
        Ok(code) => code.into(),
        Err(problems) => {
            terminal.complain(&problems);
            ExitCode::Usage.into()
        }
    }
}
