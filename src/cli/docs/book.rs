//! The pages of the book that the program knows best: its table of contents, exit codes, options, profiles, keys of rule
//! files; facts and language stand in files of their own.

use super::{cell, facts, language, rule_page};
use crate::cli::args::Cli;
use crate::report::{ExitCode, Verdict};
use crate::rule::{Ruleset, rules_json_schema};
use clap::{Command, CommandFactory};
use serde_json::Value;
use std::fmt::Write;

/// Every page, with the name of its file.
pub(super) fn pages(ruleset: &Ruleset) -> Vec<(&'static str, String)> {
    vec![
        ("SUMMARY.md", contents(ruleset)),
        ("exit-codes.md", include_str!("pages/exit-codes.md").replace("{codes}\n", &exit_codes())),
        ("command-line.md", include_str!("pages/command-line.md").replace("{commands}\n", &commands())),
        ("facts.md", facts::page()),
        ("expressions.md", language::page()),
        ("rule-files.md", include_str!("pages/rule-files.md").replace("{tables}\n", &rule_files())),
        ("profiles.md", include_str!("pages/profiles.md").replace("{profiles}\n", &profiles(ruleset))),
    ]
}

fn contents(ruleset: &Ruleset) -> String {
    let mut rules = String::new();
    for id in ruleset.all_ids() {
        let _ = writeln!(rules, "    - [{id}](rules/{})", rule_page(id));
    }
    include_str!("pages/SUMMARY.md").replace("{rules}\n", &rules)
}

fn exit_codes() -> String {
    let mut out = String::from("| code | verdict | meaning |\n|---|---|---|\n");
    for code in ExitCode::ALL {
        let verdict = Verdict::ALL.into_iter().find(|verdict| verdict.exit_code() == code);
        let verdict = verdict.map(|verdict| format!("`{}`", verdict.word())).unwrap_or_default();
        let _ = writeln!(out, "| {} | {verdict} | {} |", code.code(), cell(code.meaning()));
    }
    out
}

/// Every subcommand as its `--help` tells it, without what the environment of this process sets.
fn commands() -> String {
    fn write(command: &Command, name: &str, out: &mut String) {
        if command.is_hide_set() || command.get_name() == "help" {
            return;
        }
        let below: Vec<&Command> = command.get_subcommands().filter(|below| !below.is_hide_set()).collect();
        let mut shown = command.clone().bin_name(name).disable_help_subcommand(true);
        // Options of every subcommand are told once, of the program itself.
        if name != "quorate" {
            shown = shown.mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
        }
        let help = shown.mut_args(|arg| arg.hide_env_values(true)).term_width(100).render_long_help();
        let lines: Vec<String> = help.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
        let _ = write!(out, "\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim());
        for below in below {
            write(below, &format!("{name} {}", below.get_name()), out);
        }
    }
    let mut command = Cli::command();
    command.build();
    let mut out = String::new();
    write(&command, "quorate", &mut out);
    out.trim_start().to_owned()
}

/// The keys of rule files and profiles, table by table, as the schema declares them.
fn rule_files() -> String {
    let schema = rules_json_schema();
    let mut out = String::new();
    table("Of a file of rules", "", &schema, &mut out);
    table("Of a profile", "", &schema["definitions"]["profile"], &mut out);
    out.trim_start().to_owned()
}

/// A table of keys, then the tables within it.
fn table(title: &str, within: &str, schema: &Value, out: &mut String) {
    let Some(properties) = schema["properties"].as_object() else { return };
    let text = |value: &Value| cell(value.as_str().unwrap_or_default());
    let _ =
        write!(out, "\n## {title}\n\n{}\n\n| key | value | |\n|---|---|---|\n", text(&schema["description"]));
    let needed: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let optional = properties.keys().map(String::as_str).filter(|key| !needed.contains(key));
    let keys: Vec<&str> = needed.iter().copied().chain(optional).collect();
    for key in &keys {
        let of = &properties[*key];
        let must = if needed.contains(key) { " **Needed.**" } else { "" };
        let _ = writeln!(out, "| `{key}` | {} | {}{must} |", kind(of), text(&of["description"]));
    }
    for key in keys {
        let dotted = if within.is_empty() { key.to_owned() } else { format!("{within}.{key}") };
        let of = &properties[key];
        table(&format!("`[[{dotted}]]`"), &dotted, &of["items"], out);
        table(&format!("`[{dotted}.NAME]`"), &dotted, &of["additionalProperties"], out);
    }
}

/// The type of a key in words.
fn kind(schema: &Value) -> String {
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`"));
        return words.collect::<Vec<_>>().join(", ");
    }
    match schema["type"].as_str() {
        Some("array") if schema["items"]["properties"].is_object() => "tables".to_owned(),
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") => "table".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("string") => "string".to_owned(),
        _ => "a value of its type".to_owned(),
    }
}

fn profiles(ruleset: &Ruleset) -> String {
    let mut out =
        String::from("| profile | what it is for | taken by itself for | begins with |\n|---|---|---|---|\n");
    for profile in ruleset.profiles().iter() {
        let platform = profile.platform.map(|platform| match profile.releases.as_slice() {
            [] => format!("{platform}"),
            releases => format!("{platform} {}", releases.join(", ")),
        });
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            profile.name,
            cell(&profile.title),
            cell(&platform.unwrap_or_default()),
            profile.extends.as_ref().map(|name| format!("`{name}`")).unwrap_or_default(),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_a_rule_has_words() {
        let text = rule_files();
        for key in ["require", "same", "unique", "subset", "count", "verdict", "extends", "doc"] {
            assert!(text.contains(&format!("| `{key}` |")), "{key}: {text}");
        }
        assert!(!text.contains(" |  |"), "a key without words: {text}");
    }

    #[test]
    fn every_subcommand_is_told() {
        let text = commands();
        for name in ["quorate", "quorate check", "quorate rules test", "quorate storage cleanup"] {
            assert!(text.contains(&format!("## {name}\n")), "{name}");
        }
        assert!(!text.contains("quorate docs"), "it is hidden");
    }
}
