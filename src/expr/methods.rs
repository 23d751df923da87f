//! Checks of functions, methods and macros: what they are called on, and their arguments.

use super::advice::did_you_mean;
use super::check::{Checked, Checker};
use super::error::ExprError;
use super::node::{AsciiCase, Const, Extreme, Loop, Node, Quantifier, TextTest};
use super::parse::parse;
use super::syntax::{Expr, Kind, Word};
use super::types::ExprType;
use super::version::VersionText;
use super::vocabulary::{FUNCTIONS, Function, METHODS, Method, On, alias};
use crate::facts::{UnitError, parse_duration, parse_rate, parse_size};
use crate::source::suggest;
use ipnet::IpNet;
use regex::RegexBuilder;
use std::net::IpAddr;

/// Largest compiled pattern in bytes.
const MAX_PATTERN: usize = 1 << 20;

impl Checker<'_> {
    pub(super) fn call(&mut self, expr: &Expr, name: &Word, arguments: &[Expr]) -> Option<Checked> {
        let Some(Function { usage, .. }) = FUNCTIONS.iter().find(|known| known.name == name.text) else {
            return self.unknown_function(name, arguments);
        };
        let [argument] = arguments else {
            let error = ExprError::new(
                expr.range.clone(),
                format!("`{}` takes one argument, found {}", name.text, arguments.len()),
            );
            return self.refuse(error.help(format!("write `{usage}`")));
        };
        match name.text.as_str() {
            "has" => self.has(argument),
            "attested" => self.attested(argument, usage),
            "size" => {
                let of = self.check(argument)?;
                self.size(argument, of)
            }
            "bytes" => self.unit(argument, parse_size, Const::Size, ExprType::Size, usage),
            "duration" => self.unit(argument, parse_duration, Const::Duration, ExprType::Duration, usage),
            "rate" => self.unit(argument, parse_rate, Const::Rate, ExprType::Rate, usage),
            "version" => self.version(argument),
            "cidr" => self.cidr(argument),
            "int" => self.int(argument),
            _ => self.string(argument),
        }
    }

    /// Lowers to questions about the attestations, so that what it reads is known like everything else.
    fn attested(&mut self, argument: &Expr, usage: &str) -> Option<Checked> {
        let Kind::Str(subject) = &argument.kind else {
            let error = ExprError::new(argument.range.clone(), "`attested` takes text that stands there");
            return self.refuse(error.help(format!("write `{usage}`")));
        };
        if subject.is_empty() {
            return self.refuse(ExprError::new(argument.range.clone(), "the subject is empty"));
        }
        let mut ask = |more: &str| {
            let text = format!("attestations.exists(vouched, vouched.subject == {argument}{more})");
            let (question, errors) = parse(&text);
            debug_assert!(errors.is_empty(), "{text}: {errors:?}");
            self.condition(&question, "`attested` needs facts")
        };
        let (valid, any) = (ask(" && vouched.valid")?, ask("")?);
        Checked::computed(Node::Attested(valid.into(), any.into(), subject.as_str().into()), ExprType::Bool)
    }

    fn unknown_function(&mut self, name: &Word, arguments: &[Expr]) -> Option<Checked> {
        let message = format!("unknown function `{}`", name.text);
        let is_function = |word: &str| FUNCTIONS.iter().any(|known| known.name == word);
        let help = if let Some(method) = METHODS.iter().find(|method| method.name == name.text) {
            Some(format!("it is a method: write `{}`", method.usage))
        } else if let Some(own) = alias(&name.text, is_function) {
            did_you_mean(Some(own))
        } else {
            let names = FUNCTIONS.iter().map(|known| known.name);
            did_you_mean(suggest(&name.text, names.chain(METHODS.iter().map(|method| method.name))))
        };
        let help = help.unwrap_or_else(|| {
            format!("there are: {}", FUNCTIONS.iter().map(|known| known.name).collect::<Vec<_>>().join(", "))
        });
        self.errors.push(ExprError::new(name.range.clone(), message).help(help));
        // Its arguments can be wrong for themselves; with a variable of a macro among them they cannot be checked.
        if arguments.len() == 1 {
            self.check(&arguments[0]);
        }
        None
    }

    pub(super) fn method(
        &mut self,
        expr: &Expr,
        base: &Expr,
        name: &Word,
        arguments: &[Expr],
    ) -> Option<Checked> {
        let receiver = self.check(base)?;
        let Some(method) =
            METHODS.iter().find(|method| method.name == name.text && method.on.takes(&receiver.ty))
        else {
            return self.unknown_method(name, &receiver.ty);
        };
        if !method.arguments.contains(&arguments.len()) {
            let message = match (method.arguments.end(), arguments.len()) {
                (0, _) => format!("`{}` takes no argument", name.text),
                (_, found) if method.arguments.start() < method.arguments.end() => {
                    format!(
                        "`{}` takes {} or {} arguments, found {found}",
                        name.text,
                        method.arguments.start(),
                        method.arguments.end()
                    )
                }
                (1, found) => format!("`{}` takes one argument, found {found}", name.text),
                (_, found) => {
                    format!("`{}` takes {} arguments, found {found}", name.text, method.arguments.end())
                }
            };
            return self.refuse(
                ExprError::new(expr.range.clone(), message).help(format!("write `{}`", method.usage)),
            );
        }
        match (method.on, method.name, arguments) {
            (On::List, "all" | "exists" | "exists_one" | "filter" | "map", _) => {
                self.over_elements(receiver, method, arguments)
            }
            (On::TextOrList, ..) => self.size(base, receiver),
            (On::List, "join", [separator]) => self.join(expr, base, receiver, separator),
            (On::List, ..) => self.list_method(expr, base, receiver, method.name),
            (On::Text, "matches", [pattern]) => self.matches(receiver, pattern),
            (On::Text, test, [part]) => {
                let part = self.text(part)?;
                let test = match test {
                    "startsWith" => TextTest::StartsWith,
                    "endsWith" => TextTest::EndsWith,
                    _ => TextTest::Contains,
                };
                Checked::computed(Node::TextTest(test, receiver.node.into(), part.into()), ExprType::Bool)
            }
            (On::Text, case, _) => {
                let case = if case == "lowerAscii" { AsciiCase::Lower } else { AsciiCase::Upper };
                Checked::computed(Node::AsciiCase(case, receiver.node.into()), ExprType::Str)
            }
            (On::Cidr, what, [other]) => self.cidr_method(receiver, what, other),
            (On::Cidr, ..) => None,
        }
    }

    fn unknown_method(&mut self, name: &Word, ty: &ExprType) -> Option<Checked> {
        let usable = || METHODS.iter().filter(|method| method.on.takes(ty)).map(|method| method.name);
        let elsewhere = METHODS.iter().find(|method| method.name == name.text);
        let error = if let Some(method) = elsewhere {
            let message = format!("`{}` is for {}, this is a {ty}", name.text, method.on.word());
            let help = match (ty, name.text.as_str()) {
                (ExprType::List(_), "contains") => Some("write `value in list`".to_owned()),
                (ExprType::Str, "overlaps") => Some("make it a subnet first: `cidr(text)`".to_owned()),
                (ExprType::List(_), _) => {
                    Some(format!("ask it of the elements: `list.all(x, x.{} ...)`", name.text))
                }
                _ => None,
            };
            ExprError::new(name.range.clone(), message).maybe_help(help)
        } else {
            let message = format!("unknown method `{}`", name.text);
            let help = if FUNCTIONS.iter().any(|known| known.name == name.text) {
                Some(format!("it is a function: write `{}(...)`", name.text))
            } else {
                let own = alias(&name.text, |word| usable().any(|known| known == word));
                did_you_mean(own.or_else(|| suggest(&name.text, usable())))
            };
            let all = usable().collect::<Vec<_>>().join(", ");
            let help = help.or_else(|| (!all.is_empty()).then(|| format!("a {ty} has: {all}")));
            ExprError::new(name.range.clone(), message).maybe_help(help)
        };
        self.refuse(error)
    }

    /// `all`, `exists`, `exists_one`, `filter`, `map`.
    fn over_elements(&mut self, receiver: Checked, method: &Method, arguments: &[Expr]) -> Option<Checked> {
        let ExprType::List(element) = receiver.ty else { return None };
        let (first, rest) = arguments.split_first()?;
        let Kind::Name(name) = &first.kind else {
            let error = ExprError::new(first.range.clone(), "expected a name for the element here");
            return self.refuse(error.help(format!("write `{}`", method.usage)));
        };
        let name = Word { text: name.clone(), range: first.range.clone() };
        let slot = self.open(&name, (*element).clone(), receiver.origins.clone())?;
        let wanted = format!("`{}` needs a condition", method.name);
        let checked = match rest {
            [body] if method.name == "map" => self.check(body).map(|body| (None, body)),
            [condition, body] => {
                let condition = self.condition(condition, &wanted);
                let body = self.check(body);
                condition.zip(body).map(|(condition, body)| (Some(Box::new(condition)), body))
            }
            [condition] => self
                .condition(condition, &wanted)
                .and_then(|node| Checked::computed(node, ExprType::Bool).map(|body| (None, body))),
            _ => None,
        };
        self.variables.truncate(slot);
        let (condition, body) = checked?;
        let origins = if method.name == "map" { body.origins } else { receiver.origins };
        let over = Box::new(Loop { list: receiver.node, slot, body: body.node });
        let quantifier = match method.name {
            "all" => Quantifier::All,
            "exists" => Quantifier::Exists,
            "exists_one" => Quantifier::ExistsOne,
            "filter" => {
                return Some(Checked { node: Node::Filter(over), ty: ExprType::List(element), origins });
            }
            _ => {
                return Some(Checked {
                    node: Node::Map(over, condition),
                    ty: ExprType::List(body.ty.into()),
                    origins,
                });
            }
        };
        Checked::computed(Node::Quantifier(quantifier, over), ExprType::Bool)
    }

    fn has(&mut self, argument: &Expr) -> Option<Checked> {
        let document = |name: &str| self.env.document.and_then(|document| document.find(name));
        if let Kind::Name(name) = &argument.kind
            && !self.variables.iter().any(|variable| variable.name == *name)
            && document(name).is_some_and(|(_, field)| field.optional)
        {
            let fact = self.check(argument)?;
            return Checked::computed(Node::Has(fact.node.into()), ExprType::Bool);
        }
        let Kind::Field(base, _) = &argument.kind else {
            let error = ExprError::new(argument.range.clone(), "`has` needs a field");
            return self.refuse(error.help("write `has(node.field)`: whether that fact is known"));
        };
        if matches!(&base.kind, Kind::Name(name) if name == super::env::PARAMS) {
            self.check(argument)?;
            let error = ExprError::new(argument.range.clone(), "a parameter always has a value");
            return self.refuse(error.help("leave the `has` away"));
        }
        let fact = self.check(argument)?;
        Checked::computed(Node::Has(fact.node.into()), ExprType::Bool)
    }

    fn size(&mut self, expr: &Expr, of: Checked) -> Option<Checked> {
        if !On::TextOrList.takes(&of.ty) {
            let error = ExprError::new(
                expr.range.clone(),
                format!("`size` needs a string or a list, found {}", of.ty),
            );
            return self.refuse(error);
        }
        let node = match of.node {
            Node::Filter(over) => Node::CountWhere(over),
            other => Node::Size(other.into()),
        };
        Checked::computed(node, ExprType::Int)
    }

    /// An amount that is written out.
    fn unit(
        &mut self,
        argument: &Expr,
        parse: fn(&str) -> Result<i64, UnitError>,
        make: fn(i64) -> Const,
        ty: ExprType,
        usage: &str,
    ) -> Option<Checked> {
        let range = argument.range.clone();
        let Kind::Str(text) = &argument.kind else {
            self.check(argument)?;
            let error = ExprError::new(range, "expected an amount in quotes here");
            return self.refuse(error.help(format!(
                "write `{usage}`; for an amount to be set, declare a parameter of type {ty}"
            )));
        };
        match parse(text) {
            Ok(amount) => Checked::computed(Node::Const(make(amount)), ty),
            Err(error) => self.refuse(ExprError::new(range, error.message).help(error.help)),
        }
    }

    /// A part that must be text.
    fn text(&mut self, expr: &Expr) -> Option<Node> {
        let checked = self.check(expr)?;
        if checked.ty.is_text() {
            return Some(checked.node);
        }
        self.refuse(ExprError::new(
            expr.range.clone(),
            format!("expected a string here, found {}", checked.ty),
        ))
    }

    fn version(&mut self, argument: &Expr) -> Option<Checked> {
        if let Kind::Str(text) = &argument.kind {
            if VersionText::parse(text).is_none() {
                let error = ExprError::new(argument.range.clone(), format!("`{text}` is no version"));
                return self
                    .refuse(error.help("a version has a number in it, as in `version('10.0.20348')`"));
            }
            return Checked::computed(Node::Const(Const::Version(text.trim().into())), ExprType::Version);
        }
        let text = self.text(argument)?;
        Checked::computed(Node::Version(text.into()), ExprType::Version)
    }

    fn cidr(&mut self, argument: &Expr) -> Option<Checked> {
        if let Kind::Str(text) = &argument.kind {
            return match text.parse::<IpNet>() {
                Ok(subnet) => Checked::computed(Node::Const(Const::Cidr(subnet.trunc())), ExprType::Cidr),
                Err(_) => self.refuse(
                    ExprError::new(argument.range.clone(), format!("`{text}` is no subnet"))
                        .help("write an address and a prefix length: `cidr('10.0.0.0/24')`"),
                ),
            };
        }
        let text = self.text(argument)?;
        Checked::computed(Node::Cidr(text.into()), ExprType::Cidr)
    }

    fn cidr_method(&mut self, receiver: Checked, what: &str, other: &Expr) -> Option<Checked> {
        if what == "contains"
            && let Kind::Str(text) = &other.kind
            && text.parse::<IpAddr>().is_err()
        {
            let error = ExprError::new(other.range.clone(), format!("`{text}` is no IP address"));
            return self.refuse(error.help("for a subnet, write `cidr('10.0.0.0/24')`"));
        }
        let checked = self.check(other)?;
        let subnet = receiver.node.into();
        let node = match (what, &checked.ty) {
            ("contains", ty) if ty.is_text() => Node::CidrContains(subnet, checked.node.into()),
            ("contains", ExprType::Cidr) => Node::CidrCovers(subnet, checked.node.into()),
            ("overlaps", ExprType::Cidr) => Node::CidrOverlaps(subnet, checked.node.into()),
            // `overlaps` with text is a subnet's text.
            ("overlaps", ty) if ty.is_text() => {
                let other = match self.cidr(other) {
                    Some(other) => other.node,
                    None => return None,
                };
                Node::CidrOverlaps(subnet, other.into())
            }
            (_, ty) => {
                let error = ExprError::new(
                    other.range.clone(),
                    format!("expected an address or a subnet here, found {ty}"),
                );
                return self.refuse(error);
            }
        };
        Checked::computed(node, ExprType::Bool)
    }

    fn int(&mut self, argument: &Expr) -> Option<Checked> {
        let of = self.check(argument)?;
        if of.ty == ExprType::Int {
            return Some(of);
        }
        if !of.ty.is_text() {
            let error =
                ExprError::new(argument.range.clone(), format!("`int` reads a string, found {}", of.ty));
            let help = of.ty.is_unit().then(|| "divide by a unit: `size / bytes(\"1 MiB\")`".to_owned());
            return self.refuse(error.maybe_help(help));
        }
        Checked::computed(Node::ToInt(of.node.into()), ExprType::Int)
    }

    fn string(&mut self, argument: &Expr) -> Option<Checked> {
        let of = self.check(argument)?;
        match of.ty {
            ExprType::Bool
            | ExprType::Int
            | ExprType::Str
            | ExprType::Choice(_)
            | ExprType::Version
            | ExprType::Cidr => Checked::computed(Node::ToText(of.node.into()), ExprType::Str),
            ty => {
                let error = ExprError::new(argument.range.clone(), format!("`string` cannot write a {ty}"));
                self.refuse(
                    error.help(
                        "in a message, amounts and lists write themselves: `{node.memory.total_bytes}`",
                    ),
                )
            }
        }
    }

    fn matches(&mut self, receiver: Checked, pattern: &Expr) -> Option<Checked> {
        let Kind::Str(text) = &pattern.kind else {
            self.text(pattern)?;
            let error = ExprError::new(pattern.range.clone(), "the pattern must be written out here");
            return self.refuse(error.help(
                "write `text.matches(r'^hv\\d+$')`; for the rest there are `==`, `contains`, `startsWith`",
            ));
        };
        match RegexBuilder::new(text).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build() {
            Ok(regex) => {
                Checked::computed(Node::Matches(receiver.node.into(), Box::new(regex)), ExprType::Bool)
            }
            Err(error) => {
                let error = error.to_string();
                let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
                self.refuse(ExprError::new(
                    pattern.range.clone(),
                    format!("this is no regular expression: {why}"),
                ))
            }
        }
    }

    fn join(&mut self, expr: &Expr, base: &Expr, receiver: Checked, separator: &Expr) -> Option<Checked> {
        let separator = self.text(separator);
        if !receiver.ty.element().is_some_and(|element| element.is_text() || *element == ExprType::Any) {
            let error = ExprError::new(
                base.range.clone(),
                format!("`join` needs a list of string, this is a {}", receiver.ty),
            );
            return self.refuse(error.help("make text of the elements: `list.map(x, string(x)).join(', ')`"));
        }
        let node = Node::Join(receiver.node.into(), separator?.into(), expr.range.clone());
        Checked::computed(node, ExprType::Str)
    }

    /// `distinct`, `flatten`, `sort`, `min`, `max`, `sum`.
    fn list_method(&mut self, expr: &Expr, base: &Expr, receiver: Checked, name: &str) -> Option<Checked> {
        let Checked { node, ty, origins } = receiver;
        let ExprType::List(element) = &ty else { return None };
        let node = Box::new(node);
        let range = expr.range.clone();
        let fits = match name {
            "distinct" => element.is_comparable(),
            "flatten" => element.element().is_some() || **element == ExprType::Any,
            "sum" => element.is_amount() || **element == ExprType::Any,
            _ => element.is_ordered() || matches!(**element, ExprType::Choice(_) | ExprType::Any),
        };
        if !fits {
            let (wanted, help) = match name {
                "distinct" => (
                    "elements that can be compared",
                    "compare fields of them: `list.map(x, x.name).distinct()`",
                ),
                "flatten" => ("a list of lists", "leave it away"),
                "sum" => ("numbers", "take one of each element: `list.map(x, x.field).sum()`"),
                _ => {
                    ("elements that have an order", "take one of each element: `list.map(x, x.field).sort()`")
                }
            };
            let error =
                ExprError::new(base.range.clone(), format!("`{name}` needs {wanted}, this is a {ty}"));
            return self.refuse(error.help(help));
        }
        let element = (**element).clone();
        let (node, ty) = match name {
            "distinct" => (Node::Distinct(node), ty),
            "sort" => (Node::Sort(node), ty),
            "flatten" if element == ExprType::Any => (Node::Flatten(node), ty),
            "flatten" => (Node::Flatten(node), element),
            "min" => (Node::Extreme(Extreme::Least, node, range), element),
            "max" => (Node::Extreme(Extreme::Greatest, node, range), element),
            _ => {
                let nothing = match element {
                    ExprType::Size => Const::Size(0),
                    ExprType::Duration => Const::Duration(0),
                    ExprType::Rate => Const::Rate(0),
                    _ => Const::Int(0),
                };
                // The sum of nothing is a number.
                let ty = if element == ExprType::Any { ExprType::Int } else { element };
                (Node::Sum(node, nothing, range), ty)
            }
        };
        Some(Checked { node, ty, origins })
    }
}
