//! Which test a section is of: by its name where that is known, else by the shape of what it holds.
//!
//! A shape is made of values that no language changes: versions, hardware addresses, paths, states of services. Two
//! sections that a shape cannot tell apart are not told apart: such a section stays unknown, and what it holds a gap.

use super::page::{Block, Section, Table};
use super::value;
use crate::validation::{KnownTest, test_of_id, test_of_name};
use regex::Regex;
use std::sync::LazyLock;

/// Processors as Windows writes them, in every language.
pub(super) static PROCESSOR: LazyLock<Regex> =
    LazyLock::new(|| value::pattern(r"Family (\d+) Model (\d+) Stepping (\d+)"));
/// Versions of Windows.
pub(super) static VERSION: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"^\d{1,2}\.\d\.(\d{4,5})$"));
/// SCSI addresses as Windows writes them.
pub(super) static SCSI_ADDRESS: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"^\d+:\d+:\d+:\d+$"));
static ARTICLE: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"^\d{6,7}$"));
static DRIVE: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"^[A-Za-z]:$"));

/// How a test was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// By its name.
    Name(&'static KnownTest),
    /// By the shape of its tables: its name is of a language that is not known.
    Shape(&'static KnownTest),
    /// Not at all.
    No,
}

impl Known {
    /// Recognises a section.
    pub fn of(section: &Section) -> Self {
        if let Some(test) = test_of_name(&section.title) {
            return Known::Name(test);
        }
        by_shape(section).and_then(test_of_id).map_or(Known::No, Known::Shape)
    }

    /// The test.
    pub fn test(self) -> Option<&'static KnownTest> {
        match self {
            Known::Name(test) | Known::Shape(test) => Some(test),
            Known::No => None,
        }
    }
}

fn by_shape(section: &Section) -> Option<&'static str> {
    let by_node = section.blocks.iter().any(|block| matches!(block, Block::Node(_)));
    let table = section.tables().find(|table| !table.rows.is_empty())?;
    let pairs = table.rows.iter().all(|row| row.len() == 2);
    let wide = table.rows.first().map_or(0, Vec::len);
    let any = |holds: fn(&str) -> bool| cells(table).any(holds);
    let fits: Vec<&'static str> = [
        ("validate-ip-configuration", by_node && pairs && any(value::is_hardware_address)),
        ("list-operating-system-information", by_node && pairs && operating_system(table).is_some()),
        ("list-system-information", by_node && pairs && any(|text| PROCESSOR.is_match(text))),
        ("list-memory-information", by_node && pairs && is_memory(table)),
        ("list-bios-information", by_node && pairs && is_bios(table)),
        ("list-system-drivers", by_node && wide >= 6 && any(is_driver_path)),
        ("list-services-information", by_node && wide >= 7 && is_services(table)),
        ("list-disks", by_node && wide >= 8 && any(|text| SCSI_ADDRESS.is_match(text))),
        ("list-software-updates", by_node && wide == 4 && is_updates(table)),
        (
            "validate-operating-system-version",
            !by_node && wide == 4 && column(table, 2, |text| VERSION.is_match(text)),
        ),
        (
            "validate-matching-processor-manufacturers",
            !by_node && wide == 3 && column(table, 2, |text| PROCESSOR.is_match(text)),
        ),
        (
            "validate-system-drive-variable",
            !by_node && wide == 2 && column(table, 1, |text| DRIVE.is_match(text)),
        ),
        ("validate-active-directory-configuration", !by_node && wide == 5 && is_directory(table)),
        ("validate-cluster-network-configuration", !by_node && is_networks(section)),
    ]
    .into_iter()
    .filter(|(_, fits)| *fits)
    .map(|(id, _)| id)
    .collect();
    match fits.as_slice() {
        [one] => Some(one),
        _ => None,
    }
}

fn cells(table: &Table) -> impl Iterator<Item = &str> {
    table.rows.iter().flatten().map(|cell| cell.text.as_str())
}

fn column(table: &Table, at: usize, holds: fn(&str) -> bool) -> bool {
    !table.rows.is_empty() && table.rows.iter().all(|row| row.get(at).is_some_and(|cell| holds(&cell.text)))
}

/// The row of the version in a table about the operating system: the version, then within three rows its last part.
pub(super) fn operating_system(table: &Table) -> Option<usize> {
    let value = |at: usize| table.rows.get(at).and_then(|row| row.get(1)).map(|cell| cell.text.as_str());
    (0..table.rows.len()).find(|at| {
        let build = value(*at).and_then(|text| VERSION.captures(text)).map(|found| found[1].to_owned());
        build.is_some_and(|build| (1..=3).any(|below| value(at + below) == Some(build.as_str())))
    })
}

fn is_memory(table: &Table) -> bool {
    (4..=10).contains(&table.rows.len()) && column(table, 1, |text| value::size(text).is_some())
}

fn is_bios(table: &Table) -> bool {
    let value =
        |at: usize| table.rows.get(at).and_then(|row| row.get(1)).map_or("", |cell| cell.text.as_str());
    let is_number = |at: usize| value(at).parse::<u16>().is_ok();
    (7..=14).contains(&table.rows.len()) && value::truth(value(2)).is_some() && is_number(4) && is_number(5)
}

fn is_driver_path(text: &str) -> bool {
    text.get(text.len().saturating_sub(4)..).is_some_and(|end| end.eq_ignore_ascii_case(".sys"))
        && text.contains('\\')
}

/// States and start modes are WMI's own words.
pub(super) fn is_state(text: &str) -> bool {
    matches!(
        text,
        "Running"
            | "Stopped"
            | "Paused"
            | "Start Pending"
            | "Stop Pending"
            | "Continue Pending"
            | "Pause Pending"
    )
}

/// See [`is_state`].
pub(super) fn is_start_mode(text: &str) -> bool {
    matches!(text, "Auto" | "Manual" | "Disabled" | "Boot" | "System")
}

fn is_services(table: &Table) -> bool {
    let holds = |test: fn(&str) -> bool| table.rows.iter().all(|row| row.iter().any(|cell| test(&cell.text)));
    holds(is_state) && holds(is_start_mode) && !cells(table).any(is_driver_path)
}

fn is_updates(table: &Table) -> bool {
    column(table, 0, |text| ARTICLE.is_match(text)) && cells(table).any(|text| text.contains("KB"))
}

fn is_directory(table: &Table) -> bool {
    table.rows.iter().all(|row| {
        let text = |at: usize| row[at].text.to_lowercase();
        row.len() == 5 && !row[1].text.is_empty() && text(0).ends_with(&format!(".{}", text(1)))
    })
}

fn is_networks(section: &Section) -> bool {
    let is_prefix = |table: &Table| {
        table.rows.iter().all(|row| match row.as_slice() {
            [network, length] => {
                value::address(&network.text).is_some_and(|at| value::prefix(&length.text, at).is_some())
            }
            _ => false,
        })
    };
    let labelled =
        section.blocks.iter().any(|block| matches!(block, Block::Message { label, .. } if !label.is_empty()));
    labelled && section.tables().any(|table| !table.rows.is_empty() && is_prefix(table))
}
