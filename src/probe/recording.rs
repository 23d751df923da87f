//! Nodes out of recorded facts: `facts:FILE`.

use super::{Found, cluster};
use crate::facts::{Document, Fact, Gap, Layout, Node, Pacemaker, Places, Source, SourceKind};
use std::collections::{HashMap, HashSet};
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

    /// What the recordings that were read say of the cluster as a whole and of what it carries, without what is only their
    /// plan's word; of an element that several have, the first recording's word by the order of their paths.
    pub fn carried(&self) -> Found<Document> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut read: Vec<(&PathBuf, &Document)> =
            known.iter().filter_map(|(path, read)| Some((path, (**read).as_ref().ok()?))).collect();
        read.sort_by_key(|(path, _)| *path);
        let mut out = Found::<Document>::default();
        for (path, document) in read {
            let mut carried = found_only(document);
            let mut parts = Vec::new();
            if !out.facts.cluster.is_absent() {
                // Of the CIB the newest copy counts, whoever recorded it.
                let pacemaker = std::mem::take(&mut carried.cluster.pacemaker);
                cluster::lay_over_newer(&mut out, of_pacemaker(path, document, pacemaker));
            }
            if out.facts.cluster.is_absent() && !carried.cluster.is_absent() {
                out.facts.cluster = carried.cluster;
                parts.push("cluster");
            }
            let facts = &mut out.facts;
            if add(&mut facts.vms, carried.vms, |vm| &vm.name) {
                parts.push("vms");
            }
            if add(&mut facts.hosts, carried.hosts, |host| &host.name) {
                parts.push("hosts");
            }
            if add(&mut facts.volumes, carried.volumes, |volume| &volume.name) {
                parts.push("volumes");
            }
            if add(&mut facts.groups, carried.groups, |group| &group.name) {
                parts.push("groups");
            }
            if add(&mut facts.placements, carried.placements, |placement| &placement.name) {
                parts.push("placements");
            }
            let is_of = |at: &str| {
                parts.iter().any(|part| {
                    at.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                })
            };
            out.gaps.extend(document.gaps.iter().filter(|gap| is_of(&gap.path)).cloned());
            out.sources.extend(parts.iter().map(|part| Source {
                path: (*part).to_owned(),
                kind: Some(SourceKind::Recording),
                place: Some(path.display().to_string()),
                item: document.run.started.as_ref().map(|started| format!("recorded {started}")),
            }));
            let told = document.sources.iter().filter(|source| {
                !matches!(source.kind, Some(SourceKind::Plan | SourceKind::Derived)) && is_of(&source.path)
            });
            out.sources.extend(told.cloned());
        }
        out
    }
}

/// What a recording says of Pacemaker, with its gaps and sources.
fn of_pacemaker(path: &Path, document: &Document, facts: Pacemaker) -> Found<Pacemaker> {
    let below = |at: &str| at == "cluster.pacemaker" || at.starts_with("cluster.pacemaker.");
    let mut sources = vec![Source {
        path: "cluster.pacemaker".to_owned(),
        kind: Some(SourceKind::Recording),
        place: Some(path.display().to_string()),
        item: document.run.started.as_ref().map(|started| format!("recorded {started}")),
    }];
    let told = document.sources.iter().filter(|source| {
        !matches!(source.kind, Some(SourceKind::Plan | SourceKind::Derived)) && below(&source.path)
    });
    sources.extend(told.cloned());
    Found { facts, gaps: document.gaps.iter().filter(|gap| below(&gap.path)).cloned().collect(), sources }
}

/// Adds elements that are not there yet, and says whether there was a list.
fn add<T>(all: &mut Option<Vec<T>>, more: Option<Vec<T>>, key: impl Fn(&T) -> &String) -> bool {
    let Some(more) = more else { return false };
    let all = all.get_or_insert_default();
    let known: HashSet<String> = all.iter().map(|one| key(one).clone()).collect();
    all.extend(more.into_iter().filter(|one| !known.contains(key(one))));
    true
}

/// The parts of a recording that speak of the cluster and of what it carries, without what has its plan as the source.
fn found_only(document: &Document) -> Document {
    // Where the nodes are the hosts, the list of hosts is derived anew.
    let hosts_are_derived = document.cluster.layout == Some(Layout::Host);
    let parts = Document {
        cluster: document.cluster.clone(),
        vms: document.vms.clone(),
        hosts: document.hosts.clone().filter(|_| !hosts_are_derived),
        volumes: document.volumes.clone(),
        groups: document.groups.clone(),
        placements: document.placements.clone(),
        ..Document::default()
    };
    let places = Places::new(document);
    let planned = |at: &str| places.source(at).and_then(|source| source.kind) == Some(SourceKind::Plan);
    let Ok(mut value) = serde_json::to_value(&parts) else { return Document::default() };
    super::run::prune(&mut value, &Document::TYPE, "", &planned);
    for list in ["vms", "hosts", "volumes", "groups", "placements"] {
        let Some(all) = value.get_mut(list).and_then(serde_json::Value::as_array_mut) else { continue };
        let before = all.len();
        all.retain(|element| {
            let bare = element.as_object().is_none_or(|fields| fields.len() == 1);
            !(bare && planned(&format!("{list}[{}]", element["name"].as_str().unwrap_or_default())))
        });
        if all.is_empty() && before > 0 {
            value[list].take();
        }
    }
    serde_json::from_value(value).unwrap_or_default()
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
    fn what_a_cluster_carries_comes_without_the_word_of_an_old_plan() {
        let (_folder, path) = folder(
            r#"{"schema":"quorate/1","cluster":{"name":"c","layout":"host","ha":{"enabled":true}},"nodes":[{"name":"a"}],
            "vms":[{"name":"found","memory_bytes":1024,"protected":true},{"name":"planned","vcpus":2}],
            "groups":[{"name":"planned","kind":"x"}],
            "gaps":[{"path":"vms[found].host","reason":"permission-denied"},{"path":"groups[planned]"}],
            "sources":[{"path":"cluster","kind":"plan"},{"path":"cluster.ha","kind":"command"},
              {"path":"vms[found]","kind":"command"},{"path":"vms[found].protected","kind":"plan"},
              {"path":"vms[planned]","kind":"plan"},{"path":"groups[planned]","kind":"plan"}]}"#,
        );
        let recordings = Recordings::default();
        assert_eq!(recordings.carried(), Found::default(), "nothing was read");
        recordings.node(&path, "a").unwrap();
        let found = recordings.carried();
        assert_eq!(found.facts.cluster.layout, None);
        assert_eq!(found.facts.cluster.ha.enabled, Some(true));
        let vms = found.facts.vms.unwrap();
        assert_eq!(vms.len(), 1);
        assert_eq!(
            (vms[0].name.as_str(), vms[0].memory_bytes.is_some(), vms[0].protected),
            ("found", true, None)
        );
        assert_eq!(found.facts.groups, None, "all of them are only planned");
        assert_eq!(found.gaps.iter().map(|gap| gap.path.as_str()).collect::<Vec<_>>(), ["vms[found].host"]);
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
