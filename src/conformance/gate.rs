//! The gate before a run: is it the unit that is meant, is it one unit through every portal, and does nobody use it?
//!
//! Reads only, through every portal, twice. Always holds: a run that changes something begins only where every question was
//! answered and every answer was the safe one; what cannot be found out is a refusal. A run that only reads must find the
//! unit that it expects, no more.

mod identity;
mod refusal;

pub use self::refusal::{Refusal, RefusalKind, not_let_in};

use self::identity::{Identified, expected, identify, range_of, same_unit};
use self::refusal::{Speaker, WHO, at_work};
use std::thread;
use std::time::{Duration, Instant};

use super::content::{self, Areas, HEAD_BYTES, Signature, TAIL_BYTES};
use super::key::{self, Mark, RunId};
use super::plan::{BlockRange, Mode, Plan, Subject};
use crate::iscsi::{CommandError, Session, Timeouts, Unit};
use crate::scsi::ports::AccessState;
use crate::scsi::reservation::{Holder, Key};

/// How much is read with one command, in bytes: every target takes that much.
const CHUNK_BYTES: u64 = 64 * 1024;

/// How often the wait between the two looks asks whether it is to end.
const BEAT: Duration = Duration::from_millis(20);

/// What the gate saw of a unit that it let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The best identity of VPD page 83h, or the serial number.
    pub identity: Option<String>,
    /// Vendor, product and revision.
    pub device: String,
    /// Bytes per logical block.
    pub block_bytes: u32,
    /// Logical blocks.
    pub blocks: u64,
    /// The blocks that may be written to, in mode `pr-write`.
    pub range: Option<BlockRange>,
    /// What stands on the unit, where that was looked at and is allowed.
    pub content: Vec<Signature>,
    /// SHA-256 of what stands in the first and last blocks, where it was looked at; see [`Areas::digest`].
    pub digest: Option<String>,
    /// Whether the unit knows persistent reservations; missing where it was not asked.
    pub reservations: Option<bool>,
    /// PRGENERATION at the end of the second look, through the first portal.
    pub generation: Option<u32>,
}

impl Passed {
    /// The size in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.blocks.saturating_mul(self.block_bytes.into())
    }
}

/// Logs in through every portal of the plan, side by side.
///
/// # Errors
/// The first portal, in the order of the plan, that does not let us in, and why.
pub fn enter(plan: &Plan, run: RunId) -> Result<Vec<Session>, Refusal> {
    let subject = &plan.subject;
    if subject.portals.is_empty() {
        let speaker = Speaker { subject, portal: None };
        return Err(speaker.refuse(
            RefusalKind::Plan,
            "no portal is given",
            "name at least one with --portal",
        ));
    }
    let timeouts = Timeouts { command: plan.command_timeout, ..Timeouts::default() };
    let name = key::initiator_name(run, key::GATE);
    let sessions = side_by_side(subject.portals.iter().zip(1..), |(portal, number)| {
        let login = subject.access.login(&name, &subject.target, key::isid(run, key::GATE, number));
        Session::connect(portal, &login, timeouts).map_err(|error| not_let_in(subject, portal, &error))
    });
    sessions.into_iter().collect()
}

/// Looks at the unit through every session, one for each portal of the plan in its order, and again after `plan.poll`.
///
/// # Errors
/// The first reason why the run may not begin. Nothing was changed then.
pub fn inspect(
    sessions: &mut [Session],
    plan: &Plan,
    interrupted: &(dyn Fn() -> bool + Sync),
) -> Result<Passed, Refusal> {
    let subject = &plan.subject;
    let changing = plan.mode > Mode::Inspect;
    let identified = every(sessions, subject, identify)?;
    let mut portals = identified.iter().zip(&subject.portals);
    let Some((first, portal)) = portals.next() else {
        let speaker = Speaker { subject, portal: None };
        return Err(speaker.refuse(
            RefusalKind::Plan,
            "no portal is given",
            "name at least one with --portal",
        ));
    };
    expected(first, portal, plan)?;
    let range = range_of(first, plan)?;
    let mut passed = Passed {
        identity: first.best(),
        device: first.device.clone(),
        block_bytes: first.block_bytes,
        blocks: first.blocks,
        range,
        content: Vec::new(),
        digest: None,
        reservations: None,
        generation: None,
    };
    if !changing {
        return Ok(passed);
    }
    for (other, at) in portals {
        same_unit(first, portal, other, at, plan)?;
    }
    let before = look(sessions, plan, first)?;
    if let Some(areas) = before.first() {
        passed.content = areas.content.clone();
        passed.digest = Some(areas.digest.clone());
        passed.reservations = Some(areas.generation.is_some());
    }
    wait(plan, interrupted)?;
    let after = look(sessions, plan, first)?;
    for ((before, after), portal) in before.iter().zip(&after).zip(&subject.portals) {
        let speaker = Speaker { subject, portal: Some(portal.clone()) };
        let when = format!("within {} s", plan.poll.as_secs_f32());
        if before.generation != after.generation {
            return Err(at_work(&speaker, before.generation, after.generation, &when));
        }
        if before.digest != after.digest {
            return Err(speaker.refuse(
                RefusalKind::Changing,
                format!("its first or last blocks were written to {when}: somebody is at work on it"),
                WHO,
            ));
        }
    }
    passed.generation = after.first().and_then(|look| look.generation);
    Ok(passed)
}

/// Does one thing with each item, each on a thread of its own, and gives the results in order.
pub(super) fn side_by_side<I: Send, T: Send>(
    items: impl IntoIterator<Item = I>,
    act: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let act = &act;
    thread::scope(|scope| {
        let running: Vec<_> = items.into_iter().map(|item| scope.spawn(move || act(item))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Asks through every session side by side; the first refusal in the order of the portals counts.
fn every<T: Send>(
    sessions: &mut [Session],
    subject: &Subject,
    ask: impl Fn(&mut Unit<'_>, &Speaker<'_>) -> Result<T, Refusal> + Sync,
) -> Result<Vec<T>, Refusal> {
    let results = side_by_side(sessions.iter_mut().zip(&subject.portals), |(session, portal)| {
        let speaker = Speaker { subject, portal: Some(portal.clone()) };
        ask(&mut session.unit(subject.lun), &speaker)
    });
    results.into_iter().collect()
}

/// Waits between the looks.
fn wait(plan: &Plan, interrupted: &(dyn Fn() -> bool + Sync)) -> Result<(), Refusal> {
    let until = Instant::now() + plan.poll;
    loop {
        if interrupted() {
            let speaker = Speaker { subject: &plan.subject, portal: None };
            return Err(speaker.refuse(
                RefusalKind::Interrupted,
                "the run was interrupted before it began",
                "nothing was changed",
            ));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(BEAT));
    }
}

/// What one look through one portal sees.
struct Look {
    /// PRGENERATION; missing where the unit knows no persistent reservations.
    generation: Option<u32>,
    content: Vec<Signature>,
    digest: String,
}

/// One look through every portal.
fn look(sessions: &mut [Session], plan: &Plan, first: &Identified) -> Result<Vec<Look>, Refusal> {
    let subject = &plan.subject;
    let looks = every(sessions, subject, |unit, speaker| {
        let before = reservations(unit, speaker)?;
        ready(unit, speaker, first)?;
        let areas =
            read_areas(unit, first.blocks, first.block_bytes).map_err(|error| speaker.unanswered(&error))?;
        // Again, because reading the content takes long enough for somebody to begin meanwhile.
        let generation = reservations(unit, speaker)?;
        if generation != before {
            return Err(at_work(speaker, before, generation, "while its first and last blocks were read"));
        }
        let digest = areas.digest();
        Ok((Look { generation, content: areas.signatures(), digest }, areas.run(first.block_bytes)))
    })?;
    for ((look, run), portal) in looks.iter().zip(&subject.portals) {
        let speaker = Speaker { subject, portal: Some(portal.clone()) };
        let allowed = |name: &str| plan.allow_nonblank.iter().any(|allowed| allowed == name);
        if let Some(run) = run
            && !allowed(content::OURS_NAME)
        {
            return Err(speaker.refuse(
                RefusalKind::OtherTester,
                format!("blocks of run {run} of quorate stand on it"),
                "let that run end, or put the content back with `quorate storage cleanup --run FILE`",
            ));
        }
        let forbidden: Vec<String> =
            look.content.iter().filter(|found| !allowed(found.name)).map(ToString::to_string).collect();
        if !forbidden.is_empty() {
            return Err(speaker.refuse(
                RefusalKind::Content,
                format!("it is not blank: {}", forbidden.join(", ")),
                "take a blank unit; only if nobody needs what is on this one, allow each by its name with \
                 --allow-nonblank",
            ));
        }
        let (first, _) = &looks[0];
        if look.digest != first.digest || look.generation.is_some() != first.generation.is_some() {
            return Err(speaker.refuse(
                RefusalKind::OtherUnit,
                format!("its content differs from that through {}", subject.portals[0]),
                "the portals lead to two units of the same name, or somebody writes to it; nothing was changed",
            ));
        }
    }
    Ok(looks.into_iter().map(|(look, _)| look).collect())
}

/// Nobody is registered, nobody holds a reservation. Gives PRGENERATION, or nothing where the unit says that it knows no
/// persistent reservations, so that nobody can have any.
fn reservations(unit: &mut Unit<'_>, speaker: &Speaker<'_>) -> Result<Option<u32>, Refusal> {
    let absent = |error: &CommandError| {
        matches!(error, CommandError::Status { sense: Some(_), .. }) && error.is_unsupported()
    };
    let keys = match unit.read_keys() {
        Ok(keys) => keys,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(speaker.unanswered(&error)),
    };
    if let Some(refusal) = keys_refused(&keys.keys, speaker) {
        return Err(refusal);
    }
    if keys.list_bytes != 0 {
        return Err(speaker.refuse(
            RefusalKind::Keys,
            format!("it says that it has {} bytes of keys and does not show them", keys.list_bytes),
            "what cannot be found out counts as unsafe; look at the target",
        ));
    }
    let reservation = unit.read_reservation().map_err(|error| speaker.unanswered(&error))?;
    match reservation.holder {
        None => Ok(Some(keys.generation)),
        Some(holder) => Err(match Mark::of(holder.key) {
            Some(mark) => other_tester(speaker, &format!("a reservation of run {} of quorate", mark.run)),
            None => speaker.refuse(
                RefusalKind::Reservation,
                format!("it is reserved: {}", reserved(&holder)),
                "a cluster uses it, or one that is gone left it; find out which before you touch it",
            ),
        }),
    }
}

fn keys_refused(keys: &[Key], speaker: &Speaker<'_>) -> Option<Refusal> {
    let ours = keys.iter().find_map(|key| Mark::of(*key));
    let strangers: Vec<String> =
        keys.iter().filter(|key| Mark::of(**key).is_none()).map(ToString::to_string).collect();
    if let (Some(mark), true) = (ours, strangers.is_empty()) {
        return Some(other_tester(speaker, &format!("keys of run {} of quorate", mark.run)));
    }
    let count = strangers.len();
    let shown = strangers.into_iter().take(8).collect::<Vec<_>>().join(", ");
    (count > 0).then(|| {
        speaker.refuse(
            RefusalKind::Keys,
            format!(
                "it is in use: {count} key(s) are registered, {shown}{}",
                if count > 8 { ", ..." } else { "" }
            ),
            "take a unit that no cluster uses; nothing was changed",
        )
    })
}

fn other_tester(speaker: &Speaker<'_>, what: &str) -> Refusal {
    let subject = speaker.subject;
    let portals: Vec<String> = subject.portals.iter().map(|portal| format!(" --portal {portal}")).collect();
    speaker.refuse(
        RefusalKind::OtherTester,
        format!("there are {what}: another test is at work, or one was cut off"),
        format!(
            "let it end, or remove what it left with `quorate storage cleanup {} {}{}`",
            subject.target,
            subject.lun,
            portals.concat()
        ),
    )
}

/// A reservation in words.
pub(super) fn reserved(holder: &Holder) -> String {
    let kind =
        holder.reservation_type().map_or_else(|| format!("type {}", holder.kind), |kind| kind.to_string());
    match holder.reservation_type() {
        Some(kind) if kind.is_all_registrants() => kind.to_string(),
        _ => format!("{kind} by key {}", holder.key),
    }
}

/// The unit answers commands of the medium, may be written to, and the path is active.
fn ready(unit: &mut Unit<'_>, speaker: &Speaker<'_>, first: &Identified) -> Result<(), Refusal> {
    if first.alua {
        alua(unit, speaker, first)?;
    }
    unit.test_unit_ready().map_err(|error| speaker.unanswered(&error))?;
    match unit.mode_sense() {
        Ok(mode) if mode.write_protected => Err(speaker.refuse(
            RefusalKind::WriteProtected,
            "it is write protected",
            "a cluster cannot use it as it is; take the protection off at the target",
        )),
        Ok(_) => Ok(()),
        // Without the command nothing says that the unit is protected; a write would be refused by itself.
        Err(error) if error.is_unsupported() => Ok(()),
        Err(error) => Err(speaker.unanswered(&error)),
    }
}

fn alua(unit: &mut Unit<'_>, speaker: &Speaker<'_>, first: &Identified) -> Result<(), Refusal> {
    let groups = match unit.target_port_groups() {
        Ok(groups) => groups,
        Err(error) if error.is_unsupported() => return Ok(()),
        Err(error) => return Err(speaker.unanswered(&error)),
    };
    // Each portal has a port of its own, which its own page 83h names.
    let here = match unit.device_identification() {
        Ok(page) => (page.port_group(), page.relative_port()),
        Err(_) => (first.group, first.port),
    };
    let group = here
        .0
        .and_then(|number| groups.0.iter().find(|group| group.group == number))
        .or_else(|| here.1.and_then(|port| groups.of_port(port)));
    let active = |state| matches!(state, AccessState::ActiveOptimized | AccessState::ActiveNonOptimized);
    let state = match group {
        Some(group) => Some(group.state),
        // Which group is ours is not told: then all that there are must do.
        None => groups.0.iter().map(|group| group.state).find(|state| !active(*state)),
    };
    match state {
        Some(state) if !active(state) => Err(speaker.refuse(
            RefusalKind::NotActive,
            format!("the path is {state}"),
            "name the portals whose paths are active, or bring the path up",
        )),
        _ => Ok(()),
    }
}

/// Reads the first and last blocks of a unit.
///
/// # Errors
/// The first READ that did not succeed.
pub fn read_areas(unit: &mut Unit<'_>, blocks: u64, block_bytes: u32) -> Result<Areas, CommandError> {
    let block = u64::from(block_bytes.max(1));
    let mut read = |from: u64, count: u64| -> Result<Vec<u8>, CommandError> {
        let mut bytes = Vec::new();
        let step = (CHUNK_BYTES / block).max(1);
        let mut at = from;
        while at < from + count {
            let now = step.min(from + count - at);
            bytes.extend(unit.read_blocks(at, u32::try_from(now).unwrap_or(u32::MAX), block_bytes)?);
            at += now;
        }
        Ok(bytes)
    };
    let head = blocks.min(HEAD_BYTES / block);
    let tail = blocks.min(TAIL_BYTES / block);
    Ok(Areas {
        head: read(0, head)?,
        tail: read(blocks - tail, tail)?,
        size_bytes: blocks.saturating_mul(block),
    })
}

#[cfg(test)]
mod tests;
