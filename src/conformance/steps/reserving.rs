//! P08 to P12: who may reserve, and what a reservation shows.

use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::step::{RESERVING, Step};

/// P08: an unregistered node cannot reserve.
pub static P08: Step = Step {
    id: StepId::new(8),
    title: "an unregistered node cannot reserve",
    does: "Sends RESERVE as an unregistered node, with key zero and with the key of a registered one.",
    expects: "Both end as RESERVATION CONFLICT, and nothing is reserved.",
    meaning: "A node that is not in the cluster, or was thrown out of it, can take the disk.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.9",
};

/// P09: a wrong key cannot reserve.
pub static P09: Step = Step {
    id: StepId::new(9),
    title: "a wrong key cannot reserve",
    does: "Sends RESERVE as a registered node with the key of nobody.",
    expects: "It ends as RESERVATION CONFLICT, and nothing is reserved.",
    meaning: "A node whose registration was replaced goes on as if it were valid.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.9",
};

/// P10: type 5 can be reserved.
pub static P10: Step = Step {
    id: StepId::new(10),
    title: "type 5 can be reserved",
    does: "Reserves type 5 as registered node A and reads the reservation as A and as B.",
    expects: "The reservation shows the key of A, scope logical unit, type 5; PRGENERATION stays.",
    meaning: "Failover clusters cannot own the disk, or cannot see who does.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clauses 5.13.9 and 6.15.3",
};

/// P11: the holder can reserve again.
pub static P11: Step = Step {
    id: StepId::new(11),
    title: "the holder can reserve again",
    does: "Repeats the RESERVE of the holder.",
    expects: "It is answered GOOD and changes nothing.",
    meaning: "An owner that renews its claim, as a defending Windows node does, takes itself for having lost the \
        disk.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.9",
};

/// P12: another type or another holder conflicts.
pub static P12: Step = Step {
    id: StepId::new(12),
    title: "another type or another holder conflicts",
    does: "While A holds type 5, sends RESERVE for another type as A, and for the same and another type as \
        registered node B.",
    expects: "Each ends as RESERVATION CONFLICT, and the reservation stays.",
    meaning: "Two nodes believe that they own the disk, or the protection of the disk changes behind the cluster's \
        back.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.9",
};
