//! The initiator's part of a session identifier (RFC 7143 section 11.12.5).

use std::fmt;

/// Six bytes that, with the initiator name, name an initiator port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Isid(pub [u8; 6]);

impl Isid {
    /// A fresh ISID in the random format (type 10b, first byte 80h), which no operating system's initiator uses, so that it
    /// cannot take over a live session. The two bytes of `qualifier` tell the sessions of one run apart.
    pub fn random(qualifier: u16) -> Result<Self, getrandom::Error> {
        let mut random = [0; 3];
        getrandom::fill(&mut random)?;
        let [high, low] = qualifier.to_be_bytes();
        Ok(Self([0x80, random[0], random[1], random[2], high, low]))
    }

    /// The bytes on the wire.
    pub fn bytes(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for Isid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_isids_have_the_random_format() {
        let isid = Isid::random(0x0102).unwrap();
        assert_eq!(isid.0[0], 0x80);
        assert_eq!(isid.0[4..], [1, 2]);
        assert_eq!(Isid([0x80, 0, 0xab, 0, 0, 1]).to_string(), "0x8000ab000001");
    }
}
