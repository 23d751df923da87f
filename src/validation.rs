//! The tests of Microsoft's cluster validation: what each is called, and which rules decide the same from facts.
//!
//! One data file holds all of them, `rules/validation/windows.toml`. Every test has rules, or the reason why facts cannot
//! decide it; never both, never neither.

use serde::Deserialize;
use std::sync::LazyLock;

static TESTS: LazyLock<Vec<KnownTest>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct File {
        test: Vec<KnownTest>,
    }
    let file: File = toml::from_str(include_str!("../rules/validation/windows.toml"))
        .expect("the file is part of the program, and a test reads it");
    file.test
});

/// A test of Microsoft's cluster validation.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownTest {
    /// Its English name in small letters: `validate-ip-configuration`.
    pub id: String,
    /// Its English name.
    pub title: String,
    /// Its category, in English.
    pub category: String,
    /// Its names in other releases and languages.
    #[serde(default)]
    pub names: Vec<String>,
    /// Ids of the rules that decide the same.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Why facts cannot decide it.
    pub undecided: Option<String>,
}

/// All of them, by category.
pub fn known_tests() -> &'static [KnownTest] {
    &TESTS
}

/// The test of that id.
pub fn test_of_id(id: &str) -> Option<&'static KnownTest> {
    TESTS.iter().find(|test| test.id == id)
}

/// The test of that name, in any release or language that is known.
pub fn test_of_name(name: &str) -> Option<&'static KnownTest> {
    let name = name.trim().to_lowercase();
    TESTS.iter().find(|test| {
        test.title.to_lowercase() == name || test.names.iter().any(|other| other.to_lowercase() == name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_tests_of_the_wizard_are_known_once() {
        assert_eq!(known_tests().len(), 81, "Test-Cluster -List of Windows Server 2019");
        let ids: BTreeSet<&str> = known_tests().iter().map(|test| test.id.as_str()).collect();
        assert_eq!(ids.len(), 81);
        let mut names = BTreeSet::new();
        for test in known_tests() {
            for name in std::iter::once(&test.title).chain(&test.names) {
                assert!(names.insert(name.to_lowercase()), "{name} names two tests");
                assert_eq!(test_of_name(name).map(|found| &found.id), Some(&test.id));
            }
        }
    }

    #[test]
    fn every_test_has_rules_or_a_reason() {
        for test in known_tests() {
            assert_ne!(test.rules.is_empty(), test.undecided.is_none(), "{}", test.id);
            assert!(test.undecided.as_ref().is_none_or(|reason| reason.len() > 10), "{}", test.id);
        }
    }

    #[test]
    fn every_rule_exists() {
        let rules = crate::rule::Ruleset::load(&crate::rule::RuleSources::default()).expect("sound");
        for test in known_tests() {
            for id in &test.rules {
                assert!(rules.rules().iter().any(|rule| rule.id == *id), "{}: no rule `{id}`", test.id);
            }
        }
    }
}
