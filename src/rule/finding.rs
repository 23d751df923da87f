//! What rules say of facts: one finding for each rule and subject. Plain data; renderers read nothing else.

use crate::choices;
use crate::facts::{ChoiceType, Fact, Type, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

choices! {
    /// How bad it is when a rule does not hold.
    Severity {
        /// Worth knowing; never decides a verdict.
        Info = "info",
        /// The cluster works, but less well or less surely than it should.
        Warn = "warn",
        /// The cluster will not fail over when it has to, or is not supported.
        Fail = "fail",
    }
}

/// What a rule says of one subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The rule does not hold, and its severity is `fail`.
    Fail,
    /// It cannot be said: a fact is missing.
    Unknown,
    /// The rule does not hold, and its severity is `warn`.
    Warn,
    /// The rule does not hold, and its severity is `info`.
    Info,
    /// The rule does not hold or cannot be judged, and a waiver accepts that.
    Waived,
    /// The rule holds.
    Pass,
    /// The rule has nothing to say of this cluster.
    NotApplicable,
}

impl Status {
    /// All of them, worst first.
    pub const ALL: [Status; 7] = [
        Status::Fail,
        Status::Unknown,
        Status::Warn,
        Status::Info,
        Status::Waived,
        Status::Pass,
        Status::NotApplicable,
    ];

    /// The word for it in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Status::Fail => "fail",
            Status::Unknown => "unknown",
            Status::Warn => "warn",
            Status::Info => "info",
            Status::Waived => "waived",
            Status::Pass => "pass",
            Status::NotApplicable => "not-applicable",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What one rule says of one subject.
// The words of the rule itself are there once for all of its findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Id of the rule: `network/redundant-paths`.
    pub rule: String,
    /// Title of the rule.
    pub title: Arc<str>,
    /// What it says.
    pub status: Status,
    /// How bad it is when the rule does not hold, after profile and configuration.
    pub severity: Severity,
    /// How many subjects it is said of: one, but for what passes, which is said once of all subjects of a rule that do,
    /// and for what is said of more than a thousand.
    pub subjects: usize,
    /// What it is said of: a node, a LUN, a network; `cluster` where it is the whole; `64 nodes` where it is several.
    pub subject: String,
    /// Path of the subject in the facts: `nodes[hv2]`; empty for the whole; that of the list, `nodes`, for several.
    pub path: String,
    /// What is the matter, with the odd element, its value and the one that is wanted.
    pub message: String,
    /// What breaks, in plain words.
    pub why: Arc<str>,
    /// What to do.
    pub remedy: Arc<str>,
    /// The documents in which the requirement stands.
    pub source: Arc<[String]>,
    /// The facts that decided, with their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Where those facts come from: `hv2: ip -j -d addr`, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provenance: Vec<String>,
    /// The waiver that accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiver: Option<AppliedWaiver>,
    /// How it stands to the baseline; absent for what is waived, holds or does not apply, and where there is no baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<SinceBaseline>,
    /// The line of the plan that declares its subject, or what is nearest above it; absent where there is no plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_at: Option<Line>,
    /// The line at which the rule begins; absent where the rule holds or has nothing to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_at: Option<Line>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The file: the path as it was given; `rules/network.toml` for a rule that is part of the program.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// A fact that a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Path of the fact: `nodes[hv2].os.build`.
    pub path: String,
    /// Its value as text; absent when the fact is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Why it is missing: the gap's reason and detail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

/// The waiver that turned a finding into a waived one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppliedWaiver {
    /// Who accepts it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Since when, as a date in UTC; absent where it was accepted at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Until when, as a date in UTC; that day is the last one.
    pub until: String,
    /// The status without the waiver.
    pub instead_of: Status,
}

/// How a finding stands to the former report that a check is held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SinceBaseline {
    /// Whether it is new.
    pub since: Since,
    /// What was said of the same subject then; absent where nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Status>,
}

/// Whether a finding is new since the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Since {
    /// The baseline does not have it.
    New,
    /// The baseline has it as something milder, unknown or waived; it counts as new.
    Worse,
    /// The baseline has it; whether it still is so can no longer be told.
    Untold,
    /// The baseline has it, with other words.
    Reworded,
    /// The baseline has it as it is.
    Known,
}

impl Since {
    /// All of them.
    pub const ALL: [Since; 5] = [Since::New, Since::Worse, Since::Untold, Since::Reworded, Since::Known];

    /// The word for it in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Since::New => "new",
            Since::Worse => "worse",
            Since::Untold => "untold",
            Since::Reworded => "reworded",
            Since::Known => "known",
        }
    }

    /// Whether the baseline accepts it.
    pub const fn is_known(self) -> bool {
        matches!(self, Since::Known | Since::Reworded)
    }
}

/// Everything a run of the rules came to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Judgement {
    /// One finding for each rule and subject, in the order of the rules and then of the facts.
    pub findings: Vec<Finding>,
    /// Ids of the rules that were selected, in order.
    pub selected: Vec<String>,
    /// Name of the profile.
    pub profile: String,
    /// Parameters that the configuration sets to another value than the profile does.
    pub overrides: Vec<Override>,
}

/// A parameter that the configuration sets to another value than the profile does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// Name of the parameter.
    pub param: String,
    /// The value that was judged by, as text.
    pub value: String,
    /// The value of the profile, as text.
    pub instead_of: String,
    /// Where that one comes from: profile and document, or the default.
    pub limit_from: String,
    /// Where the configuration sets it: file and line.
    pub set_at: String,
}
