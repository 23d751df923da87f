//! Why facts of a node are missing, and where those that are known come from.
//!
//! Every missing fact of a node that answered has a gap that covers it. A gap stands as high as it can, so that a
//! cluster of many nodes stays small: at the list where it says the same of many elements.

use super::answer::{Answer, Section, Status};
use super::collectors::{self, Collector, NOT_ASKED};
use crate::facts::{
    Gap, GapReason, List, Node, Record, RecordType, Source, SourceKind, Type, Value, element_path,
};
use std::collections::BTreeMap;

/// How an answer came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The script came to its end.
    Whole,
    /// It broke off, for this reason, with these words.
    Broken(GapReason, String),
}

/// What one collector came to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// It was not asked, since another was or there was nothing to ask for.
    NotAsked,
    /// It told what it could.
    Told,
    /// It did not.
    Trouble(GapReason, String),
}

/// At most so many elements of one list get gaps of their own.
const OWN_GAPS: usize = 64;

/// The gaps and sources of a node that answered. `unread` are sections that came whole and could not be read; `place` is
/// the host as provenance shows it.
pub fn explain(
    node: &Node,
    answer: &Answer,
    ending: &Ending,
    unread: &[(String, String)],
    place: &str,
) -> (Vec<Gap>, Vec<Source>) {
    let explainer = Explainer {
        outcomes: collectors::all()
            .map(|collector| (collector.section, outcome(collector, answer, ending, unread, node.privileged)))
            .collect(),
        bundle: None,
    };
    let root = format!("nodes[{}]", node.name);
    let mut gaps = Vec::new();
    explainer.record(node, "nodes", &root, &mut gaps);
    (gaps, explainer.sources(node, &root, place))
}

/// What is known of a bundle that a node's answer was made of.
#[derive(Clone, Copy, Debug)]
pub struct Bundle<'a> {
    /// Kind, with its article: `a sosreport`.
    pub kind: &'a str,
    /// The archive or folder.
    pub file: &'a str,
    /// Members that each section comes from.
    pub origins: &'a BTreeMap<String, Vec<String>>,
    /// Why sections are not there, where more is to be said than that the bundle does not hold them.
    pub troubles: &'a BTreeMap<&'static str, (GapReason, String)>,
    /// Why it was not read to its end.
    pub broken: Option<&'a str>,
}

/// As [`explain`], of a node out of a bundle: what the bundle does not hold is not collected, and sources are its members.
pub fn explain_bundle(
    node: &Node,
    answer: &Answer,
    unread: &[(String, String)],
    bundle: &Bundle<'_>,
) -> (Vec<Gap>, Vec<Source>) {
    let of = |collector: &Collector| match outcome(collector, answer, &Ending::Whole, unread, Some(true)) {
        Outcome::NotAsked => match (bundle.troubles.get(collector.section), bundle.broken) {
            (Some((reason, why)), _) => Outcome::Trouble(*reason, why.clone()),
            (None, Some(why)) => Outcome::Trouble(
                GapReason::CommandFailed,
                format!("{} was not read to its end: {why}", bundle.file),
            ),
            (None, None) => Outcome::NotAsked,
        },
        known => known,
    };
    let outcomes = collectors::all().map(|collector| (collector.section, of(collector))).collect();
    let explainer = Explainer { outcomes, bundle: Some(*bundle) };
    let root = format!("nodes[{}]", node.name);
    let mut gaps = Vec::new();
    explainer.record(node, "nodes", &root, &mut gaps);
    (gaps, explainer.sources(node, &root, bundle.file))
}

fn outcome(
    collector: &Collector,
    answer: &Answer,
    ending: &Ending,
    unread: &[(String, String)],
    privileged: Option<bool>,
) -> Outcome {
    if let Some((_, message)) = unread.iter().find(|(section, _)| section == collector.section) {
        return Outcome::Trouble(GapReason::CommandFailed, format!("{}: {message}", collector.command));
    }
    let broken = |section_began: bool| match ending {
        Ending::Broken(reason, words) => Outcome::Trouble(*reason, words.clone()),
        // The shell itself gave up on it: an error of the script would show here.
        Ending::Whole if section_began => {
            Outcome::Trouble(GapReason::CommandFailed, format!("{}: it has no end", collector.command))
        }
        Ending::Whole => Outcome::NotAsked,
    };
    let told = |section: &Section| match section.status {
        Status::Exit(0) => !section.truncated,
        Status::Exit(1 | 2) if collector.partial => {
            privileged == Some(true) || !section.errors.to_ascii_lowercase().contains("permission denied")
        }
        _ => false,
    };
    // Of several items, one that failed tells more than those that did not.
    let mut troubles =
        answer.items(collector.section).filter(|section| !told(section) && section.status != Status::Absent);
    let Some(section) = troubles.next().or_else(|| answer.section(collector.section)) else {
        return broken(false);
    };
    if section.status == Status::Unfinished {
        return broken(true);
    }
    if told(section) {
        return Outcome::Told;
    }
    match section.trouble(privileged, collector.needs_root) {
        None => Outcome::Told,
        Some((reason, words)) => Outcome::Trouble(reason, format!("{}: {words}", collector.command)),
    }
}

/// Which of several reasons explains best why a fact is missing: what broke off the run, then rights, then failures.
fn weight(reason: GapReason) -> u8 {
    match reason {
        GapReason::Interrupted => 7,
        GapReason::TimedOut => 6,
        GapReason::PermissionDenied => 5,
        GapReason::CommandFailed => 4,
        GapReason::CommandAbsent => 3,
        _ => 1,
    }
}

/// What elements of a list lack for one reason.
struct Lack {
    reason: GapReason,
    details: Vec<String>,
    fields: Vec<String>,
    paths: Vec<String>,
}

impl Lack {
    fn shown(&self) -> String {
        format!("{}, for some of them: {}", self.fields.join(", "), self.details.join("; "))
    }
}

struct Explainer<'a> {
    outcomes: BTreeMap<&'static str, Outcome>,
    bundle: Option<Bundle<'a>>,
}

impl Explainer<'_> {
    fn reason(&self, fact: &str) -> (GapReason, String) {
        if let Some((_, why)) = NOT_ASKED.iter().find(|(path, _)| is_at_or_below(fact, path)) {
            return (GapReason::NotCollected, (*why).to_owned());
        }
        let mut collectors = collectors::for_fact(fact);
        collectors.extend(collectors::kept_for_fact(fact));
        let outcome = |one: &Collector| self.outcomes.get(one.section).unwrap_or(&Outcome::NotAsked);
        let troubles = collectors.iter().filter_map(|one| match outcome(one) {
            Outcome::Trouble(reason, words) => Some((*reason, words)),
            _ => None,
        });
        // The first of those that weigh the same: it is the one that was meant to tell.
        let worst = troubles.fold(None, |worst: Option<(GapReason, &String)>, (reason, words)| match worst {
            Some((known, _)) if weight(known) >= weight(reason) => worst,
            _ => Some((reason, words)),
        });
        if let Some((reason, words)) = worst {
            return (reason, words.clone());
        }
        let told: Vec<&str> =
            collectors.iter().filter(|one| *outcome(one) == Outcome::Told).map(|one| one.command).collect();
        if told.is_empty()
            && let Some(bundle) = &self.bundle
        {
            let command = collectors.first().map_or("it", |one| one.command);
            (GapReason::NotCollected, format!("{} does not hold {command}", bundle.kind))
        } else if told.is_empty() {
            (GapReason::NotCollected, "nothing on this host was asked that could tell".to_owned())
        } else {
            (GapReason::NotSupported, format!("{} did not tell", told.join(", ")))
        }
    }

    /// Gaps for what is missing in a record at the type path `ty` and the path `at`.
    fn record(&self, record: &dyn Record, ty: &str, at: &str, gaps: &mut Vec<Gap>) {
        for (index, field) in record.record_type().fields.iter().enumerate() {
            if is_derived(field.doc) {
                continue;
            }
            let (ty, at) = (format!("{ty}.{}", field.name), format!("{at}.{}", field.name));
            match record.field(index) {
                // What only the plan tells is the plan's to explain.
                Value::Missing if matches!(field.name, "site" | "physical_host") => {}
                Value::Missing => {
                    let (reason, detail) = self.reason(&ty);
                    gaps.push(Gap { path: at, reason: Some(reason), detail: Some(detail) });
                }
                Value::Record(inner) => {
                    let mut within = Vec::new();
                    self.record(inner, &ty, &at, &mut within);
                    gaps.extend(together(at, within));
                }
                Value::List(list) => self.list(list, &ty, &at, gaps),
                _ => {}
            }
        }
    }

    /// One gap at the list for the reason that covers most of what its elements lack, and gaps of their own for what is
    /// missing for another reason, as long as they are few.
    fn list(&self, list: &dyn List, ty: &str, at: &str, gaps: &mut Vec<Gap>) {
        let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for position in 0..list.len() {
            let Some(element @ Value::Record(record)) = list.get(position) else { return };
            let path = element_path(at, element, position);
            lacking(record, ty, &path, &mut |fact, path| missing.entry(fact).or_default().push(path));
        }
        let mut reasons: Vec<Lack> = Vec::new();
        for (fact, paths) in missing {
            let (reason, detail) = self.reason(&fact);
            let known = reasons.iter_mut().find(|lack| {
                lack.reason == reason && (reason == GapReason::NotSupported || lack.details.contains(&detail))
            });
            let lack = if let Some(lack) = known {
                lack
            } else {
                reasons.push(Lack { reason, details: Vec::new(), fields: Vec::new(), paths: Vec::new() });
                let Some(last) = reasons.last_mut() else { continue };
                last
            };
            lack.fields.push(fact[ty.len() + 1..].to_owned());
            lack.paths.extend(paths);
            if !lack.details.contains(&detail) {
                lack.details.push(detail);
            }
        }
        reasons.sort_by_key(|lack| std::cmp::Reverse(lack.paths.len()));
        let mut reasons = reasons.into_iter();
        let Some(most) = reasons.next() else { return };
        let mut details = vec![most.shown()];
        for lack in reasons {
            if lack.paths.len() > OWN_GAPS {
                details.push(lack.shown());
                continue;
            }
            let detail = lack.details.join("; ");
            let gap = |path| Gap { path, reason: Some(lack.reason), detail: Some(detail.clone()) };
            gaps.extend(lack.paths.into_iter().map(gap));
        }
        gaps.push(Gap { path: at.to_owned(), reason: Some(most.reason), detail: Some(details.join("; ")) });
    }

    /// One source for each group of facts that is known: all commands that told of it.
    fn sources(&self, node: &Node, root: &str, place: &str) -> Vec<Source> {
        let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for collector in collectors::all() {
            if self.outcomes.get(collector.section) == Some(&Outcome::NotAsked) {
                continue;
            }
            let told = matches!(self.outcomes.get(collector.section), Some(Outcome::Told));
            let names: Vec<&str> = match &self.bundle {
                Some(bundle) => {
                    bundle.origins.get(collector.section).into_iter().flatten().map(String::as_str).collect()
                }
                None => vec![collector.command],
            };
            for fact in collector.facts {
                let group = group_of(fact);
                let known = groups.entry(group).or_default();
                for name in &names {
                    if told && !known.contains(name) {
                        known.push(name);
                    }
                }
            }
        }
        let mut out = Vec::new();
        for (group, commands) in groups {
            let below = group.strip_prefix("nodes.").unwrap_or(group);
            if commands.is_empty() || !is_known(node, below) {
                continue;
            }
            let file = commands.iter().all(|command| command.starts_with('/'));
            out.push(Source {
                path: format!("{root}.{below}"),
                kind: Some(match self.bundle {
                    Some(_) => SourceKind::Bundle,
                    None if file => SourceKind::File,
                    None => SourceKind::Command,
                }),
                place: Some(place.to_owned()),
                item: Some(commands.join(", ")),
            });
        }
        out
    }
}

/// One gap for a group instead of several that all say the same.
fn together(group: String, gaps: Vec<Gap>) -> Vec<Gap> {
    match gaps.as_slice() {
        [first, rest @ ..]
            if !rest.is_empty()
                && rest.iter().all(|gap| gap.reason == first.reason && gap.detail == first.detail) =>
        {
            vec![Gap { path: group, ..first.clone() }]
        }
        _ => gaps,
    }
}

fn is_derived(doc: &str) -> bool {
    doc.trim_start().starts_with("Derived:")
}

fn is_at_or_below(path: &str, top: &str) -> bool {
    path.strip_prefix(top).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Calls `take` with the type path and the path of each fact that is missing in a record of a list.
fn lacking(record: &dyn Record, ty: &str, at: &str, take: &mut dyn FnMut(String, String)) {
    for (index, field) in record.record_type().fields.iter().enumerate() {
        if is_derived(field.doc) {
            continue;
        }
        let (ty, at) = (format!("{ty}.{}", field.name), format!("{at}.{}", field.name));
        match record.field(index) {
            Value::Missing => take(ty, at),
            Value::Record(inner) => lacking(inner, &ty, &at, take),
            Value::List(list) => {
                for position in 0..list.len() {
                    if let Some(element @ Value::Record(inner)) = list.get(position) {
                        lacking(inner, &ty, &element_path(&at, element, position), take);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The group that a fact's source is written for: the fact itself, or the list that it is in.
fn group_of(fact: &'static str) -> &'static str {
    let mut ty = Type::Record(&Node::TYPE);
    let mut end = "nodes".len();
    for name in fact.split('.').skip(1) {
        let Type::Record(record) = ty else { break };
        let Some((_, field)) = record.find(name) else { break };
        end += 1 + name.len();
        ty = (field.ty)();
    }
    &fact[..end]
}

/// Whether anything is known at a path below a node.
fn is_known(node: &Node, below: &str) -> bool {
    let mut value = Value::Record(node);
    for name in below.split('.') {
        let Value::Record(record) = value else { return false };
        let Some((index, _)) = record.record_type().find(name) else { return false };
        value = record.field(index);
    }
    fn any(value: Value<'_>) -> bool {
        match value {
            Value::Missing => false,
            Value::Record(record) => {
                let ty: &RecordType = record.record_type();
                (0..ty.fields.len()).any(|index| any(record.field(index)))
            }
            _ => true,
        }
    }
    any(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Disk, Document, Nic, Places};
    use crate::probe::answer::Reader;

    fn answer(text: &str, errors: &str) -> Answer {
        let mut reader = Reader::new("n");
        reader.output(text.as_bytes()).unwrap();
        reader.errors(errors.as_bytes()).unwrap();
        reader.finish()
    }

    fn gap_at<'a>(gaps: &'a [Gap], path: &str) -> (GapReason, &'a str) {
        let gap = gaps.iter().find(|gap| gap.path == path).unwrap_or_else(|| panic!("{path} in {gaps:#?}"));
        (gap.reason.unwrap(), gap.detail.as_deref().unwrap())
    }

    #[test]
    fn what_needs_root_says_so() {
        let text = "#n hello 1\n#n b id \n1000\n\n#n e 0\n#n b iscsi-records \n\n#n e denied\n#n b multipath \n\n#n e 1\n#n b packages-dpkg \n\n#n e 127\n#n bye\n";
        let answer = answer(text, "\n#n multipath \nneed to be root\n");
        let node = Node { name: "hv1".into(), privileged: Some(false), ..Node::default() };
        let (gaps, sources) = explain(&node, &answer, &Ending::Whole, &[], "hv1");
        let at = |path| gap_at(&gaps, path);
        assert_eq!(
            at("nodes[hv1].iscsi.records"),
            (GapReason::PermissionDenied, "iscsiadm -m node -o show: needs root")
        );
        assert_eq!(at("nodes[hv1].multipath.maps").0, GapReason::PermissionDenied);
        assert_eq!(at("nodes[hv1].packages").0, GapReason::CommandAbsent);
        assert_eq!(at("nodes[hv1].domain").0, GapReason::NotCollected, "both of its facts in one");
        assert!(!gaps.iter().any(|gap| gap.path == "nodes[hv1].privileged"));
        let paths: Vec<_> =
            sources.iter().map(|source| (source.path.as_str(), source.item.as_deref())).collect();
        assert_eq!(paths, [("nodes[hv1].privileged", Some("id -u"))]);
    }

    #[test]
    fn what_was_not_reached_in_time_says_so() {
        let answer = answer("#n hello 1\n#n b id \n0\n\n#n e 0\n#n b lsblk \n{", "");
        let node = Node { name: "hv1".into(), privileged: Some(true), ..Node::default() };
        let ending = Ending::Broken(GapReason::TimedOut, "no answer within 30 s".into());
        let (gaps, _) = explain(&node, &answer, &ending, &[], "hv1");
        assert_eq!(gap_at(&gaps, "nodes[hv1].disks"), (GapReason::TimedOut, "no answer within 30 s"));
        assert_eq!(gap_at(&gaps, "nodes[hv1].os").0, GapReason::TimedOut);
    }

    #[test]
    fn elements_share_a_gap_unless_the_reason_is_another() {
        let text = "#n hello 1\n#n b net \nx\n\n#n e 0\n#n b ip-addr \n[]\n\n#n e 0\n#n b ethtool eth0\n\n#n e 127\n#n b lsblk \n\n#n e 0\n#n bye\n";
        let answer = answer(text, "");
        let nics = ["eth0", "eth1"].map(|name| Nic { name: name.into(), mtu: Some(1500), ..Nic::default() });
        let disks = (0..100).map(|at| Disk { name: format!("sd{at}"), ..Disk::default() }).collect();
        let node =
            Node { name: "hv1".into(), nics: Some(nics.into()), disks: Some(disks), ..Node::default() };
        let (gaps, sources) = explain(&node, &answer, &Ending::Whole, &[], "hv1");
        let document = Document { gaps, ..Document::default() };
        let places = Places::new(&document);
        let reason = |path: &str| places.gap(path).and_then(|gap| gap.reason);
        assert_eq!(reason("nodes[hv1].nics[eth1].firmware"), Some(GapReason::CommandAbsent));
        assert_eq!(reason("nodes[hv1].nics[eth1].speed_bps"), Some(GapReason::NotSupported));
        // lsblk told; what would have told identities was not there to be asked.
        assert_eq!(reason("nodes[hv1].disks[sd7].filesystem"), Some(GapReason::NotSupported));
        assert!(reason("nodes[hv1].disks[sd7].identity").is_some());
        assert_eq!(document.gaps.iter().filter(|gap| gap.path.contains("disks")).count(), 1);
        let nics = sources.iter().find(|source| source.path == "nodes[hv1].nics").unwrap();
        assert_eq!(nics.item.as_deref(), Some("ip -j -d addr, /sys/class/net"));
    }

    #[test]
    fn an_answer_that_cannot_be_read_says_so() {
        let answer = answer("#n hello 1\n#n b lsblk \n{\n\n#n e 0\n#n bye\n", "");
        let node = Node { name: "hv1".into(), ..Node::default() };
        let unread = [("lsblk".to_owned(), "EOF while parsing".to_owned())];
        let (gaps, _) = explain(&node, &answer, &Ending::Whole, &unread, "hv1");
        assert_eq!(
            gap_at(&gaps, "nodes[hv1].disks"),
            (GapReason::CommandFailed, "lsblk -J -b -O: EOF while parsing")
        );
    }
}
