//! The tests of a report with what Microsoft says of each, and the nodes that it was run on.

use super::building::{Building, Reading};
use super::page::{Block, Mark, Page};
use crate::facts::{Validation, ValidationTest};
use std::collections::HashSet;

/// Longest list of messages that is kept of one test.
const MOST_MESSAGES: usize = 200;

/// Whether a page is a report: results that point to sections of the same page, or nodes with sections of known tests.
pub(super) fn is_report(page: &Page) -> bool {
    let anchors = page.anchors();
    let points = page
        .sections
        .iter()
        .flat_map(|section| section.results())
        .any(|(_, anchor, result)| result.is_some() && (anchors.contains_key(anchor) || !page.whole));
    let known =
        || page.sections.iter().any(|section| crate::validation::test_of_name(&section.title).is_some());
    points || known()
}

/// Names of the nodes: out of the head of the report, else out of the headings below its sections.
pub(super) fn node_names(page: &Page) -> Vec<String> {
    // In the head the rows of nodes have three cells: what it is, which, and whether it was validated.
    let head = page.head.iter().filter(|row| row.len() >= 3).map(|row| row[1].text.as_str());
    let below = page.sections.iter().flat_map(|section| &section.blocks).filter_map(|block| match block {
        Block::Node(name) => Some(name.as_str()),
        _ => None,
    });
    let unique = |names: &mut dyn Iterator<Item = &str>| {
        let mut seen = HashSet::new();
        let names = names.filter(|name| is_host(name)).filter(|name| seen.insert(name.to_lowercase()));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let named = unique(&mut head.into_iter());
    if named.is_empty() { unique(&mut below.into_iter()) } else { named }
}

/// Whether a text can be the name of a host.
fn is_host(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && text.chars().any(char::is_alphanumeric)
}

/// All tests of the report, in its order.
pub(super) fn validation(building: &mut Building<'_>, readings: &[Reading<'_>]) -> Validation {
    let page = building.page;
    let anchors = page.anchors();
    let is_list = |at: usize| page.sections[at].results().next().is_some();
    let mut tests: Vec<ValidationTest> = Vec::new();
    let mut told: HashSet<String> = HashSet::new();
    for category in page.sections.iter().filter(|section| section.results().next().is_some()) {
        for (title, anchor, result) in category.results() {
            // Rows that lead to a list of tests are of a category.
            let at = anchors.get(anchor).copied();
            if at.is_some_and(is_list) || (at.is_none() && !page.whole && is_category(page, title)) {
                continue;
            }
            let reading = at.and_then(|at| {
                readings.iter().find(|reading| std::ptr::eq(reading.section, &raw const page.sections[at]))
            });
            let known = reading
                .and_then(|reading| reading.known.test())
                .or_else(|| crate::validation::test_of_name(title));
            let id = known.map_or_else(|| format!("section-{anchor}"), |test| test.id.clone());
            if !told.insert(id.clone()) {
                continue;
            }
            let path = format!("cluster.validation.tests[{id}]");
            if result.is_none() {
                building.lacks(
                    format!("{path}.result"),
                    "the report shows a picture for it that is not known".to_owned(),
                );
            }
            let messages = reading.map(|reading| messages(reading));
            match reading {
                Some(reading) => building.came_at(path, reading.section),
                None => building.lacks(
                    format!("{path}.messages"),
                    "the report ends before the section of the test".to_owned(),
                ),
            }
            tests.push(ValidationTest {
                id,
                title: Some(title.to_owned()),
                category: Some(category.title.clone()),
                result,
                messages,
            });
        }
    }
    // Where the lists are missing, what has sections was run all the same.
    for reading in readings {
        let Some(test) = reading.known.test() else { continue };
        if told.insert(test.id.clone()) {
            let path = format!("cluster.validation.tests[{}]", test.id);
            building
                .lacks(format!("{path}.result"), "the report has no list that shows its result".to_owned());
            tests.push(ValidationTest {
                id: test.id.clone(),
                title: Some(reading.section.title.clone()),
                category: None,
                result: None,
                messages: Some(messages(reading)),
            });
        }
    }
    let mut times = page.head.iter().filter(|row| row.len() == 2).map(|row| row[1].text.clone());
    Validation {
        tool: Some("Microsoft cluster validation".to_owned()),
        language: page.language.clone(),
        started: times.next().filter(|text| !text.is_empty()),
        completed: times.next().filter(|text| !text.is_empty()),
        tests: Some(tests),
    }
}

/// Whether a title is that of a category, in a report that ends before its sections.
fn is_category(page: &Page, title: &str) -> bool {
    page.sections.first().is_some_and(|first| first.results().any(|(name, ..)| name == title))
}

/// What a test warns of or complains about, or why it had nothing to look at.
fn messages(reading: &Reading<'_>) -> Vec<String> {
    let marked = reading.section.blocks.iter().filter_map(|block| match block {
        Block::Message { mark, text, .. } if *mark != Mark::Plain && !text.is_empty() => Some(text.clone()),
        _ => None,
    });
    marked.take(MOST_MESSAGES).collect()
}
