//! P08 to P12: who may reserve, and what a reservation shows.

use crate::conformance::cast::{A, B};
use crate::conformance::judge::TYPE5;
use crate::conformance::oracle::Order;
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage};
use crate::conformance::step::{RESERVING, Step};
use crate::scsi::reservation::{Key, ReservationType};

/// P08: an unregistered node cannot reserve.
pub static P08: Step = Step {
    id: StepId::new(8),
    title: "an unregistered node cannot reserve",
    does: "Sends RESERVE as an unregistered node, with key zero and with the key of a registered one.",
    expects: "Both end as RESERVATION CONFLICT, and nothing is reserved.",
    meaning: "A node that is not in the cluster, or was thrown out of it, can take the disk.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.9",
    play: p08,
};

fn p08(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    for (key, what) in [
        (Key(0), "RESERVE by unregistered B with key zero"),
        (stage.key(A), "RESERVE by unregistered B with the key of A"),
    ] {
        stage.expect_as(B, Order::Reserve { key, kind: TYPE5 }, what)?;
    }
    stage.check_reservation(A, "after RESERVE by unregistered B")
}

/// P09: a wrong key cannot reserve.
pub static P09: Step = Step {
    id: StepId::new(9),
    title: "a wrong key cannot reserve",
    does: "Sends RESERVE as a registered node with the key of nobody.",
    expects: "It ends as RESERVATION CONFLICT, and nothing is reserved.",
    meaning: "A node whose registration was replaced goes on as if it were valid.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.9",
    play: p09,
};

fn p09(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    let key = stage.nobodys_key();
    stage.expect_as(A, Order::Reserve { key, kind: TYPE5 }, "RESERVE by registered A with a wrong key")?;
    stage.check_reservation(A, "after RESERVE with a wrong key")
}

/// P10: type 5 can be reserved.
pub static P10: Step = Step {
    id: StepId::new(10),
    title: "type 5 can be reserved",
    does: "Reserves type 5 as registered node A and reads the reservation as A and as B.",
    expects: "The reservation shows the key of A, scope logical unit, type 5; PRGENERATION stays.",
    meaning: "Failover clusters cannot own the disk, or cannot see who does.",
    severity: Severity::Blocker,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clauses 5.13.9 and 6.15.3",
    play: p10,
};

fn p10(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    let before = stage.generation(A)?;
    let key = stage.key(A);
    stage.expect(A, Order::Reserve { key, kind: TYPE5 })?;
    stage.check_reservation(A, "after A reserved")?;
    stage.check_reservation(B, "after A reserved")?;
    stage.check_generation(A, before, 0, "after A reserved")
}

/// P11: the holder can reserve again.
pub static P11: Step = Step {
    id: StepId::new(11),
    title: "the holder can reserve again",
    does: "Repeats the RESERVE of the holder.",
    expects: "It is answered GOOD and changes nothing.",
    meaning: "An owner that renews its claim, as a defending Windows node does, takes itself for having lost the \
        disk.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.9",
    play: p11,
};

fn p11(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.reserve(A, TYPE5)?;
    let key = stage.key(A);
    stage.expect_as(A, Order::Reserve { key, kind: TYPE5 }, "RESERVE by A, which holds it already")?;
    stage.check_reservation(A, "after A reserved again")
}

/// P12: another type or another holder conflicts.
pub static P12: Step = Step {
    id: StepId::new(12),
    title: "another type or another holder conflicts",
    does: "While A holds type 5, sends RESERVE for another type as A, and for the same and another type as \
        registered node B.",
    expects: "Each ends as RESERVATION CONFLICT, and the reservation stays.",
    meaning: "Two nodes believe that they own the disk, or the protection of the disk changes behind the cluster's \
        back.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.9",
    play: p12,
};

fn p12(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)?;
    let other = ReservationType::WriteExclusive;
    for (node, kind, what) in [
        (A, other, "RESERVE type 1 by A, which holds type 5"),
        (B, TYPE5, "RESERVE type 5 by registered B, while A holds it"),
        (B, other, "RESERVE type 1 by registered B, while A holds type 5"),
    ] {
        let key = stage.key(node);
        stage.expect_as(node, Order::Reserve { key, kind }, what)?;
        stage.check_reservation(A, &format!("after {what}"))?;
    }
    Ok(())
}
