//! What is asked to get a fact: commands of hosts, SCSI commands and iSCSI exchanges with targets, keys of the plan, and
//! for what is derived, all that goes into it.

use crate::probe::collectors::{self, COLLECTORS, Collector};
use serde::Serialize;

/// Something that is asked, and the facts that it tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Origin {
    /// The command, exchange or key.
    pub command: String,
    /// What it is asked of: `node`, `target`, `witness`, `plan`.
    pub asked_of: &'static str,
    /// Whether it says nothing, or not all, to an account without root.
    pub needs_root: bool,
    /// The facts, as paths of types.
    pub facts: Vec<String>,
}

/// Exchanges with targets and endpoints, and keys of `cluster.toml`, by the facts that they tell; what is said of a path
/// holds for all below it, the nearest path counts.
const OTHERS: &[(&str, &str, &[&str])] = &[
    (
        "target",
        "iSCSI discovery (SendTargets=All)",
        &["targets.discovered", "targets.portals.advertised", "targets.portals.advertised_tpgt"],
    ),
    ("target", "TCP connection", &["targets.portals.reachable", "targets.portals.connect_us"]),
    (
        "target",
        "iSCSI login",
        &[
            "targets.portals.login",
            "targets.portals.error",
            "targets.portals.tpgt",
            "targets.portals.authentication",
            "targets.portals.header_digest",
            "targets.portals.data_digest",
            "targets.portals.login_us",
        ],
    ),
    ("target", "REPORT LUNS", &["targets.luns.present", "targets.luns.paths.present", "targets.luns"]),
    (
        "target",
        "INQUIRY",
        &[
            "targets.luns.vendor",
            "targets.luns.product",
            "targets.luns.revision",
            "targets.luns.spc",
            "targets.luns.device_type",
            "targets.luns.removable",
        ],
    ),
    (
        "target",
        "INQUIRY, VPD page 80 (unit serial number)",
        &["targets.luns.serial", "targets.luns.paths.serial"],
    ),
    (
        "target",
        "INQUIRY, VPD page 83 (device identification)",
        &["targets.luns.identity", "targets.luns.paths.identity"],
    ),
    ("target", "INQUIRY, VPD page B0 (block limits)", &["targets.luns.compare_and_write_blocks"]),
    ("target", "INQUIRY, VPD page B1 (block device characteristics)", &["targets.luns.rotational"]),
    ("target", "INQUIRY, VPD page B2 (logical block provisioning)", &["targets.luns.thin"]),
    ("target", "TEST UNIT READY", &["targets.luns.ready"]),
    (
        "target",
        "READ CAPACITY (16), READ CAPACITY (10)",
        &[
            "targets.luns.size_bytes",
            "targets.luns.logical_block_bytes",
            "targets.luns.physical_block_bytes",
            "targets.luns.paths.size_bytes",
            "targets.luns.paths.logical_block_bytes",
        ],
    ),
    ("target", "MODE SENSE", &["targets.luns.write_protected"]),
    ("target", "REPORT TARGET PORT GROUPS", &["targets.luns.paths.alua_state"]),
    (
        "target",
        "PERSISTENT RESERVE IN, READ KEYS",
        &[
            "targets.luns.reservations.supported",
            "targets.luns.reservations.keys",
            "targets.luns.reservations.generation",
            "targets.luns.paths.keys",
            "targets.luns.paths.generation",
        ],
    ),
    (
        "target",
        "PERSISTENT RESERVE IN, READ RESERVATION",
        &[
            "targets.luns.reservations.held",
            "targets.luns.reservations.reservation",
            "targets.luns.reservations.reservation_key",
            "targets.luns.paths.reservation",
            "targets.luns.paths.reservation_key",
        ],
    ),
    ("target", "active test (quorate check --active)", &["targets.luns.conformance"]),
    ("target", "PERSISTENT RESERVE IN, REPORT CAPABILITIES", &["targets.luns.reservations"]),
    (
        "target",
        "PERSISTENT RESERVE IN, READ FULL STATUS",
        &["targets.luns.reservations.full_status_supported", "targets.luns.reservations.registrants"],
    ),
    (
        "witness",
        "SMB dialect, HTTPS answer or TCP connection of the witness",
        &["witness.reachable", "witness.answer", "witness.latency_us"],
    ),
    ("plan", "[cluster]", &["cluster"]),
    ("node", "cibadmin -Q -l", &["cluster.pacemaker"]),
    (
        "node",
        "crm_mon -1 --output-as=xml",
        &[
            "cluster.pacemaker.quorate",
            "cluster.pacemaker.controller",
            "cluster.pacemaker.failures",
            "cluster.pacemaker.fencing_history",
            "cluster.pacemaker.nodes.online",
            "cluster.pacemaker.nodes.unclean",
            "cluster.pacemaker.nodes.standby",
            "cluster.pacemaker.nodes.maintenance",
            "cluster.pacemaker.nodes.shutting_down",
            "cluster.pacemaker.resources.running_on",
            "cluster.pacemaker.resources.failed",
            "cluster.pacemaker.fencing_devices.running_on",
        ],
    ),
    (
        "plan",
        "[[node]]",
        &[
            "nodes.name",
            "nodes.probe",
            "nodes.site",
            "nodes.physical_host",
            "nodes.domain",
            "nodes.drivers.signed",
            "nodes.iscsi.bound_volumes",
        ],
    ),
    ("plan", "[[network]]", &["networks"]),
    (
        "plan",
        "[[target]]",
        &[
            "targets",
            "targets.luns.name",
            "targets.luns.number",
            "targets.luns.role",
            "targets.luns.target",
            "targets.luns.expected_identity",
            "targets.luns.expected_size_bytes",
            "targets.luns.test",
            "targets.portals",
        ],
    ),
    ("plan", "[witness]", &["witness"]),
    ("plan", "[intent]", &["intent"]),
    ("plan", "[[attest]]", &["attestations"]),
    ("plan", "[[vm]]", &["vms"]),
    ("plan", "[[host]]", &["hosts"]),
    ("plan", "[[volume]]", &["volumes"]),
    ("plan", "[[group]]", &["groups"]),
    ("plan", "[[placement]]", &["placements"]),
    ("run", "what was measured between hosts", &["links"]),
    ("run", "the run itself", &["run", "nodes.reached", "drifts", "gaps", "sources"]),
];

/// What goes into facts that are derived.
const DERIVED: &[(&str, &[&str])] = &[
    ("pairs", &["nodes.nics", "networks.subnets"]),
    ("networks.overlaps", &["networks.subnets"]),
    ("links.role", &["networks.role"]),
    ("links.wanted_mtu", &["networks.expected_mtu", "links.interface_mtu"]),
    ("links.back_reachable", &["links.reachable"]),
    ("links.back_path_mtu", &["links.path_mtu"]),
    ("attestations.valid", &["attestations.until"]),
    (
        "cluster.pacemaker.unfenced_nodes",
        &["cluster.pacemaker.nodes", "cluster.pacemaker.fencing_devices.hosts", "nodes.sbd.headers.holders"],
    ),
    (
        "cluster.pacemaker.fencing_devices.covers",
        &["cluster.pacemaker.nodes", "cluster.pacemaker.fencing_devices.hosts", "nodes.sbd.headers.holders"],
    ),
    ("cluster.cloud", &["nodes.hardware.manufacturer", "nodes.hardware.asset_tag", "nodes.firmware.vendor"]),
    ("nodes.corosync.runtime.differences", &["nodes.corosync.token_ms", "nodes.corosync.runtime.token_ms"]),
    ("targets.portals.network", &["targets.portals.address", "networks.subnets"]),
    (
        "targets.luns.views",
        &[
            "nodes.disks",
            "nodes.multipath.maps",
            "nodes.iscsi.sessions",
            "nodes.iscsi.records",
            "targets.luns.identity",
        ],
    ),
    (
        "targets.luns.views.portals",
        &["nodes.iscsi.sessions", "nodes.iscsi.records", "targets.portals.address"],
    ),
    ("nodes.nics.networks", &["nodes.nics.addresses", "networks.subnets"]),
    ("nodes.networks", &["nodes.nics", "nodes.bonds", "networks.subnets"]),
    ("nodes.redundancy", &["nodes.nics", "nodes.bonds", "networks.subnets"]),
    ("nodes.disks.lun", &["nodes.disks.identity", "targets.luns.identity"]),
    ("vms.volumes", &["vms.config_volume", "vms.disks", "volumes.path"]),
    (
        "vms.fits_on",
        &["vms.host", "vms.memory_bytes", "placements", "nodes.memory", "nodes.hypervisor.reserve_bytes"],
    ),
    ("volumes.vms", &["vms.config_volume", "vms.disks"]),
    ("groups.kinds", &["groups.resources"]),
    ("nodes.vms", &["vms.host"]),
    ("nodes.vm_memory_bytes", &["vms.host", "vms.memory_bytes"]),
    (
        "capacity",
        &[
            "vms.memory_bytes",
            "vms.vcpus",
            "nodes.memory",
            "nodes.cpu.cores",
            "nodes.hypervisor.reserve_bytes",
        ],
    ),
    ("nodes.mounts.lun", &["nodes.mounts.source", "nodes.disks", "targets.luns.identity"]),
];

/// What is asked to get some facts, given as paths of types; each once, in the order of the facts.
pub(super) fn origins<'a>(facts: impl Iterator<Item = &'a str>) -> Vec<Origin> {
    let mut out = Vec::new();
    for fact in facts {
        for Question { command, asked_of, needs_root, .. } in asked(fact) {
            add(&mut out, command, asked_of, needs_root, fact);
        }
    }
    out
}

/// The facts that go into a fact: itself, and where it is derived all that goes into it.
pub(super) fn inputs(fact: &str) -> Vec<String> {
    let derived = ancestors(fact).find_map(|at| DERIVED.iter().find(|(path, _)| *path == at));
    let below = derived.iter().flat_map(|(_, all)| all.iter()).filter(|input| **input != fact);
    std::iter::once(fact.to_owned()).chain(below.flat_map(|input| inputs(input))).collect()
}

fn add(out: &mut Vec<Origin>, command: &str, asked_of: &'static str, needs_root: bool, fact: &str) {
    match out.iter_mut().find(|known| known.command == command && known.asked_of == asked_of) {
        Some(known) if known.facts.iter().any(|other| other == fact) => {}
        Some(known) => known.facts.push(fact.to_owned()),
        None => out.push(Origin {
            command: command.to_owned(),
            asked_of,
            needs_root,
            facts: vec![fact.to_owned()],
        }),
    }
}

/// What is asked to get a fact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    /// The command, exchange or key.
    pub command: &'static str,
    /// What it is asked of: `node`, `target`, `witness`, `plan`, `run`.
    pub asked_of: &'static str,
    /// Whether it says nothing, or not all, to an account without root.
    pub needs_root: bool,
    /// The part of the script, where it is one.
    pub collector: Option<&'static Collector>,
}

impl Question {
    const fn of(asked_of: &'static str, command: &'static str) -> Self {
        Question { command, asked_of, needs_root: false, collector: None }
    }

    const fn by(collector: &'static Collector) -> Self {
        Question {
            command: collector.command,
            asked_of: "node",
            needs_root: collector.needs_root,
            collector: Some(collector),
        }
    }
}

/// What is asked to get a fact, with what is asked instead where that fails.
pub(super) fn asked_with_fallbacks(fact: &str) -> Vec<Question> {
    // Which nodes there are the plan tells; what is read of them is a fact of its own.
    if fact == "nodes" {
        return vec![Question::of("plan", "[[node]]")];
    }
    let mut out = Vec::new();
    for one in asked(fact) {
        let told =
            COLLECTORS.iter().find(|collector| collector.command == one.command && one.asked_of == "node");
        match (one.collector, told) {
            // What a node is asked of its cluster: all that tell the same of the node do.
            (None, Some(told)) => {
                out.extend(COLLECTORS.iter().filter(|other| other.facts == told.facts).map(Question::by));
            }
            _ => out.push(one),
        }
        // Who has a part in it.
        let part = |other: &&Collector| ancestors(fact).any(|path| other.also.contains(&path));
        if one.asked_of == "node" {
            out.extend(COLLECTORS.iter().filter(part).map(Question::by));
        }
    }
    out
}

/// What is asked to get a fact: what is derived is traced to what goes into it.
pub(super) fn asked(fact: &str) -> Vec<Question> {
    if let Some((_, inputs)) = ancestors(fact).find_map(|at| DERIVED.iter().find(|(path, _)| *path == at)) {
        return inputs.iter().flat_map(|input| asked(input)).collect();
    }
    let other = |at: &str| OTHERS.iter().find(|(_, _, facts)| facts.contains(&at));
    let (known, at) = match ancestors(fact).find_map(|at| Some((other(at)?, at))) {
        Some((found, at)) => (Some(found), at),
        None => (None, ""),
    };
    let hosts = collectors::for_fact(fact);
    // The nearer of the two lists counts: `nodes.site` is the plan's, `nodes.os` is the hosts'.
    let exact = hosts
        .iter()
        .any(|one| ancestors(fact).any(|path| path.len() > at.len() && one.facts.contains(&path)));
    match known {
        // What a node is asked of its cluster needs root.
        Some((asked_of, command, _)) if !exact => {
            vec![Question { needs_root: *asked_of == "node", ..Question::of(asked_of, command) }]
        }
        // What no command of a host tells, the plan can.
        _ if hosts.is_empty() && fact.starts_with("nodes.") => vec![Question::of("plan", "[node.declare]")],
        _ => hosts.into_iter().map(Question::by).collect(),
    }
}

/// A path and every path above it.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |at| at.rsplit_once('.').map(|(above, _)| above))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Document, Fact, Type};
    use crate::rule::{RuleSources, Ruleset};

    fn exists(path: &str) -> bool {
        let mut ty = Document::fact_type();
        path.split('.').all(|name| {
            while let Type::List(inner) = ty.clone() {
                ty = *inner;
            }
            let Type::Record(record) = &ty else { return false };
            let found = record.find(name).map(|(_, field)| (field.ty)());
            found.map(|found| ty = found).is_some()
        })
    }

    #[test]
    fn every_fact_that_is_named_exists() {
        let inputs = DERIVED.iter().flat_map(|(path, inputs)| inputs.iter().chain(std::iter::once(path)));
        for path in OTHERS.iter().flat_map(|(_, _, facts)| facts.iter()).chain(inputs) {
            assert!(exists(path), "{path} is no fact");
        }
    }

    #[test]
    fn every_fact_that_a_rule_reads_is_asked_for() {
        let ruleset = Ruleset::load(&RuleSources::default()).expect("the shipped rules are sound");
        for rule in ruleset.rules() {
            for fact in rule.reads() {
                assert!(!origins(std::iter::once(fact.as_str())).is_empty(), "{} reads {fact}", rule.id);
            }
        }
    }

    #[test]
    fn the_nearest_origin_counts() {
        let of = |fact: &str| -> Vec<String> {
            origins(std::iter::once(fact)).into_iter().map(|origin| origin.command).collect()
        };
        assert_eq!(of("nodes.site"), ["[[node]]"]);
        assert_eq!(of("targets.luns.reservations.types"), ["PERSISTENT RESERVE IN, REPORT CAPABILITIES"]);
        assert_eq!(of("networks.overlaps"), ["[[network]]"]);
        assert_eq!(of("cluster.pacemaker.fencing_enabled"), ["cibadmin -Q -l"]);
        assert_eq!(of("cluster.pacemaker.nodes.online"), ["crm_mon -1 --output-as=xml"]);
        assert_eq!(of("cluster.pacemaker.unfenced_nodes"), ["cibadmin -Q -l", "sbd -d DEVICE list"]);
        assert_eq!(of("nodes.hypervisor.product"), ["[node.declare]"]);
        assert_eq!(of("vms.disks.format"), ["[[vm]]"]);
        assert!(of("capacity.left_bytes").contains(&"[node.declare]".to_owned()));
        assert!(of("nodes.os.release").contains(&"/etc/os-release".to_owned()));
        assert!(of("pairs.networks").contains(&"ip -j -d addr".to_owned()));
    }
}
