//! A scripted target on loopback that does what it should not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use super::*;
use crate::iscsi::chap::{Algorithm, Chap, Credentials};
use crate::iscsi::frame::{Digests, FrameReader, FrameWriter};
use crate::iscsi::login::{DigestPolicy, LoginError};
use crate::iscsi::pdu::{
    AsyncMessage, DataIn, LoginRequest, LoginResponse, LogoutResponse, NopIn, Pdu, ReadyToTransfer, Reject,
    ScsiResponse, TaskResponse, TextResponse,
};
use crate::iscsi::{Isid, Question, discover};
use crate::scsi::SenseKey;

const TARGET: &str = "iqn.2026-01.test:disk";
const SHORT: Duration = Duration::from_millis(250);

/// The target's end of a connection.
struct Peer {
    tcp: TcpStream,
    reader: FrameReader<TcpStream>,
    writer: FrameWriter<TcpStream>,
    status_sn: u32,
    command_sn: u32,
    window: u32,
}

impl Peer {
    fn receive(&mut self) -> Pdu {
        Pdu::decode(self.reader.read().unwrap()).unwrap()
    }

    fn send(&mut self, pdu: impl Into<Pdu>) {
        // The initiator may have gone by then, which is often the point of the test.
        let _ = self.writer.write(&pdu.into().into_frame());
    }

    fn raw(&mut self, bytes: &[u8]) {
        let _ = self.tcp.write_all(bytes);
    }

    fn login_request(&mut self) -> LoginRequest {
        match self.receive() {
            Pdu::LoginRequest(request) => request,
            other => panic!("{other:?}"),
        }
    }

    fn login_reply(&mut self, request: &LoginRequest, keys: &[(&str, &str)]) -> LoginResponse {
        let response = LoginResponse {
            transit: request.transit,
            current_stage: request.current_stage,
            next_stage: request.next_stage,
            isid: request.isid,
            session: 1,
            tag: request.tag,
            status_sn: self.status_sn,
            expected_command_sn: request.command_sn,
            max_command_sn: request.command_sn.wrapping_add(self.window).wrapping_sub(1),
            data: keys.iter().copied().collect::<Keys>().encode(),
            ..LoginResponse::default()
        };
        self.command_sn = request.command_sn;
        self.status_sn += 1;
        response
    }

    fn log_in(&mut self, keys: &[(&str, &str)]) {
        let request = self.login_request();
        let reply = self.login_reply(&request, &[("AuthMethod", "None"), ("TargetPortalGroupTag", "1")]);
        self.send(reply);
        let request = self.login_request();
        let reply = self.login_reply(&request, keys);
        self.send(reply);
    }

    fn command(&mut self) -> ScsiCommand {
        match self.receive() {
            Pdu::ScsiCommand(command) => {
                self.command_sn = self.command_sn.wrapping_add(1);
                command
            }
            other => panic!("{other:?}"),
        }
    }

    fn response(&mut self, tag: u32) -> ScsiResponse {
        let response = ScsiResponse {
            tag,
            status_sn: self.status_sn,
            expected_command_sn: self.command_sn,
            max_command_sn: self.command_sn.wrapping_add(self.window).wrapping_sub(1),
            ..ScsiResponse::default()
        };
        self.status_sn += 1;
        response
    }

    fn good(&mut self, tag: u32) {
        let response = self.response(tag);
        self.send(response);
    }

    fn data(&self, tag: u32, data_sn: u32, offset: u32, bytes: usize) -> DataIn {
        DataIn {
            tag,
            transfer_tag: NO_TAG,
            expected_command_sn: self.command_sn,
            max_command_sn: self.command_sn.wrapping_add(31),
            data_sn,
            offset,
            data: vec![7; bytes],
            ..DataIn::default()
        }
    }

    fn r2t(&self, tag: u32, r2t_sn: u32, offset: u32, desired_bytes: u32) -> ReadyToTransfer {
        ReadyToTransfer {
            tag,
            transfer_tag: 77,
            status_sn: self.status_sn,
            expected_command_sn: self.command_sn,
            max_command_sn: self.command_sn.wrapping_add(31),
            r2t_sn,
            offset,
            desired_bytes,
            ..ReadyToTransfer::default()
        }
    }
}

fn listener() -> (TcpListener, Portal) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let portal = Portal::new("127.0.0.1", listener.local_addr().unwrap().port());
    (listener, portal)
}

fn accept(listener: &TcpListener) -> Peer {
    // A test whose initiator does not come must fail, not hang.
    listener.set_nonblocking(true).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let tcp = loop {
        match listener.accept() {
            Ok((tcp, _)) => break tcp,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{error}"),
        }
    };
    tcp.set_nonblocking(false).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    Peer {
        reader: FrameReader::new(tcp.try_clone().unwrap(), 1 << 20),
        writer: FrameWriter::new(tcp.try_clone().unwrap()),
        tcp,
        status_sn: 100,
        command_sn: 0,
        window: 32,
    }
}

/// A target that does this with its only connection.
fn target(script: impl FnOnce(&mut Peer) + Send + 'static) -> (Portal, JoinHandle<()>) {
    let (listener, portal) = listener();
    let thread = thread::spawn(move || script(&mut accept(&listener)));
    (portal, thread)
}

fn timeouts() -> Timeouts {
    Timeouts { connect: Duration::from_secs(2), login: Duration::from_secs(1), command: SHORT }
}

fn login() -> LoginConfig {
    LoginConfig::new("iqn.2026-01.test:node", TARGET, Isid([0x80, 0, 0, 0, 0, 1]))
}

fn connect(portal: &Portal) -> Result<Session, Error> {
    Session::connect(portal, &login(), timeouts())
}

/// What comes of a login at a target with this script.
fn login_error(script: impl FnOnce(&mut Peer) + Send + 'static) -> Error {
    let (portal, thread) = target(script);
    let error = connect(&portal).unwrap_err();
    thread.join().unwrap();
    error
}

/// What comes of a READ of 100 bytes at a target that logs in properly and then does this with the command.
fn read_error(script: impl FnOnce(&mut Peer, u32) + Send + 'static) -> Error {
    let (portal, thread) = target(|peer| {
        peer.log_in(&[]);
        let tag = peer.command().tag;
        script(peer, tag);
    });
    let mut session = connect(&portal).unwrap();
    let error = session.execute(Lun::new(1), Cdb::TestUnitReady, Transfer::Read(100)).unwrap_err();
    if !error.is_survivable() {
        assert!(session.broken().is_some(), "{error}");
        assert!(matches!(session.ping(), Err(Error::Broken(_))));
    }
    drop(session);
    thread.join().unwrap();
    error
}

#[track_caller]
fn says(error: &Error, expected: &str) {
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn logins_that_come_to_nothing() {
    let error = login_error(|_| {});
    assert!(matches!(error, Error::ClosedDuringLogin { .. }), "{error}");
    says(&error, "maybe it wants CHAP");

    let error = login_error(|peer| {
        let request = peer.login_request();
        let reply = peer.login_reply(&request, &[("AuthMethod", "None")]);
        peer.send(reply);
        peer.login_request();
    });
    assert!(matches!(error, Error::ClosedDuringLogin { stage: "operational negotiation" }), "{error}");

    let started = Instant::now();
    let error = login_error(|peer| {
        peer.login_request();
        thread::sleep(Duration::from_millis(1300));
    });
    assert!(error.is_timeout(), "{error}");
    assert!(started.elapsed() < Duration::from_secs(4));

    let error = login_error(|peer| {
        for _ in 0..12 {
            let request = peer.login_request();
            let mut reply = peer.login_reply(&request, &[("AuthMethod", "None")]);
            reply.transit = false;
            peer.send(reply);
        }
    });
    assert!(matches!(error, Error::Login(LoginError::TooManyRounds)), "{error}");

    let error = login_error(|peer| {
        let request = peer.login_request();
        let mut reply = peer.login_reply(&request, &[]);
        reply.data = vec![b'a'; 65_537];
        peer.send(reply);
    });
    says(&error, "a data segment of 65537 bytes");

    let error = login_error(|peer| {
        for _ in 0..2 {
            let request = peer.login_request();
            let mut reply = peer.login_reply(&request, &[]);
            (reply.transit, reply.continued) = (false, true);
            reply.data = vec![b'a'; 40_000];
            peer.send(reply);
        }
    });
    says(&error, "a key list of more than 65536 bytes");

    let error = login_error(|peer| {
        peer.login_request();
        peer.raw(b"HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\n          ");
    });
    assert!(matches!(error, Error::Frame { .. } | Error::Login(LoginError::Protocol(_))), "{error}");

    let error = login_error(|peer| {
        let request = peer.login_request();
        let mut reply = peer.login_reply(&request, &[]);
        (reply.status_class, reply.status_detail) = (2, 2);
        peer.send(reply);
    });
    says(&error, "02/02: authorization failure");
    assert!(error.likely_cause().unwrap().contains("access list"));

    let error = login_error(|peer| {
        peer.login_request();
        let nop = NopIn { tag: NO_TAG, transfer_tag: NO_TAG, ..NopIn::default() };
        peer.send(nop);
    });
    says(&error, "NOP-In instead of a Login Response");
}

#[test]
fn nobody_listens() {
    let (listener, portal) = listener();
    drop(listener);
    let error = connect(&portal).unwrap_err();
    says(&error, "connection refused");
    assert!(error.likely_cause().is_some());
    let error = connect(&Portal::new("host.invalid", 3260)).unwrap_err();
    assert!(matches!(error, Error::Resolve { .. }), "{error}");
}

#[test]
fn a_target_that_knows_md5_alone_is_offered_md5_alone() {
    let (listener, portal) = listener();
    let chap_offer = |peer: &mut Peer| {
        let request = peer.login_request();
        let mut reply = peer.login_reply(&request, &[("AuthMethod", "CHAP")]);
        reply.transit = false;
        peer.send(reply);
        let request = peer.login_request();
        let offer = Keys::decode(&request.data).unwrap().get("CHAP_A").unwrap().to_owned();
        let mut reply = peer.login_reply(&request, &[]);
        (reply.status_class, reply.status_detail) = (2, 0);
        peer.send(reply);
        offer
    };
    let thread = thread::spawn(move || {
        let offers = [0; 2].map(|_| chap_offer(&mut accept(&listener)));
        assert_eq!(offers, ["7,5", "5"]);
    });
    let both = vec![Algorithm::Sha256, Algorithm::Md5];
    let chap = Chap::one_way(Credentials::new("u", "secret-secret".to_owned().into()))
        .with_algorithms(both)
        .unwrap();
    let config = LoginConfig { chap: Some(chap), ..login() };
    let error = Session::connect(&portal, &config, timeouts()).unwrap_err();
    says(&error, "02/00");
    thread.join().unwrap();
}

fn redirect(listener: &TcpListener, to: &Portal) {
    let mut peer = accept(listener);
    let request = peer.login_request();
    let mut reply = peer.login_reply(&request, &[("TargetAddress", &format!("{to},1"))]);
    (reply.status_class, reply.status_detail, reply.transit) = (1, 1, false);
    peer.send(reply);
}

#[test]
fn one_redirection_is_followed() {
    let (first, first_portal) = listener();
    let (second, second_portal) = listener();
    let (to, again) = (second_portal.clone(), first_portal.clone());
    let thread = thread::spawn(move || {
        redirect(&first, &to);
        accept(&second).log_in(&[]);
        redirect(&first, &to);
        redirect(&second, &again);
    });
    let session = connect(&first_portal).unwrap();
    assert_eq!((session.portal(), session.redirected_from()), (&second_portal, Some(&first_portal)));
    drop(session);
    let error = connect(&first_portal).unwrap_err();
    assert!(matches!(error, Error::Redirects { .. }), "{error}");
    thread.join().unwrap();
}

#[test]
fn wrong_tags_numbers_and_order() {
    let error = read_error(|peer, tag| peer.good(tag + 5));
    says(&error, "is not in flight");

    let error = read_error(|peer, tag| {
        peer.status_sn += 1;
        peer.good(tag);
    });
    says(&error, "StatSN 103, 102 is next");

    for (data_sn, offset, bytes, expected) in [
        (0, 0, 101, "101 bytes for TEST UNIT READY on LUN 1, 100 were asked for"),
        (0, 4, 10, "offset 4"),
        (1, 0, 10, "DataSN 1"),
    ] {
        let error = read_error(move |peer, tag| {
            let pdu = peer.data(tag, data_sn, offset, bytes);
            peer.send(pdu);
        });
        says(&error, expected);
    }
    let error = read_error(|peer, tag| {
        let pdu = peer.data(tag + 1, 0, 0, 10);
        peer.send(pdu);
    });
    says(&error, "a Data-In with task tag");

    let error = read_error(|peer, tag| {
        let pdu = peer.r2t(tag, 0, 0, 10);
        peer.send(pdu);
    });
    says(&error, "R2T for 10 bytes at 0");

    let error = read_error(|peer, tag| {
        let response = TaskResponse { tag, status_sn: peer.status_sn, ..TaskResponse::default() };
        peer.send(response);
    });
    says(&error, "of the wrong kind");

    let error = read_error(|peer, _| {
        peer.send(LoginRequest::default());
    });
    says(&error, "Login Request came");

    let error = read_error(|peer, _| {
        let mut bytes = [0; 48];
        bytes[0] = 0x3d;
        peer.raw(&bytes);
    });
    says(&error, "opcode 3dh is not known");
}

#[test]
fn connections_that_end() {
    let error = read_error(|_, _| {});
    assert!(matches!(error, Error::Closed { announced: None, .. }), "{error}");
    says(&error, "waiting for the answer to TEST UNIT READY on LUN 1");

    let error = read_error(|peer, _| peer.raw(&[0x21, 0x80, 0, 0, 0]));
    says(&error, "inside a PDU: 5 of 48 bytes");

    let error = read_error(|peer, _| {
        let message =
            AsyncMessage { tag: NO_TAG, event: 3, status_sn: peer.status_sn, ..AsyncMessage::default() };
        peer.send(message);
    });
    says(&error, "which it had announced: the target will drop all connections");
}

#[test]
fn a_segment_over_our_limit() {
    let error = read_error(|peer, tag| {
        let pdu = peer.data(tag, 0, 0, 256 * 1024 + 1);
        peer.send(pdu);
    });
    says(&error, "262144 are allowed");
}

#[test]
fn slow_and_noisy_targets_run_out_of_time() {
    let started = Instant::now();
    let error = read_error(|peer, _| {
        for byte in [0x21, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] {
            peer.raw(&[byte]);
            thread::sleep(Duration::from_millis(30));
        }
    });
    assert!(error.is_timeout(), "{error}");
    says(&error, "bytes of an unfinished PDU");
    assert!(started.elapsed() < Duration::from_secs(5));

    let error = read_error(|peer, _| {
        let mut number = 0;
        let nop = |number| NopIn { tag: NO_TAG, transfer_tag: number, status_sn: 102, ..NopIn::default() };
        // Until the initiator has enough and goes.
        while number < 1_000_000 && peer.writer.write(&Pdu::from(nop(number)).into_frame()).is_ok() {
            number += 1;
        }
    });
    // Which of the three limits is met first depends on how fast the two sides are.
    let text = error.to_string();
    let told = error.is_timeout() || text.contains("but no answer to") || text.contains("does not read");
    assert!(told, "{error}");
}

#[test]
fn a_ping_of_the_target_is_answered() {
    let (portal, thread) = target(|peer| {
        peer.log_in(&[]);
        let command = peer.command();
        let nop = NopIn {
            lun: Lun::new(3),
            tag: NO_TAG,
            transfer_tag: 55,
            status_sn: peer.status_sn,
            ..NopIn::default()
        };
        peer.send(nop);
        match peer.receive() {
            Pdu::NopOut(answer) => {
                assert!(answer.immediate);
                assert_eq!((answer.tag, answer.transfer_tag, answer.lun), (NO_TAG, 55, Lun::new(3)));
                assert_eq!(answer.command_sn, command.command_sn + 1);
            }
            other => panic!("{other:?}"),
        }
        peer.good(command.tag);
    });
    let mut session = connect(&portal).unwrap();
    assert!(session.execute(Lun::new(1), Cdb::TestUnitReady, Transfer::None).unwrap().is_good());
    thread.join().unwrap();
}

#[test]
fn failures_that_the_session_survives() {
    let (portal, thread) = target(|peer| {
        peer.log_in(&[]);
        let tag = peer.command().tag;
        let mut data = vec![0; 48];
        data[16..20].copy_from_slice(&tag.to_be_bytes());
        let reject = Reject { reason: 5, tag: NO_TAG, status_sn: peer.status_sn, data, ..Reject::default() };
        peer.status_sn += 1;
        peer.send(reject);
        let tag = peer.command().tag;
        let mut failed = peer.response(tag);
        failed.response = 1;
        peer.send(failed);
        // The third command is answered when the fourth comes.
        let late = peer.command().tag;
        let tag = peer.command().tag;
        peer.good(late);
        peer.good(tag);
    });
    let mut session = connect(&portal).unwrap();
    let mut ready = || session.execute(Lun::new(1), Cdb::TestUnitReady, Transfer::None);
    assert!(matches!(ready(), Err(Error::Rejected { reason: 5, .. })));
    assert!(matches!(ready(), Err(Error::TargetFailure { response: 1, .. })));
    let error = ready().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(ready().unwrap().is_good());
    assert_eq!(session.take_events(), [Event::Late { command: "TEST UNIT READY on LUN 1".into() }]);
    thread.join().unwrap();
}

#[test]
fn a_second_answer_is_a_breach() {
    let (portal, thread) = target(|peer| {
        peer.log_in(&[]);
        let tag = peer.command().tag;
        peer.good(tag);
        peer.good(tag);
        peer.receive();
    });
    let mut session = connect(&portal).unwrap();
    assert!(session.execute(Lun::new(1), Cdb::TestUnitReady, Transfer::None).unwrap().is_good());
    says(&session.execute(Lun::new(1), Cdb::TestUnitReady, Transfer::None).unwrap_err(), "is not in flight");
    thread.join().unwrap();
}

#[test]
fn a_closed_window_is_waited_for() {
    let (portal, thread) = target(|peer| {
        peer.window = 1;
        peer.log_in(&[]);
        let first = peer.command().tag;
        thread::sleep(Duration::from_millis(50));
        peer.window = 0;
        peer.good(first);
        thread::sleep(SHORT * 2);
    });
    let mut session = connect(&portal).unwrap();
    assert_eq!(session.window(), 1);
    let first = session.submit(Lun::new(1), Cdb::TestUnitReady, Transfer::None).unwrap();
    let error = session.submit(Lun::new(1), Cdb::TestUnitReady, Transfer::None).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    says(&error, "command window is closed");
    assert!(session.collect(first).unwrap().is_good());
    assert_eq!(session.in_flight(), 0);
    thread.join().unwrap();
}

/// Takes a write of `bytes` that comes in immediate data and Data-Out of at most `segment` bytes, asked for in bursts.
fn take_write(peer: &mut Peer, segment: usize, burst: u32) -> Vec<u8> {
    let command = peer.command();
    let mut data = command.data;
    let mut r2t_sn = 0;
    while data.len() < usize::try_from(command.expected_bytes).unwrap() {
        let offset = u32::try_from(data.len()).unwrap();
        let desired = burst.min(command.expected_bytes - offset);
        let r2t = peer.r2t(command.tag, r2t_sn, offset, desired);
        peer.send(r2t);
        r2t_sn += 1;
        let mut data_sn = 0;
        loop {
            let Pdu::DataOut(out) = peer.receive() else { panic!("no Data-Out") };
            assert!(out.data.len() <= segment);
            assert_eq!((out.data_sn, out.transfer_tag), (data_sn, 77));
            assert_eq!(usize::try_from(out.offset).unwrap(), data.len());
            data.extend(out.data);
            data_sn += 1;
            if out.is_final {
                break;
            }
        }
    }
    peer.good(command.tag);
    data
}

#[test]
fn writes_come_in_the_pieces_that_the_target_takes() {
    for (keys, segment, immediate) in [
        (&[("MaxRecvDataSegmentLength", "512"), ("FirstBurstLength", "1024")][..], 512, 512),
        (&[("ImmediateData", "No")], 8192, 0),
        (&[("MaxRecvDataSegmentLength", "65536")], 65_536, 65_536),
    ] {
        let payload: Vec<u8> = (0..200_000u32).map(|i| i.to_be_bytes()[2] ^ i.to_be_bytes()[3]).collect();
        let expected = payload.clone();
        let (portal, thread) = target(move |peer| {
            peer.log_in(keys);
            assert_eq!(take_write(peer, segment, 70_000), expected);
            let small = peer.command();
            assert_eq!(small.data.len(), 24.min(immediate));
            peer.good(small.tag);
        });
        let mut session = connect(&portal).unwrap();
        session.set_command_timeout(Duration::from_secs(5));
        assert!(session.execute(Lun::new(1), [0x2a; 16], Transfer::Write(payload)).unwrap().is_good());
        assert!(session.execute(Lun::new(1), [0x5f; 16], Transfer::Write(vec![1; 24])).unwrap().is_good());
        thread.join().unwrap();
    }
}

#[test]
fn requests_for_data_that_make_no_sense() {
    for (r2t_sn, offset, desired) in [(0, 0, 10), (0, 8192, 10_000), (0, 8192, 0), (1, 8192, 10)] {
        let (portal, thread) = target(move |peer| {
            peer.log_in(&[]);
            let tag = peer.command().tag;
            let r2t = peer.r2t(tag, r2t_sn, offset, desired);
            peer.send(r2t);
        });
        let mut session = connect(&portal).unwrap();
        let error = session.execute(Lun::new(1), [0x2a; 16], Transfer::Write(vec![0; 10_000])).unwrap_err();
        says(&error, "R2T");
        assert!(matches!(error, Error::Protocol(_)), "{error}");
        thread.join().unwrap();
    }
}

#[test]
fn a_target_that_does_not_read_blocks_nobody_for_long() {
    let (portal, thread) = target(|peer| {
        peer.log_in(&[]);
        let command = peer.command();
        let r2t = peer.r2t(command.tag, 0, 8192, command.expected_bytes - 8192);
        peer.send(r2t);
        thread::sleep(Duration::from_secs(1));
    });
    let mut session = connect(&portal).unwrap();
    let started = Instant::now();
    let error = session.execute(Lun::new(1), [0x2a; 16], Transfer::Write(vec![0; 32 << 20])).unwrap_err();
    says(&error, "which the target does not read");
    assert!(started.elapsed() < Duration::from_secs(5));
    thread.join().unwrap();
}

#[test]
fn digests_guard_both_directions() {
    let keys = [("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C")];
    let (portal, thread) = target(move |peer| {
        peer.log_in(&keys);
        let on = Digests { header: true, data: true };
        peer.reader.set_digests(on);
        peer.writer.set_digests(on);
        let tag = peer.command().tag;
        let pdu = peer.data(tag, 0, 0, 100);
        peer.send(pdu);
        peer.good(tag);
        let tag = peer.command().tag;
        let mut wire = Vec::new();
        Pdu::from(peer.data(tag, 0, 0, 99)).into_frame().write_to(on, &mut wire).unwrap();
        wire[60] ^= 1;
        peer.raw(&wire);
    });
    let login =
        LoginConfig { header_digest: DigestPolicy::Require, data_digest: DigestPolicy::Prefer, ..login() };
    let mut session = Session::connect(&portal, &login, timeouts()).unwrap();
    let good = session.execute(Lun::new(1), Cdb::TestUnitReady, Transfer::Read(100)).unwrap();
    assert_eq!(good.data, [7; 100]);
    says(
        &session.execute(Lun::new(1), Cdb::TestUnitReady, Transfer::Read(100)).unwrap_err(),
        "the data digest is wrong",
    );
    thread.join().unwrap();
}

fn attention(peer: &mut Peer, tag: u32) {
    let mut response = peer.response(tag);
    response.status = 2;
    response.set_sense(&Sense::new(SenseKey::UnitAttention, 0x29, 0).encode());
    peer.send(response);
}

#[test]
fn unit_attentions_are_told() {
    let (portal, thread) = target(|peer| {
        peer.log_in(&[]);
        for _ in 0..2 {
            let tag = peer.command().tag;
            attention(peer, tag);
        }
        let tag = peer.command().tag;
        peer.good(tag);
        // and a unit that never stops
        for _ in 0..17 {
            let tag = peer.command().tag;
            attention(peer, tag);
        }
        let tag = peer.command().tag;
        attention(peer, tag);
        let tag = peer.command().tag;
        peer.good(tag);
    });
    let mut session = connect(&portal).unwrap();
    let lun = Lun::new(1);
    assert!(session.execute_settled(lun, Cdb::TestUnitReady, Transfer::None).unwrap().is_good());
    let events = session.take_events();
    assert_eq!(events.len(), 2);
    assert!(matches!(&events[0], Event::UnitAttention { command, .. } if command == "TEST UNIT READY"));
    let endless = session.execute_settled(lun, Cdb::TestUnitReady, Transfer::None).unwrap();
    assert!(endless.unit_attention().is_some());
    assert_eq!(session.drain_attentions(lun).unwrap().len(), 1);
    thread.join().unwrap();
}

#[test]
fn discovery_over_several_pdus_and_without_end() {
    let script = |endless: bool| {
        move |peer: &mut Peer| {
            peer.log_in(&[]);
            let text =
                Keys::new().with("TargetName", TARGET).with("TargetAddress", "10.0.0.1:3260,1").encode();
            let mut at = 0;
            while let Ok(frame) = peer.reader.read() {
                match Pdu::decode(frame).unwrap() {
                    Pdu::TextRequest(request) => {
                        assert_eq!(request.transfer_tag, if at == 0 { NO_TAG } else { 9 });
                        let end = if endless { 1 } else { (at + 20).min(text.len()) };
                        let last = !endless && end == text.len();
                        let response = TextResponse {
                            is_final: last,
                            continued: !last,
                            tag: request.tag,
                            transfer_tag: if last { NO_TAG } else { 9 },
                            status_sn: peer.status_sn,
                            data: if endless { b"a".to_vec() } else { text[at..end].to_vec() },
                            ..TextResponse::default()
                        };
                        at = end;
                        peer.status_sn += 1;
                        peer.send(response);
                    }
                    Pdu::LogoutRequest(request) => {
                        let response = LogoutResponse {
                            tag: request.tag,
                            status_sn: peer.status_sn,
                            ..LogoutResponse::default()
                        };
                        peer.send(response);
                        return;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    };
    let login = LoginConfig::discovery("iqn.2026-01.test:node", Isid([0x80, 0, 0, 0, 0, 1]));
    let (portal, thread) = target(script(false));
    let found = discover(&portal, &login, timeouts()).unwrap();
    assert_eq!(found[0].name, TARGET);
    assert_eq!(found[0].portals[0].portal, Portal::new("10.0.0.1", 3260));
    thread.join().unwrap();
    let (portal, thread) = target(script(true));
    says(&discover(&portal, &login, timeouts()).unwrap_err(), "without end");
    thread.join().unwrap();
}

#[test]
fn lists_are_asked_for_again_when_they_were_cut() {
    let (portal, thread) = target(|peer| {
        peer.log_in(&[]);
        let luns = crate::scsi::luns::ReportLuns::new((0..1000).map(Lun::new).collect()).encode();
        for _ in 0..2 {
            let command = peer.command();
            let most = usize::try_from(command.expected_bytes).unwrap().min(luns.len());
            let mut pdu = peer.data(command.tag, 0, 0, 0);
            pdu.data = luns[..most].to_vec();
            (pdu.is_final, pdu.has_status, pdu.status_sn) = (true, true, peer.status_sn);
            peer.status_sn += 1;
            peer.send(pdu);
        }
        // READ KEYS that promises more than it can hold, and brings nothing of it
        for _ in 0..2 {
            let tag = peer.command().tag;
            let mut pdu = peer.data(tag, 0, 0, 0);
            pdu.data = vec![0, 0, 0, 1, 0xff, 0xff, 0xff, 0xf8];
            (pdu.is_final, pdu.has_status, pdu.status_sn) = (true, true, peer.status_sn);
            peer.status_sn += 1;
            peer.send(pdu);
        }
    });
    let mut session = connect(&portal).unwrap();
    let report = session.unit(Lun::new(0)).report_luns().unwrap();
    assert_eq!((report.luns.len(), report.is_complete()), (1000, true));
    let keys = session.unit(Lun::new(0)).read_keys().unwrap();
    assert!(keys.keys.is_empty() && !keys.is_complete());
    thread.join().unwrap();
}

#[test]
fn answers_that_came_ahead_are_used_once() {
    let (portal, thread) = target(|peer| {
        peer.log_in(&[]);
        let commands: Vec<ScsiCommand> = (0..3).map(|_| peer.command()).collect();
        // The first meets a unit attention, the second is answered, the third is not.
        attention(peer, commands[0].tag);
        let answer = |peer: &mut Peer, tag, data: Vec<u8>| {
            let mut pdu = peer.data(tag, 0, 0, 0);
            pdu.data = data;
            (pdu.is_final, pdu.has_status, pdu.status_sn) = (true, true, peer.status_sn);
            peer.status_sn += 1;
            peer.send(pdu);
        };
        answer(peer, commands[1].tag, vec![0, 0, 6, 2, 31]);
        // Asked again: what met the attention, and what was used up.
        let again = peer.command();
        assert_eq!(again.cdb[0], 0x00);
        peer.good(again.tag);
        let again = peer.command();
        assert_eq!(again.cdb[0], 0x12);
        answer(peer, again.tag, vec![0, 0, 7, 2, 31]);
    });
    let mut session = connect(&portal).unwrap();
    let mut unit = session.unit(Lun::new(1));
    unit.ask_ahead(&[Question::TestUnitReady, Question::Inquiry, Question::Mode]);
    assert!(unit.mode_sense().unwrap_err().to_string().contains("no answer to MODE SENSE (6)"));
    unit.test_unit_ready().unwrap();
    assert_eq!(unit.inquiry().unwrap().version, 6);
    assert_eq!(unit.inquiry().unwrap().version, 7);
    unit.send_no_more();
    assert!(matches!(unit.inquiry(), Err(crate::iscsi::CommandError::Session(Error::NotSent))));
    assert_eq!(session.take_events().len(), 1);
    thread.join().unwrap();
}

#[test]
fn a_severed_connection_is_seen_by_the_peer() {
    let (portal, thread) = target(|peer| {
        peer.log_in(&[]);
        let mut rest = Vec::new();
        peer.tcp.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
    });
    connect(&portal).unwrap().sever();
    thread.join().unwrap();
}
