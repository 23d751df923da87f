//! PDUs that an initiator sends.

use super::field::layout;
use crate::scsi::Lun;

layout! {
    /// NOP-Out (RFC 7143 section 11.18): a ping, or the answer to one.
    NopOut = 0x00, "NOP-Out", [0x00, 0x80] {
        /// I: does not take a CmdSN.
        immediate: bool = 0 / 0x40,
        /// LUN, copied from the NOP-In that is answered.
        lun: Lun = 8,
        /// Initiator Task Tag, FFFFFFFFh where no answer is wanted.
        tag: u32 = 16,
        /// Target Transfer Tag, copied from the NOP-In that is answered, else FFFFFFFFh.
        transfer_tag: u32 = 20,
        /// CmdSN.
        command_sn: u32 = 24,
        /// ExpStatSN.
        expected_status_sn: u32 = 28,
    }
}

layout! {
    /// SCSI Command (RFC 7143 section 11.3), with immediate data in the data segment.
    ScsiCommand = 0x01, "SCSI Command", [0x00, 0x00] {
        /// I: does not take a CmdSN.
        immediate: bool = 0 / 0x40,
        /// F: no unsolicited Data-Out follows.
        is_final: bool = 1 / 0x80,
        /// R: data is expected.
        read: bool = 1 / 0x40,
        /// W: data will be sent.
        write: bool = 1 / 0x20,
        /// ATTR: 0 untagged, 1 simple, 2 ordered, 3 head of queue, 4 ACA.
        attribute: u8 = 1 / 0x07,
        /// LUN.
        lun: Lun = 8,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// Expected Data Transfer Length in bytes.
        expected_bytes: u32 = 20,
        /// CmdSN.
        command_sn: u32 = 24,
        /// ExpStatSN.
        expected_status_sn: u32 = 28,
        /// CDB, padded with zeros.
        cdb: [u8; 16] = 32,
    }
}

/// What a task management request asks for (RFC 7143 section 11.5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of the standard")]
pub enum TaskFunction {
    AbortTask = 1,
    AbortTaskSet = 2,
    ClearAca = 3,
    ClearTaskSet = 4,
    LogicalUnitReset = 5,
    TargetWarmReset = 6,
    TargetColdReset = 7,
    TaskReassign = 8,
}

impl TaskFunction {
    /// The function with this code.
    pub fn from_code(code: u8) -> Option<Self> {
        [
            Self::AbortTask,
            Self::AbortTaskSet,
            Self::ClearAca,
            Self::ClearTaskSet,
            Self::LogicalUnitReset,
            Self::TargetWarmReset,
            Self::TargetColdReset,
            Self::TaskReassign,
        ]
        .into_iter()
        .find(|function| *function as u8 == code)
    }
}

layout! {
    /// Task Management Function Request (RFC 7143 section 11.5).
    TaskRequest = 0x02, "Task Management Function Request", [0x00, 0x80] {
        /// I: does not take a CmdSN.
        immediate: bool = 0 / 0x40,
        /// The code of a [`TaskFunction`].
        function: u8 = 1 / 0x7f,
        /// LUN.
        lun: Lun = 8,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// Referenced Task Tag, FFFFFFFFh where no single task is meant.
        referenced_tag: u32 = 20,
        /// CmdSN.
        command_sn: u32 = 24,
        /// ExpStatSN.
        expected_status_sn: u32 = 28,
        /// RefCmdSN of the task to abort.
        referenced_command_sn: u32 = 32,
        /// ExpDataSN, for a reassignment.
        expected_data_sn: u32 = 36,
    }
}

layout! {
    /// Login Request (RFC 7143 section 11.12); always immediate.
    LoginRequest = 0x03, "Login Request", [0x40, 0x00] {
        /// T: ready to go to the next stage.
        transit: bool = 1 / 0x80,
        /// C: the key list goes on in the next request.
        continued: bool = 1 / 0x40,
        /// CSG: 0 security negotiation, 1 operational negotiation.
        current_stage: u8 = 1 / 0x0c,
        /// NSG: as CSG, or 3 full feature phase.
        next_stage: u8 = 1 / 0x03,
        /// Version-max.
        version_max: u8 = 2,
        /// Version-min.
        version_min: u8 = 3,
        /// ISID.
        isid: [u8; 6] = 8,
        /// TSIH, 0 for a new session.
        session: u16 = 14,
        /// Initiator Task Tag, the same through the whole login.
        tag: u32 = 16,
        /// CID.
        connection: u16 = 20,
        /// CmdSN.
        command_sn: u32 = 24,
        /// ExpStatSN.
        expected_status_sn: u32 = 28,
    }
}

layout! {
    /// Text Request (RFC 7143 section 11.10).
    TextRequest = 0x04, "Text Request", [0x00, 0x00] {
        /// I: does not take a CmdSN.
        immediate: bool = 0 / 0x40,
        /// F: the last request of the exchange.
        is_final: bool = 1 / 0x80,
        /// C: the key list goes on in the next request.
        continued: bool = 1 / 0x40,
        /// LUN, from the target's last response.
        lun: Lun = 8,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// Target Transfer Tag, FFFFFFFFh in the first request.
        transfer_tag: u32 = 20,
        /// CmdSN.
        command_sn: u32 = 24,
        /// ExpStatSN.
        expected_status_sn: u32 = 28,
    }
}

layout! {
    /// SCSI Data-Out (RFC 7143 section 11.7).
    DataOut = 0x05, "SCSI Data-Out", [0x00, 0x00] {
        /// F: the last PDU of this sequence.
        is_final: bool = 1 / 0x80,
        /// LUN, as in the R2T.
        lun: Lun = 8,
        /// Initiator Task Tag of the command.
        tag: u32 = 16,
        /// Target Transfer Tag of the R2T, FFFFFFFFh where unsolicited.
        transfer_tag: u32 = 20,
        /// ExpStatSN.
        expected_status_sn: u32 = 28,
        /// DataSN, from 0 in each sequence.
        data_sn: u32 = 36,
        /// Buffer Offset in bytes.
        offset: u32 = 40,
    }
}

layout! {
    /// Logout Request (RFC 7143 section 11.14).
    LogoutRequest = 0x06, "Logout Request", [0x00, 0x80] {
        /// I: does not take a CmdSN.
        immediate: bool = 0 / 0x40,
        /// Reason: 0 close the session, 1 close the connection, 2 remove it for recovery.
        reason: u8 = 1 / 0x7f,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// CID.
        connection: u16 = 20,
        /// CmdSN.
        command_sn: u32 = 24,
        /// ExpStatSN.
        expected_status_sn: u32 = 28,
    }
}

layout! {
    /// SNACK Request (RFC 7143 section 11.16); not used at error recovery level 0.
    SnackRequest = 0x10, "SNACK Request", [0x00, 0x80] {
        /// Type: 0 data or R2T, 1 status, 2 DataACK, 3 R-Data.
        kind: u8 = 1 / 0x0f,
        /// LUN.
        lun: Lun = 8,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// Target Transfer Tag or SNACK Tag.
        transfer_tag: u32 = 20,
        /// ExpStatSN.
        expected_status_sn: u32 = 28,
        /// BegRun.
        begin_run: u32 = 40,
        /// RunLength.
        run_length: u32 = 44,
    }
}
