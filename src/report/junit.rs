//! The report as JUnit XML, in the form that Jenkins, GitLab and Azure read: one suite for each rule, one case for each
//! subject, and a case of its own for the verdict, so that a run which could not check everything is not green.
//!
//! It keeps to the strictest of the schemas that are in use, `junit-10.xsd` of Jenkins' xUnit plugin, which refuses a whole report
//! for one attribute that it does not know: the line of the plan stands in the text of a case. It is written as it goes, without a
//! tree: ten thousand cases are text in a few milliseconds.

use super::baseline::Compared;
use super::model::{Report, Verdict};
use super::text::{escape_markup, printable};
use super::words::{details, headline};
use crate::rule::{Finding, Status};
use std::collections::HashMap;
use std::fmt::Write;

/// Name of the suite that holds the verdict.
const VERDICT: &str = "verdict";

/// What came of a case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Success,
    Failure,
    Error,
    Skipped,
}

impl Outcome {
    /// The element that says so.
    const fn element(self) -> &'static str {
        match self {
            Outcome::Success => "",
            Outcome::Failure => "failure",
            Outcome::Error => "error",
            Outcome::Skipped => "skipped",
        }
    }
}

/// The cases of one suite, and how many of them came to what.
#[derive(Default)]
struct Suite {
    cases: String,
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Suite {
    fn count(&mut self, outcome: Outcome) {
        self.tests += 1;
        match outcome {
            Outcome::Success => {}
            Outcome::Failure => self.failures += 1,
            Outcome::Error => self.errors += 1,
            Outcome::Skipped => self.skipped += 1,
        }
    }
}

/// The report as JUnit XML, with a line end.
///
/// A failure is a `failure`, also a warning where warnings make the check fail; what is not known is an `error`; what is waived
/// or does not apply is `skipped`; other warnings and notes are cases that succeed with their words as output.
pub fn to_junit(report: &Report) -> String {
    let mut suites: Vec<(&str, Suite)> = vec![(VERDICT, verdict(report))];
    let mut suite_of: HashMap<&str, usize> = HashMap::new();
    for finding in &report.findings {
        let at = *suite_of.entry(&finding.rule).or_insert_with(|| {
            suites.push((&finding.rule, Suite::default()));
            suites.len() - 1
        });
        case(&mut suites[at].1, finding, report);
    }
    let sum = |of: fn(&Suite) -> usize| suites.iter().map(|(_, suite)| of(suite)).sum::<usize>();
    let name = format!("quorate: {}", report.cluster.name.as_deref().unwrap_or("cluster"));
    let mut out = String::with_capacity(suites.iter().map(|(_, suite)| suite.cases.len() + 200).sum());
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    attribute(&mut out, "name", &name);
    let _ = writeln!(
        out,
        " tests=\"{}\" failures=\"{}\" errors=\"{}\">",
        sum(|suite| suite.tests),
        sum(|suite| suite.failures),
        sum(|suite| suite.errors)
    );
    for (name, suite) in &suites {
        out.push_str("    <testsuite");
        attribute(&mut out, "name", name);
        let _ = writeln!(
            out,
            " tests=\"{}\" skipped=\"{}\" errors=\"{}\" failures=\"{}\">",
            suite.tests, suite.skipped, suite.errors, suite.failures
        );
        out.push_str(&suite.cases);
        out.push_str("    </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(suite: &mut Suite, finding: &Finding, report: &Report) {
    let mut words = headline(finding);
    let known = finding.baseline.as_ref().is_some_and(|one| one.since.is_known());
    let (outcome, kind) = match finding.status {
        Status::Fail | Status::Unknown | Status::Warn if known => (Outcome::Skipped, "known"),
        Status::Fail => (Outcome::Failure, "fail"),
        Status::Unknown => (Outcome::Error, "unknown"),
        Status::Warn if report.fail_on == super::FailOn::Warn => (Outcome::Failure, "warn"),
        Status::Waived | Status::NotApplicable => (Outcome::Skipped, finding.status.word()),
        Status::Warn | Status::Info | Status::Pass => (Outcome::Success, ""),
    };
    suite.count(outcome);
    let out = &mut suite.cases;
    out.push_str("        <testcase");
    attribute(out, "name", &finding.subject);
    attribute(out, "classname", &finding.rule);
    let noted = matches!(finding.status, Status::Warn | Status::Info);
    if outcome == Outcome::Success && !noted {
        out.push_str("/>\n");
        return;
    }
    out.push_str(">\n");
    let body = || {
        let at = finding.declared_at.as_ref().map(|at| format!("At: {}:{}", printable(&at.file), at.line));
        at.into_iter().chain(details(finding)).collect::<Vec<_>>().join("\n")
    };
    let body = if finding.status == Status::NotApplicable { String::new() } else { body() };
    if kind == "known" {
        words = format!("{}, in the baseline too: {words}", finding.status);
    }
    result(out, outcome, kind, &words, &body);
    if noted && kind != "known" {
        output(out, &format!("{}: {words}\n{body}\n", finding.status));
    }
    out.push_str("        </testcase>\n");
}

/// The element that says what came of a case; none where it succeeds.
fn result(out: &mut String, outcome: Outcome, kind: &str, message: &str, body: &str) {
    if outcome == Outcome::Success {
        return;
    }
    let element = outcome.element();
    let _ = write!(out, "            <{element}");
    attribute(out, "message", message);
    attribute(out, "type", kind);
    out.push('>');
    escape_markup(out, body);
    let _ = writeln!(out, "</{element}>");
}

fn output(out: &mut String, text: &str) {
    out.push_str("            <system-out>");
    escape_markup(out, text);
    out.push_str("</system-out>\n");
}

fn attribute(out: &mut String, name: &str, value: &str) {
    let _ = write!(out, " {name}=\"");
    escape_markup(out, &printable(value));
    out.push('"');
}

/// The verdict as a case: it fails exactly where the program does not end with 0.
fn verdict(report: &Report) -> Suite {
    let words = format!("{}: {}", report.verdict.word(), printable(&report.reason));
    let outcome = match report.verdict {
        Verdict::Clean | Verdict::NothingNew => Outcome::Success,
        Verdict::Findings => Outcome::Failure,
        _ => Outcome::Error,
    };
    let mut suite = Suite::default();
    suite.count(outcome);
    let out = &mut suite.cases;
    out.push_str("        <properties>\n");
    for (name, value) in [
        ("tool", report.tool.as_str()),
        ("profile", &report.cluster.profile),
        ("exit-code", &report.exit_code.to_string()),
        ("gathered", report.gathered.as_deref().unwrap_or_default()),
        ("baseline", &report.baseline.as_ref().map(Compared::name).unwrap_or_default()),
    ] {
        out.push_str("            <property");
        attribute(out, "name", name);
        attribute(out, "value", value);
        out.push_str("/>\n");
    }
    out.push_str("        </properties>\n        <testcase");
    attribute(out, "name", VERDICT);
    attribute(out, "classname", VERDICT);
    out.push_str(">\n");
    result(out, outcome, report.verdict.word(), &words, "");
    let mut said = format!("{words}\n");
    if let Some(compared) = &report.baseline {
        let _ = writeln!(said, "{}", compared.summary());
        for one in &compared.gone {
            let text = format!("{}: {} {} ({})", one.now.meaning(), one.subject, one.message, one.rule);
            let _ = writeln!(said, "{}", printable(&text));
        }
    }
    output(out, &said);
    out.push_str("        </testcase>\n");
    suite
}
