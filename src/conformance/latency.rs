//! How long things take: the middle and the slow end of each operation, and whether a cluster's defence can wait so long.

use std::time::Duration;

use serde::Serialize;

use super::plan::DEFENCE_INTERVAL;

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
