//! What a run tells while it goes on: who is asked, what is waited for, what came of it.

use crate::facts::GapReason;
use std::fmt;
use std::time::Duration;

/// Kind of what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// A node.
    Node,
    /// A storage target.
    Target,
    /// The endpoint of the witness.
    Witness,
    /// A logical unit that is tested.
    Lun,
    /// The ways from a node to the others.
    Mesh,
}

impl fmt::Display for SubjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            SubjectKind::Node => "node",
            SubjectKind::Target => "target",
            SubjectKind::Witness => "witness",
            SubjectKind::Lun => "LUN",
            SubjectKind::Mesh => "ways from",
        })
    }
}

/// One thing that is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// Its kind.
    pub kind: SubjectKind,
    /// Its name in the plan; the endpoint of the witness.
    pub name: String,
    /// How it is asked: `local`, `ssh://hv1`, `facts:FILE`, the portals of a target.
    pub how: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It answered.
    Answered,
    /// It answered in part; why no more came.
    Partly(GapReason, String),
    /// It did not answer; why.
    Failed(GapReason, String),
}

/// Somebody who watches a run. Calls come from many threads at once.
pub trait Progress: Sync {
    /// Asking begins.
    fn started(&self, subject: &Subject) {
        let _ = subject;
    }
    /// What is waited for now, in a word or two.
    fn waiting(&self, subject: &Subject, what: &str) {
        let _ = (subject, what);
    }
    /// It is over, after so long.
    fn finished(&self, subject: &Subject, finish: &Finish, elapsed: Duration) {
        let _ = (subject, finish, elapsed);
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Progress for Unwatched {}
