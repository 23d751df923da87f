//! The distributed lock manager: `dlm_tool ls`, `/sys/kernel/config/dlm/cluster/protocol`, `/etc/dlm/dlm.conf` (root).

use crate::facts::Dlm;
use crate::probe::answer::{Answer, Status};

/// Reads what the answer holds. `active` is whether its daemon runs, where processes can be seen.
pub fn read(answer: &Answer, active: Option<bool>) -> Dlm {
    // What runs goes before the file: `detect` there leaves the choice to the number of links.
    let running = answer.text("dlm-protocol").and_then(|text| match text.trim() {
        "0" => Some("tcp".to_owned()),
        "1" => Some("sctp".to_owned()),
        _ => None,
    });
    let stated = || answer.text("dlm-conf").and_then(|text| protocol(&text));
    let listed = answer.text("dlm-ls").and_then(|text| lockspaces(&text));
    Dlm {
        active: active.or_else(|| listed.as_ref().filter(|all| !all.is_empty()).map(|_| true)),
        protocol: running.or_else(stated),
        lockspaces: listed.or_else(|| {
            let skipped = answer.section("dlm-ls").is_some_and(|section| section.status == Status::Skipped);
            (skipped || active == Some(false)).then(Vec::new)
        }),
    }
}

/// Names of lock spaces in `dlm_tool ls`, with or without `-n`: the line `name` begins each. Nothing at all is said where
/// there are none; other words are a message.
fn lockspaces(text: &str) -> Option<Vec<String>> {
    if !text.trim().is_empty() && !text.lines().any(|line| line.trim() == "dlm lockspaces") {
        return None;
    }
    let names = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "name").then(|| words.next().map(str::to_owned)).flatten()
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    Some(names)
}

/// The protocol that dlm.conf(5) states.
fn protocol(text: &str) -> Option<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let value = lines.filter_map(|line| line.split_once('=')).rfind(|(key, _)| key.trim() == "protocol");
    value.map(|(_, word)| word.trim().to_owned()).filter(|word| word == "tcp" || word == "sctp")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LS: &str = "dlm lockspaces\nname          lvm_shared\nid            0x7a1d5cd9\nflags         0x00000000 \nchange        member 2 joined 1 remove 0 failed 0 seq 2,2\nmembers       1 2 \n\nname          gfs2data\nid            0x12345678\n";

    fn answer(outputs: &[(&str, &str)]) -> Answer {
        Answer::of_outputs(
            outputs.iter().map(|(name, text)| ((*name).into(), String::new(), text.as_bytes().to_vec())),
        )
    }

    #[test]
    fn lock_spaces_and_protocol_are_read() {
        let dlm = read(
            &answer(&[("dlm-ls", LS), ("dlm-protocol", "0\n"), ("dlm-conf", "protocol=sctp\n")]),
            Some(true),
        );
        assert_eq!(dlm.lockspaces, Some(vec!["gfs2data".into(), "lvm_shared".into()]));
        assert_eq!(dlm.protocol.as_deref(), Some("tcp"), "what runs goes before the file");
        let file =
            read(&answer(&[("dlm-conf", "# protocol=tcp\nenable_fencing=1\nprotocol = sctp # x\n")]), None);
        assert_eq!((file.protocol.as_deref(), file.active, file.lockspaces), (Some("sctp"), None, None));
        assert_eq!(read(&answer(&[("dlm-conf", "protocol=detect\n")]), None).protocol, None);
    }

    #[test]
    fn one_that_does_not_run_has_no_lock_spaces() {
        assert_eq!(read(&Answer::default(), Some(false)).lockspaces, Some(Vec::new()));
        assert_eq!(read(&Answer::default(), None), Dlm::default());
        assert_eq!(lockspaces(""), Some(Vec::new()));
        assert_eq!(lockspaces("dlm_tool: command not found\n"), None);
    }
}
