//! Tokens to a syntax tree, by operator precedence.
//!
//! Total: any text gives a tree, with a [`Kind::Hole`] where something could not be read, and an error for each mistake that
//! stands on its own. Recursion is bounded by [`MAX_DEPTH`].

use super::error::{ExprError, MAX_ERRORS};
use super::syntax::{Expr, Kind, MAX_DEPTH, Operator, Word};
use super::token::{MAX_TEXT, Placed, Token, tokens};
use std::ops::Range;

/// Words that cannot be names, as in CEL; but for `package`, which is what a rule calls one of a node's `packages`.
const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "return",
    "true",
    "var",
    "void",
    "while",
];

/// Parses a text. The tree may be used even when there are errors: what is wrong is a hole in it.
pub(super) fn parse(text: &str) -> (Expr, Vec<ExprError>) {
    let mut errors = Vec::new();
    if text.len() > MAX_TEXT {
        let error = ExprError::new(0..0, format!("the expression is longer than {} KiB", MAX_TEXT / 1024));
        let hole = Expr { kind: Kind::Hole, range: 0..text.len(), depth: 1 };
        return (hole, vec![error.help("split the rule into several")]);
    }
    let tokens = tokens(text, &mut errors);
    let mut parser = Parser { tokens, at: 0, depth: 0, given_up: false, errors };
    let expr = parser.expression();
    parser.finish();
    (expr, parser.errors)
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    /// Set when the rest of the text can say nothing any more.
    given_up: bool,
    errors: Vec<ExprError>,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |placed| &placed.token)
    }

    fn range(&self) -> Range<usize> {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(0..0, |placed| placed.range.clone())
    }

    /// Where the token before this one ends.
    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |placed| placed.range.end)
    }

    fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == word)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.at += 1;
        }
        found
    }

    fn error(&mut self, error: ExprError) {
        if !self.given_up && self.errors.len() < MAX_ERRORS {
            self.errors.push(error);
        }
    }

    /// Passes over all that is left; nothing more is told.
    fn give_up(&mut self) {
        self.given_up = true;
        self.at = self.tokens.len().saturating_sub(1);
    }

    fn hole(&self) -> Expr {
        let at = self.range().start;
        Expr { kind: Kind::Hole, range: at..at, depth: 1 }
    }

    /// A part made of others; gives up where it would become too deep.
    fn build(&mut self, start: usize, kind: Kind) -> Expr {
        let deepest = match &kind {
            Kind::List(all) | Kind::Call(_, all) => all.iter().map(|part| part.depth).max(),
            Kind::Field(a, _) | Kind::Not(a) | Kind::Minus(a) => Some(a.depth),
            Kind::Index(a, b) | Kind::Binary(_, a, b) => Some(a.depth.max(b.depth)),
            Kind::Method(a, _, all) => all.iter().map(|part| part.depth).chain([a.depth]).max(),
            Kind::Choose(a, b, c) => Some(a.depth.max(b.depth).max(c.depth)),
            Kind::Hole | Kind::Bool(_) | Kind::Int(_) | Kind::Str(_) | Kind::Name(_) => None,
        };
        let depth = deepest.unwrap_or(0) + 1;
        if depth > MAX_DEPTH {
            self.too_deep(start);
            return self.hole();
        }
        Expr { kind, range: start..self.end().max(start), depth }
    }

    fn too_deep(&mut self, start: usize) {
        let error = ExprError::new(start..start, format!("this is nested deeper than {MAX_DEPTH} levels"));
        self.error(error.help("split the rule into several"));
        self.give_up();
    }

    fn expression(&mut self) -> Expr {
        self.depth += 1;
        let expr = if self.depth > MAX_DEPTH {
            self.too_deep(self.range().start);
            self.hole()
        } else {
            self.choice()
        };
        self.depth -= 1;
        expr
    }

    /// `condition ? then : otherwise`
    fn choice(&mut self) -> Expr {
        let start = self.range().start;
        let condition = self.binary(1);
        let question = self.range();
        if !self.take("?") {
            return condition;
        }
        let then = self.binary(1);
        if !self.take(":") {
            let error = ExprError::new(question, "this `?` has no `:`");
            self.error(error.help("write `condition ? value : other value`"));
            return self.build(start, Kind::Choose(condition.into(), then.into(), self.hole().into()));
        }
        let otherwise = self.expression();
        self.build(start, Kind::Choose(condition.into(), then.into(), otherwise.into()))
    }

    /// The operator that comes next, if one does. Words of other languages are told and taken for what they mean.
    fn operator(&mut self) -> Option<(Operator, u8)> {
        match self.peek() {
            Token::Sign(sign) => Operator::of(sign),
            Token::Name(word) => {
                let meant = match word.as_str() {
                    "in" => return Operator::of("in"),
                    "and" | "AND" => "&&",
                    "or" | "OR" => "||",
                    "is" => "==",
                    _ => return None,
                };
                let error = ExprError::new(self.range(), format!("unexpected `{word}`"));
                self.error(error.help(format!("write `{meant}`")));
                Operator::of(meant)
            }
            _ => None,
        }
    }

    fn binary(&mut self, least: u8) -> Expr {
        let start = self.range().start;
        let mut left = self.unary();
        loop {
            let before = self.errors.len();
            let Some((operator, binding)) = self.operator() else { return left };
            if binding < least {
                // The same operator is met again further up, and told there.
                self.errors.truncate(before);
                return left;
            }
            self.at += 1;
            let right = self.binary_right(binding + 1);
            left = self.build(start, Kind::Binary(operator, left.into(), right.into()));
        }
    }

    fn binary_right(&mut self, least: u8) -> Expr {
        if matches!(self.peek(), Token::End) {
            return self.missing_value();
        }
        self.binary(least)
    }

    fn unary(&mut self) -> Expr {
        let start = self.range().start;
        if self.is_word("not") && self.begins_value(self.at + 1) {
            let error = ExprError::new(self.range(), "unexpected `not`");
            self.error(error.help("write `!`"));
        } else if self.is("-") {
            if let Some(Token::Int(number)) = self.tokens.get(self.at + 1).map(|placed| &placed.token) {
                let value = 0_i64.checked_sub_unsigned(*number);
                self.at += 2;
                let value = self.whole(start, value);
                let literal = self.build(start, Kind::Int(value));
                return self.members(start, literal);
            }
        } else if !self.is("!") {
            return self.member();
        }
        let negation = !self.is("-");
        self.at += 1;
        self.depth += 1;
        let of = if self.depth > MAX_DEPTH {
            self.too_deep(start);
            self.hole()
        } else {
            self.unary()
        };
        self.depth -= 1;
        self.build(start, if negation { Kind::Not(of.into()) } else { Kind::Minus(of.into()) })
    }

    fn whole(&mut self, start: usize, value: Option<i64>) -> i64 {
        value.unwrap_or_else(|| {
            let error = ExprError::new(start..self.end(), "this number is too large");
            self.error(error.help("numbers go from -9223372036854775808 to 9223372036854775807"));
            1
        })
    }

    /// Whether a value can begin at a token.
    fn begins_value(&self, at: usize) -> bool {
        match self.tokens.get(at).map(|placed| &placed.token) {
            Some(Token::Int(_) | Token::Str(_) | Token::Wrong) => true,
            Some(Token::Name(word)) => word != "in",
            Some(Token::Sign(sign)) => matches!(*sign, "(" | "[" | "!" | "-"),
            _ => false,
        }
    }

    fn member(&mut self) -> Expr {
        let start = self.range().start;
        let first = self.primary();
        self.members(start, first)
    }

    /// What follows a value: `.name`, `.name(...)`, `[index]`.
    fn members(&mut self, start: usize, first: Expr) -> Expr {
        let mut expr = first;
        loop {
            if self.take(".") {
                let Token::Name(text) = self.peek().clone() else {
                    let error = ExprError::new(self.range(), "expected the name of a field here");
                    self.error(error.maybe_help(None));
                    return self.build(
                        start,
                        Kind::Field(expr.into(), Word { text: String::new(), range: self.range() }),
                    );
                };
                let name = Word { text, range: self.range() };
                self.at += 1;
                let kind = if self.is("(") {
                    Kind::Method(expr.into(), name, self.arguments("(", ")"))
                } else {
                    Kind::Field(expr.into(), name)
                };
                expr = self.build(start, kind);
            } else if self.is("[") {
                let bracket = self.range().start;
                let mut inside = self.arguments("[", "]");
                let kind = match (inside.pop(), inside.is_empty()) {
                    (Some(index), true) => Kind::Index(expr.into(), index.into()),
                    (found, _) => {
                        let message =
                            if found.is_some() { "one index is enough" } else { "expected an index here" };
                        self.error(ExprError::new(bracket..self.end(), message));
                        Kind::Hole
                    }
                };
                expr = self.build(start, kind);
            } else {
                return expr;
            }
        }
    }

    fn primary(&mut self) -> Expr {
        let start = self.range().start;
        match self.peek().clone() {
            Token::Int(number) => {
                self.at += 1;
                let value = self.whole(start, i64::try_from(number).ok());
                self.build(start, Kind::Int(value))
            }
            Token::Str(text) => {
                self.at += 1;
                self.build(start, Kind::Str(text))
            }
            Token::Name(name) => self.name(start, name),
            Token::Sign("(") => {
                let open = self.range();
                self.at += 1;
                if self.is(")") {
                    self.error(ExprError::new(self.range(), "expected a value here"));
                    self.at += 1;
                    return self.hole();
                }
                let mut inside = self.expression();
                self.close(open, "(", ")");
                inside.range = start..self.end();
                inside
            }
            Token::Sign("[") => {
                let elements = self.arguments("[", "]");
                self.build(start, Kind::List(elements))
            }
            Token::Sign("{") => {
                let error = ExprError::new(self.range(), "there are no maps here");
                self.error(error.help("a list is written `[a, b]`"));
                self.give_up();
                self.hole()
            }
            Token::Wrong => {
                let hole = Expr { kind: Kind::Hole, range: self.range(), depth: 1 };
                self.at += 1;
                hole
            }
            Token::Sign(_) | Token::End => self.missing_value(),
        }
    }

    fn name(&mut self, start: usize, name: String) -> Expr {
        let range = self.range();
        match name.as_str() {
            "true" | "false" => {
                self.at += 1;
                return self.build(start, Kind::Bool(name == "true"));
            }
            "null" => {
                let error = ExprError::new(range, "there is no null here: a fact is known or missing");
                self.error(error.help("write `has(node.field)` to ask whether a fact is known"));
                self.at += 1;
                return self.hole();
            }
            "True" | "False" | "TRUE" | "FALSE" => {
                let lower = name.to_ascii_lowercase();
                self.error(
                    ExprError::new(range, format!("unexpected `{name}`")).help(format!("write `{lower}`")),
                );
                self.at += 1;
                return self.build(start, Kind::Bool(lower == "true"));
            }
            "in" => return self.missing_value(),
            word if RESERVED.contains(&word) => {
                let error = ExprError::new(range, format!("`{word}` is reserved and cannot be a name"));
                let help = match word {
                    "if" | "else" => Some("write `condition ? value : other value`"),
                    "for" | "while" | "loop" => {
                        Some("write `list.all(x, ...)`, `list.exists(x, ...)` or `list.map(x, ...)`")
                    }
                    "let" | "const" | "var" => {
                        Some("there are no variables but those of the rule and of `list.all(x, ...)`")
                    }
                    _ => None,
                };
                self.error(error.maybe_help(help.map(str::to_owned)));
                // What follows belongs to another language.
                self.give_up();
                return self.hole();
            }
            _ => {}
        }
        self.at += 1;
        if self.is("(") {
            let arguments = self.arguments("(", ")");
            return self.build(start, Kind::Call(Word { text: name, range }, arguments));
        }
        self.build(start, Kind::Name(name))
    }

    /// Tells that a value is missing here, and passes over a sign that cannot begin one.
    fn missing_value(&mut self) -> Expr {
        let range = self.range();
        let error = match self.peek() {
            Token::End => {
                let end = self.end();
                let help =
                    if self.at == 0 { "the expression is empty" } else { "the expression ends too early" };
                ExprError::new(end..end, "expected a value here").help(help)
            }
            Token::Sign(sign) if !matches!(*sign, ")" | "]" | "," | "}") => {
                ExprError::new(range, format!("expected a value here, found `{sign}`"))
            }
            _ => ExprError::new(range, "expected a value here"),
        };
        self.error(error);
        let hole = self.hole();
        // A closing bracket or a comma is left for whoever waits for it.
        if matches!(self.peek(), Token::Sign(sign) if Operator::of(sign).is_none() && !matches!(*sign, ")" | "]" | "," | ":" | "?" | "}"))
        {
            self.at += 1;
        }
        hole
    }

    /// Parts between brackets, parted by commas. The opening bracket is the current token.
    fn arguments(&mut self, open: &str, close: &str) -> Vec<Expr> {
        let opening = self.range();
        self.at += 1;
        let mut parts = Vec::new();
        // `[1, 2,]` is allowed for lists, as in CEL.
        while !self.is(close) && !matches!(self.peek(), Token::End) {
            let before = self.at;
            parts.push(self.expression());
            if self.is(close) || matches!(self.peek(), Token::End) {
                break;
            }
            if self.is(",") {
                let comma = self.range();
                self.at += 1;
                if self.is(close) && open == "(" {
                    self.error(ExprError::new(comma, "expected a value after this comma"));
                }
                continue;
            }
            self.stray_part(close);
            if !self.take(",") {
                break;
            }
            if self.at == before {
                break;
            }
        }
        self.close(opening, open, close);
        parts
    }

    /// Tells of something that follows a complete part, and passes over it up to the next comma or closing bracket.
    fn stray_part(&mut self, close: &str) {
        let error = self.stray(&format!("expected `,` or `{close}`"));
        self.error(error);
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Token::End => return,
                Token::Sign("(" | "[" | "{") => open += 1,
                Token::Sign(")" | "]" | "}" | ",") if open == 0 => return,
                Token::Sign(")" | "]" | "}") => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// The error for a token that follows a complete expression.
    fn stray(&self, wanted: &str) -> ExprError {
        let range = self.range();
        match self.peek() {
            Token::Name(word) => ExprError::new(range, format!("unexpected `{word}`: {wanted}"))
                .help("join two conditions with `&&` or `||`"),
            Token::Int(_) | Token::Str(_) | Token::Wrong => {
                ExprError::new(range, format!("unexpected value: {wanted}"))
                    .help("join two values with an operator")
            }
            Token::Sign("!") => ExprError::new(range, format!("unexpected `!`: {wanted}"))
                .help("write `!=` to compare, `!x` for `not`"),
            Token::Sign(sign) => ExprError::new(range, format!("unexpected `{sign}`: {wanted}")),
            Token::End => ExprError::new(range, wanted),
        }
    }

    /// Expects the closing bracket of one that was opened.
    fn close(&mut self, opening: Range<usize>, open: &str, close: &str) {
        if self.take(close) {
            return;
        }
        match self.peek() {
            Token::End => {
                let error = ExprError::new(opening, format!("this `{open}` is never closed"));
                self.error(error.help(format!("close it with `{close}`")));
            }
            Token::Sign(sign @ (")" | "]" | "}")) => {
                let error = ExprError::new(self.range(), format!("expected `{close}`, found `{sign}`"));
                self.error(error);
                self.at += 1;
            }
            _ => {
                self.stray_part(close);
                self.take(close);
            }
        }
    }

    /// Tells of what is left after the expression.
    fn finish(&mut self) {
        let error = match self.peek() {
            Token::End => return,
            Token::Sign(sign @ (")" | "]" | "}")) => {
                ExprError::new(self.range(), format!("this `{sign}` closes nothing"))
            }
            Token::Sign(":") => {
                ExprError::new(self.range(), "unexpected `:`").help("write `condition ? value : other value`")
            }
            _ => self.stray("the expression is complete before it"),
        };
        self.error(error);
    }
}
