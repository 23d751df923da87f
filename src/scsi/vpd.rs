//! Vital product data pages 00h, 80h, 83h, B0h, B1h and B2h (SPC-4 clause 7.8, SBC-3 clause 6.6).
//!
//! Every decoder checks that the page it was given is the page it decodes: a target that answers with another one is
//! told, never believed.

use super::Malformed;
use super::bytes::{be16, be32, be64, bit, byte, len16, need, part, put, text};
use super::identity::{Association, Designator};

/// PAGE CODE of the supported pages list.
pub const SUPPORTED_PAGES: u8 = 0x00;
/// PAGE CODE of the unit serial number.
pub const UNIT_SERIAL: u8 = 0x80;
/// PAGE CODE of the device identification.
pub const DEVICE_IDENTIFICATION: u8 = 0x83;
/// PAGE CODE of the block limits.
pub const BLOCK_LIMITS: u8 = 0xb0;
/// PAGE CODE of the block device characteristics.
pub const BLOCK_CHARACTERISTICS: u8 = 0xb1;
/// PAGE CODE of the logical block provisioning.
pub const PROVISIONING: u8 = 0xb2;

/// The bytes behind the header of the page with this code, as far as they arrived.
fn body<'a>(what: &'static str, code: u8, bytes: &'a [u8]) -> Result<&'a [u8], Malformed> {
    need(what, bytes, 4)?;
    if byte(bytes, 1) != code {
        return Err(Malformed::invalid(what, format!("the answer is page {:02x}h", byte(bytes, 1))));
    }
    Ok(part(bytes, 4, usize::from(be16(bytes, 2))))
}

fn page(device_type: u8, code: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![device_type, code];
    bytes.extend(len16(body.len()));
    bytes.extend(body);
    bytes
}

/// Bytes that PAGE LENGTH promises, header included; more than arrived means that the allocation length was too small.
pub fn page_bytes(bytes: &[u8]) -> usize {
    usize::from(be16(bytes, 2)) + 4
}

/// Page 00h: the pages that the unit has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SupportedPages(pub Vec<u8>);

impl SupportedPages {
    /// Reads the page.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Ok(Self(body("VPD page 00h", SUPPORTED_PAGES, bytes)?.to_vec()))
    }

    /// The bytes on the wire.
    pub fn encode(&self, device_type: u8) -> Vec<u8> {
        page(device_type, SUPPORTED_PAGES, &self.0)
    }

    /// True when the page is in the list.
    pub fn has(&self, code: u8) -> bool {
        self.0.contains(&code)
    }
}

/// Page 80h: the serial number, blanks cut.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitSerial(pub String);

impl UnitSerial {
    /// Reads the page.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Ok(Self(text(body("VPD page 80h", UNIT_SERIAL, bytes)?)))
    }

    /// The bytes on the wire.
    pub fn encode(&self, device_type: u8) -> Vec<u8> {
        page(device_type, UNIT_SERIAL, self.0.as_bytes())
    }
}

/// Page 83h: who the unit, its port and its device are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceIdentification(pub Vec<Designator>);

impl DeviceIdentification {
    /// Reads the page. A descriptor that runs past the end of the page is an error: half an identity is none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "VPD page 83h";
        let mut rest = body(WHAT, DEVICE_IDENTIFICATION, bytes)?;
        need(WHAT, bytes, page_bytes(bytes))?;
        let mut designators = Vec::new();
        while !rest.is_empty() {
            let (designator, taken) = Designator::decode(rest)?;
            designators.push(designator);
            rest = rest.get(taken..).unwrap_or(&[]);
        }
        Ok(Self(designators))
    }

    /// The bytes on the wire.
    pub fn encode(&self, device_type: u8) -> Vec<u8> {
        let body: Vec<u8> = self.0.iter().flat_map(Designator::encode).collect();
        page(device_type, DEVICE_IDENTIFICATION, &body)
    }

    /// All canonical identities of the logical unit, best first.
    pub fn identities(&self) -> Vec<String> {
        let mut ranked: Vec<&Designator> = self.0.iter().filter(|designator| designator.rank() > 0).collect();
        ranked.sort_by_key(|designator| std::cmp::Reverse(designator.rank()));
        let mut names: Vec<String> = ranked.iter().filter_map(|designator| designator.identity()).collect();
        names.dedup();
        names
    }

    /// The best canonical identity of the logical unit.
    pub fn identity(&self) -> Option<String> {
        self.identities().into_iter().next()
    }

    /// RELATIVE TARGET PORT IDENTIFIER of the port that answered.
    pub fn relative_port(&self) -> Option<u16> {
        self.port_number(4)
    }

    /// TARGET PORT GROUP of the port that answered.
    pub fn port_group(&self) -> Option<u16> {
        self.port_number(5)
    }

    fn port_number(&self, kind: u8) -> Option<u16> {
        self.0
            .iter()
            .filter(|designator| designator.association == Association::TargetPort && designator.kind == kind)
            .find_map(Designator::port_number)
    }
}

/// Page B0h: what the unit can move, unmap and compare at once. Zero means "not told" except where stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockLimits {
    /// WSNZ: WRITE SAME with a count of zero is refused.
    pub write_same_non_zero: bool,
    /// MAXIMUM COMPARE AND WRITE LENGTH in blocks; zero means not supported.
    pub max_compare_and_write: u8,
    /// OPTIMAL TRANSFER LENGTH GRANULARITY in blocks.
    pub optimal_granularity: u16,
    /// MAXIMUM TRANSFER LENGTH in blocks.
    pub max_transfer: u32,
    /// OPTIMAL TRANSFER LENGTH in blocks.
    pub optimal_transfer: u32,
    /// MAXIMUM UNMAP LBA COUNT; zero means not supported.
    pub max_unmap_blocks: u32,
    /// MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT; zero means not supported.
    pub max_unmap_descriptors: u32,
    /// OPTIMAL UNMAP GRANULARITY in blocks.
    pub unmap_granularity: u32,
    /// UNMAP GRANULARITY ALIGNMENT in blocks, where UGAVALID is set.
    pub unmap_alignment: Option<u32>,
    /// MAXIMUM WRITE SAME LENGTH in blocks.
    pub max_write_same: u64,
}

impl BlockLimits {
    /// Reads the page; SBC-2 devices send only its first 16 bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "VPD page B0h";
        let body = body(WHAT, BLOCK_LIMITS, bytes)?;
        need(WHAT, body, 12)?;
        let alignment = be32(body, 28);
        Ok(Self {
            write_same_non_zero: bit(body, 0, 0x01),
            max_compare_and_write: byte(body, 1),
            optimal_granularity: be16(body, 2),
            max_transfer: be32(body, 4),
            optimal_transfer: be32(body, 8),
            max_unmap_blocks: be32(body, 16),
            max_unmap_descriptors: be32(body, 20),
            unmap_granularity: be32(body, 24),
            unmap_alignment: (alignment & 0x8000_0000 != 0).then_some(alignment & 0x7fff_ffff),
            max_write_same: be64(body, 32),
        })
    }

    /// The bytes on the wire, 64 of them.
    pub fn encode(&self, device_type: u8) -> Vec<u8> {
        let mut body = [0; 60];
        body[0] = u8::from(self.write_same_non_zero);
        body[1] = self.max_compare_and_write;
        put(&mut body, 2, &self.optimal_granularity.to_be_bytes());
        put(&mut body, 4, &self.max_transfer.to_be_bytes());
        put(&mut body, 8, &self.optimal_transfer.to_be_bytes());
        put(&mut body, 16, &self.max_unmap_blocks.to_be_bytes());
        put(&mut body, 20, &self.max_unmap_descriptors.to_be_bytes());
        put(&mut body, 24, &self.unmap_granularity.to_be_bytes());
        if let Some(alignment) = self.unmap_alignment {
            put(&mut body, 28, &(alignment | 0x8000_0000).to_be_bytes());
        }
        put(&mut body, 32, &self.max_write_same.to_be_bytes());
        page(device_type, BLOCK_LIMITS, &body)
    }
}

/// Page B1h: what the medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockCharacteristics {
    /// MEDIUM ROTATION RATE: 0 not told, 1 does not rotate, else revolutions per minute.
    pub rotation_rate: u16,
}

impl BlockCharacteristics {
    /// Reads the page.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "VPD page B1h";
        let body = body(WHAT, BLOCK_CHARACTERISTICS, bytes)?;
        need(WHAT, body, 2)?;
        Ok(Self { rotation_rate: be16(body, 0) })
    }

    /// The bytes on the wire, 64 of them.
    pub fn encode(&self, device_type: u8) -> Vec<u8> {
        let mut body = [0; 60];
        put(&mut body, 0, &self.rotation_rate.to_be_bytes());
        page(device_type, BLOCK_CHARACTERISTICS, &body)
    }

    /// True or false where the unit tells, `None` where it does not.
    pub fn rotates(&self) -> Option<bool> {
        match self.rotation_rate {
            0 => None,
            1 => Some(false),
            _ => Some(true),
        }
    }
}

/// How the blocks of a unit are provided (PROVISIONING TYPE of page B2h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProvisioningType {
    /// 0: not told, or fully provisioned.
    #[default]
    Unknown,
    /// 1: resource provisioned.
    Resource,
    /// 2: thin provisioned.
    Thin,
    /// A code SBC-3 reserves.
    Other(u8),
}

/// Page B2h: how blocks are mapped and unmapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Provisioning {
    /// THRESHOLD EXPONENT; zero means no thresholds.
    pub threshold_exponent: u8,
    /// LBPU: UNMAP is supported.
    pub unmap: bool,
    /// LBPWS: WRITE SAME (16) unmaps.
    pub write_same16: bool,
    /// LBPWS10: WRITE SAME (10) unmaps.
    pub write_same10: bool,
    /// PROVISIONING TYPE.
    pub provisioning: ProvisioningType,
}

impl Provisioning {
    /// Reads the page.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "VPD page B2h";
        let body = body(WHAT, PROVISIONING, bytes)?;
        need(WHAT, body, 3)?;
        Ok(Self {
            threshold_exponent: byte(body, 0),
            unmap: bit(body, 1, 0x80),
            write_same16: bit(body, 1, 0x40),
            write_same10: bit(body, 1, 0x20),
            provisioning: match byte(body, 2) & 0x07 {
                0 => ProvisioningType::Unknown,
                1 => ProvisioningType::Resource,
                2 => ProvisioningType::Thin,
                other => ProvisioningType::Other(other),
            },
        })
    }

    /// The bytes on the wire.
    pub fn encode(&self, device_type: u8) -> Vec<u8> {
        let kind = match self.provisioning {
            ProvisioningType::Unknown => 0,
            ProvisioningType::Resource => 1,
            ProvisioningType::Thin => 2,
            ProvisioningType::Other(other) => other & 0x07,
        };
        let flags =
            u8::from(self.unmap) << 7 | u8::from(self.write_same16) << 6 | u8::from(self.write_same10) << 5;
        page(device_type, PROVISIONING, &[self.threshold_exponent, flags, kind, 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_identity_comes_first() {
        let page = DeviceIdentification(vec![
            Designator::t10("LAB", "x"),
            Designator::relative_port(2),
            Designator::port_group(3),
            Designator::naa(hex::decode("6001405a0b1c2d3e4f50617283940515").unwrap()),
            Designator::scsi_name(Association::TargetPort, "iqn.2026-01.lab:t,t,0x0001"),
        ]);
        let read = DeviceIdentification::decode(&page.encode(0)).unwrap();
        assert_eq!(read, page);
        assert_eq!(read.identity().as_deref(), Some("naa.6001405a0b1c2d3e4f50617283940515"));
        assert_eq!(read.identities().len(), 2);
        assert_eq!((read.relative_port(), read.port_group()), (Some(2), Some(3)));
    }

    #[test]
    fn another_page_or_a_cut_one_is_refused() {
        let serial = UnitSerial("  LABT1L1 ".into()).encode(0);
        assert_eq!(UnitSerial::decode(&serial), Ok(UnitSerial("LABT1L1".into())));
        assert!(DeviceIdentification::decode(&serial).unwrap_err().to_string().contains("page 80h"));
        let page = DeviceIdentification(vec![Designator::naa([0x60; 16])]).encode(0);
        for cut in 0..page.len() {
            assert!(DeviceIdentification::decode(&page[..cut]).is_err(), "{cut}");
        }
        assert!(BlockLimits::decode(&[0, 0xb0, 0, 4, 0, 0, 0, 0]).is_err());
    }

    #[test]
    fn pages_of_numbers_survive() {
        let limits = BlockLimits {
            write_same_non_zero: true,
            max_compare_and_write: 1,
            optimal_granularity: 8,
            max_transfer: 65_535,
            optimal_transfer: 128,
            max_unmap_blocks: 8192,
            max_unmap_descriptors: 1,
            unmap_granularity: 8,
            unmap_alignment: Some(0),
            max_write_same: 4096,
        };
        assert_eq!(BlockLimits::decode(&limits.encode(0)), Ok(limits));
        let medium = BlockCharacteristics { rotation_rate: 1 };
        assert_eq!(BlockCharacteristics::decode(&medium.encode(0)).unwrap().rotates(), Some(false));
        let thin =
            Provisioning { unmap: true, provisioning: ProvisioningType::Thin, ..Provisioning::default() };
        assert_eq!(Provisioning::decode(&thin.encode(0)), Ok(thin));
        assert!(SupportedPages::decode(&SupportedPages(vec![0, 0x83]).encode(0)).unwrap().has(0x83));
    }
}
