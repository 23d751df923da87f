//! What the pictures of a report show: the cluster as nodes, networks, portals and LUNs, where the nodes differ, and how long the
//! ways between them take. Taken out of the facts and of the findings once; renderers only draw it.

use crate::facts::{Document, Fact, LinkKind, Node, Record, SizeText, Value, ancestors, element_key};
use crate::rule::{Finding, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Most rows of the table of differences; a report of two strange machines would have thousands.
const MOST_DIFFERENCES: usize = 120;

/// What the pictures show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Drawn {
    /// The nodes.
    pub nodes: Vec<DrawnNode>,
    /// The networks of the plan.
    pub networks: Vec<DrawnNetwork>,
    /// The LUNs of all targets.
    pub luns: Vec<DrawnLun>,
    /// Facts in which the nodes differ.
    pub differences: Vec<Difference>,
    /// How many more there are.
    #[serde(default)]
    pub more_differences: usize,
    /// Ways between nodes, the slowest of those that were measured for each two.
    pub ways: Vec<DrawnWay>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrawnNode {
    /// Its name.
    pub name: String,
    /// Whether it answered; absent for one that is only declared.
    pub reached: Option<bool>,
    /// The worst that rules say of it or of a part of it.
    pub worst: Option<Status>,
}

/// A network of the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrawnNetwork {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: String,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Switches that carry it, as far as they are known.
    pub switches: Vec<String>,
    /// Portals of targets on it.
    pub portals: Vec<DrawnPortal>,
    /// How each node is on it, in the order of the nodes; none where that is not known.
    pub taps: Vec<Option<Tap>>,
    /// The worst that rules say of it.
    pub worst: Option<Status>,
}

/// How one node is on one network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tap {
    /// Interfaces underneath; none where the node is not on the network.
    pub nics: Vec<String>,
    /// Whether one of them is up.
    pub up: Option<bool>,
    /// The worst that rules say of it.
    pub worst: Option<Status>,
}

/// A portal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrawnPortal {
    /// Address and port.
    pub address: String,
    /// Whether we were let in.
    pub login: Option<bool>,
    /// The worst that rules say of it.
    pub worst: Option<Status>,
}

/// A LUN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrawnLun {
    /// Target it belongs to.
    pub target: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: String,
    /// Its size in words; empty where it is not known.
    pub size: String,
    /// Paths that work on each node, in the order of the nodes: 0 where it is not seen; none where that is not known.
    pub paths: Vec<Option<i64>>,
    /// The worst that rules say of it.
    pub worst: Option<Status>,
}

/// A fact in which the nodes differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// Its path below the node: `os.kernel`.
    pub fact: String,
    /// Its value on each node, in the order of the nodes; none where it is not known.
    pub values: Vec<Option<String>>,
    /// The value that most have; absent in a tie.
    pub majority: Option<String>,
}

/// A way between two nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DrawnWay {
    /// Node it starts at.
    pub from: String,
    /// Node it ends at.
    pub to: String,
    /// Round trip in microseconds, of the slowest network.
    pub round_trip_us: Option<i64>,
    /// Whether anything came through, on every network that was measured.
    pub reachable: Option<bool>,
    /// The worst that rules say of it, whatever was measured on it.
    pub worst: Option<Status>,
}

impl Drawn {
    /// What a document and the findings about it come to.
    pub fn of(document: &Document, findings: &[Finding]) -> Self {
        let worst = Worst::of(findings);
        let nodes = document.nodes.iter().map(|node| DrawnNode {
            name: node.name.clone(),
            reached: node.reached,
            worst: worst.at(&format!("nodes[{}]", node.name)),
        });
        let (differences, more_differences) = differences(&document.nodes);
        Drawn {
            nodes: nodes.collect(),
            networks: networks(document, &worst),
            luns: luns(document, &worst),
            differences,
            more_differences,
            ways: ways(document, &worst),
        }
    }
}

/// The worst that findings say of a path and of all below it.
struct Worst(HashMap<String, Status>);

impl Worst {
    fn of(findings: &[Finding]) -> Self {
        let mut worst: HashMap<String, Status> = HashMap::new();
        let open = findings
            .iter()
            .filter(|finding| matches!(finding.status, Status::Fail | Status::Unknown | Status::Warn));
        for finding in open {
            for at in ancestors(&finding.path).filter(|at| !at.is_empty()) {
                worst
                    .entry(at.to_owned())
                    .and_modify(|known| *known = (*known).min(finding.status))
                    .or_insert(finding.status);
            }
        }
        Worst(worst)
    }

    fn at(&self, path: &str) -> Option<Status> {
        self.0.get(path).copied()
    }
}

fn networks(document: &Document, worst: &Worst) -> Vec<DrawnNetwork> {
    let portals: Vec<(&str, DrawnPortal)> = document
        .targets
        .iter()
        .flat_map(|target| target.portals.iter().flatten().map(move |portal| (target, portal)))
        .map(|(target, portal)| {
            let path = format!("targets[{}].portals[{}]", target.name, portal.address);
            let drawn =
                DrawnPortal { address: portal.address.clone(), login: portal.login, worst: worst.at(&path) };
            (portal.network.as_deref().unwrap_or_default(), drawn)
        })
        .collect();
    let on = |name: &str| -> Vec<DrawnPortal> {
        let mut seen = HashSet::new();
        let mine = portals.iter().filter(|(network, _)| *network == name).map(|(_, portal)| portal);
        mine.filter(|portal| seen.insert(portal.address.clone())).cloned().collect()
    };
    let mut out: Vec<DrawnNetwork> = document
        .networks
        .iter()
        .map(|network| {
            let mut switches: Vec<String> = network.switches.clone().unwrap_or_default();
            let taps = document.nodes.iter().map(|node| tap(node, &network.name, worst)).collect();
            for node in &document.nodes {
                let own = node.networks.iter().flatten().find(|own| own.network == network.name);
                switches.extend(own.iter().flat_map(|own| own.switches.iter().flatten().cloned()));
            }
            switches.sort();
            switches.dedup();
            DrawnNetwork {
                name: network.name.clone(),
                role: network.role.map(|role| role.word().to_owned()).unwrap_or_default(),
                subnets: network.subnets.clone().unwrap_or_default(),
                switches,
                portals: on(&network.name),
                taps,
                worst: worst.at(&format!("networks[{}]", network.name)),
            }
        })
        .collect();
    // Portals that are on no network of the plan are drawn all the same.
    let stray = on("");
    if !stray.is_empty() {
        out.push(DrawnNetwork {
            portals: stray,
            taps: document.nodes.iter().map(|_| None).collect(),
            ..DrawnNetwork::default()
        });
    }
    out
}

fn tap(node: &Node, network: &str, worst: &Worst) -> Option<Tap> {
    let networks = node.networks.as_ref()?;
    let Some(own) = networks.iter().find(|own| own.network == network) else {
        // A node whose interfaces are not known may be on it all the same.
        let told = node.reached != Some(false) && node.nics.is_some();
        return told.then(Tap::default);
    };
    let nics = own.physical_nics.as_ref().filter(|nics| !nics.is_empty()).or(own.nics.as_ref());
    Some(Tap {
        nics: nics.cloned().unwrap_or_default(),
        up: own.up,
        worst: worst.at(&format!("nodes[{}].networks[{network}]", node.name)),
    })
}

fn luns(document: &Document, worst: &Worst) -> Vec<DrawnLun> {
    let all =
        document.targets.iter().flat_map(|target| target.luns.iter().flatten().map(move |lun| (target, lun)));
    all.map(|(target, lun)| {
        let paths = document.nodes.iter().map(|node| {
            let view = lun.views.iter().flatten().find(|view| view.node == node.name)?;
            if view.seen? { view.active_paths } else { Some(0) }
        });
        DrawnLun {
            target: target.name.clone(),
            name: lun.name.clone(),
            role: lun.role.map(|role| role.word().to_owned()).unwrap_or_default(),
            size: lun
                .size_bytes
                .and_then(|size| i64::try_from(size.0).ok())
                .map(|size| SizeText(size).to_string())
                .unwrap_or_default(),
            paths: paths.collect(),
            worst: worst.at(&format!("targets[{}].luns[{}]", target.name, lun.name)),
        }
    })
    .collect()
}

/// Names of fields that differ by right, or that no person compares.
const OWN: [&str; 18] = [
    "name",
    "hostname",
    "machine_id",
    "serial",
    "uuid",
    "reached",
    "probe",
    "initiator_name",
    "skew_ms",
    "skew_error_ms",
    "offset_us",
    "physical_host",
    "site",
    "reservation_key",
    "uptime_s",
    "load_15",
    "networks",
    "redundancy",
];

/// Lists whose elements are compared by their key, with the field that is compared.
const COMPARED: [(&str, &str); 3] = [("packages", "version"), ("drivers", "version"), ("services", "active")];

fn differences(nodes: &[Node]) -> (Vec<Difference>, usize) {
    let told: Vec<bool> = nodes.iter().map(|node| node.reached != Some(false)).collect();
    if told.iter().filter(|told| **told).count() < 2 {
        return (Vec::new(), 0);
    }
    let mut values: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for (at, node) in nodes.iter().enumerate().filter(|(at, _)| told[*at]) {
        let mut put = |fact: String, value: String| {
            let row = values.entry(fact).or_insert_with_key(|fact| {
                order.push(fact.clone());
                vec![None; nodes.len()]
            });
            row[at] = Some(value);
        };
        if let Value::Record(record) = node.value() {
            walk(record, "", &mut put);
        }
    }
    let mut out: Vec<Difference> = order
        .into_iter()
        .filter_map(|fact| {
            let values = values.remove(&fact)?;
            let known: HashSet<&String> = values.iter().flatten().collect();
            // A package that one node lacks is a difference; a fact that one node did not tell is not.
            let listed = fact.contains('[');
            let lacks = listed && values.iter().zip(&told).any(|(value, told)| *told && value.is_none());
            (known.len() > 1 || lacks).then(|| Difference { majority: majority(&values), fact, values })
        })
        .collect();
    let more = out.len().saturating_sub(MOST_DIFFERENCES);
    out.truncate(MOST_DIFFERENCES);
    (out, more)
}

fn majority(values: &[Option<String>]) -> Option<String> {
    let mut counts: HashMap<&String, usize> = HashMap::new();
    for value in values.iter().flatten() {
        *counts.entry(value).or_default() += 1;
    }
    let most = *counts.values().max()?;
    let mut first = counts.into_iter().filter(|(_, count)| *count == most);
    let (value, _) = first.next()?;
    first.next().is_none().then(|| value.clone())
}

fn walk(record: &dyn Record, path: &str, put: &mut dyn FnMut(String, String)) {
    for (index, field) in record.record_type().fields.iter().enumerate() {
        if OWN.contains(&field.name) || field.doc.trim_start().starts_with("Derived") {
            continue;
        }
        let at = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        match record.field(index) {
            Value::Record(inner) => walk(inner, &at, put),
            Value::List(list) => {
                let Some((_, compared)) = COMPARED.iter().find(|(name, _)| *name == at) else { continue };
                for element in (0..list.len()).filter_map(|index| list.get(index)) {
                    let Value::Record(inner) = element else { continue };
                    let Some((index, _)) = inner.record_type().find(compared) else { continue };
                    if let (Some(key), Some(text)) =
                        (element_key(element), text(inner.field(index), compared))
                    {
                        put(format!("{at}[{key}].{compared}"), text);
                    }
                }
            }
            value => {
                if let Some(text) = text(value, field.name) {
                    put(at, text);
                }
            }
        }
    }
}

/// A plain value in words; none for what is missing and for lists.
fn text(value: Value<'_>, name: &str) -> Option<String> {
    Some(match value {
        Value::Bool(value) => if value { "yes" } else { "no" }.to_owned(),
        Value::Int(value) => value.to_string(),
        // Of a hash the beginning tells as much as the whole.
        Value::Str(text) if name.ends_with("sha256") => text.chars().take(12).collect(),
        Value::Str(text) => text.to_owned(),
        Value::Size(value) => SizeText(value).to_string(),
        Value::Duration(value) => crate::facts::DurationText(value).to_string(),
        Value::Rate(value) => crate::facts::RateText(value).to_string(),
        Value::Missing | Value::List(_) | Value::Record(_) => return None,
    })
}

fn ways(document: &Document, worst: &Worst) -> Vec<DrawnWay> {
    let names: HashSet<&str> = document.nodes.iter().map(|node| node.name.as_str()).collect();
    let mut out: Vec<DrawnWay> = Vec::new();
    let mut at: HashMap<(&str, &str), usize> = HashMap::new();
    for link in document.links.iter().flatten() {
        let (Some(from), Some(to)) = (link.from.as_deref(), link.to.as_deref()) else { continue };
        if !names.contains(from) || !names.contains(to) {
            continue;
        }
        let said = worst.at(&format!("links[{}]", link.name));
        if link.kind != Some(LinkKind::Icmp) && said.is_none() {
            continue;
        }
        let index = *at.entry((from, to)).or_insert_with(|| {
            out.push(DrawnWay { from: from.to_owned(), to: to.to_owned(), ..DrawnWay::default() });
            out.len() - 1
        });
        let way = &mut out[index];
        // Of two statuses the lesser is the worse.
        way.worst = way.worst.into_iter().chain(said).min();
        if link.kind != Some(LinkKind::Icmp) {
            continue;
        }
        way.round_trip_us = way.round_trip_us.max(link.round_trip_us.map(|time| time.0));
        way.reachable = match (way.reachable, link.reachable) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (known, new) => new.or(known),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Link, Micros, Network, NodeNetwork, RecordType, Type};
    use crate::report::tests::finding;

    #[test]
    fn a_node_that_did_not_answer_lacks_nothing() {
        let mut document = Document::empty();
        document.networks = vec![Network { name: "lan".into(), ..Network::default() }];
        let node = |name: &str, reached: bool, nics| Node {
            name: name.into(),
            reached: Some(reached),
            nics,
            networks: Some(Vec::<NodeNetwork>::new()),
            ..Node::default()
        };
        document.nodes = vec![
            node("told", true, Some(Vec::new())),
            node("silent", false, Some(Vec::new())),
            node("blind", true, None),
        ];
        let drawn = Drawn::of(&document, &[]);
        assert_eq!(
            drawn.networks[0].taps,
            [Some(Tap::default()), None, None],
            "only what is known to lack it"
        );
    }

    #[test]
    fn ways_bear_what_rules_say_of_them() {
        let mut document = Document::empty();
        document.nodes = ["a", "b"].map(|name| Node { name: name.into(), ..Node::default() }).to_vec();
        let link = |name: &str, from: &str, to: &str, kind| Link {
            name: name.into(),
            from: Some(from.into()),
            to: Some(to.into()),
            kind: Some(kind),
            round_trip_us: Some(Micros(200)),
            reachable: Some(true),
            ..Link::default()
        };
        let other =
            LinkKind::ALL.iter().copied().find(|kind| *kind != LinkKind::Icmp).expect("there are others");
        document.links = Some(vec![
            link("a > b icmp", "a", "b", LinkKind::Icmp),
            link("a > b other", "a", "b", other),
            link("b > a icmp", "b", "a", LinkKind::Icmp),
            link("a > x", "a", "elsewhere", LinkKind::Icmp),
        ]);
        let findings = [
            finding("links/x", Status::Warn, "links[a > b icmp]", "slow"),
            finding("links/y", Status::Fail, "links[a > b other]", "shut"),
        ];
        let ways = Drawn::of(&document, &findings).ways;
        let said: Vec<_> = ways.iter().map(|way| (way.from.as_str(), way.worst)).collect();
        assert_eq!(said, [("a", Some(Status::Fail)), ("b", None)]);
        assert_eq!(ways[0].round_trip_us, Some(200));
    }

    /// The names of all fields of a record and of the records in it, lists left out.
    fn names(of: &RecordType, out: &mut HashSet<&'static str>) {
        for field in of.fields {
            out.insert(field.name);
            if let Type::Record(inner) = (field.ty)() {
                names(inner, out);
            }
        }
    }

    #[test]
    fn every_field_that_is_named_here_is_one() {
        let node = Node::default();
        let of = node.record_type();
        let mut known = HashSet::new();
        names(of, &mut known);
        for name in OWN {
            assert!(known.contains(name), "a node has no field {name}");
        }
        for (list, compared) in COMPARED {
            let (_, field) = of.find(list).unwrap_or_else(|| panic!("a node has no {list}"));
            let Type::List(element) = (field.ty)() else { panic!("{list} is no list") };
            let Type::Record(element) = *element else { panic!("{list} holds no records") };
            assert!(element.find(compared).is_some(), "{list} have no {compared}");
            assert!(element.key.is_some(), "{list} have no key");
        }
    }
}
