//! Examples of rules, run: does each rule say of its own examples what it claims to say?

use super::checked::{Example, Rule};
use super::each::Position;
use super::engine::{Engine, Said, way};
use super::judge::violated;
use super::params::{self, ParamOrigin, ParamSetting};
use super::raw::ExampleVerdict;
use super::{Ruleset, Status};
use crate::derive;
use crate::facts::{Document, FACTS_SCHEMA, LoadError, RecordType, Type};
use crate::source::{Place, Problem, Problems, Text};

/// What came of one example.
#[derive(Clone, Debug)]
pub struct ExampleResult {
    /// Id of the rule.
    pub rule: String,
    /// Which of the rule's examples it is, from 1.
    pub number: usize,
    /// What it shows.
    pub title: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// What came of it.
    pub outcome: ExampleOutcome,
}

/// What came of an example.
#[derive(Clone, Debug)]
pub enum ExampleOutcome {
    /// The rule says what it should.
    Right,
    /// The rule says something else.
    Wrong {
        /// What it should say: `fail of hv2`.
        wanted: String,
        /// What it says of each element: `hv2: pass`, `hv3: fail: hv3 has ...`.
        said: Vec<String>,
    },
    /// The rule passes, and still passes when every fact that it reads is taken away.
    PassesWithoutFacts,
    /// Facts or parameters are wrong.
    Invalid(Problems),
}

impl ExampleResult {
    /// Whether the rule says what it should.
    pub fn is_right(&self) -> bool {
        matches!(self.outcome, ExampleOutcome::Right)
    }
}

/// What a rule said of one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ElementVerdict {
    pub subject: String,
    pub path: String,
    pub status: Status,
    pub message: String,
}

impl Ruleset {
    /// Runs the examples of all rules, or of those for which `wanted` is true.
    pub fn test_examples(&self, wanted: impl Fn(&Rule) -> bool) -> Vec<ExampleResult> {
        self.rules()
            .iter()
            .filter(|rule| wanted(rule))
            .flat_map(|rule| {
                rule.examples.iter().enumerate().map(|(at, example)| ExampleResult {
                    rule: rule.id.clone(),
                    number: at + 1,
                    title: example.title.clone(),
                    place: example.span.place(),
                    outcome: self.run_example(rule, example),
                })
            })
            .collect()
    }

    fn run_example(&self, rule: &Rule, example: &Example) -> ExampleOutcome {
        let (document, settings) = match self.example_input(example) {
            Ok(input) => input,
            Err(problems) => return ExampleOutcome::Invalid(problems),
        };
        let verdicts = verdicts(rule, &document, &settings);
        let wanted = status(example.verdict);
        let right = match &example.subject {
            None => overall(&verdicts) == wanted,
            Some(subject) => {
                let mut meant = verdicts.iter().filter(|verdict| verdict.is_of(subject)).peekable();
                meant.peek().is_some() && meant.all(|verdict| verdict.status == wanted)
            }
        };
        if !right {
            let wanted = match &example.subject {
                Some(subject) => format!("{wanted} of {subject}"),
                None => format!("{wanted} at worst"),
            };
            return ExampleOutcome::Wrong {
                wanted,
                said: verdicts.iter().map(ElementVerdict::told).collect(),
            };
        }
        if wanted == Status::Pass
            && example.subject.is_none()
            && passes_without_facts(rule, &document, &settings)
        {
            return ExampleOutcome::PassesWithoutFacts;
        }
        ExampleOutcome::Right
    }

    /// The facts of an example with what follows from them, and its parameters.
    pub(super) fn example_input(&self, example: &Example) -> Result<(Document, Vec<ParamSetting>), Problems> {
        let mut problems = Problems::new();
        let mut settings = params::defaults(self.params());
        let values =
            example.params.iter().map(|(name, item)| (name, item, ParamOrigin::Set { place: name.place() }));
        params::apply(&mut settings, self.params(), values, &mut problems);
        match example_facts(&example.facts) {
            Ok(mut document) => {
                derive::complete(&mut document);
                problems.or((document, settings))
            }
            Err(problem) => {
                problems.push(*problem);
                Err(problems)
            }
        }
    }
}

/// What a rule says of each element of a document.
pub(super) fn verdicts(rule: &Rule, document: &Document, settings: &[ParamSetting]) -> Vec<ElementVerdict> {
    let values = settings.iter().map(|setting| setting.value.value()).collect();
    let engine = Engine::new(document, values);
    let mut verdicts = Vec::new();
    if let Some(body) = rule.body() {
        engine.judge(rule, body, &mut |position, said| {
            verdicts.push(ElementVerdict::new(rule, document, position, said));
        });
    }
    verdicts
}

fn passes_without_facts(rule: &Rule, document: &Document, settings: &[ParamSetting]) -> bool {
    let Ok(mut json) = serde_json::to_value(document) else { return false };
    for path in rule.reads() {
        remove(&mut json, &path);
    }
    let bare = Document::parse(json.to_string().as_bytes(), "example");
    bare.is_ok_and(|bare| {
        let left = verdicts(rule, &bare, settings);
        bare != *document && overall(&left) == Status::Pass
    })
}

/// Takes a fact away, wherever a path of types such as `nodes.nics.mtu` leads to. What is always there stays: without
/// its key there would be no element.
pub(super) fn remove(json: &mut serde_json::Value, path: &str) {
    remove_from(json, &Document::TYPE, path);
}

fn remove_from(json: &mut serde_json::Value, record: &RecordType, path: &str) {
    let (name, below) = path.split_once('.').map_or((path, None), |(name, below)| (name, Some(below)));
    let Some((_, field)) = record.find(name) else { return };
    let inner = match (field.ty)() {
        Type::List(element) => *element,
        other => other,
    };
    let Some(fields) = json.as_object_mut() else { return };
    match (below, inner) {
        (Some(below), Type::Record(inner)) => match fields.get_mut(name) {
            Some(serde_json::Value::Array(elements)) => {
                for element in elements {
                    remove_from(element, inner, below);
                }
            }
            Some(one) => remove_from(one, inner, below),
            None => {}
        },
        _ if field.optional => {
            fields.remove(name);
        }
        _ => {}
    }
}

impl ElementVerdict {
    fn new(rule: &Rule, document: &Document, position: &Position, said: Said) -> Self {
        let (status, message) = match said {
            Said::Pass => (Status::Pass, String::new()),
            Said::NotApplicable(_) => (Status::NotApplicable, String::new()),
            Said::Unknown(words) => (Status::Unknown, words.map(|words| words.message).unwrap_or_default()),
            Said::Violated(words) => {
                (violated(rule.severity), words.map(|words| words.message).unwrap_or_default())
            }
        };
        let each = way(rule);
        ElementVerdict {
            subject: each.subject(document, position),
            path: each.path(document, position),
            status,
            message,
        }
    }

    /// Whether an example means this element: by its name, the last word of it, its path, or the end of that.
    fn is_of(&self, subject: &str) -> bool {
        let ends = |whole: &str, before: char| {
            whole.strip_suffix(subject).is_some_and(|rest| rest.is_empty() || rest.ends_with(before))
        };
        ends(&self.subject, ' ') || ends(&self.path, '.')
    }

    fn told(&self) -> String {
        match self.message.as_str() {
            "" => format!("{}: {}", self.subject, self.status),
            message => format!("{}: {}: {message}", self.subject, self.status),
        }
    }
}

/// The worst of what a rule says; not applicable where it says nothing.
pub(super) fn overall(verdicts: &[ElementVerdict]) -> Status {
    verdicts.iter().map(|verdict| verdict.status).min().unwrap_or(Status::NotApplicable)
}

fn status(verdict: ExampleVerdict) -> Status {
    match verdict {
        ExampleVerdict::Pass => Status::Pass,
        ExampleVerdict::Warn => Status::Warn,
        ExampleVerdict::Fail => Status::Fail,
        ExampleVerdict::Info => Status::Info,
        ExampleVerdict::Unknown => Status::Unknown,
        ExampleVerdict::NotApplicable => Status::NotApplicable,
    }
}

/// The facts of an example; `schema` is added where it is left out.
pub(super) fn example_facts(text: &Text) -> Result<Document, Box<Problem>> {
    let open = text.find(|c: char| !c.is_whitespace()).filter(|at| text[*at..].starts_with('{'));
    let Some(open) = open else {
        return Err(Box::new(
            text.problem("`facts` is no JSON object", "not an object")
                .help("facts = '''{\"nodes\": [...]}'''"),
        ));
    };
    let parse = |json: &str| Document::parse(json.as_bytes(), "facts");
    // A document without schema says so; only then one is added, on the same line so that places stay right.
    let has_schema =
        serde_json::from_str::<serde_json::Value>(text).is_ok_and(|json| json.get("schema").is_some());
    let (parsed, added) = if has_schema {
        (parse(text), 0)
    } else {
        let comma = if text[open + 1..].trim_start().starts_with('}') { "" } else { "," };
        let schema = format!("\"schema\":\"{FACTS_SCHEMA}\"{comma}");
        (parse(&format!("{}{schema}{}", &text[..=open], &text[open + 1..])), schema.len())
    };
    parsed.map_err(|error| Box::new(facts_problem(text, open, added, error)))
}

/// A mistake in the facts of an example, at its place in the file.
fn facts_problem(text: &Text, open: usize, added: usize, error: LoadError) -> Problem {
    match error {
        LoadError::Json { line, column, path, message, .. } => {
            let start: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
            let mut at = start + column.saturating_sub(1);
            if at > open && line == text[..=open].matches('\n').count() + 1 {
                at = at.saturating_sub(added).max(open);
            }
            let at = (0..=at.min(text.len().saturating_sub(1)))
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap_or(0);
            let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
            let path = path.map(|path| format!(" (at `{path}`)")).unwrap_or_default();
            text.within(at..end).problem(format!("facts: {message}{path}"), "here")
        }
        LoadError::Invalid { problems, .. } => {
            text.problem(format!("facts: {}", problems.join("; ")), "in these facts")
        }
        other => text.problem(other.to_string(), "in these facts"),
    }
}
