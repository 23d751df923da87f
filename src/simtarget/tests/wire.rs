//! A clean target, from login to power loss.

use std::net::TcpStream;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use super::bench::{Bench, initiator, isid, shown};
use crate::iscsi::chap::{Algorithm, Chap, Credentials};
use crate::iscsi::discovery::discover;
use crate::iscsi::login::{Authentication, DigestPolicy, LoginConfig, LoginError};
use crate::iscsi::pdu::TaskFunction;
use crate::iscsi::session::Transfer;
use crate::iscsi::{Isid, error::Error};
use crate::scsi::cdb::{Form, PrOut};
use crate::scsi::reservation::{Key, PrParameters, ReservationType};
use crate::scsi::{Cdb, Lun};
use crate::simtarget::config::{Config, DEMO_TARGET, Role, Unit};
use crate::simtarget::{Fault, FaultSet};

const TYPE5: ReservationType = ReservationType::WriteExclusiveRegistrantsOnly;

#[test]
fn discovery_lists_every_portal_with_its_group() {
    let bench = Bench::demo(FaultSet::NONE);
    let login = LoginConfig::discovery(initiator('a'), isid('a', 0));
    let found = discover(&bench.portal(1), &login, super::bench::TIMEOUTS).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, DEMO_TARGET);
    let shown: Vec<_> =
        found[0].portals.iter().map(|each| (each.portal.clone(), each.portal_group)).collect();
    assert_eq!(shown, [(bench.portal(0), Some(1)), (bench.portal(1), Some(2))]);
    for (index, group) in [(0, 1), (1, 2)] {
        let node = bench.node_at('a', 0, index);
        assert_eq!(node.session.negotiated().portal_group, Some(group));
        node.session.logout().unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    while bench.target.stats().sessions > 0 {
        assert!(Instant::now() < deadline, "sessions end with their logout");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn units_describe_themselves_the_same_through_both_portals() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut seen = Vec::new();
    for portal in 0..2 {
        let mut node = bench.node_at('a', 0, portal);
        let luns = node.session.unit(Lun::new(0)).report_luns().unwrap().luns;
        assert_eq!(luns, [Lun::new(0), Lun::new(1), Lun::new(2)]);
        let mut described = Vec::new();
        for lun in luns {
            let mut unit = node.session.unit(lun);
            let inquiry = unit.inquiry().unwrap();
            assert_eq!((inquiry.vendor.as_str(), inquiry.product.as_str()), ("QUORATE", "DEMO DISK"));
            assert!(inquiry.is_disk() && !inquiry.removable && inquiry.multi_port);
            let pages = unit.supported_pages().unwrap().0;
            assert_eq!(pages, [0, 0x80, 0x83, 0xb0, 0xb1, 0xb2]);
            let identification = unit.device_identification().unwrap();
            assert_eq!(identification.relative_port(), u16::try_from(portal + 1).ok());
            assert_eq!(identification.port_group(), u16::try_from(portal + 1).ok());
            let capacity = unit.capacity().unwrap();
            assert!(unit.provisioning().unwrap().unmap);
            assert_eq!(unit.block_characteristics().unwrap().rotates(), Some(false));
            assert!(unit.block_limits().unwrap().max_compare_and_write > 0);
            assert!(!unit.mode_sense().unwrap().write_protected);
            assert_eq!(unit.target_port_groups().unwrap().0.len(), 2);
            let serial = unit.unit_serial().unwrap().0;
            described.push((identification.identity(), serial, capacity.size_bytes()));
        }
        seen.push(described);
    }
    assert_eq!(seen[0], seen[1]);
    let sizes: Vec<_> = seen[0].iter().map(|unit| unit.2.unwrap() >> 30).collect();
    assert_eq!(sizes, [1, 10, 20]);
    let identities: std::collections::BTreeSet<_> =
        seen[0].iter().map(|unit| unit.0.clone().unwrap()).collect();
    assert_eq!(identities.len(), 3);
}

#[test]
fn absent_units_and_unknown_commands_are_told_apart() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut node = bench.node('a');
    assert_eq!(node.end([0xc0; 16], Transfer::None), "5/20/00");
    let mut bad_action = [0; 16];
    bad_action[..2].copy_from_slice(&[0x5e, 0x1f]);
    assert_eq!(node.end(bad_action, Transfer::Read(8)), "5/24/00");
    node.lun = Lun::new(9);
    assert_eq!(node.ready(), "5/25/00");
    assert!(!node.session.unit(Lun::new(9)).inquiry().unwrap().exists());
    node.lun = Lun([0xc1, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!(node.ready(), "5/25/00");
}

#[test]
fn data_survives_digests_bursts_and_requests() {
    for (policy, first_burst) in [(DigestPolicy::Off, 512), (DigestPolicy::Require, 65_536)] {
        let bench = Bench::demo(FaultSet::NONE);
        let login = LoginConfig {
            header_digest: policy,
            data_digest: policy,
            first_burst,
            max_burst: 32_768,
            max_segment: 4096,
            ..bench.login('a', 0)
        };
        let mut node = bench.connect(&login, 0).unwrap();
        node.session.drain_attentions(node.lun).unwrap();
        let data: Vec<u8> = (0..1_000_000u32 / 512 * 512).map(|i| (i * 7 % 251) as u8).collect();
        let response = node.session.unit(node.lun).write_blocks(77, data.clone(), 512, true).unwrap();
        assert!(response.is_good(), "{response:?}");
        let blocks = u32::try_from(data.len() / 512).unwrap();
        assert_eq!(node.session.unit(node.lun).read_blocks(77, blocks, 512).unwrap(), data);
        assert_eq!(bench.target.lun(1).unwrap().read(77, blocks).unwrap(), data);
        bench.target.lun(1).unwrap().write(0, &[9; 512]).unwrap();
        assert_eq!(node.session.unit(node.lun).read_blocks(0, 1, 512).unwrap(), vec![9; 512]);
    }
}

#[test]
fn block_commands_do_what_they_say() {
    let mut config = Config::demo(FaultSet::NONE);
    config.targets[0].units.push(Unit { thin: false, ..Unit::new(3, Role::Data, 1 << 20, 4) });
    let bench = Bench::new(config);
    let mut node = bench.node('a');
    let handle = bench.target.lun(1).unwrap();
    let same = Cdb::WriteSame16 { lba: 8, blocks: 16, unmap: false, no_data: false };
    assert_eq!(node.end(same, Transfer::Write(vec![3; 512])), "good");
    assert_eq!(handle.read(8, 16).unwrap(), vec![3; 16 * 512]);
    let mut list = vec![0; 24];
    list[1] = 22;
    list[3] = 16;
    list[15] = 8;
    list[19] = 4;
    assert_eq!(node.end(Cdb::Unmap { anchor: false, length: 24 }, Transfer::Write(list)), "good");
    assert_eq!(handle.read(8, 4).unwrap(), vec![0; 4 * 512]);
    assert_eq!(handle.read(12, 1).unwrap(), vec![3; 512]);
    let compare = Cdb::CompareAndWrite { lba: 12, blocks: 1, fua: false };
    let mut both = vec![3; 512];
    both.extend([4; 512]);
    assert_eq!(node.end(compare, Transfer::Write(both.clone())), "good");
    assert_eq!(node.end(compare, Transfer::Write(both)), "e/1d/00", "the block has changed meanwhile");
    assert_eq!(handle.read(12, 1).unwrap(), vec![4; 512]);
    let verify = Cdb::Verify10 { lba: 12, blocks: 1, byte_check: 1 };
    assert_eq!(node.end(verify, Transfer::Write(vec![4; 512])), "good");
    assert_eq!(node.end(verify, Transfer::Write(vec![5; 512])), "e/1d/00");
    let beyond = Cdb::Read { form: Form::Sixteen, lba: u64::MAX, blocks: 1, fua: false };
    assert_eq!(node.end(beyond, Transfer::Read(512)), "5/21/00");
    node.lun = Lun::new(3);
    node.session.drain_attentions(node.lun).unwrap();
    assert_eq!(node.end(Cdb::Unmap { anchor: false, length: 24 }, Transfer::Write(vec![0; 24])), "5/20/00");
    assert_eq!(node.read(2047), "good");
    assert_eq!(node.read(2048), "5/21/00");
}

#[test]
fn written_blocks_have_a_limit_and_a_read_only_unit_refuses() {
    let mut config = Config::demo(FaultSet::NONE);
    config.limits.resident_bytes = 8192;
    config.targets[0].units[2].read_only = true;
    let bench = Bench::new(config);
    let mut node = bench.node('a');
    assert_eq!(node.write(0), "good");
    assert_eq!(node.write(8), "good");
    assert_eq!(node.write(16), "7/27/07");
    assert_eq!(bench.target.stats().resident_bytes, 8192);
    node.lun = Lun::new(2);
    node.session.drain_attentions(node.lun).unwrap();
    assert_eq!(node.write(0), "7/27/00");
    assert!(node.session.unit(node.lun).mode_sense().unwrap().write_protected);
}

fn credentials(user: &str) -> Credentials {
    Credentials::new(user, format!("{user}-secretsecret").into())
}

#[test]
fn chap_both_ways_and_both_algorithms() {
    let config = Config::demo(FaultSet::NONE).with_chap(credentials("host"), Some(credentials("array")));
    let bench = Bench::new(config);
    let attempt = |chap: Option<Chap>| {
        let login = LoginConfig { chap, ..bench.login('a', 0) };
        bench.connect(&login, 0).map(|node| node.session.negotiated().authentication)
    };
    for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
        let with = |chap: Chap| Some(chap.with_algorithms(vec![algorithm]).unwrap());
        let one_way = attempt(with(Chap::one_way(credentials("host")))).unwrap();
        assert_eq!(one_way, Authentication::OneWay(algorithm));
        let mutual = Chap::mutual(credentials("host"), credentials("array")).unwrap();
        assert_eq!(attempt(with(mutual)).unwrap(), Authentication::Mutual(algorithm));
    }
    let refused = |error: Error| matches!(error, Error::Login(LoginError::Refused { class: 2, detail: 1 }));
    assert!(refused(attempt(None).unwrap_err()), "CHAP is demanded");
    assert!(
        refused(attempt(Some(Chap::one_way(credentials("hosts")))).unwrap_err()),
        "wrong user and secret"
    );
    let wrong = Chap::mutual(credentials("host"), credentials("impostor")).unwrap();
    assert!(matches!(attempt(Some(wrong)).unwrap_err(), Error::Login(LoginError::Chap(_))));
    assert_eq!(bench.target.stats().refused_logins, 2);
}

#[test]
fn reservation_survives_logout_loss_and_reinstatement() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut a = bench.node('a');
    let mut b = bench.node('b');
    assert_eq!(
        (a.register(0xa), b.register(0xb), a.reserve(0xa, TYPE5)),
        ("good".into(), "good".into(), "good".into())
    );
    let holds = |node: &mut super::bench::Node| (node.write(1), node.keys(), node.held());
    let expected = ("good".to_owned(), "2 [a, b]".to_owned(), "a type 5".to_owned());
    a.session.logout().unwrap();
    let mut a = bench.connect(&bench.login('a', 0), 0).unwrap();
    assert_eq!(a.attentions(), "6/29/07", "P31");
    assert_eq!(holds(&mut a), expected);
    a.session.sever();
    let mut a = bench.connect(&bench.login('a', 0), 0).unwrap();
    assert_eq!(a.attentions(), "6/29/07", "P32");
    assert_eq!(holds(&mut a), expected);
    let mut again = bench.connect(&bench.login('a', 0), 0).unwrap();
    assert_eq!(again.attentions(), "6/29/07", "P33");
    assert_eq!(holds(&mut again), expected);
    assert_eq!(a.ready(), "gone", "the older session ends");
    assert_eq!(b.attentions(), "", "others hear nothing of it");
    let mut c = bench.node('c');
    assert_eq!((c.write(1), c.read(1)), ("conflict".into(), "good".into()));
    assert!(bench.target.stats().conflicts >= 1);
}

#[test]
fn resets_keep_the_reservation_and_are_told() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut a = bench.node('a');
    let mut b = bench.node_at('b', 0, 1);
    a.register(0xa);
    a.reserve(0xa, TYPE5);
    assert_eq!(b.session.unit(b.lun).reset().unwrap(), 0);
    assert_eq!((a.attentions(), b.attentions()), ("6/29/03".into(), "6/29/03".into()));
    assert_eq!((a.write(1), a.held(), b.write(1)), ("good".into(), "a type 5".into(), "conflict".into()));
    let warm = TaskFunction::TargetWarmReset;
    assert_eq!(b.session.task_management(warm, b.lun, None).unwrap(), 0);
    assert_eq!((a.attentions(), a.held()), ("6/29/03".into(), "a type 5".into()));
    let absent = Lun::new(77);
    assert_eq!(b.session.task_management(TaskFunction::LogicalUnitReset, absent, None).unwrap(), 2);
    assert_eq!(b.session.task_management(TaskFunction::TargetColdReset, b.lun, None).unwrap(), 0);
    assert_eq!((a.ready(), b.ready()), ("gone".into(), "gone".into()));
    let mut a = bench.node('a');
    assert_eq!((a.write(1), a.held()), ("good".into(), "a type 5".into()));
}

#[test]
fn power_loss_keeps_only_what_asked_for_it() {
    for aptpl in [false, true] {
        let bench = Bench::demo(FaultSet::NONE);
        let mut a = bench.node('a');
        a.write(5);
        let list = PrParameters { persist_through_power_loss: aptpl, ..PrParameters::new(Key(0), Key(0xa)) };
        assert_eq!(a.out(PrOut::Register, TYPE5, &list), "good");
        a.reserve(0xa, TYPE5);
        bench.target.power_cycle();
        assert_eq!(a.ready(), "gone");
        let mut a = bench.connect(&bench.login('a', 0), 0).unwrap();
        assert_eq!(a.attentions(), "6/29/00");
        assert_eq!(a.keys(), if aptpl { "0 [a]" } else { "0 []" });
        assert_eq!(a.held(), if aptpl { "a type 5" } else { "free" });
        assert_eq!(bench.target.lun(1).unwrap().read(5, 1).unwrap(), vec![0x5a; 512], "blocks stay");
        assert_eq!(bench.target.lun(1).unwrap().reservations().aptpl, aptpl);
    }
}

#[test]
fn preempt_and_abort_ends_writes_under_way() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut victim = bench.node('a');
    let mut winner = bench.node('b');
    victim.register(0xa);
    winner.register(0xb);
    victim.reserve(0xa, TYPE5);
    let before = bench.target.stats().commands;
    // Longer than the first burst, so that the target must ask for the rest, which is sent on collecting only.
    let tags: Vec<_> = (0..16)
        .map(|number| {
            let cdb = Cdb::Write { form: Form::Ten, lba: number * 256, blocks: 256, fua: false };
            victim.session.submit(victim.lun, cdb, Transfer::Write(vec![0xee; 131_072])).unwrap()
        })
        .collect();
    while bench.target.stats().commands < before + 16 {
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(winner.simple(PrOut::PreemptAndAbort, 0xb, 0xa), "good");
    for tag in tags {
        assert_eq!(shown(&victim.session.collect(tag)), "TASK ABORTED");
    }
    assert_eq!(victim.attentions(), "6/2a/05");
    assert_eq!(victim.write(0), "conflict");
    assert_eq!(bench.target.lun(1).unwrap().read(0, 4096).unwrap(), vec![0; 4096 * 512], "nothing landed");
    assert_eq!(bench.target.stats().aborted_tasks, 16);
}

#[test]
fn a_single_task_can_be_aborted() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut node = bench.node('a');
    let cdb = Cdb::Write { form: Form::Ten, lba: 0, blocks: 256, fua: false };
    let tag = node.session.submit(node.lun, cdb, Transfer::Write(vec![1; 131_072])).unwrap();
    assert_eq!(node.session.task_management(TaskFunction::AbortTask, node.lun, Some(tag)).unwrap(), 0);
    assert_eq!(node.session.task_management(TaskFunction::AbortTask, node.lun, Some(tag)).unwrap(), 1);
    node.session.abandon(tag);
    assert_eq!((node.ready(), node.read(0)), ("good".into(), "good".into()));
    assert_eq!(bench.target.lun(1).unwrap().read(0, 1).unwrap(), vec![0; 512]);
}

#[test]
fn of_racing_preempts_exactly_one_wins() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut victim = bench.node('v');
    victim.register(0xff);
    for round in 0..4 {
        assert_eq!(victim.simple(PrOut::RegisterAndIgnoreExistingKey, 0, 0xff), "good");
        assert_eq!(victim.reserve(0xff, TYPE5), "good", "round {round}");
        let racers: Vec<_> = "abcdefgh"
            .chars()
            .enumerate()
            .map(|(number, name)| {
                let mut node = bench.node_at(name, 0, number % 2);
                assert_eq!(node.simple(PrOut::RegisterAndIgnoreExistingKey, 0, name as u64), "good");
                (name, node)
            })
            .collect();
        let start = Arc::new(Barrier::new(racers.len()));
        let threads: Vec<_> = racers
            .into_iter()
            .map(|(name, mut node)| {
                let start = Arc::clone(&start);
                thread::spawn(move || {
                    start.wait();
                    (name, node.simple(PrOut::Preempt, name as u64, 0xff))
                })
            })
            .collect();
        let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let winners: Vec<_> = ends.iter().filter(|(_, end)| end == "good").collect();
        assert_eq!(winners.len(), 1, "{ends:?}");
        assert!(ends.iter().all(|(_, end)| end == "good" || end == "conflict"), "{ends:?}");
        let held = bench.target.lun(1).unwrap().reservations().held.unwrap();
        assert_eq!(held.key, Key(winners[0].0 as u64));
        victim.attentions();
        victim.simple(PrOut::RegisterAndIgnoreExistingKey, 0, 0xff);
        victim.simple(PrOut::Clear, 0xff, 0);
    }
}

#[test]
fn sixty_four_nexuses_register() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut nodes = Vec::new();
    for number in 0..64u8 {
        let login = LoginConfig { isid: Isid([0x80, 9, 9, 9, 0, number]), ..bench.login('a', 0) };
        let mut node = bench.connect(&login, usize::from(number % 2)).unwrap();
        node.session.drain_attentions(node.lun).unwrap();
        assert_eq!(node.register(u64::from(number) + 1), "good");
        nodes.push(node);
    }
    let status = nodes[0].session.unit(Lun::new(1)).read_full_status().unwrap();
    assert_eq!((status.registrants.len(), status.generation), (64, 64));
    assert!(status.registrants.iter().all(|each| each.relative_port == 1 || each.relative_port == 2));
    assert_eq!(bench.target.stats().sessions, 64);
}

#[test]
fn ping_and_keep_alive() {
    let mut config = Config::demo(FaultSet::NONE);
    config.negotiation.nop_interval = Some(Duration::from_millis(20));
    let bench = Bench::new(config);
    let mut node = bench.node('a');
    node.session.ping().unwrap();
    // The target's pings are answered while the initiator waits for something of its own, and it closes on one that is not.
    thread::sleep(Duration::from_millis(300));
    assert_eq!(node.ready(), "good");
    let deadline = Instant::now() + Duration::from_secs(5);
    while bench.target.stats().sessions > 0 {
        assert!(Instant::now() < deadline, "a dead initiator is noticed");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn several_targets_with_their_own_portals_and_access_lists() {
    let mut config = Config::demo(FaultSet::NONE);
    let mut second = config.targets[0].clone();
    second.name = "iqn.2026-01.org.quorate.demo:second".into();
    second.portals = vec![1];
    second.initiators = vec![initiator('b')];
    second.units.truncate(1);
    config.targets.push(second);
    let bench = Bench::new(config);
    let attempt = |name, portal| {
        let target_name = Some("iqn.2026-01.org.quorate.demo:second".to_owned());
        bench.connect(&LoginConfig { target_name, ..bench.login(name, 0) }, portal).map(drop)
    };
    let detail = |error: Error| match error {
        Error::Login(LoginError::Refused { class: 2, detail }) => detail,
        other => panic!("{other}"),
    };
    assert!(attempt('b', 1).is_ok());
    assert_eq!(detail(attempt('a', 1).unwrap_err()), 2);
    assert_eq!(detail(attempt('b', 0).unwrap_err()), 3);
    assert!(bench.target.lun_of("iqn.2026-01.org.quorate.demo:second", 0).is_some());
    assert!(bench.target.lun_of("iqn.2026-01.org.quorate.demo:second", 1).is_none());
    assert_eq!(bench.target.names().len(), 2);
}

#[test]
fn mode_select_changes_what_it_may() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut a = bench.node('a');
    let mut b = bench.node('b');
    let select = |node: &mut super::bench::Node, byte2: u8, byte4: u8, byte5: u8| {
        let mut list = vec![0, 0, 0, 0, 0x0a, 10, byte2, 0x10, byte4, byte5];
        list.resize(16, 0);
        let mut cdb = [0; 16];
        cdb[..5].copy_from_slice(&[0x15, 0x10, 0, 0, 16]);
        node.end(cdb, Transfer::Write(list))
    };
    assert_eq!(select(&mut a, 0, 0x08, 0x40), "good");
    assert_eq!(
        (a.write(0), b.attentions(), b.write(0)),
        ("7/27/00".into(), "6/2a/01".into(), "7/27/00".into())
    );
    assert_eq!(select(&mut a, 0, 0, 0), "5/26/00", "TAS cannot be changed");
    assert_eq!(select(&mut a, 0x04, 0, 0x40), "good");
    assert_eq!(a.end([0xc0; 16], Transfer::None), "5/20/00", "descriptor format says the same");
    assert_eq!(a.write(0), "good");
}

#[test]
fn nothing_is_left_when_a_target_is_dropped() {
    let bench = Bench::demo(Fault::Slow);
    let addresses = bench.target.portals();
    let node = bench.connect(&bench.login('a', 0), 0).unwrap();
    let idle = TcpStream::connect(addresses[1]).unwrap();
    let shared = bench.target.watch();
    let begun = Instant::now();
    drop(bench);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(shared.strong_count(), 0, "every thread has let go");
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "nothing listens any more");
    }
    drop((node, idle));
}

#[test]
fn a_configuration_that_cannot_work_does_not_start() {
    use crate::simtarget::SimTarget;
    let mut config = Config::demo(FaultSet::NONE);
    config.targets[0].units[0].naa.clear();
    let error = SimTarget::start(config).unwrap_err();
    assert!(error.to_string().contains("targets[0].units[0].naa"), "{error}");
    let bench = Bench::demo(FaultSet::NONE);
    let taken = bench.target.portals()[0];
    let error = SimTarget::start(Config::demo_at(&[taken], FaultSet::NONE)).unwrap_err();
    assert!(error.to_string().contains(&taken.to_string()), "{error}");
}
