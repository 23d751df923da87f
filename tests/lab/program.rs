//! The program from outside against real peers: nodes over ssh, a target on tgt and istgt, recording and judging.

use crate::peers::{CHAP_SECRET, CHAP_USER, Istgt, MUTUAL_SECRET, MUTUAL_USER, Sshd, Tgt, off};
use quorate::facts::{Document, GapReason, Node, Target};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const QUORATE: &str = env!("CARGO_BIN_EXE_quorate");

/// Runs the program in a directory of its own, with this lab's ssh first in `PATH`.
fn quorate(dir: &Path, sshd: Option<&Sshd>, args: &[&str]) -> Output {
    let mut command = Command::new(QUORATE);
    command.args(args).current_dir(dir).env("NO_COLOR", "1").env_remove("QUORATE_CONFIG");
    if let Some(sshd) = sshd {
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", sshd.client_path().display()));
    }
    command.output().expect("quorate")
}

/// Records the plan's facts and reads the recording.
fn record(dir: &Path, sshd: Option<&Sshd>, plan: &str) -> Document {
    fs::write(dir.join("cluster.toml"), plan).expect("cluster.toml");
    let output = quorate(dir, sshd, &["probe", "-o", "facts.json"]);
    Document::read(&dir.join("facts.json"))
        .unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&output.stderr)))
}

fn nodes_plan(sshd: &Sshd, nodes: usize) -> String {
    let mut plan = "[cluster]\nname = \"lab\"\nplatform = \"pacemaker\"\n".to_owned();
    for node in 0..nodes {
        plan += &format!("[[node]]\nname = \"n{node:02}\"\nprobe = \"ssh://127.0.0.1:{}\"\n", sshd.port);
    }
    plan
}

fn gap_of(document: &Document, path: &str) -> Option<GapReason> {
    quorate::facts::Places::new(document).gap(path).and_then(|gap| gap.reason)
}

#[test]
fn nodes_are_probed_over_a_real_sshd() {
    if off() {
        return;
    }
    let sshd = Sshd::start("");
    let dir = tempfile::tempdir().expect("temporary directory");
    let document = record(dir.path(), Some(&sshd), &nodes_plan(&sshd, 3));
    let here = fs::read_to_string("/proc/sys/kernel/osrelease").expect("kernel release");
    for node in &document.nodes {
        assert_eq!(node.reached, Some(true), "{}: {:?}", node.name, document.gaps);
        assert_eq!(node.os.kernel.as_deref(), Some(here.trim()));
        assert!(node.nics.is_some() && node.memory.total_bytes.is_some() && node.cpu.threads.is_some());
        assert!(node.time.skew_ms.is_some(), "the clock is compared with ours");
    }
}

#[test]
fn log_ins_that_sshd_sheds_are_tried_again() {
    if off() {
        return;
    }
    // As OpenSSH's default of 10:30:100, for fewer nodes: from the fourth log-in that is not through, half are dropped.
    let sshd = Sshd::start("MaxStartups 4:50:100");
    let dir = tempfile::tempdir().expect("temporary directory");
    let document = record(
        dir.path(),
        Some(&sshd),
        &format!("{}[probe]\nhost_timeout = \"100s\"\n", nodes_plan(&sshd, 16)),
    );
    let lost: Vec<&Node> = document.nodes.iter().filter(|node| node.reached != Some(true)).collect();
    assert!(lost.is_empty(), "not reached: {:?}", document.gaps);
}

#[test]
fn a_host_that_is_not_there_or_not_known_is_a_gap_and_never_a_pass() {
    if off() {
        return;
    }
    let sshd = Sshd::start("");
    let dir = tempfile::tempdir().expect("temporary directory");
    let nowhere = crate::peers::free_port("127.0.0.1");
    let plan = format!(
        "[cluster]\nname = \"lab\"\nplatform = \"pacemaker\"\n\
         [[node]]\nname = \"a\"\nprobe = \"ssh://127.0.0.1:{}\"\n\
         [[node]]\nname = \"refused\"\nprobe = \"ssh://127.0.0.1:{nowhere}\"\n\
         [[node]]\nname = \"stranger\"\nprobe = \"ssh://localhost:{}\"\n",
        sshd.port, sshd.port
    );
    let document = record(dir.path(), Some(&sshd), &plan);
    assert_eq!(document.nodes[1].reached, Some(false));
    assert_eq!(gap_of(&document, "nodes[refused].os.kernel"), Some(GapReason::Unreachable));
    assert_eq!(document.nodes[2].reached, Some(false), "its host key is known under another name only");
    assert!(gap_of(&document, "nodes[stranger].os.kernel").is_some());
    let output = quorate(dir.path(), None, &["check", "facts.json", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    assert_ne!(output.status.code(), Some(0));
    let passed_for_lost = report["findings"].as_array().expect("findings").iter().filter(|finding| {
        finding["status"] == "pass"
            && finding["path"].as_str().is_some_and(|path| {
                path.starts_with("nodes[refused].") || path.starts_with("nodes[stranger].")
            })
    });
    assert_eq!(passed_for_lost.count(), 0, "nothing below a node that was not reached may pass");
}

#[test]
fn a_recording_is_judged_as_the_live_run_was() {
    if off() {
        return;
    }
    let sshd = Sshd::start("");
    let tgt = Tgt::start();
    tgt.target(1, "iqn.2024-01.lab:t", 2);
    let dir = tempfile::tempdir().expect("temporary directory");
    let plan = format!(
        "{}[[target]]\nname = \"iqn.2024-01.lab:t\"\nportals = [\"{}\", \"{}\"]\n\
         [[target.lun]]\nlun = 1\nname = \"data\"\nrole = \"data\"\n",
        nodes_plan(&sshd, 2),
        tgt.portals[0],
        tgt.portals[1]
    );
    let document = record(dir.path(), Some(&sshd), &plan);
    assert!(document.run.complete == Some(true));
    let judge = |args: &[&str]| {
        let output = quorate(dir.path(), Some(&sshd), args);
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
        let findings: Vec<(String, String, String)> = report["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .map(|finding| {
                ["rule", "path", "status"].map(|key| finding[key].as_str().expect("text").to_owned())
            })
            .map(|[rule, path, status]| (rule, path, status))
            // The live run is another run: what is measured anew may differ, what is judged by state may not.
            .filter(|(rule, ..)| !rule.contains("time") && !rule.contains("clock"))
            .collect();
        (output.status.code(), findings)
    };
    let live = judge(&["check", "--format", "json"]);
    let recorded = judge(&["check", "facts.json", "--format", "json"]);
    assert!(!live.1.is_empty());
    assert_eq!(live, recorded);
}

fn lun<'a>(target: &'a Target, name: &str) -> &'a quorate::facts::Lun {
    target.luns.iter().flatten().find(|lun| lun.name == name).expect("the LUN")
}

#[test]
fn tgt_behind_mutual_chap_is_inspected_with_secrets_from_the_environment() {
    if off() {
        return;
    }
    let tgt = Tgt::start();
    let iqn = "iqn.2024-01.lab:locked";
    tgt.target(1, iqn, 2);
    tgt.chap(1, true);
    let dir = tempfile::tempdir().expect("temporary directory");
    for (name, secret) in [("ours", CHAP_SECRET), ("theirs", MUTUAL_SECRET)] {
        use std::os::unix::fs::PermissionsExt;
        fs::write(dir.path().join(name), secret).expect("secret");
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o600)).expect("mode");
    }
    let plan = format!(
        "[cluster]\nname = \"lab\"\nplatform = \"wsfc\"\nrelease = \"2022\"\n\
         [[node]]\nname = \"a\"\nprobe = \"none\"\n[witness]\nkind = \"disk\"\nlun = \"witness\"\n\
         [[target]]\nname = \"{iqn}\"\nportals = [\"{}\", \"{}\"]\n\
         [target.chap]\nuser = \"{CHAP_USER}\"\nsecret = {{ file = \"ours\" }}\n\
         mutual_user = \"{MUTUAL_USER}\"\nmutual_secret = {{ file = \"theirs\" }}\n\
         [[target.lun]]\nlun = 1\nname = \"witness\"\nrole = \"witness\"\n\
         [[target.lun]]\nlun = 7\nname = \"lost\"\nrole = \"data\"\n",
        tgt.portals[0], tgt.portals[1]
    );
    let document = record(dir.path(), None, &plan);
    let target = &document.targets[0];
    for portal in target.portals.iter().flatten() {
        assert_eq!((portal.login, portal.authentication.as_deref()), (Some(true), Some("mutual-chap")));
    }
    let witness = lun(target, "witness");
    assert_eq!((witness.present, witness.ready), (Some(true), Some(true)));
    assert_eq!(witness.size_bytes.map(|size| size.0), Some(32 << 20));
    assert_eq!(witness.reservations.supported, Some(true));
    assert_eq!(witness.reservations.full_status_supported, Some(false), "tgt has no READ FULL STATUS");
    assert_eq!(witness.reservations.keys, Some(vec![]));
    assert_eq!(lun(target, "lost").present, Some(false));
    let text = fs::read_to_string(dir.path().join("facts.json")).expect("recording");
    assert!(!text.contains(CHAP_SECRET) && !text.contains(MUTUAL_SECRET), "a secret in the recording");
}

#[test]
fn istgt_is_inspected_though_its_answers_are_odd() {
    if off() {
        return;
    }
    let istgt = Istgt::start();
    let dir = tempfile::tempdir().expect("temporary directory");
    let plan = format!(
        "[cluster]\nname = \"lab\"\nplatform = \"generic\"\n[[node]]\nname = \"a\"\nprobe = \"none\"\n\
         [[target]]\nname = \"iqn.2024-01.lab:open\"\nportals = [\"{}\", \"{}\"]\n",
        istgt.portals[0], istgt.portals[1]
    );
    let document = record(dir.path(), None, &plan);
    let target = &document.targets[0];
    assert_eq!(target.portals.iter().flatten().filter(|portal| portal.login == Some(true)).count(), 2);
    let luns = target.luns.as_ref().expect("LUNs");
    assert_eq!(luns.len(), 2);
    for lun in luns {
        assert_eq!(lun.size_bytes.map(|size| size.0), Some(64 << 20));
        assert_eq!(lun.reservations.types, None, "istgt reports no valid type mask");
        assert_eq!(lun.paths.as_ref().map(Vec::len), Some(2));
    }
}
