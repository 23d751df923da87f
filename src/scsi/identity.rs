//! Designation descriptors and the one spelling of a logical unit's identity by which paths and nodes are matched.
//!
//! The canonical identity is what Linux shows in `wwid`: `naa.` or `eui.` and lower-case hexadecimal digits, `t10.` and
//! the text, with each run of blanks written as one underscore.

use super::Malformed;
use super::bytes::{byte, need, part};

/// What a designator names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Association {
    /// 0, the logical unit.
    #[default]
    LogicalUnit,
    /// 1, the target port that received the command.
    TargetPort,
    /// 2, the target device.
    TargetDevice,
    /// 3, reserved.
    Reserved,
}

/// One designation descriptor of VPD page 83h (SPC-4 clause 7.8.6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Designator {
    /// PROTOCOL IDENTIFIER, where PIV is set: 5 is iSCSI.
    pub protocol: Option<u8>,
    /// CODE SET: 1 binary, 2 ASCII, 3 UTF-8.
    pub code_set: u8,
    /// What is named.
    pub association: Association,
    /// DESIGNATOR TYPE: 0 vendor, 1 T10, 2 EUI-64, 3 NAA, 4 relative port, 5 port group, 8 SCSI name, others.
    pub kind: u8,
    /// The designator.
    pub value: Vec<u8>,
}

impl Designator {
    /// An NAA designator of the logical unit.
    pub fn naa(value: impl Into<Vec<u8>>) -> Self {
        Self { code_set: 1, kind: 3, value: value.into(), ..Self::default() }
    }

    /// An EUI-64 based designator of the logical unit, 8, 12 or 16 bytes.
    pub fn eui64(value: impl Into<Vec<u8>>) -> Self {
        Self { code_set: 1, kind: 2, value: value.into(), ..Self::default() }
    }

    /// A T10 vendor ID based designator of the logical unit: eight blank-padded characters of vendor, then the rest.
    pub fn t10(vendor: &str, rest: &str) -> Self {
        let mut value = super::bytes::padded::<8>(vendor).to_vec();
        value.extend(rest.as_bytes());
        Self { code_set: 2, kind: 1, value, ..Self::default() }
    }

    /// The relative target port identifier of the port that answered.
    pub fn relative_port(port: u16) -> Self {
        let [high, low] = port.to_be_bytes();
        Self {
            protocol: Some(5),
            code_set: 1,
            association: Association::TargetPort,
            kind: 4,
            value: vec![0, 0, high, low],
        }
    }

    /// The target port group of the port that answered.
    pub fn port_group(group: u16) -> Self {
        Self { kind: 5, ..Self::relative_port(group) }
    }

    /// A SCSI name string of the given thing, NUL-terminated and padded to a multiple of four.
    pub fn scsi_name(association: Association, name: &str) -> Self {
        let mut value = name.as_bytes().to_vec();
        value.resize((value.len() + 4) & !3, 0);
        Self { protocol: Some(5), code_set: 3, association, kind: 8, value }
    }

    /// Reads the descriptor at the front of `bytes` and gives it with the number of bytes it takes.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        const WHAT: &str = "designation descriptor";
        need(WHAT, bytes, 4)?;
        let length = usize::from(byte(bytes, 3));
        need(WHAT, bytes, 4 + length)?;
        let flags = byte(bytes, 1);
        Ok((
            Self {
                protocol: (flags & 0x80 != 0).then_some(byte(bytes, 0) >> 4),
                code_set: byte(bytes, 0) & 0x0f,
                association: match (flags >> 4) & 0x03 {
                    0 => Association::LogicalUnit,
                    1 => Association::TargetPort,
                    2 => Association::TargetDevice,
                    _ => Association::Reserved,
                },
                kind: flags & 0x0f,
                value: part(bytes, 4, length).to_vec(),
            },
            4 + length,
        ))
    }

    /// The bytes on the wire; a designator of more than 255 bytes is cut.
    pub fn encode(&self) -> Vec<u8> {
        let association = match self.association {
            Association::LogicalUnit => 0,
            Association::TargetPort => 1,
            Association::TargetDevice => 2,
            Association::Reserved => 3,
        };
        let value = part(&self.value, 0, 255);
        let mut bytes = vec![
            self.protocol.unwrap_or(0) << 4 | self.code_set & 0x0f,
            u8::from(self.protocol.is_some()) << 7 | association << 4 | self.kind & 0x0f,
            0,
            u8::try_from(value.len()).unwrap_or(u8::MAX),
        ];
        bytes.extend(value);
        bytes
    }

    /// The canonical identity, for those designators that can name a thing world-wide.
    pub fn identity(&self) -> Option<String> {
        match self.kind {
            1 => t10(&String::from_utf8_lossy(&self.value)),
            2 if matches!(self.value.len(), 8 | 12 | 16) => Some(format!("eui.{}", hex::encode(&self.value))),
            3 if matches!(self.value.len(), 8 | 16) => Some(format!("naa.{}", hex::encode(&self.value))),
            8 => {
                let name = String::from_utf8_lossy(&self.value);
                let name = name.trim_matches(['\0', ' ']);
                if name.is_empty() || name.chars().any(char::is_control) {
                    return None;
                }
                let known = canonical(name);
                let is_known = ["naa.", "eui.", "iqn."].iter().any(|prefix| known.starts_with(prefix));
                Some(if is_known { known } else { format!("name.{name}") })
            }
            _ => None,
        }
    }

    /// The two-byte number of a relative port (4) or port group (5) designator.
    pub fn port_number(&self) -> Option<u16> {
        match (self.kind, self.value.as_slice()) {
            (4 | 5, [_, _, high, low]) => Some(u16::from_be_bytes([*high, *low])),
            _ => None,
        }
    }

    /// How well the designator identifies the logical unit: higher is better, 0 not at all. The order is that in
    /// which operating systems choose: world-wide registered numbers before names, names before vendor's texts.
    pub fn rank(&self) -> u8 {
        if self.association != Association::LogicalUnit || self.identity().is_none() {
            return 0;
        }
        match (self.kind, self.value.len(), byte(&self.value, 0) >> 4) {
            (3, 16, 6) => 9,
            (2, 16, _) => 8,
            (2, 12, _) => 7,
            (3, 8, 5) => 6,
            (3, 8, 2) => 5,
            (2, 8, _) => 4,
            (8, ..) => 3,
            // Locally assigned, so unique within a site at best; but Windows takes no T10 vendor identification at all.
            (3, ..) => 2,
            (1, ..) => 1,
            _ => 0,
        }
    }
}

fn t10(text: &str) -> Option<String> {
    let shown: String = text
        .chars()
        .map(|c| {
            if c.is_ascii_graphic() || c == ' ' {
                c
            } else if c == '\0' {
                ' '
            } else {
                '?'
            }
        })
        .collect();
    let words: Vec<&str> = shown.split([' ', '_']).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| format!("t10.{}", words.join("_")))
}

/// Brings any usual spelling of an identity to the canonical one, so that a LUN seen by a node and one seen through a
/// portal can be compared: `0x6001405...` and `36001405...` (multipath, `scsi_id`) become `naa.6001405...`, `2...` becomes
/// `eui....`, `1VENDOR  x` becomes `t10.VENDOR_x`; a SCSI name that begins with `iqn.` is written in lower case.
/// Text of no known form is given back trimmed, so that equal texts still compare equal.
pub fn canonical(text: &str) -> String {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    let digits = |s: &str, lengths: &[usize]| {
        let s = s.strip_prefix("0x").unwrap_or(s);
        (lengths.contains(&s.len()) && s.bytes().all(|b| b.is_ascii_hexdigit())).then(|| s.to_owned())
    };
    for (prefix, lengths) in [("naa.", &[16, 32][..]), ("eui.", &[16, 24, 32][..])] {
        if let Some(found) = lower.strip_prefix(prefix).and_then(|rest| digits(rest, lengths)) {
            return format!("{prefix}{found}");
        }
    }
    if let Some(rest) = lower.strip_prefix("t10.").map(|_| &text[4..]) {
        return t10(rest).unwrap_or_else(|| text.to_owned());
    }
    if lower.starts_with("iqn.") {
        return lower;
    }
    if let Some(found) = digits(&lower, &[16, 32])
        && (lower.starts_with("0x") || matches!(found.as_bytes().first(), Some(b'5' | b'6')))
    {
        return format!("naa.{found}");
    }
    match (lower.as_bytes().first(), lower.get(1..)) {
        (Some(b'3'), Some(rest)) => digits(rest, &[16, 32]).map(|found| format!("naa.{found}")),
        (Some(b'2'), Some(rest)) => digits(rest, &[16, 24, 32]).map(|found| format!("eui.{found}")),
        (Some(b'1'), Some(_)) => t10(&text[1..]),
        _ => None,
    }
    .unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_of_each_kind() {
        let naa = Designator::naa(hex::decode("6001405a0b1c2d3e4f50617283940515").unwrap());
        assert_eq!(naa.identity().as_deref(), Some("naa.6001405a0b1c2d3e4f50617283940515"));
        assert_eq!(Designator::t10("LAB", "LABT1L1").identity().as_deref(), Some("t10.LAB_LABT1L1"));
        assert_eq!(Designator::eui64([1; 8]).identity().as_deref(), Some("eui.0101010101010101"));
        let name = Designator::scsi_name(Association::TargetPort, "iqn.2026-01.lab:t,t,0x0001");
        assert_eq!(name.identity().as_deref(), Some("iqn.2026-01.lab:t,t,0x0001"));
        assert!(naa.rank() > Designator::eui64([1; 16]).rank());
        assert!(Designator::eui64([1; 8]).rank() > Designator::t10("LAB", "x").rank());
        assert_eq!(name.rank(), 0);
        assert_eq!(Designator::port_group(7).port_number(), Some(7));
        assert_eq!(Designator::naa([0x60; 5]).identity(), None);
        assert_eq!(Designator::scsi_name(Association::LogicalUnit, "iqn.\u{1b}[2J").identity(), None);
    }

    #[test]
    fn spellings_meet() {
        for spelling in [
            "naa.6001405A0B1C2D3E4F50617283940515",
            "0x6001405a0b1c2d3e4f50617283940515",
            "36001405a0b1c2d3e4f50617283940515",
            "6001405a0b1c2d3e4f50617283940515",
        ] {
            assert_eq!(canonical(spelling), "naa.6001405a0b1c2d3e4f50617283940515");
        }
        for spelling in ["t10.LAB     LABT1L1", "1LAB_____LABT1L1", "1LAB_LABT1L1", "t10.LAB_LABT1L1"] {
            assert_eq!(canonical(spelling), "t10.LAB_LABT1L1");
        }
        assert_eq!(canonical("20101010101010101"), "eui.0101010101010101");
        assert_eq!(canonical("0x5000c500a1b2c3d4"), "naa.5000c500a1b2c3d4");
        assert_eq!(canonical(" something else "), "something else");
        assert_eq!(canonical("ä"), "ä");
    }
}
