//! Host bus adapters and drivers: `/sys/class/fc_host`, `scsi_host`, `sas_host`, `iscsi_host`, `/sys/module/*/version` (any
//! account).

use super::text::{attributes, filled, links};
use crate::facts::{BitsPerSecond, Driver, Hba, HbaKind, Nic};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Drivers of SAS adapters and of RAID controllers with SAS behind them.
const SAS_DRIVERS: [&str; 12] = [
    "mpt3sas",
    "mpt2sas",
    "megaraid_sas",
    "smartpqi",
    "hpsa",
    "aacraid",
    "pm80xx",
    "pm8001",
    "mvsas",
    "isci",
    "hisi_sas",
    "esas2r",
];

/// Drivers of iSCSI in software.
const SOFTWARE_ISCSI: [&str; 2] = ["iscsi_tcp", "ib_iser"];

/// The driver of each SCSI host by its name: `host3`.
pub fn drivers_of_hosts(values: &str) -> HashMap<String, String> {
    attributes(values, "/sys/class/scsi_host/")
        .filter(|attribute| {
            attribute.name == "proc_name" && !matches!(attribute.value, "" | "<NULL>" | "(null)")
        })
        .map(|attribute| (attribute.device.to_owned(), attribute.value.to_owned()))
        .collect()
}

/// Versions that loaded modules state, by module.
pub fn module_versions(values: &str) -> HashMap<&str, &str> {
    attributes(values, "/sys/module/").map(|attribute| (attribute.device, attribute.value)).collect()
}

/// Reads the adapters. Controllers of disks inside the machine (AHCI, virtio) are none.
pub fn hbas(values: &str, modules: &HashMap<&str, &str>) -> Vec<Hba> {
    let drivers = drivers_of_hosts(values);
    let mut hosts: BTreeMap<String, Hba> = BTreeMap::new();
    let mut host = |name: &str, kind: HbaKind| {
        let hba = hosts.entry(name.to_owned()).or_default();
        name.clone_into(&mut hba.name);
        hba.kind.get_or_insert(kind);
    };
    for attribute in attributes(values, "/sys/class/fc_host/") {
        host(attribute.device, HbaKind::FibreChannel);
    }
    for attribute in attributes(values, "/sys/class/sas_host/") {
        host(attribute.device, HbaKind::Sas);
    }
    for (name, driver) in &drivers {
        if SAS_DRIVERS.contains(&driver.as_str()) {
            host(name, HbaKind::Sas);
        }
    }
    for attribute in attributes(values, "/sys/class/iscsi_host/") {
        let driver = drivers.get(attribute.device).map(String::as_str);
        if driver.is_some_and(|driver| !SOFTWARE_ISCSI.contains(&driver)) {
            host(attribute.device, HbaKind::Iscsi);
        }
    }
    for root in ["/sys/class/scsi_host/", "/sys/class/fc_host/", "/sys/class/iscsi_host/"] {
        for attribute in attributes(values, root) {
            let Some(hba) = hosts.get_mut(attribute.device) else { continue };
            let value = filled(attribute.value).filter(|value| value != "<NULL>" && value != "(null)");
            match attribute.name {
                "model_name" | "modelname" | "board_name" | "symbolic_name" => {
                    hba.model = hba.model.take().or(value);
                }
                "fw_version" | "fwrev" | "version_fw" | "firmware_revision" | "firmware_version" => {
                    // lpfc puts the command set behind a comma.
                    hba.firmware = hba.firmware.take().or(value.map(|text| before(&text, ',')));
                }
                "driver_version" | "lpfc_drvr_version" => {
                    hba.driver_version = hba.driver_version.take().or(value);
                }
                "port_name" | "host_sas_address" | "hwaddress" => hba.port_name = value,
                "port_state" => hba.state = value,
                "speed" => hba.speed_bps = value.and_then(|text| gigabits(&text)),
                _ => {}
            }
        }
    }
    for (name, hba) in &mut hosts {
        hba.driver = drivers.get(name).cloned();
        let module = hba.driver.as_deref().and_then(|driver| modules.get(driver));
        hba.driver_version =
            hba.driver_version.take().or_else(|| module.map(|version| (*version).to_owned()));
    }
    hosts.into_values().collect()
}

fn before(text: &str, end: char) -> String {
    text.split(end).next().unwrap_or(text).trim().to_owned()
}

/// `16 Gbit` as the class of Fibre Channel hosts writes it; `unknown` is no speed.
fn gigabits(text: &str) -> Option<BitsPerSecond> {
    let number: u64 = text.strip_suffix("Gbit")?.trim().parse().ok()?;
    number.checked_mul(1_000_000_000).map(BitsPerSecond)
}

/// The drivers of storage and network devices with their versions. A driver that is part of the kernel has no version of
/// its own: it is empty.
pub fn drivers(
    nics: &[Nic],
    hbas: &[Hba],
    hosts: &HashMap<String, String>,
    modules: &HashMap<&str, &str>,
) -> Vec<Driver> {
    let physical = nics.iter().filter(|nic| nic.bus.as_ref().is_some_and(|bus| !bus.is_empty()));
    let names: BTreeSet<&str> = physical
        .filter_map(|nic| nic.driver.as_deref())
        .chain(hosts.values().map(String::as_str))
        .filter(|name| !name.is_empty())
        .collect();
    names
        .into_iter()
        .map(|name| {
            let of_hba = hbas
                .iter()
                .filter(|hba| hba.driver.as_deref() == Some(name))
                .find_map(|hba| hba.driver_version.clone());
            let of_nic = nics
                .iter()
                .filter(|nic| nic.driver.as_deref() == Some(name))
                .find_map(|nic| nic.driver_version.clone());
            let of_module = modules.get(name).map(|version| (*version).to_owned());
            let version = of_module.or(of_hba).or(of_nic).unwrap_or_default();
            Driver { name: name.to_owned(), version: Some(version), signed: None }
        })
        .collect()
}

/// The time zone out of the link `/etc/localtime`; `UTC` where links are listed and this one is not there. A file that is
/// no link does not tell.
pub fn timezone(symbolic: &str) -> Option<String> {
    match links(symbolic).find(|(path, _)| *path == "/etc/localtime") {
        Some((_, target)) => target.split_once("/zoneinfo/").map(|(_, zone)| zone.to_owned()),
        None => (!symbolic.trim().is_empty()).then(|| "UTC".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str = include_str!("../../../fixtures/linux/sysfs-hba.server");

    #[test]
    fn adapters_are_read() {
        let modules = module_versions(
            "/sys/module/qla2xxx/version:10.02.08.200-k\n/sys/module/mpt3sas/version:43.100.00.00\n",
        );
        let found = hbas(VALUES, &modules);
        let names: Vec<_> = found.iter().map(|hba| (hba.name.as_str(), hba.kind)).collect();
        assert_eq!(
            names,
            [
                ("host3", Some(HbaKind::FibreChannel)),
                ("host5", Some(HbaKind::Sas)),
                ("host9", Some(HbaKind::Iscsi))
            ]
        );
        let fc = &found[0];
        assert_eq!(fc.model.as_deref(), Some("QLE2692"));
        assert_eq!(fc.firmware.as_deref(), Some("9.12.01 (d0d5)"));
        assert_eq!(fc.driver_version.as_deref(), Some("10.02.08.200-k"));
        assert_eq!(
            (fc.state.as_deref(), fc.speed_bps),
            (Some("Online"), Some(BitsPerSecond(16_000_000_000)))
        );
        assert_eq!(fc.port_name.as_deref(), Some("0x21000024ff7e3c10"));
        assert_eq!(
            (found[1].driver.as_deref(), found[1].driver_version.as_deref()),
            (Some("mpt3sas"), Some("43.100.00.00"))
        );
        assert!(hbas("", &modules).is_empty());
    }

    #[test]
    fn drivers_are_gathered_once() {
        let modules = module_versions("/sys/module/ice/version:1.13.7\n");
        let nic = |driver: &str, bus: &str| Nic {
            driver: Some(driver.into()),
            bus: Some(bus.into()),
            ..Nic::default()
        };
        let nics = [nic("ice", "0000:3b:00.0"), nic("ice", "0000:3b:00.1"), nic("bond", "")];
        let found = drivers(&nics, &[], &drivers_of_hosts(VALUES), &modules);
        let names: Vec<_> =
            found.iter().map(|driver| (driver.name.as_str(), driver.version.as_deref())).collect();
        assert_eq!(
            names,
            [
                ("ahci", Some("")),
                ("ice", Some("1.13.7")),
                ("iscsi_tcp", Some("")),
                ("mpt3sas", Some("")),
                ("qedi", Some("")),
                ("qla2xxx", Some(""))
            ]
        );
    }

    #[test]
    fn time_zones_are_links() {
        assert_eq!(
            timezone(include_str!("../../../fixtures/linux/links.server")).as_deref(),
            Some("Europe/Berlin")
        );
        assert_eq!(timezone("-rw-r--r-- 1 0 0 127 Nov 21 01:38 /etc/localtime\n"), None);
        assert_eq!(
            timezone("lrwxrwxrwx 1 0 0 0 Nov 21 01:38 /sys/block/sda -> ../x\n").as_deref(),
            Some("UTC")
        );
        assert_eq!(timezone(""), None);
    }
}
