//! Which command conflicts with which reservation: SPC-4 tables 46 to 48, SBC-3 table 13, and SPC-2 clause 5.5.1.

use super::{Fault, Holder, Nexus, ReservationType, Reservations, Sense, SenseKey, Verdict};

/// What a command does, as far as reservations care.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Passes every reservation: INQUIRY, REPORT LUNS, REQUEST SENSE.
    Always,
    /// Passes every persistent reservation, but not the SPC-2 reservation of another: REPORT TARGET PORT GROUPS and the
    /// like.
    Query,
    /// TEST UNIT READY.
    TestUnitReady,
    /// READ CAPACITY.
    ReadCapacity,
    /// Reads the medium.
    Read,
    /// Writes the medium or changes the unit.
    Write,
    /// WRITE SAME(10).
    WriteSame10,
    /// COMPARE AND WRITE.
    CompareAndWrite,
    /// UNMAP.
    Unmap,
    /// SYNCHRONIZE CACHE.
    SynchronizeCache,
    /// MODE SENSE.
    ModeSense,
    /// MODE SELECT.
    ModeSelect,
    /// START STOP UNIT that does more than start.
    StartStop,
    /// PERSISTENT RESERVE IN and OUT: each service action judges for itself.
    Persistent,
}

impl Reservations {
    /// Whether a nexus holds the persistent reservation, alone or with all registrants.
    pub fn is_holder(&self, nexus: &Nexus) -> bool {
        let Some(reservation) = self.reservation else { return false };
        match reservation.holder {
            Holder::All => self.is_registered(nexus),
            Holder::Nobody(_) => false,
            Holder::One(id) => self.registrations.iter().any(|each| {
                if each.id != id || each.orphaned {
                    false
                } else if self.has(Fault::HolderComparedByShortIsid) {
                    each.nexus.name == nexus.name
                        && each.nexus.port == nexus.port
                        && each.nexus.isid[..4] == nexus.isid[..4]
                } else {
                    each.nexus == *nexus
                }
            }),
        }
    }

    /// Whether a nexus has the access of a registrant.
    pub fn is_registered(&self, nexus: &Nexus) -> bool {
        if self.has(Fault::RegisteredPerInitiatorName) {
            self.names.iter().any(|(name, port)| *name == nexus.name && *port == nexus.port)
        } else {
            self.find(nexus).is_some()
        }
    }

    /// Whether a command of a nexus may proceed; otherwise it ends with RESERVATION CONFLICT.
    pub fn allows(&self, nexus: &Nexus, access: Access) -> bool {
        if let Some(owner) = &self.reserved_by {
            return match access {
                Access::Always | Access::ReadCapacity => true,
                // SPC-2 clause 5.5.1: PERSISTENT RESERVE conflicts regardless of initiator.
                Access::Persistent => false,
                _ => owner == nexus,
            };
        }
        let Some(reservation) = self.reservation else { return true };
        let kind = reservation.kind;
        let registered = self.is_registered(nexus);
        let shared = kind.admits_registrants() && registered;
        if self.is_holder(nexus) || (kind.is_all_registrants() && self.has(Fault::AllRegistrantsNotEnforced))
        {
            return true;
        }
        let read = shared || !kind.restricts_reads();
        let write = shared || (!registered && self.has(Fault::WriteExclusiveNotEnforced));
        match access {
            Access::Always | Access::Query | Access::Persistent => true,
            Access::TestUnitReady => write || !self.has(Fault::TurConflicts),
            Access::ReadCapacity => read || !self.has(Fault::ReadCapacityConflicts),
            Access::Read => read,
            Access::Write => write,
            Access::WriteSame10 => write || self.has(Fault::WriteSameNotBlocked),
            Access::CompareAndWrite => write || self.has(Fault::CompareAndWriteNotBlocked),
            Access::Unmap => write || self.has(Fault::UnmapNotBlocked),
            Access::SynchronizeCache | Access::ModeSelect => {
                write
                    || (self.has(Fault::SynchronizeCacheNotBlocked)
                        && matches!(
                            kind,
                            ReservationType::WriteExclusiveRegistrantsOnly
                                | ReservationType::WriteExclusiveAllRegistrants
                        ))
            }
            Access::ModeSense => {
                if self.has(Fault::ModeSenseConflicts) {
                    write
                } else {
                    read
                }
            }
            Access::StartStop => write || self.has(Fault::StartStopNotBlocked),
        }
    }

    /// RESERVE(6), whole unit.
    pub fn reserve6(&mut self, nexus: &Nexus) -> Verdict {
        if self.reserved_by.as_ref().is_some_and(|owner| owner != nexus) {
            return Verdict::Conflict;
        }
        if self.in_use() && !self.has(Fault::Reserve6NotBlocked) {
            return if self.is_compatible_for(nexus) { Verdict::Good } else { Verdict::Conflict };
        }
        self.reserved_by = Some(nexus.clone());
        Verdict::Good
    }

    /// RELEASE(6), whole unit.
    pub fn release6(&mut self, nexus: &Nexus) -> Verdict {
        if self.reserved_by.is_some() {
            self.reserved_by.take_if(|owner| owner == nexus);
            return Verdict::Good;
        }
        if !self.in_use() {
            return Verdict::Good;
        }
        if self.has(Fault::Release6HardwareError) {
            return Verdict::Check(Sense::new(SenseKey::HardwareError, 0x44, 0));
        }
        if self.is_compatible_for(nexus) { Verdict::Good } else { Verdict::Conflict }
    }

    /// SPC-2 clause 5.5.1: one registration is enough to shut RESERVE and RELEASE out.
    fn in_use(&self) -> bool {
        self.reservation.is_some() || !self.registrations.is_empty()
    }

    /// SPC-4 clause 5.13.3: holders, and registrants of shared types, get GOOD without any effect.
    fn is_compatible_for(&self, nexus: &Nexus) -> bool {
        self.options.compatible_reservation_handling
            && self.reservation.is_some_and(|reservation| {
                self.is_holder(nexus) || (reservation.kind.admits_registrants() && self.is_registered(nexus))
            })
    }
}
