//! From a plan to facts, watched, and broken off with what there is when the user asks for that.

use super::args::ProbeOptions;
use super::interrupt::Interrupt;
use super::progress::Watch;
use super::recording;
use super::terminal::Terminal;
use super::timings::Timings;
use crate::facts::Document;
use crate::inventory::Inventory;
use crate::probe;
use crate::report::printable;
use std::fmt::Write;
use std::sync::Arc;

/// Facts, and whether the user broke off their gathering.
pub(super) struct Gathered {
    pub document: Document,
    pub interrupted: bool,
}

/// Probes what a plan names. The facts carry what the plan says of judging.
pub(super) fn gather(
    inventory: &Inventory,
    options: &ProbeOptions,
    terminal: &Terminal,
    timings: &mut Timings,
) -> Gathered {
    let mut options = merged(inventory, options);
    let subjects = probe::plan(inventory, &options).steps.len();
    let watch = Arc::new(Watch::new(subjects, terminal.shows_progress()));
    let interrupt = Interrupt::listen({
        let watch = watch.clone();
        move || watch.ending()
    });
    options.cancel = interrupt.flag().into();
    let mut document = probe::run(inventory, &options, &*watch);
    for (subject, took) in watch.end() {
        timings.within(subject, took);
    }
    document.run.settings = Some(recording::settings_of(inventory));
    Gathered { document, interrupted: interrupt.came() }
}

/// What a run would do, for people.
pub(super) fn dry_run(inventory: &Inventory, options: &ProbeOptions) -> String {
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
    let _ = write!(out, "\n# SCRIPT, which only reads:\n{}", plan.script);
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
    merged
}
