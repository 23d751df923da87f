//! Data of one command on its way from the initiator: immediate, unsolicited and asked for (RFC 7143 sections 4.2.5.1, 11.7
//! and 11.8).
//!
//! Pure. Always holds: no more is kept than the command wants, data comes in order, and one request for data is out at a
//! time.

use super::negotiate::Terms;
use crate::iscsi::NO_TAG;
use crate::iscsi::pdu::{DataOut, ReadyToTransfer, ScsiCommand};

/// Data that breaks a rule; at error recovery level 0 it ends the command or the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// More, or earlier, than was negotiated: B/0C/0C, unexpected unsolicited data.
    Unsolicited,
    /// Out of order, outside what was asked for, or short of it: B/0C/0D, not enough unsolicited data.
    Amount,
}

/// What is next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// More data is on its way.
    Wait,
    /// Ask for this part.
    Ask(ReadyToTransfer),
    /// All is there.
    Complete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Burst {
    /// Target transfer tag; [`NO_TAG`] for unsolicited data.
    tag: u32,
    /// Where it ends, as offset in the buffer.
    end: u64,
    next_data_sn: u32,
}

/// A transfer under way.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Bytes that the command can use.
    wanted: u64,
    /// Bytes that have come, used or not.
    received: u64,
    data: Vec<u8>,
    burst: Option<Burst>,
    max_burst: u64,
    next_r2t_sn: u32,
    next_tag: u32,
}

impl Transfer {
    /// Starts with the data that came with the command. `wanted` is what the command needs, at most what the initiator has.
    pub fn start(
        command: &ScsiCommand,
        wanted: u64,
        terms: Terms,
        lenient: bool,
    ) -> Result<(Self, Progress), Violation> {
        let immediate = command.data.len() as u64;
        let first_burst = u64::from(terms.first_burst.min(command.expected_bytes));
        let allowed = command.write && terms.immediate_data && immediate <= first_burst;
        if immediate > 0 && !allowed && !lenient {
            return Err(Violation::Unsolicited);
        }
        let mut transfer = Self {
            // A command that is not said to write brings nothing, whatever its CDB wants.
            wanted: if command.write { wanted.min(command.expected_bytes.into()) } else { 0 },
            received: 0,
            data: Vec::new(),
            burst: None,
            max_burst: u64::from(terms.max_burst),
            next_r2t_sn: 0,
            next_tag: 1,
        };
        transfer.keep(&command.data);
        if !command.is_final {
            if terms.initial_r2t && !lenient {
                return Err(Violation::Unsolicited);
            }
            transfer.burst = Some(Burst { tag: NO_TAG, end: first_burst, next_data_sn: 0 });
        }
        let progress = transfer.proceed();
        Ok((transfer, progress))
    }

    /// Takes a Data-Out.
    pub fn accept(&mut self, pdu: &DataOut) -> Result<Progress, Violation> {
        let Some(burst) = &mut self.burst else { return Err(Violation::Unsolicited) };
        let length = pdu.data.len() as u64;
        let fits = self.received + length <= burst.end;
        if pdu.transfer_tag != burst.tag
            || pdu.data_sn != burst.next_data_sn
            || u64::from(pdu.offset) != self.received
            || !fits
        {
            return Err(Violation::Amount);
        }
        burst.next_data_sn = burst.next_data_sn.wrapping_add(1);
        let (tag, end) = (burst.tag, burst.end);
        self.keep(&pdu.data);
        if !pdu.is_final {
            // What was asked for is full although the initiator means to go on.
            return if self.received == end && tag != NO_TAG {
                Err(Violation::Amount)
            } else {
                Ok(Progress::Wait)
            };
        }
        if tag != NO_TAG && self.received < end {
            return Err(Violation::Amount);
        }
        self.burst = None;
        Ok(self.proceed())
    }

    fn keep(&mut self, data: &[u8]) {
        self.received += data.len() as u64;
        let room = usize::try_from(self.wanted).unwrap_or(usize::MAX).saturating_sub(self.data.len());
        self.data.extend(&data[..data.len().min(room)]);
    }

    fn proceed(&mut self) -> Progress {
        if self.burst.is_some() {
            return Progress::Wait;
        }
        if self.received >= self.wanted {
            return Progress::Complete;
        }
        let end = self.wanted.min(self.received + self.max_burst);
        let tag = self.next_tag;
        self.next_tag = self.next_tag.wrapping_add(1) & 0x7fff_ffff;
        self.burst = Some(Burst { tag, end, next_data_sn: 0 });
        let r2t_sn = self.next_r2t_sn;
        self.next_r2t_sn = self.next_r2t_sn.wrapping_add(1);
        Progress::Ask(ReadyToTransfer {
            transfer_tag: tag,
            r2t_sn,
            offset: u32::try_from(self.received).unwrap_or(u32::MAX),
            desired_bytes: u32::try_from(end - self.received).unwrap_or(u32::MAX),
            ..ReadyToTransfer::default()
        })
    }

    /// The data.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// Requests for data that were sent.
    pub fn requests(&self) -> u32 {
        self.next_r2t_sn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(expected_bytes: u32, immediate: usize, is_final: bool) -> ScsiCommand {
        ScsiCommand {
            write: true,
            is_final,
            expected_bytes,
            data: vec![7; immediate],
            ..ScsiCommand::default()
        }
    }

    fn terms() -> Terms {
        Terms { first_burst: 1024, max_burst: 2048, initial_r2t: false, ..Terms::default() }
    }

    fn out(tag: u32, data_sn: u32, offset: u32, length: usize, is_final: bool) -> DataOut {
        DataOut { transfer_tag: tag, data_sn, offset, is_final, data: vec![8; length], ..DataOut::default() }
    }

    fn asked(progress: Progress) -> (u32, u32, u32) {
        let Progress::Ask(r2t) = progress else { panic!("{progress:?}") };
        (r2t.transfer_tag, r2t.offset, r2t.desired_bytes)
    }

    #[test]
    fn immediate_unsolicited_and_requested_data_make_one_buffer() {
        let (mut transfer, progress) =
            Transfer::start(&command(4096, 512, false), 4096, terms(), false).unwrap();
        assert_eq!(progress, Progress::Wait);
        let (tag, offset, length) = asked(transfer.accept(&out(NO_TAG, 0, 512, 512, true)).unwrap());
        assert_eq!((offset, length), (1024, 2048));
        assert_eq!(transfer.accept(&out(tag, 0, 1024, 1024, false)).unwrap(), Progress::Wait);
        let (tag, offset, length) = asked(transfer.accept(&out(tag, 1, 2048, 1024, true)).unwrap());
        assert_eq!((offset, length), (3072, 1024));
        assert_eq!(transfer.accept(&out(tag, 0, 3072, 1024, true)).unwrap(), Progress::Complete);
        assert_eq!(transfer.requests(), 2);
        let data = transfer.into_data();
        assert_eq!((data.len(), data[511], data[512]), (4096, 7, 8));
    }

    #[test]
    fn no_more_is_asked_for_or_kept_than_the_command_wants() {
        let (transfer, progress) = Transfer::start(&command(4096, 1024, true), 24, terms(), false).unwrap();
        assert_eq!((progress, transfer.into_data().len()), (Progress::Complete, 24));
        let (_, progress) = Transfer::start(&command(16, 0, true), 24, terms(), false).unwrap();
        assert_eq!(asked(progress).2, 16, "no more than the initiator has");
    }

    #[test]
    fn data_that_was_not_agreed_on_is_refused() {
        let refused =
            |command: &ScsiCommand, terms: Terms| Transfer::start(command, 4096, terms, false).unwrap_err();
        assert_eq!(refused(&command(4096, 1025, true), terms()), Violation::Unsolicited);
        let none = Terms { immediate_data: false, ..terms() };
        assert_eq!(refused(&command(4096, 1, true), none), Violation::Unsolicited);
        let solicited = Terms { initial_r2t: true, ..terms() };
        assert_eq!(refused(&command(4096, 0, false), solicited), Violation::Unsolicited);
        let read = ScsiCommand { write: false, ..command(4096, 4, true) };
        assert_eq!(refused(&read, terms()), Violation::Unsolicited);
        assert!(Transfer::start(&command(4096, 1025, true), 4096, terms(), true).is_ok(), "fault");
    }

    #[test]
    fn data_out_of_order_is_refused() {
        for (bad, why) in [
            (out(1, 1, 0, 512, false), "DataSN"),
            (out(1, 0, 512, 512, false), "offset"),
            (out(2, 0, 0, 512, false), "tag"),
            (out(1, 0, 0, 2049, true), "too much"),
            (out(1, 0, 0, 512, true), "too little"),
            (out(1, 0, 0, 2048, false), "no end"),
        ] {
            let (mut transfer, progress) =
                Transfer::start(&command(4096, 0, true), 4096, terms(), false).unwrap();
            assert_eq!(asked(progress).0, 1);
            assert_eq!(transfer.accept(&bad).unwrap_err(), Violation::Amount, "{why}");
        }
    }
}
