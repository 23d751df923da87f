//! TOML rules to checked rules to findings: verbs, profiles, parameters, severities, waivers, examples.

mod finding;

pub use finding::*;
