//! Whether the profile that was asked for is one for what was found.
//!
//! A profile for other releases judges by limits that do not hold. What it says is kept, and this says that it may be wrong.

use super::waive::BuiltIn;
use super::{Finding, Profile, Severity, Status};
use crate::facts::{Document, Layout, OsFamily, Platform};

pub(super) const FITS: BuiltIn = BuiltIn {
    id: "profile/fits",
    title: "The profile is one for what was found",
    severity: Severity::Fail,
    why: "Limits and requirements differ from release to release. What a profile for another one accepts or refuses says \
          little of this cluster.",
    remedy: "Leave the profile out, so that it follows from platform and release, or name the one of the release.",
};

/// The finding where the cluster is of a platform, or nodes run a release, that the profile is not for. `chain` is the
/// profile with those that it extends, itself last. What is not known contradicts nothing.
pub(super) fn contradiction(chain: &[&Profile], document: &Document) -> Option<Finding> {
    let asked = chain.last()?;
    // A profile without a platform of its own is for that of the nearest one that it extends.
    let profile = chain.iter().rev().find(|profile| profile.platform.is_some())?;
    let wanted = profile.platform.filter(|platform| *platform != Platform::Generic)?;
    if let Some(found) =
        document.cluster.platform.filter(|found| *found != wanted && *found != Platform::Generic)
    {
        let message =
            format!("profile {} is for platform {wanted}, but the cluster is of {found}", asked.name);
        return Some(FITS.said(Status::Fail, 1, "cluster", message, Vec::new()));
    }
    // Only where the release of the platform is that of the nodes' own system; in a cluster of guests, what a profile
    // extends may speak of the release of the hosts.
    let of_hosts = asked.platform.is_none() && document.cluster.layout == Some(Layout::Guest);
    if wanted != Platform::Wsfc || profile.releases.is_empty() || of_hosts {
        return None;
    }
    let mut odd: Vec<(&str, &str)> = document
        .nodes
        .iter()
        .filter(|node| node.os.family == Some(OsFamily::Windows))
        .filter_map(|node| Some((node.name.as_str(), node.os.release.as_deref()?)))
        .filter(|(_, release)| !profile.serves(release))
        .collect();
    if odd.is_empty() {
        return None;
    }
    odd.sort_by_key(|(_, release)| *release);
    let told: Vec<String> =
        odd.iter().take(8).map(|(node, release)| format!("{node} runs {release}")).collect();
    let more = odd.len().checked_sub(8).filter(|more| *more > 0);
    let more = more.map(|more| format!(" and {more} more")).unwrap_or_default();
    let message = format!(
        "profile {} is for {}, but {}{more}",
        asked.name,
        profile.releases.join(", "),
        told.join(", ")
    );
    Some(FITS.said(Status::Fail, 1, "cluster", message, Vec::new()))
}

#[cfg(test)]
mod tests {
    use crate::facts::{Document, Node, Os, OsFamily, Platform};
    use crate::rule::{RuleSources, Ruleset, Selection, Status};
    use crate::source::{SourceFile, Span, Text};

    fn windows(release: Option<&str>) -> Document {
        let os = Os { family: Some(OsFamily::Windows), release: release.map(str::to_owned), ..Os::default() };
        Document { nodes: vec![Node { name: "hv1".into(), os, ..Node::default() }], ..Document::empty() }
    }

    fn status(profile: &str, release: Option<&str>) -> Option<Status> {
        let rules = Ruleset::load(&RuleSources::default()).expect("sound");
        let selection = Selection { profile: Some(text(profile)), ..Selection::default() };
        let resolved = rules.resolve(&selection).expect("sound");
        let judgement = resolved.judge(&windows(release), &[], jiff::civil::date(2026, 1, 1));
        let found = judgement.findings.iter().find(|finding| finding.rule == "profile/fits");
        assert_eq!(found.is_some(), judgement.selected.iter().any(|id| id == "profile/fits"));
        found.map(|finding| {
            assert!(finding.message.contains(release.unwrap_or_default()), "{}", finding.message);
            finding.status
        })
    }

    fn text(value: &str) -> Text {
        let file = SourceFile::new("test", value);
        Text { value: value.to_owned(), span: Span::new(&file, 0..value.len()) }
    }

    #[test]
    fn a_profile_for_another_platform_is_said() {
        let judged = |profile: &str, platform| {
            let rules = Ruleset::load(&RuleSources::default()).expect("sound");
            let selection = Selection { profile: Some(text(profile)), ..Selection::default() };
            let resolved = rules.resolve(&selection).expect("sound");
            let mut document = windows(Some("2008 R2"));
            document.cluster.platform = platform;
            let judgement = resolved.judge(&document, &[], jiff::civil::date(2026, 1, 1));
            let found = judgement.findings.into_iter().find(|finding| finding.rule == "profile/fits");
            found.map(|finding| finding.message)
        };
        let said = judged("wsfc-2008r2", Some(Platform::Pacemaker)).expect("said");
        assert_eq!(said, "profile wsfc-2008r2 is for platform wsfc, but the cluster is of pacemaker");
        assert!(judged("pacemaker-rhel", Some(Platform::Wsfc)).is_some(), "by what it extends");
        assert_eq!(judged("wsfc-2008r2", Some(Platform::Wsfc)), None);
        assert_eq!(judged("wsfc-2008r2", None), None);
        assert_eq!(judged("generic", Some(Platform::Wsfc)), None);
    }

    #[test]
    fn a_profile_for_another_release_is_said() {
        assert_eq!(status("wsfc-2008r2", Some("2019")), Some(Status::Fail));
        assert_eq!(status("wsfc-2008r2", Some("2008 R2")), None);
        assert_eq!(status("wsfc-2022", Some("2022")), None);
        assert_eq!(status("wsfc-2008r2", None), None, "what is not known contradicts nothing");
        assert_eq!(status("wsfc", Some("2019")), None);
    }
}
