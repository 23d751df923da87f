//! The shipped rule packs, tried: every example, every example without one of its facts, and whole clusters with one
//! thing wrong.

mod cluster;
mod diff;
mod facts;
mod missing;
mod plans;

use quorate::rule::{ExampleOutcome, RuleSources, Ruleset};
use std::fmt::Write as _;

/// All shipped rules and profiles, or every mistake in them.
fn shipped() -> Ruleset {
    Ruleset::load(&RuleSources::default()).unwrap_or_else(|problems| panic!("{problems:?}"))
}

#[test]
fn every_example_is_judged_as_it_says() {
    let mut wrong = String::new();
    for result in shipped().test_examples(|_| true) {
        let told = match &result.outcome {
            ExampleOutcome::Right => continue,
            ExampleOutcome::Wrong { wanted, said } => format!("wanted {wanted}, got {}", said.join("; ")),
            ExampleOutcome::PassesWithoutFacts => "passes without the facts that it reads".to_owned(),
            ExampleOutcome::Invalid(problems) => format!("{problems:?}"),
        };
        let _ = writeln!(wrong, "{} example {} ({:?}): {told}", result.rule, result.number, result.place);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_limit_of_a_profile_names_its_document() {
    let ruleset = shipped();
    for profile in ruleset.profiles().iter() {
        let bare: Vec<&str> = profile.limits_without_source().map(|name| name.as_str()).collect();
        assert!(bare.is_empty(), "{}: {bare:?}", profile.name);
    }
}

/// A platform with a release leads to the profile that knows its limits.
#[test]
fn platforms_and_releases_lead_to_their_profiles() {
    use quorate::facts::Platform;
    use quorate::rule::Selection;
    let ruleset = shipped();
    for (platform, release, wanted, nodes) in [
        (Platform::Generic, None, "generic", "64"),
        (Platform::Wsfc, None, "wsfc", "64"),
        (Platform::Wsfc, Some("2003"), "wsfc-2003", "8"),
        (Platform::Wsfc, Some("2003 R2"), "wsfc-2003", "8"),
        (Platform::Wsfc, Some("2008"), "wsfc-2008", "16"),
        (Platform::Wsfc, Some("2008 R2"), "wsfc-2008r2", "16"),
        (Platform::Wsfc, Some("2012"), "wsfc-2012", "64"),
        (Platform::Wsfc, Some("2012 R2"), "wsfc-2012r2", "64"),
        (Platform::Wsfc, Some("2016"), "wsfc-2016", "64"),
        (Platform::Wsfc, Some("2019"), "wsfc-2019", "64"),
        (Platform::Wsfc, Some("2022"), "wsfc-2022", "64"),
        (Platform::Wsfc, Some("2025"), "wsfc-2025", "64"),
        (Platform::Wsfc, Some("23H2"), "azure-local", "16"),
        (Platform::Pacemaker, Some("15.6"), "pacemaker", "32"),
        (Platform::Pacemaker, None, "pacemaker", "32"),
        (Platform::Vsphere, Some("3.5"), "esx3-ha", "16"),
        (Platform::Vsphere, Some("4.1"), "vsphere-ha-4", "32"),
        (Platform::Vsphere, Some("5.5"), "vsphere-ha-5", "32"),
        (Platform::Vsphere, Some("6.7"), "vsphere-ha-6", "64"),
        (Platform::Vsphere, Some("7"), "vsphere-ha-7", "96"),
        (Platform::Vsphere, Some("8.0"), "vsphere-ha-8", "96"),
        (Platform::Vsphere, None, "vsphere-ha", "96"),
        (Platform::Xenserver, Some("6.5"), "xenserver-ha-legacy", "64"),
        (Platform::Xenserver, Some("8"), "xenserver-ha", "64"),
        (Platform::Proxmox, Some("9"), "proxmox-ve", "64"),
        (Platform::Vcs, None, "vcs", "64"),
        (Platform::VirtualIron, None, "virtual-iron", "64"),
    ] {
        let selection = Selection {
            platform: Some(platform),
            release: release.map(str::to_owned),
            ..Selection::default()
        };
        let resolved = ruleset.resolve(&selection).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(resolved.profile().name, wanted, "{platform} {release:?}");
        let (_, max_nodes) =
            resolved.params().find(|(param, _)| param.name == "max_nodes").expect("declared");
        assert_eq!(max_nodes.value.to_string(), nodes, "{wanted}");
    }
}

/// What a profile says of the active test's steps is what the steps say of the stack: a step that the stack rests on is
/// listed by its severity, and no step is listed twice.
#[test]
fn profiles_list_the_steps_that_their_stacks_rest_on() {
    use quorate::conformance::outcome::Severity;
    use quorate::conformance::plan::Stack;
    use quorate::conformance::step::{RESERVING, STEPS};
    use quorate::rule::Selection;
    let ruleset = shipped();
    for (profile, stacks, any) in [
        ("generic", RESERVING, false),
        ("wsfc", &[Stack::Wsfc][..], true),
        ("wsfc-2016", &[Stack::Wsfc], true),
        ("pacemaker", &[Stack::Sbd], true),
        ("pacemaker-fence-scsi", &[Stack::FenceScsi, Stack::FenceMpath], true),
    ] {
        let selection = Selection { profile: Some(facts::text(profile)), ..Selection::default() };
        let resolved = ruleset.resolve(&selection).unwrap_or_else(|problems| panic!("{problems:?}"));
        let listed = |name: &str| {
            let (_, value) = resolved.params().find(|(param, _)| param.name == name).expect("declared");
            let words = value.value.to_string();
            STEPS
                .iter()
                .filter(|step| words.contains(&step.id.to_string()))
                .map(|step| step.id)
                .collect::<Vec<_>>()
        };
        let (fatal, major, minor) =
            (listed("conformance_fatal"), listed("conformance_major"), listed("conformance_minor"));
        // What somebody else put on the LUN before is no matter of the target: the test is refused then.
        for step in STEPS.iter().filter(|step| step.id.to_string() != "P02") {
            let times = [&fatal, &major, &minor].iter().filter(|list| list.contains(&step.id)).count();
            assert!(times <= 1, "{profile}: {} is listed twice", step.id);
            let mut rest = stacks.iter().map(|stack| step.stacks.contains(stack));
            let rests = if any { rest.any(|one| one) } else { rest.all(|one| one) };
            let severe = |severity| rests && step.severity == severity;
            assert_eq!(fatal.contains(&step.id), severe(Severity::Blocker), "{profile}: {} fatal", step.id);
            assert_eq!(major.contains(&step.id), severe(Severity::Major), "{profile}: {} major", step.id);
        }
    }
}
