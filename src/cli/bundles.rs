//! Support bundles on the command line: what is taken for one, and how their facts come.

use super::terminal::Terminal;
use crate::facts::Document;
use crate::probe::bundle;
use crate::source::{Problem, Problems};
use std::path::{Path, PathBuf};

/// Whether paths are to be read as bundles: several are, and one that is an archive or a folder.
pub(super) fn are_bundles(paths: &[PathBuf]) -> bool {
    match paths {
        [] => false,
        [only] => only != Path::new("-") && bundle::is_bundle(only),
        _ => true,
    }
}

/// Reads bundles and recordings of one cluster; what is to be told of them goes to standard error.
pub(super) fn read(paths: &[PathBuf], terminal: &Terminal) -> Result<Document, Problems> {
    if let Some(plan) = paths.iter().find(|path| path.extension().is_some_and(|ending| ending == "toml")) {
        return Err(Problem::new(format!(
            "{} is a plan, and several paths are support bundles",
            plan.display()
        ))
        .help("give the plan with --plan, or name it alone")
        .into());
    }
    let gathered = bundle::read(paths).map_err(|error| Problem::new(error.to_string()).help(error.help()))?;
    for note in &gathered.notes {
        terminal.note(note);
    }
    Ok(gathered.document)
}
