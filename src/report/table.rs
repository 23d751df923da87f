//! The report as a table for people: worst first, equal findings of many subjects once, then summary and verdict.
//!
//! Every word stands without colour, and everything that came from a host is made harmless first.

use super::baseline::Compared;
use super::coverage::Reach;
use super::group::{Block, Line, blocks_of, owner, type_path};
use super::layout::{Look, NARROW, PLAIN, finish, lay, ruled, table};
use super::model::{Report, Tone};
use super::tested::Detail;
use super::text::{capital, count, printable};
use super::words::{distinct, is_open, provenance, since_words, waiver_words};
use crate::rule::{Finding, Since, Status};
use comfy_table::{Attribute, Cell, Color, Row};
use rayon::prelude::*;

/// How many lines of a plan stand under a finding before the rest is only counted.
const PLACES: usize = 4;

/// How many names stand in a row before the rest is only counted.
const NAMES: usize = 8;

/// The report as text, with a line end.
pub fn to_table(report: &Report, look: Look) -> String {
    let mut parts = vec![head(report, look)];
    match &report.baseline {
        None => parts.extend(body(report, look, &|_| true)),
        Some(compared) => parts.extend(since_baseline(report, compared, look)),
    }
    let detail = if look.verbose > 0 { Detail::Every } else { Detail::Folded };
    parts.extend(report.tested.iter().map(|tested| tested.to_table(look, detail).trim_end().to_owned()));
    parts.extend(report.validation.iter().map(|validation| validation.to_table(look, look.verbose > 0)));
    parts.push(foot(report, look));
    parts.join("\n\n") + "\n"
}

/// Microsoft's validation and the rules, test by test, as text with a line end; then what the report comes to. Where the
/// facts hold no validation, it is the report.
pub fn to_comparison(report: &Report, look: Look) -> String {
    let Some(validation) = &report.validation else { return to_table(report, look) };
    [head(report, look), validation.to_table(look, true), foot(report, look)].join("\n\n") + "\n"
}

fn head(report: &Report, look: Look) -> String {
    let cluster = &report.cluster;
    let name = cluster.name.as_deref().unwrap_or("(no name)");
    let platform = [cluster.platform.as_deref(), cluster.release.as_deref()];
    let platform = platform.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let mut text = format!("Cluster {name}");
    if !platform.is_empty() {
        text.push_str(", ");
        text.push_str(&platform);
    }
    if !cluster.profile.is_empty() {
        text.push_str(", profile ");
        text.push_str(&cluster.profile);
    }
    if let Some(gathered) = &report.gathered {
        text.push_str(", facts of ");
        text.push_str(gathered);
    }
    let mut table = table(look, PLAIN);
    table.add_row([Cell::new(printable(&text)).add_attribute(Attribute::Bold)]);
    lay(&mut table, look);
    finish(&table)
}

/// What is new, what is still there, and what is gone, each below a line of its own.
fn since_baseline(report: &Report, compared: &Compared, look: Look) -> Vec<String> {
    let since = |finding: &Finding| finding.baseline.as_ref().map(|one| one.since);
    let name = printable(&compared.file).into_owned();
    let mut out = Vec::new();
    match body(report, look, &|finding| since(finding).is_some_and(|since| !since.is_known())) {
        Some(new) => out.extend([line(&format!("New since {name}"), look), new]),
        None => out.push(line(&format!("Nothing is new since {name}."), look)),
    }
    if let Some(known) = body(report, look, &|finding| since(finding).is_some_and(Since::is_known)) {
        out.extend([line("Still there", look), known]);
    }
    out.extend(gone(compared, look));
    out.extend(body(report, look, &|finding| since(finding).is_none()));
    out
}

/// How many former findings are listed without `-v`.
const GONE: usize = 24;

/// The former findings that are there no more.
fn gone(compared: &Compared, look: Look) -> Vec<String> {
    if compared.gone.is_empty() {
        return Vec::new();
    }
    let most = if look.verbose > 0 { usize::MAX } else { GONE };
    let mut rows = Vec::new();
    for one in compared.gone.iter().take(most) {
        let words = if one.message.is_empty() { &one.title } else { &one.message };
        let text = format!("{}: {}\nRule: {}", one.was, printable(words), printable(&one.rule));
        let subject = printable(&one.subject);
        rows.push(if look.width >= NARROW {
            Row::from(vec![Cell::new(one.now.meaning()), Cell::new(subject), Cell::new(text)])
        } else {
            Row::from(vec![Cell::new(format!("{} {subject}\n{text}", one.now.meaning()))])
        });
    }
    let mut out = vec![line("No longer found", look), ruled(["Now", "Subject", "Was"], rows, look)];
    if compared.gone.len() > most {
        out.push(line(&format!("and {} more; -v lists them all", compared.gone.len() - most), look));
    }
    out
}

/// A line of words that folds as the tables do.
fn line(text: &str, look: Look) -> String {
    let mut table = table(look, PLAIN);
    table.add_row([Cell::new(text).add_attribute(Attribute::Bold)]);
    lay(&mut table, look);
    finish(&table)
}

fn body(report: &Report, look: Look, wanted: &(dyn Fn(&Finding) -> bool + Sync)) -> Option<String> {
    let only_target = only_target(report);
    let quiet = |status| matches!(status, Status::Pass | Status::NotApplicable);
    let told = |status: Status| -> Vec<Vec<Row>> {
        if quiet(status) && look.verbose == 0 {
            return Vec::new();
        }
        let mut blocks = blocks_of(&report.findings, status, wanted);
        if let Some(target) = only_target {
            blocks.iter_mut().flat_map(|block| &mut block.lines).for_each(|line| line.shorten(target));
        }
        let rows = |block| if quiet(status) { vec![quiet_row(block, look)] } else { block_rows(block, look) };
        blocks.par_iter().map(rows).collect()
    };
    let told: Vec<(Status, Vec<Vec<Row>>)> =
        Status::ALL.into_par_iter().map(|status| (status, told(status))).collect();
    let mut rows: Vec<Row> = Vec::new();
    for (status, blocks) in told {
        for (at, block) in blocks.into_iter().enumerate() {
            // What holds stands line by line; all else has room around it.
            if !rows.is_empty() && (at == 0 || !quiet(status)) {
                rows.push(Row::from(vec![Cell::new("")]));
            }
            rows.extend(block);
        }
    }
    (!rows.is_empty()).then(|| ruled(["Status", "Subject", "Finding"], rows, look))
}

/// The name of the target where there is one only, which then goes without saying in the names of its LUNs.
fn only_target(report: &Report) -> Option<&str> {
    let mut names = report.findings.iter().filter_map(|finding| owner(&finding.path, "targets"));
    let first = names.next()?;
    names.all(|name| name == first).then_some(first)
}

/// The rows of one block: status, subject and finding side by side, or under each other where there is no room.
fn block_rows(block: &Block<'_>, look: Look) -> Vec<Row> {
    let last = block.lines.len() - 1;
    let mut rows = Vec::new();
    for (at, line) in block.lines.iter().enumerate() {
        let mut text = vec![printable(&line.message).into_owned()];
        if block.rules.len() > 1 {
            text.push(format!(
                "{} cannot be judged: {}",
                count(block.rules.len(), "rules"),
                names(&block.rules, look)
            ));
        }
        if block.status == Status::Unknown {
            text.extend(missing_words(line, look));
        }
        text.extend(
            line.findings[0].waiver.as_ref().map(|waiver| format!("Waived {}", waiver_words(waiver))),
        );
        text.extend(worth_saying(line.findings[0]));
        if look.verbose > 0 {
            text.extend(evidence_words(line));
        }
        if at == last {
            text.extend(closing_words(block, look));
        }
        let status = if at == 0 { status_word(block.status) } else { "" };
        rows.push(row(block.status, status, &subject_words(line, look), &text.join("\n"), look));
    }
    rows
}

/// What holds, and what does not apply, in one line for each rule.
fn quiet_row(block: &Block<'_>, look: Look) -> Row {
    let line = &block.lines[0];
    let subject = match (block.status, line.findings[0].subjects) {
        (Status::NotApplicable, _) => String::new(),
        (_, number) if number > 1 && line.of > number => {
            format!("{number} of {} {}", line.of, printable(line.noun))
        }
        _ => names(&line.subjects, look),
    };
    let text = format!("{} ({})", printable(block.title), printable(block.rules[0]));
    row(block.status, status_word(block.status), &subject, &text, look)
}

fn row(status: Status, word: &str, subject: &str, text: &str, look: Look) -> Row {
    let paint = |cell: Cell| match colour(status) {
        Some(colour) => cell.fg(colour).add_attribute(Attribute::Bold),
        None => cell,
    };
    if look.width >= NARROW {
        Row::from(vec![paint(Cell::new(word)), Cell::new(subject), Cell::new(text)])
    } else {
        let head = [word, subject].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        Row::from(vec![Cell::new([head.as_str(), text].join("\n").trim_start())])
    }
}

/// What stands under the last line of a block: why, what to do, and the rule.
fn closing_words(block: &Block<'_>, look: Look) -> Vec<String> {
    let mut out = Vec::new();
    let explain = look.explain || look.verbose > 0;
    if explain && !block.why.is_empty() && block.rules.len() == 1 {
        out.push(format!("Why: {}", printable(block.why)));
    }
    if is_open(block.status) && !block.remedy.is_empty() {
        out.push(format!("Fix: {}", printable(&block.remedy)));
    }
    if let [rule] = block.rules.as_slice() {
        out.push(format!("Rule: {}", printable(rule)));
        let source = &block.lines[0].findings[0].source;
        if explain && !source.is_empty() {
            out.push(format!("Source: {}", printable(&source.join("; "))));
        }
    }
    if explain {
        let places = block.lines.iter().flat_map(|line| &line.findings);
        let places = places.filter_map(|finding| finding.declared_at.as_ref());
        let places = distinct(places.map(|at| (at.file.as_str(), at.line)));
        let shown = places.iter().take(PLACES).map(|(file, line)| format!("At: {}:{line}", printable(file)));
        out.extend(shown);
        if places.len() > PLACES {
            out.push(format!("and {}", count(places.len() - PLACES, "other lines")));
        }
    }
    if look.verbose > 0 {
        let from = provenance(block.lines.iter().flat_map(|line| line.findings.iter().copied()));
        if !from.is_empty() {
            out.push(format!("From: {}", names(&from, look)));
        }
    }
    out
}

/// The facts that are missing, without the names of their elements, so that each kind stands once. What nobody vouches for is
/// no fact; the message says it.
fn missing_words(line: &Line<'_>, look: Look) -> Option<String> {
    let missing = line.findings.iter().flat_map(|finding| &finding.evidence);
    let mut kinds: Vec<String> = missing
        .filter(|evidence| evidence.missing.is_some() && !evidence.path.is_empty())
        .map(|evidence| type_path(&evidence.path))
        .collect();
    kinds.sort();
    kinds.dedup();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    (!kinds.is_empty()).then(|| format!("Missing: {}", names(&kinds, look)))
}

/// How a finding stands to the baseline, where that says more than the heading above it.
fn worth_saying(finding: &Finding) -> Option<String> {
    let since = finding.baseline.as_ref()?;
    let same = since.was.is_none_or(|was| was == finding.status);
    let plain = matches!(since.since, Since::New | Since::Known) && same;
    if plain { None } else { since_words(finding).map(|words| format!("Baseline: {words}")) }
}

fn evidence_words(line: &Line<'_>) -> Vec<String> {
    const MOST: usize = 6;
    let all = distinct(line.findings.iter().flat_map(|finding| &finding.evidence));
    let mut out: Vec<String> = all
        .iter()
        .take(MOST)
        .map(|one| {
            let value = match (&one.value, &one.missing) {
                (Some(value), _) => printable(value).into_owned(),
                (None, Some(missing)) => format!("missing ({})", printable(missing)),
                (None, None) => "missing".to_owned(),
            };
            format!("Read: {} = {value}", printable(&one.path))
        })
        .collect();
    if all.len() > MOST {
        out.push(format!("and {}", count(all.len() - MOST, "other facts")));
    }
    out
}

/// `hv2`, or `12 of 16 nodes:` and the names.
fn subject_words(line: &Line<'_>, look: Look) -> String {
    if let [subject] = line.subjects.as_slice() {
        return printable(subject).into_owned();
    }
    let number = line.subjects.len();
    let list = names(&line.subjects, look);
    // Where a name holds brackets, the end of a path may be a piece of that name.
    let noun = printable(line.noun);
    if noun.is_empty() {
        list
    } else if line.of > number {
        format!("{number} of {} {noun}: {list}", line.of)
    } else if number == 2 {
        format!("both {noun}: {list}")
    } else {
        format!("all {}: {list}", count(number, &noun))
    }
}

/// Names in a row; without `-v` only the first few, and how many there are besides.
fn names(all: &[&str], look: Look) -> String {
    super::words::names(all, if look.verbose > 0 { all.len() } else { NAMES }, printable)
}

fn foot(report: &Report, look: Look) -> String {
    let coverage = &report.coverage;
    let mut rows =
        vec![("Findings".to_owned(), summary_words(report)), ("Rules".to_owned(), rule_words(report))];
    for (kind, reach) in coverage.reaches() {
        if kind == "nodes" || reach.total > 0 {
            rows.push((capital(kind), reach_words(reach, look)));
        }
    }
    if !coverage.run_complete {
        rows.push(("Run".to_owned(), "the facts were not gathered to the end".to_owned()));
    }
    if let Some(compared) = &report.baseline {
        let words = format!("{}: {}", compared.name(), compared.summary());
        rows.push(("Baseline".to_owned(), printable(&words).into_owned()));
    }
    for set in &report.overrides {
        let text = format!(
            "{} is {} instead of {} ({}), set at {}",
            set.param, set.value, set.instead_of, set.limit_from, set.set_at
        );
        rows.push(("Limit".to_owned(), printable(&text).into_owned()));
    }
    let word = report.verdict.word().to_uppercase();
    let verdict = format!("{word}: {} (exit code {})", printable(&report.reason), report.exit_code);
    let mut table = table(look, PLAIN);
    for (name, text) in rows {
        table.add_row(pair(Cell::new(name), &text, None, look));
    }
    let colour = Some(match report.verdict.tone() {
        Tone::Good => Color::Green,
        Tone::Bad => Color::Red,
        Tone::Open => Color::Yellow,
    });
    table.add_row(pair(Cell::new("Verdict").add_attribute(Attribute::Bold), &verdict, colour, look));
    lay(&mut table, look);
    finish(&table)
}

fn pair(name: Cell, text: &str, colour: Option<Color>, look: Look) -> Row {
    let text = if look.width >= NARROW { text.to_owned() } else { format!("{}: {text}", name.content()) };
    let mut cell = Cell::new(text);
    if let Some(colour) = colour {
        cell = cell.fg(colour).add_attribute(Attribute::Bold);
    }
    if look.width >= NARROW { Row::from(vec![name, cell]) } else { Row::from(vec![cell]) }
}

fn summary_words(report: &Report) -> String {
    let words: Vec<String> = Status::ALL
        .into_iter()
        .map(|status| (report.summary.of_status(status), status.word().replace('-', " ")))
        .filter(|(number, word)| *number > 0 || ["fail", "unknown", "warn", "pass"].contains(&word.as_str()))
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    words.join(", ")
}

fn rule_words(report: &Report) -> String {
    let rules = &report.coverage.rules;
    let mut text = format!("{} selected: {} evaluated", rules.selected, rules.evaluated);
    for (number, word) in
        [(rules.unknown, "unknown"), (rules.not_applicable, "not applicable"), (rules.waived, "waived")]
    {
        if number > 0 {
            text.push_str(&format!(", {number} {word}"));
        }
    }
    text
}

fn reach_words(reach: &Reach, look: Look) -> String {
    let mut text = format!("{} of {} reached", reach.reached, reach.total);
    if reach.declared > 0 {
        text.push_str(&format!(", {} only declared", reach.declared));
    }
    let most = if look.verbose > 0 { usize::MAX } else { 2 * NAMES };
    for lost in reach.not_reached.iter().take(most) {
        text.push_str(&format!("\nnot reached: {} ({})", printable(&lost.name), printable(&lost.reason)));
    }
    if reach.not_reached.len() > most {
        text.push_str(&format!("\nand {} more; --format json names all", reach.not_reached.len() - most));
    }
    text
}

const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Fail => "FAIL",
        Status::Unknown => "UNKNOWN",
        Status::Warn => "WARN",
        Status::Info => "INFO",
        Status::Waived => "WAIVED",
        Status::Pass => "PASS",
        Status::NotApplicable => "N/A",
    }
}

const fn colour(status: Status) -> Option<Color> {
    match status {
        Status::Fail => Some(Color::Red),
        Status::Unknown => Some(Color::Magenta),
        Status::Warn => Some(Color::Yellow),
        Status::Info => Some(Color::Cyan),
        Status::Waived => Some(Color::Blue),
        Status::Pass => Some(Color::Green),
        Status::NotApplicable => None,
    }
}
