//! The report as one HTML file that needs no network and no script: summary, coverage, a drawing of the cluster, findings with
//! their evidence, where the nodes differ, how long the ways between them take, active tests, Microsoft's validation.
//!
//! Whatever a host said is text and nothing else: the template engine escapes it, characters that could turn or hide text are
//! written out, and the page forbids itself everything but its own style.

mod article;
mod drawing;
mod measure;

use super::baseline::{Compared, Gone};
use super::drawn::{Difference, Drawn, DrawnWay};
use super::group::{blocks, blocks_of};
use super::layout::Look;
use super::model::{Report, Tone};
use super::tested::{TestedLun, step_result, step_words};
use super::text::{capital, escape_markup, printable};
use crate::rule::{Finding, Status};
use article::article;
use minijinja::{AutoEscape, Environment, Value, context};
use std::collections::HashMap;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");

/// Names in one cell before the rest is only counted.
const NAMES: usize = 16;

/// Columns of nodes that fit on a sheet of A4, in a table and in the drawing.
const COLUMNS: usize = 8;
const STRIP: usize = 4;

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
        let mut words = String::new();
        escape_markup(&mut words, &error.to_string());
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
    let found = |still: bool| -> Value {
        let mut articles = String::new();
        for status in open {
            for block in blocks_of(&report.findings, status, &|finding| known(finding) == still) {
                article(&mut articles, &block);
            }
        }
        Value::from_safe_string(articles)
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
    let differences: Vec<_> = drawn.differences.iter().map(difference).collect();
    let strips: Vec<Value> = parts(nodes.len(), STRIP)
        .filter_map(|(from, to)| drawing::draw(&strip(drawn, from, to), &format!("-{from}")))
        .map(Value::from_safe_string)
        .collect();
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
        picture => drawing::draw(drawn, "").map(Value::from_safe_string),
        strips,
        articles => found(false),
        baseline => report.baseline.as_ref().map(|compared| baseline(compared, found(true))),
        differences => matrices("Fact", &nodes, &differences),
        more_differences => drawn.more_differences,
        ways => matrices("From", &nodes, &ways(drawn)),
        tested => report.tested.iter().map(tested).collect::<Vec<_>>(),
        validation,
        holds => quiet(Status::Pass),
        idle => quiet(Status::NotApplicable),
        tool => said(&report.tool),
        gathered => report.gathered.as_deref().map(said),
        schema => said(&report.schema),
    }
}

fn baseline(compared: &Compared, still: Value) -> Value {
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

fn names(all: &[&str]) -> String {
    super::words::names(all, NAMES, printable)
}

fn difference(one: &Difference) -> (String, Vec<Value>) {
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
    (said(&one.fact), cells)
}

/// The rows of the table of ways: the node that each starts at, and a cell for each node.
fn ways(drawn: &Drawn) -> Vec<(String, Vec<Value>)> {
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
                    way => way_cell(way.copied()),
                })
                .collect();
            (said(&from.name), cells)
        })
        .collect()
}

fn way_cell(way: Option<&DrawnWay>) -> Value {
    let (words, class) = match way {
        Some(DrawnWay { reachable: Some(false), .. }) => ("no way".to_owned(), "odd"),
        Some(DrawnWay { round_trip_us: Some(time), .. }) => {
            (format!("{}.{:02} ms", time / 1000, time % 1000 / 10), "")
        }
        _ => ("not known".to_owned(), "none"),
    };
    match way.and_then(|way| way.worst) {
        Some(Status::Fail) => context! { text => format!("{words} ✗"), class => "odd" },
        Some(Status::Warn) => context! { text => format!("{words} !"), class => "warn" },
        Some(Status::Unknown) => context! { text => format!("{words} ?"), class => "unknown" },
        _ => context! { text => words, class },
    }
}

/// Tables with a column for each node: one of all nodes, and, where that is too wide for a sheet of paper, several of a few
/// nodes each, for print.
fn matrices(head: &str, nodes: &[String], rows: &[(String, Vec<Value>)]) -> Value {
    let part = |from: usize, to: usize| {
        let rows: Vec<Value> =
            rows.iter().map(|(name, cells)| context! { name, cells => cells[from..to].to_vec() }).collect();
        context! { head, nodes => nodes[from..to].to_vec(), rows }
    };
    let whole = part(0, nodes.len());
    let printed: Vec<Value> = parts(nodes.len(), COLUMNS).map(|(from, to)| part(from, to)).collect();
    context! { whole, printed, rows => rows.len() }
}

/// The parts of so many columns that are printed one below the other; none where all of them fit.
fn parts(all: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let starts = (0..all).step_by(most).filter(move |_| all > most);
    starts.map(move |from| (from, all.min(from + most)))
}

/// The drawing of some of the nodes.
fn strip(drawn: &Drawn, from: usize, to: usize) -> Drawn {
    let mut out = Drawn {
        nodes: drawn.nodes[from..to].to_vec(),
        networks: drawn.networks.clone(),
        luns: drawn.luns.clone(),
        ..Drawn::default()
    };
    for network in &mut out.networks {
        network.taps = network.taps.iter().skip(from).take(to - from).cloned().collect();
    }
    for lun in &mut out.luns {
        lun.paths = lun.paths.iter().skip(from).take(to - from).copied().collect();
    }
    out
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
