//! What a recording carries of its plan: names and reasons are replaced, what chooses rules stays.

use super::fields::Class;
use super::token::Tokens;
use toml::{Table, Value};

/// The settings without names.
///
/// # Errors
/// They are no TOML.
pub(super) fn redact(text: &str, tokens: &mut Tokens) -> Result<String, String> {
    if text.trim().is_empty() {
        return Ok(text.to_owned());
    }
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
    if let Some(Value::Table(cluster)) = table.get_mut("cluster") {
        rewrite(cluster, "name", |text| tokens.write(Class::Text, text));
    }
    for (list, names) in [("node", &["name"][..]), ("waive", &["subject", "reason"][..])] {
        for element in tables(&mut table, list) {
            for name in names {
                rewrite(element, name, |text| tokens.write(Class::Text, text));
            }
            rewrite(element, "owner", |text| tokens.user(text));
        }
    }
    for group in ["params", "rules"] {
        if let Some(value) = table.get_mut(group) {
            every_text(value, &mut |text| tokens.write(Class::Text, text));
        }
    }
    let out = toml::to_string(&table).map_err(|error| error.to_string())?;
    Ok(format!("# What the plan of this recording says of judging.\n{out}"))
}

fn tables<'t>(table: &'t mut Table, name: &str) -> impl Iterator<Item = &'t mut Table> {
    table.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_table_mut)
}

fn rewrite(table: &mut Table, name: &str, with: impl FnOnce(&str) -> String) {
    if let Some(Value::String(text)) = table.get_mut(name) {
        *text = with(text);
    }
}

fn every_text(value: &mut Value, with: &mut dyn FnMut(&str) -> String) {
    match value {
        Value::String(text) => *text = with(text),
        Value::Array(all) => all.iter_mut().for_each(|one| every_text(one, with)),
        Value::Table(table) => table.iter_mut().for_each(|(_, one)| every_text(one, with)),
        _ => {}
    }
}
