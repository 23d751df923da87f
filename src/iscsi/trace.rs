//! A look at the wire: whoever wants to see the bytes of a connection is told of each read and write as it happens.
//!
//! Without a [`Trace`] a connection costs one test of an empty option for each system call. With one, nothing is kept back
//! and nothing is changed: what is told is what crossed the socket, digests, padding and broken PDUs included. A PDU may come
//! in several pieces, and one piece may hold several PDUs.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Somebody who watches connections. Called by the thread that drives the connection, from several at once.
pub trait Trace: Send + Sync {
    /// Something happened on a connection.
    fn note(&self, passing: &Passing<'_>);
}

/// Something that happened on a connection.
#[derive(Debug, Clone, Copy)]
pub struct Passing<'a> {
    /// When: before the system call for what was sent, after it for what was received, so that an answer is never older
    /// than its question.
    pub at: SystemTime,
    /// Number of the connection, unique in this process.
    pub connection: u64,
    /// Our end.
    pub local: SocketAddr,
    /// The target's end.
    pub peer: SocketAddr,
    /// What happened.
    pub what: What<'a>,
}

/// What happened on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What<'a> {
    /// It came about.
    Opened,
    /// We sent these bytes.
    Sent(&'a [u8]),
    /// The target sent these bytes.
    Received(&'a [u8]),
    /// The target closed its direction.
    ClosedByPeer,
    /// The connection was reset.
    Reset,
    /// We closed it.
    Closed,
}

/// The place in a login's configuration for a [`Trace`]; empty by default.
#[derive(Clone, Default)]
pub struct Tap(Option<Arc<dyn Trace>>);

impl Tap {
    /// Lets this one watch every connection that is made with the tap.
    pub fn new(trace: Arc<dyn Trace>) -> Self {
        Self(Some(trace))
    }

    /// Whether somebody watches.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins to tell of a new connection.
    pub(super) fn open(&self, local: SocketAddr, peer: SocketAddr) -> Tapped {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Tapped(self.0.as_ref().map(|trace| {
            let connection = NEXT.fetch_add(1, Ordering::Relaxed);
            let ends = Ends { trace: Arc::clone(trace), connection, local, peer };
            ends.tell(SystemTime::now(), What::Opened);
            Arc::new(ends)
        }))
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_on() { "Tap(on)" } else { "Tap(off)" })
    }
}

/// A connection that may be watched; both of its directions hold a clone, and the end of the last is its end.
#[derive(Clone, Default)]
pub(super) struct Tapped(Option<Arc<Ends>>);

struct Ends {
    trace: Arc<dyn Trace>,
    connection: u64,
    local: SocketAddr,
    peer: SocketAddr,
}

impl Ends {
    fn tell(&self, at: SystemTime, what: What<'_>) {
        let (connection, local, peer) = (self.connection, self.local, self.peer);
        self.trace.note(&Passing { at, connection, local, peer, what });
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.tell(SystemTime::now(), What::Closed);
    }
}

impl fmt::Debug for Tapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Tapped(on)" } else { "Tapped(off)" })
    }
}

impl Tapped {
    /// The time, where somebody wants to know it.
    pub(super) fn now(&self) -> Option<SystemTime> {
        self.0.as_ref().map(|_| SystemTime::now())
    }

    /// Tells of a write that began at `began`.
    pub(super) fn sent(&self, began: Option<SystemTime>, bytes: &[u8]) {
        if let (Some(ends), Some(at)) = (&self.0, began)
            && !bytes.is_empty()
        {
            ends.tell(at, What::Sent(bytes));
        }
    }

    /// Tells of a read and how it ended.
    pub(super) fn received(&self, buffer: &[u8], outcome: &std::io::Result<usize>) {
        use std::io::ErrorKind::{ConnectionAborted, ConnectionReset};
        let Some(ends) = &self.0 else { return };
        let what = match outcome {
            Ok(0) => What::ClosedByPeer,
            Ok(bytes) => What::Received(&buffer[..*bytes]),
            Err(error) if matches!(error.kind(), ConnectionReset | ConnectionAborted) => What::Reset,
            Err(_) => return,
        };
        ends.tell(SystemTime::now(), what);
    }
}
