//! A finding as an article of the page. Written as it goes, since there may be ten thousand of them; every word passes the escape.

use super::{EVIDENCE, names, said};
use crate::report::group::{Block, Line};
use crate::report::text::{count, escape_markup};
use crate::report::words::{distinct, missing_or_value, provenance, since_words, waiver_words};
use std::fmt::Write;

/// Adds the article of a block.
pub(super) fn article(out: &mut String, block: &Block<'_>) {
    let word = block.status.word();
    let single = block.rules.len() == 1;
    let title = if single {
        said(block.title)
    } else {
        format!("{} cannot be judged", count(block.rules.len(), "rules"))
    };
    let _ = write!(out, "\n<article class=\"{word}\">\n<h3><span class=\"word\">{word}</span> ");
    escape_markup(out, &title);
    out.push_str("</h3>");
    block.lines.iter().for_each(|line| paragraph(out, line));
    out.push_str("\n<dl>");
    let first = block.lines[0].findings[0];
    row(out, "Baseline", &said(&since_words(first).unwrap_or_default()));
    if single {
        row(out, "Why", &said(block.why));
    }
    match &first.waiver {
        Some(waiver) => row(out, "Waived", &waiver_words(waiver)),
        None => row(out, "Fix", &said(&block.remedy)),
    }
    row(out, if single { "Rule" } else { "Rules" }, &names(&block.rules));
    if single {
        row(out, "Source", &said(&first.source.join("; ")));
        let findings = block.lines.iter().flat_map(|line| line.findings.iter().copied());
        row(out, "From", &names(&provenance(findings)));
    }
    out.push_str("\n</dl>\n</article>");
}

/// What is said of some subjects, the line that declares the first of them, and the facts that decided.
fn paragraph(out: &mut String, line: &Line<'_>) {
    out.push_str("\n<p><strong>");
    escape_markup(out, &names(&line.subjects));
    out.push_str("</strong>: ");
    escape_markup(out, &said(&line.message));
    if let Some(at) = &line.findings[0].declared_at {
        out.push_str(" <span class=\"mono\">(");
        escape_markup(out, &said(&at.file));
        let _ = write!(out, ":{})</span>", at.line);
    }
    out.push_str("</p>");
    let all = distinct(line.findings.iter().flat_map(|finding| &finding.evidence));
    if all.is_empty() {
        return;
    }
    out.push_str("\n<ul class=\"mono\">");
    for one in all.iter().take(EVIDENCE) {
        item(out, &said(&missing_or_value(one)));
    }
    if all.len() > EVIDENCE {
        item(out, &format!("and {}", count(all.len() - EVIDENCE, "more facts")));
    }
    out.push_str("</ul>");
}

fn item(out: &mut String, text: &str) {
    out.push_str("<li>");
    escape_markup(out, text);
    out.push_str("</li>");
}

fn row(out: &mut String, head: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    let _ = write!(out, "\n<dt>{head}</dt><dd>");
    escape_markup(out, text);
    out.push_str("</dd>");
}
