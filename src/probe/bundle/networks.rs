//! Networks of a cluster of which only bundles are there: no plan names them, so they are those that the nodes have
//! addresses on. A network that Corosync's node list names carries its link's number and the role of the interconnect.

use crate::facts::{Document, Gap, GapReason, Network, NetworkRole, Source, SourceKind};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Fills the document's networks out of the addresses and Corosync's configuration of its nodes.
pub fn fill(document: &mut Document) {
    let mut subnets: Vec<IpNet> = Vec::new();
    let nics = document.nodes.iter().flat_map(|node| node.nics.iter().flatten());
    for address in nics.flat_map(|nic| nic.addresses.iter().flatten()) {
        let net = address.address.parse().ok().and_then(|ip: IpAddr| {
            let prefix = u8::try_from(address.prefix?).ok()?;
            // An address of a service alone is no network.
            let alone = if ip.is_ipv4() { 32 } else { 128 };
            IpNet::new(ip, prefix).ok().filter(|_| prefix < alone)
        });
        let local = address.scope.as_deref().is_some_and(|scope| scope != "global");
        if let Some(net) = net.map(|net| net.trunc()).filter(|_| !local)
            && !subnets.contains(&net)
        {
            subnets.push(net);
        }
    }
    subnets.sort();
    let mut links: BTreeMap<i64, Vec<IpNet>> = BTreeMap::new();
    let mut put = |link: i64, ip: IpAddr| {
        if let Some(net) = subnets.iter().find(|net| net.contains(&ip)) {
            let nets = links.entry(link).or_default();
            if !nets.contains(net) {
                nets.push(*net);
            }
        }
    };
    for corosync in document.nodes.iter().map(|node| &node.corosync) {
        for address in corosync.nodelist.iter().flatten().flat_map(|member| member.addresses.iter().flatten())
        {
            if let Some(ip) = address.address.as_deref().and_then(|text| text.parse().ok()) {
                put(address.link, ip);
            }
        }
        for interface in corosync.interfaces.iter().flatten() {
            if let Some(ip) = interface.bind_network.as_deref().and_then(|text| text.parse().ok()) {
                put(interface.number, ip);
            }
        }
    }
    let is_link = |net: &IpNet| links.values().any(|nets| nets.contains(net));
    let others: Vec<IpNet> = subnets.iter().filter(|net| !is_link(net)).copied().collect();
    let words = |nets: &[IpNet]| Some(nets.iter().map(ToString::to_string).collect());
    let mut networks: Vec<Network> = links
        .iter()
        .map(|(link, nets)| Network {
            name: format!("link {link}"),
            role: Some(NetworkRole::Cluster),
            subnets: words(nets),
            ..Network::default()
        })
        .collect();
    networks.extend(others.into_iter().map(|net| Network {
        name: net.to_string(),
        subnets: words(&[net]),
        ..Network::default()
    }));
    if networks.is_empty() {
        // Without any, every question about networks would be answered by there being none.
        let network =
            Network { name: "link 0".to_owned(), role: Some(NetworkRole::Cluster), ..Network::default() };
        networks.push(network);
        document.gaps.push(Gap {
            path: "networks".to_owned(),
            reason: Some(GapReason::NotCollected),
            detail: Some("no bundle tells an address of a node".to_owned()),
        });
    } else {
        document.sources.push(Source {
            path: "networks".to_owned(),
            kind: Some(SourceKind::Derived),
            place: None,
            item: Some("addresses and Corosync's links of the nodes".to_owned()),
        });
    }
    document.networks = networks;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(nodes: &str) -> Document {
        let text = format!(r#"{{"schema":"quorate/1","nodes":[{nodes}]}}"#);
        Document::parse(text.as_bytes(), "x").unwrap()
    }

    #[test]
    fn links_of_corosync_are_the_interconnect() {
        let mut document = document(
            r#"{"name":"a","nics":[{"name":"e0","addresses":[{"address":"10.0.0.1","prefix":24,"scope":"global"},
            {"address":"10.0.0.9","prefix":32,"scope":"global"},{"address":"fe80::1","prefix":64,"scope":"link"}]},
            {"name":"e1","addresses":[{"address":"192.168.1.1","prefix":16}]}],
            "corosync":{"nodelist":[{"id":"a","addresses":[{"link":0,"address":"10.0.0.1"}]}]}}"#,
        );
        fill(&mut document);
        let all: Vec<_> =
            document.networks.iter().map(|network| (network.name.as_str(), network.role)).collect();
        assert_eq!(all, [("link 0", Some(NetworkRole::Cluster)), ("192.168.0.0/16", None)]);
    }

    #[test]
    fn without_addresses_networks_are_not_known() {
        let mut document = document(r#"{"name":"a","reached":true},{"name":"b","reached":true}"#);
        fill(&mut document);
        crate::derive::complete(&mut document);
        assert_eq!(document.pairs.unwrap()[0].networks, None);
    }
}
