//! What is kept of a bundle while it is read: the members that something here can use, under names that cannot leave the
//! bundle, and links that lead from one to another.
//!
//! Names are made plain: without `.` and empty parts, without control characters. A name with `..`, an absolute one, a
//! device or pipe, and a link that leads outside are refused and told. Everything kept is bounded.

use super::blocks::{Block, Splitter};
use super::wanted::{Keep, wanted};
use crate::probe::answer::{SECTION_BYTES, harmless, shorten};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

/// Most members that are kept of one bundle.
const KEPT_MEMBERS: usize = 20_000;

/// Most bytes that are kept of one bundle.
const KEPT_BYTES: usize = 32 << 20;

/// Longest name of a member, in bytes.
const NAME_BYTES: usize = 4096;

/// Most links from one to the next that are followed.
const MOST_LINKS: usize = 16;

/// Most names that are kept for messages.
const NAMES: usize = 12;

/// Most places that are looked at for a sosreport's folders.
const MOST_ROOTS: usize = 256;

/// Kind of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, with where it leads as written.
    Link(String),
    /// The same file as another member (a hard link), with that member's name as written.
    Same(String),
    /// A device, a pipe, a socket.
    Device,
}

/// What is kept of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Its text, up to a bound.
    Text(Vec<u8>),
    /// Only what tells it from another: it is a key.
    Digest {
        /// SHA-256 in hexadecimal.
        sha256: String,
        /// Its size.
        bytes: u64,
    },
    /// The wanted parts of a file that holds many outputs.
    Blocks(Vec<Block>),
    /// It is there and may not be read.
    Unreadable,
}

/// A member that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// What is kept of it.
    pub held: Held,
    /// Whether it is longer than what is kept.
    pub truncated: bool,
}

impl Member {
    /// Its text; `None` where it is none.
    pub fn text(&self) -> Option<&[u8]> {
        match &self.held {
            Held::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What is kept of a bundle.
#[derive(Debug, Default)]
pub struct Tree {
    members: BTreeMap<String, Member>,
    links: BTreeMap<String, String>,
    roots: BTreeSet<String>,
    kept_bytes: usize,
    /// Whether a wanted member had no room.
    pub overfull: bool,
    /// Names at the top, and one level below where there is only one: for messages.
    top: BTreeSet<String>,
    below: BTreeSet<String>,
    /// Members that were refused: the first of them, with why.
    pub refused: Vec<String>,
    /// How many were refused.
    pub refusals: usize,
    /// Latest time of a file, in seconds since 1970.
    pub newest: Option<i64>,
}

/// A name without `.` and empty parts, or why it is refused.
fn plain(name: &str) -> Result<String, &'static str> {
    if name.len() > NAME_BYTES {
        return Err("its name is too long");
    }
    if name.starts_with('/') {
        return Err("its name is absolute");
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err("its name leads out of the bundle"),
            part => parts.push(part),
        }
    }
    Ok(harmless(parts.join("/").replace(['\n', '\t'], "\u{fffd}").into()).into_owned())
}

/// Where a link of a member leads inside the bundle, or why it is refused.
fn target(member: &str, to: &str) -> Result<String, &'static str> {
    if to.starts_with('/') {
        return Err("it is a link to an absolute path");
    }
    let mut parts: Vec<&str> = member.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return Err("it is a link out of the bundle"),
            ".." => {}
            part => parts.push(part),
        }
    }
    plain(&parts.join("/"))
}

impl Tree {
    /// Whether the content of a member of that name is of use.
    pub fn wants(&self, name: &str) -> bool {
        plain(name).is_ok_and(|name| wanted(&name).is_some())
    }

    /// Takes in a member; reads of `data` what is of use.
    ///
    /// # Errors
    /// What reading gives.
    pub fn add(&mut self, name: &str, kind: Kind, time: Option<i64>, data: &mut dyn Read) -> io::Result<()> {
        let name = match plain(name) {
            Ok(name) if name.is_empty() => return Ok(()),
            Ok(name) => name,
            Err(why) => {
                self.refuse(name, why);
                return Ok(());
            }
        };
        self.see(&name);
        let keep = wanted(&name);
        match kind {
            Kind::Folder => {}
            Kind::Device => self.refuse(&name, "it is a device or pipe"),
            Kind::Link(to) => match target(&name, &to) {
                Ok(to) if keep.is_some() && self.links.len() < KEPT_MEMBERS => {
                    self.links.insert(name, to);
                }
                Ok(_) => {}
                // A system is full of links to absolute paths; those that nobody wants are nobody's concern.
                Err(why) if keep.is_some() || why.contains("out of the bundle") => self.refuse(&name, why),
                Err(_) => {}
            },
            Kind::Same(to) => match plain(&to) {
                Ok(to) if keep.is_some() && self.links.len() < KEPT_MEMBERS => {
                    self.links.insert(name, to);
                }
                Ok(_) => {}
                Err(why) => self.refuse(&name, why),
            },
            Kind::File => {
                self.newest = self.newest.max(time);
                if let Some(keep) = keep {
                    self.keep(name, keep, data)?;
                }
            }
        }
        Ok(())
    }

    /// Takes in a file that may not be read.
    pub fn add_unreadable(&mut self, name: &str) {
        if let Ok(name) = plain(name) {
            self.members.insert(name, Member { held: Held::Unreadable, truncated: false });
        }
    }

    fn keep(&mut self, name: String, keep: Keep, data: &mut dyn Read) -> io::Result<()> {
        if self.members.len() >= KEPT_MEMBERS {
            self.overfull = true;
            return Ok(());
        }
        let room = KEPT_BYTES.saturating_sub(self.kept_bytes).min(SECTION_BYTES);
        let mut read = Ok(());
        let member = match keep {
            Keep::Text => {
                let mut text = Vec::new();
                read = data.take(room as u64 + 1).read_to_end(&mut text).map(drop);
                let truncated = text.len() > room || read.is_err();
                text.truncate(room);
                text.shrink_to_fit();
                self.kept_bytes += text.len();
                self.overfull |= truncated && room < SECTION_BYTES;
                Member { held: Held::Text(text), truncated }
            }
            Keep::Digest => {
                let mut hash = Sha256::new();
                let mut buffer = vec![0; 4096];
                let mut bytes = 0;
                loop {
                    let count = data.read(&mut buffer)?;
                    if count == 0 {
                        break;
                    }
                    hash.update(&buffer[..count]);
                    bytes += count as u64;
                }
                Member {
                    held: Held::Digest { sha256: hex::encode(hash.finalize()), bytes },
                    truncated: false,
                }
            }
            Keep::Blocks => {
                let mut splitter = Splitter::new(&name, KEPT_BYTES.saturating_sub(self.kept_bytes));
                let mut buffer = vec![0; 1 << 16];
                loop {
                    match data.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(count) => splitter.feed(&buffer[..count]),
                        Err(error) => {
                            read = Err(error);
                            break;
                        }
                    }
                }
                let (blocks, bytes) = splitter.finish(read.is_ok());
                self.kept_bytes += bytes;
                self.overfull |= self.kept_bytes >= KEPT_BYTES;
                Member { held: Held::Blocks(blocks), truncated: read.is_err() }
            }
        };
        // Of two members of one name the later one counts, as it does when an archive is unpacked.
        self.links.remove(&name);
        self.members.insert(name, member);
        read
    }

    fn refuse(&mut self, name: &str, why: &str) {
        self.refusals += 1;
        if self.refused.len() < NAMES {
            let name = harmless(name.replace(['\n', '\t'], "\u{fffd}").into()).into_owned();
            self.refused.push(format!("{}: {why}", shorten(&name, 120)));
        }
    }

    /// Notes where a member stands, for layouts and messages.
    fn see(&mut self, name: &str) {
        let mut parts = name.split('/');
        let first = parts.next().unwrap_or_default();
        if self.top.len() < NAMES && !self.top.contains(first) {
            self.top.insert(first.to_owned());
        }
        if let Some(second) = parts.next()
            && self.top.len() == 1
            && self.below.len() < NAMES
            && !self.below.contains(second)
        {
            self.below.insert(second.to_owned());
        }
        // Most members stand inside a folder that is known already.
        if let Some(at) = name.find("sos_commands/").filter(|at| *at == 0 || name.as_bytes()[at - 1] == b'/')
            && self.roots.len() < MOST_ROOTS
            && !self.roots.contains(&name[..at])
        {
            self.roots.insert(name[..at].to_owned());
        }
    }

    /// What stands at the top, for messages.
    pub fn top(&self) -> Vec<String> {
        match self.top.first() {
            Some(only) if self.top.len() == 1 && !self.below.is_empty() => {
                self.below.iter().map(|name| format!("{only}/{name}")).collect()
            }
            _ => self.top.iter().cloned().collect(),
        }
    }

    /// Folders that hold a folder `sos_commands`, each with `/` at its end, or empty for the top.
    pub fn sos_roots(&self) -> impl Iterator<Item = &str> {
        self.roots.iter().map(String::as_str)
    }

    /// The member of that name, or where its links lead, with the name of the member itself.
    pub fn get(&self, name: &str) -> Option<(&str, &Member)> {
        let mut at = name;
        for _ in 0..MOST_LINKS {
            if let Some((name, member)) = self.members.get_key_value(at) {
                return Some((name, member));
            }
            at = self.links.get(at)?;
        }
        None
    }

    /// The text of a member.
    pub fn text(&self, name: &str) -> Option<String> {
        let text = self.get(name)?.1.text()?;
        Some(harmless(String::from_utf8_lossy(text)).into_owned())
    }

    /// Whether a member of that name is a link, and where it leads.
    pub fn link(&self, name: &str) -> Option<&str> {
        self.links.get(name).map(String::as_str)
    }

    /// Names of all members and links that begin so, in order.
    pub fn names<'a>(&'a self, begin: &'a str) -> impl Iterator<Item = &'a str> {
        let members = self.members.range(begin.to_owned()..).map(|(name, _)| name.as_str());
        let links = self.links.range(begin.to_owned()..).map(|(name, _)| name.as_str());
        members
            .take_while(move |name| name.starts_with(begin))
            .chain(links.take_while(move |name| name.starts_with(begin)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(tree: &mut Tree, name: &str, kind: Kind, text: &str) {
        tree.add(name, kind, Some(1), &mut text.as_bytes()).unwrap();
    }

    #[test]
    fn names_stay_inside() {
        assert_eq!(plain("./a//b/"), Ok("a/b".to_owned()));
        for bad in ["/etc/passwd", "../x", "a/../../x", "a/.."] {
            assert!(plain(bad).is_err(), "{bad}");
        }
        assert_eq!(target("r/a/corosync.conf", "../corosync.conf"), Ok("r/corosync.conf".to_owned()));
        assert!(target("r/a/corosync.conf", "../../../x").is_err());
        assert!(target("r/a", "/etc/corosync/corosync.conf").is_err());
        assert!(!plain("a\u{1b}[31m\n").unwrap().contains(char::is_control));
    }

    #[test]
    fn links_are_followed_inside_and_loops_end() {
        let mut tree = Tree::default();
        add(&mut tree, "r/corosync.conf", Kind::File, "totem {}");
        add(&mut tree, "r/b/corosync.conf", Kind::Link("../corosync.conf".into()), "");
        add(&mut tree, "r/c/corosync.conf", Kind::Link("corosync.conf".into()), "");
        add(&mut tree, "r/d/cib.xml", Kind::Link("../e/cib.xml".into()), "");
        add(&mut tree, "r/e/cib.xml", Kind::Link("../d/cib.xml".into()), "");
        add(&mut tree, "r/f/cib.xml", Kind::Link("/etc/shadow".into()), "");
        add(&mut tree, "r/g/cib.xml", Kind::Same("../../etc/shadow".into()), "");
        add(&mut tree, "r/h/cib.xml", Kind::Device, "");
        assert_eq!(tree.get("r/b/corosync.conf").map(|(name, _)| name), Some("r/corosync.conf"));
        for name in ["r/c/corosync.conf", "r/d/cib.xml", "r/f/cib.xml", "r/g/cib.xml", "r/h/cib.xml"] {
            assert_eq!(tree.get(name), None, "{name}");
        }
        assert_eq!(tree.refusals, 3, "{:?}", tree.refused);
    }

    #[test]
    fn what_is_not_wanted_is_not_kept() {
        let mut tree = Tree::default();
        add(&mut tree, "r/sos_commands/x/y", Kind::File, "text");
        add(&mut tree, "r/var/log/messages", Kind::File, "text");
        add(&mut tree, "r/etc/corosync/authkey", Kind::File, "secret");
        assert_eq!(tree.sos_roots().collect::<Vec<_>>(), ["r/"]);
        assert!(tree.get("r/var/log/messages").is_none());
        let (_, key) = tree.get("r/etc/corosync/authkey").unwrap();
        assert!(matches!(&key.held, Held::Digest { bytes: 6, .. }), "{key:?}");
        assert!(!format!("{tree:?}").contains("secret"));
    }

    #[test]
    fn what_is_too_long_is_cut_and_told() {
        let mut tree = Tree::default();
        let long = "a".repeat(SECTION_BYTES + 9);
        add(&mut tree, "r/corosync.conf", Kind::File, &long);
        let (_, member) = tree.get("r/corosync.conf").unwrap();
        assert!(member.truncated && member.text().is_some_and(|text| text.len() == SECTION_BYTES));
        for at in 0..9 {
            add(&mut tree, &format!("r/n{at}/cib.xml"), Kind::File, &long);
        }
        assert!(tree.overfull && tree.kept_bytes <= KEPT_BYTES);
    }
}
