//! The members of the cluster and how to probe them.

use super::words::{Twice, filled, host_word, machine_name, path};
use crate::inventory::model::{NodePlan, ProbeMethod, SshTarget};
use crate::inventory::raw::RawNode;
use crate::source::{Problems, Span, Text, did_you_mean};
use std::path::Path;

pub fn nodes(list: Vec<RawNode>, directory: &Path, problems: &mut Problems) -> Vec<NodePlan> {
    let mut twice = Twice::new("node");
    let mut local: Option<Span> = None;
    let mut out = Vec::new();
    for raw in list {
        let name = raw.name.and_then(|name| machine_name(name, "a node's name", problems));
        if let Some(name) = &name {
            // Host names are the same whatever the case of their letters.
            twice.check(name.to_lowercase(), &name.inner(), problems);
        }
        let probe = raw.probe.and_then(|text| {
            let probe = probe_method(&text, directory, problems)?;
            if probe == ProbeMethod::Local {
                let here = text.inner();
                if let Some(first) = &local {
                    problems.push(
                        here.problem("two nodes cannot both be this machine", "given here again")
                            .label(first, "given here first"),
                    );
                }
                local.get_or_insert(here);
            }
            Some((probe, text.inner()))
        });
        let sudo = raw.sudo.filter(|sudo| sudo.value);
        if let (Some(sudo), Some((ProbeMethod::Facts(_) | ProbeMethod::None, _))) = (&sudo, &probe) {
            problems.push(
                sudo.span
                    .problem("nothing is run on this node, so nothing needs sudo", "has no use here")
                    .help("`sudo` goes with `probe = \"ssh://...\"` or `probe = \"local\"`"),
            );
        }
        let site = raw.site.and_then(|site| filled(site, problems));
        let physical_host = raw.physical_host.and_then(|host| filled(host, problems));
        let declared = raw.declare.unwrap_or_default();
        let (Some(name), Some((probe, probe_span))) = (name, probe) else { continue };
        out.push(NodePlan {
            name: name.value,
            probe,
            probe_span,
            sudo: sudo.is_some(),
            site: site.map(|site| site.value),
            physical_host: physical_host.map(|host| host.value),
            declared: declared.facts,
            declared_places: declared.places,
            place: raw.span.place(),
        });
    }
    out
}

const HELP: &str = "write \"local\", \"ssh://[user@]host[:port]\", \"facts:FILE\" or \"none\"";

fn probe_method(text: &Text, directory: &Path, problems: &mut Problems) -> Option<ProbeMethod> {
    if let Some(rest) = text.strip_prefix("ssh://") {
        return ssh_target(text, text.len() - rest.len(), problems).map(ProbeMethod::Ssh);
    }
    if let Some(rest) = text.strip_prefix("facts:") {
        let file = Text { value: rest.to_owned(), span: text.within(text.len() - rest.len()..text.len()) };
        return path(&file, directory, problems).map(ProbeMethod::Facts);
    }
    match text.as_str() {
        "local" => return Some(ProbeMethod::Local),
        "none" => return Some(ProbeMethod::None),
        _ => {}
    }
    let scheme = text.split(':').next().unwrap_or_default();
    let help = match did_you_mean(scheme, ["local", "ssh", "facts", "none"]) {
        Some(near) if near.starts_with("did you mean") => format!("{near} {HELP}"),
        _ if !text.contains(':') && host_word(text).is_ok() => {
            format!("did you mean \"ssh://{text}\"? {HELP}")
        }
        _ => HELP.to_owned(),
    };
    problems.push(text.problem(format!("`{text}` is no way to probe a node"), "not known").help(help));
    None
}

/// The part behind `ssh://`, which begins at that byte.
fn ssh_target(text: &Text, start: usize, problems: &mut Problems) -> Option<SshTarget> {
    let rest = &text[start..];
    let mut wrong = |range: std::ops::Range<usize>, message: &str, label: &str, help: &str| {
        problems.push(text.within(range).problem(message, label).help(help));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, host_start) = match authority.rsplit_once('@') {
        Some((user, _)) => (Some(user), start + user.len() + 1),
        None => (None, start),
    };
    if let Some((_, password)) = user.and_then(|user| user.split_once(':')) {
        let at = host_start - 1 - password.len()..host_start - 1;
        problems.mask(&text.within(at.clone()));
        let help = "use a key or an agent; ssh asks for no password here";
        problems.push(
            text.within(at).problem("a password cannot be given here", "a secret in plain text").help(help),
        );
        return None;
    }
    if authority.len() < rest.len() {
        let at = start + authority.len()..text.len();
        wrong(at, "nothing can follow the host and port", "leave it out", HELP);
        return None;
    }
    if let Some(user) = user {
        let bad = user.char_indices().find(|(_, c)| c.is_whitespace() || c.is_control());
        if user.is_empty() {
            wrong(start..host_start, "the user before the `@` is empty", "a name, or no `@`", HELP);
            return None;
        }
        if user.starts_with('-') {
            wrong(start..start + 1, "a user cannot begin with `-`", "ssh would take it for an option", HELP);
            return None;
        }
        if let Some((at, c)) = bad {
            let at = start + at..start + at + c.len_utf8();
            wrong(at, "a user cannot hold blanks or control characters", "here", HELP);
            return None;
        }
    }
    let (host, port) = split_port(&text[host_start..]);
    let host_at = text[host_start..].find(host).map_or(host_start, |at| host_start + at);
    if host.is_empty() {
        wrong(host_start..text.len(), "the host is missing", "a host is wanted", HELP);
        return None;
    }
    if host.starts_with('-') {
        wrong(host_at..host_at + 1, "a host cannot begin with `-`", "ssh would take it for an option", HELP);
        return None;
    }
    if let Err((at, length, why)) = host_word(host) {
        let at = host_at + at..host_at + at + length;
        wrong(at, &format!("`{host}` is no host"), why, "a name, an address, or [an IPv6 address]");
        return None;
    }
    let port = match port {
        None => None,
        Some(digits) => match digits.parse::<u16>() {
            Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(port),
            _ => {
                let at = text.len() - digits.len()..text.len();
                wrong(at, &format!("`{digits}` is no port"), "a number from 1 to 65535 is wanted", HELP);
                return None;
            }
        },
    };
    Some(SshTarget { user: user.map(str::to_owned), host: host.to_owned(), port })
}

/// Host and port, the host without brackets. A bare IPv6 address has no port.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some((host, after)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return match after.strip_prefix(':') {
            Some(port) => (host, Some(port)),
            None if after.is_empty() => (host, None),
            None => (text, None),
        };
    }
    // An IPv6 address may name its link after a `%`.
    if text.split('%').next().is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()) {
        return (text, None);
    }
    match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}
