//! An iSCSI target inside the process, with persistent reservations and named faults, for the demonstration and for tests.
//!
//! It says of itself that it is a demonstration target (`QUORATE DEMO DISK`); with no fault on it follows RFC 7143,
//! SPC-4 and SBC-3 as far as clusters rely on them. Always holds: a hostile initiator ends as a closed connection, memory
//! is bounded, and when a target is dropped no thread and no socket is left.

mod admission;
pub mod attention;
mod block;
pub mod chaos;
mod command;
pub mod config;
mod connection;
mod describe;
mod discovery;
pub mod fault;
mod inlet;
mod login;
mod negotiate;
mod outbox;
mod persistent;
pub mod reservations;
mod server;
mod state;
pub mod store;
#[cfg(test)]
mod tests;
mod transfer;
mod unit;

pub use config::Config;
pub use fault::{Fault, FaultSet};
pub use server::{LunHandle, SimTarget, Snapshot};
pub use state::Stats;
