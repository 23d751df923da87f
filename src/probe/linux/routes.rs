//! Routes of the main table: `ip -j route`, `ip -j -6 route`, and their text where `ip` knows no JSON; in support bundles
//! `ip route show table all` (any account).

use crate::facts::Route;
use serde_json::Value;

/// Reads the JSON of `ip -j route`.
///
/// # Errors
/// What is wrong with the JSON.
pub fn parse(json: &str) -> Result<Vec<Route>, serde_json::Error> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let routes: Vec<Value> = serde_json::from_str(json)?;
    let mut out = Vec::new();
    for route in &routes {
        let Some(destination) = text(&route["dst"]) else { continue };
        let metric = Some(route["metric"].as_i64().unwrap_or(0));
        let hop = |hop: &Value| Route {
            destination: Some(destination.clone()),
            gateway: Some(text(&hop["gateway"]).or_else(|| text(&hop["via"]["host"])).unwrap_or_default()),
            device: Some(text(&hop["dev"]).unwrap_or_default()),
            metric,
        };
        match route["nexthops"].as_array() {
            Some(hops) => out.extend(hops.iter().map(hop)),
            None => out.push(hop(route)),
        }
    }
    Ok(out)
}

/// Reads the text of `ip route`; routes of other tables are left out.
pub fn parse_text(text: &str) -> Vec<Route> {
    const TYPES: [&str; 7] =
        ["unicast", "blackhole", "unreachable", "prohibit", "throw", "multicast", "anycast"];
    let mut out: Vec<Route> = Vec::new();
    // A route over several ways has a line for itself and one for each of them.
    let mut several: Option<Route> = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |word: &str| {
            let at = words.iter().position(|one| *one == word)?;
            words.get(at + 1).map(|value| (*value).to_owned())
        };
        // `via inet6 fe80::1` names the family first.
        let gateway = after("via")
            .map(|via| if via.starts_with("inet") { after(&via).unwrap_or_default() } else { via });
        if line.starts_with([' ', '\t']) {
            if let (Some(whole), Some(&"nexthop")) = (&several, words.first()) {
                out.push(Route {
                    gateway: Some(gateway.unwrap_or_default()),
                    device: after("dev"),
                    ..whole.clone()
                });
            }
            continue;
        }
        several = None;
        if after("table").is_some_and(|table| table != "main") {
            continue;
        }
        let Some(destination) = words.iter().find(|word| !TYPES.contains(word)) else { continue };
        if *destination != "default" && !destination.contains(['.', ':']) {
            continue;
        }
        let route = Route {
            destination: Some((*destination).to_owned()),
            gateway: Some(gateway.unwrap_or_default()),
            device: Some(after("dev").unwrap_or_default()),
            metric: Some(after("metric").and_then(|metric| metric.parse().ok()).unwrap_or(0)),
        };
        if after("dev").is_none() && !TYPES[1..].contains(&words[0]) {
            several = Some(route);
        } else {
            out.push(route);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(destination: &str, gateway: &str, device: &str, metric: i64) -> Route {
        Route {
            destination: Some(destination.into()),
            gateway: Some(gateway.into()),
            device: Some(device.into()),
            metric: Some(metric),
        }
    }

    #[test]
    fn json_and_text_say_the_same() {
        let json = r#"[{"dst":"default","gateway":"192.0.2.1","dev":"eth0","protocol":"dhcp","metric":100,"flags":[]},
            {"dst":"192.0.2.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.0.2.2","flags":[]},
            {"dst":"198.51.100.0/24","flags":[],"nexthops":[{"gateway":"192.0.2.3","dev":"eth0","weight":1,"flags":[]},
             {"gateway":"192.0.2.4","dev":"eth1","weight":1,"flags":[]}]},
            {"type":"blackhole","dst":"203.0.113.0/24","flags":[]}]"#;
        let text = "default via 192.0.2.1 dev eth0 proto dhcp metric 100 \n192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2 \n198.51.100.0/24 \n\tnexthop via 192.0.2.3 dev eth0 weight 1 \n\tnexthop via 192.0.2.4 dev eth1 weight 1 \nblackhole 203.0.113.0/24 \n";
        let wanted = [
            route("default", "192.0.2.1", "eth0", 100),
            route("192.0.2.0/24", "", "eth0", 0),
            route("198.51.100.0/24", "192.0.2.3", "eth0", 0),
            route("198.51.100.0/24", "192.0.2.4", "eth1", 0),
            route("203.0.113.0/24", "", "", 0),
        ];
        assert_eq!(parse(json).unwrap(), wanted);
        assert_eq!(parse_text(text), wanted);
    }

    #[test]
    fn a_gateway_of_the_other_family_is_read() {
        let json = r#"[{"dst":"default","via":{"family":"inet6","host":"fe80::1"},"dev":"eth0","flags":[]}]"#;
        assert_eq!(parse(json).unwrap(), [route("default", "fe80::1", "eth0", 0)]);
        assert_eq!(
            parse_text("default via inet6 fe80::1 dev eth0\n"),
            [route("default", "fe80::1", "eth0", 0)]
        );
    }

    #[test]
    fn other_tables_are_left_out() {
        let text = "10.9.0.0/16 via 192.0.2.9 dev eth0 table 100 \n\tnexthop via 192.0.2.3 dev eth0\nlocal 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1 \ndefault via 192.0.2.1 dev eth0 \n";
        assert_eq!(parse_text(text), [route("default", "192.0.2.1", "eth0", 0)]);
    }

    #[test]
    fn what_is_no_route_is_none() {
        assert!(parse("Object \"route\" is unknown").is_err());
        assert!(parse_text("RTNETLINK answers: Operation not permitted\nUsage: ip route\n").is_empty());
    }
}
