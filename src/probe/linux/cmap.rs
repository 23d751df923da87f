//! What the running daemon of Corosync uses: `corosync-cmapctl` (root), with `-b` or without.
//!
//! Lines are `KEY (TYPE) = VALUE`. Keys of the configuration stand beside those of `runtime.`, which are what is in force.

use crate::facts::{CorosyncRuntime, Millis};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the map; nothing where no line of it is one. What the file says otherwise is for others to tell.
pub fn parse(text: &str) -> Option<CorosyncRuntime> {
    let map: BTreeMap<&str, &str> = text.lines().filter_map(entry).collect();
    if !map.keys().any(|key| key.starts_with("runtime.")) {
        return None;
    }
    let number = |key: &str| map.get(key)?.parse::<i64>().ok();
    let millis = |name: &str| number(&format!("runtime.config.totem.{name}")).map(Millis);
    let has = |prefix: &str| map.range(prefix..).next().is_some_and(|(key, _)| key.starts_with(prefix));
    let transport = match map.get("totem.transport") {
        Some(stated) => Some((*stated).to_owned()),
        // The map names it only where the file does; what else is in force tells the release.
        None if has("runtime.config.totem.knet_") => Some("knet".to_owned()),
        None if has("runtime.config.totem.rrp_") => Some("udp".to_owned()),
        None => None,
    };
    let interfaces: BTreeSet<&str> = map
        .keys()
        .filter_map(|key| key.strip_prefix("totem.interface.")?.strip_suffix(".bindnetaddr"))
        .collect();
    let longest = |name: &str| {
        let of_link = |key: &&str| {
            let (_, end) = key.strip_prefix("runtime.config.totem.interface.")?.split_once('.')?;
            (end == name).then_some(())
        };
        map.iter().filter(|(key, _)| of_link(key).is_some()).filter_map(|(_, value)| value.parse().ok()).max()
    };
    let joined = members(&map);
    Some(CorosyncRuntime {
        token_ms: millis("token"),
        consensus_ms: millis("consensus"),
        join_ms: millis("join"),
        max_messages: number("runtime.config.totem.max_messages"),
        token_retransmits: number("runtime.config.totem.token_retransmits_before_loss_const"),
        configured_token_ms: number("totem.token").map(Millis),
        transport,
        links: i64::try_from(interfaces.len()).ok().filter(|links| *links > 0),
        knet_ping_timeout_ms: longest("knet_ping_timeout").map(Millis),
        knet_ping_interval_ms: longest("knet_ping_interval").map(Millis),
        two_node: number("runtime.votequorum.two_node").map(|number| number != 0),
        config_version: match map.get("totem.config_version") {
            Some(stated) => stated.parse().ok(),
            None => Some(0),
        },
        member_config_versions: Some(
            joined
                .iter()
                .filter_map(|(_, version)| *version)
                .collect::<BTreeSet<i64>>()
                .into_iter()
                .collect(),
        )
        .filter(|versions: &Vec<i64>| !versions.is_empty()),
        members: Some(joined.into_iter().map(|(id, _)| id).collect::<Vec<_>>()).filter(|ids| !ids.is_empty()),
        differences: None,
    })
}

/// `KEY (TYPE) = VALUE`; the value may be empty.
fn entry(line: &str) -> Option<(&str, &str)> {
    let (head, value) = line.split_once(" = ").or_else(|| Some((line.strip_suffix(" =")?, "")))?;
    let (key, _) = head.rsplit_once(" (")?;
    Some((key.trim(), value.trim()))
}

/// Nodes that have joined, each with the number of its configuration. Corosync 2 keeps them deeper in the map.
fn members(map: &BTreeMap<&str, &str>) -> Vec<(i64, Option<i64>)> {
    let mut out = BTreeMap::new();
    for root in ["runtime.members.", "runtime.totem.pg.mrp.srp.members."] {
        for (key, value) in map {
            let Some(id) = key.strip_prefix(root).and_then(|rest| rest.strip_suffix(".status")) else {
                continue;
            };
            let (Ok(number), "joined") = (id.parse::<i64>(), *value) else { continue };
            let version = map.get(format!("{root}{id}.config_version").as_str());
            out.insert(number, version.and_then(|version| version.parse().ok()));
        }
    }
    out.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_in_force_are_read() {
        let runtime = parse(include_str!("../../../fixtures/linux/corosync-cmapctl.knet")).unwrap();
        assert_eq!((runtime.token_ms, runtime.configured_token_ms), (Some(Millis(3650)), Some(Millis(3000))));
        assert_eq!((runtime.consensus_ms, runtime.join_ms), (Some(Millis(4380)), Some(Millis(50))));
        assert_eq!((runtime.max_messages, runtime.token_retransmits), (Some(17), Some(4)));
        assert_eq!((runtime.transport.as_deref(), runtime.links), (Some("knet"), Some(2)));
        assert_eq!(runtime.knet_ping_timeout_ms, Some(Millis(1825)));
        assert_eq!((runtime.two_node, runtime.config_version), (Some(false), Some(1)));
        assert_eq!(runtime.members, Some(vec![1, 2, 3]));
        assert_eq!(runtime.member_config_versions, Some(vec![1]));
    }

    #[test]
    fn a_member_that_left_does_not_count() {
        let text = "runtime.members.1.status (str) = joined\nruntime.members.1.config_version (u64) = 4\n\
            runtime.members.2.status (str) = left\nruntime.members.2.config_version (u64) = 5\ntotem.cluster_name (str) =\n";
        let runtime = parse(text).unwrap();
        assert_eq!((runtime.members, runtime.member_config_versions), (Some(vec![1]), Some(vec![4])));
        assert_eq!((runtime.token_ms, runtime.transport), (None, None), "what is not said is not known");
    }

    #[test]
    fn an_error_is_no_map() {
        assert_eq!(parse("Failed to initialize the cmap API. Error CS_ERR_LIBRARY\n"), None);
        assert_eq!(parse(""), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_can_be_read(text in "(runtime\\.|totem\\.|members|interface|[.0-9a-z]| \\(| = |\n){0,120}") {
            parse(&text);
        }
    }

    #[test]
    fn the_public_samples_are_read() {
        if let Some(text) = crate::probe::linux::sample("trento-agent/corosynccmap-ctl.output") {
            let runtime = parse(&text).unwrap();
            assert_eq!(
                (runtime.token_ms, runtime.consensus_ms),
                (Some(Millis(30_000)), Some(Millis(36_000)))
            );
            assert_eq!((runtime.transport.as_deref(), runtime.links), (Some("udpu"), Some(1)));
            assert_eq!((runtime.two_node, runtime.members), (Some(true), Some(vec![1, 2])));
            assert_eq!(runtime.member_config_versions, Some(vec![0]));
        }
    }
}
