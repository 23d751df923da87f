//! Kernel modules in the boot configuration and those that are loaded: `/etc/modules-load.d`, `/etc/modprobe.d`,
//! `/proc/modules` (any account).

use crate::facts::KernelModules;
use std::collections::BTreeSet;

/// Modules that a cluster cares for. Watchdogs are told by the end of their name as well.
const WANTED: [&str; 12] = [
    "softdog",
    "hpwdt",
    "iTCO_wdt",
    "ipmi_watchdog",
    "drbd",
    "dlm",
    "gfs2",
    "ocfs2",
    "ocfs2_dlmfs",
    "i6300esb",
    "ib700wdt",
    "diag288_wdt",
];

/// Lines of the files that name modules for the start: one module a line.
pub fn at_boot(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    sorted(lines.filter_map(|line| line.split_whitespace().next()))
}

/// Modules in lines `blacklist MODULE`, and those whose `install` does nothing.
pub fn blacklisted(text: &str) -> Vec<String> {
    sorted(text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["blacklist", module, ..]
            | ["install", module, "/bin/true" | "/bin/false" | "/usr/bin/true" | "/usr/bin/false", ..] => {
                Some(*module)
            }
            _ => None,
        }
    }))
}

/// Modules of `/proc/modules`, or of the output of `lsmod`: those that a cluster cares for.
pub fn loaded(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    sorted(names.filter(|name| WANTED.contains(name) || name.ends_with("_wdt") || name.ends_with("_tco")))
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}

/// All of it, each part where its text is there.
pub fn parse(boot: Option<&str>, configuration: Option<&str>, now: Option<&str>) -> KernelModules {
    KernelModules {
        at_boot: boot.map(at_boot),
        blacklisted: configuration.map(blacklisted),
        loaded: now.map(loaded),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_read() {
        let modules = parse(
            Some("# x\nsoftdog\n\nbr_netfilter\nsoftdog\n"),
            Some("blacklist iTCO_wdt\ninstall hpwdt /bin/true\noptions softdog soft_margin=60\n"),
            Some("softdog 16384 2 - Live 0x0\nsp5100_tco 20480 0\next4 1 1\nsp805_wdt 1 0\n"),
        );
        assert_eq!(modules.at_boot, Some(vec!["br_netfilter".into(), "softdog".into()]));
        assert_eq!(modules.blacklisted, Some(vec!["hpwdt".into(), "iTCO_wdt".into()]));
        assert_eq!(modules.loaded, Some(vec!["softdog".into(), "sp5100_tco".into(), "sp805_wdt".into()]));
        assert_eq!(parse(None, None, None), KernelModules::default());
    }
}
