//! Plans judged by themselves: each is sound, says enough to be judged by, and holds what can be judged.

use crate::{facts, shipped};
use quorate::derive;
use quorate::inventory::Inventory;
use quorate::rule::{Finding, Judgement, Ruleset, Selection, Status};
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
    derive::complete(&mut document);
    let resolved = ruleset
        .resolve(&Selection::of_inventory(&inventory))
        .unwrap_or_else(|problems| panic!("{}: {problems:?}", plan.display()));
    resolved.judge(&document, &inventory.waivers, jiff::civil::date(2026, 6, 1))
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
