//! The probe against the embedded target: healthy, with each fault that an inspection can see, and against nothing at all.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;

use super::*;
use crate::facts::{Bytes, Lun, LunRole, Portal as PortalFacts};
use crate::inventory::Inventory;
use crate::simtarget::config::DEMO_TARGET;
use crate::simtarget::{Config, Fault, FaultSet, SimTarget};
use crate::source::SourceFile;

const GIB: u64 = 1 << 30;

fn limits() -> Limits {
    Limits::within(Duration::from_secs(20))
}

fn planned(portals: &[SocketAddr]) -> Target {
    let lun = |number: i64, name: &str, role| Lun {
        name: name.into(),
        number: Some(number),
        role: Some(role),
        expected_size_bytes: Some(Bytes(GIB)),
        ..Lun::default()
    };
    Target {
        name: DEMO_TARGET.into(),
        portals: Some(
            portals
                .iter()
                .map(|at| PortalFacts {
                    address: at.to_string(),
                    planned: Some(true),
                    ..PortalFacts::default()
                })
                .collect(),
        ),
        luns: Some(vec![
            lun(0, "witness", LunRole::Witness),
            lun(1, "data", LunRole::Data),
            lun(9, "gone", LunRole::Data),
        ]),
        ..Target::default()
    }
}

fn found_with(faults: &[Fault]) -> Found {
    let sim = SimTarget::start(Config::demo(faults.iter().copied().collect::<FaultSet>())).unwrap();
    inspect(&planned(&sim.portals()), &Access::default(), &limits())
}

fn lun<'a>(found: &'a Found, name: &str) -> &'a Lun {
    found.target.luns.iter().flatten().find(|lun| lun.name == name).unwrap()
}

/// The gap that covers a path below the target.
fn gap<'a>(found: &'a Found, below: &str) -> Option<&'a Gap> {
    let path = format!("targets[{DEMO_TARGET}].{below}");
    found.gaps.iter().find(|gap| gap.path == path)
}

#[test]
fn a_healthy_target_is_known_whole() {
    let found = found_with(&[]);
    assert_eq!(found.target.discovered, Some(true));
    let portals = found.target.portals.as_ref().unwrap();
    assert_eq!(portals.len(), 2);
    for (portal, tag) in portals.iter().zip(1..) {
        assert_eq!((portal.planned, portal.advertised), (Some(true), Some(true)));
        assert_eq!(
            (portal.reachable, portal.login, portal.error.as_deref()),
            (Some(true), Some(true), Some(""))
        );
        assert_eq!((portal.tpgt, portal.advertised_tpgt), (Some(tag), Some(tag)));
        assert!(portal.connect_us.is_some() && portal.login_us.is_some());
    }
    let witness = lun(&found, "witness");
    assert_eq!(witness.present, Some(true));
    assert_eq!(witness.size_bytes, Some(Bytes(GIB)));
    assert_eq!(witness.expected_size_bytes, Some(Bytes(GIB)));
    assert_eq!(witness.identity.as_deref(), Some("naa.3071756f00000001"));
    assert_eq!(witness.ready, Some(true));
    assert_eq!(
        (witness.write_protected, witness.removable, witness.rotational),
        (Some(false), Some(false), Some(false))
    );
    let reservations = &witness.reservations;
    assert_eq!(reservations.supported, Some(true));
    assert_eq!(reservations.capabilities_reported, Some(true));
    assert_eq!(reservations.types.as_ref().map(Vec::len), Some(6));
    assert_eq!((reservations.held, reservations.keys.as_deref()), (Some(false), Some(&[][..])));
    assert_eq!(reservations.full_status_supported, Some(true));
    assert_eq!(reservations.registrants.as_deref(), Some(&[][..]));
    let paths = witness.paths.as_ref().unwrap();
    assert_eq!(paths.len(), 2);
    assert_eq!(paths[0].identity, paths[1].identity);
    assert!(paths.iter().all(|path| path.present == Some(true) && path.keys.as_deref() == Some(&[])));

    let other = lun(&found, "lun-2");
    assert_eq!((other.role, other.number, other.present), (Some(LunRole::Unplanned), Some(2), Some(true)));
    let gone = lun(&found, "gone");
    assert_eq!((gone.present, gone.size_bytes), (Some(false), None));
    assert!(gap(&found, "luns[gone]").unwrap().detail.as_ref().unwrap().contains("no such logical unit"));
    // Nothing else is unknown.
    for gap in &found.gaps {
        assert!(gap.path.contains("luns[gone]"), "{gap:?}");
    }
    let source = |below: &str| {
        let path = format!("targets[{DEMO_TARGET}].{below}");
        found.sources.iter().find(|source| source.path == path).unwrap()
    };
    assert_eq!(source("luns[data].identity").item.as_deref(), Some("VPD 83"));
    assert!(source("luns[data].identity").place.as_ref().unwrap().starts_with("LUN 1 through 127.0.0.1:"));
}

#[test]
fn faults_that_an_inspection_sees() {
    let found = found_with(&[Fault::NoPersistentReservations]);
    let reservations = &lun(&found, "data").reservations;
    assert_eq!((reservations.supported, reservations.held), (Some(false), Some(false)));
    assert_eq!((reservations.keys.as_ref(), reservations.full_status_supported), (None, Some(false)));
    assert_eq!(gap(&found, "luns[data].reservations.keys").unwrap().reason, Some(GapReason::NotSupported));

    let found = found_with(&[Fault::ReadKeysRefused]);
    assert_eq!(lun(&found, "data").reservations.supported, Some(false));

    let found = found_with(&[Fault::StaleKeysLeft]);
    let reservations = &lun(&found, "data").reservations;
    assert_eq!(reservations.held, Some(true));
    assert_eq!(reservations.keys.as_ref().map(Vec::len), Some(2));
    assert!(reservations.keys.iter().flatten().all(|key| key.len() == 18 && key.starts_with("0x")));
    assert!(reservations.registrants.iter().flatten().any(|registrant| registrant.holder == Some(true)));
    assert_eq!(reservations.reservation.as_deref(), Some("write-exclusive-registrants-only"));

    let found = found_with(&[Fault::IdentityDiffersPerPortal, Fault::SizeDiffersPerPortal]);
    let paths = lun(&found, "data").paths.as_ref().unwrap();
    assert_ne!(paths[0].identity, paths[1].identity);
    assert_ne!(paths[0].size_bytes, paths[1].size_bytes);

    let found = found_with(&[Fault::NoIdentity]);
    assert_eq!(lun(&found, "data").identity.as_deref(), Some(""));

    let found = found_with(&[Fault::ReadOnly, Fault::Removable, Fault::WitnessTooSmall]);
    let witness = lun(&found, "witness");
    assert_eq!((witness.write_protected, witness.removable), (Some(true), Some(true)));
    assert_eq!(witness.size_bytes, Some(Bytes(256 << 20)));
}

#[test]
fn a_portal_that_nobody_serves_is_a_gap_and_hides_nothing() {
    let sim = SimTarget::start(Config::demo(FaultSet::NONE)).unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let found = inspect(&planned(&[sim.portals()[0], closed]), &Access::default(), &limits());
    let portals = found.target.portals.as_ref().unwrap();
    // The second portal of the target is not planned, but discovery names it: it is visited too.
    assert_eq!(portals.len(), 3);
    assert_eq!((portals[1].reachable, portals[1].login), (Some(false), Some(false)));
    assert!(portals[1].error.as_ref().unwrap().contains("refused"));
    assert_eq!(portals[1].advertised, None);
    assert_eq!(
        (portals[2].planned, portals[2].advertised, portals[2].login),
        (Some(false), Some(true), Some(true))
    );
    let witness = lun(&found, "witness");
    assert_eq!(witness.present, Some(true));
    let closed_path = witness.paths.iter().flatten().find(|path| path.portal == closed.to_string()).unwrap();
    assert_eq!((closed_path.present, closed_path.keys.as_ref()), (None, None));
    assert_eq!(
        gap(&found, &format!("luns[witness].paths[{closed}]")).unwrap().reason,
        Some(GapReason::Unreachable)
    );
    // Whether the closed portal has it cannot be said, so neither can whether it is there at all.
    assert_eq!(lun(&found, "gone").present, None);
}

#[test]
fn nothing_is_known_of_a_target_that_cannot_be_reached() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let found = inspect(&planned(&[closed]), &Access::default(), &limits());
    assert_eq!(found.target.discovered, None);
    let whole = format!("targets[{DEMO_TARGET}]");
    assert!(found.gaps.iter().any(|gap| gap.path == whole && gap.reason == Some(GapReason::Unreachable)));
    assert_eq!(found.target.luns.as_ref().unwrap().len(), 3);
    for lun in found.target.luns.iter().flatten() {
        assert_eq!((lun.present, lun.size_bytes, lun.reservations.supported), (None, None, None));
        assert_eq!(gap(&found, &format!("luns[{}]", lun.name)).unwrap().reason, Some(GapReason::Unreachable));
    }
    let none =
        inspect(&Target { name: DEMO_TARGET.into(), ..Target::default() }, &Access::default(), &limits());
    assert_eq!(none.target.discovered, None);
    assert!(gap(&none, "discovered").is_some());
}

#[test]
fn a_wrong_target_name_is_told() {
    let sim = SimTarget::start(Config::demo(FaultSet::NONE)).unwrap();
    let name = "iqn.2026-01.test:other";
    let found =
        inspect(&Target { name: name.into(), ..planned(&sim.portals()[..1]) }, &Access::default(), &limits());
    assert_eq!(found.target.discovered, Some(false));
    let portal = &found.target.portals.as_ref().unwrap()[0];
    assert_eq!((portal.reachable, portal.login, portal.advertised), (Some(true), Some(false), Some(false)));
    assert!(portal.error.as_ref().unwrap().contains("not found"), "{portal:?}");
    let path = format!("targets[{name}].portals[{}]", portal.address);
    let gap = found.gaps.iter().find(|gap| gap.path == path).unwrap();
    assert_eq!(gap.reason, Some(GapReason::LoginRefused));
}

#[test]
fn time_and_interruption_become_gaps() {
    let sim = SimTarget::start(Config::demo(FaultSet::NONE)).unwrap();
    let planned = planned(&sim.portals());
    let interrupted = limits();
    interrupted.interrupted.store(true, Ordering::Relaxed);
    for (limits, reason) in
        [(interrupted, GapReason::Interrupted), (Limits::within(Duration::ZERO), GapReason::TimedOut)]
    {
        let found = inspect(&planned, &Access::default(), &limits);
        let portal = &found.target.portals.as_ref().unwrap()[0];
        assert_eq!((portal.reachable, portal.login), (None, None));
        assert_eq!(gap(&found, &format!("portals[{}]", portal.address)).unwrap().reason, Some(reason));
        assert_eq!(lun(&found, "witness").present, None);
        assert_eq!(gap(&found, "luns[witness]").unwrap().reason, Some(reason));
    }
    // A target that never answers holds nobody longer than the run.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let started = Instant::now();
    let found = inspect(
        &self::planned(&[silent.local_addr().unwrap()]),
        &Access::default(),
        &Limits::within(Duration::from_millis(300)),
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(lun(&found, "witness").present, None);
}

#[test]
fn chap_comes_from_the_inventory() {
    let ours = Credentials::new("labuser", "labsecret1234".to_owned().into());
    let theirs = Credentials::new("tgtuser", "tgtsecret1234".to_owned().into());
    let sim =
        SimTarget::start(Config::demo(FaultSet::NONE).with_chap(ours.clone(), Some(theirs.clone()))).unwrap();
    let planned = planned(&sim.portals()[..1]);
    let authentication = |chap: Option<Chap>| {
        let found = inspect(&planned, &Access { chap, ..Access::default() }, &limits());
        let portal = found.target.portals.as_ref().unwrap()[0].clone();
        (portal.login.unwrap(), portal.authentication)
    };
    assert_eq!(authentication(None), (false, None));
    assert_eq!(authentication(Some(Chap::one_way(ours.clone()))), (true, Some("chap".into())));
    let mutual =
        Chap::mutual(ours.clone(), theirs).unwrap().with_algorithms(vec![Algorithm::Sha256]).unwrap();
    assert_eq!(authentication(Some(mutual)), (true, Some("mutual-chap".into())));
    let impostor = Credentials::new("tgtuser", "another-secret".to_owned().into());
    assert_eq!(authentication(Some(Chap::mutual(ours, impostor).unwrap())), (false, None));
}

#[test]
fn what_was_found_lies_over_the_plan() {
    let sim = SimTarget::start(Config::demo(FaultSet::NONE)).unwrap();
    let text = format!(
        "[cluster]\nname = \"c\"\nplatform = \"generic\"\n\n[[node]]\nname = \"n1\"\nprobe = \"none\"\n\n\
         [[target]]\nname = \"{DEMO_TARGET}\"\nportals = [\"{}\"]\n\n\
         [[target.lun]]\nlun = 1\nname = \"data\"\nrole = \"data\"\nsize = \"10 GiB\"\n",
        sim.portals()[0]
    );
    let inventory = match Inventory::parse(&SourceFile::new("cluster.toml", &text)) {
        Ok(inventory) => inventory,
        Err(problems) => panic!("{problems:?}"),
    };
    let mut document = inventory.planned_document();
    let found = probe(&inventory.targets[0], &document.targets[0].clone(), &limits(), &Tap::default());
    lay_over(&mut document, found);
    assert_eq!(document.targets.len(), 1);
    let target = &document.targets[0];
    let data = target.luns.iter().flatten().find(|lun| lun.name == "data").unwrap();
    assert_eq!((data.expected_size_bytes, data.size_bytes), (Some(Bytes(10 * GIB)), Some(Bytes(10 * GIB))));
    let places = crate::facts::Places::new(&document);
    let kind =
        |below: &str| places.source(&format!("targets[{DEMO_TARGET}].luns[data].{below}")).unwrap().kind;
    assert_eq!(kind("role"), Some(SourceKind::Plan));
    assert_eq!(kind("expected_size_bytes"), Some(SourceKind::Plan));
    assert_eq!(kind("size_bytes"), Some(SourceKind::Portal));
    assert_eq!(kind("vendor"), Some(SourceKind::Portal));
}

#[test]
fn a_survey_finds_what_is_there() {
    let sim = SimTarget::start(Config::demo(FaultSet::NONE)).unwrap();
    let portal = iscsi::Portal::new("127.0.0.1", sim.portals()[0].port());
    let found = survey(&portal, &Access::default(), &limits()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].target.name, DEMO_TARGET);
    assert_eq!(found[0].target.luns.as_ref().unwrap().len(), 3);
    assert_eq!(found[0].target.portals.as_ref().unwrap().len(), 2);
}
