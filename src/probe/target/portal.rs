//! One portal of a target: connection, login, the list of logical units, and each of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::unit::{Seen, inspect};
use super::{Access, Answer, Failure, Limits};
use crate::facts::GapReason;
use crate::iscsi::chap::Chap;
use crate::iscsi::login::{Authentication, DigestPolicy, LoginConfig};
use crate::iscsi::{Digests, Error, Isid, Portal, Session, Timeouts};
use crate::scsi::Lun;
use crate::scsi::luns::ReportLuns;

/// How often a connection that a unit broke is made anew for the units after it.
const RECONNECTIONS: u32 = 3;

/// The most logical units that are asked about themselves through one portal.
pub(super) const MOST_UNITS: usize = 1024;

/// What came of a portal.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) portal: Portal,
    pub(super) planned: bool,
    /// Whether TCP came about; missing where we did not get that far.
    pub(super) reachable: Option<bool>,
    pub(super) entered: Answer<Entered>,
}

/// What a portal shows after a login.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) peer: SocketAddr,
    pub(super) redirected_to: Option<Portal>,
    pub(super) portal_group: Option<u16>,
    pub(super) authentication: Authentication,
    pub(super) digests: Digests,
    pub(super) connect_time: Duration,
    pub(super) login_time: Duration,
    pub(super) list: Answer<ReportLuns>,
    pub(super) units: BTreeMap<Lun, Seen>,
}

/// Logs in at a portal and inspects every logical unit that it lists, and those of `wanted` that it does not when its list
/// is cut. `number` tells the sessions of one run apart.
pub(super) fn visit(
    target: &str,
    access: &Access,
    portal: &Portal,
    planned: bool,
    wanted: &[u16],
    number: u16,
    limits: &Limits,
) -> Visit {
    let refused =
        |reachable, failure| Visit { portal: portal.clone(), planned, reachable, entered: Err(failure) };
    let mut session = match enter(target, access, portal, number, limits) {
        Ok(session) => session,
        Err((reachable, failure)) => return refused(reachable, failure),
    };
    let negotiated = session.negotiated();
    let mut entered = Entered {
        peer: session.peer_address(),
        redirected_to: session.redirected_from().map(|_| session.portal().clone()),
        portal_group: negotiated.portal_group,
        authentication: negotiated.authentication,
        digests: negotiated.digests,
        connect_time: session.connect_time(),
        login_time: session.login_time(),
        list: Err(Failure::new(GapReason::NotCollected, "REPORT LUNS was not sent")),
        units: BTreeMap::new(),
    };
    entered.list = limits.left().and_then(|left| {
        session.set_command_timeout(left.min(limits.timeouts.command));
        session.unit(Lun::default()).report_luns().map_err(|error| Failure::of_command(&error))
    });
    let mut units: Vec<Lun> = match &entered.list {
        Ok(list) => list.luns.iter().copied().filter(|lun| !lun.is_well_known()).collect(),
        Err(_) => Vec::new(),
    };
    if !entered.list.as_ref().is_ok_and(ReportLuns::is_complete) {
        units.extend(wanted.iter().map(|number| Lun::new((*number).into())));
    }
    // Planned units come first, should there be more than can be asked.
    units.sort_by_key(|lun| {
        (!lun.number().is_some_and(|number| wanted.iter().any(|w| u32::from(*w) == number)), *lun)
    });
    units.dedup();
    let mut reconnections = 0;
    for lun in units.into_iter().take(MOST_UNITS) {
        if session.broken().is_some() && reconnections < RECONNECTIONS {
            reconnections += 1;
            if let Ok(fresh) = enter(target, access, portal, number, limits) {
                session = fresh;
            }
        }
        entered.units.insert(lun, inspect(&mut session, lun, limits));
    }
    if limits.left().is_ok() && session.broken().is_none() {
        session.set_command_timeout(Duration::from_secs(1));
        // All facts are gathered: a target that does not like to be left changes none of them.
        let _ = session.logout();
    }
    Visit { portal: portal.clone(), planned, reachable: Some(true), entered: Ok(entered) }
}

fn enter(
    target: &str,
    access: &Access,
    portal: &Portal,
    number: u16,
    limits: &Limits,
) -> Result<Session, (Option<bool>, Failure)> {
    let timeouts = limits.bounded().map_err(|failure| (None, failure))?;
    let isid = Isid::random(number).map_err(|error| (None, Failure::of_connection(&Error::Random(error))))?;
    let login = access.login(target, isid);
    Session::connect(portal, &login, timeouts)
        .map_err(|error| (reached(&error), Failure::of_connection(&error)))
}

/// Whether an error of connecting leaves no doubt that TCP came about, or did not.
fn reached(error: &Error) -> Option<bool> {
    match error {
        Error::Random(_) | Error::Usage(_) => None,
        Error::Resolve { .. } | Error::Connect { .. } => Some(false),
        _ => Some(true),
    }
}

impl Access {
    fn login(&self, target: &str, isid: Isid) -> LoginConfig {
        LoginConfig {
            chap: self.chap.clone(),
            header_digest: self.header_digest,
            data_digest: self.data_digest,
            tap: self.tap.clone(),
            ..LoginConfig::new(&self.initiator_name, target, isid)
        }
    }

    /// A discovery session: never more than one-way CHAP, because nothing that discovery says is believed before a login
    /// has confirmed it.
    pub(super) fn discovery(&self, isid: Isid) -> LoginConfig {
        LoginConfig {
            chap: self.chap.as_ref().map(Chap::without_target),
            header_digest: DigestPolicy::Off,
            data_digest: DigestPolicy::Off,
            tap: self.tap.clone(),
            ..LoginConfig::discovery(&self.initiator_name, isid)
        }
    }
}

impl Limits {
    /// The timeouts, none longer than what is left of the run.
    pub(super) fn bounded(&self) -> Answer<Timeouts> {
        let left = self.left()?;
        Ok(Timeouts {
            connect: self.timeouts.connect.min(left),
            login: self.timeouts.login.min(left),
            command: self.timeouts.command.min(left),
        })
    }
}
