//! What a run tells on a terminal while it goes on: who is asked, what is waited for, and how many are done.

use crate::probe::{Finish, Progress, Subject};
use crate::report::printable;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    running: Mutex<Vec<Running>>,
}

/// A subject that is being asked, in the order in which that began.
struct Running {
    subject: Subject,
    since: Instant,
    /// What it waits for.
    words: String,
    /// Its line, while there is room for one.
    line: Option<ProgressBar>,
}

impl Drawing {
    /// Gives lines to those that have waited longest, as far as there is room.
    fn fill(&self, running: &mut [Running]) {
        let mut drawn = running.iter().filter(|one| one.line.is_some()).count();
        for one in running.iter_mut().filter(|one| one.line.is_none()) {
            if drawn == MOST_LINES {
                break;
            }
            // All that it says is there before it is drawn.
            let line = ProgressBar::new_spinner()
                .with_style(style("{prefix}  {msg}, {elapsed}"))
                .with_elapsed(one.since.elapsed())
                .with_prefix(name(&one.subject))
                .with_message(one.words.clone());
            let line = self.lines.add(line);
            line.enable_steady_tick(Duration::from_millis(200));
            one.line = Some(line);
            drawn += 1;
        }
        let hidden = running.len() - drawn;
        self.all.set_message(if hidden == 0 { String::new() } else { format!(", {hidden} more under way") });
    }
}

impl Watch {
    /// A watch over so many subjects; `draw` says whether anybody looks.
    pub fn new(subjects: usize, draw: bool) -> Self {
        let drawing = draw.then(|| {
            let lines = MultiProgress::new();
            let all = lines.add(
                ProgressBar::new(subjects as u64).with_style(style("{pos} of {len} done{msg}, {elapsed}")),
            );
            all.enable_steady_tick(Duration::from_millis(200));
            Drawing { lines, all, running: Mutex::default() }
        });
        Watch { drawing, took: Mutex::default() }
    }

    /// Says that the run was asked to end.
    pub fn ending(&self) {
        if let Some(drawing) = &self.drawing {
            drawing.all.set_style(style(
                "{pos} of {len} done, ending with what there is (Ctrl-C again ends at once)",
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
        let mut running = lock(&drawing.running);
        let words = printable(&subject.how).into_owned();
        running.push(Running { subject: subject.clone(), since: Instant::now(), words, line: None });
        drawing.fill(&mut running);
    }

    fn waiting(&self, subject: &Subject, what: &str) {
        let Some(drawing) = &self.drawing else { return };
        let mut running = lock(&drawing.running);
        let Some(one) = running.iter_mut().find(|one| one.subject == *subject) else { return };
        one.words = format!("waiting for {}", printable(what));
        if let Some(line) = &one.line {
            line.set_message(one.words.clone());
        }
    }

    fn finished(&self, subject: &Subject, _: &Finish, elapsed: Duration) {
        lock(&self.took).push((name(subject), elapsed));
        let Some(drawing) = &self.drawing else { return };
        drawing.all.inc(1);
        let mut running = lock(&drawing.running);
        let Some(at) = running.iter().position(|one| one.subject == *subject) else { return };
        if let Some(line) = running.remove(at).line {
            line.finish_and_clear();
            drawing.lines.remove(&line);
        }
        drawing.fill(&mut running);
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

    #[test]
    fn who_waits_longest_has_a_line() {
        let watch = Watch::new(20, true);
        let subjects: Vec<Subject> = (0..20)
            .map(|n| Subject { kind: SubjectKind::Node, name: format!("hv{n}"), how: "local".into() })
            .collect();
        subjects.iter().for_each(|subject| watch.started(subject));
        watch.waiting(&subjects[19], "the script");
        let drawing = watch.drawing.as_ref().expect("it draws");
        let lines = || -> Vec<String> {
            lock(&drawing.running).iter().filter_map(|one| Some(one.line.as_ref()?.prefix())).collect()
        };
        assert_eq!(lines().len(), MOST_LINES);
        assert_eq!(drawing.all.message(), ", 8 more under way");
        for subject in &subjects[..19] {
            watch.finished(subject, &Finish::Answered, Duration::ZERO);
        }
        assert_eq!(lines(), ["node hv19"], "the last one gets a line when others have ended");
        let running = lock(&drawing.running);
        assert_eq!(running[0].line.as_ref().map(ProgressBar::message), Some("waiting for the script".into()));
        drop(running);
        watch.end();
    }
}
