//! Playing a plan: connect, gate, journal, steps, cleanup in every case, residue.

use super::outcome::StepOutcome;
use super::step::Step;

/// Somebody who watches a run, and may end it.
pub trait Watch: Sync {
    /// A step is about to be played.
    fn step_begins(&self, _step: &Step) {}

    /// A step has ended.
    fn step_ended(&self, _outcome: &StepOutcome) {}

    /// Whether the run is to end: asked before every command.
    fn interrupted(&self) -> bool {
        false
    }
}
