//! Why a login fails, what the target's status means and what most often lies behind it.

use super::ROUNDS;
use crate::iscsi::chap::ChapError;
use crate::iscsi::text::TextError;

/// Why a login failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// A name that no target could accept.
    #[error("`{name}` is no iSCSI name: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The target answered with an error status.
    #[error("login refused with status {class:02x}/{detail:02x}: {}", status_text(*.class, *.detail))]
    Refused {
        /// Status-Class.
        class: u8,
        /// Status-Detail.
        detail: u8,
    },
    /// A redirection without an address that can be used.
    #[error("the target redirects, but {0}")]
    Redirect(String),
    /// The login does not come to an end.
    #[error("the login did not come to an end within {ROUNDS} requests")]
    TooManyRounds,
    /// The target broke a rule of the login phase.
    #[error("the target broke the login protocol: {0}")]
    Protocol(String),
    /// The key list of the target cannot be read.
    #[error("the target's login text is wrong: {0}")]
    Text(#[from] TextError),
    /// Authentication failed on our side.
    #[error(transparent)]
    Chap(#[from] ChapError),
    /// The target wants an authentication that is not configured, or does not want the one that is.
    #[error("authentication methods do not meet: offered `{offered}`, the target answered `{answer}`")]
    AuthMethod {
        /// What was offered.
        offered: &'static str,
        /// What came.
        answer: String,
    },
    /// The target chose a value that it may not choose.
    #[error("the target answered `{key}={value}`, {why}")]
    Answer {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Why it is wrong.
        why: &'static str,
    },
}

impl LoginError {
    /// What most often lies behind the error, in plain words.
    pub fn likely_cause(&self) -> Option<&'static str> {
        match self {
            Self::Refused { class: 2, detail: 0 } => Some(
                "the target cannot use the request; with CHAP it often does not know an algorithm that was offered",
            ),
            Self::Refused { class: 2, detail: 1 } => {
                Some("CHAP user or secret is wrong, or the target wants CHAP and none is configured")
            }
            Self::Refused { class: 2, detail: 2 } => {
                Some("the target's access list does not have this initiator name")
            }
            Self::Refused { class: 2, detail: 3 } => {
                Some("the target name is misspelt, or not offered at this portal")
            }
            Self::Refused { class: 2, detail: 4 } => Some("the target was removed or is offline"),
            Self::Refused { class: 2, detail: 6 } => {
                Some("the target's limit of sessions or connections is reached")
            }
            Self::Refused { class: 3, detail: 1 } => {
                Some("the target is starting or stopped, or (on Linux LIO) the target name is unknown")
            }
            Self::Refused { class: 3, detail: 2 } => Some("the target has no memory or sessions left"),
            Self::AuthMethod { offered: "None", .. } => Some("the target wants CHAP and none is configured"),
            Self::AuthMethod { .. } => Some("the target has no CHAP configured"),
            Self::Chap(ChapError::Response | ChapError::Name { .. }) => {
                Some("the secret or name of the mutual direction differs between cluster.toml and the target")
            }
            Self::Answer { key, .. } if key.ends_with("Digest") => Some("the target has no CRC32C digests"),
            _ => None,
        }
    }
}

/// What a status of a login response means (RFC 7143 section 11.13.5).
pub fn status_text(class: u8, detail: u8) -> &'static str {
    match (class, detail) {
        (0, 0) => "success",
        (1, 1) => "target moved temporarily",
        (1, 2) => "target moved permanently",
        (1, _) => "redirection",
        (2, 0) => "initiator error",
        (2, 1) => "authentication failure",
        (2, 2) => "authorization failure",
        (2, 3) => "target not found",
        (2, 4) => "target removed",
        (2, 5) => "unsupported version",
        (2, 6) => "too many connections",
        (2, 7) => "missing parameter",
        (2, 8) => "cannot include in session",
        (2, 9) => "session type not supported",
        (2, 0x0a) => "session does not exist",
        (2, 0x0b) => "invalid request during login",
        (2, _) => "initiator error, unknown detail",
        (3, 0) => "target error",
        (3, 1) => "service unavailable",
        (3, 2) => "out of resources",
        (3, _) => "target error, unknown detail",
        _ => "unknown status class",
    }
}
