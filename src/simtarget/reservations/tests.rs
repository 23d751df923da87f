//! The rules of the standard, walked one by one; then random requests against what must always hold.

use proptest::prelude::*;

use super::*;
use crate::scsi::reservation::TransportId;

const KEY_A: Key = Key(0xa1);
const KEY_B: Key = Key(0xb2);
const KEY_C: Key = Key(0xc3);
const PORTS: &[u16] = &[1, 2];
const TYPE5: ReservationType = ReservationType::WriteExclusiveRegistrantsOnly;

/// A unit with nodes A, B, C (A2 is the second session of A, at the other portal).
struct Bench {
    unit: Reservations,
}

fn node(name: char) -> Nexus {
    Nexus::new(&format!("iqn.2026-01.test:{name}"), [0x80, 0, 0, 0, 0, name as u8], 1)
}

fn second_path(name: char) -> Nexus {
    Nexus { port: 2, isid: [0x80, 0, 0, 0, 1, name as u8], ..node(name) }
}

fn port_id(nexus: &Nexus) -> TransportId {
    TransportId::Iscsi { name: nexus.name.to_string(), isid: Some(nexus.isid) }
}

impl Bench {
    fn with(faults: impl IntoIterator<Item = Fault>) -> Self {
        let mut unit = Reservations::new(Options::default());
        unit.set_faults(faults.into_iter().collect());
        Self { unit }
    }

    fn new() -> Self {
        Self::with([])
    }

    fn send(&mut self, nexus: &Nexus, request: &Request) -> Outcome {
        let logged_in = [node('a'), node('b'), node('c'), second_path('a')];
        self.unit.execute(nexus, request, World { ports: PORTS, logged_in: &logged_in })
    }

    fn out(&mut self, nexus: &Nexus, action: PrOut, key: Key, action_key: Key) -> Outcome {
        self.send(nexus, &Request::new(action, PrParameters::new(key, action_key)).of_kind(TYPE5))
    }

    fn register(&mut self, nexus: &Nexus, key: Key) {
        assert_eq!(self.out(nexus, PrOut::Register, Key(0), key).verdict, Verdict::Good);
    }

    fn reserve(&mut self, nexus: &Nexus, key: Key, kind: ReservationType) -> Verdict {
        let request = Request::new(PrOut::Reserve, PrParameters::new(key, Key(0))).of_kind(kind);
        self.send(nexus, &request).verdict
    }

    fn release(&mut self, nexus: &Nexus, key: Key, kind: ReservationType) -> Outcome {
        self.send(nexus, &Request::new(PrOut::Release, PrParameters::new(key, Key(0))).of_kind(kind))
    }

    fn keys(&self) -> Vec<Key> {
        self.unit.registrations().iter().map(|each| each.key).collect()
    }

    fn may(&self, nexus: &Nexus, access: Access) -> bool {
        self.unit.allows(nexus, access)
    }

    /// A holds type 5, B is registered, C is not.
    fn type5(faults: impl IntoIterator<Item = Fault>) -> Self {
        let mut bench = Self::with(faults);
        bench.register(&node('a'), KEY_A);
        bench.register(&node('b'), KEY_B);
        assert_eq!(bench.reserve(&node('a'), KEY_A, TYPE5), Verdict::Good);
        bench
    }
}

fn told(outcome: &Outcome) -> Vec<(char, Attention)> {
    outcome
        .attentions
        .iter()
        .map(|(nexus, attention)| (nexus.name.chars().last().unwrap(), *attention))
        .collect()
}

fn sense(asc: u8, ascq: u8) -> Verdict {
    Verdict::illegal(asc, ascq)
}

#[test]
fn p02_a_new_unit_is_empty() {
    let bench = Bench::new();
    assert!(bench.keys().is_empty() && bench.unit.held().is_none() && bench.unit.generation() == 0);
}

#[test]
fn p03_capabilities_name_all_types() {
    let capabilities = Bench::new().unit.capabilities();
    assert_eq!(capabilities.types.unwrap().types(), ReservationType::ALL);
    assert!(capabilities.persist_through_power_loss && !capabilities.persist_through_power_loss_active);
    assert_eq!(capabilities.encode()[..6], [0, 8, 0x1d, 0xb0, 0xea, 0x01]);
}

#[test]
fn p04_register_adds_the_key_and_counts() {
    let mut bench = Bench::new();
    bench.register(&node('a'), KEY_A);
    assert_eq!((bench.keys(), bench.unit.generation()), (vec![KEY_A], 1));
}

#[test]
fn p05_register_with_a_wrong_key_conflicts() {
    let mut bench = Bench::new();
    bench.register(&node('a'), KEY_A);
    for wrong in [KEY_B, Key(0)] {
        assert_eq!(bench.out(&node('a'), PrOut::Register, wrong, KEY_C).verdict, Verdict::Conflict);
    }
    assert_eq!(bench.out(&node('b'), PrOut::Register, KEY_A, KEY_B).verdict, Verdict::Conflict);
    assert_eq!((bench.keys(), bench.unit.generation()), (vec![KEY_A], 1));
    assert_eq!(bench.out(&node('a'), PrOut::Register, KEY_A, KEY_C).verdict, Verdict::Good);
    assert_eq!(bench.keys(), [KEY_C]);
}

#[test]
fn p06_register_and_ignore_works_from_everywhere() {
    let mut bench = Bench::new();
    for (key, expected) in [(KEY_A, vec![KEY_A]), (KEY_B, vec![KEY_B]), (Key(0), vec![])] {
        let outcome = bench.out(&node('a'), PrOut::RegisterAndIgnoreExistingKey, Key(0x77), key);
        assert_eq!((outcome.verdict, bench.keys()), (Verdict::Good, expected));
    }
    assert_eq!(bench.unit.generation(), 3);
}

#[test]
fn p07_register_of_nothing_does_nothing() {
    let mut bench = Bench::new();
    assert_eq!(bench.out(&node('a'), PrOut::Register, Key(0), Key(0)).verdict, Verdict::Good);
    assert_eq!((bench.keys().len(), bench.unit.generation()), (0, 0));
}

#[test]
fn p08_to_p12_reserve() {
    let mut bench = Bench::new();
    bench.register(&node('a'), KEY_A);
    bench.register(&node('b'), KEY_B);
    assert_eq!(bench.reserve(&node('c'), KEY_A, TYPE5), Verdict::Conflict, "P08");
    assert_eq!(bench.reserve(&node('c'), Key(0), TYPE5), Verdict::Conflict, "P08");
    assert_eq!(bench.reserve(&node('a'), KEY_B, TYPE5), Verdict::Conflict, "P09");
    assert_eq!(bench.reserve(&node('a'), KEY_A, TYPE5), Verdict::Good, "P10");
    let held = bench.unit.held().unwrap();
    assert_eq!((held.kind, held.key, held.holder), (TYPE5, KEY_A, Some(node('a'))));
    assert_eq!(bench.unit.generation(), 2, "P10");
    assert_eq!(bench.reserve(&node('a'), KEY_A, TYPE5), Verdict::Good, "P11");
    let other = ReservationType::WriteExclusive;
    assert_eq!(bench.reserve(&node('a'), KEY_A, other), Verdict::Conflict, "P12");
    assert_eq!(bench.reserve(&node('b'), KEY_B, TYPE5), Verdict::Conflict, "P12");
    for bad in [0, 2, 4, 9, 15] {
        let mut request = Request::new(PrOut::Reserve, PrParameters::new(KEY_A, Key(0)));
        request.kind = bad;
        assert_eq!(bench.send(&node('a'), &request).verdict, sense(0x24, 0), "type {bad}");
        request = request.of_kind(TYPE5);
        request.scope = 1;
        assert_eq!(bench.send(&node('a'), &request).verdict, sense(0x24, 0), "scope 1");
    }
}

/// One row for each access: for types 1, 3, 5, 6, 7, 8 whether a registered and an unregistered nexus may.
const MATRIX: &[(Access, [[bool; 2]; 6])] = {
    const Y: bool = true;
    const N: bool = false;
    const ALL: [[bool; 2]; 6] = [[Y, Y]; 6];
    const READ: [[bool; 2]; 6] = [[Y, Y], [N, N], [Y, Y], [Y, N], [Y, Y], [Y, N]];
    const WRITE: [[bool; 2]; 6] = [[N, N], [N, N], [Y, N], [Y, N], [Y, N], [Y, N]];
    &[
        (Access::Always, ALL),
        (Access::Query, ALL),
        (Access::TestUnitReady, ALL),
        (Access::ReadCapacity, ALL),
        (Access::Persistent, ALL),
        (Access::Read, READ),
        (Access::ModeSense, READ),
        (Access::Write, WRITE),
        (Access::WriteSame10, WRITE),
        (Access::CompareAndWrite, WRITE),
        (Access::Unmap, WRITE),
        (Access::SynchronizeCache, WRITE),
        (Access::ModeSelect, WRITE),
        (Access::StartStop, WRITE),
    ]
};

#[test]
fn p13_to_p16_the_conflict_matrix() {
    for (index, kind) in ReservationType::ALL.into_iter().enumerate() {
        let mut bench = Bench::new();
        bench.register(&node('a'), KEY_A);
        bench.register(&node('b'), KEY_B);
        assert_eq!(bench.reserve(&node('a'), KEY_A, kind), Verdict::Good);
        for (access, row) in MATRIX {
            assert!(bench.may(&node('a'), *access), "holder, {access:?}, {kind}");
            assert_eq!(bench.may(&node('b'), *access), row[index][0], "registrant, {access:?}, {kind}");
            assert_eq!(bench.may(&node('c'), *access), row[index][1], "stranger, {access:?}, {kind}");
        }
    }
}

#[test]
fn p16_p30_all_registrants_types_show_no_key_and_last_until_the_last_one() {
    for kind in
        [ReservationType::WriteExclusiveAllRegistrants, ReservationType::ExclusiveAccessAllRegistrants]
    {
        let mut bench = Bench::new();
        bench.register(&node('a'), KEY_A);
        bench.register(&node('b'), KEY_B);
        assert_eq!(bench.reserve(&node('a'), KEY_A, kind), Verdict::Good);
        assert_eq!(bench.unit.held().unwrap().key, Key(0));
        assert_eq!(bench.reserve(&node('b'), KEY_B, kind), Verdict::Good, "every registrant holds");
        assert!(bench.unit.registrations().iter().all(|each| bench.unit.is_holding(each)));
        let outcome = bench.out(&node('a'), PrOut::Register, KEY_A, Key(0));
        assert_eq!(told(&outcome), []);
        assert!(bench.unit.held().is_some());
        bench.out(&node('b'), PrOut::Register, KEY_B, Key(0));
        assert!(bench.unit.held().is_none(), "gone with the last registrant");
    }
}

#[test]
fn p17_release() {
    let mut bench = Bench::type5([]);
    assert_eq!(bench.release(&node('c'), KEY_A, TYPE5).verdict, Verdict::Conflict);
    assert_eq!(bench.release(&node('b'), KEY_B, TYPE5).verdict, Verdict::Good, "no holder, no effect");
    assert_eq!(bench.release(&node('a'), KEY_B, TYPE5).verdict, Verdict::Conflict);
    let wrong = ReservationType::ExclusiveAccess;
    assert_eq!(bench.release(&node('a'), KEY_A, wrong).verdict, sense(0x26, 0x04));
    assert!(bench.unit.held().is_some());
    assert_eq!(bench.release(&node('a'), KEY_A, TYPE5).verdict, Verdict::Good);
    assert!(bench.unit.held().is_none());
    assert_eq!(bench.release(&node('a'), KEY_A, TYPE5).verdict, Verdict::Good, "nothing to release");
    assert_eq!(bench.unit.generation(), 2);
}

#[test]
fn p18_p19_who_is_told_of_a_release() {
    for kind in ReservationType::ALL {
        let mut bench = Bench::new();
        bench.register(&node('a'), KEY_A);
        bench.register(&node('b'), KEY_B);
        bench.reserve(&node('a'), KEY_A, kind);
        let outcome = bench.release(&node('a'), KEY_A, kind);
        let expected =
            if kind.admits_registrants() { vec![('b', Attention::ReservationsReleased)] } else { vec![] };
        assert_eq!(told(&outcome), expected, "{kind}");
    }
}

#[test]
fn p20_to_p22_preempt_of_the_holder() {
    let mut bench = Bench::type5([]);
    let request = Request::new(PrOut::Preempt, PrParameters::new(KEY_B, KEY_A))
        .of_kind(ReservationType::ExclusiveAccessRegistrantsOnly);
    let outcome = bench.send(&node('b'), &request);
    assert_eq!(outcome.verdict, Verdict::Good);
    assert_eq!(told(&outcome), [('a', Attention::RegistrationsPreempted)]);
    assert!(outcome.aborted.is_empty(), "only PREEMPT AND ABORT aborts");
    assert_eq!((bench.keys(), bench.unit.generation()), (vec![KEY_B], 3));
    let held = bench.unit.held().unwrap();
    assert_eq!(held.kind, ReservationType::ExclusiveAccessRegistrantsOnly, "type comes from the CDB");
    assert_eq!((held.key, held.holder), (KEY_B, Some(node('b'))));
    for action in [PrOut::Preempt, PrOut::PreemptAndAbort, PrOut::Release, PrOut::Clear, PrOut::Reserve] {
        assert_eq!(bench.out(&node('a'), action, KEY_A, KEY_B).verdict, Verdict::Conflict, "P22 {action:?}");
    }
    assert!(!bench.may(&node('a'), Access::Write));
}

#[test]
fn p23_preempt_with_wrong_keys() {
    let mut bench = Bench::type5([]);
    assert_eq!(bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_C).verdict, Verdict::Conflict);
    assert_eq!(bench.out(&node('b'), PrOut::Preempt, KEY_C, KEY_A).verdict, Verdict::Conflict);
    assert_eq!(bench.out(&node('b'), PrOut::Preempt, KEY_B, Key(0)).verdict, sense(0x26, 0));
    let mut request = Request::new(PrOut::Preempt, PrParameters::new(KEY_B, KEY_A));
    request.kind = 2;
    assert_eq!(bench.send(&node('b'), &request).verdict, sense(0x24, 0));
    assert_eq!((bench.keys(), bench.unit.generation()), (vec![KEY_A, KEY_B], 2));
}

#[test]
fn p24_p25_preempt_and_abort_names_the_victims() {
    let mut bench = Bench::type5([]);
    bench.register(&second_path('a'), KEY_A);
    let outcome = bench.out(&node('b'), PrOut::PreemptAndAbort, KEY_B, KEY_A);
    assert_eq!(outcome.aborted, [node('a'), second_path('a')]);
    assert_eq!(bench.keys(), [KEY_B], "P38: on all paths");
}

#[test]
fn p26_a_change_of_type_is_told_to_the_third() {
    let mut bench = Bench::type5([]);
    bench.register(&node('c'), KEY_C);
    let request = Request::new(PrOut::Preempt, PrParameters::new(KEY_B, KEY_A))
        .of_kind(ReservationType::WriteExclusiveAllRegistrants);
    let outcome = bench.send(&node('b'), &request);
    assert_eq!(
        told(&outcome),
        [('a', Attention::RegistrationsPreempted), ('c', Attention::ReservationsReleased)]
    );
    let mut bench = Bench::type5([]);
    bench.register(&node('c'), KEY_C);
    let outcome = bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_A);
    assert_eq!(told(&outcome), [('a', Attention::RegistrationsPreempted)], "same type: nothing to tell");
}

#[test]
fn p27_only_the_first_of_racing_preempts_wins() {
    let mut bench = Bench::type5([]);
    bench.register(&node('c'), KEY_C);
    assert_eq!(bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_A).verdict, Verdict::Good);
    assert_eq!(bench.out(&node('c'), PrOut::Preempt, KEY_C, KEY_A).verdict, Verdict::Conflict);
    assert_eq!(bench.unit.held().unwrap().key, KEY_B);
}

#[test]
fn p28_clear() {
    let mut bench = Bench::type5([]);
    assert_eq!(bench.out(&node('c'), PrOut::Clear, Key(0), Key(0)).verdict, Verdict::Conflict);
    assert_eq!(bench.out(&node('b'), PrOut::Clear, KEY_A, Key(0)).verdict, Verdict::Conflict);
    let outcome = bench.out(&node('b'), PrOut::Clear, KEY_B, Key(0));
    assert_eq!(outcome.verdict, Verdict::Good);
    assert_eq!(told(&outcome), [('a', Attention::ReservationsPreempted)]);
    assert!(bench.keys().is_empty() && bench.unit.held().is_none());
    assert_eq!(bench.unit.generation(), 3);
}

#[test]
fn p29_unregistering_the_holder_ends_the_reservation() {
    for kind in ReservationType::ALL.into_iter().filter(|kind| !kind.is_all_registrants()) {
        let mut bench = Bench::new();
        bench.register(&node('a'), KEY_A);
        bench.register(&node('b'), KEY_B);
        bench.reserve(&node('a'), KEY_A, kind);
        let outcome = bench.out(&node('a'), PrOut::Register, KEY_A, Key(0));
        assert!(bench.unit.held().is_none(), "{kind}");
        let expected =
            if kind.admits_registrants() { vec![('b', Attention::ReservationsReleased)] } else { vec![] };
        assert_eq!(told(&outcome), expected, "{kind}");
        assert_eq!(bench.unit.generation(), 3);
    }
}

#[test]
fn p31_to_p33_p35_nothing_but_clear_or_power_loss_forgets() {
    let mut bench = Bench::type5([]);
    bench.unit.nexus_ends(&node('a'), true);
    bench.unit.nexus_begins(&node('a'));
    bench.unit.nexus_ends(&node('a'), false);
    bench.unit.nexus_begins(&node('a'));
    bench.unit.reset();
    assert_eq!(bench.keys(), [KEY_A, KEY_B]);
    assert!(bench.may(&node('a'), Access::Write) && bench.unit.is_holder(&node('a')));
}

#[test]
fn p34_self_preempt_sweeps_the_stale_session_away() {
    let mut bench = Bench::type5([]);
    let reborn = Nexus { isid: [0x80, 9, 9, 9, 0, 0], ..node('a') };
    assert!(!bench.may(&reborn, Access::Write));
    assert_eq!(bench.out(&reborn, PrOut::RegisterAndIgnoreExistingKey, Key(0), KEY_A).verdict, Verdict::Good);
    let outcome = bench.out(&reborn, PrOut::Preempt, KEY_A, KEY_A);
    assert_eq!(outcome.verdict, Verdict::Good);
    assert_eq!(bench.keys(), [KEY_B, KEY_A]);
    assert!(bench.unit.is_holder(&reborn) && bench.may(&reborn, Access::Write));
    assert!(!bench.unit.is_registered(&node('a')));

    let outcome = bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_B);
    assert_eq!(outcome.verdict, Verdict::Good, "a non-holder that preempts itself loses its registration");
    assert_eq!((bench.keys(), told(&outcome)), (vec![KEY_A], vec![]));
}

#[test]
fn p36_p37_each_path_is_its_own_nexus() {
    let mut bench = Bench::type5([]);
    assert!(!bench.may(&second_path('a'), Access::Write), "P36");
    bench.register(&second_path('a'), KEY_A);
    assert!(bench.may(&second_path('a'), Access::Write));
    assert_eq!(bench.keys(), [KEY_A, KEY_B, KEY_A], "P37");
    assert!(!bench.unit.is_holder(&second_path('a')));
    bench.out(&node('b'), PrOut::Register, KEY_B, Key(0));
    bench.reserve(&node('a'), KEY_A, TYPE5);
    bench.out(&second_path('a'), PrOut::Register, KEY_A, Key(0));
    assert!(bench.may(&node('a'), Access::Write), "unregistering one path leaves the other");
}

#[test]
fn p40_persistence_through_power_loss() {
    for (aptpl, survives) in [(true, true), (false, false)] {
        let mut bench = Bench::new();
        let list = PrParameters { persist_through_power_loss: aptpl, ..PrParameters::new(Key(0), KEY_A) };
        bench.send(&node('a'), &Request::new(PrOut::Register, list));
        assert_eq!(bench.unit.capabilities().persist_through_power_loss_active, aptpl);
        bench.reserve(&node('a'), KEY_A, TYPE5);
        bench.unit.power_cycle();
        assert_eq!(bench.unit.generation(), 0);
        assert_eq!(bench.keys().len(), usize::from(survives));
        assert_eq!(bench.unit.is_holder(&node('a')), survives);
        assert_eq!(bench.unit.capabilities().persist_through_power_loss_active, survives);
    }
    let mut bench = Bench::new();
    let list = PrParameters { persist_through_power_loss: true, ..PrParameters::new(Key(0), KEY_A) };
    bench.send(&node('a'), &Request::new(PrOut::Register, list));
    bench.register(&node('b'), KEY_B);
    assert!(
        !bench.unit.capabilities().persist_through_power_loss_active,
        "the last registration decides for all"
    );
}

#[test]
fn p40_all_target_ports_registers_at_each() {
    let mut bench = Bench::type5([]);
    let list = PrParameters { all_target_ports: true, ..PrParameters::new(Key(0), KEY_C) };
    assert_eq!(bench.send(&node('c'), &Request::new(PrOut::Register, list.clone())).verdict, Verdict::Good);
    assert_eq!(bench.unit.generation(), 3, "one request, one step");
    let elsewhere = node('c').at(2);
    assert!(bench.may(&node('c'), Access::Write) && bench.may(&elsewhere, Access::Write));
    assert_eq!(bench.unit.registrations().iter().filter(|each| each.key == KEY_C).count(), 2);
    let again = bench.send(&node('c'), &Request::new(PrOut::Register, list));
    assert_eq!(again.verdict, Verdict::Conflict, "already registered at both ports");
    let leave = PrParameters { all_target_ports: true, ..PrParameters::new(KEY_C, Key(0)) };
    bench.send(&node('c'), &Request::new(PrOut::Register, leave));
    assert_eq!(bench.keys(), [KEY_A, KEY_B]);
}

#[test]
fn p40_specified_initiator_ports_register_together_or_not_at_all() {
    let list = |ports: Vec<TransportId>| {
        let list = PrParameters { initiator_ports: Some(ports), ..PrParameters::new(Key(0), KEY_A) };
        Request::new(PrOut::Register, list)
    };
    let mut bench = Bench::new();
    let outcome = bench.send(&node('a'), &list(vec![port_id(&node('b')), port_id(&node('c'))]));
    assert_eq!((outcome.verdict, bench.keys()), (Verdict::Good, vec![KEY_A; 3]));
    assert_eq!(bench.unit.generation(), 1);
    assert!(bench.unit.is_registered(&node('c')));

    let mut bench = Bench::new();
    bench.register(&node('b'), KEY_B);
    let outcome = bench.send(&node('a'), &list(vec![port_id(&node('c')), port_id(&node('b'))]));
    assert_eq!((outcome.verdict, bench.keys()), (sense(0x26, 0), vec![KEY_B]), "B is registered already");
    let sas = TransportId::Other { bytes: [6; 24] };
    assert_eq!(bench.send(&node('a'), &list(vec![sas])).verdict, sense(0x26, 0));
    let whole = |name: &str| TransportId::Iscsi { name: name.into(), isid: None };
    assert_eq!(bench.send(&node('a'), &list(vec![whole("iqn.2026-01.test:zz")])).verdict, sense(0x26, 0));
    assert_eq!(bench.send(&node('a'), &list(vec![whole("iqn.2026-01.test:c")])).verdict, Verdict::Good);
    assert!(bench.unit.is_registered(&node('c')), "format 00b names all known ports");
    assert_eq!(bench.send(&node('a'), &list(vec![port_id(&node('c'))])).verdict, Verdict::Conflict);

    let mut ignore = list(vec![port_id(&node('c'))]);
    ignore.action = PrOut::RegisterAndIgnoreExistingKey;
    assert_eq!(Bench::new().send(&node('a'), &ignore).verdict, sense(0x26, 0));
}

#[test]
fn p40_room_for_registrations_is_bounded() {
    let mut unit = Reservations::new(Options { capacity: 64, ..Options::default() });
    let world = World { ports: PORTS, logged_in: &[] };
    for number in 0..65u8 {
        let nexus = Nexus { isid: [0x80, 0, 0, 0, 0, number], ..node('a') };
        let request = Request::new(PrOut::Register, PrParameters::new(Key(0), Key(u64::from(number) + 1)));
        let expected = if number < 64 { Verdict::Good } else { sense(0x55, 0x04) };
        assert_eq!(unit.execute(&nexus, &request, world).verdict, expected);
    }
    assert_eq!((unit.registrations().len(), unit.generation()), (64, 64));
}

#[test]
fn p40_reserve6_and_registrations_shut_each_other_out() {
    let mut bench = Bench::new();
    assert_eq!(bench.unit.reserve6(&node('a')), Verdict::Good);
    assert_eq!(bench.unit.reserve6(&node('a')), Verdict::Good);
    assert_eq!(bench.unit.reserve6(&node('b')), Verdict::Conflict);
    assert!(bench.may(&node('a'), Access::Write) && !bench.may(&node('b'), Access::Read));
    assert!(!bench.may(&node('b'), Access::TestUnitReady) && bench.may(&node('b'), Access::Always));
    assert_eq!(bench.out(&node('a'), PrOut::Register, Key(0), KEY_A).verdict, Verdict::Conflict);
    assert_eq!(bench.unit.release6(&node('b')), Verdict::Good, "no effect");
    assert_eq!(bench.unit.reserved_by(), Some(&node('a')));
    bench.unit.nexus_ends(&node('a'), true);
    assert_eq!(bench.unit.reserved_by(), None, "ends with the session");
    bench.unit.reserve6(&node('a'));
    bench.unit.reset();
    assert_eq!(bench.unit.reserved_by(), None, "ends with a reset");

    bench.register(&node('a'), KEY_A);
    assert_eq!(bench.unit.reserve6(&node('a')), Verdict::Conflict, "a registration without reservation");
    assert_eq!(bench.unit.release6(&node('b')), Verdict::Conflict);
    bench.register(&node('b'), KEY_B);
    bench.reserve(&node('a'), KEY_A, TYPE5);
    for (who, expected) in [('a', Verdict::Good), ('b', Verdict::Good), ('c', Verdict::Conflict)] {
        assert_eq!(bench.unit.reserve6(&node(who)), expected, "compatible reservation handling, {who}");
        assert_eq!(bench.unit.release6(&node(who)), expected);
    }
    assert_eq!(bench.unit.reserved_by(), None, "GOOD without effect");
    bench.release(&node('a'), KEY_A, TYPE5);
    bench.reserve(&node('a'), KEY_A, ReservationType::WriteExclusive);
    assert_eq!(bench.unit.reserve6(&node('b')), Verdict::Conflict, "type 1 does not share");

    let options = Options { compatible_reservation_handling: false, ..Options::default() };
    let mut bench = Bench { unit: Reservations::new(options) };
    bench.register(&node('a'), KEY_A);
    bench.reserve(&node('a'), KEY_A, TYPE5);
    assert_eq!(bench.unit.reserve6(&node('a')), Verdict::Conflict);
}

#[test]
fn register_and_move_hands_the_reservation_over() {
    let moved = |key, action_key, unregister, to: &Nexus| Request {
        action: PrOut::RegisterAndMove,
        scope: 0,
        kind: 0,
        parameters: Parameters::Move(RegisterAndMove {
            key,
            action_key,
            unregister,
            persist_through_power_loss: false,
            relative_port: to.port,
            transport_id: port_id(to),
        }),
    };
    let mut bench = Bench::new();
    bench.register(&node('a'), KEY_A);
    bench.register(&node('b'), KEY_B);
    let to_c = second_path('c');
    assert_eq!(bench.send(&node('a'), &moved(KEY_A, KEY_C, true, &to_c)).verdict, sense(0x24, 0));
    bench.reserve(&node('a'), KEY_A, TYPE5);
    assert_eq!(bench.send(&node('c'), &moved(KEY_A, KEY_C, true, &to_c)).verdict, Verdict::Conflict);
    assert_eq!(bench.send(&node('a'), &moved(KEY_B, KEY_C, true, &to_c)).verdict, Verdict::Conflict);
    assert_eq!(bench.send(&node('b'), &moved(KEY_B, KEY_C, true, &to_c)).verdict, sense(0x24, 0));
    assert_eq!(bench.send(&node('a'), &moved(KEY_A, Key(0), true, &to_c)).verdict, sense(0x26, 0));
    assert_eq!(bench.send(&node('a'), &moved(KEY_A, KEY_C, true, &node('a'))).verdict, sense(0x26, 0));
    let nowhere = Nexus { port: 9, ..node('c') };
    assert_eq!(bench.send(&node('a'), &moved(KEY_A, KEY_C, true, &nowhere)).verdict, sense(0x26, 0));
    assert_eq!(bench.unit.generation(), 2);

    assert_eq!(bench.send(&node('a'), &moved(KEY_A, KEY_C, false, &to_c)).verdict, Verdict::Good);
    assert_eq!((bench.keys(), bench.unit.generation()), (vec![KEY_A, KEY_B, KEY_C], 3));
    assert_eq!(bench.unit.held().unwrap().holder, Some(to_c.clone()));
    assert_eq!(bench.unit.held().unwrap().kind, TYPE5);
    assert_eq!(bench.send(&to_c, &moved(KEY_C, KEY_C, true, &node('b'))).verdict, Verdict::Good);
    assert_eq!(bench.keys(), [KEY_A, KEY_C], "B's key replaced, C unregistered");
    assert!(bench.unit.is_holder(&node('b')));

    bench.release(&node('b'), KEY_C, TYPE5);
    bench.reserve(&node('b'), KEY_C, ReservationType::ExclusiveAccessAllRegistrants);
    assert_eq!(bench.send(&node('b'), &moved(KEY_C, KEY_C, true, &to_c)).verdict, Verdict::Conflict);
}

#[test]
fn preempt_under_all_registrants() {
    let kind = ReservationType::WriteExclusiveAllRegistrants;
    let mut bench = Bench::new();
    for (who, key) in [('a', KEY_A), ('b', KEY_B), ('c', KEY_C)] {
        bench.register(&node(who), key);
    }
    bench.reserve(&node('a'), KEY_A, kind);
    let outcome = bench.out(&node('a'), PrOut::Preempt, KEY_A, KEY_B);
    assert_eq!(told(&outcome), [('b', Attention::RegistrationsPreempted)]);
    assert_eq!(bench.unit.held().unwrap().kind, kind, "one registrant less, same reservation");
    let outcome = bench.out(&node('a'), PrOut::Preempt, KEY_A, Key(0));
    assert_eq!(told(&outcome), [('c', Attention::RegistrationsPreempted)]);
    assert_eq!((bench.keys(), bench.unit.held().unwrap().kind), (vec![KEY_A], TYPE5));
    let outcome = bench.out(&node('a'), PrOut::Preempt, KEY_A, KEY_A);
    assert_eq!((outcome.verdict, bench.keys()), (Verdict::Good, vec![KEY_A]), "the holder stays");
}

#[test]
fn preempt_without_reservation_removes_registrations_only() {
    let mut bench = Bench::new();
    bench.register(&node('a'), KEY_A);
    bench.register(&node('b'), KEY_B);
    assert_eq!(bench.out(&node('a'), PrOut::Preempt, KEY_A, Key(0)).verdict, sense(0x26, 0));
    assert_eq!(bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_A).verdict, Verdict::Good);
    assert_eq!((bench.keys(), bench.unit.held()), (vec![KEY_B], None));
    assert_eq!(bench.unit.generation(), 3);
}

#[test]
fn holder_that_changes_its_key_keeps_the_reservation() {
    let mut bench = Bench::type5([]);
    bench.out(&node('a'), PrOut::Register, KEY_A, KEY_C);
    assert_eq!(bench.unit.held().unwrap().key, KEY_C);
    assert!(bench.unit.is_holder(&node('a')));
}

#[test]
fn replace_lost_reservation_is_refused() {
    let mut bench = Bench::type5([]);
    assert_eq!(bench.out(&node('a'), PrOut::ReplaceLostReservation, Key(0), KEY_A).verdict, sense(0x24, 0));
}

mod faults {
    use super::*;

    #[test]
    fn registration_lost_at_relogin_leaves_an_orphan() {
        let mut bench = Bench::type5([Fault::RegistrationLostAtRelogin]);
        bench.unit.nexus_begins(&node('a'));
        assert!(!bench.may(&node('a'), Access::Write));
        assert_eq!(bench.reserve(&node('a'), KEY_A, TYPE5), Verdict::Conflict);
        assert_eq!(bench.keys(), [KEY_A, KEY_B], "READ KEYS still lists it");
    }

    #[test]
    fn preempt_all_win() {
        let mut bench = Bench::type5([Fault::PreemptAllWin]);
        bench.register(&node('c'), KEY_C);
        assert_eq!(bench.out(&node('b'), PrOut::Preempt, KEY_B, Key(0x99)).verdict, Verdict::Conflict);
        assert_eq!(bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_A).verdict, Verdict::Good);
        assert_eq!(bench.out(&node('c'), PrOut::Preempt, KEY_C, KEY_A).verdict, Verdict::Good);
        assert_eq!(bench.unit.held().unwrap().key, KEY_C);
    }

    #[test]
    fn registered_per_initiator_name() {
        let mut bench = Bench::new();
        bench.unit.set_faults(Fault::RegisteredPerInitiatorName.into());
        bench.register(&node('b'), KEY_B);
        bench.reserve(&node('b'), KEY_B, TYPE5);
        bench.register(&node('a'), KEY_A);
        let same_port = Nexus { isid: [0x90; 6], ..node('a') };
        assert!(bench.may(&same_port, Access::Write), "never registered, but of the same name");
        bench.register(&same_port, KEY_A);
        bench.out(&same_port, PrOut::Register, KEY_A, Key(0));
        assert!(!bench.may(&node('a'), Access::Write), "and it takes the other path's access");
        assert_eq!(bench.keys(), [KEY_B, KEY_A]);
    }

    #[test]
    fn holder_unregister_keeps_reservation_that_old_registrants_cannot_clear() {
        let mut bench = Bench::type5([Fault::HolderUnregisterKeepsReservation]);
        bench.out(&node('a'), PrOut::Register, KEY_A, Key(0));
        assert_eq!(bench.unit.held().unwrap().key, KEY_A);
        assert_eq!(bench.out(&node('b'), PrOut::Clear, KEY_B, Key(0)).verdict, Verdict::Conflict);
        bench.register(&node('c'), KEY_C);
        assert_eq!(bench.out(&node('c'), PrOut::Clear, KEY_C, Key(0)).verdict, Verdict::Good);
        assert!(bench.unit.held().is_none());
    }

    #[test]
    fn attentions_go_astray() {
        let release = |fault: Fault, kind| {
            let mut bench = Bench::with([fault]);
            bench.register(&node('a'), KEY_A);
            bench.register(&node('b'), KEY_B);
            bench.reserve(&node('a'), KEY_A, kind);
            told(&bench.release(&node('a'), KEY_A, kind))
        };
        let released = Attention::ReservationsReleased;
        assert_eq!(release(Fault::UnitAttentionToWrongNexus, TYPE5), [('a', released)]);
        assert_eq!(release(Fault::ReleaseNotAnnounced, TYPE5), []);
        let exclusive = ReservationType::WriteExclusive;
        assert_eq!(release(Fault::ReleaseAnnouncedToSelf, exclusive), [('a', released)]);
        let mut bench = Bench::type5([Fault::UnitAttentionWrongCode]);
        let outcome = bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_A);
        assert_eq!(told(&outcome), [('a', Attention::ReservationsPreempted)]);
        let mut bench = Bench::type5([Fault::AttentionsStayOnOneHead]);
        bench.register(&second_path('a'), KEY_A);
        assert_eq!(bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_A).attentions.len(), 1);
    }

    #[test]
    fn wrong_things_are_accepted_or_refused() {
        let accepted = |fault: Fault, act: fn(&mut Bench) -> Verdict| {
            assert_ne!(act(&mut Bench::type5([])), Verdict::Good, "{fault}: the clean unit refuses");
            assert_eq!(act(&mut Bench::type5([fault])), Verdict::Good, "{fault}");
        };
        accepted(Fault::ReserveIgnoresKey, |bench| bench.reserve(&node('a'), KEY_C, TYPE5));
        accepted(Fault::TypeChangeAllowed, |bench| {
            bench.reserve(&node('a'), KEY_A, ReservationType::ExclusiveAccess)
        });
        accepted(Fault::RegisterWrongKeyAccepted, |bench| {
            bench.out(&node('a'), PrOut::Register, KEY_C, KEY_B).verdict
        });
        accepted(Fault::ZeroKeyReplacesRegistration, |bench| {
            bench.out(&node('a'), PrOut::Register, Key(0), KEY_B).verdict
        });
        accepted(Fault::WrongReleaseAccepted, |bench| bench.release(&node('a'), KEY_C, TYPE5).verdict);
        accepted(Fault::ClearByAnyone, |bench| bench.out(&node('c'), PrOut::Clear, Key(0), Key(0)).verdict);
        accepted(Fault::WrongPreemptAccepted, |bench| {
            bench.out(&node('b'), PrOut::Preempt, KEY_C, Key(0x99)).verdict
        });
        accepted(Fault::Reserve6NotBlocked, |bench| bench.unit.reserve6(&node('c')));
        accepted(Fault::EjectedMayReturn, |bench| {
            bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_A);
            bench.out(&node('a'), PrOut::Preempt, KEY_A, KEY_B).verdict
        });

        let refused = |fault: Fault, act: fn(&mut Bench) -> Verdict, expected: Verdict| {
            assert_ne!(act(&mut Bench::type5([])), expected, "{fault}: the clean unit differs");
            assert_eq!(act(&mut Bench::type5([fault])), expected, "{fault}");
        };
        refused(
            Fault::NoPreemptAndAbort,
            |bench| bench.out(&node('b'), PrOut::PreemptAndAbort, KEY_B, KEY_A).verdict,
            sense(0x24, 0),
        );
        refused(
            Fault::SelfPreemptRefused,
            |bench| bench.out(&node('a'), PrOut::Preempt, KEY_A, KEY_A).verdict,
            Verdict::Conflict,
        );
        refused(
            Fault::ZeroPreemptWrongSense,
            |bench| bench.out(&node('b'), PrOut::Preempt, KEY_B, Key(0)).verdict,
            sense(0x24, 0),
        );
        refused(
            Fault::WrongReleaseConflicts,
            |bench| bench.release(&node('a'), KEY_A, ReservationType::ExclusiveAccess).verdict,
            Verdict::Conflict,
        );
        refused(
            Fault::ReserveNotRepeatable,
            |bench| bench.reserve(&node('a'), KEY_A, TYPE5),
            Verdict::Conflict,
        );
        refused(
            Fault::Release6HardwareError,
            |bench| bench.unit.release6(&node('a')),
            Verdict::Check(Sense::new(SenseKey::HardwareError, 0x44, 0)),
        );
        refused(
            Fault::RegisterZeroRefused,
            |bench| bench.out(&node('c'), PrOut::Register, Key(0), Key(0)).verdict,
            Verdict::Conflict,
        );
    }

    #[test]
    fn preempt_goes_wrong() {
        let after = |fault: Fault| {
            let mut bench = Bench::type5([fault]);
            bench.register(&second_path('a'), KEY_A);
            bench.out(&node('b'), PrOut::Preempt, KEY_B, KEY_A);
            (bench.keys(), bench.unit.held().unwrap().key)
        };
        assert_eq!(after(Fault::Slow), (vec![KEY_B], KEY_B), "a fault of another part changes nothing");
        assert_eq!(after(Fault::PreemptRemovesWinnerKey), (vec![], KEY_B));
        assert_eq!(after(Fault::PreemptKeepsVictimKey), (vec![KEY_A, KEY_B, KEY_A], KEY_B));
        assert_eq!(after(Fault::PreemptLeavesOtherPaths), (vec![KEY_B, KEY_A], KEY_B));
    }

    #[test]
    fn paths_disturb_each_other() {
        let mut bench = Bench::type5([Fault::PathRegistrationOverwritesPartner]);
        bench.register(&second_path('b'), KEY_B);
        assert_eq!(bench.keys(), [KEY_A, KEY_B], "n/2 keys");
        assert!(!bench.may(&node('b'), Access::Write));
        let mut bench = Bench::type5([Fault::UnregisterOnePathRemovesAll]);
        bench.register(&second_path('b'), KEY_B);
        bench.out(&second_path('b'), PrOut::Register, KEY_B, Key(0));
        assert_eq!(bench.keys(), [KEY_A]);
        let mut bench = Bench::type5([Fault::HolderComparedByShortIsid]);
        bench.out(&node('a'), PrOut::Register, KEY_A, Key(0));
        let host = |tail| Nexus { isid: [0, 2, 0x3d, 0, 0, tail], ..node('c') };
        bench.register(&host(1), KEY_C);
        bench.reserve(&host(1), KEY_C, ReservationType::WriteExclusive);
        assert!(bench.may(&host(2), Access::Write));
    }

    #[test]
    fn conflicts_are_missed_or_made_up() {
        let stranger = |fault: Fault, access| {
            let clean = Bench::type5([]).may(&node('c'), access);
            (clean, Bench::type5([fault]).may(&node('c'), access))
        };
        assert_eq!(stranger(Fault::WriteSameNotBlocked, Access::WriteSame10), (false, true));
        assert_eq!(stranger(Fault::CompareAndWriteNotBlocked, Access::CompareAndWrite), (false, true));
        assert_eq!(stranger(Fault::UnmapNotBlocked, Access::Unmap), (false, true));
        assert_eq!(stranger(Fault::WriteExclusiveNotEnforced, Access::Write), (false, true));
        assert_eq!(stranger(Fault::SynchronizeCacheNotBlocked, Access::SynchronizeCache), (false, true));
        assert_eq!(stranger(Fault::StartStopNotBlocked, Access::StartStop), (false, true));
        assert_eq!(stranger(Fault::TurConflicts, Access::TestUnitReady), (true, false));
        assert_eq!(stranger(Fault::ModeSenseConflicts, Access::ModeSense), (true, false));
        assert_eq!(stranger(Fault::WriteSameNotBlocked, Access::Write), (false, false));
        let mut bench = Bench::with([Fault::ReadCapacityConflicts]);
        bench.register(&node('a'), KEY_A);
        bench.reserve(&node('a'), KEY_A, ReservationType::ExclusiveAccess);
        assert!(!bench.may(&node('c'), Access::ReadCapacity));
        let mut bench = Bench::with([Fault::AllRegistrantsNotEnforced]);
        bench.register(&node('a'), KEY_A);
        bench.reserve(&node('a'), KEY_A, ReservationType::ExclusiveAccessAllRegistrants);
        assert!(bench.may(&node('c'), Access::Write));
    }

    #[test]
    fn power_resets_and_strangers() {
        let list = PrParameters { persist_through_power_loss: true, ..PrParameters::new(Key(0), KEY_A) };
        let register = Request::new(PrOut::Register, list);
        let mut bench = Bench::with([Fault::AptplLies]);
        assert_eq!(bench.send(&node('a'), &register).verdict, Verdict::Good);
        assert!(bench.unit.capabilities().persist_through_power_loss_active);
        bench.unit.power_cycle();
        assert!(bench.keys().is_empty());
        for fault in [Fault::AptplRefused, Fault::NoRegisterOptions] {
            assert_eq!(Bench::with([fault]).send(&node('a'), &register).verdict, sense(0x26, 0));
        }
        let mut bench = Bench::type5([Fault::LunResetClearsReservation]);
        bench.unit.reset();
        assert!(bench.keys().is_empty() && bench.unit.held().is_none());
        let bench = Bench::with([Fault::StaleKeysLeft]);
        assert_eq!(bench.keys().len(), 2);
        assert_eq!(bench.unit.held().unwrap().kind, TYPE5);
        assert_eq!(Bench::type5([Fault::StrangerRegisters]).keys().len(), 3);
        assert!(Bench::type5([Fault::StrangerClears]).keys().is_empty());
        let mut bench = Bench::with([Fault::AllTgPtLies]);
        let list = PrParameters { all_target_ports: true, ..PrParameters::new(Key(0), KEY_A) };
        bench.send(&node('a'), &Request::new(PrOut::Register, list));
        assert!(bench.unit.registrations()[0].all_target_ports);
        assert!(!bench.unit.is_registered(&node('a').at(2)));
    }
}

/// A random request of a random nexus.
fn step() -> impl Strategy<Value = (usize, Request)> {
    let action = prop_oneof![
        3 => Just(PrOut::Register),
        3 => Just(PrOut::RegisterAndIgnoreExistingKey),
        4 => Just(PrOut::Reserve),
        1 => Just(PrOut::Release),
        1 => Just(PrOut::Clear),
        3 => Just(PrOut::Preempt),
        2 => Just(PrOut::PreemptAndAbort),
        1 => Just(PrOut::RegisterAndMove),
    ];
    let key = || (0u64..4).prop_map(Key);
    (0usize..5, action, key(), key(), 0u8..10, any::<(bool, bool, bool)>(), 0usize..5).prop_map(
        |(who, action, key, action_key, kind, (flag, all_target_ports, spec), other)| {
            let parameters = if action == PrOut::RegisterAndMove {
                Parameters::Move(RegisterAndMove {
                    key,
                    action_key,
                    unregister: all_target_ports,
                    persist_through_power_loss: flag,
                    relative_port: people()[other].port,
                    transport_id: port_id(&people()[other]),
                })
            } else {
                Parameters::Basic(PrParameters {
                    persist_through_power_loss: flag,
                    all_target_ports,
                    initiator_ports: (spec && kind == 1).then(|| vec![port_id(&people()[other])]),
                    ..PrParameters::new(key, action_key)
                })
            };
            (who, Request { action, scope: u8::from(kind == 9), kind, parameters })
        },
    )
}

fn people() -> [Nexus; 5] {
    [node('a'), second_path('a'), node('b'), node('c'), second_path('b')]
}

fn check(unit: &Reservations) -> Result<(), TestCaseError> {
    let registrations = unit.registrations();
    let nexuses: BTreeSet<_> = registrations.iter().map(|each| &each.nexus).collect();
    prop_assert_eq!(nexuses.len(), registrations.len(), "one registration for each nexus");
    prop_assert!(registrations.iter().all(|each| each.key != Key(0)), "no registration with key zero");
    if let Some(held) = unit.held() {
        let holders = registrations.iter().filter(|each| unit.is_holding(each)).count();
        if held.kind.is_all_registrants() {
            prop_assert_eq!(holders, registrations.len());
            prop_assert!(holders > 0 && held.key == Key(0));
        } else {
            prop_assert_eq!(holders, 1, "exactly one holder");
            let holder = registrations.iter().find(|each| unit.is_holding(each)).unwrap();
            prop_assert_eq!(holder.key, held.key);
            prop_assert!(unit.is_registered(&holder.nexus));
        }
    }
    for nexus in people() {
        let registered = unit.is_registered(&nexus);
        if let Some(held) = unit.held() {
            prop_assert!(registered || !unit.allows(&nexus, Access::Write), "no stranger writes, ever");
            prop_assert!(
                registered || !held.kind.restricts_reads() || !unit.allows(&nexus, Access::Read),
                "no stranger reads under 3, 6, 8"
            );
            prop_assert!(!unit.is_holder(&nexus) || unit.allows(&nexus, Access::Write));
        } else {
            prop_assert!(unit.allows(&nexus, Access::Write));
        }
        prop_assert!(unit.allows(&nexus, Access::TestUnitReady));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_must_always_hold_does(steps in proptest::collection::vec(step(), 1..60)) {
        let mut unit = Reservations::new(Options { capacity: 7, ..Options::default() });
        let everybody = people();
        for (who, request) in steps {
            let before = unit.clone();
            let world = World { ports: PORTS, logged_in: &everybody };
            let outcome = unit.execute(&everybody[who], &request, world);
            check(&unit)?;
            if outcome.verdict != Verdict::Good {
                prop_assert_eq!(unit.generation(), before.generation(), "a refusal counts nothing");
                prop_assert_eq!(unit.registrations(), before.registrations());
                prop_assert_eq!(unit.held(), before.held());
                prop_assert!(outcome.attentions.is_empty() && outcome.aborted.is_empty());
            } else if matches!(request.action, PrOut::Reserve | PrOut::Release) {
                prop_assert_eq!(unit.generation(), before.generation());
            }
            prop_assert!(unit.generation() - before.generation() <= 1);
            prop_assert!(
                outcome.attentions.iter().all(|(told, _)| *told != everybody[who]),
                "nobody is told of its own doing"
            );
            prop_assert!(outcome.aborted.iter().all(|each| before.is_registered(each)));
        }
        let aptpl = unit.capabilities().persist_through_power_loss_active;
        let kept = if aptpl { unit.registrations().len() } else { 0 };
        unit.power_cycle();
        check(&unit)?;
        prop_assert_eq!(unit.registrations().len(), kept);
    }

    #[test]
    fn no_fault_makes_it_panic(
        faults in proptest::collection::vec(0..Fault::ALL.len(), 1..6),
        steps in proptest::collection::vec(step(), 1..40),
    ) {
        let mut unit = Reservations::new(Options::default());
        unit.set_faults(faults.into_iter().map(|index| Fault::ALL[index]).collect());
        let everybody = people();
        for (who, request) in steps {
            unit.execute(&everybody[who], &request, World { ports: PORTS, logged_in: &everybody });
            unit.nexus_begins(&everybody[(who + 1) % 5]);
            unit.nexus_ends(&everybody[(who + 2) % 5], who == 0);
            let _ = unit.held();
        }
        unit.reset();
        unit.power_cycle();
    }
}
