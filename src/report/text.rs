//! Text that came from hosts and files, made harmless for a terminal.
//!
//! What is shown may say anything, but it cannot move the cursor, change colours, reorder what stands around it or
//! begin a line of its own.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character could make a terminal do or show something other than that character.
///
/// Control characters (C0, DEL, C1), line and paragraph separators, bidirectional controls (Unicode 15, UAX 9),
/// zero-width characters, tags, noncharacters (which XML cannot hold), and other characters for internal use.
pub fn is_hostile(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fdd0}'..='\u{fdef}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// The text on one line: runs of white space become one space, hostile characters are written out as `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    // Nearly all text is printable ASCII, which is seen at a glance.
    let plain =
        |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.contains(is_hostile);
    let tight = !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ");
    if tight && plain(text) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.trim().chars() {
        if matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}') {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else if is_hostile(c) {
            escape(&mut out, c);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// The text with its lines and its spaces, hostile characters written out. For text of our own that quotes theirs.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    let hostile = |c: char| c != '\n' && is_hostile(c);
    if !text.contains(hostile) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            c if hostile(c) => escape(&mut out, c),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn escape(out: &mut String, c: char) {
    write!(out, "\\u{{{:x}}}", u32::from(c)).expect("writing to a string cannot fail");
}

/// Adds a text to one of HTML or XML, in an element or in the value of an attribute, as text and nothing else.
pub(super) fn escape_markup(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            _ => "&#39;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// The text as a part of a URI (RFC 3986, 2.1): unreserved characters and those of `also` as they are, all other bytes as `%XX`.
pub fn percent_encoded(text: &str, also: &[u8]) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also.contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a string cannot fail");
        }
    }
    out
}

/// The text with a capital at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

/// `3 nodes`, `1 node`, `no nodes`: a count with its noun, which is given in the plural.
pub fn count(number: usize, plural: &str) -> String {
    match number {
        0 => format!("no {plural}"),
        1 => format!("1 {}", singular(plural)),
        _ => format!("{number} {plural}"),
    }
}

/// The singular of a noun that takes a plain `s`, or of one of the few others that facts use.
pub fn singular(plural: &str) -> Cow<'_, str> {
    if let Some(stem) = plural.strip_suffix("ies") {
        return Cow::Owned(format!("{stem}y"));
    }
    let stem = ["sses", "xes", "ches", "shes"].iter().any(|end| plural.ends_with(end));
    Cow::Borrowed(plural.strip_suffix(if stem { "es" } else { "s" }).unwrap_or(plural))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_and_overrides_are_written_out() {
        assert_eq!(printable("a\u{1b}[31mred\u{7}"), "a\\u{1b}[31mred\\u{7}");
        assert_eq!(printable("gpj.\u{202e}exe"), "gpj.\\u{202e}exe");
        assert_eq!(printable("c1 \u{9b}2J"), "c1 \\u{9b}2J");
        assert_eq!(printable("zero\u{200b}width"), "zero\\u{200b}width");
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(printable("  a\n\tPASS\r\n  b "), "a PASS b");
        assert_eq!(printable_lines("a\r\n\tb\u{1b}"), "a\\u{d}\n    b\\u{1b}");
        assert!(matches!(printable("plain – text"), Cow::Borrowed(_)));
    }

    #[test]
    fn markup_is_text() {
        let mut out = String::from("<b>");
        escape_markup(&mut out, "a<b>&\"c\" 'ü' ]]>");
        assert_eq!(out, "<b>a&lt;b&gt;&amp;&quot;c&quot; &#39;ü&#39; ]]&gt;");
    }

    #[test]
    fn counts_read_well() {
        assert_eq!(count(1, "nodes"), "1 node");
        assert_eq!(count(2, "addresses"), "2 addresses");
        assert_eq!(singular("addresses"), "address");
        assert_eq!(singular("switches"), "switch");
        assert_eq!(singular("boundaries"), "boundary");
        assert_eq!(singular("services"), "service");
        assert_eq!(count(0, "rules"), "no rules");
    }

    proptest::proptest! {
        #[test]
        fn nothing_hostile_is_left(text in ".*") {
            proptest::prop_assert!(!printable(&text).contains(is_hostile));
            proptest::prop_assert!(!printable_lines(&text).contains(|c| c != '\n' && is_hostile(c)));
        }
    }
}
