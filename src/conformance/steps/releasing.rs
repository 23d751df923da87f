//! P17 to P19 and P28 to P30: how reservations and registrations end in good order.

use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::step::{RESERVING, Step};

/// P17: only the holder releases, and only what it holds.
pub static P17: Step = Step {
    id: StepId::new(17),
    title: "only the holder releases, and only what it holds",
    does: "While A holds type 5, sends RELEASE as registered B, as A with a wrong key, as A with a wrong type, \
        and as A rightly.",
    expects: "B: GOOD without effect; wrong key: RESERVATION CONFLICT; wrong type: 5/26/04; then the reservation \
        ends.",
    meaning: "A node can take the protection from another one's disk, or cannot tell why its own release failed.",
    severity: Severity::Minor,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2",
};

/// P18: a release of types 5 to 8 is announced.
pub static P18: Step = Step {
    id: StepId::new(18),
    title: "a release of types 5 to 8 is announced",
    does: "A releases types 5 to 8; B, unregistered C, and another path of A look for unit attentions.",
    expects: "Every other registered nexus is told 6/2A/04, and nobody else is.",
    meaning: "Waiting nodes learn late that the disk is free: failover takes longer.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::StorageScale],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2",
};

/// P19: a release of types 1 and 3 is not announced.
pub static P19: Step = Step {
    id: StepId::new(19),
    title: "a release of types 1 and 3 is not announced",
    does: "A releases types 1 and 3; A, B and C look for unit attentions.",
    expects: "Nobody is told anything.",
    meaning: "Commands of the releasing node fail once without need.",
    severity: Severity::Minor,
    mode: Mode::Pr,
    stacks: &[],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2",
};

/// P28: CLEAR is for registered nodes and empties everything.
pub static P28: Step = Step {
    id: StepId::new(28),
    title: "CLEAR is for registered nodes and empties everything",
    does: "While A holds type 5, sends CLEAR as unregistered C, as B with a wrong key, and as B rightly.",
    expects: "The first two end as RESERVATION CONFLICT; the last leaves no key and no reservation, PRGENERATION \
        grows by one, A is told 6/2A/03.",
    meaning: "Left-over keys cannot be removed, or anybody can take all protection away.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Serviceguard, Stack::Wsfc, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.3",
};

/// P29: a holder that unregisters gives the disk free.
pub static P29: Step = Step {
    id: StepId::new(29),
    title: "a holder that unregisters gives the disk free",
    does: "A holds type 5, B is registered; A unregisters.",
    expects: "The reservation ends, PRGENERATION grows by one, B is told 6/2A/04.",
    meaning: "After an orderly shutdown of the owner nobody else gets the disk, or gets it late.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.10",
};

/// P30: all-registrants types live as long as a registrant.
pub static P30: Step = Step {
    id: StepId::new(30),
    title: "all-registrants types live as long as a registrant",
    does: "A reserves types 7 and 8, as far as they are advertised, while B is registered; A unregisters, then \
        B.",
    expects: "READ RESERVATION shows key zero; the reservation stays for B, who may still write, and ends with the \
        last registrant.",
    meaning: "Clusters that share a disk among all nodes lose its protection when the first node leaves.",
    severity: Severity::Minor,
    mode: Mode::Pr,
    stacks: &[Stack::PowerHa, Stack::Vmware, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 clauses 5.13.10 and 6.15.3",
};
