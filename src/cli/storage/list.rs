//! `quorate storage test --list`: the steps, who needs them, and how much they matter.

use super::answer::{ListedStep, StorageReport};
use super::test::Wanted;
use crate::cli::Outcome;
use crate::cli::args::Format;
use crate::cli::columns::{pairs, table};
use crate::cli::terminal::Terminal;
use crate::cli::write::to_stdout;
use crate::report::ExitCode;

/// Tells of the steps that are asked for; with `-v` everything of each.
pub(super) fn run(wanted: &Wanted, format: Format, terminal: &Terminal) -> Outcome {
    let steps: Vec<ListedStep> = ListedStep::all().filter(|step| wanted.has(step)).collect();
    let look = terminal.look();
    let text = match format {
        Format::Json => {
            let mut report = StorageReport::new();
            report.steps = steps;
            report.to_json()
        }
        Format::Table if look.verbose > 0 => {
            let shown = steps.iter().map(|step| {
                let rows = [
                    (step.id.as_str(), format!("{} ({}, mode {})", step.title, step.severity, step.mode)),
                    ("does", step.does.clone()),
                    ("expects", step.expects.clone()),
                    ("means", step.meaning.clone()),
                    ("needed by", step.stacks.join(", ")),
                    ("rests on", step.needs.join(", ")),
                    ("source", step.source.clone()),
                ];
                let rows: Vec<_> = rows.into_iter().filter(|(_, text)| !text.is_empty()).collect();
                pairs(&rows, look)
            });
            shown.collect::<Vec<_>>().join("\n")
        }
        Format::Table => {
            let rows = steps.into_iter().map(|step| {
                let stacks = if step.stacks.len() >= 9 {
                    "all that reserve".to_owned()
                } else {
                    step.stacks.join(", ")
                };
                [step.id, step.severity, step.mode, step.title, stacks]
            });
            table(["Step", "Severity", "Mode", "What", "Needed by"], rows, look)
        }
    };
    to_stdout(&text)?;
    Ok(ExitCode::Clean)
}
