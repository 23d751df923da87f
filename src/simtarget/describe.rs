//! What a unit says of itself: INQUIRY, vital product data, capacity, mode pages, port groups.

use super::attention::Attention;
use super::block::{MOST_COMPARED, MOST_DESCRIPTORS, MOST_UNMAPPED};
use super::command::{Answer, Caller, illegal};
use super::fault::Fault;
use super::unit::{LogicalUnit, ModeSettings};
use crate::scsi::Sense;
use crate::scsi::bytes::{be16, bit, byte, part};
use crate::scsi::capacity::Capacity;
use crate::scsi::identity::{Association, Designator};
use crate::scsi::inquiry::Inquiry;
use crate::scsi::mode::ModeParameters;
use crate::scsi::ports::{AccessState, PortGroup, PortGroups};
use crate::scsi::vpd::{
    self, BlockCharacteristics, BlockLimits, DeviceIdentification, Provisioning, ProvisioningType,
    SupportedPages, UnitSerial,
};

const DISK: u8 = 0;
/// SAM-5, SPC-4, SBC-3, iSCSI: the standards that units keep to, without claim to a revision.
const VERSIONS: [u16; 4] = [0x00a0, 0x0460, 0x04c0, 0x0960];
const CACHING: u8 = 0x08;
const CONTROL: u8 = 0x0a;
const EXCEPTIONS: u8 = 0x1c;

impl LogicalUnit {
    /// Standard INQUIRY data.
    pub fn inquiry(&self, tags: &[u16]) -> Vec<u8> {
        let mut data = Inquiry {
            qualifier: 0,
            device_type: DISK,
            removable: self.config.removable || self.has(Fault::Removable),
            version: 6,
            tpgs: 1,
            multi_port: tags.len() > 1,
            command_queue: true,
            vendor: self.config.vendor.clone(),
            product: self.config.product.clone(),
            revision: self.config.revision.clone(),
            ..Inquiry::default()
        }
        .encode();
        // Version descriptors (SPC-4 clause 6.4.2) lie behind the fields that initiators commonly read.
        data.resize(58, 0);
        data.extend(VERSIONS.iter().flat_map(|version| version.to_be_bytes()));
        data.resize(96, 0);
        data[4] = 96 - 5;
        data
    }

    /// A page of vital product data; `None` where the unit has no such page.
    pub fn vital_product_data(&self, caller: Caller<'_>, page: u8) -> Option<Vec<u8>> {
        let tag = caller.nexus.port;
        let identity = self.identity(tag);
        Some(match page {
            vpd::SUPPORTED_PAGES => SupportedPages(vec![
                vpd::SUPPORTED_PAGES,
                vpd::UNIT_SERIAL,
                vpd::DEVICE_IDENTIFICATION,
                vpd::BLOCK_LIMITS,
                vpd::BLOCK_CHARACTERISTICS,
                vpd::PROVISIONING,
            ])
            .encode(DISK),
            vpd::UNIT_SERIAL => UnitSerial(identity.serial).encode(DISK),
            vpd::DEVICE_IDENTIFICATION => {
                let mut designators = Vec::new();
                if !identity.naa.is_empty() {
                    designators.push(Designator::naa(identity.naa));
                    let rest = format!("{} {}", self.config.product, identity.serial);
                    designators.push(Designator::t10(&self.config.vendor, &rest));
                }
                designators.push(Designator::relative_port(tag));
                designators.push(Designator::port_group(tag));
                let port = format!("{},t,0x{tag:04x}", caller.target);
                designators.push(Designator::scsi_name(Association::TargetPort, &port));
                designators.push(Designator::scsi_name(Association::TargetDevice, caller.target));
                DeviceIdentification(designators).encode(DISK)
            }
            vpd::BLOCK_LIMITS => {
                let (max_transfer, max_write_same) = self.transfer_limits();
                let thin = self.config.thin;
                BlockLimits {
                    write_same_non_zero: true,
                    max_compare_and_write: MOST_COMPARED,
                    optimal_granularity: 1 << self.config.physical_block_exponent.min(7),
                    max_transfer,
                    optimal_transfer: max_transfer.min(2048),
                    max_unmap_blocks: if thin { MOST_UNMAPPED } else { 0 },
                    max_unmap_descriptors: if thin { MOST_DESCRIPTORS } else { 0 },
                    unmap_granularity: if thin { 4096 / self.block_size() } else { 0 },
                    unmap_alignment: thin.then_some(0),
                    max_write_same,
                }
                .encode(DISK)
            }
            vpd::BLOCK_CHARACTERISTICS => {
                let rotation_rate = if self.config.solid_state { 1 } else { 7200 };
                BlockCharacteristics { rotation_rate }.encode(DISK)
            }
            vpd::PROVISIONING => {
                let thin = self.config.thin;
                Provisioning {
                    threshold_exponent: 0,
                    unmap: thin,
                    write_same16: thin,
                    write_same10: thin,
                    provisioning: if thin { ProvisioningType::Thin } else { ProvisioningType::default() },
                }
                .encode(DISK)
            }
            _ => return None,
        })
    }

    /// Size and layout through a portal group.
    pub fn capacity(&self, tag: u16) -> Capacity {
        Capacity {
            last_lba: self.blocks(tag) - 1,
            block_bytes: self.block_size(),
            protection_type: None,
            physical_exponent: if self.block_size() == 512 { self.config.physical_block_exponent } else { 0 },
            lowest_aligned_lba: 0,
            provisioning_managed: self.config.thin,
            unmapped_reads_zero: self.config.thin,
        }
    }

    /// The pages that MODE SENSE asks for.
    pub fn mode_parameters(
        &self,
        page: u8,
        subpage: u8,
        no_descriptors: bool,
    ) -> Result<ModeParameters, Sense> {
        let (control, code) = (page >> 6, page & 0x3f);
        if control == 3 {
            // Saving parameters is not supported.
            return Err(illegal(0x39, 0));
        }
        if subpage != 0 && subpage != 0xff {
            return Err(illegal(0x24, 0));
        }
        let changeable = control == 1;
        let settings = if control == 0 { self.mode } else { ModeSettings::default() };
        let mut pages = Vec::new();
        for each in [CACHING, CONTROL, EXCEPTIONS] {
            if code == each || code == 0x3f {
                pages.extend(mode_page(each, changeable, settings));
            }
        }
        if pages.is_empty() {
            return Err(illegal(0x24, 0));
        }
        let block_descriptors = if no_descriptors {
            Vec::new()
        } else {
            let blocks =
                u32::try_from(self.config.size_bytes / u64::from(self.block_size())).unwrap_or(u32::MAX);
            let mut descriptor = blocks.to_be_bytes().to_vec();
            descriptor.extend(self.block_size().to_be_bytes());
            descriptor
        };
        Ok(ModeParameters {
            medium_type: 0,
            write_protected: self.is_write_protected(),
            dpo_fua: true,
            block_descriptors,
            pages,
        })
    }

    /// MODE SELECT: takes what the changeable bits of the control page allow, refuses everything else.
    pub fn mode_select(&mut self, caller: Caller<'_>, list: &[u8], ten: bool) -> Answer {
        if list.is_empty() {
            return Answer::good();
        }
        let header = if ten { 8 } else { 4 };
        if list.len() < header {
            return Answer::check(illegal(0x1a, 0));
        }
        let descriptors = if ten { usize::from(be16(list, 6)) } else { usize::from(byte(list, 3)) };
        let mut rest = part(list, header + descriptors, list.len());
        let mut settings = self.mode;
        while !rest.is_empty() {
            let code = byte(rest, 0) & 0x3f;
            let length = 2 + usize::from(byte(rest, 1));
            if rest.len() < length {
                return Answer::check(illegal(0x1a, 0));
            }
            let wanted = ModeSettings {
                descriptor_sense: bit(rest, 2, 0x04),
                software_write_protect: bit(rest, 4, 0x08),
            };
            let candidate = if code == CONTROL { wanted } else { settings };
            let mut expected = mode_page(code, false, candidate);
            if let Some(first) = expected.first_mut() {
                // PS is reserved in MODE SELECT.
                *first = byte(rest, 0);
            }
            if expected != part(rest, 0, length) {
                return Answer::check(illegal(0x26, 0));
            }
            settings = candidate;
            rest = rest.get(length..).unwrap_or(&[]);
        }
        if settings != self.mode {
            self.mode = settings;
            for nexus in caller.logged_in.iter().filter(|nexus| *nexus != caller.nexus) {
                self.attentions.establish(nexus, Attention::ModeParametersChanged);
            }
        }
        Answer::good()
    }

    /// REPORT TARGET PORT GROUPS: each portal group is a target port and a group of its own.
    pub fn port_groups(&self, tags: &[u16]) -> Vec<u8> {
        // T_SUP, U_SUP, S_SUP, AN_SUP, AO_SUP bits: active/optimised and standby.
        const SUPPORTED: u8 = 0x05;
        let groups = tags
            .iter()
            .map(|tag| PortGroup {
                preferred: false,
                state: if self.is_standby(*tag) {
                    AccessState::Standby
                } else {
                    AccessState::ActiveOptimized
                },
                supported: SUPPORTED,
                group: *tag,
                status_code: 0,
                ports: vec![*tag],
            })
            .collect();
        PortGroups(groups).encode()
    }
}

/// A mode page: its values, or a mask of what can be changed. Empty for a page that does not exist.
fn mode_page(code: u8, changeable: bool, settings: ModeSettings) -> Vec<u8> {
    let flag = |on: bool, mask: u8| if on { mask } else { 0 };
    match code {
        CACHING => {
            let mut page = vec![0; 20];
            page[0] = CACHING;
            page[1] = 18;
            page
        }
        CONTROL => {
            let mut page = vec![0; 12];
            page[0] = CONTROL;
            page[1] = 10;
            page[2] = flag(settings.descriptor_sense || changeable, 0x04);
            page[4] = flag(settings.software_write_protect || changeable, 0x08);
            if !changeable {
                page[3] = 0x10; // unrestricted reordering
                page[5] = 0x40; // TAS: aborted tasks end with TASK ABORTED
            }
            page
        }
        EXCEPTIONS => {
            let mut page = vec![0; 12];
            page[0] = EXCEPTIONS;
            page[1] = 10;
            page
        }
        _ => Vec::new(),
    }
}
