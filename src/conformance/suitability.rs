//! What a logical unit is good for besides its reservations: size, provisioning, identity, writes that other nodes read.

use serde::Serialize;

use super::latency::Defence;

/// What came of one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// As a cluster needs it.
    Good,
    /// Not as a cluster needs it.
    Bad,
    /// Possible, but somebody should know.
    Attention,
    /// Not known, and that is not a pass.
    Unknown {
        /// Why.
        why: String,
    },
}

/// One question about the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is asked, kebab-case.
    pub name: &'static str,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was seen.
    pub observed: String,
    /// What a cluster needs.
    pub wanted: &'static str,
}

/// What the unit is good for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Suitability {
    /// Every question in order.
    pub checks: Vec<Check>,
    /// Whether the unit is fast enough for the defence of a reservation; `None` where that was not measured.
    pub defence: Option<Defence>,
}

impl Suitability {
    /// The check with this name.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }
}
