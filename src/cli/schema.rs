//! `quorate schema`: JSON schemas of what this program reads and writes.

use super::Outcome;
use super::args::{SchemaArgs, SchemaKind};
use super::write::to_stdout;
use crate::facts::facts_json_schema;
use crate::report::{ExitCode, report_json_schema, to_json};

pub(super) fn run(args: SchemaArgs) -> Outcome {
    let mut schema = match args.kind {
        SchemaKind::Facts => facts_json_schema(),
        SchemaKind::Report => report_json_schema(),
    };
    schema["title"] = args.kind.title().into();
    to_stdout(&(to_json(&schema) + "\n"))?;
    Ok(ExitCode::Clean)
}
