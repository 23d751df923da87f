//! Which members of a bundle are kept, decided by their name alone, since a bundle is read once and what it is shows only
//! at its end.

use super::{crm, outputs, supportconfig};

/// How a member is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Its text.
    Text,
    /// Its SHA-256 and size: it is a key.
    Digest,
    /// The parts of it that are wanted.
    Blocks,
}

/// Files of a sosreport that tell of the report itself.
const OF_SOS: &[&str] = &["sos_reports/manifest.json", "version.txt"];

/// How a member is kept, by its name without `.` and `..`; `None` where nothing here can use it.
pub fn wanted(name: &str) -> Option<Keep> {
    let (folder, base) = name.rsplit_once('/').unwrap_or(("", name));
    let depth = folder.split('/').filter(|part| !part.is_empty()).count();
    if base == "authkey" {
        return Some(Keep::Digest);
    }
    if let Some(at) = name.find("sos_commands/") {
        let below = &name[at + "sos_commands/".len()..];
        let known = below.split_once('/').is_some_and(|(_, mangled)| outputs::of_mangled(mangled).is_some());
        // The list of packages has the whole question for its name; a link at the top leads to it.
        let known = known || below.starts_with("rpm/sh_-c_rpm_") && below.contains("-qa");
        let in_report = below.starts_with("pacemaker/crm_report/") && crm::FILES.contains(&base);
        return (known || in_report).then_some(Keep::Text);
    }
    if depth <= 2 && supportconfig::FILES.contains(&base) {
        return Some(Keep::Blocks);
    }
    if OF_SOS
        .iter()
        .any(|file| name == *file || name.strip_suffix(file).is_some_and(|rest| rest.ends_with('/')))
    {
        return Some(Keep::Text);
    }
    // At the top of a sosreport stand links to the outputs that are asked for most.
    if depth <= 1 && outputs::AT_TOP.iter().any(|(top, _)| *top == base) {
        return Some(Keep::Text);
    }
    if depth <= 6 && (crm::FILES.contains(&base) || folder.rsplit('/').next() == Some("drbd.d")) {
        return Some(Keep::Text);
    }
    // A copy of a file stands under its own path, below the bundle's folder.
    let mut path = name;
    for _ in 0..3 {
        if outputs::of_path(path).is_some() {
            return Some(Keep::Text);
        }
        path = path.split_once('/')?.1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_use_is_kept_wherever_it_stands() {
        for (name, keep) in [
            ("sosreport-a/sos_commands/multipath/multipath_-ll", Some(Keep::Text)),
            ("sosreport-a/etc/corosync/corosync.conf", Some(Keep::Text)),
            ("sosreport-a/etc/corosync/authkey", Some(Keep::Digest)),
            ("sosreport-a/proc/net/bonding/bond0", Some(Keep::Text)),
            ("sosreport-a/sos_reports/manifest.json", Some(Keep::Text)),
            ("sosreport-a/sos_commands/pacemaker/crm_report/hv1/cib.xml.live", Some(Keep::Text)),
            ("s/sos_commands/rpm/sh_-c_rpm_--nodigest_-qa_--qf_-59_NVRA", Some(Keep::Text)),
            ("s/sos_commands/rpm/rpm_-V_bash", None),
            ("etc/fstab", Some(Keep::Text)),
            ("report/hv1/cib.xml", Some(Keep::Text)),
            ("scc_a_1/ha.txt", Some(Keep::Blocks)),
            ("scc_a_1/hb_report/x/hv1/sysinfo.txt", Some(Keep::Text)),
            ("sosreport-a/var/log/messages", None),
            ("sosreport-a/sos_commands/logs/journalctl_--no-pager", None),
            ("scc_a_1/messages.txt", None),
            ("a/b/c/d/etc/fstab", None),
        ] {
            assert_eq!(wanted(name), keep, "{name}");
        }
    }
}
