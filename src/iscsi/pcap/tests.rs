//! The file is read back as a reader of packets would: blocks, IP, TCP, and the PDUs in the streams.

use std::time::Duration;

use super::*;
use crate::iscsi::frame::FrameReader;
use crate::iscsi::session::{Session, Timeouts, Transfer};
use crate::iscsi::{Isid, Pdu, Portal, Tap};
use crate::scsi::{Cdb, Lun, Status};
use crate::simtarget::config::DEMO_TARGET;
use crate::simtarget::{Config, FaultSet, SimTarget};
use std::sync::Arc;

/// A packet as it is read back.
#[derive(Debug)]
struct Packet {
    nanos: u64,
    from: SocketAddr,
    to: SocketAddr,
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    data: Vec<u8>,
    comment: Option<String>,
    inbound: bool,
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn le16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn le32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn options(mut bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut found = Vec::new();
    while le16(bytes, 0) != 0 {
        let (code, length) = (le16(bytes, 0), le16(bytes, 2));
        found.push((code, bytes[4..4 + length].to_vec()));
        bytes = &bytes[4 + length.next_multiple_of(4)..];
    }
    assert_eq!(bytes, [0; 4], "nothing stands after the end of the options");
    found
}

/// Sums to zero where the checksum is right.
fn assert_sum(parts: &[&[u8]]) {
    assert_eq!(checksum(parts), 0, "a checksum is wrong");
}

fn packet(body: &[u8]) -> Packet {
    assert_eq!(le32(body, 0), 0, "the one interface");
    let nanos = (u64::from(le32(body, 4)) << 32) | u64::from(le32(body, 8));
    let length = usize::try_from(le32(body, 12)).unwrap();
    assert_eq!(le32(body, 12), le32(body, 16), "nothing is cut");
    let (ip, rest) = body[20..].split_at(length);
    let options = options(&rest[length.next_multiple_of(4) - length..]);
    let (source, destination, tcp): (IpAddr, IpAddr, &[u8]) = if ip[0] == 0x45 {
        assert_eq!(usize::from(be16(ip, 2)), ip.len());
        assert_sum(&[&ip[..20]]);
        let four = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap());
        (four(12), four(16), &ip[20..])
    } else {
        assert_eq!(ip[0], 0x60);
        assert_eq!(usize::from(be16(ip, 4)), ip.len() - 40);
        assert_eq!(ip[6], 6, "TCP follows");
        let sixteen = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&ip[at..at + 16]).unwrap());
        (sixteen(8), sixteen(24), &ip[40..])
    };
    let octets = |address| match address {
        IpAddr::V4(v4) => std::net::Ipv4Addr::octets(&v4).to_vec(),
        IpAddr::V6(v6) => std::net::Ipv6Addr::octets(&v6).to_vec(),
    };
    let tail = [&u32::try_from(tcp.len()).unwrap().to_be_bytes()[..], &[0, 0, 0, 6]].concat();
    assert_sum(&[&octets(source), &octets(destination), &tail, tcp]);
    let value = |code| options.iter().find(|(found, _)| *found == code).map(|(_, value)| value.clone());
    Packet {
        nanos,
        from: SocketAddr::new(source, be16(tcp, 0)),
        to: SocketAddr::new(destination, be16(tcp, 2)),
        sequence: be32(tcp, 4),
        acknowledged: be32(tcp, 8),
        flags: tcp[13],
        data: tcp[20..].to_vec(),
        comment: value(1).map(|text| String::from_utf8(text).unwrap()),
        inbound: le32(&value(2).unwrap(), 0) & 3 == 1,
    }
}

fn read_back(bytes: &[u8]) -> Vec<Packet> {
    let mut packets = Vec::new();
    let (mut rest, mut number) = (bytes, 0);
    while !rest.is_empty() {
        let length = usize::try_from(le32(rest, 4)).unwrap();
        assert_eq!(length % 4, 0);
        assert_eq!(le32(rest, length - 4), le32(rest, 4), "both lengths of a block agree");
        let body = &rest[8..length - 4];
        match (number, le32(rest, 0)) {
            (0, 0x0a0d_0d0a) => {
                assert_eq!(le32(body, 0), 0x1a2b_3c4d);
                assert_eq!(&body[4..8], [1, 0, 0, 0]);
                assert!(
                    options(&body[16..])
                        .iter()
                        .any(|(code, name)| *code == 4 && name.starts_with(b"quorate "))
                );
            }
            (1, 1) => {
                assert_eq!(le16(body, 0), 101);
                assert!(options(&body[8..]).contains(&(9, vec![9])));
            }
            (2.., 6) => packets.push(packet(body)),
            (_, kind) => panic!("block {number} is of type {kind:x}"),
        }
        rest = &rest[length..];
        number += 1;
    }
    packets
}

/// The bytes of each direction, put together by their sequence numbers; each number must be the one that is due.
fn streams(packets: &[Packet]) -> (Vec<u8>, Vec<u8>) {
    let (mut out, mut into) = (Vec::new(), Vec::new());
    let (mut ours, mut theirs) = (0_u32, 0_u32);
    for packet in packets {
        let (next, other, stream) =
            if packet.inbound { (&mut theirs, ours, &mut into) } else { (&mut ours, theirs, &mut out) };
        assert_eq!(packet.sequence, *next, "{packet:?}");
        assert_eq!(packet.acknowledged, if packet.flags & ACK == 0 { 0 } else { other });
        *next += u32::try_from(packet.data.len()).unwrap();
        *next += u32::from(packet.flags & SYN != 0) + u32::from(packet.flags & FIN != 0);
        stream.extend(&packet.data);
    }
    (out, into)
}

fn pdus(stream: &[u8]) -> Vec<Pdu> {
    let mut reader = FrameReader::new(stream, 1 << 20);
    std::iter::from_fn(|| reader.read().ok()).map(|frame| Pdu::decode(frame).unwrap()).collect()
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn note(writer: &mut PacketWriter<Vec<u8>>, connection: u64, ends: (&str, &str), nanos: u64, what: What<'_>) {
    let at = UNIX_EPOCH + Duration::from_nanos(nanos);
    writer.note(&Passing { at, connection, local: address(ends.0), peer: address(ends.1), what });
}

#[test]
fn both_families_big_pieces_and_every_end() {
    let mut writer = PacketWriter::new(Vec::new()).unwrap();
    let (four, six) = (("10.0.0.1:40000", "10.0.0.9:3260"), ("[fd00::1]:40001", "[fd00::9]:3260"));
    let big: Vec<u8> = (0..150_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let moment = 1_800_000_000_123_456_789;
    writer.remark("P01 begins");
    note(&mut writer, 1, four, moment, What::Opened);
    note(&mut writer, 2, six, moment + 1, What::Opened);
    note(&mut writer, 1, four, moment + 2, What::Sent(&big));
    note(&mut writer, 2, six, moment + 3, What::Sent(b"odd"));
    note(&mut writer, 2, six, moment + 4, What::Received(&big));
    note(&mut writer, 1, four, moment + 5, What::ClosedByPeer);
    note(&mut writer, 1, four, moment + 6, What::Closed);
    note(&mut writer, 2, six, moment + 7, What::Reset);
    note(&mut writer, 2, six, moment + 8, What::Reset);
    note(&mut writer, 2, six, moment + 9, What::Closed);
    assert!(writer.flows.is_empty(), "connections that are over take no memory");
    let packets = read_back(&writer.out);
    assert_eq!(packets.len(), usize::try_from(writer.packets).unwrap());
    assert_eq!((packets[0].nanos, packets[0].comment.as_deref()), (moment, Some("P01 begins")));
    assert!(packets[1..].iter().all(|packet| packet.comment.is_none()));
    let (first, second): (Vec<_>, Vec<_>) = packets.into_iter().partition(|packet| packet.from.is_ipv4());
    let flags = |packets: &[Packet]| packets.iter().map(|packet| packet.flags).collect::<Vec<_>>();
    let (data, hello) = (PSH | ACK, [SYN, SYN | ACK, ACK]);
    assert_eq!(flags(&first), [&hello[..], &[data, data, data, FIN | ACK, FIN | ACK]].concat());
    assert_eq!(flags(&second), [&hello[..], &[data, data, data, data, RST | ACK, FIN | ACK]].concat());
    assert_eq!(streams(&first), (big.clone(), Vec::new()));
    assert_eq!(streams(&second), (b"odd".to_vec(), big));
    let ends = |packet: &Packet| (packet.from.to_string(), packet.to.to_string());
    assert_eq!(ends(&first[0]), (four.0.into(), four.1.into()));
    assert_eq!(ends(&second[1]), (six.1.into(), six.0.into()));
}

#[test]
fn addresses_of_two_families_and_long_remarks_do_no_harm() {
    let mut writer = PacketWriter::new(Vec::new()).unwrap();
    writer.remark(&"ä".repeat(5000));
    note(&mut writer, 1, ("10.0.0.1:1", "[::ffff:10.0.0.2]:2"), 0, What::Opened);
    note(&mut writer, 2, ("10.0.0.1:1", "[fd00::2]:2"), 0, What::Opened);
    let packets = read_back(&writer.out);
    assert_eq!(packets[0].comment.as_ref().map(String::len), Some(LONGEST_REMARK));
    assert_eq!(packets[0].to, address("10.0.0.2:2"));
    assert_eq!(packets[3].from, address("[::ffff:10.0.0.1]:1"));
}

/// Takes so many bytes, then no more.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_file_and_not_the_connection() {
    let mut writer = PacketWriter::new(Full(400)).unwrap();
    for _ in 0..10 {
        let (local, peer) = (address("10.0.0.1:1"), address("10.0.0.2:2"));
        let passing =
            Passing { at: SystemTime::now(), connection: 1, local, peer, what: What::Sent(&[7; 50]) };
        writer.note(&passing);
    }
    assert_eq!(writer.failed.as_ref().map(io::Error::kind), Some(io::ErrorKind::StorageFull));
    assert!(writer.packets < 10);
}

fn traced(path: &Path, config: Config, work: impl FnOnce(&mut Session)) -> Vec<Packet> {
    let target = SimTarget::start(config).unwrap();
    let file = Arc::new(PacketFile::create(path).unwrap());
    let mut login = crate::iscsi::login::LoginConfig::new(
        "iqn.2026-01.test:traced",
        DEMO_TARGET,
        Isid([0x80, 0, 0, 0, 0, 7]),
    );
    login.tap = Tap::new(file.clone());
    let portal = target.portals()[0];
    let portal = Portal::new(portal.ip().to_string(), portal.port());
    let mut session = Session::connect(&portal, &login, Timeouts::default()).unwrap();
    work(&mut session);
    drop(session);
    let packets = read_back(&std::fs::read(path).unwrap());
    assert_eq!(file.finish().unwrap(), packets.len() as u64);
    packets
}

#[test]
fn a_session_is_read_back_pdu_by_pdu() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.pcapng");
    std::fs::write(&path, "of another time").unwrap();
    let packets = traced(&path, Config::demo(FaultSet::default()), |session| {
        let unit = Lun::new(1);
        session.drain_attentions(unit).unwrap();
        let big = Cdb::Read { form: crate::scsi::cdb::Form::Ten, lba: 0, blocks: 256, fua: false };
        let answer = session.execute(unit, big, Transfer::Read(256 * 512)).unwrap();
        assert_eq!((answer.status, answer.data.len()), (Status::Good, 256 * 512));
    });
    assert!(packets.windows(2).all(|two| two[0].nanos <= two[1].nanos), "one thread, so in order");
    let (ours, theirs) = streams(&packets);
    let names = |stream: &[u8]| pdus(stream).iter().map(Pdu::name).collect::<Vec<_>>();
    assert_eq!(names(&ours)[0], "Login Request");
    assert_eq!(names(&theirs)[0], "Login Response");
    let read: usize =
        pdus(&theirs).iter().map(|pdu| if let Pdu::DataIn(data) = pdu { data.data.len() } else { 0 }).sum();
    assert_eq!(read, 256 * 512);
    assert_eq!(packets.last().map(|packet| packet.flags), Some(FIN | ACK));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn a_session_that_nobody_watches_tells_nothing() {
    let tap = Tap::default();
    assert!(!tap.is_on());
    let tapped = tap.open(address("10.0.0.1:1"), address("10.0.0.2:2"));
    assert_eq!(tapped.now(), None);
}
