//! P13 to P16: what a reservation lets through and what it blocks.

use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::step::{RESERVING, Step};

/// P13: type 5 keeps unregistered nodes from writing.
pub static P13: Step = Step {
    id: StepId::new(13),
    title: "type 5 keeps unregistered nodes from writing",
    does: "While A holds type 5 and B is registered, A, B and unregistered C read and write.",
    expects: "A and B read and write, C reads; the write of C ends as RESERVATION CONFLICT and does not reach the \
        disk.",
    meaning: "A node that was thrown out of the cluster goes on writing: data is destroyed.",
    severity: Severity::Blocker,
    mode: Mode::PrWrite,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 tables 46 to 48; SBC-3 table 13",
};

/// P14: no other write gets past the reservation.
pub static P14: Step = Step {
    id: StepId::new(14),
    title: "no other write gets past the reservation",
    does: "Unregistered C sends WRITE (16), WRITE SAME (10) and (16), UNMAP, COMPARE AND WRITE and EXTENDED \
        COPY while A holds type 5.",
    expects: "Each ends as RESERVATION CONFLICT, or the target does not have it; the blocks stay.",
    meaning: "A fenced node can still zero, discard or overwrite blocks.",
    severity: Severity::Blocker,
    mode: Mode::PrWrite,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 table 46; SBC-3 table 13",
};

/// P15: what must pass a reservation passes.
pub static P15: Step = Step {
    id: StepId::new(15),
    title: "what must pass a reservation passes",
    does: "While the unit is reserved with type 5, unregistered C sends TEST UNIT READY, INQUIRY, READ \
        CAPACITY, REPORT LUNS and PERSISTENT RESERVE IN.",
    expects: "All are answered GOOD.",
    meaning: "A node that starts does not find the disk, or takes it for broken; Veritas stops with an error.",
    severity: Severity::Major,
    mode: Mode::Inspect,
    stacks: &[Stack::Wsfc, Stack::Veritas, Stack::FenceScsi, Stack::FenceMpath, Stack::Serviceguard],
    needs: &[StepId::new(1)],
    source: "SPC-4 tables 46 to 48; Veritas tests TEST UNIT READY",
};

/// P16: the other types keep their rules.
pub static P16: Step = Step {
    id: StepId::new(16),
    title: "the other types keep their rules",
    does: "Reserves types 1, 3, 6, 7 and 8 as A, as far as they are advertised; registered B and unregistered C \
        read, write and ask for the size.",
    expects: "Reads and writes pass or conflict as the table of the type has it; READ CAPACITY always passes.",
    meaning: "A stack that uses another type than 5 is not protected, or is shut out of its own disk.",
    severity: Severity::Minor,
    mode: Mode::PrWrite,
    stacks: &[Stack::PowerHa, Stack::Vmware, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 tables 46 to 48; SBC-3 table 13",
};
