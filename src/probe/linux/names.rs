//! Names: what `getent ahosts NAME...` resolves (any account), `/etc/hosts` and `/etc/resolv.conf` (any account).

use super::text::unique_by_key;
use crate::facts::{HostsEntry, NameLookup, Resolver};
use std::net::IpAddr;

/// Reads the answer of one `getent ahosts` for several names, all of which it found. Each name's answer begins with a
/// line that bears a canonical name; where that does not yield one answer for each name, `None`.
pub fn getent_all(names: &[&str], text: &str) -> Option<Vec<NameLookup>> {
    let mut answers: Vec<Vec<String>> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.len() > 2 {
            answers.push(Vec::new());
        }
        answers.last_mut()?.push((*words.first()?).to_owned());
    }
    (answers.len() == names.len())
        .then(|| names.iter().zip(answers).map(|(name, found)| lookup(name, found)).collect())
}

/// Reads the answer of `getent ahosts` for one name; empty where the name does not resolve.
pub fn getent_one(name: &str, text: &str) -> NameLookup {
    lookup(name, text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// Looks a name up in `/etc/hosts`; `None` where the file does not name it, since something else may.
pub fn in_hosts(name: &str, hosts: &str) -> Option<NameLookup> {
    let named = hosts.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let address = words.next()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then(|| address.to_owned())
    });
    let addresses: Vec<String> = named.collect();
    (!addresses.is_empty()).then(|| lookup(name, addresses))
}

/// Reads hosts(5): a line for each entry, comments left out.
pub fn hosts_file(text: &str) -> Vec<HostsEntry> {
    let entries = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        let (address, names) = words.split_first()?;
        let bare = address.split('%').next().unwrap_or_default();
        (bare.parse::<IpAddr>().is_ok() && !names.is_empty()).then(|| HostsEntry {
            id: words.join(" "),
            address: Some((*address).to_owned()),
            names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        })
    });
    let mut entries: Vec<HostsEntry> = entries.collect();
    unique_by_key(&mut entries, |entry| &entry.id);
    entries
}

fn lookup(name: &str, mut addresses: Vec<String>) -> NameLookup {
    addresses.retain(|address| {
        let bare = address.split('%').next().unwrap_or_default();
        bare.parse::<IpAddr>().is_ok()
    });
    addresses.sort();
    addresses.dedup();
    NameLookup { name: name.to_owned(), addresses: Some(addresses) }
}

/// Reads resolv.conf(5).
pub fn resolver(text: &str) -> Resolver {
    let mut servers = Vec::new();
    let mut search = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => servers.extend(words.next().map(str::to_owned)),
            // The last of the two counts, whichever it is.
            Some("search") => search = words.map(str::to_owned).collect(),
            Some("domain") => search = words.take(1).map(str::to_owned).collect(),
            _ => {}
        }
    }
    Resolver { servers: Some(servers), search: Some(search) }
}

/// Whether a resolver only asks the one on this machine that systemd runs.
pub fn is_local_stub(resolver: &Resolver) -> bool {
    let stub = |server: &String| server == "127.0.0.53" || server == "127.0.0.54";
    resolver.servers.as_ref().is_some_and(|servers| !servers.is_empty() && servers.iter().all(stub))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_go_to_the_names_they_belong_to() {
        let text = "10.0.0.11       STREAM hv1\n10.0.0.11       DGRAM  \n10.0.0.11       RAW    \n10.0.0.12       STREAM hv2.example.com\n10.0.0.12       DGRAM  \nfd00::12        STREAM \n";
        let all = getent_all(&["hv1", "hv2"], text).unwrap();
        assert_eq!(all[0].addresses.as_deref(), Some(&["10.0.0.11".to_owned()][..]));
        assert_eq!(all[1].addresses.as_deref(), Some(&["10.0.0.12".to_owned(), "fd00::12".to_owned()][..]));
        assert_eq!(
            getent_all(&["hv1", "hv2", "hv3"], text),
            None,
            "one answer is not there: nobody knows whose"
        );
    }

    #[test]
    fn a_name_without_address_is_known_not_to_resolve() {
        assert_eq!(getent_one("hv9", "").addresses, Some(Vec::new()));
    }

    #[test]
    fn hosts_files_are_read() {
        let hosts = include_str!("../../../fixtures/linux/hosts");
        assert_eq!(in_hosts("hv1", hosts).unwrap().addresses, Some(vec!["10.20.0.11".to_owned()]));
        assert_eq!(
            in_hosts("HV2.example.com", hosts).unwrap().addresses,
            Some(vec!["10.20.0.12".to_owned()])
        );
        assert_eq!(in_hosts("hv3", hosts), None, "a comment names nobody");
        let odd = hosts_file(
            "10.0.0.1\tn1.example.net  n1 # n2\n\n# 10.0.0.3 n3\nnonsense n4\n10.0.0.5\n10.0.0.1 n1.example.net n1\n",
        );
        assert_eq!(odd.len(), 1);
        assert_eq!(odd[0].id, "10.0.0.1 n1.example.net n1");
        assert_eq!(odd[0].names, Some(vec!["n1.example.net".into(), "n1".into()]));
    }

    #[test]
    fn resolvers_are_read() {
        let stub = resolver("# x\nnameserver 127.0.0.53\noptions edns0\nsearch a.example b.example\n");
        assert!(is_local_stub(&stub));
        assert_eq!(stub.search, Some(vec!["a.example".into(), "b.example".into()]));
        assert_eq!(
            resolver("domain a.example\nnameserver 10.0.0.53\nnameserver 10.0.1.53\n").servers.unwrap().len(),
            2
        );
        assert!(!is_local_stub(&resolver("")));
    }
}
