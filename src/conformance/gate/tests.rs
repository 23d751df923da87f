use super::*;
use crate::conformance::content::UNKNOWN;
use crate::conformance::plan::Access;
use crate::iscsi::chap::Chap;
use crate::iscsi::login::LoginConfig;
use crate::iscsi::{Isid, Portal};
use crate::scsi::cdb::PrOut;
use crate::scsi::reservation::{PrParameters, ReservationType};
use crate::scsi::{Cdb, Lun};
use crate::simtarget::config::{Credentials, DEMO_TARGET};
use crate::simtarget::{Config, Fault, FaultSet, SimTarget};

const GIB: u64 = 1 << 30;
const IDENTITY: &str = "naa.3071756f00000001";

fn start() -> SimTarget {
    SimTarget::start(Config::demo(FaultSet::NONE)).unwrap()
}

fn portals(target: &SimTarget) -> Vec<Portal> {
    target.portals().iter().map(|at| Portal::new(at.ip().to_string(), at.port())).collect()
}

fn plan(target: &SimTarget, mode: Mode) -> Plan {
    let subject = Subject {
        target: DEMO_TARGET.into(),
        portals: portals(target),
        lun: Lun::new(0),
        name: "witness".into(),
        identity: Some(IDENTITY.into()),
        size_bytes: Some(GIB),
        access: Access::default(),
    };
    Plan {
        mode,
        poll: Duration::from_millis(60),
        command_timeout: Duration::from_secs(2),
        ..Plan::new(subject)
    }
}

fn run() -> RunId {
    RunId::new(0x0102_0304).unwrap()
}

fn pass(plan: &Plan) -> Result<Passed, Refusal> {
    let mut sessions = enter(plan, run())?;
    inspect(&mut sessions, plan, &|| false)
}

/// The refusal, and nothing changed on the unit.
fn refused(target: &SimTarget, plan: &Plan, kind: RefusalKind, words: &[&str]) {
    let before = target.lun(0).map(|lun| lun.reservations());
    let refusal = pass(plan).expect_err("a refusal");
    assert_eq!(refusal.kind, kind, "{refusal}");
    let text = refusal.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{words:?} not in: {text}");
    assert!(text.contains(&plan.subject.target), "{text}");
    assert_eq!(target.lun(0).map(|lun| lun.reservations()), before, "{text}");
}

fn session(target: &SimTarget, name: &str) -> Session {
    let login = LoginConfig::new(name, DEMO_TARGET, Isid([0x80, 9, 9, 9, 0, 1]));
    Session::connect(&portals(target)[0], &login, Timeouts::default()).unwrap()
}

fn out(session: &mut Session, action: PrOut, key: u64, action_key: u64) {
    let kind = Some(ReservationType::WriteExclusiveRegistrantsOnly);
    let parameters = PrParameters::new(Key(key), Key(action_key));
    session.drain_attentions(Lun::new(0)).unwrap();
    assert!(session.unit(Lun::new(0)).reserve_out(action, kind, &parameters).unwrap().is_good());
}

#[test]
fn a_blank_unit_that_nobody_uses_passes() {
    let target = start();
    let passed = pass(&plan(&target, Mode::PrWrite)).unwrap();
    assert_eq!(passed.identity.as_deref(), Some(IDENTITY));
    assert_eq!((passed.size_bytes(), passed.block_bytes), (GIB, 512));
    assert_eq!(passed.range, Some(BlockRange::middle(GIB / 512)));
    assert_eq!(passed.reservations, Some(true));
    assert!(passed.content.is_empty() && passed.device.contains("QUORATE"));
    assert_eq!(target.lun(0).unwrap().reservations().generation, 0);
    // Reading only asks less, and takes a unit in use.
    let mut reading = plan(&target, Mode::Inspect);
    reading.subject.identity = None;
    reading.subject.size_bytes = None;
    out(&mut session(&target, "iqn.2026-01.lab:a"), PrOut::Register, 0, 5);
    assert_eq!(pass(&reading).unwrap().digest, None);
}

#[test]
fn who_is_not_let_in() {
    let credentials = Credentials::new("user", "long-enough-secret".to_owned().into());
    let target = SimTarget::start(Config::demo(FaultSet::NONE).with_chap(credentials.clone(), None)).unwrap();
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::Authentication, &["CHAP", "127.0.0.1"]);
    let mut wrong = plan(&target, Mode::Pr);
    let other = Credentials::new("user", "another-long-secret".to_owned().into());
    wrong.subject.access.chap = Some(Chap::one_way(other));
    refused(&target, &wrong, RefusalKind::Authentication, &["CHAP user or secret"]);
    let mut right = plan(&target, Mode::Pr);
    right.subject.access.chap = Some(Chap::one_way(credentials));
    pass(&right).unwrap();
}

#[test]
fn what_is_not_there() {
    let target = start();
    let mut wrong = plan(&target, Mode::Pr);
    wrong.subject.target = "iqn.2026-01.org.quorate.demo:misspelt".into();
    refused(&target, &wrong, RefusalKind::NoTarget, &["misspelt", "name of the target"]);

    let mut absent = plan(&target, Mode::Pr);
    absent.subject.lun = Lun::new(9);
    refused(&target, &absent, RefusalKind::NoUnit, &["LUN 9", "the target has 0, 1, 2"]);

    let mut closed = plan(&target, Mode::Pr);
    closed.subject.portals.push(Portal::new("127.0.0.1", 1));
    refused(&target, &closed, RefusalKind::Unreachable, &["127.0.0.1:1", "refused"]);

    let mut none = plan(&target, Mode::Pr);
    none.subject.portals.clear();
    refused(&target, &none, RefusalKind::Plan, &["--portal"]);
}

#[test]
fn another_unit_than_the_one_that_is_meant() {
    let target = start();
    let mut other = plan(&target, Mode::Pr);
    other.subject.identity = Some("naa.3071756f00000002".into());
    refused(&target, &other, RefusalKind::Identity, &["naa.3071756f00000002", IDENTITY]);
    // Every usual spelling, and the serial number, name the unit.
    for spelling in ["0x3071756f00000001", "33071756f00000001", "QD00000001"] {
        other.subject.identity = Some(spelling.into());
        pass(&other).unwrap();
    }
    let mut smaller = plan(&target, Mode::Pr);
    smaller.subject.size_bytes = Some(2 * GIB);
    refused(&target, &smaller, RefusalKind::Size, &["2147483648", "1073741824", "smaller"]);

    for mode in [Mode::Pr, Mode::PrWrite] {
        let mut blind = plan(&target, mode);
        blind.subject.identity = None;
        refused(&target, &blind, RefusalKind::Plan, &["--identity", IDENTITY, "1073741824"]);
        let mut blind = plan(&target, mode);
        blind.subject.size_bytes = None;
        refused(&target, &blind, RefusalKind::Plan, &["--size"]);
    }
    let mut outside = plan(&target, Mode::PrWrite);
    outside.range = Some(BlockRange { lba: GIB / 512 - 32, blocks: 64 });
    refused(&target, &outside, RefusalKind::Range, &["2097120+64", "2097152 blocks"]);
}

#[test]
fn portals_that_lead_to_two_units() {
    let target = start();
    let mut config = Config::demo(FaultSet::NONE);
    config.targets[0].units[0].naa[7] = 0x77;
    let impostor = SimTarget::start(config).unwrap();
    let mut two = plan(&target, Mode::Pr);
    two.subject.portals.push(portals(&impostor)[0].clone());
    let at = portals(&impostor)[0].to_string();
    refused(&target, &two, RefusalKind::OtherUnit, &[at.as_str(), "another unit", IDENTITY]);
    // One name and two disks: only what stands on them tells.
    let twin = start();
    twin.lun(0).unwrap().write(5, &[7; 512]).unwrap();
    let mut two = plan(&target, Mode::Pr);
    two.subject.portals.push(portals(&twin)[0].clone());
    two.allow_nonblank.push(UNKNOWN.into());
    refused(&target, &two, RefusalKind::OtherUnit, &["content differs"]);

    target.set_fault(Fault::SizeDiffersPerPortal, true);
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::OtherUnit, &["blocks of 512 bytes"]);
}

#[test]
fn a_unit_in_use() {
    let target = start();
    let mut user = session(&target, "iqn.2026-01.lab:a");
    out(&mut user, PrOut::Register, 0, 0xabc);
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::Keys, &["0x0000000000000abc", "in use"]);
    out(&mut user, PrOut::Reserve, 0xabc, 0);
    refused(&target, &plan(&target, Mode::PrWrite), RefusalKind::Keys, &["LUN 0 (witness)"]);
    out(&mut user, PrOut::Clear, 0xabc, 0);
    pass(&plan(&target, Mode::Pr)).unwrap();

    let response = user.unit(Lun::new(0)).execute(Cdb::Reserve6, crate::iscsi::Transfer::None).unwrap();
    assert!(response.is_good());
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::ClassicReservation, &["RESERVATION CONFLICT"]);
    user.logout().unwrap();
    pass(&plan(&target, Mode::Pr)).unwrap();
}

#[test]
fn another_tester() {
    let target = start();
    let other = RunId::new(0xdead_beef).unwrap();
    let mut user = session(&target, "iqn.2026-01.lab:a");
    out(&mut user, PrOut::Register, 0, key::key(other, 1, 1).0);
    let words =
        ["run deadbeef", "quorate storage cleanup iqn.2026-01.org.quorate.demo:storage 0 --portal 127"];
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::OtherTester, &words);
    // A stranger's key beside it weighs more.
    let login = LoginConfig::new("iqn.2026-01.lab:b", DEMO_TARGET, Isid([0x80, 9, 9, 9, 0, 2]));
    let mut stranger = Session::connect(&portals(&target)[0], &login, Timeouts::default()).unwrap();
    out(&mut stranger, PrOut::Register, 0, 0xabc);
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::Keys, &["1 key(s)"]);
    out(&mut user, PrOut::Clear, key::key(other, 1, 1).0, 0);

    target.lun(0).unwrap().write(100, &key::block(other, 1, 100, 512)).unwrap();
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::OtherTester, &["run deadbeef", "blocks"]);
}

#[test]
fn what_stands_on_it() {
    let target = start();
    target.lun(0).unwrap().write(0, b"XFSB").unwrap();
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::Content, &["XFS", "`xfs`", "--allow-nonblank"]);
    let mut allowed = plan(&target, Mode::Pr);
    allowed.allow_nonblank = vec!["xfs".into()];
    assert_eq!(pass(&allowed).unwrap().content[0].name, "xfs");
    target.lun(0).unwrap().write(GIB / 512 - 1, b"EFI PART").unwrap();
    refused(&target, &allowed, RefusalKind::Content, &["GPT"]);
    target.lun(0).unwrap().write(GIB / 512 - 1, &[0; 512]).unwrap();
    target.lun(0).unwrap().write(0, &[0; 512]).unwrap();
    target.lun(0).unwrap().write(4095, &[0, 0, 9]).unwrap();
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::Content, &[UNKNOWN, "byte 2096642"]);
}

#[test]
fn what_changes_between_the_looks() {
    let target = start();
    let mut user = session(&target, "iqn.2026-01.lab:a");
    let mut slow = plan(&target, Mode::Pr);
    slow.poll = Duration::from_millis(400);
    let meanwhile = |act: &mut (dyn FnMut() + Send)| {
        thread::scope(|scope| {
            let gate = scope.spawn(|| pass(&slow));
            thread::sleep(Duration::from_millis(250));
            act();
            gate.join().unwrap()
        })
    };
    // A cluster that arbitrates registers and takes its key back: only the generation tells.
    let refusal = meanwhile(&mut || {
        out(&mut user, PrOut::Register, 0, 7);
        out(&mut user, PrOut::Register, 7, 0);
    })
    .unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Changing, "{refusal}");
    assert!(refusal.to_string().contains("PRGENERATION went from 0 to 2"), "{refusal}");
    let refusal = meanwhile(&mut || target.lun(0).unwrap().write(0, &[1; 512]).unwrap()).unwrap_err();
    assert!(matches!(refusal.kind, RefusalKind::Changing | RefusalKind::Content), "{refusal}");
    target.lun(0).unwrap().write(0, &[0; 512]).unwrap();
    let refusal = meanwhile(&mut || out(&mut user, PrOut::Register, 0, 7)).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Keys, "{refusal}");
}

#[test]
fn a_unit_that_cannot_be_used() {
    let mut config = Config::demo(FaultSet::NONE);
    config.targets[0].units[0].read_only = true;
    let target = SimTarget::start(config).unwrap();
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::WriteProtected, &["write protected"]);

    let target = start();
    target.set_fault(Fault::StandbyPath, true);
    refused(&target, &plan(&target, Mode::Pr), RefusalKind::NotActive, &["standby"]);
}

#[test]
fn an_interrupt_ends_the_wait() {
    let target = start();
    let mut long = plan(&target, Mode::Pr);
    long.poll = Duration::from_secs(60);
    let mut sessions = enter(&long, run()).unwrap();
    let refusal = inspect(&mut sessions, &long, &|| true).unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::Interrupted);
}

#[test]
fn a_target_that_goes_away_is_no_safe_one() {
    let target = start();
    let mut waiting = plan(&target, Mode::Pr);
    waiting.poll = Duration::from_millis(300);
    let refusal = thread::scope(|scope| {
        let gate = scope.spawn(|| pass(&waiting));
        thread::sleep(Duration::from_millis(150));
        target.disconnect_all();
        gate.join().unwrap().unwrap_err()
    });
    assert_eq!(refusal.kind, RefusalKind::Unanswered, "{refusal}");
}

/// No fault of the target makes the gate let a unit through that others use.
#[test]
fn under_every_fault_a_used_unit_is_refused() {
    for fault in Fault::ALL {
        let target = start();
        let mut user = session(&target, "iqn.2026-01.lab:a");
        out(&mut user, PrOut::Register, 0, 0xabc);
        out(&mut user, PrOut::Reserve, 0xabc, 0);
        target.lun(0).unwrap().write(0, b"XFSB").unwrap();
        target.set_fault(*fault, true);
        let mut eager = plan(&target, Mode::Pr);
        eager.command_timeout = Duration::from_millis(300);
        assert!(pass(&eager).is_err(), "{fault:?}");
    }
}
