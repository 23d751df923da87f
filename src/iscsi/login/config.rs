//! With what an initiator logs in, and what a login agrees on.

use super::LoginError;
use crate::iscsi::chap::{Algorithm, Chap};
use crate::iscsi::text::Keys;
use crate::iscsi::trace::Tap;
use crate::iscsi::{Digests, Isid};

/// The longest iSCSI name in bytes (RFC 7143 section 4.2.7.1).
pub const LONGEST_NAME: usize = 223;

/// Whether a digest is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DigestPolicy {
    /// `None`: not offered.
    #[default]
    Off,
    /// `CRC32C,None`: taken where the target has it.
    Prefer,
    /// `CRC32C`: without it there is no session.
    Require,
}

impl DigestPolicy {
    pub(super) fn offer(self) -> &'static str {
        match self {
            Self::Off => "None",
            Self::Prefer => "CRC32C,None",
            Self::Require => "CRC32C",
        }
    }
}

/// Who logs in where, and how.
#[derive(Debug, Clone)]
pub struct LoginConfig {
    /// InitiatorName.
    pub initiator_name: String,
    /// TargetName; `None` makes it a discovery session.
    pub target_name: Option<String>,
    /// ISID. The same name and ISID again replaces the older session (session reinstatement).
    pub isid: Isid,
    /// TSIH: 0 for a new session.
    pub session: u16,
    /// CID.
    pub connection: u16,
    /// CHAP, where it is configured. One-way CHAP is offered beside no authentication and the result tells which the target took;
    /// mutual CHAP is the only offer, because a target that could refuse to authenticate itself would not be authenticated.
    pub chap: Option<Chap>,
    /// HeaderDigest.
    pub header_digest: DigestPolicy,
    /// DataDigest.
    pub data_digest: DigestPolicy,
    /// MaxRecvDataSegmentLength that we declare, 512 to 16777215 bytes.
    pub max_segment: u32,
    /// FirstBurstLength that we offer, in bytes.
    pub first_burst: u32,
    /// MaxBurstLength that we offer, in bytes.
    pub max_burst: u32,
    /// CmdSN of the first command.
    pub command_sn: u32,
    /// Who watches the connection's bytes; nobody by default.
    pub tap: Tap,
}

impl LoginConfig {
    /// A normal session to this target, without authentication and digests.
    pub fn new(initiator_name: impl Into<String>, target_name: impl Into<String>, isid: Isid) -> Self {
        Self { target_name: Some(target_name.into()), ..Self::discovery(initiator_name, isid) }
    }

    /// A discovery session, without authentication and digests.
    pub fn discovery(initiator_name: impl Into<String>, isid: Isid) -> Self {
        Self {
            initiator_name: initiator_name.into(),
            target_name: None,
            isid,
            session: 0,
            connection: 0,
            chap: None,
            header_digest: DigestPolicy::Off,
            data_digest: DigestPolicy::Off,
            max_segment: 256 * 1024,
            first_burst: 64 * 1024,
            max_burst: 256 * 1024,
            command_sn: 1,
            tap: Tap::default(),
        }
    }
}

/// What both sides agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// TSIH that the target gave.
    pub session: u16,
    /// TargetPortalGroupTag, where the target sent it.
    pub portal_group: Option<u16>,
    /// TargetAlias, where the target sent it.
    pub alias: Option<String>,
    /// The authentication that took place.
    pub authentication: Authentication,
    /// Digests from now on.
    pub digests: Digests,
    /// The largest data segment that the target accepts.
    pub target_segment: u32,
    /// Whether the target itself declared `target_segment`.
    pub target_segment_declared: bool,
    /// ImmediateData.
    pub immediate_data: bool,
    /// FirstBurstLength.
    pub first_burst: u32,
    /// MaxBurstLength.
    pub max_burst: u32,
    /// CmdSN of the first command.
    pub command_sn: u32,
    /// ExpStatSN from now on.
    pub expected_status_sn: u32,
    /// ExpCmdSN of the last response.
    pub expected_command_sn: u32,
    /// MaxCmdSN of the last response.
    pub max_command_sn: u32,
    /// Every key of the target in the order it came, values of CHAP left out: what the target said of itself.
    pub answers: Keys,
}

/// The authentication that took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Authentication {
    /// None: the target let us in without.
    #[default]
    None,
    /// We authenticated ourselves.
    OneWay(Algorithm),
    /// Both sides did.
    Mutual(Algorithm),
}

/// Checks the form of an iSCSI name: `iqn.`, `eui.` or `naa.`, at most 223 bytes, no blanks or control characters.
pub fn check_name(name: &str) -> Result<(), LoginError> {
    let wrong = |why| {
        let name =
            name.chars().take(LONGEST_NAME + 1).map(|c| if c.is_control() { '?' } else { c }).collect();
        Err(LoginError::Name { name, why })
    };
    if name.len() > LONGEST_NAME {
        return wrong("it is longer than 223 bytes");
    }
    if name.chars().any(|c| c.is_control() || c.is_whitespace() || c == ',') {
        return wrong("blanks, commas and control characters are not allowed");
    }
    match name.get(..4) {
        Some("iqn." | "eui." | "naa.") if name.len() > 4 => Ok(()),
        _ => wrong("it does not start with `iqn.`, `eui.` or `naa.`"),
    }
}
