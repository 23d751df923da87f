//! `quorate docs` (hidden): writes the generated part of the documentation.

use super::args::RuleOptions;
use super::explain::Explained;
use super::write::to_file;
use super::{Outcome, rulebook};
use crate::report::ExitCode;
use crate::source::Problem;
use std::fmt::Write;
use std::path::PathBuf;

/// Write the generated part of the documentation
#[derive(clap::Args)]
pub(super) struct DocsArgs {
    #[command(subcommand)]
    command: DocsCommand,
}

#[derive(clap::Subcommand)]
enum DocsCommand {
    /// Write a page for each rule, and a list of them, into a folder
    Rules {
        /// The folder; it must exist
        folder: PathBuf,
    },
}

pub(super) fn run(args: DocsArgs) -> Outcome {
    let DocsCommand::Rules { folder } = args.command;
    if !folder.is_dir() {
        return Err(Problem::new(format!("{} is no folder", folder.display())).into());
    }
    let ruleset = rulebook::load(&RuleOptions::default(), None)?;
    let mut list = String::from(
        "# Rules\n\nWritten by `quorate docs rules`; `quorate explain RULE` shows the same.\n\n\
         | Rule | Severity | What must hold |\n|---|---|---|\n",
    );
    for id in ruleset.all_ids() {
        let Some(rule) = ruleset.explain(id) else { continue };
        let page = format!("{}.md", id.replace('/', "-"));
        let title = rule.title.replace('|', "\\|");
        let _ = writeln!(list, "| [{id}]({page}) | {} | {title} |", rule.severity);
        to_file(&folder.join(page), &Explained::new(rule).markdown())?;
    }
    to_file(&folder.join("README.md"), &list)?;
    Ok(ExitCode::Clean)
}
