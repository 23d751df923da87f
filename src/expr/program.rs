//! A checked expression, what it is evaluated over, and what it comes to.

use super::check::Checker;
use super::datum::{Datum, write_list};
use super::env::{Env, PARAMS};
use super::error::{ExprError, tidy};
use super::eval::Evaluator;
use super::node::{Node, Root};
use super::parse::parse;
use super::syntax::{Expr, Kind, Operator};
use super::trace::{Told, Traced, Untraced};
use super::types::ExprType;
use super::value::{Count, Item, Plain, Presence, Truth};
use crate::facts::{Record, Type, Value};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How many causes or pieces of evidence are told.
pub const MAX_TOLD: usize = 64;

/// What the place of an expression needs it to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Any,
    /// A condition.
    Bool,
    /// A list.
    List,
    /// Something of which two can be told to be equal.
    Comparable,
    /// A number, with a unit or without.
    Amount,
}

/// Parses and checks an expression.
///
/// # Errors
/// Every mistake in it, in the order of the text.
pub fn compile(text: &str, env: &Env) -> Result<Program, Vec<ExprError>> {
    compile_expecting(text, env, Expected::Any)
}

/// Parses and checks an expression, and that it is what its place needs.
///
/// # Errors
/// Every mistake in it, in the order of the text.
pub fn compile_expecting(text: &str, env: &Env, expected: Expected) -> Result<Program, Vec<ExprError>> {
    let (expr, mut errors) = parse(text);
    let mut checker = Checker::new(env);
    let checked = checker.check(&expr);
    let reads = checker.leaves();
    errors.append(&mut checker.errors);
    if let Some(checked) = &checked
        && let Some((message, help)) = unexpected(&checked.ty, expected)
    {
        errors.push(ExprError::new(expr.range.clone(), message).maybe_help(help.map(str::to_owned)));
    }
    match checked {
        Some(checked) if errors.is_empty() => {
            let params = env.params.clone();
            let params_read = checker.params_read.into_iter().collect();
            Ok(Program {
                text: text.to_owned(),
                node: checked.node,
                ty: checked.ty,
                reads,
                params,
                params_read,
                variables_read: checker.variables_read,
            })
        }
        _ => Err(tidy(errors)),
    }
}

/// Where the parts stand that an expression joins by `&&`; the whole, where it joins none. Each is an expression of its own.
pub fn conjuncts(text: &str) -> Vec<Range<usize>> {
    fn split(expr: &Expr, out: &mut Vec<Range<usize>>) {
        match &expr.kind {
            Kind::Binary(Operator::And, left, right) => {
                split(left, out);
                split(right, out);
            }
            _ => out.push(expr.range.clone()),
        }
    }
    let mut parts = Vec::new();
    split(&parse(text).0, &mut parts);
    parts
}

/// What is wrong with a type at a place.
fn unexpected(ty: &ExprType, expected: Expected) -> Option<(String, Option<&'static str>)> {
    match expected {
        Expected::Bool if *ty != ExprType::Bool => {
            let help = match ty {
                ExprType::List(_) => Some("ask `size(list) > 0`, or `list.all(x, ...)`"),
                _ => Some("compare it with something"),
            };
            Some((format!("a condition is needed here, this is {ty}"), help))
        }
        Expected::List if ty.element().is_none() => {
            Some((format!("a list is needed here, this is {ty}"), None))
        }
        Expected::Comparable if !ty.is_comparable() => {
            Some((format!("a {ty} cannot be compared as a whole"), Some("name a field of it")))
        }
        Expected::Amount if !ty.is_amount() => Some((format!("a number is needed here, this is {ty}"), None)),
        _ => None,
    }
}

/// A checked expression. It can be evaluated any number of times, by many threads at once.
#[derive(Debug)]
pub struct Program {
    text: String,
    node: Node,
    ty: ExprType,
    reads: Vec<String>,
    /// The parameters, in the order of their declaration.
    params: Arc<[(String, Type)]>,
    params_read: Vec<usize>,
    variables_read: usize,
}

/// What an expression is evaluated over. Cheap to make for each element.
#[derive(Clone, Copy)]
pub struct Scope<'s, 'a> {
    /// The facts document.
    pub document: &'a dyn Record,
    /// Values of the variables that [`Env::bind`] declared, in that order.
    pub values: &'s [Value<'a>],
    /// Values of the parameters that [`Env::params`] declared, in that order.
    pub params: &'s [Value<'a>],
}

/// What an evaluation came to: known, unknown, or a list of which not everything is known.
#[derive(Clone)]
pub struct Evaluated<'a>(Plain<'a, ()>);

/// An element of a list.
#[derive(Clone, Debug)]
pub struct Element<'a> {
    /// What it is; it may be unknown.
    pub value: Evaluated<'a>,
    /// Whether it is in the list; otherwise it may be.
    pub certain: bool,
    /// Whether it stands for any number of elements of which nothing is known.
    pub many: bool,
}

/// Why something is unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Path of the fact; empty where the matter is no single fact.
    pub path: String,
    /// Why the fact cannot be used; nothing for a missing fact, of which the document's gaps tell why.
    pub why: Option<String>,
}

/// A fact that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Its path.
    pub path: String,
    /// Its value as people read it; nothing when it is missing.
    pub value: Option<String>,
}

/// What an evaluation rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Why it is unknown, if it is; never empty then.
    pub causes: Vec<Cause>,
    /// The facts that decided, each once, in the order in which they were read.
    pub evidence: Vec<Evidence>,
    /// Paths of the elements that decided: for `all` those for which the condition is false, for `exists` those for which
    /// it is true.
    pub deciding: Vec<String>,
    /// Whether there is more than [`MAX_TOLD`] of any of these.
    pub more: bool,
}

impl Program {
    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The type of its value.
    pub fn ty(&self) -> &ExprType {
        &self.ty
    }

    /// The facts it reads, as paths of types such as `nodes.os.build`, in alphabetical order.
    pub fn reads(&self) -> &[String] {
        &self.reads
    }

    /// Names of the parameters that it reads, in the order of their declaration.
    pub fn params_read(&self) -> impl Iterator<Item = &str> {
        self.params_read.iter().map(|at| self.params[*at].0.as_str())
    }

    /// How many of the variables that [`Env::bind`] declared it needs, from the first on: with the values of so many it
    /// can be evaluated.
    pub fn variables_read(&self) -> usize {
        self.variables_read
    }

    /// Evaluates it. Fast; nothing of how it came about is kept.
    pub fn eval<'a>(&'a self, scope: &Scope<'_, 'a>) -> Evaluated<'a> {
        let mut evaluator = Evaluator::new(self.text(), scope, Untraced);
        let seen = evaluator.value(&self.node);
        Evaluated(if evaluator.is_exhausted() { Plain::Unknown } else { seen.plain })
    }

    /// Evaluates a condition: true, false, or unknown (`None`).
    pub fn test<'a>(&'a self, scope: &Scope<'_, 'a>) -> Option<bool> {
        let mut evaluator = Evaluator::new(self.text(), scope, Untraced);
        let (truth, ()) = evaluator.truth(&self.node);
        if evaluator.is_exhausted() { None } else { Evaluated(truth.into()).truth() }
    }

    /// Evaluates it again, and tells what its value rests on. `paths` are those of the bound variables' values
    /// (`nodes[hv1]`), in their order; what is read of a variable without a path is not told.
    pub fn explain<'a>(&'a self, scope: &Scope<'_, 'a>, paths: &[String]) -> Explanation {
        self.explain_part(scope, paths, Wanted::All)
    }

    fn explain_part<'a>(&'a self, scope: &Scope<'_, 'a>, paths: &[String], wanted: Wanted) -> Explanation {
        let mut evaluator = Evaluator::new(self.text(), scope, Traced::default());
        let seen = evaluator.value(&self.node);
        let exhausted = evaluator.is_exhausted();
        let known = !exhausted && Datum::of(&seen.plain).is_some();
        let mark = evaluator.mark_of_all(&seen);
        let trace = evaluator.trace;
        let path_of = |root| match root {
            Root::Document => Some(String::new()),
            Root::Slot(slot) => paths.get(slot).filter(|path| !path.is_empty()).cloned(),
            Root::Param(at) => self.params.get(at).map(|(name, _)| format!("{PARAMS}.{name}")),
        };
        let mut out = Explanation { more: exhausted, ..Explanation::default() };
        trace.tell(mark, |told| out.hear(&told, wanted, |place| trace.path(place, &path_of)));
        if known {
            out.causes.clear();
        } else if out.causes.is_empty() {
            let why = if exhausted {
                "there are too many elements to look at"
            } else {
                "a value it needs is not known"
            };
            out.causes.push(Cause { path: String::new(), why: Some(why.to_owned()) });
        }
        out
    }

    /// Why its value is unknown; empty when it is known.
    pub fn causes<'a>(&'a self, scope: &Scope<'_, 'a>, paths: &[String]) -> Vec<Cause> {
        self.explain_part(scope, paths, Wanted::Causes).causes
    }

    /// The facts that its value rests on.
    pub fn evidence<'a>(&'a self, scope: &Scope<'_, 'a>, paths: &[String]) -> Vec<Evidence> {
        self.explain(scope, paths).evidence
    }
}

/// What of an explanation somebody asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    /// Why it is unknown, and nothing else: what was read and is known costs a path each.
    Causes,
}

impl Explanation {
    /// Notes one thing that a value rests on, as long as there is room for it.
    fn hear(&mut self, told: &Told<'_, '_>, wanted: Wanted, path: impl Fn(u32) -> Option<String>) {
        match told {
            Told::Read { value, cause, .. }
                if wanted == Wanted::Causes && !(*cause && matches!(value, Value::Missing)) => {}
            Told::Deciding { .. } if wanted == Wanted::Causes => {}
            Told::Read { place, value, cause } => {
                let cause = *cause && matches!(value, Value::Missing);
                let (no_cause, no_evidence) =
                    (self.causes.len() >= MAX_TOLD, self.evidence.len() >= MAX_TOLD);
                if (no_evidence || wanted == Wanted::Causes) && (no_cause || !cause) {
                    self.more = true;
                    return;
                }
                let Some(path) = path(*place) else { return };
                if wanted == Wanted::Causes {
                    if !self.causes.iter().any(|known| known.path == path && known.why.is_none()) {
                        self.causes.push(Cause { path, why: None });
                    }
                    return;
                }
                let new = !self.evidence.iter().any(|known| known.path == path);
                if cause
                    && !no_cause
                    && !self.causes.iter().any(|known| known.path == path && known.why.is_none())
                {
                    self.causes.push(Cause { path: path.clone(), why: None });
                }
                if new && !no_evidence {
                    let value = Evaluated(Plain::from(*value));
                    let value = (!value.is_unknown()).then(|| value.to_string());
                    self.evidence.push(Evidence { path, value });
                }
            }
            Told::Fault { place, why } => {
                let cause = Cause { path: path(*place).unwrap_or_default(), why: Some((*why).to_owned()) };
                if self.causes.len() >= MAX_TOLD {
                    self.more = true;
                } else if !self.causes.contains(&cause) {
                    self.causes.push(cause);
                }
            }
            Told::Deciding { place } => {
                let Some(path) = path(*place) else { return };
                if self.deciding.len() >= MAX_TOLD {
                    self.more = true;
                } else if !self.deciding.contains(&path) {
                    self.deciding.push(path);
                }
            }
        }
    }
}

impl<'a> Evaluated<'a> {
    /// The truth of a condition; nothing when it is unknown.
    pub fn truth(&self) -> Option<bool> {
        match self.0.truth() {
            Truth::False => Some(false),
            Truth::True => Some(true),
            Truth::Unknown => None,
        }
    }

    /// Whether nothing at all is known of it.
    pub fn is_unknown(&self) -> bool {
        self.0.is_unknown()
    }

    /// The value, when all of it is known, every element of a list too.
    pub fn datum(&self) -> Option<Datum<'a>> {
        Datum::of(&self.0)
    }

    /// The least and the greatest that an int can be; `None` for no bound. Of a number that is known, both are that.
    pub fn bounds(&self) -> Option<(i64, Option<i64>)> {
        match self.0 {
            Plain::Int(number) => Some((number, Some(number))),
            Plain::Between(least, most) => Some((least, (most != i64::MAX).then_some(most))),
            _ => None,
        }
    }

    /// How many elements a list has at least, and at most (`None` for no bound). Nothing when the list is unknown.
    pub fn count(&self) -> Option<(usize, Option<usize>)> {
        let Count { least, most } = self.0.count()?;
        let most = if most == i64::MAX { None } else { usize::try_from(most).ok() };
        Some((usize::try_from(least).unwrap_or(0), most))
    }

    /// The elements of a list, those that may be in it among them. Nothing when the list is unknown.
    pub fn elements(&self) -> Option<Vec<Element<'a>>> {
        match &self.0 {
            Plain::Facts(list) => {
                let certain =
                    |value| Element { value: Evaluated(Plain::from(value)), certain: true, many: false };
                Some((0..list.len()).filter_map(|at| list.get(at)).map(certain).collect())
            }
            Plain::Items(items) => {
                let element = |item: &Item<'a, ()>| Element {
                    value: Evaluated(item.seen.plain.clone()),
                    certain: item.presence == Presence::Certain,
                    many: item.presence == Presence::Many,
                };
                Some(items.items.iter().map(element).collect())
            }
            _ => None,
        }
    }

    /// Whether a list contains a value: true, false, or unknown (`None`).
    pub fn contains(&self, wanted: &Datum<'_>) -> Option<bool> {
        let mut open = false;
        for element in self.elements()? {
            match element.value.datum() {
                Some(found) if found != *wanted => {}
                Some(_) if element.certain => return Some(true),
                _ => open = true,
            }
        }
        if open { None } else { Some(false) }
    }
}

impl fmt::Debug for Evaluated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// As people read it; `unknown` for what is not known.
impl<'a> fmt::Display for Evaluated<'a> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Plain::Between(least, i64::MAX) => write!(f, "{least} or more"),
            Plain::Between(least, most) => write!(f, "{least} to {most}"),
            plain => match (Datum::of(plain), self.elements()) {
                (Some(datum), _) => datum.fmt(f),
                (None, Some(elements)) => {
                    let known = |element: &Element<'a>| element.value.datum().filter(|_| element.certain);
                    write_list(f, elements.iter().map(known), elements.len())
                }
                (None, None) => f.write_str("unknown"),
            },
        }
    }
}
