//! The program on a terminal of its own (a pty, by way of `script`): progress while it asks, a narrow table, links, Ctrl-C.

use crate::peers::{off, program};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const QUORATE: &str = env!("CARGO_BIN_EXE_quorate");

/// What progress shows and no report does.
const PROGRESS: &str = " done";

/// Longest time for one run.
const PATIENCE: Duration = Duration::from_secs(60);

/// A plan of two hosts that are reached by an `ssh` which never answers.
fn silent_hosts(folder: &Path) {
    let plan = "[cluster]\nname = 'x'\nplatform = 'generic'\n\
                [[node]]\nname = 'a-node-with-a-long-name'\nprobe = 'ssh://root@127.0.0.1'\n\
                [[node]]\nname = 'b'\nprobe = 'ssh://root@127.0.0.2'\n";
    fs::write(folder.join("cluster.toml"), plan).expect("written");
    fs::create_dir(folder.join("bin")).expect("made");
    let ssh = folder.join("bin/ssh");
    fs::write(&ssh, "#!/bin/sh\nexec sleep 120\n").expect("written");
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).expect("changed");
}

/// Runs the program on a terminal of that width. Once it has shown `until`, the keys are pressed.
fn on_terminal(folder: &Path, columns: u16, args: &str, until: &str, keys: &[u8]) -> (Option<i32>, String) {
    let path = format!("{}:{}", folder.join("bin").display(), std::env::var("PATH").unwrap_or_default());
    let line = format!("stty cols {columns} rows 40; exec '{QUORATE}' {args}");
    let mut child = Command::new(program("script", "bsdutils"))
        .args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"])
        .current_dir(folder)
        .env("PATH", path)
        .env("TERM", "xterm-256color")
        .env("SHELL", "/bin/sh")
        .env_remove("NO_COLOR")
        .env_remove("CI")
        .env_remove("COLUMNS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("script");
    let mut input = child.stdin.take().expect("piped");
    let mut output = child.stdout.take().expect("piped");
    let (send, shown) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(number @ 1..) = output.read(&mut part) {
            let _ = send.send(part[..number].to_vec());
        }
    });
    let end = Instant::now() + PATIENCE;
    let (mut all, mut pressed) = (Vec::new(), false);
    while let Ok(part) = shown.recv_timeout(end.saturating_duration_since(Instant::now())) {
        all.extend(part);
        if !pressed && String::from_utf8_lossy(&all).contains(until) {
            input.write_all(keys).expect("it listens");
            pressed = true;
        }
    }
    let text = String::from_utf8_lossy(&all).into_owned();
    if Instant::now() >= end {
        child.kill().expect("own child");
    }
    let status = child.wait().expect("own child");
    assert!(pressed, "`{until}` was never shown: {text}");
    (status.code(), text)
}

/// What is left to read once the last progress was taken away, without colours and links.
fn report(text: &str) -> String {
    let (_, report) = text.rsplit_once("\u{1b}[2K").unwrap_or(("", text));
    let sequences =
        regex::Regex::new("\u{1b}\\[[0-9;]*[A-Za-z]|\u{1b}\\][^\u{1b}]*\u{1b}\\\\").expect("sound");
    sequences.replace_all(report, "").replace('\r', "")
}

#[test]
fn ctrl_c_on_a_narrow_terminal_ends_with_a_report_of_what_there_is() {
    if off() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary directory");
    silent_hosts(folder.path());
    let check = "check cluster.toml --select node,links";
    let (code, text) = on_terminal(folder.path(), 20, check, "waiting for connection", b"\x03");
    assert_eq!(code, Some(130), "{text}");
    assert!(text.contains("node a-node-with-a-long-name"), "who is asked: {text}");
    let report = report(&text);
    assert!(report.contains("INTERRUPTED"), "{report}");
    assert!(text.contains(PROGRESS), "how many are done: {text}");
    assert!(!report.contains(PROGRESS), "progress is taken away: {report}");
    let wide: Vec<&str> = report.lines().filter(|line| line.chars().count() > 20).collect();
    assert_eq!(wide, Vec::<&str>::new(), "{report}");
}

#[test]
fn ctrl_c_while_recording_leaves_a_recording_that_says_so() {
    if off() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary directory");
    silent_hosts(folder.path());
    let probe = "probe cluster.toml -o facts.json";
    let (code, text) = on_terminal(folder.path(), 80, probe, "waiting for connection", b"\x03");
    assert_eq!(code, Some(130), "{text}");
    let facts = fs::read_to_string(folder.path().join("facts.json")).expect("a recording");
    let facts: serde_json::Value = serde_json::from_str(&facts).expect("whole");
    assert_eq!(facts["run"]["complete"], false);
    let left = fs::read_dir(folder.path()).expect("readable").count();
    assert_eq!(left, 3, "plan, recording, the folder of ssh");
}

#[test]
fn a_terminal_that_has_links_gets_them() {
    if off() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary directory");
    silent_hosts(folder.path());
    let check = "check --plan cluster.toml --select node --explain";
    let link = "\u{1b}]8;;file://";
    let (_, text) = on_terminal(folder.path(), 80, &format!("{check} --hyperlinks always"), "Verdict", b"");
    assert!(text.contains(link), "{text}");
    let (_, plain) = on_terminal(folder.path(), 80, &format!("{check} --hyperlinks never"), "Verdict", b"");
    assert!(!plain.contains("\u{1b}]8"), "{plain}");
    assert_eq!(report(&text), report(&plain), "a link changes nothing but that it is one");
}
