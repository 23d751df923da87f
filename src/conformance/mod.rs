//! Active storage tests: what a cluster's failover asks of a logical unit, tried with simulated nodes, and undone.
//!
//! Always holds: nothing is changed before the gate has passed and the run file is on disk; whatever a run puts on a logical
//! unit bears its mark; what bears no mark of ours is never touched.

pub mod cast;
pub mod cleanup;
pub mod content;
pub mod facts;
pub mod gate;
pub mod journal;
pub mod judge;
pub mod key;
pub mod latency;
pub mod oracle;
pub mod outcome;
pub mod plan;
pub mod residue;
pub mod run;
pub mod stage;
pub mod step;
pub mod steps;
pub mod suitability;
pub mod undo;
