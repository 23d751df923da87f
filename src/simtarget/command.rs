//! SCSI commands on a simulated unit: in which order the conditions are looked at, and which part answers.
//!
//! The order is that of SAM-5 and SPC-4: unit attention, then reservation, then the fields of the command. Always holds:
//! every CDB gets an answer, whatever its bytes.

use super::attention::Attention;
use super::block::{BlockCommand, standby};
use super::fault::Fault;
use super::reservations::{Access, Nexus, Verdict};
use super::unit::LogicalUnit;
use crate::scsi::bytes::{bit, byte};
use crate::scsi::cdb::CdbError;
use crate::scsi::sense::SenseFormat;
use crate::scsi::{Cdb, Sense, SenseKey, Status};

/// Longest parameter list of a PERSISTENT RESERVE OUT or MODE SELECT.
const MOST_PARAMETERS: u32 = 16 * 1024;

/// 5/`asc`/`ascq`.
pub(super) fn illegal(asc: u8, ascq: u8) -> Sense {
    Sense::new(SenseKey::IllegalRequest, asc, ascq)
}

/// Who sends a command, and what of the target it can see.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'a> {
    pub nexus: &'a Nexus,
    /// iSCSI name of the target.
    pub target: &'a str,
    /// All portal group tags of the target.
    pub tags: &'a [u16],
    /// All logical unit numbers of the target.
    pub luns: &'a [u16],
    /// Nexuses with a session now.
    pub logged_in: &'a [Nexus],
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: Status,
    pub sense: Option<Sense>,
    /// Data for the initiator, already cut to the allocation length.
    pub data: Vec<u8>,
    /// Nexuses whose tasks on this unit are to be aborted.
    pub aborted: Vec<Nexus>,
}

impl Answer {
    pub fn good() -> Self {
        Self::status(Status::Good)
    }

    pub fn status(status: Status) -> Self {
        Self { status, sense: None, data: Vec::new(), aborted: Vec::new() }
    }

    pub fn data(data: Vec<u8>) -> Self {
        Self { data, ..Self::good() }
    }

    /// Data cut to an allocation length.
    pub fn allocated(mut data: Vec<u8>, length: impl TryInto<usize>) -> Self {
        data.truncate(length.try_into().unwrap_or(usize::MAX));
        Self::data(data)
    }

    pub fn check(sense: Sense) -> Self {
        Self { sense: Some(sense), ..Self::status(Status::CheckCondition) }
    }
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::good(),
            Verdict::Conflict => Self::status(Status::ReservationConflict),
            Verdict::Check(sense) => Self::check(sense),
        }
    }
}

/// What a command leads to before data is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Begun {
    /// It is done.
    Done(Answer),
    /// It wants this many bytes from the initiator.
    Wants(u64),
    /// It gets no answer, ever (faults).
    Silence,
}

/// A command after its CDB was read.
#[derive(Debug, Clone, Copy)]
enum Command {
    Block(BlockCommand),
    Other(Cdb),
    ModeSelect { length: u32, ten: bool },
}

fn parse(cdb: &[u8; 16]) -> Result<Command, Sense> {
    if let Some(block) = BlockCommand::parse(cdb) {
        return block.map(Command::Block);
    }
    match cdb[0] {
        0x15 => return Ok(Command::ModeSelect { length: byte(cdb, 4).into(), ten: false }),
        0x55 => {
            let length = u32::from(u16::from_be_bytes([byte(cdb, 7), byte(cdb, 8)]));
            return Ok(Command::ModeSelect { length, ten: true });
        }
        // EVPD 0 with a page code.
        0x12 if !bit(cdb, 1, 1) && byte(cdb, 2) != 0 => return Err(illegal(0x24, 0)),
        _ => {}
    }
    Cdb::parse(cdb).map(Command::Other).map_err(|error| match error {
        CdbError::OperationCode(_) => illegal(0x20, 0),
        CdbError::ServiceAction { .. } => illegal(0x24, 0),
    })
}

impl Command {
    fn access(&self) -> Access {
        match self {
            Self::Block(block) => block.access(),
            Self::ModeSelect { .. } => Access::ModeSelect,
            Self::Other(cdb) => match cdb {
                Cdb::Inquiry { .. }
                | Cdb::ReportLuns { .. }
                | Cdb::RequestSense { .. }
                // These two judge for themselves.
                | Cdb::Reserve6
                | Cdb::Release6 => Access::Always,
                Cdb::TestUnitReady => Access::TestUnitReady,
                Cdb::ReadCapacity10 | Cdb::ReadCapacity16 { .. } => Access::ReadCapacity,
                Cdb::ModeSense6 { .. } | Cdb::ModeSense10 { .. } => Access::ModeSense,
                Cdb::StartStopUnit { start: true, power_condition: 0, load_eject: false, .. }
                | Cdb::ReportTargetPortGroups { .. }
                | Cdb::PreventAllowMediumRemoval { prevent: false } => Access::Query,
                Cdb::StartStopUnit { .. } => Access::StartStop,
                Cdb::PersistentReserveIn { .. } | Cdb::PersistentReserveOut { .. } => Access::Persistent,
                _ => Access::Write,
            },
        }
    }
}

impl LogicalUnit {
    /// Takes a command: answers it, or says how much data it wants.
    pub fn begin(&mut self, caller: Caller<'_>, cdb: &[u8; 16]) -> Begun {
        // INQUIRY, REPORT LUNS and REQUEST SENSE neither report nor clear a unit attention.
        if !matches!(cdb[0], 0x12 | 0xa0 | 0x03)
            && let Some(attention) = self.attentions.report(caller.nexus)
        {
            return Begun::Done(Answer::check(attention.sense()));
        }
        let command = match parse(cdb) {
            Ok(command) => command,
            Err(sense) => return Begun::Done(Answer::check(sense)),
        };
        if let Some(refused) = self.unsupported(cdb[0]) {
            return Begun::Done(Answer::check(refused));
        }
        if !self.admits(caller.nexus, &command) {
            return Begun::Done(Answer::status(Status::ReservationConflict));
        }
        let tag = caller.nexus.port;
        let passes_standby = match &command {
            Command::Block(_) => false,
            Command::Other(cdb) => {
                !matches!(cdb, Cdb::TestUnitReady | Cdb::ReadCapacity10 | Cdb::ReadCapacity16 { .. })
            }
            Command::ModeSelect { .. } => true,
        };
        if let (false, Some(sense)) = (passes_standby, standby(self, tag)) {
            return Begun::Done(Answer::check(sense));
        }
        let wants = match &command {
            Command::Block(block) => self.prepare(tag, *block),
            Command::Other(Cdb::PersistentReserveOut { length, .. }) | Command::ModeSelect { length, .. } => {
                if *length > MOST_PARAMETERS {
                    Err(illegal(0x1a, 0))
                } else {
                    Ok((*length).into())
                }
            }
            Command::Other(_) => Ok(0),
        };
        match wants {
            Err(sense) => Begun::Done(Answer::check(sense)),
            Ok(0) if self.is_unanswered(&command) => Begun::Silence,
            Ok(0) => Begun::Done(self.carry_out(caller, command, &[])),
            Ok(bytes) => Begun::Wants(bytes),
        }
    }

    /// Ends a command whose data has come.
    pub fn finish(&mut self, caller: Caller<'_>, cdb: &[u8; 16], data: &[u8]) -> Answer {
        let command = match parse(cdb) {
            Ok(command) => command,
            Err(sense) => return Answer::check(sense),
        };
        // Who was preempted while its data was on the way is shut out as well.
        if !self.has(Fault::AbortLetsWritesLand) && !self.admits(caller.nexus, &command) {
            return Answer::status(Status::ReservationConflict);
        }
        self.carry_out(caller, command, data)
    }

    fn admits(&mut self, nexus: &Nexus, command: &Command) -> bool {
        self.reservations(nexus.port).allows(nexus, command.access())
    }

    fn is_unanswered(&self, command: &Command) -> bool {
        self.has(Fault::ZeroAllocationUnanswered)
            && matches!(
                command,
                Command::Other(Cdb::PersistentReserveIn {
                    action: crate::scsi::cdb::PrIn::ReadKeys,
                    alloc: 0
                })
            )
    }

    fn unsupported(&self, code: u8) -> Option<Sense> {
        let none = self.has(Fault::NoPersistentReservations);
        let gone = match code {
            0x5e | 0x5f => none || !self.config.persistent_reservations,
            0x16 | 0x17 => none || self.has(Fault::NoReserve6),
            _ => false,
        };
        gone.then(|| illegal(0x20, 0))
    }

    fn carry_out(&mut self, caller: Caller<'_>, command: Command, data: &[u8]) -> Answer {
        let tag = caller.nexus.port;
        let cdb = match command {
            Command::Block(block) => return self.perform(tag, block, data),
            Command::ModeSelect { ten, .. } => return self.mode_select(caller, data, ten),
            Command::Other(cdb) => cdb,
        };
        match cdb {
            Cdb::TestUnitReady | Cdb::StartStopUnit { .. } | Cdb::PreventAllowMediumRemoval { .. } => {
                Answer::good()
            }
            Cdb::Inquiry { page: None, alloc } => Answer::allocated(self.inquiry(caller.tags), alloc),
            Cdb::Inquiry { page: Some(page), alloc } => match self.vital_product_data(caller, page) {
                Some(data) => Answer::allocated(data, alloc),
                None => Answer::check(illegal(0x24, 0)),
            },
            Cdb::RequestSense { descriptor, alloc } => self.request_sense(caller.nexus, descriptor, alloc),
            Cdb::ReportLuns { select, alloc } => report_luns(caller.luns, select, alloc),
            Cdb::ReadCapacity10 => Answer::data(self.capacity(tag).encode10().to_vec()),
            Cdb::ReadCapacity16 { alloc } => Answer::allocated(self.capacity(tag).encode16().to_vec(), alloc),
            Cdb::ModeSense6 { disable_block_descriptors, page, subpage, alloc } => {
                match self.mode_parameters(page, subpage, disable_block_descriptors) {
                    Ok(parameters) => Answer::allocated(parameters.encode6(), alloc),
                    Err(sense) => Answer::check(sense),
                }
            }
            Cdb::ModeSense10 { disable_block_descriptors, page, subpage, alloc } => {
                match self.mode_parameters(page, subpage, disable_block_descriptors) {
                    Ok(parameters) => Answer::allocated(parameters.encode10(), alloc),
                    Err(sense) => Answer::check(sense),
                }
            }
            Cdb::ReportTargetPortGroups { alloc, .. } => {
                Answer::allocated(self.port_groups(caller.tags), alloc)
            }
            Cdb::Reserve6 => self.reservations(tag).reserve6(caller.nexus).into(),
            Cdb::Release6 => self.reservations(tag).release6(caller.nexus).into(),
            Cdb::PersistentReserveIn { action, alloc } => self.persistent_reserve_in(tag, action, alloc),
            Cdb::PersistentReserveOut { action, scope, kind, length } => {
                self.persistent_reserve_out(caller, action, scope, kind, length, data)
            }
            // Taken by the block commands.
            _ => Answer::check(illegal(0x20, 0)),
        }
    }

    /// REQUEST SENSE reports a unit attention as data and clears it (SPC-4 clause 6.39).
    fn request_sense(&mut self, nexus: &Nexus, descriptor: bool, alloc: u8) -> Answer {
        let attention = self.attentions.report(nexus).map(Attention::sense);
        let mut sense = attention.unwrap_or_else(|| Sense::new(SenseKey::NoSense, 0, 0));
        if descriptor {
            sense.format = SenseFormat::Descriptor;
        }
        Answer::allocated(sense.encode(), alloc)
    }
}

/// REPORT LUNS (SPC-4 clause 6.33).
pub(super) fn report_luns(luns: &[u16], select: u8, alloc: u32) -> Answer {
    if alloc < 16 || select > 2 {
        return Answer::check(illegal(0x24, 0));
    }
    // 1 asks for well-known units only, of which there are none.
    let shown = if select == 1 { &[] } else { luns };
    let list = shown.iter().map(|lun| crate::scsi::Lun::new(u32::from(*lun))).collect();
    Answer::allocated(crate::scsi::luns::ReportLuns::new(list).encode(), alloc)
}

/// The answer for a logical unit number that does not exist (SPC-4 clause 6.4.1 and SAM-5 clause 5.11).
pub(super) fn absent_unit(caller: Caller<'_>, cdb: &[u8; 16]) -> Answer {
    match Cdb::parse(cdb) {
        Ok(Cdb::Inquiry { page: None, alloc }) => {
            let absent = crate::scsi::inquiry::Inquiry {
                qualifier: 3,
                device_type: 0x1f,
                version: 6,
                vendor: "QUORATE".to_owned(),
                ..crate::scsi::inquiry::Inquiry::default()
            };
            Answer::allocated(absent.encode(), alloc)
        }
        Ok(Cdb::ReportLuns { select, alloc }) => report_luns(caller.luns, select, alloc),
        Ok(Cdb::RequestSense { alloc, .. }) => Answer::allocated(illegal(0x25, 0).encode(), alloc),
        _ => Answer::check(illegal(0x25, 0)),
    }
}
