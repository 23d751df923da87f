//! What the kernel says of block devices in files: `/sys/block` and the VPD pages that it keeps (any account).

use super::text::{attributes, links};
use crate::facts::{Bytes, Disk, DiskTransport, Seconds};
use crate::scsi::identity;
use crate::scsi::vpd::{DeviceIdentification, UnitSerial};
use std::collections::HashMap;

/// What the VPD pages of one disk say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// Unit serial number (80h).
    pub serial: Option<String>,
    /// Best identity of the logical unit (83h).
    pub identity: Option<String>,
}

/// Reads `head -c 1024 /dev/null FILES | od -A n -v -t x1` over `/sys/block/*/device/vpd_pg80` and `vpd_pg83`, by the name
/// of the disk.
///
/// `head` puts a heading before each file. Where the next one stands follows from the length in the page's own header, so
/// what a disk says cannot pass for a heading; where it does not stand there, the rest is not believed.
pub fn pages(hexadecimal: &str) -> HashMap<String, Pages> {
    let bytes: Option<Vec<u8>> =
        hexadecimal.split_ascii_whitespace().map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    let bytes = bytes.unwrap_or_default();
    let mut rest = bytes.as_slice();
    let mut out: HashMap<String, Pages> = HashMap::new();
    while let Some((path, after)) = heading(rest) {
        rest = after;
        let mut parts = path.strip_prefix("/sys/block/").into_iter().flat_map(|path| path.split('/'));
        let (Some(disk), Some("device"), Some(page)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let length = match rest {
            [_, _, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
            _ => 0,
        };
        let (content, after) = rest.split_at(length.min(1024).min(rest.len()));
        rest = after;
        let pages = out.entry(disk.to_owned()).or_default();
        match page {
            "vpd_pg80" => pages.serial = UnitSerial::decode(content).ok().map(|serial| serial.0),
            "vpd_pg83" => {
                pages.identity = DeviceIdentification::decode(content).ok().and_then(|page| page.identity());
            }
            _ => {}
        }
    }
    for pages in out.values_mut() {
        for text in [&mut pages.serial, &mut pages.identity].into_iter().flatten() {
            *text = crate::probe::answer::harmless(std::mem::take(text).into()).into_owned();
        }
    }
    out
}

/// `==> PATH <==` and a line end, after a blank line for all but the first.
fn heading(bytes: &[u8]) -> Option<(String, &[u8])> {
    let bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes).strip_prefix(b"==> ")?;
    let end = bytes.iter().position(|&byte| byte == b'\n')?;
    let path = bytes[..end].strip_suffix(b" <==")?;
    Some((String::from_utf8_lossy(path).into_owned(), &bytes[end + 1..]))
}

/// Adds to disks what sysfs says: `values` are `PATH:LINE` of the files, `symbolic` is `ls -ldn` of the links, `pages` are
/// the VPD pages, `drivers` are the drivers of the SCSI hosts by name (`host3`). Where lsblk named no disk, the disks
/// come from here, without partitions.
pub fn add(
    disks: &mut Vec<Disk>,
    values: &str,
    symbolic: &str,
    pages: &HashMap<String, Pages>,
    drivers: &HashMap<String, String>,
) {
    let mut devices: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
    let mut order = Vec::new();
    for attribute in attributes(values, "/sys/block/") {
        let known = devices.entry(attribute.device).or_insert_with(|| {
            order.push(attribute.device);
            Vec::new()
        });
        known.push((attribute.name, attribute.value));
    }
    let mut places: HashMap<&str, &str> = HashMap::new();
    let mut parents: HashMap<&str, Vec<&str>> = HashMap::new();
    for (path, target) in links(symbolic) {
        let Some(below) = path.strip_prefix("/sys/block/") else { continue };
        match below.split_once("/slaves/") {
            Some((disk, parent)) => parents.entry(disk).or_default().push(parent),
            None => {
                places.insert(below, target);
            }
        }
    }
    if disks.is_empty() {
        // `/` in the name of a device stands as `!` in sysfs.
        disks.extend(order.iter().map(|name| Disk { name: name.replace('!', "/"), ..Disk::default() }));
        for disk in &mut *disks {
            let name = disk.name.clone();
            disk.parents = places.get(name.as_str()).map(|_| {
                parents.get(name.as_str()).into_iter().flatten().map(|parent| (*parent).to_owned()).collect()
            });
        }
    }
    for disk in &mut *disks {
        let key = disk.name.replace('/', "!");
        let known = devices.get(key.as_str()).map(Vec::as_slice).unwrap_or_default();
        complete(disk, known, places.get(key.as_str()).copied(), pages.get(&key), drivers);
    }
    // A compressed memory disk that nobody has set up is none.
    disks.retain(|disk| !(disk.name.starts_with("zram") && disk.size_bytes == Some(Bytes(0))));
}

fn complete(
    disk: &mut Disk,
    known: &[(&str, &str)],
    place: Option<&str>,
    pages: Option<&Pages>,
    drivers: &HashMap<String, String>,
) {
    let get = |name: &str| known.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let number = |name: &str| get(name).and_then(|value| value.parse::<u64>().ok());
    let mapped = get("dm/uuid").unwrap_or_default();
    if disk.kind.is_none() {
        disk.kind = kind(&disk.name, mapped).map(str::to_owned);
    }
    // Sectors of 512 bytes, whatever the size of the device's blocks.
    disk.size_bytes =
        disk.size_bytes.or_else(|| number("size").and_then(|size| size.checked_mul(512)).map(Bytes));
    disk.read_only = disk.read_only.or_else(|| number("ro").map(|ro| ro != 0));
    disk.removable = disk.removable.or_else(|| number("removable").map(|removable| removable != 0));
    disk.logical_block_bytes =
        disk.logical_block_bytes.or_else(|| number("queue/logical_block_size").map(Bytes));
    disk.physical_block_bytes =
        disk.physical_block_bytes.or_else(|| number("queue/physical_block_size").map(Bytes));
    disk.timeout_s = get("device/timeout").and_then(|seconds| seconds.parse().ok()).map(Seconds);
    for (field, name) in [(&mut disk.vendor, "device/vendor"), (&mut disk.model, "device/model")] {
        if field.as_ref().is_none_or(String::is_empty) {
            *field = get(name).map(str::to_owned).or(field.take());
        }
    }
    if let Some(name) = get("dm/name") {
        disk.mapper_name = Some(name.to_owned());
    }
    let Some(place) = place else { return };
    let is_scsi = disk.name.starts_with("sd") || disk.name.starts_with("sr");
    // udev calls the number that scsi_id made the serial number of a SCSI disk; the page itself tells.
    let serial = match (pages, is_scsi) {
        (Some(pages), _) => pages.serial.clone(),
        (None, true) => None,
        (None, false) => {
            get("serial").or_else(|| get("device/serial")).map(str::to_owned).or(disk.serial.take())
        }
    };
    disk.serial = serial.or_else(|| (!is_scsi).then(String::new));
    let of_map = mapped.strip_prefix("mpath-").map(identity::canonical);
    let of_kernel =
        get("device/wwid").or_else(|| get("wwid")).filter(|id| !id.is_empty()).map(identity::canonical);
    let of_page = pages.and_then(|pages| pages.identity.clone());
    disk.identity = of_page.or(of_map).or(of_kernel).or(disk.identity.take());
    if disk.hctl.is_none() {
        disk.hctl = place.split('/').rev().find(|part| is_hctl(part)).map(str::to_owned);
    }
    let found = transport(place, disk.vendor.as_deref().unwrap_or_default());
    // lsblk tells Fibre Channel from FCoE; where it says nothing, the path of the device does.
    disk.transport = disk.transport.filter(|one| *one != DiskTransport::Other).or(Some(found));
    // A device of its own, not made of others: without an identity in any of these places it has none.
    if !is_scsi && disk.identity.is_none() {
        disk.identity = Some(String::new());
    }
    let host = place.split('/').find(|part| {
        part.strip_prefix("host")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
    });
    disk.driver = match host {
        Some(host) => drivers.get(host).cloned(),
        None if place.contains("/virtio") => Some("virtio_blk".to_owned()),
        None if place.contains("/nvme") => Some("nvme".to_owned()),
        None if place.contains("/virtual/") => Some(String::new()),
        None => None,
    };
}

fn kind(name: &str, mapped: &str) -> Option<&'static str> {
    let of_map = [("mpath-", "mpath"), ("LVM-", "lvm"), ("CRYPT-", "crypt"), ("part", "part")];
    if name.starts_with("dm-") {
        return Some(
            of_map.iter().find(|(prefix, _)| mapped.starts_with(prefix)).map_or("dm", |(_, kind)| kind),
        );
    }
    let of_name = [
        ("sd", "disk"),
        ("vd", "disk"),
        ("xvd", "disk"),
        ("nvme", "disk"),
        ("hd", "disk"),
        ("mmcblk", "disk"),
        ("dasd", "disk"),
        ("rbd", "disk"),
        ("drbd", "disk"),
        ("zram", "disk"),
        ("sr", "rom"),
    ];
    of_name.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, kind)| *kind)
}

/// Whether a part of a path is a SCSI address: `7:0:0:1`.
fn is_hctl(part: &str) -> bool {
    let numbers: Vec<&str> = part.split(':').collect();
    numbers.len() == 4
        && numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// How a disk is attached, by the path of its device in sysfs and its vendor.
fn transport(place: &str, vendor: &str) -> DiskTransport {
    let has = |part: &str| place.contains(part);
    if has("/session") {
        DiskTransport::Iscsi
    } else if has("/rport-") {
        DiskTransport::Fc
    } else if has("/end_device-") {
        DiskTransport::Sas
    } else if has("/usb") {
        DiskTransport::Usb
    } else if has("/ata") {
        DiskTransport::Sata
    } else if has("/nvme") {
        DiskTransport::Nvme
    } else if place.contains("/virtual/block/zram")
        || has("/virtio")
        || has("VMBUS")
        || has("/vmbus")
        || has("/vbd-")
        || vendor.starts_with("VMware")
    {
        DiskTransport::Virtual
    } else {
        DiskTransport::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: &str = include_str!("../../../fixtures/linux/links.server");
    const VALUES: &str = include_str!("../../../fixtures/linux/sysfs-block.server");

    fn hexadecimal(files: &[(&str, &[u8])]) -> String {
        let mut bytes = b"==> /dev/null <==\n".to_vec();
        for (path, content) in files {
            bytes.extend_from_slice(format!("\n==> {path} <==\n").as_bytes());
            bytes.extend_from_slice(content);
        }
        let words: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        words.chunks(16).map(|line| line.join(" ")).collect::<Vec<_>>().join("\n")
    }

    fn page83(naa: &[u8]) -> Vec<u8> {
        DeviceIdentification(vec![crate::scsi::identity::Designator::naa(naa)]).encode(0)
    }

    #[test]
    fn pages_are_found_by_their_length() {
        // The serial number of the first disk looks like the heading of another.
        let forged = "\n==> /sys/block/sdz/device/vpd_pg83 <==\n";
        let text = hexadecimal(&[
            ("/sys/block/sdb/device/vpd_pg80", &UnitSerial(forged.into()).encode(0)),
            (
                "/sys/block/sdb/device/vpd_pg83",
                &page83(&[0x60, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
            ),
            ("/sys/block/sdc/device/vpd_pg80", &UnitSerial("S2".into()).encode(0)),
        ]);
        let found = pages(&text);
        assert_eq!(found["sdb"].identity.as_deref(), Some("naa.600102030405060708090a0b0c0d0e0f"));
        assert_eq!(found["sdc"].serial.as_deref(), Some("S2"));
        assert!(!found.contains_key("sdz"));
        assert!(pages(" 3d zz\n").is_empty());
    }

    #[test]
    fn a_short_page_ends_what_is_believed() {
        let text = hexadecimal(&[
            ("/sys/block/sda/device/vpd_pg83", &[0, 0x83, 0, 200, 1]),
            ("/sys/block/sdb/device/vpd_pg80", &UnitSerial("S2".into()).encode(0)),
        ]);
        assert!(!pages(&text).contains_key("sdb"));
    }

    #[test]
    fn disks_are_completed() {
        let mut disks: Vec<Disk> = ["sda", "sdb", "sdd", "sde", "vda", "nvme0n1", "dm-0"]
            .into_iter()
            .map(|name| Disk { name: name.into(), ..Disk::default() })
            .collect();
        let found = HashMap::from([(
            "sdb".to_owned(),
            Pages {
                serial: Some("a1".into()),
                identity: Some("naa.60014055d4a9c3b1e2f40aa8b6c7d001".into()),
            },
        )]);
        let drivers = HashMap::from([("host7".to_owned(), "iscsi_tcp".to_owned())]);
        add(&mut disks, VALUES, LINKS, &found, &drivers);
        let transports: Vec<_> = disks.iter().map(|disk| disk.transport.unwrap()).collect();
        use DiskTransport as T;
        assert_eq!(transports, [T::Sata, T::Iscsi, T::Fc, T::Sas, T::Virtual, T::Nvme, T::Other]);
        let sdb = &disks[1];
        assert_eq!((sdb.serial.as_deref(), sdb.hctl.as_deref()), (Some("a1"), Some("7:0:0:1")));
        assert_eq!((sdb.timeout_s, sdb.driver.as_deref()), (Some(Seconds(30)), Some("iscsi_tcp")));
        assert_eq!(sdb.size_bytes, Some(Bytes(1_073_741_824)));
        assert_eq!(
            disks[2].identity.as_deref(),
            Some("naa.60060e8007c3e2000030c3e200000102"),
            "by the kernel's wwid"
        );
        assert_eq!(disks[2].serial, None, "udev's word for it is another number");
        assert_eq!(disks[4].serial.as_deref(), Some("root-disk"));
        assert_eq!(disks[5].identity.as_deref(), Some("eui.002538ba11b5c0d2"));
        assert_eq!(disks[6].identity.as_deref(), Some("naa.60014055d4a9c3b1e2f40aa8b6c7d001"), "of the map");
        assert_eq!(disks[6].kind.as_deref(), Some("mpath"));
    }

    #[test]
    fn without_lsblk_the_disks_come_from_here() {
        let mut disks = Vec::new();
        add(&mut disks, VALUES, LINKS, &HashMap::new(), &HashMap::new());
        let map = disks.iter().find(|disk| disk.name == "dm-0").unwrap();
        assert_eq!(map.parents, Some(vec!["sdb".into(), "sdc".into()]));
        assert_eq!(map.mapper_name.as_deref(), Some("mpatha"));
        assert_eq!(map.mountpoints, None, "sysfs does not tell mounts");
    }
}
