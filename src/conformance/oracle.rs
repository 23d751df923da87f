//! What the standard has happen: registrations, reservation, PRGENERATION and unit attentions, held beside the target's answers.
//!
//! An order of a node goes in, the status it must end with comes out. Always holds: an order that the standard refuses
//! changes nothing here, whatever the target made of it. Written from SPC-4 clause 5.13 alone and compared in tests with
//! the state machine of the embedded target, which was written apart from it.

use std::collections::BTreeMap;
use std::fmt;

use crate::scsi::cdb::PrOut;
use crate::scsi::reservation::{Holder, Key, PrParameters, ReservationType};
use crate::scsi::{Sense, SenseKey};

/// A nexus on the stage: its place in the cast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(pub usize);

/// A PERSISTENT RESERVE OUT of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// REGISTER, with the key that the node claims to have.
    Register {
        /// RESERVATION KEY.
        key: Key,
        /// SERVICE ACTION RESERVATION KEY; zero unregisters.
        new: Key,
    },
    /// REGISTER AND IGNORE EXISTING KEY.
    Ignore {
        /// RESERVATION KEY, which must not matter.
        key: Key,
        /// SERVICE ACTION RESERVATION KEY; zero unregisters.
        new: Key,
    },
    /// RESERVE.
    Reserve {
        /// RESERVATION KEY.
        key: Key,
        /// The type.
        kind: ReservationType,
    },
    /// RELEASE.
    Release {
        /// RESERVATION KEY.
        key: Key,
        /// The type.
        kind: ReservationType,
    },
    /// CLEAR.
    Clear {
        /// RESERVATION KEY.
        key: Key,
    },
    /// PREEMPT, or PREEMPT AND ABORT.
    Preempt {
        /// RESERVATION KEY.
        key: Key,
        /// SERVICE ACTION RESERVATION KEY.
        victim: Key,
        /// The type that a reservation taken over gets.
        kind: ReservationType,
        /// PREEMPT AND ABORT.
        abort: bool,
    },
}

impl Order {
    /// The service action.
    pub fn action(&self) -> PrOut {
        match self {
            Self::Register { .. } => PrOut::Register,
            Self::Ignore { .. } => PrOut::RegisterAndIgnoreExistingKey,
            Self::Reserve { .. } => PrOut::Reserve,
            Self::Release { .. } => PrOut::Release,
            Self::Clear { .. } => PrOut::Clear,
            Self::Preempt { abort: false, .. } => PrOut::Preempt,
            Self::Preempt { abort: true, .. } => PrOut::PreemptAndAbort,
        }
    }

    /// The type for the CDB, 0 where it has no meaning.
    pub fn kind(&self) -> u8 {
        match self {
            Self::Reserve { kind, .. } | Self::Release { kind, .. } | Self::Preempt { kind, .. } => {
                kind.code()
            }
            _ => 0,
        }
    }

    /// The parameter list.
    pub fn parameters(&self) -> PrParameters {
        let (key, action_key) = match *self {
            Self::Register { key, new } | Self::Ignore { key, new } => (key, new),
            Self::Reserve { key, .. } | Self::Release { key, .. } | Self::Clear { key } => (key, Key(0)),
            Self::Preempt { key, victim, .. } => (key, victim),
        };
        PrParameters::new(key, action_key)
    }

    /// True for what can remove the registration of another.
    pub fn is_destructive(&self) -> bool {
        matches!(self, Self::Clear { .. } | Self::Preempt { .. })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action().name())?;
        match self {
            Self::Reserve { kind, .. } | Self::Release { kind, .. } | Self::Preempt { kind, .. } => {
                write!(f, " type {}", kind.code())
            }
            Self::Register { new: Key(0), .. } | Self::Ignore { new: Key(0), .. } => {
                f.write_str(" of key zero")
            }
            _ => Ok(()),
        }
    }
}

/// How a command must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// GOOD.
    Good,
    /// RESERVATION CONFLICT.
    Conflict,
    /// CHECK CONDITION, ILLEGAL REQUEST with these codes.
    Illegal(u8, u8),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("GOOD"),
            Self::Conflict => f.write_str("RESERVATION CONFLICT"),
            Self::Illegal(asc, ascq) => {
                write!(f, "CHECK CONDITION: {}", Sense::new(SenseKey::IllegalRequest, *asc, *ascq))
            }
        }
    }
}

/// A unit attention about reservations (SPC-4 table 50): ASC 2Ah with this qualifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    /// 2A/03, reservations preempted.
    ReservationsPreempted,
    /// 2A/04, reservations released.
    ReservationsReleased,
    /// 2A/05, registrations preempted.
    RegistrationsPreempted,
}

impl Told {
    /// The one that sense data carry, where they carry one.
    pub fn of(sense: &Sense) -> Option<Self> {
        match (sense.key, sense.asc, sense.ascq) {
            (SenseKey::UnitAttention, 0x2a, 0x03) => Some(Self::ReservationsPreempted),
            (SenseKey::UnitAttention, 0x2a, 0x04) => Some(Self::ReservationsReleased),
            (SenseKey::UnitAttention, 0x2a, 0x05) => Some(Self::RegistrationsPreempted),
            _ => None,
        }
    }

    /// As sense key and codes, with the words of the standard.
    pub fn text(self) -> &'static str {
        match self {
            Self::ReservationsPreempted => "6/2A/03 (reservations preempted)",
            Self::ReservationsReleased => "6/2A/04 (reservations released)",
            Self::RegistrationsPreempted => "6/2A/05 (registrations preempted)",
        }
    }
}

/// The reservation, and who has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    /// `None`: all registrants.
    holder: Option<Node>,
    kind: ReservationType,
}

/// The expected state of a logical unit.
#[derive(Debug, Clone, Default)]
pub struct Oracle {
    registrants: Vec<(Node, Key)>,
    held: Option<Held>,
    generation: u32,
    told: BTreeMap<Node, Vec<Told>>,
}

impl Oracle {
    /// Nothing is registered, nothing reserved, PRGENERATION is this, and nobody has anything to be told.
    pub fn reset(&mut self, generation: u32) {
        *self = Self { generation, ..Self::default() };
    }

    /// The keys, one per registered nexus.
    pub fn keys(&self) -> Vec<Key> {
        self.registrants.iter().map(|(_, key)| *key).collect()
    }

    /// The registered nexuses.
    pub fn registrants(&self) -> impl Iterator<Item = (Node, Key)> + '_ {
        self.registrants.iter().copied()
    }

    /// What READ RESERVATION must show.
    pub fn reservation(&self) -> Option<Holder> {
        let held = self.held?;
        let key = held.holder.and_then(|node| self.key(node)).unwrap_or(Key(0));
        Some(Holder { key, scope: 0, kind: held.kind.code() })
    }

    /// PRGENERATION.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// What a nexus must be told of reservations since [`Oracle::settle`].
    pub fn told(&self, node: Node) -> &[Told] {
        self.told.get(&node).map_or(&[], Vec::as_slice)
    }

    /// Everybody has been told everything.
    pub fn settle(&mut self) {
        self.told.clear();
    }

    /// The key of a nexus, where it is registered.
    pub fn key(&self, node: Node) -> Option<Key> {
        self.registrants.iter().find(|(each, _)| *each == node).map(|(_, key)| *key)
    }

    /// Whether a nexus holds the reservation.
    pub fn is_holder(&self, node: Node) -> bool {
        self.held.is_some_and(|held| match held.holder {
            Some(holder) => holder == node,
            None => self.key(node).is_some(),
        })
    }

    /// Whether a read of a nexus may pass.
    pub fn may_read(&self, node: Node) -> bool {
        self.passes(node) || self.held.is_some_and(|held| !held.kind.restricts_reads())
    }

    /// Whether a write of a nexus may pass.
    pub fn may_write(&self, node: Node) -> bool {
        self.passes(node)
    }

    fn passes(&self, node: Node) -> bool {
        self.held.is_none_or(|held| {
            self.is_holder(node) || (held.kind.admits_registrants() && self.key(node).is_some())
        })
    }

    /// Another node takes the place of one that is gone for good; its registration stays where it is.
    pub fn abandon(&mut self, gone: Node, stale: Node) {
        for (node, _) in &mut self.registrants {
            if *node == gone {
                *node = stale;
            }
        }
        if let Some(held) = &mut self.held
            && held.holder == Some(gone)
        {
            held.holder = Some(stale);
        }
    }

    /// Carries an order out and tells how it must end.
    pub fn order(&mut self, by: Node, order: &Order) -> Expected {
        let own = self.key(by);
        match *order {
            Order::Register { key, new } => match own {
                None if key != Key(0) => Expected::Conflict,
                Some(own) if own != key => Expected::Conflict,
                _ => self.register(by, new),
            },
            Order::Ignore { new, .. } => self.register(by, new),
            Order::Reserve { key, kind } => {
                if own != Some(key) {
                    return Expected::Conflict;
                }
                match self.held {
                    Some(held) if held.kind != kind || !self.is_holder(by) => Expected::Conflict,
                    Some(_) => Expected::Good,
                    None => {
                        let holder = (!kind.is_all_registrants()).then_some(by);
                        self.held = Some(Held { holder, kind });
                        Expected::Good
                    }
                }
            }
            Order::Release { key, kind } => {
                if own != Some(key) {
                    return Expected::Conflict;
                }
                match self.held {
                    Some(held) if self.is_holder(by) => {
                        if held.kind != kind {
                            return Expected::Illegal(0x26, 0x04);
                        }
                        self.held = None;
                        self.announce_release(by, kind);
                        Expected::Good
                    }
                    _ => Expected::Good,
                }
            }
            Order::Clear { key } => {
                if own != Some(key) {
                    return Expected::Conflict;
                }
                self.tell_others(by, Told::ReservationsPreempted);
                self.registrants.clear();
                self.held = None;
                self.advance()
            }
            Order::Preempt { key, victim, kind, .. } => {
                if own == Some(key) {
                    self.preempt(by, victim, kind)
                } else {
                    Expected::Conflict
                }
            }
        }
    }

    fn register(&mut self, by: Node, new: Key) -> Expected {
        let place = self.registrants.iter().position(|(node, _)| *node == by);
        match (place, new) {
            (None, Key(0)) => return Expected::Good,
            (None, key) => self.registrants.push((by, key)),
            (Some(at), Key(0)) => {
                let ends = match self.held {
                    Some(Held { holder: Some(holder), .. }) => holder == by,
                    Some(Held { holder: None, .. }) => self.registrants.len() == 1,
                    None => false,
                };
                self.registrants.remove(at);
                if let Some(held) = self.held
                    && ends
                {
                    self.held = None;
                    self.announce_release(by, held.kind);
                }
            }
            (Some(at), key) => self.registrants[at].1 = key,
        }
        self.advance()
    }

    fn preempt(&mut self, by: Node, victim: Key, kind: ReservationType) -> Expected {
        let takes_over = match self.reservation() {
            Some(shown) => shown.key == victim,
            None => false,
        };
        if victim == Key(0) && !takes_over {
            return Expected::Illegal(0x26, 0x00);
        }
        let everybody = takes_over && victim == Key(0);
        let is_victim = |node: Node, key: Key| {
            // The preempting nexus keeps its registration where it takes the reservation over.
            (everybody || key == victim) && !(takes_over && node == by)
        };
        let victims: Vec<Node> = self
            .registrants
            .iter()
            .filter(|(node, key)| is_victim(*node, *key))
            .map(|(node, _)| *node)
            .collect();
        if victims.is_empty() && !takes_over {
            return Expected::Conflict;
        }
        self.registrants.retain(|(node, key)| !is_victim(*node, *key));
        for node in victims.into_iter().filter(|node| *node != by) {
            self.tell(node, Told::RegistrationsPreempted);
        }
        if takes_over {
            let before = self.held.map(|held| held.kind);
            let holder = (!kind.is_all_registrants()).then_some(by);
            self.held = Some(Held { holder, kind });
            if before != Some(kind) {
                self.tell_others(by, Told::ReservationsReleased);
            }
        } else if self.held.is_some_and(|held| held.holder.is_none()) && self.registrants.is_empty() {
            self.held = None;
        }
        self.advance()
    }

    /// SPC-4 clauses 5.13.10 and 5.13.11.2: types 5 to 8 only, and everybody but who did it.
    fn announce_release(&mut self, by: Node, kind: ReservationType) {
        if kind.admits_registrants() {
            self.tell_others(by, Told::ReservationsReleased);
        }
    }

    fn tell_others(&mut self, by: Node, what: Told) {
        let others: Vec<Node> =
            self.registrants.iter().map(|(node, _)| *node).filter(|node| *node != by).collect();
        others.into_iter().for_each(|node| self.tell(node, what));
    }

    fn tell(&mut self, node: Node, what: Told) {
        let queue = self.told.entry(node).or_default();
        if !queue.contains(&what) {
            queue.push(what);
        }
    }

    fn advance(&mut self) -> Expected {
        self.generation = self.generation.wrapping_add(1);
        Expected::Good
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scsi::reservation::ReservationType as Type;
    use crate::simtarget::attention::Attention;
    use crate::simtarget::reservations::{
        Access, Nexus, Options, Parameters, Request, Reservations, Verdict, World,
    };
    use proptest::prelude::*;

    const KEYS: [Key; 4] = [Key(0), Key(0xa), Key(0xb), Key(0xc)];

    fn nexus(node: Node) -> Nexus {
        Nexus::new(&format!("iqn.2026-01.test:n{}", node.0), [0x80, 0, 0, 0, 0, 1], 1)
    }

    fn orders() -> impl Strategy<Value = (Node, Order)> {
        let key = || prop::sample::select(KEYS.to_vec());
        let kind = || prop::sample::select(Type::ALL.to_vec());
        let order = prop_oneof![
            4 => (key(), key()).prop_map(|(key, new)| Order::Register { key, new }),
            2 => (key(), key()).prop_map(|(key, new)| Order::Ignore { key, new }),
            3 => (key(), kind()).prop_map(|(key, kind)| Order::Reserve { key, kind }),
            2 => (key(), kind()).prop_map(|(key, kind)| Order::Release { key, kind }),
            1 => key().prop_map(|key| Order::Clear { key }),
            3 => (key(), key(), kind(), any::<bool>())
                .prop_map(|(key, victim, kind, abort)| Order::Preempt { key, victim, kind, abort }),
        ];
        ((0..3_usize).prop_map(Node), order)
    }

    fn told_by_target(attentions: &[(Nexus, Attention)], node: Node) -> Vec<Told> {
        let mine = attentions.iter().filter(|(told, _)| *told == nexus(node));
        mine.filter_map(|(_, attention)| Told::of(&attention.sense())).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn oracle_and_embedded_target_agree(orders in prop::collection::vec(orders(), 1..40)) {
            let mut oracle = Oracle::default();
            let mut unit = Reservations::new(Options::default());
            for (by, order) in orders {
                let request = Request {
                    action: order.action(),
                    scope: 0,
                    kind: order.kind(),
                    parameters: Parameters::Basic(order.parameters()),
                };
                let before = oracle.clone();
                oracle.settle();
                let expected = oracle.order(by, &order);
                let world = World { ports: &[1], logged_in: &[] };
                let outcome = unit.execute(&nexus(by), &request, world);
                let same = match (expected, outcome.verdict) {
                    (Expected::Good, Verdict::Good) | (Expected::Conflict, Verdict::Conflict) => true,
                    (Expected::Illegal(asc, ascq), Verdict::Check(sense)) => {
                        sense.is(SenseKey::IllegalRequest, asc, ascq)
                    }
                    _ => false,
                };
                prop_assert!(same, "{order:?} by {by:?} in {before:?}: {expected} against {:?}", outcome.verdict);
                let mut keys: Vec<Key> = unit.registrations().iter().map(|each| each.key).collect();
                let mut mine = oracle.keys();
                keys.sort_unstable();
                mine.sort_unstable();
                prop_assert_eq!(&keys, &mine, "{:?} in {:?}", order, before);
                let held = unit.held().map(|held| (held.key, held.kind.code()));
                prop_assert_eq!(held, oracle.reservation().map(|held| (held.key, held.kind)));
                prop_assert_eq!(unit.generation(), oracle.generation());
                for node in (0..3).map(Node) {
                    prop_assert_eq!(told_by_target(&outcome.attentions, node), oracle.told(node), "{:?} in {:?}", order, before);
                    prop_assert_eq!(unit.allows(&nexus(node), Access::Read), oracle.may_read(node));
                    prop_assert_eq!(unit.allows(&nexus(node), Access::Write), oracle.may_write(node));
                }
            }
        }
    }

    #[test]
    fn a_stale_nexus_keeps_its_registration() {
        let mut oracle = Oracle::default();
        let (a, stale) = (Node(0), Node(9));
        oracle.order(a, &Order::Register { key: Key(0), new: Key(1) });
        oracle.order(a, &Order::Reserve { key: Key(1), kind: Type::WriteExclusiveRegistrantsOnly });
        oracle.abandon(a, stale);
        assert!(!oracle.may_write(a) && oracle.is_holder(stale) && oracle.keys() == [Key(1)]);
        oracle.order(a, &Order::Register { key: Key(0), new: Key(1) });
        let again = Order::Preempt {
            key: Key(1),
            victim: Key(1),
            kind: Type::WriteExclusiveRegistrantsOnly,
            abort: false,
        };
        assert_eq!(oracle.order(a, &again), Expected::Good);
        assert!(oracle.is_holder(a) && oracle.keys() == [Key(1)]);
    }
}
