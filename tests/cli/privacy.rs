//! `quorate manifest` and `quorate probe --redact`.

use crate::support::{Folder, fixture};
use std::process::Command;

const PLAN: &str = r#"
[cluster]
name = "c"
platform = "pacemaker"
release = "12"
profile = "pacemaker-debian"
[[node]]
name = "hv1"
probe = "ssh://probe@10.0.0.11:2222"
sudo = true
[[node]]
name = "hv2"
probe = "ssh://probe@10.0.0.12"
sudo = true
[[network]]
name = "ring"
role = "cluster"
subnets = ["10.0.0.0/24"]
"#;

#[test]
fn a_manifest_lists_what_the_rules_of_a_plan_need() {
    let folder = Folder::new();
    folder.write("cluster.toml", PLAN);
    let json = folder.run(&["manifest", "--format", "json"]).ends_with(0).json();
    assert_eq!(
        (json["schema"].as_str(), json["hosts"].as_str()),
        (Some("quorate-manifest/1"), Some("script"))
    );
    let rules = json["rules"].as_array().expect("rules");
    let asks = json["asks"].as_array().expect("asks");
    assert!(rules.len() > 50 && asks.len() > 40, "{} {}", rules.len(), asks.len());
    for rule in rules {
        for ask in rule["asks"].as_array().expect("asks") {
            let known = asks.iter().find(|one| one["id"] == *ask).unwrap_or_else(|| panic!("{ask}"));
            assert!(known["rules"].as_array().expect("rules").contains(&rule["id"]), "{ask}");
        }
    }
    let of = |id: &str| asks.iter().find(|ask| ask["id"] == id).unwrap_or_else(|| panic!("{id}"));
    assert_eq!(of("cib")["needs_root"], true);
    assert_eq!(of("ip-addr")["what"], "ip -j -d addr");
    let ports = json["ports"].as_array().expect("ports");
    assert!(ports.iter().any(|port| port["to"] == "10.0.0.11" && port["port"] == 2222), "{ports:?}");
    let text = folder.quorate(&["manifest"]).env("COLUMNS", "80").end();
    assert!(text.ends_with(0).out.lines().all(|line| line.chars().count() <= 80), "{}", text.out);
}

#[test]
fn a_manifest_of_windows_names_tests_and_runs_nothing() {
    let folder = Folder::new();
    let json = folder.run(&["manifest", "--profile", "wsfc-2022", "--format", "json"]).ends_with(0).json();
    assert_eq!(json["hosts"], "validation-report");
    let asks = json["asks"].as_array().expect("asks");
    assert!(asks.iter().any(|ask| ask["what"] == "Test-Cluster: List BIOS Information"), "{asks:?}");
    assert!(asks.iter().all(|ask| ask["kind"] != "command" && ask["kind"] != "file"), "{asks:?}");
    folder
        .run(&["manifest", "--profile", "wsfc-2022", "--format", "sudoers"])
        .ends_with(2)
        .complains("nothing is run on the nodes");
}

#[test]
fn the_sudoers_fragment_is_sound_and_exact() {
    let folder = Folder::new();
    folder.write("cluster.toml", PLAN);
    let fragment = folder.run(&["manifest", "--format", "sudoers"]).ends_with(0).out.clone();
    assert!(fragment.contains("\nprobe ALL=(root) NOPASSWD: "), "{fragment}");
    assert!(fragment.contains("/usr/bin/timeout -k 1 8 /usr/sbin/multipathd show maps json"), "{fragment}");
    // Rules that need nothing of the kind need no grant for it.
    let few = folder.run(&["manifest", "--select", "iscsi", "--format", "sudoers"]).ends_with(0).out.clone();
    assert!(
        few.contains("initiatorname.iscsi") && !few.contains("cibadmin") && few.contains("\nprobe ALL="),
        "{few}"
    );
    folder
        .run(&["manifest", "--select", "iscsi", "--format", "sudoers", "--sudo-user", "ALL"])
        .ends_with(2)
        .complains("a login name is wanted");
    folder.write("fragment", &fragment);
    let visudo = Command::new("visudo").arg("-cf").arg(folder.file("fragment")).output();
    // Where sudo is not installed there is nobody to ask.
    if let Ok(told) = visudo {
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    }
}

#[test]
fn sudo_where_nothing_is_run_is_a_mistake() {
    let folder = Folder::new();
    folder.write("cluster.toml", PLAN.replace("ssh://probe@10.0.0.12", "none"));
    folder.run(&["check", "--dry-run"]).ends_with(2).complains("nothing is run on this node");
}

#[test]
fn a_recording_is_redacted_and_judged_alike() {
    let folder = Folder::new();
    folder.write("facts.json", fixture("clusters/pacemaker-3-iscsi.json"));
    let recording = "facts.json";
    let told = folder.run(&["probe", recording, "--redact", "-o", "redacted.json"]);
    told.complains("every rule says the same");
    let before = folder.run(&["check", recording, "--format", "json"]).json();
    let after = folder.run(&["check", "redacted.json", "--format", "json"]).json();
    let verdicts = |report: &serde_json::Value| -> Vec<(String, String)> {
        let findings = report["findings"].as_array().expect("findings").iter();
        findings.map(|one| (one["rule"].to_string(), one["status"].to_string())).collect()
    };
    assert_eq!(verdicts(&before), verdicts(&after));
    folder.run(&["probe", recording]).ends_with(2).complains("is a recording already");
    folder.run(&["probe", recording, "--redact-salt", "salt"]).ends_with(2).complains("nothing is redacted");
    folder
        .run(&["probe", recording, "--redact", "--redact-salt", "absent"])
        .ends_with(2)
        .complains("cannot be read");
    folder.write("salt", "a secret of many bytes");
    for output in ["a.json", "b.json"] {
        folder.run(&["probe", recording, "--redact", "--redact-salt", "salt", "-o", output]);
    }
    assert_eq!(folder.read("a.json"), folder.read("b.json"));
    assert!(!folder.read("a.json").contains("a secret of many bytes"));
}
