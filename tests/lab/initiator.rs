//! The initiator against tgt and istgt: discovery, login, CHAP, digests, inspection of logical units.

use crate::peers::{CHAP_SECRET, CHAP_USER, Istgt, MUTUAL_SECRET, MUTUAL_USER, Tgt, off};
use quorate::iscsi::chap::{Chap, Credentials};
use quorate::iscsi::login::{Authentication, DigestPolicy, LoginConfig};
use quorate::iscsi::{Isid, Portal, Session, Timeouts, discover};
use quorate::scsi::Lun;
use secrecy::SecretString;
use std::net::SocketAddr;

const US: &str = "iqn.2026-01.org.quorate:lab";

fn portal(address: SocketAddr) -> Portal {
    Portal::new(address.ip().to_string(), address.port())
}

fn isid() -> Isid {
    Isid::random(0).expect("random bytes")
}

fn login(iqn: &str) -> LoginConfig {
    LoginConfig::new(US, iqn, isid())
}

fn connect(address: SocketAddr, config: &LoginConfig) -> Result<Session, quorate::iscsi::Error> {
    Session::connect(&portal(address), config, Timeouts::default())
}

fn credentials(user: &str, secret: &str) -> Credentials {
    Credentials::new(user, SecretString::from(secret))
}

fn mutual(secret: &str, target_secret: &str) -> Chap {
    Chap::mutual(credentials(CHAP_USER, secret), credentials(MUTUAL_USER, target_secret))
        .expect("two secrets")
}

#[test]
fn tgt_is_discovered_and_inspected_through_both_portals() {
    if off() {
        return;
    }
    let tgt = Tgt::start();
    let iqn = "iqn.2024-01.lab:tgt1";
    tgt.target(1, iqn, 3);
    tgt.write_protect(1, 3);
    let found = discover(&portal(tgt.portals[0]), &LoginConfig::discovery(US, isid()), Timeouts::default())
        .expect("discovery");
    assert_eq!(found.iter().map(|target| target.name.as_str()).collect::<Vec<_>>(), [iqn]);
    let mut identities = Vec::new();
    for address in tgt.portals {
        let mut session = connect(address, &login(iqn)).expect("login");
        let listed = session.unit(Lun::new(0)).report_luns().expect("REPORT LUNS");
        let numbers: Vec<_> = listed.luns.iter().filter_map(|lun| lun.number()).collect();
        assert_eq!(numbers, [0, 1, 2, 3]);
        let mut unit = session.unit(Lun::new(3));
        unit.test_unit_ready().expect("TEST UNIT READY");
        let inquiry = unit.inquiry().expect("INQUIRY");
        assert_eq!((inquiry.vendor.as_str(), inquiry.product.as_str()), ("LAB", "disk3"));
        assert_eq!(unit.unit_serial().expect("VPD 80").0.trim(), "LABT1L3");
        identities.push(unit.device_identification().expect("VPD 83").identity().expect("an identity"));
        let capacity = unit.capacity().expect("READ CAPACITY");
        assert_eq!((capacity.last_lba + 1) * u64::from(capacity.block_bytes), 32 << 20);
        assert!(unit.mode_sense().expect("MODE SENSE").write_protected);
        assert!(unit.read_keys().expect("READ KEYS").keys.is_empty());
        assert!(unit.read_reservation().expect("READ RESERVATION").holder.is_none());
        assert!(unit.reservation_capabilities().expect("REPORT CAPABILITIES").types.is_some());
        let refused = unit.read_full_status().expect_err("tgt has no READ FULL STATUS");
        assert!(refused.is_unsupported(), "{refused}");
        session.logout().expect("logout");
    }
    assert_eq!(identities[0], identities[1], "one disk, one identity");
}

#[test]
fn tgt_without_the_right_name_or_secret_says_why() {
    if off() {
        return;
    }
    let tgt = Tgt::start();
    let iqn = "iqn.2024-01.lab:locked";
    tgt.target(1, iqn, 1);
    tgt.chap(1, true);
    let complaint = |config: &LoginConfig| connect(tgt.portals[0], config).expect_err("refused").to_string();
    assert!(complaint(&login("iqn.2024-01.lab:nowhere")).contains("not found"), "an unknown target");
    let without = complaint(&login(iqn));
    assert!(without.to_lowercase().contains("authenticat"), "no CHAP offered: {without}");
    let wrong =
        complaint(&LoginConfig { chap: Some(mutual("not-the-secret-1", MUTUAL_SECRET)), ..login(iqn) });
    assert!(wrong.to_lowercase().contains("authenticat"), "our secret is wrong: {wrong}");
    let impostor =
        complaint(&LoginConfig { chap: Some(mutual(CHAP_SECRET, "not-the-secret-2")), ..login(iqn) });
    assert!(impostor.contains("target"), "the target's secret is wrong: {impostor}");
    for text in [without, wrong, impostor] {
        assert!(!text.contains(CHAP_SECRET) && !text.contains("not-the-secret"), "a secret in {text}");
    }
}

#[test]
fn tgt_logs_in_with_one_way_and_with_mutual_chap() {
    if off() {
        return;
    }
    let tgt = Tgt::start();
    let iqn = "iqn.2024-01.lab:locked";
    tgt.target(1, iqn, 1);
    tgt.chap(1, true);
    let one_way = Chap::one_way(credentials(CHAP_USER, CHAP_SECRET));
    let session =
        connect(tgt.portals[0], &LoginConfig { chap: Some(one_way), ..login(iqn) }).expect("one-way");
    assert!(matches!(session.negotiated().authentication, Authentication::OneWay(_)));
    let both = mutual(CHAP_SECRET, MUTUAL_SECRET);
    let session = connect(tgt.portals[1], &LoginConfig { chap: Some(both), ..login(iqn) }).expect("mutual");
    assert!(matches!(session.negotiated().authentication, Authentication::Mutual(_)));
}

#[test]
fn istgt_is_discovered_and_inspected_with_digests() {
    if off() {
        return;
    }
    let istgt = Istgt::start();
    let found = discover(&portal(istgt.portals[0]), &LoginConfig::discovery(US, isid()), Timeouts::default())
        .expect("discovery");
    let open = found.iter().find(|target| target.name == "iqn.2024-01.lab:open").expect("the open target");
    assert_eq!(open.portals.len(), 2, "istgt lists both portals");
    let config = LoginConfig {
        header_digest: DigestPolicy::Require,
        data_digest: DigestPolicy::Require,
        ..login("iqn.2024-01.lab:open")
    };
    let mut session = connect(istgt.portals[0], &config).expect("login");
    assert!(session.negotiated().digests.header && session.negotiated().digests.data);
    let mut unit = session.unit(Lun::new(1));
    assert_eq!(unit.inquiry().expect("INQUIRY").vendor, "LAB");
    let capacity = unit.capacity().expect("READ CAPACITY");
    assert_eq!((capacity.last_lba + 1) * u64::from(capacity.block_bytes), 64 << 20);
    assert!(unit.read_keys().expect("READ KEYS").keys.is_empty());
    assert!(unit.reservation_capabilities().expect("REPORT CAPABILITIES").types.is_none(), "no type mask");
    assert_eq!(unit.read_blocks(0, 8, capacity.block_bytes).expect("READ").len(), 8 * 512);
    session.logout().expect("logout");
}

#[test]
fn istgt_logs_in_with_mutual_chap_and_refuses_none() {
    if off() {
        return;
    }
    let istgt = Istgt::start();
    let iqn = "iqn.2024-01.lab:chap";
    let both = mutual(CHAP_SECRET, MUTUAL_SECRET);
    let session = connect(istgt.portals[0], &LoginConfig { chap: Some(both), ..login(iqn) }).expect("mutual");
    assert!(matches!(session.negotiated().authentication, Authentication::Mutual(_)));
    let refused = connect(istgt.portals[0], &login(iqn)).expect_err("no CHAP offered").to_string();
    assert!(refused.to_lowercase().contains("authenticat") || refused.contains("CHAP"), "{refused}");
}
