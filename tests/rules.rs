//! The shipped rules over a large cluster in good order, as the benchmark judges it.

#[path = "../benches/common/mod.rs"]
mod common;

use common::{LARGE, cluster};
use quorate::derive;
use quorate::rule::{RuleSources, Ruleset, Selection, Status};

#[test]
fn a_large_cluster_in_good_order_is_judged_whole() {
    let mut document = cluster(LARGE);
    let text = serde_json::to_vec(&document).expect("facts hold text and numbers only");
    assert!((440_000..560_000).contains(&text.len()), "{} bytes", text.len());
    derive::complete(&mut document);
    let ruleset = Ruleset::load(&RuleSources::default()).unwrap_or_else(|problems| panic!("{problems}"));
    let resolved = ruleset.resolve(&Selection::of_document(&document)).unwrap_or_else(|p| panic!("{p}"));
    let judgement = resolved.judge(&document, &[], jiff::civil::date(2026, 11, 20));
    let odd: Vec<String> = judgement
        .findings
        .iter()
        .filter(|finding| !matches!(finding.status, Status::Pass | Status::NotApplicable))
        .map(|finding| {
            format!("{} {} {}: {}", finding.status, finding.rule, finding.subject, finding.message)
        })
        .collect();
    // What 64 names resolve to on each of 64 nodes would be a quarter of the document, so it is left out of it.
    let is_about_names = |line: &&String| line.contains(".names: not-collected");
    let other: Vec<&String> = odd.iter().filter(|line| !is_about_names(line)).collect();
    assert!(other.is_empty(), "{} findings: {other:#?}", other.len());
    assert_eq!(odd.len(), 3 * LARGE.nodes);
    let passes: usize = judgement
        .findings
        .iter()
        .filter(|finding| finding.status == Status::Pass)
        .map(|finding| finding.subjects)
        .sum();
    assert!(passes > 10_000, "{passes} passes");
}
