//! Disks and host bus adapters.

use super::building::{Building, Pairs, Reading, column, column_where};
use super::page::{Cell, Table};
use super::shape::SCSI_ADDRESS;
use super::value;
use crate::facts::{Bytes, Disk, DiskTransport, Hba, HbaKind};
use crate::scsi::identity::canonical;

/// List Disks, and List All Disks of Storage Spaces Direct: for each node one table, a row for each disk.
pub(super) fn disks(building: &mut Building<'_>, reading: Reading<'_>) {
    for part in building.by_node(reading.section) {
        for table in part.tables() {
            let Some(columns) = Columns::of(table) else { continue };
            building.nodes[part.node].disks.get_or_insert_default();
            for row in &table.rows {
                let Some(number) =
                    columns.text(row, columns.number).filter(|text| text.parse::<u32>().is_ok())
                else {
                    continue;
                };
                let name = format!("Disk {number}");
                columns.fill(row, building.disk(part.node, &name));
            }
            building.came(part.node, "disks", reading.section);
        }
    }
}

struct Columns {
    number: Option<usize>,
    page83: Option<usize>,
    serial: Option<usize>,
    model: Option<usize>,
    firmware: Option<usize>,
    bus: Option<usize>,
    size: Option<usize>,
    hctl: Option<usize>,
    driver: Option<usize>,
    eligible: Option<usize>,
}

impl Columns {
    fn of(table: &Table) -> Option<Self> {
        let hctl = column(table, &["SCSI Address"])
            .or_else(|| column_where(table, |text| SCSI_ADDRESS.is_match(text)))?;
        let named = |names: &[&str]| column(table, names);
        // Where the names are not known: the disk's number is the last of the numbers that begin a row, its signature
        // follows, then the identity.
        let is_number = |text: &str| text.parse::<u32>().is_ok();
        let leading = || {
            let first = table.rows.first()?;
            first.iter().take_while(|cell| is_number(&cell.text)).count().checked_sub(1)
        };
        let number = named(&["Disk Number", "Disk #"]).or_else(leading);
        let identity = || {
            number.map(|at| at + 2).filter(|at| {
                table
                    .rows
                    .iter()
                    .all(|row| row.get(*at).is_some_and(|cell| cell.text.is_empty() || is_page83(&cell.text)))
            })
        };
        Some(Columns {
            number,
            page83: named(&["VPD Page 83h Identifier", "Page 83h Identifier"]).or_else(identity),
            serial: named(&["VPD Serial Number", "Serial Number"]),
            model: named(&["Model"]),
            firmware: named(&["Firmware Version"]),
            bus: named(&["Bus Type"]).or_else(|| column_where(table, |text| transport(text).is_some())),
            size: named(&["Size", "Disk Size"])
                .or_else(|| column_where(table, |text| value::size(text).is_some())),
            hctl: Some(hctl),
            driver: named(&["Storage Miniport Driver"]),
            eligible: named(&["Eligible for Validation"]),
        })
    }

    fn text<'r>(&self, row: &'r [Cell], at: Option<usize>) -> Option<&'r str> {
        row.get(at?).and_then(|cell| value::known(&cell.text))
    }

    fn fill(&self, row: &[Cell], disk: &mut Disk) {
        let told = |at: Option<usize>| self.text(row, at).map(str::to_owned);
        disk.kind = Some("disk".to_owned());
        disk.identity = told(self.page83)
            .filter(|text| is_page83(text))
            .map(|text| canonical(&text))
            .or(disk.identity.take());
        disk.serial = told(self.serial).or(disk.serial.take());
        disk.model = told(self.model).or(disk.model.take());
        disk.firmware = told(self.firmware).or(disk.firmware.take());
        disk.transport = self.text(row, self.bus).and_then(transport).or(disk.transport);
        disk.size_bytes = self.text(row, self.size).and_then(value::size).map(Bytes).or(disk.size_bytes);
        disk.hctl = told(self.hctl).or(disk.hctl.take());
        disk.driver = told(self.driver).or(disk.driver.take());
        disk.eligible = self.text(row, self.eligible).and_then(value::truth).or(disk.eligible);
    }
}

/// Whether a text can be an identity of page 83h: hexadecimal digits of a designator.
fn is_page83(text: &str) -> bool {
    text.len() >= 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Bus types as Windows names them (`STORAGE_BUS_TYPE`).
fn transport(text: &str) -> Option<DiskTransport> {
    let word: String =
        text.chars().filter(|c| c.is_ascii_alphanumeric()).collect::<String>().to_ascii_lowercase();
    Some(match word.as_str() {
        "iscsi" => DiskTransport::Iscsi,
        "fibrechannel" | "fibre" | "fc" => DiskTransport::Fc,
        "fcoe" => DiskTransport::Fcoe,
        "sas" => DiskTransport::Sas,
        "sata" => DiskTransport::Sata,
        "ata" | "atapi" | "ide" => DiskTransport::Ide,
        "scsi" | "parallelscsi" => DiskTransport::Spi,
        "nvme" => DiskTransport::Nvme,
        "usb" => DiskTransport::Usb,
        "virtual" | "filebackedvirtual" | "storagespaces" | "spaces" => DiskTransport::Virtual,
        "raid" | "scm" | "sd" | "mmc" | "1394" | "ssa" => DiskTransport::Other,
        _ => return None,
    })
}

/// List Fibre Channel, iSCSI or SAS Host Bus Adapters: for each node tables of names and values, or the words that there
/// are none. Adapters of a node are known once all three sections are.
pub(super) fn adapters(building: &mut Building<'_>, readings: [(Option<Reading<'_>>, HbaKind); 3]) {
    let mut found: Vec<(Vec<Hba>, usize)> = building.nodes.iter().map(|_| (Vec::new(), 0)).collect();
    for (reading, kind) in &readings {
        let Some(reading) = reading.filter(Reading::is_named) else { return };
        for part in building.by_node(reading.section) {
            let (hbas, sections) = &mut found[part.node];
            for table in part.tables() {
                for (at, told) in rows(table).into_iter().enumerate() {
                    let name = format!(
                        "{} {}",
                        kind.word(),
                        hbas.iter().filter(|hba| hba.kind == Some(*kind)).count() + 1
                    );
                    let of = |names: &[&str]| {
                        told.iter()
                            .find(|(head, _)| names.iter().any(|name| head.eq_ignore_ascii_case(name)))
                            .and_then(|(_, text)| value::known(text))
                            .map(str::to_owned)
                    };
                    let hba = Hba {
                        name,
                        kind: Some(*kind),
                        model: of(&["Model", "Model Description", "Name"]),
                        driver: of(&["Driver Name", "Driver"]),
                        driver_version: of(&["Driver Version"]),
                        firmware: of(&["Firmware Version", "Firmware"]),
                        port_name: of(&["Port WWN", "Port World Wide Name", "Unique Identifier"]),
                        ..Hba::default()
                    };
                    // A table whose columns are not known says that there is an adapter, and no more.
                    debug_assert!(at < 100_000);
                    hbas.push(hba);
                }
            }
            if part.says_none() || part.tables().next().is_some() {
                *sections += 1;
            }
        }
    }
    for (node, (hbas, sections)) in found.into_iter().enumerate() {
        if sections == readings.len() {
            building.nodes[node].hbas = Some(hbas);
            if let Some((Some(reading), _)) = readings.first() {
                building.came(node, "hbas", reading.section);
            }
        }
    }
}

/// What a table says of each adapter: a row for each, or one table of names and values.
fn rows(table: &Table) -> Vec<Vec<(&str, &str)>> {
    let is_pairs = table.rows.iter().all(|row| row.len() == 2) && Pairs::of(table).len() > 2;
    if is_pairs {
        return vec![table.rows.iter().map(|row| (row[0].text.as_str(), row[1].text.as_str())).collect()];
    }
    let heads = |row: &'_ [Cell]| -> usize { row.len().min(table.head.len()) };
    table
        .rows
        .iter()
        .map(|row| (0..heads(row)).map(|at| (table.head[at].text.as_str(), row[at].text.as_str())).collect())
        .collect()
}
