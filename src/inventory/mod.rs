//! `cluster.toml`: what should be, read with every mistake at its place.
//!
//! [`Inventory::load`] gives a validated inventory or all that is wrong with the file. Nothing is contacted and no
//! secret is fetched by reading. Paths in the file are relative to the file.

mod check;
mod declare;
mod identity;
mod locate;
mod model;
mod plan;
mod raw;
mod schema;
mod secret;
pub mod template;
#[cfg(test)]
mod tests;

pub use identity::*;
pub use locate::*;
pub use model::*;
pub use plan::{lay_over, lay_over_carried};
pub use raw::{ChapAlgorithm, SeverityWord};
pub use schema::json_schema;
pub use secret::{Secret, SecretError, SecretSource};

use crate::source::{Problems, SourceFile, Span, Table};
use regex::Regex;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

impl Inventory {
    /// Reads a `cluster.toml`.
    ///
    /// # Errors
    /// The file cannot be read, or everything that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::parse(&SourceFile::read(path)?)
    }

    /// Reads an inventory out of a file in memory. Paths in it are relative to the file's directory, or to the working
    /// directory where it has none.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(file: &Arc<SourceFile>) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        for range in secrets_in_plain_text(file.text()) {
            problems.mask(&Span::new(file, range));
        }
        let directory = file.path().and_then(Path::parent).map_or_else(PathBuf::new, Path::to_owned);
        let table = Table::parse(file, &mut problems);
        let damaged = table.is_damaged();
        let raw = raw::RawInventory::from_table(table, &mut problems);
        let inventory = check::inventory(file, directory, raw, damaged, &mut problems);
        match inventory {
            Some(inventory) => problems.or(inventory),
            None => Err(problems),
        }
    }
}

impl Inventory {
    /// Whether what the file refers to is there: recordings, directories of rules, files and variables of secrets.
    /// For before a probe; a plan can be judged without.
    ///
    /// # Errors
    /// Everything that is missing, at its place in the file.
    pub fn check_references(&self) -> Result<(), Problems> {
        let mut problems = Problems::new();
        for node in &self.nodes {
            if let ProbeMethod::Facts(path) = &node.probe
                && !path.is_file()
            {
                let message = format!("there is no recording {}", path.display());
                problems.push(
                    node.probe_span
                        .problem(message, "no such file")
                        .help("`quorate probe -o FILE` writes one"),
                );
            }
        }
        for directory in self.rules.directories.iter().filter(|directory| !directory.is_dir()) {
            let message = format!("there is no directory {}", directory.display());
            problems.push(directory.span.problem(message, "no such directory"));
        }
        for chap in self.targets.iter().filter_map(|target| target.chap.as_ref()) {
            chap.secret.check(&mut problems);
            if let Some((_, secret)) = &chap.mutual {
                secret.check(&mut problems);
            }
        }
        problems.or(())
    }
}

/// What stands behind `secret =` and does not say where it is to be found, whether it is sound TOML or not.
fn secrets_in_plain_text(text: &str) -> Vec<Range<usize>> {
    static SECRET: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?:secret|password)["']?[ \t]*=[ \t]*([^\s][^\n]*)"#).expect("the expression is sound")
    });
    static SOURCE: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"^\{\s*["']?(?:env|file|command|prompt)\b"#).expect("the expression is sound")
    });
    let values = SECRET.captures_iter(text).filter_map(|found| found.get(1));
    let plain = values.filter(|value| !SOURCE.is_match(value.as_str()));
    plain.map(|value| value.start()..end_of_value(text, value.range())).collect()
}

/// A string in three quotes goes on to the next three, or to the end of the file.
fn end_of_value(text: &str, line: Range<usize>) -> usize {
    let Some(quotes) = ["\"\"\"", "'''"].into_iter().find(|quotes| text[line.clone()].starts_with(quotes))
    else {
        return line.end;
    };
    let inside = line.start + quotes.len();
    text[inside..].find(quotes).map_or(text.len(), |at| line.end.max(inside + at + quotes.len()))
}
