//! A run: nodes, targets and the witness are asked side by side, and what they say is laid over the plan.
//!
//! One host's failure is a gap, never the end of the run. A node that was not reached has no facts but its place in the
//! plan: what the plan declares of it is not taken for true. The order of the document is that of the plan, whoever
//! answers first.

use super::child::{End, Talk};
use super::explain::{Ending, explain};
use super::limits::{Cancel, Limits};
use super::progress::{Finish, Progress, Subject, SubjectKind};
use super::recording::Recordings;
use super::ssh::{Ssh, socket_directory};
use super::{cluster, linux, local, mesh, script, target, witness};
use crate::facts::{Document, Gap, GapReason, Micros, Millis, Node, Source, Target, WitnessKind};
use crate::inventory::{
    CarriedPlan, Inventory, NodePlan, ProbeMethod, SecretSource, TargetPlan, WitnessPlace, lay_over,
    lay_over_carried,
};
use crate::iscsi::{Tap, Timeouts};
use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Stack of a thread that asks. Parsing nests a few deep; JSON is bounded to 128 levels.
const STACK_BYTES: usize = 1 << 20;

/// Longest that ssh waits for one connection.
pub(super) const LONGEST_CONNECT: Duration = Duration::from_secs(15);

/// How to run.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// How many are asked at the same time, at least 1.
    pub parallel: usize,
    /// How long one of them may take.
    pub host_timeout: Duration,
    /// How long everything may take.
    pub deadline: Duration,
    /// How long ssh connections stay open for the next run; none when they are closed.
    pub ssh_persist: Option<Duration>,
    /// The OpenSSH client, found in PATH.
    pub ssh_program: OsString,
    /// Whether the ways between hosts are measured, in a second round.
    pub mesh: bool,
    /// Asks the run to end with what it has.
    pub cancel: Cancel,
    /// Who watches the bytes exchanged with storage targets; nobody by default.
    pub tap: Tap,
}

impl ProbeOptions {
    /// What the inventory says of it; flags of the command line may change it.
    pub fn of(inventory: &Inventory) -> Self {
        let settings = &inventory.probe;
        ProbeOptions {
            parallel: settings.parallel,
            host_timeout: settings.host_timeout,
            deadline: settings.deadline,
            ssh_persist: settings.ssh_persist,
            ssh_program: "ssh".into(),
            mesh: settings.mesh,
            cancel: Cancel::new(),
            tap: Tap::default(),
        }
    }

    /// How hosts are reached by ssh, and what stands in the way of keeping connections open.
    pub(super) fn ssh(&self) -> Ssh {
        let persist = self.ssh_persist.and_then(|time| match socket_directory() {
            Ok(directory) => Some((time, directory)),
            Err(error) => {
                tracing::warn!("ssh connections are not kept open: {error}");
                None
            }
        });
        Ssh { program: self.ssh_program.clone(), persist }
    }
}

/// Facts with what is missing of them and where they come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found<T> {
    /// The facts.
    pub facts: T,
    /// What is not known, and why.
    pub gaps: Vec<Gap>,
    /// Where what is known comes from.
    pub sources: Vec<Source>,
}

/// Asks everything that the inventory names and gives the facts; nothing is derived yet.
///
/// `run.complete` is false when the run was interrupted or its deadline passed; what was not asked by then is a gap.
pub fn run(inventory: &Inventory, options: &ProbeOptions, progress: &dyn Progress) -> Document {
    let began = Instant::now();
    let mut document = inventory.planned_document();
    document.run.tool = Some(concat!("quorate ", env!("CARGO_PKG_VERSION")).to_owned());
    document.run.started = Some(jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let run = Run {
        inventory,
        options,
        progress,
        ends: began.checked_add(options.deadline).unwrap_or(began + Duration::from_secs(24 * 3600)),
        names: script::host_names(inventory.nodes.iter().map(|node| node.name.as_str())),
        ssh: options.ssh(),
        recordings: Recordings::default(),
        planned: document.targets.clone(),
    };
    ask_for_secrets(inventory);
    let mut complete = true;
    let mut outcomes = run.all();
    outcomes.sort_by_key(|(position, _)| *position);
    let mut of_cluster = Vec::new();
    for (_, mut outcome) in outcomes {
        if let Outcome::Node(plan, NodeOutcome::Answered(_, _, reading)) = &mut outcome
            && let Some(reading) = reading.take()
        {
            of_cluster.push((plan.name.clone(), *reading));
        }
        complete &= apply(&mut document, outcome);
    }
    let mut carried = run.recordings.carried();
    if let Some(found) = cluster::join(&of_cluster) {
        cluster::lay_over(&mut carried, found);
    }
    let believed = carried_without_what_failed(&inventory.carried, &carried.gaps);
    lay_over_carried(&mut document, &believed, carried.facts);
    document.gaps.extend(carried.gaps);
    document.sources.extend(carried.sources);
    witness_gaps(&mut document);
    complete &= mesh::measure(&mut document, inventory, options, &run.ssh, run.ends, progress);
    let in_time = began.elapsed() < options.deadline;
    document.run.complete = Some(complete && in_time && !options.cancel.is_cancelled());
    document.run.elapsed_us = i64::try_from(began.elapsed().as_micros()).ok().map(Micros);
    document
}

/// Has secrets that somebody must type typed before anything is asked and drawn. What cannot be had is told by the target.
fn ask_for_secrets(inventory: &Inventory) {
    for chap in inventory.targets.iter().filter_map(|target| target.chap.as_ref()) {
        let secrets = [Some(&chap.secret), chap.mutual.as_ref().map(|(_, secret)| secret)];
        for secret in secrets.into_iter().flatten().filter(|secret| *secret.source() == SecretSource::Prompt)
        {
            let _ = secret.resolve();
        }
    }
}

fn gap(path: String, reason: GapReason, detail: impl Into<String>) -> Gap {
    Gap { path, reason: Some(reason), detail: Some(detail.into()) }
}

/// One thing to ask.
#[derive(Clone, Copy)]
enum Job<'a> {
    Node(&'a NodePlan),
    Target(&'a TargetPlan),
    Witness(&'a WitnessPlace),
}

/// What came of it.
enum Outcome<'a> {
    Node(&'a NodePlan, NodeOutcome),
    Target(target::Found),
    Witness(witness::Answer),
    /// It was never asked, or what was to ask it broke.
    NotAsked(Job<'a>, GapReason, String),
}

/// What came of a node.
enum NodeOutcome {
    /// It answered; the ending says whether to its end. With it what it says of the cluster as a whole, where it was asked
    /// just now.
    Answered(Box<Found<Node>>, Ending, Option<Box<linux::cluster::ClusterReading>>),
    /// It did not.
    Failed(GapReason, String),
}

struct Run<'a> {
    inventory: &'a Inventory,
    options: &'a ProbeOptions,
    progress: &'a dyn Progress,
    ends: Instant,
    names: Vec<String>,
    ssh: Ssh,
    recordings: Recordings,
    planned: Vec<Target>,
}

/// What to ask of an inventory, in the order in which asking begins: endpoints and targets first, since hosts are many.
fn jobs(inventory: &Inventory) -> Vec<Job<'_>> {
    let witness = inventory.witness.as_ref().map(|witness| &witness.at).filter(|place| {
        matches!(place, WitnessPlace::FileShare(_) | WitnessPlace::Cloud(_) | WitnessPlace::Qdevice(_))
    });
    let nodes = inventory.nodes.iter().filter(|node| node.probe != ProbeMethod::None);
    let witness = witness.into_iter().map(Job::Witness);
    witness.chain(inventory.targets.iter().map(Job::Target)).chain(nodes.map(Job::Node)).collect()
}

/// What would be asked, with the plan of those that are nodes; nodes that are not asked come last.
pub(super) fn subjects(inventory: &Inventory) -> impl Iterator<Item = (Subject, Option<&NodePlan>)> {
    let silent = inventory.nodes.iter().filter(|node| node.probe == ProbeMethod::None).map(Job::Node);
    jobs(inventory).into_iter().chain(silent).map(|job| {
        let node = if let Job::Node(node) = job { Some(node) } else { None };
        (subject(job), node)
    })
}

/// How a job shows itself.
fn subject(job: Job<'_>) -> Subject {
    match job {
        Job::Node(node) => Subject {
            kind: SubjectKind::Node,
            name: node.name.clone(),
            how: match &node.probe {
                ProbeMethod::Local => "local".to_owned(),
                ProbeMethod::Ssh(target) => target.to_string(),
                ProbeMethod::Facts(path) => format!("facts:{}", path.display()),
                ProbeMethod::None => "none".to_owned(),
            },
        },
        Job::Target(target) => Subject {
            kind: SubjectKind::Target,
            name: target.name.clone(),
            how: target.portals.iter().map(|plan| plan.portal.to_string()).collect::<Vec<_>>().join(", "),
        },
        Job::Witness(place) => {
            let (name, how) = witness::shown(place);
            Subject { kind: SubjectKind::Witness, name, how }
        }
    }
}

impl<'a> Run<'a> {
    /// Asks all, on as many threads as are allowed.
    fn all(&self) -> Vec<(usize, Outcome<'a>)> {
        let jobs = jobs(self.inventory);
        let next = AtomicUsize::new(0);
        let (send, receive) = mpsc::channel();
        std::thread::scope(|scope| {
            let mut workers = 0;
            for _ in 0..self.options.parallel.clamp(1, jobs.len().max(1)) {
                let (found, next, jobs) = (send.clone(), &next, &jobs);
                let work = move || {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(job) = jobs.get(at) else { return };
                        if found.send((at, self.one(*job))).is_err() {
                            return;
                        }
                    }
                };
                let builder = std::thread::Builder::new().name("probe".to_owned()).stack_size(STACK_BYTES);
                match builder.spawn_scoped(scope, work) {
                    Ok(_) => workers += 1,
                    // Fewer threads ask the same; without any this one asks.
                    Err(error) if workers > 0 => {
                        tracing::warn!("only {workers} are asked at the same time: {error}");
                        break;
                    }
                    Err(_) => {
                        for (at, job) in jobs.iter().enumerate() {
                            let _ = send.send((at, self.one(*job)));
                        }
                        break;
                    }
                }
            }
            drop(send);
            receive.iter().collect()
        })
    }

    /// Asks one. Should asking it break, that is told of it alone.
    fn one(&self, job: Job<'a>) -> Outcome<'a> {
        let subject = subject(job);
        let limits = Limits::starting_now(self.options.host_timeout, self.ends, self.options.cancel.clone());
        if let Some((reason, words)) = limits.stop() {
            let words = if reason == GapReason::TimedOut {
                "the run's deadline passed before it was asked".to_owned()
            } else {
                words
            };
            self.progress.finished(&subject, &Finish::Failed(reason, words.clone()), Duration::ZERO);
            return Outcome::NotAsked(job, reason, words);
        }
        let began = Instant::now();
        self.progress.started(&subject);
        let waiting = |what: &str| self.progress.waiting(&subject, what);
        let asked = catch_unwind(AssertUnwindSafe(|| match job {
            Job::Node(plan) => Outcome::Node(plan, self.node(plan, &limits, &waiting)),
            Job::Target(plan) => Outcome::Target(self.target(plan, &limits)),
            Job::Witness(place) => Outcome::Witness(witness::probe(place, &limits)),
        }));
        let outcome = asked.unwrap_or_else(|_| {
            Outcome::NotAsked(
                job,
                GapReason::CommandFailed,
                "asking it broke; this is a defect of quorate".to_owned(),
            )
        });
        self.progress.finished(&subject, &finish(&outcome), began.elapsed());
        outcome
    }

    fn node(&self, plan: &NodePlan, limits: &Limits, waiting: &dyn Fn(&str)) -> NodeOutcome {
        let failed = |reason, detail: String| NodeOutcome::Failed(reason, detail);
        if let ProbeMethod::Facts(path) = &plan.probe {
            return match self.recordings.node(path, &plan.name) {
                Ok(recorded) if recorded.node.reached == Some(false) => {
                    let of_node = format!("nodes[{}]", plan.name);
                    let known = recorded.gaps.into_iter().find(|gap| gap.path == of_node);
                    let (reason, detail) = known.map_or((None, None), |gap| (gap.reason, gap.detail));
                    failed(
                        reason.unwrap_or(GapReason::Unreachable),
                        detail.unwrap_or_else(|| {
                            format!("it was not reached when {} was recorded", path.display())
                        }),
                    )
                }
                Ok(recorded) => {
                    let found =
                        Found { facts: recorded.node, gaps: recorded.gaps, sources: recorded.sources };
                    NodeOutcome::Answered(Box::new(found), Ending::Whole, None)
                }
                Err(detail) => failed(GapReason::CommandFailed, detail),
            };
        }
        let nonce = match script::nonce() {
            Ok(nonce) => nonce,
            Err(error) => {
                return failed(
                    GapReason::CommandFailed,
                    format!("this machine gives no random numbers: {error}"),
                );
            }
        };
        let text = script::render(&nonce, &self.names, plan.sudo);
        let (talk, place) = match &plan.probe {
            ProbeMethod::Ssh(target) => match self.ssh.ask(target, &text, &nonce, limits, waiting) {
                Ok(talk) => (talk, plan.name.clone()),
                Err(failure) => return failed(failure.reason, failure.detail),
            },
            _ => match local::ask(&text, &nonce, limits, waiting) {
                Ok(talk) => (talk, plan.name.clone()),
                Err(error) => {
                    return failed(GapReason::CommandFailed, format!("`sh` cannot be started: {error}"));
                }
            },
        };
        if !talk.answer.greeted {
            return match talk.end {
                End::Stopped(reason, words) => failed(reason, words),
                End::Exited(status) => {
                    failed(GapReason::CommandFailed, format!("`sh -s` ended with {status} before it spoke"))
                }
            };
        }
        waiting("parsing");
        self.read(plan, &talk, &place)
    }

    /// Facts out of an answer.
    fn read(&self, plan: &NodePlan, talk: &Talk, place: &str) -> NodeOutcome {
        let reading = linux::node::read(&talk.answer, &self.names);
        let mut node = reading.node;
        node.name.clone_from(&plan.name);
        node.reached = Some(true);
        node.probe = Some(if plan.probe == ProbeMethod::Local {
            crate::facts::ProbeKind::Local
        } else {
            crate::facts::ProbeKind::Ssh
        });
        if let (Some((asked, took)), Some((host, coarse))) =
            (talk.asked, linux::node::host_clock(&talk.answer))
        {
            let (skew, error) = skew(asked, took, host, coarse);
            node.time.skew_ms = Some(skew);
            node.time.skew_error_ms = Some(error);
        }
        let ending = if talk.answer.finished {
            Ending::Whole
        } else {
            match &talk.end {
                End::Stopped(reason, words) => Ending::Broken(*reason, words.clone()),
                End::Exited(_) => {
                    let said =
                        talk.answer.sections.iter().rev().find_map(|section| section.errors.lines().last());
                    let said = said
                        .map(|words| format!(": {}", super::answer::shorten(words, 200)))
                        .unwrap_or_default();
                    Ending::Broken(GapReason::CommandFailed, format!("the answer broke off half way{said}"))
                }
            }
        };
        let (gaps, sources) = explain(&node, &talk.answer, &ending, &reading.unread, place);
        NodeOutcome::Answered(
            Box::new(Found { facts: node, gaps, sources }),
            ending,
            Some(Box::new(reading.cluster)),
        )
    }

    fn target(&self, plan: &TargetPlan, limits: &Limits) -> target::Found {
        let planned =
            self.planned.iter().find(|target| target.name == plan.name).cloned().unwrap_or_default();
        let limits = target::Limits {
            deadline: limits.deadline,
            timeouts: Timeouts::default(),
            interrupted: limits.cancel.flag(),
        };
        target::probe(plan, &planned, &limits, &self.options.tap)
    }
}

fn finish(outcome: &Outcome<'_>) -> Finish {
    match outcome {
        Outcome::Node(_, NodeOutcome::Answered(_, Ending::Whole, _)) => Finish::Answered,
        Outcome::Node(_, NodeOutcome::Answered(_, Ending::Broken(reason, words), _)) => {
            Finish::Partly(*reason, words.clone())
        }
        Outcome::Node(_, NodeOutcome::Failed(reason, words)) | Outcome::NotAsked(_, reason, words) => {
            Finish::Failed(*reason, words.clone())
        }
        Outcome::Target(found) => {
            // A gap that covers the whole target, not one of its parts.
            let path = format!("targets[{}]", found.target.name);
            match found.gaps.iter().find(|gap| gap.path == path) {
                Some(gap) => Finish::Failed(
                    gap.reason.unwrap_or(GapReason::Unreachable),
                    gap.detail.clone().unwrap_or_default(),
                ),
                None => Finish::Answered,
            }
        }
        Outcome::Witness(answer) => match &answer.result {
            Ok(_) => Finish::Answered,
            Err((reason, words)) => Finish::Failed(*reason, words.clone()),
        },
    }
}

/// How far the host's clock is ahead of ours, and how uncertain that is: asked when ours showed `asked`, answered after
/// `took`, the host's clock showed `host` at a time taken for the middle of it. All in nanoseconds.
fn skew(asked: i128, took: Duration, host: i128, coarse: i128) -> (Millis, Millis) {
    let half = i128::try_from(took.as_nanos() / 2).unwrap_or(i128::MAX / 4);
    let ahead = host - asked.saturating_add(half);
    let error = half.saturating_add(coarse);
    let millis = |nanos: i128| Millis(i64::try_from(nanos).unwrap_or(i64::MAX));
    // The nearest millisecond, and never more certain than that.
    let rounded = (ahead + if ahead < 0 { -500_000 } else { 500_000 }) / 1_000_000;
    (millis(rounded), millis((error + 999_999) / 1_000_000))
}

/// Lays what came of one job over the document; false when the run was cut short there.
fn apply(document: &mut Document, outcome: Outcome<'_>) -> bool {
    let cut_short = |reason: GapReason| reason == GapReason::Interrupted;
    match outcome {
        Outcome::Node(plan, NodeOutcome::Answered(found, ending, _)) => {
            let Found { facts, gaps, sources } = *found;
            let believed = without_what_failed(plan, &gaps);
            lay_over(document, &believed, facts);
            document.gaps.extend(gaps);
            document.sources.extend(sources);
            !matches!(ending, Ending::Broken(reason, _) if cut_short(reason))
        }
        Outcome::Node(plan, NodeOutcome::Failed(reason, words)) => {
            not_reached(document, plan, reason, words);
            !cut_short(reason)
        }
        Outcome::Target(found) => {
            let complete = !found.gaps.iter().any(|gap| gap.reason.is_some_and(cut_short));
            target::lay_over(document, found);
            complete
        }
        Outcome::Witness(answer) => {
            let interrupted = matches!(&answer.result, Err((GapReason::Interrupted, _)));
            answer.apply(document);
            !interrupted
        }
        Outcome::NotAsked(job, reason, words) => {
            match job {
                Job::Node(plan) => not_reached(document, plan, reason, words),
                Job::Target(plan) => {
                    document.gaps.push(gap(format!("targets[{}]", plan.name), reason, words));
                }
                Job::Witness(_) => {
                    for field in ["reachable", "answer", "latency_us"] {
                        document.gaps.push(gap(format!("witness.{field}"), reason, words.clone()));
                    }
                }
            }
            false
        }
    }
}

/// A node that gave no answer keeps its place in the plan and nothing else.
fn not_reached(document: &mut Document, plan: &NodePlan, reason: GapReason, words: String) {
    let bare = NodePlan { declared: Node::default(), ..plan.clone() };
    lay_over(document, &bare, Node { reached: Some(false), ..Node::default() });
    document.gaps.push(gap(format!("nodes[{}]", plan.name), reason, words));
}

/// Whether something was about to tell and could not: the plan's word is no proof of what failed.
fn has_failed(gap: Option<&Gap>) -> bool {
    matches!(
        gap.and_then(|gap| gap.reason),
        Some(
            GapReason::CommandFailed
                | GapReason::TimedOut
                | GapReason::Interrupted
                | GapReason::Unreachable
                | GapReason::LoginRefused
        )
    )
}

/// The plan of a node without what it declares of facts that a probe was about to tell and could not.
fn without_what_failed(plan: &NodePlan, gaps: &[Gap]) -> NodePlan {
    let index = Document { gaps: gaps.to_vec(), ..Document::default() };
    let places = crate::facts::Places::new(&index);
    let failed = |below: &str| has_failed(places.gap(&format!("nodes[{}].{below}", plan.name)));
    if !plan.declared_places.iter().any(|(below, _)| failed(below)) {
        return plan.clone();
    }
    let Ok(mut declared) = serde_json::to_value(&plan.declared) else { return plan.clone() };
    prune(&mut declared, &crate::facts::Node::TYPE, "", &failed);
    NodePlan { declared: serde_json::from_value(declared).unwrap_or_default(), ..plan.clone() }
}

/// The same of what is planned of the cluster as a whole.
pub(super) fn carried_without_what_failed(plan: &CarriedPlan, gaps: &[Gap]) -> CarriedPlan {
    let index = Document { gaps: gaps.to_vec(), ..Document::default() };
    let places = crate::facts::Places::new(&index);
    let failed = |path: &str| has_failed(places.gap(path));
    if !plan.places.iter().any(|(path, _)| failed(path)) {
        return plan.clone();
    }
    let Ok(mut facts) = serde_json::to_value(&plan.facts) else { return plan.clone() };
    prune(&mut facts, &Document::TYPE, "", &failed);
    CarriedPlan { facts: serde_json::from_value(facts).unwrap_or_default(), ..plan.clone() }
}

/// Takes the facts out of a record at whose path `failed` holds.
pub(super) fn prune(
    value: &mut serde_json::Value,
    ty: &crate::facts::RecordType,
    at: &str,
    failed: &dyn Fn(&str) -> bool,
) {
    use crate::facts::Type;
    let Some(map) = value.as_object_mut() else { return };
    map.retain(|name, value| {
        let Some((index, field)) = ty.find(name) else { return true };
        if ty.key == Some(index) {
            return true;
        }
        let below = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match ((field.ty)(), value) {
            (Type::Record(inner), value) => {
                prune(value, inner, &below, failed);
                true
            }
            (Type::List(inner), serde_json::Value::Array(all)) => match *inner {
                Type::Record(inner) if inner.key.is_some() => {
                    if failed(&below) {
                        return false;
                    }
                    let key = inner.key.map(|key| inner.fields[key].name).unwrap_or_default();
                    for element in all {
                        let name = element[key].as_str().unwrap_or_default().to_owned();
                        prune(element, inner, &format!("{below}[{name}]"), failed);
                    }
                    true
                }
                _ => !failed(&below),
            },
            _ => !failed(&below),
        }
    });
}

/// Why the reach of a witness that is no endpoint is not known.
fn witness_gaps(document: &mut Document) {
    let words = match document.witness.kind {
        Some(WitnessKind::Disk | WitnessKind::Sbd) => "it is a LUN; the target and the nodes tell of it",
        Some(WitnessKind::None) => "there is none",
        _ => return,
    };
    for field in ["reachable", "answer", "latency_us"] {
        document.gaps.push(gap(format!("witness.{field}"), GapReason::NotSupported, words));
    }
}
