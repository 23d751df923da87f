//! What can go wrong between an initiator and a target, each naming what the peer did.

use std::io;
use std::time::Duration;

use super::frame::FrameError;
use super::login::LoginError;
use super::pdu::{async_event_name, reject_reason};
use super::portal::Portal;

/// Why a connection, a login or a command came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No random bytes for an ISID or a challenge.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// The host name has no address.
    #[error("`{host}` has no address: {why}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// No TCP connection.
    #[error("no connection to {portal}: {}", connect_text(.source))]
    Connect {
        /// The portal.
        portal: Portal,
        /// What the system said.
        source: io::Error,
    },
    /// The login failed.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// The target closed the connection instead of answering the login.
    #[error(
        "the target closed the connection during login ({stage}) without a status: maybe it wants CHAP or another secret, \
         or its access list does not have this initiator name"
    )]
    ClosedDuringLogin {
        /// The login stage.
        stage: &'static str,
    },
    /// A redirection led to another one.
    #[error(
        "the target redirects from {from} to {to} and from there again to {again}; one redirection is followed"
    )]
    Redirects {
        /// Where we were sent from.
        from: Portal,
        /// Where we were sent.
        to: Portal,
        /// Where we were sent next.
        again: Portal,
    },
    /// Framing failed, or the socket did.
    #[error("{while_doing}: {source}")]
    Frame {
        /// What was waited for.
        while_doing: String,
        /// What happened.
        source: FrameError,
    },
    /// The target closed the connection.
    #[error("the target closed the connection while {while_doing}{}", announced_text(*.announced))]
    Closed {
        /// What was waited for.
        while_doing: String,
        /// The asynchronous event with which the target had announced it.
        announced: Option<u8>,
    },
    /// The time for something ran out.
    #[error("no answer to {what} within {} s{}", .after.as_secs_f32(), meanwhile_text(*.meanwhile, *.partial))]
    Timeout {
        /// What was waited for.
        what: String,
        /// How long.
        after: Duration,
        /// Other PDUs that the peer sent in that time.
        meanwhile: u32,
        /// Bytes of an unfinished PDU that had arrived.
        partial: usize,
    },
    /// The peer broke the protocol.
    #[error("the target broke the iSCSI protocol: {0}")]
    Protocol(String),
    /// The target rejected a PDU.
    #[error("the target rejected {what}: {}", reject_reason(*.reason))]
    Rejected {
        /// What was rejected.
        what: String,
        /// Reason code.
        reason: u8,
    },
    /// The target could not deliver the command (iSCSI response other than 0).
    #[error("{what} ended with iSCSI response {response:02x}h: the target failed")]
    TargetFailure {
        /// The command.
        what: String,
        /// The response code.
        response: u8,
    },
    /// A logout that did not end well.
    #[error("the target answered the logout with {0}")]
    Logout(u8),
    /// The session broke earlier.
    #[error("the session is gone: {0}")]
    Broken(String),
    /// Not sent, because the caller has asked that nothing more be sent.
    #[error("the command was not sent")]
    NotSent,
    /// The caller asked for something that cannot be sent.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// What most often lies behind the error, in plain words.
    pub fn likely_cause(&self) -> Option<&'static str> {
        match self {
            Self::Login(error) => error.likely_cause(),
            Self::Connect { source, .. } => match source.kind() {
                io::ErrorKind::ConnectionRefused => Some("no iSCSI target listens at this address and port"),
                io::ErrorKind::TimedOut => Some("a firewall drops the packets, or the address is not in use"),
                io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                    Some("there is no route from here to the storage network")
                }
                _ => None,
            },
            Self::ClosedDuringLogin { .. } => Some("authentication or access list"),
            _ => None,
        }
    }

    /// True when the time ran out, on connecting or later.
    pub fn is_timeout(&self) -> bool {
        match self {
            Self::Timeout { .. } => true,
            Self::Connect { source, .. } => source.kind() == io::ErrorKind::TimedOut,
            _ => false,
        }
    }

    /// True when the target has answered and says no; false when a connection, the time or the protocol broke, which says
    /// nothing of what was asked for.
    pub fn is_answer(&self) -> bool {
        matches!(
            self,
            Self::Login(LoginError::Refused { .. } | LoginError::AuthMethod { .. })
                | Self::Rejected { .. }
                | Self::TargetFailure { .. }
                | Self::Logout(_)
        )
    }

    /// True when the session can still be used after this error.
    pub fn is_survivable(&self) -> bool {
        matches!(
            self,
            Self::Timeout { .. }
                | Self::Rejected { .. }
                | Self::TargetFailure { .. }
                | Self::NotSent
                | Self::Usage(_)
        )
    }
}

fn connect_text(source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".into(),
        io::ErrorKind::TimedOut => "no answer in time".into(),
        io::ErrorKind::HostUnreachable => "host unreachable".into(),
        io::ErrorKind::NetworkUnreachable => "network unreachable".into(),
        _ => source.to_string(),
    }
}

fn announced_text(event: Option<u8>) -> String {
    event.map(|event| format!(", which it had announced: {}", async_event_name(event))).unwrap_or_default()
}

fn meanwhile_text(meanwhile: u32, partial: usize) -> String {
    match (meanwhile, partial) {
        (0, 0) => String::new(),
        (0, bytes) => format!(", only {bytes} bytes of an unfinished PDU came"),
        (count, _) => format!(", though {count} other PDUs came"),
    }
}
