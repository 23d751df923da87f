//! The second round: what no single host can tell. Every reached node measures its ways to every other node on every
//! network, to every portal, and to the ports that the cluster uses.
//!
//! It begins when all nodes have answered, since they tell the addresses. A way that was not measured has its place in the
//! facts all the same, with a gap that says why: it never looks like one that works. Nothing but validated addresses and
//! host names stands in the script, and a host can tell of no ways but its own.

pub(super) mod plan;
mod read;
mod schedule;
mod task;

use super::child::{End, Talk};
use super::limits::Limits;
use super::progress::{Finish, Progress, Subject, SubjectKind};
use super::run::ProbeOptions;
use super::ssh::Ssh;
use super::{local, script};
use crate::facts::{Document, Gap, GapReason, Source, SourceKind};
use crate::inventory::{Inventory, NodePlan, ProbeMethod};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use task::Task;

/// Whether there is a second round: somebody to measure, and something.
fn is_wanted(inventory: &Inventory, options: &ProbeOptions) -> bool {
    let measures = |node: &NodePlan| matches!(node.probe, ProbeMethod::Local | ProbeMethod::Ssh(_));
    options.mesh
        && inventory.nodes.iter().any(measures)
        && (inventory.nodes.len() > 1 || !inventory.targets.is_empty() || inventory.witness.is_some())
}

/// The nodes that would measure ways.
pub(super) fn subjects<'a>(
    inventory: &'a Inventory,
    options: &ProbeOptions,
) -> impl Iterator<Item = (Subject, &'a NodePlan)> {
    let wanted = is_wanted(inventory, options);
    let nodes = inventory.nodes.iter().filter(move |_| wanted);
    nodes
        .filter(|node| matches!(node.probe, ProbeMethod::Local | ProbeMethod::Ssh(_)))
        .map(|node| (subject(node), node))
}

fn subject(node: &NodePlan) -> Subject {
    Subject { kind: SubjectKind::Mesh, name: node.name.clone(), how: "ways to the others".to_owned() }
}

/// The script of the round as far as it is known before the first: ways to portals. The word `NONCE` stands where each run
/// has a random one.
pub(super) fn script_beforehand(inventory: &Inventory, options: &ProbeOptions) -> Option<String> {
    is_wanted(inventory, options).then(|| task::render("NONCE", &plan::known_beforehand(inventory)))
}

/// What came of asking one node.
enum Outcome {
    Answered(Talk),
    Failed(GapReason, String),
}

/// Measures the ways between hosts, and lays them over what the first round found. False when the run was cut short there.
pub(super) fn measure(
    document: &mut Document,
    inventory: &Inventory,
    options: &ProbeOptions,
    ssh: &Ssh,
    ends: Instant,
    progress: &dyn Progress,
) -> bool {
    let nothing = |reason, words: &str| Gap {
        path: "links".to_owned(),
        reason: Some(reason),
        detail: Some(words.to_owned()),
    };
    if !options.mesh {
        let words = "ways between hosts were not measured (--no-mesh, or `mesh = false` under [probe])";
        document.gaps.push(nothing(GapReason::NotCollected, words));
        return true;
    }
    if subjects(inventory, options).next().is_none() {
        let words = "ways between hosts were not measured: no host was asked that could";
        document.gaps.push(nothing(GapReason::NotCollected, words));
        return true;
    }
    let planned = match plan::plan(inventory, document) {
        Ok(planned) => planned,
        Err(words) => {
            document.gaps.push(nothing(GapReason::NotSupported, &format!("ways were not measured: {words}")));
            return true;
        }
    };
    let plan::Plan { mut links, gaps, work } = planned;
    document.gaps.extend(gaps);
    let mut complete = true;
    for (node, outcome) in ask_all(inventory, options, ssh, ends, progress, &work) {
        let (answer, missing) = match outcome {
            Outcome::Answered(talk) => {
                let missing = match talk.end {
                    End::Stopped(reason, words) => (reason, words),
                    End::Exited(_) if talk.answer.finished => {
                        (GapReason::CommandFailed, "the node told nothing of this way".to_owned())
                    }
                    End::Exited(_) => (GapReason::CommandFailed, "the answer broke off half way".to_owned()),
                };
                (talk.answer, missing)
            }
            Outcome::Failed(reason, words) => (super::answer::Answer::default(), (reason, words)),
        };
        complete &= missing.0 != GapReason::Interrupted;
        document.gaps.extend(read::read(&answer, &work[node], &mut links, &missing));
    }
    if links.iter().any(|link| link.reachable.is_some()) {
        document.sources.push(Source {
            path: "links".to_owned(),
            kind: Some(SourceKind::Command),
            place: Some("the node that each way starts at".to_owned()),
            item: Some("ping, /dev/tcp of bash, nc".to_owned()),
        });
    }
    document.links = Some(links);
    complete
}

/// Asks all nodes that have something to measure, side by side; what came of each, by its place in the inventory.
fn ask_all(
    inventory: &Inventory,
    options: &ProbeOptions,
    ssh: &Ssh,
    ends: Instant,
    progress: &dyn Progress,
    work: &[Vec<Task>],
) -> Vec<(usize, Outcome)> {
    let jobs: Vec<usize> = (0..work.len()).filter(|at| !work[*at].is_empty()).collect();
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    let ask = || {
        while let Some(&at) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = one(&inventory.nodes[at], &work[at], options, ssh, ends, progress);
            outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, outcome));
        }
    };
    std::thread::scope(|scope| {
        // This thread asks too, so that one is always there.
        for _ in 1..options.parallel.clamp(1, jobs.len().max(1)) {
            if let Err(error) = std::thread::Builder::new().name("mesh".to_owned()).spawn_scoped(scope, ask) {
                tracing::warn!("only some nodes measure at the same time: {error}");
                break;
            }
        }
        ask();
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes
}

/// Has one node measure. Should asking it break, that is told of it alone.
fn one(
    node: &NodePlan,
    work: &[Task],
    options: &ProbeOptions,
    ssh: &Ssh,
    ends: Instant,
    progress: &dyn Progress,
) -> Outcome {
    let subject = subject(node);
    let began = Instant::now();
    progress.started(&subject);
    let waiting = |what: &str| progress.waiting(&subject, what);
    let asked = catch_unwind(AssertUnwindSafe(|| ask(node, work, options, ssh, ends, &waiting)));
    let outcome = asked.unwrap_or_else(|_| {
        let words = "asking it broke; this is a defect of quorate".to_owned();
        Outcome::Failed(GapReason::CommandFailed, words)
    });
    let finish = match &outcome {
        Outcome::Failed(reason, words) => Finish::Failed(*reason, words.clone()),
        Outcome::Answered(Talk { end: End::Stopped(reason, words), .. }) => {
            Finish::Partly(*reason, words.clone())
        }
        Outcome::Answered(_) => Finish::Answered,
    };
    progress.finished(&subject, &finish, began.elapsed());
    outcome
}

fn ask(
    node: &NodePlan,
    work: &[Task],
    options: &ProbeOptions,
    ssh: &Ssh,
    ends: Instant,
    waiting: &dyn Fn(&str),
) -> Outcome {
    // The schedule is ours, so its length is not held against the host.
    let lasts = work.last().map(|task| task.start).unwrap_or_default();
    let limits =
        Limits::starting_now(options.host_timeout.saturating_add(lasts), ends, options.cancel.clone());
    if let Some((reason, words)) = limits.stop() {
        let late = reason == GapReason::TimedOut;
        let words = if late { "the run's deadline passed before it was measured".to_owned() } else { words };
        return Outcome::Failed(reason, words);
    }
    let nonce = match script::nonce() {
        Ok(nonce) => nonce,
        Err(error) => {
            let words = format!("this machine gives no random numbers: {error}");
            return Outcome::Failed(GapReason::CommandFailed, words);
        }
    };
    let text = task::render(&nonce, work);
    let heard = |what: &str| waiting(if what == "answer" { "the others" } else { what });
    let talk = match &node.probe {
        ProbeMethod::Ssh(target) => match ssh.ask(target, &text, &nonce, &limits, &heard) {
            Ok(talk) => talk,
            Err(failure) => return Outcome::Failed(failure.reason, failure.detail),
        },
        _ => match local::ask(&text, &nonce, &limits, &heard) {
            Ok(talk) => talk,
            Err(error) => {
                return Outcome::Failed(GapReason::CommandFailed, format!("`sh` cannot be started: {error}"));
            }
        },
    };
    match &talk.end {
        End::Stopped(reason, words) if !talk.answer.greeted => Outcome::Failed(*reason, words.clone()),
        _ => Outcome::Answered(talk),
    }
}
