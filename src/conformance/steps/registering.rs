//! P04 to P07: registrations come, change and go by their rules.

use crate::conformance::cast::{A, B};
use crate::conformance::oracle::Order;
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage};
use crate::conformance::step::{RESERVING, Step};
use crate::scsi::reservation::Key;

/// P04: a registration is listed and counted.
pub static P04: Step = Step {
    id: StepId::new(4),
    title: "a registration is listed and counted",
    does: "Registers A and reads the keys as A and as B.",
    expects: "Exactly the new key is listed, for everybody, and PRGENERATION has grown by one.",
    meaning: "Nodes cannot see who is in the cluster; tools that wait for a new generation never see it.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clauses 5.13.7 and 6.16.2",
    play: p04,
};

fn p04(stage: &mut Stage<'_>) -> Played {
    let before = stage.generation(A)?;
    let new = stage.key(A);
    stage.expect(A, Order::Register { key: Key(0), new })?;
    stage.count_keys(A, "after A registered")?;
    stage.count_keys(B, "after A registered")?;
    stage.check_generation(A, before, 1, "after A registered")
}

/// P05: a wrong key does not change a registration.
pub static P05: Step = Step {
    id: StepId::new(5),
    title: "a wrong key does not change a registration",
    does: "Sends REGISTER with a wrong key and with key zero as a registered node, and with another node's key \
        as an unregistered one.",
    expects: "Each ends as RESERVATION CONFLICT and the keys stay.",
    meaning: "A node with outdated knowledge overwrites a registration; a node that was fenced can come back.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 table 49",
    play: p05,
};

fn p05(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    let (own, nobodys) = (stage.key(A), stage.nobodys_key());
    for (key, what) in [
        (nobodys, "REGISTER by A with a wrong key"),
        (Key(0), "REGISTER by A with key zero, while it is registered"),
    ] {
        stage.expect_as(A, Order::Register { key, new: nobodys }, what)?;
        stage.check_keys(A, &format!("after {what}"))?;
    }
    let what = "REGISTER by unregistered B with the key of A";
    let new = stage.key(B);
    stage.expect_as(B, Order::Register { key: own, new }, what)?;
    stage.check_keys(A, &format!("after {what}"))
}

/// P06: REGISTER AND IGNORE EXISTING KEY works.
pub static P06: Step = Step {
    id: StepId::new(6),
    title: "REGISTER AND IGNORE EXISTING KEY works",
    does: "Registers, changes and removes a key with it, from an unregistered and from a registered node.",
    expects: "It is answered GOOD each time, whatever key it carries, and the list follows.",
    meaning: "Nodes of clusters that register this way never get in again after a crash.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::Veritas, Stack::FenceScsi, Stack::FenceMpath],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.7; [MS-CSVP] PRRegister",
    play: p06,
};

fn p06(stage: &mut Stage<'_>) -> Played {
    let (own, nobodys) = (stage.key(A), stage.nobodys_key());
    stage.expect_as(
        A,
        Order::Ignore { key: nobodys, new: own },
        "REGISTER AND IGNORE EXISTING KEY by unregistered A",
    )?;
    stage.check_keys(A, "after A registered")?;
    stage.expect_as(
        A,
        Order::Ignore { key: Key(0), new: nobodys },
        "REGISTER AND IGNORE EXISTING KEY by registered A",
    )?;
    stage.check_keys(A, "after A changed its key")?;
    stage.expect_as(
        A,
        Order::Ignore { key: own, new: Key(0) },
        "REGISTER AND IGNORE EXISTING KEY of key zero by registered A",
    )?;
    stage.check_keys(A, "after A unregistered")
}

/// P07: registering nothing does nothing.
pub static P07: Step = Step {
    id: StepId::new(7),
    title: "registering nothing does nothing",
    does: "Sends REGISTER with both keys zero as an unregistered node.",
    expects: "It is answered GOOD, and no key appears.",
    meaning: "Cleanup scripts see an error where there is none.",
    severity: Severity::Info,
    mode: Mode::Pr,
    stacks: &[],
    needs: &[StepId::new(1)],
    source: "SPC-4 table 49",
    play: p07,
};

fn p07(stage: &mut Stage<'_>) -> Played {
    let before = stage.generation(A)?;
    stage.expect_as(
        A,
        Order::Register { key: Key(0), new: Key(0) },
        "REGISTER of key zero by unregistered A",
    )?;
    stage.check_keys(A, "after A registered nothing")?;
    // The standard does not say whether a registration of nothing counts.
    let after = stage.generation(A)?;
    stage.remark(format!("PRGENERATION: {before} before, {after} after"));
    Ok(())
}
