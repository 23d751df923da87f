//! Interfaces, addresses, name servers, the networks that Windows makes of them, and the firewall.

use super::building::{Building, Pairs, Reading, column, column_where};
use super::page::{Block, Mark, Section, Table};
use super::value;
use crate::facts::{Address, AddressFamily, BitsPerSecond, Network, NetworkRole, Nic, NicKind};
use ipnet::IpNet;
use std::net::IpAddr;

/// Adapters that a cluster cannot rely on: what Windows makes of other adapters, or inside itself.
const UNDER_A_SWITCH: &str = "Hyper-V Virtual Ethernet Adapter";
const TEAM: &str = "Microsoft Network Adapter Multiplexor Driver";

/// Validate IP Configuration: for each node a table for each adapter.
///
/// The rows have one order in every language: name, description, hardware address, status, whether it is a team,
/// name servers, suffixes; then an address and its prefix, as often as there are any.
pub(super) fn addresses(building: &mut Building<'_>, reading: Reading<'_>) {
    for part in building.by_node(reading.section) {
        let mut nics: Vec<Nic> = Vec::new();
        let mut servers: Vec<String> = Vec::new();
        let mut search: Vec<String> = Vec::new();
        let mut read = false;
        for table in part.tables() {
            let rows: Vec<(&str, &str)> = table
                .rows
                .iter()
                .filter_map(|row| Some((row.first()?.text.as_str(), row.get(1)?.text.as_str())))
                .collect();
            let Some(adapter) = adapter(&rows) else { continue };
            read = true;
            if adapter.hidden {
                continue;
            }
            for (from, into) in
                [(adapter.servers, &mut servers), (adapter.search.unwrap_or_default(), &mut search)]
            {
                for word in from {
                    if !into.contains(&word) {
                        into.push(word);
                    }
                }
            }
            let mut nic = adapter.nic;
            let same = nics.iter().filter(|other| other.name == nic.name).count();
            if same > 0 {
                nic.name = format!("{} ({})", nic.name, same + 1);
            }
            nics.push(nic);
        }
        if read {
            let (servers_empty, search_empty) = (servers.is_empty(), search.is_empty());
            let node = &mut building.nodes[part.node];
            node.nics = Some(nics);
            // Some releases leave these rows empty whatever is set: empty says nothing.
            node.resolver.servers = Some(servers).filter(|all| !all.is_empty());
            node.resolver.search = Some(search).filter(|all| !all.is_empty());
            building.came(part.node, "nics", reading.section);
            for (group, known) in [("resolver.servers", !servers_empty), ("resolver.search", !search_empty)] {
                if known {
                    building.came(part.node, group, reading.section);
                } else {
                    let path = building.path(part.node, group);
                    building.lacks(
                        path,
                        format!("the report's section \"{}\" leaves it empty", reading.section.title),
                    );
                }
            }
        }
    }
}

struct Adapter {
    nic: Nic,
    /// Loopback, tunnels, and the cluster's own virtual adapter.
    hidden: bool,
    servers: Vec<String>,
    search: Option<Vec<String>>,
}

fn adapter(rows: &[(&str, &str)]) -> Option<Adapter> {
    let value = |at: usize| rows.get(at).map(|(_, value)| *value);
    // The hardware address stands third; a loopback interface has none there, but an address of its own below.
    let hardware = value(2)?;
    let (name, model) = (value(0)?, value(1)?);
    let first = (3..rows.len()).find(|at| {
        let found = value(*at).and_then(value::address);
        found.is_some_and(|found| value(at + 1).is_some_and(|below| value::prefix(below, found).is_some()))
    });
    let mut found: Vec<(IpAddr, i64)> = Vec::new();
    for at in first.unwrap_or(rows.len())..rows.len() {
        if let Some(address) = value(at).and_then(value::address)
            && let Some(prefix) = value(at + 1).and_then(|below| value::prefix(below, address))
        {
            found.push((address, prefix));
        }
    }
    let is_loopback = !found.is_empty() && found.iter().all(|(address, _)| address.is_loopback());
    if !value::is_hardware_address(hardware) && !is_loopback {
        return None;
    }
    let named = |wanted: &str| {
        rows.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value)
    };
    // Windows marks the names of interfaces that it hides from the user with a star.
    let hidden = is_loopback || name.contains("* ") || value::mac(hardware).is_none();
    let team = named("LBFO Enabled").and_then(value::truth);
    let above = first.unwrap_or(rows.len());
    // By position: the two rows above the first address.
    let servers = named("DNS Servers").or_else(|| above.checked_sub(2).filter(|at| *at > 3).and_then(value));
    let search = named("DNS Suffix Search Order")
        .or_else(|| above.checked_sub(1).filter(|at| *at > 4).and_then(value));
    let mac = value::mac(hardware);
    let nic = Nic {
        name: name.to_owned(),
        kind: if model.contains(TEAM) || team == Some(true) {
            Some(NicKind::Team)
        } else if model.contains(UNDER_A_SWITCH)
            || name.starts_with("vEthernet")
            || named("Adapter Name").is_none()
        {
            // Under a virtual switch may lie anything; and whether it is a team stands in words of the language.
            None
        } else {
            Some(NicKind::Physical)
        },
        model: value::known(model).map(str::to_owned),
        mac,
        // What has an address of its own is no member of a team.
        master: (!found.is_empty()).then(String::new),
        link_up: match named("Status").unwrap_or_default().to_ascii_lowercase().as_str() {
            "operational" => Some(true),
            "not operational" => Some(false),
            _ => None,
        },
        addresses: Some(found.iter().map(|(address, prefix)| told(*address, *prefix)).collect()),
        ..Nic::default()
    };
    let servers =
        value::list(servers.unwrap_or_default()).into_iter().filter(|word| value::address(word).is_some());
    Some(Adapter { nic, hidden, servers: servers.collect(), search: search.map(value::list) })
}

fn told(address: IpAddr, prefix: i64) -> Address {
    let link = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    Address {
        address: address.to_string(),
        family: Some(if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }),
        prefix: Some(prefix),
        // An address that the interface gave itself is none that somebody set.
        dynamic: link.then_some(true),
        scope: Some(if link { "link" } else { "global" }.to_owned()),
    }
}

/// List Network Metric Order: for each node one table, a row for each adapter, with its speed.
pub(super) fn speeds(building: &mut Building<'_>, reading: Reading<'_>) {
    for part in building.by_node(reading.section) {
        for table in part.tables() {
            let speed =
                column(table, &["Speed"]).or_else(|| column_where(table, |text| value::rate(text).is_some()));
            let Some(speed) = speed else { continue };
            for row in &table.rows {
                let rate = row.get(speed).and_then(|cell| value::rate(&cell.text));
                if let (Some(rate), Some(nic)) = (rate, building.nic(part.node, &row[0].text)) {
                    nic.speed_bps = Some(BitsPerSecond(rate));
                    let path = format!("nics[{}].speed_bps", row[0].text);
                    building.came(part.node, &path, reading.section);
                }
            }
        }
    }
}

/// Validate Cluster Network Configuration: for each network its name in bold, its role, its prefixes, and a table for
/// each interface on it.
pub(super) fn networks(building: &mut Building<'_>, reading: Reading<'_>) {
    let mut storage: Vec<bool> = Vec::new();
    for block in &reading.section.blocks {
        match block {
            Block::Message { label, text, .. } if !label.is_empty() && !text.is_empty() => {
                // The first bold label of the section is its description, which no table follows.
                storage.clear();
                building.networks.push(Network { name: text.clone(), ..Network::default() });
            }
            Block::Message { text, .. } => {
                let role = text.split_once(':').map(|(_, role)| role.trim());
                if let (Some(role), Some(network)) = (role, building.networks.last_mut())
                    && text.starts_with("Network Role")
                {
                    network.role = match role {
                        "Enabled" => Some(NetworkRole::Client),
                        "Internal" => Some(NetworkRole::Cluster),
                        _ => network.role,
                    };
                }
            }
            Block::Table(table) => {
                if let Some(subnets) = prefixes(table) {
                    if let Some(network) = building.networks.last_mut() {
                        network.subnets.get_or_insert_default().extend(subnets);
                    }
                } else if let Some(iscsi) = interface(building, table, reading.section) {
                    storage.push(iscsi);
                    if let Some(network) = building.networks.last_mut()
                        && storage.iter().all(|iscsi| *iscsi)
                    {
                        network.role = Some(NetworkRole::Storage);
                    } else if let Some(network) = building.networks.last_mut()
                        && network.role == Some(NetworkRole::Storage)
                    {
                        network.role = Some(NetworkRole::Cluster);
                    }
                }
            }
            Block::Node(_) => {}
        }
    }
    building.networks.retain(|network| network.subnets.is_some());
    let mut seen = std::collections::HashSet::new();
    building.networks.retain(|network| seen.insert(network.name.clone()));
    if !building.networks.is_empty() {
        building.came_at("networks".to_owned(), reading.section);
    }
}

/// Prefix and length in each row.
fn prefixes(table: &Table) -> Option<Vec<String>> {
    let rows: Option<Vec<String>> = table
        .rows
        .iter()
        .map(|row| {
            let [network, length] = row.as_slice() else { return None };
            let address = value::address(&network.text)?;
            let prefix = value::prefix(&length.text, address)?;
            let net = IpNet::new(address, u8::try_from(prefix).ok()?).ok()?;
            Some(net.trunc().to_string())
        })
        .collect();
    rows.filter(|all| !all.is_empty())
}

/// An interface of a network: whose it is, whether DHCP configures it, whether it leads to an iSCSI target.
fn interface(building: &mut Building<'_>, table: &Table, section: &Section) -> Option<bool> {
    let pairs = Pairs::of(table);
    let (node, name) = pairs.values().find_map(|text| building.node_and_rest(text))?;
    // In every language: the interface, DHCP, iSCSI, then the addresses.
    let truth = |english: &str, position: usize| {
        pairs.named(english).or_else(|| pairs.at(position)).and_then(value::truth)
    };
    let dynamic = truth("DHCP Enabled", 1);
    let name = name.to_owned();
    let nic = building.nic(node, &name)?;
    for address in nic.addresses.iter_mut().flatten() {
        // DHCP is told of IPv4; addresses of the link alone come about by themselves.
        if address.family == Some(AddressFamily::Inet) && address.scope.as_deref() != Some("link") {
            address.dynamic = dynamic;
        }
    }
    building.came(node, &format!("nics[{name}].addresses"), section);
    Some(truth("Connected to iSCSI target", 2) == Some(true))
}

/// The networks that Windows would make of the addresses, where the report has no section of them: one for each subnet.
pub(super) fn networks_of_subnets(building: &mut Building<'_>) {
    if !building.networks.is_empty() {
        return;
    }
    let mut subnets: Vec<IpNet> = Vec::new();
    for address in building
        .nodes
        .iter()
        .flat_map(|node| node.nics.iter().flatten())
        .flat_map(|nic| nic.addresses.iter().flatten())
    {
        let net = address
            .address
            .parse()
            .ok()
            .and_then(|ip: IpAddr| IpNet::new(ip, u8::try_from(address.prefix?).ok()?).ok());
        if let Some(net) = net.map(|net| net.trunc()).filter(|_| address.scope.as_deref() == Some("global"))
            && !subnets.contains(&net)
        {
            subnets.push(net);
        }
    }
    subnets.sort();
    building.networks = subnets
        .into_iter()
        .enumerate()
        .map(|(at, net)| Network {
            name: format!("Cluster Network {}", at + 1),
            subnets: Some(vec![net.to_string()]),
            ..Network::default()
        })
        .collect();
}

/// Validate Windows Firewall Configuration: sentences that name a node. Only an error says that traffic is stopped.
pub(super) fn firewall(building: &mut Building<'_>, reading: Reading<'_>) {
    let messages: Vec<(Mark, &str)> = reading
        .section
        .blocks
        .iter()
        .filter_map(|block| match block {
            Block::Message { mark, text, .. } => Some((*mark, text.as_str())),
            _ => None,
        })
        .collect();
    for node in 0..building.nodes.len() {
        let names = |text: &str| {
            text.split([' ', '\'', '"', ','])
                .map(|word| word.trim_end_matches('.'))
                .any(|word| building.node(word) == Some(node))
        };
        let allowed = messages.iter().any(|(mark, text)| {
            *mark == Mark::Plain
                && text.contains("is configured to allow network communication between cluster nodes.")
                && names(text)
        });
        let stopped = messages.iter().any(|(mark, text)| *mark == Mark::Error && names(text));
        let firewall = &mut building.nodes[node].firewall;
        if allowed || stopped {
            firewall.manager = Some("windows".to_owned());
            firewall.cluster_allowed = Some(allowed && !stopped);
            building.came(node, "firewall", reading.section);
        }
    }
}
