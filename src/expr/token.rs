//! Text to tokens.
//!
//! Total: any text gives tokens that end in [`Token::End`], and what could not be read gives an error and the token that was
//! most likely meant, so that the rest can still be checked.

use super::error::ExprError;
use std::ops::Range;

/// Longest expression in bytes.
pub const MAX_TEXT: usize = 16 * 1024;

/// A word, literal or sign.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A whole number without its sign; `i64::MIN` needs all of it.
    Int(u64),
    /// Text without its quotes, escapes resolved.
    Str(String),
    /// A name or a word of the language.
    Name(String),
    /// A sign, as it is written.
    Sign(&'static str),
    /// Something that could not be read; its error is told already.
    Wrong,
    /// The end of the text.
    End,
}

/// A token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) range: Range<usize>,
}

/// Signs, longer ones before those that they begin with.
const SIGNS: &[&str] = &[
    "==", "!=", "<=", ">=", "&&", "||", "(", ")", "[", "]", "{", "}", ",", ".", "?", ":", "<", ">", "!", "+",
    "-", "*", "/", "%",
];

/// Signs of other languages: what was written, what was meant, and why.
const FOREIGN: &[(&str, &str, &str)] = &[
    ("===", "==", "write `==` to compare"),
    ("!==", "!=", "write `!=` to compare"),
    ("<>", "!=", "write `!=` to compare"),
    ("=~", "==", "write `text.matches('pattern')` to match a regular expression"),
    ("**", "*", "there is no power; multiply"),
    (
        "??",
        "||",
        "there is no default for a missing fact: use `has(fact) && ...`, or let the verdict be unknown",
    ),
    ("=", "==", "write `==` to compare"),
    ("&", "&&", "write `&&` for `and`"),
    ("|", "||", "write `||` for `or`"),
    ("≠", "!=", "write `!=`"),
    ("≤", "<=", "write `<=`"),
    ("≥", ">=", "write `>=`"),
    ("→", "-", "there are no arrows here"),
];

/// Reads all tokens of a text.
pub(super) fn tokens(text: &str, errors: &mut Vec<ExprError>) -> Vec<Placed> {
    let mut lexer = Lexer { text, at: 0, errors };
    let mut out = Vec::new();
    loop {
        let placed = lexer.next();
        let end = placed.token == Token::End;
        out.push(placed);
        if end {
            return out;
        }
    }
}

struct Lexer<'t, 'e> {
    text: &'t str,
    at: usize,
    errors: &'e mut Vec<ExprError>,
}

impl<'t> Lexer<'t, '_> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn placed(&self, start: usize, token: Token) -> Placed {
        Placed { token, range: start..self.at }
    }

    fn next(&mut self) -> Placed {
        loop {
            self.skip_blanks();
            let start = self.at;
            let Some(first) = self.rest().chars().next() else {
                return self.placed(start, Token::End);
            };
            if first.is_ascii_digit() {
                return self.number();
            }
            if first.is_ascii_alphabetic() || first == '_' {
                return self.name();
            }
            if first == '\'' || first == '"' {
                return self.string(false);
            }
            if let Some((sign, meant, help)) =
                FOREIGN.iter().find(|(sign, ..)| self.rest().starts_with(sign) && !self.is_known_sign(sign))
            {
                self.at += sign.len();
                self.errors.push(ExprError::new(start..self.at, format!("unexpected `{sign}`")).help(*help));
                return self.placed(start, Token::Sign(meant));
            }
            if let Some(sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
                self.at += sign.len();
                return self.placed(start, Token::Sign(sign));
            }
            if let Some(text) = self.curly_text() {
                return text;
            }
            self.stranger(start);
        }
    }

    /// Text in typographic quotes, as word processors make them.
    fn curly_text(&mut self) -> Option<Placed> {
        let start = self.at;
        let open = self.rest().chars().next()?;
        let (open, closing) = match open {
            '‘' | '’' => (open, '’'),
            '“' | '”' | '„' => (open, '”'),
            _ => return None,
        };
        let inside = &self.rest()[open.len_utf8()..];
        let end = inside.find([closing, '\n']).filter(|end| inside[*end..].starts_with(closing))?;
        let text = inside[..end].to_owned();
        self.at += open.len_utf8() + end + closing.len_utf8();
        let error = ExprError::new(start..self.at, "these are typographic quotes");
        self.errors.push(error.help("write straight quotes: `'text'`"));
        Some(self.placed(start, Token::Str(text)))
    }

    /// Whether a longer sign of the language begins here than the foreign one.
    fn is_known_sign(&self, foreign: &str) -> bool {
        SIGNS.iter().any(|sign| sign.len() > foreign.len() && self.rest().starts_with(sign))
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']);
            let blanks = rest.len() - trimmed.len();
            self.at += blanks;
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else {
                return;
            }
        }
    }

    /// Passes over characters that mean nothing here, as one error.
    fn stranger(&mut self, start: usize) {
        let rest = self.rest();
        let known = |c: char| {
            c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "_'\"()[]{},.?:<>=!+-*/%&|".contains(c)
        };
        let length = rest.find(known).unwrap_or(rest.len());
        self.at += length;
        let found = &self.text[start..self.at];
        let help = match found.chars().next() {
            Some('‘' | '’' | '“' | '”' | '«' | '»') => Some("write straight quotes: `'text'`"),
            Some('`') => Some("write text in straight quotes: `'text'`"),
            Some('#') => Some("a comment begins with `//`"),
            Some(';') => Some("an expression has no statements; join conditions with `&&`"),
            Some('\\') => Some("outside of text there is nothing to escape"),
            Some('$') => Some("names stand without a `$`"),
            _ => None,
        };
        let shown: String = found.chars().take(12).collect();
        let error = ExprError::new(start..self.at, format!("unexpected `{}`", shown.escape_debug()));
        self.errors.push(error.maybe_help(help.map(str::to_owned)));
    }

    fn number(&mut self) -> Placed {
        let start = self.at;
        let text = self.rest();
        let word = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let word = &text[..word];
        let hex = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
        let value = match hex {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => word.parse(),
        };
        // `1.5` is a fraction, `list[1].name` cannot be meant by `1.n`.
        let after = &text[word.len()..];
        let fraction =
            hex.is_none() && after.starts_with('.') && after[1..].starts_with(|c: char| c.is_ascii_digit());
        let mut length = word.len();
        let error = if fraction {
            let digits = after[1..].find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(after.len() - 1);
            length += 1 + digits;
            Some(("numbers are whole here", "write an amount with its unit, as in `duration(\"1.5s\")`"))
        } else {
            match (&value, hex) {
                (Ok(_), _) => None,
                (Err(_), Some(_)) => {
                    Some(("this is no hexadecimal number", "write `0x` and up to 16 digits"))
                }
                (Err(_), None) if word.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Some(("this number is too large", "numbers go up to 9223372036854775807"))
                }
                (Err(_), None) if word.ends_with(['u', 'U']) => {
                    Some(("there are no unsigned numbers here", "leave the `u` away"))
                }
                (Err(_), None) => Some((
                    "a number cannot end in letters",
                    "write an amount with its unit, as in `bytes(\"512 MiB\")` or `duration(\"3s\")`",
                )),
            }
        };
        self.at += length;
        let wrong = error.is_some();
        if let Some((message, help)) = error {
            self.errors.push(ExprError::new(start..self.at, message).help(help));
        }
        let token = if wrong { Token::Wrong } else { value.map_or(Token::Wrong, Token::Int) };
        self.placed(start, token)
    }

    fn name(&mut self) -> Placed {
        let start = self.at;
        let text = self.rest();
        if let Some(prefix @ ('r' | 'R' | 'b' | 'B')) = text.chars().next()
            && text[1..].starts_with(['"', '\''])
        {
            self.at += 1;
            if matches!(prefix, 'b' | 'B') {
                let error = ExprError::new(start..self.at, "there are no byte strings here");
                self.errors.push(error.help("write text: `'text'`, or a size: `bytes(\"512 MiB\")`"));
                return Placed { range: start..self.at, ..self.string(false) };
            }
            let string = self.string(true);
            return Placed { range: start..self.at, ..string };
        }
        let length = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        self.at += length;
        let name = self.text[start..self.at].to_owned();
        self.placed(start, Token::Name(name))
    }

    /// Text in quotes; the quote stands at the current place.
    fn string(&mut self, raw: bool) -> Placed {
        let start = self.at;
        let quote = if self.rest().starts_with('"') { '"' } else { '\'' };
        self.at += 1;
        let mut value = String::new();
        loop {
            let at = self.at;
            let Some(c) = self.rest().chars().next().filter(|c| *c != '\n') else {
                let error = ExprError::new(start..self.at, "this text is never closed");
                self.errors.push(error.help(format!("close it with `{quote}`")));
                break;
            };
            self.at += c.len_utf8();
            if c == quote {
                break;
            }
            if c == '\\' && !raw {
                match self.escape() {
                    Some(c) => value.push(c),
                    None => self.bad_escape(at),
                }
            } else {
                value.push(c);
            }
        }
        self.placed(start, Token::Str(value))
    }

    fn bad_escape(&mut self, start: usize) {
        if let Some(c) = self.rest().chars().next().filter(|c| *c != '\n' && *c != '"' && *c != '\'') {
            self.at += c.len_utf8();
        }
        let found = &self.text[start..self.at];
        let error = ExprError::new(start..self.at, format!("`{found}` is no escape"));
        self.errors.push(
            error.help("in a pattern, write the backslash twice or put an `r` before the quote: `r'\\d+'`"),
        );
    }

    /// The character that an escape stands for; the backslash is behind us.
    fn escape(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        let simple = match c {
            'a' => Some('\x07'),
            'b' => Some('\x08'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            '\\' | '\'' | '"' | '`' | '?' => Some(c),
            _ => None,
        };
        if simple.is_some() {
            self.at += 1;
            return simple;
        }
        let (skip, digits, radix) = match c {
            'x' | 'X' => (1, 2, 16),
            'u' => (1, 4, 16),
            'U' => (1, 8, 16),
            '0'..='3' => (0, 3, 8),
            _ => return None,
        };
        let code = self.rest().get(skip..skip + digits)?;
        if !code.bytes().all(|byte| char::from(byte).is_digit(radix)) {
            return None;
        }
        let c = char::from_u32(u32::from_str_radix(code, radix).ok()?)?;
        self.at += skip + digits;
        Some(c)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Token>, Vec<ExprError>) {
        let mut errors = Vec::new();
        let tokens = tokens(text, &mut errors).into_iter().map(|placed| placed.token).collect();
        (tokens, errors)
    }

    fn string(text: &str) -> String {
        let (tokens, errors) = read(text);
        assert_eq!(errors, [], "{text}");
        match tokens.as_slice() {
            [Token::Str(value), Token::End] => value.clone(),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn strings_are_read_with_their_escapes() {
        assert_eq!(string(r"'a\'b'"), "a'b");
        assert_eq!(string(r#""a\"b\\""#), "a\"b\\");
        assert_eq!(string(r"'\n\t\x41\u00e4\U0001F600\101'"), "\n\tAä😀A");
        assert_eq!(string(r"r'\d+\.'"), r"\d+\.");
        assert_eq!(string("'ä“x”'"), "ä“x”");
    }

    #[test]
    fn numbers_are_whole() {
        assert_eq!(read("0x1F").0[0], Token::Int(31));
        assert_eq!(read("9223372036854775807").0[0], Token::Int(i64::MAX.unsigned_abs()));
        for (text, why) in [
            ("1.5", "whole"),
            ("1.5e3", "whole"),
            ("10u", "unsigned"),
            ("512MiB", "end in letters"),
            ("99999999999999999999", "too large"),
            ("0xZ", "hexadecimal"),
        ] {
            let (tokens, errors) = read(text);
            assert_eq!(tokens.len(), 2, "{text}: {tokens:?}");
            assert_eq!(errors.len(), 1, "{text}: {errors:?}");
            assert!(errors[0].message.contains(why), "{text}: {errors:?}");
            assert_eq!(errors[0].range, 0..text.len());
        }
    }

    #[test]
    fn comments_and_blanks_mean_nothing() {
        assert_eq!(read("a // b 'c\n\t+ // d").0.len(), 3);
        assert_eq!(read("").0, [Token::End]);
    }

    #[test]
    fn signs_of_other_languages_are_named() {
        for (text, meant) in [("=", "=="), ("&", "&&"), ("|", "||"), ("<>", "!="), ("===", "=="), ("≤", "<=")]
        {
            let (tokens, errors) = read(text);
            assert_eq!(tokens[0], Token::Sign(meant), "{text}");
            assert_eq!(errors.len(), 1, "{text}");
        }
        assert_eq!(read("a<=b>=c==d!=e").1, []);
        assert_eq!(read("a == b && c || d").1, []);
    }

    #[test]
    fn strangers_are_one_error_each() {
        let (tokens, errors) = read("a @@@ b ; c");
        assert_eq!(tokens.len(), 4);
        assert_eq!(errors.iter().map(|error| error.range.clone()).collect::<Vec<_>>(), [2..5, 8..9]);
    }
}
