//! Command descriptor blocks: built by the initiator, parsed by the target (SPC-4, SBC-3).
//!
//! One enum serves both sides; `Cdb::parse(&cdb.encode())` gives `cdb` back. Reserved bits are ignored when parsing.

use super::bytes::{be16, be24, be32, be64, bit, byte, put};

/// The six-, ten- or sixteen-byte form of READ and WRITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say the length in bytes")]
pub enum Form {
    Six,
    Ten,
    Sixteen,
}

/// Service actions of PERSISTENT RESERVE IN (SPC-4 table 201).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of the standard")]
pub enum PrIn {
    ReadKeys = 0,
    ReadReservation = 1,
    ReportCapabilities = 2,
    ReadFullStatus = 3,
}

impl PrIn {
    /// The service action with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::ReadKeys, Self::ReadReservation, Self::ReportCapabilities, Self::ReadFullStatus]
            .into_iter()
            .find(|action| *action as u8 == code)
    }

    /// The name as the standard prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReadKeys => "READ KEYS",
            Self::ReadReservation => "READ RESERVATION",
            Self::ReportCapabilities => "REPORT CAPABILITIES",
            Self::ReadFullStatus => "READ FULL STATUS",
        }
    }
}

/// Service actions of PERSISTENT RESERVE OUT (SPC-4 table 220).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of the standard")]
pub enum PrOut {
    Register = 0,
    Reserve = 1,
    Release = 2,
    Clear = 3,
    Preempt = 4,
    PreemptAndAbort = 5,
    RegisterAndIgnoreExistingKey = 6,
    RegisterAndMove = 7,
    ReplaceLostReservation = 8,
}

impl PrOut {
    /// The service action with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        [
            Self::Register,
            Self::Reserve,
            Self::Release,
            Self::Clear,
            Self::Preempt,
            Self::PreemptAndAbort,
            Self::RegisterAndIgnoreExistingKey,
            Self::RegisterAndMove,
            Self::ReplaceLostReservation,
        ]
        .into_iter()
        .find(|action| *action as u8 == code)
    }

    /// The name as the standard prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => "REGISTER",
            Self::Reserve => "RESERVE",
            Self::Release => "RELEASE",
            Self::Clear => "CLEAR",
            Self::Preempt => "PREEMPT",
            Self::PreemptAndAbort => "PREEMPT AND ABORT",
            Self::RegisterAndIgnoreExistingKey => "REGISTER AND IGNORE EXISTING KEY",
            Self::RegisterAndMove => "REGISTER AND MOVE",
            Self::ReplaceLostReservation => "REPLACE LOST RESERVATION",
        }
    }
}

/// A command, with the fields that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(
    missing_docs,
    reason = "field names are those of SPC-4 and SBC-3 in lower case; `alloc` is ALLOCATION LENGTH"
)]
pub enum Cdb {
    TestUnitReady,
    RequestSense {
        descriptor: bool,
        alloc: u8,
    },
    /// `page` is set for a vital product data page (EVPD).
    Inquiry {
        page: Option<u8>,
        alloc: u16,
    },
    Reserve6,
    Release6,
    ModeSense6 {
        disable_block_descriptors: bool,
        page: u8,
        subpage: u8,
        alloc: u8,
    },
    ModeSense10 {
        disable_block_descriptors: bool,
        page: u8,
        subpage: u8,
        alloc: u16,
    },
    StartStopUnit {
        immediate: bool,
        power_condition: u8,
        load_eject: bool,
        start: bool,
    },
    PreventAllowMediumRemoval {
        prevent: bool,
    },
    ReadCapacity10,
    ReadCapacity16 {
        alloc: u32,
    },
    /// `blocks` 0 means 0 in the long forms; in the six-byte form it means 256 and is given as such.
    Read {
        form: Form,
        lba: u64,
        blocks: u32,
        fua: bool,
    },
    /// As [`Cdb::Read`].
    Write {
        form: Form,
        lba: u64,
        blocks: u32,
        fua: bool,
    },
    Verify10 {
        lba: u32,
        blocks: u16,
        byte_check: u8,
    },
    SynchronizeCache10 {
        lba: u32,
        blocks: u16,
        immediate: bool,
    },
    WriteSame10 {
        lba: u32,
        blocks: u16,
        unmap: bool,
    },
    WriteSame16 {
        lba: u64,
        blocks: u32,
        unmap: bool,
        no_data: bool,
    },
    CompareAndWrite {
        lba: u64,
        blocks: u8,
        fua: bool,
    },
    Unmap {
        anchor: bool,
        length: u16,
    },
    PersistentReserveIn {
        action: PrIn,
        alloc: u16,
    },
    /// Scope and type are the raw nibbles, so that illegal ones can be sent and judged.
    PersistentReserveOut {
        action: PrOut,
        scope: u8,
        kind: u8,
        length: u32,
    },
    ReportLuns {
        select: u8,
        alloc: u32,
    },
    ReportTargetPortGroups {
        extended: bool,
        alloc: u32,
    },
}

/// Why a CDB cannot be parsed; each has its place in sense data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CdbError {
    /// Belongs in 5/20/00.
    #[error("operation code {0:02x}h is not known")]
    OperationCode(u8),
    /// Belongs in 5/24/00.
    #[error("operation code {code:02x}h has no service action {action:02x}h")]
    ServiceAction {
        /// The operation code.
        code: u8,
        /// The service action.
        action: u8,
    },
}

impl Cdb {
    /// The 16 bytes of the CDB field of an iSCSI command; shorter CDBs are padded with zeros.
    pub fn encode(&self) -> [u8; 16] {
        let mut cdb = [0; 16];
        match *self {
            Self::TestUnitReady => {}
            Self::RequestSense { descriptor, alloc } => {
                cdb[0] = 0x03;
                cdb[1] = u8::from(descriptor);
                cdb[4] = alloc;
            }
            Self::Inquiry { page, alloc } => {
                cdb[0] = 0x12;
                cdb[1] = u8::from(page.is_some());
                cdb[2] = page.unwrap_or(0);
                put(&mut cdb, 3, &alloc.to_be_bytes());
            }
            Self::Reserve6 => cdb[0] = 0x16,
            Self::Release6 => cdb[0] = 0x17,
            Self::ModeSense6 { disable_block_descriptors, page, subpage, alloc } => {
                cdb[0] = 0x1a;
                cdb[1] = u8::from(disable_block_descriptors) << 3;
                cdb[2] = page;
                cdb[3] = subpage;
                cdb[4] = alloc;
            }
            Self::ModeSense10 { disable_block_descriptors, page, subpage, alloc } => {
                cdb[0] = 0x5a;
                cdb[1] = u8::from(disable_block_descriptors) << 3;
                cdb[2] = page;
                cdb[3] = subpage;
                put(&mut cdb, 7, &alloc.to_be_bytes());
            }
            Self::StartStopUnit { immediate, power_condition, load_eject, start } => {
                cdb[0] = 0x1b;
                cdb[1] = u8::from(immediate);
                cdb[4] = (power_condition << 4) | u8::from(load_eject) << 1 | u8::from(start);
            }
            Self::PreventAllowMediumRemoval { prevent } => {
                cdb[0] = 0x1e;
                cdb[4] = u8::from(prevent);
            }
            Self::ReadCapacity10 => cdb[0] = 0x25,
            Self::ReadCapacity16 { alloc } => {
                cdb[0] = 0x9e;
                cdb[1] = 0x10;
                put(&mut cdb, 10, &alloc.to_be_bytes());
            }
            Self::Read { form, lba, blocks, fua } => {
                transfer(&mut cdb, [0x08, 0x28, 0x88], form, lba, blocks, fua);
            }
            Self::Write { form, lba, blocks, fua } => {
                transfer(&mut cdb, [0x0a, 0x2a, 0x8a], form, lba, blocks, fua);
            }
            Self::Verify10 { lba, blocks, byte_check } => {
                cdb[0] = 0x2f;
                cdb[1] = (byte_check & 0x03) << 1;
                put(&mut cdb, 2, &lba.to_be_bytes());
                put(&mut cdb, 7, &blocks.to_be_bytes());
            }
            Self::SynchronizeCache10 { lba, blocks, immediate } => {
                cdb[0] = 0x35;
                cdb[1] = u8::from(immediate) << 1;
                put(&mut cdb, 2, &lba.to_be_bytes());
                put(&mut cdb, 7, &blocks.to_be_bytes());
            }
            Self::WriteSame10 { lba, blocks, unmap } => {
                cdb[0] = 0x41;
                cdb[1] = u8::from(unmap) << 3;
                put(&mut cdb, 2, &lba.to_be_bytes());
                put(&mut cdb, 7, &blocks.to_be_bytes());
            }
            Self::WriteSame16 { lba, blocks, unmap, no_data } => {
                cdb[0] = 0x93;
                cdb[1] = u8::from(unmap) << 3 | u8::from(no_data);
                put(&mut cdb, 2, &lba.to_be_bytes());
                put(&mut cdb, 10, &blocks.to_be_bytes());
            }
            Self::CompareAndWrite { lba, blocks, fua } => {
                cdb[0] = 0x89;
                cdb[1] = u8::from(fua) << 3;
                put(&mut cdb, 2, &lba.to_be_bytes());
                cdb[13] = blocks;
            }
            Self::Unmap { anchor, length } => {
                cdb[0] = 0x42;
                cdb[1] = u8::from(anchor);
                put(&mut cdb, 7, &length.to_be_bytes());
            }
            Self::PersistentReserveIn { action, alloc } => {
                cdb[0] = 0x5e;
                cdb[1] = action as u8;
                put(&mut cdb, 7, &alloc.to_be_bytes());
            }
            Self::PersistentReserveOut { action, scope, kind, length } => {
                cdb[0] = 0x5f;
                cdb[1] = action as u8;
                cdb[2] = scope << 4 | kind & 0x0f;
                put(&mut cdb, 5, &length.to_be_bytes());
            }
            Self::ReportLuns { select, alloc } => {
                cdb[0] = 0xa0;
                cdb[2] = select;
                put(&mut cdb, 6, &alloc.to_be_bytes());
            }
            Self::ReportTargetPortGroups { extended, alloc } => {
                cdb[0] = 0xa3;
                cdb[1] = 0x0a | u8::from(extended) << 5;
                put(&mut cdb, 6, &alloc.to_be_bytes());
            }
        }
        cdb
    }

    /// Reads a CDB. The length of `bytes` does not matter: what is missing reads as zero.
    pub fn parse(bytes: &[u8]) -> Result<Self, CdbError> {
        let code = byte(bytes, 0);
        let action = byte(bytes, 1) & 0x1f;
        let no_action = CdbError::ServiceAction { code, action };
        let first_bit = bit(bytes, 1, 0x01);
        let fua = bit(bytes, 1, 0x08);
        let six_lba = || u64::from(be24(bytes, 1) & 0x001f_ffff);
        let six_blocks = || if byte(bytes, 4) == 0 { 256 } else { u32::from(byte(bytes, 4)) };
        let ten = |at| u32::from(be16(bytes, at));
        Ok(match code {
            0x00 => Self::TestUnitReady,
            0x03 => Self::RequestSense { descriptor: first_bit, alloc: byte(bytes, 4) },
            0x12 => Self::Inquiry { page: first_bit.then(|| byte(bytes, 2)), alloc: be16(bytes, 3) },
            0x16 => Self::Reserve6,
            0x17 => Self::Release6,
            0x1a => Self::ModeSense6 {
                disable_block_descriptors: fua,
                page: byte(bytes, 2),
                subpage: byte(bytes, 3),
                alloc: byte(bytes, 4),
            },
            0x5a => Self::ModeSense10 {
                disable_block_descriptors: fua,
                page: byte(bytes, 2),
                subpage: byte(bytes, 3),
                alloc: be16(bytes, 7),
            },
            0x1b => Self::StartStopUnit {
                immediate: first_bit,
                power_condition: byte(bytes, 4) >> 4,
                load_eject: bit(bytes, 4, 0x02),
                start: bit(bytes, 4, 0x01),
            },
            0x1e => Self::PreventAllowMediumRemoval { prevent: bit(bytes, 4, 0x01) },
            0x25 => Self::ReadCapacity10,
            0x9e if action == 0x10 => Self::ReadCapacity16 { alloc: be32(bytes, 10) },
            0x08 => Self::Read { form: Form::Six, lba: six_lba(), blocks: six_blocks(), fua: false },
            0x28 => Self::Read { form: Form::Ten, lba: be32(bytes, 2).into(), blocks: ten(7), fua },
            0x88 => Self::Read { form: Form::Sixteen, lba: be64(bytes, 2), blocks: be32(bytes, 10), fua },
            0x0a => Self::Write { form: Form::Six, lba: six_lba(), blocks: six_blocks(), fua: false },
            0x2a => Self::Write { form: Form::Ten, lba: be32(bytes, 2).into(), blocks: ten(7), fua },
            0x8a => Self::Write { form: Form::Sixteen, lba: be64(bytes, 2), blocks: be32(bytes, 10), fua },
            0x2f => Self::Verify10 {
                lba: be32(bytes, 2),
                blocks: be16(bytes, 7),
                byte_check: (byte(bytes, 1) >> 1) & 0x03,
            },
            0x35 => Self::SynchronizeCache10 {
                lba: be32(bytes, 2),
                blocks: be16(bytes, 7),
                immediate: bit(bytes, 1, 0x02),
            },
            0x41 => Self::WriteSame10 { lba: be32(bytes, 2), blocks: be16(bytes, 7), unmap: fua },
            0x93 => Self::WriteSame16 {
                lba: be64(bytes, 2),
                blocks: be32(bytes, 10),
                unmap: fua,
                no_data: first_bit,
            },
            0x89 => Self::CompareAndWrite { lba: be64(bytes, 2), blocks: byte(bytes, 13), fua },
            0x42 => Self::Unmap { anchor: first_bit, length: be16(bytes, 7) },
            0x5e => Self::PersistentReserveIn {
                action: PrIn::from_code(action).ok_or(no_action)?,
                alloc: be16(bytes, 7),
            },
            0x5f => Self::PersistentReserveOut {
                action: PrOut::from_code(action).ok_or(no_action)?,
                scope: byte(bytes, 2) >> 4,
                kind: byte(bytes, 2) & 0x0f,
                length: be32(bytes, 5),
            },
            0xa0 => Self::ReportLuns { select: byte(bytes, 2), alloc: be32(bytes, 6) },
            0xa3 if action == 0x0a => {
                Self::ReportTargetPortGroups { extended: bit(bytes, 1, 0x20), alloc: be32(bytes, 6) }
            }
            0x9e | 0xa3 => return Err(no_action),
            _ => return Err(CdbError::OperationCode(code)),
        })
    }

    /// The name of the command, as the standards print it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TestUnitReady => "TEST UNIT READY",
            Self::RequestSense { .. } => "REQUEST SENSE",
            Self::Inquiry { page: None, .. } => "INQUIRY",
            Self::Inquiry { page: Some(0x00), .. } => "INQUIRY VPD 00h (supported pages)",
            Self::Inquiry { page: Some(0x80), .. } => "INQUIRY VPD 80h (serial number)",
            Self::Inquiry { page: Some(0x83), .. } => "INQUIRY VPD 83h (device identification)",
            Self::Inquiry { page: Some(0xb0), .. } => "INQUIRY VPD B0h (block limits)",
            Self::Inquiry { page: Some(0xb1), .. } => "INQUIRY VPD B1h (block device characteristics)",
            Self::Inquiry { page: Some(0xb2), .. } => "INQUIRY VPD B2h (logical block provisioning)",
            Self::Inquiry { .. } => "INQUIRY VPD",
            Self::Reserve6 => "RESERVE (6)",
            Self::Release6 => "RELEASE (6)",
            Self::ModeSense6 { .. } => "MODE SENSE (6)",
            Self::ModeSense10 { .. } => "MODE SENSE (10)",
            Self::StartStopUnit { .. } => "START STOP UNIT",
            Self::PreventAllowMediumRemoval { .. } => "PREVENT ALLOW MEDIUM REMOVAL",
            Self::ReadCapacity10 => "READ CAPACITY (10)",
            Self::ReadCapacity16 { .. } => "READ CAPACITY (16)",
            Self::Read { form: Form::Six, .. } => "READ (6)",
            Self::Read { form: Form::Ten, .. } => "READ (10)",
            Self::Read { form: Form::Sixteen, .. } => "READ (16)",
            Self::Write { form: Form::Six, .. } => "WRITE (6)",
            Self::Write { form: Form::Ten, .. } => "WRITE (10)",
            Self::Write { form: Form::Sixteen, .. } => "WRITE (16)",
            Self::Verify10 { .. } => "VERIFY (10)",
            Self::SynchronizeCache10 { .. } => "SYNCHRONIZE CACHE (10)",
            Self::WriteSame10 { .. } => "WRITE SAME (10)",
            Self::WriteSame16 { .. } => "WRITE SAME (16)",
            Self::CompareAndWrite { .. } => "COMPARE AND WRITE",
            Self::Unmap { .. } => "UNMAP",
            Self::PersistentReserveIn { action, .. } => match action {
                PrIn::ReadKeys => "PERSISTENT RESERVE IN (READ KEYS)",
                PrIn::ReadReservation => "PERSISTENT RESERVE IN (READ RESERVATION)",
                PrIn::ReportCapabilities => "PERSISTENT RESERVE IN (REPORT CAPABILITIES)",
                PrIn::ReadFullStatus => "PERSISTENT RESERVE IN (READ FULL STATUS)",
            },
            Self::PersistentReserveOut { action, .. } => match action {
                PrOut::Register => "PERSISTENT RESERVE OUT (REGISTER)",
                PrOut::Reserve => "PERSISTENT RESERVE OUT (RESERVE)",
                PrOut::Release => "PERSISTENT RESERVE OUT (RELEASE)",
                PrOut::Clear => "PERSISTENT RESERVE OUT (CLEAR)",
                PrOut::Preempt => "PERSISTENT RESERVE OUT (PREEMPT)",
                PrOut::PreemptAndAbort => "PERSISTENT RESERVE OUT (PREEMPT AND ABORT)",
                PrOut::RegisterAndIgnoreExistingKey => {
                    "PERSISTENT RESERVE OUT (REGISTER AND IGNORE EXISTING KEY)"
                }
                PrOut::RegisterAndMove => "PERSISTENT RESERVE OUT (REGISTER AND MOVE)",
                PrOut::ReplaceLostReservation => "PERSISTENT RESERVE OUT (REPLACE LOST RESERVATION)",
            },
            Self::ReportLuns { .. } => "REPORT LUNS",
            Self::ReportTargetPortGroups { .. } => "REPORT TARGET PORT GROUPS",
        }
    }
}

impl From<Cdb> for [u8; 16] {
    fn from(cdb: Cdb) -> Self {
        cdb.encode()
    }
}

/// Address and count are cut to the width of the form, as the wire would.
fn transfer(cdb: &mut [u8; 16], codes: [u8; 3], form: Form, lba: u64, blocks: u32, fua: bool) {
    let address = lba.to_be_bytes();
    let count = blocks.to_be_bytes();
    match form {
        Form::Six => {
            cdb[0] = codes[0];
            cdb[1] = address[5] & 0x1f;
            put(cdb, 2, &address[6..]);
            cdb[4] = count[3];
        }
        Form::Ten => {
            cdb[0] = codes[1];
            cdb[1] = u8::from(fua) << 3;
            put(cdb, 2, &address[4..]);
            put(cdb, 7, &count[2..]);
        }
        Form::Sixteen => {
            cdb[0] = codes[2];
            cdb[1] = u8::from(fua) << 3;
            put(cdb, 2, &address);
            put(cdb, 10, &count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_as_on_the_wire() {
        let wire = |cdb: Cdb| hex::encode(cdb.encode());
        assert_eq!(
            wire(Cdb::Inquiry { page: Some(0x83), alloc: 0x0102 }),
            "12018301020000000000000000000000"
        );
        assert_eq!(
            wire(Cdb::PersistentReserveIn { action: PrIn::ReadFullStatus, alloc: 8192 }),
            "5e030000000000200000000000000000"
        );
        assert_eq!(
            wire(Cdb::PersistentReserveOut { action: PrOut::Preempt, scope: 0, kind: 5, length: 24 }),
            "5f040500000000001800000000000000"
        );
        assert_eq!(
            wire(Cdb::Write { form: Form::Ten, lba: 0x0102_0304, blocks: 8, fua: true }),
            "2a080102030400000800000000000000"
        );
        assert_eq!(
            wire(Cdb::Read { form: Form::Six, lba: 0x1f_0203, blocks: 256, fua: false }),
            "081f0203000000000000000000000000"
        );
        assert_eq!(wire(Cdb::ReadCapacity16 { alloc: 32 }), "9e100000000000000000000000200000");
        assert_eq!(wire(Cdb::ReportLuns { select: 2, alloc: 4096 }), "a0000200000000001000000000000000");
        assert_eq!(
            wire(Cdb::ReportTargetPortGroups { extended: false, alloc: 255 }),
            "a30a000000000000 00ff000000000000".replace(' ', "")
        );
    }

    #[test]
    fn what_is_unknown_says_which() {
        assert_eq!(Cdb::parse(&[0xff]), Err(CdbError::OperationCode(0xff)));
        assert_eq!(Cdb::parse(&[0x5e, 0x04]), Err(CdbError::ServiceAction { code: 0x5e, action: 4 }));
        assert_eq!(Cdb::parse(&[0x5f, 0x09]), Err(CdbError::ServiceAction { code: 0x5f, action: 9 }));
        assert_eq!(Cdb::parse(&[0x9e, 0x11]), Err(CdbError::ServiceAction { code: 0x9e, action: 0x11 }));
    }
}
