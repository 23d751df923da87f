//! Standard INQUIRY data (SPC-4 clause 6.6.2).

use super::Malformed;
use super::bytes::{bit, byte, need, padded, part, text};

/// What a logical unit says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inquiry {
    /// PERIPHERAL QUALIFIER: 0 connected, 1 not connected, 3 no such unit here.
    pub qualifier: u8,
    /// PERIPHERAL DEVICE TYPE: 00h disk, 0Ch storage array controller, 1Fh none.
    pub device_type: u8,
    /// RMB: the medium is removable.
    pub removable: bool,
    /// VERSION: 5 SPC-3, 6 SPC-4, 7 SPC-5.
    pub version: u8,
    /// TPGS: 0 no ALUA, 1 implicit, 2 explicit, 3 both.
    pub tpgs: u8,
    /// 3PC: third-party copy commands.
    pub third_party_copy: bool,
    /// PROTECT: protection information can be stored.
    pub protect: bool,
    /// MULTIP: more than one target port.
    pub multi_port: bool,
    /// CMDQUE: the full task management model.
    pub command_queue: bool,
    /// T10 VENDOR IDENTIFICATION, blanks cut.
    pub vendor: String,
    /// PRODUCT IDENTIFICATION, blanks cut.
    pub product: String,
    /// PRODUCT REVISION LEVEL, blanks cut.
    pub revision: String,
}

impl Inquiry {
    /// Reads standard INQUIRY data; five bytes must be there, what old devices leave out is empty.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need("INQUIRY data", bytes, 5)?;
        Ok(Self {
            qualifier: byte(bytes, 0) >> 5,
            device_type: byte(bytes, 0) & 0x1f,
            removable: bit(bytes, 1, 0x80),
            version: byte(bytes, 2),
            tpgs: (byte(bytes, 5) >> 4) & 0x03,
            third_party_copy: bit(bytes, 5, 0x08),
            protect: bit(bytes, 5, 0x01),
            multi_port: bit(bytes, 6, 0x10),
            command_queue: bit(bytes, 7, 0x02),
            vendor: text(part(bytes, 8, 8)),
            product: text(part(bytes, 16, 16)),
            revision: text(part(bytes, 32, 4)),
        })
    }

    /// The 36 bytes on the wire, response data format 2.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![
            self.qualifier << 5 | self.device_type & 0x1f,
            u8::from(self.removable) << 7,
            self.version,
            0x12, // HISUP, response data format 2
            31,
            (self.tpgs & 0x03) << 4 | u8::from(self.third_party_copy) << 3 | u8::from(self.protect),
            u8::from(self.multi_port) << 4,
            u8::from(self.command_queue) << 1,
        ];
        bytes.extend(padded::<8>(&self.vendor));
        bytes.extend(padded::<16>(&self.product));
        bytes.extend(padded::<4>(&self.revision));
        bytes
    }

    /// False when the target answers for a unit that does not exist (qualifier 3, type 1Fh).
    pub fn exists(&self) -> bool {
        self.qualifier != 3
    }

    /// True for a connected direct-access block device, which is what a cluster can use.
    pub fn is_disk(&self) -> bool {
        self.qualifier == 0 && self.device_type == 0x00
    }

    /// The name of the device type.
    pub fn device_type_name(&self) -> &'static str {
        match self.device_type {
            0x00 => "direct access block device",
            0x01 => "sequential access device",
            0x03 => "processor device",
            0x05 => "CD/DVD device",
            0x07 => "optical memory device",
            0x08 => "medium changer",
            0x0c => "storage array controller",
            0x0d => "enclosure services device",
            0x0e => "simplified direct access device",
            0x14 => "host managed zoned block device",
            0x1e => "well known logical unit",
            0x1f => "unknown or no device",
            _ => "other device",
        }
    }

    /// The standard that VERSION claims, such as `SPC-4`.
    pub fn version_name(&self) -> &'static str {
        match self.version {
            0x00 => "none",
            0x03 => "SPC",
            0x04 => "SPC-2",
            0x05 => "SPC-3",
            0x06 => "SPC-4",
            0x07 => "SPC-5",
            _ => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let inquiry = Inquiry {
            removable: true,
            version: 6,
            tpgs: 3,
            multi_port: true,
            command_queue: true,
            vendor: "LAB".into(),
            product: "disk1".into(),
            revision: "0001".into(),
            ..Inquiry::default()
        };
        let bytes = inquiry.encode();
        assert_eq!(bytes.len(), 36);
        assert_eq!(Inquiry::decode(&bytes), Ok(inquiry));
    }

    #[test]
    fn no_such_unit_and_short_data() {
        let absent = Inquiry::decode(&[0x7f, 0, 5, 2, 0]).unwrap();
        assert!(!absent.exists() && !absent.is_disk());
        assert!(Inquiry::decode(&[0, 0, 5, 2]).is_err());
    }

    #[test]
    fn escape_sequences_do_not_pass() {
        let mut bytes = vec![0; 36];
        bytes[8..16].copy_from_slice(b"\x1b[31mEVI");
        assert_eq!(Inquiry::decode(&bytes).unwrap().vendor, "?[31mEVI");
    }
}
