//! The facts that the plan declares, and how what was found of a node is laid over them.

use super::model::{CarriedPlan, Inventory, LunPlan, NodePlan, ProbeMethod, TargetPlan, WitnessPlace};
use crate::facts::{
    Attestation, Cluster, Conformance, Document, Drift, Gap, GapReason, Lun, LunTest, Network, Node, Portal,
    ProbeKind, RecordType, Source, SourceKind, Target, Type, WitnessKind,
};
use crate::source::Place;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

impl Inventory {
    /// The facts that the plan declares: what probes lay their findings over. Everything in it has the line of the
    /// file as its source; what only the plan could tell and does not is a gap. Times of a run are not set, and
    /// nothing is derived.
    pub fn planned_document(&self) -> Document {
        self.document_with(self.carried.clone())
    }

    /// The same with what the cluster carries given apart, since it is the most by far.
    fn document_with(&self, carried: CarriedPlan) -> Document {
        let mut plan = Plan { document: Document::empty() };
        plan.cluster(self, carried.facts.cluster, carried.places);
        for node in &self.nodes {
            plan.node(node);
        }
        for network in &self.networks {
            let path = format!("networks[{}]", network.name);
            plan.source(&path, &network.place);
            plan.undeclared(network.mtu.is_none(), format!("{path}.expected_mtu"));
            plan.undeclared(network.switches.is_none(), format!("{path}.switches"));
            plan.undeclared(true, format!("{path}.cluster_use"));
            plan.document.networks.push(Network {
                name: network.name.clone(),
                role: Some(network.role),
                subnets: Some(network.subnets.iter().map(ToString::to_string).collect()),
                expected_mtu: network.mtu,
                switches: network.switches.clone(),
                cluster_use: None,
                overlaps: None,
            });
        }
        for target in &self.targets {
            plan.target(target);
        }
        plan.witness(self);
        plan.document.vms = carried.facts.vms;
        plan.document.hosts = carried.facts.hosts;
        plan.document.volumes = carried.facts.volumes;
        plan.document.groups = carried.facts.groups;
        plan.document.placements = carried.facts.placements;
        plan.carried();
        plan.intent(self);
        for attestation in &self.attestations {
            plan.source(&format!("attestations[{}]", attestation.subject), &attestation.place);
            plan.document.attestations.push(Attestation {
                subject: attestation.subject.clone(),
                by: Some(attestation.by.clone()),
                on: attestation.on.map(|on| on.to_string()),
                until: Some(attestation.until.to_string()),
                reason: attestation.reason.clone(),
                valid: None,
            });
        }
        plan.document
    }

    /// The facts that the plan declares, for judging the plan alone: whatever only a probe could tell is a gap that
    /// says so.
    pub fn plan_alone(&self) -> Document {
        self.alone(self.carried.clone())
    }

    /// The same where the plan is not needed any more: what the cluster carries is not copied.
    pub fn into_plan_alone(mut self) -> Document {
        let carried = std::mem::take(&mut self.carried);
        self.alone(carried)
    }

    fn alone(&self, carried: CarriedPlan) -> Document {
        let mut document = self.document_with(carried);
        let nodes = self.nodes.iter().map(|node| format!("nodes[{}]", node.name));
        let targets = self.targets.iter().map(|target| format!("targets[{}]", target.name));
        let parts = ["witness", "links", "cluster", "vms", "hosts", "volumes", "groups", "placements"];
        let all = nodes.chain(targets).chain(parts.map(str::to_owned));
        let known: Vec<String> = document.gaps.iter().map(|gap| gap.path.clone()).collect();
        document.gaps.extend(all.filter(|path| !known.contains(path)).map(|path| Gap {
            path,
            reason: Some(GapReason::NotCollected),
            detail: Some("only the plan was read, nothing was probed".to_owned()),
        }));
        document
    }
}

struct Plan {
    document: Document,
}

impl Plan {
    fn source(&mut self, path: &str, place: &Place) {
        self.document.sources.push(plan_source(path.to_owned(), place));
    }

    fn undeclared(&mut self, missing: bool, path: String) {
        if missing {
            self.document.gaps.push(Gap { path, reason: Some(GapReason::NotDeclared), detail: None });
        }
    }

    fn cluster(&mut self, inventory: &Inventory, facts: Cluster, places: Vec<(String, Place)>) {
        let plan = &inventory.cluster;
        self.source("cluster", &plan.place);
        self.undeclared(plan.release.is_none(), "cluster.release".to_owned());
        self.undeclared(plan.edition.is_none(), "cluster.edition".to_owned());
        self.undeclared(inventory.witness.is_none(), "cluster.votes".to_owned());
        let nodes = i64::try_from(inventory.nodes.len()).unwrap_or(i64::MAX);
        let sources = places.into_iter().map(|(path, place)| plan_source(path, &place));
        self.document.sources.extend(sources);
        self.document.cluster = facts;
        let cluster = &mut self.document.cluster;
        cluster.name = Some(plan.name.clone());
        cluster.platform = Some(plan.platform);
        cluster.release.clone_from(&plan.release);
        cluster.edition.clone_from(&plan.edition);
        cluster.votes = inventory.witness.as_ref().map(|witness| match witness.at {
            // SBD fences; it has no vote.
            WitnessPlace::None | WitnessPlace::Sbd(_) => nodes,
            _ => nodes.saturating_add(1),
        });
    }

    fn node(&mut self, plan: &NodePlan) {
        let path = format!("nodes[{}]", plan.name);
        self.source(&path, &plan.place);
        for (below, place) in &plan.declared_places {
            self.source(&format!("{path}.{below}"), place);
        }
        self.undeclared(plan.site.is_none(), format!("{path}.site"));
        self.undeclared(plan.physical_host.is_none(), format!("{path}.physical_host"));
        if plan.probe == ProbeMethod::None {
            self.document.gaps.push(Gap {
                path,
                reason: Some(GapReason::NotCollected),
                detail: Some("declared only".to_owned()),
            });
        }
        self.document.nodes.push(planned_node(plan));
    }

    fn target(&mut self, plan: &TargetPlan) {
        let path = format!("targets[{}]", plan.name);
        self.source(&path, &plan.place);
        for portal in &plan.portals {
            self.source(&format!("{path}.portals[{}]", portal.portal), &portal.place);
        }
        for lun in &plan.luns {
            let path = format!("{path}.luns[{}]", lun.name);
            self.source(&path, &lun.span.place());
            self.undeclared(lun.identity.is_none(), format!("{path}.expected_identity"));
            self.undeclared(lun.size.is_none(), format!("{path}.expected_size_bytes"));
        }
        let portal = |address: String| Portal { address, planned: Some(true), ..Portal::default() };
        self.document.targets.push(Target {
            name: plan.name.clone(),
            portals: Some(plan.portals.iter().map(|plan| portal(plan.portal.to_string())).collect()),
            luns: Some(plan.luns.iter().map(|lun| planned_lun(&plan.name, lun)).collect()),
            ..Target::default()
        });
    }

    fn witness(&mut self, inventory: &Inventory) {
        let Some(plan) = &inventory.witness else {
            self.document.gaps.push(Gap {
                path: "witness".to_owned(),
                reason: Some(GapReason::NotDeclared),
                detail: Some(format!("{} has no [witness]", inventory.file.name())),
            });
            return;
        };
        self.source("witness", &plan.place);
        self.undeclared(plan.site.is_none(), "witness.site".to_owned());
        self.undeclared(plan.free.is_none(), "witness.free_bytes".to_owned());
        let on_volume = match &plan.at {
            WitnessPlace::Volume(name) => name.clone(),
            _ => String::new(),
        };
        let (kind, lun, endpoint) = match &plan.at {
            WitnessPlace::Volume(_) => (WitnessKind::Disk, String::new(), String::new()),
            WitnessPlace::None => (WitnessKind::None, String::new(), String::new()),
            WitnessPlace::Disk(lun) => (WitnessKind::Disk, lun.to_string(), String::new()),
            WitnessPlace::Sbd(lun) => (WitnessKind::Sbd, lun.to_string(), String::new()),
            WitnessPlace::FileShare(share) => (WitnessKind::FileShare, String::new(), share.to_string()),
            WitnessPlace::Cloud(url) => (WitnessKind::Cloud, String::new(), url.clone()),
            WitnessPlace::Qdevice(host) => (WitnessKind::Qdevice, String::new(), host.to_string()),
        };
        let witness = &mut self.document.witness;
        witness.kind = Some(kind);
        witness.lun = Some(lun);
        witness.volume = Some(on_volume);
        witness.endpoint = Some(endpoint);
        witness.site.clone_from(&plan.site);
        witness.free_bytes = plan.free;
    }

    /// The gaps of what the cluster carries.
    fn carried(&mut self) {
        self.undeclared(self.document.vms.is_none(), "vms".to_owned());
        self.undeclared(self.document.volumes.is_none(), "volumes".to_owned());
        self.undeclared(self.document.groups.is_none(), "groups".to_owned());
        self.undeclared(self.document.placements.is_none(), "placements".to_owned());
    }

    fn intent(&mut self, inventory: &Inventory) {
        let plan = &inventory.intent;
        if let Some(place) = &plan.place {
            self.source("intent", place);
        }
        self.undeclared(plan.survive_nodes.is_none(), "intent.survive_nodes".to_owned());
        self.undeclared(plan.survive_network.is_none(), "intent.survive_network".to_owned());
        self.undeclared(plan.survive_path.is_none(), "intent.survive_path".to_owned());
        self.undeclared(plan.survive_site.is_none(), "intent.survive_site".to_owned());
        self.undeclared(plan.survive_host.is_none(), "intent.survive_host".to_owned());
        self.undeclared(plan.application_failover.is_none(), "intent.application_failover".to_owned());
        self.undeclared(plan.independent_vms.is_none(), "intent.independent_vms".to_owned());
        self.undeclared(plan.planned_interruption_s.is_none(), "intent.planned_interruption_s".to_owned());
        self.undeclared(plan.interruption_s.is_none(), "intent.interruption_s".to_owned());
        self.undeclared(plan.stateful.is_none(), "intent.stateful".to_owned());
        let intent = &mut self.document.intent;
        intent.survive_nodes = plan.survive_nodes;
        intent.survive_network = plan.survive_network;
        intent.survive_path = plan.survive_path;
        intent.survive_site = plan.survive_site;
        intent.survive_host = plan.survive_host;
        intent.application_failover = plan.application_failover;
        intent.independent_vms = plan.independent_vms;
        intent.planned_interruption_s = plan.planned_interruption_s;
        intent.interruption_s = plan.interruption_s;
        intent.stateful = plan.stateful;
    }
}

fn plan_source(path: String, place: &Place) -> Source {
    Source {
        path,
        kind: Some(SourceKind::Plan),
        place: Some(place.file.to_string()),
        item: Some(format!("line {}", place.line)),
    }
}

fn planned_node(plan: &NodePlan) -> Node {
    Node {
        name: plan.name.clone(),
        probe: Some(match plan.probe {
            ProbeMethod::Local => ProbeKind::Local,
            ProbeMethod::Ssh(_) => ProbeKind::Ssh,
            ProbeMethod::Facts(_) => ProbeKind::Facts,
            ProbeMethod::None => ProbeKind::None,
        }),
        site: plan.site.clone(),
        physical_host: plan.physical_host.clone(),
        ..plan.declared.clone()
    }
}

fn planned_lun(target: &str, plan: &LunPlan) -> Lun {
    Lun {
        name: plan.name.clone(),
        number: Some(i64::from(plan.number)),
        target: Some(target.to_owned()),
        role: Some(plan.role),
        expected_identity: plan.identity.as_ref().map(ToString::to_string),
        expected_size_bytes: plan.size,
        test: Some(plan.test.as_ref().map_or(LunTest::None, |test| test.mode)),
        conformance: Conformance::not_asked(),
        ..Lun::default()
    }
}

/// Lays what was found of a node over what the plan declares of it, in a document that began as
/// [`Inventory::planned_document`]. What was found holds; where the plan says something else, that is a drift. A
/// declared fact that was not found stays, with the plan as its source. An element of a list that was found as a
/// whole is only there when it was found.
///
/// Sources and gaps of what was found are for the caller to add.
pub fn lay_over(document: &mut Document, plan: &NodePlan, mut found: Node) {
    let path = format!("nodes[{}]", plan.name);
    let planned = planned_node(plan);
    found.name.clone_from(&planned.name);
    found.probe = found.probe.or(planned.probe);
    found.site = planned.site.or(found.site);
    found.physical_host = planned.physical_host.or(found.physical_host);
    if !plan.declared_places.is_empty() {
        let mut over = Over::new(&plan.declared_places, &path);
        if let (Ok(Value::Object(declared)), Ok(Value::Object(mut facts))) =
            (serde_json::to_value(&plan.declared), serde_json::to_value(&found))
        {
            over.record(&Node::TYPE, "", declared, &mut facts);
            if let Ok(node) = serde_json::from_value(Value::Object(facts)) {
                found = node;
            }
        }
        over.finish(document);
    }
    match document.nodes.iter_mut().find(|node| node.name == plan.name) {
        Some(node) => *node = found,
        None => document.nodes.push(found),
    }
}

/// Lays what was found of the cluster as a whole and of what it carries over what the plan declares, as [`lay_over`] does
/// for a node. Of `found` only `cluster`, `vms`, `hosts`, `volumes`, `groups` and `placements` are looked at; those of them that
/// are missing were not found. What `[cluster]` says itself is the plan's to say and stays.
///
/// Sources and gaps of what was found are for the caller to add.
pub fn lay_over_carried(document: &mut Document, plan: &CarriedPlan, found: Document) {
    let found = Document {
        cluster: Cluster {
            name: None,
            platform: None,
            release: None,
            edition: None,
            votes: None,
            ..found.cluster
        },
        vms: found.vms,
        hosts: found.hosts,
        volumes: found.volumes,
        groups: found.groups,
        placements: found.placements,
        ..Document::default()
    };
    let (Ok(Value::Object(declared)), Ok(Value::Object(mut facts))) =
        (serde_json::to_value(&plan.facts), serde_json::to_value(&found))
    else {
        return;
    };
    let mut over = Over::new(&plan.places, "");
    over.record(&Document::TYPE, "", declared, &mut facts);
    let Ok(laid) = serde_json::from_value::<Document>(Value::Object(facts)) else { return };
    over.finish(document);
    let planned = &document.cluster;
    document.cluster = Cluster {
        name: planned.name.clone(),
        platform: planned.platform,
        release: planned.release.clone(),
        edition: planned.edition.clone(),
        votes: planned.votes,
        ..laid.cluster
    };
    let now_known = [
        (found.vms.is_some(), "vms"),
        (found.hosts.is_some(), "hosts"),
        (found.volumes.is_some(), "volumes"),
        (found.groups.is_some(), "groups"),
        (found.placements.is_some(), "placements"),
    ];
    document.gaps.retain(|gap| !now_known.contains(&(true, gap.path.as_str())));
    document.vms = laid.vms;
    document.hosts = laid.hosts;
    document.volumes = laid.volumes;
    document.groups = laid.groups;
    document.placements = laid.placements;
}

/// Lays what was found of one record over what is planned of it.
struct Over<'a> {
    /// Where each planned fact stands, by its path below the record.
    places: HashMap<&'a str, &'a Place>,
    /// Path of the record; empty for the document itself.
    path: &'a str,
    /// Paths below the record at which the plan's word stays.
    kept: HashSet<String>,
    drifts: Vec<Drift>,
}

impl<'a> Over<'a> {
    fn new(places: &'a [(String, Place)], path: &'a str) -> Self {
        let places = places.iter().map(|(path, place)| (path.as_str(), place)).collect();
        Over { places, path, kept: HashSet::new(), drifts: Vec::new() }
    }

    /// Adds the differences, and takes the plan away as the source of what was found.
    fn finish(self, document: &mut Document) {
        let is_kept = |below: &str| {
            let above = below.match_indices(['.', '[']).map(|(at, _)| &below[..at]);
            above.chain([below]).any(|path| self.kept.contains(path))
        };
        let stale = |below: &str| self.places.contains_key(below) && !is_kept(below);
        document.sources.retain(|source| {
            let below = if self.path.is_empty() {
                Some(source.path.as_str())
            } else {
                source.path.strip_prefix(self.path).and_then(|rest| rest.strip_prefix('.'))
            };
            source.kind != Some(SourceKind::Plan) || !below.is_some_and(stale)
        });
        document.drifts.extend(self.drifts);
    }

    fn record(
        &mut self,
        ty: &RecordType,
        at: &str,
        declared: Map<String, Value>,
        found: &mut Map<String, Value>,
    ) {
        for (name, planned) in declared {
            let Some((index, _)) = ty.find(&name) else { continue };
            // The key of an element is what joined the two.
            if Some(index) == ty.key {
                continue;
            }
            let below = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            let field = (ty.fields[index].ty)();
            match (field, planned, found.get_mut(&name)) {
                (_, planned, None) => {
                    self.kept.insert(below);
                    found.insert(name, planned);
                }
                (Type::Record(record), Value::Object(planned), Some(Value::Object(found))) => {
                    self.record(record, &below, planned, found);
                }
                (Type::List(inner), Value::Array(planned), Some(Value::Array(found))) => match *inner {
                    Type::Record(record) if record.key.is_some() => self.list(record, &below, planned, found),
                    _ => self.compare(&below, &Value::Array(planned), &Value::Array(found.clone())),
                },
                (_, planned, Some(found)) => self.compare(&below, &planned, found),
            }
        }
    }

    fn list(&mut self, ty: &RecordType, at: &str, declared: Vec<Value>, found: &mut [Value]) {
        let Some(key) = ty.key.map(|key| ty.fields[key].name) else { return };
        let by_key: HashMap<String, usize> = found
            .iter()
            .enumerate()
            .filter_map(|(position, element)| Some((shown(element.get(key)?), position)))
            .collect();
        for planned in declared {
            let Value::Object(planned) = planned else { continue };
            let name = shown(planned.get(key).unwrap_or(&Value::Null));
            let path = format!("{at}[{name}]");
            match by_key.get(&name).and_then(|position| found.get_mut(*position)) {
                Some(Value::Object(element)) => self.record(ty, &path, planned, element),
                _ => self.drift(&path, Some("present".to_owned()), Some("absent".to_owned())),
            }
        }
    }

    fn compare(&mut self, at: &str, planned: &Value, found: &Value) {
        if planned != found {
            self.drift(at, Some(shown(planned)), Some(shown(found)));
        }
    }

    fn drift(&mut self, at: &str, planned: Option<String>, found: Option<String>) {
        let place = self.places.get(at).map(ToString::to_string);
        let path = if self.path.is_empty() { at.to_owned() } else { format!("{}.{at}", self.path) };
        self.drifts.push(Drift { path, planned, found, place });
    }
}

/// A value as people read it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
