//! What is wrong with a real cluster, one thing at a time: exactly the findings that it must change, and no other.
//!
//! The facts of each case are kept in the folder that `QUORATE_LAB_KEEP` names, if it names one.
//!
//! One cluster serves all cases. What was found of it in health is what each case is held against; after each case it is
//! mended. A case may need time until the cluster itself has noticed, so it is judged again until it is as expected.

use crate::cluster::{Lab, NODES, corosync_conf, initiator, plan};
use crate::peers::off;
use quorate::facts::Document;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a case may take until all is found that there is.
const LONGEST: Duration = Duration::from_secs(25);

/// Findings by rule and subject.
type Findings = BTreeMap<(String, String), String>;

/// One thing that is wrong.
struct Case {
    name: &'static str,
    breaks: fn(&Lab),
    mends: fn(&Lab),
    /// Whether a node cannot be asked any more, so that much is unknown that only it can tell.
    silences: bool,
    /// `RULE SUBJECT: STATUS` of every finding that is not as it was in health, sorted; without what is unknown, or not found
    /// any more, where a node is silent.
    changes: &'static [&'static str],
}

/// Checks the cluster, and keeps the facts in `facts.json` of the folder.
fn check(lab: &Lab, folder: &Path) -> Findings {
    let probe = lab.quorate(folder, &["probe", "-q", "-o", "facts.json"]);
    let said = String::from_utf8_lossy(&probe.stderr).into_owned();
    assert!(matches!(probe.status.code(), Some(0 | 3)), "{:?}: {said}", probe.status);
    let output = lab.quorate(folder, &["check", "facts.json", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let findings = report["findings"].as_array().expect("findings");
    let word = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    findings
        .iter()
        // What passes stands in one line for all; it is no finding.
        .filter(|finding| !matches!(finding["status"].as_str(), Some("pass" | "not-applicable")))
        .map(|finding| ((word(finding, "rule"), word(finding, "subject")), word(finding, "status")))
        .collect()
}

/// What differs of what is not well, as `RULE SUBJECT: STATUS`; `no more` where there is no such finding any more.
fn changes(before: &Findings, after: &Findings) -> Vec<String> {
    let shown = |(rule, subject): &(String, String), status: &str| format!("{rule} {subject}: {status}");
    let new = after.iter().filter(|(key, status)| before.get(*key) != Some(*status));
    let mut out: Vec<String> = new.map(|(key, status)| shown(key, status)).collect();
    out.extend(before.keys().filter(|key| !after.contains_key(*key)).map(|key| shown(key, "no more")));
    out.sort();
    out
}

/// Writes the file of Corosync as it was.
fn mend_conf(lab: &Lab, node: &str) {
    lab.write(node, "/etc/corosync/corosync.conf", "644", corosync_conf(&NODES, "").as_bytes());
}

fn restart(lab: &Lab, node: &str) {
    lab.stop_daemons(node);
    lab.start_daemons(node);
    lab.wait_online(&NODES);
    lab.wait_linked(&NODES);
}

const CASES: &[Case] = &[
    Case {
        name: "a link is down",
        breaks: |lab| lab.switch("ip link set br1-3 down"),
        mends: |lab| {
            lab.switch("ip link set br1-3 up");
            lab.wait_linked(&NODES);
        },
        silences: false,
        changes: &[
            "corosync/address-on-node node3: warn",
            "corosync/links-healthy node1 1: fail",
            "corosync/links-healthy node2 1: fail",
            "corosync/links-healthy node3 1: fail",
            "links/reach node1 > node3 ring1 icmp: fail",
            "links/reach node2 > node3 ring1 icmp: fail",
            "links/reach node3 > node1 ring1 icmp: fail",
            "links/reach node3 > node2 ring1 icmp: fail",
            "network/link-up node3 ring1: fail",
            "network/not-one-nic node3: fail",
            "network/redundant-paths node1 - node3: warn",
            "network/redundant-paths node2 - node3: warn",
        ],
    },
    Case {
        name: "one path carries smaller packets",
        breaks: |lab| {
            lab.run("node3", "ip link set eth1 mtu 1400");
        },
        mends: |lab| {
            lab.run("node3", "ip link set eth1 mtu 1500");
        },
        silences: false,
        changes: &[
            // Corosync looks for the MTU of its links anew every second here.
            "corosync/same-mtu node3 1: warn",
            "links/path-mtu node1 > node3 ring1 icmp: warn",
            "links/path-mtu node2 > node3 ring1 icmp: warn",
            "network/same-mtu node3 ring1: fail",
        ],
    },
    Case {
        name: "corosync.conf differs",
        breaks: |lab| {
            lab.run("node3", "sed -i 's/token: 3000/token: 10000/' /etc/corosync/corosync.conf");
        },
        mends: |lab| mend_conf(lab, "node3"),
        silences: false,
        changes: &[
            "corosync/running-as-written node3: warn",
            "corosync/token-in-force node3: fail",
            "node/same-corosync-config node3: fail",
        ],
    },
    Case {
        name: "two nodes have one initiator name",
        breaks: |lab| {
            let same = format!("InitiatorName={}\n", initiator("node2"));
            lab.write("node3", "/etc/iscsi/initiatorname.iscsi", "644", same.as_bytes());
        },
        mends: |lab| {
            let own = format!("InitiatorName={}\n", initiator("node3"));
            lab.write("node3", "/etc/iscsi/initiatorname.iscsi", "644", own.as_bytes());
        },
        silences: false,
        changes: &["iscsi/unique-initiator-name node2: fail", "iscsi/unique-initiator-name node3: fail"],
    },
    Case {
        // Nodes in namespaces have one clock, so one of them is told a wrong time by a `date` of its own.
        name: "a clock is off",
        breaks: |lab| {
            let script = "#!/bin/sh\nexec /usr/bin/date -d '+90 seconds' \"$@\"\n";
            lab.write("node3", "/usr/sbin/date", "755", script.as_bytes());
        },
        mends: |lab| {
            lab.run("node3", "rm /usr/sbin/date");
        },
        silences: false,
        changes: &["node/clocks-agree node3: warn"],
    },
    Case {
        name: "fencing is off",
        breaks: |lab| {
            lab.run("node1", "crm_attribute -t crm_config -n stonith-enabled -v false");
        },
        mends: |lab| {
            lab.run("node1", "crm_attribute -t crm_config -n stonith-enabled -v true");
            lab.wait_online(&NODES);
        },
        silences: false,
        changes: &["fencing/enabled cluster: fail"],
    },
    Case {
        name: "a key of Corosync differs, and is not in use yet",
        breaks: |lab| {
            lab.run(
                "node3",
                "rm -f /etc/corosync/authkey; corosync-keygen -l -k /etc/corosync/authkey >/dev/null",
            );
        },
        mends: |lab| {
            let key = fs::read(lab.file("authkey")).expect("key");
            lab.write("node3", "/etc/corosync/authkey", "400", &key);
        },
        silences: false,
        changes: &["corosync/same-authkey node3: fail"],
    },
    Case {
        name: "corosync is killed",
        breaks: |lab| {
            lab.run("node3", "kill -9 $(pidof corosync)");
        },
        mends: |lab| restart(lab, "node3"),
        silences: false,
        changes: &[
            "corosync/consensus-in-force node3: unknown",
            "corosync/knet-ping node3: unknown",
            "corosync/links-healthy node1 0: fail",
            "corosync/links-healthy node1 1: fail",
            "corosync/links-healthy node2 0: fail",
            "corosync/links-healthy node2 1: fail",
            "corosync/links-healthy node3: unknown",
            "corosync/running-as-written node3: unknown",
            "corosync/running-config-version node3: unknown",
            "corosync/running-links node3: unknown",
            "corosync/runs node3: fail",
            "corosync/same-mtu node3: unknown",
            "corosync/token-in-force node3: unknown",
            "pacemaker/configuration-valid node3: fail",
            "pacemaker/configuration-without-warnings node3: warn",
            "pacemaker/members-online node3: fail",
            "quorum/all-votes node1: warn",
            "quorum/all-votes node2: warn",
            "quorum/all-votes node3: unknown",
            "quorum/quorate node3: unknown",
            "quorum/running-two-node node3: unknown",
        ],
    },
    Case {
        name: "a node is cut off",
        breaks: |lab| lab.switch("ip link set br0-3 down && ip link set br1-3 down"),
        mends: |lab| {
            lab.switch("ip link set br0-3 up && ip link set br1-3 up");
            restart(lab, "node3");
        },
        silences: true,
        changes: &[
            "corosync/links-healthy node1 0: fail",
            "corosync/links-healthy node1 1: fail",
            "corosync/links-healthy node2 0: fail",
            "corosync/links-healthy node2 1: fail",
            "links/reach node1 > node3 ring0 icmp: fail",
            "links/reach node1 > node3 ring1 icmp: fail",
            "links/reach node2 > node3 ring0 icmp: fail",
            "links/reach node2 > node3 ring1 icmp: fail",
            "links/ssh node1 > node3 tcp/22: info",
            "links/ssh node2 > node3 tcp/22: info",
            "pacemaker/members-online node3: fail",
            "quorum/all-votes node1: warn",
            "quorum/all-votes node2: warn",
        ],
    },
];

/// Of what concerns votes, what is found of two nodes that `two_node` lets go on alone.
const PAIR: &[&str] = &[];

/// What changes when `two_node` is missing too.
const PAIR_WITHOUT: &[&str] = &[
    "witness/present-for-two cluster: fail",
    "witness/two-node node1: fail",
    "witness/two-node node2: fail",
];

/// The same lab as a cluster of two nodes without a quorum device: with `two_node`, and without.
fn two_nodes(lab: &Lab, folder: &Path) -> Vec<String> {
    let pair = &NODES[..2];
    let folder = folder.join("pair");
    fs::create_dir(&folder).expect("folder");
    fs::write(folder.join("cluster.toml"), plan(pair)).expect("cluster.toml");
    for node in NODES {
        lab.stop_daemons(node);
    }
    lab.start_cluster(pair, "  two_node: 1\n");
    let with = check(lab, &folder);
    for node in pair {
        lab.stop_daemons(node);
    }
    lab.start_cluster(pair, "");
    let without = check(lab, &folder);
    let of_votes =
        with.iter().filter(|((rule, _), _)| rule.starts_with("quorum/") || rule.starts_with("witness/"));
    let found: Vec<String> =
        of_votes.map(|((rule, subject), status)| format!("{rule} {subject}: {status}")).collect();
    let changed = changes(&with, &without);
    let mut wrong = Vec::new();
    if found != PAIR {
        wrong.push(format!("two nodes:\n  found  {found:#?}\n  wanted {PAIR:#?}"));
    }
    if changed != PAIR_WITHOUT {
        wrong.push(format!("two nodes without two_node:\n  found  {changed:#?}\n  wanted {PAIR_WITHOUT:#?}"));
    }
    wrong
}

#[test]
#[allow(clippy::print_stdout)] // how long each case took
fn what_is_wrong_with_a_real_cluster_is_found_and_nothing_else() {
    if off() {
        return;
    }
    let began = Instant::now();
    let folder = tempfile::tempdir().expect("temporary directory");
    let lab = Lab::start().unwrap_or_else(|why| panic!("{why}"));
    lab.start_cluster(&NODES, "");
    fs::write(folder.path().join("cluster.toml"), plan(&NODES)).expect("cluster.toml");
    let healthy = check(&lab, folder.path());
    let facts = Document::read(&folder.path().join("facts.json")).expect("recorded");
    let ways = facts.links.iter().flatten();
    let working = ways.clone().filter(|link| link.reachable == Some(true)).count();
    // Three nodes, each with two others, over two networks and to one port.
    assert_eq!((working, ways.count()), (18, 18), "{:#?}", facts.links);
    let keep = |name: &str| {
        if let Some(folder_to_keep) = std::env::var_os("QUORATE_LAB_KEEP") {
            let file = format!("{}.json", name.replace(' ', "-"));
            fs::copy(folder.path().join("facts.json"), Path::new(&folder_to_keep).join(file)).expect("kept");
        }
    };
    keep("healthy");
    let mut wrong = Vec::new();
    for case in CASES {
        let told = Instant::now();
        (case.breaks)(&lab);
        let broken = told.elapsed();
        let mut found;
        loop {
            found = changes(&healthy, &check(&lab, folder.path()));
            if case.silences {
                found.retain(|change| !change.ends_with(": unknown") && !change.ends_with(": no more"));
            }
            if found == case.changes || told.elapsed() > LONGEST {
                break;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        let seen = told.elapsed();
        keep(case.name);
        (case.mends)(&lab);
        if found != case.changes {
            wrong.push(format!("{}:\n  found  {found:#?}\n  wanted {:#?}", case.name, case.changes));
        }
        println!("{}: {broken:?}, {seen:?}, {:?}", case.name, told.elapsed());
    }
    let told = Instant::now();
    wrong.extend(two_nodes(&lab, folder.path()));
    println!("two nodes: {:?}", told.elapsed());
    println!("{:?}", began.elapsed());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
