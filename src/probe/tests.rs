//! Runs against hosts that behave and hosts that do not, through a fake `ssh`.

mod stack;

use super::*;
use crate::facts::{Document, GapReason, Places, ProbeKind, SourceKind};
use crate::inventory::Inventory;
use crate::source::SourceFile;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A folder with a fake `ssh`, a shell script that sees the arguments of the real one.
struct Fake {
    folder: tempfile::TempDir,
}

impl Fake {
    fn new(body: &str) -> Self {
        let fake = Fake { folder: tempfile::tempdir().unwrap() };
        let text = format!("#!/bin/sh\nD='{}'\n{body}\n", fake.folder.path().display());
        // Another process writes it: a file that this one had open for writing could not be executed while a child of
        // another test still held it.
        let mut writer = std::process::Command::new("sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(fake.program())
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut writer.stdin.take().unwrap(), text.as_bytes()).unwrap();
        assert!(writer.wait().unwrap().success());
        fake
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("ssh")
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

fn inventory(nodes: &str) -> Inventory {
    let text = format!("[cluster]\nname = \"c\"\nplatform = \"generic\"\n{nodes}");
    Inventory::parse(&SourceFile::new("cluster.toml", text)).unwrap_or_else(|problems| panic!("{problems:?}"))
}

const ONE: &str = "[[node]]\nname = \"hv1\"\nprobe = \"ssh://admin@hv1.example:2222\"\n";

fn options(fake: &Fake, inventory: &Inventory) -> ProbeOptions {
    let host_timeout = Duration::from_secs(10);
    ProbeOptions { ssh_program: fake.program().into(), host_timeout, ..ProbeOptions::of(inventory) }
}

fn probe_one(body: &str) -> (Document, Fake) {
    let fake = Fake::new(body);
    let inventory = inventory(ONE);
    (run(&inventory, &options(&fake, &inventory), &Unwatched), fake)
}

/// The gap that covers the whole node.
fn failure(document: &Document) -> (GapReason, String) {
    let gap = document.gaps.iter().find(|gap| gap.path == "nodes[hv1]");
    let gap = gap.unwrap_or_else(|| panic!("no gap in {:#?}", document.gaps));
    (gap.reason.unwrap(), gap.detail.clone().unwrap())
}

/// Whether any process of the system has that environment of a fake.
fn left_behind(fake: &Fake) -> Vec<String> {
    let mark = fake.folder.path().display().to_string();
    let Ok(all) = std::fs::read_dir("/proc") else { return Vec::new() };
    all.filter_map(|entry| {
        let path = entry.ok()?.path().join("cmdline");
        let line = String::from_utf8_lossy(&std::fs::read(path).ok()?).replace('\0', " ");
        line.contains(&mark).then_some(line)
    })
    .collect()
}

#[test]
fn a_host_that_answers_is_read() {
    let (document, fake) = probe_one("printf '%s\\n' \"$@\" > $D/args; shift $(($# - 1)); exec $1");
    let node = &document.nodes[0];
    assert_eq!((node.reached, node.probe), (Some(true), Some(ProbeKind::Ssh)));
    assert!(node.os.kernel.is_some() && node.cpu.threads.is_some() && node.memory.total_bytes.is_some());
    assert!(node.nics.is_some() && node.disks.is_some() && node.services.is_some());
    let skew = node.time.skew_ms.unwrap().0.abs();
    assert!(skew <= node.time.skew_error_ms.unwrap().0, "the same clock is {skew} ms off");
    assert_eq!(document.run.complete, Some(true));
    let places = Places::new(&document);
    let source = places.source("nodes[hv1].os.kernel").unwrap();
    assert_eq!((source.kind, source.place.as_deref()), (Some(SourceKind::Command), Some("hv1")));
    let arguments = fake.file("args");
    let wanted = "-T\n-a\n-x\n-o\nBatchMode=yes\n-o\nClearAllForwardings=yes\n-o\nConnectTimeout=10\n-p\n2222\n-l\nadmin\n--\nhv1.example\nsh -s\n";
    assert_eq!(arguments.replace("ConnectTimeout=9", "ConnectTimeout=10"), wanted);
    // A recording of it can be read again, so no key stands twice.
    Document::parse(document.to_json().as_bytes(), "recorded").unwrap();
}

#[test]
fn every_missing_fact_of_an_answer_is_explained() {
    let (document, _fake) = probe_one("shift $(($# - 1)); exec $1");
    let places = Places::new(&document);
    for fact in [
        "hardware.serial",
        "domain.name",
        "hostname",
        "corosync.links",
        "time.offset_us",
        "multipath.version",
    ] {
        let path = format!("nodes[hv1].{fact}");
        let found = places.gap(&path).is_some() || places.source(&path).is_some();
        assert!(found, "{path} has neither gap nor source");
    }
}

#[test]
fn what_ssh_says_is_told_by_layer_with_a_remedy() {
    use GapReason::{CommandFailed, LoginRefused, Unreachable};
    let cases = [
        ("ssh: Could not resolve hostname hv1.example: Name or service not known", Unreachable, "DNS"),
        ("ssh: connect to host hv1.example port 2222: Connection refused", Unreachable, "sshd listens"),
        ("ssh: connect to host hv1.example port 2222: No route to host", Unreachable, "in between"),
        ("ssh: connect to host hv1.example port 2222: Connection timed out", Unreachable, "in between"),
        (
            "No ED25519 host key is known for [hv1.example]:2222 and you have requested strict checking.\nHost key verification failed.",
            LoginRefused,
            "compare its key",
        ),
        (
            "@@@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@@\nHost key verification failed.",
            LoginRefused,
            "compare its key",
        ),
        ("admin@hv1.example: Permission denied (publickey,password).", LoginRefused, "agent"),
        (
            "Received disconnect from 192.0.2.1 port 22:2: Too many authentication failures",
            LoginRefused,
            "agent",
        ),
        (
            "Unable to negotiate with 192.0.2.1 port 22: no matching host key type found. Their offer: ssh-rsa",
            LoginRefused,
            "algorithm",
        ),
        ("/home/u/.ssh/config: line 3: Bad configuration option: foo", CommandFailed, "configuration"),
        ("something nobody has seen", Unreachable, "something nobody has seen"),
    ];
    for (words, reason, remedy) in cases {
        let (document, _fake) = probe_one(&format!("cat >&2 <<'E'\n{words}\nE\nexit 255"));
        let (found, detail) = failure(&document);
        assert_eq!(found, reason, "{words}");
        assert!(detail.contains(remedy), "{detail}");
        let node = &document.nodes[0];
        assert_eq!((node.reached, node.os.kernel.as_ref()), (Some(false), None));
        assert_eq!(document.run.complete, Some(true), "one host's failure is not the end of the run");
    }
}

#[test]
fn a_host_that_sheds_connections_is_tried_again() {
    let body = "n=$(cat $D/n 2>/dev/null || echo 0); n=$((n + 1)); echo $n > $D/n\nif [ $n -lt 4 ]; then echo 'kex_exchange_identification: read: Connection reset by peer' >&2; exit 255; fi\nshift $(($# - 1)); exec $1";
    let (document, fake) = probe_one(body);
    assert_eq!(fake.file("n").trim(), "4");
    assert_eq!(document.nodes[0].reached, Some(true));
    // One that always does is left in time, and the words say how often.
    let always = Fake::new("echo x >> $D/n; echo 'Connection closed by 192.0.2.1 port 22' >&2; exit 255");
    let inventory = inventory(ONE);
    let options = ProbeOptions { host_timeout: Duration::from_secs(2), ..options(&always, &inventory) };
    let began = Instant::now();
    let document = run(&inventory, &options, &Unwatched);
    assert!(began.elapsed() < Duration::from_secs(4));
    assert!(always.file("n").lines().count() >= 3);
    let (reason, detail) = failure(&document);
    assert_eq!(reason, GapReason::Unreachable);
    assert!(detail.contains("MaxStartups"), "{detail}");
}

#[test]
fn a_host_that_hangs_is_left_in_time_and_leaves_nothing_behind() {
    let fake = Fake::new("trap '' TERM\nsleep 1000 & wait\nwhile :; do sleep 1000; done # $D");
    let inventory = inventory(ONE);
    let options = ProbeOptions { host_timeout: Duration::from_millis(400), ..options(&fake, &inventory) };
    let began = Instant::now();
    let document = run(&inventory, &options, &Unwatched);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    let (reason, detail) = failure(&document);
    assert_eq!(reason, GapReason::TimedOut);
    assert!(detail.contains("400 ms"), "{detail}");
    assert_eq!(left_behind(&fake), Vec::<String>::new());
}

#[test]
fn a_host_that_hangs_half_way_keeps_what_it_said() {
    let body = "read -r first; n=${first#N=\\'}; n=${n%%\\'*}\nprintf '#%s hello 1\\n#%s b id \\n0\\n\\n#%s e 0\\n#%s b lsblk \\n{' $n $n $n $n\nexec sleep 1000";
    let fake = Fake::new(body);
    let text = format!("{ONE}[node.declare]\nos.release = \"12\"\n");
    let inventory = inventory(&text);
    let options = ProbeOptions { host_timeout: Duration::from_millis(500), ..options(&fake, &inventory) };
    let document = run(&inventory, &options, &Unwatched);
    let node = &document.nodes[0];
    assert_eq!((node.reached, node.privileged), (Some(true), Some(true)));
    let places = Places::new(&document);
    let reason = |path: &str| places.gap(path).and_then(|gap| gap.reason);
    assert_eq!(reason("nodes[hv1].disks"), Some(GapReason::TimedOut));
    assert_eq!(reason("nodes[hv1].os.release"), Some(GapReason::TimedOut));
    assert_eq!(node.os.release, None, "the plan's word is no proof of what was not answered");
}

#[test]
fn a_host_that_closes_half_way_is_told_from_one_that_ended() {
    let body = "read -r first; n=${first#N=\\'}; n=${n%%\\'*}\nprintf '#%s hello 1\\n#%s b id \\n1000\\n\\n#%s e 0\\n' $n $n $n\nprintf '#%s id \\nConnection to hv1 closed by remote host.\\n' $n >&2; exit 255";
    let (document, _fake) = probe_one(body);
    let places = Places::new(&document);
    let gap = places.gap("nodes[hv1].disks").unwrap();
    assert_eq!(gap.reason, Some(GapReason::CommandFailed));
    assert!(gap.detail.as_ref().unwrap().contains("closed by remote host"), "{gap:?}");
}

#[test]
fn a_flood_is_cut_off() {
    let began = Instant::now();
    let (document, fake) = probe_one("exec yes \"flood $D\"");
    assert!(began.elapsed() < Duration::from_secs(8));
    let (reason, detail) = failure(&document);
    assert_eq!(reason, GapReason::CommandFailed);
    assert!(detail.contains("MiB"), "{detail}");
    assert_eq!(left_behind(&fake), Vec::<String>::new());
    let (document, _fake) = probe_one("exec yes flood >&2");
    assert!(failure(&document).1.contains("MiB"));
}

#[test]
fn escape_sequences_do_not_reach_the_facts() {
    let body = "read -r first; n=${first#N=\\'}; n=${n%%\\'*}\nprintf '#%s hello 1\\n#%s b hostname \\n\\033]0;owned\\007hv1\\n\\n#%s e 0\\n#%s b ip-addr \\n[{\"ifname\":\"eth0\\\\u001b[31m\",\"flags\":[]},{\"ifname\":\"eth0\\\\u001b[31m\"}]\\n\\n#%s e 0\\n#%s bye\\n' $n $n $n $n $n $n";
    let (document, _fake) = probe_one(body);
    let json = document.to_json();
    assert!(!json.contains("\\u001b") && !json.contains('\u{1b}') && !json.contains("\\u0007"), "{json}");
    let node = &document.nodes[0];
    assert_eq!(node.hostname.as_deref(), Some("\u{fffd}]0;owned\u{fffd}hv1"));
    assert_eq!(node.nics.as_ref().map(Vec::len), Some(1), "one name, one interface");
    let (document, _fake) = probe_one("printf 'ssh: \\033[2J bad\\n' >&2; exit 255");
    assert!(!failure(&document).1.contains('\u{1b}'));
}

#[test]
fn frames_of_another_run_are_not_believed() {
    let body = "cat >/dev/null & printf '#0123456789abcdef hello 1\\n#0123456789abcdef b id \\n0\\n#0123456789abcdef e 0\\n#0123456789abcdef bye\\n'";
    let (document, _fake) = probe_one(body);
    assert_eq!(failure(&document).0, GapReason::CommandFailed);
    assert_eq!(document.nodes[0].privileged, None);
}

#[test]
fn a_client_that_is_not_there_is_told() {
    let inventory = inventory(ONE);
    let options = ProbeOptions { ssh_program: "/nowhere/ssh".into(), ..ProbeOptions::of(&inventory) };
    let (reason, detail) = failure(&run(&inventory, &options, &Unwatched));
    assert_eq!(reason, GapReason::CommandAbsent);
    assert!(detail.contains("install the OpenSSH client"), "{detail}");
}

#[test]
fn an_interruption_ends_in_an_honest_document() {
    let fake = Fake::new("case \"$*\" in *fast*) shift $(($# - 1)); exec $1 ;; esac\nexec sleep 1000 # $D");
    let text = "[[node]]\nname = \"fast\"\nprobe = \"ssh://fast\"\n[[node]]\nname = \"slow\"\nprobe = \"ssh://slow\"\n[node.declare]\nos.release = \"12\"\n[[node]]\nname = \"late\"\nprobe = \"ssh://late\"\n";
    let inventory = inventory(text);
    let options = ProbeOptions { parallel: 2, ..options(&fake, &inventory) };
    /// Interrupts once the fast one has answered and another waits.
    struct Watch(Cancel, Mutex<u32>);
    impl Progress for Watch {
        fn finished(&self, subject: &Subject, _: &Finish, _: Duration) {
            if subject.name == "fast" {
                let cancel = self.0.clone();
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(200));
                    cancel.cancel();
                });
            }
            *self.1.lock().unwrap() += 1;
        }
    }
    let watch = Watch(options.cancel.clone(), Mutex::new(0));
    let began = Instant::now();
    let document = run(&inventory, &options, &watch);
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(document.run.complete, Some(false));
    let places = Places::new(&document);
    let reason = |path: &str| places.gap(path).and_then(|gap| gap.reason);
    assert_eq!(document.nodes[0].reached, Some(true));
    assert_eq!(reason("nodes[slow]"), Some(GapReason::Interrupted));
    assert_eq!(reason("nodes[late]"), Some(GapReason::Interrupted));
    assert_eq!(document.nodes[1].os.release, None, "nothing is taken from the plan");
    assert_eq!(*watch.1.lock().unwrap(), 3, "each is told to be over");
    assert_eq!(left_behind(&fake), Vec::<String>::new());
}

#[test]
fn the_deadline_of_the_run_counts_for_all() {
    let fake = Fake::new("exec sleep 1000 # $D");
    let nodes: String = [0, 1, 2, 3, 4, 5]
        .map(|at| format!("[[node]]\nname = \"n{at}\"\nprobe = \"ssh://n{at}\"\n"))
        .concat();
    let inventory = inventory(&nodes);
    let options =
        ProbeOptions { parallel: 2, deadline: Duration::from_millis(500), ..options(&fake, &inventory) };
    let began = Instant::now();
    let document = run(&inventory, &options, &Unwatched);
    assert!(began.elapsed() < Duration::from_secs(3));
    assert_eq!(document.run.complete, Some(false));
    assert_eq!(document.nodes.len(), 6);
    let timed_out = |of: &str| {
        let gaps = document.gaps.iter().filter(|gap| gap.path.starts_with(of));
        gaps.filter(|gap| gap.reason == Some(GapReason::TimedOut)).count()
    };
    assert_eq!((timed_out("nodes["), timed_out("links[")), (6, 30), "each node has a way to each other");
}

#[test]
fn declared_facts_fill_what_a_reached_host_cannot_tell_and_differences_are_drifts() {
    let fake = Fake::new("shift $(($# - 1)); exec $1");
    let text = format!(
        "{ONE}site = \"north\"\n[node.declare]\nos.id = \"windows-me\"\ndomain.name = \"example.net\"\n"
    );
    let inventory = inventory(&text);
    let document = run(&inventory, &options(&fake, &inventory), &Unwatched);
    let node = &document.nodes[0];
    assert_eq!(node.domain.name.as_deref(), Some("example.net"));
    assert_ne!(node.os.id.as_deref(), Some("windows-me"), "what was found holds");
    assert_eq!(node.site.as_deref(), Some("north"));
    assert!(
        document
            .drifts
            .iter()
            .any(|drift| drift.path == "nodes[hv1].os.id" && drift.planned.as_deref() == Some("windows-me"))
    );
    let places = Places::new(&document);
    assert_eq!(places.source("nodes[hv1].domain.name").and_then(|one| one.kind), Some(SourceKind::Plan));
}

#[test]
fn connections_are_kept_open_in_a_private_place() {
    let fake = Fake::new("printf '%s\\n' \"$@\" > $D/args; exit 1");
    let inventory = inventory(ONE);
    let options = ProbeOptions { ssh_persist: Some(Duration::from_secs(60)), ..options(&fake, &inventory) };
    run(&inventory, &options, &Unwatched);
    let arguments = fake.file("args");
    let path = arguments.lines().find_map(|line| line.strip_prefix("ControlPath=")).unwrap();
    assert!(path.ends_with("/%C") && arguments.contains("ControlMaster=auto\n-o\nControlPath="));
    assert!(arguments.contains("ControlPersist=60\n"));
    let folder = std::path::Path::new(path).parent().unwrap();
    assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_dry_run_shows_the_script_and_the_commands() {
    let text = format!(
        "{ONE}[[node]]\nname = \"here\"\nprobe = \"local\"\n[[node]]\nname = \"planned\"\nprobe = \"none\"\n"
    );
    let inventory = inventory(&text);
    let shown = plan(&inventory, &ProbeOptions::of(&inventory));
    assert!(shown.script.starts_with("N='NONCE' NAMES='hv1 here planned' S=''\n"));
    let actions: Vec<_> =
        shown.steps.iter().map(|step| (step.subject.name.as_str(), step.action.as_str())).collect();
    assert_eq!(
        actions,
        [
            (
                "hv1",
                "ssh -T -a -x -o BatchMode=yes -o ClearAllForwardings=yes -o ConnectTimeout=15 -p 2222 -l admin -- hv1.example 'sh -s' < SCRIPT"
            ),
            ("here", "sh -s < SCRIPT"),
            ("planned", "nothing: only what the plan declares"),
            (
                "hv1",
                "once all have answered: ssh -T -a -x -o BatchMode=yes -o ClearAllForwardings=yes -o ConnectTimeout=15 -p 2222 -l admin -- hv1.example 'sh -s' < MESH SCRIPT"
            ),
            ("here", "once all have answered: sh -s < MESH SCRIPT"),
        ]
    );
}

#[test]
fn this_machine_is_read_without_ssh() {
    let inventory = inventory("[[node]]\nname = \"here\"\nprobe = \"local\"\n");
    let document = run(&inventory, &ProbeOptions::of(&inventory), &Unwatched);
    let node = &document.nodes[0];
    assert_eq!((node.reached, node.probe), (Some(true), Some(ProbeKind::Local)));
    assert!(node.hostname.is_some() && node.names.as_ref().is_some_and(|names| names[0].name == "here"));
}

/// The script as it would run on a made-up host: its files stand below `root`, its commands first in PATH.
fn script_on(root: &std::path::Path) -> String {
    let root = root.display();
    let mut text = script::render("feed", &["hv1".to_owned()], false);
    for top in ["/etc/", "/sys/", "/proc/", "/run/systemd/", "/var/lib/", "/boot/", "/lib/modules/"] {
        text = text.replace(top, &format!("{root}{top}"));
    }
    text.replace("PATH=/usr/sbin:", &format!("PATH={root}/bin:/usr/sbin:"))
}

fn write(root: &std::path::Path, path: &str, text: &str) {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Every POSIX shell at hand, without busybox, which takes its own commands before those in PATH.
fn shells() -> Vec<Vec<&'static str>> {
    let all = [vec!["sh"], vec!["dash"], vec!["bash", "--posix"], vec!["mksh"], vec!["ksh93"]];
    let there = |shell: &Vec<&str>| {
        let mut probe = std::process::Command::new(shell[0]);
        probe.args(&shell[1..]).args(["-c", ":"]).stderr(std::process::Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    };
    all.into_iter().filter(there).collect()
}

#[test]
fn the_script_cuts_secrets_and_gathers_the_rest_in_every_shell() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let record = include_str!("../../fixtures/linux/iscsi-node-records");
    let (first, second) = record.split_once("# END RECORD\n").unwrap();
    let secrets = "node.session.auth.username = us3r\nnode.session.auth.password = s3cret1\nnode.session.auth.password_in = s3cret2\n";
    let nodes = "etc/iscsi/nodes/iqn.2025-03.net.example:array1";
    write(root, &format!("{nodes}/10.20.1.10,3260,1/default"), &format!("{first}{secrets}# END RECORD\n"));
    write(root, &format!("{nodes}/fd00:20::10,3260,1/default"), second);
    write(
        root,
        "etc/iscsi/iscsid.conf",
        "# x\nnode.startup = automatic\nnode.session.auth.password = s3cret3\ndiscovery.sendtargets.auth.password=s3cret4\n",
    );
    write(root, "etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:aa\n");
    write(root, "etc/fstab", "//fs1/x /srv/x cifs user=backup,password=s3cret5,_netdev 0 0\n");
    write(root, "etc/corosync/corosync.conf", "totem {\n  cluster_name: c\n  key: s3cret6\n}\n");
    write(root, "etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n");
    write(root, "etc/multipath.conf", "defaults {\n}\n");
    write(root, "etc/multipath/conf.d/a.conf", "devices {\n}\n");
    write(root, "sys/class/iscsi_session/session1/targetname", "iqn.2025-03.net.example:array1\n");
    write(root, "sys/class/iscsi_session/session1/state", "LOGGED_IN\n");
    write(root, "sys/class/iscsi_session/session1/password", "s3cret7\n");
    write(root, "proc/net/bonding/bond0", include_str!("../../fixtures/linux/bonding.active-backup"));
    write(root, "proc/1/comm", "systemd\n");
    write(root, "proc/77/comm", "multipathd\n");
    write(root, "sys/class/net/ens1f0/device/vendor", "0x8086\n");
    write(root, "sys/class/net/ens1f0/device/device", "0x159b\n");
    write(root, "sys/class/net/ens1f0/addr_assign_type", "3\n");
    write(root, "sys/block/sdb/size", "2097152\n");
    let p3 = include_str!("../../fixtures/linux/iscsiadm-session-P3");
    let p3 = p3.replacen("\t\tCHAP:\n", "\t\tCHAP:\n\t\tusername: us3r\n\t\tpassword: s3cret8\n", 1);
    write(root, "p3", &p3);
    let command = |name: &str, body: &str| {
        write(root, &format!("bin/{name}"), &format!("#!/bin/sh\n{body}\n"));
        std::fs::set_permissions(root.join("bin").join(name), std::fs::Permissions::from_mode(0o755))
            .unwrap();
    };
    let at = root.display();
    command("iscsiadm", &format!("cat {at}/p3"));
    command("multipathd", "echo 'cannot connect' >&2; exit 1");
    command("multipath", "echo 'mpatha (360014055d4a9c3b1e2f40aa8b6c7d001) dm-0 A,B'");
    command(
        "ip",
        "case \"$*\" in '-j -d addr') echo 'Option \"-j\" is unknown, try \"ip -help\".' >&2; exit 255 ;; '-d addr') echo '2: ens1f0: <BROADCAST,UP,LOWER_UP> mtu 9000 qdisc mq state UP'; echo '    link/ether 3c:fd:fe:0a:00:10 brd ff:ff:ff:ff:ff:ff' ;; *) exit 3 ;; esac",
    );
    command(
        "ethtool",
        "case $1 in -i) echo driver: ice; echo firmware-version: 4.40 ;; -P) echo 'Permanent address: 3c:fd:fe:0a:00:99' ;; esac",
    );
    command("getent", "case $2$3 in hv1) echo '10.0.0.1 STREAM hv1' ;; *) exit 2 ;; esac");
    command("lsblk", "exit 32");
    command("nft", "head -c 3000000 /dev/zero | tr '\\0' 'x'");
    command("dmidecode", "sleep 30");
    let script = script_on(root);
    let shells = shells();
    assert!(!shells.is_empty());
    for shell in shells {
        let mut command = std::process::Command::new(shell[0]);
        command.args(&shell[1..]).arg("-s");
        let limits = limits::Limits::starting_now(
            Duration::from_secs(60),
            Instant::now() + Duration::from_secs(60),
            Cancel::new(),
        );
        // Nothing of the real machine may be waited for here; the fake command would be.
        let script = script.replace("plain dmidecode dmidecode", "plain dmidecode true");
        let talk = child::converse(command, &script, "feed", &limits, &|| ()).unwrap();
        let mut answer = talk.answer;
        for section in &mut answer.sections {
            // Paths as they would be on the host itself.
            section.output = section.text().replace(&root.display().to_string(), "").into_bytes();
        }
        assert!(answer.finished && talk.asked.is_some(), "{shell:?}: {answer:?}");
        for section in &answer.sections {
            let text = format!("{}{}", section.text(), section.errors);
            assert!(
                !text.contains("s3cret") && !text.contains("us3r"),
                "{shell:?}: {} tells a secret",
                section.name
            );
        }
        let node = linux::node::read(&answer, &["hv1".to_owned()]).node;
        assert_eq!(node.iscsi.records.as_ref().map(Vec::len), Some(2), "{shell:?}");
        assert_eq!(node.iscsi.default_startup, Some(crate::facts::Startup::Automatic));
        assert_eq!(node.iscsi.sessions.as_ref().map(Vec::len), Some(3));
        assert_eq!(node.corosync.cluster_name.as_deref(), Some("c"));
        assert_eq!(node.mounts.as_ref().map(Vec::len), Some(1));
        assert_eq!(
            (node.multipath.active, node.multipath.maps.as_ref().map(Vec::len)),
            (Some(true), Some(1))
        );
        let nic = &node.nics.as_ref().unwrap()[0];
        assert_eq!((nic.mtu, nic.driver.as_deref()), (Some(9000), Some("ice")), "{shell:?}: without JSON");
        assert_eq!(nic.permanent_mac.as_deref(), Some("3c:fd:fe:0a:00:10"), "as the bond knows it");
        let disk = node.disks.iter().flatten().find(|disk| disk.name == "sdb").unwrap();
        assert_eq!(disk.size_bytes, Some(crate::facts::Bytes(1 << 30)), "{shell:?}: without lsblk");
        assert_eq!(node.names.as_ref().unwrap()[0].addresses, Some(vec!["10.0.0.1".to_owned()]));
        assert_eq!(answer.section("lsblk").unwrap().status, answer::Status::Exit(32));
        let nft = answer.section("nft").unwrap();
        assert_eq!(nft.output.len(), 1 << 20, "{shell:?}: bounded on the host");
        assert_eq!(node.firewall.rules_sha256, None, "half of the rules are no rules");
    }
}

/// Three nodes on one network; the fake's last argument is the command, and `$D` its folder.
const THREE: &str = "[probe]\nparallel = 3\n[[network]]\nname = \"lan\"\nrole = \"cluster\"\nsubnets = [\"192.0.2.0/24\"]\n\
    [[node]]\nname = \"n1\"\nprobe = \"ssh://n1\"\n[[node]]\nname = \"n2\"\nprobe = \"ssh://n2\"\n[[node]]\nname = \"n3\"\nprobe = \"ssh://n3\"\n";

/// A fake of three hosts with the addresses 192.0.2.1 to 3 that measure as `mesh` says: a shell function of the ids.
fn three(mesh: &str) -> Fake {
    Fake::new(&format!(
        r#"for h; do case $h in n[123]) break ;; esac; done
i=${{h#n}}
script=
while IFS= read -r line; do script="$script$line
"; [ "$line" != main ] || break; done
n=${{script#N=\'}}; n=${{n%%\'*}}
say() {{ printf "$@"; }}
say '#%s hello 1\n' $n
case $script in
*TASKS=*)
    printf '%s\n' "$script" > $D/mesh.$h
    tasks=${{script#*TASKS=\'}}; tasks=${{tasks%%\'*}}
    say '#%s b ways \n' $n
    printf '%s' "$tasks" | while read -r id delay kind from to rest; do {mesh}
    done
    ;;
*)
    say '#%s b ip-addr \n[{{"ifname":"eth0","mtu":1500,"operstate":"UP","flags":["UP","LOWER_UP"],"address":"52:54:00:00:00:0%s","link_type":"ether","addr_info":[{{"family":"inet","local":"192.0.2.%s","prefixlen":24}}]}}]\n' $n $i $i
    ;;
esac
say '\n#%s e 0\n#%s bye\n' $n $n"#
    ))
}

fn links(document: &Document) -> Vec<(&str, Option<bool>, Option<i64>)> {
    document.links.iter().flatten().map(|link| (link.name.as_str(), link.reachable, link.path_mtu)).collect()
}

const ANSWER: &str = r#"echo "$id r 0 64 bytes time=0.5 ms 10 packets transmitted, 10 received"; echo "$id m 1500 0 1 packets transmitted, 1 received""#;

#[test]
fn every_node_measures_its_ways_to_the_others() {
    let fake = three(ANSWER);
    let inventory = inventory(THREE);
    let document = run(&inventory, &options(&fake, &inventory), &Unwatched);
    let all = ["n1 > n2", "n1 > n3", "n2 > n1", "n2 > n3", "n3 > n1", "n3 > n2"];
    let found = links(&document);
    assert_eq!(found.len(), all.len(), "{found:?}");
    for (name, reachable, path_mtu) in found {
        assert!(all.iter().any(|way| name == format!("{way} lan icmp")), "{name}");
        assert_eq!((reachable, path_mtu), (Some(true), Some(1500)), "{name}");
    }
    assert!(!document.gaps.iter().any(|gap| gap.path.starts_with("links")));
    let script = fake.file("mesh.n1");
    assert!(script.contains("0 0 w 192.0.2.1 192.0.2.2 28 1500 1400 1280 576\n"), "{script}");
    assert!(Places::new(&document).source("links[n1 > n2 lan icmp].reachable").is_some());
    Document::parse(document.to_json().as_bytes(), "recorded").unwrap();
}

#[test]
fn a_node_that_is_not_reached_has_ways_that_nobody_knows() {
    let body = three(ANSWER);
    let script = std::fs::read_to_string(body.program()).unwrap();
    let fake = Fake::new(&format!(
        "case \"$*\" in *n3*) echo 'ssh: connect to host n3 port 22: No route to host' >&2; exit 255 ;; esac\n{}",
        script.lines().skip(2).collect::<Vec<_>>().join("\n")
    ));
    let inventory = inventory(THREE);
    let document = run(&inventory, &options(&fake, &inventory), &Unwatched);
    let places = Places::new(&document);
    let of = |name: &str| links(&document).into_iter().find(|(known, ..)| *known == name).unwrap().1;
    assert_eq!(of("n1 > n2 lan icmp"), Some(true));
    for name in ["n3 > n1 lan icmp", "n3 > n2 lan icmp", "n1 > n3 lan icmp", "n2 > n3 lan icmp"] {
        assert_eq!(of(name), None, "{name}");
        let gap = places.gap(&format!("links[{name}].reachable")).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(gap.reason, Some(GapReason::Unreachable), "{gap:?}");
    }
}

#[test]
fn a_node_can_tell_of_no_ways_but_its_own_and_silence_is_no_answer() {
    let fake = three(r#"[ $h != n1 ] || echo "$((id + 5)) r 0 9 packets transmitted, 9 received""#);
    let inventory = inventory(THREE);
    let document = run(&inventory, &options(&fake, &inventory), &Unwatched);
    assert!(links(&document).iter().all(|(_, reachable, _)| reachable.is_none()));
    let gaps = document.gaps.iter().filter(|gap| gap.path.starts_with("links[")).count();
    assert_eq!(gaps, 6);
}

#[test]
fn the_second_round_can_be_left_out() {
    let fake = three(ANSWER);
    let inventory = inventory(&THREE.replace("[probe]\n", "[probe]\nmesh = false\n"));
    let document = run(&inventory, &options(&fake, &inventory), &Unwatched);
    assert_eq!((document.links.as_ref(), fake.file("mesh.n1").as_str()), (None, ""));
    let gap = document.gaps.iter().find(|gap| gap.path == "links").unwrap();
    assert_eq!(gap.reason, Some(GapReason::NotCollected));
    let shown = plan(&inventory, &ProbeOptions::of(&inventory));
    assert!(shown.mesh.is_none() && shown.steps.len() == 3);
}
