//! The key of a cluster without the key: size, permissions and owner by `stat`, SHA-256 by `sha256sum`, both on the host.
//!
//! The section holds `BYTES MODE OWNER:GROUP` in its first line and the hash in its second.

/// What is known of a key file. Texts are empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFile {
    /// SHA-256 in hexadecimal digits.
    pub sha256: Option<String>,
    /// Size in bytes.
    pub bytes: Option<i64>,
    /// Permissions in octal, as `0400`.
    pub mode: Option<String>,
    /// Owner and group.
    pub owner: Option<String>,
}

impl KeyFile {
    /// There is no such file.
    pub fn none() -> Self {
        let empty = || Some(String::new());
        KeyFile { sha256: empty(), bytes: Some(0), mode: empty(), owner: empty() }
    }
}

/// Reads the section; what is not there, as the hash of a file that may not be read, is missing.
pub fn parse(text: &str) -> KeyFile {
    let mut lines = text.lines();
    let first: Vec<&str> = lines.next().unwrap_or_default().split_whitespace().collect();
    let hash = lines.next().and_then(|line| line.split_whitespace().next());
    let octal = |text: &&&str| !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    KeyFile {
        sha256: hash
            .filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
            .map(str::to_ascii_lowercase),
        bytes: first.first().and_then(|bytes| bytes.parse().ok()),
        mode: first.get(1).filter(octal).map(|mode| format!("{mode:0>4}")),
        owner: first.get(2).map(|owner| (*owner).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash() {
        let hash = "ab".repeat(32);
        let key = parse(&format!("256 400 root:root\n{hash}  -\n"));
        assert_eq!(
            (key.bytes, key.mode.as_deref(), key.owner.as_deref()),
            (Some(256), Some("0400"), Some("root:root"))
        );
        assert_eq!(key.sha256, Some(hash));
        assert_eq!(parse("256 400 root:root\n").sha256, None, "it may not be read");
        let wrong = parse("stat: error 0499 x\nnonsense\n");
        assert_eq!((wrong.sha256, wrong.bytes, wrong.mode), (None, None, None));
        assert_eq!(parse(""), KeyFile::default());
    }
}
