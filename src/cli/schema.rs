//! `quorate schema`: JSON schemas of what this program reads and writes.

use super::Outcome;
use super::storage::storage_json_schema;
use super::write::to_stdout;
use crate::facts::facts_json_schema;
use crate::inventory;
use crate::report::{ExitCode, report_json_schema, to_json};
use crate::rule::rules_json_schema;

/// Print the JSON schema of the facts, of cluster.toml, of rule files, of the report or of storage tests
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
    /// What `cluster.toml` says
    Cluster,
    /// What rule files and profiles say
    Rules,
    /// What `quorate check --format json` writes
    Report,
    /// What `quorate storage --format json` writes
    Storage,
}

pub(super) fn run(args: SchemaArgs) -> Outcome {
    let schema = match args.kind {
        Kind::Facts => titled(facts_json_schema(), "Facts of a cluster (quorate/1)"),
        Kind::Cluster => inventory::json_schema(),
        Kind::Rules => rules_json_schema(),
        Kind::Storage => titled(storage_json_schema(), "Active storage tests (quorate-storage/1)"),
        Kind::Report => titled(report_json_schema(), "Report on a cluster (quorate-report/1)"),
    };
    to_stdout(&(to_json(&schema) + "\n"))?;
    Ok(ExitCode::Clean)
}

fn titled(mut schema: serde_json::Value, title: &str) -> serde_json::Value {
    schema["title"] = title.into();
    schema
}
