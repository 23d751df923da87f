//! What a run tells on a terminal while it goes on: who is asked, what is waited for, and how many are done.

use crate::probe::{Finish, Progress, Subject};
use crate::report::printable;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Lines for single hosts at the same time; more are only counted.
const MOST_LINES: usize = 12;

/// Draws progress where that is wanted, and notes how long each subject took.
pub(super) struct Watch {
    drawing: Option<Drawing>,
    took: Mutex<Vec<(String, Duration)>>,
}

struct Drawing {
    lines: MultiProgress,
    all: ProgressBar,
    single: Mutex<HashMap<Subject, ProgressBar>>,
}

impl Watch {
    /// A watch over so many subjects; `draw` says whether anybody looks.
    pub fn new(subjects: usize, draw: bool) -> Self {
        let drawing = draw.then(|| {
            let lines = MultiProgress::new();
            let all = lines
                .add(ProgressBar::new(subjects as u64).with_style(style("{pos} of {len} asked, {elapsed}")));
            all.enable_steady_tick(Duration::from_millis(200));
            Drawing { lines, all, single: Mutex::default() }
        });
        Watch { drawing, took: Mutex::default() }
    }

    /// Says that the run was asked to end.
    pub fn ending(&self) {
        if let Some(drawing) = &self.drawing {
            drawing.all.set_style(style(
                "{pos} of {len} asked, ending with what there is (Ctrl-C again ends at once)",
            ));
        }
    }

    /// Takes the drawing away; how long each subject took, in the order in which they ended.
    pub fn end(&self) -> Vec<(String, Duration)> {
        if let Some(drawing) = &self.drawing {
            drawing.all.finish_and_clear();
            let _ = drawing.lines.clear();
        }
        std::mem::take(&mut *lock(&self.took))
    }
}

impl Progress for Watch {
    fn started(&self, subject: &Subject) {
        let Some(drawing) = &self.drawing else { return };
        let mut single = lock(&drawing.single);
        if single.len() < MOST_LINES {
            let line = drawing.lines.add(ProgressBar::new_spinner().with_style(style("{prefix}  {msg}")));
            line.set_prefix(name(subject));
            line.set_message(printable(&subject.how).into_owned());
            line.enable_steady_tick(Duration::from_millis(200));
            single.insert(subject.clone(), line);
        }
    }

    fn waiting(&self, subject: &Subject, what: &str) {
        let Some(drawing) = &self.drawing else { return };
        if let Some(line) = lock(&drawing.single).get(subject) {
            line.set_message(format!("waiting for {}", printable(what)));
        }
    }

    fn finished(&self, subject: &Subject, _: &Finish, elapsed: Duration) {
        lock(&self.took).push((name(subject), elapsed));
        let Some(drawing) = &self.drawing else { return };
        drawing.all.inc(1);
        if let Some(line) = lock(&drawing.single).remove(subject) {
            line.finish_and_clear();
            drawing.lines.remove(&line);
        }
    }
}

fn name(subject: &Subject) -> String {
    format!("{} {}", subject.kind, printable(&subject.name))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is sound")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::SubjectKind;

    #[test]
    fn every_template_is_sound_and_times_are_kept() {
        let watch = Watch::new(20, true);
        watch.ending();
        for n in 0..20 {
            let subject =
                Subject { kind: SubjectKind::Node, name: format!("hv{n}\u{1b}"), how: "local".into() };
            watch.started(&subject);
            watch.waiting(&subject, "the script");
            watch.finished(&subject, &Finish::Answered, Duration::from_millis(n));
        }
        let took = watch.end();
        assert_eq!(took.len(), 20);
        assert_eq!(took[3].0, "node hv3\\u{1b}");
    }
}
