//! Findings that say the same of several subjects, put together so that a person reads them once.
//!
//! Two findings are put together only when their words are the same but for the names of their subjects. Unknowns are
//! put together by what keeps them from being judged, since one silent host makes many rules unknown.

use super::text::capital;
use crate::rule::{Finding, Status};
use std::collections::{HashMap, HashSet};

/// Stands for a subject's own name in a message; no message that is printed can hold it.
const NAME: char = '\u{1}';

/// What one rule says with one status.
pub(super) struct Block<'a> {
    pub status: Status,
    /// The rules: one, except where several are unknown for the same cause.
    pub rules: Vec<&'a str>,
    pub title: &'a str,
    pub why: &'a str,
    pub remedy: String,
    pub lines: Vec<Line<'a>>,
}

/// Subjects of which the same is said.
pub(super) struct Line<'a> {
    /// Their names, in the order of the facts.
    pub subjects: Vec<&'a str>,
    /// What they are: `nodes`, `luns`; empty for the cluster as a whole or a mixture.
    pub noun: &'a str,
    /// How many such subjects the rule was judged on.
    pub of: usize,
    /// What is said of them.
    pub message: String,
    pub findings: Vec<&'a Finding>,
    /// Their names again, to see quickly whether one is there.
    named: HashSet<&'a str>,
}

/// The blocks of one status, in the order of the findings.
pub(super) fn blocks(findings: &[Finding], status: Status) -> Vec<Block<'_>> {
    blocks_of(findings, status, &|_| true)
}

/// The blocks of one status that hold the wanted findings.
pub(super) fn blocks_of<'a>(
    findings: &'a [Finding],
    status: Status,
    wanted: &dyn Fn(&Finding) -> bool,
) -> Vec<Block<'a>> {
    if status == Status::Unknown {
        unknown_blocks(findings, wanted)
    } else {
        rule_blocks(findings, status, wanted)
    }
}

fn rule_blocks<'a>(
    findings: &'a [Finding],
    status: Status,
    wanted: &dyn Fn(&Finding) -> bool,
) -> Vec<Block<'a>> {
    let here: HashSet<&str> = findings
        .iter()
        .filter(|finding| finding.status == status)
        .map(|finding| finding.rule.as_str())
        .collect();
    let judged = judged_subjects(findings.iter().filter(|finding| here.contains(finding.rule.as_str())));
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut block_of: HashMap<&str, usize> = HashMap::new();
    let mut line_of: HashMap<(&str, String, Option<String>), usize> = HashMap::new();
    // Words that are the same as they stand, names and all, are the same: `4.18 on hv1; 5.14 on hv2` of both.
    let mut line_by_words: HashMap<(&str, &str, Option<String>), usize> = HashMap::new();
    for finding in findings.iter().filter(|finding| finding.status == status && wanted(finding)) {
        let at = *block_of.entry(&finding.rule).or_insert_with(|| {
            blocks.push(Block {
                status,
                rules: vec![&finding.rule],
                title: &finding.title,
                why: &finding.why,
                remedy: finding.remedy.to_string(),
                lines: Vec::new(),
            });
            blocks.len() - 1
        });
        let lines = &mut blocks[at].lines;
        let apart = (finding.waiver.is_some() || finding.baseline.is_some())
            .then(|| format!("{:?} {:?}", finding.waiver, finding.baseline));
        let words = (finding.rule.as_str(), finding.message.as_str(), apart.clone());
        let key = (finding.rule.as_str(), nameless(finding), apart);
        match line_by_words.get(&words).or_else(|| line_of.get(&key)) {
            Some(&line) => lines[line].add(finding),
            None => {
                line_of.insert(key, lines.len());
                line_by_words.insert(words, lines.len());
                let noun = noun_of(finding);
                let of = judged.get(&(finding.rule.as_str(), noun)).copied().unwrap_or(0);
                lines.push(Line::new(finding, noun, of, finding.message.clone()));
            }
        }
    }
    for line in blocks.iter_mut().flat_map(|block| &mut block.lines) {
        if line.findings.iter().any(|finding| finding.message != line.message) {
            line.message = common_words(&line.findings);
        }
    }
    blocks
}

fn unknown_blocks<'a>(findings: &'a [Finding], wanted: &dyn Fn(&Finding) -> bool) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut block_of: HashMap<Vec<&str>, usize> = HashMap::new();
    let mut ruled: HashSet<(usize, &str)> = HashSet::new();
    for finding in findings.iter().filter(|finding| finding.status == Status::Unknown && wanted(finding)) {
        let causes = causes(finding);
        // Where no cause is named, the words of the rule are the cause.
        let mut key =
            if causes.is_empty() { vec![finding.rule.as_str(), &finding.message] } else { causes.clone() };
        key.extend(
            finding.baseline.iter().flat_map(|one| [one.since.word(), one.was.map_or("", Status::word)]),
        );
        match block_of.get(&key) {
            Some(&at) => {
                let block = &mut blocks[at];
                if ruled.insert((at, &finding.rule)) {
                    block.rules.push(&finding.rule);
                }
                block.lines[0].findings.push(finding);
            }
            None => {
                block_of.insert(key, blocks.len());
                ruled.insert((blocks.len(), &finding.rule));
                let message = if causes.is_empty() { finding.message.clone() } else { causes.join("; ") };
                blocks.push(Block {
                    status: Status::Unknown,
                    rules: vec![&finding.rule],
                    title: &finding.title,
                    why: &finding.why,
                    remedy: advice(&causes),
                    lines: vec![Line::new(finding, noun(&finding.path), 0, message)],
                });
            }
        }
    }
    let all = owners(findings.iter().filter(|finding| finding.status != Status::NotApplicable));
    for block in &mut blocks {
        let line = &mut block.lines[0];
        if let ([finding], [_]) = (line.findings.as_slice(), block.rules.as_slice()) {
            if !finding.message.is_empty() {
                line.message.clone_from(&finding.message);
            }
            continue;
        }
        // What keeps many rules from being judged is a matter of a node or target as a whole.
        let own = owners(line.findings.iter().copied());
        line.subjects = own.iter().map(|(_, name)| *name).collect();
        let list = own[0].0;
        if own.iter().all(|(other, _)| *other == list) {
            line.noun = list;
            line.of = all.iter().filter(|(other, _)| *other == list).count();
        } else {
            (line.noun, line.of) = ("", 0);
        }
    }
    blocks
}

/// The nodes, targets and so on that findings belong to, each once: list and name.
fn owners<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<(&'a str, &'a str)> {
    let mut seen = HashSet::new();
    findings
        .map(|finding| segments(&finding.path).first().copied().unwrap_or(("", &finding.subject)))
        .filter(|owner| seen.insert(*owner))
        .collect()
}

impl<'a> Line<'a> {
    fn new(finding: &'a Finding, noun: &'a str, of: usize, message: String) -> Self {
        let named = HashSet::from([finding.subject.as_str()]);
        Line { subjects: vec![&finding.subject], noun, of, message, findings: vec![finding], named }
    }

    /// Leaves the name of an owner out of the names of what it owns.
    pub fn shorten(&mut self, owner: &str) {
        for subject in &mut self.subjects {
            let rest = subject.strip_prefix(owner).and_then(|rest| rest.strip_prefix(' '));
            *subject = rest.unwrap_or(subject);
        }
    }

    fn add(&mut self, finding: &'a Finding) {
        if self.named.insert(&finding.subject) {
            self.subjects.push(&finding.subject);
        }
        self.findings.push(finding);
    }
}

/// How many subjects of each kind each rule was judged on.
fn judged_subjects<'a>(findings: impl Iterator<Item = &'a Finding>) -> HashMap<(&'a str, &'a str), usize> {
    let mut out = HashMap::new();
    for finding in findings.filter(|finding| finding.status != Status::NotApplicable) {
        *out.entry((finding.rule.as_str(), noun_of(finding))).or_insert(0) += finding.subjects;
    }
    out
}

/// Why a finding is unknown: what its missing facts have to say, each once.
fn causes(finding: &Finding) -> Vec<&str> {
    let mut out: Vec<&str> =
        finding.evidence.iter().filter_map(|evidence| evidence.missing.as_deref()).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// What to do about facts that are missing, by the reason that the gap gives.
fn advice(causes: &[&str]) -> String {
    let known = [
        ("permission-denied", "probe as an account that may read it (root or administrator)."),
        ("command-absent", "install the command that tells, or declare it in cluster.toml ([node.declare])."),
        ("command-failed", "run the command by hand on that host and see what it says."),
        ("unreachable", "see that the host or portal is up and can be reached from here, then check again."),
        ("login-refused", "see that the account, key or CHAP secret is right, then check again."),
        (
            "timed-out",
            "raise the deadline (--host-timeout, --deadline), or see why the answer takes so long.",
        ),
        ("interrupted", "run the check again and let it end."),
        ("not-supported", "it cannot be asked there; declare it in cluster.toml where the plan can tell."),
        ("not-declared", "declare it in cluster.toml; `quorate explain RULE` tells where."),
        (
            "not-collected",
            "declare it in cluster.toml ([node.declare]), or see with `quorate explain RULE` what would tell.",
        ),
    ];
    // What is missing of a bundle cannot be asked of a host now.
    let of_bundles = [
        (
            "was not read to its end",
            "unpack the bundle by hand and check the folder, or have the bundle made anew.",
        ),
        (
            "by the report's manifest",
            "have the bundle made anew with more time (`sos report --plugin-timeout SECONDS`).",
        ),
    ];
    let mut out: Vec<&str> = Vec::new();
    for (sign, words) in of_bundles {
        if causes.iter().any(|cause| cause.contains(sign)) {
            out.push(words);
        }
    }
    let is_of_bundle = |cause: &str| of_bundles.iter().any(|(sign, _)| cause.contains(sign));
    for (reason, words) in known {
        if causes.iter().any(|cause| cause.starts_with(reason) && !is_of_bundle(cause)) {
            out.push(words);
        }
    }
    let Some((first, rest)) = out.split_first() else { return String::new() };
    let mut text = capital(first);
    for words in rest {
        text.push_str(" Or ");
        text.push_str(words);
    }
    text
}

/// What the subjects of a finding are. Several that pass are told by the path of their list: `nodes.nics`.
fn noun_of(finding: &Finding) -> &str {
    match noun(&finding.path) {
        "" if finding.subjects > 1 => finding.path.rsplit('.').next().unwrap_or_default(),
        noun => noun,
    }
}

/// What the elements of the innermost list of a path are: `nics` for `nodes[hv1].nics[eth0]`.
pub(super) fn noun(path: &str) -> &str {
    segments(path).last().map_or("", |(name, _)| name)
}

/// The path without the keys of its elements: `nodes.nics.mtu` for `nodes[hv1].nics[eth0].mtu`.
pub(super) fn type_path(path: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    for c in path.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// The element of that outermost list that a path lies in: `hv1` of `nodes` for `nodes[hv1].os.build`.
pub(super) fn owner<'a>(path: &'a str, list: &str) -> Option<&'a str> {
    if !path.starts_with(list) {
        return None;
    }
    segments(path).first().filter(|(name, _)| *name == list).map(|(_, key)| *key)
}

/// The outermost list that a path lies in, and the key of its element there: `nodes` and `hv1` for `nodes[hv1].os.build`.
pub(super) fn owner_of(path: &str) -> Option<(&str, &str)> {
    segments(path).first().copied()
}

/// The list names of a path with the key of their element. Keys may hold dots and paired brackets.
fn segments(path: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let end = rest.find(['[', '.']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if !after.starts_with('[') {
            rest = after.get(1..).unwrap_or("");
            continue;
        }
        let mut depth = 0;
        let close = after.char_indices().find_map(|(at, c)| {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(at)
        });
        let Some(close) = close else { break };
        out.push((name, &after[1..close]));
        rest = after[close + 1..].trim_start_matches('.');
    }
    out
}

/// How many names stand in a message for several findings; more would hide what it says.
const MOST_NAMES: usize = 6;

/// The message with a mark where it names the subject, so that messages on several subjects can be compared.
fn nameless(finding: &Finding) -> String {
    without_names(finding).0
}

/// The message with a mark where it names the subject or what it is in, and those names in their order.
fn without_names(finding: &Finding) -> (String, Vec<&str>) {
    let mut names: Vec<&str> = segments(&finding.path).into_iter().map(|(_, key)| key).collect();
    names.push(&finding.subject);
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names.retain(|name| !name.is_empty());
    let mut out = String::with_capacity(finding.message.len());
    let mut taken = Vec::new();
    let text = finding.message.as_str();
    let mut at = 0;
    // The nearest of the names; of two at one place the longer.
    let next = |at: usize| {
        let hits = names.iter().filter_map(|name| Some((whole_word(text, at, name)?, *name)));
        hits.min_by_key(|(place, _)| *place)
    };
    while let Some((place, name)) = next(at) {
        out.push_str(&text[at..place]);
        out.push(NAME);
        taken.push(name);
        at = place + name.len();
    }
    out.push_str(&text[at..]);
    (out, taken)
}

/// Where a word stands in a text from some place on, not as a part of a longer one.
fn whole_word(text: &str, from: usize, word: &str) -> Option<usize> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut at = from;
    while let Some(found) = text[at..].find(word) {
        let place = at + found;
        if !text[..place].ends_with(part) && !text[place + word.len()..].starts_with(part) {
            return Some(place);
        }
        at = place + text[place..].chars().next().map_or(1, char::len_utf8);
    }
    None
}

/// One message for several findings whose messages differ in names only: `each has one network` for
/// `hv1 has one network`, `hv3 does not see data1, data2` for `hv3 does not see data1`.
fn common_words(findings: &[&Finding]) -> String {
    let (nameless, first) = without_names(findings[0]);
    let mut names: Vec<Vec<&str>> = first.into_iter().map(|name| vec![name]).collect();
    for finding in &findings[1..] {
        for (seen, name) in names.iter_mut().zip(without_names(finding).1) {
            // More than are shown need not be known.
            if seen.len() <= MOST_NAMES && !seen.contains(&name) {
                seen.push(name);
            }
        }
    }
    let leading = nameless.starts_with(NAME) && names[0].len() > 1;
    let differing = names.iter().skip(usize::from(leading)).filter(|names| names.len() > 1).count();
    let mut names = names.into_iter();
    let mut parts = nameless.split(NAME);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        let here = names.next().unwrap_or_default();
        match here.as_slice() {
            [name] => text.push_str(name),
            // The subjects stand beside it.
            _ if at == 0 && leading => {
                if !part.starts_with(' ') {
                    text.push_str(part.trim_start_matches([':', ',', ' ']));
                    continue;
                }
                text.push_str("each");
            }
            several if differing == 1 && !leading && several.len() <= MOST_NAMES => {
                text.push_str(&several.join(", "));
            }
            _ => text.push('…'),
        }
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_with_dots_and_brackets_are_one_segment() {
        let path = "targets[iqn.2026-11.x:y].luns[witness].paths[[fd00::1]:3260]";
        assert_eq!(
            segments(path),
            [("targets", "iqn.2026-11.x:y"), ("luns", "witness"), ("paths", "[fd00::1]:3260")]
        );
        assert_eq!(noun(path), "paths");
        assert_eq!(noun("witness.kind"), "");
        assert_eq!(noun("nodes[a"), "");
        assert_eq!(noun("nodes[a]].x"), "nodes");
        assert_eq!(type_path(path), "targets.luns.paths");
        assert_eq!(type_path("nodes[a].os.build"), "nodes.os.build");
    }

    #[test]
    fn words_that_name_all_subjects_stay_as_they_are() {
        let camps = |subject: &str| Finding {
            rule: "node/same-build".into(),
            subject: subject.into(),
            path: format!("nodes[{subject}]"),
            message: "no majority: 1 on hv1; 2 on hv2".into(),
            ..empty()
        };
        let findings = [camps("hv1"), camps("hv2")];
        let blocks = blocks(&findings, Status::Fail);
        assert_eq!(blocks[0].lines.len(), 1);
        assert_eq!(blocks[0].lines[0].subjects, ["hv1", "hv2"]);
        assert_eq!(blocks[0].lines[0].message, "no majority: 1 on hv1; 2 on hv2");
    }

    #[test]
    fn what_a_bundle_lacks_is_not_asked_of_a_host() {
        let cut = "command-failed (s.tar.xz was not read to its end: it is cut off)";
        assert!(advice(&[cut]).starts_with("Unpack the bundle by hand"), "{}", advice(&[cut]));
        assert!(!advice(&[cut]).contains("on that host"));
        let late =
            "timed-out (the plugin multipath of sos was stopped at its time limit, by the report's manifest)";
        assert!(advice(&[late]).contains("--plugin-timeout") && !advice(&[late]).contains("--host-timeout"));
        let both = advice(&[cut, "command-failed (multipath -ll: exit status 1)"]);
        assert!(both.contains("Unpack") && both.contains("on that host"), "{both}");
    }

    #[test]
    fn only_whole_names_are_taken_out() {
        let finding = Finding {
            subject: "hv1".into(),
            path: "nodes[hv1].nics[eth0]".into(),
            message: "hv1: eth0 has MTU 1500, hv10 and eth01 have 9000".into(),
            ..empty()
        };
        let text = nameless(&finding);
        assert_eq!(text, "\u{1}: \u{1} has MTU 1500, hv10 and eth01 have 9000");
    }

    fn says(path: &str, subject: &str, message: &str) -> Finding {
        Finding { subject: subject.into(), path: path.into(), message: message.into(), ..empty() }
    }

    fn together(findings: &[Finding]) -> String {
        common_words(&findings.iter().collect::<Vec<_>>())
    }

    #[test]
    fn what_several_have_in_common_is_said_once() {
        let one = |node: &str| says(&format!("nodes[{node}]"), node, &format!("{node} has one network"));
        assert_eq!(together(&[one("hv1"), one("hv2")]), "each has one network");
        let nic = |node: &str| {
            says(&format!("nodes[{node}].nics[eth0]"), "eth0", &format!("{node}: eth0 has MTU 1500"))
        };
        assert_eq!(together(&[nic("hv1"), nic("hv2")]), "eth0 has MTU 1500");
        let view = |node: &str, lun: &str| {
            says(
                &format!("targets[t].luns[{lun}].views[{node}]"),
                node,
                &format!("{node} does not see {lun}"),
            )
        };
        assert_eq!(together(&[view("hv3", "data1"), view("hv3", "data2")]), "hv3 does not see data1, data2");
        assert_eq!(together(&[view("hv2", "data1"), view("hv3", "data1")]), "each does not see data1");
        assert_eq!(together(&[view("hv2", "data1"), view("hv3", "data2")]), "each does not see …");
        let many: Vec<Finding> = (0..20).map(|at| view("hv3", &format!("data{at}"))).collect();
        assert_eq!(together(&many), "hv3 does not see …");
    }

    fn empty() -> Finding {
        Finding {
            rule: String::new(),
            title: "".into(),
            status: Status::Fail,
            severity: crate::rule::Severity::Fail,
            subjects: 1,
            subject: String::new(),
            path: String::new(),
            message: String::new(),
            why: "".into(),
            remedy: "".into(),
            source: Vec::new().into(),
            evidence: Vec::new(),
            provenance: Vec::new(),
            waiver: None,
            baseline: None,
            declared_at: None,
            rule_at: None,
        }
    }
}
