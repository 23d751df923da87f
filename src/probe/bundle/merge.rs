//! Recordings of several nodes as one document.

use super::Gathered;
use crate::facts::{Document, Source, SourceKind};

/// Joins recordings, and what bundles gave, into one document: the newest gives what is said of the cluster; of several that
/// have a node the newest counts.
pub fn recordings(bundles: Option<Gathered>, recordings: Vec<(String, Document)>) -> Gathered {
    let mut notes = Vec::new();
    let mut all: Vec<(String, Document)> = recordings;
    if let Some(bundles) = bundles {
        notes.extend(bundles.notes);
        all.push((String::new(), bundles.document));
    }
    // The newest first; among equals the order in which they were named.
    all.sort_by(|(_, a), (_, b)| b.run.started.cmp(&a.run.started));
    let mut all = all.into_iter();
    let Some((first_file, mut out)) = all.next() else {
        return Gathered { document: Document::empty(), notes };
    };
    for (file, document) in all {
        let Document { nodes, networks, targets, gaps, sources, attestations, run, .. } = document;
        if run.complete == Some(false) {
            out.run.complete = Some(false);
        }
        let mut taken: Vec<String> = Vec::new();
        for node in nodes {
            let path = format!("nodes[{}]", node.name);
            match out.nodes.iter_mut().find(|known| known.name == node.name) {
                // A node that the newer one did not reach is taken from the older one.
                Some(known) if known.reached == Some(false) && node.reached == Some(true) => {
                    out.gaps.retain(|gap| !is_of(&gap.path, &path));
                    out.sources.retain(|source| !is_of(&source.path, &path));
                    *known = node;
                }
                Some(known) => {
                    if node.reached == Some(true) {
                        notes.push(format!(
                            "{}: of several recordings of one node the newest counts, {first_file} before {file}",
                            known.name
                        ));
                    }
                    continue;
                }
                None => out.nodes.push(node),
            }
            if !file.is_empty() {
                out.sources.push(Source {
                    path: path.clone(),
                    kind: Some(SourceKind::Recording),
                    place: Some(file.clone()),
                    item: run.started.as_ref().map(|started| format!("recorded {started}")),
                });
            }
            taken.push(path);
        }
        for network in networks {
            if !out.networks.iter().any(|known| known.name == network.name) {
                taken.push(format!("networks[{}]", network.name));
                out.networks.push(network);
            }
        }
        for target in targets {
            if !out.targets.iter().any(|known| known.name == target.name) {
                taken.push(format!("targets[{}]", target.name));
                out.targets.push(target);
            }
        }
        for attestation in attestations {
            if !out.attestations.iter().any(|known| known.subject == attestation.subject) {
                out.attestations.push(attestation);
            }
        }
        let ours = |at: &str| taken.iter().any(|path| is_of(at, path));
        out.gaps.extend(gaps.into_iter().filter(|gap| ours(&gap.path)));
        out.sources.extend(sources.into_iter().filter(|source| ours(&source.path)));
    }
    Gathered { document: out, notes }
}

fn is_of(at: &str, path: &str) -> bool {
    at.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text.as_bytes(), "x").unwrap()
    }

    #[test]
    fn nodes_of_several_recordings_come_together() {
        let old = document(
            r#"{"schema":"quorate/1","run":{"started":"2026-01-01T00:00:00Z","complete":true},"cluster":{"name":"c"},"nodes":[
            {"name":"a","reached":true,"hostname":"old"},{"name":"b","reached":true,"hostname":"b"}],
            "gaps":[{"path":"nodes[a].cpu"},{"path":"nodes[b].cpu"}]}"#,
        );
        let new = document(
            r#"{"schema":"quorate/1","run":{"started":"2026-02-01T00:00:00Z","complete":true},"cluster":{"name":"c"},"nodes":[
            {"name":"a","reached":true,"hostname":"new"},{"name":"b","reached":false}],"gaps":[{"path":"nodes[b]","reason":"unreachable"}]}"#,
        );
        let Gathered { document, notes } =
            recordings(None, vec![("old.json".into(), old), ("new.json".into(), new)]);
        let hosts: Vec<_> = document.nodes.iter().map(|node| node.hostname.as_deref()).collect();
        assert_eq!(hosts, [Some("new"), Some("b")]);
        assert_eq!(document.gaps.iter().map(|gap| gap.path.as_str()).collect::<Vec<_>>(), ["nodes[b].cpu"]);
        assert!(notes[0].contains("new.json before old.json"), "{notes:?}");
    }
}
