//! Facts of Corosync on one node: what its file says, what runs, and what it sees of the other nodes.
//!
//! Three places may state the same thing: the file, the running daemon (cmap), and the default of the release. The fields of
//! [`Corosync`] are the file's with defaults applied, [`Corosync::stated`] names what the file itself states, and
//! [`CorosyncRuntime`] is what the daemon uses.

use super::meta::{Fact, FieldType, Record, RecordType, Type, Value};
use super::pacemaker::NamedValue;
use super::units::Millis;
use crate::records;

records! {
    /// Corosync on a node. See corosync.conf(5), votequorum(5), corosync-qdevice(8).
    Corosync {
        /// Whether the file is there.
        present: Option<bool>,
        /// SHA-256 over the file without comments, blank lines, indentation and keys.
        config_sha256: Option<String>,
        /// Number of the configuration (`config_version`), 0 where the file has none.
        config_version: Option<i64>,
        /// Settings that the file itself states, as `totem.token`, `quorum.device.net.host`, `interface.mcastport`, each once, sorted.
        stated: Option<Vec<String>>,
        /// Name of the cluster, empty for none.
        cluster_name: Option<String>,
        /// Transport: `knet`, `udpu`, `udp`.
        transport: Option<String>,
        /// Token time-out, the default where the file says nothing, without the part that grows with the number of nodes.
        token_ms: Option<Millis>,
        /// Time that each node beyond the second adds to the token time-out.
        token_coefficient_ms: Option<Millis>,
        /// Consensus time-out, 1.2 times the token in force where the file says nothing.
        consensus_ms: Option<Millis>,
        /// Join time-out.
        join_ms: Option<Millis>,
        /// Messages that one holder of the token may send.
        max_messages: Option<i64>,
        /// Retransmits of the token before it counts as lost (`token_retransmits_before_loss_const`).
        token_retransmits: Option<i64>,
        /// Part of the token time-out after which the log warns, in per cent; 0 is never.
        token_warning_percent: Option<i64>,
        /// Cipher: `aes256`, `none` ...
        crypto_cipher: Option<String>,
        /// Hash: `sha256`, `none` ...
        crypto_hash: Option<String>,
        /// Whether traffic between nodes is authenticated and encrypted, by `secauth` or cipher and hash.
        encrypted: Option<bool>,
        /// Redundant ring mode of Corosync 2: `none`, `passive`, `active`; empty with 3.
        rrp_mode: Option<String>,
        /// How knet uses several links: `passive`, `active`, `rr`.
        link_mode: Option<String>,
        /// Provider of quorum, empty for none.
        provider: Option<String>,
        /// Votes expected, 0 where the node list decides.
        expected_votes: Option<i64>,
        /// Whether `two_node` is on.
        two_node: Option<bool>,
        /// Whether all nodes must have been seen once before there is quorum, as stated or implied by `two_node`.
        wait_for_all: Option<bool>,
        /// Whether half of the votes may be enough (`auto_tie_breaker`).
        auto_tie_breaker: Option<bool>,
        /// Whether quorum follows nodes that fail one by one (`last_man_standing`).
        last_man_standing: Option<bool>,
        /// Whether quorum follows nodes that leave (`allow_downscale`).
        allow_downscale: Option<bool>,
        /// Links that every node of the list has an address for.
        links: Option<i64>,
        /// Names in the node list.
        members: Option<Vec<String>>,
        /// The node list.
        nodelist: Option<Vec<CorosyncMember>>,
        /// Blocks `interface` of the file.
        interfaces: Option<Vec<CorosyncInterface>>,
        /// Model of the quorum device: `net`, empty for none.
        qdevice_model: Option<String>,
        /// Host of the quorum device, empty for none.
        qdevice_host: Option<String>,
        /// Algorithm of the quorum device: `ffsplit`, `lms`; empty for none.
        qdevice_algorithm: Option<String>,
        /// Votes of the quorum device that the file states, 0 for none stated.
        qdevice_votes: Option<i64>,
        /// TLS to the quorum device: `on`, `off`, `required`; empty for no device.
        qdevice_tls: Option<String>,
        /// How long the quorum device has to answer.
        qdevice_timeout_ms: Option<Millis>,
        /// How long it has while membership changes.
        qdevice_sync_timeout_ms: Option<Millis>,
        /// State by the daemon's own word (`corosync-qdevice-tool -s`): `Connected`; empty for no device.
        qdevice_state: Option<String>,
        /// Whether it gave this node its vote; false where it is there and does not.
        qdevice_votes_cast: Option<bool>,
        /// SHA-256 of `/etc/corosync/authkey`, empty where there is none. Never the key.
        authkey_sha256: Option<String>,
        /// Size of that key in bytes, 0 for none.
        authkey_bytes: Option<i64>,
        /// Its permissions in octal, as `0400`; empty for none.
        authkey_mode: Option<String>,
        /// Its owner and group, as `root:root` or by number; empty for none.
        authkey_owner: Option<String>,
        /// What the running daemon uses.
        runtime: CorosyncRuntime,
        /// Links as this node sees them.
        link_states: Option<Vec<CorosyncLink>>,
        /// Quorum as this node sees it.
        quorum: Quorum,
        /// Lines about retransmits in the log of the last day.
        retransmit_lines: Option<i64>,
        /// Lines about a token that was late in the log of the last day.
        token_warning_lines: Option<i64>,
        /// Settings of its daemons (`/etc/sysconfig/corosync`, `/etc/default/corosync`), the last of a name, sorted; empty
        /// where all have their defaults.
        settings: Option<Vec<NamedValue>>,
    }

    /// A node of Corosync's node list.
    CorosyncMember key id {
        /// What tells it from the others: its name, else its node id, else its first address.
        id: String,
        /// Its name, empty for none.
        name: Option<String>,
        /// Its node id, 0 for none.
        nodeid: Option<i64>,
        /// Its votes, 1 where the file says nothing.
        votes: Option<i64>,
        /// Its links.
        addresses: Option<Vec<CorosyncAddress>>,
    }

    /// Address of a member on one link.
    CorosyncAddress key link {
        /// Number of the link, from 0.
        link: i64,
        /// Address or name.
        address: Option<String>,
        /// Whether it is an address, not a name.
        literal: Option<bool>,
    }

    /// A block `interface` of corosync.conf.
    CorosyncInterface key number {
        /// Number of the link or ring.
        number: i64,
        /// Network it binds to; empty for none.
        bind_network: Option<String>,
        /// Multicast address; empty for none.
        multicast_address: Option<String>,
        /// Port, 0 where the default applies.
        port: Option<i64>,
        /// Transport below knet: `udp`, `sctp`.
        knet_transport: Option<String>,
    }

    /// What the running daemon of Corosync uses (`corosync-cmapctl`, `runtime.*`).
    CorosyncRuntime {
        /// Token time-out in force.
        token_ms: Option<Millis>,
        /// Consensus time-out in force.
        consensus_ms: Option<Millis>,
        /// Join time-out in force.
        join_ms: Option<Millis>,
        /// Messages that one holder of the token may send.
        max_messages: Option<i64>,
        /// Retransmits of the token before it counts as lost.
        token_retransmits: Option<i64>,
        /// Token time-out that the daemon was given (`totem.token`), without the part that grows with the nodes.
        configured_token_ms: Option<Millis>,
        /// Transport in use.
        transport: Option<String>,
        /// Links in use.
        links: Option<i64>,
        /// Time after which a link of knet counts as down.
        knet_ping_timeout_ms: Option<Millis>,
        /// Time between two pings of knet.
        knet_ping_interval_ms: Option<Millis>,
        /// Whether two-node mode is in force.
        two_node: Option<bool>,
        /// Number of the configuration that runs.
        config_version: Option<i64>,
        /// Numbers of the configurations that the members run, each once.
        member_config_versions: Option<Vec<i64>>,
        /// Node ids that have joined.
        members: Option<Vec<i64>>,
        /// Derived: settings whose running value is not the one that the file gives: `totem.token: file 5000, running 3000`.
        differences: Option<Vec<String>>,
    }

    /// A link of Corosync as one node sees it (`corosync-cfgtool -s`, `-n`).
    CorosyncLink key number {
        /// Its number, from 0.
        number: i64,
        /// Address of this node on it.
        address: Option<String>,
        /// Whether it works towards every peer.
        healthy: Option<bool>,
        /// State as the tool says it: `FAULTY`, `OK`, or the states of its peers.
        status: Option<String>,
        /// Other nodes that it does not reach, by name or node id.
        disconnected: Option<Vec<String>>,
        /// Least MTU towards a peer, 0 where the tool does not tell.
        mtu: Option<i64>,
    }

    /// Quorum as one node sees it (`corosync-quorumtool -s`).
    Quorum {
        /// Whether its partition has quorum.
        quorate: Option<bool>,
        /// Nodes in its partition.
        nodes: Option<i64>,
        /// Votes expected.
        expected_votes: Option<i64>,
        /// Most votes that a member expects.
        highest_expected: Option<i64>,
        /// Votes that are there.
        total_votes: Option<i64>,
        /// Votes that are needed.
        quorum: Option<i64>,
        /// Flags: `2Node`, `Quorate`, `WaitForAll`, `Qdevice`.
        flags: Option<Vec<String>>,
        /// Names or node ids of the members of its partition, without the quorum device.
        members: Option<Vec<String>>,
    }
}
