//! Limits of a run: when to stop, and whether somebody asked to.

use crate::facts::GapReason;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Asks a run to end with what it has. Copies are one.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Nobody has asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// The flag itself, for what takes no other.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether somebody has asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl From<Arc<AtomicBool>> for Cancel {
    /// A flag that something else raises, such as a handler of signals.
    fn from(flag: Arc<AtomicBool>) -> Self {
        Cancel(flag)
    }
}

/// What one host, target or endpoint is held to.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    /// When its time is up.
    pub deadline: Instant,
    /// How long it had in all, for messages.
    pub allowed: Duration,
    /// Whether the run was asked to end.
    pub cancel: Cancel,
}

impl Limits {
    /// No more than `allowed` from now, and no later than `run_ends`.
    pub fn starting_now(allowed: Duration, run_ends: Instant, cancel: Cancel) -> Self {
        let now = Instant::now();
        let deadline = now.checked_add(allowed).map_or(run_ends, |end| end.min(run_ends));
        Limits { deadline, allowed: deadline.saturating_duration_since(now), cancel }
    }

    /// How much time is left; none is zero.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Why to stop now, with words for the gap; `None` to go on.
    pub fn stop(&self) -> Option<(GapReason, String)> {
        if self.cancel.is_cancelled() {
            Some((GapReason::Interrupted, "the run was interrupted".to_owned()))
        } else if self.left().is_zero() {
            Some((GapReason::TimedOut, format!("no complete answer within {}", shown(self.allowed))))
        } else {
            None
        }
    }
}

/// A time as people read it: `30 s`, `1.5 s`, `250 ms`.
pub(super) fn shown(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else if time.subsec_millis() == 0 || time >= Duration::from_secs(10) {
        format!("{} s", time.as_secs())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearer_end_counts() {
        let limits = Limits::starting_now(
            Duration::from_secs(3600),
            Instant::now() + Duration::from_secs(5),
            Cancel::new(),
        );
        assert!(limits.left() <= Duration::from_secs(5));
        assert!(limits.stop().is_none());
        limits.cancel.cancel();
        assert_eq!(limits.stop().map(|(reason, _)| reason), Some(GapReason::Interrupted));
        let over = Limits::starting_now(Duration::ZERO, Instant::now(), Cancel::new());
        assert_eq!(over.stop().map(|(reason, _)| reason), Some(GapReason::TimedOut));
    }

    #[test]
    fn times_read_well() {
        let all = [250, 1000, 1500, 30_000, 30_400].map(|ms| shown(Duration::from_millis(ms)));
        assert_eq!(all, ["250 ms", "1 s", "1.5 s", "30 s", "30 s"]);
    }
}
