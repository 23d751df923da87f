//! The target over TCP, with the project's own initiator and, by hand, with others.

mod bench;
mod faults;
mod hostile;
mod serve;
mod wire;
