//! What each way between nodes is for, what it should carry, and what the way back carries.

use super::derived_gap;
use crate::facts::{Document, Link, LinkKind, Places};
use std::collections::HashMap;

/// Facts of a way that this room writes.
const DERIVED: &[&str] = &["role", "wanted_mtu", "back_reachable", "back_path_mtu"];

/// Whether a path is that of a fact of a way that is derived.
pub(super) fn is_derived(path: &str) -> bool {
    path.starts_with("links[") && path.rsplit_once("].").is_some_and(|(_, field)| DERIVED.contains(&field))
}

/// Where a way leads: from, to, network, and whether over IPv6.
type Direction<'a> = (&'a str, &'a str, &'a str, bool);

/// What came through on a way: anything at all, and how large.
type Carried = (Option<bool>, Option<i64>);

/// Fills `Link.role`, `Link.wanted_mtu`, `Link.back_reachable` and `Link.back_path_mtu`.
pub(super) fn relate(document: &mut Document) {
    let Some(mut links) = document.links.take() else { return };
    let carried: HashMap<Direction<'_>, Carried> =
        links.iter().filter_map(|link| Some((direction(link)?, (link.reachable, link.path_mtu)))).collect();
    let back: Vec<Option<Option<Carried>>> = links
        .iter()
        .map(|link| {
            let (from, to, network, v6) = direction(link)?;
            Some(carried.get(&(to, from, network, v6)).copied())
        })
        .collect();
    drop(carried);
    let mut gaps = Vec::new();
    {
        let places = Places::new(document);
        for (link, back) in links.iter_mut().zip(back) {
            of_network(link, document);
            // What is no way between nodes, or has no known ends, has no way back.
            let Some(back) = back else { continue };
            (link.back_reachable, link.back_path_mtu) = back.unwrap_or_default();
            let other = link.to.clone().unwrap_or_default();
            for (field, missing) in [
                ("back_reachable", link.back_reachable.is_none()),
                ("back_path_mtu", link.back_path_mtu.is_none()),
            ] {
                if missing {
                    let name = format!("links[{}]", reversed(link));
                    let causes = [name, format!("nodes[{other}]"), "links".to_owned()];
                    gaps.push(derived_gap(&places, format!("links[{}].{field}", link.name), &causes));
                }
            }
        }
    }
    document.links = Some(links);
    document.gaps.extend(gaps);
}

/// The name of the way back.
fn reversed(link: &Link) -> String {
    let (from, to) = (link.from.as_deref().unwrap_or_default(), link.to.as_deref().unwrap_or_default());
    let rest = link.name.strip_prefix(&format!("{from} > {to}")).unwrap_or_default();
    format!("{to} > {from}{rest}")
}

/// The direction of a way between two nodes over which ICMP was sent.
fn direction(link: &Link) -> Option<Direction<'_>> {
    if link.kind != Some(LinkKind::Icmp) || link.to_kind.as_deref().is_some_and(|kind| kind != "node") {
        return None;
    }
    let v6 = link.address.as_deref().is_some_and(|address| address.contains(':'));
    Some((link.from.as_deref()?, link.to.as_deref()?, link.network.as_deref()?, v6))
}

fn of_network(link: &mut Link, document: &Document) {
    let planned = link
        .network
        .as_deref()
        .and_then(|name| document.networks.iter().find(|network| network.name == name));
    link.role = match (planned, &link.network) {
        (Some(network), _) => network.role.map(|role| role.word().to_owned()),
        (None, Some(_)) => Some(String::new()),
        (None, None) => None,
    };
    link.wanted_mtu = planned.and_then(|network| network.expected_mtu).or(link.interface_mtu);
}

#[cfg(test)]
mod tests {
    use crate::derive::completed as document;
    use crate::facts::GapReason;

    const TWO: &str = r#"{"schema":"quorate/1",
      "networks":[{"name":"lan","role":"cluster","subnets":["10.0.0.0/24"],"expected_mtu":9000}],
      "nodes":[{"name":"a"},{"name":"b"},{"name":"c","reached":false}],
      "links":[
        {"name":"a > b lan icmp","kind":"icmp","from":"a","to":"b","to_kind":"node","network":"lan","address":"10.0.0.2","reachable":true,"path_mtu":9000,"interface_mtu":9000},
        {"name":"b > a lan icmp","kind":"icmp","from":"b","to":"a","to_kind":"node","network":"lan","address":"10.0.0.1","reachable":false,"path_mtu":0,"interface_mtu":1500},
        {"name":"a > c link 0 icmp","kind":"icmp","from":"a","to":"c","to_kind":"node","network":"link 0","address":"10.0.0.3","reachable":true,"path_mtu":1500,"interface_mtu":1500},
        {"name":"a > 10.9.0.1:3260","kind":"tcp","from":"a","to":"10.9.0.1:3260","to_kind":"portal","network":"","address":"10.9.0.1","port":3260,"reachable":true}],
      "gaps":[{"path":"nodes[c]","reason":"unreachable","detail":"ssh: no route to host"}]}"#;

    #[test]
    fn a_way_knows_its_network_and_the_way_back() {
        let document = document(TWO);
        let links = document.links.as_ref().expect("links");
        assert_eq!((links[0].role.as_deref(), links[0].wanted_mtu), (Some("cluster"), Some(9000)));
        assert_eq!((links[0].back_reachable, links[0].back_path_mtu), (Some(false), Some(0)));
        assert_eq!((links[1].back_reachable, links[1].back_path_mtu), (Some(true), Some(9000)));
        assert_eq!(links[1].wanted_mtu, Some(9000), "the plan comes before the interface");
        assert_eq!((links[2].role.as_deref(), links[2].wanted_mtu), (Some(""), Some(1500)));
        assert_eq!((links[3].role.as_deref(), links[3].back_reachable), (Some(""), None));
    }

    #[test]
    fn a_way_back_that_nobody_measured_is_unknown_and_says_why() {
        let document = document(TWO);
        let links = document.links.as_ref().expect("links");
        assert_eq!(links[2].back_reachable, None);
        let path = "links[a > c link 0 icmp].back_reachable";
        let gap = document.gaps.iter().find(|gap| gap.path == path).expect("a gap");
        assert_eq!(gap.reason, Some(GapReason::Unreachable));
        assert!(gap.detail.as_deref().is_some_and(|detail| detail.contains("no route to host")), "{gap:?}");
        assert!(!document.gaps.iter().any(|gap| gap.path.contains("3260")), "a portal has no way back");
    }

    #[test]
    fn deriving_twice_is_deriving_once() {
        let once = document(TWO);
        let mut twice = once.clone();
        crate::derive::complete(&mut twice);
        assert_eq!(once, twice);
    }
}
