//! The steps against the embedded target: clean, and with each of its faults.

use std::net::SocketAddr;
use std::time::Duration;

use super::*;
use crate::conformance::outcome::{Severity, StepResult};
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

#[test]
fn a_clean_target_is_ok_in_all_steps_and_left_as_it_was() {
    let target = started(FaultSet::NONE);
    let plan = plan(&target);
    let begun = Instant::now();
    let outcome = play(&plan).unwrap();
    println!("{:?}, {:?} with all", outcome.duration, begun.elapsed());
    for step in &outcome.steps {
        println!(
            "{} {} {:?} {:?} {:?}",
            step.id,
            step.result.name(),
            step.duration,
            step.left_out,
            step.notes
        );
    }
    println!("{:?}", outcome.latency);
    println!("{:#?}", outcome.suitability);
    assert_eq!(outcome.steps.len(), 40);
    assert_eq!(steps(&outcome, StepResult::is_ok).len(), 40, "{}", told(&outcome));
    assert!(outcome.stopped.is_none() && outcome.residue.is_clean(), "{}", told(&outcome));
}

#[test]
fn explore() {
    for fault in Fault::ALL {
        let target = started((*fault).into());
        let mut plan = plan(&target);
        plan.command_timeout = Duration::from_millis(700);
        if *fault == Fault::Slow {
            plan.only = Some(vec![StepId::new(1)]);
        }
        let begun = Instant::now();
        let result = play(&plan);
        let trips: Vec<&str> = fault.trips().iter().copied().collect();
        match result {
            Err(error) => println!("{fault:40} {trips:?} ERR {:?} {error}", begun.elapsed()),
            Ok(outcome) => {
                let got = failed(&outcome);
                let want: Vec<&str> =
                    trips.iter().copied().filter(|t| t.len() == 3 && t.starts_with('P')).collect();
                let mark = if got == want { "  " } else { "!!" };
                println!(
                    "{mark} {fault:40} {trips:?} got {got:?} {:?} clean {} {:?} {:?}",
                    begun.elapsed(),
                    outcome.residue.is_clean(),
                    outcome.stopped.as_ref().map(|s| (s.kind, s.why.clone())),
                    outcome
                        .suitability
                        .checks
                        .iter()
                        .filter(|c| c.verdict == Verdict::Bad || matches!(c.verdict, Verdict::Unknown { .. }))
                        .map(|c| c.name)
                        .collect::<Vec<_>>()
                );
                if got != want {
                    println!("{}", told(&outcome));
                } else if outcome.stopped.is_none()
                    && !steps(&outcome, |r| matches!(r, StepResult::NotRun { .. })).is_empty()
                {
                    println!("   not run {:?}", steps(&outcome, |r| matches!(r, StepResult::NotRun { .. })));
                }
            }
        }
    }
}
