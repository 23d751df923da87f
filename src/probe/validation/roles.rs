//! Directory, Hyper-V and Storage Spaces Direct: tables with a row for each node.

use super::building::{Building, Reading};
use super::value;
use crate::facts::{HyperV, VirtualSwitch};

/// Validate Active Directory Configuration: name, domain, role, site, organizational unit.
pub(super) fn directory(building: &mut Building<'_>, reading: Reading<'_>) {
    for (node, cells) in building.rows_of_nodes(reading.section) {
        let [name, role, ..] = cells.as_slice() else { continue };
        let domain = &mut building.nodes[node].domain;
        domain.name = value::known(name).map(str::to_lowercase);
        let role = role.to_ascii_lowercase();
        domain.controller = if role.contains("domain controller") {
            Some(true)
        } else if role.contains("member server") || role.contains("standalone") {
            Some(false)
        } else {
            None
        };
        building.came(node, "domain", reading.section);
    }
}

/// List Information About Servers Running Hyper-V, and Validate Hyper-V Role Installed: the second column says whether.
pub(super) fn hyper_v(building: &mut Building<'_>, reading: Reading<'_>) {
    for (node, cells) in building.rows_of_nodes(reading.section) {
        if let Some(installed) = cells.first().and_then(|text| value::truth(text)) {
            let product = if installed { "hyper-v" } else { "" };
            building.nodes[node].hypervisor.product = Some(product.to_owned());
            building.came(node, "hypervisor.product", reading.section);
        }
    }
}

/// A table of names of pools: which field each column after the node's name fills.
pub(super) fn pools(
    building: &mut Building<'_>,
    reading: Reading<'_>,
    fields: &[fn(&mut HyperV) -> &mut Option<Vec<String>>],
) {
    for (node, cells) in building.rows_of_nodes(reading.section) {
        for (field, text) in fields.iter().zip(&cells) {
            *field(&mut building.nodes[node].hyper_v) = value::quoted_list(text);
            building.came(node, "hyper_v", reading.section);
        }
    }
}

/// Validate Hyper-V Network Resource Pool And Virtual Switch Compatibility: pools, then switches.
pub(super) fn switches(building: &mut Building<'_>, reading: Reading<'_>) {
    pools(building, reading, &[|hyper_v| &mut hyper_v.network_pools]);
    for (node, cells) in building.rows_of_nodes(reading.section) {
        let Some(names) = cells.get(1).and_then(|text| value::quoted_list(text)) else { continue };
        let switches = names.into_iter().map(|name| VirtualSwitch { name, ..VirtualSwitch::default() });
        building.nodes[node].hypervisor.switches = Some(switches.collect());
        building.came(node, "hypervisor.switches", reading.section);
    }
}

/// Validate Storage Spaces Direct Support: edition, feature, cache, domain controller.
pub(super) fn spaces_direct(building: &mut Building<'_>, reading: Reading<'_>) {
    for (node, cells) in building.rows_of_nodes(reading.section) {
        let truth = |at: usize| cells.get(at).and_then(|text| value::truth(text));
        let node_facts = &mut building.nodes[node];
        node_facts.spaces_direct.edition_supported = truth(0);
        node_facts.spaces_direct.feature_installed = truth(1);
        node_facts.spaces_direct.cache_supported = truth(2);
        if node_facts.domain.controller.is_none() {
            node_facts.domain.controller = truth(3);
        }
        building.came(node, "spaces_direct", reading.section);
    }
}
