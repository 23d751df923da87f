//! Facts of the networks that join the nodes, and of the ways over them.

use super::meta::{ChoiceType, Fact, FieldType, Record, RecordType, Type, Value};
use super::units::Micros;
use crate::{choices, records};

choices! {
    /// What a network is for.
    NetworkRole {
        /// The cluster's own traffic.
        Cluster = "cluster",
        /// Shared storage.
        Storage = "storage",
        /// Clients of the services.
        Client = "client",
        /// Moving virtual machines.
        Migration = "migration",
        /// Managing the nodes.
        Management = "management",
    }
}

choices! {
    /// What was measured on a way.
    LinkKind {
        /// ICMP echo: reach, loss, round trip, path MTU.
        Icmp = "icmp",
        /// A TCP port.
        Tcp = "tcp",
    }
}

records! {
    /// A network of the plan.
    Network key name {
        /// Name the plan gives it.
        name: String,
        /// What it is for.
        role: Option<NetworkRole>,
        /// Its subnets: `10.0.0.0/24`.
        subnets: Option<Vec<String>>,
        /// MTU that the plan asks for.
        expected_mtu: Option<i64>,
        /// Switches that carry it (declared).
        switches: Option<Vec<String>>,
        /// What the cluster uses it for, once there is one: `none`, `cluster`, `cluster-and-client` (roles 0, 1 and 3 of Windows).
        cluster_use: Option<String>,
        /// Derived: other networks with a subnet that overlaps one of these.
        overlaps: Option<Vec<String>>,
    }

    /// Derived: two nodes and what joins them.
    NodePair key name {
        /// Both names: `hv1 - hv2`.
        name: String,
        /// The first node.
        a: String,
        /// The second node.
        b: String,
        /// Networks on which both have an interface that is up, without those for storage.
        networks: Option<Vec<String>>,
    }

    /// A way that was measured, or should have been: from one node to another, to a portal, or to a name.
    Link key name {
        /// What tells it from the others: `hv1 > hv2 cluster icmp`, `hv1 > 10.0.1.10:3260`, `hv1 > hv2 tcp/2224`.
        name: String,
        /// What was measured.
        kind: Option<LinkKind>,
        /// Node it starts at.
        from: Option<String>,
        /// Node, portal or host that it ends at.
        to: Option<String>,
        /// What it ends at: `node`, `portal`, `qdevice`, `remote` (a remote node of Pacemaker).
        to_kind: Option<String>,
        /// Network of the plan it runs over, or `link 0` of Corosync; empty for none.
        network: Option<String>,
        /// Address that it starts at; empty where the node chooses.
        source_address: Option<String>,
        /// Address, or name, that it ends at.
        address: Option<String>,
        /// Port; 0 for ICMP.
        port: Option<i64>,
        /// Whether anything came through. For a port: whether it took the connection.
        reachable: Option<bool>,
        /// Packets that were sent, of those that measure loss and round trip.
        sent: Option<i64>,
        /// Packets without an answer.
        lost: Option<i64>,
        /// Round trip, the median.
        round_trip_us: Option<Micros>,
        /// Round trip, the longest.
        longest_round_trip_us: Option<Micros>,
        /// MTU of the interface that it starts at.
        interface_mtu: Option<i64>,
        /// Largest packet that came through without being fragmented, its IP header counted. What is larger than the MTU of
        /// the interface that it starts at is not tried; 0 where none of those that were tried came through.
        path_mtu: Option<i64>,
        /// What went wrong, in the words of who tried: `No route to host`; empty for nothing.
        trouble: Option<String>,
        /// Derived: what its network is for; empty for a way that is on no network of the plan.
        role: Option<String>,
        /// Derived: the MTU that it should carry: what the plan asks of its network, else the MTU of the interface that it
        /// starts at.
        wanted_mtu: Option<i64>,
        /// Derived: whether anything came through the other way, by what the other node measured.
        back_reachable: Option<bool>,
        /// Derived: largest packet that came through the other way.
        back_path_mtu: Option<i64>,
    }
}
