//! Passwords in the texts of bundles: cut before anything reads them, and told, so that whoever handles the bundle knows.

use regex::bytes::Regex;
use std::sync::LazyLock;

/// What is put in place of a secret.
const CUT: &[u8] = b"(cut)";

/// A kind of secret, how it stands in a text, and its section.
struct Kind {
    what: &'static str,
    sections: &'static [&'static str],
    pattern: &'static str,
}

const KINDS: &[Kind] = &[
    Kind {
        what: "CHAP passwords",
        sections: &["iscsi-records", "iscsi-sessions", "iscsid-conf"],
        pattern: r"(?m)^(\s*(?:[\w.]*\.)?password(?:_in)?\s*[=:][ \t]*)([^\s*<][^\r\n]*)$",
    },
    Kind {
        what: "passwords of fence devices or resources",
        sections: &["cib", "cib-file"],
        pattern: r#"(<nvpair\s(?:[^>]*\s)?name="[^"]*(?i:passw|secret|token|community|credential)[^"]*"[^>]*\svalue=")([^"]+)"#,
    },
    Kind {
        what: "passwords of fence devices or resources",
        sections: &["cib", "cib-file"],
        pattern: r#"(<nvpair\s(?:[^>]*\s)?value=")([^"]+)("[^>]*\sname="[^"]*(?i:passw|secret|token|community|credential)[^"]*")"#,
    },
    Kind {
        what: "the shared secret of DRBD",
        sections: &["drbd-conf", "drbd-dump"],
        pattern: r#"(?m)(\bshared-secret\s+"?)([^\s";]+)"#,
    },
];

static PATTERNS: LazyLock<Vec<Option<Regex>>> =
    LazyLock::new(|| KINDS.iter().map(|kind| Regex::new(kind.pattern).ok()).collect());

/// Cuts the secrets out of the text of a section and tells what they were; a word for each kind.
pub fn cut(section: &str, text: &mut Vec<u8>) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (kind, pattern) in KINDS.iter().zip(PATTERNS.iter()) {
        let Some(pattern) = pattern.as_ref().filter(|_| kind.sections.contains(&section)) else { continue };
        let mut told = false;
        let cut = pattern.replace_all(text, |groups: &regex::bytes::Captures<'_>| {
            let secret = &groups[2];
            // A file name is no secret, and sos has masked some itself.
            let plain = secret.iter().all(|byte| *byte == b'*') || secret == CUT || secret.starts_with(b"/");
            told |= !plain;
            let mut out = groups[1].to_vec();
            out.extend_from_slice(if plain { secret } else { CUT });
            out.extend_from_slice(groups.get(3).map_or(b"".as_slice(), |rest| rest.as_bytes()));
            out
        });
        if told {
            let cut = cut.into_owned();
            *text = cut;
            if !found.contains(&kind.what) {
                found.push(kind.what);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_of(section: &str, text: &str) -> (String, Vec<&'static str>) {
        let mut bytes = text.as_bytes().to_vec();
        let found = cut(section, &mut bytes);
        (String::from_utf8(bytes).unwrap(), found)
    }

    #[test]
    fn every_pattern_is_sound() {
        assert!(PATTERNS.iter().all(Option::is_some));
    }

    #[test]
    fn secrets_are_cut_and_told() {
        for (section, text, kind) in [
            (
                "iscsi-records",
                "node.session.auth.password = hunter2\nnode.session.auth.username = bob\n",
                "CHAP passwords",
            ),
            ("iscsi-sessions", "\t\tpassword: hunter2\n\t\tpassword_in: hunter2\n", "CHAP passwords"),
            (
                "cib",
                r#"<nvpair id="a" name="passwd" value="hunter2"/>"#,
                "passwords of fence devices or resources",
            ),
            (
                "cib",
                r#"<nvpair name="x_secret_y" id="a" value="hunter2"/>"#,
                "passwords of fence devices or resources",
            ),
            (
                "cib-file",
                r#"<nvpair value="hunter2" id="a" name="Password"/>"#,
                "passwords of fence devices or resources",
            ),
            ("drbd-conf", "shared-secret \"hunter2\";\n", "the shared secret of DRBD"),
        ] {
            let (cut, found) = cut_of(section, text);
            assert!(!cut.contains("hunter2") && cut.contains("(cut)"), "{cut}");
            assert_eq!(found, [kind]);
        }
    }

    #[test]
    fn what_is_masked_or_none_stays() {
        for (section, text) in [
            ("iscsi-sessions", "\t\tpassword: ********\n\t\tpassword_in: ********\n"),
            ("iscsi-records", "node.session.auth.password = <empty>\n"),
            (
                "cib",
                r#"<nvpair name="passwd_script" value="/usr/bin/pw"/><nvpair name="ip" value="10.0.0.1"/>"#,
            ),
            ("corosync", "password: x\n"),
        ] {
            assert_eq!(cut_of(section, text), (text.to_owned(), vec![]));
        }
    }
}
