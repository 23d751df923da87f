//! The gate before a run: is it the unit that is meant, is it one unit through every portal, and does nobody use it?
//!
//! Reads only, through every portal, twice. Always holds: a run that changes something begins only where every question was
//! answered and every answer was the safe one; what cannot be found out is a refusal. A run that only reads must find the
//! unit that it expects, no more.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use super::content::{self, Areas, HEAD_BYTES, Signature, TAIL_BYTES};
use super::key::{self, Mark, RunId};
use super::plan::{BlockRange, FEWEST_BLOCKS, Mode, Plan, Subject};
use crate::iscsi::login::LoginError;
use crate::iscsi::{CommandError, Error, Portal, Session, Timeouts, Unit};
use crate::scsi::identity::canonical;
use crate::scsi::inquiry::Inquiry;
use crate::scsi::ports::AccessState;
use crate::scsi::reservation::{Holder, Key};
use crate::scsi::{Lun, SenseKey, Status};

/// How much is read with one command, in bytes: every target takes that much.
const CHUNK_BYTES: u64 = 64 * 1024;

/// What to do when somebody is at work on the unit.
const WHO: &str = "find out which host or second tester uses it";

/// How often the wait between the two looks asks whether it is to end.
const BEAT: Duration = Duration::from_millis(20);

/// Why a run may not begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of reason.
    pub kind: RefusalKind,
    /// What the unit is called.
    pub name: Box<str>,
    /// iSCSI name of the target.
    pub target: Box<str>,
    /// The logical unit.
    pub lun: Lun,
    /// The portal through which it was found, where it is one.
    pub portal: Option<Portal>,
    /// What was found.
    pub found: Box<str>,
    /// What to do.
    pub remedy: Box<str>,
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LUN {}", self.lun)?;
        if !self.name.is_empty() {
            write!(f, " ({})", self.name)?;
        }
        write!(f, " of {}", self.target)?;
        if let Some(portal) = &self.portal {
            write!(f, " through {portal}")?;
        }
        write!(f, ": {}; {}", self.found, self.remedy)
    }
}

/// The kinds of reasons for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalKind {
    /// The plan leaves out what a run that changes something must know.
    Plan,
    /// No connection to a portal.
    Unreachable,
    /// CHAP failed, or is missing.
    Authentication,
    /// A portal does not have the target.
    NoTarget,
    /// A login failed for another reason.
    Login,
    /// There is no such unit.
    NoUnit,
    /// The unit is no disk.
    NoDisk,
    /// It is another unit than the one that is meant.
    Identity,
    /// It has another size than the one that is meant.
    Size,
    /// The range of blocks does not lie on it.
    Range,
    /// Two portals lead to two units.
    OtherUnit,
    /// Keys are registered.
    Keys,
    /// A persistent reservation is held.
    Reservation,
    /// The unit is reserved with RESERVE (6), or access conflicts without any other reason.
    ClassicReservation,
    /// Another run of this program is at work, or left its marks.
    OtherTester,
    /// Something changed between the two looks: somebody is at work on the unit.
    Changing,
    /// It is write protected.
    WriteProtected,
    /// The path is not active, or the unit is not ready.
    NotActive,
    /// Something stands on it.
    Content,
    /// A question was not answered.
    Unanswered,
    /// The user interrupted.
    Interrupted,
}

impl RefusalKind {
    /// The name in JSON: kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Unreachable => "unreachable",
            Self::Authentication => "authentication",
            Self::NoTarget => "no-target",
            Self::Login => "login",
            Self::NoUnit => "no-unit",
            Self::NoDisk => "no-disk",
            Self::Identity => "identity",
            Self::Size => "size",
            Self::Range => "range",
            Self::OtherUnit => "other-unit",
            Self::Keys => "keys",
            Self::Reservation => "reservation",
            Self::ClassicReservation => "classic-reservation",
            Self::OtherTester => "other-tester",
            Self::Changing => "changing",
            Self::WriteProtected => "write-protected",
            Self::NotActive => "not-active",
            Self::Content => "content",
            Self::Unanswered => "unanswered",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What the gate saw of a unit that it let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The best identity of VPD page 83h, or the serial number.
    pub identity: Option<String>,
    /// Vendor, product and revision.
    pub device: String,
    /// Bytes per logical block.
    pub block_bytes: u32,
    /// Logical blocks.
    pub blocks: u64,
    /// The blocks that may be written to, in mode `pr-write`.
    pub range: Option<BlockRange>,
    /// What stands on the unit, where that was looked at and is allowed.
    pub content: Vec<Signature>,
    /// SHA-256 of what stands in the first and last blocks, where it was looked at; see [`Areas::digest`].
    pub digest: Option<String>,
    /// Whether the unit knows persistent reservations; missing where it was not asked.
    pub reservations: Option<bool>,
    /// PRGENERATION at the end of the second look, through the first portal.
    pub generation: Option<u32>,
}

impl Passed {
    /// The size in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.blocks.saturating_mul(self.block_bytes.into())
    }
}

/// A unit of which a refusal speaks.
struct Speaker<'a> {
    subject: &'a Subject,
    portal: Option<Portal>,
}

impl Speaker<'_> {
    fn refuse(&self, kind: RefusalKind, found: impl Into<String>, remedy: impl Into<String>) -> Refusal {
        Refusal {
            kind,
            name: self.subject.name.as_str().into(),
            target: self.subject.target.as_str().into(),
            lun: self.subject.lun,
            portal: self.portal.clone(),
            found: found.into().into(),
            remedy: remedy.into().into(),
        }
    }

    /// A command without the answer that is needed.
    fn unanswered(&self, error: &CommandError) -> Refusal {
        let found = error.to_string();
        match error {
            CommandError::Status { status: Status::ReservationConflict, .. } => self.refuse(
                RefusalKind::ClassicReservation,
                format!("{found}: somebody has reserved it"),
                "find out which host uses it; nothing was changed",
            ),
            CommandError::Status { sense: Some(sense), .. }
                if sense.key == SenseKey::NotReady && sense.asc == 0x04 =>
            {
                self.refuse(
                    RefusalKind::NotActive,
                    found,
                    "name the portals whose paths are active, or wait until the unit is ready",
                )
            }
            CommandError::Status { sense: Some(sense), .. }
                if sense.is(SenseKey::IllegalRequest, 0x25, 0) =>
            {
                self.no_unit(None)
            }
            _ => self.refuse(
                RefusalKind::Unanswered,
                found,
                "what cannot be found out counts as unsafe; look at the target and at the path to it",
            ),
        }
    }

    fn no_unit(&self, listed: Option<Vec<Lun>>) -> Refusal {
        let found = match listed.as_deref() {
            None => "there is no such logical unit".to_owned(),
            Some([]) => "there is no such logical unit; the target shows us none at all".to_owned(),
            Some(luns) => {
                let shown: Vec<String> = luns.iter().take(20).map(ToString::to_string).collect();
                let more = if luns.len() > shown.len() { ", ..." } else { "" };
                format!("there is no such logical unit; the target has {}{more}", shown.join(", "))
            }
        };
        self.refuse(
            RefusalKind::NoUnit,
            found,
            "give the number of an existing unit, or let the target show it to initiators whose names begin with \
             iqn.2026-01.org.quorate:probe-",
        )
    }
}

/// Logs in through every portal of the plan, side by side.
///
/// # Errors
/// The first portal, in the order of the plan, that does not let us in, and why.
pub fn enter(plan: &Plan, run: RunId) -> Result<Vec<Session>, Refusal> {
    let subject = &plan.subject;
    if subject.portals.is_empty() {
        let speaker = Speaker { subject, portal: None };
        return Err(speaker.refuse(
            RefusalKind::Plan,
            "no portal is given",
            "name at least one with --portal",
        ));
    }
    let timeouts = Timeouts { command: plan.command_timeout, ..Timeouts::default() };
    let name = key::initiator_name(run, key::GATE);
    let sessions = side_by_side(subject.portals.iter().zip(1..), |(portal, number)| {
        let login = subject.access.login(&name, &subject.target, key::isid(run, key::GATE, number));
        Session::connect(portal, &login, timeouts).map_err(|error| not_let_in(subject, portal, &error))
    });
    sessions.into_iter().collect()
}

/// What a failed login says of the portal, the target and the credentials.
pub fn not_let_in(subject: &Subject, portal: &Portal, error: &Error) -> Refusal {
    let speaker = Speaker { subject, portal: Some(portal.clone()) };
    let cause = error.likely_cause().map(|cause| format!(" ({cause})")).unwrap_or_default();
    let found = format!("{error}{cause}");
    let (kind, remedy) = match error {
        Error::Resolve { .. } | Error::Connect { .. } => {
            (RefusalKind::Unreachable, "check the address and port of the portal and the route to it")
        }
        Error::Login(
            LoginError::Refused { class: 2, detail: 1 | 2 }
            | LoginError::AuthMethod { .. }
            | LoginError::Chap(_),
        )
        | Error::ClosedDuringLogin { .. } => (
            RefusalKind::Authentication,
            "check CHAP user and secret, and let initiators whose names begin with iqn.2026-01.org.quorate:probe- in",
        ),
        Error::Login(
            LoginError::Refused { class: 2, detail: 3 | 4 } | LoginError::Refused { class: 3, detail: 1 },
        ) => (RefusalKind::NoTarget, "check the name of the target, and that this portal belongs to it"),
        _ => (RefusalKind::Login, "look at the target's own log"),
    };
    speaker.refuse(kind, found, remedy)
}

/// Looks at the unit through every session, one for each portal of the plan in its order, and again after `plan.poll`.
///
/// # Errors
/// The first reason why the run may not begin. Nothing was changed then.
pub fn inspect(
    sessions: &mut [Session],
    plan: &Plan,
    interrupted: &(dyn Fn() -> bool + Sync),
) -> Result<Passed, Refusal> {
    let subject = &plan.subject;
    let changing = plan.mode > Mode::Inspect;
    let identified = every(sessions, subject, identify)?;
    let mut portals = identified.iter().zip(&subject.portals);
    let Some((first, portal)) = portals.next() else {
        let speaker = Speaker { subject, portal: None };
        return Err(speaker.refuse(
            RefusalKind::Plan,
            "no portal is given",
            "name at least one with --portal",
        ));
    };
    expected(first, portal, plan)?;
    let range = range_of(first, plan)?;
    let mut passed = Passed {
        identity: first.best(),
        device: first.device.clone(),
        block_bytes: first.block_bytes,
        blocks: first.blocks,
        range,
        content: Vec::new(),
        digest: None,
        reservations: None,
        generation: None,
    };
    if !changing {
        return Ok(passed);
    }
    for (other, at) in portals {
        same_unit(first, portal, other, at, plan)?;
    }
    let before = look(sessions, plan, first)?;
    if let Some(areas) = before.first() {
        passed.content = areas.content.clone();
        passed.digest = Some(areas.digest.clone());
        passed.reservations = Some(areas.generation.is_some());
    }
    wait(plan, interrupted)?;
    let after = look(sessions, plan, first)?;
    for ((before, after), portal) in before.iter().zip(&after).zip(&subject.portals) {
        let speaker = Speaker { subject, portal: Some(portal.clone()) };
        let when = format!("within {} s", plan.poll.as_secs_f32());
        if before.generation != after.generation {
            return Err(at_work(&speaker, before.generation, after.generation, &when));
        }
        if before.digest != after.digest {
            return Err(speaker.refuse(
                RefusalKind::Changing,
                format!("its first or last blocks were written to {when}: somebody is at work on it"),
                WHO,
            ));
        }
    }
    passed.generation = after.first().and_then(|look| look.generation);
    Ok(passed)
}

/// PRGENERATION was counted on, and not by us.
fn at_work(speaker: &Speaker<'_>, before: Option<u32>, after: Option<u32>, when: &str) -> Refusal {
    let shown = |number: Option<u32>| number.map_or("none".to_owned(), |number| number.to_string());
    let (before, after) = (shown(before), shown(after));
    let found = format!("PRGENERATION went from {before} to {after} {when}: somebody is at work on it");
    speaker.refuse(RefusalKind::Changing, found, WHO)
}

/// Does one thing with each item, each on a thread of its own, and gives the results in order.
pub(super) fn side_by_side<I: Send, T: Send>(
    items: impl IntoIterator<Item = I>,
    act: impl Fn(I) -> T + Sync,
) -> Vec<T> {
    let act = &act;
    thread::scope(|scope| {
        let running: Vec<_> = items.into_iter().map(|item| scope.spawn(move || act(item))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

/// Asks through every session side by side; the first refusal in the order of the portals counts.
fn every<T: Send>(
    sessions: &mut [Session],
    subject: &Subject,
    ask: impl Fn(&mut Unit<'_>, &Speaker<'_>) -> Result<T, Refusal> + Sync,
) -> Result<Vec<T>, Refusal> {
    let results = side_by_side(sessions.iter_mut().zip(&subject.portals), |(session, portal)| {
        let speaker = Speaker { subject, portal: Some(portal.clone()) };
        ask(&mut session.unit(subject.lun), &speaker)
    });
    results.into_iter().collect()
}

/// Waits between the looks.
fn wait(plan: &Plan, interrupted: &(dyn Fn() -> bool + Sync)) -> Result<(), Refusal> {
    let until = Instant::now() + plan.poll;
    loop {
        if interrupted() {
            let speaker = Speaker { subject: &plan.subject, portal: None };
            return Err(speaker.refuse(
                RefusalKind::Interrupted,
                "the run was interrupted before it began",
                "nothing was changed",
            ));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(BEAT));
    }
}

/// Which unit it is, through one portal.
struct Identified {
    device: String,
    identities: Vec<String>,
    serial: Option<String>,
    block_bytes: u32,
    blocks: u64,
    alua: bool,
    group: Option<u16>,
    port: Option<u16>,
}

impl Identified {
    fn best(&self) -> Option<String> {
        self.identities.first().cloned().or_else(|| self.serial.clone())
    }

    fn size_bytes(&self) -> u64 {
        self.blocks.saturating_mul(self.block_bytes.into())
    }

    fn is(&self, expected: &str) -> bool {
        let wanted = canonical(expected);
        self.identities.contains(&wanted) || self.serial.as_deref() == Some(expected.trim())
    }

    fn shown(&self) -> String {
        let mut all = self.identities.clone();
        all.extend(self.serial.iter().map(|serial| format!("serial number {serial}")));
        if all.is_empty() { "no identity at all".to_owned() } else { all.join(", ") }
    }
}

fn identify(unit: &mut Unit<'_>, speaker: &Speaker<'_>) -> Result<Identified, Refusal> {
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
fn expected(found: &Identified, portal: &Portal, plan: &Plan) -> Result<(), Refusal> {
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
fn range_of(found: &Identified, plan: &Plan) -> Result<Option<BlockRange>, Refusal> {
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
fn same_unit(
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

/// What one look through one portal sees.
struct Look {
    /// PRGENERATION; missing where the unit knows no persistent reservations.
    generation: Option<u32>,
    content: Vec<Signature>,
    digest: String,
}

/// One look through every portal.
fn look(sessions: &mut [Session], plan: &Plan, first: &Identified) -> Result<Vec<Look>, Refusal> {
    let subject = &plan.subject;
    let looks = every(sessions, subject, |unit, speaker| {
        let before = reservations(unit, speaker)?;
        ready(unit, speaker, first)?;
        let areas =
            read_areas(unit, first.blocks, first.block_bytes).map_err(|error| speaker.unanswered(&error))?;
        // Again, because reading the content takes long enough for somebody to begin meanwhile.
        let generation = reservations(unit, speaker)?;
        if generation != before {
            return Err(at_work(speaker, before, generation, "while its first and last blocks were read"));
        }
        let digest = areas.digest();
        Ok((Look { generation, content: areas.signatures(), digest }, areas.run(first.block_bytes)))
    })?;
    for ((look, run), portal) in looks.iter().zip(&subject.portals) {
        let speaker = Speaker { subject, portal: Some(portal.clone()) };
        let allowed = |name: &str| plan.allow_nonblank.iter().any(|allowed| allowed == name);
        if let Some(run) = run
            && !allowed(content::OURS_NAME)
        {
            return Err(speaker.refuse(
                RefusalKind::OtherTester,
                format!("blocks of run {run} of quorate stand on it"),
                "let that run end, or put the content back with `quorate storage cleanup --run FILE`",
            ));
        }
        let forbidden: Vec<String> =
            look.content.iter().filter(|found| !allowed(found.name)).map(ToString::to_string).collect();
        if !forbidden.is_empty() {
            return Err(speaker.refuse(
                RefusalKind::Content,
                format!("it is not blank: {}", forbidden.join(", ")),
                "take a blank unit; only if nobody needs what is on this one, allow each by its name with \
                 --allow-nonblank",
            ));
        }
        let (first, _) = &looks[0];
        if look.digest != first.digest || look.generation.is_some() != first.generation.is_some() {
            return Err(speaker.refuse(
                RefusalKind::OtherUnit,
                format!("its content differs from that through {}", subject.portals[0]),
                "the portals lead to two units of the same name, or somebody writes to it; nothing was changed",
            ));
        }
    }
    Ok(looks.into_iter().map(|(look, _)| look).collect())
}

/// Nobody is registered, nobody holds a reservation. Gives PRGENERATION, or nothing where the unit says that it knows no
/// persistent reservations, so that nobody can have any.
fn reservations(unit: &mut Unit<'_>, speaker: &Speaker<'_>) -> Result<Option<u32>, Refusal> {
    let absent = |error: &CommandError| {
        matches!(error, CommandError::Status { sense: Some(_), .. }) && error.is_unsupported()
    };
    let keys = match unit.read_keys() {
        Ok(keys) => keys,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(speaker.unanswered(&error)),
    };
    if let Some(refusal) = keys_refused(&keys.keys, speaker) {
        return Err(refusal);
    }
    if keys.list_bytes != 0 {
        return Err(speaker.refuse(
            RefusalKind::Keys,
            format!("it says that it has {} bytes of keys and does not show them", keys.list_bytes),
            "what cannot be found out counts as unsafe; look at the target",
        ));
    }
    let reservation = unit.read_reservation().map_err(|error| speaker.unanswered(&error))?;
    match reservation.holder {
        None => Ok(Some(keys.generation)),
        Some(holder) => Err(match Mark::of(holder.key) {
            Some(mark) => other_tester(speaker, &format!("a reservation of run {} of quorate", mark.run)),
            None => speaker.refuse(
                RefusalKind::Reservation,
                format!("it is reserved: {}", reserved(&holder)),
                "a cluster uses it, or one that is gone left it; find out which before you touch it",
            ),
        }),
    }
}

fn keys_refused(keys: &[Key], speaker: &Speaker<'_>) -> Option<Refusal> {
    let ours = keys.iter().find_map(|key| Mark::of(*key));
    let strangers: Vec<String> =
        keys.iter().filter(|key| Mark::of(**key).is_none()).map(ToString::to_string).collect();
    if let (Some(mark), true) = (ours, strangers.is_empty()) {
        return Some(other_tester(speaker, &format!("keys of run {} of quorate", mark.run)));
    }
    let count = strangers.len();
    let shown = strangers.into_iter().take(8).collect::<Vec<_>>().join(", ");
    (count > 0).then(|| {
        speaker.refuse(
            RefusalKind::Keys,
            format!(
                "it is in use: {count} key(s) are registered, {shown}{}",
                if count > 8 { ", ..." } else { "" }
            ),
            "take a unit that no cluster uses; nothing was changed",
        )
    })
}

fn other_tester(speaker: &Speaker<'_>, what: &str) -> Refusal {
    let subject = speaker.subject;
    let portals: Vec<String> = subject.portals.iter().map(|portal| format!(" --portal {portal}")).collect();
    speaker.refuse(
        RefusalKind::OtherTester,
        format!("there are {what}: another test is at work, or one was cut off"),
        format!(
            "let it end, or remove what it left with `quorate storage cleanup {} {}{}`",
            subject.target,
            subject.lun,
            portals.concat()
        ),
    )
}

/// A reservation in words.
pub(super) fn reserved(holder: &Holder) -> String {
    let kind =
        holder.reservation_type().map_or_else(|| format!("type {}", holder.kind), |kind| kind.to_string());
    match holder.reservation_type() {
        Some(kind) if kind.is_all_registrants() => kind.to_string(),
        _ => format!("{kind} by key {}", holder.key),
    }
}

/// The unit answers commands of the medium, may be written to, and the path is active.
fn ready(unit: &mut Unit<'_>, speaker: &Speaker<'_>, first: &Identified) -> Result<(), Refusal> {
    if first.alua {
        alua(unit, speaker, first)?;
    }
    unit.test_unit_ready().map_err(|error| speaker.unanswered(&error))?;
    match unit.mode_sense() {
        Ok(mode) if mode.write_protected => Err(speaker.refuse(
            RefusalKind::WriteProtected,
            "it is write protected",
            "a cluster cannot use it as it is; take the protection off at the target",
        )),
        Ok(_) => Ok(()),
        // Without the command nothing says that the unit is protected; a write would be refused by itself.
        Err(error) if error.is_unsupported() => Ok(()),
        Err(error) => Err(speaker.unanswered(&error)),
    }
}

fn alua(unit: &mut Unit<'_>, speaker: &Speaker<'_>, first: &Identified) -> Result<(), Refusal> {
    let groups = match unit.target_port_groups() {
        Ok(groups) => groups,
        Err(error) if error.is_unsupported() => return Ok(()),
        Err(error) => return Err(speaker.unanswered(&error)),
    };
    // Each portal has a port of its own, which its own page 83h names.
    let here = match unit.device_identification() {
        Ok(page) => (page.port_group(), page.relative_port()),
        Err(_) => (first.group, first.port),
    };
    let group = here
        .0
        .and_then(|number| groups.0.iter().find(|group| group.group == number))
        .or_else(|| here.1.and_then(|port| groups.of_port(port)));
    let active = |state| matches!(state, AccessState::ActiveOptimized | AccessState::ActiveNonOptimized);
    let state = match group {
        Some(group) => Some(group.state),
        // Which group is ours is not told: then all that there are must do.
        None => groups.0.iter().map(|group| group.state).find(|state| !active(*state)),
    };
    match state {
        Some(state) if !active(state) => Err(speaker.refuse(
            RefusalKind::NotActive,
            format!("the path is {state}"),
            "name the portals whose paths are active, or bring the path up",
        )),
        _ => Ok(()),
    }
}

/// Reads the first and last blocks of a unit.
///
/// # Errors
/// The first READ that did not succeed.
pub fn read_areas(unit: &mut Unit<'_>, blocks: u64, block_bytes: u32) -> Result<Areas, CommandError> {
    let block = u64::from(block_bytes.max(1));
    let mut read = |from: u64, count: u64| -> Result<Vec<u8>, CommandError> {
        let mut bytes = Vec::new();
        let step = (CHUNK_BYTES / block).max(1);
        let mut at = from;
        while at < from + count {
            let now = step.min(from + count - at);
            bytes.extend(unit.read_blocks(at, u32::try_from(now).unwrap_or(u32::MAX), block_bytes)?);
            at += now;
        }
        Ok(bytes)
    };
    let head = blocks.min(HEAD_BYTES / block);
    let tail = blocks.min(TAIL_BYTES / block);
    Ok(Areas {
        head: read(0, head)?,
        tail: read(blocks - tail, tail)?,
        size_bytes: blocks.saturating_mul(block),
    })
}

#[cfg(test)]
mod tests;
