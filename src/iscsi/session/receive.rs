//! What a target sends in full feature phase, and what it does to the session.

use std::time::Instant;

use super::task::{Kind, Outcome, Residual, Response, Task};
use super::{Event, Session};
use crate::iscsi::error::Error;
use crate::iscsi::frame::Frame;
use crate::iscsi::pdu::{
    AsyncMessage, DataIn, NopIn, NopOut, Pdu, ReadyToTransfer, Reject, ScsiResponse, TextResponse,
};
use crate::iscsi::{NO_TAG, serial_less};
use crate::scsi::{Sense, Status};

/// A peer that sends so many PDUs without ending the command that is waited for is taken for broken.
const FLOOD: u32 = 10_000;

impl Session {
    /// Takes one PDU. False when the deadline passed first.
    pub(super) fn pump(&mut self, deadline: Instant, waiting_for: &str, others: u32) -> Result<bool, Error> {
        if others > FLOOD {
            return Err(self.violation(format!("{others} PDUs came, but no answer to {waiting_for}")));
        }
        self.reader.get_mut().set_deadline(deadline);
        let frame = match self.reader.read() {
            Ok(frame) => frame,
            Err(source) if source.is_timeout() => return Ok(false),
            Err(source) => {
                let error = self.closed(format!("waiting for the answer to {waiting_for}"), source);
                return Err(self.breaks(error));
            }
        };
        let pdu = match Pdu::decode(frame) {
            Ok(pdu) => pdu,
            Err(error) => return Err(self.violation(format!("{error} came"))),
        };
        self.dispatch(pdu, deadline)?;
        Ok(true)
    }

    fn dispatch(&mut self, pdu: Pdu, deadline: Instant) -> Result<(), Error> {
        match pdu {
            Pdu::ScsiResponse(pdu) => self.on_response(pdu),
            Pdu::DataIn(pdu) => self.on_data(&pdu),
            Pdu::ReadyToTransfer(pdu) => self.on_r2t(&pdu),
            Pdu::NopIn(pdu) => self.on_nop(&pdu, deadline),
            Pdu::TaskResponse(pdu) => {
                self.window_update(pdu.expected_command_sn, pdu.max_command_sn);
                self.numbered(pdu.status_sn, "a task management response")?;
                self.end(pdu.tag, Outcome::TaskManagement(pdu.response))
            }
            Pdu::TextResponse(pdu) => self.on_text(pdu),
            Pdu::LogoutResponse(pdu) => {
                self.window_update(pdu.expected_command_sn, pdu.max_command_sn);
                self.numbered(pdu.status_sn, "a Logout Response")?;
                self.end(pdu.tag, Outcome::Logout(pdu.response))
            }
            Pdu::AsyncMessage(pdu) => self.on_async(&pdu),
            Pdu::Reject(pdu) => self.on_reject(&pdu),
            other => Err(self.violation(format!("{} came, which a target never sends here", other.name()))),
        }
    }

    /// RFC 7143 section 4.2.2.1: a MaxCmdSN below ExpCmdSN - 1 is to be ignored, and the window never shrinks.
    fn window_update(&mut self, expected: u32, max: u32) {
        if serial_less(max, expected.wrapping_sub(1)) {
            return;
        }
        if serial_less(self.expected_command_sn, expected) {
            self.expected_command_sn = expected;
        }
        if serial_less(self.max_command_sn, max) {
            self.max_command_sn = max;
        }
    }

    /// Takes the StatSN of a PDU that has one of its own. At error recovery level 0 a gap cannot be mended.
    fn numbered(&mut self, status_sn: u32, what: &str) -> Result<(), Error> {
        if status_sn != self.expected_status_sn {
            let expected = self.expected_status_sn;
            return Err(self.violation(format!("{what} with StatSN {status_sn}, {expected} is next")));
        }
        self.expected_status_sn = self.expected_status_sn.wrapping_add(1);
        Ok(())
    }

    /// Ends a task, or drops the late answer to one that was given up.
    fn end(&mut self, tag: u32, outcome: Outcome) -> Result<(), Error> {
        if let Some(command) = self.given_up.remove(&tag) {
            self.note(Event::Late { command });
            return Ok(());
        }
        let fits = |task: &Task| {
            matches!(
                (&task.kind, &outcome),
                (Kind::Command, Outcome::Command(_))
                    | (Kind::TaskManagement, Outcome::TaskManagement(_))
                    | (Kind::Nop, Outcome::Nop)
                    | (Kind::Text, Outcome::Text(_))
                    | (Kind::Logout, Outcome::Logout(_))
                    | (_, Outcome::Failed(_))
            ) && task.outcome.is_none()
        };
        match self.tasks.get_mut(&tag) {
            Some(task) if fits(task) => {
                task.outcome = Some(outcome);
                Ok(())
            }
            Some(task) => {
                let what = format!("an answer of the wrong kind, or a second one, to {}", task.name);
                Err(self.violation(what))
            }
            None => {
                Err(self.violation(format!("an answer with task tag {tag:08x}h, which is not in flight")))
            }
        }
    }

    fn on_response(&mut self, pdu: ScsiResponse) -> Result<(), Error> {
        self.window_update(pdu.expected_command_sn, pdu.max_command_sn);
        self.numbered(pdu.status_sn, "a SCSI Response")?;
        let Some(task) = self.tasks.get_mut(&pdu.tag) else {
            return self.end(pdu.tag, Outcome::Nop);
        };
        let outcome = if pdu.response == 0 {
            let sense_bytes = pdu.sense().to_vec();
            Outcome::Command(Response {
                status: Status::from_byte(pdu.status),
                sense: Sense::decode(&sense_bytes).ok(),
                sense_bytes,
                data: std::mem::take(&mut task.received),
                residual: residual(pdu.underflow, pdu.overflow, pdu.residual),
                elapsed: task.started.elapsed(),
            })
        } else {
            Outcome::Failed(Error::TargetFailure { what: task.name.clone(), response: pdu.response })
        };
        self.end(pdu.tag, outcome)
    }

    fn on_data(&mut self, pdu: &DataIn) -> Result<(), Error> {
        self.window_update(pdu.expected_command_sn, pdu.max_command_sn);
        if pdu.has_status {
            self.numbered(pdu.status_sn, "a Data-In with status")?;
        }
        if self.given_up.contains_key(&pdu.tag) {
            return if pdu.has_status { self.end(pdu.tag, Outcome::Nop) } else { Ok(()) };
        }
        let taken = match self.tasks.get_mut(&pdu.tag) {
            Some(task) if matches!(task.kind, Kind::Command) && task.outcome.is_none() => task.take_data(pdu),
            _ => Err(format!("a Data-In with task tag {:08x}h, which is not in flight", pdu.tag)),
        };
        if let Err(what) = taken {
            return Err(self.violation(what));
        }
        if !pdu.has_status {
            return Ok(());
        }
        let Some(task) = self.tasks.get_mut(&pdu.tag) else { return Ok(()) };
        let response = Response {
            status: Status::from_byte(pdu.status),
            data: std::mem::take(&mut task.received),
            residual: residual(pdu.underflow, pdu.overflow, pdu.residual),
            elapsed: task.started.elapsed(),
            ..Response::default()
        };
        self.end(pdu.tag, Outcome::Command(response))
    }

    fn on_r2t(&mut self, pdu: &ReadyToTransfer) -> Result<(), Error> {
        self.window_update(pdu.expected_command_sn, pdu.max_command_sn);
        let (segment, expected_status_sn) = (self.negotiated.target_segment, self.expected_status_sn);
        let Some(task) = self.tasks.get_mut(&pdu.tag) else {
            // A command that was given up keeps its data no more; the target has to live with that.
            return if self.given_up.contains_key(&pdu.tag) {
                Ok(())
            } else {
                Err(self.violation(format!("an R2T with task tag {:08x}h, which is not in flight", pdu.tag)))
            };
        };
        match task.answer(pdu, segment, expected_status_sn) {
            Ok(pdus) => {
                let (deadline, name) = (task.deadline, task.name.clone());
                let frames: Vec<Frame> = pdus.into_iter().map(|pdu| pdu.into_frame()).collect();
                self.send(&frames, deadline, &name)
            }
            Err(what) => Err(self.violation(what)),
        }
    }

    fn on_nop(&mut self, pdu: &NopIn, deadline: Instant) -> Result<(), Error> {
        self.window_update(pdu.expected_command_sn, pdu.max_command_sn);
        if pdu.tag != NO_TAG {
            self.numbered(pdu.status_sn, "a NOP-In")?;
            return self.end(pdu.tag, Outcome::Nop);
        }
        if pdu.transfer_tag == NO_TAG {
            return Ok(());
        }
        let answer = NopOut {
            immediate: true,
            lun: pdu.lun,
            tag: NO_TAG,
            transfer_tag: pdu.transfer_tag,
            command_sn: self.command_sn,
            expected_status_sn: self.expected_status_sn,
            data: Vec::new(),
        };
        self.send(&[answer.into_frame()], deadline, "the answer to a NOP-In")
    }

    fn on_text(&mut self, pdu: TextResponse) -> Result<(), Error> {
        self.window_update(pdu.expected_command_sn, pdu.max_command_sn);
        self.numbered(pdu.status_sn, "a Text Response")?;
        self.end(pdu.tag, Outcome::Text(Box::new(pdu)))
    }

    fn on_async(&mut self, pdu: &AsyncMessage) -> Result<(), Error> {
        self.window_update(pdu.expected_command_sn, pdu.max_command_sn);
        self.numbered(pdu.status_sn, "an Asynchronous Message")?;
        if matches!(pdu.event, 1..=3) {
            self.announced = Some(pdu.event);
        }
        let sense = match pdu.data.as_slice() {
            [high, low, rest @ ..] if pdu.event == 0 => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                Sense::decode(&rest[..length.min(rest.len())]).ok()
            }
            _ => None,
        };
        let parameters = [pdu.parameter1, pdu.parameter2, pdu.parameter3];
        self.note(Event::Async { event: pdu.event, lun: pdu.lun, sense, parameters });
        Ok(())
    }

    fn on_reject(&mut self, pdu: &Reject) -> Result<(), Error> {
        self.window_update(pdu.expected_command_sn, pdu.max_command_sn);
        self.numbered(pdu.status_sn, "a Reject")?;
        let tag = pdu.rejected_tag().unwrap_or(NO_TAG);
        let reason = pdu.reason;
        match self.tasks.get(&tag).map(|task| task.name.clone()) {
            Some(what) => self.end(tag, Outcome::Failed(Error::Rejected { what, reason })),
            // The answer to a ping has no task; that the target does not want it is no harm.
            None if tag == NO_TAG || self.given_up.remove(&tag).is_some() => Ok(()),
            None => Err(self.violation(format!("a Reject of task tag {tag:08x}h, which is not in flight"))),
        }
    }
}

fn residual(underflow: bool, overflow: bool, count: u32) -> Residual {
    match (underflow, overflow) {
        (true, _) => Residual::Underflow(count),
        (_, true) => Residual::Overflow(count),
        _ => Residual::None,
    }
}
