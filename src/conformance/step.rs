//! What a step is: what it does, what it expects, who needs it, and what it means when the target departs.
//!
//! Always holds: the steps stand in [`STEPS`] in the order in which they are played, P01 to P40, each once.

use super::outcome::Severity;
use super::plan::{Mode, Stack, StepId};
use super::stage::{Played, Stage};
pub use super::steps::STEPS;

/// Every stack that works with registrations and reservations.
pub const RESERVING: &[Stack] = &[
    Stack::Wsfc,
    Stack::StorageSpaces,
    Stack::Veritas,
    Stack::FenceScsi,
    Stack::FenceMpath,
    Stack::Serviceguard,
    Stack::PowerHa,
    Stack::StorageScale,
    Stack::Vmware,
];

/// A step of the conformance test.
#[derive(Debug)]
pub struct Step {
    /// Its number.
    pub id: StepId,
    /// What it is about, a few words.
    pub title: &'static str,
    /// What it does.
    pub does: &'static str,
    /// What the standard has, or the stack that needs it.
    pub expects: &'static str,
    /// What it means for the user when the target departs.
    pub meaning: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The least mode in which it can be played.
    pub mode: Mode,
    /// Who relies on it.
    pub stacks: &'static [Stack],
    /// Steps that must be ok, or this one says nothing.
    pub needs: &'static [StepId],
    /// Where the expectation comes from.
    pub source: &'static str,
    /// Plays it on an empty unit. What departs is noted on the stage; the error says why it could not be judged.
    pub play: fn(&mut Stage<'_>) -> Played,
}

/// The step with this number.
pub fn step(id: StepId) -> &'static Step {
    STEPS[usize::from(id.number()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_stands_once_in_order_and_rests_on_earlier_ones() {
        for (step, id) in STEPS.iter().zip(StepId::all()) {
            assert_eq!(step.id, id);
            assert!(step.needs.iter().all(|need| *need < id), "{id} needs a later step");
            assert!(step.needs.iter().all(|need| super::step(*need).mode <= step.mode), "{id}");
            let texts = [step.title, step.does, step.expects, step.meaning, step.source];
            assert!(texts.iter().all(|text| !text.is_empty()), "{id} leaves a text out");
            assert!(
                texts[1..4].iter().all(|text| text.ends_with('.')),
                "{id}: sentences end with a full stop"
            );
        }
        assert_eq!(STEPS.len(), 40);
    }
}
