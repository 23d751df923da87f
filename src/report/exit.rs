//! The exit codes of the program: a promise to scripts and CI systems.

/// How a run of `quorate` ended, as the number that the shell sees.
///
/// When several apply to a check, the order is: usage or I/O error, something left on a LUN, interrupted, findings,
/// nothing checked, incomplete, clean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum ExitCode {
    /// Everything that was selected was checked, and nothing was found at or above `--fail-on`.
    Clean = 0,
    /// At least one finding at or above `--fail-on`.
    Findings = 1,
    /// The command line, a configuration file or a rule file is wrong, or a file could not be read or written.
    Usage = 2,
    /// No failure was found, but something could not be determined: a host was not reached, a fact is missing.
    Incomplete = 3,
    /// No rule had anything to judge.
    NothingChecked = 4,
    /// Something of ours may be left on a LUN; the report says how to remove it.
    LeftOnLun = 5,
    /// The run was interrupted; the report covers what was gathered until then.
    Interrupted = 130,
}

impl ExitCode {
    /// All of them, in the order of their numbers.
    pub const ALL: [ExitCode; 7] = [
        ExitCode::Clean,
        ExitCode::Findings,
        ExitCode::Usage,
        ExitCode::Incomplete,
        ExitCode::NothingChecked,
        ExitCode::LeftOnLun,
        ExitCode::Interrupted,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What it says, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            ExitCode::Clean => "everything was checked, nothing found at or above --fail-on",
            ExitCode::Findings => "findings at or above --fail-on",
            ExitCode::Usage => {
                "wrong command line, configuration or rule, or a file that cannot be read or written"
            }
            ExitCode::Incomplete => "no failure found, but something could not be determined",
            ExitCode::NothingChecked => "nothing was checked",
            ExitCode::LeftOnLun => "something of ours may be left on a LUN",
            ExitCode::Interrupted => "interrupted; the report is partial",
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        std::process::ExitCode::from(code.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_a_promise() {
        let numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 130]);
    }
}
