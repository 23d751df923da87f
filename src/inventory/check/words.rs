//! Checks that many tables share: names, hosts, paths, amounts, and what must not be there twice.

use crate::iscsi::Portal;
use crate::source::{Problems, Span, Text};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The text, unless it is empty or blank or holds control characters, which is reported.
pub fn filled(text: Text, problems: &mut Problems) -> Option<Text> {
    if text.trim().is_empty() {
        problems.push(text.problem("this must not be empty", "nothing in it"));
        return None;
    }
    if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_control()) {
        problems.push(
            text.within(at..at + c.len_utf8())
                .problem("control characters cannot stand here", "a control character"),
        );
        return None;
    }
    Some(text)
}

/// A name for people: of a network or a LUN. It may hold blanks, but none at its ends, and nothing in which the paths
/// of facts are written.
pub fn label(text: Text, problems: &mut Problems) -> Option<Text> {
    let text = filled(text, problems)?;
    if text.trim().len() != text.len() {
        problems.push(text.problem(format!("the name `{text}` has blanks at its ends"), "leave them out"));
        return None;
    }
    none_of(text, &['[', ']', '/'], problems)
}

/// A name for machines: letters, digits, `.`, `-` and `_`, not beginning with `-`.
pub fn machine_name(text: Text, what: &str, problems: &mut Problems) -> Option<Text> {
    let text = filled(text, problems)?;
    match machine_word(&text) {
        Ok(()) => Some(text),
        Err((at, length, why)) => {
            problems.push(
                text.within(at..at + length)
                    .problem(format!("{what} cannot be `{text}`"), why)
                    .help("letters, digits, `.`, `-` and `_`; not beginning with `-`"),
            );
            None
        }
    }
}

/// Whether a word is a name for machines, else what is wrong: byte, length, words.
pub fn machine_word(text: &str) -> Result<(), (usize, usize, &'static str)> {
    if text.starts_with('-') {
        return Err((0, 1, "begins with `-`"));
    }
    if text.len() > 255 {
        return Err((0, text.len(), "is longer than 255 bytes"));
    }
    match text.char_indices().find(|(_, c)| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))) {
        Some((at, c)) if c.is_whitespace() => Err((at, c.len_utf8(), "holds a blank")),
        Some((at, c)) => Err((at, c.len_utf8(), "holds what cannot be part of a name")),
        None if text.is_empty() => Err((0, 0, "is empty")),
        None => Ok(()),
    }
}

/// Whether a word can be the host of a connection: a name for machines, or an address (without brackets).
pub fn host_word(text: &str) -> Result<(), (usize, usize, &'static str)> {
    // An IPv6 address may name its link after a `%`.
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    if address.parse::<std::net::Ipv6Addr>().is_ok() && zone.is_none_or(|zone| machine_word(zone).is_ok()) {
        return Ok(());
    }
    machine_word(text)
}

/// A host and port in one spelling, so that it can be compared; addresses in their shortest form.
pub fn portal_word(text: &str, default_port: u16) -> Result<Portal, String> {
    let bare = match text.rsplit_once(':') {
        None => true,
        Some((before, _)) => text.ends_with(']') || before.contains(':') && !before.ends_with(']'),
    };
    let mut portal = text.parse::<Portal>().map_err(|error| {
        let error = error.to_string();
        error.rsplit_once(": ").map_or(error.clone(), |(_, why)| why.to_owned())
    })?;
    host_word(&portal.host).map_err(|(_, _, why)| format!("its host {why}"))?;
    if bare {
        portal.port = default_port;
    }
    if let Ok(address) = portal.host.parse::<std::net::IpAddr>() {
        portal.host = address.to_string();
    }
    Ok(portal)
}

fn none_of(text: Text, bad: &[char], problems: &mut Problems) -> Option<Text> {
    match text.char_indices().find(|(_, c)| bad.contains(c)) {
        Some((at, c)) => {
            problems.push(
                text.within(at..at + c.len_utf8())
                    .problem(format!("a name cannot hold `{c}`"), "paths of facts are written with it"),
            );
            None
        }
        None => Some(text),
    }
}

/// A path that is relative to the directory of the file.
pub fn path(text: &Text, directory: &Path, problems: &mut Problems) -> Option<PathBuf> {
    let text = filled(text.clone(), problems)?;
    Some(directory.join(text.as_str()))
}

/// Amounts with a unit.
pub mod amount {
    use crate::facts::{Bytes, UnitError, parse_duration, parse_size};
    use crate::source::{Problems, Text};

    /// Nanoseconds, more than none.
    pub fn duration(text: &Text, problems: &mut Problems) -> Option<u64> {
        positive(text, parse_duration(text), problems)
    }

    /// Bytes, more than none.
    pub fn size(text: &Text, problems: &mut Problems) -> Option<Bytes> {
        positive(text, parse_size(text), problems).map(Bytes)
    }

    fn positive(text: &Text, parsed: Result<i64, UnitError>, problems: &mut Problems) -> Option<u64> {
        match parsed.map(u64::try_from) {
            Ok(Ok(amount)) if amount > 0 => return Some(amount),
            Ok(_) => problems.push(text.problem(format!("`{text}` is not more than 0"), "more is wanted")),
            Err(error) => {
                problems
                    .push(text.problem(error.message, "an amount with a unit is wanted").help(error.help));
            }
        }
        None
    }
}

/// What must not be there twice.
pub struct Twice {
    what: &'static str,
    seen: HashMap<String, Span>,
}

impl Twice {
    /// For things that messages call so.
    pub fn new(what: &'static str) -> Self {
        Twice { what, seen: HashMap::new() }
    }

    /// Notes one, and reports it when it was there before.
    pub fn check(&mut self, key: String, span: &Span, problems: &mut Problems) -> bool {
        let Some(first) = self.seen.get(&key) else {
            self.seen.insert(key, span.clone());
            return true;
        };
        problems.push(
            span.problem(format!("there are two of the {} `{key}`", self.what), "given here again")
                .label(first, "given here first"),
        );
        false
    }
}
