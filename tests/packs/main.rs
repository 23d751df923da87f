//! The shipped rule packs, tried: every example, every example without one of its facts, and whole clusters with one
//! thing wrong.

mod cluster;
mod facts;
mod missing;

use quorate::rule::{ExampleOutcome, RuleSources, Ruleset};
use std::fmt::Write as _;

/// All shipped rules and profiles, or every mistake in them.
fn shipped() -> Ruleset {
    Ruleset::load(&RuleSources::default()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[test]
fn every_example_is_judged_as_it_says() {
    let mut wrong = String::new();
    for result in shipped().test_examples(|_| true) {
        let told = match &result.outcome {
            ExampleOutcome::Right => continue,
            ExampleOutcome::Wrong { wanted, said } => format!("wanted {wanted}, got {}", said.join("; ")),
            ExampleOutcome::PassesWithoutFacts => "passes without the facts that it reads".to_owned(),
            ExampleOutcome::Invalid(problems) => format!("{problems:?}"),
        };
        let _ = writeln!(wrong, "{} example {} ({:?}): {told}", result.rule, result.number, result.place);
    }
    assert!(wrong.is_empty(), "{wrong}");
}
