//! What is known of a request in flight, and what came of it.

use std::time::{Duration, Instant};

use crate::iscsi::error::Error;
use crate::iscsi::pdu::{DataIn, DataOut, ReadyToTransfer, TextResponse};
use crate::scsi::{Lun, Sense, Status};

/// Data of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Transfer {
    /// No data.
    #[default]
    None,
    /// At most so many bytes from the device.
    Read(u32),
    /// These bytes to the device.
    Write(Vec<u8>),
}

/// The difference between the data that was announced and the data that the device moved or had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Residual {
    /// None.
    #[default]
    None,
    /// So many bytes were not moved.
    Underflow(u32),
    /// So many bytes did not fit.
    Overflow(u32),
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The SCSI status.
    pub status: Status,
    /// The sense data, where there is any that can be read.
    pub sense: Option<Sense>,
    /// The sense data as it came.
    pub sense_bytes: Vec<u8>,
    /// The data that the device sent.
    pub data: Vec<u8>,
    /// The residual count.
    pub residual: Residual,
    /// From sending the command to the arrival of its status.
    pub elapsed: Duration,
}

impl Response {
    /// True for GOOD.
    pub fn is_good(&self) -> bool {
        self.status == Status::Good
    }

    /// The unit attention condition that ended the command instead of its execution, where there was one.
    pub fn unit_attention(&self) -> Option<Sense> {
        self.sense.filter(|sense| self.status == Status::CheckCondition && sense.is_unit_attention())
    }
}

/// A submitted command. It must be collected, or given up with `Session::abandon`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[must_use = "a command that nobody collects keeps its data in memory"]
pub struct Tag(pub(super) u32);

impl Tag {
    /// The Initiator Task Tag on the wire.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// What a task waits for.
#[derive(Debug)]
pub(super) enum Kind {
    Command,
    TaskManagement,
    Nop,
    Text,
    Logout,
}

/// How a task ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Command(Response),
    TaskManagement(u8),
    Nop,
    Text(Box<TextResponse>),
    Logout(u8),
    Failed(Error),
}

#[derive(Debug)]
pub(super) struct Task {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) lun: Lun,
    pub(super) command_sn: u32,
    pub(super) expected: u32,
    pub(super) outgoing: Vec<u8>,
    pub(super) sent: usize,
    pub(super) received: Vec<u8>,
    pub(super) data_sn: u32,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
    pub(super) allowed: Duration,
    pub(super) outcome: Option<Outcome>,
}

impl Task {
    pub(super) fn new(kind: Kind, name: impl Into<String>, allowed: Duration) -> Self {
        let started = Instant::now();
        Self {
            kind,
            name: name.into(),
            lun: Lun::default(),
            command_sn: 0,
            expected: 0,
            outgoing: Vec::new(),
            sent: 0,
            received: Vec::new(),
            data_sn: 0,
            started,
            deadline: started + allowed,
            allowed,
            outcome: None,
        }
    }

    /// Takes a Data-In. The data must come in order and within what was asked for (DataPDUInOrder and
    /// DataSequenceInOrder are always Yes, error recovery level is 0).
    pub(super) fn take_data(&mut self, pdu: &DataIn) -> Result<(), String> {
        if pdu.data_sn != self.data_sn {
            return Err(format!(
                "Data-In with DataSN {} for {}, {} is next",
                pdu.data_sn, self.name, self.data_sn
            ));
        }
        self.data_sn = self.data_sn.wrapping_add(1);
        if usize::try_from(pdu.offset) != Ok(self.received.len()) {
            let have = self.received.len();
            return Err(format!(
                "Data-In with offset {} for {}, {have} bytes have come",
                pdu.offset, self.name
            ));
        }
        let total = self.received.len() + pdu.data.len();
        if u32::try_from(total).is_ok_and(|total| total <= self.expected) {
            self.received.extend(&pdu.data);
            Ok(())
        } else {
            Err(format!("{total} bytes for {}, {} were asked for", self.name, self.expected))
        }
    }

    /// The Data-Out PDUs that answer an R2T, each of at most `segment` bytes.
    pub(super) fn answer(
        &mut self,
        r2t: &ReadyToTransfer,
        segment: u32,
        expected_status_sn: u32,
    ) -> Result<Vec<DataOut>, String> {
        if r2t.r2t_sn != self.data_sn {
            return Err(format!("R2T with R2TSN {} for {}, {} is next", r2t.r2t_sn, self.name, self.data_sn));
        }
        self.data_sn = self.data_sn.wrapping_add(1);
        let from = usize::try_from(r2t.offset).unwrap_or(usize::MAX);
        let length = usize::try_from(r2t.desired_bytes).unwrap_or(usize::MAX);
        let to = from.saturating_add(length);
        if from != self.sent || length == 0 || to > self.outgoing.len() {
            return Err(format!(
                "R2T for {length} bytes at {from} of {}, which has {} bytes of which {} are sent",
                self.name,
                self.outgoing.len(),
                self.sent
            ));
        }
        self.sent = to;
        let segment = usize::try_from(segment.max(512)).unwrap_or(usize::MAX);
        let mut pdus = Vec::with_capacity(length.div_ceil(segment));
        for (data_sn, (at, data)) in
            (0..).zip((from..).step_by(segment).zip(self.outgoing[from..to].chunks(segment)))
        {
            pdus.push(DataOut {
                is_final: at + data.len() == to,
                lun: r2t.lun,
                tag: r2t.tag,
                transfer_tag: r2t.transfer_tag,
                expected_status_sn,
                data_sn,
                offset: u32::try_from(at).unwrap_or(u32::MAX),
                data: data.to_vec(),
            });
        }
        Ok(pdus)
    }
}
