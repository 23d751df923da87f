//! Options of the cluster in the CIB, under their names of today and those from before Pacemaker 3.0.2.

use super::super::xml::Element;
use super::sets::{Ids, Said, Sets};
use super::values::{INFINITY, boolean, milliseconds, score, shown};
use crate::facts::{Millis, NamedValue, Pacemaker};

/// Options that were renamed: the new name, the old one.
const RENAMED: [(&str, &str); 6] = [
    ("fencing-enabled", "stonith-enabled"),
    ("fencing-timeout", "stonith-timeout"),
    ("fencing-action", "stonith-action"),
    ("fencing-watchdog-timeout", "stonith-watchdog-timeout"),
    ("fencing-max-attempts", "stonith-max-attempts"),
    ("fencing-reaction", "fence-reaction"),
];

/// What the sets of options say, read by the rules of the release that runs.
struct Options<'a> {
    sets: Sets<'a>,
    /// Whether the release knows the new names.
    renamed: bool,
}

impl<'a> Options<'a> {
    /// What is said under the new name, else under the old one.
    fn get(&self, name: &str) -> Said<'a> {
        let old = RENAMED.iter().find(|(new, _)| *new == name).map(|(_, old)| *old);
        let said = match old {
            Some(_) if !self.renamed => Said::Nothing,
            _ => self.sets.get(name),
        };
        match (said, old) {
            (Said::Nothing, Some(old)) => self.sets.get(old),
            (said, _) => said,
        }
    }

    fn typed<T>(&self, name: &str, default: Option<T>, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        match self.get(name) {
            Said::Nothing => default,
            Said::Value(value) => read(value),
            Said::ByRule => None,
        }
    }

    fn switch(&self, name: &str, default: impl Into<Option<bool>>) -> Option<bool> {
        self.typed(name, default.into(), boolean)
    }

    fn time(&self, name: &str, default: i64) -> Option<Millis> {
        self.typed(name, Some(default), |text| milliseconds(text).filter(|time| *time >= 0)).map(Millis)
    }
}

/// Fills in the options and the defaults for resources and operations.
pub(super) fn read(configuration: &Element, ids: &Ids<'_>, facts: &mut Pacemaker) {
    let empty = Element::default();
    let sets = Sets::of(configuration.child("crm_config").unwrap_or(&empty), "cluster_property_set", ids);
    let text = |name: &str| match sets.get(name) {
        Said::Value(value) => Some(value.to_owned()),
        _ => None,
    };
    facts.version = text("dc-version");
    facts.infrastructure = text("cluster-infrastructure");
    let release = facts.version.as_deref().and_then(release);
    let options = Options { renamed: release.is_none_or(|release| release >= (3, 0, 2)), sets: sets.clone() };
    facts.options = Some(
        sets.all()
            .into_iter()
            .map(|(name, value)| NamedValue {
                name: name.to_owned(),
                value: value.map(|value| shown(name, value)),
            })
            .collect(),
    );
    let contradicts = |(new, old): &(&str, &str)| match (sets.get(new), sets.get(old)) {
        (Said::Value(new), Said::Value(old)) => !means_the_same(new, old),
        _ => false,
    };
    facts.contradictions = Some(
        RENAMED
            .iter()
            .filter(|pair| contradicts(pair))
            .map(|(new, old)| format!("{old} and {new}"))
            .collect(),
    );
    facts.fencing_enabled = options.switch("fencing-enabled", true);
    facts.fencing_timeout_ms = options.time("fencing-timeout", 60_000);
    // Any number below 0 asks for twice the time-out of the watchdog.
    let watchdog = options.typed("fencing-watchdog-timeout", Some(0), milliseconds);
    facts.fencing_watchdog_timeout_ms = watchdog.map(|time| Millis(time.max(-1)));
    facts.have_watchdog = options.switch("have-watchdog", false);
    // Before 3 the default was chosen when it was built.
    let concurrent = release.filter(|release| *release >= (3, 0, 0)).map(|_| true);
    facts.concurrent_fencing = options.switch("concurrent-fencing", concurrent);
    facts.startup_fencing = options.switch("startup-fencing", true);
    facts.priority_fencing_delay_ms = options.time("priority-fencing-delay", 0);
    facts.no_quorum_policy = options.typed("no-quorum-policy", Some("stop".to_owned()), |text| {
        let word = text.trim().to_ascii_lowercase();
        ["stop", "freeze", "ignore", "demote", "fence", "suicide"].contains(&word.as_str()).then_some(word)
    });
    facts.maintenance_mode = options.switch("maintenance-mode", false);
    facts.start_failure_is_fatal = options.switch("start-failure-is-fatal", true);
    facts.dc_deadtime_ms = options.time("dc-deadtime", 20_000);
    facts.recheck_interval_ms = options.time("cluster-recheck-interval", 900_000);
    let resources = defaults(configuration, "rsc_defaults", ids);
    facts.resource_stickiness = resources.typed("resource-stickiness", Some(0), score);
    facts.migration_threshold = resources.typed("migration-threshold", Some(INFINITY), score);
    let operations = defaults(configuration, "op_defaults", ids);
    facts.operation_timeout_ms = operations.typed("timeout", Some(0), milliseconds).map(Millis);
}

/// The sets of `rsc_defaults` or `op_defaults`.
pub(super) fn defaults<'a>(configuration: &'a Element, name: &'a str, ids: &Ids<'a>) -> Sets<'a> {
    configuration.child(name).map(|part| Sets::of(part, "meta_attributes", ids)).unwrap_or_default()
}

fn means_the_same(one: &str, other: &str) -> bool {
    one == other
        || boolean(one).is_some_and(|value| Some(value) == boolean(other))
        || milliseconds(one).is_some_and(|value| Some(value) == milliseconds(other))
}

/// `2.1.5-a3f44794f94` as numbers.
fn release(version: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = version.split(['.', '-', '+', '~']).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next().flatten().unwrap_or(0)))
}
