//! A quorum device, by the first message of corosync-qdevice: PREINIT, answered before TLS and before anything is
//! registered.
//!
//! Messages are a type of 2 bytes, a length of 4, and options of type, length (2 bytes each) and value; all big-endian
//! (corosync-qdevice, `msg.h` and `tlv.h`).

use super::exchange;
use std::net::TcpStream;
use std::time::Instant;

const PREINIT: u16 = 0;
const PREINIT_REPLY: u16 = 1;
const SERVER_ERROR: u16 = 5;

const SEQUENCE: u16 = 0;
const CLUSTER_NAME: u16 = 1;
const TLS_SUPPORTED: u16 = 2;
const TLS_CLIENT_CERTIFICATE: u16 = 3;
const ERROR_CODE: u16 = 6;

/// No answer to PREINIT is longer.
const MAX_REPLY: usize = 4096;

/// Asks over a connection.
///
/// # Errors
/// What stood in the way.
pub(super) fn ask(stream: &mut TcpStream, end: Instant) -> Result<String, String> {
    let mut head = [0; 6];
    exchange(stream, &preinit(), &mut head, end)?;
    let kind = u16::from_be_bytes([head[0], head[1]]);
    let length = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !matches!(kind, PREINIT_REPLY | SERVER_ERROR) || length > MAX_REPLY {
        return Err("what answers there is no corosync-qnetd".to_owned());
    }
    let mut body = vec![0; length];
    exchange(stream, &[], &mut body, end)?;
    reply(kind, &body)
}

/// The message; the name of the cluster is our own, since nothing is to be said of a real one.
fn preinit() -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in [(SEQUENCE, &1u32.to_be_bytes()[..]), (CLUSTER_NAME, b"quorate")] {
        body.extend(kind.to_be_bytes());
        body.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
        body.extend(value);
    }
    let mut message = PREINIT.to_be_bytes().to_vec();
    message.extend(u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
    message.extend(body);
    message
}

fn reply(kind: u16, body: &[u8]) -> Result<String, String> {
    let mut options = Vec::new();
    let mut rest = body;
    while let [a, b, c, d, after @ ..] = rest {
        let (kind, length) = (u16::from_be_bytes([*a, *b]), usize::from(u16::from_be_bytes([*c, *d])));
        let Some((value, after)) = after.split_at_checked(length) else { break };
        options.push((kind, value));
        rest = after;
    }
    if !rest.is_empty() {
        return Err("corosync-qnetd answered with a broken message".to_owned());
    }
    let get = |wanted: u16| options.iter().find(|(kind, _)| *kind == wanted).map(|(_, value)| *value);
    if kind == SERVER_ERROR {
        let code = match get(ERROR_CODE) {
            Some([a, b]) => u16::from_be_bytes([*a, *b]).to_string(),
            _ => "unknown".to_owned(),
        };
        // It speaks the protocol, and says that it does not want us: that is an answer.
        return Ok(format!("corosync-qnetd, error {code}"));
    }
    let tls = match get(TLS_SUPPORTED) {
        Some([0]) => return Ok("corosync-qnetd, without TLS".to_owned()),
        Some([1]) => "TLS supported",
        Some([2]) => "TLS required",
        _ => return Err("corosync-qnetd answered without saying whether it wants TLS".to_owned()),
    };
    let certificate =
        if get(TLS_CLIENT_CERTIFICATE) == Some(&[1]) { ", client certificate required" } else { "" };
    Ok(format!("corosync-qnetd, {tls}{certificate}"))
}

#[cfg(test)]
mod tests {
    use super::super::server;
    use super::*;
    use std::time::Duration;

    fn answered(answer: &[u8]) -> Result<String, String> {
        let (address, thread) = server(preinit().len(), answer.to_vec());
        let mut stream = TcpStream::connect(address).unwrap();
        let result = ask(&mut stream, Instant::now() + Duration::from_secs(5));
        assert_eq!(thread.join().unwrap(), preinit());
        result
    }

    #[test]
    fn the_message_is_that_of_the_client() {
        assert_eq!(
            preinit(),
            b"\x00\x00\x00\x00\x00\x13\x00\x00\x00\x04\x00\x00\x00\x01\x00\x01\x00\x07quorate"
        );
    }

    #[test]
    fn the_reply_tells_of_tls() {
        let reply = b"\x00\x01\x00\x00\x00\x12\x00\x00\x00\x04\x00\x00\x00\x01\x00\x02\x00\x01\x02\x00\x03\x00\x01\x01";
        assert_eq!(
            answered(reply).as_deref(),
            Ok("corosync-qnetd, TLS required, client certificate required")
        );
        let plain = b"\x00\x01\x00\x00\x00\x0a\x00\x02\x00\x01\x00\x00\x03\x00\x01\x01";
        assert_eq!(answered(plain).as_deref(), Ok("corosync-qnetd, without TLS"));
        let error = b"\x00\x05\x00\x00\x00\x06\x00\x06\x00\x02\x00\x05";
        assert_eq!(answered(error).as_deref(), Ok("corosync-qnetd, error 5"));
    }

    #[test]
    fn others_are_told_apart() {
        assert!(answered(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n").is_err());
        assert!(answered(b"\x00\x01\xff\xff\xff\xff").is_err(), "a length that no reply has");
        assert!(answered(b"\x00\x01\x00\x00\x00\x05\x00\x02\x00\x09\x01").is_err(), "an option past the end");
        assert!(answered(b"\x00\x01\x00\x00").is_err(), "half a head");
    }
}
