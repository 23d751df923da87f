//! Switches at the other end of the cables, by LLDP: `lldpcli -f json0 show neighbors` and `lldpctl -f keyvalue` (root or
//! the group of lldpd), `networkctl lldp` (any account).
//!
//! What a neighbour says of itself is hostile input like that of a host; JSON keeps it from looking like another line.

use serde_json::Value;

/// What is at the other end of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbour {
    /// Name of the interface.
    pub nic: String,
    /// Name of the switch, or its chassis id where it says none.
    pub switch: String,
    /// Port of the switch; empty where it says none.
    pub port: String,
}

/// Reads `lldpcli -f json0 show neighbors`, or `-f json`.
///
/// # Errors
/// What is wrong with the JSON.
pub fn parse(json: &str) -> Result<Vec<Neighbour>, serde_json::Error> {
    let document: Value = serde_json::from_str(json)?;
    let mut out = Vec::new();
    for lldp in each(&document["lldp"]) {
        for interface in each(&lldp["interface"]) {
            if let Some(name) = interface["name"].as_str() {
                add(&mut out, name, interface);
            } else {
                // `json` makes the name a key instead.
                for (name, interface) in interface.as_object().into_iter().flatten() {
                    add(&mut out, name, interface);
                }
            }
        }
    }
    Ok(out)
}

/// The elements of a list, or the one thing that stands where a list may stand.
fn each(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(all) => all.iter().collect(),
        one => vec![one],
    }
}

/// The text of a value: itself, or what stands under `value` in it or its first element.
fn text(value: &Value) -> Option<String> {
    let found = match value {
        Value::String(text) => Some(text.as_str()),
        Value::Array(all) => return all.first().and_then(text),
        other => other["value"].as_str(),
    };
    found.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn add(out: &mut Vec<Neighbour>, nic: &str, interface: &Value) {
    if out.iter().any(|known| known.nic == nic) {
        return;
    }
    let Some(chassis) = each(&interface["chassis"]).into_iter().next() else { return };
    // In `json` the chassis is keyed by its name.
    let named = chassis.as_object().and_then(|map| map.iter().find(|(_, value)| value.get("id").is_some()));
    let switch = match named {
        Some((name, _)) => Some(name.clone()),
        None => text(&chassis["name"]).or_else(|| text(&chassis["id"])),
    };
    let port = each(&interface["port"]).into_iter().next();
    // The port's id is often only an address; its description is the name that people know it by.
    let port = port.and_then(|port| {
        let is_address = each(&port["id"]).first().is_some_and(|id| id["type"].as_str() == Some("mac"));
        let (id, description) = (text(&port["id"]), text(&port["descr"]));
        if is_address { description.or(id) } else { id.or(description) }
    });
    if let Some(switch) = switch {
        out.push(Neighbour { nic: nic.to_owned(), switch, port: port.unwrap_or_default() });
    }
}

/// Reads `lldpctl -f keyvalue`: `lldp.eth0.chassis.name=sw1`. The first neighbour of an interface counts.
pub fn parse_keyvalue(text: &str) -> Vec<Neighbour> {
    let mut found: Vec<(String, Vec<(&str, &str)>)> = Vec::new();
    for (key, value) in text.lines().filter_map(|line| line.strip_prefix("lldp.")?.split_once('=')) {
        // The name of an interface may hold dots: what is asked for is at the end.
        let fields = [
            ".chassis.name",
            ".chassis.mac",
            ".chassis.local",
            ".port.ifname",
            ".port.descr",
            ".port.local",
            ".port.mac",
        ];
        let Some((nic, field)) =
            fields.iter().find_map(|field| key.strip_suffix(field).map(|nic| (nic, *field)))
        else {
            continue;
        };
        let at = found.iter().position(|(known, _)| known == nic).unwrap_or_else(|| {
            found.push((nic.to_owned(), Vec::new()));
            found.len() - 1
        });
        if !value.trim().is_empty() {
            found[at].1.push((field, value.trim()));
        }
    }
    let first = |fields: &[(&str, &str)], wanted: &[&str]| {
        wanted
            .iter()
            .find_map(|name| fields.iter().find(|(field, _)| field == name))
            .map(|(_, value)| (*value).to_owned())
    };
    found
        .into_iter()
        .filter_map(|(nic, fields)| {
            let switch = first(&fields, &[".chassis.name", ".chassis.mac", ".chassis.local"])?;
            let port = first(&fields, &[".port.ifname", ".port.local", ".port.descr", ".port.mac"]);
            Some(Neighbour { nic, switch, port: port.unwrap_or_default() })
        })
        .collect()
}

/// Reads the table of `networkctl lldp`, whose columns stand under their headings.
pub fn parse_networkctl(text: &str) -> Vec<Neighbour> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("LINK"));
    let Some(header) = lines.next() else { return Vec::new() };
    // Headings of two words are joined by a blank in old versions, by a dash in new ones.
    let header = header.replace("CHASSIS ID", "CHASSIS-ID").replace("SYSTEM NAME", "SYSTEM-NAME");
    let header = header.replace("PORT ID", "PORT-ID").replace("PORT DESCRIPTION", "PORT-DESCRIPTION");
    let mut starts: Vec<(usize, &str)> = Vec::new();
    for word in header.split_whitespace() {
        starts.push((word.as_ptr() as usize - header.as_ptr() as usize, word));
    }
    let column = |line: &[char], name: &str| {
        let at = starts.iter().position(|(_, heading)| *heading == name)?;
        let end = starts.get(at + 1).map_or(line.len(), |(start, _)| *start).min(line.len());
        let cell: String = line.get(starts[at].0..end)?.iter().collect();
        let cell = cell.trim();
        (!cell.is_empty() && cell != "n/a" && cell != "-").then(|| cell.to_owned())
    };
    let mut out: Vec<Neighbour> = Vec::new();
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        let line: Vec<char> = line.chars().collect();
        let Some(nic) = column(&line, "LINK") else { continue };
        let switch = column(&line, "SYSTEM-NAME").or_else(|| column(&line, "CHASSIS-ID"));
        let port = column(&line, "PORT-ID").or_else(|| column(&line, "PORT-DESCRIPTION"));
        if let Some(switch) = switch.filter(|_| out.iter().all(|known| known.nic != nic)) {
            out.push(Neighbour { nic, switch, port: port.unwrap_or_default() });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neighbour(nic: &str, switch: &str, port: &str) -> Neighbour {
        Neighbour { nic: nic.into(), switch: switch.into(), port: port.into() }
    }

    #[test]
    fn both_forms_of_json_are_read() {
        let json0 = r#"{"lldp":[{"interface":[{"name":"ens1f0","via":"LLDP","rid":"1","age":"0 day, 01:02:03",
            "chassis":[{"id":[{"type":"mac","value":"00:23:04:ee:be:0a"}],"name":[{"value":"sw-a"}],"descr":[{"value":"OS 1\nlldp.ens2f0.chassis.name=forged"}]}],
            "port":[{"id":[{"type":"ifname","value":"Eth1/5"}],"descr":[{"value":"hv1 ens1f0"}],"ttl":[{"value":"120"}]}]},
            {"name":"ens2f0","chassis":[{"id":[{"type":"mac","value":"00:23:04:ee:be:0b"}]}],"port":[{"id":[{"type":"mac","value":"00:23:04:ee:be:1b"}],"descr":[{"value":"Eth1/5"}]}]}]}]}"#;
        assert_eq!(
            parse(json0).unwrap(),
            [neighbour("ens1f0", "sw-a", "Eth1/5"), neighbour("ens2f0", "00:23:04:ee:be:0b", "Eth1/5")]
        );
        let json = r#"{"lldp":{"interface":{"ens1f0":{"via":"LLDP","chassis":{"sw-a":{"id":{"type":"mac","value":"00:23:04:ee:be:0a"},"descr":"x"}},
            "port":{"id":{"type":"ifname","value":"Eth1/5"},"descr":"y"}}}}}"#;
        assert_eq!(parse(json).unwrap(), [neighbour("ens1f0", "sw-a", "Eth1/5")]);
        assert_eq!(parse(r#"{"lldp":{}}"#).unwrap(), []);
        assert!(parse("[lldpcli] unable to connect").is_err());
    }

    #[test]
    fn keys_and_values_are_read() {
        let text = "lldp.ens1f0.via=LLDP\nlldp.ens1f0.chassis.mac=00:23:04:ee:be:0a\nlldp.ens1f0.chassis.name=sw-a\nlldp.ens1f0.port.ifname=Eth1/5\nlldp.ens1f0.port.descr=to hv1\nlldp.eth0.5.chassis.local=7\n";
        assert_eq!(
            parse_keyvalue(text),
            [neighbour("ens1f0", "sw-a", "Eth1/5"), neighbour("eth0.5", "7", "")]
        );
    }

    #[test]
    fn the_table_is_read_by_its_headings() {
        let text = "LINK   CHASSIS ID        SYSTEM NAME CAPS        PORT ID PORT DESCRIPTION\nens1f0 00:23:04:ee:be:0a sw a        ..b.......  Eth1/5  n/a\nens2f0 00:23:04:ee:be:0b n/a         ..b.......  Eth1/6  to hv1\n\nCapability Flags:\no - Other; p - Repeater\n";
        assert_eq!(
            parse_networkctl(text),
            [neighbour("ens1f0", "sw a", "Eth1/5"), neighbour("ens2f0", "00:23:04:ee:be:0b", "Eth1/6")]
        );
        assert_eq!(parse_networkctl("0 neighbors listed.\n"), []);
    }
}
