//! What a run found, as facts of its logical unit: pure, the same outcome gives the same facts.
//!
//! Always holds: all forty steps are there; one that was not played, or of which nothing is known, has no `ok` and a gap
//! that says why; what was not measured is missing, never zero.

use std::path::Path;

use super::latency::{Latency, Operation};
use super::outcome::{Exchange, Outcome, Severity, StepOutcome, StepResult, StopKind};
use super::plan::{Mode, StepId};
use super::step::{STEPS, Step, step};
use super::suitability::{Check, Verdict};
use crate::facts::{
    Conformance, ConformanceLatency, ConformanceStep, Gap, GapReason, LunTest, Micros, Source, SourceKind,
    StepResult as ResultFact, StepSeverity, SuitabilityCheck, SuitabilityVerdict, WireExchange,
};

/// The step that sends a LOGICAL UNIT RESET, which has a switch of its own.
const LUN_RESET: StepId = StepId::new(35);

/// The step that compares what the portals show.
const SAME_EVERYWHERE: StepId = StepId::new(39);

/// Facts of a logical unit, why others are missing, and where they come from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// The facts.
    pub facts: Conformance,
    /// What is not known, and why.
    pub gaps: Vec<Gap>,
    /// Where what is known comes from.
    pub sources: Vec<Source>,
}

/// The facts of a run. `path` is that of the unit, `targets[iqn...].luns[data]`; `started` is RFC 3339 in UTC; `run_file` is
/// the file that a cleanup takes, where one was written.
pub fn tell(outcome: &Outcome, path: &str, started: &str, run_file: Option<&Path>) -> Told {
    let path = format!("{path}.conformance");
    let mut gaps = Vec::new();
    let of_stop =
        |wanted: bool| outcome.stopped.as_ref().filter(|stop| (stop.kind == StopKind::Refused) == wanted);
    let words =
        |stop: Option<&super::outcome::Stopped>| stop.map_or_else(String::new, |stop| stop.why.clone());
    let steps = STEPS.iter().map(|step| match outcome.step(step.id) {
        Some(played) => step_of(played, outcome, &path, &mut gaps),
        None => step_left_out(step, outcome, &path, &mut gaps),
    });
    let steps = steps.collect();
    let checks = outcome.suitability.checks.iter().map(|check| check_of(check, &path, &mut gaps)).collect();
    let latency = |wanted| outcome.latency.iter().find(|latency| latency.operation == wanted);
    let shut_out = latency(Operation::Preempt).map(|latency| micros(latency.p99_us));
    let defence = outcome.suitability.defence.as_ref();
    let mut unmeasured = |field: &str| {
        let why = match &outcome.stopped {
            Some(stop) => format!("not measured: {}", stop.why),
            None => format!("not measured in mode {}", outcome.mode),
        };
        gaps.push(gap(format!("{path}.{field}"), reason_of(outcome), why));
    };
    if shut_out.is_none() {
        unmeasured("shut_out_us");
    }
    if defence.is_none() {
        for field in ["defence_nodes", "defence_paths", "defence_needed_us"] {
            unmeasured(field);
        }
    }
    let facts = Conformance {
        asked: Some(true),
        complete: Some(outcome.stopped.is_none()),
        mode: Some(mode_of(outcome.mode)),
        run: Some(outcome.run.clone()),
        started: Some(started.to_owned()),
        elapsed_us: Some(Micros(i64::try_from(outcome.duration.as_micros()).unwrap_or(i64::MAX))),
        refused: Some(words(of_stop(true))),
        stopped: Some(words(of_stop(false))),
        steps: Some(steps),
        checks: Some(checks),
        latencies: Some(outcome.latency.iter().map(latency_of).collect()),
        shut_out_us: shut_out,
        defence_nodes: defence.map(|defence| defence.nodes.into()),
        defence_paths: defence.map(|defence| defence.paths.into()),
        defence_needed_us: defence.map(|defence| micros(defence.needed_us)),
        residue: Some(outcome.residue.left.clone()),
        residue_commands: Some(outcome.residue.commands.clone()),
        run_file: Some(run_file.map_or_else(String::new, |file| file.display().to_string())),
    };
    let sources = vec![Source {
        path,
        kind: Some(SourceKind::Portal),
        place: Some(format!("LUN {} through {}", outcome.lun, outcome.portals.join(", "))),
        item: Some(format!("active test, run {}, mode {}", outcome.run, outcome.mode)),
    }];
    Told { facts, gaps, sources }
}

/// The facts of a test that was asked for and did not come about at all: nothing was changed.
pub fn tell_not_begun(why: &str, reason: GapReason, mode: LunTest, path: &str) -> Told {
    let path = format!("{path}.conformance");
    let facts = Conformance {
        asked: Some(true),
        complete: Some(false),
        mode: Some(mode),
        refused: Some(why.to_owned()),
        stopped: Some(String::new()),
        residue: Some(Vec::new()),
        residue_commands: Some(Vec::new()),
        run_file: Some(String::new()),
        ..Conformance::default()
    };
    Told {
        facts,
        gaps: vec![gap(path, reason, format!("the active test did not begin: {why}"))],
        sources: Vec::new(),
    }
}

fn gap(path: String, reason: GapReason, detail: impl Into<String>) -> Gap {
    Gap { path, reason: Some(reason), detail: Some(detail.into()) }
}

fn micros(us: u64) -> Micros {
    Micros(i64::try_from(us).unwrap_or(i64::MAX))
}

/// Why what this run does not tell is missing.
fn reason_of(outcome: &Outcome) -> GapReason {
    match outcome.stopped.as_ref().map(|stop| stop.kind) {
        Some(StopKind::Interrupted) => GapReason::Interrupted,
        Some(StopKind::Lost) => GapReason::Unreachable,
        _ => GapReason::NotCollected,
    }
}

/// The fact's word for a mode.
pub fn mode_of(mode: Mode) -> LunTest {
    match mode {
        Mode::Inspect => LunTest::Inspect,
        Mode::Pr => LunTest::Pr,
        Mode::PrWrite => LunTest::PrWrite,
    }
}

/// The mode that a plan's word stands for; none where it allows no test.
pub fn mode_allowed(test: LunTest) -> Option<Mode> {
    match test {
        LunTest::None => None,
        LunTest::Inspect => Some(Mode::Inspect),
        LunTest::Pr => Some(Mode::Pr),
        LunTest::PrWrite => Some(Mode::PrWrite),
    }
}

fn severity_of(severity: Severity) -> StepSeverity {
    match severity {
        Severity::Blocker => StepSeverity::Blocker,
        Severity::Major => StepSeverity::Major,
        Severity::Minor => StepSeverity::Minor,
        Severity::Info => StepSeverity::Info,
    }
}

fn step_of(played: &StepOutcome, outcome: &Outcome, path: &str, gaps: &mut Vec<Gap>) -> ConformanceStep {
    let (result, ok, expected, observed, reason) = match &played.result {
        StepResult::Ok => {
            (ResultFact::Ok, Some(true), played.expects.to_owned(), String::new(), String::new())
        }
        StepResult::Departs { departures } => {
            let join = |part: fn(&super::outcome::Departure) -> &str| {
                let one = |departure: &super::outcome::Departure| {
                    format!("{}: {}", departure.what, part(departure))
                };
                departures.iter().map(one).collect::<Vec<_>>().join("; ")
            };
            let (expected, observed) = (join(|one| &one.expected), join(|one| &one.observed));
            (ResultFact::Departs, Some(false), expected, observed, String::new())
        }
        StepResult::NotSupported { why } => {
            (ResultFact::NotSupported, Some(false), played.expects.to_owned(), why.clone(), why.clone())
        }
        StepResult::NotRun { why } => {
            gaps.push(gap(format!("{path}.steps[{}].ok", played.id), reason_of(outcome), why.clone()));
            (ResultFact::NotRun, None, played.expects.to_owned(), String::new(), why.clone())
        }
    };
    ConformanceStep {
        id: played.id.to_string(),
        title: Some(played.title.to_owned()),
        mode: Some(mode_of(step(played.id).mode)),
        wanted: Some(wanted(played, outcome)),
        severity: Some(severity_of(played.severity)),
        result: Some(result),
        ok,
        expected: Some(expected),
        observed: Some(observed),
        reason: Some(reason),
        meaning: Some(played.meaning.to_owned()),
        stacks: Some(played.stacks.iter().map(ToString::to_string).collect()),
        left_out: Some(played.left_out.clone()),
        notes: Some(played.notes.clone()),
        wire: Some(played.wire.iter().map(exchange_of).collect()),
        elapsed_us: Some(Micros(i64::try_from(played.duration.as_micros()).unwrap_or(i64::MAX))),
    }
}

/// Whether the run was to play a step: what a milder mode or a missing switch leaves out was not wanted, nor was a comparison
/// of portals where the plan names one.
fn wanted(played: &StepOutcome, outcome: &Outcome) -> bool {
    let needs_switch = played.id == LUN_RESET && !outcome.lun_reset;
    let nothing_to_compare = played.id == SAME_EVERYWHERE && outcome.portals.len() < 2;
    !matches!(played.result, StepResult::NotRun { .. })
        || (step(played.id).mode <= outcome.mode && !needs_switch && !nothing_to_compare)
}

/// A step that the run does not tell of: it was not asked for, or the run was over before.
fn step_left_out(step: &Step, outcome: &Outcome, path: &str, gaps: &mut Vec<Gap>) -> ConformanceStep {
    let why = match &outcome.stopped {
        Some(stop) => stop.why.clone(),
        None => "the run was not asked for it".to_owned(),
    };
    gaps.push(gap(format!("{path}.steps[{}].ok", step.id), reason_of(outcome), why.clone()));
    ConformanceStep {
        id: step.id.to_string(),
        title: Some(step.title.to_owned()),
        mode: Some(mode_of(step.mode)),
        wanted: Some(outcome.stopped.is_some() && step.mode <= outcome.mode),
        severity: Some(severity_of(step.severity)),
        result: Some(ResultFact::NotRun),
        ok: None,
        expected: Some(step.expects.to_owned()),
        observed: Some(String::new()),
        reason: Some(why),
        meaning: Some(step.meaning.to_owned()),
        stacks: Some(step.stacks.iter().map(ToString::to_string).collect()),
        left_out: Some(Vec::new()),
        notes: Some(Vec::new()),
        wire: Some(Vec::new()),
        elapsed_us: None,
    }
}

fn exchange_of(exchange: &Exchange) -> WireExchange {
    WireExchange {
        node: Some(exchange.node.clone()),
        portal: Some(exchange.portal.clone()),
        command: Some(exchange.command.clone()),
        cdb: Some(exchange.cdb.clone()),
        data_out: Some(exchange.data_out.clone()),
        answer: Some(exchange.answer.clone()),
        sense: Some(exchange.sense.clone()),
        data_in: Some(exchange.data_in.clone()),
        elapsed_us: Some(micros(exchange.elapsed_us)),
    }
}

fn check_of(check: &Check, path: &str, gaps: &mut Vec<Gap>) -> SuitabilityCheck {
    let verdict = match &check.verdict {
        Verdict::Good => Some(SuitabilityVerdict::Good),
        Verdict::Attention => Some(SuitabilityVerdict::Attention),
        Verdict::Bad => Some(SuitabilityVerdict::Bad),
        Verdict::Unknown { why } => {
            let at = format!("{path}.checks[{}].verdict", check.name);
            gaps.push(gap(at, GapReason::NotCollected, why.clone()));
            None
        }
    };
    SuitabilityCheck {
        name: check.name.to_owned(),
        verdict,
        observed: Some(check.observed.clone()),
        wanted: Some(check.wanted.to_owned()),
    }
}

fn latency_of(latency: &Latency) -> ConformanceLatency {
    ConformanceLatency {
        operation: latency.operation.name().to_owned(),
        p50_us: Some(micros(latency.p50_us)),
        p99_us: Some(micros(latency.p99_us)),
        samples: Some(latency.samples.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::outcome::{Departure, Residue, Stopped};
    use crate::conformance::suitability::Suitability;
    use crate::facts::{Document, Lun, Places, Target};
    use std::time::Duration;

    pub(super) fn played(number: u8, result: StepResult) -> StepOutcome {
        let step = step(StepId::new(number));
        StepOutcome {
            id: step.id,
            title: step.title,
            severity: step.severity,
            result,
            expects: step.expects,
            meaning: step.meaning,
            stacks: step.stacks.to_vec(),
            left_out: Vec::new(),
            notes: Vec::new(),
            wire: Vec::new(),
            duration: Duration::from_micros(70),
        }
    }

    fn departure(what: &str) -> Departure {
        Departure {
            what: what.to_owned(),
            expected: "RESERVATION CONFLICT".to_owned(),
            observed: "GOOD".to_owned(),
            severity: Severity::Blocker,
        }
    }

    fn outcome(steps: Vec<StepOutcome>) -> Outcome {
        Outcome {
            run: "1a2b3c4d".to_owned(),
            name: "data".to_owned(),
            target: "iqn.2026-01.test:t".to_owned(),
            lun: "1".to_owned(),
            portals: vec!["10.0.0.1:3260".to_owned()],
            device: None,
            identity: None,
            size_bytes: None,
            mode: Mode::Pr,
            lun_reset: false,
            range: None,
            steps,
            suitability: Suitability::default(),
            latency: Vec::new(),
            residue: Residue::default(),
            stopped: None,
            duration: Duration::from_millis(12),
        }
    }

    const PATH: &str = "targets[iqn.2026-01.test:t].luns[data]";

    fn told(outcome: &Outcome) -> Told {
        tell(outcome, PATH, "2026-01-01T00:00:00Z", None)
    }

    fn step_facts(told: &Told, id: &str) -> ConformanceStep {
        told.facts.steps.iter().flatten().find(|step| step.id == id).cloned().expect("it is there")
    }

    #[test]
    fn what_was_not_played_is_never_ok_and_says_why() {
        let run = outcome(vec![
            played(1, StepResult::Ok),
            played(9, StepResult::Departs { departures: vec![departure("RESERVE with a wrong key")] }),
            played(24, StepResult::NotSupported { why: "5/24/00".to_owned() }),
            played(13, StepResult::NotRun { why: "writing is not allowed in mode pr".to_owned() }),
        ]);
        let told = told(&run);
        assert_eq!(told.facts.steps.as_ref().map(Vec::len), Some(40));
        let shown = |id| {
            let step = step_facts(&told, id);
            (step.result.expect("known"), step.ok, step.reason.expect("known"))
        };
        assert_eq!(shown("P01"), (ResultFact::Ok, Some(true), String::new()));
        assert_eq!(shown("P09"), (ResultFact::Departs, Some(false), String::new()));
        assert_eq!(shown("P24"), (ResultFact::NotSupported, Some(false), "5/24/00".to_owned()));
        assert_eq!(shown("P13").1, None);
        let wanted = |id| step_facts(&told, id).wanted.expect("known");
        assert!(wanted("P01") && wanted("P24") && !wanted("P13") && !wanted("P40"));
        assert_eq!(shown("P40"), (ResultFact::NotRun, None, "the run was not asked for it".to_owned()));
        assert_eq!(step_facts(&told, "P09").observed.as_deref(), Some("RESERVE with a wrong key: GOOD"));
        assert_eq!((told.facts.complete, told.facts.asked), (Some(true), Some(true)));
        let gap = told.gaps.iter().find(|gap| gap.path.ends_with("steps[P13].ok")).expect("a gap");
        assert_eq!(gap.detail.as_deref(), Some("writing is not allowed in mode pr"));
        assert_eq!(told.gaps.iter().filter(|gap| gap.path.ends_with("].ok")).count(), 37);
    }

    #[test]
    fn what_a_switch_leaves_out_was_not_wanted() {
        let mut run = outcome(vec![played(35, StepResult::NotRun { why: "no switch".to_owned() })]);
        assert_eq!(step_facts(&told(&run), "P35").wanted, Some(false));
        let alone = outcome(vec![played(39, StepResult::NotRun { why: "one portal".to_owned() })]);
        assert_eq!(step_facts(&told(&alone), "P39").wanted, Some(false));
        run.lun_reset = true;
        assert_eq!(step_facts(&told(&run), "P35").wanted, Some(true));
        run.stopped = Some(Stopped { kind: StopKind::Refused, why: "keys".to_owned() });
        let told = told(&run);
        assert_eq!(
            (step_facts(&told, "P04").wanted, step_facts(&told, "P13").wanted),
            (Some(true), Some(false))
        );
    }

    #[test]
    fn several_departures_are_told_apart() {
        let departures = vec![departure("WRITE (10)"), departure("UNMAP")];
        let told = told(&outcome(vec![played(14, StepResult::Departs { departures })]));
        assert_eq!(step_facts(&told, "P14").observed.as_deref(), Some("WRITE (10): GOOD; UNMAP: GOOD"));
    }

    #[test]
    fn a_refused_run_knows_nothing_of_the_unit() {
        for (kind, reason) in [
            (StopKind::Refused, GapReason::NotCollected),
            (StopKind::Lost, GapReason::Unreachable),
            (StopKind::Interrupted, GapReason::Interrupted),
        ] {
            let mut run = outcome(Vec::new());
            run.stopped = Some(Stopped { kind, why: "there are keys on it".to_owned() });
            let told = told(&run);
            assert!(told.facts.steps.iter().flatten().all(|step| step.ok.is_none()));
            assert!(told.gaps.iter().all(|gap| gap.reason == Some(reason)), "{:?}", told.gaps);
            let refused = told.facts.refused.as_deref() == Some("there are keys on it");
            assert_eq!((refused, told.facts.complete), (kind == StopKind::Refused, Some(false)));
        }
        let told = tell_not_begun("no secret", GapReason::NotCollected, LunTest::Pr, PATH);
        assert_eq!((told.facts.steps.as_ref(), told.gaps.len()), (None, 1));
    }

    #[test]
    fn every_fact_has_its_source_and_survives_the_file() {
        let mut run = outcome(vec![played(1, StepResult::Ok)]);
        run.latency = vec![Latency { operation: Operation::Preempt, p50_us: 5, p99_us: 9, samples: 3 }];
        let told = told(&run);
        assert_eq!(told.facts.shut_out_us, Some(Micros(9)));
        assert_eq!(told.facts.defence_needed_us, None);
        let lun = Lun { name: "data".to_owned(), conformance: told.facts, ..Lun::default() };
        let mut document = Document::empty();
        document.targets.push(Target {
            name: "iqn.2026-01.test:t".to_owned(),
            luns: Some(vec![lun]),
            ..Target::default()
        });
        document.gaps = told.gaps;
        document.sources = told.sources;
        let again = Document::parse(document.to_json().as_bytes(), "facts").expect("sound");
        assert_eq!(again, document);
        let places = Places::new(&document);
        let source = places.source(&format!("{PATH}.conformance.steps[P01].result")).expect("a source");
        assert_eq!(source.item.as_deref(), Some("active test, run 1a2b3c4d, mode pr"));
        assert!(places.gap(&format!("{PATH}.conformance.defence_needed_us")).is_some());
    }
}
