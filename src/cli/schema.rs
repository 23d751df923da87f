//! `quorate schema`: JSON schemas of what this program reads and writes.

use super::Outcome;
use super::write::to_stdout;
use crate::facts::facts_json_schema;
use crate::report::{ExitCode, report_json_schema, to_json};

/// Print the JSON schema of the facts, of cluster.toml, of rule files or of the report
#[derive(clap::Args)]
pub(super) struct SchemaArgs {
    /// Of what
    #[arg(value_enum)]
    kind: Kind,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// What `quorate probe` records
    Facts,
    /// What `quorate check --format json` writes
    Report,
}

pub(super) fn run(args: SchemaArgs) -> Outcome {
    let (mut schema, title) = match args.kind {
        Kind::Facts => (facts_json_schema(), "Facts of a cluster (quorate/1)"),
        Kind::Report => (report_json_schema(), "Report on a cluster (quorate-report/1)"),
    };
    schema["title"] = title.into();
    to_stdout(&(to_json(&schema) + "\n"))?;
    Ok(ExitCode::Clean)
}
