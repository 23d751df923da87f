//! The ports that a run connects to, for those who must open them: from the machine that probes, and between the nodes.
//!
//! What is listed here is what the transports, the targets, the witness and the round between the nodes use; nothing else
//! is connected to, and nothing listens.

use super::mesh::plan::{PORTS, PORTS_WHERE_ACTIVE, QNETD_PORT};
use super::witness::SMB_PORT;
use crate::inventory::{Inventory, ProbeMethod, WitnessPlace};
use schemars::JsonSchema;
use serde::Serialize;

/// Port of SSH (RFC 4253).
const SSH_PORT: u16 = 22;

/// Port of iSCSI (RFC 7143).
const ISCSI_PORT: u16 = 3260;

/// Port of HTTPS (RFC 9110).
const HTTPS_PORT: u16 = 443;

/// What of a run is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortUse {
    /// Hosts are asked.
    pub nodes: bool,
    /// Storage targets are asked.
    pub targets: bool,
    /// The endpoint of the witness is asked.
    pub witness: bool,
    /// The ways between the nodes are measured.
    pub links: bool,
}

/// Something that is connected to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PortNeed {
    /// Who connects: `this machine`, `every node`.
    pub from: String,
    /// To what.
    pub to: String,
    /// `tcp` or `icmp`.
    pub protocol: String,
    /// The port; absent for ICMP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What for.
    pub why: String,
}

const HERE: &str = "this machine";
const NODES: &str = "every node";

fn tcp(from: &str, to: impl Into<String>, port: u16, why: &str) -> PortNeed {
    PortNeed {
        from: from.to_owned(),
        to: to.into(),
        protocol: "tcp".to_owned(),
        port: Some(port),
        why: why.to_owned(),
    }
}

/// What a run of a plan connects to; without one, what a run may connect to.
pub fn ports(inventory: Option<&Inventory>, wanted: PortUse) -> Vec<PortNeed> {
    let mut out = Vec::new();
    if wanted.nodes || wanted.links {
        hosts(inventory, &mut out);
    }
    let portals: Vec<(String, u16)> = match inventory {
        Some(inventory) => inventory
            .targets
            .iter()
            .flat_map(|target| &target.portals)
            .map(|plan| (plan.portal.host.clone(), plan.portal.port))
            .collect(),
        None => vec![("the portals of the targets".to_owned(), ISCSI_PORT)],
    };
    if wanted.targets {
        for (host, port) in &portals {
            add(&mut out, tcp(HERE, host, *port, "iSCSI: discovery, login, inspection"));
        }
    }
    let witness = inventory.and_then(|inventory| inventory.witness.as_ref()).map(|witness| &witness.at);
    if wanted.witness {
        let endpoints = if inventory.is_some() {
            witness.and_then(endpoint).into_iter().collect()
        } else {
            vec![
                ("a file share witness".to_owned(), SMB_PORT, SHARE),
                ("a cloud witness".to_owned(), HTTPS_PORT, CLOUD),
                ("a quorum device".to_owned(), QNETD_PORT, DEVICE),
            ]
        };
        for (host, port, why) in endpoints {
            add(&mut out, tcp(HERE, host, port, why));
        }
    }
    let measured = inventory.is_none_or(|inventory| {
        inventory.probe.mesh && inventory.nodes.iter().any(|node| runs_script(&node.probe))
    });
    if wanted.links && measured {
        let to = "the other nodes";
        out.push(PortNeed {
            from: NODES.to_owned(),
            to: to.to_owned(),
            protocol: "icmp".to_owned(),
            port: None,
            why: "echo: reach, loss, round trip, path MTU".to_owned(),
        });
        for (port, services) in PORTS {
            out.push(tcp(NODES, to, *port, &format!("whether {} can be reached", services[0])));
        }
        for (port, services) in PORTS_WHERE_ACTIVE {
            let why = format!("whether {} can be reached, where it runs", services[0]);
            out.push(tcp(NODES, to, *port, &why));
        }
        for (host, port) in &portals {
            add(&mut out, tcp(NODES, host, *port, "whether the portal can be reached"));
        }
        match witness {
            Some(WitnessPlace::Qdevice(portal)) => {
                out.push(tcp(NODES, &portal.host, portal.port, "whether the quorum device can be reached"));
            }
            _ => out.push(tcp(
                NODES,
                "the quorum device",
                QNETD_PORT,
                "whether it can be reached, where corosync.conf names one",
            )),
        }
    }
    out
}

fn add(out: &mut Vec<PortNeed>, need: PortNeed) {
    if !out.contains(&need) {
        out.push(need);
    }
}

/// Whether a script is run on the node.
fn runs_script(probe: &ProbeMethod) -> bool {
    matches!(probe, ProbeMethod::Local | ProbeMethod::Ssh(_))
}

fn hosts(inventory: Option<&Inventory>, out: &mut Vec<PortNeed>) {
    let why = "SSH: the script that reads facts";
    let Some(inventory) = inventory else {
        out.push(tcp(HERE, "the nodes", SSH_PORT, why));
        return;
    };
    for node in &inventory.nodes {
        if let ProbeMethod::Ssh(target) = &node.probe {
            let configured =
                "SSH: the script that reads facts; ssh_config may name another port or a jump host";
            let (port, why) = target.port.map_or((SSH_PORT, configured), |port| (port, why));
            add(out, tcp(HERE, &target.host, port, why));
        }
    }
}

const SHARE: &str = "SMB2 NEGOTIATE of the witness";
const CLOUD: &str = "HTTPS HEAD of the witness";
const DEVICE: &str = "corosync-qnetd PREINIT of the witness";

/// The endpoint of a witness; none for what is no endpoint of a network.
fn endpoint(place: &WitnessPlace) -> Option<(String, u16, &'static str)> {
    match place {
        WitnessPlace::FileShare(share) => Some((share.server.clone(), SMB_PORT, SHARE)),
        WitnessPlace::Cloud(url) => {
            let rest = url.strip_prefix("https://").unwrap_or(url);
            let authority = rest.split('/').next().unwrap_or(rest);
            let split =
                authority.rsplit_once(':').filter(|(host, _)| !host.ends_with(':') && !host.is_empty());
            let known = split.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
            let (host, port) = known.unwrap_or_else(|| (authority.to_owned(), HTTPS_PORT));
            Some((host, port, CLOUD))
        }
        WitnessPlace::Qdevice(portal) => Some((portal.host.clone(), portal.port, DEVICE)),
        WitnessPlace::None | WitnessPlace::Disk(_) | WitnessPlace::Volume(_) | WitnessPlace::Sbd(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;

    const ALL: PortUse = PortUse { nodes: true, targets: true, witness: true, links: true };

    fn of(text: &str, wanted: PortUse) -> Vec<String> {
        let text = format!("[cluster]\nname = \"c\"\nplatform = \"pacemaker\"\n{text}");
        let inventory = Inventory::parse(&SourceFile::new("cluster.toml", text)).unwrap();
        let shown = |need: PortNeed| {
            let port = need.port.map_or(String::new(), |port| format!("/{port}"));
            format!("{} > {} {}{port}", need.from, need.to, need.protocol)
        };
        ports(Some(&inventory), wanted).into_iter().map(shown).collect()
    }

    #[test]
    fn a_plan_names_its_own_ports() {
        let plan = "[[node]]\nname = \"a\"\nprobe = \"ssh://h1:2222\"\n[[node]]\nname = \"b\"\nprobe = \"ssh://h2\"\n\
            [[target]]\nname = \"iqn.2001-05.com.example:s\"\nportals = [\"10.0.1.10:3261\"]\n\
            [witness]\nkind = \"qdevice\"\nhost = \"q1\"\n";
        let found = of(plan, ALL);
        for wanted in [
            "this machine > h1 tcp/2222",
            "this machine > h2 tcp/22",
            "this machine > 10.0.1.10 tcp/3261",
            "this machine > q1 tcp/5403",
            "every node > the other nodes icmp",
            "every node > the other nodes tcp/2224",
            "every node > 10.0.1.10 tcp/3261",
            "every node > q1 tcp/5403",
        ] {
            assert!(found.iter().any(|one| one == wanted), "{wanted}: {found:#?}");
        }
        let hosts = of(plan, PortUse { nodes: true, ..PortUse::default() });
        assert_eq!(hosts, ["this machine > h1 tcp/2222", "this machine > h2 tcp/22"]);
    }

    #[test]
    fn what_is_never_contacted_has_no_port() {
        assert_eq!(of("[[node]]\nname = \"a\"\nprobe = \"none\"\n", ALL), Vec::<String>::new());
        assert!(ports(None, PortUse::default()).is_empty());
        assert!(ports(None, ALL).iter().any(|need| need.port == Some(SMB_PORT)));
    }

    #[test]
    fn a_cloud_is_named_by_its_host() {
        let of = |url: &str| endpoint(&WitnessPlace::Cloud(url.to_owned())).expect("an endpoint");
        assert_eq!(of("https://w.blob.core.windows.net/c").0, "w.blob.core.windows.net");
        let (host, port, _) = of("https://w.example:8443/c");
        assert_eq!((host.as_str(), port), ("w.example", 8443));
        assert_eq!(of("https://[fd00::1]/c").1, HTTPS_PORT);
    }
}
