//! PERSISTENT RESERVE IN and OUT: between their bytes and the state machine.

use super::command::{Answer, Caller, illegal};
use super::fault::Fault;
use super::reservations::{Parameters, Request, Reservations, World};
use super::unit::LogicalUnit;
use crate::scsi::bytes::{be16, be32, bit};
use crate::scsi::cdb::{PrIn, PrOut};
use crate::scsi::reservation::{
    FullStatus, Holder, Key, Keys, PrParameters, RegisterAndMove, Registrant, Reservation, TransportId,
};
use crate::scsi::{Sense, SenseKey};

impl LogicalUnit {
    /// PERSISTENT RESERVE IN.
    pub fn persistent_reserve_in(&mut self, tag: u16, action: PrIn, alloc: u16) -> Answer {
        let refused = self.has(Fault::ReadKeysRefused)
            || (action == PrIn::ReadFullStatus && self.has(Fault::NoReadFullStatus));
        if refused {
            return Answer::check(illegal(0x24, 0));
        }
        if action == PrIn::ReadReservation && self.has(Fault::ReadReservationFails) {
            return Answer::check(Sense::new(SenseKey::HardwareError, 0x44, 0));
        }
        let malformed = self.has(Fault::MalformedFullStatus);
        let swapped = self.has(Fault::FullStatusKeySwapped);
        let twice = self.has(Fault::KeysListedTwice);
        let wrong_length = self.has(Fault::ReadKeysLengthWrong);
        let unit = self.reservations(tag);
        let data = match action {
            PrIn::ReadKeys => {
                let times = if twice { 2 } else { 1 };
                let keys = unit.registrations().iter().flat_map(|each| std::iter::repeat_n(each.key, times));
                let mut data = Keys::new(unit.generation(), keys.collect()).encode();
                if wrong_length {
                    let length = be32(&data, 4).saturating_add(8 * 1024);
                    data[4..8].copy_from_slice(&length.to_be_bytes());
                }
                data
            }
            PrIn::ReadReservation => {
                let holder =
                    unit.held().map(|held| Holder { key: held.key, scope: 0, kind: held.kind.code() });
                Reservation { generation: unit.generation(), holder }.encode()
            }
            PrIn::ReportCapabilities => unit.capabilities().encode().to_vec(),
            PrIn::ReadFullStatus => full_status(unit, swapped, malformed),
        };
        Answer::allocated(data, alloc)
    }

    /// PERSISTENT RESERVE OUT.
    pub fn persistent_reserve_out(
        &mut self,
        caller: Caller<'_>,
        action: PrOut,
        scope: u8,
        kind: u8,
        length: u32,
        list: &[u8],
    ) -> Answer {
        // 5/1A/00, parameter list length error.
        let wrong_length = || Answer::check(illegal(0x1a, 0));
        if list.len() < 24 || u32::try_from(list.len()) != Ok(length) {
            return wrong_length();
        }
        let parameters = if action == PrOut::RegisterAndMove {
            if usize::try_from(be32(list, 20)).ok() != Some(list.len() - 24) {
                return wrong_length();
            }
            RegisterAndMove::decode(list).map(Parameters::Move)
        } else {
            let specify = bit(list, 20, 0x08);
            let announced = usize::try_from(be32(list, 24)).ok();
            if (specify && announced != list.len().checked_sub(28)) || (!specify && list.len() != 24) {
                return wrong_length();
            }
            PrParameters::decode(list).map(Parameters::Basic)
        };
        let Ok(parameters) = parameters else { return Answer::check(illegal(0x26, 0)) };
        let request = Request { action, scope, kind, parameters };
        let world = World { ports: caller.tags, logged_in: caller.logged_in };
        let outcome = self.reservations(caller.nexus.port).execute(caller.nexus, &request, world);
        for (nexus, attention) in &outcome.attentions {
            self.attentions.establish(nexus, *attention);
        }
        Answer { aborted: outcome.aborted, ..Answer::from(outcome.verdict) }
    }
}

fn full_status(unit: &Reservations, swapped: bool, malformed: bool) -> Vec<u8> {
    let kind = unit.held().map_or(0, |held| held.kind.code());
    let registrants = unit
        .registrations()
        .iter()
        .map(|each| Registrant {
            key: if swapped { Key(each.key.0.swap_bytes()) } else { each.key },
            all_target_ports: each.all_target_ports,
            holds: unit.is_holding(each).then_some((0, kind)),
            relative_port: each.nexus.port,
            transport_id: TransportId::Iscsi {
                name: each.nexus.name.to_string(),
                isid: Some(each.nexus.isid),
            },
        })
        .collect();
    let whole = FullStatus::new(unit.generation(), registrants).encode();
    if malformed { without_transport_headers(&whole) } else { whole }
}

/// Leaves out the protocol, format and length of each TransportID, as istgt does.
fn without_transport_headers(whole: &[u8]) -> Vec<u8> {
    let mut out = whole.get(..8).unwrap_or(&[]).to_vec();
    let mut rest = whole.get(8..).unwrap_or(&[]);
    while rest.len() >= 28 {
        let id = usize::from(be16(rest, 26));
        let end = (28 + id).min(rest.len());
        out.extend(&rest[..20]);
        out.extend(u32::try_from(id).unwrap_or(0).to_be_bytes());
        out.extend(&rest[28..end]);
        rest = &rest[end..];
    }
    let length = u32::try_from(out.len().saturating_sub(8)).unwrap_or(0).to_be_bytes();
    if let Some(field) = out.get_mut(4..8) {
        field.copy_from_slice(&length);
    }
    out
}
