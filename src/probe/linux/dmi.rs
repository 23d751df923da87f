//! Chassis and firmware: `/sys/class/dmi/id` (serial number and UUID need root), `dmidecode -t bios -t system -t chassis` (root),
//! `/proc/device-tree/model` (any account), `systemd-detect-virt -v` (any account), `/sys/firmware/efi` (any account).

use crate::facts::{Firmware, Hardware};

/// Texts that vendors leave in DMI where a value should stand.
const PLACEHOLDERS: [&str; 12] = [
    "not specified",
    "not available",
    "not applicable",
    "none",
    "unknown",
    "default string",
    "to be filled by o.e.m.",
    "system serial number",
    "system product name",
    "system manufacturer",
    "0123456789",
    "chassis serial number",
];

/// A value of DMI; a placeholder is none.
fn value(text: &str) -> String {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if PLACEHOLDERS.contains(&lower.as_str()) { String::new() } else { text.to_owned() }
}

/// Reads `grep ''` over the files of `/sys/class/dmi/id`: lines of `NAME:VALUE`. A file that is not there or may not be
/// read is missing.
pub fn sysfs(text: &str) -> (Hardware, Firmware) {
    let (mut hardware, mut firmware) = (Hardware::default(), Firmware::default());
    for (name, text) in text.lines().filter_map(|line| line.split_once(':')) {
        match name {
            "sys_vendor" => hardware.manufacturer = Some(value(text)),
            "product_name" => hardware.model = Some(value(text)),
            "product_serial" => hardware.serial = Some(value(text)),
            "chassis_asset_tag" => hardware.asset_tag = Some(value(text)),
            "product_uuid" => hardware.uuid = Some(value(&text.to_ascii_lowercase())),
            "bios_vendor" => firmware.vendor = Some(value(text)),
            "bios_version" => firmware.version = Some(value(text)),
            "bios_date" => firmware.date = Some(value(text)),
            _ => {}
        }
    }
    (hardware, firmware)
}

/// Reads `dmidecode`: the first System Information and the first BIOS Information.
pub fn dmidecode(text: &str) -> (Hardware, Firmware) {
    let (mut hardware, mut firmware) = (Hardware::default(), Firmware::default());
    let mut part = "";
    for line in text.lines() {
        if !line.starts_with([' ', '\t']) {
            part = line.trim();
            continue;
        }
        let Some((name, text)) = line.trim().split_once(':') else { continue };
        let field = match (part, name) {
            ("System Information", "Manufacturer") => &mut hardware.manufacturer,
            ("System Information", "Product Name") => &mut hardware.model,
            ("System Information", "Serial Number") => &mut hardware.serial,
            ("System Information", "UUID") => &mut hardware.uuid,
            ("Chassis Information", "Asset Tag") => &mut hardware.asset_tag,
            ("BIOS Information", "Vendor") => &mut firmware.vendor,
            ("BIOS Information", "Version") => &mut firmware.version,
            ("BIOS Information", "Release Date") => &mut firmware.date,
            _ => continue,
        };
        if field.is_none() {
            *field = Some(if name == "UUID" { value(&text.to_ascii_lowercase()) } else { value(text) });
        }
    }
    (hardware, firmware)
}

/// Reads `/proc/device-tree/model` of machines without DMI.
pub fn device_tree(text: &str) -> Hardware {
    let model = text.trim_matches(['\0', '\u{fffd}', '\n', ' ']);
    Hardware { model: (!model.is_empty()).then(|| model.to_owned()), ..Hardware::default() }
}

/// Whether it is a virtual machine and of which hypervisor, out of what is known: the word of `systemd-detect-virt -v`,
/// the hypervisor's vendor by `lscpu`, manufacturer and model by DMI, and whether the processor has the flag
/// `hypervisor`. Missing where none of them tells.
pub fn virtualization(
    detected: Option<&str>,
    lscpu_vendor: Option<&str>,
    hardware: &Hardware,
    flag: Option<bool>,
) -> (Option<bool>, Option<String>) {
    let detected = detected.map(str::trim).filter(|word| !word.is_empty());
    match detected {
        Some("none") => return (Some(false), Some(String::new())),
        Some(word) => return (Some(true), Some(word.to_owned())),
        None => {}
    }
    let of_vendor = |vendor: &str| {
        let vendor = vendor.to_ascii_lowercase();
        [
            ("kvm", "kvm"),
            ("microsoft", "microsoft"),
            ("vmware", "vmware"),
            ("xen", "xen"),
            ("oracle", "oracle"),
            ("bochs", "bochs"),
            ("parallels", "parallels"),
            ("bhyve", "bhyve"),
            ("powervm", "powervm"),
            ("pr/sm", "zvm"),
            ("ibm", "zvm"),
            ("acrn", "acrn"),
        ]
        .into_iter()
        .find(|(part, _)| vendor.contains(part))
        .map(|(_, word)| word.to_owned())
    };
    if let Some(vendor) = lscpu_vendor {
        return (Some(true), of_vendor(vendor).or_else(|| Some(vendor.to_ascii_lowercase())));
    }
    let maker = hardware.manufacturer.as_deref().unwrap_or_default();
    let model = hardware.model.as_deref().unwrap_or_default();
    let by_dmi = match (maker, model) {
        ("QEMU", _) | (_, "KVM") => Some("kvm"),
        ("VMware, Inc.", _) => Some("vmware"),
        ("Microsoft Corporation", "Virtual Machine") => Some("microsoft"),
        ("Xen", _) => Some("xen"),
        ("innotek GmbH", _) => Some("oracle"),
        ("Amazon EC2", model) if !model.contains("metal") => Some("amazon"),
        ("Google", "Google Compute Engine") => Some("google"),
        _ => None,
    };
    match (by_dmi, flag) {
        (Some(word), _) => (Some(true), Some(word.to_owned())),
        (None, Some(true)) => (Some(true), None),
        // Without the flag and with a maker of real machines in DMI, it is one.
        (None, Some(false)) if !maker.is_empty() => (Some(false), Some(String::new())),
        _ => (None, None),
    }
}

/// Reads the section `boot`: `uefi` or `bios`, then the bytes of the variable `SecureBoot` (four of attributes, one of
/// value) in hexadecimal digits.
pub fn boot(text: &str) -> Firmware {
    let mut lines = text.lines();
    let uefi = match lines.next().map(str::trim) {
        Some("uefi") => true,
        Some("bios") => false,
        _ => return Firmware::default(),
    };
    let value = lines.next().and_then(|bytes| bytes.split_whitespace().nth(4));
    let secure_boot = match (uefi, value) {
        (false, _) | (true, Some("00")) => Some(false),
        (true, Some("01")) => Some(true),
        (true, _) => None,
    };
    Firmware { uefi: Some(uefi), secure_boot, ..Firmware::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sysfs_is_read_as_far_as_it_may_be() {
        let text = "sys_vendor:Dell Inc.\nproduct_name:PowerEdge R650\nproduct_uuid:4C4C4544-0034-5310-8051-B4C04F4A4E32\nbios_vendor:Dell Inc.\nbios_version:1.9.2\nbios_date:11/17/2022\n";
        let (hardware, firmware) = sysfs(text);
        assert_eq!(hardware.manufacturer.as_deref(), Some("Dell Inc."));
        assert_eq!(hardware.serial, None, "the file needs root");
        assert_eq!(hardware.uuid.as_deref(), Some("4c4c4544-0034-5310-8051-b4c04f4a4e32"));
        assert_eq!(firmware.version.as_deref(), Some("1.9.2"));
    }

    #[test]
    fn dmidecode_says_the_same() {
        let (hardware, firmware) = dmidecode(include_str!("../../../fixtures/linux/dmidecode.server"));
        assert_eq!(hardware.manufacturer.as_deref(), Some("Lenovo"));
        assert_eq!(hardware.serial.as_deref(), Some(""), "a placeholder is no serial number");
        assert_eq!(firmware.date.as_deref(), Some("03/02/2024"));
        assert_eq!(dmidecode("# dmidecode 3.4\n/dev/mem: Permission denied\n").0, Hardware::default());
    }

    #[test]
    fn a_virtual_machine_is_recognised_by_whatever_tells() {
        let none = Hardware::default();
        assert_eq!(virtualization(Some("none\n"), None, &none, None), (Some(false), Some(String::new())));
        assert_eq!(virtualization(Some("vmware\n"), None, &none, None), (Some(true), Some("vmware".into())));
        assert_eq!(virtualization(None, Some("KVM"), &none, None), (Some(true), Some("kvm".into())));
        let hyperv = Hardware {
            manufacturer: Some("Microsoft Corporation".into()),
            model: Some("Virtual Machine".into()),
            ..Hardware::default()
        };
        assert_eq!(virtualization(None, None, &hyperv, Some(true)), (Some(true), Some("microsoft".into())));
        assert_eq!(virtualization(None, None, &none, Some(true)), (Some(true), None));
        assert_eq!(virtualization(None, None, &none, None), (None, None));
        assert_eq!(
            virtualization(None, None, &none, Some(false)),
            (None, None),
            "no flag alone proves nothing"
        );
    }

    #[test]
    fn secure_boot_is_the_fifth_byte() {
        assert_eq!(boot("uefi\n 06 00 00 00 01\n").secure_boot, Some(true));
        assert_eq!(boot("uefi\n 06 00 00 00 00\n").secure_boot, Some(false));
        assert_eq!(boot("uefi\n").secure_boot, None);
        assert_eq!(
            boot("bios\n"),
            Firmware { uefi: Some(false), secure_boot: Some(false), ..Firmware::default() }
        );
    }

    #[test]
    fn the_public_sample_is_read() {
        let Some(text) =
            crate::probe::linux::sample("hotsos-openstack-sosreport/sos_commands/hardware/dmidecode")
        else {
            return;
        };
        let (hardware, firmware) = dmidecode(&text);
        assert_eq!(hardware.manufacturer.as_deref(), Some("QEMU"));
        assert!(hardware.uuid.is_some() && firmware.vendor.is_some());
    }
}
