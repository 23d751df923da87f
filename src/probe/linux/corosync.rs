//! Corosync as a node's own file has it: `/etc/corosync/corosync.conf` (any account). A key inside the file is cut on the
//! host.
//!
//! Sections of one name are one section, and of a setting that stands twice the last one counts, as the daemon reads them
//! (coroparse.c); only `node` and `interface` are lists. A value that cannot be read is missing, never the default.

use super::text::{sha256_of_lines, unique_by_key};
use crate::facts::{Corosync, CorosyncAddress, CorosyncInterface, CorosyncMember, Millis};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Links that a node may have, numbered from 0 (`KNET_MAX_LINK`).
const LINKS: i64 = 8;

/// Sections stand three deep; more is no configuration.
const MAX_DEPTH: usize = 16;

/// Settings of one section of a list: a node or an interface.
type Settings<'a> = Vec<(&'a str, &'a str)>;

/// The file, taken apart.
#[derive(Debug, Default)]
struct File<'a> {
    /// Settings outside lists, by their path: `totem.token`, `quorum.device.net.host`.
    settings: Vec<(String, &'a str)>,
    nodes: Vec<Settings<'a>>,
    interfaces: Vec<Settings<'a>>,
    /// The file without comments, blank lines, indentation and keys.
    lines: Vec<String>,
}

impl<'a> File<'a> {
    fn read(text: &'a str) -> Self {
        let mut file = File::default();
        let mut path: Vec<&str> = Vec::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some((name, _)) = line.split_once('{') {
                let name = name.trim_end_matches([' ', '\t', ':']);
                file.lines.push(format!("{name} {{"));
                if path.len() < MAX_DEPTH {
                    path.push(name);
                }
                match path.as_slice() {
                    ["nodelist", "node"] => file.nodes.push(Settings::new()),
                    ["totem", "interface"] => file.interfaces.push(Settings::new()),
                    _ => {}
                }
            } else if let Some((key, value)) = line.split_once(':') {
                let (key, value) = (key.trim(), value.trim());
                if key != "key" {
                    file.lines.push(format!("{key}: {value}"));
                }
                let list = match path.as_slice() {
                    ["nodelist", "node"] => file.nodes.last_mut(),
                    ["totem", "interface"] => file.interfaces.last_mut(),
                    _ => None,
                };
                match list {
                    Some(list) => list.push((key, value)),
                    None => file
                        .settings
                        .push((path.iter().chain([&key]).copied().collect::<Vec<_>>().join("."), value)),
                }
            } else if line.contains('}') {
                file.lines.push("}".to_owned());
                // A stray one closes nothing; what follows is read all the same.
                path.pop();
            }
        }
        file
    }

    fn get(&self, path: &str) -> Option<&'a str> {
        self.settings.iter().rev().find(|(known, _)| known == path).map(|(_, value)| *value)
    }

    fn text(&self, path: &str) -> Option<String> {
        self.get(path).map(str::to_owned)
    }

    /// A number, the default where the file says nothing; missing where what it says is none.
    fn number(&self, path: &str, default: Option<i64>) -> Option<i64> {
        self.get(path).map_or(default, number)
    }

    fn millis(&self, path: &str, default: Option<i64>) -> Option<Millis> {
        self.number(path, default).map(Millis)
    }

    /// A switch, which is a number: anything but 0 is on.
    fn switch(&self, path: &str, default: Option<bool>) -> Option<bool> {
        self.get(path).map_or(default, |value| number(value).map(|number| number != 0))
    }

    fn stated(&self) -> Vec<String> {
        let settings = self.settings.iter().map(|(path, _)| path.clone());
        let of = |list: &[Settings<'a>], name: &'static str| -> Vec<String> {
            list.iter().flatten().map(|(key, _)| format!("{name}.{key}")).collect()
        };
        let all = settings.chain(of(&self.nodes, "node")).chain(of(&self.interfaces, "interface"));
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn number(text: &str) -> Option<i64> {
    text.parse::<i64>().ok().filter(|number| *number >= 0)
}

fn last<'a>(settings: &Settings<'a>, key: &str) -> Option<&'a str> {
    settings.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// Reads corosync.conf(5). `version` is that of the corosync package, which decides the defaults; where it is not known,
/// what depends on it is missing when the file does not state it.
pub fn parse(text: &str, version: Option<&str>) -> Corosync {
    let file = File::read(text);
    let version = version.and_then(major_minor);
    let of_release =
        |two: &str, three: &str| version.map(|(major, _)| if major >= 3 { three } else { two }.to_owned());
    let transport = file.text("totem.transport").or_else(|| of_release("udp", "knet"));
    // 1 s became 3 s with 3.1.
    let token =
        file.number("totem.token", version.map(|version| if version >= (3, 1) { 3000 } else { 1000 }));
    let coefficient = file.number("totem.token_coefficient", Some(650));
    let nodelist = members(&file.nodes);
    let consensus = match file.get("totem.consensus") {
        Some(stated) => number(stated),
        None => {
            effective_token(token, coefficient, nodelist.len()).map(|token| token.saturating_mul(12) / 10)
        }
    };
    let (cipher, hash, encrypted) = crypto(&file, version, transport.as_deref());
    let device = Device::read(&file);
    let two_node = file.switch("quorum.two_node", Some(false));
    Corosync {
        present: Some(true),
        config_sha256: Some(sha256_of_lines(file.lines.iter().map(String::as_str))),
        config_version: file.number("totem.config_version", Some(0)),
        stated: Some(file.stated()),
        cluster_name: Some(file.text("totem.cluster_name").unwrap_or_default()),
        token_ms: token.map(Millis),
        token_coefficient_ms: coefficient.map(Millis),
        consensus_ms: consensus.map(Millis),
        join_ms: file.millis("totem.join", Some(50)),
        max_messages: file.number("totem.max_messages", Some(17)),
        token_retransmits: file.number("totem.token_retransmits_before_loss_const", Some(4)),
        token_warning_percent: file.number(
            "totem.token_warning",
            match version {
                Some((3, 0)) | None => None,
                Some(version) => Some(if version >= (3, 1) { 75 } else { 0 }),
            },
        ),
        crypto_cipher: cipher,
        crypto_hash: hash,
        encrypted,
        rrp_mode: match version {
            // Corosync 3 has none, whatever an old file says.
            Some((3.., _)) => Some(String::new()),
            version => file.text("totem.rrp_mode").or_else(|| version.map(|_| "none".to_owned())),
        },
        link_mode: match version {
            Some((..3, _)) => Some(String::new()),
            version => file.text("totem.link_mode").or_else(|| version.map(|_| "passive".to_owned())),
        },
        provider: Some(file.text("quorum.provider").unwrap_or_default()),
        expected_votes: file.number("quorum.expected_votes", Some(0)),
        two_node,
        wait_for_all: file.switch("quorum.wait_for_all", two_node),
        auto_tie_breaker: file.switch("quorum.auto_tie_breaker", Some(false)),
        last_man_standing: file.switch("quorum.last_man_standing", Some(false)),
        allow_downscale: file.switch("quorum.allow_downscale", Some(false)),
        links: i64::try_from(links(&file)).ok(),
        members: Some(
            file.nodes
                .iter()
                .filter_map(|node| last(node, "name").or_else(|| last(node, "ring0_addr")))
                .map(str::to_owned)
                .collect(),
        ),
        nodelist: Some(nodelist),
        interfaces: Some(interfaces(&file, transport.as_deref())),
        transport,
        qdevice_model: Some(device.model),
        qdevice_host: Some(device.host),
        qdevice_algorithm: device.algorithm,
        qdevice_votes: device.votes,
        qdevice_tls: device.tls,
        qdevice_timeout_ms: device.timeout,
        qdevice_sync_timeout_ms: device.sync_timeout,
        ..Corosync::default()
    }
}

/// Whether the key of the cluster is in its usual place, `/etc/corosync/authkey`.
pub fn uses_usual_key(text: &str) -> bool {
    let file = File::read(text);
    file.get("totem.key").is_none()
        && file.get("totem.keyfile").is_none_or(|path| path == "/etc/corosync/authkey")
}

/// Whether the log of the system gets the daemon's messages, which is the default.
pub fn logs_to_system(text: &str) -> bool {
    File::read(text).get("logging.to_syslog").is_none_or(|value| matches!(value, "yes" | "on"))
}

/// The token time-out in force: each node beyond the second adds to it.
fn effective_token(token: Option<i64>, coefficient: Option<i64>, nodes: usize) -> Option<i64> {
    let beyond = i64::try_from(nodes.saturating_sub(2)).ok()?;
    if beyond == 0 { token } else { token?.checked_add(coefficient?.checked_mul(beyond)?) }
}

/// Links that every node of the list has an address for, else the interfaces.
fn links(file: &File<'_>) -> usize {
    if file.nodes.is_empty() {
        return file.interfaces.len();
    }
    (0..LINKS)
        .filter(|link| {
            let key = format!("ring{link}_addr");
            file.nodes.iter().all(|node| last(node, &key).is_some_and(|address| !address.is_empty()))
        })
        .count()
}

fn members(nodes: &[Settings<'_>]) -> Vec<CorosyncMember> {
    let mut out: Vec<CorosyncMember> = Vec::with_capacity(nodes.len());
    for (position, node) in nodes.iter().enumerate() {
        let addresses: Vec<CorosyncAddress> = (0..LINKS)
            .filter_map(|link| {
                let address = last(node, &format!("ring{link}_addr"))?;
                Some(CorosyncAddress {
                    link,
                    address: Some(address.to_owned()),
                    literal: Some(is_literal(address)),
                })
            })
            .collect();
        let name = last(node, "name").unwrap_or_default();
        let first = addresses.first().and_then(|address| address.address.clone());
        let id = Some(name.to_owned())
            .filter(|name| !name.is_empty())
            .or_else(|| last(node, "nodeid").map(str::to_owned).filter(|id| !id.is_empty()))
            .or(first)
            .unwrap_or_else(|| format!("node {}", position + 1));
        // Two nodes of one name are a mistake that must be seen, so none of them is left out.
        let taken = |id: &str| out.iter().any(|member| member.id == id);
        let mut unique = id.clone();
        for again in 2..=nodes.len() {
            if !taken(&unique) {
                break;
            }
            unique = format!("{id} ({again})");
        }
        out.push(CorosyncMember {
            id: unique,
            name: Some(name.to_owned()),
            nodeid: last(node, "nodeid").map_or(Some(0), number),
            votes: last(node, "quorum_votes").map_or(Some(1), number),
            addresses: Some(addresses),
        });
    }
    unique_by_key(&mut out, |member| &member.id);
    out
}

fn is_literal(address: &str) -> bool {
    address.split('%').next().unwrap_or_default().parse::<IpAddr>().is_ok()
}

fn interfaces(file: &File<'_>, transport: Option<&str>) -> Vec<CorosyncInterface> {
    let mut merged: Vec<(i64, Settings<'_>)> = Vec::new();
    for settings in &file.interfaces {
        let stated = last(settings, "linknumber").or_else(|| last(settings, "ringnumber"));
        let Some(number) = stated.map_or(Some(0), number) else { continue };
        match merged.iter_mut().find(|(known, _)| *known == number) {
            Some((_, known)) => known.extend(settings),
            None => merged.push((number, settings.clone())),
        }
    }
    merged.sort_by_key(|(number, _)| *number);
    let row = |(at, settings): (i64, Settings<'_>)| {
        let text = |key: &str| Some(last(&settings, key).unwrap_or_default().to_owned());
        let below = last(&settings, "knet_transport").or_else(|| file.get("totem.knet_transport"));
        CorosyncInterface {
            number: at,
            bind_network: text("bindnetaddr"),
            multicast_address: text("mcastaddr"),
            port: last(&settings, "mcastport").map_or(Some(0), number),
            knet_transport: match (below, transport) {
                (Some(below), _) => Some(below.to_owned()),
                (None, Some("knet")) => Some("udp".to_owned()),
                (None, Some(_)) => Some(String::new()),
                (None, None) => None,
            },
        }
    };
    merged.into_iter().map(row).collect()
}

/// Cipher and hash, and whether traffic is both authenticated and encrypted.
fn crypto(
    file: &File<'_>,
    version: Option<(u32, u32)>,
    transport: Option<&str>,
) -> (Option<String>, Option<String>, Option<bool>) {
    let word = |text: &str| Some(text.to_owned());
    // `secauth` is on by default in 2, off in 3, and stands for another hash there.
    let secure = match file.get("totem.secauth") {
        Some("on") => Some(true),
        Some("off") => Some(false),
        Some(_) => None,
        None => version.map(|(major, _)| major < 3),
    };
    let implied_hash = match (secure, version) {
        (Some(false), _) => word("none"),
        (Some(true), Some((major, _))) => word(if major >= 3 { "sha256" } else { "sha1" }),
        _ => None,
    };
    let implied_cipher = secure.and_then(|secure| word(if secure { "aes256" } else { "none" }));
    let cipher = file.text("totem.crypto_cipher").or(implied_cipher);
    let hash = file.text("totem.crypto_hash").or(implied_hash);
    let known = |value: &Option<String>, words: &[&str]| -> Option<bool> {
        let value = value.as_deref()?;
        if value == "none" { Some(false) } else { words.contains(&value).then_some(true) }
    };
    let ciphers = known(&cipher, &["aes256", "aes192", "aes128", "3des"]);
    // Where a cipher is implied, so is a hash, though it may not be known which.
    let hashes = known(&hash, &["md5", "sha1", "sha256", "sha384", "sha512"])
        .or_else(|| if hash.is_none() { secure.filter(|secure| *secure) } else { None });
    let carried = match (version, transport) {
        // Corosync 3 encrypts with knet alone.
        (Some((3.., _)), Some(transport)) => Some(transport == "knet"),
        (Some((3.., _)), None) => None,
        (Some(_), _) => Some(true),
        (None, Some("knet")) => Some(true),
        (None, _) => None,
    };
    let encrypted = match (ciphers, hashes, carried) {
        (Some(false), _, _) | (_, Some(false), _) | (_, _, Some(false)) => Some(false),
        (Some(true), Some(true), Some(true)) => Some(true),
        _ => None,
    };
    (cipher, hash, encrypted)
}

/// The quorum device, corosync-qdevice(8).
struct Device {
    model: String,
    host: String,
    algorithm: Option<String>,
    votes: Option<i64>,
    tls: Option<String>,
    timeout: Option<Millis>,
    sync_timeout: Option<Millis>,
}

impl Device {
    fn read(file: &File<'_>) -> Self {
        let model = file.text("quorum.device.model").unwrap_or_default();
        let there = !model.is_empty();
        let of_device = |path: &str, default: Option<&str>| match (there, file.get(path)) {
            (false, _) => Some(String::new()),
            (true, Some(stated)) => Some(stated.to_owned()),
            (true, None) => default.map(str::to_owned),
        };
        let time = |path: &str, default| if there { file.millis(path, Some(default)) } else { None };
        Device {
            host: of_device("quorum.device.net.host", Some("")).unwrap_or_default(),
            // The default is not the same in all releases: `test` first, `ffsplit` later.
            algorithm: of_device("quorum.device.net.algorithm", None),
            votes: file.number("quorum.device.votes", Some(0)),
            tls: of_device("quorum.device.net.tls", Some("on")),
            timeout: time("quorum.device.timeout", 10_000),
            sync_timeout: time("quorum.device.sync_timeout", 30_000),
            model,
        }
    }
}

/// `3.1.7-1` or `1:3.1.7` as major and minor number.
fn major_minor(version: &str) -> Option<(u32, u32)> {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    let mut numbers = version.split(['.', '-', '+', '~']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_configuration_is_read() {
        let conf = parse(include_str!("../../../fixtures/linux/corosync.conf"), Some("3.1.7-1"));
        assert_eq!(conf.cluster_name.as_deref(), Some("prod"));
        assert_eq!((conf.transport.as_deref(), conf.token_ms), (Some("knet"), Some(Millis(5000))));
        assert_eq!((conf.two_node, conf.expected_votes, conf.links), (Some(true), Some(0), Some(1)));
        assert_eq!(conf.members, Some(vec!["hv1".into(), "hv2".into()]));
        assert_eq!(
            (conf.qdevice_model.as_deref(), conf.qdevice_host.as_deref()),
            (Some("net"), Some("qd1.example.net"))
        );
        assert_eq!((conf.qdevice_algorithm.as_deref(), conf.qdevice_votes), (Some("ffsplit"), Some(1)));
        assert_eq!(
            (conf.qdevice_tls.as_deref(), conf.qdevice_timeout_ms),
            (Some("on"), Some(Millis(10_000)))
        );
        assert_eq!(conf.wait_for_all, Some(true), "two_node implies it");
        assert_eq!(conf.consensus_ms, Some(Millis(6000)), "1.2 times the token");
        assert_eq!(
            (conf.join_ms, conf.max_messages, conf.token_retransmits),
            (Some(Millis(50)), Some(17), Some(4))
        );
        assert_eq!(
            (conf.encrypted, conf.rrp_mode.as_deref(), conf.link_mode.as_deref()),
            (Some(true), Some(""), Some("passive"))
        );
        let stated = conf.stated.unwrap();
        assert!(
            stated.contains(&"totem.token".to_owned())
                && stated.contains(&"quorum.device.net.host".to_owned())
        );
        assert!(
            stated.contains(&"node.ring1_addr".to_owned()) && !stated.contains(&"totem.consensus".to_owned())
        );
        let nodes = conf.nodelist.unwrap();
        assert_eq!((nodes[0].id.as_str(), nodes[0].nodeid, nodes[0].votes), ("hv1", Some(1), Some(1)));
        assert_eq!(nodes[0].addresses.as_ref().map(Vec::len), Some(2));
        assert_eq!(nodes[1].addresses.as_ref().unwrap()[0].literal, Some(true));
    }

    #[test]
    fn two_rings_of_an_old_release_are_read() {
        let conf = parse(include_str!("../../../fixtures/linux/corosync2.conf"), Some("2.4.5+git3"));
        assert_eq!((conf.rrp_mode.as_deref(), conf.link_mode.as_deref()), (Some("passive"), Some("")));
        assert_eq!(
            (conf.crypto_cipher.as_deref(), conf.crypto_hash.as_deref()),
            (Some("aes256"), Some("sha1"))
        );
        assert_eq!((conf.encrypted, conf.token_warning_percent), (Some(true), Some(0)));
        let interfaces = conf.interfaces.unwrap();
        assert_eq!(interfaces.len(), 2);
        assert_eq!(interfaces[1].bind_network.as_deref(), Some("192.168.7.0"));
        assert_eq!((interfaces[0].port, interfaces[1].port), (Some(5405), Some(5407)));
        assert_eq!(interfaces[0].knet_transport.as_deref(), Some(""));
        assert_eq!((conf.links, conf.wait_for_all, conf.two_node), (Some(2), Some(false), Some(true)));
        assert_eq!(conf.qdevice_model.as_deref(), Some(""));
        assert_eq!((conf.qdevice_tls.as_deref(), conf.qdevice_timeout_ms), (Some(""), None));
    }

    #[test]
    fn defaults_are_those_of_the_release() {
        let bare = "totem {\n version: 2\n}\n";
        let read = |version| {
            let conf = parse(bare, version);
            (conf.transport, conf.token_ms)
        };
        assert_eq!(read(Some("3.1.9-2")), (Some("knet".into()), Some(Millis(3000))));
        assert_eq!(read(Some("3.0.4-1")), (Some("knet".into()), Some(Millis(1000))));
        assert_eq!(read(Some("2.4.4-5.el7")), (Some("udp".into()), Some(Millis(1000))));
        assert_eq!(read(None), (None, None));
        let encrypted = |text: &str, version| parse(text, version).encrypted;
        assert_eq!(encrypted(bare, Some("2.4.4")), Some(true), "on by default");
        assert_eq!(encrypted(bare, Some("3.1.7")), Some(false), "off by default");
        assert_eq!(encrypted(bare, None), None);
        let on = "totem {\n secauth: on\n transport: udpu\n}\n";
        assert_eq!(encrypted(on, Some("3.1.7")), Some(false), "only knet encrypts");
        assert_eq!(encrypted(on, Some("2.4.5")), Some(true));
        assert_eq!(encrypted("totem {\n secauth: yes\n}\n", Some("3.1.7")), None);
    }

    #[test]
    fn values_that_cannot_be_read_are_missing() {
        let text = "totem {\n token: soon\n join: -1\n consensus: 1.5\n}\nquorum {\n two_node: yes\n expected_votes: all\n}\n";
        let conf = parse(text, Some("3.1.9"));
        assert_eq!((conf.token_ms, conf.join_ms, conf.consensus_ms), (None, None, None));
        assert_eq!((conf.two_node, conf.wait_for_all, conf.expected_votes), (None, None, None));
        assert!(conf.stated.unwrap().contains(&"totem.token".to_owned()));
    }

    #[test]
    fn the_token_grows_with_the_nodes() {
        let nodes = "nodelist {\n node {\n nodeid: 1\n }\n node {\n nodeid: 2\n }\n node {\n nodeid: 3\n }\n node {\n nodeid: 4\n }\n}\n";
        let conf = parse(nodes, Some("3.1.9"));
        assert_eq!((conf.token_ms, conf.consensus_ms), (Some(Millis(3000)), Some(Millis(5160))));
    }

    #[test]
    fn sections_of_one_name_are_one_and_the_last_setting_counts() {
        let conf = parse("totem {\n token: 1\n}\ntotem {\n token: 2\n token: 3\n cluster_name: x\n}\n", None);
        assert_eq!((conf.token_ms, conf.cluster_name.as_deref()), (Some(Millis(3)), Some("x")));
        let twice = "nodelist {\n node {\n name: a\n nodeid: 1\n }\n node {\n name: a\n nodeid: 2\n }\n}\n";
        let ids: Vec<String> = parse(twice, None).nodelist.unwrap().into_iter().map(|node| node.id).collect();
        assert_eq!(ids, ["a", "a (2)"]);
    }

    #[test]
    fn the_hash_knows_no_keys_comments_and_spaces() {
        let hash = |text| parse(text, None).config_sha256.unwrap();
        assert_eq!(
            hash("# x\ntotem{\n\tkey: abc\n token:1\n}"),
            hash("totem {\n\n key: def\n  token: 1\n }\n")
        );
        assert_ne!(hash("totem {\n token: 1\n}"), hash("totem {\n token: 2\n}"));
        assert!(!uses_usual_key("totem {\n keyfile: /root/k\n}") && uses_usual_key("totem {\n}"));
        assert!(!logs_to_system("logging {\n to_syslog: no\n}") && logs_to_system(""));
    }

    #[test]
    fn hostile_files_do_no_harm() {
        let deep = "a {\n".repeat(10_000);
        parse(&deep, None);
        parse("}\n}\n}\n", None);
        assert_eq!(parse("}\ntotem {\n cluster_name: x\n}", None).cluster_name.as_deref(), Some("x"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_file_can_be_read(text in "([a-z0-9_]{0,9}[ \t]{0,2}[:{}#]?[ \t]?[a-z0-9.]{0,6}\n){0,40}", version in proptest::option::of("[0-9.:+-]{0,8}")) {
            parse(&text, version.as_deref());
        }

        #[test]
        fn any_text_can_be_read(text in "(?s).{0,400}") {
            parse(&text, Some("3.1"));
        }
    }

    #[test]
    fn the_public_samples_are_read() {
        if let Some(text) = crate::probe::linux::sample("pcs/corosync-3nodes-qdevice.conf") {
            let conf = parse(&text, None);
            assert_eq!(conf.members.map(|members| members.len()), Some(3));
            assert_eq!(conf.qdevice_host.as_deref(), Some("127.0.0.1"));
            assert_eq!(conf.transport.as_deref(), Some("udpu"));
            assert_eq!((conf.encrypted, conf.qdevice_algorithm), (Some(false), None));
        }
        if let Some(text) = crate::probe::linux::sample("crmsh-hb_report/corosync.conf") {
            let conf = parse(&text, Some("2.4.4"));
            assert_eq!((conf.token_ms, conf.links), (Some(Millis(5000)), Some(2)));
            assert_eq!((conf.rrp_mode.as_deref(), conf.encrypted), (Some("passive"), Some(true)));
            assert_eq!((conf.two_node, conf.consensus_ms), (Some(true), Some(Millis(6000))));
        }
    }
}
