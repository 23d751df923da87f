//! Reports that were written before: read back for a baseline or for a comparison, or refused with a word about what the file
//! is instead.

use crate::facts::FACTS_SCHEMA;
use crate::report::{REPORT_SCHEMA, Report};
use crate::source::{Problem, Problems};
use std::io::Read;
use std::path::Path;

/// Largest file that is read. A report of 64 nodes takes a few megabytes.
const MAX_REPORT_BYTES: u64 = 256 * 1024 * 1024;

/// How a report that can be read again is written.
const WRITE_ONE: &str = "`quorate check --format json -o FILE` writes a report that can be read again";

/// What a file is, by what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A report of this version.
    Report,
    /// A recording of facts.
    Recording,
    /// Something else, in words, and what to do about it.
    Other(String, &'static str),
}

/// What a text is. `name` decides nothing but what is taken for a plan.
pub(super) fn kind_of(text: &str, name: &Path) -> Kind {
    let other = |what: &str, help| Kind::Other(what.to_owned(), help);
    if name.extension().is_some_and(|ending| ending == "toml") {
        return other(
            "a plan, not a report",
            "judge it first: `quorate check --plan FILE --format json -o REPORT`",
        );
    }
    if text.trim_start().is_empty() {
        return other("empty", WRITE_ONE);
    }
    let head: Head = match serde_json::from_str(text) {
        Ok(head) => head,
        Err(error) if error.is_data() => return other("no report: it is JSON of another kind", WRITE_ONE),
        Err(error) => {
            let first = text.lines().next().and_then(|line| serde_json::from_str::<Head>(line).ok());
            if first.is_some_and(|head| head.kind.as_deref() == Some("report")) {
                return other(
                    "a report in JSON lines, which is for programs that read line by line",
                    WRITE_ONE,
                );
            }
            let what = format!(
                "no JSON (line {}, column {}: {}), so it was cut off, or is something else",
                error.line(),
                error.column(),
                reason(&error)
            );
            return Kind::Other(what, WRITE_ONE);
        }
    };
    match head.schema.as_deref() {
        Some(REPORT_SCHEMA) => Kind::Report,
        Some(schema) if schema.starts_with("quorate-report/") => Kind::Other(
            format!(
                "a report of another version: its schema is `{schema}`, and this program reads `{REPORT_SCHEMA}`"
            ),
            "write it anew with this program, or read it with the program that wrote it",
        ),
        Some(schema) if schema == FACTS_SCHEMA || schema.starts_with("quorate/") => Kind::Recording,
        Some(schema) => Kind::Other(format!("no report: its schema is `{schema}`"), WRITE_ONE),
        None if head.runs.is_some() => other("a report in SARIF, which does not hold all of it", WRITE_ONE),
        None => other("no report: it does not say `\"schema\"`", WRITE_ONE),
    }
}

/// What a JSON text says of itself.
#[derive(serde::Deserialize)]
struct Head {
    schema: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    runs: Option<serde::de::IgnoredAny>,
}

/// What is wrong with a JSON text, without the place, which stands beside it.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned()
}

/// The text of a file that may be a report.
pub(super) fn read_text(path: &Path) -> Result<String, Problems> {
    let name = path.display();
    let cannot = |error: std::io::Error| {
        let problem = Problem::new(format!("{name} cannot be read: {error}"));
        if error.kind() == std::io::ErrorKind::NotFound { problem.help(WRITE_ONE) } else { problem }
    };
    let file = std::fs::File::open(path).map_err(cannot)?;
    if file.metadata().is_ok_and(|found| found.is_dir()) {
        return Err(Problem::new(format!("{name} is a folder, not a report")).help(WRITE_ONE).into());
    }
    let mut bytes = Vec::new();
    file.take(MAX_REPORT_BYTES + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MAX_REPORT_BYTES {
        let limit = MAX_REPORT_BYTES / (1024 * 1024);
        return Err(Problem::new(format!("{name} is larger than {limit} MiB; this is no report"))
            .help(WRITE_ONE)
            .into());
    }
    String::from_utf8(bytes).map_err(|_| {
        Problem::new(format!("{name} is not UTF-8 text, so it is no report")).help(WRITE_ONE).into()
    })
}

/// Reads a report out of its text.
pub(super) fn parse_report(text: &str, path: &Path) -> Result<Report, Problems> {
    let name = path.display();
    match kind_of(text, path) {
        Kind::Report => Report::from_json(text).map_err(|error| {
            Problem::new(format!("{name} is no whole report: {error}")).help(WRITE_ONE).into()
        }),
        Kind::Recording => Err(Problem::new(format!("{name} is a recording of facts, not a report"))
            .help(format!("judge it first: `quorate check {name} --format json -o REPORT`"))
            .into()),
        Kind::Other(what, help) => Err(Problem::new(format!("{name} is {what}")).help(help).into()),
    }
}

/// Reads a report from a file.
pub(super) fn read_report(path: &Path) -> Result<Report, Problems> {
    parse_report(&read_text(path)?, path)
}
