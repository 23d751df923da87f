use super::*;
use crate::facts::{Millis, PacemakerResource};
use proptest::prelude::*;

const RECORDED: &str = include_str!("../../../../fixtures/linux/cib.xml");

fn recorded() -> Cib {
    parse(RECORDED, true).unwrap()
}

fn resource<'a>(facts: &'a Pacemaker, id: &str) -> &'a PacemakerResource {
    facts.resources.iter().flatten().find(|one| one.id == id).unwrap()
}

fn value<'a>(list: &'a Option<Vec<crate::facts::NamedValue>>, name: &str) -> Option<&'a str> {
    list.iter().flatten().find(|one| one.name == name).and_then(|one| one.value.as_deref())
}

#[test]
fn options_are_read() {
    let facts = recorded().facts;
    assert_eq!((facts.fencing_enabled, facts.fencing_timeout_ms), (Some(true), Some(Millis(150_000))));
    assert_eq!(
        (facts.no_quorum_policy.as_deref(), facts.dc_deadtime_ms),
        (Some("freeze"), Some(Millis(2000)))
    );
    assert_eq!((facts.recheck_interval_ms, facts.startup_fencing), (Some(Millis(300_000)), Some(true)));
    assert_eq!(facts.priority_fencing_delay_ms, Some(Millis(30_000)));
    assert_eq!((facts.have_watchdog, facts.fencing_watchdog_timeout_ms), (Some(false), Some(Millis(0))));
    assert_eq!((facts.resource_stickiness, facts.migration_threshold), (Some(1000), Some(1_000_000)));
    assert_eq!(facts.operation_timeout_ms, Some(Millis(60_000)));
    assert_eq!(facts.maintenance_mode, None, "a rule decides, by the hour");
    assert!(facts.options.iter().flatten().any(|one| one.name == "maintenance-mode" && one.value.is_none()));
    assert_eq!(facts.concurrent_fencing, None, "the default was chosen when it was built");
    assert_eq!(facts.contradictions, Some(vec![]));
    assert_eq!((facts.quorate, facts.controller.as_deref()), (Some(true), Some("node2")));
    assert_eq!(facts.schema.as_deref(), Some("pacemaker-3.9"));
}

#[test]
fn resources_have_what_templates_groups_and_clones_give_them() {
    let facts = recorded().facts;
    let first = resource(&facts, "web-a");
    assert_eq!((first.agent.as_deref(), first.group.as_deref()), (Some("ocf:pacemaker:Dummy"), Some("web")));
    assert_eq!(
        (value(&first.parameters, "fake"), first.target_role.as_deref()),
        (Some("template"), Some("Started"))
    );
    let second = resource(&facts, "web-b");
    assert_eq!(value(&second.parameters, "fake"), Some("own"));
    let operations = second.operations.as_ref().unwrap();
    let monitor: Vec<_> = operations.iter().filter(|one| one.name.as_deref() == Some("monitor")).collect();
    assert_eq!(monitor.len(), 1, "its own hides that of the template");
    assert_eq!((monitor[0].timeout_ms, monitor[0].interval_ms), (Some(Millis(44_000)), Some(Millis(30_000))));
    assert!(operations.iter().any(|one| one.name.as_deref() == Some("start")));
    let ha = resource(&facts, "ha");
    assert_eq!((ha.clone.as_deref(), ha.managed), (Some("ha-clone"), Some(true)));
    let clone = &facts.clones.as_ref().unwrap()[0];
    assert_eq!((clone.promotable, clone.interleave, clone.ordered), (Some(true), Some(true), Some(true)));
    assert_eq!(clone.resources, Some(vec!["ha".to_owned()]));
    assert_eq!((ha.running_on.as_ref(), ha.failed), (None, None), "only the status knows");
}

#[test]
fn fencing_devices_are_read_and_secrets_are_not() {
    let cib = recorded();
    let device = &cib.facts.fencing_devices.as_ref().unwrap()[0];
    assert_eq!((device.id.as_str(), device.agent.as_deref()), ("fence-dev", Some("stonith:fence_dummy")));
    assert_eq!(device.hosts, Some(vec!["node1".into(), "node2".into(), "node3".into()]));
    assert_eq!((device.host_check.as_deref(), device.disabled), (Some("static-list"), Some(false)));
    assert_eq!((device.delay_max_ms, device.delay_base_ms), (Some(Millis(30_000)), Some(Millis(0))));
    let fence = resource(&cib.facts, "fence-dev");
    assert_eq!(value(&fence.parameters, "passwd"), Some("(cut)"));
    assert_eq!(value(&fence.parameters, "status_file"), Some("/tmp/fd"));
    let secret = RECORDED.replace("\"(cut)\"", "\"hunter2\"");
    let uncut = parse(&secret, true).unwrap();
    assert!(!format!("{uncut:?}").contains("hunter2"), "what a host did not cut is cut here");
    assert_eq!(uncut.sha256, cib.sha256, "the hash knows no secret");
    assert_ne!(parse(&RECORDED.replace("150s", "151s"), true).unwrap().sha256, cib.sha256);
}

#[test]
fn nodes_constraints_and_levels_are_read() {
    let facts = recorded().facts;
    let standby: Vec<_> =
        facts.nodes.iter().flatten().map(|node| (node.name.as_str(), node.standby)).collect();
    assert_eq!(standby, [("node1", Some(false)), ("node2", Some(false)), ("node3", Some(true))]);
    let at_rest = parse(RECORDED, false).unwrap().facts;
    assert_eq!(at_rest.nodes.as_ref().unwrap()[0].standby, None, "the copy on disk does not know until when");
    assert_eq!((at_rest.quorate, at_rest.controller), (None, None));
    let constraint = |id: &str| facts.constraints.iter().flatten().find(|one| one.id == id).unwrap();
    let prefer = constraint("cli-prefer-vip");
    assert_eq!(
        (prefer.kind.as_deref(), prefer.node.as_deref(), prefer.score.as_deref()),
        (Some("location"), Some("node2"), Some("INFINITY"))
    );
    assert_eq!(constraint("ord-ha-web").resources, Some(vec!["ha-clone".into(), "web".into()]));
    assert_eq!(constraint("ord-ha-web").score.as_deref(), Some("Mandatory"));
    assert_eq!(facts.several_rules, Some(vec!["loc-two".to_owned()]));
    let level = &facts.fencing_levels.as_ref().unwrap()[0];
    assert_eq!((level.target.as_deref(), level.level), (Some("node1"), Some(1)));
    assert_eq!(level.devices, Some(vec!["fence-dev".to_owned()]));
}

fn options(pairs: &str) -> Pacemaker {
    let text = format!(
        "<cib epoch='2' admin_epoch='1' validate-with='pacemaker-4.0' future='x'><configuration><crm_config><cluster_property_set id='cib-bootstrap-options'>{pairs}</cluster_property_set></crm_config><novelty/></configuration></cib>"
    );
    parse(&text, true).unwrap().facts
}

#[test]
fn the_new_names_count_first_where_the_release_knows_them() {
    let both = "<nvpair name='stonith-enabled' value='false'/><nvpair name='fencing-enabled' value='true'/>";
    let facts = options(both);
    assert_eq!((facts.fencing_enabled, facts.cib_version.as_deref()), (Some(true), Some("1.2.0")));
    assert_eq!(facts.contradictions, Some(vec!["stonith-enabled and fencing-enabled".to_owned()]));
    let old = options(&format!("<nvpair name='dc-version' value='2.1.5-x'/>{both}"));
    assert_eq!(old.fencing_enabled, Some(false), "2.1 does not know the new name");
    let same = "<nvpair name='stonith-timeout' value='1min'/><nvpair name='fencing-timeout' value='60'/>";
    assert_eq!(options(same).contradictions, Some(vec![]));
    let wrong = options(
        "<nvpair name='stonith-enabled' value='ja'/><nvpair name='stonith-timeout' value='long'/><nvpair name='no-quorum-policy' value='wait'/>",
    );
    assert_eq!((wrong.fencing_enabled, wrong.fencing_timeout_ms, wrong.no_quorum_policy), (None, None, None));
    assert_eq!(
        options("<nvpair name='stonith-watchdog-timeout' value='-1'/>").fencing_watchdog_timeout_ms,
        Some(Millis(-1))
    );
    let three = options("<nvpair name='dc-version' value='3.0.1'/>");
    assert_eq!((three.concurrent_fencing, three.fencing_enabled), (Some(true), Some(true)));
}

#[test]
fn versions_are_ordered_by_number() {
    let version = |text| CibVersion::parse(text).unwrap();
    assert!(version("0.10.2") > version("0.9.99") && version("1.0.0") > version("0.99.99"));
    assert_eq!(
        (CibVersion::parse("1.2"), CibVersion::parse("a.b.c"), CibVersion::parse("1.2.3.4")),
        (None, None, None)
    );
}

#[test]
fn what_is_no_cib_is_told() {
    assert!(parse("Signon to CIB failed: Transport endpoint is not connected\n", true).is_err());
    assert!(parse("<crm_mon/>", true).unwrap_err().contains("cib"));
    assert!(parse("<cib epoch='1'/>", true).is_err());
}

#[test]
fn a_list_that_is_not_all_there_is_missing() {
    let with = |old: &str, new: &str| {
        assert!(RECORDED.contains(old), "{old}");
        parse(&RECORDED.replace(old, new), true).unwrap().facts
    };
    let whole = recorded().facts;
    assert!(whole.resources.is_some() && whole.clones.is_some() && whole.constraints.is_some());
    let moved = with("resources>", "workloads>");
    assert_eq!((moved.resources, moved.clones, moved.fencing_devices), (None, None, None));
    assert_eq!(moved.constraints, whole.constraints);
    let newer = with("<resources>", "<resources><swarm id='s'><primitive id='p'/></swarm>");
    assert_eq!((newer.resources, newer.fencing_devices), (None, None), "a device may be in it");
    let newer = with("<constraints>", "<constraints><rsc_tether id='t'/>");
    assert_eq!((newer.constraints, newer.several_rules, newer.clones), (None, None, None));
    assert_eq!(newer.resources, whole.resources);
    assert_eq!(with("nodes>", "peers>").nodes, None);
    assert_eq!(with("<fencing-topology>", "<fencing-topology><ladder/>").fencing_levels, None);
    let moved = with("crm_config>", "cluster_config>");
    assert_eq!((moved.fencing_enabled, moved.options, moved.no_quorum_policy), (None, None, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_damaged_cib_does_no_harm(at in 0usize..8000, length in 0usize..200, noise in "[<>/\"= a-z&;]{0,12}") {
        let start = RECORDED.char_indices().map(|(at, _)| at).nth(at % RECORDED.len()).unwrap_or(0);
        let end = (start + length).min(RECORDED.len());
        let text = format!("{}{noise}{}", &RECORDED[..start], &RECORDED[end..]);
        let _ = parse(&text, true);
    }
}

#[test]
fn the_public_samples_are_read() {
    use crate::probe::linux::sample;
    if let Some(text) = sample("crmsh-hb_report/15sp1-1/cib.xml") {
        let cib = parse(&text, false).unwrap();
        assert_eq!(cib.version, Some(CibVersion(0, 34, 48)));
        assert_eq!((cib.facts.resource_stickiness, cib.facts.migration_threshold), (Some(1), Some(3)));
        assert_eq!(cib.facts.operation_timeout_ms, Some(Millis(600_000)));
        let device = &cib.facts.fencing_devices.as_ref().unwrap()[0];
        assert_eq!((device.agent.as_deref(), device.hosts.as_ref()), (Some("stonith:external/sbd"), None));
        assert_eq!(resource(&cib.facts, "d1").operations, Some(vec![]));
        assert_eq!(cib.facts.fencing_timeout_ms, Some(Millis(60_000)));
    }
    if let Some(text) = sample("trento-agent/cibadmin.xml") {
        let facts = parse(&text, true).unwrap().facts;
        let clones: Vec<_> =
            facts.clones.iter().flatten().map(|one| (one.id.as_str(), one.promotable)).collect();
        assert!(clones.contains(&("msl_SAPHana_PRD_HDB00", Some(true))), "{clones:?}");
        assert_eq!(facts.nodes.as_ref().map(Vec::len), Some(2));
    }
    if let Some(text) = sample("trento-agent/cibadmin_pacemaker3.xml") {
        let facts = parse(&text, true).unwrap().facts;
        assert_eq!(facts.contradictions, Some(vec!["stonith-enabled and fencing-enabled".to_owned()]));
    }
}
