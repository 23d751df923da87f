//! The parameter lists of PERSISTENT RESERVE OUT.

use super::{Key, TransportId};
use crate::scsi::Malformed;
use crate::scsi::bytes::{be16, be32, be64, bit, len32, need, part};

/// The basic parameter list: all service actions except REGISTER AND MOVE.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrParameters {
    /// RESERVATION KEY: the key under which the sender is registered.
    pub key: Key,
    /// SERVICE ACTION RESERVATION KEY: the new key, or the victim's.
    pub action_key: Key,
    /// ALL_TG_PT: register through every target port.
    pub all_target_ports: bool,
    /// APTPL: keep registrations through a loss of power.
    pub persist_through_power_loss: bool,
    /// SPEC_I_PT: initiator ports to register besides the sender; `None` leaves the bit off.
    pub initiator_ports: Option<Vec<TransportId>>,
}

impl PrParameters {
    const WHAT: &str = "PERSISTENT RESERVE OUT parameter list";

    /// A list with these two keys and no flag set.
    pub fn new(key: Key, action_key: Key) -> Self {
        Self { key, action_key, ..Self::default() }
    }

    /// Reads a parameter list. It must be exactly 24 bytes long unless SPEC_I_PT is set.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need(Self::WHAT, bytes, 24)?;
        let specify = bit(bytes, 20, 0x08);
        if !specify && bytes.len() != 24 {
            let why = format!("{} bytes, where SPEC_I_PT is off and 24 are needed", bytes.len());
            return Err(Malformed::invalid(Self::WHAT, why));
        }
        let initiator_ports = if specify {
            need(Self::WHAT, bytes, 28)?;
            let length = usize::try_from(be32(bytes, 24)).unwrap_or(usize::MAX);
            if length != bytes.len() - 28 {
                let why = format!("TransportIDs of {length} bytes announced, {} sent", bytes.len() - 28);
                return Err(Malformed::invalid(Self::WHAT, why));
            }
            let mut rest = part(bytes, 28, length);
            let mut ports = Vec::new();
            while !rest.is_empty() {
                let (port, taken) = TransportId::decode(rest)?;
                ports.push(port);
                rest = rest.get(taken..).unwrap_or(&[]);
            }
            Some(ports)
        } else {
            None
        };
        Ok(Self {
            key: Key(be64(bytes, 0)),
            action_key: Key(be64(bytes, 8)),
            all_target_ports: bit(bytes, 20, 0x04),
            persist_through_power_loss: bit(bytes, 20, 0x01),
            initiator_ports,
        })
    }

    /// The bytes on the wire: 24, and the TransportIDs where there are any.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24);
        bytes.extend(self.key.0.to_be_bytes());
        bytes.extend(self.action_key.0.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.push(
            u8::from(self.initiator_ports.is_some()) << 3
                | u8::from(self.all_target_ports) << 2
                | u8::from(self.persist_through_power_loss),
        );
        bytes.extend([0; 3]);
        if let Some(ports) = &self.initiator_ports {
            let ids: Vec<u8> = ports.iter().flat_map(TransportId::encode).collect();
            bytes.extend(len32(ids.len()));
            bytes.extend(ids);
        }
        bytes
    }
}

/// The parameter list of REGISTER AND MOVE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterAndMove {
    /// RESERVATION KEY of the sender.
    pub key: Key,
    /// SERVICE ACTION RESERVATION KEY for the new holder.
    pub action_key: Key,
    /// UNREG: remove the sender's registration.
    pub unregister: bool,
    /// APTPL.
    pub persist_through_power_loss: bool,
    /// RELATIVE TARGET PORT IDENTIFIER of the new holder's nexus.
    pub relative_port: u16,
    /// The initiator port of the new holder.
    pub transport_id: TransportId,
}

impl RegisterAndMove {
    const WHAT: &str = "REGISTER AND MOVE parameter list";

    /// Reads a parameter list.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        need(Self::WHAT, bytes, 24)?;
        let length = usize::try_from(be32(bytes, 20)).unwrap_or(usize::MAX);
        if length != bytes.len() - 24 {
            let why = format!("a TransportID of {length} bytes announced, {} sent", bytes.len() - 24);
            return Err(Malformed::invalid(Self::WHAT, why));
        }
        let (transport_id, taken) = TransportId::decode(part(bytes, 24, length))?;
        if taken != length {
            let why = format!("{} bytes behind the TransportID", length.saturating_sub(taken));
            return Err(Malformed::invalid(Self::WHAT, why));
        }
        Ok(Self {
            key: Key(be64(bytes, 0)),
            action_key: Key(be64(bytes, 8)),
            unregister: bit(bytes, 17, 0x02),
            persist_through_power_loss: bit(bytes, 17, 0x01),
            relative_port: be16(bytes, 18),
            transport_id,
        })
    }

    /// The bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let id = self.transport_id.encode();
        let mut bytes = Vec::with_capacity(24 + id.len());
        bytes.extend(self.key.0.to_be_bytes());
        bytes.extend(self.action_key.0.to_be_bytes());
        bytes.push(0);
        bytes.push(u8::from(self.unregister) << 1 | u8::from(self.persist_through_power_loss));
        bytes.extend(self.relative_port.to_be_bytes());
        bytes.extend(len32(id.len()));
        bytes.extend(id);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_list_is_24_bytes() {
        let list = PrParameters { persist_through_power_loss: true, ..PrParameters::new(Key(1), Key(2)) };
        let bytes = list.encode();
        assert_eq!(hex::encode(&bytes), "000000000000000100000000000000020000000001000000");
        assert_eq!(PrParameters::decode(&bytes), Ok(list));
        assert!(PrParameters::decode(&bytes[..23]).is_err());
        let mut long = bytes;
        long.push(0);
        assert!(PrParameters::decode(&long).is_err());
    }

    #[test]
    fn initiator_ports_and_moves_survive() {
        let port = TransportId::Iscsi { name: "iqn.2026-01.lab:a".into(), isid: Some([1; 6]) };
        let list = PrParameters {
            initiator_ports: Some(vec![port.clone(); 2]),
            ..PrParameters::new(Key(0), Key(2))
        };
        assert_eq!(PrParameters::decode(&list.encode()), Ok(list));
        let moved = RegisterAndMove {
            key: Key(1),
            action_key: Key(2),
            unregister: true,
            persist_through_power_loss: false,
            relative_port: 3,
            transport_id: port,
        };
        let bytes = moved.encode();
        assert_eq!(RegisterAndMove::decode(&bytes), Ok(moved));
        for cut in 0..bytes.len() {
            assert!(RegisterAndMove::decode(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
