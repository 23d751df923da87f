//! Cluster reports: `crm report` of crmsh (once hb_report) and `crm_report` of Pacemaker, by themselves or inside another
//! bundle. Each node has a folder; files that the report takes for equal stand once, at its top.

use super::analysis::{Analysis, apply};
use super::blocks::of_sysstats;
use super::material::{BundleKind, Handed, Material};
use super::outputs::Place;
use super::tree::{Held, Tree};
use super::{date, outputs};
use crate::facts::GapReason;
use std::collections::BTreeSet;

/// Files of a report that are of use.
pub const FILES: &[&str] = &[
    "analysis.txt",
    "description.txt",
    "members.txt",
    "corosync.conf",
    "cib.xml.live",
    "cib.xml",
    "crm_mon.txt",
    "crm_verify.txt",
    "sysinfo.txt",
    "sysstats.txt",
    "corosync.dump",
    "corosync.quorum",
    "corosync_status.txt",
    "quorum_qdevice_qnetd.txt",
    "sbd",
    "sbd.txt",
    "permissions.txt",
    "dlm_dump.txt",
    "drbd.conf",
    "drbd_info.txt",
    "booth.conf",
    "os-release",
    "time.txt",
    "RUNNING",
    "STOPPED",
    "DC",
];

/// Files that show that a folder is a node's: one of the first and one of the second list.
const TELL: &[&str] = &["cib.xml", "cib.xml.live", "corosync.conf", "sysinfo.txt", "members.txt"];
const STATE: &[&str] = &[
    "sysstats.txt",
    "crm_mon.txt",
    "sysinfo.txt",
    "members.txt",
    "RUNNING",
    "STOPPED",
    "DC",
    "permissions.txt",
];

/// Files whose text goes to a section as it is.
const WHOLE: &[(&str, &str)] = &[
    ("corosync.conf", "corosync"),
    ("os-release", "os-release"),
    ("cib.xml.live", "cib"),
    ("crm_verify.txt", "crm-verify"),
    ("corosync.dump", "corosync-cmap"),
    ("corosync.quorum", "corosync-quorumtool"),
    ("sbd", "sbd-config"),
    ("drbd.conf", "drbd-conf"),
];

/// A report inside a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its folder, with `/` at the end, or empty.
    pub root: String,
    /// Names of its nodes' folders.
    pub nodes: Vec<String>,
    /// Which program wrote it.
    pub kind: BundleKind,
}

/// The reports in a bundle.
pub fn find(tree: &Tree) -> Vec<Report> {
    let mut folders: BTreeSet<(String, String)> = BTreeSet::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for name in tree.names("") {
        let Some((folder, _)) = name.rsplit_once('/') else { continue };
        if !seen.insert(folder) {
            continue;
        }
        let has = |list: &[&str]| -> Vec<usize> {
            let there = |file: &&str| {
                let path = format!("{folder}/{file}");
                tree.get(&path).is_some() || tree.link(&path).is_some()
            };
            list.iter().enumerate().filter(|(_, file)| there(file)).map(|(at, _)| at).collect()
        };
        let (tell, state) = (has(TELL), has(STATE));
        // Two different files at least: a lone sysinfo.txt is no node.
        let count =
            tell.iter().map(|at| TELL[*at]).chain(state.iter().map(|at| STATE[*at])).collect::<BTreeSet<_>>();
        if tell.is_empty() || state.is_empty() || count.len() < 2 {
            continue;
        }
        let (root, node) = folder.rsplit_once('/').map_or(("", folder), |(root, node)| (root, node));
        let root = if root.is_empty() { String::new() } else { format!("{root}/") };
        folders.insert((root, node.to_owned()));
    }
    // The top of a report looks like a node's folder, since equal files are there.
    let roots: BTreeSet<String> = folders.iter().map(|(root, _)| root.clone()).collect();
    folders.retain(|(root, node)| !roots.contains(&format!("{root}{node}/")));
    let roots: BTreeSet<String> = folders.iter().map(|(root, _)| root.clone()).collect();
    let of = |root: &String| -> Vec<String> {
        folders.iter().filter(|(folder, _)| folder == root).map(|(_, node)| node.clone()).collect()
    };
    roots
        .iter()
        .map(|root| Report { nodes: of(root), kind: kind(tree, root, &of(root)), root: root.clone() })
        .collect()
}

/// Pacemaker's own report traces its commands as a shell does, and keeps the live CIB beside the one on disk.
fn kind(tree: &Tree, root: &str, nodes: &[String]) -> BundleKind {
    let traced = nodes.iter().any(|node| {
        let at = |file: &str| format!("{root}{node}/{file}");
        let stats = tree.text(&at("sysstats.txt")).unwrap_or_default();
        tree.get(&at("cib.xml.live")).is_some()
            || tree.get(&at("corosync.dump")).is_some()
            || stats.starts_with("+ ")
    });
    if traced { BundleKind::PacemakerReport } else { BundleKind::CrmReport }
}

/// What a report holds of each of its nodes, also of those that only its analysis names.
pub fn read(tree: &Tree, report: &Report, file: &str) -> Vec<Material> {
    let root = &report.root;
    let analysis_file = format!("{root}analysis.txt");
    let analysis = tree.text(&analysis_file).map(|text| Analysis::parse(&text)).unwrap_or_default();
    let mut nodes = report.nodes.clone();
    nodes.extend(analysis.nodes.iter().filter(|node| !report.nodes.contains(node)).cloned());
    let description = tree.text(&format!("{root}description.txt"));
    let described = description
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("Date: ")).and_then(date::parse))
        .or(analysis.made);
    let shared = Shared { tree, report, analysis: &analysis, nodes: &nodes };
    nodes
        .iter()
        .map(|node| {
            let mut material = Material::new(report.kind, file, node.clone());
            material.made = described;
            for name in FILES {
                shared.take(node, name, &mut material);
            }
            for name in shared.parts(node) {
                shared.take(node, &name, &mut material);
            }
            material
        })
        .collect()
}

/// Finds each node's copy of a file.
struct Shared<'a> {
    tree: &'a Tree,
    report: &'a Report,
    analysis: &'a Analysis,
    nodes: &'a [String],
}

/// What is known of a node's copy.
enum Copy {
    /// The bytes, whether they are cut, where they come from.
    Text(Vec<u8>, bool, String),
    /// One copy stands for all nodes, and nothing proves that it is this node's.
    Unproven(String),
    /// It may not be read.
    Denied(String),
    /// There is none.
    None,
}

impl Shared<'_> {
    fn copy(&self, node: &str, file: &str) -> Copy {
        let root = &self.report.root;
        let own = format!("{root}{node}/{file}");
        let top = format!("{root}{file}");
        let found = self.tree.get(&own).filter(|(real, _)| *real != top);
        let (origin, member, hoisted) = match (found, self.tree.get(&top)) {
            (Some((real, member)), _) => (real.to_owned(), member, real != own),
            (None, Some((real, member))) => (real.to_owned(), member, true),
            (None, None) => return Copy::None,
        };
        let text = match &member.held {
            Held::Unreadable => return Copy::Denied(origin),
            Held::Text(text) => text.clone(),
            Held::Digest { .. } | Held::Blocks(_) => return Copy::None,
        };
        if !hoisted || self.nodes.len() < 2 {
            return Copy::Text(text, member.truncated, origin);
        }
        let comparison = self.analysis.of(file);
        let owner = comparison.and_then(|known| known.first.as_ref()).or(self.nodes.iter().min());
        let analysis = format!("{root}analysis.txt");
        if owner.is_some_and(|owner| owner == node) {
            let origin = format!("{origin} (one copy for all nodes, not proven equal)");
            return Copy::Text(text, member.truncated, origin);
        }
        if let Some(diff) = comparison.and_then(|known| known.differences.get(node))
            && let Some(theirs) = apply(&String::from_utf8_lossy(&text), diff)
        {
            let origin = format!("{origin} with the difference that {analysis} tells");
            return Copy::Text(theirs.into_bytes(), member.truncated, origin);
        }
        // With more nodes `OK` may stand for the last of several comparisons.
        if comparison.is_some_and(|known| known.equal) && self.nodes.len() == 2 {
            let origin = format!("{origin} (one copy for both nodes, equal by {analysis})");
            return Copy::Text(text, member.truncated, origin);
        }
        Copy::Unproven(format!(
            "{origin} is one copy for all nodes, and nothing in the bundle proves that this node's is equal"
        ))
    }

    /// Files of DRBD's folder, of the node or for all.
    fn parts(&self, node: &str) -> BTreeSet<String> {
        let root = &self.report.root;
        let mut parts = BTreeSet::new();
        for folder in [format!("{root}{node}/"), root.clone()] {
            let begin = format!("{folder}drbd.d/");
            parts.extend(self.tree.names(&begin).map(|name| name[folder.len()..].to_owned()));
        }
        parts
    }

    fn take(&self, node: &str, file: &str, material: &mut Material) {
        let sections = sections_of(file);
        if sections.is_empty() {
            return;
        }
        let (text, truncated, origin) = match self.copy(node, file) {
            Copy::None => return,
            Copy::Text(text, truncated, origin) => (text, truncated, origin),
            Copy::Denied(origin) => {
                for section in sections {
                    let handed = Handed { denied: true, is_file: true, ..Handed::default() };
                    material.add_to(section, &origin, handed);
                }
                return;
            }
            Copy::Unproven(why) => {
                for section in sections {
                    // Of a configuration in parts none tells without the others.
                    if section == "drbd-conf" || !material.has(section) {
                        material.distrust(section, GapReason::NotCollected, why.clone());
                    }
                }
                return;
            }
        };
        match file {
            "sysstats.txt" => {
                for block in of_sysstats(&String::from_utf8_lossy(&text)) {
                    let handed = Handed { output: block.output, truncated, ..Handed::default() };
                    material.add_asked(&block.asked, &origin, handed);
                }
            }
            "sysinfo.txt" => {
                let words = String::from_utf8_lossy(&text).into_owned();
                if let Some(uname) = uname(&words) {
                    material.add_to("uname", &origin, Handed::file(uname));
                }
                material.add_to("packages-report", &origin, Handed { truncated, ..Handed::file(text) });
            }
            "cib.xml" => {
                // The report asks a cluster that runs, and copies the file of one that does not.
                let status = contains(&text, b"<status");
                let section = if status && !material.has("cib") { "cib" } else { "cib-file" };
                material.add_to(section, &origin, Handed { truncated, ..Handed::file(text) });
            }
            "crm_mon.txt" => {
                if let Some(status) = xml(&text) {
                    material.add_to("crm-mon", &origin, Handed { truncated, ..Handed::file(status) });
                }
            }
            "sbd.txt" => sbd(&String::from_utf8_lossy(&text), &origin, truncated, material),
            "corosync_status.txt" | "quorum_qdevice_qnetd.txt" | "dlm_dump.txt" => {
                let words = String::from_utf8_lossy(&text);
                let mut asked = of_sysstats(&words);
                asked.retain(|block| outputs::of(&block.asked).is_some());
                for block in asked {
                    let handed = Handed { output: block.output, truncated, ..Handed::default() };
                    material.add_asked(&block.asked, &origin, handed);
                }
                told(&words, &origin, truncated, material);
            }
            _ => {
                let item = file.strip_prefix("drbd.d/").unwrap_or_default();
                for section in sections {
                    let place = Place { section, item: item.to_owned(), rank: 0 };
                    material.add(place, &origin, Handed { truncated, ..Handed::file(text.clone()) });
                }
            }
        }
    }
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(text, what).is_some()
}

/// The XML of a status out of a file that may hold it after its text form.
fn xml(text: &[u8]) -> Option<Vec<u8>> {
    let find = |what: &str| memchr::memmem::find(text, what.as_bytes());
    for (begin, end) in [("<pacemaker-result", "</pacemaker-result>"), ("<crm_mon", "</crm_mon>")] {
        if let (Some(from), Some(to)) = (find(begin), find(end))
            && from < to
        {
            return Some(text[from..to + end.len()].to_vec());
        }
    }
    None
}

/// Headers of SBD devices, each between two lines that name the device; and the slots, which name none, where there is one.
fn sbd(text: &str, origin: &str, truncated: bool, material: &mut Material) {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    let mut slots = String::new();
    for line in text.lines() {
        if let Some(device) = line.strip_prefix("==Dumping header on disk ") {
            headers.push((device.trim().to_owned(), String::new()));
            inside = true;
        } else if line.starts_with("==") {
            inside = false;
        } else if let Some((_, header)) = headers.last_mut().filter(|_| inside) {
            header.push_str(line);
            header.push('\n');
        } else if line.split('\t').count() >= 3 && line.starts_with(|c: char| c.is_ascii_digit()) {
            slots.push_str(line);
            slots.push('\n');
        }
    }
    let place = |section, device: &str| Place { section, item: device.to_owned(), rank: 0 };
    if let [(device, _)] = headers.as_slice() {
        material.add(place("sbd-list", device), origin, Handed { truncated, ..Handed::file(slots) });
    }
    for (device, header) in headers {
        material.add(place("sbd-dump", &device), origin, Handed { truncated, ..Handed::file(header) });
    }
}

/// Outputs that show what they are by their own words, without a header that names the command.
fn told(text: &str, origin: &str, truncated: bool, material: &mut Material) {
    let shows: &[(&str, &'static str)] = &[
        ("Quorum information\n", "corosync-quorumtool"),
        ("Qdevice information\n", "corosync-qdevice-tool"),
        ("Printing link status", "corosync-cfgtool"),
        ("Printing ring status", "corosync-cfgtool"),
        ("dlm lockspaces", "dlm-ls"),
    ];
    for (words, section) in shows {
        if material.has(section) {
            continue;
        }
        let Some(at) = text.find(words) else { continue };
        let rest = &text[at..];
        let end = rest.find("\n#").map_or(rest.len(), |end| end + 1);
        material.add_to(section, origin, Handed { truncated, ..Handed::command(&rest[..end]) });
    }
}

/// The sections that a file of a report fills.
fn sections_of(file: &str) -> Vec<&'static str> {
    match file {
        "sysinfo.txt" => vec!["packages-report", "uname"],
        "sysstats.txt" => vec!["ip-addr-text", "cpuinfo", "processes", "hostname", "uptime"],
        "cib.xml" => vec!["cib", "cib-file"],
        "crm_mon.txt" => vec!["crm-mon"],
        "sbd.txt" => vec!["sbd-dump", "sbd-list"],
        "corosync_status.txt" => vec!["corosync-cfgtool", "corosync-cmap"],
        "quorum_qdevice_qnetd.txt" => vec!["corosync-quorumtool", "corosync-qdevice-tool"],
        "dlm_dump.txt" => vec!["dlm-ls"],
        _ if file.starts_with("drbd.d/") => vec!["drbd-conf"],
        _ => WHOLE.iter().filter(|(name, _)| *name == file).map(|(_, section)| *section).collect(),
    }
}

/// What `uname -srm` says, out of a `sysinfo.txt`.
fn uname(text: &str) -> Option<String> {
    let value = |key: &str| {
        text.lines().find_map(|line| line.strip_prefix(key)).map(str::trim).filter(|v| !v.is_empty())
    };
    Some(format!("{} {} {}\n", value("Platform:")?, value("Kernel release:")?, value("Architecture:")?))
}

#[cfg(test)]
mod tests {
    use super::super::tree::Kind;
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (name, text) in files {
            match text.strip_prefix("-> ") {
                Some(to) => tree.add(name, Kind::Link(to.to_owned()), None, &mut std::io::empty()).unwrap(),
                None => tree.add(name, Kind::File, None, &mut text.as_bytes()).unwrap(),
            }
        }
        tree
    }

    fn materials(files: &[(&str, &str)]) -> Vec<Material> {
        let tree = tree(files);
        let reports = find(&tree);
        assert_eq!(reports.len(), 1, "{reports:?}");
        read(&tree, &reports[0], "r.tar")
    }

    #[test]
    fn a_file_for_all_nodes_proves_nothing_for_three() {
        let files = [
            ("r/corosync.conf", "totem {}"),
            ("r/analysis.txt", "Diff corosync.conf... OK\n"),
            ("r/a/corosync.conf", "-> ../corosync.conf"),
            ("r/a/members.txt", "a b c"),
            ("r/b/corosync.conf", "-> ../corosync.conf"),
            ("r/b/members.txt", "a b c"),
            ("r/c/corosync.conf", "-> ../corosync.conf"),
            ("r/c/members.txt", "a b c"),
        ];
        let all = materials(&files);
        let known: Vec<bool> = all.iter().map(|material| material.has("corosync")).collect();
        assert_eq!(known, [true, false, false]);
        assert!(all[1].troubles["corosync"].1.contains("r/corosync.conf is one copy for all nodes"));
        // With two nodes it was compared.
        let two = materials(&files[..6]);
        assert!(two.iter().all(|material| material.has("corosync")));
        let (_, origins) = two[1].clone().answer();
        assert!(origins["corosync"][0].contains("equal by r/analysis.txt"), "{origins:?}");
        // Without analysis it is not known.
        let unproven: Vec<_> = [&files[..1], &files[2..6]].concat();
        assert_eq!(materials(&unproven)[1].text("corosync"), None);
    }

    #[test]
    fn a_difference_that_is_told_is_known() {
        let all = materials(&[
            ("r/sysinfo.txt", "sbd 1\nqb 2\n"),
            (
                "r/analysis.txt",
                "Diff sysinfo.txt... \n--- /tmp/r/a/sysinfo.txt\n+++ /tmp/r/b/sysinfo.txt\n@@ -1,2 +1,2 @@\n-sbd 1\n+sbd 9\n qb 2\n",
            ),
            ("r/a/sysinfo.txt", "-> ../sysinfo.txt"),
            ("r/a/cib.xml", "<cib/>"),
        ]);
        let texts: Vec<_> =
            all.iter().map(|material| (material.name.as_str(), material.text("packages-report"))).collect();
        assert_eq!(texts, [("a", Some("sbd 1\nqb 2\n".into())), ("b", Some("sbd 9\nqb 2\n".into()))]);
    }

    #[test]
    fn only_folders_of_nodes_are_nodes() {
        let tree = tree(&[
            ("sosreport-a/etc/corosync/corosync.conf", "x"),
            ("sosreport-a/sos_commands/pacemaker/crm_report/hv1/cib.xml.live", "x"),
            ("sosreport-a/sos_commands/pacemaker/crm_report/hv1/sysinfo.txt", "x"),
            ("sosreport-a/sos_commands/pacemaker/crm_report/sysinfo.txt", "x"),
        ]);
        let reports = find(&tree);
        assert_eq!(reports.len(), 1, "{reports:?}");
        assert_eq!(reports[0].nodes, ["hv1"]);
        assert_eq!(reports[0].kind, BundleKind::PacemakerReport);
    }

    #[test]
    fn a_configuration_in_parts_tells_only_as_a_whole() {
        let files = [
            ("r/a/cib.xml", "<cib/>"),
            ("r/a/members.txt", "a"),
            ("r/a/drbd.conf", "include \"drbd.d/*.res\";"),
            ("r/a/drbd.d/data.res", "resource data {}"),
        ];
        let read = |files: &[(&str, &str)]| {
            let mut material = materials(files).remove(0);
            material.doubt_parts();
            material.answer().0.items("drbd-conf").map(|part| part.item.clone()).collect::<Vec<_>>()
        };
        assert_eq!(read(&files), ["", "data.res"]);
        assert_eq!(read(&files[..3]), Vec::<String>::new());
    }

    #[test]
    fn uname_is_read_out_of_sysinfo() {
        let text =
            "#####System info:\nPlatform: Linux\nKernel release: 4.12.14-110-default\nArchitecture: x86_64\n";
        assert_eq!(uname(text).as_deref(), Some("Linux 4.12.14-110-default x86_64\n"));
        assert_eq!(uname("Platform: Linux\n"), None);
    }
}
