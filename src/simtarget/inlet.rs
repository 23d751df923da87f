//! The receiving half of a connection, with a clock: a peer that sends a byte now and then gets no more time than one that
//! sends nothing.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A stream that ends with `TimedOut` when its time is over.
#[derive(Debug)]
pub(super) struct Inlet {
    stream: TcpStream,
    /// Time for one PDU, from its first byte.
    patience: Duration,
    /// When the PDU under way must be complete.
    due: Option<Instant>,
}

impl Inlet {
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, due: None }
    }

    /// Sets an end for all that is to come, until [`Inlet::next`].
    pub fn end_at(&mut self, due: Instant) {
        self.due = Some(due);
    }

    /// A PDU is complete; `begun` says that bytes of another one have come already.
    pub fn next(&mut self, begun: bool) {
        self.due = begun.then(|| Instant::now() + self.patience);
    }

    pub fn is_overdue(&self) -> bool {
        self.due.is_some_and(|due| Instant::now() > due)
    }
}

impl Read for Inlet {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_overdue() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let count = self.stream.read(buffer)?;
        if count > 0 && self.due.is_none() {
            self.due = Some(Instant::now() + self.patience);
        }
        Ok(count)
    }
}
