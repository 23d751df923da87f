//! Whole clusters that hold every rule of their profile, and what each rule says once one thing is wrong.

use crate::{facts, shipped};
use quorate::facts::Document;
use quorate::rule::{Finding, Judgement, Ruleset, Selection, Status};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A file of mutations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutations {
    /// The profile that the cluster chooses by its platform and release.
    profile: String,
    /// Whether the plan names that profile, because platform and release lead to another one.
    #[serde(default)]
    named: bool,
    /// The cluster that this one is made from, by the name of its mutations; by default it has a file of its own.
    facts: Option<String>,
    /// What is so in that cluster before anything is wrong.
    #[serde(default)]
    with: Changes,
    pub mutation: Vec<Mutation>,
}

/// One or more changes of the facts, and what must then be found.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutation {
    /// The rule that must not hold any more.
    pub rule: String,
    /// Of which element; the whole cluster where it is left out.
    #[serde(default = "whole")]
    pub subject: String,
    /// `fail`, `warn`, `info` or `unknown`; by default what the profile makes of a rule that does not hold.
    status: Option<String>,
    /// Facts to set.
    #[serde(default)]
    set: Changes,
    /// Facts to take away.
    #[serde(default)]
    remove: Vec<String>,
    /// Elements to add to lists.
    #[serde(default)]
    push: Changes,
}

fn whole() -> String {
    "cluster".to_owned()
}

#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Changes {
    #[default]
    None,
    One(Change),
    Several(Vec<Change>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    path: String,
    value: toml::Value,
}

impl Changes {
    fn all(&self) -> &[Change] {
        match self {
            Changes::None => &[],
            Changes::One(one) => std::slice::from_ref(one),
            Changes::Several(several) => several,
        }
    }
}

impl Mutation {
    /// The paths at which it changes something.
    pub fn paths(&self) -> Vec<String> {
        let changes = self.set.all().iter().chain(self.push.all());
        changes.map(|change| &change.path).chain(&self.remove).cloned().collect()
    }

    pub fn apply(&self, facts: &Value) -> Value {
        let mut changed = facts.clone();
        for change in self.set.all() {
            facts::set(&mut changed, &change.path, Some(json(&change.value)));
        }
        for change in self.push.all() {
            let list = facts::get(&mut changed, &change.path);
            list.as_array_mut()
                .unwrap_or_else(|| panic!("`{}` is no list", change.path))
                .push(json(&change.value));
        }
        for path in &self.remove {
            facts::set(&mut changed, path, None);
        }
        assert!(changed != *facts, "{}: the mutation changes nothing", self.rule);
        changed
    }
}

fn json(value: &toml::Value) -> Value {
    serde_json::to_value(value).expect("TOML without dates is JSON")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/clusters")
}

/// All files of mutations, each with the cluster that it changes: name, facts, mutations. With `QUORATE_CLUSTER` in the
/// environment only that one, for while it is written.
pub fn clusters() -> Vec<(String, Value, Mutations)> {
    let (mut written, mut all): (BTreeMap<String, Value>, BTreeMap<String, Mutations>) = Default::default();
    for entry in std::fs::read_dir(folder()).expect("readable") {
        let path = entry.expect("readable").path();
        let file = path.file_name().expect("named").to_string_lossy().into_owned();
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Some(name) = file.strip_suffix(".json") {
            let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            written.insert(name.to_owned(), json);
        } else if let Some(name) = file.strip_suffix(".mutations.toml") {
            let mutations = toml::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            all.insert(name.to_owned(), mutations);
        }
    }
    let without: Vec<&String> = written.keys().filter(|name| !all.contains_key(*name)).collect();
    assert!(without.is_empty(), "clusters without mutations: {without:?}");
    let mut facts: Vec<Value> = all.keys().map(|name| healthy(name, &written, &all)).collect();
    let mut clusters: Vec<_> = all
        .into_iter()
        .zip(facts.drain(..))
        .map(|((name, mutations), facts)| (name, facts, mutations))
        .collect();
    if let Ok(wanted) = std::env::var("QUORATE_CLUSTER") {
        clusters.retain(|(name, ..)| *name == wanted);
        assert!(!clusters.is_empty(), "there is no cluster `{wanted}`");
    }
    clusters
}

/// A cluster as its file has it, or as it is made from another one.
fn healthy(name: &str, written: &BTreeMap<String, Value>, all: &BTreeMap<String, Mutations>) -> Value {
    let mutations = all.get(name).unwrap_or_else(|| panic!("there is no cluster `{name}`"));
    let mut facts = match &mutations.facts {
        Some(of) => healthy(of, written, all),
        None => written.get(name).unwrap_or_else(|| panic!("`{name}.json` is missing")).clone(),
    };
    for change in mutations.with.all() {
        facts::set(&mut facts, &change.path, Some(json(&change.value)));
    }
    facts
}

impl Mutations {
    pub fn selection(&self, document: &Document) -> Selection {
        Selection {
            profile: self.named.then(|| facts::text(&self.profile)),
            ..Selection::of_document(document)
        }
    }

    /// What the rules of the cluster's own profile say of it.
    fn judge(&self, ruleset: &Ruleset, facts: &Value) -> Judgement {
        let document = facts::valid(facts);
        judge_by(ruleset, &self.selection(&document), &document)
    }

    /// What one of those rules says.
    fn judge_one(&self, ruleset: &Ruleset, rule: &str, facts: &Value) -> Judgement {
        let document = facts::valid(facts);
        facts::judge(ruleset, rule, self.selection(&document), &document)
    }
}

fn judge_by(ruleset: &Ruleset, selection: &Selection, document: &Document) -> Judgement {
    let resolved = ruleset.resolve(selection).unwrap_or_else(|problems| panic!("{problems:?}"));
    resolved.judge(document, &[], facts::day(document))
}

fn told(finding: &Finding) -> String {
    format!("{} {} of {}: {}", finding.rule, finding.status, finding.subject, finding.message)
}

#[test]
fn a_healthy_cluster_holds_every_rule() {
    let ruleset = shipped();
    for (name, facts, mutations) in clusters() {
        let judgement = mutations.judge(&ruleset, &facts);
        assert_eq!(judgement.profile, mutations.profile, "{name}");
        let sick: Vec<String> = judgement
            .findings
            .iter()
            .filter(|finding| matches!(finding.status, Status::Fail | Status::Unknown | Status::Warn))
            .map(told)
            .collect();
        assert!(sick.is_empty(), "{name}:\n{}", sick.join("\n"));
    }
}

#[test]
fn what_is_wrong_is_found_where_it_is() {
    let ruleset = shipped();
    let wrong: Vec<String> = clusters()
        .par_iter()
        .flat_map(|(name, facts, mutations)| {
            let before = mutations.judge(&ruleset, facts);
            let ruleset = &ruleset;
            mutations.mutation.par_iter().filter_map(move |mutation| {
                if !before.selected.contains(&mutation.rule) {
                    return Some(format!("{name}: its profile does not select {}", mutation.rule));
                }
                let after = mutations.judge_one(ruleset, &mutation.rule, &mutation.apply(facts));
                let of_rule = || after.findings.iter().filter(|finding| finding.rule == mutation.rule);
                let hit = of_rule().any(|finding| {
                    let wanted = mutation.status.as_deref().unwrap_or(finding.severity.word());
                    finding.subject == mutation.subject && finding.status.word() == wanted
                });
                let said: Vec<String> = of_rule().map(told).collect();
                (!hit)
                    .then(|| format!("{name}: {} of {} not found; {said:?}", mutation.rule, mutation.subject))
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each rule that has something to say of a cluster is seen to say it at least once.
#[test]
fn every_rule_that_applies_can_be_broken() {
    let ruleset = shipped();
    let mut unbroken = Vec::new();
    let mut broken_somewhere: BTreeSet<String> = BTreeSet::new();
    let clusters = clusters();
    let of_name: BTreeMap<&str, &Mutations> =
        clusters.iter().map(|(name, _, mutations)| (name.as_str(), mutations)).collect();
    for (name, facts, mutations) in &clusters {
        // What is broken in the cluster that this one is made from need not be broken again.
        let made_from = |of: &&Mutations| of.facts.as_deref().and_then(|of| of_name.get(of).copied());
        let broken: BTreeSet<&str> = std::iter::successors(Some(mutations), made_from)
            .flat_map(|of| of.mutation.iter().map(|mutation| mutation.rule.as_str()))
            .collect();
        broken_somewhere.extend(broken.iter().map(|&rule| rule.to_owned()));
        let judgement = mutations.judge(&ruleset, facts);
        let passing = judgement.findings.iter().filter(|finding| finding.status == Status::Pass);
        let missed = passing.filter(|finding| {
            !broken.contains(finding.rule.as_str()) && !LARGE.contains(&finding.rule.as_str())
        });
        unbroken.extend(missed.map(|finding| format!("{name}: {}", finding.rule)));
    }
    assert!(unbroken.is_empty(), "rules that apply and that no mutation breaks:\n{}", unbroken.join("\n"));
    assert!(broken_somewhere.len() > 150, "{} rules are broken in some cluster", broken_somewhere.len());
}

/// Rules that only a larger cluster breaks than a fixture should be; their examples do.
const LARGE: [&str; 6] = [
    "node/count",
    "hyper-v/vms-per-node",
    "hyper-v/vms-per-cluster",
    "capacity/most-hit",
    "s2d/volume-count",
    "locking/dlm-nodes",
];

/// Facts without which a rule has nothing to ask: rule, fact, reason.
const SETTLED: &[(&str, &str, &str)] = &[
    ("reservation/expected-identity", "targets.luns.expected_identity", "the plan expects none"),
    ("iscsi/expected-size", "targets.luns.expected_size_bytes", "the plan expects none"),
    ("witness/planned-size", "targets.luns.expected_size_bytes", "the plan expects none"),
    ("network/planned-mtu", "networks.expected_mtu", "the plan asks for none"),
    ("node/planned-release", "cluster.release", "the plan names none"),
    ("witness/survives-intended-failures", "intent.survive_nodes", "nothing is intended"),
    ("witness/third-site", "intent.survive_site", "nothing is intended"),
    ("witness/quorum-resource-survives", "intent.survive_nodes", "nothing is intended"),
    ("virtual-server/host-loss-intended", "intent.survive_host", "nothing is intended"),
    ("virtual-server/independent-disks", "intent.independent_vms", "nothing is intended"),
    ("virtual-server/independent-groups", "intent.independent_vms", "nothing is intended"),
    ("virtual-server/quick-migration", "intent.planned_interruption_s", "nothing is intended"),
    ("virtual-server/zero-interruption", "intent.planned_interruption_s", "nothing is intended"),
    ("virtual-server/zero-interruption", "intent.interruption_s", "nothing is intended"),
    ("virtual-server/application-intended", "intent.application_failover", "nothing is intended"),
    ("placement/moves-by-itself", "intent.independent_vms", "nothing is intended"),
    ("placement/moves-while-running", "intent.planned_interruption_s", "nothing is intended"),
    ("placement/one-copy-of-software", "intent.application_failover", "nothing is intended"),
    ("placement/stateless", "intent.stateful", "nothing is intended"),
    ("s2d/survivable-losses", "intent.survive_nodes", "nothing is intended"),
    (
        "windows/unique-local-disk-identity",
        "nodes.spaces_direct.edition_supported",
        "Storage Spaces Direct is not asked after there",
    ),
    ("vsphere/vm-monitoring", "intent.application_failover", "nothing is intended"),
    ("vcs/agents-in-guests", "intent.application_failover", "nothing is intended"),
    ("vsphere-guest/application-watched", "intent.application_failover", "nothing is intended"),
    ("vsphere-guest/shared-state", "intent.stateful", "nothing is intended"),
    ("placement/configuration-on-shared-storage", "vms.config_volume", "the platform may keep it elsewhere"),
    ("witness/filesystem", "nodes.disks.filesystem", "a node that does not hold the disk cannot say"),
    (
        "conformance/worth-a-look",
        "targets.luns.conformance.checks.verdict",
        "conformance/suitable asks for it",
    ),
    ("iscsi/session-as-recorded", "nodes.iscsi.records.replacement_timeout_s", "the record says nothing"),
    ("pacemaker/cloud", "cluster.cloud", "it is derived anew of what the nodes are made of"),
];

/// Facts of which the rules below ask first whether they are known: what a plan need not say, and what a cluster that is not
/// made yet does not have.
const ASKED_FIRST: &[(&str, &str)] = &[
    ("", "cluster.layout"),
    ("", "intent.application_failover"),
    ("", "intent.interruption_s"),
    ("", "intent.planned_interruption_s"),
    ("wsfc/", "cluster.wsfc."),
    ("wsfc/service-account", "nodes.membership.service_account"),
    ("wsfc/every-node-votes", "nodes.membership.vote"),
    ("wsfc/antivirus-exclusions", "nodes.antivirus_exclusions"),
    ("wsfc/binding-order", "nodes.binding_order"),
    ("wsfc/storage-network-unused", "networks.cluster_use"),
    ("wsfc/receive-discards", "nodes.nics.receive_discards"),
    ("s2d/", "cluster.wsfc.storage_spaces_direct"),
];

/// Facts that go missing make a failure unknown at most, never a pass.
#[test]
fn a_failure_does_not_pass_for_want_of_facts() {
    let ruleset = shipped();
    let wrong: Vec<String> = clusters()
        .par_iter()
        .flat_map(|(name, facts, mutations)| {
            let ruleset = &ruleset;
            let healthy = facts::valid(facts);
            mutations.mutation.par_iter().enumerate().filter_map(move |(at, mutation)| {
                let sick = mutation.apply(facts);
                let reads = ruleset.rule(&mutation.rule).expect("there is that rule").reads();
                let mut places = Vec::new();
                gather(&sick, String::new(), &mut places);
                // Nodes and targets are there or not; that they are missing cannot be said.
                places.retain(|(_, types)| matters(types, &reads) && types.contains('.'));
                // One fact for each, another one for each.
                let (path, types) = places.get(at * 7919 % places.len().max(1))?;
                let mut without = sick.clone();
                facts::set(&mut without, path, None);
                let document = facts::complete(&without)?;
                // The platform may be the fact that is gone; the profile stays.
                let selection = mutations.selection(&healthy);
                let judgement = facts::judge(ruleset, &mutation.rule, selection, &document);
                let worst = judgement
                    .findings
                    .iter()
                    .filter(|finding| finding.rule == mutation.rule)
                    .map(|finding| finding.status)
                    .min();
                let settled = SETTLED.iter().any(|(rule, fact, _)| *rule == mutation.rule && fact == types)
                    || ASKED_FIRST
                        .iter()
                        .any(|(rules, facts)| mutation.rule.starts_with(rules) && types.starts_with(facts));
                (matches!(worst, None | Some(Status::Pass | Status::NotApplicable)) && !settled)
                    .then(|| format!("{name}: {} is {worst:?} without {path}", mutation.rule))
            })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether a fact is one that a rule reads, or one that something it reads follows from.
fn matters(types: &str, reads: &[String]) -> bool {
    const BELOW: [(&str, &[&str]); 6] = [
        (
            "hosts",
            &["nodes.os", "nodes.hypervisor", "nodes.hardware", "nodes.memory", "nodes.nics.addresses"],
        ),
        ("pairs", &["nodes.nics", "networks.subnets"]),
        ("nodes.redundancy", &["nodes.nics", "nodes.bonds", "networks.subnets"]),
        ("nodes.networks", &["nodes.nics", "nodes.bonds", "networks.subnets", "networks.role"]),
        (
            "targets.luns.views",
            &[
                "nodes.disks",
                "nodes.multipath.maps",
                "nodes.iscsi",
                "targets.portals",
                "targets.luns.identity",
            ],
        ),
        ("nodes.disks.lun", &["nodes.disks", "targets.luns.identity"]),
    ];
    reads.iter().any(|read| {
        let follows =
            BELOW.iter().filter(|(derived, _)| read.starts_with(derived)).flat_map(|(_, below)| below.iter());
        read == types || follows.into_iter().any(|below| types.starts_with(below))
    })
}

/// All facts below a value: where each stands by position, and as a path of types.
fn gather(value: &Value, path: String, out: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, below) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let types = path
                    .split('[')
                    .map(|part| part.split_once(']').map_or(part, |(_, after)| after))
                    .collect();
                gather(below, path.clone(), out);
                out.push((path, types));
            }
        }
        Value::Array(elements) => {
            for (position, below) in elements.iter().enumerate() {
                gather(below, format!("{path}[{position}]"), out);
            }
        }
        _ => {}
    }
}
