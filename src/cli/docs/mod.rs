//! `quorate docs` (hidden): writes the generated part of the documentation.
//!
//! What a page says is taken from where the program has it: facts, words of the language, keys of files, options, exit
//! codes. The words around it stand in `pages/`.

mod book;
mod facts;
mod language;
mod requirements;

use super::args::RuleOptions;
use super::explain::Explained;
use super::write::to_file;
use super::{Outcome, rulebook};
use crate::report::ExitCode;
use crate::rule::Ruleset;
use crate::source::Problem;
use std::fmt::Write;
use std::path::{Path, PathBuf};

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
    /// Write the pages of the book that the program knows best, and its table of contents, into a folder
    Book {
        /// The folder; it must exist
        folder: PathBuf,
    },
    /// Write the page of the catalogue of requirements into a folder
    Requirements {
        /// The folder; it must exist
        folder: PathBuf,
    },
}

pub(super) fn run(args: DocsArgs) -> Outcome {
    let (DocsCommand::Rules { folder } | DocsCommand::Requirements { folder } | DocsCommand::Book { folder }) =
        &args.command;
    if !folder.is_dir() {
        return Err(Problem::new(format!("{} is no folder", folder.display())).into());
    }
    let ruleset = rulebook::load(&RuleOptions::default(), None)?;
    match args.command {
        DocsCommand::Rules { folder } => rules(&ruleset, &folder),
        DocsCommand::Requirements { folder } => {
            to_file(&folder.join("README.md"), &requirements::page(&ruleset))?;
            Ok(ExitCode::Clean)
        }
        DocsCommand::Book { folder } => {
            for (name, text) in book::pages(&ruleset) {
                to_file(&folder.join(name), &text)?;
            }
            Ok(ExitCode::Clean)
        }
    }
}

fn rules(ruleset: &Ruleset, folder: &Path) -> Outcome {
    let mut list = String::from(
        "# Rules\n\nWritten by `quorate docs rules`; `quorate explain RULE` shows the same.\n\n\
         | Rule | Severity | What must hold |\n|---|---|---|\n",
    );
    for id in ruleset.all_ids() {
        let Some(rule) = ruleset.explain(id) else { continue };
        let page = rule_page(id);
        let _ = writeln!(list, "| [{id}]({page}) | {} | {} |", rule.severity, cell(&rule.title));
        to_file(&folder.join(page), &Explained::new(rule).markdown())?;
    }
    to_file(&folder.join("README.md"), &list)?;
    Ok(ExitCode::Clean)
}

/// The file of a rule's page.
fn rule_page(id: &str) -> String {
    format!("{}.md", id.replace('/', "-"))
}

/// Text as it stands in a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
