//! Every verb, and every corner where a fact is missing.

use super::{document, judge, one, told};

const TWO: &str = r#"{"nodes":[{"name":"hv1","os":{"build":"1"}},{"name":"hv2","os":{"build":"2"}}]}"#;

#[test]
fn require_judges_each_element() {
    let rule =
        "each = 'nodes'\nrequire = 'node.os.build == \"1\"'\nmessage = '{node.name} is at {node.os.build}'";
    assert_eq!(told(rule, TWO), ["fail hv2: hv2 is at 2", "pass hv1: T"]);
    assert_eq!(told(rule, r#"{"nodes":[]}"#), ["not-applicable cluster: there are no nodes"]);
    assert_eq!(
        told(rule, r#"{"nodes":[{"name":"hv1"}]}"#),
        ["unknown hv1: nodes[hv1].os.build: not-collected"]
    );
}

#[test]
fn a_gap_says_why_a_fact_is_missing() {
    let rule = "each = 'nodes'\nrequire = 'node.hardware.serial != \"\"'\nmessage = 'm'";
    let json = r#"{"nodes":[{"name":"hv2"}],"gaps":[
        {"path":"nodes[hv2].hardware","reason":"permission-denied","detail":"needs root"}]}"#;
    assert_eq!(told(rule, json), ["unknown hv2: nodes[hv2].hardware.serial: permission-denied (needs root)"]);
    let ruleset = one(rule);
    let judgement = judge(&ruleset, &document(json));
    let evidence = &judgement.findings[0].evidence[0];
    assert_eq!(evidence.path, "nodes[hv2].hardware.serial");
    assert_eq!(evidence.missing.as_deref(), Some("permission-denied (needs root)"));
}

#[test]
fn a_list_that_is_missing_is_unknown_once_and_an_empty_one_says_nothing() {
    let rule = "each = 'nodes.nics'\nrequire = 'nic.mtu == 1500'\nmessage = '{nic.name} has {nic.mtu}'";
    let json = r#"{"nodes":[{"name":"hv1","nics":[{"name":"eth0","mtu":9000},{"name":"eth1","mtu":1500}]},
        {"name":"hv2"},{"name":"hv3","nics":[]}]}"#;
    assert_eq!(
        told(rule, json),
        ["fail hv1 eth0: eth0 has 9000", "unknown hv2: nodes[hv2].nics: not-collected", "pass hv1 eth1: T"]
    );
    assert_eq!(
        told(rule, r#"{"nodes":[{"name":"hv3","nics":[]}]}"#),
        ["not-applicable cluster: there are no nics"]
    );
}

#[test]
fn a_condition_decides_as_soon_as_it_can() {
    // It does not read the interfaces, so that it decides although they are missing.
    let rule =
        "each = 'nodes.nics'\nwhen = 'node.os.family == \"linux\"'\nrequire = 'nic.link_up'\nmessage = 'm'";
    let json = r#"{"nodes":[{"name":"hv1","os":{"family":"windows"}}]}"#;
    assert_eq!(told(rule, json), ["not-applicable cluster: applies only where node.os.family == \"linux\""]);
    let json = r#"{"nodes":[{"name":"hv1","nics":[{"name":"eth0","link_up":false},{"name":"eth1","link_up":true}]}]}"#;
    assert_eq!(told(rule, json), ["unknown hv1: nodes[hv1].os.family: not-collected"]);
    // Elements that it does not apply to are left out when it applies to others.
    let json = r#"{"nodes":[{"name":"hv1","os":{"family":"linux"},"nics":[{"name":"eth0","link_up":true}]},
        {"name":"hv2","os":{"family":"windows"},"nics":[{"name":"eth0","link_up":false}]}]}"#;
    assert_eq!(told(rule, json), ["pass hv1 eth0: T"]);
}

/// A part of a condition that needs no element decides before the list is looked for; one that is not known does not.
#[test]
fn a_condition_on_the_whole_cluster_spares_a_list_that_is_not_known() {
    let rule = r#"
each = "vms"
when = "has(cluster.layout) && cluster.layout == 'host' && (vm.protected || vm.running)"
require = "vm.vcpus > 0"
message = "{vm.name} has no processor"
"#;
    let rule = rule.trim();
    assert!(
        told(rule, r#"{"cluster":{"platform":"generic","layout":"guest"}}"#)[0]
            .starts_with("not-applicable cluster")
    );
    assert!(told(rule, r#"{"cluster":{"platform":"generic"}}"#)[0].starts_with("not-applicable cluster"));
    assert!(
        told(rule, r#"{"cluster":{"platform":"generic","layout":"host"}}"#)[0]
            .starts_with("unknown cluster: vms")
    );
    let unsure = rule.replace("has(cluster.layout) && ", "");
    assert!(told(&unsure, "{}")[0].starts_with("unknown cluster: vms"));
}

#[test]
fn without_each_there_is_one_verdict() {
    let rule = "require = 'size(nodes) > 2'\nmessage = '{size(nodes)} nodes'";
    assert_eq!(told(rule, TWO), ["fail cluster: 2 nodes"]);
    let rule = "require = 'size(nodes) > 1'\nmessage = '{size(nodes)} nodes'";
    assert_eq!(told(rule, TWO), ["pass cluster: T"]);
}

fn builds(builds: &[&str]) -> String {
    let nodes: Vec<String> = builds
        .iter()
        .enumerate()
        .map(|(at, build)| match *build {
            "" => format!(r#"{{"name":"n{}"}}"#, at + 1),
            build => format!(r#"{{"name":"n{}","os":{{"build":"{build}"}}}}"#, at + 1),
        })
        .collect();
    format!(r#"{{"nodes":[{}]}}"#, nodes.join(","))
}

const SAME: &str = "each = 'nodes'\nsame = 'node.os.build'";

#[test]
fn same_names_the_odd_one_and_the_majority() {
    assert_eq!(told(SAME, &builds(&["1", "1", "1"])), ["pass 3 nodes: T"]);
    assert_eq!(
        told(SAME, &builds(&["1", "2", "1"])),
        ["fail n2: n2 has 2, the other 2 have 1", "pass 2 nodes: T"]
    );
    assert_eq!(
        told(SAME, &builds(&["1", "2", "1", "3", "1"])),
        ["fail n2: n2 has 2, 3 of 5 have 1", "fail n4: n4 has 3, 3 of 5 have 1", "pass 3 nodes: T"]
    );
    let rule = format!("{SAME}\nmessage = '{{node.name}} is at {{value}}, the others at {{wanted}}'");
    assert_eq!(told(&rule, &builds(&["1", "2", "1"]))[0], "fail n2: n2 is at 2, the others at 1");
}

#[test]
fn same_without_a_majority_names_the_camps() {
    let camps = "no majority: 1 on n1, n2; 2 on n3, n4";
    let findings = told(SAME, &builds(&["1", "1", "2", "2"]));
    assert_eq!(findings, (1..=4).map(|n| format!("fail n{n}: {camps}")).collect::<Vec<_>>());
    assert_eq!(told(SAME, &builds(&["1", "2"])).len(), 2);
    // More than half is a majority, half is none.
    assert_eq!(told(SAME, &builds(&["1", "1", "2", "3"])).len(), 4);
}

#[test]
fn same_compares_the_known_and_passes_none_of_the_unknown() {
    assert_eq!(
        told(SAME, &builds(&["1", "", "1"])),
        ["unknown n2: nodes[n2].os.build: not-collected", "pass 2 nodes: T"]
    );
    assert_eq!(
        told(SAME, &builds(&["1", "", "2"])).iter().filter(|line| line.starts_with("fail")).count(),
        2
    );
    // What is compared with nothing does not pass.
    assert_eq!(told(SAME, &builds(&["1", ""])), ["unknown n2: nodes[n2].os.build: not-collected"]);
    assert_eq!(
        told(SAME, &builds(&["1"])),
        ["not-applicable cluster: there is no other node to compare with"]
    );
    let all_unknown = told(SAME, &builds(&["", ""]));
    assert!(all_unknown.iter().all(|line| line.starts_with("unknown")) && all_unknown.len() == 2);
}

#[test]
fn same_within_groups() {
    let rule = "each = 'nodes.nics'\nsame = 'nic.mtu'\nper = 'nic.driver'";
    let json = r#"{"nodes":[
        {"name":"hv1","nics":[{"name":"a","mtu":1500,"driver":"ice"},{"name":"b","mtu":9000,"driver":"mlx"}]},
        {"name":"hv2","nics":[{"name":"a","mtu":1500,"driver":"ice"},{"name":"b","mtu":1500,"driver":"mlx"},
                              {"name":"c","mtu":1500}]}]}"#;
    assert_eq!(
        told(rule, json),
        [
            "unknown hv2 c: nodes[hv2].nics[c].driver: not-collected",
            "fail hv1 b: mlx: no majority: 9000 on hv1 b; 1500 on hv2 b",
            "fail hv2 b: mlx: no majority: 9000 on hv1 b; 1500 on hv2 b",
            "pass 2 nics: T",
        ]
    );
}

#[test]
fn same_with_a_tolerance() {
    let rule = "each = 'nodes'\nsame = 'node.time.skew_ms'\ntolerance = 'duration(\"1s\")'";
    let skews = |skews: &[i64]| {
        let nodes: Vec<String> = skews
            .iter()
            .enumerate()
            .map(|(at, skew)| format!(r#"{{"name":"n{}","time":{{"skew_ms":{skew}}}}}"#, at + 1))
            .collect();
        format!(r#"{{"nodes":[{}]}}"#, nodes.join(","))
    };
    assert_eq!(told(rule, &skews(&[0, 400, 1000])), ["pass 3 nodes: T"]);
    assert_eq!(
        told(rule, &skews(&[0, 400, -5000])),
        ["fail n3: n3 has -5 s, 2 of 3 have 0 s to 400 ms", "pass 2 nodes: T"]
    );
    let tie = "no majority: from 0 s on n1 to 5 s on n2, more than 1 s apart";
    assert_eq!(told(rule, &skews(&[0, 5000])), [format!("fail n1: {tie}"), format!("fail n2: {tie}")]);
    // Two crowds that are as large as each other: nobody is the odd one.
    assert_eq!(told(rule, &skews(&[0, 1000, 2000])).len(), 3);
    assert_eq!(told(rule, &skews(&[i64::MAX / 1_000_000, i64::MIN / 1_000_000])).len(), 2);
}

#[test]
fn same_tells_how_lists_differ() {
    let rule = "each = 'nodes'\nsame = 'node.cpu.features'";
    let json = r#"{"nodes":[{"name":"a","cpu":{"features":["aes","vmx"]}},{"name":"b","cpu":{"features":["aes","sse"]}},
        {"name":"c","cpu":{"features":["aes","vmx"]}}]}"#;
    assert_eq!(
        told(rule, json)[0],
        "fail b: b has [aes, sse], the other 2 have [aes, vmx] (without vmx, with sse)"
    );
}

const UNIQUE: &str = "each = 'nodes'\nunique = 'node.os.build'";

#[test]
fn unique_names_all_that_share_a_value() {
    assert_eq!(told(UNIQUE, &builds(&["1", "2", "3"])), ["pass 3 nodes: T"]);
    assert_eq!(
        told(UNIQUE, &builds(&["1", "2", "1"])),
        ["fail n1: n1, n3 have the same: 1", "fail n3: n1, n3 have the same: 1", "pass n2: T"]
    );
    let rule = format!("{UNIQUE}\nmessage = '{{node.name}} shares {{value}} with {{others}}'");
    assert_eq!(told(&rule, &builds(&["1", "1", "1"]))[1], "fail n2: n2 shares 1 with n1, n3");
    assert_eq!(
        told(UNIQUE, &builds(&["1", "", "2"])),
        ["unknown n2: nodes[n2].os.build: not-collected", "pass 2 nodes: T"]
    );
    assert_eq!(told(UNIQUE, &builds(&["1", ""])), ["unknown n2: nodes[n2].os.build: not-collected"]);
    assert_eq!(
        told(UNIQUE, &builds(&["1"])),
        ["not-applicable cluster: there is no other node to compare with"]
    );
}

#[test]
fn subset_names_what_is_missing() {
    let rule = "each = 'nodes'\nsubset = '[\"a\", \"b\"]'\nof = 'node.features'";
    let json =
        r#"{"nodes":[{"name":"n1","features":["b","a","c"]},{"name":"n2","features":["c"]},{"name":"n3"}]}"#;
    assert_eq!(
        told(rule, json),
        ["fail n2: n2 lacks a, b", "unknown n3: nodes[n3].features: not-collected", "pass n1: T"]
    );
    let nothing = "each = 'nodes'\nsubset = 'node.updates'\nof = 'node.features'";
    assert_eq!(
        told(nothing, r#"{"nodes":[{"name":"n1","updates":[]}]}"#),
        ["not-applicable cluster: nothing is asked for"]
    );
    let rule = format!("{rule}\nmessage = '{{node.name}}: install {{missing}}'");
    assert_eq!(told(&rule, json)[0], "fail n2: n2: install a, b");
}

#[test]
fn count_holds_between_min_and_max() {
    let rule = "each = 'nodes'\ncount = 'node.nics.filter(n, n.link_up) // up\n'\nmin = '2'\nmax = '3'";
    let rule = rule.replace("'node.nics.filter(n, n.link_up) // up\n'", "'node.nics.filter(n, n.link_up)'");
    let nics = |up: &[Option<bool>]| {
        let nics: Vec<String> = up
            .iter()
            .enumerate()
            .map(|(at, up)| match up {
                Some(up) => format!(r#"{{"name":"e{at}","link_up":{up}}}"#),
                None => format!(r#"{{"name":"e{at}"}}"#),
            })
            .collect();
        format!(r#"{{"nodes":[{{"name":"n1","nics":[{}]}}]}}"#, nics.join(","))
    };
    assert_eq!(told(&rule, &nics(&[Some(true); 2])), ["pass n1: T"]);
    assert_eq!(told(&rule, &nics(&[Some(true)])), ["fail n1: n1 has 1, wanted 2 to 3"]);
    assert_eq!(told(&rule, &nics(&[Some(true); 4])), ["fail n1: n1 has 4, wanted 2 to 3"]);
    assert_eq!(told(&rule, &nics(&[])), ["fail n1: n1 has 0, wanted 2 to 3"]);
    // What is known can be enough.
    assert_eq!(told(&rule, &nics(&[Some(true), Some(true), None])), ["pass n1: T"]);
    assert_eq!(
        told(&rule, &nics(&[Some(true), None])),
        ["unknown n1: nodes[n1].nics[e1].link_up: not-collected"]
    );
    assert_eq!(told(&rule, &nics(&[None]))[0], "fail n1: n1 has 0 to 1, wanted 2 to 3");
    assert_eq!(told(&rule, r#"{"nodes":[{"name":"n1"}]}"#), ["unknown n1: nodes[n1].nics: not-collected"]);
}

#[test]
fn evidence_shows_what_was_read_and_where_it_comes_from() {
    let ruleset = one(SAME);
    let json = r#"{"nodes":[{"name":"a","os":{"build":"1"}},{"name":"b","os":{"build":"2"}},{"name":"c","os":{"build":"1"}}],
        "sources":[{"path":"nodes[a]","kind":"command","place":"a","item":"uname"},
                   {"path":"nodes[b].os","kind":"plan","place":"cluster.toml","item":"line 12"}]}"#;
    let judgement = judge(&ruleset, &document(json));
    let finding = &judgement.findings[0];
    let evidence: Vec<_> = finding.evidence.iter().map(|e| (e.path.as_str(), e.value.as_deref())).collect();
    assert_eq!(evidence, [("nodes[b].os.build", Some("2")), ("nodes[a].os.build", Some("1"))]);
    assert_eq!(finding.provenance, ["cluster.toml: line 12", "a: uname"]);
    assert_eq!((finding.path.as_str(), finding.subjects), ("nodes[b]", 1));
    let pass = &judgement.findings[1];
    assert_eq!((pass.subject.as_str(), pass.path.as_str(), pass.subjects), ("2 nodes", "nodes", 2));
}

#[test]
fn many_odd_elements_are_counted_exactly_and_told_briefly() {
    let build = |number: usize| if number < 2000 { "1" } else { "" };
    let all: Vec<&str> = (0..3000).map(build).collect();
    let rule = "each = 'nodes'\nrequire = 'node.os.build == \"2\"'\nmessage = 'm'";
    let ruleset = one(rule);
    let judgement = judge(&ruleset, &document(&builds(&all)));
    let told: Vec<_> = judgement
        .findings
        .iter()
        .skip(1024)
        .map(|f| (f.status.word(), f.subject.as_str(), f.subjects))
        .collect();
    assert_eq!(told, [("unknown", "1000 more nodes", 1000), ("fail", "976 more nodes", 976)]);
    assert_eq!(judgement.findings.iter().map(|finding| finding.subjects).sum::<usize>(), 3000);
    let shared = one(UNIQUE);
    let judgement = judge(&shared, &document(&builds(&all[..2000])));
    assert_eq!(
        judgement.findings[0].message,
        "n1, n2, n3, n4, n5, n6, n7, n8 and 1992 more have the same: 1"
    );
}
