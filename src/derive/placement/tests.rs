use super::*;
use crate::derive::complete;
use crate::facts::{Group, Node, Resource};
use proptest::prelude::*;

const GIB: u64 = 1 << 30;

fn node(name: &str, total: u64) -> Node {
    let mut node = Node { name: name.into(), ..Node::default() };
    node.memory.total_bytes = Some(Bytes(total * GIB));
    node.hypervisor.reserve_bytes = Some(Bytes(2 * GIB));
    node.cpu.cores = Some(8);
    node
}

fn vm(name: &str, host: &str, memory: u64) -> Vm {
    Vm {
        name: name.into(),
        host: Some(host.into()),
        memory_bytes: Some(Bytes(memory * GIB)),
        vcpus: Some(2),
        protected: Some(true),
        ..Vm::default()
    }
}

/// Three hosts with 30 GiB for virtual machines each.
fn hosts(vms: Vec<Vm>) -> Document {
    let mut document = Document::empty();
    document.cluster.layout = Some(Layout::Host);
    document.nodes = ["hv1", "hv2", "hv3"].map(|name| node(name, 32)).to_vec();
    document.vms = Some(vms);
    document
}

fn completed(mut document: Document) -> Document {
    complete(&mut document);
    document
}

fn why(document: &Document, path: &str) -> String {
    let gap = Places::new(document).gap(path).unwrap_or_else(|| panic!("{path} has no gap"));
    gap.detail.clone().unwrap_or_default()
}

#[test]
fn memory_is_counted_where_machines_run() {
    let mut stopped = vm("c", "hv1", 4);
    (stopped.running, stopped.protected) = (Some(false), Some(false));
    let document = completed(hosts(vec![vm("a", "HV1", 8), vm("b", "hv1", 16), stopped, vm("d", "hv2", 8)]));
    assert_eq!(document.nodes[0].vms.as_deref(), Some(&["a".to_owned(), "b".into(), "c".into()][..]));
    assert_eq!(document.nodes[0].vm_memory_bytes, Some(Bytes(24 * GIB)));
    assert_eq!(document.nodes[2].vms.as_deref(), Some(&[][..]));
    assert_eq!(document.nodes[2].vm_memory_bytes, Some(Bytes(0)));
    let capacity = &document.capacity;
    assert_eq!(capacity.failed_nodes, Some(1));
    assert_eq!((capacity.needed_bytes, capacity.left_bytes), (Some(Bytes(32 * GIB)), Some(Bytes(60 * GIB))));
    assert_eq!((capacity.needed_vcpus, capacity.left_cores), (Some(6), Some(16)));
    assert_eq!(capacity.most_hit, Some(2), "one of the three is stopped");
    assert_eq!(capacity.stranded.as_deref(), Some(&[][..]));
}

#[test]
fn the_largest_nodes_fail_and_nodes_in_maintenance_carry_nothing() {
    let mut document = hosts(vec![vm("a", "hv1", 8)]);
    document.nodes[1].memory.total_bytes = Some(Bytes(64 * GIB));
    document.nodes[2].hypervisor.maintenance = Some(true);
    let once = completed(document.clone());
    assert_eq!(once.capacity.left_bytes, Some(Bytes(30 * GIB)));
    assert_eq!(once.vms.as_ref().expect("there")[0].fits_on, Some(vec!["hv2".to_owned()].into()));
    for survive in [2, 3, i64::MAX] {
        document.intent.survive_nodes = Some(survive);
        assert_eq!(completed(document.clone()).capacity.left_bytes, Some(Bytes(0)));
    }
    document.intent.survive_nodes = Some(i64::MIN);
    assert_eq!(completed(document).capacity.failed_nodes, Some(1));
}

#[test]
fn a_machine_fits_where_memory_reach_and_rules_let_it() {
    let fits = |change: &dyn Fn(&mut Document)| {
        let mut document = hosts(vec![vm("a", "hv1", 8), vm("b", "hv2", 20), vm("c", "hv3", 26)]);
        change(&mut document);
        completed(document).vms.expect("there")[0].fits_on.as_deref().cloned()
    };
    let names = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
    let of_a =
        |document: &mut Document, change: fn(&mut Vm)| change(&mut document.vms.as_mut().expect("there")[0]);
    assert_eq!(fits(&|_| ()), names(&["hv2"]), "hv3 has 4 GiB left");
    assert_eq!(
        fits(&|document| of_a(document, |vm| vm.memory_bytes = Some(Bytes(4 * GIB)))),
        names(&["hv2", "hv3"])
    );
    assert_eq!(
        fits(&|document| of_a(document, |vm| vm.local_devices = Some(vec!["usb".into()]))),
        names(&[])
    );
    assert_eq!(
        fits(&|document| of_a(document, |vm| vm.possible_hosts = Some(vec!["HV1".into(), "hv3".into()]))),
        names(&[])
    );
    let rule = |kind, vms: &[&str], hosts: &[&str]| Placement {
        name: "r".into(),
        kind: Some(kind),
        vms: names(vms),
        hosts: names(hosts),
        ..Placement::default()
    };
    let with = |rule: Placement| fits(&|document| document.placements = Some(vec![rule.clone()]));
    assert_eq!(with(rule(PlacementKind::AntiAffinity, &["a", "b"], &[])), names(&[]));
    assert_eq!(with(rule(PlacementKind::NotHosts, &["a"], &["hv2"])), names(&[]));
    assert_eq!(with(rule(PlacementKind::Hosts, &["a"], &["hv1", "hv2"])), names(&["hv2"]));
    let soft = Placement { mandatory: Some(false), ..rule(PlacementKind::NotHosts, &["a"], &["hv2"]) };
    assert_eq!(with(soft), names(&["hv2"]), "it should hold, and need not");
    let off = Placement { enabled: Some(false), ..rule(PlacementKind::NotHosts, &["a"], &["hv2"]) };
    assert_eq!(with(off), names(&["hv2"]));
    let together = |document: &mut Document| {
        document.vms.as_mut().expect("there").push(vm("d", "hv1", 4));
        document.placements = Some(vec![rule(PlacementKind::Affinity, &["a", "d"], &[])]);
    };
    assert_eq!(fits(&together), names(&[]), "both must find room, and hv2 has 10 GiB");
    let out_of_reach = |document: &mut Document| {
        let machine = &mut document.vms.as_mut().expect("there")[0];
        (machine.config_volume, machine.disks) = (Some("v".into()), Some(vec![]));
        let volume = Volume { name: "v".into(), nodes: names(&["hv1", "hv3"]), ..Volume::default() };
        document.volumes = Some(vec![volume]);
    };
    assert_eq!(fits(&out_of_reach), names(&[]));
}

#[test]
fn what_is_missing_is_missing_with_its_cause() {
    let mut no_memory = vm("a", "hv1", 8);
    no_memory.memory_bytes = None;
    let document = completed(hosts(vec![no_memory, vm("b", "hv2", 1)]));
    assert_eq!(document.nodes[0].vm_memory_bytes, None);
    assert_eq!(document.nodes[1].vm_memory_bytes, Some(Bytes(GIB)));
    assert_eq!(why(&document, "nodes[hv1].vm_memory_bytes"), "needs vms[a].memory_bytes");
    assert_eq!(why(&document, "capacity.needed_bytes"), "needs vms[a].memory_bytes");
    assert_eq!(document.capacity.left_bytes, Some(Bytes(60 * GIB)));
    assert_eq!(document.capacity.stranded, None);

    let document = completed(hosts(vec![vm("a", "hv1", 8), vm("b", "hv9", 1)]));
    assert!(document.nodes.iter().all(|node| node.vms.is_none()), "b may be on any of them");
    assert_eq!(why(&document, "nodes[hv2].vms"), "vms[b].host: there is no node `hv9`");
    assert_eq!(document.capacity.most_hit, None);

    let mut nobody_knows = vm("a", "hv1", 8);
    (nobody_knows.running, nobody_knows.protected) = (Some(false), None);
    assert_eq!(completed(hosts(vec![nobody_knows])).capacity.needed_bytes, None);

    let mut document = hosts(vec![vm("a", "hv1", 8)]);
    document.nodes[2].hypervisor.reserve_bytes = None;
    let document = completed(document);
    assert_eq!(document.capacity.left_bytes, None);
    assert_eq!(why(&document, "capacity.left_bytes"), "needs nodes[hv3].hypervisor.reserve_bytes");
    assert_eq!(document.vms.as_ref().expect("there")[0].fits_on, None);

    let mut document = hosts(vec![]);
    document.vms = None;
    let document = completed(document);
    assert_eq!((document.capacity.needed_bytes, document.nodes[0].vms.is_none()), (None, true));
    assert_eq!(why(&document, "capacity.needed_bytes"), "needs vms");
}

#[test]
fn nodes_that_are_machines_carry_none() {
    let mut document = hosts(vec![vm("hv1", "esx1", 8), vm("hv2", "esx2", 8)]);
    document.cluster.layout = Some(Layout::Guest);
    let document = completed(document);
    assert_eq!(document.nodes[0].vms.as_deref(), Some(&[][..]));
    assert_eq!(document.capacity, Capacity::default());
    assert!(why(&document, "capacity.left_bytes").contains("virtual machines themselves"));
}

#[test]
fn hostile_amounts_never_add_up_to_enough() {
    let mut huge = vm("a", "hv1", 1);
    (huge.memory_bytes, huge.vcpus) = (Some(Bytes(u64::MAX)), Some(i64::MAX));
    let mut document = hosts(vec![huge.clone(), Vm { name: "b".into(), ..huge }]);
    document.nodes.iter_mut().for_each(|node| {
        node.memory.total_bytes = Some(Bytes(u64::MAX));
        node.cpu.cores = Some(-1);
    });
    let document = completed(document);
    assert_eq!((document.capacity.needed_bytes, document.capacity.left_bytes), (None, None));
    assert_eq!((document.capacity.needed_vcpus, document.capacity.left_cores), (None, None));
    assert_eq!(why(&document, "capacity.needed_bytes"), "the amounts are too large to be added");
    assert_eq!(why(&document, "capacity.left_cores"), "nodes[hv1].cpu.cores is below 0");
}

#[test]
fn volumes_are_found_by_name_and_by_path() {
    let disk = |name: &str, volume: Option<&str>, path: Option<&str>| VmDisk {
        name: name.into(),
        volume: volume.map(Into::into),
        path: path.map(Into::into),
        ..VmDisk::default()
    };
    let volume =
        |name: &str, path: &str| Volume { name: name.into(), path: Some(path.into()), ..Volume::default() };
    let machine = |config: &str, disks| Vm {
        config_path: Some(config.into()),
        disks: Some(disks),
        ..vm("a", "hv1", 1)
    };
    let with = |machine: Vm| {
        let mut document = hosts(vec![machine]);
        document.volumes = Some(vec![
            volume("one", r"C:\ClusterStorage\Volume1"),
            volume("eleven", r"C:\ClusterStorage\Volume11"),
            volume("nfs", "/vmfs/volumes/nfs"),
        ]);
        completed(document)
    };
    let document = with(machine(
        r"c:\clusterstorage\VOLUME1\a.xml",
        vec![disk("0", None, Some(r"C:\ClusterStorage\Volume11\a.vhd")), disk("1", Some(""), None)],
    ));
    let found = &document.vms.as_ref().expect("there")[0];
    assert_eq!(found.volumes.as_deref(), Some(&["eleven".to_owned(), "one".into()][..]));
    let carried = |document: &Document| -> Vec<_> {
        document.volumes.iter().flatten().map(|volume| volume.vms.as_ref().map(Vec::len)).collect()
    };
    assert_eq!(carried(&document), [Some(1), Some(1), Some(0)]);
    let document = with(machine(r"D:\a.xml", vec![]));
    assert_eq!(document.vms.as_ref().expect("there")[0].volumes, None);
    assert_eq!(carried(&document), [None, None, None], "it may be on any of them");
    assert!(why(&document, "vms[a].volumes").contains(r"no volume is known to hold D:\a.xml"));
    let document = with(machine("/vmfs/volumes/nfs2/a.vmx", vec![]));
    assert_eq!(document.vms.as_ref().expect("there")[0].volumes, None, "a whole name of a folder counts");
    let document = with(Vm { config_volume: Some("nfs".into()), ..vm("a", "hv1", 1) });
    assert_eq!(why(&document, "vms[a].volumes"), "needs vms[a].disks");
}

#[test]
fn kinds_of_a_group_are_there_once() {
    let resource = |name: &str, kind: Option<&str>| Resource {
        name: name.into(),
        kind: kind.map(Into::into),
        ..Resource::default()
    };
    let kinds = |resources| {
        let mut document = Document::empty();
        document.groups = Some(vec![Group { name: "g".into(), resources, ..Group::default() }]);
        completed(document)
    };
    let document = kinds(Some(vec![
        resource("a", Some("Physical Disk")),
        resource("b", Some("Generic Script")),
        resource("c", Some("Physical Disk")),
    ]));
    let found = document.groups.as_ref().expect("there")[0].kinds.clone();
    assert_eq!(found, Some(vec!["Generic Script".to_owned(), "Physical Disk".into()]));
    let document = kinds(Some(vec![resource("a", None)]));
    assert_eq!(why(&document, "groups[g].kinds"), "needs groups[g].resources[a].kind");
    assert_eq!(why(&kinds(None), "groups[g].kinds"), "needs groups[g].resources");
}

/// Clusters with some facts missing, some wrong, and some beyond all bounds.
fn clusters() -> impl Strategy<Value = Document> {
    let amount = || prop_oneof![8 => 0_u64..64 * GIB, 1 => Just(u64::MAX), 1 => Just(u64::MAX / 2)];
    let host = || prop_oneof![Just("n0"), Just("n1"), Just("N2"), Just("n9"), Just("")];
    let machine = (
        proptest::option::weighted(0.9, host()),
        proptest::option::weighted(0.9, amount()),
        proptest::option::of(any::<bool>()),
        proptest::option::of(any::<bool>()),
        proptest::option::weighted(0.9, any::<i64>()),
    );
    let carrier = (proptest::option::weighted(0.9, amount()), proptest::option::weighted(0.9, amount()));
    let survive = proptest::option::of(any::<i64>());
    (proptest::collection::vec(machine, 0..8), proptest::collection::vec(carrier, 0..4), survive).prop_map(
        |(machines, carriers, survive)| {
            let mut document = Document::empty();
            document.cluster.layout = Some(Layout::Host);
            document.intent.survive_nodes = survive;
            document.nodes = (0..)
                .zip(carriers)
                .map(|(at, (total, own))| {
                    let mut node = Node { name: format!("n{at}"), ..Node::default() };
                    node.memory.total_bytes = total.map(Bytes);
                    node.hypervisor.reserve_bytes = own.map(Bytes);
                    node
                })
                .collect();
            document.vms = Some(
                (0..)
                    .zip(machines)
                    .map(|(at, (host, memory, running, protected, vcpus))| Vm {
                        name: format!("vm{at}"),
                        host: host.map(Into::into),
                        memory_bytes: memory.map(Bytes),
                        running,
                        protected,
                        vcpus,
                        ..Vm::default()
                    })
                    .collect(),
            );
            document
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Deriving twice changes nothing, and what is missing has a gap.
    #[test]
    fn it_is_whole_and_settles(document in clusters()) {
        let once = completed(document);
        let twice = completed(once.clone());
        prop_assert_eq!(&once, &twice);
        let places = Places::new(&once);
        for vm in once.vms.iter().flatten() {
            let said = places.gap(&format!("vms[{}].fits_on", vm.name)).is_some();
            prop_assert!(vm.fits_on.is_some() || said);
        }
        for node in &once.nodes {
            let said = places.gap(&format!("nodes[{}].vms", node.name)).is_some();
            prop_assert!(node.vms.is_some() || said);
        }
        prop_assert!(once.capacity.needed_bytes.is_some() || places.gap("capacity.needed_bytes").is_some());
        prop_assert!(once.capacity.left_bytes.is_some() || places.gap("capacity.left_bytes").is_some());
    }

    /// A machine fits only where its memory goes beside what is there, and never on its own host.
    #[test]
    fn what_fits_has_room(document in clusters()) {
        let document = completed(document);
        for vm in document.vms.iter().flatten() {
            for host in vm.fits_on.iter().flat_map(|hosts| hosts.iter()) {
                let node = document.nodes.iter().find(|node| node.name == *host).expect("a node");
                let amount = |bytes: Option<Bytes>| u128::from(bytes.expect("known, or it would not be said").0);
                let taken = amount(node.hypervisor.reserve_bytes) + amount(node.vm_memory_bytes) + amount(vm.memory_bytes);
                let own = amount(node.memory.total_bytes);
                prop_assert!(taken <= own || amount(vm.memory_bytes) == 0, "{taken} in {own}");
                prop_assert!(vm.host.as_ref().is_some_and(|own| own.to_lowercase() != *host));
            }
        }
    }

    /// The more nodes fail, the less is left; and sums are those of exact arithmetic.
    #[test]
    fn sums_are_exact(document in clusters()) {
        let mut document = completed(document);
        if let Some(needed) = document.capacity.needed_bytes {
            let exact: u128 = document.vms.iter().flatten()
                .filter(|vm| vm.running != Some(false) || vm.protected == Some(true))
                .map(|vm| u128::from(vm.memory_bytes.expect("known").0)).sum();
            prop_assert_eq!(u128::from(needed.0), exact);
        }
        document.intent.survive_nodes = Some(1);
        let one = completed(document.clone()).capacity.left_bytes;
        document.intent.survive_nodes = Some(2);
        let two = completed(document).capacity.left_bytes;
        if let (Some(one), Some(two)) = (one, two) {
            prop_assert!(two <= one);
        }
    }
}
