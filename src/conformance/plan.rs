//! What a conformance run is asked to do: on which logical unit, how far it may go, which steps, within which limits.
//!
//! Always holds: a plan says everything; nothing is filled in by the steps themselves.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::iscsi::chap::Chap;
use crate::iscsi::login::{DigestPolicy, LoginConfig};
use crate::iscsi::{Isid, Portal, Tap};
use crate::scsi::Lun;
pub use crate::scsi::range::{BlockRange, DEFAULT_BLOCKS, FEWEST_BLOCKS, MOST_BLOCKS, RangeError};

/// Windows defends its reservation every three seconds (`DiskArbInterval`, \[MS-CSVP\]); a challenger waits as long at least.
pub const DEFENCE_INTERVAL: Duration = Duration::from_secs(3);

/// How far a run may go. The order is that of what they change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Reads only; nothing on the unit changes.
    #[default]
    Inspect,
    /// Registers and reserves; no block is written.
    Pr,
    /// Registers, reserves, and writes inside the declared range, whose content is put back.
    PrWrite,
}

impl Mode {
    /// Every mode, the mildest first.
    pub const ALL: [Self; 3] = [Self::Inspect, Self::Pr, Self::PrWrite];

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Pr => "pr",
            Self::PrWrite => "pr-write",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Text that is none of the names it should be one of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}; there are {known}{}", .suggestion.as_ref().map(|near| format!("; did you mean `{near}`?")).unwrap_or_default())]
pub struct UnknownName {
    /// What was given.
    pub text: String,
    what: &'static str,
    known: String,
    suggestion: Option<String>,
}

fn lookup<T: Copy>(
    text: &str,
    what: &'static str,
    all: &[T],
    name: impl Fn(T) -> String,
) -> Result<T, UnknownName> {
    if let Some(found) = all.iter().copied().find(|each| name(*each) == text) {
        return Ok(found);
    }
    let near = |each: &T| strsim::jaro_winkler(&name(*each), &text.to_lowercase());
    let nearest = all.iter().copied().max_by(|a, b| near(a).total_cmp(&near(b)));
    let suggestion = nearest.filter(|each| text.len() <= 80 && near(each) > 0.8).map(&name);
    let known = match all {
        [first, .., last] if all.len() > 12 => format!("{} to {}", name(*first), name(*last)),
        _ => all.iter().map(|each| name(*each)).collect::<Vec<_>>().join(", "),
    };
    let text = text.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect();
    Err(UnknownName { text, what, known, suggestion })
}

impl FromStr for Mode {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        lookup(text, "mode", &Self::ALL, |mode| mode.name().to_owned())
    }
}

/// A stack that relies on reservations, or on their absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stack {
    /// Windows Server Failover Clustering: cluster disks, CSV, disk witness.
    Wsfc,
    /// Storage Spaces on shared disks.
    StorageSpaces,
    /// Veritas Cluster Server and InfoScale: data disks and coordinator disks.
    Veritas,
    /// Pacemaker's `fence_scsi`.
    FenceScsi,
    /// Pacemaker's `fence_mpath`.
    FenceMpath,
    /// HPE Serviceguard for Linux.
    Serviceguard,
    /// PowerHA on AIX (`PR_exclusive`, `PR_shared`).
    PowerHa,
    /// IBM Storage Scale with reservations switched on.
    StorageScale,
    /// Clustered virtual disks on VMware.
    Vmware,
    /// Disk-based poison-pill fencing, which needs a unit that nobody has reserved.
    Sbd,
}

impl Stack {
    /// Every stack.
    pub const ALL: [Self; 10] = [
        Self::Wsfc,
        Self::StorageSpaces,
        Self::Veritas,
        Self::FenceScsi,
        Self::FenceMpath,
        Self::Serviceguard,
        Self::PowerHa,
        Self::StorageScale,
        Self::Vmware,
        Self::Sbd,
    ];

    /// The name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wsfc => "wsfc",
            Self::StorageSpaces => "storage-spaces",
            Self::Veritas => "veritas",
            Self::FenceScsi => "fence-scsi",
            Self::FenceMpath => "fence-mpath",
            Self::Serviceguard => "serviceguard",
            Self::PowerHa => "power-ha",
            Self::StorageScale => "storage-scale",
            Self::Vmware => "vmware",
            Self::Sbd => "sbd",
        }
    }

    /// The product, as its maker writes it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Wsfc => "Windows Server Failover Clustering",
            Self::StorageSpaces => "Storage Spaces on shared disks",
            Self::Veritas => "Veritas InfoScale",
            Self::FenceScsi => "Pacemaker fence_scsi",
            Self::FenceMpath => "Pacemaker fence_mpath",
            Self::Serviceguard => "HPE Serviceguard",
            Self::PowerHa => "IBM PowerHA",
            Self::StorageScale => "IBM Storage Scale",
            Self::Vmware => "VMware clustered virtual disks",
            Self::Sbd => "SBD",
        }
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stack {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        lookup(text, "stack", &Self::ALL, |stack| stack.name().to_owned())
    }
}

/// The number of a step, 1 to 40, written `P01` to `P40`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(u8);

impl StepId {
    /// The first step.
    pub const FIRST: Self = Self(1);
    /// The last step.
    pub const LAST: Self = Self(40);

    /// The step with this number.
    ///
    /// # Panics
    /// When there is none; numbers are written into the source, so that this shows when the program is compiled.
    pub const fn new(number: u8) -> Self {
        assert!(number >= 1 && number <= 40, "steps are numbered from 1 to 40");
        Self(number)
    }

    /// Every step in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (Self::FIRST.0..=Self::LAST.0).map(Self)
    }

    /// The number.
    pub fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{:02}", self.0)
    }
}

impl FromStr for StepId {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let all: Vec<Self> = Self::all().collect();
        lookup(&text.to_uppercase(), "step", &all, |step| step.to_string())
    }
}

impl Serialize for StepId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// With what the simulated nodes log in, besides their names.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// CHAP, where the target wants it.
    pub chap: Option<Chap>,
    /// HeaderDigest.
    pub header_digest: DigestPolicy,
    /// DataDigest.
    pub data_digest: DigestPolicy,
    /// Who watches the bytes of every connection; nobody by default.
    pub tap: Tap,
}

impl Access {
    /// A normal session of this initiator port to a target.
    pub fn login(&self, initiator: &str, target: &str, isid: Isid) -> LoginConfig {
        LoginConfig {
            chap: self.chap.clone(),
            header_digest: self.header_digest,
            data_digest: self.data_digest,
            tap: self.tap.clone(),
            ..LoginConfig::new(initiator, target, isid)
        }
    }
}

/// The logical unit under test.
#[derive(Debug, Clone)]
pub struct Subject {
    /// iSCSI name of the target.
    pub target: String,
    /// The portals through which the unit is reached; the first one carries most of the test.
    pub portals: Vec<Portal>,
    /// The logical unit.
    pub lun: Lun,
    /// What the unit is called in reports.
    pub name: String,
    /// The identity that it must show, as VPD page 83h or 80h has it (`naa.6001405...`, `eui....`, `t10....`, a serial number).
    pub identity: Option<String>,
    /// The size that it must have, in bytes.
    pub size_bytes: Option<u64>,
    /// With what to log in.
    pub access: Access,
}

/// Everything a run is started with.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The unit under test.
    pub subject: Subject,
    /// How far the run may go.
    pub mode: Mode,
    /// Only these steps, and the read-only ones on which they rest; `None` for all.
    pub only: Option<Vec<StepId>>,
    /// Only what this stack needs; `None` for all.
    pub stack: Option<Stack>,
    /// The blocks that may be written to; `None` for the default in the middle of the unit.
    pub range: Option<BlockRange>,
    /// Whether a LOGICAL UNIT RESET may be sent (P35).
    pub lun_reset: bool,
    /// Whether 64 nexuses may register at once (part of P40).
    pub fill_table: bool,
    /// Names of signatures that may be on the unit; see the gate.
    pub allow_nonblank: Vec<String>,
    /// How long the gate waits between its two looks.
    pub poll: Duration,
    /// How long a command may take.
    pub command_timeout: Duration,
    /// Nodes of the cluster to be, for the defence interval.
    pub nodes: u32,
    /// Paths of each node to the unit, for the defence interval.
    pub paths: u32,
}

impl Plan {
    /// A plan that only reads, with the usual limits, for a cluster of two nodes with as many paths as there are portals.
    pub fn new(subject: Subject) -> Self {
        let paths = u32::try_from(subject.portals.len()).unwrap_or(u32::MAX).max(1);
        Self {
            subject,
            mode: Mode::Inspect,
            only: None,
            stack: None,
            range: None,
            lun_reset: false,
            fill_table: false,
            allow_nonblank: Vec::new(),
            poll: 2 * DEFENCE_INTERVAL,
            command_timeout: Duration::from_secs(8),
            nodes: 2,
            paths,
        }
    }

    /// Whether a step is asked for.
    pub fn wants(&self, step: StepId, stacks: &[Stack]) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&step))
            && self.stack.is_none_or(|stack| stacks.contains(&stack))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_misspelt_ones_are_told() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
        }
        for stack in Stack::ALL {
            assert_eq!(stack.to_string().parse(), Ok(stack));
        }
        for step in StepId::all() {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
        assert_eq!("p07".parse(), Ok(StepId::new(7)));
        assert!(Mode::Inspect < Mode::Pr && Mode::Pr < Mode::PrWrite);
        let error = "pr-wirte".parse::<Mode>().unwrap_err().to_string();
        assert!(error.contains("did you mean `pr-write`"), "{error}");
        let error = "P41".parse::<StepId>().unwrap_err().to_string();
        assert!(error.contains("P01 to P40"), "{error}");
        assert!("".parse::<StepId>().is_err() && "7".parse::<StepId>().is_err());
    }
}
