//! What a logical unit is good for besides its reservations: size, provisioning, identity, writes that other nodes read.

use serde::Serialize;

use super::cast::{A, B, C};
use super::judge::form;
use super::key;
use super::latency::{Defence, Latency, Operation};
use super::oracle::Node;
use super::stage::{Played, Stage, Stop, shown};
use crate::iscsi::{CommandError, Transfer, Unit};
use crate::scsi::capacity::Capacity;
use crate::scsi::vpd::ProvisioningType;
use crate::scsi::{Cdb, Lun};

/// What a witness disk needs at least, in bytes.
const WITNESS_BYTES: u64 = 512 << 20;

/// Other units of the target whose identities are compared at most.
const MOST_UNITS: usize = 256;

/// The questions in order, with what a cluster needs.
const QUESTIONS: [(&str, &str); 11] = [
    ("disk", "a disk (peripheral device type 0)"),
    ("size", "512 MiB at least, for a witness; for data what the plan says"),
    ("block-size", "512 or 4096 bytes"),
    ("provisioning", "fully provisioned, or a pool that cannot run full unseen"),
    ("write-protection", "not write protected"),
    ("removable", "not removable"),
    ("identity", "a designator of the unit in VPD page 83h"),
    ("identity-unique", "an identity that no other unit of the target shows"),
    (
        "identity-stable",
        "the same identity for every node, through every portal, at the end as at the beginning",
    ),
    ("written-here-read-there", "what one node writes with FUA is what every other node reads"),
    ("defence", "all registrations and one preemption within the defence interval of 3 s"),
];

/// What came of one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// As a cluster needs it.
    Good,
    /// Not as a cluster needs it.
    Bad,
    /// Possible, but somebody should know.
    Attention,
    /// Not known, and that is not a pass.
    Unknown {
        /// Why.
        why: String,
    },
}

/// One question about the unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is asked, kebab-case.
    pub name: &'static str,
    /// What came of it.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was seen.
    pub observed: String,
    /// What a cluster needs.
    pub wanted: &'static str,
}

/// What the unit is good for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Suitability {
    /// Every question in order.
    pub checks: Vec<Check>,
    /// Whether the unit is fast enough for the defence of a reservation; `None` where that was not measured.
    pub defence: Option<Defence>,
}

impl Suitability {
    /// The check with this name.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }
}

/// A question answered.
type Answer = Result<(Verdict, String), String>;

/// Every question unanswered, for one reason.
pub(super) fn unknown(why: &str) -> Suitability {
    let checks = QUESTIONS
        .into_iter()
        .map(|(name, wanted)| Check {
            name,
            verdict: Verdict::Unknown { why: why.to_owned() },
            observed: String::new(),
            wanted,
        })
        .collect();
    Suitability { checks, defence: None }
}

/// Asks everything that the mode allows. Writes inside the range only, and only where the run may.
pub(super) fn examine(stage: &mut Stage<'_>, latency: &[Latency]) -> Suitability {
    let lun = stage.plan.subject.lun;
    let capacity = ask(stage, A, lun, |unit| unit.capacity());
    let identity = identity_of(stage, A, lun);
    let defence = defence(stage, latency);
    let mut checks = Vec::with_capacity(QUESTIONS.len());
    for (name, wanted) in QUESTIONS {
        let answer = match name {
            "disk" => ask(stage, A, lun, |unit| unit.inquiry())
                .map(|inquiry| (good_if(inquiry.is_disk()), inquiry.device_type_name().to_owned())),
            "size" => capacity.clone().and_then(|capacity| size(&capacity)),
            "block-size" => capacity.clone().map(|capacity| block_size(&capacity)),
            "provisioning" => provisioning(stage, lun, &capacity),
            "write-protection" => ask(stage, A, lun, |unit| unit.mode_sense()).map(|mode| {
                let seen = if mode.write_protected { "write protected" } else { "writable" };
                (good_if(!mode.write_protected), seen.to_owned())
            }),
            "removable" => ask(stage, A, lun, |unit| unit.inquiry()).map(|inquiry| {
                let seen = if inquiry.removable { "removable" } else { "not removable" };
                (good_if(!inquiry.removable), seen.to_owned())
            }),
            "identity" => identity.clone().map(|identity| match identity {
                Some(identity) => (Verdict::Good, identity),
                None => (Verdict::Bad, "none".to_owned()),
            }),
            "identity-unique" => unique(stage, lun, &identity),
            "identity-stable" => stable(stage, lun, &identity),
            "written-here-read-there" => match written_here_read_there(stage) {
                Ok(answer) => Ok(answer),
                Err(Stop::NotRun(why) | Stop::NotSupported(why) | Stop::Lost(why)) => Err(why),
                Err(Stop::Ended(stopped)) => Err(stopped.why),
            },
            _ => defence.map_or_else(
                || Err("registrations were not measured".to_owned()),
                |defence| Ok((good_if(defence.holds()), defended(&defence))),
            ),
        };
        let (verdict, observed) = answer.unwrap_or_else(|why| (Verdict::Unknown { why }, String::new()));
        checks.push(Check { name, verdict, observed, wanted });
    }
    Suitability { checks, defence }
}

fn good_if(good: bool) -> Verdict {
    if good { Verdict::Good } else { Verdict::Bad }
}

fn ask<T>(
    stage: &mut Stage<'_>,
    node: Node,
    lun: Lun,
    question: impl FnOnce(&mut Unit<'_>) -> Result<T, CommandError>,
) -> Result<T, String> {
    match stage.session(node) {
        Ok(session) => question(&mut session.unit(lun)).map_err(|error| error.to_string()),
        Err(Stop::NotRun(why) | Stop::NotSupported(why) | Stop::Lost(why)) => Err(why),
        Err(Stop::Ended(stopped)) => Err(stopped.why),
    }
}

fn size(capacity: &Capacity) -> Answer {
    let bytes = capacity.size_bytes().ok_or("the unit claims more bytes than there can be")?;
    let verdict = if bytes >= WITNESS_BYTES { Verdict::Good } else { Verdict::Attention };
    Ok((verdict, format!("{bytes} bytes")))
}

fn block_size(capacity: &Capacity) -> (Verdict, String) {
    let physical = capacity
        .physical_block_bytes()
        .filter(|physical| *physical != capacity.block_bytes)
        .map(|physical| format!(", physical {physical}"))
        .unwrap_or_default();
    let good = matches!(capacity.block_bytes, 512 | 4096);
    (good_if(good), format!("{} bytes{physical}", capacity.block_bytes))
}

fn provisioning(stage: &mut Stage<'_>, lun: Lun, capacity: &Result<Capacity, String>) -> Answer {
    let managed = capacity.clone()?.provisioning_managed;
    let kind = ask(stage, A, lun, |unit| unit.provisioning()).ok().map(|page| page.provisioning);
    let thin = managed || kind == Some(ProvisioningType::Thin);
    Ok(if thin {
        (Verdict::Attention, "thin: writes fail when the pool behind it is full".to_owned())
    } else {
        (Verdict::Good, "not thin".to_owned())
    })
}

/// The best designator of a unit; `None` where it shows none.
fn identity_of(stage: &mut Stage<'_>, node: Node, lun: Lun) -> Result<Option<String>, String> {
    ask(stage, node, lun, |unit| unit.device_identification()).map(|page| page.identity())
}

fn unique(stage: &mut Stage<'_>, lun: Lun, identity: &Result<Option<String>, String>) -> Answer {
    let Some(own) = identity.clone()? else { return Err("the unit shows no identity".into()) };
    let listed = ask(stage, A, Lun::default(), |unit| unit.report_luns())?;
    let others = listed.luns.iter().filter(|other| **other != lun && !other.is_well_known());
    let others: Vec<Lun> = others.copied().collect();
    for other in others.iter().take(MOST_UNITS) {
        // A unit that shows no identity shows no other's.
        if identity_of(stage, A, *other) == Ok(Some(own.clone())) {
            return Ok((Verdict::Bad, format!("LUN {other} shows {own} too")));
        }
    }
    if others.len() > MOST_UNITS || !listed.is_complete() {
        return Err(format!("the target has more than {MOST_UNITS} units to compare with"));
    }
    Ok((Verdict::Good, format!("different from {} other units of the target", others.len())))
}

fn stable(stage: &mut Stage<'_>, lun: Lun, identity: &Result<Option<String>, String>) -> Answer {
    let Some(own) = identity.clone()? else { return Err("the unit shows no identity".into()) };
    let viewers = viewers(stage);
    for node in &viewers {
        let seen = identity_of(stage, *node, lun)?;
        if seen.as_ref() != Some(&own) {
            let seen = seen.unwrap_or_else(|| "none".into());
            return Ok((Verdict::Bad, format!("{own} for A, {seen} for {}", stage.label(*node))));
        }
    }
    Ok((Verdict::Good, format!("the same for {} sessions", viewers.len())))
}

/// B, C and A through every portal, as far as they are there.
fn viewers(stage: &Stage<'_>) -> Vec<Node> {
    let all = stage.portals().into_iter().chain([B, C]);
    all.filter(|node| stage.is_there(*node)).collect()
}

/// One node writes a block with FUA; every other one reads it, through every portal.
fn written_here_read_there(stage: &mut Stage<'_>) -> Played<(Verdict, String)> {
    if !stage.writes() || !stage.changing {
        return Err(Stop::NotRun(format!("mode {} does not write", stage.plan.mode)));
    }
    let (lba, size) = (stage.geometry.range.lba, stage.geometry.block_bytes);
    let writers = viewers(stage);
    for writer in &writers {
        let tag = stage.next_tag();
        let block = key::block(stage.run, tag, lba, size);
        let cdb = Cdb::Write { form: form(lba, 1), lba, blocks: 1, fua: true };
        let response = stage.send(*writer, cdb, Transfer::Write(block.clone()))?;
        if !response.is_good() {
            let seen = format!("WRITE with FUA by {} ended with {}", stage.label(*writer), shown(&response));
            return Ok((Verdict::Bad, seen));
        }
        for reader in &writers {
            let cdb = Cdb::Read { form: form(lba, 1), lba, blocks: 1, fua: true };
            let response = stage.send(*reader, cdb, Transfer::Read(size))?;
            if !response.is_good() || response.data != block {
                let what = if response.is_good() { "other data".to_owned() } else { shown(&response) };
                let (writer, reader) = (stage.label(*writer), stage.label(*reader));
                return Ok((Verdict::Bad, format!("{reader} reads {what} where {writer} wrote")));
            }
        }
    }
    Ok((Verdict::Good, format!("{} sessions read what each of them wrote", writers.len())))
}

fn defence(stage: &Stage<'_>, latency: &[Latency]) -> Option<Defence> {
    let of = |operation| latency.iter().find(|each| each.operation == operation);
    Some(Defence::of(stage.plan.nodes, stage.plan.paths, of(Operation::PrOut)?, of(Operation::Preempt)))
}

fn defended(defence: &Defence) -> String {
    let (needed, interval) = (defence.needed_us / 1000, defence.interval_us / 1000);
    let (nodes, paths) = (defence.nodes, defence.paths);
    format!("{needed} ms of {interval} ms for {nodes} nodes with {paths} paths each")
}
