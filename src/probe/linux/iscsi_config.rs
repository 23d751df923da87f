//! What the iSCSI initiator is set to: node records as `iscsiadm -m node -o show` writes them, out of `/etc/iscsi/nodes` or
//! `/var/lib/iscsi/nodes`, `/etc/iscsi/iscsid.conf`, `/etc/iscsi/initiatorname.iscsi` (root on most distributions).
//!
//! Passwords are cut on the host, before this sees the text.

use super::iscsi_sessions::join;
use super::text::filled;
use crate::facts::{Iscsi, IscsiRecord, Seconds, Startup};
use std::collections::HashMap;

/// Reads node records: blocks between `# BEGIN RECORD` and `# END RECORD`.
pub fn records(text: &str) -> Vec<IscsiRecord> {
    let mut out = Vec::new();
    let mut fields: HashMap<&str, &str> = HashMap::new();
    let close = |fields: &mut HashMap<&str, &str>, out: &mut Vec<IscsiRecord>| {
        if fields.contains_key("node.name") {
            out.push(record(fields));
        }
        fields.clear();
    };
    for line in text.lines().map(str::trim) {
        if line.starts_with("# BEGIN RECORD") || line.starts_with("# END RECORD") {
            close(&mut fields, &mut out);
        } else if !line.starts_with('#')
            && let Some((key, value)) = line.split_once('=')
        {
            let key = key.trim();
            // Records of old releases have no marks: the name of the next one begins it.
            if key == "node.name" && fields.contains_key(key) {
                close(&mut fields, &mut out);
            }
            fields.insert(key, value.trim());
        }
    }
    close(&mut fields, &mut out);
    out.dedup();
    out
}

fn record(fields: &HashMap<&str, &str>) -> IscsiRecord {
    let get = |key: &str| fields.get(key).copied().filter(|value| !value.is_empty() && *value != "<empty>");
    let seconds = |key: &str| get(key).and_then(|value| value.parse().ok()).map(Seconds);
    IscsiRecord {
        target: get("node.name").map(str::to_owned),
        portal: get("node.conn[0].address").map(|at| join(at, get("node.conn[0].port").unwrap_or("3260"))),
        tpgt: get("node.tpgt").and_then(|tag| tag.parse().ok()),
        iface: get("iface.iscsi_ifacename").map(str::to_owned),
        startup: get("node.startup").and_then(|word| word.parse::<Startup>().ok()),
        replacement_timeout_s: seconds("node.session.timeo.replacement_timeout"),
        noop_out_interval_s: seconds("node.conn[0].timeo.noop_out_interval"),
        noop_out_timeout_s: seconds("node.conn[0].timeo.noop_out_timeout"),
        auth_method: get("node.session.auth.authmethod").map(str::to_owned),
    }
}

/// Reads `iscsid.conf`. Where it says nothing, logins start by hand and input and output wait 120 s, as open-iscsi has it;
/// the other defaults differ between its releases and stay missing.
pub fn iscsid_conf(text: &str) -> Iscsi {
    let fields: HashMap<&str, &str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim()))
        .collect();
    let seconds = |key: &str, default: Option<i64>| match fields.get(key) {
        Some(value) => value.parse().ok().map(Seconds),
        None => default.map(Seconds),
    };
    Iscsi {
        default_startup: match fields.get("node.startup") {
            Some(word) => word.parse().ok(),
            None => Some(Startup::Manual),
        },
        replacement_timeout_s: seconds("node.session.timeo.replacement_timeout", Some(120)),
        noop_out_interval_s: seconds("node.conn[0].timeo.noop_out_interval", None),
        noop_out_timeout_s: seconds("node.conn[0].timeo.noop_out_timeout", None),
        login_timeout_s: seconds("node.conn[0].timeo.login_timeout", None),
        ..Iscsi::default()
    }
}

/// Reads `initiatorname.iscsi`; empty where the file names none.
pub fn initiator_name(text: &str) -> String {
    let name = text.lines().find_map(|line| line.trim().strip_prefix("InitiatorName="));
    name.and_then(filled).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let all = records(include_str!("../../../fixtures/linux/iscsi-node-records"));
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].target.as_deref(), Some("iqn.2025-03.net.example:array1"));
        assert_eq!(all[0].portal.as_deref(), Some("10.20.1.10:3260"));
        assert_eq!((all[0].startup, all[1].startup), (Some(Startup::Automatic), Some(Startup::Manual)));
        assert_eq!(all[0].replacement_timeout_s, Some(Seconds(15)));
        assert_eq!(all[0].auth_method.as_deref(), Some("CHAP"));
        assert_eq!(all[1].portal.as_deref(), Some("[fd00:20::10]:3260"));
        assert!(records("iscsiadm: No records found\n").is_empty());
    }

    #[test]
    fn a_misspelt_startup_is_not_known() {
        assert_eq!(records("node.name = iqn.x:a\nnode.startup = automatc\n")[0].startup, None);
        assert_eq!(iscsid_conf("node.startup = automatc\n").default_startup, None);
    }

    #[test]
    fn defaults_apply_where_the_file_says_nothing() {
        let iscsi = iscsid_conf("# node.startup = automatic\nnode.conn[0].timeo.noop_out_interval = 0\n");
        assert_eq!(iscsi.default_startup, Some(Startup::Manual));
        assert_eq!(iscsi.replacement_timeout_s, Some(Seconds(120)));
        assert_eq!((iscsi.noop_out_interval_s, iscsi.noop_out_timeout_s), (Some(Seconds(0)), None));
        assert_eq!(iscsid_conf("node.startup = onboot").default_startup, Some(Startup::Onboot));
    }

    #[test]
    fn the_initiator_names_itself() {
        assert_eq!(
            initiator_name("## DO NOT EDIT\nInitiatorName=iqn.1993-08.org.debian:01:3f1c2a4b5d6e\n"),
            "iqn.1993-08.org.debian:01:3f1c2a4b5d6e"
        );
        assert_eq!(initiator_name("GenerateName=yes\n"), "");
    }
}
