//! From a plan to facts, watched, and broken off with what there is when the user asks for that.

use super::active::{self, ActiveOptions, Tests};
use super::args::ProbeOptions;
use super::interrupt::Interrupt;
use super::progress::Watch;
use super::recording;
use super::terminal::Terminal;
use super::timings::Timings;
use super::trace::TraceFile;
use crate::facts::{Document, Micros};
use crate::inventory::{Inventory, SecretSource};
use crate::probe;
use crate::report::printable;
use crate::source::Problems;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Facts, and whether the user broke off their gathering.
pub(super) struct Gathered {
    pub document: Document,
    pub interrupted: bool,
}

/// The gathering of a plan's facts, which can be done more than once.
pub(super) struct Gathering<'a> {
    inventory: &'a Inventory,
    options: probe::ProbeOptions,
    draw: bool,
    watch: Arc<Mutex<Option<Arc<Watch>>>>,
    interrupt: Interrupt,
    trace: TraceFile,
    tests: Option<Tests<'a>>,
}

impl<'a> Gathering<'a> {
    /// Prepares it, and listens for Ctrl-C from here on. To be called once for each process.
    pub fn new(
        inventory: &'a Inventory,
        options: &ProbeOptions,
        active: &'a ActiveOptions,
        terminal: &Terminal,
    ) -> Result<Self, Problems> {
        let tests = Tests::new(inventory, active, options.deadline.unwrap_or(inventory.probe.deadline))?;
        let trace = TraceFile::open(options.trace.as_deref())?;
        let mut options = merged(inventory, options);
        options.tap = trace.tap();
        let watch: Arc<Mutex<Option<Arc<Watch>>>> = Arc::default();
        let told = {
            let watch = watch.clone();
            move || {
                if let Some(watch) = &*lock(&watch) {
                    watch.ending();
                }
            }
        };
        // What a test did is undone before the program ends.
        let interrupt =
            if tests.is_some() { Interrupt::listen_patiently(told) } else { Interrupt::listen(told) };
        options.cancel = interrupt.flag().into();
        ask(inventory);
        Ok(Gathering { inventory, options, draw: terminal.shows_progress(), watch, interrupt, trace, tests })
    }

    /// Probes what the plan names. The facts carry what the plan says of judging.
    pub fn run(&self, timings: &mut Timings) -> Gathered {
        let subjects = probe::plan(self.inventory, &self.options).steps.len();
        let watch = Arc::new(Watch::new(subjects, self.draw));
        *lock(&self.watch) = Some(watch.clone());
        let mut document = probe::run(self.inventory, &self.options, &*watch);
        *lock(&self.watch) = None;
        for (subject, took) in watch.end() {
            timings.within(subject, took);
        }
        if let Some(tests) = &self.tests {
            self.test(tests, &mut document, timings);
        }
        document.run.settings = Some(recording::settings_of(self.inventory));
        Gathered { document, interrupted: self.interrupt.came() }
    }

    fn test(&self, tests: &Tests<'_>, document: &mut Document, timings: &mut Timings) {
        let began = Instant::now();
        let watch = Arc::new(Watch::new(tests.number(), self.draw));
        *lock(&self.watch) = Some(watch.clone());
        tests.run(document, &*watch, &self.interrupt, &self.trace);
        *lock(&self.watch) = None;
        for (subject, took) in watch.end() {
            timings.within(subject, took);
        }
        if self.interrupt.came() {
            document.run.complete = Some(false);
        }
        let took = i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
        document.run.elapsed_us =
            document.run.elapsed_us.map(|probing| Micros(probing.0.saturating_add(took)));
    }

    /// Tells what became of the files that were written meanwhile.
    pub fn end(&self, terminal: &Terminal) {
        self.trace.end(terminal);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks for the secrets that somebody must type, before anything is drawn and before any host's time runs. What cannot
/// be had becomes a gap of its target.
fn ask(inventory: &Inventory) {
    let logins = inventory.targets.iter().filter_map(|target| target.chap.as_ref());
    for chap in logins {
        for secret in std::iter::once(&chap.secret).chain(chap.mutual.as_ref().map(|(_, secret)| secret)) {
            if matches!(secret.source(), SecretSource::Prompt)
                && let Err(error) = secret.resolve()
            {
                tracing::warn!("{error}");
            }
        }
    }
}

/// What a run would do, for people.
pub(super) fn dry_run(inventory: &Inventory, options: &ProbeOptions, active: &ActiveOptions) -> String {
    let options = merged(inventory, options);
    let plan = probe::plan(inventory, &options);
    let mut out = format!(
        "# Nothing was contacted. This is what a check would ask, {} at the same time, for at most {} s each and {} s in all.\n",
        options.parallel,
        options.host_timeout.as_secs_f64(),
        options.deadline.as_secs_f64()
    );
    for step in &plan.steps {
        let subject = &step.subject;
        let _ = writeln!(out, "# {} {}: {}", subject.kind, printable(&subject.name), printable(&step.action));
    }
    out.push_str(&active::dry_run(inventory, active));
    let _ = write!(out, "\n# SCRIPT, which only reads:\n{}", plan.script);
    if let Some(mesh) = &plan.mesh {
        let _ = write!(
            out,
            "\n# MESH SCRIPT, which measures the ways to the others. In TASKS each node finds a line for each of its ways; \
             those to the other nodes are known when all have answered:\n{mesh}"
        );
    }
    out
}

/// What the plan says of probing, and the options over it.
fn merged(inventory: &Inventory, options: &ProbeOptions) -> probe::ProbeOptions {
    let mut merged = probe::ProbeOptions::of(inventory);
    if let Some(parallel) = options.parallel {
        merged.parallel = usize::from(parallel);
    }
    merged.host_timeout = options.host_timeout.unwrap_or(merged.host_timeout);
    merged.deadline = options.deadline.unwrap_or(merged.deadline);
    merged.ssh_persist = options.ssh_persist.or(merged.ssh_persist);
    merged.mesh &= !options.no_mesh;
    merged
}
