//! What the subcommands answer as JSON, `quorate-storage/1`.

use crate::conformance::cleanup::Cleaned;
use crate::conformance::step::STEPS;
use crate::report::{TestedLun, to_json};
use schemars::JsonSchema;
use serde::Serialize;

const SCHEMA: &str = "quorate-storage/1";

/// What came of `quorate storage`.
#[derive(Serialize, JsonSchema)]
pub(super) struct StorageReport {
    /// The version of this format.
    schema: String,
    /// The version of the program.
    quorate: String,
    /// LUNs that were tested.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tested: Vec<TestedLun>,
    /// LUNs that were not, because a mistake stood in the way; nothing was changed on them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedLun>,
    /// LUNs that were cleaned up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cleaned: Vec<CleanedLun>,
    /// The steps that there are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ListedStep>,
    /// How the program ends.
    pub exit_code: u8,
}

impl StorageReport {
    pub fn new() -> Self {
        StorageReport {
            schema: SCHEMA.to_owned(),
            quorate: env!("CARGO_PKG_VERSION").to_owned(),
            tested: Vec::new(),
            refused: Vec::new(),
            cleaned: Vec::new(),
            steps: Vec::new(),
            exit_code: 0,
        }
    }

    /// As JSON, indented, with a line end.
    pub fn to_json(&self) -> String {
        to_json(self) + "\n"
    }
}

/// A LUN that the gate did not let through.
#[derive(Serialize, JsonSchema)]
pub(super) struct RefusedLun {
    /// iSCSI name of its target.
    pub target: String,
    /// Its name.
    pub lun: String,
    /// The portal through which it was found, where it is one.
    pub portal: Option<String>,
    /// The kind of reason, kebab-case: `identity`, `authentication`, `no-unit`, ...
    pub kind: String,
    /// What was found.
    pub found: String,
    /// What to do.
    pub remedy: String,
}

/// What came of a cleanup.
#[derive(Serialize, JsonSchema)]
pub(super) struct CleanedLun {
    /// iSCSI name of the target.
    pub target: String,
    /// The LUN.
    pub lun: String,
    /// The run that was undone, where it was one by its run file.
    pub run: Option<String>,
    /// What was removed and put back.
    pub done: Vec<String>,
    /// Why nothing, or not all, was done, where that is so.
    pub refused: Option<String>,
    /// What it would have done.
    pub would: Vec<String>,
    /// Everything of ours that is, or may be, left. Empty: nothing of ours is left, and that was seen.
    pub left: Vec<String>,
    /// Commands that remove it by hand.
    pub commands: Vec<String>,
    /// Keys and reservation at the end, through each portal.
    pub portals: Vec<PortalLook>,
}

/// Keys and reservation as one portal shows them.
#[derive(Serialize, JsonSchema)]
pub(super) struct PortalLook {
    /// The portal.
    pub portal: String,
    /// The keys.
    pub keys: Vec<String>,
    /// The reservation in words.
    pub reservation: Option<String>,
    /// Why nothing is known, where nothing is.
    pub unknown: Option<String>,
}

impl CleanedLun {
    pub fn new(target: &str, lun: &str, run: Option<String>, cleaned: Cleaned) -> Self {
        let look = |state: crate::conformance::outcome::PortalState| PortalLook {
            portal: state.portal,
            keys: state.keys,
            reservation: state.reservation,
            unknown: state.unknown,
        };
        CleanedLun {
            target: target.to_owned(),
            lun: lun.to_owned(),
            run,
            done: cleaned.done,
            refused: cleaned.refused,
            would: cleaned.would,
            left: cleaned.residue.left,
            commands: cleaned.residue.commands,
            portals: cleaned.residue.portals.into_iter().map(look).collect(),
        }
    }
}

/// A step of the test.
#[derive(Serialize, JsonSchema)]
pub(super) struct ListedStep {
    /// `P01` to `P40`.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// What it does.
    pub does: String,
    /// What is expected.
    pub expects: String,
    /// What a departure means for the user.
    pub meaning: String,
    /// How much a departure matters: `blocker`, `major`, `minor`, `info`.
    pub severity: String,
    /// The least mode in which it is played: `inspect`, `pr`, `pr-write`.
    pub mode: String,
    /// Who relies on it.
    pub stacks: Vec<String>,
    /// Steps that must be ok, or this one says nothing.
    pub needs: Vec<String>,
    /// Where the expectation comes from.
    pub source: String,
}

impl ListedStep {
    /// Every step, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        STEPS.iter().map(|step| ListedStep {
            id: step.id.to_string(),
            title: step.title.to_owned(),
            does: step.does.to_owned(),
            expects: step.expects.to_owned(),
            meaning: step.meaning.to_owned(),
            severity: step.severity.to_string(),
            mode: step.mode.to_string(),
            stacks: step.stacks.iter().map(ToString::to_string).collect(),
            needs: step.needs.iter().map(ToString::to_string).collect(),
            source: step.source.to_owned(),
        })
    }
}

/// The JSON schema of what `quorate storage --format json` writes.
pub(crate) fn storage_json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(StorageReport).to_value();
    schema["properties"]["schema"]["const"] = SCHEMA.into();
    schema
}
