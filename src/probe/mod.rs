//! Inventory to facts: hosts, storage targets and witness endpoints, asked side by side, answer with facts.
//!
//! One host's failure is a gap in the facts, never the end of the run. Everything a host says is bounded in size, never
//! passed to a shell, and kept free of control characters. Secrets never enter facts.

pub mod answer;
pub mod collectors;
pub mod explain;
pub mod linux;
pub mod script;
pub mod target;
