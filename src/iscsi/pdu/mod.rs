//! The PDUs of RFC 7143 section 11, each with its fields and their places, both ways.
//!
//! Decoding ignores reserved bits and never fails for a known opcode: a field that makes no sense is for the state machine
//! that knows the context. Additional header segments stay in the [`Frame`].

mod field;
mod request;
mod response;

pub use request::{
    DataOut, LoginRequest, LogoutRequest, NopOut, ScsiCommand, SnackRequest, TaskFunction, TaskRequest,
    TextRequest,
};
pub use response::{
    AsyncMessage, DataIn, LoginResponse, LogoutResponse, NopIn, ReadyToTransfer, Reject, ScsiResponse,
    TaskResponse, TextResponse, async_event_name, reject_reason, task_response_name,
};

use super::frame::Frame;

/// A header that is no known PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("opcode {0:02x}h is not known")]
pub struct PduError(pub u8);

macro_rules! pdus {
    ($($name:ident),* $(,)?) => {
        /// Any PDU.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is documented at its type")]
        pub enum Pdu {
            $($name($name),)*
        }

        impl Pdu {
            /// Reads the PDU in a frame.
            pub fn decode(frame: Frame) -> Result<Self, PduError> {
                match frame.opcode() {
                    $($name::OPCODE => Ok(Self::$name($name::from_frame(frame))),)*
                    other => Err(PduError(other)),
                }
            }

            /// The frame to send.
            pub fn into_frame(self) -> Frame {
                match self {
                    $(Self::$name(pdu) => pdu.into_frame(),)*
                }
            }

            /// The name of the PDU, for messages.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $name::NAME,)*
                }
            }
        }

        $(impl From<$name> for Pdu {
            fn from(pdu: $name) -> Self {
                Self::$name(pdu)
            }
        })*
    };
}

pdus!(
    NopOut,
    ScsiCommand,
    TaskRequest,
    LoginRequest,
    TextRequest,
    DataOut,
    LogoutRequest,
    SnackRequest,
    NopIn,
    ScsiResponse,
    TaskResponse,
    LoginResponse,
    TextResponse,
    DataIn,
    LogoutResponse,
    ReadyToTransfer,
    AsyncMessage,
    Reject,
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scsi::Lun;

    #[test]
    fn a_write_command_on_the_wire() {
        let frame = ScsiCommand {
            is_final: true,
            write: true,
            attribute: 1,
            lun: Lun::new(2),
            tag: 0x0a0b_0c0d,
            expected_bytes: 24,
            command_sn: 7,
            expected_status_sn: 9,
            cdb: [0x5f; 16],
            data: vec![1; 24],
            ..ScsiCommand::default()
        }
        .into_frame();
        let mut wire = Vec::new();
        frame.write_to(crate::iscsi::Digests::default(), &mut wire).unwrap();
        assert_eq!(
            hex::encode(&wire[..48]),
            "01a1000000000018000200000000 00000a0b0c0d0000001800000007000000095f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f"
                .replace(' ', "")
        );
    }

    #[test]
    fn a_login_request_on_the_wire() {
        let request = LoginRequest {
            transit: true,
            current_stage: 1,
            next_stage: 3,
            isid: [0x80, 1, 2, 3, 4, 5],
            session: 6,
            tag: 1,
            connection: 2,
            command_sn: 3,
            expected_status_sn: 4,
            ..LoginRequest::default()
        };
        let frame = request.clone().into_frame();
        assert_eq!(
            hex::encode(frame.header),
            format!("43870000000000008001020304050006000000010002000000000003000000 04{}", "0".repeat(32))
                .replace(' ', "")
        );
        assert_eq!(Pdu::decode(frame), Ok(Pdu::LoginRequest(request)));
    }

    #[test]
    fn sense_data_has_its_length_in_front() {
        let mut response = ScsiResponse { status: 2, ..ScsiResponse::default() };
        response.set_sense(&[0x70, 0, 6]);
        assert_eq!(response.data, [0, 3, 0x70, 0, 6]);
        assert_eq!(response.sense(), [0x70, 0, 6]);
        response.data = vec![0xff, 0xff, 1];
        assert_eq!(response.sense(), [1]);
        response.data = vec![9];
        assert!(response.sense().is_empty());
    }

    #[test]
    fn unknown_opcodes_are_refused() {
        let mut header = [0; 48];
        header[0] = 0x3e;
        assert_eq!(Pdu::decode(Frame::new(header)), Err(PduError(0x3e)));
    }
}
