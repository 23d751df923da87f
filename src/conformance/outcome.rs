//! What came of a conformance run: one outcome per step, the suitability of the unit, latencies, and what was left behind.
//!
//! Always holds: a step that was not played, or that the target does not support, is never `ok`; a departure carries the
//! request and the answer that show it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::latency::Latency;
use super::plan::{BlockRange, Mode, Stack, StepId};
use super::suitability::Suitability;

/// How much a departure matters to a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Seldom noticed.
    Minor,
    /// Failover is slower, or fails in some cases.
    Major,
    /// Data loss, or no failover.
    Blocker,
}

impl Severity {
    /// The word in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Blocker => "blocker",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A command and its answer, as they went over the wire. Long data is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exchange {
    /// Who sent it: `A`, `B`, `A (path 2)`.
    pub node: String,
    /// The portal.
    pub portal: String,
    /// The command by its name.
    pub command: String,
    /// The CDB, 16 bytes in hexadecimal.
    pub cdb: String,
    /// The data sent, in hexadecimal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub data_out: String,
    /// The status and sense in words, or why there is no answer.
    pub answer: String,
    /// The sense data in hexadecimal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sense: String,
    /// The data received, in hexadecimal.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub data_in: String,
    /// From sending the command to its status, in microseconds.
    pub elapsed_us: u64,
}

/// One thing that was not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Departure {
    /// What was done or looked at.
    pub what: String,
    /// What the standard has for it.
    pub expected: String,
    /// What the target did.
    pub observed: String,
    /// How much it matters.
    pub severity: Severity,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum StepResult {
    /// All was as it should be.
    Ok,
    /// Something was not.
    Departs {
        /// Each thing.
        departures: Vec<Departure>,
    },
    /// The target does not have what the step is about. This is not a pass.
    NotSupported {
        /// What it said.
        why: String,
    },
    /// The step was not played, or could not be judged. This is not a pass.
    NotRun {
        /// Why.
        why: String,
    },
}

impl StepResult {
    /// The word in reports: `ok`, `departs`, `not supported`, `not run`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Departs { .. } => "departs",
            Self::NotSupported { .. } => "not supported",
            Self::NotRun { .. } => "not run",
        }
    }

    /// True for [`StepResult::Ok`] alone.
    pub fn is_ok(&self) -> bool {
        *self == Self::Ok
    }

    /// True where the target was seen to lack what the step asks for: it departs, or does not support it.
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Departs { .. } | Self::NotSupported { .. })
    }
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepOutcome {
    /// Which step.
    pub id: StepId,
    /// What the step is about, a few words.
    pub title: &'static str,
    /// How much it matters: the step's own severity, or less where all its departures matter less.
    pub severity: Severity,
    /// How it ended.
    #[serde(flatten)]
    pub result: StepResult,
    /// What the step expects.
    pub expects: &'static str,
    /// What it means for the user when it departs.
    pub meaning: &'static str,
    /// Who relies on it.
    pub stacks: Vec<Stack>,
    /// Parts of the step that were left out, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What was seen beside the judgement: unit attentions, optional commands that are not there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Request and answer of each departure.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wire: Vec<Exchange>,
    /// How long the step took.
    #[serde(rename = "duration_us", serialize_with = "microseconds")]
    pub duration: Duration,
}

pub(super) fn microseconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// Why a run ended before its last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopKind {
    /// The gate did not let it begin: nothing was changed.
    Refused,
    /// Keys or a reservation of somebody else appeared, or ours vanished without our doing.
    Stranger,
    /// The target stopped answering, or could not be reached any more.
    Lost,
    /// A step left the unit in a state that could not be undone.
    Unrestored,
    /// The run was interrupted.
    Interrupted,
}

/// Why a run ended before its last step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// The kind of reason.
    pub kind: StopKind,
    /// In words.
    pub why: String,
}

/// Keys and reservation as one portal shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortalState {
    /// The portal.
    pub portal: String,
    /// The keys of READ KEYS, in order.
    pub keys: Vec<String>,
    /// The reservation in words, where there is one.
    pub reservation: Option<String>,
    /// Why nothing is known, where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// What a run left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Residue {
    /// Whether the run changed anything at all.
    pub touched: bool,
    /// Everything of ours that is, or may be, left on the unit. Empty: nothing of ours is left, and that was seen.
    pub left: Vec<String>,
    /// Ready commands that remove it by hand.
    pub commands: Vec<String>,
    /// Keys and reservation at the end, through each portal.
    pub portals: Vec<PortalState>,
}

impl Residue {
    /// True when nothing of ours is left.
    pub fn is_clean(&self) -> bool {
        self.left.is_empty()
    }
}

/// Everything a run found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The run, eight hexadecimal digits: its keys and names bear it.
    pub run: String,
    /// What the unit is called.
    pub name: String,
    /// iSCSI name of the target.
    pub target: String,
    /// The logical unit number.
    pub lun: String,
    /// The portals, in the order of the plan.
    pub portals: Vec<String>,
    /// Vendor, product and revision, as INQUIRY has them.
    pub device: Option<String>,
    /// The identity of the unit.
    pub identity: Option<String>,
    /// Its size in bytes.
    pub size_bytes: Option<u64>,
    /// How far the run was allowed to go.
    pub mode: Mode,
    /// Whether a LOGICAL UNIT RESET could be sent.
    pub lun_reset: bool,
    /// The blocks that were written to, where any were.
    pub range: Option<BlockRange>,
    /// The steps that were asked for, in order.
    pub steps: Vec<StepOutcome>,
    /// What the unit is good for.
    pub suitability: Suitability,
    /// How fast it is.
    pub latency: Vec<Latency>,
    /// What the run left behind.
    pub residue: Residue,
    /// Why the run ended early, where it did.
    pub stopped: Option<Stopped>,
    /// How long the run took without the gate's waiting.
    #[serde(rename = "duration_us", serialize_with = "microseconds")]
    pub duration: Duration,
}

impl Outcome {
    /// The outcome of a step, where it was asked for.
    pub fn step(&self, id: StepId) -> Option<&StepOutcome> {
        self.steps.iter().find(|step| step.id == id)
    }

    /// The worst severity among steps that depart or are not supported.
    pub fn worst(&self) -> Option<Severity> {
        self.steps.iter().filter(|step| step.result.is_failed()).map(|step| step.severity).max()
    }
}
