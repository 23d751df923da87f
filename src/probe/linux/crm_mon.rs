//! Status of the cluster: `crm_mon -1 --output-as=xml`, with releases before 2.0.3 `crm_mon -1 -X` (root or the group
//! `haclient`).
//!
//! The root is `pacemaker-result` or `crm_mon`. What a release does not write is missing; what it writes only where there
//! is something, as failures, is empty where it is not there.

use super::cib::values::boolean;
use super::text::unique_by_key;
use super::xml::{self, Element};
use crate::facts::{FencingEvent, Pacemaker, PacemakerFailure, PacemakerMember};
use std::collections::BTreeMap;

/// Where a resource runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Nodes that it is active on, each once, sorted.
    pub nodes: Vec<String>,
    /// Whether an instance of it failed; missing where the status does not say.
    pub failed: Option<bool>,
}

/// What one node says of the status of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Whether its partition has quorum.
    pub quorate: Option<bool>,
    /// Name of the designated controller, empty for none.
    pub controller: Option<String>,
    /// Version of Pacemaker on the designated controller.
    pub version: Option<String>,
    /// The nodes.
    pub nodes: Vec<PacemakerMember>,
    /// Resources by their id in the CIB.
    pub resources: BTreeMap<String, Running>,
    /// Operations that failed.
    pub failures: Vec<PacemakerFailure>,
    /// Fencing actions, where it tells of them.
    pub fencing: Option<Vec<FencingEvent>>,
}

/// Reads the status.
///
/// # Errors
/// It is no XML, it is none of the two documents, or it says that there is no connection to the cluster.
pub fn parse(text: &str) -> Result<Status, String> {
    let root = xml::parse(text)?;
    let modern = match root.name.as_str() {
        "pacemaker-result" => true,
        "crm_mon" => false,
        other => return Err(format!("`{other}` is no status of a cluster")),
    };
    if let Some(status) =
        root.child("status").filter(|status| status.get("code").is_some_and(|code| code != "0"))
    {
        return Err(format!("{} ({})", status.text("message"), status.text("code")));
    }
    let Some(nodes) = root.child("nodes") else { return Err("it names no nodes".to_owned()) };
    let controller = root.child("summary").and_then(|summary| summary.child("current_dc"));
    let there = controller.and_then(|dc| dc.get("present")).and_then(boolean);
    let mut out = Status {
        quorate: match there {
            Some(false) => Some(false),
            _ => controller.and_then(|dc| dc.get("with_quorum")).and_then(boolean),
        },
        controller: match there {
            Some(true) => controller.and_then(|dc| dc.get("name")).map(str::to_owned),
            Some(false) => Some(String::new()),
            None => None,
        },
        version: controller
            .and_then(|dc| dc.get("version"))
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        nodes: nodes.all("node").map(member).collect(),
        failures: root.child("failures").map(failures).unwrap_or_default(),
        fencing: match root.child("fence_history") {
            Some(history) if history.get("status").is_none_or(|status| status == "0") => {
                Some(events(history))
            }
            Some(_) => None,
            None => modern.then(Vec::new),
        },
        ..Status::default()
    };
    unique_by_key(&mut out.nodes, |node| &node.name);
    for resource in
        root.child("resources").into_iter().flat_map(Element::walk).filter(|one| one.name == "resource")
    {
        let id = resource.text("id");
        // An instance of a clone that tells them apart: `ping:1`.
        let base = id.rsplit_once(':').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()));
        let id = base.map_or(id.as_str(), |(base, _)| base);
        let running = out
            .resources
            .entry(id.to_owned())
            .or_insert_with(|| Running { failed: Some(false), ..Running::default() });
        let active = resource.get("active").and_then(boolean) == Some(true);
        if active {
            running.nodes.extend(resource.all("node").filter_map(|node| node.get("name")).map(str::to_owned));
            running.nodes.sort();
            running.nodes.dedup();
        }
        running.failed = match (running.failed, resource.get("failed").and_then(boolean)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
    }
    Ok(out)
}

impl Status {
    /// Names of the members that are online in its eyes.
    pub fn online(&self) -> Vec<String> {
        let members = self.nodes.iter().filter(|node| node.kind.as_deref() == Some("member"));
        members.filter(|node| node.online == Some(true)).map(|node| node.name.clone()).collect()
    }

    /// Adds what it tells to what the CIB says.
    pub fn add_to(&self, facts: &mut Pacemaker) {
        facts.quorate = self.quorate.or(facts.quorate);
        facts.controller = self.controller.clone().or(facts.controller.take());
        facts.version = facts.version.take().or_else(|| self.version.clone());
        facts.failures = Some(self.failures.clone());
        facts.fencing_history = self.fencing.clone();
        let nodes = facts.nodes.get_or_insert_default();
        for seen in &self.nodes {
            match nodes.iter_mut().find(|node| node.name == seen.name) {
                Some(node) => {
                    // The CIB tells remote nodes and guests apart better, all else is the status's to say.
                    let kind = node.kind.take().filter(|kind| kind != "member").or_else(|| seen.kind.clone());
                    *node = PacemakerMember {
                        kind,
                        id: node.id.take().or_else(|| seen.id.clone()),
                        ..seen.clone()
                    };
                }
                None => nodes.push(seen.clone()),
            }
        }
        for resource in facts.resources.iter_mut().flatten() {
            if let Some(running) = self.resources.get(&resource.id) {
                resource.running_on = Some(running.nodes.clone());
                resource.failed = running.failed;
            }
        }
        for device in facts.fencing_devices.iter_mut().flatten() {
            device.running_on = self.resources.get(&device.id).map(|running| running.nodes.clone());
        }
    }
}

fn member(node: &Element) -> PacemakerMember {
    let switch = |name: &str| node.get(name).and_then(boolean);
    let either = |one: Option<bool>, other: Option<bool>| match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (one, _) => one,
    };
    PacemakerMember {
        name: node.text("name"),
        id: node.get("id").map(str::to_owned),
        kind: match node.get("type") {
            Some("remote") if node.get("id_as_resource").is_some() => Some("guest".to_owned()),
            kind => kind.map(str::to_owned),
        },
        // One that is about to join is not online yet.
        online: match (switch("online"), switch("pending")) {
            (Some(true), Some(true)) => Some(false),
            (online, _) => online,
        },
        unclean: switch("unclean"),
        standby: either(switch("standby"), switch("standby_onfail")),
        maintenance: switch("maintenance"),
        shutting_down: switch("shutdown"),
    }
}

fn failures(list: &Element) -> Vec<PacemakerFailure> {
    let mut out: Vec<PacemakerFailure> = list
        .all("failure")
        .map(|failure| {
            let key = failure.get("op_key").or_else(|| failure.get("id")).unwrap_or_default();
            let node = failure.text("node");
            // `vip_monitor_10000`: ids may hold the same character.
            let mut parts = key.rsplitn(3, '_');
            let (_, task, resource) = (parts.next(), parts.next(), parts.next());
            let execution = failure.text("status").to_ascii_lowercase();
            let ended = failure.text("exitstatus");
            PacemakerFailure {
                id: format!("{key} on {node}"),
                resource: resource.map(str::to_owned),
                node: Some(node),
                operation: failure.get("task").or(task).map(str::to_owned),
                status: Some(if matches!(execution.as_str(), "" | "complete" | "done") {
                    ended
                } else {
                    execution
                }),
                reason: Some(failure.text("exitreason")),
            }
        })
        .collect();
    unique_by_key(&mut out, |failure| &failure.id);
    out
}

fn events(history: &Element) -> Vec<FencingEvent> {
    let mut out: Vec<FencingEvent> = history
        .all("fence_event")
        .map(|event| {
            let (target, action) = (event.text("target"), event.text("action"));
            let when = event.get("completed").unwrap_or("pending");
            FencingEvent {
                id: format!("{target} {action} {when}"),
                status: event.get("status").or_else(|| event.get("state")).map(str::to_owned),
                target: Some(target),
                action: Some(action),
            }
        })
        .collect();
    // Two of one second: the one that is not well counts.
    out.sort_by_key(|event| event.status.as_deref() == Some("success"));
    unique_by_key(&mut out, |event| &event.id);
    out.sort_by(|one, other| one.id.cmp(&other.id));
    out
}

#[cfg(test)]
mod tests {
    use super::super::cib;
    use super::*;
    use proptest::prelude::*;

    const RECORDED: &str = include_str!("../../../fixtures/linux/crm-mon.xml");

    #[test]
    fn the_status_is_read() {
        let status = parse(RECORDED).unwrap();
        assert_eq!((status.quorate, status.controller.as_deref()), (Some(true), Some("node2")));
        assert_eq!(status.online(), ["node1", "node2", "node3"]);
        assert_eq!((status.nodes[2].standby, status.nodes[2].unclean), (Some(true), Some(false)));
        assert_eq!(status.resources["ha"].nodes, ["node1", "node2"]);
        assert_eq!(status.resources["broken"], Running { nodes: vec![], failed: Some(false) });
        assert_eq!(status.failures.len(), 2);
        let failure = &status.failures[0];
        assert_eq!(
            (failure.id.as_str(), failure.resource.as_deref()),
            ("fence-dev_start_0 on node1", Some("fence-dev"))
        );
        assert_eq!(
            (failure.operation.as_deref(), failure.status.as_deref()),
            (Some("start"), Some("not installed"))
        );
        assert!(failure.reason.as_deref().unwrap().contains("No such file"));
        let events = status.fencing.unwrap();
        assert_eq!(
            (events[0].target.as_deref(), events[0].status.as_deref()),
            (Some("node3"), Some("failed"))
        );
    }

    #[test]
    fn status_and_cib_make_one_picture() {
        let mut facts = cib::parse(include_str!("../../../fixtures/linux/cib.xml"), true).unwrap().facts;
        parse(RECORDED).unwrap().add_to(&mut facts);
        let vip = facts.resources.iter().flatten().find(|one| one.id == "vip").unwrap();
        assert_eq!((vip.running_on.clone(), vip.failed), (Some(vec!["node2".to_owned()]), Some(false)));
        assert_eq!(facts.fencing_devices.unwrap()[0].running_on, Some(vec![]));
        let nodes = facts.nodes.unwrap();
        assert_eq!((nodes.len(), nodes[0].online, nodes[0].kind.as_deref()), (3, Some(true), Some("member")));
    }

    #[test]
    fn a_cluster_that_is_not_there_has_no_status() {
        let lost = "<pacemaker-result api-version=\"2.25\" request=\"crm_mon\"><status code=\"102\" message=\"Not connected\"/></pacemaker-result>";
        assert_eq!(parse(lost), Err("Not connected (102)".to_owned()));
        assert!(parse("Connection to cluster failed: Transport endpoint is not connected").is_err());
        assert!(parse("<cib/>").is_err());
    }

    #[test]
    fn a_partition_without_controller_has_no_quorum() {
        let text = "<crm_mon version='2.0.0'><summary><current_dc present='false'/></summary><nodes>\
            <node name='a' id='1' online='true' pending='true' standby='false' standby_onfail='true' type='member'/></nodes></crm_mon>";
        let status = parse(text).unwrap();
        assert_eq!((status.quorate, status.controller.as_deref()), (Some(false), Some("")));
        assert_eq!((status.nodes[0].online, status.nodes[0].standby), (Some(false), Some(true)));
        assert_eq!(status.fencing, None, "this release does not tell");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_damaged_status_does_no_harm(at in 0usize..8000, length in 0usize..200, noise in "[<>/\"= a-z&;]{0,12}") {
            let start = at % RECORDED.len();
            let end = (start + length).min(RECORDED.len());
            let _ = parse(&format!("{}{noise}{}", &RECORDED[..start], &RECORDED[end..]));
        }
    }

    #[test]
    fn the_public_samples_are_read() {
        use crate::probe::linux::sample;
        if let Some(text) = sample("trento-agent/crmmon.xml") {
            let status = parse(&text).unwrap();
            assert_eq!(status.resources["rsc_SAPHana_PRD_HDB00"].nodes, ["node01", "node02"]);
            assert_eq!((status.quorate, status.nodes.len()), (Some(true), 2));
        }
        if let Some(text) = sample("pacemaker/crm_mon.pcmk3.xml") {
            let status = parse(&text).unwrap();
            assert_eq!(status.nodes.iter().filter(|node| node.kind.as_deref() == Some("guest")).count(), 3);
            assert_eq!(status.resources["httpd"].nodes, ["httpd-bundle-0", "httpd-bundle-1"]);
            assert_eq!(status.resources["ping"].failed, Some(false));
        }
        if let Some(text) = sample("pcs/crm_mon.all_resources.xml") {
            let status = parse(&text).unwrap();
            assert_eq!((status.quorate, status.resources["R7"].nodes.len()), (Some(false), 0));
        }
    }
}
