//! Files that hold many outputs one after the other: those of a supportconfig, and `sysstats.txt` of cluster reports.
//!
//! A supportconfig's file is split while it is read, so that logs of any length pass through; only parts that something here
//! can use are kept, each bounded. `sysstats.txt` is small and split when all of it is there.

use super::outputs;
use crate::probe::answer::SECTION_BYTES;

/// One output out of a file of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The command, or the path of the file, as the bundle writes it.
    pub asked: String,
    /// Whether the bundle says that the file is not there.
    pub absent: bool,
    /// The output.
    pub output: Vec<u8>,
    /// Whether it is longer than what is kept, or broke off.
    pub truncated: bool,
}

/// Longest line that is looked at for a header.
const LINE_BYTES: usize = 4096;

/// What begins a part of a supportconfig.
const HEADER: &[u8] = b"#==[ ";

/// What a supportconfig writes behind the name of a file that is not there.
const NOT_FOUND: &str = " - File not found";

/// Splits a file of a supportconfig as it comes.
#[derive(Debug)]
pub struct Splitter {
    file: String,
    room: usize,
    kept: usize,
    blocks: Vec<Block>,
    line: Vec<u8>,
    /// Whether the start of this line has been handed on already.
    within: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between parts, or in one that nobody wants.
    Skipping,
    /// The next line names what was asked.
    Named,
    /// In the last of `blocks`.
    Taking,
}

impl Splitter {
    /// A splitter of the file of that name that keeps so many bytes at most.
    pub fn new(file: &str, room: usize) -> Self {
        Splitter {
            file: file.to_owned(),
            room,
            kept: 0,
            blocks: Vec::new(),
            line: Vec::new(),
            within: false,
            state: State::Skipping,
        }
    }

    /// Takes in the next bytes.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.line.is_empty() {
                self.take(!self.within, line);
            } else {
                self.line.extend_from_slice(line);
                let whole = std::mem::take(&mut self.line);
                self.take(!self.within, &whole);
            }
            self.within = false;
        }
        self.line.extend_from_slice(bytes);
        if self.line.len() > LINE_BYTES {
            let start = std::mem::take(&mut self.line);
            self.take(!self.within, &start);
            self.within = true;
        }
    }

    /// The parts that were kept, and how many bytes they have. `whole` is false where the file broke off.
    pub fn finish(mut self, whole: bool) -> (Vec<Block>, usize) {
        if !self.line.is_empty() {
            let rest = std::mem::take(&mut self.line);
            self.take(!self.within, &rest);
        }
        if !whole
            && self.state == State::Taking
            && let Some(last) = self.blocks.last_mut()
        {
            last.truncated = true;
        }
        (self.blocks, self.kept)
    }

    fn take(&mut self, starts: bool, line: &[u8]) {
        if starts && line.starts_with(HEADER) {
            self.state = State::Named;
            return;
        }
        match self.state {
            State::Skipping => {}
            State::Named => self.begin(line),
            State::Taking => {
                let Some(block) = self.blocks.last_mut() else { return };
                let room =
                    self.room.saturating_sub(self.kept).min(SECTION_BYTES.saturating_sub(block.output.len()));
                block.truncated |= line.len() > room;
                block.output.extend_from_slice(&line[..line.len().min(room)]);
                self.kept += line.len().min(room);
            }
        }
    }

    fn begin(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let asked = text.trim().trim_start_matches('#').trim();
        let (asked, absent) = match asked.strip_suffix(NOT_FOUND) {
            Some(asked) => (asked, true),
            None => (asked, false),
        };
        let wanted = outputs::of(asked).is_some() && self.blocks.len() < 1024;
        self.state = if wanted { State::Taking } else { State::Skipping };
        if wanted {
            tracing::trace!("{}: {asked}", self.file);
            let block = Block { asked: asked.to_owned(), absent, output: Vec::new(), truncated: false };
            self.blocks.push(block);
        }
    }
}

/// The outputs in a `sysstats.txt` or a file like it: parts that begin with `##### run "COMMAND" on NODE` (hb_report),
/// `##### Run "COMMAND" #####` (crmsh), `#=====[ Command ]===#` and `# COMMAND` in the next line (crmsh too), or with
/// `+ COMMAND` (Pacemaker's crm_report, a trace of a shell).
pub fn of_sysstats(text: &str) -> Vec<Block> {
    let quoted = |line: &str| -> Option<String> {
        let rest = line.strip_prefix("##### ")?;
        let rest = rest.strip_prefix("run \"").or_else(|| rest.strip_prefix("Run \""))?;
        rest.split('"').next().map(str::to_owned)
    };
    let header = |line: &str| line.starts_with("#=====[ Command ]") || line.starts_with("#===== [ Command ]");
    let traced = !text.lines().any(|line| quoted(line).is_some() || header(line));
    let mut blocks: Vec<Block> = Vec::new();
    let mut named = false;
    for line in text.split_inclusive('\n') {
        let asked = if std::mem::take(&mut named) {
            line.strip_prefix("# ").map(|asked| asked.trim().to_owned())
        } else if traced {
            line.strip_prefix("+ ").map(|asked| asked.trim().to_owned())
        } else {
            quoted(line)
        };
        if let Some(asked) = asked {
            blocks.push(Block { asked, absent: false, output: Vec::new(), truncated: false });
        } else if header(line) {
            named = true;
        } else if let Some(block) = blocks.last_mut() {
            block.output.extend_from_slice(line.as_bytes());
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "=====\n Support Utilities\n#==[ Command ]====#\n# /sbin/multipath -ll\nmpatha x\n\n#==[ Log File ]===#\n# /var/log/messages\n# /sbin/multipath -ll\nNov 1 x\n#==[ Configuration File ]===#\n# /etc/fstab - File not found\n\n#==[ Command ]=#\n# /bin/uname -a\nLinux a 5.3\n";

    fn split(text: &str, cut: usize) -> Vec<Block> {
        let mut splitter = Splitter::new("ha.txt", 1 << 20);
        text.as_bytes().chunks(cut).for_each(|piece| splitter.feed(piece));
        splitter.finish(true).0
    }

    #[test]
    fn parts_that_are_wanted_are_kept() {
        let blocks = split(TEXT, 7);
        let all: Vec<_> = blocks
            .iter()
            .map(|block| {
                (block.asked.as_str(), block.absent, String::from_utf8_lossy(&block.output).into_owned())
            })
            .collect();
        assert_eq!(all[0], ("/sbin/multipath -ll", false, "mpatha x\n\n".to_owned()));
        assert_eq!((all[1].0, all[1].1), ("/etc/fstab", true));
        assert_eq!(all.len(), 3, "{all:?}");
    }

    #[test]
    fn a_part_that_breaks_off_says_so() {
        let mut splitter = Splitter::new("mpio.txt", 1 << 20);
        splitter.feed(b"#==[ Command ]==#\n# multipath -ll\nmpat");
        let (blocks, kept) = splitter.finish(false);
        assert!(blocks[0].truncated && kept == 4);
    }

    #[test]
    fn sysstats_of_both_kinds_are_split() {
        let crmsh = of_sysstats("##### run \"ip addr\" on a\n1: lo\n\n##### run \"df\" on a\n/dev/sda\n");
        assert_eq!(crmsh.iter().map(|block| block.asked.as_str()).collect::<Vec<_>>(), ["ip addr", "df"]);
        let newer = of_sysstats("##### Run \"ip addr\" #####\n1: lo\n##### Run \"df\" #####\n");
        assert_eq!((newer.len(), newer[0].asked.as_str()), (2, "ip addr"));
        let headed = of_sysstats("\n#=====[ Command ] ====#\n# dlm_tool ls\nx\n");
        assert_eq!(
            (headed[0].asked.as_str(), headed[0].output.as_slice()),
            ("dlm_tool ls", b"x\n".as_slice())
        );
        let traced = of_sysstats("+ hostname\na\n+ ip addr list\n1: lo\n");
        assert_eq!(traced[1].output, b"1: lo\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pieces_do_not_matter(text in "(#==\\[ x\n|# multipath -ll\n|[a-z# ]{0,9}\n|.{0,30}){0,20}", cut in 1usize..40) {
            prop_assert_eq!(split(&text, cut), split(&text, 1 << 16));
        }
    }
}
