//! The report as metrics for the textfile collector of Prometheus' node exporter.

use super::baseline::Gone;
use super::model::{Report, Verdict};
use super::text::printable;
use crate::rule::Status;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The report in Prometheus' text format.
pub fn to_prometheus(report: &Report) -> String {
    let mut out = String::new();
    let cluster = label(report.cluster.name.as_deref().unwrap_or_default());
    let profile = label(&report.cluster.profile);
    let mut metric = |name: &str, help: &str, samples: &[(String, String)]| {
        let _ = writeln!(out, "# HELP quorate_{name} {help}\n# TYPE quorate_{name} gauge");
        for (labels, value) in samples {
            let labels = if labels.is_empty() { String::new() } else { format!(",{labels}") };
            let _ = writeln!(out, "quorate_{name}{{cluster=\"{cluster}\"{labels}}} {value}");
        }
    };
    let one = |labels: String, value: usize| (labels, value.to_string());
    metric(
        "info",
        "Program and profile that judged.",
        &[(format!("tool=\"{}\",profile=\"{profile}\"", label(&report.tool)), "1".to_owned())],
    );
    metric("exit_code", "Exit code of the check.", &[one(String::new(), usize::from(report.exit_code))]);
    // Each is a series, so that it goes to 0.
    let verdicts: Vec<_> = Verdict::ALL
        .iter()
        .map(|verdict| {
            one(format!("verdict=\"{}\"", verdict.word()), usize::from(*verdict == report.verdict))
        })
        .collect();
    metric("verdict", "1 for the verdict of the check.", &verdicts);
    let subjects: Vec<_> = Status::ALL
        .iter()
        .map(|status| one(format!("status=\"{status}\""), report.summary.of_status(*status)))
        .collect();
    metric("subjects", "Subjects of which rules say this.", &subjects);
    let rules = &report.coverage.rules;
    let states = [
        ("evaluated", rules.evaluated),
        ("unknown", rules.unknown),
        ("not-applicable", rules.not_applicable),
        ("waived", rules.waived),
    ];
    metric(
        "rules",
        "Selected rules by what came of them.",
        &states.map(|(state, number)| one(format!("state=\"{state}\""), number)),
    );
    let reached: Vec<_> = report
        .coverage
        .reaches()
        .into_iter()
        .flat_map(|(kind, reach)| {
            [
                ("reached", reach.reached),
                ("declared", reach.declared),
                ("not-reached", reach.not_reached.len()),
            ]
            .map(|(state, number)| one(format!("kind=\"{kind}\",state=\"{state}\""), number))
        })
        .collect();
    metric("reach", "Nodes, targets and portals by whether they answered.", &reached);
    let mut open: BTreeMap<(&str, Status), usize> = BTreeMap::new();
    for finding in &report.findings {
        if !matches!(finding.status, Status::Pass | Status::NotApplicable) {
            *open.entry((&finding.rule, finding.status)).or_default() += finding.subjects;
        }
    }
    let open: Vec<_> = open
        .into_iter()
        .map(|((rule, status), number)| one(format!("rule=\"{}\",status=\"{status}\"", label(rule)), number))
        .collect();
    metric("findings", "Subjects of which a rule says something other than that it holds.", &open);
    if let Some(compared) = &report.baseline {
        let mut states = vec![("new", compared.new), ("known", compared.known), ("untold", compared.untold)];
        states.extend(Gone::ALL.map(|way| (way.word(), compared.gone(way))));
        let samples: Vec<_> =
            states.into_iter().map(|(state, number)| one(format!("state=\"{state}\""), number)).collect();
        metric("baseline", "Findings by how they stand to the baseline.", &samples);
    }
    let gathered = report.gathered.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    if let Some(gathered) = gathered {
        metric(
            "gathered_timestamp_seconds",
            "When the facts were gathered.",
            &[(String::new(), gathered.as_second().to_string())],
        );
    }
    out
}

/// The value of a label, escaped as the text format asks.
fn label(text: &str) -> String {
    printable(text).replace('\\', "\\\\").replace('"', "\\\"")
}
