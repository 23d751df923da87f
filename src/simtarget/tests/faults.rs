//! Every fault shows: a walk over what conformance steps do is written down on a clean target and on one with the fault, and
//! the two must differ. Which steps a fault trips is tried where the steps are.

#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    reason = "what a step saw is written down as text, and speed does not matter here"
)]

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::bench::{Bench, Node, TIMEOUTS, initiator, isid, shown};
use crate::iscsi::Error;
use crate::iscsi::discovery::discover;
use crate::iscsi::login::{DigestPolicy, LoginConfig};
use crate::iscsi::session::Transfer;
use crate::scsi::cdb::{Form, PrIn, PrOut};
use crate::scsi::reservation::{Key, PrParameters, ReservationType};
use crate::scsi::{Cdb, Lun};
use crate::simtarget::fault::Part;
use crate::simtarget::{Config, Fault, FaultSet};

const TYPE5: ReservationType = ReservationType::WriteExclusiveRegistrantsOnly;
const TYPE6: ReservationType = ReservationType::ExclusiveAccessRegistrantsOnly;

type Step = (&'static str, fn(&Bench) -> String);

/// A registered with key a and holding type 5, B registered with key b.
fn held(bench: &Bench) -> (Node, Node) {
    let (mut a, mut b) = (bench.node('a'), bench.node('b'));
    a.register(0xa);
    b.register(0xb);
    a.reserve(0xa, TYPE5);
    (a, b)
}

fn generation(node: &mut Node) -> u32 {
    node.session.unit(node.lun).read_keys().map_or(0, |keys| keys.generation)
}

fn has(node: &mut Node, key: u64) -> bool {
    node.session.unit(node.lun).read_keys().is_ok_and(|keys| keys.keys.contains(&Key(key)))
}

type Command = fn() -> (Cdb, Transfer);

const WRITES: [(&str, Command); 5] = [
    ("write16", || {
        let cdb = Cdb::Write { form: Form::Sixteen, lba: 9, blocks: 1, fua: false };
        (cdb, Transfer::Write(vec![1; 512]))
    }),
    ("write same 10", || {
        (Cdb::WriteSame10 { lba: 9, blocks: 1, unmap: false }, Transfer::Write(vec![1; 512]))
    }),
    ("write same 16", || {
        let cdb = Cdb::WriteSame16 { lba: 9, blocks: 1, unmap: false, no_data: false };
        (cdb, Transfer::Write(vec![1; 512]))
    }),
    ("unmap", || (Cdb::Unmap { anchor: false, length: 8 }, Transfer::Write(vec![0, 6, 0, 0, 0, 0, 0, 0]))),
    ("compare and write", || {
        (Cdb::CompareAndWrite { lba: 9, blocks: 1, fua: false }, Transfer::Write(vec![0; 1024]))
    }),
];

const STEPS: &[Step] = &[
    ("P01", |bench| {
        let mut a = bench.node('a');
        a.register(0xa);
        let read = |a: &mut Node, alloc: u16| {
            let cdb = Cdb::PersistentReserveIn { action: PrIn::ReadKeys, alloc };
            a.execute(cdb, Transfer::Read(alloc.into())).map(|response| response.data)
        };
        let complete = read(&mut a, 4096).is_ok_and(|data| {
            let announced = data.get(4..8).map(|length| u32::from_be_bytes(length.try_into().unwrap()));
            announced.is_some_and(|announced| announced as usize + 8 == data.len())
        });
        let reservation = a.session.unit(a.lun).read_reservation().is_ok();
        format!("{complete} {reservation} {}", read(&mut a, 0).is_ok())
    }),
    ("P02", |bench| {
        let mut a = bench.node('a');
        format!("{} {}", a.keys(), a.held())
    }),
    ("P03", |bench| {
        let mut a = bench.node('a');
        let capabilities = a.session.unit(a.lun).reservation_capabilities();
        format!("{:?}", capabilities.map(|found| found.types.map(|types| types.has(TYPE5))).ok())
    }),
    ("P04", |bench| {
        let mut a = bench.node('a');
        format!("{} {}", a.register(0xa), a.keys())
    }),
    ("P05", |bench| {
        let mut a = bench.node('a');
        a.register(0xa);
        format!("{} {}", a.simple(PrOut::Register, 0x77, 0xb), a.simple(PrOut::Register, 0, 0xc))
    }),
    ("P06", |bench| {
        let mut a = bench.node('a');
        let ignore = PrOut::RegisterAndIgnoreExistingKey;
        format!("{} {}", a.simple(ignore, 0, 0xa), a.simple(ignore, 0, 0xb))
    }),
    ("P07", |bench| bench.node('a').simple(PrOut::Register, 0, 0)),
    ("P08", |bench| bench.node('a').reserve(0, TYPE5)),
    ("P09", |bench| {
        let mut a = bench.node('a');
        a.register(0xa);
        a.reserve(0xb, TYPE5)
    }),
    ("P10", |bench| {
        let mut a = bench.node('a');
        a.register(0xa);
        let before = generation(&mut a);
        format!("{} {} {}", a.reserve(0xa, TYPE5), a.held(), generation(&mut a).wrapping_sub(before))
    }),
    ("P11", |bench| held(bench).0.reserve(0xa, TYPE5)),
    ("P12", |bench| {
        let (mut a, mut b) = held(bench);
        format!("{} {}", a.reserve(0xa, TYPE6), b.reserve(0xb, TYPE5))
    }),
    ("P13", |bench| {
        let ((mut a, mut b), mut u) = (held(bench), bench.node('u'));
        format!("{} {} {} {}", a.write(1), b.write(1), u.write(1), u.read(1))
    }),
    ("P14", |bench| {
        let (_nodes, mut u) = (held(bench), bench.node('u'));
        WRITES
            .iter()
            .map(|(name, command)| {
                let (cdb, data) = command();
                format!("{name} {}, ", u.end(cdb, data))
            })
            .collect()
    }),
    ("P15", |bench| {
        let (_nodes, mut u) = (held(bench), bench.node('u'));
        let mut unit = u.session.unit(u.lun);
        let seen = (
            unit.inquiry().is_ok(),
            unit.capacity().is_ok(),
            unit.report_luns().is_ok(),
            unit.read_keys().is_ok(),
        );
        format!("{} {seen:?}", u.ready())
    }),
    ("P16", |bench| {
        let others = ReservationType::ALL.into_iter().filter(|kind| *kind != TYPE5);
        others
            .map(|kind| {
                bench.target.blank();
                let (mut a, mut b, mut u) = (bench.node('a'), bench.node('b'), bench.node('u'));
                a.register(0xa);
                b.register(0xb);
                let reserved = a.reserve(0xa, kind);
                let matrix = [a.read(1), a.write(1), b.read(1), b.write(1), u.read(1), u.write(1)].join(" ");
                format!(
                    "{reserved} {} {matrix} {}; ",
                    a.held(),
                    u.end(Cdb::ReadCapacity10, Transfer::Read(8))
                )
            })
            .collect()
    }),
    ("P17", |bench| {
        let (mut a, mut b) = held(bench);
        let release =
            |node: &mut Node, key, kind| node.out(PrOut::Release, kind, &PrParameters::new(Key(key), Key(0)));
        format!(
            "{} {} {}",
            release(&mut b, 0xb, TYPE5),
            release(&mut a, 0x77, TYPE5),
            release(&mut a, 0xa, TYPE6)
        )
    }),
    ("P18", |bench| {
        let ((mut a, mut b), mut u) = (held(bench), bench.node('u'));
        a.simple(PrOut::Release, 0xa, 0);
        format!("self {} other {} stranger {}", a.attentions(), b.attentions(), u.attentions())
    }),
    ("P19", |bench| {
        let (mut a, mut b) = (bench.node('a'), bench.node('b'));
        let kind = ReservationType::WriteExclusive;
        a.register(0xa);
        b.register(0xb);
        a.reserve(0xa, kind);
        a.out(PrOut::Release, kind, &PrParameters::new(Key(0xa), Key(0)));
        format!("self {} other {}", a.attentions(), b.attentions())
    }),
    ("P20", |bench| {
        let (_a, mut b) = held(bench);
        let before = generation(&mut b);
        let end = b.out(PrOut::Preempt, TYPE6, &PrParameters::new(Key(0xb), Key(0xa)));
        let steps = generation(&mut b).wrapping_sub(before);
        format!("{end} {steps} {} {} {}", has(&mut b, 0xa), has(&mut b, 0xb), b.held())
    }),
    ("P21", |bench| {
        let (mut a, mut b) = held(bench);
        b.simple(PrOut::Preempt, 0xb, 0xa);
        format!("{} {} {}", a.attentions(), a.write(1), a.read(1))
    }),
    ("P22", |bench| {
        let (mut a, mut b) = held(bench);
        b.simple(PrOut::Preempt, 0xb, 0xa);
        a.attentions();
        let ends = [PrOut::Preempt, PrOut::Release, PrOut::Clear].map(|action| a.simple(action, 0xa, 0xb));
        ends.join(" ")
    }),
    ("P23", |bench| {
        let (_a, mut b) = held(bench);
        let zero = b.simple(PrOut::Preempt, 0xb, 0);
        format!("{zero} {} {}", b.simple(PrOut::Preempt, 0xb, 0x77), b.simple(PrOut::Preempt, 0x77, 0xa))
    }),
    ("P24", |bench| {
        let (_a, mut b) = held(bench);
        b.simple(PrOut::PreemptAndAbort, 0xb, 0xa)
    }),
    ("P25", |bench| {
        let (mut a, mut b) = held(bench);
        let cdb = Cdb::Write { form: Form::Ten, lba: 0, blocks: 256, fua: false };
        let before = bench.target.stats().commands;
        let tag = a.session.submit(a.lun, cdb, Transfer::Write(vec![9; 131_072])).unwrap();
        let deadline = Instant::now() + Duration::from_secs(2);
        while bench.target.stats().commands == before && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        let end = b.simple(PrOut::PreemptAndAbort, 0xb, 0xa);
        let _ = a.session.collect(tag);
        // Only what landed after a GOOD counts: how the write ends is the target's choice.
        let landed = b.session.unit(b.lun).read_blocks(0, 1, 512).is_ok_and(|data| data[0] == 9);
        format!("{}", landed && end == "good")
    }),
    ("P26", |bench| {
        let ((_a, mut b), mut c) = (held(bench), bench.node('c'));
        c.register(0xc);
        b.out(PrOut::Preempt, TYPE6, &PrParameters::new(Key(0xb), Key(0xa)));
        c.attentions()
    }),
    ("P27", |bench| {
        let ((_a, mut b), mut c) = (held(bench), bench.node('c'));
        c.register(0xc);
        format!("{} {}", b.simple(PrOut::Preempt, 0xb, 0xa), c.simple(PrOut::Preempt, 0xc, 0xa))
    }),
    ("P28", |bench| {
        let ((mut a, mut b), mut u) = (held(bench), bench.node('u'));
        let refused = format!("{} {}", u.simple(PrOut::Clear, 0, 0), b.simple(PrOut::Clear, 0x77, 0));
        let before = generation(&mut b);
        let end = b.simple(PrOut::Clear, 0xb, 0);
        let steps = generation(&mut b).wrapping_sub(before);
        format!("{refused} {end} {steps} {} {} {}", has(&mut b, 0xa), b.held(), a.attentions())
    }),
    ("P29", |bench| {
        let (mut a, mut b) = held(bench);
        let before = generation(&mut b);
        let end = a.simple(PrOut::Register, 0xa, 0);
        let told = format!("{} {}", b.attentions(), a.attentions());
        let steps = generation(&mut b).wrapping_sub(before);
        format!("{end} {told} {steps} {} {}", has(&mut b, 0xa), b.held())
    }),
    ("P30", |bench| {
        let (mut a, mut b) = (bench.node('a'), bench.node('b'));
        a.register(0xa);
        b.register(0xb);
        a.reserve(0xa, ReservationType::WriteExclusiveAllRegistrants);
        a.simple(PrOut::Register, 0xa, 0);
        let one_left = b.held();
        b.simple(PrOut::Register, 0xb, 0);
        format!("{one_left} {}", b.held())
    }),
    ("P31", |bench| {
        let (a, _b) = held(bench);
        a.session.logout().unwrap();
        let mut a = bench.node('a');
        format!("{} {}", a.write(1), a.simple(PrOut::Release, 0xa, 0))
    }),
    ("P32", |bench| {
        let (a, _b) = held(bench);
        a.session.sever();
        let mut a = bench.node('a');
        format!("{} {}", a.write(1), a.simple(PrOut::Release, 0xa, 0))
    }),
    ("P33", |bench| {
        let (mut old, _b) = held(bench);
        let mut a = bench.node('a');
        format!("{} {}", a.write(1), old.ready())
    }),
    ("P34", |bench| {
        let (_stale, _b) = held(bench);
        let mut reborn = bench.node_at('a', 7, 0);
        reborn.register(0xa);
        let end = reborn.simple(PrOut::Preempt, 0xa, 0xa);
        format!("{end} {} {}", reborn.keys().matches('a').count(), reborn.write(1))
    }),
    ("P35", |bench| {
        let (mut a, mut b) = held(bench);
        b.session.unit(b.lun).reset().unwrap();
        format!("{} {} {}", a.attentions(), a.held(), a.write(1))
    }),
    ("P36", |bench| {
        // The holder's second path at the same portal, whose ISID differs in its last byte only, as those of a Linux host.
        let (_a, mut b) = held(bench);
        let login = LoginConfig { isid: crate::iscsi::Isid([0x80, b'a', 0, 1, 0, 9]), ..bench.login('a', 0) };
        let mut second = bench.connect(&login, 0).unwrap();
        second.attentions();
        let of_holder = second.write(1);
        let mut other = bench.node_at('b', 5, 0);
        format!("{of_holder} {} {}", other.write(1), b.write(1))
    }),
    ("P37", |bench| {
        let (_a, mut b) = held(bench);
        let mut second = bench.node_at('b', 5, 0);
        second.register(0xb);
        let listed = second.keys().matches('b').count();
        b.simple(PrOut::Register, 0xb, 0);
        format!("{listed} {}", second.write(1))
    }),
    ("P38", |bench| {
        let (_a, mut b) = held(bench);
        let mut second = bench.node_at('a', 5, 1);
        second.register(0xa);
        let end = b.simple(PrOut::Preempt, 0xb, 0xa);
        format!("{end} {} {}", has(&mut b, 0xa), has(&mut second, 0xa))
    }),
    ("P39", |bench| {
        let (mut a, _b) = held(bench);
        let mut other = bench.node_at('u', 5, 1);
        let describe = |node: &mut Node| {
            let mut unit = node.session.unit(node.lun);
            let identity = unit.device_identification().map(|page| page.identity());
            format!(
                "{identity:?} {:?} {:?} {}",
                unit.unit_serial(),
                unit.capacity().map(|c| c.last_lba),
                node.keys()
            )
        };
        format!("same {}", describe(&mut a) == describe(&mut other))
    }),
    ("P40", |bench| {
        let mut a = bench.node('a');
        let capabilities = a.session.unit(a.lun).reservation_capabilities();
        let options = capabilities
            .map(|c| (c.persist_through_power_loss, c.all_target_ports, c.specify_initiator_ports))
            .ok();
        let ask = |a: &mut Node, change: fn(&mut PrParameters)| {
            let mut list = PrParameters::new(Key(0), Key(0xa));
            change(&mut list);
            a.out(PrOut::Register, TYPE5, &list)
        };
        let aptpl = ask(&mut a, |list| list.persist_through_power_loss = true);
        let status = a.session.unit(a.lun).read_full_status();
        let status = status.map(|status| {
            status.registrants.into_iter().map(|each| (each.key, each.transport_id)).collect::<Vec<_>>()
        });
        let status = format!("{:?}", status.ok());
        bench.target.power_cycle();
        let mut a = bench.node('a');
        let kept = has(&mut a, 0xa);
        bench.target.blank();
        let mut a = bench.node('a');
        let mut same = bench.connect(&bench.login('a', 0), 1).unwrap();
        same.attentions();
        let ports = ask(&mut a, |list| list.all_target_ports = true);
        a.reserve(0xa, TYPE5);
        let covered = same.write(1);
        let six = (bench.node('u').end(Cdb::Reserve6, Transfer::None), a.end(Cdb::Release6, Transfer::None));
        bench.target.blank();
        let mut a = bench.node('a');
        let named = ask(&mut a, |list| {
            list.initiator_ports = Some(vec![crate::scsi::reservation::TransportId::Iscsi {
                name: initiator('z'),
                isid: Some([1; 6]),
            }]);
        });
        bench.target.blank();
        let mut nodes: Vec<Node> = Vec::new();
        let mut room = 0;
        for path in 0..10 {
            if let Ok(mut node) = bench.connect(&bench.login('r', path), 0) {
                node.attentions();
                room += usize::from(node.register(u64::from(path) + 1) == "good");
                nodes.push(node);
            }
        }
        format!("{options:?} {aptpl} {status} {kept} {ports} {covered} {six:?} {named} {room}")
    }),
    ("conflict matrix", |bench| {
        let (_nodes, mut u) = (held(bench), bench.node('u'));
        let stop =
            Cdb::StartStopUnit { immediate: false, power_condition: 0, load_eject: false, start: false };
        let sync = Cdb::SynchronizeCache10 { lba: 0, blocks: 0, immediate: false };
        let sense = Cdb::ModeSense6 { disable_block_descriptors: true, page: 0x3f, subpage: 0, alloc: 255 };
        format!(
            "{} {} {}",
            u.end(stop, Transfer::None),
            u.end(sync, Transfer::None),
            u.end(sense, Transfer::Read(255))
        )
    }),
    ("two heads", |bench| {
        let (_a, mut b) = held(bench);
        let mut far = bench.node_at('c', 5, 1);
        far.register(0xc);
        b.simple(PrOut::Preempt, 0xb, 0xc);
        far.attentions()
    }),
    ("re-login", |bench| {
        bench.node('a').session.logout().unwrap();
        bench.connect(&bench.login('a', 0), 0).unwrap().attentions()
    }),
    ("units", |bench| {
        let mut a = bench.node('a');
        let mut out = String::new();
        for number in 0..3 {
            let mut unit = a.session.unit(Lun::new(number));
            let identity = unit.device_identification().map(|page| page.identity()).ok();
            let capacity = unit.capacity().map(|c| (c.size_bytes(), c.block_bytes)).ok();
            let kind = unit.inquiry().map(|inquiry| inquiry.removable).ok();
            let protected = unit.mode_sense().map(|mode| mode.write_protected).ok();
            out +=
                &format!("{identity:?} {:?} {capacity:?} {kind:?} {protected:?}; ", unit.unit_serial().ok());
        }
        out
    }),
    ("data", |bench| {
        let (mut a, mut far) = (bench.node('a'), bench.node_at('b', 0, 1));
        let end = a.write(40);
        let read =
            |node: &mut Node| node.session.unit(node.lun).read_blocks(40, 1, 512).map(|data| data[0]).ok();
        format!("{end} {:?} {:?} {}", read(&mut a), read(&mut far), far.ready())
    }),
    ("sessions", |bench| {
        let logins: Vec<_> = (0..6).map(|path| bench.connect(&bench.login('a', path), 0)).collect();
        format!("{}", logins.iter().filter(|login| login.is_ok()).count())
    }),
    ("discovery", |bench| {
        let login = LoginConfig::discovery(initiator('a'), isid('a', 0));
        let found = discover(&bench.portal(0), &login, TIMEOUTS).unwrap();
        found[0]
            .portals
            .iter()
            .map(|each| {
                let address = (each.portal.host.as_str(), each.portal.port);
                let group = bench
                    .target
                    .portals()
                    .iter()
                    .position(|bound| bound.port() == each.portal.port)
                    .map(|index| index + 1);
                format!(
                    "{} {} ",
                    TcpStream::connect(address).is_ok(),
                    group == each.portal_group.map(usize::from)
                )
            })
            .collect()
    }),
];

fn walk(bench: &Bench) -> Vec<String> {
    STEPS
        .iter()
        .map(|(_, step)| {
            bench.target.blank();
            step(bench)
        })
        .collect()
}

/// Whether nothing more can be learnt once a step differs: no answers, keys of others, no writing at all.
fn ends_the_walk(step: &str, fault: Fault) -> bool {
    step == "P01" || step == "P02" || (step == "P13" && fault.part() == Part::Unit)
}

/// Steps that differ, in order.
fn tripped(clean: &[String], fault: Fault) -> Vec<&'static str> {
    let bench = Bench::demo(fault).patient(Duration::from_millis(600));
    let mut differ = Vec::new();
    for ((name, step), expected) in STEPS.iter().zip(clean) {
        bench.target.blank();
        if step(&bench) != *expected {
            differ.push(*name);
            if ends_the_walk(name, fault) {
                break;
            }
        }
    }
    differ
}

#[test]
fn each_fault_shows() {
    let bench = Bench::demo(FaultSet::NONE);
    let clean = walk(&bench);
    assert_eq!(walk(&bench), clean, "the walk is the same each time");
    let faults: Vec<Fault> = Fault::ALL.iter().copied().filter(|fault| fault.part() != Part::Wire).collect();
    let judge = |fault: &Fault| {
        let differ = tripped(&clean, *fault);
        differ.is_empty().then(|| format!("{fault} does not show"))
    };
    let judge = &judge;
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let parts: Vec<_> = faults
            .chunks(faults.len().div_ceil(3))
            .map(|part| scope.spawn(move || part.iter().filter_map(judge).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn attempt(bench: &Bench) -> Result<Node, Error> {
    let mut node = bench.connect(&bench.login('a', 0), 0)?;
    node.session.drain_attentions(node.lun)?;
    Ok(node)
}

/// What a node meets, in words: the login, 30 commands, a READ of several segments, discovery.
fn experience(config: Config) -> String {
    let bench = Bench::new(config).patient(Duration::from_millis(700));
    let begun = Instant::now();
    let login = LoginConfig { header_digest: DigestPolicy::Prefer, max_segment: 4096, ..bench.login('a', 0) };
    let mut seen = String::new();
    match bench.connect(&login, 0) {
        Err(error) => seen += &format!("login: {error}"),
        Ok(mut node) => {
            let slow_login = begun.elapsed() > Duration::from_millis(900);
            let mut slow = 0;
            for number in 0..30 {
                let begun = Instant::now();
                match node.execute(Cdb::TestUnitReady, Transfer::None) {
                    Ok(response) => {
                        let length = response.sense_bytes.len();
                        seen += &format!("{} {length}, ", shown(&Ok(response)));
                    }
                    Err(error) => {
                        seen += &format!("{number}: {error}");
                        break;
                    }
                }
                slow += usize::from(begun.elapsed() > Duration::from_millis(240));
                if slow == 3 {
                    seen += "slow";
                    break;
                }
            }
            let read = node.session.unit(node.lun).read_blocks(0, 64, 512).map(|data| data.len());
            let refused = node.execute([0xc0; 16], Transfer::None).map(|response| response.sense_bytes.len());
            seen += &format!(
                "{slow_login} {:?} {:?}",
                read.map_err(|e| e.to_string()),
                refused.map_err(|e| e.to_string())
            );
        }
    }
    let login = LoginConfig::discovery(initiator('a'), isid('a', 0));
    let found = discover(&bench.portal(0), &login, TIMEOUTS).map(|found| found[0].portals.len());
    let address = bench.portal(0);
    let text = format!("{seen} {:?}", found.map_err(|error| error.to_string()));
    text.replace(&format!(":{}", address.port), ":PORT")
}

#[test]
fn faults_of_the_wire_end_as_errors_that_say_what_happened() {
    let clean = experience(Config::demo(FaultSet::NONE));
    assert!(clean.ends_with("Ok(32768) Ok(18) Ok(2)"), "{clean}");
    let expected: &[(Fault, &str)] = &[
        (Fault::ChapRefused, "02/01"),
        (Fault::ClosesAtLogin, "closed the connection during login"),
        (Fault::TargetUnknown, "02/03"),
        (Fault::ServiceUnavailable, "03/01"),
        (Fault::RedirectLoop, "redirect"),
        (Fault::EndlessLogin, "did not come to an end"),
        (Fault::EndlessText, "without end"),
        (Fault::SlowLogin, "true Ok(32768)"),
        (Fault::Slow, "slow"),
        (Fault::Hangs, "no answer"),
        (Fault::DropsConnection, "12: "),
        (Fault::TaskSetFull, "TASK SET FULL"),
        (Fault::Busy, "BUSY"),
        (Fault::CheckWithoutSense, "Ok(0)"),
        (Fault::AsksForLogout, "24: "),
        (Fault::WrongLengths, "0: "),
        (Fault::OversizedSegment, "data segment of 4608 bytes"),
        (Fault::WrongTag, "deadbeef"),
        (Fault::WrongStatSn, "StatSN"),
        (Fault::WrongDataOffset, "16777216"),
        (Fault::UnknownOpcode, "3eh"),
        (Fault::CorruptDigest, "digest"),
    ];
    let clean = clean.as_str();
    let judge = |fault: Fault, text: &str| {
        let seen = experience(Config::demo(fault.into()));
        (seen == clean || !seen.contains(text)).then(|| format!("{fault}: `{text}` not in: {seen}"))
    };
    // Most of the time is spent waiting.
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            expected.iter().map(|(fault, text)| scope.spawn(move || judge(*fault, text))).collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}\nclean: {clean}", wrong.join("\n"));
    let tested: BTreeSet<Fault> = expected.iter().map(|(fault, _)| *fault).collect();
    let wire = Fault::ALL.iter().filter(|fault| fault.part() == Part::Wire);
    let untested: Vec<_> = wire.filter(|fault| !tested.contains(fault)).collect();
    assert_eq!(untested, [&Fault::ImmediateOverflowAccepted], "tried with raw PDUs");
}

#[test]
fn faults_can_be_switched_while_the_target_runs() {
    let bench = Bench::demo(FaultSet::NONE);
    let mut node = attempt(&bench).unwrap();
    assert_eq!(node.write(0), "good");
    bench.target.set_fault(Fault::ReadOnly, true);
    assert_eq!(node.write(0), "7/27/00");
    bench.target.set_fault(Fault::ReadOnly, false);
    assert_eq!(node.write(0), "good");
    assert!(bench.target.faults().is_empty());
}
