//! Help, version, schemas, and how the program ends when it is asked for something it does not have.

use crate::support::Folder;

#[test]
fn version_and_help_are_answers() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["--version"]).ends_with(0).out, "quorate [VERSION]\n");
    let help = folder.run(&["--help"]);
    assert!(help.ends_with(0).out.contains("Exit codes:"));
    folder.run(&[]).ends_with(2).complains("Usage: quorate");
}

#[test]
fn schemas_are_schemas() {
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
