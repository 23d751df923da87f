//! `analysis.txt` of cluster reports: which files of the nodes differ, and how.
//!
//! A report moves a file to its top where it takes the nodes' copies for equal. Only what is told here proves it: with two
//! nodes and `OK` the copies were compared and found equal; with a difference told, the other node's copy is had by applying
//! it. With three nodes and more, `OK` may stand for the last comparison alone, so it proves nothing.

use super::date;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What the analysis says of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Whether it was found equal and no difference is told.
    pub equal: bool,
    /// Node whose copy was compared with the others; it is the one that is kept.
    pub first: Option<String>,
    /// Differences of other nodes from it, as unified diffs.
    pub differences: BTreeMap<String, Vec<String>>,
}

/// What the analysis says, by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Analysis {
    files: BTreeMap<String, Comparison>,
    /// Nodes that it names.
    pub nodes: Vec<String>,
    /// When the report was made, where a difference tells.
    pub made: Option<Timestamp>,
}

impl Analysis {
    /// Reads an `analysis.txt`.
    pub fn parse(text: &str) -> Self {
        let mut analysis = Analysis::default();
        let mut at: Option<String> = None;
        let mut target: Option<String> = None;
        for line in text.lines() {
            if let Some((file, verdict)) = line
                .strip_prefix("Diff ")
                .and_then(|rest| rest.split_once("... ").or_else(|| rest.split_once("...")))
            {
                let comparison = Comparison { equal: verdict.trim() == "OK", ..Comparison::default() };
                analysis.files.insert(file.trim().to_owned(), comparison);
                at = Some(file.trim().to_owned());
                target = None;
                continue;
            }
            if let Some(node) = line.strip_prefix("Checking problems with permissions/ownership at ") {
                analysis.name(node.trim_end_matches(':').trim());
                at = None;
                continue;
            }
            let Some(comparison) = at.as_ref().and_then(|file| analysis.files.get_mut(file)) else {
                continue;
            };
            // The second last part of the path is the node's folder.
            let node_of = |path: &str| path.split('\t').next()?.trim().rsplit('/').nth(1).map(str::to_owned);
            if let Some(path) = line.strip_prefix("--- ") {
                analysis.made = analysis.made.or_else(|| date::parse(path.split_once('\t')?.1));
                comparison.first = node_of(path);
                comparison.equal = false;
                target = None;
            } else if let Some(path) = line.strip_prefix("+++ ") {
                target = node_of(path);
                if let Some(node) = &target {
                    comparison.differences.insert(node.clone(), Vec::new());
                }
            } else if let Some(lines) = target.as_ref().and_then(|node| comparison.differences.get_mut(node))
            {
                lines.push(line.to_owned());
            }
        }
        let told: Vec<String> = analysis
            .files
            .values()
            .flat_map(|file| file.first.iter().chain(file.differences.keys()).cloned())
            .collect();
        for node in told {
            analysis.name(&node);
        }
        analysis
    }

    fn name(&mut self, node: &str) {
        if !node.is_empty()
            && node.len() < 256
            && self.nodes.len() < 256
            && !self.nodes.iter().any(|known| known == node)
        {
            self.nodes.push(node.to_owned());
        }
    }

    /// What is said of a file.
    pub fn of(&self, file: &str) -> Option<&Comparison> {
        self.files.get(file)
    }
}

/// A text with a unified diff applied; `None` where the diff does not fit the text.
pub fn apply(text: &str, diff: &[String]) -> Option<String> {
    let old: Vec<&str> = text.lines().collect();
    let mut out: Vec<&str> = Vec::new();
    let mut at = 0;
    let mut hunks = 0;
    let mut left = (0_usize, 0_usize);
    for line in diff {
        if left == (0, 0) {
            let Some(header) = line.strip_prefix("@@ -") else { continue };
            let mut words = header.split(' ');
            let range = |word: &str| -> Option<(usize, usize)> {
                match word.split_once(',') {
                    Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
                    None => Some((word.parse().ok()?, 1)),
                }
            };
            let (start, removed) = range(words.next()?)?;
            let (_, added) = range(words.next()?.strip_prefix('+')?)?;
            let start = if removed == 0 { start } else { start.checked_sub(1)? };
            out.extend(old.get(at..start)?);
            at = start;
            left = (removed, added);
            hunks += 1;
            continue;
        }
        match line.as_bytes().first() {
            Some(b'-') => {
                (*old.get(at)? == &line[1..]).then_some(())?;
                left.0 = left.0.checked_sub(1)?;
                at += 1;
            }
            Some(b'+') => {
                left.1 = left.1.checked_sub(1)?;
                out.push(&line[1..]);
            }
            // Some tools cut the blank of an empty line.
            first @ (Some(b' ') | None) => {
                let kept = if first.is_some() { &line[1..] } else { "" };
                (*old.get(at)? == kept).then_some(())?;
                left = (left.0.checked_sub(1)?, left.1.checked_sub(1)?);
                out.push(kept);
                at += 1;
            }
            Some(b'\\') => {}
            Some(_) => return None,
        }
    }
    (hunks > 0 && left == (0, 0)).then_some(())?;
    out.extend(old.get(at..)?);
    Some(out.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "Diff members.txt... OK\nDiff sysinfo.txt... \n--- /tmp/w/r/hv1/sysinfo.txt\t2019-03-22 15:08:35 +0800\n+++ /tmp/w/r/hv2/sysinfo.txt\t2019-03-22 15:08:40 +0800\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n\n\nDiff cib.xml... OK\n\nChecking problems with permissions/ownership at hv1:\n##### Check\nChecking problems with permissions/ownership at hv3:\n";

    #[test]
    fn what_is_told_is_read() {
        let analysis = Analysis::parse(TEXT);
        assert!(analysis.of("members.txt").unwrap().equal && analysis.of("cib.xml").unwrap().equal);
        let sysinfo = analysis.of("sysinfo.txt").unwrap();
        assert!(!sysinfo.equal);
        assert_eq!(sysinfo.first.as_deref(), Some("hv1"));
        assert_eq!(analysis.nodes, ["hv1", "hv3", "hv2"]);
        assert_eq!(analysis.made.map(|made| made.to_string()).as_deref(), Some("2019-03-22T15:08:35Z"));
        let theirs = apply("one\ntwo\nthree\nfour\n", &sysinfo.differences["hv2"]);
        assert_eq!(theirs.as_deref(), Some("one\nzwei\nthree\nfour\n"));
        assert_eq!(apply("one\n2\nthree\n", &sysinfo.differences["hv2"]), None, "it does not fit");
        assert_eq!(apply("one\n", &[]), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_text_does_no_harm(text in "(Diff |--- a/b/c|\\+\\+\\+ a/d/c|@@ -[0-9]{1,3},[0-9] \\+[0-9],[0-9] @@|[-+ ].{0,9}|\n){0,30}") {
            let analysis = Analysis::parse(&text);
            for file in analysis.files.values() {
                for diff in file.differences.values() {
                    let _ = apply("a\nb\nc\n", diff);
                }
            }
        }
    }
}
