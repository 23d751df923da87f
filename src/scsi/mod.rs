//! SCSI bytes to types and back: CDBs, sense data, INQUIRY and VPD pages, persistent reservations. Knows nothing of sockets.
//!
//! Every structure both decodes and encodes, because the initiator reads what a target writes and the embedded
//! target reads what an initiator writes. Decoding never panics: what does not fit is a [`Malformed`].

pub(crate) mod bytes;
pub mod capacity;
pub mod cdb;
pub mod identity;
pub mod inquiry;
pub mod luns;
pub mod mode;
pub mod ports;
pub mod range;
pub mod reservation;
pub mod sense;
pub mod status;
pub mod vpd;

pub use cdb::Cdb;
pub use luns::Lun;
pub use sense::{Sense, SenseKey};
pub use status::Status;

#[cfg(test)]
mod proptests;

/// Bytes that are not the structure they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end before the structure does.
    #[error("{what} is {got} bytes long, at least {needed} are needed")]
    Short {
        /// The structure, as the standard names it.
        what: &'static str,
        /// Bytes needed.
        needed: usize,
        /// Bytes there.
        got: usize,
    },
    /// A field contradicts the structure.
    #[error("{what}: {why}")]
    Invalid {
        /// The structure, as the standard names it.
        what: &'static str,
        /// What is wrong, in words.
        why: String,
    },
}

impl Malformed {
    pub(crate) fn invalid(what: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid { what, why: why.into() }
    }
}
