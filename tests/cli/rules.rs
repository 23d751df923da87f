//! `quorate rules` and `quorate explain`.

use crate::support::{Folder, fixture};

const RULE: &str = r#"
[param.most_mtu]
type = "int"
default = 9000
doc = "Largest MTU that our switches take."

[[rule]]
name = "mtu"
title = "No interface has a larger MTU than the switches take"
severity = "warn"
each = "nodes.nics"
require = "nic.mtu <= params.most_mtu"
message = "{node.name}: {nic.name} has MTU {nic.mtu}"
why = "Larger packets are dropped."
remedy = "Lower the MTU."
source = ["house rules"]
[[rule.example]]
verdict = "pass"
facts = '{"nodes":[{"name":"a","nics":[{"name":"eth0","mtu":1500}]}]}'
[[rule.example]]
verdict = "warn"
facts = '{"nodes":[{"name":"a","nics":[{"name":"eth0","mtu":9001}]}]}'
"#;

#[test]
fn lists_name_every_rule_and_what_it_asks() {
    let folder = Folder::new();
    let list = folder.run(&["rules", "list", "--format", "json"]).ends_with(0).json();
    let all = list.as_array().expect("a list");
    assert!(all.len() >= 50, "{}", all.len());
    for family in ["node", "network", "reservation", "witness", "iscsi"] {
        assert!(all.iter().any(|rule| rule["category"] == family), "{family}");
    }
    let table = folder.quorate(&["rules", "list"]).env("COLUMNS", "80").end();
    assert!(table.ends_with(0).out.contains(all[0]["id"].as_str().expect("an id")));
    assert!(table.out.lines().all(|line| line.chars().count() <= 80), "{}", table.out);
    let wsfc =
        folder.run(&["rules", "list", "--profile", "wsfc-2016", "--format", "json"]).ends_with(0).json();
    assert!(wsfc.as_array().expect("a list").len() <= all.len());
    folder.run(&["rules", "list", "--profile", "wsfx"]).ends_with(2).complains("did you mean `wsfc`");
    folder.run(&["rules", "list", "--select", "netwrok"]).ends_with(2).complains("means no rule");
}

#[test]
fn all_shipped_examples_are_right() {
    let folder = Folder::new();
    let answer = folder.run(&["rules", "test"]);
    assert!(answer.ends_with(0).out.contains(" right, 0 wrong"), "{}", answer.out);
    assert!(!answer.out.contains("Without an example"), "{}", answer.out);
    let json = folder.run(&["rules", "test", "--format", "json"]).ends_with(0).json();
    assert!(json.as_array().expect("a list").iter().all(|test| test["right"] == true));
}

#[test]
fn rules_of_ones_own_are_tested_listed_explained_and_applied() {
    let folder = Folder::new();
    folder.write("mine/house.toml", RULE);
    assert_eq!(
        folder.run(&["rules", "test", "--rules", "mine"]).ends_with(0).out,
        "2 examples right, 0 wrong\n"
    );
    assert_eq!(folder.run(&["rules", "lint", "--rules", "mine"]).ends_with(0).out, "1 rule: no mistake\n");
    insta::assert_snapshot!("explain-own", folder.run(&["explain", "house/mtu", "--rules", "mine"]).text());
    let facts = r#"{"schema":"quorate/1","cluster":{"platform":"generic"},"run":{"complete":true},
        "nodes":[{"name":"a","nics":[{"name":"eth0","mtu":9216}]}]}"#;
    folder.write("facts.json", facts);
    let only = ["check", "facts.json", "--rules", "mine", "--select", "house"];
    let answer = folder.run(&only);
    assert!(answer.ends_with(0).out.contains("a: eth0 has MTU 9216"), "{}", answer.out);
    let answer = folder.quorate(&only).env("QUORATE_FAIL_ON", "warn").end();
    answer.ends_with(1);
}

#[test]
fn a_wrong_example_is_shown_and_ends_with_1() {
    let folder = Folder::new();
    folder.write("mine/house.toml", RULE.replace("9001", "8999"));
    insta::assert_snapshot!("test-wrong", folder.run(&["rules", "test", "--rules", "mine"]).text());
}

#[test]
fn lint_shows_every_mistake_at_its_place() {
    let folder = Folder::new();
    for file in ["errors.toml", "syntax.toml"] {
        folder.write(&format!("wrong/{file}"), fixture(&format!("rules/wrong/{file}")));
    }
    let answer = folder.run(&["rules", "lint", "--rules", "wrong"]);
    answer.ends_with(2);
    assert_eq!(answer.out, "");
    let json = folder.run(&["rules", "lint", "--rules", "wrong", "--format", "json"]).ends_with(2).json();
    let all = json.as_array().expect("a list");
    assert!(all.len() > 10, "{}", all.len());
    for file in ["wrong/errors.toml", "wrong/syntax.toml"] {
        let of_file: Vec<_> = all.iter().filter(|problem| problem["file"] == file).collect();
        assert!(
            of_file.len() > 1 && of_file.iter().all(|problem| problem["line"].is_u64()),
            "{file}: {json}"
        );
        assert!(answer.err.contains(&format!("[{file}:")), "{}", answer.err);
    }
    // The same before any host is contacted.
    folder.write(
        "cluster.toml",
        "[cluster]\nname = 'x'\nplatform = 'generic'\n[[node]]\nname = 'a'\nprobe = 'local'\n",
    );
    folder.run(&["check", "--rules", "wrong"]).ends_with(2).complains("wrong/errors.toml:");
    folder.run(&["rules", "lint", "--rules", "absent"]).ends_with(2).complains("absent: cannot be read");
}

/// Where sources disagree, the rule and both profiles say who says what, and which side is the default.
#[test]
fn explain_tells_both_sides_of_a_conflict() {
    let folder = Folder::new();
    for asked in ["node/count-by-transport", "virtual-server-host", "virtual-server-host-as-published"] {
        for format in ["table", "markdown"] {
            let answer = folder.quorate(&["explain", asked, "--format", format]).env("COLUMNS", "4000").end();
            for words in [
                "C9",
                "the article says: eight nodes, whatever the transport",
                "the vendor says: two nodes on parallel SCSI",
                "profile virtual-server-host follows the vendor and is the default",
                "virtual-server-host-as-published the article",
            ] {
                assert!(
                    answer.ends_with(0).out.contains(words),
                    "{asked}, {format}: {words}: {}",
                    answer.out
                );
            }
        }
        let json = folder.run(&["explain", asked, "--format", "json"]).ends_with(0).json();
        assert_eq!(json["conflicts"][0]["default"], "virtual-server-host");
    }
    let json = folder.run(&["explain", "wsfc-2022", "--format", "json"]).ends_with(0).json();
    assert_eq!(json["profile"], "wsfc-2022");
    assert_eq!(json["extends"].as_array().map(Vec::len), Some(5), "{json}");
    assert!(json["limits"].as_array().is_some_and(|all| !all.is_empty()));
    folder.run(&["explain", "wsfc-2202"]).ends_with(2).complains("did you mean `wsfc-2022`");
}

#[test]
fn explain_tells_all_and_knows_near_names() {
    let folder = Folder::new();
    let text = folder.run(&["explain", "witness/size-minimum"]);
    for words in ["Why", "Fix", "Source", "Reads", "READ CAPACITY", "min_witness_size", "Example, fail"] {
        assert!(text.ends_with(0).out.contains(words), "{words}: {}", text.out);
    }
    let json = folder.run(&["explain", "witness/size-minimum", "--format", "json"]).ends_with(0).json();
    assert_eq!(json["id"], "witness/size-minimum");
    assert!(json["collected_by"].as_array().is_some_and(|all| !all.is_empty()));
    let page = folder.run(&["explain", "witness/size-minimum", "--format", "markdown"]);
    assert!(page.ends_with(0).out.starts_with("# witness/size-minimum\n"));
    folder
        .run(&["explain", "witness/size-minimun"])
        .ends_with(2)
        .complains("did you mean `witness/size-minimum`");
    folder.run(&["explain", "redundant"]).ends_with(2).complains("network/redundant-paths");
    folder.run(&["explain", "zzz"]).ends_with(2).complains("`quorate rules list` has them all");
}

#[test]
fn the_committed_pages_are_these() {
    let folder = Folder::new();
    std::fs::create_dir(folder.file("pages")).expect("made");
    folder.run(&["docs", "rules", "pages"]).ends_with(0);
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules");
    for entry in std::fs::read_dir(folder.file("pages")).expect("listed") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let page = std::fs::read_to_string(committed.join(&name)).unwrap_or_default();
        assert!(folder.read(&format!("pages/{name}")) == page, "docs/rules/{name}: run `make generate`");
    }
    folder.run(&["docs", "rules", "absent"]).ends_with(2).complains("absent is no folder");
}
