//! P17 to P19 and P28 to P30: how reservations and registrations end in good order.

use crate::conformance::cast::{A, B, C};
use crate::conformance::judge::TYPE5;
use crate::conformance::oracle::{Node, Order};
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage, Stop};
use crate::conformance::step::{RESERVING, Step};
use crate::scsi::reservation::{Key, ReservationType};

/// P17: only the holder releases, and only what it holds.
pub static P17: Step = Step {
    id: StepId::new(17),
    title: "only the holder releases, and only what it holds",
    does: "While A holds type 5, sends RELEASE as registered B, as A with a wrong key, as A with a wrong type, \
        and as A rightly.",
    expects: "B: GOOD without effect; wrong key: RESERVATION CONFLICT; wrong type: 5/26/04; then the reservation \
        ends.",
    meaning: "A node can take the protection from another one's disk, or cannot tell why its own release failed.",
    severity: Severity::Minor,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2",
    play: p17,
};

fn p17(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)?;
    let (own, others, nobodys) = (stage.key(A), stage.key(B), stage.nobodys_key());
    for (node, key, kind, what) in [
        (B, others, TYPE5, "RELEASE by registered B, which does not hold"),
        (A, nobodys, TYPE5, "RELEASE by the holder with a wrong key"),
        (A, own, ReservationType::WriteExclusive, "RELEASE by the holder with a wrong type"),
        (A, own, TYPE5, "RELEASE by the holder"),
    ] {
        stage.expect_as(node, Order::Release { key, kind }, what)?;
        stage.check_reservation(B, &format!("after {what}"))?;
    }
    Ok(())
}

/// P18: a release of types 5 to 8 is announced.
pub static P18: Step = Step {
    id: StepId::new(18),
    title: "a release of types 5 to 8 is announced",
    does: "A releases types 5 to 8; B, unregistered C, and another path of A look for unit attentions.",
    expects: "Every other registered nexus is told 6/2A/04, and nobody else is.",
    meaning: "Waiting nodes learn late that the disk is free: failover takes longer.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces, Stack::StorageScale],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2",
    play: p18,
};

fn p18(stage: &mut Stage<'_>) -> Played {
    let mut others = vec![B];
    others.extend(stage.portals().into_iter().filter(|node| *node != A));
    stage.register(A)?;
    for node in &others {
        stage.register(*node)?;
    }
    for kind in ReservationType::ALL.into_iter().filter(|kind| kind.admits_registrants()) {
        if !stage.reserve_if_supported(A, kind)? {
            stage.leave_out(format!("type {}: the unit does not have it", kind.code()));
            continue;
        }
        let everybody: Vec<Node> = [A, C].into_iter().chain(others.iter().copied()).collect();
        stage.settle(&everybody)?;
        stage.release(A, kind)?;
        for node in everybody {
            stage.check_told(node, &format!("after A released type {}", kind.code()))?;
        }
    }
    Ok(())
}

/// P19: a release of types 1 and 3 is not announced.
pub static P19: Step = Step {
    id: StepId::new(19),
    title: "a release of types 1 and 3 is not announced",
    does: "A releases types 1 and 3; A, B and C look for unit attentions.",
    expects: "Nobody is told anything.",
    meaning: "Commands of the releasing node fail once without need.",
    severity: Severity::Minor,
    mode: Mode::Pr,
    stacks: &[],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.2",
    play: p19,
};

fn p19(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    let mut lacking = Vec::new();
    for kind in [ReservationType::WriteExclusive, ReservationType::ExclusiveAccess] {
        if !stage.reserve_if_supported(A, kind)? {
            lacking.push(kind.code().to_string());
            continue;
        }
        stage.settle(&[A, B, C])?;
        stage.release(A, kind)?;
        for node in [A, B, C] {
            stage.check_told(node, &format!("after A released type {}", kind.code()))?;
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Stop::NotSupported(format!("types {}", lacking.join(", "))))
}

/// P28: CLEAR is for registered nodes and empties everything.
pub static P28: Step = Step {
    id: StepId::new(28),
    title: "CLEAR is for registered nodes and empties everything",
    does: "While A holds type 5, sends CLEAR as unregistered C, as B with a wrong key, and as B rightly.",
    expects: "The first two end as RESERVATION CONFLICT; the last leaves no key and no reservation, PRGENERATION \
        grows by one, A is told 6/2A/03.",
    meaning: "Left-over keys cannot be removed, or anybody can take all protection away.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: &[Stack::Serviceguard, Stack::Wsfc, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.11.3",
    play: p28,
};

fn p28(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)?;
    let (own, others, nobodys) = (stage.key(B), stage.key(A), stage.key(C));
    for (node, key, what) in
        [(C, nobodys, "CLEAR by unregistered C"), (B, others, "CLEAR by registered B with the key of A")]
    {
        stage.expect_as(node, Order::Clear { key }, what)?;
        stage.check_state(B, &format!("after {what}"))?;
    }
    stage.settle(&[A, B, C])?;
    let before = stage.generation(B)?;
    stage.expect(B, Order::Clear { key: own })?;
    stage.check_state(B, "after B cleared")?;
    stage.check_generation(B, before, 1, "after B cleared")?;
    for node in [A, B, C] {
        stage.check_told(node, "after B cleared")?;
    }
    Ok(())
}

/// P29: a holder that unregisters gives the disk free.
pub static P29: Step = Step {
    id: StepId::new(29),
    title: "a holder that unregisters gives the disk free",
    does: "A holds type 5, B is registered; A unregisters.",
    expects: "The reservation ends, PRGENERATION grows by one, B is told 6/2A/04.",
    meaning: "After an orderly shutdown of the owner nobody else gets the disk, or gets it late.",
    severity: Severity::Major,
    mode: Mode::Pr,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 5.13.10",
    play: p29,
};

fn p29(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)?;
    stage.settle(&[A, B, C])?;
    let before = stage.generation(B)?;
    let key = stage.key(A);
    stage.expect_as(
        A,
        Order::Register { key, new: Key(0) },
        "REGISTER of key zero by A, which holds type 5",
    )?;
    stage.check_state(B, "after the holder unregistered")?;
    stage.check_generation(B, before, 1, "after the holder unregistered")?;
    for node in [A, B, C] {
        stage.check_told(node, "after the holder unregistered")?;
    }
    Ok(())
}

/// P30: all-registrants types live as long as a registrant.
pub static P30: Step = Step {
    id: StepId::new(30),
    title: "all-registrants types live as long as a registrant",
    does: "A reserves types 7 and 8, as far as they are advertised, while B is registered; A unregisters, then \
        B.",
    expects: "READ RESERVATION shows key zero; the reservation stays for B, who may still write, and ends with the \
        last registrant.",
    meaning: "Clusters that share a disk among all nodes lose its protection when the first node leaves.",
    severity: Severity::Minor,
    mode: Mode::Pr,
    stacks: &[Stack::PowerHa, Stack::Vmware, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 clauses 5.13.10 and 6.15.3",
    play: p30,
};

fn p30(stage: &mut Stage<'_>) -> Played {
    let mut lacking = Vec::new();
    for kind in ReservationType::ALL.into_iter().filter(|kind| kind.is_all_registrants()) {
        stage.register(A)?;
        stage.register(B)?;
        if !stage.reserve_if_supported(A, kind)? {
            lacking.push(kind.code().to_string());
            stage.restore()?;
            continue;
        }
        let when = format!("under type {}", kind.code());
        stage.check_reservation(B, &when)?;
        for (node, what) in [(A, "A unregistered"), (B, "B, the last registrant, unregistered")] {
            let key = stage.key(node);
            stage.expect(node, Order::Register { key, new: Key(0) })?;
            stage.check_state(B, &format!("{when} after {what}"))?;
            if node == A {
                stage.check_write(B, &format!("{when} after {what}"))?;
                stage.check_write(C, &format!("{when} after {what}"))?;
            }
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Stop::NotSupported(format!("types {}", lacking.join(", "))))
}
