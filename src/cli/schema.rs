//! `quorate schema`: JSON schemas of what this program reads and writes; and those that editors take, beside the files
//! that they describe.

use super::Outcome;
use super::manifest::manifest_json_schema;
use super::storage::storage_json_schema;
use super::write::{to_file, to_stdout};
use crate::facts::facts_json_schema;
use crate::inventory;
use crate::report::{ExitCode, diff_json_schema, report_json_schema, to_json};
use crate::rule::{profile_json_schema, rules_json_schema};
use crate::source::Problems;
use std::path::Path;

/// Print the JSON schema of the facts, of cluster.toml, of rule files, of profiles, of the report, of comparisons, of storage
/// tests or of the manifest
#[derive(clap::Args)]
pub(super) struct SchemaArgs {
    /// Of what
    #[arg(value_enum)]
    kind: Kind,
}

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Kind {
    /// What `quorate probe` records
    Facts,
    /// What `cluster.toml` says
    Cluster,
    /// What rule files say
    Rules,
    /// What profiles say
    Profile,
    /// What `quorate check --format json` writes
    Report,
    /// What `quorate diff --format json` writes
    Diff,
    /// What `quorate storage --format json` writes
    Storage,
    /// What `quorate manifest --format json` writes
    Manifest,
}

impl Kind {
    /// The file that `#:schema` lines name.
    pub(super) const fn file_name(self) -> &'static str {
        match self {
            Kind::Facts => "facts.schema.json",
            Kind::Cluster => "cluster.schema.json",
            Kind::Rules => "rules.schema.json",
            Kind::Profile => "profile.schema.json",
            Kind::Report => "report.schema.json",
            Kind::Diff => "diff.schema.json",
            Kind::Storage => "storage.schema.json",
            Kind::Manifest => "manifest.schema.json",
        }
    }

    fn text(self) -> String {
        let schema = match self {
            Kind::Facts => titled(facts_json_schema(), "Facts of a cluster (quorate/1)"),
            Kind::Cluster => inventory::json_schema(),
            Kind::Rules => rules_json_schema(),
            Kind::Profile => profile_json_schema(),
            Kind::Storage => titled(storage_json_schema(), "Active storage tests (quorate-storage/1)"),
            Kind::Manifest => titled(manifest_json_schema(), "What rules need (quorate-manifest/1)"),
            Kind::Diff => titled(diff_json_schema(), "Comparison of two runs (quorate-diff/1)"),
            Kind::Report => titled(report_json_schema(), "Report on a cluster (quorate-report/1)"),
        };
        to_json(&schema) + "\n"
    }
}

pub(super) fn run(args: SchemaArgs) -> Outcome {
    to_stdout(&args.kind.text())?;
    Ok(ExitCode::Clean)
}

/// Writes a schema into a folder, for the `#:schema` line of a file there. One that is there stays, unless it is to be
/// replaced; returns whether it is another than this program has.
pub(super) fn beside(folder: &Path, kind: Kind, replace: bool) -> Result<bool, Problems> {
    let path = folder.join(kind.file_name());
    if !replace && path.symlink_metadata().is_ok() {
        return Ok(std::fs::read_to_string(&path).ok().as_deref() != Some(&kind.text()));
    }
    to_file(&path, &kind.text()).map(|()| false)
}

fn titled(mut schema: serde_json::Value, title: &str) -> serde_json::Value {
    schema["title"] = title.into();
    schema
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Keywords that came after draft-07, which editors of TOML do not know.
    const LATER: [&str; 6] = [
        "$defs",
        "prefixItems",
        "dependentSchemas",
        "dependentRequired",
        "unevaluatedProperties",
        "$dynamicRef",
    ];

    #[test]
    fn what_editors_take_is_draft_07() {
        fn look(value: &Value, path: &str, later: &mut Vec<String>) {
            match value {
                Value::Object(fields) => fields.iter().for_each(|(key, below)| {
                    // The keys of `properties` are names of ours.
                    if LATER.contains(&key.as_str()) && !path.ends_with("/properties") {
                        later.push(format!("{path}/{key}"));
                    }
                    look(below, &format!("{path}/{key}"), later);
                }),
                Value::Array(all) => all.iter().for_each(|one| look(one, path, later)),
                _ => {}
            }
        }
        for kind in [Kind::Cluster, Kind::Rules, Kind::Profile] {
            let schema: Value = serde_json::from_str(&kind.text()).expect("JSON");
            assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#", "{}", kind.file_name());
            let mut later = Vec::new();
            look(&schema, "", &mut later);
            assert!(later.is_empty(), "{}: {later:?}", kind.file_name());
        }
    }
}
