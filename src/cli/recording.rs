//! Recordings of facts: what is read is a recording, a validation report or a plan, and what a recording carries of its
//! plan.
//!
//! A recording holds what the plan says of judging (profile, parameters, severities, choice of rules, waivers), so that
//! it is judged as the live run was, without the plan.

use crate::facts::{Document, MAX_DOCUMENT_BYTES};
use crate::inventory::Inventory;
use crate::probe::validation;
use crate::source::{Problem, Problems, SourceFile};
use std::fmt::Write;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What messages call a recording that came through standard input.
const STDIN: &str = "standard input";

/// Whether a file is a recording: `-`, a name that ends in `.json`, a text that begins as JSON does, or a report of
/// Microsoft's validation, whatever its name.
pub(super) fn is_recording(path: &Path) -> bool {
    if path == Path::new("-") || path.extension().is_some_and(|ending| ending == "json") {
        return true;
    }
    if path.extension().is_some_and(|ending| ending == "toml") || !path.is_file() {
        return false;
    }
    let mut begin = [0; 64];
    let read = std::fs::File::open(path).and_then(|mut file| file.read(&mut begin)).unwrap_or(0);
    begin[..read].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
        || validation::is_report(path)
}

/// Reads a recording from a file, or from standard input for `-`.
pub(super) fn read(path: &Path) -> Result<Document, Problems> {
    if path != Path::new("-") && validation::is_report(path) {
        return validation::read(path).map_err(refused);
    }
    let document = if path == Path::new("-") { read_stdin()? } else { Document::read(path) };
    document.map_err(|error| {
        let mut problems = Problems::new();
        for line in error.to_string().lines() {
            problems.push(Problem::new(line).help("`quorate probe -o FILE` writes recordings"));
        }
        problems
    })
}

fn refused(error: validation::ReportError) -> Problems {
    Problem::new(error.to_string()).help(error.help()).into()
}

fn read_stdin() -> Result<Result<Document, crate::facts::LoadError>, Problems> {
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(MAX_DOCUMENT_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| Problem::new(format!("{STDIN} cannot be read: {error}")))?;
    if text.len() as u64 > MAX_DOCUMENT_BYTES {
        return Ok(Err(crate::facts::LoadError::TooLarge { file: STDIN.to_owned() }));
    }
    if validation::is_report_text(&text) {
        return validation::parse(&text, STDIN).map(Ok).map_err(refused);
    }
    Ok(Document::parse(&text, STDIN))
}

/// What the plan that a recording was made by says of judging; none where it carries nothing of it. Folders of rules
/// are those of the command line where it names any: the ones that were used may be on another machine.
pub(super) fn settings(
    document: &Document,
    path: &Path,
    folders: &[PathBuf],
) -> Result<Option<Inventory>, Problems> {
    let Some(text) = document.run.settings.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let name = if path == Path::new("-") { STDIN.to_owned() } else { path.display().to_string() };
    let mut inventory = Inventory::parse(&SourceFile::new(format!("{name}: run.settings"), text))?;
    inventory.waivers.iter_mut().for_each(|waiver| waiver.in_plan = false);
    if !folders.is_empty() {
        inventory.rules.directories.clear();
    }
    Ok(Some(inventory))
}

/// What a plan says of judging, as a plan of its own: the same cluster and nodes, none of them probed.
pub(super) fn settings_of(inventory: &Inventory) -> String {
    let mut out = String::from("# What the plan of this recording says of judging.\n[cluster]\n");
    let cluster = &inventory.cluster;
    key(&mut out, "name", &cluster.name);
    key(&mut out, "platform", cluster.platform.word());
    for (name, value) in [("release", &cluster.release), ("edition", &cluster.edition)] {
        if let Some(value) = value {
            key(&mut out, name, value);
        }
    }
    if let Some(profile) = &cluster.profile {
        key(&mut out, "profile", profile);
    }
    for node in &inventory.nodes {
        out.push_str("[[node]]\n");
        key(&mut out, "name", &node.name);
        key(&mut out, "probe", "none");
    }
    if !inventory.params.is_empty() {
        out.push_str("[params]\n");
        for (name, item) in &inventory.params {
            let _ = writeln!(out, "{} = {}", quoted(name), item.span.text());
        }
    }
    if !inventory.severity.is_empty() {
        out.push_str("[severity]\n");
        for (rule, word) in &inventory.severity {
            let _ = writeln!(out, "{} = {}", quoted(rule), word.span.text());
        }
    }
    rules(&mut out, inventory);
    for waiver in &inventory.waivers {
        out.push_str("[[waive]]\n");
        key(&mut out, "rule", &waiver.rule);
        if let Some(subject) = &waiver.subject {
            key(&mut out, "subject", subject);
        }
        key(&mut out, "reason", &waiver.reason);
        key(&mut out, "owner", &waiver.owner);
        if let Some(from) = waiver.from {
            key(&mut out, "from", &from.to_string());
        }
        key(&mut out, "until", &waiver.until.to_string());
    }
    out
}

fn rules(out: &mut String, inventory: &Inventory) {
    let rules = &inventory.rules;
    let absolute = |path: &Path| {
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
    };
    let lists = [
        ("directories", rules.directories.iter().map(|folder| absolute(&folder.value)).collect()),
        ("select", rules.select.iter().map(|pattern| pattern.value.clone()).collect()),
        ("ignore", rules.ignore.iter().map(|pattern| pattern.value.clone()).collect::<Vec<_>>()),
    ];
    if lists.iter().all(|(_, list)| list.is_empty()) {
        return;
    }
    out.push_str("[rules]\n");
    for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        let list: Vec<String> = list.iter().map(|word| quoted(word)).collect();
        let _ = writeln!(out, "{name} = [{}]", list.join(", "));
    }
}

fn key(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name} = {}", quoted(value));
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
