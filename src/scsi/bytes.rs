//! Big-endian reads that are total: bytes past the end read as zero, so that no answer of a peer can cause a panic.
//!
//! Decoders first state with [`need`] how many bytes must be there; the zeros then only stand for fields that
//! an older device leaves out, which is what SCSI means by them.

use super::Malformed;

/// Fails unless `bytes` holds at least `needed` bytes.
pub(crate) fn need(what: &'static str, bytes: &[u8], needed: usize) -> Result<(), Malformed> {
    if bytes.len() < needed { Err(Malformed::Short { what, needed, got: bytes.len() }) } else { Ok(()) }
}

pub(crate) fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

pub(crate) fn bit(bytes: &[u8], at: usize, mask: u8) -> bool {
    byte(bytes, at) & mask != 0
}

pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|i| byte(bytes, at.saturating_add(i)))
}

pub(crate) fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array(bytes, at))
}

pub(crate) fn be24(bytes: &[u8], at: usize) -> u32 {
    let [high, mid, low] = array(bytes, at);
    u32::from_be_bytes([0, high, mid, low])
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(bytes, at))
}

pub(crate) fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(bytes, at))
}

/// The part of `bytes` from `from` for `len` bytes, cut where the bytes end.
pub(crate) fn part(bytes: &[u8], from: usize, len: usize) -> &[u8] {
    let end = from.saturating_add(len).min(bytes.len());
    bytes.get(from..end).unwrap_or(&[])
}

/// Writes `value` at `at`; the caller has made the buffer large enough.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// A `usize` length as the 16-bit field of a page; a longer page cannot be built by the types of this room.
pub(crate) fn len16(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

/// A `usize` length as a 32-bit field.
pub(crate) fn len32(len: usize) -> [u8; 4] {
    u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes()
}

/// A blank-padded ASCII field as text: trailing blanks and NULs cut, anything unprintable shown as `?`.
pub(crate) fn text(field: &[u8]) -> String {
    let shown: String = field
        .iter()
        .map(|&b| match b {
            0 => ' ',
            0x20..=0x7e => char::from(b),
            _ => '?',
        })
        .collect();
    shown.trim().to_owned()
}

/// Text as a blank-padded ASCII field of `N` bytes, cut where it is longer.
pub(crate) fn padded<const N: usize>(text: &str) -> [u8; N] {
    let source = text.as_bytes();
    std::array::from_fn(|i| source.get(i).copied().unwrap_or(b' '))
}
