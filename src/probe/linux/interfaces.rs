//! Network interfaces, bonds and teams as the kernel has them: `ip -j -d addr` (any account).

use super::text::unique_by_key;
use crate::facts::{Address, AddressFamily, Bond, BondMember, Millis, Nic, NicKind};
use serde_json::Value;

/// What `ip` says of interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// All interfaces but loopback.
    pub nics: Vec<Nic>,
    /// Bonds and teams; the state of a team's members is not known to the kernel.
    pub bonds: Vec<Bond>,
}

/// Reads the JSON of `ip -j -d addr`, or of `ip -j -d link`, which lacks addresses.
///
/// # Errors
/// What is wrong with the JSON.
pub fn parse(json: &str) -> Result<Interfaces, serde_json::Error> {
    let links: Vec<Value> = serde_json::from_str(json)?;
    let mut out = Interfaces::default();
    for link in &links {
        let Some(name) = link["ifname"].as_str() else { continue };
        if link["link_type"].as_str() == Some("loopback") {
            continue;
        }
        out.nics.push(nic(name, link));
        let info = &link["linkinfo"];
        if matches!(info["info_kind"].as_str(), Some("bond" | "team")) {
            out.bonds.push(bond(name, &info["info_data"]));
        }
    }
    for link in &links {
        let (Some(name), Some(master)) = (link["ifname"].as_str(), link["master"].as_str()) else { continue };
        if let Some(bond) = out.bonds.iter_mut().find(|bond| bond.name == master) {
            let member = member(name, &link["linkinfo"]["info_slave_data"]);
            bond.members.get_or_insert_default().push(member);
        }
    }
    out.finish();
    Ok(out)
}

impl Interfaces {
    /// Makes keys unique and gives bonds without members an empty list of them.
    pub(super) fn finish(&mut self) {
        unique_by_key(&mut self.nics, |nic| &nic.name);
        unique_by_key(&mut self.bonds, |bond| &bond.name);
        for nic in &mut self.nics {
            if let Some(addresses) = &mut nic.addresses {
                unique_by_key(addresses, |address| &address.address);
            }
        }
        for bond in &mut self.bonds {
            unique_by_key(bond.members.get_or_insert_default(), |member| &member.name);
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn nic(name: &str, link: &Value) -> Nic {
    let flags: Vec<&str> = link["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let info_kind = link["linkinfo"]["info_kind"].as_str();
    let kind = kind_of(info_kind, link["parentdev"].is_string());
    let addresses = link["addr_info"].as_array().map(|all| all.iter().filter_map(address).collect());
    Nic {
        name: name.to_owned(),
        kind,
        mac: link["address"].as_str().map(str::to_ascii_lowercase),
        permanent_mac: link["permaddr"].as_str().map(str::to_ascii_lowercase),
        mtu: link["mtu"].as_i64(),
        admin_up: (!link["flags"].is_null()).then(|| flags.contains(&"UP")),
        link_up: (!link["flags"].is_null()).then(|| flags.contains(&"UP") && flags.contains(&"LOWER_UP")),
        driver: info_kind.filter(|_| kind != Some(NicKind::Physical)).map(str::to_owned),
        master: Some(text(&link["master"]).unwrap_or_default()),
        parent: Some(text(&link["link"]).filter(|_| sits_on_another(info_kind)).unwrap_or_default()),
        vlan: Some(match info_kind {
            Some("vlan") => link["linkinfo"]["info_data"]["id"].as_i64().unwrap_or(0),
            _ => 0,
        }),
        addresses,
        ..Nic::default()
    }
}

/// The kind of an interface by the word of `ip`; missing where there is none and it is not known to be on a bus.
pub(super) fn kind_of(info_kind: Option<&str>, on_bus: bool) -> Option<NicKind> {
    match info_kind {
        Some("bond") => Some(NicKind::Bond),
        Some("team") => Some(NicKind::Team),
        Some("bridge" | "openvswitch") => Some(NicKind::Bridge),
        Some("vlan") => Some(NicKind::Vlan),
        Some(_) => Some(NicKind::Virtual),
        None => on_bus.then_some(NicKind::Physical),
    }
}

/// Whether `link` names what the interface sits on; that of a veth names its other end.
pub(super) fn sits_on_another(info_kind: Option<&str>) -> bool {
    matches!(info_kind, Some("vlan" | "macvlan" | "macvtap" | "ipvlan" | "ipvtap"))
}

fn address(info: &Value) -> Option<Address> {
    let family = match info["family"].as_str()? {
        "inet" => AddressFamily::Inet,
        "inet6" => AddressFamily::Inet6,
        _ => return None,
    };
    Some(Address {
        address: text(&info["local"])?,
        family: Some(family),
        prefix: info["prefixlen"].as_i64(),
        dynamic: Some(info["dynamic"].as_bool().unwrap_or(false)),
        scope: text(&info["scope"]),
    })
}

fn bond(name: &str, data: &Value) -> Bond {
    Bond {
        name: name.to_owned(),
        mode: text(&data["mode"]),
        members: None,
        active: text(&data["active_slave"]),
        miimon_ms: data["miimon"].as_i64().map(Millis),
        ..Bond::default()
    }
}

fn member(name: &str, data: &Value) -> BondMember {
    BondMember {
        name: name.to_owned(),
        link_up: data["mii_status"].as_str().map(|state| state.eq_ignore_ascii_case("up")),
        failures: data["link_failure_count"].as_i64(),
        aggregator: data["ad_aggregator_id"].as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kind_of_machine_is_read() {
        let found = parse(include_str!("../../../fixtures/linux/ip-addr.kvm.json")).unwrap();
        let names: Vec<_> = found.nics.iter().map(|nic| nic.name.as_str()).collect();
        assert_eq!(names, ["ifb0", "ifb1", "eth0"], "without loopback");
        let eth0 = &found.nics[2];
        assert_eq!(eth0.kind, Some(NicKind::Physical));
        assert_eq!((eth0.mtu, eth0.admin_up, eth0.link_up), (Some(1400), Some(true), Some(true)));
        let addresses = eth0.addresses.as_ref().unwrap();
        assert_eq!((addresses[0].address.as_str(), addresses[0].prefix), ("192.0.2.2", Some(24)));
        assert_eq!(addresses[0].dynamic, Some(false));
        assert_eq!(found.nics[0].kind, Some(NicKind::Virtual));
        assert_eq!(found.nics[0].link_up, Some(false));
    }

    #[test]
    fn bonds_and_vlans_are_read() {
        let found = parse(include_str!("../../../fixtures/linux/ip-addr.bond.json")).unwrap();
        let nic = |name: &str| found.nics.iter().find(|nic| nic.name == name).unwrap();
        assert_eq!(nic("bond0").kind, Some(NicKind::Bond));
        assert_eq!(nic("bond0.20").kind, Some(NicKind::Vlan));
        assert_eq!((nic("bond0.20").vlan, nic("bond0.20").parent.as_deref()), (Some(20), Some("bond0")));
        assert_eq!(nic("ens1f0").master.as_deref(), Some("bond0"));
        assert_eq!(nic("ens2f0").permanent_mac.as_deref(), Some("3c:fd:fe:0a:00:11"));
        assert_eq!(nic("veth1").parent.as_deref(), Some(""), "the other end of a veth is no parent");
        assert_eq!(nic("bond0.20").addresses.as_ref().unwrap()[0].dynamic, Some(true));
        let bond = &found.bonds[0];
        assert_eq!((bond.mode.as_deref(), bond.active.as_deref()), (Some("active-backup"), Some("ens1f0")));
        assert_eq!(bond.miimon_ms, Some(Millis(100)));
        let members: Vec<_> =
            bond.members.iter().flatten().map(|m| (m.name.as_str(), m.link_up, m.failures)).collect();
        assert_eq!(members, [("ens1f0", Some(true), Some(0)), ("ens2f0", Some(false), Some(3))]);
    }

    #[test]
    fn broken_or_odd_json_is_no_fact() {
        assert!(parse("[{\"ifname\":\"eth0\"").is_err());
        assert!(parse("Option \"-j\" is unknown, try \"ip -help\".").is_err());
        let odd = parse(r#"[{},{"ifname":"eth0","mtu":"big","flags":null},{"ifname":"eth0"},{"ifname":""}]"#)
            .unwrap();
        assert_eq!(odd.nics.len(), 1, "names are unique and not empty");
        assert_eq!((odd.nics[0].mtu, odd.nics[0].admin_up, &odd.nics[0].addresses), (None, None, &None));
    }

    #[test]
    fn the_public_sample_is_read() {
        let Some(text) = crate::probe::linux::sample("generated-here/ip-d-j-addr.json") else { return };
        let found = parse(&text).unwrap();
        assert!(found.nics.iter().any(|nic| nic.kind == Some(NicKind::Bridge)));
        assert!(found.nics.iter().any(|nic| nic.mtu == Some(9000)));
        assert!(found.nics.iter().any(|nic| nic.addresses.as_ref().is_some_and(|all| all.len() > 2)));
    }
}
