//! All targets, sessions and tasks of a simulated target, behind one lock.
//!
//! One lock makes racing commands of several sessions happen one after the other, as a device server must. Always holds: a
//! nexus has one session (unless a fault says otherwise), a task ends exactly once, and the data under way stays below its
//! limit.

mod management;

use std::collections::{BTreeMap, BTreeSet};

use crate::iscsi::pdu::{DataOut, ReadyToTransfer, ScsiCommand};
use crate::scsi::{Lun, Sense, SenseKey, Status};
use crate::simtarget::block::BlockCommand;
use crate::simtarget::command::{Answer, Begun, Caller, absent_unit, illegal};
use crate::simtarget::config::Config;
use crate::simtarget::fault::{Fault, FaultSet};
use crate::simtarget::login::{OUT_OF_RESOURCES, Status as LoginStatus};
use crate::simtarget::negotiate::Terms;
use crate::simtarget::outbox::Outbox;
use crate::simtarget::reservations::Nexus;
use crate::simtarget::transfer::{Progress, Transfer, Violation};
use crate::simtarget::unit::LogicalUnit;

/// Sessions under the fault `few-sessions`.
const FEW_SESSIONS: usize = 4;

/// Counters since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Connections taken.
    pub connections: u64,
    /// Logins that reached the full feature phase, discovery included.
    pub logins: u64,
    /// Logins refused.
    pub refused_logins: u64,
    /// SCSI commands received.
    pub commands: u64,
    /// Commands that ended with RESERVATION CONFLICT.
    pub conflicts: u64,
    /// Tasks aborted before their end.
    pub aborted_tasks: u64,
    /// Connections ended because the initiator broke the protocol.
    pub violations: u64,
    /// Sessions now.
    pub sessions: usize,
    /// Memory that written blocks take now, in bytes.
    pub resident_bytes: u64,
}

/// One target with its units.
#[derive(Debug)]
pub(in crate::simtarget) struct TargetState {
    pub name: String,
    tags: Vec<u16>,
    luns: Vec<u16>,
    pub units: BTreeMap<u16, LogicalUnit>,
}

/// A command that waits for data.
#[derive(Debug)]
struct Task {
    /// As the initiator wrote it, for R2T.
    lun: Lun,
    unit: u16,
    cdb: [u8; 16],
    expected: u32,
    /// Bytes the command needs.
    needed: u64,
    transfer: Transfer,
    /// Bytes counted against the limit of data in flight.
    reserved: usize,
}

#[derive(Debug)]
struct Session {
    target: usize,
    nexus: Nexus,
    outbox: Outbox,
    tasks: BTreeMap<u32, Task>,
}

/// Identifies a session; never used twice.
pub(in crate::simtarget) type SessionId = u64;

/// A command that has ended, and what its response must say.
#[derive(Debug)]
pub(in crate::simtarget) struct Ended {
    pub answer: Answer,
    /// Bytes the command needed from the initiator.
    pub needed: u64,
    /// Expected data transfer length.
    pub expected: u32,
    /// Requests for data that were sent.
    pub requests: u32,
    /// Sense data goes out in descriptor format.
    pub descriptor_sense: bool,
}

/// What follows from a PDU of a session.
#[derive(Debug)]
pub(in crate::simtarget) enum Step {
    /// Respond.
    Ended(Box<Ended>),
    /// Nothing to send now.
    Wait,
    /// The session is no more.
    Gone,
    /// The initiator broke the protocol beyond repair.
    Broken,
}

#[derive(Debug)]
pub(in crate::simtarget) struct State {
    pub targets: Vec<TargetState>,
    faults: FaultSet,
    sessions: BTreeMap<SessionId, Session>,
    next_session: SessionId,
    most_sessions: usize,
    most_in_flight: usize,
    depth: usize,
    in_flight: usize,
    pub stats: Stats,
}

impl State {
    pub fn new(config: &Config) -> Self {
        let targets = config
            .targets
            .iter()
            .map(|target| {
                let tags: BTreeSet<u16> = config
                    .portals
                    .iter()
                    .enumerate()
                    .filter(|(index, _)| target.portals.is_empty() || target.portals.contains(index))
                    .map(|(_, portal)| portal.tag)
                    .collect();
                let first_tag = tags.first().copied().unwrap_or(1);
                let units = target
                    .units
                    .iter()
                    .map(|unit| {
                        let first = target.units.first().unwrap_or(unit);
                        let limits = config.limits;
                        let state = LogicalUnit::new(
                            unit,
                            first,
                            first_tag,
                            limits.resident_bytes,
                            limits.registrations,
                            config.faults,
                        );
                        (unit.lun, state)
                    })
                    .collect::<BTreeMap<_, _>>();
                TargetState {
                    name: target.name.clone(),
                    tags: tags.into_iter().collect(),
                    luns: units.keys().copied().collect(),
                    units,
                }
            })
            .collect();
        Self {
            targets,
            faults: config.faults,
            sessions: BTreeMap::new(),
            next_session: 1,
            most_sessions: config.limits.sessions,
            most_in_flight: config.limits.data_in_flight_bytes,
            depth: usize::from(config.negotiation.queue_depth),
            in_flight: 0,
            stats: Stats::default(),
        }
    }

    /// As at the start, except that session numbers go on: threads of old ones may still be ending.
    #[cfg(test)]
    pub fn blank(&mut self, config: &Config) {
        *self = Self { next_session: self.next_session, ..Self::new(config) };
    }

    pub fn set_faults(&mut self, faults: FaultSet) {
        self.faults = faults;
        for unit in self.targets.iter_mut().flat_map(|target| target.units.values_mut()) {
            unit.set_faults(faults);
        }
    }

    pub fn stats(&self) -> Stats {
        let units = self.targets.iter().flat_map(|target| target.units.values());
        Stats {
            sessions: self.sessions.len(),
            resident_bytes: units.map(LogicalUnit::resident_bytes).sum(),
            ..self.stats
        }
    }

    /// Begins a session; an older one of the same nexus ends (session reinstatement, RFC 7143 section 6.3.5).
    pub fn open(&mut self, target: usize, nexus: Nexus, outbox: Outbox) -> Result<SessionId, LoginStatus> {
        if !self.faults.has(Fault::ReinstatementIgnored) {
            let older: Vec<SessionId> = self
                .sessions
                .iter()
                .filter(|(_, session)| session.target == target && session.nexus == nexus)
                .map(|(id, _)| *id)
                .collect();
            for id in older {
                self.end(id);
            }
        }
        let most = if self.faults.has(Fault::FewSessions) { FEW_SESSIONS } else { self.most_sessions };
        if self.sessions.len() >= most {
            return Err(OUT_OF_RESOURCES);
        }
        for unit in self.targets.get_mut(target).into_iter().flat_map(|target| target.units.values_mut()) {
            unit.nexus_begins(&nexus);
        }
        let id = self.next_session;
        self.next_session += 1;
        self.sessions.insert(id, Session { target, nexus, outbox, tasks: BTreeMap::new() });
        Ok(id)
    }

    /// Ends a session and closes its connection at once.
    fn end(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get(&id) {
            session.outbox.close();
        }
        self.close(id, false);
    }

    /// Ends a session whose connection ends by itself.
    pub fn close(&mut self, id: SessionId, by_logout: bool) {
        let Some(session) = self.sessions.remove(&id) else { return };
        for task in session.tasks.values() {
            self.in_flight = self.in_flight.saturating_sub(task.reserved);
            self.stats.aborted_tasks += 1;
        }
        let twin = self
            .sessions
            .values()
            .any(|other| other.target == session.target && other.nexus == session.nexus);
        if twin {
            return;
        }
        let units =
            self.targets.get_mut(session.target).into_iter().flat_map(|target| target.units.values_mut());
        for unit in units {
            unit.nexus_ends(&session.nexus, by_logout);
        }
    }

    /// Power off and on: every session ends without a word.
    pub fn power_cycle(&mut self) {
        let ids: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in ids {
            self.end(id);
        }
        for unit in self.targets.iter_mut().flat_map(|target| target.units.values_mut()) {
            unit.power_cycle();
        }
    }

    /// Index of the target of a session.
    pub fn target_of(&self, id: SessionId) -> Option<usize> {
        self.sessions.get(&id).map(|session| session.target)
    }

    fn nexuses(&self, target: usize) -> Vec<Nexus> {
        let sessions = self.sessions.values().filter(|session| session.target == target);
        sessions.map(|session| session.nexus.clone()).collect()
    }

    /// Takes a SCSI command.
    pub fn command(&mut self, id: SessionId, pdu: &ScsiCommand, terms: Terms) -> Step {
        self.stats.commands += 1;
        let Some(session) = self.sessions.get(&id) else { return Step::Gone };
        if session.tasks.contains_key(&pdu.tag) {
            return Step::Broken;
        }
        let (busy, target) = (session.tasks.len() >= self.depth, session.target);
        let ended = |answer, needed| {
            Step::Ended(Box::new(Ended {
                answer,
                needed,
                expected: pdu.expected_bytes,
                requests: 0,
                descriptor_sense: false,
            }))
        };
        if busy {
            return ended(Answer::status(Status::TaskSetFull), 0);
        }
        let lenient = self.faults.has(Fault::ImmediateOverflowAccepted);
        if let Err(violation) = Transfer::start(pdu, 0, terms, lenient) {
            return ended(broken(violation), 0);
        }
        let nexus = session.nexus.clone();
        let logged_in = if sends_parameters(pdu.cdb[0]) { self.nexuses(target) } else { Vec::new() };
        let Some(state) = self.targets.get_mut(target) else { return Step::Gone };
        let caller = Caller {
            nexus: &nexus,
            target: &state.name,
            tags: &state.tags,
            luns: &state.luns,
            logged_in: &logged_in,
        };
        let number = pdu.lun.number().and_then(|number| u16::try_from(number).ok());
        let Some((number, unit)) =
            number.and_then(|number| state.units.get_mut(&number).map(|unit| (number, unit)))
        else {
            return ended(absent_unit(caller, &pdu.cdb), 0);
        };
        let offered = if pdu.write { pdu.expected_bytes } else { 0 };
        let begun = match unit.begin(caller, &pdu.cdb) {
            Begun::Done(answer)
                if answer.status == Status::Good && !BlockCommand::needs_exactly(&pdu.cdb, 0, offered) =>
            {
                Begun::Done(Answer::check(illegal(0x24, 0)))
            }
            Begun::Wants(wants) if !BlockCommand::needs_exactly(&pdu.cdb, wants, offered) => {
                Begun::Done(Answer::check(illegal(0x24, 0)))
            }
            begun => begun,
        };
        let (answer, needed) = match begun {
            Begun::Silence => return Step::Wait,
            Begun::Done(answer) => (answer, 0),
            Begun::Wants(needed) => match Transfer::start(pdu, needed, terms, lenient) {
                Err(violation) => (broken(violation), needed),
                Ok((transfer, Progress::Complete)) => {
                    (unit.finish(caller, &pdu.cdb, &transfer.into_data()), needed)
                }
                Ok((transfer, progress)) => {
                    let reserved = usize::try_from(needed.min(offered.into())).unwrap_or(usize::MAX);
                    if self.in_flight.saturating_add(reserved) > self.most_in_flight {
                        (Answer::status(Status::TaskSetFull), needed)
                    } else {
                        let task = Task {
                            lun: pdu.lun,
                            unit: number,
                            cdb: pdu.cdb,
                            expected: pdu.expected_bytes,
                            needed,
                            transfer,
                            reserved,
                        };
                        self.in_flight += reserved;
                        let Some(session) = self.sessions.get_mut(&id) else { return Step::Gone };
                        session.tasks.insert(pdu.tag, task);
                        return ask(&session.outbox, progress, pdu.lun, pdu.tag);
                    }
                }
            },
        };
        let descriptor_sense = unit.mode.descriptor_sense;
        self.settle(target, number, &answer);
        Step::Ended(Box::new(Ended {
            answer,
            needed,
            expected: pdu.expected_bytes,
            requests: 0,
            descriptor_sense,
        }))
    }

    /// Takes data of a command. Data of a task that is no more is dropped.
    pub fn data_out(&mut self, id: SessionId, pdu: &DataOut) -> Step {
        let Some(session) = self.sessions.get_mut(&id) else { return Step::Gone };
        let Some(task) = session.tasks.get_mut(&pdu.tag) else { return Step::Wait };
        let outcome = task.transfer.accept(pdu);
        if let Ok(progress @ (Progress::Wait | Progress::Ask(_))) = outcome {
            let lun = task.lun;
            return ask(&session.outbox, progress, lun, pdu.tag);
        }
        let (target, nexus) = (session.target, session.nexus.clone());
        let Some(task) = session.tasks.remove(&pdu.tag) else { return Step::Wait };
        self.in_flight = self.in_flight.saturating_sub(task.reserved);
        if let Err(violation) = outcome {
            // At error recovery level 0 nothing can be asked for again: the command ends, the session goes on.
            return Step::Ended(Box::new(Ended {
                answer: broken(violation),
                needed: task.needed,
                expected: task.expected,
                requests: task.transfer.requests(),
                descriptor_sense: false,
            }));
        }
        let logged_in = if sends_parameters(task.cdb[0]) { self.nexuses(target) } else { Vec::new() };
        let Some(state) = self.targets.get_mut(target) else { return Step::Gone };
        let caller = Caller {
            nexus: &nexus,
            target: &state.name,
            tags: &state.tags,
            luns: &state.luns,
            logged_in: &logged_in,
        };
        let Some(unit) = state.units.get_mut(&task.unit) else { return Step::Gone };
        let requests = task.transfer.requests();
        let answer = unit.finish(caller, &task.cdb, &task.transfer.into_data());
        let descriptor_sense = unit.mode.descriptor_sense;
        self.settle(target, task.unit, &answer);
        Step::Ended(Box::new(Ended {
            answer,
            needed: task.needed,
            expected: task.expected,
            requests,
            descriptor_sense,
        }))
    }

    /// What a command does to others.
    fn settle(&mut self, target: usize, unit: u16, answer: &Answer) {
        if answer.status == Status::ReservationConflict {
            self.stats.conflicts += 1;
        }
        for victim in &answer.aborted {
            let ids: Vec<SessionId> = self
                .sessions
                .iter()
                .filter(|(_, session)| session.target == target && session.nexus == *victim)
                .map(|(id, _)| *id)
                .collect();
            for id in ids {
                self.abort(id, Some(unit), true);
            }
        }
    }
}

/// Whether a command can need to know who else is logged in: MODE SELECT and PERSISTENT RESERVE OUT.
fn sends_parameters(code: u8) -> bool {
    matches!(code, 0x15 | 0x55 | 0x5f)
}

/// Asks for data where a task needs more. The request is queued under the lock of the state, so that it cannot come after the
/// status of a task that another session aborts.
fn ask(outbox: &Outbox, progress: Progress, lun: Lun, tag: u32) -> Step {
    match progress {
        Progress::Ask(r2t) => match outbox.post(ReadyToTransfer { lun, tag, ..r2t }) {
            Ok(()) => Step::Wait,
            Err(_) => Step::Gone,
        },
        Progress::Wait | Progress::Complete => Step::Wait,
    }
}

/// B/0C/0C or B/0C/0D (RFC 7143 section 11.4.7.2).
fn broken(violation: Violation) -> Answer {
    let ascq = match violation {
        Violation::Unsolicited => 0x0c,
        Violation::Amount => 0x0d,
    };
    Answer::check(Sense::new(SenseKey::AbortedCommand, 0x0c, ascq))
}
