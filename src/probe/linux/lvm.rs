//! Logical volumes: `/etc/lvm/lvm.conf` and `lvmlocal.conf` (any account), `vgs --reportformat json` (root); in support
//! bundles the table of `vgs` with a heading.

use super::text::{self, unquote};
use crate::facts::{Lvm, VolumeGroup};
use crate::probe::answer::{Answer, Status};
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads what the answer holds. `installed` is whether the tools are there.
pub fn read(answer: &Answer, installed: Option<bool>) -> Lvm {
    let groups = answer
        .section("lvm-groups")
        .filter(|section| section.is_whole())
        .and_then(|section| groups_json(&section.json()))
        .or_else(|| groups_table(&answer.text("lvm-groups-text")?));
    if installed == Some(false) {
        return Lvm { installed, groups: Some(groups.unwrap_or_default()), ..Lvm::default() };
    }
    let file = |name: &str| match answer.section(name).map(|section| section.status) {
        Some(Status::Absent) => Some(String::new()),
        _ => answer.text(name).map(std::borrow::Cow::into_owned),
    };
    let settings = file("lvm-conf").map(|main| {
        let mut settings = settings(&main);
        settings.extend(self::settings(&file("lvm-local-conf").unwrap_or_default()));
        settings
    });
    let get = |key: &str| settings.as_ref()?.get(key).map(String::as_str);
    // What the file does not say has the default of lvm.conf(5).
    let or = |key: &str, default: &str| settings.as_ref().map(|_| unquote(get(key).unwrap_or(default)));
    Lvm {
        installed: installed.or_else(|| groups.as_ref().map(|_| true)),
        system_id_source: or("global/system_id_source", "none"),
        lvmlockd: or("global/use_lvmlockd", "0").and_then(|word| match word.as_str() {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        }),
        locking_type: or("global/locking_type", "1").and_then(|word| word.parse().ok()),
        auto_activation_list: get("activation/auto_activation_volume_list").map(list),
        groups,
    }
}

/// The settings of lvm.conf(5) by their path: `global/use_lvmlockd`. Values stay as written; a list may go over several
/// lines.
fn settings(text: &str) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    let mut open: Vec<&str> = Vec::new();
    let mut list: Option<(String, String)> = None;
    for line in text.lines() {
        let line = uncommented(line).trim();
        if let Some((_, value)) = &mut list {
            value.push(' ');
            value.push_str(line);
        } else if line == "}" {
            open.pop();
        } else if let Some(name) = line.strip_suffix('{') {
            open.push(name.trim());
        } else if let Some((key, value)) = line.split_once('=') {
            let mut path = open.clone();
            path.push(key.trim());
            list = Some((path.join("/"), value.trim().to_owned()));
        }
        if let Some((path, value)) =
            list.take_if(|(_, value)| !value.starts_with('[') || value.ends_with(']'))
        {
            out.insert(path, value);
        }
    }
    out
}

/// A line without its comment; a `#` between quotes begins none.
fn uncommented(line: &str) -> &str {
    let mut quoted = false;
    let end = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '#' && !quoted
    });
    end.map_or(line, |(at, _)| &line[..at])
}

/// `[ "vg0", "vg1/lv" ]`, or a single value.
fn list(value: &str) -> Vec<String> {
    let inner = value.trim_start_matches('[').trim_end_matches(']');
    inner.split(',').map(unquote).filter(|one| !one.is_empty()).collect()
}

/// Reads `vgs --reportformat json -o vg_name,vg_systemid,vg_lock_type,vg_autoactivation,pv_name`: a row for each physical
/// volume.
fn groups_json(json: &str) -> Option<Vec<VolumeGroup>> {
    let value: Value = serde_json::from_str(json).ok()?;
    let mut out: BTreeMap<String, VolumeGroup> = BTreeMap::new();
    let rows =
        value["report"].as_array()?.iter().flat_map(|part| part["vg"].as_array().into_iter().flatten());
    for row in rows {
        let text = |key: &str| row[key].as_str().map(|text| text.trim().to_owned());
        let cells = Cells {
            system_id: text("vg_systemid"),
            lock_type: text("vg_lock_type"),
            auto_activation: text("vg_autoactivation"),
            volume: text("pv_name"),
        };
        if let Some(name) = text("vg_name") {
            cells.join(name, &mut out);
        }
    }
    Some(out.into_values().collect())
}

/// One row of a report.
struct Cells {
    system_id: Option<String>,
    lock_type: Option<String>,
    auto_activation: Option<String>,
    volume: Option<String>,
}

impl Cells {
    fn join(self, name: String, out: &mut BTreeMap<String, VolumeGroup>) {
        if name.is_empty() {
            return;
        }
        let group = out.entry(name.clone()).or_insert_with(|| VolumeGroup {
            name,
            system_id: self.system_id,
            // An empty cell is the kind of a group that is not shared.
            lock_type: self.lock_type.map(|kind| if kind.is_empty() { "none".to_owned() } else { kind }),
            auto_activation: self.auto_activation.and_then(|word| match word.as_str() {
                "enabled" | "1" | "y" => Some(true),
                "" | "0" | "n" | "disabled" => Some(false),
                _ => None,
            }),
            physical_volumes: None,
        });
        if let Some(volume) = self.volume.filter(|volume| !volume.is_empty()) {
            let volumes = group.physical_volumes.get_or_insert_default();
            if !volumes.contains(&volume) {
                volumes.push(volume);
            }
        }
    }
}

/// Reads the table of `vgs`: columns stand under their heading, to its left end or its right. Cells may be empty.
fn groups_table(text: &str) -> Option<Vec<VolumeGroup>> {
    let mut lines =
        text.lines().skip_while(|line| !(line.trim_start().starts_with("VG ") && line.contains(" Attr ")));
    let heading = lines.next()?;
    let mut out = BTreeMap::new();
    let rows = lines.take_while(|line| line.starts_with(' '));
    for row in rows {
        let cell = |name: &str| text::cell(heading, row, name);
        let cells = Cells {
            // Of the heading `System ID`, the first word stands where the cell begins.
            system_id: cell("System"),
            lock_type: cell("LockType"),
            auto_activation: cell("AutoAct"),
            volume: cell("PV"),
        };
        if let Some(name) = row.split_whitespace().next() {
            cells.join(name.to_owned(), &mut out);
        }
    }
    Some(out.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(outputs: &[(&str, &str)]) -> Answer {
        Answer::of_outputs(
            outputs.iter().map(|(name, text)| ((*name).into(), String::new(), text.as_bytes().to_vec())),
        )
    }

    const CONF: &str = "config {\n\tchecks = 1\n}\nglobal {\n\tuse_lvmlockd = 0\n\tsystem_id_source = \"uname\" # x\n}\nactivation {\n\tauto_activation_volume_list = [ \"rhel\", # root\n\t\t\"vg#1\" ]\n}\n";

    #[test]
    fn settings_stand_over_defaults() {
        let lvm = read(&answer(&[("lvm-conf", CONF)]), Some(true));
        assert_eq!(lvm.system_id_source.as_deref(), Some("uname"));
        assert_eq!((lvm.lvmlockd, lvm.locking_type), (Some(false), Some(1)));
        assert_eq!(lvm.auto_activation_list, Some(vec!["rhel".into(), "vg#1".into()]));
        let local = read(
            &answer(&[
                ("lvm-conf", CONF),
                ("lvm-local-conf", "global/use_lvmlockd=1\nglobal {\nuse_lvmlockd=1\n}\n"),
            ]),
            None,
        );
        assert_eq!(local.lvmlockd, Some(true));
        let bare = read(&answer(&[("lvm-conf", "")]), Some(true));
        assert_eq!((bare.system_id_source.as_deref(), bare.auto_activation_list), (Some("none"), None));
        assert_eq!(
            read(&answer(&[("lvm-conf", "global {\nuse_lvmlockd = maybe\n}\n")]), None).lvmlockd,
            None
        );
        assert_eq!(read(&Answer::default(), Some(true)).system_id_source, None, "the file was not read");
        assert_eq!(read(&Answer::default(), Some(false)).groups, Some(Vec::new()));
    }

    #[test]
    fn groups_are_read() {
        let json = r#"{"report":[{"vg":[
            {"vg_name":"shared","vg_systemid":"","vg_lock_type":"dlm","vg_autoactivation":"","pv_name":"/dev/mapper/mpatha"},
            {"vg_name":"shared","vg_systemid":"","vg_lock_type":"dlm","vg_autoactivation":"","pv_name":"/dev/mapper/mpathb"},
            {"vg_name":"sap","vg_systemid":"n1","vg_lock_type":"","vg_autoactivation":"enabled","pv_name":"/dev/sdc"}]}]}"#;
        let groups = read(&answer(&[("lvm-groups", json)]), None).groups.unwrap();
        assert_eq!((groups[0].name.as_str(), groups[0].system_id.as_deref()), ("sap", Some("n1")));
        assert_eq!((groups[0].lock_type.as_deref(), groups[0].auto_activation), (Some("none"), Some(true)));
        assert_eq!((groups[1].lock_type.as_deref(), groups[1].auto_activation), (Some("dlm"), Some(false)));
        assert_eq!(groups[1].physical_volumes.as_ref().map(Vec::len), Some(2));
        let old = groups_json(r#"{"report":[{"vg":[{"vg_name":"a","vg_systemid":""}]}]}"#).unwrap();
        assert_eq!(
            (old[0].auto_activation, &old[0].lock_type),
            (None, &None),
            "an old release has no such columns"
        );
    }

    #[test]
    fn tables_of_bundles_are_read() {
        let table = "    Using volume group(s) on command line.\n  VG     Attr   Ext   #PV #LV #SN VSize   VFree VG UUID                                VProfile #VMda VMdaFree  VMdaSize  #VMdaUse VG Tags System ID\n  rhel   wz--n- 4.00m   1   2   0 <19.00g    0  aBcDeF-0000-1111-2222-3333-4444-555555              1   507.50k  1020.00k        1                 \n  sap    wz--n- 4.00m   2   1   0  99.99g 1.00g aBcDeF-0000-1111-2222-3333-4444-666666              2   507.50k  1020.00k        2         n1       \n    Reloading config files\n";
        let groups = groups_table(table).unwrap();
        let of = |name: &str| {
            groups.iter().find(|group| group.name == name).and_then(|group| group.system_id.as_deref())
        };
        assert_eq!((of("rhel"), of("sap")), (Some(""), Some("n1")));
        assert_eq!(groups[0].lock_type, None, "the table has no such column");
        let short = groups_table(
            "  VG   #PV #LV #SN Attr   VSize   VFree\n  rhel   1   2   0 wz--n- <19.00g    0 \n",
        )
        .unwrap();
        assert_eq!((short.len(), &short[0].system_id), (1, &None));
        assert_eq!(groups_table("vgs: command not found\n"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn hostile_text_is_survived(text in "[a-z{}=\\[\\]\" \n#,]{0,300}", row in ".{0,80}", json in ".{0,80}") {
            settings(&text);
            groups_json(&json);
            groups_table(&format!("  VG Attr System ID PV\n {row}\n {text}"));
        }
    }
}
