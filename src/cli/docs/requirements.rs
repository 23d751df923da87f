//! The page of the catalogue of requirements: platform by platform, then where sources disagree.

use super::cell;
use crate::requirement::{catalogue, coverage};
use crate::rule::Ruleset;
use std::fmt::Write;

/// Words as they begin a sentence; a name that is written small stays small.
fn sentence(words: &str) -> String {
    words.strip_prefix("the ").map_or_else(|| words.to_owned(), |rest| format!("The {rest}"))
}

/// The page.
pub(super) fn page(ruleset: &Ruleset) -> String {
    let mut out = String::from(
        "# Requirements\n\nWhat is asked of a cluster, platform by platform, and the rules that decide it. Written by \
         `quorate docs requirements` out of the files in this folder; `quorate rules coverage` prints the same table.\n",
    );
    let covered = coverage(catalogue(), ruleset.covers());
    let mut platform = "";
    for one in &covered {
        let requirement = one.requirement;
        if requirement.platform != platform {
            platform = &requirement.platform;
            let _ = write!(
                out,
                "\n## {platform}\n\n| Id | What | Must hold | Severity | Known | Decided by |\n|---|---|---|---|---|---|\n"
            );
        }
        let known: Vec<&str> = requirement.known.iter().map(|known| known.word()).collect();
        let rules = one.rules.iter().map(|id| format!("[{id}](../rules/{}.md)", id.replace('/', "-")));
        let decided = match one.reason {
            _ if !one.rules.is_empty() => rules.collect::<Vec<_>>().join(", "),
            Some(reason) => format!("no rule: {}", cell(reason)),
            None => "open".to_owned(),
        };
        let conflict = requirement.conflict.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
        let _ = writeln!(
            out,
            "| {}{conflict} | {} | {} | {} | {} | {decided} |",
            requirement.id,
            cell(&requirement.subject),
            cell(&requirement.condition),
            requirement.severity.word(),
            known.join(", "),
        );
    }
    out.push_str("\n## Where sources disagree\n");
    for conflict in catalogue().conflicts() {
        let _ = write!(
            out,
            "\n### {}: {}\n\n- {} says: {}\n- {} says: {}\n- Here: {}\n",
            conflict.id,
            conflict.subject,
            sentence(&conflict.article),
            conflict.said_by_article,
            sentence(&conflict.vendor),
            conflict.said_by_vendor,
            conflict.resolution
        );
        for (who, profile) in
            [(&conflict.vendor, &conflict.default), (&conflict.article, &conflict.alternative)]
        {
            if let Some(profile) = profile {
                let _ = writeln!(out, "- Profile `{profile}` follows {who}.");
            }
        }
    }
    out
}
