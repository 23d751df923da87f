//! Patterns over names: `*` for any characters, `?` for one.

/// Whether a pattern matches the whole of a text.
pub(super) fn glob(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == text;
    }
    if pattern.is_ascii() && text.is_ascii() {
        return matches(pattern.as_bytes(), text.as_bytes(), char::from);
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    matches(&pattern, &text, |c| c)
}

fn matches<C: Copy + PartialEq>(pattern: &[C], text: &[C], as_char: impl Fn(C) -> char) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(c) if as_char(*c) == '*' => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if as_char(*c) == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| as_char(*c) == '*')
}

/// What a pattern over rules means, told once for the many rules that it is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RulePattern<'p> {
    /// A category, or the id of a rule.
    Named(&'p str),
    /// A pattern over ids.
    Over(&'p str),
}

impl<'p> RulePattern<'p> {
    /// A pattern as written.
    pub fn new(pattern: &'p str) -> Self {
        if pattern.contains(['*', '?']) { RulePattern::Over(pattern) } else { RulePattern::Named(pattern) }
    }

    /// Whether it means a rule.
    pub fn means(self, id: &str) -> bool {
        match self {
            RulePattern::Named(name) => {
                id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            RulePattern::Over(pattern) => glob(pattern, id),
        }
    }
}

/// Whether a pattern means a rule: its category, its id, or a pattern over its id.
pub fn means_rule(pattern: &str, id: &str) -> bool {
    RulePattern::new(pattern).means(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text) in [
            ("hv2", "hv2"),
            ("hv*", "hv2"),
            ("*", ""),
            ("*eth?", "hv2 eth0"),
            ("a*b*c", "a-b-b-c"),
            ("**", "x"),
            ("", ""),
        ] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("hv2", "hv20"), ("hv?", "hv"), ("a*b", "a-c"), ("", "x"), ("*a", "ab")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_category_means_all_of_its_rules() {
        assert!(means_rule("network", "network/same-mtu"));
        assert!(means_rule("network/same-*", "network/same-mtu"));
        assert!(means_rule("*", "network/same-mtu"));
        assert!(!means_rule("net", "network/same-mtu"));
        assert!(!means_rule("network/same", "network/same-mtu"));
        assert!(!means_rule("", "network/same-mtu"));
    }
}
