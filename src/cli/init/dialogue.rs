//! Questions and answers, line by line, whoever asks and wherever they are read.

use crate::report::printable_lines;
use crate::source::{Problem, Problems};
use std::io::{BufRead, Read, Write};

/// Longest answer in bytes.
const LONGEST: u64 = 16 * 1024;

/// Who is asked.
pub(super) struct Dialogue<R, W> {
    input: R,
    output: W,
}

impl<R: BufRead, W: Write> Dialogue<R, W> {
    pub(super) fn new(input: R, output: W) -> Self {
        Dialogue { input, output }
    }

    /// Says something.
    pub(super) fn say(&mut self, text: &str) {
        // Who cannot be told cannot answer either; that is what ends it.
        let _ = writeln!(self.output, "{}", printable_lines(text));
    }

    /// Asks until `read` takes the answer; an empty one is the default. What is wrong with an answer is said.
    ///
    /// # Errors
    /// There are no more answers.
    pub(super) fn ask<T>(
        &mut self,
        question: &str,
        default: &str,
        mut read: impl FnMut(&str) -> Result<T, Problems>,
    ) -> Result<T, Problems> {
        loop {
            let offer = if default.is_empty() { String::new() } else { format!(" [{default}]") };
            let _ = write!(self.output, "{}: ", printable_lines(&format!("{question}{offer}")));
            let _ = self.output.flush();
            let line = self.line()?;
            let answer = match line.trim() {
                "" => default,
                answer => answer,
            };
            match read(answer) {
                Ok(read) => return Ok(read),
                Err(problems) => {
                    for problem in problems.iter() {
                        let help = problem.advice().map(|help| format!(" ({help})")).unwrap_or_default();
                        self.say(&format!("  {}{help}", problem.message()));
                    }
                }
            }
        }
    }

    fn line(&mut self) -> Result<String, Problems> {
        let mut line = Vec::new();
        let read = self.input.by_ref().take(LONGEST).read_until(b'\n', &mut line);
        let ended = |why: &str| -> Problems {
            Problem::new(format!("{why}; nothing was written"))
                .help(
                    "`quorate init --yes` asks nothing, and `quorate init --help` has a flag for each answer",
                )
                .into()
        };
        match read {
            Ok(0) => Err(ended("the answers ended before the questions")),
            Ok(_) => Ok(String::from_utf8_lossy(&line).into_owned()),
            Err(error) => Err(ended(&format!("the answer cannot be read: {error}"))),
        }
    }
}
