//! P13 to P16: what a reservation lets through and what it blocks.

use crate::conformance::cast::{A, B, C};
use crate::conformance::judge::TYPE5;
use crate::conformance::key;
use crate::conformance::oracle::Expected;
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage, Stop, shown};
use crate::conformance::step::{RESERVING, Step};
use crate::iscsi::{Response, Transfer};
use crate::scsi::cdb::{Form, PrIn};
use crate::scsi::reservation::ReservationType;
use crate::scsi::{Cdb, SenseKey, Status};

/// P13: type 5 keeps unregistered nodes from writing.
pub static P13: Step = Step {
    id: StepId::new(13),
    title: "type 5 keeps unregistered nodes from writing",
    does: "While A holds type 5 and B is registered, A, B and unregistered C read and write.",
    expects: "A and B read and write, C reads; the write of C ends as RESERVATION CONFLICT and does not reach the \
        disk.",
    meaning: "A node that was thrown out of the cluster goes on writing: data is destroyed.",
    severity: Severity::Blocker,
    mode: Mode::PrWrite,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 tables 46 to 48; SBC-3 table 13",
    play: p13,
};

fn p13(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.register(B)?;
    stage.reserve(A, TYPE5)?;
    for node in [A, B] {
        let label = stage.label(node);
        let response = stage.try_write(node)?;
        stage.judge(&format!("WRITE by registered {label}"), Expected::Good, &response)?;
        let response = stage.try_read(node)?;
        stage.judge(&format!("READ by registered {label}"), Expected::Good, &response)?;
    }
    let response = stage.try_read(C)?;
    stage.judge("READ by unregistered C", Expected::Good, &response)?;
    let before = stage.content(A)?;
    let response = stage.try_write(C)?;
    stage.judge("WRITE by unregistered C", Expected::Conflict, &response)?;
    stage.check_content(A, &before, "after WRITE by unregistered C")
}

/// P14: no other write gets past the reservation.
pub static P14: Step = Step {
    id: StepId::new(14),
    title: "no other write gets past the reservation",
    does: "Unregistered C sends WRITE (16), WRITE SAME (10) and (16), UNMAP, COMPARE AND WRITE and EXTENDED \
        COPY while A holds type 5.",
    expects: "Each ends as RESERVATION CONFLICT, or the target does not have it; the blocks stay.",
    meaning: "A fenced node can still zero, discard or overwrite blocks.",
    severity: Severity::Blocker,
    mode: Mode::PrWrite,
    stacks: RESERVING,
    needs: &[StepId::new(1)],
    source: "SPC-4 table 46; SBC-3 table 13",
    play: p14,
};

fn p14(stage: &mut Stage<'_>) -> Played {
    stage.register(A)?;
    stage.reserve(A, TYPE5)?;
    let before = stage.content(A)?;
    for (name, cdb, data) in forbidden_writes(stage) {
        let response = stage.send(C, cdb, Transfer::Write(data))?;
        match (response.status, response.sense.map(|sense| (sense.key, sense.asc))) {
            (Status::ReservationConflict, _) => {}
            (Status::CheckCondition, None | Some((SenseKey::IllegalRequest, 0x20 | 0x24 | 0x26))) => {
                stage.remark(format!("the target does not have {name}: {}", shown(&response)));
            }
            _ => {
                let what = format!("{name} by unregistered C");
                stage.depart(what, "RESERVATION CONFLICT, or not supported", shown(&response));
            }
        }
    }
    stage.check_content(A, &before, "after the writes of unregistered C")
}

/// Every command besides WRITE (10) that changes blocks, with its data, aimed at the first blocks of the range.
fn forbidden_writes(stage: &mut Stage<'_>) -> Vec<(&'static str, [u8; 16], Vec<u8>)> {
    let (lba, block_bytes) = (stage.geometry.range.lba, stage.geometry.block_bytes);
    let tag = stage.next_tag();
    let block = key::block(stage.run, tag, lba, block_bytes);
    let mut all: Vec<(&'static str, [u8; 16], Vec<u8>)> = Vec::new();
    let sixteen = Cdb::Write { form: Form::Sixteen, lba, blocks: 1, fua: false };
    all.push(("WRITE (16)", sixteen.encode(), block.clone()));
    if let Ok(lba) = u32::try_from(lba) {
        let same = Cdb::WriteSame10 { lba, blocks: 2, unmap: false };
        all.push(("WRITE SAME (10)", same.encode(), block.clone()));
    }
    let same = Cdb::WriteSame16 { lba, blocks: 2, unmap: false, no_data: false };
    all.push(("WRITE SAME (16)", same.encode(), block.clone()));
    // One descriptor: header of 8 bytes, first block, number of blocks, reserved (SBC-3 clause 5.28.2).
    let mut list = vec![0, 22, 0, 16, 0, 0, 0, 0];
    list.extend(lba.to_be_bytes());
    list.extend(8_u32.to_be_bytes());
    list.extend([0; 4]);
    all.push(("UNMAP", Cdb::Unmap { anchor: false, length: 24 }.encode(), list));
    let swap = Cdb::CompareAndWrite { lba, blocks: 1, fua: false };
    all.push(("COMPARE AND WRITE", swap.encode(), [block.clone(), block].concat()));
    // EXTENDED COPY (LID1) with an empty list, which copies nothing and conflicts like a write all the same.
    let mut copy = [0; 16];
    copy[0] = 0x83;
    all.push(("EXTENDED COPY", copy, Vec::new()));
    all
}

/// P15: what must pass a reservation passes.
pub static P15: Step = Step {
    id: StepId::new(15),
    title: "what must pass a reservation passes",
    does: "While the unit is reserved with type 5, unregistered C sends TEST UNIT READY, INQUIRY, READ \
        CAPACITY, REPORT LUNS and PERSISTENT RESERVE IN.",
    expects: "All are answered GOOD.",
    meaning: "A node that starts does not find the disk, or takes it for broken; Veritas stops with an error.",
    severity: Severity::Major,
    mode: Mode::Inspect,
    stacks: &[Stack::Wsfc, Stack::Veritas, Stack::FenceScsi, Stack::FenceMpath, Stack::Serviceguard],
    needs: &[StepId::new(1)],
    source: "SPC-4 tables 46 to 48; Veritas tests TEST UNIT READY",
    play: p15,
};

fn p15(stage: &mut Stage<'_>) -> Played {
    // Where nothing may change nobody is registered, and A is the only one who is there.
    let (outsider, name) = if stage.changing { (C, "C") } else { (A, "A") };
    if stage.changing {
        stage.register(A)?;
        stage.reserve(A, TYPE5)?;
    } else if stage.reservation(A)?.holder.is_none() {
        return Err(Stop::NotRun("the unit is not reserved, and mode inspect does not reserve it".into()));
    }
    for (cdb, bytes) in harmless() {
        let transfer = if bytes == 0 { Transfer::None } else { Transfer::Read(bytes) };
        let response = stage.send(outsider, cdb, transfer)?;
        let missing =
            matches!(cdb, Cdb::ReadCapacity16 { .. }) && crate::conformance::stage::is_unsupported(&response);
        if missing {
            stage.remark(format!("{}: {}", cdb.name(), shown(&response)));
        } else {
            stage.judge(&format!("{} by unregistered {name}", cdb.name()), Expected::Good, &response)?;
        }
    }
    Ok(())
}

/// What passes every reservation, with the bytes that it may answer.
fn harmless() -> [(Cdb, u32); 8] {
    let pr_in = |action| Cdb::PersistentReserveIn { action, alloc: 64 };
    [
        (Cdb::TestUnitReady, 0),
        (Cdb::Inquiry { page: None, alloc: 96 }, 96),
        (Cdb::Inquiry { page: Some(0x83), alloc: 255 }, 255),
        (Cdb::ReadCapacity10, 8),
        (Cdb::ReadCapacity16 { alloc: 32 }, 32),
        (Cdb::ReportLuns { select: 0, alloc: 4096 }, 4096),
        (pr_in(PrIn::ReadKeys), 64),
        (pr_in(PrIn::ReadReservation), 64),
    ]
}

/// P16: the other types keep their rules.
pub static P16: Step = Step {
    id: StepId::new(16),
    title: "the other types keep their rules",
    does: "Reserves types 1, 3, 6, 7 and 8 as A, as far as they are advertised; registered B and unregistered C \
        read, write and ask for the size.",
    expects: "Reads and writes pass or conflict as the table of the type has it; READ CAPACITY always passes.",
    meaning: "A stack that uses another type than 5 is not protected, or is shut out of its own disk.",
    severity: Severity::Minor,
    mode: Mode::PrWrite,
    stacks: &[Stack::PowerHa, Stack::Vmware, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 tables 46 to 48; SBC-3 table 13",
    play: p16,
};

fn p16(stage: &mut Stage<'_>) -> Played {
    let mut lacking = Vec::new();
    stage.register(A)?;
    stage.register(B)?;
    for kind in ReservationType::ALL.into_iter().filter(|kind| *kind != TYPE5) {
        if !stage.reserve_if_supported(A, kind)? {
            lacking.push(kind.code().to_string());
            continue;
        }
        let when = format!("under type {}", kind.code());
        for node in [A, B, C] {
            stage.check_read(node, &when)?;
            stage.check_write(node, &when)?;
            let what = format!("READ CAPACITY by {} {when}", stage.label(node));
            let response = read_capacity(stage, node)?;
            stage.judge(&what, Expected::Good, &response)?;
        }
        stage.release(A, kind)?;
    }
    if lacking.is_empty() {
        return Ok(());
    }
    Err(Stop::NotSupported(format!("types {}", lacking.join(", "))))
}

fn read_capacity(stage: &mut Stage<'_>, node: crate::conformance::oracle::Node) -> Played<Response> {
    stage.send(node, Cdb::ReadCapacity10, Transfer::Read(8))
}
