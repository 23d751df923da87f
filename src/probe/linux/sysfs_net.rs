//! What the kernel says of network interfaces in files: `/sys/class/net` (any account).

use super::text::{attributes, base_name, links, unique_by_key};
use crate::facts::{BitsPerSecond, Nic, NicKind};
use std::collections::HashMap;

/// Adds to interfaces what sysfs says: `values` are `PATH:LINE` of the files, `symbolic` is `ls -ldn` of the links.
/// Interfaces that `ip` did not name are added, without addresses.
pub fn add(nics: &mut Vec<Nic>, values: &str, symbolic: &str) {
    let mut devices: HashMap<&str, Vec<(&str, &str)>> = HashMap::new();
    let mut order = Vec::new();
    for attribute in attributes(values, "/sys/class/net/") {
        let known = devices.entry(attribute.device).or_insert_with(|| {
            order.push(attribute.device);
            Vec::new()
        });
        known.push((attribute.name, attribute.value));
    }
    let symbolic: HashMap<&str, &str> = links(symbolic).collect();
    if nics.is_empty() {
        nics.extend(order.iter().map(|name| Nic { name: (*name).to_owned(), ..Nic::default() }));
        // ARPHRD_LOOPBACK
        nics.retain(|nic| !devices[nic.name.as_str()].contains(&("type", "772")));
        unique_by_key(nics, |nic| &nic.name);
    }
    for nic in nics {
        let attributes = devices.get(nic.name.as_str()).map(Vec::as_slice).unwrap_or_default();
        complete(nic, attributes, &symbolic);
    }
}

fn complete(nic: &mut Nic, attributes: &[(&str, &str)], symbolic: &HashMap<&str, &str>) {
    let get = |name: &str| attributes.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let base = format!("/sys/class/net/{}", nic.name);
    let target = |below: &str| symbolic.get(format!("{base}{below}").as_str()).copied();
    let place = target("");
    let on_bus = place.map(|path| !path.contains("/virtual/"));

    nic.mac = nic.mac.take().or_else(|| get("address").map(str::to_ascii_lowercase));
    nic.mtu = nic.mtu.or_else(|| get("mtu")?.parse().ok());
    let flags = get("flags").and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    nic.admin_up = nic.admin_up.or_else(|| flags.map(|flags| flags & 1 != 0));
    // An interface that is switched off has no readable carrier.
    nic.link_up = nic.link_up.or_else(|| match (get("carrier"), nic.admin_up) {
        (Some(carrier), _) => Some(carrier == "1"),
        (None, Some(false)) => Some(false),
        (None, _) => None,
    });
    nic.speed_bps = get("speed")
        .and_then(|speed| speed.parse::<u64>().ok())
        .filter(|speed| *speed > 0 && *speed < u64::from(u32::MAX))
        .and_then(|speed| speed.checked_mul(1_000_000))
        .map(BitsPerSecond);
    nic.duplex = get("duplex").filter(|word| matches!(*word, "full" | "half")).map(str::to_owned);
    nic.kind = nic.kind.or_else(|| kind(get, attributes, on_bus));
    nic.master = nic
        .master
        .take()
        .or_else(|| place.map(|_| target("/master").map(base_name).unwrap_or_default().to_owned()));
    let driver = target("/device/driver").map(base_name);
    let driver = driver.or_else(|| {
        let of_device = |(key, value): &(&str, _)| (*key == "device/uevent").then_some(*value);
        attributes.iter().filter_map(of_device).find_map(|line: &str| line.strip_prefix("DRIVER="))
    });
    nic.driver = driver.map(str::to_owned).or(nic.driver.take());
    nic.driver_version = get("device/driver/module/version").map(str::to_owned).or(nic.driver_version.take());
    nic.permanent_mac = nic.permanent_mac.take().or_else(|| match get("addr_assign_type") {
        // NET_ADDR_PERM: what it uses is what is burnt in. NET_ADDR_RANDOM and NET_ADDR_STOLEN: it has none.
        Some("0") if on_bus == Some(true) => nic.mac.clone(),
        Some("0" | "1" | "2") => Some(String::new()),
        _ => None,
    });
    match on_bus {
        Some(true) => {
            nic.model = nic.model.take().or_else(|| {
                let id = |name| get(name).map(|id| id.trim_start_matches("0x"));
                Some(format!("{}:{}", id("device/vendor")?, id("device/device")?))
            });
            nic.bus = place.and_then(bus);
        }
        Some(false) => {
            // What is made of software alone has no card, no place and nothing burnt in.
            for field in
                [&mut nic.model, &mut nic.bus, &mut nic.driver, &mut nic.driver_version, &mut nic.firmware]
            {
                field.get_or_insert_default();
            }
        }
        None => {}
    }
    nic.vlan = nic.vlan.or_else(|| nic.kind.filter(|kind| *kind != NicKind::Vlan).map(|_| 0));
}

fn kind<'a>(
    get: impl Fn(&str) -> Option<&'a str>,
    attributes: &[(&str, &str)],
    on_bus: Option<bool>,
) -> Option<NicKind> {
    let kind = attributes
        .iter()
        .find_map(|(key, value)| value.strip_prefix("DEVTYPE=").filter(|_| *key == "uevent"));
    match kind {
        Some("bond") => return Some(NicKind::Bond),
        Some("bridge") => return Some(NicKind::Bridge),
        Some("vlan") => return Some(NicKind::Vlan),
        _ => {}
    }
    if get("bonding/mode").is_some() {
        Some(NicKind::Bond)
    } else if get("bridge/bridge_id").is_some() {
        Some(NicKind::Bridge)
    } else if get("tun_flags").is_some() {
        Some(NicKind::Virtual)
    } else {
        on_bus.map(|on_bus| if on_bus { NicKind::Physical } else { NicKind::Virtual })
    }
}

/// The place on the bus out of the path of a device: the last PCI address, else the name of the device that carries it.
fn bus(path: &str) -> Option<String> {
    let above = path.split("/net/").next()?;
    let pci = above.split('/').rev().find(|part| is_pci_address(part));
    Some(pci.unwrap_or_else(|| base_name(above)).to_owned())
}

/// Whether a text is a PCI address: `0000:3b:00.0`.
pub(super) fn is_pci_address(text: &str) -> bool {
    let hexadecimal =
        |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split([':', '.']).collect();
    matches!(parts.as_slice(), [domain, bus, device, function]
        if domain.len() >= 4 && hexadecimal(domain, domain.len()) && hexadecimal(bus, 2) && hexadecimal(device, 2) && hexadecimal(function, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str = include_str!("../../../fixtures/linux/sysfs-net.server");
    const LINKS: &str = include_str!("../../../fixtures/linux/links.server");

    #[test]
    fn cards_are_completed() {
        let mut nics = vec![Nic { name: "ens1f0".into(), admin_up: Some(true), ..Nic::default() }];
        add(&mut nics, VALUES, LINKS);
        let nic = &nics[0];
        assert_eq!(nic.kind, Some(NicKind::Physical));
        assert_eq!(nic.speed_bps, Some(BitsPerSecond(10_000_000_000)));
        assert_eq!(nic.driver.as_deref(), Some("ice"));
        assert_eq!(nic.model.as_deref(), Some("8086:159b"));
        assert_eq!(nic.bus.as_deref(), Some("0000:3b:00.0"));
        assert_eq!(nic.permanent_mac.as_deref(), Some("3c:fd:fe:0a:00:10"));
        assert_eq!(nic.master.as_deref(), Some("bond0"));
        assert_eq!(nics.len(), 1);
    }

    #[test]
    fn without_ip_the_interfaces_come_from_here() {
        let mut nics = Vec::new();
        add(&mut nics, VALUES, LINKS);
        let names: Vec<_> = nics.iter().map(|nic| (nic.name.as_str(), nic.kind)).collect();
        assert_eq!(
            names,
            [
                ("bond0", Some(NicKind::Bond)),
                ("ens1f0", Some(NicKind::Physical)),
                ("ens2f0", Some(NicKind::Physical))
            ]
        );
        assert!(nics.iter().all(|nic| nic.addresses.is_none()), "sysfs does not tell addresses");
        assert_eq!(nics[2].speed_bps, None, "no speed without link");
        assert_eq!(nics[2].permanent_mac, None, "a member shows the bond's address");
        assert_eq!((nics[0].bus.as_deref(), nics[0].permanent_mac.as_deref()), (Some(""), Some("")));
    }

    #[test]
    fn a_virtual_machines_device_keeps_its_slot() {
        let mut nics = vec![Nic { name: "eth0".into(), ..Nic::default() }];
        add(
            &mut nics,
            "/sys/class/net/eth0/device/uevent:DRIVER=virtio_net\n/sys/class/net/eth0/speed:-1\n",
            "lrwxrwxrwx 1 0 0 0 Nov 21 01:38 /sys/class/net/eth0 -> ../../devices/pci0000:00/0000:00:03.0/virtio2/net/eth0\n",
        );
        assert_eq!(
            (nics[0].bus.as_deref(), nics[0].driver.as_deref()),
            (Some("0000:00:03.0"), Some("virtio_net"))
        );
        assert_eq!(nics[0].speed_bps, None);
    }

    #[test]
    fn addresses_on_the_bus_are_told() {
        assert!(is_pci_address("0000:3b:00.0") && is_pci_address("10000:e1:00.0"));
        assert!(!is_pci_address("pci0000:3a") && !is_pci_address("virtio2"));
    }
}
