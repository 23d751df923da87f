//! What an active test of a LUN found, as a table: every step, for each departure request and answer on the wire, what the
//! LUN is good for, how fast it is, and what was left.
//!
//! A check and a single storage test show the same.

use super::layout::{Look, NARROW, PLAIN, RULED, finish, lay, table};
use super::text::{count, printable};
use crate::facts::{
    Conformance, ConformanceStep, Document, Micros, StepResult, StepSeverity, SuitabilityVerdict,
    WireExchange,
};
use comfy_table::{Attribute, Cell, Color, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes of data on the wire that are shown without `-v`.
const SHOWN_BYTES: usize = 64;

/// How much of the steps is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Every step has a row.
    Every,
    /// Steps that are ok stand together in one row.
    Folded,
}

/// Exchanges of one step that are shown without `-v`.
const SHOWN_EXCHANGES: usize = 2;

/// A LUN whose active test was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TestedLun {
    /// iSCSI name of its target.
    pub target: String,
    /// Its name.
    pub lun: String,
    /// What was found.
    pub conformance: Conformance,
}

impl TestedLun {
    /// Every LUN of the document whose active test was asked for.
    pub fn all(document: &Document) -> Vec<Self> {
        let luns = document.targets.iter().flat_map(|target| {
            target.luns.iter().flatten().filter(|lun| lun.conformance.asked == Some(true)).map(|lun| Self {
                target: target.name.clone(),
                lun: lun.name.clone(),
                conformance: lun.conformance.clone(),
            })
        });
        luns.collect()
    }

    /// Whether something of the test may be left on the LUN.
    pub fn left_something(&self) -> bool {
        self.conformance.residue.as_ref().is_some_and(|left| !left.is_empty())
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = &ConformanceStep> {
        self.conformance.steps.iter().flatten()
    }

    /// What came of it, as text with a line end.
    pub fn to_table(&self, look: Look, detail: Detail) -> String {
        let mut parts = vec![self.head(look)];
        if self.steps().any(|step| step.result != Some(StepResult::NotRun)) {
            parts.push(self.steps_table(look, detail));
        }
        parts.extend(self.facts_table(look));
        parts.extend(self.residue_lines());
        parts.join("\n\n") + "\n"
    }

    fn head(&self, look: Look) -> String {
        let conformance = &self.conformance;
        let mut text =
            format!("Active test of LUN {} of {}: {}", self.lun, self.target, self.summary().join(", "));
        if let Some(mode) = conformance.mode {
            text.push_str(&format!("; mode {mode}"));
        }
        if let Some(run) = &conformance.run {
            text.push_str(&format!(", run {run}"));
        }
        let mut table = table(look, PLAIN);
        table.add_row([Cell::new(printable(&text)).add_attribute(Attribute::Bold)]);
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(why) = said(&conformance.refused) {
            table.add_row([paint(
                Cell::new(format!("Refused, nothing was changed: {}", printable(&why))),
                Some(Color::Red),
            )]);
        }
        if let Some(why) = said(&conformance.stopped) {
            table.add_row([paint(Cell::new(format!("Stopped: {}", printable(&why))), Some(Color::Red))]);
        }
        lay(&mut table, look);
        finish(&table)
    }

    /// How many steps came to what.
    pub(super) fn summary(&self) -> Vec<String> {
        let all = self.steps().count();
        if all == 0 {
            return vec!["no step was played".to_owned()];
        }
        let number = |result| self.steps().filter(|step| step.result == Some(result)).count();
        let mut out = vec![format!("{} of {all} steps ok", number(StepResult::Ok))];
        let departing = number(StepResult::Departs);
        for (number, words) in [
            (departing, if departing == 1 { "departs" } else { "depart" }),
            (number(StepResult::NotSupported), "not supported"),
            (number(StepResult::NotRun), "not run"),
        ] {
            if number > 0 {
                out.push(format!("{number} {words}"));
            }
        }
        out
    }

    fn steps_table(&self, look: Look, detail: Detail) -> String {
        let mut table = table(look, RULED);
        if look.width >= NARROW {
            table.set_header(["Step", "Result", "Severity", "What"].map(Cell::new));
        }
        let folded = |step: &&ConformanceStep| {
            detail == Detail::Folded
                && step.result == Some(StepResult::Ok)
                && step.left_out.iter().flatten().count() == 0
        };
        let ok = ranges(self.steps().map(|step| (step.id.as_str(), folded(&step))));
        if !ok.is_empty() {
            table.add_row(words_row("", "ok", "", &ok.join(", "), None, look));
        }
        let mut told: Vec<&str> = Vec::new();
        for step in self.steps().filter(|step| !folded(step)) {
            let alike = |other: &&ConformanceStep| not_run_alike(step, other);
            if look.verbose > 0 || self.steps().filter(alike).count() < 2 {
                table.add_row(step_row(step, look));
            } else if let Some(why) = step.reason.as_deref().filter(|why| !told.contains(why)) {
                told.push(why);
                let number = self.steps().filter(alike).count();
                let names = ranges(self.steps().map(|other| (other.id.as_str(), alike(&other)))).join(", ");
                let text = format!("{}: {}\n{names}", count(number, "steps"), printable(why));
                table.add_row(words_row("", "not run", "", &text, Some(Color::Magenta), look));
            }
        }
        lay(&mut table, look);
        finish(&table)
    }

    fn facts_table(&self, look: Look) -> Option<String> {
        let conformance = &self.conformance;
        let mut rows = Vec::new();
        for check in conformance.checks.iter().flatten() {
            let (word, colour) = match check.verdict {
                Some(SuitabilityVerdict::Good) => ("good", None),
                Some(SuitabilityVerdict::Attention) => ("look at it", Some(Color::Yellow)),
                Some(SuitabilityVerdict::Bad) => ("bad", Some(Color::Red)),
                None => ("not known", Some(Color::Magenta)),
            };
            let mut text = printable(check.observed.as_deref().unwrap_or_default()).into_owned();
            if let Some(wanted) = check.wanted.as_deref().filter(|_| colour.is_some()) {
                text.push_str(&format!("\nWanted: {}", printable(wanted)));
            }
            rows.push(plain_row(&printable(&check.name), word, &text, colour, look));
        }
        for latency in conformance.latencies.iter().flatten() {
            let text = format!(
                "p50 {}, p99 {}, of {}",
                shown(latency.p50_us),
                shown(latency.p99_us),
                latency.samples.unwrap_or_default()
            );
            rows.push(plain_row(
                &format!("latency {}", printable(&latency.operation)),
                "",
                &text,
                None,
                look,
            ));
        }
        if rows.is_empty() {
            return None;
        }
        let mut table = table(look, PLAIN);
        table.add_rows(rows);
        lay(&mut table, look);
        Some(finish(&table))
    }

    /// What is left, and the commands that remove it; not folded, so that they can be copied. None where nothing is left.
    pub fn residue_lines(&self) -> Option<String> {
        let left = self.conformance.residue.as_ref().filter(|left| !left.is_empty())?;
        let mut lines =
            vec![format!("May be left on LUN {} of {}:", printable(&self.lun), printable(&self.target))];
        lines.extend(left.iter().map(|one| format!("  {}", printable(one))));
        if let Some(file) = self.conformance.run_file.as_deref().filter(|file| !file.is_empty()) {
            lines.push(format!("Remove it with `quorate storage cleanup --run {}`.", printable(file)));
        }
        let commands = self.conformance.residue_commands.as_deref().unwrap_or_default();
        if !commands.is_empty() {
            lines.push("By hand, on a host that sees it:".to_owned());
            lines.extend(commands.iter().map(|one| format!("  {}", printable(one))));
        }
        Some(lines.join("\n"))
    }
}

/// Whether two steps were not run for one reason, and nothing else is to be said of them.
fn not_run_alike(one: &ConformanceStep, other: &ConformanceStep) -> bool {
    let silent = |step: &ConformanceStep| {
        step.result == Some(StepResult::NotRun)
            && step.left_out.iter().flatten().count() == 0
            && step.wire.iter().flatten().count() == 0
    };
    let reason = one.reason.as_deref().filter(|reason| !reason.is_empty());
    silent(one) && silent(other) && reason.is_some() && reason == other.reason.as_deref()
}

fn step_row(step: &ConformanceStep, look: Look) -> Row {
    let colour = match (step.result, step.severity) {
        (Some(StepResult::Ok), _) => None,
        (Some(StepResult::Departs | StepResult::NotSupported), Some(StepSeverity::Blocker)) => {
            Some(Color::Red)
        }
        (Some(StepResult::Departs | StepResult::NotSupported), _) => Some(Color::Yellow),
        _ => Some(Color::Magenta),
    };
    let (word, failed) = step_result(step);
    let word = if step.result == Some(StepResult::Departs) { word.to_uppercase() } else { word.to_owned() };
    let severity = step.severity.filter(|_| failed).map_or("", StepSeverity::word);
    let text = step_words(step, failed, look).join("\n");
    words_row(&printable(&step.id), &word, severity, &text, colour, look)
}

/// What came of a step, in words, and whether it is to be looked at.
pub(super) fn step_result(step: &ConformanceStep) -> (&'static str, bool) {
    match step.result {
        Some(StepResult::Ok) => ("ok", false),
        Some(StepResult::Departs) => ("departs", true),
        Some(StepResult::NotSupported) => ("not supported", true),
        Some(StepResult::NotRun) => ("not run", false),
        None => ("not known", false),
    }
}

fn words_row(id: &str, word: &str, severity: &str, text: &str, colour: Option<Color>, look: Look) -> Row {
    if look.width >= NARROW {
        let cells = [Cell::new(id), paint(Cell::new(word), colour), Cell::new(severity), Cell::new(text)];
        Row::from(cells.to_vec())
    } else {
        let head = [id, word, severity].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        Row::from(vec![Cell::new(format!("{}\n{text}", head.join(" ")))])
    }
}

/// The names that are marked, runs of three or more as `first to last`.
fn ranges<'a>(names: impl Iterator<Item = (&'a str, bool)>) -> Vec<String> {
    let names: Vec<_> = names.collect();
    let runs = names.chunk_by(|one, next| one.1 == next.1).filter(|run| run[0].1);
    let words = runs.flat_map(|run| match run {
        [(first, _), _, .., (last, _)] => vec![format!("{} to {}", printable(first), printable(last))],
        few => few.iter().map(|(name, _)| printable(name).into_owned()).collect(),
    });
    words.collect()
}

pub(super) fn step_words(step: &ConformanceStep, failed: bool, look: Look) -> Vec<String> {
    let said = |text: &Option<String>| {
        text.as_deref().filter(|text| !text.is_empty()).map(|text| printable(text).into_owned())
    };
    let mut out = vec![said(&step.title).unwrap_or_default()];
    if let Some(why) = said(&step.reason).filter(|_| step.result == Some(StepResult::NotRun)) {
        out.push(why);
    }
    if failed {
        let parts = [("Expected", &step.expected), ("Seen", &step.observed), ("Means", &step.meaning)];
        out.extend(parts.into_iter().filter_map(|(head, text)| Some(format!("{head}: {}", said(text)?))));
        if look.verbose > 0 {
            let stacks = step.stacks.as_deref().unwrap_or_default().join(", ");
            out.push(format!("Relied on by: {}", printable(&stacks)));
        }
    }
    for left_out in step.left_out.iter().flatten() {
        out.push(format!("Left out: {}", printable(left_out)));
    }
    if look.verbose > 0 {
        out.extend(step.notes.iter().flatten().map(|note| format!("Noted: {}", printable(note))));
    }
    let wire = step.wire.as_deref().unwrap_or_default();
    let most = if look.verbose > 0 { wire.len() } else { SHOWN_EXCHANGES };
    for exchange in wire.iter().take(most) {
        out.extend(wire_words(exchange, look));
    }
    if wire.len() > most {
        out.push(format!("and {} on the wire; -v shows them", count(wire.len() - most, "more exchanges")));
    }
    out
}

fn wire_words(exchange: &WireExchange, look: Look) -> Vec<String> {
    let said = |text: &Option<String>| {
        text.as_deref().filter(|text| !text.is_empty()).map(|text| printable(text).into_owned())
    };
    let hex = |text: &Option<String>| said(text).map(|text| grouped(&text, look));
    let mut out = Vec::new();
    if let Some(command) = said(&exchange.command) {
        let from = said(&exchange.node).unwrap_or_default();
        let to = said(&exchange.portal).unwrap_or_default();
        out.push(format!("Wire: {from} to {to}: {command}"));
    }
    let request = [("cdb", hex(&exchange.cdb)), ("data", hex(&exchange.data_out))];
    let request: Vec<String> =
        request.into_iter().filter_map(|(name, bytes)| Some(format!("{name} {}", bytes?))).collect();
    if !request.is_empty() {
        out.push(format!("> {}", request.join(", ")));
    }
    let mut answer: Vec<String> = said(&exchange.answer).into_iter().collect();
    answer.extend(hex(&exchange.sense).map(|bytes| format!("sense {bytes}")));
    answer.extend(hex(&exchange.data_in).map(|bytes| format!("data {bytes}")));
    if !answer.is_empty() {
        let took =
            exchange.elapsed_us.map_or_else(String::new, |took| format!(" after {}", shown(Some(took))));
        out.push(format!("< {}{took}", answer.join(", ")));
    }
    out
}

/// Hexadecimal digits in groups of four bytes, at which lines are folded; without `-v` the first few.
fn grouped(digits: &str, look: Look) -> String {
    let all: Vec<char> = digits.chars().collect();
    let most = if look.verbose > 0 { all.len() } else { 2 * SHOWN_BYTES };
    let shown = &all[..most.min(all.len())];
    let mut out = shown.chunks(8).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ");
    if shown.len() < all.len() {
        out.push_str(&format!(" ... ({} bytes)", all.len() / 2));
    }
    out
}

/// A time as people read it.
fn shown(time: Option<Micros>) -> String {
    match time {
        None => "not known".to_owned(),
        Some(Micros(us)) if us < 1000 => format!("{us} us"),
        Some(Micros(us)) if us < 1_000_000 => format!("{}.{} ms", us / 1000, us % 1000 / 100),
        Some(Micros(us)) => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

fn plain_row(name: &str, word: &str, text: &str, colour: Option<Color>, look: Look) -> Row {
    if look.width >= NARROW {
        Row::from(vec![Cell::new(name), paint(Cell::new(word), colour), Cell::new(text)])
    } else {
        let parts = [name, word].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        Row::from(vec![Cell::new(format!("{}: {text}", parts.join(" ")))])
    }
}

fn paint(cell: Cell, colour: Option<Color>) -> Cell {
    match colour {
        Some(colour) => cell.fg(colour).add_attribute(Attribute::Bold),
        None => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{ConformanceLatency, LunTest, SuitabilityCheck};

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn step(id: &str, title: &str, result: StepResult, severity: StepSeverity) -> ConformanceStep {
        let ok = match result {
            StepResult::Ok => Some(true),
            StepResult::NotRun => None,
            _ => Some(false),
        };
        ConformanceStep {
            id: id.to_owned(),
            title: text(title),
            severity: Some(severity),
            result: Some(result),
            ok,
            stacks: Some(vec!["wsfc".to_owned(), "fence-scsi".to_owned()]),
            ..ConformanceStep::default()
        }
    }

    fn tested() -> TestedLun {
        let wire = WireExchange {
            node: text("B"),
            portal: text("127.0.0.1:3260"),
            command: text("PERSISTENT RESERVE OUT (RESERVE)"),
            cdb: text("5f010500000000001800000000000000"),
            data_out: text(&"7175000000000201".repeat(12)),
            answer: text("GOOD"),
            sense: text(""),
            data_in: text(""),
            elapsed_us: Some(Micros(31)),
        };
        let steps = vec![
            step("P01", "READ KEYS and READ RESERVATION answer", StepResult::Ok, StepSeverity::Blocker),
            ConformanceStep {
                expected: text("RESERVATION CONFLICT"),
                observed: text("GOOD\u{1b}[2J"),
                meaning: text("A node with another node's key, or none, takes the reservation."),
                wire: Some(vec![wire.clone(), wire.clone(), wire]),
                ..step("P09", "RESERVE asks for the right key", StepResult::Departs, StepSeverity::Blocker)
            },
            ConformanceStep {
                observed: text("5/24/00 INVALID FIELD IN CDB"),
                meaning: text("fence_scsi cannot fence."),
                ..step("P24", "PREEMPT AND ABORT", StepResult::NotSupported, StepSeverity::Blocker)
            },
            ConformanceStep {
                reason: text("P24 is not supported"),
                ..step(
                    "P25",
                    "nothing lands after PREEMPT AND ABORT",
                    StepResult::NotRun,
                    StepSeverity::Blocker,
                )
            },
            ConformanceStep {
                left_out: Some(vec!["64 nexuses: --fill-table was not given".to_owned()]),
                ..step("P40", "capabilities that are told are there", StepResult::Ok, StepSeverity::Major)
            },
        ];
        let conformance = Conformance {
            asked: Some(true),
            complete: Some(true),
            mode: Some(LunTest::PrWrite),
            run: text("1a2b3c4d"),
            refused: text(""),
            stopped: text(""),
            steps: Some(steps),
            checks: Some(vec![
                SuitabilityCheck {
                    name: "read-back".to_owned(),
                    verdict: Some(SuitabilityVerdict::Good),
                    observed: text("B reads what A wrote with FUA"),
                    wanted: text("the other node reads what was written"),
                },
                SuitabilityCheck {
                    name: "thin".to_owned(),
                    verdict: None,
                    observed: text("VPD page B2 is not there"),
                    wanted: text("a witness that is not thin"),
                },
            ]),
            latencies: Some(vec![ConformanceLatency {
                operation: "pr-out".to_owned(),
                p50_us: Some(Micros(310)),
                p99_us: Some(Micros(12_340)),
                samples: Some(100),
            }]),
            residue: Some(Vec::new()),
            ..Conformance::default()
        };
        TestedLun { target: "iqn.2026-01.test:t".to_owned(), lun: "data".to_owned(), conformance }
    }

    fn look(width: u16) -> Look {
        Look { width, ..Look::PLAIN }
    }

    #[test]
    fn narrow_and_wide() {
        let tested = tested();
        let all = [200, 80, 40]
            .map(|width| format!("--- {width}\n{}", tested.to_table(look(width), Detail::Every)));
        assert!(!all.concat().contains('\u{1b}'));
        for (shown, width) in all.iter().zip([200, 80, 40]) {
            for line in shown.lines() {
                assert!(line.chars().count() <= width, "{line}");
            }
        }
        insta::assert_snapshot!(all.concat());
    }

    #[test]
    fn what_is_ok_is_folded() {
        let marked = |marks: &str| {
            let names: Vec<String> = (1..=marks.len()).map(|n| format!("P{n:02}")).collect();
            ranges(names.iter().map(String::as_str).zip(marks.chars().map(|c| c == 'x'))).join(", ")
        };
        assert_eq!(marked("xxxx-xx-x"), "P01 to P04, P06, P07, P09");
        assert_eq!(marked("---"), "");
        let folded = tested().to_table(look(80), Detail::Folded);
        assert!(folded.contains("ok                         P01\n"), "{folded}");
        assert!(folded.contains("Left out: 64 nexuses"), "what was left out is still told: {folded}");
    }

    #[test]
    fn what_was_not_run_for_one_reason_stands_once() {
        let mut tested = tested();
        let not_run = |id: &str, reason: &str| ConformanceStep {
            reason: text(reason),
            ..step(id, "a title", StepResult::NotRun, StepSeverity::Blocker)
        };
        let reason = "it needs mode pr, this run is in mode inspect";
        tested.conformance.steps = Some(vec![
            step("P01", "READ KEYS", StepResult::Ok, StepSeverity::Blocker),
            not_run("P02", reason),
            not_run("P03", reason),
            not_run("P04", reason),
            not_run("P05", "P24 is not supported"),
            not_run("P06", reason),
        ]);
        let shown = tested.to_table(look(200), Detail::Every);
        assert_eq!(shown.matches(reason).count(), 1, "{shown}");
        for words in ["4 steps: ", "P02 to P04, P06", "P05", "P24 is not supported", "5 not run"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        let all = tested.to_table(Look { verbose: 1, ..look(200) }, Detail::Every);
        assert_eq!(all.matches(reason).count(), 4, "-v shows each: {all}");
    }

    #[test]
    fn a_refusal_and_what_is_left_are_said() {
        let mut tested = tested();
        tested.conformance.steps = None;
        tested.conformance.checks = None;
        tested.conformance.latencies = None;
        tested.conformance.refused = text("there are keys of somebody else on it");
        let refused = tested.to_table(look(80), Detail::Folded);
        tested.conformance.refused = text("");
        tested.conformance.stopped = text("the target does not answer any more");
        tested.conformance.residue = Some(vec!["key 0x71751a2b3c4d0101".to_owned()]);
        let long = format!("sg_persist --out --register --param-rk={} /dev/sdX", "7".repeat(80));
        tested.conformance.residue_commands = Some(vec![long.clone()]);
        tested.conformance.run_file = text(".quorate/run.json");
        assert!(tested.left_something());
        let left = tested.to_table(look(80), Detail::Folded);
        assert!(left.contains(&long), "commands are not folded: {left}");
        insta::assert_snapshot!([refused, left].join("---\n"));
    }
}
