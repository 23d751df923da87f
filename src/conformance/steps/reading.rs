//! P01 to P03: what can be read of reservations before anything is changed.

use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::step::{RESERVING, Step};

/// P01: reservations can be read.
pub static P01: Step = Step {
    id: StepId::new(1),
    title: "reservations can be read",
    does: "Reads keys and reservation with PERSISTENT RESERVE IN, whole and with an allocation length that \
        holds the header only.",
    expects: "READ KEYS and READ RESERVATION are answered, lengths are right, and unit attentions end.",
    meaning: "No cluster that fences with reservations can use this unit.",
    severity: Severity::Blocker,
    mode: Mode::Inspect,
    stacks: RESERVING,
    needs: &[],
    source: "SPC-4 clauses 6.15.2 and 6.15.3",
};

/// P02: nothing is registered before the test.
pub static P02: Step = Step {
    id: StepId::new(2),
    title: "nothing is registered before the test",
    does: "Reads keys and reservation through every portal.",
    expects: "There is no key and no reservation.",
    meaning: "Somebody uses the unit, or a crashed host left its keys: a new cluster would not get it.",
    severity: Severity::Blocker,
    mode: Mode::Inspect,
    stacks: &[
        Stack::Wsfc,
        Stack::StorageSpaces,
        Stack::Veritas,
        Stack::FenceScsi,
        Stack::FenceMpath,
        Stack::Serviceguard,
        Stack::PowerHa,
        Stack::StorageScale,
        Stack::Vmware,
        Stack::Sbd,
    ],
    needs: &[StepId::new(1)],
    source: "Veritas vxfentsthdw stops when it finds a key; SBD cannot write to a unit that is reserved",
};

/// P03: capabilities are reported.
pub static P03: Step = Step {
    id: StepId::new(3),
    title: "capabilities are reported",
    does: "Reads the capabilities of the unit with REPORT CAPABILITIES.",
    expects: "The answer is well formed, names the supported types, and type 5 (Write Exclusive, Registrants Only) \
        is among them.",
    meaning: "A stack that asks first takes the unit for unsuitable, such as Windows for disks of a pool.",
    severity: Severity::Minor,
    mode: Mode::Inspect,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 6.15.4",
};
