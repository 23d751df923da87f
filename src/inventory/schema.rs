//! The JSON schema of `cluster.toml`, for editors. It comes from the declaration that the reader uses.

use super::raw::RawInventory;
use crate::source::FromItem;

/// The JSON schema of `cluster.toml`, in draft-07, which Taplo understands.
pub fn json_schema() -> serde_json::Value {
    let mut schema = RawInventory::schema();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "cluster.toml of quorate".into();
    schema
}
