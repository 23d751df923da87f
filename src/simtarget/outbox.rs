//! The sending half of a connection: a bounded queue and the thread that empties it.
//!
//! The one place where StatSN is given out, so that responses of the connection's own thread and those that another
//! session causes (an aborted task) cannot collide. Always holds: a peer that does not read costs at most a fixed amount of
//! memory and then its connection.

use std::collections::VecDeque;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::chaos::{Dice, Mishap};
use super::fault::{Fault, FaultSet};
use super::server::Shared;
use crate::iscsi::pdu::Pdu;
use crate::iscsi::{Digests, NO_TAG};

/// Bytes waiting before the sender has to wait.
const HIGH_WATER: usize = 4 << 20;
/// PDUs waiting before the connection is given up.
const MOST_WAITING: usize = 4096;
/// What a PDU counts for besides its data.
const PDU_BYTES: usize = 256;

/// Which commands the initiator may send.
#[derive(Debug)]
pub(super) struct Window {
    expected: AtomicU32,
    depth: u32,
}

impl Window {
    pub fn new(first: u32, depth: u16) -> Self {
        Self { expected: AtomicU32::new(first), depth: u32::from(depth) }
    }

    /// ExpCmdSN.
    pub fn expected(&self) -> u32 {
        self.expected.load(Ordering::Relaxed)
    }

    /// MaxCmdSN.
    pub fn last(&self) -> u32 {
        self.expected().wrapping_add(self.depth - 1)
    }

    pub fn advance(&self) {
        self.expected.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Pdu>,
    bytes: usize,
    /// No more is taken; what waits is still sent.
    ended: bool,
    /// Nothing more is sent.
    dead: bool,
}

/// The queue of one connection; clones are handles to the same one.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    queue: Arc<(Mutex<Queue>, Condvar)>,
    stream: Arc<TcpStream>,
}

/// The connection is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

fn weight(pdu: &Pdu) -> usize {
    PDU_BYTES
        + match pdu {
            Pdu::DataIn(pdu) => pdu.data.len(),
            Pdu::NopIn(pdu) => pdu.data.len(),
            Pdu::TextResponse(pdu) => pdu.data.len(),
            _ => 0,
        }
}

impl Outbox {
    pub fn new(stream: Arc<TcpStream>) -> Self {
        Self { queue: Arc::default(), stream }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a PDU of the connection's own thread; waits while the peer is behind.
    pub fn send(&self, pdu: impl Into<Pdu>) -> Result<(), Gone> {
        let mut queue = self.lock();
        while queue.bytes > HIGH_WATER && !queue.dead {
            queue = self.queue.1.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        self.push(queue, pdu.into())
    }

    /// Queues a PDU from another thread; never waits.
    pub fn post(&self, pdu: impl Into<Pdu>) -> Result<(), Gone> {
        self.push(self.lock(), pdu.into())
    }

    fn push(&self, mut queue: MutexGuard<'_, Queue>, pdu: Pdu) -> Result<(), Gone> {
        if queue.dead || queue.ended {
            return Err(Gone);
        }
        if queue.waiting.len() >= MOST_WAITING {
            drop(queue);
            self.close();
            return Err(Gone);
        }
        queue.bytes += weight(&pdu);
        queue.waiting.push_back(pdu);
        drop(queue);
        self.queue.1.notify_all();
        Ok(())
    }

    /// Sends what waits, then closes the connection.
    pub fn finish(&self) {
        self.lock().ended = true;
        self.queue.1.notify_all();
    }

    /// Closes the connection at once, both ways.
    pub fn close(&self) {
        self.lock().dead = true;
        self.queue.1.notify_all();
        // An error means that it is closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn next(&self) -> Option<Pdu> {
        let mut queue = self.lock();
        loop {
            if queue.dead {
                return None;
            }
            if let Some(pdu) = queue.waiting.pop_front() {
                queue.bytes = queue.bytes.saturating_sub(weight(&pdu));
                drop(queue);
                self.queue.1.notify_all();
                return Some(pdu);
            }
            if queue.ended {
                return None;
            }
            queue = self.queue.1.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Gives out the numbers of a connection.
#[derive(Debug)]
pub(super) struct Numbers {
    next_status: u32,
    /// A StatSN that the next response takes although a later one was used before (chaos).
    owed: Option<u32>,
    window: Arc<Window>,
}

impl Numbers {
    pub fn new(next_status: u32, window: Arc<Window>) -> Self {
        Self { next_status, owed: None, window }
    }

    fn status(&mut self, out_of_order: bool) -> u32 {
        if let Some(owed) = self.owed.take() {
            return owed;
        }
        let number = self.next_status;
        if out_of_order {
            self.next_status = number.wrapping_add(2);
            self.owed = Some(number);
            number.wrapping_add(1)
        } else {
            self.next_status = number.wrapping_add(1);
            number
        }
    }

    /// Puts StatSN, ExpCmdSN and MaxCmdSN into a PDU (RFC 7143 sections 4.2.2.1 and 4.2.2.2).
    pub fn number(&mut self, pdu: &mut Pdu, out_of_order: bool) {
        let (expected, last) = (self.window.expected(), self.window.last());
        macro_rules! put {
            ($pdu:ident, $status:expr) => {{
                $pdu.status_sn = $status;
                $pdu.expected_command_sn = expected;
                $pdu.max_command_sn = last;
            }};
        }
        match pdu {
            Pdu::ScsiResponse(pdu) => put!(pdu, self.status(out_of_order)),
            Pdu::TaskResponse(pdu) => put!(pdu, self.status(out_of_order)),
            Pdu::LoginResponse(pdu) => put!(pdu, self.status(out_of_order)),
            Pdu::TextResponse(pdu) => put!(pdu, self.status(out_of_order)),
            Pdu::LogoutResponse(pdu) => put!(pdu, self.status(out_of_order)),
            Pdu::AsyncMessage(pdu) => put!(pdu, self.status(out_of_order)),
            Pdu::Reject(pdu) => put!(pdu, self.status(out_of_order)),
            Pdu::DataIn(pdu) if pdu.has_status => put!(pdu, self.status(out_of_order)),
            Pdu::NopIn(pdu) if pdu.tag != NO_TAG => put!(pdu, self.status(out_of_order)),
            // These show the next number and do not use it up.
            Pdu::NopIn(pdu) => put!(pdu, self.next_status),
            Pdu::ReadyToTransfer(pdu) => put!(pdu, self.next_status),
            Pdu::DataIn(pdu) => put!(pdu, 0),
            // PDUs of an initiator are never sent.
            _ => {}
        }
    }
}

/// Sends bytes, unless chaos has other plans.
pub(super) fn transmit(
    mut stream: &TcpStream,
    mut bytes: Vec<u8>,
    mishap: Mishap,
    shared: &Shared,
) -> Result<(), Gone> {
    match mishap {
        Mishap::Close => return Err(Gone),
        Mishap::Delay(time) if shared.sleep(time) => return Err(Gone),
        Mishap::Duplicate => bytes.extend_from_within(..),
        Mishap::Truncate(part) => {
            bytes.truncate(bytes.len() * usize::from(part) / 65_536);
            let _ = stream.write_all(&bytes);
            return Err(Gone);
        }
        _ => {}
    }
    stream.write_all(&bytes).map_err(|_| Gone)
}

/// Empties an outbox into its connection until it ends.
pub(super) struct Writer {
    pub outbox: Outbox,
    pub numbers: Numbers,
    pub digests: Digests,
    /// The largest data segment that the initiator accepts.
    pub initiator_segment: u32,
    pub dice: Dice,
    pub shared: Arc<Shared>,
}

impl Writer {
    pub fn run(mut self) {
        while let Some(pdu) = self.outbox.next() {
            if self.send(pdu).is_err() {
                break;
            }
        }
        self.outbox.close();
    }

    fn send(&mut self, mut pdu: Pdu) -> Result<(), Gone> {
        let faults = self.shared.faults();
        let mishap = self.dice.roll(self.shared.chaos());
        self.numbers.number(&mut pdu, mishap == Mishap::Reorder);
        if faults.has(Fault::WrongStatSn) && matches!(pdu, Pdu::ScsiResponse(_) | Pdu::DataIn(_)) {
            self.numbers.next_status = self.numbers.next_status.wrapping_add(6);
        }
        let mut bytes = Vec::new();
        self.encode(pdu, faults, &mut bytes)?;
        transmit(&self.outbox.stream, bytes, mishap, &self.shared)
    }

    /// The bytes on the wire, bent by the faults that concern answers to commands.
    fn encode(&self, mut pdu: Pdu, faults: FaultSet, bytes: &mut Vec<u8>) -> Result<(), Gone> {
        let answers = matches!(pdu, Pdu::ScsiResponse(_) | Pdu::DataIn(_));
        if let Pdu::DataIn(data) = &mut pdu {
            if faults.has(Fault::WrongDataOffset) {
                data.offset = data.offset.wrapping_add(0x0100_0000);
            }
            if faults.has(Fault::OversizedSegment) {
                data.data.resize(self.initiator_segment as usize + 512, 0);
            }
        }
        let mut frame = pdu.into_frame();
        if answers && faults.has(Fault::WrongTag) {
            frame.header[16..20].copy_from_slice(&0xdead_beef_u32.to_be_bytes());
        }
        if answers && faults.has(Fault::UnknownOpcode) {
            frame.header[0] = 0x3e;
        }
        frame.write_to(self.digests, bytes).map_err(|_| Gone)?;
        if answers && faults.has(Fault::WrongLengths) {
            let length = u32::try_from(frame.data.len()).unwrap_or(0).saturating_add(64);
            bytes[5..8].copy_from_slice(&length.to_be_bytes()[1..]);
        }
        if faults.has(Fault::CorruptDigest)
            && (self.digests.header || (self.digests.data && !frame.data.is_empty()))
            && let Some(last) = bytes.last_mut()
        {
            *last ^= 0x55;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iscsi::pdu::{DataIn, NopIn, ReadyToTransfer, ScsiResponse};

    fn status_sn(numbers: &mut Numbers, pdu: impl Into<Pdu>, out_of_order: bool) -> u32 {
        let mut pdu = pdu.into();
        numbers.number(&mut pdu, out_of_order);
        match pdu {
            Pdu::ScsiResponse(pdu) => pdu.status_sn,
            Pdu::DataIn(pdu) => pdu.status_sn,
            Pdu::NopIn(pdu) => pdu.status_sn,
            Pdu::ReadyToTransfer(pdu) => pdu.status_sn,
            _ => unreachable!(),
        }
    }

    #[test]
    fn only_responses_use_numbers_up() {
        let mut numbers = Numbers::new(u32::MAX, Arc::new(Window::new(7, 64)));
        assert_eq!(status_sn(&mut numbers, ScsiResponse::default(), false), u32::MAX);
        assert_eq!(status_sn(&mut numbers, ReadyToTransfer::default(), false), 0);
        assert_eq!(status_sn(&mut numbers, NopIn { tag: NO_TAG, ..NopIn::default() }, false), 0);
        assert_eq!(status_sn(&mut numbers, DataIn::default(), false), 0);
        assert_eq!(status_sn(&mut numbers, DataIn { has_status: true, ..DataIn::default() }, false), 0);
        assert_eq!(status_sn(&mut numbers, NopIn::default(), false), 1);
        assert_eq!(status_sn(&mut numbers, ScsiResponse::default(), true), 3);
        assert_eq!(status_sn(&mut numbers, ScsiResponse::default(), false), 2);
        assert_eq!(status_sn(&mut numbers, ScsiResponse::default(), false), 4);
    }

    #[test]
    fn window_moves_with_the_commands() {
        let window = Window::new(u32::MAX, 2);
        assert_eq!((window.expected(), window.last()), (u32::MAX, 0));
        window.advance();
        assert_eq!((window.expected(), window.last()), (0, 1));
    }
}
