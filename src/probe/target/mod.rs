//! Storage targets: what each portal of an iSCSI target shows, through our own initiator, reading only.
//!
//! All portals are visited side by side, and discovery with them; portals that only discovery names are visited after that.
//! Sent are: `SendTargets`, login, REPORT LUNS, INQUIRY with VPD pages 00, 80, 83, B0, B1, B2, TEST UNIT READY, READ
//! CAPACITY, MODE SENSE, REPORT TARGET PORT GROUPS, PERSISTENT RESERVE IN. Nothing is written, nothing is reserved. Needs no
//! rights here; the target must let the initiator name in.
//!
//! A portal or a unit that does not answer is a gap with its reason. Unknown is never told as empty: a list that was cut
//! gives no fact.

mod facts;
mod portal;
#[cfg(test)]
mod tests;
mod unit;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use crate::facts::{Document, Gap, GapReason, Source, SourceKind, Target};
use crate::inventory::{ChapAlgorithm, ChapPlan, SecretError, TargetPlan};
use crate::iscsi::chap::{Algorithm, Chap, ChapError, Credentials};
use crate::iscsi::login::DigestPolicy;
use crate::iscsi::{
    self, AdvertisedPortal, CommandError, DiscoveredTarget, Error, Isid, Portal, Tap, Timeouts,
};
use crate::probe::answer::harmless;
use crate::scsi::{SenseKey, Status};
use crate::source::Place;

/// The initiator name under which we log in where the inventory names none. Access lists of targets need it, so it stays the
/// same from run to run; it is no name that an operating system uses.
pub const INITIATOR_NAME: &str = "iqn.2026-01.org.quorate:probe";

/// The most portals of one target that are visited.
const MOST_PORTALS: usize = 64;

/// How to get into a target.
#[derive(Debug, Clone)]
pub struct Access {
    /// InitiatorName. Never that of a host: some targets would mix up what we may with what the host may.
    pub initiator_name: String,
    /// CHAP, where it is configured.
    pub chap: Option<Chap>,
    /// Digest over headers.
    pub header_digest: DigestPolicy,
    /// Digest over data.
    pub data_digest: DigestPolicy,
    /// Who watches the bytes; nobody by default.
    pub tap: Tap,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            initiator_name: INITIATOR_NAME.to_owned(),
            chap: None,
            header_digest: DigestPolicy::Off,
            data_digest: DigestPolicy::Off,
            tap: Tap::default(),
        }
    }
}

/// Why a target cannot be logged in to as the inventory says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secrets do not fit together.
    #[error("{place}: {source}")]
    Chap {
        /// Where the inventory says so.
        place: Place,
        /// What is wrong.
        source: ChapError,
    },
}

impl Access {
    /// Access as the inventory says. Fetches the secrets, which may ask at the terminal.
    pub fn of_plan(plan: &TargetPlan) -> Result<Self, AccessError> {
        let digest = |wanted: Option<bool>| match wanted {
            // Where the target has none the inspection goes on without, and the facts tell.
            Some(true) => DigestPolicy::Prefer,
            _ => DigestPolicy::Off,
        };
        let chap = plan.chap.as_ref().map(chap_of_plan).transpose()?;
        Ok(Self {
            initiator_name: plan.initiator_name.clone().unwrap_or_else(|| INITIATOR_NAME.to_owned()),
            chap,
            header_digest: digest(plan.header_digest),
            data_digest: digest(plan.data_digest),
            tap: Tap::default(),
        })
    }
}

fn chap_of_plan(plan: &ChapPlan) -> Result<Chap, AccessError> {
    let wrong = |source| AccessError::Chap { place: plan.place.clone(), source };
    let ours = Credentials::new(&plan.user, plan.secret.resolve()?);
    let chap = match &plan.mutual {
        None => Chap::one_way(ours),
        Some((user, secret)) => {
            Chap::mutual(ours, Credentials::new(user, secret.resolve()?)).map_err(wrong)?
        }
    };
    let algorithms = plan.algorithms.iter().map(|algorithm| match algorithm {
        ChapAlgorithm::Md5 => Algorithm::Md5,
        ChapAlgorithm::Sha256 => Algorithm::Sha256,
    });
    chap.with_algorithms(algorithms.collect()).map_err(wrong)
}

/// How long a probe may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The end of the run. What is not known then becomes a gap.
    pub deadline: Instant,
    /// Limits of the single steps.
    pub timeouts: Timeouts,
    /// Set from outside to end the probe early; what is not known then becomes a gap.
    pub interrupted: Arc<AtomicBool>,
}

impl Limits {
    /// Limits of a run that may take so long.
    pub fn within(time: Duration) -> Self {
        Self { deadline: Instant::now() + time, timeouts: Timeouts::default(), interrupted: Arc::default() }
    }
}

/// What is known of a target, why the rest is not, and where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The target. What the plan says of it is still there.
    pub target: Target,
    /// Why facts are missing.
    pub gaps: Vec<Gap>,
    /// Where facts come from.
    pub sources: Vec<Source>,
}

/// Inspects a target. `planned` is what the plan says of it: its name, its portals (those marked as planned), its logical units
/// with number, name, role and what is expected of them. All of that is kept, and what was found is added.
pub fn inspect(planned: &Target, access: &Access, limits: &Limits) -> Found {
    let portals = planned_portals(planned);
    let wanted = wanted_units(planned);
    let name = planned.name.as_str();
    let visit = |at: usize, portal: &Portal, is_planned| {
        let number = u16::try_from(at + 1).unwrap_or(u16::MAX);
        portal::visit(name, access, portal, is_planned, &wanted, number, limits)
    };
    let visit = &visit;
    let (discoveries, mut visits) = thread::scope(|scope| {
        // Some targets list only the portal that is asked, so each is.
        let discoveries: Vec<_> = portals
            .iter()
            .map(|portal| {
                let thread = scope.spawn(move || discover(portal, access, limits));
                (portal.clone(), thread)
            })
            .collect();
        let visits = side_by_side(
            scope,
            portals.iter().enumerate().map(|(at, portal)| move || visit(at, portal, true)),
        );
        let discoveries = discoveries
            .into_iter()
            .filter_map(|(portal, thread)| Some(Discovery { portal, answer: thread.join().ok()? }))
            .collect::<Vec<_>>();
        (discoveries, visits)
    });
    let new = facts::unvisited(&advertised_by(&discoveries, name), &visits);
    let known = visits.len();
    visits.extend(thread::scope(|scope| {
        let rest = new.iter().take(MOST_PORTALS.saturating_sub(known)).enumerate();
        side_by_side(scope, rest.map(|(at, portal)| move || visit(known + at, portal, false)))
    }));
    facts::assemble(planned, &discoveries, &visits)
}

/// What a portal answered to discovery.
#[derive(Debug)]
struct Discovery {
    portal: Portal,
    answer: Answer<Vec<DiscoveredTarget>>,
}

/// Inspects a target of the inventory; `planned` is the plan's word of it ([`Inventory::planned_document`]). May ask for a
/// secret at the terminal. Where the secrets cannot be had, nothing is contacted and all of the target is a gap.
///
/// [`Inventory::planned_document`]: crate::inventory::Inventory::planned_document
pub fn probe(plan: &TargetPlan, planned: &Target, limits: &Limits, tap: &Tap) -> Found {
    match Access::of_plan(plan) {
        Ok(access) => inspect(planned, &Access { tap: tap.clone(), ..access }, limits),
        Err(error) => Found {
            target: planned.clone(),
            gaps: vec![Gap {
                path: format!("targets[{}]", planned.name),
                reason: Some(GapReason::NotCollected),
                detail: Some(error.to_string()),
            }],
            sources: Vec::new(),
        },
    }
}

/// Lays what was found of a target over what the plan says of it, in a document that began as the plan's. What only the plan
/// can tell of a portal or a logical unit keeps its line of the file as its source.
pub fn lay_over(document: &mut Document, found: Found) {
    let replaced: HashSet<&str> = found.sources.iter().map(|source| source.path.as_str()).collect();
    let (moved, kept): (Vec<Source>, Vec<Source>) = std::mem::take(&mut document.sources)
        .into_iter()
        .partition(|source| source.kind == Some(SourceKind::Plan) && replaced.contains(source.path.as_str()));
    document.sources = kept;
    for source in moved {
        let fields: &[&str] = if source.path.contains("].luns[") {
            &["number", "role", "expected_identity", "expected_size_bytes", "test"]
        } else {
            &["address", "planned"]
        };
        let below =
            fields.iter().map(|field| Source { path: format!("{}.{field}", source.path), ..source.clone() });
        document.sources.extend(below);
    }
    document.sources.extend(found.sources);
    document.gaps.extend(found.gaps);
    match document.targets.iter_mut().find(|target| target.name == found.target.name) {
        Some(target) => *target = found.target,
        None => document.targets.push(found.target),
    }
}

/// Discovers the targets behind a portal and inspects each of them as if the portals that the answer lists were planned.
pub fn survey(portal: &Portal, access: &Access, limits: &Limits) -> Result<Vec<Found>, Error> {
    let isid = Isid::random(0).map_err(Error::Random)?;
    let targets = iscsi::discover(portal, &access.discovery(isid), limits.timeouts)?;
    Ok(targets
        .into_iter()
        .map(|target| {
            let portals = target.portals.iter().map(|at| facts::planned_portal(&at.portal)).collect();
            let planned = Target { name: target.name, portals: Some(portals), ..Target::default() };
            inspect(&planned, access, limits)
        })
        .collect())
}

fn side_by_side<'scope, T: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    work: impl Iterator<Item = impl FnOnce() -> T + Send + 'scope>,
) -> Vec<T> {
    let threads: Vec<_> = work.map(|work| scope.spawn(work)).collect();
    // A thread that panicked would be a defect; its portal is then missing, which is told as not visited.
    threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
}

fn planned_portals(planned: &Target) -> Vec<Portal> {
    planned
        .portals
        .iter()
        .flatten()
        .filter_map(|portal| portal.address.parse().ok())
        .take(MOST_PORTALS)
        .collect()
}

fn wanted_units(planned: &Target) -> Vec<u16> {
    planned.luns.iter().flatten().filter_map(|lun| u16::try_from(lun.number?).ok()).collect()
}

fn discover(portal: &Portal, access: &Access, limits: &Limits) -> Answer<Vec<DiscoveredTarget>> {
    let timeouts = limits.bounded()?;
    let isid = Isid::random(0).map_err(|error| Failure::of_connection(&Error::Random(error)))?;
    iscsi::discover(portal, &access.discovery(isid), timeouts).map_err(|error| Failure::of_connection(&error))
}

/// The portals that the answers to discovery list for a target, each once.
fn advertised_by(discoveries: &[Discovery], name: &str) -> Vec<AdvertisedPortal> {
    let targets = discoveries.iter().filter_map(|discovery| discovery.answer.as_ref().ok()).flatten();
    let mut portals: Vec<AdvertisedPortal> =
        targets.filter(|target| target.name == name).flat_map(|target| target.portals.clone()).collect();
    portals.sort();
    portals.dedup();
    portals
}

/// An answer, or why there is none.
type Answer<T> = Result<T, Failure>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failure {
    reason: GapReason,
    detail: String,
    /// The device said that it does not have what was asked for.
    unsupported: bool,
    /// An answer came that does not have the form of the standard.
    malformed: bool,
    /// The device ended the command with a status other than GOOD.
    answered: bool,
}

impl Failure {
    fn new(reason: GapReason, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self {
            reason,
            detail: harmless(detail.into()).into_owned(),
            unsupported: false,
            malformed: false,
            answered: false,
        }
    }

    fn unsupported(detail: impl Into<String>) -> Self {
        Self { unsupported: true, ..Self::new(GapReason::NotSupported, detail) }
    }

    fn of_command(error: &CommandError) -> Self {
        let reason = match error {
            CommandError::Session(error) if error.is_timeout() => GapReason::TimedOut,
            CommandError::Status { .. } if error.is_unsupported() => GapReason::NotSupported,
            _ => GapReason::CommandFailed,
        };
        Self {
            unsupported: says_unsupported(error),
            malformed: matches!(error, CommandError::Malformed { .. }),
            answered: matches!(error, CommandError::Status { .. }),
            ..Self::new(reason, error.to_string())
        }
    }

    fn of_connection(error: &Error) -> Self {
        let reason = match error {
            Error::Resolve { .. } | Error::Connect { .. } => GapReason::Unreachable,
            error if error.is_timeout() => GapReason::TimedOut,
            Error::Login(_)
            | Error::ClosedDuringLogin { .. }
            | Error::Redirects { .. }
            | Error::Rejected { .. } => GapReason::LoginRefused,
            _ => GapReason::CommandFailed,
        };
        let detail = match error.likely_cause() {
            Some(cause) => format!("{error} ({cause})"),
            None => error.to_string(),
        };
        Self::new(reason, detail)
    }
}

/// 5/20/00 or 5/24/00. A CHECK CONDITION that does not say why is no denial: it stays unknown.
fn says_unsupported(error: &CommandError) -> bool {
    matches!(
        error,
        CommandError::Status { status: Status::CheckCondition, sense: Some(sense), .. }
            if sense.is(SenseKey::IllegalRequest, 0x20, 0) || sense.is(SenseKey::IllegalRequest, 0x24, 0)
    )
}
