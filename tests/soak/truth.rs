//! Playing a script against a target of its own, and looking behind the wire afterwards.

use crate::script::{Cut, Dice, ORDERED, Script, Weather};
use quorate::conformance::cleanup::{Cleaned, Dial, by_marks, by_record};
use quorate::conformance::journal::Journal;
use quorate::conformance::outcome::{Outcome, StepOutcome, StepResult, StopKind};
use quorate::conformance::plan::{Access, Mode, Plan, StepId, Subject};
use quorate::conformance::run::{RunError, Watch, run};
use quorate::conformance::step::Step;
use quorate::iscsi::{Portal, Timeouts};
use quorate::scsi::Lun;
use quorate::simtarget::config::DEMO_TARGET;
use quorate::simtarget::{Config, FaultSet, SimTarget};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Large enough for something to stand between what the content gate reads at both ends.
const SIZE: u64 = 4 << 20;
const BLOCKS: u32 = 8192;
/// The first block behind the first 2 MiB, and the block at which the last 1 MiB begins.
const MIDDLE: std::ops::Range<u64> = 4096..6144;

/// Time for a target to see that everybody has gone, and to carry out what was postponed.
const CALM: Duration = Duration::from_secs(10);

struct Bench<'a> {
    script: &'a Script,
    target: SimTarget,
    before: Vec<u8>,
}

struct Stormy<'a> {
    script: &'a Script,
    target: &'a SimTarget,
    asked: AtomicBool,
    last: StepId,
}

impl Watch for Stormy<'_> {
    fn step_begins(&self, step: &Step) {
        let number = step.id.number();
        let on = match self.script.weather {
            Weather::Always | Weather::AtTheEnd => return self.cut(number),
            Weather::From(first) => number >= first,
            Weather::Some(remainder) => number % 5 == remainder,
        };
        self.target.set_chaos(on.then_some(self.script.chaos));
        self.cut(number);
    }

    fn step_ended(&self, outcome: &StepOutcome) {
        if self.script.weather == Weather::AtTheEnd && outcome.id == self.last {
            self.target.set_chaos(Some(self.script.chaos));
        }
    }

    fn interrupted(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Stormy<'_> {
    fn cut(&self, number: u8) {
        match self.script.cut {
            Cut::Interrupt(at) if number >= at => self.asked.store(true, Ordering::Relaxed),
            Cut::Panic(at) if number >= at => std::panic::panic_any(ORDERED),
            _ => {}
        }
    }
}

impl<'a> Bench<'a> {
    fn new(script: &'a Script) -> Self {
        let mut config = Config::demo(FaultSet::NONE);
        config.targets[0].units[0].size_bytes = SIZE;
        config.portals.truncate(script.portals);
        let target = SimTarget::start(config).expect("it starts");
        let unit = target.lun(0).expect("there");
        let mut dice = Dice::new(!script.seed);
        for lba in MIDDLE {
            let byte = u8::try_from(dice.below(256)).expect("small");
            unit.write(lba, &[byte; 512]).expect("written");
        }
        let before = unit.read(0, BLOCKS).expect("read");
        Self { script, target, before }
    }

    fn subject(&self) -> Subject {
        let portal = |at: std::net::SocketAddr| Portal::new(at.ip().to_string(), at.port());
        Subject {
            target: DEMO_TARGET.into(),
            portals: self.target.portals().into_iter().map(portal).collect(),
            lun: Lun::new(0),
            name: "soak".into(),
            identity: Some("naa.3071756f00000001".into()),
            size_bytes: Some(SIZE),
            access: Access::default(),
        }
    }

    fn plan(&self) -> Plan {
        let script = self.script;
        Plan {
            mode: script.mode,
            only: script.only.clone(),
            lun_reset: script.lun_reset,
            fill_table: script.fill_table,
            poll: script.poll,
            command_timeout: script.command_timeout,
            ..Plan::new(self.subject())
        }
    }

    fn dial(&self) -> Dial {
        let dial = Dial::new(
            DEMO_TARGET,
            Access::default(),
            self.script.command_timeout.max(Duration::from_secs(2)),
        );
        Dial { timeouts: Timeouts { login: Duration::from_secs(5), ..dial.timeouts }, ..dial }
    }

    fn undo(&self, file: &Path) -> Result<Cleaned, String> {
        let mut journal = Journal::open(file).map_err(|error| format!("the run file: {error}"))?;
        let cleaned = by_record(journal.record(), &self.dial());
        if cleaned.is_clean() {
            journal.finish().map_err(|error| error.to_string())?;
        }
        Ok(cleaned)
    }

    /// Waits until the target has seen that everybody has gone.
    fn calm(&self) -> Result<(), String> {
        let until = Instant::now() + CALM;
        while self.target.stats().sessions > 0 {
            if Instant::now() > until {
                return Err(format!("{} sessions are left", self.target.stats().sessions));
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// What the target itself knows: nothing of ours, and every block as it was.
    fn is_as_before(&self, who: &str) -> Result<(), String> {
        self.calm()?;
        let unit = self.target.lun(0).ok_or("no unit")?;
        let state = unit.reservations();
        if !state.registrations.is_empty() || state.held.is_some() || state.reserved_by.is_some() {
            return Err(format!("{who} says that nothing is left, and there is {state:?}"));
        }
        let now = unit.read(0, BLOCKS).map_err(|error| error.to_string())?;
        match now.chunks(512).zip(self.before.chunks(512)).position(|(now, before)| now != before) {
            Some(block) => Err(format!("{who} says that nothing is left, and block {block} is another")),
            None => Ok(()),
        }
    }
}

/// The last step that a plan selects, for a storm that begins when the steps are over.
fn last(script: &Script) -> StepId {
    script.only.as_ref().and_then(|only| only.last().copied()).unwrap_or(StepId::LAST)
}

/// Plays it; gives how it ended, or what is wrong.
pub fn play(script: &Script) -> Result<&'static str, String> {
    let bench = Bench::new(script);
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = folder.path().join("run.json");
    let end = play_on(&bench, &file)?;
    match bench.target.panics() {
        0 => Ok(end),
        panics => Err(format!("{panics} threads of the target panicked")),
    }
}

fn play_on(bench: &Bench<'_>, file: &Path) -> Result<&'static str, String> {
    let (script, plan) = (bench.script, bench.plan());
    if script.weather == Weather::Always {
        bench.target.set_chaos(Some(script.chaos));
    }
    let watch = Stormy { script, target: &bench.target, asked: AtomicBool::new(false), last: last(script) };
    let played = catch_unwind(AssertUnwindSafe(|| run(&plan, file, &watch)));
    let end = match played {
        Err(panic) if panic.downcast_ref::<&str>() == Some(&ORDERED) => {
            // It has undone itself where it could; its run file tells whether.
            let finished = Journal::open(file).is_ok_and(|journal| journal.record().finished);
            if finished || !file.exists() {
                bench.is_as_before("a run that panicked")?;
                return Ok("panicked, clean");
            }
            "panicked"
        }
        Err(_) => return Err("the run panicked".into()),
        Ok(Err(RunError::Refused(_))) => {
            untouched(bench)?;
            return Ok("did not begin");
        }
        Ok(Err(error)) => return Err(format!("the run failed: {error}")),
        Ok(Ok(outcome)) => {
            truthful(&outcome)?;
            if script.mode == Mode::Inspect {
                untouched(bench)?;
            }
            let stopped = outcome.stopped.as_ref().map(|stopped| stopped.kind);
            if outcome.residue.is_clean() {
                bench.is_as_before("the run")?;
                return Ok(match stopped {
                    None => "whole",
                    Some(StopKind::Refused) => "refused",
                    Some(_) => "stopped, clean",
                });
            }
            "undone by a cleanup"
        }
    };
    for _ in 0..script.cleanups {
        if bench.undo(file)?.is_clean() {
            bench.is_as_before("a cleanup in chaos")?;
            return Ok(end);
        }
    }
    bench.target.set_chaos(None);
    bench.calm()?;
    let saved = Journal::open(file).is_ok_and(|journal| journal.record().saved.is_some());
    let cleaned = if script.by_marks && !saved {
        by_marks(&bench.subject(), &bench.dial(), script.poll)
    } else {
        bench.undo(file)?
    };
    if !cleaned.is_clean() || cleaned.refused.is_some() {
        return Err(format!("the cleanup does not come to its end: {cleaned:?}"));
    }
    bench.is_as_before("the cleanup")?;
    Ok(end)
}

/// Two runs on one unit, the second begun at most as much later as a gate takes.
pub fn duel(seed: u64) -> Result<(), String> {
    let mut dice = Dice::new(seed);
    let steps = [4, 13, 25, 27, 31].map(StepId::new);
    let script = Script {
        mode: if dice.below(3) == 0 { Mode::Pr } else { Mode::PrWrite },
        only: Some(steps.into_iter().filter(|_| dice.below(2) == 0).chain([StepId::new(13)]).collect()),
        cut: Cut::Never,
        weather: Weather::AtTheEnd,
        command_timeout: Duration::from_secs(4),
        ..Script::of(seed)
    };
    let bench = Bench::new(&script);
    let later = Duration::from_micros(dice.below(60_000));
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let play = |name: &str| run(&bench.plan(), &folder.path().join(name), &Nobody);
    let played = thread::scope(|scope| {
        let one = scope.spawn(|| play("one"));
        thread::sleep(later);
        let two = play("two");
        [one.join(), Ok(two)]
    });
    for outcome in played {
        match outcome.map_err(|_| "a run panicked")? {
            Err(RunError::Refused(_)) => {}
            Err(error) => return Err(error.to_string()),
            Ok(outcome) => {
                if !outcome.residue.is_clean() {
                    return Err(format!("{:?} is left, {:?}", outcome.residue, outcome.stopped));
                }
                if let Some(step) = outcome.steps.iter().find(|step| step.result.is_failed()) {
                    return Err(format!("{} {:?} {:?}", step.id, step.result, outcome.stopped));
                }
            }
        }
    }
    bench.is_as_before("both")
}

struct Nobody;

impl Watch for Nobody {}

/// The target is sound: whatever its wire does, no step may say that it departs.
fn truthful(outcome: &Outcome) -> Result<(), String> {
    if let Some(stopped) = &outcome.stopped
        && stopped.kind == StopKind::Stranger
    {
        return Err(format!("there is no stranger, and yet: {}", stopped.why));
    }
    let wrong = |step: &&StepOutcome| !matches!(step.result, StepResult::Ok | StepResult::NotRun { .. });
    match outcome.steps.iter().find(wrong) {
        Some(step) => {
            Err(format!("step {} is wrong about a sound target: {:?} {:?}", step.id, step.result, step.wire))
        }
        None => Ok(()),
    }
}

fn untouched(bench: &Bench<'_>) -> Result<(), String> {
    bench.is_as_before("a run that changes nothing")?;
    let generation = bench.target.lun(0).ok_or("no unit")?.reservations().generation;
    if generation == 0 { Ok(()) } else { Err(format!("it registered: PRGENERATION is {generation}")) }
}
