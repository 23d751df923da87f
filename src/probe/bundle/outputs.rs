//! Which commands and files of bundles go to which section of the answer, whatever bundle keeps them.
//!
//! The section names and the form that each takes are those of [`collectors`](crate::probe::collectors).

use std::collections::HashMap;
use std::sync::LazyLock;

/// A command, or the path of a file, with the section that its text goes to. `*` at the end stands for the item: an
/// interface, a device, the name of a file. Of two that go to one section the first is the better one.
const OUTPUTS: &[(&str, &str)] = &[
    ("uname -srm", "uname"),
    ("uname -a", "uname-all"),
    ("hostname", "hostname"),
    ("hostname -s", "hostname"),
    ("/proc/sys/kernel/hostname", "hostname"),
    ("/etc/hostname", "hostname"),
    ("/etc/machine-id", "machine-id"),
    ("/etc/os-release", "os-release"),
    ("/usr/lib/os-release", "os-release"),
    ("lscpu", "lscpu"),
    ("/proc/cpuinfo", "cpuinfo"),
    ("cat /proc/cpuinfo", "cpuinfo"),
    ("/proc/meminfo", "meminfo"),
    ("cat /proc/meminfo", "meminfo"),
    ("dmidecode", "dmidecode"),
    ("ps auxwww", "processes"),
    ("ps auxwwwm", "processes"),
    ("ps auxw", "processes"),
    ("ps axf", "processes"),
    ("ps axwwo *", "processes"),
    ("ps -ef", "processes"),
    ("systemctl list-unit-files", "services-unit-files"),
    ("systemctl --no-pager --all list-unit-files", "services-unit-files"),
    ("systemctl list-units", "services-units"),
    ("systemctl list-units --all", "services-units"),
    ("systemctl --no-pager --all list-units", "services-units"),
    ("systemctl status --all", "services-status"),
    ("chronyc -n tracking", "chrony-tracking"),
    ("chronyc tracking", "chrony-tracking"),
    ("chronyc -n sources", "chrony-sources"),
    ("chronyc sources", "chrony-sources"),
    ("ntpq -p -n", "ntp-peers"),
    ("ntpq -pn", "ntp-peers"),
    ("/etc/iscsi/initiatorname.iscsi", "initiatorname"),
    ("/etc/iscsi/iscsid.conf", "iscsid-conf"),
    ("iscsiadm -m session -P 3", "iscsi-sessions"),
    ("iscsiadm -m node --op show", "iscsi-records"),
    ("iscsiadm -m node -o show", "iscsi-records"),
    ("iscsiadm -m node -T *", "iscsi-records"),
    ("lsblk -P -b -O", "lsblk-pairs"),
    ("lsblk -O -P", "lsblk-pairs"),
    ("lsblk", "lsblk-text"),
    ("lsblk -i", "lsblk-text"),
    ("multipath -ll", "multipath"),
    ("multipath -v4 -ll", "multipath"),
    ("/etc/multipath.conf", "multipath-conf"),
    ("/etc/multipath/conf.d/*", "multipath-conf.d"),
    ("/etc/fstab", "fstab"),
    ("/etc/corosync/corosync.conf", "corosync"),
    ("ip -d addr", "ip-addr-text"),
    ("ip -d address", "ip-addr-text"),
    ("ip addr", "ip-addr-text"),
    ("ip addr list", "ip-addr-text"),
    ("ip addr show", "ip-addr-text"),
    ("ip -o addr", "ip-addr-oneline"),
    ("ip -d link", "ip-link-text"),
    ("ip route", "ip-route-text"),
    ("ip route show", "ip-route-text"),
    ("ip -6 route", "ip-route6-text"),
    ("/proc/net/bonding/*", "bonding"),
    ("ethtool -i *", "ethtool"),
    ("ethtool -P *", "permanent-address"),
    ("ethtool *", "ethtool-link"),
    ("dpkg -l", "packages-dpkg-list"),
    ("ip -s -d link", "ip-link-text"),
    ("lldpctl -f keyvalue", "lldp-keyvalue"),
    ("networkctl lldp", "lldp-networkd"),
    ("/etc/hosts", "hosts"),
    ("/etc/resolv.conf", "resolv"),
    ("/etc/ufw/ufw.conf", "ufw"),
    ("nft list ruleset", "nft"),
    ("nft -a list ruleset", "nft"),
    ("iptables-save", "iptables"),
    ("date", DATE),
    ("timedatectl", "timedatectl"),
    ("corosync-cmapctl", "corosync-cmap"),
    ("corosync-cmapctl -b", "corosync-cmap"),
    ("corosync-cfgtool -s", "corosync-cfgtool"),
    ("corosync-cfgtool -n", "corosync-cfgtool-nodes"),
    ("corosync-quorumtool -s", "corosync-quorumtool"),
    ("corosync-quorumtool -si", "corosync-quorumtool"),
    ("corosync-quorumtool -s -i", "corosync-quorumtool"),
    ("pcs quorum status", "corosync-quorumtool"),
    ("corosync-qdevice-tool -s", "corosync-qdevice-tool"),
    ("corosync-qdevice-tool -sv", "corosync-qdevice-tool"),
    ("cibadmin -Q -l", "cib"),
    ("cibadmin -Ql", "cib"),
    ("cibadmin -Q", "cib"),
    ("/var/lib/pacemaker/cib/cib.xml", "cib-file"),
    ("crm_mon -1 --output-as=xml", "crm-mon"),
    ("crm_mon -1 --output-as xml", "crm-mon"),
    ("crm_mon --output-as=xml", "crm-mon"),
    ("crm_mon -1 -X", "crm-mon-old"),
    ("crm_mon -X", "crm-mon-old"),
    ("crm_mon --as-xml", "crm-mon-old"),
    ("crm_verify -L -V", "crm-verify"),
    ("crm_verify -LV", "crm-verify"),
    ("crm_verify -LVVV", "crm-verify"),
    ("/etc/sysconfig/corosync", "corosync-settings"),
    ("/etc/default/corosync", "corosync-settings"),
    ("/etc/sysconfig/pacemaker", "pacemaker-settings"),
    ("/etc/default/pacemaker", "pacemaker-settings"),
    ("/etc/sysconfig/sbd", "sbd-config"),
    ("/etc/default/sbd", "sbd-config"),
    ("systemctl show sbd -p TimeoutStartUSec", "sbd-service"),
    ("/proc/modules", "modules-loaded"),
    ("lsmod", "modules-loaded"),
    ("sysctl -a", "sysctl-all"),
    ("sestatus", "sestatus"),
    ("sestatus -b", "sestatus"),
    ("/etc/selinux/config", "selinux-config"),
    ("apparmor_status", "apparmor-status"),
    ("aa-status", "apparmor-status"),
    ("uptime", "uptime"),
    ("df -P -T -l", "df"),
    ("multipathd show config", "multipath-config"),
    ("multipath -t", "multipath-config"),
    ("sg_persist --in -k -d /dev/*", "pr-keys"),
    ("sg_persist --in -r -d /dev/*", "pr-reservation"),
    ("sg_persist --in -c -d /dev/*", "pr-capabilities"),
    ("/etc/drbd.conf", "drbd-conf"),
    ("/etc/drbd.d/*", "drbd-conf"),
    ("drbdadm dump", "drbd-dump"),
    ("drbdadm dump all", "drbd-dump"),
    ("drbdsetup status --json", "drbd-status"),
    ("drbdsetup status", "drbd-status-text"),
    ("drbdadm status", "drbd-status-text"),
    ("/proc/drbd", "drbd-proc"),
    ("cat /proc/drbd", "drbd-proc"),
    ("dlm_tool ls", "dlm-ls"),
    ("/etc/dlm/dlm.conf", "dlm-conf"),
    ("/etc/lvm/lvm.conf", "lvm-conf"),
    ("/etc/lvm/lvmlocal.conf", "lvm-local-conf"),
    ("vgs", "lvm-groups-text"),
    ("vgs -v*", "lvm-groups-text"),
    ("firewall-cmd --list-all-zones", "firewalld"),
];

/// Outputs that stand at the top of a sosreport, as links or files, with their sections.
pub const AT_TOP: &[(&str, &str)] = &[
    ("installed-rpms", "packages-rpm-list"),
    ("installed-debs", "packages-dpkg-list"),
    ("uname", "uname-all"),
    ("hostname", "hostname"),
    ("date", DATE),
];

/// Section of the date on which a bundle was made; it goes to no parser of the node.
pub const DATE: &str = "bundle-date";

/// Where an output goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The section.
    pub section: &'static str,
    /// What it is about where there are several: an interface, a file's name; else empty.
    pub item: String,
    /// Its place among those that go to the same section: the lower the better.
    pub rank: usize,
}

/// How sos names the file of a command's output: without the folder of the program, and with all but letters, digits,
/// `-`, `.` and `_` replaced.
fn mangle(command: &str) -> String {
    let command = command.trim_start_matches('/');
    let command = command.strip_prefix("usr/").unwrap_or(command);
    let command = ["sbin/", "bin/"].iter().find_map(|folder| command.strip_prefix(folder)).unwrap_or(command);
    command
        .chars()
        .map(|c| match c {
            '/' => '.',
            c if c.is_alphanumeric() || matches!(c, '-' | '.' | '_') => c,
            _ => '_',
        })
        .collect()
}

/// The list by name, and those that end in an item by what stands before it.
struct Index {
    whole: HashMap<String, usize>,
    begin: Vec<(String, usize)>,
}

impl Index {
    fn new(name: impl Fn(&str) -> Option<String>) -> Self {
        let mut index = Index { whole: HashMap::new(), begin: Vec::new() };
        for (at, (asked, _)) in OUTPUTS.iter().enumerate() {
            match asked.strip_suffix('*') {
                Some(begin) => index.begin.extend(name(begin).map(|begin| (begin, at))),
                None => {
                    if let Some(asked) = name(asked) {
                        index.whole.entry(asked).or_insert(at);
                    }
                }
            }
        }
        index
    }

    fn find(&self, asked: &str) -> Option<Place> {
        if let Some(at) = self.whole.get(asked) {
            return Some(Place { section: OUTPUTS[*at].1, item: String::new(), rank: *at });
        }
        self.begin.iter().find_map(|(begin, at)| {
            let item = asked
                .strip_prefix(begin)
                .filter(|item| !item.is_empty() && !item.contains(['/', ' ']) && !item.starts_with('-'))?;
            Some(Place { section: OUTPUTS[*at].1, item: item.to_owned(), rank: *at })
        })
    }
}

static ASKED: LazyLock<Index> = LazyLock::new(|| Index::new(|asked| Some(asked.to_owned())));
static MANGLED: LazyLock<Index> =
    LazyLock::new(|| Index::new(|asked| (!asked.starts_with('/')).then(|| mangle(asked))));
static PATHS: LazyLock<Index> =
    LazyLock::new(|| Index::new(|asked| asked.strip_prefix('/').map(str::to_owned)));

/// Where the output of a command goes, or the text of a file by its path. The folder of the program, variables set before it
/// and redirections do not matter.
pub fn of(asked: &str) -> Option<Place> {
    if let Some(place) = asked.strip_prefix('/').and_then(of_path) {
        return Some(place);
    }
    let words = asked.split_whitespace().skip_while(|word| {
        word.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    });
    let mut words: Vec<&str> =
        words.take_while(|word| !matches!(*word, "|" | ";" | "&&" | "2>&1" | ">")).collect();
    let first = words.first_mut()?;
    *first = first.rsplit('/').next().unwrap_or_default();
    // The columns that supportconfig asks for.
    if words.starts_with(&["lsblk", "-i", "-o"]) {
        return Some(Place { section: "lsblk-text", item: String::new(), rank: OUTPUTS.len() });
    }
    // The device stands in the middle.
    if let ["sbd", "-d", device, what @ ("dump" | "list")] = words.as_slice() {
        let section = if *what == "dump" { "sbd-dump" } else { "sbd-list" };
        return Some(Place { section, item: device.trim_matches('\'').to_owned(), rank: OUTPUTS.len() });
    }
    // Of the listings that supportconfig makes, the one in columns of name, distribution and version.
    if words.first() == Some(&"rpm") && asked.contains("%-35{NAME} %-35{DISTRIBUTION} %{VERSION}-%{RELEASE}")
    {
        return Some(Place { section: "packages-rpm-columns", item: String::new(), rank: OUTPUTS.len() });
    }
    ASKED.find(&words.join(" "))
}

/// Where the output of a command goes, by the name of its file in a sosreport.
pub fn of_mangled(name: &str) -> Option<Place> {
    MANGLED.find(name)
}

/// Where the copy of a file goes, by its path without the first `/`.
pub fn of_path(path: &str) -> Option<Place> {
    PATHS.find(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_known_however_they_are_written() {
        let section = |asked| of(asked).map(|place| (place.section, place.item));
        assert_eq!(section("/sbin/multipath -ll"), Some(("multipath", String::new())));
        assert_eq!(section("LANG=C  /usr/sbin/ip  addr 2>&1"), Some(("ip-addr-text", String::new())));
        assert_eq!(section("/usr/sbin/ethtool -i eth0"), Some(("ethtool", "eth0".to_owned())));
        assert_eq!(section("/proc/net/bonding/bond1"), Some(("bonding", "bond1".to_owned())));
        assert_eq!(
            section(
                "rpm -qa --queryformat \"%-35{NAME} %-35{DISTRIBUTION} %{VERSION}-%{RELEASE}\\n\" | sort"
            ),
            Some(("packages-rpm-columns", String::new()))
        );
        assert_eq!(section("rpm -qa --last"), None);
        assert_eq!(section("/var/log/messages"), None);
        assert_eq!(section("rm -rf /"), None);
        assert_eq!(section(""), None);
    }

    #[test]
    fn every_section_is_one_that_is_read() {
        let known: Vec<&str> = crate::probe::collectors::all().map(|one| one.section).collect();
        let sections = OUTPUTS.iter().chain(AT_TOP).map(|(_, section)| *section);
        for section in sections.filter(|section| *section != DATE) {
            assert!(known.contains(&section), "nothing reads `{section}`");
        }
    }

    #[test]
    fn files_of_sos_are_known_by_their_mangled_names() {
        let section = |name| of_mangled(name).map(|place| (place.section, place.item));
        assert_eq!(section("lsblk_-O_-P"), Some(("lsblk-pairs", String::new())));
        assert_eq!(section("iscsiadm_-m_session_-P_3"), Some(("iscsi-sessions", String::new())));
        assert_eq!(section("ethtool_-i_ens1f0"), Some(("ethtool", "ens1f0".to_owned())));
        assert_eq!(section("ethtool_eth0"), Some(("ethtool-link", "eth0".to_owned())));
        assert_eq!(section("ethtool_-S_eth0"), None);
        assert_eq!(section("fstab"), None);
        assert_eq!(mangle("/usr/sbin/multipath -v4 -ll"), "multipath_-v4_-ll");
        assert_eq!(mangle("cat /proc/cpuinfo"), "cat_.proc.cpuinfo");
    }
}
