//! A second process that undoes a test whose own process is killed.
//!
//! It is started before the first change and reads a pipe from the test: first, in one line, how to log in, then the word
//! that the test has ended in order. Where the pipe ends without that word, the test is dead, and what its run file tells is
//! undone. The run file and `quorate storage cleanup` do the same by hand; where no guard can be started, they must.

use super::cleanup::undo;
use crate::cli::Outcome;
use crate::conformance::cleanup::Dial;
use crate::conformance::journal::{Journal, JournalError};
use crate::conformance::plan::{Access, Plan};
use crate::iscsi::chap::{Algorithm, Chap, Credentials};
use crate::iscsi::login::DigestPolicy;
use crate::report::{ExitCode, printable};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The word of a test that has ended in order.
const FINISHED: &str = "finished";

/// The longest first line.
const MOST_BYTES: u64 = 64 * 1024;

/// How long the kernel may take to give back the lock of a process that was killed.
const RELEASE: Duration = Duration::from_secs(5);

/// Undo a test that dies
#[derive(clap::Args)]
pub(super) struct GuardArgs {
    /// The run file of the test
    #[arg(long, value_name = "FILE", env = "QUORATE_GUARD_RUN")]
    run: PathBuf,
}

/// How the test logs in. It goes through the pipe alone: never into an argument, the environment or a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    command_ms: u64,
    header_digest: Digest,
    data_digest: Digest,
    chap: Option<ChapLogin>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Digest {
    Off,
    Prefer,
    Require,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChapLogin {
    user: String,
    secret: String,
    /// User and secret of the target.
    target: Option<(String, String)>,
    /// Numbers of the algorithms, best first.
    algorithms: Vec<u8>,
}

impl Digest {
    fn of(policy: DigestPolicy) -> Self {
        match policy {
            DigestPolicy::Off => Digest::Off,
            DigestPolicy::Prefer => Digest::Prefer,
            DigestPolicy::Require => Digest::Require,
        }
    }

    fn policy(self) -> DigestPolicy {
        match self {
            Digest::Off => DigestPolicy::Off,
            Digest::Prefer => DigestPolicy::Prefer,
            Digest::Require => DigestPolicy::Require,
        }
    }
}

impl Login {
    fn of(plan: &Plan) -> Self {
        let access = &plan.subject.access;
        let pair = |credentials: &Credentials| {
            (credentials.user.clone(), credentials.secret.expose_secret().to_owned())
        };
        let chap = access.chap.as_ref().map(|chap| {
            let (user, secret) = pair(chap.initiator());
            let algorithms = chap.algorithms().iter().map(|algorithm| algorithm.code()).collect();
            ChapLogin { user, secret, target: chap.target().map(pair), algorithms }
        });
        Login {
            command_ms: u64::try_from(plan.command_timeout.as_millis()).unwrap_or(u64::MAX),
            header_digest: Digest::of(access.header_digest),
            data_digest: Digest::of(access.data_digest),
            chap,
        }
    }

    fn access(self) -> Option<Access> {
        let chap = match self.chap {
            None => None,
            Some(login) => {
                let ours = Credentials::new(login.user, login.secret.into());
                let chap = match login.target {
                    None => Chap::one_way(ours),
                    Some((user, secret)) => Chap::mutual(ours, Credentials::new(user, secret.into())).ok()?,
                };
                let algorithms = login.algorithms.into_iter().map(|code| Algorithm::from_code(code.into()));
                Some(chap.with_algorithms(algorithms.collect::<Option<Vec<_>>>()?).ok()?)
            }
        };
        Some(Access {
            chap,
            header_digest: self.header_digest.policy(),
            data_digest: self.data_digest.policy(),
            ..Access::default()
        })
    }
}

/// The guard of a test, as the test has it.
pub(super) struct Guard {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Starts it. Where that fails the test goes on without: the run file is there all the same.
    pub fn start(run_file: &Path, plan: &Plan) -> Option<Self> {
        let begun = Self::try_start(run_file, plan);
        if let Err(error) = &begun {
            tracing::warn!("no second process stands by to undo the test, should it be killed: {error}");
        }
        begun.ok()
    }

    fn try_start(run_file: &Path, plan: &Plan) -> std::io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["storage", "guard", "--run"]).arg(run_file);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            // Ctrl-C goes to the group of the test; its guard must outlive that.
            command.process_group(0);
        }
        let mut child = command.spawn()?;
        let mut pipe = child.stdin.take();
        let line = serde_json::to_string(&Login::of(plan))?;
        if let Some(pipe) = &mut pipe {
            pipe.write_all(line.as_bytes())?;
            pipe.write_all(b"\n")?;
        }
        Ok(Guard { child, pipe })
    }

    /// Tells it that the test has ended in order, and waits for its end.
    pub fn finished(mut self) {
        if let Some(mut pipe) = self.pipe.take() {
            // A guard that is gone needs no word.
            let _ = pipe.write_all(FINISHED.as_bytes());
        }
        let _ = self.child.wait();
    }
}

/// The guard itself.
pub(super) fn run(args: &GuardArgs) -> Outcome {
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    // A first line that cannot be read is a pipe that has ended: the test died before it began.
    let _ = input.by_ref().take(MOST_BYTES).read_line(&mut line);
    let mut rest = Vec::new();
    let _ = input.take(MOST_BYTES).read_to_end(&mut rest);
    if rest == FINISHED.as_bytes() {
        return Ok(ExitCode::Clean);
    }
    let Ok(login) = serde_json::from_str::<Login>(&line) else { return Ok(ExitCode::Clean) };
    let Some(mut journal) = open(&args.run) else { return Ok(ExitCode::Clean) };
    if journal.record().finished {
        return Ok(ExitCode::Clean);
    }
    let command = Duration::from_millis(login.command_ms);
    let Some(access) = login.access() else { return Ok(ExitCode::LeftOnLun) };
    let dial = Dial::new(journal.record().target.clone(), access, command);
    let cleaned = undo(&mut journal, &dial);
    let clean = cleaned.left.is_empty();
    let end = if clean {
        "was undone; nothing of it is left".to_owned()
    } else {
        let left = cleaned.left.join("; ");
        format!("may have left this: {left}; run `quorate storage cleanup --run {}`", args.run.display())
    };
    let run = cleaned.run.unwrap_or_default();
    let text =
        format!("The test of LUN {} of {} (run {run}) was cut off and {end}.", cleaned.lun, cleaned.target);
    let _ = writeln!(std::io::stderr(), "{}", printable(&text));
    Ok(if clean { ExitCode::Clean } else { ExitCode::LeftOnLun })
}

/// The run file; nothing where the test had not come to writing it, so that nothing was changed.
fn open(path: &Path) -> Option<Journal> {
    let until = Instant::now() + RELEASE;
    loop {
        match Journal::open(path) {
            Ok(journal) => return Some(journal),
            Err(JournalError::Busy(_)) if Instant::now() < until => thread::sleep(Duration::from_millis(20)),
            Err(_) => return None,
        }
    }
}
