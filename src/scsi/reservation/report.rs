//! The four answers of PERSISTENT RESERVE IN.

use super::{Key, ReservationType, TransportId};
use crate::scsi::Malformed;
use crate::scsi::bytes::{be16, be32, be64, bit, byte, len32, need, part, put};

/// READ KEYS: one key per registered I_T nexus.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keys {
    /// PRGENERATION.
    pub generation: u32,
    /// ADDITIONAL LENGTH in bytes: the whole list, even where the allocation length cut it.
    pub list_bytes: u32,
    /// The keys that arrived; the same key stands here once per path that registered it.
    pub keys: Vec<Key>,
}

impl Keys {
    const WHAT: &str = "READ KEYS data";

    /// A complete list.
    pub fn new(generation: u32, keys: Vec<Key>) -> Self {
        Self { generation, list_bytes: u32::try_from(keys.len() * 8).unwrap_or(u32::MAX), keys }
    }

    /// Reads the answer, as far as it arrived.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need(Self::WHAT, bytes, 8)?;
        let list_bytes = be32(bytes, 4);
        if !list_bytes.is_multiple_of(8) {
            return Err(Malformed::invalid(
                Self::WHAT,
                format!("ADDITIONAL LENGTH {list_bytes} is no multiple of 8"),
            ));
        }
        let list = part(bytes, 8, usize::try_from(list_bytes).unwrap_or(usize::MAX));
        let keys = list.chunks_exact(8).map(|key| Key(be64(key, 0))).collect();
        Ok(Self { generation: be32(bytes, 0), list_bytes, keys })
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.generation.to_be_bytes().to_vec();
        bytes.extend(len32(self.keys.len() * 8));
        bytes.extend(self.keys.iter().flat_map(|key| key.0.to_be_bytes()));
        bytes
    }

    /// False when the allocation length cut the list.
    pub fn is_complete(&self) -> bool {
        u32::try_from(self.keys.len() * 8) == Ok(self.list_bytes)
    }
}

/// Who holds a reservation and of what type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The key of the holder; zero for types 7 and 8.
    pub key: Key,
    /// SCOPE: 0 is the logical unit, the only one left.
    pub scope: u8,
    /// TYPE, the raw code.
    pub kind: u8,
}

impl Holder {
    /// The type, where the code is one of the standard's.
    pub fn reservation_type(&self) -> Option<ReservationType> {
        ReservationType::from_code(self.kind)
    }
}

/// READ RESERVATION.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reservation {
    /// PRGENERATION.
    pub generation: u32,
    /// The reservation, where there is one.
    pub holder: Option<Holder>,
}

impl Reservation {
    const WHAT: &str = "READ RESERVATION data";

    /// Reads the answer. A length that is neither 0 nor 16 is an error, as is one whose bytes did not arrive.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need(Self::WHAT, bytes, 8)?;
        let generation = be32(bytes, 0);
        let holder = match be32(bytes, 4) {
            0 => None,
            16 => {
                need(Self::WHAT, bytes, 24)?;
                let scope_type = byte(bytes, 21);
                Some(Holder { key: Key(be64(bytes, 8)), scope: scope_type >> 4, kind: scope_type & 0x0f })
            }
            other => {
                let why = format!("ADDITIONAL LENGTH {other} is neither 0 nor 16");
                return Err(Malformed::invalid(Self::WHAT, why));
            }
        };
        Ok(Self { generation, holder })
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; if self.holder.is_some() { 24 } else { 8 }];
        put(&mut bytes, 0, &self.generation.to_be_bytes());
        if let Some(holder) = self.holder {
            bytes[7] = 16;
            put(&mut bytes, 8, &holder.key.0.to_be_bytes());
            bytes[21] = holder.scope << 4 | holder.kind & 0x0f;
        }
        bytes
    }
}

/// REPORT CAPABILITIES.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// RLR_C: REPLACE LOST RESERVATION.
    pub replace_lost_reservation: bool,
    /// CRH: RESERVE (6) and RELEASE (6) by a registrant are tolerated.
    pub compatible_reservation_handling: bool,
    /// SIP_C: initiator ports can be named in the parameter list.
    pub specify_initiator_ports: bool,
    /// ATP_C: a registration can cover all target ports.
    pub all_target_ports: bool,
    /// PTPL_C: registrations can survive a loss of power.
    pub persist_through_power_loss: bool,
    /// PTPL_A: they do now.
    pub persist_through_power_loss_active: bool,
    /// ALLOW COMMANDS, 0 to 7.
    pub allow_commands: u8,
    /// The types of reservation that are supported, where the target tells (TMV).
    pub types: Option<TypeMask>,
}

/// Which reservation types a target supports, one bit per type code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TypeMask(u16);

impl TypeMask {
    /// The mask with exactly these types.
    pub fn of(types: impl IntoIterator<Item = ReservationType>) -> Self {
        Self(types.into_iter().fold(0, |mask, kind| mask | 1 << kind.code()))
    }

    /// True when the type is supported.
    pub fn has(self, kind: ReservationType) -> bool {
        self.0 & 1 << kind.code() != 0
    }

    /// The supported types, in the order of their codes.
    pub fn types(self) -> Vec<ReservationType> {
        ReservationType::ALL.into_iter().filter(|kind| self.has(*kind)).collect()
    }
}

impl Capabilities {
    const WHAT: &str = "REPORT CAPABILITIES data";

    /// Reads the answer: eight bytes, of which LENGTH must say so.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need(Self::WHAT, bytes, 8)?;
        if be16(bytes, 0) != 8 {
            return Err(Malformed::invalid(Self::WHAT, format!("LENGTH is {}, not 8", be16(bytes, 0))));
        }
        // Bits 1, 3, 5, 6 and 7 of byte 4 and bit 0 of byte 5 stand for the types of that number, 5 being bit 5.
        let mask = u16::from(byte(bytes, 4)) & 0b1110_1010 | u16::from(byte(bytes, 5) & 1) << 8;
        Ok(Self {
            replace_lost_reservation: bit(bytes, 2, 0x80),
            compatible_reservation_handling: bit(bytes, 2, 0x10),
            specify_initiator_ports: bit(bytes, 2, 0x08),
            all_target_ports: bit(bytes, 2, 0x04),
            persist_through_power_loss: bit(bytes, 2, 0x01),
            persist_through_power_loss_active: bit(bytes, 3, 0x01),
            allow_commands: (byte(bytes, 3) >> 4) & 0x07,
            types: bit(bytes, 3, 0x80).then_some(TypeMask(mask)),
        })
    }

    /// The eight bytes on the wire.
    pub fn encode(&self) -> [u8; 8] {
        let flag = |set: bool, mask: u8| if set { mask } else { 0 };
        let [high, low] = self.types.map_or(0, |mask| mask.0).to_be_bytes();
        [
            0,
            8,
            flag(self.replace_lost_reservation, 0x80)
                | flag(self.compatible_reservation_handling, 0x10)
                | flag(self.specify_initiator_ports, 0x08)
                | flag(self.all_target_ports, 0x04)
                | flag(self.persist_through_power_loss, 0x01),
            flag(self.types.is_some(), 0x80)
                | (self.allow_commands & 0x07) << 4
                | flag(self.persist_through_power_loss_active, 0x01),
            low,
            high,
            0,
            0,
        ]
    }
}

/// One registered I_T nexus of READ FULL STATUS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registrant {
    /// The key.
    pub key: Key,
    /// ALL_TG_PT: the registration covers every target port.
    pub all_target_ports: bool,
    /// R_HOLDER with SCOPE and TYPE, where this nexus holds the reservation.
    pub holds: Option<(u8, u8)>,
    /// RELATIVE TARGET PORT IDENTIFIER; without meaning where `all_target_ports` is set.
    pub relative_port: u16,
    /// The initiator port.
    pub transport_id: TransportId,
}

/// READ FULL STATUS: which initiator port registered which key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FullStatus {
    /// PRGENERATION.
    pub generation: u32,
    /// ADDITIONAL LENGTH in bytes: the whole list, even where the allocation length cut it.
    pub list_bytes: u32,
    /// The registrants that arrived whole.
    pub registrants: Vec<Registrant>,
}

impl FullStatus {
    const WHAT: &str = "READ FULL STATUS data";

    /// A complete list.
    pub fn new(generation: u32, registrants: Vec<Registrant>) -> Self {
        let mut status = Self { generation, list_bytes: 0, registrants };
        status.list_bytes = u32::try_from(status.encode().len() - 8).unwrap_or(u32::MAX);
        status
    }

    /// Reads the answer. A list cut by the allocation length ends at its last whole descriptor; one that contradicts
    /// itself is an error.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need(Self::WHAT, bytes, 8)?;
        let list_bytes = be32(bytes, 4);
        let length = usize::try_from(list_bytes).unwrap_or(usize::MAX);
        let mut rest = part(bytes, 8, length);
        let cut = rest.len() < length;
        let mut registrants = Vec::new();
        while !rest.is_empty() {
            let id_bytes = usize::try_from(be32(rest, 20)).unwrap_or(usize::MAX);
            let size = id_bytes.saturating_add(24);
            if rest.len() < size {
                if cut {
                    break;
                }
                let why = format!("descriptor {} runs past the end of the list", registrants.len() + 1);
                return Err(Malformed::invalid(Self::WHAT, why));
            }
            let (transport_id, taken) = TransportId::decode(part(rest, 24, id_bytes))?;
            if taken != id_bytes {
                let why =
                    format!("a TransportID of {taken} bytes in a descriptor that has {id_bytes} for it");
                return Err(Malformed::invalid(Self::WHAT, why));
            }
            registrants.push(Registrant {
                key: Key(be64(rest, 0)),
                all_target_ports: bit(rest, 12, 0x02),
                holds: bit(rest, 12, 0x01).then(|| (byte(rest, 13) >> 4, byte(rest, 13) & 0x0f)),
                relative_port: be16(rest, 18),
                transport_id,
            });
            rest = &rest[size..];
        }
        Ok(Self { generation: be32(bytes, 0), list_bytes, registrants })
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.generation.to_be_bytes().to_vec();
        bytes.extend([0; 4]);
        for registrant in &self.registrants {
            let id = registrant.transport_id.encode();
            let (scope, kind) = registrant.holds.unwrap_or((0, 0));
            bytes.extend(registrant.key.0.to_be_bytes());
            bytes.extend([0; 4]);
            bytes.push(u8::from(registrant.all_target_ports) << 1 | u8::from(registrant.holds.is_some()));
            bytes.push(scope << 4 | kind & 0x0f);
            bytes.extend([0; 4]);
            bytes.extend(registrant.relative_port.to_be_bytes());
            bytes.extend(len32(id.len()));
            bytes.extend(id);
        }
        let length = len32(bytes.len() - 8);
        put(&mut bytes, 4, &length);
        bytes
    }

    /// False when the allocation length cut the list.
    pub fn is_complete(&self) -> bool {
        u32::try_from(self.encode().len() - 8) == Ok(self.list_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_cut_say_so() {
        let keys = Keys::new(7, vec![Key(1), Key(1), Key(2)]);
        let bytes = keys.encode();
        assert_eq!(Keys::decode(&bytes), Ok(keys));
        let cut = Keys::decode(&bytes[..16]).unwrap();
        assert_eq!((cut.keys.len(), cut.list_bytes, cut.is_complete()), (1, 24, false));
        let mut odd = bytes;
        odd[7] = 23;
        assert!(Keys::decode(&odd).is_err());
    }

    #[test]
    fn capabilities_of_real_targets() {
        let lio = Capabilities::decode(&[0x00, 0x08, 0x1d, 0x90, 0xea, 0x01, 0, 0]).unwrap();
        assert_eq!(lio.types.unwrap().types(), ReservationType::ALL);
        assert!(
            lio.persist_through_power_loss && lio.all_target_ports && !lio.persist_through_power_loss_active
        );
        assert_eq!(lio.allow_commands, 1);
        assert_eq!(lio.encode(), [0x00, 0x08, 0x1d, 0x90, 0xea, 0x01, 0, 0]);
        let istgt = Capabilities::decode(&[0x00, 0x08, 0x0c, 0x00, 0x00, 0x00, 0, 0]).unwrap();
        assert_eq!(istgt.types, None);
        assert!(Capabilities::decode(&[0; 8]).is_err());
    }

    #[test]
    fn a_reservation_needs_its_bytes() {
        let held = Reservation { generation: 3, holder: Some(Holder { key: Key(0xabc), scope: 0, kind: 5 }) };
        let bytes = held.encode();
        assert_eq!(Reservation::decode(&bytes), Ok(held));
        assert!(Reservation::decode(&bytes[..23]).is_err());
        let free = Reservation { generation: 3, holder: None };
        assert_eq!(Reservation::decode(&free.encode()), Ok(free));
        assert!(Reservation::decode(&[0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }

    fn registrant(name: &str) -> Registrant {
        Registrant {
            key: Key(5),
            all_target_ports: false,
            holds: Some((0, 5)),
            relative_port: 1,
            transport_id: TransportId::Iscsi { name: name.into(), isid: Some([0x80, 1, 2, 3, 4, 5]) },
        }
    }

    #[test]
    fn full_status_names_each_nexus() {
        let status =
            FullStatus::new(9, vec![registrant("iqn.2026-01.lab:a"), registrant("iqn.2026-01.lab:bb")]);
        let bytes = status.encode();
        let read = FullStatus::decode(&bytes).unwrap();
        assert_eq!(read, status);
        assert!(read.is_complete());
        assert_eq!(read.registrants[0].transport_id.to_string(), "iqn.2026-01.lab:a,i,0x800102030405");
        let cut = FullStatus::decode(&bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(cut.registrants.len(), 1);
        assert!(!cut.is_complete());
    }

    #[test]
    fn a_transport_id_without_its_header_is_told() {
        let mut bytes = vec![0, 0, 0, 1, 0, 0, 0, 0];
        let name = b"iqn.2026-01.lab:a,i,0x800102030405\0\0";
        bytes.extend([0; 20]);
        bytes.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
        bytes.extend(name);
        let list = u32::try_from(bytes.len() - 8).unwrap();
        bytes[4..8].copy_from_slice(&list.to_be_bytes());
        let error = FullStatus::decode(&bytes).unwrap_err();
        assert!(error.to_string().contains("TransportID"), "{error}");
    }
}
