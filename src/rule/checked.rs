//! Rules that may be judged by: every name, type, place and example of them is checked before any host is contacted.
//!
//! A rule has exactly one verb, and each expression of it has the type that its verb needs. What a rule says of itself is
//! checked when it is loaded. So are its expressions, but those of the program's own rules where they are only judged by:
//! `quorate rules lint` and the tests check all of them, so that a run need only check those of the rules that it chooses.

use super::Severity;
use super::compile::Compiler;
use super::each::Each;
use super::pack::RuleFile;
use super::raw::{ExampleVerdict, RawExample, RawRule};
use crate::expr::{Env, Program, Template};
use crate::source::{Entries, Item, Problem, Problems, Span, Text};
use std::sync::{Arc, OnceLock};

/// A checked rule.
#[derive(Debug)]
pub struct Rule {
    /// Category and name: `network/redundant-paths`.
    pub id: String,
    /// The requirement as a sentence.
    pub title: Arc<str>,
    /// How bad it is when the rule does not hold, before profile and configuration.
    pub severity: Severity,
    /// What breaks, in plain words.
    pub why: Arc<str>,
    /// What to do.
    pub remedy: Arc<str>,
    /// The documents in which the requirement stands.
    pub source: Arc<[String]>,
    /// Ids of the requirements that it covers.
    pub covers: Vec<Text>,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether it is part of the program.
    pub shipped: bool,
    /// Where its name stands.
    pub span: Span,
    /// What it speaks of; the whole cluster where there is none.
    pub each: Option<Each>,
    /// The key of what must hold.
    verb: &'static str,
    /// Its expressions as they are written.
    pub written: Vec<Written>,
    /// Its title as it is written.
    title_text: Text,
    /// What is said where it does not hold, as it is written.
    message_text: Option<Text>,
    /// Its expressions, once they are checked.
    body: OnceLock<Body>,
    /// Facts, and what it must say of them.
    pub examples: Vec<Example>,
}

/// The checked expressions of a rule.
#[derive(Debug)]
pub(super) struct Body {
    /// Where it has something to say.
    pub when: Option<Condition>,
    /// What must hold.
    pub verb: Verb,
    /// What is said where it does not hold.
    pub message: Option<Template>,
}

/// Facts, and what a rule must say of them.
#[derive(Clone, Debug)]
pub struct Example {
    /// What the rule must say.
    pub verdict: ExampleVerdict,
    /// Of which element; the worst of all verdicts where there is none.
    pub subject: Option<Text>,
    /// The facts as JSON.
    pub facts: Text,
    /// Values of parameters.
    pub params: Vec<(Text, Item)>,
    /// What it shows.
    pub title: Option<String>,
    /// Where it stands.
    pub span: Span,
}

/// A condition, and from which list on its variables are bound.
#[derive(Debug)]
pub(super) struct Condition {
    pub program: Program,
    /// How many variables of `each` it needs.
    pub depth: usize,
    /// Those of the parts joined by `&&` that need fewer: where one of them is false, the lists of the others need not be
    /// known.
    pub guards: Vec<Condition>,
}

/// What a rule asks.
#[derive(Debug)]
pub(super) enum Verb {
    Require(Program),
    Same { value: Program, per: Option<Program>, tolerance: Option<Program> },
    Unique { value: Program, per: Option<Program> },
    Subset(Subset),
    Count(Count),
}

/// `subset` in terms of expressions.
#[derive(Debug)]
pub(super) struct Subset {
    /// What is asked for.
    pub part: Program,
    /// What it is looked for in.
    pub whole: Program,
    /// Whether nothing is asked for.
    pub nothing: Program,
    /// Whether everything asked for is there.
    pub holds: Program,
    /// What is asked for and not there.
    pub missing: Program,
}

/// `count` in terms of expressions.
#[derive(Debug)]
pub(super) struct Count {
    /// Whether the number is right.
    pub holds: Program,
    /// The number.
    pub found: Program,
    pub min: Option<Program>,
    pub max: Option<Program>,
}

/// Keys that are verbs.
const VERBS: [&str; 5] = ["require", "same", "unique", "subset", "count"];

impl Verb {
    /// Its programs.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Program> {
        let all = match self {
            Verb::Require(program) => [Some(program), None, None],
            Verb::Same { value, per, tolerance } => [Some(value), per.as_ref(), tolerance.as_ref()],
            Verb::Unique { value, per } => [Some(value), per.as_ref(), None],
            Verb::Subset(subset) => [Some(&subset.holds), None, None],
            Verb::Count(count) => [Some(&count.holds), None, None],
        };
        all.into_iter().flatten()
    }
}

impl Body {
    /// The programs that decide: condition and verb.
    pub(super) fn programs(&self) -> impl Iterator<Item = &Program> {
        self.when.iter().map(|when| &when.program).chain(self.verb.programs())
    }
}

impl Rule {
    /// Its expressions; none where they were not checked yet.
    pub(super) fn body(&self) -> Option<&Body> {
        self.body.get()
    }

    /// Its expressions, checked now if they were not before. `env` is that of the ruleset.
    ///
    /// # Errors
    /// Every mistake in them.
    pub(super) fn check_body(&self, env: &Env) -> Result<&Body, Problems> {
        if let Some(body) = self.body.get() {
            return Ok(body);
        }
        let mut problems = Problems::new();
        let expressions = Expressions { written: &self.written, message: self.message_text.as_ref() };
        match Compiler::new(env, self.each.as_ref(), &mut problems).rule(&expressions, Some(self.verb)) {
            Some(body) if problems.is_empty() => Ok(self.body.get_or_init(|| body)),
            _ => Err(problems),
        }
    }

    /// The facts that it reads, as paths of types, sorted: `nodes.os.build`. None where its expressions were not checked.
    pub fn reads(&self) -> Vec<String> {
        let programs = self.body().into_iter().flat_map(Body::programs);
        let mut reads: Vec<String> = programs.flat_map(|program| program.reads().iter().cloned()).collect();
        reads.sort();
        reads.dedup();
        reads
    }

    /// Names of the parameters that it reads, words included, each once. None where its expressions were not checked.
    pub fn params_read(&self) -> Vec<&str> {
        let Some(body) = self.body() else { return Vec::new() };
        let in_message = body.message.iter().flat_map(Template::programs);
        let bounds = match &body.verb {
            Verb::Count(count) => [count.min.as_ref(), count.max.as_ref()],
            _ => [None, None],
        };
        let all = body.programs().chain(in_message).chain(bounds.into_iter().flatten());
        let mut names: Vec<&str> = all.flat_map(Program::params_read).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Its category.
    pub fn category(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// The word of its verb.
    pub fn verb(&self) -> &'static str {
        self.verb
    }

    /// Its title and message as they are written.
    pub(super) fn words(&self) -> impl Iterator<Item = &Text> {
        std::iter::once(&self.title_text).chain(&self.message_text)
    }
}

/// Checks rules of one file.
pub(super) struct Checker<'c> {
    /// The file.
    pub file: &'c RuleFile,
    /// Whether it has mistakes of syntax, so that something may be missing that was written.
    pub damaged: bool,
    /// The names of facts and parameters.
    pub env: &'c Env,
}

impl Checker<'_> {
    /// Checks a rule; what is wrong is added to `problems`, and then there may be no rule.
    pub(super) fn check(&self, raw: RawRule, problems: &mut Problems) -> Option<Rule> {
        let before = problems.len();
        let span = raw.name.as_ref().map_or_else(|| raw.span.clone(), |name| name.span.clone());
        if let Some(name) = raw.name.as_ref().filter(|name| !is_name(name)) {
            problems.push(
                name.problem(format!("`{name}` is no name for a rule"), "not a name")
                    .help("a name has small letters, digits and `-`, and begins with a letter"),
            );
        }
        for (key, text) in
            [("title", &raw.title), ("message", &raw.message), ("why", &raw.why), ("remedy", &raw.remedy)]
        {
            if let Some(text) = text {
                says_something(key, text, problems);
            }
        }
        for text in raw.source.iter().flatten() {
            says_something("source", text, problems);
        }
        if raw.source.as_ref().is_some_and(Vec::is_empty) {
            problems.push(span.problem("the rule names no document that it stands in", "`source` is empty"));
        }
        let each = Self::each(&raw, problems);
        let written = written(&raw);
        let verb = self.one_verb(&written, &span, problems);
        check_companions(&written, verb, problems);
        if verb == Some("require") && raw.message.is_none() && !self.damaged {
            problems.push(
                span.problem(
                    "the rule does not say what is the matter where it does not hold",
                    "has no `message`",
                )
                .help("message = \"{node.name} has ...\""),
            );
        }
        // Where `each` is wrong, every use of its variables would be one more error that is none.
        let body = each.as_ref().filter(|_| !self.file.to_judge).and_then(|each| {
            if let (None, Some(verb @ ("same" | "unique"))) = (each, verb) {
                problems.push(
                    key_problem(
                        &written,
                        verb,
                        format!("`{verb}` compares elements, so it needs `each`"),
                        "of what?",
                    )
                    .help("each = \"nodes\""),
                );
                return None;
            }
            let expressions = Expressions { written: &written, message: raw.message.as_ref() };
            Compiler::new(self.env, each.as_ref(), problems).rule(&expressions, verb)
        });
        let severity = raw.severity.as_ref().map(|severity| severity.value);
        // What rests on an attestation is never known not to hold.
        let vouched = written.iter().any(|written| written.text.contains("attested("));
        let examples = self.check_examples(raw.examples, severity, vouched, &span, problems);
        if problems.len() > before {
            return None;
        }
        if body.is_none() && !self.file.to_judge {
            return None;
        }
        let texts = |all: Option<Vec<Text>>| -> Vec<String> {
            all.into_iter().flatten().map(|text| text.value).collect()
        };
        let title_text = raw.title?;
        Some(Rule {
            id: format!("{}/{}", self.file.stem, raw.name?.value),
            title: tidy(&title_text).into(),
            severity: severity?,
            why: tidy(&raw.why?).into(),
            remedy: tidy(&raw.remedy?).into(),
            source: texts(raw.source).into(),
            covers: raw.covers.unwrap_or_default(),
            tags: texts(raw.tags),
            shipped: self.file.shipped,
            span,
            each: each?,
            verb: verb?,
            written,
            title_text,
            message_text: raw.message,
            body: body.map(OnceLock::from).unwrap_or_default(),
            examples,
        })
    }

    /// None when it is wrong; `Some(None)` when there is none.
    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    fn each(raw: &RawRule, problems: &mut Problems) -> Option<Option<Each>> {
        let Some(text) = &raw.each else { return Some(None) };
        match Each::parse(text) {
            Ok(each) => Some(Some(each)),
            Err(error) => {
                let span = if text.value.is_empty() { text.span.clone() } else { text.within(error.range) };
                problems.push(span.problem(error.message, "not a list of the facts").help_if(error.help));
                None
            }
        }
    }

    fn one_verb(&self, written: &[Written], span: &Span, problems: &mut Problems) -> Option<&'static str> {
        let mut verbs = written.iter().filter(|written| VERBS.contains(&written.key));
        let first = verbs.next();
        if let (Some(first), Some(second)) = (first, verbs.next()) {
            problems.push(
                second
                    .text
                    .problem(
                        format!("the rule has two verbs, `{}` and `{}`", first.key, second.key),
                        "the second",
                    )
                    .label(&first.text.inner(), "the first")
                    .help("a rule asks one thing; make two rules of it"),
            );
        }
        if first.is_none() && !self.damaged {
            problems.push(
                span.problem("the rule asks nothing", "has no verb")
                    .help("one of `require`, `same`, `unique`, `subset`, `count`"),
            );
        }
        first.map(|written| written.key)
    }

    fn check_examples(
        &self,
        raw: Option<Vec<RawExample>>,
        severity: Option<Severity>,
        vouched: bool,
        span: &Span,
        problems: &mut Problems,
    ) -> Vec<Example> {
        let (mut passing, mut failing) = (false, false);
        let mut wrong = self.damaged || self.file.to_judge;
        let mut examples = Vec::new();
        for raw in raw.unwrap_or_default() {
            let (Some(verdict), Some(facts)) = (raw.verdict, raw.facts) else {
                wrong = true;
                continue;
            };
            match verdict.value {
                ExampleVerdict::Pass => passing = true,
                ExampleVerdict::Fail | ExampleVerdict::Warn | ExampleVerdict::Info => {
                    failing = true;
                    if let Some(severity) =
                        severity.filter(|severity| severity.word() != verdict.value.word())
                    {
                        problems.push(
                            verdict
                                .span
                                .problem(
                                    format!("a rule of severity `{severity}` never says `{}`", verdict.value),
                                    "cannot be",
                                )
                                .help(format!("verdict = \"{severity}\"")),
                        );
                    }
                }
                ExampleVerdict::Unknown => failing |= vouched,
                ExampleVerdict::NotApplicable => {}
            }
            examples.push(Example {
                verdict: verdict.value,
                subject: raw.subject,
                facts,
                params: raw.params.map(|Entries(all)| all).unwrap_or_default(),
                title: raw.title.map(|title| title.value),
                span: raw.span,
            });
        }
        if !wrong && (!passing || !failing) {
            let what = match (passing, failing) {
                (true, _) => "no example where it does not hold",
                (_, true) => "no example where it holds",
                _ => "no example",
            };
            problems.push(
                span.problem(
                    format!("the rule has {what}"),
                    "needs one where it holds and one where it does not",
                )
                .help("[[rule.example]] with `verdict`, `subject` and `facts`"),
            );
        }
        examples
    }
}

/// An expression of a rule as it is written.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its key.
    pub key: &'static str,
    /// Its text.
    pub text: Text,
}

/// The expressions of a rule and its message, as they are written.
pub(super) struct Expressions<'r> {
    pub written: &'r [Written],
    pub message: Option<&'r Text>,
}

impl<'r> Expressions<'r> {
    /// The expression of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'r Text> {
        self.written.iter().find(|written| written.key == key).map(|written| &written.text)
    }
}

/// The expressions of a rule, in the order in which they are read.
fn written(raw: &RawRule) -> Vec<Written> {
    let all = [
        ("each", &raw.each),
        ("when", &raw.when),
        ("require", &raw.require),
        ("same", &raw.same),
        ("unique", &raw.unique),
        ("per", &raw.per),
        ("tolerance", &raw.tolerance),
        ("subset", &raw.subset),
        ("of", &raw.of),
        ("count", &raw.count),
        ("min", &raw.min),
        ("max", &raw.max),
    ];
    let there = all.into_iter().filter_map(|(key, text)| Some(Written { key, text: text.clone()? }));
    there.collect()
}

/// Which verbs each of the other keys goes with.
const COMPANIONS: [(&str, &[&str]); 5] = [
    ("per", &["same", "unique"]),
    ("tolerance", &["same"]),
    ("of", &["subset"]),
    ("min", &["count"]),
    ("max", &["count"]),
];

fn check_companions(written: &[Written], verb: Option<&str>, problems: &mut Problems) {
    let Some(verb) = verb else { return };
    for (key, verbs) in COMPANIONS {
        if let Some(companion) = written.iter().find(|written| written.key == key)
            && !verbs.contains(&verb)
        {
            let verbs = verbs.iter().map(|verb| format!("`{verb}`")).collect::<Vec<_>>().join(" and ");
            problems.push(
                companion
                    .text
                    .problem(format!("`{key}` says nothing beside `{verb}`"), "is not read")
                    .help(format!("`{key}` goes with {verbs}")),
            );
        }
    }
}

fn key_problem(written: &[Written], key: &str, message: String, label: &str) -> Problem {
    match written.iter().find(|written| written.key == key) {
        Some(written) => written.text.problem(message, label),
        None => Problem::new(message),
    }
}

/// Whether a text is a name of a rule or a category.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn says_something(key: &str, text: &Text, problems: &mut Problems) {
    if text.trim().is_empty() {
        problems.push(text.problem(format!("`{key}` says nothing"), "empty"));
    }
}

/// A text of several lines as one paragraph; blank lines part paragraphs.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for part in text.split("\n\n") {
        let mut between = if out.is_empty() { "" } else { "\n\n" };
        for word in part.split_whitespace() {
            out.push_str(between);
            out.push_str(word);
            between = " ";
        }
    }
    out
}
