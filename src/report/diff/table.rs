//! A comparison as text for people: verdicts that changed with the facts that made it so, then all facts that changed.
//!
//! What is derived is left out, what is measured anew in every run is only counted, and facts that are lost for one reason
//! stand in one row, unless more is asked for.

use super::{Diff, Side, SideKind, Told, VerdictChange};
use crate::facts::{ChangeKind, FactChange};
use crate::report::layout::{Look, NARROW, PLAIN, RULED, finish, lay, table};
use crate::report::text::{count, printable};
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, Row, Width};
use std::collections::HashMap;

/// How many rows of each kind there are without `-v`.
const ROWS: usize = 100;

/// Longest text of a value, in characters, without `-v`.
const CLIPPED: usize = 120;

/// From how many facts on that are lost, or found again, for one reason they stand in one row.
const FOLDED: usize = 4;

/// A comparison as text, with a line end.
pub fn to_diff_table(diff: &Diff, look: Look) -> String {
    let mut parts = vec![head(diff, look)];
    parts.extend(judging(diff, look));
    parts.extend(verdicts(diff, look));
    parts.extend(facts(diff, look));
    parts.push(line(&summary(diff), look, true));
    parts.join("\n\n") + "\n"
}

fn head(diff: &Diff, look: Look) -> String {
    let mut table = table(look, PLAIN);
    for (word, side) in [("Before", &diff.before), ("After", &diff.after)] {
        let text = printable(&side_words(side)).into_owned();
        table.add_row(if look.width >= NARROW {
            Row::from(vec![Cell::new(word), Cell::new(text)])
        } else {
            Row::from(vec![Cell::new(format!("{word}: {text}"))])
        });
    }
    lay(&mut table, look);
    let mut out = finish(&table);
    let (a, b) = (&diff.before.cluster.name, &diff.after.cluster.name);
    if a != b {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "one without a name".to_owned());
        let words = format!("They are of different clusters: {} and {}.", name(a), name(b));
        out.push('\n');
        out.push_str(&line(&words, look, false));
    }
    let words = match (diff.before.kind, diff.after.kind) {
        (SideKind::Recording, SideKind::Recording) => return out,
        (SideKind::Report, SideKind::Report) => {
            "Reports hold verdicts and no facts; recordings (`quorate probe`) tell which facts changed as well."
        }
        _ => "One of them is a report, which holds no facts: only verdicts are compared.",
    };
    out.push('\n');
    out.push_str(&line(words, look, false));
    out
}

fn side_words(side: &Side) -> String {
    let kind = match side.kind {
        SideKind::Recording => "facts",
        SideKind::Report => "report",
    };
    let mut text = format!("{} ({kind}", side.file);
    if let Some(gathered) = &side.gathered {
        text.push_str(&format!(" of {gathered}"));
    }
    text.push_str(&format!("): cluster {}", side.cluster.name.as_deref().unwrap_or("(no name)")));
    if !side.cluster.profile.is_empty() {
        text.push_str(&format!(", profile {}", side.cluster.profile));
    }
    text.push_str(&format!("; {}: {}", side.verdict.word().to_uppercase(), side.reason));
    text
}

fn judging(diff: &Diff, look: Look) -> Vec<String> {
    if diff.judging.is_empty() {
        return Vec::new();
    }
    let rows =
        diff.judging.iter().map(|change| [change.what.clone(), change.before.clone(), change.after.clone()]);
    vec![line("Judged otherwise", look, true), three(["What", "Before", "After"], rows, look)]
}

fn verdicts(diff: &Diff, look: Look) -> Vec<String> {
    if diff.verdicts.is_empty() {
        return vec![line("No verdict changed.", look, true)];
    }
    let most = most(look);
    let mut table = table(look, RULED);
    if look.width >= NARROW {
        table.set_header(["Verdict", "Subject", "Finding"].map(Cell::new));
    }
    for change in diff.verdicts.iter().take(most) {
        table.add_row(verdict_row(change, diff, look));
    }
    lay(&mut table, look);
    let mut out = vec![line("Verdicts that changed", look, true), finish(&table)];
    out.extend(more(diff.verdicts.len(), most, look));
    out
}

fn verdict_row(change: &VerdictChange, diff: &Diff, look: Look) -> Row {
    let paint = |cell: Cell| match colour(change) {
        Some(colour) => cell.fg(colour).add_attribute(Attribute::Bold),
        None => cell,
    };
    let found = |message: &Option<String>| message.clone().filter(|message| !message.is_empty());
    let now = found(&change.message_after);
    let mut text = vec![match (&now, found(&change.message_before)) {
        (Some(now), _) => printable(now).into_owned(),
        (None, Some(was)) => format!("no longer: {}", printable(&was)),
        (None, None) => printable(&change.title).into_owned(),
    }];
    if !change.because.is_empty() {
        let mut because: Vec<String> = change.because.iter().map(|path| cause(path, diff, look)).collect();
        if change.more_causes > 0 {
            because.push(format!("and {} more", change.more_causes));
        }
        text.push(format!("Because: {}", because.join("; ")));
    } else if diff.facts.is_some() {
        text.push(if diff.judging.is_empty() {
            "Because: of no fact that it reads; see what waivers and attestations say of the day".to_owned()
        } else {
            "Because: of no fact that it reads; it is judged otherwise".to_owned()
        });
    }
    text.push(format!("Rule: {}", printable(&change.rule)));
    let word = format!("{} → {}", word(change.before), word(change.after));
    let subject = printable(&change.subject);
    if look.width >= NARROW {
        Row::from(vec![paint(Cell::new(word)), Cell::new(subject), Cell::new(text.join("\n"))])
    } else {
        Row::from(vec![Cell::new(format!("{word} {subject}\n{}", text.join("\n")))])
    }
}

fn word(told: Told) -> String {
    match told {
        Told::Fail | Told::Unknown | Told::Warn | Told::Info | Told::Waived | Told::Pass => {
            told.word().to_uppercase()
        }
        _ => told.word().to_owned(),
    }
}

fn colour(change: &VerdictChange) -> Option<Color> {
    match change.after {
        Told::Fail => Some(Color::Red),
        Told::Unknown => Some(Color::Magenta),
        Told::Warn => Some(Color::Yellow),
        Told::Info => Some(Color::Cyan),
        Told::Waived => Some(Color::Blue),
        Told::Pass => Some(Color::Green),
        _ => None,
    }
}

/// A changed fact in a few words: its path, and what became of it.
fn cause(path: &str, diff: &Diff, look: Look) -> String {
    let change = diff.facts.iter().flatten().find(|change| change.path == path);
    let path = printable(path);
    let Some(change) = change else { return path.into_owned() };
    match change.kind {
        ChangeKind::Changed if change.removed.is_empty() && change.added.is_empty() => {
            let side = |text: &Option<String>| clip(text.as_deref().unwrap_or_default(), 40, look);
            format!("{path} {} → {}", side(&change.before), side(&change.after))
        }
        ChangeKind::Changed => format!("{path} {}", clip(&list_words(change), 60, look)),
        ChangeKind::Added => format!("{path} is new"),
        ChangeKind::Removed => format!("{path} is gone"),
        ChangeKind::NowKnown => format!("{path} is known now"),
        ChangeKind::NoLongerKnown => format!("{path} is no longer known"),
    }
}

/// A list of plain values: what it lost and what it gained.
fn list_words(change: &FactChange) -> String {
    let side =
        |sign: char, list: &[String]| list.iter().map(|one| format!("{sign}{one}")).collect::<Vec<_>>();
    let all = [side('-', &change.removed), side('+', &change.added)].concat();
    if all.is_empty() { "in another order".to_owned() } else { all.join(" ") }
}

fn facts(diff: &Diff, look: Look) -> Vec<String> {
    let Some(facts) = &diff.facts else { return Vec::new() };
    let shown: Vec<&FactChange> =
        facts.iter().filter(|change| !change.derived && (look.verbose > 0 || !change.measured)).collect();
    let measured = facts.iter().filter(|change| change.measured && !change.derived).count();
    let mut out = Vec::new();
    if shown.is_empty() {
        out.push(line("No fact changed.", look, true));
    } else {
        let rows = rows(&shown, look);
        let most = most(look);
        let number = rows.len();
        out.push(line("Facts that changed", look, true));
        out.push(three(["Fact", "Before", "After"], rows.into_iter().take(most), look));
        out.extend(more(number, most, look));
    }
    if measured > 0 && look.verbose == 0 {
        let differ = if measured == 1 { "differs" } else { "differ" };
        let words = format!(
            "{} {differ} as well, as in every run; -v lists them.",
            count(measured, "measured times")
        );
        out.push(line(&words, look, false));
    }
    out
}

fn rows(shown: &[&FactChange], look: Look) -> Vec<[String; 3]> {
    let mut together: HashMap<(&str, ChangeKind), usize> = HashMap::new();
    for change in shown {
        if let Some(at) = &change.missing_at {
            *together.entry((at, change.kind)).or_default() += 1;
        }
    }
    let mut told: HashMap<(&str, ChangeKind), bool> = HashMap::new();
    let mut out = Vec::new();
    for change in shown {
        let why = format!("not known: {}", change.missing.as_deref().unwrap_or("not collected"));
        let fold = change.missing_at.as_deref().map(|at| (at, change.kind));
        if let Some(fold) = fold
            && look.verbose == 0
            && together.get(&fold).is_some_and(|number| *number >= FOLDED)
        {
            if told.insert(fold, true).is_none() {
                let known = format!("{} known", count(together[&fold], "facts"));
                let path = fold.0.to_owned();
                out.push(if change.kind == ChangeKind::NowKnown {
                    [path, why, known]
                } else {
                    [path, known, why]
                });
            }
            continue;
        }
        let value = |text: &Option<String>| clip(text.as_deref().unwrap_or_default(), CLIPPED, look);
        out.push(match change.kind {
            ChangeKind::Changed if change.removed.is_empty() && change.added.is_empty() => {
                [change.path.clone(), value(&change.before), value(&change.after)]
            }
            ChangeKind::Changed => {
                let list = |sign: &str, all: &[String]| {
                    let text = all.iter().map(|one| format!("{sign}{one}")).collect::<Vec<_>>().join(" ");
                    clip(&text, CLIPPED, look)
                };
                [change.path.clone(), list("-", &change.removed), list("+", &change.added)]
            }
            ChangeKind::Added => [change.path.clone(), "not there".to_owned(), value(&change.after)],
            ChangeKind::Removed => [change.path.clone(), value(&change.before), "not there".to_owned()],
            ChangeKind::NowKnown => [change.path.clone(), why, value(&change.after)],
            ChangeKind::NoLongerKnown => [change.path.clone(), value(&change.before), why],
        });
    }
    out
}

fn summary(diff: &Diff) -> String {
    let worse = diff.verdicts.iter().filter(|change| rank(change.after) < rank(change.before)).count();
    let better = diff.verdicts.iter().filter(|change| rank(change.after) > rank(change.before)).count();
    let other = diff.verdicts.len() - worse - better;
    let mut words = vec![format!("{} worse, {better} better", count(worse, "verdicts"))];
    if other > 0 {
        words.push(format!("{other} otherwise"));
    }
    if diff.reworded > 0 {
        words.push(format!("{} with other words", count(diff.reworded, "findings")));
    }
    if let Some(facts) = &diff.facts {
        let number = facts.iter().filter(|change| change.counts()).count();
        words.push(format!("{} changed", count(number, "facts")));
    }
    let code = u8::from(diff.differs);
    let head = if diff.differs { "They differ" } else { "They are the same" };
    format!("{head}: {} (exit code {code})", words.join(", "))
}

/// How bad a verdict is; the higher the better.
const fn rank(told: Told) -> u8 {
    match told {
        Told::Fail => 0,
        Told::Unknown => 1,
        Told::Warn => 2,
        Told::Info => 3,
        Told::Waived => 4,
        Told::Pass | Told::NotApplicable | Told::NothingFound | Told::SubjectGone | Told::NotChecked => 5,
    }
}

const fn most(look: Look) -> usize {
    if look.verbose > 0 { usize::MAX } else { ROWS }
}

fn more(number: usize, most: usize, look: Look) -> Option<String> {
    (number > most).then(|| line(&format!("and {} more; -v lists them all", number - most), look, false))
}

fn clip(text: &str, most: usize, look: Look) -> String {
    let text = printable(text);
    if look.verbose > 0 || text.chars().count() <= most {
        return text.into_owned();
    }
    let mut out: String = text.chars().take(most).collect();
    out.push('…');
    out
}

/// Rows of three texts, the first of them a path that may take half of the width.
fn three(header: [&str; 3], rows: impl Iterator<Item = [String; 3]>, look: Look) -> String {
    let mut table = table(look, RULED);
    if look.width < NARROW {
        for [what, before, after] in rows {
            table.add_row([Cell::new(format!(
                "{}\n{} → {}",
                printable(&what),
                printable(&before),
                printable(&after)
            ))]);
        }
        lay(&mut table, look);
        return finish(&table);
    }
    table.set_header(header.map(Cell::new));
    for row in rows {
        table.add_row(row.map(|text| Cell::new(printable(&text))));
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at == 2 { 0 } else { 2 }));
        if at == 0 {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(look.width / 2)));
        }
    }
    finish(&table)
}

/// A line of words that folds as the tables do.
fn line(text: &str, look: Look, bold: bool) -> String {
    let mut table = table(look, PLAIN);
    let cell = Cell::new(printable(text));
    table.add_row([if bold { cell.add_attribute(Attribute::Bold) } else { cell }]);
    lay(&mut table, look);
    finish(&table)
}
