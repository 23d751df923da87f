//! Examples without one of the facts that they rest on: none of them may pass.

use crate::{facts, shipped};
use quorate::rule::{ExampleVerdict, Selection, Status};
use std::fmt::Write as _;

/// Facts that a rule can do without, because another one of the example says it all: rule, fact, reason.
const DISPENSABLE: &[(&str, &str, &str)] = &[
    ("capacity/memory-after-failure", "cluster.layout", "without a layout it is judged all the same"),
    ("capacity/processors-after-failure", "cluster.layout", "without a layout it is judged all the same"),
    ("capacity/place-for-every-vm", "cluster.layout", "without a layout it is judged all the same"),
    ("capacity/most-hit", "cluster.layout", "without a layout it is judged all the same"),
    (
        "fencing/no-obsolete-options",
        "cluster.pacemaker.resources.parameters.value",
        "of an option that is none of those its value does not matter",
    ),
    (
        "iscsi/initiator-installed",
        "nodes.iscsi.installed",
        "there is an adapter with an initiator of its own",
    ),
    (
        "conformance/relied-on",
        "targets.luns.conformance.steps.result",
        "it is ok, whatever the word for that",
    ),
    ("conformance/relied-on", "targets.luns.conformance.steps.severity", "nothing departs"),
    ("conformance/advised", "targets.luns.conformance.steps.result", "it is ok, whatever the word for that"),
    ("conformance/advised", "targets.luns.conformance.steps.severity", "nothing departs"),
    ("conformance/odd", "targets.luns.conformance.steps.severity", "nothing departs"),
    ("conformance/tested-whole", "targets.luns.conformance.steps.wanted", "the step does not count"),
    ("conformance/suitable", "targets.luns.conformance.mode", "what is known needs no mode"),
    ("iscsi/login-at-start", "targets.luns.views.portals.recorded", "what starts by itself is recorded"),
    ("iscsi/login-service", "nodes.services.startup", "it is that of another service"),
    ("iscsi/not-mounted-at-start", "nodes.mounts.filesystem", "`noauto` is enough"),
    ("network/unique-macs", "nodes.nics.kind", "a member of a bond is left out whatever it is"),
    ("network/unique-macs", "nodes.nics.mac", "a member of a bond is left out whatever its address"),
    (
        "network/storage-alone",
        "nodes.networks.nics",
        "the ports below the other network are known and are others",
    ),
    (
        "network/no-gateway-on-storage",
        "nodes.routes.destination",
        "the route leaves through another interface",
    ),
    ("network/default-gateway", "nodes.routes.gateway", "there is one, wherever it leads"),
    ("network/one-default-gateway", "nodes.routes.destination", "there is one other at most"),
    ("network/one-default-gateway", "nodes.routes.gateway", "there is one other at most"),
    ("node/count-by-architecture", "nodes.os.architecture", "the number is small enough for any"),
    ("quorum/tie-breaker", "nodes.corosync.wait_for_all", "the number is even"),
    ("quorum/tie-breaker", "nodes.corosync.last_man_standing", "the number is even"),
    ("quorum/even-split", "nodes.corosync.auto_tie_breaker", "there is a quorum device"),
    ("quorum/qdevice-algorithm", "nodes.corosync.nodelist.votes", "lms takes any votes"),
    (
        "quorum/qnetd-path",
        "nodes.corosync.nodelist.addresses.address",
        "no interface is in the network of the device",
    ),
    ("fencing/no-race", "cluster.pacemaker.priority_fencing_delay_ms", "one of the delays is enough"),
    ("fencing/no-race", "cluster.pacemaker.fencing_devices.delay_base_ms", "one of the delays is enough"),
    ("fencing/no-needless-delay", "nodes.corosync.present", "other nodes have it"),
    (
        "fencing/no-needless-delay",
        "nodes.corosync.qdevice_model",
        "more than two nodes are a majority without it",
    ),
    ("sbd/service", "nodes.sbd.used", "it has disks"),
    ("sbd/service", "nodes.sbd.devices", "it is in use"),
    ("sbd/no-multipath-member", "nodes.disks.parents", "a map is no path"),
    ("sbd/no-multipath-member", "nodes.disks.filesystem", "a map is no path"),
    ("sbd/no-multipath-member", "nodes.disks.kind", "it is another disk's"),
    ("sbd/watchdog-fencing-timeout", "nodes.sbd.watchdog_timeout_s", "Pacemaker takes twice of it"),
    ("sbd/diskless-on-two", "nodes.sbd.used", "there is a quorum device"),
    ("sbd/diskless-on-two", "nodes.sbd.devices", "there is a quorum device"),
    ("sbd/agent-devices", "nodes.sbd.used", "its disks are the same"),
    ("sbd/fencing-timeout-diskless", "nodes.sbd.watchdog_timeout_s", "the time-out is stated"),
    (
        "corosync/ports-apart",
        "nodes.corosync.interfaces.number",
        "its port is far from the other, whatever its number",
    ),
    ("corosync/one-family", "nodes.corosync.nodelist.addresses.literal", "all of the link are of one family"),
    (
        "corosync/address-on-node",
        "nodes.corosync.nodelist.addresses.address",
        "another member's are on the node",
    ),
    (
        "corosync/links-apart",
        "nodes.corosync.nodelist.addresses.address",
        "no two interfaces share a network, whichever carry links",
    ),
    (
        "corosync/same-members-as-pacemaker",
        "cluster.pacemaker.nodes.id",
        "a remote node is no member of Corosync",
    ),
    ("corosync/cluster-name", "nodes.dlm.active", "there is a name, whoever needs it"),
    (
        "node/corosync-members",
        "nodes.corosync.members",
        "another node's file lists them; whether all are equal is another rule",
    ),
    ("node/corosync-members", "nodes.corosync.present", "another node's file lists them"),
    ("node/no-phantom-members", "nodes.corosync.present", "if it is there, it lists nodes only"),
    (
        "reservation/every-node-registered",
        "nodes.iscsi.sessions.logged_in",
        "a node that is registered may be logged in or not",
    ),
    (
        "reservation/every-node-registered",
        "nodes.iscsi.sessions.target",
        "a node that is registered may be logged in wherever it likes",
    ),
    ("reservation/no-leftovers", "nodes.services.active", "there is nothing left over"),
    ("reservation/no-leftovers", "targets.luns.reservations.held", "a cluster runs, whose they are"),
    ("reservation/no-leftovers", "targets.luns.reservations.keys", "a cluster runs, whose they are"),
    (
        "reservation/registered-once",
        "targets.luns.reservations.registrants.initiator",
        "it is through another target port, whoever it is",
    ),
    ("hyper-v/separate-networks", "networks.role", "somebody vouches for one network that carries all"),
    (
        "hyper-v/files-on-cluster-storage",
        "vms.disks.lun",
        "its file is on the cluster's storage, whatever else it has",
    ),
    ("hyper-v/guest-count-2003", "nodes.os.release", "the number is small enough for any"),
    ("hyper-v/not-started-over-iscsi", "nodes.disks.boot", "it is not attached over iSCSI"),
    ("hyper-v/not-started-over-iscsi", "nodes.disks.transport", "the node does not start from it"),
    ("hyper-v/host-iscsi-uplink", "hosts.hypervisor.switches.purpose", "it has other ports, whatever for"),
    ("hyper-v/own-iscsi-switch", "vms.host", "no switch of that name carries anything else on any host"),
    ("s2d/cache-drives", "nodes.disks.pool_role", "there are enough others"),
    ("wsfc/binding-order", "nodes.networks.nics", "the adapter is on another network of clients"),
    ("wsfc/binding-order", "nodes.networks.role", "the adapter is on another network of clients"),
    ("witness/present-for-two", "witness.kind", "Corosync goes on with one of two"),
    ("witness/survives-intended-failures", "cluster.votes", "Corosync goes on with one of two"),
    ("placement/no-contradiction", "placements.vms", "no rule keeps anything together"),
    ("vsphere-guest/pairs-before", "vms.node_of", "there are few enough of them, whatever they are"),
    ("witness/not-used-for-data", "nodes.disks.lun", "nothing is mounted from that disk, whatever it is"),
    (
        "pacemaker/address-not-of-a-node",
        "nodes.hostname",
        "none of its addresses is that of the resource, whatever it is called",
    ),
    (
        "multipath/same-maps",
        "nodes.multipath.maps.identity",
        "the node starts from that map, whichever it is",
    ),
    ("multipath/same-maps", "nodes.multipath.maps.device", "no disk of the node is where it starts from"),
    ("linux/no-loopback-in-hosts-file", "nodes.hosts_file.address", "no node's name is in that line"),
    ("linux/no-loopback-in-hosts-file", "nodes.hosts_file.names", "that line is of no loopback address"),
    ("proxmox/shared-groups-at-start", "nodes.disks.mapper_name", "the disk is known by its other name"),
];

#[test]
fn no_example_passes_without_one_of_its_facts() {
    let ruleset = shipped();
    let mut wrong = String::new();
    let (mut tried, mut used) = (0, vec![false; DISPENSABLE.len()]);
    for rule in ruleset.rules() {
        for example in rule.examples.iter().filter(|example| example.verdict == ExampleVerdict::Pass) {
            let whole = facts::complete(&facts::of_example(&example.facts)).expect("valid facts");
            let json = serde_json::to_value(&whole).expect("facts are JSON");
            let selection = || Selection {
                profile: Some(facts::text("generic")),
                params: example.params.clone(),
                ..Selection::default()
            };
            for types in rule.reads() {
                for path in facts::places(&json, &types).into_iter().filter(|path| !path.ends_with(']')) {
                    let mut bare = json.clone();
                    facts::set(&mut bare, &path, None);
                    let Some(bare) = facts::bare(&bare) else { continue };
                    if bare == whole {
                        continue;
                    }
                    tried += 1;
                    if facts::worst(&facts::judge(&ruleset, &rule.id, selection(), &bare)) != Status::Pass {
                        continue;
                    }
                    match DISPENSABLE.iter().position(|(id, fact, _)| *id == rule.id && *fact == types) {
                        Some(at) => used[at] = true,
                        None => {
                            let _ = writeln!(
                                wrong,
                                "{} line {}: passes without {path}",
                                rule.id,
                                example.span.place().line
                            );
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(tried > 500, "{tried} facts taken away");
    let needless: Vec<_> =
        DISPENSABLE.iter().zip(used).filter(|(_, used)| !used).map(|(entry, _)| entry).collect();
    assert!(needless.is_empty(), "these are missed after all: {needless:?}");
}
