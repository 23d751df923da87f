//! A TCP stream with a deadline that holds over any number of reads and writes, so that a peer that drips bytes gains no time.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::iscsi::trace::Tapped;

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct TimedStream {
    stream: TcpStream,
    deadline: Instant,
    tap: Tapped,
}

impl TimedStream {
    pub(super) fn new(stream: TcpStream, deadline: Instant, tap: Tapped) -> Self {
        Self { stream, deadline, tap }
    }

    pub(super) fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        &self.stream
    }

    fn remaining(&self) -> io::Result<std::time::Duration> {
        self.deadline
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
            .ok_or_else(|| io::ErrorKind::TimedOut.into())
    }
}

impl Read for TimedStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.remaining()?))?;
        let outcome = self.stream.read(buf);
        self.tap.received(buf, &outcome);
        outcome
    }
}

impl Write for TimedStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.remaining()?))?;
        let began = self.tap.now();
        let bytes = self.stream.write(buf)?;
        self.tap.sent(began, &buf[..bytes]);
        Ok(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
