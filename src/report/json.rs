//! The report as JSON, `quorate-report/1`, and back.

use super::model::{REPORT_SCHEMA, Report};
use super::text::is_hostile;
use std::fmt::Write;

/// What is wrong with a report that was read.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Not JSON, or not in the shape of a report.
    #[error("this is no report: {0}")]
    Json(#[from] serde_json::Error),
    /// A report of another version.
    #[error("its schema is `{0}`; this program reads `{REPORT_SCHEMA}`")]
    Schema(String),
}

impl Report {
    /// The report as JSON, indented, with a line end. Characters that a terminal might obey are written as `\uXXXX`.
    pub fn to_json(&self) -> String {
        let mut text = to_json(self);
        text.push('\n');
        text
    }

    /// Reads a report back.
    ///
    /// # Errors
    /// [`ReportError`] when the text is no report of this version.
    pub fn from_json(text: &str) -> Result<Self, ReportError> {
        #[derive(serde::Deserialize)]
        struct Peek {
            schema: String,
        }
        let peek: Peek = serde_json::from_str(text)?;
        if peek.schema != REPORT_SCHEMA {
            return Err(ReportError::Schema(peek.schema));
        }
        Ok(serde_json::from_str(text)?)
    }
}

/// A value as indented JSON in which characters that a terminal might obey are written as `\uXXXX`.
pub fn to_json(value: &impl serde::Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("reports hold text, numbers and lists only");
    escape_hostile(text)
}

/// Outside of strings JSON is ASCII, so that every such character stands inside one, where an escape is the same text.
pub(super) fn escape_hostile(text: String) -> String {
    if !text.contains(|c| c != '\n' && is_hostile(c)) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c != '\n' && is_hostile(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("writing to a string cannot fail");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// The JSON schema of the report.
pub fn report_json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Report).to_value();
    schema["properties"]["schema"]["const"] = REPORT_SCHEMA.into();
    schema
}
