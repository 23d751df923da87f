//! A conversation with a child process that runs the script: a shell, or `ssh` to one.
//!
//! The child is in a process group of its own. It is ended and waited for whatever happens: no process is left behind,
//! and none becomes a zombie.

use super::answer::{Answer, Flood, Reader};
use super::limits::Limits;
use crate::facts::GapReason;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long to wait at once, so that an interruption is seen soon.
const TICK: Duration = Duration::from_millis(50);

/// How long a child may take to go after it was asked to.
const GRACE: Duration = Duration::from_millis(300);

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The child ended by itself.
    Exited(ExitStatus),
    /// It was ended, for this reason.
    Stopped(GapReason, String),
}

/// What a conversation came to.
#[derive(Debug)]
pub(super) struct Talk {
    /// The answer as far as it came.
    pub answer: Answer,
    /// How it ended.
    pub end: End,
    /// When the host was asked for its clock, by this machine's, and how long the answer took. Nanoseconds since 1970.
    pub asked: Option<(i128, Duration)>,
}

/// Runs `command`, sends it `script`, and reads its answer, whose frames bear `nonce`. `heard` is called when the script
/// begins to speak.
pub(super) fn converse(
    mut command: Command,
    script: &str,
    nonce: &str,
    limits: &Limits,
    heard: &dyn Fn(),
) -> io::Result<Talk> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut running = Running { child: command.spawn()?, ended: None };
    let mut stdin = running.child.stdin.take();
    let mut stdout = running.child.stdout.take();
    let mut stderr = running.child.stderr.take();
    for stream in
        [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)]
    {
        let stream = stream.ok_or_else(|| io::Error::other("a pipe to the child is missing"))?;
        fcntl_setfl(stream, fcntl_getfl(stream)? | OFlags::NONBLOCK)?;
    }
    let mut to_send = script.as_bytes();
    let mut reader = Reader::new(nonce);
    let mut clock = Clock::default();
    let mut buffer = vec![0; 32 * 1024];
    let mut wait = Duration::from_millis(1);
    let stopped = loop {
        if let Some((reason, words)) = limits.stop() {
            break Some((reason, words));
        }
        if stdout.is_none() && stderr.is_none() {
            // Nothing more can come; the child is about to end, or has closed its ends for another reason.
            if running.try_wait()? {
                break None;
            }
            std::thread::sleep(wait.min(limits.left()));
            wait = (wait * 2).min(TICK);
            continue;
        }
        // Once its output is closed the child is about to end, though something may still hold its messages open.
        let tick = if stdout.is_none() { wait } else { TICK };
        if stdout.is_none() {
            wait = (wait * 2).min(TICK);
        }
        let sending = stdin.as_ref().filter(|_| !to_send.is_empty());
        ready(sending, stdout.as_ref(), stderr.as_ref(), limits.left().min(tick))?;
        send(&mut stdin, &mut to_send);
        let had_clock = reader.has("clock");
        let taken = drain(&mut stdout, &mut buffer, |bytes| reader.output(bytes))
            .and_then(|()| drain(&mut stderr, &mut buffer, |bytes| reader.errors(bytes)));
        if let Err(flood) = taken {
            break Some((GapReason::CommandFailed, flood.to_string()));
        }
        if reader.greeted() && clock.asked.is_none() {
            heard();
            // Whatever of the script is not sent yet is nothing that the host waits for.
            to_send = b"\n";
            clock.ask();
            send(&mut stdin, &mut to_send);
        }
        if !had_clock && reader.has("clock") {
            clock.answered();
        }
        // A child that has ended said all it had to say; something that it left behind may hold its pipes open.
        if running.try_wait()? {
            let _ = drain(&mut stdout, &mut buffer, |bytes| reader.output(bytes));
            let _ = drain(&mut stderr, &mut buffer, |bytes| reader.errors(bytes));
            break None;
        }
    };
    let end = match (stopped, running.ended) {
        (Some((reason, words)), _) => {
            running.stop();
            End::Stopped(reason, words)
        }
        (None, Some(status)) => End::Exited(status),
        (None, None) => End::Exited(running.child.wait()?),
    };
    Ok(Talk { answer: reader.finish(), end, asked: clock.measured() })
}

/// Waits until one of the streams can be used, no longer than `wait`.
fn ready(
    stdin: Option<&ChildStdin>,
    stdout: Option<&impl AsFd>,
    stderr: Option<&impl AsFd>,
    wait: Duration,
) -> io::Result<()> {
    let mut waiting = Vec::with_capacity(3);
    if let Some(stdin) = stdin {
        waiting.push(PollFd::new(stdin, PollFlags::OUT));
    }
    if let Some(stdout) = stdout {
        waiting.push(PollFd::new(stdout, PollFlags::IN));
    }
    if let Some(stderr) = stderr {
        waiting.push(PollFd::new(stderr, PollFlags::IN));
    }
    let wait = Timespec {
        tv_sec: i64::try_from(wait.as_secs()).unwrap_or(0),
        tv_nsec: i64::from(wait.subsec_nanos()),
    };
    match poll(&mut waiting, Some(&wait)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Sends as much as goes. A child that reads no more gets no more.
fn send(stdin: &mut Option<ChildStdin>, bytes: &mut &[u8]) {
    while let Some(pipe) = stdin
        && !bytes.is_empty()
    {
        match pipe.write(bytes) {
            Ok(0) => *stdin = None,
            Ok(sent) => *bytes = &bytes[sent..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => *stdin = None,
        }
    }
}

/// Reads what is there; a stream that has come to its end is closed. A host that never stops sending does not keep the
/// caller here.
fn drain<R: Read>(
    stream: &mut Option<R>,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]) -> Result<(), Flood>,
) -> Result<(), Flood> {
    for _ in 0..64 {
        let Some(open) = stream else { return Ok(()) };
        match open.read(buffer) {
            Ok(0) => *stream = None,
            Ok(length) => take(&buffer[..length])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(_) => *stream = None,
        }
    }
    Ok(())
}

/// A round trip to the host's clock.
#[derive(Default)]
struct Clock {
    asked: Option<(SystemTime, Instant)>,
    took: Option<Duration>,
}

impl Clock {
    fn ask(&mut self) {
        self.asked = Some((SystemTime::now(), Instant::now()));
    }

    fn answered(&mut self) {
        self.took = self.asked.map(|(_, at)| at.elapsed());
    }

    fn measured(&self) -> Option<(i128, Duration)> {
        let (wall, _) = self.asked?;
        let since = i128::try_from(wall.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()?;
        Some((since, self.took?))
    }
}

/// A child that does not outlive this value.
struct Running {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Running {
    fn try_wait(&mut self) -> io::Result<bool> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait()?;
        }
        Ok(self.ended.is_some())
    }

    /// Ends the child with all of its group: asks, then insists. The child is waited for last, so that its number, which is
    /// that of its group, belongs to nobody else until then.
    fn stop(&mut self) {
        if self.ended.is_some() {
            return;
        }
        let group = Pid::from_child(&self.child);
        let _ = kill_process_group(group, Signal::TERM);
        let looking = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let asked = Instant::now();
        while asked.elapsed() < GRACE && matches!(waitid(WaitId::Pid(group), looking), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = kill_process_group(group, Signal::KILL);
        self.ended = self.child.wait().ok();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}
