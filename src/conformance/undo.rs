//! Between two steps, and at the end: taking away what the step before left, so that no step poisons the next.
//!
//! Always holds: only registrations and reservations with the run's mark are touched; the unit is looked at before and after,
//! and what could not be undone is said.

use std::thread;
use std::time::Duration;

use super::cast::{self, A, B, C};
use super::journal::Saved;
use super::judge::form;
use super::key;
use super::oracle::{Node, Order};
use super::outcome::Residue;
use super::outcome::StopKind;
use super::residue::{State, Whose, residue};
use super::stage::{Played, Stage, Stop};
use crate::iscsi::Transfer;
use crate::scsi::Cdb;
use crate::scsi::reservation::{Key, ReservationType};

/// How long a unit must be quiet whose count of changes is not as the standard has it. A test changes it every few
/// milliseconds.
const QUIET: Duration = Duration::from_millis(200);

fn second_test(before: u32, after: u32) -> Stop {
    let why = format!(
        "PRGENERATION went from {before} to {after} while this run began: a second test or a cluster is at work on the unit; \
         let only one run at a time"
    );
    Stop::ended(StopKind::Stranger, why)
}

/// How a unit is brought back, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The holder releases and every node unregisters, as they are believed to be.
    Orderly,
    /// Every node unregisters whatever it is registered with.
    Ignoring,
    /// One node preempts every key that is left, then releases and unregisters.
    Preempting,
    /// One node clears.
    Clearing,
    /// A node that just came clears: some targets want a registration younger than the reservation.
    ClearingAnew,
}

const WAYS: [Way; 5] = [Way::Orderly, Way::Ignoring, Way::Preempting, Way::Clearing, Way::ClearingAnew];

impl Stage<'_> {
    /// Makes sure that nobody else begins at the same moment: A registers, and PRGENERATION must have grown by that alone
    /// since the gate let the run in. Two tests that come through the gate together so see each other before either writes.
    pub fn claim(&mut self, at_the_gate: Option<u32>) -> Played {
        let Some(at_the_gate) = at_the_gate else { return Ok(()) };
        let before = self.keys(A)?;
        if before.generation != at_the_gate || !before.keys.is_empty() {
            return Err(second_test(at_the_gate, before.generation));
        }
        let joined = self.join(A);
        if let Err(Stop::Lost(_)) = joined {
            self.enter(A)?;
        } else {
            joined?;
        }
        let (own, after) = (self.key(A), self.keys(A)?);
        if after.keys == [own] && after.generation == at_the_gate.wrapping_add(1) {
            return Ok(());
        }
        // A target that counts in its own way, or a request whose answer was lost. Somebody at work would go on.
        if after.generation.wrapping_sub(at_the_gate) > 2 {
            return Err(second_test(at_the_gate, after.generation));
        }
        thread::sleep(QUIET);
        let later = self.keys(A)?;
        if later == after { Ok(()) } else { Err(second_test(after.generation, later.generation)) }
    }

    /// Brings the unit back to no key and no reservation. Sessions that are gone are opened again first.
    pub fn restore(&mut self) -> Played {
        let undoing = std::mem::replace(&mut self.undoing, true);
        let restored = self.restore_by_all_ways();
        self.undoing = undoing;
        restored
    }

    fn restore_by_all_ways(&mut self) -> Played {
        for node in [A, B, C] {
            if !self.is_there(node) {
                self.enter(node)?;
            }
        }
        let mut last = None;
        for way in WAYS {
            if way != Way::Orderly || self.oracle.keys().is_empty() {
                match self.is_blank() {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    Err(Stop::NotRun(why)) => last = Some(why),
                    Err(stop) => return Err(stop),
                }
            }
            match self.undo(way) {
                Ok(()) => {}
                // A way that does not work leaves it to the next.
                Err(Stop::NotRun(why) | Stop::NotSupported(why)) => last = Some(why),
                Err(stop) => return Err(stop),
            }
        }
        if self.is_blank()? {
            return Ok(());
        }
        let state = self.name_state()?;
        let reason = last.map(|why| format!(" ({why})")).unwrap_or_default();
        Err(Stop::ended(
            StopKind::Unrestored,
            format!("step {} left the unit with {state}, which could not be undone{reason}", self.step.id),
        ))
    }

    /// True when there is no key and no reservation; the oracle then starts anew.
    fn is_blank(&mut self) -> Played<bool> {
        let keys = self.keys(A)?;
        // Heads that do not share their state would leave something behind another portal.
        for viewer in self.portals() {
            let empty = if viewer == A { keys.keys.is_empty() } else { self.keys(viewer)?.keys.is_empty() };
            if !empty || self.reservation(viewer)?.holder.is_some() {
                return Ok(false);
            }
        }
        self.oracle.reset(keys.generation);
        Ok(true)
    }

    fn name_state(&mut self) -> Played<String> {
        let keys = self.keys(A)?.keys.len();
        let holder = self.reservation(A)?.holder;
        Ok(format!("{keys} keys and reservation: {}", self.name_holder(holder)))
    }

    fn undo(&mut self, way: Way) -> Played {
        match way {
            Way::Orderly => {
                let registrants: Vec<(Node, Key)> = self.oracle.registrants().collect();
                if let Some(kind) = self.oracle.reservation().and_then(|held| held.reservation_type())
                    && let Some((holder, key)) =
                        registrants.iter().find(|(node, _)| self.oracle.is_holder(*node)).copied()
                    && self.is_there(holder)
                {
                    self.dispatch(holder, &Order::Release { key, kind })?;
                }
                for (node, key) in registrants {
                    if self.is_there(node) {
                        self.dispatch(node, &Order::Register { key, new: Key(0) })?;
                    }
                }
                Ok(())
            }
            Way::Ignoring => {
                let keys = self.distinct_keys()?;
                for node in (0..self.cast.len()).map(Node) {
                    if self.is_there(node) {
                        self.unregister(node, &keys)?;
                    }
                }
                Ok(())
            }
            Way::Preempting => {
                self.join(A)?;
                for victim in self.distinct_keys()? {
                    let order = Order::Preempt {
                        key: self.key(A),
                        victim,
                        kind: ReservationType::WriteExclusive,
                        abort: false,
                    };
                    self.dispatch(A, &order)?;
                }
                // Its own key was among them, and where it did not hold it went with the others.
                self.join(A)?;
                if let Some(held) = self.reservation(A)?.holder {
                    let order = Order::Preempt {
                        key: self.key(A),
                        victim: held.key,
                        kind: ReservationType::WriteExclusive,
                        abort: false,
                    };
                    self.dispatch(A, &order)?;
                }
                if let Some(kind) = self.reservation(A)?.holder.and_then(|held| held.reservation_type()) {
                    let key = self.key(A);
                    self.dispatch(A, &Order::Release { key, kind })?;
                }
                let keys = self.distinct_keys()?;
                self.unregister(A, &keys)
            }
            Way::Clearing => {
                self.join(B)?;
                let key = self.key(B);
                self.dispatch(B, &Order::Clear { key }).map(|_| ())
            }
            Way::ClearingAnew => {
                if let Some(session) = self.cast[C.0].session.take() {
                    // Whether the old session ends well does not matter: the new one is another nexus.
                    let _ = session.logout();
                }
                self.cast[C.0].nexus.isid = cast::anew(self.cast[C.0].nexus.isid);
                self.enter(C)?;
                self.join(C)?;
                let key = self.key(C);
                self.dispatch(C, &Order::Clear { key }).map(|_| ())
            }
        }
    }

    fn distinct_keys(&mut self) -> Played<Vec<Key>> {
        let mut keys = self.keys(A)?.keys;
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// Registers a node with its own key, whatever it is registered with.
    fn join(&mut self, node: Node) -> Played {
        let new = self.key(node);
        if !self.dispatch(node, &Order::Ignore { key: Key(0), new })?.is_good() {
            self.dispatch(node, &Order::Register { key: Key(0), new })?;
        }
        Ok(())
    }

    /// Unregisters a node, whatever it is registered with.
    fn unregister(&mut self, node: Node, keys: &[Key]) -> Played {
        if !self.dispatch(node, &Order::Ignore { key: Key(0), new: Key(0) })?.is_good() {
            for key in keys {
                self.dispatch(node, &Order::Register { key: *key, new: Key(0) })?;
            }
        }
        Ok(())
    }
}

/// The end of a run: everything of ours away, the range as it was, and a last look through every portal.
pub(super) fn undo(stage: &mut Stage<'_>, saved: Option<&Saved>) -> Residue {
    stage.undoing = true;
    stage.changing = true;
    stage.come_back();
    if stage.restore().is_err() {
        stage.withdraw();
    }
    let blocks = saved.map_or(Ok(()), |saved| stage.put_back(saved));
    let mut left = stage.look_once_more();
    if let Err(why) = blocks {
        left.left.push(why);
    }
    left
}

impl Stage<'_> {
    /// Takes away only what is ours, node by node: for a unit on which a stranger is at work too.
    fn withdraw(&mut self) {
        self.changing = false;
        let known: Vec<Key> = self.oracle.keys();
        if let Some(kind) = self.oracle.reservation().and_then(|held| held.reservation_type()) {
            let registrants: Vec<(Node, Key)> = self.oracle.registrants().collect();
            for (node, key) in registrants {
                if self.oracle.is_holder(node) && self.is_there(node) {
                    // What does not work shows at the last look.
                    let _ = self.dispatch(node, &Order::Release { key, kind });
                }
            }
        }
        for node in (0..self.cast.len()).map(Node) {
            if self.is_there(node) {
                // Before the first step the oracle does not know that A has registered.
                let keys: Vec<Key> = known.iter().copied().chain([self.key(node)]).collect();
                let _ = self.unregister(node, &keys);
            }
        }
    }

    /// Brings the range back to what it was before the first write. Blocks that are as they were are left alone.
    fn put_back(&mut self, saved: &Saved) -> Result<(), String> {
        let range = saved.range;
        let unsure = |why: String| format!("perhaps blocks {range}, which hold data of this run: {why}");
        let words = |stop: Stop| match stop {
            Stop::NotRun(why) | Stop::NotSupported(why) | Stop::Lost(why) => why,
            Stop::Ended(stopped) => stopped.why,
        };
        let now = self.content(A).map_err(|stop| unsure(words(stop)))?;
        if now == saved.content {
            return Ok(());
        }
        let block = usize::try_from(self.geometry.block_bytes).unwrap_or(usize::MAX).max(1);
        let run = self.run;
        // As the cleanup has it: what is neither ours nor zeroed was written by somebody else, and stays.
        let strange = |now: &[u8]| key::run_of_block(now) != Some(run) && now.iter().any(|byte| *byte != 0);
        let mut others = None;
        for ((now, then), lba) in now.chunks(block).zip(saved.content.chunks(block)).zip(range.lba..) {
            if now == then {
                continue;
            }
            if strange(now) {
                others.get_or_insert(lba);
                continue;
            }
            let cdb = Cdb::Write { form: form(lba, 1), lba, blocks: 1, fua: true };
            let response =
                self.send(B, cdb, Transfer::Write(then.to_vec())).map_err(|stop| unsure(words(stop)))?;
            if !response.is_good() {
                return Err(unsure(format!("WRITE ended with {}", super::stage::shown(&response))));
            }
        }
        let now = self.content(A).map_err(|stop| unsure(words(stop)))?;
        if now == saved.content {
            return Ok(());
        }
        if let Some(lba) = others {
            return Err(format!(
                "blocks {range}: block {lba} holds data that is neither what stood there nor ours; it was left as it is"
            ));
        }
        let ours = now.chunks(block).filter(|block| key::run_of_block(block) == Some(run)).count();
        Err(format!("blocks {range}: they do not read as they were before, {ours} hold data of this run"))
    }

    fn look_once_more(&mut self) -> Residue {
        let lun = self.plan.subject.lun;
        let identity = self.plan.subject.identity.clone();
        let portals = self.plan.subject.portals.clone();
        let looks: Vec<(String, Result<State, String>)> = portals
            .iter()
            .enumerate()
            .map(|(place, portal)| {
                let node = if place == 0 { A } else { Node(3 + place) };
                let state = match self.session(node) {
                    Ok(session) => State::read(&mut session.unit(lun), true),
                    Err(Stop::Lost(why) | Stop::NotRun(why) | Stop::NotSupported(why)) => Err(why),
                    Err(Stop::Ended(stopped)) => Err(stopped.why),
                };
                (portal.to_string(), state)
            })
            .collect();
        residue(&looks, Whose::Run(self.run), identity.as_deref())
    }
}
