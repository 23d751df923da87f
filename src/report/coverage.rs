//! How much of the cluster and of the rules a report rests on.

use crate::facts::{Document, GapReason, Places, Portal, ProbeKind, Target};
use crate::rule::{Judgement, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What was checked, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Whether the run came to its end, every rule could be judged, and every node and target answered.
    pub complete: bool,
    /// Whether the gathering of facts came to its end.
    pub run_complete: bool,
    /// The rules; each selected one counts once.
    pub rules: RuleCoverage,
    /// The nodes.
    pub nodes: Reach,
    /// The storage targets; one is reached when a login came about through any of its portals.
    pub targets: Reach,
    /// The portals of those targets that the plan names.
    pub portals: Reach,
}

/// How many rules came to a verdict. `selected` is the sum of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleCoverage {
    /// Rules that profile and options chose.
    pub selected: usize,
    /// Rules that came to a verdict on every subject they have.
    pub evaluated: usize,
    /// Rules that could not be judged on at least one subject.
    pub unknown: usize,
    /// Rules that have nothing to say of this cluster.
    pub not_applicable: usize,
    /// Rules of which nothing but waived findings is left.
    pub waived: usize,
}

/// How many of some things were reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reach {
    /// All of them.
    pub total: usize,
    /// Those that answered, when the facts were gathered.
    pub reached: usize,
    /// Those that were not asked, since all that is to be known of them was declared.
    pub declared: usize,
    /// Those that were asked and did not answer.
    pub not_reached: Vec<NotReached>,
}

/// Something that gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotReached {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl Coverage {
    /// What a judgement of a document rests on.
    pub fn of(document: &Document, judgement: &Judgement) -> Self {
        let places = Places::new(document);
        let mut coverage = Coverage {
            complete: false,
            run_complete: document.run.complete != Some(false),
            rules: RuleCoverage::of(judgement),
            nodes: nodes(document, &places),
            ..Coverage::default()
        };
        for target in &document.targets {
            coverage.add_target(target, &places);
        }
        coverage.complete = coverage.run_complete
            && coverage.rules.unknown == 0
            && coverage.nodes.not_reached.is_empty()
            && coverage.targets.not_reached.is_empty();
        coverage
    }

    fn add_target(&mut self, target: &Target, places: &Places<'_>) {
        let path = format!("targets[{}]", target.name);
        let mut reached = false;
        let mut reasons: Vec<String> = Vec::new();
        for portal in target.portals.iter().flatten() {
            let logged_in = portal.login == Some(true);
            reached |= logged_in;
            let reason = (!logged_in).then(|| portal_reason(&path, portal, places));
            if portal.planned != Some(false) {
                self.portals.add(&format!("{} of {}", portal.address, target.name), reason.clone());
            }
            reasons.extend(reason);
        }
        if reasons.is_empty() && !reached {
            reasons.push(gap_words(places, &path).unwrap_or_else(|| "no portal is known".to_owned()));
        }
        reasons.dedup();
        self.targets.add(&target.name, (!reached).then(|| reasons.join("; ")));
    }
}

impl Coverage {
    /// What was reached of each kind, with its name in the plural.
    pub const fn reaches(&self) -> [(&'static str, &Reach); 3] {
        [("nodes", &self.nodes), ("targets", &self.targets), ("portals", &self.portals)]
    }
}

impl RuleCoverage {
    fn of(judgement: &Judgement) -> Self {
        #[derive(Default, Clone, Copy)]
        struct Seen {
            unknown: bool,
            judged: bool,
            waived: bool,
            not_applicable: bool,
        }
        let mut seen: HashMap<&str, Seen> =
            judgement.selected.iter().map(|rule| (rule.as_str(), Seen::default())).collect();
        for finding in &judgement.findings {
            let seen = seen.entry(&finding.rule).or_default();
            match finding.status {
                Status::Unknown => seen.unknown = true,
                Status::Fail | Status::Warn | Status::Info | Status::Pass => seen.judged = true,
                Status::Waived => seen.waived = true,
                Status::NotApplicable => seen.not_applicable = true,
            }
        }
        let mut rules = RuleCoverage { selected: judgement.selected.len(), ..RuleCoverage::default() };
        for rule in &judgement.selected {
            let seen = seen[rule.as_str()];
            // A rule that was chosen and says nothing at all must not look like one that holds.
            let silent = !seen.judged && !seen.waived && !seen.not_applicable;
            match seen {
                _ if seen.unknown || silent => rules.unknown += 1,
                _ if seen.judged => rules.evaluated += 1,
                _ if seen.waived => rules.waived += 1,
                _ => rules.not_applicable += 1,
            }
        }
        rules
    }
}

impl Reach {
    fn add(&mut self, name: &str, not_reached: Option<String>) {
        self.total += 1;
        match not_reached {
            None => self.reached += 1,
            Some(reason) => self.not_reached.push(NotReached { name: name.to_owned(), reason }),
        }
    }
}

fn nodes(document: &Document, places: &Places<'_>) -> Reach {
    let mut reach = Reach::default();
    for node in &document.nodes {
        match (node.reached, node.probe) {
            (Some(true), _) => reach.add(&node.name, None),
            (_, Some(ProbeKind::None)) | (None, None) => {
                reach.total += 1;
                reach.declared += 1;
            }
            _ => {
                let reason = gap_words(places, &format!("nodes[{}]", node.name));
                reach.add(&node.name, Some(reason.unwrap_or_else(|| "no answer".to_owned())));
            }
        }
    }
    reach
}

fn portal_reason(target: &str, portal: &Portal, places: &Places<'_>) -> String {
    match portal.error.as_deref() {
        Some(error) if !error.is_empty() => error.to_owned(),
        _ => gap_words(places, &format!("{target}.portals[{}]", portal.address))
            .unwrap_or_else(|| "no login".to_owned()),
    }
}

fn gap_words(places: &Places<'_>, path: &str) -> Option<String> {
    let gap = places.gap(path)?;
    let reason = gap.reason.map_or("", GapReason::word);
    Some(match gap.detail.as_deref() {
        Some(detail) if !detail.is_empty() && !reason.is_empty() => format!("{reason}: {detail}"),
        Some(detail) if !detail.is_empty() => detail.to_owned(),
        _ => reason.to_owned(),
    })
}
