//! A file system that fills while a report, a recording or a plan is written: a real one, of 64 KB, in a mount namespace.

use crate::peers::{off, program};
use std::fs;
use std::path::Path;
use std::process::Command;

const QUORATE: &str = env!("CARGO_BIN_EXE_quorate");

/// Fills a file system of 64 KB that holds old files but for some room, runs the program, and keeps what it then holds.
const SCRIPT: &str = r#"
room=$1; shift
mount -t tmpfs -o size=64k,mode=700 quorate full || exit 1
for file in old.html old.json; do echo "what it held" > "full/$file"; done
dd if=/dev/zero of=full/filling bs=1k count=128 2> /dev/null && exit 1
truncate -s "-$room" full/filling
code=0
"$@" > out 2> said || code=$?
echo "$code" > code
ls -A full > listed
cp full/old.html full/old.json .
umount full
"#;

/// What is left of a run on such a file system.
struct Left {
    code: String,
    said: String,
    listed: String,
}

fn run(folder: &Path, room: &str, args: &[&str]) -> Left {
    // Root makes the namespace as it is, all others one in which they are root.
    let mut command = Command::new(program("unshare", "util-linux"));
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let done = command
        .args(["--mount", "sh", "-e", "-c", SCRIPT, "sh", room, QUORATE])
        .args(args)
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .output()
        .expect("unshare");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "the lab can mount nothing here ({said}); set QUORATE_LAB=off to leave it out"
    );
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("written");
    assert_eq!(
        (read("old.html"), read("old.json")),
        ("what it held\n".into(), "what it held\n".into()),
        "{args:?}"
    );
    Left { code: read("code"), said: read("said"), listed: read("listed") }
}

#[test]
fn what_has_no_room_is_named_and_leaves_nothing_behind() {
    if off() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary directory");
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("full")).expect("made");
    let facts = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters/pacemaker-3-iscsi.json");
    fs::copy(facts, path("facts.json")).expect("copied");
    let plan = "[cluster]\nname = \"x\"\nplatform = \"generic\"\n\
                [[node]]\nname = \"db1\"\nprobe = \"facts:facts.json\"\n[[node]]\nname = \"db2\"\nprobe = \"facts:facts.json\"\n";
    fs::write(path("cluster.toml"), plan).expect("written");

    let check = ["check", "facts.json"];
    let init = ["init", "--name", "x", "--platform", "pacemaker", "--node", "a", "--node", "b"];
    let runs: [(Vec<&str>, &[&str]); 7] = [
        ([&check[..], &["--output-file", "html=full/old.html"]].concat(), &["full/old.html"]),
        ([&check[..], &["--output-file", "html=full/new.html"]].concat(), &["full/new.html"]),
        (
            [
                &check[..],
                &["--output-file", "markdown=full/new.md", "--format", "json", "-o", "full/old.json"],
            ]
            .concat(),
            &["full/new.md", "full/old.json"],
        ),
        (vec!["probe", "cluster.toml", "-o", "full/old.json"], &["full/old.json"]),
        (vec!["probe", "cluster.toml", "-o", "full/new.json"], &["full/new.json"]),
        ([&init[..], &["--no-schema", "-o", "full/new.toml"]].concat(), &["full/new.toml"]),
        // Its schema is written before the plan, so that neither is left without the other.
        ([&init[..], &["-o", "full/new.toml"]].concat(), &["full/cluster.schema.json"]),
    ];
    // Without any room, with room for a beginning, and with room for the plan but not for its schema.
    for room in ["0", "4096", "16384"] {
        for (args, files) in runs.iter().skip(if room == "16384" { runs.len() - 1 } else { 0 }) {
            let left = run(folder.path(), room, args);
            assert_eq!(left.code, "2\n", "{args:?}: {}", left.said);
            assert_eq!(left.listed, "filling\nold.html\nold.json\n", "{args:?}");
            for file in *files {
                let held = if file.contains("old") {
                    "what it held before is as it was"
                } else {
                    "nothing was written"
                };
                let told = format!("{file} cannot be written: No space left on device");
                let help = format!("help: make room in full, or name a file elsewhere; {held}");
                assert!(left.said.contains(&told) && left.said.contains(&help), "{args:?}: {}", left.said);
            }
            assert!(!left.said.contains(".quorate-"), "{args:?}: {}", left.said);
        }
    }
}
