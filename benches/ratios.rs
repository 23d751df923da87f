//! The ratios that README states, each measured in one run against a named thing.
//!
//! `make bench` runs it: a plain program, because what it times are whole processes and real peers, not functions.
//! Every comparison runs its two sides in turn and quotes the median of the pairs' ratios, so that a machine that
//! drifts does not decide. `cargo bench --bench ratios -- ssh` runs only the parts whose name holds `ssh`.

mod bundle;
#[allow(dead_code)]
#[path = "../tests/lab/cluster.rs"]
mod cluster;
mod common;
mod conformance;
#[allow(dead_code)]
#[path = "../tests/lab/peers.rs"]
mod peers;
mod render;
mod report;

use common::LARGE;
use peers::{Sshd, Tgt};
use quorate::facts::Document;
use quorate::rule::{RuleSources, Ruleset, Selection};
use quorate::source::{SourceFile, Span, Text};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const QUORATE: &str = env!("CARGO_BIN_EXE_quorate");

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let parts: [(&str, fn(&Path)); 18] = [
        ("rules", rules),
        ("slowest", slowest),
        ("load-rules", load_rules),
        ("plan-64", plan),
        ("process", process),
        ("report", report::validation_report),
        ("renderers", render::renderers),
        ("html-64", render::page),
        ("bundle", bundle::sosreport),
        ("start-up", start_up),
        ("ssh-3", |dir| ssh(dir, 3, 7)),
        ("ssh-64", |dir| ssh(dir, 64, 5)),
        ("mesh-3", mesh),
        ("memory", memory),
        ("target", target),
        ("storage-whole", conformance::whole),
        ("storage-libiscsi", conformance::beside_libiscsi),
        ("storage-slow-login", conformance::slow_login),
    ];
    let dir = tempfile::tempdir().expect("temporary directory");
    for (name, run) in parts {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            run(dir.path());
        }
    }
}

/// One line of the result: what was measured, the figure, the bound it is held against.
#[allow(clippy::print_stdout)] // it is the program's answer
fn say(what: &str, figure: &str, bound: &str) {
    println!("{what:<68} {figure:<34} {bound}");
}

fn time(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

fn median<T: PartialOrd + Copy>(mut all: Vec<T>) -> T {
    all.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    all[all.len() / 2]
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// Times two things in turn; gives the median of each and of the pairs' ratios.
fn pairs(runs: usize, mut a: impl FnMut(), mut b: impl FnMut()) -> (Duration, Duration, f64) {
    a();
    b();
    let both: Vec<(Duration, Duration)> = (0..runs).map(|_| (time(&mut a), time(&mut b))).collect();
    let ratio = median(both.iter().map(|(a, b)| a.as_secs_f64() / b.as_secs_f64()).collect());
    (median(both.iter().map(|(a, _)| *a).collect()), median(both.iter().map(|(_, b)| *b).collect()), ratio)
}

/// The generated cluster as JSON, without indentation.
fn large_document() -> String {
    serde_json::to_string(&common::cluster(LARGE)).expect("facts hold text and numbers only")
}

/// All shipped rules over a large document, against parsing that document.
fn rules(_dir: &Path) {
    let text = large_document();
    let ruleset = Ruleset::load(&RuleSources::default()).expect("the shipped rules load");
    let mut document = Document::parse(text.as_bytes(), "large").expect("valid facts");
    quorate::derive::complete(&mut document);
    // Every rule there is, whatever the profile of this document would choose.
    let all = SourceFile::new("bench", "*");
    let all = Text { value: "*".to_owned(), span: Span::new(&all, 0..1) };
    let selection = Selection { add: vec![all], ..Selection::of_document(&document) };
    let resolved = ruleset.resolve(&selection).expect("a profile");
    let today = jiff::civil::date(2026, 11, 20);
    let one_core = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    let (judge, parse, ratio) = pairs(
        41,
        || {
            one_core.install(|| std::hint::black_box(resolved.judge(&document, &[], today)));
        },
        || {
            std::hint::black_box(Document::parse(text.as_bytes(), "large").expect("valid facts"));
        },
    );
    let what =
        format!("{} rules over 64 nodes ({} KB) / parsing them", resolved.rules().len(), text.len() / 1000);
    say(&what, &format!("{ratio:.2} ({} / {})", millis(judge), millis(parse)), "at most 1");
}

/// The rules that take longest, over the large document and over the plan with its many virtual machines.
fn slowest(dir: &Path) {
    let file = dir.join("slowest.toml");
    std::fs::write(&file, common::plan(64, 8000)).expect("file");
    let out = dir.join("slowest.json");
    let probe = Command::new(QUORATE).args(["probe", "-q", "-o"]).args([&out, &file]).output();
    assert!(out.is_file(), "{}", String::from_utf8_lossy(&probe.expect("quorate").stderr));
    let plan = Document::read(&out).expect("a recording");
    let ruleset = Ruleset::load(&RuleSources::default()).expect("the shipped rules load");
    let today = jiff::civil::date(2026, 11, 20);
    for (name, mut document) in [("large document", common::cluster(LARGE)), ("plan", plan)] {
        quorate::derive::complete(&mut document);
        let one = |id: &str| {
            let source = SourceFile::new("bench", id);
            let only = Text { value: id.to_owned(), span: Span::new(&source, 0..id.len()) };
            let selection = Selection { only: vec![only], ..Selection::of_document(&document) };
            let resolved = ruleset.resolve(&selection).expect("a profile");
            (0..3).map(|_| time(|| drop(resolved.judge(&document, &[], today)))).min().expect("three")
        };
        let ids = ruleset.rules().iter().map(|rule| rule.id.as_str());
        let mut times: Vec<(Duration, &str)> = ids.map(|id| (one(id), id)).collect();
        times.sort_unstable_by(|a, b| b.cmp(a));
        let whole: Duration = times.iter().map(|(time, _)| *time).sum();
        say(&format!("{} rules, each by itself, over the {name}", times.len()), &millis(whole), "");
        for (time, id) in times.into_iter().take(16) {
            say(&format!("    {id}"), &millis(time), "");
        }
    }
}

/// Loading and type-checking every rule and profile there is, without the examples, as every check does.
fn load_rules(_dir: &Path) {
    let sources = RuleSources { to_judge: true, ..RuleSources::default() };
    let load = || Ruleset::load(&sources).expect("the shipped rules load");
    let (rules, profiles) = (load().rules().len(), load().profiles().iter().count());
    let times = (0..41).map(|_| time(|| drop(std::hint::black_box(load())))).collect();
    let what = format!("loading and type-checking {rules} rules and {profiles} profiles");
    say(&what, &millis(median(times)), "below 30 ms");
}

/// The whole process on a plan of 64 nodes with 8,000 virtual machines.
fn plan(dir: &Path) {
    let file = dir.join("large.toml");
    std::fs::write(&file, common::plan(64, 8000)).expect("file");
    let check = || {
        let mut command = Command::new(QUORATE);
        command.args(["check", "--format", "json", "--plan"]).arg(&file);
        command
    };
    let output = check().output().expect("quorate");
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(answer.contains("\"findings\""), "{}", String::from_utf8_lossy(&output.stderr));
    let run = || {
        check().stdout(Stdio::null()).status().expect("quorate");
    };
    let times = (0..15).map(|_| time(run)).collect();
    let peak = peak_memory(check().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("quorate"));
    say(
        "`quorate check --plan` of 64 nodes with 8,000 virtual machines",
        &format!("{}, {} MB", millis(median(times)), peak / 1024),
        "below 500 ms and 200 MB",
    );
}

/// The largest resident size of a process while it runs, in KiB.
fn peak_memory(mut child: std::process::Child) -> u64 {
    let mut peak = 0;
    let status = format!("/proc/{}/status", child.id());
    while child.try_wait().expect("own child").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
        peak = now.unwrap_or(peak).max(peak);
        std::thread::sleep(Duration::from_millis(2));
    }
    peak
}

/// The whole process on the same document, against parsing it.
fn process(dir: &Path) {
    let text = large_document();
    let file = dir.join("large.json");
    std::fs::write(&file, &text).expect("file");
    let (whole, parse, ratio) = pairs(
        41,
        || {
            let status = Command::new(QUORATE)
                .arg("check")
                .arg(&file)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            status.expect("quorate");
        },
        || {
            std::hint::black_box(Document::parse(text.as_bytes(), "large").expect("valid facts"));
        },
    );
    say(
        "process `quorate check facts.json` / parsing that document",
        &format!("{ratio:.2} ({} / {})", millis(whole), millis(parse)),
        "below 3",
    );
}

/// From the start of the process to the first byte of its answer.
fn start_up(_dir: &Path) {
    let first_byte = || {
        let mut child =
            Command::new(QUORATE).args(["rules", "list"]).stdout(Stdio::piped()).spawn().expect("quorate");
        let mut byte = [0];
        child.stdout.as_mut().expect("piped").read_exact(&mut byte).expect("an answer");
        std::io::copy(child.stdout.as_mut().expect("piped"), &mut std::io::sink()).expect("the rest");
        child
    };
    let mut times = Vec::new();
    for _ in 0..41 {
        let start = Instant::now();
        let mut child = first_byte();
        times.push(start.elapsed());
        child.wait().expect("own child");
    }
    let (bare, ..) = pairs(41, || drop(Command::new("true").status()), || {});
    say(
        "`quorate rules list` to its first output",
        &format!("{} (`true`: {})", millis(median(times)), millis(bare)),
        "below 15 ms",
    );
}

/// A plan with `nodes` names for one sshd.
fn ssh_plan(dir: &Path, sshd: &Sshd, nodes: usize) -> PathBuf {
    let mut plan = String::from("[cluster]\nname = \"bench\"\nplatform = \"pacemaker\"\n");
    for node in 0..nodes {
        write!(plan, "[[node]]\nname = \"n{node:03}\"\nprobe = \"ssh://127.0.0.1:{}\"\n", sshd.port)
            .expect("text");
    }
    let file = dir.join(format!("ssh-{nodes}.toml"));
    std::fs::write(&file, plan).expect("file");
    file
}

fn path_with(first: &Path) -> String {
    format!("{}:{}", first.display(), std::env::var("PATH").unwrap_or_default())
}

/// Probing nodes over ssh, against the bare collector script through `ssh` in parallel.
fn ssh(dir: &Path, nodes: usize, runs: usize) {
    let sshd = Sshd::start("MaxStartups 1000\nMaxSessions 1000");
    let plan = ssh_plan(dir, &sshd, nodes);
    let path = path_with(&sshd.client_path());
    let out = dir.join("facts.json");
    let names: Vec<String> = (0..nodes).map(|node| format!("n{node:03}")).collect();
    let script = quorate::probe::script::render("0123456789abcdef", &names, false);
    let probe = || {
        let output = Command::new(QUORATE)
            .args(["probe", "--parallel", &nodes.to_string(), "-o"])
            .args([&out, &plan])
            .env("PATH", &path)
            .output()
            .expect("quorate");
        assert!(out.is_file(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let bare = || {
        std::thread::scope(|scope| {
            for _ in 0..nodes {
                scope.spawn(|| {
                    let mut child = Command::new("ssh")
                        .args([
                            "-T",
                            "-o",
                            "BatchMode=yes",
                            "-p",
                            &sshd.port.to_string(),
                            "127.0.0.1",
                            "sh -s",
                        ])
                        .env("PATH", &path)
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .stderr(Stdio::null())
                        .spawn()
                        .expect("ssh");
                    let mut input = child.stdin.take().expect("piped");
                    input.write_all(script.as_bytes()).expect("script");
                    drop(input);
                    let mut answer = Vec::new();
                    child.stdout.take().expect("piped").read_to_end(&mut answer).expect("answer");
                    assert!(child.wait().expect("own child").success() && !answer.is_empty());
                });
            }
        });
    };
    let (probing, scripts, ratio) = pairs(runs, probe, bare);
    let document = Document::read(&out).expect("a recording");
    let reached = document.nodes.iter().filter(|node| node.reached == Some(true)).count();
    assert_eq!(reached, nodes, "every node must have been reached for the figure to count");
    say(
        &format!("`quorate probe` of {nodes} nodes / the bare script through ssh"),
        &format!("{ratio:.2} ({:.2} s / {:.2} s)", probing.as_secs_f64(), scripts.as_secs_f64()),
        "at most 1.10",
    );
    ansible(dir, &sshd, nodes, probing);
}

/// Three nodes with a real cluster on them: what they say, and the ways between them.
fn mesh(dir: &Path) {
    let what = "`quorate probe` of three nodes of a real cluster, ways measured";
    let lab = match cluster::Lab::start() {
        Ok(lab) => lab,
        Err(why) => return say(what, &format!("not measured: {why}"), "below 3 s"),
    };
    lab.start_cluster(&cluster::NODES, "");
    let folder = dir.join("mesh");
    std::fs::create_dir_all(&folder).expect("folder");
    std::fs::write(folder.join("cluster.toml"), cluster::plan(&cluster::NODES)).expect("file");
    let probe = |more: &[&str]| {
        let arguments = [&["probe", "-q", "-o", "facts.json"], more].concat();
        time(|| drop(lab.quorate(&folder, &arguments)))
    };
    let (mut whole, mut first) = (Vec::new(), Vec::new());
    for _ in 0..7 {
        whole.push(probe(&[]));
        let document = Document::read(&folder.join("facts.json")).expect("a recording");
        let measured = document.links.iter().flatten().filter(|link| link.reachable == Some(true)).count();
        assert_eq!(measured, 18, "every way must have been measured for the figure to count");
        first.push(probe(&["--no-mesh"]));
    }
    let (whole, first) = (median(whole), median(first));
    say(
        what,
        &format!("{:.2} s (without ways: {:.2} s)", whole.as_secs_f64(), first.as_secs_f64()),
        "below 3 s",
    );
}

/// The same nodes with Ansible's fact gathering, where Ansible is installed.
fn ansible(dir: &Path, sshd: &Sshd, nodes: usize, probing: Duration) {
    let what = format!("`quorate probe` of {nodes} nodes / `ansible -m setup`");
    if Command::new("ansible").arg("--version").output().is_err() {
        say(&what, "not measured: ansible is not installed", "at most 1/8");
        return;
    }
    let mut hosts = String::new();
    for node in 0..nodes {
        writeln!(
            hosts,
            "n{node:03} ansible_host=127.0.0.1 ansible_port={} ansible_ssh_common_args='-F {}'",
            sshd.port,
            sshd.config.display()
        )
        .expect("text");
    }
    let file = dir.join("hosts.ini");
    std::fs::write(&file, hosts).expect("file");
    let home = dir.join("ansible");
    let runs: Vec<Duration> = (0..2)
        .map(|_| {
            time(|| {
                let output = Command::new("ansible")
                    .args(["all", "-m", "setup", "-f", &nodes.to_string(), "-i"])
                    .arg(&file)
                    .env("ANSIBLE_HOME", &home)
                    .env("ANSIBLE_PYTHON_INTERPRETER", "/usr/bin/python3")
                    .output()
                    .expect("ansible");
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
            })
        })
        .collect();
    let best = runs.into_iter().min().expect("two runs");
    say(
        &what,
        &format!(
            "1/{:.0} ({:.2} s / {:.2} s)",
            best.as_secs_f64() / probing.as_secs_f64(),
            probing.as_secs_f64(),
            best.as_secs_f64()
        ),
        "at most 1/8",
    );
}

/// The largest resident size while 256 nodes are probed.
fn memory(dir: &Path) {
    let sshd = Sshd::start("MaxStartups 1000\nMaxSessions 1000");
    let plan = ssh_plan(dir, &sshd, 256);
    let out = dir.join("memory.json");
    let child = Command::new(QUORATE)
        .args(["probe", "--host-timeout", "120s", "-o"])
        .args([&out, &plan])
        .env("PATH", path_with(&sshd.client_path()))
        .stderr(Stdio::null())
        .spawn()
        .expect("quorate");
    let peak = peak_memory(child);
    let document = Document::read(&out).expect("a recording");
    let reached = document.nodes.iter().filter(|node| node.reached == Some(true)).count();
    say(
        &format!("memory of `quorate probe` with 256 nodes ({reached} reached)"),
        &format!("{} MB", peak / 1024),
        "below 64 MB",
    );
}

/// Inspecting a tgt target with 32 LUNs over two portals.
fn target(dir: &Path) {
    let tgt = Tgt::start();
    let iqn = "iqn.2024-01.lab:bench";
    tgt.target(1, iqn, 32);
    let plan = format!(
        "[cluster]\nname = \"bench\"\nplatform = \"pacemaker\"\n[[node]]\nname = \"a\"\nprobe = \"none\"\n[[target]]\nname = \"{iqn}\"\nportals = [\"{}\", \"{}\"]\n",
        tgt.portals[0], tgt.portals[1]
    );
    let file = dir.join("target.toml");
    std::fs::write(&file, plan).expect("file");
    let out = dir.join("target.json");
    let times: Vec<Duration> = (0..11)
        .map(|_| {
            time(|| {
                let output = Command::new(QUORATE)
                    .args(["probe", "-o"])
                    .args([&out, &file])
                    .output()
                    .expect("quorate");
                assert!(out.is_file(), "{}", String::from_utf8_lossy(&output.stderr));
            })
        })
        .collect();
    let document = Document::read(&out).expect("a recording");
    let luns = document.targets[0].luns.iter().flatten().filter(|lun| lun.identity.is_some()).count();
    assert!(luns >= 32, "{luns} LUNs with an identity");
    say(
        "`quorate probe` of a tgt target: 32 LUNs over 2 portals",
        &format!("{:.2} s", median(times).as_secs_f64()),
        "below 0.5 s",
    );
}
