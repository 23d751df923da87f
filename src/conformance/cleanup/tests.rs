use super::*;
use crate::conformance::journal::NexusRecord;
use crate::conformance::plan::{BlockRange, Mode};
use crate::iscsi::login::LoginConfig;
use crate::simtarget::config::DEMO_TARGET;
use crate::simtarget::{Config, Fault, FaultSet, SimTarget, Snapshot};

const GIB: u64 = 1 << 30;
const BLOCKS: u64 = GIB / 512;
const IDENTITY: &str = "naa.3071756f00000001";
const LUN: Lun = Lun([0; 8]);

fn run() -> RunId {
    RunId::new(0x0102_0304).unwrap()
}

fn start() -> SimTarget {
    SimTarget::start(Config::demo(FaultSet::NONE)).unwrap()
}

fn portals(target: &SimTarget) -> Vec<Portal> {
    target.portals().iter().map(|at| Portal::new(at.ip().to_string(), at.port())).collect()
}

fn dial() -> Dial {
    let short = Duration::from_millis(700);
    Dial {
        target: DEMO_TARGET.into(),
        access: Access::default(),
        timeouts: Timeouts { connect: short, login: short, command: short },
    }
}

/// Node and path of the nexuses that a run of these tests plays, each through the portal of that number.
const NEXUSES: [(u8, u8, usize); 3] = [(1, 1, 0), (1, 2, 1), (2, 1, 0)];

fn record(target: &SimTarget) -> RunRecord {
    let nexus = |(node, path, portal)| {
        NexusRecord::new(
            key::initiator_name(run(), node),
            key::isid(run(), node, path),
            portal,
            key::key(run(), node, 1),
        )
    };
    RunRecord {
        run: run(),
        began: String::new(),
        name: "witness".into(),
        target: DEMO_TARGET.into(),
        portals: portals(target),
        lun: LUN,
        identity: Some(IDENTITY.into()),
        blocks: BLOCKS,
        block_bytes: 512,
        mode: Mode::PrWrite,
        digest: None,
        reservations: true,
        nexuses: NEXUSES.into_iter().map(nexus).collect(),
        saved: None,
        finished: false,
    }
}

/// Writes down how the unit looks, as the gate does.
fn look(target: &SimTarget, record: &mut RunRecord) {
    let mut session = connect(target, 0, "iqn.2026-01.lab:reader", [0x80, 0, 0, 0, 9, 9]);
    record.digest = Some(read_areas(&mut session.unit(LUN), BLOCKS, 512).unwrap().digest());
}

fn subject(target: &SimTarget) -> Subject {
    Subject {
        target: DEMO_TARGET.into(),
        portals: portals(target),
        lun: LUN,
        name: "witness".into(),
        identity: Some(IDENTITY.into()),
        size_bytes: None,
        access: Access::default(),
    }
}

fn connect(target: &SimTarget, portal: usize, name: &str, isid: [u8; 6]) -> Session {
    let login = LoginConfig::new(name, DEMO_TARGET, Isid(isid));
    Session::connect(&portals(target)[portal], &login, Timeouts::default()).unwrap()
}

fn out(session: &mut Session, action: PrOut, kind: Option<ReservationType>, keys: (Key, Key)) -> bool {
    send(session, LUN, action, kind, keys).unwrap().is_good()
}

/// All nexuses register, the first reserves.
fn play(target: &SimTarget, kind: Option<ReservationType>) -> Vec<Session> {
    let mut sessions: Vec<Session> = NEXUSES
        .into_iter()
        .map(|(node, path, portal)| {
            let isid = key::isid(run(), node, path).0;
            let mut session = connect(target, portal, &key::initiator_name(run(), node), isid);
            assert!(out(&mut session, PrOut::Register, None, (Key(0), key::key(run(), node, 1))));
            session
        })
        .collect();
    if kind.is_some() {
        assert!(out(&mut sessions[0], PrOut::Reserve, kind, (key::key(run(), 1, 1), Key(0))));
    }
    sessions
}

fn crash(sessions: Vec<Session>) {
    sessions.into_iter().for_each(Session::sever);
}

fn stranger(target: &SimTarget) -> Session {
    connect(target, 0, "iqn.1991-05.com.microsoft:hv1", [0x40, 0, 1, 0x37, 0, 1])
}

fn state(target: &SimTarget) -> Snapshot {
    target.lun(0).unwrap().reservations()
}

fn is_empty(target: &SimTarget) -> bool {
    let state = state(target);
    state.registrations.is_empty() && state.held.is_none() && state.reserved_by.is_none()
}

const STRANGER: Key = Key(0xabc);

#[test]
fn every_type_is_undone_with_and_without_the_run_file() {
    for kind in ReservationType::ALL.map(Some).into_iter().chain([None]) {
        for with_record in [true, false] {
            let target = start();
            let record = record(&target);
            crash(play(&target, kind));
            let cleaned = if with_record {
                by_record(&record, &dial())
            } else {
                by_marks(&subject(&target), &dial(), Duration::from_millis(20))
            };
            assert!(cleaned.is_clean() && cleaned.refused.is_none(), "{kind:?}: {cleaned:?}");
            assert!(is_empty(&target), "{kind:?}: {:?}", state(&target));
            assert!(cleaned.done.iter().any(|done| done.contains("key 0x7175010203040101")), "{cleaned:?}");
            assert_eq!(cleaned.residue.portals.len(), 2);
            // Again there is nothing to do.
            let again = by_record(&record, &dial());
            assert!(again.is_clean() && again.done.is_empty(), "{again:?}");
        }
    }
}

#[test]
fn a_run_that_is_still_connected_is_undone_too() {
    let target = start();
    let record = record(&target);
    let sessions = play(&target, Some(ReservationType::WriteExclusiveRegistrantsOnly));
    assert!(by_record(&record, &dial()).is_clean());
    assert!(is_empty(&target));
    crash(sessions);
}

#[test]
fn beside_a_stranger_only_what_is_ours_goes() {
    for kind in ReservationType::ALL {
        let target = start();
        let record = record(&target);
        crash(play(&target, Some(kind)));
        let mut other = stranger(&target);
        assert!(out(&mut other, PrOut::Register, None, (Key(0), STRANGER)));
        let before = state(&target);

        // Without the run file: not a finger.
        let cleaned = by_marks(&subject(&target), &dial(), Duration::from_millis(20));
        let why = cleaned.refused.clone().unwrap_or_default();
        assert!(why.contains("0x0000000000000abc") && !cleaned.is_clean(), "{kind}: {cleaned:?}");
        assert!(cleaned.would.iter().any(|would| would.contains("key 0x7175010203040201")), "{cleaned:?}");
        assert!(cleaned.residue.commands.iter().all(|line| !line.contains("--clear")), "{cleaned:?}");
        assert_eq!(state(&target), before);

        // With it: ours alone.
        let cleaned = by_record(&record, &dial());
        let after = state(&target);
        let keys: Vec<Key> = after.registrations.iter().map(|registration| registration.key).collect();
        assert_eq!(keys, [STRANGER], "{kind}: {cleaned:?}");
        assert_eq!(after.held.is_none(), !kind.is_all_registrants(), "{kind}: {after:?}");
        // Whose a reservation is that all registrants hold, nobody can tell.
        assert_eq!(cleaned.is_clean(), !kind.is_all_registrants(), "{kind}: {cleaned:?}");
        drop(other);
    }
}

#[test]
fn the_reservation_of_a_stranger_stays() {
    for kind in ReservationType::ALL {
        let target = start();
        let record = record(&target);
        let mut other = stranger(&target);
        assert!(out(&mut other, PrOut::Register, None, (Key(0), STRANGER)));
        assert!(out(&mut other, PrOut::Reserve, Some(kind), (STRANGER, Key(0))));
        crash(play(&target, None));
        let cleaned = by_record(&record, &dial());
        assert_eq!(cleaned.is_clean(), !kind.is_all_registrants(), "{kind}: {cleaned:?}");
        let after = state(&target);
        assert_eq!(after.registrations.len(), 1);
        assert!(after.held.is_some());
        assert!(send(&mut other, LUN, PrOut::Reserve, Some(kind), (STRANGER, Key(0))).unwrap().is_good());
    }
}

#[test]
fn another_run_is_a_stranger_to_a_run_file() {
    let target = start();
    let record = record(&target);
    crash(play(&target, Some(ReservationType::WriteExclusive)));
    let theirs = key::key(RunId::new(0xdead_beef).unwrap(), 1, 1);
    let mut other = stranger(&target);
    assert!(out(&mut other, PrOut::Register, None, (Key(0), theirs)));
    assert!(by_record(&record, &dial()).is_clean());
    assert_eq!(state(&target).registrations.iter().map(|each| each.key).collect::<Vec<_>>(), [theirs]);
    other.sever();
    assert_eq!(runs(&[theirs, STRANGER, key::key(run(), 1, 1)]).len(), 2);
    assert!(by_marks(&subject(&target), &dial(), Duration::from_millis(20)).is_clean());
    assert!(is_empty(&target));
}

#[test]
fn a_test_that_is_at_work_is_left_alone() {
    let target = start();
    let mut sessions = play(&target, None);
    let (subject, dial) = (subject(&target), dial());
    let cleaned = thread::scope(|scope| {
        let cleaning = scope.spawn(|| by_marks(&subject, &dial, Duration::from_millis(400)));
        thread::sleep(Duration::from_millis(200));
        assert!(out(&mut sessions[2], PrOut::Register, None, (key::key(run(), 2, 1), Key(0))));
        cleaning.join().unwrap()
    });
    assert!(cleaned.refused.is_some_and(|why| why.contains("at work")));
    assert_eq!(state(&target).registrations.len(), 2);
}

fn saved(target: &SimTarget, record: &mut RunRecord) {
    look(target, record);
    let range = BlockRange { lba: BLOCKS / 2, blocks: 64 };
    let content: Vec<u8> = (0..64_u32 * 512).map(|at| u8::try_from(at % 253).unwrap()).collect();
    target.lun(0).unwrap().write(range.lba, &content).unwrap();
    record.saved = Some(Saved { range, content });
}

fn range_content(target: &SimTarget) -> Vec<u8> {
    target.lun(0).unwrap().read(BLOCKS / 2, 64).unwrap()
}

fn scribble(target: &SimTarget, at: u64, count: u64) {
    for lba in BLOCKS / 2 + at..BLOCKS / 2 + at + count {
        target.lun(0).unwrap().write(lba, &key::block(run(), 7, lba, 512)).unwrap();
    }
}

#[test]
fn content_is_put_back() {
    let target = start();
    let mut record = record(&target);
    saved(&target, &mut record);
    let before = range_content(&target);
    crash(play(&target, Some(ReservationType::WriteExclusiveRegistrantsOnly)));
    scribble(&target, 0, 3);
    scribble(&target, 9, 1);
    scribble(&target, 60, 4);
    target.lun(0).unwrap().write(BLOCKS / 2 + 30, &[0; 1024]).unwrap();
    let cleaned = by_record(&record, &dial());
    assert!(cleaned.is_clean(), "{cleaned:?}");
    assert!(cleaned.done.iter().any(|done| done.contains("10 block(s)")), "{cleaned:?}");
    assert_eq!(range_content(&target), before);
    assert!(is_empty(&target));
    assert!(!by_record(&record, &dial()).done.iter().any(|done| done.contains("block")));
}

#[test]
fn content_of_others_is_not_overwritten() {
    // Somebody wrote into the range since.
    let target = start();
    let mut record = record(&target);
    saved(&target, &mut record);
    scribble(&target, 0, 2);
    target.lun(0).unwrap().write(BLOCKS / 2 + 1, &[9; 512]).unwrap();
    let cleaned = by_record(&record, &dial());
    assert!(!cleaned.is_clean());
    assert!(cleaned.residue.left[0].contains(&format!("block {}", BLOCKS / 2 + 1)), "{cleaned:?}");
    assert_eq!(range_content(&target)[512..1024], [9; 512]);

    // Somebody has made a file system since, whose blocks in the range are zero.
    let target = start();
    let mut record = self::record(&target);
    saved(&target, &mut record);
    target.lun(0).unwrap().write(0, b"XFSB").unwrap();
    target.lun(0).unwrap().write(BLOCKS / 2, &[0; 512]).unwrap();
    let cleaned = by_record(&record, &dial());
    assert!(cleaned.residue.left[0].contains("somebody uses it"), "{cleaned:?}");
    assert_eq!(range_content(&target)[..512], [0; 512]);
    // Our own blocks are ours to take away all the same.
    target.lun(0).unwrap().write(BLOCKS / 2, &record.saved.as_ref().unwrap().content[..512]).unwrap();
    scribble(&target, 5, 1);
    assert!(by_record(&record, &dial()).is_clean());

    // Another run's block.
    let theirs = key::block(RunId::new(5).unwrap(), 1, 0, 512);
    target.lun(0).unwrap().write(BLOCKS / 2, &theirs).unwrap();
    assert!(!by_record(&record, &dial()).is_clean());
    assert_eq!(range_content(&target)[..512], theirs);
}

#[test]
fn a_reservation_of_others_over_our_blocks_is_told() {
    let target = start();
    let mut record = record(&target);
    saved(&target, &mut record);
    scribble(&target, 0, 1);
    let mut other = stranger(&target);
    assert!(out(&mut other, PrOut::Register, None, (Key(0), STRANGER)));
    let kind = Some(ReservationType::WriteExclusive);
    assert!(out(&mut other, PrOut::Reserve, kind, (STRANGER, Key(0))));
    let cleaned = by_record(&record, &dial());
    assert!(cleaned.residue.left[0].contains("RESERVATION CONFLICT"), "{cleaned:?}");
}

#[test]
fn a_range_at_the_beginning_does_not_look_like_a_change() {
    let target = start();
    let mut record = record(&target);
    look(&target, &mut record);
    record.saved = Some(Saved { range: BlockRange { lba: 8, blocks: 32 }, content: vec![0; 32 * 512] });
    target.lun(0).unwrap().write(8, &key::block(run(), 1, 8, 512)).unwrap();
    assert!(by_record(&record, &dial()).is_clean());
    assert_eq!(target.lun(0).unwrap().read(0, 4096).unwrap(), vec![0; 4096 * 512]);
}

#[test]
fn another_disk_under_the_same_number_is_not_touched() {
    let target = start();
    let record = record(&target);
    let mut config = Config::demo(FaultSet::NONE);
    config.targets[0].units[0].naa[7] = 0x66;
    let other = SimTarget::start(config).unwrap();
    crash(play(&other, Some(ReservationType::WriteExclusive)));
    let before = state(&other);
    let moved = RunRecord { portals: portals(&other), ..record.clone() };
    let cleaned = by_record(&moved, &dial());
    assert!(cleaned.refused.is_some_and(|why| why.contains("naa.3071756f00000066")));
    assert!(!cleaned.residue.is_clean());
    assert_eq!(state(&other), before);
    let mut wrong = subject(&other);
    wrong.size_bytes = Some(5);
    wrong.identity = None;
    assert!(by_marks(&wrong, &dial(), Duration::ZERO).refused.is_some_and(|why| why.contains("not 5")));
}

#[test]
fn what_cannot_be_reached_is_not_called_clean() {
    let target = start();
    let mut record = record(&target);
    crash(play(&target, None));
    record.portals.push(Portal::new("127.0.0.1", 1));
    let cleaned = by_record(&record, &dial());
    assert!(is_empty(&target));
    assert!(!cleaned.is_clean() && cleaned.residue.left[0].contains("127.0.0.1:1"), "{cleaned:?}");
    drop(target);
    assert!(!by_record(&record, &dial()).is_clean());
}

/// Whatever a target does wrong: what is called clean is clean, and a stranger keeps its registration.
#[test]
fn under_every_fault_nothing_left_is_called_clean_and_no_stranger_is_hurt() {
    let cases: Vec<(Fault, bool)> =
        Fault::ALL.iter().flat_map(|fault| [(*fault, false), (*fault, true)]).collect();
    for group in cases.chunks(12) {
        side_by_side(group.iter(), |(fault, with_stranger)| under_fault(*fault, *with_stranger));
    }
}

fn under_fault(fault: Fault, with_stranger: bool) {
    let target = start();
    let record = record(&target);
    // Where each portal has keys of its own, they must be that way from the start.
    target.set_fault(fault, fault == Fault::KeysDifferPerPortal);
    crash(play(&target, Some(ReservationType::WriteExclusiveRegistrantsOnly)));
    let mut other = stranger(&target);
    if with_stranger {
        assert!(out(&mut other, PrOut::Register, None, (Key(0), STRANGER)));
    }
    target.set_fault(fault, true);
    let cleaned = by_record(&record, &dial());
    let registered = |wanted: &dyn Fn(Key) -> bool| {
        let keys = |tag| target.lun(0).unwrap().through(tag).reservations().registrations;
        [1, 2].into_iter().any(|tag| keys(tag).iter().any(|each| wanted(each.key)))
    };
    let ours = registered(&|key| Mark::is_of(key, run()));
    assert!(!cleaned.is_clean() || !ours, "{fault:?} {with_stranger}: {cleaned:?} {:?}", state(&target));
    assert!(!with_stranger || registered(&|key| key == STRANGER), "{fault:?} lost the stranger: {cleaned:?}");
    // A target that is in order again, and the same run file, leave nothing.
    target.set_fault(fault, false);
    if fault != Fault::KeysDifferPerPortal {
        assert!(by_record(&record, &dial()).is_clean(), "{fault:?} {with_stranger}: {:?}", state(&target));
    }
}
