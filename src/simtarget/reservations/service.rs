//! The service actions of PERSISTENT RESERVE OUT (SPC-4 clauses 5.13.5 to 5.13.12).

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{
    Attention, Fault, Holder, Key, Nexus, Outcome, Parameters, PrOut, PrParameters, REMEMBERED,
    RegisterAndMove, Request, Reservation, ReservationType, Reservations, Sense, SenseKey, Verdict, World,
};
use crate::scsi::reservation::TransportId;

/// What made a reservation end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Release,
    Unregister,
}

impl Reservations {
    /// Carries out a PERSISTENT RESERVE OUT of a nexus. A request that is refused changes nothing.
    pub fn execute(&mut self, nexus: &Nexus, request: &Request, world: World<'_>) -> Outcome {
        if self.reserved_by.is_some() {
            return Verdict::Conflict.into();
        }
        let mut outcome = match (request.action, &request.parameters) {
            (PrOut::Register, Parameters::Basic(list)) => self.register(nexus, list, false, world),
            (PrOut::RegisterAndIgnoreExistingKey, Parameters::Basic(list)) => {
                if self.has(Fault::IgnoreExistingKeyRefused) {
                    Verdict::invalid_field_in_cdb().into()
                } else {
                    self.register(nexus, list, true, world)
                }
            }
            (PrOut::Reserve, Parameters::Basic(list)) => self.reserve(nexus, request, list.key),
            (PrOut::Release, Parameters::Basic(list)) => self.release(nexus, request, list.key),
            (PrOut::Clear, Parameters::Basic(list)) => self.clear(nexus, list.key),
            (PrOut::Preempt, Parameters::Basic(list)) => self.preempt(nexus, request, list),
            (PrOut::PreemptAndAbort, Parameters::Basic(list)) => {
                if self.has(Fault::NoPreemptAndAbort) {
                    Verdict::invalid_field_in_cdb().into()
                } else {
                    let mut outcome = self.preempt(nexus, request, list);
                    if !self.has(Fault::AbortLetsWritesLand) {
                        outcome.aborted =
                            outcome.removed.iter().filter(|victim| *victim != nexus).cloned().collect();
                    }
                    outcome
                }
            }
            (PrOut::RegisterAndMove, Parameters::Move(list)) => self.register_and_move(nexus, list, world),
            // REPLACE LOST RESERVATION is only for units that set RLR_C; the rest are lists of the wrong form.
            _ => Verdict::invalid_field_in_cdb().into(),
        };
        if self.has(Fault::AttentionsStayOnOneHead) {
            outcome.attentions.retain(|(told, _)| told.port == nexus.port);
        }
        outcome
    }

    fn register(&mut self, nexus: &Nexus, list: &PrParameters, ignore: bool, world: World<'_>) -> Outcome {
        if let Some(refused) = self.refuse_options(list, ignore) {
            return refused.into();
        }
        let Some(index) = self.find(nexus) else {
            return self.register_new(nexus, list, ignore, world);
        };
        let old = self.registrations[index].key;
        let excused = self.has(Fault::RegisterWrongKeyAccepted)
            || (self.has(Fault::ZeroKeyReplacesRegistration) && list.key == Key(0));
        if !ignore && list.key != old && !excused {
            return Verdict::Conflict.into();
        }
        if list.initiator_ports.is_some() {
            return Verdict::invalid_field_in_cdb().into();
        }
        let nexuses = match self.at_ports(nexus, list, world) {
            Ok(nexuses) => nexuses,
            Err(refused) => return refused.into(),
        };
        // As if the request had come through each target port: a port with another key refuses it for all.
        let other_key = |each: &Nexus| self.find(each).is_some_and(|at| self.registrations[at].key != old);
        if !ignore && nexuses.iter().any(other_key) {
            return Verdict::Conflict.into();
        }
        let mut outcome = Outcome::from(Verdict::Good);
        if list.action_key == Key(0) {
            let mut leaving = nexuses;
            if self.has(Fault::UnregisterOnePathRemovesAll) {
                leaving.extend(
                    self.registrations
                        .iter()
                        .filter(|each| each.nexus.name == nexus.name)
                        .map(|each| each.nexus.clone()),
                );
            }
            for each in leaving.iter().collect::<BTreeSet<_>>() {
                self.unregister(each, nexus, &mut outcome);
            }
            if !self.has(Fault::UnregisterKeepsGeneration) {
                self.advance();
            }
        } else {
            if self.missing(&nexuses) + self.registrations.len() > self.room() {
                return Self::no_room();
            }
            self.set_keys(nexuses, list.action_key, list.all_target_ports);
            self.advance();
        }
        self.aptpl = list.persist_through_power_loss;
        outcome
    }

    fn register_new(
        &mut self,
        nexus: &Nexus,
        list: &PrParameters,
        ignore: bool,
        world: World<'_>,
    ) -> Outcome {
        if !ignore && list.key != Key(0) {
            return Verdict::Conflict.into();
        }
        if list.action_key == Key(0) {
            // SPC-4 table 49: nothing is done, so nothing is counted either.
            let verdict =
                if self.has(Fault::RegisterZeroRefused) { Verdict::Conflict } else { Verdict::Good };
            return verdict.into();
        }
        let mut nexuses = match self.at_ports(nexus, list, world) {
            Ok(nexuses) => nexuses,
            Err(refused) => return refused.into(),
        };
        if !ignore && nexuses.iter().any(|each| self.find(each).is_some()) {
            return Verdict::Conflict.into();
        }
        for port in list.initiator_ports.iter().flatten() {
            let Some(named) = named_ports(port, nexus.port, world) else {
                return Verdict::invalid_field_in_parameters().into();
            };
            for each in named {
                match self.at_ports(&each, list, world) {
                    Ok(more) if more.iter().all(|each| self.find(each).is_none()) => nexuses.extend(more),
                    _ => return Verdict::invalid_field_in_parameters().into(),
                }
            }
        }
        nexuses.sort();
        nexuses.dedup();
        if self.missing(&nexuses) + self.registrations.len() > self.room() {
            return Self::no_room();
        }
        if self.has(Fault::PathRegistrationOverwritesPartner) {
            let partners: Vec<Nexus> = self
                .registrations
                .iter()
                .filter(|each| each.nexus.name == nexus.name && each.nexus != *nexus)
                .map(|each| each.nexus.clone())
                .collect();
            let mut silent = Outcome::from(Verdict::Good);
            for partner in partners {
                self.unregister(&partner, nexus, &mut silent);
            }
        }
        self.set_keys(nexuses, list.action_key, list.all_target_ports);
        if !self.has(Fault::RegisterKeepsGeneration) {
            self.advance();
        }
        self.aptpl = list.persist_through_power_loss;
        Verdict::Good.into()
    }

    fn refuse_options(&self, list: &PrParameters, ignore: bool) -> Option<Verdict> {
        let none = self.has(Fault::NoRegisterOptions);
        let aptpl = list.persist_through_power_loss && (none || self.has(Fault::AptplRefused));
        let ports = list.initiator_ports.is_some() && (none || ignore || self.has(Fault::SpecIPtLies));
        (aptpl || ports || (list.all_target_ports && none)).then(Verdict::invalid_field_in_parameters)
    }

    /// The nexuses that a registration of this one covers.
    fn at_ports(&self, nexus: &Nexus, list: &PrParameters, world: World<'_>) -> Result<Vec<Nexus>, Verdict> {
        if !list.all_target_ports || self.has(Fault::AllTgPtLies) {
            return Ok(vec![nexus.clone()]);
        }
        if world.ports.is_empty() {
            return Err(Verdict::invalid_field_in_parameters());
        }
        Ok(world.ports.iter().map(|port| nexus.at(*port)).collect())
    }

    fn missing(&self, nexuses: &[Nexus]) -> usize {
        nexuses.iter().filter(|each| self.find(each).is_none()).count()
    }

    fn room(&self) -> usize {
        if self.has(Fault::FewRegistrations) { 8 } else { self.options.capacity }
    }

    /// 5/55/04, insufficient registration resources.
    fn no_room() -> Outcome {
        Verdict::illegal(0x55, 0x04).into()
    }

    fn set_keys(&mut self, nexuses: Vec<Nexus>, key: Key, all_target_ports: bool) {
        let flag = all_target_ports && self.has(Fault::AllTgPtLies);
        for each in nexuses {
            if let Some(index) = self.find(&each) {
                self.registrations[index].key = key;
                self.names.insert((Arc::clone(&each.name), each.port));
            } else {
                self.add(each, key, flag);
            }
        }
    }

    fn unregister(&mut self, leaving: &Nexus, issuer: &Nexus, outcome: &mut Outcome) {
        let Some(index) = self.find(leaving) else { return };
        let gone = self.registrations.remove(index);
        self.names.remove(&(Arc::clone(&leaving.name), leaving.port));
        let Some(reservation) = self.reservation else { return };
        match reservation.holder {
            Holder::One(id) if id == gone.id => {
                if self.has(Fault::HolderUnregisterKeepsReservation) {
                    self.reservation = Some(Reservation {
                        holder: Holder::Nobody(self.next_id),
                        last_key: gone.key,
                        ..reservation
                    });
                } else {
                    self.reservation = None;
                    self.announce_end(reservation.kind, issuer, End::Unregister, outcome);
                }
            }
            Holder::All if self.registrations.is_empty() => self.reservation = None,
            _ => {}
        }
    }

    /// 2A/04 for every other registrant, where the type shares access among registrants.
    fn announce_end(&self, kind: ReservationType, issuer: &Nexus, end: End, outcome: &mut Outcome) {
        let told = Attention::ReservationsReleased;
        let shared = kind.admits_registrants();
        if self.has(Fault::UnitAttentionToWrongNexus) {
            outcome.attentions.push((issuer.clone(), told));
            return;
        }
        if end == End::Release && !shared && self.has(Fault::ReleaseAnnouncedToSelf) {
            outcome.attentions.push((issuer.clone(), told));
        }
        if shared && !(end == End::Release && self.has(Fault::ReleaseNotAnnounced)) {
            outcome.attentions.extend(self.others(issuer).into_iter().map(|nexus| (nexus, told)));
        }
    }

    /// The type in the CDB, where scope and type are valid.
    fn kind_of(&self, request: &Request) -> Result<ReservationType, Verdict> {
        match ReservationType::from_code(request.kind) {
            Some(kind)
                if request.scope == 0
                    && !(kind.is_all_registrants() && self.has(Fault::NoAllRegistrantsTypes)) =>
            {
                Ok(kind)
            }
            _ => Err(Verdict::invalid_field_in_cdb()),
        }
    }

    fn reserve(&mut self, nexus: &Nexus, request: &Request, key: Key) -> Outcome {
        let kind = match self.kind_of(request) {
            Ok(kind) => kind,
            Err(refused) => return refused.into(),
        };
        let registration = self.find(nexus).map(|index| &self.registrations[index]);
        let holder = match registration {
            Some(registration) if registration.key == key || self.has(Fault::ReserveIgnoresKey) => {
                Holder::One(registration.id)
            }
            None if self.has(Fault::ReserveUnregisteredAccepted) => Holder::Nobody(0),
            None if self.has(Fault::ReserveUnregisteredWrongStatus) => {
                return Verdict::Check(Sense::new(SenseKey::NotReady, 0x08, 0)).into();
            }
            _ => return Verdict::Conflict.into(),
        };
        let holder =
            if kind.is_all_registrants() && holder != Holder::Nobody(0) { Holder::All } else { holder };
        if let Some(held) = self.reservation {
            let same = held.kind == kind && !self.has(Fault::ReserveNotRepeatable);
            let changes = held.kind != kind && self.has(Fault::TypeChangeAllowed);
            if !self.is_holder(nexus) || !(same || changes) {
                return Verdict::Conflict.into();
            }
            if changes {
                self.reservation = Some(Reservation { kind, holder, last_key: key });
            }
            return Verdict::Good.into();
        }
        self.reservation = Some(Reservation { kind, holder, last_key: key });
        if self.has(Fault::ReserveChangesGeneration) {
            self.advance();
        }
        if self.has(Fault::StrangerRegisters) {
            let stranger = Nexus::new("iqn.1998-01.com.example:stranger", [0, 2, 0x3d, 0, 0, 9], nexus.port);
            if self.find(&stranger).is_none() {
                self.add(stranger, Key(0x7374_7261_6e67_6572), false);
                self.advance();
            }
        }
        let mut outcome = Outcome::from(Verdict::Good);
        if self.has(Fault::StrangerClears) {
            let told = self.registrations.iter().map(|each| each.nexus.clone()).collect::<BTreeSet<_>>();
            outcome.attentions.extend(told.into_iter().map(|each| (each, Attention::ReservationsPreempted)));
            self.forget();
            self.advance();
        }
        outcome
    }

    fn release(&mut self, nexus: &Nexus, request: &Request, key: Key) -> Outcome {
        let Some(index) = self.find(nexus) else { return Verdict::Conflict.into() };
        let lenient = self.has(Fault::WrongReleaseAccepted);
        if self.registrations[index].key != key && !lenient {
            return Verdict::Conflict.into();
        }
        let Some(held) = self.reservation else { return Verdict::Good.into() };
        if !self.is_holder(nexus) {
            return Verdict::Good.into();
        }
        if (request.scope != 0 || request.kind != held.kind.code()) && !lenient {
            // 5/26/04, invalid release of persistent reservation.
            let verdict = if self.has(Fault::WrongReleaseConflicts) {
                Verdict::Conflict
            } else {
                Verdict::illegal(0x26, 0x04)
            };
            return verdict.into();
        }
        self.reservation = None;
        let mut outcome = Outcome::from(Verdict::Good);
        self.announce_end(held.kind, nexus, End::Release, &mut outcome);
        outcome
    }

    fn clear(&mut self, nexus: &Nexus, key: Key) -> Outcome {
        let registration = self.find(nexus).map(|index| &self.registrations[index]);
        let entitled = registration.is_some_and(|registration| registration.key == key);
        if !entitled && !self.has(Fault::ClearByAnyone) {
            return Verdict::Conflict.into();
        }
        if let (Some(Reservation { holder: Holder::Nobody(since), .. }), Some(registration)) =
            (self.reservation, registration)
            && registration.id < since
        {
            return Verdict::Conflict.into();
        }
        let mut outcome = Outcome::from(Verdict::Good);
        outcome.attentions =
            self.others(nexus).into_iter().map(|each| (each, Attention::ReservationsPreempted)).collect();
        let held = self.reservation;
        let shown = self.held().map_or(Key(0), |held| held.key);
        self.forget();
        if self.has(Fault::ClearKeepsReservation) {
            self.reservation =
                held.map(|held| Reservation { holder: Holder::Nobody(u64::MAX), last_key: shown, ..held });
        }
        self.advance();
        outcome
    }

    fn preempt(&mut self, nexus: &Nexus, request: &Request, list: &PrParameters) -> Outcome {
        let (key, victim) = (list.key, list.action_key);
        let lenient = self.has(Fault::WrongPreemptAccepted);
        let own = self.find(nexus).map(|index| self.registrations[index].clone());
        let entitled = match &own {
            Some(own) => own.key == key || lenient,
            None => self.has(Fault::EjectedMayReturn) && self.ejected.contains(&(nexus.clone(), key)),
        };
        if !entitled || (victim == key && self.has(Fault::SelfPreemptRefused)) {
            return Verdict::Conflict.into();
        }
        let takes_over = match self.reservation {
            None => false,
            Some(Reservation { holder: Holder::All, .. }) => victim == Key(0),
            Some(_) => self.held().is_some_and(|held| held.key == victim && victim != Key(0)),
        };
        if victim == Key(0) && !takes_over {
            let verdict = if self.has(Fault::ZeroPreemptWrongSense) {
                Verdict::invalid_field_in_cdb()
            } else {
                Verdict::invalid_field_in_parameters()
            };
            return verdict.into();
        }
        if takes_over {
            let kind = match self.kind_of(request) {
                Ok(kind) => kind,
                Err(refused) => return refused.into(),
            };
            return self.take_over(nexus, own.map(|own| own.id), kind, key, victim);
        }
        if !self.registrations.iter().any(|each| each.key == victim) {
            let replayed = self.has(Fault::PreemptAllWin) && self.preempted_keys.contains(&victim);
            if !replayed && !lenient {
                return Verdict::Conflict.into();
            }
            if let (true, Ok(kind)) = (replayed, self.kind_of(request))
                && let Some(own) = own
            {
                let holder = if kind.is_all_registrants() { Holder::All } else { Holder::One(own.id) };
                self.reservation = Some(Reservation { kind, holder, last_key: key });
            }
            self.advance();
            return Verdict::Good.into();
        }
        let mut outcome = Outcome::from(Verdict::Good);
        self.remove_victims(nexus, |each| each.key == victim, &mut outcome);
        if self.reservation.is_some_and(|held| held.holder == Holder::All) && self.registrations.is_empty() {
            self.reservation = None;
        }
        self.advance();
        outcome
    }

    /// PREEMPT of the reservation itself (SPC-4 clause 5.13.11.2.4).
    fn take_over(
        &mut self,
        nexus: &Nexus,
        own: Option<u64>,
        kind: ReservationType,
        key: Key,
        victim: Key,
    ) -> Outcome {
        let Some(held) = self.reservation else { return Verdict::Conflict.into() };
        let kind = if self.has(Fault::PreemptIgnoresType) { held.kind } else { kind };
        let everybody = held.holder == Holder::All;
        let mut outcome = Outcome::from(Verdict::Good);
        self.remove_victims(
            nexus,
            |each| (everybody || each.key == victim) && Some(each.id) != own,
            &mut outcome,
        );
        let holder = match own {
            Some(_) if kind.is_all_registrants() => Holder::All,
            Some(id) => Holder::One(id),
            None => Holder::Nobody(u64::MAX),
        };
        self.reservation = Some(Reservation { kind, holder, last_key: key });
        if kind != held.kind && !self.has(Fault::TypeChangeNotAnnounced) {
            outcome
                .attentions
                .extend(self.others(nexus).into_iter().map(|each| (each, Attention::ReservationsReleased)));
        }
        if self.has(Fault::PreemptRemovesWinnerKey)
            && let Some(index) = self.find(nexus)
        {
            self.registrations.remove(index);
            if holder != Holder::All {
                self.reservation =
                    Some(Reservation { kind, holder: Holder::Nobody(self.next_id), last_key: key });
            }
        }
        self.advance();
        outcome
    }

    fn remove_victims(
        &mut self,
        issuer: &Nexus,
        is_victim: impl Fn(&super::Registration) -> bool,
        outcome: &mut Outcome,
    ) {
        let mut victims: Vec<_> = self.registrations.iter().filter(|each| is_victim(each)).cloned().collect();
        if self.has(Fault::PreemptLeavesOtherPaths) {
            victims.truncate(1);
        }
        let told = if self.has(Fault::UnitAttentionWrongCode) {
            Attention::ReservationsPreempted
        } else {
            Attention::RegistrationsPreempted
        };
        let keep = self.has(Fault::PreemptKeepsVictimKey);
        for victim in victims {
            if !keep {
                self.registrations.retain(|each| each.id != victim.id);
                self.names.remove(&(Arc::clone(&victim.nexus.name), victim.nexus.port));
            }
            remember(&mut self.preempted_keys, victim.key);
            remember(&mut self.ejected, (victim.nexus.clone(), victim.key));
            if victim.nexus != *issuer && !victim.orphaned {
                outcome.attentions.push((victim.nexus.clone(), told));
            }
            outcome.removed.push(victim.nexus);
        }
    }

    fn register_and_move(&mut self, nexus: &Nexus, list: &RegisterAndMove, world: World<'_>) -> Outcome {
        let Some(index) = self.find(nexus) else { return Verdict::Conflict.into() };
        if self.registrations[index].key != list.key {
            return Verdict::Conflict.into();
        }
        let Some(held) = self.reservation else { return Verdict::invalid_field_in_cdb().into() };
        if held.holder == Holder::All {
            return Verdict::Conflict.into();
        }
        if !self.is_holder(nexus) {
            return Verdict::invalid_field_in_cdb().into();
        }
        let none = self.has(Fault::NoRegisterOptions);
        let aptpl = list.persist_through_power_loss && (none || self.has(Fault::AptplRefused));
        let (TransportId::Iscsi { name, isid: Some(isid) }, false) = (&list.transport_id, aptpl) else {
            return Verdict::invalid_field_in_parameters().into();
        };
        let to = Nexus::new(&name.to_lowercase(), *isid, list.relative_port);
        if list.action_key == Key(0) || !world.ports.contains(&to.port) || to == *nexus {
            return Verdict::invalid_field_in_parameters().into();
        }
        let freed = usize::from(list.unregister);
        if self.missing(std::slice::from_ref(&to)) + self.registrations.len() > self.room() + freed {
            return Self::no_room();
        }
        if list.unregister {
            self.registrations.remove(index);
            self.names.remove(&(Arc::clone(&nexus.name), nexus.port));
        }
        self.set_keys(vec![to.clone()], list.action_key, false);
        if let Some(index) = self.find(&to) {
            let holder = Holder::One(self.registrations[index].id);
            self.reservation = Some(Reservation { kind: held.kind, holder, last_key: list.action_key });
        }
        self.aptpl = list.persist_through_power_loss;
        self.advance();
        Verdict::Good.into()
    }
}

/// The nexuses at a target port that a TransportID names: one port, or all known ports of an initiator. `None` where it
/// names nothing that exists here.
fn named_ports(id: &TransportId, port: u16, world: World<'_>) -> Option<Vec<Nexus>> {
    match id {
        TransportId::Iscsi { name, isid: Some(isid) } => {
            Some(vec![Nexus::new(&name.to_lowercase(), *isid, port)])
        }
        TransportId::Iscsi { name, isid: None } => {
            let name = name.to_lowercase();
            let known: BTreeSet<Nexus> = world
                .logged_in
                .iter()
                .filter(|nexus| *nexus.name == *name)
                .map(|nexus| nexus.at(port))
                .collect();
            (!known.is_empty()).then(|| known.into_iter().collect())
        }
        TransportId::Other { .. } => None,
    }
}

fn remember<T: PartialEq>(list: &mut std::collections::VecDeque<T>, item: T) {
    if !list.contains(&item) {
        if list.len() == REMEMBERED {
            list.pop_front();
        }
        list.push_back(item);
    }
}
