//! What is chosen, with which parameters and severities; and what is waived.

use super::*;
use crate::inventory::{Inventory, Waiver};

const PACK: &str = r#"
[param.most]
type = "int"
default = 64
doc = "Most nodes."

[[rule]]
name = "few"
title = "There are not too many nodes"
severity = "fail"
require = "size(nodes) <= params.most"
message = "{size(nodes)} nodes, {params.most} at most"
why = "w"
remedy = "r"
source = ["s"]
[[rule.example]]
verdict = "pass"
facts = '{}'
[[rule.example]]
verdict = "fail"
params = { most = 0 }
facts = '{"nodes": [{"name": "a"}]}'

[[rule]]
name = "named"
title = "Nodes are named well"
severity = "warn"
each = "nodes"
require = "node.name.startsWith('hv')"
message = "{node.name} is no name"
why = "w"
remedy = "r"
source = ["s"]
[[rule.example]]
verdict = "pass"
facts = '{"nodes": [{"name": "hv"}]}'
[[rule.example]]
verdict = "warn"
facts = '{"nodes": [{"name": "a"}]}'
"#;

const GENERIC: &str = "title = 'g'\nplatform = 'generic'\nselect = ['t/few']";
const WSFC: &str = "title = 'w'\nplatform = 'wsfc'\nreleases = ['2022']\nselect = ['t']\n\
    params = { most = { value = 2, source = 'KB 1' } }\nseverity = { 't/few' = 'warn' }";

fn rules() -> Ruleset {
    load(&[("t", PACK)], &[("generic", GENERIC), ("wsfc-2022", WSFC)]).unwrap_or_else(|e| panic!("{e}"))
}

fn inventory(rest: &str) -> Inventory {
    let text = format!(
        "[cluster]\nname = 'c'\nplatform = 'wsfc'\nrelease = '2022'\n\
         [[node]]\nname = 'a'\nprobe = 'none'\n{rest}"
    );
    Inventory::parse(&SourceFile::new("cluster.toml", text)).unwrap_or_else(|problems| panic!("{problems}"))
}

fn ids(resolved: &ResolvedRules<'_>) -> Vec<String> {
    resolved.rules().iter().map(|chosen| format!("{} {}", chosen.rule.id, chosen.severity)).collect()
}

#[test]
fn profile_and_configuration_choose() {
    let rules = rules();
    let resolved = rules.resolve(&Selection::of_inventory(&inventory(""))).expect("sound");
    assert_eq!(resolved.profile().name, "wsfc-2022");
    assert_eq!(ids(&resolved), ["t/few warn", "t/named warn"]);
    let origin = resolved
        .params()
        .next()
        .map(|(param, setting)| format!("{} {} {}", param.name, setting.value, setting.origin));
    assert_eq!(origin.as_deref(), Some("most 2 profile wsfc-2022: KB 1"));
    assert!(resolved.overrides().is_empty());

    let set = inventory("[params]\nmost = 5\n[severity]\n't/named' = 'info'\n[rules]\nignore = ['t/few']\n");
    let resolved = rules.resolve(&Selection::of_inventory(&set)).expect("sound");
    assert_eq!(ids(&resolved), ["t/named info"]);
    assert_eq!(
        resolved.overrides(),
        [Override {
            param: "most".into(),
            value: "5".into(),
            instead_of: "2".into(),
            limit_from: "profile wsfc-2022: KB 1".into(),
            set_at: "cluster.toml:9".into(),
        }]
    );

    let generic = Selection { profile: Some(text("generic")), ..Selection::of_inventory(&inventory("")) };
    assert_eq!(ids(&rules.resolve(&generic).expect("sound")), ["t/few fail"]);
    let added = Selection { add: vec![text("t/na*")], ..generic.clone() };
    assert_eq!(ids(&rules.resolve(&added).expect("sound")), ["t/few fail", "t/named warn"]);
    let only = Selection { only: vec![text("t/named")], ..generic.clone() };
    assert_eq!(ids(&rules.resolve(&only).expect("sound")), ["t/named warn"]);
    let none = Selection { only: vec![text("t/na*")], ..generic };
    let error = rules.resolve(&none).expect_err("selects nothing").to_string();
    assert!(error.contains("profile `generic` selects none of the rules that `t/na*` means"), "{error}");
}

#[test]
fn every_mistake_of_the_choice_is_told() {
    let set = inventory(
        "[params]\nmots = 5\nmost = '5'\n[severity]\n't/nmaed' = 'info'\n[rules]\nselect = ['x']\nignore = ['t/fwe']\n",
    );
    let selection = Selection { release: Some("2031".into()), ..Selection::of_inventory(&set) };
    let problems = rules().resolve(&selection).expect_err("all wrong");
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn a_rule_of_the_users_own_is_chosen_without_a_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = PACK[PACK.find("[[rule]]\nname = \"named\"").expect("there")..].to_owned();
    std::fs::write(folder.path().join("own.toml"), own).expect("written");
    let sources = RuleSources {
        without_shipped: false,
        to_judge: false,
        folders: vec![RuleFolder::new(folder.path())],
    };
    let rules = Ruleset::load(&sources).unwrap_or_else(|problems| panic!("{problems}"));
    let document = document("{\"nodes\":[]}");
    let resolved = rules.resolve(&Selection::of_document(&document)).expect("sound");
    assert!(resolved.rules().iter().any(|chosen| chosen.rule.id == "own/named" && !chosen.rule.shipped));
    assert!(resolved.rules().len() > 10);
}

fn waivers(waivers: &str) -> Vec<Waiver> {
    inventory(waivers).waivers
}

fn waive(rule: &str, subject: Option<&str>, until: &str) -> String {
    let subject = subject.map(|subject| format!("subject = '{subject}'\n")).unwrap_or_default();
    format!("[[waive]]\nrule = '{rule}'\n{subject}reason = 'why'\nowner = 'ops'\nuntil = '{until}'\n")
}

fn judged(all: &str) -> Vec<String> {
    let rules = rules();
    let resolved = rules.resolve(&Selection::of_inventory(&inventory(""))).expect("sound");
    let document = document(r#"{"nodes":[{"name":"hv1"},{"name":"b"},{"name":"c"}]}"#);
    let judgement = resolved.judge(&document, &waivers(all), date(2026, 11, 20));
    assert_eq!(judgement.selected.len(), if all.is_empty() { 2 } else { 7 });
    judgement
        .findings
        .iter()
        .filter(|finding| finding.status != Status::Pass)
        .map(|finding| {
            format!("{} {} {}: {}", finding.rule, finding.status, finding.subject, finding.message)
        })
        .collect()
}

const FEW: &str = "t/few warn cluster: 3 nodes, 2 at most";
const NAMED_B: &str = "t/named warn b: b is no name";
const WAIVED_B: &str = "t/named waived b: b is no name";
const NAMED_C: &str = "t/named warn c: c is no name";

#[test]
fn a_waiver_accepts_and_keeps_the_finding() {
    assert_eq!(judged(""), [FEW, NAMED_B, NAMED_C]);
    assert_eq!(judged(&waive("t/named", Some("b"), "2026-12-05")), [FEW, WAIVED_B, NAMED_C]);
    assert_eq!(
        judged(&waive("t/named", Some("nodes[[b-c]]"), "2026-12-31"))[3],
        "waiver/unused warn waiver of t/named for nodes[[b-c]]: t/named finds nothing that it could accept"
    );
    assert_eq!(
        judged(&waive("t/named", Some("nodes*"), "2026-12-31"))
            .iter()
            .filter(|l| l.contains("waived"))
            .count(),
        2
    );
    assert_eq!(
        judged(&waive("t/named", None, "2026-12-31")).iter().filter(|l| l.contains("waived")).count(),
        2
    );

    let rules = rules();
    let resolved = rules.resolve(&Selection::of_inventory(&inventory(""))).expect("sound");
    let document = document(r#"{"nodes":[{"name":"b"}]}"#);
    let waivers = waivers(&waive("t/named", Some("b"), "2026-12-31"));
    let judgement = resolved.judge(&document, &waivers, date(2026, 11, 20));
    let waived = judgement.findings.iter().find(|finding| finding.rule == "t/named").expect("there");
    assert_eq!(
        waived.waiver,
        Some(AppliedWaiver {
            owner: "ops".into(),
            reason: "why".into(),
            from: None,
            until: "2026-12-31".into(),
            instead_of: Status::Warn
        })
    );
    let sound: Vec<_> = judgement
        .findings
        .iter()
        .filter(|finding| finding.rule.starts_with("waiver/"))
        .map(|finding| (finding.rule.as_str(), finding.status, finding.subject.as_str()))
        .collect();
    assert_eq!(
        sound,
        [
            ("waiver/expired", Status::Pass, "1 waiver"),
            ("waiver/expires-soon", Status::Pass, "1 waiver"),
            ("waiver/not-begun", Status::Pass, "1 waiver"),
            ("waiver/unused", Status::Pass, "1 waiver"),
            ("waiver/unknown-rule", Status::Pass, "1 waiver")
        ]
    );
}

#[test]
fn a_waiver_accepts_on_its_days_only() {
    let from =
        |from: &str, until: &str| judged(&format!("{}from = '{from}'\n", waive("t/named", Some("b"), until)));
    assert_eq!(from("2026-11-20", "2026-12-31"), [FEW, WAIVED_B, NAMED_C], "the first day counts");
    let said =
        "accepted by ops until 2026-11-20 UTC, which is today; after that day its finding counts again";
    let soon = format!("waiver/expires-soon warn waiver of t/named for b: {said}");
    assert_eq!(from("2026-11-20", "2026-11-20"), [FEW, WAIVED_B, NAMED_C, &soon], "and so does the last");
    let said = "accepted by ops from 2026-11-21 UTC, which has not come; its finding counts until then";
    let later = format!("waiver/not-begun info waiver of t/named for b: {said}");
    assert_eq!(from("2026-11-21", "2026-12-31"), [FEW, NAMED_B, NAMED_C, &later]);
    // One after the other they accept without a break.
    let second = format!("{}from = '2026-11-19'\n", waive("t/named", Some("b"), "2026-12-31"));
    let both = judged(&(waive("t/named", Some("b"), "2026-11-18") + &second));
    assert_eq!(both[..3], [FEW, WAIVED_B, NAMED_C]);
}

#[test]
fn the_end_of_a_waiver_is_told_two_weeks_before() {
    let told = |until: &str| {
        let all = judged(&waive("t/named", None, until));
        all.into_iter().find(|line| line.starts_with("waiver/expires-soon")).unwrap_or_default()
    };
    assert!(told("2026-11-21").contains("which is tomorrow; after that day its 2 findings count again"));
    assert!(told("2026-12-04").contains("until 2026-12-04 UTC, in 14 days"));
    assert_eq!(told("2026-12-05"), "");
    assert_eq!(
        judged(&waive("t/named", Some("x"), "2026-11-21")).len(),
        4,
        "one that accepts nothing is unused"
    );
}

#[test]
fn a_waiver_names_one_rule_that_can_be_waived() {
    let told = |rule: &str| judged(&waive(rule, None, "2026-12-31")).pop().unwrap_or_default();
    for (rule, why) in [
        ("t/*", "there is no rule t/*; a waiver names one rule by its whole id"),
        ("t", "there is no rule t; a waiver names one rule by its whole id"),
        ("waiver/unused", "waiver/unused is about waivers, and cannot be waived"),
    ] {
        let said = told(rule);
        assert!(said.starts_with("waiver/unknown-rule warn") && said.contains(why), "{said}");
        assert!(
            rules()
                .check_waivers(&waivers(&waive(rule, None, "2026-12-31")))
                .to_string()
                .contains("cluster.toml:9:")
        );
    }
    assert_eq!(
        told("profile/fits"),
        "waiver/unused warn waiver of profile/fits: profile/fits finds nothing that it could accept"
    );
    assert!(rules().check_waivers(&waivers(&waive("t/few", None, "2026-12-31"))).is_empty());
}

#[test]
fn a_waiver_that_is_not_in_order_is_a_finding() {
    assert_eq!(
        judged(&waive("t/named", Some("b"), "2026-11-19")),
        [
            FEW,
            NAMED_B,
            NAMED_C,
            "waiver/expired warn waiver of t/named for b: accepted by ops until 2026-11-19 UTC, which has passed; its finding counts again"
        ]
    );
    assert_eq!(
        judged(&waive("t/named", Some("hv1"), "2026-12-31"))[3],
        "waiver/unused warn waiver of t/named for hv1: t/named finds nothing that it could accept"
    );
    assert_eq!(
        judged(&waive("t/nmaed", None, "2026-12-31"))[3],
        "waiver/unknown-rule warn waiver of t/nmaed: there is no rule t/nmaed; did you mean t/named? (cluster.toml:9)"
    );
}

#[test]
fn a_rule_explains_itself_with_the_values_in_force() {
    let rules = rules();
    let resolved =
        rules.resolve(&Selection::of_inventory(&inventory("[params]\nmost = 5\n"))).expect("sound");
    insta::assert_json_snapshot!(resolved.explain("t/few"));
    let plain = rules.explain("t/few").expect("there");
    assert_eq!((plain.effective_severity, plain.params[0].origin.as_str()), (None, "default"));
    assert_eq!(rules.explain("t/named").expect("there").facts[0].path, "nodes.name");
    assert_eq!(rules.explain("waiver/unused").expect("built in").place, None);
    assert!(rules.explain("t/none").is_none());
    let ids: Vec<&str> = rules.all_ids().collect();
    assert_eq!(ids[..2], ["t/few", "t/named"]);
    assert_eq!(ids[2..], crate::rule::BUILT_IN.map(|rule| rule.id));
}

#[test]
fn examples_are_run_and_told() {
    let right = rules().test_examples(|_| true);
    assert_eq!(right.len(), 4);
    assert!(right.iter().all(ExampleResult::is_right), "{right:?}");
    let example = |rule: &str, example: &str| {
        let text = format!("[[rule]]\nname = 'r'\n{rule}\n{REST}\n[[rule.example]]\n{example}");
        let rules = load(&[("t", &text)], &[]).unwrap_or_else(|problems| panic!("{problems}"));
        let results = rules.test_examples(|rule| rule.id == "t/r");
        let last = results.last().expect("three");
        assert_eq!(last.number, 3);
        match &last.outcome {
            ExampleOutcome::Wrong { wanted, said } => format!("{wanted}, not {}", said.join(", ")),
            other => format!("{other:?}"),
        }
    };
    let build = "each = 'nodes'\nrequire = 'node.os.build == \"1\"'\nmessage = 'm'";
    let two = r#"facts = '{"nodes":[{"name":"hv1","os":{"build":"1"}},{"name":"hv2"}]}'"#;
    assert_eq!(example(build, &format!("verdict = 'pass'\nsubject = 'hv1'\n{two}")), "Right");
    assert_eq!(example(build, &format!("verdict = 'unknown'\nsubject = 'nodes[hv2]'\n{two}")), "Right");
    assert_eq!(example(build, &format!("verdict = 'unknown'\n{two}")), "Right");
    assert_eq!(
        example(build, &format!("verdict = 'pass'\n{two}")),
        "pass at worst, not hv1: pass, hv2: unknown: nodes[hv2].os.build: not-collected"
    );
    // A subject that nothing is said of is no match.
    assert_eq!(
        example(build, &format!("verdict = 'pass'\nsubject = 'v1'\n{two}")),
        "pass of v1, not hv1: pass, hv2: unknown: nodes[hv2].os.build: not-collected"
    );
    let lax = "each = 'nodes'\nrequire = '!has(node.os.build) || node.os.build == \"1\"'\nmessage = 'm'";
    let one = r#"facts = '{"nodes":[{"name":"hv1","os":{"build":"1"}}]}'"#;
    assert_eq!(example(lax, &format!("verdict = 'pass'\n{one}")), "PassesWithoutFacts");
    assert!(
        example(build, "verdict = 'pass'\nparams = { none = 1 }\nfacts = '{}'")
            .contains("no parameter `none`")
    );
}
