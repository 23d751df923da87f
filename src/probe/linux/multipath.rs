//! Multipath maps: `multipathd show maps json` and `multipath -ll` (root); the configuration: `/etc/multipath.conf` and
//! `/etc/multipath/conf.d` (any account).

use super::text::{sha256_of_lines, unique_by_key};
use crate::facts::{MultipathMap, MultipathPath};
use crate::scsi::identity;
use serde_json::Value;

/// Reads `multipathd show maps json`.
///
/// # Errors
/// What is wrong with the JSON.
pub fn parse_json(json: &str) -> Result<Vec<MultipathMap>, serde_json::Error> {
    let listing: Value = serde_json::from_str(json)?;
    let text = |value: &Value| {
        let text = value.as_str().map(str::trim).filter(|text| !text.is_empty() && *text != "[undef]")?;
        Some(text.to_owned())
    };
    let mut maps = Vec::new();
    for map in listing["maps"].as_array().into_iter().flatten() {
        let mut paths = Vec::new();
        for group in map["path_groups"].as_array().into_iter().flatten() {
            for path in group["paths"].as_array().into_iter().flatten() {
                let device = device(path["dev"].as_str().unwrap_or_default(), paths.len());
                paths.push(MultipathPath {
                    hctl: device.starts_with(GONE).then(|| NOWHERE.to_owned()),
                    device,
                    dm_state: text(&path["dm_st"]),
                    checker_state: text(&path["chk_st"]),
                    device_state: text(&path["dev_st"]),
                });
            }
        }
        // `queueing` counts the retries down; `-` leaves it to the feature of the map.
        let queues = match map["queueing"].as_str() {
            Some("on") => Some(true),
            Some(word) if word == "off" || word.starts_with(|c: char| c.is_ascii_digit()) => Some(false),
            _ => map["features"].as_str().map(queues),
        };
        maps.push(finish(
            text(&map["name"]).unwrap_or_default(),
            &text(&map["uuid"]).unwrap_or_default(),
            text(&map["sysfs"]),
            queues,
            Some(handler(map["hwhandler"].as_str())).filter(|_| map["hwhandler"].is_string()),
            paths,
        ));
    }
    unique_by_key(&mut maps, |map| &map.name);
    Ok(maps)
}

/// Reads `multipath -ll`; messages before and between the maps are passed over.
pub fn parse(text: &str) -> Vec<MultipathMap> {
    struct Open {
        name: String,
        wwid: String,
        device: String,
        queues: Option<bool>,
        handler: Option<String>,
        paths: Vec<MultipathPath>,
    }
    let mut open: Option<Open> = None;
    let mut maps = Vec::new();
    let close = |open: &mut Option<Open>, maps: &mut Vec<MultipathMap>| {
        if let Some(map) = open.take() {
            maps.push(finish(map.name, &map.wwid, Some(map.device), map.queues, map.handler, map.paths));
        }
    };
    for line in text.lines() {
        if let Some((name, wwid, device)) = header(line) {
            close(&mut open, &mut maps);
            open = Some(Open { name, wwid, device, queues: None, handler: None, paths: Vec::new() });
            continue;
        }
        let Some(map) = &mut open else { continue };
        if line.starts_with("size=") {
            let quoted = |name: &str| line.split_once(name).and_then(|(_, rest)| rest.split('\'').next());
            map.queues = quoted(" features='").map(queues);
            map.handler = quoted(" hwhandler='").map(|words| handler(Some(words)));
            continue;
        }
        // `| `- 3:0:0:1 sdb 8:16 active ready running`
        let drawn = line.trim_start_matches(['|', '`', '-', '+', ' ', '\\', '_']);
        if drawn.len() == line.len() || drawn.starts_with("policy=") {
            continue;
        }
        let words: Vec<&str> = drawn.split_whitespace().collect();
        if let [hctl, name, _, dm, checker, rest @ ..] = words.as_slice()
            && hctl.split(':').count() == 4
        {
            map.paths.push(MultipathPath {
                device: device(name, map.paths.len()),
                hctl: Some((*hctl).to_owned()),
                dm_state: Some((*dm).to_owned()),
                checker_state: Some((*checker).to_owned()),
                device_state: rest.first().map(|state| (*state).to_owned()),
            });
        }
    }
    close(&mut open, &mut maps);
    unique_by_key(&mut maps, |map| &map.name);
    maps
}

/// Whether a listing without maps says that there are none: it is empty, or all of it is the log of the tool, whose lines
/// bear a bar.
pub fn says_none(text: &str) -> bool {
    text.lines().all(|line| line.trim().is_empty() || line.contains(" | "))
}

/// How a device is called that has gone, before its place among the paths.
const GONE: &str = "gone-";

/// The SCSI address of a device that has gone, as the text has it.
const NOWHERE: &str = "#:#:#:#";

/// The device of a path. One that has gone has no name any more, but it is still a path of the map.
fn device(name: &str, position: usize) -> String {
    match name.trim() {
        "" | "-" | "[undef]" => format!("{GONE}{position}"),
        name => name.to_owned(),
    }
}

/// `mpatha (36001405...) dm-0 LIO-ORG,data`, or without alias `36001405... dm-0 LIO-ORG,data`; a word such as `reload:`
/// may stand before.
fn header(line: &str) -> Option<(String, String, String)> {
    if line.starts_with(['|', '`', ' ', '\t', '\\']) {
        return None;
    }
    let at = line.find(" dm-")?;
    let device: String = line[at + 1..].chars().take_while(|c| !c.is_whitespace()).collect();
    if device.len() < 4 || !device[3..].bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let before = line[..at].trim();
    let before = before.split_once(": ").map_or(before, |(_, rest)| rest).trim();
    Some(match before.split_once(" (").and_then(|(name, wwid)| Some((name, wwid.strip_suffix(')')?))) {
        Some((name, wwid)) => (name.trim().to_owned(), wwid.to_owned(), device),
        None => (before.to_owned(), before.to_owned(), device),
    })
}

/// Whether a counted list of features (`2 queue_if_no_path retain_attached_hw_handler`) has the one that makes it wait.
fn queues(features: &str) -> bool {
    features.split_whitespace().any(|word| word == "queue_if_no_path")
}

/// A hardware handler and its arguments as the map counts them: `1 alua`; empty for none, which is `0`.
fn handler(words: Option<&str>) -> String {
    let words = words.unwrap_or_default().trim();
    if words == "0" { String::new() } else { words.to_owned() }
}

fn finish(
    name: String,
    wwid: &str,
    device: Option<String>,
    queues_without_path: Option<bool>,
    hardware_handler: Option<String>,
    mut paths: Vec<MultipathPath>,
) -> MultipathMap {
    unique_by_key(&mut paths, |path| &path.device);
    let identity = identity::canonical(wwid);
    MultipathMap {
        name,
        identity: (!identity.is_empty()).then_some(identity),
        device,
        size_bytes: None,
        queues_without_path,
        hardware_handler,
        paths: Some(paths),
    }
}

/// SHA-256 over the configuration: the files in their order, without comments, without the reservation key, which is
/// each node's own, and without the amount of white space.
pub fn config_sha256(files: &[&str]) -> String {
    let lines: Vec<String> = files
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| line.split(['#', '!']).next().unwrap_or_default())
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty() && !line.starts_with("reservation_key"))
        .collect();
    sha256_of_lines(lines.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_say_the_same() {
        let text = parse(include_str!("../../../fixtures/linux/multipath-ll"));
        let mut json = parse_json(include_str!("../../../fixtures/linux/multipathd-maps.json")).unwrap();
        for (map, other) in json.iter_mut().zip(&text) {
            for (path, other) in map.paths.iter_mut().flatten().zip(other.paths.iter().flatten()) {
                path.hctl.clone_from(&other.hctl);
            }
        }
        assert_eq!(json, text);
        let map = &text[0];
        assert_eq!((map.name.as_str(), map.device.as_deref()), ("mpatha", Some("dm-0")));
        assert_eq!(map.identity.as_deref(), Some("naa.60014055d4a9c3b1e2f40aa8b6c7d001"));
        assert_eq!(map.queues_without_path, Some(true));
        let states: Vec<_> = map
            .paths
            .iter()
            .flatten()
            .map(|path| (path.device.as_str(), path.dm_state.as_deref(), path.checker_state.as_deref()))
            .collect();
        assert_eq!(states, [("sdb", Some("active"), Some("ready")), ("sdc", Some("failed"), Some("faulty"))]);
        assert_eq!(text[1].queues_without_path, Some(false));
    }

    #[test]
    fn hazards_of_the_text_are_survived() {
        let text = "Feb 10 16:19:25 | bcache0: HDIO_GETGEO failed with 25\nreload: mpathb (1IET     00080001) dm-8 IET,VIRTUAL-DISK\nsize=16G features='0' hwhandler='0' wp=rx\n`-+- policy='round-robin 0' prio=0 status=enabled\n  |- #:#:#:#  -   #:#  active undef unknown\n  `- #:#:#:#  -   #:#  failed undef unknown\n36001405b1629f80d52a4c898f8856e43 dm-5 LIO-ORG ,block0_sdb\nuninitialized\n";
        let maps = parse(text);
        assert_eq!(maps.len(), 2);
        assert_eq!(maps[0].identity.as_deref(), Some("t10.IET_00080001"));
        let gone: Vec<_> = maps[0].paths.iter().flatten().map(|path| path.device.as_str()).collect();
        assert_eq!(gone, ["gone-0", "gone-1"], "a path that has gone is still counted");
        assert_eq!(maps[0].paths.as_ref().unwrap()[0].hctl.as_deref(), Some("#:#:#:#"));
        let json =
            r#"{"maps":[{"name":"a","path_groups":[{"paths":[{"dev":"[undef]","dm_st":"failed"}]}]}]}"#;
        let lost = parse_json(json).unwrap();
        assert_eq!(lost[0].paths.as_ref().unwrap()[0].hctl.as_deref(), Some("#:#:#:#"));
        assert_eq!(maps[1].name, "36001405b1629f80d52a4c898f8856e43");
        assert!(parse("need to be root\n").is_empty() && !says_none("need to be root\n"));
        assert!(says_none("\n") && says_none("Feb 10 16:19:25 | bcache0: HDIO_GETGEO failed with 25\n"));
        assert!(parse_json("timeout\n").is_err());
        assert_eq!(parse_json(r#"{"major_version":0,"minor_version":1,"maps":[]}"#).unwrap(), []);
    }

    #[test]
    fn the_reservation_key_is_each_nodes_own() {
        let a = config_sha256(&["defaults {\n\tuser_friendly_names yes # x\n  reservation_key 0x1\n}\n"]);
        let b =
            config_sha256(&["# other\ndefaults {\n  user_friendly_names   yes\n  reservation_key 0x2\n}"]);
        assert_eq!(a, b);
        assert_ne!(a, config_sha256(&["defaults {\n user_friendly_names no\n}"]));
    }

    #[test]
    fn the_public_samples_are_read() {
        if let Some(text) = crate::probe::linux::sample("insights-core/multipath_-v4_-ll.txt") {
            let maps = parse(&text);
            let e = maps.iter().find(|map| map.name == "mpathe").unwrap();
            assert_eq!(e.paths.as_ref().map(Vec::len), Some(8));
            assert_eq!(e.identity.as_deref(), Some("naa.6f01faf000da3761000004323aa6fbce"));
        }
        if let Some(text) =
            crate::probe::linux::sample("hotsos-openstack-sosreport/sos_commands/multipath/multipath_-ll")
        {
            assert!(parse(&text).is_empty(), "log lines are no maps");
        }
    }
}
