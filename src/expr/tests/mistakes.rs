//! Wrong expressions.

use super::super::*;
use super::support::{env, told};

fn mistakes(text: &str) -> String {
    match compile(text, &env()) {
        Ok(program) => panic!("{text} was accepted: {:?}", program.ty()),
        Err(errors) => told(text, &errors),
    }
}

#[test]
fn dump() {
    for text in [
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
    ] {
        println!("{}", mistakes(text));
    }
}
