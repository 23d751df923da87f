//! Help, version, schemas, and how the program ends when it is asked for something it does not have.

use crate::support::Folder;

#[test]
fn version_and_help_are_answers() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["--version"]).ends_with(0).out, "quorate [VERSION]\n");
    insta::assert_snapshot!("help", folder.run(&["-h"]).text());
    for command in ["demo", "check", "probe", "init", "explain", "rules", "schema"] {
        assert!(folder.run(&[command, "--help"]).ends_with(0).out.contains("Usage: quorate"), "{command}");
    }
    folder.run(&[]).ends_with(2).complains("Usage: quorate");
    folder.run(&["chekc"]).ends_with(2).complains("'check'");
    folder
        .run(&["check", "--fail-on", "warning"])
        .ends_with(2)
        .complains("possible values: fail, warn, unknown");
    folder.run(&["check", "--parallel", "0"]).ends_with(2).complains("0 is not in 1..=1024");
    folder.run(&["check", "--host-timeout", "soon"]).ends_with(2).complains("--host-timeout");
}

#[test]
fn schemas_are_schemas_and_the_committed_ones_are_these() {
    let folder = Folder::new();
    for kind in ["facts", "cluster", "rules", "report"] {
        let answer = folder.run(&["schema", kind]);
        let schema = answer.ends_with(0).json();
        assert!(schema["title"].is_string() && schema["properties"].is_object(), "{kind}: {schema}");
        let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/");
        let committed = std::fs::read_to_string(format!("{committed}{kind}.json")).unwrap_or_default();
        assert!(answer.out == committed, "schemas/{kind}.json is out of date: run `make generate`");
    }
    folder.run(&["schema", "fact"]).ends_with(2).complains("a similar value exists: 'facts'");
}

#[test]
fn logs_go_to_standard_error_and_only_when_asked_for() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["rules", "list"]).ends_with(0).err, "");
    let answer = folder.quorate(&["rules", "list", "--format", "json"]).env("QUORATE_LOG", "trace").end();
    answer.ends_with(0).json();
}

#[test]
fn every_option_has_its_twin_in_the_environment() {
    let folder = Folder::new();
    let list =
        folder.quorate(&["rules", "list"]).env("QUORATE_FORMAT", "json").env("QUORATE_SELECT", "witness");
    let list = list.end().json();
    let all = list.as_array().expect("a list");
    assert!(!all.is_empty() && all.iter().all(|rule| rule["category"] == "witness"), "{list}");
}
