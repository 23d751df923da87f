//! The answer of a host: named outputs of commands, read under limits and made harmless.
//!
//! A live host and a support bundle have the same shape here, so one set of parsers serves both. What a host says is
//! hostile input: each section and the whole are bounded, a line of output is never taken for a frame unless it
//! bears the random mark of this very run, and text is handed out without control characters.

use crate::facts::GapReason;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

/// Most bytes that are kept of one section. A `lsblk -J -O` of a thousand paths takes about 2 MB.
pub const SECTION_BYTES: usize = 4 << 20;

/// Most bytes that one host may send; it is cut off beyond.
pub const ANSWER_BYTES: usize = 16 << 20;

/// Most sections of one answer.
const SECTIONS: usize = 4096;

/// Most bytes that are kept of what stands on standard error in one section, and before the first.
const ERROR_BYTES: usize = 4096;

/// How a section ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its command ended with this status.
    Exit(i32),
    /// The file is not there.
    Absent,
    /// The file may not be read by the account that asked.
    Denied,
    /// It does not apply here; its output says why.
    Skipped,
    /// The answer broke off inside it, or before it.
    Unfinished,
}

/// The output of one command, or the text of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Name of the section, as in the list of collectors.
    pub name: String,
    /// What it is about where there are several of a name: an interface, a host name; else empty.
    pub item: String,
    /// How it ended.
    pub status: Status,
    /// What it said on standard output.
    pub output: Vec<u8>,
    /// What it said on standard error, made harmless.
    pub errors: String,
    /// Whether more was said than is kept.
    pub truncated: bool,
}

impl Section {
    /// The output as text: invalid UTF-8, control characters and characters that turn the direction of text replaced
    /// by U+FFFD, line ends as `\n`.
    pub fn text(&self) -> Cow<'_, str> {
        harmless(String::from_utf8_lossy(&self.output))
    }

    /// The output as JSON text in which escapes of control characters are made harmless too.
    pub fn json(&self) -> String {
        harmless_json(&self.text())
    }

    /// Whether the output can be parsed: the command succeeded and all of it is here.
    pub fn is_whole(&self) -> bool {
        self.status == Status::Exit(0) && !self.truncated
    }

    /// The first line of what it said on standard error, else of its output; empty if it said nothing.
    pub fn first_words(&self) -> String {
        let text = self.text();
        let line = self.errors.lines().chain(text.lines()).map(str::trim).find(|line| !line.is_empty());
        shorten(line.unwrap_or_default(), 200)
    }

    /// Why it tells nothing, or `None` if it succeeded. `privileged` is whether the account that asked was root,
    /// where that is known; `needs_root` is whether the command needs it.
    pub fn trouble(&self, privileged: Option<bool>, needs_root: bool) -> Option<(GapReason, String)> {
        let said = self.first_words();
        let with = |head: String| if said.is_empty() { head } else { format!("{head}: {said}") };
        let refused = {
            let errors = self.errors.to_ascii_lowercase();
            ["permission denied", "not permitted", "be root", "root privilege", "superuser", "access denied"]
                .iter()
                .any(|words| errors.contains(words))
        };
        match self.status {
            Status::Exit(0) if self.truncated => {
                Some((GapReason::CommandFailed, format!("its answer is larger than {SECTION_BYTES} bytes")))
            }
            Status::Exit(0) => None,
            Status::Exit(127) => Some((GapReason::CommandAbsent, with("not installed".to_owned()))),
            Status::Exit(126) => Some((GapReason::CommandFailed, with("cannot be executed".to_owned()))),
            // `timeout` ends with 124, and with 137 where it had to kill.
            Status::Exit(124 | 137) => {
                Some((GapReason::TimedOut, "the command gave no answer within its time".to_owned()))
            }
            Status::Exit(status) => Some(if privileged != Some(true) && (needs_root || refused) {
                (GapReason::PermissionDenied, with("needs root".to_owned()))
            } else {
                (GapReason::CommandFailed, with(format!("exit status {status}")))
            }),
            Status::Absent => Some((GapReason::NotSupported, "there is no such file".to_owned())),
            Status::Denied => Some((GapReason::PermissionDenied, with("needs root".to_owned()))),
            Status::Skipped => Some((GapReason::NotSupported, said)),
            Status::Unfinished => {
                Some((GapReason::CommandFailed, "the answer broke off before it was complete".to_owned()))
            }
        }
    }
}

/// The answer of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Its sections in order.
    pub sections: Vec<Section>,
    /// Whether the script ran at all.
    pub greeted: bool,
    /// Whether the script came to its end.
    pub finished: bool,
    /// What stood on standard error before the script spoke: messages of `ssh`, made harmless and bounded.
    pub complaint: String,
    /// What stood on standard output before the script spoke: banners of login files, made harmless and bounded.
    pub noise: String,
}

impl Answer {
    /// An answer made of outputs that were kept elsewhere, as a support bundle keeps them: name, item, output. The
    /// commands are taken to have succeeded.
    pub fn of_outputs(outputs: impl IntoIterator<Item = (String, String, Vec<u8>)>) -> Self {
        let sections = outputs.into_iter().map(|(name, item, mut output)| {
            let truncated = output.len() > SECTION_BYTES;
            output.truncate(SECTION_BYTES);
            Section { name, item, status: Status::Exit(0), output, errors: String::new(), truncated }
        });
        Answer { sections: sections.collect(), greeted: true, finished: true, ..Answer::default() }
    }

    /// The section of that name: the first that succeeded, else the last; `None` if there is none.
    pub fn section(&self, name: &str) -> Option<&Section> {
        let named = || self.sections.iter().filter(|section| section.name == name);
        named().find(|section| section.status == Status::Exit(0)).or_else(|| named().next_back())
    }

    /// All sections of that name, in order.
    pub fn items<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Section> {
        self.sections.iter().filter(move |section| section.name == name)
    }

    /// The text of the section of that name if its command succeeded and all of it is here.
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.section(name).filter(|section| section.is_whole()).map(Section::text)
    }

    /// The text of the section of that name as far as it goes, whatever the status of its command: for commands that
    /// fail when one thing of many is not there.
    pub fn any_text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.section(name)
            .filter(|section| matches!(section.status, Status::Exit(_)) && !section.output.is_empty())
            .map(Section::text)
    }

    /// Whether the section of that name says that its file is not there.
    pub fn is_absent(&self, name: &str) -> bool {
        self.section(name).is_some_and(|section| section.status == Status::Absent)
    }
}

/// A host sent more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the host sent more than {} MiB; it was cut off", ANSWER_BYTES >> 20)]
pub struct Flood;

/// Reads an answer piece by piece, as it comes over two streams.
#[derive(Debug)]
pub struct Reader {
    mark: Vec<u8>,
    answer: Answer,
    received: usize,
    out: Lines,
    err: Lines,
    open: Option<usize>,
    errors: Vec<(String, String, Vec<u8>)>,
    noise: Vec<u8>,
    complaint: Vec<u8>,
}

/// The line of a stream that is not complete yet.
#[derive(Debug, Default)]
struct Lines {
    pending: Vec<u8>,
    /// Whether the start of this line has been handed on because it grew too long to be a frame.
    handed_on: bool,
}

/// No frame is longer.
const FRAME_BYTES: usize = 1024;

impl Lines {
    /// Hands each piece to `take`: whether it starts a line, and its bytes. A line that could be a frame comes whole.
    fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(bool, &[u8])) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.pending.is_empty() {
                take(!self.handed_on, line);
            } else {
                self.pending.extend_from_slice(line);
                take(!self.handed_on, &self.pending);
                self.pending.clear();
            }
            self.handed_on = false;
        }
        self.pending.extend_from_slice(bytes);
        if self.pending.len() > FRAME_BYTES {
            take(!self.handed_on, &self.pending);
            self.pending.clear();
            self.handed_on = true;
        }
    }

    fn flush(&mut self, mut take: impl FnMut(bool, &[u8])) {
        if !self.pending.is_empty() {
            take(!self.handed_on, &self.pending);
            self.pending.clear();
        }
    }
}

impl Reader {
    /// A reader of the answer whose frames bear `nonce`.
    pub fn new(nonce: &str) -> Self {
        Reader {
            mark: format!("#{nonce} ").into_bytes(),
            answer: Answer::default(),
            received: 0,
            out: Lines::default(),
            err: Lines::default(),
            open: None,
            errors: Vec::new(),
            noise: Vec::new(),
            complaint: Vec::new(),
        }
    }

    /// Takes in what came on standard output.
    ///
    /// # Errors
    /// [`Flood`] when the host has sent more than it may; what came before stands.
    pub fn output(&mut self, bytes: &[u8]) -> Result<(), Flood> {
        self.account(bytes.len())?;
        let mut lines = std::mem::take(&mut self.out);
        lines.feed(bytes, |starts, line| self.take_output(starts, line));
        self.out = lines;
        if self.answer.sections.len() > SECTIONS { Err(Flood) } else { Ok(()) }
    }

    /// Takes in what came on standard error.
    ///
    /// # Errors
    /// As [`Reader::output`].
    pub fn errors(&mut self, bytes: &[u8]) -> Result<(), Flood> {
        self.account(bytes.len())?;
        let mut lines = std::mem::take(&mut self.err);
        lines.feed(bytes, |starts, line| self.take_error(starts, line));
        self.err = lines;
        if self.errors.len() > SECTIONS { Err(Flood) } else { Ok(()) }
    }

    /// Whether the script has spoken, and so waits for a line on its standard input.
    pub fn greeted(&self) -> bool {
        self.answer.greeted
    }

    /// Whether the script has come to its end.
    pub fn finished(&self) -> bool {
        self.answer.finished
    }

    /// Whether the section of that name is complete.
    pub fn has(&self, name: &str) -> bool {
        let ended = |section: &Section| section.name == name && section.status != Status::Unfinished;
        self.answer.sections.iter().any(ended)
    }

    /// How many sections are complete.
    pub fn sections(&self) -> usize {
        self.answer.sections.len() - usize::from(self.open.is_some())
    }

    /// The answer as far as it came.
    pub fn finish(mut self) -> Answer {
        let mut lines = std::mem::take(&mut self.out);
        lines.flush(|starts, line| self.take_output(starts, line));
        let mut lines = std::mem::take(&mut self.err);
        lines.flush(|starts, line| self.take_error(starts, line));
        // Where a section comes twice under one name, its messages do so in the same order.
        let mut errors = HashMap::<(String, String), VecDeque<Vec<u8>>>::new();
        for (name, item, text) in std::mem::take(&mut self.errors) {
            errors.entry((name, item)).or_default().push_back(text);
        }
        for section in &mut self.answer.sections {
            let key = (section.name.clone(), section.item.clone());
            if let Some(text) = errors.get_mut(&key).and_then(VecDeque::pop_front) {
                harmless(String::from_utf8_lossy(&text)).trim().clone_into(&mut section.errors);
            }
        }
        harmless(String::from_utf8_lossy(&self.noise)).trim().clone_into(&mut self.answer.noise);
        harmless(String::from_utf8_lossy(&self.complaint)).trim().clone_into(&mut self.answer.complaint);
        self.answer
    }

    fn account(&mut self, bytes: usize) -> Result<(), Flood> {
        self.received = self.received.saturating_add(bytes);
        if self.received > ANSWER_BYTES { Err(Flood) } else { Ok(()) }
    }

    fn frame<'a>(&self, starts: bool, line: &'a [u8]) -> Option<Cow<'a, str>> {
        let words =
            line.strip_prefix(self.mark.as_slice()).filter(|_| starts && line.len() <= FRAME_BYTES)?;
        Some(harmless(String::from_utf8_lossy(words)))
    }

    fn take_output(&mut self, starts: bool, line: &[u8]) {
        if let Some(frame) = self.frame(starts, line) {
            let mut words = frame.split_ascii_whitespace();
            match (words.next(), words.next()) {
                (Some("hello"), _) => self.answer.greeted = true,
                (Some("bye"), _) => self.answer.finished = true,
                (Some("b"), Some(name)) => {
                    self.close(Status::Unfinished);
                    self.open = Some(self.answer.sections.len());
                    self.answer.sections.push(Section {
                        name: name.to_owned(),
                        item: words.next().unwrap_or_default().to_owned(),
                        status: Status::Unfinished,
                        output: Vec::new(),
                        errors: String::new(),
                        truncated: false,
                    });
                }
                (Some("e"), status) => self.close(match status {
                    Some("absent") => Status::Absent,
                    Some("denied") => Status::Denied,
                    Some("skipped") => Status::Skipped,
                    Some(number) => number.parse().map_or(Status::Unfinished, Status::Exit),
                    None => Status::Unfinished,
                }),
                _ => {}
            }
        } else if let Some(section) = self.open.and_then(|at| self.answer.sections.get_mut(at)) {
            let room = SECTION_BYTES.saturating_sub(section.output.len());
            section.truncated |= line.len() > room;
            section.output.extend_from_slice(&line[..line.len().min(room)]);
        } else if !self.answer.greeted {
            keep(&mut self.noise, line);
        }
    }

    fn take_error(&mut self, starts: bool, line: &[u8]) {
        if let Some(frame) = self.frame(starts, line) {
            let mut words = frame.split_ascii_whitespace().map(str::to_owned);
            let (name, item) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            self.errors.push((name, item, Vec::new()));
        } else if let Some((_, _, text)) = self.errors.last_mut() {
            keep(text, line);
        } else {
            keep(&mut self.complaint, line);
        }
    }

    fn close(&mut self, status: Status) {
        if let Some(section) = self.open.take().and_then(|at| self.answer.sections.get_mut(at)) {
            section.status = status;
            // The frame stands on a line of its own, so a line end was put before it.
            if !section.truncated && section.output.last() == Some(&b'\n') {
                section.output.pop();
            }
            section.output.shrink_to_fit();
        }
    }
}

fn keep(text: &mut Vec<u8>, more: &[u8]) {
    let room = ERROR_BYTES.saturating_sub(text.len());
    text.extend_from_slice(&more[..more.len().min(room)]);
}

/// Whether a character could drive a terminal or turn the direction of text.
fn is_harmful(character: char) -> bool {
    match character {
        '\n' | '\t' => false,
        '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{061C}' => true,
        other => other.is_control(),
    }
}

/// Text without characters that could drive a terminal: each is replaced by U+FFFD; `\r\n` becomes `\n`.
pub fn harmless(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return text;
    }
    let text = text.replace("\r\n", "\n");
    Cow::Owned(text.chars().map(|c| if is_harmful(c) { char::REPLACEMENT_CHARACTER } else { c }).collect())
}

/// JSON text whose strings, once decoded, hold no character that could drive a terminal and no line end.
fn harmless_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let code = escape.strip_prefix("\\u").and_then(|digits| digits.get(..4));
        let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        if let Some(code) = code {
            let harmful = is_harmful(code) || matches!(code, '\n' | '\t');
            out.push_str(if harmful { "\\ufffd" } else { &escape[..6] });
            rest = &escape[6..];
        } else {
            let length = 1 + escape[1..].chars().next().map_or(0, char::len_utf8);
            out.push_str(match &escape[..length] {
                "\\b" | "\\f" => "\\ufffd",
                "\\n" | "\\t" | "\\r" => " ",
                other => other,
            });
            rest = &escape[length..];
        }
    }
    out.push_str(rest);
    out
}

/// The start of a text, with `...` if there is more.
pub fn shorten(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONCE: &str = "5f2c";

    fn read(output: &str, errors: &str) -> Answer {
        let mut reader = Reader::new(NONCE);
        reader.output(output.as_bytes()).unwrap();
        reader.errors(errors.as_bytes()).unwrap();
        reader.finish()
    }

    #[test]
    fn sections_keep_their_output_status_and_messages() {
        let answer = read(
            "Welcome!\n\n#5f2c hello 1\n\n#5f2c b uname \nLinux 6.1\n\n#5f2c e 0\n\n#5f2c b ethtool eth0\n\n#5f2c e 127\n\n#5f2c bye\n",
            "** banner **\n\n#5f2c uname \n\n#5f2c ethtool eth0\nethtool: not found\n",
        );
        assert!(answer.greeted && answer.finished);
        assert_eq!(answer.noise, "Welcome!");
        assert_eq!(answer.complaint, "** banner **");
        assert_eq!(answer.text("uname").as_deref(), Some("Linux 6.1\n"));
        let ethtool = answer.section("ethtool").unwrap();
        assert_eq!((ethtool.item.as_str(), ethtool.status), ("eth0", Status::Exit(127)));
        assert_eq!(
            ethtool.trouble(Some(true), false),
            Some((GapReason::CommandAbsent, "not installed: ethtool: not found".to_owned()))
        );
    }

    #[test]
    fn output_that_looks_like_a_frame_of_another_run_is_output() {
        let answer =
            read("#5f2c hello 1\n#5f2c b motd \n#0000 e 0\n#0000 b id \n0\n x #5f2c e 9\n\n#5f2c e 0\n", "");
        assert_eq!(answer.sections.len(), 1);
        assert_eq!(answer.text("motd").as_deref(), Some("#0000 e 0\n#0000 b id \n0\n x #5f2c e 9\n"));
    }

    #[test]
    fn a_broken_answer_keeps_what_was_complete() {
        let answer = read("#5f2c hello 1\n#5f2c b id \n0\n\n#5f2c e 0\n#5f2c b lsblk \n{\"blockdev", "");
        assert!(!answer.finished);
        assert_eq!(answer.text("id").as_deref(), Some("0\n"));
        let broken = answer.section("lsblk").unwrap();
        assert_eq!(broken.status, Status::Unfinished);
        assert!(answer.text("lsblk").is_none() && answer.any_text("lsblk").is_none());
    }

    #[test]
    fn a_flood_is_cut_off() {
        let mut reader = Reader::new(NONCE);
        reader.output(b"#5f2c hello 1\n#5f2c b x \n").unwrap();
        let chunk = vec![b'a'; 1 << 20];
        let sent = (0..64).take_while(|_| reader.output(&chunk).is_ok()).count();
        assert!(sent < 17, "{sent} MiB were taken");
        let answer = reader.finish();
        assert_eq!(answer.sections[0].output.len(), SECTION_BYTES);
        assert!(answer.sections[0].truncated);
        let mut reader = Reader::new(NONCE);
        let frames = "#5f2c b x \n".repeat(5000);
        assert_eq!(reader.output(frames.as_bytes()), Err(Flood));
    }

    #[test]
    fn escape_sequences_stay_out() {
        let answer =
            read("#5f2c hello 1\n#5f2c b x \n\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}ok\r\n\n#5f2c e 0\n", "");
        let text = answer.text("x").unwrap().into_owned();
        assert_eq!(text, "\u{fffd}]0;owned\u{fffd}\u{fffd}31m\u{fffd}ok\n");
        let json = harmless_json(r#"{"a":"\u001b[31m\\u001b \u009b\n\"\u00e9\ud83d\ude00"}"#);
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["a"], "\u{fffd}[31m\\u001b \u{fffd} \"é😀");
    }

    #[test]
    fn a_refusal_is_told_from_a_failure() {
        let section = |errors: &str| Section {
            name: "multipath".into(),
            item: String::new(),
            status: Status::Exit(1),
            output: Vec::new(),
            errors: errors.into(),
            truncated: false,
        };
        let reason = |section: &Section, privileged, needs| section.trouble(privileged, needs).unwrap().0;
        assert_eq!(reason(&section("need to be root"), Some(false), false), GapReason::PermissionDenied);
        assert_eq!(reason(&section("bad map"), Some(false), true), GapReason::PermissionDenied);
        assert_eq!(reason(&section("bad map"), Some(false), false), GapReason::CommandFailed);
        assert_eq!(reason(&section("Permission denied"), Some(true), true), GapReason::CommandFailed);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_in_any_pieces_read_alike(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 1usize..50) {
            let mut text = b"#5f2c hello 1\n#5f2c b x \n".to_vec();
            text.extend_from_slice(&bytes);
            text.extend_from_slice(b"\n#5f2c e 3\n");
            let mut whole = Reader::new(NONCE);
            whole.output(&text).unwrap();
            let mut pieces = Reader::new(NONCE);
            for piece in text.chunks(cut) {
                pieces.output(piece).unwrap();
            }
            let (whole, pieces) = (whole.finish(), pieces.finish());
            prop_assert_eq!(&whole, &pieces);
            prop_assert_eq!(&whole.sections[0].output, &bytes);
            prop_assert!(!whole.sections[0].text().chars().any(is_harmful));
        }

        #[test]
        fn any_json_stays_json(text in ".{0,40}") {
            let json = serde_json::to_string(&text).unwrap();
            let back: String = serde_json::from_str(&harmless_json(&harmless(json.into()))).unwrap();
            prop_assert!(!back.chars().any(|c| is_harmful(c) || c == '\n' || c == '\t'));
        }
    }
}
