//! P24, P25 and P27: fencing while others write or race.

use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::step::{RESERVING, Step};

/// P24: PREEMPT AND ABORT works.
pub static P24: Step = Step {
    id: StepId::new(24),
    title: "PREEMPT AND ABORT works",
    does: "A holds type 5; B sends PREEMPT AND ABORT for the key of A.",
    expects: "As PREEMPT: the key of A is gone, B holds, PRGENERATION has grown by one.",
    meaning: "fence_scsi, fence_mpath and Veritas cannot fence a node at all.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: &[Stack::FenceScsi, Stack::FenceMpath, Stack::Veritas],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2.5",
};

/// P25: no write of the victim lands after PREEMPT AND ABORT.
pub static P25: Step = Step {
    id: StepId::new(25),
    title: "no write of the victim lands after PREEMPT AND ABORT",
    does: "A has 16 writes under way when B sends PREEMPT AND ABORT; once with their data still to come, once \
        at full speed. The blocks are read when B has its GOOD and again when A has ended.",
    expects: "Every write ends, none reaches the disk after the GOOD.",
    meaning: "The new owner mounts the file system while the old one still changes it: data is destroyed.",
    severity: Severity::Blocker,
    mode: Mode::PrWrite,
    stacks: &[Stack::Veritas, Stack::FenceScsi, Stack::FenceMpath],
    needs: &[StepId::new(24)],
    source: "SPC-4 clause 5.13.11.2.5",
};

/// P27: of many nodes that preempt at once one wins.
pub static P27: Step = Step {
    id: StepId::new(27),
    title: "of many nodes that preempt at once one wins",
    does: "A holds type 5; all other nodes send PREEMPT for its key at the same moment, several times over.",
    expects: "Exactly one is answered GOOD, all others RESERVATION CONFLICT, and the winner holds.",
    meaning: "Split brain: after a loss of the network several nodes own the disk.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "Windows validation: multiple arbitration; Veritas: race for coordinator disks",
};
