//! Operating system, hardware, processors, memory and firmware.

use super::building::{Building, Pairs, Reading};
use super::shape::{self, PROCESSOR, VERSION};
use super::value;
use crate::facts::{Bytes, OsFamily};
use regex::Regex;
use std::sync::LazyLock;

/// List Operating System Information: one table of names and values for each node.
pub(super) fn operating_system(building: &mut Building<'_>, reading: Reading<'_>) {
    static FOLDER: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"^([A-Za-z]:)\\\S+$"));
    static PAGE_FILE: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"- (\d+(?:[.,]\d+)? ?[KMGT]?B)"));
    for part in building.by_node(reading.section) {
        let Some((table, at)) =
            part.tables().find_map(|table| Some((table, shape::operating_system(table)?)))
        else {
            continue;
        };
        let pairs = Pairs::of(table);
        let os = &mut building.nodes[part.node].os;
        let version = pairs.at(at).map(str::to_owned);
        let build =
            version.as_deref().and_then(|text| VERSION.captures(text)).map(|found| found[1].to_owned());
        // The name stands before the version, the service pack after the build, in every language.
        let caption = at.checked_sub(1).and_then(|before| pairs.at(before));
        let pack = (at + 1..at + 4)
            .find(|below| pairs.at(*below) == build.as_deref())
            .and_then(|row| pairs.at(row + 1));
        os.service_pack = pack.and_then(|text| text.parse().ok()).filter(|pack| (0..10).contains(pack));
        os.system_drive =
            pairs.values().find_map(|text| FOLDER.captures(text)).map(|found| found[1].to_uppercase());
        named(os, caption, version);
        let files: Option<Vec<u64>> = pairs
            .values()
            .find(|text| PAGE_FILE.is_match(text) && text.contains(":\\"))
            .map(|text| PAGE_FILE.captures_iter(text).filter_map(|found| value::size(&found[1])).collect());
        building.nodes[part.node].memory.swap_bytes =
            files.map(|files| Bytes(files.into_iter().fold(0, u64::saturating_add)));
        building.came(part.node, "os", reading.section);
        building.came(part.node, "memory.swap_bytes", reading.section);
    }
}

/// Validate Operating System Version: node, name, version, manufacturer.
pub(super) fn version(building: &mut Building<'_>, reading: Reading<'_>) {
    for (node, cells) in building.rows_of_nodes(reading.section) {
        if let [caption, version, ..] = cells.as_slice()
            && VERSION.is_match(version)
            && building.nodes[node].os.version.is_none()
        {
            named(&mut building.nodes[node].os, Some(caption), Some((*version).to_owned()));
            building.came(node, "os", reading.section);
        }
    }
}

/// What follows from the name and the version of a Windows.
fn named(os: &mut crate::facts::Os, caption: Option<&str>, version: Option<String>) {
    os.family = Some(OsFamily::Windows);
    os.id = Some("windows".to_owned());
    os.name = caption.map(str::to_owned);
    os.release = release(caption.unwrap_or_default(), version.as_deref().unwrap_or_default());
    os.edition = caption.and_then(edition).map(str::to_owned);
    os.version = version;
}

/// The release of a Windows Server, by its name, else by its build (Microsoft Learn, Windows Server release information).
fn release(caption: &str, version: &str) -> Option<String> {
    static YEAR: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"\b(20\d\d)( R2)?\b"));
    let build = version.rsplit('.').next().unwrap_or_default();
    if caption.contains("Azure Stack HCI") || caption.contains("Azure Local") {
        let half = match build {
            "17784" => "20H2",
            "20348" => "21H2",
            "20349" => "22H2",
            "25398" => "23H2",
            "26100" => "24H2",
            _ => return None,
        };
        return Some(half.to_owned());
    }
    if let Some(found) = YEAR.captures(caption) {
        return Some(format!("{}{}", &found[1], found.get(2).map_or("", |second| second.as_str())));
    }
    let release = match build {
        "6001" | "6002" | "6003" => "2008",
        "7600" | "7601" => "2008 R2",
        "9200" => "2012",
        "9600" => "2012 R2",
        "14393" => "2016",
        "17763" => "2019",
        "20348" => "2022",
        "26100" => "2025",
        _ => return None,
    };
    Some(release.to_owned())
}

/// The edition, which names of Windows Server say alike in every language.
fn edition(caption: &str) -> Option<&'static str> {
    [
        ("Azure Stack HCI", "azure-stack-hci"),
        ("Azure Local", "azure-stack-hci"),
        ("Hyper-V Server", "hyper-v"),
        ("Datacenter: Azure Edition", "datacenter-azure"),
        ("Datacenter Azure Edition", "datacenter-azure"),
        ("Datacenter", "datacenter"),
        ("Enterprise", "enterprise"),
        ("Standard", "standard"),
        ("Essentials", "essentials"),
        ("Foundation", "foundation"),
        ("Web", "web"),
    ]
    .into_iter()
    .find(|(word, _)| caption.contains(word))
    .map(|(_, edition)| edition)
}

/// Validate Operating System Installation Option: node and option, in words.
pub(super) fn install_type(building: &mut Building<'_>, reading: Reading<'_>) {
    for (node, cells) in building.rows_of_nodes(reading.section) {
        let Some(text) = cells.first().map(|text| text.to_ascii_lowercase()) else { continue };
        let word = if text.contains("nano") {
            "nano"
        } else if text.contains("core") {
            "core"
        } else if ["full", "desktop", "gui", "graphical"].iter().any(|word| text.contains(word)) {
            "full"
        } else {
            continue;
        };
        building.nodes[node].os.install_type = Some(word.to_owned());
        building.came(node, "os.install_type", reading.section);
    }
}

/// Validate System Drive Variable: node and drive.
pub(super) fn system_drive(building: &mut Building<'_>, reading: Reading<'_>) {
    for (node, cells) in building.rows_of_nodes(reading.section) {
        let drive = cells.first().map(|text| text.trim().to_uppercase());
        if let Some(drive) = drive.filter(|text| text.len() == 2 && text.ends_with(':')) {
            building.nodes[node].os.system_drive = Some(drive);
            building.came(node, "os.system_drive", reading.section);
        }
    }
}

/// Validate Memory Dump Settings: sentences of each node, of which one quotes the setting.
pub(super) fn memory_dump(building: &mut Building<'_>, reading: Reading<'_>) {
    static SETTING: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"dump setting is '([^']+)'"));
    for part in building.by_node(reading.section) {
        let found = part.messages().find_map(|(_, text)| SETTING.captures(text));
        let Some(text) = found.map(|found| found[1].to_ascii_lowercase()) else { continue };
        let words = [
            ("automatic", "automatic"),
            ("active", "active"),
            ("kernel", "kernel"),
            ("complete", "complete"),
            ("full", "complete"),
            ("small", "small"),
            ("mini", "small"),
            ("none", "none"),
        ];
        if let Some((_, word)) = words.iter().find(|(word, _)| text.contains(word)) {
            building.nodes[part.node].os.memory_dump = Some((*word).to_owned());
            building.came(part.node, "os.memory_dump", reading.section);
        }
    }
}

/// List System Information: one table of names and values for each node, with a row for each processor.
pub(super) fn system(building: &mut Building<'_>, reading: Reading<'_>) {
    for part in building.by_node(reading.section) {
        let Some(pairs) = part.tables().next().map(Pairs::of) else { continue };
        let processors: Vec<&str> = pairs.values().filter(|text| PROCESSOR.is_match(text)).collect();
        // Where the names are not known, the order is that of English only if the fifth value is the node's domain.
        let english = pairs.named("System Manufacturer").is_some();
        let suffix = pairs.at(4).map(|domain| format!(".{}", domain.to_lowercase()));
        let full = part_name(building, reading, part.node);
        let ordered =
            suffix.is_some_and(|suffix| full.is_some_and(|name| name.to_lowercase().ends_with(&suffix)));
        let told = |name: &str, position: usize| {
            let value = if english {
                pairs.named(name)
            } else if ordered {
                pairs.at(position)
            } else {
                None
            };
            value.map(str::to_owned)
        };
        let (manufacturer, model) = (told("System Manufacturer", 1), told("System Model", 2));
        let (domain, timezone) = (told("Domain", 4), told("Time Zone", 5));
        let node = &mut building.nodes[part.node];
        let (virtual_machine, hypervisor) = hypervisor(manufacturer.as_deref(), model.as_deref());
        node.hardware.virtual_machine = virtual_machine;
        node.hardware.hypervisor = hypervisor;
        node.hardware.manufacturer = manufacturer;
        node.hardware.model = model;
        node.time.timezone = timezone;
        if let Some(first) = processors.first() {
            processor(node, first);
            node.cpu.sockets = i64::try_from(processors.len()).ok();
        }
        if domain.is_some() && node.domain.name.is_none() {
            node.domain.name = domain.map(|name| name.to_lowercase());
            building.came(part.node, "domain.name", reading.section);
        }
        for group in ["hardware", "cpu", "os.architecture", "time.timezone"] {
            building.came(part.node, group, reading.section);
        }
    }
}

/// The name of a node as the headings of a section write it.
fn part_name(building: &Building<'_>, reading: Reading<'_>, node: usize) -> Option<String> {
    reading.section.blocks.iter().find_map(|block| match block {
        super::page::Block::Node(name) if building.node(name) == Some(node) => Some(name.clone()),
        _ => None,
    })
}

/// Whether a machine of this make is virtual. A make that is not known to be virtual is taken for real only where it
/// makes real machines.
fn hypervisor(manufacturer: Option<&str>, model: Option<&str>) -> (Option<bool>, Option<String>) {
    let (Some(manufacturer), Some(model)) = (manufacturer, model) else { return (None, None) };
    let word = match (manufacturer, model) {
        ("Microsoft Corporation", "Virtual Machine") => "microsoft",
        ("VMware, Inc.", _) => "vmware",
        ("QEMU" | "Red Hat" | "oVirt" | "Nutanix", _) | (_, "KVM") => "kvm",
        ("Xen" | "Citrix", _) => "xen",
        ("innotek GmbH", _) => "oracle",
        ("Amazon EC2", model) if !model.contains("metal") => "amazon",
        ("Google", "Google Compute Engine") => "google",
        _ => return (Some(false), Some(String::new())),
    };
    (Some(true), Some(word.to_owned()))
}

/// `GenuineIntel Intel64 Family 6 Model 158 Stepping 10 at 2.53 GHz`.
fn processor(node: &mut crate::facts::Node, text: &str) {
    let Some(found) = PROCESSOR.captures(text) else { return };
    node.cpu.family = found[1].parse().ok();
    node.cpu.model_number = found[2].parse().ok();
    node.cpu.stepping = found[3].parse().ok();
    let before = &text[..found.get(0).map_or(0, |all| all.start())];
    let mut words = before.split_whitespace().rev();
    let kind = words.next().unwrap_or_default();
    node.cpu.vendor = words.next().map(str::to_owned).or_else(|| vendor_of(kind).map(str::to_owned));
    node.os.architecture = match kind {
        "Intel64" | "AMD64" | "EM64T" => Some("x86_64"),
        "x86" => Some("i686"),
        "ia64" | "IA64" => Some("ia64"),
        kind if kind.starts_with("ARM") || before.contains("ARMv8") => Some("aarch64"),
        _ => None,
    }
    .map(str::to_owned);
}

fn vendor_of(kind: &str) -> Option<&'static str> {
    match kind {
        "Intel64" | "EM64T" => Some("GenuineIntel"),
        "AMD64" => Some("AuthenticAMD"),
        _ => None,
    }
}

/// Validate Matching Processor Manufacturers: node, manufacturer, version.
pub(super) fn processors(building: &mut Building<'_>, reading: Reading<'_>) {
    for (node, cells) in building.rows_of_nodes(reading.section) {
        if let [vendor, version, ..] = cells.as_slice()
            && building.nodes[node].cpu.vendor.is_none()
            && PROCESSOR.is_match(version)
        {
            processor(&mut building.nodes[node], version);
            building.nodes[node].cpu.vendor = value::known(vendor).map(str::to_owned);
            building.came(node, "cpu", reading.section);
            building.came(node, "os.architecture", reading.section);
        }
    }
}

/// List Memory Information: one table of names and sizes for each node; the first is what there is of memory.
pub(super) fn memory(building: &mut Building<'_>, reading: Reading<'_>) {
    for part in building.by_node(reading.section) {
        let Some(pairs) = part.tables().next().map(Pairs::of) else { continue };
        let all_sizes = pairs.values().all(|text| value::size(text).is_some());
        let total = pairs.named("Total Physical Memory").or_else(|| pairs.at(0).filter(|_| all_sizes));
        if let Some(bytes) = total.and_then(value::size) {
            building.nodes[part.node].memory.total_bytes = Some(Bytes(bytes));
            building.came(part.node, "memory", reading.section);
        }
    }
}

/// List BIOS Information: one table of names and values for each node.
pub(super) fn bios(building: &mut Building<'_>, reading: Reading<'_>) {
    for part in building.by_node(reading.section) {
        let Some(pairs) = part.tables().next().map(Pairs::of) else { continue };
        let english = pairs.named("Manufacturer").is_some();
        // By position only where the shape holds: the third value says yes or no, the fifth and sixth are numbers.
        let number = |at: usize| pairs.at(at).is_some_and(|text| text.parse::<u16>().is_ok());
        let ordered =
            pairs.len() >= 7 && pairs.at(2).and_then(value::truth).is_some() && number(4) && number(5);
        let told = |name: &str, position: usize| {
            let value = if english { pairs.named(name) } else { pairs.at(position).filter(|_| ordered) };
            value.map(str::to_owned)
        };
        let firmware = &mut building.nodes[part.node].firmware;
        firmware.vendor = told("Manufacturer", 1);
        firmware.version = told("SMBios Version", 3);
        firmware.date = if english { pairs.named("Release Date").map(str::to_owned) } else { None };
        if firmware.version.is_some() {
            building.came(part.node, "firmware", reading.section);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_and_editions_follow_from_names() {
        let of = |caption: &str, version: &str| (release(caption, version), edition(caption));
        let some = |release: &str, edition| (Some(release.to_owned()), Some(edition));
        assert_eq!(
            of("Microsoft Windows Server 2008 R2 Enterprise", "6.1.7601"),
            some("2008 R2", "enterprise")
        );
        assert_eq!(
            of("Microsoft Windows Server 2022 Datacenter: Azure Edition", "10.0.20348"),
            some("2022", "datacenter-azure")
        );
        assert_eq!(of("Microsoft Hyper-V Server 2016", "10.0.14393"), some("2016", "hyper-v"));
        assert_eq!(of("Microsoft Azure Stack HCI", "10.0.17784"), some("20H2", "azure-stack-hci"));
        assert_eq!(of("Microsoft Windows Server Standard", "10.0.17763"), some("2019", "standard"));
        assert_eq!(of("Microsoft Windows 11 Pro", "10.0.22631"), (None, None));
    }

    #[test]
    fn processors_are_told() {
        let mut node = crate::facts::Node::default();
        processor(&mut node, "AuthenticAMD AMD64 Family 25 Model 1 Stepping 1 at 2.45 GHz");
        assert_eq!(node.cpu.vendor.as_deref(), Some("AuthenticAMD"));
        assert_eq!((node.cpu.family, node.cpu.model_number, node.cpu.stepping), (Some(25), Some(1), Some(1)));
        assert_eq!(node.os.architecture.as_deref(), Some("x86_64"));
    }
}
