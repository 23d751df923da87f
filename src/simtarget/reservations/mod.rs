//! Persistent reservations of one logical unit, as SPC-4 clauses 5.13 and 6.16 have them, and the RESERVE(6) of SPC-2.
//!
//! A state machine without sockets or clocks: a request of a nexus goes in, a verdict and what other nexuses are to be
//! told comes out. Always holds without faults: a reservation of a type other than all registrants has exactly one
//! holder, and that holder is registered; a nexus has at most one registration; state survives logout, connection loss,
//! reinstatement and resets, and a power loss only when the last registration asked for it.
//!
//! Faults are departures that real targets have; each is read where the rule it breaks stands.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use super::attention::Attention;
use super::fault::{Fault, FaultSet};
use crate::scsi::cdb::PrOut;
use crate::scsi::reservation::{Capabilities, Key, PrParameters, RegisterAndMove, ReservationType, TypeMask};
use crate::scsi::{Sense, SenseKey};

mod access;
mod service;
#[cfg(test)]
mod tests;

pub use access::Access;

/// Keys and nexuses kept to play the faults that remember who was preempted.
const REMEMBERED: usize = 64;

/// An I_T nexus: an initiator port (name and ISID) at a target port (portal group tag).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nexus {
    /// iSCSI name of the initiator, lower case.
    pub name: Arc<str>,
    /// Initiator session identifier.
    pub isid: [u8; 6],
    /// Portal group tag, which also is the relative target port identifier.
    pub port: u16,
}

impl Nexus {
    /// A nexus of this initiator port at this target port.
    pub fn new(name: &str, isid: [u8; 6], port: u16) -> Self {
        Self { name: name.into(), isid, port }
    }

    fn at(&self, port: u16) -> Self {
        Self { name: Arc::clone(&self.name), isid: self.isid, port }
    }
}

impl fmt::Display for Nexus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},i,0x{} at port {}", self.name, hex::encode(self.isid), self.port)
    }
}

/// The parameter list of PERSISTENT RESERVE OUT, by service action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameters {
    /// All service actions but one.
    Basic(PrParameters),
    /// REGISTER AND MOVE.
    Move(RegisterAndMove),
}

/// A PERSISTENT RESERVE OUT command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Service action.
    pub action: PrOut,
    /// SCOPE as in the CDB; only 0 (logical unit) is valid.
    pub scope: u8,
    /// TYPE as in the CDB.
    pub kind: u8,
    /// The parameter list.
    pub parameters: Parameters,
}

impl Request {
    /// A request with a basic parameter list and no reservation type.
    pub fn new(action: PrOut, parameters: PrParameters) -> Self {
        Self { action, scope: 0, kind: 0, parameters: Parameters::Basic(parameters) }
    }

    /// The same with a reservation type.
    #[must_use]
    pub fn of_kind(mut self, kind: ReservationType) -> Self {
        self.kind = kind.code();
        self
    }
}

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// GOOD.
    Good,
    /// RESERVATION CONFLICT.
    Conflict,
    /// CHECK CONDITION with this sense data.
    Check(Sense),
}

impl Verdict {
    fn illegal(asc: u8, ascq: u8) -> Self {
        Self::Check(Sense::new(SenseKey::IllegalRequest, asc, ascq))
    }

    /// 5/24/00.
    fn invalid_field_in_cdb() -> Self {
        Self::illegal(0x24, 0)
    }

    /// 5/26/00.
    fn invalid_field_in_parameters() -> Self {
        Self::illegal(0x26, 0)
    }
}

/// The verdict on a command, and what follows for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How the command ends.
    pub verdict: Verdict,
    /// Unit attentions to establish, by nexus.
    pub attentions: Vec<(Nexus, Attention)>,
    /// Nexuses whose tasks are to be aborted.
    pub aborted: Vec<Nexus>,
    /// Nexuses that a preemption unregistered.
    removed: Vec<Nexus>,
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, attentions: Vec::new(), aborted: Vec::new(), removed: Vec::new() }
    }
}

/// What the state machine cannot know by itself.
#[derive(Debug, Clone, Copy)]
pub struct World<'a> {
    /// All target ports (portal group tags) of the target.
    pub ports: &'a [u16],
    /// Nexuses with a session now.
    pub logged_in: &'a [Nexus],
}

/// One registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    id: u64,
    /// Who.
    pub nexus: Nexus,
    /// With which key; never zero.
    pub key: Key,
    /// Shown as valid for all target ports (fault `all-tg-pt-lies` only: otherwise each port has its own entry).
    pub all_target_ports: bool,
    /// Nobody can use it any more (faults that bind registrations to sessions); it is listed still.
    pub orphaned: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holder {
    /// The registration with this id.
    One(u64),
    /// Every registrant.
    All,
    /// Nobody any more; registrations younger than this id may clear it.
    Nobody(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reservation {
    kind: ReservationType,
    holder: Holder,
    /// The key to show where the holder's registration is gone.
    last_key: Key,
}

/// What a unit can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Room for registrations.
    pub capacity: usize,
    /// Compatible reservation handling.
    pub compatible_reservation_handling: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { capacity: 256, compatible_reservation_handling: true }
    }
}

/// The reservation as an observer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its type.
    pub kind: ReservationType,
    /// The key that READ RESERVATION shows: zero for types 7 and 8.
    pub key: Key,
    /// The holder, for types other than 7 and 8.
    pub holder: Option<Nexus>,
}

/// Reservation state of one logical unit.
#[derive(Debug, Clone)]
pub struct Reservations {
    options: Options,
    faults: FaultSet,
    generation: u32,
    next_id: u64,
    registrations: Vec<Registration>,
    reservation: Option<Reservation>,
    aptpl: bool,
    /// Holder of an SPC-2 reservation.
    reserved_by: Option<Nexus>,
    /// Initiators with access by name (fault `registered-per-initiator-name`).
    names: BTreeSet<(Arc<str>, u16)>,
    /// Keys preempted lately (fault `preempt-all-win`).
    preempted_keys: VecDeque<Key>,
    /// Nexuses preempted lately with their keys (fault `ejected-may-return`).
    ejected: VecDeque<(Nexus, Key)>,
}

impl Reservations {
    /// No registration, no reservation, PRGENERATION 0.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            faults: FaultSet::NONE,
            generation: 0,
            next_id: 1,
            registrations: Vec::new(),
            reservation: None,
            aptpl: false,
            reserved_by: None,
            names: BTreeSet::new(),
            preempted_keys: VecDeque::new(),
            ejected: VecDeque::new(),
        }
    }

    /// Switches faults; what happened under the former ones stays.
    pub fn set_faults(&mut self, faults: FaultSet) {
        let stale = faults.has(Fault::StaleKeysLeft) && !self.faults.has(Fault::StaleKeysLeft);
        self.faults = faults;
        if stale && self.registrations.is_empty() {
            self.leave_stale_keys();
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }

    /// PRGENERATION.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The registrations in the order they were made.
    pub fn registrations(&self) -> &[Registration] {
        &self.registrations
    }

    /// The holder of an SPC-2 reservation.
    pub fn reserved_by(&self) -> Option<&Nexus> {
        self.reserved_by.as_ref()
    }

    /// The persistent reservation.
    pub fn held(&self) -> Option<Held> {
        let reservation = self.reservation?;
        let holder = match reservation.holder {
            Holder::One(id) => self.registrations.iter().find(|each| each.id == id),
            Holder::All | Holder::Nobody(_) => None,
        };
        let key = match (reservation.holder, holder) {
            (Holder::All, _) if self.has(Fault::ArTypeShowsKey) => {
                self.registrations.first().map_or(Key(0), |first| first.key)
            }
            (Holder::All, _) => Key(0),
            (_, Some(registration)) => registration.key,
            (_, None) => reservation.last_key,
        };
        Some(Held { kind: reservation.kind, key, holder: holder.map(|each| each.nexus.clone()) })
    }

    /// Whether READ FULL STATUS marks this registration as holder (R_HOLDER).
    pub fn is_holding(&self, registration: &Registration) -> bool {
        match self.reservation.map(|reservation| reservation.holder) {
            Some(Holder::All) => true,
            Some(Holder::One(id)) => registration.id == id,
            Some(Holder::Nobody(_)) | None => false,
        }
    }

    /// What REPORT CAPABILITIES says.
    pub fn capabilities(&self) -> Capabilities {
        let options = !self.has(Fault::NoRegisterOptions);
        let types = ReservationType::ALL
            .into_iter()
            .filter(|kind| !(kind.is_all_registrants() && self.has(Fault::NoAllRegistrantsTypes)));
        Capabilities {
            replace_lost_reservation: false,
            compatible_reservation_handling: self.options.compatible_reservation_handling,
            specify_initiator_ports: options,
            all_target_ports: options,
            persist_through_power_loss: options,
            persist_through_power_loss_active: self.aptpl,
            // 3: TEST UNIT READY passes every type, MODE SENSE passes type 1. 2: MODE SENSE does not.
            allow_commands: if self.has(Fault::ModeSenseConflicts) { 2 } else { 3 },
            types: (!self.has(Fault::NoCapabilityMask)).then(|| TypeMask::of(types)),
        }
    }

    /// Power off and on: PRGENERATION restarts, and what was not meant to persist is gone.
    pub fn power_cycle(&mut self) {
        self.generation = 0;
        self.reserved_by = None;
        self.preempted_keys.clear();
        self.ejected.clear();
        if !self.aptpl || self.has(Fault::AptplLies) {
            self.forget();
            self.aptpl = false;
        }
    }

    /// LOGICAL UNIT RESET or a target reset: ends an SPC-2 reservation and nothing else.
    pub fn reset(&mut self) {
        self.reserved_by = None;
        if self.has(Fault::LunResetClearsReservation) {
            self.forget();
        }
    }

    /// A session of this nexus begins.
    pub fn nexus_begins(&mut self, nexus: &Nexus) {
        if self.has(Fault::RegistrationLostAtRelogin) {
            self.orphan(nexus);
        }
    }

    /// A session of this nexus has ended, by logout or otherwise.
    pub fn nexus_ends(&mut self, nexus: &Nexus, by_logout: bool) {
        if self.reserved_by.as_ref() == Some(nexus) {
            self.reserved_by = None;
        }
        if !by_logout && self.has(Fault::RegistrationLostAtConnectionLoss) {
            self.orphan(nexus);
        }
    }

    fn orphan(&mut self, nexus: &Nexus) {
        for registration in self.registrations.iter_mut().filter(|each| each.nexus == *nexus) {
            registration.orphaned = true;
        }
        self.names.remove(&(Arc::clone(&nexus.name), nexus.port));
    }

    fn forget(&mut self) {
        self.registrations.clear();
        self.reservation = None;
        self.names.clear();
    }

    fn leave_stale_keys(&mut self) {
        for (tail, key) in [(1, 0x6f6c_645f_6e6f_6465), (2, 0x6f6c_645f_7061_7468)] {
            let gone = Nexus::new("iqn.1998-01.com.example:gone", [0, 2, 0x3d, 0, 0, tail], 1);
            self.add(gone, Key(key), false);
        }
        self.generation = self.generation.wrapping_add(2);
        if let Some(first) = self.registrations.first() {
            self.reservation = Some(Reservation {
                kind: ReservationType::WriteExclusiveRegistrantsOnly,
                holder: Holder::One(first.id),
                last_key: first.key,
            });
        }
    }

    fn add(&mut self, nexus: Nexus, key: Key, all_target_ports: bool) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.names.insert((Arc::clone(&nexus.name), nexus.port));
        self.registrations.push(Registration { id, nexus, key, all_target_ports, orphaned: false });
        id
    }

    /// The registration a nexus can use.
    fn find(&self, nexus: &Nexus) -> Option<usize> {
        self.registrations.iter().position(|each| !each.orphaned && each.nexus == *nexus)
    }

    fn others(&self, nexus: &Nexus) -> BTreeSet<Nexus> {
        self.registrations
            .iter()
            .filter(|each| !each.orphaned && each.nexus != *nexus)
            .map(|each| each.nexus.clone())
            .collect()
    }

    fn advance(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }
}
