//! The cluster stack of one node out of its answer: Corosync, Pacemaker, SBD, watchdogs; and what the node says of the
//! cluster as a whole.

use super::{
    cfgtool, cib, cmap, corosync, crm_mon, crm_verify, kernel_modules, key_file, quorumtool, sbd, text,
    watchdogs,
};
use crate::facts::{Corosync, GapReason, NamedValue, Node, PacemakerNode, Sbd, SbdDevice, Startup};
use crate::probe::answer::{Answer, Section, Status};
use crate::probe::collectors;

pub use cib::{Cib, CibVersion};
pub use crm_mon::Status as ClusterStatus;

/// Why something is not known.
pub type Missing = (GapReason, String);

/// What one node says of the cluster as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterReading {
    /// Its copy of the cluster information base (CIB).
    pub cib: Result<Cib, Missing>,
    /// What was asked for it, as a person would.
    pub cib_item: &'static str,
    /// The status as it sees it.
    pub status: Result<ClusterStatus, Missing>,
    /// What was asked for that.
    pub status_item: &'static str,
}

impl Default for ClusterReading {
    fn default() -> Self {
        let nothing =
            || (GapReason::NotCollected, "nothing on this host was asked that could tell".to_owned());
        ClusterReading { cib: Err(nothing()), cib_item: "", status: Err(nothing()), status_item: "" }
    }
}

/// What is seen of Pacemaker from outside.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Whether it is installed.
    pub installed: Option<bool>,
    /// Whether it runs.
    pub runs: Option<bool>,
}

/// Reads the cluster stack into the node, of which packages and services are known already.
pub(super) fn read(
    answer: &Answer,
    pacemaker: Seen,
    node: &mut Node,
    unread: &mut Vec<(String, String)>,
) -> ClusterReading {
    let mut reader = Reader { answer, unread, privileged: node.privileged };
    let of_cluster = reader.of_cluster();
    node.corosync = reader.corosync(node);
    node.pacemaker = reader.pacemaker(node, pacemaker, &of_cluster);
    node.modules = kernel_modules::parse(
        answer.text("modules-boot").as_deref(),
        answer.text("modules-blacklist").as_deref(),
        answer.text("modules-loaded").as_deref(),
    );
    node.sbd = reader.sbd(node);
    node.watchdogs = match answer.section("watchdogs") {
        // There is none.
        Some(section) if section.status == Status::Absent => Some(Vec::new()),
        _ => answer.any_text("watchdogs").map(|values| {
            let symbolic = answer.any_text("watchdog-links").unwrap_or_default();
            let users = answer.text("watchdog-users");
            watchdogs::parse(&values, &symbolic, users.as_deref(), node.modules.loaded.as_deref())
        }),
    };
    of_cluster
}

struct Reader<'a> {
    answer: &'a Answer,
    unread: &'a mut Vec<(String, String)>,
    privileged: Option<bool>,
}

impl Reader<'_> {
    /// A command that ends with a status of its own: its text where it said anything.
    fn said(&self, name: &str) -> Option<String> {
        let section = self.answer.section(name)?;
        let ended =
            matches!(section.status, Status::Exit(status) if !matches!(status, 124 | 126 | 127 | 137));
        (ended && !section.truncated).then(|| section.text().into_owned())
    }

    /// Notes that a section came and could not be read.
    fn cannot_read(&mut self, name: &str, what: impl Into<String>) {
        // Where the command itself says that it failed, its status tells why.
        let failed = |section: &Section| section.status != Status::Exit(0) && name != "corosync-quorumtool";
        if !self.answer.section(name).is_some_and(failed) {
            self.unread.push((name.to_owned(), what.into()));
        }
    }

    /// What the section said first, for one that could not be read.
    fn first_words(&self, name: &str) -> String {
        let words = self.answer.section(name).map(Section::first_words).unwrap_or_default();
        if words.is_empty() { "it said nothing".to_owned() } else { words }
    }

    /// Why none of these sections tells: the first that was asked and could not, else the first that does not apply.
    fn missing(&self, names: &[&str]) -> Missing {
        let mut reason: Option<Missing> = None;
        for name in names {
            let Some(section) = self.answer.section(name) else { continue };
            let command = collectors::all().find(|one| one.section == *name).map_or(*name, |one| one.command);
            let broken = self.unread.iter().find(|(known, _)| known == name);
            let found = match (broken, section.trouble(self.privileged, true)) {
                (Some((_, what)), _) => (GapReason::CommandFailed, format!("{command}: {what}")),
                (None, Some((reason, words))) => (reason, format!("{command}: {words}")),
                (None, None) => continue,
            };
            if reason.as_ref().is_none_or(|(known, _)| *known == GapReason::NotSupported) {
                reason = Some(found);
            }
        }
        reason.unwrap_or_else(|| {
            (GapReason::NotCollected, "nothing on this host was asked that could tell".to_owned())
        })
    }

    fn of_cluster(&mut self) -> ClusterReading {
        let mut cib = None;
        for (name, item, live) in
            [("cib", "cibadmin -Q -l", true), ("cib-file", "/var/lib/pacemaker/cib/cib.xml", false)]
        {
            let Some(text) = self.answer.text(name) else { continue };
            match cib::parse(&text, live) {
                Ok(read) => {
                    cib = Some((read, item));
                    break;
                }
                Err(error) => self.cannot_read(name, format!("it is no CIB that can be read: {error}")),
            }
        }
        let mut status = None;
        for (name, item) in [("crm-mon", "crm_mon -1 --output-as=xml"), ("crm-mon-old", "crm_mon -1 -X")] {
            let Some(text) = self.said(name).filter(|text| !text.trim().is_empty()) else { continue };
            match crm_mon::parse(&text) {
                Ok(read) => {
                    status = Some((read, item));
                    break;
                }
                Err(error) => self.cannot_read(name, format!("it is no status that can be read: {error}")),
            }
        }
        let (cib, cib_item) = match cib {
            Some((read, item)) => (Ok(read), item),
            None => (Err(self.missing(&["cib", "cib-file"])), ""),
        };
        let (status, status_item) = match status {
            Some((read, item)) => (Ok(read), item),
            None => (Err(self.missing(&["crm-mon", "crm-mon-old"])), ""),
        };
        ClusterReading { cib, cib_item, status, status_item }
    }

    fn corosync(&mut self, node: &Node) -> Corosync {
        let mut facts = if self.answer.is_absent("corosync") {
            Corosync { present: Some(false), ..Corosync::default() }
        } else {
            let version = version_of(node, "corosync");
            let text = self.answer.text("corosync");
            text.map(|text| corosync::parse(&text, version.as_deref())).unwrap_or_default()
        };
        let text = self.answer.text("corosync");
        if text.as_deref().is_none_or(corosync::uses_usual_key)
            && let Some(key) = self.key("corosync-authkey")
        {
            facts.authkey_sha256 = key.sha256;
            facts.authkey_bytes = key.bytes;
            facts.authkey_mode = key.mode;
            facts.authkey_owner = key.owner;
        }
        if let Some(text) = self.said("corosync-cmap") {
            match cmap::parse(&text) {
                Some(runtime) => facts.runtime = runtime,
                None => self.cannot_read("corosync-cmap", self.first_words("corosync-cmap")),
            }
        }
        let name = |id: i64| {
            let known = facts.nodelist.iter().flatten().find(|member| member.nodeid == Some(id))?;
            known.name.clone().filter(|name| !name.is_empty())
        };
        if let Some(text) = self.said("corosync-cfgtool") {
            let links = cfgtool::parse(&text, self.answer.text("corosync-cfgtool-nodes").as_deref(), name);
            if links.is_empty() {
                self.cannot_read("corosync-cfgtool", self.first_words("corosync-cfgtool"));
            } else {
                facts.link_states = Some(links);
            }
        }
        if let Some(text) = self.said("corosync-quorumtool") {
            match quorumtool::parse(&text) {
                Some((quorum, vote)) => (facts.quorum, facts.qdevice_votes_cast) = (quorum, vote),
                None => self.cannot_read("corosync-quorumtool", self.first_words("corosync-quorumtool")),
            }
        }
        facts.qdevice_state = if facts.qdevice_model.as_deref() == Some("") {
            Some(String::new())
        } else {
            let text = self.said("corosync-qdevice-tool");
            let state = text.as_deref().and_then(quorumtool::device_state);
            if text.is_some() && state.is_none() {
                self.cannot_read("corosync-qdevice-tool", self.first_words("corosync-qdevice-tool"));
            }
            state
        };
        facts.settings = self.settings("corosync-settings");
        // A log that does not go to the journal cannot be counted there.
        if text.as_deref().is_some_and(corosync::logs_to_system) {
            facts.retransmit_lines = self.lines("retransmit");
            facts.token_warning_lines = self.lines("token");
        }
        facts
    }

    /// How often a word stands in the journal of the last day: lines `COUNT WORD`.
    fn lines(&self, word: &str) -> Option<i64> {
        let text = self.answer.text("cluster-log")?;
        // To an account without rights it shows a part only.
        if self.answer.section("cluster-log")?.errors.contains("not seeing messages") {
            return None;
        }
        let count = text.lines().find_map(|line| {
            let (count, known) = line.trim().split_once(' ')?;
            (known.trim() == word).then(|| count.parse().ok())?
        });
        Some(count.unwrap_or(0))
    }

    /// The settings of a daemon; a file that is not there leaves all at their defaults.
    fn settings(&self, name: &str) -> Option<Vec<NamedValue>> {
        if self.answer.is_absent(name) {
            return Some(Vec::new());
        }
        self.answer.text(name).map(|text| text::daemon_settings(&text))
    }

    fn key(&self, name: &str) -> Option<key_file::KeyFile> {
        if self.answer.is_absent(name) {
            return Some(key_file::KeyFile::none());
        }
        self.answer.any_text(name).map(|text| key_file::parse(&text))
    }

    fn pacemaker(&mut self, node: &Node, seen: Seen, reading: &ClusterReading) -> PacemakerNode {
        let answer = self.answer;
        let lines = |name: &str| -> Option<Vec<String>> {
            let text = answer.text(name)?;
            Some(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect())
        };
        let cib = reading.cib.as_ref().ok();
        let status = reading.status.as_ref().ok();
        let (verify_status, verify_messages) = match self.said("crm-verify") {
            Some(text) => {
                let (status, messages) = crm_verify::parse(&text);
                (status, Some(messages))
            }
            None => (None, None),
        };
        let stat = answer.text("cib-stat").map(|text| key_file::parse(&text)).unwrap_or_default();
        let agents = lines("agents");
        let of_kind = |fence: bool| {
            let all = agents.as_ref()?.iter();
            Some(all.filter(|name| name.starts_with("ocf:") != fence).cloned().collect::<Vec<_>>())
        };
        PacemakerNode {
            version: version_of(node, "pacemaker")
                .or_else(|| (seen.installed == Some(false)).then(String::new)),
            cib_version: cib.and_then(|cib| cib.version).map(|version| version.to_string()),
            cib_sha256: cib.map(|cib| cib.sha256.clone()),
            cib_owner: stat.owner,
            cib_mode: stat.mode,
            answers: match (status, seen.runs) {
                (Some(_), _) => Some(true),
                (None, Some(false)) => Some(false),
                // It was asked and said that it has no contact.
                (None, _) => answer
                    .section("crm-mon")
                    .filter(|section| matches!(section.status, Status::Exit(1..=123)))
                    .filter(|section| {
                        self.privileged == Some(true) && !section.first_words().contains("denied")
                    })
                    .map(|_| false),
            },
            verify_status,
            verify_messages,
            agents: of_kind(false),
            fence_agents: of_kind(true),
            remote_authkey_sha256: self.key("pacemaker-authkey").and_then(|key| key.sha256),
            booth_key: lines("booth-keys").map(|keys| !keys.is_empty()),
            online: status.map(ClusterStatus::online),
            settings: self.settings("pacemaker-settings"),
        }
    }

    fn sbd(&mut self, node: &Node) -> Sbd {
        let service = node.services.iter().flatten().find(|service| service.name == "sbd");
        let used = service.and_then(|service| {
            let enabled =
                service.startup.map(|startup| matches!(startup, Startup::Automatic | Startup::Onboot));
            match (service.installed, service.active, enabled) {
                (Some(false), ..) => Some(false),
                (_, Some(true), _) | (_, _, Some(true)) => Some(true),
                (_, Some(false), Some(false)) => Some(false),
                _ => None,
            }
        });
        if self.answer.is_absent("sbd-config") {
            return Sbd { configured: Some(false), used: used.or(Some(false)), ..Sbd::default() };
        }
        let Some(text) = self.answer.text("sbd-config") else { return Sbd { used, ..Sbd::default() } };
        let settings = sbd::settings(&text);
        let headers = self.headers(settings.devices.as_deref().unwrap_or_default());
        Sbd {
            used,
            start_timeout_s: self.answer.text("sbd-service").and_then(|text| sbd::start_timeout(&text)),
            headers,
            latency_lines: self.lines("latency"),
            ..settings
        }
    }

    /// What stands on the devices that are configured; nothing where none could be looked at.
    fn headers(&mut self, devices: &[String]) -> Option<Vec<SbdDevice>> {
        let paths = self.answer.text("sbd-paths");
        let real = |path: &str| {
            let line =
                paths.as_deref()?.lines().find_map(|line| line.strip_prefix(path)?.strip_prefix(' '))?;
            Some(text::base_name(line.trim()).to_owned())
        };
        let mut out = Vec::new();
        for path in devices {
            let of = |name: &'static str| self.answer.items(name).find(|section| section.item == *path);
            let mut device = match of("sbd-dump") {
                Some(section) if matches!(section.status, Status::Exit(0..=123)) => {
                    let mut device = sbd::dump(path, &section.text());
                    if section.status != Status::Exit(0) && self.privileged != Some(true) {
                        device.readable = None;
                    }
                    device
                }
                _ => SbdDevice { path: path.clone(), ..SbdDevice::default() },
            };
            device.holders =
                of("sbd-list").filter(|section| section.is_whole()).map(|section| sbd::list(&section.text()));
            device.device = real(path);
            out.push(device);
        }
        text::unique_by_key(&mut out, |device| &device.path);
        let asked = self.answer.items("sbd-dump").next().is_some() || paths.is_some();
        (devices.is_empty() || asked).then_some(out)
    }
}

/// Version of a package that is installed.
fn version_of(node: &Node, name: &str) -> Option<String> {
    let packages = node.packages.as_ref()?;
    packages.iter().find(|package| package.name == name).and_then(|package| package.version.clone())
}
