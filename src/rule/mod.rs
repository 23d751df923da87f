//! TOML rules to checked rules to findings: verbs, profiles, parameters, severities, waivers, examples.

mod each;
mod finding;
mod params;
mod pattern;
mod profile;
mod raw;

pub use each::*;
pub use finding::*;
pub use params::*;
pub use profile::*;
