//! `cluster.toml`: whatever it holds, it is read or refused with words, and what is read is a sound facts document.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::facts::Document;
use quorate::inventory::Inventory;
use quorate::source::{Look, SourceFile};

fuzz_target!(|text: &str| {
    let file = SourceFile::new("cluster.toml", text);
    match Inventory::parse(&file) {
        Ok(inventory) => {
            let document = inventory.plan_alone();
            let read = Document::parse(document.to_json().as_bytes(), "plan").expect("what is planned can be read back");
            assert_eq!(read, document);
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            let drawn = problems.render(Look::Fancy { width: 80, colour: true });
            assert!(!drawn.is_empty());
        }
    }
});
