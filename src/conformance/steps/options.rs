//! P40: the optional features, each tried against what the target says of itself.

use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::step::Step;

/// P40: options do what they say.
pub static P40: Step = Step {
    id: StepId::new(40),
    title: "options do what they say",
    does: "Tries persistence through power loss, registration for all target ports and for named initiators, \
        READ FULL STATUS, READ KEYS with no room, RESERVE (6) beside a reservation, and, where allowed, 64 \
        registrations at once.",
    expects: "What is advertised works, what is not is refused; the full status names each nexus; all 64 find \
        room.",
    meaning: "Registrations are lost with the power of the storage, tools cannot tell whose a key is, or a large \
        cluster does not fit.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::Veritas, Stack::FenceScsi, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clauses 5.13.5, 6.15.4, 6.15.5 and 6.16.3",
};
