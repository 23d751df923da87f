//! The report as SARIF 2.1.0 (OASIS): the physical location is the line of the plan that declares what a finding speaks
//! of, else the line of the rule; the logical location is the subject in the facts.
//!
//! What holds is not told: viewers take every result for an alert. What is not known is a warning, since viewers drop results
//! without a level. The invocation bears exit code and verdict.

use super::model::{Report, Verdict};
use super::text::{percent_encoded, printable, singular};
use super::words::{details, fingerprint, headline, place, waiver_words};
use crate::rule::{Finding, Severity, Since, Status};
use rayon::prelude::*;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use serde_sarif::sarif::{
    ArtifactLocation, Invocation, Location, LogicalLocation, Message, MultiformatMessageString, Notification,
    NotificationLevel, PhysicalLocation, Region, ReportingConfiguration, ReportingConfigurationLevel,
    ReportingDescriptor, Result as Found, ResultBaselineState, ResultLevel, SCHEMA_URL, Suppression, Tool,
    ToolComponent,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc;
use std::thread;

/// Stands for the program itself, for rules that are part of it and lie in no folder of the user.
const PROGRAM: &str = "QUORATE";

/// The log file (3.13): `serde_sarif::sarif::Sarif`, but for its run.
#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'a str,
    version: &'a str,
    runs: [Run<'a>; 1],
}

/// The run (3.14): `serde_sarif::sarif::Run`, whose results are never there all at once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    column_kind: &'a str,
    invocations: [Invocation; 1],
    results: Results<'a>,
    tool: Tool,
}

/// Findings that are written as results: some are made, written and forgotten before the next.
struct Results<'a> {
    told: Vec<&'a Finding>,
    rule_of: HashMap<&'a str, i64>,
}

/// Results that are there at once.
const PIECE: usize = 256;

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        // They cost more to make than to write, so the other cores make some while these are written.
        let (give, made) = mpsc::sync_channel::<Vec<Found>>(2);
        thread::scope(|scope| {
            scope.spawn(move || {
                let made = |finding: &&Finding| result(finding, self.rule_of[finding.rule.as_str()]);
                for piece in self.told.chunks(PIECE) {
                    if give.send(piece.par_iter().map(made).collect()).is_err() {
                        return; // it cannot be written, which the writer tells
                    }
                }
            });
            made.iter().flatten().try_for_each(|result| list.serialize_element(&result))
        })?;
        list.end()
    }
}

/// The report as SARIF, with a line end.
pub fn to_sarif(report: &Report) -> String {
    let told: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| !matches!(finding.status, Status::Pass | Status::NotApplicable))
        .collect();
    let mut rules: Vec<ReportingDescriptor> = Vec::new();
    let mut rule_of: HashMap<&str, i64> = HashMap::new();
    for finding in &told {
        rule_of.entry(&finding.rule).or_insert_with(|| {
            rules.push(descriptor(finding));
            i64::try_from(rules.len() - 1).unwrap_or(i64::MAX)
        });
    }
    let version = report.tool.strip_prefix("quorate ").unwrap_or(&report.tool);
    let driver = ToolComponent::builder().name("quorate").version(version).rules(rules).build();
    let run = Run {
        tool: Tool::builder().driver(driver).build(),
        invocations: [invocation(report)],
        results: Results { told, rule_of },
        column_kind: "unicodeCodePoints",
    };
    let sarif = Log { schema: SCHEMA_URL, version: "2.1.0", runs: [run] };
    let mut text = super::json::to_json(&sarif);
    text.push('\n');
    text
}

fn descriptor(finding: &Finding) -> ReportingDescriptor {
    let string = |text: &str| MultiformatMessageString::builder().text(printable(text)).build();
    let help = format!(
        "{}\n\nFix: {}\n\nSource: {}",
        printable(&finding.why),
        printable(&finding.remedy),
        printable(&finding.source.join("; "))
    );
    let level = match finding.severity {
        Severity::Fail => ReportingConfigurationLevel::Error,
        Severity::Warn => ReportingConfigurationLevel::Warning,
        Severity::Info => ReportingConfigurationLevel::Note,
    };
    ReportingDescriptor::builder()
        .id(printable(&finding.rule))
        .short_description(string(&finding.title))
        .full_description(string(&finding.why))
        .help(MultiformatMessageString::builder().text(help).build())
        .default_configuration(ReportingConfiguration::builder().level(serde_json::json!(level)).build())
        .build()
}

fn result(finding: &Finding, rule: i64) -> Found {
    let level = match finding.status {
        Status::Fail => ResultLevel::Error,
        Status::Info => ResultLevel::Note,
        _ => ResultLevel::Warning,
    };
    let text: Vec<String> = std::iter::once(format!("{}: {}", finding.status, headline(finding)))
        .chain(details(finding))
        .collect();
    let message = Message::builder().text(text.join("\n")).build();
    let prints = BTreeMap::from([("quorate/v1".to_owned(), fingerprint(finding))]);
    let suppressions: Vec<Suppression> = finding
        .waiver
        .iter()
        .map(|waiver| {
            Suppression::builder()
                .kind(serde_json::json!("external"))
                .status(serde_json::json!("accepted"))
                .justification(waiver_words(waiver))
                .build()
        })
        .collect();
    let mut found = Found::builder()
        .rule_id(printable(&finding.rule))
        .rule_index(rule)
        .level(level)
        .message(message)
        .locations(vec![location(finding)])
        .partial_fingerprints(prints)
        .build();
    found.suppressions = Some(suppressions).filter(|all| !all.is_empty());
    found.baseline_state = finding.baseline.as_ref().map(|one| {
        // What got worse is a result of its own to whoever looks for new ones, as it is here.
        let state = match one.since {
            Since::New | Since::Worse => ResultBaselineState::New,
            Since::Untold | Since::Reworded => ResultBaselineState::Updated,
            Since::Known => ResultBaselineState::Unchanged,
        };
        serde_json::json!(state)
    });
    found
}

fn location(finding: &Finding) -> Location {
    let path = if finding.path.is_empty() { &finding.subject } else { &finding.path };
    let logical = LogicalLocation::builder()
        .name(printable(&finding.subject))
        .fully_qualified_name(printable(path))
        .kind("resource")
        .build();
    let line = place(finding);
    let shipped = finding.declared_at.is_none() && line.file.starts_with("rules/");
    let mut artifact = ArtifactLocation::builder().uri(uri(&line.file)).build();
    artifact.uri_base_id = shipped.then(|| PROGRAM.to_owned());
    let region = Region::builder().start_line(i64::try_from(line.line).unwrap_or(1)).build();
    let physical = PhysicalLocation::builder().artifact_location(artifact).region(region).build();
    Location::builder().physical_location(physical).logical_locations(vec![logical]).build()
}

fn invocation(report: &Report) -> Invocation {
    let words = format!("{}: {}", report.verdict.word(), printable(&report.reason));
    let mut notes = Vec::new();
    let mut note = |level: NotificationLevel, text: String| {
        notes.push(
            Notification::builder()
                .level(serde_json::json!(level))
                .message(Message::builder().text(text).build())
                .build(),
        );
    };
    if !matches!(report.verdict, Verdict::Clean | Verdict::NothingNew | Verdict::Findings) {
        note(NotificationLevel::Error, words.clone());
    }
    for (kind, reach) in report.coverage.reaches() {
        for one in &reach.not_reached {
            note(
                NotificationLevel::Error,
                format!(
                    "{} {} was not reached: {}",
                    singular(kind),
                    printable(&one.name),
                    printable(&one.reason)
                ),
            );
        }
    }
    if let Some(compared) = &report.baseline {
        note(
            NotificationLevel::Note,
            printable(&format!("held against {}: {}", compared.name(), compared.summary())).into_owned(),
        );
        for one in &compared.gone {
            let text = format!("{}: {} {} ({})", one.now.meaning(), one.subject, one.message, one.rule);
            note(NotificationLevel::Note, printable(&text).into_owned());
        }
    }
    let complete = matches!(report.verdict, Verdict::Clean | Verdict::NothingNew | Verdict::Findings);
    Invocation::builder()
        .execution_successful(complete && report.coverage.run_complete)
        .exit_code(i64::from(report.exit_code))
        .exit_code_description(words)
        .tool_execution_notifications(notes)
        .build()
}

/// A path as a URI reference: relative paths stay relative, so that they are found in the repository.
fn uri(path: &str) -> String {
    let path = printable(path).replace('\\', "/");
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    // In a relative reference a colon would end a scheme.
    out.push_str(&percent_encoded(path.trim_start_matches("./"), b"/"));
    out
}
