//! A conformance run that dies at every boundary of every step: a cleanup leaves the embedded target as it was.
//!
//! The run is a process of its own, so that its death is a real one; the target lives in this process and outlasts it.

mod play;

use play::{End, Job};
use quorate::conformance::key::{RunId, key, mark};
use quorate::conformance::plan::{Mode, StepId};
use quorate::iscsi::login::LoginConfig;
use quorate::iscsi::{Isid, Portal, Session, Timeouts};
use quorate::scsi::Lun;
use quorate::scsi::cdb::PrOut;
use quorate::scsi::reservation::{Key, PrParameters};
use quorate::simtarget::config::DEMO_TARGET;
use quorate::simtarget::{Config, FaultSet, SimTarget};
use std::sync::Mutex;
use std::thread;

/// Small, so that it is read whole in no time.
const SIZE: u64 = 512 * 1024;
const BLOCKS: u32 = 1024;
const STRANGER: Key = Key(0xabc);

#[test]
fn crash_child() {
    play::child();
}

struct Bench {
    target: SimTarget,
    folder: tempfile::TempDir,
    before: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let mut config = Config::demo(FaultSet::NONE);
        config.targets[0].units[0].size_bytes = SIZE;
        let target = SimTarget::start(config).expect("it starts");
        let folder = tempfile::tempdir().expect("a folder");
        let before = target.lun(0).expect("there").read(0, BLOCKS).expect("read");
        Bench { target, folder, before }
    }

    fn job(&self, mode: Mode, at: String, end: End) -> Job {
        Job {
            target: DEMO_TARGET.to_owned(),
            portals: self.target.portals().iter().map(ToString::to_string).collect(),
            lun: 0,
            identity: "naa.3071756f00000001".to_owned(),
            size_bytes: SIZE,
            mode,
            at,
            end,
            file: self.folder.path().join("run.json"),
        }
    }

    #[track_caller]
    fn is_as_before(&self, what: &str) {
        let state = self.target.lun(0).expect("there").reservations();
        assert!(state.registrations.is_empty() && state.held.is_none(), "{what}: {state:?}");
        assert!(state.reserved_by.is_none(), "{what}: {state:?}");
        assert_eq!(self.keyless_content(), self.before, "{what}: the content is another");
    }

    fn keyless_content(&self) -> Vec<u8> {
        self.target.lun(0).expect("there").read(0, BLOCKS).expect("read")
    }

    fn join(&self, registered: Key) -> Session {
        let at = self.target.portals()[0];
        let login =
            LoginConfig::new("iqn.1991-05.com.microsoft:hv1", DEMO_TARGET, Isid([0x40, 0, 1, 0x37, 0, 1]));
        let mut session =
            Session::connect(&Portal::new(at.ip().to_string(), at.port()), &login, Timeouts::default())
                .expect("in");
        session.drain_attentions(Lun::new(0)).expect("drained");
        let parameters = PrParameters::new(Key(0), registered);
        let answer = session.unit(Lun::new(0)).reserve_out(PrOut::Register, None, &parameters).expect("sent");
        assert!(answer.is_good(), "{answer:?}");
        session
    }
}

/// Every boundary of every step.
fn boundaries() -> Vec<String> {
    StepId::all().flat_map(|step| [format!("begin {step}"), format!("end {step}")]).collect()
}

/// Does one thing for each boundary, a few at a time.
fn at_every_boundary(act: impl Fn(String) + Sync) {
    let places = Mutex::new(boundaries());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let place = places.lock().expect("whole").pop();
                    let Some(place) = place else { return };
                    act(place);
                }
            });
        }
    });
}

#[test]
fn killed_at_every_boundary_and_undone_by_the_run_file() {
    at_every_boundary(|at| {
        let bench = Bench::new();
        let job = bench.job(Mode::PrWrite, at.clone(), End::Abort);
        let status = job.play();
        assert!(!status.success(), "{at}: the child did not come there");
        let cleaned = job.undo().unwrap_or_else(|| panic!("{at}: there is no run file"));
        assert!(cleaned.is_clean() && cleaned.refused.is_none(), "{at}: {cleaned:?}");
        bench.is_as_before(&at);
    });
}

#[test]
fn killed_at_every_boundary_and_undone_without_the_run_file() {
    at_every_boundary(|at| {
        let bench = Bench::new();
        let job = bench.job(Mode::Pr, at.clone(), End::Abort);
        let status = job.play();
        std::fs::remove_file(&job.file).unwrap_or_else(|error| panic!("{at} {status:?}: {error}"));
        let cleaned = job.undo_by_marks();
        assert!(cleaned.is_clean() && cleaned.refused.is_none(), "{at}: {cleaned:?}");
        bench.is_as_before(&at);
    });
}

#[test]
fn killed_at_every_boundary_beside_a_stranger() {
    at_every_boundary(|at| {
        let bench = Bench::new();
        let job = bench.job(Mode::PrWrite, at.clone(), End::Abort);
        job.play();
        let stranger = bench.join(STRANGER);
        let unchanged = bench.target.lun(0).expect("there").reservations();
        let ours =
            unchanged.registrations.iter().any(|each| mark(each.key).is_some()) || unchanged.held.is_some();
        // Without the run file: nothing is touched, and where there is something of ours it is said.
        let cleaned = job.undo_by_marks();
        assert_eq!(bench.target.lun(0).expect("there").reservations(), unchanged, "{at}");
        assert_eq!(cleaned.is_clean(), !ours, "{at}: {cleaned:?}");
        assert_eq!(cleaned.refused.is_some(), ours, "{at}: {cleaned:?}");
        assert!(
            !ours || !cleaned.would.is_empty() && !cleaned.residue.commands.is_empty(),
            "{at}: {cleaned:?}"
        );
        // With it: what is ours goes, the stranger stays.
        let cleaned = job.undo().expect("a run file");
        let after = bench.target.lun(0).expect("there").reservations();
        let keys: Vec<Key> = after.registrations.iter().map(|each| each.key).collect();
        assert_eq!(keys, [STRANGER], "{at}: {cleaned:?}");
        let all_registrants = after.held.as_ref().is_some_and(|held| held.kind.is_all_registrants());
        assert!(after.held.is_none() || all_registrants, "{at}: {after:?}");
        assert_eq!(bench.keyless_content(), bench.before, "{at}");
        drop(stranger);
    });
}

/// A stranger that comes while the run is at work ends it, and is not hurt.
#[test]
fn a_stranger_that_comes_ends_the_run() {
    let bench = Bench::new();
    let other = key(RunId::new(5).expect("not 0"), 1, 1);
    for (at, registered) in [("begin P10", STRANGER), ("begin P20", other), ("begin P30", STRANGER)] {
        let job = bench.job(Mode::PrWrite, at.to_owned(), End::Interrupt);
        let file = job.file.clone();
        thread::scope(|scope| {
            let playing = scope.spawn(|| Job { at: "never".to_owned(), ..job.clone() }.play());
            while !file.exists() {
                thread::yield_now();
            }
            let stranger = bench.join(registered);
            playing.join().expect("played");
            let state = bench.target.lun(0).expect("there").reservations();
            let keys: Vec<Key> = state.registrations.iter().map(|each| each.key).collect();
            assert_eq!(keys, [registered], "{state:?}");
            assert_eq!(bench.keyless_content(), bench.before);
            drop(stranger);
        });
        let mut session = bench.join_again(registered);
        let parameters = PrParameters::new(registered, Key(0));
        session.unit(Lun::new(0)).reserve_out(PrOut::Clear, None, &parameters).expect("sent");
        std::fs::remove_file(&file).expect("removed");
    }
}

impl Bench {
    /// The stranger after its session was lost: still registered.
    fn join_again(&self, _registered: Key) -> Session {
        let at = self.target.portals()[0];
        let login =
            LoginConfig::new("iqn.1991-05.com.microsoft:hv1", DEMO_TARGET, Isid([0x40, 0, 1, 0x37, 0, 1]));
        let mut session =
            Session::connect(&Portal::new(at.ip().to_string(), at.port()), &login, Timeouts::default())
                .expect("in");
        session.drain_attentions(Lun::new(0)).expect("drained");
        session
    }
}

/// A panic that unwinds, and an interruption, leave nothing: the run undoes itself.
#[test]
fn a_panic_and_an_interruption_undo_themselves() {
    for end in [End::Panic, End::Interrupt] {
        for at in [
            "begin P01",
            "end P04",
            "begin P10",
            "end P13",
            "end P20",
            "begin P25",
            "end P30",
            "end P37",
            "end P40",
        ] {
            let bench = Bench::new();
            let job = bench.job(Mode::PrWrite, at.to_owned(), end);
            let status = job.play();
            assert_eq!(status.success(), end == End::Interrupt, "{at} {end:?}");
            bench.is_as_before(&format!("{at} {end:?}"));
            // The run file says so: a cleanup finds nothing.
            assert!(job.undo().expect("a run file").done.is_empty(), "{at} {end:?}");
        }
    }
}

/// The network goes away in the middle: what is left is undone when it is back.
#[test]
fn a_lost_network_leaves_nothing_that_a_cleanup_does_not_find() {
    let bench = Bench::new();
    let job = bench.job(Mode::PrWrite, "never".to_owned(), End::Abort);
    let file = job.file.clone();
    thread::scope(|scope| {
        let playing = scope.spawn(|| job.play());
        while !file.exists() {
            thread::yield_now();
        }
        while !playing.is_finished() {
            bench.target.disconnect_all();
            thread::sleep(std::time::Duration::from_millis(30));
        }
    });
    let cleaned = job.undo().expect("a run file");
    assert!(cleaned.is_clean(), "{cleaned:?}");
    bench.is_as_before("lost network");
}
