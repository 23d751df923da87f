//! P20 to P23 and P26: how one node takes the unit from another.

use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::step::{RESERVING, Step};

/// P20: PREEMPT takes the reservation over.
pub static P20: Step = Step {
    id: StepId::new(20),
    title: "PREEMPT takes the reservation over",
    does: "A holds type 5; B preempts the key of A, with the same type and with another one.",
    expects: "The key of A is gone, that of B stays, B holds with the type of the request, and PRGENERATION has \
        grown by one.",
    meaning: "Failover does not work: the new owner is not the owner, or the old one still is.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2.4",
};

/// P21: the victim is told and is shut out.
pub static P21: Step = Step {
    id: StepId::new(21),
    title: "the victim is told and is shut out",
    does: "A holds type 5, B preempts it; then A sends commands, at last through another portal too.",
    expects: "The next command of A ends as 6/2A/05, then its writes conflict and its reads pass.",
    meaning: "The old owner does not notice that it lost the disk and runs into errors that it cannot explain.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2.4",
};

/// P22: an ejected node cannot come back by itself.
pub static P22: Step = Step {
    id: StepId::new(22),
    title: "an ejected node cannot come back by itself",
    does: "After B preempted A, A sends PREEMPT, RELEASE and CLEAR with its old key.",
    expects: "Each ends as RESERVATION CONFLICT and changes nothing.",
    meaning: "A fenced node can fence the survivor in turn: both lose the disk, or both write.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.3",
};

/// P23: a wrong PREEMPT changes nothing.
pub static P23: Step = Step {
    id: StepId::new(23),
    title: "a wrong PREEMPT changes nothing",
    does: "Sends PREEMPT with an unknown victim, with a wrong own key, and with victim zero.",
    expects: "RESERVATION CONFLICT, RESERVATION CONFLICT, 5/26/00; keys and reservation stay.",
    meaning: "A node that lost the race for the disk believes that it won.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2",
};

/// P26: a change of type by PREEMPT is announced.
pub static P26: Step = Step {
    id: StepId::new(26),
    title: "a change of type by PREEMPT is announced",
    does: "A holds type 5, B preempts it with another type; registered C looks for unit attentions.",
    expects: "C is told 6/2A/04.",
    meaning: "Third nodes go on with the rules of the old type.",
    severity: Severity::Minor,
    mode: Mode::Pr,
    stacks: &[Stack::StorageSpaces, Stack::PowerHa],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2.4",
};
