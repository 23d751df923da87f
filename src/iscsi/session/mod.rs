//! A session in full feature phase: commands in flight, numbering, data transfer, and what the target says unasked.
//!
//! One TCP connection, error recovery level 0, driven by the thread that holds the [`Session`]. Several commands may be
//! in flight: [`Session::submit`] sends one, [`Session::collect`] waits for it and serves all others meanwhile. Every wait
//! has a deadline. A target that breaks the numbering or the order of data ends the session with an error that says how.

mod connect;
mod receive;
mod stream;
mod task;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

pub use connect::Timeouts;
pub use task::{Residual, Response, Tag, Transfer};

use super::error::Error;
use super::frame::{Frame, FrameError};
use super::login::{LoginConfig, Negotiated};
use super::pdu::{LogoutRequest, NopOut, ScsiCommand, TaskFunction, TaskRequest, TextRequest};
use super::portal::Portal;
use super::text::{KeyBuffer, Keys, segments};
use super::{NO_TAG, serial_less};
use crate::scsi::{Cdb, Lun, Sense};
use task::{Kind, Outcome, Task};

/// Events that are kept until somebody takes them.
const KEPT_EVENTS: usize = 1000;

/// How often a command is sent again after a unit attention before its answer is given out as it is.
const ATTENTIONS: usize = 16;

/// Rounds of a text exchange.
const TEXT_ROUNDS: u32 = 64;

/// Something that happened beside the answers to commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A command met a unit attention condition and was sent again.
    UnitAttention {
        /// The logical unit.
        lun: Lun,
        /// The command that met it.
        command: String,
        /// The condition.
        sense: Sense,
    },
    /// An asynchronous message.
    Async {
        /// AsyncEvent; see [`async_event_name`](super::pdu::async_event_name).
        event: u8,
        /// The logical unit, for SCSI events.
        lun: Lun,
        /// The sense data, for SCSI events.
        sense: Option<Sense>,
        /// Parameters 1 to 3.
        parameters: [u16; 3],
    },
    /// The answer to a command that had been given up.
    Late {
        /// The command.
        command: String,
    },
}

/// A session.
pub struct Session {
    reader: connect::Reader,
    writer: connect::Writer,
    initiator_name: String,
    login: LoginConfig,
    negotiated: Negotiated,
    portal: Portal,
    redirected_from: Option<Portal>,
    local: SocketAddr,
    peer: SocketAddr,
    connect_time: Duration,
    login_time: Duration,
    timeouts: Timeouts,
    next_tag: u32,
    command_sn: u32,
    expected_status_sn: u32,
    expected_command_sn: u32,
    max_command_sn: u32,
    tasks: BTreeMap<u32, Task>,
    given_up: BTreeMap<u32, String>,
    events: VecDeque<Event>,
    announced: Option<u8>,
    broken: Option<String>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("portal", &self.portal)
            .field("initiator", &self.initiator_name)
            .field("in_flight", &self.tasks.len())
            .field("broken", &self.broken)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Connects to the portal and logs in. One redirection is followed. Where several CHAP algorithms are offered and the target
    /// refuses the request without naming a reason (02/00), MD5 is offered alone, once.
    pub fn connect(portal: &Portal, login: &LoginConfig, timeouts: Timeouts) -> Result<Self, Error> {
        let connected = connect::establish(portal, login, timeouts)?;
        let negotiated = connected.negotiated;
        Ok(Self {
            reader: connected.reader,
            writer: connected.writer,
            initiator_name: login.initiator_name.clone(),
            login: login.clone(),
            portal: connected.portal,
            redirected_from: connected.redirected_from,
            local: connected.local,
            peer: connected.peer,
            connect_time: connected.connect_time,
            login_time: connected.login_time,
            timeouts,
            next_tag: 1,
            command_sn: negotiated.command_sn,
            expected_status_sn: negotiated.expected_status_sn,
            expected_command_sn: negotiated.expected_command_sn,
            max_command_sn: negotiated.max_command_sn,
            negotiated,
            tasks: BTreeMap::new(),
            given_up: BTreeMap::new(),
            events: VecDeque::new(),
            announced: None,
            broken: None,
        })
    }

    /// What login agreed on.
    pub fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    /// With what the session was logged in.
    pub fn login(&self) -> &LoginConfig {
        &self.login
    }

    /// The portal of the connection, after a redirection the one that it led to.
    pub fn portal(&self) -> &Portal {
        &self.portal
    }

    /// The portal that redirected us, where one did.
    pub fn redirected_from(&self) -> Option<&Portal> {
        self.redirected_from.as_ref()
    }

    /// Our end of the connection.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// The target's end of the connection.
    pub fn peer_address(&self) -> SocketAddr {
        self.peer
    }

    /// How long the TCP connection took, with the resolution of the name.
    pub fn connect_time(&self) -> Duration {
        self.connect_time
    }

    /// How long the login took, without the TCP connection.
    pub fn login_time(&self) -> Duration {
        self.login_time
    }

    /// The time that each command submitted from now on may take.
    pub fn set_command_timeout(&mut self, timeout: Duration) {
        self.timeouts.command = timeout;
    }

    /// The command window that the target last offered: how many commands it takes at once.
    pub fn window(&self) -> u32 {
        let window = self.max_command_sn.wrapping_sub(self.expected_command_sn).wrapping_add(1);
        if window > 0x8000_0000 { 0 } else { window }
    }

    /// Takes what happened beside the answers, oldest first.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Why the session cannot be used any more, where it cannot.
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Sends a command and gives its tag. Waits only while the target's command window is closed.
    ///
    /// The data of a write goes out with the command as far as the target takes immediate data, the rest when it asks.
    pub fn submit(&mut self, lun: Lun, cdb: impl Into<[u8; 16]>, transfer: Transfer) -> Result<Tag, Error> {
        self.usable()?;
        let cdb = cdb.into();
        let name =
            Cdb::parse(&cdb).map_or_else(|_| format!("command {:02x}h", cdb[0]), |cdb| cdb.name().to_owned());
        let mut task = Task::new(Kind::Command, format!("{name} on LUN {lun}"), self.timeouts.command);
        task.lun = lun;
        let (read, write) = (matches!(transfer, Transfer::Read(_)), matches!(transfer, Transfer::Write(_)));
        match transfer {
            Transfer::None => {}
            Transfer::Read(bytes) => task.expected = bytes,
            Transfer::Write(data) => {
                task.expected = u32::try_from(data.len()).map_err(|_| {
                    Error::Usage(format!("{} bytes are too many for one command", data.len()))
                })?;
                task.outgoing = data;
            }
        }
        self.wait_for_window(&task)?;
        let immediate = if self.negotiated.immediate_data {
            let most = self.negotiated.first_burst.min(self.negotiated.target_segment);
            usize::try_from(most).unwrap_or(usize::MAX).min(task.outgoing.len())
        } else {
            0
        };
        task.sent = immediate;
        task.command_sn = self.command_sn;
        let tag = self.new_tag();
        let command = ScsiCommand {
            immediate: false,
            is_final: true,
            read,
            write,
            attribute: 1,
            lun,
            tag,
            expected_bytes: task.expected,
            command_sn: self.command_sn,
            expected_status_sn: self.expected_status_sn,
            cdb,
            data: task.outgoing[..immediate].to_vec(),
        };
        self.command_sn = self.command_sn.wrapping_add(1);
        task.started = Instant::now();
        task.deadline = task.started + task.allowed;
        self.send(&[command.into_frame()], task.deadline, &task.name)?;
        self.tasks.insert(tag, task);
        Ok(Tag(tag))
    }

    /// Waits for a command. When its time runs out the command is given up, the session stays usable.
    pub fn collect(&mut self, tag: Tag) -> Result<Response, Error> {
        match self.finish(tag.0)? {
            Outcome::Command(response) => Ok(response),
            _ => Err(Error::Usage("the tag belongs to no command".into())),
        }
    }

    /// Sends a command and waits for it.
    pub fn execute(
        &mut self,
        lun: Lun,
        cdb: impl Into<[u8; 16]>,
        transfer: Transfer,
    ) -> Result<Response, Error> {
        let tag = self.submit(lun, cdb, transfer)?;
        self.collect(tag)
    }

    /// As [`Session::execute`], but a command that met a unit attention is sent again, and each of them becomes an
    /// [`Event::UnitAttention`]. After sixteen in a row the answer is given out as it is.
    pub fn execute_settled(
        &mut self,
        lun: Lun,
        cdb: impl Into<[u8; 16]>,
        transfer: Transfer,
    ) -> Result<Response, Error> {
        let cdb = cdb.into();
        let mut seen = 0;
        loop {
            let response = self.execute(lun, cdb, transfer.clone())?;
            if response.unit_attention().is_none() || seen == ATTENTIONS {
                return Ok(response);
            }
            seen += 1;
            self.note_attention(lun, cdb, &response);
        }
    }

    /// Notes the unit attention that a command met, where it met one.
    pub(super) fn note_attention(&mut self, lun: Lun, cdb: impl Into<[u8; 16]>, response: &Response) {
        if let Some(sense) = response.unit_attention() {
            let command = Cdb::parse(&cdb.into()).map_or("a command", |cdb| cdb.name()).to_owned();
            self.note(Event::UnitAttention { lun, command, sense });
        }
    }

    /// Consumes the unit attentions that wait on a logical unit with TEST UNIT READY and gives them in order.
    pub fn drain_attentions(&mut self, lun: Lun) -> Result<Vec<Sense>, Error> {
        let mut drained = Vec::new();
        while drained.len() < ATTENTIONS {
            match self.execute(lun, Cdb::TestUnitReady, Transfer::None)?.unit_attention() {
                Some(sense) => drained.push(sense),
                None => break,
            }
        }
        Ok(drained)
    }

    /// Gives a command up: its answer, should it come, is dropped. The target still executes it; see [`Session::task_management`].
    pub fn abandon(&mut self, tag: Tag) {
        if let Some(task) = self.tasks.remove(&tag.0)
            && task.outcome.is_none()
        {
            self.given_up.insert(tag.0, task.name);
        }
    }

    /// Number of commands that are submitted and neither collected nor given up.
    pub fn in_flight(&self) -> usize {
        self.tasks.len()
    }

    /// Sends a task management function and gives the target's response code (RFC 7143 section 11.6.1; 0 is done).
    /// `task` is the command to abort, for ABORT TASK.
    pub fn task_management(
        &mut self,
        function: TaskFunction,
        lun: Lun,
        task: Option<Tag>,
    ) -> Result<u8, Error> {
        self.usable()?;
        let mut waiting =
            Task::new(Kind::TaskManagement, format!("{function:?} on LUN {lun}"), self.timeouts.command);
        waiting.lun = lun;
        let tag = self.new_tag();
        let referenced = task.and_then(|task| self.tasks.get(&task.0));
        let request = TaskRequest {
            immediate: true,
            function: function as u8,
            lun,
            tag,
            referenced_tag: task.map_or(NO_TAG, |task| task.0),
            command_sn: self.command_sn,
            expected_status_sn: self.expected_status_sn,
            referenced_command_sn: referenced.map_or(self.command_sn, |task| task.command_sn),
            ..TaskRequest::default()
        };
        self.send(&[request.into_frame()], waiting.deadline, &waiting.name)?;
        self.tasks.insert(tag, waiting);
        match self.finish(tag)? {
            Outcome::TaskManagement(response) => Ok(response),
            _ => Err(Error::Protocol("another answer to a task management request".into())),
        }
    }

    /// Pings the target and waits for the answer; gives the time it took.
    pub fn ping(&mut self) -> Result<Duration, Error> {
        self.usable()?;
        let task = Task::new(Kind::Nop, "NOP-Out", self.timeouts.command);
        let started = task.started;
        let tag = self.new_tag();
        let nop = NopOut {
            immediate: true,
            tag,
            transfer_tag: NO_TAG,
            command_sn: self.command_sn,
            expected_status_sn: self.expected_status_sn,
            ..NopOut::default()
        };
        self.send(&[nop.into_frame()], task.deadline, &task.name)?;
        self.tasks.insert(tag, task);
        self.finish(tag)?;
        Ok(started.elapsed())
    }

    /// A text exchange: sends these keys and gives all that the target answers, at most 64 KiB of it.
    pub fn text(&mut self, keys: &Keys) -> Result<Keys, Error> {
        self.usable()?;
        let mut buffer = KeyBuffer::default();
        let limit = usize::try_from(self.negotiated.target_segment).unwrap_or(usize::MAX);
        let mut outgoing: VecDeque<Vec<u8>> = segments(&keys.encode(), limit).into();
        let mut transfer_tag = NO_TAG;
        let mut lun = Lun::default();
        let tag = self.new_tag();
        for _ in 0..TEXT_ROUNDS {
            let task = Task::new(Kind::Text, "a Text Request", self.timeouts.command);
            let data = outgoing.pop_front().unwrap_or_default();
            let request = TextRequest {
                immediate: true,
                is_final: outgoing.is_empty(),
                continued: !outgoing.is_empty(),
                lun,
                tag,
                transfer_tag,
                command_sn: self.command_sn,
                expected_status_sn: self.expected_status_sn,
                data,
            };
            self.send(&[request.into_frame()], task.deadline, &task.name)?;
            self.tasks.insert(tag, task);
            let Outcome::Text(response) = self.finish(tag)? else {
                return Err(Error::Protocol("another answer to a Text Request".into()));
            };
            buffer.push(&response.data).map_err(|error| Error::Protocol(error.to_string()))?;
            if response.is_final && !response.continued && outgoing.is_empty() {
                return buffer.finish().map_err(|error| Error::Protocol(error.to_string()));
            }
            if response.transfer_tag == NO_TAG {
                return Err(Error::Protocol(
                    "a Text Response that is not the last has no Target Transfer Tag".into(),
                ));
            }
            transfer_tag = response.transfer_tag;
            lun = response.lun;
        }
        Err(Error::Protocol(format!("a text exchange without end: {TEXT_ROUNDS} rounds")))
    }

    /// Logs out and closes the connection.
    pub fn logout(mut self) -> Result<(), Error> {
        self.usable()?;
        let task = Task::new(Kind::Logout, "the Logout Request", self.timeouts.command);
        let tag = self.new_tag();
        let request = LogoutRequest {
            immediate: true,
            reason: 0,
            tag,
            connection: self.login.connection,
            command_sn: self.command_sn,
            expected_status_sn: self.expected_status_sn,
            ..LogoutRequest::default()
        };
        self.send(&[request.into_frame()], task.deadline, &task.name)?;
        self.tasks.insert(tag, task);
        match self.finish(tag)? {
            Outcome::Logout(0) => Ok(()),
            Outcome::Logout(response) => Err(Error::Logout(response)),
            _ => Err(Error::Protocol("another answer to a Logout Request".into())),
        }
    }

    /// Closes the connection without a logout, as a crashed host or a cut cable does.
    pub fn sever(self) {
        // What the kernel says to a shutdown of a dying connection changes nothing.
        let _ = self.reader.get_ref().tcp().shutdown(std::net::Shutdown::Both);
    }

    /// Resets the connection, as a host that lost its power and is back does, or a firewall: no logout, no orderly end.
    pub fn reset_connection(self) {
        let tcp = self.reader.get_ref().tcp();
        // Where the kernel refuses, the connection ends in good order, which is the milder case of the same loss.
        let _ = rustix::net::sockopt::set_socket_linger(tcp, Some(Duration::ZERO));
    }

    fn usable(&self) -> Result<(), Error> {
        match &self.broken {
            Some(why) => Err(Error::Broken(why.clone())),
            None => Ok(()),
        }
    }

    fn new_tag(&mut self) -> u32 {
        loop {
            let tag = self.next_tag;
            self.next_tag = self.next_tag.wrapping_add(1);
            if tag != NO_TAG && !self.tasks.contains_key(&tag) && !self.given_up.contains_key(&tag) {
                return tag;
            }
        }
    }

    fn note(&mut self, event: Event) {
        if self.events.len() == KEPT_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn breaks(&mut self, error: Error) -> Error {
        self.broken.get_or_insert_with(|| error.to_string());
        error
    }

    fn violation(&mut self, what: impl Into<String>) -> Error {
        self.breaks(Error::Protocol(what.into()))
    }

    fn send(&mut self, frames: &[Frame], deadline: Instant, name: &str) -> Result<(), Error> {
        self.writer.get_mut().set_deadline(deadline);
        match self.writer.write_all(frames) {
            Ok(()) => Ok(()),
            Err(source @ FrameError::TooLong { .. }) => Err(Error::Usage(format!("{name}: {source}"))),
            Err(source) => {
                let while_doing = format!("sending {name}");
                let error = if source.is_timeout() {
                    // Part of a PDU may have gone out: nothing more can be sent on this connection.
                    Error::Frame {
                        while_doing: format!("{while_doing}, which the target does not read"),
                        source,
                    }
                } else {
                    self.closed(while_doing, source)
                };
                Err(self.breaks(error))
            }
        }
    }

    fn closed(&self, while_doing: String, source: FrameError) -> Error {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
        match source {
            FrameError::Closed => Error::Closed { while_doing, announced: self.announced },
            FrameError::Io(error)
                if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset) =>
            {
                Error::Closed { while_doing, announced: self.announced }
            }
            source => Error::Frame { while_doing, source },
        }
    }

    fn wait_for_window(&mut self, task: &Task) -> Result<(), Error> {
        let mut others = 0;
        while serial_less(self.max_command_sn, self.command_sn) {
            others += 1;
            if !self.pump(task.deadline, &task.name, others)? {
                return Err(Error::Timeout {
                    what: format!("{}, for which the target's command window is closed", task.name),
                    after: task.allowed,
                    meanwhile: others - 1,
                    partial: self.reader.buffered(),
                });
            }
        }
        Ok(())
    }

    /// Serves the connection until the task has ended.
    fn finish(&mut self, tag: u32) -> Result<Outcome, Error> {
        let mut others = 0;
        loop {
            let Some(task) = self.tasks.get_mut(&tag) else {
                return Err(Error::Usage("the command was collected before".into()));
            };
            if let Some(outcome) = task.outcome.take() {
                self.tasks.remove(&tag);
                return match outcome {
                    Outcome::Failed(error) => Err(error),
                    outcome => Ok(outcome),
                };
            }
            let (deadline, allowed, name) = (task.deadline, task.allowed, task.name.clone());
            if let Err(error) = self.usable() {
                self.tasks.remove(&tag);
                return Err(error);
            }
            if !self.pump(deadline, &name, others)? {
                self.tasks.remove(&tag);
                self.given_up.insert(tag, name.clone());
                let partial = self.reader.buffered();
                return Err(Error::Timeout { what: name, after: allowed, meanwhile: others, partial });
            }
            others += 1;
        }
    }
}

#[cfg(test)]
mod tests;
