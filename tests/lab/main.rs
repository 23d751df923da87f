//! The lab: the program and its library against real peers (tgt, istgt, OpenSSH's sshd) on loopback, and against a real
//! cluster of Corosync and Pacemaker in namespaces.
//!
//! Each test starts its own peer on ports of its own and ends it by its pid. A test whose peer is missing fails with
//! one line that says what to install, unless `QUORATE_LAB=off`.

mod browser;
mod cluster;
mod cluster_faults;
mod conformance;
mod crash;
mod full_disk;
mod initiator;
mod peers;
mod program;
mod simtarget;
mod terminal;

/// A run of the crash tests, in a process of its own.
#[test]
fn crash_child() {
    crash::child();
}
