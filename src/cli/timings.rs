//! `--timings`: how long each part of a run took, on standard error.

use std::io::Write;
use std::time::{Duration, Instant};

/// A stop watch for the parts of a run.
pub(super) struct Timings {
    wanted: bool,
    began: Instant,
    last: Instant,
    parts: Vec<(String, Duration)>,
}

impl Timings {
    pub fn new(wanted: bool) -> Self {
        let now = Instant::now();
        Timings { wanted, began: now, last: now, parts: Vec::new() }
    }

    /// A part has come to its end; the next one begins.
    pub fn done(&mut self, part: &str) {
        let now = Instant::now();
        self.parts.push((part.to_owned(), now - self.last));
        self.last = now;
    }

    /// A part of the part that is under way: one host, one portal.
    pub fn within(&mut self, part: impl Into<String>, took: Duration) {
        self.parts.push((format!("  {}", part.into()), took));
    }

    /// Tells all parts, if that is wanted.
    pub fn tell(&self) {
        if !self.wanted {
            return;
        }
        let mut text = String::new();
        for (part, took) in &self.parts {
            text.push_str(&line(part, *took));
        }
        text.push_str(&line("all", self.began.elapsed()));
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

fn line(part: &str, took: Duration) -> String {
    format!("{:>10.1} ms  {}\n", took.as_secs_f64() * 1e3, crate::report::printable_lines(part))
}
