//! The report: what a run of the rules came to, with the verdict and the exit code, computed here and nowhere else.

use super::baseline::Compared;
use super::coverage::Coverage;
use super::drawn::Drawn;
use super::exit::ExitCode;
use super::tested::TestedLun;
use super::text::count;
use super::validated::Validated;
use crate::facts::{Document, SourceKind, ancestors};
use crate::rule::{Finding, Judgement, Line, Override, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Version of the reports that this program writes.
pub const REPORT_SCHEMA: &str = "quorate-report/1";

/// What a check of one cluster came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Version of this report: `quorate-report/1`.
    pub schema: String,
    /// Program and version that judged.
    pub tool: String,
    /// What was judged.
    pub cluster: Judged,
    /// When the facts were gathered, RFC 3339 in UTC; absent where the document does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<String>,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// Exit code of the program.
    pub exit_code: u8,
    /// The findings that make the check fail.
    pub fail_on: FailOn,
    /// How many subjects the findings of each status speak of: the sum of their `subjects`.
    pub summary: Summary,
    /// What was checked, and what was not.
    pub coverage: Coverage,
    /// Parameters that the configuration sets to another value than the profile does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    /// The former report that it is held against, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Compared>,
    /// What active tests of LUNs found, where any were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tested: Vec<TestedLun>,
    /// Microsoft's own validation of the cluster beside the rules, where the facts hold one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validated>,
    /// What the pictures of a report show; absent where no format was asked for that shows or holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawn: Option<Drawn>,
    /// All findings, worst first, then in the order of the rules and of the facts.
    pub findings: Vec<Finding>,
}

/// The cluster that was judged, and by what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// Name of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Release of the platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Profile that chose the rules and their limits.
    pub profile: String,
}

/// What a report comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything was checked, and nothing was found at or above `fail_on`.
    Clean,
    /// Something was found that is in the baseline as well, and nothing at or above `fail_on` that is not.
    NothingNew,
    /// Something was found at or above `fail_on`, and is new where there is a baseline.
    Findings,
    /// Nothing was found, but something could not be determined.
    Incomplete,
    /// No rule had anything to judge.
    NothingChecked,
    /// The run was interrupted.
    Interrupted,
    /// Something of an active test may be left on a LUN.
    LeftOnLun,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 7] = [
        Verdict::Clean,
        Verdict::NothingNew,
        Verdict::Findings,
        Verdict::Incomplete,
        Verdict::NothingChecked,
        Verdict::Interrupted,
        Verdict::LeftOnLun,
    ];

    /// The word for it in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Verdict::Clean => "clean",
            Verdict::NothingNew => "nothing-new",
            Verdict::Findings => "findings",
            Verdict::Incomplete => "incomplete",
            Verdict::NothingChecked => "nothing-checked",
            Verdict::Interrupted => "interrupted",
            Verdict::LeftOnLun => "left-on-lun",
        }
    }

    /// How it is marked where there are colours or signs.
    pub(super) const fn tone(self) -> Tone {
        match self {
            Verdict::Clean | Verdict::NothingNew => Tone::Good,
            Verdict::Findings | Verdict::LeftOnLun => Tone::Bad,
            Verdict::Incomplete | Verdict::NothingChecked | Verdict::Interrupted => Tone::Open,
        }
    }

    /// The exit code that goes with it.
    pub const fn exit_code(self) -> ExitCode {
        match self {
            Verdict::Clean | Verdict::NothingNew => ExitCode::Clean,
            Verdict::Findings => ExitCode::Findings,
            Verdict::Incomplete => ExitCode::Incomplete,
            Verdict::NothingChecked => ExitCode::NothingChecked,
            Verdict::Interrupted => ExitCode::Interrupted,
            Verdict::LeftOnLun => ExitCode::LeftOnLun,
        }
    }
}

/// How a verdict is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// It cannot be told.
    Open,
}

/// The findings that make a check end with [`ExitCode::Findings`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// Failures.
    #[default]
    Fail,
    /// Failures and warnings.
    Warn,
    /// Failures and whatever could not be determined.
    Unknown,
}

/// How many subjects the findings of each status speak of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// The rule holds.
    pub pass: usize,
    /// It does not hold; the cluster works less well.
    pub warn: usize,
    /// It does not hold; the cluster will not fail over, or is not supported.
    pub fail: usize,
    /// It does not hold; worth knowing.
    pub info: usize,
    /// A fact is missing.
    pub unknown: usize,
    /// The rule has nothing to say of it.
    pub not_applicable: usize,
    /// It does not hold or cannot be judged, and a waiver accepts that.
    pub waived: usize,
}

impl Summary {
    pub(super) fn of(findings: &[Finding]) -> Self {
        let mut summary = Summary::default();
        for finding in findings {
            *match finding.status {
                Status::Pass => &mut summary.pass,
                Status::Warn => &mut summary.warn,
                Status::Fail => &mut summary.fail,
                Status::Info => &mut summary.info,
                Status::Unknown => &mut summary.unknown,
                Status::NotApplicable => &mut summary.not_applicable,
                Status::Waived => &mut summary.waived,
            } += finding.subjects;
        }
        summary
    }

    /// How many there are of a status.
    pub const fn of_status(&self, status: Status) -> usize {
        match status {
            Status::Pass => self.pass,
            Status::Warn => self.warn,
            Status::Fail => self.fail,
            Status::Info => self.info,
            Status::Unknown => self.unknown,
            Status::NotApplicable => self.not_applicable,
            Status::Waived => self.waived,
        }
    }
}

impl Report {
    /// The report of a judgement. `interrupted` says that this run was, by the user.
    pub fn new(document: &Document, judgement: Judgement, fail_on: FailOn, interrupted: bool) -> Self {
        let coverage = Coverage::of(document, &judgement);
        let validation = Validated::of(document, &judgement);
        let Judgement { mut findings, profile, overrides, .. } = judgement;
        findings.sort_by_key(|finding| finding.status);
        declare(&mut findings, document);
        let summary = Summary::of(&findings);
        let tested = TestedLun::all(document);
        let (verdict, reason) =
            left_on_lun(&tested).unwrap_or_else(|| verdict(&summary, &coverage, fail_on, interrupted));
        let cluster = &document.cluster;
        Report {
            schema: REPORT_SCHEMA.to_owned(),
            tool: concat!("quorate ", env!("CARGO_PKG_VERSION")).to_owned(),
            cluster: Judged {
                name: cluster.name.clone(),
                platform: cluster.platform.map(|platform| platform.word().to_owned()),
                release: cluster.release.clone(),
                profile,
            },
            gathered: document.run.started.clone(),
            verdict,
            reason,
            exit_code: verdict.exit_code().code(),
            fail_on,
            summary,
            coverage,
            overrides,
            baseline: None,
            tested,
            validation,
            drawn: None,
            findings,
        }
    }
}

impl Report {
    /// Adds what pictures show. It compares every fact of every node, so that only who shows or writes it asks for it.
    pub fn draw(&mut self, document: &Document) {
        self.drawn = Some(Drawn::of(document, &self.findings));
    }

    /// All of it but the findings.
    pub(super) fn without_findings(&self) -> Self {
        Report {
            schema: self.schema.clone(),
            tool: self.tool.clone(),
            cluster: self.cluster.clone(),
            gathered: self.gathered.clone(),
            verdict: self.verdict,
            reason: self.reason.clone(),
            exit_code: self.exit_code,
            fail_on: self.fail_on,
            summary: self.summary,
            coverage: self.coverage.clone(),
            overrides: self.overrides.clone(),
            baseline: self.baseline.clone(),
            tested: self.tested.clone(),
            validation: self.validation.clone(),
            drawn: self.drawn.clone(),
            findings: Vec::new(),
        }
    }

    /// The exit code that the verdict calls for.
    pub const fn exit_code(&self) -> ExitCode {
        self.verdict.exit_code()
    }
}

/// Sets where the plan declares what findings speak of: the line of the subject, else of what is nearest above it.
fn declare(findings: &mut [Finding], document: &Document) {
    let lines: HashMap<&str, Line> = document
        .sources
        .iter()
        .filter(|source| source.kind == Some(SourceKind::Plan))
        .filter_map(|source| {
            let line = source.item.as_deref()?.strip_prefix("line ")?.parse().ok()?;
            Some((source.path.as_str(), Line { file: source.place.clone()?, line }))
        })
        .collect();
    if lines.is_empty() {
        return;
    }
    let told = findings.iter_mut().filter(|one| !matches!(one.status, Status::Pass | Status::NotApplicable));
    for finding in told {
        // What a finding brings with it is nearer.
        if finding.declared_at.is_some() {
            continue;
        }
        let at = if finding.path.is_empty() { "cluster" } else { &finding.path };
        finding.declared_at = ancestors(at).chain(["cluster"]).find_map(|at| lines.get(at).cloned());
    }
}

/// What it comes to where something of ours may be left on a LUN, which counts before everything else.
fn left_on_lun(tested: &[TestedLun]) -> Option<(Verdict, String)> {
    let left: Vec<&str> =
        tested.iter().filter(|lun| lun.left_something()).map(|lun| lun.lun.as_str()).collect();
    let reason = || {
        format!("something of the active test may be left on {}; remove it as told above", left.join(", "))
    };
    (!left.is_empty()).then(|| (Verdict::LeftOnLun, reason()))
}

/// What it comes to, and why. An unknown never counts as clean, whatever the rule's severity.
fn verdict(summary: &Summary, coverage: &Coverage, fail_on: FailOn, interrupted: bool) -> (Verdict, String) {
    let reached = |number, plural| (number > 0).then(|| count(number, plural));
    let findings: Vec<String> = [
        reached(summary.fail, "failures"),
        reached(summary.unknown, "unknowns").filter(|_| fail_on == FailOn::Unknown),
        reached(summary.warn, "warnings").filter(|_| fail_on == FailOn::Warn),
    ]
    .into_iter()
    .flatten()
    .collect();
    let checked =
        summary.pass + summary.warn + summary.fail + summary.info + summary.unknown + summary.waived;
    if interrupted {
        (
            Verdict::Interrupted,
            "the run was interrupted; this report covers what was gathered until then".into(),
        )
    } else if !findings.is_empty() {
        (Verdict::Findings, findings.join(", "))
    } else if checked == 0 {
        let reason = if coverage.rules.selected == 0 {
            "no rule was selected"
        } else {
            "none of the selected rules has anything to say of this cluster"
        };
        (Verdict::NothingChecked, reason.into())
    } else if coverage.complete {
        (Verdict::Clean, clean_reason(summary))
    } else {
        (Verdict::Incomplete, format!("no failure found, but {}", open_ends(coverage).join(", ")))
    }
}

fn clean_reason(summary: &Summary) -> String {
    match (summary.warn, summary.info) {
        (0, 0) => "everything that was selected holds".into(),
        (warn, 0) => format!("no failure, {}", count(warn, "warnings")),
        (0, info) => format!("no failure, no warning, {}", count(info, "notes")),
        (warn, info) => format!("no failure, {}, {}", count(warn, "warnings"), count(info, "notes")),
    }
}

/// What keeps a run from being complete.
fn open_ends(coverage: &Coverage) -> Vec<String> {
    let mut out = Vec::new();
    if !coverage.run_complete {
        out.push("the facts were not gathered to the end".to_owned());
    }
    for (reach, plural) in [(&coverage.nodes, "nodes"), (&coverage.targets, "targets")] {
        if !reach.not_reached.is_empty() {
            let was = if reach.not_reached.len() == 1 { "was" } else { "were" };
            out.push(format!("{} {was} not reached", count(reach.not_reached.len(), plural)));
        }
    }
    if coverage.rules.unknown > 0 {
        out.push(format!("{} could not be judged", count(coverage.rules.unknown, "rules")));
    }
    out
}
