//! What a cluster carries, where, and what is left of its capacity when nodes fail.
//!
//! Whatever decides a derived fact and is missing makes that fact missing too, with a gap that names the cause. What is
//! added up is never rounded or saturated: a sum that cannot be held is missing. A virtual machine of which nothing says
//! that it is stopped counts as running; a rule of placement of which nothing says that it need not hold, holds.

use super::{derived_gap, derived_source};
use crate::facts::{
    Bytes, Capacity, Document, Gap, GapReason, Layout, Placement, PlacementKind, Places, Vm, VmDisk, Volume,
};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Whether a gap is one that only this module writes.
pub(super) fn is_derived(path: &str) -> bool {
    let of = |list: &str, fields: &[&str]| {
        path.strip_prefix(list).is_some_and(|rest| {
            rest.starts_with('[') && fields.iter().any(|field| rest.ends_with(&format!("].{field}")))
        })
    };
    path == "capacity"
        || path.starts_with("capacity.")
        || of("vms", &["volumes", "fits_on"])
        || of("volumes", &["vms"])
        || of("groups", &["kinds"])
        || of("nodes", &["vms", "vm_memory_bytes"])
}

/// Fills `Vm.volumes`, `Vm.fits_on`, `Volume.vms`, `Group.kinds`, `Node.vms`, `Node.vm_memory_bytes` and `Capacity`.
pub(super) fn relate(document: &mut Document) {
    let mut missing = Vec::new();
    kinds(document, &mut missing);
    volumes(document, &mut missing);
    nodes(document, &mut missing);
    fits(document, &mut missing);
    capacity(document, &mut missing);
    let gaps: Vec<Gap> = {
        let places = Places::new(document);
        missing.into_iter().map(|missing| missing.gap(&places)).collect()
    };
    document.gaps.extend(gaps);
    if document.vms.is_some() {
        document.sources.push(derived_source(
            "capacity".to_owned(),
            "memory and processors of the nodes, and what virtual machines need",
        ));
    }
}

/// A derived fact that is missing.
struct Missing {
    path: String,
    cause: Cause,
}

/// Why a derived fact is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    /// Another fact is missing.
    Needs(String),
    /// What is known makes no sense.
    Says(String),
}

impl Missing {
    fn gap(self, places: &Places<'_>) -> Gap {
        match self.cause {
            Cause::Needs(cause) => derived_gap(places, self.path, &[cause]),
            Cause::Says(detail) => {
                Gap { path: self.path, reason: Some(GapReason::NotCollected), detail: Some(detail) }
            }
        }
    }
}

/// Notes why a derived fact is missing, and gives what is known.
fn note<T>(known: Result<T, Cause>, path: impl FnOnce() -> String, missing: &mut Vec<Missing>) -> Option<T> {
    known.map_err(|cause| missing.push(Missing { path: path(), cause })).ok()
}

fn needs<T>(path: impl Into<String>) -> Result<T, Cause> {
    Err(Cause::Needs(path.into()))
}

fn kinds(document: &mut Document, missing: &mut Vec<Missing>) {
    for group in document.groups.iter_mut().flatten() {
        let path = format!("groups[{}]", group.name);
        let known = match &group.resources {
            None => needs(format!("{path}.resources")),
            Some(resources) => resources
                .iter()
                .map(|resource| {
                    let needed = || Cause::Needs(format!("{path}.resources[{}].kind", resource.name));
                    resource.kind.clone().ok_or_else(needed)
                })
                .collect::<Result<BTreeSet<String>, Cause>>(),
        };
        group.kinds =
            note(known, || format!("{path}.kinds"), missing).map(|kinds| kinds.into_iter().collect());
    }
}

fn volumes(document: &mut Document, missing: &mut Vec<Missing>) {
    let known = document.volumes.take();
    let mut carried: HashMap<String, Vec<String>> = HashMap::new();
    let mut unsure: Option<Cause> = None;
    for vm in document.vms.iter_mut().flatten() {
        let path = format!("vms[{}].volumes", vm.name);
        let found = volumes_of(vm, known.as_deref());
        match &found {
            Ok(names) => {
                for name in names {
                    carried.entry(name.clone()).or_default().push(vm.name.clone());
                }
            }
            Err(_) if unsure.is_none() => unsure = Some(Cause::Needs(path.clone())),
            Err(_) => {}
        }
        vm.volumes = note(found, || path, missing).map(|names| names.into_iter().collect());
    }
    document.volumes = known;
    let no_vms = document.vms.is_none();
    for volume in document.volumes.iter_mut().flatten() {
        let on_it = match &unsure {
            _ if no_vms => needs("vms"),
            Some(cause) => Err(cause.clone()),
            None => Ok(carried.remove(&volume.name).unwrap_or_default()),
        };
        volume.vms = note(on_it, || format!("volumes[{}].vms", volume.name), missing);
    }
}

/// The volumes that a virtual machine's configuration and disks are on.
fn volumes_of(vm: &Vm, known: Option<&[Volume]>) -> Result<BTreeSet<String>, Cause> {
    let path = format!("vms[{}]", vm.name);
    let mut names = BTreeSet::new();
    match (&vm.config_volume, &vm.config_path) {
        (Some(name), _) => names.extend(filled(name)),
        (None, Some(file)) => {
            names.insert(volume_of(file, known, || format!("{path}.config_volume"))?);
        }
        (None, None) => return needs(format!("{path}.config_volume")),
    }
    let Some(disks) = &vm.disks else { return needs(format!("{path}.disks")) };
    for disk in disks {
        let at = || format!("{path}.disks[{}].volume", disk.name);
        match disk {
            VmDisk { volume: Some(name), .. } => names.extend(filled(name)),
            VmDisk { lun: Some(lun), .. } if !lun.is_empty() => {}
            VmDisk { path: Some(file), .. } => {
                names.insert(volume_of(file, known, at)?);
            }
            _ => return needs(at()),
        }
    }
    Ok(names)
}

fn filled(name: &str) -> Option<String> {
    (!name.is_empty()).then(|| name.to_owned())
}

/// The volume that a file is on, by the paths and letters of the volumes: the longest that the file's path begins with.
fn volume_of(file: &str, known: Option<&[Volume]>, missing: impl Fn() -> String) -> Result<String, Cause> {
    let Some(known) = known else { return needs("volumes") };
    let begins = |top: &str| -> Option<usize> {
        let (top, file) = (spelling(top), spelling(file));
        let rest = file.strip_prefix(top.trim_end_matches('/'))?;
        (!top.is_empty() && (rest.is_empty() || rest.starts_with('/'))).then_some(top.len())
    };
    let places = known.iter().flat_map(|volume| {
        [&volume.path, &volume.letter]
            .into_iter()
            .flatten()
            .filter_map(move |top| Some((begins(top)?, volume)))
    });
    match places.max_by_key(|(length, _)| *length) {
        Some((_, volume)) => Ok(volume.name.clone()),
        None => Err(Cause::Says(format!("{}: no volume is known to hold {file}", missing()))),
    }
}

/// A path in one spelling: Windows tells neither case nor the kind of a slash apart.
fn spelling(path: &str) -> String {
    let windows = path.contains('\\') || path.as_bytes().get(1) == Some(&b':');
    if windows { path.replace('\\', "/").to_lowercase() } else { path.to_owned() }
}

/// Whether nodes carry virtual machines at all: where the nodes are such machines, others do.
fn nodes_carry(document: &Document) -> bool {
    !matches!(document.cluster.layout, Some(Layout::Guest | Layout::Mixed))
}

fn nodes(document: &mut Document, missing: &mut Vec<Missing>) {
    for node in &mut document.nodes {
        (node.vms, node.vm_memory_bytes) = (None, None);
    }
    let carry = nodes_carry(document);
    let Some(vms) = &document.vms else { return };
    let by_name: HashMap<String, usize> =
        document.nodes.iter().enumerate().map(|(at, node)| (node.name.to_lowercase(), at)).collect();
    let mut on: Vec<Vec<&Vm>> = vec![Vec::new(); document.nodes.len()];
    let mut lost: Option<Cause> = None;
    for vm in vms {
        let path = format!("vms[{}].host", vm.name);
        match vm.host.as_deref() {
            None => lost = lost.or(Some(Cause::Needs(path))),
            Some("") => {}
            Some(host) => match by_name.get(&host.to_lowercase()) {
                Some(at) => on[*at].push(vm),
                None if carry => {
                    lost = lost.or_else(|| Some(Cause::Says(format!("{path}: there is no node `{host}`"))));
                }
                None => {}
            },
        }
    }
    // Without a host, a machine may be on any node; beside nodes that are machines themselves, it is on none of them.
    let lost = lost.filter(|_| carry);
    let found: Vec<_> = on
        .into_iter()
        .map(|vms| match &lost {
            Some(cause) => (Err(cause.clone()), Err(cause.clone())),
            None => (
                Ok(vms.iter().map(|vm| vm.name.clone()).collect::<Vec<_>>()),
                sum(vms.iter().map(|vm| memory_needed(vm))),
            ),
        })
        .collect();
    for (node, (names, memory)) in document.nodes.iter_mut().zip(found) {
        node.vms = note(names, || format!("nodes[{}].vms", node.name), missing);
        let memory = note(memory, || format!("nodes[{}].vm_memory_bytes", node.name), missing);
        node.vm_memory_bytes = memory.map(Bytes);
    }
}

/// Whether a virtual machine needs memory: it runs, or would be started.
fn needs_memory(vm: &Vm) -> Result<bool, Cause> {
    match (vm.running, vm.protected) {
        (Some(true) | None, _) | (_, Some(true)) => Ok(true),
        (Some(false), Some(false)) => Ok(false),
        (Some(false), None) => needs(format!("vms[{}].protected", vm.name)),
    }
}

fn memory_needed(vm: &Vm) -> Result<u64, Cause> {
    if !needs_memory(vm)? {
        return Ok(0);
    }
    vm.memory_bytes
        .map(|memory| memory.0)
        .ok_or_else(|| Cause::Needs(format!("vms[{}].memory_bytes", vm.name)))
}

fn vcpus_needed(vm: &Vm) -> Result<u64, Cause> {
    if !needs_memory(vm)? {
        return Ok(0);
    }
    count(vm.vcpus, || format!("vms[{}].vcpus", vm.name))
}

/// A number of things; one below 0 makes no sense.
fn count(number: Option<i64>, path: impl Fn() -> String) -> Result<u64, Cause> {
    match number.map(u64::try_from) {
        Some(Ok(number)) => Ok(number),
        Some(Err(_)) => Err(Cause::Says(format!("{} is below 0", path()))),
        None => needs(path()),
    }
}

/// A sum that holds, or none.
fn sum(amounts: impl Iterator<Item = Result<u64, Cause>>) -> Result<u64, Cause> {
    let mut sum: u64 = 0;
    for amount in amounts {
        sum = sum.checked_add(amount?).ok_or_else(too_large)?;
    }
    Ok(sum)
}

fn too_large() -> Cause {
    Cause::Says("the amounts are too large to be added".to_owned())
}

/// Memory of a node for virtual machines, its own need taken off.
fn memory_for_vms(node: &crate::facts::Node) -> Result<u64, Cause> {
    let path = format!("nodes[{}]", node.name);
    let Some(total) = node.memory.total_bytes else { return needs(format!("{path}.memory.total_bytes")) };
    let Some(own) = node.hypervisor.reserve_bytes else {
        return needs(format!("{path}.hypervisor.reserve_bytes"));
    };
    Ok(total.0.saturating_sub(own.0))
}

/// What keeps a virtual machine from some nodes.
struct Bounds<'a> {
    /// Rules that hold, by virtual machine.
    rules: HashMap<&'a str, Vec<&'a Placement>>,
    volumes: HashMap<&'a str, &'a Volume>,
    vms: HashMap<&'a str, &'a Vm>,
}

impl<'a> Bounds<'a> {
    fn new(document: &'a Document) -> Self {
        let mut rules: HashMap<&str, Vec<&Placement>> = HashMap::new();
        let binding = |rule: &&Placement| rule.enabled != Some(false) && rule.mandatory != Some(false);
        for rule in document.placements.iter().flatten().filter(binding) {
            for vm in rule.vms.iter().flatten() {
                rules.entry(vm).or_default().push(rule);
            }
        }
        Bounds {
            rules,
            volumes: document.volumes.iter().flatten().map(|volume| (volume.name.as_str(), volume)).collect(),
            vms: document.vms.iter().flatten().map(|vm| (vm.name.as_str(), vm)).collect(),
        }
    }

    fn rules(&self, vm: &Vm, kind: PlacementKind) -> impl Iterator<Item = &'a Placement> {
        let rules = self.rules.get(vm.name.as_str()).into_iter().flatten().copied();
        rules.filter(move |rule| rule.kind == Some(kind))
    }

    /// The other machines of rules of that kind.
    fn peers(&self, vm: &'a Vm, kind: PlacementKind) -> impl Iterator<Item = &'a Vm> {
        let names = self.rules(vm, kind).flat_map(|rule| rule.vms.iter().flatten());
        let mut seen: HashSet<&str> = HashSet::from([vm.name.as_str()]);
        names.filter(move |name| seen.insert(name)).filter_map(|name| self.vms.get(name.as_str()).copied())
    }

    /// Memory that must be free where the machine goes: its own, and that of machines that must come along.
    fn memory(&self, vm: &'a Vm) -> Result<u64, Cause> {
        let together = self.peers(vm, PlacementKind::Affinity).filter(|peer| same(&peer.host, &vm.host));
        sum(std::iter::once(vm).chain(together).map(|vm| {
            vm.memory_bytes
                .map(|memory| memory.0)
                .ok_or_else(|| Cause::Needs(format!("vms[{}].memory_bytes", vm.name)))
        }))
    }

    /// Nodes that it may go to; none for all. In small letters.
    fn allowed(&self, vm: &Vm) -> Option<HashSet<String>> {
        let mut allowed: Option<HashSet<String>> = None;
        let mut only = |names: HashSet<String>| {
            allowed = Some(match allowed.take() {
                Some(before) => before.intersection(&names).cloned().collect(),
                None => names,
            });
        };
        if vm.local_devices.as_ref().is_some_and(|devices| !devices.is_empty()) {
            only(HashSet::new());
        }
        vm.possible_hosts.iter().for_each(|names| only(small(names)));
        for rule in self.rules(vm, PlacementKind::Hosts) {
            rule.hosts.iter().for_each(|names| only(small(names)));
        }
        for volume in vm.volumes.iter().flatten().filter_map(|name| self.volumes.get(name.as_str())) {
            if volume.local == Some(true) {
                only(HashSet::new());
            }
            volume.nodes.iter().for_each(|names| only(small(names)));
        }
        allowed
    }

    /// Nodes that it may not go to. In small letters.
    fn barred(&self, vm: &'a Vm) -> HashSet<String> {
        let rules = self.rules(vm, PlacementKind::NotHosts);
        let mut barred: HashSet<String> =
            rules.flat_map(|rule| rule.hosts.iter().flatten()).map(|name| name.to_lowercase()).collect();
        let apart = self.peers(vm, PlacementKind::AntiAffinity);
        barred.extend(apart.filter_map(|peer| peer.host.as_ref()).map(|host| host.to_lowercase()));
        barred
    }
}

fn same(one: &Option<String>, other: &Option<String>) -> bool {
    one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one.to_lowercase() == other.to_lowercase())
}

fn small(names: &[String]) -> HashSet<String> {
    names.iter().map(|name| name.to_lowercase()).collect()
}

/// A node to which virtual machines can go.
struct Room<'a> {
    name: &'a str,
    small: String,
    free: Result<u64, Cause>,
}

fn fits(document: &mut Document, missing: &mut Vec<Missing>) {
    let Some(vms) = &document.vms else { return };
    let found: Vec<Result<Arc<Vec<String>>, Cause>> = if nodes_carry(document) {
        let rooms: Vec<Room<'_>> = document
            .nodes
            .iter()
            .filter(|node| node.hypervisor.maintenance != Some(true))
            .map(|node| Room {
                name: &node.name,
                small: node.name.to_lowercase(),
                free: memory_for_vms(node).and_then(|all| {
                    let used = node.vm_memory_bytes.map(|used| used.0);
                    let used =
                        used.ok_or_else(|| Cause::Needs(format!("nodes[{}].vm_memory_bytes", node.name)));
                    Ok(all.saturating_sub(used?))
                }),
            })
            .collect();
        let bounds = Bounds::new(document);
        // Thousands of machines can go to the same nodes: each list of names is made once.
        let mut lists: HashMap<Vec<usize>, Arc<Vec<String>>> = HashMap::new();
        let mut list = |at: Vec<usize>| {
            let names = |at: &[usize]| Arc::new(at.iter().map(|at| rooms[*at].name.to_owned()).collect());
            match lists.get(&at) {
                Some(known) => Arc::clone(known),
                None => Arc::clone(lists.entry(at).or_insert_with_key(|at| names(at))),
            }
        };
        vms.iter().map(|vm| fits_on(vm, &rooms, &bounds).map(&mut list)).collect()
    } else {
        let says = "cluster.layout: the nodes are virtual machines themselves and carry none";
        vms.iter().map(|_| Err(Cause::Says(says.to_owned()))).collect()
    };
    for (vm, found) in document.vms.iter_mut().flatten().zip(found) {
        vm.fits_on = note(found, || format!("vms[{}].fits_on", vm.name), missing);
    }
}

/// The positions of the nodes that a virtual machine could go to.
fn fits_on<'a>(vm: &'a Vm, rooms: &[Room<'_>], bounds: &Bounds<'a>) -> Result<Vec<usize>, Cause> {
    let Some(host) = vm.host.as_ref().map(|host| host.to_lowercase()) else {
        return needs(format!("vms[{}].host", vm.name));
    };
    let needed = bounds.memory(vm)?;
    let (allowed, barred) = (bounds.allowed(vm), bounds.barred(vm));
    let mut out = Vec::new();
    for (at, room) in rooms.iter().enumerate() {
        let allowed = allowed.as_ref().is_none_or(|allowed| allowed.contains(&room.small));
        if room.small == host || !allowed || barred.contains(&room.small) {
            continue;
        }
        if needed <= room.free.clone()? {
            out.push(at);
        }
    }
    Ok(out)
}

fn capacity(document: &mut Document, missing: &mut Vec<Missing>) {
    document.capacity = Capacity::default();
    let whole = |cause| Missing { path: "capacity".to_owned(), cause };
    if !nodes_carry(document) {
        let says = "cluster.layout: the nodes are virtual machines themselves and carry none";
        missing.push(whole(Cause::Says(says.to_owned())));
        return;
    }
    let Some(vms) = &document.vms else {
        missing.push(whole(Cause::Needs("vms".to_owned())));
        return;
    };
    let failed = document.intent.survive_nodes.unwrap_or(1).max(1);
    let lost = usize::try_from(failed).unwrap_or(usize::MAX);
    let in_use = || document.nodes.iter().filter(|node| node.hypervisor.maintenance != Some(true));
    let cores =
        |node: &crate::facts::Node| count(node.cpu.cores, || format!("nodes[{}].cpu.cores", node.name));
    let left_bytes = left(in_use().map(memory_for_vms), lost);
    let left_cores = left(in_use().map(cores), lost).and_then(whole_number);
    let needed_bytes = sum(vms.iter().map(memory_needed));
    let needed_vcpus = sum(vms.iter().map(vcpus_needed)).and_then(whole_number);
    let stranded = stranded(vms);
    let most_hit = most_hit(document, vms);
    let mut note = |field: &str, cause| missing.push(Missing { path: format!("capacity.{field}"), cause });
    document.capacity = Capacity {
        failed_nodes: Some(failed),
        needed_bytes: needed_bytes.map_err(|cause| note("needed_bytes", cause)).ok().map(Bytes),
        left_bytes: left_bytes.map_err(|cause| note("left_bytes", cause)).ok().map(Bytes),
        needed_vcpus: needed_vcpus.map_err(|cause| note("needed_vcpus", cause)).ok(),
        left_cores: left_cores.map_err(|cause| note("left_cores", cause)).ok(),
        stranded: stranded.map_err(|cause| note("stranded", cause)).ok(),
        most_hit: most_hit.map_err(|cause| note("most_hit", cause)).ok(),
    };
}

fn whole_number(number: u64) -> Result<i64, Cause> {
    i64::try_from(number).map_err(|_| too_large())
}

/// What is left when the largest of them are lost.
fn left(amounts: impl Iterator<Item = Result<u64, Cause>>, lost: usize) -> Result<u64, Cause> {
    let mut amounts: Vec<u64> = amounts.collect::<Result<_, _>>()?;
    amounts.sort_unstable();
    amounts.truncate(amounts.len().saturating_sub(lost));
    sum(amounts.into_iter().map(Ok))
}

fn stranded(vms: &[Vm]) -> Result<Vec<String>, Cause> {
    let mut out = Vec::new();
    for vm in vms.iter().filter(|vm| vm.protected != Some(false)) {
        match (&vm.fits_on, vm.protected) {
            (Some(hosts), _) if !hosts.is_empty() => {}
            (Some(_), Some(_)) => out.push(vm.name.clone()),
            (Some(_), None) => return needs(format!("vms[{}].protected", vm.name)),
            (None, _) => return needs(format!("vms[{}].fits_on", vm.name)),
        }
    }
    Ok(out)
}

fn most_hit(document: &Document, vms: &[Vm]) -> Result<i64, Cause> {
    let stopped: HashSet<&str> =
        vms.iter().filter(|vm| vm.running == Some(false)).map(|vm| vm.name.as_str()).collect();
    let mut most = 0;
    for node in &document.nodes {
        let Some(names) = &node.vms else { return needs(format!("nodes[{}].vms", node.name)) };
        most = most.max(names.iter().filter(|name| !stopped.contains(name.as_str())).count());
    }
    i64::try_from(most).map_err(|_| too_large())
}

#[cfg(test)]
mod tests;
