//! The rules that a command works with: loaded from the program and from folders, chosen by plan and options.

use super::args::RuleOptions;
use crate::inventory::Inventory;
use crate::rule::{RuleFolder, RuleSources, Ruleset, Selection};
use crate::source::{Problems, SourceFile, Span, Text};

/// Loads all rules: those of the program, of the plan's folders, and of the folders that the options name.
pub(super) fn load(options: &RuleOptions, inventory: Option<&Inventory>) -> Result<Ruleset, Problems> {
    Ruleset::load(&sources(options, inventory))
}

/// The same where rules are judged by or listed: the program's own are taken to be sound, and only checked when chosen.
pub(super) fn load_to_judge(
    options: &RuleOptions,
    inventory: Option<&Inventory>,
) -> Result<Ruleset, Problems> {
    Ruleset::load(&RuleSources { to_judge: true, ..sources(options, inventory) })
}

fn sources(options: &RuleOptions, inventory: Option<&Inventory>) -> RuleSources {
    let planned = inventory.into_iter().flat_map(|inventory| &inventory.rules.directories);
    let mut folders: Vec<RuleFolder> = planned
        .map(|folder| RuleFolder { path: folder.value.clone(), named: Some(folder.span.clone()) })
        .collect();
    for path in &options.directories {
        // A folder that plan and option both name is read once.
        if !folders.iter().any(|folder| same_folder(&folder.path, path)) {
            folders.push(RuleFolder::new(path));
        }
    }
    RuleSources { folders, ..RuleSources::default() }
}

fn same_folder(a: &std::path::Path, b: &std::path::Path) -> bool {
    a == b || a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// Lays the options over a selection: they go before the plan.
pub(super) fn narrow(mut selection: Selection, options: &RuleOptions) -> Selection {
    if let Some(profile) = &options.profile {
        selection.profile = Some(text("--profile", profile));
    }
    selection.only = texts("--select", &options.select);
    selection.ignore.extend(texts("--ignore", &options.ignore));
    selection
}

fn texts(option: &str, values: &[String]) -> Vec<Text> {
    values.iter().map(|value| text(option, value.trim())).collect()
}

/// A word of the command line as text with a place, so that a mistake in it is shown as one in a file is.
pub(super) fn text(option: &str, value: &str) -> Text {
    let file = SourceFile::new(option, value);
    Text { value: value.to_owned(), span: Span::new(&file, 0..value.len()) }
}
