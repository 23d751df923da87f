//! What a profile says of itself: what it is for, which rules it chooses, its limits with their documents, and where it stands
//! when sources disagree.

use super::{columns, disagreement};
use crate::cli::rulebook;
use crate::report::{Look, count, printable_lines};
use crate::requirement::{Conflict, catalogue};
use crate::rule::{ParamOrigin, Ruleset, Selection};
use crate::source::Problems;
use serde::Serialize;
use std::fmt::Write;

/// A profile.
#[derive(Serialize)]
pub(super) struct ExplainedProfile {
    /// Its name.
    profile: String,
    /// What it is for.
    title: String,
    /// The profiles whose choices it starts from, the nearest first.
    extends: Vec<String>,
    /// The platform that it is taken for by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    /// The releases of that platform; empty for all that no other profile is for.
    releases: Vec<String>,
    /// The limits that it or a profile before it sets.
    limits: Vec<Limit>,
    /// The rules that it chooses.
    rules: Vec<ChosenRule>,
    /// Where sources disagree and it follows one of them.
    conflicts: Vec<&'static Conflict>,
}

/// A limit of a profile.
#[derive(Serialize)]
struct Limit {
    /// Name of the parameter.
    name: String,
    /// Its value.
    value: String,
    /// What it sets.
    doc: String,
    /// The profile that sets it, and the document the limit stands in.
    origin: String,
}

/// A rule of a profile.
#[derive(Serialize)]
struct ChosenRule {
    /// Its id.
    id: String,
    /// How bad it is here when it does not hold.
    severity: String,
    /// How bad it is by itself, where that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_itself: Option<String>,
}

impl ExplainedProfile {
    /// All that is known of the profile of that name.
    pub(super) fn new(ruleset: &Ruleset, name: &str) -> Result<Self, Problems> {
        let selection = Selection { profile: Some(rulebook::text("profile", name)), ..Selection::default() };
        let resolved = ruleset.resolve(&selection)?;
        let profile = resolved.profile();
        let limits = resolved.params().filter(|(_, set)| !matches!(set.origin, ParamOrigin::Default));
        let follows = |conflict: &&Conflict| {
            [&conflict.default, &conflict.alternative].into_iter().flatten().any(|one| *one == profile.name)
        };
        let rule = |chosen: &crate::rule::Chosen<'_>| ChosenRule {
            id: chosen.rule.id.clone(),
            severity: chosen.severity.to_string(),
            by_itself: (chosen.severity != chosen.rule.severity).then(|| chosen.rule.severity.to_string()),
        };
        Ok(ExplainedProfile {
            profile: profile.name.clone(),
            title: profile.title.clone(),
            extends: ruleset
                .profiles()
                .chain(profile)
                .iter()
                .rev()
                .skip(1)
                .map(|one| one.name.clone())
                .collect(),
            platform: profile.platform.map(|platform| platform.to_string()),
            releases: profile.releases.clone(),
            limits: limits
                .map(|(param, set)| Limit {
                    name: param.name.clone(),
                    value: set.value.to_string(),
                    doc: param.doc.clone(),
                    origin: set.origin.to_string(),
                })
                .collect(),
            rules: resolved.rules().iter().map(rule).collect(),
            conflicts: catalogue().conflicts().iter().filter(follows).collect(),
        })
    }

    fn taken_for(&self) -> String {
        match (&self.platform, self.releases.as_slice()) {
            (None, _) => format!("`profile = \"{}\"` in `[cluster]`, or --profile", self.profile),
            (Some(platform), []) => format!("{platform}, where no profile is for its release"),
            (Some(platform), releases) => format!("{platform} {}", releases.join(", ")),
        }
    }

    /// For people.
    pub(super) fn text(&self, look: Look) -> String {
        let mut rows: Vec<(&str, String)> = vec![
            ("Profile", self.profile.clone()),
            ("Is for", self.title.clone()),
            ("Taken for", self.taken_for()),
        ];
        if !self.extends.is_empty() {
            rows.push(("Starts from", self.extends.join(", ")));
        }
        for conflict in &self.conflicts {
            rows.extend(disagreement(conflict).map(|line| ("Disputed", line)));
        }
        rows.extend(self.limits.iter().map(|limit| {
            ("Limit", format!("{} = {} ({}): {}", limit.name, limit.value, limit.origin, limit.doc))
        }));
        rows.extend(self.rules.iter().filter_map(|rule| {
            let by_itself = rule.by_itself.as_ref()?;
            Some(("Severity", format!("{} = {} (by itself: {by_itself})", rule.id, rule.severity)))
        }));
        rows.push((
            "Rules",
            format!(
                "{}; `quorate rules list --profile {}` lists them",
                count(self.rules.len(), "rules"),
                self.profile
            ),
        ));
        printable_lines(&columns::pairs(&rows, look)).into_owned()
    }

    /// As a page.
    pub(super) fn markdown(&self) -> String {
        let mut out = format!("# {}\n\n{}.\n\nTaken for: {}\n\n", self.profile, self.title, self.taken_for());
        for conflict in &self.conflicts {
            out.push_str("## Where sources disagree\n\n");
            for line in disagreement(conflict) {
                let _ = writeln!(out, "- {line}");
            }
            out.push('\n');
        }
        if !self.limits.is_empty() {
            out.push_str("## Limits\n\n");
            for limit in &self.limits {
                let _ =
                    writeln!(out, "- `{}` = {} ({}): {}", limit.name, limit.value, limit.origin, limit.doc);
            }
            out.push('\n');
        }
        out.push_str("## Rules\n\n");
        for rule in &self.rules {
            let _ = writeln!(out, "- `{}`: {}", rule.id, rule.severity);
        }
        printable_lines(out.trim_end()).into_owned() + "\n"
    }
}
