//! A small cluster to ask, and short ways to ask it.

use super::super::*;
use crate::facts::{Document, Fact, Type, Value};

/// Two nodes, the second with facts missing, and a bit of everything that expressions can meet.
pub(super) const CLUSTER: &str = r#"{
    "schema": "quorate/1",
    "cluster": {"name": "c1", "platform": "wsfc", "release": "2022", "votes": 3},
    "nodes": [
        {"name": "hv1", "reached": true, "updates": ["KB1", "KB2"], "reboot_pending": false,
         "os": {"build": "10.0.20348.2113", "name": "Windows Server 2022", "service_pack": 0},
         "memory": {"total_bytes": 68719476736}, "cpu": {"cores": 16},
         "time": {"skew_ms": -250},
         "nics": [
            {"name": "eth0", "mtu": 1500, "link_up": true, "speed_bps": 10000000000, "driver": "ice",
             "addresses": [{"address": "10.0.0.11", "prefix": 24}]},
            {"name": "eth1", "mtu": 9000, "link_up": true, "speed_bps": 25000000000, "driver": "",
             "addresses": [{"address": "10.0.1.11", "prefix": 24}, {"address": "fd00::11", "prefix": 64}]}]},
        {"name": "hv2", "reached": true, "updates": ["KB1"],
         "os": {"name": "Windows Server 2022", "service_pack": 2},
         "memory": {"total_bytes": 68719476736}, "cpu": {"cores": 16},
         "nics": [
            {"name": "eth0", "mtu": 1500, "link_up": true, "addresses": [{"address": "10.0.0.12"}]},
            {"name": "eth1", "link_up": true},
            {"name": "eth2", "mtu": 1500, "addresses": [{"address": "not an address"}]}]},
        {"name": "hv3", "reached": false}
    ],
    "networks": [
        {"name": "heartbeat", "role": "cluster", "subnets": ["10.0.0.0/24"]},
        {"name": "san", "role": "storage", "subnets": ["10.0.1.0/24", "10.0.2.0/25"]},
        {"name": "lan"}
    ],
    "witness": {"kind": "disk", "lun": "iqn/w", "free_bytes": 536870912}
}"#;

pub(super) fn cluster() -> Document {
    Document::parse(CLUSTER.as_bytes(), "cluster.json").expect("the document is valid")
}

/// `node` is the second node, `nic` its first interface; some parameters.
pub(super) fn env() -> Env {
    let nic = crate::facts::Nic::fact_type();
    Env::facts().bind("node", crate::facts::Node::fact_type(), "nodes").bind("nic", nic, "nodes.nics").params(
        &[
            ("least".to_owned(), Type::Int),
            ("size".to_owned(), Type::Size),
            ("limit".to_owned(), Type::Duration),
            ("speed".to_owned(), Type::Rate),
            ("word".to_owned(), Type::Str),
            ("strict".to_owned(), Type::Bool),
            ("allowed".to_owned(), Type::List(Box::new(Type::Str))),
        ],
    )
}

/// What an expression is asked of.
pub(super) struct Asked<'a> {
    pub(super) document: &'a Document,
    values: [Value<'a>; 2],
    params: [Value<'a>; 7],
    pub(super) paths: [String; 2],
}

impl<'a> Asked<'a> {
    pub(super) fn new(document: &'a Document, allowed: &'a Vec<String>) -> Self {
        let node = &document.nodes[1];
        let nic = &node.nics.as_ref().expect("hv2 has interfaces")[0];
        Asked {
            document,
            values: [node.value(), nic.value()],
            params: [
                Value::Int(2),
                Value::Size(512 << 20),
                Value::Duration(1_000_000_000),
                Value::Rate(10_000_000_000),
                Value::Str("cluster"),
                Value::Bool(true),
                allowed.value(),
            ],
            paths: ["nodes[hv2]".to_owned(), "nodes[hv2].nics[eth0]".to_owned()],
        }
    }

    pub(super) fn scope(&self) -> Scope<'_, 'a> {
        Scope { document: self.document, values: &self.values, params: &self.params }
    }
}

/// Compiles, or tells what stands in the way.
pub(super) fn compiled(text: &str) -> Program {
    compile(text, &env()).unwrap_or_else(|errors| panic!("{text}\n{}", told(text, &errors)))
}

/// The value of an expression as people read it.
pub(super) fn answer(text: &str) -> String {
    let (document, allowed) = (cluster(), vec!["KB1".to_owned(), "KB9".to_owned()]);
    let asked = Asked::new(&document, &allowed);
    let program = compiled(text);
    let answer = program.eval(&asked.scope()).to_string();
    let explained = program.explain(&asked.scope(), &asked.paths);
    assert_eq!(
        explained.causes.is_empty(),
        program.eval(&asked.scope()).datum().is_some(),
        "{text}: causes exactly when something is unknown: {explained:?}"
    );
    answer
}

/// Causes as `path` or `path: why`.
pub(super) fn causes(text: &str) -> Vec<String> {
    let (document, allowed) = (cluster(), Vec::new());
    let asked = Asked::new(&document, &allowed);
    let causes = compiled(text).causes(&asked.scope(), &asked.paths);
    causes
        .into_iter()
        .map(|cause| match cause.why {
            Some(why) => format!("{}: {why}", cause.path),
            None => cause.path,
        })
        .collect()
}

/// Evidence as `path = value`, deciding elements as `! path`.
pub(super) fn evidence(text: &str) -> Vec<String> {
    let (document, allowed) = (cluster(), Vec::new());
    let asked = Asked::new(&document, &allowed);
    let explained = compiled(text).explain(&asked.scope(), &asked.paths);
    let deciding = explained.deciding.into_iter().map(|path| format!("! {path}"));
    let read = explained.evidence.into_iter().map(|read| match read.value {
        Some(value) => format!("{} = {value}", read.path),
        None => format!("{} is missing", read.path),
    });
    deciding.chain(read).collect()
}

/// Errors as the text with the place marked, the message and the help.
pub(super) fn told(text: &str, errors: &[ExprError]) -> String {
    let one = |error: &ExprError| {
        let (start, end) = (error.range.start, error.range.end);
        let help = error.help.as_ref().map_or(String::new(), |help| format!("  ({help})\n"));
        format!("{}«{}»{}\n  {}\n{help}", &text[..start], &text[start..end], &text[end..], error.message)
    };
    errors.iter().map(one).collect::<Vec<_>>().concat()
}
