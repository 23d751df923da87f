//! Network interfaces where `ip` knows no JSON: `ip -d addr`, and `ip addr` of busybox; in support bundles `ip -d link`,
//! with or without `-s`, and `ip -o addr` (any account).

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

/// Reads the text of `ip -d link`, which lacks addresses.
pub fn parse_link(text: &str) -> Interfaces {
    let mut out = parse(text);
    out.nics.iter_mut().for_each(|nic| nic.addresses = None);
    out
}

/// Adds what `ip -o addr` says: a line for each address, `2: eth0    inet 10.0.0.1/24 ...`. An interface that is known
/// and has no line has no address.
pub fn add_oneline(out: &mut Interfaces, text: &str) {
    let mut any = false;
    let mut found: Vec<(String, Address)> = Vec::new();
    for line in text.lines() {
        // A backslash stands where another line would begin.
        let words: Vec<&str> = line.split([' ', '\t', '\\']).filter(|word| !word.is_empty()).collect();
        let [number, name, family, ..] = words.as_slice() else { continue };
        let family = match *family {
            "inet" => AddressFamily::Inet,
            "inet6" => AddressFamily::Inet6,
            _ => continue,
        };
        if number.strip_suffix(':').is_none_or(|digits| digits.parse::<u32>().is_err()) {
            continue;
        }
        any = true;
        let name = name.split('@').next().unwrap_or(name);
        found.extend(address(&words[2..], family).filter(|_| name != "lo").map(|one| (name.to_owned(), one)));
    }
    if !any {
        return;
    }
    for (name, _) in &found {
        if !out.nics.iter().any(|nic| nic.name == *name) {
            out.nics.push(Nic { name: name.clone(), ..Nic::default() });
        }
    }
    for nic in &mut out.nics {
        if nic.addresses.as_ref().is_none_or(Vec::is_empty) {
            let own = found.iter().filter(|(name, _)| *name == nic.name).map(|(_, one)| one.clone());
            nic.addresses = Some(own.collect());
        }
    }
    out.finish();
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
    fn links_and_addresses_of_a_bundle_make_one_picture() {
        let whole = include_str!("../../../fixtures/linux/ip-addr.bond.txt");
        let links: String = whole
            .lines()
            .filter(|line| {
                !line.trim_start().starts_with("inet") && !line.trim_start().starts_with("valid_lft")
            })
            .map(|line| format!("{line}\n"))
            .collect();
        let mut name = "";
        let mut oneline = String::from("1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever\n");
        for (at, line) in whole.lines().enumerate() {
            if line.starts_with(' ') {
                if line.trim_start().starts_with("inet") {
                    oneline += &format!("{at}: {name}    {}\\       valid_lft forever\n", line.trim());
                }
            } else {
                name = line.split(": ").nth(1).unwrap().split('@').next().unwrap();
            }
        }
        let mut found = parse_link(&links);
        assert!(found.nics.iter().all(|nic| nic.addresses.is_none()));
        add_oneline(&mut found, &oneline);
        assert_eq!(found, parse(whole));
        let mut alone = Interfaces::default();
        add_oneline(&mut alone, "nonsense\n");
        assert_eq!(alone, Interfaces::default());
        add_oneline(
            &mut alone,
            "2: eth0    inet 10.0.0.1/24 brd 10.0.0.255 scope global dynamic eth0\\  valid_lft 1sec\n",
        );
        assert_eq!(alone.nics[0].addresses.as_ref().unwrap()[0].dynamic, Some(true));
        assert_eq!(alone.nics[0].mtu, None);
    }

    #[test]
    fn text_that_is_no_listing_is_no_fact() {
        assert_eq!(parse("Usage: ip [ OPTIONS ] OBJECT\n    link/ether x\n   inet\n"), Interfaces::default());
    }
}
