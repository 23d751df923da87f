//! DRBD: `drbdsetup status --json` (root), `/etc/drbd.conf` and `/etc/drbd.d` (root, without `shared-secret`, which is cut
//! on the host); in support bundles also `drbdadm dump`, the text of `drbdsetup status` and `/proc/drbd`.

use super::text::{base_name, sha256_of_lines, unique_by_key};
use crate::facts::{Drbd, DrbdResource};
use crate::probe::answer::{Answer, Status};
use serde_json::Value;
use std::collections::BTreeMap;

/// Blocks stand four deep; more is no configuration.
const MAX_DEPTH: usize = 12;

/// States of a connection from bad to good. A word that is not among them counts as the worst.
const CONNECTIONS: [&str; 12] = [
    "StandAlone",
    "Disconnecting",
    "Unconnected",
    "Timeout",
    "BrokenPipe",
    "NetworkFailure",
    "ProtocolError",
    "TearDown",
    "WFConnection",
    "Connecting",
    "WFReportParams",
    "Connected",
];

/// States of a disk from bad to good.
const DISKS: [&str; 10] = [
    "Failed",
    "Diskless",
    "Detaching",
    "DUnknown",
    "Inconsistent",
    "Outdated",
    "Attaching",
    "Negotiating",
    "Consistent",
    "UpToDate",
];

/// Reads what the answer holds of DRBD. `installed` is whether its tools are there.
pub fn read(answer: &Answer, installed: Option<bool>) -> Drbd {
    let config: Vec<_> = answer.items("drbd-conf").collect();
    // A configuration of which a part cannot be read is not known.
    let whole = config.iter().all(|part| part.is_whole() || part.status == Status::Absent);
    let texts: Vec<_> = config.iter().filter(|part| part.is_whole()).map(|part| part.text()).collect();
    let dump = answer.text("drbd-dump");
    let mut parsed: Option<Config> = match &dump {
        _ if !texts.is_empty() && whole => Some(parse(texts.iter().map(AsRef::as_ref))),
        Some(dump) => Some(parse(std::iter::once(dump.as_ref()))),
        None => None,
    };
    let absent = !config.is_empty() && texts.is_empty() && whole;
    if absent || (installed == Some(false) && config.is_empty()) {
        parsed = Some(Config::default());
    }
    let states = status(answer, parsed.as_ref());
    let resources = match (parsed.as_ref(), states.is_empty()) {
        (None, true) => None,
        (None, false) => Some(states),
        (Some(config), _) => {
            let mut all = config.resources.clone();
            for state in states {
                match all.iter_mut().find(|one| one.name == state.name) {
                    Some(one) => {
                        (one.role, one.connection) = (state.role, state.connection);
                        (one.disk_state, one.peer_disk_state) = (state.disk_state, state.peer_disk_state);
                    }
                    None => all.push(state),
                }
            }
            Some(all)
        }
    };
    Drbd {
        installed: installed
            .or_else(|| resources.as_ref().is_some_and(|all| !all.is_empty()).then_some(true)),
        config_sha256: parsed.map(|config| config.sha256),
        resources,
    }
}

/// The states of the resources that are up, by whichever output tells them.
fn status(answer: &Answer, config: Option<&Config>) -> Vec<DrbdResource> {
    let json = answer.section("drbd-status").filter(|section| section.is_whole());
    if let Some(found) = json.and_then(|section| status_json(&section.json())) {
        return found;
    }
    if let Some(text) = answer.text("drbd-status-text") {
        return status_text(&text);
    }
    let proc = answer.text("drbd-proc").zip(config);
    proc.map(|(text, config)| status_proc(&text, config)).unwrap_or_default()
}

/// The worse of two states by a list from bad to good.
fn worse(known: Option<String>, word: &str, order: &[&str]) -> Option<String> {
    let rank = |word: &str| order.iter().position(|one| *one == word).map_or(0, |at| at + 1);
    match known {
        Some(known) if rank(&known) <= rank(word) => Some(known),
        _ => Some(word.to_owned()),
    }
}

/// What replicates over a connection has it.
fn connection(word: &str) -> &str {
    match word {
        "SyncSource" | "SyncTarget" | "Established" | "VerifyS" | "VerifyT" | "PausedSyncS"
        | "PausedSyncT" | "StartingSyncS" | "StartingSyncT" | "WFBitMapS" | "WFBitMapT" | "WFSyncUUID"
        | "Ahead" | "Behind" => "Connected",
        other => other,
    }
}

fn status_json(json: &str) -> Option<Vec<DrbdResource>> {
    let all: Value = serde_json::from_str(json).ok()?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut out = Vec::new();
    for resource in all.as_array()? {
        let Some(name) = resource["name"].as_str() else { continue };
        let mut one = DrbdResource { name: name.to_owned(), ..DrbdResource::default() };
        one.role = resource["role"].as_str().map(str::to_owned);
        for device in list(&resource["devices"]) {
            let state = device["disk-state"].as_str().unwrap_or("unknown");
            // A client has no disk by intent.
            if device["client"].as_bool() != Some(true) {
                one.disk_state = worse(one.disk_state.take(), state, &DISKS);
            }
        }
        for peer in list(&resource["connections"]) {
            let state = peer["connection-state"].as_str().unwrap_or("unknown");
            one.connection = worse(one.connection.take(), connection(state), &CONNECTIONS);
            for device in list(&peer["peer_devices"]) {
                let state = device["peer-disk-state"].as_str().unwrap_or("unknown");
                if device["peer-client"].as_bool() != Some(true) {
                    one.peer_disk_state = worse(one.peer_disk_state.take(), state, &DISKS);
                }
            }
        }
        out.push(one);
    }
    unique_by_key(&mut out, |one| &one.name);
    Some(out)
}

/// Reads the text of `drbdsetup status`: a resource at the start of a line, its disks and peers indented below.
fn status_text(text: &str) -> Vec<DrbdResource> {
    let mut out: Vec<DrbdResource> = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix(':'));
        if !line.starts_with([' ', '\t']) {
            if let ([name, ..], Some(role)) = (words.as_slice(), value("role")) {
                out.push(DrbdResource {
                    name: (*name).to_owned(),
                    role: Some(role.to_owned()),
                    ..DrbdResource::default()
                });
            }
            continue;
        }
        let Some(one) = out.last_mut() else { continue };
        if let Some(state) = value("disk").filter(|_| value("client") != Some("yes")) {
            one.disk_state = worse(one.disk_state.take(), state, &DISKS);
        }
        if let Some(state) = value("peer-disk").filter(|_| value("peer-client") != Some("yes")) {
            one.peer_disk_state = worse(one.peer_disk_state.take(), state, &DISKS);
        }
        // A peer that is connected shows its role, one that is not the state of the connection.
        let peer = value("connection").or_else(|| value("role").map(|_| "Connected"));
        if let Some(state) = peer {
            one.connection = worse(one.connection.take(), connection(state), &CONNECTIONS);
        }
    }
    unique_by_key(&mut out, |one| &one.name);
    out
}

/// Reads `/proc/drbd` of DRBD 8, which counts devices: the configuration tells whose they are.
fn status_proc(text: &str, config: &Config) -> Vec<DrbdResource> {
    let mut out: BTreeMap<&str, DrbdResource> = BTreeMap::new();
    for line in text.lines() {
        let Some((minor, rest)) = line.trim_start().split_once(": cs:") else { continue };
        let Some(name) = minor.parse::<i64>().ok().and_then(|minor| config.minors.get(&minor)) else {
            continue;
        };
        let mut words = rest.split_whitespace();
        let state = words.next().unwrap_or("unknown");
        let pair =
            |key: &str| rest.split_whitespace().find_map(|word| word.strip_prefix(key)?.split_once('/'));
        let one =
            out.entry(name).or_insert_with(|| DrbdResource { name: name.clone(), ..DrbdResource::default() });
        one.connection = worse(one.connection.take(), connection(state), &CONNECTIONS);
        one.role = pair("ro:").map(|(own, _)| own.to_owned());
        if let Some((own, peer)) = pair("ds:") {
            one.disk_state = worse(one.disk_state.take(), own, &DISKS);
            one.peer_disk_state = worse(one.peer_disk_state.take(), peer, &DISKS);
        }
    }
    out.into_values().collect()
}

/// A configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Config {
    sha256: String,
    resources: Vec<DrbdResource>,
    /// Numbers of devices and the resources that they belong to.
    minors: BTreeMap<i64, String>,
}

/// A statement: its words, and the statements in its block where it has one.
#[derive(Debug, Default)]
struct Statement {
    words: Vec<String>,
    block: Option<Vec<Statement>>,
}

impl Statement {
    fn is(&self, word: &str) -> bool {
        self.words.first().is_some_and(|first| first == word)
    }

    /// The value of a setting inside the blocks of that name.
    fn setting(&self, block: &str, name: &str) -> Option<String> {
        let inside = self.block.iter().flatten().filter(|one| one.is(block));
        let found = inside.flat_map(|one| one.block.iter().flatten()).rfind(|one| one.is(name));
        found.and_then(|one| one.words.get(1).cloned())
    }

    /// A setting of the resource itself, as old releases have it.
    fn own(&self, name: &str) -> Option<String> {
        self.block.iter().flatten().find(|one| one.is(name)).and_then(|one| one.words.get(1).cloned())
    }
}

/// Reads drbd.conf(5).
fn parse<'a>(texts: impl Iterator<Item = &'a str>) -> Config {
    let mut all = Vec::new();
    for text in texts {
        let tokens = tokens(text);
        let mut at = 0;
        while at < tokens.len() {
            all.extend(block(&tokens, &mut at, 0));
        }
    }
    let mut lines = Vec::new();
    flatten(&all, 0, &mut lines);
    let common: Vec<&Statement> = all.iter().filter(|one| one.is("common")).collect();
    let mut config =
        Config { sha256: sha256_of_lines(lines.iter().map(String::as_str)), ..Config::default() };
    for statement in all.iter().filter(|one| one.is("resource")) {
        let Some(name) = statement.words.get(1) else { continue };
        let setting = |block: &str, key: &str| {
            statement.setting(block, key).or_else(|| common.iter().find_map(|one| one.setting(block, key)))
        };
        let own = |key: &str| statement.own(key).or_else(|| common.iter().find_map(|one| one.own(key)));
        let mut handlers: Vec<String> = std::iter::once(statement)
            .chain(common.iter().copied())
            .flat_map(|one| one.block.iter().flatten().filter(|one| one.is("handlers")))
            .flat_map(|one| one.block.iter().flatten())
            .filter(|one| one.words.get(1).is_some_and(|command| !command.is_empty()))
            .filter_map(|one| one.words.first().cloned())
            .collect();
        handlers.sort();
        handlers.dedup();
        let mut found = Found::default();
        found.walk(statement);
        config.minors.extend(found.minors.iter().map(|minor| (*minor, name.clone())));
        config.resources.push(DrbdResource {
            name: name.clone(),
            // Since 8.4 a resource whose protocol nobody sets runs protocol C.
            protocol: Some(
                setting("net", "protocol").or_else(|| own("protocol")).unwrap_or_else(|| "C".to_owned()),
            ),
            // It moved from the disk to the net section with release 9.
            fencing: Some(
                setting("net", "fencing")
                    .or_else(|| setting("disk", "fencing"))
                    .filter(|policy| policy != "dont-care")
                    .unwrap_or_default(),
            ),
            handlers: Some(handlers),
            hosts: Some(found.hosts),
            ports: Some(found.ports),
            ..DrbdResource::default()
        });
    }
    unique_by_key(&mut config.resources, |one| &one.name);
    config
}

/// What stands anywhere inside a resource.
#[derive(Default)]
struct Found {
    hosts: Vec<String>,
    ports: Vec<i64>,
    minors: Vec<i64>,
}

impl Found {
    fn walk(&mut self, statement: &Statement) {
        fn add<T: Ord>(list: &mut Vec<T>, one: T) {
            if let Err(at) = list.binary_search(&one) {
                list.insert(at, one);
            }
        }
        let words: Vec<&str> = statement.words.iter().map(String::as_str).collect();
        let after =
            |word: &str| words.iter().position(|one| *one == word).and_then(|at| words.get(at + 1)).copied();
        match words.first().copied() {
            Some("on") => words[1..].iter().for_each(|host| add(&mut self.hosts, (*host).to_owned())),
            Some("host") => after("host").into_iter().for_each(|host| add(&mut self.hosts, host.to_owned())),
            Some("device") => {
                let named =
                    || words.iter().find_map(|word| base_name(word).strip_prefix("drbd")?.parse().ok());
                let minor = after("minor").and_then(|number| number.parse().ok()).or_else(named);
                minor.into_iter().for_each(|minor| add(&mut self.minors, minor));
            }
            _ => {}
        }
        if let Some("address" | "host") = words.first().copied() {
            let address = words.iter().rev().find_map(|word| word.rsplit_once(':')).map(|(_, port)| port);
            let port = after("port").or(address).and_then(|port| port.parse().ok());
            port.into_iter().for_each(|port| add(&mut self.ports, port));
        }
        statement.block.iter().flatten().for_each(|inner| self.walk(inner));
    }
}

/// The statements as lines, without what is secret, and without the order of files to include.
fn flatten(all: &[Statement], depth: usize, out: &mut Vec<String>) {
    for one in all.iter().filter(|one| !one.is("shared-secret") && !one.is("include")) {
        out.push(format!("{}{}", " ".repeat(depth), one.words.join(" ")));
        if let Some(inner) = &one.block {
            flatten(inner, depth + 1, out);
        }
    }
}

/// Words, `{`, `}` and `;`. A quoted word is marked, so that a brace inside it opens nothing.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Open,
    Close,
    End,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut out = Vec::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '#' => while characters.next_if(|c| *c != '\n').is_some() {},
            '{' => out.push(Token::Open),
            '}' => out.push(Token::Close),
            ';' => out.push(Token::End),
            '"' => {
                let mut word = String::new();
                while let Some(inner) = characters.next().filter(|c| *c != '"') {
                    match inner {
                        '\\' => word.extend(characters.next()),
                        other => word.push(other),
                    }
                }
                out.push(Token::Word(word));
            }
            space if space.is_whitespace() => {}
            first => {
                let mut word = String::from(first);
                while let Some(next) = characters.next_if(|c| !c.is_whitespace() && !"{};\"#".contains(*c)) {
                    word.push(next);
                }
                out.push(Token::Word(word));
            }
        }
    }
    out
}

/// The statements of a block from `at` on, to behind its end.
fn block(tokens: &[Token], at: &mut usize, depth: usize) -> Vec<Statement> {
    let mut out = Vec::new();
    let mut words = Vec::new();
    while let Some(token) = tokens.get(*at) {
        *at += 1;
        match token {
            Token::Word(word) => words.push(word.clone()),
            Token::End => {
                if !words.is_empty() {
                    out.push(Statement { words: std::mem::take(&mut words), block: None });
                }
            }
            Token::Open => {
                let inner = if depth < MAX_DEPTH { block(tokens, at, depth + 1) } else { Vec::new() };
                out.push(Statement { words: std::mem::take(&mut words), block: Some(inner) });
            }
            Token::Close => break,
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONF: &str = include_str!("../../../fixtures/linux/drbd.conf");

    fn answer(outputs: &[(&str, &str, &str)]) -> Answer {
        let outputs = outputs
            .iter()
            .map(|(name, item, text)| ((*name).into(), (*item).into(), text.as_bytes().to_vec()));
        Answer::of_outputs(outputs)
    }

    #[test]
    fn configurations_are_read_with_what_is_common() {
        let drbd = read(&answer(&[("drbd-conf", "drbd.conf", CONF)]), Some(true));
        let all = drbd.resources.unwrap();
        let names: Vec<_> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["data", "logs"]);
        assert_eq!(all[0].protocol.as_deref(), Some("C"));
        assert_eq!(all[0].fencing.as_deref(), Some("resource-and-stonith"));
        assert_eq!(all[0].handlers, Some(vec!["fence-peer".into(), "unfence-peer".into()]));
        assert_eq!(all[0].hosts, Some(vec!["n1".into(), "n2".into()]));
        assert_eq!(all[0].ports, Some(vec![7788]));
        assert_eq!(all[1].protocol.as_deref(), Some("A"));
        assert_eq!(all[1].fencing.as_deref(), Some(""), "dont-care is none");
        assert_eq!(
            (all[1].hosts.as_ref().map(Vec::len), all[1].ports.as_deref()),
            (Some(3), Some(&[7789, 7790][..]))
        );
        assert_eq!((&all[0].role, &all[0].connection), (&None, &None));
    }

    #[test]
    fn the_secret_and_the_layout_do_not_change_the_hash() {
        let hash = |text: &str| read(&answer(&[("drbd-conf", "drbd.conf", text)]), Some(true)).config_sha256;
        let other = CONF.replace("\"one\"", "\"two\"").replace("    ", "\t").replace("# ", "## ");
        assert_eq!(hash(CONF), hash(&other));
        assert_ne!(hash(CONF), hash(&CONF.replace("7788", "7799")));
    }

    #[test]
    fn the_worst_state_counts() {
        let json = r#"[{"name":"data","role":"Primary","devices":[{"volume":0,"disk-state":"UpToDate","client":false},{"volume":1,"disk-state":"Inconsistent"}],
            "connections":[{"name":"n2","connection-state":"Connected","peer_devices":[{"peer-disk-state":"UpToDate","peer-client":false}]},
            {"name":"n3","connection-state":"Connecting","peer_devices":[{"peer-disk-state":"DUnknown"}]}]}]"#;
        let drbd = read(&answer(&[("drbd-conf", "drbd.conf", CONF), ("drbd-status", "", json)]), Some(true));
        let data = &drbd.resources.as_ref().unwrap()[0];
        assert_eq!((data.role.as_deref(), data.connection.as_deref()), (Some("Primary"), Some("Connecting")));
        assert_eq!(
            (data.disk_state.as_deref(), data.peer_disk_state.as_deref()),
            (Some("Inconsistent"), Some("DUnknown"))
        );
        assert_eq!(data.protocol.as_deref(), Some("C"));
        assert_eq!(worse(Some("UpToDate".into()), "Newfangled", &DISKS).as_deref(), Some("Newfangled"));
    }

    #[test]
    fn texts_of_bundles_say_the_same() {
        let text = "data role:Primary\n  volume:0 disk:UpToDate\n  n2 role:Secondary\n    volume:0 peer-disk:UpToDate\n\nlogs role:Secondary\n  disk:UpToDate\n  n2 connection:Connecting\n";
        let all = status_text(text);
        assert_eq!(
            (all[0].connection.as_deref(), all[0].peer_disk_state.as_deref()),
            (Some("Connected"), Some("UpToDate"))
        );
        assert_eq!(all[1].connection.as_deref(), Some("Connecting"));
        let proc = "version: 8.4.11 (api:1/proto:86-101)\n 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n    ns:1 nr:0\n 1: cs:WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown A r-----\n";
        let drbd = read(&answer(&[("drbd-dump", "", CONF), ("drbd-proc", "", proc)]), None);
        assert_eq!(drbd.installed, Some(true));
        let all = drbd.resources.unwrap();
        assert_eq!(
            (all[0].role.as_deref(), all[0].connection.as_deref()),
            (Some("Primary"), Some("Connected"))
        );
        assert_eq!(
            (all[1].connection.as_deref(), all[1].peer_disk_state.as_deref()),
            (Some("WFConnection"), Some("DUnknown"))
        );
    }

    #[test]
    fn what_is_not_there_is_known_not_to_be() {
        let none = read(&Answer::default(), Some(false));
        assert_eq!((none.installed, none.resources.as_deref()), (Some(false), Some(&[][..])));
        assert_eq!(read(&Answer::default(), None), Drbd::default());
        assert_eq!(read(&Answer::default(), Some(true)).resources, None, "its configuration was not read");
    }

    #[test]
    fn the_public_sample_is_read() {
        let Some(text) = crate::probe::linux::sample("ha_cluster_exporter/drbdsetup-status.json") else {
            return;
        };
        let all = status_json(&text).unwrap();
        assert_eq!(all[0].name, "1-single-0");
        assert_eq!(
            (all[0].connection.as_deref(), all[0].disk_state.as_deref()),
            (Some("Connected"), Some("UpToDate"))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn hostile_text_is_survived(text in "[a-z{};\"\\\\# \n:0-9]{0,300}", other in ".{0,100}") {
            parse([text.as_str(), other.as_str()].into_iter());
            status_text(&other);
            status_proc(&text, &Config::default());
            parse(std::iter::once("{".repeat(5000).as_str()));
        }
    }
}
