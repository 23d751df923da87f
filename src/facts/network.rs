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

    /// A way that was measured.
    Link {
        /// Node it starts at.
        from: Option<String>,
        /// Node or portal it ends at.
        to: Option<String>,
        /// Network it runs over.
        network: Option<String>,
        /// Whether anything came through.
        reachable: Option<bool>,
        /// Round trip.
        round_trip_us: Option<Micros>,
    }
}
