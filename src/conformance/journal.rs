//! The run file: what a run is about to change, on disk before it changes it, so that it can be undone after any end.
//!
//! JSON lines, each flushed to the disk before the next change. Always holds: a file that exists is never overwritten; it is
//! readable by its owner alone; while its run is alive it is locked; what is read back is checked as hostile input, so that
//! no file makes the cleanup log in under a name, or remove a key, that is not of this program.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::gate::Passed;
use super::key::{self, Mark, RunId};
use super::plan::{BlockRange, MOST_BLOCKS, Mode, Plan};
use crate::iscsi::login::check_name;
use crate::iscsi::{Isid, Portal};
use crate::scsi::Lun;
use crate::scsi::reservation::Key;

/// The format, in the first line.
pub const SCHEMA: &str = "quorate-run/1";

/// The largest file that is read: the most blocks of the largest size, in base64, and room for the rest.
const MOST_BYTES: u64 = 64 << 20;

/// The most portals and nexuses of a record.
const MOST_PORTALS: usize = 256;
const MOST_NEXUSES: usize = 4096;

/// Why there is no run file, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system said no.
    #[error("the run file {path} cannot be {what}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is a file of this name already.
    #[error(
        "the run file {0} exists already; finish that run with `quorate storage cleanup --run {0}`, or name another file"
    )]
    Exists(String),
    /// Its run is still at work.
    #[error("the run of {0} is still at work; let it end, or end it, and clean up then")]
    Busy(String),
    /// What is in the file is no record of a run.
    #[error(
        "{path}, line {line}: {why}; without its run file a run is undone with `quorate storage cleanup TARGET LUN`"
    )]
    Malformed {
        /// The file.
        path: String,
        /// The line, from 1 on.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// A session of the run that may have registered: who it was on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NexusRecord {
    /// iSCSI name of the initiator.
    pub initiator: String,
    /// ISID, twelve hexadecimal digits.
    pub isid: String,
    /// The portal, by its place in the record.
    pub portal: usize,
    /// The key under which it registers, sixteen hexadecimal digits.
    pub key: String,
}

impl NexusRecord {
    /// The record of a nexus.
    pub fn new(initiator: impl Into<String>, isid: Isid, portal: usize, key: Key) -> Self {
        let key = format!("{:016x}", key.0);
        Self { initiator: initiator.into(), isid: hex::encode(isid.0), portal, key }
    }

    /// The ISID.
    pub fn isid(&self) -> Option<Isid> {
        hex::decode(&self.isid).ok()?.try_into().ok().map(Isid)
    }

    /// The key.
    pub fn key(&self) -> Option<Key> {
        let digits = self.key.len() == 16 && self.key.bytes().all(|byte| byte.is_ascii_hexdigit());
        digits.then(|| u64::from_str_radix(&self.key, 16).ok()).flatten().map(Key)
    }
}

/// The content of the range before the first write to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The blocks.
    pub range: BlockRange,
    /// Their content.
    pub content: Vec<u8>,
}

/// Everything that a run wrote down of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The run.
    pub run: RunId,
    /// When it began, RFC 3339, UTC.
    pub began: String,
    /// What the unit is called.
    pub name: String,
    /// iSCSI name of the target.
    pub target: String,
    /// The portals, at least one.
    pub portals: Vec<Portal>,
    /// The logical unit.
    pub lun: Lun,
    /// The identity that the unit showed.
    pub identity: Option<String>,
    /// The size of the unit in blocks.
    pub blocks: u64,
    /// Bytes per block.
    pub block_bytes: u32,
    /// How far the run was allowed to go.
    pub mode: Mode,
    /// SHA-256 of what stood in the first and last blocks; see [`Areas::digest`](super::content::Areas::digest).
    pub digest: Option<String>,
    /// Whether the unit knew persistent reservations.
    pub reservations: bool,
    /// Every session that may register.
    pub nexuses: Vec<NexusRecord>,
    /// What stood in the range before the run wrote to it; missing where it had not come to that.
    pub saved: Option<Saved>,
    /// Whether the run, or a cleanup, has seen that nothing of it is left.
    pub finished: bool,
}

impl RunRecord {
    /// The record of a run that is about to begin.
    pub fn new(run: RunId, plan: &Plan, passed: &Passed, nexuses: Vec<NexusRecord>) -> Self {
        Self {
            run,
            began: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            name: plan.subject.name.clone(),
            target: plan.subject.target.clone(),
            portals: plan.subject.portals.clone(),
            lun: plan.subject.lun,
            identity: passed.identity.clone(),
            blocks: passed.blocks,
            block_bytes: passed.block_bytes,
            mode: plan.mode,
            digest: passed.digest.clone(),
            reservations: passed.reservations != Some(false),
            nexuses,
            saved: None,
            finished: false,
        }
    }

    fn begun(&self) -> Begun {
        Begun {
            schema: SCHEMA.to_owned(),
            run: self.run.to_string(),
            began: self.began.clone(),
            name: self.name.clone(),
            target: self.target.clone(),
            portals: self.portals.iter().map(ToString::to_string).collect(),
            lun: hex::encode(self.lun.0),
            identity: self.identity.clone(),
            blocks: self.blocks,
            block_bytes: self.block_bytes,
            mode: self.mode,
            digest: self.digest.clone(),
            reservations: self.reservations,
            nexuses: self.nexuses.clone(),
        }
    }
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    Begun(Box<Begun>),
    Saved(SavedLine),
    Finished {},
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    schema: String,
    run: String,
    began: String,
    name: String,
    target: String,
    portals: Vec<String>,
    lun: String,
    identity: Option<String>,
    blocks: u64,
    block_bytes: u32,
    mode: Mode,
    digest: Option<String>,
    reservations: bool,
    nexuses: Vec<NexusRecord>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedLine {
    lba: u64,
    blocks: u32,
    sha256: String,
    content: String,
}

impl Begun {
    /// Checks everything that another hand could have written.
    fn check(self) -> Result<RunRecord, String> {
        if self.schema != SCHEMA {
            return Err(format!("the format is `{}`, this program reads {SCHEMA}", shown(&self.schema)));
        }
        let run: RunId = self.run.parse().map_err(|error| format!("`run`: {error}"))?;
        check_name(&self.target).map_err(|error| format!("`target`: {error}"))?;
        if self.portals.is_empty() || self.portals.len() > MOST_PORTALS || self.nexuses.len() > MOST_NEXUSES {
            return Err("the number of portals or nexuses is impossible".into());
        }
        let portals =
            self.portals.iter().map(|portal| portal.parse().map_err(|error| format!("`portals`: {error}")));
        let portals: Vec<Portal> = portals.collect::<Result<_, String>>()?;
        let lun = hex::decode(&self.lun).ok().and_then(|bytes| bytes.try_into().ok()).map(Lun);
        let lun = lun.ok_or("`lun` is not sixteen hexadecimal digits")?;
        let size = self.blocks.checked_mul(self.block_bytes.into());
        if size.is_none_or(|size| size == 0) || self.block_bytes < 512 || self.block_bytes > 1 << 20 {
            return Err("`blocks` and `block_bytes` are impossible".into());
        }
        for nexus in &self.nexuses {
            let ours = key::run_of_name(&nexus.initiator) == Some(run)
                && nexus.isid().is_some_and(|isid| isid.0[0] & 0xc0 == 0x80)
                && nexus.key().is_some_and(|key| Mark::is_of(key, run));
            if !ours || nexus.portal >= portals.len() {
                return Err(format!("the nexus `{}` is none of run {run}", shown(&nexus.initiator)));
            }
        }
        Ok(RunRecord {
            run,
            began: shown(&self.began),
            name: shown(&self.name),
            target: self.target,
            portals,
            lun,
            identity: self.identity.as_deref().map(shown),
            blocks: self.blocks,
            block_bytes: self.block_bytes,
            mode: self.mode,
            digest: self.digest,
            reservations: self.reservations,
            nexuses: self.nexuses,
            saved: None,
            finished: false,
        })
    }
}

/// Text of a file, fit to be shown.
fn shown(text: &str) -> String {
    text.chars().take(300).map(|c| if c.is_control() { '?' } else { c }).collect()
}

impl SavedLine {
    fn check(self, record: &RunRecord) -> Result<Saved, String> {
        let range = BlockRange { lba: self.lba, blocks: self.blocks };
        if !range.fits(record.blocks) || range.blocks == 0 || range.blocks > MOST_BLOCKS {
            return Err(format!("the range {range} does not lie on the unit, or is too long"));
        }
        let content = STANDARD.decode(&self.content).map_err(|error| format!("`content`: {error}"))?;
        if content.len() as u64 != u64::from(range.blocks) * u64::from(record.block_bytes) {
            return Err(format!("{} bytes of content for {} blocks", content.len(), range.blocks));
        }
        if hex::encode(Sha256::digest(&content)) != self.sha256 {
            return Err("the content does not have the checksum that was written with it".into());
        }
        Ok(Saved { range, content })
    }
}

/// A run file, open and locked.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    record: RunRecord,
}

impl Journal {
    /// Creates the file of a run that is about to begin. When this returns, the record is on the disk.
    ///
    /// # Errors
    /// There is such a file already; the system does not let us write it, lock it or flush it.
    pub fn begin(path: &Path, record: RunRecord) -> Result<Self, JournalError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options.open(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => JournalError::Exists(path.display().to_string()),
            _ => io_error(path, "created", source),
        })?;
        let mut journal = Self { file, path: path.to_owned(), record };
        journal.lock()?;
        let begun = Line::Begun(Box::new(journal.record.begun()));
        journal.write(&begun)?;
        // The name of the file must survive a power loss too.
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|source| io_error(path, "flushed to the disk", source))?;
        Ok(journal)
    }

    /// Opens the file of a run that has ended somehow.
    ///
    /// # Errors
    /// It cannot be read, its run is still at work, or it is no run file.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let found = std::fs::metadata(path).map_err(|source| io_error(path, "read", source))?;
        if !found.is_file() {
            return Err(malformed(path, 1, "it is no file"));
        }
        let file = OpenOptions::new().read(true).append(true).open(path);
        let file = file.map_err(|source| io_error(path, "opened", source))?;
        lock(&file, path)?;
        let record = read(&file, path)?;
        Ok(Self { file, path: path.to_owned(), record })
    }

    /// What is written in it.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down what stands in the range, before the first write to it. Once is enough.
    ///
    /// # Errors
    /// The system does not let us; then nothing may be written to the unit.
    pub fn save(&mut self, range: BlockRange, content: Vec<u8>) -> Result<(), JournalError> {
        if self.record.saved.is_some() {
            return Ok(());
        }
        let line = SavedLine {
            lba: range.lba,
            blocks: range.blocks,
            sha256: hex::encode(Sha256::digest(&content)),
            content: STANDARD.encode(&content),
        };
        self.write(&Line::Saved(line))?;
        self.record.saved = Some(Saved { range, content });
        Ok(())
    }

    /// Writes down that nothing of the run is left.
    ///
    /// # Errors
    /// The system does not let us; then a cleanup looks again, and finds nothing.
    pub fn finish(&mut self) -> Result<(), JournalError> {
        self.write(&Line::Finished {})?;
        self.record.finished = true;
        Ok(())
    }

    fn lock(&self) -> Result<(), JournalError> {
        lock(&self.file, &self.path)
    }

    fn write(&mut self, line: &Line) -> Result<(), JournalError> {
        let failed = |source| io_error(&self.path, "written", source);
        let mut text = serde_json::to_string(line).map_err(|error| failed(error.into()))?;
        text.push('\n');
        self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all()).map_err(failed)
    }
}

fn io_error(path: &Path, what: &'static str, source: std::io::Error) -> JournalError {
    JournalError::Io { path: path.display().to_string(), what, source }
}

fn malformed(path: &Path, line: usize, why: impl Into<String>) -> JournalError {
    JournalError::Malformed { path: path.display().to_string(), line, why: why.into() }
}

/// The kernel gives the lock back when the process that has it ends, however it ends.
fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    #[cfg(unix)]
    {
        use rustix::fs::{FlockOperation, flock};
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(JournalError::Busy(path.display().to_string())),
            // Some network file systems have no locks; that is no reason to have no run file.
            Err(error) => tracing::debug!("{} is not locked: {error}", path.display()),
        }
    }
    #[cfg(not(unix))]
    let _ = (file, path);
    Ok(())
}

fn read(file: &File, path: &Path) -> Result<RunRecord, JournalError> {
    let mut text = Vec::new();
    let mut reader = file.take(MOST_BYTES + 1);
    reader.read_to_end(&mut text).map_err(|source| io_error(path, "read", source))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(malformed(path, 1, "it is larger than any run file"));
    }
    parse(&text).map_err(|(line, why)| malformed(path, line, why))
}

/// Reads the lines. A last line without its end was being written when the machine stopped: what it tells had not begun.
fn parse(text: &[u8]) -> Result<RunRecord, (usize, String)> {
    let mut record: Option<RunRecord> = None;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = text[..whole].split(|byte| *byte == b'\n').zip(1..);
    for (line, number) in lines.filter(|(line, _)| !line.is_empty()) {
        let wrong = |why: String| (number, why);
        let line: Line = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
        match (line, &mut record) {
            (Line::Begun(begun), None) => record = Some(begun.check().map_err(wrong)?),
            (Line::Saved(saved), Some(record)) if record.saved.is_none() => {
                record.saved = Some(saved.check(record).map_err(wrong)?);
            }
            (Line::Finished {}, Some(record)) => record.finished = true,
            _ => return Err(wrong("this line does not belong here".into())),
        }
    }
    record.ok_or((1, "it holds no record of a run".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> RunRecord {
        let run = RunId::new(0x1a2b_3c4d).unwrap();
        RunRecord {
            run,
            began: "2026-11-21T06:00:00Z".into(),
            name: "witness".into(),
            target: "iqn.2026-01.com.example:storage".into(),
            portals: vec![Portal::new("10.0.0.1", 3260), Portal::new("::1", 3261)],
            lun: Lun::new(3),
            identity: Some("naa.6001405000000000000000000000000a".into()),
            blocks: 2048,
            block_bytes: 512,
            mode: Mode::PrWrite,
            digest: Some("00".repeat(32)),
            reservations: true,
            nexuses: vec![NexusRecord::new(
                key::initiator_name(run, 1),
                key::isid(run, 1, 2),
                1,
                key::key(run, 1, 2),
            )],
            saved: None,
            finished: false,
        }
    }

    fn range() -> BlockRange {
        BlockRange { lba: 1000, blocks: 32 }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let mut journal = Journal::begin(&path, record()).unwrap();
        let content: Vec<u8> = (0..32 * 512).map(|at| u8::try_from(at % 251).unwrap()).collect();
        journal.save(range(), content.clone()).unwrap();
        journal.save(range(), vec![0; 32 * 512]).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert!(matches!(Journal::open(&path), Err(JournalError::Busy(_))));
        }
        drop(journal);
        let mut journal = Journal::open(&path).unwrap();
        assert_eq!(
            journal.record(),
            &RunRecord { saved: Some(Saved { range: range(), content }), ..record() }
        );
        journal.finish().unwrap();
        drop(journal);
        assert!(Journal::open(&path).unwrap().record().finished);
        assert!(matches!(Journal::begin(&path, record()), Err(JournalError::Exists(_))));
        assert!(Journal::begin(&folder.path().join("no/run.json"), record()).is_err());
    }

    fn lines(record: &RunRecord) -> Vec<u8> {
        let mut text = serde_json::to_vec(&Line::Begun(Box::new(record.begun()))).unwrap();
        text.push(b'\n');
        text
    }

    #[test]
    fn a_line_that_was_not_finished_is_left_out() {
        let mut text = lines(&record());
        text.extend(br#"{"saved":{"lba":1000,"blo"#);
        assert_eq!(parse(&text), Ok(record()));
        text.extend(b"\n");
        assert_eq!(parse(&text).unwrap_err().0, 2);
        assert!(parse(&text[..20]).is_err());
        assert!(parse(b"").is_err());
    }

    #[test]
    fn a_file_cannot_make_us_somebody_else() {
        let wrong = |change: fn(&mut RunRecord)| {
            let mut record = record();
            change(&mut record);
            parse(&lines(&record)).expect_err("refused").1
        };
        let nexus = wrong(|record| record.nexuses[0].initiator = "iqn.1991-05.com.microsoft:hv1".into());
        assert!(nexus.contains("is none of run 1a2b3c4d"), "{nexus}");
        wrong(|record| record.nexuses[0].key = "0000000000000001".into());
        wrong(|record| record.nexuses[0].key = "+175000000000101".into());
        wrong(|record| record.nexuses[0].isid = "00023d000001".into());
        wrong(|record| record.nexuses[0].isid = "80".into());
        wrong(|record| record.nexuses[0].portal = 2);
        wrong(|record| record.portals.clear());
        wrong(|record| record.target = "not a name".into());
        wrong(|record| record.block_bytes = 0);
        wrong(|record| record.blocks = u64::MAX);
        let text = String::from_utf8(lines(&record())).unwrap();
        for (from, to) in [
            ("quorate-run/1", "quorate-run/2"),
            ("1a2b3c4d\",\"began", "00000000\",\"began"),
            ("\"lun\":\"00", "\"lun\":\"zz"),
            ("10.0.0.1:3260", "10.0.0.1:0"),
            ("\"blocks\"", "\"bloks\""),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(parse(text.replace(from, to).as_bytes()).is_err(), "{to}");
        }
        // Twice a beginning, an end before it.
        assert!(parse(format!("{text}{text}").as_bytes()).is_err());
        assert!(parse(format!("{{\"finished\":{{}}}}\n{text}").as_bytes()).is_err());
    }

    #[test]
    fn content_that_was_tampered_with_is_not_put_back() {
        let saved = |lba: u64, blocks: u32, content: &[u8], sha256: String| {
            let line = SavedLine { lba, blocks, sha256, content: STANDARD.encode(content) };
            let mut text = lines(&record());
            text.extend(serde_json::to_vec(&Line::Saved(line)).unwrap());
            text.push(b'\n');
            parse(&text).map(|record| record.saved)
        };
        let content = [7; 512];
        let sum = || hex::encode(Sha256::digest(content));
        assert!(saved(0, 1, &content, sum()).unwrap().is_some());
        assert!(saved(0, 1, &content, "00".repeat(32)).is_err());
        assert!(saved(0, 2, &content, sum()).is_err());
        assert!(saved(2048, 1, &content, sum()).is_err());
        assert!(saved(u64::MAX, 1, &content, sum()).is_err());
        assert!(saved(0, 0, &[], hex::encode(Sha256::digest([]))).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0_usize..2000, cut in 0_usize..2000) {
            let _ = parse(&bytes);
            let mut text = lines(&record());
            let place = at % text.len();
            let end = (place + bytes.len() % 8).min(text.len());
            text.splice(place..end, bytes.iter().copied().take(8));
            text.truncate(cut.max(1));
            let _ = parse(&text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_run_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let said = |path: &Path| Journal::open(path).unwrap_err().to_string();
        assert!(said(&folder.path().join("none")).contains("cannot be read"));
        assert!(said(folder.path()).contains("no file"));
        let path = folder.path().join("report.json");
        std::fs::write(&path, "{\"steps\":[]}\n").unwrap();
        assert!(said(&path).contains("report.json, line 1"), "{}", said(&path));
    }
}
