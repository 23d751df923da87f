//! Bad input gets a clear error that names file and place, exit code 2, and never a panic or a wrong pass.

use crate::support::Folder;
use std::fmt::Write as _;

fn check(name: &str, text: impl AsRef<[u8]>) -> crate::support::Answer {
    let folder = Folder::new();
    folder.write(name, text);
    folder.run(&["check", name])
}

#[test]
fn no_file_at_all_says_what_to_do_next() {
    let folder = Folder::new();
    insta::assert_snapshot!("nothing-there", folder.run(&["check"]).text());
    folder.run(&["check", "absent.toml"]).ends_with(2).complains("absent.toml: cannot be read");
    folder.run(&["check", "absent.json"]).ends_with(2).complains("absent.json");
    folder.run(&["check", "."]).ends_with(2).complains("no bundle that is known; it is empty");
    folder.run(&["probe"]).ends_with(2).complains("there is no cluster.toml");
    folder.quorate(&["check"]).env("QUORATE_CONFIG", "else.toml").end().ends_with(2).complains("else.toml");
}

#[test]
fn every_mistake_of_a_plan_is_told_at_once() {
    let answer = check(
        "cluster.toml",
        "[cluster]\nnmae = 'x'\nplatform = 'wsfcc'\n[[node]]\nname = 'a'\nprobe = 'ssh://-oProxyCommand=x'\n\
         [[node]]\nname = 'a'\nprobe = 'local'\n[[networks]]\n[params]\nmin_networks = 'two'\n",
    );
    insta::assert_snapshot!("plan-mistakes", answer.text());
}

#[test]
fn malformed_plans_are_told_with_their_place() {
    check("cluster.toml", "[cluster\nname = 'x'\n").ends_with(2).complains("cluster.toml:1:");
    check("cluster.toml", "").ends_with(2).complains("cluster.toml");
    check("cluster.toml", b"[cluster]\nname = '\xff\xfe'\n").ends_with(2).complains("not UTF-8");
    check("cluster.toml", format!("a = {}1{}", "[".repeat(20_000), "]".repeat(20_000))).ends_with(2);
    check("cluster.toml", format!("[cluster]\nname = '{}'\n", "x".repeat(17 << 20)))
        .ends_with(2)
        .complains("is larger than");
}

#[test]
fn a_hostile_plan_cannot_speak_to_the_terminal() {
    let answer =
        check("cluster.toml", "[cluster]\nname = \"\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}\"\nx\u{1b} = 1\n");
    answer.ends_with(2);
    let bad = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!answer.err.contains(bad), "{:?}", answer.err);
}

#[test]
fn malformed_recordings_are_told_with_their_place() {
    let begin = r#"{"schema":"quorate/1","nodes":[{"name":"hv1","#;
    check("facts.json", begin).ends_with(2).complains("facts.json:1:");
    check("facts.json", "").ends_with(2).complains("facts.json:");
    check("facts.json", r#"{"schema":"quorate/2"}"#).ends_with(2).complains("its schema is `quorate/2`");
    check("facts.json", r#"{"nodes":[]}"#).ends_with(2).complains("its schema is");
    check("facts.json", "[]").ends_with(2).complains("facts.json");
    check("facts.json", format!(r#"{begin}"cpu":{{"cores":NaN}}}}]}}"#))
        .ends_with(2)
        .complains("facts.json:1:");
    check("facts.json", format!(r#"{begin}"cpu":{{"cores":"four"}}}}]}}"#))
        .ends_with(2)
        .complains("nodes[0].cpu.cores");
    check("facts.json", format!(r#"{begin}"cpu":{{"coers":4}}}}]}}"#))
        .ends_with(2)
        .complains("nodes.0.cpu.coers");
    check("facts.json", r#"{"schema":"quorate/1","nodes":[{"name":"a"},{"name":"a"}]}"#)
        .ends_with(2)
        .complains("`nodes` has two elements with name `a`");
    let deep = format!(r#"{{"schema":"quorate/1","x":{}"#, "[".repeat(200_000));
    check("facts.json", deep).ends_with(2).complains("facts.json");
    check("facts.json", b"{\"schema\":\"quorate/1\",\"nodes\":[{\"name\":\"\xff\"}]}").ends_with(2);
    let mut many = String::from(r#"{"schema":"quorate/1","nodes":["#);
    for n in 0..300 {
        let _ = write!(many, r#"{{"name":"a","x{n}":1}},"#);
    }
    check("facts.json", many + "{}]}").ends_with(2);
}

#[cfg(unix)]
#[test]
fn a_gigabyte_is_refused_before_it_is_read() {
    let folder = Folder::new();
    let path = folder.write("facts.json", r#"{"schema":"quorate/1","x":""#);
    let file = std::fs::OpenOptions::new().write(true).open(path).expect("opened");
    file.set_len(1 << 30).expect("a sparse file");
    folder.run(&["check", "facts.json"]).ends_with(2).complains("larger than 256 MiB");
}

#[test]
fn a_recording_with_escape_sequences_is_shown_without_them() {
    let facts = "{\"schema\":\"quorate/1\",\"cluster\":{\"name\":\"\\u001b[31mx\",\"platform\":\"generic\"},\"nodes\":[
        {\"name\":\"a\\u001b[2J\",\"os\":{\"architecture\":\"x\\u009b31m\"}},{\"name\":\"b\u{202e}\",\"os\":{\"architecture\":\"y\"}},
        {\"name\":\"c\",\"os\":{\"architecture\":\"y\\nPASS\"}}]}";
    let folder = Folder::new();
    folder.write("facts.json", facts);
    for format in ["table", "json"] {
        let answer = folder.run(&["check", "facts.json", "-v", "--format", format]);
        let bad = |c: char| c.is_control() && c != '\n' || c == '\u{202e}' || c == '\u{9b}';
        assert!(!answer.out.contains(bad) && !answer.err.contains(bad), "{:?}", answer.out);
        assert!(!answer.out.lines().any(|line| line.starts_with("PASS") && line.trim() == "PASS"));
    }
}

#[test]
fn settings_in_a_recording_are_checked_like_a_plan() {
    let facts = r#"{"schema":"quorate/1","run":{"settings":"[cluster]\nname='x'\nplatform='genric'\n"},"nodes":[{"name":"a"}]}"#;
    check("facts.json", facts).ends_with(2).complains("facts.json: run.settings:3:11");
}
