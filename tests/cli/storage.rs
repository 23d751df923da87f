//! Active storage tests from outside: against the embedded target, which lives in this process.

use crate::support::Folder;
use quorate::conformance::key::{RunId, key};
use quorate::iscsi::login::LoginConfig;
use quorate::iscsi::{Isid, Portal, Session, Timeouts};
use quorate::scsi::Lun;
use quorate::scsi::cdb::PrOut;
use quorate::scsi::reservation::{Key, PrParameters};
use quorate::simtarget::config::{Credentials, DEMO_TARGET};
use quorate::simtarget::{Config, Fault, FaultSet, SimTarget};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const IDENTITY: &str = "naa.3071756f00000001";
const SIZE: &str = "1GiB";

fn start() -> SimTarget {
    SimTarget::start(Config::demo(FaultSet::NONE)).expect("it starts")
}

/// `TARGET LUN --portal ...`
fn unit(target: &SimTarget) -> Vec<String> {
    let mut args = vec![DEMO_TARGET.to_owned(), "0".to_owned()];
    for portal in target.portals() {
        args.extend(["--portal".to_owned(), portal.to_string()]);
    }
    args
}

fn args<'a>(head: &[&'a str], unit: &'a [String], tail: &[&'a str]) -> Vec<&'a str> {
    head.iter().copied().chain(unit.iter().map(String::as_str)).chain(tail.iter().copied()).collect()
}

const MEANT: [&str; 4] = ["--identity", IDENTITY, "--size", SIZE];

fn test<'a>(unit: &'a [String], tail: &[&'a str]) -> Vec<&'a str> {
    args(&["storage", "test"], unit, tail)
}

fn plan(target: &SimTarget, lun: &str) -> String {
    let portals: Vec<String> = target.portals().iter().map(|portal| format!("'{portal}'")).collect();
    format!(
        "[cluster]\nname = 'lab'\nplatform = 'generic'\n[[node]]\nname = 'hv1'\nprobe = 'none'\n\
         [[node]]\nname = 'hv2'\nprobe = 'none'\n[[target]]\nname = '{DEMO_TARGET}'\nportals = [{}]\n\
         [[target.lun]]\nlun = 0\nname = 'witness'\nrole = 'witness'\nidentity = '{IDENTITY}'\nsize = '1 GiB'\n{lun}\n\
         [[target.lun]]\nlun = 1\nname = 'data'\nrole = 'data'\n[witness]\nkind = 'disk'\nlun = 'witness'\n",
        portals.join(", ")
    )
}

fn join(target: &SimTarget, registered: Key) -> Session {
    let at = target.portals()[0];
    let login =
        LoginConfig::new("iqn.1991-05.com.microsoft:hv1", DEMO_TARGET, Isid([0x40, 0, 1, 0x37, 0, 1]));
    let portal = Portal::new(at.ip().to_string(), at.port());
    let mut session = Session::connect(&portal, &login, Timeouts::default()).expect("in");
    session.drain_attentions(Lun::new(0)).expect("drained");
    let parameters = PrParameters::new(Key(0), registered);
    assert!(
        session.unit(Lun::new(0)).reserve_out(PrOut::Register, None, &parameters).expect("sent").is_good()
    );
    session
}

fn is_untouched(target: &SimTarget) {
    let state = target.lun(0).expect("there").reservations();
    assert_eq!((state.generation, state.registrations.len()), (0, 0), "{state:?}");
}

#[test]
fn the_steps_are_listed() {
    let folder = Folder::new();
    for columns in ["80", "200"] {
        let answer = folder.quorate(&["storage", "test", "--list"]).env("COLUMNS", columns).end();
        answer.ends_with(0);
        let width: usize = columns.parse().expect("a number");
        assert!(answer.out.lines().all(|line| line.chars().count() <= width), "{}", answer.out);
        assert!(answer.out.contains("P01") && answer.out.contains("P40"));
    }
    let listed = folder.run(&["storage", "test", "--list", "--format", "json"]).ends_with(0).json();
    let steps = listed["steps"].as_array().expect("a list");
    assert_eq!((steps.len(), &listed["schema"]), (40, &"quorate-storage/1".into()));
    assert_eq!(steps[26]["id"], "P27");
    let sbd =
        folder.run(&["storage", "test", "--list", "--stack", "sbd", "--format", "json"]).ends_with(0).json();
    assert!(sbd["steps"].as_array().expect("a list").len() < 10);
    let some = folder.run(&["storage", "test", "--list", "--only", "P27,p31", "-v"]);
    assert!(some.ends_with(0).out.contains("P31") && !some.out.contains("P30 "), "{}", some.out);
    assert!(some.out.contains("expects"), "{}", some.out);
}

#[test]
fn the_answer_has_a_schema() {
    let schema = Folder::new().run(&["schema", "storage"]).ends_with(0).json();
    assert_eq!(schema["properties"]["schema"]["const"], "quorate-storage/1");
}

#[test]
fn mistakes_on_the_command_line() {
    let folder = Folder::new();
    let target = start();
    let unit = unit(&target);
    for (args, words) in [
        (vec!["storage", "test", DEMO_TARGET], "the number of the LUN is missing"),
        (vec!["storage", "test", DEMO_TARGET, "0"], "no portal is given"),
        (vec!["storage", "test", "iqn.2026-13.x:y", "0", "--portal", "127.0.0.1"], "is no iSCSI name"),
        (vec!["storage", "test", "--identity", "naa.1"], "goes with the name of a target"),
        (vec!["storage", "test", "--mode", "pr-wirte"], "did you mean `pr-write`"),
        (vec!["storage", "test", "--only", "P41"], "P01 to P40"),
        (vec!["storage", "test", "--stack", "wsfcc"], "did you mean `wsfc`"),
        (vec!["storage", "test", "--range", "5"], "is no range of blocks"),
        (vec!["storage", "test", "--allow-nonblank", "lukss"], "did you mean `luks`"),
        (vec!["storage", "test", DEMO_TARGET, "70000", "--portal", "h"], "70000"),
        (vec!["storage", "test", DEMO_TARGET, "0", "--portal", "a b"], "is no portal"),
        (vec!["storage", "test", DEMO_TARGET, "0", "--size", "big"], "--size"),
        (vec!["storage", "cleanup", "--run", "none.json"], "none.json cannot be read"),
        (vec!["storage", "cleanup", DEMO_TARGET, "0"], "no portal is given"),
        (vec!["storage", "test", "nowhere.toml"], "nowhere.toml"),
        (test(&unit, &["--chap-user", "u", "--chap-secret-file", "none"]), "CHAP secret of user `u`"),
        (test(&unit, &["--trace", "no/such/folder"]), "the trace no/such/folder cannot be written"),
    ] {
        folder.run(&args).ends_with(2).complains(words);
    }
    is_untouched(&target);
}

#[test]
fn what_the_plan_does_not_let_be_tested() {
    let target = start();
    let folder = Folder::new();
    folder.write("cluster.toml", plan(&target, "test = 'pr'"));
    folder.run(&["storage", "test", "--mode", "pr-write"]).ends_with(2).complains("has test = \"pr\"");
    folder.run(&["storage", "test", "--mode", "pr", "--lun", "data"]).ends_with(2).complains("is not marked");
    folder.run(&["storage", "test", "--lun", "dta"]).ends_with(2).complains("no LUN `dta`");
    folder.write("cluster.toml", plan(&target, ""));
    folder.run(&["storage", "test", "--mode", "pr"]).ends_with(2).complains("lets no LUN be tested");
    is_untouched(&target);
    // Looking is allowed everywhere.
    folder.run(&["storage", "test", "--lun", "data"]).ends_with(0);
    folder.run(&["storage", "test"]).ends_with(0);
    is_untouched(&target);
}

#[test]
fn reading_only_shows_every_step_and_changes_nothing() {
    let target = start();
    let folder = Folder::new();
    let unit = unit(&target);
    for columns in ["80", "200"] {
        let answer = folder.quorate(&test(&unit, &[])).env("COLUMNS", columns).end();
        answer.ends_with(0);
        let width: usize = columns.parse().expect("a number");
        assert!(answer.out.lines().all(|line| line.chars().count() <= width), "{}", answer.out);
        // Steps that were not run for one reason stand in one row; -v gives each its own.
        assert!(answer.out.contains("P04 to P12"), "{}", answer.out);
        let every = folder.quorate(&test(&unit, &["-v"])).env("COLUMNS", columns).end();
        let ids = |id: &str| every.out.lines().position(|line| line.starts_with(id)).expect("a row");
        assert!(ids("P01") < ids("P02") && ids("P39") < ids("P40"));
    }
    let report = folder.run(&test(&unit, &["--format", "json"])).ends_with(0).json();
    assert_eq!(report["tested"][0]["conformance"]["steps"].as_array().expect("a list").len(), 40);
    assert_eq!(report["exit_code"], 0);
    let some = folder.run(&test(&unit, &["--format", "json", "--only", "P01"])).ends_with(0).json();
    assert_eq!(some["tested"][0]["conformance"]["steps"].as_array().expect("a list").len(), 1);
    // What is asked for by its number and not played is not determined.
    folder.run(&test(&unit, &["--only", "P20"])).ends_with(3);
    is_untouched(&target);
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0);
}

#[test]
fn refusals_before_any_change() {
    let target = start();
    let folder = Folder::new();
    let unit = unit(&target);
    let portal = target.portals()[0].to_string();
    let at = ["--portal", portal.as_str()];
    let wrong_name = "iqn.2026-01.org.quorate.demo:misspelt";
    for (args, words) in [
        (test(&unit, &["--mode", "pr"]), "the identity and size that it must have is not given"),
        (
            test(&unit, &["--mode", "pr", "--identity", "naa.3071756f00000002", "--size", SIZE]),
            "must have the identity",
        ),
        (test(&unit, &["--mode", "pr", "--identity", IDENTITY, "--size", "2GiB"]), "it is smaller"),
        (
            test(&unit, &args(&["--mode", "pr-write", "--range", "2097140+64"], &[], &MEANT)),
            "does not lie on it",
        ),
        (
            args(&["storage", "test", DEMO_TARGET, "7", "--mode", "pr"], &[], &at),
            "there is no such logical unit; the target has 0, 1, 2",
        ),
        (args(&["storage", "test", wrong_name, "0"], &[], &at), "check the name of the target"),
        (
            vec!["storage", "test", DEMO_TARGET, "0", "--portal", "127.0.0.1:1"],
            "127.0.0.1:1: connection refused",
        ),
    ] {
        let answer = folder.run(&args);
        answer.ends_with(2).complains(words).complains("LUN");
    }
    let report = folder.run(&test(&unit, &["--mode", "pr", "--format", "json"])).ends_with(2).json();
    assert_eq!(report["refused"][0]["kind"], "plan");
    is_untouched(&target);
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0, "no run file is left");
}

#[test]
fn wrong_credentials() {
    let credentials = Credentials::new("user", "long-enough-secret".to_owned().into());
    let target =
        SimTarget::start(Config::demo(FaultSet::NONE).with_chap(credentials, None)).expect("it starts");
    let folder = Folder::new();
    let unit = unit(&target);
    folder.run(&test(&unit, &[])).ends_with(2).complains("CHAP");
    let with = |secret: &str| {
        let args = test(&unit, &["--chap-user", "user"]);
        folder.quorate(&args).env("QUORATE_CHAP_SECRET", secret).end()
    };
    let answer = with("another-secret-word");
    answer.ends_with(2).complains("check CHAP user and secret");
    assert!(!answer.text().contains("another-secret-word"));
    with("long-enough-secret").ends_with(0);
}

#[test]
fn a_unit_in_use_is_refused_and_shown() {
    let target = start();
    let folder = Folder::new();
    let unit = unit(&target);
    let stranger = join(&target, Key(0xabc));
    let before = target.lun(0).expect("there").reservations();
    let answer = folder.run(&test(&unit, &args(&["--mode", "pr"], &[], &MEANT)));
    answer.ends_with(2);
    assert!(
        answer.out.contains("Refused, nothing was changed") && answer.out.contains("0x0000000000000abc"),
        "{}",
        answer.out
    );
    drop(stranger);
    assert_eq!(target.lun(0).expect("there").reservations(), before);

    let target = start();
    let unit = self::unit(&target);
    let _tester = join(&target, key(RunId::new(0xdead_beef).expect("not 0"), 1, 1));
    let answer = folder.run(&test(&unit, &args(&["--mode", "pr"], &[], &MEANT)));
    assert!(answer.ends_with(2).out.contains("run deadbeef"), "{}", answer.out);
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0, "no run file is left");
}

#[test]
fn a_whole_run_finds_nothing_and_leaves_nothing() {
    let target = start();
    let folder = Folder::new();
    folder.write("cluster.toml", plan(&target, "test = 'pr-write'"));
    let report =
        folder.run(&["storage", "test", "--mode", "pr-write", "--format", "json"]).ends_with(0).json();
    let tested = &report["tested"][0];
    assert_eq!(
        (&tested["lun"], &tested["conformance"]["residue"]),
        (&"witness".into(), &serde_json::json!([]))
    );
    let state = target.lun(0).expect("there").reservations();
    assert!(state.registrations.is_empty() && state.held.is_none() && state.generation > 0, "{state:?}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 1, "only cluster.toml");
}

#[test]
fn a_departure_ends_with_1_and_shows_the_wire() {
    let target = start();
    target.set_fault(
        Fault::ALL.iter().copied().find(|fault| fault.trips() == ["P09"]).expect("a fault for P09"),
        true,
    );
    let folder = Folder::new();
    let unit = unit(&target);
    let answer = folder
        .run(&test(&unit, &args(&["--mode", "pr", "--only", "P09", "--run-file", "run.json"], &[], &MEANT)));
    answer.ends_with(1);
    assert!(answer.out.contains("DEPARTS") && answer.out.contains("> cdb 5f01"), "{}", answer.out);
    assert!(folder.read("run.json").contains("quorate-run/1"), "the file that was asked for stays");
    folder.run(&["storage", "cleanup", "--run", "run.json"]).ends_with(0);
    folder
        .run(&test(&unit, &args(&["--mode", "pr", "--run-file", "run.json"], &[], &MEANT)))
        .ends_with(2)
        .complains("exists already");
}

/// The program, running.
struct Running(Child);

impl Running {
    fn start(folder: &Folder, args: &[&str]) -> Self {
        let program = env!("CARGO_BIN_EXE_quorate");
        let mut command = Command::new(program);
        command.args(args).current_dir(folder.path()).env("HOME", folder.path()).stdin(Stdio::null());
        Running(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs"))
    }

    /// A test that writes, at work on the first unit of a target: its run file is `run.json`.
    fn at_work(folder: &Folder, target: &SimTarget) -> Self {
        let unit = unit(target);
        let tail = args(&["--mode", "pr-write", "--run-file", "run.json", "--fill-table"], &[], &MEANT);
        let mut running = Self::start(folder, &test(&unit, &tail));
        running.wait_for(&folder.file("run.json"));
        running
    }

    /// Waits until it has written its run file.
    fn wait_for(&mut self, file: &std::path::Path) {
        let until = Instant::now() + Duration::from_secs(40);
        while !file.exists() {
            assert!(
                Instant::now() < until && self.0.try_wait().expect("own child").is_none(),
                "no run file came"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn signal(&self, name: &str) {
        let done = Command::new("kill").args([name, &self.0.id().to_string()]).status().expect("kill");
        assert!(done.success());
    }

    /// Its end, and all that it and its guard said.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.0.stdout.take().expect("piped").read_to_string(&mut said).expect("text");
        // The guard holds the other end too: this waits for both.
        self.0.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
        (self.0.wait().expect("own child").code(), said)
    }
}

fn is_undone(target: &SimTarget, before: &[u8]) {
    let lun = target.lun(0).expect("there");
    let state = lun.reservations();
    assert!(state.registrations.is_empty() && state.held.is_none(), "{state:?}");
    assert_eq!(lun.read((1 << 20) - 32, 64).expect("read"), before);
}

#[test]
fn signals_end_it_when_everything_is_undone() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let target = start();
        let before = vec![0x5a; 64 * 512];
        target.lun(0).expect("there").write((1 << 20) - 32, &before).expect("written");
        let folder = Folder::new();
        let running = Running::at_work(&folder, &target);
        running.signal(name);
        let (code, said) = running.end();
        assert_eq!(code, Some(130), "{name}: {said}");
        assert!(said.contains("interrupted"), "{said}");
        is_undone(&target, &before);
    }
}

#[test]
fn a_killed_test_is_undone_by_its_guard() {
    let target = start();
    let before = vec![0xa5; 64 * 512];
    target.lun(0).expect("there").write((1 << 20) - 32, &before).expect("written");
    let folder = Folder::new();
    let running = Running::at_work(&folder, &target);
    while target.lun(0).expect("there").reservations().generation < 20 {
        std::thread::sleep(Duration::from_millis(1));
    }
    running.signal("-KILL");
    let (code, said) = running.end();
    assert_eq!(code, None, "{said}");
    assert!(said.contains("was cut off and was undone; nothing of it is left"), "{said}");
    is_undone(&target, &before);
    // The guard wrote that down; a cleanup by hand finds nothing.
    let answer = folder.run(&["storage", "cleanup", "--run", "run.json", "--format", "json"]);
    assert_eq!(answer.ends_with(0).json()["cleaned"][0]["done"], serde_json::json!([]));
}

#[test]
fn cleanup_without_a_run_file() {
    let target = start();
    let folder = Folder::new();
    let unit = unit(&target);
    let clean = args(&["storage", "cleanup"], &unit, &["--format", "json"]);
    folder.run(&clean).ends_with(0);
    is_untouched(&target);
    let run = RunId::new(0xdead_beef).expect("not 0");
    join(&target, key(run, 1, 1)).sever();
    let cleaned = folder.run(&clean).ends_with(0).json();
    assert_eq!(cleaned["cleaned"][0]["done"][0], "removed key 0x7175deadbeef0101");
    assert!(target.lun(0).expect("there").reservations().registrations.is_empty());

    // Beside a stranger: refused, with what it would have done and the lines for a host.
    join(&target, key(run, 1, 1)).sever();
    let at = target.portals()[0];
    let login = LoginConfig::new("iqn.2026-01.lab:b", DEMO_TARGET, Isid([0x40, 0, 1, 0x37, 0, 2]));
    let portal = Portal::new(at.ip().to_string(), at.port());
    let mut stranger = Session::connect(&portal, &login, Timeouts::default()).expect("in");
    stranger.drain_attentions(Lun::new(0)).expect("drained");
    let parameters = PrParameters::new(Key(0), Key(0xabc));
    stranger.unit(Lun::new(0)).reserve_out(PrOut::Register, None, &parameters).expect("sent");
    let before = target.lun(0).expect("there").reservations();
    let answer = folder.run(&args(&["storage", "cleanup"], &unit, &[]));
    answer.ends_with(5);
    for words in [
        "Refused: somebody else uses it",
        "It would have done this:\n  remove key 0x7175deadbeef0101",
        "sg_persist --out --preempt",
        "0x0000000000000abc",
    ] {
        assert!(answer.out.contains(words), "{words}: {}", answer.out);
    }
    assert_eq!(target.lun(0).expect("there").reservations(), before);

    // Nothing could be looked at, and nothing says that there is anything.
    folder.run(&["storage", "cleanup", DEMO_TARGET, "0", "--portal", "127.0.0.1:1"]).ends_with(2);
}

#[test]
fn a_run_file_that_another_hand_wrote() {
    let folder = Folder::new();
    folder.write("run.json", "{\"begun\":{}}\n");
    folder.run(&["storage", "cleanup", "--run", "run.json"]).ends_with(2).complains("run.json, line 1");
    folder.write("run.json", [0xff; 100]);
    folder
        .run(&["storage", "cleanup", "--run", "run.json"])
        .ends_with(2)
        .complains("holds no record of a run");
}

#[test]
fn a_reader_that_goes_away_is_told_by_the_code_alone() {
    let target = start();
    let folder = Folder::new();
    let unit = unit(&target);
    let mut running = Running::start(&folder, &test(&unit, &[]));
    drop(running.0.stdout.take());
    let mut said = String::new();
    running.0.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    assert_eq!(running.0.wait().expect("own child").code(), Some(2), "{said}");
    assert!(!said.contains("panicked") && !said.contains("internal error"), "{said}");
}

/// Two testers that begin at the same moment, in both orders: one of them or both end before they have written anything, with
/// words that say why, and the unit is as it was.
#[test]
fn two_testers_at_once() {
    let target = start();
    let lun = target.lun(0).expect("there");
    let middle = (1 << 20) - 32;
    lun.write(middle, &vec![0x5a; 64 * 512]).expect("written");
    let folder = Folder::new();
    let unit = unit(&target);
    let args = test(&unit, &args(&["--mode", "pr-write", "--only", "P13,P27"], &[], &MEANT));
    let testers = [Running::start(&folder, &args), Running::start(&folder, &args)];
    let ends = testers.map(Running::end);
    for (code, said) in &ends {
        let seen = ["a second test", "somebody is at work", "of run", "keys of run"];
        let told =
            seen.iter().any(|words| said.split_whitespace().collect::<Vec<_>>().join(" ").contains(words));
        match code {
            Some(0) => assert!(!told, "{said}"),
            Some(2 | 3) => assert!(told, "{said}"),
            _ => panic!("{code:?}: {said}"),
        }
    }
    assert!(ends.iter().any(|(code, _)| *code != Some(0)), "both say that they had the unit alone: {ends:?}");
    is_undone(&target, &vec![0x5a; 64 * 512]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("listed").count(), 0, "no run file is left");
}

/// A second tester that comes while the first one is at work ends at the gate; the first one goes on.
#[test]
fn a_second_tester_that_comes_later() {
    let target = start();
    let folder = Folder::new();
    let unit = unit(&target);
    let args = test(&unit, &args(&["--mode", "pr"], &[], &MEANT));
    let first = Running::start(&folder, &args);
    std::thread::sleep(Duration::from_secs(3));
    let second = folder.run(&args);
    second.ends_with(2);
    let said = second.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("PRGENERATION went from") || said.contains("of quorate"), "{}", second.text());
    assert!(said.contains("nothing was changed") && said.contains("second tester"), "{}", second.text());
    let (code, said) = first.end();
    assert_eq!(code, Some(0), "{said}");
    is_undone(&target, &vec![0; 64 * 512]);
}

/// The second portal is one of another target.
#[test]
fn a_portal_of_another_target() {
    let (target, mut config) = (start(), Config::demo(FaultSet::NONE));
    config.targets[0].name = "iqn.2026-01.org.quorate.demo:other".to_owned();
    let other = SimTarget::start(config).expect("it starts");
    let folder = Folder::new();
    let [own, foreign] = [&target, &other].map(|target| target.portals()[0].to_string());
    let args = ["storage", "test", DEMO_TARGET, "0", "--portal", &own, "--portal", &foreign, "--mode", "pr"];
    let answer = folder.run(&[&args[..], &MEANT[..]].concat());
    answer
        .ends_with(2)
        .complains(&format!("through {foreign}: login refused with status 02/03: target not found"));
    answer.complains("that this portal belongs to it");
    is_untouched(&target);
}
