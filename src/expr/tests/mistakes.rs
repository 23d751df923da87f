//! Wrong expressions, and what is said of them: place, message, help.

use super::super::*;
use super::support::{env, told};

const MISTAKES: &[&str] = &[
    "node.os.build == ",
    "node.oss.build == 'x'",
    "node.os.build > 3",
    "nodez.size() > 1",
    "node.name = 'c'",
    "nodes.al(n, true)",
    "node.cpu.cores && true",
    "nodes.all(n, n.os.buidl == nodes[0].os.build)",
    "nodes.all(n, n.oss.build == ",
    "networks.exists(n, n.role == 'cluser')",
    "networks.exists(n, n.role in ['cluster', 'sorage'])",
    "params.lest > 1",
    "params > 1",
    "node.memory.total_bytes > 512",
    "node.memory.total_bytes / duration('3s') > 1",
    "node.os.build and node.name",
    "(1 + 2",
    "1 + 2)",
    "[1, 2",
    "nodes.all(n, n.name == 'a'",
    "foo(1)",
    "len(nodes) > 1",
    "nodes.length() > 1",
    "startsWith('a')",
    "nodes.all(n.name == 'a')",
    "nodes.all(node, true)",
    "nodes.all(nodes, true)",
    "nodes.os.build == 'x'",
    "node == nodes[0]",
    "1 < 2 < 3",
    "node.name.matches(node.name)",
    "node.name.matches('(')",
    "node.name.matches('\\d')",
    "bytes('512')",
    "bytes(node.name)",
    "version('abc') > version('1')",
    "cidr('10.0.0.300/24')",
    "node.nics['eth0']",
    "has(node)",
    "has(params.least)",
    "'a' in 'abc'",
    "node.nics.contains('a')",
    "nic.driver ? 1 : 2",
    "true ? 1 : 'a'",
    "true ? 1",
    "[1, 'a']",
    "null == node.name",
    "x ; y",
    "",
    "1 2",
    "1 +",
    "node.",
    "1 + * 2",
    "cores > 1 && buidl == 'x' && nodes.al(x, y)",
    "not node.reached",
    "{'a': 1}",
    "node.nics.map(n, n.mtu).join(',')",
    "nodes.sort()",
    "node.name.overlaps('a')",
    "1.5 > 1",
    "cidr('10.0.0.0/8').contains('10.0.0.0/8')",
    "node.name + 1",
    "-node.name",
    "string(node)",
    "networks[0].role < 'cluster'",
    "nodes.all(n, n.nics.all(n, true))",
    "cluster.platform in ['wsfc', 'windows']",
    "cluster.platform == 'generic' ? 'a' == node.os.family : true",
    "node.os.family == cluster.platform",
    "node.reached && cores > 1",
    "version(node.os.build) > '10.0'",
    "cidr('10.0.0.0/8') == '10.0.0.0/8'",
    "duration('3 sec') > params.limit",
    "rate('10 GB/s') > params.speed",
    "params.limit > 3 || params.speed == '1'",
    "params.limit * params.limit > params.limit",
    "params.limit + 3 > params.limit",
    "size(node.nics) == node.nics",
    "node.nics == 2",
    "all(nodes, n, true)",
    "nodes.filter(n, n.name)",
    "nodes.map(n)",
    "node.name.size(1)",
    "node.name.foo()",
    "size(1)",
    "size()",
    "int(bytes('1 B'))",
    "int(true)",
    "[[1], ['a']]",
    "[1] + ['a']",
    "1 in ['a']",
    "node in nodes",
    "nodes.distinct()",
    "[1].flatten()",
    "node.nics.sum()",
    "node[0]",
    "node['name']",
    "if node.reached then 1 else 2",
    "node.name == ‘hv1’",
    "node.name == 'hv1",
    "node.name <> 'hv1'",
    "True && FALSE",
    "1u + 0xZ",
    "b'a' == 'a'",
    "nodes.[0]",
    "nodes[]",
    "nodes[0, 1]",
    "f(,)",
    "node.name ?? 'a'",
    "a.b.c && d.e.f || params.g",
    "512MiB < node.memory.total_bytes",
    "99999999999999999999 > 1",
    "node.name.startsWith(1) && node.name.contains(true)",
    "nodes.exists(n, n.reached) == 1",
];

fn mistakes(text: &str) -> String {
    match compile(text, &env()) {
        Ok(program) => panic!("{text} was accepted: {:?}", program.ty()),
        Err(errors) => told(text, &errors),
    }
}

#[test]
fn mistakes_are_told_at_their_place() {
    let all: Vec<String> = MISTAKES.iter().map(|text| mistakes(text)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_place_can_need_a_kind_of_value() {
    let refused = |text: &str, expected: Expected| {
        told(text, &compile_expecting(text, &env(), expected).expect_err("must be refused"))
    };
    assert_eq!(
        refused("node.name", Expected::Bool),
        "«node.name»\n  a condition is needed here, this is string\n  (compare it with something)\n"
    );
    assert!(refused("node.nics", Expected::Bool).contains("`size(list) > 0`"));
    assert!(refused("node.name", Expected::List).contains("a list is needed here, this is string"));
    assert!(refused("node", Expected::Comparable).contains("a Node cannot be compared as a whole"));
    assert!(refused("node.nics", Expected::Comparable).contains("cannot be compared as a whole"));
    assert!(refused("node.name", Expected::Amount).contains("a number is needed here"));
    for (text, expected) in [
        ("node.reached", Expected::Bool),
        ("node.nics", Expected::List),
        ("node.updates", Expected::Comparable),
        ("params.limit", Expected::Amount),
        ("node", Expected::Any),
    ] {
        assert!(compile_expecting(text, &env(), expected).is_ok(), "{text}");
    }
}

#[test]
fn mistakes_in_messages_are_told_at_their_place() {
    let refused = |text: &str| told(text, &Template::compile(text, &env()).expect_err("must be refused"));
    assert_eq!(
        refused("{node.nam} has {size(node.nisc)} of {nodez}"),
        "{node.«nam»} has {size(node.nisc)} of {nodez}\n  Node has no field `nam`\n  (did you mean `name`?)\n\
         {node.nam} has {size(node.«nisc»)} of {nodez}\n  Node has no field `nisc`\n  (did you mean `nics`?)\n\
         {node.nam} has {size(node.nisc)} of {«nodez»}\n  unknown name `nodez`\n  (did you mean `node`?)\n"
    );
    assert_eq!(
        refused("a } b { } c {node.name"),
        "a «}» b { } c {node.name\n  this `}` closes nothing\n  (write `}}` for a brace in the text)\n\
         a } b «{ }» c {node.name\n  expected an expression between the braces\n  \
         (write `{{` and `}}` for braces in the text)\n\
         a } b { } c «{»node.name\n  this `{` is never closed\n  \
         (close it with `}`, or write `{{` for a brace in the text)\n"
    );
}
