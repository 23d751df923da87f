//! Expressions and messages: whatever a rule holds, it is compiled or refused at its place, and what is compiled evaluates
//! over facts with gaps to something known or to something with causes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::expr::{Env, ExprError, Scope, Template, compile};
use quorate::facts::{Document, Fact, Node, Type, Value};
use std::sync::LazyLock;

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let text = r#"{"schema": "quorate/1", "cluster": {"name": "c", "votes": 3},
        "nodes": [
            {"name": "hv1", "reached": true, "os": {"build": "10.0.1"}, "updates": ["KB1"],
             "nics": [{"name": "eth0", "mtu": 1500, "link_up": true}, {"name": "eth1", "driver": ""}]},
            {"name": "hv2", "memory": {"total_bytes": 1024}}],
        "networks": [{"name": "lan", "role": "client", "subnets": ["10.0.0.0/24"]}]}"#;
    Document::parse(text.as_bytes(), "facts").expect("the document is right")
});

fn check(text: &str, errors: &[ExprError]) {
    assert!(!errors.is_empty());
    for error in errors {
        assert!(text.get(error.range.clone()).is_some(), "{error:?}");
    }
}

fuzz_target!(|text: &str| {
    let env = Env::facts().bind("node", Node::fact_type(), "nodes").params(&[("limit".to_owned(), Type::Int)]);
    let values = [DOCUMENT.nodes[0].value()];
    let scope = Scope { document: &*DOCUMENT, values: &values, params: &[Value::Int(2)] };
    match compile(text, &env) {
        Ok(program) => {
            let value = program.eval(&scope);
            let explained = program.explain(&scope, &["nodes[hv1]".to_owned()]);
            // A run that keeps what it reads gives up sooner.
            assert!(explained.more || value.datum().is_none() != explained.causes.is_empty());
            let _ = (value.to_string(), value.count(), value.elements());
        }
        Err(errors) => check(text, &errors),
    }
    match Template::compile(text, &env) {
        Ok(template) => drop(template.render(&scope)),
        Err(errors) => check(text, &errors),
    }
});
