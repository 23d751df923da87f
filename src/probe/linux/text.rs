//! Small forms that several outputs share: `PATH:LINE` of sysfs, targets of symbolic links, quoted values, hashes.

use crate::facts::NamedValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// One attribute of a device in sysfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attribute<'a> {
    /// Name of the device: `eth0`, `host3`.
    pub device: &'a str,
    /// Path of the attribute below the device: `device/vendor`.
    pub name: &'a str,
    /// One line of its content, trimmed.
    pub value: &'a str,
}

/// The attributes below `root` (`/sys/class/net/`) in the output of `grep '' FILES`: lines of `PATH:LINE`.
///
/// The name of a device may hold colons, that of an attribute never does.
pub(super) fn attributes<'a>(text: &'a str, root: &'a str) -> impl Iterator<Item = Attribute<'a>> {
    text.lines().filter_map(move |line| {
        let (device, rest) = line.strip_prefix(root)?.split_once('/')?;
        let (name, value) = rest.split_once(':')?;
        Some(Attribute { device, name, value: value.trim() })
    })
}

/// The paths of `ls -ldn` with the targets of those that are symbolic links: `(path, target)`, the target empty for
/// what is no link.
pub(super) fn links(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let path = &line[line.find(" /")? + 1..];
        Some(path.split_once(" -> ").unwrap_or((path, "")))
    })
}

/// The last part of a path.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A value as a shell or a configuration file quotes it, without its quotes and escapes.
pub(super) fn unquote(value: &str) -> String {
    let value = value.trim();
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut out = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.extend(characters.next()),
            other => out.push(other),
        }
    }
    out
}

/// The text, or nothing where it is empty.
pub(super) fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// SHA-256 over lines, each with a line end, in hexadecimal digits.
pub(super) fn sha256_of_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    hex::encode(hash.finalize())
}

/// The cell of a row under a heading of a table whose columns stand to the left or the right end of their heading: the
/// word that overlaps it, empty where there is none. Missing where the table has no such column.
pub(super) fn cell(heading: &str, row: &str, name: &str) -> Option<String> {
    let (from, to) = words_at(heading).find(|(_, _, word)| *word == name).map(|(from, to, _)| (from, to))?;
    let found = words_at(row).find(|(start, end, _)| *start < to && *end > from);
    Some(found.map(|(_, _, word)| word.to_owned()).unwrap_or_default())
}

/// The words of a line with the columns where each begins and ends.
fn words_at(line: &str) -> impl Iterator<Item = (usize, usize, &str)> {
    let mut column = 0;
    line.split([' ', '\t']).filter_map(move |word| {
        let from = column;
        column += word.chars().count() + 1;
        (!word.is_empty()).then_some((from, column - 1, word))
    })
}

/// Keeps the first of the elements that share a key, and none whose key is empty: keys of facts are unique.
pub(super) fn unique_by_key<T>(list: &mut Vec<T>, key: impl Fn(&T) -> &str) {
    let mut seen = std::collections::HashSet::new();
    list.retain(|element| !key(element).is_empty() && seen.insert(key(element).to_owned()));
}

/// `NAME=VALUE` as a shell or systemd reads them: the last of a name counts, quotes go, what follows an unquoted value
/// after white space is no part of it.
pub(super) fn assignments(text: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
        let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else {
            continue;
        };
        let (name, value) = (name.trim(), value.trim());
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(fits) {
            continue;
        }
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let end = value[1..].find(quote).map_or(value.len(), |end| end + 2);
                unquote(&value[..end])
            }
            _ => value.split(" #").next().unwrap_or_default().trim_end().to_owned(),
        };
        out.insert(name.to_owned(), value);
    }
    out
}

/// The settings of a daemon in the file that systemd hands it as its environment, sorted by name.
pub(super) fn daemon_settings(text: &str) -> Vec<NamedValue> {
    assignments(text).into_iter().map(|(name, value)| NamedValue { name, value: Some(value) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_daemon_are_read_as_systemd_reads_them() {
        let text = "# PCMK_logfile=/var/log/pacemaker.log\n\n export PCMK_debug=no\nPCMK_debug=\"crmd, pengine\"\n\
                    PCMK_ipc_buffer=131072 # larger\nnonsense\nPCMK node=1\nPCMK_remote_port='3121'\n";
        let all: Vec<_> =
            daemon_settings(text).into_iter().map(|set| (set.name, set.value.unwrap())).collect();
        let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            all,
            [("PCMK_debug", "crmd, pengine"), ("PCMK_ipc_buffer", "131072"), ("PCMK_remote_port", "3121")]
        );
        assert!(daemon_settings("# all defaults\n").is_empty());
    }

    #[test]
    fn attributes_are_told_from_values_that_look_like_them() {
        let text = "/sys/class/net/eth0/address:02:fc:00\n/sys/class/fc_host/host1/x:1\n/sys/class/net/eth0.5/device/uevent:A=/b:c\nnonsense\n";
        let all: Vec<_> = attributes(text, "/sys/class/net/").collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0], Attribute { device: "eth0", name: "address", value: "02:fc:00" });
        assert_eq!(all[1], Attribute { device: "eth0.5", name: "device/uevent", value: "A=/b:c" });
    }

    #[test]
    fn links_show_their_targets() {
        let text = "lrwxrwxrwx 1 0 0 0 Nov 21 01:38 /sys/block/sda -> ../devices/x/block/sda\ndrwxr-xr-x 2 0 0 0 Nov 21 01:38 /sys/y\n";
        let all: Vec<_> = links(text).collect();
        assert_eq!(all, [("/sys/block/sda", "../devices/x/block/sda"), ("/sys/y", "")]);
    }

    #[test]
    fn quotes_and_escapes_go() {
        assert_eq!(unquote(r#" "a \"b\" \$c" "#), r#"a "b" $c"#);
        assert_eq!(unquote("'a\\b'"), "a\\b");
        assert_eq!(unquote("plain"), "plain");
        assert_eq!(unquote("\""), "\"");
    }

    #[test]
    fn cells_stand_under_their_heading() {
        let heading = "NAME        MAJ:MIN RM FSTYPE";
        let row = "\u{2514}\u{2500}sda1        8:1    0 ext4";
        assert_eq!(cell(heading, row, "MAJ:MIN").as_deref(), Some("8:1"));
        assert_eq!(cell(heading, row, "FSTYPE").as_deref(), Some("ext4"));
        assert_eq!(cell(heading, "sda           8:0    0", "FSTYPE").as_deref(), Some(""));
        assert_eq!(cell(heading, row, "MODEL"), None);
    }
}
