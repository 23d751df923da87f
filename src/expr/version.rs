//! The order of versions: numbers by their value, as rpm and dpkg have it, also for Windows builds and kernel releases.
//!
//! A version is cut into numbers and words; everything else only parts them. A number is above a word, more is above less,
//! `~` is below the end (pre-releases), `^` just above it (snapshots). A `-` parts version and release: what stands before it
//! is compared first. An epoch (`1:`) goes before everything. So `1.0~rc1 < 1.0 < 1.0-1 < 1.0^git1 < 1.0a < 1.0.1`.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

/// A piece of a version, in the order of their weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Piece<'t> {
    Tilde,
    End,
    Dash,
    Caret,
    Word(&'t str),
    /// Its digits without leading zeros: how many, then which.
    Number(usize, &'t str),
}

/// A version's text, compared as a version.
#[derive(Clone, Copy, Debug)]
pub(super) struct VersionText<'t>(pub(super) &'t str);

impl<'t> VersionText<'t> {
    /// The same, where the text is a version: at most 256 printable characters, among them a digit.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let text = text.trim();
        let printable = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
        let fits = text.len() <= 256 && printable && text.bytes().any(|byte| byte.is_ascii_digit());
        fits.then_some(VersionText(text))
    }

    fn pieces(self) -> impl Iterator<Item = Piece<'t>> {
        let digits = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (epoch, rest) = match self.0[digits..].strip_prefix(':') {
            Some(rest) if digits > 0 => (number(&self.0[..digits]), rest),
            _ => (number(""), self.0),
        };
        std::iter::once(epoch).chain(Pieces { rest, ended: false })
    }
}

fn number(digits: &str) -> Piece<'_> {
    let digits = digits.trim_start_matches('0');
    Piece::Number(digits.len(), digits)
}

struct Pieces<'t> {
    rest: &'t str,
    ended: bool,
}

impl<'t> Iterator for Pieces<'t> {
    type Item = Piece<'t>;

    fn next(&mut self) -> Option<Piece<'t>> {
        let telling = |c: char| c.is_ascii_alphanumeric() || matches!(c, '~' | '^' | '-');
        self.rest = &self.rest[self.rest.find(telling).unwrap_or(self.rest.len())..];
        let Some(first) = self.rest.chars().next() else {
            return (!std::mem::replace(&mut self.ended, true)).then_some(Piece::End);
        };
        let same: fn(&char) -> bool = match first {
            '0'..='9' => char::is_ascii_digit,
            'a'..='z' | 'A'..='Z' => char::is_ascii_alphabetic,
            _ => {
                self.rest = &self.rest[1..];
                return Some(match first {
                    '~' => Piece::Tilde,
                    '^' => Piece::Caret,
                    _ => Piece::Dash,
                });
            }
        };
        let length = self.rest.find(|c: char| !same(&c)).unwrap_or(self.rest.len());
        let (piece, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(if first.is_ascii_digit() { number(piece) } else { Piece::Word(piece) })
    }
}

impl Ord for VersionText<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.pieces().cmp(other.pieces())
    }
}

impl PartialOrd for VersionText<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for VersionText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for VersionText<'_> {}

impl Hash for VersionText<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pieces().for_each(|piece| piece.hash(state));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_go_up() {
        for chain in [
            &["10.0.14393", "10.0.17763.5329", "10.0.17763.5330", "10.0.20348", "10.1"] as &[&str],
            &["1.0~~", "1.0~rc1", "1.0", "1.0-1", "1.0^git1", "1.0a", "1.0.0", "1.0.1", "1.1", "1.10", "2"],
            &["5.10.0-8-amd64", "5.10.0-28-amd64", "5.10.1-1-amd64", "6.1.0-9-amd64"],
            &["2.1.2-3.el8", "2.1.2-3.el8_1", "2.1.2-10.el8", "2.1.10-1.el8"],
            &["1.0-2", "1.0.1-1"],
            &["9.9", "1:0.1", "2:0.1"],
            &["20191101", "20230101"],
            &["1.1.1f", "1.1.1k", "3.0.2"],
            &["0.9", "00001.0", "18446744073709551616", "99999999999999999999999999"],
        ] {
            for (position, low) in chain.iter().enumerate() {
                for high in &chain[position + 1..] {
                    assert!(VersionText(low) < VersionText(high), "{low} < {high}");
                    assert!(VersionText(high) > VersionText(low), "{high} > {low}");
                }
            }
        }
    }

    #[test]
    fn what_only_parts_does_not_count() {
        for (a, b) in [("1.0", "1_0"), ("1.01", "1.1"), ("0:1.0", "1.0"), ("1..0", "1.0")] {
            assert_eq!(VersionText(a), VersionText(b));
        }
        assert_ne!(VersionText("1.0"), VersionText("1.0.0"));
    }

    #[test]
    fn a_version_has_a_digit() {
        assert!(VersionText::parse("10.0.20348").is_some());
        for text in ["", "unknown", "1 2", "1\u{1b}[0m"] {
            assert!(VersionText::parse(text).is_none(), "{text}");
        }
        assert!(VersionText::parse(&"1".repeat(300)).is_none());
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[0-2a-b.~^:-]{0,6}", b in "[0-2a-b.~^:-]{0,6}", c in "[0-2a-b.~^:-]{0,6}") {
            let [a, b, c] = [VersionText(&a), VersionText(&b), VersionText(&c)];
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }
    }
}
