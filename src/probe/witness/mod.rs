//! Endpoints of witnesses, asked in their own protocol from this machine: a cloud over HTTPS, a file share by SMB, a quorum
//! device by Corosync's.
//!
//! Nothing is logged into and nothing is changed. Whatever an endpoint answers is bounded and made harmless. That it does
//! not answer is a fact too; only an interrupted run leaves it unknown.

mod https;
mod qnetd;
mod smb;

use super::answer::{harmless, shorten};
use super::limits::{Limits, shown as shown_time};
use crate::facts::{Document, Gap, GapReason, Micros, Source, SourceKind};
use crate::inventory::WitnessPlace;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Port of SMB over TCP.
pub(super) const SMB_PORT: u16 = 445;

/// Longest that one step may take.
const STEP: Duration = Duration::from_secs(10);

/// What an endpoint came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    endpoint: String,
    item: &'static str,
    /// What it answered, or why nothing is known of it.
    pub result: Result<Reply, (GapReason, String)>,
}

/// What an endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// Whether it spoke its protocol.
    reachable: bool,
    /// What it said, or what stood in the way.
    words: String,
    /// How long the answer took, the connection included.
    took: Option<Duration>,
}

/// Name of an endpoint and how it is asked.
pub(super) fn shown(place: &WitnessPlace) -> (String, String) {
    match place {
        WitnessPlace::FileShare(share) => {
            (share.to_string(), format!("SMB2 NEGOTIATE to {} port {SMB_PORT}", share.server))
        }
        WitnessPlace::Cloud(url) => (url.clone(), format!("HTTPS HEAD {url}")),
        WitnessPlace::Qdevice(host) => (host.to_string(), format!("corosync-qnetd PREINIT to {host}")),
        WitnessPlace::None => ("none".to_owned(), "nothing".to_owned()),
        WitnessPlace::Volume(name) => (name.clone(), "as a volume of the nodes".to_owned()),
        WitnessPlace::Disk(lun) | WitnessPlace::Sbd(lun) => {
            (lun.to_string(), "as a LUN of its target".to_owned())
        }
    }
}

/// Asks an endpoint.
pub(super) fn probe(place: &WitnessPlace, limits: &Limits) -> Answer {
    let (endpoint, _) = shown(place);
    let end = limits.deadline.min(Instant::now() + 2 * STEP);
    let (item, ask): (_, Box<dyn FnOnce() -> Result<String, String> + Send>) = match place.clone() {
        WitnessPlace::FileShare(share) => {
            ("SMB2 NEGOTIATE", Box::new(move || smb::ask(&mut connect(&share.server, SMB_PORT, end)?, end)))
        }
        WitnessPlace::Qdevice(host) => (
            "corosync-qnetd PREINIT",
            Box::new(move || qnetd::ask(&mut connect(&host.host, host.port, end)?, end)),
        ),
        WitnessPlace::Cloud(url) => ("HTTPS HEAD", Box::new(move || https::ask(&url, end, None))),
        WitnessPlace::None | WitnessPlace::Disk(_) | WitnessPlace::Volume(_) | WitnessPlace::Sbd(_) => {
            let words = "it is no endpoint of a network".to_owned();
            return Answer { endpoint, item: "", result: Err((GapReason::NotSupported, words)) };
        }
    };
    Answer { endpoint, item, result: attend(ask, limits) }
}

/// Runs a question that may block on a thread of its own, so that an interruption need not wait for it.
fn attend(
    ask: Box<dyn FnOnce() -> Result<String, String> + Send>,
    limits: &Limits,
) -> Result<Reply, (GapReason, String)> {
    let (send, receive) = channel();
    let began = Instant::now();
    let thread = std::thread::Builder::new().name("witness".to_owned());
    thread
        .spawn(move || {
            let answer = ask();
            let _ = send.send((answer, began.elapsed()));
        })
        .map_err(|error| (GapReason::CommandFailed, format!("no thread to ask it: {error}")))?;
    loop {
        match receive.recv_timeout(Duration::from_millis(50)) {
            Ok((answer, took)) => {
                let (reachable, words) = match answer {
                    Ok(words) => (true, words),
                    Err(words) => (false, words),
                };
                let words = shorten(&harmless(words.replace(['\n', '\t'], " ").into()), 300);
                return Ok(Reply { reachable, words, took: reachable.then_some(took) });
            }
            Err(RecvTimeoutError::Timeout) => match limits.stop() {
                Some((GapReason::TimedOut, _)) => {
                    let words = format!("no answer within {}", shown_time(limits.allowed));
                    return Ok(Reply { reachable: false, words, took: None });
                }
                Some(stop) => return Err(stop),
                None => {}
            },
            Err(RecvTimeoutError::Disconnected) => {
                return Err((
                    GapReason::CommandFailed,
                    "asking it broke; this is a defect of quorate".to_owned(),
                ));
            }
        }
    }
}

impl Answer {
    /// Writes it into the document.
    pub fn apply(self, document: &mut Document) {
        let witness = &mut document.witness;
        let mut gap = |field: &str, reason, detail: &str| {
            document.gaps.push(Gap {
                path: format!("witness.{field}"),
                reason: Some(reason),
                detail: Some(detail.to_owned()),
            });
        };
        match self.result {
            Ok(reply) => {
                witness.reachable = Some(reply.reachable);
                if reply.took.is_none() {
                    gap("latency_us", GapReason::Unreachable, &reply.words);
                }
                witness.answer = Some(reply.words);
                witness.latency_us =
                    reply.took.and_then(|took| i64::try_from(took.as_micros()).ok()).map(Micros);
                for field in ["reachable", "answer", "latency_us"] {
                    document.sources.push(Source {
                        path: format!("witness.{field}"),
                        kind: Some(SourceKind::Endpoint),
                        place: Some(self.endpoint.clone()),
                        item: Some(self.item.to_owned()),
                    });
                }
            }
            Err((reason, words)) => {
                for field in ["reachable", "answer", "latency_us"] {
                    gap(field, reason, &words);
                }
            }
        }
    }
}

/// How much time a step has.
fn step(end: Instant) -> Result<Duration, String> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err("no answer in time".to_owned()) } else { Ok(left.min(STEP)) }
}

/// A connection to the first address of a host that takes one.
fn connect(host: &str, port: u16, end: Instant) -> Result<TcpStream, String> {
    let addresses =
        (host, port).to_socket_addrs().map_err(|error| format!("{host} has no address: {error}"))?;
    let mut last = format!("{host} has no address");
    for address in addresses {
        let connected = TcpStream::connect_timeout(&address, step(end)?);
        match connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = format!("{address}: {}", said(&error)),
        }
    }
    Err(last)
}

/// An error without the number that the system gives it.
fn said(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "no answer in time".to_owned(),
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset => {
            "the connection was closed without an answer".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Sends a message and reads exactly so many bytes of the answer.
fn exchange(stream: &mut TcpStream, message: &[u8], answer: &mut [u8], end: Instant) -> Result<(), String> {
    let wrong = |error: io::Error| said(&error);
    stream.set_write_timeout(Some(step(end)?)).map_err(wrong)?;
    stream.write_all(message).map_err(wrong)?;
    let mut filled = 0;
    while filled < answer.len() {
        stream.set_read_timeout(Some(step(end)?)).map_err(wrong)?;
        match stream.read(&mut answer[filled..]) {
            Ok(0) => return Err("the connection was closed without an answer".to_owned()),
            Ok(length) => filled += length,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(wrong(error)),
        }
    }
    Ok(())
}

/// A server on loopback that reads `expect` bytes, sends `answer`, and closes.
#[cfg(test)]
fn server(expect: usize, answer: Vec<u8>) -> (std::net::SocketAddr, std::thread::JoinHandle<Vec<u8>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = vec![0; expect];
        stream.read_exact(&mut heard).unwrap();
        stream.write_all(&answer).unwrap();
        heard
    });
    (address, thread)
}

#[cfg(test)]
mod tests {
    use super::super::limits::Cancel;
    use super::*;
    use crate::facts::Places;
    use crate::iscsi::Portal;

    fn limits(milliseconds: u64) -> Limits {
        let time = Duration::from_millis(milliseconds);
        Limits::starting_now(time, Instant::now() + time, Cancel::new())
    }

    #[test]
    fn an_endpoint_that_refuses_is_known_not_to_answer() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let answer = probe(&WitnessPlace::Qdevice(Portal::new("127.0.0.1", free.port())), &limits(5000));
        let mut document = Document::default();
        answer.apply(&mut document);
        assert_eq!(document.witness.reachable, Some(false));
        assert!(
            document.witness.answer.as_ref().unwrap().ends_with("connection refused"),
            "{:?}",
            document.witness
        );
        let places = Places::new(&document);
        assert_eq!(places.gap("witness.latency_us").and_then(|gap| gap.reason), Some(GapReason::Unreachable));
        assert_eq!(places.source("witness.reachable").and_then(|one| one.kind), Some(SourceKind::Endpoint));
    }

    #[test]
    fn an_endpoint_that_hangs_is_left_in_time() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let began = Instant::now();
        let answer = probe(&WitnessPlace::Qdevice(Portal::new("127.0.0.1", port)), &limits(300));
        assert!(began.elapsed() < Duration::from_secs(2));
        assert_eq!(answer.result.as_ref().map(|reply| reply.reachable), Ok(false), "{answer:?}");
        let limits = limits(60_000);
        limits.cancel.cancel();
        let answer = probe(&WitnessPlace::Qdevice(Portal::new("127.0.0.1", port)), &limits);
        assert_eq!(answer.result.map_err(|(reason, _)| reason), Err(GapReason::Interrupted));
    }

    #[test]
    fn what_an_endpoint_says_is_harmless() {
        let reply = attend(Box::new(|| Ok("a\u{1b}[31m\nb".repeat(200))), &limits(5000)).unwrap();
        assert!(reply.words.chars().count() <= 303 && !reply.words.contains(['\u{1b}', '\n']));
    }
}
