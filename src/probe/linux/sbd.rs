//! STONITH block devices: `/etc/sysconfig/sbd` or `/etc/default/sbd` (any account), `sbd -d DEVICE dump` and `list` (root).

use super::text::{assignments, sha256_of_lines, unique_by_key};
use crate::facts::{Bytes, Sbd, SbdDevice, SbdSlot, Seconds};

/// Reads the settings. What the file does not state has the default of sbd(8).
pub fn settings(text: &str) -> Sbd {
    let map = assignments(text);
    let get = |name: &str| map.get(name).map(String::as_str);
    let list = get("SBD_DEVICE").unwrap_or_default();
    // One separator at the end is no entry.
    let entries: Vec<&str> = list.trim().trim_end_matches(';').split(';').map(str::trim).collect();
    let empty = !list.trim().is_empty() && (entries.contains(&"") || list.trim().trim_end().ends_with(";;"));
    let mut devices: Vec<String> = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.is_empty()) {
        devices.push((*entry).to_owned());
    }
    let lines: Vec<String> = map.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Sbd {
        configured: Some(true),
        devices: Some(devices),
        empty_entry: Some(empty),
        pacemaker: match get("SBD_PACEMAKER") {
            None | Some("") => Some(true),
            Some(word) => super::cib::values::boolean(word),
        },
        start_mode: Some(get("SBD_STARTMODE").filter(|word| !word.is_empty()).unwrap_or("always").to_owned()),
        delay_start: Some(get("SBD_DELAY_START").filter(|word| !word.is_empty()).unwrap_or("no").to_owned()),
        watchdog_device: Some(
            get("SBD_WATCHDOG_DEV").filter(|path| !path.is_empty()).unwrap_or("/dev/watchdog").to_owned(),
        ),
        watchdog_timeout_s: match get("SBD_WATCHDOG_TIMEOUT") {
            None | Some("") => Some(Seconds(5)),
            Some(number) => number.parse().ok().map(Seconds),
        },
        timeout_action: Some(
            get("SBD_TIMEOUT_ACTION").filter(|word| !word.is_empty()).unwrap_or("flush,reboot").to_owned(),
        ),
        options: Some(get("SBD_OPTS").unwrap_or_default().to_owned()),
        config_sha256: Some(sha256_of_lines(lines.iter().map(String::as_str))),
        ..Sbd::default()
    }
}

/// Reads `sbd -d DEVICE dump` for the device at that path.
pub fn dump(path: &str, text: &str) -> SbdDevice {
    let mut device = SbdDevice { path: path.to_owned(), ..SbdDevice::default() };
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim(), value.trim());
        let seconds = || value.parse().ok().map(Seconds);
        match key {
            "UUID" => device.uuid = Some(value.to_ascii_lowercase()),
            "Header version" => device.version = Some(value.to_owned()),
            "Number of slots" => device.slots = value.parse().ok(),
            "Sector size" => device.sector_bytes = value.parse().ok().map(Bytes),
            "Timeout (watchdog)" => device.watchdog_timeout_s = seconds(),
            "Timeout (allocate)" => device.allocate_timeout_s = seconds(),
            "Timeout (loop)" => device.loop_timeout_s = seconds(),
            "Timeout (msgwait)" => device.msgwait_timeout_s = seconds(),
            _ => {}
        }
    }
    let whole = device.watchdog_timeout_s.is_some() && device.msgwait_timeout_s.is_some();
    device.readable = Some(whole && !text.contains("NOT dumped"));
    device
}

/// Reads `sbd -d DEVICE list`: `SLOT NODE MESSAGE [SENDER]`.
pub fn list(text: &str) -> Vec<SbdSlot> {
    let row = |line: &str| {
        let mut words = line.split_whitespace();
        let (slot, node, message) = (words.next()?, words.next()?, words.next());
        slot.parse::<u32>().ok()?;
        Some(SbdSlot { node: node.to_owned(), message: message.map(str::to_owned) })
    };
    let mut out: Vec<SbdSlot> = text.lines().filter_map(row).collect();
    unique_by_key(&mut out, |slot| &slot.node);
    out
}

/// Reads `TimeoutStartUSec=1min 30s` of `systemctl show`; nothing for infinite.
pub fn start_timeout(text: &str) -> Option<Seconds> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("TimeoutStartUSec="))?;
    let mut micros: i64 = 0;
    for word in value.split_whitespace() {
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (number, unit) = word.split_at(digits);
        let factor = match unit {
            "us" => 1,
            "ms" => 1000,
            "" | "s" => 1_000_000,
            "min" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            "w" => 604_800_000_000,
            _ => return None,
        };
        micros = micros.checked_add(number.parse::<i64>().ok()?.checked_mul(factor)?)?;
    }
    // 0 is how systemd writes that there is no limit, in old releases.
    (micros > 0).then_some(Seconds(micros / 1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn settings_are_read() {
        let sbd = settings(include_str!("../../../fixtures/linux/sysconfig-sbd"));
        assert_eq!(
            sbd.devices,
            Some(vec![
                "/dev/disk/by-id/scsi-1".into(),
                "/dev/disk/by-id/scsi-2".into(),
                "/dev/disk/by-id/scsi-3".into()
            ])
        );
        assert_eq!((sbd.empty_entry, sbd.pacemaker), (Some(false), Some(true)));
        assert_eq!((sbd.start_mode.as_deref(), sbd.delay_start.as_deref()), (Some("clean"), Some("no")));
        assert_eq!(
            (sbd.watchdog_device.as_deref(), sbd.watchdog_timeout_s),
            (Some("/dev/watchdog"), Some(Seconds(15)))
        );
        assert_eq!(sbd.options.as_deref(), Some("-n hv1"));
        let same = "SBD_TIMEOUT_ACTION='flush,reboot'\nSBD_PACEMAKER=yes\n\n# x\nSBD_STARTMODE=clean\nSBD_DELAY_START=\"\"\nSBD_WATCHDOG_DEV=/dev/watchdog\n\
            SBD_WATCHDOG_TIMEOUT='15'\nSBD_OPTS='-n hv1'\nSBD_DEVICE=' /dev/disk/by-id/scsi-1; /dev/disk/by-id/scsi-2;/dev/disk/by-id/scsi-3;'\n";
        assert_eq!(sbd.config_sha256, settings(same).config_sha256, "order, quotes and comments say nothing");
        assert_ne!(sbd.config_sha256, settings("SBD_STARTMODE=clean").config_sha256);
    }

    #[test]
    fn lists_of_devices_are_read_as_sbd_reads_them() {
        let of = |line: &str| {
            let sbd = settings(line);
            (sbd.devices.unwrap(), sbd.empty_entry.unwrap())
        };
        assert_eq!(
            of("SBD_DEVICE=/dev/sda1;/dev/sdb1;"),
            (vec!["/dev/sda1".into(), "/dev/sdb1".into()], false)
        );
        assert_eq!(
            of("SBD_DEVICE=\"/dev/sda1;;/dev/sdb1\""),
            (vec!["/dev/sda1".into(), "/dev/sdb1".into()], true)
        );
        assert_eq!(of("SBD_DEVICE=';/dev/sda1'"), (vec!["/dev/sda1".into()], true));
        assert_eq!(of("SBD_DEVICE="), (vec![], false));
        assert_eq!(of("#SBD_DEVICE=/dev/sda1\n"), (vec![], false));
        let misspelt = settings("SBD_PACEMAKER=ja\nSBD_WATCHDOG_TIMEOUT=long\n");
        assert_eq!((misspelt.pacemaker, misspelt.watchdog_timeout_s), (None, None));
    }

    #[test]
    fn a_header_is_read() {
        let text = "==Dumping header on disk /dev/sdb1\nHeader version     : 2.1\nUUID               : AB-cd\nNumber of slots    : 255\n\
            Sector size        : 512\nTimeout (watchdog) : 15\nTimeout (allocate) : 2\nTimeout (loop)     : 1\nTimeout (msgwait)  : 30\n==Header on disk /dev/sdb1 is dumped\n";
        let device = dump("/dev/sdb1", text);
        assert_eq!(
            (device.readable, device.uuid.as_deref(), device.slots),
            (Some(true), Some("ab-cd"), Some(255))
        );
        assert_eq!(
            (device.watchdog_timeout_s, device.msgwait_timeout_s),
            (Some(Seconds(15)), Some(Seconds(30)))
        );
        let broken = "==Dumping header on disk /dev/sdb1\n==Header on disk /dev/sdb1 NOT dumped\n";
        assert_eq!(dump("/dev/sdb1", broken).readable, Some(false));
        let slots = list("0\thv1\tclear\t\n1\thv2\treset\thv1\nsbd failed; please check the logs.\n");
        assert_eq!(slots.len(), 2);
        assert_eq!((slots[1].node.as_str(), slots[1].message.as_deref()), ("hv2", Some("reset")));
    }

    #[test]
    fn the_start_has_a_time() {
        assert_eq!(start_timeout("TimeoutStartUSec=1min 30s\n"), Some(Seconds(90)));
        assert_eq!(start_timeout("TimeoutStartUSec=4min 300ms"), Some(Seconds(240)));
        assert_eq!(
            (start_timeout("TimeoutStartUSec=infinity"), start_timeout("TimeoutStartUSec=0")),
            (None, None)
        );
        assert_eq!(start_timeout(""), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_can_be_read(text in "(SBD_DEVICE|SBD_OPTS|=|\"|'|;| |#|Timeout \\(watchdog\\) : |TimeoutStartUSec=|[0-9]{1,22}|min|é|\n){0,60}") {
            settings(&text);
            dump("/dev/x", &text);
            list(&text);
            start_timeout(&text);
        }
    }

    #[test]
    fn the_public_samples_are_read() {
        use crate::probe::linux::sample;
        if let Some(text) = sample("trento-agent/dev.vdb.sbddump.output") {
            assert_eq!(dump("/dev/vdb", &text).msgwait_timeout_s, Some(Seconds(120)));
        }
        if let Some(text) = sample("ha_cluster_exporter/sbd-dump.bad-timeouts.txt") {
            let device = dump("/dev/vdc", &text);
            assert_eq!(
                (device.watchdog_timeout_s, device.msgwait_timeout_s),
                (Some(Seconds(9)), Some(Seconds(10)))
            );
        }
        if let Some(text) = sample("insights-core/sysconfig_sbd.txt") {
            let sbd = settings(&text);
            assert_eq!(sbd.devices.map(|devices| devices.len()), Some(1));
            assert_eq!(sbd.options.as_deref(), Some("-n emptytest"));
        }
        if let Some(text) = sample("crmsh-hb_report/15sp1-1/sbd") {
            let sbd = settings(&text);
            assert_eq!(sbd.devices, Some(vec!["/dev/sdb1".to_owned()]));
            assert_eq!(sbd.start_mode.as_deref(), Some("always"));
        }
    }
}
