//! What two runs tell differently: facts, verdicts, and which facts made which verdict another one.
//!
//! A verdict is that of one rule on one subject. A changed fact is named as its cause where the evidence of the finding names
//! that fact, else where the rule reads it; nothing else is ever named as a cause.

mod table;

pub use table::to_diff_table;

use super::group::{owner_of, type_path};
use super::model::{Judged, Report, Summary, Verdict};
use super::words::fingerprint;
use crate::facts::{Document, FactChange};
use crate::rule::{Finding, Standing, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What messages call the program that judged.
const PROGRAM: &str = "program";

/// Version of the comparisons that this program writes.
pub const DIFF_SCHEMA: &str = "quorate-diff/1";

/// Most facts that are named as the cause of one change.
const MOST_CAUSES: usize = 16;

/// What two runs tell differently.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// Version of this comparison: `quorate-diff/1`.
    pub schema: String,
    /// The first run.
    pub before: Side,
    /// The second run.
    pub after: Side,
    /// Whether anything differs but what is derived and what is measured anew in every run.
    pub differs: bool,
    /// In what the judging differs: profile, parameters, program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judging: Vec<JudgingChange>,
    /// The verdicts that changed.
    pub verdicts: Vec<VerdictChange>,
    /// How many findings are the same with other words.
    pub reworded: usize,
    /// The facts that changed; absent where one of the two is a report, which does not hold them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<Vec<FactChange>>,
}

/// One of two runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Side {
    /// The file it was read from.
    pub file: String,
    /// Whether that is a recording, judged now, or a report, judged then.
    pub kind: SideKind,
    /// The cluster, and by what it was judged.
    pub cluster: Judged,
    /// When its facts were gathered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<String>,
    /// What it comes to.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// How many subjects the findings of each status speak of.
    pub summary: Summary,
}

/// What a run was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SideKind {
    /// A recording of facts, or what is read into facts.
    Recording,
    /// A report.
    Report,
}

/// Something in which the judging of two runs differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JudgingChange {
    /// What: `profile`, `program`, `parameter max_nodes`, `settings of the plan`.
    pub what: String,
    /// In the first run.
    pub before: String,
    /// In the second run.
    pub after: String,
}

/// What a rule says of a subject in one of two runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// See [`Status::Fail`].
    Fail,
    /// See [`Status::Unknown`].
    Unknown,
    /// See [`Status::Warn`].
    Warn,
    /// See [`Status::Info`].
    Info,
    /// See [`Status::Waived`].
    Waived,
    /// See [`Status::Pass`].
    Pass,
    /// See [`Status::NotApplicable`].
    NotApplicable,
    /// The rule finds nothing; a report does not tell whether it holds of the subject or there is no such subject.
    NothingFound,
    /// There is no such subject.
    SubjectGone,
    /// The rule was not checked.
    NotChecked,
}

impl Told {
    /// The word for it in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Told::Fail => "fail",
            Told::Unknown => "unknown",
            Told::Warn => "warn",
            Told::Info => "info",
            Told::Waived => "waived",
            Told::Pass => "pass",
            Told::NotApplicable => "not applicable",
            Told::NothingFound => "nothing found",
            Told::SubjectGone => "not there",
            Told::NotChecked => "not checked",
        }
    }
}

impl From<Status> for Told {
    fn from(status: Status) -> Self {
        match status {
            Status::Fail => Told::Fail,
            Status::Unknown => Told::Unknown,
            Status::Warn => Told::Warn,
            Status::Info => Told::Info,
            Status::Waived => Told::Waived,
            Status::Pass => Told::Pass,
            Status::NotApplicable => Told::NotApplicable,
        }
    }
}

/// A verdict that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictChange {
    /// Id of the rule.
    pub rule: String,
    /// Title of the rule.
    pub title: String,
    /// What it is said of.
    pub subject: String,
    /// Path of the subject in the facts.
    pub path: String,
    /// What was said in the first run.
    pub before: Told,
    /// What was said in the second run.
    pub after: Told,
    /// In what words, where something was found in the first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_before: Option<String>,
    /// In what words, where something was found in the second run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_after: Option<String>,
    /// Paths of the changed facts that made it so, as far as facts can be compared.
    pub because: Vec<String>,
    /// How many more such facts there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_causes: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

/// One of two runs that are compared.
pub struct Run<'a> {
    /// The file it was read from.
    pub file: String,
    /// Its report.
    pub report: &'a Report,
    /// Its facts with all that is derived; none for a report.
    pub document: Option<&'a Document>,
    /// What rules say of elements, where there are facts: as
    /// [`ResolvedRules::standing`](crate::rule::ResolvedRules::standing) tells it.
    pub standing: Option<&'a dyn Fn(&[(&str, &str)]) -> Vec<Standing>>,
}

impl Diff {
    /// What differs from one run to another. `reads` tells the facts, as paths of types, that a rule rests on.
    pub fn of(before: &Run<'_>, after: &Run<'_>, reads: &dyn Fn(&str) -> Vec<String>) -> Self {
        let facts = before.document.zip(after.document).map(|(a, b)| a.changes_to(b));
        let mut reworded = 0;
        let causes = Causes::new(facts.as_deref().unwrap_or_default(), reads);
        let verdicts = verdicts(before, after, &causes, &mut reworded);
        let judging = judging(before, after);
        // Another version of the program that comes to the same is no difference of the cluster.
        let differs = !verdicts.is_empty()
            || judging.iter().any(|change| change.what != PROGRAM)
            || facts.iter().flatten().any(FactChange::counts);
        Diff {
            schema: DIFF_SCHEMA.to_owned(),
            before: before.side(),
            after: after.side(),
            differs,
            judging,
            verdicts,
            reworded,
            facts,
        }
    }
}

impl Run<'_> {
    fn side(&self) -> Side {
        Side {
            file: self.file.clone(),
            kind: if self.document.is_some() { SideKind::Recording } else { SideKind::Report },
            cluster: self.report.cluster.clone(),
            gathered: self.report.gathered.clone(),
            verdict: self.report.verdict,
            reason: self.report.reason.clone(),
            summary: self.report.summary,
        }
    }

    /// The findings that say that something is not in order, by what tells them apart.
    fn found(&self) -> HashMap<String, &Finding> {
        let mut out: HashMap<String, &Finding> = HashMap::new();
        let quiet = |status| matches!(status, Status::Pass | Status::NotApplicable);
        for finding in self.report.findings.iter().filter(|finding| !quiet(finding.status)) {
            let known = out.entry(fingerprint(finding)).or_insert(finding);
            if finding.status < known.status {
                *known = finding;
            }
        }
        out
    }

    /// What is said of subjects of which nothing was found.
    fn told(&self, asked: &[&Finding]) -> Vec<Told> {
        let by_report = |finding: &Finding| {
            let mut judged = self.report.findings.iter().filter(|one| one.rule == finding.rule).peekable();
            if judged.peek().is_none() {
                return Told::NotChecked;
            }
            let same = judged.find(|one| {
                // What holds for one subject only names it; what does not apply is said of the whole.
                one.status == Status::NotApplicable || one.subjects == 1 && one.path == finding.path
            });
            same.map_or(Told::NothingFound, |one| Told::from(one.status))
        };
        let Some(standing) = self.standing else { return asked.iter().map(|one| by_report(one)).collect() };
        let paths: Vec<(&str, &str)> =
            asked.iter().map(|one| (one.rule.as_str(), one.path.as_str())).collect();
        standing(&paths)
            .into_iter()
            .zip(asked)
            .map(|(standing, finding)| match standing {
                Standing::Holds => Told::Pass,
                Standing::NotApplicable => Told::NotApplicable,
                Standing::Gone if finding.subjects == 1 => Told::SubjectGone,
                // It is one of many that are only counted, or of a rule that is part of the program.
                _ => by_report(finding),
            })
            .collect()
    }
}

fn verdicts(
    before: &Run<'_>,
    after: &Run<'_>,
    causes: &Causes<'_>,
    reworded: &mut usize,
) -> Vec<VerdictChange> {
    let (ours, theirs) = (before.found(), after.found());
    let in_order = |run: &Run<'_>, found: &HashMap<String, &Finding>| -> Vec<String> {
        let mut seen = HashSet::new();
        let prints = run.report.findings.iter().map(fingerprint);
        prints.filter(|print| found.contains_key(print) && seen.insert(print.clone())).collect()
    };
    let (mut pairs, mut appeared, mut vanished) = (Vec::new(), Vec::new(), Vec::new());
    for print in in_order(after, &theirs) {
        match ours.get(&print) {
            Some(was) => pairs.push((*was, theirs[&print])),
            None => appeared.push(theirs[&print]),
        }
    }
    vanished.extend(
        in_order(before, &ours)
            .into_iter()
            .filter(|print| !theirs.contains_key(print))
            .map(|print| ours[&print]),
    );
    let mut out = Vec::new();
    for (was, is) in pairs {
        if was.status == is.status {
            *reworded += usize::from(was.message != is.message);
        } else {
            out.push(causes.change(Some(was), Some(is), was.status.into(), is.status.into()));
        }
    }
    for (is, was) in appeared.iter().zip(before.told(&appeared)) {
        out.push(causes.change(None, Some(is), was, is.status.into()));
    }
    for (was, is) in vanished.iter().zip(after.told(&vanished)) {
        out.push(causes.change(Some(was), None, was.status.into(), is));
    }
    out.sort_by_key(|change| (change.after.min(Told::Pass), change.before.min(Told::Pass)));
    out
}

/// The changed facts, and how they are found for a rule.
struct Causes<'a> {
    facts: Vec<&'a FactChange>,
    reads: &'a dyn Fn(&str) -> Vec<String>,
}

impl<'a> Causes<'a> {
    /// What is derived changes because of something else.
    fn new(facts: &'a [FactChange], reads: &'a dyn Fn(&str) -> Vec<String>) -> Self {
        Causes { facts: facts.iter().filter(|change| !change.derived).collect(), reads }
    }

    fn change(
        &self,
        was: Option<&Finding>,
        is: Option<&Finding>,
        before: Told,
        after: Told,
    ) -> VerdictChange {
        let finding = is.or(was).expect("one of both is there");
        let mut because = self.of(finding, &[was, is]);
        let more_causes = because.len().saturating_sub(MOST_CAUSES);
        because.truncate(MOST_CAUSES);
        VerdictChange {
            rule: finding.rule.clone(),
            title: finding.title.to_string(),
            subject: finding.subject.clone(),
            path: finding.path.clone(),
            before,
            after,
            message_before: was.map(|finding| finding.message.clone()),
            message_after: is.map(|finding| finding.message.clone()),
            because,
            more_causes,
        }
    }

    fn of(&self, finding: &Finding, sides: &[Option<&Finding>]) -> Vec<String> {
        if self.facts.is_empty() {
            return Vec::new();
        }
        let evidence: Vec<&str> = sides
            .iter()
            .flatten()
            .flat_map(|finding| &finding.evidence)
            .map(|evidence| evidence.path.as_str())
            .filter(|path| !path.is_empty())
            .collect();
        let paths = |changes: Vec<&&FactChange>| changes.iter().map(|change| change.path.clone()).collect();
        let named: Vec<_> =
            self.facts.iter().filter(|change| evidence.iter().any(|path| meet(&change.path, path))).collect();
        if !named.is_empty() {
            return paths(named);
        }
        let reads = (self.reads)(&finding.rule);
        let read: Vec<_> = self
            .facts
            .iter()
            .filter(|change| {
                let ty = type_path(&change.path);
                reads.iter().any(|path| meet(&ty, path))
            })
            .collect();
        // What changed at the subject itself is nearer than what changed elsewhere.
        let Some(owner) = owner_of(&finding.path) else { return paths(read) };
        let near: Vec<_> =
            read.iter().copied().filter(|change| owner_of(&change.path) == Some(owner)).collect();
        paths(if near.is_empty() { read } else { near })
    }
}

/// Whether one path is the other or lies above it.
fn meet(a: &str, b: &str) -> bool {
    let above = |a: &str, b: &str| {
        b.strip_prefix(a).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    above(a, b) || above(b, a)
}

fn judging(before: &Run<'_>, after: &Run<'_>) -> Vec<JudgingChange> {
    let mut out = Vec::new();
    let mut say = |what: &str, before: &str, after: &str| {
        if before != after {
            let (before, after) = (before.to_owned(), after.to_owned());
            out.push(JudgingChange { what: what.to_owned(), before, after });
        }
    };
    say("profile", &before.report.cluster.profile, &after.report.cluster.profile);
    say(PROGRAM, &before.report.tool, &after.report.tool);
    let set = |run: &Run<'_>| -> HashMap<String, String> {
        run.report.overrides.iter().map(|one| (one.param.clone(), one.value.clone())).collect()
    };
    let (ours, theirs) = (set(before), set(after));
    let mut params: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
    params.sort();
    params.dedup();
    for param in params {
        let value = |set: &HashMap<String, String>| {
            set.get(param).cloned().unwrap_or_else(|| "as the profile has it".to_owned())
        };
        say(&format!("parameter {param}"), &value(&ours), &value(&theirs));
    }
    if let (Some(a), Some(b)) = (before.document, after.document) {
        let words = |document: &Document| document.run.settings.clone().unwrap_or_default();
        if words(a) != words(b) {
            say("settings of the plan", "those of the first recording", "others");
        }
    }
    out
}

/// The JSON schema of a comparison.
pub fn diff_json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Diff).to_value();
    schema["properties"]["schema"]["const"] = DIFF_SCHEMA.into();
    schema
}
