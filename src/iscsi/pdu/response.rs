//! PDUs that a target sends.

use super::field::layout;
use crate::scsi::Lun;

layout! {
    /// NOP-In (RFC 7143 section 11.19): a ping, or the answer to one.
    NopIn = 0x20, "NOP-In", [0x00, 0x80] {
        /// LUN, to be copied into the answer.
        lun: Lun = 8,
        /// Initiator Task Tag of the NOP-Out that is answered, else FFFFFFFFh.
        tag: u32 = 16,
        /// Target Transfer Tag, FFFFFFFFh where no answer is wanted.
        transfer_tag: u32 = 20,
        /// StatSN; advances only when this is an answer.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
    }
}

layout! {
    /// SCSI Response (RFC 7143 section 11.4).
    ScsiResponse = 0x21, "SCSI Response", [0x00, 0x80] {
        /// o: bidirectional read residual overflow.
        bidirectional_overflow: bool = 1 / 0x10,
        /// u: bidirectional read residual underflow.
        bidirectional_underflow: bool = 1 / 0x08,
        /// O: the residual count is bytes that did not fit.
        overflow: bool = 1 / 0x04,
        /// U: the residual count is bytes that were not transferred.
        underflow: bool = 1 / 0x02,
        /// Response: 0 command completed at the target, 1 target failure, from 80h vendor specific.
        response: u8 = 2,
        /// The SCSI status byte; has meaning where `response` is 0.
        status: u8 = 3,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// SNACK Tag.
        snack_tag: u32 = 20,
        /// StatSN.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
        /// ExpDataSN: number of Data-In and R2T PDUs that were sent.
        expected_data_sn: u32 = 36,
        /// Bidirectional Read Residual Count.
        bidirectional_residual: u32 = 40,
        /// Residual Count.
        residual: u32 = 44,
    }
}

impl ScsiResponse {
    /// The sense data in the data segment, cut where the segment ends.
    pub fn sense(&self) -> &[u8] {
        let [high, low, rest @ ..] = self.data.as_slice() else { return &[] };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        &rest[..length.min(rest.len())]
    }

    /// Puts sense data into the data segment; more than 65535 bytes are cut.
    pub fn set_sense(&mut self, sense: &[u8]) {
        let length = u16::try_from(sense.len()).unwrap_or(u16::MAX);
        self.data = length.to_be_bytes().to_vec();
        self.data.extend(&sense[..usize::from(length)]);
    }
}

layout! {
    /// Task Management Function Response (RFC 7143 section 11.6).
    TaskResponse = 0x22, "Task Management Function Response", [0x00, 0x80] {
        /// Response; see [`task_response_name`].
        response: u8 = 2,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// StatSN.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
    }
}

/// What the response code of a task management function means (RFC 7143 section 11.6.1).
pub fn task_response_name(code: u8) -> &'static str {
    match code {
        0 => "function complete",
        1 => "task does not exist",
        2 => "LUN does not exist",
        3 => "task still allegiant",
        4 => "task allegiance reassignment not supported",
        5 => "function not supported",
        6 => "function authorization failed",
        255 => "function rejected",
        _ => "reserved response",
    }
}

layout! {
    /// Login Response (RFC 7143 section 11.13).
    LoginResponse = 0x23, "Login Response", [0x00, 0x00] {
        /// T: the next stage is granted.
        transit: bool = 1 / 0x80,
        /// C: the key list goes on in the next response.
        continued: bool = 1 / 0x40,
        /// CSG.
        current_stage: u8 = 1 / 0x0c,
        /// NSG.
        next_stage: u8 = 1 / 0x03,
        /// Version-max.
        version_max: u8 = 2,
        /// Version-active.
        version_active: u8 = 3,
        /// ISID, as in the request.
        isid: [u8; 6] = 8,
        /// TSIH, given by the target in the last response.
        session: u16 = 14,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// StatSN.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
        /// Status-Class: 0 success, 1 redirection, 2 initiator error, 3 target error.
        status_class: u8 = 36,
        /// Status-Detail.
        status_detail: u8 = 37,
    }
}

layout! {
    /// Text Response (RFC 7143 section 11.11).
    TextResponse = 0x24, "Text Response", [0x00, 0x00] {
        /// F: the last response of the exchange.
        is_final: bool = 1 / 0x80,
        /// C: the key list goes on in the next response.
        continued: bool = 1 / 0x40,
        /// LUN, to be copied into the next request.
        lun: Lun = 8,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// Target Transfer Tag, to be copied into the next request; FFFFFFFFh where there is none.
        transfer_tag: u32 = 20,
        /// StatSN.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
    }
}

layout! {
    /// SCSI Data-In (RFC 7143 section 11.7), with the status of the command where `has_status` is set.
    DataIn = 0x25, "SCSI Data-In", [0x00, 0x00] {
        /// F: the last PDU of this sequence.
        is_final: bool = 1 / 0x80,
        /// A: the target wants an acknowledgement; only above error recovery level 0.
        acknowledge: bool = 1 / 0x40,
        /// O, valid with `has_status`.
        overflow: bool = 1 / 0x04,
        /// U, valid with `has_status`.
        underflow: bool = 1 / 0x02,
        /// S: status and StatSN are valid, no SCSI Response follows.
        has_status: bool = 1 / 0x01,
        /// The SCSI status byte.
        status: u8 = 3,
        /// LUN.
        lun: Lun = 8,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// Target Transfer Tag.
        transfer_tag: u32 = 20,
        /// StatSN, valid with `has_status`.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
        /// DataSN, from 0 for each command.
        data_sn: u32 = 36,
        /// Buffer Offset in bytes.
        offset: u32 = 40,
        /// Residual Count, valid with `has_status`.
        residual: u32 = 44,
    }
}

layout! {
    /// Logout Response (RFC 7143 section 11.15).
    LogoutResponse = 0x26, "Logout Response", [0x00, 0x80] {
        /// Response: 0 closed, 1 CID not found, 2 recovery not supported, 3 clean-up failed.
        response: u8 = 2,
        /// Initiator Task Tag.
        tag: u32 = 16,
        /// StatSN.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
        /// Time2Wait in seconds.
        time_to_wait: u16 = 40,
        /// Time2Retain in seconds.
        time_to_retain: u16 = 42,
    }
}

layout! {
    /// Ready To Transfer (RFC 7143 section 11.8): the target asks for a part of the data of a write.
    ReadyToTransfer = 0x31, "R2T", [0x00, 0x80] {
        /// LUN, to be copied into the Data-Out PDUs.
        lun: Lun = 8,
        /// Initiator Task Tag of the command.
        tag: u32 = 16,
        /// Target Transfer Tag, to be copied into the Data-Out PDUs.
        transfer_tag: u32 = 20,
        /// StatSN that the next response will have; does not advance.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
        /// R2TSN, from 0 for each command.
        r2t_sn: u32 = 36,
        /// Buffer Offset in bytes.
        offset: u32 = 40,
        /// Desired Data Transfer Length in bytes.
        desired_bytes: u32 = 44,
    }
}

layout! {
    /// Asynchronous Message (RFC 7143 section 11.9).
    AsyncMessage = 0x32, "Asynchronous Message", [0x00, 0x80] {
        /// LUN.
        lun: Lun = 8,
        /// Initiator Task Tag, reserved: FFFFFFFFh.
        tag: u32 = 16,
        /// StatSN.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
        /// AsyncEvent; see [`async_event_name`].
        event: u8 = 36,
        /// AsyncVCode.
        vendor_code: u8 = 37,
        /// Parameter1: the CID for event 2, seconds for event 1.
        parameter1: u16 = 38,
        /// Parameter2: Time2Wait for events 2 and 3.
        parameter2: u16 = 40,
        /// Parameter3: Time2Retain for events 2 and 3, seconds for event 1.
        parameter3: u16 = 42,
    }
}

/// What the code of an asynchronous message means (RFC 7143 section 11.9.1).
pub fn async_event_name(event: u8) -> &'static str {
    match event {
        0 => "SCSI asynchronous event",
        1 => "the target requests logout",
        2 => "the target will drop the connection",
        3 => "the target will drop all connections of the session",
        4 => "the target requests parameter negotiation",
        5 => "all active tasks of a logical unit are being terminated",
        255 => "vendor-specific event",
        _ => "reserved event",
    }
}

layout! {
    /// Reject (RFC 7143 section 11.17); the data segment is the header of the rejected PDU.
    Reject = 0x3f, "Reject", [0x00, 0x80] {
        /// Reason; see [`reject_reason`].
        reason: u8 = 2,
        /// Initiator Task Tag, reserved: FFFFFFFFh.
        tag: u32 = 16,
        /// StatSN.
        status_sn: u32 = 24,
        /// ExpCmdSN.
        expected_command_sn: u32 = 28,
        /// MaxCmdSN.
        max_command_sn: u32 = 32,
        /// DataSN or R2TSN, for data digest errors.
        data_sn: u32 = 36,
    }
}

impl Reject {
    /// The task tag in the header of the rejected PDU.
    pub fn rejected_tag(&self) -> Option<u32> {
        self.data.get(16..20).and_then(|tag| <[u8; 4]>::try_from(tag).ok()).map(u32::from_be_bytes)
    }
}

/// What the reason of a Reject means (RFC 7143 section 11.17.1).
pub fn reject_reason(code: u8) -> &'static str {
    match code {
        0x02 => "data digest error",
        0x03 => "SNACK reject",
        0x04 => "protocol error",
        0x05 => "command not supported",
        0x06 => "too many immediate commands",
        0x07 => "task in progress",
        0x08 => "invalid DataACK",
        0x09 => "invalid PDU field",
        0x0a => "long operation reject, out of resources",
        0x0b => "negotiation reset, obsolete",
        0x0c => "waiting for logout",
        _ => "reserved reason",
    }
}
