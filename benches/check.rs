//! All shipped rules over a large cluster, against parsing the facts of it; and what a start costs.

mod common;

use common::{LARGE, cluster};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quorate::derive;
use quorate::facts::Document;
use quorate::rule::{ResolvedRules, RuleSources, Ruleset, Selection};
use quorate::source::{SourceFile, Span, Text};
use std::hint::black_box;

/// Every rule, whatever the profile says.
fn every_rule<'r>(ruleset: &'r Ruleset, document: &Document) -> ResolvedRules<'r> {
    let all = SourceFile::new("bench", "*");
    let all = Text { value: "*".to_owned(), span: Span::new(&all, 0..1) };
    let selection = Selection { add: vec![all], ..Selection::of_document(document) };
    ruleset.resolve(&selection).expect("the shipped profiles are sound")
}

fn check(criterion: &mut Criterion) {
    let document = cluster(LARGE);
    let text = serde_json::to_vec(&document).expect("facts hold text and numbers only");
    let ruleset = Ruleset::load(&RuleSources::default()).expect("the shipped rules are sound");
    let mut complete = document.clone();
    derive::complete(&mut complete);
    let resolved = every_rule(&ruleset, &complete);
    let today = jiff::civil::date(2026, 11, 20);

    let mut group = criterion.benchmark_group("check");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| Document::parse(black_box(&text), "facts.json").expect("sound"));
    });
    group.bench_function("derive", |bencher| {
        bencher.iter_batched_ref(|| document.clone(), derive::complete, criterion::BatchSize::LargeInput);
    });
    group
        .bench_function("judge", |bencher| bencher.iter(|| resolved.judge(black_box(&complete), &[], today)));
    group.finish();
    criterion.bench_function("load rules", |bencher| {
        bencher.iter(|| Ruleset::load(&RuleSources::default()).expect("sound"));
    });
}

criterion_group!(benches, check);
criterion_main!(benches);
