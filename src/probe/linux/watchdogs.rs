//! Watchdog devices: `/sys/class/watchdog` (any account) and who holds them open, out of `/proc/PID/fd` (root).
//!
//! No watchdog device is ever opened: that arms it.

use super::text::{attributes, base_name, filled, links};
use crate::facts::{Seconds, Watchdog};

/// Reads the attributes (`PATH:LINE`), the links of `ls -ldn` that lead to the kernel modules, and the lines
/// `DEVICE PROCESS` of who holds one open, where that could be looked at. `loaded` are the modules that are loaded.
pub fn parse(values: &str, symbolic: &str, users: Option<&str>, loaded: Option<&[String]>) -> Vec<Watchdog> {
    let mut out: Vec<Watchdog> = Vec::new();
    for attribute in attributes(values, "/sys/class/watchdog/") {
        let device = format!("/dev/{}", attribute.device);
        let at = out.iter().position(|known| known.device == device).unwrap_or_else(|| {
            out.push(Watchdog { device, ..Watchdog::default() });
            out.len() - 1
        });
        match attribute.name {
            "identity" => out[at].identity = filled(attribute.value),
            "timeout" => out[at].timeout_s = attribute.value.parse().ok().map(Seconds),
            "state" => {
                out[at].active = match attribute.value {
                    "active" => Some(true),
                    "inactive" => Some(false),
                    _ => None,
                }
            }
            _ => {}
        }
    }
    for (path, target) in links(symbolic) {
        let Some(rest) = path.strip_prefix("/sys/class/watchdog/") else { continue };
        let Some((name, below)) = rest.split_once('/') else { continue };
        if below == "device/driver/module"
            && let Some(found) = out.iter_mut().find(|known| base_name(&known.device) == name)
        {
            found.driver = filled(base_name(target));
        }
    }
    for watchdog in &mut out {
        // The one in software has no device below it that would lead to its module.
        if watchdog.driver.is_none()
            && watchdog.identity.as_deref() == Some("Software Watchdog")
            && let Some(loaded) = loaded
        {
            let module = loaded.iter().any(|module| module == "softdog");
            watchdog.driver = Some(if module { "softdog".to_owned() } else { String::new() });
        }
        watchdog.users = users.map(|users| {
            let mut names: Vec<String> = users
                .lines()
                .filter_map(|line| line.split_once(' '))
                // The first device has a second name.
                .filter(|(device, _)| {
                    *device == watchdog.device
                        || *device == "/dev/watchdog" && watchdog.device == "/dev/watchdog0"
                })
                .map(|(_, process)| process.trim().to_owned())
                .collect();
            names.sort();
            names.dedup();
            names
        });
    }
    out.sort_by(|one, other| one.device.cmp(&other.device));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: &str = "/sys/class/watchdog/watchdog0/identity:iTCO_wdt\n/sys/class/watchdog/watchdog0/timeout:30\n\
        /sys/class/watchdog/watchdog0/state:active\n/sys/class/watchdog/watchdog1/identity:Software Watchdog\n\
        /sys/class/watchdog/watchdog1/timeout:60\n/sys/class/watchdog/watchdog1/state:inactive\n";
    const LINKS: &str = "lrwxrwxrwx 1 0 0 0 Nov 21 01:38 /sys/class/watchdog/watchdog0/device/driver/module -> ../../../../module/iTCO_wdt\n";

    #[test]
    fn watchdogs_are_read() {
        let loaded = ["softdog".to_owned()];
        let all = parse(
            VALUES,
            LINKS,
            Some("/dev/watchdog sbd\n/dev/watchdog0 sbd\n/dev/watchdog0 wd_keepalive\n"),
            Some(&loaded),
        );
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].device.as_str(), all[0].driver.as_deref()), ("/dev/watchdog0", Some("iTCO_wdt")));
        assert_eq!((all[0].timeout_s, all[0].active), (Some(Seconds(30)), Some(true)));
        assert_eq!(all[0].users, Some(vec!["sbd".into(), "wd_keepalive".into()]));
        assert_eq!((all[1].driver.as_deref(), all[1].users.as_deref()), (Some("softdog"), Some(&[][..])));
        let unknown = parse(VALUES, "", None, None);
        assert_eq!((unknown[1].driver.as_ref(), unknown[0].users.as_ref()), (None, None));
        assert!(parse("", "", Some(""), None).is_empty());
    }
}
