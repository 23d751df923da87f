//! Nodes out of recorded facts: `facts:FILE`.

use crate::facts::{Document, Gap, Node, Source, SourceKind};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Recordings that were read, so that several nodes may share one.
#[derive(Default)]
pub(super) struct Recordings(Mutex<HashMap<PathBuf, Arc<Result<Document, String>>>>);

/// A node as it was recorded, with what the recording says of its facts, under the name that the plan gives it.
#[derive(Debug, PartialEq)]
pub(super) struct Recorded {
    pub node: Node,
    pub gaps: Vec<Gap>,
    pub sources: Vec<Source>,
}

impl Recordings {
    fn read(&self, path: &Path) -> Arc<Result<Document, String>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || Arc::new(Document::read(path).map_err(|error| error.to_string()));
        known.entry(path.to_owned()).or_insert_with(read).clone()
    }

    /// The node of that name in a recording, or the only one that is in it.
    ///
    /// # Errors
    /// What is wrong with the recording, or that it does not hold the node.
    pub fn node(&self, path: &Path, name: &str) -> Result<Recorded, String> {
        let read = self.read(path);
        let document = read.as_ref().as_ref().map_err(Clone::clone)?;
        let found = match document.nodes.as_slice() {
            [only] => Some(only),
            all => all.iter().find(|node| node.name == name),
        };
        let Some(found) = found else {
            let names: Vec<&str> = document.nodes.iter().map(|node| node.name.as_str()).collect();
            let names = if names.is_empty() { "no node".to_owned() } else { names.join(", ") };
            return Err(format!("{}: there is no node `{name}` in it, only {names}", path.display()));
        };
        let old = format!("nodes[{}]", found.name);
        let new = format!("nodes[{name}]");
        let moved = |at: &str| {
            let below = at.strip_prefix(&old).filter(|rest| rest.is_empty() || rest.starts_with('.'))?;
            Some(format!("{new}{below}"))
        };
        // What was derived is derived anew.
        let sources = document.sources.iter().filter(|source| source.kind != Some(SourceKind::Derived));
        let mut out = Recorded {
            node: Node {
                name: name.to_owned(),
                reached: Some(found.reached != Some(false)),
                ..found.clone()
            },
            gaps: document
                .gaps
                .iter()
                .filter_map(|gap| Some(Gap { path: moved(&gap.path)?, ..gap.clone() }))
                .collect(),
            sources: sources
                .filter_map(|source| Some(Source { path: moved(&source.path)?, ..source.clone() }))
                .collect(),
        };
        out.sources.insert(
            0,
            Source {
                path: new,
                kind: Some(SourceKind::Recording),
                place: Some(path.display().to_string()),
                item: Some(match &document.run.started {
                    Some(started) => format!("{old}, recorded {started}"),
                    None => old,
                }),
            },
        );
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"{"schema":"quorate/1","run":{"started":"2026-03-03T09:12:44Z"},"nodes":[{"name":"a","reached":true,"os":{"release":"12"}},{"name":"b","reached":false}],
        "gaps":[{"path":"nodes[a].cpu","reason":"command-absent"},{"path":"nodes[b]","reason":"timed-out"},{"path":"nodes[ab].cpu"}],
        "sources":[{"path":"nodes[a].os","kind":"file","place":"a","item":"/etc/os-release"},{"path":"nodes[a].networks","kind":"derived"}]}"#;

    fn folder(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.json");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_node_comes_with_its_gaps_and_sources() {
        let (_folder, path) = folder(TWO);
        let recordings = Recordings::default();
        let a = recordings.node(&path, "a").unwrap();
        assert_eq!(a.node.os.release.as_deref(), Some("12"));
        assert_eq!(a.gaps.len(), 1);
        let places: Vec<_> = a.sources.iter().map(|source| (source.path.as_str(), source.kind)).collect();
        assert_eq!(
            places,
            [("nodes[a]", Some(SourceKind::Recording)), ("nodes[a].os", Some(SourceKind::File))]
        );
        assert_eq!(recordings.node(&path, "b").unwrap().node.reached, Some(false), "it was not reached then");
    }

    #[test]
    fn the_only_node_needs_no_name() {
        let (_folder, path) =
            folder(r#"{"schema":"quorate/1","nodes":[{"name":"old"}],"gaps":[{"path":"nodes[old].cpu"}]}"#);
        let found = Recordings::default().node(&path, "new").unwrap();
        assert_eq!((found.node.name.as_str(), found.node.reached), ("new", Some(true)));
        assert_eq!(found.gaps[0].path, "nodes[new].cpu");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let (_folder, path) = folder(TWO);
        let recordings = Recordings::default();
        assert!(recordings.node(&path, "c").unwrap_err().ends_with("there is no node `c` in it, only a, b"));
        let (_folder, broken) = folder("{\"schema\":\"quorate/1\",");
        assert!(recordings.node(&broken, "a").unwrap_err().contains("facts.json:1:"));
        assert!(recordings.node(Path::new("/nowhere/x.json"), "a").unwrap_err().contains("/nowhere/x.json"));
    }
}
