//! Initiators that mean harm, or are broken: the target answers or disconnects, and goes on serving others.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::bench::{Bench, initiator};
use crate::iscsi::pdu::{DataOut, LoginRequest, NopOut, ScsiCommand, SnackRequest, TaskRequest, TextRequest};
use crate::iscsi::text::Keys;
use crate::iscsi::{Frame, FrameReader, FrameWriter, NO_TAG, Pdu};
use crate::scsi::cdb::Form;
use crate::scsi::{Cdb, Lun};
use crate::simtarget::chaos::Chaos;
use crate::simtarget::config::DEMO_TARGET;
use crate::simtarget::{Config, Fault, FaultSet};

/// A connection that says whatever a test wants.
struct Raw {
    reader: FrameReader<TcpStream>,
    writer: FrameWriter<TcpStream>,
    command_sn: u32,
}

impl Raw {
    fn connect(bench: &Bench) -> Self {
        let stream = TcpStream::connect(bench.target.portals()[0]).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.set_nodelay(true).unwrap();
        let reader = FrameReader::new(stream.try_clone().unwrap(), 1 << 20);
        Self { reader, writer: FrameWriter::new(stream), command_sn: 1 }
    }

    /// Logs in with keys of the operational stage.
    fn log_in(bench: &Bench, name: char, keys: &[(&str, &str)]) -> Self {
        let mut raw = Self::connect(bench);
        let mut text = Keys::new().with("InitiatorName", initiator(name)).with("TargetName", DEMO_TARGET);
        for (key, value) in keys {
            text.push(*key, *value);
        }
        raw.send(LoginRequest {
            transit: true,
            current_stage: 1,
            next_stage: 3,
            isid: [0x80, name as u8, 0, 0, 0, 0],
            command_sn: 1,
            data: text.encode(),
            ..LoginRequest::default()
        });
        let Some(Pdu::LoginResponse(response)) = raw.receive() else { panic!("no login response") };
        assert_eq!((response.status_class, response.transit), (0, true));
        raw
    }

    fn send(&mut self, pdu: impl Into<Pdu>) {
        // The target may have closed already, which the next read shows.
        let _ = self.writer.write(&pdu.into().into_frame());
    }

    /// The next PDU; `None` where the connection was closed.
    fn receive(&mut self) -> Option<Pdu> {
        match self.reader.read() {
            Ok(frame) => Some(Pdu::decode(frame).unwrap()),
            Err(error) => {
                assert!(!error.is_timeout(), "neither an answer nor an end");
                None
            }
        }
    }

    /// Sends a command on LUN 1 and numbers it.
    fn command(&mut self, mut command: ScsiCommand) {
        command.lun = Lun::new(1);
        command.command_sn = self.command_sn;
        self.command_sn = self.command_sn.wrapping_add(1);
        self.send(command);
    }

    /// Drains the greeting.
    fn settle(&mut self) {
        self.command(ScsiCommand {
            is_final: true,
            tag: 0x99,
            cdb: Cdb::TestUnitReady.encode(),
            ..ScsiCommand::default()
        });
        let Some(Pdu::ScsiResponse(response)) = self.receive() else { panic!() };
        assert_eq!(response.status, 2);
    }
}

fn write_command(blocks: u32, immediate: usize, is_final: bool) -> ScsiCommand {
    ScsiCommand {
        write: true,
        is_final,
        tag: 7,
        expected_bytes: blocks * 512,
        cdb: Cdb::Write { form: Form::Ten, lba: 0, blocks, fua: false }.encode(),
        data: vec![1; immediate],
        ..ScsiCommand::default()
    }
}

fn is_well(bench: &Bench) {
    let mut node = bench.node('w');
    assert_eq!((node.ready(), node.read(3)), ("good".into(), "good".into()));
    node.session.logout().unwrap();
}

fn within(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn silence_at_login_and_inside_a_pdu_ends() {
    let mut config = Config::demo(FaultSet::NONE);
    config.limits.login_timeout = Duration::from_millis(100);
    config.limits.pdu_timeout = Duration::from_millis(100);
    let bench = Bench::new(config);
    let mut silent = Raw::connect(&bench);
    assert!(silent.receive().is_none());
    let mut stalling = Raw::log_in(&bench, 's', &[]);
    stalling.writer.get_mut().write_all(&[0; 20]).unwrap();
    assert!(stalling.receive().is_none());
    is_well(&bench);
}

#[test]
fn a_drip_of_bytes_gets_no_more_time_than_silence() {
    let mut config = Config::demo(FaultSet::NONE);
    config.limits.login_timeout = Duration::from_millis(150);
    config.limits.pdu_timeout = Duration::from_millis(150);
    let bench = Bench::new(config);
    for logged_in in [false, true] {
        let mut raw = if logged_in { Raw::log_in(&bench, 'd', &[]) } else { Raw::connect(&bench) };
        let begun = Instant::now();
        let mut byte = 0x43;
        // Enough for a header would take half a second.
        while raw.writer.get_mut().write_all(&[byte]).is_ok() {
            byte = 0;
            std::thread::sleep(Duration::from_millis(10));
            assert!(begun.elapsed() < Duration::from_millis(450), "{logged_in}");
        }
    }
    is_well(&bench);
}

#[test]
fn what_is_no_login_is_not_answered() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut early = Raw::connect(&bench);
    early.send(write_command(1, 512, true));
    assert!(early.receive().is_none());
    let mut huge = Raw::connect(&bench);
    let mut header = [0; 48];
    header[0] = 0x43;
    header[5..8].fill(0xff);
    huge.writer.get_mut().write_all(&header).unwrap();
    assert!(huge.receive().is_none(), "16 MiB of login text are refused before they come");
    let mut flood = Raw::connect(&bench);
    for _ in 0..40 {
        let part = LoginRequest { continued: true, data: vec![b'x'; 8192], ..LoginRequest::default() };
        flood.send(part);
    }
    let last = std::iter::from_fn(|| flood.receive()).last();
    assert!(!matches!(last, Some(Pdu::LoginResponse(response)) if response.status_class == 0));
    is_well(&bench);
}

#[test]
fn connections_beyond_the_limit_are_closed() {
    let mut config = Config::demo(FaultSet::NONE);
    config.limits.connections = 3;
    config.limits.sessions = 2;
    let bench = Bench::new(config);
    let first = bench.node('a');
    let _second = bench.node('b');
    let refused = bench.connect(&bench.login('c', 0), 0).map(drop).unwrap_err();
    assert!(refused.to_string().contains("03/02"), "{refused}");
    within("the refused connection ends", || {
        let mut third = TcpStream::connect(bench.target.portals()[0]).unwrap();
        third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut fourth = TcpStream::connect(bench.target.portals()[0]).unwrap();
        fourth.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let waits = third.read(&mut [0]).is_err();
        waits && fourth.read(&mut [0]).is_ok_and(|bytes| bytes == 0)
    });
    first.session.logout().unwrap();
    within("a place is free again", || bench.connect(&bench.login('c', 0), 0).is_ok());
}

#[test]
fn data_that_was_not_agreed_on_ends_the_command() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut raw = Raw::log_in(&bench, 'a', &[("FirstBurstLength", "512"), ("InitialR2T", "Yes")]);
    raw.settle();
    let refusal = |raw: &mut Raw| match raw.receive() {
        Some(Pdu::ScsiResponse(response)) => (response.status, response.sense().to_vec()),
        other => panic!("{other:?}"),
    };
    raw.command(write_command(4, 1024, true));
    let (status, sense) = refusal(&mut raw);
    assert_eq!((status, &sense[2..3], &sense[12..14]), (2, &[0x0b][..], &[0x0c, 0x0c][..]));
    raw.command(write_command(4, 0, false));
    assert_eq!(refusal(&mut raw).0, 2, "unsolicited data although R2T is initial");
    assert_eq!(bench.target.lun(1).unwrap().read(0, 4).unwrap(), vec![0; 2048]);
    bench.target.set_fault(Fault::ImmediateOverflowAccepted, true);
    raw.command(write_command(4, 2048, true));
    assert_eq!(refusal(&mut raw).0, 0, "the fault lets it pass");
    assert_eq!(bench.target.lun(1).unwrap().read(0, 4).unwrap(), vec![1; 2048]);
}

#[test]
fn unsolicited_data_is_taken_where_it_was_agreed_on() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut raw = Raw::log_in(&bench, 'a', &[("InitialR2T", "No"), ("FirstBurstLength", "2048")]);
    raw.settle();
    raw.command(write_command(8, 512, false));
    for (data_sn, offset) in [(0, 512), (1, 1024), (2, 1536)] {
        raw.send(DataOut {
            is_final: data_sn == 2,
            tag: 7,
            transfer_tag: NO_TAG,
            data_sn,
            offset,
            data: vec![2; 512],
            ..DataOut::default()
        });
    }
    let Some(Pdu::ReadyToTransfer(request)) = raw.receive() else { panic!() };
    assert_eq!((request.offset, request.desired_bytes, request.tag), (2048, 2048, 7));
    raw.send(DataOut {
        is_final: true,
        tag: 7,
        transfer_tag: request.transfer_tag,
        offset: 2048,
        data: vec![3; 2048],
        ..DataOut::default()
    });
    let Some(Pdu::ScsiResponse(response)) = raw.receive() else { panic!() };
    assert_eq!((response.status, response.expected_data_sn), (0, 1));
    let data = bench.target.lun(1).unwrap().read(0, 8).unwrap();
    assert_eq!((data[511], data[512], data[2047], data[2048]), (1, 2, 2, 3));
}

#[test]
fn numbering_is_kept() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut raw = Raw::log_in(&bench, 'a', &[]);
    raw.settle();
    for outside in [1, 2000, u32::MAX] {
        raw.send(ScsiCommand { tag: 5, command_sn: outside, ..write_command(1, 512, true) });
    }
    raw.send(NopOut {
        immediate: true,
        tag: 6,
        transfer_tag: NO_TAG,
        data: b"ping".to_vec(),
        ..NopOut::default()
    });
    let Some(Pdu::NopIn(pong)) = raw.receive() else { panic!("commands outside the window are ignored") };
    assert_eq!((pong.tag, pong.data.as_slice(), pong.expected_command_sn), (6, &b"ping"[..], raw.command_sn));
    raw.send(ScsiCommand { command_sn: raw.command_sn + 1, ..write_command(1, 512, true) });
    assert!(raw.receive().is_none(), "a gap cannot be filled");
    assert_eq!(bench.target.lun(1).unwrap().read(0, 1).unwrap(), vec![0; 512]);
}

#[test]
fn what_makes_no_sense_is_rejected() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut names = 'a'..='z';
    let mut reasons = |send: fn(&mut Raw)| {
        let mut raw = Raw::log_in(&bench, names.next().unwrap(), &[]);
        send(&mut raw);
        let rejected = match raw.receive() {
            Some(Pdu::Reject(reject)) => Some((reject.reason, reject.data.len())),
            _ => None,
        };
        raw.send(NopOut { immediate: true, tag: 6, transfer_tag: NO_TAG, ..NopOut::default() });
        (rejected, matches!(raw.receive(), Some(Pdu::NopIn(_))))
    };
    assert_eq!(reasons(|raw| raw.send(SnackRequest::default())), (Some((3, 48)), true));
    let unknown = |raw: &mut Raw| {
        let mut header = [0; 48];
        header[0] = 0x1c;
        raw.writer.write(&Frame::new(header)).unwrap();
    };
    assert_eq!(reasons(unknown), (Some((5, 48)), true));
    assert_eq!(reasons(|raw| raw.send(LoginRequest::default())), (Some((4, 48)), false));
    let response = |raw: &mut Raw| raw.send(crate::iscsi::pdu::ScsiResponse::default());
    assert_eq!(reasons(response), (Some((4, 48)), false));
    let text = |raw: &mut Raw| {
        raw.send(TextRequest { immediate: true, transfer_tag: 77, ..TextRequest::default() });
    };
    assert_eq!(reasons(text), (Some((9, 48)), true));
    let twice = |raw: &mut Raw| {
        raw.settle();
        raw.command(write_command(400, 0, true));
        assert!(matches!(raw.receive(), Some(Pdu::ReadyToTransfer(_))));
        raw.command(write_command(400, 0, true));
    };
    assert_eq!(reasons(twice), (Some((4, 48)), false), "a tag in use");
}

#[test]
fn tasks_and_data_under_way_are_bounded() {
    let mut config = Config::demo(FaultSet::NONE);
    config.limits.data_in_flight_bytes = 1 << 20;
    config.negotiation.queue_depth = 4;
    let bench = Bench::new(config);
    let mut raw = Raw::log_in(&bench, 'a', &[]);
    raw.settle();
    let answers: Vec<_> = (0..5)
        .map(|tag| {
            raw.command(ScsiCommand { tag, ..write_command(600, 0, true) });
            match raw.receive() {
                Some(Pdu::ReadyToTransfer(_)) => 0,
                Some(Pdu::ScsiResponse(response)) => response.status,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    assert_eq!(answers, [0, 0, 0, 0x28, 0x28], "300 KiB each, 1 MiB in all");
    for tag in 0..3 {
        let abort = TaskRequest {
            function: 1,
            tag: 90,
            referenced_tag: tag,
            immediate: true,
            ..TaskRequest::default()
        };
        raw.send(TaskRequest { lun: Lun::new(1), ..abort });
        assert!(matches!(raw.receive(), Some(Pdu::TaskResponse(response)) if response.response == 0));
    }
    for tag in 10..15 {
        raw.command(ScsiCommand { tag, ..write_command(2, 0, true) });
        let answered = raw.receive();
        assert_eq!(matches!(answered, Some(Pdu::ReadyToTransfer(_))), tag < 14, "{tag} {answered:?}");
    }
    drop(raw);
    within("the session ends", || bench.target.stats().sessions == 0);
    is_well(&bench);
}

#[test]
fn an_initiator_that_does_not_read_loses_its_connection_only() {
    let mut config = Config::demo(FaultSet::NONE);
    config.limits.pdu_timeout = Duration::from_millis(200);
    let bench = Bench::new(config);
    let mut raw = Raw::log_in(&bench, 'a', &[]);
    raw.settle();
    for tag in 0..60 {
        raw.command(ScsiCommand {
            read: true,
            is_final: true,
            tag,
            expected_bytes: 4 << 20,
            cdb: Cdb::Read { form: Form::Ten, lba: 0, blocks: 8192, fua: false }.encode(),
            ..ScsiCommand::default()
        });
    }
    is_well(&bench);
    within("it is given up", || bench.target.stats().sessions == 0);
}

#[test]
fn chaos_harms_no_one_but_the_wire() {
    let config = Config { chaos: Some(Chaos::with_seed(20_260_101)), ..Config::demo(FaultSet::NONE) };
    let bench = Bench::new(config).patient(Duration::from_millis(200));
    let (mut answered, mut failed) = (0, 0);
    for round in 0..60u8 {
        let Ok(mut node) = bench.connect(&bench.login('c', round), usize::from(round % 2)) else {
            failed += 1;
            continue;
        };
        for lba in 0..6 {
            match node.write(lba).as_str() {
                "gone" | "no answer" => {
                    failed += 1;
                    break;
                }
                _ => answered += 1,
            }
        }
    }
    assert!(answered > 100 && failed > 3, "{answered} answered, {failed} failed");
    within("no session is left", || bench.target.stats().sessions == 0);
    assert_eq!(bench.target.panics(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn noise_instead_of_a_login_is_harmless(noise in proptest::collection::vec(any::<u8>(), 0..400), as_login in any::<bool>()) {
        let bench = Bench::demo(FaultSet::NONE);
        let mut raw = TcpStream::connect(bench.target.portals()[0]).unwrap();
        if as_login {
            let mut header = [0; 48];
            header[0] = 0x43;
            header[1..4].copy_from_slice(&noise.iter().copied().chain([0; 3]).take(3).collect::<Vec<_>>());
            let length = u32::try_from(noise.len()).unwrap();
            header[5..8].copy_from_slice(&length.to_be_bytes()[1..]);
            raw.write_all(&header).unwrap();
        }
        let _ = raw.write_all(&noise);
        drop(raw);
        prop_assert_eq!(bench.target.panics(), 0);
    }

    #[test]
    fn random_pdus_in_full_feature_phase_are_harmless(
        frames in proptest::collection::vec(
            (any::<[u8; 16]>(), any::<[u8; 32]>(), 0usize..12, proptest::collection::vec(any::<u8>(), 0..80), any::<bool>()),
            1..24,
        ),
    ) {
        let bench = Bench::demo(FaultSet::NONE);
        let mut raw = Raw::log_in(&bench, 'f', &[]);
        for (head, tail, opcode, data, in_order) in frames {
            let mut frame = Frame::new([0; 48]);
            frame.header[..16].copy_from_slice(&head);
            frame.header[16..].copy_from_slice(&tail);
            frame.header[0] = [0x00, 0x01, 0x01, 0x01, 0x02, 0x04, 0x05, 0x41, 0x06, 0x10, 0x44, 0x43][opcode];
            if in_order {
                frame.header[8..16].fill(0);
                frame.header[9] = 1;
                frame.header[24..28].copy_from_slice(&raw.command_sn.to_be_bytes());
                raw.command_sn = raw.command_sn.wrapping_add(1);
            }
            frame.data = data;
            let _ = raw.writer.write(&frame);
        }
        let _ = raw.writer.get_mut().shutdown(std::net::Shutdown::Write);
        let _ = raw.reader.get_mut().read_to_end(&mut Vec::new());
        is_well(&bench);
        prop_assert_eq!(bench.target.panics(), 0);
    }

    #[test]
    fn random_commands_are_harmless(
        cdbs in proptest::collection::vec((any::<[u8; 16]>(), 0usize..40, 0u32..70_000, any::<bool>()), 1..24),
    ) {
        const CODES: [u8; 40] = [
            0x00, 0x03, 0x08, 0x0a, 0x12, 0x15, 0x16, 0x17, 0x1a, 0x1b, 0x1e, 0x25, 0x28, 0x2a, 0x2e, 0x2f, 0x35, 0x41,
            0x42, 0x55, 0x5a, 0x5e, 0x5f, 0x88, 0x89, 0x8a, 0x8e, 0x8f, 0x91, 0x93, 0x9e, 0xa0, 0xa3, 0xa8, 0xaa, 0xae,
            0xaf, 0x4d, 0x7f, 0xff,
        ];
        let bench = Bench::demo(FaultSet::NONE);
        let mut node = bench.node('r');
        for (mut cdb, code, length, writes) in cdbs {
            cdb[0] = CODES[code];
            let transfer = if writes {
                crate::iscsi::session::Transfer::Write(vec![cdb[5]; length as usize])
            } else {
                crate::iscsi::session::Transfer::Read(length)
            };
            let end = node.end(cdb, transfer);
            prop_assert!(end != "gone" && end != "no answer", "{:x?} {}", cdb, end);
        }
        drop(node);
        prop_assert_eq!(bench.target.panics(), 0);
    }
}
