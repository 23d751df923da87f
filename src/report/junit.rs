//! The report as JUnit XML, in the form that Jenkins, GitLab and Azure read: one suite for each rule, one case for each
//! subject, and a case of its own for the verdict, so that a run which could not check everything is not green.

use super::baseline::Compared;
use super::model::{Report, Verdict};
use super::text::printable;
use super::words::{details, headline};
use crate::rule::{Finding, Status};
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite, XmlString};
use std::collections::HashMap;

/// Name of the suite that holds the verdict.
const VERDICT: &str = "verdict";

/// The report as JUnit XML, with a line end.
///
/// A failure is a `failure`, also a warning where warnings make the check fail; what is not known is an `error`; what is waived
/// or does not apply is `skipped`; other warnings and notes are cases that succeed with their words as output.
pub fn to_junit(report: &Report) -> String {
    let name = report.cluster.name.as_deref().unwrap_or("cluster");
    let mut document = Document::new(printable(&format!("quorate: {name}")).as_ref());
    let mut suites: Vec<TestSuite> = Vec::new();
    let mut suite_of: HashMap<&str, usize> = HashMap::new();
    for finding in &report.findings {
        let at = *suite_of.entry(&finding.rule).or_insert_with(|| {
            suites.push(TestSuite::new(printable(&finding.rule).as_ref()));
            suites.len() - 1
        });
        suites[at].add_test_case(case(finding, report));
    }
    document.add_test_suite(verdict(report));
    document.add_test_suites(suites);
    let mut text = document.to_string().unwrap_or_else(|error| {
        // The writer fails only on input that XML cannot hold, which is cut above; what is left of it must not look green.
        format!(
            "<testsuites errors=\"1\"><!-- the report cannot be written: {} --></testsuites>",
            XmlString::new(error.to_string()).as_str()
        )
    });
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

fn case(finding: &Finding, report: &Report) -> TestCase {
    let words = headline(finding);
    let body = details(finding).join("\n");
    let known = finding.baseline.as_ref().is_some_and(|one| one.since.is_known());
    let mut out = match finding.status {
        Status::Fail | Status::Unknown | Status::Warn if known => {
            let mut status = TestCaseStatus::skipped();
            let message = format!("{}, in the baseline too: {words}", finding.status);
            status.set_type("known").set_message(message);
            status.set_description(body.as_str());
            status
        }
        Status::Fail => failed(NonSuccessKind::Failure, "fail", &words, &body),
        Status::Unknown => failed(NonSuccessKind::Error, "unknown", &words, &body),
        Status::Warn if report.fail_on == super::FailOn::Warn => {
            failed(NonSuccessKind::Failure, "warn", &words, &body)
        }
        Status::Waived | Status::NotApplicable => {
            let mut status = TestCaseStatus::skipped();
            status.set_type(finding.status.word()).set_message(words.as_str());
            status
        }
        Status::Warn | Status::Info | Status::Pass => TestCaseStatus::success(),
    };
    if finding.status == Status::Waived {
        out.set_description(body.as_str());
    }
    let mut out = TestCase::new(printable(&finding.subject).as_ref(), out);
    out.set_classname(printable(&finding.rule).as_ref());
    if matches!(finding.status, Status::Warn | Status::Info) {
        out.set_system_out(format!("{}: {words}\n{body}\n", finding.status));
    }
    if let Some(at) = &finding.declared_at {
        let file = printable(&at.file).into_owned();
        out.extra.insert(XmlString::new("file"), XmlString::new(file));
        out.extra.insert(XmlString::new("line"), XmlString::new(at.line.to_string()));
    }
    out
}

fn failed(kind: NonSuccessKind, word: &str, message: &str, body: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word).set_message(message).set_description(body);
    status
}

/// The verdict as a case: it fails exactly where the program does not end with 0.
fn verdict(report: &Report) -> TestSuite {
    let words = format!("{}: {}", report.verdict.word(), printable(&report.reason));
    let status = match report.verdict {
        Verdict::Clean | Verdict::NothingNew => TestCaseStatus::success(),
        Verdict::Findings => failed(NonSuccessKind::Failure, report.verdict.word(), &words, ""),
        _ => failed(NonSuccessKind::Error, report.verdict.word(), &words, ""),
    };
    let mut suite = TestSuite::new(VERDICT);
    for (name, value) in [
        ("tool", report.tool.clone()),
        ("profile", report.cluster.profile.clone()),
        ("exit-code", report.exit_code.to_string()),
        ("gathered", report.gathered.clone().unwrap_or_default()),
        ("baseline", report.baseline.as_ref().map(Compared::name).unwrap_or_default()),
    ] {
        suite.add_property((name, printable(&value).as_ref()));
    }
    let mut case = TestCase::new(VERDICT, status);
    let mut said = format!("{words}\n");
    if let Some(compared) = &report.baseline {
        said.push_str(&format!("{}\n", compared.summary()));
        for one in &compared.gone {
            let text = format!("{}: {} {} ({})", one.now.meaning(), one.subject, one.message, one.rule);
            said.push_str(&format!("{}\n", printable(&text)));
        }
    }
    case.set_classname(VERDICT).set_system_out(said);
    suite.add_test_case(case);
    suite
}
