//! P36 to P39: several paths of a node, several portals of a target.

use crate::conformance::cast::{A, B};
use crate::conformance::judge::TYPE5;
use crate::conformance::oracle::{Expected, Node, Order};
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage, Stop, shown};
use crate::conformance::step::Step;
use crate::iscsi::Transfer;
use crate::scsi::Cdb;
use crate::scsi::capacity::Capacity;
use crate::scsi::reservation::Key;
use crate::scsi::vpd::{self, DeviceIdentification, UnitSerial};

/// The other paths of A; without one there is nothing to play.
fn other_paths(stage: &mut Stage<'_>) -> Played<Vec<Node>> {
    let paths = stage.other_paths();
    if paths.is_empty() {
        return Err(Stop::NotRun("no second session of A came about".into()));
    }
    if stage.portals().len() < 2 {
        stage.leave_out("paths through another portal: one portal is known");
    }
    Ok(paths)
}

/// P36: a second path is a nexus of its own.
pub static P36: Step = Step {
    id: StepId::new(36),
    title: "a second path is a nexus of its own",
    does: "A registers on one path only; first A holds type 5, then B does. The other paths of A write, before \
        and after they register.",
    expects: "They conflict before and pass after.",
    meaning: "Paths that the multipath driver forgot to register write all the same, and are not fenced with the \
        others.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::Veritas, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.1",
    play: p36,
};

fn p36(stage: &mut Stage<'_>) -> Played {
    let paths = other_paths(stage)?;
    stage.register(A)?;
    stage.reserve(A, TYPE5)?;
    for path in &paths {
        stage.check_write(*path, "unregistered, while A holds type 5 on its first path")?;
        stage.check_read(*path, "unregistered, while A holds type 5 on its first path")?;
    }
    stage.release(A, TYPE5)?;
    stage.register(B)?;
    stage.reserve(B, TYPE5)?;
    for path in &paths {
        stage
            .check_write(*path, "unregistered, while A is registered on its first path and B holds type 5")?;
    }
    for path in &paths {
        stage.register(*path)?;
        stage.check_write(*path, "registered, while B holds type 5")?;
    }
    Ok(())
}

/// P37: paths of one node share a key.
pub static P37: Step = Step {
    id: StepId::new(37),
    title: "paths of one node share a key",
    does: "B holds type 5; A registers the same key on all its paths, then unregisters one.",
    expects: "READ KEYS lists the key once per path; the paths that are left may write.",
    meaning: "Losing one path takes the disk from all paths of the node.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::Veritas, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 6.15.2",
    play: p37,
};

fn p37(stage: &mut Stage<'_>) -> Played {
    let paths = other_paths(stage)?;
    stage.register(B)?;
    stage.reserve(B, TYPE5)?;
    stage.register(A)?;
    for path in &paths {
        let new = stage.key(A);
        let what = format!("REGISTER of the key of A by {}", stage.label(*path));
        stage.expect_as(*path, Order::Register { key: Key(0), new }, &what)?;
    }
    stage.count_keys(B, "after all paths of A registered the same key")?;
    let key = stage.key(A);
    stage.expect_as(
        A,
        Order::Register { key, new: Key(0) },
        "REGISTER of key zero by the first path of A",
    )?;
    stage.count_keys(B, "after the first path of A unregistered")?;
    for path in &paths {
        stage.check_write(*path, "after the first path of A unregistered")?;
    }
    stage.check_write(A, "on its first path, after that unregistered")
}

/// P38: PREEMPT ejects a node on all its paths.
pub static P38: Step = Step {
    id: StepId::new(38),
    title: "PREEMPT ejects a node on all its paths",
    does: "A registers the same key on all its paths and holds type 5; B preempts it.",
    expects: "The key is gone through every portal, and no path of A may write.",
    meaning: "A fenced node goes on writing through its other paths.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::Veritas, Stack::FenceScsi, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2.4",
    play: p38,
};

fn p38(stage: &mut Stage<'_>) -> Played {
    let paths = other_paths(stage)?;
    stage.register(B)?;
    stage.register(A)?;
    for path in &paths {
        stage.register(*path)?;
    }
    stage.reserve(A, TYPE5)?;
    let order = stage.preemption(B, A, TYPE5);
    stage.expect_as(B, order, "PREEMPT by B of the key of A, registered on all paths")?;
    for viewer in stage.portals().into_iter().chain([B]) {
        if stage.keys(viewer)?.keys.contains(&stage.key(A)) {
            let what = format!("keys after B preempted A, as {} sees them", stage.label(viewer));
            stage.depart(what, "without the key of A", "the key of A is still there");
        }
    }
    for path in paths.into_iter().chain([A]) {
        stage.check_write(path, "after B preempted its key")?;
    }
    Ok(())
}

/// P39: every portal shows the same unit.
pub static P39: Step = Step {
    id: StepId::new(39),
    title: "every portal shows the same unit",
    does: "Compares identity, serial number, size, readiness, keys and PRGENERATION through every portal, in \
        the changing modes with a registration made through the first one.",
    expects: "All are equal, and the unit is ready through each.",
    meaning: "Heads of the storage do not share their reservations: after a failover of the storage, or of a path, \
        nobody is protected.",
    severity: Severity::Blocker,
    mode: Mode::Inspect,
    stacks: &[
        Stack::Wsfc,
        Stack::StorageSpaces,
        Stack::Veritas,
        Stack::FenceScsi,
        Stack::FenceMpath,
        Stack::Serviceguard,
        Stack::PowerHa,
        Stack::StorageScale,
        Stack::Vmware,
        Stack::Sbd,
    ],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.1; Windows validation: vital product data",
    play: p39,
};

fn p39(stage: &mut Stage<'_>) -> Played {
    let portals = stage.portals();
    if portals.len() < 2 {
        return Err(Stop::NotRun("one portal is known: there is nothing to compare".into()));
    }
    if stage.changing {
        stage.register(A)?;
    }
    for node in portals {
        let label = stage.label(node);
        if node != A {
            let (first, seen) = compare(stage, node)?;
            for ((name, expected), (_, observed)) in first.iter().zip(&seen) {
                if expected != observed {
                    stage.depart(format!("{name} as {label} sees it"), expected.clone(), observed.clone());
                }
            }
        }
        let ready = stage.send(node, Cdb::TestUnitReady, Transfer::None)?;
        stage.judge(&format!("TEST UNIT READY by {label}"), Expected::Good, &ready)?;
    }
    Ok(())
}

/// What A and another portal show at one moment: somebody may register between two looks.
fn compare(stage: &mut Stage<'_>, node: Node) -> Played<(Shown, Shown)> {
    for _ in 0..LOOKS {
        let (before, seen) = (look(stage, A)?, look(stage, node)?);
        if look(stage, A)? == before {
            return Ok((before, seen));
        }
    }
    Err(Stop::NotRun(
        "somebody is at work on the unit: what it shows changes from one look to the next".into(),
    ))
}

/// How often the portals are compared while what they show changes.
const LOOKS: usize = 3;

/// Names and values.
type Shown = Vec<(&'static str, String)>;

/// What a portal shows of the unit, as names and values to compare.
fn look(stage: &mut Stage<'_>, node: Node) -> Played<Shown> {
    let mut page = |page: u8| -> Played<Result<Vec<u8>, String>> {
        let cdb = Cdb::Inquiry { page: Some(page), alloc: 1024 };
        let response = stage.send(node, cdb, Transfer::Read(1024))?;
        Ok(if response.is_good() { Ok(response.data) } else { Err(shown(&response)) })
    };
    let identity = page(vpd::DEVICE_IDENTIFICATION)?.and_then(|data| {
        let page = DeviceIdentification::decode(&data).map_err(|error| error.to_string())?;
        Ok(page.identities().iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
    });
    let serial = page(vpd::UNIT_SERIAL)?
        .and_then(|data| UnitSerial::decode(&data).map(|serial| serial.0).map_err(|error| error.to_string()));
    let response = stage.send(node, Cdb::ReadCapacity10, Transfer::Read(8))?;
    let size = if response.is_good() {
        match Capacity::decode10(&response.data) {
            Ok(Some(capacity)) => {
                format!("{} blocks of {} bytes", capacity.last_lba + 1, capacity.block_bytes)
            }
            Ok(None) => "more than 2^32 blocks".into(),
            Err(error) => error.to_string(),
        }
    } else {
        shown(&response)
    };
    let keys = stage.keys(node)?;
    let list = keys.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let or_none = |text: String| if text.is_empty() { "none".to_owned() } else { text };
    Ok(vec![
        ("identity", or_none(identity.unwrap_or_else(|why| why))),
        ("serial number", or_none(serial.unwrap_or_else(|why| why))),
        ("size", size),
        ("list of keys", or_none(list)),
        ("PRGENERATION", keys.generation.to_string()),
    ])
}
