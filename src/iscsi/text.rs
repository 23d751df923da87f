//! `key=value` text of login and text negotiation (RFC 7143 section 6.1).
//!
//! Bounded: a key list of a peer is at most [`LIMIT`] bytes over all its PDUs.

/// The longest key list that is accepted, over all PDUs that carry it.
pub const LIMIT: usize = 64 * 1024;

/// The longest key name (RFC 7143 section 6.1).
const LONGEST_KEY: usize = 63;

/// Why text of a peer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// More text than [`LIMIT`].
    #[error("a key list of more than {LIMIT} bytes")]
    TooLong,
    /// An entry that is no `key=value`.
    #[error("`{0}` is no key=value")]
    NoValue(String),
    /// A key name that is empty, too long or holds control characters.
    #[error("`{0}` is no key name")]
    Key(String),
    /// An entry that is not UTF-8 or holds control characters.
    #[error("the value of `{0}` is no printable text")]
    Value(String),
}

/// A list of keys and values in the order of the wire. A key may stand there twice, as `TargetAddress` does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys(Vec<(String, String)>);

impl Keys {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a key.
    pub fn push(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.push((key.into(), value.into()));
    }

    /// The list with one more key.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.push(key, value);
        self
    }

    /// The first value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// All pairs in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes of a data segment: each pair and a NUL.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (key, value) in &self.0 {
            bytes.extend(key.bytes());
            bytes.push(b'=');
            bytes.extend(value.bytes());
            bytes.push(0);
        }
        bytes
    }

    /// Reads a complete key list. Empty entries, which some targets send as padding, are skipped.
    pub fn decode(bytes: &[u8]) -> Result<Self, TextError> {
        if bytes.len() > LIMIT {
            return Err(TextError::TooLong);
        }
        let mut keys = Self::new();
        for entry in bytes.split(|&b| b == 0).filter(|entry| !entry.is_empty()) {
            let Some(equals) = entry.iter().position(|&b| b == b'=') else {
                return Err(TextError::NoValue(shown(entry)));
            };
            let (key, value) = (&entry[..equals], &entry[equals + 1..]);
            let key_text = std::str::from_utf8(key)
                .ok()
                .filter(|key| {
                    !key.is_empty() && key.len() <= LONGEST_KEY && key.bytes().all(|b| b.is_ascii_graphic())
                })
                .ok_or_else(|| TextError::Key(shown(key)))?;
            let value_text = std::str::from_utf8(value)
                .ok()
                .filter(|value| !value.chars().any(char::is_control))
                .ok_or_else(|| TextError::Value(shown(key)))?;
            keys.push(key_text, value_text);
        }
        Ok(keys)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Keys {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// Bytes of a peer, short and printable.
fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Collects a key list that comes in several PDUs (C bit), within [`LIMIT`].
#[derive(Debug, Default)]
pub struct KeyBuffer(Vec<u8>);

impl KeyBuffer {
    /// Adds the data segment of one PDU.
    pub fn push(&mut self, data: &[u8]) -> Result<(), TextError> {
        if self.0.len() + data.len() > LIMIT {
            return Err(TextError::TooLong);
        }
        self.0.extend(data);
        Ok(())
    }

    /// Reads what has been collected and starts afresh.
    pub fn finish(&mut self) -> Result<Keys, TextError> {
        Keys::decode(&std::mem::take(&mut self.0))
    }
}

/// Splits encoded text into data segments of at most `limit` bytes; every one but the last is to be sent with the C bit.
/// There is always one, empty where there is no text.
pub fn segments(text: &[u8], limit: usize) -> Vec<Vec<u8>> {
    if text.is_empty() {
        return vec![Vec::new()];
    }
    text.chunks(limit.max(1)).map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_splitting_anywhere() {
        let keys = Keys::new()
            .with("TargetName", "iqn.2026-01.lab:t")
            .with("TargetAddress", "[::1]:3260,1")
            .with("Empty", "");
        let text = keys.encode();
        for limit in 1..=text.len() {
            let mut buffer = KeyBuffer::default();
            for segment in segments(&text, limit) {
                buffer.push(&segment).unwrap();
            }
            assert_eq!(buffer.finish().unwrap(), keys);
        }
    }

    #[test]
    fn values_may_hold_equal_signs() {
        assert_eq!(Keys::decode(b"CHAP_C=0bAA==\0\0\0").unwrap().get("CHAP_C"), Some("0bAA=="));
    }

    #[test]
    fn hostile_text_is_refused() {
        assert_eq!(Keys::decode(b"novalue\0"), Err(TextError::NoValue("novalue".into())));
        assert!(matches!(Keys::decode(b"=x\0"), Err(TextError::Key(_))));
        assert!(matches!(Keys::decode(b"K=\x1b[2J\0"), Err(TextError::Value(_))));
        assert!(matches!(Keys::decode(b"K=\xff\0"), Err(TextError::Value(_))));
        assert_eq!(Keys::decode(&vec![0; LIMIT + 1]), Err(TextError::TooLong));
        let mut buffer = KeyBuffer::default();
        buffer.push(&vec![b'a'; LIMIT]).unwrap();
        assert_eq!(buffer.push(b"a"), Err(TextError::TooLong));
    }
}
