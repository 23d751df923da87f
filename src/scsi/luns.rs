//! Logical unit numbers (SAM-5 clause 4.7) and REPORT LUNS (SPC-4 clause 6.33).

use std::fmt;

use super::Malformed;
use super::bytes::{array, be32, len32, need, part};

const WHAT: &str = "REPORT LUNS data";

/// A logical unit number as it stands in PDUs and REPORT LUNS: eight bytes, four levels of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Lun(pub [u8; 8]);

impl Lun {
    /// The number in the form initiators use: below 256 peripheral, up to 16383 flat, above that extended flat.
    pub fn new(number: u32) -> Self {
        let [top, high, mid, low] = number.to_be_bytes();
        Self(match number {
            0..=255 => [0, low, 0, 0, 0, 0, 0, 0],
            256..=16_383 => [0x40 | mid, low, 0, 0, 0, 0, 0, 0],
            _ if top == 0 => [0xd2, high, mid, low, 0, 0, 0, 0],
            _ => [0xe2, top, high, mid, low, 0, 0, 0],
        })
    }

    /// The plain number, for single-level addresses: peripheral on bus 0, flat space, extended flat space.
    /// `None` for a multi-level address, a bus number or a well-known logical unit.
    pub fn number(self) -> Option<u32> {
        let [first, second, third, fourth, fifth, sixth, seventh, eighth] = self.0;
        let rest = |bytes: &[u8]| bytes.iter().all(|&b| b == 0);
        match first >> 6 {
            0 if first == 0 && rest(&self.0[2..]) => Some(u32::from(second)),
            1 if rest(&self.0[2..]) => Some(u32::from_be_bytes([0, 0, first & 0x3f, second])),
            3 if first == 0xd2 && rest(&[fifth, sixth, seventh, eighth]) => {
                Some(u32::from_be_bytes([0, second, third, fourth]))
            }
            3 if first == 0xe2 && rest(&[sixth, seventh, eighth]) => {
                Some(u32::from_be_bytes([second, third, fourth, fifth]))
            }
            _ => None,
        }
    }

    /// True for a well-known logical unit such as the REPORT LUNS one (C1h 01h), which holds no data.
    pub fn is_well_known(self) -> bool {
        self.0[0] == 0xc1
    }
}

impl fmt::Display for Lun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => write!(f, "{number}"),
            None => write!(f, "0x{}", hex::encode(self.0)),
        }
    }
}

/// The answer to REPORT LUNS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReportLuns {
    /// LUN LIST LENGTH in bytes: the whole list, even where the allocation length cut it.
    pub list_bytes: u32,
    /// The logical units that arrived.
    pub luns: Vec<Lun>,
}

impl ReportLuns {
    /// A complete list.
    pub fn new(luns: Vec<Lun>) -> Self {
        Self { list_bytes: u32::try_from(luns.len() * 8).unwrap_or(u32::MAX), luns }
    }

    /// Reads the list, as far as it arrived.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need(WHAT, bytes, 8)?;
        let list_bytes = be32(bytes, 0);
        if !list_bytes.is_multiple_of(8) {
            return Err(Malformed::invalid(
                WHAT,
                format!("LUN LIST LENGTH {list_bytes} is no multiple of 8"),
            ));
        }
        let list = part(bytes, 8, usize::try_from(list_bytes).unwrap_or(usize::MAX));
        Ok(Self { list_bytes, luns: list.chunks_exact(8).map(|entry| Lun(array(entry, 0))).collect() })
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = len32(self.luns.len() * 8).to_vec();
        bytes.extend([0; 4]);
        bytes.extend(self.luns.iter().flat_map(|lun| lun.0));
        bytes
    }

    /// False when the allocation length cut the list.
    pub fn is_complete(&self) -> bool {
        u32::try_from(self.luns.len() * 8) == Ok(self.list_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addressing_methods() {
        assert_eq!(Lun::new(2).0, [0, 2, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Lun::new(256).0, [0x41, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Lun::new(16_384).0, [0xd2, 0, 0x40, 0, 0, 0, 0, 0]);
        for number in [0, 1, 255, 256, 16_383, 16_384, 70_000, 0xff_ffff, 0x100_0000, u32::MAX] {
            assert_eq!(Lun::new(number).number(), Some(number));
        }
        let multi_level = Lun([0, 1, 0, 2, 0, 0, 0, 0]);
        assert_eq!(multi_level.number(), None);
        assert_eq!(multi_level.to_string(), "0x0001000200000000");
        assert!(Lun([0xc1, 1, 0, 0, 0, 0, 0, 0]).is_well_known());
    }

    #[test]
    fn a_cut_list_says_so() {
        let whole = ReportLuns::new((0..4).map(Lun::new).collect());
        let bytes = whole.encode();
        assert_eq!(ReportLuns::decode(&bytes), Ok(whole));
        let cut = ReportLuns::decode(&bytes[..24]).unwrap();
        assert_eq!(cut.luns.len(), 2);
        assert!(!cut.is_complete());
        assert!(ReportLuns::decode(&bytes[..7]).is_err());
        assert!(ReportLuns::decode(&[0, 0, 0, 9, 0, 0, 0, 0]).is_err());
    }
}
