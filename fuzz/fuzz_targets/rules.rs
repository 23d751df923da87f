//! Rule files: whatever one holds, it is loaded or refused with words; what loads can be judged by.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::rule::Ruleset;
use quorate::source::{Look, SourceFile};

fuzz_target!(|text: &str| {
    match Ruleset::from_files(&[SourceFile::new("fuzz.toml", text)], &[]) {
        Ok(rules) => {
            rules.test_examples(|_| true);
            rules.lint(true);
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(!problems.render(Look::Fancy { width: 80, colour: true }).is_empty());
        }
    }
});
