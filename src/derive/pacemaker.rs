//! Pacemaker: which nodes each fencing device covers, which are covered by none, and the cloud that the nodes run in.
//!
//! A device that must be asked for its nodes covers nobody knows whom: what depends on it is missing.

use super::{derived_gap, derived_source};
use crate::facts::{Document, FencingDevice, Gap, GapReason, Millis, Node, Pacemaker, Places, SourceKind};
use std::collections::BTreeSet;

/// Asset tag that Azure gives the chassis of every virtual machine, as Trento knows it.
const AZURE_TAG: &str = "7783-7084-3265-9085-8269-3286-77";

/// Whether a path is that of a fact that is derived here.
pub(super) fn is_derived(path: &str) -> bool {
    path == "cluster.pacemaker.unfenced_nodes"
        || path.starts_with("cluster.pacemaker.fencing_devices[") && path.ends_with("].covers")
}

/// Takes back what an earlier run derived of facts that a plan may declare.
pub(super) fn forget(document: &mut Document) {
    let ours = |path: &str| {
        let mut sources = document.sources.iter().filter(|source| source.path == path);
        sources.any(|source| source.kind == Some(SourceKind::Derived))
    };
    if ours("cluster.cloud") {
        document.cluster.cloud = None;
    }
}

/// Fills `FencingDevice.covers`, `Pacemaker.unfenced_nodes` and, where nothing else tells it, `Cluster.cloud`.
pub(super) fn relate(document: &mut Document) {
    if document.cluster.cloud.is_none()
        && let Some(cloud) = cloud(&document.nodes)
    {
        document.cluster.cloud = Some(cloud);
        document
            .sources
            .push(derived_source("cluster.cloud".to_owned(), "vendor and asset tag of the nodes' hardware"));
    }
    let mut gaps = Vec::new();
    let covers: Option<Vec<_>> = document
        .cluster
        .pacemaker
        .fencing_devices
        .as_ref()
        .map(|devices| devices.iter().map(|device| covered(device, document)).collect());
    for (device, covers) in
        document.cluster.pacemaker.fencing_devices.iter_mut().flatten().zip(covers.into_iter().flatten())
    {
        if covers.is_none() {
            gaps.push(Gap {
                path: format!("cluster.pacemaker.fencing_devices[{}].covers", device.id),
                reason: Some(GapReason::NotCollected),
                detail: Some("the device itself must be asked which nodes it knows".to_owned()),
            });
        }
        device.covers = covers;
    }
    let facts = &document.cluster.pacemaker;
    let unfenced = unfenced(facts);
    if unfenced.is_none() && facts.cib_version.is_some() {
        let places = Places::new(document);
        let cause = facts.fencing_devices.iter().flatten().find(|device| device.covers.is_none());
        let gap = match cause {
            Some(device) => Gap {
                path: "cluster.pacemaker.unfenced_nodes".to_owned(),
                reason: Some(GapReason::NotCollected),
                detail: Some(format!("{} must be asked which nodes it knows", device.id)),
            },
            None => derived_gap(
                &places,
                "cluster.pacemaker.unfenced_nodes".to_owned(),
                &["fencing_devices", "nodes", "fencing_watchdog_timeout_ms", "have_watchdog"]
                    .map(|field| format!("cluster.pacemaker.{field}")),
            ),
        };
        gaps.push(gap);
    }
    document.gaps.extend(gaps);
    document.cluster.pacemaker.unfenced_nodes = unfenced;
}

/// Nodes that a device can fence; nothing where that is asked of the device.
fn covered(device: &FencingDevice, document: &Document) -> Option<Vec<String>> {
    let members = members(&document.cluster.pacemaker)?;
    match device.host_check.as_deref() {
        Some("static-list") => {
            let hosts = device.hosts.as_ref()?;
            Some(members.into_iter().filter(|name| hosts.contains(name)).collect())
        }
        Some("none") => Some(members),
        // The slots on its disks are what such a device would answer.
        None | Some("dynamic-list") if is_sbd(device) => {
            let slots = slots(&document.nodes)?;
            Some(members.into_iter().filter(|name| slots.contains(name)).collect())
        }
        _ => None,
    }
}

fn is_sbd(device: &FencingDevice) -> bool {
    matches!(device.agent.as_deref(), Some("stonith:external/sbd" | "stonith:fence_sbd"))
}

/// Nodes that have a slot on every SBD device that a node could read; nothing where none could.
fn slots(nodes: &[Node]) -> Option<BTreeSet<String>> {
    let headers = nodes
        .iter()
        .filter_map(|node| node.sbd.headers.as_ref())
        .find(|headers| !headers.is_empty() && headers.iter().all(|header| header.holders.is_some()))?;
    let lists = headers.iter().map(|header| {
        header.holders.iter().flatten().map(|slot| slot.node.clone()).collect::<BTreeSet<String>>()
    });
    lists.reduce(|all, one| all.intersection(&one).cloned().collect())
}

/// Names of the nodes that are fenced by devices: members and remote ones. Guests are fenced through their resource.
fn members(facts: &Pacemaker) -> Option<Vec<String>> {
    let nodes = facts.nodes.as_ref()?.iter();
    Some(
        nodes
            .filter(|node| matches!(node.kind.as_deref(), Some("member" | "remote")))
            .map(|node| node.name.clone())
            .collect(),
    )
}

/// Nodes that no device in use covers. With a watchdog of their own (SBD without disks) all are.
fn unfenced(facts: &Pacemaker) -> Option<Vec<String>> {
    let members = members(facts)?;
    match (facts.have_watchdog, facts.fencing_watchdog_timeout_ms) {
        (Some(true), Some(time)) if time != Millis(0) => return Some(Vec::new()),
        (Some(false), _) | (_, Some(Millis(0))) => {}
        _ => return None,
    }
    let devices = facts.fencing_devices.as_ref()?;
    let mut left: Vec<String> = members;
    let mut unsure = false;
    for device in devices {
        match (device.disabled, &device.covers) {
            (Some(true), _) => {}
            (Some(false), Some(covers)) => left.retain(|name| !covers.contains(name)),
            _ => unsure = true,
        }
    }
    (left.is_empty() || !unsure).then_some(left)
}

/// The cloud of the nodes: what one of them says; empty where all are known to be in none.
fn cloud(nodes: &[Node]) -> Option<String> {
    let said: Vec<Option<&str>> = nodes.iter().map(cloud_of).collect();
    let named = said.iter().flatten().find(|name| !name.is_empty());
    match named {
        Some(name) => Some((*name).to_owned()),
        None => (!said.is_empty() && said.iter().all(Option::is_some)).then(String::new),
    }
}

/// What vendor, firmware and asset tag of a machine say, as systemd-detect-virt and Trento read them.
fn cloud_of(node: &Node) -> Option<&'static str> {
    let (hardware, firmware) = (&node.hardware, &node.firmware);
    let vendor = hardware.manufacturer.as_deref();
    let holds =
        |text: Option<&str>, word: &str| text.is_some_and(|text| text.to_ascii_lowercase().contains(word));
    if hardware.asset_tag.as_deref() == Some(AZURE_TAG) {
        Some("azure")
    } else if holds(vendor, "amazon")
        || holds(firmware.vendor.as_deref(), "amazon")
        || holds(firmware.version.as_deref(), "amazon")
    {
        Some("aws")
    } else if vendor == Some("Google") || firmware.vendor.as_deref() == Some("Google") {
        Some("gcp")
    } else if vendor? == "Microsoft Corporation" && hardware.asset_tag.is_none() {
        // Azure and a Hyper-V of one's own look alike but for the tag.
        None
    } else {
        Some("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn completed(json: Value) -> Document {
        let mut json = json;
        json["schema"] = "quorate/1".into();
        let mut document = Document::parse(json.to_string().as_bytes(), "test").expect("valid");
        crate::derive::complete(&mut document);
        let mut again = document.clone();
        crate::derive::complete(&mut again);
        assert_eq!(serde_json::to_value(&document).ok(), serde_json::to_value(&again).ok(), "the same again");
        document
    }

    fn of_devices(devices: Value, nodes: Value) -> Document {
        completed(json!({
            "cluster": {"pacemaker": {"cib_version": "0.1.0", "have_watchdog": false, "fencing_watchdog_timeout_ms": 0,
                "fencing_devices": devices,
                "nodes": [{"name": "a", "kind": "member"}, {"name": "b", "kind": "member"}, {"name": "c", "kind": "remote"}, {"name": "g", "kind": "guest"}]}},
            "nodes": nodes,
        }))
    }

    fn unfenced(devices: Value) -> Option<Vec<String>> {
        of_devices(devices, json!([])).cluster.pacemaker.unfenced_nodes
    }

    fn names(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn nodes_that_no_device_covers_are_named() {
        let device = |id: &str, hosts: &[&str]| json!({"id": id, "host_check": "static-list", "hosts": hosts, "disabled": false});
        assert_eq!(unfenced(json!([])), names(&["a", "b", "c"]));
        assert_eq!(unfenced(json!([device("f", &["a", "x"]), device("g", &["b"])])), names(&["c"]));
        assert_eq!(unfenced(json!([device("f", &["a", "b", "c"])])), names(&[]));
        assert_eq!(unfenced(json!([{"id": "f", "host_check": "none", "disabled": false}])), names(&[]));
        assert_eq!(
            unfenced(json!([{"id": "f", "host_check": "none", "disabled": true}])),
            names(&["a", "b", "c"])
        );
        assert_eq!(
            unfenced(json!([{"id": "f", "host_check": "none"}])),
            None,
            "nobody knows whether it is in use"
        );
    }

    #[test]
    fn a_device_that_must_be_asked_leaves_it_open() {
        let asked = json!({"id": "f", "agent": "stonith:fence_vmware_rest", "disabled": false});
        let document = of_devices(json!([asked]), json!([]));
        assert_eq!(document.cluster.pacemaker.unfenced_nodes, None);
        let places = Places::new(&document);
        assert!(
            places
                .gap("cluster.pacemaker.unfenced_nodes")
                .and_then(|gap| gap.detail.clone())
                .is_some_and(|text| text.starts_with("f must"))
        );
        assert!(places.gap("cluster.pacemaker.fencing_devices[f].covers").is_some());
        let all =
            json!({"id": "g", "host_check": "static-list", "hosts": ["a", "b", "c"], "disabled": false});
        assert_eq!(unfenced(json!([asked, all])), names(&[]), "the other covers all");
    }

    #[test]
    fn slots_on_the_disks_are_the_nodes_of_sbd() {
        let device = json!([{"id": "f", "agent": "stonith:external/sbd", "disabled": false}]);
        let slots = |names: &[&str]| {
            names.iter().map(|name| json!({"node": name, "message": "clear"})).collect::<Vec<_>>()
        };
        let node = json!([{"name": "a", "sbd": {"headers": [{"path": "/dev/x", "holders": slots(&["a", "b", "c"])}, {"path": "/dev/y", "holders": slots(&["a", "c"])}]}}]);
        let document = of_devices(device, node);
        assert_eq!(
            document.cluster.pacemaker.fencing_devices.as_ref().unwrap()[0].covers,
            names(&["a", "c"])
        );
        assert_eq!(document.cluster.pacemaker.unfenced_nodes, names(&["b"]));
    }

    #[test]
    fn a_watchdog_of_their_own_covers_all() {
        let of = |watchdog: Value, time: Value| {
            completed(json!({"cluster": {"pacemaker": {"cib_version": "0.1.0", "have_watchdog": watchdog,
                "fencing_watchdog_timeout_ms": time, "fencing_devices": [], "nodes": [{"name": "a", "kind": "member"}]}}}))
            .cluster
            .pacemaker
            .unfenced_nodes
        };
        assert_eq!(of(json!(true), json!(10_000)), names(&[]));
        assert_eq!(of(json!(true), json!(-1)), names(&[]));
        assert_eq!(of(json!(true), json!(0)), names(&["a"]));
        assert_eq!(of(json!(false), json!(10_000)), names(&["a"]));
        assert_eq!(of(json!(true), Value::Null), None);
    }

    #[test]
    fn the_cloud_is_known_by_the_hardware() {
        let of = |nodes: Value| completed(json!({"nodes": nodes})).cluster.cloud;
        let node = |name: &str, vendor: &str, tag: &str| json!({"name": name, "hardware": {"manufacturer": vendor, "asset_tag": tag}});
        assert_eq!(of(json!([node("a", "Microsoft Corporation", AZURE_TAG)])).as_deref(), Some("azure"));
        assert_eq!(of(json!([node("a", "Microsoft Corporation", "")])).as_deref(), Some(""));
        assert_eq!(of(json!([{"name": "a", "hardware": {"manufacturer": "Microsoft Corporation"}}])), None);
        assert_eq!(of(json!([node("a", "Amazon EC2", ""), {"name": "b"}])).as_deref(), Some("aws"));
        assert_eq!(of(json!([node("a", "Google", "")])).as_deref(), Some("gcp"));
        assert_eq!(of(json!([node("a", "Dell Inc.", "A1"), {"name": "b"}])), None, "b may be anywhere");
        let declared =
            completed(json!({"cluster": {"cloud": "gcp"}, "nodes": [node("a", "Dell Inc.", "A1")]}));
        assert_eq!(declared.cluster.cloud.as_deref(), Some("gcp"));
    }
}
