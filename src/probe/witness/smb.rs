//! A file share's server, by SMB2 NEGOTIATE: it tells the dialect before anybody logs in ([MS-SMB2] 2.2.3 and 2.2.4).

use super::exchange;
use std::net::TcpStream;
use std::time::Instant;

/// Dialects to offer, oldest first.
const DIALECTS: [(u16, &str); 5] =
    [(0x0202, "2.0.2"), (0x0210, "2.1"), (0x0300, "3.0"), (0x0302, "3.0.2"), (0x0311, "3.1.1")];

/// Bytes of an SMB2 header.
const HEADER: usize = 64;

/// No answer to NEGOTIATE is longer.
const MAX_REPLY: usize = 64 * 1024;

/// Asks over a connection.
///
/// # Errors
/// What stood in the way.
pub(super) fn ask(stream: &mut TcpStream, end: Instant) -> Result<String, String> {
    let mut random = [0; 48];
    getrandom::fill(&mut random).map_err(|error| format!("this machine gives no random numbers: {error}"))?;
    let mut length = [0; 4];
    exchange(stream, &negotiate(&random), &mut length, end).map_err(|why| {
        let closed = why.contains("closed");
        if closed { format!("{why}, as a server does that speaks SMB 1 only") } else { why }
    })?;
    let [0, a, b, c] = length else { return Err("what answers there does not speak SMB".to_owned()) };
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
    if length > MAX_REPLY {
        return Err("what answers there does not speak SMB".to_owned());
    }
    let mut message = vec![0; length];
    exchange(stream, &[], &mut message, end)?;
    reply(&message)
}

/// The request: 16 random bytes name this client, 32 are salt.
fn negotiate(random: &[u8; 48]) -> Vec<u8> {
    let (client, salt) = random.split_at(16);
    let mut message = b"\xfeSMB".to_vec();
    message.extend(64u16.to_le_bytes());
    // Credit charge, status, command NEGOTIATE (0), one credit; flags, next command, message id and the rest are zero.
    message.extend([0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    message.resize(HEADER, 0);
    message.extend(36u16.to_le_bytes());
    message.extend(u16::try_from(DIALECTS.len()).unwrap_or(0).to_le_bytes());
    // Signing enabled; no capabilities.
    message.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    message.extend(client);
    let context_at = (HEADER + 36 + 2 * DIALECTS.len()).next_multiple_of(8);
    message.extend(u32::try_from(context_at).unwrap_or(0).to_le_bytes());
    // One negotiate context, which 3.1.1 cannot do without.
    message.extend([1, 0, 0, 0]);
    for (dialect, _) in DIALECTS {
        message.extend(dialect.to_le_bytes());
    }
    message.resize(context_at, 0);
    // PREAUTH_INTEGRITY_CAPABILITIES: one hash, SHA-512, and the salt.
    let data_length = u16::try_from(6 + salt.len()).unwrap_or(0);
    message.extend(1u16.to_le_bytes());
    message.extend(data_length.to_le_bytes());
    message.extend([0, 0, 0, 0, 1, 0]);
    message.extend(u16::try_from(salt.len()).unwrap_or(0).to_le_bytes());
    message.extend(1u16.to_le_bytes());
    message.extend(salt);
    let mut framed = u32::try_from(message.len()).unwrap_or(0).to_be_bytes().to_vec();
    framed.extend(message);
    framed
}

fn reply(message: &[u8]) -> Result<String, String> {
    let word = |at: usize| match message.get(at..at + 2) {
        Some([a, b]) => Some(u16::from_le_bytes([*a, *b])),
        _ => None,
    };
    if message.starts_with(b"\xffSMB") {
        return Err("the server speaks SMB 1 only".to_owned());
    }
    let status = match message.get(8..12) {
        Some(bytes) if message.starts_with(b"\xfeSMB") => {
            u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
        }
        _ => return Err("what answers there does not speak SMB".to_owned()),
    };
    if status != 0 {
        return Err(format!("the server refused every dialect from 2.0.2 to 3.1.1 (status 0x{status:08x})"));
    }
    let (Some(65), Some(mode), Some(dialect)) = (word(HEADER), word(HEADER + 2), word(HEADER + 4)) else {
        return Err("the server answered NEGOTIATE with a broken message".to_owned());
    };
    let name = DIALECTS.iter().find(|(number, _)| *number == dialect).map(|(_, name)| *name);
    let name =
        name.ok_or_else(|| format!("the server chose dialect 0x{dialect:04x}, which was not offered"))?;
    Ok(format!("SMB {name}{}", if mode & 2 != 0 { ", signing required" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::super::server;
    use super::*;
    use std::time::Duration;

    fn response(status: u32, mode: u16, dialect: u16) -> Vec<u8> {
        let mut message = b"\xfeSMB\x40\x00\x00\x00".to_vec();
        message.extend(status.to_le_bytes());
        message.resize(HEADER, 0);
        for word in [65, mode, dialect, 0] {
            message.extend(word.to_le_bytes());
        }
        message.resize(HEADER + 64, 0);
        let mut framed = u32::try_from(message.len()).unwrap().to_be_bytes().to_vec();
        framed.extend(message);
        framed
    }

    fn answered(answer: Vec<u8>) -> Result<String, String> {
        let (address, thread) = server(negotiate(&[7; 48]).len(), answer);
        let mut stream = TcpStream::connect(address).unwrap();
        let result = ask(&mut stream, Instant::now() + Duration::from_secs(5));
        thread.join().unwrap();
        result
    }

    #[test]
    fn the_request_is_laid_out_as_the_document_has_it() {
        let message = negotiate(&[7; 48]);
        assert_eq!(usize::from(message[3]), message.len() - 4);
        let smb = &message[4..];
        assert_eq!(&smb[..6], b"\xfeSMB\x40\x00");
        assert_eq!(&smb[HEADER..HEADER + 6], [36, 0, 5, 0, 1, 0]);
        let context = u32::from_le_bytes(smb[HEADER + 28..HEADER + 32].try_into().unwrap()) as usize;
        assert_eq!(context % 8, 0);
        assert_eq!(&smb[context..context + 4], [1, 0, 38, 0]);
        assert_eq!(smb.len(), context + 8 + 38);
    }

    #[test]
    fn the_dialect_is_told() {
        assert_eq!(answered(response(0, 3, 0x0311)).as_deref(), Ok("SMB 3.1.1, signing required"));
        assert_eq!(answered(response(0, 1, 0x0210)).as_deref(), Ok("SMB 2.1"));
    }

    #[test]
    fn what_is_no_dialect_is_no_answer() {
        assert!(answered(response(0xc000_00bb, 0, 0)).unwrap_err().contains("0xc00000bb"));
        assert!(answered(response(0, 0, 0x02ff)).is_err());
        assert!(answered(b"\x00\x00\x00\x04\xffSMB".to_vec()).unwrap_err().contains("SMB 1"));
        assert!(answered(b"HTTP/1.1 400 Bad Request\r\n".to_vec()).is_err());
        assert!(answered(b"\x00\xff\xff\xff".to_vec()).is_err(), "a length that no reply has");
        assert!(answered(Vec::new()).is_err());
        let mut short = response(0, 3, 0x0311);
        short.truncate(4 + HEADER + 3);
        assert!(answered(short).is_err());
    }
}
