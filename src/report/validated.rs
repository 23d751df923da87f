//! Microsoft's validation beside what the rules say, test by test.
//!
//! What the rules say of a test is the worst that the rules which decide it say. A rule that cannot be judged never turns
//! into agreement by itself: a test of which something is not known is told as such.

use super::layout::{Look, NARROW, PLAIN, RULED, finish, lay, table};
use super::text::{count, printable};
use crate::facts::{Document, ValidationResult, ValidationTest};
use crate::rule::{Finding, Judgement, Status};
use crate::validation::{known_tests, test_of_id};
use comfy_table::{Attribute, Cell, Color, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A validation by Microsoft's wizard or `Test-Cluster`, compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Validated {
    /// Language of the report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When it began, as the report writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// How many tests both decide alike.
    pub agree: usize,
    /// How many they decide differently.
    pub differ: usize,
    /// How many one of them does not decide.
    pub undecided: usize,
    /// Ids of the known tests that were not found in the report: not run, or under a name that is not known.
    pub not_in_report: Vec<String>,
    /// The tests, in the order of the report.
    pub tests: Vec<ComparedTest>,
}

/// A test, with both verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedTest {
    /// Its id: `validate-ip-configuration`.
    pub id: String,
    /// Its name, as the report writes it.
    pub title: String,
    /// Its category, as the report writes it.
    pub category: String,
    /// What Microsoft says: `success`, `warning`, `failed`, `canceled`, `not-applicable`, `not-run`; absent where the report
    /// does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microsoft: Option<String>,
    /// What the rules say.
    pub ours: Ours,
    /// Whether both say the same.
    pub agreement: Agreement,
    /// Why they differ, or why one of them does not decide it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Microsoft's warnings and errors, as the report writes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// The rules that decide it, with the worst that each says; those that were not selected say nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<DecidingRule>,
}

/// A rule that decides a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecidingRule {
    /// Its id.
    pub rule: String,
    /// The worst that it says; absent where it was not selected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

/// What the rules say of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ours {
    /// All of them hold.
    Success,
    /// All that could be judged hold; others could not be judged.
    Partly,
    /// One of them warns.
    Warning,
    /// One of them fails.
    Failed,
    /// None could be judged.
    Unknown,
    /// None has anything to say of this cluster.
    NotApplicable,
    /// There is no rule for it.
    Undecided,
}

impl Ours {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Ours::Success => "success",
            Ours::Partly => "partly",
            Ours::Warning => "warning",
            Ours::Failed => "failed",
            Ours::Unknown => "unknown",
            Ours::NotApplicable => "not-applicable",
            Ours::Undecided => "-",
        }
    }
}

/// Whether two verdicts are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// Both are content, or both object.
    Agree,
    /// One is content and the other objects.
    Differ,
    /// One of them does not decide it.
    Undecided,
}

impl Agreement {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Agreement::Agree => "agree",
            Agreement::Differ => "differ",
            Agreement::Undecided => "undecided",
        }
    }
}

impl Validated {
    /// Compares what the facts hold of a validation with a judgement; none where they hold nothing of it.
    pub fn of(document: &Document, judgement: &Judgement) -> Option<Self> {
        let validation = &document.cluster.validation;
        let tests: Vec<ComparedTest> =
            validation.tests.as_ref()?.iter().map(|test| compare(test, judgement)).collect();
        let number = |wanted| tests.iter().filter(|test| test.agreement == wanted).count();
        let known = known_tests().iter().map(|test| test.id.as_str());
        Some(Validated {
            language: validation.language.clone(),
            started: validation.started.clone(),
            agree: number(Agreement::Agree),
            differ: number(Agreement::Differ),
            undecided: number(Agreement::Undecided),
            not_in_report: known
                .filter(|id| !tests.iter().any(|test| test.id == *id))
                .map(str::to_owned)
                .collect(),
            tests,
        })
    }

    /// The comparison as text, without a line end: all tests, or only those on which somebody objects.
    pub fn to_table(&self, look: Look, all: bool) -> String {
        let told = |test: &&ComparedTest| all || test.agreement == Agreement::Differ || test.objected();
        let mut rows: Vec<Row> = Vec::new();
        let mut category = None;
        for test in self.tests.iter().filter(told) {
            if category != Some(&test.category) && !test.category.is_empty() {
                if category.is_some() {
                    rows.push(Row::from(vec![Cell::new("")]));
                }
                rows.push(Row::from(vec![
                    Cell::new(printable(&test.category)).add_attribute(Attribute::Bold),
                ]));
                category = Some(&test.category);
            }
            rows.push(test.row(look));
        }
        let mut parts = vec![self.head(look)];
        if !rows.is_empty() {
            let mut shown = table(look, RULED);
            if look.width >= NARROW {
                shown.set_header(["Test", "Microsoft", "quorate", "", "Why"].map(Cell::new));
            }
            shown.add_rows(rows);
            lay(&mut shown, look);
            parts.push(finish(&shown));
        }
        if all && !self.not_in_report.is_empty() {
            let text = format!(
                "Not found in the report: {} of the {} known tests",
                self.not_in_report.len(),
                known_tests().len()
            );
            let names =
                if look.verbose > 0 { format!(": {}", self.not_in_report.join(", ")) } else { String::new() };
            parts.push(line(&(text + &names), look));
        }
        parts.join("\n")
    }

    fn head(&self, look: Look) -> String {
        let tests = count(self.tests.len(), "tests");
        let text = format!(
            "Microsoft's validation, {tests}: {} agree, {} differ, {} undecided by one side",
            self.agree, self.differ, self.undecided
        );
        line(&text, look)
    }
}

fn line(text: &str, look: Look) -> String {
    let mut lines = table(look, PLAIN);
    lines.add_row([Cell::new(printable(text))]);
    lay(&mut lines, look);
    finish(&lines)
}

impl ComparedTest {
    /// Whether Microsoft, or a rule, objects to something.
    fn objected(&self) -> bool {
        matches!(self.microsoft.as_deref(), Some("warning" | "failed" | "canceled"))
            || matches!(self.ours, Ours::Warning | Ours::Failed)
    }

    fn row(&self, look: Look) -> Row {
        let microsoft = self.microsoft.as_deref().unwrap_or("not told");
        let colour = match self.agreement {
            Agreement::Differ => Some(Color::Red),
            Agreement::Agree if self.objected() => Some(Color::Yellow),
            _ => None,
        };
        let paint = |cell: Cell| match colour {
            Some(colour) => cell.fg(colour).add_attribute(Attribute::Bold),
            None => cell,
        };
        let title = printable(&self.title).into_owned();
        let why = printable(&self.why).into_owned();
        if look.width >= NARROW {
            Row::from(vec![
                Cell::new(title),
                Cell::new(microsoft),
                Cell::new(self.ours.word()),
                paint(Cell::new(self.agreement.word())),
                Cell::new(why),
            ])
        } else {
            let text = format!(
                "{title}\nMicrosoft {microsoft}, quorate {}: {}",
                self.ours.word(),
                self.agreement.word()
            );
            let why = if why.is_empty() { why } else { format!("\n{why}") };
            Row::from(vec![Cell::new(text + &why)])
        }
    }
}

/// One test: what its rules say, held against what Microsoft says.
fn compare(test: &ValidationTest, judgement: &Judgement) -> ComparedTest {
    let known = test_of_id(&test.id);
    let rules: Vec<DecidingRule> = known
        .iter()
        .flat_map(|known| &known.rules)
        .map(|rule| DecidingRule { rule: rule.clone(), status: worst(judgement, rule) })
        .collect();
    let ours = ours(&rules);
    let objections = || findings_of(judgement, &rules, &[Status::Fail, Status::Warn]);
    let gaps = || findings_of(judgement, &rules, &[Status::Unknown]);
    let messages: Vec<String> = test.messages.clone().unwrap_or_default();
    let said = || match messages.first() {
        Some(first) => format!("Microsoft says: {first}"),
        None => "Microsoft gives no reason".to_owned(),
    };
    let undecided = || match known {
        None => "a test whose name is of a language that is not known, or that is new".to_owned(),
        Some(known) => match &known.undecided {
            Some(reason) => reason.clone(),
            None if rules.iter().all(|rule| rule.status.is_none()) => {
                format!("profile {} selects none of its rules", judgement.profile)
            }
            None => String::new(),
        },
    };
    use ValidationResult as Result;
    let (agreement, why) = match (test.result, ours) {
        (_, Ours::Undecided) => (Agreement::Undecided, undecided()),
        (None, _) => (Agreement::Undecided, "the report does not tell Microsoft's result".to_owned()),
        (Some(Result::Canceled | Result::NotRun), _) => {
            (Agreement::Undecided, format!("Microsoft's test did not come to its end; {}", said()))
        }
        (Some(Result::Success), Ours::Success) => (Agreement::Agree, String::new()),
        (Some(Result::Success), Ours::Partly) => {
            (Agreement::Agree, format!("as far as it is known: {}", told(&gaps())))
        }
        (Some(Result::NotApplicable), Ours::NotApplicable) => (Agreement::Agree, String::new()),
        (Some(Result::Warning | Result::Failed), Ours::Warning | Ours::Failed) => {
            (Agreement::Agree, format!("{}; here: {}", said(), told(&objections())))
        }
        (Some(Result::Success | Result::NotApplicable), Ours::Warning | Ours::Failed) => {
            (Agreement::Differ, told(&objections()))
        }
        (Some(Result::Warning | Result::Failed), Ours::Success) => {
            (Agreement::Differ, format!("{}; the facts meet the rules", said()))
        }
        (Some(Result::Warning | Result::Failed), Ours::Partly | Ours::Unknown) => {
            (Agreement::Undecided, format!("{}; here not known: {}", said(), told(&gaps())))
        }
        (Some(Result::Warning | Result::Failed), Ours::NotApplicable) => {
            (Agreement::Undecided, format!("{}; the rules have nothing to look at", said()))
        }
        (Some(Result::Success), Ours::NotApplicable) => {
            (Agreement::Undecided, "the rules have nothing to look at".to_owned())
        }
        (Some(Result::Success | Result::NotApplicable), Ours::Unknown) => {
            (Agreement::Undecided, format!("not known: {}", told(&gaps())))
        }
        (Some(Result::NotApplicable), Ours::Success | Ours::Partly) => {
            (Agreement::Undecided, format!("{}; facts decide it all the same", said()))
        }
    };
    ComparedTest {
        id: test.id.clone(),
        title: test.title.clone().unwrap_or_else(|| test.id.clone()),
        category: test.category.clone().unwrap_or_default(),
        microsoft: test.result.map(|result| result.word().to_owned()),
        ours,
        agreement,
        why,
        messages,
        rules,
    }
}

/// The status of a finding as the facts have it: a waiver accepts it, but does not mend it.
fn status(finding: &Finding) -> Status {
    finding.waiver.as_ref().map_or(finding.status, |waiver| waiver.instead_of)
}

/// The worst that a rule says; none where it was not selected. What is not known weighs less than what is.
fn worst(judgement: &Judgement, rule: &str) -> Option<Status> {
    if !judgement.selected.iter().any(|selected| selected == rule) {
        return None;
    }
    let weight = |status: &Status| match status {
        Status::Fail => 0,
        Status::Warn => 1,
        Status::Unknown => 2,
        Status::Info => 3,
        Status::Pass | Status::Waived => 4,
        Status::NotApplicable => 5,
    };
    judgement.findings.iter().filter(|finding| finding.rule == rule).map(status).min_by_key(weight)
}

fn ours(rules: &[DecidingRule]) -> Ours {
    let any = |wanted: &[Status]| {
        rules.iter().filter_map(|rule| rule.status).any(|status| wanted.contains(&status))
    };
    if any(&[Status::Fail]) {
        Ours::Failed
    } else if any(&[Status::Warn]) {
        Ours::Warning
    } else if any(&[Status::Unknown]) {
        if any(&[Status::Pass, Status::Info]) { Ours::Partly } else { Ours::Unknown }
    } else if any(&[Status::Pass, Status::Info]) {
        Ours::Success
    } else if any(&[Status::NotApplicable]) {
        Ours::NotApplicable
    } else {
        Ours::Undecided
    }
}

fn findings_of<'j>(judgement: &'j Judgement, rules: &[DecidingRule], wanted: &[Status]) -> Vec<&'j Finding> {
    let of_rules = |finding: &&Finding| rules.iter().any(|rule| rule.rule == finding.rule);
    let mut found: Vec<&Finding> = judgement
        .findings
        .iter()
        .filter(of_rules)
        .filter(|finding| wanted.contains(&status(finding)))
        .collect();
    found.sort_by_key(|finding| status(finding));
    found
}

/// The first of several findings in words, and how many more there are; for what is not known the rules and the first
/// reason.
fn told(findings: &[&Finding]) -> String {
    let Some(first) = findings.first() else { return String::new() };
    if status(first) == Status::Unknown {
        let mut rules: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
        rules.dedup();
        let missing = first.evidence.iter().find_map(|evidence| evidence.missing.as_deref());
        let reason = missing.unwrap_or(&first.message);
        return format!("{}: {reason}", rules.join(", "));
    }
    let more = match findings.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{} ({}){more}", first.message, first.rule)
}
