//! Software teams: `teamdctl NAME state dump` (root, or the group of the daemon's socket).

use super::text::unique_by_key;
use crate::facts::{Bond, BondMember};
use serde_json::Value;

/// Reads the state of the team of that name.
///
/// # Errors
/// What is wrong with the JSON.
pub fn parse(name: &str, json: &str) -> Result<Bond, serde_json::Error> {
    let state: Value = serde_json::from_str(json)?;
    let ports = state["ports"].as_object();
    let mut members: Vec<BondMember> = ports
        .into_iter()
        .flatten()
        .map(|(name, port)| BondMember {
            name: name.clone(),
            link_up: port["link"]["up"].as_bool(),
            failures: None,
            aggregator: port["runner"]["aggregator"]["id"].as_i64(),
        })
        .collect();
    unique_by_key(&mut members, |member| &member.name);
    Ok(Bond {
        name: name.to_owned(),
        mode: state["setup"]["runner_name"].as_str().map(str::to_owned),
        active: state["runner"]["active_port"].as_str().map(str::to_owned),
        members: Some(members),
        ports: state["setup"]["runner_name"].as_str().filter(|name| *name != "lacp").map(|_| 0),
        lacp_rate: match state["runner"]["fast_rate"].as_bool() {
            Some(fast) => Some(if fast { "fast" } else { "slow" }.to_owned()),
            None => {
                state["setup"]["runner_name"].as_str().filter(|name| *name != "lacp").map(|_| String::new())
            }
        },
        ..Bond::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_is_read() {
        let json = r#"{"ports":{"ens1f0":{"ifinfo":{"ifname":"ens1f0"},"link":{"duplex":"full","speed":10000,"up":true},
            "link_watches":{"up":true}},"ens2f0":{"link":{"up":false}}},
            "runner":{"active_port":"ens1f0"},"setup":{"kernel_team_mode_name":"activebackup","runner_name":"activebackup"},
            "team_device":{"ifinfo":{"ifname":"team0"}}}"#;
        let team = parse("team0", json).unwrap();
        assert_eq!((team.mode.as_deref(), team.active.as_deref()), (Some("activebackup"), Some("ens1f0")));
        let members: Vec<_> = team.members.iter().flatten().map(|m| (m.name.as_str(), m.link_up)).collect();
        assert_eq!(members, [("ens1f0", Some(true)), ("ens2f0", Some(false))]);
        assert!(parse("team0", "libteamdctl: cli_usock_process_msg").is_err());
    }
}
