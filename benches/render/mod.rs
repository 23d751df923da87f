//! Every renderer with ten thousand findings, and the page of a large cluster in a browser.

use crate::common::{LARGE, cluster};
use crate::{median, millis, say, time};
use quorate::facts::{Document, Link, LinkKind, Micros};
use quorate::report::{
    FailOn, Look, Report, to_github, to_gitlab, to_html, to_json_lines, to_junit, to_markdown, to_prometheus,
    to_sarif, to_table,
};
use quorate::rule::{
    AppliedWaiver, Evidence, Finding, Judgement, Line, RuleSources, Ruleset, Selection, Severity, Status,
};
use quorate::source::{SourceFile, Span, Text};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const FINDINGS: usize = 10_000;
const BOUND: Duration = Duration::from_millis(50);
const PAGE: usize = 2_000_000;
const OPENS: Duration = Duration::from_secs(1);

/// The generated cluster with a way between each two nodes, and three nodes that are not like the others.
pub fn odd_cluster() -> Document {
    let mut document = cluster(LARGE);
    let names: Vec<String> = document.nodes.iter().map(|node| node.name.clone()).collect();
    let sample = document.links.iter().flatten().next().expect("it has links").clone();
    let ways = names.iter().flat_map(|from| names.iter().map(move |to| (from, to)));
    let ways = ways.filter(|(from, to)| from != to).enumerate().map(|(at, (from, to))| Link {
        name: format!("{from} > {to} heartbeat"),
        from: Some(from.clone()),
        to: Some(to.clone()),
        kind: Some(LinkKind::Icmp),
        round_trip_us: Some(Micros(150 + i64::try_from(at % 97).expect("small"))),
        ..sample.clone()
    });
    document.links = Some(ways.collect());
    for (at, node) in document.nodes.iter_mut().enumerate().filter(|(at, _)| at % 21 == 20) {
        node.os.kernel = Some(format!("6.12.{at}+deb13-amd64"));
        node.nics.as_mut().expect("it has some")[1].link_up = Some(false);
        node.time.synchronised = None;
    }
    quorate::derive::complete(&mut document);
    document
}

/// A report of so many findings. Those of one rule say the same of each subject, or each has words of its own.
fn report(document: &Document, alike: bool) -> Report {
    let statuses = [
        Status::Fail,
        Status::Fail,
        Status::Fail,
        Status::Unknown,
        Status::Unknown,
        Status::Warn,
        Status::Warn,
        Status::Info,
        Status::Waived,
        Status::NotApplicable,
    ];
    let findings: Vec<Finding> = (0..FINDINGS)
        .map(|at| {
            let (rule, subject) = (at / 100, at % 100);
            let status = statuses[rule % statuses.len()];
            let name = format!("hv{subject:03}");
            let own = if alike { 0 } else { at };
            let missing = (status == Status::Unknown).then(|| format!("permission-denied: needs root {own}"));
            Finding {
                rule: format!("category/rule-{rule:03}"),
                title: format!("Every node has what rule {rule} asks for").into(),
                status,
                severity: Severity::Fail,
                subjects: 1,
                subject: name.clone(),
                path: format!("nodes[{name}]"),
                message: format!("{name} has 1 of it ({own}), at least 2 are wanted"),
                why: "When the one fails, the node loses its way to the others and is fenced.".into(),
                remedy: "Add another, on a switch of its own, and look again.".into(),
                source: vec!["Handbook of the platform, chapter 7".to_owned()].into(),
                evidence: vec![Evidence {
                    path: format!("nodes[{name}].hardware.model"),
                    value: missing.is_none().then(|| format!("R{own}")),
                    missing,
                }],
                provenance: vec![format!("{name}: ip -j -d addr")],
                waiver: (status == Status::Waived).then(|| AppliedWaiver {
                    owner: "anna".into(),
                    from: None,
                    reason: "it is replaced in May".into(),
                    until: "2027-05-31".into(),
                    instead_of: Status::Warn,
                }),
                declared_at: Some(Line { file: "cluster.toml".into(), line: subject + 1 }),
                rule_at: Some(Line { file: "rules/category.toml".into(), line: rule + 1 }),
                baseline: None,
            }
        })
        .collect();
    let selected = (0..100).map(|rule| format!("category/rule-{rule:03}")).collect();
    let judgement = Judgement { findings, selected, profile: "generic".into(), overrides: Vec::new() };
    let mut report = Report::new(document, judgement, FailOn::Fail, false);
    report.draw(document);
    report
}

type Renderer = (&'static str, fn(&Report) -> String);

/// Every renderer, with findings alike and with findings of which none is like another: the slower counts.
pub fn renderers(_dir: &Path) {
    const LOOK: Look = Look { width: 100, colour: true, ..Look::PLAIN };
    let document = odd_cluster();
    let reports = [report(&document, true), report(&document, false)];
    let renderers: [Renderer; 11] = [
        ("table", |report| to_table(report, LOOK)),
        ("table -v", |report| to_table(report, Look { verbose: 1, ..LOOK })),
        ("json", Report::to_json),
        ("json-lines", to_json_lines),
        ("markdown", to_markdown),
        ("html", to_html),
        ("junit", to_junit),
        ("sarif", to_sarif),
        ("github", to_github),
        ("gitlab", to_gitlab),
        ("prometheus", to_prometheus),
    ];
    for (name, render) in renderers {
        let of = |report: &Report| {
            let times = (0..9).map(|_| time(|| drop(std::hint::black_box(render(report)))));
            median(times.collect())
        };
        let [alike, apart] = [of(&reports[0]), of(&reports[1])];
        let size = render(&reports[1]).len();
        say(
            &format!("10,000 findings as {name} ({} KB)", size / 1000),
            &format!("{} (alike: {})", millis(apart), millis(alike)),
            "below 50 ms",
        );
        if alike.max(apart) > BOUND {
            say(&format!("MISSED: {name}"), &millis(alike.max(apart)), "below 50 ms");
        }
    }
}

/// The page of 64 nodes judged by every rule: its size, and how long a browser takes to open it.
pub fn page(dir: &Path) {
    let document = odd_cluster();
    let ruleset = Ruleset::load(&RuleSources::default()).expect("the shipped rules load");
    let all = SourceFile::new("bench", "*");
    let all = Text { value: "*".to_owned(), span: Span::new(&all, 0..1) };
    let selection = Selection { add: vec![all], ..Selection::of_document(&document) };
    let resolved = ruleset.resolve(&selection).expect("a profile");
    let judgement = resolved.judge(&document, &[], jiff::civil::date(2026, 11, 20));
    let mut report = Report::new(&document, judgement, FailOn::Fail, false);
    let drawing = time(|| report.draw(&document));
    let html = to_html(&report);
    let file = dir.join("large.html");
    std::fs::write(&file, &html).expect("written");
    say("what the pictures of 64 nodes show, taken out of the facts", &millis(drawing), "");
    say("HTML of 64 nodes, every rule", &format!("{} KB", html.len() / 1000), "below 2,000 KB");
    assert!(html.len() < PAGE, "the page has {} bytes", html.len());
    let what = "that page in headless Chromium, an empty one taken off";
    let Some(chromium) = chromium() else {
        return say(what, "not measured: there is no chromium", "below 1 s");
    };
    let empty = dir.join("empty.html");
    std::fs::write(&empty, "<!doctype html><title>x</title>").expect("written");
    let profile = dir.join("chromium");
    let open = |file: &Path| {
        time(|| {
            let status = Command::new(&chromium)
                .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--screenshot=/dev/null"])
                .args(["--window-size=1280,2000", "--no-first-run", "--disable-background-networking"])
                .arg("--host-resolver-rules=MAP * ~NOTFOUND")
                .arg(format!("--user-data-dir={}", profile.display()))
                .arg(format!("file://{}", file.display()))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            assert!(status.expect("chromium").success());
        })
    };
    open(&empty);
    let runs: Vec<(Duration, Duration)> = (0..7).map(|_| (open(&file), open(&empty))).collect();
    let page = median(runs.iter().map(|(page, _)| *page).collect());
    let nothing = median(runs.iter().map(|(_, nothing)| *nothing).collect());
    let took = page.saturating_sub(nothing);
    say(what, &format!("{} ({} / {})", millis(took), millis(page), millis(nothing)), "below 1 s");
    assert!(took < OPENS, "the page took {}", millis(took));
}

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}
