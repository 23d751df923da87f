//! Which ways there are, and what each node does to measure its own: a pure function of what the first round found.
//!
//! Every node has a way to every other on every network that they share, measured or not. Of several addresses on one
//! network the one that Corosync uses is taken, else the first of each family.

use super::schedule::{CONNECTION_BYTES, LONGEST, sizes, starts, time_for, turn, way_bytes};
use super::task::{Task, What};
use crate::facts::{CorosyncMember, Document, Gap, GapReason, Link, LinkKind, Node, Places};
use crate::inventory::{Inventory, ProbeMethod, WitnessPlace};
use crate::probe::script::is_host_name;
use ipnet::IpNet;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Clusters of more nodes are not measured: no platform has them, and the ways grow with the square.
const MOST_NODES: usize = 128;

/// Ports of services that nodes offer to each other, with the names of the services.
pub(in crate::probe) const PORTS: &[(u16, &[&str])] = &[(22, &["ssh", "sshd"]), (2224, &["pcsd"])];

/// Ports of services that not every node offers.
pub(in crate::probe) const PORTS_WHERE_ACTIVE: &[(u16, &[&str])] =
    &[(21064, &["dlm"]), (3121, &["pacemaker_remote"])];

/// Port of corosync-qnetd (corosync-qdevice(8)).
pub(in crate::probe) const QNETD_PORT: u16 = 5403;

/// Port of Pacemaker Remote (pacemaker-remoted(8)).
const REMOTE_PORT: u16 = 3121;

/// The ways, and the work of each node.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// All ways, not measured yet.
    pub links: Vec<Link>,
    /// Why some of them will not be.
    pub gaps: Vec<Gap>,
    /// What each node does, in the order of time; nodes by their place in the inventory.
    pub work: Vec<Vec<Task>>,
}

/// A way that can be measured: which link, between which nodes by their places, and how.
struct Way {
    link: usize,
    from: usize,
    to: usize,
    what: What,
}

/// How a node is reached on one network.
#[derive(Clone, Debug, PartialEq)]
struct Lane {
    /// Name of the network, `link N`, or empty.
    network: String,
    /// What the name of the link says of it.
    shown: String,
    /// Address that it starts at, and the MTU of its interface.
    source: Option<(IpAddr, Option<u64>)>,
    destination: Option<IpAddr>,
}

/// An inventory's nodes with what was found of them.
struct Planner<'a> {
    inventory: &'a Inventory,
    document: &'a Document,
    nodes: Vec<&'a Node>,
    networks: Vec<(&'a str, &'a [IpNet])>,
    /// Addresses that Corosync uses.
    preferred: HashSet<IpAddr>,
    /// Why a node measures nothing; none where it does.
    silent: Vec<Option<(GapReason, String)>>,
    plan: Plan,
    names: HashSet<String>,
    ways: Vec<Way>,
    others: Vec<Way>,
}

/// Plans the round for a document that holds what the nodes said.
pub(super) fn plan(inventory: &Inventory, document: &Document) -> Result<Plan, String> {
    if inventory.nodes.len() > MOST_NODES {
        return Err(format!("there are more than {MOST_NODES} nodes"));
    }
    let nodes: Option<Vec<&Node>> = inventory
        .nodes
        .iter()
        .map(|planned| document.nodes.iter().find(|node| node.name == planned.name))
        .collect();
    let Some(nodes) = nodes else { return Err("a node of the plan is missing in the facts".to_owned()) };
    let places = Places::new(document);
    let silent = inventory
        .nodes
        .iter()
        .zip(&nodes)
        .map(|(planned, node)| silence(&planned.probe, node, &places))
        .collect();
    let preferred = nodes
        .iter()
        .flat_map(|node| node.corosync.nodelist.iter().flatten())
        .flat_map(|member| member.addresses.iter().flatten())
        .filter_map(|address| address.address.as_deref()?.parse().ok())
        .collect();
    let mut planner = Planner {
        inventory,
        document,
        networks: inventory
            .networks
            .iter()
            .map(|network| (network.name.as_str(), network.subnets.as_slice()))
            .collect(),
        preferred,
        silent,
        plan: Plan { work: nodes.iter().map(|_| Vec::new()).collect(), ..Plan::default() },
        names: HashSet::new(),
        ways: Vec::new(),
        others: Vec::new(),
        nodes,
    };
    for from in 0..planner.nodes.len() {
        for to in 0..planner.nodes.len() {
            if from != to {
                planner.pair(from, to);
            }
        }
        planner.outside(from);
    }
    planner.schedule();
    Ok(planner.plan)
}

/// Why a node measures nothing.
fn silence(probe: &ProbeMethod, node: &Node, places: &Places<'_>) -> Option<(GapReason, String)> {
    match probe {
        ProbeMethod::Local | ProbeMethod::Ssh(_) if node.reached == Some(true) => None,
        ProbeMethod::Local | ProbeMethod::Ssh(_) => {
            let gap = places.gap(&format!("nodes[{}]", node.name));
            let reason = gap.and_then(|gap| gap.reason).unwrap_or(GapReason::Unreachable);
            let words = gap.and_then(|gap| gap.detail.as_deref()).unwrap_or("it was not reached");
            Some((reason, format!("{} measured nothing: {words}", node.name)))
        }
        ProbeMethod::Facts(_) => Some((
            GapReason::NotCollected,
            format!("{} is read from a recording and measures nothing", node.name),
        )),
        ProbeMethod::None => {
            Some((GapReason::NotCollected, format!("{} is not probed and measures nothing", node.name)))
        }
    }
}

impl Planner<'_> {
    /// Ways from one node to another: over each network, and to the ports that the cluster uses.
    fn pair(&mut self, from: usize, to: usize) {
        let (a, b) = (self.nodes[from], self.nodes[to]);
        let lanes = if self.silent[from].is_some() { self.lanes_of_silent(to) } else { self.lanes(a, b) };
        let base = format!("{} > {}", a.name, b.name);
        for lane in &lanes {
            let blank = if lane.shown.is_empty() { "" } else { " " };
            let v6 = lane.destination.is_some_and(|address| address.is_ipv6());
            let both = v6 && lanes.iter().any(|other| other.network == lane.network && other != lane);
            let link = Link {
                name: format!("{base}{blank}{} icmp{}", lane.shown, if both { " ipv6" } else { "" }),
                kind: Some(LinkKind::Icmp),
                to_kind: Some("node".to_owned()),
                from: Some(a.name.clone()),
                to: Some(b.name.clone()),
                network: Some(lane.network.clone()),
                source_address: lane.source.map(|(address, _)| address.to_string()),
                address: lane.destination.map(|address| address.to_string()),
                port: Some(0),
                interface_mtu: lane.source.and_then(|(_, mtu)| mtu).and_then(|mtu| i64::try_from(mtu).ok()),
                ..Link::default()
            };
            let what = lane.source.zip(lane.destination).map(|((source, mtu), destination)| What::Way {
                source,
                destination,
                sizes: mtu.map(|mtu| sizes(mtu, v6)).unwrap_or_default(),
            });
            let lacking = match (lane.source, lane.destination) {
                (_, None) => format!("no address of {} is known that {} could try", b.name, a.name),
                _ => format!("no address of {} is known that it could start at", a.name),
            };
            self.add(from, Some(to), link, what, lacking);
        }
        let first = lanes.iter().find(|lane| lane.destination.is_some());
        for port in self.ports(b) {
            let link = Link {
                name: format!("{base} tcp/{port}"),
                kind: Some(LinkKind::Tcp),
                to_kind: Some("node".to_owned()),
                from: Some(a.name.clone()),
                to: Some(b.name.clone()),
                network: Some(first.map_or_else(String::new, |lane| lane.network.clone())),
                source_address: Some(String::new()),
                address: first.and_then(|lane| lane.destination).map(|address| address.to_string()),
                port: Some(i64::from(port)),
                ..Link::default()
            };
            let host = first.and_then(|lane| lane.destination).map(|address| address.to_string());
            let what = host.map(|host| What::Port { host, port });
            let lacking = format!("no address of {} is known that {} could try", b.name, a.name);
            self.add(from, Some(to), link, what, lacking);
        }
    }

    /// Ways from a node to portals, to the quorum device, and to remote nodes of Pacemaker.
    fn outside(&mut self, from: usize) {
        let node = self.nodes[from];
        let mut ends: Vec<(&str, String, String, u16)> = Vec::new();
        for plan in self.inventory.targets.iter().flat_map(|target| &target.portals) {
            ends.push(("portal", plan.portal.to_string(), plan.portal.host.clone(), plan.portal.port));
        }
        let device = node.corosync.qdevice_host.as_deref().filter(|host| !host.is_empty());
        let planned = match self.inventory.witness.as_ref().map(|witness| &witness.at) {
            Some(WitnessPlace::Qdevice(portal)) => Some(portal),
            _ => None,
        };
        match (device, planned) {
            (Some(host), planned) => {
                let port =
                    planned.filter(|portal| portal.host == host).map_or(QNETD_PORT, |portal| portal.port);
                ends.push(("qdevice", format!("{host}:{port}"), host.to_owned(), port));
            }
            (None, Some(portal)) => {
                ends.push(("qdevice", portal.to_string(), portal.host.clone(), portal.port))
            }
            (None, None) => {}
        }
        for (host, port) in self.remotes() {
            ends.push(("remote", format!("{host}:{port}"), host, port));
        }
        for (kind, to, host, port) in ends {
            let name = format!("{} > {to}", node.name);
            let address = host.parse::<IpAddr>().ok();
            let network = address.and_then(|address| {
                self.networks
                    .iter()
                    .find(|(_, subnets)| subnets.iter().any(|subnet| subnet.contains(&address)))
            });
            let link = Link {
                name,
                kind: Some(LinkKind::Tcp),
                to_kind: Some(kind.to_owned()),
                from: Some(node.name.clone()),
                to: Some(to),
                network: Some(network.map_or_else(String::new, |(name, _)| (*name).to_owned())),
                source_address: Some(String::new()),
                address: Some(host.clone()),
                port: Some(i64::from(port)),
                ..Link::default()
            };
            let fits = address.is_some() || is_host_name(&host);
            let what =
                fits.then(|| What::Port { host: address.map_or(host.clone(), |it| it.to_string()), port });
            self.add(from, None, link, what, format!("`{host}` is neither an address nor a host name"));
        }
    }

    /// Adds a way, with its gap where it cannot be measured.
    fn add(&mut self, from: usize, to: Option<usize>, link: Link, what: Option<What>, lacking: String) {
        if !self.names.insert(link.name.clone()) {
            return;
        }
        let at = self.plan.links.len();
        match (&self.silent[from], what) {
            (None, Some(what)) => {
                let list = if to.is_some() { &mut self.ways } else { &mut self.others };
                list.push(Way { link: at, from, to: to.unwrap_or(from), what });
            }
            (silent, _) => {
                let unreached = to.filter(|to| self.nodes[*to].reached == Some(false));
                let (reason, detail) = match (silent, unreached) {
                    (Some((reason, words)), _) => (*reason, words.clone()),
                    (None, Some(_)) => (GapReason::Unreachable, lacking),
                    (None, None) => (GapReason::NotCollected, lacking),
                };
                let path = format!("links[{}]", link.name);
                self.plan.gaps.push(Gap { path, reason: Some(reason), detail: Some(detail) });
            }
        }
        self.plan.links.push(link);
    }

    /// How a node that measures reaches another, on each network that they may share.
    fn lanes(&self, a: &Node, b: &Node) -> Vec<Lane> {
        let mut out: Vec<Lane> = Vec::new();
        for (name, subnets) in &self.networks {
            let on = |address: &IpAddr| subnets.iter().any(|subnet| subnet.contains(address));
            let sources: Option<Vec<(IpAddr, Option<u64>)>> =
                addresses(a).map(|all| all.into_iter().filter(|(address, _)| on(address)).collect());
            let destinations: Option<Vec<IpAddr>> = match addresses(b) {
                Some(all) => Some(all.into_iter().map(|(address, _)| address).filter(on).collect()),
                None => Some(
                    self.ring_addresses(a, b).into_iter().map(|(_, address)| address).filter(on).collect(),
                )
                .filter(|all: &Vec<IpAddr>| !all.is_empty()),
            };
            let lane = |source, destination| Lane {
                network: (*name).to_owned(),
                shown: (*name).to_owned(),
                source,
                destination,
            };
            match (sources, destinations) {
                (Some(sources), Some(destinations)) => {
                    for v6 in [false, true] {
                        let source = self.best(sources.iter(), |(address, _)| *address, v6);
                        let destination = self.best(destinations.iter(), |address| *address, v6);
                        if let (Some(source), Some(destination)) = (source, destination) {
                            out.push(lane(Some(*source), Some(*destination)));
                        }
                    }
                }
                (Some(sources), None) if sources.is_empty() => {}
                (sources, destinations) => out.push(lane(
                    sources.and_then(|all| all.first().copied()),
                    destinations.and_then(|all| all.first().copied()),
                )),
            }
        }
        for (number, destination) in self.ring_addresses(a, b) {
            if out.iter().any(|lane| lane.destination == Some(destination)) {
                continue;
            }
            let own = self.ring_addresses(a, a).into_iter().find(|(other, _)| *other == number);
            let mtu = |address: IpAddr| {
                addresses(a).into_iter().flatten().find(|(own, _)| *own == address).and_then(|(_, mtu)| mtu)
            };
            let name = format!("link {number}");
            out.push(Lane {
                network: name.clone(),
                shown: name,
                source: own.map(|(_, address)| (address, mtu(address))),
                destination: Some(destination),
            });
        }
        if out.is_empty() && self.networks.is_empty() {
            out = shared_subnets(a, b);
        }
        if out.is_empty() {
            out.push(Lane { network: String::new(), shown: String::new(), source: None, destination: None });
        }
        out
    }

    /// The networks on which a node that measures nothing should reach another.
    fn lanes_of_silent(&self, to: usize) -> Vec<Lane> {
        let b = self.nodes[to];
        let lane = |network: String, destination| Lane {
            shown: network.clone(),
            network,
            source: None,
            destination,
        };
        let mut out = Vec::new();
        for (name, subnets) in &self.networks {
            let on = |address: &IpAddr| subnets.iter().any(|subnet| subnet.contains(address));
            let known =
                addresses(b).map(|all| all.into_iter().map(|(address, _)| address).filter(on).collect());
            match known {
                Some(all) => {
                    let all: Vec<IpAddr> = all;
                    let best = [false, true].into_iter().find_map(|v6| self.best(all.iter(), |it| *it, v6));
                    out.extend(best.map(|best| lane((*name).to_owned(), Some(*best))));
                }
                None => out.push(lane((*name).to_owned(), None)),
            }
        }
        if out.is_empty() {
            let rings = self.ring_addresses(b, b);
            out = rings
                .into_iter()
                .map(|(number, address)| lane(format!("link {number}"), Some(address)))
                .collect();
        }
        if out.is_empty() {
            out.push(lane(String::new(), None));
        }
        out
    }

    /// Of several, the one whose address Corosync uses, else the first.
    fn best<'t, T>(
        &self,
        all: impl Iterator<Item = &'t T> + Clone,
        address: impl Fn(&T) -> IpAddr,
        v6: bool,
    ) -> Option<&'t T> {
        let mut fitting = all.filter(|one| address(one).is_ipv6() == v6);
        let mut again = fitting.clone();
        again.find(|one| self.preferred.contains(&address(one))).or_else(|| fitting.next())
    }

    /// Addresses of a node on the links of Corosync, by the list of `teller`, else by that of any node.
    fn ring_addresses(&self, teller: &Node, of: &Node) -> Vec<(i64, IpAddr)> {
        let lists = std::iter::once(teller).chain(self.nodes.iter().copied());
        let Some(list) =
            lists.filter_map(|node| node.corosync.nodelist.as_ref()).find(|list| !list.is_empty())
        else {
            return Vec::new();
        };
        let Some(member) = list.iter().find(|member| is_member(member, of)) else { return Vec::new() };
        let resolve = |name: &str| -> Option<IpAddr> {
            if let Ok(address) = name.parse() {
                return Some(address);
            }
            let lookups = teller.names.iter().flatten();
            let found = lookups
                .filter(|lookup| lookup.name == name)
                .flat_map(|lookup| lookup.addresses.iter().flatten());
            found.filter_map(|text| text.parse().ok()).find(|address: &IpAddr| usable(address))
        };
        let addresses = member.addresses.iter().flatten();
        addresses
            .filter_map(|address| Some((address.link, resolve(address.address.as_deref()?)?)))
            .filter(|(_, address)| usable(address))
            .collect()
    }

    /// Ports that the cluster uses, and that a node should offer to the others.
    fn ports(&self, b: &Node) -> Vec<u16> {
        let states = |node: &'_ Node, names: &[&str]| -> Vec<(Option<bool>, Option<bool>)> {
            let services =
                node.services.iter().flatten().filter(|service| names.contains(&service.name.as_str()));
            services.map(|service| (service.installed, service.active)).collect()
        };
        let active =
            |node: &Node, names: &[&str]| states(node, names).iter().any(|(_, active)| *active == Some(true));
        let everywhere = PORTS.iter().filter(|(_, names)| {
            let lacks = b.services.is_some()
                && states(b, names).iter().all(|(installed, _)| *installed == Some(false));
            !lacks && self.nodes.iter().any(|node| active(node, names))
        });
        let somewhere = PORTS_WHERE_ACTIVE.iter().filter(|(_, names)| active(b, names));
        everywhere.chain(somewhere).map(|(port, _)| *port).collect()
    }

    /// Hosts and ports of Pacemaker's remote nodes, as their resources name them.
    fn remotes(&self) -> Vec<(String, u16)> {
        let resources = self.document.cluster.pacemaker.resources.iter().flatten();
        let remote = resources.filter(|resource| resource.agent.as_deref() == Some("ocf:pacemaker:remote"));
        remote
            .map(|resource| {
                let value = |name: &str| {
                    let all = resource.parameters.iter().flatten();
                    all.clone().find(|one| one.name == name).and_then(|one| one.value.as_deref())
                };
                let port = value("port").and_then(|port| port.parse().ok()).unwrap_or(REMOTE_PORT);
                (value("server").unwrap_or(&resource.id).to_owned(), port)
            })
            .collect()
    }

    /// Gives each measurement its start.
    fn schedule(&mut self) {
        let nodes = self.nodes.len();
        let bytes = |what: &What| match what {
            What::Way { sizes, .. } => way_bytes(sizes),
            What::Port { .. } => CONNECTION_BYTES,
        };
        let turns = nodes.saturating_sub(1);
        let mut carried = vec![vec![0u64; nodes]; turns];
        for way in &self.ways {
            let of_turn = &mut carried[turn(way.from, way.to, nodes)];
            of_turn[way.from] += bytes(&way.what);
            of_turn[way.to] += bytes(&way.what);
        }
        let carried: Vec<u64> =
            carried.iter().map(|of_turn| of_turn.iter().copied().max().unwrap_or(0)).collect();
        let starts = starts(&carried);
        let ways = std::mem::take(&mut self.ways);
        let mut queue: Vec<(usize, Task)> = Vec::new();
        for pair in ways.chunk_by(|a, b| (a.from, a.to) == (b.from, b.to)) {
            let number = u32::try_from(pair.len()).unwrap_or(u32::MAX);
            for (at, way) in (0u32..).zip(pair) {
                let turn = turn(way.from, way.to, nodes);
                let start = starts[turn] + time_for(carried[turn]) * at / number;
                queue.push((way.from, Task { link: way.link, start, what: way.what.clone() }));
            }
        }
        // All nodes go to the same few ends.
        for (at, way) in (0u32..).zip(std::mem::take(&mut self.others)) {
            queue.push((
                way.from,
                Task { link: way.link, start: time_for(CONNECTION_BYTES) * at, what: way.what },
            ));
        }
        for (node, task) in queue {
            if task.start > LONGEST {
                self.plan.gaps.push(Gap {
                    path: format!("links[{}]", self.plan.links[task.link].name),
                    reason: Some(GapReason::NotCollected),
                    detail: Some(too_many(LONGEST)),
                });
            } else {
                self.plan.work[node].push(task);
            }
        }
        for work in &mut self.plan.work {
            work.sort_by_key(|task| task.start);
        }
    }
}

fn too_many(longest: Duration) -> String {
    format!(
        "there are too many ways to measure all of them within {} s without loading the networks",
        longest.as_secs()
    )
}

/// Whether a node of Corosync's list is that node of the plan: by name, else by address.
fn is_member(member: &CorosyncMember, node: &Node) -> bool {
    let own = [Some(node.name.as_str()), node.hostname.as_deref()];
    if let Some(name) = member.name.as_deref().filter(|name| !name.is_empty()) {
        return own.iter().flatten().any(|own| own.eq_ignore_ascii_case(name));
    }
    let named = member.addresses.iter().flatten().filter_map(|address| address.address.as_deref());
    let found = addresses(node).unwrap_or_default();
    named.into_iter().any(|text| {
        own.iter().flatten().any(|own| own.eq_ignore_ascii_case(text))
            || text.parse::<IpAddr>().is_ok_and(|address| found.iter().any(|(own, _)| *own == address))
    })
}

/// Whether another host could use the address.
fn usable(address: &IpAddr) -> bool {
    let local = match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(local || address.is_loopback() || address.is_unspecified() || address.is_multicast())
}

/// Addresses of a node's interfaces that others could use, each with the MTU of its interface; none where they are not known.
fn addresses(node: &Node) -> Option<Vec<(IpAddr, Option<u64>)>> {
    let nics = node.nics.as_ref()?;
    let mut out = Vec::new();
    for nic in nics {
        for address in nic.addresses.iter().flatten() {
            let Ok(parsed) = address.address.parse::<IpAddr>() else { continue };
            if usable(&parsed) {
                out.push((parsed, nic.mtu.and_then(|mtu| u64::try_from(mtu).ok()).filter(|mtu| *mtu >= 68)));
            }
        }
    }
    Some(out)
}

/// Subnets on which both nodes have an address of their own, where neither plan nor Corosync names networks.
fn shared_subnets(a: &Node, b: &Node) -> Vec<Lane> {
    let mut out: Vec<Lane> = Vec::new();
    let theirs: Vec<IpAddr> =
        addresses(b).unwrap_or_default().into_iter().map(|(address, _)| address).collect();
    let own: Vec<IpAddr> = addresses(a).unwrap_or_default().into_iter().map(|(address, _)| address).collect();
    for nic in a.nics.iter().flatten() {
        for address in nic.addresses.iter().flatten() {
            let (Ok(source), Some(prefix)) = (address.address.parse::<IpAddr>(), address.prefix) else {
                continue;
            };
            let subnet = u8::try_from(prefix).ok().and_then(|prefix| IpNet::new(source, prefix).ok());
            let Some(subnet) = subnet.filter(|_| usable(&source)).map(|subnet| subnet.trunc()) else {
                continue;
            };
            let there = theirs.iter().find(|address| subnet.contains(*address) && !own.contains(address));
            let shown = subnet.to_string();
            if let Some(destination) = there.filter(|_| !out.iter().any(|lane| lane.shown == shown)) {
                let mtu = nic.mtu.and_then(|mtu| u64::try_from(mtu).ok()).filter(|mtu| *mtu >= 68);
                out.push(Lane {
                    network: String::new(),
                    shown,
                    source: Some((source, mtu)),
                    destination: Some(*destination),
                });
            }
        }
    }
    out
}

/// The work of a node that a run would do whatever its hosts say: its connections to portals.
pub(super) fn known_beforehand(inventory: &Inventory) -> Vec<Task> {
    let portals = inventory.targets.iter().flat_map(|target| &target.portals);
    let task = |(at, host, port): (usize, String, u16)| Task {
        link: at,
        start: Duration::ZERO,
        what: What::Port { host, port },
    };
    portals
        .filter(|plan| {
            plan.portal.to_string().parse::<SocketAddr>().is_ok() || is_host_name(&plan.portal.host)
        })
        .enumerate()
        .map(|(at, plan)| task((at, plan.portal.host.clone(), plan.portal.port)))
        .collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
