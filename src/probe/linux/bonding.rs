//! Bonds by the bonding driver: `/proc/net/bonding/NAME` (any account).

use super::text::unique_by_key;
use crate::facts::{Bond, BondMember, Millis};

/// A bond, and the addresses burnt into the cards of its members as `(member, address)`: while it is enslaved, a card
/// shows the bond's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BondStatus {
    /// The bond.
    pub bond: Bond,
    /// Members and their permanent addresses.
    pub permanent: Vec<(String, String)>,
}

/// Reads the status of the bond of that name.
pub fn parse(name: &str, text: &str) -> BondStatus {
    let mut out =
        BondStatus { bond: Bond { name: name.to_owned(), ..Bond::default() }, permanent: Vec::new() };
    let mut members: Vec<BondMember> = Vec::new();
    for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        // Details of an 802.3ad partner are indented and repeat names of fields; so are those of the active aggregator.
        if key.starts_with([' ', '\t']) {
            if members.is_empty() && key.trim() == "Number of ports" {
                out.bond.ports = value.parse().ok();
            }
            continue;
        }
        match (key, members.last_mut()) {
            ("Bonding Mode", _) => out.bond.mode = Some(mode(value)),
            ("Currently Active Slave", _) => {
                out.bond.active = Some(if value == "None" { String::new() } else { value.to_owned() });
            }
            ("MII Polling Interval (ms)", _) => out.bond.miimon_ms = value.parse().ok().map(Millis),
            ("LACP rate", None) => out.bond.lacp_rate = Some(value.to_owned()),
            ("Slave Interface", _) => {
                members.push(BondMember { name: value.to_owned(), ..BondMember::default() });
            }
            ("MII Status", Some(member)) => member.link_up = Some(value == "up"),
            ("Link Failure Count", Some(member)) => member.failures = value.parse().ok(),
            ("Aggregator ID", Some(member)) => member.aggregator = value.parse().ok(),
            ("Permanent HW addr", Some(member)) => {
                out.permanent.push((member.name.clone(), value.to_ascii_lowercase()));
            }
            _ => {}
        }
    }
    if let Some(mode) = &out.bond.mode {
        if mode != "802.3ad" {
            (out.bond.lacp_rate, out.bond.ports) = (Some(String::new()), Some(0));
        }
        unique_by_key(&mut members, |member| &member.name);
        out.bond.members = Some(members);
    }
    out
}

/// The driver's sentence for a mode as the word that configures it.
fn mode(sentence: &str) -> String {
    let words = [
        ("round-robin", "balance-rr"),
        ("active-backup", "active-backup"),
        ("(xor)", "balance-xor"),
        ("(broadcast)", "broadcast"),
        ("802.3ad", "802.3ad"),
        ("transmit load balancing", "balance-tlb"),
        ("adaptive load balancing", "balance-alb"),
    ];
    let word = words.iter().find(|(part, _)| sentence.contains(part));
    word.map_or_else(|| sentence.to_owned(), |(_, word)| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_backup_is_read() {
        let status = parse("bond0", include_str!("../../../fixtures/linux/bonding.active-backup"));
        assert_eq!(status.bond.mode.as_deref(), Some("active-backup"));
        assert_eq!(status.bond.active.as_deref(), Some("ens1f0"));
        assert_eq!(status.bond.miimon_ms, Some(Millis(100)));
        assert_eq!((status.bond.lacp_rate.as_deref(), status.bond.ports), (Some(""), Some(0)));
        let members = status.bond.members.unwrap();
        assert_eq!(
            members[1],
            BondMember { name: "ens2f0".into(), link_up: Some(false), failures: Some(3), aggregator: None }
        );
        assert_eq!(status.permanent[1], ("ens2f0".to_owned(), "3c:fd:fe:0a:00:11".to_owned()));
    }

    #[test]
    fn lacp_partners_are_not_taken_for_members() {
        let status = parse("bond1", include_str!("../../../fixtures/linux/bonding.802.3ad"));
        assert_eq!(status.bond.mode.as_deref(), Some("802.3ad"));
        let members = status.bond.members.unwrap();
        let aggregators: Vec<_> =
            members.iter().map(|member| (member.name.as_str(), member.aggregator)).collect();
        assert_eq!(aggregators, [("ens1f1", Some(1)), ("ens2f1", Some(2))]);
        assert_eq!(status.bond.active, None);
        assert_eq!((status.bond.lacp_rate.as_deref(), status.bond.ports), (Some("slow"), Some(1)));
    }

    #[test]
    fn text_of_something_else_has_no_members() {
        assert_eq!(parse("bond0", "nonsense\n").bond.members, None);
    }

    #[test]
    fn the_public_sample_is_read() {
        let Some(text) = crate::probe::linux::sample("insights-core/proc_net_bonding.mode4.txt") else {
            return;
        };
        let status = parse("bond0", &text);
        assert_eq!(status.bond.mode.as_deref(), Some("802.3ad"));
        assert_eq!(status.bond.members.as_ref().map(Vec::len), Some(2));
        assert_eq!((status.bond.lacp_rate.as_deref(), status.bond.ports), (Some("slow"), Some(1)));
    }
}
