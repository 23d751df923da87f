//! Links of Corosync as one node sees them: `corosync-cfgtool -s` and, with Corosync 3.1 and later, `-n` (root).
//!
//! The text changed with the releases: rings with a sentence each (2), links with `OK` or a line of numbers for each node
//! (3.0), links with a word for each node (3.1). A state that is not known is neither healthy nor not.

use crate::facts::CorosyncLink;
use std::collections::BTreeMap;

/// How a link stands towards one peer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    Connected,
    Disconnected,
    Unknown,
}

#[derive(Default)]
struct Draft {
    number: i64,
    address: Option<String>,
    status: Option<String>,
    ring: bool,
    /// Peers by name, the node itself left out.
    peers: Vec<(String, Peer)>,
}

/// Reads `corosync-cfgtool -s`, and `-n` where it was asked. `name` gives the name of a node id.
pub fn parse(text: &str, nodes: Option<&str>, name: impl Fn(i64) -> Option<String>) -> Vec<CorosyncLink> {
    let called = |id: &str| id.parse().ok().and_then(&name).unwrap_or_else(|| id.to_owned());
    let mut drafts: Vec<Draft> = Vec::new();
    for line in text.lines().map(str::trim) {
        let start = line.strip_prefix("LINK ID ").map(|rest| (rest, false));
        let start = start.or_else(|| line.strip_prefix("RING ID ").map(|rest| (rest, true)));
        if let Some((rest, ring)) = start {
            let number = rest.split_whitespace().next().and_then(|number| number.parse().ok());
            let known = number.is_some_and(|number| drafts.iter().any(|draft| draft.number == number));
            if let Some(number) = number.filter(|_| !known) {
                drafts.push(Draft { number, ring, ..Draft::default() });
            }
            continue;
        }
        let Some(draft) = drafts.last_mut() else { continue };
        if let Some((key, value)) = line.split_once('=') {
            match key.trim() {
                "addr" | "id" => draft.address = Some(value.trim().to_owned()),
                "status" => draft.status = Some(value.trim().to_owned()),
                _ => {}
            }
        } else if let Some(rest) = line.strip_prefix("nodeid:").or_else(|| line.strip_prefix("nodeid ")) {
            let Some((id, state)) = rest.split_once(':') else { continue };
            match state.trim() {
                "localhost" => {}
                "connected" => draft.peers.push((called(id.trim()), Peer::Connected)),
                "disconnected" => draft.peers.push((called(id.trim()), Peer::Disconnected)),
                _ => draft.peers.push((called(id.trim()), Peer::Unknown)),
            }
            draft.status.get_or_insert_default();
        } else if let Some((at, state)) = line.strip_prefix("node ").and_then(|rest| rest.split_once(':')) {
            // The number is a place in a list, not a node id.
            let peer = match (state.contains("link enabled:1"), state.contains("link connected:1")) {
                (true, true) => Peer::Connected,
                (true, false) if state.contains("link connected:0") => Peer::Disconnected,
                _ => Peer::Unknown,
            };
            draft.peers.push((format!("node {}", at.trim()), peer));
            draft.status.get_or_insert_default();
        }
    }
    let mtus = nodes.map(mtus);
    drafts.into_iter().map(|draft| draft.finish(mtus.as_ref())).collect()
}

impl Draft {
    fn finish(self, mtus: Option<&BTreeMap<i64, i64>>) -> CorosyncLink {
        let status = self.status.unwrap_or_default();
        let any = |wanted: Peer| self.peers.iter().any(|(_, peer)| *peer == wanted);
        let faulty = status.contains("FAULTY");
        let healthy = if any(Peer::Disconnected) || faulty {
            Some(false)
        } else if any(Peer::Unknown) {
            None
        } else if !self.peers.is_empty() || status == "OK" || status.ends_with("no faults") {
            Some(true)
        } else if is_brief(&status) {
            Some(status.chars().all(|letter| matches!(letter, 'n' | '3')))
        } else {
            None
        };
        let words: Vec<String> = self
            .peers
            .iter()
            .map(|(name, peer)| {
                let word = match peer {
                    Peer::Connected => "connected",
                    Peer::Disconnected => "disconnected",
                    Peer::Unknown => "unknown",
                };
                format!("{name} {word}")
            })
            .collect();
        CorosyncLink {
            number: self.number,
            address: self.address,
            healthy,
            disconnected: if self.peers.is_empty() {
                // These forms tell of no peer by name.
                (healthy == Some(true)).then(Vec::new)
            } else {
                let gone = self.peers.iter().filter(|(_, peer)| *peer == Peer::Disconnected);
                Some(gone.map(|(name, _)| name.clone()).collect())
            },
            status: Some(if faulty {
                "FAULTY".to_owned()
            } else if words.is_empty() {
                status
            } else {
                words.join(", ")
            })
            .filter(|status| !status.is_empty()),
            mtu: match mtus {
                Some(mtus) => Some(mtus.get(&self.number).copied().unwrap_or(0)),
                None => self.ring.then_some(0),
            },
        }
    }
}

/// One letter for each node: `n` the node itself, `3` enabled and connected, `1` enabled only.
fn is_brief(status: &str) -> bool {
    !status.is_empty() && status.chars().all(|letter| matches!(letter, 'n' | 'd' | '0'..='3'))
}

/// The least MTU of each link towards a peer, out of `corosync-cfgtool -n`.
fn mtus(text: &str) -> BTreeMap<i64, i64> {
    let mut out = BTreeMap::new();
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("LINK:") else { continue };
        let number = rest.split_whitespace().next().and_then(|number| number.parse::<i64>().ok());
        let mtu = rest.rsplit_once("mtu:").and_then(|(_, mtu)| mtu.trim().parse::<i64>().ok());
        if let (Some(number), Some(mtu)) = (number, mtu) {
            out.entry(number).and_modify(|known: &mut i64| *known = mtu.min(*known)).or_insert(mtu);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(id: i64) -> Option<String> {
        (id < 3).then(|| format!("node{id}"))
    }

    #[test]
    fn links_of_today_are_read() {
        let text = include_str!("../../../fixtures/linux/corosync-cfgtool-s.knet");
        let nodes = include_str!("../../../fixtures/linux/corosync-cfgtool-n.knet");
        let links = parse(text, Some(nodes), name);
        assert_eq!(links.len(), 2);
        assert_eq!((links[1].number, links[1].address.as_deref()), (1, Some("10.77.2.1")));
        assert_eq!((links[0].healthy, links[0].mtu), (Some(true), Some(1397)));
        assert_eq!(links[0].status.as_deref(), Some("node2 connected, 3 connected"));
        assert_eq!(parse(text, None, name)[0].mtu, None, "nobody told");
    }

    #[test]
    fn a_link_that_misses_a_peer_is_not_healthy() {
        let links = parse(include_str!("../../../fixtures/linux/corosync-cfgtool-s.knet-cut"), None, name);
        assert_eq!((links[0].healthy, links[1].healthy), (Some(true), Some(false)));
        assert_eq!(links[1].disconnected, Some(vec!["node2".to_owned()]));
    }

    #[test]
    fn rings_of_corosync_2_are_read() {
        let text = "Printing ring status.\nLocal node ID 1\nRING ID 0\n\tid\t= 10.0.0.1\n\tstatus\t= ring 0 active with no faults\n\
            RING ID 1\n\tid\t= 10.0.1.1\n\tstatus\t= Marking ringid 1 interface 10.0.1.1 FAULTY\n";
        let links = parse(text, None, name);
        assert_eq!((links[0].healthy, links[0].mtu), (Some(true), Some(0)));
        assert_eq!((links[1].healthy, links[1].status.as_deref()), (Some(false), Some("FAULTY")));
        assert_eq!(links[1].disconnected, None, "it does not say whom it misses");
    }

    #[test]
    fn links_of_the_first_releases_of_3_are_read() {
        let text = "Printing link status.\nLocal node ID 1\nLINK ID 0\n\taddr\t= 10.0.0.1\n\tstatus:\n\
            \t\tnode 0:\tlink enabled:1\tlink connected:1\n\t\tnode 1:\tlink enabled:1\tlink connected:0\n\
            LINK ID 1\n\taddr\t= 10.0.1.1\n\tstatus\t= OK\nLINK ID 2\n\taddr\t= 10.0.2.1\n\tstatus\t= n31\n\
            LINK ID 3\n\tstatus\t= n33\nLINK ID 4\n\tstatus\t= dancing\n";
        let healthy: Vec<_> = parse(text, None, name).into_iter().map(|link| link.healthy).collect();
        assert_eq!(healthy, [Some(false), Some(true), Some(false), Some(true), None]);
    }

    #[test]
    fn a_state_that_is_not_known_is_no_health() {
        let text = "LINK ID 0 udp\n\taddr\t= 10.0.0.1\n\tstatus:\n\t\tnodeid:  1:\tlocalhost\n\t\tnodeid:  2:\tresting\n";
        assert_eq!(parse(text, None, name)[0].healthy, None);
        assert!(parse("Could not initialize corosync configuration API error 2\n", None, name).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_can_be_read(text in "(LINK ID |RING ID |nodeid: |node |status|addr| = |:|[0-9n]|connected|LINK: |mtu: |\n|\t){0,80}") {
            parse(&text, Some(&text), name);
        }
    }

    #[test]
    fn the_public_samples_are_read() {
        if let Some(text) = crate::probe::linux::sample("ha_cluster_exporter/cfgtool-s.corosync2-faulty.txt")
        {
            let links = parse(&text, None, |_| None);
            assert_eq!((links[0].healthy, links[1].healthy), (Some(false), Some(true)));
        }
    }
}
