//! What the cluster carries: facts of the cluster, virtual machines, volumes, groups and rules of placement, and what they
//! call each other.

use crate::facts::{Cluster, Document, Group, Host, Layout, Placement, Vm, Volume};
use crate::inventory::declare::{Declared, DeclaredList};
use crate::inventory::model::{CarriedPlan, NodePlan};
use crate::source::{Problem, Problems, Span, did_you_mean};
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

/// The tables of it, as they were read.
pub struct Tables {
    pub cluster: Option<Declared<Cluster>>,
    pub vms: Option<DeclaredList<Vm>>,
    pub hosts: Option<DeclaredList<Host>>,
    pub volumes: Option<DeclaredList<Volume>>,
    pub groups: Option<DeclaredList<Group>>,
    pub placements: Option<DeclaredList<Placement>>,
}

/// The records of a list of tables; where they stand goes to the others.
fn taken<R>(list: Option<DeclaredList<R>>, spans: &mut Vec<(String, Span)>) -> Option<Vec<R>> {
    let list = list?;
    spans.extend(list.spans);
    Some(list.facts)
}

/// Puts the tables together. Where `sound`, every name that one calls another by is looked for.
pub fn carried(tables: Tables, nodes: &[NodePlan], sound: bool, problems: &mut Problems) -> CarriedPlan {
    let mut facts = Document::default();
    let mut places = Vec::new();
    let mut spans: Vec<(String, Span)> = Vec::new();
    if let Some(cluster) = tables.cluster {
        facts.cluster = cluster.facts;
        places.extend(cluster.places.into_iter().map(|(path, place)| (format!("cluster.{path}"), place)));
    }
    facts.vms = taken(tables.vms, &mut spans);
    facts.hosts = taken(tables.hosts, &mut spans);
    facts.volumes = taken(tables.volumes, &mut spans);
    facts.groups = taken(tables.groups, &mut spans);
    facts.placements = taken(tables.placements, &mut spans);
    if facts.cluster.layout == Some(Layout::Host)
        && let Some(host) = facts.hosts.iter().flatten().next()
    {
        let message = format!("`[[host]]` cannot be declared where the layout is `{}`", Layout::Host);
        let path = format!("hosts[{}]", host.name);
        let problem = match spans.iter().find(|(of, _)| *of == path).map(|(_, span)| span) {
            Some(span) => span.problem(message, "not here"),
            None => Problem::new(message),
        };
        problems.push(problem.help("the nodes are the hosts; write `[node.declare]`"));
    }
    if sound {
        Names::new(&facts, nodes, &spans, problems).check(&facts);
    }
    places.extend(spans.into_iter().map(|(path, span)| (path, span.place())));
    CarriedPlan { facts, places }
}

/// What can be called, and what is wrong with what is.
struct Names<'a> {
    /// Nodes, and in a cluster whose nodes are virtual machines the hosts under them.
    hosts: HashSet<&'a str>,
    /// Whether only those can carry a virtual machine.
    all_hosts: bool,
    /// Whether those are nodes only.
    all_nodes: bool,
    vms: Option<HashSet<&'a str>>,
    volumes: Option<HashSet<&'a str>>,
    groups: Option<HashSet<&'a str>>,
    /// Where facts stand, by their paths.
    spans: &'a [(String, Span)],
    /// The same, to look up in: made for the first name that is not known.
    by_path: OnceCell<HashMap<&'a str, &'a Span>>,
    problems: &'a mut Problems,
}

impl<'a> Names<'a> {
    fn new(
        facts: &'a Document,
        nodes: &'a [NodePlan],
        spans: &'a [(String, Span)],
        problems: &'a mut Problems,
    ) -> Self {
        let under = nodes.iter().filter_map(|node| node.physical_host.as_deref());
        let declared = facts.hosts.iter().flatten().map(|host| host.name.as_str());
        Names {
            hosts: nodes.iter().map(|node| node.name.as_str()).chain(under).chain(declared).collect(),
            // Virtual machines beside a cluster of guests can run on hosts of which the plan has no node.
            all_hosts: facts.hosts.is_some()
                || matches!(facts.cluster.layout, Some(Layout::Host | Layout::Physical)),
            all_nodes: facts.hosts.is_none(),
            vms: facts.vms.as_ref().map(|all| all.iter().map(|vm| vm.name.as_str()).collect()),
            volumes: facts.volumes.as_ref().map(|all| all.iter().map(|one| one.name.as_str()).collect()),
            groups: facts.groups.as_ref().map(|all| all.iter().map(|group| group.name.as_str()).collect()),
            spans,
            by_path: OnceCell::new(),
            problems,
        }
    }

    fn check(&mut self, facts: &Document) {
        for vm in facts.vms.iter().flatten() {
            let at = format!("vms[{}]", vm.name);
            self.host(vm.host.as_deref(), || format!("{at}.host"));
            for host in vm.possible_hosts.iter().flatten() {
                self.host(Some(host), || format!("{at}.possible_hosts"));
            }
            self.group(vm.group.as_deref(), || format!("{at}.group"));
            self.volume(vm.config_volume.as_deref(), || format!("{at}.config_volume"));
            for disk in vm.disks.iter().flatten() {
                self.volume(disk.volume.as_deref(), || format!("{at}.disks[{}].volume", disk.name));
                let known =
                    vm.controllers.as_ref().map(|all| all.iter().map(|one| one.name.as_str()).collect());
                let path = || format!("{at}.disks[{}].controller", disk.name);
                self.look(disk.controller.as_deref(), known.as_ref(), "controller of it", path);
            }
        }
        for volume in facts.volumes.iter().flatten() {
            let at = format!("volumes[{}]", volume.name);
            for (names, field) in [(&volume.nodes, "nodes"), (&volume.owners, "owners")] {
                for host in names.iter().flatten() {
                    self.host(Some(host), || format!("{at}.{field}"));
                }
            }
        }
        for group in facts.groups.iter().flatten() {
            let at = format!("groups[{}]", group.name);
            self.host(group.owner.as_deref(), || format!("{at}.owner"));
            for host in group.preferred_owners.iter().flatten() {
                self.host(Some(host), || format!("{at}.preferred_owners"));
            }
            for resource in group.resources.iter().flatten() {
                let at = format!("{at}.resources[{}]", resource.name);
                self.volume(resource.volume.as_deref(), || format!("{at}.volume"));
                for host in resource.possible_owners.iter().flatten() {
                    self.host(Some(host), || format!("{at}.possible_owners"));
                }
            }
        }
        for placement in facts.placements.iter().flatten() {
            let at = format!("placements[{}]", placement.name);
            for vm in placement.vms.iter().flatten() {
                let known = self.vms.take();
                self.look(Some(vm), known.as_ref(), "`[[vm]]`", || format!("{at}.vms"));
                self.vms = known;
            }
            for host in placement.hosts.iter().flatten() {
                self.host(Some(host), || format!("{at}.hosts"));
            }
        }
    }

    fn host(&mut self, name: Option<&str>, path: impl Fn() -> String) {
        if self.all_hosts {
            let known = std::mem::take(&mut self.hosts);
            let kind = if self.all_nodes { "`[[node]]`" } else { "`[[node]]` or `[[host]]`" };
            self.look(name, Some(&known), kind, path);
            self.hosts = known;
        }
    }

    fn volume(&mut self, name: Option<&str>, path: impl Fn() -> String) {
        let known = self.volumes.take();
        self.look(name, known.as_ref(), "`[[volume]]`", path);
        self.volumes = known;
    }

    fn group(&mut self, name: Option<&str>, path: impl Fn() -> String) {
        let known = self.groups.take();
        self.look(name, known.as_ref(), "`[[group]]`", path);
        self.groups = known;
    }

    /// Reports a name that is not among those of its kind, where the plan has any of that kind. The empty name is none.
    fn look(
        &mut self,
        name: Option<&str>,
        known: Option<&HashSet<&str>>,
        kind: &str,
        path: impl Fn() -> String,
    ) {
        let (Some(name), Some(known)) = (name.filter(|name| !name.is_empty()), known) else { return };
        if known.contains(name) {
            return;
        }
        let mut names: Vec<&str> = known.iter().copied().collect();
        names.sort_unstable();
        let message = format!("there is no {kind} with the name `{name}`");
        let by_path = || self.spans.iter().map(|(path, span)| (path.as_str(), span)).collect();
        let problem = match self.by_path.get_or_init(by_path).get(path().as_str()) {
            Some(span) => span.problem(message, "not known"),
            None => Problem::new(format!("{}: {message}", path())),
        };
        self.problems.push(problem.help_if(did_you_mean(name, names)));
    }
}
