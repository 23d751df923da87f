//! The rules that are part of the program.

use super::*;

fn shipped() -> Ruleset {
    Ruleset::load(&RuleSources::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_example_holds() {
    let results = shipped().test_examples(|_| true);
    let wrong: Vec<String> = results
        .iter()
        .filter(|result| !result.is_right())
        .map(|result| format!("{} {} #{}: {:?}", result.place, result.rule, result.number, result.outcome))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
