//! The report as Markdown, for a pull request, a change ticket or a step summary: verdict first, then what is open, the
//! rest folded.

use super::baseline::Compared;
use super::group::{Block, blocks, blocks_of};
use super::model::{Report, Tone};
use super::text::{count, printable};
use super::words::{is_open, since_words, waiver_words};
use crate::rule::{Finding, Since, Status};
use std::fmt::Write;

/// How many names stand in a cell before the rest is only counted.
const NAMES: usize = 12;

/// The report as GitHub-flavoured Markdown, with a line end.
pub fn to_markdown(report: &Report) -> String {
    let mut out = String::new();
    let cluster = &report.cluster;
    let name = cluster.name.as_deref().unwrap_or("(no name)");
    line(&mut out, &format!("## quorate: {}", inline(name)));
    line(&mut out, "");
    let mark = match report.verdict.tone() {
        Tone::Good => "✅",
        Tone::Bad => "❌",
        Tone::Open => "❔",
    };
    let words = report.verdict.word().to_uppercase().replace('-', " ");
    line(
        &mut out,
        &format!("{mark} **{words}**: {} (exit code {})", inline(&report.reason), report.exit_code),
    );
    line(&mut out, "");
    let of = [cluster.platform.as_deref(), cluster.release.as_deref()];
    let of = of.into_iter().flatten().collect::<Vec<_>>().join(" ");
    let parts = [
        ("Profile ", cluster.profile.as_str()),
        ("platform ", &of),
        ("facts of ", report.gathered.as_deref().unwrap_or_default()),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(head, text)| format!("{head}{}", inline(text)))
        .collect();
    line(&mut out, &format!("{}.", said.join(", ")));
    line(&mut out, "");
    summary(&mut out, report);
    match &report.baseline {
        None => _ = open(&mut out, report, &|_| true),
        Some(compared) => since_baseline(&mut out, report, compared),
    }
    folded(&mut out, report, Status::Waived, "Waived");
    folded(&mut out, report, Status::Pass, "What holds");
    out
}

/// What is open, as a table; returns whether there is any.
fn open(out: &mut String, report: &Report, wanted: &dyn Fn(&Finding) -> bool) -> bool {
    let mut opened = false;
    for status in Status::ALL.into_iter().filter(|status| is_open(*status)) {
        let blocks = blocks_of(&report.findings, status, wanted);
        if blocks.is_empty() {
            continue;
        }
        if !opened {
            line(out, "| | Subject | Finding |\n|---|---|---|");
            opened = true;
        }
        for block in &blocks {
            rows(out, block);
        }
    }
    if opened {
        line(out, "");
    }
    opened
}

/// What is new, then, folded, what is still there and what is gone.
fn since_baseline(out: &mut String, report: &Report, compared: &Compared) {
    let since = |finding: &Finding| finding.baseline.as_ref().map(|one| one.since);
    line(out, &format!("Held against {}: {}.\n", inline(&compared.name()), compared.summary()));
    line(out, "### New\n");
    if !open(out, report, &|finding| since(finding).is_some_and(|since| !since.is_known())) {
        line(out, "Nothing is new.\n");
    }
    if compared.known > 0 {
        line(out, &format!("<details><summary>Still there ({})</summary>\n", compared.known));
        open(out, report, &|finding| since(finding).is_some_and(Since::is_known));
        line(out, "</details>\n");
    }
    if !compared.gone.is_empty() {
        line(out, &format!("<details><summary>No longer found ({})</summary>\n", compared.gone.len()));
        for one in &compared.gone {
            let words = if one.message.is_empty() { &one.title } else { &one.message };
            let (subject, words, rule) = (inline(&one.subject), inline(words), one.rule.replace('`', ""));
            line(out, &format!("- **{}** {subject}, was {}: {words} `{rule}`", one.now.meaning(), one.was));
        }
        line(out, "\n</details>\n");
    }
}

fn summary(out: &mut String, report: &Report) {
    let summary = &report.summary;
    line(
        out,
        "| fail | unknown | warn | info | waived | pass | not applicable |\n|---|---|---|---|---|---|---|",
    );
    line(
        out,
        &format!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            summary.fail,
            summary.unknown,
            summary.warn,
            summary.info,
            summary.waived,
            summary.pass,
            summary.not_applicable
        ),
    );
    line(out, "");
    let coverage = &report.coverage;
    let mut words = vec![format!(
        "{} of {} rules evaluated, {} unknown",
        coverage.rules.evaluated, coverage.rules.selected, coverage.rules.unknown
    )];
    for (plural, reach) in coverage.reaches() {
        if reach.total > 0 {
            let mut text = format!("{} of {} reached", reach.reached, count(reach.total, plural));
            if !reach.not_reached.is_empty() {
                let names: Vec<String> = reach
                    .not_reached
                    .iter()
                    .map(|one| format!("{} ({})", inline(&one.name), inline(&one.reason)))
                    .collect();
                let _ = write!(text, ", not {}", names.join(", "));
            }
            words.push(text);
        }
    }
    line(out, &format!("{}.", words.join("; ")));
    line(out, "");
}

fn rows(out: &mut String, block: &Block<'_>) {
    let last = block.lines.len() - 1;
    for (at, one) in block.lines.iter().enumerate() {
        let mut text = inline(&one.message);
        let since =
            since_words(one.findings[0]).filter(|words| words.contains("then") || words.contains("words"));
        if let Some(words) = since {
            let _ = write!(text, "<br>{words}");
        }
        if block.rules.len() > 1 {
            let _ = write!(
                text,
                "<br>{} cannot be judged: {}",
                count(block.rules.len(), "rules"),
                names(&block.rules)
            );
        }
        if at == last {
            if !block.remedy.is_empty() {
                let _ = write!(text, "<br>**Fix:** {}", inline(&block.remedy));
            }
            if let [rule] = block.rules.as_slice() {
                let _ = write!(text, "<br>{}", code(rule));
            }
        }
        let word =
            if at == 0 { format!("**{}**", block.status.word().to_uppercase()) } else { String::new() };
        line(out, &format!("| {word} | {} | {text} |", names(&one.subjects)));
    }
}

fn folded(out: &mut String, report: &Report, status: Status, title: &str) {
    let blocks = blocks(&report.findings, status);
    if blocks.is_empty() {
        return;
    }
    line(out, &format!("<details><summary>{title} ({})</summary>\n", report.summary.of_status(status)));
    for block in &blocks {
        for one in &block.lines {
            let mut text = format!("- {}: {}", names(&one.subjects), inline(&one.message));
            if let Some(waiver) = &one.findings[0].waiver {
                let _ = write!(text, " (waived {})", inline(&waiver_words(waiver)));
            }
            let _ = write!(text, " {}", code(block.rules[0]));
            line(out, &text);
        }
    }
    line(out, "\n</details>\n");
}

fn names(all: &[&str]) -> String {
    super::words::names(all, NAMES, inline)
}

/// The id of a rule as code. What no id holds is left out.
fn code(rule: &str) -> String {
    let known = |c: &char| c.is_ascii_alphanumeric() || ['/', '-', '_', '.'].contains(c);
    format!("`{}`", rule.chars().filter(known).collect::<String>())
}

/// Text of a host or file as text and nothing else: what Markdown, HTML or a mention would read out of it is escaped.
fn inline(text: &str) -> String {
    let text = printable(text);
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest: &str = &text;
    let special = |c: char| {
        matches!(
            c,
            '<' | '>' | '&' | '@' | '#' | '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '~' | '!'
        )
    };
    while let Some(at) = rest.find(special) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'<' => out.push_str("&lt;"),
            b'>' => out.push_str("&gt;"),
            b'&' => out.push_str("&amp;"),
            // `@name` would call somebody, `#12` link to a stranger's ticket.
            b'@' => out.push_str("&#64;"),
            b'#' => out.push_str("&#35;"),
            other => {
                out.push('\\');
                out.push(char::from(other));
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    // A bare address would become a link.
    if out.contains("://") || out.contains("www.") {
        out = out.replace("://", ":&#47;&#47;").replace("www.", "www&#46;");
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}
