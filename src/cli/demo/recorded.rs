//! The recorded nodes of the demonstration: this machine's system and hardware, with the networks, disks and logins of a
//! cluster's node out of `fixtures/demo/`.
//!
//! They share this machine's system so that what differs is what is meant to differ: one of them is the odd one.

use crate::facts::{
    AddressFamily, Document, FACTS_SCHEMA, Gap, Nic, Node, ProbeKind, Run, Service, Source, SourceKind,
};
use crate::inventory::Inventory;
use crate::probe::{ProbeOptions, Unwatched, run};
use crate::simtarget::config::DEMO_TARGET;
use crate::simtarget::{Config, FaultSet};
use crate::source::{Problem, Problems, SourceFile};
use ipnet::{IpNet, Ipv4Net};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Name of this machine in the plan where its own cannot stand there.
const NAMELESS: &str = "this-machine";

/// A recorded node.
#[derive(Clone, Copy)]
pub(super) struct Recorded {
    pub name: &'static str,
    /// What it has of its own, laid over this machine's facts.
    own: &'static str,
    /// Its last address on this machine's network.
    host: u32,
}

/// The recorded nodes.
pub(super) const RECORDED: [Recorded; 2] = [
    Recorded { name: "hv2", own: include_str!("../../../fixtures/demo/hv2.json"), host: 3 },
    Recorded { name: "hv3", own: include_str!("../../../fixtures/demo/hv3.json"), host: 2 },
];

/// This machine as a node.
pub(super) struct Local {
    pub node: Node,
    gaps: Vec<Gap>,
    started: Option<String>,
}

/// Probes this machine.
pub(super) fn local() -> Local {
    let name = own_name();
    let nodes: Vec<String> = std::iter::once(format!("name = \"{name}\"\nprobe = \"local\""))
        .chain(RECORDED.iter().map(|node| format!("name = \"{}\"\nprobe = \"none\"", node.name)))
        .map(|node| format!("[[node]]\n{node}\n"))
        .collect();
    let text = format!("[cluster]\nname = \"demo\"\nplatform = \"generic\"\n{}", nodes.concat());
    let document = Inventory::parse(&SourceFile::new("demo", text))
        .map(|inventory| {
            let options = ProbeOptions { mesh: false, ..ProbeOptions::of(&inventory) };
            run(&inventory, &options, &Unwatched)
        })
        .unwrap_or_default();
    let node = document.nodes.into_iter().find(|node| node.name == name);
    Local {
        node: node.unwrap_or_else(|| Node { name, ..Node::default() }),
        gaps: document.gaps,
        started: document.run.started,
    }
}

/// The name of this machine, without domain.
fn own_name() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    let name = name.split('.').next().unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let taken = RECORDED.iter().any(|node| node.name.eq_ignore_ascii_case(name));
    let usable = !name.is_empty() && !name.starts_with('-') && name.chars().all(fits) && !taken;
    if usable { name.to_owned() } else { NAMELESS.to_owned() }
}

/// The network that this machine is on, which the recorded nodes share with it.
pub(super) struct Lan {
    net: Ipv4Net,
    mtu: Option<i64>,
}

impl Lan {
    /// The first network of a node with room for more nodes; a made-up one where there is none.
    pub fn of(node: &Node) -> Self {
        let roomy = |nic: &Nic| {
            let address = nic.addresses.iter().flatten().find(|address| {
                address.family == Some(AddressFamily::Inet)
                    && address.prefix.is_some_and(|prefix| (8..=28).contains(&prefix))
                    && !address.address.starts_with("169.254.")
            })?;
            let prefix = u8::try_from(address.prefix?).ok()?;
            let net = Ipv4Net::new(address.address.parse().ok()?, prefix).ok()?.trunc();
            Some(Lan { net, mtu: nic.mtu })
        };
        node.nics.iter().flatten().find_map(roomy).unwrap_or_else(|| Lan {
            net: Ipv4Net::new(Ipv4Addr::new(10, 77, 1, 0), 24).expect("24 bits are a prefix"),
            mtu: None,
        })
    }

    pub fn subnet(&self) -> IpNet {
        IpNet::V4(self.net)
    }

    /// An address of it, counted down from the broadcast address.
    fn host(&self, from_end: u32) -> String {
        IpAddr::V4(Ipv4Addr::from(u32::from(self.net.broadcast()) - from_end)).to_string()
    }
}

impl Recorded {
    /// Name of its file.
    pub fn file(&self) -> String {
        format!("{}.json", self.name)
    }

    /// Its recording.
    pub fn facts(&self, local: &Local, lan: &Lan, portals: &[SocketAddr]) -> Result<Document, Problems> {
        let own = words(local, lan, portals)
            .into_iter()
            .fold(self.own.to_owned(), |own, (word, value)| own.replace(&format!("@{word}@"), &value));
        let wrong = |error: serde_json::Error| {
            Problem::new(format!("the recorded node {} cannot be made: {error}", self.name))
        };
        let own: Value = serde_json::from_str(&own).map_err(wrong)?;
        let kept: Vec<String> = own.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let mut facts = serde_json::to_value(&local.node).map_err(wrong)?;
        lay_over(&mut facts, own);
        let mut node: Node = serde_json::from_value(facts).map_err(wrong)?;
        node.services = merged(local.node.services.as_deref(), node.services);
        if let Some(nic) = node.nics.iter_mut().flatten().next() {
            nic.mtu = lan.mtu.or(nic.mtu);
            for address in nic.addresses.iter_mut().flatten() {
                address.prefix = Some(i64::from(lan.net.prefix_len()));
            }
        }
        node.probe = Some(ProbeKind::Facts);
        Ok(Document {
            schema: FACTS_SCHEMA.to_owned(),
            run: Run {
                tool: Some(concat!("quorate ", env!("CARGO_PKG_VERSION")).to_owned()),
                started: local.started.clone(),
                complete: Some(true),
                ..Run::default()
            },
            gaps: self.gaps(local, &kept),
            sources: vec![Source {
                path: format!("nodes[{}]", self.name),
                kind: Some(SourceKind::Recording),
                place: Some("quorate demo".to_owned()),
                item: Some("a made-up node with this machine's system".to_owned()),
            }],
            nodes: vec![node],
            ..Document::default()
        })
    }

    /// What is not known of this machine's system is not known of the node either.
    fn gaps(&self, local: &Local, own: &[String]) -> Vec<Gap> {
        let from = format!("nodes[{}].", local.node.name);
        let of_this_machine = local.gaps.iter().filter_map(|gap| {
            let below = gap.path.strip_prefix(&from)?;
            let field = below.split(['.', '[']).next()?;
            let ours = own.iter().any(|name| name == field);
            (!ours).then(|| Gap { path: format!("nodes[{}].{below}", self.name), ..gap.clone() })
        });
        of_this_machine.collect()
    }
}

/// What the words in the nodes' own facts stand for.
fn words(local: &Local, lan: &Lan, portals: &[SocketAddr]) -> Vec<(String, String)> {
    let own_address = local_address(&local.node, lan).unwrap_or_else(|| lan.host(RECORDED[0].host + 1));
    let mut words = vec![
        ("TARGET".to_owned(), DEMO_TARGET.to_owned()),
        ("LOCAL".to_owned(), local.node.name.clone()),
        ("GATEWAY".to_owned(), gateway(&local.node).unwrap_or(own_address.clone())),
        ("LAN1".to_owned(), own_address),
        ("LAN2".to_owned(), lan.host(RECORDED[0].host)),
        ("LAN3".to_owned(), lan.host(RECORDED[1].host)),
    ];
    words.extend(portals.iter().zip(1..).map(|(portal, at)| (format!("PORTAL{at}"), portal.to_string())));
    let units = Config::demo(FaultSet::NONE).targets.into_iter().flat_map(|target| target.units);
    words.extend(units.map(|unit| (format!("NAA{}", unit.lun), super::identity(&unit))));
    words
}

/// The way out of this machine's network.
fn gateway(node: &Node) -> Option<String> {
    let mut routes = node.routes.iter().flatten();
    let out = routes.find(|route| route.destination.as_deref() == Some("default"))?;
    out.gateway.clone().filter(|gateway| gateway.parse::<Ipv4Addr>().is_ok())
}

/// The address of this machine on that network.
fn local_address(node: &Node, lan: &Lan) -> Option<String> {
    let mut all = node.nics.iter().flatten().flat_map(|nic| nic.addresses.iter().flatten());
    all.find(|address| address.address.parse().is_ok_and(|ip: Ipv4Addr| lan.net.contains(&ip)))
        .map(|address| address.address.clone())
}

/// The services of this machine, those of the node over them.
fn merged(local: Option<&[Service]>, own: Option<Vec<Service>>) -> Option<Vec<Service>> {
    let own = own.unwrap_or_default();
    let theirs = local.unwrap_or_default().iter();
    let kept = theirs.filter(|service| !own.iter().any(|other| other.name == service.name)).cloned();
    let mut all: Vec<Service> = kept.chain(own.iter().cloned()).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Some(all)
}

/// Lays one JSON value over another: objects field by field, anything else as a whole.
fn lay_over(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                match base.get_mut(&name) {
                    Some(below) => lay_over(below, value),
                    None => {
                        base.insert(name, value);
                    }
                }
            }
        }
        (base, over) => *base = over,
    }
}
