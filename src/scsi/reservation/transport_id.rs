//! TransportIDs (SPC-4 clause 7.6.4): how a parameter list or report names an initiator port.

use std::fmt;

use crate::scsi::Malformed;
use crate::scsi::bytes::{be16, byte, len16, need, part};

const WHAT: &str = "TransportID";

/// An iSCSI name of 223 bytes (RFC 7143 section 4.2.7.1), `,i,0x` and twelve digits.
const LONGEST_TEXT: usize = 223 + 17;

/// The name of an initiator port, or of a whole initiator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TransportId {
    /// iSCSI: with an ISID one port (format 01b), without it the whole initiator (format 00b).
    Iscsi {
        /// The iSCSI name of the initiator.
        name: String,
        /// The ISID of the session.
        isid: Option<[u8; 6]>,
    },
    /// Another protocol (0 Fibre Channel, 6 SAS, ...), 24 bytes, undecoded.
    Other {
        /// The bytes, the protocol in the low nibble of the first.
        bytes: [u8; 24],
    },
}

impl TransportId {
    /// Reads the TransportID at the front of `bytes` and gives it with the number of bytes it takes.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        need(WHAT, bytes, 4)?;
        let first = byte(bytes, 0);
        if first & 0x0f != 5 {
            need(WHAT, bytes, 24)?;
            return Ok((Self::Other { bytes: crate::scsi::bytes::array(bytes, 0) }, 24));
        }
        let length = usize::from(be16(bytes, 2));
        need(WHAT, bytes, 4 + length)?;
        let field = part(bytes, 4, length);
        let end = field.iter().position(|&b| b == 0).unwrap_or(field.len());
        let Ok(text) = std::str::from_utf8(&field[..end]) else {
            return Err(Malformed::invalid(WHAT, "the iSCSI name is not UTF-8"));
        };
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(Malformed::invalid(WHAT, "the iSCSI name is empty or holds control characters"));
        }
        if text.len() > LONGEST_TEXT {
            return Err(Malformed::invalid(WHAT, format!("an iSCSI name of {} bytes", text.len())));
        }
        let id = match first >> 6 {
            0 => Self::Iscsi { name: text.to_owned(), isid: None },
            1 => {
                let (name, digits) = text
                    .split_once(",i,0x")
                    .ok_or_else(|| Malformed::invalid(WHAT, "format 01b without the separator `,i,0x`"))?;
                let isid = hex::decode(digits)
                    .ok()
                    .and_then(|isid| <[u8; 6]>::try_from(isid).ok())
                    .ok_or_else(|| Malformed::invalid(WHAT, "the ISID is not twelve hexadecimal digits"))?;
                Self::Iscsi { name: name.to_owned(), isid: Some(isid) }
            }
            other => return Err(Malformed::invalid(WHAT, format!("format {other:02b}b is reserved"))),
        };
        Ok((id, 4 + length))
    }

    /// The bytes on the wire: NUL-terminated, padded to a multiple of four, at least 24 in all.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Iscsi { name, isid } => {
                let mut field = name.clone().into_bytes();
                if let Some(isid) = isid {
                    field.extend(b",i,0x");
                    field.extend(hex::encode(isid).bytes());
                }
                let padded = ((field.len() + 4) & !3).max(20);
                field.resize(padded, 0);
                let mut bytes = vec![if isid.is_some() { 0x45 } else { 0x05 }, 0];
                bytes.extend(len16(field.len()));
                bytes.extend(field);
                bytes
            }
            Self::Other { bytes } => bytes.to_vec(),
        }
    }

    /// PROTOCOL IDENTIFIER: 5 is iSCSI.
    pub fn protocol(&self) -> u8 {
        match self {
            Self::Iscsi { .. } => 5,
            Self::Other { bytes } => bytes[0] & 0x0f,
        }
    }
}

impl fmt::Display for TransportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Iscsi { name, isid: Some(isid) } => write!(f, "{name},i,0x{}", hex::encode(isid)),
            Self::Iscsi { name, isid: None } => f.write_str(name),
            Self::Other { bytes } => write!(f, "protocol {} {}", bytes[0] & 0x0f, hex::encode(&bytes[1..])),
        }
    }
}
