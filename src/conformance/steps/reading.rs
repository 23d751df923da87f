//! P01 to P03: what can be read of reservations before anything is changed.

use crate::conformance::cast::A;
use crate::conformance::oracle::Expected;
use crate::conformance::outcome::Severity;
use crate::conformance::plan::{Mode, Stack, StepId};
use crate::conformance::stage::{Played, Stage, Stop, is_unsupported, shown};
use crate::conformance::step::{RESERVING, Step};
use crate::iscsi::Transfer;
use crate::scsi::cdb::PrIn;
use crate::scsi::reservation::{Capabilities, Keys, Reservation, ReservationType};
use crate::scsi::{Cdb, Status};

/// Room for the list of keys, in bytes.
const WHOLE: usize = 8192;

/// P01: reservations can be read.
pub static P01: Step = Step {
    id: StepId::new(1),
    title: "reservations can be read",
    does: "Reads keys and reservation with PERSISTENT RESERVE IN, whole and with an allocation length that \
        holds the header only.",
    expects: "READ KEYS and READ RESERVATION are answered, lengths are right, and unit attentions end.",
    meaning: "No cluster that fences with reservations can use this unit.",
    severity: Severity::Blocker,
    mode: Mode::Inspect,
    stacks: RESERVING,
    needs: &[],
    source: "SPC-4 clauses 6.15.2 and 6.15.3",
    play: p01,
};

fn p01(stage: &mut Stage<'_>) -> Played {
    let read = |action, alloc| Cdb::PersistentReserveIn { action, alloc };
    let whole = stage.send(A, read(PrIn::ReadKeys, 8192), Transfer::Read(8192))?;
    if is_unsupported(&whole) {
        return Err(Stop::NotSupported(format!("READ KEYS: {}", shown(&whole))));
    }
    if whole.unit_attention().is_some() {
        stage.depart(
            "unit attentions of A",
            "an end of them",
            format!("16 in a row, at last {}", shown(&whole)),
        );
        return Ok(());
    }
    stage.judge("READ KEYS", Expected::Good, &whole)?;
    if !whole.is_good() {
        return Ok(());
    }
    match Keys::decode(&whole.data) {
        Err(error) => stage.depart("READ KEYS", "a well-formed list", error.to_string()),
        Ok(keys) if !keys.is_complete() && whole.data.len() < WHOLE => {
            let text = format!("{} bytes announced, {} sent", keys.list_bytes, keys.keys.len() * 8);
            stage.depart("ADDITIONAL LENGTH of READ KEYS", "as many bytes as are sent", text);
        }
        Ok(keys) => {
            let header = stage.send(A, read(PrIn::ReadKeys, 8), Transfer::Read(8))?;
            stage.judge("READ KEYS with room for the header only", Expected::Good, &header)?;
            let announced = Keys::decode(&header.data).ok().map(|cut| cut.list_bytes);
            let again = stage.send(A, read(PrIn::ReadKeys, 8192), Transfer::Read(8192))?;
            // Where somebody registers meanwhile the two cannot be compared.
            let unchanged = again.data == whole.data;
            if header.is_good() && announced != Some(keys.list_bytes) && unchanged {
                let observed =
                    announced.map_or_else(|| "no header".to_owned(), |bytes| format!("{bytes} bytes"));
                stage.depart(
                    "length of the list where only its header fits",
                    format!("{} bytes", keys.list_bytes),
                    observed,
                );
            }
        }
    }
    let held = stage.send(A, read(PrIn::ReadReservation, 64), Transfer::Read(64))?;
    stage.judge("READ RESERVATION", Expected::Good, &held)?;
    if held.is_good()
        && let Err(error) = Reservation::decode(&held.data)
    {
        stage.depart("READ RESERVATION", "a well-formed answer", error.to_string());
    }
    Ok(())
}

/// P02: nothing is registered before the test.
pub static P02: Step = Step {
    id: StepId::new(2),
    title: "nothing is registered before the test",
    does: "Reads keys and reservation through every portal.",
    expects: "There is no key and no reservation.",
    meaning: "Somebody uses the unit, or a crashed host left its keys: a new cluster would not get it.",
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
    source: "Veritas vxfentsthdw stops when it finds a key; SBD cannot write to a unit that is reserved",
    play: p02,
};

fn p02(stage: &mut Stage<'_>) -> Played {
    for node in stage.portals() {
        let keys = stage.keys(node)?;
        if !keys.keys.is_empty() {
            let what = format!("keys as {} sees them", stage.label(node));
            let list = keys.keys.iter().take(16).map(ToString::to_string).collect::<Vec<_>>().join(", ");
            stage.depart(what, "none", format!("{} keys: {list}", keys.keys.len()));
        }
        let held = stage.reservation(node)?.holder;
        if held.is_some() {
            let what = format!("reservation as {} sees it", stage.label(node));
            let observed = stage.name_holder(held);
            stage.depart(what, "none", observed);
        }
        let ready = stage.send(node, Cdb::TestUnitReady, Transfer::None)?;
        if ready.status == Status::ReservationConflict {
            let what = format!("TEST UNIT READY by {}", stage.label(node));
            stage.depart(what, "no conflict: nobody has reserved the unit with RESERVE (6)", shown(&ready));
        }
    }
    Ok(())
}

/// P03: capabilities are reported.
pub static P03: Step = Step {
    id: StepId::new(3),
    title: "capabilities are reported",
    does: "Reads the capabilities of the unit with REPORT CAPABILITIES.",
    expects: "The answer is well formed, names the supported types, and type 5 (Write Exclusive, Registrants Only) \
        is among them.",
    meaning: "A stack that asks first takes the unit for unsuitable, such as Windows for disks of a pool.",
    severity: Severity::Minor,
    mode: Mode::Inspect,
    stacks: &[Stack::Wsfc, Stack::StorageSpaces],
    needs: &[StepId::new(1)],
    source: "SPC-4 clause 6.15.4",
    play: p03,
};

fn p03(stage: &mut Stage<'_>) -> Played {
    let cdb = Cdb::PersistentReserveIn { action: PrIn::ReportCapabilities, alloc: 8 };
    let response = stage.send(A, cdb, Transfer::Read(8))?;
    stage.judge("REPORT CAPABILITIES", Expected::Good, &response)?;
    if !response.is_good() {
        return Ok(());
    }
    let capabilities = match Capabilities::decode(&response.data) {
        Ok(capabilities) => capabilities,
        Err(error) => {
            stage.depart("REPORT CAPABILITIES", "a well-formed answer", error.to_string());
            return Ok(());
        }
    };
    stage.capabilities = Some(capabilities);
    match capabilities.types {
        None => stage.depart(
            "type mask",
            "valid (TMV 1)",
            "not valid (TMV 0): the target does not say which types it has",
        ),
        Some(mask) => {
            let types = mask.types();
            let list = types.iter().map(|kind| kind.code().to_string()).collect::<Vec<_>>().join(", ");
            stage.remark(format!("types {list}"));
            if !types.contains(&ReservationType::WriteExclusiveRegistrantsOnly) {
                stage.depart("advertised types", "type 5 among them", list);
            }
        }
    }
    let flags = [
        ("persistence through power loss", capabilities.persist_through_power_loss),
        ("persistence through power loss is on", capabilities.persist_through_power_loss_active),
        ("registration for all target ports", capabilities.all_target_ports),
        ("registration of named initiators", capabilities.specify_initiator_ports),
        ("compatible RESERVE (6) handling", capabilities.compatible_reservation_handling),
    ];
    for (name, on) in flags {
        stage.remark(format!("{name}: {}", if on { "yes" } else { "no" }));
    }
    Ok(())
}
