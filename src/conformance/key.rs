//! Marks: by what a run's keys, initiator names, session identifiers and blocks are known as its own.
//!
//! Always holds: whatever a run puts on a logical unit bears the run's number, so that it can be told from what others put
//! there, with the run file and without it. A name or identifier of a live host is never made here.

use std::fmt;
use std::str::FromStr;

use crate::iscsi::Isid;
use crate::scsi::reservation::Key;

/// The first two bytes of every key of this program: `qu`.
pub const MAGIC: u16 = 0x7175;

/// The beginning of every initiator name of this program.
const NAME_PREFIX: &str = "iqn.2026-01.org.quorate:probe-";

/// The first bytes of every block that a run writes.
const BLOCK_MAGIC: [u8; 8] = *b"quorate\0";

/// Bytes of a block that name the run: magic, run, tag and address.
const BLOCK_HEADER: usize = 28;

/// The number of a run: random, never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(u32);

/// Text that is no run number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a run number has eight hexadecimal digits and is not 00000000")]
pub struct NoRunId;

impl RunId {
    /// A fresh number.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        loop {
            if let Some(run) = Self::new(getrandom::u32()?) {
                return Ok(run);
            }
        }
    }

    /// This number; `None` for 0.
    pub fn new(number: u32) -> Option<Self> {
        (number != 0).then_some(Self(number))
    }

    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for RunId {
    type Err = NoRunId;

    fn from_str(text: &str) -> Result<Self, NoRunId> {
        let digits = text.len() == 8 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let number = digits.then(|| u32::from_str_radix(text, 16).ok()).flatten();
        number.and_then(Self::new).ok_or(NoRunId)
    }
}

/// Who of which run put a key on a logical unit. As a key: magic (2 bytes), run (4), node (1), path (1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark {
    /// The run.
    pub run: RunId,
    /// The simulated node, from 1 on.
    pub node: u8,
    /// What tells the keys of one node apart, from 1 on.
    pub path: u8,
}

/// The node number under which the cleanup itself works; a stage never plays it.
pub const CLEANER: u8 = 0xff;

/// The node number under which the gate looks; it never registers.
pub const GATE: u8 = 0xfe;

/// The key of a node of a run. `node` and `path` start at 1.
pub fn key(run: RunId, node: u8, path: u8) -> Key {
    Mark { run, node, path }.key()
}

/// Whose key it is, where it is one of this program's.
pub fn mark(key: Key) -> Option<Mark> {
    Mark::of(key)
}

impl Mark {
    /// The key.
    pub fn key(self) -> Key {
        let run = u64::from(self.run.0) << 16;
        Key(u64::from(MAGIC) << 48 | run | u64::from(self.node) << 8 | u64::from(self.path))
    }

    /// The mark of a key; `None` for every key that this program cannot have made.
    pub fn of(key: Key) -> Option<Self> {
        let [.., node, path] = key.0.to_be_bytes();
        let run = RunId::new(u32::try_from(key.0 >> 16 & 0xffff_ffff).ok()?)?;
        (key.0 >> 48 == u64::from(MAGIC) && node != 0 && path != 0).then_some(Self { run, node, path })
    }

    /// True when the key is one of this run's.
    pub fn is_of(key: Key, run: RunId) -> bool {
        Self::of(key).is_some_and(|mark| mark.run == run)
    }
}

/// The initiator name of a node of a run: `iqn.2026-01.org.quorate:probe-<run>-node-a`, beyond `z` the number of the node.
pub fn initiator_name(run: RunId, node: u8) -> String {
    match node {
        CLEANER => format!("{NAME_PREFIX}{run}-cleaner"),
        GATE => format!("{NAME_PREFIX}{run}-gate"),
        1..=26 => format!("{NAME_PREFIX}{run}-node-{}", char::from(b'a' + node - 1)),
        _ => format!("{NAME_PREFIX}{run}-node-{node}"),
    }
}

/// The run that an initiator name belongs to; `None` for every name that this program cannot have made.
pub fn run_of_name(name: &str) -> Option<RunId> {
    let rest = name.strip_prefix(NAME_PREFIX)?;
    let (run, node) = (rest.get(..8)?.parse().ok()?, rest.get(8..)?);
    let known =
        (1..=u8::MAX).any(|number| initiator_name(run, number).get(NAME_PREFIX.len() + 8..) == Some(node));
    known.then_some(run)
}

/// The ISID of a session of a run, in the random format (RFC 7143 section 11.12.5: first byte 80h), which no operating
/// system's initiator uses. The three random bytes differ between the paths of one node already, because some targets look
/// at no more; they follow from the run's random number, so that a session can be opened again without a run file.
pub fn isid(run: RunId, node: u8, path: u8) -> Isid {
    let mut whose = run.0.to_be_bytes().to_vec();
    whose.extend([node, path]);
    let [_, random @ ..] = crc32c::crc32c(&whose).to_be_bytes();
    Isid([0x80, random[0], random[1], random[2], node, path])
}

/// A block as a run writes it: a header that names the run, then bytes that follow from the header, so that no two tags and
/// addresses give equal blocks. `tag` is the writer's own.
pub fn block(run: RunId, tag: u64, lba: u64, block_bytes: u32) -> Vec<u8> {
    let length = usize::try_from(block_bytes).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(length.max(BLOCK_HEADER) + 4);
    bytes.extend(BLOCK_MAGIC);
    bytes.extend(run.0.to_be_bytes());
    bytes.extend(tag.to_be_bytes());
    bytes.extend(lba.to_be_bytes());
    let mut state = crc32c::crc32c(&bytes) | 1;
    while bytes.len() < length {
        // xorshift32: any filler does that shows a torn or misplaced block.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes.extend(state.to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// The run that wrote a block; `None` for every block that bears no run's header.
pub fn run_of_block(block: &[u8]) -> Option<RunId> {
    let rest = block.strip_prefix(&BLOCK_MAGIC)?;
    let number = rest.get(..4)?;
    RunId::new(u32::from_be_bytes(number.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iscsi::login::check_name;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn runs() -> impl Strategy<Value = RunId> {
        (1..=u32::MAX).prop_map(|number| RunId::new(number).unwrap())
    }

    proptest! {
        #[test]
        fn a_key_tells_its_mark(run in runs(), node in 1..=u8::MAX, path in 1..=u8::MAX) {
            let key = key(run, node, path);
            prop_assert_eq!(mark(key), Some(Mark { run, node, path }));
            prop_assert!(Mark::is_of(key, run));
        }

        #[test]
        fn only_the_keys_of_this_program_bear_a_mark(number: u64) {
            let made = mark(Key(number));
            prop_assert_eq!(made.is_some(), made.is_some_and(|mark| mark.key() == Key(number)));
            prop_assert_eq!(made.is_some(), number >> 48 == u64::from(MAGIC)
                && number & 0xff != 0 && number >> 8 & 0xff != 0 && (number >> 16) & 0xffff_ffff != 0);
        }

        #[test]
        fn names_are_sound_and_tell_their_run(run in runs(), node in 1..=u8::MAX) {
            let name = initiator_name(run, node);
            prop_assert!(check_name(&name).is_ok());
            prop_assert!(crate::inventory::check_iscsi_name(&name).is_ok());
            prop_assert_eq!(run_of_name(&name), Some(run));
            prop_assert_eq!(run_of_name(&format!("{name}x")), None);
            prop_assert_eq!(run.to_string().parse(), Ok(run));
        }

        #[test]
        fn identifiers_have_the_random_format_and_differ(run in runs(), node in 1..=u8::MAX) {
            let all: BTreeSet<Isid> = (1..=u8::MAX).map(|path| isid(run, node, path)).collect();
            prop_assert_eq!(all.len(), 255);
            prop_assert!(all.iter().all(|isid| isid.0[0] == 0x80));
            prop_assert_ne!(isid(run, node, 1).0[..4].to_vec(), isid(run, node, 2).0[..4].to_vec());
        }

        #[test]
        fn blocks_tell_their_run(run in runs(), tag: u64, lba: u64, size in prop_oneof![Just(512_u32), Just(520), Just(4096)]) {
            let bytes = block(run, tag, lba, size);
            prop_assert_eq!(bytes.len(), size as usize);
            prop_assert_eq!(run_of_block(&bytes), Some(run));
            prop_assert_ne!(block(run, tag.wrapping_add(1), lba, size), bytes.clone());
            prop_assert_ne!(block(run, tag, lba.wrapping_add(1), size), bytes);
        }

        #[test]
        fn no_text_is_taken_for_a_run_that_is_not_one(text in "[0-9a-fA-F+ ]{0,9}") {
            if let Ok(run) = text.parse::<RunId>() {
                prop_assert_eq!(run.to_string(), text);
            }
        }
    }

    #[test]
    fn what_bears_no_mark() {
        for number in [0, 1, 0x7175_0000_0000_0101, 0x7175_6f72_0000_0001, 0x7174_1234_5678_0101, u64::MAX] {
            assert_eq!(mark(Key(number)), None, "{number:x}");
        }
        assert_eq!(run_of_name("iqn.2026-01.org.quorate:probe-1a2b3c4d-node-"), None);
        assert_eq!(run_of_name("iqn.2026-01.org.quorate:probe-00000000-node-a"), None);
        assert_eq!(run_of_name("iqn.1991-05.com.microsoft:hv1"), None);
        assert_eq!(run_of_block(&[0; 512]), None);
        assert_eq!(run_of_block(b"quorate\0"), None);
    }

    #[test]
    fn written_out() {
        let run = RunId::new(0x1a2b_3c4d).unwrap();
        assert_eq!(key(run, 1, 2), Key(0x7175_1a2b_3c4d_0102));
        assert_eq!(initiator_name(run, 1), "iqn.2026-01.org.quorate:probe-1a2b3c4d-node-a");
        assert_eq!(initiator_name(run, 64), "iqn.2026-01.org.quorate:probe-1a2b3c4d-node-64");
        assert!(RunId::random().unwrap().number() != 0);
    }
}
