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
