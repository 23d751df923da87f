//! MODE SENSE (6) and (10) parameter headers (SPC-4 clause 7.5): is the unit write protected?

use super::Malformed;
use super::bytes::{be16, bit, byte, len16, need, part};

/// The header of a MODE SENSE answer of a direct access device, and the mode pages behind it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModeParameters {
    /// MEDIUM TYPE.
    pub medium_type: u8,
    /// WP: the unit refuses writes.
    pub write_protected: bool,
    /// DPOFUA: the unit honours DPO and FUA.
    pub dpo_fua: bool,
    /// Block descriptors, undecoded.
    pub block_descriptors: Vec<u8>,
    /// The mode pages, undecoded.
    pub pages: Vec<u8>,
}

impl ModeParameters {
    /// Reads a MODE SENSE (6) answer.
    pub fn decode6(bytes: &[u8]) -> Result<Self, Malformed> {
        need("MODE SENSE (6) data", bytes, 4)?;
        let whole = part(bytes, 0, usize::from(byte(bytes, 0)) + 1);
        Ok(Self::read(bytes, whole, byte(bytes, 1), 2, 4, usize::from(byte(bytes, 3))))
    }

    /// Reads a MODE SENSE (10) answer.
    pub fn decode10(bytes: &[u8]) -> Result<Self, Malformed> {
        need("MODE SENSE (10) data", bytes, 8)?;
        let whole = part(bytes, 0, usize::from(be16(bytes, 0)) + 2);
        Ok(Self::read(bytes, whole, byte(bytes, 2), 3, 8, usize::from(be16(bytes, 6))))
    }

    fn read(
        bytes: &[u8],
        whole: &[u8],
        medium_type: u8,
        specific: usize,
        header: usize,
        descriptors: usize,
    ) -> Self {
        Self {
            medium_type,
            write_protected: bit(bytes, specific, 0x80),
            dpo_fua: bit(bytes, specific, 0x10),
            block_descriptors: part(whole, header, descriptors).to_vec(),
            pages: part(whole, header + descriptors, whole.len()).to_vec(),
        }
    }

    fn specific(&self) -> u8 {
        u8::from(self.write_protected) << 7 | u8::from(self.dpo_fua) << 4
    }

    /// The bytes of a MODE SENSE (6) answer; pages that do not fit its one-byte length are cut.
    pub fn encode6(&self) -> Vec<u8> {
        let descriptors = part(&self.block_descriptors, 0, 252);
        let pages = part(&self.pages, 0, 252 - descriptors.len());
        let length = u8::try_from(3 + descriptors.len() + pages.len()).unwrap_or(u8::MAX);
        let mut bytes =
            vec![length, self.medium_type, self.specific(), u8::try_from(descriptors.len()).unwrap_or(0)];
        bytes.extend(descriptors);
        bytes.extend(pages);
        bytes
    }

    /// The bytes of a MODE SENSE (10) answer.
    pub fn encode10(&self) -> Vec<u8> {
        let mut bytes = len16(6 + self.block_descriptors.len() + self.pages.len()).to_vec();
        bytes.extend([self.medium_type, self.specific(), 0, 0]);
        bytes.extend(len16(self.block_descriptors.len()));
        bytes.extend(&self.block_descriptors);
        bytes.extend(&self.pages);
        bytes
    }

    /// The page with this code (without sub-page), header included, where it is among the answer.
    pub fn page(&self, code: u8) -> Option<&[u8]> {
        let mut rest = self.pages.as_slice();
        while rest.len() >= 2 {
            let sub_page = bit(rest, 0, 0x40);
            let length = if sub_page { 4 + usize::from(be16(rest, 2)) } else { 2 + usize::from(rest[1]) };
            if rest[0] & 0x3f == code && !sub_page {
                return Some(part(rest, 0, length));
            }
            rest = rest.get(length..)?;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_carry_the_write_protect_bit() {
        let parameters = ModeParameters {
            write_protected: true,
            dpo_fua: true,
            block_descriptors: vec![0; 8],
            pages: vec![0x08, 2, 4, 0, 0x0a, 1, 9],
            ..ModeParameters::default()
        };
        assert_eq!(ModeParameters::decode6(&parameters.encode6()), Ok(parameters.clone()));
        assert_eq!(ModeParameters::decode10(&parameters.encode10()), Ok(parameters.clone()));
        assert_eq!(parameters.page(0x0a), Some(&[0x0a, 1, 9][..]));
        assert_eq!(parameters.page(0x1c), None);
    }

    #[test]
    fn lengths_that_lie_do_not_hurt() {
        assert!(ModeParameters::decode6(&[0, 0, 0]).is_err());
        let liar = ModeParameters::decode6(&[0xff, 0, 0x80, 0xff]).unwrap();
        assert!(liar.write_protected && liar.pages.is_empty());
    }
}
