//! Where facts come from, why others are missing, and where the plan differs from what was found.
//!
//! All three speak in paths such as `nodes[hv1].nics[eth0].mtu`: field names, and in brackets the key of a list's
//! element (its position from 0 where it has no key). What is said of a path holds for all below it; the longest
//! path that fits wins.

use super::meta::{ChoiceType, Fact, FieldType, Record, RecordType, Type, Value};
use crate::{choices, records};

choices! {
    /// Why a fact is missing.
    GapReason {
        /// Nothing was asked that could tell.
        NotCollected = "not-collected",
        /// The account that asked was not allowed to know.
        PermissionDenied = "permission-denied",
        /// The command that could tell is not installed.
        CommandAbsent = "command-absent",
        /// The command failed, or its answer could not be read.
        CommandFailed = "command-failed",
        /// The host, portal or endpoint gave no answer.
        Unreachable = "unreachable",
        /// It was reached but did not let us in.
        LoginRefused = "login-refused",
        /// The deadline passed.
        TimedOut = "timed-out",
        /// The run was interrupted.
        Interrupted = "interrupted",
        /// The thing asked does not support the question.
        NotSupported = "not-supported",
        /// Only the plan could tell, and it does not.
        NotDeclared = "not-declared",
    }

    /// Kind of place that facts come from.
    SourceKind {
        /// A command on a host.
        Command = "command",
        /// A file on a host.
        File = "file",
        /// A storage target through a portal.
        Portal = "portal",
        /// An endpoint over the network.
        Endpoint = "endpoint",
        /// The plan: file and line.
        Plan = "plan",
        /// A recording.
        Recording = "recording",
        /// A support bundle.
        Bundle = "bundle",
        /// A validation report: file and section.
        Report = "report",
        /// Computed out of other facts.
        Derived = "derived",
    }
}

records! {
    /// A fact, or a group of facts, that is not known.
    Gap {
        /// What is not known.
        path: String,
        /// Why.
        reason: Option<GapReason>,
        /// More about it, in words: `needs root`, `ssh: connect to host hv3 port 22: Connection refused`.
        detail: Option<String>,
    }

    /// Where a group of facts comes from.
    Source {
        /// What comes from there.
        path: String,
        /// Kind of place.
        kind: Option<SourceKind>,
        /// Host, portal or file.
        place: Option<String>,
        /// Command, page or line: `ip -j -d addr`, `VPD 83`, `line 12`.
        item: Option<String>,
    }

    /// A place where the plan and what was found differ.
    Drift {
        /// What differs.
        path: String,
        /// What the plan says.
        planned: Option<String>,
        /// What was found.
        found: Option<String>,
        /// Where the plan says it: file and line.
        place: Option<String>,
    }
}
