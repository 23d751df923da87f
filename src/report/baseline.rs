//! A report against a former one of the same cluster: what is new, what is still there, what is no longer found.
//!
//! A finding is the same as a former one when rule and subject are, whatever its words. What got worse is new; what was
//! found and can no longer be told is not fixed; and what the former report does not tell whole is never taken for nothing.

use super::model::{FailOn, Report, Summary, Verdict};
use super::text::count;
use super::words::{fingerprint, is_open};
use crate::rule::{BUILT_IN, Finding, Since, SinceBaseline, Standing, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// A former report of a cluster, whole and sound.
#[derive(Clone, Debug)]
pub struct Baseline {
    file: String,
    report: Report,
}

/// Why a report cannot be held against another one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// Its run was interrupted, or did not come to its end.
    #[error("{0} is no baseline: the run that it reports did not come to its end")]
    Partial(String),
    /// No rule had anything to judge.
    #[error("{0} is no baseline: nothing was checked in the run that it reports")]
    NothingChecked(String),
    /// It has no findings, although not everything could be told.
    #[error("{0} is no baseline: it holds no finding, and yet not everything could be told in its run")]
    Hollow(String),
    /// Its summary speaks of other findings than it holds.
    #[error(
        "{0} is no baseline: its summary counts other findings than it holds, so that some were cut or changed"
    )]
    Changed(String),
    /// It is about another cluster.
    #[error("{file} is a report of {then}, and this check is one of {now}")]
    OtherCluster {
        /// The baseline.
        file: String,
        /// Its cluster.
        then: String,
        /// The cluster that is checked.
        now: String,
    },
    /// It was judged by another profile.
    #[error("{file} was judged by profile `{then}`, and this check is judged by `{now}`")]
    OtherProfile {
        /// The baseline.
        file: String,
        /// Its profile.
        then: String,
        /// The profile of this check.
        now: String,
    },
}

impl BaselineError {
    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            BaselineError::OtherProfile { .. } => {
                "rules and limits differ from profile to profile: judge by the same one (--profile), or write a new baseline \
                 with `quorate check --format json -o FILE`"
            }
            BaselineError::OtherCluster { .. } => {
                "name the baseline of this cluster, or write one with `quorate check --format json -o FILE`; \
                 `quorate diff` compares different clusters"
            }
            _ => "write a new one with `quorate check --format json -o FILE`, and let it end",
        }
    }
}

/// What a report is held against, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Compared {
    /// The file of the former report.
    pub file: String,
    /// Program and version that judged then.
    pub tool: String,
    /// When its facts were gathered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gathered: Option<String>,
    /// How many findings are new, or worse than they were.
    pub new: usize,
    /// How many findings are still there, with the same or with other words.
    pub known: usize,
    /// How many findings were there, and can no longer be told.
    pub untold: usize,
    /// The findings of the former report that this one does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<GoneFinding>,
}

/// A former finding that there is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoneFinding {
    /// Id of the rule.
    pub rule: String,
    /// Title of the rule.
    pub title: String,
    /// What it was said of.
    pub subject: String,
    /// Path of the subject in the facts.
    pub path: String,
    /// What was said.
    pub was: Status,
    /// What was the matter.
    pub message: String,
    /// Why there is no such finding now.
    pub now: Gone,
}

/// Why a former finding is there no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gone {
    /// The rule holds now.
    Fixed,
    /// The rule has nothing to say of the subject now.
    NotApplicable,
    /// The subject is there no more.
    SubjectGone,
    /// The rule was not among those that were checked.
    NotChecked,
}

impl Gone {
    /// All of them.
    pub const ALL: [Gone; 4] = [Gone::Fixed, Gone::NotApplicable, Gone::SubjectGone, Gone::NotChecked];

    /// The word for it in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Gone::Fixed => "fixed",
            Gone::NotApplicable => "not-applicable",
            Gone::SubjectGone => "subject-gone",
            Gone::NotChecked => "not-checked",
        }
    }

    /// What it says, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Gone::Fixed => "fixed",
            Gone::NotApplicable => "does not apply any more",
            Gone::SubjectGone => "no longer there",
            Gone::NotChecked => "not checked this time",
        }
    }
}

impl Compared {
    /// How many former findings are gone in that way.
    pub fn gone(&self, way: Gone) -> usize {
        self.gone.iter().filter(|one| one.now == way).count()
    }

    /// What came of it in a line: `1 new, 3 still there, 2 fixed`.
    pub fn summary(&self) -> String {
        let mut words = vec![format!("{} new", self.new), format!("{} still there", self.known)];
        if self.untold > 0 {
            words.push(format!("{} can no longer be told", self.untold));
        }
        words.push(format!("{} fixed", self.gone(Gone::Fixed)));
        for way in [Gone::NotApplicable, Gone::SubjectGone, Gone::NotChecked] {
            let number = self.gone(way);
            if number > 0 {
                words.push(format!("{number} {}", way.meaning()));
            }
        }
        words.join(", ")
    }

    /// The former report in a few words: its file, and the time of its facts.
    pub fn name(&self) -> String {
        match &self.gathered {
            Some(gathered) => format!("{}, facts of {gathered}", self.file),
            None => self.file.clone(),
        }
    }
}

impl Baseline {
    /// Takes a report for a baseline; `file` is what messages call it.
    ///
    /// # Errors
    /// [`BaselineError`] where the report does not tell a run whole.
    pub fn new(report: Report, file: &str) -> Result<Self, BaselineError> {
        let file = file.to_owned();
        if report.verdict == Verdict::Interrupted || !report.coverage.run_complete {
            return Err(BaselineError::Partial(file));
        }
        if report.verdict == Verdict::NothingChecked {
            return Err(BaselineError::NothingChecked(file));
        }
        if report.summary != Summary::of(&report.findings) {
            return Err(BaselineError::Changed(file));
        }
        if !report.coverage.complete && !report.findings.iter().any(|finding| is_open(finding.status)) {
            return Err(BaselineError::Hollow(file));
        }
        Ok(Baseline { file, report })
    }

    /// Whether it is a report of the cluster of that name, judged by that profile.
    ///
    /// # Errors
    /// [`BaselineError`] names both.
    pub fn fits(&self, cluster: Option<&str>, profile: &str) -> Result<(), BaselineError> {
        let then = &self.report.cluster;
        if then.name.as_deref() != cluster {
            let named = |name: Option<&str>| {
                name.map_or("a cluster without a name".to_owned(), |name| format!("cluster `{name}`"))
            };
            return Err(BaselineError::OtherCluster {
                file: self.file.clone(),
                then: named(then.name.as_deref()),
                now: named(cluster),
            });
        }
        if then.profile != profile {
            return Err(BaselineError::OtherProfile {
                file: self.file.clone(),
                then: then.profile.clone(),
                now: profile.to_owned(),
            });
        }
        Ok(())
    }
}

impl Report {
    /// Holds the report against a former one: says of each finding whether it is new, lists those that are gone, and lets the
    /// verdict rest on what is new. `standing` tells what rules say of elements, as
    /// [`ResolvedRules::standing`](crate::rule::ResolvedRules::standing) does.
    ///
    /// # Errors
    /// [`BaselineError`] where the former report is of another cluster or profile.
    pub fn hold_against(
        &mut self,
        baseline: &Baseline,
        standing: impl FnOnce(&[(&str, &str)]) -> Vec<Standing>,
    ) -> Result<(), BaselineError> {
        baseline.fits(self.cluster.name.as_deref(), &self.cluster.profile)?;
        let former = &baseline.report;
        let mut compared = Compared {
            file: baseline.file.clone(),
            tool: former.tool.clone(),
            gathered: former.gathered.clone(),
            ..Compared::default()
        };
        let mut then: HashMap<String, Vec<&Finding>> = HashMap::new();
        for finding in former.findings.iter().filter(|finding| is_found(finding.status)) {
            then.entry(fingerprint(finding)).or_default().push(finding);
        }
        let mut seen: HashSet<String> = HashSet::new();
        for finding in self.findings.iter_mut().filter(|finding| is_found(finding.status)) {
            let print = fingerprint(finding);
            if is_open(finding.status) {
                let before = then.get(&print).map_or(&[][..], Vec::as_slice);
                let since = since(finding, before);
                match since.since {
                    Since::New | Since::Worse => compared.new += 1,
                    Since::Untold => compared.untold += 1,
                    Since::Reworded | Since::Known => compared.known += 1,
                }
                finding.baseline = Some(since);
            }
            seen.insert(print);
        }
        let lost: Vec<&Finding> = former
            .findings
            .iter()
            .filter(|finding| is_found(finding.status) && !seen.contains(&fingerprint(finding)))
            .collect();
        let asked: Vec<(&str, &str)> =
            lost.iter().map(|finding| (finding.rule.as_str(), finding.path.as_str())).collect();
        for (finding, standing) in lost.iter().zip(standing(&asked)) {
            match self.gone(finding, standing) {
                Some(now) => compared.gone.push(GoneFinding {
                    rule: finding.rule.clone(),
                    title: finding.title.to_string(),
                    subject: finding.subject.clone(),
                    path: finding.path.clone(),
                    was: finding.status,
                    message: finding.message.clone(),
                    now,
                }),
                // It is among those that are only counted now.
                None => compared.known += 1,
            }
        }
        compared.gone.sort_by_key(|gone| gone.now);
        self.baseline = Some(compared);
        self.judge_anew();
        Ok(())
    }

    /// Why a former finding is there no more; none where its rule still says the same of its subject, among many others.
    fn gone(&self, former: &Finding, standing: Standing) -> Option<Gone> {
        let judged = self.findings.iter().any(|finding| finding.rule == former.rule);
        if BUILT_IN.iter().any(|rule| rule.id == former.rule) {
            return Some(Gone::SubjectGone);
        }
        if former.subjects > 1 {
            return Some(if judged { Gone::Fixed } else { Gone::NotChecked });
        }
        Some(match standing {
            Standing::Holds => Gone::Fixed,
            Standing::NotApplicable => Gone::NotApplicable,
            Standing::Gone => Gone::SubjectGone,
            Standing::NotChecked => Gone::NotChecked,
            Standing::Violated | Standing::Unknown => return None,
        })
    }

    /// The verdict that rests on what is new. A node or target that gives no answer is never taken for known: nothing can be
    /// told of it.
    fn judge_anew(&mut self) {
        if matches!(
            self.verdict,
            Verdict::Interrupted | Verdict::LeftOnLun | Verdict::NothingChecked | Verdict::Clean
        ) {
            return;
        }
        let file = self.baseline.as_ref().map(|compared| compared.file.clone()).unwrap_or_default();
        let subjects = |status: Status, wanted: &dyn Fn(Since) -> bool| -> usize {
            let of = self.findings.iter().filter(|finding| finding.status == status);
            of.filter(|finding| finding.baseline.as_ref().is_some_and(|one| wanted(one.since)))
                .map(|finding| finding.subjects)
                .sum()
        };
        let fresh = |status| subjects(status, &|since| !since.is_known());
        let worded = |number: usize, plural: &str| (number > 0).then(|| count(number, plural));
        let new: Vec<String> = [
            worded(fresh(Status::Fail), "new failures"),
            worded(fresh(Status::Unknown), "new unknowns").filter(|_| self.fail_on == FailOn::Unknown),
            worded(fresh(Status::Warn), "new warnings").filter(|_| self.fail_on == FailOn::Warn),
        ]
        .into_iter()
        .flatten()
        .collect();
        if !new.is_empty() {
            self.verdict = Verdict::Findings;
            self.reason = format!("{} since {file}", new.join(", "));
        } else if let Some(open) = self.open_since(&subjects) {
            self.verdict = Verdict::Incomplete;
            self.reason = format!("no new failure found since {file}, but {open}");
        } else {
            let known = |status| subjects(status, &Since::is_known);
            let still: Vec<String> = [
                worded(known(Status::Fail), "failures"),
                worded(known(Status::Unknown), "unknowns"),
                worded(known(Status::Warn), "warnings"),
            ]
            .into_iter()
            .flatten()
            .collect();
            self.verdict = Verdict::NothingNew;
            self.reason = format!("nothing new since {file}; still there: {}", still.join(", "));
        }
        self.exit_code = self.verdict.exit_code().code();
    }

    /// What keeps it from being told whether anything is new.
    fn open_since(&self, subjects: &dyn Fn(Status, &dyn Fn(Since) -> bool) -> usize) -> Option<String> {
        let coverage = &self.coverage;
        let mut out = Vec::new();
        if !coverage.run_complete {
            out.push("the facts were not gathered to the end".to_owned());
        }
        for (reach, plural) in [(&coverage.nodes, "nodes"), (&coverage.targets, "targets")] {
            let number = reach.not_reached.len();
            if number > 0 {
                let was = if number == 1 { "was" } else { "were" };
                out.push(format!("{} {was} not reached", count(number, plural)));
            }
        }
        let untold = subjects(Status::Unknown, &|since| since == Since::Untold);
        if untold > 0 {
            out.push(format!("{} can no longer be told", count(untold, "former findings")));
        }
        let new = subjects(Status::Unknown, &|since| matches!(since, Since::New | Since::Worse));
        if new > 0 {
            out.push(format!("{} could not be judged", count(new, "subjects that were not unknown then")));
        }
        // A rule that was chosen and says nothing at all.
        let unknown: HashSet<&str> = self
            .findings
            .iter()
            .filter(|finding| finding.status == Status::Unknown)
            .map(|finding| finding.rule.as_str())
            .collect();
        let silent = coverage.rules.unknown.saturating_sub(unknown.len());
        if silent > 0 {
            out.push(format!("{} said nothing", count(silent, "rules")));
        }
        (!out.is_empty()).then(|| out.join(", "))
    }
}

/// Whether a finding says that something is, or was, not in order.
const fn is_found(status: Status) -> bool {
    is_open(status) || matches!(status, Status::Waived)
}

/// How a finding stands to what was said of its subject by the same rule.
fn since(finding: &Finding, before: &[&Finding]) -> SinceBaseline {
    // Of those that are only counted there may be one for each status.
    let same = before.iter().find(|former| former.status == finding.status);
    let Some(former) = same.or_else(|| before.iter().max_by_key(|former| former.status)) else {
        return SinceBaseline { since: Since::New, was: None };
    };
    let since = match (former.status, finding.status) {
        (Status::Unknown, Status::Unknown) if finding.subjects <= former.subjects => {
            if told_alike(finding, former) { Since::Known } else { Since::Reworded }
        }
        (Status::Fail | Status::Warn | Status::Info, Status::Unknown) => Since::Untold,
        (was, is) if weight(was).is_some_and(|was| weight(is).is_some_and(|is| is <= was)) => {
            if finding.subjects > former.subjects {
                Since::Worse
            } else if told_alike(finding, former) {
                Since::Known
            } else {
                Since::Reworded
            }
        }
        _ => Since::Worse,
    };
    SinceBaseline { since, was: Some(former.status) }
}

fn told_alike(finding: &Finding, former: &Finding) -> bool {
    finding.status == former.status && finding.message == former.message
}

/// How bad it is; none for what was waived or could not be told, which accepts nothing.
const fn weight(status: Status) -> Option<u8> {
    match status {
        Status::Fail => Some(3),
        Status::Warn => Some(2),
        Status::Info => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{finding, report};
    use super::*;
    use Status::{Fail, Info, Pass, Unknown, Waived, Warn};

    const HV1: &str = "nodes[hv1]";

    fn one(status: Status) -> Finding {
        finding("a/b", status, HV1, "m")
    }

    fn held(now: Vec<Finding>, then: Vec<Finding>) -> Report {
        let baseline = Baseline::new(report(then), "then.json").expect("whole");
        let mut report = report(now);
        let holds = |asked: &[(&str, &str)]| vec![Standing::Holds; asked.len()];
        report.hold_against(&baseline, holds).expect("of the same cluster");
        report
    }

    fn compared(report: &Report) -> (usize, usize, usize, usize) {
        let compared = report.baseline.as_ref().expect("held");
        (compared.new, compared.known, compared.untold, compared.gone.len())
    }

    #[test]
    fn what_got_worse_is_new_and_what_can_no_longer_be_told_is_not_fixed() {
        for (then, now, since, exit) in [
            (Fail, Fail, Since::Known, 0),
            (Warn, Fail, Since::Worse, 1),
            (Info, Fail, Since::Worse, 1),
            (Unknown, Fail, Since::Worse, 1),
            (Waived, Fail, Since::Worse, 1),
            (Pass, Fail, Since::New, 1),
            (Fail, Warn, Since::Reworded, 0),
            (Unknown, Unknown, Since::Known, 0),
            (Fail, Unknown, Since::Untold, 3),
            (Warn, Unknown, Since::Untold, 3),
            (Pass, Unknown, Since::New, 3),
            (Waived, Unknown, Since::Worse, 3),
        ] {
            let report = held(vec![one(now)], vec![one(then)]);
            let told = report.findings[0].baseline.as_ref().map(|one| one.since);
            assert_eq!((told, report.exit_code), (Some(since), exit), "{then} then, {now} now");
            assert!(report.baseline.expect("held").gone.is_empty(), "{then} then, {now} now");
        }
    }

    #[test]
    fn words_are_told_apart_and_subjects_are_not_mixed_up() {
        let other = || finding("a/b", Fail, "nodes[hv2]", "m");
        let report = held(vec![one(Fail), other()], vec![one(Fail)]);
        assert_eq!((compared(&report), report.exit_code), ((1, 1, 0, 0), 1));
        assert_eq!(report.reason, "1 new failure since then.json");
        let reworded = Finding { message: "another".into(), ..one(Fail) };
        let report = held(vec![reworded], vec![one(Fail)]);
        assert_eq!(report.findings[0].baseline.as_ref().map(|one| one.since), Some(Since::Reworded));
        assert_eq!((report.verdict, report.exit_code), (Verdict::NothingNew, 0));
        assert_eq!(report.reason, "nothing new since then.json; still there: 1 failure");
        // Of those that are only counted, more than before are new.
        let counted = |subjects| Finding { subjects, path: "nodes".into(), ..one(Fail) };
        assert_eq!(held(vec![counted(5)], vec![counted(5)]).exit_code, 0);
        assert_eq!(held(vec![counted(6)], vec![counted(5)]).exit_code, 1);
    }

    #[test]
    fn what_is_gone_says_why() {
        let then = || Baseline::new(report(vec![one(Fail), one(Pass)]), "then.json").expect("whole");
        for (standing, now) in [
            (Standing::Holds, Some(Gone::Fixed)),
            (Standing::NotApplicable, Some(Gone::NotApplicable)),
            (Standing::Gone, Some(Gone::SubjectGone)),
            (Standing::NotChecked, Some(Gone::NotChecked)),
            (Standing::Violated, None),
            (Standing::Unknown, None),
        ] {
            let mut report = report(vec![one(Pass)]);
            report.hold_against(&then(), |asked| vec![standing; asked.len()]).expect("the same cluster");
            let compared = report.baseline.expect("held");
            assert_eq!(compared.gone.first().map(|one| one.now), now, "{standing:?}");
            assert_eq!(compared.known, usize::from(now.is_none()));
        }
    }

    #[test]
    fn a_node_that_does_not_answer_is_never_taken_for_known() {
        let lost = |mut report: Report| {
            report
                .coverage
                .nodes
                .not_reached
                .push(super::super::NotReached { name: "hv3".into(), reason: "x".into() });
            report.coverage.complete = false;
            report.verdict = Verdict::Incomplete;
            report
        };
        let baseline = Baseline::new(lost(report(vec![one(Unknown)])), "then.json").expect("whole");
        let mut now = lost(report(vec![one(Unknown)]));
        now.hold_against(&baseline, |_| Vec::new()).expect("the same cluster");
        assert_eq!((now.verdict, now.exit_code), (Verdict::Incomplete, 3));
        assert_eq!(now.reason, "no new failure found since then.json, but 1 node was not reached");
    }

    #[test]
    fn a_report_that_does_not_tell_a_run_whole_is_no_baseline() {
        let why = |change: &dyn Fn(&mut Report)| {
            let mut report = report(vec![one(Pass)]);
            change(&mut report);
            Baseline::new(report, "then.json").expect_err("no baseline")
        };
        let file = || "then.json".to_owned();
        assert_eq!(why(&|report| report.verdict = Verdict::Interrupted), BaselineError::Partial(file()));
        assert_eq!(why(&|report| report.coverage.run_complete = false), BaselineError::Partial(file()));
        assert_eq!(
            why(&|report| report.verdict = Verdict::NothingChecked),
            BaselineError::NothingChecked(file())
        );
        assert_eq!(why(&|report| report.findings.clear()), BaselineError::Changed(file()));
        assert_eq!(why(&|report| report.coverage.complete = false), BaselineError::Hollow(file()));
        let whole = || Baseline::new(report(vec![one(Pass)]), "then.json").expect("whole");
        let other = whole().fits(Some("test"), "generic").expect_err("another");
        assert_eq!(
            other.to_string(),
            "then.json is a report of cluster `prod`, and this check is one of cluster `test`"
        );
        assert!(whole().fits(None, "generic").is_err() && whole().fits(Some("prod"), "wsfc").is_err());
    }

    #[test]
    fn every_format_tells_new_from_known() {
        use super::super::*;
        let mut report = held(
            vec![finding("a/new", Fail, HV1, "it is new"), finding("a/known", Fail, HV1, "it is known")],
            vec![finding("a/known", Fail, HV1, "it is known"), finding("a/fixed", Warn, HV1, "it was odd")],
        );
        report.fail_on = FailOn::Fail;
        let look = Look { width: 100, colour: false, verbose: 0, explain: false };
        for text in [to_table(&report, look), to_markdown(&report), to_html(&report)] {
            let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("no `{words}` in {text}"));
            assert!(Some(at("it is new")) < text.rfind("Still there"), "{text}");
            assert!(Some(at("it is known")) < text.rfind("No longer found"), "{text}");
            assert!(text.contains("it was odd") && text.contains("then.json"), "{text}");
        }
        assert!(!to_github(&report).contains("it is known") && to_github(&report).contains("1 still there"));
        let junit = quick_junit::Report::deserialize_from_str(&to_junit(&report)).expect("JUnit");
        assert_eq!(junit.failures, 2, "what is new, and the verdict");
        let sarif: serde_json::Value = serde_json::from_str(&to_sarif(&report)).expect("JSON");
        let states: Vec<&str> = sarif["runs"][0]["results"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|result| result["baselineState"].as_str())
            .collect();
        assert_eq!(states, ["new", "unchanged"]);
        let metrics = to_prometheus(&report);
        assert!(
            metrics.contains("state=\"new\"} 1\n") && metrics.contains("state=\"fixed\"} 1\n"),
            "{metrics}"
        );
        let back = Report::from_json(&report.to_json()).expect("a report");
        assert_eq!(back, report);
        assert!(to_json_lines(&report).contains("\"since\":\"known\""));
    }
}
