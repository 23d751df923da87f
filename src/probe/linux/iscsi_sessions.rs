//! Live iSCSI sessions: `/sys/class/iscsi_session` and `iscsi_connection` (any account), `iscsiadm -m session -P 3` (root);
//! in support bundles also `-P 1`, which tells neither time-outs nor disks.

use super::text::{attributes, links, unique_by_key};
use crate::facts::{Bytes, IscsiSession, Seconds};
use std::collections::{BTreeMap, HashMap};

/// Reads `iscsiadm -m session -P 3` or `-P 1`. A target may own several sessions without its line being repeated.
pub fn parse(text: &str) -> Vec<IscsiSession> {
    let mut out: Vec<IscsiSession> = Vec::new();
    let mut target = None;
    let mut open: Option<IscsiSession> = None;
    for line in text.lines() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("Attached scsi disk ") {
            if let (Some(session), Some(disk)) = (&mut open, name.split_whitespace().next()) {
                session.disks.get_or_insert_default().push(disk.to_owned());
            }
            continue;
        }
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        let known =
            || (value != "<empty>" && !value.is_empty() && value != "unknown").then(|| value.to_owned());
        match key {
            "Target" => {
                out.extend(open.take());
                target = value.split_whitespace().next().map(str::to_owned);
            }
            "Current Portal" => {
                out.extend(open.take());
                let (portal, tpgt) = portal(value);
                open = Some(IscsiSession {
                    target: target.clone(),
                    portal: Some(portal),
                    tpgt,
                    ..IscsiSession::default()
                });
            }
            _ => {
                let Some(session) = &mut open else { continue };
                match key {
                    // What was asked for, where the target sent the login elsewhere: records name it.
                    "Persistent Portal" => session.portal = Some(portal(value).0),
                    "Iface Name" => session.iface = known(),
                    "Iface Transport" => session.transport = known(),
                    "Iface Initiatorname" => session.initiator_name = known(),
                    "Iface IPaddress" => session.source_address = known(),
                    "SID" => value.clone_into(&mut session.id),
                    "iSCSI Session State" => {
                        session.logged_in = state(value);
                        session.state = known();
                    }
                    "iSCSI Connection State" => {
                        session.connection_up = connection(value);
                        session.connection_state = known();
                    }
                    "FirstBurstLength" => session.first_burst_bytes = bytes(value),
                    "MaxBurstLength" => session.max_burst_bytes = bytes(value),
                    "MaxRecvDataSegmentLength" => session.max_receive_bytes = bytes(value),
                    "MaxXmitDataSegmentLength" => session.max_send_bytes = bytes(value),
                    "Recovery Timeout" => session.replacement_timeout_s = value.parse().ok().map(Seconds),
                    "HeaderDigest" => session.header_digest = known(),
                    "DataDigest" => session.data_digest = known(),
                    "Attached SCSI devices" => session.disks = Some(Vec::new()),
                    _ => {}
                }
            }
        }
    }
    out.extend(open);
    // A session that waits for its connection carries no commands, whatever it is called.
    for session in out.iter_mut().filter(|session| session.connection_up == Some(false)) {
        session.logged_in = Some(false);
    }
    unique_by_key(&mut out, |session| &session.id);
    out
}

/// `10.0.1.10:3260,1` as portal and group tag.
fn portal(text: &str) -> (String, Option<i64>) {
    let (portal, tag) = text.split_once(',').unwrap_or((text, ""));
    (portal.trim().to_owned(), tag.trim().parse().ok())
}

/// Whether a session in that state is logged in; missing for a word that nobody knows.
fn state(word: &str) -> Option<bool> {
    match word {
        "LOGGED_IN" => Some(true),
        "FAILED" | "FREE" => Some(false),
        _ => None,
    }
}

/// Whether a connection in that state carries commands; missing for a word that nobody knows.
fn connection(word: &str) -> Option<bool> {
    match word {
        "LOGGED IN" => Some(true),
        "FREE" | "TRANSPORT WAIT" | "IN LOGIN" | "IN LOGOUT" | "LOGOUT REQUESTED" | "CLEANUP WAIT" => {
            Some(false)
        }
        _ => None,
    }
}

/// A length that was negotiated; a driver that does not tell it says 0, which RFC 7143 does not allow.
fn bytes(text: &str) -> Option<Bytes> {
    text.parse().ok().filter(|length| *length > 0).map(Bytes)
}

/// Reads sysfs: `values` are `PATH:LINE` of the files, `symbolic` is `ls -ldn` with the disks of each session, `drivers`
/// are the drivers of the SCSI hosts by name (`host3`).
pub fn sysfs(values: &str, symbolic: &str, drivers: &HashMap<String, String>) -> Vec<IscsiSession> {
    let mut sessions: BTreeMap<u64, IscsiSession> = BTreeMap::new();
    for attribute in attributes(values, "/sys/class/iscsi_session/") {
        let Some(number) = attribute.device.strip_prefix("session").and_then(|id| id.parse::<u64>().ok())
        else {
            continue;
        };
        let session = sessions.entry(number).or_default();
        session.id = number.to_string();
        let value = attribute.value;
        let known = (!value.is_empty() && value != "<NULL>" && value != "(null)").then(|| value.to_owned());
        match attribute.name {
            "targetname" => session.target = known,
            "state" => {
                session.logged_in = state(value);
                session.state = known;
            }
            "recovery_tmo" => session.replacement_timeout_s = value.parse().ok().map(Seconds),
            "ifacename" => session.iface = known,
            "initiatorname" => session.initiator_name = known,
            "tpgt" => session.tpgt = value.parse().ok(),
            _ => {}
        }
    }
    let mut ports: HashMap<u64, (String, String)> = HashMap::new();
    for attribute in attributes(values, "/sys/class/iscsi_connection/") {
        // `connection3:0` is the first connection of session 3.
        let id = attribute.device.strip_prefix("connection").and_then(|id| id.split(':').next());
        let Some(number) = id.and_then(|id| id.parse::<u64>().ok()) else { continue };
        let Some(session) = sessions.get_mut(&number) else { continue };
        let digest = match attribute.value {
            "0" => Some("None".to_owned()),
            "1" => Some("CRC32C".to_owned()),
            _ => None,
        };
        match attribute.name {
            "persistent_address" => attribute.value.clone_into(&mut ports.entry(number).or_default().0),
            "persistent_port" => attribute.value.clone_into(&mut ports.entry(number).or_default().1),
            "local_ipaddr" => session.source_address = Some(attribute.value.to_owned()),
            "header_digest" => session.header_digest = digest,
            "data_digest" => session.data_digest = digest,
            _ => {}
        }
    }
    let mut disks: HashMap<u64, Vec<(String, String)>> = HashMap::new();
    for (path, _) in links(symbolic) {
        let Some(below) = path.strip_prefix("/sys/class/iscsi_session/session") else { continue };
        let parts: Vec<&str> = below.split('/').collect();
        if let [number, "device", _, address, "block", disk] = parts.as_slice()
            && let (Ok(number), Some(host)) = (number.parse(), address.split(':').next())
        {
            disks.entry(number).or_default().push((format!("host{host}"), (*disk).to_owned()));
        }
    }
    for (number, session) in &mut sessions {
        session.portal = ports.get(number).map(|(address, port)| join(address, port));
        let here = disks.remove(number).unwrap_or_default();
        session.transport =
            here.first().and_then(|(host, _)| drivers.get(host)).map(|driver| transport(driver));
        session.disks = Some(here.into_iter().map(|(_, disk)| disk).collect());
    }
    sessions.into_values().collect()
}

/// An address and a port as a portal.
pub(super) fn join(address: &str, port: &str) -> String {
    if address.contains(':') && !address.starts_with('[') {
        format!("[{address}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

/// The transport that open-iscsi calls a driver.
fn transport(driver: &str) -> String {
    match driver {
        "iscsi_tcp" => "tcp",
        "ib_iser" => "iser",
        other => other,
    }
    .to_owned()
}

/// Joins what the two ways tell of the same sessions: the first wins, the second fills what it lacks.
pub fn join_lists(mut first: Vec<IscsiSession>, second: Vec<IscsiSession>) -> Vec<IscsiSession> {
    for other in second {
        let Some(one) = first.iter_mut().find(|one| one.id == other.id) else {
            first.push(other);
            continue;
        };
        macro_rules! fill {
            ($($field:ident)+) => { $( one.$field = one.$field.take().or(other.$field); )+ };
        }
        fill!(target portal tpgt state transport iface initiator_name source_address header_digest data_digest disks);
        one.logged_in = one.logged_in.or(other.logged_in);
        one.replacement_timeout_s = one.replacement_timeout_s.or(other.replacement_timeout_s);
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_read() {
        let sessions = parse(include_str!("../../../fixtures/linux/iscsiadm-session-P3"));
        assert_eq!(sessions.len(), 3);
        let first = &sessions[0];
        assert_eq!(
            (first.id.as_str(), first.target.as_deref()),
            ("1", Some("iqn.2025-03.net.example:array1"))
        );
        assert_eq!((first.portal.as_deref(), first.tpgt), (Some("10.20.1.10:3260"), Some(1)));
        assert_eq!((first.state.as_deref(), first.logged_in), (Some("LOGGED_IN"), Some(true)));
        assert_eq!(first.replacement_timeout_s, Some(Seconds(15)));
        assert_eq!(first.disks, Some(vec!["sdb".into(), "sdd".into()]));
        assert_eq!(first.header_digest.as_deref(), Some("CRC32C"));
        assert_eq!((first.connection_state.as_deref(), first.connection_up), (Some("LOGGED IN"), Some(true)));
        assert_eq!(
            (first.first_burst_bytes, first.max_burst_bytes),
            (Some(Bytes(65_536)), Some(Bytes(262_144)))
        );
        assert_eq!(
            (first.max_receive_bytes, first.max_send_bytes),
            (Some(Bytes(262_144)), Some(Bytes(262_144)))
        );
        let second = &sessions[1];
        assert_eq!(second.target, first.target, "the line of the target is not repeated");
        assert_eq!(second.portal.as_deref(), Some("10.20.2.10:3260"), "asked for, though sent elsewhere");
        assert_eq!((second.logged_in, second.disks.as_deref()), (Some(false), Some(&[][..])));
        assert_eq!(
            (second.connection_state.as_deref(), second.connection_up),
            (Some("TRANSPORT WAIT"), Some(false))
        );
        assert_eq!(sessions[2].portal.as_deref(), Some("[fd00:20::10]:3260"));
        assert_eq!(sessions[2].connection_up, None);
        let text = include_str!("../../../fixtures/linux/iscsiadm-session-P3");
        let waiting = parse(&text.replace("Connection State: LOGGED IN", "Connection State: TRANSPORT WAIT"));
        assert_eq!((waiting[0].state.as_deref(), waiting[0].logged_in), (Some("LOGGED_IN"), Some(false)));
        assert_eq!(sessions[2].logged_in, None, "an unknown state is not logged in and not logged out");
    }

    #[test]
    fn sysfs_says_the_same_without_root() {
        let values = include_str!("../../../fixtures/linux/sysfs-iscsi.server");
        let symbolic = include_str!("../../../fixtures/linux/links.server");
        let drivers = HashMap::from([("host7".to_owned(), "iscsi_tcp".to_owned())]);
        let sessions = sysfs(values, symbolic, &drivers);
        assert_eq!(sessions.len(), 2);
        assert_eq!(sessions[0].portal.as_deref(), Some("10.20.1.10:3260"));
        assert_eq!((sessions[0].logged_in, sessions[1].logged_in), (Some(true), Some(false)));
        assert_eq!(sessions[0].disks, Some(vec!["sdb".into()]));
        assert_eq!(sessions[0].transport.as_deref(), Some("tcp"));
        assert_eq!(sessions[0].header_digest.as_deref(), Some("CRC32C"));
        let joined = join_lists(
            vec![IscsiSession { id: "1".into(), tpgt: Some(9), ..IscsiSession::default() }],
            sessions,
        );
        assert_eq!((joined.len(), joined[0].tpgt, joined[0].logged_in), (2, Some(9), Some(true)));
    }

    #[test]
    fn short_listings_tell_no_disks() {
        let text = "Target: iqn.2025-03.net.example:array1 (non-flash)\n\tCurrent Portal: 10.20.1.10:3260,1\n\tPersistent Portal: 10.20.1.10:3260,1\n\t\tInterface:\n\t\tIface Name: default\n\t\tSID: 1\n\t\tiSCSI Session State: LOGGED_IN\n";
        let sessions = parse(text);
        assert_eq!((sessions[0].logged_in, &sessions[0].disks), (Some(true), &None));
        assert_eq!(sessions[0].replacement_timeout_s, None);
        assert_eq!((sessions[0].connection_up, sessions[0].max_burst_bytes), (None, None));
        let unknown = parse(&format!("{text}\t\tMaxBurstLength: 0\n\t\tFirstBurstLength: <empty>\n"));
        assert_eq!((unknown[0].max_burst_bytes, unknown[0].first_burst_bytes), (None, None));
    }

    #[test]
    fn no_session_is_none() {
        assert!(parse("iscsiadm: No active sessions.\n").is_empty());
    }

    #[test]
    fn the_public_sample_is_read() {
        let Some(text) = crate::probe::linux::sample("ovirt/iscsiadm-session-P3.txt") else { return };
        let sessions = parse(&text);
        assert_eq!(sessions.len(), 2);
        assert!(sessions.iter().all(|session| session.logged_in == Some(true)));
        assert_eq!(sessions[0].replacement_timeout_s, Some(Seconds(5)));
        assert_eq!(sessions[0].disks, Some(vec!["sdb".into(), "sdc".into()]));
    }
}
