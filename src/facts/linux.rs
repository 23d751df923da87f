//! Facts of a Linux node beside cluster stack and network: replication, locking, volumes, kernel settings, health.

use super::meta::{Fact, FieldType, Record, RecordType, Type, Value};
use super::units::Seconds;
use crate::records;

records! {
    /// Kernel modules in the boot configuration (`/etc/modules-load.d`, `/etc/modprobe.d`).
    KernelModules {
        /// Modules that are loaded when the machine starts.
        at_boot: Option<Vec<String>>,
        /// Modules that are not loaded by themselves (`blacklist`).
        blacklisted: Option<Vec<String>>,
        /// Modules that are loaded now, of those that a cluster cares for: watchdogs, drbd, dlm, gfs2, ocfs2.
        loaded: Option<Vec<String>>,
    }

    /// DRBD on a node.
    Drbd {
        /// Whether it is installed.
        installed: Option<bool>,
        /// SHA-256 over its configuration, normalised and without secrets.
        config_sha256: Option<String>,
        /// Its resources.
        resources: Option<Vec<DrbdResource>>,
    }

    /// A resource of DRBD: its configuration, and its state where it is up.
    DrbdResource key name {
        /// Its name.
        name: String,
        /// Role of this node: `Primary`, `Secondary`.
        role: Option<String>,
        /// State of its connections, the worst: `Connected`, `Connecting`, `StandAlone`.
        connection: Option<String>,
        /// State of the local disk, the worst: `UpToDate`.
        disk_state: Option<String>,
        /// State of the peers' disks, the worst: `UpToDate`.
        peer_disk_state: Option<String>,
        /// Protocol: `A`, `B`, `C`.
        protocol: Option<String>,
        /// Policy when the peer is lost (`fencing`): `resource-and-stonith`; empty for none set.
        fencing: Option<String>,
        /// Names of the handlers that are set: `fence-peer`, `unfence-peer`.
        handlers: Option<Vec<String>>,
        /// Hosts that it names.
        hosts: Option<Vec<String>>,
        /// Ports that it names.
        ports: Option<Vec<i64>>,
    }

    /// Distributed lock manager on a node.
    Dlm {
        /// Whether it runs.
        active: Option<bool>,
        /// Protocol: `tcp`, `sctp`.
        protocol: Option<String>,
        /// Names of its lock spaces.
        lockspaces: Option<Vec<String>>,
    }

    /// Logical volumes of a node (`lvm.conf`, `vgs`).
    Lvm {
        /// Whether the tools are there.
        installed: Option<bool>,
        /// Where the system id comes from (`system_id_source`): `none`, `uname`, `machineid`.
        system_id_source: Option<String>,
        /// Whether `lvmlockd` is used (`use_lvmlockd`).
        lvmlockd: Option<bool>,
        /// Kind of locking of old releases (`locking_type`), 1 where the file says nothing.
        locking_type: Option<i64>,
        /// Volume groups that may be activated at start (`auto_activation_volume_list`); missing where the file has none.
        auto_activation_list: Option<Vec<String>>,
        /// Volume groups.
        groups: Option<Vec<VolumeGroup>>,
    }

    /// A volume group.
    VolumeGroup key name {
        /// Its name.
        name: String,
        /// System id; empty for none.
        system_id: Option<String>,
        /// Kind of lock: `none`, `dlm`, `sanlock`, `clvm`.
        lock_type: Option<String>,
        /// Whether its volumes are activated at start.
        auto_activation: Option<bool>,
        /// Physical volumes in it.
        physical_volumes: Option<Vec<String>>,
    }

    /// A line of `/etc/hosts`.
    HostsEntry key id {
        /// Address and names, as one line.
        id: String,
        /// Address.
        address: Option<String>,
        /// Names.
        names: Option<Vec<String>>,
    }

    /// A setting of the kernel.
    Sysctl key name {
        /// Name: `net.ipv4.tcp_retries2`.
        name: String,
        /// Value.
        value: Option<String>,
    }

    /// Mandatory access control of a node.
    Security {
        /// SELinux now: `enforcing`, `permissive`, `disabled`; empty where the kernel has none.
        selinux: Option<String>,
        /// SELinux after the next start (`/etc/selinux/config`).
        selinux_configured: Option<String>,
        /// Policy: `targeted`; empty for none.
        selinux_policy: Option<String>,
        /// Whether AppArmor is on.
        apparmor: Option<bool>,
    }

    /// How a node stands at this moment.
    Health {
        /// Since when it runs.
        uptime_s: Option<Seconds>,
        /// Load over 15 minutes, in hundredths.
        load_15: Option<i64>,
        /// Mounted file systems that are full, as the percentage in use.
        filesystems: Option<Vec<FilesystemUse>>,
    }

    /// How full a file system is.
    FilesystemUse key mount {
        /// Where it is mounted.
        mount: String,
        /// Percentage in use.
        used_percent: Option<i64>,
        /// Type: `ext4`.
        filesystem: Option<String>,
    }
}
