//! Reports of Microsoft's cluster validation to facts: the HTML that the wizard and `Test-Cluster` write.
//!
//! Read are reports of Windows Server 2008 R2 to 2025, as `.htm` in UTF-8 or UTF-16 and as web archive. Nothing needs
//! rights or a network. Words are known in English; names of tests also in German as far as Microsoft's help has
//! them. A report in another language is read by the shape of its tables and by values that no language changes; what
//! needs words is a gap then, as is everything that a report does not hold. Whatever else a page holds is not looked at.

mod building;
mod decode;
mod network;
mod page;
mod roles;
mod shape;
mod software;
mod storage;
mod system;
mod tests_of;
mod value;

#[cfg(test)]
mod tests;

use crate::facts::{Document, GapReason, HbaKind, Platform, Run, Validation, ValidationResult};
use building::{Building, Reading};
use page::Page;
use shape::Known;
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

/// Largest report that is read. Reports of 64 nodes with all tests take about 20 MB.
pub const MAX_REPORT_BYTES: u64 = 64 * 1024 * 1024;

/// Most nodes that a report is believed to name; a cluster has 64 at most.
const MOST_NODES: usize = 256;

/// What is wrong with a report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The file could not be read.
    #[error("{file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is larger than [`MAX_REPORT_BYTES`].
    #[error("{file}: larger than {} MiB; this is no validation report", MAX_REPORT_BYTES / (1024 * 1024))]
    TooLarge {
        /// The file.
        file: String,
    },
    /// A web archive without HTML.
    #[error("{file}: a web archive that holds no page")]
    Archive {
        /// The file.
        file: String,
    },
    /// The data file that Windows writes beside the report.
    #[error("{file}: this is the data of a validation, not its report")]
    Data {
        /// The file.
        file: String,
    },
    /// HTML of another kind.
    #[error("{file}: this is HTML, but no report of Microsoft's cluster validation")]
    Other {
        /// The file.
        file: String,
    },
    /// A report that ends before anything of use.
    #[error("{file}: a validation report that ends before it names a node")]
    Truncated {
        /// The file.
        file: String,
    },
}

impl ReportError {
    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            ReportError::Io { .. } => "name a file that can be read",
            ReportError::Truncated { .. } => {
                "copy the report again; it is in C:\\Windows\\Cluster\\Reports on the node that ran it"
            }
            _ => {
                "give the .htm or .mht that Test-Cluster or the wizard wrote, from C:\\Windows\\Cluster\\Reports"
            }
        }
    }
}

/// Whether a file is to be read as a report: its content is HTML, or a web archive, or the data beside a report. What
/// kind of HTML it is, [`read`] tells. A file that cannot be read is none.
pub fn is_report(path: &Path) -> bool {
    let mut head = Vec::new();
    let Ok(file) = std::fs::File::open(path) else { return false };
    path.is_file()
        && file.take(decode::HEAD_BYTES as u64).read_to_end(&mut head).is_ok()
        && decode::is_markup(&head)
}

/// As [`is_report`], of what was read already.
pub fn is_report_text(text: &[u8]) -> bool {
    decode::is_markup(&text[..text.len().min(decode::HEAD_BYTES)])
}

/// Reads a report from a file.
///
/// # Errors
/// [`ReportError`] when the file is no report of which anything can be read.
pub fn read(path: &Path) -> Result<Document, ReportError> {
    let name = path.display().to_string();
    let io = |source| ReportError::Io { file: name.clone(), source };
    let file = std::fs::File::open(path).map_err(io)?;
    let mut bytes = Vec::new();
    file.take(MAX_REPORT_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > MAX_REPORT_BYTES {
        return Err(ReportError::TooLarge { file: name });
    }
    parse(&bytes, &name)
}

/// Reads a report; `file` is what errors and provenance call it.
///
/// # Errors
/// [`ReportError`] when the bytes are no report of which anything can be read.
pub fn parse(bytes: &[u8], file: &str) -> Result<Document, ReportError> {
    let html = decode::html(bytes, file)?;
    let start = html.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    if start.starts_with("<Report") || start.starts_with("<?xml") && html.contains("<Channel") {
        return Err(ReportError::Data { file: file.to_owned() });
    }
    let page = Page::read(&html);
    drop(html);
    if !tests_of::is_report(&page) {
        return Err(ReportError::Other { file: file.to_owned() });
    }
    let names = tests_of::node_names(&page);
    if names.is_empty() || names.len() > MOST_NODES {
        return Err(if page.whole && !names.is_empty() {
            ReportError::Other { file: file.to_owned() }
        } else {
            ReportError::Truncated { file: file.to_owned() }
        });
    }
    Ok(document(&page, file, names))
}

/// The facts of a page.
fn document(page: &Page, file: &str, names: Vec<String>) -> Document {
    let mut building = Building::new(page, file, names);
    let readings: Vec<Reading<'_>> = page
        .sections
        .iter()
        .filter(|section| section.results().next().is_none())
        .map(|section| Reading { section, known: Known::of(section) })
        .collect();
    let mut by_test: HashMap<&str, Reading<'_>> = HashMap::new();
    for reading in &readings {
        if let Some(test) = reading.known.test() {
            by_test.entry(test.id.as_str()).or_insert(*reading);
        }
    }
    let with = |building: &mut Building<'_>, id: &str, read: fn(&mut Building<'_>, Reading<'_>)| {
        if let Some(reading) = by_test.get(id) {
            read(building, *reading);
        }
    };
    // What lists a thing comes before what only tests it.
    for (id, read) in READERS {
        with(&mut building, id, *read);
    }
    let adapters = |id: &str, kind| (by_test.get(id).copied(), kind);
    storage::adapters(
        &mut building,
        [
            adapters("list-fibre-channel-host-bus-adapters", HbaKind::FibreChannel),
            adapters("list-iscsi-host-bus-adapters", HbaKind::Iscsi),
            adapters("list-sas-host-bus-adapters", HbaKind::Sas),
        ],
    );
    network::networks_of_subnets(&mut building);
    let validation = tests_of::validation(&mut building, &readings);
    say_missing(&mut building, &by_test);
    let started = validation.started.as_deref().and_then(|text| value::time(text, page.language.as_deref()));
    let mut document = Document::empty();
    document.run = Run {
        tool: Some(concat!("quorate ", env!("CARGO_PKG_VERSION")).to_owned()),
        // Local time, since the report names no zone; the day is what counts.
        started: started.map(|time| format!("{time}Z")),
        complete: Some(page.whole),
        ..Run::default()
    };
    document.cluster.platform = Some(Platform::Wsfc);
    document.cluster.release = common_release(&building);
    document.cluster.wsfc.validation = overall(&validation, page.whole).map(str::to_owned);
    document.cluster.validation = validation;
    let Building { nodes, networks, gaps, sources, .. } = building;
    document.nodes = nodes;
    for node in &mut document.nodes {
        node.reached = Some(node.os.family.is_some() || node.nics.is_some() || node.disks.is_some());
    }
    document.networks = networks;
    document.gaps = gaps;
    document.sources = sources;
    document
}

/// What a validation came to, in the words of [`Wsfc::validation`](crate::facts::Wsfc). One that is not whole, or of
/// which a result is not known, did not pass.
fn overall(validation: &Validation, whole: bool) -> Option<&'static str> {
    let results: Vec<Option<ValidationResult>> =
        validation.tests.iter().flatten().map(|test| test.result).collect();
    let any = |wanted: &[ValidationResult]| results.iter().flatten().any(|result| wanted.contains(result));
    if any(&[ValidationResult::Failed, ValidationResult::Canceled]) {
        Some("failed")
    } else if !whole || results.is_empty() || results.contains(&None) {
        None
    } else if any(&[ValidationResult::Warning]) {
        Some("warnings")
    } else {
        Some("passed")
    }
}

/// A reader of the sections of one test.
type Reader = fn(&mut Building<'_>, Reading<'_>);

/// Who reads the sections of which test.
const READERS: &[(&str, Reader)] = &[
    ("list-operating-system-information", system::operating_system),
    ("validate-operating-system-version", system::version),
    ("validate-operating-system-installation-option", system::install_type),
    ("validate-system-drive-variable", system::system_drive),
    ("validate-memory-dump-settings", system::memory_dump),
    ("validate-active-directory-configuration", roles::directory),
    ("list-system-information", system::system),
    ("validate-matching-processor-manufacturers", system::processors),
    ("list-memory-information", system::memory),
    ("list-bios-information", system::bios),
    ("list-services-information", software::services),
    ("validate-required-services", software::required),
    ("list-software-updates", software::updates),
    ("list-system-drivers", software::drivers),
    ("list-unsigned-drivers", software::unsigned),
    ("validate-ip-configuration", network::addresses),
    ("list-network-metric-order", network::speeds),
    ("validate-cluster-network-configuration", network::networks),
    ("validate-windows-firewall-configuration", network::firewall),
    ("list-disks", storage::disks),
    ("list-all-disks-for-storage-spaces-direct", storage::disks),
    ("list-information-about-servers-running-hyper-v", roles::hyper_v),
    ("validate-hyper-v-role-installed", roles::hyper_v),
    ("validate-compatibility-of-virtual-fibre-channel-sans-for-hyper-v", |building, reading| {
        roles::pools(building, reading, &[|hyper_v| &mut hyper_v.fibre_channel_sans]);
    }),
    ("validate-hyper-v-memory-resource-pool-compatibility", |building, reading| {
        roles::pools(building, reading, &[|hyper_v| &mut hyper_v.memory_pools]);
    }),
    ("validate-hyper-v-network-resource-pool-and-virtual-switch-compatibility", roles::switches),
    ("validate-hyper-v-processor-resource-pool-compatibility", |building, reading| {
        roles::pools(building, reading, &[|hyper_v| &mut hyper_v.processor_pools]);
    }),
    ("validate-hyper-v-storage-resource-pool-compatibility", |building, reading| {
        roles::pools(building, reading, &[|hyper_v| &mut hyper_v.storage_pools]);
    }),
    ("validate-storage-spaces-direct-support", roles::spaces_direct),
];

/// The release that most nodes run; the first of them where several are equal.
fn common_release(building: &Building<'_>) -> Option<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for release in building.nodes.iter().filter_map(|node| node.os.release.as_deref()) {
        match counts.iter_mut().find(|(known, _)| *known == release) {
            Some((_, count)) => *count += 1,
            None => counts.push((release, 1)),
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max()?;
    counts.iter().find(|(_, count)| *count == most).map(|(release, _)| (*release).to_owned())
}

/// Which section a group of a node's facts would come from.
const GROUPS: &[(&str, &str)] = &[
    ("os", "list-operating-system-information"),
    ("os.install_type", "validate-operating-system-installation-option"),
    ("os.system_drive", "validate-system-drive-variable"),
    ("os.memory_dump", "validate-memory-dump-settings"),
    ("os.architecture", "list-system-information"),
    ("hardware", "list-system-information"),
    ("cpu", "list-system-information"),
    ("time.timezone", "list-system-information"),
    ("memory", "list-memory-information"),
    ("firmware", "list-bios-information"),
    ("services", "list-services-information"),
    ("updates", "list-software-updates"),
    ("drivers", "list-system-drivers"),
    ("nics", "validate-ip-configuration"),
    ("resolver.servers", "validate-ip-configuration"),
    ("resolver.search", "validate-ip-configuration"),
    ("firewall", "validate-windows-firewall-configuration"),
    ("disks", "list-disks"),
    ("hbas", "list-fibre-channel-host-bus-adapters"),
    ("domain", "validate-active-directory-configuration"),
    ("hypervisor", "list-information-about-servers-running-hyper-v"),
    ("hypervisor.switches", "validate-hyper-v-network-resource-pool-and-virtual-switch-compatibility"),
    ("hyper_v", "validate-hyper-v-memory-resource-pool-compatibility"),
    ("spaces_direct", "validate-storage-spaces-direct-support"),
];

/// The test whose section of a report a fact comes from, by the path of the fact without keys: `nodes.os.release`; none
/// where no section holds it.
pub fn test_for_fact(fact: &str) -> Option<&'static str> {
    let below = fact.strip_prefix("nodes.")?;
    let within =
        |group: &str| below.strip_prefix(group).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    GROUPS
        .iter()
        .filter(|(group, _)| within(group))
        .max_by_key(|(group, _)| group.len())
        .map(|(_, test)| *test)
}

/// Says of every fact that is not known why it is not.
fn say_missing(building: &mut Building<'_>, by_test: &HashMap<&str, Reading<'_>>) {
    let language = building.page.language.clone().unwrap_or_else(|| "none that it names".to_owned());
    for node in 0..building.nodes.len() {
        let root = format!("nodes[{}]", building.nodes[node].name);
        building.lacks(root, "the report does not hold it".to_owned());
        for (group, test) in GROUPS {
            let path = building.path(node, group);
            if building.sources.iter().any(|source| source.path == path) {
                continue;
            }
            let title = crate::validation::test_of_id(test).map_or(*test, |test| test.title.as_str());
            let detail = match by_test.get(test) {
                Some(reading) => format!(
                    "the report's section \"{}\" says nothing of it in a form that is known (language: {language})",
                    reading.section.title
                ),
                None if building.page.whole => {
                    format!(
                        "the report has no section \"{title}\" that is known: the test was not run, or has another name in its language ({language})"
                    )
                }
                None => format!("the report is cut off, and has no section \"{title}\" before that"),
            };
            building.lacks(path, detail);
        }
        if let Some(version) = building.nodes[node].os.version.clone() {
            let path = building.path(node, "os.build");
            building.lacks(
                path,
                format!("the report holds the version, {version}, and not the revision of the updates"),
            );
        }
        let unclear: Vec<(String, bool)> = building.nodes[node]
            .nics
            .iter()
            .flatten()
            .filter(|nic| nic.kind.is_none())
            .map(|nic| (nic.name.clone(), nic.name.starts_with("vEthernet")))
            .collect();
        for (name, switched) in unclear {
            let path = building.path(node, &format!("nics[{name}].kind"));
            let detail = if switched {
                "it hangs on a virtual switch, and the report does not hold what lies under that".to_owned()
            } else {
                format!("whether it is a team is said in words that are not known (language: {language})")
            };
            building.lacks(path, detail);
        }
    }
    for (path, detail) in [
        (
            "witness",
            "the report does not hold the quorum in a form that is known; its own result of the quorum test is kept",
        ),
        ("cluster.name", "the report does not hold it"),
        ("cluster.edition", "the report does not hold it"),
        ("intent", "a report cannot tell what the cluster is meant to survive; a plan can"),
    ] {
        building.gaps.push(crate::facts::Gap {
            path: path.to_owned(),
            reason: Some(GapReason::NotCollected),
            detail: Some(detail.to_owned()),
        });
    }
}
