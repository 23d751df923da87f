//! The schema says what the reader reads, and `docs/cluster-toml.md` says what the schema says.

use super::*;
use serde_json::Value;
use std::fmt::Write;

/// The part of JSON schema that our schemas use.
fn complaints(schema: &Value, value: &toml::Value, at: &str, out: &mut Vec<String>) {
    let words = |key: &str| schema[key].as_array().cloned().unwrap_or_default();
    let types: Vec<_> = match &schema["type"] {
        Value::Null => vec![],
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let is = match value {
        toml::Value::String(_) | toml::Value::Datetime(_) => "string",
        toml::Value::Integer(_) => "integer",
        toml::Value::Float(_) => "number",
        toml::Value::Boolean(_) => "boolean",
        toml::Value::Array(_) => "array",
        toml::Value::Table(_) => "object",
    };
    if !types.is_empty() && !types.iter().any(|wanted| wanted == is) {
        out.push(format!("{at}: {is}"));
    }
    let allowed = words("enum");
    if !allowed.is_empty() && !allowed.iter().any(|word| word.as_str() == value.as_str()) {
        out.push(format!("{at}: not in the list"));
    }
    match value {
        toml::Value::Array(items) => {
            for item in items {
                complaints(&schema["items"], item, at, out);
            }
        }
        toml::Value::Table(table) => {
            for key in
                words("required").iter().filter_map(Value::as_str).filter(|key| !table.contains_key(*key))
            {
                out.push(format!("{at}: no {key}"));
            }
            for (key, value) in table {
                let below = match (&schema["properties"][key], &schema["additionalProperties"]) {
                    (Value::Null, Value::Bool(false)) => {
                        out.push(format!("{at}: unknown {key}"));
                        continue;
                    }
                    (Value::Null, other) => other,
                    (known, _) => known,
                };
                complaints(below, value, &format!("{at}.{key}"), out);
            }
        }
        _ => {}
    }
}

fn schema_says(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    complaints(&json_schema(), &toml::Value::Table(text.parse().expect("TOML")), "", &mut out);
    out
}

#[test]
fn the_schema_accepts_what_the_reader_accepts() {
    assert_eq!(schema_says(FULL), [""; 0]);
    for text in [template::blank(), templates::with_examples(&template::blank())] {
        assert_eq!(schema_says(&text), [""; 0]);
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    for (from, to) in [
        ("release = \"2022\"", "relaese = \"2022\""),
        ("name = \"hv1\"\n", ""),
        ("platform = \"wsfc\"", "platform = \"windows\""),
        ("parallel = 16", "parallel = \"16\""),
        ("env = \"CHAP\"", "evn = \"CHAP\""),
        ("secret = { env = \"CHAP\" }", "secret = \"CHAP\""),
        ("role = \"storage\"", "role = \"storrage\""),
        ("os.build = ", "os.buidl = "),
        ("os.build = ", "reached = "),
        ("name = \"eth0\"\n", ""),
        ("\"network/same-mtu\" = \"warn\"", "\"network/same-mtu\" = \"off\""),
        ("kind = \"disk\"", "kind = \"disc\""),
        ("role = \"data\"", "role = \"unplanned\""),
    ] {
        let text = FULL.replacen(from, to, 1);
        assert_ne!(text, FULL, "{from}");
        assert!(read(&text).is_err(), "the reader refuses {to:?}");
        assert!(!schema_says(&text).is_empty(), "the schema refuses {to:?}");
    }
}

#[test]
fn the_schema_of_secrets_has_the_keys_that_are_read() {
    let schema = json_schema();
    let secret = &schema["properties"]["target"]["items"]["properties"]["chap"]["properties"]["secret"];
    let keys: Vec<_> = secret["properties"].as_object().expect("a table").keys().cloned().collect();
    let said = read(&FULL.replace("{ env = \"CHAP\" }", "{ zzz = 1 }")).expect_err("refused").to_string();
    assert_eq!(keys.len(), 4);
    for key in keys {
        assert!(said.contains(&format!("`{key}`")), "{key}: {said}");
    }
}

/// Type of a key in words.
fn kind(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        return words
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
    }
    if schema["type"].is_array() {
        return "whole number, or string with a unit".to_owned();
    }
    match schema["type"].as_str() {
        Some("array") if schema["items"]["properties"].is_object() => "tables".to_owned(),
        Some("array") => format!("list of: {}", kind(&schema["items"])),
        Some("object") => "table".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("string") if schema["format"] == "date" => "date".to_owned(),
        Some("string") => "string".to_owned(),
        _ => "any".to_owned(),
    }
}

fn write_table(schema: &Value, header: &str, out: &mut String) {
    let (level, title) = match header {
        "" => ("##", "Tables".to_owned()),
        header => ("##", format!("`{header}`")),
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
    let _ = writeln!(
        out,
        "{level} {title}\n\n{}\n\n| key | value | |\n|---|---|---|",
        text(&schema["description"])
    );
    let needed: Vec<_> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().expect("a table has keys");
    let optional = properties.keys().map(String::as_str).filter(|key| !needed.contains(key));
    let keys: Vec<_> = needed.iter().copied().chain(optional).collect();
    for key in &keys {
        let must = if needed.contains(key) { " **Needed.**" } else { "" };
        let _ = writeln!(
            out,
            "| `{key}` | {} | {}{must} |",
            kind(&properties[*key]),
            text(&properties[*key]["description"])
        );
    }
    out.push('\n');
    let inside = header.trim_matches(['[', ']']);
    for key in keys.into_iter().filter(|key| *key != "declare") {
        let dotted = if inside.is_empty() { key.to_owned() } else { format!("{inside}.{key}") };
        let below = &properties[key];
        if below["properties"].is_object() {
            let title = if below["maxProperties"] == 1 {
                format!("{dotted} = {{ .. }}")
            } else {
                format!("[{dotted}]")
            };
            write_table(below, &title, out);
        } else if below["items"]["properties"].is_object() {
            write_table(&below["items"], &format!("[[{dotted}]]"), out);
        }
    }
}

#[test]
fn the_reference_page_is_up_to_date() {
    const MARK: &str = "from the declaration by which the file is read.\n\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cluster-toml.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (written, _) = page.split_once(MARK).expect("the page has its mark");
    let mut wanted = format!("{written}{MARK}");
    write_table(&json_schema(), "", &mut wanted);
    let wanted = wanted.trim_end().to_owned() + "\n";
    if std::env::var_os("QUORATE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &wanted).expect("written");
    } else {
        assert!(page == wanted, "{} is out of date: run the tests with QUORATE_WRITE_DOCS=1", path.display());
    }
}
