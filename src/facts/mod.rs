//! The facts document: what is known of a cluster, typed, defined once, with provenance and gaps.
//!
//! Facts are three-valued: known, or missing with a reason. A missing fact is absent from the JSON, and an entry of
//! [`Document::gaps`] tells why, by path. "The file says nothing, the default applies" is known. Facts never hold
//! secrets. Every list of records has a key that no two elements share.

mod change;
mod cluster;
mod conformance;
mod corosync;
mod fencing;
mod linux;
mod load;
mod meta;
mod network;
mod node;
mod pacemaker;
mod path;
mod platform;
mod provenance;
mod service;
mod storage;
mod units;

pub use change::*;
pub use cluster::*;
pub use conformance::*;
pub use corosync::*;
pub use fencing::*;
pub use linux::*;
pub use load::*;
pub use meta::*;
pub use network::*;
pub use node::*;
pub use pacemaker::*;
pub use path::*;
pub use platform::*;
pub use provenance::*;
pub use service::*;
pub use storage::*;
pub use units::*;
