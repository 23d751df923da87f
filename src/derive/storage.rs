//! Which disk of which node is which LUN, and by which portals each node reaches it.

use super::{derived_gap, derived_source};
use crate::facts::{
    Bytes, Conformance, Disk, Document, Fact, IscsiSession, Lun, LunTest, LunView, Mount, Multipath, Node,
    Places, Portal, PortalView, Target,
};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;

/// Devices stand on devices (path, map, partition, volume) a few deep; more is a loop in what a host says.
const MAX_STACK: usize = 12;

/// Says of LUNs of which nothing is recorded about an active test that none was asked for: tests change a LUN, so that one
/// is never made without a word of it. Recordings from before there were tests say nothing of them.
pub(super) fn say_untested(document: &mut Document) {
    for lun in document.targets.iter_mut().flat_map(|target| target.luns.iter_mut().flatten()) {
        if lun.conformance.is_absent() {
            lun.conformance = Conformance::not_asked();
            lun.test.get_or_insert(LunTest::None);
        }
    }
}

/// Fills `Disk.lun`, `Mount.lun` and `Lun.views`.
pub(super) fn relate(document: &mut Document) {
    let known = Luns::new(&document.targets);
    for node in &mut document.nodes {
        let found = node.disks.as_ref().map(|disks| disk_luns(node, disks, &known));
        if let Some((disks, found)) = node.disks.as_mut().zip(found) {
            for (disk, lun) in disks.iter_mut().zip(found) {
                disk.lun = lun;
            }
        }
        if let Some(mut mounts) = node.mounts.take() {
            for mount in &mut mounts {
                mount.lun = mount_lun(mount, node);
            }
            node.mounts = Some(mounts);
        }
    }
    let mut targets = std::mem::take(&mut document.targets);
    let mut gaps = Vec::new();
    {
        let places = Places::new(document);
        for target in &mut targets {
            let name = target.name.clone();
            let portals = relevant_portals(target);
            for lun in target.luns.iter_mut().flatten() {
                let views: Vec<LunView> =
                    document.nodes.iter().map(|node| view(node, &name, lun, &portals)).collect();
                for view in views.iter().filter(|view| view.seen.is_none()) {
                    let path = format!("targets[{name}].luns[{}].views[{}]", lun.name, view.node);
                    let causes = [
                        format!("nodes[{}].disks", view.node),
                        format!("targets[{name}].luns[{}].identity", lun.name),
                    ];
                    gaps.push(derived_gap(&places, path, &causes));
                }
                lun.views = Some(views);
            }
        }
    }
    document.targets = targets;
    document.gaps.extend(gaps);
    for target in &document.targets {
        for lun in target.luns.iter().flatten() {
            let path = format!("targets[{}].luns[{}].views", target.name, lun.name);
            document
                .sources
                .push(derived_source(path, "disks, sessions and records of the nodes, by identity"));
        }
    }
}

/// The LUNs of all targets, by what tells one from another.
struct Luns {
    /// Identity in lower case to `target/lun`; `None` where two LUNs claim it.
    by_identity: HashMap<String, Option<String>>,
    /// Target and number to `target/lun`.
    by_number: HashMap<(String, i64), String>,
    /// Serial number with vendor and product to `target/lun`; `None` where two LUNs claim it.
    by_serial: HashMap<(String, String, String), Option<String>>,
    /// Whether some LUN, or the list of some target, is not known well enough to say "none of them".
    incomplete: bool,
}

impl Luns {
    fn new(targets: &[Target]) -> Self {
        let mut out = Luns {
            by_identity: HashMap::new(),
            by_number: HashMap::new(),
            by_serial: HashMap::new(),
            incomplete: false,
        };
        for target in targets {
            let Some(luns) = &target.luns else {
                out.incomplete = true;
                continue;
            };
            for lun in luns {
                let place = place(&target.name, lun);
                if let Some(number) = lun.number {
                    out.by_number.insert((target.name.clone(), number), place.clone());
                }
                let identity = lun.identity.as_ref().or(lun.expected_identity.as_ref());
                match identity {
                    Some(identity) => claim(&mut out.by_identity, identity.to_lowercase(), &place),
                    None if lun.present != Some(false) => out.incomplete = true,
                    None => {}
                }
                if let (Some(serial), Some(vendor), Some(product)) = (&lun.serial, &lun.vendor, &lun.product)
                    && !serial.trim().is_empty()
                {
                    claim(&mut out.by_serial, serial_key(serial, vendor, product), &place);
                }
            }
        }
        out
    }
}

fn claim<K: std::hash::Hash + Eq>(map: &mut HashMap<K, Option<String>>, key: K, place: &str) {
    map.entry(key).and_modify(|known| *known = None).or_insert_with(|| Some(place.to_owned()));
}

fn serial_key(serial: &str, vendor: &str, product: &str) -> (String, String, String) {
    let plain = |text: &str| text.trim().to_lowercase();
    (plain(serial), plain(vendor), plain(product))
}

fn place(target: &str, lun: &Lun) -> String {
    format!("{target}/{}", lun.name)
}

/// The LUN of each disk of a node, in order: empty for none, missing where it cannot be said.
fn disk_luns(node: &Node, disks: &[Disk], known: &Luns) -> Vec<Option<String>> {
    let by_name: HashMap<&str, &Disk> = disks.iter().map(|disk| (disk.name.as_str(), disk)).collect();
    let sessions: HashMap<&str, &IscsiSession> = node
        .iscsi
        .sessions
        .iter()
        .flatten()
        .flat_map(|session| session.disks.iter().flatten().map(move |disk| (disk.as_str(), session)))
        .collect();
    disks.iter().map(|disk| disk_lun(disk, &by_name, &sessions, &node.multipath, known, MAX_STACK)).collect()
}

fn disk_lun(
    disk: &Disk,
    by_name: &HashMap<&str, &Disk>,
    sessions: &HashMap<&str, &IscsiSession>,
    multipath: &Multipath,
    known: &Luns,
    depth: usize,
) -> Option<String> {
    // A disk that came by a session is the LUN of that number, whatever identity it claims.
    if let Some(target) = sessions.get(disk.name.as_str()).and_then(|session| session.target.as_ref())
        && let Some(number) = lun_number(disk)
        && let Some(place) = known.by_number.get(&(target.clone(), number))
    {
        return Some(place.clone());
    }
    let map = multipath
        .maps
        .iter()
        .flatten()
        .find(|map| map.device.as_deref() == Some(disk.name.as_str()) || map.name == disk.name);
    let identity = disk.identity.as_ref().or(map.and_then(|map| map.identity.as_ref()));
    if let Some(identity) = identity.filter(|identity| !identity.is_empty()) {
        return match known.by_identity.get(&identity.to_lowercase()) {
            Some(place) => place.clone(),
            None if known.incomplete => None,
            None => Some(String::new()),
        };
    }
    if let (Some(serial), Some(vendor), Some(model)) = (&disk.serial, &disk.vendor, &disk.model)
        && let Some(place) = known.by_serial.get(&serial_key(serial, vendor, model))
    {
        return place.clone();
    }
    // A partition, map or volume lies where the device underneath lies.
    let parents = disk.parents.as_ref()?;
    if parents.is_empty() {
        // A whole disk without any identity: a virtual disk or a loop device, unless storage is attached to it.
        return if stands_alone(disk) { Some(String::new()) } else { None };
    }
    if depth == 0 {
        return None;
    }
    let mut none = true;
    for parent in parents {
        match by_name
            .get(parent.as_str())
            .and_then(|parent| disk_lun(parent, by_name, sessions, multipath, known, depth - 1))
        {
            Some(place) if !place.is_empty() => return Some(place),
            Some(_) => {}
            None => none = false,
        }
    }
    none.then(String::new)
}

/// Whether a disk cannot be a LUN of a target: its transport is none that shared storage comes by.
fn stands_alone(disk: &Disk) -> bool {
    use crate::facts::DiskTransport as T;
    matches!(disk.transport, Some(T::Virtual | T::Nvme | T::Usb | T::Sata | T::Ide))
        || matches!(disk.kind.as_deref(), Some("loop" | "rom" | "zram"))
}

/// The last part of `host:channel:target:lun`.
fn lun_number(disk: &Disk) -> Option<i64> {
    disk.hctl.as_deref()?.rsplit(':').next()?.parse().ok()
}

/// The LUN under a mount of the boot configuration.
fn mount_lun(mount: &Mount, node: &Node) -> Option<String> {
    let source = mount.source.as_deref()?;
    let on_device = source.starts_with("/dev/")
        || ["UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="].iter().any(|tag| source.starts_with(tag));
    if !on_device {
        return Some(String::new());
    }
    let disks = node.disks.as_ref()?;
    let by_source = |disk: &&Disk| {
        let text = |field: &Option<String>, tag: &str| {
            field.as_deref().is_some_and(|value| !value.is_empty() && source.strip_prefix(tag) == Some(value))
        };
        source.strip_prefix("/dev/") == Some(disk.name.as_str())
            || source
                .strip_prefix("/dev/mapper/")
                .is_some_and(|name| name == disk.name || disk.mapper_name.as_deref() == Some(name))
            || text(&disk.filesystem_uuid, "UUID=")
            || text(&disk.filesystem_uuid, "/dev/disk/by-uuid/")
            || text(&disk.filesystem_label, "LABEL=")
            || text(&disk.filesystem_label, "/dev/disk/by-label/")
    };
    let by_target = |disk: &&Disk| disk.mountpoints.iter().flatten().any(|at| *at == mount.target);
    disks.iter().find(by_source).or_else(|| disks.iter().find(by_target))?.lun.clone()
}

/// Portals that a node needs a session to: the planned ones, or all that are advertised where none is planned.
/// Missing when the list of portals is.
fn relevant_portals(target: &Target) -> Option<Vec<Portal>> {
    let portals = target.portals.as_ref()?;
    let planned: Vec<Portal> =
        portals.iter().filter(|portal| portal.planned == Some(true)).cloned().collect();
    Some(if planned.is_empty() { portals.clone() } else { planned })
}

fn view(node: &Node, target: &str, lun: &Lun, portals: &Option<Vec<Portal>>) -> LunView {
    let mut out = LunView { node: node.name.clone(), ..LunView::default() };
    let place = place(target, lun);
    if let Some(disks) = &node.disks {
        let here: Vec<&Disk> =
            disks.iter().filter(|disk| disk.lun.as_deref() == Some(place.as_str())).collect();
        let whole: HashSet<&str> = here
            .iter()
            .filter(|disk| matches!(disk.kind.as_deref(), Some("disk") | None))
            .map(|disk| disk.name.as_str())
            .collect();
        out.seen = if here.is_empty() {
            if disks.iter().any(|disk| disk.lun.is_none()) { None } else { Some(false) }
        } else {
            Some(true)
        };
        if out.seen.is_some() {
            out.disks = Some(
                here.iter()
                    .map(|disk| disk.name.clone())
                    .filter(|name| whole.contains(name.as_str()))
                    .collect(),
            );
            let sizes: Option<BTreeSet<Bytes>> = here
                .iter()
                .filter(|disk| whole.contains(disk.name.as_str()))
                .map(|disk| disk.size_bytes)
                .collect();
            out.sizes_bytes = sizes.map(|all| all.into_iter().collect());
        }
        if let (Some(true), Some(maps)) = (out.seen, &node.multipath.maps) {
            let map = maps.iter().find(|map| {
                map.paths.iter().flatten().any(|path| whole.contains(path.device.as_str()))
                    || map.device.as_deref().is_some_and(|device| here.iter().any(|disk| disk.name == device))
            });
            out.map = Some(map.map_or_else(String::new, |map| map.name.clone()));
            out.active_paths = match map {
                Some(map) => map.paths.as_ref().and_then(|paths| {
                    let working: Option<Vec<bool>> = paths
                        .iter()
                        .map(|path| {
                            let usable = path.dm_state.as_deref()? == "active";
                            Some(
                                usable
                                    && matches!(
                                        path.checker_state.as_deref(),
                                        Some("ready" | "ghost") | None
                                    ),
                            )
                        })
                        .collect();
                    working.and_then(|all| i64::try_from(all.into_iter().filter(|works| *works).count()).ok())
                }),
                // Without a map each disk is a way of its own that nothing joins: one of them is in use.
                None => Some(i64::from(!whole.is_empty())),
            };
        }
    }
    out.portals = portals
        .as_ref()
        .map(|portals| portals.iter().map(|portal| portal_view(node, target, portal)).collect());
    out
}

fn portal_view(node: &Node, target: &str, portal: &Portal) -> PortalView {
    let is_this = |of_target: Option<&String>, address: Option<&String>| {
        of_target.is_some_and(|name| name == target)
            && address.is_some_and(|address| same_portal(address, &portal.address))
    };
    let records = node.iscsi.records.as_ref();
    let record =
        records.and_then(|all| all.iter().find(|one| is_this(one.target.as_ref(), one.portal.as_ref())));
    PortalView {
        portal: portal.address.clone(),
        session: node.iscsi.sessions.as_ref().and_then(|sessions| {
            let here: Vec<_> =
                sessions.iter().filter(|one| is_this(one.target.as_ref(), one.portal.as_ref())).collect();
            if here.iter().any(|one| one.logged_in == Some(true)) {
                Some(true)
            } else if here.iter().any(|one| one.logged_in.is_none()) {
                None
            } else {
                Some(false)
            }
        }),
        recorded: records.map(|_| record.is_some()),
        startup: record.and_then(|record| record.startup.or(node.iscsi.default_startup)),
    }
}

/// Whether two texts name the same portal: `10.0.1.10:3260`, with or without the tag behind a comma or the default port.
fn same_portal(a: &str, b: &str) -> bool {
    fn parse(text: &str) -> Option<SocketAddr> {
        let text = text.split(',').next().unwrap_or(text).trim();
        text.parse().ok().or_else(|| {
            let bare = text.trim_start_matches('[').trim_end_matches(']');
            bare.parse().ok().map(|address| SocketAddr::new(address, 3260))
        })
    }
    match (parse(a), parse(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.eq_ignore_ascii_case(b),
    }
}

#[cfg(test)]
mod tests {
    use super::same_portal;
    use crate::derive::completed as document;
    use crate::facts::{Bytes, Startup};

    const SHARED: &str = r#"{"schema":"quorate/1",
      "targets":[{"name":"iqn.x:t","portals":[{"address":"10.0.1.10:3260","planned":true},{"address":"10.0.2.10:3260","planned":true}],
        "luns":[{"name":"witness","number":0,"role":"witness","present":true,"identity":"naa.6000000000000001"},
                {"name":"data","number":1,"role":"data","present":true,"identity":"naa.6000000000000002"}]}],
      "nodes":[
       {"name":"a","disks":[
          {"name":"sda","kind":"disk","transport":"sata","parents":[]},
          {"name":"sdb","kind":"disk","identity":"naa.6000000000000001","parents":[]},
          {"name":"sdc","kind":"disk","identity":"NAA.6000000000000001","parents":[]},
          {"name":"mpatha","kind":"mpath","parents":["sdb","sdc"]},
          {"name":"mpatha1","kind":"part","parents":["mpatha"],"mountpoints":["/srv"]}],
        "mounts":[{"source":"UUID=1","target":"/srv","options":["_netdev"]},{"source":"nas:/x","target":"/nas"}],
        "multipath":{"maps":[{"name":"mpatha","device":"dm-0","paths":[{"device":"sdb","dm_state":"active","checker_state":"ready"},{"device":"sdc","dm_state":"failed","checker_state":"faulty"}]}]},
        "iscsi":{"default_startup":"manual","sessions":[{"id":"1","target":"iqn.x:t","portal":"10.0.1.10:3260","logged_in":true}],
          "records":[{"target":"iqn.x:t","portal":"10.0.1.10:3260,1","startup":"automatic"},{"target":"iqn.x:t","portal":"10.0.2.10"}]}},
       {"name":"b","disks":[{"name":"sdz","kind":"disk"}]},
       {"name":"c"}],
      "gaps":[{"path":"nodes[c]","reason":"timed-out"}]}"#;

    #[test]
    fn disks_are_matched_by_identity_and_followed_up_the_stack() {
        let document = document(SHARED);
        let a = &document.nodes[0];
        let luns: Vec<_> = a.disks.iter().flatten().map(|disk| disk.lun.as_deref()).collect();
        let witness = Some("iqn.x:t/witness");
        assert_eq!(luns, [Some(""), witness, witness, witness, witness]);
        let mounts: Vec<_> = a.mounts.iter().flatten().map(|mount| mount.lun.as_deref()).collect();
        assert_eq!(mounts, [witness, Some("")]);
    }

    #[test]
    fn each_node_is_said_to_see_not_to_see_or_unknown() {
        let document = document(SHARED);
        let luns = document.targets[0].luns.as_ref().expect("given");
        let seen =
            |lun: usize| -> Vec<_> { luns[lun].views.iter().flatten().map(|view| view.seen).collect() };
        assert_eq!(seen(0), [Some(true), None, None], "b has a disk that nothing is known of");
        assert_eq!(seen(1), [Some(false), None, None]);
        assert!(document.gaps.iter().any(|gap| gap.path == "targets[iqn.x:t].luns[data].views[c]"));
        let view = &luns[0].views.as_ref().expect("derived")[0];
        assert_eq!(view.disks, Some(vec!["sdb".into(), "sdc".into()]));
        assert_eq!((view.map.as_deref(), view.active_paths), (Some("mpatha"), Some(1)));
    }

    #[test]
    fn portals_tell_session_record_and_startup() {
        let document = document(SHARED);
        let view = &document.targets[0].luns.as_ref().expect("given")[0].views.as_ref().expect("derived")[0];
        let portals = view.portals.as_ref().expect("derived");
        assert_eq!(
            (portals[0].session, portals[0].recorded, portals[0].startup),
            (Some(true), Some(true), Some(Startup::Automatic))
        );
        assert_eq!(
            (portals[1].session, portals[1].recorded, portals[1].startup),
            (Some(false), Some(true), Some(Startup::Manual))
        );
    }

    #[test]
    fn sizes_are_those_of_whole_disks() {
        let sized = |text: &str| {
            let document = document(&text.replace(
                r#"{"name":"mpatha","kind":"mpath""#,
                r#"{"name":"mpatha","size_bytes":7,"kind":"mpath""#,
            ));
            document.targets[0].luns.as_ref().expect("given")[0].views.as_ref().expect("derived")[0]
                .sizes_bytes
                .clone()
        };
        assert_eq!(sized(SHARED), None, "neither path's size is known");
        let one = SHARED.replace(r#"{"name":"sdb","#, r#"{"name":"sdb","size_bytes":1024,"#);
        assert_eq!(sized(&one), None, "one path's size is not known");
        let both = one.replace(r#"{"name":"sdc","#, r#"{"name":"sdc","size_bytes":1024,"#);
        assert_eq!(sized(&both), Some(vec![Bytes(1024)]));
        let apart = one.replace(r#"{"name":"sdc","#, r#"{"name":"sdc","size_bytes":2048,"#);
        assert_eq!(sized(&apart), Some(vec![Bytes(1024), Bytes(2048)]));
    }

    #[test]
    fn two_luns_with_one_identity_match_nothing() {
        let text = SHARED.replace("6000000000000002", "6000000000000001");
        let document = document(&text);
        assert_eq!(document.nodes[0].disks.as_ref().expect("given")[1].lun, None);
    }

    #[test]
    fn portals_compare_by_address() {
        assert!(same_portal("10.0.0.1:3260", "10.0.0.1,1"));
        assert!(same_portal("[fd00::1]:3260", "fd00::1"));
        assert!(!same_portal("10.0.0.1:3260", "10.0.0.1:3261"));
    }
}
