//! `quorate docs` (hidden): writes the generated part of the documentation.

use super::args::RuleOptions;
use super::explain::Explained;
use super::write::to_file;
use super::{Outcome, rulebook};
use crate::report::ExitCode;
use crate::requirement::{catalogue, coverage};
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
    /// Write the page of the catalogue of requirements into a folder
    Requirements {
        /// The folder; it must exist
        folder: PathBuf,
    },
}

pub(super) fn run(args: DocsArgs) -> Outcome {
    let (DocsCommand::Rules { folder } | DocsCommand::Requirements { folder }) = &args.command;
    if !folder.is_dir() {
        return Err(Problem::new(format!("{} is no folder", folder.display())).into());
    }
    let ruleset = rulebook::load(&RuleOptions::default(), None)?;
    match args.command {
        DocsCommand::Rules { folder } => rules(&ruleset, &folder),
        DocsCommand::Requirements { folder } => {
            to_file(&folder.join("README.md"), &requirements(&ruleset))?;
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
        let page = format!("{}.md", id.replace('/', "-"));
        let title = rule.title.replace('|', "\\|");
        let _ = writeln!(list, "| [{id}]({page}) | {} | {title} |", rule.severity);
        to_file(&folder.join(page), &Explained::new(rule).markdown())?;
    }
    to_file(&folder.join("README.md"), &list)?;
    Ok(ExitCode::Clean)
}

/// Words as they begin a sentence; a name that is written small stays small.
fn sentence(words: &str) -> String {
    words.strip_prefix("the ").map_or_else(|| words.to_owned(), |rest| format!("The {rest}"))
}

/// The catalogue of requirements as a page: platform by platform, then where sources disagree.
fn requirements(ruleset: &Ruleset) -> String {
    let mut out = String::from(
        "# Requirements\n\nWhat is asked of a cluster, platform by platform, and the rules that decide it. Written by \
         `quorate docs requirements` out of the files in this folder; `quorate rules coverage` prints the same table.\n",
    );
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let covered = coverage(catalogue(), ruleset.covers());
    let mut platform = "";
    for one in &covered {
        let requirement = one.requirement;
        if requirement.platform != platform {
            platform = &requirement.platform;
            let _ = write!(
                out,
                "\n## {platform}\n\n| Id | What | Must hold | Severity | Known | Decided by |\n|---|---|---|---|---|---|\n"
            );
        }
        let known: Vec<&str> = requirement.known.iter().map(|known| known.word()).collect();
        let rules = one.rules.iter().map(|id| format!("[{id}](../rules/{}.md)", id.replace('/', "-")));
        let decided = match one.reason {
            _ if !one.rules.is_empty() => rules.collect::<Vec<_>>().join(", "),
            Some(reason) => format!("no rule: {}", cell(reason)),
            None => "open".to_owned(),
        };
        let conflict = requirement.conflict.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {}{conflict} | {} | {} | {} | {} | {decided} |",
            requirement.id,
            cell(&requirement.subject),
            cell(&requirement.condition),
            requirement.severity.word(),
            known.join(", "),
        );
    }
    out.push_str("\n## Where sources disagree\n");
    for conflict in catalogue().conflicts() {
        let _ = write!(
            out,
            "\n### {}: {}\n\n- {} says: {}\n- {} says: {}\n- Here: {}\n",
            conflict.id,
            conflict.subject,
            sentence(&conflict.article),
            conflict.said_by_article,
            sentence(&conflict.vendor),
            conflict.said_by_vendor,
            conflict.resolution
        );
        for (who, profile) in
            [(&conflict.vendor, &conflict.default), (&conflict.article, &conflict.alternative)]
        {
            if let Some(profile) = profile {
                let _ = writeln!(out, "- Profile `{profile}` follows {who}.");
            }
        }
    }
    out
}
