//! Probing for real: this machine, recorded nodes, and the embedded target over TCP; and the same from a recording.

use crate::support::Folder;
use quorate::simtarget::config::DEMO_TARGET;
use quorate::simtarget::{Config, FaultSet, SimTarget};

/// A plan for a target, with two recorded nodes.
fn folder(target: &SimTarget, more: &str) -> Folder {
    let folder = Folder::new();
    for (name, kernel) in [("hv1", "6.1.0-18"), ("hv2", "6.1.0-13")] {
        let facts = format!(
            r#"{{"schema":"quorate/1","run":{{"complete":true}},"nodes":[{{"name":"{name}","reached":true,
            "os":{{"family":"linux","kernel":"{kernel}","architecture":"x86_64"}},"nics":[],"disks":[]}}]}}"#
        );
        folder.write(&format!("{name}.json"), facts);
    }
    let portals: Vec<String> = target.portals().iter().map(|portal| format!("'{portal}'")).collect();
    let plan = format!(
        "[cluster]\nname = 'live'\nplatform = 'generic'\n\
         [[node]]\nname = 'hv1'\nprobe = 'facts:hv1.json'\n[[node]]\nname = 'hv2'\nprobe = 'facts:hv2.json'\n\
         [[target]]\nname = '{DEMO_TARGET}'\nportals = [{}]\n\
         [[target.lun]]\nlun = 0\nname = 'witness'\nrole = 'witness'\n[[target.lun]]\nlun = 1\nname = 'data'\nrole = 'data'\n\
         [witness]\nkind = 'disk'\nlun = 'witness'\n{more}",
        portals.join(", ")
    );
    folder.write("cluster.toml", plan);
    folder
}

fn start() -> SimTarget {
    SimTarget::start(Config::demo(FaultSet::NONE)).expect("it starts")
}

const SETTINGS: &str = "[params]\nmin_witness_size = '2 GiB'\n[severity]\n'node/same-kernel' = 'fail'\n\
    [rules]\nignore = ['node/same-cpu-model']\n\
    [[waive]]\nrule = 'iscsi/authenticated'\nreason = 'a test'\nowner = 'anna'\nuntil = '2999-01-01'\n";

#[test]
fn a_recording_is_judged_as_the_live_run_was() {
    let target = start();
    let folder = folder(&target, SETTINGS);
    let live = folder.run(&["check", "--format", "json"]);
    let live = live.ends_with(1).json();
    assert_eq!(live["coverage"]["targets"]["reached"], 1, "{live}");
    folder.run(&["probe", "-o", "facts.json"]).ends_with(0).complains("Recorded 2 of 2 nodes in facts.json");
    drop(target);
    std::fs::remove_file(folder.file("cluster.toml")).expect("removed");
    let recorded = folder.run(&["check", "facts.json", "--format", "json"]).ends_with(1).json();
    let comparable = |report: &serde_json::Value| {
        let findings = report["findings"].as_array().expect("a list").clone();
        let shown = |finding: &serde_json::Value| {
            let keys = ["rule", "status", "severity", "subject", "message", "waiver"];
            keys.map(|key| finding[key].clone())
        };
        findings.iter().map(shown).collect::<Vec<_>>()
    };
    assert_eq!(comparable(&live), comparable(&recorded));
    for key in ["verdict", "summary", "coverage", "exit_code"] {
        assert_eq!(live[key], recorded[key], "{key}");
    }
    let waived = comparable(&recorded).iter().any(|finding| finding[1] == "waived");
    assert!(waived && recorded["overrides"][0]["param"] == "min_witness_size", "{recorded}");
}

#[test]
fn settings_with_folders_of_rules_ask_for_them_elsewhere() {
    let target = start();
    let folder = folder(&target, "[rules]\ndirectories = ['mine']\n");
    let rule = "[[rule]]\nname='x'\ntitle='x'\nseverity='info'\nrequire='size(nodes) > 0'\nmessage='m'\nwhy='w'\nremedy='r'\nsource=['s']\n\
        [[rule.example]]\nverdict='pass'\nfacts='{\"nodes\":[{\"name\":\"a\"}]}'\n[[rule.example]]\nverdict='info'\nfacts='{}'\n";
    folder.write("mine/house.toml", rule);
    folder.run(&["probe", "-q", "-o", "facts.json"]).ends_with(0);
    let here = folder.run(&["check", "facts.json", "--select", "house", "--format", "json"]);
    assert_eq!(here.ends_with(0).json()["summary"]["pass"], 1);
    std::fs::rename(folder.file("mine"), folder.file("moved")).expect("moved");
    folder.run(&["check", "facts.json"]).ends_with(2).complains("mine: cannot be read");
    folder.run(&["check", "facts.json", "--rules", "moved", "--select", "house"]).ends_with(0);
}

#[test]
fn a_trace_holds_the_inspection_and_changes_nothing() {
    let target = start();
    let folder = folder(&target, "");
    let traced = folder.run(&["check", "--trace", "run.pcapng", "--select", "iscsi"]);
    traced.complains("The trace run.pcapng has").complains("packets");
    assert_eq!(traced.code, folder.run(&["check", "--select", "iscsi"]).code);
    let bytes = std::fs::read(folder.file("run.pcapng")).expect("written");
    assert!(bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) && bytes.len() > 10_000, "{}", bytes.len());
    let name = DEMO_TARGET.as_bytes();
    assert!(bytes.windows(name.len()).any(|window| window == name), "the login is in it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.file("run.pcapng")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    folder.run(&["probe", "-q", "-o", "facts.json", "--trace", "probe.pcapng"]).ends_with(0);
    let nowhere = folder.run(&["check", "facts.json", "--trace", "x"]);
    nowhere.ends_with(2).complains("nothing to trace: a recording contacts no target");
    folder
        .run(&["check", "--plan", "cluster.toml", "--trace", "x"])
        .ends_with(2)
        .complains("a plan by itself");
    let before = target.stats().connections;
    let refused = folder.run(&["check", "--trace", "no/such/file"]);
    refused.ends_with(2).complains("the trace no/such/file cannot be written");
    assert_eq!(target.stats().connections, before, "it is refused before anything is contacted");
}

#[test]
fn a_target_that_is_gone_is_a_failure_and_not_reached() {
    let target = start();
    let folder = folder(&target, "");
    drop(target);
    let json = folder.run(&["check", "--format", "json", "--select", "iscsi"]).ends_with(1).json();
    assert_eq!(json["coverage"]["targets"]["reached"], 0);
    assert_eq!(json["coverage"]["portals"]["not_reached"].as_array().map(Vec::len), Some(2));
    folder.run(&["probe", "-q"]).ends_with(3);
}

#[test]
fn this_machine_is_probed_and_hosts_that_are_not_there_are_named() {
    let folder = Folder::new();
    folder.write(
        "cluster.toml",
        "[cluster]\nname='x'\nplatform='generic'\n[[node]]\nname='here'\nprobe='local'\n\
         [[node]]\nname='gone'\nprobe='ssh://127.0.0.1:1'\n[[node]]\nname='lost'\nprobe='facts:lost.json'\n",
    );
    folder.run(&["check"]).ends_with(2).complains("lost.json");
    folder.write("lost.json", r#"{"schema":"quorate/1","nodes":[{"name":"lost"}]}"#);
    let json = folder.run(&["check", "--format", "json", "--deadline", "20s"]).json();
    let lost = json["coverage"]["nodes"]["not_reached"].as_array().expect("a list").clone();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!(lost[0]["name"], "gone");
    assert_ne!(json["exit_code"], 0);
}

#[test]
fn a_dry_run_contacts_nothing_and_shows_the_script() {
    let target = start();
    let folder = folder(&target, "");
    let before = target.stats().connections;
    for command in ["check", "probe"] {
        let answer = folder.run(&[command, "--dry-run"]);
        for words in
            ["# node hv1: read hv1.json", "# SCRIPT, which only reads", DEMO_TARGET, "PERSISTENT RESERVE IN"]
        {
            assert!(answer.ends_with(0).out.contains(words), "{words}: {}", answer.out);
        }
    }
    assert_eq!(target.stats().connections, before);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_reports_what_it_has() {
    use std::process::{Command, Stdio};
    let mut config = Config::demo(FaultSet::NONE);
    config.faults.set("hangs".parse().expect("a fault"), true);
    let target = SimTarget::start(config).expect("it starts");
    let folder = folder(&target, "");
    let child = Command::new(assert_cmd::cargo::cargo_bin!("quorate"))
        .args(["check", "--format", "json"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let began = std::time::Instant::now();
    while target.stats().connections == 0 && began.elapsed().as_secs() < 20 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(kill.success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_eq!((&report["verdict"], &report["exit_code"]), (&"interrupted".into(), &130.into()));
    assert_eq!(report["coverage"]["run_complete"], false);
}
