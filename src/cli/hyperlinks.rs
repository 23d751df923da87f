//! Links in the text of a table (OSC 8): from a rule to where it is written, from a line of a plan to that file.
//!
//! They are put around words that the report itself wrote, after the text was laid out; what a host said never becomes the address
//! of a link. A word that is folded over two lines stays a word.

use crate::report::{Report, is_hostile, percent_encoded};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

/// Heads of the lines that name a rule, and a line of a file.
const HEADS: [&str; 2] = ["Rule: ", "At: "];

/// What stands as it is in the path of an address.
const KEPT: &[u8] = b"/:";

/// The text with links.
pub(super) fn linked(text: &str, report: &Report) -> String {
    let targets = targets(report, &host());
    let mut out = String::with_capacity(text.len() + 128);
    for line in text.split_inclusive('\n') {
        let found = HEADS.iter().find_map(|head| {
            let at = line.find(head)? + head.len();
            let word = line[at..].trim_end();
            Some((at, word, targets.get(word)?))
        });
        match found {
            Some((at, word, target)) => {
                let (before, after) = (&line[..at], &line[at + word.len()..]);
                let _ = write!(out, "{before}\u{1b}]8;;{target}\u{1b}\\{word}\u{1b}]8;;\u{1b}\\{after}");
            }
            None => out.push_str(line),
        }
    }
    out
}

/// What a word leads to: the name of a rule, or `FILE:LINE`. Only files that are there are led to.
fn targets(report: &Report, host: &str) -> HashMap<String, String> {
    let mut out = HashMap::new();
    let mut known: HashMap<&str, Option<String>> = HashMap::new();
    for finding in &report.findings {
        for (at, rule) in [(&finding.declared_at, None), (&finding.rule_at, Some(&finding.rule))] {
            let Some(at) = at else { continue };
            // A rule that is part of the program is no file here, unless its page is public.
            let shipped = rule.filter(|_| at.file.starts_with("rules/") && !Path::new(&at.file).is_file());
            let address = match shipped {
                Some(rule) => page(env!("CARGO_PKG_REPOSITORY"), rule),
                None => known.entry(&at.file).or_insert_with(|| file_address(&at.file, host)).clone(),
            };
            let word = rule.map_or_else(|| format!("{}:{}", at.file, at.line), Clone::clone);
            if let Some(address) = address {
                out.insert(word, address);
            }
        }
    }
    out
}

/// The page of a rule in the public repository; none where there is no such repository.
fn page(repository: &str, rule: &str) -> Option<String> {
    let version = env!("CARGO_PKG_VERSION");
    (!repository.is_empty()).then(|| {
        format!(
            "{repository}/blob/v{version}/docs/rules/{}.md",
            percent_encoded(&rule.replace('/', "-"), KEPT)
        )
    })
}

/// A file as an address, with the name of this machine, so that a terminal at the other end of a connection does not open a file
/// of its own (RFC 8089).
fn file_address(file: &str, host: &str) -> Option<String> {
    let path = Path::new(file).canonicalize().ok().filter(|path| path.is_file())?;
    let path = path.to_str()?.replace('\\', "/");
    let path = path.trim_start_matches("//?/");
    let root = if path.starts_with('/') { "" } else { "/" };
    Some(format!("file://{host}{root}{}", percent_encoded(path, KEPT)))
}

#[cfg(unix)]
fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.contains(|c: char| is_hostile(c) || !(c.is_ascii_alphanumeric() || c == '-' || c == '.')) {
        return String::new();
    }
    name
}

#[cfg(not(unix))]
fn host() -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_nothing_but_addresses() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("a b\u{1b};ü.toml");
        std::fs::write(&file, "").expect("written");
        let address = file_address(file.to_str().expect("text"), "here").expect("it is there");
        assert!(
            address.starts_with("file://here/") && address.ends_with("/a%20b%1B%3B%C3%BC.toml"),
            "{address}"
        );
        assert_eq!(file_address("absent.toml", "here"), None);
        assert_eq!(file_address("/", "here"), None, "a folder is no file");
    }

    #[test]
    fn a_rule_leads_to_its_page_where_there_is_one() {
        let page = |repository| page(repository, "network/redundant-paths");
        assert_eq!(page(""), None);
        let address = page("https://example.org/quorate").expect("there is a repository");
        assert!(address.ends_with("/docs/rules/network-redundant-paths.md"), "{address}");
    }
}
