//! A conformance run that is killed at every boundary of every step, on tgt: a cleanup leaves the disk as it was.

#[path = "../crash/play.rs"]
mod play;

use crate::peers::{Tgt, off};
use play::{End, Job};
use quorate::conformance::plan::{Access, Mode, StepId};
use quorate::iscsi::{Isid, Session, Timeouts};
use quorate::scsi::Lun;
use std::collections::BTreeSet;

const TARGET: &str = "iqn.2026-01.test.lab:crash";
const SIZE: u64 = 32 << 20;

/// The child's part; see `play`.
pub fn child() {
    play::child();
}

fn session(job: &Job) -> Session {
    let login = Access::default().login("iqn.2026-01.lab:looker", TARGET, Isid([0x80, 1, 2, 3, 0, 9]));
    let mut session =
        Session::connect(&job.portals[0].parse().expect("a portal"), &login, Timeouts::default())
            .expect("in");
    session.drain_attentions(Lun::new(job.lun)).expect("drained");
    session
}

/// Keys, reservation and the blocks of the range.
fn state(job: &Job) -> (usize, bool, Vec<u8>) {
    let mut session = session(job);
    let mut unit = session.unit(Lun::new(job.lun));
    let keys = unit.read_keys().expect("answered").keys.len();
    let held = unit.read_reservation().expect("answered").holder.is_some();
    (keys, held, unit.read_blocks(SIZE / 512 / 2 - 32, 64, 512).expect("read"))
}

#[test]
fn killed_at_every_boundary_on_tgt() {
    if off() {
        return;
    }
    let tgt = Tgt::start();
    // A disk for each half of the boundaries: tgt itself never has a defect that hides those of the cleanup.
    tgt.target(1, TARGET, 2);
    let identity = {
        let job = job(&tgt, 1, String::new(), std::path::Path::new("none"), String::new());
        let mut session = session(&job);
        session.unit(Lun::new(1)).unit_serial().expect("a serial number").0
    };
    assert!(identity.trim().starts_with("LABT1L1"), "{identity}");
    let folder = tempfile::tempdir().expect("a folder");
    let before: Vec<_> = (1..=2).map(|lun| fill(&tgt, lun)).collect();
    let mut died = BTreeSet::new();
    for step in StepId::all() {
        for (place, lun) in [("begin", 1_u32), ("end", 2)] {
            let at = format!("{place} {step}");
            let file = folder.path().join(format!("{place}-{step}.json"));
            let job = job(&tgt, lun, at.clone(), &file, format!("LABT1L{lun}"));
            if !job.play().success() {
                died.insert(at.clone());
            }
            let cleaned = job.undo().unwrap_or_else(|| panic!("{at}: there is no run file"));
            assert!(cleaned.is_clean() && cleaned.refused.is_none(), "{at}: {cleaned:?}");
            let now = state(&job);
            assert_eq!((now.0, now.1), (0, false), "{at}");
            assert_eq!(now.2, before[lun as usize - 1], "{at}: the content is another");
        }
    }
    // Steps that rest on what tgt does not have are not begun; all others are.
    assert!(died.len() > 70, "{died:?}");
}

fn job(tgt: &Tgt, lun: u32, at: String, file: &std::path::Path, identity: String) -> Job {
    Job {
        target: TARGET.to_owned(),
        portals: tgt.portals.iter().map(ToString::to_string).collect(),
        lun,
        identity,
        size_bytes: SIZE,
        mode: Mode::PrWrite,
        at,
        end: End::Abort,
        file: file.to_owned(),
    }
}

/// Writes something into the range that must be there again afterwards.
fn fill(tgt: &Tgt, lun: u32) -> Vec<u8> {
    let job = job(tgt, lun, String::new(), std::path::Path::new("none"), String::new());
    let content: Vec<u8> =
        (0..64_u32 * 512).map(|at| u8::try_from((at * lun) % 251).expect("small")).collect();
    let answer = session(&job)
        .unit(Lun::new(lun))
        .write_blocks(SIZE / 512 / 2 - 32, content.clone(), 512, false)
        .expect("sent");
    assert!(answer.is_good(), "{answer:?}");
    content
}

#[test]
fn undone_on_tgt_without_the_run_file_and_by_the_run_itself() {
    if off() {
        return;
    }
    let tgt = Tgt::start();
    tgt.target(1, TARGET, 1);
    let folder = tempfile::tempdir().expect("a folder");
    let before = fill(&tgt, 1);
    for at in ["begin P05", "end P10", "begin P13", "end P20", "begin P27", "end P31", "end P38", "end P40"] {
        let file = folder.path().join(format!("{at}.json"));
        let told = job(&tgt, 1, at.to_owned(), &file, "LABT1L1".to_owned());
        Job { mode: Mode::Pr, ..told.clone() }.play();
        std::fs::remove_file(&file).expect("a run file");
        let cleaned = told.undo_by_marks();
        assert!(cleaned.is_clean() && cleaned.refused.is_none(), "{at}: {cleaned:?}");
        for end in [End::Panic, End::Interrupt] {
            assert_eq!(Job { end, ..told.clone() }.play().success(), end == End::Interrupt, "{at} {end:?}");
            assert_eq!(state(&told), (0, false, before.clone()), "{at} {end:?}");
            std::fs::remove_file(&file).expect("a run file");
        }
    }
}
