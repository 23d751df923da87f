//! READ CAPACITY (10) and (16) (SBC-3 clauses 5.15 and 5.16).

use super::Malformed;
use super::bytes::{be16, be32, be64, bit, byte, need, put};

/// Size and layout of a logical unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    /// Address of the last block.
    pub last_lba: u64,
    /// Bytes per logical block.
    pub block_bytes: u32,
    /// Protection type, 1 to 3, where PROT_EN is set. Only READ CAPACITY (16) tells.
    pub protection_type: Option<u8>,
    /// Logical blocks per physical block, as a power of two.
    pub physical_exponent: u8,
    /// First logical block that starts a physical block.
    pub lowest_aligned_lba: u16,
    /// LBPME: the unit is thin or resource provisioned.
    pub provisioning_managed: bool,
    /// LBPRZ: unmapped blocks read as zero.
    pub unmapped_reads_zero: bool,
}

impl Capacity {
    /// Reads the 8 bytes of READ CAPACITY (10). `None` when the unit has more blocks than the command can tell,
    /// so that READ CAPACITY (16) must be asked.
    pub fn decode10(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        need("READ CAPACITY (10) data", bytes, 8)?;
        let last_lba = be32(bytes, 0);
        let capacity = Self { last_lba: u64::from(last_lba), block_bytes: be32(bytes, 4), ..Self::default() };
        Ok((last_lba != u32::MAX).then_some(capacity))
    }

    /// Reads the data of READ CAPACITY (16): 32 bytes, of which the first 12 must be there.
    pub fn decode16(bytes: &[u8]) -> Result<Self, Malformed> {
        need("READ CAPACITY (16) data", bytes, 12)?;
        Ok(Self {
            last_lba: be64(bytes, 0),
            block_bytes: be32(bytes, 8),
            protection_type: bit(bytes, 12, 0x01).then(|| ((byte(bytes, 12) >> 1) & 0x07) + 1),
            physical_exponent: byte(bytes, 13) & 0x0f,
            lowest_aligned_lba: be16(bytes, 14) & 0x3fff,
            provisioning_managed: bit(bytes, 14, 0x80),
            unmapped_reads_zero: bit(bytes, 14, 0x40),
        })
    }

    /// The bytes of READ CAPACITY (10).
    pub fn encode10(&self) -> [u8; 8] {
        let mut bytes = [0; 8];
        put(&mut bytes, 0, &u32::try_from(self.last_lba).unwrap_or(u32::MAX).to_be_bytes());
        put(&mut bytes, 4, &self.block_bytes.to_be_bytes());
        bytes
    }

    /// The bytes of READ CAPACITY (16).
    pub fn encode16(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        put(&mut bytes, 0, &self.last_lba.to_be_bytes());
        put(&mut bytes, 8, &self.block_bytes.to_be_bytes());
        if let Some(kind) = self.protection_type {
            bytes[12] = 0x01 | ((kind.saturating_sub(1) & 0x07) << 1);
        }
        bytes[13] = self.physical_exponent & 0x0f;
        put(&mut bytes, 14, &(self.lowest_aligned_lba & 0x3fff).to_be_bytes());
        bytes[14] |= u8::from(self.provisioning_managed) << 7 | u8::from(self.unmapped_reads_zero) << 6;
        bytes
    }

    /// Number of blocks; `None` where the last address is the largest number, which no real unit has.
    pub fn blocks(&self) -> Option<u64> {
        self.last_lba.checked_add(1)
    }

    /// Size in bytes; `None` where it does not fit 64 bits, which no real unit reaches.
    pub fn size_bytes(&self) -> Option<u64> {
        self.blocks()?.checked_mul(u64::from(self.block_bytes))
    }

    /// Bytes per physical block; `None` where the device claims an absurd one.
    pub fn physical_block_bytes(&self) -> Option<u32> {
        self.block_bytes.checked_mul(1 << self.physical_exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_units_ask_for_the_long_command() {
        let large = Capacity { last_lba: 1 << 33, block_bytes: 512, ..Capacity::default() };
        assert_eq!(Capacity::decode10(&large.encode10()), Ok(None));
        assert_eq!(Capacity::decode16(&large.encode16()), Ok(large));
    }

    #[test]
    fn sizes_do_not_overflow() {
        let absurd = Capacity {
            last_lba: u64::MAX,
            block_bytes: u32::MAX,
            physical_exponent: 15,
            ..Capacity::default()
        };
        assert_eq!((absurd.blocks(), absurd.size_bytes(), absurd.physical_block_bytes()), (None, None, None));
        let real =
            Capacity { last_lba: 65_535, block_bytes: 512, physical_exponent: 3, ..Capacity::default() };
        assert_eq!((real.size_bytes(), real.physical_block_bytes()), (Some(33_554_432), Some(4096)));
    }

    #[test]
    fn all_fields_of_the_long_form() {
        let capacity = Capacity {
            last_lba: 9,
            block_bytes: 4096,
            protection_type: Some(2),
            physical_exponent: 0,
            lowest_aligned_lba: 7,
            provisioning_managed: true,
            unmapped_reads_zero: true,
        };
        assert_eq!(Capacity::decode16(&capacity.encode16()), Ok(capacity));
        assert!(Capacity::decode16(&[0; 11]).is_err());
        assert!(Capacity::decode10(&[0; 7]).is_err());
    }
}
