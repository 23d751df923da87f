//! The JSON schema of rule files and profiles, from the declarations that read them.

use super::raw::{RawPack, RawProfile};
use crate::source::FromItem;
use serde_json::{Value, json};

/// The JSON schema (draft-07) of a profile, for editors.
pub fn profile_json_schema() -> Value {
    let mut schema = RawProfile::schema();
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("quorate profile");
    schema
}

/// The JSON schema (draft-07) of a file of rules and, below `definitions.profile`, of a profile.
pub fn rules_json_schema() -> Value {
    let mut schema = RawPack::schema();
    // The reader itself does without, for rules whose examples were left out on purpose.
    if let Some(required) =
        schema.pointer_mut("/properties/rule/items/required").and_then(Value::as_array_mut)
    {
        required.push(json!("example"));
    }
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!("quorate rules");
    schema["definitions"] = json!({ "profile": RawProfile::schema() });
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_needs_its_words_and_examples() {
        let schema = rules_json_schema();
        assert_eq!(
            schema["properties"]["rule"]["items"]["required"],
            json!(["name", "title", "severity", "why", "remedy", "source", "example"])
        );
        assert_eq!(
            schema["properties"]["rule"]["items"]["properties"]["severity"]["enum"],
            json!(["info", "warn", "fail"])
        );
        assert_eq!(schema["definitions"]["profile"]["additionalProperties"], json!(false));
    }
}
