//! Which unit it is: asked through one portal, held against the plan, and compared between portals.
//!
//! Always holds: a unit without any identity is never taken for another portal's unit.

use super::refusal::{Refusal, RefusalKind, Speaker};
use crate::conformance::plan::{BlockRange, FEWEST_BLOCKS, Mode, Plan};
use crate::iscsi::{CommandError, Portal, Unit};
use crate::scsi::identity::canonical;
use crate::scsi::inquiry::Inquiry;
use crate::scsi::{Lun, SenseKey};

/// Which unit it is, through one portal.
pub(super) struct Identified {
    pub(super) device: String,
    pub(super) identities: Vec<String>,
    pub(super) serial: Option<String>,
    pub(super) block_bytes: u32,
    pub(super) blocks: u64,
    pub(super) alua: bool,
    pub(super) group: Option<u16>,
    pub(super) port: Option<u16>,
}

impl Identified {
    pub(super) fn best(&self) -> Option<String> {
        self.identities.first().cloned().or_else(|| self.serial.clone())
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.blocks.saturating_mul(self.block_bytes.into())
    }

    pub(super) fn is(&self, expected: &str) -> bool {
        let wanted = canonical(expected);
        self.identities.contains(&wanted) || self.serial.as_deref() == Some(expected.trim())
    }

    pub(super) fn shown(&self) -> String {
        let mut all = self.identities.clone();
        all.extend(self.serial.iter().map(|serial| format!("serial number {serial}")));
        if all.is_empty() { "no identity at all".to_owned() } else { all.join(", ") }
    }
}

/// Asks the unit who it is.
pub(super) fn identify(unit: &mut Unit<'_>, speaker: &Speaker<'_>) -> Result<Identified, Refusal> {
    let no_unit = |unit: &mut Unit<'_>| {
        // Not every target answers it for a unit that it does not have.
        let listed = unit.report_luns().or_else(|_| unit.sibling(Lun::new(0)).report_luns()).ok();
        speaker.no_unit(listed.map(|list| list.luns.into_iter().filter(|lun| !lun.is_well_known()).collect()))
    };
    let inquiry: Inquiry = match unit.inquiry() {
        Ok(inquiry) => inquiry,
        Err(CommandError::Status { sense: Some(sense), .. })
            if sense.is(SenseKey::IllegalRequest, 0x25, 0) =>
        {
            return Err(no_unit(unit));
        }
        Err(error) => return Err(speaker.unanswered(&error)),
    };
    if !inquiry.exists() {
        return Err(no_unit(unit));
    }
    if !inquiry.is_disk() {
        return Err(speaker.refuse(
            RefusalKind::NoDisk,
            format!("it is no disk but a {}", inquiry.device_type_name()),
            "give the number of a disk; some targets have a controller at LUN 0",
        ));
    }
    let optional = |result: Result<_, CommandError>| match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_unsupported() => Ok(None),
        Err(error) => Err(speaker.unanswered(&error)),
    };
    let identification = optional(unit.device_identification())?;
    let serial = match unit.unit_serial() {
        Ok(serial) => Some(serial.0.trim().to_owned()).filter(|serial| !serial.is_empty()),
        Err(error) if error.is_unsupported() => None,
        Err(error) => return Err(speaker.unanswered(&error)),
    };
    let capacity = unit.capacity().map_err(|error| speaker.unanswered(&error))?;
    let (Some(blocks), Some(_), true) =
        (capacity.blocks(), capacity.size_bytes(), capacity.block_bytes >= 512)
    else {
        return Err(speaker.refuse(
            RefusalKind::Size,
            format!(
                "it says that it has blocks of {} bytes up to {}",
                capacity.block_bytes, capacity.last_lba
            ),
            "no real unit has that; look at the target",
        ));
    };
    let words = [&inquiry.vendor, &inquiry.product, &inquiry.revision];
    Ok(Identified {
        device: words.map(String::as_str).join(" ").trim().to_owned(),
        identities: identification.as_ref().map(|page| page.identities()).unwrap_or_default(),
        serial,
        block_bytes: capacity.block_bytes,
        blocks,
        alua: inquiry.tpgs != 0,
        group: identification.as_ref().and_then(|page| page.port_group()),
        port: identification.as_ref().and_then(|page| page.relative_port()),
    })
}

/// Is it the unit that the plan means?
pub(super) fn expected(found: &Identified, portal: &Portal, plan: &Plan) -> Result<(), Refusal> {
    let subject = &plan.subject;
    let speaker = Speaker { subject, portal: Some(portal.clone()) };
    let changing = plan.mode > Mode::Inspect;
    if changing && (subject.identity.is_none() || subject.size_bytes.is_none()) {
        let missing = match (&subject.identity, subject.size_bytes) {
            (None, None) => "identity and size",
            (None, _) => "identity",
            _ => "size",
        };
        return Err(speaker.refuse(
            RefusalKind::Plan,
            format!(
                "the {missing} that it must have is not given; it shows {} and {} bytes",
                found.shown(),
                found.size_bytes()
            ),
            "once you are sure that this is the unit that is meant, give both with --identity and --size, or in \
             cluster.toml",
        ));
    }
    if let Some(expected) = &subject.identity
        && !found.is(expected)
    {
        return Err(speaker.refuse(
            RefusalKind::Identity,
            format!("it must have the identity {expected}, and shows {}", found.shown()),
            "it is another unit than the one that is meant; check target, portal and number",
        ));
    }
    if let Some(expected) = subject.size_bytes
        && found.size_bytes() != expected
    {
        let how = if found.size_bytes() < expected { "smaller" } else { "larger" };
        return Err(speaker.refuse(
            RefusalKind::Size,
            format!("it must have {expected} bytes and has {}: it is {how}", found.size_bytes()),
            "check that it is the unit that is meant, and give its size",
        ));
    }
    Ok(())
}

/// The blocks that may be written to.
pub(super) fn range_of(found: &Identified, plan: &Plan) -> Result<Option<BlockRange>, Refusal> {
    if plan.mode < Mode::PrWrite {
        return Ok(None);
    }
    let range = plan.range.unwrap_or_else(|| BlockRange::middle(found.blocks));
    if range.fits(found.blocks) && range.blocks >= FEWEST_BLOCKS {
        return Ok(Some(range));
    }
    let speaker = Speaker { subject: &plan.subject, portal: None };
    Err(speaker.refuse(
        RefusalKind::Range,
        format!(
            "it has {} blocks of {} bytes, and the range {range} does not lie on it with the {FEWEST_BLOCKS} blocks that \
             the steps need",
            found.blocks, found.block_bytes
        ),
        "give a range that does with --range FIRST+COUNT, or a larger unit",
    ))
}

/// Is it one unit through both portals?
pub(super) fn same_unit(
    first: &Identified,
    portal: &Portal,
    other: &Identified,
    at: &Portal,
    plan: &Plan,
) -> Result<(), Refusal> {
    let speaker = Speaker { subject: &plan.subject, portal: Some(at.clone()) };
    let refuse = |found: String| {
        let remedy = "this portal leads to another unit; name only portals of the unit that is meant";
        Err(speaker.refuse(RefusalKind::OtherUnit, found, remedy))
    };
    if first.identities != other.identities || first.serial != other.serial {
        return refuse(format!("it shows {}, and {} through {portal}", other.shown(), first.shown()));
    }
    if first.best().is_none() {
        return refuse(
            "it has no identity, so that nothing tells whether the portals lead to one unit".into(),
        );
    }
    if (first.blocks, first.block_bytes) != (other.blocks, other.block_bytes) {
        return refuse(format!(
            "it has {} blocks of {} bytes, and {} of {} through {portal}",
            other.blocks, other.block_bytes, first.blocks, first.block_bytes
        ));
    }
    Ok(())
}
