//! P20 to P23 and P26: how one node takes the unit from another.

use crate::conformance::cast::{A, B, C};
use crate::conformance::judge::TYPE5;
use crate::conformance::oracle::{Node, Order};
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage, Stop};
use crate::conformance::step::{RESERVING, Step};
use crate::scsi::reservation::{Key, ReservationType};

/// A holds type 5 and B is registered.
fn held(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)
}

/// A type other than 5 that the unit may have.
fn other_type(stage: &Stage<'_>) -> Option<ReservationType> {
    let order = [
        ReservationType::ExclusiveAccessRegistrantsOnly,
        ReservationType::WriteExclusive,
        ReservationType::WriteExclusiveAllRegistrants,
    ];
    order.into_iter().find(|kind| !stage.lacks(*kind))
}

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
    play: p20,
};

fn p20(stage: &mut Stage<'_>) -> Played {
    let mut kinds = vec![TYPE5];
    match other_type(stage) {
        Some(kind) => kinds.push(kind),
        None => stage.leave_out("PREEMPT with another type: the unit has type 5 only"),
    }
    for kind in kinds {
        held(stage)?;
        let before = stage.generation(B)?;
        let order = stage.preemption(B, A, kind);
        stage.expect_as(B, order, &format!("PREEMPT type {} by B of the key of A", kind.code()))?;
        let when = format!("after B preempted A with type {}", kind.code());
        stage.check_state(B, &when)?;
        stage.check_generation(B, before, 1, &when)?;
        stage.restore()?;
    }
    Ok(())
}

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
    play: p21,
};

fn p21(stage: &mut Stage<'_>) -> Played {
    let other_portal = stage.portals().into_iter().find(|node| *node != A);
    for victim in [Some(A), other_portal].into_iter().flatten() {
        stage.register(victim)?;
        stage.register(B)?;
        stage.reserve(victim, TYPE5)?;
        stage.settle(&[victim, B, C])?;
        stage.preempt(B, victim, TYPE5)?;
        shut_out(stage, victim)?;
        stage.restore()?;
    }
    Ok(())
}

fn shut_out(stage: &mut Stage<'_>, victim: Node) -> Played {
    stage.check_told(victim, "after B preempted it")?;
    stage.check_write(victim, "after B preempted it")?;
    stage.check_read(victim, "after B preempted it")
}

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
    play: p22,
};

fn p22(stage: &mut Stage<'_>) -> Played {
    held(stage)?;
    stage.preempt(B, A, TYPE5)?;
    let key = stage.key(A);
    let before = stage.snapshot(B)?;
    for order in [stage.preemption(A, B, TYPE5), Order::Release { key, kind: TYPE5 }, Order::Clear { key }] {
        let what = format!("{order} by A, which was preempted");
        stage.expect_as(A, order, &what)?;
        stage.check_unchanged(B, &before, &format!("after {what}"))?;
    }
    Ok(())
}

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
    play: p23,
};

fn p23(stage: &mut Stage<'_>) -> Played {
    held(stage)?;
    let (own, victim, nobodys) = (stage.key(B), stage.key(A), stage.nobodys_key());
    for (key, victim, what) in [
        (own, nobodys, "PREEMPT by B of a key that nobody has"),
        (nobodys, victim, "PREEMPT by B with a wrong own key"),
        (own, Key(0), "PREEMPT by B of key zero"),
    ] {
        stage.expect_as(B, Order::Preempt { key, victim, kind: TYPE5, abort: false }, what)?;
        stage.check_state(B, &format!("after {what}"))?;
    }
    Ok(())
}

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
    play: p26,
};

fn p26(stage: &mut Stage<'_>) -> Played {
    let Some(kind) = other_type(stage) else {
        return Err(Stop::NotSupported("the unit has type 5 only".into()));
    };
    held(stage)?;
    stage.register(C)?;
    stage.settle(&[A, B, C])?;
    stage.preempt(B, A, kind)?;
    for node in [C, B] {
        stage.check_told(node, &format!("after B preempted A and made type 5 type {}", kind.code()))?;
    }
    Ok(())
}
