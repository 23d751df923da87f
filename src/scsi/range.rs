//! A range of logical blocks that a test may write to, as people write it: `20480+64`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Blocks of the range that is written to where none is declared.
pub const DEFAULT_BLOCKS: u32 = 64;

/// The fewest blocks of a range in which all steps have room.
pub const FEWEST_BLOCKS: u32 = 32;

/// The most blocks of a range: their content is kept in memory and in the run file.
pub const MOST_BLOCKS: u32 = 2048;

/// Blocks that may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BlockRange {
    /// The first block.
    pub lba: u64,
    /// How many.
    pub blocks: u32,
}

impl BlockRange {
    /// The default range: [`DEFAULT_BLOCKS`] in the middle of a unit with this many blocks; fewer on a tiny unit.
    pub fn middle(unit_blocks: u64) -> Self {
        let blocks = u64::from(DEFAULT_BLOCKS).min(unit_blocks);
        let blocks = u32::try_from(blocks).unwrap_or(DEFAULT_BLOCKS);
        Self { lba: (unit_blocks - u64::from(blocks)) / 2, blocks }
    }

    /// True when all of it lies on a unit with this many blocks.
    pub fn fits(self, unit_blocks: u64) -> bool {
        self.lba.checked_add(self.blocks.into()).is_some_and(|end| end <= unit_blocks)
    }
}

impl fmt::Display for BlockRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.lba, self.blocks)
    }
}

/// Text that is no range of blocks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no range of blocks: {why}; write FIRST+COUNT, such as 20480+64")]
pub struct RangeError {
    text: String,
    why: String,
}

impl FromStr for BlockRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let wrong = |why: String| RangeError {
            text: text.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect(),
            why,
        };
        let (lba, blocks) = text.split_once('+').ok_or_else(|| wrong("the `+` is missing".into()))?;
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let lba = lba.parse().ok().filter(|_| digits(lba));
        let lba = lba.ok_or_else(|| wrong("the first block is no number".into()))?;
        let blocks = blocks.parse().ok().filter(|_| digits(blocks));
        let blocks: u32 = blocks.ok_or_else(|| wrong("the count is no number".into()))?;
        if (FEWEST_BLOCKS..=MOST_BLOCKS).contains(&blocks) {
            Ok(Self { lba, blocks })
        } else {
            Err(wrong(format!("the steps need {FEWEST_BLOCKS} to {MOST_BLOCKS} blocks")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_and_kept_within_bounds() {
        assert_eq!("2048+64".parse(), Ok(BlockRange { lba: 2048, blocks: 64 }));
        for wrong in
            ["", "2048", "+64", "2048+", "2048+0", "2048+31", "2048+2049", "-1+64", "1+ 64", "1+64+1"]
        {
            assert!(wrong.parse::<BlockRange>().is_err(), "{wrong}");
        }
        assert_eq!(BlockRange::middle(1000), BlockRange { lba: 468, blocks: 64 });
        assert_eq!(BlockRange::middle(10), BlockRange { lba: 0, blocks: 10 });
        assert!(!BlockRange { lba: u64::MAX, blocks: 64 }.fits(u64::MAX));
    }

    proptest! {
        #[test]
        fn the_default_range_fits(blocks: u64) {
            prop_assert!(BlockRange::middle(blocks).fits(blocks));
        }
    }
}
