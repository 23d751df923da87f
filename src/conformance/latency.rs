//! How long things take: the middle and the slow end of each operation, and whether a cluster's defence can wait so long.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::cast::{A, B};
use super::judge::{TYPE5, form};
use super::key;
use super::oracle::Order;
use super::plan::DEFENCE_INTERVAL;
use super::stage::{Played, Stage, Stop, shown};
use crate::iscsi::Transfer;
use crate::scsi::cdb::PrIn;
use crate::scsi::{Cdb, Status};

/// How many times each operation is measured, where it is fast enough.
const SAMPLES: u32 = 40;

/// How many preemptions are measured, where they are fast enough.
const PREEMPTIONS: u32 = 8;

/// How long the measurements of one operation may take; a few are taken of a slow one.
const BUDGET: Duration = Duration::from_millis(40);

/// How few measurements are enough.
const FEWEST: u32 = 3;

/// What is read and written at once, in bytes.
const SIZE: u32 = 4096;

/// How long a victim is given to be shut out.
const SHUT_OUT: Duration = DEFENCE_INTERVAL;

/// An operation whose time is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// TCP connection and login.
    Login,
    /// PERSISTENT RESERVE IN.
    PrIn,
    /// PERSISTENT RESERVE OUT.
    PrOut,
    /// READ of 4 KiB.
    Read,
    /// WRITE of 4 KiB with FUA.
    Write,
    /// From sending PREEMPT to the first write of the victim that conflicts.
    Preempt,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 6] = [Self::Login, Self::PrIn, Self::PrOut, Self::Read, Self::Write, Self::Preempt];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::PrIn => "pr-in",
            Self::PrOut => "pr-out",
            Self::Read => "read",
            Self::Write => "write",
            Self::Preempt => "preempt",
        }
    }
}

/// How long an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Which.
    pub operation: Operation,
    /// Half of them took no longer, in microseconds.
    pub p50_us: u64,
    /// 99 of 100 took no longer, in microseconds.
    pub p99_us: u64,
    /// How many were measured.
    pub samples: u32,
}

impl Latency {
    /// The latency of these samples; `None` where there are none.
    pub fn of(operation: Operation, samples: &[Duration]) -> Option<Self> {
        let mut sorted = samples.to_vec();
        sorted.sort_unstable();
        Some(Self {
            operation,
            p50_us: microseconds(percentile(&sorted, 50)?),
            p99_us: microseconds(percentile(&sorted, 99)?),
            samples: u32::try_from(sorted.len()).unwrap_or(u32::MAX),
        })
    }
}

/// The nearest-rank percentile of sorted samples.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Whether the unit is fast enough for the three-second defence of a reservation.
///
/// The holder must notice a challenge and register anew on every path of every node before the challenger, who waits one
/// interval, preempts it. So the slow end of a registration times nodes times paths has to fit into one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Defence {
    /// Nodes of the cluster to be.
    pub nodes: u32,
    /// Paths of each node.
    pub paths: u32,
    /// What all registrations together and one preemption take at the slow end, in microseconds.
    pub needed_us: u64,
    /// The interval, in microseconds.
    pub interval_us: u64,
}

impl Defence {
    /// The defence for these nodes and paths, where PERSISTENT RESERVE OUT takes `pr_out` and a preemption `preempt`.
    pub fn of(nodes: u32, paths: u32, pr_out: &Latency, preempt: Option<&Latency>) -> Self {
        let all = u64::from(nodes) * u64::from(paths);
        let registrations = all.saturating_mul(pr_out.p99_us);
        Self {
            nodes,
            paths,
            needed_us: registrations.saturating_add(preempt.map_or(pr_out.p99_us, |preempt| preempt.p99_us)),
            interval_us: microseconds(DEFENCE_INTERVAL),
        }
    }

    /// True when it fits.
    pub fn holds(&self) -> bool {
        self.needed_us < self.interval_us
    }
}

/// Measures everything that the mode allows, on a unit without keys and reservation.
pub(super) fn measure(stage: &mut Stage<'_>) -> Played {
    // In mode inspect there is no B; the data of A would wait to be asked for, but it writes nothing then.
    let reader = if stage.changing { B } else { A };
    repeat(stage, Operation::PrIn, SAMPLES, |stage| {
        let cdb = Cdb::PersistentReserveIn { action: PrIn::ReadKeys, alloc: 8192 };
        timed(stage, reader, cdb, Transfer::Read(8192))
    })?;
    let blocks = SIZE.div_ceil(stage.geometry.block_bytes.max(1)).max(1);
    let lba = stage.geometry.range.lba;
    let bytes = blocks.saturating_mul(stage.geometry.block_bytes);
    repeat(stage, Operation::Read, SAMPLES, |stage| {
        let cdb = Cdb::Read { form: form(lba, blocks), lba, blocks, fua: false };
        timed(stage, reader, cdb, Transfer::Read(bytes))
    })?;
    if stage.writes() && stage.changing {
        repeat(stage, Operation::Write, SAMPLES, |stage| {
            let (tag, run) = (stage.next_tag(), stage.run);
            let size = stage.geometry.block_bytes;
            let data = (lba..).take(usize::try_from(blocks).unwrap_or(1));
            let data: Vec<u8> = data.flat_map(|lba| key::block(run, tag, lba, size)).collect();
            let cdb = Cdb::Write { form: form(lba, blocks), lba, blocks, fua: true };
            timed(stage, B, cdb, Transfer::Write(data))
        })?;
    }
    if !stage.changing {
        return Ok(());
    }
    stage.register(B)?;
    let key = stage.key(B);
    repeat(stage, Operation::PrOut, SAMPLES, |stage| {
        let order = Order::Register { key, new: key };
        stage.oracle.order(B, &order);
        let begun = Instant::now();
        let response = stage.dispatch(B, &order)?;
        let elapsed = begun.elapsed();
        if response.is_good() { Ok(elapsed) } else { Err(Stop::NotRun(shown(&response))) }
    })?;
    stage.restore()?;
    repeat(stage, Operation::Preempt, PREEMPTIONS, shut_out)
}

/// Repeats a measurement until there are enough or the time is used up.
fn repeat(
    stage: &mut Stage<'_>,
    operation: Operation,
    most: u32,
    mut measure: impl FnMut(&mut Stage<'_>) -> Played<Duration>,
) -> Played {
    let begun = Instant::now();
    for done in 0..most {
        if done >= FEWEST && begun.elapsed() > BUDGET {
            break;
        }
        let sample = measure(stage)?;
        stage.samples.entry(operation).or_default().push(sample);
    }
    Ok(())
}

fn timed(stage: &mut Stage<'_>, node: super::oracle::Node, cdb: Cdb, transfer: Transfer) -> Played<Duration> {
    let begun = Instant::now();
    let response = stage.send_once(node, cdb, transfer.clone())?;
    let elapsed = begun.elapsed();
    if response.is_good() {
        return Ok(elapsed);
    }
    if response.unit_attention().is_some() || matches!(response.status, Status::Busy | Status::TaskSetFull) {
        // The answer to another question: what the host sees is the time until the command is done.
        let response = stage.send(node, cdb, transfer)?;
        if response.is_good() {
            return Ok(begun.elapsed());
        }
    }
    Err(Stop::NotRun(shown(&response)))
}

/// From sending a PREEMPT to the first write of the victim that conflicts.
fn shut_out(stage: &mut Stage<'_>) -> Played<Duration> {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)?;
    stage.keys(B)?;
    let order = stage.preemption(B, A, TYPE5);
    let list = order.parameters().encode();
    let cdb = Cdb::PersistentReserveOut { action: order.action(), scope: 0, kind: order.kind(), length: 24 };
    let begun = Instant::now();
    let response = stage.send(B, cdb, Transfer::Write(list))?;
    if !response.is_good() {
        return Err(Stop::NotRun(shown(&response)));
    }
    stage.oracle.order(B, &order);
    while stage.try_write(A)?.status != Status::ReservationConflict {
        if begun.elapsed() > SHUT_OUT {
            return Err(Stop::NotRun("the victim was not shut out".into()));
        }
    }
    let elapsed = begun.elapsed();
    stage.keys(B)?;
    stage.restore()?;
    Ok(elapsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: &[u64]) -> Option<Latency> {
        let samples: Vec<Duration> = millis.iter().copied().map(Duration::from_millis).collect();
        Latency::of(Operation::PrIn, &samples)
    }

    #[test]
    fn percentiles_are_samples() {
        assert_eq!(of(&[]), None);
        let one = of(&[7]).unwrap();
        assert_eq!((one.p50_us, one.p99_us, one.samples), (7000, 7000, 1));
        let hundred: Vec<u64> = (1..=100).rev().collect();
        let many = of(&hundred).unwrap();
        assert_eq!((many.p50_us, many.p99_us, many.samples), (50_000, 99_000, 100));
    }

    #[test]
    fn the_defence_counts_every_path_of_every_node() {
        let slow = of(&[400]).unwrap();
        assert!(Defence::of(2, 2, &slow, None).holds());
        assert!(!Defence::of(4, 2, &slow, None).holds());
        assert!(!Defence::of(u32::MAX, u32::MAX, &slow, Some(&slow)).holds());
        assert_eq!(Defence::of(2, 3, &slow, None).needed_us, 7 * 400_000);
    }
}
