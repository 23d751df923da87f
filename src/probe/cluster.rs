//! What the nodes say of the cluster as a whole, joined: the newest copy of the CIB that any of them has, and the status of
//! one whose partition has quorum.
//!
//! Live runs and support bundles join alike. What is missing afterwards has a gap that tells why.

use super::linux::cluster::{CibVersion, ClusterReading, ClusterStatus, Missing};
use super::run::Found;
use crate::facts::{Document, Fact, Gap, GapReason, List, Pacemaker, Record, Source, SourceKind, Value};

/// Facts of the status, by the list they are in and their name; all others are the CIB's.
const OF_STATUS: [(&str, &[&str]); 4] = [
    ("", &["quorate", "controller", "failures", "fencing_history"]),
    ("nodes", &["online", "unclean", "standby", "maintenance", "shutting_down"]),
    ("resources", &["running_on", "failed"]),
    ("fencing_devices", &["running_on"]),
];

/// Joins what nodes said, by their names; nothing where no node was asked.
pub fn join(readings: &[(String, ClusterReading)]) -> Option<Found<Pacemaker>> {
    if readings.is_empty() {
        return None;
    }
    let mut out = Found::<Pacemaker>::default();
    let newest = readings
        .iter()
        .filter_map(|(place, reading)| Some((place, reading, reading.cib.as_ref().ok()?)))
        // Of several of one age the first.
        .reduce(|best, one| if one.2.version > best.2.version { one } else { best });
    let source = |path: &str, place: &String, item: &str| Source {
        path: path.to_owned(),
        kind: Some(if item.starts_with('/') { SourceKind::File } else { SourceKind::Command }),
        place: Some(place.clone()),
        item: Some(item.to_owned()),
    };
    let seen = readings
        .iter()
        .filter_map(|(place, reading)| Some((place, reading, reading.status.as_ref().ok()?)))
        .reduce(|best, one| if weight(one.2) > weight(best.2) { one } else { best });
    match (newest, seen) {
        (None, None) => {
            let (reason, detail) = why(readings, |reading| reading.cib.as_ref().err());
            out.gaps.push(Gap {
                path: "cluster.pacemaker".to_owned(),
                reason: Some(reason),
                detail: Some(detail),
            });
            return Some(out);
        }
        (newest, seen) => {
            if let Some((place, reading, cib)) = newest {
                out.facts = cib.facts.clone();
                out.sources.push(source("cluster.pacemaker", place, reading.cib_item));
            }
            if let Some((place, reading, status)) = seen {
                status.add_to(&mut out.facts);
                // The lists have both: their elements are the CIB's, where they run is the status's.
                let alone = if newest.is_none() { &[""][..] } else { OF_STATUS[0].1 };
                out.sources.extend(alone.iter().map(|name| {
                    let path = format!("cluster.pacemaker.{name}");
                    source(path.trim_end_matches('.'), place, reading.status_item)
                }));
            }
        }
    }
    let of_cib = why(readings, |reading| reading.cib.as_ref().err());
    let of_status = why(readings, |reading| reading.status.as_ref().err());
    let cib = newest.is_none().then_some(of_cib);
    let status = seen.is_none().then_some(of_status);
    explain(&out.facts, cib.as_ref(), status.as_ref(), &mut out.gaps);
    Some(out)
}

/// Lays what the nodes said over what recordings said of the cluster, unless that is newer.
pub fn lay_over(carried: &mut Found<Document>, found: Found<Pacemaker>) {
    let known = &carried.facts.cluster.pacemaker;
    if known.is_absent() || !found.facts.is_absent() && version(known) <= version(&found.facts) {
        replace(carried, found);
    }
}

/// Lays what one more recording says over what others said, where it is newer or they said nothing.
pub(super) fn lay_over_newer(carried: &mut Found<Document>, found: Found<Pacemaker>) {
    let known = &carried.facts.cluster.pacemaker;
    if !found.facts.is_absent() && (known.is_absent() || version(known) < version(&found.facts)) {
        replace(carried, found);
    }
}

fn version(facts: &Pacemaker) -> Option<CibVersion> {
    facts.cib_version.as_deref().and_then(CibVersion::parse)
}

fn replace(carried: &mut Found<Document>, found: Found<Pacemaker>) {
    let below = |path: &str| path == "cluster.pacemaker" || path.starts_with("cluster.pacemaker.");
    carried.gaps.retain(|gap| !below(&gap.path));
    carried.sources.retain(|source| !below(&source.path));
    carried.facts.cluster.pacemaker = found.facts;
    carried.gaps.extend(found.gaps);
    carried.sources.extend(found.sources);
}

/// Whose status counts: first those with quorum, then those that see most nodes online.
fn weight(status: &ClusterStatus) -> (bool, usize) {
    (status.quorate == Some(true), status.online().len())
}

/// Why none of the nodes tells: the first reason that is more than that it does not apply.
fn why(
    readings: &[(String, ClusterReading)],
    missing: impl Fn(&ClusterReading) -> Option<&Missing>,
) -> Missing {
    let all = || readings.iter().filter_map(|(place, reading)| Some((place, missing(reading)?)));
    let applies = |reason: GapReason| !matches!(reason, GapReason::NotSupported | GapReason::NotCollected);
    let found = all().find(|(_, (reason, _))| applies(*reason)).or_else(|| all().next());
    match found {
        Some((place, (reason, words))) => (*reason, format!("{place}: {words}")),
        None => (GapReason::NotCollected, "no node was asked".to_owned()),
    }
}

fn of_status(list: &str, name: &str) -> bool {
    OF_STATUS.iter().any(|(known, names)| *known == list && names.contains(&name))
}

fn is_derived(doc: &str) -> bool {
    doc.trim_start().starts_with("Derived:")
}

/// A gap for each fact that is missing, and one for each list whose elements lack some.
fn explain(facts: &Pacemaker, cib: Option<&Missing>, status: Option<&Missing>, gaps: &mut Vec<Gap>) {
    let reason = |of_status: bool| -> Missing {
        let (missing, words) = if of_status {
            (status, "crm_mon did not tell")
        } else {
            (cib, "the CIB does not say it, or leaves it to a rule, or in words that cannot be read")
        };
        missing.cloned().unwrap_or_else(|| (GapReason::NotSupported, words.to_owned()))
    };
    let mut push = |path: String, (reason, detail): Missing| {
        gaps.push(Gap { path, reason: Some(reason), detail: Some(detail) });
    };
    for (index, field) in facts.record_type().fields.iter().enumerate() {
        if is_derived(field.doc) {
            continue;
        }
        let path = format!("cluster.pacemaker.{}", field.name);
        match facts.field(index) {
            Value::Missing => push(path, reason(of_status("", field.name))),
            Value::List(list) => {
                let lacking = lacking(list);
                if let Some(first) =
                    lacking.iter().find(|name| of_status(field.name, name)).or(lacking.first())
                {
                    let (why, words) = reason(of_status(field.name, first));
                    push(path, (why, format!("{}, for some of them: {words}", lacking.join(", "))));
                }
            }
            _ => {}
        }
    }
}

/// Names of the facts that elements of a list lack, each once.
fn lacking(list: &dyn List) -> Vec<&'static str> {
    let mut out: Vec<&'static str> = Vec::new();
    for at in 0..list.len() {
        let Some(Value::Record(record)) = list.get(at) else { return out };
        for (index, field) in record.record_type().fields.iter().enumerate() {
            let lacks = match record.field(index) {
                Value::Missing => !is_derived(field.doc),
                Value::List(inner) => !lacking(inner).is_empty(),
                _ => false,
            };
            if lacks && !out.contains(&field.name) {
                out.push(field.name);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Places;
    use crate::probe::answer::Answer;
    use crate::probe::linux;

    const CIB: &str = include_str!("../../fixtures/linux/cib.xml");
    const STATUS: &str = include_str!("../../fixtures/linux/crm-mon.xml");

    fn reading(outputs: &[(&str, &str)]) -> ClusterReading {
        let outputs =
            outputs.iter().map(|(name, text)| ((*name).to_owned(), String::new(), text.as_bytes().to_vec()));
        linux::node::read(&Answer::of_outputs(outputs), &[]).cluster
    }

    fn reasons(found: &Found<Pacemaker>, path: &str) -> Option<GapReason> {
        let document = Document { gaps: found.gaps.clone(), ..Document::default() };
        Places::new(&document).gap(path).and_then(|gap| gap.reason)
    }

    #[test]
    fn the_newest_copy_and_the_status_with_quorum_count() {
        let old = CIB.replace(" epoch=\"8\"", " epoch=\"6\"").replace("150s", "10s");
        assert_ne!(old, CIB);
        let lonely = STATUS
            .replace("with_quorum=\"true\"", "with_quorum=\"false\"")
            .replace("name=\"node2\" id=\"2\" with", "name=\"node1\" id=\"1\" with");
        let readings = [
            ("a".to_owned(), reading(&[("cib-file", &old), ("crm-mon", &lonely)])),
            ("b".to_owned(), reading(&[("cib", CIB), ("crm-mon", STATUS)])),
            ("c".to_owned(), reading(&[])),
        ];
        let found = join(&readings).unwrap();
        assert_eq!(found.facts.fencing_timeout_ms, Some(crate::facts::Millis(150_000)));
        assert_eq!((found.facts.quorate, found.facts.controller.as_deref()), (Some(true), Some("node2")));
        let places: Vec<_> = found.sources.iter().map(|source| source.place.as_deref()).collect();
        assert_eq!(places, [Some("b"); 5]);
        assert_eq!(reasons(&found, "cluster.pacemaker.maintenance_mode"), Some(GapReason::NotSupported));
        assert_eq!(reasons(&found, "cluster.pacemaker.fencing_enabled"), None);
    }

    #[test]
    fn what_nobody_tells_is_explained() {
        let found = join(&[("a".to_owned(), reading(&[]))]).unwrap();
        assert_eq!(reasons(&found, "cluster.pacemaker.fencing_enabled"), Some(GapReason::NotCollected));
        let found = join(&[("a".to_owned(), reading(&[("cib", "<cib>")]))]).unwrap();
        assert_eq!(reasons(&found, "cluster.pacemaker.fencing_enabled"), Some(GapReason::CommandFailed));
        let found = join(&[("a".to_owned(), reading(&[("cib-file", CIB)]))]).unwrap();
        assert_eq!(found.facts.fencing_enabled, Some(true));
        assert_eq!(reasons(&found, "cluster.pacemaker.failures"), Some(GapReason::NotCollected));
        assert_eq!(
            reasons(&found, "cluster.pacemaker.resources[vip].running_on"),
            Some(GapReason::NotCollected)
        );
        assert_eq!(join(&[]), None);
    }

    #[test]
    fn a_recording_with_a_newer_copy_stays() {
        let known =
            |version: &str| Pacemaker { cib_version: Some(version.to_owned()), ..Pacemaker::default() };
        let over = |recorded: &str, live: &str| {
            let mut carried = Found::<Document>::default();
            carried.facts.cluster.pacemaker = known(recorded);
            lay_over(&mut carried, Found { facts: known(live), ..Found::default() });
            carried.facts.cluster.pacemaker.cib_version.unwrap()
        };
        assert_eq!(over("0.10.1", "0.9.5"), "0.10.1");
        assert_eq!(over("0.9.5", "0.10.1"), "0.10.1");
    }
}
