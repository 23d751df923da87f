//! P40: the optional features, each tried against what the target says of itself.

use std::time::{Duration, Instant};

use crate::conformance::cast::{self, A, Actor, B, C};
use crate::conformance::judge::TYPE5;
use crate::conformance::oracle::{Expected, Node, Order};
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage, Stop, is_unsupported, patiently, shown};
use crate::conformance::step::Step;
use crate::iscsi::{Error, Event, Response, Session, Transfer};
use crate::scsi::cdb::{PrIn, PrOut};
use crate::scsi::reservation::{Capabilities, Key, PrParameters, TransportId};
use crate::scsi::{Cdb, Status};

/// How many registrations a large cluster needs.
const CROWD: u8 = 64;

/// How many of them log in side by side.
const BATCH: u8 = 16;

/// A login that takes longer is slow.
const SLOW_LOGIN: Duration = Duration::from_millis(250);

/// How long they may take; a target that logs in one after the other would take minutes.
const FOR_THE_CROWD: Duration = Duration::from_secs(5);

/// How long an answer to a question without room is waited for.
const FOR_AN_EMPTY_ANSWER: Duration = Duration::from_millis(1500);

/// A part of the step: what it is called, and what plays it.
type Part = (&'static str, fn(&mut Stage<'_>) -> Played);

const PARTS: [Part; 7] = [
    ("persistence through power loss", power_loss),
    ("registration for all target ports", all_target_ports),
    ("registration of named initiators", named_initiators),
    ("READ FULL STATUS", full_status),
    ("RESERVE (6) beside a persistent reservation", reserve6),
    ("64 registrations", crowd),
    ("READ KEYS with no room", no_room),
];

/// P40: options do what they say.
pub static P40: Step = Step {
    id: StepId::new(40),
    title: "options do what they say",
    does: "Tries persistence through power loss, registration for all target ports and for named initiators, \
        READ FULL STATUS, READ KEYS with no room, RESERVE (6) beside a reservation, and, where allowed, 64 \
        registrations at once.",
    expects: "What is advertised works, what is not is refused; the full status names each nexus; all 64 find \
        room.",
    meaning: "Registrations are lost with the power of the storage, tools cannot tell whose a key is, or a large \
        cluster does not fit.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::Veritas, Stack::FenceScsi, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clauses 5.13.5, 6.15.4, 6.15.5 and 6.16.3",
    play: p40,
};

fn p40(stage: &mut Stage<'_>) -> Played {
    let mut lacking = Vec::new();
    for (name, part) in PARTS {
        match part(stage) {
            Ok(()) => {}
            Err(Stop::NotSupported(why)) => lacking.push(format!("{name} ({why})")),
            Err(Stop::NotRun(why)) => stage.leave_out(format!("{name}: {why}")),
            Err(stop) => return Err(stop),
        }
        stage.restore()?;
    }
    if lacking.is_empty() { Ok(()) } else { Err(Stop::NotSupported(lacking.join("; "))) }
}

/// What the target says of itself now.
fn capabilities(stage: &mut Stage<'_>) -> Played<Capabilities> {
    let cdb = Cdb::PersistentReserveIn { action: PrIn::ReportCapabilities, alloc: 8 };
    let response = stage.send(A, cdb, Transfer::Read(8))?;
    if !response.is_good() {
        return Err(Stop::NotRun(format!("REPORT CAPABILITIES ended with {}", shown(&response))));
    }
    Capabilities::decode(&response.data)
        .map_err(|error| Stop::NotRun(format!("REPORT CAPABILITIES: {error}")))
}

fn register_with(stage: &mut Stage<'_>, node: Node, list: &PrParameters) -> Played<Response> {
    let list = list.encode();
    let length = u32::try_from(list.len()).unwrap_or(u32::MAX);
    let cdb = Cdb::PersistentReserveOut { action: PrOut::Register, scope: 0, kind: 0, length };
    stage.send(node, cdb, Transfer::Write(list))
}

/// What is not advertised must be refused; `true` when it is advertised.
fn offered(stage: &mut Stage<'_>, name: &str, advertised: bool, list: &PrParameters) -> Played {
    if advertised {
        return Ok(());
    }
    let response = register_with(stage, A, list)?;
    if response.is_good() {
        stage.depart_by(
            Severity::Minor,
            format!("REGISTER with {name}, which the capabilities do not offer"),
            "5/26/00",
            "GOOD",
        );
    }
    Err(Stop::NotSupported("not among the capabilities".into()))
}

/// APTPL is accepted if and only if PTPL_C is set, and PTPL_A follows it.
fn power_loss(stage: &mut Stage<'_>) -> Played {
    let list = PrParameters { persist_through_power_loss: true, ..PrParameters::new(Key(0), stage.key(A)) };
    let before = capabilities(stage)?;
    offered(stage, "APTPL", before.persist_through_power_loss, &list)?;
    let response = register_with(stage, A, &list)?;
    stage.judge_advertised("REGISTER with APTPL", &response);
    if !response.is_good() {
        return Ok(());
    }
    let key = stage.key(A);
    stage.oracle.order(A, &Order::Register { key: Key(0), new: key });
    let after = capabilities(stage)?;
    if !after.persist_through_power_loss_active {
        stage.depart("PTPL_A after REGISTER with APTPL", "1", "0");
    }
    stage.set_up(A, Order::Register { key, new: key })?;
    if capabilities(stage)?.persist_through_power_loss_active {
        stage.depart_by(Severity::Minor, "PTPL_A after REGISTER without APTPL", "0", "1");
    }
    Ok(())
}

/// ALL_TG_PT is accepted if and only if ATP_C is set, and then A may write through another portal group too.
fn all_target_ports(stage: &mut Stage<'_>) -> Played {
    let list = PrParameters { all_target_ports: true, ..PrParameters::new(Key(0), stage.key(A)) };
    let advertised = capabilities(stage)?.all_target_ports;
    offered(stage, "ALL_TG_PT", advertised, &list)?;
    let other = portal_of_another_group(stage)?;
    if let Some(other) = other {
        // The same initiator port at another target port: the registration has to be valid for it.
        stage.enter_as(other, stage.isid(A))?;
    }
    let response = register_with(stage, A, &list)?;
    stage.judge_advertised("REGISTER with ALL_TG_PT", &response);
    if !response.is_good() {
        return Ok(());
    }
    let key = stage.key(A);
    stage.oracle.order(A, &Order::Register { key: Key(0), new: key });
    let Some(other) = other else {
        return Err(Stop::NotRun(
            "that it covers other target ports was not tried: all portals are of one portal group".into(),
        ));
    };
    stage.oracle.order(other, &Order::Register { key: Key(0), new: key });
    stage.register(B)?;
    stage.reserve(B, TYPE5)?;
    stage.check_write(other, "with the name and ISID of A, which registered for all target ports")
}

/// A node at a portal of another portal group than A's: there the name and ISID of A are another nexus.
fn portal_of_another_group(stage: &mut Stage<'_>) -> Played<Option<Node>> {
    let group = stage.portal_group(A)?;
    for node in stage.portals() {
        let other = stage.portal_group(node)?;
        if node != A && group.is_some() && other.is_some() && other != group {
            return Ok(Some(node));
        }
    }
    Ok(None)
}

/// SPEC_I_PT is accepted if and only if SIP_C is set, and then registers B on behalf of A.
fn named_initiators(stage: &mut Stage<'_>) -> Played {
    let port = TransportId::Iscsi { name: stage.initiator(B), isid: Some(stage.isid(B).bytes()) };
    let list = PrParameters { initiator_ports: Some(vec![port]), ..PrParameters::new(Key(0), stage.key(A)) };
    let advertised = capabilities(stage)?.specify_initiator_ports;
    offered(stage, "SPEC_I_PT", advertised, &list)?;
    let response = register_with(stage, A, &list)?;
    stage.judge_advertised("REGISTER with SPEC_I_PT naming B", &response);
    if !response.is_good() {
        return Ok(());
    }
    let key = stage.key(A);
    for node in [A, B] {
        stage.oracle.order(node, &Order::Register { key: Key(0), new: key });
    }
    let listed = stage.keys(A)?.keys.len();
    if listed < 2 {
        stage.depart("list of keys after A registered itself and B", "2 keys", format!("{listed} keys"));
    }
    stage.expect_as(B, Order::Reserve { key, kind: TYPE5 }, "RESERVE by B, which A registered").map(|_| ())
}

/// READ FULL STATUS names each registered nexus, its key, and the holder.
fn full_status(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)?;
    let status = match stage.full_status(C)? {
        Ok(status) => status,
        Err(error) => {
            stage.depart("READ FULL STATUS", "a well-formed answer", error.to_string());
            return Ok(());
        }
    };
    for node in [A, B] {
        let name = stage.initiator(node).to_lowercase();
        let isid = stage.isid(node).bytes();
        let found = status.registrants.iter().find(|each| match &each.transport_id {
            TransportId::Iscsi { name: shown, isid: shown_isid } => {
                shown.to_lowercase() == name && *shown_isid == Some(isid)
            }
            TransportId::Other { .. } => false,
        });
        let what = format!("{} in READ FULL STATUS", stage.label(node));
        let Some(found) = found else {
            let names: Vec<_> =
                status.registrants.iter().take(8).map(|each| each.transport_id.to_string()).collect();
            let observed = if names.is_empty() { "nobody".into() } else { names.join(", ") };
            stage.depart(what, format!("{name},i,0x{}", hex::encode(isid)), observed);
            continue;
        };
        if found.key != stage.key(node) {
            stage.depart(format!("key of {what}"), stage.key(node).to_string(), found.key.to_string());
        }
        let expected = (node == A).then_some((0, TYPE5.code()));
        if found.holds != expected {
            let words = |holds: Option<(u8, u8)>| {
                holds.map_or("no holder".to_owned(), |(_, kind)| format!("holder of type {kind}"))
            };
            stage.depart(what, words(expected), words(found.holds));
        }
    }
    Ok(())
}

/// RESERVE (6) and RELEASE (6) while there is a persistent reservation (SPC-2 clause 5.5.1, SPC-4 clause 5.13.3).
fn reserve6(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)?;
    let before = stage.keys(A)?.keys;
    let reserve = stage.send(C, Cdb::Reserve6, Transfer::None)?;
    // At once: should C have got it, nobody else gets through.
    let release = stage.send(C, Cdb::Release6, Transfer::None)?;
    no_new_key(stage, &before)?;
    if is_unsupported(&reserve) {
        return Err(Stop::NotSupported(format!("RESERVE (6): {}", shown(&reserve))));
    }
    stage.judge("RESERVE (6) by unregistered C under type 5", Expected::Conflict, &reserve)?;
    if !matches!(release.status, Status::Good | Status::ReservationConflict) {
        stage.depart(
            "RELEASE (6) by unregistered C under type 5",
            "GOOD or RESERVATION CONFLICT",
            shown(&release),
        );
    }
    // Whatever happened, the persistent reservation must still be there.
    stage.check_state(A, "after RESERVE (6) and RELEASE (6) by C")
}

/// istgt takes RESERVE (6) or RELEASE (6) for a PERSISTENT RESERVE OUT without data, and registers its sender with what lies
/// in its memory.
fn no_new_key(stage: &mut Stage<'_>, before: &[Key]) -> Played {
    let changing = std::mem::replace(&mut stage.changing, false);
    let seen = stage.keys(A);
    stage.changing = changing;
    let Some(new) = seen?.keys.into_iter().find(|key| !before.contains(key)) else { return Ok(()) };
    let what = "keys after RESERVE (6) and RELEASE (6) by C";
    stage.depart(what, "unchanged", format!("a registration with key {new} appeared"));
    // Where it is C's own it goes now; where not, it is a stranger's, and the next look ends the run.
    stage.dispatch(C, &Order::Ignore { key: Key(0), new: Key(0) }).map(|_| ())
}

/// 64 nexuses register at once.
fn crowd(stage: &mut Stage<'_>) -> Played {
    if !stage.plan.fill_table {
        return Err(Stop::NotRun(
            "filling the table of registrations is not allowed (--fill-table allows it)".into(),
        ));
    }
    let (mut registered, mut refused, mut lost, mut sessions) = (0_u8, None, None, Vec::new());
    let begun = Instant::now();
    let together = if logs_in_side_by_side(stage) { CROWD } else { BATCH };
    for first in (0..CROWD).step_by(usize::from(together)) {
        if refused.is_some() || lost.is_some() || begun.elapsed() > FOR_THE_CROWD {
            break;
        }
        let batch: Vec<_> =
            (first..first + together).map(|number| (cast::crowd(stage.run, number), None)).collect();
        let opened = cast::open_all(stage.plan, &batch);
        for (number, ((nexus, _), opened)) in (usize::from(first)..).zip(batch.iter().zip(opened)) {
            match opened {
                Ok(mut session) => {
                    let response = register_in_crowd(stage, number, &mut session, Key(0), nexus.key);
                    match response {
                        Ok(response) if response.is_good() => registered += 1,
                        Ok(response) => {
                            refused.get_or_insert_with(|| format!("{}: {}", nexus.label, shown(&response)));
                        }
                        Err(error) => {
                            let reason = if error.is_answer() { &mut refused } else { &mut lost };
                            reason.get_or_insert_with(|| format!("{}: {error}", nexus.label));
                        }
                    }
                    sessions.push((number, nexus.key, session));
                }
                Err(error) => {
                    let reason = if error.is_answer() { &mut refused } else { &mut lost };
                    reason.get_or_insert_with(|| format!("{} cannot log in: {error}", nexus.label));
                }
            }
        }
    }
    let took = begun.elapsed();
    let listed = stage.keys(A)?.keys.len();
    if listed < usize::from(registered) {
        let what = format!("list of keys after {registered} registrations");
        stage.depart(what, format!("{registered} keys"), format!("{listed} keys"));
    }
    // Each takes its own key away: CLEAR would do it at once, but is not needed.
    for (number, key, mut session) in sessions {
        // What is left is seen and undone afterwards.
        let _ = register_in_crowd(stage, number, &mut session, key, Key(0));
    }
    match (refused, lost) {
        (Some(why), _) => {
            let observed = format!("{registered}, then {why}");
            stage.depart("registrations of 64 nexuses", "64", observed);
            Ok(())
        }
        // A connection that ends says nothing of the room in the table.
        (None, Some(why)) => {
            Err(Stop::NotRun(format!("{registered} nexuses registered, then a session was lost: {why}")))
        }
        (None, None) if registered < CROWD => Err(Stop::NotRun(format!(
            "{registered} nexuses registered within {:.0} s; more were not tried, because each login takes so long",
            took.as_secs_f32()
        ))),
        (None, None) => Ok(()),
    }
}

/// Whether the target takes long for a login, and no longer for many at once: the cast came together.
fn logs_in_side_by_side(stage: &Stage<'_>) -> bool {
    let times: Vec<Duration> = stage.cast.iter().filter_map(Actor::login_time).collect();
    let slow = times.iter().all(|time| *time > SLOW_LOGIN);
    times.len() >= usize::from(BATCH / 2)
        && slow
        && times.iter().all(|time| *time < 2 * SLOW_LOGIN.max(times[0]))
}

/// REGISTER on a session of the crowd.
fn register_in_crowd(
    stage: &mut Stage<'_>,
    number: usize,
    session: &mut Session,
    key: Key,
    new: Key,
) -> Result<Response, Error> {
    let list = PrParameters::new(key, new).encode();
    let cdb = Cdb::PersistentReserveOut { action: PrOut::Register, scope: 0, kind: 0, length: 24 };
    let begun = Instant::now();
    let result = patiently(session, stage.plan.subject.lun, cdb, &Transfer::Write(list.clone()));
    stage.note(cast::member(number), cdb.encode(), list, &result, begun.elapsed());
    result
}

/// READ KEYS with allocation length zero is answered GOOD, without data (SPC-4 clause 4.2.5.6).
fn no_room(stage: &mut Stage<'_>) -> Played {
    let lun = stage.plan.subject.lun;
    let most = FOR_AN_EMPTY_ANSWER.min(stage.plan.command_timeout);
    let usual = stage.plan.command_timeout;
    let cdb = Cdb::PersistentReserveIn { action: PrIn::ReadKeys, alloc: 0 };
    let session = stage.session(C)?;
    session.set_command_timeout(most);
    let answer = patiently(session, lun, cdb, &Transfer::None);
    session.set_command_timeout(usual);
    stage.note(C, cdb.encode(), Vec::new(), &answer, Duration::ZERO);
    match answer {
        // What is slow is no departure: the answer then comes before that to a ping.
        Err(error) if error.is_timeout() && is_late(stage)? => {
            Err(Stop::NotRun(format!("READ KEYS with allocation length zero: {error}, but later")))
        }
        Ok(response) => {
            if !response.is_good() {
                let what = "READ KEYS with allocation length zero";
                stage.depart_by(Severity::Minor, what, "GOOD without data", shown(&response));
            }
            Ok(())
        }
        Err(error) if error.is_timeout() => {
            stage.depart_by(
                Severity::Minor,
                "READ KEYS with allocation length zero",
                "GOOD without data",
                format!("no answer within {} s", most.as_secs_f32()),
            );
            // A session with a command that is never answered is of no more use.
            stage.leave(C, "a command of it was not answered");
            Ok(())
        }
        Err(error) => Err(stage.lost(C, &error)),
    }
}

/// Whether the answer to a command that C gave up comes after all: a session answers in order, so that the answer to a ping
/// comes behind it.
fn is_late(stage: &mut Stage<'_>) -> Played<bool> {
    let session = stage.session(C)?;
    session.take_events();
    match session.ping() {
        Ok(_) => Ok(session.take_events().iter().any(|event| matches!(event, Event::Late { .. }))),
        Err(error) => Err(stage.lost(C, &error)),
    }
}
