//! From what is written to the validated inventory. Every mistake is added to the problems; what is sound is kept, so
//! that one mistake does not hide the next.

mod carried;
mod network;
mod node;
mod storage;
mod witness;
mod words;

pub use words::portal_word;

use super::model::{AttestationPlan, ClusterPlan, IntentPlan, Inventory, ProbeSettings, RuleChoice, Waiver};
use super::raw::{
    RawAttestation, RawCluster, RawIntent, RawInventory, RawProbe, RawRules, RawTarget, RawWaiver,
};
use crate::facts::Seconds;
use crate::source::{Problems, SourceFile, Spanned, Text};
use jiff::civil::Date;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use words::{Twice, amount, filled, path};

/// Most hosts and portals that are probed at the same time.
const MOST_PARALLEL: i64 = 1024;

/// Validates what is written. None when a part is missing without which there is no inventory; that is reported.
pub fn inventory(
    file: &Arc<SourceFile>,
    directory: PathBuf,
    raw: RawInventory,
    damaged: bool,
    problems: &mut Problems,
) -> Option<Inventory> {
    let written = raw.node.as_ref().map(Vec::len);
    // Written, as opposed to sound: a reference to what was reported as wrong is no further mistake.
    let of_target = |target: &RawTarget| 1 + target.lun.as_ref().map_or(0, Vec::len);
    let storage: usize = raw.target.iter().flatten().map(of_target).sum();
    let nodes = node::nodes(raw.node.unwrap_or_default(), &directory, problems);
    if written == Some(0) && !damaged {
        problems.push(
            raw.span
                .problem("there is no node", "no `[[node]]`")
                .help("write one `[[node]]` for each member"),
        );
    }
    let networks = network::networks(raw.network.unwrap_or_default(), problems);
    let targets = storage::targets(raw.target.unwrap_or_default(), &directory, problems);
    let sound: usize = targets.iter().map(|target| 1 + target.luns.len()).sum();
    let on_volume = raw.witness.as_ref().and_then(|witness| witness.volume.clone());
    let witness = witness::witness(raw.witness, &targets, damaged, damaged || sound < storage, problems);
    let rules = raw.rules.map(|rules| rule_choice(rules, &directory, problems)).unwrap_or_default();
    let intent =
        raw.intent.map(|intent| intent_plan(intent, written.unwrap_or(0), problems)).unwrap_or_default();
    let probe = raw.probe.map(|probe| probe_settings(probe, problems)).unwrap_or_default();
    let attestations = attestations(raw.attest.unwrap_or_default(), problems);
    let waivers = waivers(raw.waive.unwrap_or_default(), problems);
    let mut raw_cluster = raw.cluster?;
    let tables = carried::Tables {
        cluster: raw_cluster.declare.take(),
        vms: raw.vm,
        hosts: raw.host,
        volumes: raw.volume,
        groups: raw.group,
        placements: raw.placement,
    };
    // Where a part could not be read, what others call might be in it.
    let sound = !damaged && problems.is_empty();
    let carried = carried::carried(tables, &nodes, sound, problems);
    let witness = if sound {
        witness::known_volume(witness, on_volume.as_ref(), carried.facts.volumes.as_deref(), problems)
    } else {
        witness
    };
    Some(Inventory {
        file: file.clone(),
        carried,
        cluster: cluster(raw_cluster, problems)?,
        directory,
        probe,
        nodes,
        networks,
        targets,
        witness,
        params: raw.params.unwrap_or_default().0,
        severity: raw.severity.unwrap_or_default().0,
        rules,
        intent,
        attestations,
        waivers,
    })
}

fn cluster(raw: RawCluster, problems: &mut Problems) -> Option<ClusterPlan> {
    let name = raw.name.and_then(|name| filled(name, problems));
    let release = raw.release.and_then(|release| filled(release, problems));
    let edition = raw.edition.and_then(|edition| filled(edition, problems));
    let profile = raw.profile.filter(|profile| filled(profile.clone(), problems).is_some());
    let platform = raw.platform?;
    Some(ClusterPlan {
        name: name?.value,
        platform: platform.value,
        platform_span: platform.span,
        release: release.map(|release| release.value),
        edition: edition.map(|edition| edition.value),
        profile,
        place: raw.span.place(),
    })
}

fn probe_settings(raw: RawProbe, problems: &mut Problems) -> ProbeSettings {
    let default = ProbeSettings::default();
    let parallel = raw.parallel.and_then(|parallel| {
        if !(1..=MOST_PARALLEL).contains(&parallel.value) {
            problems.push(
                parallel
                    .span
                    .problem(format!("`parallel` must be from 1 to {MOST_PARALLEL}"), "out of this range"),
            );
        }
        usize::try_from(parallel.value).ok()
    });
    let mut time = |text: Option<Text>| {
        let nanos = amount::duration(&text?, problems)?;
        Some(Duration::from_nanos(nanos))
    };
    ProbeSettings {
        parallel: parallel.unwrap_or(default.parallel),
        host_timeout: time(raw.host_timeout).unwrap_or(default.host_timeout),
        deadline: time(raw.deadline).unwrap_or(default.deadline),
        ssh_persist: time(raw.ssh_persist),
        mesh: raw.mesh.map_or(default.mesh, |mesh| mesh.value),
    }
}

fn rule_choice(raw: RawRules, directory: &Path, problems: &mut Problems) -> RuleChoice {
    let mut directories = Vec::new();
    for text in raw.directories.into_iter().flatten() {
        if let Some(value) = path(&text, directory, problems) {
            directories.push(Spanned { value, span: text.span });
        }
    }
    let mut ids = |list: Option<Vec<Text>>| -> Vec<Text> {
        list.into_iter().flatten().filter(|id| filled(id.clone(), problems).is_some()).collect()
    };
    let (select, ignore) = (ids(raw.select), ids(raw.ignore));
    for id in &ignore {
        if let Some(selected) = select.iter().find(|selected| selected.value == id.value) {
            problems.push(
                id.problem(format!("`{id}` is both selected and ignored"), "ignored here")
                    .label(&selected.inner(), "selected here"),
            );
        }
    }
    RuleChoice { directories, select, ignore }
}

fn intent_plan(raw: RawIntent, nodes: usize, problems: &mut Problems) -> IntentPlan {
    if let Some(survive) = &raw.survive_nodes {
        let all = i64::try_from(nodes).unwrap_or(i64::MAX);
        if survive.value < 0 {
            problems.push(survive.span.problem("`survive_nodes` cannot be negative", "below 0"));
        } else if survive.value >= all && all > 0 {
            problems.push(
                survive
                    .span
                    .problem(
                        format!("no cluster of {all} survives the loss of {}", survive.value),
                        "all there are, or more",
                    )
                    .help(format!("at most {}", all - 1)),
            );
        }
    }
    IntentPlan {
        survive_nodes: raw.survive_nodes.map(|survive| survive.value),
        survive_network: raw.survive_network.map(|survive| survive.value),
        survive_path: raw.survive_path.map(|survive| survive.value),
        survive_site: raw.survive_site.map(|survive| survive.value),
        survive_host: raw.survive_host.map(|survive| survive.value),
        application_failover: raw.application_failover.map(|wanted| wanted.value),
        independent_vms: raw.independent_vms.map(|wanted| wanted.value),
        planned_interruption_s: raw.planned_interruption_s.map(|time| Seconds(time.0)),
        interruption_s: raw.interruption_s.map(|time| Seconds(time.0)),
        stateful: raw.stateful.map(|stateful| stateful.value),
        place: Some(raw.span.place()),
    }
}

/// Reports what ends before its first day; days that are not given are not held against each other.
fn begins_before_it_ends(
    what: &str,
    from: Option<&Spanned<Date>>,
    until: Option<&Spanned<Date>>,
    problems: &mut Problems,
) {
    let (Some(from), Some(until)) = (from, until) else { return };
    if from.value > until.value {
        problems.push(
            until
                .span
                .problem(format!("the {what} ends before it begins"), "ends here")
                .label(&from.span, "begins here"),
        );
    }
}

fn attestations(list: Vec<RawAttestation>, problems: &mut Problems) -> Vec<AttestationPlan> {
    let mut twice = Twice::new("attestation");
    let mut out = Vec::new();
    for raw in list {
        let subject = raw.subject.and_then(|subject| filled(subject, problems));
        if let Some(subject) = &subject {
            twice.check(subject.value.clone(), &subject.inner(), problems);
        }
        let by = raw.by.and_then(|by| filled(by, problems));
        begins_before_it_ends("attestation", raw.on.as_ref(), raw.until.as_ref(), problems);
        let (Some(subject), Some(by), Some(until)) = (subject, by, raw.until) else { continue };
        out.push(AttestationPlan {
            subject: subject.value,
            by: by.value,
            on: raw.on.map(|on| on.value),
            until: until.value,
            reason: raw.reason.map(|reason| reason.value),
            place: raw.span.place(),
        });
    }
    out
}

fn waivers(list: Vec<RawWaiver>, problems: &mut Problems) -> Vec<Waiver> {
    let mut out: Vec<Waiver> = Vec::new();
    for raw in list {
        begins_before_it_ends("waiver", raw.from.as_ref(), raw.until.as_ref(), problems);
        let rule = raw.rule.filter(|rule| filled(rule.clone(), problems).is_some());
        let subject_given = raw.subject.is_some();
        let subject = raw.subject.filter(|subject| filled(subject.clone(), problems).is_some());
        let reason = raw.reason.and_then(|reason| filled(reason, problems));
        let owner = raw.owner.and_then(|owner| filled(owner, problems));
        let (Some(rule), Some(reason), Some(owner), Some(until)) = (rule, reason, owner, raw.until) else {
            continue;
        };
        if subject_given && subject.is_none() {
            continue;
        }
        let waiver = Waiver {
            rule,
            subject,
            reason: reason.value,
            owner: owner.value,
            from: raw.from.map(|from| from.value),
            until: until.value,
            place: raw.span.place(),
            in_plan: true,
        };
        let subject = |waiver: &Waiver| waiver.subject.as_ref().map(|subject| subject.value.clone());
        let same = out.iter().find(|other| {
            other.rule.value == waiver.rule.value
                && subject(other) == subject(&waiver)
                && other.meets(&waiver)
        });
        if let Some(first) = same {
            let rule = &waiver.rule;
            problems.push(
                rule.problem(format!("`{rule}` is waived twice for the same subject"), "waived here again")
                    .label(&first.rule.inner(), "waived here first"),
            );
        }
        out.push(waiver);
    }
    out
}
