//! Undoing a run: from its run file, or, without one, by the marks that its keys bear.
//!
//! Always holds: the unit is first recognised as the one of the run; keys, reservations and blocks that do not bear our mark
//! are never touched; nothing is cleared while a stranger is registered, and keys are read again right before; at the end the
//! unit is looked at through every portal, and what was not seen to be gone is told as left.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use super::content::Areas;
use super::gate::{read_areas, side_by_side};
use super::journal::{RunRecord, Saved};
use super::key::{self, Mark, RunId, run_of_block};
use super::outcome::Residue;
use super::plan::{Access, Subject};
use super::residue::{Held, State, Whose, residue};
use crate::iscsi::{Error, Isid, Portal, Response, Session, Timeouts};
use crate::scsi::cdb::PrOut;
use crate::scsi::identity::canonical;
use crate::scsi::reservation::{Key, PrParameters, ReservationType};
use crate::scsi::{Lun, SenseKey, Status};

/// How often the ways of removing are gone through, at most.
const ROUNDS: u32 = 3;

/// How often a command that met a unit attention is sent again.
const ATTENTIONS: u32 = 8;

/// How many bytes are written with one command.
const CHUNK_BYTES: usize = 64 * 1024;

/// Opens sessions under names of this program.
pub trait Connect: Sync {
    /// A session through a portal, as this initiator port.
    ///
    /// # Errors
    /// Why there is none.
    fn connect(&self, portal: &Portal, initiator: &str, isid: Isid) -> Result<Session, Error>;
}

/// Opens sessions to a target, over the network.
#[derive(Debug, Clone)]
pub struct Dial {
    /// iSCSI name of the target.
    pub target: String,
    /// With what to log in.
    pub access: Access,
    /// How long things may take.
    pub timeouts: Timeouts,
}

impl Dial {
    /// With the usual times, and this one for a command.
    pub fn new(target: impl Into<String>, access: Access, command: Duration) -> Self {
        Self { target: target.into(), access, timeouts: Timeouts { command, ..Timeouts::default() } }
    }
}

impl Connect for Dial {
    fn connect(&self, portal: &Portal, initiator: &str, isid: Isid) -> Result<Session, Error> {
        Session::connect(portal, &self.access.login(initiator, &self.target, isid), self.timeouts)
    }
}

/// What a cleanup did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cleaned {
    /// What was removed and put back, in words.
    pub done: Vec<String>,
    /// Why nothing, or not all, was done, where that is so.
    pub refused: Option<String>,
    /// What it would have done.
    pub would: Vec<String>,
    /// What is left, or may be.
    pub residue: Residue,
}

impl Cleaned {
    /// True when nothing of ours is left, and that was seen.
    pub fn is_clean(&self) -> bool {
        self.residue.is_clean()
    }

    fn refuse(mut self, why: String) -> Self {
        self.residue.left.push(format!("perhaps something, because nothing was looked for: {why}"));
        self.refused = Some(why);
        self
    }
}

/// The unit as the cleanup must find it.
struct Wanted<'a> {
    portals: &'a [Portal],
    lun: Lun,
    identity: Option<&'a str>,
    size_bytes: Option<u64>,
}

/// Undoes a run by its run file: unregisters and preempts its keys, ends its reservation, puts the saved content back.
///
/// The run must not be at work any more; [`Journal::open`](super::journal::Journal::open) sees to that.
pub fn by_record(record: &RunRecord, connect: &dyn Connect) -> Cleaned {
    let wanted = Wanted {
        portals: &record.portals,
        lun: record.lun,
        identity: record.identity.as_deref(),
        size_bytes: record.blocks.checked_mul(record.block_bytes.into()),
    };
    let mut sweep = Sweep::enter(&wanted, Whose::Run(record.run), record.run, connect);
    sweep.known = record.reservations;
    if let Some(why) = sweep.mistaken() {
        return sweep.end().refuse(why);
    }
    for at in 0..sweep.paths.len() {
        sweep.remove(at, Some(record));
    }
    if let Some(saved) = &record.saved {
        sweep.put_back(record, saved);
    }
    sweep.end()
}

/// Removes the keys and reservations of every run of this program from a unit, where nobody else is registered. `poll` is
/// how long it watches first whether a test is still at work.
pub fn by_marks(subject: &Subject, connect: &dyn Connect, poll: Duration) -> Cleaned {
    let wanted = Wanted {
        portals: &subject.portals,
        lun: subject.lun,
        identity: subject.identity.as_deref(),
        size_bytes: subject.size_bytes,
    };
    let run = match RunId::random() {
        Ok(run) => run,
        Err(error) => return Cleaned::default().refuse(format!("the system gives no random bytes: {error}")),
    };
    let mut sweep = Sweep::enter(&wanted, Whose::Any, run, connect);
    if let Some(why) = sweep.mistaken() {
        return sweep.end().refuse(why);
    }
    let before = sweep.looks();
    if before.iter().all(|(_, look)| look.as_ref().is_ok_and(|state| state.is_clean(Whose::Any))) {
        return sweep.end();
    }
    if let Some(stranger) = sweep.stranger(&before) {
        return sweep.spare(&before, stranger);
    }
    thread::sleep(poll);
    let after = sweep.looks();
    if before != after {
        let mut cleaned = sweep.end();
        cleaned.refused = Some(format!(
            "keys or reservation changed within {} s: a test is at work on it; let it end, or end it",
            poll.as_secs_f32()
        ));
        return cleaned;
    }
    for at in 0..sweep.paths.len() {
        sweep.remove(at, None);
    }
    sweep.end()
}

/// A path to the unit.
struct Path {
    portal: Portal,
    session: Result<Session, String>,
    /// The portal leads to another unit.
    mistaken: Option<String>,
}

/// A cleanup at work.
struct Sweep<'a> {
    whose: Whose,
    run: RunId,
    lun: Lun,
    identity: Option<String>,
    connect: &'a dyn Connect,
    paths: Vec<Path>,
    cleaned: Cleaned,
    /// The unit knew persistent reservations, as far as is known.
    known: bool,
    /// A reservation of all registrants was there while we were among them and others too: nobody can tell whose it is.
    shared: bool,
    /// What is left besides keys and reservation.
    unrestored: Option<String>,
}

impl<'a> Sweep<'a> {
    fn enter(wanted: &Wanted<'_>, whose: Whose, run: RunId, connect: &'a dyn Connect) -> Self {
        let name = key::initiator_name(run, key::CLEANER);
        let paths = side_by_side(wanted.portals.iter().zip(1..), |(portal, number)| {
            let session = connect.connect(portal, &name, key::isid(run, key::CLEANER, number));
            let mut path =
                Path { portal: portal.clone(), session: session.map_err(|e| e.to_string()), mistaken: None };
            if let Ok(session) = &mut path.session {
                match recognise(session, wanted) {
                    Ok(()) => {}
                    Err(Unknown::Other(why)) => path.mistaken = Some(why),
                    Err(Unknown::Lost(why)) => path.session = Err(why),
                }
            }
            path
        });
        Self {
            whose,
            run,
            lun: wanted.lun,
            identity: wanted.identity.map(canonical),
            connect,
            paths,
            cleaned: Cleaned::default(),
            known: true,
            shared: false,
            unrestored: None,
        }
    }

    /// Why this is not the unit that is meant.
    fn mistaken(&self) -> Option<String> {
        let path = self.paths.iter().find(|path| path.mistaken.is_some())?;
        let why = path.mistaken.as_deref()?;
        Some(format!("LUN {} through {} {why}; it was not touched", self.lun, path.portal))
    }

    fn look(&mut self, at: usize) -> Result<State, String> {
        match &mut self.paths[at].session {
            Ok(session) => State::read(&mut session.unit(self.lun), self.known),
            Err(why) => Err(why.clone()),
        }
    }

    fn looks(&mut self) -> Vec<(String, Result<State, String>)> {
        (0..self.paths.len()).map(|at| (self.paths[at].portal.to_string(), self.look(at))).collect()
    }

    /// What stands in the way of clearing, as any portal shows it.
    fn stranger(&self, looks: &[(String, Result<State, String>)]) -> Option<String> {
        looks.iter().find_map(|(portal, look)| {
            let state = look.as_ref().ok()?;
            let strangers = state.strangers(self.whose);
            if let Some(first) = strangers.first() {
                let count = strangers.len();
                return Some(format!("{count} other key(s) are registered through {portal}, {first} first"));
            }
            let holder = state.holder.filter(|_| state.held(self.whose) == Held::Strangers)?;
            Some(format!(
                "it is reserved by somebody else through {portal}: {}",
                super::gate::reserved(&holder)
            ))
        })
    }

    /// Leaves a unit alone that others use, and says what it would have done.
    fn spare(mut self, looks: &[(String, Result<State, String>)], stranger: String) -> Cleaned {
        for (portal, look) in looks {
            let Ok(state) = look else { continue };
            for left in state.left(self.whose) {
                self.cleaned.would.push(format!("remove {left}, seen through {portal}"));
            }
        }
        self.cleaned.refused = Some(format!(
            "somebody else uses it: {stranger}. Without its run file nothing of a run is removed beside others; with it, \
             `quorate storage cleanup --run FILE` takes away only what the run registered"
        ));
        self.end()
    }

    /// A PERSISTENT RESERVE OUT that is sent again after unit attentions, which end a command before it is carried out.
    fn out(
        &mut self,
        at: usize,
        action: PrOut,
        kind: Option<ReservationType>,
        keys: (Key, Key),
    ) -> Result<Response, String> {
        let lun = self.lun;
        match &mut self.paths[at].session {
            Ok(session) => {
                let sent = send(session, lun, action, kind, keys);
                if let (Err(why), Some(_)) = (&sent, session.broken()) {
                    self.paths[at].session = Err(why.clone());
                }
                sent
            }
            Err(why) => Err(why.clone()),
        }
    }

    /// The key under which the cleanup registers through a path.
    fn own_key(&self, at: usize) -> Key {
        key::key(self.run, key::CLEANER, u8::try_from(at + 1).unwrap_or(u8::MAX))
    }

    /// Removes what is ours, as far as this path shows it.
    fn remove(&mut self, at: usize, record: Option<&RunRecord>) {
        for round in 0..ROUNDS {
            let Ok(state) = self.look(at) else { return };
            if state.is_clean(self.whose) {
                return;
            }
            if let Some(kind) = state.holder.and_then(|holder| holder.reservation_type()) {
                self.shared |= kind.is_all_registrants() && state.held(self.whose) == Held::Strangers;
            }
            if round > 0 && !self.renew(at) {
                return;
            }
            let alone = state.strangers(self.whose).is_empty() && state.held(self.whose) != Held::Strangers;
            if alone && self.clear(at) {
                continue;
            }
            if let Some(record) = record {
                self.unregister(&state, record);
            }
            // Without a run file a stranger that has come meanwhile ends it.
            if alone || record.is_some() {
                self.preempt(at);
            }
        }
    }

    /// A new session: some targets let only a registration that is younger than the reservation clear it.
    fn renew(&mut self, at: usize) -> bool {
        let number = u8::try_from(at + 1).unwrap_or(u8::MAX);
        let name = key::initiator_name(self.run, key::CLEANER);
        let path = &mut self.paths[at];
        if let Ok(session) = std::mem::replace(&mut path.session, Err("the session was closed".into())) {
            // A session that cannot be ended in order ends by the next login.
            let _ = session.logout();
        }
        let session = self.connect.connect(&path.portal, &name, key::isid(self.run, key::CLEANER, number));
        path.session = session.map_err(|error| error.to_string());
        path.session.is_ok()
    }

    /// Registers the cleanup itself through a path.
    fn join(&mut self, at: usize) -> bool {
        let own = self.own_key(at);
        let joined = |sent: Result<Response, String>| sent.is_ok_and(|response| response.is_good());
        joined(self.out(at, PrOut::RegisterAndIgnoreExistingKey, None, (Key(0), own)))
            || joined(self.out(at, PrOut::Register, None, (Key(0), own)))
    }

    fn part(&mut self, at: usize) {
        let own = self.own_key(at);
        // Whether it worked is seen by the look that follows.
        let _ = self.out(at, PrOut::Register, None, (own, Key(0)));
    }

    /// Registers, looks again, and clears everything. Gives whether that came to its end.
    fn clear(&mut self, at: usize) -> bool {
        if !self.join(at) {
            return false;
        }
        let own = self.own_key(at);
        let Ok(state) = self.look(at) else { return false };
        let alone = state.strangers(self.whose).is_empty() && state.held(self.whose) != Held::Strangers;
        if !alone {
            self.part(at);
            return false;
        }
        let left = state.left(self.whose).into_iter().filter(|left| *left != format!("key {own}"));
        let left: Vec<String> = left.collect();
        let cleared =
            self.out(at, PrOut::Clear, None, (own, Key(0))).is_ok_and(|response| response.is_good());
        if cleared {
            self.note(left);
        } else {
            self.part(at);
        }
        cleared
    }

    fn note(&mut self, removed: Vec<String>) {
        for text in removed {
            let text = format!("removed {text}");
            if !self.cleaned.done.contains(&text) {
                self.cleaned.done.push(text);
            }
        }
    }

    /// Comes back as each nexus of the record whose key is still registered, and unregisters it.
    fn unregister(&mut self, state: &State, record: &RunRecord) {
        let present: BTreeSet<Key> = state.ours(self.whose).into_iter().collect();
        let nexuses: Vec<_> = record
            .nexuses
            .iter()
            .filter(|nexus| nexus.key().is_some_and(|key| present.contains(&key)))
            .collect();
        let (connect, lun) = (self.connect, self.lun);
        // A few at a time: a target may bound the number of sessions.
        for group in nexuses.chunks(8) {
            let gone = side_by_side(group.iter(), |nexus| {
                let (isid, key) = (nexus.isid()?, nexus.key()?);
                let portal = record.portals.get(nexus.portal)?;
                let mut session = connect.connect(portal, &nexus.initiator, isid).ok()?;
                let sent = send(&mut session, lun, PrOut::Register, None, (key, Key(0)));
                let good = sent.is_ok_and(|response| response.is_good());
                // Logging out is no part of the work.
                let _ = session.logout();
                good.then_some(key)
            });
            self.note(gone.into_iter().flatten().map(|key| format!("key {key}")).collect());
        }
    }

    /// Preempts the keys of ours that are left, ends the reservation if that makes it ours, and unregisters.
    fn preempt(&mut self, at: usize) {
        let Ok(state) = self.look(at) else { return };
        if state.is_clean(self.whose) || !self.join(at) {
            return;
        }
        let own = self.own_key(at);
        let mut victims = state.ours(self.whose);
        if let Some(holder) = state.holder
            && self.whose.is_ours(holder.key)
            && !victims.contains(&holder.key)
        {
            // A reservation whose holder is not registered any more.
            victims.push(holder.key);
        }
        for victim in victims.into_iter().filter(|victim| *victim != own) {
            let kind = self
                .look(at)
                .ok()
                .and_then(|state| state.holder)
                .and_then(|holder| holder.reservation_type());
            let kind = kind.unwrap_or(ReservationType::WriteExclusiveRegistrantsOnly);
            if self
                .out(at, PrOut::Preempt, Some(kind), (own, victim))
                .is_ok_and(|response| response.is_good())
            {
                self.note(vec![format!("key {victim}")]);
            }
        }
        if let Ok(state) = self.look(at)
            && let Some(holder) = state.holder
            && state.held(self.whose) == Held::Ours
        {
            let released = self.out(at, PrOut::Release, holder.reservation_type(), (own, Key(0)));
            if released.is_ok_and(|response| response.is_good()) {
                self.note(vec![format!("reservation {}", super::gate::reserved(&holder))]);
            }
        }
        self.part(at);
    }

    /// Puts the saved content back where the run's own blocks stand, through the first path that lets it.
    fn put_back(&mut self, record: &RunRecord, saved: &Saved) {
        let mut why = "no portal lets us in".to_owned();
        for path in &mut self.paths {
            let Ok(session) = &mut path.session else { continue };
            match put_back(session, record, saved) {
                Ok(0) => return,
                Ok(blocks) => {
                    let text = format!(
                        "put the content of {blocks} block(s) in {} back and read it again",
                        saved.range
                    );
                    self.cleaned.done.push(text);
                    return;
                }
                Err(error) => why = error,
            }
        }
        self.unrestored = Some(why);
    }

    /// A reservation of the old kind, which no list shows: access conflicts where nobody holds a persistent one.
    fn classic(&mut self, looks: &[(String, Result<State, String>)]) -> Option<String> {
        let lun = self.lun;
        self.paths.iter_mut().zip(looks).find_map(|(path, (portal, look))| {
            let state = look.as_ref().ok()?;
            let session = path.session.as_mut().ok()?;
            let conflict = session.unit(lun).test_unit_ready().is_err_and(|error| error.is_conflict());
            (conflict && state.holder.is_none()).then(|| {
                format!(
                    "perhaps a reservation by RESERVE (6), because access conflicts through {portal}: it ends with the \
                     session that made it, or with a reset of the unit"
                )
            })
        })
    }

    /// The last look, and what is left.
    fn end(mut self) -> Cleaned {
        let looks = self.looks();
        let mut cleaned = std::mem::take(&mut self.cleaned);
        cleaned.residue = residue(&looks, self.whose, self.identity.as_deref());
        cleaned.residue.left.extend(self.classic(&looks));
        let held = looks.iter().find_map(|(_, look)| look.as_ref().ok()?.holder);
        if let (Some(holder), true) = (held, self.shared) {
            let kind = super::gate::reserved(&holder);
            cleaned.residue.left.push(format!(
                "perhaps the reservation {kind}: the run was among its holders, and others still are, so that it was left"
            ));
        }
        if let Some(why) = &self.unrestored {
            cleaned.residue.left.push(format!("blocks that the run wrote: {why}"));
        }
        for path in self.paths {
            if let Ok(session) = path.session {
                // All is done: a target that does not like to be left changes nothing of it.
                let _ = session.logout();
            }
        }
        cleaned
    }
}

/// Why a unit was not recognised.
enum Unknown {
    /// It is another one.
    Other(String),
    /// It did not answer.
    Lost(String),
}

/// Is it the unit of the run? A LUN number can mean another disk by now.
fn recognise(session: &mut Session, wanted: &Wanted<'_>) -> Result<(), Unknown> {
    let mut unit = session.unit(wanted.lun);
    if let Some(expected) = wanted.identity {
        let page = unit.device_identification();
        let serial = unit.unit_serial();
        let mut shown: Vec<String> = match page {
            Ok(page) => page.identities(),
            Err(error) if error.is_unsupported() => Vec::new(),
            Err(error) => return Err(Unknown::Lost(error.to_string())),
        };
        shown.extend(serial.ok().map(|serial| serial.0.trim().to_owned()));
        if !shown.contains(&canonical(expected)) && !shown.iter().any(|one| one == expected.trim()) {
            return Err(Unknown::Other(format!("shows {}, and not {expected}", shown.join(", "))));
        }
    }
    if let Some(expected) = wanted.size_bytes {
        let size = unit.capacity().map_err(|error| Unknown::Lost(error.to_string()))?.size_bytes();
        if size != Some(expected) {
            let size = size.map_or("no size".to_owned(), |size| format!("{size} bytes"));
            return Err(Unknown::Other(format!("has {size}, and not {expected}")));
        }
    }
    Ok(())
}

fn send(
    session: &mut Session,
    lun: Lun,
    action: PrOut,
    kind: Option<ReservationType>,
    keys: (Key, Key),
) -> Result<Response, String> {
    let parameters = PrParameters::new(keys.0, keys.1);
    let mut tries = 0;
    loop {
        let response =
            session.unit(lun).reserve_out(action, kind, &parameters).map_err(|error| error.to_string())?;
        let again = response.unit_attention().is_some()
            || matches!(response.status, Status::Busy | Status::TaskSetFull);
        if !again || tries == ATTENTIONS {
            return Ok(response);
        }
        if response.unit_attention().is_none() {
            thread::sleep(Duration::from_millis(100));
        }
        tries += 1;
    }
}

/// Puts blocks back and reads them again; gives how many had to be.
///
/// A block is put back where it bears the header of the run. One that does not, and is not as it was, is put back only where
/// it holds zeros, as after an UNMAP, and the first and last blocks of the unit are as they were: otherwise somebody has
/// taken the unit into use since, and what stands there is theirs.
fn put_back(session: &mut Session, record: &RunRecord, saved: &Saved) -> Result<usize, String> {
    let size = usize::try_from(record.block_bytes).map_err(|error| error.to_string())?;
    let mut unit = session.unit(record.lun);
    let read = |unit: &mut crate::iscsi::Unit<'_>| {
        read_range(unit, record, saved).map_err(|error| error.to_string())
    };
    let current = read(&mut unit)?;
    let pairs = current.chunks(size).zip(saved.content.chunks(size));
    let mut wrong: Vec<usize> = Vec::new();
    let mut zeroed = Vec::new();
    for (at, (now, _)) in pairs.enumerate().filter(|(_, (now, then))| now != then) {
        let lba = saved.range.lba + at as u64;
        match run_of_block(now) {
            Some(run) if run == record.run => {}
            None if now.iter().all(|byte| *byte == 0) => zeroed.push(lba),
            _ => {
                return Err(format!(
                    "block {lba} holds data that is neither what stood there nor ours; it was left as it is"
                ));
            }
        }
        wrong.push(at);
    }
    if wrong.is_empty() {
        return Ok(0);
    }
    if let Some(first) = zeroed.first()
        && !is_as_it_was(&mut unit, record, saved)?
    {
        return Err(format!(
            "block {first} was zeroed, and the first or last blocks of the unit have changed since the run: somebody \
             uses it; nothing was put back"
        ));
    }
    for run in wrong.chunk_by(|a, b| a + 1 == *b) {
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let bytes = &saved.content[first * size..(last + 1) * size];
        for (chunk, data) in (0..).zip(bytes.chunks((CHUNK_BYTES / size).max(1) * size)) {
            let lba = saved.range.lba + *first as u64 + (chunk * (CHUNK_BYTES / size).max(1)) as u64;
            write(&mut unit, lba, data, record.block_bytes)?;
        }
    }
    // A target without a cache has no such command.
    let _ = unit.synchronize_cache();
    if read(&mut unit)? == saved.content {
        Ok(wrong.len())
    } else {
        Err("what was put back does not read back".into())
    }
}

fn write(unit: &mut crate::iscsi::Unit<'_>, lba: u64, data: &[u8], block_bytes: u32) -> Result<(), String> {
    let mut forced = true;
    for _ in 0..=ATTENTIONS {
        let response =
            unit.write_blocks(lba, data.to_vec(), block_bytes, forced).map_err(|error| error.to_string())?;
        if response.is_good() {
            return Ok(());
        }
        let refused = response.sense.is_some_and(|sense| sense.key == SenseKey::IllegalRequest);
        if forced && refused {
            // Not every unit knows FUA.
            forced = false;
        } else if matches!(response.status, Status::Busy | Status::TaskSetFull) {
            thread::sleep(Duration::from_millis(100));
        } else if response.unit_attention().is_none() {
            let sense = response.sense.map(|sense| format!(": {sense}")).unwrap_or_default();
            return Err(format!("the write of block {lba} ended with {}{sense}", response.status));
        }
    }
    Err(format!("the write of block {lba} did not come to an end"))
}

fn read_range(
    unit: &mut crate::iscsi::Unit<'_>,
    record: &RunRecord,
    saved: &Saved,
) -> Result<Vec<u8>, crate::iscsi::CommandError> {
    let step =
        u32::try_from(CHUNK_BYTES).unwrap_or(u32::MAX).checked_div(record.block_bytes).unwrap_or(1).max(1);
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < saved.range.blocks {
        let now = step.min(saved.range.blocks - at);
        bytes.extend(unit.read_blocks(saved.range.lba + u64::from(at), now, record.block_bytes)?);
        at += now;
    }
    Ok(bytes)
}

/// Whether the first and last blocks are those that the gate saw, apart from the range itself.
fn is_as_it_was(
    unit: &mut crate::iscsi::Unit<'_>,
    record: &RunRecord,
    saved: &Saved,
) -> Result<bool, String> {
    let Some(digest) = &record.digest else { return Ok(false) };
    let mut areas = read_areas(unit, record.blocks, record.block_bytes).map_err(|error| error.to_string())?;
    lay_over(&mut areas, saved, record.block_bytes);
    Ok(areas.digest() == *digest)
}

/// The areas as they would be with the saved content in its place.
fn lay_over(areas: &mut Areas, saved: &Saved, block_bytes: u32) {
    let from = saved.range.lba.saturating_mul(block_bytes.into());
    let tail_start = areas.size_bytes.saturating_sub(areas.tail.len() as u64);
    for (byte, place) in saved.content.iter().zip(from..) {
        if let Some(at) = usize::try_from(place).ok().and_then(|place| areas.head.get_mut(place)) {
            *at = *byte;
        }
        let in_tail = place.checked_sub(tail_start).and_then(|place| usize::try_from(place).ok());
        if let Some(at) = in_tail.and_then(|place| areas.tail.get_mut(place)) {
            *at = *byte;
        }
    }
}

/// Which runs of this program left keys, in order.
pub fn runs(keys: &[Key]) -> Vec<RunId> {
    let runs: BTreeSet<RunId> = keys.iter().filter_map(|key| Mark::of(*key)).map(|mark| mark.run).collect();
    runs.into_iter().collect()
}

#[cfg(test)]
mod tests;
