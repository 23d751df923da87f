//! Which interface is on which network, what lies underneath, and which networks join which nodes.

use super::{derived_gap, derived_source};
use crate::facts::{
    BitsPerSecond, Document, Network, NetworkRole, Nic, NicKind, Node, NodeNetwork, NodePair, Places,
    Redundancy,
};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// A bond in a VLAN in a bridge is three deep; more than this is a loop in what a host says.
const MAX_STACK: usize = 8;

/// Fills `Network.overlaps`, `Nic.networks`, `Node.networks`, `Node.redundancy`, `Document.pairs` and `Portal.network`.
pub(super) fn relate(document: &mut Document) {
    let plan: Vec<PlannedNetwork> = document.networks.iter().map(PlannedNetwork::new).collect();
    for (network, overlaps) in document.networks.iter_mut().zip(overlaps(&plan)) {
        network.overlaps = overlaps;
    }
    for node in &mut document.nodes {
        relate_node(node, &plan);
    }
    for portal in document.targets.iter_mut().flat_map(|target| target.portals.iter_mut().flatten()) {
        portal.network = portal_network(&portal.address, &plan);
    }
    pair_nodes(document);
}

/// A network of the plan with its subnets parsed.
struct PlannedNetwork {
    name: String,
    role: Option<NetworkRole>,
    /// Missing when the plan gives none, or one that is no prefix.
    subnets: Option<Vec<IpNet>>,
}

impl PlannedNetwork {
    fn new(network: &Network) -> Self {
        let subnets =
            network.subnets.as_ref().and_then(|all| all.iter().map(|text| text.parse().ok()).collect());
        PlannedNetwork { name: network.name.clone(), role: network.role, subnets }
    }

    fn holds(&self, address: IpAddr) -> Option<bool> {
        Some(self.subnets.as_ref()?.iter().any(|subnet| subnet.contains(&address)))
    }
}

/// For each network, the others that share addresses with it.
fn overlaps(plan: &[PlannedNetwork]) -> Vec<Option<Vec<String>>> {
    let meet = |a: &[IpNet], b: &[IpNet]| {
        a.iter().any(|x| b.iter().any(|y| x.contains(&y.network()) || y.contains(&x.network())))
    };
    plan.iter()
        .enumerate()
        .map(|(at, network)| {
            let own = network.subnets.as_ref()?;
            plan.iter()
                .enumerate()
                .filter(|(other, _)| *other != at)
                .filter_map(|(_, other)| match &other.subnets {
                    Some(subnets) => meet(own, subnets).then(|| Some(other.name.clone())),
                    None => Some(None),
                })
                .collect()
        })
        .collect()
}

fn relate_node(node: &mut Node, plan: &[PlannedNetwork]) {
    for nic in node.nics.iter_mut().flatten() {
        nic.networks = nic.addresses.as_ref().map(|addresses| {
            let parsed: Vec<IpAddr> =
                addresses.iter().filter_map(|address| address.address.parse().ok()).collect();
            plan.iter()
                .filter(|network| parsed.iter().any(|address| network.holds(*address) == Some(true)))
                .map(|network| network.name.clone())
                .collect()
        });
    }
    let networks: Vec<NodeNetwork> = plan.iter().map(|network| node_network(node, network)).collect();
    node.redundancy = redundancy(node, &networks);
    node.networks = Some(networks);
}

/// A node's place on one network.
fn node_network(node: &Node, network: &PlannedNetwork) -> NodeNetwork {
    let mut out = NodeNetwork { network: network.name.clone(), role: network.role, ..NodeNetwork::default() };
    let Some(nics) = &node.nics else { return out };
    if network.subnets.is_none() || nics.iter().any(|nic| nic.addresses.is_none()) {
        // An interface whose addresses are not known might be on it.
        return out;
    }
    let on: Vec<&Nic> = nics
        .iter()
        .filter(|nic| nic.networks.as_ref().is_some_and(|names| names.contains(&network.name)))
        .collect();
    let here: Vec<_> = on
        .iter()
        .flat_map(|nic| nic.addresses.iter().flatten())
        .filter(|address| {
            address.address.parse().ok().and_then(|parsed| network.holds(parsed)).unwrap_or(false)
        })
        .collect();
    out.nics = Some(on.iter().map(|nic| nic.name.clone()).collect());
    out.addresses = Some(here.iter().map(|address| address.address.clone()).collect());
    out.dynamic = any(here.iter().map(|address| address.dynamic));
    out.up = any(on.iter().map(|nic| nic.link_up));
    let stacks: Vec<Option<Stack<'_>>> = on.iter().map(|nic| Stack::under(node, nic)).collect();
    if let Some(stacks) = stacks.into_iter().collect::<Option<Vec<_>>>() {
        let leaves: Vec<&Nic> = stacks.iter().flat_map(|stack| stack.leaves.iter().copied()).collect();
        out.physical_nics = Some(names(leaves.iter().map(|nic| nic.name.as_str())));
        out.cards = distinct(leaves.iter().map(|nic| card(nic)));
        out.switches = distinct(leaves.iter().map(|nic| nic.switch_name.clone()));
        out.drivers = distinct(leaves.iter().map(|nic| nic.driver.clone()));
        out.bonded = Some(stacks.iter().any(|stack| stack.bonded));
        out.teamed = Some(stacks.iter().any(|stack| stack.teamed));
        let mtus: Option<Vec<i64>> =
            stacks.iter().flat_map(|stack| stack.way.iter().map(|nic| nic.mtu)).collect();
        out.mtu = mtus.and_then(|all| all.into_iter().min());
        let speeds: Option<Vec<u64>> = stacks.iter().map(Stack::speed_bps).collect();
        out.speed_bps = speeds.and_then(|all| all.into_iter().min()).map(BitsPerSecond);
    }
    out
}

/// An interface with everything it stands on.
struct Stack<'a> {
    /// The interface itself and all below it.
    way: Vec<&'a Nic>,
    /// Those with nothing below: the cards' ports.
    leaves: Vec<&'a Nic>,
    bonded: bool,
    teamed: bool,
}

impl<'a> Stack<'a> {
    /// Missing when an interface's kind, or what it stands on, is not known.
    fn under(node: &'a Node, nic: &'a Nic) -> Option<Self> {
        let mut stack = Stack { way: Vec::new(), leaves: Vec::new(), bonded: false, teamed: false };
        stack.descend(node, nic, MAX_STACK)?;
        Some(stack)
    }

    fn descend(&mut self, node: &'a Node, nic: &'a Nic, depth: usize) -> Option<()> {
        if depth == 0 || self.way.iter().any(|known| known.name == nic.name) {
            return None;
        }
        self.way.push(nic);
        let below: Vec<&Nic> = match nic.kind? {
            NicKind::Bond | NicKind::Team => {
                if nic.kind == Some(NicKind::Bond) {
                    self.bonded = true;
                } else {
                    self.teamed = true;
                }
                members(node, nic)?
            }
            NicKind::Bridge => members(node, nic)?,
            NicKind::Vlan => {
                let parent = nic.parent.as_deref()?;
                vec![find(node, parent)?]
            }
            NicKind::Physical | NicKind::Loopback | NicKind::Virtual => {
                self.leaves.push(nic);
                return Some(());
            }
        };
        for member in below {
            // Virtual machines' taps hang on a bridge beside the card; they carry nothing of the node's own.
            if nic.kind == Some(NicKind::Bridge)
                && member.kind == Some(NicKind::Virtual)
                && node.nics.is_some()
            {
                continue;
            }
            self.descend(node, member, depth - 1)?;
        }
        Some(())
    }

    /// What the kernel says of the interface itself; else what is below adds up to.
    fn speed_bps(&self) -> Option<u64> {
        if let Some(BitsPerSecond(speed)) = self.way.first().and_then(|nic| nic.speed_bps) {
            return Some(speed);
        }
        let speeds: Option<Vec<u64>> = self
            .leaves
            .iter()
            .filter(|nic| nic.link_up != Some(false))
            .map(|nic| nic.speed_bps.map(|BitsPerSecond(speed)| speed))
            .collect();
        speeds.filter(|all| !all.is_empty()).map(|all| all.into_iter().fold(0, u64::saturating_add))
    }
}

fn find<'a>(node: &'a Node, name: &str) -> Option<&'a Nic> {
    node.nics.as_ref()?.iter().find(|nic| nic.name == name)
}

/// Interfaces that a bond, team or bridge is made of, by the members' own word and by the bond's.
fn members<'a>(node: &'a Node, nic: &Nic) -> Option<Vec<&'a Nic>> {
    let nics = node.nics.as_ref()?;
    let bond = node.bonds.iter().flatten().find(|bond| bond.name == nic.name);
    if let Some(members) = bond.and_then(|bond| bond.members.as_ref()) {
        return members.iter().map(|member| find(node, &member.name)).collect();
    }
    nics.iter()
        .map(|other| other.master.as_deref().map(|master| (other, master)))
        .collect::<Option<Vec<_>>>()
        .map(|all| {
            all.into_iter().filter(|(_, master)| *master == nic.name).map(|(other, _)| other).collect()
        })
}

/// Ports of one card share the place on the bus up to the dot. A device without a place is a card of its own.
fn card(nic: &Nic) -> Option<String> {
    let bus = nic.bus.as_deref()?;
    Some(match bus.rsplit_once('.') {
        _ if bus.is_empty() => nic.name.clone(),
        Some((slot, _)) => slot.to_owned(),
        None => bus.to_owned(),
    })
}

/// What carries the cluster's own traffic on a node. Only interfaces that are up count.
fn redundancy(node: &Node, networks: &[NodeNetwork]) -> Redundancy {
    // No network and no interface is known: that is nothing to say how they are joined.
    if networks.is_empty() && node.nics.is_none() {
        return Redundancy::default();
    }
    let carrying: Vec<&NodeNetwork> =
        networks.iter().filter(|network| network.role != Some(NetworkRole::Storage)).collect();
    let up: Option<Vec<&NodeNetwork>> = carrying
        .iter()
        .map(|network| network.up.map(|up| (*network, up)))
        .collect::<Option<Vec<_>>>()
        .map(|all| all.into_iter().filter(|(_, up)| *up).map(|(network, _)| network).collect());
    let Some(up) = up else { return Redundancy::default() };
    let leaves: Option<Vec<&str>> = up
        .iter()
        .map(|network| network.physical_nics.as_ref())
        .collect::<Option<Vec<_>>>()
        .map(|all| all.into_iter().flatten().map(String::as_str).collect());
    let leaves: Option<Vec<&Nic>> =
        leaves.and_then(|all| all.into_iter().map(|name| find(node, name)).collect());
    let leaves: Option<Vec<&Nic>> = leaves
        .and_then(|all| {
            all.into_iter().map(|nic| nic.link_up.map(|up| (nic, up))).collect::<Option<Vec<_>>>()
        })
        .map(|all| all.into_iter().filter(|(_, up)| *up).map(|(nic, _)| nic).collect());
    let of = |pick: fn(&Nic) -> Option<String>| {
        leaves.as_ref().and_then(|all| distinct(all.iter().map(|nic| pick(nic))))
    };
    Redundancy {
        networks: Some(up.iter().map(|network| network.network.clone()).collect()),
        nics: of(|nic| Some(nic.name.clone())),
        cards: of(card),
        switches: of(|nic| nic.switch_name.clone()),
        drivers: of(|nic| nic.driver.clone()),
    }
}

fn pair_nodes(document: &mut Document) {
    let mut pairs = Vec::new();
    let mut gaps = Vec::new();
    {
        let places = Places::new(document);
        for (at, a) in document.nodes.iter().enumerate() {
            for b in &document.nodes[at + 1..] {
                let name = format!("{} - {}", a.name, b.name);
                let networks = a.redundancy.networks.as_ref().zip(b.redundancy.networks.as_ref());
                let networks = networks.map(|(of_a, of_b)| {
                    of_a.iter().filter(|network| of_b.contains(network)).cloned().collect()
                });
                if networks.is_none() {
                    let causes: Vec<String> = [(a, &a.redundancy), (b, &b.redundancy)]
                        .iter()
                        .filter(|(_, redundancy)| redundancy.networks.is_none())
                        .map(|(node, _)| format!("nodes[{}].nics", node.name))
                        .collect();
                    gaps.push(derived_gap(&places, format!("pairs[{name}].networks"), &causes));
                }
                pairs.push(NodePair { name, a: a.name.clone(), b: b.name.clone(), networks });
            }
        }
    }
    document.pairs = Some(pairs);
    document.gaps.extend(gaps);
    document
        .sources
        .push(derived_source("pairs".into(), "interfaces of both nodes and networks of the plan"));
    for node in &document.nodes {
        for part in ["networks", "redundancy"] {
            let path = format!("nodes[{}].{part}", node.name);
            document.sources.push(derived_source(path, "interfaces of the node and networks of the plan"));
        }
    }
}

fn portal_network(address: &str, plan: &[PlannedNetwork]) -> Option<String> {
    let parsed = address.parse::<std::net::SocketAddr>().ok()?.ip();
    let held: Option<Vec<bool>> = plan.iter().map(|network| network.holds(parsed)).collect();
    let at = held?.iter().position(|held| *held);
    Some(at.map_or_else(String::new, |at| plan[at].name.clone()))
}

/// Whether one is true; missing when none is and one is missing.
fn any(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut unknown = false;
    for one in all {
        match one {
            Some(true) => return Some(true),
            Some(false) => {}
            None => unknown = true,
        }
    }
    if unknown { None } else { Some(false) }
}

fn names<'a>(all: impl Iterator<Item = &'a str>) -> Vec<String> {
    all.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

/// Each value once, sorted; missing when one is missing.
fn distinct(all: impl Iterator<Item = Option<String>>) -> Option<Vec<String>> {
    all.collect::<Option<BTreeSet<_>>>().map(|set| set.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use crate::derive::completed as document;
    use crate::facts::GapReason;

    const BONDED: &str = r#"{"schema":"quorate/1",
      "networks":[
        {"name":"lan","role":"cluster","subnets":["10.0.0.0/24"]},
        {"name":"san","role":"storage","subnets":["10.0.1.0/24"]},
        {"name":"dmz","role":"client","subnets":["10.0.0.128/25"]}],
      "nodes":[{"name":"a","bonds":[{"name":"bond0","mode":"802.3ad","members":[{"name":"p1"},{"name":"p2"}]}],
        "nics":[
        {"name":"p1","kind":"physical","mtu":9000,"link_up":true,"speed_bps":1000000000,"driver":"ixgbe","bus":"0000:3b:00.0","switch_name":"s1","addresses":[],"master":"bond0"},
        {"name":"p2","kind":"physical","mtu":9000,"link_up":false,"speed_bps":1000000000,"driver":"ixgbe","bus":"0000:3b:00.1","switch_name":"s2","addresses":[],"master":"bond0"},
        {"name":"bond0","kind":"bond","mtu":9000,"link_up":true,"addresses":[],"master":""},
        {"name":"bond0.7","kind":"vlan","parent":"bond0","mtu":1500,"link_up":true,"master":"","addresses":[{"address":"10.0.0.11","prefix":24,"dynamic":false}]},
        {"name":"p3","kind":"physical","mtu":9000,"link_up":true,"speed_bps":25000000000,"driver":"mlx5_core","bus":"0000:5e:00.0","addresses":[{"address":"10.0.1.11","prefix":24,"dynamic":false}],"master":""}]},
        {"name":"b"}],
      "gaps":[{"path":"nodes[b]","reason":"unreachable","detail":"ssh: no route to host"}]}"#;

    #[test]
    fn nodes_of_which_nothing_is_known_are_not_apart() {
        let pair = |nodes: &str| {
            let text = format!(r#"{{"schema":"quorate/1","nodes":[{nodes}]}}"#);
            document(&text).pairs.expect("derived").remove(0).networks
        };
        assert_eq!(pair(r#"{"name":"a"},{"name":"b"}"#), None);
        assert_eq!(pair(r#"{"name":"a","nics":[]},{"name":"b"}"#), None);
        assert_eq!(pair(r#"{"name":"a","nics":[]},{"name":"b","nics":[]}"#), Some(Vec::new()));
    }

    #[test]
    fn a_network_is_followed_down_to_the_cards() {
        let document = document(BONDED);
        let lan = &document.nodes[0].networks.as_ref().expect("derived")[0];
        assert_eq!(lan.nics, Some(vec!["bond0.7".into()]));
        assert_eq!(lan.physical_nics, Some(vec!["p1".into(), "p2".into()]));
        assert_eq!(lan.cards, Some(vec!["0000:3b:00".into()]), "two ports, one card");
        assert_eq!(lan.switches, Some(vec!["s1".into(), "s2".into()]));
        assert_eq!(
            (lan.mtu, lan.bonded, lan.teamed, lan.up),
            (Some(1500), Some(true), Some(false), Some(true))
        );
        assert_eq!(lan.speed_bps.map(|speed| speed.0), Some(1_000_000_000), "the dead member adds nothing");
    }

    #[test]
    fn only_what_is_up_counts_as_redundancy_and_storage_does_not() {
        let document = document(BONDED);
        let redundancy = &document.nodes[0].redundancy;
        assert_eq!(redundancy.networks, Some(vec!["lan".into()]));
        assert_eq!(redundancy.nics, Some(vec!["p1".into()]));
        assert_eq!(redundancy.switches, Some(vec!["s1".into()]));
    }

    #[test]
    fn subnets_that_share_addresses_overlap() {
        let document = document(BONDED);
        assert_eq!(document.networks[0].overlaps, Some(vec!["dmz".into()]));
        assert_eq!(document.networks[1].overlaps, Some(vec![]));
    }

    #[test]
    fn a_pair_with_an_unreached_node_is_unknown_and_says_why() {
        let document = document(BONDED);
        let pair = &document.pairs.as_ref().expect("derived")[0];
        assert_eq!(pair.networks, None);
        let gap = document.gaps.iter().find(|gap| gap.path == "pairs[a - b].networks").expect("a gap");
        assert_eq!(gap.reason, Some(GapReason::Unreachable));
        assert!(gap.detail.as_deref().is_some_and(|detail| detail.contains("no route to host")));
    }

    #[test]
    fn deriving_twice_is_deriving_once() {
        let once = document(BONDED);
        let mut twice = once.clone();
        crate::derive::complete(&mut twice);
        assert_eq!(once, twice);
    }

    #[test]
    fn a_loop_in_what_a_host_says_ends_as_missing() {
        let document = document(
            r#"{"schema":"quorate/1","networks":[{"name":"lan","subnets":["10.0.0.0/24"]}],"nodes":[{"name":"a","nics":[
            {"name":"v1","kind":"vlan","parent":"v2","addresses":[{"address":"10.0.0.1"}]},
            {"name":"v2","kind":"vlan","parent":"v1","addresses":[]}]}]}"#,
        );
        assert_eq!(document.nodes[0].networks.as_ref().expect("derived")[0].physical_nics, None);
    }
}
