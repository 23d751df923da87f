//! An RFC 7143 initiator in user space: PDUs, login, CHAP, discovery, sessions. Knows nothing of clusters.
//!
//! Synchronous: a session is one TCP connection driven by the thread that holds it. Everything a target sends is
//! hostile until checked; what does not fit ends as a typed error that says what the peer did.

pub mod chap;
pub mod discovery;
pub mod error;
pub mod frame;
pub mod isid;
pub mod login;
pub mod pcap;
pub mod pdu;
pub mod portal;
pub mod session;
pub mod text;
pub mod trace;
pub mod unit;

pub use discovery::{AdvertisedPortal, DiscoveredTarget, discover};
pub use error::Error;
pub use frame::{Digests, Frame, FrameError, FrameReader, FrameWriter};
pub use isid::Isid;
pub use pcap::PacketFile;
pub use pdu::{Pdu, PduError};
pub use portal::Portal;
pub use session::{Event, Residual, Response, Session, Tag, Timeouts, Transfer};
pub use trace::{Tap, Trace};
pub use unit::{CommandError, Question, Unit};

#[cfg(test)]
mod proptests;

/// The TCP port that IANA assigned to iSCSI.
pub const DEFAULT_PORT: u16 = 3260;

/// The reserved task tag: none (RFC 7143 section 11.2.1.8).
pub const NO_TAG: u32 = 0xffff_ffff;

/// `a < b` in 32-bit serial number arithmetic (RFC 1982), which CmdSN, StatSN and DataSN use.
pub fn serial_less(a: u32, b: u32) -> bool {
    a != b && b.wrapping_sub(a) < 0x8000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_wrap() {
        assert!(serial_less(1, 2));
        assert!(serial_less(u32::MAX, 0));
        assert!(!serial_less(0, u32::MAX));
        assert!(!serial_less(5, 5));
    }
}
