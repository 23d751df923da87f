//! Task management: ending tasks, alone or by the unit, and resets (RFC 7143 section 11.5, SAM-5 clause 7).

use super::{SessionId, State};
use crate::iscsi::pdu::{ScsiResponse, TaskFunction, TaskRequest};
use crate::scsi::Status;

/// Result of a task management function.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::simtarget) struct Managed {
    /// The response code (RFC 7143 section 11.6.1).
    pub response: u8,
    /// All sessions of the target end.
    pub drops_sessions: bool,
}

impl State {
    /// Ends the tasks of a session on one unit or all. TAS is set in the control mode page, so that tasks ended by somebody
    /// else get the status TASK ABORTED.
    pub(super) fn abort(&mut self, id: SessionId, unit: Option<u16>, by_another: bool) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let tags: Vec<u32> = session
            .tasks
            .iter()
            .filter(|(_, task)| unit.is_none_or(|unit| task.unit == unit))
            .map(|(tag, _)| *tag)
            .collect();
        for tag in tags {
            let Some(task) = session.tasks.remove(&tag) else { continue };
            self.in_flight = self.in_flight.saturating_sub(task.reserved);
            self.stats.aborted_tasks += 1;
            if by_another {
                let response = ScsiResponse {
                    status: Status::TaskAborted.to_byte(),
                    tag,
                    expected_data_sn: task.transfer.requests(),
                    underflow: task.expected > 0,
                    residual: task.expected,
                    ..ScsiResponse::default()
                };
                // A connection that cannot take it is closed, and its own thread ends the session.
                let _ = session.outbox.post(response);
            }
        }
    }

    /// Carries out a task management function (RFC 7143 section 11.5, SAM-5 clause 7).
    pub fn manage(&mut self, id: SessionId, request: &TaskRequest) -> Managed {
        const COMPLETE: u8 = 0;
        const NO_TASK: u8 = 1;
        const NO_UNIT: u8 = 2;
        const NO_REASSIGNMENT: u8 = 4;
        const UNSUPPORTED: u8 = 5;
        let done = |response| Managed { response, drops_sessions: false };
        let Some(session) = self.sessions.get_mut(&id) else { return done(NO_TASK) };
        let target = session.target;
        let number = request.lun.number().and_then(|number| u16::try_from(number).ok());
        let unit = number.filter(|number| {
            self.targets.get(target).is_some_and(|target| target.units.contains_key(number))
        });
        let Some(function) = TaskFunction::from_code(request.function) else { return done(UNSUPPORTED) };
        match function {
            TaskFunction::AbortTask => {
                let Some(task) = session.tasks.remove(&request.referenced_tag) else { return done(NO_TASK) };
                self.in_flight = self.in_flight.saturating_sub(task.reserved);
                self.stats.aborted_tasks += 1;
                done(COMPLETE)
            }
            TaskFunction::AbortTaskSet => match unit {
                Some(unit) => {
                    self.abort(id, Some(unit), false);
                    done(COMPLETE)
                }
                None => done(NO_UNIT),
            },
            TaskFunction::ClearTaskSet => match unit {
                Some(unit) => {
                    self.abort_all(target, Some(unit), id);
                    done(COMPLETE)
                }
                None => done(NO_UNIT),
            },
            TaskFunction::LogicalUnitReset => match unit {
                Some(number) => {
                    self.abort_all(target, Some(number), id);
                    let nexuses = self.nexuses(target);
                    let units = self.targets.get_mut(target).map(|target| &mut target.units);
                    if let Some(unit) = units.and_then(|units| units.get_mut(&number)) {
                        unit.reset(&nexuses);
                    }
                    done(COMPLETE)
                }
                None => done(NO_UNIT),
            },
            TaskFunction::TargetWarmReset | TaskFunction::TargetColdReset => {
                self.abort_all(target, None, id);
                let nexuses = self.nexuses(target);
                let units =
                    self.targets.get_mut(target).into_iter().flat_map(|target| target.units.values_mut());
                for unit in units {
                    unit.reset(&nexuses);
                }
                Managed { response: COMPLETE, drops_sessions: function == TaskFunction::TargetColdReset }
            }
            TaskFunction::TaskReassign => done(NO_REASSIGNMENT),
            TaskFunction::ClearAca => done(UNSUPPORTED),
        }
    }

    fn abort_all(&mut self, target: usize, unit: Option<u16>, issuer: SessionId) {
        let sessions = self.sessions.iter().filter(|(_, session)| session.target == target);
        let ids: Vec<SessionId> = sessions.map(|(id, _)| *id).collect();
        for id in ids {
            self.abort(id, unit, id != issuer);
        }
    }

    /// Ends all sessions at the target of this one; its own may still send what is queued.
    pub fn drop_sessions(&mut self, id: SessionId) {
        let Some(target) = self.sessions.get(&id).map(|session| session.target) else { return };
        let sessions = self.sessions.iter().filter(|(_, session)| session.target == target);
        let ids: Vec<SessionId> = sessions.map(|(id, _)| *id).collect();
        for each in ids {
            if each == id {
                if let Some(session) = self.sessions.get(&id) {
                    session.outbox.finish();
                }
            } else {
                self.end(each);
            }
        }
    }
}
