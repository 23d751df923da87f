//! Hosts of virtual machines: the nodes themselves, where the nodes are hosts.
//!
//! A rule about a host so has one list to ask, whether the cluster is made of hosts or of virtual machines on hosts that the
//! plan declares. What is missing of a node is missing of the host, for the same reason.

use super::derived_source;
use crate::facts::{Document, Gap, GapReason, Host, Layout, Node, Source};

/// Fills `Document.hosts`.
pub(super) fn relate(document: &mut Document) {
    document.gaps.retain(|gap| gap.path != "hosts");
    match document.cluster.layout {
        Some(Layout::Host) => {
            document.gaps.retain(|gap| !gap.path.starts_with("hosts["));
            document.sources.retain(|source| !is_of_host(&source.path));
            document.hosts = Some(document.nodes.iter().map(host).collect());
            let gaps: Vec<Gap> = document
                .gaps
                .iter()
                .filter_map(|gap| Some(Gap { path: below_host(&gap.path)?, ..gap.clone() }))
                .collect();
            document.gaps.extend(gaps);
            let sources: Vec<Source> = document
                .sources
                .iter()
                .filter_map(|source| Some(Source { path: below_host(&source.path)?, ..source.clone() }))
                .collect();
            document.sources.extend(sources);
            document.sources.push(derived_source("hosts".to_owned(), "the nodes, which are the hosts"));
        }
        // No virtual machine plays a part, so that there is no host of one.
        Some(Layout::Physical) => {
            document.hosts.get_or_insert_default();
        }
        layout if document.hosts.is_none() && (layout.is_some() || document.vms.is_some()) => {
            let detail = match layout {
                Some(_) => "the plan declares no hosts of the virtual nodes",
                None => "cluster.layout: not known whether the nodes are hosts",
            };
            document.gaps.push(Gap {
                path: "hosts".to_owned(),
                reason: Some(GapReason::NotDeclared),
                detail: Some(detail.to_owned()),
            });
        }
        _ => {}
    }
}

fn host(node: &Node) -> Host {
    let addresses = node.nics.as_ref().and_then(|nics| {
        let known: Option<Vec<_>> = nics.iter().map(|nic| nic.addresses.as_ref()).collect();
        Some(known?.into_iter().flatten().map(|address| address.address.clone()).collect())
    });
    Host {
        name: node.name.clone(),
        os: node.os.clone(),
        hardware: node.hardware.clone(),
        memory: node.memory.clone(),
        hypervisor: node.hypervisor.clone(),
        addresses,
    }
}

fn is_of_host(path: &str) -> bool {
    path == "hosts" || path.starts_with("hosts[")
}

/// What is said of that path of a node, said of the host that the node is; none for what a host does not have.
fn below_host(path: &str) -> Option<String> {
    const SHARED: [&str; 4] = ["os", "hardware", "memory", "hypervisor"];
    let rest = path.strip_prefix("nodes[")?;
    // Names of nodes may hold a `]` no more than they may hold a space.
    let (name, below) = rest.split_once(']')?;
    let field = below.strip_prefix('.').unwrap_or(below);
    let first = field.split(['.', '[']).next().unwrap_or(field);
    if field.is_empty() || SHARED.contains(&first) {
        return Some(format!("hosts[{name}]{below}"));
    }
    (first == "nics" && (field == "nics" || field.ends_with(".addresses")))
        .then(|| format!("hosts[{name}].addresses"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Places;
    use serde_json::{Value, json};

    fn completed(mut json: Value) -> Document {
        json["schema"] = "quorate/1".into();
        let mut document = Document::parse(json.to_string().as_bytes(), "test").expect("valid");
        crate::derive::complete(&mut document);
        document
    }

    #[test]
    fn nodes_that_are_hosts_are_the_hosts() {
        let document = completed(json!({
            "cluster": {"layout": "host"},
            "nodes": [
                {"name": "a.example", "os": {"release": "2003"}, "hypervisor": {"product": "virtual-server"},
                 "nics": [{"name": "e0", "addresses": [{"address": "10.0.0.1"}]}]},
                {"name": "b", "nics": [{"name": "e0"}]},
            ],
            "gaps": [{"path": "nodes[b]", "reason": "unreachable"}, {"path": "nodes[a.example].os.edition", "reason": "not-declared"}],
        }));
        let hosts = document.hosts.as_ref().expect("derived");
        assert_eq!(hosts[0].os.release.as_deref(), Some("2003"));
        assert_eq!(hosts[0].addresses.as_deref(), Some(&["10.0.0.1".to_owned()][..]));
        assert_eq!(hosts[1].addresses, None, "one interface that is not known is enough");
        let places = Places::new(&document);
        let reason = |path| places.gap(path).and_then(|gap| gap.reason);
        assert_eq!(reason("hosts[b].os.release"), Some(GapReason::Unreachable));
        assert_eq!(reason("hosts[a.example].os.edition"), Some(GapReason::NotDeclared));
        assert_eq!(reason("hosts[a.example].os.release"), None);
        assert_eq!(reason("hosts"), None);
    }

    #[test]
    fn completing_twice_changes_nothing() {
        let once = completed(json!({
            "cluster": {"layout": "host"},
            "nodes": [{"name": "a", "os": {"release": "2003"}}],
            "gaps": [{"path": "nodes[a].os.edition", "reason": "not-declared"}],
        }));
        let mut twice = once.clone();
        crate::derive::complete(&mut twice);
        let json = |document: &Document| serde_json::to_value(document).expect("JSON");
        assert_eq!(json(&once), json(&twice));
    }

    #[test]
    fn hosts_below_virtual_nodes_are_those_of_the_plan() {
        let declared = completed(json!({
            "cluster": {"layout": "guest"}, "nodes": [{"name": "a"}],
            "hosts": [{"name": "h", "os": {"release": "2003"}}],
            "gaps": [{"path": "hosts[h].os.edition", "reason": "not-declared"}],
        }));
        assert_eq!(declared.hosts.as_ref().map(Vec::len), Some(1));
        assert!(declared.gaps.iter().any(|gap| gap.path == "hosts[h].os.edition"));
        let detail = |document: &Document| {
            let gap = document.gaps.iter().find(|gap| gap.path == "hosts");
            gap.and_then(|gap| gap.detail.clone()).unwrap_or_default()
        };
        let silent = completed(json!({"cluster": {"layout": "guest"}, "nodes": [{"name": "a"}]}));
        assert_eq!(silent.hosts.as_ref().map(Vec::len), None);
        assert!(detail(&silent).contains("declares no hosts"));
        let open = completed(json!({"nodes": [{"name": "a"}], "vms": []}));
        assert!(detail(&open).contains("cluster.layout"));
        let physical = completed(json!({"cluster": {"layout": "physical"}, "nodes": [{"name": "a"}]}));
        assert_eq!(physical.hosts.as_ref().map(Vec::len), Some(0));
    }
}
