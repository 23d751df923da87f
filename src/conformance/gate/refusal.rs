//! Why a run may not begin: the kinds of reasons, what is said of each, and what to do.
//!
//! Always holds: a refusal names the unit, what was found and what to do about it.

use crate::conformance::plan::Subject;
use crate::iscsi::login::LoginError;
use crate::iscsi::{CommandError, Error, Portal};
use crate::scsi::{Lun, SenseKey, Status};
use std::fmt;

/// What to do when somebody is at work on the unit.
pub(super) const WHO: &str = "find out which host or second tester uses it";

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

/// A unit of which a refusal speaks.
pub(super) struct Speaker<'a> {
    pub(super) subject: &'a Subject,
    pub(super) portal: Option<Portal>,
}

impl Speaker<'_> {
    /// A refusal of that kind: what was found, and what to do.
    pub(super) fn refuse(
        &self,
        kind: RefusalKind,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Refusal {
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
    pub(super) fn unanswered(&self, error: &CommandError) -> Refusal {
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

    /// There is no such unit; `listed` are those that there are, where the target tells.
    pub(super) fn no_unit(&self, listed: Option<Vec<Lun>>) -> Refusal {
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

/// PRGENERATION was counted on, and not by us.
pub(super) fn at_work(speaker: &Speaker<'_>, before: Option<u32>, after: Option<u32>, when: &str) -> Refusal {
    let shown = |number: Option<u32>| number.map_or("none".to_owned(), |number| number.to_string());
    let (before, after) = (shown(before), shown(after));
    let found = format!("PRGENERATION went from {before} to {after} {when}: somebody is at work on it");
    speaker.refuse(RefusalKind::Changing, found, WHO)
}
