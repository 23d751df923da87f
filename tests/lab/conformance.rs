//! The conformance test against real targets, whose departures are known: each must be found, and nothing else.

use crate::peers::{Istgt, Tgt, off};
use quorate::conformance::outcome::{Outcome, Severity, StepResult};
use quorate::conformance::plan::{Access, Mode, Plan, Subject};
use quorate::conformance::run::{Watch, run};
use quorate::iscsi::Portal;
use quorate::scsi::Lun;
use std::net::SocketAddr;
use std::time::Duration;

struct Nobody;

impl Watch for Nobody {}

fn plan(target: &str, portals: &[SocketAddr], size_bytes: u64, identity: &str) -> Plan {
    let portals = portals.iter().map(|at| Portal::new(at.ip().to_string(), at.port())).collect();
    let subject = Subject {
        target: target.into(),
        portals,
        lun: Lun::new(1),
        name: "lab".into(),
        identity: Some(identity.into()),
        size_bytes: Some(size_bytes),
        access: Access::default(),
    };
    Plan {
        mode: Mode::PrWrite,
        lun_reset: true,
        fill_table: true,
        poll: Duration::from_millis(100),
        ..Plan::new(subject)
    }
}

fn play(plan: &Plan) -> Outcome {
    let folder = tempfile::tempdir().expect("temporary directory");
    run(plan, &folder.path().join("run"), &Nobody).expect("the run begins")
}

fn told(outcome: &Outcome) -> String {
    let lines = outcome.steps.iter().map(|step| {
        format!("{} {:?} {:?} {:?} {:?}", step.id, step.duration, step.result, step.left_out, step.notes)
    });
    format!(
        "stopped: {:?}\nresidue: {:?}\n{:?}\n{:?}\n{}",
        outcome.stopped,
        outcome.residue,
        outcome.latency,
        outcome.suitability,
        lines.collect::<Vec<_>>().join("\n")
    )
}

fn of(outcome: &Outcome, want: impl Fn(&StepResult) -> bool) -> Vec<String> {
    outcome.steps.iter().filter(|step| want(&step.result)).map(|step| step.id.to_string()).collect()
}

/// Every step that fails, and every one that is not run, are these; all others are ok, and nothing is left.
fn check(outcome: &Outcome, failed: &[&str], not_run: &[&str]) {
    assert!(outcome.stopped.is_none() && outcome.residue.is_clean(), "{}", told(outcome));
    assert_eq!(of(outcome, StepResult::is_failed), failed, "{}", told(outcome));
    assert_eq!(
        of(outcome, |result| matches!(result, StepResult::NotRun { .. })),
        not_run,
        "{}",
        told(outcome)
    );
    assert_eq!(of(outcome, StepResult::is_ok).len(), 40 - failed.len() - not_run.len());
}

/// What one step saw, as text.
fn seen(outcome: &Outcome, step: &str) -> String {
    let step = outcome.step(step.parse().expect("a step")).expect("it was asked for");
    format!("{:?}", step.result)
}

#[test]
fn tgt_departs_where_it_is_known_to() {
    if off() {
        return;
    }
    let tgt = Tgt::start();
    let iqn = "iqn.2024-01.lab:tgt1";
    tgt.target(1, iqn, 1);
    let outcome = play(&plan(iqn, &tgt.portals, 32 << 20, "LABT1L1"));
    let failed = ["P09", "P14", "P18", "P19", "P21", "P23", "P24", "P29", "P31", "P32", "P33", "P40"];
    check(&outcome, &failed, &["P25"]);
    for (step, words) in [
        ("P09", "RESERVE by registered A with a wrong key"),
        ("P14", "WRITE SAME (10)"),
        ("P14", "WRITE SAME (16)"),
        ("P18", "after A released type 5"),
        ("P19", "6/2a/04"),
        ("P21", "6/2a/03"),
        ("P23", "5/24/00"),
        ("P24", "5/24/00"),
        ("P29", "PRGENERATION"),
        ("P31", "RESERVATION CONFLICT"),
        ("P40", "RESERVE (6)"),
    ] {
        assert!(seen(&outcome, step).contains(words), "{step} lacks {words}: {}", seen(&outcome, step));
    }
    let p23 = outcome.step("P23".parse().expect("a step")).expect("it was asked for");
    assert_eq!(p23.severity, Severity::Minor, "it refuses, in other words");
    assert!(outcome.duration < Duration::from_secs(10), "{:?}", outcome.duration);
}

#[test]
fn istgt_departs_where_it_is_known_to() {
    if off() {
        return;
    }
    let istgt = Istgt::start();
    let plan = plan("iqn.2024-01.lab:open", &istgt.portals, 64 << 20, "ISTGT0001L1");
    // It lets one in after the other, each in a second: 64 would take a minute.
    let outcome = play(&Plan { fill_table: false, ..plan });
    let failed = [
        "P03", "P05", "P12", "P17", "P18", "P20", "P21", "P23", "P24", "P26", "P27", "P28", "P29", "P30",
        "P35", "P38", "P40",
    ];
    check(&outcome, &failed, &["P25"]);
    for (step, words) in [
        ("P03", "TMV 0"),
        ("P05", "REGISTER by A with key zero"),
        ("P12", "RESERVE type 1 by A"),
        ("P17", "RELEASE by registered B"),
        ("P20", "after B preempted A"),
        ("P23", "PREEMPT by B of a key that nobody has"),
        ("P27", "exactly one GOOD"),
        ("P29", "reservation after the holder unregistered"),
        ("P38", "the key of A is still there"),
        ("P40", "SPEC_I_PT"),
        ("P40", "READ FULL STATUS"),
        ("P40", "no answer"),
    ] {
        assert!(seen(&outcome, step).contains(words), "{step} lacks {words}: {}", seen(&outcome, step));
    }
    let p35 = outcome.step("P35".parse().expect("a step")).expect("it was asked for");
    assert_eq!(p35.severity, Severity::Minor, "keys and reservation are kept, nobody is told");
    assert!(outcome.duration < Duration::from_secs(20), "{:?}", outcome.duration);
}
