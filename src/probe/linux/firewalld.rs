//! What firewalld lets in: `firewall-cmd --list-all-zones` and the definitions of the services that its zones name (root).

use crate::probe::answer::Answer;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::{BTreeMap, BTreeSet};

/// A zone.
#[derive(Debug, Default, PartialEq, Eq)]
struct Zone<'a> {
    active: bool,
    fields: BTreeMap<&'a str, &'a str>,
    rich: bool,
}

/// Services whose ports no release has changed, for bundles that lack the definitions.
const CONSTANT: [(&str, &[&str]); 9] = [
    ("ssh", &["tcp/22"]),
    ("http", &["tcp/80"]),
    ("https", &["tcp/443"]),
    ("cockpit", &["tcp/9090"]),
    ("iscsi-target", &["tcp/3260"]),
    ("dhcpv6-client", &["udp/546"]),
    ("ntp", &["udp/123"]),
    ("nfs", &["tcp/2049"]),
    ("dns", &["tcp/53", "udp/53"]),
];

/// The ports that are open to everyone, as `udp/5405` and `tcp/5900-5910`, sorted. `None` where the zones cannot be reduced
/// to such a list: zones that differ, rich rules, sources, policies, rules set directly, services that are not known.
pub fn open_ports(answer: &Answer) -> Option<Vec<String>> {
    let text = answer.text("firewalld")?;
    // The script adds a line for each kind of rule that the zones do not show.
    if text.lines().any(|line| line.starts_with("beside: ")) {
        return None;
    }
    let services: BTreeMap<&str, Vec<String>> = answer
        .items("firewalld-service")
        .filter(|section| section.is_whole())
        .filter_map(|section| Some((section.item.as_str(), service(&section.text())?)))
        .collect();
    let zones = zones(&text);
    let active: Vec<&Zone<'_>> = zones.iter().filter(|zone| zone.active).collect();
    let mut sets: Vec<BTreeSet<String>> = Vec::new();
    for zone in &active {
        let set = ports(zone, &services)?;
        if !sets.contains(&set) {
            sets.push(set);
        }
    }
    match sets.as_slice() {
        [only] => Some(only.iter().cloned().collect()),
        _ => None,
    }
}

fn zones(text: &str) -> Vec<Zone<'_>> {
    let mut out: Vec<Zone<'_>> = Vec::new();
    for line in text.lines() {
        if line.trim().is_empty() {
            continue;
        }
        let Some(last) = out.last_mut().filter(|_| line.starts_with([' ', '\t'])) else {
            // `public (active)`, in newer releases `public (default, active)`.
            let marks =
                line.split_once(" (").and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or_default();
            let active = marks.split(',').any(|mark| mark.trim() == "active");
            out.push(Zone { active, ..Zone::default() });
            continue;
        };
        match line.trim().split_once(':') {
            Some((key, value)) if !line.starts_with(['\t']) && !line.trim().starts_with("rule ") => {
                last.fields.insert(key, value.trim());
                last.rich |= key == "rich rules" && !value.trim().is_empty();
            }
            // Rich rules stand below their heading.
            _ => last.rich |= line.trim().starts_with("rule "),
        }
    }
    out
}

/// What a zone lets in from everywhere.
fn ports(zone: &Zone<'_>, services: &BTreeMap<&str, Vec<String>>) -> Option<BTreeSet<String>> {
    let field = |key: &str| zone.fields.get(key).copied().unwrap_or_default();
    if zone.rich || !field("sources").is_empty() {
        return None;
    }
    match field("target") {
        "ACCEPT" => return Some(["tcp/1-65535", "udp/1-65535"].map(str::to_owned).into()),
        "default" | "DROP" | "%%REJECT%%" | "REJECT" => {}
        _ => return None,
    }
    // Whole protocols and ports of the other end let in more than a list of ports can tell.
    if ["protocols", "source-ports"].iter().any(|key| !field(key).is_empty()) {
        return None;
    }
    let mut out = BTreeSet::new();
    for name in field("services").split_whitespace() {
        let constant = || CONSTANT.iter().find(|(one, _)| *one == name).map(|(_, ports)| *ports);
        match services.get(name) {
            Some(ports) => out.extend(ports.iter().cloned()),
            None => out.extend(constant()?.iter().map(|port| (*port).to_owned())),
        }
    }
    for word in field("ports").split_whitespace() {
        let (ports, protocol) = word.split_once('/')?;
        out.insert(format!("{protocol}/{ports}"));
    }
    Some(out)
}

/// The ports in the definition of a service; `None` where it includes other services. Ports that are open to one address
/// only are not open to everyone.
fn service(xml: &str) -> Option<Vec<String>> {
    let mut reader = Reader::from_str(xml);
    let mut ports = Vec::new();
    let mut whole = false;
    let mut bounded = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => {
                let attribute = |name: &str| {
                    let found = element.attributes().flatten().find(|one| one.key.as_ref() == name)?;
                    Some(found.value.into_owned())
                };
                match element.name().as_ref() {
                    "port" => ports.push(format!("{}/{}", attribute("protocol")?, attribute("port")?)),
                    "destination" => bounded = true,
                    "include" => return None,
                    _ => {}
                }
            }
            Event::End(element) => whole |= element.name().as_ref() == "service",
            Event::Eof => return whole.then_some(if bounded { Vec::new() } else { ports }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ZONES: &str = "block\n  target: %%REJECT%%\n  services: \n  ports: \n  rich rules: \n\npublic (active)\n  target: default\n  icmp-block-inversion: no\n  interfaces: eth0 eth1\n  sources: \n  services: high-availability ssh\n  ports: 7788-7790/tcp 3121/tcp\n  protocols: \n  forward: yes\n  masquerade: no\n  forward-ports: \n  source-ports: \n  icmp-blocks: \n  rich rules: \n\ntrusted\n  target: ACCEPT\n";
    const HA: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<service>\n  <short>Red Hat High Availability</short>\n  <port protocol=\"tcp\" port=\"2224\"/>\n  <port protocol=\"udp\" port=\"5404-5412\"/>\n</service>\n";

    fn answer(zones: &str) -> Answer {
        let of =
            |name: &str, item: &str, text: &str| (name.to_owned(), item.to_owned(), text.as_bytes().to_vec());
        Answer::of_outputs([of("firewalld", "", zones), of("firewalld-service", "high-availability", HA)])
    }

    #[test]
    fn services_are_spelt_out() {
        let ports = open_ports(&answer(ZONES)).unwrap();
        assert_eq!(ports, ["tcp/22", "tcp/2224", "tcp/3121", "tcp/7788-7790", "udp/5404-5412"]);
        let all = ZONES.replace("trusted", "trusted (active)").replace("public (active)", "public");
        assert_eq!(open_ports(&answer(&all)).unwrap(), ["tcp/1-65535", "udp/1-65535"]);
    }

    #[test]
    fn what_cannot_be_reduced_is_not_known() {
        for (from, to) in [
            (
                "  rich rules: \n\ntrusted",
                "  rich rules: \n\trule family=\"ipv4\" source address=\"10.0.0.0/24\" accept\n\ntrusted",
            ),
            ("sources: ", "sources: 10.0.0.0/24"),
            ("protocols: ", "protocols: vrrp"),
            ("services: high-availability", "services: home-made"),
            ("trusted\n", "trusted (active)\n"),
            ("target: default", "target: maybe"),
            ("public (active)", "public"),
            ("block\n", "beside: direct rules\nblock\n"),
        ] {
            let zones = ZONES.replace(from, to);
            assert_ne!(zones, ZONES, "{from}");
            assert_eq!(open_ports(&answer(&zones)), None, "{to}");
        }
        assert_eq!(open_ports(&Answer::default()), None);
        assert_eq!(open_ports(&answer("FirewallD is not running\n")), None);
    }

    #[test]
    fn definitions_are_read_whole_or_not() {
        assert_eq!(service("<service><port port=\"1\""), None);
        assert_eq!(service("<service><include service=\"ssh\"/></service>"), None);
        let multicast =
            "<service><port protocol=\"udp\" port=\"5353\"/><destination ipv4=\"224.0.0.251\"/></service>";
        assert_eq!(service(multicast), Some(Vec::new()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn hostile_text_is_survived(text in "[a-z:() \n\t/0-9]{0,300}", xml in "[<>/a-z\"= ]{0,100}") {
            open_ports(&answer(&text));
            service(&xml);
        }
    }
}
