//! Quorum as one node sees it: `corosync-quorumtool -s` (any account; it ends with 2 where there is no quorum), and the
//! quorum device by its own word: `corosync-qdevice-tool -s` (root).

use crate::facts::Quorum;

/// Reads `corosync-quorumtool -s`, and whether the quorum device gave this node its vote, where there is a device.
/// Nothing where the text is none of it.
pub fn parse(text: &str) -> Option<(Quorum, Option<bool>)> {
    let mut quorum = Quorum::default();
    let mut vote = None;
    // The column of the device is there only where there is a device.
    let mut table: Option<bool> = None;
    let mut members = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.starts_with(&["Nodeid", "Votes"]) {
            table = Some(words.get(2) == Some(&"Qdevice"));
        } else if let Some(device) = table {
            let (Some(id), Some(_)) = (words.first(), words.get(1)) else { continue };
            let Ok(number) = id.parse::<i64>() else { continue };
            if number == 0 {
                continue;
            }
            let mut rest = words.get(2..).unwrap_or_default();
            let flags = if device { rest.first().copied() } else { None };
            rest = rest.get(usize::from(flags.is_some())..).unwrap_or_default();
            let local = rest.last() == Some(&"(local)");
            let name = rest.first().filter(|name| **name != "(local)");
            members.push(name.map_or_else(|| (*id).to_owned(), |name| (*name).to_owned()));
            if let Some(flags) = flags.filter(|_| local) {
                vote = Some(
                    flags.split(',').any(|flag| flag == "V") && flags.split(',').any(|flag| flag == "A"),
                );
            }
        } else if let Some((key, value)) = line.split_once(':') {
            let number = || value.split_whitespace().next().and_then(|word| word.parse::<i64>().ok());
            match key.trim() {
                "Nodes" => quorum.nodes = number(),
                "Quorate" => {
                    quorum.quorate = match value.trim() {
                        "Yes" => Some(true),
                        "No" => Some(false),
                        _ => None,
                    }
                }
                "Expected votes" => quorum.expected_votes = number(),
                "Highest expected" => quorum.highest_expected = number(),
                "Total votes" => quorum.total_votes = number(),
                "Quorum" => quorum.quorum = number(),
                "Flags" => quorum.flags = Some(value.split_whitespace().map(str::to_owned).collect()),
                _ => {}
            }
        }
    }
    if table.is_some() {
        quorum.members = Some(members);
    }
    (quorum != Quorum::default()).then_some((quorum, vote))
}

/// State of the quorum device out of `corosync-qdevice-tool -s`: `Connected`.
pub fn device_state(text: &str) -> Option<String> {
    let state = text.lines().find_map(|line| line.trim().strip_prefix("State:"))?;
    Some(state.trim().to_owned()).filter(|state| !state.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quorum_is_read() {
        let (quorum, vote) = parse(include_str!("../../../fixtures/linux/corosync-quorumtool-s")).unwrap();
        assert_eq!((quorum.quorate, quorum.nodes, quorum.quorum), (Some(true), Some(3), Some(2)));
        assert_eq!(
            (quorum.expected_votes, quorum.highest_expected, quorum.total_votes),
            (Some(3), Some(3), Some(3))
        );
        assert_eq!(quorum.flags, Some(vec!["Quorate".to_owned()]));
        assert_eq!(quorum.members, Some(vec!["node1".into(), "node2".into(), "node3".into()]));
        assert_eq!(vote, None, "there is no device");
    }

    #[test]
    fn a_blocked_partition_and_a_device_are_read() {
        let text = "Quorate:          No\nExpected votes:   4\nTotal votes:      1\nQuorum:           3 Activity blocked\nFlags:            Qdevice \n\n\
            Membership information\n----------------------\n    Nodeid      Votes    Qdevice Name\n\
            \u{20}        1          1    A,NV,NMW node1 (local)\n         0          0            Qdevice (votes 1)\n";
        let (quorum, vote) = parse(text).unwrap();
        assert_eq!((quorum.quorate, quorum.quorum), (Some(false), Some(3)));
        assert_eq!((quorum.members, vote), (Some(vec!["node1".to_owned()]), Some(false)));
        let voted = text.replace("A,NV,NMW", "A,V,NMW");
        assert_eq!(parse(&voted).unwrap().1, Some(true));
        assert_eq!(parse(&text.replace("A,NV,NMW", "NR")).unwrap().1, Some(false));
        assert_eq!(parse("Cannot initialize QUORUM service\n"), None);
    }

    #[test]
    fn the_device_tells_its_state() {
        let text = "Qdevice information\n-------------------\nModel:                  Net\nNode ID:                1\n\n\
            Qdevice-net information\n----------------------\nCluster name:           lab\nQNetd host:             10.77.1.254:5403\n\
            Algorithm:              Fifty-Fifty split\nTie-breaker:            Node with lowest node ID\nState:                  Connected\n";
        assert_eq!(device_state(text).as_deref(), Some("Connected"));
        assert_eq!(device_state("Can't connect to QDevice socket (is QDevice running?)"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_can_be_read(text in "(Nodeid Votes|Qdevice|Name|Quorate: |Quorum: |Flags: |[0-9]{1,3}| A,V| NR|\\(local\\)| |\n){0,60}") {
            parse(&text);
            device_state(&text);
        }
    }

    #[test]
    fn the_public_samples_are_read() {
        if let Some(text) = crate::probe::linux::sample("ha_cluster_exporter/quorumtool-s.2node-qdevice.txt")
        {
            let (quorum, vote) = parse(&text).unwrap();
            assert_eq!((quorum.quorate, quorum.quorum, vote), (Some(true), Some(1), Some(false)));
            assert_eq!(quorum.members.map(|members| members.len()), Some(2));
        }
    }
}
