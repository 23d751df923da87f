//! Validation reports: whatever a page holds, it becomes facts that can be recorded, or is refused with words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::facts::Document;
use quorate::probe::validation;

fuzz_target!(|bytes: &[u8]| {
    match validation::parse(bytes, "fuzz.htm") {
        Ok(document) => {
            let text = document.to_json();
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
            assert!(Document::parse(text.as_bytes(), "fuzz.json").is_ok());
        }
        Err(error) => assert!(error.to_string().contains("fuzz.htm")),
    }
});
