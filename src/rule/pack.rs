//! Where rules come from: the files in the program, and folders of the user's own.

use crate::source::{Prepared, Problem, Problems, SourceFile, Span, Table};
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod shipped {
    include!(concat!(env!("OUT_DIR"), "/shipped.rs"));
}

/// Most files that are read out of one folder.
const MOST_FILES: usize = 1000;

/// The rules to load.
#[derive(Clone, Debug, Default)]
pub struct RuleSources {
    /// Leaves out the rules and profiles that are part of the program.
    pub without_shipped: bool,
    /// Takes the rules that are part of the program to be sound, as the tests say they are, for a run that judges by some
    /// of them: without their examples, which are most of the text, and with the expressions only of those that are
    /// chosen checked.
    pub to_judge: bool,
    /// Folders of rule files; their `profiles` folders hold profiles.
    pub folders: Vec<RuleFolder>,
}

/// A folder of rule files.
#[derive(Clone, Debug)]
pub struct RuleFolder {
    /// The folder.
    pub path: PathBuf,
    /// Where `cluster.toml` names it; none when the command line does.
    pub named: Option<Span>,
}

impl RuleFolder {
    /// A folder that the command line names.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        RuleFolder { path: path.into(), named: None }
    }

    fn problem(&self, message: String) -> Problem {
        match &self.named {
            Some(span) => span.problem(message, "named here"),
            None => Problem::new(message),
        }
    }
}

/// A file of rules or a profile.
pub(super) struct RuleFile {
    /// Its text.
    pub file: Arc<SourceFile>,
    /// Its name without folder and ending.
    pub stem: String,
    /// Whether it is part of the program.
    pub shipped: bool,
    /// Whether it is taken to be sound, and its examples were left out. See [`RuleSources::to_judge`].
    pub to_judge: bool,
    /// Its tables, where it was parsed when the program was built.
    prepared: Option<&'static Prepared>,
}

/// All files, rules apart from profiles, those of the program first.
#[derive(Default)]
pub(super) struct RuleFiles {
    pub packs: Vec<RuleFile>,
    pub profiles: Vec<RuleFile>,
}

impl RuleFiles {
    /// Reads all files; those that cannot be read are added to `problems`.
    pub fn read(sources: &RuleSources, problems: &mut Problems) -> Self {
        let mut files = RuleFiles::default();
        if sources.to_judge && !sources.without_shipped {
            files.packs.extend(shipped::PREPARED_PACKS.iter().map(RuleFile::prepared));
            files.profiles.extend(shipped::PREPARED_PROFILES.iter().map(RuleFile::prepared));
        } else if !sources.without_shipped {
            let shipped = |(name, text): &(&str, &str)| RuleFile::in_memory(SourceFile::new(*name, *text));
            files.packs.extend(shipped::PACKS.iter().map(shipped));
            files.profiles.extend(shipped::PROFILES.iter().map(shipped));
        }
        for folder in &sources.folders {
            let profiles = folder.path.join("profiles");
            let packs = read_folder(&folder.path, problems, folder);
            let with_profiles = profiles.is_dir();
            if with_profiles {
                files.profiles.extend(read_folder(&profiles, problems, folder).into_iter().flatten());
            }
            match packs {
                Some(packs) if packs.is_empty() && !with_profiles => problems.push(
                    folder
                        .problem(format!("{}: holds no rule file", folder.path.display()))
                        .help("rule files end in `.toml`"),
                ),
                packs => files.packs.extend(packs.into_iter().flatten()),
            }
        }
        files
    }
}

impl RuleFile {
    /// A file that is in memory already.
    pub fn in_memory(file: Arc<SourceFile>) -> Self {
        let stem = stem(Path::new(file.name()));
        RuleFile { file, stem, shipped: true, to_judge: false, prepared: None }
    }

    /// A file of the program that was parsed when it was built.
    fn prepared(prepared: &'static Prepared) -> Self {
        let file = SourceFile::new(prepared.name, prepared.text);
        RuleFile { to_judge: true, prepared: Some(prepared), ..Self::in_memory(file) }
    }

    /// Its outermost table. Mistakes of syntax are added to `problems`.
    pub fn table(&self, problems: &mut Problems) -> Table {
        let prepared = self.prepared.and_then(|prepared| prepared.table(&self.file));
        prepared.unwrap_or_else(|| Table::parse(&self.file, problems))
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The TOML files of a folder, sorted by name; none when it cannot be read.
fn read_folder(path: &Path, problems: &mut Problems, folder: &RuleFolder) -> Option<Vec<RuleFile>> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(folder.problem(format!("{}: cannot be read: {error}", path.display())));
            return None;
        }
    };
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => names.push(entry.path()),
            Err(error) => {
                problems.push(folder.problem(format!("{}: cannot be read: {error}", path.display())));
            }
        }
    }
    // Files that begin with a dot are an editor's or a file system's.
    let hidden = |name: &Path| name.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    names.retain(|name| name.extension().is_some_and(|ending| ending == "toml") && !hidden(name));
    names.sort();
    if names.len() > MOST_FILES {
        problems.push(folder.problem(format!(
            "{}: holds {} files, more than {MOST_FILES}; it is no folder of rules",
            path.display(),
            names.len()
        )));
        return None;
    }
    let mut files = Vec::new();
    for name in names {
        match SourceFile::read(&name) {
            Ok(file) => {
                files.push(RuleFile {
                    file,
                    stem: stem(&name),
                    shipped: false,
                    to_judge: false,
                    prepared: None,
                });
            }
            Err(problem) => problems.push(problem),
        }
    }
    Some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_parsed_at_build_time_is_what_parsing_gives() {
        let all: Vec<_> = shipped::PREPARED_PACKS.iter().chain(shipped::PREPARED_PROFILES).collect();
        assert_eq!(all.len(), shipped::PACKS.len() + shipped::PROFILES.len());
        for prepared in all {
            let file = SourceFile::new(prepared.name, prepared.text);
            let mut problems = Problems::new();
            let parsed = Table::parse(&file, &mut problems);
            assert!(problems.is_empty(), "{problems}");
            let table = prepared.table(&file).unwrap_or_else(|| panic!("{} has no tree", prepared.name));
            assert_eq!(format!("{table:?}"), format!("{parsed:?}"));
        }
    }
}
