//! The script on a made-up node of a cluster, in every shell: what it gathers of the stack, and what it keeps to itself.

use super::super::*;
use super::{inventory, script_on, shells, write};
use crate::facts::GapReason;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs the script that was made for a root in one shell.
fn answer_of(script: &str, root: &Path, shell: &[&str]) -> answer::Answer {
    let mut command = std::process::Command::new(shell[0]);
    command.args(&shell[1..]).arg("-s");
    let limits = limits::Limits::starting_now(
        Duration::from_secs(60),
        Instant::now() + Duration::from_secs(60),
        Cancel::new(),
    );
    // Of the made-up host only its cluster is asked for.
    let start = script.find("\n    system\n").expect("the script asks for the system first");
    let script = format!(
        "{}\n    procs=$(cat {}/proc/[0-9]*/comm 2>/dev/null)\n    cluster\n    printf '\\n#%s bye\\n' \"$N\"\n}}\n\nmain\n",
        &script[..start],
        root.display(),
    );
    let talk = child::converse(command, &script, "feed", &limits, &|| ()).unwrap();
    let mut answer = talk.answer;
    assert!(answer.finished, "{shell:?}: {answer:?}");
    for section in &mut answer.sections {
        section.output = section.text().replace(&root.display().to_string(), "").into_bytes();
    }
    answer
}

#[test]
fn the_script_reads_the_cluster_stack_and_cuts_its_secrets_in_every_shell() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let command = |name: &str, body: &str| {
        write(root, &format!("bin/{name}"), &format!("#!/bin/sh\n{body}\n"));
        std::fs::set_permissions(root.join("bin").join(name), std::fs::Permissions::from_mode(0o755))
            .unwrap();
    };
    write(
        root,
        "etc/corosync/corosync.conf",
        "totem {\n  cluster_name: c\n}\nquorum {\n device {\n model: net\n }\n}\n",
    );
    write(root, "etc/corosync/authkey", "s3cret2");
    write(root, "etc/pacemaker/authkey", "s3cret3");
    write(root, "etc/booth/booth.key", "s3cret4");
    write(
        root,
        "etc/default/sbd",
        "# x\nSBD_DEVICE=\"/dev/null; /dev/zero ;$(touch s3cret5)\"\nSBD_STARTMODE=clean\n",
    );
    write(root, "sys/class/watchdog/watchdog0/identity", "Software Watchdog\n");
    write(root, "etc/modules-load.d/w.conf", "# x\nsoftdog\n");
    write(root, "etc/modprobe.d/w.conf", "blacklist iTCO_wdt\n");
    write(root, "proc/modules", "softdog 16384 2 - Live 0x0\n");
    for (id, name) in
        [("1", "systemd"), ("70", "corosync"), ("71", "pacemakerd"), ("72", "sbd"), ("73", "corosync-qdevic")]
    {
        write(root, &format!("proc/{id}/comm"), &format!("{name}\n"));
        std::fs::create_dir_all(root.join(format!("proc/{id}/fd"))).unwrap();
    }
    std::os::unix::fs::symlink("/dev/watchdog", root.join("proc/72/fd/3")).unwrap();
    let cmap = include_str!("../../../fixtures/linux/corosync-cmapctl.knet");
    write(root, "cmap", &format!("{cmap}totem.key (str) = s3cret6\n"));
    // As one line, with the values before the names, over two lines: a secret is a secret.
    let secrets = "<nvpair value=\"s3cret7\" name=\"passwd\" id=\"x1\"/><nvpair id=\"x2\" name=\"pcmk_host_list\" value=\"node3\"/>\
        <nvpair id=\"x3\" name=\"my_Secret\" value=\"s3cret8&#10;\ns3cret9\"/><nvpair id=\"x4\" name=\"key\" value=\"0x1a\"/>\
        <nvpair id=\"x5\" name=\"key\" value=\"s3cretA\"/><nvpair id=\"x6\" name=\"key_file\" value=\"/etc/k\"/><!-- passwd s3cretB -->";
    let cib = include_str!("../../../fixtures/linux/cib.xml");
    let cib = cib.replacen("<nvpair id=\"f1-a\"", &format!("{secrets}<nvpair id=\"f1-a\""), 1);
    let history = "<lrm id=\"1\"><lrm_resources><lrm_resource id=\"x\"/></lrm_resources></lrm><lrm id=\"2\"/><transient_attributes id=\"1\">";
    let cib = cib.replacen("<transient_attributes id=\"1\">", history, 1);
    write(root, "cib.xml", &cib);
    write(root, "var/lib/pacemaker/cib/cib.xml", &cib);
    let status = include_str!("../../../fixtures/linux/crm-mon.xml");
    write(
        root,
        "mon.xml",
        &status.replacen("name=\"master-ha\" value=\"10\"", "name=\"db_token\" value=\"s3cretC\"", 1),
    );
    let at = root.display();
    command("corosync-cmapctl", &format!("cat {at}/cmap"));
    command(
        "corosync-cfgtool",
        "[ $1 = -s ] || exit 1; printf 'LINK ID 0 udp\\n\\taddr\\t= 10.0.0.1\\n\\tstatus:\\n\\t\\tnodeid:          1:\\tlocalhost\\n\\t\\tnodeid:          2:\\tdisconnected\\n'",
    );
    command("corosync-quorumtool", "printf 'Quorate:          No\\nTotal votes:      1\\n'; exit 2");
    command("corosync-qdevice-tool", "echo 'State:                  Connected'");
    command("cibadmin", &format!("[ \"$*\" = '-Q -l' ] && cat {at}/cib.xml"));
    command(
        "crm_mon",
        &format!(
            "case $2 in --output*) echo 'crm_mon: unknown option' >&2; exit 64 ;; -X) cat {at}/mon.xml ;; esac"
        ),
    );
    command("crm_verify", "echo 'error: bad' >&2; exit 78");
    command(
        "sbd",
        "case $3 in dump) echo 'Timeout (watchdog) : 15'; echo 'Timeout (msgwait)  : 30' ;; list) printf '0\\tnode1\\tclear\\t\\n' ;; esac",
    );
    command("journalctl", "printf '[TOTEM ] Retransmit List: 1\\nx\\n[TOTEM ] Retransmit List: 2\\n'");
    let script = script_on(root);
    for shell in shells() {
        let answer = answer_of(&script, root, &shell);
        for section in &answer.sections {
            let text = format!("{}{}", section.text(), section.errors);
            // The name of a device that is none stands in the configuration itself.
            assert!(
                !text.contains("s3cret") || section.name == "sbd-config",
                "{shell:?}: {} tells a secret: {text}",
                section.name
            );
        }
        assert!(!root.join("s3cret5").exists());
        let reading = linux::node::read(&answer, &[]);
        let node = &reading.node;
        assert_eq!(node.corosync.cluster_name.as_deref(), Some("c"), "{shell:?}");
        assert_eq!((node.corosync.authkey_bytes, node.corosync.authkey_mode.is_some()), (Some(7), true));
        assert_eq!(node.corosync.authkey_sha256.as_ref().map(String::len), Some(64));
        assert_eq!(node.pacemaker.remote_authkey_sha256.as_ref().map(String::len), Some(64));
        assert_eq!(node.corosync.runtime.token_ms, Some(crate::facts::Millis(3650)));
        assert_eq!(node.corosync.link_states.as_ref().unwrap()[0].healthy, Some(false));
        assert_eq!(
            (node.corosync.quorum.quorate, node.corosync.qdevice_state.as_deref()),
            (Some(false), Some("Connected"))
        );
        assert_eq!((node.corosync.retransmit_lines, node.corosync.token_warning_lines), (Some(2), Some(0)));
        assert_eq!((node.pacemaker.booth_key, node.pacemaker.verify_status), (Some(true), Some(78)));
        assert_eq!(node.pacemaker.verify_messages, Some(vec!["error: bad".to_owned()]));
        assert_eq!(
            (node.pacemaker.answers, node.pacemaker.cib_mode.is_some()),
            (Some(true), true),
            "{shell:?}"
        );
        let headers = node.sbd.headers.as_ref().unwrap();
        assert_eq!(
            (headers[0].path.as_str(), headers[0].device.as_deref()),
            ("/dev/null", Some("null")),
            "{shell:?}"
        );
        assert_eq!((headers[1].readable, headers[1].holders.as_ref().map(Vec::len)), (Some(true), Some(1)));
        assert_eq!(headers[2].readable, None, "a path that no shell may see is not looked at");
        let watchdog = &node.watchdogs.as_ref().unwrap()[0];
        assert_eq!(
            (watchdog.driver.as_deref(), watchdog.users.as_deref()),
            (Some("softdog"), Some(&["sbd".to_owned()][..]))
        );
        assert!(node.modules.at_boot.as_ref().is_some_and(|all| all.contains(&"softdog".to_owned())));
        assert!(node.modules.blacklisted.as_ref().is_some_and(|all| all.contains(&"iTCO_wdt".to_owned())));
        let facts = reading.cluster.cib.as_ref().unwrap().facts.clone();
        let fence = facts.resources.iter().flatten().find(|one| one.id == "fence-dev").unwrap();
        let value = |name: &str| {
            let found = fence.parameters.iter().flatten().find(|one| one.name == name);
            found.and_then(|one| one.value.clone())
        };
        assert_eq!(
            (value("passwd").as_deref(), value("my_Secret").as_deref()),
            (Some("(cut)"), Some("(cut)"))
        );
        assert_eq!((value("key").as_deref(), value("key_file").as_deref()), (Some("0x1a"), Some("/etc/k")));
        assert_eq!(
            facts.nodes.as_ref().unwrap()[2].standby,
            Some(true),
            "{shell:?}: what follows the history is there"
        );
        assert!(!answer.text("cib").unwrap().contains("lrm_resource"));
        let status = reading.cluster.status.as_ref().unwrap();
        assert_eq!((status.quorate, reading.cluster.status_item), (Some(true), "crm_mon -1 -X"));
    }
}

#[test]
fn a_node_without_a_cluster_stack_is_asked_for_none() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    write(root, "proc/1/comm", "systemd\n");
    write(root, "sys/class/watchdog/watchdog0/identity", "Software Watchdog\n");
    // Whatever is started would be seen.
    for name in [
        "corosync-cmapctl",
        "cibadmin",
        "crm_mon",
        "sbd",
        "stat",
        "sha256sum",
        "ls",
        "journalctl",
        "head",
        "sed",
    ] {
        write(
            root,
            &format!("bin/{name}"),
            &format!("#!/bin/sh\necho {name} >>{}/started\n", root.display()),
        );
        std::fs::set_permissions(root.join("bin").join(name), std::fs::Permissions::from_mode(0o755))
            .unwrap();
    }
    let script = script_on(root);
    for shell in shells() {
        let answer = answer_of(&script, root, &shell);
        assert!(
            !root.join("started").exists(),
            "{shell:?}: {:?}",
            std::fs::read_to_string(root.join("started"))
        );
        let reading = linux::node::read(&answer, &[]);
        assert_eq!(reading.node.corosync.present, Some(false));
        assert_eq!(reading.node.corosync.authkey_sha256.as_deref(), Some(""));
        assert_eq!((reading.node.sbd.configured, reading.node.sbd.used), (Some(false), Some(false)));
        let (reason, words) = reading.cluster.cib.unwrap_err();
        assert_eq!(reason, GapReason::NotSupported);
        assert!(words.contains("no cluster stack"), "{words}");
    }
}

#[test]
fn what_the_plan_says_of_a_cluster_that_could_not_be_asked_is_not_believed() {
    let declared = "[cluster.declare]\npacemaker.fencing_enabled = true\ncloud = \"aws\"\n[[node]]\nname = \"a\"\nprobe = \"local\"\n";
    let plan = inventory(declared).carried;
    assert_eq!(plan.facts.cluster.pacemaker.fencing_enabled, Some(true));
    let gap = |reason| crate::facts::Gap {
        path: "cluster.pacemaker".to_owned(),
        reason: Some(reason),
        detail: None,
    };
    let after = |reason| run::carried_without_what_failed(&plan, &[gap(reason)]).facts.cluster;
    assert_eq!(after(GapReason::TimedOut).pacemaker.fencing_enabled, None);
    assert_eq!(after(GapReason::TimedOut).cloud.as_deref(), Some("aws"));
    assert_eq!(after(GapReason::NotSupported).pacemaker.fencing_enabled, Some(true));
}

/// A host whose account may read nothing that needs root, with a `sudo` that writes down what it is asked for. `refuses`
/// tells whether it lets the account do nothing.
fn host_with_sudo(root: &Path, refuses: bool) -> String {
    let command = |name: &str, body: &str| {
        write(root, &format!("bin/{name}"), &format!("#!/bin/sh\n{body}\n"));
        std::fs::set_permissions(root.join("bin").join(name), std::fs::Permissions::from_mode(0o755))
            .unwrap();
    };
    let mode = |path: &str, mode: u32| {
        std::fs::set_permissions(root.join(path), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    command("id", "echo 1000");
    let end = if refuses {
        "exit 1"
    } else {
        "[ -z \"$l\" ] || exit 0\ncase $5 in */stat) exit 0 ;; esac\nexec \"$@\""
    };
    command(
        "sudo",
        &format!(
            "l=\n[ \"$2\" != -l ] || l=1\n[ -n \"$l\" ] || echo \"$*\" >> {}/log\nwhile [ \"$1\" != -- ]; do shift; done\nshift\n{end}",
            root.display()
        ),
    );
    // What fails is asked in its other form.
    for name in [
        "multipathd",
        "multipath",
        "iscsiadm",
        "drbdsetup",
        "dlm_tool",
        "vgs",
        "corosync-cmapctl",
        "corosync-cfgtool",
        "corosync-qdevice-tool",
        "cibadmin",
        "crm_mon",
        "crm_verify",
        "journalctl",
        "lldpcli",
        "lldpctl",
        "firewall-cmd",
        "nft",
    ] {
        command(name, "exit 1");
    }
    command("sg_persist", "exit 0");
    for (id, name) in [
        ("1", "systemd"),
        ("2", "multipathd"),
        ("3", "corosync"),
        ("4", "pacemakerd"),
        ("5", "lldpd"),
        ("6", "firewalld"),
        ("7", "corosync-qdevic"),
        ("8", "dlm_controld"),
    ] {
        write(root, &format!("proc/{id}/comm"), &format!("{name}\n"));
    }
    write(root, "sys/class/iscsi_session/session1/state", "LOGGED_IN\n");
    write(root, "sys/devices/session1/sdb/size", "1\n");
    std::fs::create_dir_all(root.join("sys/block")).unwrap();
    std::os::unix::fs::symlink(root.join("sys/devices/session1/sdb"), root.join("sys/block/sdb")).unwrap();
    write(root, "sys/module/drbd/version", "9\n");
    for path in [
        "etc/iscsi/initiatorname.iscsi",
        "etc/iscsi/iscsid.conf",
        "etc/corosync/authkey",
        "sys/class/dmi/id/product_serial",
        "sys/class/dmi/id/product_uuid",
        "sys/kernel/config/dlm/cluster/protocol",
    ] {
        write(root, path, "hidden\n");
        mode(path, 0);
    }
    for (folder, file) in [
        ("etc/pacemaker", "authkey"),
        ("var/lib/pacemaker/cib", "cib.xml"),
        ("etc/iscsi/nodes", "x/y/default"),
    ] {
        write(root, &format!("{folder}/{file}"), "hidden\n");
        mode(folder, 0);
    }
    write(root, "log", "");
    mode("log", 0o666);
    mode("", 0o755);
    let root = root.display();
    let mut text = script::render("feed", &[], true);
    for top in ["/etc/", "/sys/", "/proc/", "/run/systemd/", "/var/lib/", "/boot/", "/lib/modules/"] {
        text = text.replace(top, &format!("{root}{top}"));
    }
    text.replace("PATH=/usr/sbin:", &format!("PATH={root}/bin:/usr/sbin:"))
        .replace("in /usr/bin /usr/sbin;", &format!("in {root}/bin /usr/bin;"))
}

/// The answer of a host whose script runs as somebody without rights.
fn answer_without_rights(script: &str, shell: &[&str]) -> answer::Answer {
    use std::os::unix::process::CommandExt;
    let mut command = std::process::Command::new(shell[0]);
    command.args(&shell[1..]).arg("-s");
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let limits = limits::Limits::starting_now(
        Duration::from_secs(60),
        Instant::now() + Duration::from_secs(60),
        Cancel::new(),
    );
    let talk = child::converse(command, script, "feed", &limits, &|| ()).unwrap();
    assert!(talk.answer.finished, "{shell:?}: {:?}", talk.answer);
    talk.answer
}

#[test]
fn what_needs_root_goes_through_sudo_exactly_as_it_is_granted() {
    let grants: Vec<&str> = collectors::COLLECTORS.iter().flat_map(|one| one.sudo).copied().collect();
    for shell in shells() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let script = host_with_sudo(root, false);
        answer_without_rights(&script, &shell);
        let log = std::fs::read_to_string(root.join("log")).unwrap();
        // Where the shell has no `timeout` the limit is not there; every host of a cluster has one.
        let asked: Vec<String> = log
            .lines()
            .map(|line| {
                let line = line.replace(&root.display().to_string(), "");
                let rest =
                    line.strip_prefix("-n -- timeout -k 1 8 ").unwrap_or_else(|| panic!("{shell:?}: {line}"));
                let rest = rest.trim_start_matches("/usr").trim_start_matches("/bin/");
                rest.replace("/dev/sdb", "/dev/sd[a-z]")
            })
            .collect();
        for one in &asked {
            assert!(grants.contains(&one.as_str()), "{shell:?}: `{one}` is not granted");
        }
        // What this host has no occasion for.
        let other = |grant: &str| {
            ["DEVICE", "NAME", "iptables-save", "dmidecode", "[a-z][a-z]", "dm-"]
                .iter()
                .any(|word| grant.contains(word))
        };
        for grant in grants.iter().filter(|grant| !other(grant)) {
            assert!(
                asked.iter().any(|one| one == grant),
                "{shell:?}: `{grant}` is granted, and never asked for: {asked:#?}"
            );
        }
    }
}

#[test]
fn what_sudo_refuses_is_not_permitted() {
    let folder = tempfile::tempdir().unwrap();
    let script = host_with_sudo(folder.path(), true);
    let answer = answer_without_rights(&script, &["sh"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("log")).unwrap(), "", "what is refused is not run");
    let mut reading = linux::node::read(&answer, &[]);
    reading.node.name = "hv1".to_owned();
    assert_eq!(reading.node.privileged, Some(false));
    // Sudo's refusal is not what crm_verify ended with.
    assert_eq!(reading.node.pacemaker.verify_status, None);
    let (gaps, _) = explain::explain(&reading.node, &answer, &explain::Ending::Whole, &reading.unread, "hv1");
    let document = crate::facts::Document { gaps, ..crate::facts::Document::default() };
    let places = crate::facts::Places::new(&document);
    for fact in ["lvm.groups", "pacemaker.verify_status", "corosync.runtime.token_ms", "iscsi.initiator_name"]
    {
        let gap = places.gap(&format!("nodes[hv1].{fact}")).unwrap_or_else(|| panic!("{fact}"));
        assert_eq!(gap.reason, Some(GapReason::PermissionDenied), "{fact}: {gap:?}");
        assert!(
            gap.detail.as_deref().is_some_and(|words| words.contains("sudo does not let")),
            "{fact}: {gap:?}"
        );
    }
}
