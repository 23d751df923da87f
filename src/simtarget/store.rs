//! The blocks of a simulated logical unit: sparse memory that reads as zeros where nothing was written.
//!
//! Always holds: no access outside the declared size, no page kept that is all zeros, never more resident pages than
//! the limit allows (a write beyond it fails as a thin volume that ran out of space does).

use std::collections::BTreeMap;

/// Bytes kept together; a page is allocated by the first byte in it that is not zero.
const PAGE: u64 = 4096;
const PAGE_BYTES: usize = 4096;

/// Why the store refused an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The range reaches past the end of the unit.
    #[error("range of {length} bytes at {offset} is outside the unit of {size} bytes")]
    OutOfRange {
        /// First byte asked for.
        offset: u64,
        /// Number of bytes asked for.
        length: u64,
        /// Size of the unit in bytes.
        size: u64,
    },
    /// The write would keep more pages in memory than the limit allows.
    #[error("no space left: {limit_bytes} bytes are resident already")]
    NoSpace {
        /// The limit in bytes.
        limit_bytes: u64,
    },
}

/// Sparse bytes of one logical unit.
#[derive(Debug, Clone)]
pub struct Store {
    size: u64,
    limit_pages: usize,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl Store {
    /// A store of `size_bytes` zeros that keeps at most `limit_bytes` of written data in memory.
    pub fn new(size_bytes: u64, limit_bytes: u64) -> Self {
        Self {
            size: size_bytes,
            limit_pages: usize::try_from(limit_bytes / PAGE).unwrap_or(usize::MAX),
            pages: BTreeMap::new(),
        }
    }

    /// Size in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.size
    }

    /// Bytes of memory that hold written data.
    pub fn resident_bytes(&self) -> u64 {
        self.pages.len() as u64 * PAGE
    }

    fn check(&self, offset: u64, length: u64) -> Result<(), StoreError> {
        match offset.checked_add(length) {
            Some(end) if end <= self.size => Ok(()),
            _ => Err(StoreError::OutOfRange { offset, length, size: self.size }),
        }
    }

    /// Reads `length` bytes at `offset`.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`] when the range does not lie inside the unit.
    pub fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        self.check(offset, length as u64)?;
        let mut out = vec![0; length];
        for (page, in_page, in_buffer, count) in pieces(offset, length) {
            if let Some(bytes) = self.pages.get(&page) {
                out[in_buffer..in_buffer + count].copy_from_slice(&bytes[in_page..in_page + count]);
            }
        }
        Ok(out)
    }

    /// Writes `data` at `offset`, all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`] and [`StoreError::NoSpace`]; the content is unchanged then.
    pub fn write(&mut self, offset: u64, data: &[u8]) -> Result<(), StoreError> {
        self.check(offset, data.len() as u64)?;
        let new = pieces(offset, data.len())
            .filter(|(page, _, at, count)| {
                !self.pages.contains_key(page) && data[*at..*at + *count].iter().any(|byte| *byte != 0)
            })
            .count();
        self.reserve(new)?;
        for (page, in_page, at, count) in pieces(offset, data.len()) {
            self.put(page, in_page, &data[at..at + count]);
        }
        Ok(())
    }

    /// Writes `pattern` over and over from `offset`, `times` times, all of it or nothing.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn fill(&mut self, offset: u64, pattern: &[u8], times: u64) -> Result<(), StoreError> {
        let length = (pattern.len() as u64).saturating_mul(times);
        self.check(offset, length)?;
        if pattern.iter().all(|byte| *byte == 0) {
            return self.discard(offset, length);
        }
        let first = offset / PAGE;
        let last = (offset + length).div_ceil(PAGE);
        let held = self.pages.range(first..last).count();
        self.reserve(usize::try_from(last - first).unwrap_or(usize::MAX).saturating_sub(held))?;
        for index in 0..times {
            let at = offset + index * pattern.len() as u64;
            for (page, in_page, from, count) in pieces(at, pattern.len()) {
                self.put(page, in_page, &pattern[from..from + count]);
            }
        }
        Ok(())
    }

    /// Makes the range read as zeros and gives its whole pages back.
    ///
    /// # Errors
    /// [`StoreError::OutOfRange`].
    pub fn discard(&mut self, offset: u64, length: u64) -> Result<(), StoreError> {
        self.check(offset, length)?;
        let end = offset + length;
        let touched: Vec<u64> =
            self.pages.range(offset / PAGE..end.div_ceil(PAGE)).map(|(page, _)| *page).collect();
        for page in touched {
            let start = page * PAGE;
            let from = offset.saturating_sub(start).min(PAGE);
            let to = (end - start).min(PAGE);
            if let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to))
                && let Some(bytes) = self.pages.get_mut(&page)
            {
                bytes[from..to].fill(0);
                if bytes.iter().all(|byte| *byte == 0) {
                    self.pages.remove(&page);
                }
            }
        }
        Ok(())
    }

    /// Whether any byte of the range is held in memory, hence mapped in the sense of a thin unit.
    pub fn is_mapped(&self, offset: u64, length: u64) -> bool {
        let end = offset.saturating_add(length);
        self.pages.range(offset / PAGE..end.div_ceil(PAGE)).next().is_some()
    }

    fn reserve(&self, new: usize) -> Result<(), StoreError> {
        if self.pages.len().saturating_add(new) > self.limit_pages {
            return Err(StoreError::NoSpace { limit_bytes: self.limit_pages as u64 * PAGE });
        }
        Ok(())
    }

    fn put(&mut self, page: u64, in_page: usize, data: &[u8]) {
        if let Some(bytes) = self.pages.get_mut(&page) {
            bytes[in_page..in_page + data.len()].copy_from_slice(data);
            if bytes.iter().all(|byte| *byte == 0) {
                self.pages.remove(&page);
            }
        } else if data.iter().any(|byte| *byte != 0) {
            let mut bytes = vec![0; PAGE_BYTES].into_boxed_slice();
            bytes[in_page..in_page + data.len()].copy_from_slice(data);
            self.pages.insert(page, bytes);
        }
    }
}

/// Splits a range at page borders: page number, offset in the page, offset in the caller's buffer, bytes.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done >= length {
            return None;
        }
        let at = offset + done as u64;
        let in_page = usize::try_from(at % PAGE).unwrap_or(0);
        let count = (PAGE_BYTES - in_page).min(length - done);
        let piece = (at / PAGE, in_page, done, count);
        done += count;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unwritten_bytes_are_zero_and_cost_nothing() {
        let store = Store::new(1 << 40, 1 << 20);
        assert_eq!(store.read((1 << 40) - 512, 512).unwrap(), vec![0; 512]);
        assert_eq!(store.resident_bytes(), 0);
    }

    #[test]
    fn range_is_checked_also_against_overflow() {
        let mut store = Store::new(8192, 1 << 20);
        assert!(matches!(store.read(8191, 2), Err(StoreError::OutOfRange { .. })));
        assert!(matches!(store.read(u64::MAX, 2), Err(StoreError::OutOfRange { .. })));
        assert!(matches!(store.fill(0, &[1; 512], u64::MAX), Err(StoreError::OutOfRange { .. })));
        assert!(matches!(store.discard(1, u64::MAX), Err(StoreError::OutOfRange { .. })));
        assert!(store.read(8191, 1).is_ok());
        assert!(store.write(8192, &[]).is_ok());
    }

    #[test]
    fn limit_refuses_the_whole_write_and_zeros_are_free() {
        let mut store = Store::new(1 << 30, 8192);
        store.write(0, &[1; 8192]).unwrap();
        assert!(matches!(store.write(8000, &[2; 8192]), Err(StoreError::NoSpace { limit_bytes: 8192 })));
        assert_eq!(store.read(8000, 192).unwrap(), vec![1; 192], "nothing of a refused write is stored");
        store.write(1 << 20, &vec![0; 65536]).unwrap();
        store.fill(0, &[0; 512], 1 << 21).unwrap();
        assert_eq!(store.resident_bytes(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn behaves_as_a_flat_array(ops in proptest::collection::vec((0u8..4, 0u64..20_000, 1usize..9000, any::<u8>()), 1..20)) {
            let size = 24_000usize;
            let mut store = Store::new(size as u64, 1 << 20);
            let mut flat = vec![0u8; size];
            for (op, at, length, value) in ops {
                let at_index = usize::try_from(at).unwrap();
                let fits = at_index + length <= size;
                match op {
                    0 => {
                        prop_assert_eq!(store.write(at, &vec![value; length]).is_ok(), fits);
                        if fits { flat[at_index..at_index + length].fill(value); }
                    }
                    1 => {
                        prop_assert_eq!(store.discard(at, length as u64).is_ok(), fits);
                        if fits { flat[at_index..at_index + length].fill(0); }
                    }
                    2 => {
                        let times = length / 512;
                        let fits = at_index + times * 512 <= size;
                        prop_assert_eq!(store.fill(at, &[value; 512], times as u64).is_ok(), fits);
                        if fits { flat[at_index..at_index + times * 512].fill(value); }
                    }
                    _ => {
                        let read = store.read(at, length);
                        prop_assert_eq!(read.is_ok(), fits);
                        if let Ok(read) = read { prop_assert_eq!(&read[..], &flat[at_index..at_index + length]); }
                    }
                }
            }
            prop_assert_eq!(store.read(0, size).unwrap(), flat);
        }
    }
}
