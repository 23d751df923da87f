//! Inventory to facts: hosts, storage targets and witness endpoints, asked side by side, answer with facts.
//!
//! One host's failure is a gap in the facts, never the end of the run. Everything a host says is bounded in size, never
//! passed to a shell, and kept free of control characters. Secrets never enter facts.

pub mod answer;
pub mod bundle;
mod child;
pub mod cluster;
pub mod collectors;
pub mod explain;
mod limits;
pub mod linux;
mod local;
mod mesh;
mod plan;
mod ports;
mod progress;
mod recording;
mod run;
pub mod script;
mod ssh;
pub mod target;
pub mod validation;
mod witness;

#[cfg(test)]
mod tests;

pub use limits::Cancel;
pub use plan::{DryRun, Step, plan};
pub use ports::{PortNeed, PortUse, ports};
pub use progress::{Finish, Progress, Subject, SubjectKind, Unwatched};
pub use run::{Found, ProbeOptions, run};
