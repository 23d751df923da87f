//! supportconfigs: flat text files, each with many outputs behind headers. Comments and blank lines are cut from files of
//! configuration; a file that was not there is said to be so.

use super::date;
use super::material::{BundleKind, Handed, Material};
use super::outputs::{self, Place};
use super::tree::{Held, Tree};
use crate::facts::GapReason;

/// Files of a supportconfig that are of use.
pub const FILES: &[&str] = &[
    "basic-environment.txt",
    "basic-health-check.txt",
    "boot.txt",
    "chkconfig.txt",
    "cluster-infrastructure.txt",
    "crash.txt",
    "drbd.txt",
    "env.txt",
    "fs-diskio.txt",
    "fs-iscsi.txt",
    "ha.txt",
    "hardware.txt",
    "lvm.txt",
    "memory.txt",
    "modules.txt",
    "mpio.txt",
    "network.txt",
    "ntp.txt",
    "ocfs2.txt",
    "plugin-ha_sap.txt",
    "proc.txt",
    "rpm.txt",
    "security-apparmor.txt",
    "security-selinux.txt",
    "supportconfig.txt",
    "systemd.txt",
    "systemd-status.txt",
    "summary.txt",
];

/// The folders of supportconfigs in a bundle, each with `/` at its end, or empty.
pub fn find(tree: &Tree) -> Vec<String> {
    tree.names("")
        .filter_map(|name| {
            let root = name.strip_suffix("basic-environment.txt")?;
            matches!(tree.get(name)?.1.held, Held::Blocks(_)).then(|| root.to_owned())
        })
        .collect()
}

/// What a supportconfig holds, by the folder that it is in.
pub fn read(tree: &Tree, root: &str, file: &str) -> Material {
    let mut material = Material::new(BundleKind::Supportconfig, file, String::new());
    let mut records: (Vec<u8>, String, bool) = (Vec::new(), String::new(), false);
    for name in FILES {
        let path = format!("{root}{name}");
        let Some((real, member)) = tree.get(&path) else { continue };
        let Held::Blocks(blocks) = &member.held else { continue };
        for block in blocks {
            if block.asked == "date" || block.asked.ends_with("/date") {
                material.made =
                    material.made.or_else(|| date::parse(&String::from_utf8_lossy(&block.output)));
                continue;
            }
            let Some(place) = outputs::of(&block.asked) else { continue };
            // One listing for each recorded login.
            if place.section == "iscsi-records" {
                records.0.extend_from_slice(&block.output);
                real.clone_into(&mut records.1);
                records.2 |= block.truncated;
                continue;
            }
            let is_file = block.asked.starts_with('/') && outputs::of_path(&block.asked[1..]).is_some();
            let handed = Handed {
                output: block.output.clone(),
                truncated: block.truncated,
                absent: block.absent,
                is_file,
                ..Handed::default()
            };
            material.add(place, real, handed);
        }
    }
    let (output, origin, truncated) = records;
    if !origin.is_empty() {
        let place = Place { section: "iscsi-records", item: String::new(), rank: 0 };
        material.add(place, &origin, Handed { output, truncated, ..Handed::default() });
    }
    // A supportconfig that was told to leave a part out, or whose system lacks the package, writes no file for it.
    if tree.get(&format!("{root}ha.txt")).is_none() {
        let why = "the supportconfig has no ha.txt: its cluster part was left out, or the cluster's packages did not verify";
        material.troubles.insert("corosync", (GapReason::NotCollected, why.to_owned()));
    }
    let second = |text: String| text.split_whitespace().nth(1).map(str::to_owned);
    let name = material
        .text("hostname")
        .and_then(|text| text.split_whitespace().next().map(str::to_owned))
        .or_else(|| material.text("uname-all").and_then(second));
    material.name = name.unwrap_or_else(|| name_of(root, file));
    material
}

/// The name of the host out of the name of a supportconfig: `scc_HOST_DATE_TIME`, `nts_HOST_DATE_TIME`.
fn name_of(root: &str, file: &str) -> String {
    let folder = root.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let name = if folder.is_empty() { file.rsplit('/').next().unwrap_or_default() } else { folder };
    let name = name.split(".t").next().unwrap_or_default();
    let name = ["scc_", "nts_"].iter().find_map(|begin| name.strip_prefix(begin)).unwrap_or(name);
    let mut parts: Vec<&str> = name.split('_').collect();
    while parts.len() > 1 && parts.last().is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit())) {
        parts.pop();
    }
    parts.join("_")
}

#[cfg(test)]
mod tests {
    use super::super::tree::Kind;
    use super::*;

    const ENVIRONMENT: &str = "#==[ Command ]====#\n# /usr/bin/date\nThu Aug  6 13:00:30 CEST 2020\n\n#==[ Command ]====#\n# /usr/bin/uname -a\nLinux hv1 5.3.18 #1 SMP x86_64 GNU/Linux\n\n#==[ Configuration File ]====#\n# /etc/os-release\nNAME=\"SLES\"\n";

    fn report(files: &[(&str, &str)]) -> Material {
        let mut tree = Tree::default();
        for (name, text) in files.iter().chain(&[("basic-environment.txt", ENVIRONMENT)]) {
            tree.add(&format!("scc_hv1_1/{name}"), Kind::File, None, &mut text.as_bytes()).unwrap();
        }
        assert_eq!(find(&tree), ["scc_hv1_1/"]);
        read(&tree, "scc_hv1_1/", "scc_hv1_1.txz")
    }

    #[test]
    fn outputs_are_found_in_their_files() {
        let material = report(&[
            ("network.txt", "#==[ Configuration File ]==#\n# /etc/hosts\n10.0.0.1 hv1\n"),
            (
                "fs-iscsi.txt",
                "#==[ Command ]==#\n# /sbin/iscsiadm -m node -T iqn.a\n# BEGIN RECORD\nnode.name = iqn.a\n# END RECORD\n#==[ Command ]==#\n# /sbin/iscsiadm -m node -T iqn.b\n# BEGIN RECORD\nnode.name = iqn.b\n# END RECORD\n",
            ),
            ("mpio.txt", "#==[ Configuration File ]==#\n# /etc/multipath.conf - File not found\n"),
        ]);
        assert_eq!(material.name, "hv1");
        assert_eq!(material.made.map(|made| made.to_string()).as_deref(), Some("2020-08-06T13:00:30Z"));
        assert!(
            material
                .text("iscsi-records")
                .is_some_and(|text| text.contains("iqn.a") && text.contains("iqn.b"))
        );
        assert!(material.troubles["corosync"].1.contains("ha.txt"));
        let (answer, origins) = material.answer();
        assert!(answer.is_absent("multipath-conf"));
        assert_eq!(origins["hosts"], ["scc_hv1_1/network.txt"]);
    }

    #[test]
    fn names_of_hosts_are_read_out_of_names_of_reports() {
        assert_eq!(name_of("scc_my_host_240506_1011/", "x"), "my_host");
        assert_eq!(name_of("", "/x/nts_hv1_200806_1300.tbz"), "hv1");
    }
}
