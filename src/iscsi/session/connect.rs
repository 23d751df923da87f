//! From a portal to a session: resolve, connect, log in, follow one redirection; everything within its time.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::stream::TimedStream;
use crate::iscsi::chap::Chap;
use crate::iscsi::error::Error;
use crate::iscsi::frame::{Digests, FrameError, FrameReader, FrameWriter};
use crate::iscsi::login::{Login, LoginConfig, LoginError, Negotiated, Step};
use crate::iscsi::pdu::{LoginRequest, LoginResponse, Pdu, reject_reason};
use crate::iscsi::portal::Portal;
use crate::iscsi::text;

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name resolution and TCP connection.
    pub connect: Duration,
    /// The whole login, all rounds.
    pub login: Duration,
    /// Each command, from the moment it is submitted.
    pub command: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            login: Duration::from_secs(10),
            command: Duration::from_secs(8),
        }
    }
}

pub(super) type Reader = FrameReader<TimedStream>;
pub(super) type Writer = FrameWriter<TimedStream>;

/// A connection in full feature phase.
pub(super) struct Connected {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    pub(super) negotiated: Negotiated,
    pub(super) portal: Portal,
    pub(super) redirected_from: Option<Portal>,
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) connect_time: Duration,
    pub(super) login_time: Duration,
}

pub(super) fn establish(
    portal: &Portal,
    login: &LoginConfig,
    timeouts: Timeouts,
) -> Result<Connected, Error> {
    let error = match follow(portal, login, timeouts) {
        Err(error @ Error::Login(LoginError::Refused { class: 2, detail: 0 })) => error,
        result => return result,
    };
    // Targets that know MD5 alone end the login when the list of algorithms has one that they do not know, instead of
    // choosing from it.
    match login.chap.as_ref().and_then(Chap::md5_alone) {
        Some(chap) => follow(portal, &LoginConfig { chap: Some(chap), ..login.clone() }, timeouts),
        None => Err(error),
    }
}

fn follow(portal: &Portal, login: &LoginConfig, timeouts: Timeouts) -> Result<Connected, Error> {
    let to = match attempt(portal, login, timeouts)? {
        Attempt::Connected(connected) => return Ok(*connected),
        Attempt::Redirected(to) => to,
    };
    match attempt(&to, login, timeouts)? {
        Attempt::Connected(connected) => {
            Ok(Connected { redirected_from: Some(portal.clone()), ..*connected })
        }
        Attempt::Redirected(again) => Err(Error::Redirects { from: portal.clone(), to, again }),
    }
}

enum Attempt {
    Connected(Box<Connected>),
    Redirected(Portal),
}

fn attempt(portal: &Portal, config: &LoginConfig, timeouts: Timeouts) -> Result<Attempt, Error> {
    let mut random = [0; 17];
    getrandom::fill(&mut random).map_err(Error::Random)?;
    // A name that cannot be right is refused before a host is troubled with it.
    let (mut login, mut request) = Login::start(config.clone(), random)?;
    let begun = Instant::now();
    let stream = connect(portal, begun + timeouts.connect)?;
    let connect_time = begun.elapsed();
    let setup = |source| Error::Connect { portal: portal.clone(), source };
    stream.set_nodelay(true).map_err(setup)?;
    let local = stream.local_addr().map_err(setup)?;
    let peer = stream.peer_addr().map_err(setup)?;
    let started = Instant::now();
    let deadline = started + timeouts.login;
    let tap = config.tap.open(local, peer);
    let writing = TimedStream::new(stream.try_clone().map_err(setup)?, deadline, tap.clone());
    let mut writer = FrameWriter::new(writing);
    let limit = u32::try_from(text::LIMIT).unwrap_or(u32::MAX);
    let mut reader = FrameReader::new(TimedStream::new(stream, deadline, tap), limit);
    loop {
        let stage = login.stage_name();
        let response = exchange(&mut reader, &mut writer, request, stage, timeouts.login)?;
        match login.advance(&response)? {
            Step::Send(next) => request = next,
            Step::Redirected { portal, .. } => return Ok(Attempt::Redirected(portal)),
            Step::Done(negotiated) => {
                let digests: Digests = negotiated.digests;
                reader.set_digests(digests);
                writer.set_digests(digests);
                reader.set_limit(config.max_segment);
                return Ok(Attempt::Connected(Box::new(Connected {
                    reader,
                    writer,
                    negotiated: *negotiated,
                    portal: portal.clone(),
                    redirected_from: None,
                    local,
                    peer,
                    connect_time,
                    login_time: started.elapsed(),
                })));
            }
        }
    }
}

fn exchange(
    reader: &mut Reader,
    writer: &mut Writer,
    request: LoginRequest,
    stage: &'static str,
    allowed: Duration,
) -> Result<LoginResponse, Error> {
    let failed = |source: FrameError, partial: usize| match source {
        FrameError::Closed => Error::ClosedDuringLogin { stage },
        FrameError::Io(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset
                    | std::io::ErrorKind::BrokenPipe
                    | std::io::ErrorKind::ConnectionAborted
            ) =>
        {
            Error::ClosedDuringLogin { stage }
        }
        source if source.is_timeout() => {
            Error::Timeout { what: format!("the login ({stage})"), after: allowed, meanwhile: 0, partial }
        }
        source => Error::Frame { while_doing: format!("during login ({stage})"), source },
    };
    writer.write(&request.into_frame()).map_err(|source| failed(source, 0))?;
    let frame = match reader.read() {
        Ok(frame) => frame,
        Err(source) => return Err(failed(source, reader.buffered())),
    };
    match Pdu::decode(frame) {
        Ok(Pdu::LoginResponse(response)) => Ok(response),
        Ok(Pdu::Reject(reject)) => Err(Error::Rejected {
            what: format!("the login ({}, {stage})", reject_reason(reject.reason)),
            reason: reject.reason,
        }),
        Ok(other) => {
            Err(LoginError::Protocol(format!("{} instead of a Login Response", other.name())).into())
        }
        Err(error) => Err(LoginError::Protocol(format!("{error} instead of a Login Response")).into()),
    }
}

fn connect(portal: &Portal, deadline: Instant) -> Result<TcpStream, Error> {
    let refused = |source| Error::Connect { portal: portal.clone(), source };
    let mut last = None;
    for address in resolve(portal, deadline)? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(refused(last.unwrap_or_else(|| std::io::ErrorKind::TimedOut.into())))
}

/// Addresses need no resolver; names get a thread of their own, because the system's resolver knows no deadline.
fn resolve(portal: &Portal, deadline: Instant) -> Result<Vec<SocketAddr>, Error> {
    let failed = |why: String| Error::Resolve { host: portal.host.clone(), why };
    if let Ok(ip) = portal.host.parse::<std::net::IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, portal.port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let (host, port) = (portal.host.clone(), portal.port);
    thread::Builder::new()
        .name("resolve".into())
        .spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
            // Nobody listens any more when the deadline has passed.
            let _ = sender.send(found);
        })
        .map_err(|error| failed(error.to_string()))?;
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Ok(addresses)) if addresses.is_empty() => Err(failed("the resolver found none".into())),
        Ok(Ok(addresses)) => Ok(addresses),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("the resolver did not answer in time".into())),
    }
}
