//! Ports that the cluster needs on a node and that its packet filter keeps shut.
//!
//! What listens is read off the node itself: the links of Corosync, the services that run, DLM, the resources of DRBD. Where one of
//! these is not known the derived fact is missing, unless the filter is known to be off.

use super::{derived_gap, derived_source};
use crate::facts::{Document, Node, Places};
use std::collections::BTreeSet;

/// Port of Corosync's first link where its file says nothing.
const COROSYNC: i64 = 5405;
/// Port of the distributed lock manager.
const DLM: &str = "tcp/21064";
/// Ports of services that other nodes speak to, by the service.
const SERVICES: &[(&str, &str)] = &[
    ("pcsd", "tcp/2224"),
    ("pacemaker_remote", "tcp/3121"),
    ("corosync-qnetd", "tcp/5403"),
    ("hawk", "tcp/7630"),
    ("booth", "udp/9929"),
];

/// Fills [`Firewall::shut`](crate::facts::Firewall::shut) of every node.
pub(super) fn relate(document: &mut Document) {
    document.gaps.retain(|gap| !gap.path.ends_with(".firewall.shut"));
    for node in &mut document.nodes {
        node.firewall.shut = shut(node);
    }
    let places = Places::new(document);
    let (mut sources, mut gaps) = (Vec::new(), Vec::new());
    for node in &document.nodes {
        let path = |field: &str| format!("nodes[{}].{field}", node.name);
        if node.firewall.shut.is_some() {
            sources.push(derived_source(path("firewall.shut"), "ports in use against ports let in"));
        } else if node.corosync.present == Some(true) {
            let causes =
                ["firewall", "firewall.open_ports", "corosync", "services", "dlm.active", "drbd.resources"];
            gaps.push(derived_gap(&places, path("firewall.shut"), &causes.map(path)));
        }
    }
    document.sources.extend(sources);
    document.gaps.extend(gaps);
}

/// Ports that are needed and not open.
fn shut(node: &Node) -> Option<Vec<String>> {
    if node.firewall.active? {
        let open: Vec<Ports<'_>> = node
            .firewall
            .open_ports
            .as_ref()?
            .iter()
            .map(|text| Ports::parse(text))
            .collect::<Option<_>>()?;
        let missing =
            |port: &String| Ports::parse(port).is_none_or(|port| !open.iter().any(|open| open.holds(port)));
        Some(needed(node)?.into_iter().filter(missing).collect())
    } else {
        Some(Vec::new())
    }
}

/// Ports that other nodes use on this one, as `udp/5405`, sorted.
fn needed(node: &Node) -> Option<Vec<String>> {
    let mut ports = BTreeSet::new();
    let corosync = &node.corosync;
    if corosync.present? {
        let stated = corosync.interfaces.as_ref()?;
        for link in 0..corosync.links?.max(1) {
            let own = stated.iter().find(|interface| interface.number == link).and_then(|one| one.port);
            let port = own.filter(|port| *port > 0).unwrap_or(COROSYNC + link);
            ports.insert(format!("udp/{port}"));
        }
    }
    for service in node.services.as_ref()? {
        let port = SERVICES.iter().find(|(name, _)| *name == service.name);
        if let Some((_, port)) = port
            && service.active?
        {
            ports.insert((*port).to_owned());
        }
    }
    if node.dlm.active? {
        ports.insert(DLM.to_owned());
    }
    for resource in node.drbd.resources.as_ref()? {
        ports.extend(resource.ports.as_ref()?.iter().map(|port| format!("tcp/{port}")));
    }
    Some(ports.into_iter().collect())
}

/// One port or a range of them.
#[derive(Clone, Copy)]
struct Ports<'t> {
    protocol: &'t str,
    first: u16,
    last: u16,
}

impl<'t> Ports<'t> {
    /// Reads `udp/5405` or `tcp/5900-5910`.
    fn parse(text: &'t str) -> Option<Self> {
        let (protocol, ports) = text.split_once('/')?;
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        Some(Ports { protocol, first: first.parse().ok()?, last: last.parse().ok()? })
    }

    /// Whether all of another one is within it.
    fn holds(self, other: Ports<'_>) -> bool {
        self.protocol == other.protocol && self.first <= other.first && other.last <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{CorosyncInterface, Drbd, DrbdResource, Service};

    fn node(open: &[&str]) -> Node {
        let mut node = Node { name: "a".to_owned(), ..Node::default() };
        node.firewall.active = Some(true);
        node.firewall.open_ports = Some(open.iter().map(|&port| port.to_owned()).collect());
        node.corosync.present = Some(true);
        node.corosync.links = Some(2);
        node.corosync.interfaces =
            Some(vec![CorosyncInterface { number: 1, port: Some(5500), ..CorosyncInterface::default() }]);
        node.services =
            Some(vec![Service { name: "pcsd".to_owned(), active: Some(true), ..Service::default() }]);
        node.dlm.active = Some(true);
        node.drbd = Drbd {
            resources: Some(vec![DrbdResource {
                name: "r0".to_owned(),
                ports: Some(vec![7788]),
                ..DrbdResource::default()
            }]),
            ..Drbd::default()
        };
        node
    }

    #[test]
    fn what_is_needed_and_not_let_in_is_named() {
        let all = ["tcp/21064", "tcp/2224", "tcp/7788", "udp/5405", "udp/5500"];
        assert_eq!(shut(&node(&[])).unwrap(), all);
        assert_eq!(
            shut(&node(&["udp/5404-5412", "tcp/2224"])).unwrap(),
            ["tcp/21064", "tcp/7788", "udp/5500"]
        );
        assert!(shut(&node(&all)).unwrap().is_empty());
        assert_eq!(
            shut(&node(&["udp/21064", "tcp/2224", "tcp/7788", "udp/5000-6000"])).unwrap(),
            ["tcp/21064"]
        );
    }

    #[test]
    fn a_filter_that_is_off_shuts_nothing_and_one_that_is_not_known_is_not_judged() {
        let mut off = Node::default();
        off.firewall.active = Some(false);
        assert_eq!(shut(&off), Some(vec![]));
        let mut unread = node(&[]);
        unread.firewall.open_ports = None;
        assert_eq!(shut(&unread), None);
        let mut unread = node(&["nonsense"]);
        assert_eq!(shut(&unread), None);
        unread = node(&[]);
        unread.dlm.active = None;
        assert_eq!(shut(&unread), None);
    }
}
