//! Expressions over a large cluster: how long compiling and evaluating take, beside the same written in Rust.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};
use quorate::expr::{Env, Scope, compile};
use quorate::facts::{DiskTransport, Document, Fact, Nic, NicKind, Node};
use std::hint::black_box;

/// E1 to E4: comparing nodes, counting interfaces, 2048 disks, naming offenders.
const EXPRESSIONS: [(&str, &str); 4] = [
    ("E1 same build", "nodes.all(n, n.os.build == nodes[0].os.build)"),
    ("E2 two interfaces", "nodes.all(n, n.nics.filter(x, x.kind == 'physical').size() >= 2)"),
    (
        "E3 all disks",
        "nodes.all(n, n.disks.all(d, d.transport == 'iscsi' && d.size_bytes >= bytes('1 GiB')))",
    ),
    ("E4 offenders", "nodes.filter(n, n.os.build != nodes[0].os.build).map(n, n.name)"),
];

/// E1 to E3 in Rust: as fast as it can be.
fn by_hand(document: &Document) -> [bool; 3] {
    let nodes = &document.nodes;
    let nics = |node: &Node| {
        let nics = node.nics.as_deref().unwrap_or_default();
        nics.iter().filter(|nic| nic.kind == Some(NicKind::Physical)).count()
    };
    let disks = |node: &Node| {
        node.disks.iter().flatten().all(|disk| {
            disk.transport == Some(DiskTransport::Iscsi)
                && disk.size_bytes.is_some_and(|size| size.0 >= 1 << 30)
        })
    };
    [
        nodes.iter().all(|node| node.os.build == nodes[0].os.build),
        nodes.iter().all(|node| nics(node) >= 2),
        nodes.iter().all(disks),
    ]
}

fn benches(criterion: &mut Criterion) {
    let document = common::cluster(common::LARGE);
    let env = Env::facts();
    let scope = Scope { document: &document, values: &[], params: &[] };

    let mut group = criterion.benchmark_group("expr compile");
    for (name, text) in EXPRESSIONS {
        group.bench_function(name, |bencher| bencher.iter(|| compile(black_box(text), &env)));
    }
    group.finish();

    let mut group = criterion.benchmark_group("expr eval");
    for (name, text) in EXPRESSIONS {
        let program = compile(text, &env).expect("the expression is right");
        let known = program.eval(&scope).datum().expect("the large cluster is known");
        assert!(name.starts_with("E4") || known.to_string() == "true", "{name}: {known}");
        group.bench_function(name, |bencher| bencher.iter(|| black_box(&program).eval(&scope).is_unknown()));
    }
    let env =
        Env::facts().bind("node", Node::fact_type(), "nodes").bind("nic", Nic::fact_type(), "nodes.nics");
    let program = compile("nic.link_up && nic.mtu >= 1500", &env).expect("the expression is right");
    group.bench_function("512 interfaces one by one", |bencher| {
        bencher.iter(|| {
            let mut held = 0;
            for node in &document.nodes {
                for nic in node.nics.iter().flatten() {
                    let scope = Scope { values: &[node.value(), nic.value()], ..scope };
                    held += usize::from(program.test(&scope) == Some(true));
                }
            }
            held
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("expr explain");
    for (name, text) in EXPRESSIONS {
        let program = compile(text, &Env::facts()).expect("the expression is right");
        group.bench_function(name, |bencher| bencher.iter(|| program.explain(&scope, &[])));
    }
    group.finish();
    criterion.bench_function("expr by hand", |bencher| bencher.iter(|| by_hand(black_box(&document))));
}

criterion_group!(expr, benches);
criterion_main!(expr);
