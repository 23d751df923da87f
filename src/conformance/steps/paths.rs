//! P36 to P39: several paths of a node, several portals of a target.

use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::step::Step;

/// P36: a second path is a nexus of its own.
pub static P36: Step = Step {
    id: StepId::new(36),
    title: "a second path is a nexus of its own",
    does: "A registers on one path only; first A holds type 5, then B does. The other paths of A write, before \
        and after they register.",
    expects: "They conflict before and pass after.",
    meaning: "Paths that the multipath driver forgot to register write all the same, and are not fenced with the \
        others.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::Veritas, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.1",
};

/// P37: paths of one node share a key.
pub static P37: Step = Step {
    id: StepId::new(37),
    title: "paths of one node share a key",
    does: "B holds type 5; A registers the same key on all its paths, then unregisters one.",
    expects: "READ KEYS lists the key once per path; the paths that are left may write.",
    meaning: "Losing one path takes the disk from all paths of the node.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::Veritas, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 6.15.2",
};

/// P38: PREEMPT ejects a node on all its paths.
pub static P38: Step = Step {
    id: StepId::new(38),
    title: "PREEMPT ejects a node on all its paths",
    does: "A registers the same key on all its paths and holds type 5; B preempts it.",
    expects: "The key is gone through every portal, and no path of A may write.",
    meaning: "A fenced node goes on writing through its other paths.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::Veritas, Stack::FenceScsi, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2.4",
};

/// P39: every portal shows the same unit.
pub static P39: Step = Step {
    id: StepId::new(39),
    title: "every portal shows the same unit",
    does: "Compares identity, serial number, size, readiness, keys and PRGENERATION through every portal, in \
        the changing modes with a registration made through the first one.",
    expects: "All are equal, and the unit is ready through each.",
    meaning: "Heads of the storage do not share their reservations: after a failover of the storage, or of a path, \
        nobody is protected.",
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
    source: "SPC-4 clause 5.13.1; Windows validation: vital product data",
};
