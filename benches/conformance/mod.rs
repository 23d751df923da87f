//! The storage conformance test against the clock: all steps on tgt, step by step beside libiscsi's own tests, and a target
//! that takes a second for every login.

use crate::peers::Tgt;
use crate::{QUORATE, median, millis, say, time};
use quorate::conformance::outcome::{Outcome, StepOutcome};
use quorate::conformance::plan::{Access, Mode, Plan, StepId, Subject};
use quorate::conformance::run::{Watch, run};
use quorate::conformance::step::Step;
use quorate::iscsi::Portal;
use quorate::scsi::Lun;
use quorate::simtarget::config::DEMO_TARGET;
use quorate::simtarget::{Config, Fault, SimTarget};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

const TARGET: &str = "iqn.2024-01.lab:bench";
const IDENTITY: &str = "LABT1L1";

/// What the command waits between the gate's two looks.
const POLL: Duration = Duration::from_secs(6);

/// Steps of ours, the tests of libiscsi that ask the same, and what it is.
const COMMON: [(&str, &str, &[u8], &[&str]); 7] = [
    ("reading keys", "P01", &[1], &["SCSI.PrinReadKeys.Simple"]),
    ("capabilities", "P03", &[3], &["SCSI.PrinReportCapabilities.Simple"]),
    ("registering", "P04 P05", &[4, 5], &["SCSI.ProutRegister.Simple"]),
    (
        "access, all types",
        "P10 P13 P16",
        &[10, 13, 16],
        &["SCSI.ProutReserve.Simple", "SCSI.ProutReserve.Access*"],
    ),
    ("unregistering a holder", "P29 P30", &[29, 30], &["SCSI.ProutReserve.Ownership*"]),
    ("clearing", "P28", &[28], &["SCSI.ProutClear.Simple"]),
    ("preempting", "P20", &[20], &["SCSI.ProutPreempt.RemoveRegistration"]),
];

/// How often libiscsi plays a test in one process, so that its start and login weigh little.
const COPIES: usize = 20;

/// The time of each step, with the undoing that follows it.
#[derive(Default)]
struct Clock {
    begun: Mutex<Option<Instant>>,
    times: Mutex<Vec<(StepId, Duration)>>,
}

impl Watch for Clock {
    fn step_begins(&self, _: &Step) {
        *self.begun.lock().expect("whole") = Some(Instant::now());
    }

    fn step_ended(&self, outcome: &StepOutcome) {
        if let Some(begun) = self.begun.lock().expect("whole").take() {
            self.times.lock().expect("whole").push((outcome.id, begun.elapsed()));
        }
    }
}

fn plan(target: &str, portals: &[SocketAddr], lun: u32, identity: &str, size_bytes: u64) -> Plan {
    let subject = Subject {
        target: target.to_owned(),
        portals: portals.iter().map(|at| Portal::new(at.ip().to_string(), at.port())).collect(),
        lun: Lun::new(lun),
        name: "bench".to_owned(),
        identity: Some(identity.to_owned()),
        size_bytes: Some(size_bytes),
        access: Access::default(),
    };
    Plan {
        mode: Mode::PrWrite,
        lun_reset: true,
        fill_table: true,
        poll: Duration::from_millis(1),
        ..Plan::new(subject)
    }
}

fn play(plan: &Plan, watch: &dyn Watch) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let outcome = run(plan, &folder.path().join("run"), watch).expect("it begins");
    assert!(outcome.stopped.is_none() && outcome.residue.is_clean(), "{:?}", outcome.stopped);
    outcome
}

/// The whole command, as a user runs it.
fn command(dir: &Path, plan: &Plan) -> Duration {
    let subject = &plan.subject;
    let mut command = Command::new(QUORATE);
    command.current_dir(dir).args(["storage", "test", &subject.target, &subject.lun.to_string()]);
    for portal in &subject.portals {
        command.args(["--portal", &portal.to_string()]);
    }
    command.args(["--identity", subject.identity.as_deref().unwrap_or_default()]);
    command.args(["--size", &subject.size_bytes.unwrap_or_default().to_string()]);
    command.args(["--mode", "pr-write", "--lun-reset", "--fill-table", "--format", "json"]);
    let mut output = None;
    let took = time(|| output = command.stderr(Stdio::piped()).output().ok());
    let output = output.expect("quorate");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    let tested = &report["tested"][0]["conformance"];
    assert_eq!(tested["residue"], serde_json::json!([]), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(tested["steps"].as_array().map(Vec::len), Some(40));
    took
}

/// All 40 steps in mode pr-write on tgt.
pub fn whole(dir: &Path) {
    let tgt = Tgt::start();
    tgt.target(1, TARGET, 1);
    let plan = plan(TARGET, &tgt.portals, 1, IDENTITY, 32 << 20);
    let inside: Vec<Duration> = (0..11).map(|_| play(&plan, &Clock::default()).duration).collect();
    let outside: Vec<Duration> = (0..3).map(|_| command(dir, &plan).saturating_sub(POLL)).collect();
    say(
        "all 40 steps, pr-write, on tgt over 2 portals, without the gate's 6 s",
        &format!(
            "{:.2} s (whole process: {:.2} s)",
            median(inside).as_secs_f64(),
            median(outside).as_secs_f64()
        ),
        "below 1.0 s",
    );
}

/// What libiscsi's program takes for these tests; `None` where it is not installed.
fn their_process(tgt: &Tgt, tests: &str) -> Option<Duration> {
    let url = format!("iscsi://{}/{TARGET}/1", tgt.portals[0]);
    let mut command = Command::new("iscsi-test-cu");
    command.args(["--dataloss", "-n", "-t", tests, &url]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut status = None;
    let took = time(|| status = command.status().ok());
    status.map(|_| took)
}

/// Step by step beside libiscsi's tests: each side with its sessions open, and with what it undoes afterwards. Theirs is
/// what one more copy of the test costs a process that plays it; ours is the step within a run.
pub fn beside_libiscsi(_dir: &Path) {
    let tgt = Tgt::start();
    tgt.target(1, TARGET, 1);
    let all = plan(TARGET, &tgt.portals[..1], 1, IDENTITY, 32 << 20);
    for (name, ids, numbers, tests) in COMMON {
        let what = format!("{name}: quorate {ids} / iscsi-test-cu {}", tests.join(" "));
        let steps: Vec<StepId> = numbers.iter().map(|number| StepId::new(*number)).collect();
        let ours = Plan { only: Some(steps.clone()), ..all.clone() };
        let one = tests.join(",");
        let many = vec![one.as_str(); COPIES + 1].join(",");
        let rounds: Option<Vec<[Duration; 3]>> = (0..15)
            .map(|_| {
                let clock = Clock::default();
                play(&ours, &clock);
                let times = clock.times.into_inner().expect("whole");
                let mine = times.iter().filter(|(id, _)| steps.contains(id)).map(|(_, time)| *time).sum();
                Some([mine, their_process(&tgt, &many)?, their_process(&tgt, &one)?])
            })
            .collect();
        let Some(rounds) = rounds else {
            say(&what, "not measured: iscsi-test-cu is not installed", "at most 1");
            continue;
        };
        let middle = |place: usize| median(rounds.iter().map(|round| round[place]).collect());
        let mine = middle(0);
        let theirs = middle(1).saturating_sub(middle(2)) / u32::try_from(COPIES).expect("few");
        let ratio = mine.as_secs_f64() / theirs.as_secs_f64().max(1e-6);
        say(&what, &format!("{ratio:.2} ({} / {})", millis(mine), millis(theirs)), "at most 1");
    }
}

/// A whole command against a target that takes a second for every login.
pub fn slow_login(dir: &Path) {
    let target = SimTarget::start(Config::demo(Fault::SlowLogin.into())).expect("it starts");
    let plan = plan(DEMO_TARGET, &target.portals(), 1, "naa.3071756f00000002", 10 << 30);
    let took = command(dir, &plan);
    let logins = target.stats().logins;
    say(
        "all 40 steps, pr-write, at 1 s per login, wall time of the process",
        &format!("{:.1} s ({logins} logins)", took.as_secs_f64()),
        "below 15 s",
    );
}
