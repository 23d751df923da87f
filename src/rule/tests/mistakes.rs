//! Every mistake of every file is told in one run, each at its place.

use super::*;
use crate::source::Look;
use std::path::Path;

#[test]
fn a_folder_with_one_of_each_mistake() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules/wrong");
    let sources =
        RuleSources { without_shipped: true, to_judge: false, folders: vec![RuleFolder::new(&folder)] };
    let problems = Ruleset::load(&sources).expect_err("full of mistakes");
    let shown = problems.render(Look::Plain { width: 110 });
    let shown = shown.replace(&format!("{}/", folder.display()), "");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_folder_that_holds_no_rules_is_an_error() {
    let empty = tempfile::tempdir().expect("a folder");
    let load = |path: &Path| {
        let sources =
            RuleSources { without_shipped: true, to_judge: false, folders: vec![RuleFolder::new(path)] };
        Ruleset::load(&sources).expect_err("nothing there").to_string()
    };
    assert!(load(empty.path()).contains("holds no rule file"), "{}", load(empty.path()));
    assert!(load(&empty.path().join("none")).contains("cannot be read"));
    std::fs::write(empty.path().join("latin.toml"), b"title = \"\xe4\"").expect("written");
    assert!(load(empty.path()).contains("not UTF-8"), "{}", load(empty.path()));
}

#[test]
fn wrong_facts_of_an_example_are_told_at_their_place() {
    let rule = |facts: &str| {
        let text = format!(
            "[[rule]]\nname = 'r'\neach = 'nodes'\nrequire = 'node.name != \"\"'\nmessage = 'm'\n{}",
            REST.replacen("facts = '{}'", &format!("facts = '''{facts}'''"), 1)
        );
        let ruleset = load(&[("t", &text)], &[]).unwrap_or_else(|problems| panic!("{problems}"));
        let lint = ruleset.lint(true);
        lint.errors.to_string()
    };
    assert_eq!(rule("{}"), "");
    assert_eq!(
        rule("\n{\"nodes\":\n [{\"nam\": \"a\"}]}"),
        "t.toml:15:1: facts: `nodes.0.nam`: there is no such field; see `quorate schema facts`; `nodes[0]` has no `name`"
    );
    assert_eq!(
        rule("{\"nodes\": [{\"name\": 7}]}"),
        "t.toml:14:32: facts: invalid type: integer `7`, expected a string (at `nodes[0].name`)"
    );
    assert_eq!(rule("{\"nodes\":\n [}"), "t.toml:15:3: facts: expected value (at `nodes[0]`)");
    assert_eq!(rule("[]"), "t.toml:14:12: `facts` is no JSON object (facts = '''{\"nodes\": [...]}''')");
}

#[test]
fn lint_warns_of_what_should_be_better() {
    let text = r#"
[param.unread]
type = "int"
default = 1
doc = "Nothing reads it."

[[rule]]
name = "r"
title = "At least 2 networks over IPv4 or SCSI-3"
severity = "fail"
each = "nodes"
require = "size(nodes) > 1"
message = "{size(nodes)} nodes, 2 wanted"
why = "w"
remedy = "r"
source = ["s"]
[[rule.example]]
verdict = "pass"
facts = '{}'
[[rule.example]]
verdict = "fail"
facts = '{}'
"#;
    let profile = "title = 'p'\nselect = ['t']\n[params]\nunread = 3";
    let ruleset = load(&[("t", text)], &[("p", profile)]).unwrap_or_else(|problems| panic!("{problems}"));
    let lint = ruleset.lint(true);
    assert!(lint.errors.is_empty());
    insta::assert_snapshot!(lint.warnings.to_string());
}

/// A sound pack, for damaging.
const SOUND: &str = r#"
[param.most]
type = "size"
default = "1 GiB"
doc = "Largest."

[[rule]]
name = "r"
title = "T"
severity = "fail"
each = "nodes.nics"
when = "node.os.family == 'linux' && params.most > bytes('1 MiB')"
same = '''
nic.mtu'''
per = "nic.driver"
message = "{nic.name} has {value}, \u007b{wanted}"
why = """
w \
  x"""
remedy = "r"
source = ["s"]
example = [{ verdict = "pass", facts = "{}" }, { verdict = "fail", facts = "{}", params = { most = "2 GiB" } }]
"#;

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 256, ..Default::default() })]

    /// Whatever is cut out, doubled or put in: it loads or every mistake has words, and nothing panics.
    #[test]
    fn a_damaged_file_is_refused_with_words(
        from in 0..SOUND.len(),
        length in 0..40_usize,
        put in "[\\[\\]{}'\"=.a-z0-9\\\\ \n\u{0}\u{e9}\u{202e}]{0,6}",
    ) {
        let cut = |at: usize| (0..=at.min(SOUND.len())).rev().find(|at| SOUND.is_char_boundary(*at)).unwrap_or(0);
        let text = format!("{}{put}{}", &SOUND[..cut(from)], &SOUND[cut(from + length)..]);
        match load(&[("t", &text)], &[]) {
            Ok(rules) => {
                rules.test_examples(|_| true);
                rules.lint(true);
            }
            Err(problems) => {
                proptest::prop_assert!(!problems.is_empty());
                let drawn = problems.render(Look::Plain { width: 80 });
                proptest::prop_assert!(!drawn.is_empty());
            }
        }
    }
}

/// What is left out for speed is only the examples, and expressions that nobody needs.
#[test]
fn shipped_rules_are_the_same_to_judge_by() {
    let load = |to_judge| {
        let sources = RuleSources { to_judge, ..RuleSources::default() };
        Ruleset::load(&sources).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let (full, bare) = (load(false), load(true));
    // Chosen, so that their expressions are checked.
    let every = Selection { profile: Some(text("generic")), add: vec![text("*")], ..Selection::default() };
    assert_eq!(
        bare.resolve(&every).unwrap_or_else(|problems| panic!("{problems}")).rules().len(),
        bare.rules().len()
    );
    let plain = |rules: &Ruleset, id: &str| {
        let explained = rules.explain(id).expect("there");
        RuleExplanation { examples: Vec::new(), ..explained }
    };
    assert_eq!(full.all_ids().collect::<Vec<_>>(), bare.all_ids().collect::<Vec<_>>());
    for id in full.all_ids() {
        assert_eq!(plain(&full, id), plain(&bare, id));
    }
    assert_eq!(full.params().len(), bare.params().len());
    assert!(full.rules().iter().all(|rule| rule.examples.len() > 1));
    assert!(bare.rules().iter().all(|rule| rule.examples.is_empty()));
}
