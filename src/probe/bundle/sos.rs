//! sosreports: copies of files under their own paths, outputs under `sos_commands/`, and a manifest that tells which plugin
//! was stopped at its time limit.

use super::material::{BundleKind, Handed, Material};
use super::outputs::{self, AT_TOP, DATE};
use super::tree::{Held, Member, Tree};
use super::{crm, date};
use crate::facts::GapReason;
use serde_json::Value;
use std::collections::BTreeMap;

/// Which plugin of sos gathers a section, for those that were stopped before they wrote anything.
const PLUGINS: &[(&str, &[&str])] = &[
    ("block", &["lsblk-pairs", "lsblk-text"]),
    ("chrony", &["chrony-tracking", "chrony-sources"]),
    (
        "corosync",
        &["corosync", "corosync-cmap", "corosync-cfgtool", "corosync-quorumtool", "corosync-authkey"],
    ),
    ("drbd", &["drbd-conf", "drbd-dump", "drbd-status", "drbd-status-text", "drbd-proc"]),
    ("dlm", &["dlm-ls"]),
    ("firewalld", &["firewalld"]),
    ("kernel", &["sysctl-all", "modules-loaded", "uname-all"]),
    ("lvm2", &["lvm-conf", "lvm-groups-text"]),
    ("pacemaker", &["cib", "cib-file", "crm-mon", "crm-verify", "pacemaker-settings", "sbd-config"]),
    ("scsi", &["pr-keys", "pr-reservation"]),
    ("selinux", &["sestatus", "selinux-config"]),
    ("dpkg", &["packages-dpkg-list"]),
    ("firewall_tables", &["nft", "iptables"]),
    ("hardware", &["dmidecode"]),
    ("iscsi", &["iscsi-sessions", "iscsi-records", "initiatorname", "iscsid-conf"]),
    ("multipath", &["multipath", "multipath-conf", "multipath-config"]),
    (
        "networking",
        &["ip-addr-text", "ip-addr-oneline", "ip-route-text", "bonding", "ethtool", "hosts", "resolv"],
    ),
    ("processor", &["lscpu", "cpuinfo"]),
    ("rpm", &["packages-rpm-list"]),
    ("systemd", &["services-unit-files", "services-units", "services-status"]),
];

/// What a sosreport holds, by the folder that it is in (with `/` at the end, or empty).
pub fn read(tree: &Tree, root: &str, file: &str) -> Material {
    let manifest = Manifest::parse(tree.text(&format!("{root}sos_reports/manifest.json")).as_deref());
    let mut material = Material::new(BundleKind::Sosreport, file, String::new());
    let commands = format!("{root}sos_commands/");
    for name in tree.names(root) {
        let below = &name[root.len()..];
        let Some((real, member)) = tree.get(name) else { continue };
        if let Some(command) = below.strip_prefix("sos_commands/") {
            let Some((_, mangled)) = command.split_once('/') else { continue };
            if mangled.starts_with("sh_-c_rpm_") {
                let place = outputs::Place { section: "packages-rpm-list", item: String::new(), rank: 1 };
                material.add(place, name, handed(member, false));
            } else if let Some(place) = outputs::of_mangled(mangled) {
                let exit = manifest.exits.get(below).copied();
                material.add(place, name, Handed { exit, ..handed(member, false) });
            }
        } else if let Some((_, section)) = AT_TOP.iter().find(|(top, _)| *top == below) {
            if *section != DATE {
                material.add_to(section, real, handed(member, false));
            }
        } else if let Some(place) = outputs::of_path(below) {
            material.add(place, name, handed(member, true));
        }
        if let Held::Digest { sha256, bytes } = &member.held {
            let remote = below == "etc/pacemaker/authkey";
            let key = if remote { "Pacemaker Remote's key" } else { "the cluster's key" };
            if remote || below == "etc/corosync/authkey" {
                let section = if remote { "pacemaker-authkey" } else { "corosync-authkey" };
                material.add_to(section, name, Handed::file(format!("{bytes}\n{sha256}  -\n")));
            }
            material.notes.push(format!(
                "the bundle holds {key} ({name}, {bytes} bytes): treat it as a secret, or change the key"
            ));
        }
    }
    for report in crm::find(tree).into_iter().filter(|report| report.root.starts_with(&commands)) {
        // sos asks for the node itself alone.
        for found in crm::read(tree, &report, file).into_iter().take(1) {
            if material.name.is_empty() {
                material.name.clone_from(&found.name);
            }
            material.join(found);
        }
    }
    for plugin in &manifest.timed_out {
        let why =
            format!("the plugin {plugin} of sos was stopped at its time limit, by the report's manifest");
        material.distrust_folder(&format!("{root}sos_commands/{plugin}/"), GapReason::TimedOut, &why);
        for (_, sections) in PLUGINS.iter().filter(|(name, _)| name == plugin) {
            for section in *sections {
                if !material.has(section) {
                    material.troubles.entry(section).or_insert((GapReason::TimedOut, why.clone()));
                }
            }
        }
    }
    let host = material.text("hostname").and_then(|text| text.split_whitespace().next().map(str::to_owned));
    if let Some(host) = host {
        material.name = host;
    }
    if material.name.is_empty() {
        material.name = name_of(root, file);
    }
    let date = |name: &str| tree.text(&format!("{root}{name}")).and_then(|text| date::parse(&text));
    material.made = date("date")
        .or_else(|| date("sos_commands/date/date"))
        .or_else(|| date("sos_commands/systemd/timedatectl"))
        .or(manifest.ended.as_deref().and_then(date::parse));
    material
}

/// A member as it is handed over.
pub fn handed(member: &Member, is_file: bool) -> Handed {
    match &member.held {
        Held::Text(text) => {
            Handed { output: text.clone(), truncated: member.truncated, is_file, ..Handed::default() }
        }
        Held::Unreadable => Handed { denied: true, is_file: true, ..Handed::default() },
        Held::Digest { .. } | Held::Blocks(_) => Handed { truncated: true, is_file, ..Handed::default() },
    }
}

/// The name of the host out of the name of a sosreport: `sosreport-HOST-CASE-DATE-RANDOM`.
fn name_of(root: &str, file: &str) -> String {
    let folder = root.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = if folder.is_empty() { file.rsplit('/').next().unwrap_or_default() } else { folder };
    let name = name.split(".tar").next().unwrap_or_default();
    let host = name.strip_prefix("sosreport-").unwrap_or(name);
    let parts: Vec<&str> = host.split('-').collect();
    // The date ends the host's name, and a case number before it.
    let date = parts
        .windows(3)
        .position(|part| part[0].len() == 4 && part.iter().all(|p| p.bytes().all(|b| b.is_ascii_digit())));
    match date {
        Some(at) if at > 1 && parts[at - 1].bytes().all(|b| b.is_ascii_digit()) => parts[..at - 1].join("-"),
        Some(at) if at > 0 => parts[..at].join("-"),
        _ => host.to_owned(),
    }
}

/// What the manifest tells.
#[derive(Debug, Default)]
struct Manifest {
    /// Plugins that were stopped at their time limit.
    timed_out: Vec<String>,
    /// What commands ended with, by the name of the file of their output below the report's folder.
    exits: BTreeMap<String, i32>,
    /// When the report was finished.
    ended: Option<String>,
}

impl Manifest {
    fn parse(text: Option<&str>) -> Self {
        let mut manifest = Manifest::default();
        let Some(value) = text.and_then(|text| serde_json::from_str::<Value>(text).ok()) else {
            return manifest;
        };
        manifest.ended = value["end_time"].as_str().or(value["start_time"].as_str()).map(str::to_owned);
        let plugins = value["components"]["report"]["plugins"].as_object();
        for (name, plugin) in plugins.into_iter().flatten() {
            if plugin["timeout_hit"] == Value::Bool(true) {
                manifest.timed_out.push(name.clone());
            }
            for command in plugin["commands"].as_array().into_iter().flatten() {
                let code = command["return_code"].as_i64().and_then(|code| i32::try_from(code).ok());
                if let (Some(path), Some(code)) = (command["filepath"].as_str(), code) {
                    manifest.exits.insert(path.to_owned(), code);
                }
            }
        }
        manifest
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::Kind;
    use super::*;

    fn report(files: &[(&str, &str)]) -> Material {
        let mut tree = Tree::default();
        for (name, text) in files {
            tree.add(&format!("sosreport-hv1/{name}"), Kind::File, None, &mut text.as_bytes()).unwrap();
        }
        read(&tree, "sosreport-hv1/", "s.tar")
    }

    #[test]
    fn names_of_hosts_are_read_out_of_names_of_reports() {
        for (name, host) in [
            ("sosreport-hv1-2024-05-06-abcdefg.tar.xz", "hv1"),
            ("/x/sosreport-db-node-1-01234567-2024-05-06-abcdefg.tar.xz", "db-node-1"),
            ("sosreport-hv1.tar", "hv1"),
            ("other.tar.gz", "other"),
        ] {
            assert_eq!(name_of("", name), host, "{name}");
        }
    }

    #[test]
    fn what_a_stopped_plugin_wrote_is_not_believed() {
        let manifest = r#"{"end_time":"2024-05-06T10:00:00","components":{"report":{"plugins":{
            "multipath":{"timeout_hit":true,"commands":[]},
            "chrony":{"timeout_hit":false,"commands":[{"filepath":"sos_commands/chrony/chronyc_-n_tracking","return_code":1}]}}}}}"#;
        let material = report(&[
            ("sos_reports/manifest.json", manifest),
            ("sos_commands/multipath/multipath_-ll", ""),
            ("sos_commands/chrony/chronyc_-n_tracking", "506 x"),
            ("etc/hosts", "10.0.0.1 a\n"),
        ]);
        assert!(!material.has("multipath"));
        assert_eq!(material.troubles["multipath"].0, GapReason::TimedOut);
        assert!(material.has("hosts") && material.text("chrony-tracking").is_none());
        assert_eq!(material.made.map(|made| made.to_string()).as_deref(), Some("2024-05-06T10:00:00Z"));
    }

    #[test]
    fn keys_are_told_and_stay_out() {
        let material = report(&[
            ("etc/corosync/authkey", "topsecret"),
            ("sos_commands/host/hostname", "hv1.example.net\n"),
        ]);
        assert!(material.notes[0].contains("the cluster's key"), "{:?}", material.notes);
        assert!(!format!("{material:?}").contains("topsecret"));
        assert_eq!(material.name, "hv1.example.net");
    }
}
