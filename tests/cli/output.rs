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
        assert!(status.code().is_some_and(|code| code <= 5), "{args:?}: {status}");
    }
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
