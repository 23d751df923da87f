//! Plans judged by themselves: each is sound, says enough to be judged by, and holds what can be judged.

use crate::{facts, shipped};
use quorate::derive;
use quorate::inventory::Inventory;
use quorate::rule::{Finding, Judgement, Ruleset, Selection, Status};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn plans() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plans");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("readable")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    all.sort();
    all
}

fn judge(ruleset: &Ruleset, plan: &Path) -> Judgement {
    let inventory = Inventory::load(plan).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut document = inventory.plan_alone();
    let day = jiff::civil::date(2026, 6, 1);
    derive::complete_on(&mut document, Some(day));
    let resolved = ruleset
        .resolve(&Selection::of_inventory(&inventory))
        .unwrap_or_else(|problems| panic!("{}: {problems:?}", plan.display()));
    resolved.judge(&document, &inventory.waivers, day)
}

#[test]
fn a_sound_plan_is_neither_refused_nor_advised_against() {
    let ruleset = shipped();
    assert!(!plans().is_empty());
    for plan in plans() {
        let judgement = judge(&ruleset, &plan);
        let of = |wanted: &[Status]| -> Vec<&Finding> {
            judgement.findings.iter().filter(|finding| wanted.contains(&finding.status)).collect()
        };
        let sick = of(&[Status::Fail, Status::Warn]);
        assert!(sick.is_empty(), "{}: {sick:#?}", plan.display());
        assert!(of(&[Status::Pass]).len() >= 20, "{} says next to nothing", plan.display());
    }
}

/// Facts that no plan declares: what hosts, targets and a cluster that runs say of themselves, and how each is known then.
const NOT_IN_A_PLAN: &[(&str, &str)] = &[
    ("targets.discovered", "the target says it"),
    ("targets.portals", "the portal says it"),
    ("targets.luns.present", "the target says it"),
    ("targets.luns.identity", "the LUN says it, once it is made"),
    ("targets.luns.paths", "every path to the LUN says it"),
    ("targets.luns.reservations", "the LUN says it"),
    ("targets.luns.views", "the nodes say it"),
    ("witness.reachable", "the nodes try it"),
    ("cluster.wsfc.addresses", "the cluster has them once it is made"),
    ("cluster.wsfc.shared_volumes", "the cluster has them once it is made"),
    ("cluster.wsfc.pool_free_bytes", "the pool is made with the cluster"),
    ("groups.online", "the cluster runs them"),
    ("nodes.automount", "Windows says it"),
    ("nodes.disks", "Windows says it"),
    ("nodes.drivers", "Windows says it"),
    ("nodes.firewall", "Windows says it"),
    ("nodes.hyper_v", "Hyper-V says it"),
    ("nodes.iscsi.bound_volumes", "the initiator says it"),
    ("nodes.iscsi.records", "the initiator says it"),
    ("nodes.iscsi.sessions", "the initiator says it"),
    ("nodes.machine_id", "Windows makes it when it is installed"),
    ("nodes.mounts", "the node says it"),
    ("nodes.multipath", "MPIO says it"),
    ("nodes.names", "the node looks them up"),
    ("nodes.nics.driver_version", "the adapter says it"),
    ("nodes.nics.firmware", "the adapter says it"),
    ("nodes.os.memory_dump", "Windows says it"),
    ("nodes.reboot_pending", "Windows says it"),
    ("nodes.resolver", "the node says it"),
    ("nodes.routes", "the node says it"),
    ("nodes.services", "Windows says it"),
    ("nodes.time", "the node's clock says it"),
    ("nodes.updates", "Windows says it"),
];

/// Plans of Windows clusters: each of a release or a layout, with what is planned of nodes, networks, storage, virtual machines.
const WINDOWS: [(&str, &str); 12] = [
    ("wsfc-2003", "wsfc-2003"),
    ("hyper-v-2008-guest", "hyper-v-2008-guest"),
    ("hyper-v-2008-host", "hyper-v-2008-host"),
    ("hyper-v-2008r2-csv", "hyper-v-2008r2-csv"),
    ("wsfc-2012", "wsfc-2012"),
    ("wsfc-2012r2", "wsfc-2012r2"),
    ("wsfc-2016", "wsfc-2016"),
    ("wsfc-2019", "wsfc-2019"),
    ("wsfc-2022", "wsfc-2022"),
    ("wsfc-2025", "wsfc-2025"),
    ("azure-local", "azure-local"),
    ("wsfc-vsphere-8", "wsfc-vsphere-8"),
];

/// What a plan leaves open is what only hosts, targets and a cluster that runs can say; everything else of it is decided.
#[test]
fn a_plan_of_windows_leaves_open_what_it_cannot_say() {
    let ruleset = shipped();
    let mut asked = BTreeSet::new();
    for (name, profile) in WINDOWS {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/plans/{name}.toml"));
        let judgement = judge(&ruleset, &file);
        assert_eq!(judgement.profile, profile, "{name}");
        let mut wrong = Vec::new();
        for finding in judgement.findings.iter().filter(|finding| finding.status == Status::Unknown) {
            // Windows is validated when the machines stand there; nobody vouches for that in a plan.
            if finding.rule == "wsfc/validated" {
                continue;
            }
            let missing = finding.evidence.iter().filter(|evidence| evidence.missing.is_some());
            let missing: Vec<String> = missing.map(|evidence| without_keys(&evidence.path)).collect();
            let told = |fact: &str| {
                let known = NOT_IN_A_PLAN.iter().find(|(begin, _)| {
                    fact.strip_prefix(begin).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                });
                known.map(|(begin, _)| asked.insert(*begin)).is_some()
            };
            if missing.is_empty() || !missing.iter().map(String::as_str).all(told) {
                wrong.push(format!(
                    "{} of {}: {missing:?} {}",
                    finding.rule, finding.subject, finding.message
                ));
            }
        }
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
    let unasked: Vec<_> = NOT_IN_A_PLAN.iter().filter(|(begin, _)| !asked.contains(begin)).collect();
    assert!(unasked.is_empty(), "no rule asks for {unasked:?}");
}

/// The path of a fact without the keys of its elements.
fn without_keys(path: &str) -> String {
    let mut depth = 0_usize;
    path.chars()
        .filter(|&letter| {
            depth += usize::from(letter == '[');
            let outside = depth == 0;
            depth -= usize::from(letter == ']');
            outside
        })
        .collect()
}

/// What a plan says wrong is found in the plan, before anything is there.
#[test]
fn a_plan_that_cannot_work_is_refused() {
    let ruleset = shipped();
    for (name, said, instead, rule) in [
        ("wsfc-2022", "size = \"1 GiB\"", "size = \"256 MiB\"", "witness/planned-size"),
        ("wsfc-2022", "release = \"2022\"\nedition", "release = \"2019\"\nedition", "node/planned-release"),
        ("wsfc-2012", "edition = \"standard\"", "edition = \"enterprise\"", "node/supported-edition"),
        (
            "hyper-v-2008-guest",
            "hypervisor_release = \"2008",
            "hypervisor_release = \"2003",
            "hyper-v/host-release",
        ),
        ("hyper-v-2008r2-csv", "kind = \"csv\"", "kind = \"disk\"", "hyper-v/host-storage"),
        ("azure-local", "ecc_memory = true", "ecc_memory = false", "hardware/error-correcting-memory"),
        (
            "wsfc-vsphere-8",
            "fault_tolerance = false",
            "fault_tolerance = true",
            "vsphere-guest/no-fault-tolerance",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let sound = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/plans/{name}.toml"));
        let text = std::fs::read_to_string(sound).expect("readable");
        let changed = text.replace(said, instead);
        assert_ne!(text, changed, "{name}: {said}");
        let plan = folder.path().join("cluster.toml");
        std::fs::write(&plan, changed).expect("written");
        let judgement = judge(&ruleset, &plan);
        let found = judgement.findings.iter().find(|finding| finding.rule == rule);
        assert!(
            judgement.findings.iter().any(|finding| finding.rule == rule && finding.status == Status::Fail),
            "{name}: {rule}: {found:#?}"
        );
    }
}

/// An article of 2006 has eight hosts whatever their shared disks are attached by, the vendor two on a parallel SCSI bus.
#[test]
fn a_limit_in_dispute_follows_the_vendor_unless_the_article_is_asked_for() {
    let ruleset = shipped();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clusters/virtual-server-host.json");
    let text = std::fs::read_to_string(file).expect("readable");
    let mut hosts: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
    facts::set(&mut hosts, "cluster.transport", Some("spi".into()));
    let document = facts::complete(&hosts).expect("valid facts");
    let failed = |profile: &str| -> Vec<String> {
        let selection = Selection { profile: Some(facts::text(profile)), ..Selection::default() };
        let resolved = ruleset.resolve(&selection).unwrap_or_else(|problems| panic!("{problems:?}"));
        let judgement = resolved.judge(&document, &[], facts::day(&document));
        let failed = judgement.findings.into_iter().filter(|finding| finding.status == Status::Fail);
        failed.map(|finding| finding.rule).collect()
    };
    assert_eq!(failed("virtual-server-host"), ["node/count-by-transport"]);
    assert_eq!(failed("virtual-server-host-as-published"), Vec::<String>::new());
}
