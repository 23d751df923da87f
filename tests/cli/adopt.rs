//! What others build upon: the action, the GitLab template, the hooks, the release. Their shell runs here as it would there, with the
//! built program and with inputs that mean harm.

use crate::support::Folder;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use yaml_rust2::{Yaml, YamlLoader};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(name: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn workflows() -> Vec<String> {
    let folder = fs::read_dir(root().join(".github/workflows")).expect("a folder");
    folder
        .map(|entry| format!(".github/workflows/{}", entry.expect("readable").file_name().display()))
        .collect()
}

/// Every text of a document, with the keys that lead to it.
fn texts(of: &Yaml, at: &str, out: &mut Vec<(String, String)>) {
    match of {
        Yaml::String(text) => out.push((at.to_owned(), text.clone())),
        Yaml::Array(all) => all.iter().for_each(|one| texts(one, at, out)),
        Yaml::Hash(all) => {
            for (key, value) in all {
                texts(value, &format!("{at}.{}", key.as_str().unwrap_or_default()), out);
            }
        }
        _ => {}
    }
}

#[test]
fn no_input_is_part_of_a_script() {
    let mut files = workflows();
    assert!(files.len() >= 2);
    files.extend(["action.yml", "templates/quorate.yml", ".pre-commit-hooks.yaml"].map(str::to_owned));
    let mut scripts = 0;
    for file in files {
        for document in yaml(&file) {
            let mut all = Vec::new();
            texts(&document, "", &mut all);
            for (at, text) in all {
                if [".run", ".script", ".before_script", ".entry"].iter().any(|end| at.ends_with(end)) {
                    scripts += 1;
                    assert!(!text.contains("${{") && !text.contains("$[["), "{file}{at}: {text}");
                }
            }
        }
    }
    assert!(scripts > 12, "{scripts}");
}

/// Inputs that reach nothing, and those that are asked for and not declared, are mistakes that no run would show.
#[test]
fn inputs_are_declared_told_and_used() {
    for (file, open, inputs) in [
        ("action.yml", "${{ inputs.", &yaml("action.yml")[0]["inputs"]),
        ("templates/quorate.yml", "$[[ inputs.", &yaml("templates/quorate.yml")[0]["spec"]["inputs"]),
    ] {
        let whole = text(file);
        let asked: Vec<&str> =
            whole.split(open).skip(1).filter_map(|rest| rest.split([' ', '}']).next()).collect();
        let inputs = inputs.as_hash().expect("a table");
        for (name, input) in inputs {
            let name = name.as_str().expect("text");
            assert!(asked.contains(&name), "{file}: {name} reaches nothing");
            assert!(input["description"].as_str().is_some_and(|text| text.len() > 10), "{file}: {name}");
        }
        for name in asked {
            assert!(inputs.contains_key(&Yaml::String(name.to_owned())), "{file}: {name} is not declared");
        }
    }
    let action = &yaml("action.yml")[0];
    for (name, output) in action["outputs"].as_hash().expect("a table") {
        let name = name.as_str().expect("text");
        assert_eq!(output["value"].as_str(), Some(format!("${{{{ steps.check.outputs.{name} }}}}").as_str()));
    }
}

/// A step of the action, ready to run in a folder.
struct Step {
    folder: Folder,
    script: String,
    env: Vec<(String, String)>,
}

struct Ended {
    code: Option<i32>,
    out: String,
    outputs: String,
}

impl Ended {
    /// Value of an output; the last one counts.
    fn output(&self, name: &str) -> Option<&str> {
        let start = format!("{name}=");
        self.outputs.lines().rev().find_map(|line| line.strip_prefix(&start))
    }

    #[track_caller]
    fn ends_with(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.out);
        self
    }
}

impl Step {
    /// The step of that id, with the defaults of all inputs.
    fn new(id: &str) -> Self {
        let action = yaml("action.yml").remove(0);
        let steps = action["runs"]["steps"].as_vec().expect("steps");
        let step = steps.iter().find(|step| step["id"].as_str() == Some(id)).expect("the step is there");
        assert_eq!(step["shell"].as_str(), Some("bash"));
        let folder = Folder::new();
        fs::create_dir(folder.file("temp")).expect("made");
        let mut env = vec![("RUNNER_TEMP".to_owned(), folder.file("temp").display().to_string())];
        for (name, value) in step["env"].as_hash().expect("an environment") {
            let value = value.as_str().expect("text");
            let input = value.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}"));
            let value = input.map_or(env!("CARGO_BIN_EXE_quorate").to_owned(), |input| {
                action["inputs"][input]["default"].as_str().expect("text").to_owned()
            });
            env.push((name.as_str().expect("text").to_owned(), value));
        }
        for (name, value) in [
            ("GITHUB_OUTPUT", "outputs.txt"),
            ("GITHUB_STEP_SUMMARY", "summary.md"),
            ("GITHUB_ACTION_PATH", &root().display().to_string()),
            ("GITHUB_SERVER_URL", "https://forge.invalid"),
            ("RUNNER_OS", "Linux"),
            ("RUNNER_ARCH", "X64"),
        ] {
            env.push((name.to_owned(), value.to_owned()));
        }
        Step { folder, script: step["run"].as_str().expect("a script").to_owned(), env }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        let one = self.env.iter_mut().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}"));
        value.clone_into(&mut one.1);
        self
    }

    fn file(self, name: &str, text: &str) -> Self {
        self.folder.write(name, text);
        self
    }

    /// Puts a program of that name before all others.
    fn program(self, name: &str, script: &str) -> Self {
        let path = self.folder.write(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("made executable");
        self
    }

    fn run(&self) -> Ended {
        let _ = fs::remove_file(self.folder.file("outputs.txt"));
        fs::write(self.folder.file("step.sh"), &self.script).expect("written");
        let path = std::env::var("PATH").expect("set");
        // As the runner calls it for `shell: bash`.
        let output = Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "step.sh"])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", format!("{}:{path}", self.folder.file("bin").display()))
            .env("HOME", self.folder.path())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("bash is there");
        Ended {
            code: output.status.code(),
            out: format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
            outputs: fs::read_to_string(self.folder.file("outputs.txt")).unwrap_or_default(),
        }
    }
}

const PLAN: &str = "[cluster]\nname = 'x'\nplatform = 'generic'\n\
    [[network]]\nname = 'a'\nrole = 'client'\nsubnets = ['10.0.0.0/24']\n\
    [[network]]\nname = 'b'\nrole = 'cluster'\nsubnets = ['10.0.1.0/24']\n\
    [[node]]\nname = 'n'\nprobe = 'none'\n[[node]]\nname = 'm'\nprobe = 'none'\n";

/// A plan with networks that overlap.
fn bad_plan() -> String {
    PLAN.replace("10.0.1.0/24", "10.0.0.128/25")
}

#[test]
fn the_action_judges_a_recording_and_leaves_reports() {
    let facts = text("fixtures/clusters/pacemaker-3-iscsi.json");
    let step = Step::new("check")
        .file("a b.json", &facts)
        .with("RECORDINGS", "a b.json\n")
        .with("DIRECTORY", "out 'x");
    let ended = step.run();
    assert_eq!(ended.ends_with(0).output("verdict"), Some("clean"), "{}", ended.outputs);
    assert_eq!(ended.output("exit-code"), Some("0"));
    for (output, start) in [("sarif", "{"), ("junit", "<?xml"), ("html", "<!doctype html>"), ("json", "{")] {
        let path = ended.output(output).unwrap_or_else(|| panic!("{output}: {}", ended.outputs));
        assert!(step.folder.read(path).starts_with(start), "{output}: {path}");
    }
    assert!(step.folder.read("summary.md").contains("pg"), "the step summary");
}

#[test]
fn the_action_annotates_what_a_plan_has_wrong() {
    let step = Step::new("check").file("cluster.toml", &bad_plan());
    let ended = step.run();
    assert_eq!(ended.ends_with(1).output("verdict"), Some("findings"));
    let annotated = "\n::error file=cluster.toml,line=4,title=fail network/no-overlapping-subnets::";
    assert!(ended.out.contains(annotated), "{}", ended.out);
}

#[test]
fn the_action_fails_on_what_is_new_only() {
    let step = Step::new("check").file("cluster.toml", &bad_plan());
    let former = step.run().output("json").expect("a report").to_owned();
    std::fs::copy(&former, step.folder.file("former.json")).expect("copied");
    let step = step.with("BASELINE", "former.json");
    assert_eq!(step.run().ends_with(0).output("verdict"), Some("nothing-new"));
    let other = "[[network]]\nname = 'c'\nrole = 'client'\nsubnets = ['10.0.0.0/16']\n";
    step.file("cluster.toml", &format!("{}{other}", bad_plan())).run().ends_with(1);
}

#[test]
fn the_action_lets_an_incomplete_plan_through_and_says_so() {
    let step = Step::new("check").file("cluster.toml", PLAN);
    let ended = step.run();
    assert_eq!(ended.ends_with(0).output("verdict"), Some("incomplete"));
    assert_eq!(ended.output("exit-code"), Some("3"));
    assert!(ended.out.contains("::warning title=quorate::Nothing failed, but"), "{}", ended.out);
    step.with("ALLOW_INCOMPLETE", "false").run().ends_with(3);
    // A recording has no excuse.
    let mut facts: serde_json::Value =
        serde_json::from_str(&text("fixtures/clusters/pacemaker-3-iscsi.json")).expect("JSON");
    facts["nodes"][0]["os"] = serde_json::json!({});
    let step = Step::new("check").file("facts.json", &facts.to_string()).with("RECORDINGS", "facts.json");
    let ended = step.run();
    assert_eq!(ended.ends_with(3).output("verdict"), Some("incomplete"));
    step.with("ALLOW_INCOMPLETE", "true").run().ends_with(0);
}

#[test]
fn nothing_wrong_passes_the_action() {
    for (name, value) in [
        ("PLAN", "absent.toml"),
        ("RECORDINGS", "absent.json"),
        ("PROFILE", "absent"),
        ("RULES", "absent"),
        ("SELECT", "absent"),
        ("FAIL_ON", "never"),
        ("BASELINE", "absent.json"),
        ("PROBE", "yes"),
        ("ALLOW_INCOMPLETE", "True"),
        ("DIRECTORY", "a:b"),
        ("DIRECTORY", "cluster.toml/below"),
        ("BINARY", "/absent/quorate"),
    ] {
        let step = Step::new("check").file("cluster.toml", PLAN).with(name, value);
        let ended = step.run();
        assert!(!matches!(ended.code, Some(0 | 3)), "{name}={value}: {}", ended.out);
        assert_eq!(ended.output("verdict"), Some("error"), "{name}={value}: {}", ended.out);
        assert_eq!(ended.output("json"), None, "{name}={value}");
    }
    let both = Step::new("check").with("PROBE", "true").with("RECORDINGS", "facts.json");
    assert!(both.run().ends_with(2).out.contains("recordings are judged as they are"));
}

#[test]
fn an_old_report_is_not_taken_for_this_one() {
    let old = "{\n  \"verdict\": \"clean\",\n}";
    let step = Step::new("check").with("PLAN", "absent.toml").file("temp/quorate/quorate.json", old);
    let ended = step.run();
    assert_eq!(ended.ends_with(2).output("verdict"), Some("error"), "{}", ended.outputs);
    assert_eq!(ended.output("json"), None);
}

/// What means harm to a shell.
const HARM: &[&str] = &[
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "' ; touch pwned ; '",
    "\" ; touch pwned ; \"",
    "a\ntouch pwned\n",
    "--output-file=html=pwned",
    "-opwned",
    "*",
    "${PATH}",
    "a b",
    "\\",
];

/// Sets what means harm: all of these names at once, then each by itself.
fn harmful<'n>(names: &[&'n str]) -> Vec<(Vec<&'n str>, &'static str)> {
    let all = HARM.iter().map(|harm| (names.to_vec(), *harm));
    all.chain(names.iter().map(|name| (vec![*name], HARM[0]))).collect()
}

#[test]
fn no_input_of_the_action_is_ever_run() {
    let names = [
        "PLAN",
        "RECORDINGS",
        "PROFILE",
        "RULES",
        "SELECT",
        "IGNORE",
        "FAIL_ON",
        "BASELINE",
        "PROBE",
        "DIRECTORY",
    ];
    for (names, harm) in harmful(&names) {
        let mut step = Step::new("check").file("cluster.toml", PLAN);
        for name in &names {
            step = step.with(name, harm);
        }
        let ended = step.run();
        assert!(!step.folder.file("pwned").exists(), "{names:?}={harm}: {}", ended.out);
        // A folder may be called as it likes.
        let sound = names == ["DIRECTORY"] && ended.output("verdict") == Some("incomplete");
        assert!(ended.code == Some(2) || sound, "{names:?}={harm}: {:?} {}", ended.code, ended.out);
    }
}

#[test]
fn files_of_the_action_may_have_any_name() {
    for harm in HARM.iter().filter(|harm| !harm.contains('\n')) {
        let name = format!("{harm}.toml").replace('/', "_");
        let step = Step::new("check").file(&name, &bad_plan()).with("PLAN", &name);
        let ended = step.run();
        assert_eq!(ended.ends_with(1).output("verdict"), Some("findings"), "{name}: {}", ended.out);
    }
}

/// Words of hosts and files are shown where the runner obeys nothing.
#[test]
fn what_a_plan_says_is_no_command_to_the_runner() {
    let plan = format!("{PLAN}\n::error::x\n##[error]x\n[[node]]\nname = '::set-env name=A::b'\n");
    for plan in [plan, bad_plan().replace("name = 'a'", "name = '::error::x'")] {
        let step = Step::new("check").file("cluster.toml", &plan);
        let out = step.run().out;
        let (_, rest) = out.split_once("::stop-commands::").expect("they are stopped");
        let (mark, rest) = rest.split_once('\n').expect("a line");
        let (stopped, after) = rest.split_once(&format!("\n::{mark}::\n")).expect("they go on");
        assert!(stopped.contains("::error::x"), "{out}");
        assert!(!after.contains("::error::x\n") && !after.contains("##["), "{after}");
        for line in after.lines() {
            assert!(
                line.is_empty() || line.starts_with("::error ") || line.starts_with("::warning "),
                "{line}"
            );
        }
    }
}

#[test]
fn the_action_takes_a_program_that_is_there() {
    let step = Step::new("install").with("BINARY", env!("CARGO_BIN_EXE_quorate"));
    assert_eq!(step.run().ends_with(0).output("binary"), Some(env!("CARGO_BIN_EXE_quorate")));
    Step::new("install").with("BINARY", "/absent/quorate").run().ends_with(2);
    Step::new("install").with("BINARY", "a\nb").run().ends_with(2);
}

/// An archive as a release has it, made by `scripts/package` of a program that says only that it is it.
fn released() -> (Folder, String) {
    let folder = Folder::new();
    let program = folder.write("program", "#!/bin/sh\necho released\n[ \"$1\" != man ] || mkdir \"$2\"\n");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made executable");
    let output = Command::new(root().join("scripts/package"))
        .args(["x86_64-unknown-linux-musl".as_ref(), program.as_os_str()])
        .env("QUORATE_DIST", folder.path())
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let archive = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let name = archive.file_name().expect("a name").to_string_lossy().into_owned();
    (folder, name)
}

/// A `curl` that knows one folder.
fn curl(folder: &Folder) -> String {
    format!(
        "while [ $# -gt 1 ]; do [ \"$1\" != --output ] || out=$2; shift; done\necho \"$1\" >> asked.txt\n\
         if cp '{}'/\"${{1##*/}}\" \"$out\" 2>/dev/null; then printf 200; else printf 404; fi",
        folder.path().display()
    )
}

#[test]
fn the_action_installs_the_release_of_its_own_version() {
    let (folder, name) = released();
    let step = || {
        Step::new("install")
            .program("curl", &curl(&folder))
            .program("cargo", "echo built > built.txt")
            .with("REPOSITORY", "someone/quorate")
    };
    let one = step();
    let ended = one.run();
    let binary = ended.ends_with(0).output("binary").expect("a program");
    let said = Command::new(binary).output().expect("it runs").stdout;
    assert_eq!(String::from_utf8_lossy(&said), "released\n");
    let version = env!("CARGO_PKG_VERSION");
    let url = format!("https://forge.invalid/someone/quorate/releases/download/v{version}/{name}");
    assert_eq!(one.folder.read("asked.txt"), format!("{url}\n{url}.sha256\n"));
    // The name is also the one that `cargo binstall` looks for.
    let manifest: toml::Table = text("Cargo.toml").parse().expect("TOML");
    let fill = |key: &str| {
        let template = manifest["package"]["metadata"]["binstall"][key].as_str().expect("text");
        template
            .replace("{ repo }", "https://forge.invalid/someone/quorate")
            .replace("{ version }", version)
            .replace("{ name }", "quorate")
            .replace("{ bin }", "quorate")
            .replace("{ target }", "x86_64-unknown-linux-musl")
    };
    assert_eq!(fill("pkg-url"), url);
    assert!(binary.ends_with(&format!("/{}", fill("bin-dir"))), "{binary}");

    // A checksum that is pinned, and one that is not that of the archive.
    let sum = fs::read_to_string(folder.file(&format!("{name}.sha256"))).expect("there");
    let pinned = step().with("CHECKSUM", sum.split(' ').next().expect("a sum"));
    pinned.run().ends_with(0);
    assert!(!pinned.folder.read("asked.txt").contains(".sha256"));
    let ended = step().with("CHECKSUM", "00").run();
    assert!(ended.ends_with(2).out.contains("checksum"), "{}", ended.out);
    assert_eq!(ended.output("binary"), None);
    folder.write(&format!("{name}.sha256"), format!("{}  {name}\n", "0".repeat(64)));
    step().run().ends_with(2);
    fs::remove_file(folder.file(&format!("{name}.sha256"))).expect("removed");
    step().run().ends_with(2);
}

#[test]
fn the_action_builds_where_there_is_no_release() {
    let nothing = Folder::new();
    for (name, value) in [
        ("REPOSITORY", "someone/quorate"),
        ("GITHUB_ACTION_PATH", &*root().display().to_string()),
        ("VERSION", "source"),
        ("RUNNER_OS", "macOS"),
    ] {
        let step = Step::new("install")
            .program("curl", &curl(&nothing))
            .program("cargo", "echo \"$*\" > built.txt")
            .with(name, value);
        let ended = step.run();
        assert!(
            ended.ends_with(0).output("binary").is_some_and(|path| path.ends_with("/bin/quorate")),
            "{}",
            ended.out
        );
        assert!(step.folder.read("built.txt").starts_with("install --locked "));
    }
    // What else goes wrong is not papered over.
    let step = || Step::new("install").program("cargo", "echo built > built.txt").with("REPOSITORY", "a/b");
    for curl in ["printf 500", "exit 6"] {
        let step = step().program("curl", curl);
        step.run().ends_with(2);
        assert!(!step.folder.file("built.txt").exists());
    }
    for (names, harm) in harmful(&["REPOSITORY", "VERSION", "CHECKSUM", "BINARY"]) {
        let mut step = step().program("curl", "printf 404");
        for name in &names {
            step = step.with(name, harm);
        }
        let ended = step.run();
        assert!(!step.folder.file("pwned").exists(), "{names:?}={harm}: {}", ended.out);
    }
}

/// The name of the action's repository is taken from where the runner puts it.
#[test]
fn the_action_knows_its_own_repository() {
    let (folder, _) = released();
    let step = Step::new("install").program("curl", &curl(&folder)).program("cargo", "exit 1");
    let place = step.folder.file("_actions/someone/quorate/feature/x");
    fs::create_dir_all(&place).expect("made");
    fs::copy(root().join("Cargo.toml"), place.join("Cargo.toml")).expect("copied");
    let step = step.with("GITHUB_ACTION_PATH", &place.display().to_string());
    step.run().ends_with(0);
    assert!(step.folder.read("asked.txt").contains("/someone/quorate/releases/"));
}

/// Runs a script with the built program before all others.
fn sh(folder: &Folder, script: &str, arguments: &[&str], env: &[(&str, &str)]) -> (Option<i32>, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_quorate")).parent().expect("it lies in a folder");
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .env("PATH", format!("{}:{}", binary.display(), std::env::var("PATH").expect("set")))
        .env("HOME", folder.path())
        .envs(env.iter().copied())
        .output()
        .expect("sh is there");
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

#[test]
fn the_template_for_gitlab_judges_and_runs_no_input() {
    let template = &yaml("templates/quorate.yml")[1]["$[[ inputs.job ]]"];
    let script = template["script"][0].as_str().expect("a script");
    let names = ["PLAN", "RECORDINGS", "PROFILE", "SELECT", "IGNORE", "FAIL_ON", "BASELINE"]
        .map(|name| format!("INPUT_{name}"));
    for name in &names {
        let variable = &template["variables"][name.as_str()];
        assert_eq!(variable["expand"].as_bool(), Some(false), "{name}");
        assert!(variable["value"].as_str().is_some_and(|value| value.starts_with("$[[ inputs.")), "{name}");
    }
    let run = |folder: &Folder, set: &[(&str, &str)]| {
        let mut env: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        env.push(("INPUT_FAIL_ON", "fail"));
        env.extend(set);
        sh(folder, script, &[], &env)
    };
    let folder = Folder::new();
    folder.write("cluster.toml", bad_plan());
    folder.write("a b.json", text("fixtures/clusters/pacemaker-3-iscsi.json"));
    let (code, said) = run(&folder, &[]);
    assert_eq!(code, Some(1), "{said}");
    let quality: serde_json::Value =
        serde_json::from_str(&folder.read("quorate.codequality.json")).expect("JSON");
    assert_eq!(quality[0]["location"]["path"], "cluster.toml");
    assert!(folder.read("quorate.junit.xml").contains("<failure"));
    let (code, said) = run(&folder, &[("INPUT_RECORDINGS", "a b.json\n")]);
    assert_eq!(code, Some(0), "{said}");
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    for (names, harm) in harmful(&all) {
        let set: Vec<(&str, &str)> = names.iter().map(|name| (*name, harm)).collect();
        let (code, said) = run(&folder, &set);
        assert!(!folder.file("pwned").exists(), "{names:?}={harm}: {said}");
        assert_eq!(code, Some(2), "{names:?}={harm}: {said}");
    }
    for report in ["codequality", "junit"] {
        let file = template["artifacts"]["reports"][report].as_str().expect("a file");
        assert!(script.contains(&format!("={file}")), "{file}");
    }
}

#[test]
fn the_hooks_judge_every_file_they_are_given() {
    let hooks = yaml(".pre-commit-hooks.yaml").remove(0);
    let entry = |id: &str| {
        let hook = hooks.as_vec().expect("a list").iter().find(|hook| hook["id"].as_str() == Some(id));
        hook.and_then(|hook| hook["entry"].as_str()).unwrap_or_else(|| panic!("no hook {id}")).to_owned()
    };
    assert_eq!(entry("quorate-plan"), entry("quorate-plan-system"));
    assert_eq!(entry("quorate-rules"), entry("quorate-rules-system"));
    let script = format!("{} \"$@\"", entry("quorate-plan"));
    let folder = Folder::new();
    let good = "$(touch pwned) good/cluster.toml";
    folder.write(good, PLAN);
    folder.write("-bad/cluster.toml", bad_plan());
    folder.write("wrong/cluster.toml", "[cluster\n");
    let judged = |files: &[&str]| sh(&folder, &script, files, &[]);
    // Nothing is wrong in it, and more than a plan cannot be known.
    assert_eq!(judged(&[good]).0, Some(0));
    assert_eq!(judged(&["-bad/cluster.toml", good]).0, Some(1));
    assert_eq!(judged(&[good, "-bad/cluster.toml"]).0, Some(1));
    assert_eq!(judged(&["wrong/cluster.toml", good]).0, Some(2));
    assert_eq!(judged(&["absent/cluster.toml"]).0, Some(2));
    assert!(!folder.file("pwned").exists());

    let script = entry("quorate-rules");
    folder.write(
        "rules/house.toml",
        text("docs/rules-of-your-own.md")
            .split("```toml\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .expect("a rule"),
    );
    let (code, said) = sh(&folder, &script, &[], &[]);
    assert_eq!(code, Some(0), "{said}");
    folder.write("rules/house.toml", folder.read("rules/house.toml").replace("9216", "1500"));
    assert_eq!(sh(&folder, &script, &[], &[]).0, Some(1));
    folder.write("rules/house.toml", folder.read("rules/house.toml").replace("nic.mtu <=", "nic.mut <="));
    assert_eq!(sh(&folder, &script, &[], &[]).0, Some(2));
}

#[test]
fn a_release_is_what_its_tag_says() {
    let folder = Folder::new();
    folder.write("scripts/release-notes", text("scripts/release-notes"));
    fs::set_permissions(folder.file("scripts/release-notes"), fs::Permissions::from_mode(0o755))
        .expect("made");
    let manifest = "[package]\nname = \"quorate\"\nversion = \"1.2.0\"\nrepository = \"https://forge.invalid/a/b\"\n[dependencies]\nx = { version = \"9\" }\n";
    folder.write("Cargo.toml", manifest);
    folder.write(
        "CHANGELOG.md",
        "# Changelog\n\n## 1.2.0 - 2026-12-01\n\n- new\n\n## 1.2.0-rc1\n\n- old\n\n## 1.1.0\n",
    );
    let notes = |tag: &str, repository: &str| {
        let env = [("GITHUB_SERVER_URL", "https://forge.invalid"), ("GITHUB_REPOSITORY", repository)];
        sh(&folder, "scripts/release-notes \"$1\"", &[tag], &env)
    };
    let (code, said) = notes("v1.2.0", "a/b");
    assert_eq!((code, said.trim()), (Some(0), "- new"));
    assert!(
        notes("v1.2.0", "c/d").1.contains("Cargo.toml must say repository = \"https://forge.invalid/c/d\"")
    );
    assert_eq!(notes("v1.2.0", "c/d").0, Some(1));
    assert_eq!(notes("v1.2.1", "a/b").0, Some(1));
    folder.write("Cargo.toml", manifest.replace("1.2.0", "1.1.0"));
    assert!(notes("v1.1.0", "a/b").1.contains("has no section ## 1.1.0, or it is empty"));
}

/// The image is built from what the ignore file lets through; that must be a whole package.
#[test]
fn the_container_is_built_from_a_whole_package() {
    let ignore = text(".dockerignore");
    assert!(ignore.lines().any(|line| line == "*"));
    let folder = Folder::new();
    for path in ignore.lines().filter_map(|line| line.strip_prefix('!')) {
        let (code, said) = sh(
            &folder,
            "mkdir -p \"$(dirname \"$2\")\" && cp -r \"$1/$2\" \"$2\"",
            &[&root().display().to_string(), path],
            &[],
        );
        assert_eq!(code, Some(0), "{path}: {said}");
    }
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"])
        .current_dir(folder.path())
        .output()
        .expect("cargo is there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for target in metadata["packages"][0]["targets"].as_array().expect("targets") {
        let source = target["src_path"].as_str().expect("a path");
        assert!(Path::new(source).exists(), "{source}");
    }
    let file = text("Containerfile");
    let last = file.rsplit("\nFROM ").next().expect("a stage");
    assert!(last.contains("\nUSER quorate\n") && last.contains("openssh-client"), "{last}");
}
