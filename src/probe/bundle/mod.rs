//! Support bundles to facts: sosreport, supportconfig, `crm report` (hb_report) and Pacemaker's `crm_report`, as folder or
//! archive, several at once for several nodes; and recordings of several nodes.
//!
//! A bundle is read once, from its beginning to its end, and nothing is written anywhere. It has the same shape as the answer
//! of a live host, named outputs, so the same parsers read both. What a bundle does not hold is a gap, never a guess; keys
//! and passwords in it are never kept.

mod analysis;
mod blocks;
mod cluster;
mod crm;
mod date;
mod material;
mod merge;
mod networks;
mod outputs;
mod secrets;
mod sos;
mod source;
mod supportconfig;
mod tree;
mod wanted;

pub use material::BundleKind;
pub use source::is_archive;

use crate::facts::{Document, LoadError};
use jiff::Timestamp;
use material::Material;
use rayon::prelude::*;
use source::Reading;
use std::path::{Path, PathBuf};
use tree::Tree;

/// What is understood, for messages.
pub const UNDERSTOOD: &str = "a sosreport, a supportconfig, a crm report or hb_report, or a crm_report of Pacemaker, as folder \
    or as tar, tar.gz, tar.bz2, tar.xz or tar.zst";

/// Most bundles and recordings of one check.
const MOST_FILES: usize = 1024;

/// What is wrong with what was given.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It cannot be read.
    #[error("{file}: {source}")]
    Io {
        /// The file or folder.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of another kind.
    #[error("{file}: this is {what}, which is not read as a bundle")]
    Other {
        /// The file.
        file: String,
        /// What it is.
        what: &'static str,
    },
    /// A folder or archive in which nothing is known.
    #[error("{file}: no bundle that is known{}", shown(.found, .broken))]
    Unknown {
        /// The folder or archive.
        file: String,
        /// What stands at its top.
        found: Vec<String>,
        /// Why it was not read to its end.
        broken: Option<String>,
    },
    /// A recording that cannot be read.
    #[error(transparent)]
    Recording(#[from] LoadError),
    /// Too many files.
    #[error("{file}: it holds more than {MOST_FILES} bundles and recordings")]
    TooMany {
        /// The folder.
        file: String,
    },
}

fn shown(found: &[String], broken: &Option<String>) -> String {
    let top = if found.is_empty() {
        "; it is empty".to_owned()
    } else {
        format!("; at its top stand {}", found.join(", "))
    };
    match broken {
        Some(why) => format!("{top}; {why}"),
        None => top,
    }
}

impl BundleError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            BundleError::Io { .. } => "name a file or folder that can be read".to_owned(),
            BundleError::Other { what, .. } if what.contains("encrypted") => "decrypt it first".to_owned(),
            BundleError::Other { .. } => format!("unpack it and name the folder; understood is {UNDERSTOOD}"),
            BundleError::Unknown { broken: Some(_), .. } => {
                format!(
                    "what is known may stand behind that: unpack it and name the folder; understood is {UNDERSTOOD}"
                )
            }
            BundleError::Unknown { .. } => format!("understood is {UNDERSTOOD}"),
            BundleError::Recording(_) => "`quorate probe -o FILE` writes recordings".to_owned(),
            BundleError::TooMany { .. } => "name those of one cluster".to_owned(),
        }
    }
}

/// Facts out of bundles, with what is to be told of them.
#[derive(Debug)]
pub struct Gathered {
    /// The facts of one cluster.
    pub document: Document,
    /// What whoever handles the bundles should know: keys that they hold, members that were refused, bundles that were left
    /// out, each as one sentence.
    pub notes: Vec<String>,
}

/// Whether a path is to be read as a bundle or a folder of them: it is an archive, or a folder without a `cluster.toml`.
pub fn is_bundle(path: &Path) -> bool {
    if path.is_dir() {
        return !path.join("cluster.toml").is_file();
    }
    source::is_archive(path) || source::other_archive(path).is_some()
}

/// Reads bundles and recordings of one cluster.
///
/// Bundles of nodes of another cluster than most are left out and told; their nodes are in the document, not reached.
///
/// # Errors
/// [`BundleError`] for the first of them that cannot be read at all. A bundle that is cut off or damaged is read as far as
/// it goes.
pub fn read(paths: &[PathBuf]) -> Result<Gathered, BundleError> {
    let parts: Vec<Part> = paths
        .par_iter()
        .map(|path| part(path, true))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .flatten()
        .collect();
    let mut materials = Vec::new();
    let mut recordings = Vec::new();
    for part in parts {
        match part {
            Part::Bundle(all) => materials.extend(all),
            Part::Recording(file, document) => recordings.push((file, *document)),
        }
    }
    let mut gathered = if materials.is_empty() { None } else { Some(cluster::document(materials)) };
    if !recordings.is_empty() {
        gathered = Some(merge::recordings(gathered, recordings));
    }
    Ok(gathered.unwrap_or_else(|| Gathered { document: Document::empty(), notes: Vec::new() }))
}

/// Reads one archive that is in memory; `file` is what messages and provenance call it.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], file: &str) -> Result<Gathered, BundleError> {
    let mut tree = Tree::default();
    let reading = source::read_bytes(bytes, &mut tree)
        .map_err(|_| BundleError::Other { file: file.to_owned(), what: "no archive that is known" })?;
    let broken = match reading {
        Reading::Whole => None,
        Reading::Broken(why) => Some(why),
    };
    let materials = materials(&tree, file, broken.as_deref());
    if materials.is_empty() {
        return Err(BundleError::Unknown { file: file.to_owned(), found: tree.top(), broken });
    }
    Ok(cluster::document(materials))
}

/// What one path comes to.
enum Part {
    Bundle(Vec<Material>),
    Recording(String, Box<Document>),
}

fn part(path: &Path, expand: bool) -> Result<Vec<Part>, BundleError> {
    let file = path.display().to_string();
    if !path.is_dir() && !source::is_archive(path) {
        if let Some(what) = source::other_archive(path) {
            return Err(BundleError::Other { file, what });
        }
        if is_recording(path) {
            return Ok(vec![Part::Recording(file, Box::new(Document::read(path)?))]);
        }
        if !path.exists() {
            let source = std::io::Error::from(std::io::ErrorKind::NotFound);
            return Err(BundleError::Io { file, source });
        }
    }
    let mut tree = Tree::default();
    let reading = match source::read(path, &mut tree) {
        Ok(reading) => reading,
        Err(source) if source.kind() == std::io::ErrorKind::InvalidData => {
            return Err(BundleError::Other { file, what: "no archive that is known" });
        }
        Err(source) => return Err(BundleError::Io { file, source }),
    };
    let broken = match reading {
        Reading::Whole => None,
        Reading::Broken(why) => Some(why),
    };
    let materials = materials(&tree, &file, broken.as_deref());
    if !materials.is_empty() {
        return Ok(vec![Part::Bundle(materials)]);
    }
    if path.is_dir() && expand {
        let files = files_of(path).map_err(|source| BundleError::Io { file: file.clone(), source })?;
        if files.len() > MOST_FILES {
            return Err(BundleError::TooMany { file });
        }
        if !files.is_empty() {
            let parts: Vec<Vec<Part>> =
                files.par_iter().map(|file| part(file, false)).collect::<Result<_, _>>()?;
            return Ok(parts.into_iter().flatten().collect());
        }
    }
    Err(BundleError::Unknown { file, found: tree.top(), broken })
}

/// The archives and recordings in a folder, in the order of their names.
fn files_of(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.is_file() && (is_recording(path) || source::is_archive(path)));
    files.sort();
    Ok(files)
}

fn is_recording(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|ending| ending == "json")
}

/// What a tree holds, node by node, whatever bundles it is made of.
fn materials(tree: &Tree, file: &str, broken: Option<&str>) -> Vec<Material> {
    let mut out: Vec<Material> = Vec::new();
    let sos: Vec<&str> = tree.sos_roots().collect();
    out.extend(sos.iter().map(|root| sos::read(tree, root, file)));
    let supportconfigs = supportconfig::find(tree);
    out.extend(supportconfigs.iter().map(|root| supportconfig::read(tree, root, file)));
    for report in crm::find(tree) {
        let inside = |root: &str| report.root.starts_with(root);
        if sos.iter().any(|root| inside(&format!("{root}sos_commands/"))) {
            continue;
        }
        // A supportconfig may hold a report of the whole cluster: what it tells of the node itself goes with the rest.
        let around = supportconfigs.iter().any(|root| inside(root));
        for found in crm::read(tree, &report, file) {
            let same = |material: &&mut Material| around && cluster::same_host(&material.name, &found.name);
            match out.iter_mut().find(same) {
                Some(material) => material.join(found),
                None => out.push(found),
            }
        }
    }
    let newest = tree.newest.and_then(|seconds| Timestamp::from_second(seconds).ok());
    for material in &mut out {
        material.made = material.made.or(newest);
        material.broken = broken
            .map(str::to_owned)
            .or_else(|| tree.overfull.then(|| "it holds more than is kept of one bundle".to_owned()));
    }
    if let Some(first) = out.first_mut()
        && tree.refusals > 0
    {
        first.notes.push(format!(
            "{} of its members were refused: {}",
            tree.refusals,
            tree.refused.join("; ")
        ));
    }
    out
}

#[cfg(test)]
mod tests;
