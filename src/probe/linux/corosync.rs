//! Corosync as a node's own file has it: `/etc/corosync/corosync.conf` (any account). A key inside the file is cut on the
//! host.

use super::text::sha256_of_config;
use crate::facts::{Corosync, Millis};

/// A block of the file: its name, its settings, the blocks inside.
#[derive(Debug, Default)]
struct Block<'a> {
    name: &'a str,
    settings: Vec<(&'a str, &'a str)>,
    blocks: Vec<Block<'a>>,
}

/// Blocks stand three deep; more is no configuration.
const MAX_DEPTH: usize = 16;

impl<'a> Block<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        // The last one counts.
        self.settings.iter().rev().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }

    fn all(&self, name: &'a str) -> impl Iterator<Item = &Block<'a>> {
        self.blocks.iter().filter(move |block| block.name == name)
    }

    fn first(&self, name: &'a str) -> Option<&Block<'a>> {
        self.blocks.iter().rev().find(|block| block.name == name)
    }
}

fn parse_block<'a>(name: &'a str, lines: &mut impl Iterator<Item = &'a str>, depth: usize) -> Block<'a> {
    let mut block = Block { name, ..Block::default() };
    while let Some(line) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
        } else if line == "}" {
            break;
        } else if let Some(name) = line.strip_suffix('{') {
            if depth == 0 {
                break;
            }
            block.blocks.push(parse_block(name.trim(), lines, depth - 1));
        } else if let Some((key, value)) = line.split_once(':') {
            block.settings.push((key.trim(), value.trim()));
        }
    }
    block
}

/// Reads corosync.conf(5). `version` is that of the corosync package, which decides the defaults of transport and token;
/// where it is not known, they are missing when the file does not state them.
pub fn parse(text: &str, version: Option<&str>) -> Corosync {
    let mut lines = text.lines();
    let mut root = Block::default();
    // A stray `}` closes nothing at the top; what follows is read all the same.
    while lines.clone().next().is_some() {
        let part = parse_block("", &mut lines, MAX_DEPTH);
        root.settings.extend(part.settings);
        root.blocks.extend(part.blocks);
    }
    let totem = root.first("totem");
    let quorum = root.first("quorum");
    let setting =
        |block: Option<&Block<'_>>, key: &str| block.and_then(|block| block.get(key)).map(str::to_owned);
    let version = version.and_then(major_minor);
    let nodes: Vec<&Block<'_>> =
        root.first("nodelist").map(|list| list.all("node").collect()).unwrap_or_default();
    let links = if nodes.is_empty() {
        totem.map_or(0, |totem| totem.all("interface").count())
    } else {
        (0..8)
            .filter(|link| {
                let key = format!("ring{link}_addr");
                nodes.iter().all(|node| node.get(&key).is_some_and(|address| !address.is_empty()))
            })
            .count()
    };
    let device = quorum.and_then(|quorum| quorum.first("device"));
    Corosync {
        present: Some(true),
        config_sha256: Some(sha256_of_config(text)),
        cluster_name: Some(setting(totem, "cluster_name").unwrap_or_default()),
        transport: setting(totem, "transport")
            .or_else(|| version.map(|(major, _)| if major >= 3 { "knet" } else { "udp" }.to_owned())),
        token_ms: match setting(totem, "token") {
            Some(token) => token.parse().ok().map(Millis),
            // 1 s became 3 s with 3.1.
            None => version.map(|version| Millis(if version >= (3, 1) { 3000 } else { 1000 })),
        },
        expected_votes: match setting(quorum, "expected_votes") {
            Some(votes) => votes.parse().ok(),
            None => Some(0),
        },
        two_node: Some(setting(quorum, "two_node").as_deref() == Some("1")),
        links: i64::try_from(links).ok(),
        members: Some(
            nodes
                .iter()
                .filter_map(|node| node.get("name").or_else(|| node.get("ring0_addr")))
                .map(str::to_owned)
                .collect(),
        ),
        qdevice_model: Some(setting(device, "model").unwrap_or_default()),
        qdevice_host: Some(
            setting(device.and_then(|device| device.first("net")), "host").unwrap_or_default(),
        ),
        ..Corosync::default()
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
        assert_eq!(
            parse("totem {\n token: soon\n}\n", Some("3.1.9")).token_ms,
            None,
            "a misspelt value is not the default"
        );
    }

    #[test]
    fn hostile_files_do_no_harm() {
        let deep = "a {\n".repeat(10_000);
        parse(&deep, None);
        parse("}\n}\n}\n", None);
        assert_eq!(parse("}\ntotem {\n cluster_name: x\n}", None).cluster_name.as_deref(), Some("x"));
    }

    #[test]
    fn the_public_samples_are_read() {
        if let Some(text) = crate::probe::linux::sample("pcs/corosync-3nodes-qdevice.conf") {
            let conf = parse(&text, None);
            assert_eq!(conf.members.map(|members| members.len()), Some(3));
            assert_eq!(conf.qdevice_host.as_deref(), Some("127.0.0.1"));
            assert_eq!(conf.transport.as_deref(), Some("udpu"));
        }
        if let Some(text) = crate::probe::linux::sample("crmsh-hb_report/corosync.conf") {
            let conf = parse(&text, Some("2.4.4"));
            assert_eq!((conf.token_ms, conf.links), (Some(Millis(5000)), Some(2)));
        }
    }
}
