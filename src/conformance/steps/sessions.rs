//! P31 to P35: what survives when sessions end and come back.

use std::thread;
use std::time::Duration;

use crate::conformance::cast::{self, A, B, C};
use crate::conformance::judge::{TYPE5, name_senses};
use crate::conformance::oracle::{Node, Order};
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage, Stop};
use crate::conformance::step::{RESERVING, Step};
use crate::iscsi::pdu::TaskFunction;
use crate::scsi::SenseKey;
use crate::scsi::reservation::Key;

/// How often the replaced session is asked whether it is still alive.
const PINGS: u32 = 5;

/// How long between two of these questions.
const BETWEEN_PINGS: Duration = Duration::from_millis(20);

/// A holds type 5 and B is registered.
fn held(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)
}

/// A is what it was before its session ended.
fn still_holds(stage: &mut Stage<'_>, when: &str) -> Played {
    let seen = stage.attentions(A)?;
    stage.remark(format!("A was told at its return: {}", name_senses(&seen)));
    stage.check_state(B, when)?;
    stage.check_state(A, when)?;
    stage.check_write(A, when)?;
    let key = stage.key(A);
    let what = format!("REGISTER by A with its key {when}");
    stage.expect_as(A, Order::Register { key, new: key }, &what)?;
    // A release has no effect unless it comes from the holder, which so shows itself.
    let what = format!("RELEASE by A {when}");
    stage.expect_as(A, Order::Release { key, kind: TYPE5 }, &what)?;
    stage.check_reservation(B, &format!("after RELEASE by A {when}"))
}

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
    play: p31,
};

fn p31(stage: &mut Stage<'_>) -> Played {
    held(stage)?;
    log_out(stage)?;
    stage.enter(A)?;
    still_holds(stage, "after logout and login")
}

/// A logs out. A connection that ends meanwhile says nothing of the target, so that it is tried twice.
fn log_out(stage: &mut Stage<'_>) -> Played {
    let mut again = true;
    loop {
        let Some((_, session)) = stage.lend(&[A]).pop() else {
            return Err(Stop::Lost("A has no session".into()));
        };
        match session.logout() {
            Ok(()) => return Ok(()),
            Err(error) if error.is_answer() => {
                stage.depart_by(Severity::Minor, "logout of A", "response 0", error.to_string());
                return Ok(());
            }
            Err(_) if again => {
                again = false;
                stage.enter(A)?;
            }
            Err(error) => {
                stage.enter(A)?;
                return Err(Stop::NotRun(format!("the logout of A was not answered: {error}")));
            }
        }
    }
}

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
    play: p32,
};

fn p32(stage: &mut Stage<'_>) -> Played {
    held(stage)?;
    if let Some((_, session)) = stage.lend(&[A]).pop() {
        session.reset_connection();
    }
    stage.enter(A)?;
    still_holds(stage, "after its connection was reset and it logged in again")
}

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
    play: p33,
};

fn p33(stage: &mut Stage<'_>) -> Played {
    held(stage)?;
    let Some((_, mut first)) = stage.lend(&[A]).pop() else {
        return Err(Stop::Lost("A has no session".into()));
    };
    stage.enter(A)?;
    first.set_command_timeout(Duration::from_secs(2).min(stage.plan.command_timeout));
    let mut alive = true;
    for _ in 0..PINGS {
        // No answer in time is no sign of life either.
        if first.ping().is_err() {
            alive = false;
            break;
        }
        thread::sleep(BETWEEN_PINGS);
    }
    if alive {
        stage.depart(
            "first session of A after its second login",
            "closed by the target",
            "alive: it answers",
        );
    }
    drop(first);
    still_holds(stage, "after a second login replaced its session")
}

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
    play: p34,
};

fn p34(stage: &mut Stage<'_>) -> Played {
    held(stage)?;
    if let Some((_, session)) = stage.lend(&[A]).pop() {
        session.sever();
    }
    stage.oracle.abandon(A, Node(usize::MAX));
    stage.rename(A, cast::reborn(stage.run, stage.isid(A)));
    stage.enter(A)?;
    let key = stage.key(A);
    stage.expect_as(A, Order::Register { key: Key(0), new: key }, "REGISTER by A as a new session")?;
    stage.count_keys(A, "after A registered as a new session")?;
    let order = stage.preemption(A, A, TYPE5);
    stage.expect_as(A, order, "PREEMPT by A of its own key")?;
    stage.count_keys(A, "after A preempted its own key")?;
    stage.check_reservation(A, "after A preempted its own key")?;
    stage.check_write(A, "after it preempted its own key")
}

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
    play: p35,
};

fn p35(stage: &mut Stage<'_>) -> Played {
    if !stage.plan.lun_reset {
        return Err(Stop::NotRun("a LUN reset is not allowed (--lun-reset allows it)".into()));
    }
    held(stage)?;
    stage.settle(&[A, B, C])?;
    let lun = stage.plan.subject.lun;
    let result = stage.session(B)?.task_management(TaskFunction::LogicalUnitReset, lun, None);
    let response = result.map_err(|error| stage.lost(B, &error))?;
    match response {
        0 => {}
        5 => return Err(Stop::NotSupported("LOGICAL UNIT RESET: function not supported".into())),
        code => return Err(Stop::NotRun(format!("LOGICAL UNIT RESET ended with response code {code}"))),
    }
    stage.check_state(B, "after a LUN reset")?;
    for node in [A, C] {
        let seen = stage.attentions(node)?;
        let told = seen.iter().any(|sense| sense.key == SenseKey::UnitAttention && sense.asc == 0x29);
        if !told {
            let what = format!("unit attentions of {} after B reset the unit", stage.label(node));
            stage.depart_by(Severity::Minor, what, "6/29/03 or another 6/29", name_senses(&seen));
        }
    }
    stage.check_write(A, "after a LUN reset")?;
    stage.check_write(C, "after a LUN reset")
}
