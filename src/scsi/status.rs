//! SCSI status codes (SAM-5 clause 5.3).

use std::fmt;

/// The status byte with which a device server ends a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Status {
    /// 00h, done.
    #[default]
    Good,
    /// 02h, sense data says why.
    CheckCondition,
    /// 04h, PRE-FETCH fits.
    ConditionMet,
    /// 08h, try again later.
    Busy,
    /// 18h, another initiator port holds a reservation; carries no sense data.
    ReservationConflict,
    /// 28h, the queue of the logical unit is full.
    TaskSetFull,
    /// 30h, an auto contingent allegiance is established.
    AcaActive,
    /// 40h, another initiator port ended the command.
    TaskAborted,
    /// A byte that SAM-5 does not define.
    Other(u8),
}

impl Status {
    /// The status that a byte stands for.
    pub fn from_byte(byte: u8) -> Self {
        match byte {
            0x00 => Self::Good,
            0x02 => Self::CheckCondition,
            0x04 => Self::ConditionMet,
            0x08 => Self::Busy,
            0x18 => Self::ReservationConflict,
            0x28 => Self::TaskSetFull,
            0x30 => Self::AcaActive,
            0x40 => Self::TaskAborted,
            other => Self::Other(other),
        }
    }

    /// The byte on the wire.
    pub fn to_byte(self) -> u8 {
        match self {
            Self::Good => 0x00,
            Self::CheckCondition => 0x02,
            Self::ConditionMet => 0x04,
            Self::Busy => 0x08,
            Self::ReservationConflict => 0x18,
            Self::TaskSetFull => 0x28,
            Self::AcaActive => 0x30,
            Self::TaskAborted => 0x40,
            Self::Other(other) => other,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "GOOD",
            Self::CheckCondition => "CHECK CONDITION",
            Self::ConditionMet => "CONDITION MET",
            Self::Busy => "BUSY",
            Self::ReservationConflict => "RESERVATION CONFLICT",
            Self::TaskSetFull => "TASK SET FULL",
            Self::AcaActive => "ACA ACTIVE",
            Self::TaskAborted => "TASK ABORTED",
            Self::Other(other) => return write!(f, "status {other:02x}h"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_the_round_trip() {
        for byte in 0..=u8::MAX {
            assert_eq!(Status::from_byte(byte).to_byte(), byte);
        }
        assert_eq!(Status::from_byte(0x18).to_string(), "RESERVATION CONFLICT");
    }
}
