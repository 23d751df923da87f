//! Sense data in fixed and descriptor format (SPC-4 clause 4.5), with the names of the codes that matter to clusters.
//!
//! Fields past the end of short sense data are zero, as SPC has it; a byte string that is no sense data at all is an error.

use std::fmt;

use super::Malformed;
use super::bytes::{array, be32, be64, bit, byte, need, part, put};

const WHAT: &str = "sense data";

/// The sense key, the broad class of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of SPC-4 table 27")]
pub enum SenseKey {
    NoSense = 0x0,
    RecoveredError = 0x1,
    NotReady = 0x2,
    MediumError = 0x3,
    HardwareError = 0x4,
    IllegalRequest = 0x5,
    UnitAttention = 0x6,
    DataProtect = 0x7,
    BlankCheck = 0x8,
    VendorSpecific = 0x9,
    CopyAborted = 0xa,
    AbortedCommand = 0xb,
    Equal = 0xc,
    VolumeOverflow = 0xd,
    Miscompare = 0xe,
    Completed = 0xf,
}

impl SenseKey {
    /// The key in the low four bits of `nibble`.
    pub fn from_nibble(nibble: u8) -> Self {
        match nibble & 0x0f {
            0x0 => Self::NoSense,
            0x1 => Self::RecoveredError,
            0x2 => Self::NotReady,
            0x3 => Self::MediumError,
            0x4 => Self::HardwareError,
            0x5 => Self::IllegalRequest,
            0x6 => Self::UnitAttention,
            0x7 => Self::DataProtect,
            0x8 => Self::BlankCheck,
            0x9 => Self::VendorSpecific,
            0xa => Self::CopyAborted,
            0xb => Self::AbortedCommand,
            0xc => Self::Equal,
            0xd => Self::VolumeOverflow,
            0xe => Self::Miscompare,
            _ => Self::Completed,
        }
    }

    /// The name as SPC-4 prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSense => "NO SENSE",
            Self::RecoveredError => "RECOVERED ERROR",
            Self::NotReady => "NOT READY",
            Self::MediumError => "MEDIUM ERROR",
            Self::HardwareError => "HARDWARE ERROR",
            Self::IllegalRequest => "ILLEGAL REQUEST",
            Self::UnitAttention => "UNIT ATTENTION",
            Self::DataProtect => "DATA PROTECT",
            Self::BlankCheck => "BLANK CHECK",
            Self::VendorSpecific => "VENDOR SPECIFIC",
            Self::CopyAborted => "COPY ABORTED",
            Self::AbortedCommand => "ABORTED COMMAND",
            Self::Equal => "EQUAL",
            Self::VolumeOverflow => "VOLUME OVERFLOW",
            Self::Miscompare => "MISCOMPARE",
            Self::Completed => "COMPLETED",
        }
    }
}

/// Which of the two layouts carried the sense data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SenseFormat {
    /// Response codes 70h and 71h.
    #[default]
    Fixed,
    /// Response codes 72h and 73h.
    Descriptor,
}

/// Why a command ended with CHECK CONDITION.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sense {
    /// The layout.
    pub format: SenseFormat,
    /// True when the error belongs to an earlier command (71h, 73h).
    pub deferred: bool,
    /// The class.
    pub key: SenseKey,
    /// ADDITIONAL SENSE CODE.
    pub asc: u8,
    /// ADDITIONAL SENSE CODE QUALIFIER.
    pub ascq: u8,
    /// INFORMATION, where the VALID bit is set.
    pub information: Option<u64>,
    /// SENSE KEY SPECIFIC (three bytes without the SKSV bit), where that bit is set.
    pub specific: Option<[u8; 3]>,
}

impl Sense {
    /// Sense data in fixed format with these codes and nothing else.
    pub fn new(key: SenseKey, asc: u8, ascq: u8) -> Self {
        Self {
            format: SenseFormat::Fixed,
            deferred: false,
            key,
            asc,
            ascq,
            information: None,
            specific: None,
        }
    }

    /// Reads sense data. Fails on fewer than two bytes or a response code other than 70h to 73h.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need(WHAT, bytes, 2)?;
        let code = byte(bytes, 0) & 0x7f;
        let deferred = matches!(code, 0x71 | 0x73);
        match code {
            0x70 | 0x71 => Ok(Self {
                format: SenseFormat::Fixed,
                deferred,
                key: SenseKey::from_nibble(byte(bytes, 2)),
                asc: byte(bytes, 12),
                ascq: byte(bytes, 13),
                information: bit(bytes, 0, 0x80).then(|| u64::from(be32(bytes, 3))),
                specific: specific(array(bytes, 15)),
            }),
            0x72 | 0x73 => {
                let mut sense = Self {
                    format: SenseFormat::Descriptor,
                    deferred,
                    key: SenseKey::from_nibble(byte(bytes, 1)),
                    asc: byte(bytes, 2),
                    ascq: byte(bytes, 3),
                    information: None,
                    specific: None,
                };
                let mut rest = part(bytes, 8, usize::from(byte(bytes, 7)));
                while rest.len() >= 2 {
                    let body = part(rest, 2, usize::from(rest[1]));
                    match rest[0] {
                        0x00 if body.len() >= 10 && bit(body, 0, 0x80) => {
                            sense.information = Some(be64(body, 2));
                        }
                        0x02 if body.len() >= 5 => sense.specific = specific(array(body, 2)),
                        _ => {}
                    }
                    rest = rest.get(2 + usize::from(rest[1])..).unwrap_or(&[]);
                }
                Ok(sense)
            }
            _ => Err(Malformed::invalid(
                WHAT,
                format!("response code {code:02x}h is neither 70h nor 71h, 72h, 73h"),
            )),
        }
    }

    /// The bytes on the wire: 18 in fixed format, 8 and the descriptors otherwise.
    pub fn encode(&self) -> Vec<u8> {
        match self.format {
            SenseFormat::Fixed => {
                let mut bytes = vec![0; 18];
                bytes[0] = if self.deferred { 0x71 } else { 0x70 };
                if let Some(information) = self.information {
                    bytes[0] |= 0x80;
                    put(&mut bytes, 3, &u32::try_from(information).unwrap_or(u32::MAX).to_be_bytes());
                }
                bytes[2] = self.key as u8;
                bytes[7] = 10;
                bytes[12] = self.asc;
                bytes[13] = self.ascq;
                if let Some([a, b, c]) = self.specific {
                    put(&mut bytes, 15, &[a | 0x80, b, c]);
                }
                bytes
            }
            SenseFormat::Descriptor => {
                let mut bytes = vec![
                    if self.deferred { 0x73 } else { 0x72 },
                    self.key as u8,
                    self.asc,
                    self.ascq,
                    0,
                    0,
                    0,
                    0,
                ];
                if let Some(information) = self.information {
                    bytes.extend([0x00, 10, 0x80, 0]);
                    bytes.extend(information.to_be_bytes());
                }
                if let Some([a, b, c]) = self.specific {
                    bytes.extend([0x02, 6, 0, 0, a | 0x80, b, c, 0]);
                }
                bytes[7] = u8::try_from(bytes.len() - 8).unwrap_or(u8::MAX);
                bytes
            }
        }
    }

    /// True for a unit attention condition, which the first command after an event receives once.
    pub fn is_unit_attention(&self) -> bool {
        self.key == SenseKey::UnitAttention
    }

    /// True for these three codes.
    pub fn is(&self, key: SenseKey, asc: u8, ascq: u8) -> bool {
        self.key == key && self.asc == asc && self.ascq == ascq
    }

    /// The codes in the usual short notation, such as `5/24/00`.
    pub fn codes(&self) -> String {
        format!("{:x}/{:02x}/{:02x}", self.key as u8, self.asc, self.ascq)
    }
}

fn specific(bytes: [u8; 3]) -> Option<[u8; 3]> {
    (bytes[0] & 0x80 != 0).then_some([bytes[0] & 0x7f, bytes[1], bytes[2]])
}

impl fmt::Display for Sense {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}", self.key.name(), self.codes())?;
        match additional(self.asc, self.ascq) {
            Some(name) => write!(f, ", {name})"),
            None => f.write_str(")"),
        }
    }
}

/// The name of an additional sense code and qualifier (SPC-4 annex F.2), for those that a cluster's storage sends.
pub fn additional(asc: u8, ascq: u8) -> Option<&'static str> {
    Some(match (asc, ascq) {
        (0x00, 0x00) => "no additional sense information",
        (0x04, 0x00) => "logical unit not ready, cause not reportable",
        (0x04, 0x01) => "logical unit is becoming ready",
        (0x04, 0x02) => "logical unit not ready, initialising command required",
        (0x04, 0x03) => "logical unit not ready, manual intervention required",
        (0x04, 0x04) => "logical unit not ready, format in progress",
        (0x04, 0x0a) => "logical unit not accessible, asymmetric access state transition",
        (0x04, 0x0b) => "logical unit not accessible, target port in standby state",
        (0x04, 0x0c) => "logical unit not accessible, target port in unavailable state",
        (0x08, _) => "logical unit communication failure",
        (0x11, _) => "unrecovered read error",
        (0x1a, 0x00) => "parameter list length error",
        (0x1d, 0x00) => "miscompare during verify operation",
        (0x20, 0x00) => "invalid command operation code",
        (0x21, 0x00) => "logical block address out of range",
        (0x24, 0x00) => "invalid field in CDB",
        (0x25, 0x00) => "logical unit not supported",
        (0x26, 0x00) => "invalid field in parameter list",
        (0x26, 0x01) => "parameter not supported",
        (0x26, 0x02) => "parameter value invalid",
        (0x26, 0x04) => "invalid release of persistent reservation",
        (0x27, 0x00) => "write protected",
        (0x27, 0x01) => "hardware write protected",
        (0x27, 0x02) => "logical unit software write protected",
        (0x27, 0x07) => "space allocation failed write protect",
        (0x27, _) => "write protected, other",
        (0x28, 0x00) => "not ready to ready change, medium may have changed",
        (0x29, 0x00) => "power on, reset, or bus device reset occurred",
        (0x29, 0x01) => "power on occurred",
        (0x29, 0x02) => "SCSI bus reset occurred",
        (0x29, 0x03) => "bus device reset function occurred",
        (0x29, 0x04) => "device internal reset",
        (0x29, 0x07) => "I_T nexus loss occurred",
        (0x2a, 0x00) => "parameters changed",
        (0x2a, 0x01) => "mode parameters changed",
        (0x2a, 0x03) => "reservations preempted",
        (0x2a, 0x04) => "reservations released",
        (0x2a, 0x05) => "registrations preempted",
        (0x2a, 0x06) => "asymmetric access state changed",
        (0x2a, 0x09) => "capacity data has changed",
        (0x2c, 0x00) => "command sequence error",
        (0x2f, 0x00) => "commands cleared by another initiator",
        (0x38, 0x07) => "thin provisioning soft threshold reached",
        (0x39, 0x00) => "saving parameters not supported",
        (0x3a, _) => "medium not present",
        (0x3e, 0x01) => "logical unit failure",
        (0x3f, 0x01) => "microcode has been changed",
        (0x3f, 0x03) => "inquiry data has changed",
        (0x3f, 0x0e) => "reported LUNs data has changed",
        (0x44, 0x00) => "internal target failure",
        (0x55, 0x03) => "insufficient resources",
        (0x55, 0x04) => "insufficient registration resources",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_unit_attention_in_both_formats() {
        let mut fixed = vec![0; 18];
        fixed[0] = 0x70;
        fixed[2] = 0x06;
        fixed[7] = 10;
        fixed[12] = 0x2a;
        fixed[13] = 0x05;
        let sense = Sense::decode(&fixed).unwrap();
        assert!(sense.is_unit_attention());
        assert_eq!(sense.to_string(), "UNIT ATTENTION (6/2a/05, registrations preempted)");
        let descriptor = Sense::decode(&[0x72, 0x06, 0x2a, 0x05, 0, 0, 0, 0]).unwrap();
        assert_eq!((descriptor.key, descriptor.asc, descriptor.ascq), (sense.key, sense.asc, sense.ascq));
    }

    #[test]
    fn refuses_what_is_no_sense_data() {
        assert!(Sense::decode(&[]).is_err());
        assert!(Sense::decode(&[0x70]).is_err());
        assert!(Sense::decode(&[0x00; 18]).is_err());
        assert!(Sense::decode(&[0x7f; 18]).is_err());
    }

    #[test]
    fn short_fixed_sense_has_zero_codes() {
        let sense = Sense::decode(&[0x70, 0, 0x05]).unwrap();
        assert!(sense.is(SenseKey::IllegalRequest, 0, 0));
    }

    #[test]
    fn information_and_field_pointer_survive() {
        for format in [SenseFormat::Fixed, SenseFormat::Descriptor] {
            let sense = Sense {
                format,
                information: Some(0x1234),
                specific: Some([0x40, 0, 7]),
                ..Sense::new(SenseKey::IllegalRequest, 0x24, 0)
            };
            assert_eq!(Sense::decode(&sense.encode()), Ok(sense));
        }
    }
}
