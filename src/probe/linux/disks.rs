//! Block devices: `lsblk -J -b -O`, and `lsblk -P -b -O` where it knows no JSON (any account; without root or udev it does
//! not tell file systems); in support bundles also plain `lsblk`.

use super::text::{cell, unique_by_key};
use crate::facts::{Bytes, Disk, DiskTransport};
use crate::scsi::identity;
use serde::Deserialize;
use std::collections::HashMap;

/// A cell of lsblk: releases differ in whether they write numbers and truth values as such or as text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(untagged)]
enum Cell {
    #[default]
    Null,
    Bool(bool),
    Number(u64),
    Text(String),
    Other(serde::de::IgnoredAny),
}

impl Cell {
    fn text(&self) -> Option<&str> {
        match self {
            Cell::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    fn number(&self) -> Option<u64> {
        match self {
            Cell::Number(number) => Some(*number),
            Cell::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn truth(&self) -> Option<bool> {
        match self {
            Cell::Bool(truth) => Some(*truth),
            Cell::Number(number) => Some(*number != 0),
            Cell::Text(text) => match text.trim() {
                "1" => Some(true),
                "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }
}

/// One device of lsblk.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    name: Cell,
    kname: Cell,
    pkname: Cell,
    #[serde(rename = "type")]
    kind: Cell,
    size: Cell,
    vendor: Cell,
    model: Cell,
    serial: Cell,
    wwn: Cell,
    tran: Cell,
    hctl: Cell,
    #[serde(rename = "log-sec")]
    log_sec: Cell,
    #[serde(rename = "phy-sec")]
    phy_sec: Cell,
    ro: Cell,
    rm: Cell,
    fstype: Cell,
    uuid: Cell,
    label: Cell,
    mountpoint: Cell,
    mountpoints: Vec<Cell>,
    children: Vec<Row>,
}

/// Reads the JSON of lsblk.
///
/// # Errors
/// What is wrong with the JSON.
pub fn parse(json: &str) -> Result<Vec<Disk>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Listing {
        blockdevices: Vec<Row>,
    }
    let listing: Listing = serde_json::from_str(json)?;
    let mut disks = Vec::new();
    for row in &listing.blockdevices {
        walk(row, None, &mut disks);
    }
    Ok(finish(disks))
}

fn walk(row: &Row, parent: Option<&str>, out: &mut Vec<Disk>) {
    let disk = disk(row, parent);
    let name = disk.name.clone();
    out.push(disk);
    for child in &row.children {
        walk(child, Some(&name), out);
    }
}

/// Reads the pairs of lsblk: `NAME="sda" KNAME="sda" ...`, a line for each device and each of its parents.
pub fn parse_pairs(text: &str) -> Vec<Disk> {
    let mut disks = Vec::new();
    for line in text.lines() {
        let cells = pairs(line);
        let get = |name: &str| cells.get(name).cloned().map_or(Cell::Null, Cell::Text);
        let row = Row {
            name: get("name"),
            kname: get("kname"),
            pkname: get("pkname"),
            kind: get("type"),
            size: get("size"),
            vendor: get("vendor"),
            model: get("model"),
            serial: get("serial"),
            wwn: get("wwn"),
            tran: get("tran"),
            hctl: get("hctl"),
            log_sec: get("log-sec"),
            phy_sec: get("phy-sec"),
            ro: get("ro"),
            rm: get("rm"),
            fstype: get("fstype"),
            uuid: get("uuid"),
            label: get("label"),
            mountpoint: get("mountpoint"),
            // Several mount points of one device stand in one cell, with their line ends escaped.
            mountpoints: get("mountpoints")
                .text()
                .into_iter()
                .flat_map(str::lines)
                .map(|at| Cell::Text(at.into()))
                .collect(),
            children: Vec::new(),
        };
        disks.push(disk(&row, None));
    }
    finish(disks)
}

/// Reads the tree that `lsblk` draws, plain or with columns asked for by `-o`: a line for each device under each of its
/// parents. Sizes are rounded there.
pub fn parse_tree(text: &str) -> Vec<Disk> {
    let mut lines =
        text.lines().skip_while(|line| !(line.starts_with("NAME ") && line.contains(" MAJ:MIN ")));
    let heading = lines.next().unwrap_or_default();
    let mounts = ["MOUNTPOINT", "MOUNTPOINTS"]
        .into_iter()
        .find(|name| heading.split_whitespace().any(|one| one == *name));
    let mut rows: Vec<Line<'_>> = Vec::new();
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        let cell = |name: &str| cell(heading, line, name);
        let drawn =
            |c: char| matches!(c, '|' | '`' | '-' | ' ' | '\u{2502}' | '\u{251c}' | '\u{2514}' | '\u{2500}');
        let bare = line.trim_start_matches(drawn);
        let depth = (line.chars().count() - bare.chars().count()) / 2;
        let number = cell("MAJ:MIN").unwrap_or_default();
        let Some((major, minor)) = number.split_once(':').filter(|(_, minor)| minor.parse::<u32>().is_ok())
        else {
            // A further mount point of the device above stands alone on its line.
            if let Some(last) = rows.last_mut().filter(|_| bare.starts_with('/')) {
                last.disk.mountpoints.get_or_insert_default().push(bare.trim().to_owned());
            }
            continue;
        };
        let name = bare.split_whitespace().next().unwrap_or_default();
        let flag = |name: &str| cell(name).and_then(|word| Cell::Text(word).truth());
        let bytes = |name: &str| cell(name).and_then(|word| word.parse().ok()).map(Bytes);
        let disk = Disk {
            name: cell("KNAME").unwrap_or_default(),
            kind: cell("TYPE").filter(|kind| !kind.is_empty()),
            removable: flag("RM"),
            read_only: flag("RO"),
            filesystem: cell("FSTYPE").filter(|word| !word.is_empty()),
            filesystem_label: cell("LABEL").filter(|word| !word.is_empty()),
            physical_block_bytes: bytes("PHY-SEC"),
            logical_block_bytes: bytes("LOG-SEC"),
            mountpoints: mounts.and_then(cell).map(|at| vec![at]),
            ..Disk::default()
        };
        rows.push(Line { depth, name, major: major.to_owned(), minor: minor.to_owned(), disk });
    }
    let mapped: Vec<String> = rows
        .iter()
        .filter(|row| {
            let by_kind = matches!(row.disk.kind.as_deref(), Some("lvm" | "mpath" | "crypt" | "dm"));
            by_kind || row.disk.name.starts_with("dm-")
        })
        .map(|row| row.major.clone())
        .collect();
    let mut above: Vec<String> = Vec::new();
    let mut disks = Vec::new();
    for Line { depth, name, major, minor, mut disk } in rows {
        let is_mapped = mapped.contains(&major);
        if disk.name.is_empty() {
            disk.name = if is_mapped { format!("dm-{minor}") } else { name.to_owned() };
        }
        disk.mapper_name = Some(if is_mapped { name.to_owned() } else { String::new() });
        disk.mountpoints.iter_mut().for_each(|all| all.retain(|at| at.starts_with(['/', '['])));
        above.truncate(depth);
        disk.parents = Some(above.last().cloned().into_iter().collect());
        above.push(disk.name.clone());
        disks.push(disk);
    }
    finish(disks)
}

/// A line of the tree.
struct Line<'a> {
    depth: usize,
    name: &'a str,
    major: String,
    minor: String,
    disk: Disk,
}

/// `KEY="VALUE"` pairs of a line; keys in lower case with dashes, `\xNN` in values undone.
fn pairs(line: &str) -> HashMap<String, String> {
    let mut out = HashMap::new();
    let mut rest = line.trim();
    while let Some((key, after)) = rest.split_once("=\"") {
        let Some((value, left)) = after.split_once('"') else { break };
        out.insert(key.trim().to_ascii_lowercase().replace('_', "-"), unescape(value));
        rest = left;
    }
    out
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\x") {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let byte = rest.get(at + 2..at + 4).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = byte {
            bytes.push(byte);
            rest = &rest[at + 4..];
        } else {
            bytes.extend_from_slice(b"\\x");
            rest = &rest[at + 2..];
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    let text = String::from_utf8_lossy(&bytes).into_owned();
    crate::probe::answer::harmless(text.into()).into_owned()
}

fn disk(row: &Row, parent: Option<&str>) -> Disk {
    let text = |cell: &Cell| cell.text().map(str::to_owned);
    // Where lsblk writes an empty cell it has looked and found none.
    let or_none = |cell: &Cell| Some(text(cell).unwrap_or_default());
    let kname = text(&row.kname).or_else(|| text(&row.name)).unwrap_or_default();
    let mut mountpoints: Vec<String> =
        row.mountpoints.iter().chain([&row.mountpoint]).filter_map(text).collect();
    mountpoints.sort();
    mountpoints.dedup();
    let kind = text(&row.kind);
    // A partition shows the identity of its disk; it has none of its own.
    let is_part = kind.as_deref() == Some("part");
    Disk {
        mapper_name: Some(if kname.starts_with("dm-") {
            text(&row.name).unwrap_or_default()
        } else {
            String::new()
        }),
        size_bytes: row.size.number().map(Bytes),
        vendor: or_none(&row.vendor),
        model: or_none(&row.model),
        serial: if is_part { Some(String::new()) } else { text(&row.serial) },
        identity: if is_part { Some(String::new()) } else { row.wwn.text().map(identity::canonical) },
        transport: row.tran.text().map(transport),
        hctl: text(&row.hctl),
        logical_block_bytes: row.log_sec.number().map(Bytes),
        physical_block_bytes: row.phy_sec.number().map(Bytes),
        read_only: row.ro.truth(),
        removable: row.rm.truth(),
        filesystem: text(&row.fstype),
        filesystem_uuid: text(&row.uuid),
        filesystem_label: text(&row.label),
        mountpoints: Some(mountpoints),
        parents: Some(parent.map(str::to_owned).or_else(|| text(&row.pkname)).into_iter().collect()),
        kind,
        name: kname,
        ..Disk::default()
    }
}

fn transport(word: &str) -> DiskTransport {
    match word {
        "iscsi" => DiskTransport::Iscsi,
        "fc" => DiskTransport::Fc,
        "fcoe" => DiskTransport::Fcoe,
        "sas" => DiskTransport::Sas,
        "sata" => DiskTransport::Sata,
        "ata" => DiskTransport::Ide,
        "spi" => DiskTransport::Spi,
        "nvme" => DiskTransport::Nvme,
        "usb" => DiskTransport::Usb,
        "virtio" => DiskTransport::Virtual,
        _ => DiskTransport::Other,
    }
}

/// One entry for each device, with all its parents and the mount points of all that lies on it.
fn finish(rows: Vec<Disk>) -> Vec<Disk> {
    let mut at: HashMap<String, usize> = HashMap::new();
    let mut out: Vec<Disk> = Vec::new();
    for row in rows {
        if let Some(&known) = at.get(&row.name) {
            let parents = out[known].parents.get_or_insert_default();
            for parent in row.parents.into_iter().flatten() {
                if !parents.contains(&parent) {
                    parents.push(parent);
                }
            }
        } else {
            at.insert(row.name.clone(), out.len());
            out.push(row);
        }
    }
    unique_by_key(&mut out, |disk| &disk.name);
    mounts_from_above(&mut out);
    // A machine has at least the file system that it started from: where none is named, lsblk cannot tell them.
    if out.iter().any(|disk| disk.filesystem.is_some()) {
        for disk in &mut out {
            for field in [&mut disk.filesystem, &mut disk.filesystem_uuid, &mut disk.filesystem_label] {
                field.get_or_insert_default();
            }
        }
    }
    out
}

/// Gives each device the mount points of the devices that lie on it.
fn mounts_from_above(disks: &mut [Disk]) {
    // A stack of devices is a few deep; a listing that says otherwise is not believed.
    for _ in 0..12 {
        let mut moved = false;
        let above: Vec<(String, Vec<String>)> = disks
            .iter()
            .flat_map(|disk| {
                let mounts = disk.mountpoints.clone().unwrap_or_default();
                disk.parents.iter().flatten().map(move |parent| (parent.clone(), mounts.clone()))
            })
            .filter(|(_, mounts)| !mounts.is_empty())
            .collect();
        let mut by_parent: HashMap<&str, Vec<&String>> = HashMap::new();
        for (parent, mounts) in &above {
            by_parent.entry(parent).or_default().extend(mounts);
        }
        for disk in &mut *disks {
            let mounts = disk.mountpoints.get_or_insert_default();
            let before = mounts.len();
            mounts.extend(by_parent.get(disk.name.as_str()).into_iter().flatten().map(|at| (*at).clone()));
            mounts.sort();
            mounts.dedup();
            moved |= mounts.len() != before;
        }
        if !moved {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one<'a>(disks: &'a [Disk], name: &str) -> &'a Disk {
        disks.iter().find(|disk| disk.name == name).unwrap_or_else(|| panic!("{name} in {disks:?}"))
    }

    #[test]
    fn a_stack_of_devices_is_read() {
        let disks = parse(include_str!("../../../fixtures/linux/lsblk.multipath.json")).unwrap();
        let names: Vec<_> = disks.iter().map(|disk| disk.name.as_str()).collect();
        assert_eq!(names, ["sda", "sda1", "sda2", "sdb", "dm-0", "dm-1", "sdc"], "each device once");
        assert_eq!(one(&disks, "dm-0").parents, Some(vec!["sdb".into(), "sdc".into()]));
        assert_eq!(one(&disks, "dm-0").mapper_name.as_deref(), Some("mpatha"));
        let sdb = one(&disks, "sdb");
        assert_eq!(sdb.identity.as_deref(), Some("naa.60014055d4a9c3b1e2f40aa8b6c7d001"));
        assert_eq!(sdb.transport, Some(DiskTransport::Iscsi));
        assert_eq!(sdb.hctl.as_deref(), Some("7:0:0:1"));
        assert_eq!(sdb.mountpoints, Some(vec!["/srv/data".into()]), "what lies on it is mounted");
        assert_eq!(sdb.filesystem.as_deref(), Some("mpath_member"));
        assert_eq!(
            one(&disks, "sda2").filesystem.as_deref(),
            Some(""),
            "lsblk tells file systems here: there is none"
        );
        assert_eq!(one(&disks, "sda1").identity.as_deref(), Some(""));
        assert_eq!(one(&disks, "sda").parents, Some(Vec::new()));
    }

    #[test]
    fn a_machine_without_udev_does_not_tell_file_systems() {
        let disks = parse(include_str!("../../../fixtures/linux/lsblk.kvm.json")).unwrap();
        let vda = one(&disks, "vda");
        assert_eq!(vda.size_bytes, Some(Bytes(274_877_906_944)));
        assert_eq!((vda.read_only, vda.removable), (Some(false), Some(false)));
        assert_eq!(vda.mountpoints, Some(vec!["/".into()]));
        assert_eq!(vda.filesystem, None, "the root file system is one, yet it is not named");
    }

    #[test]
    fn pairs_say_the_same() {
        let text = "NAME=\"sda\" KNAME=\"sda\" TYPE=\"disk\" SIZE=\"1000\" RO=\"0\" RM=\"1\" FSTYPE=\"\" MODEL=\"My\\x20Disk\" PKNAME=\"\" LOG-SEC=\"512\" WWN=\"0x5000c500a1b2c3d4\" TRAN=\"sata\" MOUNTPOINT=\"\"\nNAME=\"vg-lv\" KNAME=\"dm-2\" TYPE=\"lvm\" SIZE=\"10G\" FSTYPE=\"ext4\" PKNAME=\"sda\" MOUNTPOINT=\"/srv\"\nNAME=\"vg-lv\" KNAME=\"dm-2\" TYPE=\"lvm\" PKNAME=\"sdb\" MOUNTPOINT=\"/srv\"\n";
        let disks = parse_pairs(text);
        let sda = one(&disks, "sda");
        assert_eq!(sda.model.as_deref(), Some("My Disk"));
        assert_eq!((sda.size_bytes, sda.removable), (Some(Bytes(1000)), Some(true)));
        assert_eq!(sda.identity.as_deref(), Some("naa.5000c500a1b2c3d4"));
        assert_eq!(sda.mountpoints, Some(vec!["/srv".into()]));
        assert_eq!(one(&disks, "dm-2").parents, Some(vec!["sda".into(), "sdb".into()]));
        assert_eq!(one(&disks, "dm-2").size_bytes, None, "a rounded size is no size");
    }

    #[test]
    fn the_tree_is_read() {
        let text = "NAME                MAJ:MIN RM   SIZE RO TYPE  MOUNTPOINT\nsda                   8:0    0    20G  0 disk  \n|-sda1                8:1    0     1G  0 part  /boot\n`-sda2                8:2    0    19G  0 part  \n  `-rhel-root       253:0    0    17G  0 lvm   /\nsdb                   8:16   0    10G  0 disk  \n`-mpatha            253:1    0    10G  1 mpath \nsdc                   8:32   0    10G  0 disk  \n`-mpatha            253:1    0    10G  1 mpath \nsr0                  11:0    1  1024M  0 rom   \n";
        let unicode = text.replace("|-", "\u{251c}\u{2500}").replace("`-", "\u{2514}\u{2500}");
        for text in [text, &unicode] {
            let disks = parse_tree(text);
            assert_eq!(disks.len(), 8, "{disks:?}");
            assert_eq!(one(&disks, "dm-0").parents, Some(vec!["sda2".into()]));
            assert_eq!(one(&disks, "dm-1").parents, Some(vec!["sdb".into(), "sdc".into()]));
            assert_eq!(one(&disks, "dm-1").mapper_name.as_deref(), Some("mpatha"));
            assert_eq!(one(&disks, "dm-1").read_only, Some(true));
            assert_eq!(one(&disks, "sda").mountpoints, Some(vec!["/".into(), "/boot".into()]));
            assert_eq!(one(&disks, "sr0").removable, Some(true));
            assert_eq!((one(&disks, "sdb").size_bytes, &one(&disks, "sdb").filesystem), (None, &None));
        }
        let columns = "NAME          KNAME     MAJ:MIN FSTYPE       LABEL RO RM MODEL          SIZE OWNER GROUP PHY-SEC LOG-SEC ROTA SCHED MOUNTPOINT\nsda           sda         8:0   mpath_member        0  0 VIRTUAL-DISK     1G root  disk      4096     512    1 none  \n\u{2514}\u{2500}mpatha      dm-0      254:0   gfs2         c1:fs 0  0                  1G root  disk      4096     512    1 none  /srv/data\n";
        let disks = parse_tree(columns);
        let map = one(&disks, "dm-0");
        assert_eq!(
            (map.mapper_name.as_deref(), map.filesystem_label.as_deref()),
            (Some("mpatha"), Some("c1:fs"))
        );
        assert_eq!((map.filesystem.as_deref(), map.kind.as_deref()), (Some("gfs2"), None));
        assert_eq!(
            (map.parents.clone(), map.logical_block_bytes),
            (Some(vec!["sda".into()]), Some(Bytes(512)))
        );
        assert_eq!(one(&disks, "sda").mountpoints, Some(vec!["/srv/data".into()]));
        assert_eq!(one(&disks, "sda").filesystem_label.as_deref(), Some(""));
        assert!(parse_tree("lsblk: command not found\n").is_empty());
        assert!(
            parse_tree("NAME    MAJ:MIN RM SIZE RO TYPE MOUNTPOINT\n    `-x 1:2 0 1G 0 disk\n/y\n").len()
                == 1
        );
    }

    #[test]
    fn hostile_listings_are_errors_or_say_nothing() {
        assert!(parse("lsblk: unrecognized option: J").is_err());
        let deep = format!("{{\"blockdevices\":[{}", "{\"name\":\"a\",\"children\":[".repeat(100_000));
        assert!(parse(&deep).is_err());
        let odd = parse(
            r#"{"blockdevices":[{"name":7},{"name":"sda","size":-1,"ro":{},"tran":[]},{"name":"sda"}]}"#,
        )
        .unwrap();
        assert_eq!(odd.len(), 1);
        assert_eq!((odd[0].size_bytes, odd[0].read_only, odd[0].transport), (None, None, None));
        let looped = parse_pairs(
            "NAME=\"a\" KNAME=\"a\" PKNAME=\"b\" MOUNTPOINT=\"/x\"\nNAME=\"b\" KNAME=\"b\" PKNAME=\"a\"\n",
        );
        assert_eq!(looped.len(), 2);
        assert_eq!(unescape("a\\x20b\\xzz\\x1b"), "a b\\xzz\u{fffd}");
    }

    #[test]
    fn the_public_samples_are_read() {
        if let Some(text) =
            crate::probe::linux::sample("hotsos-openstack-sosreport/sos_commands/block/lsblk_-O_-P")
        {
            let disks = parse_pairs(&text);
            assert!(
                disks.len() > 5
                    && disks.iter().any(|disk| disk.mountpoints.iter().flatten().any(|at| at == "/"))
            );
        }
        if let Some(text) = crate::probe::linux::sample("generated-here/lsblk-J.json") {
            let disks = parse(&text).unwrap();
            assert_eq!(one(&disks, "dm-0").mapper_name.as_deref(), Some("vg_foo.4059-lv_foo.4059"));
        }
    }
}
