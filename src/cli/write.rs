//! Writing answers: to standard output, where a reader that went away is no mistake, and to files, whole or not at all.

use crate::report::write_json;
use crate::source::{Problem, Problems};
use std::io::{ErrorKind, Write};
use std::path::Path;

/// How much of a large answer is written at a time.
const BUFFER: usize = 256 * 1024;

/// Writes to standard output. A closed pipe ends in silence: the reader has seen enough.
pub(super) fn to_stdout(text: &str) -> Result<(), Problems> {
    let mut out = std::io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Writes a value to standard output as JSON with a line end, bit by bit.
pub(super) fn json_to_stdout(value: &impl serde::Serialize) -> Result<(), Problems> {
    let mut out = std::io::BufWriter::with_capacity(BUFFER, std::io::stdout().lock());
    written(write_json(value, &mut out).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()))
}

fn written(result: std::io::Result<()>) -> Result<(), Problems> {
    match result {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Problem::new(format!("cannot write to standard output: {error}")).into())
        }
        _ => Ok(()),
    }
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
    write(path, text).map_err(|error| {
        let problem = Problem::new(format!("{} cannot be written: {error}", path.display()));
        let folder = parent(path);
        if folder.is_dir() {
            problem.into()
        } else {
            problem.help(format!("there is no folder {}; create it first", folder.display())).into()
        }
    })
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    // A device or a pipe has no content to lose, and must not be replaced by a file.
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return std::fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    if path.is_dir() {
        return Err(std::io::Error::new(ErrorKind::IsADirectory, "is a directory"));
    }
    // A link is followed, so that it still is one afterwards.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".quorate-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&path).map_or(0o666, |found| found.permissions().mode() & 0o777);
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    let mut file = builder.tempfile_in(parent(&path))?;
    file.write_all(text.as_bytes())?;
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
