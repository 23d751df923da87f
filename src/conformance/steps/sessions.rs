//! P31 to P35: what survives when sessions end and come back.

use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::step::{RESERVING, Step};

/// P31: a registration survives logout and login.
pub static P31: Step = Step {
    id: StepId::new(31),
    title: "a registration survives logout and login",
    does: "A holds type 5, logs out and logs in again under the same name and ISID.",
    expects: "A is registered and holds, and may write and reserve as before.",
    meaning: "Every reconnection throws the owner out of its own disk; the cluster fails at the first hiccup of \
        the network.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.1",
};

/// P32: a registration survives the loss of the connection.
pub static P32: Step = Step {
    id: StepId::new(32),
    title: "a registration survives the loss of the connection",
    does: "A holds type 5, its TCP connection is reset, and it logs in again.",
    expects: "A is registered and holds, and may write and reserve as before.",
    meaning: "Every reconnection throws the owner out of its own disk; the cluster fails at the first hiccup of \
        the network.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.1",
};

/// P33: a second login replaces the session and keeps the registration.
pub static P33: Step = Step {
    id: StepId::new(33),
    title: "a second login replaces the session and keeps the registration",
    does: "A holds type 5 and logs in a second time under the same name and ISID while the first session \
        stands.",
    expects: "The first session ends; A is registered and holds, and may write and reserve as before.",
    meaning: "A host that lost a connection without noticing cannot come back, or comes back without its \
        registration.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "RFC 7143 section 6.3.5; SPC-4 clause 5.13.1",
};

/// P34: a node that comes back as a new session can take over from itself.
pub static P34: Step = Step {
    id: StepId::new(34),
    title: "a node that comes back as a new session can take over from itself",
    does: "A holds type 5, disappears, logs in with another ISID, registers its old key and preempts that key.",
    expects: "Its stale registration is gone, the new one holds, and A may write.",
    meaning: "A Linux node cannot get its disk back after a restart.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::FenceScsi, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2.4; fence_scsi",
};

/// P35: a LUN reset keeps keys and reservation.
pub static P35: Step = Step {
    id: StepId::new(35),
    title: "a LUN reset keeps keys and reservation",
    does: "A holds type 5, B is registered; B resets the logical unit.",
    expects: "Keys and reservation stay; the others are told 6/29.",
    meaning: "A reset by any host takes away the protection of the disk.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.1; SAM-5 clause 6.3.3",
};
