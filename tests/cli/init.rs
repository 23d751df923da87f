//! `quorate init`: a file to begin with, empty or filled by discovery.

use crate::support::Folder;
use quorate::simtarget::{Config, FaultSet, SimTarget};

#[test]
fn a_blank_file_is_sound_and_nothing_is_replaced_unasked() {
    let folder = Folder::new();
    let answer = folder.run(&["init"]);
    answer.ends_with(0).complains("Wrote cluster.toml");
    assert_eq!(answer.out, "");
    let text = folder.read("cluster.toml");
    assert!(folder.run(&["check", "--dry-run"]).ends_with(0).out.contains("node node1: sh"));
    folder.run(&["init"]).ends_with(2).complains("cluster.toml is there already");
    folder.write("cluster.toml", "mine");
    folder.run(&["init"]).ends_with(2).complains("--force");
    assert_eq!(folder.read("cluster.toml"), "mine");
    folder.run(&["init", "--force", "-q"]).ends_with(0);
    assert_eq!(folder.read("cluster.toml"), text);
    assert_eq!(folder.run(&["init", "-o", "-"]).ends_with(0).out, text);
    folder.run(&["init", "-o", "absent/cluster.toml"]).ends_with(2).complains("there is no folder absent");
}

#[test]
fn discovery_fills_in_targets_and_luns() {
    let target = SimTarget::start(Config::demo(FaultSet::NONE)).expect("it starts");
    let portals = target.portals();
    let folder = Folder::new();
    folder
        .run(&["init", "--from-target", &portals[0].to_string()])
        .ends_with(0)
        .complains("1 target with 3 LUNs");
    let text = folder.read("cluster.toml");
    for words in
        ["iqn.2026-01.org.quorate.demo:storage", &portals[1].to_string(), "size = \"20 GiB\"", "naa.3"]
    {
        assert!(text.contains(words), "{words}:\n{text}");
    }
    folder.run(&["check", "--dry-run"]).ends_with(0);
}

#[test]
fn a_portal_that_does_not_answer_is_named() {
    let folder = Folder::new();
    let free =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    let answer = folder.run(&["init", "--from-target", &free.to_string()]);
    answer.ends_with(2).complains(&free.to_string());
    assert!(!folder.file("cluster.toml").exists());
    folder.run(&["init", "--from-target", "a b"]).ends_with(2).complains("--from-target");
}
