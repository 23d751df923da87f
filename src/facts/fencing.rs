//! Facts of what takes a node out of the game: SBD, watchdogs, persistent reservations.

use super::meta::{Fact, FieldType, Record, RecordType, Type, Value};
use super::units::{Bytes, Millis, Seconds};
use crate::records;

records! {
    /// STONITH block devices on a node (`/etc/sysconfig/sbd`, `/etc/default/sbd`). See sbd(8).
    Sbd {
        /// Whether its configuration is there.
        configured: Option<bool>,
        /// Whether it is in use: its service is enabled or runs.
        used: Option<bool>,
        /// Devices in the order of `SBD_DEVICE`; empty for none, which is SBD without disks.
        devices: Option<Vec<String>>,
        /// Whether the list has an empty entry (`;;`) besides one at its end.
        empty_entry: Option<bool>,
        /// Whether Pacemaker's word is listened to (`SBD_PACEMAKER`), the default where the file says nothing.
        pacemaker: Option<bool>,
        /// Start mode: `always`, `clean`.
        start_mode: Option<String>,
        /// `SBD_DELAY_START` as written: `no`, `yes`, a number of seconds.
        delay_start: Option<String>,
        /// Watchdog device.
        watchdog_device: Option<String>,
        /// Time-out of the watchdog without disks (`SBD_WATCHDOG_TIMEOUT`).
        watchdog_timeout_s: Option<Seconds>,
        /// Action at a time-out (`SBD_TIMEOUT_ACTION`): `flush,reboot`.
        timeout_action: Option<String>,
        /// Further options (`SBD_OPTS`), empty for none.
        options: Option<String>,
        /// SHA-256 over the settings, sorted, without comments.
        config_sha256: Option<String>,
        /// Time that systemd gives the service to start (`TimeoutStartUSec`); missing for infinite.
        start_timeout_s: Option<Seconds>,
        /// What stands on the devices.
        headers: Option<Vec<SbdDevice>>,
        /// Lines about latency in the log of the last day.
        latency_lines: Option<i64>,
    }

    /// Header of an SBD device (`sbd -d DEVICE dump`, `list`).
    SbdDevice key path {
        /// Path as configured.
        path: String,
        /// Kernel name that the path leads to: `sdb1`; empty where it leads nowhere.
        device: Option<String>,
        /// Whether the header could be read.
        readable: Option<bool>,
        /// UUID of the header.
        uuid: Option<String>,
        /// Version of the header: `2.1`.
        version: Option<String>,
        /// Slots.
        slots: Option<i64>,
        /// Sector size.
        sector_bytes: Option<Bytes>,
        /// Time-out (watchdog).
        watchdog_timeout_s: Option<Seconds>,
        /// Time-out (allocate).
        allocate_timeout_s: Option<Seconds>,
        /// Time-out (loop).
        loop_timeout_s: Option<Seconds>,
        /// Time-out (msgwait).
        msgwait_timeout_s: Option<Seconds>,
        /// Slots that are taken.
        holders: Option<Vec<SbdSlot>>,
    }

    /// A slot of an SBD device.
    SbdSlot key node {
        /// Node that has it.
        node: String,
        /// Message in it: `clear`, `reset`, `test`.
        message: Option<String>,
    }

    /// A watchdog device (`/sys/class/watchdog`, `sbd query-watchdog`, `wdctl`).
    Watchdog key device {
        /// Device: `/dev/watchdog0`.
        device: String,
        /// What it calls itself: `Software Watchdog`, `iTCO_wdt`.
        identity: Option<String>,
        /// Kernel module: `softdog`, `iTCO_wdt`; empty where it is built in.
        driver: Option<String>,
        /// Time-out that is set.
        timeout_s: Option<Seconds>,
        /// Whether somebody feeds it.
        active: Option<bool>,
        /// Processes that hold it open, each once.
        users: Option<Vec<String>>,
    }

    /// Persistent reservations on a disk as a node reads them (`sg_persist`).
    DiskReservation key device {
        /// Kernel name: `sdb`, `dm-2`.
        device: String,
        /// Identity of the LUN, as in `disks.identity`.
        identity: Option<String>,
        /// Registered keys, one for each path that registered: `0x1b6e0000`.
        keys: Option<Vec<String>>,
        /// Key that holds the reservation; empty for none.
        holder: Option<String>,
        /// Type: `write-exclusive-registrants-only` ...; empty for none.
        reservation_type: Option<String>,
        /// Generation.
        generation: Option<i64>,
        /// Types that the device says it supports (REPORT CAPABILITIES).
        supported_types: Option<Vec<String>>,
        /// Whether it supports persistent reservations at all.
        supported: Option<bool>,
    }

    /// A device that fences nodes: a primitive of class `stonith`.
    FencingDevice key id {
        /// Its id.
        id: String,
        /// Agent: `stonith:fence_ipmilan`.
        agent: Option<String>,
        /// Whether it is inside a clone.
        cloned: Option<bool>,
        /// Nodes that it is configured for (`pcmk_host_list`, `pcmk_host_map`); missing where it asks the device.
        hosts: Option<Vec<String>>,
        /// How it finds its nodes (`pcmk_host_check`): `static-list`, `dynamic-list`, `status`, `none`.
        host_check: Option<String>,
        /// Longest random delay before it acts; 0 for none.
        delay_max_ms: Option<Millis>,
        /// Fixed delay before it acts, the longest over its nodes; 0 for none.
        delay_base_ms: Option<Millis>,
        /// Whether it takes part in unfencing (`provides=unfencing`).
        unfencing: Option<bool>,
        /// Disks that it acts on (`devices`, `sbd_device`, `sbd_devices`); empty for none.
        devices: Option<Vec<String>>,
        /// Whether it is disabled or unmanaged.
        disabled: Option<bool>,
        /// Nodes that it is started on; missing where status is not known.
        running_on: Option<Vec<String>>,
        /// Derived: nodes of the cluster that it can fence; missing where that is asked of the device.
        covers: Option<Vec<String>>,
    }
}
