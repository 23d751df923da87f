//! A logical unit through a session: one typed call per command.
//!
//! The inspecting calls change nothing on the unit. They send a command again after a unit attention (which becomes an
//! [`Event`](super::Event) of the session) and, a few times, after BUSY and TASK SET FULL. The changing calls do
//! neither: every answer is theirs to judge.

use std::time::Duration;

use super::error::Error;
use super::session::{Response, Session, Transfer};
use crate::scsi::capacity::Capacity;
use crate::scsi::cdb::{Form, PrIn, PrOut};
use crate::scsi::inquiry::Inquiry;
use crate::scsi::luns::ReportLuns;
use crate::scsi::mode::ModeParameters;
use crate::scsi::ports::PortGroups;
use crate::scsi::reservation::{
    Capabilities, FullStatus, Keys, PrParameters, RegisterAndMove, Reservation, ReservationType,
};
use crate::scsi::vpd::{
    self, BlockCharacteristics, BlockLimits, DeviceIdentification, Provisioning, SupportedPages, UnitSerial,
};
use crate::scsi::{Cdb, Lun, Malformed, Sense, SenseKey, Status};

/// The longest answer that an inspecting call asks for, where the length field is wide enough: 64 KiB of LUNs are 8191.
const LONGEST_LIST: u32 = 64 * 1024;

/// How often BUSY and TASK SET FULL are waited out, and for how long the first time; each further time is twice as long.
const BUSY_TRIES: u32 = 7;
const BUSY_PAUSE: Duration = Duration::from_millis(4);

/// A question that an inspecting call asks first; see [`Unit::ask_ahead`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Question {
    /// TEST UNIT READY.
    TestUnitReady,
    /// Standard INQUIRY data.
    Inquiry,
    /// A vital product data page.
    Page(u8),
    /// READ CAPACITY (10).
    Capacity10,
    /// READ CAPACITY (16).
    Capacity16,
    /// REPORT LUNS.
    Luns,
    /// MODE SENSE (6).
    Mode,
    /// REPORT TARGET PORT GROUPS.
    PortGroups,
    /// PERSISTENT RESERVE IN.
    Reservations(PrIn),
}

impl Question {
    /// The command, and how many bytes it may answer.
    fn command(self) -> (Cdb, u32) {
        let mode = Cdb::ModeSense6 { disable_block_descriptors: true, page: 0x3f, subpage: 0, alloc: 252 };
        match self {
            Self::TestUnitReady => (Cdb::TestUnitReady, 0),
            Self::Inquiry => (Cdb::Inquiry { page: None, alloc: 96 }, 96),
            // Old devices look at the low byte of the allocation length only: the first request stays within it.
            Self::Page(page) => (Cdb::Inquiry { page: Some(page), alloc: 255 }, 255),
            Self::Capacity10 => (Cdb::ReadCapacity10, 8),
            Self::Capacity16 => (Cdb::ReadCapacity16 { alloc: 32 }, 32),
            Self::Luns => (Cdb::ReportLuns { select: 2, alloc: 4096 }, 4096),
            Self::Mode => (mode, 252),
            Self::PortGroups => (Cdb::ReportTargetPortGroups { extended: false, alloc: 8192 }, 8192),
            Self::Reservations(PrIn::ReportCapabilities) => (pr_in(PrIn::ReportCapabilities, 8), 8),
            Self::Reservations(PrIn::ReadReservation) => (pr_in(PrIn::ReadReservation, 64), 64),
            Self::Reservations(action) => (pr_in(action, 8192), 8192),
        }
    }
}

/// Why a typed call has no result.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The command did not come through.
    #[error(transparent)]
    Session(#[from] Error),
    /// The device answered with another status than GOOD.
    #[error("{command} on LUN {lun} ended with {status}{}", sense_text(.sense.as_ref()))]
    Status {
        /// The command.
        command: &'static str,
        /// The logical unit.
        lun: Lun,
        /// The status.
        status: Status,
        /// The sense data, where there is any.
        sense: Option<Sense>,
    },
    /// The answer cannot be read.
    #[error("{command} on LUN {lun} gave an answer that cannot be read: {source}")]
    Malformed {
        /// The command.
        command: &'static str,
        /// The logical unit.
        lun: Lun,
        /// What is wrong with it.
        source: Malformed,
    },
}

fn sense_text(sense: Option<&Sense>) -> String {
    sense.map(|sense| format!(": {sense}")).unwrap_or_default()
}

impl CommandError {
    /// True when the device says that it does not have the command, the service action or the page: 5/20/00 or 5/24/00, or a
    /// CHECK CONDITION without any sense data, with which some targets say the same.
    pub fn is_unsupported(&self) -> bool {
        match self {
            Self::Status { status: Status::CheckCondition, sense: None, .. } => true,
            Self::Status { sense: Some(sense), .. } => {
                sense.is(SenseKey::IllegalRequest, 0x20, 0) || sense.is(SenseKey::IllegalRequest, 0x24, 0)
            }
            _ => false,
        }
    }

    /// True for RESERVATION CONFLICT.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Status { status: Status::ReservationConflict, .. })
    }

    /// True when the session cannot be used after it.
    pub fn is_fatal(&self) -> bool {
        matches!(self, Self::Session(error) if !error.is_survivable())
    }
}

/// A logical unit, borrowed from its session for a while.
#[derive(Debug)]
pub struct Unit<'session> {
    session: &'session mut Session,
    lun: Lun,
    /// Answers that came before they were asked for, each used once.
    ahead: Vec<(Cdb, Result<Response, Error>)>,
    /// Nothing more is sent by inspecting calls.
    silent: bool,
}

impl Session {
    /// The logical unit with this number.
    pub fn unit(&mut self, lun: Lun) -> Unit<'_> {
        Unit { session: self, lun, ahead: Vec::new(), silent: false }
    }
}

impl Unit<'_> {
    /// The logical unit number.
    pub fn lun(&self) -> Lun {
        self.lun
    }

    /// The time that each command sent from now on may take.
    pub fn set_command_timeout(&mut self, timeout: Duration) {
        self.session.set_command_timeout(timeout);
    }

    /// Sends the commands of all these questions at once, so that their answers cost one round trip instead of many. The
    /// inspecting calls then take their first answer from here, once. A question that met a unit attention or a busy
    /// device is simply asked again by its call.
    pub fn ask_ahead(&mut self, questions: &[Question]) {
        let commands = questions.iter().map(|question| question.command());
        let submitted: Vec<_> =
            commands.map(|(cdb, bytes)| (cdb, self.session.submit(self.lun, cdb, transfer(bytes)))).collect();
        for (cdb, tag) in submitted {
            let answer = tag.and_then(|tag| self.session.collect(tag));
            match &answer {
                Ok(response) if response.unit_attention().is_some() => {
                    self.session.note_attention(self.lun, cdb, response);
                }
                Ok(response) if matches!(response.status, Status::Busy | Status::TaskSetFull) => {}
                _ => self.ahead.push((cdb, answer)),
            }
        }
    }

    /// From now on inspecting calls take only what [`Unit::ask_ahead`] brought and fail with [`Error::NotSent`] otherwise.
    pub fn send_no_more(&mut self) {
        self.silent = true;
    }

    /// Sends a command that changes nothing, again after unit attentions and while the device is busy.
    fn ask(&mut self, cdb: Cdb, bytes: u32) -> Result<Vec<u8>, CommandError> {
        let transfer = transfer(bytes);
        let mut response = match self.ahead.iter().position(|(asked, _)| *asked == cdb) {
            Some(at) => self.ahead.swap_remove(at).1?,
            None if self.silent => return Err(Error::NotSent.into()),
            None => self.session.execute_settled(self.lun, cdb, transfer.clone())?,
        };
        let mut pause = BUSY_PAUSE;
        for _ in 0..BUSY_TRIES {
            if self.silent || !matches!(response.status, Status::Busy | Status::TaskSetFull) {
                break;
            }
            std::thread::sleep(pause);
            pause *= 2;
            response = self.session.execute_settled(self.lun, cdb, transfer.clone())?;
        }
        match response.status {
            Status::Good => Ok(response.data),
            status => Err(CommandError::Status {
                command: cdb.name(),
                lun: self.lun,
                status,
                sense: response.sense,
            }),
        }
    }

    fn read<T>(&self, cdb: Cdb, decoded: Result<T, Malformed>) -> Result<T, CommandError> {
        decoded.map_err(|source| CommandError::Malformed { command: cdb.name(), lun: self.lun, source })
    }

    /// Asks a question and reads its answer.
    fn answer<T>(
        &mut self,
        question: Question,
        decode: fn(&[u8]) -> Result<T, Malformed>,
    ) -> Result<T, CommandError> {
        let (cdb, bytes) = question.command();
        let data = self.ask(cdb, bytes)?;
        self.read(cdb, decode(&data))
    }

    /// TEST UNIT READY.
    pub fn test_unit_ready(&mut self) -> Result<(), CommandError> {
        self.answer(Question::TestUnitReady, |_| Ok(()))
    }

    /// Standard INQUIRY data.
    pub fn inquiry(&mut self) -> Result<Inquiry, CommandError> {
        self.answer(Question::Inquiry, Inquiry::decode)
    }

    /// A vital product data page as it came, asked for again where it is longer than 255 bytes.
    pub fn vpd(&mut self, page: u8) -> Result<Vec<u8>, CommandError> {
        let (cdb, bytes) = Question::Page(page).command();
        let data = self.ask(cdb, bytes)?;
        match u16::try_from(vpd::page_bytes(&data)) {
            Ok(whole) if data.len() >= 255 && whole > 255 => {
                self.ask(Cdb::Inquiry { page: Some(page), alloc: whole }, whole.into())
            }
            _ => Ok(data),
        }
    }

    fn vpd_as<T>(&mut self, page: u8, decode: fn(&[u8]) -> Result<T, Malformed>) -> Result<T, CommandError> {
        let data = self.vpd(page)?;
        self.read(Question::Page(page).command().0, decode(&data))
    }

    /// VPD page 00h.
    pub fn supported_pages(&mut self) -> Result<SupportedPages, CommandError> {
        self.vpd_as(vpd::SUPPORTED_PAGES, SupportedPages::decode)
    }

    /// VPD page 80h.
    pub fn unit_serial(&mut self) -> Result<UnitSerial, CommandError> {
        self.vpd_as(vpd::UNIT_SERIAL, UnitSerial::decode)
    }

    /// VPD page 83h.
    pub fn device_identification(&mut self) -> Result<DeviceIdentification, CommandError> {
        self.vpd_as(vpd::DEVICE_IDENTIFICATION, DeviceIdentification::decode)
    }

    /// VPD page B0h.
    pub fn block_limits(&mut self) -> Result<BlockLimits, CommandError> {
        self.vpd_as(vpd::BLOCK_LIMITS, BlockLimits::decode)
    }

    /// VPD page B1h.
    pub fn block_characteristics(&mut self) -> Result<BlockCharacteristics, CommandError> {
        self.vpd_as(vpd::BLOCK_CHARACTERISTICS, BlockCharacteristics::decode)
    }

    /// VPD page B2h.
    pub fn provisioning(&mut self) -> Result<Provisioning, CommandError> {
        self.vpd_as(vpd::PROVISIONING, Provisioning::decode)
    }

    /// READ CAPACITY (10); `None` where the unit is too large for it.
    pub fn read_capacity10(&mut self) -> Result<Option<Capacity>, CommandError> {
        self.answer(Question::Capacity10, Capacity::decode10)
    }

    /// READ CAPACITY (16).
    pub fn read_capacity16(&mut self) -> Result<Capacity, CommandError> {
        self.answer(Question::Capacity16, Capacity::decode16)
    }

    /// READ CAPACITY (16), and (10) where the device does not have it.
    pub fn capacity(&mut self) -> Result<Capacity, CommandError> {
        match self.read_capacity16() {
            Err(error) if error.is_unsupported() => match self.read_capacity10()? {
                Some(capacity) => Ok(capacity),
                None => Err(error),
            },
            result => result,
        }
    }

    /// Another logical unit of the same target.
    pub fn sibling(&mut self, lun: Lun) -> Unit<'_> {
        self.session.unit(lun)
    }

    /// REPORT LUNS with all logical units, asked for again where the list is longer than 4 KiB, up to 64 KiB.
    pub fn report_luns(&mut self) -> Result<ReportLuns, CommandError> {
        self.listed(
            Question::Luns,
            LONGEST_LIST,
            |alloc| Cdb::ReportLuns { select: 2, alloc },
            ReportLuns::decode,
            |report| (report.is_complete(), report.list_bytes),
        )
    }

    /// MODE SENSE of all pages: (6), and (10) where the device does not have it.
    pub fn mode_sense(&mut self) -> Result<ModeParameters, CommandError> {
        match self.answer(Question::Mode, ModeParameters::decode6) {
            Err(error) if error.is_unsupported() => {
                let ten =
                    Cdb::ModeSense10 { disable_block_descriptors: true, page: 0x3f, subpage: 0, alloc: 252 };
                let data = self.ask(ten, 252)?;
                self.read(ten, ModeParameters::decode10(&data))
            }
            result => result,
        }
    }

    /// REPORT TARGET PORT GROUPS.
    pub fn target_port_groups(&mut self) -> Result<PortGroups, CommandError> {
        self.answer(Question::PortGroups, PortGroups::decode)
    }

    /// PERSISTENT RESERVE IN, READ KEYS: up to 64 KiB of keys.
    pub fn read_keys(&mut self) -> Result<Keys, CommandError> {
        self.listed(
            Question::Reservations(PrIn::ReadKeys),
            u16::MAX.into(),
            |alloc| pr_in(PrIn::ReadKeys, alloc),
            Keys::decode,
            |keys| (keys.is_complete(), keys.list_bytes),
        )
    }

    /// PERSISTENT RESERVE IN, READ RESERVATION.
    pub fn read_reservation(&mut self) -> Result<Reservation, CommandError> {
        self.answer(Question::Reservations(PrIn::ReadReservation), Reservation::decode)
    }

    /// PERSISTENT RESERVE IN, REPORT CAPABILITIES.
    pub fn reservation_capabilities(&mut self) -> Result<Capabilities, CommandError> {
        self.answer(Question::Reservations(PrIn::ReportCapabilities), Capabilities::decode)
    }

    /// PERSISTENT RESERVE IN, READ FULL STATUS: up to 64 KiB.
    pub fn read_full_status(&mut self) -> Result<FullStatus, CommandError> {
        self.listed(
            Question::Reservations(PrIn::ReadFullStatus),
            u16::MAX.into(),
            |alloc| pr_in(PrIn::ReadFullStatus, alloc),
            FullStatus::decode,
            |status| (status.is_complete(), status.list_bytes),
        )
    }

    /// Asks for a list, and once more with the length that it has where it was cut.
    fn listed<T>(
        &mut self,
        first: Question,
        most: u32,
        cdb: impl Fn(u32) -> Cdb,
        decode: fn(&[u8]) -> Result<T, Malformed>,
        extent: fn(&T) -> (bool, u32),
    ) -> Result<T, CommandError> {
        let list = self.answer(first, decode)?;
        let (complete, list_bytes) = extent(&list);
        let whole = list_bytes.saturating_add(8).min(most);
        if complete || whole <= first.command().1 {
            return Ok(list);
        }
        let data = self.ask(cdb(whole), whole)?;
        self.read(cdb(whole), decode(&data))
    }

    /// READ of `blocks` blocks of `block_bytes` bytes from `lba`; (16) where (10) does not reach.
    pub fn read_blocks(&mut self, lba: u64, blocks: u32, block_bytes: u32) -> Result<Vec<u8>, CommandError> {
        let cdb = Cdb::Read { form: form(lba, blocks), lba, blocks, fua: false };
        let bytes = transfer_bytes(blocks, block_bytes)?;
        let data = self.ask(cdb, bytes)?;
        if u32::try_from(data.len()) == Ok(bytes) {
            Ok(data)
        } else {
            let why = format!("{} bytes came, {bytes} were read", data.len());
            Err(CommandError::Malformed {
                command: cdb.name(),
                lun: self.lun,
                source: Malformed::invalid("READ data", why),
            })
        }
    }

    /// WRITE of whole blocks at `lba`; (16) where (10) does not reach. `data` must be a multiple of `block_bytes`.
    pub fn write_blocks(
        &mut self,
        lba: u64,
        data: Vec<u8>,
        block_bytes: u32,
        force_unit_access: bool,
    ) -> Result<Response, Error> {
        let size = usize::try_from(block_bytes).unwrap_or(0);
        if size == 0 || !data.len().is_multiple_of(size) {
            return Err(Error::Usage(format!("{} bytes are no multiple of {block_bytes}", data.len())));
        }
        let blocks = u32::try_from(data.len() / size)
            .map_err(|_| Error::Usage(format!("{} bytes are too many for one WRITE", data.len())))?;
        let cdb = Cdb::Write { form: form(lba, blocks), lba, blocks, fua: force_unit_access };
        self.session.execute(self.lun, cdb, Transfer::Write(data))
    }

    /// SYNCHRONIZE CACHE (10) of the whole unit.
    pub fn synchronize_cache(&mut self) -> Result<Response, Error> {
        self.session.execute(
            self.lun,
            Cdb::SynchronizeCache10 { lba: 0, blocks: 0, immediate: false },
            Transfer::None,
        )
    }

    /// PERSISTENT RESERVE OUT with scope LU. `kind` has meaning for RESERVE, RELEASE, PREEMPT and PREEMPT AND ABORT.
    pub fn reserve_out(
        &mut self,
        action: PrOut,
        kind: Option<ReservationType>,
        parameters: &PrParameters,
    ) -> Result<Response, Error> {
        self.reserve_out_raw(action, 0, kind.map_or(0, ReservationType::code), parameters.encode())
    }

    /// PERSISTENT RESERVE OUT, REGISTER AND MOVE.
    pub fn register_and_move(&mut self, parameters: &RegisterAndMove) -> Result<Response, Error> {
        self.reserve_out_raw(PrOut::RegisterAndMove, 0, 0, parameters.encode())
    }

    /// PERSISTENT RESERVE OUT with any scope, type and list, legal or not.
    pub fn reserve_out_raw(
        &mut self,
        action: PrOut,
        scope: u8,
        kind: u8,
        list: Vec<u8>,
    ) -> Result<Response, Error> {
        let length =
            u32::try_from(list.len()).map_err(|_| Error::Usage("the parameter list is too long".into()))?;
        let cdb = Cdb::PersistentReserveOut { action, scope, kind, length };
        self.session.execute(self.lun, cdb, Transfer::Write(list))
    }

    /// LOGICAL UNIT RESET; the target's response code, 0 is done.
    pub fn reset(&mut self) -> Result<u8, Error> {
        self.session.task_management(super::pdu::TaskFunction::LogicalUnitReset, self.lun, None)
    }

    /// Any command, once, its answer as it is.
    pub fn execute(&mut self, cdb: impl Into<[u8; 16]>, transfer: Transfer) -> Result<Response, Error> {
        self.session.execute(self.lun, cdb, transfer)
    }
}

fn transfer(bytes: u32) -> Transfer {
    if bytes == 0 { Transfer::None } else { Transfer::Read(bytes) }
}

fn pr_in(action: PrIn, alloc: u32) -> Cdb {
    Cdb::PersistentReserveIn { action, alloc: u16::try_from(alloc).unwrap_or(u16::MAX) }
}

fn form(lba: u64, blocks: u32) -> Form {
    if u32::try_from(lba).is_ok() && u16::try_from(blocks).is_ok() { Form::Ten } else { Form::Sixteen }
}

fn transfer_bytes(blocks: u32, block_bytes: u32) -> Result<u32, Error> {
    blocks
        .checked_mul(block_bytes)
        .ok_or_else(|| Error::Usage(format!("{blocks} blocks are too many for one command")))
}
