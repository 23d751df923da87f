//! Known answers.

use super::super::*;
use super::support::{Asked, answer, causes, cluster, compiled, env, evidence};

/// Each line is an expression and its value.
fn table(lines: &[(&str, &str)]) {
    for (text, value) in lines {
        assert_eq!(answer(text), *value, "{text}");
    }
}

#[test]
fn numbers() {
    table(&[
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("-7 % 3", "-1"),
        ("7 % -3", "1"),
        ("10 - 3 - 2", "5"),
        ("-(5)", "-5"),
        ("- -5", "5"),
        ("0x10", "16"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775807 + 1", "unknown"),
        ("-9223372036854775808 / -1", "unknown"),
        ("-9223372036854775808 % -1", "unknown"),
        ("-(-9223372036854775807 - 1)", "unknown"),
        ("1 / 0", "unknown"),
        ("1 % 0", "unknown"),
        ("2 > 1", "true"),
        ("2 >= 3", "false"),
        ("1 < 2 && 2 <= 2 && 3 != 4 && 4 == 4", "true"),
        ("true ? 1 : 2", "1"),
        ("false ? 1 : true ? 2 : 3", "2"),
        ("int('12') + int(3)", "15"),
        ("int(' 12')", "unknown"),
    ]);
}

#[test]
fn texts() {
    table(&[
        ("'a' + \"b\"", "ab"),
        ("'Äb'.size()", "2"),
        ("size('')", "0"),
        ("'abc'.startsWith('ab') && 'abc'.endsWith('bc') && 'abc'.contains('b')", "true"),
        ("'abc'.startsWith('b')", "false"),
        ("'Abc'.lowerAscii() == 'abc' && 'Abc'.upperAscii() == 'ABC'", "true"),
        ("'hv12'.matches('^hv[0-9]+$')", "true"),
        ("'xhv12'.matches(r'v\\d')", "true"),
        ("'xhv'.matches(r'^v\\d')", "false"),
        ("'a' < 'b' && 'B' < 'a'", "true"),
        (
            "string(12) + string(true) + string(version('1.2')) + string(cidr('10.0.0.0/8'))",
            "12true1.210.0.0.0/8",
        ),
        ("''", "(none)"),
    ]);
}

#[test]
fn lists() {
    table(&[
        ("[1, 2, 3]", "[1, 2, 3]"),
        ("[]", "(none)"),
        ("[1, 2] + [3]", "[1, 2, 3]"),
        ("[1, 2][1]", "2"),
        ("[1, 2][2]", "unknown"),
        ("[1, 2][-1]", "unknown"),
        ("2 in [1, 2]", "true"),
        ("3 in [1, 2]", "false"),
        ("1 in []", "false"),
        ("[1, 2] == [1, 2]", "true"),
        ("[1, 2] != [2, 1]", "true"),
        ("[[1], [2]] == [[1], [2]]", "true"),
        ("[1, 2, 3].all(x, x > 0)", "true"),
        ("[1, 2, 3].exists(x, x > 2)", "true"),
        ("[1, 2, 3].exists_one(x, x > 1)", "false"),
        ("[1, 2, 3].exists_one(x, x > 2)", "true"),
        ("[].all(x, false)", "true"),
        ("[].exists(x, true)", "false"),
        ("[1, 2, 3].filter(x, x != 2)", "[1, 3]"),
        ("[1, 2, 3].map(x, x * x)", "[1, 4, 9]"),
        ("[1, 2, 3].map(x, x > 1, x * 10)", "[20, 30]"),
        ("[3, 1, 2].sort()", "[1, 2, 3]"),
        ("[1, 2, 1].distinct()", "[1, 2]"),
        ("[[1], [], [2, 3]].flatten()", "[1, 2, 3]"),
        ("[3, 1, 2].min() + [3, 1, 2].max()", "4"),
        ("[1, 2].sum()", "3"),
        ("[].sum()", "0"),
        ("[1].filter(x, false).min()", "unknown"),
        ("['a', 'b'].join(', ')", "a, b"),
        ("[1, 2, 3, 4, 5, 6, 7]", "[1, 2, 3, 4, 5, … 7 in all]"),
        ("[version('1.10'), version('1.9')].max()", "1.10"),
        ("[1, 2].exists(x, [3, 4].exists(y, y == x + 2))", "true"),
        ("[9223372036854775807, 1].sum()", "unknown"),
    ]);
}

#[test]
fn facts() {
    table(&[
        ("cluster.votes", "3"),
        ("cluster.platform == 'wsfc'", "true"),
        ("nodes", "[hv1, hv2, hv3]"),
        ("nodes[0].os.build", "10.0.20348.2113"),
        ("node.name", "hv2"),
        ("nic.mtu == 1500", "true"),
        ("nodes.map(n, n.name).join('+')", "hv1+hv2+hv3"),
        ("nodes.filter(n, n.name != node.name)", "[hv1, hv3]"),
        ("size(networks.filter(n, n.role == 'cluster'))", "1 to 2"),
        ("networks.exists(n, n.role in ['storage', 'client'])", "true"),
        ("nodes.filter(n, n.reached).all(n, n.memory.total_bytes >= bytes('64 GiB'))", "true"),
        ("params.least + 1", "3"),
        ("params.allowed", "[KB1, KB9]"),
        ("'KB1' in params.allowed", "true"),
        ("nodes[0].updates.all(u, u in params.allowed)", "false"),
        ("params.strict && params.word == 'cluster'", "true"),
    ]);
}

#[test]
fn units() {
    table(&[
        ("witness.free_bytes", "512 MiB"),
        ("witness.free_bytes >= params.size", "true"),
        ("bytes('1 GiB') / bytes('512 MiB')", "2"),
        ("bytes('1 GiB') / 2", "512 MiB"),
        ("2 * bytes('1 GiB') - bytes('1 GiB')", "1 GiB"),
        ("duration('3s') + duration('500ms')", "3.5 s"),
        ("nodes[0].time.skew_ms < params.limit && nodes[0].time.skew_ms > -params.limit", "true"),
        ("rate('10 Gbit/s') == params.speed", "true"),
        ("nodes[0].nics.map(n, n.speed_bps).max()", "25 Gbit/s"),
        ("nodes[0].nics.map(n, n.speed_bps).sum() >= rate('35 Gbit/s')", "true"),
        ("nodes.map(n, n.memory.total_bytes)[0]", "64 GiB"),
        ("bytes('1 GiB') / bytes('0 B')", "unknown"),
        ("bytes('1 GiB') / 0", "unknown"),
        ("[].map(x, bytes('1 GiB')).sum()", "0 bytes"),
    ]);
}

#[test]
fn versions_and_subnets() {
    table(&[
        ("version(nodes[0].os.build) >= version('10.0.17763')", "true"),
        ("version('10.0.9') < version('10.0.10')", "true"),
        ("version('1.01') == version('1.1')", "true"),
        ("version(node.os.name) > version('1')", "unknown"),
        ("version(nodes[0].nics[1].driver) > version('1')", "unknown"),
        ("cidr('10.0.0.0/24').contains('10.0.0.7')", "true"),
        ("cidr('10.0.0.0/24').contains('10.0.1.7')", "false"),
        ("cidr('10.0.0.0/24').contains('fd00::1')", "false"),
        ("cidr('10.0.0.0/16').contains(cidr('10.0.3.0/24'))", "true"),
        ("cidr('10.0.0.9/24') == cidr('10.0.0.0/24')", "true"),
        ("cidr('10.0.0.0/16').overlaps(cidr('10.0.3.0/24'))", "true"),
        ("cidr('10.0.0.0/24').overlaps('10.0.1.0/24')", "false"),
        ("networks[1].subnets.exists(s, cidr(s).contains('10.0.2.127'))", "true"),
        ("networks[1].subnets.exists(s, cidr(s).contains('10.0.2.128'))", "false"),
        ("nodes[0].nics.all(n, n.addresses.exists(a, cidr('10.0.0.0/8').contains(a.address)))", "true"),
        ("node.nics.exists(n, n.addresses.exists(a, cidr('10.9.0.0/16').contains(a.address)))", "unknown"),
    ]);
}

#[test]
fn what_is_missing_is_unknown() {
    table(&[
        ("node.os.build", "unknown"),
        ("node.os.build == '1'", "unknown"),
        ("node.os.build != node.os.build", "unknown"),
        ("!(node.os.build == '1')", "unknown"),
        ("false && node.os.build == '1'", "false"),
        ("node.os.build == '1' && false", "false"),
        ("true || node.os.build == '1'", "true"),
        ("node.os.build == '1' || true", "true"),
        ("true && node.os.build == '1'", "unknown"),
        ("false || node.os.build == '1'", "unknown"),
        ("node.os.build == '1' ? 1 : 1", "unknown"),
        ("has(node.os.build)", "false"),
        ("has(nodes[0].os.build)", "true"),
        ("has(node.os)", "true"),
        ("has(nodes[2].os)", "false"),
        ("has(node.nics)", "true"),
        ("has(nodes[2].nics)", "false"),
        ("has(vms)", "false"),
        ("has(nodes[9].nics)", "false"),
        ("nodes[2].nics.all(n, true)", "unknown"),
        ("size(nodes[2].nics)", "unknown"),
        ("nodes.all(n, n.os.build == 'x')", "false"),
        ("nodes.all(n, n.os.build == '10.0.20348.2113')", "unknown"),
        ("nodes.exists(n, n.os.build == '10.0.20348.2113')", "true"),
        ("nodes.exists(n, n.os.build == 'x')", "unknown"),
        ("nodes.exists_one(n, n.os.build == '10.0.20348.2113')", "unknown"),
        ("nodes.exists_one(n, n.os.service_pack >= 0)", "false"),
        ("'x' in nodes.map(n, n.os.build)", "unknown"),
        ("'10.0.20348.2113' in nodes.map(n, n.os.build)", "true"),
        ("node.os.build in []", "false"),
        ("node.os.build in ['a']", "unknown"),
        ("nodes.map(n, n.os.build)", "[10.0.20348.2113, unknown, unknown]"),
        ("nodes.map(n, n.os.build) == ['x', 'y', 'z']", "false"),
        ("nodes.map(n, n.os.build) == ['x', 'y']", "false"),
        ("nodes.map(n, n.os.build) == ['10.0.20348.2113', 'y', 'z']", "unknown"),
        ("nodes.map(n, n.cpu.cores).sum()", "unknown"),
        ("nodes.map(n, n.name).sort()[0]", "hv1"),
        ("nodes.map(n, n.os.build).sort()[0]", "unknown"),
        ("nodes.map(n, n.os.build)[0]", "10.0.20348.2113"),
    ]);
}

#[test]
fn lists_with_undecided_elements_say_what_is_certain() {
    // Of hv2: eth0 is up with 1500, eth1 has no MTU, of eth2 it is not known whether it is up.
    table(&[
        ("node.nics.filter(n, n.link_up)", "[eth0, eth1, unknown]"),
        ("size(node.nics.filter(n, n.link_up))", "2 to 3"),
        ("node.nics.filter(n, n.link_up).size() >= 2", "true"),
        ("node.nics.filter(n, n.link_up).size() >= 4", "false"),
        ("node.nics.filter(n, n.link_up).size() >= 3", "unknown"),
        ("node.nics.filter(n, n.link_up).size() == 4", "false"),
        ("node.nics.filter(n, n.link_up).size() != 1", "true"),
        ("node.nics.filter(n, n.link_up).size() < 2", "false"),
        ("3 >= node.nics.filter(n, n.link_up).size()", "true"),
        ("size(node.nics.filter(n, n.link_up)) + 1 > 2", "true"),
        ("size(node.nics.filter(n, n.link_up)) - size(nodes) <= 0", "true"),
        ("size(node.nics.filter(n, n.link_up)) * 2 > 0", "unknown"),
        ("node.nics.filter(n, n.link_up)[1].name", "eth1"),
        ("node.nics.filter(n, n.link_up)[2].name", "unknown"),
        ("node.nics.filter(n, n.link_up)[3].name", "unknown"),
        ("node.nics.filter(n, n.link_up).exists(n, n.name == 'eth2')", "unknown"),
        ("node.nics.filter(n, n.link_up).exists(n, n.name == 'eth1')", "true"),
        ("node.nics.filter(n, n.link_up).all(n, n.name != 'eth2')", "unknown"),
        ("node.nics.filter(n, n.link_up).all(n, n.name.startsWith('eth'))", "true"),
        ("node.nics.filter(n, n.link_up).map(n, n.mtu)", "[1500, unknown, unknown]"),
        ("node.nics.map(n, n.link_up, n.name)", "[eth0, eth1, unknown]"),
        ("size(node.nics.map(n, n.mtu).distinct())", "1 to 2"),
        ("size(node.nics.map(n, n.mtu).distinct()) <= 2", "true"),
        ("size(nodes.filter(n, !n.reached).map(n, n.os.build).distinct())", "1"),
        ("size(nodes.map(n, n.nics).flatten())", "5 or more"),
        ("size(nodes.map(n, n.nics).flatten()) >= 5", "true"),
        ("size(nodes.map(n, n.nics).flatten()) < 5", "false"),
        ("size(nodes.map(n, n.nics).flatten()) == 5", "unknown"),
        ("nodes.map(n, n.nics).flatten().exists(n, n.mtu == 9000)", "true"),
        ("nodes.map(n, n.nics).flatten().all(n, n.mtu == 9000)", "false"),
        ("size(nodes[2].nics + node.nics) >= 3", "true"),
        ("'eth0' in node.nics.filter(n, n.link_up).map(n, n.name)", "true"),
        ("'eth2' in node.nics.filter(n, n.link_up).map(n, n.name)", "unknown"),
        ("'eth9' in node.nics.filter(n, n.link_up).map(n, n.name)", "false"),
        ("node.nics.filter(n, n.link_up).map(n, n.name).join(',')", "unknown"),
        ("[1, 2, 3, 1].filter(x, x > 1 || node.os.build == 'x').distinct()[0]", "unknown"),
    ]);
}

#[test]
fn causes_name_the_missing_facts() {
    assert_eq!(causes("node.os.build == '1'"), ["nodes[hv2].os.build"]);
    assert_eq!(causes("true && node.os.build == '1'"), ["nodes[hv2].os.build"]);
    assert_eq!(causes("false && node.os.build == '1'"), [""; 0]);
    assert_eq!(
        causes("nodes.all(n, n.os.build == '10.0.20348.2113')"),
        ["nodes[hv2].os.build", "nodes[hv3].os.build"]
    );
    assert_eq!(
        causes("nodes.all(n, n.nics.all(x, x.mtu > 1))"),
        ["nodes[hv2].nics[eth1].mtu", "nodes[hv3].nics"]
    );
    assert_eq!(causes("size(node.nics.filter(n, n.link_up)) >= 3"), ["nodes[hv2].nics[eth2].link_up"]);
    assert_eq!(
        causes("node.nics.filter(n, n.link_up).exists(n, n.name == 'eth2')"),
        ["nodes[hv2].nics[eth2].link_up"]
    );
    assert_eq!(causes("node.nics.filter(n, n.link_up)[2].name == 'a'"), ["nodes[hv2].nics[eth2].link_up"]);
    assert_eq!(causes("nodes.map(n, n.nics).flatten().size() == 5"), ["nodes[hv3].nics"]);
    assert_eq!(causes("nodes.map(n, n.os.build)[1] == 'a'"), ["nodes[hv2].os.build"]);
    assert_eq!(
        causes("nodes.map(n, n.os).exists(o, o.build == 'a')"),
        ["nodes[hv2].os.build", "nodes[hv3].os.build"]
    );
    assert_eq!(causes("nic.speed_bps > rate('1 Gbit/s')"), ["nodes[hv2].nics[eth0].speed_bps"]);
    assert_eq!(causes("!has(node.os.build) && node.time.synchronised"), ["nodes[hv2].time.synchronised"]);
    assert_eq!(
        causes("(node.os.build == 'a' || node.os.release == 'b') && node.os.build != 'c'"),
        ["nodes[hv2].os.build", "nodes[hv2].os.release"]
    );
    assert_eq!(causes("nodes.map(n, n.cpu.cores).sum() > 3"), ["nodes[hv3].cpu.cores"]);
    assert_eq!(causes("'x' in nodes.map(n, n.os.build)"), ["nodes[hv2].os.build", "nodes[hv3].os.build"]);
    assert_eq!(causes("'x' in nodes[2].updates"), ["nodes[hv3].updates"]);
    assert_eq!(causes("nodes.map(n, n.os.build)"), ["nodes[hv2].os.build", "nodes[hv3].os.build"]);
    assert_eq!(causes("node.nics.filter(n, n.link_up)"), ["nodes[hv2].nics[eth2].link_up"]);
}

#[test]
fn causes_say_what_cannot_be_used() {
    assert_eq!(
        causes("node.nics[2].addresses.all(a, cidr('10.0.0.0/8').contains(a.address))"),
        ["nodes[hv2].nics[eth2].addresses[not an address].address: `not an address` is no IP address"]
    );
    assert_eq!(
        causes("node.os.service_pack / (size(nodes) - 3) > 1"),
        [": division by zero in `node.os.service_pack / (size(nodes) - 3)`"]
    );
    assert_eq!(
        causes("nodes[7].name == 'a'"),
        ["nodes: there is no element [7] in a list of 3 in `nodes[7]`"]
    );
    assert_eq!(
        causes("version(nodes[0].nics[1].driver) > version('1')"),
        ["nodes[hv1].nics[eth1].driver: `` is no version"]
    );
    assert_eq!(causes("int(node.name) > 1"), ["nodes[hv2].name: `hv2` is no whole number"]);
    assert_eq!(causes("cidr(node.name).contains('10.0.0.1')"), ["nodes[hv2].name: `hv2` is no subnet"]);
    assert_eq!(
        causes("cluster.votes + 9223372036854775807 > 0"),
        [": the result does not fit a number of 64 bits in `cluster.votes + 9223372036854775807`"]
    );
}

#[test]
fn evidence_is_what_decided() {
    assert_eq!(
        evidence("nodes[0].nics.all(n, n.mtu == 1500)"),
        ["! nodes[hv1].nics[eth1]", "nodes[hv1].nics[eth1].mtu = 9000"]
    );
    assert_eq!(
        evidence("nodes[0].nics.exists(n, n.mtu == 9000)"),
        ["! nodes[hv1].nics[eth1]", "nodes[hv1].nics[eth1].mtu = 9000"]
    );
    assert_eq!(
        evidence("nodes[0].nics.exists(n, n.mtu == 1)"),
        ["nodes[hv1].nics[eth0].mtu = 1500", "nodes[hv1].nics[eth1].mtu = 9000"]
    );
    assert_eq!(
        evidence("witness.free_bytes >= params.size && cluster.votes > 2"),
        ["witness.free_bytes = 512 MiB", "params.size = 512 MiB", "cluster.votes = 3"]
    );
    assert_eq!(
        evidence("cluster.votes > 9 && nodes.all(n, n.reached)"),
        ["! nodes[hv3]", "cluster.votes = 3", "nodes[hv3].reached = false"]
    );
    assert_eq!(
        evidence("node.updates.exists(u, u == 'KB1')"),
        ["! nodes[hv2].updates[KB1]", "nodes[hv2].updates[KB1] = KB1"]
    );
    assert_eq!(evidence("has(node.os.build)"), ["nodes[hv2].os.build is missing"]);
    assert_eq!(evidence("'KB7' in node.updates"), ["nodes[hv2].updates = [KB1]"]);
    assert_eq!(
        evidence("node.nics.filter(n, n.link_up).size() >= 4"),
        [
            "nodes[hv2].nics[eth0].link_up = true",
            "nodes[hv2].nics[eth1].link_up = true",
            "nodes[hv2].nics[eth2].link_up is missing"
        ]
    );
}

#[test]
fn what_is_read_is_known_before() {
    let reads = |text: &str| compiled(text).reads().to_vec();
    assert_eq!(reads("node.os.build == nodes[0].os.build"), ["nodes.os.build"]);
    assert_eq!(
        reads("nodes.all(n, n.nics.filter(x, x.link_up).size() >= 2 && n.name != '')"),
        ["nodes.name", "nodes.nics.link_up"]
    );
    assert_eq!(reads("nodes.map(n, n.nics).flatten().exists(x, x.mtu == nic.mtu)"), ["nodes.nics.mtu"]);
    assert_eq!(reads("size(nodes) > 1 && has(node.os)"), ["nodes.os"]);
    assert_eq!(reads("size(nodes) > 1 && 1 in [cluster.votes]"), ["cluster.votes", "nodes"]);
    assert_eq!(reads("(true ? node : nodes[0]).name"), ["nodes.name"]);
    assert_eq!(reads("params.least > 1"), [""; 0]);
}

#[test]
fn lists_give_their_elements() {
    let (document, allowed) = (cluster(), Vec::new());
    let asked = Asked::new(&document, &allowed);
    let program = compiled("node.nics.filter(n, n.link_up).map(n, n.name)");
    let list = program.eval(&asked.scope());
    assert_eq!(list.count(), Some((2, Some(3))));
    let elements = list.elements().expect("a list");
    let shown: Vec<_> = elements.iter().map(|element| (element.value.to_string(), element.certain)).collect();
    assert_eq!(shown, [("eth0".to_owned(), true), ("eth1".to_owned(), true), ("eth2".to_owned(), false)]);
    let datum = |text: &'static str| Datum::Str(Text::Borrowed(text));
    assert_eq!(list.contains(&datum("eth0")), Some(true));
    assert_eq!(list.contains(&datum("eth2")), None);
    assert_eq!(list.contains(&datum("eth9")), Some(false));
    assert_eq!(list.datum(), None);
    let program = compiled("nodes.map(n, n.nics).flatten()");
    let list = program.eval(&asked.scope());
    assert_eq!(list.count(), Some((5, None)));
    assert!(list.elements().expect("a list").iter().any(|element| element.many));
    let program = compiled("nodes.map(n, n.name)");
    let known = program.eval(&asked.scope()).datum().expect("all names are known");
    assert_eq!(known, Datum::List(vec![datum("hv1"), datum("hv2"), datum("hv3")]));
}

#[test]
fn known_values_compare_as_expressions_do() {
    let (document, allowed) = (cluster(), Vec::new());
    let asked = Asked::new(&document, &allowed);
    let datum = |program: &'static str| {
        let program = Box::leak(Box::new(compiled(program)));
        program.eval(&asked.scope()).datum().expect("known")
    };
    let hash = |datum: &Datum<'_>| {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        BuildHasherDefault::<DefaultHasher>::default().hash_one(datum)
    };
    for (a, b) in [
        ("version('1.01')", "version('1.1')"),
        ("'a' + 'b'", "'ab'"),
        ("cidr('10.0.0.9/24')", "cidr('10.0.0.0/24')"),
        ("[1, 2]", "[1] + [2]"),
        ("nodes[0]", "nodes[0]"),
    ] {
        let (a, b) = (datum(a), datum(b));
        assert_eq!(a, b);
        assert_eq!(hash(&a), hash(&b), "{a}");
    }
    assert!(datum("version('1.10')") > datum("version('1.9')"));
    assert!(datum("nodes[0]") != datum("nodes[1]"));
    assert!(datum("1") != datum("bytes('1 B')"));
    assert_eq!(datum("bytes('1 GiB') + bytes('1 B')").precise(), "1.00 GiB (1073741825 bytes)");
    assert_eq!(datum("bytes('1 GiB')").precise(), "1 GiB");
    assert_eq!(datum("duration('2s')").amount(), Some(2_000_000_000));
}

#[test]
fn messages_are_written() {
    let (document, allowed) = (cluster(), Vec::new());
    let asked = Asked::new(&document, &allowed);
    let message =
        |text: &str| Template::compile(text, &env()).expect("a valid message").render(&asked.scope());
    assert_eq!(
        message("{node.name} has {size(node.nics)} interface(s), {params.least} wanted"),
        "hv2 has 3 interface(s), 2 wanted"
    );
    assert_eq!(message("{{{node.name}}} has {node.os.build}"), "{hv2} has unknown");
    assert_eq!(message("{'}' + \"{\"}"), "}{");
    assert_eq!(message(r"{'\'}' + r'\'}"), r"'}\");
    assert_eq!(message("{node.memory.total_bytes}, {nodes}, {node}"), "64 GiB, [hv1, hv2, hv3], hv2");
    assert_eq!(message("{size(node.nics.filter(n, n.link_up))} up"), "2 to 3 up");
    assert_eq!(message(""), "");
    assert_eq!(
        Template::compile("{nic.mtu} {node.name} {node.name}", &env()).expect("valid").reads(),
        ["nodes.name", "nodes.nics.mtu"]
    );
}

#[test]
fn what_nobody_vouches_for_is_unknown_and_never_false() {
    use crate::facts::{Attestation, Document};
    let said = |valid: Option<bool>, text: &str| {
        let document = Document {
            attestations: valid
                .map(|valid| Attestation {
                    subject: "cables".into(),
                    valid: Some(valid),
                    ..Attestation::default()
                })
                .into_iter()
                .collect(),
            ..Document::empty()
        };
        let program = compile(text, &Env::facts()).expect("it compiles");
        let scope = Scope { document: &document, values: &[], params: &[] };
        let why: Vec<_> = program.causes(&scope, &[]).into_iter().filter_map(|cause| cause.why).collect();
        (program.test(&scope), why.join("; "))
    };
    assert_eq!(said(Some(true), "attested('cables')"), (Some(true), String::new()));
    let (truth, why) = said(Some(false), "attested('cables')");
    assert!(truth.is_none() && why.contains("`cables` ran out"), "{why}");
    let (truth, why) = said(None, "attested('cables')");
    assert!(truth.is_none() && why.contains("nobody vouches for `cables`"), "{why}");
    assert_eq!(said(None, "!attested('cables')").0, None);
    assert_eq!(said(Some(true), "attested(\"it's cables\")").0, None);
    assert_eq!(said(None, "true || attested('cables')").0, Some(true));
    let program = compile("attested('x')", &Env::facts()).expect("it compiles");
    assert_eq!(program.reads(), ["attestations.subject", "attestations.valid"]);
    for wrong in ["attested('')", "attested(cluster.name)", "attested(1)", "attested('a', 'b')"] {
        assert!(compile(wrong, &Env::facts()).is_err(), "{wrong}");
    }
}
