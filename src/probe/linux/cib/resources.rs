//! Resources in the CIB: primitives with what their templates, groups, clones and the defaults give them, and the fencing
//! devices among them.

use super::super::xml::Element;
use super::sets::{Ids, Said, Sets};
use super::values::{boolean, milliseconds, shown};
use crate::facts::{
    FencingDevice, Millis, NamedValue, PacemakerClone, PacemakerOperation, PacemakerResource,
};

/// What is found while the tree of resources is walked.
pub(super) struct Found {
    pub resources: Vec<PacemakerResource>,
    pub clones: Vec<PacemakerClone>,
    pub fencing: Vec<FencingDevice>,
    /// Nodes that are resources: remote ones by their own id, guests by the name that the resource gives them.
    pub remote: Vec<(String, &'static str)>,
}

/// Where a primitive stands.
#[derive(Clone, Default)]
struct Place<'a> {
    group: Option<&'a str>,
    clone: Option<&'a str>,
    meta: Sets<'a>,
}

struct Walk<'a, 'b> {
    ids: &'b Ids<'a>,
    templates: Vec<&'a Element>,
    found: Found,
}

/// Reads `resources`. `defaults` are those of `rsc_defaults`.
pub(super) fn read<'a>(resources: Option<&'a Element>, defaults: &Sets<'a>, ids: &Ids<'a>) -> Found {
    let found = Found { resources: Vec::new(), clones: Vec::new(), fencing: Vec::new(), remote: Vec::new() };
    let Some(resources) = resources else { return found };
    let templates = resources.all("template").collect();
    let mut walk = Walk { ids, templates, found };
    for element in &resources.children {
        walk.element(element, &Place { meta: defaults.clone(), ..Place::default() });
    }
    walk.found
}

impl<'a> Walk<'a, '_> {
    fn element(&mut self, element: &'a Element, place: &Place<'a>) {
        let inner = || Sets::of(element, "meta_attributes", self.ids).or(&place.meta);
        match element.name.as_str() {
            "primitive" => self.primitive(element, place),
            "group" => {
                let place = Place { group: element.get("id"), meta: inner(), ..place.clone() };
                element.children.iter().for_each(|child| self.element(child, &place));
            }
            "clone" | "master" => {
                let meta = inner();
                let at = self.found.resources.len();
                let place = Place { clone: element.get("id"), meta: meta.clone(), ..place.clone() };
                element.children.iter().for_each(|child| self.element(child, &place));
                let inside = self.found.resources.iter().skip(at).map(|one| one.id.clone()).collect();
                self.found.clones.push(PacemakerClone {
                    id: element.text("id"),
                    resources: Some(inside),
                    promotable: if element.name == "master" {
                        Some(true)
                    } else {
                        meta.typed("promotable", Some(false), boolean)
                    },
                    interleave: meta.typed("interleave", Some(false), boolean),
                    ordered: None,
                });
            }
            "bundle" => {
                let place = Place { meta: inner(), ..place.clone() };
                element.children.iter().for_each(|child| self.element(child, &place));
            }
            _ => {}
        }
    }

    fn primitive(&mut self, element: &'a Element, place: &Place<'a>) {
        let template = element
            .get("template")
            .and_then(|id| self.templates.iter().copied().find(|one| one.get("id") == Some(id)));
        let sets = |name: &'a str| {
            let own = Sets::of(element, name, self.ids);
            template
                .map_or_else(|| own.clone(), |template| own.clone().or(&Sets::of(template, name, self.ids)))
        };
        let own_meta = sets("meta_attributes");
        let meta = own_meta.clone().or(&place.meta);
        let parameters = sets("instance_attributes");
        let described =
            |name: &str| element.get(name).or_else(|| template?.get(name)).filter(|text| !text.is_empty());
        let agent =
            described("class").zip(described("type")).map(|(class, kind)| match described("provider") {
                Some(provider) => format!("{class}:{provider}:{kind}"),
                None => format!("{class}:{kind}"),
            });
        let id = element.text("id");
        if agent.as_deref() == Some("ocf:pacemaker:remote") {
            self.found.remote.push((id.clone(), "remote"));
        }
        if let Said::Value(name) = own_meta.get("remote-node") {
            self.found.remote.push((name.to_owned(), "guest"));
        }
        let managed = managed(&meta);
        let role = match meta.get("target-role") {
            Said::Value(role) => Some(role.to_owned()),
            Said::Nothing => Some(String::new()),
            Said::ByRule => None,
        };
        if described("class") == Some("stonith") {
            let cloned = place.clone.is_some();
            self.found.fencing.push(device(
                &id,
                agent.clone(),
                cloned,
                &parameters,
                &meta,
                managed,
                role.as_deref(),
            ));
        }
        self.found.resources.push(PacemakerResource {
            group: Some(place.group.unwrap_or_default().to_owned()),
            clone: Some(place.clone.unwrap_or_default().to_owned()),
            managed,
            target_role: role,
            parameters: Some(named(&parameters)),
            meta: Some(named(&own_meta)),
            operations: Some(operations(element, template, self.ids)),
            running_on: None,
            failed: None,
            agent,
            id,
        });
    }
}

/// Whether the cluster starts and stops it: `is-managed`, and no `maintenance`.
fn managed(meta: &Sets<'_>) -> Option<bool> {
    let managed = meta.typed("is-managed", Some(true), boolean);
    let maintenance = meta.typed("maintenance", Some(false), boolean);
    match (managed, maintenance) {
        (Some(false), _) | (_, Some(true)) => Some(false),
        (Some(true), Some(false)) => Some(true),
        _ => None,
    }
}

fn named(sets: &Sets<'_>) -> Vec<NamedValue> {
    let all = sets.all().into_iter();
    all.map(|(name, value)| NamedValue {
        name: name.to_owned(),
        value: value.map(|value| shown(name, value)),
    })
    .collect()
}

/// Its operations, and those of its template that it does not have itself. One that is switched off is none.
fn operations<'a>(
    element: &'a Element,
    template: Option<&'a Element>,
    ids: &Ids<'a>,
) -> Vec<PacemakerOperation> {
    let mut out: Vec<PacemakerOperation> = Vec::new();
    let of = |element: &'a Element| {
        let lists = element.all("operations").filter_map(|list| ids.resolve(list));
        lists.flat_map(|list| list.all("op")).filter_map(|op| ids.resolve(op)).collect::<Vec<_>>()
    };
    for (own, op) in of(element)
        .into_iter()
        .map(|op| (true, op))
        .chain(template.into_iter().flat_map(of).map(|op| (false, op)))
    {
        let sets = Sets::of(op, "meta_attributes", ids).or(&Sets::of(op, "instance_attributes", ids));
        let said = |name: &'a str| op.get(name).map_or_else(|| sets.get(name), Said::Value);
        if let Said::Value(enabled) = said("enabled")
            && boolean(enabled) == Some(false)
        {
            continue;
        }
        let text = |name: &'a str| match said(name) {
            Said::Value(value) => Some(value.to_owned()),
            Said::Nothing => Some(String::new()),
            Said::ByRule => None,
        };
        let time = |name: &'a str| match said(name) {
            Said::Value(value) => milliseconds(value).map(Millis),
            _ => None,
        };
        let name = op.text("name");
        let interval =
            if matches!(said("interval"), Said::Nothing) { Some(Millis(0)) } else { time("interval") };
        let role = text("role");
        let same = |known: &PacemakerOperation| {
            known.name.as_deref() == Some(&name) && known.interval_ms == interval && known.role == role
        };
        if !own && out.iter().any(same) {
            continue;
        }
        let id = op
            .get("id")
            .filter(|id| !id.is_empty())
            .map_or_else(|| format!("{name}-{}", op.get("interval").unwrap_or("0")), str::to_owned);
        if out.iter().any(|known| known.id == id) {
            continue;
        }
        out.push(PacemakerOperation {
            id,
            name: Some(name),
            interval_ms: interval,
            timeout_ms: time("timeout"),
            role,
            on_fail: text("on-fail"),
        });
    }
    out
}

fn device(
    id: &str,
    agent: Option<String>,
    cloned: bool,
    parameters: &Sets<'_>,
    meta: &Sets<'_>,
    managed: Option<bool>,
    role: Option<&str>,
) -> FencingDevice {
    let list = parameters.get("pcmk_host_list");
    let map = parameters.get("pcmk_host_map");
    let configured = match (list, map) {
        (Said::ByRule, _) | (_, Said::ByRule) | (Said::Nothing, Said::Nothing) => None,
        (list, map) => {
            let mut hosts = if let Said::Value(list) = list { split(list) } else { Vec::new() };
            if let Said::Value(map) = map {
                hosts.extend(pairs(map).into_iter().map(|(host, _)| host));
            }
            hosts.sort();
            hosts.dedup();
            Some(hosts)
        }
    };
    let check = match parameters.get("pcmk_host_check") {
        Said::Value(check) => Some(check.to_owned()),
        // What it is without a list depends on what the agent can do.
        Said::Nothing => configured.is_some().then(|| "static-list".to_owned()),
        Said::ByRule => None,
    };
    let stopped = role.map(|role| role.eq_ignore_ascii_case("stopped"));
    FencingDevice {
        id: id.to_owned(),
        agent,
        cloned: Some(cloned),
        hosts: configured.filter(|_| check.as_deref() == Some("static-list")),
        host_check: check,
        delay_max_ms: parameters.typed("pcmk_delay_max", Some(0), milliseconds).map(Millis),
        delay_base_ms: parameters.typed("pcmk_delay_base", Some(0), longest_delay).map(Millis),
        unfencing: meta.typed("provides", Some(false), |text| Some(text == "unfencing")),
        devices: {
            let all: Option<Vec<Vec<String>>> = ["devices", "sbd_device", "sbd_devices"]
                .into_iter()
                .map(|name| match parameters.get(name) {
                    Said::Nothing => Some(Vec::new()),
                    Said::Value(value) => Some(split(value)),
                    Said::ByRule => None,
                })
                .collect();
            all.map(|lists| lists.concat())
        },
        disabled: match (stopped, managed) {
            (Some(true), _) | (_, Some(false)) => Some(true),
            (Some(false), Some(true)) => Some(false),
            _ => None,
        },
        running_on: None,
        covers: None,
    }
}

/// A list as agents take it: commas, semicolons, white space.
fn split(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| c == ',' || c == ';' || c.is_whitespace());
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// `node1:1;node2:2,3` as pairs.
fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split(|c: char| c == ';' || c.is_whitespace()).filter(|part| !part.is_empty());
    parts
        .filter_map(|part| part.split_once([':', '=']))
        .map(|(host, value)| (host.to_owned(), value.to_owned()))
        .filter(|(host, _)| !host.is_empty())
        .collect()
}

/// One delay for all nodes, or one for each: `node1:10s;node2:0`.
fn longest_delay(text: &str) -> Option<i64> {
    if !text.contains([':', '=']) {
        return milliseconds(text);
    }
    let delays: Option<Vec<i64>> = pairs(text).iter().map(|(_, delay)| milliseconds(delay)).collect();
    delays?.into_iter().max()
}
