//! The steps against the embedded target: clean, and with each of its faults.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::conformance::outcome::StepResult;
use crate::conformance::plan::{Access, Subject};
use crate::conformance::suitability::Verdict;
use crate::iscsi::Portal;
use crate::scsi::Lun;
use crate::simtarget::config::DEMO_TARGET;
use crate::simtarget::{Config, Fault, FaultSet, SimTarget};

/// Nobody watches.
struct Nobody;

impl Watch for Nobody {}

/// The unit of the demonstration that tests work on: 10 GiB of data.
const LUN: u16 = 1;

fn portal(address: SocketAddr) -> Portal {
    Portal::new(address.ip().to_string(), address.port())
}

/// Everything may be done to the data unit of this target; nothing is waited for.
fn plan(target: &SimTarget) -> Plan {
    let subject = Subject {
        target: DEMO_TARGET.into(),
        portals: target.portals().into_iter().map(portal).collect(),
        lun: Lun::new(LUN.into()),
        name: "data".into(),
        identity: Some("naa.3071756f00000002".into()),
        size_bytes: Some(10 << 30),
        access: Access::default(),
    };
    Plan {
        mode: Mode::PrWrite,
        lun_reset: true,
        fill_table: true,
        poll: Duration::from_millis(1),
        command_timeout: Duration::from_secs(2),
        ..Plan::new(subject)
    }
}

fn started(faults: FaultSet) -> SimTarget {
    SimTarget::start(Config::demo(faults)).unwrap()
}

fn play(plan: &Plan) -> Result<Outcome, RunError> {
    let folder = tempfile::tempdir().unwrap();
    run(plan, &folder.path().join("run"), &Nobody)
}

/// The steps that end in one way, by name.
fn steps(outcome: &Outcome, want: impl Fn(&StepResult) -> bool) -> Vec<String> {
    let found = outcome.steps.iter().filter(|step| want(&step.result));
    found.map(|step| step.id.to_string()).collect()
}

fn failed(outcome: &Outcome) -> Vec<String> {
    steps(outcome, StepResult::is_failed)
}

/// What a test prints when it fails.
fn told(outcome: &Outcome) -> String {
    let lines = outcome.steps.iter().filter(|step| !step.result.is_ok());
    let lines: Vec<String> =
        lines.map(|step| format!("{} {:?} {:?}", step.id, step.result, step.left_out)).collect();
    format!("stopped: {:?}\nresidue: {:?}\n{}", outcome.stopped, outcome.residue, lines.join("\n"))
}

/// The numbered steps among what a fault says it trips.
fn numbered(fault: Fault) -> Vec<&'static str> {
    let is_step = |trip: &&str| trip.parse::<StepId>().is_ok();
    fault.trips().iter().copied().filter(is_step).collect()
}

/// Blocks of the unit that a run may touch, and those around them.
fn around_the_range(target: &SimTarget) -> Vec<u8> {
    let range = BlockRange::middle((10 << 30) / 512);
    target.lun(LUN).unwrap().read(range.lba - 64, range.blocks + 128).unwrap()
}

#[test]
fn a_clean_target_is_ok_in_all_steps_and_left_as_it_was() {
    let target = started(FaultSet::NONE);
    let range = BlockRange::middle((10 << 30) / 512);
    let unit = target.lun(LUN).unwrap();
    unit.write(range.lba, &vec![0x5a; 64 * 512]).unwrap();
    let before = around_the_range(&target);
    let plan = plan(&target);
    let outcome = play(&plan).unwrap();
    assert_eq!(steps(&outcome, StepResult::is_ok).len(), 40, "{}", told(&outcome));
    assert!(
        outcome.stopped.is_none() && outcome.residue.touched && outcome.residue.is_clean(),
        "{}",
        told(&outcome)
    );
    assert!(outcome.steps.iter().all(|step| step.left_out.is_empty()), "{:?}", outcome.steps);
    assert_eq!(around_the_range(&target), before);
    let state = unit.reservations();
    assert!(state.registrations.is_empty() && state.held.is_none() && state.reserved_by.is_none());
    let bad = |check: &&crate::conformance::suitability::Check| check.verdict != Verdict::Good;
    let not_good: Vec<_> = outcome.suitability.checks.iter().filter(bad).map(|check| check.name).collect();
    assert_eq!(not_good, ["provisioning"], "the demonstration's units are thin");
    assert!(outcome.suitability.defence.is_some_and(|defence| defence.holds()));
    let measured: Vec<Operation> = outcome.latency.iter().map(|latency| latency.operation).collect();
    assert_eq!(measured, Operation::ALL);
}

#[test]
fn the_milder_modes_change_no_more_than_they_say() {
    let target = started(FaultSet::NONE);
    let before = around_the_range(&target);
    let unit = target.lun(LUN).unwrap();
    let inspected = play(&Plan { mode: Mode::Inspect, ..plan(&target) }).unwrap();
    assert_eq!(unit.reservations().generation, 0, "nothing was registered");
    assert_eq!(steps(&inspected, StepResult::is_ok), ["P01", "P02", "P03", "P39"], "{}", told(&inspected));
    assert!(!inspected.residue.touched && inspected.stopped.is_none());
    let reserved =
        play(&Plan { mode: Mode::Pr, lun_reset: false, fill_table: false, ..plan(&target) }).unwrap();
    let not_run = steps(&reserved, |result| matches!(result, StepResult::NotRun { .. }));
    assert_eq!(not_run, ["P13", "P14", "P16", "P25", "P35"], "{}", told(&reserved));
    assert_eq!(failed(&reserved), [""; 0]);
    let options = reserved.step(StepId::LAST).unwrap();
    assert!(options.result.is_ok() && options.left_out.len() == 1, "{options:?}");
    assert_eq!(around_the_range(&target), before);
    assert_eq!(unit.reservations().registrations, []);
    assert_eq!(reserved.range, None);
}

#[test]
fn steps_are_chosen_with_those_on_which_they_rest() {
    let target = started(FaultSet::NONE);
    let chosen = |plan: &Plan| selected(plan).iter().map(|step| step.id.to_string()).collect::<Vec<_>>();
    let only = Plan { only: Some(vec![StepId::new(25), StepId::new(31)]), ..plan(&target) };
    assert_eq!(chosen(&only), ["P01", "P13", "P24", "P25", "P31"]);
    let sbd = Plan { stack: Some(crate::conformance::plan::Stack::Sbd), ..plan(&target) };
    assert_eq!(chosen(&sbd), ["P01", "P02", "P39"]);
    assert_eq!(chosen(&plan(&target)).len(), 40);
    let outcome = play(&only).unwrap();
    assert_eq!(outcome.steps.len(), 5);
    assert!(outcome.steps.iter().all(|step| step.result.is_ok()), "{}", told(&outcome));
}

/// How a run against a fault ends, besides the steps that depart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Every step is played or says on which other one it rests.
    Whole,
    /// There is no run: the target does not let us in, or shows another unit than the one that is meant.
    NotBegun,
    /// The gate is shut: what only reads is still played.
    Refused,
    /// The run stops, because somebody else is at work.
    Stranger,
}

fn end(fault: Fault) -> End {
    match fault {
        Fault::DuplicateIdentity
        | Fault::NoIdentity
        | Fault::ChapRefused
        | Fault::ClosesAtLogin
        | Fault::TargetUnknown
        | Fault::ServiceUnavailable
        | Fault::RedirectLoop
        | Fault::EndlessLogin => End::NotBegun,
        Fault::IdentityDiffersPerPortal
        | Fault::SizeDiffersPerPortal
        | Fault::ReadOnly
        | Fault::StaleKeysLeft
        | Fault::AttentionNeverEnds
        | Fault::ReadReservationFails
        | Fault::ReadKeysLengthWrong
        | Fault::StandbyPath
        | Fault::Hangs
        | Fault::DropsConnection
        | Fault::AsksForLogout
        | Fault::WrongLengths
        | Fault::OversizedSegment
        | Fault::WrongTag
        | Fault::WrongStatSn
        | Fault::WrongDataOffset
        | Fault::UnknownOpcode
        | Fault::CorruptDigest => End::Refused,
        Fault::StrangerRegisters | Fault::StrangerClears => End::Stranger,
        _ => End::Whole,
    }
}

/// Plays everything against a target with one fault; gives what is not as it should be.
fn try_fault(fault: Fault) -> Option<String> {
    let target = started(fault.into());
    let mut plan = plan(&target);
    match fault {
        // Each command takes a quarter of a second.
        Fault::Slow => plan.only = Some(vec![StepId::new(10), StepId::new(31)]),
        Fault::Hangs | Fault::WrongLengths => plan.command_timeout = Duration::from_millis(200),
        Fault::CorruptDigest => {
            plan.subject.access.header_digest = crate::iscsi::login::DigestPolicy::Require;
            plan.subject.access.data_digest = crate::iscsi::login::DigestPolicy::Require;
        }
        _ => {}
    }
    let before = around_the_range(&target);
    let outcome = match (play(&plan), end(fault)) {
        (Err(_), End::NotBegun) => return None,
        (Err(error), end) => return Some(format!("{fault}: {end:?} expected, did not begin: {error}")),
        (Ok(outcome), _) => outcome,
    };
    let kind = outcome.stopped.as_ref().map(|stopped| stopped.kind);
    let expected = match end(fault) {
        End::Whole => None,
        End::Refused => Some(StopKind::Refused),
        End::Stranger => Some(StopKind::Stranger),
        End::NotBegun => return Some(format!("{fault}: it should not have begun\n{}", told(&outcome))),
    };
    let right = kind == expected
        && failed(&outcome) == numbered(fault)
        && outcome.residue.is_clean()
        && around_the_range(&target) == before;
    (!right).then(|| {
        format!("{fault}: departs in {:?}, names {:?}\n{}", failed(&outcome), fault.trips(), told(&outcome))
    })
}

#[test]
fn each_fault_trips_exactly_the_steps_it_names() {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut wrong = Vec::new();
        while let Some(fault) = Fault::ALL.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
            // P25 sets an abort against a write on its way: on a busy machine the write may have ended first, and nothing shows.
            let tries = if fault.trips().contains(&"P25") { 5 } else { 1 };
            let told: Vec<String> = (0..tries).map_while(|_| try_fault(*fault)).collect();
            wrong.extend(told.into_iter().skip(tries - 1));
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn faults_that_no_step_is_about_show_in_the_suitability() {
    for (fault, lun, mode, name) in [
        (Fault::WriteLost, LUN, Mode::PrWrite, "written-here-read-there"),
        (Fault::DataDiffersPerPortal, LUN, Mode::PrWrite, "written-here-read-there"),
        (Fault::ThinVolumeFull, LUN, Mode::PrWrite, "written-here-read-there"),
        (Fault::ReadOnly, LUN, Mode::Inspect, "write-protection"),
        (Fault::Removable, LUN, Mode::Inspect, "removable"),
        (Fault::NoIdentity, LUN, Mode::Inspect, "identity"),
        (Fault::DuplicateIdentity, LUN, Mode::Inspect, "identity-unique"),
        (Fault::IdentityDiffersPerPortal, LUN, Mode::Inspect, "identity-stable"),
        (Fault::WitnessTooSmall, 0, Mode::Inspect, "size"),
    ] {
        let target = started(fault.into());
        let mut plan = Plan { mode, only: Some(vec![StepId::new(2)]), ..plan(&target) };
        plan.subject.lun = Lun::new(lun.into());
        if mode == Mode::Inspect {
            (plan.subject.identity, plan.subject.size_bytes) = (None, None);
        }
        let outcome = play(&plan).unwrap();
        let check = outcome.suitability.check(name).unwrap();
        let expected = if name == "size" { Verdict::Attention } else { Verdict::Bad };
        assert_eq!(check.verdict, expected, "{fault}: {check:?}");
        assert!(outcome.residue.is_clean());
    }
}

/// Somebody who does something when a step has ended.
struct AfterStep<'a> {
    step: u8,
    act: &'a (dyn Fn() + Sync),
}

impl Watch for AfterStep<'_> {
    fn step_ended(&self, outcome: &StepOutcome) {
        if outcome.id == StepId::new(self.step) {
            (self.act)();
        }
    }
}

fn play_with(plan: &Plan, step: u8, act: &(dyn Fn() + Sync)) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    run(plan, &folder.path().join("run"), &AfterStep { step, act }).unwrap()
}

#[test]
fn who_came_and_went_since_the_gate_ends_the_run_before_it_writes() {
    let target = started(FaultSet::NONE);
    let plan = Plan { only: Some(vec![StepId::new(13)]), ..plan(&target) };
    let before = around_the_range(&target);
    // P01 only reads: the claim comes after it.
    let outcome = play_with(&plan, 1, &|| {
        let isid = crate::iscsi::Isid([0x40, 0, 1, 0x37, 0, 1]);
        let login = plan.subject.access.login("iqn.1991-05.com.microsoft:hv1", DEMO_TARGET, isid);
        let portal = &plan.subject.portals[0];
        let mut session =
            crate::iscsi::Session::connect(portal, &login, crate::iscsi::Timeouts::default()).unwrap();
        session.drain_attentions(Lun::new(LUN.into())).unwrap();
        for (key, new) in [(0, 5), (5, 0)] {
            let keys = crate::scsi::reservation::PrParameters::new(
                crate::scsi::reservation::Key(key),
                crate::scsi::reservation::Key(new),
            );
            let mut unit = session.unit(Lun::new(LUN.into()));
            let answer = unit.reserve_out(crate::scsi::cdb::PrOut::Register, None, &keys).unwrap();
            assert!(answer.is_good());
        }
    });
    assert_eq!(
        outcome.stopped.as_ref().map(|stopped| stopped.kind),
        Some(StopKind::Stranger),
        "{}",
        told(&outcome)
    );
    assert!(outcome.residue.is_clean(), "{}", told(&outcome));
    assert_eq!(failed(&outcome), [""; 0]);
    assert_eq!(around_the_range(&target), before);
    let state = target.lun(LUN).unwrap().reservations();
    assert!(state.registrations.is_empty(), "{state:?}");
}

#[test]
fn what_somebody_else_wrote_into_the_range_stays() {
    let target = started(FaultSet::NONE);
    let plan = Plan { only: Some(vec![StepId::new(13)]), ..plan(&target) };
    // The last block of the range: what is measured at the end writes to the first ones.
    let first = BlockRange::middle((10 << 30) / 512).lba;
    let lba = first + 63;
    let unit = target.lun(LUN).unwrap();
    let outcome = play_with(&plan, 13, &|| unit.write(lba, &[0xa5; 512]).unwrap());
    assert_eq!(unit.read(lba, 1).unwrap(), [0xa5; 512]);
    assert!(
        outcome.residue.left.iter().any(|left| left.contains("neither what stood there nor ours")),
        "{}",
        told(&outcome)
    );
    assert_eq!(unit.read(first, 63).unwrap(), vec![0; 63 * 512]);
}
