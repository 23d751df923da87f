//! The transport to other hosts: the system's OpenSSH client, `ssh -T -o BatchMode=yes -- HOST sh -s`.
//!
//! The user's configuration, agent, certificates, jump hosts and host-key checking are ssh's business. One connection
//! to each host; the script goes over standard input; nothing is forwarded.

use super::answer::Answer;
use super::child::{End, Talk, converse};
use super::limits::{Limits, shown};
use super::run::LONGEST_CONNECT;
use crate::facts::GapReason;
use crate::inventory::SshTarget;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How often a host is tried that drops connections before anybody could log in.
const ATTEMPTS: u32 = 8;

/// How a host is reached.
#[derive(Clone, Debug)]
pub(super) struct Ssh {
    /// The program, found in PATH.
    pub program: OsString,
    /// How long a connection stays open for the next run, and where its socket stands.
    pub persist: Option<(Duration, PathBuf)>,
}

/// On which layer it failed, from the wire up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// Starting the client, or its configuration.
    Client,
    /// The name has no address.
    Resolve,
    /// No connection.
    Connect,
    /// The host drops connections before anybody logs in: it is busy, or something in between is.
    Shed,
    /// Client and host have no algorithm in common.
    Negotiate,
    /// The host's key is unknown or another.
    HostKey,
    /// The host did not let us in.
    Authenticate,
    /// We were let in, but the script did not run.
    Run,
}

/// Why a host gave no answer at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub layer: Layer,
    pub reason: GapReason,
    /// What ssh said, and what to do.
    pub detail: String,
}

impl Ssh {
    /// The arguments of the client.
    ///
    /// # Errors
    /// The host or user could be taken for an option.
    pub fn arguments(&self, target: &SshTarget, connect: Duration) -> Result<Vec<OsString>, Failure> {
        let odd = |text: &str| {
            text.is_empty() || text.starts_with('-') || text.chars().any(|c| c.is_control() || c == ' ')
        };
        let user = target.user.as_deref().unwrap_or("root");
        if odd(&target.host) || odd(user) {
            return Err(Failure {
                layer: Layer::Client,
                reason: GapReason::NotCollected,
                detail: format!(
                    "`{target}` is refused: neither a host nor a user begins with `-` or holds blanks"
                ),
            });
        }
        let mut all: Vec<OsString> =
            ["-T", "-a", "-x", "-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes", "-o"]
                .map(OsString::from)
                .into();
        all.push(format!("ConnectTimeout={}", connect.as_secs().clamp(1, 60)).into());
        if let Some((time, directory)) = &self.persist {
            let mut socket = OsString::from("ControlPath=");
            // The path is a pattern of ssh: a `%` in it would stand for something.
            socket.push(directory.join("%C"));
            let persist = format!("ControlPersist={}", time.as_secs().max(1));
            for option in ["ControlMaster=auto".into(), socket, persist.into()] {
                all.push("-o".into());
                all.push(option);
            }
        }
        if let Some(port) = target.port {
            all.extend(["-p".into(), port.to_string().into()]);
        }
        if let Some(user) = &target.user {
            all.extend(["-l".into(), user.into()]);
        }
        all.extend(["--", target.host.as_str(), "sh -s"].map(OsString::from));
        Ok(all)
    }

    /// The command as a person would type it.
    pub fn shown(&self, target: &SshTarget, connect: Duration) -> String {
        match self.arguments(target, connect) {
            Ok(arguments) => {
                let words = std::iter::once(&self.program).chain(&arguments);
                words.map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
            }
            Err(failure) => failure.detail,
        }
    }

    /// Asks a host. A host that drops the connection before anybody could log in is tried again, later and later, within
    /// its limits. `waiting` is told what is waited for.
    pub fn ask(
        &self,
        target: &SshTarget,
        script: &str,
        nonce: &str,
        limits: &Limits,
        waiting: &dyn Fn(&str),
    ) -> Result<Talk, Failure> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            waiting(if attempt == 1 { "connection" } else { "connection, again" });
            let connect = limits.left().min(LONGEST_CONNECT);
            let mut command = Command::new(&self.program);
            command.args(self.arguments(target, connect)?);
            let talk = converse(command, script, nonce, limits, &|| waiting("answer"))
                .map_err(|error| not_started(&self.program, &error))?;
            if talk.answer.greeted {
                return Ok(talk);
            }
            let mut failure = failure(target, &talk, limits);
            if failure.layer != Layer::Shed || attempt >= ATTEMPTS || matches!(talk.end, End::Stopped(..)) {
                if attempt > 1 {
                    failure.detail = format!("{} ({attempt} attempts)", failure.detail);
                }
                return Err(failure);
            }
            waiting("a place on the host");
            if !pause(attempt, limits) {
                return Err(failure);
            }
        }
    }
}

/// Waits before the next attempt: twice as long each time, and never the same, so that those that were dropped together
/// do not come back together. False when there is no time left.
fn pause(attempt: u32, limits: &Limits) -> bool {
    let longest = Duration::from_millis(150) * 2u32.saturating_pow(attempt.min(5) - 1);
    let mut random = [0; 2];
    let share =
        getrandom::fill(&mut random).map_or(0.5, |()| f64::from(u16::from_le_bytes(random)) / 65535.0);
    let until = Instant::now() + longest.mul_f64(0.5 + share);
    while Instant::now() < until {
        if limits.stop().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20).min(until.saturating_duration_since(Instant::now())));
    }
    limits.stop().is_none()
}

fn not_started(program: &OsStr, error: &io::Error) -> Failure {
    let detail = if error.kind() == io::ErrorKind::NotFound {
        format!("there is no `{}` in PATH; install the OpenSSH client", program.display())
    } else {
        format!("`{}` cannot be started: {error}", program.display())
    };
    Failure { layer: Layer::Client, reason: GapReason::CommandAbsent, detail }
}

/// What ssh's messages mean, the layer and the reason; the first that fits counts.
const MESSAGES: &[(&str, Layer, GapReason)] = &[
    ("Could not resolve hostname", Layer::Resolve, GapReason::Unreachable),
    ("Name or service not known", Layer::Resolve, GapReason::Unreachable),
    ("Host key verification failed", Layer::HostKey, GapReason::LoginRefused),
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", Layer::HostKey, GapReason::LoginRefused),
    ("host key is known for", Layer::HostKey, GapReason::LoginRefused),
    ("host key for", Layer::HostKey, GapReason::LoginRefused),
    ("Unable to negotiate with", Layer::Negotiate, GapReason::LoginRefused),
    ("no matching", Layer::Negotiate, GapReason::LoginRefused),
    ("Permission denied", Layer::Authenticate, GapReason::LoginRefused),
    ("Too many authentication failures", Layer::Authenticate, GapReason::LoginRefused),
    ("Authentication failed", Layer::Authenticate, GapReason::LoginRefused),
    ("Connection refused", Layer::Connect, GapReason::Unreachable),
    ("No route to host", Layer::Connect, GapReason::Unreachable),
    ("Network is unreachable", Layer::Connect, GapReason::Unreachable),
    ("Connection timed out", Layer::Connect, GapReason::Unreachable),
    ("Operation timed out", Layer::Connect, GapReason::Unreachable),
    ("kex_exchange_identification", Layer::Shed, GapReason::Unreachable),
    ("ssh_exchange_identification", Layer::Shed, GapReason::Unreachable),
    ("Connection reset by", Layer::Shed, GapReason::Unreachable),
    ("Connection closed by", Layer::Shed, GapReason::Unreachable),
    ("closed by remote host", Layer::Shed, GapReason::Unreachable),
    ("Broken pipe", Layer::Shed, GapReason::Unreachable),
    ("Exceeded MaxStartups", Layer::Shed, GapReason::Unreachable),
    ("connect to host", Layer::Connect, GapReason::Unreachable),
    ("configuration option", Layer::Client, GapReason::CommandFailed),
    ("Bad owner or permissions", Layer::Client, GapReason::CommandFailed),
    ("Cannot execute command-line and remote command", Layer::Client, GapReason::CommandFailed),
];

impl Layer {
    fn remedy(self, target: &SshTarget) -> String {
        let host = &target.host;
        match self {
            Layer::Client => "look at ssh's configuration".to_owned(),
            Layer::Resolve => {
                format!("give `{host}` an address in DNS, /etc/hosts or ssh_config, or name the address")
            }
            Layer::Connect => {
                "check that it is up, that sshd listens on that port, and what lies in between".to_owned()
            }
            Layer::Shed => {
                "sshd or a jump host takes too many log-ins at once; lower --parallel or raise MaxStartups"
                    .to_owned()
            }
            Layer::Negotiate => "allow an algorithm that both know in ssh_config".to_owned(),
            Layer::HostKey => format!("compare its key and accept it once with `ssh {host}`"),
            Layer::Authenticate => format!(
                "let `ssh -o BatchMode=yes {host} true` work first: a key in the agent, the right user"
            ),
            Layer::Run => format!("`ssh {host} sh -s` must run a POSIX shell and nothing else"),
        }
    }
}

/// Why a host gave no answer, by what ssh said and how it ended.
fn failure(target: &SshTarget, talk: &Talk, limits: &Limits) -> Failure {
    let said = last_words(&talk.answer);
    let with_remedy = |layer: Layer, reason, words: String| Failure {
        layer,
        reason,
        detail: format!("{words}; {}", layer.remedy(target)),
    };
    if let End::Stopped(reason, words) = &talk.end {
        let words = if said.is_empty() { words.clone() } else { format!("{words}; ssh said: {said}") };
        return match reason {
            GapReason::TimedOut => with_remedy(Layer::Connect, *reason, words),
            _ => Failure { layer: Layer::Run, reason: *reason, detail: words },
        };
    }
    let known = MESSAGES.iter().find(|(message, ..)| talk.answer.complaint.contains(message));
    let status = match talk.end {
        End::Exited(status) => status.code(),
        End::Stopped(..) => None,
    };
    match (known, status) {
        (Some((message, layer, reason)), _) => {
            let line = talk.answer.complaint.lines().find(|line| line.contains(message)).unwrap_or(&said);
            let line = super::answer::shorten(line.trim(), 200);
            with_remedy(*layer, *reason, format!("ssh: {}", line.trim_start_matches("ssh: ")))
        }
        (None, Some(255)) if said.is_empty() => with_remedy(
            Layer::Connect,
            GapReason::Unreachable,
            format!("ssh ended without a word after {}", shown(limits.allowed.saturating_sub(limits.left()))),
        ),
        (None, Some(255)) => with_remedy(Layer::Connect, GapReason::Unreachable, format!("ssh: {said}")),
        (None, code) => {
            let code = code.map_or("by a signal".to_owned(), |code| format!("with {code}"));
            let words = if said.is_empty() { String::new() } else { format!(": {said}") };
            with_remedy(
                Layer::Run,
                GapReason::CommandFailed,
                format!("the shell ended {code} before it spoke{words}"),
            )
        }
    }
}

/// The last line of what was said before the script spoke.
fn last_words(answer: &Answer) -> String {
    let line = |text: &str| text.lines().map(str::trim).rfind(|line| !line.is_empty()).map(str::to_owned);
    let words = line(&answer.complaint).or_else(|| line(&answer.noise)).unwrap_or_default();
    super::answer::shorten(&words, 200)
}

/// Quotes a word for a shell where it needs it.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:@%,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A directory for sockets that nobody else can reach: made if it is not there, refused if it is anybody else's.
///
/// # Errors
/// It cannot be made, or is not ours alone.
pub(super) fn socket_directory() -> io::Result<PathBuf> {
    // The path of a socket has room for about a hundred bytes, of which its own name takes sixty.
    let base = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute() && path.is_dir() && path.as_os_str().len() < 40)
        .map(|path| path.join("quorate"));
    let own = rustix::process::getuid().as_raw();
    private_directory(&base.unwrap_or_else(|| PathBuf::from(format!("/tmp/quorate-{own}"))))
}

fn private_directory(path: &Path) -> io::Result<PathBuf> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = std::fs::symlink_metadata(path)?;
    let own = found.is_dir() && found.uid() == rustix::process::getuid().as_raw();
    if !own || found.permissions().mode() & 0o077 != 0 || path.to_string_lossy().contains('%') {
        let message = format!("{} is not a directory of your own that nobody else can use", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(path.to_owned())
}
