//! Facts of Pacemaker: the cluster information base (CIB), its status, and what is particular to a node.
//!
//! Options were renamed with 3.0.2 (`stonith-*` to `fencing-*`): the new name counts before the old one, as in Pacemaker itself.
//! Values of secret parameters never come here.

use super::fencing::FencingDevice;
use super::meta::{Fact, FieldType, Record, RecordType, Type, Value};
use super::units::Millis;
use crate::records;

records! {
    /// What the CIB says, and the cluster's status beside it. See Pacemaker Explained.
    Pacemaker {
        /// Version of Pacemaker on the designated controller (`dc-version`).
        version: Option<String>,
        /// Layer below: `corosync`.
        infrastructure: Option<String>,
        /// Version of the CIB: `admin_epoch.epoch.num_updates`.
        cib_version: Option<String>,
        /// Schema of the CIB (`validate-with`): `pacemaker-3.9`.
        schema: Option<String>,
        /// Node that is the designated controller; empty for none.
        controller: Option<String>,
        /// Whether the partition that told has quorum.
        quorate: Option<bool>,
        /// Every option of the cluster that is set, as written.
        options: Option<Vec<NamedValue>>,
        /// Options that are set under the old and the new name to different values: `stonith-enabled and fencing-enabled`.
        contradictions: Option<Vec<String>>,
        /// Whether nodes are fenced (`fencing-enabled`, `stonith-enabled`), true by default.
        fencing_enabled: Option<bool>,
        /// How long fencing may take (`fencing-timeout`, `stonith-timeout`), 60 s by default.
        fencing_timeout_ms: Option<Millis>,
        /// Time after which a node that lost contact is taken to have fenced itself (`fencing-watchdog-timeout`); 0 for not used,
        /// -1 for twice the time-out of the watchdog.
        fencing_watchdog_timeout_ms: Option<Millis>,
        /// Whether a watchdog is there (`have-watchdog`).
        have_watchdog: Option<bool>,
        /// Whether several fencing actions may run at once.
        concurrent_fencing: Option<bool>,
        /// Whether nodes that were never seen are fenced at start.
        startup_fencing: Option<bool>,
        /// Delay for the node with the more important resources; 0 for none.
        priority_fencing_delay_ms: Option<Millis>,
        /// What happens without quorum: `stop`, `freeze`, `ignore`, `demote`, `fence`, `suicide`.
        no_quorum_policy: Option<String>,
        /// Whether all resources are left alone.
        maintenance_mode: Option<bool>,
        /// Whether a failed start counts as reason to move at once.
        start_failure_is_fatal: Option<bool>,
        /// How long to wait for a designated controller.
        dc_deadtime_ms: Option<Millis>,
        /// How often the cluster is looked at anew.
        recheck_interval_ms: Option<Millis>,
        /// Default stickiness of resources, 0 for none; `INFINITY` is 1000000.
        resource_stickiness: Option<i64>,
        /// Default number of failures after which a resource moves; `INFINITY` is 1000000.
        migration_threshold: Option<i64>,
        /// Default time-out of operations that is set, 0 for none set.
        operation_timeout_ms: Option<Millis>,
        /// Nodes of the cluster, remote ones too.
        nodes: Option<Vec<PacemakerMember>>,
        /// Primitive resources, fencing devices too.
        resources: Option<Vec<PacemakerResource>>,
        /// Clones and promotable resources.
        clones: Option<Vec<PacemakerClone>>,
        /// Devices that fence nodes.
        fencing_devices: Option<Vec<FencingDevice>>,
        /// Derived: nodes that no fencing device covers; missing where a device must be asked.
        unfenced_nodes: Option<Vec<String>>,
        /// Levels of fencing.
        fencing_levels: Option<Vec<FencingLevel>>,
        /// Constraints.
        constraints: Option<Vec<PacemakerConstraint>>,
        /// Operations that failed and were not cleaned up.
        failures: Option<Vec<PacemakerFailure>>,
        /// Fencing actions that are remembered (`stonith_admin --history`, `crm_mon`).
        fencing_history: Option<Vec<FencingEvent>>,
        /// Ids of constraints that hold several rules.
        several_rules: Option<Vec<String>>,
    }

    /// A name with its value.
    NamedValue key name {
        /// The name.
        name: String,
        /// The value as written; `(cut)` for what may be secret.
        value: Option<String>,
    }

    /// A node as Pacemaker knows it.
    PacemakerMember key name {
        /// Its name (`uname`).
        name: String,
        /// Its id.
        id: Option<String>,
        /// Kind: `member`, `remote`, `guest`.
        kind: Option<String>,
        /// Whether it is online.
        online: Option<bool>,
        /// Whether its state is not known to the cluster (UNCLEAN).
        unclean: Option<bool>,
        /// Whether it is on standby.
        standby: Option<bool>,
        /// Whether its resources are left alone.
        maintenance: Option<bool>,
        /// Whether it is about to shut down.
        shutting_down: Option<bool>,
    }

    /// A primitive resource.
    PacemakerResource key id {
        /// Its id.
        id: String,
        /// Agent: `ocf:heartbeat:Filesystem`, `stonith:fence_scsi`, `systemd:nginx`.
        agent: Option<String>,
        /// Group that it is in; empty for none.
        group: Option<String>,
        /// Clone that it, or its group, is in; empty for none.
        clone: Option<String>,
        /// Whether the cluster starts and stops it.
        managed: Option<bool>,
        /// Role that it shall have (`target-role`); empty for none set.
        target_role: Option<String>,
        /// Its parameters.
        parameters: Option<Vec<NamedValue>>,
        /// Its meta attributes.
        meta: Option<Vec<NamedValue>>,
        /// Its operations.
        operations: Option<Vec<PacemakerOperation>>,
        /// Nodes that it runs on; missing where status is not known.
        running_on: Option<Vec<String>>,
        /// Whether it failed; missing where status is not known.
        failed: Option<bool>,
    }

    /// An operation of a resource.
    PacemakerOperation key id {
        /// Its id, or name and interval where it has none.
        id: String,
        /// Name: `monitor`, `start`, `stop`.
        name: Option<String>,
        /// Time between two of them; 0 for once.
        interval_ms: Option<Millis>,
        /// Time-out; missing where none is set.
        timeout_ms: Option<Millis>,
        /// Role that it is for; empty for all.
        role: Option<String>,
        /// What happens when it fails (`on-fail`); empty for the default.
        on_fail: Option<String>,
    }

    /// A clone.
    PacemakerClone key id {
        /// Its id.
        id: String,
        /// Primitives in it.
        resources: Option<Vec<String>>,
        /// Whether it has a promoted role.
        promotable: Option<bool>,
        /// Whether an instance waits for its own node's instances only.
        interleave: Option<bool>,
        /// Whether constraints of order name it.
        ordered: Option<bool>,
    }

    /// A level of fencing.
    FencingLevel key id {
        /// Its id.
        id: String,
        /// Node, pattern or attribute that it is for.
        target: Option<String>,
        /// Its place, from 1.
        level: Option<i64>,
        /// Devices that act together.
        devices: Option<Vec<String>>,
    }

    /// A constraint.
    PacemakerConstraint key id {
        /// Its id.
        id: String,
        /// Kind: `location`, `colocation`, `order`, `ticket`.
        kind: Option<String>,
        /// Resources that it is about.
        resources: Option<Vec<String>>,
        /// Node that it is about; empty for none.
        node: Option<String>,
        /// Score or kind of order, as written; empty for none.
        score: Option<String>,
    }

    /// An operation that failed.
    PacemakerFailure key id {
        /// Resource, operation and node: `vip_monitor_10000 on hv1`.
        id: String,
        /// Resource.
        resource: Option<String>,
        /// Node.
        node: Option<String>,
        /// Operation.
        operation: Option<String>,
        /// What it ended with: `not running`, `timeout`.
        status: Option<String>,
        /// The agent's own words.
        reason: Option<String>,
    }

    /// A fencing action that is remembered.
    FencingEvent key id {
        /// Target, action and when it ended.
        id: String,
        /// Node that was to be fenced.
        target: Option<String>,
        /// Action: `reboot`, `off`, `on`.
        action: Option<String>,
        /// What it came to: `success`, `failed`, `pending`.
        status: Option<String>,
    }

    /// Pacemaker as one node has it.
    PacemakerNode {
        /// Version installed.
        version: Option<String>,
        /// Version of its copy of the CIB.
        cib_version: Option<String>,
        /// SHA-256 over the configuration part of its copy of the CIB.
        cib_sha256: Option<String>,
        /// Owner and group of its copy on disk, as `hacluster:haclient`.
        cib_owner: Option<String>,
        /// Permissions of its copy on disk in octal, as `0600`.
        cib_mode: Option<String>,
        /// Whether it is in contact with the cluster: it runs and answers.
        answers: Option<bool>,
        /// What `crm_verify` ended with: 0 for valid, 78 for a configuration that is not.
        verify_status: Option<i64>,
        /// What `crm_verify` complains of.
        verify_messages: Option<Vec<String>>,
        /// Resource agents installed: `ocf:heartbeat:Filesystem`.
        agents: Option<Vec<String>>,
        /// Fence agents installed: `fence_ipmilan`.
        fence_agents: Option<Vec<String>>,
        /// SHA-256 of `/etc/pacemaker/authkey`, for remote nodes; empty where there is none. Never the key.
        remote_authkey_sha256: Option<String>,
        /// Whether a key for booth is there.
        booth_key: Option<bool>,
        /// Names of the members that are online in its eyes.
        online: Option<Vec<String>>,
        /// Settings of its daemons (`/etc/sysconfig/pacemaker`, `/etc/default/pacemaker`), the last of a name, sorted; empty
        /// where all have their defaults.
        settings: Option<Vec<NamedValue>>,
    }
}
