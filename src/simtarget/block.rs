//! Commands that touch the blocks of a unit (SBC-3): what they ask for, and doing it.
//!
//! Always holds: ranges are checked before anything is moved, a refused command changes no block, and what one command
//! moves is bounded.

use super::command::{Answer, illegal};
use super::fault::Fault;
use super::reservations::Access;
use super::store::StoreError;
use super::unit::LogicalUnit;
use crate::scsi::bytes::{be16, be32, be64, bit, byte};
use crate::scsi::{Cdb, Sense, SenseKey};

/// Bytes that one command moves at most.
pub(super) const MOST_BYTES: u64 = 4 << 20;
/// Blocks in one COMPARE AND WRITE at most.
pub(super) const MOST_COMPARED: u8 = 128;
/// Bytes of one WRITE SAME at most.
pub(super) const MOST_SAME_BYTES: u64 = MOST_BYTES;
/// Blocks in one UNMAP at most.
pub(super) const MOST_UNMAPPED: u32 = 1 << 20;
/// Descriptors in one UNMAP at most.
pub(super) const MOST_DESCRIPTORS: u32 = 256;

/// A range of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub lba: u64,
    pub blocks: u64,
}

/// A command on blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockCommand {
    Read(Range),
    Write(Range),
    /// `compare` 0 checks the range only, 1 compares all blocks, 3 compares each with one block.
    Verify {
        range: Range,
        compare: u8,
    },
    SynchronizeCache(Range),
    WriteSame {
        range: Range,
        unmap: bool,
        no_data: bool,
        ten: bool,
    },
    CompareAndWrite(Range),
    Unmap {
        length: u16,
    },
}

/// 5/21/00.
fn out_of_range() -> Sense {
    illegal(0x21, 0)
}

/// 5/24/00.
fn invalid_field() -> Sense {
    illegal(0x24, 0)
}

impl BlockCommand {
    /// Reads a CDB; `None` where it is no command on blocks.
    pub fn parse(cdb: &[u8; 16]) -> Option<Result<Self, Sense>> {
        let long = Range { lba: be64(cdb, 2), blocks: be32(cdb, 10).into() };
        let twelve = Range { lba: be32(cdb, 2).into(), blocks: be32(cdb, 6).into() };
        let compare = (byte(cdb, 1) >> 1) & 3;
        // Forms that only the target meets; the rest is shared with the initiator.
        let command = match cdb[0] {
            0xa8 => Self::Read(twelve),
            0xaa => Self::Write(twelve),
            // What was just written compares equal, so that BYTCHK 1 asks for nothing more.
            0x2e if compare < 2 => {
                Self::Write(Range { lba: be32(cdb, 2).into(), blocks: be16(cdb, 7).into() })
            }
            0xae if compare < 2 => Self::Write(twelve),
            0x8e if compare < 2 => Self::Write(long),
            0x2e | 0xae | 0x8e => return Some(Err(invalid_field())),
            0xaf => Self::Verify { range: twelve, compare },
            0x8f => Self::Verify { range: long, compare },
            0x91 => Self::SynchronizeCache(long),
            _ => match Cdb::parse(cdb).ok()? {
                Cdb::Read { lba, blocks, .. } => Self::Read(Range { lba, blocks: blocks.into() }),
                Cdb::Write { lba, blocks, .. } => Self::Write(Range { lba, blocks: blocks.into() }),
                Cdb::Verify10 { lba, blocks, byte_check } => Self::Verify {
                    range: Range { lba: lba.into(), blocks: blocks.into() },
                    compare: byte_check,
                },
                Cdb::SynchronizeCache10 { lba, blocks, .. } => {
                    Self::SynchronizeCache(Range { lba: lba.into(), blocks: blocks.into() })
                }
                Cdb::WriteSame10 { lba, blocks, unmap } => Self::WriteSame {
                    range: Range { lba: lba.into(), blocks: blocks.into() },
                    unmap,
                    no_data: false,
                    ten: true,
                },
                Cdb::WriteSame16 { lba, blocks, unmap, no_data } => Self::WriteSame {
                    range: Range { lba, blocks: blocks.into() },
                    unmap,
                    no_data,
                    ten: false,
                },
                Cdb::CompareAndWrite { lba, blocks, .. } => {
                    Self::CompareAndWrite(Range { lba, blocks: blocks.into() })
                }
                Cdb::Unmap { length, anchor: false } => Self::Unmap { length },
                Cdb::Unmap { anchor: true, .. } => return Some(Err(invalid_field())),
                _ => return None,
            },
        };
        // RDPROTECT, WRPROTECT and VRPROTECT: the units have no protection information. Six-byte forms have no such field.
        let protect = !matches!(cdb[0], 0x08 | 0x0a | 0x35 | 0x91 | 0x42) && bit(cdb, 1, 0xe0);
        let same_flags =
            matches!(command, Self::WriteSame { .. }) && (bit(cdb, 1, 0x10) || bit(cdb, 1, 0x06));
        Some(if protect || same_flags { Err(invalid_field()) } else { Ok(command) })
    }

    /// What it does, as far as reservations care.
    pub fn access(&self) -> Access {
        match self {
            Self::Read(_) | Self::Verify { .. } => Access::Read,
            Self::Write(_) | Self::WriteSame { ten: false, .. } => Access::Write,
            Self::SynchronizeCache(_) => Access::SynchronizeCache,
            Self::WriteSame { ten: true, .. } => Access::WriteSame10,
            Self::CompareAndWrite(_) => Access::CompareAndWrite,
            Self::Unmap { .. } => Access::Unmap,
        }
    }

    /// Whether the initiator's transfer length must be exactly what the command wants: half a comparison or a cut pattern
    /// would change blocks that were not meant.
    pub fn needs_exactly(cdb: &[u8; 16], wants: u64, expected: u32) -> bool {
        !matches!(cdb[0], 0x41 | 0x89 | 0x93) || wants == u64::from(expected)
    }

    fn writes(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::Verify { .. } | Self::SynchronizeCache(_))
    }
}

impl LogicalUnit {
    /// Checks a command before any data moves, and says how many bytes it wants from the initiator.
    pub fn prepare(&self, tag: u16, command: BlockCommand) -> Result<u64, Sense> {
        if command.writes() && self.is_write_protected() {
            return Err(Sense::new(SenseKey::DataProtect, 0x27, 0));
        }
        let block = u64::from(self.block_size());
        let within = |range: Range, most_bytes: u64| {
            let end = range.lba.checked_add(range.blocks).ok_or_else(out_of_range)?;
            if end > self.blocks(tag) {
                Err(out_of_range())
            } else if range.blocks * block > most_bytes {
                Err(invalid_field())
            } else {
                Ok(range.blocks * block)
            }
        };
        match command {
            BlockCommand::Read(range) => within(range, MOST_BYTES).map(|_| 0),
            BlockCommand::Write(range) => within(range, MOST_BYTES),
            BlockCommand::Verify { range, compare } => match compare {
                0 => within(range, u64::MAX).map(|_| 0),
                1 => within(range, MOST_BYTES),
                3 => within(range, MOST_BYTES).map(|bytes| if bytes == 0 { 0 } else { block }),
                _ => Err(invalid_field()),
            },
            BlockCommand::SynchronizeCache(range) => within(range, u64::MAX).map(|_| 0),
            BlockCommand::WriteSame { range, unmap, no_data, .. } => {
                if range.blocks == 0 || (unmap && !self.config.thin) {
                    // WSNZ is set, so that a count of zero is refused.
                    return Err(if range.lba > self.blocks(tag) { out_of_range() } else { invalid_field() });
                }
                within(range, MOST_SAME_BYTES)?;
                Ok(if no_data { 0 } else { block })
            }
            BlockCommand::CompareAndWrite(range) => {
                if range.blocks > u64::from(MOST_COMPARED) {
                    return Err(invalid_field());
                }
                within(range, MOST_BYTES).map(|bytes| bytes * 2)
            }
            BlockCommand::Unmap { length } => {
                if !self.config.thin {
                    return Err(illegal(0x20, 0));
                }
                if length > 0 && length < 8 {
                    return Err(illegal(0x1a, 0));
                }
                Ok(length.into())
            }
        }
    }

    /// Does what was prepared, with what the initiator sent; less than it wanted is used as far as it makes whole blocks.
    pub fn perform(&mut self, tag: u16, command: BlockCommand, data: &[u8]) -> Answer {
        let block = u64::from(self.block_size());
        let offset = |range: Range| range.lba * block;
        let length = |range: Range| usize::try_from(range.blocks * block).unwrap_or(usize::MAX);
        let whole = |bytes: &[u8]| {
            bytes.len() / usize::try_from(block).unwrap_or(1) * usize::try_from(block).unwrap_or(1)
        };
        let outcome = match command {
            BlockCommand::Read(range) => {
                return match self.read(tag, offset(range), length(range)) {
                    Ok(data) => Answer::data(data),
                    Err(error) => Answer::check(sense_of(&error)),
                };
            }
            BlockCommand::Write(range) => {
                let usable = whole(data).min(length(range));
                self.write(tag, offset(range), &data[..usable])
            }
            BlockCommand::Verify { compare: 0, .. } | BlockCommand::SynchronizeCache(_) => Ok(()),
            BlockCommand::Verify { range, compare } => {
                return self.verify(tag, offset(range), length(range), compare, data);
            }
            BlockCommand::WriteSame { range, unmap, no_data, .. } => {
                let pattern = data.get(..usize::try_from(block).unwrap_or(usize::MAX));
                match pattern {
                    _ if no_data => self.discard(tag, offset(range), range.blocks * block),
                    None => return Answer::check(invalid_field()),
                    Some(pattern) if unmap && pattern.iter().all(|byte| *byte == 0) => {
                        self.discard(tag, offset(range), range.blocks * block)
                    }
                    Some(pattern) => self.fill(tag, offset(range), pattern, range.blocks),
                }
            }
            BlockCommand::CompareAndWrite(range) => {
                return self.compare_and_write(tag, offset(range), length(range), data);
            }
            BlockCommand::Unmap { .. } => return self.unmap(tag, data),
        };
        match outcome {
            Ok(()) => Answer::good(),
            Err(error) => Answer::check(sense_of(&error)),
        }
    }

    fn verify(&mut self, tag: u16, offset: u64, length: usize, compare: u8, data: &[u8]) -> Answer {
        let stored = match self.read(tag, offset, length) {
            Ok(stored) => stored,
            Err(error) => return Answer::check(sense_of(&error)),
        };
        let wanted: Box<dyn Iterator<Item = &u8>> =
            if compare == 1 { Box::new(data.iter()) } else { Box::new(data.iter().cycle()) };
        match stored.iter().zip(wanted).position(|(a, b)| a != b) {
            Some(at) => Answer::check(miscompare(at)),
            None => Answer::good(),
        }
    }

    fn compare_and_write(&mut self, tag: u16, offset: u64, length: usize, data: &[u8]) -> Answer {
        if data.len() < length * 2 {
            return Answer::check(invalid_field());
        }
        let (expected, new) = data.split_at(length);
        let outcome = self.read(tag, offset, length).and_then(|stored| {
            match stored.iter().zip(expected).position(|(a, b)| a != b) {
                Some(at) => Ok(Some(at)),
                None => self.write(tag, offset, &new[..length]).map(|()| None),
            }
        });
        match outcome {
            Ok(None) => Answer::good(),
            Ok(Some(at)) => Answer::check(miscompare(at)),
            Err(error) => Answer::check(sense_of(&error)),
        }
    }

    fn unmap(&mut self, tag: u16, list: &[u8]) -> Answer {
        if list.is_empty() {
            return Answer::good();
        }
        let announced = usize::from(be16(list, 2)).min(list.len().saturating_sub(8));
        let descriptors = list.get(8..8 + announced).unwrap_or(&[]);
        let ranges: Vec<Range> = descriptors
            .chunks_exact(16)
            .map(|each| Range { lba: be64(each, 0), blocks: be32(each, 8).into() })
            .collect();
        let total: u64 = ranges.iter().map(|range| range.blocks).sum();
        if ranges.len() > MOST_DESCRIPTORS as usize || total > u64::from(MOST_UNMAPPED) {
            return Answer::check(illegal(0x26, 0));
        }
        let blocks = self.blocks(tag);
        if ranges.iter().any(|range| range.lba.checked_add(range.blocks).is_none_or(|end| end > blocks)) {
            return Answer::check(out_of_range());
        }
        let block = u64::from(self.block_size());
        for range in ranges {
            if let Err(error) = self.discard(tag, range.lba * block, range.blocks * block) {
                return Answer::check(sense_of(&error));
            }
        }
        Answer::good()
    }

    /// The limits of VPD page B0 in blocks: longest transfer, longest WRITE SAME.
    pub fn transfer_limits(&self) -> (u32, u64) {
        let block = u64::from(self.block_size());
        (u32::try_from(MOST_BYTES / block).unwrap_or(u32::MAX), MOST_SAME_BYTES / block)
    }
}

/// E/1D/00 with the place of the first difference.
fn miscompare(at: usize) -> Sense {
    Sense { information: Some(at as u64), ..Sense::new(SenseKey::Miscompare, 0x1d, 0) }
}

fn sense_of(error: &StoreError) -> Sense {
    match error {
        StoreError::OutOfRange { .. } => out_of_range(),
        // Space allocation failed write protect.
        StoreError::NoSpace { .. } => Sense::new(SenseKey::DataProtect, 0x27, 0x07),
    }
}

/// Whether a fault makes plain data commands fail through a standby portal group.
pub(super) fn standby(unit: &LogicalUnit, tag: u16) -> Option<Sense> {
    // 2/04/0B, target port in standby state.
    (unit.has(Fault::StandbyPath) && unit.is_standby(tag)).then(|| Sense::new(SenseKey::NotReady, 0x04, 0x0b))
}
