//! What a simulated target is made of: portals, targets, units, credentials, what it negotiates, its limits.
//!
//! Always holds: a configuration that passed [`Config::validate`] starts unless an address is taken; nothing is filled
//! in silently.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use secrecy::ExposeSecret;

use super::chaos::Chaos;
use super::fault::{Fault, FaultSet};
pub use crate::iscsi::chap::{Algorithm, Credentials};

/// Name of the target that [`Config::demo`] offers.
pub const DEMO_TARGET: &str = "iqn.2026-01.org.quorate.demo:storage";

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Everything a simulated target is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen on; the order is the order in which discovery lists them.
    pub portals: Vec<Portal>,
    /// The targets, each with its units.
    pub targets: Vec<Target>,
    /// Faults that are on from the start.
    pub faults: FaultSet,
    /// What is offered at login.
    pub negotiation: Negotiation,
    /// Bounds on what initiators may use up.
    pub limits: Limits,
    /// Random misbehaviour on the wire; `None` for none.
    pub chaos: Option<Chaos>,
}

/// One address of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    /// Address to listen on; port 0 takes a free one.
    pub bind: SocketAddr,
    /// Target portal group tag, 1 to 65535; portals with the same tag are one SCSI target port. It also is the relative
    /// target port identifier.
    pub tag: u16,
    /// `host:port` that discovery prints instead of the address bound.
    pub advertise: Option<String>,
}

/// One iSCSI target.
#[derive(Debug, Clone)]
pub struct Target {
    /// iSCSI name (RFC 7143 section 4.2.7), lower case.
    pub name: String,
    /// Human-readable name (`TargetAlias`).
    pub alias: Option<String>,
    /// Indices into [`Config::portals`] where it is offered; empty for all.
    pub portals: Vec<usize>,
    /// Its logical units.
    pub units: Vec<Unit>,
    /// Credentials that initiators must present; `None` to let everybody in.
    pub chap: Option<Chap>,
    /// Initiator names let in; empty for all.
    pub initiators: Vec<String>,
}

/// What a logical unit is for; some faults concern only one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A witness or quorum disk.
    Witness,
    /// A disk for data.
    Data,
}

/// One logical unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Logical unit number, 0 to 16383.
    pub lun: u16,
    /// What it is for.
    pub role: Role,
    /// Size in bytes, a multiple of the block size.
    pub size_bytes: u64,
    /// Logical block size in bytes: 512 or 4096.
    pub block_size: u32,
    /// Logical blocks per physical block, as power of two.
    pub physical_block_exponent: u8,
    /// NAA designator for VPD page 83: 8 or 16 bytes, first half-byte 2, 3, 5 or 6.
    pub naa: Vec<u8>,
    /// Unit serial number for VPD page 80, at most 32 printable characters.
    pub serial: String,
    /// T10 vendor identification, at most 8 printable characters.
    pub vendor: String,
    /// Product identification, at most 16 printable characters.
    pub product: String,
    /// Product revision, at most 4 printable characters.
    pub revision: String,
    /// Thin provisioned: UNMAP and WRITE SAME with UNMAP work, VPD page B2 says so.
    pub thin: bool,
    /// Write protected.
    pub read_only: bool,
    /// Removable medium.
    pub removable: bool,
    /// Reports itself as solid state (VPD page B1).
    pub solid_state: bool,
    /// Reservations of SPC-4; `false` for a unit that knows none.
    pub persistent_reservations: bool,
    /// Compatible reservation handling (SPC-4): RESERVE(6) of a registrant does nothing instead of conflicting.
    pub compatible_reservation_handling: bool,
}

impl Unit {
    /// A unit of 512-byte blocks with an identity made of `seed`, thin, writable, with reservations.
    pub fn new(lun: u16, role: Role, size_bytes: u64, seed: u32) -> Self {
        // NAA type 3 is "locally assigned": no company's number is borrowed.
        let naa = 0x3000_0000_0000_0000_u64 | 0x0071_756f_0000_0000 | u64::from(seed);
        Self {
            lun,
            role,
            size_bytes,
            block_size: 512,
            physical_block_exponent: 3,
            naa: naa.to_be_bytes().to_vec(),
            serial: format!("QD{seed:08X}"),
            vendor: "QUORATE".to_owned(),
            product: "DEMO DISK".to_owned(),
            revision: "1".to_owned(),
            thin: true,
            read_only: false,
            removable: false,
            solid_state: true,
            persistent_reservations: true,
            compatible_reservation_handling: true,
        }
    }
}

/// Authentication that a target demands.
#[derive(Debug, Clone)]
pub struct Chap {
    /// What the initiator must present.
    pub initiator: Credentials,
    /// What the target presents when the initiator asks; `None` to refuse that.
    pub target: Option<Credentials>,
    /// Algorithms accepted.
    pub algorithms: Vec<Algorithm>,
}

/// What is offered at login; the outcome also depends on the initiator (RFC 7143 section 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiation {
    /// Accept `CRC32C` for headers.
    pub header_digest: bool,
    /// Accept `CRC32C` for data.
    pub data_digest: bool,
    /// `ImmediateData`.
    pub immediate_data: bool,
    /// `InitialR2T`.
    pub initial_r2t: bool,
    /// Bytes in one data segment that the target takes.
    pub max_recv_data_segment_length: u32,
    /// Bytes of unsolicited data.
    pub first_burst_length: u32,
    /// Bytes in one sequence.
    pub max_burst_length: u32,
    /// Data requests under way for one command.
    pub max_outstanding_r2t: u16,
    /// Commands under way in one session: the width of the CmdSN window.
    pub queue_depth: u16,
    /// Silence after which the target sends a NOP-In; `None` for never.
    pub nop_interval: Option<Duration>,
}

impl Default for Negotiation {
    fn default() -> Self {
        Self {
            header_digest: true,
            data_digest: true,
            immediate_data: true,
            initial_r2t: false,
            max_recv_data_segment_length: 256 * 1024,
            first_burst_length: 64 * 1024,
            max_burst_length: 256 * 1024,
            max_outstanding_r2t: 1,
            queue_depth: 64,
            nop_interval: None,
        }
    }
}

/// Bounds on what initiators may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time; more are closed at once.
    pub connections: usize,
    /// Sessions at one time; more are refused with 03/02.
    pub sessions: usize,
    /// Registrations per unit; more end as 5/55/04.
    pub registrations: usize,
    /// Memory for written blocks per unit, in bytes; more end as 7/27/07.
    pub resident_bytes: u64,
    /// Memory for data under way from all initiators, in bytes; more ends as TASK SET FULL.
    pub data_in_flight_bytes: usize,
    /// Time for a login.
    pub login_timeout: Duration,
    /// Time for the rest of a PDU once it has begun, and for the peer to take an answer.
    pub pdu_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            sessions: 768,
            registrations: 256,
            resident_bytes: 256 * MIB,
            data_in_flight_bytes: 64 << 20,
            login_timeout: Duration::from_secs(15),
            pdu_timeout: Duration::from_secs(15),
        }
    }
}

/// A configuration that cannot be started, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct ConfigError {
    /// The part at fault, for example `targets[0].units[2].naa`.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Config {
    /// What `quorate demo` starts: one target with a witness of 1 GiB and two data units of 10 and 20 GiB behind two
    /// portal groups on free ports of 127.0.0.1, no CHAP.
    pub fn demo(faults: FaultSet) -> Self {
        Self::demo_at(&[(Ipv4Addr::LOCALHOST, 0).into(), (Ipv4Addr::LOCALHOST, 0).into()], faults)
    }

    /// [`Config::demo`] at given addresses, each a portal group of its own.
    pub fn demo_at(addresses: &[SocketAddr], faults: FaultSet) -> Self {
        let portals = addresses
            .iter()
            .zip(1..)
            .map(|(bind, tag)| Portal { bind: *bind, tag, advertise: None })
            .collect();
        Self {
            portals,
            targets: vec![Target {
                name: DEMO_TARGET.to_owned(),
                alias: Some("quorate demonstration target".to_owned()),
                portals: Vec::new(),
                units: vec![
                    Unit::new(0, Role::Witness, GIB, 0x01),
                    Unit::new(1, Role::Data, 10 * GIB, 0x02),
                    Unit::new(2, Role::Data, 20 * GIB, 0x03),
                ],
                chap: None,
                initiators: Vec::new(),
            }],
            faults,
            negotiation: Negotiation::default(),
            limits: Limits::default(),
            chaos: None,
        }
    }

    /// [`Config::demo`] that demands CHAP of every initiator, and can answer for itself when `target` is given.
    #[must_use]
    pub fn with_chap(mut self, initiator: Credentials, target: Option<Credentials>) -> Self {
        let algorithms = vec![Algorithm::Sha256, Algorithm::Md5];
        for each in &mut self.targets {
            each.chap = Some(Chap {
                initiator: initiator.clone(),
                target: target.clone(),
                algorithms: algorithms.clone(),
            });
        }
        self
    }

    /// Checks everything that can be checked before an address is bound.
    ///
    /// # Errors
    /// The first part that cannot work, with its place.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let error = |place: String, problem: &str| Err(ConfigError { place, problem: problem.to_owned() });
        if self.portals.is_empty() {
            return error("portals".into(), "a target needs at least one portal");
        }
        if self.targets.is_empty() {
            return error("targets".into(), "there is no target");
        }
        for (index, portal) in self.portals.iter().enumerate() {
            if portal.tag == 0 {
                return error(format!("portals[{index}].tag"), "portal group tags start at 1 here");
            }
        }
        let mut names = BTreeSet::new();
        for (index, target) in self.targets.iter().enumerate() {
            let place = format!("targets[{index}]");
            let known = ["iqn.", "eui.", "naa."].iter().any(|prefix| target.name.starts_with(prefix));
            if !known || target.name.len() > 223 || target.name.chars().any(char::is_whitespace) {
                return error(
                    format!("{place}.name"),
                    "an iSCSI name begins with iqn., eui. or naa. and has at most 223 characters",
                );
            }
            if target.name != target.name.to_lowercase() {
                return error(format!("{place}.name"), "an iSCSI name is lower case");
            }
            if !names.insert(&target.name) {
                return error(format!("{place}.name"), "another target has this name");
            }
            if let Some(bad) = target.portals.iter().find(|portal| **portal >= self.portals.len()) {
                return error(format!("{place}.portals"), &format!("there is no portal {bad}"));
            }
            if let Some(chap) = &target.chap {
                validate_chap(chap, &place)?;
            }
            let mut luns = BTreeSet::new();
            for (number, unit) in target.units.iter().enumerate() {
                let place = format!("{place}.units[{number}]");
                if !luns.insert(unit.lun) {
                    return error(format!("{place}.lun"), "another unit has this number");
                }
                unit.validate(&place)?;
            }
        }
        self.negotiation.validate()?;
        if let Some(chaos) = &self.chaos {
            chaos.validate()?;
        }
        Ok(())
    }

    /// Whether a fault is on from the start.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.has(fault)
    }
}

fn validate_chap(chap: &Chap, place: &str) -> Result<(), ConfigError> {
    let error = |field: &str, problem: &str| {
        Err(ConfigError { place: format!("{place}.chap.{field}"), problem: problem.to_owned() })
    };
    if chap.algorithms.is_empty() {
        return error("algorithms", "no algorithm is accepted");
    }
    for (field, credentials) in [("initiator", Some(&chap.initiator)), ("target", chap.target.as_ref())] {
        let Some(credentials) = credentials else { continue };
        if credentials.user.is_empty() || credentials.user.contains(['\0', '=']) {
            return error(field, "a user name has at least one character, none of them NUL or `=`");
        }
        if credentials.secret.expose_secret().is_empty() {
            return error(field, "the secret is empty");
        }
    }
    if let Some(target) = &chap.target
        && target.secret.expose_secret() == chap.initiator.secret.expose_secret()
    {
        return error("target", "the secrets of both directions must differ (RFC 7143 section 12.1.3)");
    }
    Ok(())
}

impl Unit {
    fn validate(&self, place: &str) -> Result<(), ConfigError> {
        let error = |field: &str, problem: &str| {
            Err(ConfigError { place: format!("{place}.{field}"), problem: problem.to_owned() })
        };
        if self.lun > 0x3fff {
            return error("lun", "the largest number of the flat format is 16383");
        }
        if self.block_size != 512 && self.block_size != 4096 {
            return error("block_size", "512 and 4096 are possible");
        }
        if self.size_bytes == 0 || !self.size_bytes.is_multiple_of(u64::from(self.block_size)) {
            return error("size_bytes", "the size is a multiple of the block size, and not zero");
        }
        if self.size_bytes > 1 << 60 {
            return error("size_bytes", "at most 1 EiB");
        }
        if self.physical_block_exponent > 7 {
            return error("physical_block_exponent", "at most 7");
        }
        match (self.naa.first().map(|byte| byte >> 4), self.naa.len()) {
            (Some(2 | 3 | 5), 8) | (Some(6), 16) => {}
            _ => return error("naa", "8 bytes that begin with 2, 3 or 5, or 16 bytes that begin with 6"),
        }
        for (field, text, most) in [
            ("serial", &self.serial, 32),
            ("vendor", &self.vendor, 8),
            ("product", &self.product, 16),
            ("revision", &self.revision, 4),
        ] {
            if text.len() > most || !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
                return error(field, &format!("at most {most} printable ASCII characters"));
            }
        }
        Ok(())
    }
}

impl Negotiation {
    fn validate(&self) -> Result<(), ConfigError> {
        let error = |field: &str, problem: &str| {
            Err(ConfigError { place: format!("negotiation.{field}"), problem: problem.to_owned() })
        };
        for (field, value) in [
            ("max_recv_data_segment_length", self.max_recv_data_segment_length),
            ("first_burst_length", self.first_burst_length),
            ("max_burst_length", self.max_burst_length),
        ] {
            if !(512..=0x00ff_ffff).contains(&value) {
                return error(field, "between 512 and 16777215");
            }
        }
        if self.first_burst_length > self.max_burst_length {
            return error("first_burst_length", "must not be more than max_burst_length");
        }
        if self.max_outstanding_r2t == 0 {
            return error("max_outstanding_r2t", "at least 1");
        }
        if !(1..=1024).contains(&self.queue_depth) {
            return error("queue_depth", "between 1 and 1024");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn demo_is_valid_and_its_identities_differ() {
        let config = Config::demo(FaultSet::NONE);
        config.validate().unwrap();
        let units = &config.targets[0].units;
        let identities: BTreeSet<_> = units.iter().map(|unit| (&unit.naa, &unit.serial)).collect();
        assert_eq!(identities.len(), 3);
        assert!(units.iter().all(|unit| unit.naa[0] >> 4 == 3 && unit.naa.len() == 8));
        assert_eq!(units[0].size_bytes, 1 << 30);
        assert_eq!(config.portals.iter().map(|portal| portal.tag).collect::<Vec<_>>(), [1, 2]);
    }

    fn broken(change: impl FnOnce(&mut Config)) -> String {
        let mut config = Config::demo(FaultSet::NONE);
        change(&mut config);
        config.validate().unwrap_err().to_string()
    }

    #[test]
    fn each_mistake_is_named_with_its_place() {
        assert!(broken(|c| c.portals.clear()).starts_with("portals:"));
        assert!(broken(|c| c.portals[1].tag = 0).starts_with("portals[1].tag:"));
        assert!(broken(|c| c.targets.clear()).starts_with("targets:"));
        assert!(broken(|c| c.targets[0].name = "storage".into()).starts_with("targets[0].name:"));
        assert!(broken(|c| c.targets[0].name = "iqn.2026-01.X".into()).contains("lower case"));
        assert!(broken(|c| c.targets[0].portals = vec![7]).contains("no portal 7"));
        assert!(
            broken(|c| c.targets[0].units[2].naa = vec![0x60; 8]).starts_with("targets[0].units[2].naa:")
        );
        assert!(broken(|c| c.targets[0].units[1].lun = 0).contains("another unit"));
        assert!(broken(|c| c.targets[0].units[1].size_bytes = 513).contains("multiple"));
        assert!(broken(|c| c.targets[0].units[1].block_size = 520).contains("512 and 4096"));
        assert!(broken(|c| c.targets[0].units[1].product = "x".repeat(17)).contains("at most 16"));
        assert!(broken(|c| c.negotiation.first_burst_length = 0x4_0001).contains("max_burst_length"));
        assert!(broken(|c| c.negotiation.queue_depth = 0).starts_with("negotiation.queue_depth:"));
        let second = Config::demo(FaultSet::NONE).targets[0].clone();
        assert!(broken(|c| c.targets.push(second)).contains("another target"));
    }

    #[test]
    fn chap_needs_two_secrets_that_differ() {
        let same = |user: &str| Credentials::new(user, "secretsecret12".to_owned().into());
        let config = Config::demo(FaultSet::NONE).with_chap(same("a"), Some(same("b")));
        assert!(config.validate().unwrap_err().to_string().contains("differ"));
        let config = Config::demo(FaultSet::NONE).with_chap(same("a"), None);
        config.validate().unwrap();
        assert!(!format!("{config:?}").contains("secretsecret12"), "a secret is never printed");
    }
}
