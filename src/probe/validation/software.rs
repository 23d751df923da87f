//! Services, updates and drivers.

use super::building::{Building, Reading, column, column_where};
use super::shape::{is_start_mode, is_state};
use super::value;
use crate::facts::{Driver, Service, Startup};
use regex::Regex;
use std::sync::LazyLock;

/// Services that a cluster relies on, as Windows spells them. A report lists all there are; the others say nothing of
/// a cluster, and some carry names of the logged-in user.
const SERVICES: [&str; 16] = [
    "BFE",
    "ClusSvc",
    "DcomLaunch",
    "Dnscache",
    "EventLog",
    "LanmanServer",
    "LanmanWorkstation",
    "MpsSvc",
    "MSiSCSI",
    "Netlogon",
    "RemoteRegistry",
    "RpcEptMapper",
    "RpcSs",
    "vmms",
    "W32Time",
    "Winmgmt",
];

/// List Services Information: one table for each node, a row for each service.
pub(super) fn services(building: &mut Building<'_>, reading: Reading<'_>) {
    for part in building.by_node(reading.section) {
        let Some(table) = part.tables().find(|table| !table.rows.is_empty()) else { continue };
        let (Some(state), Some(mode)) = (column_where(table, is_state), column_where(table, is_start_mode))
        else {
            continue;
        };
        // The name stands before the state, in every language.
        let Some(name) = column(table, &["Name"]).or_else(|| state.checked_sub(1)) else { continue };
        let row_of = |wanted: &str| {
            table
                .rows
                .iter()
                .find(|row| row.get(name).is_some_and(|cell| cell.text.eq_ignore_ascii_case(wanted)))
        };
        // A table in which RPC, without which Windows does not run, is missing is not the one it seems to be.
        if row_of("RpcSs").is_none() {
            continue;
        }
        let services = SERVICES.iter().map(|wanted| match row_of(wanted) {
            Some(row) => Service {
                name: (*wanted).to_owned(),
                installed: Some(true),
                startup: startup(&row[mode].text),
                active: Some(row[state].text == "Running"),
                depends_on: None,
            },
            None => Service {
                name: (*wanted).to_owned(),
                installed: Some(false),
                startup: Some(Startup::Disabled),
                active: Some(false),
                depends_on: None,
            },
        });
        building.nodes[part.node].services = Some(services.collect());
        building.came(part.node, "services", reading.section);
    }
}

fn startup(mode: &str) -> Option<Startup> {
    match mode {
        "Auto" | "Boot" | "System" => Some(Startup::Automatic),
        "Manual" => Some(Startup::Manual),
        "Disabled" => Some(Startup::Disabled),
        _ => None,
    }
}

/// Validate Required Services: one table for each node: name, display name, running, starts by itself.
pub(super) fn required(building: &mut Building<'_>, reading: Reading<'_>) {
    for part in building.by_node(reading.section) {
        if building.nodes[part.node].services.is_some() {
            continue;
        }
        let rows = part.tables().flat_map(|table| &table.rows);
        let services: Vec<Service> = rows
            .filter_map(|row| {
                let name = SERVICES.iter().find(|name| row[0].text.eq_ignore_ascii_case(name))?;
                let running = value::truth(&row.get(2)?.text)?;
                let starts = value::truth(&row.get(3)?.text)?;
                Some(Service {
                    name: (*name).to_owned(),
                    installed: Some(true),
                    // A service that does not start by itself may start when it is asked for, or never.
                    startup: starts.then_some(Startup::Automatic),
                    active: Some(running),
                    depends_on: None,
                })
            })
            .collect();
        if !services.is_empty() {
            building.nodes[part.node].services = Some(services);
            building.came(part.node, "services", reading.section);
        }
    }
}

/// List Software Updates: one table for each node, the article's number first.
pub(super) fn updates(building: &mut Building<'_>, reading: Reading<'_>) {
    static ARTICLE: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"^(?:KB)?(\d{6,7})$"));
    static IN_TITLE: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"\bKB(\d{6,7})\b"));
    for part in building.by_node(reading.section) {
        let mut found: Vec<String> = Vec::new();
        let mut read = part.says_none();
        for row in part.tables().flat_map(|table| &table.rows) {
            read = true;
            let article = row.iter().find_map(|cell| ARTICLE.captures(cell.text.trim()));
            let article = article.or_else(|| row.iter().find_map(|cell| IN_TITLE.captures(&cell.text)));
            match article {
                Some(article) => found.push(format!("KB{}", &article[1])),
                // An update without an article is told from others by its title.
                None => found.extend(row.iter().map(|cell| cell.text.clone()).find(|text| text.len() > 6)),
            }
        }
        if read {
            found.sort();
            found.dedup();
            building.nodes[part.node].updates = Some(found);
            building.came(part.node, "updates", reading.section);
        }
    }
}

/// List System Drivers: one table for each node, a row for each driver. Those that run are taken.
pub(super) fn drivers(building: &mut Building<'_>, reading: Reading<'_>) {
    static DOTTED: LazyLock<Regex> = LazyLock::new(|| value::pattern(r"^\d+(?:\.\d+)+"));
    for part in building.by_node(reading.section) {
        let Some(table) = part.tables().find(|table| !table.rows.is_empty()) else { continue };
        let Some(state) = column_where(table, is_state) else { continue };
        let version = column(table, &["Version"]);
        let mut drivers: Vec<Driver> = table
            .rows
            .iter()
            .filter(|row| row[state].text == "Running" && !row[0].text.is_empty())
            .map(|row| Driver {
                name: row[0].text.clone(),
                version: match version {
                    Some(at) => row.get(at).and_then(|cell| value::known(&cell.text)),
                    None => row.iter().map(|cell| cell.text.as_str()).find(|text| DOTTED.is_match(text)),
                }
                .map(str::to_owned),
                signed: None,
            })
            .collect();
        drivers.sort_by(|a, b| a.name.cmp(&b.name));
        drivers.dedup_by(|a, b| a.name == b.name);
        building.nodes[part.node].drivers = Some(drivers);
        building.came(part.node, "drivers", reading.section);
    }
}

/// List Unsigned Drivers: for each node a table, or the words that there are none. Comes after [`drivers`].
pub(super) fn unsigned(building: &mut Building<'_>, reading: Reading<'_>) {
    for part in building.by_node(reading.section) {
        let rows: Vec<Vec<&str>> = part
            .tables()
            .flat_map(|table| &table.rows)
            .map(|row| row.iter().map(|cell| cell.text.as_str()).collect())
            .collect();
        if rows.is_empty() && !part.says_none() {
            continue;
        }
        let known = building.nodes[part.node].drivers.is_some();
        let drivers = building.nodes[part.node].drivers.get_or_insert_default();
        if known {
            for driver in drivers.iter_mut() {
                driver.signed =
                    Some(!rows.iter().flatten().any(|text| text.eq_ignore_ascii_case(&driver.name)));
            }
        }
        for row in &rows {
            let of_it = |driver: &Driver| row.iter().any(|text| text.eq_ignore_ascii_case(&driver.name));
            if let Some(name) = row.iter().find(|text| !text.is_empty())
                && !drivers.iter().any(of_it)
            {
                drivers.push(Driver { name: (*name).to_owned(), version: None, signed: Some(false) });
            }
        }
        if !known && rows.is_empty() {
            // That nothing is unsigned says of no driver by name that it is signed.
            building.nodes[part.node].drivers = None;
            continue;
        }
        building.came(part.node, "drivers", reading.section);
    }
}
