//! Driver and firmware of a network card: `ethtool -i NAME`, `ethtool -P NAME`; in support bundles also `ethtool NAME` for
//! its link (any account).

use super::text::filled;
use crate::facts::{BitsPerSecond, Nic, NicKind};

/// Adds what `ethtool -i` says to an interface.
pub fn add_driver_info(nic: &mut Nic, text: &str) {
    for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let value = match value.trim() {
            "N/A" => "",
            other => other,
        };
        match key.trim() {
            "driver" => nic.driver = filled(value).or(nic.driver.take()),
            "version" => nic.driver_version = Some(value.to_owned()),
            "firmware-version" => nic.firmware = Some(value.to_owned()),
            // What has a place on the bus is a card; the place is in the way of PCI for those.
            "bus-info" if is_place(value) => {
                nic.bus.get_or_insert_with(|| value.to_owned());
                nic.kind.get_or_insert(NicKind::Physical);
            }
            _ => {}
        }
    }
}

/// `0000:3b:00.0`.
fn is_place(text: &str) -> bool {
    let hexadecimal =
        |part: &str, digits: usize| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split([':', '.']).collect();
    matches!(parts.as_slice(), [domain, bus, slot, function]
        if hexadecimal(domain, 4) && hexadecimal(bus, 2) && hexadecimal(slot, 2) && hexadecimal(function, 1))
}

/// Adds what `ethtool NAME` says of the link, where it is not known.
pub fn add_link(nic: &mut Nic, text: &str) {
    for (key, value) in text.lines().filter_map(|line| line.trim().split_once(": ")) {
        match (key, value.trim()) {
            ("Speed", speed) => {
                let megabits = speed.strip_suffix("Mb/s").and_then(|number| number.parse::<u64>().ok());
                let bits = megabits.filter(|number| *number < 10_000_000).map(|number| number * 1_000_000);
                nic.speed_bps = nic.speed_bps.or(bits.map(BitsPerSecond));
            }
            ("Duplex", word @ ("Full" | "Half")) => {
                nic.duplex.get_or_insert_with(|| word.to_ascii_lowercase());
            }
            ("Link detected", word @ ("yes" | "no")) => nic.link_up = nic.link_up.or(Some(word == "yes")),
            _ => {}
        }
    }
}

/// The address burnt into the card, by `ethtool -P`; empty where the card says that it has none.
pub fn permanent_address(text: &str) -> Option<String> {
    let (_, address) = text.trim().split_once(": ")?;
    let address = address.trim().to_ascii_lowercase();
    if address == "not set" || address.bytes().all(|byte| matches!(byte, b'0' | b':')) {
        return Some(String::new());
    }
    (address.contains(':') && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':'))
        .then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn driver_and_firmware_are_read() {
        let mut nic = Nic::default();
        add_driver_info(
            &mut nic,
            "driver: ice\nversion: 6.1.0-25-amd64\nfirmware-version: 4.40 0x8001c7d4 1.3534.0\nexpansion-rom-version: \nbus-info: 0000:3b:00.0\nsupports-statistics: yes\n",
        );
        assert_eq!(nic.driver.as_deref(), Some("ice"));
        assert_eq!(nic.firmware.as_deref(), Some("4.40 0x8001c7d4 1.3534.0"));
        assert_eq!((nic.bus.as_deref(), nic.kind), (Some("0000:3b:00.0"), Some(NicKind::Physical)));
        let mut bond = Nic::default();
        add_driver_info(&mut bond, "driver: bonding\nbus-info: \n");
        assert_eq!((bond.bus, bond.kind), (None, None));
        let mut nic = Nic { driver: Some("virtio_net".into()), ..Nic::default() };
        add_driver_info(&mut nic, include_str!("../../../fixtures/linux/ethtool-i.virtio"));
        assert_eq!((nic.driver_version.as_deref(), nic.firmware.as_deref()), (Some("1.0.0"), Some("")));
    }

    #[test]
    fn the_link_is_read_where_it_is_not_known() {
        let text = "Settings for ens1f0:\n\tSupported link modes:   1000baseT/Full\n\tSpeed: 25000Mb/s\n\tDuplex: Full\n\tLink detected: yes\n";
        let mut nic = Nic { link_up: Some(false), ..Nic::default() };
        add_link(&mut nic, text);
        assert_eq!(
            (nic.speed_bps, nic.duplex.as_deref()),
            (Some(BitsPerSecond(25_000_000_000)), Some("full"))
        );
        assert_eq!(nic.link_up, Some(false));
        let mut down = Nic::default();
        add_link(&mut down, "\tSpeed: Unknown!\n\tDuplex: Unknown! (255)\n\tLink detected: no\n");
        assert_eq!((down.speed_bps, down.duplex, down.link_up), (None, None, Some(false)));
    }

    #[test]
    fn permanent_addresses_are_addresses() {
        assert_eq!(
            permanent_address("Permanent address: 3C:FD:FE:0A:00:10\n").as_deref(),
            Some("3c:fd:fe:0a:00:10")
        );
        assert_eq!(permanent_address("Permanent address: 00:00:00:00:00:00\n").as_deref(), Some(""));
        assert_eq!(permanent_address("netlink error: Operation not supported\n"), None);
    }
}
