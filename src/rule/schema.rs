//! The JSON schema of rule files and profiles, from the declarations that read them.

use super::raw::{RawPack, RawProfile};
use crate::source::FromItem;
use serde_json::{Value, json};

/// The JSON schema (draft-07) of a file of rules and, below `definitions.profile`, of a profile.
pub fn rules_json_schema() -> Value {
    let mut schema = RawPack::schema();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("quorate rules");
    schema["definitions"] = json!({ "profile": RawProfile::schema() });
    schema
}
