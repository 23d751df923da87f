//! The list of what is asked of a host: for each section of the answer its command, the facts that it fills, and whether
//! it needs root. Explanations, provenance and the reasons of gaps all come from this list.
//!
//! Two lists: [`COLLECTORS`] are what the script asks of a live host, [`KEPT`] are the forms that only support bundles keep.
//! A bundle may hold any of both; where it holds several that tell the same, the parsers take the first as listed.

/// One thing that the script asks, or that a support bundle keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collector {
    /// Name of the section of the answer.
    pub section: &'static str,
    /// The command, or the file or files, as a person would ask.
    pub command: &'static str,
    /// Facts that it fills, as paths of the facts document without keys: `nodes.os`, `nodes.nics.firmware`. What is said
    /// of a path holds for all below it.
    pub facts: &'static [&'static str],
    /// Facts that others tell and that it has a part in: without it they are fewer, or others. Its own are not repeated.
    pub also: &'static [&'static str],
    /// Whether it says nothing, or not all, to an account without root.
    pub needs_root: bool,
    /// Whether its command ends with 1 or 2 where one thing of many is not there: what it said holds all the same.
    pub partial: bool,
    /// The commands that the script runs through sudo where the plan asks for that: name and arguments, blanks between them.
    /// `[a-z]` and `[0-9]` stand for one character each, `DEVICE` and `NAME` for what only the host can tell. Empty where no
    /// exact command would do; what needs root then stays unknown.
    pub sudo: &'static [&'static str],
}

macro_rules! collectors {
    ($(#[$doc:meta])* $list:ident: $(
        $section:literal, $command:literal $(, root $root:literal)? $(, partial $partial:literal)?
        $(, sudo [$($sudo:literal),* $(,)?])? => [$($fact:literal),* $(,)?] $(, also [$($also:literal),* $(,)?])?;
    )+) => {
        $(#[$doc])*
        pub const $list: &[Collector] = &[$(
            Collector {
                section: $section,
                command: $command,
                facts: &[$($fact),*],
                also: &[$($($also),*)?],
                needs_root: false $(|| $root)?,
                partial: false $(|| $partial)?,
                sudo: &[$($($sudo),*)?],
            }
        ),+];
    };
}

collectors! {
    /// All that the script asks, in the order of the answer. Of two that fill the same fact the first is asked first, the
    /// others where it fails or has nothing to say.
    COLLECTORS:
    "clock", "date +%s.%N" => ["nodes.time.skew_ms", "nodes.time.skew_error_ms"];
    "id", "id -u" => ["nodes.privileged"];
    "uname", "uname -srm" => ["nodes.os.family", "nodes.os.kernel", "nodes.os.architecture"];
    "hostname", "/proc/sys/kernel/hostname" => ["nodes.hostname"];
    "machine-id", "/etc/machine-id" => ["nodes.machine_id"];
    "os-release", "/etc/os-release" => ["nodes.os", "nodes.updates", "nodes.features"];
    "commands", "command -v" => [
        "nodes.multipath.installed", "nodes.iscsi.installed", "nodes.drbd.installed", "nodes.lvm.installed",
    ], also ["nodes.lvm", "nodes.multipath.version", "nodes.pacemaker.version"];
    "daemons", "/proc/*/comm" => ["nodes.multipath.active", "nodes.time.service", "nodes.firewall.manager", "nodes.dlm.active"], also ["nodes.firewall.active", "nodes.firewall.open_ports"];
    "lscpu", "lscpu" => ["nodes.cpu", "nodes.hardware.virtual_machine", "nodes.hardware.hypervisor"];
    "cpuinfo", "/proc/cpuinfo" => ["nodes.cpu", "nodes.cpu.microcode"];
    "meminfo", "/proc/meminfo" => ["nodes.memory"];
    "dmi", "/sys/class/dmi/id/*", root true, partial true, sudo [
        "cat /sys/class/dmi/id/product_serial",
        "cat /sys/class/dmi/id/product_uuid",
    ] => [
        "nodes.hardware.manufacturer", "nodes.hardware.model", "nodes.hardware.serial", "nodes.hardware.uuid", "nodes.hardware.asset_tag",
        "nodes.firmware.vendor", "nodes.firmware.version", "nodes.firmware.date",
    ];
    "device-tree", "/proc/device-tree/model" => ["nodes.hardware.model"];
    "dmidecode", "dmidecode -t bios -t system -t chassis", root true, sudo ["dmidecode -t bios -t system -t chassis"] => [
        "nodes.hardware.manufacturer", "nodes.hardware.model", "nodes.hardware.serial", "nodes.hardware.uuid", "nodes.hardware.asset_tag",
        "nodes.firmware.vendor", "nodes.firmware.version", "nodes.firmware.date",
    ];
    "virtualization", "systemd-detect-virt -v", partial true => ["nodes.hardware.virtual_machine", "nodes.hardware.hypervisor"];
    "boot", "/sys/firmware/efi", partial true => ["nodes.firmware.uefi", "nodes.firmware.secure_boot"];
    "reboot", "/run/reboot-required, /lib/modules, rpm -q" => ["nodes.reboot_pending"];
    "security", "/sys/fs/selinux/enforce, /sys/module/apparmor", partial true => ["nodes.security.selinux", "nodes.security.apparmor"];
    "selinux-config", "/etc/selinux/config" => ["nodes.security.selinux_configured", "nodes.security.selinux_policy"];
    "health", "/proc/uptime, /proc/loadavg", partial true => ["nodes.health.uptime_s", "nodes.health.load_15"];
    "df", "df -P -T -l", partial true => ["nodes.health.filesystems"];
    "sysctl", "/proc/sys", partial true => ["nodes.sysctls"];
    "packages-dpkg", "dpkg-query -W", partial true => ["nodes.packages", "nodes.multipath.version", "nodes.pacemaker.version"], also ["nodes.corosync"];
    "packages-rpm", "rpm -qa" => ["nodes.packages", "nodes.multipath.version", "nodes.pacemaker.version"], also ["nodes.corosync"];
    "services", "systemctl show" => ["nodes.services", "nodes.sbd.used"];
    "services-files", "unit files, /etc/rc?.d, /proc/*/comm" => ["nodes.services", "nodes.sbd.used"];
    "chrony-tracking", "chronyc -n tracking" => ["nodes.time.synchronised", "nodes.time.offset_us"];
    "chrony-sources", "chronyc -n sources" => ["nodes.time.source", "nodes.time.sources"];
    "timesync", "timedatectl show-timesync --all" => ["nodes.time.source", "nodes.time.sources", "nodes.time.offset_us"];
    "timesync-flag", "/run/systemd/timesync/synchronized" => ["nodes.time.synchronised"];
    "ntp-peers", "ntpq -p -n" => [
        "nodes.time.synchronised", "nodes.time.source", "nodes.time.sources", "nodes.time.offset_us",
    ];
    "initiatorname", "/etc/iscsi/initiatorname.iscsi", root true, sudo ["sed -e /^[[:space:]]*#/d /etc/iscsi/initiatorname.iscsi"] => ["nodes.iscsi.initiator_name"];
    "iscsid-conf", "/etc/iscsi/iscsid.conf", root true, sudo [
        "sed -e /^[[:space:]]*#/d -e /^[[:space:]]*$/d -e /[Pp][Aa][Ss][Ss][Ww]/d -e /[Uu][Ss][Ee][Rr][Nn]/d /etc/iscsi/iscsid.conf",
    ] => [
        "nodes.iscsi.default_startup", "nodes.iscsi.replacement_timeout_s", "nodes.iscsi.noop_out_interval_s",
        "nodes.iscsi.noop_out_timeout_s", "nodes.iscsi.login_timeout_s",
    ];
    "iscsi-sysfs", "/sys/class/iscsi_session", partial true => ["nodes.iscsi.sessions"];
    "iscsi-sessions", "iscsiadm -m session -P 3", root true, sudo ["iscsiadm -m session -P 3"] => ["nodes.iscsi.sessions"];
    "iscsi-records", "iscsiadm -m node -o show", root true, sudo ["iscsiadm -m node -o show"] => ["nodes.iscsi.records"];
    "lsblk", "lsblk -J -b -O" => ["nodes.disks"], also ["nodes.multipath.maps.paths.hctl"];
    "lsblk-pairs", "lsblk -P -b -O" => ["nodes.disks"];
    "block", "/sys/block", partial true => ["nodes.disks", "nodes.disks.timeout_s", "nodes.disks.transport"];
    "vpd", "/sys/block/*/device/vpd_pg80, vpd_pg83" => ["nodes.disks.serial", "nodes.disks.identity"];
    "links", "/sys/block/*, /sys/class/net/*, /etc/localtime", partial true => [
        "nodes.disks.transport", "nodes.disks.driver", "nodes.nics.bus", "nodes.time.timezone",
    ], also [
        "nodes.disks.serial",
        "nodes.drivers",
        "nodes.nics.driver_version",
        "nodes.nics.firmware",
        "nodes.nics.model",
        "nodes.nics.permanent_mac",
    ];
    "multipath-json", "multipathd show maps json", root true, sudo ["multipathd show maps json"] => ["nodes.multipath.maps"];
    "multipath", "multipath -ll", root true, sudo ["multipath -ll"] => ["nodes.multipath.maps"];
    "multipath-config", "multipathd show config", root true, sudo ["multipathd show config"] => ["nodes.multipath.settings"];
    "multipath-conf", "/etc/multipath.conf" => ["nodes.multipath.config_sha256", "nodes.multipath.settings"];
    "multipath-conf.d", "/etc/multipath/conf.d" => ["nodes.multipath.config_sha256", "nodes.multipath.settings"];
    "pr-keys", "sg_persist -i -k", root true, sudo [
        "sg_persist -n -y -i -k -d /dev/sd[a-z]",
        "sg_persist -n -y -i -k -d /dev/sd[a-z][a-z]",
        "sg_persist -n -y -i -k -d /dev/dm-[0-9]",
        "sg_persist -n -y -i -k -d /dev/dm-[0-9][0-9]",
        "sg_persist -n -y -i -k -d /dev/dm-[0-9][0-9][0-9]",
    ] => ["nodes.reservations"];
    "pr-reservation", "sg_persist -i -r", root true, sudo [
        "sg_persist -n -y -i -r -d /dev/sd[a-z]",
        "sg_persist -n -y -i -r -d /dev/sd[a-z][a-z]",
        "sg_persist -n -y -i -r -d /dev/dm-[0-9]",
        "sg_persist -n -y -i -r -d /dev/dm-[0-9][0-9]",
        "sg_persist -n -y -i -r -d /dev/dm-[0-9][0-9][0-9]",
    ] => ["nodes.reservations.holder", "nodes.reservations.reservation_type"];
    "pr-capabilities", "sg_persist -i -c", root true, sudo [
        "sg_persist -n -y -i -c -d /dev/sd[a-z]",
        "sg_persist -n -y -i -c -d /dev/sd[a-z][a-z]",
        "sg_persist -n -y -i -c -d /dev/dm-[0-9]",
        "sg_persist -n -y -i -c -d /dev/dm-[0-9][0-9]",
        "sg_persist -n -y -i -c -d /dev/dm-[0-9][0-9][0-9]",
    ] => ["nodes.reservations.supported_types"];
    "drbd-conf", "/etc/drbd.conf, /etc/drbd.d", root true => ["nodes.drbd"];
    "drbd-status", "drbdsetup status --json", root true, sudo ["drbdsetup status --json"] => [
        "nodes.drbd.resources.role", "nodes.drbd.resources.connection", "nodes.drbd.resources.disk_state",
        "nodes.drbd.resources.peer_disk_state",
    ];
    "drbd-proc", "/proc/drbd" => [
        "nodes.drbd.resources.role", "nodes.drbd.resources.connection", "nodes.drbd.resources.disk_state",
        "nodes.drbd.resources.peer_disk_state",
    ];
    "dlm-ls", "dlm_tool ls", root true, sudo ["dlm_tool ls"] => ["nodes.dlm.lockspaces"];
    "dlm-protocol", "/sys/kernel/config/dlm/cluster/protocol", root true, sudo ["cat /sys/kernel/config/dlm/cluster/protocol"] => ["nodes.dlm.protocol"];
    "dlm-conf", "/etc/dlm/dlm.conf" => ["nodes.dlm.protocol"];
    "lvm-conf", "/etc/lvm/lvm.conf" => ["nodes.lvm"];
    "lvm-local-conf", "/etc/lvm/lvmlocal.conf" => ["nodes.lvm"];
    "lvm-groups", "vgs --reportformat json", root true, sudo [
        "vgs --readonly --foreign --shared --reportformat json -o vg_name,vg_systemid,vg_lock_type,vg_autoactivation,pv_name",
        "vgs --readonly --foreign --shared --reportformat json -o vg_name,vg_systemid,vg_lock_type,pv_name",
    ] => ["nodes.lvm.groups"];
    "fstab", "/etc/fstab" => ["nodes.mounts"];
    "hba", "/sys/class/fc_host, sas_host, scsi_host, iscsi_host", partial true => ["nodes.hbas", "nodes.drivers"], also ["nodes.disks.driver"];
    "modules", "/sys/module/*/version", partial true => ["nodes.hbas.driver_version", "nodes.drivers.version"];
    "corosync", "/etc/corosync/corosync.conf" => ["nodes.corosync"];
    // Both keys: `BYTES MODE OWNER:GROUP` in the first line, the hash in the second.
    "corosync-authkey", "stat, sha256sum /etc/corosync/authkey", root true, sudo [
        "stat -c %s %a %U:%G /etc/corosync/authkey",
        "sha256sum /etc/corosync/authkey",
    ] => [
        "nodes.corosync.authkey_sha256", "nodes.corosync.authkey_bytes", "nodes.corosync.authkey_mode",
        "nodes.corosync.authkey_owner",
    ];
    "corosync-cmap", "corosync-cmapctl", root true, sudo ["corosync-cmapctl"] => ["nodes.corosync.runtime"];
    "corosync-cfgtool", "corosync-cfgtool -s", root true, sudo ["corosync-cfgtool -s"] => ["nodes.corosync.link_states"];
    "corosync-cfgtool-nodes", "corosync-cfgtool -n", root true, sudo ["corosync-cfgtool -n"] => ["nodes.corosync.link_states.mtu"];
    "corosync-quorumtool", "corosync-quorumtool -s", partial true => ["nodes.corosync.quorum", "nodes.corosync.qdevice_votes_cast"];
    "corosync-qdevice-tool", "corosync-qdevice-tool -s", root true, sudo ["corosync-qdevice-tool -s"] => ["nodes.corosync.qdevice_state"];
    // Lines `COUNT WORD`, the words `retransmit`, `token`, `latency`; what is not listed was not seen.
    "cluster-log", "journalctl -u corosync -u sbd --since -24h", root true, sudo ["journalctl --no-pager -u corosync -u sbd --since -24h -o cat"] => [
        "nodes.corosync.retransmit_lines", "nodes.corosync.token_warning_lines", "nodes.sbd.latency_lines",
    ];
    "pacemaker-authkey", "sha256sum /etc/pacemaker/authkey", root true, sudo [
        "stat -c %s %a %U:%G /etc/pacemaker/authkey",
        "sha256sum /etc/pacemaker/authkey",
    ] => ["nodes.pacemaker.remote_authkey_sha256"];
    "booth-keys", "/etc/booth/*.key" => ["nodes.pacemaker.booth_key"];
    // The CIB of a cluster that runs; of one that may not, `cib-file`.
    "cib", "cibadmin -Q -l", root true, sudo ["cibadmin -Q -l"] => ["nodes.pacemaker.cib_version", "nodes.pacemaker.cib_sha256"], also ["cluster.pacemaker"];
    "cib-file", "/var/lib/pacemaker/cib/cib.xml", root true, sudo ["cat /var/lib/pacemaker/cib/cib.xml"] => ["nodes.pacemaker.cib_version", "nodes.pacemaker.cib_sha256"], also ["cluster.pacemaker"];
    "cib-stat", "stat /var/lib/pacemaker/cib/cib.xml", root true, sudo ["stat -c %s %a %U:%G /var/lib/pacemaker/cib/cib.xml"] => ["nodes.pacemaker.cib_owner", "nodes.pacemaker.cib_mode"];
    "crm-mon", "crm_mon -1 --output-as=xml", root true, sudo ["crm_mon -1 --output-as=xml"] => ["nodes.pacemaker.answers", "nodes.pacemaker.online"], also ["cluster.pacemaker"];
    "crm-mon-old", "crm_mon -1 -X", root true, sudo ["crm_mon -1 -X"] => ["nodes.pacemaker.answers", "nodes.pacemaker.online"], also ["cluster.pacemaker"];
    // Its last line is `exit STATUS`; without it, only a verdict in words tells the status.
    "crm-verify", "crm_verify -L -V", root true, sudo ["crm_verify -L -V"] => ["nodes.pacemaker.verify_status", "nodes.pacemaker.verify_messages"];
    // A line for each: `ocf:PROVIDER:TYPE`, `fence_TYPE`, `external/TYPE`.
    "agents", "/usr/lib/ocf/resource.d, /usr/sbin/fence_*" => ["nodes.pacemaker.agents", "nodes.pacemaker.fence_agents"];
    "corosync-settings", "/etc/sysconfig/corosync, /etc/default/corosync" => ["nodes.corosync.settings"];
    "pacemaker-settings", "/etc/sysconfig/pacemaker, /etc/default/pacemaker" => ["nodes.pacemaker.settings"];
    "sbd-config", "/etc/sysconfig/sbd, /etc/default/sbd" => ["nodes.sbd"];
    "sbd-service", "systemctl show sbd -p TimeoutStartUSec" => ["nodes.sbd.start_timeout_s"];
    // Lines `PATH TARGET`; the two below have the path as their item.
    "sbd-paths", "readlink -f" => ["nodes.sbd.headers.device"];
    "sbd-dump", "sbd -d DEVICE dump", root true, sudo ["sbd -d DEVICE dump"] => ["nodes.sbd.headers"];
    "sbd-list", "sbd -d DEVICE list", root true, sudo ["sbd -d DEVICE list"] => ["nodes.sbd.headers.holders"];
    "watchdogs", "/sys/class/watchdog", partial true => ["nodes.watchdogs"];
    "watchdog-links", "ls -l /sys/class/watchdog/*/device/driver/module", partial true => ["nodes.watchdogs.driver"];
    // Lines `DEVICE PROCESS`.
    "watchdog-users", "ls -l /proc/*/fd", root true => ["nodes.watchdogs.users"];
    "modules-boot", "/etc/modules, /etc/modules-load.d" => ["nodes.modules.at_boot"];
    "modules-blacklist", "/etc/modprobe.d" => ["nodes.modules.blacklisted"];
    "modules-loaded", "/proc/modules" => ["nodes.modules.loaded"], also ["nodes.watchdogs.driver"];
    "ip-addr", "ip -j -d addr" => ["nodes.nics", "nodes.bonds"];
    "ip-addr-text", "ip -d addr" => ["nodes.nics", "nodes.bonds"];
    "ip-route", "ip -j route" => ["nodes.routes"];
    "ip-route6", "ip -j -6 route" => ["nodes.routes"];
    "ip-route-text", "ip route" => ["nodes.routes"];
    "ip-route6-text", "ip -6 route" => ["nodes.routes"];
    "net", "/sys/class/net", partial true => [
        "nodes.nics", "nodes.nics.speed_bps", "nodes.nics.duplex", "nodes.nics.model", "nodes.nics.bus",
        "nodes.nics.driver", "nodes.nics.kind",
    ];
    "bonding", "/proc/net/bonding" => ["nodes.bonds"];
    "team", "teamdctl state dump", root true, sudo ["teamdctl NAME state dump"] => ["nodes.bonds"];
    "ethtool", "ethtool -i" => ["nodes.nics.driver", "nodes.nics.driver_version", "nodes.nics.firmware"], also ["nodes.drivers"];
    "permanent-address", "ethtool -P" => ["nodes.nics.permanent_mac"];
    "lldp", "lldpcli show neighbors", root true, sudo ["lldpcli -f json0 show neighbors"] => ["nodes.nics.switch_name", "nodes.nics.switch_port"];
    "lldp-keyvalue", "lldpctl", root true, sudo ["lldpctl -f keyvalue"] => ["nodes.nics.switch_name", "nodes.nics.switch_port"];
    "lldp-networkd", "networkctl lldp" => ["nodes.nics.switch_name", "nodes.nics.switch_port"];
    "hosts", "/etc/hosts" => ["nodes.names", "nodes.hosts_file"];
    "resolv", "/etc/resolv.conf" => ["nodes.resolver"];
    "resolv-upstream", "/run/systemd/resolve/resolv.conf" => ["nodes.resolver.servers"];
    "names", "getent ahosts", partial true => ["nodes.names"];
    "name", "getent ahosts", partial true => ["nodes.names"];
    "ufw", "/etc/ufw/ufw.conf" => ["nodes.firewall.manager", "nodes.firewall.active"];
    "firewalld", "firewall-cmd --list-all-zones", root true, sudo ["firewall-cmd --list-all-zones"] => ["nodes.firewall.open_ports"];
    "firewalld-service", "/usr/lib/firewalld/services, /etc/firewalld/services" => ["nodes.firewall.open_ports"];
    "nft", "nft list ruleset", root true, sudo ["nft list ruleset"] => ["nodes.firewall.manager", "nodes.firewall.active", "nodes.firewall.rules_sha256", "nodes.firewall.open_ports"];
    "iptables", "iptables-save", root true, sudo ["iptables-save"] => ["nodes.firewall.manager", "nodes.firewall.active", "nodes.firewall.rules_sha256", "nodes.firewall.open_ports"];
    "netfilter", "/proc/net/ip_tables_names, /sys/module" => ["nodes.firewall.manager", "nodes.firewall.active", "nodes.firewall.rules_sha256"];
}

collectors! {
    /// Forms that the script has no need of, and that bundles keep: each section holds the text of the command or file as
    /// named, whole and unchanged.
    KEPT:
    "uname-all", "uname -a" => ["nodes.os.family", "nodes.os.kernel", "nodes.os.architecture"];
    "processes", "ps" => ["nodes.multipath.active", "nodes.time.service", "nodes.firewall.manager"];
    "packages-rpm-list", "installed-rpms" => ["nodes.packages", "nodes.multipath.version", "nodes.multipath.installed", "nodes.iscsi.installed"];
    "packages-rpm-columns", "rpm -qa" => ["nodes.packages", "nodes.multipath.version", "nodes.multipath.installed", "nodes.iscsi.installed"];
    "packages-dpkg-list", "dpkg -l" => ["nodes.packages", "nodes.multipath.version", "nodes.multipath.installed", "nodes.iscsi.installed"];
    "packages-report", "sysinfo.txt" => ["nodes.packages", "nodes.multipath.version"];
    "services-unit-files", "systemctl list-unit-files" => ["nodes.services"];
    "services-units", "systemctl list-units" => ["nodes.services"];
    "services-status", "systemctl status" => ["nodes.services"];
    "lsblk-text", "lsblk" => ["nodes.disks"];
    "ip-link-text", "ip -d link" => ["nodes.nics", "nodes.bonds"];
    "ip-addr-oneline", "ip -o addr" => ["nodes.nics.addresses"];
    "ethtool-link", "ethtool" => ["nodes.nics.speed_bps", "nodes.nics.duplex", "nodes.nics.link_up"];
    "sysctl-all", "sysctl -a" => ["nodes.sysctls"];
    "sestatus", "sestatus" => ["nodes.security.selinux", "nodes.security.selinux_configured", "nodes.security.selinux_policy"];
    "apparmor-status", "apparmor_status" => ["nodes.security.apparmor"];
    "uptime", "uptime" => ["nodes.health.uptime_s", "nodes.health.load_15"];
    "timedatectl", "timedatectl" => ["nodes.time.timezone", "nodes.time.synchronised"];
    "drbd-dump", "drbdadm dump" => ["nodes.drbd"];
    "drbd-status-text", "drbdsetup status" => [
        "nodes.drbd.resources.role", "nodes.drbd.resources.connection", "nodes.drbd.resources.disk_state",
        "nodes.drbd.resources.peer_disk_state",
    ];
    "lvm-groups-text", "vgs" => ["nodes.lvm.groups"];
}

/// Facts of a node that no command on Linux is asked for, with the reason.
pub(super) const NOT_ASKED: &[(&str, &str)] = &[
    ("nodes.domain", "on Linux no command is asked for the directory domain"),
    ("nodes.drivers.signed", "on Linux no command is asked for signatures of drivers"),
    ("nodes.iscsi.bound_volumes", "only Windows binds volumes"),
    ("nodes.iscsi.version", "only on Windows is the initiator a product with a version of its own"),
    ("nodes.hardware.power_supplies", "no command tells on every machine; the plan can"),
    ("nodes.hardware.redundant_power", "no command tells on every machine; the plan can"),
    ("nodes.hardware.redundant_cooling", "no command tells on every machine; the plan can"),
    ("nodes.hardware.ecc_memory", "no command tells on every machine; the plan can"),
    ("nodes.hardware.tpm", "on Linux no command is asked for a TPM"),
    ("nodes.hypervisor", "on Linux no command is asked for a hypervisor"),
    ("nodes.hyper_v", "only Windows has it"),
    ("nodes.spaces_direct", "only Windows has it"),
    ("nodes.automount", "only Windows has the switch"),
    ("nodes.binding_order", "only Windows orders bindings"),
    ("nodes.antivirus_exclusions", "on Linux no command is asked for a virus scanner"),
    ("nodes.firewall.cluster_allowed", "on Linux rules of the packet filter are not read one by one"),
    ("nodes.membership", "only Windows failover clusters have it"),
    ("nodes.llt", "no command of Veritas Cluster Server is asked"),
    ("nodes.gab_ports", "no command of Veritas Cluster Server is asked"),
    ("nodes.services.depends_on", "on Linux units order themselves in other ways"),
    ("nodes.physical_host", "only the plan can tell"),
    ("nodes.site", "only the plan can tell"),
    ("nodes.probe", "the run itself tells"),
    ("nodes.reached", "the run itself tells"),
];

/// Programs that read a file; with sudo it is the file that counts.
const READERS: [&str; 4] = ["cat", "sed", "sha256sum", "stat"];

/// Whether a program only reads a file that it is given, so that the file counts and not the program.
pub fn reads_a_file(command: &str) -> bool {
    READERS.contains(&command)
}

/// What the script asks through sudo where the plan asks for that: names of commands, and files that are read; each once.
pub fn through_sudo() -> Vec<&'static str> {
    let mut out: Vec<&str> =
        COLLECTORS.iter().flat_map(|one| one.sudo).map(|grant| subject_of(grant)).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// The command that a grant is about, or the file where it only reads one.
fn subject_of(grant: &'static str) -> &'static str {
    let command = grant.split(' ').next().unwrap_or(grant);
    match grant.rsplit(' ').next() {
        Some(file) if READERS.contains(&command) => file,
        _ => command,
    }
}

/// The collectors of the script that fill a fact, given by its path without keys (`nodes.os.build`): those that name the
/// fact or the nearest group above it, else those that name something below it.
pub fn for_fact(path: &str) -> Vec<&'static Collector> {
    nearest(COLLECTORS, path)
}

/// The same of what bundles keep.
pub fn kept_for_fact(path: &str) -> Vec<&'static Collector> {
    nearest(KEPT, path)
}

/// All collectors, those of the script first.
pub fn all() -> impl Iterator<Item = &'static Collector> {
    COLLECTORS.iter().chain(KEPT)
}

fn nearest(list: &'static [Collector], path: &str) -> Vec<&'static Collector> {
    let mut above = Some(path);
    while let Some(at) = above {
        let found: Vec<_> = list.iter().filter(|one| one.facts.contains(&at)).collect();
        if !found.is_empty() {
            return found;
        }
        above = at.rsplit_once('.').map(|(above, _)| above);
    }
    let below = |fact: &&str| fact.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    list.iter().filter(|one| one.facts.iter().any(below)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Document, Node, RecordType, Type};
    use crate::probe::script::SCRIPT;

    /// The type at a path without keys.
    fn type_at(path: &str) -> Option<Type> {
        let mut ty = Type::Record(&Document::TYPE);
        for name in path.split('.') {
            let mut record = &ty;
            if let Type::List(inner) = record {
                record = inner;
            }
            let Type::Record(record) = record else { return None };
            ty = (record.find(name)?.1.ty)();
        }
        Some(ty)
    }

    #[test]
    fn every_fact_that_is_named_exists() {
        let named = all()
            .flat_map(|one| one.facts.iter().chain(one.also))
            .chain(NOT_ASKED.iter().map(|(fact, _)| fact));
        for fact in named {
            assert!(type_at(fact).is_some(), "`{fact}` is no fact");
        }
    }

    #[test]
    fn every_fact_of_a_node_has_a_collector_or_a_reason_for_none() {
        fn walk(record: &'static RecordType, path: &str, out: &mut Vec<String>) {
            for (index, field) in record.fields.iter().enumerate() {
                let path = format!("{path}.{}", field.name);
                let ours = !field.doc.trim_start().starts_with("Derived:") && record.key != Some(index);
                if !ours || NOT_ASKED.iter().any(|(fact, _)| *fact == path) {
                    continue;
                }
                let ty = (field.ty)();
                match &ty {
                    Type::Record(inner) => walk(inner, &path, out),
                    Type::List(inner) if matches!(**inner, Type::Record(_)) => {
                        let Type::Record(inner) = **inner else { unreachable!() };
                        walk(inner, &path, out);
                    }
                    _ => out.push(path),
                }
            }
        }
        let mut leaves = Vec::new();
        walk(&Node::TYPE, "nodes", &mut leaves);
        assert!(leaves.len() > 100);
        let orphans: Vec<_> = leaves.iter().filter(|leaf| for_fact(leaf).is_empty()).collect();
        assert!(orphans.is_empty(), "{orphans:?}");
    }

    #[test]
    fn every_section_of_the_script_is_listed_and_the_other_way_round() {
        let helpers = [
            "run", "plain", "item", "bounded", "file", "line", "filtered", "sifted", "values", "skip", "b",
            "xml", "key", "texts",
        ];
        let mut sections: Vec<&str> = Vec::new();
        for line in SCRIPT.lines() {
            for part in line.split("&&").flat_map(|part| part.split("||")).flat_map(|part| part.split(';')) {
                let mut words = part
                    .split_whitespace()
                    .skip_while(|word| matches!(*word, "if" | "!" | "then" | "else" | "[" | "{" | "do"));
                if words.next().is_some_and(|word| helpers.contains(&word))
                    && let Some(name) = words.next().filter(|name| !name.starts_with(['"', '$', '{', '(']))
                {
                    sections.push(name);
                }
            }
        }
        sections.sort_unstable();
        sections.dedup();
        for section in &sections {
            assert!(COLLECTORS.iter().any(|one| one.section == *section), "`{section}` is not listed");
        }
        let mut names: Vec<&str> = all().map(|one| one.section).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a section is listed twice: {names:?}");
        for collector in COLLECTORS {
            assert!(sections.contains(&collector.section), "the script has no `{}`", collector.section);
        }
    }

    #[test]
    fn the_nearest_collector_is_named() {
        let commands = |path| for_fact(path).iter().map(|one| one.command).collect::<Vec<_>>();
        assert_eq!(commands("nodes.nics.firmware"), ["ethtool -i"]);
        assert_eq!(commands("nodes.nics.mtu"), ["ip -j -d addr", "ip -d addr", "/sys/class/net"]);
        assert_eq!(commands("nodes.os.release"), ["/etc/os-release"]);
        assert_eq!(commands("nodes.domain"), Vec::<&str>::new());
        assert!(!commands("nodes").is_empty());
    }
}
