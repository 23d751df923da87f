//! Linux: one parser for each output, pure from text to facts.

mod bonding;
mod cfgtool;
mod cib;
mod clock;
pub mod cluster;
mod cmap;
mod corosync;
mod crm_mon;
mod crm_verify;
mod disks;
mod dlm;
mod dmi;
mod drbd;
mod ethtool;
mod firewall;
mod firewalld;
mod hba;
mod health;
mod interfaces;
mod interfaces_text;
mod iscsi_config;
mod iscsi_sessions;
mod kernel_modules;
mod key_file;
mod lldp;
mod lvm;
mod mounts;
mod multipath;
mod multipath_config;
mod names;
pub mod node;
mod os;
mod packages;
mod processes;
mod processor;
mod quorumtool;
mod reboot;
mod reservations;
mod routes;
mod sbd;
mod security;
mod services;
mod services_text;
mod sysctls;
mod sysfs_block;
mod sysfs_net;
mod team;
mod text;
mod watchdogs;
mod xml;

/// A public sample, where the folder of samples is at hand.
#[cfg(test)]
fn sample(name: &str) -> Option<String> {
    let folder = std::env::var_os("QUORATE_SAMPLES")?;
    let path = std::path::Path::new(&folder).join("linux").join(name);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}
