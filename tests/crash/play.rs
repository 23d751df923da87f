//! A run in a process of its own that dies where it is told to, and what a cleanup must find and leave.

use quorate::conformance::cleanup::{Cleaned, Dial, by_marks, by_record};
use quorate::conformance::journal::Journal;
use quorate::conformance::outcome::StepOutcome;
use quorate::conformance::plan::{Access, Mode, Plan, Subject};
use quorate::conformance::run::{Watch, run};
use quorate::conformance::step::Step;
use quorate::scsi::Lun;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

const JOB: &str = "QUORATE_CRASH_JOB";

/// How a run is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The process dies at once, as by SIGKILL: nothing unwinds, nothing is cleaned.
    Abort,
    /// A panic unwinds.
    Panic,
    /// It is asked to end.
    Interrupt,
}

/// A run to be played by a child.
#[derive(Clone, Debug)]
pub struct Job {
    pub target: String,
    pub portals: Vec<String>,
    pub lun: u32,
    pub identity: String,
    pub size_bytes: u64,
    pub mode: Mode,
    /// `begin P13`, `end P13`.
    pub at: String,
    pub end: End,
    pub file: PathBuf,
}

impl Job {
    pub fn subject(&self) -> Subject {
        Subject {
            target: self.target.clone(),
            portals: self.portals.iter().map(|portal| portal.parse().expect("a portal")).collect(),
            lun: Lun::new(self.lun),
            name: "crash".to_owned(),
            identity: Some(self.identity.clone()),
            size_bytes: Some(self.size_bytes),
            access: Access::default(),
        }
    }

    /// Plays it in a child, which is this test program again.
    pub fn play(&self) -> ExitStatus {
        let job = serde_json::json!({
            "target": self.target, "portals": self.portals, "lun": self.lun, "identity": self.identity,
            "size_bytes": self.size_bytes, "mode": self.mode.name(), "at": self.at, "end": format!("{:?}", self.end),
            "file": self.file,
        });
        Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "crash_child", "--test-threads", "1"])
            .env(JOB, job.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("it runs")
    }

    pub fn dial(&self) -> Dial {
        Dial::new(self.target.clone(), Access::default(), Duration::from_secs(4))
    }

    /// Undoes it by its run file; nothing where the run had not come to writing one.
    pub fn undo(&self) -> Option<Cleaned> {
        self.file.exists().then(|| {
            let journal = Journal::open(&self.file).expect("a run file whose run is dead");
            by_record(journal.record(), &self.dial())
        })
    }

    /// Undoes it without the run file.
    pub fn undo_by_marks(&self) -> Cleaned {
        by_marks(&self.subject(), &self.dial(), Duration::from_millis(30))
    }
}

struct Dying {
    at: String,
    end: String,
    asked: std::sync::atomic::AtomicBool,
}

impl Dying {
    fn reach(&self, place: &str) {
        if place == self.at {
            match self.end.as_str() {
                "Abort" => std::process::abort(),
                "Panic" => panic!("told to"),
                _ => self.asked.store(true, std::sync::atomic::Ordering::SeqCst),
            }
        }
    }
}

impl Watch for Dying {
    fn step_begins(&self, step: &Step) {
        self.reach(&format!("begin {}", step.id));
    }

    fn step_ended(&self, outcome: &StepOutcome) {
        self.reach(&format!("end {}", outcome.id));
    }

    fn interrupted(&self) -> bool {
        self.asked.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// What the child does. In any other process it does nothing.
pub fn child() {
    let Ok(job) = std::env::var(JOB) else { return };
    let job: serde_json::Value = serde_json::from_str(&job).expect("a job");
    let text = |key: &str| job[key].as_str().expect("text").to_owned();
    let parsed = Job {
        target: text("target"),
        portals: job["portals"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one.as_str().expect("text").to_owned())
            .collect(),
        lun: u32::try_from(job["lun"].as_u64().expect("a number")).expect("small"),
        identity: text("identity"),
        size_bytes: job["size_bytes"].as_u64().expect("a number"),
        mode: text("mode").parse().expect("a mode"),
        at: text("at"),
        end: End::Abort,
        file: Path::new(&text("file")).to_owned(),
    };
    let plan = Plan {
        mode: parsed.mode,
        lun_reset: true,
        fill_table: true,
        poll: Duration::from_millis(10),
        ..Plan::new(parsed.subject())
    };
    let watch = Dying { at: parsed.at.clone(), end: text("end"), asked: false.into() };
    let outcome = run(&plan, &parsed.file, &watch).expect("the gate lets it in");
    assert!(outcome.residue.is_clean(), "{:?}", outcome.residue);
}
