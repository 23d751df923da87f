//! One logical unit through one portal: every inspecting command, each with its answer or the reason it has none.

use std::time::{Duration, Instant};

use super::{Answer, Failure, Limits};
use crate::facts::GapReason;
use crate::iscsi::{CommandError, Error, Question, Session, Unit};
use crate::scsi::Lun;
use crate::scsi::capacity::Capacity;
use crate::scsi::cdb::PrIn;
use crate::scsi::inquiry::Inquiry;
use crate::scsi::mode::ModeParameters;
use crate::scsi::ports::PortGroups;
use crate::scsi::reservation::{Capabilities, FullStatus, Keys, Reservation};
use crate::scsi::vpd::{
    self, BlockCharacteristics, BlockLimits, DeviceIdentification, Provisioning, SupportedPages, UnitSerial,
};

/// What every unit is asked.
const FIRST: [Question; 11] = [
    Question::Inquiry,
    Question::TestUnitReady,
    Question::Page(vpd::SUPPORTED_PAGES),
    Question::Page(vpd::UNIT_SERIAL),
    Question::Page(vpd::DEVICE_IDENTIFICATION),
    Question::Capacity16,
    Question::Mode,
    Question::Reservations(PrIn::ReadKeys),
    Question::Reservations(PrIn::ReadReservation),
    Question::Reservations(PrIn::ReportCapabilities),
    Question::Reservations(PrIn::ReadFullStatus),
];

/// Pages that a unit is asked for where it lists them.
const SECOND: [u8; 3] = [vpd::BLOCK_LIMITS, vpd::BLOCK_CHARACTERISTICS, vpd::PROVISIONING];

/// What one portal shows of a logical unit.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) inquiry: Answer<Inquiry>,
    pub(super) ready: Answer<bool>,
    pub(super) serial: Answer<UnitSerial>,
    pub(super) identification: Answer<DeviceIdentification>,
    pub(super) limits: Answer<BlockLimits>,
    pub(super) medium: Answer<BlockCharacteristics>,
    pub(super) provisioning: Answer<Provisioning>,
    pub(super) capacity: Answer<Size>,
    pub(super) mode: Answer<ModeParameters>,
    pub(super) groups: Answer<PortGroups>,
    pub(super) keys: Answer<Keys>,
    pub(super) reservation: Answer<Reservation>,
    pub(super) capabilities: Answer<Capabilities>,
    pub(super) full_status: Answer<FullStatus>,
}

/// The size of a unit, and which command told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) capacity: Capacity,
    /// True when READ CAPACITY (16) was answered, which alone tells of physical blocks and provisioning.
    pub(super) long: bool,
}

impl Seen {
    /// A unit of which nothing is known for one reason.
    pub(super) fn nothing(failure: &Failure) -> Self {
        fn none<T>(failure: &Failure) -> Answer<T> {
            Err(failure.clone())
        }
        Self {
            inquiry: none(failure),
            ready: none(failure),
            serial: none(failure),
            identification: none(failure),
            limits: none(failure),
            medium: none(failure),
            provisioning: none(failure),
            capacity: none(failure),
            mode: none(failure),
            groups: none(failure),
            keys: none(failure),
            reservation: none(failure),
            capabilities: none(failure),
            full_status: none(failure),
        }
    }

    /// Whether the unit is there, as far as INQUIRY tells.
    pub(super) fn exists(&self) -> Option<bool> {
        self.inquiry.as_ref().ok().map(Inquiry::exists)
    }
}

/// Asks a unit everything. A command that is not answered in time ends the questions to this unit, because the next ones
/// would most likely not be answered either.
pub(super) fn inspect(session: &mut Session, lun: Lun, limits: &Limits) -> Seen {
    let mut asker = Asker { unit: session.unit(lun), limits, given_up: None };
    asker.ahead(&FIRST);
    let inquiry = asker.ask(|unit| unit.inquiry());
    if let Some(why) = inquiry.as_ref().ok().and_then(not_a_disk) {
        let identification = asker.ask(|unit| unit.device_identification());
        let failure = Failure::new(GapReason::NotSupported, why);
        return Seen { inquiry, identification, ..Seen::nothing(&failure) };
    }
    let ready = asker.ask(|unit| unit.test_unit_ready());
    let pages = asker.ask(|unit| unit.supported_pages());
    let serial = asker.ask(|unit| unit.unit_serial());
    let identification = asker.ask(|unit| unit.device_identification());
    let page = |code: u8| has_page(&pages, code);
    let mut second: Vec<Question> =
        SECOND.into_iter().filter(|code| page(*code).is_ok()).map(Question::Page).collect();
    if inquiry.as_ref().is_ok_and(|inquiry| inquiry.tpgs != 0) {
        second.push(Question::PortGroups);
    }
    asker.ahead(&second);
    Seen {
        ready: match ready {
            Ok(()) => Ok(true),
            // The unit answered, and not with GOOD: that is what the fact asks.
            Err(failure) if failure.answered => Ok(false),
            Err(failure) => Err(failure),
        },
        serial,
        identification,
        limits: page(vpd::BLOCK_LIMITS).and_then(|()| asker.ask(|unit| unit.block_limits())),
        medium: page(vpd::BLOCK_CHARACTERISTICS)
            .and_then(|()| asker.ask(|unit| unit.block_characteristics())),
        provisioning: page(vpd::PROVISIONING).and_then(|()| asker.ask(|unit| unit.provisioning())),
        capacity: size(&mut asker),
        mode: asker.ask(|unit| unit.mode_sense()),
        groups: match &inquiry {
            Ok(inquiry) if inquiry.tpgs == 0 => {
                Err(Failure::unsupported("INQUIRY says that ALUA is not supported"))
            }
            _ => asker.ask(|unit| unit.target_port_groups()),
        },
        keys: asker.ask(|unit| unit.read_keys()),
        reservation: asker.ask(|unit| unit.read_reservation()),
        capabilities: asker.ask(|unit| unit.reservation_capabilities()),
        full_status: asker.ask(|unit| unit.read_full_status()),
        inquiry,
    }
}

fn not_a_disk(inquiry: &Inquiry) -> Option<String> {
    if !inquiry.exists() {
        return Some("INQUIRY says that there is no such logical unit".into());
    }
    (inquiry.device_type != 0).then(|| format!("it is no disk but a {}", inquiry.device_type_name()))
}

/// A page that the unit does not list is not asked for; without a list it is.
fn has_page(pages: &Answer<SupportedPages>, code: u8) -> Answer<()> {
    match pages {
        Ok(pages) if !pages.has(code) => {
            Err(Failure::unsupported(format!("VPD page {code:02x}h is not in the list of pages")))
        }
        _ => Ok(()),
    }
}

fn size(asker: &mut Asker<'_>) -> Answer<Size> {
    match asker.ask(|unit| unit.read_capacity16()) {
        Ok(capacity) => Ok(Size { capacity, long: true }),
        Err(failure) if failure.unsupported => match asker.ask(|unit| unit.read_capacity10())? {
            Some(capacity) => Ok(Size { capacity, long: false }),
            None => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

struct Asker<'a> {
    unit: Unit<'a>,
    limits: &'a Limits,
    given_up: Option<Failure>,
}

impl Asker<'_> {
    /// Sends what will be asked all at once.
    fn ahead(&mut self, questions: &[Question]) {
        if self.given_up.is_none()
            && let Ok(left) = self.limits.left()
        {
            self.unit.set_command_timeout(left.min(self.limits.timeouts.command));
            self.unit.ask_ahead(questions);
        }
    }

    /// Asks one question. After a command that was not answered, only what has come already is still told.
    fn ask<T>(&mut self, question: impl FnOnce(&mut Unit<'_>) -> Result<T, CommandError>) -> Answer<T> {
        match self.limits.left() {
            Ok(left) => self.unit.set_command_timeout(left.min(self.limits.timeouts.command)),
            Err(failure) => self.give_up(failure),
        }
        question(&mut self.unit).map_err(|error| {
            if let (CommandError::Session(Error::NotSent), Some(failure)) = (&error, &self.given_up) {
                return failure.clone();
            }
            let failure = Failure::of_command(&error);
            if let CommandError::Session(error) = &error
                && (error.is_timeout() || !error.is_survivable())
            {
                let detail = format!("not asked, because an earlier command failed: {}", failure.detail);
                self.give_up(Failure { detail, ..failure.clone() });
            }
            failure
        })
    }

    fn give_up(&mut self, failure: Failure) {
        self.unit.send_no_more();
        self.given_up.get_or_insert(failure);
    }
}

impl Limits {
    /// What is left of the run.
    pub(super) fn left(&self) -> Answer<Duration> {
        if self.interrupted.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Failure::new(GapReason::Interrupted, "the run was interrupted"));
        }
        self.deadline
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
            .ok_or_else(|| Failure::new(GapReason::TimedOut, "the deadline of the run passed"))
    }
}
