//! REPORT TARGET PORT GROUPS (SPC-4 clause 6.35): asymmetric access states.

use std::fmt;

use super::Malformed;
use super::bytes::{be16, be32, bit, byte, len32, need, part};

const WHAT: &str = "REPORT TARGET PORT GROUPS data";

/// ASYMMETRIC ACCESS STATE of a port group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(missing_docs, reason = "the names are those of SPC-4 table 296")]
pub enum AccessState {
    #[default]
    ActiveOptimized,
    ActiveNonOptimized,
    Standby,
    Unavailable,
    LogicalBlockDependent,
    Offline,
    Transitioning,
    Other(u8),
}

impl AccessState {
    fn from_nibble(nibble: u8) -> Self {
        match nibble {
            0x0 => Self::ActiveOptimized,
            0x1 => Self::ActiveNonOptimized,
            0x2 => Self::Standby,
            0x3 => Self::Unavailable,
            0x4 => Self::LogicalBlockDependent,
            0xe => Self::Offline,
            0xf => Self::Transitioning,
            other => Self::Other(other),
        }
    }

    fn nibble(self) -> u8 {
        match self {
            Self::ActiveOptimized => 0x0,
            Self::ActiveNonOptimized => 0x1,
            Self::Standby => 0x2,
            Self::Unavailable => 0x3,
            Self::LogicalBlockDependent => 0x4,
            Self::Offline => 0xe,
            Self::Transitioning => 0xf,
            Self::Other(other) => other & 0x0f,
        }
    }
}

impl fmt::Display for AccessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ActiveOptimized => "active/optimized",
            Self::ActiveNonOptimized => "active/non-optimized",
            Self::Standby => "standby",
            Self::Unavailable => "unavailable",
            Self::LogicalBlockDependent => "logical block dependent",
            Self::Offline => "offline",
            Self::Transitioning => "transitioning",
            Self::Other(other) => return write!(f, "state {other:x}h"),
        })
    }
}

/// One group of target ports that share an access state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortGroup {
    /// PREF.
    pub preferred: bool,
    /// The access state.
    pub state: AccessState,
    /// Supported states, the bit mask of byte 1.
    pub supported: u8,
    /// TARGET PORT GROUP.
    pub group: u16,
    /// STATUS CODE: 0 none, 1 altered by SET TARGET PORT GROUPS, 2 altered implicitly.
    pub status_code: u8,
    /// Relative target port identifiers.
    pub ports: Vec<u16>,
}

/// The answer, in the length-only header format.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortGroups(pub Vec<PortGroup>);

impl PortGroups {
    /// Reads the answer; a descriptor that runs past the end is an error.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need(WHAT, bytes, 4)?;
        let length = usize::try_from(be32(bytes, 0)).unwrap_or(usize::MAX);
        need(WHAT, bytes, length.saturating_add(4))?;
        let mut rest = part(bytes, 4, length);
        // An extended header starts with its format in bits 6-4; a group descriptor keeps those bits zero.
        if byte(rest, 0) & 0x70 == 0x10 {
            rest = rest.get(4..).unwrap_or(&[]);
        }
        let mut groups = Vec::new();
        while !rest.is_empty() {
            need(WHAT, rest, 8)?;
            let ports = usize::from(byte(rest, 7));
            need(WHAT, rest, 8 + 4 * ports)?;
            groups.push(PortGroup {
                preferred: bit(rest, 0, 0x80),
                state: AccessState::from_nibble(byte(rest, 0) & 0x0f),
                supported: byte(rest, 1),
                group: be16(rest, 2),
                status_code: byte(rest, 5),
                ports: (0..ports).map(|i| be16(rest, 8 + 4 * i + 2)).collect(),
            });
            rest = &rest[8 + 4 * ports..];
        }
        Ok(Self(groups))
    }

    /// The bytes on the wire; more than 255 ports of a group are cut.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for group in &self.0 {
            let ports = group.ports.get(..255).unwrap_or(&group.ports);
            let [high, low] = group.group.to_be_bytes();
            let first = u8::from(group.preferred) << 7 | group.state.nibble();
            let count = u8::try_from(ports.len()).unwrap_or(u8::MAX);
            body.extend([first, group.supported, high, low, 0, group.status_code, 0, count]);
            body.extend(ports.iter().flat_map(|port| {
                let [high, low] = port.to_be_bytes();
                [0, 0, high, low]
            }));
        }
        let mut bytes = len32(body.len()).to_vec();
        bytes.extend(body);
        bytes
    }

    /// The group to which a relative target port belongs.
    pub fn of_port(&self, port: u16) -> Option<&PortGroup> {
        self.0.iter().find(|group| group.ports.contains(&port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_survive_and_cut_ones_are_refused() {
        let groups = PortGroups(vec![
            PortGroup { group: 1, ports: vec![1, 2], supported: 0x8f, ..PortGroup::default() },
            PortGroup {
                preferred: true,
                state: AccessState::Standby,
                group: 2,
                ports: vec![3],
                ..PortGroup::default()
            },
        ]);
        let bytes = groups.encode();
        assert_eq!(PortGroups::decode(&bytes), Ok(groups.clone()));
        assert_eq!(groups.of_port(3).unwrap().state.to_string(), "standby");
        for cut in 0..bytes.len() {
            assert!(PortGroups::decode(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
