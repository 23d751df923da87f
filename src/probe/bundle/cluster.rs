//! Nodes out of what bundles hold of them, and the cluster out of its nodes.

use super::material::Material;
use super::{Gathered, networks};
use crate::facts::{Document, Gap, GapReason, Node, Platform, ProbeKind, Run, Source, SourceKind};
use crate::probe::explain::{Bundle, explain_bundle};
use crate::probe::linux;
use crate::probe::linux::cluster::{ClusterReading, Missing};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// A node that was read.
struct Read {
    node: Node,
    gaps: Vec<Gap>,
    sources: Vec<Source>,
    file: String,
    kind: &'static str,
    made: Option<Timestamp>,
    broken: Option<String>,
    /// What it says of the cluster as a whole, and the members that its CIB and its status come from.
    cluster: ClusterReading,
    of_cluster: [String; 2],
}

/// Whether two names mean the same host: they are equal, or one is the first label of the other.
pub fn same_host(a: &str, b: &str) -> bool {
    let short = |name: &str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let bare = |name: &str| !name.contains('.');
    a.eq_ignore_ascii_case(b) || ((bare(a) || bare(b)) && !a.is_empty() && short(a) == short(b))
}

/// The document of one cluster out of all that bundles hold.
pub fn document(materials: Vec<Material>) -> Gathered {
    let mut notes = Vec::new();
    for material in &materials {
        notes.extend(material.notes.iter().map(|note| format!("{}: {note}", material.file)));
        if let Some(why) = &material.broken {
            notes.push(format!("{}: not read to its end: {why}", material.file));
        }
    }
    let mut nodes: Vec<Read> = materials.into_iter().map(read).collect();
    name(&mut nodes);
    newest(&mut nodes, &mut notes);
    let (mut ours, others) = apart(nodes);
    let mut document = Document::empty();
    document.run = Run {
        tool: Some(concat!("quorate ", env!("CARGO_PKG_VERSION")).to_owned()),
        started: ours
            .iter()
            .filter_map(|read| read.made)
            .max()
            .map(|made| made.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        complete: Some(ours.iter().all(|read| read.broken.is_none())),
        ..Run::default()
    };
    document.cluster.platform = Some(Platform::Pacemaker);
    let named =
        ours.iter().find_map(|read| read.node.corosync.cluster_name.clone().filter(|name| !name.is_empty()));
    document.cluster.name.clone_from(&named);
    let files: BTreeSet<&str> = ours.iter().map(|read| read.file.as_str()).collect();
    let files = files.into_iter().collect::<Vec<_>>().join(", ");
    document.sources.push(Source {
        path: "cluster".to_owned(),
        kind: Some(SourceKind::Bundle),
        place: Some(files.clone()),
        item: None,
    });
    let known: BTreeSet<String> = ours.iter().flat_map(members).collect();
    pacemaker(&mut document, &mut ours);
    for read in ours {
        document.nodes.push(read.node);
        document.gaps.extend(read.gaps);
        document.sources.extend(read.sources);
    }
    for member in known {
        if !document.nodes.iter().any(|node| same_host(&node.name, &member)) {
            let detail = format!("it is a member of the cluster, and no bundle of it is among {files}");
            document.gaps.push(gap(format!("nodes[{member}]"), detail));
            document.nodes.push(absent(member));
        }
    }
    for read in others {
        let theirs = cluster_of(&read.node).unwrap_or_else(|| "another one".to_owned());
        let detail = format!(
            "its bundle {} is of another cluster ({theirs}) than {files} ({})",
            read.file,
            named.as_deref().unwrap_or("without a name")
        );
        notes.push(format!("{}: left out, {detail}; check each cluster by itself", read.node.name));
        if document.nodes.iter().all(|node| node.name != read.node.name) {
            document.gaps.push(gap(format!("nodes[{}]", read.node.name), detail));
            document.nodes.push(absent(read.node.name));
        }
    }
    document.gaps.push(gap("links".to_owned(), "a bundle holds no measurement between hosts".to_owned()));
    networks::fill(&mut document);
    Gathered { document, notes }
}

/// What the nodes say of the cluster as a whole: the newest CIB, and the status of one that has quorum.
fn pacemaker(document: &mut Document, nodes: &mut [Read]) {
    let places: Vec<(String, String, [String; 2])> = nodes
        .iter_mut()
        .map(|read| (read.node.name.clone(), read.file.clone(), std::mem::take(&mut read.of_cluster)))
        .collect();
    let readings: Vec<(String, ClusterReading)> =
        nodes.iter_mut().map(|read| (read.node.name.clone(), std::mem::take(&mut read.cluster))).collect();
    let Some(mut found) = crate::probe::cluster::join(&readings) else { return };
    for source in &mut found.sources {
        let place = places.iter().find(|(node, ..)| source.place.as_deref() == Some(node));
        let Some((_, file, [cib, status])) = place else { continue };
        let of_status = source.item.as_deref().is_some_and(|item| item.starts_with("crm_mon"));
        source.kind = Some(SourceKind::Bundle);
        source.place = Some(file.clone());
        source.item = Some(if of_status { status.clone() } else { cib.clone() });
    }
    document.cluster.pacemaker = found.facts;
    document.gaps.extend(found.gaps);
    document.sources.extend(found.sources);
}

fn gap(path: String, detail: String) -> Gap {
    Gap { path, reason: Some(GapReason::NotCollected), detail: Some(detail) }
}

fn absent(name: String) -> Node {
    Node { name, probe: Some(ProbeKind::Facts), reached: Some(false), ..Node::default() }
}

/// Reads one node.
fn read(mut material: Material) -> Read {
    material.doubt_parts();
    let (kind, file, name, made, broken) = (
        material.kind.words(),
        material.file.clone(),
        material.name.clone(),
        material.made,
        material.broken.clone(),
    );
    let troubles = material.troubles.clone();
    let (answer, origins) = material.answer();
    let reading = linux::node::read(&answer, &[]);
    let at = when(made);
    let mut node = reading.node;
    node.name = name;
    node.reached = Some(true);
    node.probe = Some(ProbeKind::Facts);
    let bundle =
        Bundle { kind, file: &file, origins: &origins, troubles: &troubles, broken: broken.as_deref() };
    let (gaps, mut sources) = explain_bundle(&node, &answer, &reading.unread, &bundle);
    sources.insert(
        0,
        Source {
            path: format!("nodes[{}]", node.name),
            kind: Some(SourceKind::Bundle),
            place: Some(file.clone()),
            item: Some(format!("{kind}, made {at}")),
        },
    );
    let mut cluster = reading.cluster;
    // Nothing was asked of a host here: the bundle holds it, or does not.
    let why = |sections: &[&str], what: &str| -> Missing {
        let told = sections.iter().find_map(|section| troubles.get(section).cloned());
        told.unwrap_or_else(|| match &broken {
            Some(why) => (GapReason::CommandFailed, format!("{file} was not read to its end: {why}")),
            None => (GapReason::NotCollected, format!("{kind} does not hold {what}")),
        })
    };
    if let Err(missing) = &mut cluster.cib
        && missing.0 == GapReason::NotCollected
    {
        *missing = why(&["cib", "cib-file"], "the CIB");
    }
    if let Err(missing) = &mut cluster.status
        && missing.0 == GapReason::NotCollected
    {
        *missing = why(&["crm-mon", "crm-mon-old"], "the status as XML (crm_mon --output-as=xml)");
    }
    let of = |sections: &[&str]| -> String {
        let members = sections.iter().find_map(|section| origins.get(*section));
        members.map(|all| all.join(", ")).unwrap_or_default()
    };
    let of_cluster = [of(&["cib", "cib-file"]), of(&["crm-mon", "crm-mon-old"])];
    Read { node, gaps, sources, file, kind, made, broken, cluster, of_cluster }
}

/// The names by which a node's cluster knows its members.
fn members(read: &Read) -> Vec<String> {
    let node = &read.node;
    let of_cib = read.cluster.cib.iter().flat_map(|cib| cib.facts.nodes.iter().flatten());
    let of_cib = of_cib
        .filter(|member| member.kind.as_deref().is_none_or(|kind| kind == "member"))
        .map(|member| member.name.clone());
    let listed = node.corosync.nodelist.iter().flatten().filter_map(|member| member.name.clone());
    listed
        .chain(node.corosync.members.iter().flatten().cloned())
        .chain(of_cib)
        .filter(|name| !name.is_empty())
        .collect()
}

fn cluster_of(node: &Node) -> Option<String> {
    node.corosync.cluster_name.clone().filter(|name| !name.is_empty())
}

/// Gives each node the name that its cluster knows it by.
fn name(nodes: &mut [Read]) {
    let known: BTreeSet<String> = nodes.iter().flat_map(members).collect();
    for read in nodes {
        let own = read.node.name.clone();
        let new = known
            .iter()
            .find(|name| **name == own)
            .or_else(|| known.iter().find(|name| same_host(name, &own)))
            .cloned()
            .unwrap_or_else(|| if own.is_empty() { "unnamed".to_owned() } else { own.clone() });
        rename(read, &new);
    }
}

fn rename(read: &mut Read, new: &str) {
    let old = format!("nodes[{}]", read.node.name);
    let moved = |path: &str| match path.strip_prefix(&old) {
        Some(below) => format!("nodes[{new}]{below}"),
        None => path.to_owned(),
    };
    read.gaps.iter_mut().for_each(|gap| gap.path = moved(&gap.path));
    read.sources.iter_mut().for_each(|source| source.path = moved(&source.path));
    new.clone_into(&mut read.node.name);
}

/// Of several bundles of one node the newest counts; the others are told.
fn newest(nodes: &mut Vec<Read>, notes: &mut Vec<String>) {
    let mut out: Vec<Read> = Vec::new();
    for read in nodes.drain(..) {
        let Some(known) = out.iter_mut().find(|known| known.node.name == read.node.name) else {
            out.push(read);
            continue;
        };
        let (newer, older) = if read.made > known.made {
            (read, std::mem::replace(known, placeholder()))
        } else {
            (std::mem::replace(known, placeholder()), read)
        };
        notes.push(format!(
            "{}: {} ({}, made {}) counts, {} ({}, made {}) does not: of several bundles of one node the newest is read",
            newer.node.name,
            newer.file,
            newer.kind,
            when(newer.made),
            older.file,
            older.kind,
            when(older.made)
        ));
        *known = newer;
        if let Some(item) = known.sources.first_mut().and_then(|source| source.item.as_mut()) {
            item.push_str(&format!("; it counts before {}, made {}", older.file, when(older.made)));
        }
    }
    *nodes = out;
}

fn when(made: Option<Timestamp>) -> String {
    made.map_or_else(|| "at an unknown time".to_owned(), |made| made.strftime("%Y-%m-%d %H:%M").to_string())
}

fn placeholder() -> Read {
    Read {
        node: Node::default(),
        gaps: Vec::new(),
        sources: Vec::new(),
        file: String::new(),
        kind: "",
        made: None,
        broken: None,
        cluster: ClusterReading::default(),
        of_cluster: Default::default(),
    }
}

/// The nodes of the cluster that most of them are of, and the others. Two are of one cluster where one names the other, or
/// both name the same member, or where it cannot be told and their clusters' names do not differ.
fn apart(nodes: Vec<Read>) -> (Vec<Read>, Vec<Read>) {
    let mut groups: Vec<Vec<Read>> = Vec::new();
    for read in nodes {
        let fits: Vec<usize> =
            (0..groups.len()).filter(|at| groups[*at].iter().any(|other| together(&read, other))).collect();
        let mut group = vec![];
        for at in fits.into_iter().rev() {
            let mut joined = groups.remove(at);
            joined.append(&mut group);
            group = joined;
        }
        group.push(read);
        groups.push(group);
    }
    let most = groups.iter().map(Vec::len).max().unwrap_or_default();
    let mut ours = Vec::new();
    let mut others = Vec::new();
    for group in groups {
        if ours.is_empty() && group.len() == most { ours = group } else { others.extend(group) }
    }
    (ours, others)
}

fn together(a: &Read, b: &Read) -> bool {
    let (of_a, of_b) = (members(a), members(b));
    let (a, b) = (&a.node, &b.node);
    let names = |list: &[String], name: &str| list.iter().any(|member| same_host(member, name));
    if names(&of_a, &b.name) || names(&of_b, &a.name) || of_a.iter().any(|member| names(&of_b, member)) {
        return true;
    }
    let known = !of_a.is_empty() && !of_b.is_empty();
    match (cluster_of(a), cluster_of(b)) {
        (Some(a), Some(b)) => a == b && !known,
        _ => !known,
    }
}
