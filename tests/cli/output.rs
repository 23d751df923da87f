//! Where reports go, how wide they are, and in what colour.

use crate::support::{Folder, fixture};
use std::io::Read;
use std::process::{Command, Stdio};

fn folder() -> Folder {
    let folder = Folder::new();
    let facts = r#"{"schema":"quorate/1","cluster":{"name":"demo","platform":"generic"},"run":{"complete":true},"nodes":[
        {"name":"hv1","os":{"architecture":"x86_64","kernel":"6.1.0-18","family":"linux"}},
        {"name":"hv2","os":{"architecture":"x86_64","kernel":"6.1.0-13","family":"linux"}},
        {"name":"hv3","os":{"architecture":"aarch64","kernel":"6.1.0-18","family":"linux"}}]}"#;
    folder.write("facts.json", facts);
    folder
}

const CHECK: [&str; 4] =
    ["check", "facts.json", "--select", "node/same-architecture,node/same-kernel,node/same-memory"];

#[test]
fn the_table_fits_every_width() {
    let folder = folder();
    for width in ["20", "40", "80", "200"] {
        let answer = folder.quorate(&CHECK).env("COLUMNS", width).end();
        let most = width.parse().expect("a number");
        assert!(answer.ends_with(1).out.lines().all(|line| line.chars().count() <= most), "{}", answer.out);
        insta::assert_snapshot!(format!("width-{width}"), answer.out);
    }
}

#[test]
fn colour_follows_option_then_environment_then_terminal() {
    let folder = folder();
    let coloured = |run: crate::support::Run| run.end().out.contains('\u{1b}');
    let with = |more: &[&str]| folder.quorate(&[CHECK.as_slice(), more].concat());
    assert!(!coloured(with(&[])), "no terminal, no colour");
    assert!(coloured(with(&["--color", "always"]).env("NO_COLOR", "1")));
    assert!(coloured(with(&[]).env("FORCE_COLOR", "1")));
    assert!(coloured(with(&[]).env("CLICOLOR_FORCE", "1")));
    assert!(!coloured(with(&[]).env("FORCE_COLOR", "0")));
    assert!(!coloured(with(&[]).env("FORCE_COLOR", "1").env("NO_COLOR", "1")));
    assert!(!coloured(with(&["--color", "never"]).env("FORCE_COLOR", "1")));
    assert!(coloured(with(&[]).env("QUORATE_COLOR", "always")));
}

#[test]
fn a_report_goes_to_a_file_whole_or_not_at_all() {
    let folder = folder();
    let to = |file: &str| folder.run(&[CHECK.as_slice(), &["--format", "json", "--output", file]].concat());
    let answer = to("report.json");
    assert_eq!(answer.ends_with(1).out, "");
    assert!(folder.read("report.json").starts_with("{\n  \"schema\": \"quorate-report/1\""));
    folder.write("report.json", "old");
    to("report.json").ends_with(1);
    assert!(folder.read("report.json").contains("quorate-report/1"));
    to("absent/report.json").ends_with(2).complains("there is no folder absent");
    to(".").ends_with(2).complains("cannot be written");
    assert_eq!(to("/dev/full").ends_with(2).out, "");
    assert!(to("-").ends_with(1).out.contains("quorate-report/1"));
}

#[test]
fn a_closed_pipe_ends_in_silence() {
    let folder = folder();
    let facts: String = fixture("clusters/wsfc-2022-disk-witness.json");
    folder.write("large.json", facts);
    for args in [
        vec!["rules", "list"],
        vec!["check", "large.json", "-v", "--format", "json"],
        vec!["schema", "facts"],
    ] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("quorate"))
            .args(&args)
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut said).expect("read");
        let status = child.wait().expect("it ends");
        assert_eq!(said, "", "{args:?}");
        assert_eq!(status.code(), Some(2), "{args:?}: what was cut off is never taken for the whole");
    }
}

/// A run whose standard output is a device that is always full.
#[cfg(target_os = "linux")]
fn on_a_full_disk(folder: &Folder, args: &[&str]) -> (Option<i32>, String) {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("a device");
    let output = Command::new(assert_cmd::cargo::cargo_bin!("quorate"))
        .args(args)
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .stdout(full)
        .output()
        .expect("it runs");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_never_ends_with_0() {
    let folder = folder();
    let json = [CHECK.as_slice(), &["--format", "json"]].concat();
    for args in [&CHECK[..], &json, &["rules", "list"], &["schema", "facts"], &["--help"], &["--version"]] {
        let (code, said) = on_a_full_disk(&folder, args);
        assert_eq!(code, Some(2), "{args:?}: {said}");
        assert!(said.contains("cannot write to standard output"), "{args:?}: {said}");
    }
    let answer =
        folder.run(&[CHECK.as_slice(), &["--output-file", "sarif=/dev/full:junit=out.xml"]].concat());
    answer.ends_with(2).complains("/dev/full cannot be written: No space left on device");
    assert!(folder.read("out.xml").contains("</testsuites>"), "the others are written all the same");
}

#[test]
fn a_report_never_replaces_what_it_is_made_from() {
    let folder = folder();
    let facts = folder.read("facts.json");
    folder.write("sub/x", "");
    for output in ["facts.json", "./facts.json", "sub/../facts.json"] {
        let answer = folder.run(&[CHECK.as_slice(), &["--format", "json", "-o", output]].concat());
        answer.ends_with(2).complains("which it is made from");
        let file = format!("json={output}");
        folder.run(&[CHECK.as_slice(), &["--output-file", &file]].concat()).ends_with(2);
    }
    assert_eq!(folder.read("facts.json"), facts);
    let plan = "[cluster]\nname = 'x'\nplatform = 'generic'\n[[node]]\nname = 'a'\nprobe = 'none'\n";
    folder.write("cluster.toml", plan);
    folder.run(&["check", "-o", "cluster.toml"]).ends_with(2).complains("which it is made from");
    folder.run(&["check", "--plan", "cluster.toml", "-o", "cluster.toml"]).ends_with(2);
    folder.run(&["probe", "-o", "cluster.toml"]).ends_with(2).complains("the plan they are gathered by");
    assert_eq!(folder.read("cluster.toml"), plan);
}

#[cfg(unix)]
#[test]
fn links_and_other_spellings_are_one_file() {
    let folder = folder();
    std::os::unix::fs::symlink("facts.json", folder.file("link.json")).expect("a link");
    let to = |more: &[&str]| folder.run(&[CHECK.as_slice(), more].concat());
    to(&["-o", "link.json"]).ends_with(2).complains("which it is made from");
    to(&["-o", "a.txt", "--output-file", "json=./a.txt"]).ends_with(2).complains("two reports go to");
    assert!(!folder.file("a.txt").exists());
}

#[test]
fn what_cannot_be_written_is_told_all_at_once_before_anything_is_asked() {
    let folder = folder();
    std::fs::create_dir(folder.file("there")).expect("made");
    let files = "sarif=there:junit=absent/out.xml:html=fine.html";
    let answer = folder.run(&["check", "facts.json", "--output-file", files]);
    answer.ends_with(2).complains("there cannot be written: it is a directory");
    answer.complains("there is no folder absent; create it first");
    assert_eq!(answer.out, "", "nothing was judged");
    let left = std::fs::read_dir(folder.path()).expect("listed").count();
    assert_eq!(left, 2, "nothing was written, nothing is left behind");
    let plan = "[cluster]\nname = 'x'\nplatform = 'generic'\n[[node]]\nname = 'a'\nprobe = 'local'\n";
    folder.write("cluster.toml", plan);
    folder.run(&["probe", "-o", "absent/facts.json"]).ends_with(2).complains("there is no folder absent");
}

#[test]
fn links_are_for_terminals_and_for_those_who_ask() {
    let folder = folder();
    let own = r#"
[[rule]]
name = "has-a-name"
title = "It has a name"
severity = "fail"
each = "nodes"
require = "node.name == 'a'"
message = "{node.name} is wrong"
why = "x"
remedy = "y"
source = ["z"]
[[rule.example]]
verdict = "pass"
facts = '''{"nodes": [{"name": "a"}]}'''
[[rule.example]]
verdict = "fail"
subject = "b"
facts = '''{"nodes": [{"name": "b"}]}'''
"#;
    folder.write("mine/own.toml", own);
    let check = ["check", "facts.json", "--rules", "mine", "--select", "own/*"];
    let with = |more: &[&str]| folder.quorate(&[check.as_slice(), more].concat());
    let linked = |run: crate::support::Run| run.end().ends_with(1).out.contains("\u{1b}]8;;file://");
    assert!(!linked(with(&[])), "never in a pipe");
    assert!(linked(with(&["--hyperlinks", "always"])));
    assert!(linked(with(&[]).env("FORCE_HYPERLINK", "1")));
    assert!(!linked(with(&[]).env("FORCE_HYPERLINK", "0")));
    assert!(!linked(with(&["--hyperlinks", "never"]).env("FORCE_HYPERLINK", "1")));
    assert!(linked(with(&[]).env("QUORATE_HYPERLINKS", "always")));
    let plain = with(&[]).end().out;
    let text = with(&["--hyperlinks", "always"]).end().out;
    let link = regex::Regex::new("\u{1b}]8;;[^\u{1b}]*\u{1b}\\\\").expect("sound");
    assert_eq!(link.replace_all(&text, ""), plain, "a link changes nothing but that it is one");
    assert!(text.contains("/mine/own.toml\u{1b}\\own/has-a-name\u{1b}]8;;\u{1b}\\"), "{text}");
    let json = with(&["--hyperlinks", "always", "--format", "json"]).end();
    assert!(!json.out.contains('\u{1b}'), "only a table has links");
}

#[test]
fn a_finding_is_explained_where_it_stands() {
    let folder = folder();
    let plain = folder.run(&CHECK).out;
    let explained = folder.run(&[CHECK.as_slice(), &["--explain"]].concat());
    for words in ["Why:", "Source:"] {
        assert!(!plain.contains(words) && explained.out.contains(words), "{}", explained.out);
    }
    assert!(!explained.out.contains("Read:"), "facts are for -v");
    assert!(folder.quorate(&CHECK).env("QUORATE_EXPLAIN", "1").end().out.contains("Why:"));
    let plan = "[cluster]\nname = 'x'\nplatform = 'generic'\n[[node]]\nname = 'a'\nprobe = 'none'\n";
    folder.write("cluster.toml", plan);
    let plan = folder.run(&["check", "--plan", "cluster.toml", "--explain"]);
    assert!(plan.out.contains("At: cluster.toml:"), "{}", plan.out);
}

#[test]
fn verbose_shows_what_holds_and_timings_go_to_standard_error() {
    let folder = folder();
    let answer = folder.run(&[CHECK.as_slice(), &["-v", "--timings"]].concat());
    for words in ["Why:", "Read:", "N/A"] {
        assert!(answer.out.contains(words) || words == "N/A", "{words}: {}", answer.out);
    }
    answer.complains("judging");
    let quiet = folder.run(&[CHECK.as_slice(), &["-q"]].concat());
    assert_eq!(quiet.err, "");
}
