//! What a bundle holds of one node: sections of an answer, each with the member that it comes from.

use super::outputs::{self, Place};
use super::secrets;
use crate::facts::GapReason;
use crate::probe::answer::{Answer, SECTION_BYTES, Section, Status, harmless, shorten};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Kind of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BundleKind {
    /// Of sos (sosreport).
    Sosreport,
    /// Of SUSE's supportutils.
    Supportconfig,
    /// Of crmsh (`crm report`), or of its forerunner hb_report.
    CrmReport,
    /// Of Pacemaker's own `crm_report`.
    PacemakerReport,
}

impl BundleKind {
    /// What messages call it.
    pub const fn words(self) -> &'static str {
        match self {
            BundleKind::Sosreport => "a sosreport",
            BundleKind::Supportconfig => "a supportconfig",
            BundleKind::CrmReport => "a crm report",
            BundleKind::PacemakerReport => "a crm_report of Pacemaker",
        }
    }
}

/// One output with its place among those that go to the same section.
#[derive(Clone, Debug)]
struct Piece {
    rank: usize,
    section: Section,
    origin: String,
}

/// What a bundle holds of one node.
#[derive(Clone, Debug)]
pub struct Material {
    /// Kind of the bundle.
    pub kind: BundleKind,
    /// The archive or folder, as it was named.
    pub file: String,
    /// The node's name, as the bundle has it.
    pub name: String,
    /// When the bundle was made.
    pub made: Option<Timestamp>,
    /// Why sections are not there, or not to be believed, where more is to be said than that the bundle has none.
    pub troubles: BTreeMap<&'static str, (GapReason, String)>,
    /// What is to be told to whoever handles the bundle.
    pub notes: Vec<String>,
    /// Why the bundle was not read to its end.
    pub broken: Option<String>,
    pieces: Vec<Piece>,
}

/// What an output says when it is none, in small letters, at the start of its first line or anywhere in it.
const ABSENT: &[&str] = &["command not found", "not found or not execut", "executable file not found"];
const FAILED: &[&str] = &[
    "cannot connect",
    "could not connect",
    "can't connect",
    "failed to connect",
    "connection to cluster failed",
    "connection refused",
    "cannot talk to daemon",
    "could not initialize",
    "cannot initialize",
    "failed to initialize",
    "not connected",
    "timed out",
    "permission denied",
    "no such file or directory",
    "is not running",
    "unrecognized option",
    "invalid option",
    "unknown option",
    "usage:",
];

/// What these say means that there is nothing to list.
const NOTHING: &[&str] = &["iscsiadm: no active sessions", "iscsiadm: no records found"];

/// Outputs with more lines than that are no error messages.
const MESSAGE_LINES: usize = 4;

/// How a command's output is to be taken, since bundles seldom tell how the command ended.
fn status_of(text: &str) -> Option<Status> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next()?.to_ascii_lowercase();
    if lines.nth(MESSAGE_LINES - 1).is_some() {
        return None;
    }
    if NOTHING.iter().any(|words| first.starts_with(words)) {
        return Some(Status::Exit(0));
    }
    let says = |list: &[&str]| list.iter().any(|words| first.contains(words));
    if says(ABSENT) {
        return Some(Status::Exit(127));
    }
    (says(FAILED) || first.starts_with("error: ") || first.starts_with("iscsiadm: "))
        .then_some(Status::Exit(1))
}

/// How an output is handed over.
#[derive(Clone, Debug, Default)]
pub struct Handed {
    /// The bytes.
    pub output: Vec<u8>,
    /// Whether they are cut.
    pub truncated: bool,
    /// What it ended with, where the bundle tells.
    pub exit: Option<i32>,
    /// Whether the bundle says that the file is not there.
    pub absent: bool,
    /// Whether it is there and could not be read here.
    pub denied: bool,
    /// Whether it is the text of a file, which is never an error message.
    pub is_file: bool,
}

impl Handed {
    /// The text of a file.
    pub fn file(text: impl Into<Vec<u8>>) -> Self {
        Handed { output: text.into(), is_file: true, ..Handed::default() }
    }

    /// The output of a command.
    pub fn command(text: impl Into<Vec<u8>>) -> Self {
        Handed { output: text.into(), ..Handed::default() }
    }
}

impl Material {
    /// Nothing yet of a node.
    pub fn new(kind: BundleKind, file: &str, name: String) -> Self {
        Material {
            kind,
            file: file.to_owned(),
            name,
            made: None,
            troubles: BTreeMap::new(),
            notes: Vec::new(),
            broken: None,
            pieces: Vec::new(),
        }
    }

    /// Adds an output; `origin` is the member it comes from.
    pub fn add(&mut self, place: Place, origin: &str, handed: Handed) {
        let Handed { mut output, mut truncated, exit, absent, denied, is_file } = handed;
        let mut status = match exit {
            _ if absent => Status::Absent,
            _ if denied => Status::Denied,
            Some(code) => Status::Exit(code),
            None => Status::Exit(0),
        };
        let mut errors = String::new();
        if !is_file && status == Status::Exit(0) {
            let text = harmless(String::from_utf8_lossy(&output)).into_owned();
            if let Some(found) = status_of(&text) {
                status = found;
                // What says that there is nothing to list stays: an empty output would not say so.
                if found != Status::Exit(0) {
                    errors = shorten(text.trim(), 400);
                }
            }
        }
        for what in secrets::cut(place.section, &mut output) {
            let note = format!("the bundle holds {what} ({origin}): treat it as a secret");
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        truncated |= output.len() > SECTION_BYTES;
        output.truncate(SECTION_BYTES);
        let section =
            Section { name: place.section.to_owned(), item: place.item, status, output, errors, truncated };
        self.pieces.push(Piece { rank: place.rank, section, origin: origin.to_owned() });
    }

    /// Adds an output that goes to a section without item.
    pub fn add_to(&mut self, section: &'static str, origin: &str, handed: Handed) {
        self.add(Place { section, item: String::new(), rank: 0 }, origin, handed);
    }

    /// Adds what a command or file said, where something here can use it.
    pub fn add_asked(&mut self, asked: &str, origin: &str, handed: Handed) {
        if let Some(place) = outputs::of(asked) {
            self.add(place, origin, handed);
        }
    }

    /// Whether a section is there.
    pub fn has(&self, section: &str) -> bool {
        self.pieces.iter().any(|piece| piece.section.name == section)
    }

    /// The text of the best piece of a section.
    pub fn text(&self, section: &str) -> Option<String> {
        let of_section =
            self.pieces.iter().filter(|piece| piece.section.name == section && piece.section.is_whole());
        of_section.min_by_key(|piece| piece.rank).map(|piece| piece.section.text().into_owned())
    }

    /// Sections out of a folder of the same bundle whose outputs are not to be believed, since what gathered them was
    /// stopped.
    pub fn distrust_folder(&mut self, folder: &str, reason: GapReason, why: &str) {
        let troubles = &mut self.troubles;
        self.pieces.retain(|piece| {
            let out = piece.origin.contains(folder);
            if out && let Some(collector) = collector_of(&piece.section.name) {
                troubles.entry(collector).or_insert((reason, why.to_owned()));
            }
            !out
        });
    }

    /// Takes over what another material of the same bundle holds of this node and this one does not.
    pub fn join(&mut self, other: Material) {
        let had: Vec<String> = self.pieces.iter().map(|piece| piece.section.name.clone()).collect();
        self.pieces.extend(other.pieces.into_iter().filter(|piece| !had.contains(&piece.section.name)));
        for (section, trouble) in other.troubles {
            if !self.has(section) {
                self.troubles.entry(section).or_insert(trouble);
            }
        }
        self.notes.extend(other.notes);
    }

    /// Says that nothing of a section is to be believed, and why.
    pub fn distrust(&mut self, section: &'static str, reason: GapReason, why: String) {
        self.pieces.retain(|piece| piece.section.name != section);
        self.troubles.insert(section, (reason, why));
    }

    /// A configuration of DRBD that includes files which the bundle does not hold tells nothing of its resources.
    pub fn doubt_parts(&mut self) {
        let parts: Vec<&Piece> =
            self.pieces.iter().filter(|piece| piece.section.name == "drbd-conf").collect();
        let includes = parts.iter().any(|piece| piece.section.text().contains("include"));
        if includes && parts.iter().all(|piece| piece.section.item.is_empty()) {
            let why = "the bundle holds drbd.conf and none of the files that it includes";
            self.distrust("drbd-conf", GapReason::NotCollected, why.to_owned());
        }
    }

    /// The answer, and for each section the members that it comes from.
    pub fn answer(mut self) -> (Answer, BTreeMap<String, Vec<String>>) {
        self.pieces.sort_by_key(|piece| piece.rank);
        let mut origins: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut sections = Vec::with_capacity(self.pieces.len());
        for piece in self.pieces {
            let known = origins.entry(piece.section.name.clone()).or_default();
            if !known.contains(&piece.origin) {
                known.push(piece.origin);
            }
            sections.push(piece.section);
        }
        (Answer { sections, greeted: true, finished: true, ..Answer::default() }, origins)
    }
}

/// The name of a section as the list of collectors has it.
fn collector_of(section: &str) -> Option<&'static str> {
    crate::probe::collectors::all().map(|one| one.section).find(|name| *name == section)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> Status {
        let mut material = Material::new(BundleKind::Sosreport, "x.tar", "a".into());
        material.add_asked("multipath -ll", "m", Handed::command(text));
        material.answer().0.sections[0].status
    }

    #[test]
    fn error_messages_are_no_data() {
        assert_eq!(status("sh: multipath: command not found\n"), Status::Exit(127));
        assert_eq!(status("ERROR: Command not found or not executible\n"), Status::Exit(127));
        assert_eq!(
            status("Could not connect to the CIB: Transport endpoint is not connected\n"),
            Status::Exit(1)
        );
        assert_eq!(status("mpatha (3600a) dm-2 X,Y\nsize=1G\n`- a\n |- b\n |- timed out\n"), Status::Exit(0));
        assert_eq!(status(""), Status::Exit(0));
    }

    #[test]
    fn no_sessions_are_known_to_be_none() {
        let mut material = Material::new(BundleKind::Sosreport, "x.tar", "a".into());
        material.add_asked(
            "iscsiadm -m session -P 3",
            "m",
            Handed::command("iscsiadm: No active sessions.\n"),
        );
        let section = &material.answer().0.sections[0];
        assert_eq!(section.status, Status::Exit(0));
        assert!(section.text().contains("No active sessions"), "what says so is kept");
    }

    #[test]
    fn files_are_taken_as_they_are() {
        let mut material = Material::new(BundleKind::Supportconfig, "x.tar", "a".into());
        material.add_asked("/etc/hosts", "network.txt", Handed::file("10.0.0.1 command not found\n"));
        assert_eq!(material.text("hosts").as_deref(), Some("10.0.0.1 command not found\n"));
    }
}
