//! The report as one HTML file that needs no network and no script: summary, coverage, a drawing of the cluster, findings with
//! their evidence, where the nodes differ, how long the ways between them take, active tests, Microsoft's validation.
//!
//! Whatever a host said is text and nothing else: the template engine escapes it, characters that could turn or hide text are
//! written out, and the page forbids itself everything but its own style.

mod drawing;

use super::baseline::{Compared, Gone};
use super::drawn::{Difference, Drawn, DrawnWay};
use super::group::{Block, blocks, blocks_of};
use super::model::{Report, Tone};
use super::table::Look;
use super::tested::{TestedLun, step_result, step_words};
use super::text::{capital, count, printable};
use super::words::{missing_or_value, provenance, since_words, waiver_words};
use crate::rule::{Evidence, Finding, Status};
use minijinja::{AutoEscape, Environment, Value, context};
use std::collections::{HashMap, HashSet};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");

/// Names in one cell before the rest is only counted.
const NAMES: usize = 16;

/// Facts shown below one line of a finding.
const EVIDENCE: usize = 8;

/// How the words of active tests are taken out of the report: all on one line, the first exchanges on the wire only.
const WORDS: Look = Look { width: 200, ..Look::PLAIN };

/// The report as one HTML page, with a line end.
pub fn to_html(report: &Report) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let rendered =
        environment.template_from_named_str("page.html", PAGE).and_then(|page| page.render(values(report)));
    // The template is part of the program and its values are text; a page that says what went wrong is better than none.
    let mut text = rendered.unwrap_or_else(|error| {
        let words = error.to_string().replace('&', "&amp;").replace('<', "&lt;");
        format!("<!doctype html><title>quorate</title><p>The report cannot be drawn: {words}. Its other formats hold it.</p>")
    });
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn said(text: &str) -> String {
    printable(text).into_owned()
}

fn values(report: &Report) -> Value {
    let cluster = &report.cluster;
    let platform = [cluster.platform.as_deref(), cluster.release.as_deref()];
    let platform = platform.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let about = [
        ("", platform.as_str()),
        ("profile ", &cluster.profile),
        ("facts of ", report.gathered.as_deref().unwrap_or_default()),
    ];
    let about: Vec<String> = about
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(head, text)| format!("{head}{}", said(text)))
        .collect();
    let class = match report.verdict.tone() {
        Tone::Good => "pass",
        Tone::Bad => "fail",
        Tone::Open => "unknown",
    };
    let tiles: Vec<Value> = Status::ALL
        .into_iter()
        .map(|status| {
            let word = status.word().replace('-', " ");
            context! { class => status.word(), number => report.summary.of_status(status), word }
        })
        .collect();
    let open = [Status::Fail, Status::Unknown, Status::Warn, Status::Info, Status::Waived];
    // Without a baseline nothing is known.
    let known = |finding: &Finding| finding.baseline.as_ref().is_some_and(|one| one.since.is_known());
    let found = |still: bool| -> Vec<Value> {
        open.into_iter()
            .flat_map(|status| blocks_of(&report.findings, status, &|finding| known(finding) == still))
            .map(|block| block_value(&block))
            .collect()
    };
    let quiet = |status: Status| -> Vec<Value> {
        blocks(&report.findings, status)
            .iter()
            .flat_map(|block| block.lines.iter().map(move |line| (block, line)))
            .map(|(block, line)| {
                let of = if status == Status::Pass { names(&line.subjects) } else { said(&line.message) };
                context! { title => said(block.title), of, rule => said(block.rules[0]) }
            })
            .collect()
    };
    let nothing = Drawn::default();
    let drawn = report.drawn.as_ref().unwrap_or(&nothing);
    let nodes: Vec<String> = drawn.nodes.iter().map(|node| said(&node.name)).collect();
    let validation: Vec<Value> = report
        .validation
        .iter()
        .flat_map(|validation| &validation.tests)
        .map(|test| {
            let theirs = test.microsoft.as_deref().unwrap_or("not told");
            context! { title => said(&test.title), theirs => said(theirs), ours => test.ours.word(), why => said(&test.why) }
        })
        .collect();
    let overrides: Vec<Value> = report
        .overrides
        .iter()
        .map(|one| {
            context! {
                param => said(&one.param), value => said(&one.value), instead_of => said(&one.instead_of),
                limit_from => said(&one.limit_from), set_at => said(&one.set_at),
            }
        })
        .collect();
    context! {
        style => Value::from_safe_string(STYLE.to_owned()),
        name => said(cluster.name.as_deref().unwrap_or("(no name)")),
        about => about.join(", "),
        verdict => context! {
            word => report.verdict.word(), words => report.verdict.word().replace('-', " "), class,
            reason => said(&report.reason), exit_code => report.exit_code,
        },
        tiles,
        coverage => coverage(report),
        overrides,
        picture => drawing::draw(drawn).map(Value::from_safe_string),
        blocks => found(false),
        baseline => report.baseline.as_ref().map(|compared| baseline(compared, found(true))),
        nodes,
        differences => drawn.differences.iter().map(difference).collect::<Vec<_>>(),
        more_differences => drawn.more_differences,
        ways => ways(drawn),
        tested => report.tested.iter().map(tested).collect::<Vec<_>>(),
        validation,
        holds => quiet(Status::Pass),
        idle => quiet(Status::NotApplicable),
        tool => said(&report.tool),
        gathered => report.gathered.as_deref().map(said),
        schema => said(&report.schema),
    }
}

fn baseline(compared: &Compared, still: Vec<Value>) -> Value {
    let gone: Vec<Value> = compared
        .gone
        .iter()
        .map(|one| {
            let words = if one.message.is_empty() { &one.title } else { &one.message };
            context! {
                now => one.now.meaning(), class => if one.now == Gone::Fixed { "pass" } else { "" }, subject => said(&one.subject),
                was => one.was.word(), message => said(words), rule => said(&one.rule),
            }
        })
        .collect();
    context! { name => said(&compared.name()), summary => compared.summary(), still, gone }
}

fn coverage(report: &Report) -> Vec<Value> {
    let coverage = &report.coverage;
    let rules = &coverage.rules;
    let mut out = vec![context! {
        what => "Rules",
        words => format!(
            "{} selected: {} evaluated, {} unknown, {} not applicable, {} waived",
            rules.selected, rules.evaluated, rules.unknown, rules.not_applicable, rules.waived
        ),
    }];
    for (kind, reach) in coverage.reaches() {
        if reach.total == 0 {
            continue;
        }
        let mut words = format!("{} of {} reached", reach.reached, reach.total);
        if reach.declared > 0 {
            words.push_str(&format!(", {} only declared", reach.declared));
        }
        let missing: Vec<String> = reach
            .not_reached
            .iter()
            .map(|one| format!("{}: {}", said(&one.name), said(&one.reason)))
            .collect();
        out.push(context! { what => capital(kind), words, missing });
    }
    if !coverage.run_complete {
        out.push(context! { what => "Run", words => "The facts were not gathered to the end." });
    }
    out
}

fn block_value(block: &Block<'_>) -> Value {
    let lines: Vec<Value> = block
        .lines
        .iter()
        .map(|line| {
            let mut seen = HashSet::new();
            let all = line.findings.iter().flat_map(|finding| &finding.evidence);
            let all = all.filter(|one| seen.insert((&one.path, &one.value, &one.missing)));
            let all: Vec<&Evidence> = all.collect();
            let more = all.len().saturating_sub(EVIDENCE);
            let shown = all.into_iter().take(EVIDENCE);
            let mut evidence: Vec<String> = shown.map(|one| said(&missing_or_value(one))).collect();
            if more > 0 {
                evidence.push(format!("and {}", count(more, "more facts")));
            }
            let at =
                line.findings[0].declared_at.as_ref().map(|at| format!("{}:{}", said(&at.file), at.line));
            context! { subjects => names(&line.subjects), message => said(&line.message), evidence, at }
        })
        .collect();
    let first = block.lines[0].findings[0];
    let mut rows: Vec<Value> = Vec::new();
    let mut row = |head: &str, text: String| {
        if !text.is_empty() {
            rows.push(context! { head, text });
        }
    };
    let single = block.rules.len() == 1;
    row("Baseline", said(&since_words(first).unwrap_or_default()));
    if single {
        row("Why", said(block.why));
    }
    if let Some(waiver) = &first.waiver {
        row("Waived", waiver_words(waiver));
    } else {
        row("Fix", said(&block.remedy));
    }
    row(if single { "Rule" } else { "Rules" }, names(&block.rules));
    if single {
        row("Source", said(&first.source.join("; ")));
        let findings = block.lines.iter().flat_map(|line| line.findings.iter().copied());
        row("From", names(&provenance(findings)));
    }
    let title = if single {
        said(block.title)
    } else {
        format!("{} cannot be judged", count(block.rules.len(), "rules"))
    };
    context! { class => block.status.word(), word => block.status.word(), title, lines, rows }
}

fn names(all: &[&str]) -> String {
    super::words::names(all, NAMES, printable)
}

fn difference(one: &Difference) -> Value {
    let cells: Vec<Value> = one
        .values
        .iter()
        .map(|value| match value {
            None => context! { text => "–", class => "none" },
            Some(value) if one.majority.as_ref().is_some_and(|most| most != value) => {
                context! { text => said(value), class => "odd" }
            }
            Some(value) => context! { text => said(value) },
        })
        .collect();
    context! { fact => said(&one.fact), cells }
}

fn ways(drawn: &Drawn) -> Vec<Value> {
    if drawn.ways.is_empty() {
        return Vec::new();
    }
    let ways: HashMap<(&str, &str), &DrawnWay> =
        drawn.ways.iter().map(|way| ((way.from.as_str(), way.to.as_str()), way)).collect();
    let nodes = &drawn.nodes;
    nodes
        .iter()
        .map(|from| {
            let cells: Vec<Value> = nodes
                .iter()
                .map(|to| match ways.get(&(from.name.as_str(), to.name.as_str())) {
                    _ if from.name == to.name => context! { text => "" },
                    Some(DrawnWay { reachable: Some(false), .. }) => {
                        context! { text => "no way", class => "odd" }
                    }
                    Some(DrawnWay { round_trip_us: Some(time), .. }) => {
                        context! { text => format!("{}.{:02} ms", time / 1000, time % 1000 / 10) }
                    }
                    _ => context! { text => "not known", class => "none" },
                })
                .collect();
            context! { from => said(&from.name), cells }
        })
        .collect()
}

fn tested(lun: &TestedLun) -> Value {
    let steps: Vec<Value> = lun
        .steps()
        .map(|step| {
            let (result, failed) = step_result(step);
            let mut words = step_words(step, failed, WORDS);
            let title = if words.is_empty() { String::new() } else { words.remove(0) };
            let severity = step.severity.filter(|_| failed).map_or("", |severity| severity.word());
            let class = match result {
                "ok" => "pass",
                "departs" => "fail",
                "not supported" => "warn",
                _ => "unknown",
            };
            context! { id => said(&step.id), result, class, severity, title, words }
        })
        .collect();
    context! { name => said(&format!("{} of {}", lun.lun, lun.target)), summary => lun.summary().join(", "), steps }
}
