//! What a user begins with: questions on a terminal, rules of one's own, learnt parameters, completions, manual pages.

use crate::support::{Folder, fixture};
use std::io::Write;
use std::process::{Command, Stdio};

/// The program on a pseudo terminal, its answers typed. None where there is no `script` (util-linux) to make one.
fn on_terminal(folder: &Folder, args: &str, typed: &str) -> Option<(bool, String)> {
    let found = Command::new("script").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        return None;
    }
    let command = format!("'{}' {args}", env!("CARGO_BIN_EXE_quorate"));
    let mut script = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .current_dir(folder.path())
        .env_remove("QUORATE_QUIET")
        .env_remove("QUORATE_YES")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    script.stdin.take().expect("piped").write_all(typed.as_bytes()).expect("typed");
    let output = script.wait_with_output().expect("it ends");
    Some((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

#[test]
fn init_asks_on_a_terminal() {
    let folder = Folder::new();
    let typed =
        "prod\npacemakr\npacemaker\ndb1 db2\n\n\nring\n\n10.0.0.0/33\n10.0.0.0/24\n\n\nqdevice\nqd1\n";
    let Some((right, said)) = on_terminal(&folder, "init", typed) else { return };
    assert!(right, "{said}");
    for words in [
        "Name of the cluster [my-cluster]",
        "did you mean `pacemaker`",
        "`10.0.0.0/33` is no subnet",
        "Wrote",
    ] {
        assert!(said.contains(words), "{words}:\n{said}");
    }
    let text = folder.read("cluster.toml");
    for line in [
        "name = \"prod\"",
        "platform = \"pacemaker\"",
        "probe = \"ssh://db2\"",
        "role = \"cluster\"\nsubnets = [\"10.0.0.0/24\"]",
        "[witness]\nkind = \"qdevice\"\nhost = \"qd1\"",
    ] {
        assert!(text.contains(line), "{line}:\n{text}");
    }
    folder.run(&["check", "--dry-run"]).ends_with(0);
}

#[test]
fn init_asks_nothing_where_it_is_told_not_to() {
    for args in ["init --yes", "init -q"] {
        let folder = Folder::new();
        let Some((right, said)) = on_terminal(&folder, args, "") else { return };
        assert!(right && !said.contains("Name of the cluster"), "{args}: {said}");
        assert!(folder.file("cluster.toml").exists());
    }
    // Answers that end write nothing.
    let folder = Folder::new();
    let Some((right, said)) = on_terminal(&folder, "init", "prod\n\u{4}") else { return };
    assert!(!right && said.contains("nothing was written"), "{said}");
    assert!(!folder.file("cluster.toml").exists());
}

#[test]
fn flags_of_init_say_what_questions_would() {
    let folder = Folder::new();
    let given = [
        ["--name", "prod"],
        ["--platform", "wsfc"],
        ["--release", "2022"],
        ["--node", "hv1=ssh://admin@10.0.0.1"],
        ["--node", "hv2"],
        ["--network", "storage=storage:10.0.1.0/24,fd00::/64"],
        ["--witness", "file-share=//fs1/witness"],
    ];
    let args: Vec<&str> = std::iter::once("init").chain(given.iter().flatten().copied()).collect();
    folder.run(&args).ends_with(0).complains("then run `quorate check`");
    let text = folder.read("cluster.toml");
    assert!(text.starts_with("#:schema ./cluster.schema.json\n"));
    let schema: serde_json::Value = serde_json::from_str(&folder.read("cluster.schema.json")).expect("JSON");
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let asked = folder.run(&["check", "--dry-run"]).ends_with(0).out.clone();
    assert!(asked.contains("-- hv2 'sh -s'") && asked.contains("admin"), "{asked}");
    for (args, words) in [
        (["--platform", "wsfcc"], "did you mean `wsfc`"),
        (["--node", "hv 1"], "a node's name cannot be `hv 1`"),
        (["--node", "hv1=ssh:/x"], "is no way to probe a node"),
        (["--network", "lan"], "write it as storage=storage:"),
        (["--network", "lan=lan:10.0.0.0/24"], "`network.role` cannot be `lan`"),
        (["--network", "lan=client:10.0.0.1/24"], "did you mean \"10.0.0.0/24\""),
        (["--witness", "disk"], "needs `lun`"),
        (["--witness", "cloud=http://x"], "is no https address"),
        (["--profile", "wsfc-2031"], "there is no profile `wsfc-2031`"),
    ] {
        let answer = folder.run(&["init", "-o", "other.toml", args[0], args[1]]);
        answer.ends_with(2).complains(words);
        assert!(!folder.file("other.toml").exists(), "{args:?}");
    }
}

#[test]
fn a_schema_that_is_there_is_kept_and_none_is_written_unasked() {
    let folder = Folder::new();
    folder.write("cluster.schema.json", "{}");
    folder.run(&["init"]).ends_with(0).complains("another version's and was kept");
    assert_eq!(folder.read("cluster.schema.json"), "{}");
    folder.run(&["init", "--force"]).ends_with(0);
    assert_ne!(folder.read("cluster.schema.json"), "{}");
    let folder = Folder::new();
    folder.run(&["init", "--no-schema"]).ends_with(0);
    assert!(
        !folder.read("cluster.toml").contains("#:schema") && !folder.file("cluster.schema.json").exists()
    );
}

#[test]
fn a_new_rule_runs_at_once_and_nothing_is_lost() {
    let folder = Folder::new();
    let test = ["rules", "test", "--rules", "my-rules"];
    folder.run(&["rules", "new", "own/site", "--each", "nodes", "--platform", "wsfc"]).ends_with(0);
    assert_eq!(folder.run(&test).ends_with(0).out, "4 examples right, 0 wrong\n");
    assert!(folder.file("my-rules/rules.schema.json").exists());
    folder.run(&["rules", "lint", "--rules", "my-rules"]).ends_with(0).complains("was not edited yet");
    let text = folder.read("my-rules/own.toml");
    folder.run(&["rules", "new", "own/nic"]).ends_with(2).complains("--append adds the rule to it");
    folder
        .run(&["rules", "new", "own/site", "--append"])
        .ends_with(2)
        .complains("there is a rule `own/site` already");
    folder.run(&["rules", "new", "network/same-mtu"]).ends_with(2).complains("already");
    assert_eq!(folder.read("my-rules/own.toml"), text);
    let append = ["rules", "new", "own/nic", "--append", "--each", "nodes.nics", "--severity", "warn"];
    folder.run(&append).ends_with(0);
    assert!(folder.read("my-rules/own.toml").starts_with(text.trim_end()));
    assert_eq!(folder.run(&test).ends_with(0).out, "7 examples right, 0 wrong\n");
    folder.run(&["rules", "new", "own/whole", "--append"]).ends_with(0);
    for (id, words) in [
        ("own", "has no category"),
        ("../x/y", "is no category"),
        ("own/Site", "is no name"),
        ("/etc/passwd", "is no category"),
    ] {
        folder.run(&["rules", "new", id]).ends_with(2).complains(words);
    }
    folder
        .run(&["rules", "new", "a/b", "--each", "nodes.nicks"])
        .ends_with(2)
        .complains("did you mean `nics`?");
    folder
        .run(&["rules", "new", "a/b", "--rules", "x", "--rules", "y"])
        .ends_with(2)
        .complains("one folder only");
    // A folder with mistakes is not written to, and they are shown.
    folder.write("my-rules/bad.toml", "[[rule]]\nname = 3\n");
    folder.run(&["rules", "new", "a/b"]).ends_with(2).complains("bad.toml");
    assert!(!folder.file("my-rules/a.toml").exists());
    // Nor is a file to which nothing can be added.
    folder.write("my-rules/bad.toml", "rule = []\n");
    folder.run(&["rules", "new", "bad/b", "--append"]).ends_with(2).complains("cannot be added");
    assert_eq!(folder.read("my-rules/bad.toml"), "rule = []\n");
}

#[test]
fn what_is_learnt_goes_into_a_plan_and_changes_no_verdict() {
    let folder = Folder::new();
    folder.write("facts.json", fixture("clusters/pacemaker-3-iscsi.json"));
    let learnt = folder.run(&["learn", "facts.json"]);
    learnt.ends_with(0).complains("parameters proposed");
    assert!(learnt.out.contains("seen: at least 2 (db1 and 2 more, network/name-servers)"), "{}", learnt.out);
    assert!(learnt.out.contains("\nmin_name_servers = 2\n"), "{}", learnt.out);
    let plan =
        "[cluster]\nname = \"pg\"\nplatform = \"pacemaker\"\n[[node]]\nname = \"db1\"\nprobe = \"none\"\n";
    folder.write("plain.toml", plan);
    folder.write("strict.toml", format!("{plan}{}", learnt.out));
    let findings = |plan: &str| {
        let answer = folder.run(&["check", "facts.json", "--plan", plan, "--format", "json"]);
        let report = answer.json();
        let told = |one: &serde_json::Value| format!("{} {} {}", one["rule"], one["subject"], one["status"]);
        report["findings"].as_array().expect("findings").iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(findings("strict.toml"), findings("plain.toml"));
    // What is worse than it was is told, though it still is within the default.
    let mut facts: serde_json::Value = serde_json::from_str(&folder.read("facts.json")).expect("JSON");
    facts["nodes"][1]["resolver"]["servers"].as_array_mut().expect("servers").truncate(1);
    folder.write("facts.json", facts.to_string());
    let rule = ["--select", "network/name-servers"];
    let check = |plan: &str| {
        let args = ["check", "facts.json", "--fail-on", "warn", "--plan", plan];
        folder.run(&[&args, &rule[..]].concat())
    };
    check("plain.toml").ends_with(0);
    check("strict.toml").ends_with(1);
    // And from then on, nothing is learnt of it by those that it fails.
    let learnt =
        folder.run(&["learn", "facts.json", "--plan", "strict.toml", "--select", "network/name-servers"]);
    assert!(learnt.ends_with(0).out.contains("# Not learnt: fails\n# min_name_servers\n"), "{}", learnt.out);
    let json = folder.run(&["learn", "facts.json", "--format", "json", "--margin", "50"]).ends_with(0).json();
    assert_eq!((&json["profile"], &json["margin_percent"]), (&"pacemaker".into(), &50.into()));
}

#[test]
fn nothing_to_learn_from_is_said() {
    let folder = Folder::new();
    folder.write("facts.json", r#"{"schema":"quorate/1","cluster":{"platform":"generic"},"nodes":[]}"#);
    folder.run(&["learn", "facts.json", "--select", "node/count"]).complains("Nothing to propose");
    folder.run(&["learn", "absent.json"]).ends_with(2).complains("absent.json");
    folder.write("cluster.toml", "[cluster]\n");
    folder.run(&["learn", "cluster.toml"]).ends_with(2).complains("is no recording");
    folder.run(&["learn", "facts.json", "--margin", "101"]).ends_with(2).complains("101");
    folder.run(&["learn"]).ends_with(2).complains("PATH");
}

#[test]
fn bash_completes_commands_options_rules_and_profiles() {
    let folder = Folder::new();
    folder.write("script", folder.run(&["completions", "bash"]).ends_with(0).out.clone());
    let complete = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let line = format!(
            "source ./script; COMP_WORDS=({}); COMP_CWORD={}; _quorate quorate '{last}' '{before}'; echo \"${{COMPREPLY[*]}}\"",
            words.join(" "),
            words.len() - 1,
        );
        let output =
            Command::new("bash").args(["-c", &line]).current_dir(folder.path()).output().expect("bash");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(complete("quorate le").contains("learn"));
    assert!(complete("quorate check --fail").contains("--fail-on"));
    assert!(complete("quorate check --profile wsfc-2022").contains("wsfc-2022"));
    assert!(complete("quorate explain network/same-m").contains("network/same-mtu"));
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        assert!(folder.run(&["completions", shell]).ends_with(0).out.contains("completions"), "{shell}");
    }
    // What is told by its place: the generator for fish leaves it out.
    let fish = folder.run(&["completions", "fish"]).ends_with(0).out.clone();
    for (command, values) in
        [("completions", "bash elvish fish"), ("help", "demo check diff"), ("explain", "azure-local")]
    {
        let start = format!("complete -c quorate -n \"__fish_quorate_using_subcommand {command}\" -f -a \"");
        let mut lines = fish.lines().filter_map(|line| line.strip_prefix(&start));
        let line = lines.next().unwrap_or_else(|| panic!("nothing completes {command}"));
        assert!(line.contains(values) && !line.contains("docs"), "{line}");
    }
    let modes = "inspect\\t''\npr\\t''\npr-write\\t''";
    assert!(fish.contains(modes), "the modes of a test of storage");
    folder.run(&["completions", "tcsh"]).ends_with(2).complains("possible values");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = Folder::new();
    folder.run(&["man", "man1"]).ends_with(0);
    let mut pages: Vec<String> = std::fs::read_dir(folder.file("man1"))
        .expect("made")
        .map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned())
        .collect();
    pages.sort();
    for page in ["quorate.1", "quorate-check.1", "quorate-rules-new.1", "quorate-storage-test.1"] {
        assert!(pages.iter().any(|known| known == page), "{page}: {pages:?}");
    }
    for page in &pages {
        let text = folder.read(&format!("man1/{page}"));
        assert!(text.contains(".SH NAME") && text.contains(".SH \"EXIT STATUS\""), "{page}:\n{text}");
        // groff is there wherever man is.
        let groff = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-z"])
            .arg(folder.file(&format!("man1/{page}")))
            .output();
        if let Ok(output) = groff {
            assert!(
                output.status.success() && output.stderr.is_empty(),
                "{page}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    assert!(folder.run(&["man"]).ends_with(0).out.contains("quorate\\-learn"));
    folder.write("file", "");
    folder.run(&["man", "file/below"]).ends_with(2).complains("cannot be made");
}
