//! Unit attentions of one logical unit, queued for each nexus (SAM-5 clause 5.14).
//!
//! Always holds: the first one established is the first reported, the same one is not queued twice, a power-on or reset
//! makes earlier ones void, and a queue never grows past a fixed length.

use std::collections::{BTreeMap, VecDeque};

use super::fault::{Fault, FaultSet};
use super::reservations::Nexus;
use crate::scsi::{Sense, SenseKey};

/// Conditions of one nexus kept at most.
const LONGEST_QUEUE: usize = 16;
/// Nexuses remembered at most.
const MOST_NEXUSES: usize = 4096;

/// A unit attention condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attention {
    /// 29/00, power on, reset, or bus device reset occurred.
    PowerOn,
    /// 29/03, bus device reset function occurred.
    Reset,
    /// 29/07, I_T nexus loss occurred.
    NexusLoss,
    /// 2A/01, mode parameters changed.
    ModeParametersChanged,
    /// 2A/03, reservations preempted.
    ReservationsPreempted,
    /// 2A/04, reservations released.
    ReservationsReleased,
    /// 2A/05, registrations preempted.
    RegistrationsPreempted,
    /// 2A/09, capacity data has changed.
    CapacityChanged,
    /// 2F/00, commands cleared by another initiator.
    CommandsCleared,
}

impl Attention {
    /// Additional sense code and qualifier.
    pub fn code(self) -> (u8, u8) {
        match self {
            Self::PowerOn => (0x29, 0x00),
            Self::Reset => (0x29, 0x03),
            Self::NexusLoss => (0x29, 0x07),
            Self::ModeParametersChanged => (0x2a, 0x01),
            Self::ReservationsPreempted => (0x2a, 0x03),
            Self::ReservationsReleased => (0x2a, 0x04),
            Self::RegistrationsPreempted => (0x2a, 0x05),
            Self::CapacityChanged => (0x2a, 0x09),
            Self::CommandsCleared => (0x2f, 0x00),
        }
    }

    /// The sense data that reports it.
    pub fn sense(self) -> Sense {
        let (asc, ascq) = self.code();
        Sense::new(SenseKey::UnitAttention, asc, ascq)
    }
}

/// The conditions of all nexuses of one unit.
#[derive(Debug, Clone, Default)]
pub struct Attentions {
    queues: BTreeMap<Nexus, VecDeque<Attention>>,
    faults: FaultSet,
}

impl Attentions {
    /// Switches faults.
    pub fn set_faults(&mut self, faults: FaultSet) {
        self.faults = faults;
    }

    /// Establishes a condition for a nexus.
    pub fn establish(&mut self, nexus: &Nexus, attention: Attention) {
        if self.faults.has(Fault::NoUnitAttention) {
            return;
        }
        if self.queues.len() >= MOST_NEXUSES && !self.queues.contains_key(nexus) {
            self.queues.pop_first();
        }
        let queue = self.queues.entry(nexus.clone()).or_default();
        if matches!(attention, Attention::PowerOn | Attention::Reset) {
            queue.clear();
        }
        if !queue.contains(&attention) && queue.len() < LONGEST_QUEUE {
            queue.push_back(attention);
        }
    }

    /// The condition to report now; it is gone afterwards.
    pub fn report(&mut self, nexus: &Nexus) -> Option<Attention> {
        let queue = self.queues.get_mut(nexus)?;
        if self.faults.has(Fault::AttentionNeverEnds) {
            return queue.front().copied();
        }
        let attention = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(nexus);
        }
        attention
    }

    /// The conditions of a nexus, first one first.
    pub fn pending(&self, nexus: &Nexus) -> Vec<Attention> {
        self.queues.get(nexus).into_iter().flatten().copied().collect()
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.queues.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nexus(tail: u8) -> Nexus {
        Nexus::new("iqn.2026-01.test:a", [0x80, 0, 0, 0, 0, tail], 1)
    }

    #[test]
    fn first_in_first_out_and_each_once() {
        let mut attentions = Attentions::default();
        attentions.establish(&nexus(1), Attention::RegistrationsPreempted);
        attentions.establish(&nexus(1), Attention::ReservationsReleased);
        attentions.establish(&nexus(1), Attention::RegistrationsPreempted);
        assert_eq!(attentions.report(&nexus(2)), None);
        assert_eq!(attentions.report(&nexus(1)), Some(Attention::RegistrationsPreempted));
        assert_eq!(attentions.report(&nexus(1)), Some(Attention::ReservationsReleased));
        assert_eq!(attentions.report(&nexus(1)), None);
    }

    #[test]
    fn reset_voids_what_came_before() {
        let mut attentions = Attentions::default();
        attentions.establish(&nexus(1), Attention::ReservationsReleased);
        attentions.establish(&nexus(1), Attention::Reset);
        attentions.establish(&nexus(1), Attention::ReservationsPreempted);
        assert_eq!(attentions.pending(&nexus(1)), [Attention::Reset, Attention::ReservationsPreempted]);
        assert_eq!(Attention::ReservationsPreempted.code(), (0x2a, 3));
    }

    #[test]
    fn memory_is_bounded() {
        let mut attentions = Attentions::default();
        for number in 0..6000u32 {
            let name = format!("iqn.2026-01.test:{number}");
            attentions.establish(&Nexus::new(&name, [0; 6], 1), Attention::PowerOn);
        }
        assert_eq!(attentions.queues.len(), MOST_NEXUSES);
    }
}
