//! Fields of a header and the macro that lays them out: one list per PDU gives the struct, the decoder and the encoder.

use crate::iscsi::frame::HEADER_BYTES;
use crate::scsi::Lun;

/// A value at a place in the header; `mask` picks bits of one byte and is FFh for whole bytes.
pub(super) trait Field: Sized {
    fn get(header: &[u8; HEADER_BYTES], at: usize, mask: u8) -> Self;
    fn put(&self, header: &mut [u8; HEADER_BYTES], at: usize, mask: u8);
}

impl Field for bool {
    fn get(header: &[u8; HEADER_BYTES], at: usize, mask: u8) -> Self {
        header[at] & mask != 0
    }

    fn put(&self, header: &mut [u8; HEADER_BYTES], at: usize, mask: u8) {
        if *self {
            header[at] |= mask;
        }
    }
}

impl Field for u8 {
    fn get(header: &[u8; HEADER_BYTES], at: usize, mask: u8) -> Self {
        (header[at] & mask) >> mask.trailing_zeros()
    }

    fn put(&self, header: &mut [u8; HEADER_BYTES], at: usize, mask: u8) {
        header[at] |= (self << mask.trailing_zeros()) & mask;
    }
}

fn bytes<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|i| header[at + i])
}

macro_rules! whole_bytes {
    ($($type:ty: $from:expr, $to:expr;)*) => {
        $(impl Field for $type {
            fn get(header: &[u8; HEADER_BYTES], at: usize, _: u8) -> Self {
                $from(bytes(header, at))
            }

            fn put(&self, header: &mut [u8; HEADER_BYTES], at: usize, _: u8) {
                let bytes = $to(*self);
                header[at..at + bytes.len()].copy_from_slice(&bytes);
            }
        })*
    };
}

whole_bytes! {
    u16: u16::from_be_bytes, u16::to_be_bytes;
    u32: u32::from_be_bytes, u32::to_be_bytes;
    [u8; 6]: std::convert::identity, std::convert::identity;
    [u8; 16]: std::convert::identity, std::convert::identity;
    Lun: Lun, |lun: Lun| lun.0;
}

/// `Name = opcode, "name", [fixed bits of bytes 0 and 1] { field: type = byte [/ mask], ... }`
macro_rules! layout {
    ($(#[$doc:meta])* $name:ident = $opcode:literal, $label:literal, [$fixed0:literal, $fixed1:literal] {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $at:literal $(/ $mask:literal)?,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// The data segment, without padding.
            pub data: Vec<u8>,
        }

        impl $name {
            /// The opcode, six bits.
            pub const OPCODE: u8 = $opcode;
            /// The name in RFC 7143.
            pub const NAME: &str = $label;

            /// Reads the fields of a frame whose opcode is this one.
            pub fn from_frame(frame: $crate::iscsi::frame::Frame) -> Self {
                use $crate::iscsi::pdu::field::Field;
                Self {
                    $($field: <$type as Field>::get(&frame.header, $at, layout!(@mask $($mask)?)),)*
                    data: frame.data,
                }
            }

            /// The frame to send.
            pub fn into_frame(self) -> $crate::iscsi::frame::Frame {
                use $crate::iscsi::pdu::field::Field;
                let mut header = [0; $crate::iscsi::frame::HEADER_BYTES];
                header[0] = $opcode | $fixed0;
                header[1] = $fixed1;
                $(self.$field.put(&mut header, $at, layout!(@mask $($mask)?));)*
                $crate::iscsi::frame::Frame { header, additional: Vec::new(), data: self.data }
            }
        }
    };
    (@mask) => { 0xff };
    (@mask $mask:literal) => { $mask };
}

pub(super) use layout;
