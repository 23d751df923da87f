//! Reading a bundle once, from its beginning to its end, as a folder or as an archive in any packing that bundles come in.
//!
//! Nothing is ever written to disk and no link is followed. What an archive may make the reader do is bounded before it is
//! done: members, unpacked bytes, the ratio between unpacked and packed bytes, the length of one header, the memory of the
//! unpackers. What is over a bound ends the reading; what was read until then stands.

use super::tree::{Kind, Tree};
use crate::probe::answer::{harmless, shorten};
use rustix::fs::OFlags;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Most members of one bundle. A large sosreport has about 100,000.
pub const MOST_MEMBERS: usize = 500_000;

/// Most bytes that one bundle may unpack to.
pub const MOST_UNPACKED: u64 = 32 << 30;

/// How many bytes may come out for each packed byte, once [`RATIO_FROM`] have come. Logs reach about 60.
pub const MOST_RATIO: u64 = 500;

/// Unpacked bytes from which on the ratio counts: sparse logs are tiny when packed.
pub const RATIO_FROM: u64 = 256 << 20;

/// Most memory that an unpacker may take for its dictionary, in bytes: `xz -9` takes 64 MiB.
const DICTIONARY_BYTES: u64 = 65 << 20;

/// Most bytes that the header of one member may take, long names and attributes included.
const HEADER_BYTES: u64 = 1 << 20;

/// How many bytes decide what a file is.
const HEAD_BYTES: usize = 512;

/// How deep folders may nest.
const DEEPEST: usize = 32;

/// How an archive is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Bzip2,
    Xz,
    Zstandard,
}

impl Packing {
    fn of(head: &[u8]) -> Option<Self> {
        let tar = head.len() >= 262 && &head[257..262] == b"ustar";
        match head {
            [0x1f, 0x8b, ..] => Some(Packing::Gzip),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Some(Packing::Bzip2),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Packing::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstandard),
            _ if tar => Some(Packing::Plain),
            _ => None,
        }
    }
}

fn head_of(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    if let Ok(file) = File::open(path)
        && path.is_file()
    {
        let _ = file.take(HEAD_BYTES as u64).read_to_end(&mut head);
    }
    head
}

/// Whether a file is an archive that can be read, whatever its name.
pub fn is_archive(path: &Path) -> bool {
    path.is_file() && Packing::of(&head_of(path)).is_some()
}

/// What a file that is no archive of ours is, where that is known: a word for messages.
pub fn other_archive(path: &Path) -> Option<&'static str> {
    match head_of(path).as_slice() {
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some("a zip archive"),
        [b'7', b'z', 0xbc, 0xaf, ..] => Some("a 7z archive"),
        [b'R', b'a', b'r', b'!', ..] => Some("a rar archive"),
        [0x85 | 0x8c | 0xc1, ..] => Some("an encrypted file"),
        head if head.starts_with(b"-----BEGIN PGP") || head.starts_with(b"Salted__") => {
            Some("an encrypted file")
        }
        _ => None,
    }
}

/// How the reading of a bundle ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// At its end.
    Whole,
    /// Before it, for this reason.
    Broken(String),
}

/// Reads a folder or an archive into a tree. Unpackers that break on what they are given end the reading and nothing
/// else.
///
/// # Errors
/// The file or folder cannot be opened.
pub fn read(path: &Path, tree: &mut Tree) -> io::Result<Reading> {
    if path.is_dir() {
        return folder(path, tree);
    }
    read_archive(File::open(path)?, &head_of(path), tree)
}

/// Reads an archive that is in memory.
///
/// # Errors
/// It is no archive that is known.
pub fn read_bytes(bytes: &[u8], tree: &mut Tree) -> io::Result<Reading> {
    read_archive(bytes, &bytes[..bytes.len().min(HEAD_BYTES)], tree)
}

fn read_archive(file: impl Read, head: &[u8], tree: &mut Tree) -> io::Result<Reading> {
    let Some(packing) = Packing::of(head) else {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is no archive that is known"));
    };
    let read = AssertUnwindSafe(|| archive(file, packing, tree));
    Ok(catch_unwind(read)
        .unwrap_or_else(|_| Reading::Broken("it cannot be unpacked: it is damaged".to_owned())))
}

/// What was read of an archive so far, shared between the layers that read it.
#[derive(Default)]
struct Meter {
    packed: Cell<u64>,
    unpacked: Cell<u64>,
    /// Bytes that may still be read before the next header must have ended.
    header: Cell<Option<u64>>,
    /// Whether the end of the unpacked bytes was met.
    ended: Cell<bool>,
}

/// Counts packed bytes.
struct Packed<R>(R, Rc<Meter>);

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.packed.set(self.1.packed.get() + read as u64);
        Ok(read)
    }
}

/// Counts unpacked bytes and stops at the bounds.
struct Unpacked<R>(R, Rc<Meter>);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        let meter = &self.1;
        meter.ended.set(meter.ended.get() || read == 0 && !buffer.is_empty());
        let unpacked = meter.unpacked.get() + read as u64;
        meter.unpacked.set(unpacked);
        let refused = |words: String| Err(io::Error::new(ErrorKind::QuotaExceeded, words));
        if unpacked > MOST_UNPACKED {
            return refused(format!("it unpacks to more than {} GiB", MOST_UNPACKED >> 30));
        }
        if unpacked > RATIO_FROM && unpacked / MOST_RATIO > meter.packed.get() {
            return refused(format!("it unpacks to more than {MOST_RATIO} times its size"));
        }
        if let Some(left) = meter.header.get() {
            let left = left.checked_sub(read as u64);
            if left.is_none() {
                return refused(format!("the header of a member is larger than {} KiB", HEADER_BYTES >> 10));
            }
            meter.header.set(left);
        }
        Ok(read)
    }
}

fn archive(file: impl Read, packing: Packing, tree: &mut Tree) -> Reading {
    let meter = Rc::new(Meter::default());
    let packed = BufReader::with_capacity(1 << 16, Packed(file, meter.clone()));
    let unpacked: Box<dyn Read + '_> = match packing {
        Packing::Plain => Box::new(packed),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(packed)),
        Packing::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(
            packed,
            true,
            u32::try_from(DICTIONARY_BYTES >> 10).unwrap_or(u32::MAX),
        )),
        Packing::Zstandard => Box::new(Zstandard { packed: Some(packed), frame: None }),
    };
    match members(Unpacked(unpacked, meter.clone()), &meter, tree) {
        Ok(()) => Reading::Whole,
        Err(error) => Reading::Broken(match error.kind() {
            ErrorKind::QuotaExceeded => error.to_string(),
            ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
            // The words of an unpacker may hold what stands in the archive.
            _ => {
                let words = error.to_string().replace(['\n', '\t'], " ");
                format!("it is damaged: {}", shorten(&harmless(words.into()), 200))
            }
        }),
    }
}

/// Frames of Zstandard, one after the other.
struct Zstandard<R: Read> {
    packed: Option<R>,
    frame: Option<ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: io::BufRead> Read for Zstandard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
                self.packed = self.frame.take().map(ruzstd::decoding::StreamingDecoder::into_inner);
            }
            let Some(mut packed) = self.packed.take() else { return Ok(0) };
            if packed.fill_buf()?.is_empty() {
                self.packed = Some(packed);
                return Ok(0);
            }
            let frame =
                ruzstd::decoding::StreamingDecoder::new_with_max_window_size(packed, DICTIONARY_BYTES);
            self.frame =
                Some(frame.map_err(|error| io::Error::new(ErrorKind::InvalidData, error.to_string()))?);
        }
    }
}

/// Reads the members of a tar archive.
fn members(unpacked: impl Read, meter: &Meter, tree: &mut Tree) -> io::Result<()> {
    let mut archive = tar::Archive::new(unpacked);
    let mut entries = archive.entries()?;
    let mut count = 0;
    loop {
        // A long name is read into memory as a whole.
        meter.header.set(Some(HEADER_BYTES));
        let next = entries.next();
        meter.header.set(None);
        // An archive ends with blocks of zeros; the reader takes the end of the bytes for one.
        if meter.ended.get() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let Some(entry) = next else { return Ok(()) };
        let mut entry = entry?;
        count += 1;
        if count > MOST_MEMBERS {
            let words = format!("it has more than {MOST_MEMBERS} members");
            return Err(io::Error::new(ErrorKind::QuotaExceeded, words));
        }
        let kind = entry.header().entry_type();
        let target = || -> String {
            entry
                .link_name_bytes()
                .map(|name| String::from_utf8_lossy(&name).into_owned())
                .unwrap_or_default()
        };
        let kind = if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            Kind::File
        } else if kind.is_dir() {
            Kind::Folder
        } else if kind.is_symlink() {
            Kind::Link(target())
        } else if kind.is_hard_link() {
            Kind::Same(target())
        } else if kind.is_pax_global_extensions() {
            continue;
        } else {
            Kind::Device
        };
        let time = entry.header().mtime().ok().and_then(|time| i64::try_from(time).ok());
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let size = entry.size();
        tree.add(&name, kind, time, &mut Whole { entry: &mut entry, left: size })?;
        // What is left of it is no part of the next header.
        io::copy(&mut entry, &mut io::sink())?;
        if meter.ended.get() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

/// A member that says so when it ends before its size is reached.
struct Whole<'a, R: Read> {
    entry: &'a mut R,
    left: u64,
}

impl<R: Read> Read for Whole<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.entry.read(buffer)?;
        if read == 0 && self.left > 0 && !buffer.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.left = self.left.saturating_sub(read as u64);
        Ok(read)
    }
}

/// Reads the files of a folder; links stay links.
fn folder(root: &Path, tree: &mut Tree) -> io::Result<Reading> {
    // The folder itself must be there; what is in it need not be readable.
    std::fs::read_dir(root)?;
    let mut waiting: Vec<(PathBuf, usize)> = vec![(root.to_owned(), 0)];
    let mut count = 0;
    let mut refused = 0_usize;
    while let Some((at, depth)) = waiting.pop() {
        let Ok(listing) = std::fs::read_dir(&at) else {
            refused += 1;
            continue;
        };
        let mut entries: Vec<_> = listing.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            count += 1;
            if count > MOST_MEMBERS {
                return Ok(Reading::Broken(format!("it has more than {MOST_MEMBERS} members")));
            }
            let path = entry.path();
            let Ok(data) = std::fs::symlink_metadata(&path) else { continue };
            let Ok(below) = path.strip_prefix(root) else { continue };
            let name = below.to_string_lossy().into_owned();
            let time = data.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            let time = time.and_then(|time| i64::try_from(time.as_secs()).ok());
            if data.is_dir() {
                if depth < DEEPEST {
                    waiting.push((path, depth + 1));
                }
                tree.add(&name, Kind::Folder, time, &mut io::empty())?;
            } else if data.is_symlink() {
                let target = std::fs::read_link(&path).map(|to| to.to_string_lossy().into_owned());
                tree.add(&name, Kind::Link(target.unwrap_or_default()), time, &mut io::empty())?;
            } else if !data.is_file() {
                tree.add(&name, Kind::Device, time, &mut io::empty())?;
            } else if tree.wants(&name) {
                // It may have become a link or a pipe since it was looked at.
                let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
                let options = i32::try_from(flags.bits()).unwrap_or_default();
                match File::options().read(true).custom_flags(options).open(&path) {
                    Ok(mut file) if file.metadata().is_ok_and(|data| data.is_file()) => {
                        tree.add(&name, Kind::File, time, &mut file)?;
                    }
                    Ok(_) => {}
                    Err(_) => tree.add_unreadable(&name),
                }
            } else {
                tree.add(&name, Kind::File, time, &mut io::empty())?;
            }
        }
    }
    Ok(if refused == 0 {
        Reading::Whole
    } else {
        Reading::Broken(format!("{refused} of its folders may not be read by this account"))
    })
}
