//! `quorate` tells whether a failover cluster will fail over when it has to, before it is deployed.
//!
//! Data runs one way: inventory, probe, facts, derive, rules, report. Each module is a room of that house
//! and imports only from the rooms listed above it here.

pub mod cli;
pub mod conformance;
pub mod derive;
pub mod expr;
pub mod facts;
pub mod inventory;
pub mod iscsi;
pub mod probe;
pub mod redact;
pub mod report;
pub mod requirement;
pub mod rule;
pub mod scsi;
pub mod simtarget;
pub mod source;
pub mod validation;
