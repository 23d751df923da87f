//! Linux: one parser for each output, pure from text to facts.

pub mod bonding;
pub mod clock;
pub mod corosync;
pub mod disks;
pub mod dmi;
pub mod ethtool;
pub mod firewall;
pub mod hba;
pub mod interfaces;
pub mod interfaces_text;
pub mod iscsi_config;
pub mod iscsi_sessions;
pub mod lldp;
pub mod mounts;
pub mod multipath;
pub mod names;
pub mod node;
pub mod os;
pub mod packages;
pub mod processor;
pub mod reboot;
pub mod routes;
pub mod services;
pub mod sysfs_block;
pub mod sysfs_net;
pub mod team;
mod text;

/// A public sample, where the folder of samples is at hand.
#[cfg(test)]
fn sample(name: &str) -> Option<String> {
    let folder = std::env::var_os("QUORATE_SAMPLES")?;
    let path = std::path::Path::new(&folder).join("linux").join(name);
    Some(std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}
