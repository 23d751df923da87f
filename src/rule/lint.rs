//! What is not wrong with rules but should be better: for `quorate rules lint`.

use super::Ruleset;
use super::checked::{Body, Rule, Verb};
use super::example::example_facts;
use super::params;
use super::params::ParamOrigin;
use super::scaffold::TO_EDIT;
use crate::requirement::catalogue;
use crate::source::{Problem, Problems, Text};

/// What `quorate rules lint` has to say of rules that load.
#[derive(Debug, Default)]
pub struct Lint {
    /// Mistakes that only show when examples are read.
    pub errors: Problems,
    /// What should be better.
    pub warnings: Problems,
}

impl Ruleset {
    /// Looks for what loading does not: requirements that are in no catalogue, examples whose facts or parameters are wrong, parameters that nothing reads,
    /// numbers that should be parameters, rules that do not look at their own element, limits without a source.
    /// `shipped` says whether to look at the rules that are part of the program, too.
    pub fn lint(&self, shipped: bool) -> Lint {
        let mut lint = Lint::default();
        let rules = || self.rules().iter().filter(|rule| shipped || !rule.shipped);
        for rule in rules() {
            for example in &rule.examples {
                if let Err(problem) = example_facts(&example.facts) {
                    lint.errors.push(*problem);
                }
                let mut settings = params::defaults(self.params());
                let values = example
                    .params
                    .iter()
                    .map(|(name, item)| (name, item, ParamOrigin::Set { place: name.place() }));
                params::apply(&mut settings, self.params(), values, &mut lint.errors);
            }
            for id in rule.covers.iter().filter(|id| catalogue().find(id).is_none()) {
                lint.errors.push(
                    id.problem(format!("there is no requirement `{id}`"), "not in the catalogue").help_if(
                        catalogue().meant(id).or_else(|| {
                            Some("`quorate rules coverage` lists those that there are".to_owned())
                        }),
                    ),
                );
            }
            lint_numbers(rule, &mut lint.warnings);
            lint_element(rule, &mut lint.warnings);
            lint_edited(rule, &mut lint.warnings);
        }
        for param in self.params() {
            if !self.rules().iter().any(|rule| rule.params_read().contains(&param.name.as_str()))
                && rules().any(|rule| rule.span.file().name() == param.span.file().name())
            {
                lint.warnings.push(
                    param.span.problem(format!("no rule reads parameter `{}`", param.name), "sets nothing"),
                );
            }
        }
        for profile in self.profiles().iter() {
            for name in profile.limits_without_source() {
                let shipped_profile = profile.span.file().path().is_none();
                if shipped || !shipped_profile {
                    lint.warnings.push(
                        name.problem(format!("the limit `{name}` does not say where it stands"), "no source")
                            .help(format!("{name} = {{ value = ..., source = \"...\" }}")),
                    );
                }
            }
        }
        lint
    }
}

/// A number in words is wrong as soon as a profile sets another.
fn lint_numbers(rule: &Rule, warnings: &mut Problems) {
    for text in rule.words() {
        if let Some((start, end)) = lone_number(text) {
            let number = &text[start..end];
            warnings.push(
                text.within(start..end)
                    .problem(format!("`{number}` is written into the words of {}", rule.id), "a number")
                    .help("declare a parameter, and write `{params.name}` in a message"),
            );
        }
    }
}

/// A number that stands by itself, outside of braces: not the 4 of IPv4 or the 3 of SCSI-3.
fn lone_number(text: &Text) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match bytes[at] {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            byte if byte.is_ascii_digit() && depth == 0 => {
                let length = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                let outside = |byte: Option<&u8>| {
                    byte.is_none_or(|byte| byte.is_ascii_whitespace() || b",;:()".contains(byte))
                };
                let before = at.checked_sub(1).and_then(|before| bytes.get(before));
                let after = bytes.get(at + length);
                let ends = outside(after) || after == Some(&b'.') && outside(bytes.get(at + length + 1));
                if outside(before) && ends {
                    return Some((at, at + length));
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// A rule as `quorate rules new` wrote it says nothing yet.
fn lint_edited(rule: &Rule, warnings: &mut Problems) {
    let texts = [("why", &*rule.why), ("remedy", &*rule.remedy)];
    let sources = rule.source.iter().map(|source| ("source", source.as_str()));
    let left: Vec<String> = texts
        .into_iter()
        .chain(sources)
        .filter(|(_, text)| text.starts_with(TO_EDIT))
        .map(|(key, _)| format!("`{key}`"))
        .collect();
    if !left.is_empty() {
        let message = format!("{} was not edited yet: {}", rule.id, left.join(", "));
        let problem: Problem = rule.span.problem(message, "as it was begun");
        warnings.push(problem.help(format!("write what the rule is about in place of `{TO_EDIT} ...`")));
    }
}

/// A rule for each element that looks at none says the same of all of them.
fn lint_element(rule: &Rule, warnings: &mut Problems) {
    let (Some(each), Some(Body { verb, .. })) = (&rule.each, rule.body()) else { return };
    let of_element = |path: &String| {
        path.strip_prefix(each.text()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let reads_any = verb.programs().any(|program| program.reads().iter().any(of_element));
    if matches!(verb, Verb::Require(_) | Verb::Subset(_) | Verb::Count(_)) && !reads_any {
        let problem: Problem = rule.span.problem(
            format!("{} says the same of every one of `{}`", rule.id, each.text()),
            format!("`{}` does not read the element", rule.verb()),
        );
        warnings.push(problem.help("leave `each` out, or look at the element"));
    }
}
