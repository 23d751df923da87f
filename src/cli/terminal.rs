//! What the terminal can show: width, colour, and whether there is one.

use super::args::{Global, When};
use crate::report::{self, printable_lines};
use crate::source::{self, Problems};
use std::io::{IsTerminal, Write};

/// Columns where nothing tells how many there are: a file, a pipe, a log of a CI system.
const WIDTH_WITHOUT_TERMINAL: u16 = 100;

/// Standard output and standard error, and what the user asked of them.
pub(super) struct Terminal {
    color: When,
    links: When,
    /// How much to show.
    pub verbose: u8,
    /// Whether to leave out progress and hints.
    pub quiet: bool,
}

impl Terminal {
    pub fn new(global: &Global) -> Self {
        Terminal {
            color: global.color,
            links: global.hyperlinks,
            verbose: global.verbose,
            quiet: global.quiet,
        }
    }

    /// How a report on standard output is to look.
    pub fn look(&self) -> report::Look {
        let terminal = std::io::stdout().is_terminal();
        report::Look {
            width: width(terminal, terminal_size::terminal_size_of(std::io::stdout())),
            colour: self.colour(terminal),
            verbose: self.verbose,
            explain: false,
        }
    }

    /// How a report in a file is to look.
    pub fn look_in_file(&self) -> report::Look {
        report::Look {
            width: width(false, None),
            colour: self.color == When::Always,
            verbose: self.verbose,
            explain: false,
        }
    }

    /// Whether standard output may hold links: what the user says before `FORCE_HYPERLINK` before what the terminal is known to
    /// show. Nothing but a terminal gets them unasked.
    pub fn hyperlinks(&self) -> bool {
        match self.links {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                let terminal = std::io::stdout().is_terminal() && !dumb();
                let forced = std::env::var_os("FORCE_HYPERLINK").is_some();
                (terminal || forced) && supports_hyperlinks::supports_hyperlinks()
            }
        }
    }

    /// Whether progress may be drawn.
    pub fn shows_progress(&self) -> bool {
        std::io::stderr().is_terminal() && !self.quiet && !is_set("NO_PROGRESS") && !dumb()
    }

    /// Shows mistakes on standard error, each with its place.
    pub fn complain(&self, problems: &Problems) {
        // Of a reader that went away nothing is said.
        if problems.is_empty() {
            return;
        }
        let _ = std::io::stderr().write_all(self.draw(problems).as_bytes());
    }

    /// Shows on standard error what is no mistake but should be better.
    pub fn warn(&self, problems: &Problems) {
        let _ = std::io::stderr().write_all(format!("Warnings:\n{}", self.draw(problems)).as_bytes());
    }

    fn draw(&self, problems: &Problems) -> String {
        let terminal = std::io::stderr().is_terminal();
        let width = usize::from(width(terminal, terminal_size::terminal_size_of(std::io::stderr())));
        let look = source::Look::Fancy { width, colour: self.colour(terminal) };
        problems.render(look)
    }

    /// A sentence on standard error that is neither report nor mistake.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(std::io::stderr(), "{}", printable_lines(text));
        }
    }

    /// `--color` before `NO_COLOR` before `FORCE_COLOR` and `CLICOLOR_FORCE` before what the terminal is.
    fn colour(&self, terminal: bool) -> bool {
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto if is_set("NO_COLOR") => false,
            When::Auto if forced("FORCE_COLOR") || forced("CLICOLOR_FORCE") => true,
            When::Auto => terminal && !dumb(),
        }
    }
}

/// Shows mistakes on standard error before anything is known of what the user wants.
pub(super) fn complain_plainly(problems: &Problems) {
    if problems.is_empty() {
        return;
    }
    let look = source::Look::Fancy { width: usize::from(WIDTH_WITHOUT_TERMINAL), colour: false };
    let _ = std::io::stderr().write_all(problems.render(look).as_bytes());
}

fn width(terminal: bool, size: Option<(terminal_size::Width, terminal_size::Height)>) -> u16 {
    let said = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|width| *width > 0);
    let found = size.map(|(width, _)| width.0).filter(|width| terminal && *width > 0);
    said.or(found).unwrap_or(WIDTH_WITHOUT_TERMINAL).clamp(20, 500)
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn forced(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0")
}

fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
