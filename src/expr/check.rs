//! A syntax tree to a checked tree: names to places, operators to what they do, types to one another.
//!
//! Every mistake that can be seen without facts is an error here, and independent ones are all told. A part with an error has
//! no type, and whatever it stands in tells nothing more of it.

use super::advice::{
    arithmetic_help, compare_key, comparison_help, did_you_mean, group_of, no_fields, unknown_field,
    unknown_word,
};
use super::env::{Env, PARAMS};
use super::error::ExprError;
use super::node::{Arithmetic, Const, MAX_VARIABLES, Node, Relation, Root, Step};
use super::syntax::{Expr, Kind, Operator, Word};
use super::types::ExprType;
use crate::source::suggest;
use std::collections::BTreeSet;

/// A checked part: what it does, its type, and the type paths of the facts that it may be.
pub(super) struct Checked {
    pub(super) node: Node,
    pub(super) ty: ExprType,
    pub(super) origins: Vec<String>,
}

impl Checked {
    /// One that is computed, and so stands nowhere in the facts.
    #[expect(clippy::unnecessary_wraps, reason = "it ends checks, which can fail before")]
    pub(super) fn computed(node: Node, ty: ExprType) -> Option<Self> {
        Some(Checked { node, ty, origins: Vec::new() })
    }
}

/// A variable in reach.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) ty: ExprType,
    pub(super) origins: Vec<String>,
}

pub(super) struct Checker<'e> {
    pub(super) env: &'e Env,
    /// The rule's first, then those of the macros around; the position is the slot.
    pub(super) variables: Vec<Variable>,
    pub(super) errors: Vec<ExprError>,
    pub(super) reads: BTreeSet<String>,
    /// The parameters that were read, by their place in the declaration.
    pub(super) params_read: BTreeSet<usize>,
    /// How many of the rule's variables must be bound for what was read.
    pub(super) variables_read: usize,
}

impl<'e> Checker<'e> {
    pub(super) fn new(env: &'e Env) -> Self {
        let variables = env.bound.iter().map(|bound| Variable {
            name: bound.name.clone(),
            ty: bound.ty.clone(),
            origins: (!bound.path.is_empty()).then(|| bound.path.clone()).into_iter().collect(),
        });
        Checker {
            env,
            variables: variables.collect(),
            errors: Vec::new(),
            reads: BTreeSet::new(),
            params_read: BTreeSet::new(),
            variables_read: 0,
        }
    }

    /// Tells an error; the part has no type.
    pub(super) fn refuse<T>(&mut self, error: ExprError) -> Option<T> {
        self.errors.push(error);
        None
    }

    /// The type paths that were read, without those that only led to others.
    pub(super) fn leaves(&self) -> Vec<String> {
        let below = |path: &String, other: &String| {
            other.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.'))
        };
        self.reads.iter().filter(|path| !self.reads.iter().any(|other| below(path, other))).cloned().collect()
    }

    pub(super) fn check(&mut self, expr: &Expr) -> Option<Checked> {
        match &expr.kind {
            Kind::Hole => None,
            Kind::Bool(value) => Checked::computed(Node::Const(Const::Bool(*value)), ExprType::Bool),
            Kind::Int(value) => Checked::computed(Node::Const(Const::Int(*value)), ExprType::Int),
            Kind::Str(value) => {
                Checked::computed(Node::Const(Const::Str(value.as_str().into())), ExprType::Str)
            }
            Kind::List(elements) => self.list(elements),
            Kind::Name(name) => self.name(expr, name),
            Kind::Field(base, field) => self.field(base, field),
            Kind::Index(base, index) => self.index(expr, base, index),
            Kind::Call(name, arguments) => self.call(expr, name, arguments),
            Kind::Method(base, name, arguments) => self.method(expr, base, name, arguments),
            Kind::Not(of) => {
                let of = self.condition(of, "`!` needs a bool")?;
                Checked::computed(Node::Not(of.into()), ExprType::Bool)
            }
            Kind::Minus(of) => {
                let range = expr.range.clone();
                let of = self.check(of)?;
                if !of.ty.is_amount() {
                    return self
                        .refuse(ExprError::new(range, format!("`-` needs a number, found {}", of.ty)));
                }
                Checked::computed(Node::Minus(of.node.into(), range), of.ty)
            }
            Kind::Binary(operator, left, right) => self.binary(expr, *operator, left, right),
            Kind::Choose(condition, then, otherwise) => self.choose(condition, then, otherwise),
        }
    }

    /// A part that must be a bool.
    pub(super) fn condition(&mut self, expr: &Expr, wanted: &str) -> Option<Node> {
        let checked = self.check(expr)?;
        if checked.ty == ExprType::Bool {
            return Some(checked.node);
        }
        let help = match &checked.ty {
            ExprType::Int => Some("compare it, as in `x > 0`"),
            ExprType::List(_) => Some("ask `size(list) > 0`, or `list.all(x, ...)`"),
            ty if ty.is_text() => Some("compare it, as in `x == 'text'`"),
            _ => None,
        };
        let error = ExprError::new(expr.range.clone(), format!("{wanted}, found {}", checked.ty));
        self.refuse(error.maybe_help(help.map(str::to_owned)))
    }

    fn list(&mut self, elements: &[Expr]) -> Option<Checked> {
        let mut ty = ExprType::Any;
        let mut nodes = Vec::new();
        let mut origins = Vec::new();
        for expr in elements {
            let Some(element) = self.check(expr) else { continue };
            let Some(common) = ty.common(&element.ty) else {
                let message =
                    format!("a list has elements of one type: this is {}, those before are {ty}", element.ty);
                self.errors.push(ExprError::new(expr.range.clone(), message));
                continue;
            };
            ty = common;
            merge(&mut origins, element.origins);
            nodes.push(element.node);
        }
        (nodes.len() == elements.len()).then(|| Checked {
            node: Node::List(nodes.into()),
            ty: ExprType::List(ty.into()),
            origins,
        })
    }

    fn name(&mut self, expr: &Expr, name: &str) -> Option<Checked> {
        if let Some(slot) = self.variables.iter().rposition(|variable| variable.name == name) {
            let Variable { ty, origins, .. } = &self.variables[slot];
            let checked =
                Checked { node: Node::Root(Root::Slot(slot)), ty: ty.clone(), origins: origins.clone() };
            self.reads.extend(checked.origins.iter().cloned());
            if slot < self.env.bound.len() {
                self.variables_read = self.variables_read.max(slot + 1);
            }
            return Some(checked);
        }
        if let Some((index, field)) = self.env.document.and_then(|document| document.find(name)) {
            self.reads.insert(name.to_owned());
            let step = Step { index, name: field.name };
            return Some(Checked {
                node: Node::Path(Root::Document, [step].into()),
                ty: (field.ty)().into(),
                origins: vec![name.to_owned()],
            });
        }
        let error = if name == PARAMS {
            ExprError::new(expr.range.clone(), "`params` needs the name of a parameter, as in `params.limit`")
        } else {
            let variables = self.variables.iter().rev().map(|variable| variable.name.as_str());
            let similar = suggest(name, variables.chain(self.env.names()));
            let help = did_you_mean(similar).or_else(|| self.owner_of(name));
            ExprError::new(expr.range.clone(), format!("unknown name `{name}`")).maybe_help(help)
        };
        self.refuse(error)
    }

    /// For a field that was written without the variable it belongs to.
    fn owner_of(&self, name: &str) -> Option<String> {
        self.variables.iter().rev().find_map(|variable| match variable.ty {
            ExprType::Record(record) if record.find(name).is_some() => {
                Some(format!("did you mean `{}.{name}`?", variable.name))
            }
            ExprType::Record(record) => group_of(record, name)
                .map(|group| format!("did you mean `{}.{group}.{name}`?", variable.name)),
            _ => None,
        })
    }

    fn field(&mut self, base: &Expr, field: &Word) -> Option<Checked> {
        if let Kind::Name(name) = &base.kind
            && name == PARAMS
        {
            return self.param(field);
        }
        let base = self.check(base)?;
        // The parser has told that a name is missing.
        if field.text.is_empty() {
            return None;
        }
        let ExprType::Record(record) = base.ty else {
            return self.refuse(no_fields(&base.ty, field));
        };
        let Some((index, found)) = record.find(&field.text) else {
            return self.refuse(unknown_field(record, field));
        };
        let step = Step { index, name: found.name };
        let origins: Vec<String> = base.origins.iter().map(|path| format!("{path}.{}", found.name)).collect();
        self.reads.extend(origins.iter().cloned());
        let node = match base.node {
            Node::Root(root) => Node::Path(root, [step].into()),
            Node::Path(root, steps) => {
                let mut steps = steps.into_vec();
                steps.push(step);
                Node::Path(root, steps.into())
            }
            other => Node::Field(other.into(), step),
        };
        Some(Checked { node, ty: (found.ty)().into(), origins })
    }

    fn param(&mut self, name: &Word) -> Option<Checked> {
        if let Some(at) = self.env.params.iter().position(|(param, _)| *param == name.text) {
            self.params_read.insert(at);
            return Checked::computed(Node::Root(Root::Param(at)), (&self.env.params[at].1).into());
        }
        let names = self.env.params.iter().map(|(param, _)| param.as_str());
        let help = did_you_mean(suggest(&name.text, names)).unwrap_or_else(|| {
            format!("declare it: `[param.{}]` with `type`, `default` and `doc`", name.text)
        });
        let error = ExprError::new(name.range.clone(), format!("unknown parameter `{}`", name.text));
        self.refuse(error.help(help))
    }

    fn index(&mut self, expr: &Expr, base: &Expr, index: &Expr) -> Option<Checked> {
        let (checked, at) = (self.check(base), self.check(index));
        let (base_range, checked, at) = (&base.range, checked?, at?);
        let ExprType::List(element) = checked.ty else {
            let help = match (&checked.ty, &index.kind) {
                (ExprType::Record(_), Kind::Str(name)) => Some(format!("write `.{name}`")),
                _ => None,
            };
            let error = ExprError::new(
                base_range.clone(),
                format!("only a list has an index, this is {}", checked.ty),
            );
            return self.refuse(error.maybe_help(help));
        };
        if at.ty != ExprType::Int {
            let key = match element.as_ref() {
                ExprType::Record(record) => record.key.map(|key| record.fields[key].name),
                _ => None,
            };
            let help =
                key.filter(|_| at.ty.is_text()).map(|key| format!("write `.filter(x, x.{key} == ...)`"));
            let error = ExprError::new(index.range.clone(), format!("an index is an int, this is {}", at.ty));
            return self.refuse(error.maybe_help(help));
        }
        let node = Node::Index(checked.node.into(), at.node.into(), expr.range.clone());
        Some(Checked { node, ty: *element, origins: checked.origins })
    }

    fn choose(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr) -> Option<Checked> {
        let condition = self.condition(condition, "`?` needs a bool before it");
        let (first, second) = (self.check(then), self.check(otherwise));
        let (condition, mut first, second) = (condition?, first?, second?);
        let Some(ty) = first.ty.common(&second.ty) else {
            let message =
                format!("both sides of `:` have one type: these are {} and {}", first.ty, second.ty);
            return self.refuse(ExprError::new(then.range.start..otherwise.range.end, message));
        };
        merge(&mut first.origins, second.origins);
        let node = Node::Choose(condition.into(), first.node.into(), second.node.into());
        Some(Checked { node, ty, origins: first.origins })
    }

    fn binary(&mut self, expr: &Expr, operator: Operator, left: &Expr, right: &Expr) -> Option<Checked> {
        let relation = match operator {
            Operator::And | Operator::Or => {
                let wanted = "`&&` and `||` need a bool";
                let (first, second) = (self.condition(left, wanted), self.condition(right, wanted));
                let (first, second) = (Box::new(first?), Box::new(second?));
                let and = operator == Operator::And;
                let node = if and { Node::And(first, second) } else { Node::Or(first, second) };
                return Checked::computed(node, ExprType::Bool);
            }
            Operator::In => return self.is_in(expr, left, right),
            Operator::Add => return self.arithmetic(expr, Arithmetic::Add, operator, left, right),
            Operator::Subtract => return self.arithmetic(expr, Arithmetic::Subtract, operator, left, right),
            Operator::Multiply => return self.arithmetic(expr, Arithmetic::Multiply, operator, left, right),
            Operator::Divide => return self.arithmetic(expr, Arithmetic::Divide, operator, left, right),
            Operator::Remainder => {
                return self.arithmetic(expr, Arithmetic::Remainder, operator, left, right);
            }
            Operator::Equal => Relation::Equal,
            Operator::Unequal => Relation::Unequal,
            Operator::Less => Relation::Less,
            Operator::LessEqual => Relation::LessEqual,
            Operator::Greater => Relation::Greater,
            Operator::GreaterEqual => Relation::GreaterEqual,
        };
        let (first, second) = (self.check(left), self.check(right));
        let (first, second) = (first?, second?);
        let Some(common) = first.ty.common(&second.ty) else {
            let message = format!("cannot compare {} with {}", first.ty, second.ty);
            let error = ExprError::new(expr.range.clone(), message);
            return self.refuse(error.maybe_help(comparison_help(left, &first.ty, &second.ty)));
        };
        if !common.is_comparable() {
            let error = ExprError::new(expr.range.clone(), format!("cannot compare {common} as a whole"));
            return self.refuse(error.maybe_help(compare_key(&common)));
        }
        let equality = matches!(relation, Relation::Equal | Relation::Unequal);
        let words = [&first.ty, &second.ty].into_iter().find_map(|ty| match ty {
            ExprType::Choice(choice) => Some(format!("the words of {} have no order", choice.name)),
            _ => None,
        });
        if !equality && (words.is_some() || !common.is_ordered()) {
            let what = words.unwrap_or_else(|| format!("{common} has no order"));
            let error = ExprError::new(expr.range.clone(), what);
            return self.refuse(error.help("use `==`, `!=` or `in`"));
        }
        self.check_words(left, &second.ty);
        self.check_words(right, &first.ty);
        Checked::computed(Node::Compare(relation, first.node.into(), second.node.into()), ExprType::Bool)
    }

    fn is_in(&mut self, expr: &Expr, left: &Expr, right: &Expr) -> Option<Checked> {
        let (first, second) = (self.check(left), self.check(right));
        let (first, second) = (first?, second?);
        let ExprType::List(element) = &second.ty else {
            let help = if second.ty.is_text() && first.ty.is_text() {
                Some("write `text.contains('part')`")
            } else if second.ty == ExprType::Cidr {
                Some("write `cidr(...).contains(address)`")
            } else {
                None
            };
            let error =
                ExprError::new(right.range.clone(), format!("`in` needs a list, found {}", second.ty));
            return self.refuse(error.maybe_help(help.map(str::to_owned)));
        };
        let Some(common) = first.ty.common(element) else {
            let message = format!("cannot look for {} in a {}", first.ty, second.ty);
            return self.refuse(ExprError::new(expr.range.clone(), message));
        };
        if !common.is_comparable() {
            let error = ExprError::new(expr.range.clone(), format!("cannot compare {common} as a whole"));
            return self.refuse(error.help("write `list.exists(x, x.name == ...)`"));
        }
        self.check_words(left, element);
        self.check_words(right, &first.ty);
        Checked::computed(Node::In(first.node.into(), second.node.into()), ExprType::Bool)
    }

    /// Words written out beside a closed list of words must be of that list.
    pub(super) fn check_words(&mut self, expr: &Expr, beside: &ExprType) {
        let choice = match beside {
            ExprType::Choice(choice) => *choice,
            ExprType::List(element) => match element.as_ref() {
                ExprType::Choice(choice) => *choice,
                _ => return,
            },
            _ => return,
        };
        match &expr.kind {
            Kind::Str(word) if !choice.words.iter().any(|(known, _)| known == word) => {
                self.errors.push(unknown_word(choice, word, expr));
            }
            Kind::List(elements) => elements.iter().for_each(|element| self.check_words(element, beside)),
            Kind::Choose(_, then, otherwise) => {
                self.check_words(then, beside);
                self.check_words(otherwise, beside);
            }
            _ => {}
        }
    }

    fn arithmetic(
        &mut self,
        expr: &Expr,
        what: Arithmetic,
        operator: Operator,
        left: &Expr,
        right: &Expr,
    ) -> Option<Checked> {
        let (first, second) = (self.check(left), self.check(right));
        let (mut first, second) = (first?, second?);
        let (a, b) = (&first.ty, &second.ty);
        let same_unit = a == b && a.is_unit();
        let ty = match what {
            Arithmetic::Add if a.is_text() && b.is_text() => {
                let node = Node::Concat(first.node.into(), second.node.into(), expr.range.clone());
                return Checked::computed(node, ExprType::Str);
            }
            Arithmetic::Add if a.element().is_some() && b.element().is_some() => {
                let Some(ty) = a.common(b) else {
                    let message = format!("cannot join a {a} and a {b}");
                    return self.refuse(ExprError::new(expr.range.clone(), message));
                };
                merge(&mut first.origins, second.origins);
                let node = Node::Append(first.node.into(), second.node.into());
                return Some(Checked { node, ty, origins: first.origins });
            }
            Arithmetic::Add | Arithmetic::Subtract if same_unit => Some(a.clone()),
            Arithmetic::Multiply | Arithmetic::Divide if a.is_unit() && *b == ExprType::Int => {
                Some(a.clone())
            }
            Arithmetic::Multiply if b.is_unit() && *a == ExprType::Int => Some(b.clone()),
            Arithmetic::Divide if same_unit => Some(ExprType::Int),
            _ if *a == ExprType::Int && *b == ExprType::Int => Some(ExprType::Int),
            _ => None,
        };
        let Some(ty) = ty else {
            let verb = match what {
                Arithmetic::Add => format!("cannot add {b} to {a}"),
                Arithmetic::Subtract => format!("cannot subtract {b} from {a}"),
                Arithmetic::Multiply => format!("cannot multiply {a} by {b}"),
                Arithmetic::Divide => format!("cannot divide {a} by {b}"),
                Arithmetic::Remainder => format!("cannot take the remainder of {a} by {b}"),
            };
            let help = arithmetic_help(operator, a, b);
            return self.refuse(ExprError::new(expr.range.clone(), verb).maybe_help(help));
        };
        let node = Node::Arithmetic(what, first.node.into(), second.node.into(), expr.range.clone());
        Checked::computed(node, ty)
    }

    /// Opens a variable for the elements of a list, and gives its slot.
    pub(super) fn open(&mut self, name: &Word, ty: ExprType, origins: Vec<String>) -> Option<usize> {
        let range = name.range.clone();
        let rule_names = self.env.bound.len();
        let taken = self.variables.iter().position(|variable| variable.name == name.text);
        if name.text == PARAMS
            || self.env.document.is_some_and(|document| document.find(&name.text).is_some())
        {
            let error = ExprError::new(range, format!("`{}` has a meaning already", name.text));
            return self.refuse(error.help("choose another name for the element"));
        }
        if let Some(slot) = taken {
            let by = if slot < rule_names { "by the rule" } else { "around this" };
            let error = ExprError::new(range, format!("`{}` is bound already {by}", name.text));
            return self.refuse(error.help("choose another name for the element"));
        }
        if self.variables.len() == MAX_VARIABLES {
            let error = ExprError::new(range, format!("more than {MAX_VARIABLES} variables at a time"));
            return self.refuse(error.help("split the rule into several"));
        }
        self.variables.push(Variable { name: name.text.clone(), ty, origins });
        Some(self.variables.len() - 1)
    }
}

/// Adds what is not there yet.
fn merge(into: &mut Vec<String>, from: Vec<String>) {
    for path in from {
        if !into.contains(&path) {
            into.push(path);
        }
    }
}
