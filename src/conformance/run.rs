//! Playing a plan: connect, gate, run file, steps, undoing in every case, and a last look.
//!
//! Always holds: nothing changes before the gate has passed and the run file is on disk; whatever ends a run (a departure, an
//! error, an interruption, a panic), what it put on the unit is taken away again, and what may be left is said.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::cast::{self, A, Actor, C, Nexus};
use super::gate::{self, Passed, Refusal, RefusalKind};
use super::journal::{Journal, JournalError, NexusRecord, RunRecord};
use super::key::RunId;
use super::latency::{self, Latency, Operation};
use super::oracle::Node;
use super::outcome::{Outcome, Residue, StepOutcome, StepResult, StopKind, Stopped};
use super::plan::{BlockRange, Mode, Plan, StepId};
use super::stage::{Geometry, Played, Stage, Stop};
use super::step::{STEPS, Step, step};
use super::suitability::{self, Suitability};
use super::undo;

/// Steps in a row that lose a session before the run gives up.
const MOST_LOST: u32 = 3;

/// The first four logins or so, side by side, took longer than this: then fewer nodes race.
const SLOW_LOGINS: Duration = Duration::from_secs(2);

/// Sessions that were idle for so long are pinged before they are used.
const IDLE: Duration = Duration::from_secs(4);

/// Somebody who watches a run, and may end it.
pub trait Watch: Sync {
    /// A step is about to be played.
    fn step_begins(&self, _step: &Step) {}

    /// A step has ended.
    fn step_ended(&self, _outcome: &StepOutcome) {}

    /// Whether the run is to end: asked before every command.
    fn interrupted(&self) -> bool {
        false
    }
}

/// Why a run did not begin. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It is not the unit that is meant, or it cannot be reached.
    #[error(transparent)]
    Refused(#[from] Box<Refusal>),
    /// There is no run file.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No random bytes for the number of the run.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}

/// Plays a plan. `run_file` is written before the first change; in mode inspect it is not.
///
/// # Errors
/// The unit is not the one that is meant, cannot be reached, or the run file cannot be written. A gate that is shut for
/// another reason is no error: the outcome then says what was found and what could be read.
pub fn run(plan: &Plan, run_file: &Path, watch: &dyn Watch) -> Result<Outcome, RunError> {
    let id = RunId::random().map_err(RunError::Random)?;
    let begun = Instant::now();
    let nexuses = cast::nexuses(id, plan.subject.portals.len());
    let mut actors = enter_first(plan, &nexuses)?;
    let first_logins = begun.elapsed();
    let at_the_gate = Instant::now();
    // While the gate waits, the others come.
    let late = latecomers(plan, nexuses.len(), first_logins);
    let wanted: Vec<_> =
        late.iter().map(|place| (nexuses[*place].clone(), cast::burst(Node(*place)))).collect();
    let (gate, opened) = thread::scope(|scope| {
        let opening = scope.spawn(|| cast::open_all(plan, &wanted));
        let gate = pass_gate(plan, &mut actors, watch);
        (gate, opening.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    for (place, opened) in late.into_iter().zip(opened) {
        actors[place].enter(opened);
    }
    let (passed, refusal) = match gate {
        Ok(passed) => (Some(passed), None),
        Err(refusal) if names_another_unit(refusal.kind) => return Err(refusal.into()),
        Err(refusal) => (None, Some(refusal)),
    };
    let waited =
        if plan.mode > Mode::Inspect { at_the_gate.elapsed().min(plan.poll) } else { Duration::ZERO };
    let geometry = Geometry {
        block_bytes: passed.as_ref().map_or(512, |passed| passed.block_bytes),
        blocks: passed.as_ref().map_or(0, |passed| passed.blocks),
        range: passed.as_ref().and_then(|passed| passed.range).unwrap_or(BlockRange { lba: 0, blocks: 0 }),
    };
    let mut stage = Stage::new(plan, id, watch, actors, geometry);
    let stopped = refusal.map(|refusal| Stopped { kind: StopKind::Refused, why: refusal.to_string() });
    let changes = plan.mode > Mode::Inspect && stopped.is_none();
    let journal = match (&passed, changes) {
        (Some(passed), true) => Some(begin_journal(plan, id, passed, &nexuses, run_file)?),
        _ => None,
    };
    let mut director = Director {
        stage: &mut stage,
        watch,
        journal,
        generation: passed.as_ref().and_then(|passed| passed.generation),
        outcomes: Vec::new(),
        stopped,
        lost: 0,
        suitability: Suitability::default(),
        latency: Vec::new(),
    };
    // A panic must not leave anything on the unit; it goes on when everything is undone.
    let played = catch_unwind(AssertUnwindSafe(|| director.direct(changes)));
    let residue = director.undo(changes);
    let Director { outcomes, stopped, suitability, latency, .. } = director;
    if let Err(panic) = played {
        resume_unwind(panic);
    }
    Ok(Outcome {
        run: id.to_string(),
        name: plan.subject.name.clone(),
        target: plan.subject.target.clone(),
        lun: plan.subject.lun.to_string(),
        portals: plan.subject.portals.iter().map(ToString::to_string).collect(),
        device: passed.as_ref().map(|passed| passed.device.clone()),
        identity: passed.as_ref().and_then(|passed| passed.identity.clone()),
        size_bytes: passed.as_ref().map(Passed::size_bytes),
        mode: plan.mode,
        lun_reset: plan.lun_reset,
        range: (changes && plan.mode == Mode::PrWrite).then_some(geometry.range),
        steps: outcomes,
        suitability,
        latency,
        residue,
        stopped,
        duration: begun.elapsed().saturating_sub(waited),
    })
}

/// Reasons that leave nothing to be read: there is no unit, or it is another one.
fn names_another_unit(kind: RefusalKind) -> bool {
    matches!(
        kind,
        RefusalKind::Plan
            | RefusalKind::Unreachable
            | RefusalKind::Authentication
            | RefusalKind::NoTarget
            | RefusalKind::Login
            | RefusalKind::NoUnit
            | RefusalKind::NoDisk
            | RefusalKind::Identity
            | RefusalKind::Size
            | RefusalKind::Range
            | RefusalKind::Interrupted
    )
}

/// Opens A through every portal, and B and C where the run changes something; the rest of the cast waits.
fn enter_first(plan: &Plan, nexuses: &[Nexus]) -> Result<Vec<Actor>, RunError> {
    let portals = plan.subject.portals.len();
    let is_portal = |place: usize| place == A.0 || (4..4 + portals.saturating_sub(1)).contains(&place);
    let is_first = |place: usize| is_portal(place) || (plan.mode > Mode::Inspect && place <= C.0);
    let mut actors: Vec<Actor> = nexuses.iter().cloned().map(Actor::new).collect();
    let places: Vec<usize> = (0..actors.len()).filter(|place| is_first(*place)).collect();
    if portals == 0 {
        let refused = gate::enter(plan, RunId::new(1).unwrap_or_else(|| unreachable!("1 is not 0")));
        return Err(refused.map_or_else(|refusal| Box::new(refusal).into(), |_| unreachable!("no portal")));
    }
    enter(plan, &mut actors, &places);
    for place in places {
        let actor = &mut actors[place];
        if let Some(error) = actor.refused.take() {
            let portal = &plan.subject.portals[actor.nexus.portal];
            return Err(Box::new(gate::not_let_in(&plan.subject, portal, &error)).into());
        }
    }
    Ok(actors)
}

/// Opens the sessions of these places side by side.
fn enter(plan: &Plan, actors: &mut [Actor], places: &[usize]) {
    let wanted: Vec<_> =
        places.iter().map(|place| (actors[*place].nexus.clone(), cast::burst(Node(*place)))).collect();
    for (place, opened) in places.iter().zip(cast::open_all(plan, &wanted)) {
        actors[*place].enter(opened);
    }
}

/// Who else plays in the steps that are asked for: A's second session, and those that only race.
fn latecomers(plan: &Plan, size: usize, first_logins: Duration) -> Vec<usize> {
    if plan.mode == Mode::Inspect {
        return Vec::new();
    }
    let first_racer = 3 + plan.subject.portals.len().max(1);
    let selected = selected(plan);
    let plays = |numbers: &[u8]| selected.iter().any(|step| numbers.contains(&step.id.number()));
    let (paths, races) = (plays(&[36, 37, 38]), plays(&[27]));
    // A target that lets one in after the other would take long to let everybody in.
    let most = if first_logins > SLOW_LOGINS { first_racer + 2 } else { size };
    let waits = |place: &usize| {
        if *place == cast::A2.0 { paths } else { *place >= first_racer && *place < most && races }
    };
    (0..size).filter(waits).collect()
}

fn pass_gate(plan: &Plan, actors: &mut [Actor], watch: &dyn Watch) -> Result<Passed, Box<Refusal>> {
    let portals = plan.subject.portals.len();
    let places: Vec<usize> = std::iter::once(A.0).chain(4..4 + portals.saturating_sub(1)).collect();
    let mut sessions: Vec<_> = places.iter().filter_map(|place| actors[*place].session.take()).collect();
    let passed = gate::inspect(&mut sessions, plan, &|| watch.interrupted());
    for (place, session) in places.into_iter().zip(sessions) {
        actors[place].session = Some(session);
    }
    passed.map_err(Box::new)
}

/// Writes down everybody who may register.
fn begin_journal(
    plan: &Plan,
    id: RunId,
    passed: &Passed,
    nexuses: &[Nexus],
    run_file: &Path,
) -> Result<Journal, RunError> {
    let reborn = Nexus { isid: cast::reborn(id, nexuses[A.0].isid), ..nexuses[A.0].clone() };
    let crowd = (0..64).filter(|_| plan.fill_table).map(|number| cast::crowd(id, number));
    // For all target ports: the name and ISID of A at every other portal.
    let everywhere = (1..plan.subject.portals.len()).map(|portal| Nexus { portal, ..nexuses[A.0].clone() });
    let anew = (1..=3).map(|times| {
        let isid = (0..times).fold(nexuses[C.0].isid, |isid, _| cast::anew(isid));
        Nexus { isid, ..nexuses[C.0].clone() }
    });
    let all = nexuses.iter().cloned().chain([reborn]).chain(anew).chain(everywhere).chain(crowd);
    let records =
        all.map(|nexus| NexusRecord::new(nexus.initiator, nexus.isid, nexus.portal, nexus.key)).collect();
    Ok(Journal::begin(run_file, RunRecord::new(id, plan, passed, records))?)
}

/// The steps that are asked for and those on which they rest, in order.
fn selected(plan: &Plan) -> Vec<&'static Step> {
    let mut wanted: Vec<StepId> = Vec::new();
    for each in STEPS.iter().rev() {
        if plan.wants(each.id, each.stacks) || wanted.contains(&each.id) {
            wanted.push(each.id);
            wanted.extend(each.needs);
        }
    }
    STEPS.iter().copied().filter(|each| wanted.contains(&each.id)).collect()
}

struct Director<'a, 'run> {
    stage: &'a mut Stage<'run>,
    watch: &'run dyn Watch,
    journal: Option<Journal>,
    /// PRGENERATION when the gate let the run in.
    generation: Option<u32>,
    outcomes: Vec<StepOutcome>,
    stopped: Option<Stopped>,
    lost: u32,
    suitability: Suitability,
    latency: Vec<Latency>,
}

impl Director<'_, '_> {
    fn direct(&mut self, changes: bool) {
        let steps = selected(self.stage.plan);
        let mut prepared = false;
        let mut last = Instant::now();
        for step in steps {
            let outcome = match self.reason_not_to(step) {
                Some(why) => not_run(step, why),
                None => {
                    if changes && !prepared && step.mode > Mode::Inspect {
                        prepared = true;
                        self.prepare();
                        last = Instant::now();
                    }
                    if last.elapsed() > IDLE {
                        self.stage.ping_all();
                        last = Instant::now();
                    }
                    match self.reason_not_to(step) {
                        Some(why) => not_run(step, why),
                        None => {
                            self.watch.step_begins(step);
                            self.play(step)
                        }
                    }
                }
            };
            self.watch.step_ended(&outcome);
            self.outcomes.push(outcome);
        }
        if self.may_go_on() {
            let readable = self.outcomes.iter().all(|each| each.id != StepId::FIRST || each.result.is_ok());
            if changes && !prepared && readable {
                self.prepare();
            }
            self.measure();
        } else {
            let why = self.stopped.as_ref().map_or_else(String::new, |stopped| stopped.why.clone());
            self.suitability = suitability::unknown(&why);
        }
    }

    /// True while nothing has ended the run.
    fn may_go_on(&self) -> bool {
        self.stopped.as_ref().is_none_or(|stopped| stopped.kind == StopKind::Refused)
    }

    fn reason_not_to(&self, step: &Step) -> Option<String> {
        let plan = self.stage.plan;
        if plan.mode < step.mode {
            return Some(format!("it needs mode {}, this run is in mode {}", step.mode, plan.mode));
        }
        if let Some(stopped) = &self.stopped
            && (stopped.kind != StopKind::Refused || step.mode > Mode::Inspect)
        {
            return Some(stopped.why.clone());
        }
        let unmet = step.needs.iter().filter_map(|need| self.outcomes.iter().find(|each| each.id == *need));
        unmet
            .filter(|each| !each.result.is_ok())
            .map(|each| match &each.result {
                StepResult::Departs { .. } => format!("it rests on {}, which departs", each.id),
                StepResult::NotSupported { .. } => format!("it rests on {}, which is not supported", each.id),
                _ => format!("it rests on {}, which was not run", each.id),
            })
            .next()
    }

    /// Before the first step that changes something: everybody there, the unit claimed for this run alone, the content of
    /// the range, and an empty stage.
    fn prepare(&mut self) {
        let stage = &mut *self.stage;
        // They were idle while the gate waited.
        stage.ping_all();
        stage.come_back();
        stage.changing = true;
        let generation = self.generation;
        let prepared = self.stage.claim(generation).and_then(|()| self.save());
        if let Err(stop) = prepared.and_then(|()| self.stage.restore()) {
            self.stop(stop);
        }
    }

    fn save(&mut self) -> Played {
        if !self.stage.writes() {
            return Ok(());
        }
        let content = self.stage.content(A)?;
        let range = self.stage.geometry.range;
        let Some(journal) = &mut self.journal else {
            return Err(Stop::ended(StopKind::Unrestored, "there is no run file to save the blocks in"));
        };
        journal.save(range, content).map_err(|error| Stop::ended(StopKind::Unrestored, error.to_string()))
    }

    fn play(&mut self, step: &'static Step) -> StepOutcome {
        let begun = Instant::now();
        let mut again = true;
        loop {
            self.stage.begin(step);
            let played = (step.play)(self.stage);
            let lost = matches!(played, Err(Stop::Lost(_)));
            let mut outcome = self.conclude(step, played, begun);
            let restored = self.tidy();
            if let Err(Stop::Ended(Stopped { kind: StopKind::Stranger, why })) = &restored
                && outcome.result.is_failed()
            {
                // What somebody else did is no departure of the target.
                outcome.result = StepResult::NotRun { why: why.clone() };
            }
            if lost {
                self.lost += 1;
            } else {
                self.lost = 0;
            }
            if let Err(stop) = restored {
                self.stop(stop);
            } else if self.lost >= MOST_LOST {
                self.stop(Stop::Lost(format!("{MOST_LOST} times in a row a session was lost")));
            } else if lost && again && outcome.result.name() == "not run" && self.stopped.is_none() {
                // The loss may have been of the network alone: the step begins anew, once.
                again = false;
                continue;
            }
            return outcome;
        }
    }

    /// Takes away what the step left and brings everybody back who lost a session.
    fn tidy(&mut self) -> Played {
        self.stage.come_back();
        if !self.stage.changing || self.stopped.is_some() {
            return Ok(());
        }
        match self.stage.restore() {
            Err(Stop::Lost(_)) => {
                self.stage.come_back();
                self.stage.restore()
            }
            result => result,
        }
    }

    fn conclude(&mut self, step: &'static Step, played: Played, begun: Instant) -> StepOutcome {
        let stage = &mut *self.stage;
        let departures = std::mem::take(&mut stage.departures);
        let mut left_out = std::mem::take(&mut stage.left_out);
        let wire = stage.wire();
        let why = match &played {
            Ok(()) => None,
            Err(Stop::NotSupported(why) | Stop::NotRun(why) | Stop::Lost(why)) => Some(why.clone()),
            Err(Stop::Ended(stopped)) => Some(stopped.why.clone()),
        };
        let severity = departures.iter().map(|each| each.severity).max().unwrap_or(step.severity);
        let result = match (departures.is_empty(), played, why) {
            (false, played, why) => {
                left_out.extend(why);
                if let Err(Stop::Ended(stopped)) = played {
                    self.stopped = Some(stopped);
                }
                StepResult::Departs { departures }
            }
            (true, Ok(()), _) => StepResult::Ok,
            (true, Err(Stop::NotSupported(why)), _) => StepResult::NotSupported { why },
            (true, Err(Stop::NotRun(why) | Stop::Lost(why)), _) => StepResult::NotRun { why },
            (true, Err(Stop::Ended(stopped)), _) => {
                let why = stopped.why.clone();
                self.stopped = Some(stopped);
                StepResult::NotRun { why }
            }
        };
        StepOutcome {
            id: step.id,
            title: step.title,
            severity,
            result,
            expects: step.expects,
            meaning: step.meaning,
            stacks: step.stacks.to_vec(),
            left_out,
            notes: std::mem::take(&mut self.stage.notes),
            wire,
            duration: begun.elapsed(),
        }
    }

    fn stop(&mut self, stop: Stop) {
        let stopped = match stop {
            Stop::Ended(stopped) => stopped,
            Stop::Lost(why) => Stopped { kind: StopKind::Lost, why },
            Stop::NotRun(why) | Stop::NotSupported(why) => Stopped { kind: StopKind::Unrestored, why },
        };
        self.stopped.get_or_insert(stopped);
    }

    /// Suitability and latency.
    fn measure(&mut self) {
        self.stage.begin(step(StepId::LAST));
        self.stage.unrecorded = true;
        self.stage.note_logins();
        match latency::measure(self.stage) {
            Ok(()) => {}
            Err(Stop::NotRun(_) | Stop::NotSupported(_)) => {}
            Err(stop) => self.stop(stop),
        }
        if let Err(stop) = self.tidy() {
            self.stop(stop);
        }
        self.latency = Operation::ALL
            .into_iter()
            .filter_map(|operation| Latency::of(operation, self.stage.samples.get(&operation)?))
            .collect();
        self.suitability = suitability::examine(self.stage, &self.latency);
    }

    /// Takes everything of the run away, whatever it is, and looks once more.
    fn undo(&mut self, changes: bool) -> Residue {
        if !changes {
            return Residue::default();
        }
        if !self.stage.changing {
            // It never came to a change.
            self.finish();
            return Residue::default();
        }
        let saved = self.journal.as_ref().and_then(|journal| journal.record().saved.clone());
        let residue = undo::undo(self.stage, saved.as_ref());
        if residue.is_clean() {
            self.finish();
        }
        residue
    }

    fn finish(&mut self) {
        if let Some(journal) = &mut self.journal {
            // A file that does not say so costs a cleanup that finds nothing.
            let _ = journal.finish();
        }
    }
}

fn not_run(step: &'static Step, why: String) -> StepOutcome {
    StepOutcome {
        id: step.id,
        title: step.title,
        severity: step.severity,
        result: StepResult::NotRun { why },
        expects: step.expects,
        meaning: step.meaning,
        stacks: step.stacks.to_vec(),
        left_out: Vec::new(),
        notes: Vec::new(),
        wire: Vec::new(),
        duration: Duration::ZERO,
    }
}

#[cfg(test)]
mod tests;
