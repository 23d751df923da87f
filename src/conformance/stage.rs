//! The stage: the simulated nodes with their sessions, the unit before them, and a record of all that the running step sends.
//!
//! Always holds: every command goes through [`Stage::send`], which has a deadline, notes unit attentions with their nexus and
//! repeats what they interrupted; no command is sent after an interruption, except to undo; a key without the run's mark
//! ends the run.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use super::cast::{self, A, Actor};
use super::key::{Mark, RunId};
use super::latency::Operation;
use super::oracle::{Node, Oracle};
use super::outcome::{Departure, Exchange, StopKind, Stopped};
use super::plan::{BlockRange, Mode, Plan};
use super::run::Watch;
use super::step::Step;
use crate::iscsi::{Error, Isid, Response, Session, Transfer};
use crate::scsi::cdb::PrIn;
use crate::scsi::reservation::{Capabilities, FullStatus, Holder, Key, Keys, Reservation};
use crate::scsi::{Cdb, Lun, Malformed, SenseKey, Status};

/// How often a command is sent again after unit attentions.
const ATTENTIONS: usize = 16;

/// How often BUSY and TASK SET FULL are waited out.
const BUSY_TRIES: u32 = 8;

/// The first wait after BUSY; each further one is twice as long.
const BUSY_PAUSE: Duration = Duration::from_millis(2);

/// Bytes of data in either direction that a record keeps of one command.
const KEPT_BYTES: usize = 256;

/// Commands of one step that are recorded; the first ones are kept.
const KEPT_COMMANDS: usize = 4096;

/// Exchanges that a step's outcome shows at most.
const SHOWN_EXCHANGES: usize = 32;

/// Departures that one step reports at most.
const MOST_DEPARTURES: usize = 64;

/// Why a step, or the run, does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The target does not have what the step is about.
    NotSupported(String),
    /// The step cannot be judged.
    NotRun(String),
    /// A session was lost.
    Lost(String),
    /// The run must end.
    Ended(Stopped),
}

impl Stop {
    /// The run must end for this reason.
    pub fn ended(kind: StopKind, why: impl Into<String>) -> Self {
        Self::Ended(Stopped { kind, why: why.into() })
    }
}

/// What a step, or part of one, comes to.
pub type Played<T = ()> = Result<T, Stop>;

/// What the run knows of the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes of a logical block.
    pub block_bytes: u32,
    /// Number of blocks.
    pub blocks: u64,
    /// The blocks that may be written to.
    pub range: BlockRange,
}

#[derive(Debug, Clone)]
struct Sent {
    node: Node,
    cdb: [u8; 16],
    data_out: Vec<u8>,
    answer: String,
    sense: Vec<u8>,
    data_in: Vec<u8>,
    elapsed: Duration,
}

/// The stage of a run.
pub struct Stage<'run> {
    pub(super) plan: &'run Plan,
    pub(super) run: RunId,
    watch: &'run dyn Watch,
    pub(super) cast: Vec<Actor>,
    pub(super) oracle: Oracle,
    pub(super) geometry: Geometry,
    pub(super) step: &'static Step,
    /// Whether registrations may be made: keys without our mark then end the run.
    pub(super) changing: bool,
    /// Whether the run is being undone: interruptions do not count any more.
    pub(super) undoing: bool,
    pub(super) departures: Vec<Departure>,
    pub(super) left_out: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) capabilities: Option<Capabilities>,
    pub(super) samples: BTreeMap<Operation, Vec<Duration>>,
    record: Vec<Sent>,
    /// What is measured is not recorded.
    pub(super) unrecorded: bool,
    marked: BTreeSet<usize>,
    tag: u64,
}

impl std::fmt::Debug for Stage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("run", &self.run).field("step", &self.step.id).finish_non_exhaustive()
    }
}

impl<'run> Stage<'run> {
    /// A stage with this cast; nothing is sent.
    pub fn new(
        plan: &'run Plan,
        run: RunId,
        watch: &'run dyn Watch,
        cast: Vec<Actor>,
        geometry: Geometry,
    ) -> Self {
        Self {
            plan,
            run,
            watch,
            cast,
            oracle: Oracle::default(),
            geometry,
            step: super::step::STEPS[0],
            changing: false,
            undoing: false,
            departures: Vec::new(),
            left_out: Vec::new(),
            notes: Vec::new(),
            capabilities: None,
            samples: BTreeMap::new(),
            record: Vec::new(),
            unrecorded: false,
            marked: BTreeSet::new(),
            tag: 0,
        }
    }

    /// Begins a step: what was recorded of the one before is forgotten.
    pub fn begin(&mut self, step: &'static Step) {
        self.step = step;
        self.departures.clear();
        self.left_out.clear();
        self.notes.clear();
        self.record.clear();
        self.marked.clear();
        self.cast.iter_mut().for_each(|actor| actor.seen.clear());
    }

    /// True when blocks may be written.
    pub fn writes(&self) -> bool {
        self.plan.mode == Mode::PrWrite
    }

    /// What a node is called.
    pub fn label(&self, node: Node) -> String {
        match self.cast.get(node.0) {
            Some(actor) => actor.nexus.label.clone(),
            None => cast::member_label(self.run, node),
        }
    }

    /// The key of a node.
    pub fn key(&self, node: Node) -> Key {
        self.cast.get(node.0).map_or(Key(0), |actor| actor.nexus.key)
    }

    /// The iSCSI name of a node.
    pub fn initiator(&self, node: Node) -> String {
        self.cast.get(node.0).map(|actor| actor.nexus.initiator.clone()).unwrap_or_default()
    }

    /// The ISID of a node.
    pub fn isid(&self, node: Node) -> Isid {
        self.cast.get(node.0).map_or(Isid([0; 6]), |actor| actor.nexus.isid)
    }

    /// The portal group that the target named when a node logged in.
    pub fn portal_group(&mut self, node: Node) -> Played<Option<u16>> {
        Ok(self.session(node)?.negotiated().portal_group)
    }

    /// From now on a node has another ISID. It must not have a session.
    pub fn rename(&mut self, node: Node, isid: Isid) {
        if let Some(actor) = self.cast.get_mut(node.0) {
            actor.nexus.isid = isid;
        }
    }

    /// A node leaves and comes back with another ISID.
    pub fn enter_as(&mut self, node: Node, isid: Isid) -> Played {
        if let Some((_, session)) = self.lend(&[node]).pop() {
            // Whether the old session ends well does not matter: the new one is another nexus.
            let _ = session.logout();
        }
        self.rename(node, isid);
        self.enter(node)
    }

    /// A node is without a session from now on.
    pub fn leave(&mut self, node: Node, why: impl Into<String>) {
        if let Some(actor) = self.cast.get_mut(node.0) {
            actor.session = None;
            actor.absent = Some(why.into());
        }
    }

    /// Whether a node has a session.
    pub fn is_there(&self, node: Node) -> bool {
        self.cast.get(node.0).is_some_and(|actor| actor.session.is_some())
    }

    /// One node per portal: A through each.
    pub fn portals(&self) -> Vec<Node> {
        let further = (4..).map(Node).take(self.plan.subject.portals.len().saturating_sub(1));
        std::iter::once(A).chain(further).filter(|node| self.is_there(*node)).collect()
    }

    /// The other paths of A that have a session: the second one through the first portal, and one through each other portal.
    pub fn other_paths(&self) -> Vec<Node> {
        let further = (4..).map(Node).take(self.plan.subject.portals.len().saturating_sub(1));
        std::iter::once(cast::A2).chain(further).filter(|node| self.is_there(*node)).collect()
    }

    /// Everybody but A and its paths that has a session.
    pub fn racers(&self) -> Vec<Node> {
        let first = 4 + self.plan.subject.portals.len().saturating_sub(1);
        [cast::B, cast::C]
            .into_iter()
            .chain((first..self.cast.len()).map(Node))
            .filter(|node| self.is_there(*node))
            .collect()
    }

    /// Whether the run was interrupted.
    fn check_interruption(&self) -> Played {
        if !self.undoing && self.watch.interrupted() {
            return Err(Stop::ended(StopKind::Interrupted, "the run was interrupted"));
        }
        Ok(())
    }

    /// The session of a node.
    pub(super) fn session(&mut self, node: Node) -> Played<&mut Session> {
        let Some(actor) = self.cast.get_mut(node.0) else {
            return Err(Stop::NotRun(format!("there is no node {}", node.0)));
        };
        let label = &actor.nexus.label;
        match (&mut actor.session, &actor.absent) {
            (Some(session), _) => Ok(session),
            (None, Some(why)) => Err(Stop::Lost(format!("{label} has no session: {why}"))),
            (None, None) => Err(Stop::Lost(format!("{label} has no session"))),
        }
    }

    /// Sends a command of a node and gives its answer. Unit attentions are noted and the command is sent again, at most 16
    /// times; BUSY and TASK SET FULL are waited out.
    pub fn send(&mut self, node: Node, cdb: impl Into<[u8; 16]>, transfer: Transfer) -> Played<Response> {
        let cdb = cdb.into();
        let (mut attentions, mut busy, mut senseless, mut pause) = (0, 0, false, BUSY_PAUSE);
        loop {
            let response = self.send_once(node, cdb, transfer.clone())?;
            if let Some(sense) = response.unit_attention()
                && attentions < ATTENTIONS
            {
                attentions += 1;
                self.cast[node.0].seen.push(sense);
                continue;
            }
            if response.status == Status::CheckCondition && response.sense.is_none() && !senseless {
                // It may have been a unit attention: then the next answer is another one.
                senseless = true;
                continue;
            }
            if matches!(response.status, Status::Busy | Status::TaskSetFull) && busy < BUSY_TRIES {
                busy += 1;
                thread::sleep(pause);
                pause *= 2;
                continue;
            }
            return Ok(response);
        }
    }

    /// Sends a command of a node once and gives its answer as it is.
    pub fn send_once(
        &mut self,
        node: Node,
        cdb: impl Into<[u8; 16]>,
        transfer: Transfer,
    ) -> Played<Response> {
        self.check_interruption()?;
        let lun = self.plan.subject.lun;
        let cdb = cdb.into();
        let data_out = match &transfer {
            Transfer::Write(data) => data.iter().copied().take(KEPT_BYTES).collect(),
            _ => Vec::new(),
        };
        let begun = Instant::now();
        let result = self.session(node)?.execute(lun, cdb, transfer);
        let elapsed = begun.elapsed();
        self.note(node, cdb, data_out, &result, elapsed);
        result.map_err(|error| self.lost(node, &error))
    }

    /// Records a command that a session carried out by itself, as in a race.
    pub(super) fn note(
        &mut self,
        node: Node,
        cdb: [u8; 16],
        data_out: Vec<u8>,
        result: &Result<Response, Error>,
        elapsed: Duration,
    ) {
        if self.record.len() >= KEPT_COMMANDS || self.unrecorded {
            return;
        }
        let (answer, sense, data_in) = match result {
            Ok(response) => (
                shown(response),
                response.sense_bytes.clone(),
                response.data.iter().copied().take(KEPT_BYTES).collect(),
            ),
            Err(error) => (error.to_string(), Vec::new(), Vec::new()),
        };
        self.record.push(Sent { node, cdb, data_out, answer, sense, data_in, elapsed });
    }

    /// A session that failed is closed, so that nothing more is tried on it.
    pub(super) fn lost(&mut self, node: Node, error: &Error) -> Stop {
        let label = self.label(node);
        self.leave(node, error.to_string());
        Stop::Lost(format!("{label}: {error}"))
    }

    /// Opens the session of a node again, with the nexus that the cast has for it now.
    pub fn enter(&mut self, node: Node) -> Played {
        self.check_interruption()?;
        let burst = super::cast::burst(node);
        let Some(nexus) = self.cast.get(node.0).map(|actor| actor.nexus.clone()) else {
            return Err(Stop::NotRun(format!("there is no node {}", node.0)));
        };
        let opened = cast::open(self.plan, &nexus, burst);
        let actor = &mut self.cast[node.0];
        actor.enter(opened);
        // It had a session before, so that it may get one again.
        actor.refused = None;
        match (actor.login_time(), &actor.absent) {
            (Some(time), _) => {
                self.samples.entry(Operation::Login).or_default().push(time);
                Ok(())
            }
            (None, why) => {
                let why = why.clone().unwrap_or_default();
                Err(Stop::Lost(format!("{} cannot log in: {why}", self.label(node))))
            }
        }
    }

    /// Brings everybody back who had a session and lost it. Who does not come back stays away.
    pub(super) fn come_back(&mut self) {
        let undoing = std::mem::replace(&mut self.undoing, true);
        for node in (0..self.cast.len()).map(Node) {
            let actor = &self.cast[node.0];
            if actor.session.is_none() && actor.absent.is_some() && actor.refused.is_none() {
                // What it comes to shows when the node is needed.
                let _ = self.enter(node);
            }
        }
        self.undoing = undoing;
    }

    /// Takes the times of the logins that the whole cast began with.
    pub(super) fn note_logins(&mut self) {
        let times: Vec<Duration> = self.cast.iter().filter_map(Actor::login_time).collect();
        self.samples.entry(Operation::Login).or_default().extend(times);
    }

    /// Notes a departure of the severity of the step.
    pub fn depart(
        &mut self,
        what: impl Into<String>,
        expected: impl Into<String>,
        observed: impl Into<String>,
    ) {
        self.depart_by(super::outcome::Severity::Blocker, what, expected, observed);
    }

    /// Notes a departure that matters at most so much.
    pub fn depart_by(
        &mut self,
        most: super::outcome::Severity,
        what: impl Into<String>,
        expected: impl Into<String>,
        observed: impl Into<String>,
    ) {
        self.mark_last();
        if self.departures.len() < MOST_DEPARTURES {
            self.departures.push(Departure {
                what: what.into(),
                expected: expected.into(),
                observed: observed.into(),
                severity: most.min(self.step.severity),
            });
        }
    }

    /// Marks the last exchange, and the last change before it where it only looked.
    fn mark_last(&mut self) {
        let Some(last) = self.record.len().checked_sub(1) else { return };
        self.marked.insert(last);
        const PR_IN: u8 = 0x5e;
        const PR_OUT: u8 = 0x5f;
        if self.record[last].cdb[0] == PR_IN
            && let Some(change) = self.record.iter().rposition(|sent| sent.cdb[0] == PR_OUT)
        {
            self.marked.insert(change);
        }
    }

    /// The marked exchanges of the running step.
    pub fn wire(&self) -> Vec<Exchange> {
        self.marked
            .iter()
            .take(SHOWN_EXCHANGES)
            .filter_map(|at| self.record.get(*at))
            .map(|sent| self.exchange(sent))
            .collect()
    }

    fn exchange(&self, sent: &Sent) -> Exchange {
        let portal =
            self.cast.get(sent.node.0).and_then(|actor| self.plan.subject.portals.get(actor.nexus.portal));
        Exchange {
            node: self.label(sent.node),
            portal: portal.map(ToString::to_string).unwrap_or_default(),
            command: Cdb::parse(&sent.cdb)
                .map_or_else(|_| format!("command {:02x}h", sent.cdb[0]), |cdb| cdb.name().to_owned()),
            cdb: hex::encode(sent.cdb),
            data_out: hex::encode(&sent.data_out),
            answer: sent.answer.clone(),
            sense: hex::encode(&sent.sense),
            data_in: hex::encode(&sent.data_in),
            elapsed_us: u64::try_from(sent.elapsed.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// The answer to a PERSISTENT RESERVE IN, decoded; what cannot be read cannot be judged.
    fn ask<T>(
        &mut self,
        node: Node,
        action: PrIn,
        alloc: u16,
        decode: fn(&[u8]) -> Result<T, Malformed>,
    ) -> Played<T> {
        let cdb = Cdb::PersistentReserveIn { action, alloc };
        let response = self.send(node, cdb, Transfer::Read(alloc.into()))?;
        if !response.is_good() {
            return Err(Stop::NotRun(format!(
                "{} by {} ended with {}",
                action.name(),
                self.label(node),
                shown(&response)
            )));
        }
        decode(&response.data)
            .map_err(|error| Stop::NotRun(format!("{} by {}: {error}", action.name(), self.label(node))))
    }

    /// The keys as a node sees them. A key of somebody else ends a changing run.
    pub fn keys(&mut self, node: Node) -> Played<Keys> {
        let keys = self.ask(node, PrIn::ReadKeys, 8192, Keys::decode)?;
        if self.changing
            && let Some(stranger) = keys.keys.iter().find(|key| !Mark::is_of(**key, self.run))
        {
            let text = match Mark::of(*stranger) {
                Some(mark) => format!(
                    "key {stranger} of run {} appeared on the unit: a second test is at work on it; let only one run at a time",
                    mark.run
                ),
                None => format!("key {stranger} of somebody else appeared on the unit"),
            };
            return Err(Stop::ended(StopKind::Stranger, text));
        }
        Ok(keys)
    }

    /// The reservation as a node sees it. A holder that is not ours ends a changing run.
    pub fn reservation(&mut self, node: Node) -> Played<Reservation> {
        let reservation = self.ask(node, PrIn::ReadReservation, 64, Reservation::decode)?;
        if let Some(Holder { key, .. }) = reservation.holder
            && self.changing
            && key != Key(0)
            && !Mark::is_of(key, self.run)
        {
            let text = format!("a reservation of somebody else appeared on the unit, held with key {key}");
            return Err(Stop::ended(StopKind::Stranger, text));
        }
        Ok(reservation)
    }

    /// The answer to READ FULL STATUS, judged by the step itself.
    pub fn full_status(&mut self, node: Node) -> Played<Result<FullStatus, Malformed>> {
        let cdb = Cdb::PersistentReserveIn { action: PrIn::ReadFullStatus, alloc: 8192 };
        let response = self.send(node, cdb, Transfer::Read(8192))?;
        if is_unsupported(&response) {
            return Err(Stop::NotSupported(format!("READ FULL STATUS: {}", shown(&response))));
        }
        if !response.is_good() {
            return Err(Stop::NotRun(format!("READ FULL STATUS: {}", shown(&response))));
        }
        Ok(FullStatus::decode(&response.data))
    }

    /// A fresh tag for blocks to be written.
    pub fn next_tag(&mut self) -> u64 {
        self.tag += 1;
        self.tag
    }

    /// Takes the sessions of these nodes for threads of their own; they come back with [`Stage::give_back`].
    pub(super) fn lend(&mut self, nodes: &[Node]) -> Vec<(Node, Session)> {
        nodes.iter().filter_map(|node| Some((*node, self.cast.get_mut(node.0)?.session.take()?))).collect()
    }

    /// Takes a lent session back.
    pub(super) fn give_back(&mut self, node: Node, session: Session) {
        if let Some(actor) = self.cast.get_mut(node.0) {
            actor.session = Some(session);
        }
    }

    /// Pings every session, so that those which were idle for long answer what the target asked meanwhile. Gives the nodes
    /// whose session is gone; they have none any more.
    pub fn ping_all(&mut self) -> Vec<Node> {
        let mut gone = Vec::new();
        for (place, actor) in self.cast.iter_mut().enumerate() {
            if let Some(session) = &mut actor.session
                && let Err(error) = session.ping()
                && !error.is_survivable()
            {
                actor.session = None;
                actor.absent = Some(error.to_string());
                gone.push(Node(place));
            }
        }
        gone
    }
}

/// Sends a command on a session of its own thread until it is answered: neither a unit attention nor a busy device is an
/// answer to it.
pub(super) fn patiently(
    session: &mut Session,
    lun: Lun,
    cdb: Cdb,
    transfer: &Transfer,
) -> Result<Response, Error> {
    let (mut busy, mut senseless, mut pause) = (0, false, BUSY_PAUSE);
    loop {
        let response = session.execute_settled(lun, cdb, transfer.clone())?;
        if response.status == Status::CheckCondition && response.sense.is_none() && !senseless {
            senseless = true;
        } else if matches!(response.status, Status::Busy | Status::TaskSetFull) && busy < BUSY_TRIES {
            busy += 1;
            thread::sleep(pause);
            pause *= 2;
        } else {
            return Ok(response);
        }
    }
}

/// How a command ended, in words.
pub fn shown(response: &Response) -> String {
    match (response.status, &response.sense) {
        (Status::CheckCondition, Some(sense)) => format!("CHECK CONDITION: {sense}"),
        (Status::CheckCondition, None) => "CHECK CONDITION without sense data".into(),
        (status, _) => status.to_string(),
    }
}

/// True where the device says that it does not have the command or the service action: 5/20/00 or 5/24/00.
pub fn is_unsupported(response: &Response) -> bool {
    response.status == Status::CheckCondition
        && response.sense.is_some_and(|sense| {
            sense.is(SenseKey::IllegalRequest, 0x20, 0) || sense.is(SenseKey::IllegalRequest, 0x24, 0)
        })
}
