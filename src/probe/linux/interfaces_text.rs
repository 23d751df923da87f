//! Network interfaces where `ip` knows no JSON: `ip -d addr`, and `ip addr` of busybox (any account).

use super::interfaces::{Interfaces, kind_of, sits_on_another};
use crate::facts::{Address, AddressFamily, Bond, BondMember, Millis, Nic, NicKind};

/// Kinds that `ip -d` writes at the start of a line of details.
const KINDS: [&str; 22] = [
    "bond",
    "team",
    "bridge",
    "openvswitch",
    "vlan",
    "veth",
    "dummy",
    "ifb",
    "tun",
    "vxlan",
    "macvlan",
    "macvtap",
    "ipvlan",
    "ipvtap",
    "gre",
    "gretap",
    "ipip",
    "sit",
    "geneve",
    "wireguard",
    "vrf",
    "vcan",
];

/// Reads the text of `ip -d addr`. Without `-d` the kind of an interface, its VLAN and its bond stay missing.
pub fn parse(text: &str) -> Interfaces {
    let mut out = Interfaces::default();
    let mut skipping = true;
    for line in text.lines() {
        if !line.starts_with(' ') {
            let nic = header(line);
            skipping = nic.is_none();
            out.nics.extend(nic);
            continue;
        }
        let Some(nic) = out.nics.last_mut().filter(|_| !skipping) else { continue };
        let words: Vec<&str> = line.split_whitespace().collect();
        let after =
            |word: &str| words.iter().position(|one| *one == word).and_then(|at| words.get(at + 1)).copied();
        match words.first().copied().unwrap_or_default() {
            "link/loopback" => {
                out.nics.pop();
                skipping = true;
            }
            word if word.starts_with("link/") => {
                nic.mac = words.get(1).map(|mac| mac.to_ascii_lowercase());
                nic.permanent_mac = after("permaddr").map(str::to_ascii_lowercase);
            }
            "inet" => nic.addresses.get_or_insert_default().extend(address(&words, AddressFamily::Inet)),
            "inet6" => nic.addresses.get_or_insert_default().extend(address(&words, AddressFamily::Inet6)),
            "bond_slave" => {
                let member = BondMember {
                    name: nic.name.clone(),
                    link_up: after("mii_status").map(|state| state.eq_ignore_ascii_case("up")),
                    failures: after("link_failure_count").and_then(|count| count.parse().ok()),
                    aggregator: after("ad_aggregator_id").and_then(|id| id.parse().ok()),
                };
                // Its bond may come later in the list; `join` finds it.
                out.bonds.push(Bond {
                    name: String::new(),
                    active: nic.master.clone(),
                    members: Some(vec![member]),
                    ..Bond::default()
                });
            }
            word if KINDS.contains(&word) => {
                nic.kind = kind_of(Some(word), false);
                nic.driver = Some(word.to_owned());
                if word == "vlan" {
                    nic.vlan = after("id").and_then(|id| id.parse().ok());
                }
                if !sits_on_another(Some(word)) {
                    nic.parent = Some(String::new());
                }
                if matches!(nic.kind, Some(NicKind::Bond | NicKind::Team)) {
                    out.bonds.push(Bond {
                        name: nic.name.clone(),
                        mode: after("mode").map(str::to_owned),
                        active: after("active_slave").map(str::to_owned),
                        miimon_ms: after("miimon").and_then(|time| time.parse().ok()).map(Millis),
                        ..Bond::default()
                    });
                }
            }
            _ => {}
        }
    }
    join(&mut out);
    out.finish();
    out
}

/// Gives each bond its members: those that said so themselves, else every interface whose master it is.
fn join(out: &mut Interfaces) {
    let (strays, mut bonds): (Vec<Bond>, Vec<Bond>) =
        std::mem::take(&mut out.bonds).into_iter().partition(|bond| bond.name.is_empty());
    for stray in strays {
        if let Some(bond) = bonds.iter_mut().find(|bond| Some(&bond.name) == stray.active.as_ref()) {
            bond.members.get_or_insert_default().extend(stray.members.into_iter().flatten());
        }
    }
    for bond in bonds.iter_mut().filter(|bond| bond.members.is_none()) {
        let names = out.nics.iter().filter(|nic| nic.master.as_deref() == Some(&bond.name));
        let members = names.map(|nic| BondMember { name: nic.name.clone(), ..BondMember::default() });
        bond.members = Some(members.collect());
    }
    out.bonds = bonds;
}

/// `5: bond0.20@bond0: <BROADCAST,UP,LOWER_UP> mtu 1500 ... master br0 state UP`.
fn header(line: &str) -> Option<Nic> {
    let (number, rest) = line.split_once(": ")?;
    number.trim().parse::<u32>().ok()?;
    let (name, rest) = rest.split_once(": ").or_else(|| rest.split_once(':'))?;
    let (name, parent) = name.split_once('@').unwrap_or((name, ""));
    // `@if5` is the other end of a pair in another namespace, by its number.
    let far_end = parent.strip_prefix("if").is_some_and(|index| index.parse::<u32>().is_ok());
    let flags: Vec<&str> = rest.split(['<', '>']).nth(1).unwrap_or_default().split(',').collect();
    let words: Vec<&str> = rest.split_whitespace().collect();
    let after =
        |word: &str| words.iter().position(|one| *one == word).and_then(|at| words.get(at + 1)).copied();
    Some(Nic {
        name: name.to_owned(),
        mtu: after("mtu").and_then(|mtu| mtu.parse().ok()),
        admin_up: Some(flags.contains(&"UP")),
        link_up: Some(flags.contains(&"UP") && flags.contains(&"LOWER_UP")),
        master: Some(after("master").unwrap_or_default().to_owned()),
        parent: Some(if parent == "NONE" || far_end { String::new() } else { parent.to_owned() }),
        addresses: Some(Vec::new()),
        ..Nic::default()
    })
}

/// `inet 10.0.0.1/24 brd 10.0.0.255 scope global dynamic eth0`.
fn address(words: &[&str], family: AddressFamily) -> Option<Address> {
    let (address, prefix) = words.get(1)?.split_once('/').unwrap_or((words[1], ""));
    let full = if family == AddressFamily::Inet { 32 } else { 128 };
    let at = |word: &str| words.iter().position(|one| *one == word);
    Some(Address {
        address: address.to_owned(),
        family: Some(family),
        prefix: if prefix.is_empty() { Some(full) } else { prefix.parse().ok() },
        dynamic: Some(at("dynamic").is_some()),
        scope: at("scope").and_then(|at| words.get(at + 1)).map(|scope| (*scope).to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_says_what_the_json_says() {
        let text = parse(include_str!("../../../fixtures/linux/ip-addr.bond.txt"));
        let mut json =
            super::super::interfaces::parse(include_str!("../../../fixtures/linux/ip-addr.bond.json"))
                .unwrap();
        // The text does not tell whether a device is on a bus, nor that there is no VLAN.
        for nic in &mut json.nics {
            if nic.kind == Some(NicKind::Physical) {
                nic.kind = None;
            }
            if nic.vlan == Some(0) {
                nic.vlan = None;
            }
        }
        assert_eq!(text, json);
    }

    #[test]
    fn busybox_is_read() {
        let found = parse(
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast qlen 1000\n    link/ether 52:54:00:AA:BB:CC brd ff:ff:ff:ff:ff:ff\n    inet 198.51.100.7/24 brd 198.51.100.255 scope global eth0\n",
        );
        assert_eq!(found.nics.len(), 1);
        assert_eq!(found.nics[0].mac.as_deref(), Some("52:54:00:aa:bb:cc"));
        assert_eq!(found.nics[0].kind, None, "without details it is not known");
        assert_eq!(found.nics[0].addresses.as_ref().unwrap()[0].address, "198.51.100.7");
    }

    #[test]
    fn text_that_is_no_listing_is_no_fact() {
        assert_eq!(parse("Usage: ip [ OPTIONS ] OBJECT\n    link/ether x\n   inet\n"), Interfaces::default());
    }
}
