//! Plans of the round: which ways there are, which can be measured, and what each node is sent.

use super::*;
use crate::probe::mesh::task::render;
use crate::source::SourceFile;
use proptest::prelude::*;

fn inventory(nodes: &[&str], more: &str) -> Inventory {
    let mut text = format!("[cluster]\nname = \"c\"\nplatform = \"pacemaker\"\n{more}\n");
    for node in nodes {
        text += &format!("[[node]]\nname = \"{node}\"\nprobe = \"ssh://{node}\"\n");
    }
    Inventory::parse(&SourceFile::new("cluster.toml", text)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn document(text: &str) -> Document {
    Document::parse(format!("{{\"schema\":\"quorate/1\",{text}}}").as_bytes(), "test").expect("valid facts")
}

fn nic(name: &str, addresses: &[&str]) -> String {
    let all: Vec<String> =
        addresses.iter().map(|address| format!(r#"{{"address":"{address}","prefix":24}}"#)).collect();
    format!(r#"{{"name":"{name}","mtu":1500,"addresses":[{}]}}"#, all.join(","))
}

fn node(name: &str, nics: &[String], more: &str) -> String {
    format!(r#"{{"name":"{name}","reached":true,"nics":[{}]{more}}}"#, nics.join(","))
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.links.iter().map(|link| link.name.as_str()).collect()
}

/// What a node is sent, one line for each way, without ids and delays.
fn work(plan: &Plan, node: usize) -> Vec<String> {
    let script = render("n", &plan.work[node]);
    let tasks = script.split('\'').nth(3).expect("tasks").to_owned();
    let mut all: Vec<String> =
        tasks.lines().map(|line| line.splitn(3, ' ').nth(2).expect("three words").to_owned()).collect();
    all.sort();
    all
}

fn gap<'a>(plan: &'a Plan, name: &str) -> &'a Gap {
    let path = format!("links[{name}]");
    plan.gaps.iter().find(|gap| gap.path == path).unwrap_or_else(|| panic!("{name}: {:#?}", plan.gaps))
}

const LAN: &str = "[[network]]\nname = \"lan\"\nrole = \"cluster\"\nsubnets = [\"10.0.0.0/24\"]\n";

#[test]
fn every_node_has_a_way_to_every_other_on_every_network() {
    let san =
        "[[network]]\nname = \"san\"\nrole = \"storage\"\nsubnets = [\"10.0.1.0/24\", \"fd00:1::/64\"]\n";
    let inventory = inventory(&["a", "b"], &format!("{LAN}{san}"));
    let nics = |last: &str| {
        [
            // A second address, as a service's that is here now, is not taken.
            nic("eth0", &[&format!("10.0.0.{last}"), "10.0.0.200"]),
            nic("eth1", &[&format!("10.0.1.{last}"), &format!("fd00:1::{last}"), "fe80::1"]),
        ]
    };
    let text = format!(r#""nodes":[{},{}]"#, node("a", &nics("1"), ""), node("b", &nics("2"), ""));
    let plan = plan(&inventory, &document(&text)).expect("a plan");
    assert_eq!(
        names(&plan),
        [
            "a > b lan icmp",
            "a > b san icmp",
            "a > b san icmp ipv6",
            "b > a lan icmp",
            "b > a san icmp",
            "b > a san icmp ipv6"
        ]
    );
    assert_eq!(
        work(&plan, 0),
        [
            "w 10.0.0.1 10.0.0.2 28 1500 1400 1280 576",
            "w 10.0.1.1 10.0.1.2 28 1500 1400 1280 576",
            "w fd00:1::1 fd00:1::2 48 1500 1400 1280"
        ]
    );
    assert!(plan.gaps.is_empty());
}

#[test]
fn a_node_that_was_not_reached_has_ways_with_gaps_and_is_tried_where_corosync_knows_it() {
    let inventory = inventory(&["a", "b"], LAN);
    let members = r#","corosync":{"nodelist":[{"id":"a","name":"a","addresses":[{"link":0,"address":"10.0.0.1"},{"link":1,"address":"10.9.0.1"}]},{"id":"b","name":"b","addresses":[{"link":0,"address":"10.0.0.2"},{"link":1,"address":"10.9.0.2"}]}]}"#;
    let own = [nic("eth0", &["10.0.0.1"]), nic("eth1", &["10.9.0.1"])];
    let lost = r#"{"name":"b","reached":false}"#;
    let gaps = r#""gaps":[{"path":"nodes[b]","reason":"timed-out","detail":"too slow"}]"#;
    let known =
        plan(&inventory, &document(&format!(r#""nodes":[{},{lost}],{gaps}"#, node("a", &own, members))));
    let known = known.expect("a plan");
    assert_eq!(names(&known), ["a > b lan icmp", "a > b link 1 icmp", "b > a lan icmp"]);
    assert_eq!(
        work(&known, 0),
        ["w 10.0.0.1 10.0.0.2 28 1500 1400 1280 576", "w 10.9.0.1 10.9.0.2 28 1500 1400 1280 576"]
    );
    assert!(known.work[1].is_empty());
    let from_lost = gap(&known, "b > a lan icmp");
    assert_eq!(from_lost.reason, Some(GapReason::TimedOut));
    assert!(from_lost.detail.as_deref().is_some_and(|detail| detail.contains("too slow")));
    let unknown = plan(&inventory, &document(&format!(r#""nodes":[{},{lost}],{gaps}"#, node("a", &own, ""))));
    let unknown = unknown.expect("a plan");
    assert_eq!(names(&unknown), ["a > b lan icmp", "b > a lan icmp"]);
    assert_eq!(gap(&unknown, "a > b lan icmp").reason, Some(GapReason::Unreachable));
    assert!(unknown.work.iter().all(Vec::is_empty));
}

#[test]
fn without_networks_in_the_plan_corosync_tells_them() {
    let inventory = inventory(&["a", "b"], "");
    let members = r#","names":[{"name":"ring-b","addresses":["10.0.0.2"]}],"corosync":{"nodelist":[{"id":"a","name":"a","addresses":[{"link":0,"address":"10.0.0.1"}]},{"id":"b","name":"B","addresses":[{"link":0,"address":"ring-b"}]}]}"#;
    let a = node("a", &[nic("eth0", &["10.0.0.1"])], members);
    let b = node("b", &[nic("eth0", &["10.0.0.2"])], "");
    let plan = plan(&inventory, &document(&format!(r#""nodes":[{a},{b}]"#))).expect("a plan");
    assert_eq!(names(&plan), ["a > b link 0 icmp", "b > a link 0 icmp"]);
    assert_eq!(work(&plan, 0), ["w 10.0.0.1 10.0.0.2 28 1500 1400 1280 576"]);
    // What the list calls by a name that b cannot look up is not guessed.
    assert!(plan.work[1].is_empty());
    assert!(
        gap(&plan, "b > a link 0 icmp").detail.as_deref().is_some_and(|detail| detail.contains("start at"))
    );
}

#[test]
fn without_any_list_shared_subnets_are_measured_and_a_bridge_that_each_host_has_is_none() {
    let inventory = inventory(&["a", "b", "c"], "");
    let nics = |last: &str| [nic("eth0", &[&format!("10.0.0.{last}")]), nic("docker0", &["172.17.0.1"])];
    let c = node("c", &[nic("eth0", &["10.5.0.3"])], "");
    let text = format!(r#""nodes":[{},{},{c}]"#, node("a", &nics("1"), ""), node("b", &nics("2"), ""));
    let plan = plan(&inventory, &document(&text)).expect("a plan");
    assert_eq!(
        names(&plan),
        [
            "a > b 10.0.0.0/24 icmp",
            "a > c icmp",
            "b > a 10.0.0.0/24 icmp",
            "b > c icmp",
            "c > a icmp",
            "c > b icmp"
        ]
    );
    assert_eq!(
        gap(&plan, "a > c icmp").reason,
        Some(GapReason::NotCollected),
        "nothing joins them: never a pass"
    );
}

#[test]
fn ports_portals_and_devices_are_connected_to() {
    let target =
        "[[target]]\nname = \"iqn.2024-01.lab:t\"\nportals = [\"10.0.1.10:3260\", \"san.example\"]\n";
    let inventory = inventory(&["a", "b"], &format!("{LAN}{target}"));
    let services = |dlm: &str| {
        format!(
            r#","services":[{{"name":"pcsd","installed":true,"active":true}},{{"name":"dlm","installed":true,"active":{dlm}}}],"corosync":{{"qdevice_host":"q.example"}}"#
        )
    };
    let remote = r#""cluster":{"pacemaker":{"resources":[{"id":"r1","agent":"ocf:pacemaker:remote","parameters":[{"name":"server","value":"10.0.0.9"}]},{"id":"r2; reboot","agent":"ocf:pacemaker:remote"}]}}"#;
    let a = node("a", &[nic("eth0", &["10.0.0.1"])], &services("true"));
    let b = node("b", &[nic("eth0", &["10.0.0.2"])], &services("false"));
    let plan = plan(&inventory, &document(&format!(r#"{remote},"nodes":[{a},{b}]"#))).expect("a plan");
    assert_eq!(
        work(&plan, 1),
        [
            "t 10.0.0.1 21064",
            "t 10.0.0.1 2224",
            "t 10.0.0.9 3121",
            "t 10.0.1.10 3260",
            "t q.example 5403",
            "t san.example 3260",
            "w 10.0.0.2 10.0.0.1 28 1500 1400 1280 576"
        ]
    );
    assert!(!names(&plan).contains(&"a > b tcp/21064"), "DLM does not run there");
    let kinds: Vec<_> = plan.links.iter().filter_map(|link| link.to_kind.as_deref()).collect();
    for kind in ["node", "portal", "qdevice", "remote"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    assert!(
        gap(&plan, "a > r2; reboot:3121").detail.as_deref().is_some_and(|detail| detail.contains("neither"))
    );
}

/// 64 nodes on three networks, as documents have them.
#[test]
fn the_round_of_sixty_four_nodes_is_bounded() {
    let all: Vec<String> = (0..64).map(|at| format!("n{at}")).collect();
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    let networks: String = (0..3)
        .map(|at| {
            format!("[[network]]\nname = \"l{at}\"\nrole = \"cluster\"\nsubnets = [\"10.{at}.0.0/24\"]\n")
        })
        .collect();
    let inventory = inventory(&names, &networks);
    let nodes: Vec<String> = (0..64)
        .map(|at| {
            let nics: Vec<String> =
                (0..3).map(|net| nic(&format!("eth{net}"), &[&format!("10.{net}.0.{}", at + 1)])).collect();
            node(&all[at], &nics, "")
        })
        .collect();
    let plan = plan(&inventory, &document(&format!(r#""nodes":[{}]"#, nodes.join(",")))).expect("a plan");
    assert_eq!(plan.links.len(), 64 * 63 * 3);
    assert!(plan.gaps.is_empty());
    for work in &plan.work {
        assert_eq!(work.len(), 63 * 3);
        assert!(work.last().is_some_and(|task| task.start < Duration::from_secs(45)));
        // Never more than three begin in a tenth of a second.
        assert!(work.windows(4).all(|four| four[3].start > four[0].start + Duration::from_millis(100)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_that_a_host_says_reaches_the_shell_unchecked(host in ".{0,30}", address in ".{0,20}", id in ".{0,20}") {
        let inventory = inventory(&["a", "b"], LAN);
        let mut document = document(&format!(
            r#""nodes":[{},{}]"#,
            node("a", &[nic("eth0", &["10.0.0.1"])], r#","corosync":{"nodelist":[{"id":"b","name":"b","addresses":[{"link":0,"address":"x"}]}]}"#),
            node("b", &[nic("eth0", &["10.0.0.2"])], "")
        ));
        document.nodes[0].corosync.qdevice_host = Some(host);
        if let Some(first) = document.nodes[1].nics.iter_mut().flatten().next().and_then(|nic| nic.addresses.as_mut()) {
            first[0].address = address.clone();
        }
        if let Some(member) = document.nodes[0].corosync.nodelist.iter_mut().flatten().next() {
            member.addresses.iter_mut().flatten().for_each(|one| one.address = Some(address.clone()));
        }
        document.cluster.pacemaker.resources = Some(vec![crate::facts::PacemakerResource {
            id, agent: Some("ocf:pacemaker:remote".into()), ..Default::default()
        }]);
        let plan = plan(&inventory, &document).expect("a plan");
        for work in &plan.work {
            let script = render("n", work);
            let tasks = script.strip_prefix("N='n' TASKS='").and_then(|rest| rest.split_once("'\n# The second round")).expect("tasks").0;
            prop_assert!(tasks.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" \n.:_-".contains(&byte)), "{:?}", tasks);
        }
    }
}
