//! A simulated logical unit: its blocks, its reservations, its unit attentions and mode settings, and how the faults bend
//! what it shows of itself.
//!
//! Always holds: what the unit shows depends on its configuration, the faults and the portal group asked, on nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::attention::{Attention, Attentions};
use super::config::{Role, Unit};
use super::fault::{Fault, FaultSet};
use super::reservations::{Nexus, Options, Reservations};
use super::store::{Store, StoreError};

/// Nexuses remembered to tell a return from a first visit.
const MOST_KNOWN: usize = 4096;
/// What a witness has under `witness-too-small`.
const SMALL_WITNESS: u64 = 256 << 20;
/// By how much other portal groups differ under `size-differs-per-portal`.
const SIZE_STEP: u64 = 1 << 20;

/// The identity that a unit shows through one portal group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// NAA designator; empty where the unit shows none.
    pub naa: Vec<u8>,
    /// Unit serial number; empty where the unit shows none.
    pub serial: String,
}

/// Settings of the control mode page that MODE SELECT can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ModeSettings {
    /// D_SENSE: sense data in descriptor format.
    pub descriptor_sense: bool,
    /// SWP: refuse writes.
    pub software_write_protect: bool,
}

/// One logical unit with its state.
#[derive(Debug)]
pub(super) struct LogicalUnit {
    pub config: Unit,
    /// Identity of the first unit of the target, which `duplicate-identity` shows for all.
    first: Identity,
    is_first: bool,
    /// The lowest portal group tag, which faults leave alone.
    first_tag: u16,
    resident_limit: u64,
    options: Options,
    faults: FaultSet,
    /// Blocks by head: head 0 unless `data-differs-per-portal` gives each portal group its own.
    stores: BTreeMap<u16, Store>,
    /// Reservations by head: head 0 unless `keys-differ-per-portal` gives each portal group its own.
    heads: BTreeMap<u16, Reservations>,
    pub attentions: Attentions,
    known: BTreeSet<Nexus>,
    pub mode: ModeSettings,
}

impl LogicalUnit {
    pub fn new(
        config: &Unit,
        first: &Unit,
        first_tag: u16,
        resident_limit: u64,
        capacity: usize,
        faults: FaultSet,
    ) -> Self {
        let options =
            Options { capacity, compatible_reservation_handling: config.compatible_reservation_handling };
        let mut unit = Self {
            config: config.clone(),
            first: Identity { naa: first.naa.clone(), serial: first.serial.clone() },
            is_first: config.lun == first.lun,
            first_tag,
            resident_limit,
            options,
            faults: FaultSet::NONE,
            stores: BTreeMap::new(),
            heads: BTreeMap::new(),
            attentions: Attentions::default(),
            known: BTreeSet::new(),
            mode: ModeSettings::default(),
        };
        unit.set_faults(faults);
        unit
    }

    /// Switches faults on and off.
    pub fn set_faults(&mut self, faults: FaultSet) {
        self.faults = faults;
        self.attentions.set_faults(faults);
        self.reservations(self.first_tag);
        for head in self.heads.values_mut() {
            head.set_faults(faults);
        }
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }

    /// Reservation state as the given portal group sees it.
    pub fn reservations(&mut self, tag: u16) -> &mut Reservations {
        let head = if self.has(Fault::KeysDifferPerPortal) { tag } else { 0 };
        let (options, faults) = (self.options, self.faults);
        self.heads.entry(head).or_insert_with(|| {
            let mut reservations = Reservations::new(options);
            reservations.set_faults(faults);
            reservations
        })
    }

    fn store(&mut self, tag: u16) -> &mut Store {
        let head = if self.has(Fault::DataDiffersPerPortal) { tag } else { 0 };
        let (size, limit) = (self.config.size_bytes, self.resident_limit);
        self.stores.entry(head).or_insert_with(|| Store::new(size, limit))
    }

    pub fn block_size(&self) -> u32 {
        if self.has(Fault::LargeBlocks) && !self.is_first { 4096 } else { self.config.block_size }
    }

    /// Size in bytes through a portal group, a whole number of blocks and at least one.
    pub fn size_bytes(&self, tag: u16) -> u64 {
        let mut size = self.config.size_bytes;
        if self.has(Fault::WitnessTooSmall) && self.config.role == Role::Witness {
            size = size.min(SMALL_WITNESS);
        }
        if self.has(Fault::SizeDiffersPerPortal) && tag != self.first_tag {
            size = size.saturating_sub(SIZE_STEP);
        }
        let block = u64::from(self.block_size());
        (size / block * block).max(block).min(self.config.size_bytes)
    }

    /// Number of blocks through a portal group.
    pub fn blocks(&self, tag: u16) -> u64 {
        self.size_bytes(tag) / u64::from(self.block_size())
    }

    pub fn identity(&self, tag: u16) -> Identity {
        if self.has(Fault::NoIdentity) {
            return Identity { naa: Vec::new(), serial: String::new() };
        }
        let mut identity = if self.has(Fault::DuplicateIdentity) {
            self.first.clone()
        } else {
            Identity { naa: self.config.naa.clone(), serial: self.config.serial.clone() }
        };
        if self.has(Fault::IdentityDiffersPerPortal) && tag != self.first_tag {
            let [high, low] = tag.to_be_bytes();
            for (byte, change) in identity.naa.iter_mut().rev().skip(2).zip([low, high]) {
                *byte ^= change;
            }
            identity.serial = format!("{}P{tag}", identity.serial);
        }
        identity
    }

    pub fn is_write_protected(&self) -> bool {
        self.config.read_only || self.mode.software_write_protect || self.has(Fault::ReadOnly)
    }

    /// Whether a portal group is in ALUA state standby.
    pub fn is_standby(&self, tag: u16) -> bool {
        self.has(Fault::StandbyPath) && tag != self.first_tag
    }

    pub fn read(&mut self, tag: u16, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        self.store(tag).read(offset, length)
    }

    pub fn write(&mut self, tag: u16, offset: u64, data: &[u8]) -> Result<(), StoreError> {
        if self.has(Fault::ThinVolumeFull) {
            return Err(StoreError::NoSpace { limit_bytes: 0 });
        }
        if self.has(Fault::WriteLost) {
            return Ok(());
        }
        self.store(tag).write(offset, data)
    }

    pub fn fill(&mut self, tag: u16, offset: u64, pattern: &[u8], times: u64) -> Result<(), StoreError> {
        if self.has(Fault::ThinVolumeFull) {
            return Err(StoreError::NoSpace { limit_bytes: 0 });
        }
        if self.has(Fault::WriteLost) {
            return Ok(());
        }
        self.store(tag).fill(offset, pattern, times)
    }

    pub fn discard(&mut self, tag: u16, offset: u64, length: u64) -> Result<(), StoreError> {
        if self.has(Fault::WriteLost) {
            return Ok(());
        }
        self.store(tag).discard(offset, length)
    }

    /// Memory that written blocks take.
    pub fn resident_bytes(&self) -> u64 {
        self.stores.values().map(Store::resident_bytes).sum()
    }

    /// A session of this nexus begins: the first since power-on hears of that, a later one of the nexus loss.
    pub fn nexus_begins(&mut self, nexus: &Nexus) {
        let returns = self.known.contains(nexus);
        if !returns && self.known.len() >= MOST_KNOWN {
            self.known.pop_first();
        }
        self.known.insert(nexus.clone());
        let power_on = !returns || self.has(Fault::PowerOnAttentionAtRelogin);
        self.attentions.establish(nexus, if power_on { Attention::PowerOn } else { Attention::NexusLoss });
        self.reservations(nexus.port).nexus_begins(nexus);
    }

    pub fn nexus_ends(&mut self, nexus: &Nexus, by_logout: bool) {
        self.reservations(nexus.port).nexus_ends(nexus, by_logout);
    }

    /// LOGICAL UNIT RESET, or the part of a target reset that concerns this unit. `sessions` are the nexuses to tell.
    pub fn reset(&mut self, sessions: &[Nexus]) {
        let mut told: BTreeSet<Nexus> = sessions.iter().cloned().collect();
        for head in self.heads.values_mut() {
            told.extend(head.registrations().iter().map(|each| each.nexus.clone()));
            head.reset();
        }
        self.mode = ModeSettings::default();
        for nexus in &told {
            self.attentions.establish(nexus, Attention::Reset);
        }
    }

    /// Power off and on. Blocks stay; sessions must be gone.
    pub fn power_cycle(&mut self) {
        for head in self.heads.values_mut() {
            head.power_cycle();
        }
        self.mode = ModeSettings::default();
        self.attentions.clear();
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(faults: FaultSet) -> LogicalUnit {
        let first = Unit::new(0, Role::Data, 1 << 30, 7);
        let config = Unit::new(1, Role::Witness, 1 << 30, 8);
        LogicalUnit::new(&config, &first, 1, 1 << 20, 64, faults)
    }

    #[test]
    fn clean_unit_looks_the_same_through_every_portal_group() {
        let clean = unit(FaultSet::NONE);
        assert_eq!(clean.identity(1), clean.identity(2));
        assert_eq!((clean.size_bytes(1), clean.size_bytes(2)), (1 << 30, 1 << 30));
    }

    #[test]
    fn faults_bend_identity_and_size() {
        let bent = unit(Fault::IdentityDiffersPerPortal.into());
        assert_ne!(bent.identity(1), bent.identity(2));
        assert_ne!(bent.identity(2), bent.identity(3));
        assert_eq!(bent.identity(1), unit(FaultSet::NONE).identity(1));
        assert_eq!(bent.identity(2).naa[0], bent.identity(1).naa[0], "still an NAA of the same kind");
        assert_eq!(unit(Fault::DuplicateIdentity.into()).identity(1).serial, "QD00000007");
        assert_eq!(unit(Fault::WitnessTooSmall.into()).size_bytes(1), 256 << 20);
        assert_eq!(unit(Fault::SizeDiffersPerPortal.into()).size_bytes(2), (1 << 30) - (1 << 20));
        assert_eq!(unit(Fault::LargeBlocks.into()).blocks(1), (1 << 30) / 4096);
        assert!(unit(Fault::NoIdentity.into()).identity(1).naa.is_empty());
    }

    #[test]
    fn heads_have_keys_and_data_of_their_own_only_under_the_fault() {
        for (fault, data, same) in [
            (Fault::Slow, true, true),
            (Fault::DataDiffersPerPortal, true, false),
            (Fault::WriteLost, false, true),
        ] {
            let mut unit = unit(fault.into());
            unit.write(1, 512, &[7; 512]).unwrap();
            assert_eq!(unit.read(1, 512, 1).unwrap(), [if data { 7 } else { 0 }]);
            assert_eq!(unit.read(1, 512, 1) == unit.read(2, 512, 1), same, "{fault}");
        }
    }

    #[test]
    fn return_of_a_nexus_is_told_apart_from_its_first_visit() {
        let mut unit = unit(FaultSet::NONE);
        let nexus = Nexus::new("iqn.2026-01.test:a", [0; 6], 1);
        unit.nexus_begins(&nexus);
        assert_eq!(unit.attentions.report(&nexus), Some(Attention::PowerOn));
        unit.nexus_ends(&nexus, true);
        unit.nexus_begins(&nexus);
        assert_eq!(unit.attentions.report(&nexus), Some(Attention::NexusLoss));
        unit.power_cycle();
        unit.nexus_begins(&nexus);
        assert_eq!(unit.attentions.report(&nexus), Some(Attention::PowerOn));
    }
}
