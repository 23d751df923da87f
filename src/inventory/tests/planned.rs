//! The facts that the plan declares, and findings over them.

use super::*;
use crate::facts::{
    Address, BitsPerSecond, Bytes, Cluster, Document, GapReason, HighAvailability, Layout, Nic, NicKind,
    Node, Os, Places, SourceKind, Vm, WitnessKind,
};

#[test]
fn the_plan_is_a_facts_document() {
    let document = full().planned_document();
    let again = Document::parse(document.to_json().as_bytes(), "plan").expect("a sound recording");
    assert_eq!(again, document);
    insta::assert_snapshot!(document.to_json());
}

#[test]
fn everything_declared_has_its_line() {
    let document = full().planned_document();
    let places = Places::new(&document);
    let item = |path: &str| {
        let source = places.source(path).unwrap_or_else(|| panic!("{path} has a source"));
        assert_eq!((source.kind, source.place.as_deref()), (Some(SourceKind::Plan), Some("cluster.toml")));
        source.item.clone().expect("a line")
    };
    assert_eq!(item("cluster.name"), "line 1");
    assert_eq!(item("nodes[hv2.example.com].physical_host"), "line 20");
    assert_eq!(item("nodes[hv2.example.com].nics[eth0].switch_name"), "line 33");
    assert_eq!(item("targets[iqn.2001-05.com.example:storage].luns[lun-1].role"), "line 83");
    assert_eq!(item("witness.kind"), "line 87");
    let gap = |path: &str| places.gap(path).and_then(|gap| gap.reason);
    assert_eq!(gap("nodes[hv4].os.build"), Some(GapReason::NotCollected));
    assert_eq!(gap("nodes[hv1].physical_host"), Some(GapReason::NotDeclared));
    assert_eq!(gap("nodes[hv1].os.build"), None);
    let alone = full().plan_alone();
    assert_eq!(
        Places::new(&alone).gap("nodes[hv1].os.build").and_then(|gap| gap.reason),
        Some(GapReason::NotCollected)
    );
    assert_eq!(
        Places::new(&alone).gap("nodes[hv4].os").and_then(|gap| gap.detail.as_deref()),
        Some("declared only")
    );
}

#[test]
fn votes_are_known_only_with_a_witness_or_without_one() {
    let votes = |witness: &str| {
        let text = format!(
            "[cluster]\nname = 'c'\nplatform = 'pacemaker'\n[[node]]\nname = 'a'\nprobe = 'local'\n[[node]]\nname = 'b'\nprobe = 'none'\n{witness}"
        );
        let document = read(&text).expect("sound").planned_document();
        (document.cluster.votes, document.witness.kind)
    };
    assert_eq!(votes(""), (None, None));
    assert_eq!(votes("[witness]\nkind = 'none'"), (Some(2), Some(WitnessKind::None)));
    assert_eq!(votes("[witness]\nkind = 'qdevice'\nhost = 'qd1'"), (Some(3), Some(WitnessKind::Qdevice)));
    let sbd = "[[target]]\nname = 'iqn.2001-05.com.example:x'\nportals = ['h']\n[[target.lun]]\nlun = 0\nname = 'sbd'\nrole = 'witness'\n[witness]\nkind = 'sbd'\nlun = 'sbd'";
    assert_eq!(votes(sbd), (Some(2), Some(WitnessKind::Sbd)));
}

#[test]
fn what_was_found_is_laid_over_the_plan() {
    let inventory = full();
    let mut document = inventory.planned_document();
    let found = Node {
        name: "hv2".into(),
        reached: Some(true),
        os: Os { build: Some("10.0.17763".into()), ..Os::default() },
        nics: Some(vec![Nic {
            name: "eth0".into(),
            mtu: Some(1500),
            speed_bps: Some(BitsPerSecond(10_000_000_000)),
            kind: Some(NicKind::Physical),
            addresses: Some(vec![Address {
                address: "10.0.0.12".into(),
                dynamic: Some(true),
                ..Address::default()
            }]),
            ..Nic::default()
        }]),
        ..Node::default()
    };
    lay_over(&mut document, &inventory.nodes[1], found);
    assert_eq!(document.nodes.len(), 4);
    let node = &document.nodes[1];
    assert_eq!((node.name.as_str(), node.reached), ("hv2.example.com", Some(true)));
    assert_eq!(node.physical_host.as_deref(), Some("esx1"), "only the plan knows it");
    assert_eq!(node.os.build.as_deref(), Some("10.0.17763"), "what was found holds");
    assert_eq!(node.os.service_pack, Some(0), "what was not found stays declared");
    assert_eq!(node.cpu.cores, Some(16));
    let nics = node.nics.as_ref().expect("found");
    assert_eq!(nics.len(), 1, "a list that was found is whole");
    assert_eq!((nics[0].mtu, nics[0].switch_name.as_deref()), (Some(1500), Some("sw1")));
    insta::assert_json_snapshot!(document.drifts);
    let places = Places::new(&document);
    let line = |path: &str| {
        places.source(&format!("nodes[hv2.example.com].{path}")).and_then(|source| source.item.clone())
    };
    assert_eq!(line("os.service_pack").as_deref(), Some("line 26"));
    assert_eq!(line("nics[eth0].switch_name").as_deref(), Some("line 33"));
    assert_eq!(line("os.build").as_deref(), Some("line 20"), "of the node, which what was found replaces");
    assert_eq!(line("nics[eth0].mtu").as_deref(), Some("line 20"));
    assert_eq!(line("cpu.cores").as_deref(), Some("line 27"));
}

#[test]
fn what_the_cluster_carries_has_its_lines() {
    let document = full().planned_document();
    let places = Places::new(&document);
    let line = |path: &str| places.source(path).and_then(|source| source.item.clone());
    assert_eq!(line("cluster.layout").as_deref(), Some("line 127"));
    assert_eq!(line("cluster.ha.enabled").as_deref(), Some("line 129"));
    assert_eq!(line("vms[web1].disks[scsi0:0].volume").as_deref(), Some("line 140"));
    assert_eq!(line("vms[web2].running").as_deref(), Some("line 143"), "of the table");
    assert_eq!(document.cluster.layout, Some(Layout::Host));
    assert_eq!(document.cluster.wsfc.same_subnet_delay_ms.map(|delay| delay.0), Some(1000));
    assert_eq!(document.intent.interruption_s.map(|time| time.0), Some(300));
    assert_eq!(document.intent.planned_interruption_s.map(|time| time.0), Some(0));
    assert_eq!(places.gap("intent.stateful").and_then(|gap| gap.reason), Some(GapReason::NotDeclared));
    let bare = read(BARE).expect("sound").plan_alone();
    let gap = |path: &str| Places::new(&bare).gap(path).and_then(|gap| gap.reason);
    assert_eq!(gap("vms"), Some(GapReason::NotDeclared));
    assert_eq!(gap("cluster.layout"), Some(GapReason::NotCollected));
}

const BARE: &str = "[cluster]\nname = 'c'\nplatform = 'wsfc'\n[[node]]\nname = 'a'\nprobe = 'none'\n";

#[test]
fn what_was_found_of_virtual_machines_is_laid_over_the_plan() {
    let inventory = full();
    let mut document = inventory.planned_document();
    let vm = |name: &str| Vm { name: name.into(), ..Vm::default() };
    let found = Document {
        cluster: Cluster {
            name: Some("another".into()),
            ha: HighAvailability { enabled: Some(false), ..HighAvailability::default() },
            ..Cluster::default()
        },
        vms: Some(vec![
            Vm { host: Some("hv2.example.com".into()), memory_bytes: Some(Bytes(8 << 30)), ..vm("web1") },
            vm("db1"),
        ]),
        ..Document::default()
    };
    lay_over_carried(&mut document, &inventory.carried, found);
    let vms = document.vms.as_ref().expect("there are some");
    assert_eq!(vms.iter().map(|vm| vm.name.as_str()).collect::<Vec<_>>(), ["web1", "db1"]);
    assert_eq!((vms[0].host.as_deref(), vms[0].protected), (Some("hv2.example.com"), Some(true)));
    assert_eq!(document.cluster.name.as_deref(), Some("hv-cluster"), "the plan's to say");
    assert_eq!((document.cluster.ha.enabled, document.cluster.layout), (Some(false), Some(Layout::Host)));
    assert_eq!(document.volumes.as_ref().map(Vec::len), Some(1), "the plan's word stays");
    let drifts: Vec<String> = document
        .drifts
        .iter()
        .map(|drift| {
            let word = |text: &Option<String>| text.clone().unwrap_or_default();
            format!("{} {} {} {}", drift.path, word(&drift.planned), word(&drift.found), word(&drift.place))
        })
        .collect();
    assert_eq!(
        drifts,
        [
            "cluster.ha.enabled true false cluster.toml:129",
            "vms[web1].host hv1 hv2.example.com cluster.toml:134",
            "vms[web2] present absent cluster.toml:143",
        ]
    );
    let places = Places::new(&document);
    let line = |path: &str| places.source(path).and_then(|source| source.item.clone());
    assert_eq!(line("vms[web1].protected").as_deref(), Some("line 136"), "still the plan's word");
    assert_eq!(line("cluster.layout").as_deref(), Some("line 127"));
}
