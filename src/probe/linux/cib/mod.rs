//! The cluster information base: `cibadmin -Q -l` (root or the group `haclient`), else the copy on disk,
//! `/var/lib/pacemaker/cib/cib.xml`. Secrets are cut on the host, and here again.
//!
//! Elements and attributes that are not known are passed over, so that a CIB of a later release is read as far as it goes.
//! A value that a rule decides, or that cannot be read, is missing. So is a list that is not all there: a section that every
//! release had and this CIB has not, or one with elements that nobody here knows.

mod constraints;
mod options;
mod resources;
mod sets;
pub(super) mod values;

use super::text::{sha256_of_lines, unique_by_key};
use super::xml::{self, Element};
use crate::facts::{Pacemaker, PacemakerMember};
use sets::{Ids, Said, Sets};
use values::boolean;

/// Which of two copies is newer: `admin_epoch`, `epoch`, `num_updates`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CibVersion(pub i64, pub i64, pub i64);

impl CibVersion {
    /// Reads `0.34.48`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse::<i64>().ok());
        let version = CibVersion(numbers.next()??, numbers.next()??, numbers.next()??);
        numbers.next().is_none().then_some(version)
    }
}

impl std::fmt::Display for CibVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A copy of the CIB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cib {
    /// Its version; none where it bears none.
    pub version: Option<CibVersion>,
    /// SHA-256 over its configuration: elements with sorted attributes, secrets cut.
    pub sha256: String,
    /// What it says of the cluster; what only the status tells is missing.
    pub facts: Pacemaker,
}

/// Reads a CIB. `live` is whether it came from the running cluster, so that what it says of quorum holds now.
///
/// # Errors
/// It is no XML, or no CIB.
pub fn parse(text: &str, live: bool) -> Result<Cib, String> {
    let tree = xml::parse(text)?;
    // `crm_report` and `cibadmin` of late wrap it.
    let cib = tree.walk().find(|element| element.name == "cib").ok_or("there is no `cib` in it")?;
    let configuration = cib.child("configuration").ok_or("there is no `configuration` in it")?;
    let ids = Ids::of(configuration);
    let number = |name: &str| cib.get(name)?.parse::<i64>().ok();
    let version = number("epoch").map(|epoch| {
        CibVersion(number("admin_epoch").unwrap_or(0), epoch, number("num_updates").unwrap_or(0))
    });
    let mut facts = Pacemaker {
        cib_version: version.map(|version| version.to_string()),
        schema: cib.get("validate-with").map(str::to_owned),
        ..Pacemaker::default()
    };
    if configuration.child("crm_config").is_some() {
        options::read(configuration, &ids, &mut facts);
    }
    let defaults = options::defaults(configuration, "rsc_defaults", &ids);
    let mut found = resources::read(configuration.child("resources"), &defaults, &ids);
    let (constraints, several_rules, ordered) = constraints::read(configuration.child("constraints"));
    for clone in &mut found.clones {
        let inside = clone.resources.iter().flatten();
        clone.ordered = Some(
            inside.chain([&clone.id]).any(|id| ordered.contains(id))
                || groups_in(&found.resources, &clone.id).any(|group| ordered.contains(group)),
        );
    }
    let status = cib.child("status").filter(|_| live);
    let mut nodes = members(configuration.child("nodes"), status, &ids);
    for (name, kind) in found.remote {
        match nodes.iter_mut().find(|node| node.name == name) {
            Some(node) => node.kind = Some(kind.to_owned()),
            None => nodes.push(PacemakerMember {
                id: Some(name.clone()),
                kind: Some(kind.to_owned()),
                name,
                ..PacemakerMember::default()
            }),
        }
    }
    unique_by_key(&mut nodes, |node| &node.name);
    unique_by_key(&mut found.resources, |one| &one.id);
    unique_by_key(&mut found.clones, |one| &one.id);
    unique_by_key(&mut found.fencing, |one| &one.id);
    let mut levels = constraints::levels(configuration.child("fencing-topology"));
    unique_by_key(&mut levels, |one| &one.id);
    let mut constraints = constraints;
    unique_by_key(&mut constraints, |one| &one.id);
    if live {
        facts.quorate = cib.get("have-quorum").and_then(boolean);
        facts.controller = cib.get("dc-uuid").map(|id| {
            let known = nodes.iter().find(|node| node.id.as_deref() == Some(id));
            known.map_or_else(|| id.to_owned(), |node| node.name.clone())
        });
    }
    let resources_are_known = knows(configuration.child("resources"), RESOURCES);
    let constraints_are_known = knows(configuration.child("constraints"), CONSTRAINTS);
    let topology = configuration.child("fencing-topology");
    facts.nodes = Some(nodes).filter(|_| knows(configuration.child("nodes"), &["node"]));
    facts.resources = Some(found.resources).filter(|_| resources_are_known);
    facts.clones = Some(found.clones).filter(|_| resources_are_known && constraints_are_known);
    facts.fencing_devices = Some(found.fencing).filter(|_| resources_are_known);
    facts.fencing_levels = Some(levels).filter(|_| topology.is_none() || knows(topology, &["fencing-level"]));
    facts.constraints = Some(constraints).filter(|_| constraints_are_known);
    facts.several_rules = Some(several_rules).filter(|_| constraints_are_known);
    Ok(Cib { version, sha256: hash(configuration), facts })
}

/// What may stand in `resources`.
const RESOURCES: &[&str] = &["primitive", "group", "clone", "master", "bundle", "template"];

/// What may stand in `constraints`.
const CONSTRAINTS: &[&str] = &["rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket"];

/// Whether a section is there and holds nothing but what is known: what else it holds may be one more resource, or one more
/// condition.
fn knows(section: Option<&Element>, known: &[&str]) -> bool {
    section.is_some_and(|section| section.children.iter().all(|one| known.contains(&one.name.as_str())))
}

/// Groups that stand inside a clone.
fn groups_in<'a>(
    resources: &'a [crate::facts::PacemakerResource],
    clone: &'a str,
) -> impl Iterator<Item = &'a String> {
    let inside = resources.iter().filter(move |one| one.clone.as_deref() == Some(clone));
    inside.filter_map(|one| one.group.as_ref()).filter(|group| !group.is_empty())
}

/// The nodes, with what attributes that stay and, where the status is there, those until the next start say of them.
fn members<'a>(
    nodes: Option<&'a Element>,
    status: Option<&'a Element>,
    ids: &Ids<'a>,
) -> Vec<PacemakerMember> {
    let all = nodes.into_iter().flat_map(|nodes| nodes.all("node"));
    all.map(|node| {
        let id = node.get("id");
        let name = node.get("uname").or(id).unwrap_or_default().to_owned();
        let state = status.and_then(|status| status.all("node_state").find(|state| state.get("id") == id));
        let attributes = Sets::of(node, "instance_attributes", ids);
        let transient = state
            .and_then(|state| state.child("transient_attributes"))
            .map(|part| Sets::of(part, "instance_attributes", ids));
        // Without the status nobody can say that it is off.
        let switch = |name: &str| match (attributes.get(name), transient.as_ref().map(|sets| sets.get(name)))
        {
            (_, Some(Said::Value(value))) | (Said::Value(value), _) => boolean(value),
            (Said::Nothing, Some(Said::Nothing)) => Some(false),
            _ => None,
        };
        PacemakerMember {
            id: id.map(str::to_owned),
            kind: Some(match node.get("type") {
                None | Some("" | "member" | "normal") => "member".to_owned(),
                Some(other) => other.to_owned(),
            }),
            standby: switch("standby"),
            maintenance: switch("maintenance"),
            name,
            ..PacemakerMember::default()
        }
    })
    .collect()
}

fn hash(configuration: &Element) -> String {
    let line = |element: &Element| {
        let name = element.get("name").unwrap_or_default();
        let mut attributes: Vec<String> = element
            .attributes
            .iter()
            .map(|(key, value)| {
                let value = if key == "value" { values::shown(name, value) } else { value.clone() };
                format!("{key}={value:?}")
            })
            .collect();
        attributes.sort();
        format!("{} {} {}", element.name, attributes.join(" "), element.children.len())
    };
    let lines: Vec<String> = configuration.walk().map(line).collect();
    sha256_of_lines(lines.iter().map(String::as_str))
}

#[cfg(test)]
mod tests;
