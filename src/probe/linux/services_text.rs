//! Services as a support bundle keeps them: `systemctl list-unit-files`, `systemctl list-units`, `systemctl status`.

use crate::facts::{Service, Startup};
use std::collections::HashMap;

/// The services that are asked for on a live host.
pub const SERVICES: &str = "corosync pacemaker pacemaker_remote pcsd sbd corosync-qdevice corosync-qnetd dlm lvmlockd \
    drbd booth-site multipathd iscsid iscsi open-iscsi chronyd chrony ntpd ntp ntpsec systemd-timesyncd ptp4l firewalld \
    ufw nftables iptables sshd ssh NetworkManager systemd-networkd networking wicked lldpd libvirtd watchdog-mux \
    pve-cluster pve-ha-crm pve-ha-lrm";

/// What is known of one unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Unit<'a> {
    /// State of its file: `enabled`, `static`; empty for none that was told.
    file: &'a str,
    /// Whether it is loaded at all, as far as that was told.
    loaded: Option<bool>,
    /// State: `active`, `inactive`; empty for none that was told.
    active: &'a str,
}

/// Reads the outputs that are there. Where files are listed, a unit that is not among them is not installed; where units
/// are listed, one that is not among them is not active. Without any of them, nothing is known.
pub fn parse(files: Option<&str>, units: Option<&str>, status: &[&str]) -> Vec<Service> {
    let mut known: HashMap<&str, Unit<'_>> = HashMap::new();
    for text in status {
        add_status(text, &mut known);
    }
    let all_units = units.is_some_and(|text| add_units(text, &mut known));
    let all_files = files.is_some_and(|text| add_files(text, &mut known));
    let by_socket = |name: &str| {
        let socket = known.get(format!("{name}.socket").as_str()).copied().unwrap_or_default();
        startup(socket.file) == Some(Startup::Automatic)
    };
    let services = SERVICES.split_whitespace().filter_map(|name| {
        let unit = known.get(format!("{name}.service").as_str()).copied();
        let installed = match unit {
            Some(unit) if unit.loaded == Some(false) && unit.file.is_empty() => Some(false),
            // An alias is no second service.
            Some(unit) if unit.file == "alias" => return None,
            Some(_) => Some(true),
            None => all_files.then_some(false),
        };
        let unit = unit.unwrap_or_default();
        if installed.is_none() && !all_units {
            return None;
        }
        Some(Service {
            name: name.to_owned(),
            installed,
            startup: match installed {
                Some(false) => Some(Startup::Disabled),
                _ if by_socket(name) => Some(Startup::Automatic),
                _ => startup(unit.file),
            },
            active: match unit.active {
                "active" | "reloading" | "refreshing" => Some(true),
                "inactive" | "failed" | "activating" | "deactivating" => Some(false),
                _ if installed == Some(false) || all_units => Some(false),
                _ => None,
            },
            depends_on: None,
        })
    });
    services.collect()
}

/// When a unit starts, by the state of its file. Those without a switch of their own start when something wants them: the
/// listing does not tell whether.
fn startup(state: &str) -> Option<Startup> {
    match state {
        "enabled" | "enabled-runtime" | "linked" | "linked-runtime" => Some(Startup::Automatic),
        "disabled" => Some(Startup::Manual),
        "masked" | "masked-runtime" | "bad" => Some(Startup::Disabled),
        _ => None,
    }
}

/// A word that names a unit which is a service or a socket.
fn is_unit(word: &str) -> bool {
    word.ends_with(".service") || word.ends_with(".socket")
}

/// Lines of `UNIT STATE`; whether there are enough of them for a whole system.
fn add_files<'a>(text: &'a str, known: &mut HashMap<&'a str, Unit<'a>>) -> bool {
    let mut count = 0;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(state)) = (words.next().filter(|word| is_unit(word)), words.next()) else {
            continue;
        };
        count += 1;
        let unit = known.entry(name).or_default();
        unit.file = state;
        unit.loaded = Some(true);
    }
    count >= 10
}

/// Lines of `UNIT LOAD ACTIVE SUB DESCRIPTION`, some behind a mark; whether there are enough of them for a whole system.
fn add_units<'a>(text: &'a str, known: &mut HashMap<&'a str, Unit<'a>>) -> bool {
    let mut count = 0;
    for line in text.lines() {
        let mut words = line.split_whitespace().skip_while(|word| word.chars().count() == 1);
        let (Some(name), Some(load), Some(active)) =
            (words.next().filter(|word| is_unit(word)), words.next(), words.next())
        else {
            continue;
        };
        count += 1;
        let unit = known.entry(name).or_default();
        unit.loaded = Some(load != "not-found");
        unit.active = active;
    }
    count >= 10
}

/// Blocks of `systemctl status`: `* UNIT - TEXT`, then `Loaded: loaded (PATH; STATE; ...)` and `Active: active (...)`.
fn add_status<'a>(text: &'a str, known: &mut HashMap<&'a str, Unit<'a>>) {
    let mut open: Option<&str> = None;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let marked = words.iter().skip_while(|word| word.chars().count() == 1).copied();
        match words.as_slice() {
            ["Unit", name, "could", "not", "be", "found."] => {
                known.entry(name).or_default().loaded = Some(false);
            }
            ["Loaded:", load, rest @ ..] => {
                let Some(name) = open else { continue };
                let unit = known.entry(name).or_default();
                unit.loaded = Some(*load != "not-found");
                unit.file = match *load {
                    "masked" => "masked",
                    _ => rest.get(1).map_or("", |state| state.trim_end_matches([';', ')'])),
                };
            }
            ["Active:", active, ..] => {
                let Some(name) = open else { continue };
                known.entry(name).or_default().active = active;
            }
            _ if !line.starts_with([' ', '\t']) || line.contains(" - ") => {
                let first = marked.clone().next().filter(|word| is_unit(word));
                // A line of the log or of the tree below is no heading.
                if first.is_some() && !line.starts_with("    ") {
                    open = first;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one<'a>(services: &'a [Service], name: &str) -> &'a Service {
        services.iter().find(|service| service.name == name).unwrap_or_else(|| panic!("{name}"))
    }

    fn files() -> String {
        let rows = "corosync.service                          enabled         disabled\nsbd.service                               disabled        disabled\niscsid.service                            static          -\niscsid.socket                             enabled         enabled\nfirewalld.service                         masked          enabled\nchrony.service alias -\n";
        let filler: String = (0..10).map(|at| format!("filler{at}.service  static -\n")).collect();
        format!(
            "UNIT FILE                                 STATE           VENDOR PRESET\n{rows}{filler}\n345 unit files listed.\n"
        )
    }

    const UNITS: &str = "  UNIT                  LOAD      ACTIVE   SUB     DESCRIPTION\n  corosync.service      loaded    active   running Corosync Cluster Engine\n● pcsd.service          loaded    failed   failed  PCS GUI\n● ntpd.service          not-found inactive dead    ntpd.service\n";

    fn units() -> String {
        let filler: String =
            (0..10).map(|at| format!("  filler{at}.service loaded active exited x\n")).collect();
        format!("{UNITS}{filler}\nLOAD   = Reflects whether the unit definition was properly loaded.\n")
    }

    #[test]
    fn the_script_asks_for_the_same_services() {
        let script = crate::probe::script::SCRIPT;
        let (_, after) = script.split_once("_u='").unwrap();
        let asked: Vec<&str> = after.split_once('\'').unwrap().0.split_whitespace().collect();
        assert_eq!(asked, SERVICES.split_whitespace().collect::<Vec<_>>());
    }

    #[test]
    fn files_and_units_together_tell_all() {
        let services = parse(Some(&files()), Some(&units()), &[]);
        let state = |name| {
            let service = one(&services, name);
            (service.installed, service.startup, service.active)
        };
        assert_eq!(state("corosync"), (Some(true), Some(Startup::Automatic), Some(true)));
        assert_eq!(
            state("sbd"),
            (Some(true), Some(Startup::Manual), Some(false)),
            "listed nowhere as a unit"
        );
        assert_eq!(state("iscsid").1, Some(Startup::Automatic), "its socket is enabled");
        assert_eq!(state("firewalld").1, Some(Startup::Disabled));
        assert_eq!(state("pacemaker"), (Some(false), Some(Startup::Disabled), Some(false)));
        assert_eq!(state("pcsd").2, Some(false), "failed is not active");
        assert_eq!(state("ntpd").0, Some(false));
        assert!(!services.iter().any(|service| service.name == "chrony"), "an alias");
    }

    #[test]
    fn each_alone_tells_what_it_can() {
        let only_files = parse(Some(&files()), None, &[]);
        assert_eq!(one(&only_files, "corosync").active, None);
        let only_units = parse(None, Some(&units()), &[]);
        let sbd = one(&only_units, "sbd");
        assert_eq!((sbd.installed, sbd.startup, sbd.active), (None, None, Some(false)));
        assert_eq!(parse(None, None, &[]), []);
        assert_eq!(parse(Some("Failed to connect to bus\n"), Some("x\n"), &[]), []);
    }

    #[test]
    fn status_is_read() {
        let text = "● corosync.service - Corosync Cluster Engine\n     Loaded: loaded (/usr/lib/systemd/system/corosync.service; enabled; vendor preset: disabled)\n     Active: active (running) since Tue 2025-03-04 10:11:12 CET; 3 days ago\n   Main PID: 1614 (corosync)\n\nMar 04 10:11:12 n1 systemd[1]: Started sbd.service - x.\nUnit pcsd.service could not be found.\n* sbd.service\n   Loaded: masked (Reason: Unit sbd.service is masked.)\n   Active: inactive (dead)\n";
        let services = parse(None, None, &[text]);
        let corosync = one(&services, "corosync");
        assert_eq!((corosync.startup, corosync.active), (Some(Startup::Automatic), Some(true)));
        assert_eq!(one(&services, "pcsd").installed, Some(false));
        assert_eq!(
            (one(&services, "sbd").startup, one(&services, "sbd").active),
            (Some(Startup::Disabled), Some(false))
        );
        assert!(!services.iter().any(|service| service.name == "pacemaker"), "of that nothing is said");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn hostile_text_is_survived(a in ".{0,200}", b in "[\u{25cf}* a-z.\n:;()-]{0,200}") {
            parse(Some(&a), Some(&b), &[&a, &b]);
            parse(Some(&b), Some(&a), &[]);
        }
    }
}
