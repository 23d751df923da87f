//! Files with mistakes: what is said of each, and where.

use super::*;
use crate::facts::LunTest;
use proptest::prelude::*;

const HEAD: &str =
    "[cluster]\nname = \"c\"\nplatform = \"generic\"\n[[node]]\nname = \"hv1\"\nprobe = \"none\"\n";
const TARGET: &str = "[[target]]\nname = \"iqn.2001-05.com.example:x\"\nportals = [\"10.0.0.1\"]\n[[target.lun]]\nlun = 0\nname = \"data\"\nrole = \"data\"\n";

/// What is said of a sound beginning followed by this.
fn said(rest: &str) -> String {
    said_of(&format!("{HEAD}{rest}\n"))
}

fn said_of(text: &str) -> String {
    let problems = read(text).expect_err(text);
    assert!(problems.iter().all(|problem| problem.place().is_some()), "each has a place: {problems}");
    let _ = problems.render(Look::Fancy { width: 80, colour: true });
    problems.to_string()
}

#[test]
fn many_mistakes_are_drawn_at_once() {
    let text = r#"[cluster]
nmae = "hv"
platform = "windows"

[probe]
parallel = 0
host_timeout = "30"
deadline = "-5m"

[[node]]
name = "hv 1"
probe = "ssh://-oProxyCommand=x"

[[node]]
name = "hv2"
probe = "shh://hv2"
  [node.declare]
  os.buidl = "10.0.20348"
  cpu.cores = "sixteen"
  memory.total_bytes = "64 GB/s"
  os.family = "widnows"
  [[node.declare.nics]]
  name = "eth0"
  [[node.declare.nics]]
  name = "eth0"
  mtuu = 1500

[[node]]
name = "HV2"
probe = "local"
colour = "red"

[[network]]
name = "cluster"
role = "clutser"
subnets = ["10.0.0.5/24", "10.1.0.0", "x"]
mtu = 12

[[target]]
name = "iqn.2001-5.com.example:x"
portals = ["10.0.1.10:99999", "10.0.1.11:3260", "10.0.1.11"]
  [target.chap]
  user = "u"
  secret = "hunter2hunter2"
  [[target.lun]]
  lun = -1
  role = "data"
  identity = "36001405abcdef01234567890abcdef01"
  size = "1 GiBi"

[witness]
kind = "disk"
lun = "witnes"
share = "//fs/w"

[intent]
survive_nodes = 3
survive_network = "yes"

[[waive]]
rule = "network/same-mtu"
subject = "hv1"
until = "soon"
"#;
    let problems = read(text).expect_err("many mistakes");
    let drawn = problems.render(Look::Plain { width: 100 });
    assert!(!drawn.contains("hunter2"), "{drawn}");
    insta::assert_snapshot!(drawn);
}

#[test]
fn what_is_missing_is_said_at_its_table() {
    insta::assert_snapshot!(
        [said_of(""), said("[[network]]\n[[target]]\n[witness]\n[[attest]]\n[[waive]]")].join("\n--\n")
    );
}

#[test]
fn names_and_hosts() {
    let probes = [
        "",
        "localhost",
        "Local",
        "ssh://",
        "ssh://@hv",
        "ssh://-l@hv",
        "ssh://a b@hv",
        "ssh://hv:0",
        "ssh://hv:x",
        "ssh://hv:22/x",
        "ssh://h v",
        "ssh://[fd00::1",
        "ssh://[fd00::1]22",
        "ssh://hv\\u0007",
        "facts:",
        "winrm://hv",
    ];
    let all: Vec<_> = probes
        .iter()
        .map(|probe| format!("{probe:?}\n  {}", said(&format!("[[node]]\nname = 'n'\nprobe = \"{probe}\""))))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
    for sound in [
        "ssh://hv",
        "ssh://DOM\\\\me@hv-2.example.com:22",
        "ssh://fd00::1",
        "ssh://fe80::1%eth0",
        "ssh://10.0.0.1",
    ] {
        assert!(read(&format!("{HEAD}[[node]]\nname = 'n'\nprobe = \"{sound}\"")).is_ok(), "{sound}");
    }
    for name in ["-hv", "h/v", "hv[1]", "", " ", "h\\tv"] {
        let said = said(&format!("[[node]]\nname = \"{name}\"\nprobe = 'none'"));
        assert!(said.starts_with("cluster.toml:8:"), "{name}: {said}");
    }
}

#[test]
fn what_is_there_twice_is_said_with_both_places() {
    let text = [
        "[[node]]\nname = 'HV1'\nprobe = 'local'\n[[node]]\nname = 'hv3'\nprobe = 'local'",
        "[[network]]\nname = 'n'\nrole = 'cluster'\nsubnets = ['10.0.0.0/24', '10.0.0.0/24']",
        "[[network]]\nname = 'n'\nrole = 'cluster'\nsubnets = []\nswitches = ['s', 's']",
        TARGET,
        "[[target.lun]]\nlun = 0\nname = 'data'\nrole = 'data'\nidentity = 'naa.5000c500a1b2c3d4'",
        "[[target.lun]]\nlun = 2\nrole = 'data'\nidentity = 'naa.5000C500A1B2C3D4'",
        "[[target]]\nname = 'iqn.2001-05.COM.example:x'\nportals = ['10.0.0.1', '10.0.0.1:3260', '[::1]', '[0::1]']",
        "[[attest]]\nsubject = 's'\nby = 'b'\non = 2027-01-01\nuntil = 2026-01-01",
        "[[attest]]\nsubject = 's'\nby = 'b'\nuntil = 2026-01-01",
        "[[waive]]\nrule = 'r/x'\nreason = 'r'\nowner = 'o'\nuntil = 2026-01-01",
        "[[waive]]\nrule = 'r/x'\nreason = 'r'\nowner = 'o'\nuntil = 2026-01-01",
        "[rules]\nselect = ['a']\nignore = ['a']",
    ]
    .join("\n");
    let problems = read(&format!("{HEAD}{text}\n")).expect_err("twice");
    insta::assert_snapshot!(problems.render(Look::Plain { width: 100 }));
}

#[test]
fn a_witness_may_be_on_a_volume() {
    let on = |rest: &str| format!("{HEAD}[[volume]]\nname = 'SAN quorum'\n[witness]\n{rest}");
    let document =
        read(&on("kind = 'disk'\nvolume = 'SAN quorum'")).expect("a sound plan").planned_document();
    assert_eq!(document.witness.volume.as_deref(), Some("SAN quorum"));
    assert_eq!(document.witness.lun.as_deref(), Some(""));
    assert_eq!(document.cluster.votes, Some(2));
    let mistaken = said_of(&on("kind = 'disk'\nvolume = 'SAN quorun'"));
    assert!(mistaken.contains("there is no volume `SAN quorun`"), "{mistaken}");
    assert!(mistaken.contains("did you mean `SAN quorum`?"), "{mistaken}");
    let kind = said_of(&on("kind = 'sbd'\nvolume = 'SAN quorum'"));
    assert!(kind.contains("a witness of kind `sbd` has no `volume`"), "{kind}");
    let both = said(&format!(
        "{TARGET}[[volume]]\nname = 'q'\n[witness]\nkind = 'disk'\nlun = 'data'\nvolume = 'q'"
    ));
    assert!(both.contains("a witness of kind `disk` has no `volume`"), "{both}");
}

#[test]
fn the_witness_has_what_its_kind_needs() {
    let of = |witness: &str| said(&format!("{TARGET}[witness]\n{witness}"));
    let all = [
        of("kind = 'none'\nlun = 'data'"),
        of("kind = 'disk'"),
        of("kind = 'disk'\nlun = 'data'"),
        of("kind = 'disk'\nlun = 'dat'"),
        of("kind = 'file-share'\nshare = 'fs/w'"),
        of("kind = 'file-share'\nshare = '//-x/w'"),
        of("kind = 'cloud'\nurl = 'http://a.blob.core.windows.net'"),
        of("kind = 'cloud'\nurl = 'https://a.blob.core.windows.net/?sig=abcdef'"),
        of("kind = 'cloud'\nurl = 'https://u:p@a'"),
        of("kind = 'cloud'\nurl = 'https://'"),
        of("kind = 'qdevice'\nhost = '-x'"),
        of("kind = 'qdevice'\nhost = 'qd1:x'"),
        of("kind = 'disc'"),
        of("kind = 'cloud'\nurl = 'https://a'\n[[target.lun]]\nlun = 1\nname = 'w'\nrole = 'witness'"),
        said(&TARGET.replace("role = \"data\"", "role = \"witness\"")),
        said(&format!(
            "{}{}[witness]\nkind = 'disk'\nlun = 'w'",
            TARGET.replace("\"data\"", "\"w\"").replace("role = \"w\"", "role = \"witness\""),
            TARGET
                .replace("com.example", "com.other")
                .replace("\"data\"", "\"w\"")
                .replace("role = \"w\"", "role = \"witness\""),
        )),
    ];
    insta::assert_snapshot!(all.join("\n--\n"));
    for (witness, endpoint) in [
        ("kind = 'file-share'\nshare = '\\\\fs1\\witness\\'", "//fs1/witness"),
        (
            "kind = 'cloud'\nurl = 'https://a.blob.core.windows.net/container'",
            "https://a.blob.core.windows.net/container",
        ),
        ("kind = 'qdevice'\nhost = 'qd1'", "qd1:5403"),
        ("kind = 'qdevice'\nhost = '[fd00::1]:5404'", "[fd00::1]:5404"),
        ("kind = 'qdevice'\nhost = 'fd00::1'", "[fd00::1]:5403"),
    ] {
        let document = read(&format!("{HEAD}[witness]\n{witness}")).expect(witness).planned_document();
        assert_eq!(document.witness.endpoint.as_deref(), Some(endpoint));
    }
}

#[test]
fn a_test_is_allowed_only_on_a_lun_that_is_surely_the_one() {
    let identity = "identity = 'naa.5000c500a1b2c3d4'";
    let of = |lines: &str| {
        let problems = read(&format!("{HEAD}{TARGET}{lines}\n")).expect_err(lines);
        problems.render(Look::Plain { width: 100 })
    };
    let all = [
        of("test = 'pr'"),
        of(&format!("test = 'pr'\n{identity}")),
        of("test = 'pr'\nsize = '1 GiB'"),
        of(&format!("test = 'pr-wirte'\n{identity}\nsize = '1 GiB'")),
        of(&format!("test = 'none'\n{identity}\nsize = '1 GiB'")),
        of(&format!("test = 'pr'\ntest_range = '0+64'\n{identity}\nsize = '1 GiB'")),
        of("test_range = '0+64'"),
        of("allow_nonblank = ['gpt']"),
        of(&format!("test = 'pr-write'\ntest_range = '64'\n{identity}\nsize = '1 GiB'")),
        of(&format!("test = 'pr-write'\ntest_range = '0+1'\n{identity}\nsize = '1 GiB'")),
        of(&format!("test = 'pr-write'\ntest_range = '2097100+64'\n{identity}\nsize = '1 GiB'")),
        of(&format!("test = 'pr'\nallow_nonblank = ['gpt', '', 'gpt']\n{identity}\nsize = '1 GiB'")),
    ];
    insta::assert_snapshot!(all.join("--\n"));
    let sound =
        format!("{HEAD}{TARGET}test = 'pr-write'\n{identity}\nsize = '1 GiB'\ntest_range = '2097088+64'\n");
    let lun = read(&sound).expect("sound").targets[0].luns[0].clone();
    let test = lun.test.expect("allowed");
    assert_eq!((test.mode, test.range.map(|range| range.lba)), (LunTest::PrWrite, Some(2_097_088)));
}

#[test]
fn secrets_are_never_written_and_never_drawn() {
    let of = |secret: &str| {
        let text = format!("{HEAD}{TARGET}[target.chap]\nuser = 'u'\n{secret}\nmutual_user = 'x'\n");
        let problems = read(&text).expect_err(secret);
        let drawn = problems.render(Look::Plain { width: 100 }) + &problems.to_string();
        assert!(!drawn.contains("hunter"), "{secret}: {drawn}");
        problems.to_string()
    };
    let all = [
        "secret = 'hunter2hunter2'",
        "secret = \"\"\"\nhunter2\nhunter2\"\"\"",
        "secret = '''hunter2\nhunter2",
        "secret = hunter2hunter2",
        "secret = 'hunter2",
        "secret = 123456789012",
        "secret = ['hunter2']",
        "secret = { value = 'hunter2' }",
        "secret = { value = 'hunter2'",
        "secret = { env = 'X', file = 'y' }",
        "secret = { env = 'X', vaule = 'hunter2' }",
        "secret = {}",
        "secret = { prompt = false }",
        "secret = { env = 'A B' }",
        "secret = { command = [] }",
        "secret = { command = 'pass x' }",
        "secret = { file = '' }",
        "secret = { env = 'X' }",
        "secret = { env = 'X' }\nmutual_secret = { env = 'X' }",
        "secret = { env = 'X' }\nmutual_secret = { prompt = true }\nalgorithms = ['sha1', 'md5', 'md5']",
    ]
    .map(of);
    insta::assert_snapshot!(all.join("\n--\n"));
    let password =
        read(&format!("{HEAD}[[node]]\nname = 'n'\nprobe = 'ssh://u:hunter2@hv'\n")).expect_err("refused");
    let drawn = password.render(Look::Plain { width: 100 }) + &password.to_string();
    assert!(!drawn.contains("hunter2") && drawn.contains("a password cannot be given here"), "{drawn}");
}

#[test]
fn declared_facts_are_checked_against_their_types() {
    let of = |declared: &str| said(&format!("[node.declare]\n{declared}"));
    insta::assert_snapshot!(
        [
            of("oss.build = 'x'"),
            of("os = 'x'"),
            of("os.build = 3"),
            of("os.service_pack = '3'"),
            of("os.frobnicate = 1"),
            of("firmware.uefi = 1"),
            of("memory.total_bytes = -1"),
            of("memory.total_bytes = 1.5"),
            of("time.skew_ms = '1us'"),
            of("time.skew_ms = '1 GiB'"),
            of("name = 'x'\nprobe = 'none'\nsite = 's'\nreached = true"),
            of("networks = []\nredundancy.nics = []"),
            of("nics = [{ mtu = 1500 }, { name = '' }, { name = 5 }]"),
            of("[node.declare.nics]\nname = 'eth0'"),
            of("features = 'x'\nupdates = [1]"),
            of("disks = [{ name = 'sda', lun = 'x' }]"),
        ]
        .join("\n--\n")
    );
}

#[test]
fn a_mistake_of_syntax_does_not_make_others_of_what_it_hides() {
    let said =
        said_of(&format!("{HEAD}{TARGET}role = witness\n[witness]\nkind = 'disk'\nlun = 'gone'\nx = 1\n"));
    insta::assert_snapshot!(said);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn arbitrary_text_is_read_or_refused(text in "(\\PC|[\\[\\]{}=.,'\"\\\\\n\r#])*") {
        if let Err(problems) = read(&text) {
            prop_assert!(!problems.is_empty());
            let _ = problems.render(Look::Plain { width: 80 });
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused(cut in 0..FULL.len(), length in 0..40usize, put in "(\\PC|[\\[\\]{}=.'\"\n-])*") {
        // The full file is ASCII, so that every byte begins a character.
        let end = (cut + length).min(FULL.len());
        let text = format!("{}{put}{}", &FULL[..cut], &FULL[end..]);
        match read(&text) {
            Err(problems) => { let _ = problems.render(Look::Plain { width: 80 }); }
            Ok(inventory) => {
                let document = inventory.plan_alone();
                let json = document.to_json();
                prop_assert_eq!(crate::facts::Document::parse(json.as_bytes(), "plan").map_err(|error| error.to_string()), Ok(document));
            }
        }
    }
}

#[test]
fn what_the_cluster_carries_is_checked_against_types_and_names() {
    let text = format!(
        "{HEAD}[cluster.declare]\nlayout = 'hosts'\nvotes = 3\n[[vm]]\nname = 'a'\nhots = 'hv1'\n[[vm]]\nname = 'a'\nvolumes = []\n[[vm]]\nmemory_bytes = '8 GB'\n[intent]\ninterruption_s = '-1s'\nplanned_interruption_s = '1ms'\n"
    );
    insta::assert_snapshot!(said_of(&text));
}

#[test]
fn names_of_what_the_cluster_carries_are_looked_for() {
    let text = FULL
        .replacen("host = \"hv1\"", "host = \"hv11\"", 1)
        .replacen("volume = \"csv1\"", "volume = \"csv2\"", 1)
        .replacen("group = \"web1\"", "group = \"web\"", 1)
        .replacen("vms = [\"web1\", \"web2\"]", "vms = [\"web1\", \"wbe2\"]", 1)
        .replacen("owner = \"hv1\"", "owner = \"esx1\"", 1);
    insta::assert_snapshot!(said_of(&text));
    // Beside a cluster of guests, virtual machines can run where the plan has no node.
    let guest = FULL.replacen("layout = \"host\"", "layout = \"guest\"", 1).replacen(
        "host = \"hv1\"",
        "host = \"x\"",
        1,
    );
    assert!(read(&guest).is_ok());
    let with_host = format!("{guest}[[host]]\nname = 'esx9'\n");
    assert!(said_of(&with_host).contains("no `[[node]]` or `[[host]]` with the name `x`"));
    assert!(read(&with_host.replace("'esx9'", "'x'")).is_ok());
    assert!(said_of(&format!("{FULL}[[host]]\nname = 'esx1'\n")).contains("the nodes are the hosts"));
}
