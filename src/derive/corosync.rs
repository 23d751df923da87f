//! Corosync on each node: where what runs is not what the file gives.
//!
//! A value that only one of the two tells is no difference: nobody knows.

use super::derived_gap;
use crate::facts::{Corosync, Document, Millis, Places};

/// Whether a path is that of a fact that is derived here.
pub(super) fn is_derived(path: &str) -> bool {
    path.starts_with("nodes[") && path.ends_with("].corosync.runtime.differences")
}

/// Fills `CorosyncRuntime.differences` of each node.
pub(super) fn relate(document: &mut Document) {
    let mut gaps = Vec::new();
    let found: Vec<_> = document.nodes.iter().map(|node| differences(&node.corosync)).collect();
    {
        let places = Places::new(document);
        for (node, found) in document.nodes.iter().zip(&found) {
            if found.is_none() && node.corosync.present == Some(true) {
                let path = |field: &str| format!("nodes[{}].corosync.{field}", node.name);
                let causes = [path("runtime.token_ms"), path("token_ms")];
                gaps.push(derived_gap(&places, path("runtime.differences"), &causes));
            }
        }
    }
    document.gaps.extend(gaps);
    for (node, found) in document.nodes.iter_mut().zip(found) {
        node.corosync.runtime.differences = found;
    }
}

/// The token time-out in force that the file gives: each node beyond the second adds to it.
fn effective_token(file: &Corosync) -> Option<i64> {
    let beyond = i64::try_from(file.nodelist.as_ref()?.len().saturating_sub(2)).ok()?;
    let token = file.token_ms?.0;
    if beyond == 0 {
        Some(token)
    } else {
        token.checked_add(file.token_coefficient_ms?.0.checked_mul(beyond)?)
    }
}

fn differences(file: &Corosync) -> Option<Vec<String>> {
    let running = &file.runtime;
    // Without either time-out of the token nothing was compared that matters.
    let (token, wanted) = (running.token_ms?.0, effective_token(file)?);
    let mut out = Vec::new();
    let mut compare = |name: &str, file: Option<i64>, running: Option<i64>| {
        // The daemon cuts fractions of what it multiplies.
        if let (Some(file), Some(running)) = (file, running)
            && (file - running).abs() > i64::from(name == "totem.consensus")
        {
            out.push(format!("{name}: file {file}, running {running}"));
        }
    };
    let millis = |time: Option<Millis>| time.map(|time| time.0);
    match millis(running.configured_token_ms) {
        Some(given) if millis(file.token_ms) != Some(given) => {
            compare("totem.token", millis(file.token_ms), Some(given));
        }
        _ => compare("totem.token in force", Some(wanted), Some(token)),
    }
    compare("totem.consensus", millis(file.consensus_ms), millis(running.consensus_ms));
    compare("totem.join", millis(file.join_ms), millis(running.join_ms));
    compare("totem.max_messages", file.max_messages, running.max_messages);
    compare("totem.token_retransmits_before_loss_const", file.token_retransmits, running.token_retransmits);
    compare("totem.config_version", file.config_version, running.config_version);
    compare("quorum.two_node", file.two_node.map(i64::from), running.two_node.map(i64::from));
    if let (Some(file), Some(running)) = (&file.transport, &running.transport)
        && file != running
    {
        out.push(format!("totem.transport: file {file}, running {running}"));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{GapReason, Places};
    use serde_json::{Value, json};

    fn completed(corosync: Value) -> Document {
        let json = json!({
            "schema": "quorate/1",
            "nodes": [{"name": "a", "corosync": corosync}],
            "gaps": [{"path": "nodes[a].corosync.runtime.token_ms", "reason": "permission-denied"}],
        });
        let mut document = Document::parse(json.to_string().as_bytes(), "test").expect("valid");
        crate::derive::complete(&mut document);
        document
    }

    fn found(corosync: Value) -> Option<Vec<String>> {
        completed(corosync).nodes[0].corosync.runtime.differences.clone()
    }

    fn three(token: i64, running: Value) -> Value {
        let nodes: Vec<Value> = ["a", "b", "c"].iter().map(|id| json!({"id": id})).collect();
        json!({
            "present": true, "token_ms": token, "token_coefficient_ms": 650, "consensus_ms": (token + 650) * 12 / 10,
            "join_ms": 50, "nodelist": nodes, "config_version": 3, "two_node": false, "transport": "knet", "runtime": running,
        })
    }

    #[test]
    fn a_file_that_is_in_force_differs_in_nothing() {
        let running = json!({"token_ms": 3650, "configured_token_ms": 3000, "consensus_ms": 4379, "join_ms": 50,
            "config_version": 3, "two_node": false, "transport": "knet"});
        assert_eq!(found(three(3000, running)), Some(vec![]));
        let by_default = json!({"token_ms": 3650, "consensus_ms": 4380});
        assert_eq!(found(three(3000, by_default)), Some(vec![]), "the daemon was given no token");
    }

    #[test]
    fn what_was_changed_and_not_loaded_is_named() {
        let running = json!({"token_ms": 3650, "configured_token_ms": 3000, "consensus_ms": 4380, "config_version": 2, "two_node": true, "transport": "udpu"});
        let all = found(three(5000, running)).expect("known");
        assert!(all.contains(&"totem.token: file 5000, running 3000".to_owned()), "{all:?}");
        assert!(all.contains(&"totem.consensus: file 6780, running 4380".to_owned()), "{all:?}");
        assert!(all.contains(&"totem.config_version: file 3, running 2".to_owned()), "{all:?}");
        assert!(all.contains(&"quorum.two_node: file 0, running 1".to_owned()), "{all:?}");
        assert!(all.contains(&"totem.transport: file knet, running udpu".to_owned()), "{all:?}");
        let grown = json!({"token_ms": 3000, "configured_token_ms": 3000});
        assert_eq!(
            found(three(3000, grown)),
            Some(vec!["totem.token in force: file 3650, running 3000".to_owned()])
        );
    }

    #[test]
    fn what_does_not_run_is_not_known() {
        let document = completed(three(3000, json!({})));
        assert_eq!(document.nodes[0].corosync.runtime.differences, None);
        let places = Places::new(&document);
        let gap = places.gap("nodes[a].corosync.runtime.differences").and_then(|gap| gap.reason);
        assert_eq!(gap, Some(GapReason::PermissionDenied));
        let mut again = document.clone();
        crate::derive::complete(&mut again);
        assert_eq!(serde_json::to_value(&document).ok(), serde_json::to_value(&again).ok());
    }
}
