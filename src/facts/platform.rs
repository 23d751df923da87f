//! Facts that are particular to one platform: high availability of virtual machines, Windows failover clusters, Veritas Cluster
//! Server.

use super::meta::{Fact, FieldType, Record, RecordType, Type, Value};
use super::units::{Bytes, Millis, Seconds};
use crate::records;

records! {
    /// How a platform starts virtual machines again: vSphere HA and DRS, the high availability of a XenServer pool, of Proxmox VE.
    HighAvailability {
        /// Whether it is on.
        enabled: Option<bool>,
        /// Version of the management server: VirtualCenter, vCenter.
        management_version: Option<String>,
        /// Whether powering on is refused where the guarantee would break.
        admission_control: Option<bool>,
        /// Kind of admission control: `hosts`, `percentage`, `dedicated-hosts`.
        admission_policy: Option<String>,
        /// Host failures that are to be tolerated.
        failures_to_tolerate: Option<i64>,
        /// Host failures that can be tolerated now.
        failures_tolerated: Option<i64>,
        /// Percentage of memory kept free.
        memory_percent: Option<i64>,
        /// Percentage of processor time kept free.
        cpu_percent: Option<i64>,
        /// Hosts that are kept free.
        failover_hosts: Option<Vec<String>>,
        /// Colour or word for the state of the whole: `green`, `yellow`, `red`.
        status: Option<String>,
        /// Whether hosts are watched.
        host_monitoring: Option<bool>,
        /// Whether virtual machines are watched through their tools: `disabled`, `vm`, `vm-and-application`.
        vm_monitoring: Option<String>,
        /// Whether loss of storage is acted on (VM Component Protection).
        component_protection: Option<bool>,
        /// Volumes with heartbeats or the state file.
        heartbeat_volumes: Option<Vec<String>>,
        /// Addresses that a host tries when it thinks itself alone.
        isolation_addresses: Option<Vec<String>>,
        /// What an isolated host does with its virtual machines: `leave`, `shutdown`, `power-off`.
        isolation_response: Option<String>,
        /// Time after which a host that is not heard of counts as failed.
        timeout_s: Option<Seconds>,
        /// Whether more is promised than fits.
        overcommitted: Option<bool>,
        /// Whether virtual machines are spread over hosts (DRS).
        scheduler: Option<bool>,
        /// How far that goes by itself: `manual`, `partially-automated`, `fully-automated`.
        scheduler_automation: Option<String>,
        /// Least common set of processor features that all hosts show (EVC mode); empty for none.
        evc_mode: Option<String>,
        /// Watchdog of the hosts: `softdog`, `iTCO_wdt`, `ipmi`; empty for none.
        watchdog: Option<String>,
        /// Advanced options as `name=value`.
        options: Option<Vec<String>>,
        /// Whether hosts start virtual machines by themselves when they boot.
        automatic_start: Option<bool>,
    }

    /// What is particular to a Windows failover cluster.
    Wsfc {
        /// Functional level: `8` for 2012, `9` for 2012 R2 and 2016 in mixed mode, `10`, `11`, `12`.
        functional_level: Option<i64>,
        /// Quorum: `majority`, `node-majority`, `node-and-disk-majority`, `node-and-file-share-majority`, `disk-only`, `cloud`.
        quorum: Option<String>,
        /// Whether votes follow the nodes that are up (dynamic quorum).
        dynamic_quorum: Option<bool>,
        /// Whether Cluster Shared Volumes are switched on; always so from 2012 on.
        shared_volumes: Option<bool>,
        /// Whether storage is made of the nodes' own disks (Storage Spaces Direct).
        storage_spaces_direct: Option<bool>,
        /// Free space of the pool of Storage Spaces Direct.
        pool_free_bytes: Option<Bytes>,
        /// Where its name is kept: `active-directory-and-dns`, `dns`, `none`.
        access_point: Option<String>,
        /// Its addresses.
        addresses: Option<Vec<String>>,
        /// Whether the last validation passed: `passed`, `warnings`, `failed`, `none`.
        validation: Option<String>,
        /// Time between heartbeats within a subnet (SameSubnetDelay).
        same_subnet_delay_ms: Option<Millis>,
        /// Heartbeats within a subnet that may be missed (SameSubnetThreshold).
        same_subnet_threshold: Option<i64>,
        /// Time between heartbeats across subnets (CrossSubnetDelay).
        cross_subnet_delay_ms: Option<Millis>,
        /// Heartbeats across subnets that may be missed (CrossSubnetThreshold).
        cross_subnet_threshold: Option<i64>,
        /// Length of the history of routes (RouteHistoryLength).
        route_history_length: Option<i64>,
        /// Time for arbitration of the quorum disk (QuorumArbitrationTimeMax).
        quorum_arbitration_s: Option<Seconds>,
        /// Failures within an hour after which a node is quarantined (QuarantineThreshold).
        quarantine_threshold: Option<i64>,
        /// How long a node is quarantined (QuarantineDuration).
        quarantine_duration_s: Option<Seconds>,
    }

    /// What is particular to Veritas Cluster Server (InfoScale Availability).
    Vcs {
        /// Where it runs: `host`, `guest`.
        layer: Option<String>,
        /// Mode of I/O fencing in `/etc/vxfenmode`: `scsi3`, `customized`, `majority`, `disabled`; empty where there is no file.
        fencing_mode: Option<String>,
        /// Mechanism where the mode is `customized`: `cps`; empty for none.
        fencing_mechanism: Option<String>,
        /// What decides who survives.
        coordination_points: Option<Vec<CoordinationPoint>>,
    }

    /// A coordination point of I/O fencing.
    CoordinationPoint key name {
        /// Its name: a disk, or `server:port`.
        name: String,
        /// Its kind: `disk`, `server`.
        kind: Option<String>,
        /// Array or machine that it is on.
        enclosure: Option<String>,
        /// Size, for a disk.
        size_bytes: Option<Bytes>,
        /// Whether it supports persistent reservations of SCSI-3, for a disk.
        persistent_reservations: Option<bool>,
        /// Whether anything is kept on it.
        holds_data: Option<bool>,
        /// Nodes that see it.
        nodes: Option<Vec<String>>,
    }
}
