//! P24, P25 and P27: fencing while others write or race.

use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::conformance::cast::{A, B};
use crate::conformance::judge::{TYPE5, form};
use crate::conformance::key;
use crate::conformance::oracle::{Node, Order};
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage, Stop, is_unsupported, patiently, shown};
use crate::conformance::step::{RESERVING, Step};
use crate::iscsi::{Error, Response, Session, Tag, Transfer};
use crate::scsi::reservation::{Holder, Key};
use crate::scsi::{Cdb, Status};

/// How many writes the victim has under way.
const WRITES: u32 = 16;

/// How often the victim writes all of them while it waits to be ejected.
const ROUNDS: usize = 64;

/// How often the race is run: one run alone may miss a gap that is there.
const RACES: u32 = 4;

/// How long the writes of a victim are waited for. A target may end them without an answer (SAM-5 clause 5.6, TAS 0).
const FOR_THE_VICTIM: Duration = Duration::from_secs(2);

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
    play: p24,
};

fn p24(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)?;
    let before = stage.generation(B)?;
    stage.expect(B, ejection(stage))?;
    stage.check_state(B, "after PREEMPT AND ABORT by B")?;
    stage.check_generation(B, before, 1, "after PREEMPT AND ABORT by B")
}

/// PREEMPT AND ABORT by B of the key of A.
fn ejection(stage: &Stage<'_>) -> Order {
    Order::Preempt { key: stage.key(B), victim: stage.key(A), kind: TYPE5, abort: true }
}

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
    needs: &[StepId::new(13), StepId::new(24)],
    source: "SPC-4 clause 5.13.11.2.5",
    play: p25,
};

fn p25(stage: &mut Stage<'_>) -> Played {
    for pace in [Pace::DataWithheld, Pace::FullSpeed] {
        stage.register(A)?;
        stage.register(B)?;
        stage.reserve(A, TYPE5)?;
        stage.settle(&[A, B])?;
        eject_while_writing(stage, pace)?;
        stage.restore()?;
    }
    Ok(())
}

/// How the writes of the victim go on while it is ejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// The target has the commands; their data come after the ejection.
    DataWithheld,
    /// Commands and data come as fast as they can.
    FullSpeed,
}

fn eject_while_writing(stage: &mut Stage<'_>, pace: Pace) -> Played {
    let (lun, order) = (stage.plan.subject.lun, ejection(stage));
    let rounds = if pace == Pace::DataWithheld { 1 } else { ROUNDS };
    // Two sets of data in turn, so that every round changes the blocks.
    let writes = [prepare_writes(stage), prepare_writes(stage)];
    let before = stage.content(B)?;
    stage.oracle.order(B, &order);
    let start = Barrier::new(2);
    let (ejected, wait_for_it) = mpsc::channel::<()>();
    let mut lent = stage.lend(&[A]);
    let Some((_, mut victim)) = lent.pop() else {
        return Err(Stop::Lost("A has no session".into()));
    };
    victim.set_command_timeout(FOR_THE_VICTIM);
    let (judged, ended) = thread::scope(|scope| {
        let (writes, start) = (&writes, &start);
        let thread = scope.spawn(move || {
            let mut ended: Vec<(Cdb, Result<Response, Error>)> = Vec::new();
            for (round, set) in (0..rounds).zip(writes.iter().cycle()) {
                let submitted: Vec<(Cdb, Result<Tag, Error>)> = set
                    .iter()
                    .map(|(cdb, data)| (*cdb, victim.submit(lun, *cdb, Transfer::Write(data.clone()))))
                    .collect();
                if round == 0 {
                    start.wait();
                }
                if pace == Pace::DataWithheld {
                    // The other end is dropped when B is done, whatever came of it.
                    let _ = wait_for_it.recv();
                }
                ended = submitted
                    .into_iter()
                    .map(|(cdb, tag)| (cdb, tag.and_then(|tag| victim.collect(tag))))
                    .collect();
                if !ended.iter().all(|(_, result)| result.as_ref().is_ok_and(Response::is_good)) {
                    break;
                }
            }
            (victim, ended)
        });
        start.wait();
        let judged = eject(stage, &order);
        drop(ejected);
        (judged, thread.join())
    });
    let (mut victim, ended) = match ended {
        Ok(ended) => ended,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    victim.set_command_timeout(stage.plan.command_timeout);
    let broken = victim.broken().map(ToOwned::to_owned);
    if broken.is_none() {
        stage.give_back(A, victim);
    }
    for (cdb, result) in &ended {
        stage.note(A, cdb.encode(), Vec::new(), result, Duration::ZERO);
    }
    let at_good = judged?;
    judge_ends(stage, &ended, pace);
    if let Some(why) = broken {
        stage.remark(format!("the session of A ended: {why}"));
        stage.leave(A, why);
    }
    let words = match pace {
        Pace::DataWithheld => "with their data still to come",
        Pace::FullSpeed => "at full speed",
    };
    let count = changed(stage, &before, &at_good);
    stage.remark(format!("{words}: {count} of {WRITES} places had been written when B had its GOOD"));
    stage.check_content(B, &at_good, &format!("after B had its GOOD, writes of A {words}"))
}

/// Sends the ejection and reads the blocks the moment it is answered.
fn eject(stage: &mut Stage<'_>, order: &Order) -> Played<Vec<u8>> {
    stage.keys(B)?;
    let response = stage.send(B, cdb(order), Transfer::Write(order.parameters().encode()))?;
    if is_unsupported(&response) {
        return Err(Stop::NotSupported(format!("{order}: {}", shown(&response))));
    }
    if !response.is_good() {
        return Err(Stop::NotRun(format!(
            "{order} by B, which this step needs, ended with {}",
            shown(&response)
        )));
    }
    let content = stage.content(B)?;
    stage.keys(B)?;
    Ok(content)
}

/// Writes that together cover the range, each of several blocks.
fn prepare_writes(stage: &mut Stage<'_>) -> Vec<(Cdb, Vec<u8>)> {
    let (range, block_bytes) = (stage.geometry.range, stage.geometry.block_bytes);
    let each = (range.blocks / WRITES).max(1);
    (0..WRITES.min(range.blocks))
        .map(|number| {
            let tag = stage.next_tag();
            let lba = range.lba + u64::from(number * each);
            let data = (0..each)
                .flat_map(|block| key::block(stage.run, tag, lba + u64::from(block), block_bytes))
                .collect();
            (Cdb::Write { form: form(lba, each), lba, blocks: each, fua: false }, data)
        })
        .collect()
}

fn judge_ends(stage: &mut Stage<'_>, ended: &[(Cdb, Result<Response, Error>)], pace: Pace) {
    let mut unanswered = 0;
    for (_, result) in ended {
        match result {
            Ok(response) if response.unit_attention().is_some() => {}
            Ok(response)
                if matches!(
                    response.status,
                    Status::Good
                        | Status::ReservationConflict
                        | Status::TaskAborted
                        | Status::TaskSetFull
                        | Status::Busy
                ) => {}
            Ok(response) if response.status == Status::CheckCondition => {
                // ABORTED COMMAND and the like: it ended, and that is what counts.
            }
            Ok(response) => {
                let what = format!("WRITE of A under way ({pace:?})");
                stage.depart_by(Severity::Minor, what, "an end by a known status", shown(response));
            }
            Err(_) => unanswered += 1,
        }
    }
    if unanswered > 0 {
        stage.remark(format!("{unanswered} writes of A ended without an answer, as a target may with TAS 0"));
    }
}

/// How many of the writes differ between two readings of the range.
fn changed(stage: &Stage<'_>, before: &[u8], after: &[u8]) -> usize {
    let block = usize::try_from(stage.geometry.block_bytes).unwrap_or(usize::MAX).max(1);
    let each = usize::try_from((stage.geometry.range.blocks / WRITES).max(1)).unwrap_or(1);
    let size = block.saturating_mul(each);
    before.chunks(size).zip(after.chunks(size)).filter(|(old, new)| old != new).count()
}

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
    play: p27,
};

fn p27(stage: &mut Stage<'_>) -> Played {
    for race in 1..=RACES {
        stage.register(A)?;
        stage.reserve(A, TYPE5)?;
        let racers = line_up(stage)?;
        if racers.len() < 2 {
            return Err(Stop::NotRun("fewer than two nodes could register for the race".into()));
        }
        if race == 1 {
            stage.remark(format!("{} nodes race, {RACES} times", racers.len()));
        }
        run_race(stage, race, &racers)?;
        stage.restore()?;
    }
    Ok(())
}

/// Registers everybody who finds room.
fn line_up(stage: &mut Stage<'_>) -> Played<Vec<Node>> {
    let mut racers = Vec::new();
    for node in stage.racers() {
        let order = Order::Register { key: Key(0), new: stage.key(node) };
        let response = stage.dispatch(node, &order)?;
        if response.is_good() {
            stage.oracle.order(node, &order);
            racers.push(node);
        }
    }
    stage.settle(&racers)?;
    Ok(racers)
}

fn run_race(stage: &mut Stage<'_>, race: u32, racers: &[Node]) -> Played {
    let lun = stage.plan.subject.lun;
    stage.keys(B)?;
    let orders: Vec<Order> = racers.iter().map(|node| stage.preemption(*node, A, TYPE5)).collect();
    let lent = stage.lend(racers);
    let barrier = Barrier::new(lent.len());
    let results: Vec<(Node, Session, Result<Response, Error>, Duration)> = thread::scope(|scope| {
        let running: Vec<_> = lent
            .into_iter()
            .zip(&orders)
            .map(|((node, mut session), order)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    let list = Transfer::Write(order.parameters().encode());
                    barrier.wait();
                    let begun = Instant::now();
                    let result = patiently(&mut session, lun, cdb(order), &list);
                    (node, session, result, begun.elapsed())
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut winners = Vec::new();
    let (mut losers, mut failed) = (0, Ok(()));
    for ((node, session, result, elapsed), order) in results.into_iter().zip(&orders) {
        let list = order.parameters().encode();
        stage.note(node, cdb(order).encode(), list, &result, elapsed);
        match result {
            Ok(response) => {
                stage.give_back(node, session);
                match response.status {
                    Status::Good => winners.push(node),
                    Status::ReservationConflict => losers += 1,
                    _ => {
                        let what = format!("PREEMPT by {} in race {race}", stage.label(node));
                        stage.depart(
                            what,
                            "GOOD for one, RESERVATION CONFLICT for all others",
                            shown(&response),
                        );
                    }
                }
            }
            Err(error) => failed = Err(stage.lost(node, &error)),
        }
    }
    failed?;
    let names = winners.iter().map(|node| stage.label(*node)).collect::<Vec<_>>().join(", ");
    if winners.len() != 1 {
        let observed = match winners.len() {
            0 => format!("no GOOD, {losers} conflicts"),
            count => format!("{count} GOOD ({names}), {losers} conflicts"),
        };
        stage.depart(format!("race {race} of {} nodes", racers.len()), "exactly one GOOD", observed);
    }
    let victim_is_left = stage.keys(B)?.keys.contains(&stage.key(A));
    if victim_is_left {
        stage.depart(
            format!("keys after race {race}"),
            "without that of the victim",
            "the key of A is still there",
        );
    }
    if let [winner] = winners[..] {
        let expected = Some(Holder { key: stage.key(winner), scope: 0, kind: TYPE5.code() });
        let seen = stage.reservation(B)?.holder;
        if seen != expected {
            let (expected, seen) = (stage.name_holder(expected), stage.name_holder(seen));
            stage.depart(format!("reservation after race {race}"), expected, seen);
        }
        let order = stage.preemption(winner, A, TYPE5);
        stage.oracle.order(winner, &order);
    }
    Ok(())
}

fn cdb(order: &Order) -> Cdb {
    Cdb::PersistentReserveOut { action: order.action(), scope: 0, kind: order.kind(), length: 24 }
}
