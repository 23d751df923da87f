//! Services: `systemctl show` (any account), and where systemd does not run the machine, the files that start services at
//! boot and the daemons that run (any account).

use super::text::unique_by_key;
use crate::facts::{Service, Startup};
use std::collections::HashMap;

/// Services and the process that each of them is, as the kernel cuts its name.
const PROCESSES: [(&str, &str); 24] = [
    ("corosync", "corosync"),
    ("pacemaker", "pacemakerd"),
    ("pacemaker_remote", "pacemaker-remot"),
    ("pcsd", "pcsd"),
    ("sbd", "sbd"),
    ("corosync-qdevice", "corosync-qdevic"),
    ("corosync-qnetd", "corosync-qnetd"),
    ("dlm", "dlm_controld"),
    ("lvmlockd", "lvmlockd"),
    ("multipathd", "multipathd"),
    ("iscsid", "iscsid"),
    ("chronyd", "chronyd"),
    ("chrony", "chronyd"),
    ("ntpd", "ntpd"),
    ("ntp", "ntpd"),
    ("ntpsec", "ntpd"),
    ("systemd-timesyncd", "systemd-timesyn"),
    ("ptp4l", "ptp4l"),
    ("firewalld", "firewalld"),
    ("sshd", "sshd"),
    ("ssh", "sshd"),
    ("NetworkManager", "NetworkManager"),
    ("lldpd", "lldpd"),
    ("libvirtd", "libvirtd"),
];

/// Reads `systemctl show -p Id -p Names -p LoadState -p ActiveState -p UnitFileState -p WantedBy UNIT...`: blocks of
/// `KEY=VALUE` with a blank line between. A service that a socket starts at boot counts as started at boot.
pub fn systemctl(text: &str) -> Vec<Service> {
    let mut out = Vec::new();
    let mut started_by_socket = Vec::new();
    for block in text.split("\n\n") {
        let fields: HashMap<&str, &str> =
            block.lines().filter_map(|line| line.trim().split_once('=')).collect();
        let get = |key: &str| fields.get(key).copied().unwrap_or_default();
        let Some((name, kind)) = get("Id").rsplit_once('.') else { continue };
        let installed = match get("LoadState") {
            "" => continue,
            "not-found" => false,
            _ => true,
        };
        let startup = startup(get("UnitFileState"), get("LoadState"), get("WantedBy"));
        if kind == "socket" {
            if startup == Some(Startup::Automatic) {
                started_by_socket.push(name.to_owned());
            }
            continue;
        }
        out.push(Service {
            depends_on: None,
            name: name.to_owned(),
            installed: Some(installed),
            startup: if installed { startup } else { Some(Startup::Disabled) },
            active: match get("ActiveState") {
                "active" | "reloading" | "refreshing" => Some(true),
                "inactive" | "failed" | "activating" | "deactivating" => Some(false),
                _ => None,
            },
        });
    }
    for service in &mut out {
        if started_by_socket.contains(&service.name) && service.installed == Some(true) {
            service.startup = Some(Startup::Automatic);
        }
    }
    unique_by_key(&mut out, |service| &service.name);
    out
}

fn startup(state: &str, load: &str, wanted_by: &str) -> Option<Startup> {
    if load == "masked" {
        return Some(Startup::Disabled);
    }
    match state {
        "enabled" | "enabled-runtime" | "linked" | "linked-runtime" => Some(Startup::Automatic),
        "disabled" => Some(Startup::Manual),
        "masked" | "masked-runtime" | "bad" => Some(Startup::Disabled),
        // These have no switch of their own: they start at boot when something that starts at boot wants them.
        "static" | "indirect" | "generated" | "transient" | "alias" | "" => {
            let at_boot = wanted_by.split_whitespace().any(|unit| unit.ends_with(".target"));
            Some(if at_boot { Startup::Automatic } else { Startup::Manual })
        }
        _ => None,
    }
}

/// Reads the section `services-files`: a line for each service, its name, then `unit` or `init` where it is installed
/// and `enabled` where it starts at boot. `daemons` are the processes that run, where they can be seen.
pub fn files(text: &str, daemons: Option<&str>) -> Vec<Service> {
    let mut out = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { continue };
        let words: Vec<&str> = words.collect();
        let installed = words.contains(&"unit") || words.contains(&"init");
        let process = PROCESSES.iter().find(|(service, _)| *service == name).map(|(_, process)| *process);
        let runs = daemons.zip(process).map(|(all, process)| all.lines().any(|one| one.trim() == process));
        out.push(Service {
            depends_on: None,
            name: name.to_owned(),
            installed: Some(installed),
            startup: Some(match (installed, words.contains(&"enabled")) {
                (false, _) => Startup::Disabled,
                (true, true) => Startup::Automatic,
                (true, false) => Startup::Manual,
            }),
            active: if installed { runs } else { Some(false) },
        });
    }
    unique_by_key(&mut out, |service| &service.name);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one<'a>(services: &'a [Service], name: &str) -> &'a Service {
        services.iter().find(|service| service.name == name).unwrap()
    }

    #[test]
    fn systemd_is_read() {
        let services = systemctl(include_str!("../../../fixtures/linux/systemctl-show"));
        let corosync = one(&services, "corosync");
        assert_eq!(
            (corosync.installed, corosync.active, corosync.startup),
            (Some(true), Some(true), Some(Startup::Automatic))
        );
        let sbd = one(&services, "sbd");
        assert_eq!((sbd.installed, sbd.active), (Some(false), Some(false)));
        assert_eq!(one(&services, "iscsid").startup, Some(Startup::Automatic), "its socket is enabled");
        assert_eq!(one(&services, "pacemaker").startup, Some(Startup::Manual));
        assert_eq!(one(&services, "firewalld").startup, Some(Startup::Disabled), "masked");
        assert_eq!(
            one(&services, "open-iscsi").startup,
            Some(Startup::Automatic),
            "generated, and a target wants it"
        );
        assert_eq!(one(&services, "multipathd").active, Some(false), "failed is not active");
        assert_eq!(
            services.iter().filter(|service| service.name == "chrony").count(),
            1,
            "an alias is no second service"
        );
    }

    #[test]
    fn without_systemd_files_and_processes_tell() {
        let services = files(
            "corosync unit enabled\nsbd unit\npacemaker \nnftables init enabled\n",
            Some("corosync\nsshd\n"),
        );
        assert_eq!(
            (one(&services, "corosync").active, one(&services, "corosync").startup),
            (Some(true), Some(Startup::Automatic))
        );
        assert_eq!(
            (one(&services, "sbd").active, one(&services, "sbd").startup),
            (Some(false), Some(Startup::Manual))
        );
        assert_eq!(
            (one(&services, "pacemaker").installed, one(&services, "pacemaker").active),
            (Some(false), Some(false))
        );
        assert_eq!(one(&services, "nftables").active, None, "it has no process that would tell");
        assert_eq!(files("corosync unit\n", None)[0].active, None, "processes cannot be seen");
    }

    #[test]
    fn a_failed_systemctl_says_nothing() {
        assert!(
            systemctl("System has not been booted with systemd as init system (PID 1). Can't operate.\n")
                .is_empty()
        );
    }
}
