//! Driver and firmware of a network card: `ethtool -i NAME`, `ethtool -P NAME` (any account).

use super::text::filled;
use crate::facts::Nic;

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
        let mut nic = Nic { driver: Some("virtio_net".into()), ..Nic::default() };
        add_driver_info(&mut nic, include_str!("../../../fixtures/linux/ethtool-i.virtio"));
        assert_eq!((nic.driver_version.as_deref(), nic.firmware.as_deref()), (Some("1.0.0"), Some("")));
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
