//! What a test tells on a terminal while it goes on, and how Ctrl-C reaches it.

use crate::cli::interrupt::Interrupt;
use crate::conformance::outcome::StepOutcome;
use crate::conformance::run::Watch;
use crate::conformance::step::{STEPS, Step};
use crate::report::printable;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Draws a line where somebody looks, and passes the interruption on.
pub(super) struct Line {
    bar: Option<ProgressBar>,
    interrupt: Interrupt,
}

impl Line {
    pub fn new(name: &str, draw: bool, interrupt: Interrupt) -> Self {
        let bar = draw.then(|| {
            let style = ProgressStyle::with_template("{prefix}: {msg} ({pos} of {len}, {elapsed})");
            let bar = ProgressBar::new(STEPS.len() as u64).with_style(style.expect("the template is sound"));
            bar.set_prefix(printable(name).into_owned());
            bar.set_message("looking twice, whether anybody uses it");
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Line { bar, interrupt }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Line {
    fn step_begins(&self, step: &Step) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} {}", step.id, step.title));
        }
    }

    fn step_ended(&self, _: &StepOutcome) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
            if self.interrupt.came() {
                bar.set_message("interrupted, undoing what was done");
            }
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupt.came()
    }
}
