//! The networks that join the nodes.

use super::words::{Twice, filled, label};
use crate::inventory::model::NetworkPlan;
use crate::inventory::raw::RawNetwork;
use crate::source::{Problems, Spanned, Text};
use ipnet::IpNet;

/// Least and largest MTU (RFC 791 has 68 as the least).
const MTU: std::ops::RangeInclusive<i64> = 68..=65_535;

pub fn networks(list: Vec<RawNetwork>, problems: &mut Problems) -> Vec<NetworkPlan> {
    let mut twice = Twice::new("network");
    let mut out = Vec::new();
    for raw in list {
        let name = raw.name.and_then(|name| label(name, problems));
        if let Some(name) = &name {
            twice.check(name.value.clone(), &name.inner(), problems);
        }
        if raw.subnets.as_ref().is_some_and(Vec::is_empty) {
            problems.push(raw.span.problem("the network has no subnet", "`subnets` is empty"));
        }
        let subnets = raw.subnets.map(|subnets| subnets_of(subnets, problems));
        let mtu = raw.mtu.and_then(|mtu| mtu_of(&mtu, problems));
        let switches = raw.switches.map(|switches| names(switches, "switch", problems));
        let (Some(name), Some(role), Some(subnets)) = (name, raw.role, subnets) else { continue };
        out.push(NetworkPlan {
            name: name.value,
            role: role.value,
            subnets,
            mtu,
            switches,
            place: raw.span.place(),
        });
    }
    out
}

fn names(list: Vec<Text>, what: &'static str, problems: &mut Problems) -> Vec<String> {
    let mut twice = Twice::new(what);
    let mut out = Vec::new();
    for text in list.into_iter().filter_map(|text| filled(text, &mut *problems)).collect::<Vec<_>>() {
        twice.check(text.value.clone(), &text.inner(), problems);
        out.push(text.value);
    }
    out
}

fn mtu_of(mtu: &Spanned<i64>, problems: &mut Problems) -> Option<i64> {
    if MTU.contains(&mtu.value) {
        return Some(mtu.value);
    }
    let message = format!("an MTU is from {} to {}", MTU.start(), MTU.end());
    problems.push(mtu.span.problem(message, "out of this range"));
    None
}

fn subnets_of(list: Vec<Text>, problems: &mut Problems) -> Vec<IpNet> {
    let mut twice = Twice::new("subnet");
    let mut out = Vec::new();
    for text in list {
        if let Some(subnet) = subnet_of(&text, problems)
            && twice.check(subnet.to_string(), &text.inner(), problems)
        {
            out.push(subnet);
        }
    }
    out
}

fn subnet_of(text: &Text, problems: &mut Problems) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(subnet) if subnet == subnet.trunc() => return Some(subnet),
        Ok(subnet) => problems.push(
            text.problem(
                format!("`{text}` is an address on a subnet, not a subnet"),
                "has bits behind its prefix",
            )
            .help(format!("did you mean \"{}\"?", subnet.trunc())),
        ),
        Err(_) => {
            let help = match text.parse::<std::net::IpAddr>() {
                Ok(_) => format!("say how long the prefix is: \"{text}/24\""),
                Err(_) => "write it as \"10.0.0.0/24\" or \"fd00::/64\"".to_owned(),
            };
            problems.push(text.problem(format!("`{text}` is no subnet"), "cannot be read").help(help));
        }
    }
    None
}
