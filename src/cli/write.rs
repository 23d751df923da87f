//! Writing answers: to standard output, and to files, whole or not at all.
//!
//! What could not be written to its end never ends with 0, so that a part is not taken for the whole. A reader that went away knows
//! that it did: nothing is said of that.

use super::terminal::Terminal;
use super::{ExitCode, Outcome};
use crate::report::write_json;
use crate::source::{Problem, Problems};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// How much of a large answer is written at a time.
const BUFFER: usize = 256 * 1024;

/// Writes to standard output. A closed pipe is a mistake of which nothing is said.
pub(super) fn to_stdout(text: &str) -> Result<(), Problems> {
    let mut out = std::io::stdout().lock();
    printed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Writes a value to standard output as JSON with a line end, bit by bit.
pub(super) fn json_to_stdout(value: &impl serde::Serialize) -> Result<(), Problems> {
    let mut out = std::io::BufWriter::with_capacity(BUFFER, std::io::stdout().lock());
    printed(write_json(value, &mut out).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
}

/// What came of writing to standard output.
pub(super) fn printed(result: std::io::Result<()>) -> Result<(), Problems> {
    result.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Problems::new(),
        ErrorKind::StorageFull => cut_off(&error).help("make room, and run it again").into(),
        _ => cut_off(&error).into(),
    })
}

/// How a run ends that came to a code and wrote its answer, or could not: that something may be left on a LUN is told whatever
/// else goes wrong, all other codes stand for an answer that is whole.
pub(super) fn ended(code: ExitCode, written: Result<(), Problems>, terminal: &Terminal) -> Outcome {
    match written {
        Err(problems) if code == ExitCode::LeftOnLun => {
            terminal.complain(&problems);
            Ok(code)
        }
        written => written.map(|()| code),
    }
}

fn cut_off(error: &std::io::Error) -> Problem {
    Problem::new(format!(
        "cannot write to standard output: {error}; what was written is not the whole answer"
    ))
}

/// Tells at once what would keep a file from being written at the end: a folder of that name, or no folder to hold it.
pub(super) fn check_writable(path: &Path) -> Result<(), Problems> {
    let tried = match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(is_directory()),
        // A device, a pipe.
        Ok(found) if !found.is_file() => Ok(()),
        _ => beside(&resolved(path)).map(drop),
    };
    tried.map_err(|error| cannot_write(path, &error))
}

/// Where a path leads, whether or not there is something yet, to tell two names of one file from two files.
pub(super) fn resolved(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    match (parent(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Writes a value as JSON with a line end, bit by bit, to a file, or to standard output for `-`.
pub(super) fn json_to_file_or_stdout(path: &Path, value: &impl serde::Serialize) -> Result<(), Problems> {
    if path == Path::new("-") {
        return json_to_stdout(value);
    }
    let json = |out: &mut dyn Write| {
        let mut out = std::io::BufWriter::with_capacity(BUFFER, out);
        write_json(value, &mut out)?;
        out.write_all(b"\n")?;
        out.flush()
    };
    write(path, json).map_err(|error| cannot_write(path, &error))
}

/// Writes to a file, or to standard output for `-` and where there is no file.
pub(super) fn to_file_or_stdout(path: Option<&Path>, text: &str) -> Result<(), Problems> {
    match path {
        Some(path) if path != Path::new("-") => to_file(path, text),
        _ => to_stdout(text),
    }
}

/// Adds to the end of a file that others write to as well.
pub(super) fn append_to_file(path: &Path, text: &str) -> Result<(), Problems> {
    let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| Problem::new(format!("{} cannot be written: {error}", path.display())).into())
}

/// Writes a file whole or not at all: to a temporary file beside it, which then takes its name.
pub(super) fn to_file(path: &Path, text: &str) -> Result<(), Problems> {
    write(path, |out| out.write_all(text.as_bytes())).map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Problems {
    let problem = Problem::new(format!("{} cannot be written: {error}", path.display()));
    let folder = parent(path);
    let help = match error.kind() {
        ErrorKind::IsADirectory => "name a file in it".to_owned(),
        _ if !folder.is_dir() => format!("there is no folder {}; create it first", folder.display()),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("see who may write to {}, or name a file elsewhere", folder.display())
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            let left =
                if path.is_file() { "what it held before is as it was" } else { "nothing was written" };
            format!("make room in {}, or name a file elsewhere; {left}", folder.display())
        }
        _ => return problem.into(),
    };
    problem.help(help).into()
}

fn is_directory() -> std::io::Error {
    std::io::Error::new(ErrorKind::IsADirectory, "it is a directory")
}

/// A temporary file that is to take that name.
fn beside(path: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".quorate-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_or(0o666, |found| found.permissions().mode() & 0o777);
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    // The name of the temporary file, which the error has, tells nobody anything.
    builder.tempfile_in(parent(path)).map_err(|error| {
        let words = error.to_string();
        let (words, _) = words.split_once(" at path ").unwrap_or((&words, ""));
        std::io::Error::new(error.kind(), words)
    })
}

fn write(path: &Path, content: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> std::io::Result<()> {
    // A device or a pipe has no content to lose, and must not be replaced by a file.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return content(&mut std::fs::OpenOptions::new().write(true).open(path)?);
    }
    if path.is_dir() {
        return Err(is_directory());
    }
    // A link is followed, so that it still is one afterwards.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut file = beside(&path)?;
    content(file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("report.json");
        to_file(&path, "old").expect("written");
        to_file(&path, "new").expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "new");
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_value_that_breaks_off_while_it_is_written_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("facts.json");
        json_to_file_or_stdout(&path, &["old"]).expect("written");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "[\n  \"old\"\n]\n");
        let broken = |out: &mut dyn Write| {
            out.write_all(b"[")?;
            Err(ErrorKind::StorageFull.into())
        };
        write(&path, broken).expect_err("it broke off");
        assert_eq!(std::fs::read_to_string(&path).expect("read"), "[\n  \"old\"\n]\n");
        assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        to_file(Path::new("/dev/null"), "text").expect("written");
        assert!(!std::fs::metadata("/dev/null").expect("still there").is_file());
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let problem = to_file(folder.path(), "x").expect_err("a directory").to_string();
        assert!(problem.contains("directory"), "{problem}");
        let problem = to_file(&folder.path().join("a/b"), "x").expect_err("no folder").to_string();
        assert!(problem.contains("there is no folder"), "{problem}");
    }
}
