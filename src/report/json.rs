//! The report as JSON, `quorate-report/1`, and back.

use super::model::{REPORT_SCHEMA, Report};
use super::text::is_hostile;
use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};
use std::io::{self, Write};

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
pub fn to_json(value: &impl Serialize) -> String {
    let mut text = Vec::new();
    write_json(value, &mut text).expect("reports hold text, numbers and lists only");
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// Writes a value as [`to_json`] does, bit by bit, so that a large report is never there twice.
///
/// # Errors
/// Those of the writer.
pub fn write_json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let harmless = Harmless { inner: PrettyFormatter::new() };
    value.serialize(&mut serde_json::Serializer::with_formatter(out, harmless))?;
    Ok(())
}

/// Adds a value as JSON on one line, harmless as [`to_json`] makes it, with a line end.
pub(super) fn push_line(out: &mut Vec<u8>, value: &impl Serialize) {
    let harmless = Harmless { inner: CompactFormatter };
    value
        .serialize(&mut serde_json::Serializer::with_formatter(&mut *out, harmless))
        .expect("reports hold text, numbers and lists only");
    out.push(b'\n');
}

/// Writes what is hostile in a text as an escape, which is the same text; all else as another formatter does.
struct Harmless<F> {
    inner: F,
}

impl<F: Formatter> Formatter for Harmless<F> {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly all text is plain ASCII, which is seen at a glance.
        let plain = fragment.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if plain || !fragment.contains(is_hostile) {
            return out.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if is_hostile(c) {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(out, "\\u{unit:04x}")?;
                }
            } else {
                out.write_all(c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        Ok(())
    }

    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.inner.begin_array(out)
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.inner.end_array(out)
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.inner.begin_array_value(out, first)
    }

    fn end_array_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.inner.end_array_value(out)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.inner.begin_object(out)
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.inner.end_object(out)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.inner.begin_object_key(out, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.inner.begin_object_value(out)
    }

    fn end_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.inner.end_object_value(out)
    }
}

/// The JSON schema of the report.
pub fn report_json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Report).to_value();
    schema["properties"]["schema"]["const"] = REPORT_SCHEMA.into();
    schema
}
