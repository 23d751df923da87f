//! Judging: each order is sent to the target and to the oracle, and what differs is a departure of the running step.
//!
//! Always holds: what was only set up for a step is never that step's departure; a setup that fails leaves the step not run,
//! with the reason. A refusal in other words than the standard's is a lesser departure than an order that was carried out.

use super::key::{self};
use super::oracle::{Expected, Node, Order, Told};
use super::outcome::{Severity, StopKind};
use super::stage::{Played, Stage, Stop, is_unsupported, shown};
use crate::iscsi::{Response, Transfer};
use crate::scsi::cdb::Form;
use crate::scsi::reservation::{Holder, Key, ReservationType};
use crate::scsi::{Cdb, Sense, SenseKey, Status};

/// Type 5, with which clusters work.
pub const TYPE5: ReservationType = ReservationType::WriteExclusiveRegistrantsOnly;

impl Stage<'_> {
    /// Sends an order. What can remove somebody's registration is preceded and followed by a look at the keys.
    pub(super) fn dispatch(&mut self, by: Node, order: &Order) -> Played<Response> {
        if order.is_destructive() {
            self.keys(by)?;
        }
        let list = order.parameters().encode();
        let length = u32::try_from(list.len()).unwrap_or(u32::MAX);
        let cdb = Cdb::PersistentReserveOut { action: order.action(), scope: 0, kind: order.kind(), length };
        let response = self.send(by, cdb, Transfer::Write(list))?;
        if response.is_good() {
            if order.is_destructive() {
                self.keys(by)?;
            } else if matches!(order, Order::Reserve { .. }) && self.keys(by)?.keys.is_empty() {
                let why = "all keys of this run vanished when it reserved the unit: somebody else clears it";
                return Err(Stop::ended(StopKind::Stranger, why));
            }
        }
        Ok(response)
    }

    /// Sends an order that the step is not about but needs; it must be answered GOOD.
    pub fn set_up(&mut self, by: Node, order: Order) -> Played {
        let expected = self.oracle.order(by, &order);
        let response = self.dispatch(by, &order)?;
        if expected != Expected::Good || !response.is_good() {
            let label = self.label(by);
            return Err(Stop::NotRun(format!(
                "{order} by {label}, which this step needs, ended with {}",
                shown(&response)
            )));
        }
        Ok(())
    }

    /// Sends an order and judges how it ends. Where the target does not have it, the step is not supported.
    pub fn expect(&mut self, by: Node, order: Order) -> Played<Response> {
        let what = format!("{order} by {}", self.label(by));
        self.expect_as(by, order, &what)
    }

    /// As [`Stage::expect`], with words of the step for what is done.
    pub fn expect_as(&mut self, by: Node, order: Order, what: &str) -> Played<Response> {
        let expected = self.oracle.order(by, &order);
        let response = self.dispatch(by, &order)?;
        self.judge(what, expected, &response)?;
        Ok(response)
    }

    /// Judges how a command ended.
    pub(super) fn judge(&mut self, what: &str, expected: Expected, response: &Response) -> Played {
        let as_expected = match expected {
            Expected::Good => response.is_good(),
            Expected::Conflict => response.status == Status::ReservationConflict,
            Expected::Illegal(asc, ascq) => {
                response.status == Status::CheckCondition
                    && response.sense.is_some_and(|sense| sense.is(SenseKey::IllegalRequest, asc, ascq))
            }
        };
        if as_expected {
            return Ok(());
        }
        if expected == Expected::Good && is_unsupported(response) {
            return Err(Stop::NotSupported(format!("{what}: {}", shown(response))));
        }
        let refused = expected != Expected::Good && is_refusal(response);
        let most = if refused { Severity::Minor } else { Severity::Blocker };
        self.depart_by(most, what, expected.to_string(), shown(response));
        Ok(())
    }

    /// Registers a node with its own key, as a setup.
    pub fn register(&mut self, node: Node) -> Played {
        self.set_up(node, Order::Register { key: Key(0), new: self.key(node) })
    }

    /// Reserves with the key of the node, as a setup.
    pub fn reserve(&mut self, node: Node, kind: ReservationType) -> Played {
        self.set_up(node, Order::Reserve { key: self.key(node), kind })
    }

    /// Releases with the key of the node, as a setup.
    pub fn release(&mut self, node: Node, kind: ReservationType) -> Played {
        self.set_up(node, Order::Release { key: self.key(node), kind })
    }

    /// A node preempts the key of another, as a setup.
    pub fn preempt(&mut self, by: Node, victim: Node, kind: ReservationType) -> Played {
        self.set_up(by, self.preemption(by, victim, kind))
    }

    /// PREEMPT of the key of another node.
    pub fn preemption(&self, by: Node, victim: Node, kind: ReservationType) -> Order {
        Order::Preempt { key: self.key(by), victim: self.key(victim), kind, abort: false }
    }

    /// A key that bears the mark of the run and that nobody has.
    pub fn nobodys_key(&self) -> Key {
        super::cast::nobodys_key(self.run)
    }

    /// Compares the set of keys with the oracle's.
    pub fn check_keys(&mut self, viewer: Node, when: &str) -> Played {
        let mut seen = self.keys(viewer)?.keys;
        let mut expected = self.oracle.keys();
        for keys in [&mut seen, &mut expected] {
            keys.sort_unstable();
            keys.dedup();
        }
        if seen != expected {
            let what = format!("keys {when}, as {} sees them", self.label(viewer));
            let (expected, seen) = (self.name_keys(&expected), self.name_keys(&seen));
            self.depart(what, expected, seen);
        }
        Ok(())
    }

    /// Compares the keys one by one with the oracle's: each as often as it is registered.
    pub fn count_keys(&mut self, viewer: Node, when: &str) -> Played {
        let mut seen = self.keys(viewer)?.keys;
        let mut expected = self.oracle.keys();
        seen.sort_unstable();
        expected.sort_unstable();
        if seen != expected {
            let what = format!("list of keys {when}, as {} sees it", self.label(viewer));
            let (expected, seen) = (self.name_keys(&expected), self.name_keys(&seen));
            self.depart(what, expected, seen);
        }
        Ok(())
    }

    fn name_keys(&self, keys: &[Key]) -> String {
        if keys.is_empty() {
            return "none".into();
        }
        let name = |key: &Key| match self.cast.iter().find(|actor| actor.nexus.key == *key) {
            Some(actor) => format!("{key} ({})", actor.nexus.label),
            None => key.to_string(),
        };
        keys.iter().map(name).collect::<Vec<_>>().join(", ")
    }

    /// Compares the reservation with the oracle's.
    pub fn check_reservation(&mut self, viewer: Node, when: &str) -> Played {
        let seen = self.reservation(viewer)?.holder;
        let expected = self.oracle.reservation();
        if seen != expected {
            let what = format!("reservation {when}, as {} sees it", self.label(viewer));
            let (expected, seen) = (self.name_holder(expected), self.name_holder(seen));
            self.depart(what, expected, seen);
        }
        Ok(())
    }

    /// A reservation in words.
    pub fn name_holder(&self, holder: Option<Holder>) -> String {
        match holder {
            None => "none".into(),
            Some(Holder { key, scope, kind }) => {
                let scope = if scope == 0 { String::new() } else { format!(", scope {scope}") };
                format!("type {kind} held with key {}{scope}", self.name_keys(&[key]))
            }
        }
    }

    /// Keys and reservation are as the oracle has them.
    pub fn check_state(&mut self, viewer: Node, when: &str) -> Played {
        self.check_keys(viewer, when)?;
        self.check_reservation(viewer, when)
    }

    /// The keys, each once, and the reservation, as a node sees them.
    pub fn snapshot(&mut self, viewer: Node) -> Played<(Vec<Key>, Option<Holder>)> {
        let mut keys = self.keys(viewer)?.keys;
        keys.sort_unstable();
        keys.dedup();
        Ok((keys, self.reservation(viewer)?.holder))
    }

    /// Keys and reservation are as they were.
    pub fn check_unchanged(
        &mut self,
        viewer: Node,
        before: &(Vec<Key>, Option<Holder>),
        when: &str,
    ) -> Played {
        let now = self.snapshot(viewer)?;
        if now != *before {
            let words = |stage: &Self, (keys, holder): &(Vec<Key>, Option<Holder>)| {
                format!("keys {}; reservation {}", stage.name_keys(keys), stage.name_holder(*holder))
            };
            let (before, now) = (words(self, before), words(self, &now));
            self.depart(format!("keys and reservation {when}"), format!("unchanged: {before}"), now);
        }
        Ok(())
    }

    /// PRGENERATION as a node sees it.
    pub fn generation(&mut self, viewer: Node) -> Played<u32> {
        Ok(self.keys(viewer)?.generation)
    }

    /// Compares PRGENERATION with a former value plus a step.
    pub fn check_generation(&mut self, viewer: Node, before: u32, by: u32, when: &str) -> Played {
        let (seen, expected) = (self.generation(viewer)?, before.wrapping_add(by));
        if seen != expected {
            let what = format!("PRGENERATION {when}, {before} before");
            self.depart(what, expected.to_string(), seen.to_string());
        }
        Ok(())
    }

    /// Everybody's unit attentions are consumed, and the oracle knows it.
    pub fn settle(&mut self, nodes: &[Node]) -> Played {
        for node in nodes {
            self.attentions(*node)?;
            self.cast[node.0].seen.clear();
        }
        self.oracle.settle();
        Ok(())
    }

    /// The unit attentions that a node met since it was settled, and those that wait for it.
    pub fn attentions(&mut self, node: Node) -> Played<Vec<Sense>> {
        self.send(node, Cdb::TestUnitReady, Transfer::None)?;
        Ok(self.cast[node.0].seen.clone())
    }

    /// Compares what a node was told of reservations with what the oracle has for it.
    pub fn check_told(&mut self, node: Node, when: &str) -> Played {
        let seen = self.attentions(node)?;
        let mut told: Vec<Told> = seen.iter().filter_map(Told::of).collect();
        let mut expected = self.oracle.told(node).to_vec();
        told.sort_unstable();
        told.dedup();
        expected.sort_unstable();
        if told != expected {
            let what = format!("unit attentions of {} {when}", self.label(node));
            self.depart(what, name_told(&expected), name_senses(&seen));
        }
        Ok(())
    }

    /// The block that a node uses for its probes.
    fn slot(&self, node: Node) -> u64 {
        let range = self.geometry.range;
        range.lba + u64::try_from(node.0).unwrap_or(0) % u64::from(range.blocks.max(1))
    }

    /// A WRITE of a node as a probe: of one block inside the range where the run may write, else of no block, which a
    /// reservation blocks all the same (SBC-3 clause 5.30 checks it before the length matters).
    pub fn try_write(&mut self, node: Node) -> Played<Response> {
        let lba = self.slot(node);
        let (blocks, transfer) = if self.writes() {
            let tag = self.next_tag();
            (1, Transfer::Write(key::block(self.run, tag, lba, self.geometry.block_bytes)))
        } else {
            (0, Transfer::None)
        };
        self.send(node, Cdb::Write { form: form(lba, blocks), lba, blocks, fua: false }, transfer)
    }

    /// A READ of a node as a probe.
    pub fn try_read(&mut self, node: Node) -> Played<Response> {
        let lba = self.slot(node);
        let cdb = Cdb::Read { form: form(lba, 1), lba, blocks: 1, fua: false };
        self.send(node, cdb, Transfer::Read(self.geometry.block_bytes))
    }

    /// Tries a write of a node and compares with the oracle. An end that is neither GOOD nor a conflict cannot be judged.
    pub fn check_write(&mut self, node: Node, when: &str) -> Played {
        let response = self.try_write(node)?;
        let may = self.oracle.may_write(node);
        let what = self.probe("WRITE", node, when);
        self.check_probe(&what, may, &response)
    }

    /// Tries a read of a node and compares with the oracle.
    pub fn check_read(&mut self, node: Node, when: &str) -> Played {
        let response = self.try_read(node)?;
        let may = self.oracle.may_read(node);
        let what = self.probe("READ", node, when);
        self.check_probe(&what, may, &response)
    }

    fn probe(&self, command: &str, node: Node, when: &str) -> String {
        let blocks = if command == "WRITE" && !self.writes() { " of no block" } else { "" };
        format!("{command}{blocks} by {} {when}", self.label(node))
    }

    fn check_probe(&mut self, what: &str, may: bool, response: &Response) -> Played {
        let expected = if may { Expected::Good } else { Expected::Conflict };
        match response.status {
            Status::Good | Status::ReservationConflict => self.judge(what, expected, response),
            _ => Err(Stop::NotRun(format!(
                "{what} ended with {}, which tells nothing of the reservation",
                shown(response)
            ))),
        }
    }

    /// The content of the range as a node reads it.
    pub fn content(&mut self, viewer: Node) -> Played<Vec<u8>> {
        let range = self.geometry.range;
        let bytes = range.blocks.saturating_mul(self.geometry.block_bytes);
        let cdb = Cdb::Read {
            form: form(range.lba, range.blocks),
            lba: range.lba,
            blocks: range.blocks,
            fua: true,
        };
        let response = self.send(viewer, cdb, Transfer::Read(bytes))?;
        if response.is_good() && u32::try_from(response.data.len()) == Ok(bytes) {
            return Ok(response.data);
        }
        let label = self.label(viewer);
        Err(Stop::NotRun(format!(
            "READ of the range by {label} ended with {}, {} of {bytes} bytes",
            shown(&response),
            response.data.len()
        )))
    }

    /// Compares the content of the range with a former one.
    pub fn check_content(&mut self, viewer: Node, before: &[u8], when: &str) -> Played {
        let now = self.content(viewer)?;
        let block = usize::try_from(self.geometry.block_bytes).unwrap_or(usize::MAX).max(1);
        let changed: Vec<u64> = (self.geometry.range.lba..)
            .zip(before.chunks(block).zip(now.chunks(block)))
            .filter(|(_, (old, new))| old != new)
            .map(|(lba, _)| lba)
            .collect();
        if let [first, ..] = changed[..] {
            let observed = format!("{} blocks changed, the first one is {first}", changed.len());
            self.depart(format!("blocks {when}"), "unchanged", observed);
        }
        Ok(())
    }

    /// What the capabilities offer has to be accepted.
    pub fn judge_advertised(&mut self, what: &str, response: &Response) {
        if !response.is_good() {
            self.depart(what, "GOOD, since the capabilities offer it", shown(response));
        }
    }

    /// True when the unit is known not to have a type.
    pub fn lacks(&self, kind: ReservationType) -> bool {
        self.capabilities
            .and_then(|capabilities| capabilities.types)
            .is_some_and(|types| !types.types().contains(&kind))
    }

    /// Reserves a type of which it is not known whether the unit has it; `false` when it has not.
    pub fn reserve_if_supported(&mut self, node: Node, kind: ReservationType) -> Played<bool> {
        if self.lacks(kind) {
            return Ok(false);
        }
        let before = self.oracle.clone();
        let order = Order::Reserve { key: self.key(node), kind };
        self.oracle.order(node, &order);
        let response = self.dispatch(node, &order)?;
        if is_unsupported(&response) {
            self.oracle = before;
            return Ok(false);
        }
        if response.is_good() {
            return Ok(true);
        }
        let label = self.label(node);
        Err(Stop::NotRun(format!(
            "{order} by {label}, which this step needs, ended with {}",
            shown(&response)
        )))
    }

    /// Leaves a part of the step out, with the reason.
    pub fn leave_out(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }

    /// Notes something beside the judgement.
    pub fn remark(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }
}

/// A command that the device did not carry out, whatever it called the reason.
fn is_refusal(response: &Response) -> bool {
    match (response.status, response.sense) {
        (Status::ReservationConflict, _) | (Status::CheckCondition, None) => true,
        (Status::CheckCondition, Some(sense)) => {
            matches!(sense.key, SenseKey::IllegalRequest | SenseKey::NotReady)
        }
        _ => false,
    }
}

/// The ten-byte form where it reaches.
pub fn form(lba: u64, blocks: u32) -> Form {
    if u32::try_from(lba).is_ok() && u16::try_from(blocks).is_ok() { Form::Ten } else { Form::Sixteen }
}

fn name_told(told: &[Told]) -> String {
    if told.is_empty() {
        return "none about reservations".into();
    }
    told.iter().map(|each| each.text()).collect::<Vec<_>>().join(", ")
}

/// Unit attentions in words.
pub fn name_senses(senses: &[Sense]) -> String {
    if senses.is_empty() {
        return "none".into();
    }
    senses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
