//! `check --active` and `probe --active` against the embedded target: LUNs that the plan marks are tested, and left as they were.

use crate::support::{Answer, Folder};
use quorate::simtarget::config::DEMO_TARGET;
use quorate::simtarget::{Config, Fault, FaultSet, SimTarget};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The LUN of the embedded target that is tested: number, identity and size of its data unit.
const LUN: u16 = 1;
const IDENTITY: &str = "naa.3071756f00000002";

fn start(faults: impl Into<FaultSet>) -> SimTarget {
    SimTarget::start(Config::demo(faults.into())).expect("it starts")
}

/// A plan for the target whose data LUN says `more`.
fn folder(target: &SimTarget, more: &str) -> Folder {
    let folder = Folder::new();
    let portals: Vec<String> = target.portals().iter().map(|portal| format!("'{portal}'")).collect();
    let plan = format!(
        "[cluster]\nname = 'live'\nplatform = 'wsfc'\nrelease = '2022'\n\
         [[node]]\nname = 'hv1'\nprobe = 'none'\n[[node]]\nname = 'hv2'\nprobe = 'none'\n\
         [[target]]\nname = '{DEMO_TARGET}'\nportals = [{}]\n\
         [[target.lun]]\nlun = 0\nname = 'witness'\nrole = 'witness'\n\
         [[target.lun]]\nlun = {LUN}\nname = 'data'\nrole = 'data'\nidentity = '{IDENTITY}'\nsize = '10 GiB'\n{more}\n\
         [witness]\nkind = 'disk'\nlun = 'witness'\n",
        portals.join(", ")
    );
    folder.write("cluster.toml", plan);
    folder
}

fn assert_untouched(target: &SimTarget) {
    let found = target.lun(LUN).expect("it is there").reservations();
    assert!(found.registrations.is_empty() && found.held.is_none(), "{found:?}");
}

fn run_files(folder: &Folder, name: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.file(name)).into_iter().flatten();
    entries.map(|entry| entry.expect("readable").path()).collect()
}

/// The findings of the category, as rule, status and subject.
fn findings(report: &serde_json::Value) -> Vec<(String, String, String)> {
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let all = report["findings"].as_array().expect("a list").iter();
    all.map(|one| (text(&one["rule"]), text(&one["status"]), text(&one["subject"]))).collect()
}

#[test]
fn a_sound_lun_is_tested_whole_and_left_as_it_was() {
    let target = start(FaultSet::NONE);
    let folder = folder(&target, "test = 'pr-write'");
    let before = target.lun(LUN).expect("there").read(0, 64).expect("read");
    let probed = folder.run(&[
        "probe",
        "--active",
        "--lun-reset",
        "--fill-table",
        "-o",
        "facts.json",
        "--trace",
        "run.pcapng",
        "--run-dir",
        "runs",
    ]);
    probed.ends_with(0);
    assert_untouched(&target);
    assert_eq!(target.lun(LUN).expect("there").read(0, 64).expect("read"), before);
    assert_eq!(run_files(&folder, "runs"), Vec::<std::path::PathBuf>::new());
    assert_eq!(run_files(&folder, ".quorate"), Vec::<std::path::PathBuf>::new());
    let trace = std::fs::read(folder.file("run.pcapng")).expect("written");
    let holds = |text: &[u8]| trace.windows(text.len()).any(|window| window == text);
    assert!(holds(b"LUN data: P27,") && holds(b"org.quorate:probe-"), "steps stand beside the packets");
    // What was recorded is judged without the target.
    drop(target);
    let report = folder.run(&["check", "facts.json", "--select", "conformance", "--format", "json"]);
    let report = report.ends_with(0).json();
    let steps = report["tested"][0]["conformance"]["steps"].as_array().expect("steps").clone();
    let odd: Vec<_> = steps.iter().filter(|step| step["result"] != "ok").collect();
    assert!(odd.is_empty() && steps.len() == 40, "{odd:#?}");
    let bad = |status: &String| ["fail", "warn", "unknown"].contains(&status.as_str());
    assert!(findings(&report).iter().all(|(_, status, _)| !bad(status)), "{report:#}");
    let shown = folder.run(&["check", "facts.json", "--select", "conformance"]);
    assert!(shown.out.contains("40 of 40 steps ok; mode pr-write"), "{}", shown.text());
    assert!(shown.out.contains("P01 to P40"), "{}", shown.text());
}

#[test]
fn a_departure_is_told_with_request_and_answer() {
    let target = start(Fault::ReserveIgnoresKey);
    let folder = folder(&target, "test = 'pr'");
    let json = folder.run(&["check", "--active", "--select", "conformance", "--format", "json"]);
    let report = json.ends_with(1).json();
    assert_untouched(&target);
    let subject = format!("{DEMO_TARGET} data P09");
    let failed = ("conformance/relied-on".to_owned(), "fail".to_owned(), subject);
    assert!(findings(&report).contains(&failed), "{report:#}");
    // Writing was not allowed: what needs it is not unknown but left out, and that is said.
    let info = ("conformance/tested-whole".to_owned(), "info".to_owned(), format!("{DEMO_TARGET} data"));
    assert!(findings(&report).contains(&info), "{report:#}");
    assert!(findings(&report).iter().all(|(_, status, _)| status != "unknown"), "{report:#}");
    let steps = report["tested"][0]["conformance"]["steps"].as_array().expect("steps").clone();
    let wire = &steps[8]["wire"][0];
    assert_eq!((&steps[8]["id"], &steps[8]["result"]), (&"P09".into(), &"departs".into()));
    assert!(wire["cdb"].as_str().is_some_and(|cdb| cdb.starts_with("5f01")), "{wire}");
    assert_eq!(wire["answer"], "GOOD");
}

#[test]
fn a_lun_in_use_is_refused_and_nothing_about_it_passes() {
    use quorate::iscsi::login::LoginConfig;
    use quorate::iscsi::{Isid, Portal, Session, Timeouts};
    use quorate::scsi::Lun;
    use quorate::scsi::cdb::PrOut;
    use quorate::scsi::reservation::{Key, PrParameters};
    let target = start(FaultSet::NONE);
    let folder = folder(&target, "test = 'pr'");
    let address = target.portals()[0];
    let login = LoginConfig::new("iqn.2026-01.test:host", DEMO_TARGET, Isid([0x80, 0, 0, 0, 0, 9]));
    let portal = Portal::new(address.ip().to_string(), address.port());
    let mut host = Session::connect(&portal, &login, Timeouts::default()).expect("logged in");
    let lun = Lun::new(LUN.into());
    host.drain_attentions(lun).expect("drained");
    let stranger = PrParameters { action_key: Key(0xdead_beef), ..PrParameters::default() };
    let answer = host.unit(lun).reserve_out(PrOut::Register, None, &stranger).expect("answered");
    assert!(answer.is_good());
    let report = folder.run(&["check", "--active", "--select", "conformance", "--format", "json"]);
    let report = report.ends_with(3).json();
    let counts = ["relied-on", "advised", "completed"].map(|name| format!("conformance/{name}"));
    let passed: Vec<_> = findings(&report)
        .into_iter()
        .filter(|(rule, status, _)| status == "pass" && counts.contains(rule))
        .map(|(_, _, subject)| subject)
        .collect();
    // What reading shows may pass (P01, P39); what needs a change may not.
    assert_eq!(passed, ["2 steps"]);
    let warned = ("conformance/completed".to_owned(), "warn".to_owned(), format!("{DEMO_TARGET} data"));
    assert!(findings(&report).contains(&warned), "{report:#}");
    let unknown =
        ("conformance/relied-on".to_owned(), "unknown".to_owned(), format!("{DEMO_TARGET} data P04"));
    assert!(findings(&report).contains(&unknown), "{report:#}");
    let keys: Vec<_> = target.lun(LUN).expect("there").reservations().registrations;
    assert_eq!(keys.len(), 1, "the stranger is still there: {keys:?}");
    assert_eq!(run_files(&folder, ".quorate"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn without_active_nothing_is_tested_and_that_is_said() {
    let target = start(FaultSet::NONE);
    let folder = folder(&target, "test = 'pr-write'");
    let answer = folder.run(&["check", "--select", "conformance"]);
    answer.ends_with(0);
    let flat = answer.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("was not tested; run with --active"), "{}", answer.text());
    assert_untouched(&target);
    let dry = folder.run(&["check", "--active", "--dry-run"]);
    assert!(dry.ends_with(0).out.contains("# active test of LUN data of"), "{}", dry.text());
    assert!(!folder.file(".quorate").exists());
}

#[test]
fn what_cannot_be_tested_is_told_before_anything_is_contacted() {
    let target = start(FaultSet::NONE);
    let marked = folder(&target, "test = 'pr'\nallow_nonblank = ['gptt']");
    let refuses = |folder: &Folder, args: &[&str], words: &str| -> Answer {
        let answer = folder.run(args);
        answer.ends_with(2).complains(words);
        answer
    };
    for args in
        [&["check"][..], &["check", "--active"], &["probe", "--active"], &["check", "--plan", "cluster.toml"]]
    {
        let answer = refuses(&marked, args, "nothing that can stand on a LUN goes by the name `gptt`");
        answer.complains("did you mean `gpt`?").complains("cluster.toml:");
    }
    let marked = folder(&target, "test = 'pr'");
    refuses(&marked, &["check", "--active", "--plan", "cluster.toml"], "a plan by itself contacts no target");
    marked.write("facts.json", r#"{"schema":"quorate/1","nodes":[{"name":"a"}]}"#);
    refuses(&marked, &["check", "--active", "facts.json"], "a recording contacts no target");
    marked.write("file", "");
    refuses(
        &marked,
        &["check", "--active", "--run-dir", "file"],
        "the folder file for run files cannot be used",
    );
    let unmarked = folder(&target, "");
    refuses(&unmarked, &["check", "--active"], "lets no LUN be tested");
    assert_eq!(target.stats().connections, 0);
    assert_untouched(&target);
}

/// Begins `check --active` and waits until the test has put something on the LUN.
fn under_way(target: &SimTarget, folder: &Folder) -> Child {
    let child = Command::new(assert_cmd::cargo::cargo_bin!("quorate"))
        .args(["check", "--active", "--select", "conformance", "--format", "json"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let began = Instant::now();
    while target.lun(LUN).expect("there").reservations().registrations.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(40), "the test does not begin");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn ended(child: Child) -> (Option<i32>, serde_json::Value) {
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    (output.status.code(), report)
}

#[cfg(unix)]
#[test]
fn an_interrupted_test_is_undone_and_reported_as_far_as_it_came() {
    let target = start(FaultSet::NONE);
    let folder = folder(&target, "test = 'pr-write'");
    let child = under_way(&target, &folder);
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(kill.success());
    let (code, report) = ended(child);
    assert_eq!(code, Some(130), "{report:#}");
    assert_untouched(&target);
    let conformance = &report["tested"][0]["conformance"];
    assert_eq!((&conformance["complete"], &conformance["residue"]), (&false.into(), &serde_json::json!([])));
    let results: Vec<_> =
        conformance["steps"].as_array().expect("steps").iter().map(|step| step["result"].clone()).collect();
    assert!(results[0] == "ok" && results[39] == "not-run", "{results:?}");
    assert_eq!(run_files(&folder, ".quorate"), Vec::<std::path::PathBuf>::new());
}

#[test]
fn what_may_be_left_decides_the_exit_code_and_keeps_the_run_file() {
    let target = start(FaultSet::NONE);
    let folder = folder(&target, "test = 'pr-write'");
    let child = under_way(&target, &folder);
    drop(target);
    let (code, report) = ended(child);
    assert_eq!((code, &report["verdict"]), (Some(5), &"left-on-lun".into()), "{report:#}");
    let conformance = &report["tested"][0]["conformance"];
    assert!(conformance["residue"].as_array().is_some_and(|left| !left.is_empty()), "{conformance:#}");
    let commands = conformance["residue_commands"].as_array().expect("commands");
    assert!(
        commands.iter().any(|line| line.as_str().is_some_and(|line| line.contains("sg_persist"))),
        "{commands:?}"
    );
    let files = run_files(&folder, ".quorate");
    assert_eq!(files.len(), 1);
    let named = conformance["run_file"].as_str().expect("named");
    assert_eq!(
        folder.path().join(named).canonicalize().expect("there"),
        files[0].canonicalize().expect("there")
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode =
            |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&files[0]), mode(&folder.file(".quorate"))), (0o600, 0o700));
    }
    let left = ("conformance/nothing-left".to_owned(), "fail".to_owned(), format!("{DEMO_TARGET} data"));
    assert!(findings(&report).contains(&left), "{report:#}");
}
