//! From what the portals showed to the facts of a target, its portals and its logical units.

use std::collections::BTreeSet;

use super::portal::{Entered, MOST_UNITS, Visit};
use super::unit::Seen;
use super::{Answer, Discovery, Failure, Found, advertised_by};
use crate::facts::{
    Bytes, Conformance, Gap, GapReason, Lun, LunPath, LunRole, LunTest, Micros, Portal, Registrant,
    ReservationType, Reservations, Source, SourceKind, Target,
};
use crate::iscsi::login::Authentication;
use crate::iscsi::{self, AdvertisedPortal};
use crate::scsi::Lun as Number;
use crate::scsi::reservation;
use crate::scsi::vpd::ProvisioningType;

/// A portal as the plan would name it.
pub(super) fn planned_portal(portal: &iscsi::Portal) -> Portal {
    Portal { address: portal.to_string(), planned: Some(true), ..Portal::default() }
}

/// The advertised portals that no visit has seen, each once. A portal that the plan names otherwise, for example by host name, is
/// recognised by the address that we were connected to.
pub(super) fn unvisited(advertised: &[AdvertisedPortal], visits: &[Visit]) -> Vec<iscsi::Portal> {
    let mut portals: Vec<iscsi::Portal> = advertised
        .iter()
        .map(|advertised| advertised.portal.clone())
        .filter(|portal| !visits.iter().any(|visit| is_of(visit, portal)))
        .collect();
    portals.sort();
    portals.dedup();
    portals
}

fn is_of(visit: &Visit, portal: &iscsi::Portal) -> bool {
    let connected = |entered: &Entered| {
        entered.redirected_to.is_none()
            && entered.peer.port() == portal.port
            && portal.host.parse() == Ok(entered.peer.ip())
    };
    visit.portal == *portal || visit.entered.as_ref().is_ok_and(connected)
}

/// Puts everything together.
pub(super) fn assemble(planned: &Target, discoveries: &[Discovery], visits: &[Visit]) -> Found {
    let mut found = Found { target: planned.clone(), ..Found::default() };
    let root = format!("targets[{}]", planned.name);
    let mut notes = Notes { gaps: Vec::new(), sources: Vec::new() };
    match discoveries.first() {
        Some(Discovery { portal, answer: Ok(targets) }) => {
            found.target.discovered = Some(targets.iter().any(|target| target.name == planned.name));
            notes.source(format!("{root}.discovered"), &portal.to_string(), "SendTargets");
        }
        Some(Discovery { answer: Err(failure), .. }) => notes.gap(format!("{root}.discovered"), failure),
        None => {
            notes.gap(
                format!("{root}.discovered"),
                &Failure::new(GapReason::NotDeclared, "no portal is known"),
            );
        }
    }
    let advertised = Advertised {
        portals: advertised_by(discoveries, &planned.name),
        unanswered: discoveries.iter().find_map(|discovery| discovery.answer.as_ref().err()),
    };
    // What covers all of the target: nobody let us in.
    let inside = visits.iter().any(|visit| visit.entered.is_ok());
    if let (false, Some(failure)) = (inside, visits.iter().find_map(|visit| visit.entered.as_ref().err())) {
        notes.gap(root.clone(), failure);
    }
    found.target.portals = Some(portals(planned, &root, &advertised, visits, &mut notes));
    found.target.luns = Some(units(planned, &root, visits, &mut notes));
    found.gaps = notes.gaps;
    found.sources = notes.sources;
    found
}

/// What discovery told of the portals of a target.
struct Advertised<'a> {
    portals: Vec<AdvertisedPortal>,
    /// Why a portal did not answer; then a portal that no other lists may still be advertised.
    unanswered: Option<&'a Failure>,
}

/// Gaps and sources as they come up.
struct Notes {
    gaps: Vec<Gap>,
    sources: Vec<Source>,
}

impl Notes {
    fn gap(&mut self, path: String, failure: &Failure) {
        let detail = (!failure.detail.is_empty()).then(|| failure.detail.clone());
        self.gaps.push(Gap { path, reason: Some(failure.reason), detail });
    }

    fn source(&mut self, path: String, place: &str, item: &str) {
        self.sources.push(Source {
            path,
            kind: Some(SourceKind::Portal),
            place: Some(place.to_owned()),
            item: Some(item.to_owned()),
        });
    }

    /// The value of an answer; without one, a gap.
    fn take<'a, T>(&mut self, path: impl FnOnce() -> String, answer: &'a Answer<T>) -> Option<&'a T> {
        match answer {
            Ok(value) => Some(value),
            Err(failure) => {
                self.gap(path(), failure);
                None
            }
        }
    }
}

fn portals(
    planned: &Target,
    root: &str,
    advertised: &Advertised<'_>,
    visits: &[Visit],
    notes: &mut Notes,
) -> Vec<Portal> {
    let mut out: Vec<Portal> = planned.portals.clone().unwrap_or_default();
    for visit in visits {
        let address = visit.portal.to_string();
        let path = format!("{root}.portals[{address}]");
        let listed = advertised.portals.iter().find(|advertised| is_of(visit, &advertised.portal));
        let at = out
            .iter()
            .position(|portal| portal.address.parse().as_ref() == Ok(&visit.portal))
            .unwrap_or_else(|| {
                out.push(Portal { address, planned: Some(false), ..Portal::default() });
                out.len() - 1
            });
        let portal = &mut out[at];
        portal.advertised = match (listed, advertised.unanswered) {
            (Some(_), _) => Some(true),
            (None, None) => Some(false),
            (None, Some(failure)) => {
                notes.gap(format!("{path}.advertised"), failure);
                None
            }
        };
        portal.advertised_tpgt = listed.and_then(|listed| listed.portal_group).map(i64::from);
        match &visit.entered {
            Ok(entered) => {
                fill_portal(portal, entered);
                notes.source(path.clone(), &visit.portal.to_string(), "login");
                if portal.tpgt.is_none() {
                    notes.gap(
                        format!("{path}.tpgt"),
                        &Failure::new(GapReason::NotSupported, "the target sent no TargetPortalGroupTag"),
                    );
                }
            }
            Err(failure) => {
                portal.reachable = visit.reachable;
                // Time that ran out before anything was tried says nothing about the portal.
                portal.login = visit.reachable.map(|_| false);
                portal.error = visit.reachable.map(|_| failure.detail.clone());
                notes.gap(path.clone(), failure);
            }
        }
        if portal.advertised_tpgt.is_none() {
            let unnamed = Failure::new(GapReason::NotSupported, "discovery names no portal group tag for it");
            notes.gap(format!("{path}.advertised_tpgt"), advertised.unanswered.unwrap_or(&unnamed));
        }
    }
    for advertised in &advertised.portals {
        let address = advertised.portal.to_string();
        let known = out.iter().any(|portal| portal.address == address)
            || visits.iter().any(|visit| is_of(visit, &advertised.portal));
        if !known {
            notes.gap(
                format!("{root}.portals[{address}]"),
                &Failure::new(GapReason::NotCollected, "more portals are advertised than are visited"),
            );
            out.push(Portal {
                address,
                planned: Some(false),
                advertised: Some(true),
                advertised_tpgt: advertised.portal_group.map(i64::from),
                ..Portal::default()
            });
        }
    }
    out
}

fn fill_portal(portal: &mut Portal, entered: &Entered) {
    let digest = |on: bool| Some(if on { "CRC32C" } else { "None" }.to_owned());
    portal.reachable = Some(true);
    portal.login = Some(true);
    portal.error = Some(String::new());
    portal.tpgt = entered.portal_group.map(i64::from);
    portal.authentication = Some(
        match entered.authentication {
            Authentication::None => "none",
            Authentication::OneWay(_) => "chap",
            Authentication::Mutual(_) => "mutual-chap",
        }
        .to_owned(),
    );
    portal.header_digest = digest(entered.digests.header);
    portal.data_digest = digest(entered.digests.data);
    portal.connect_us = micros(entered.connect_time);
    portal.login_us = micros(entered.login_time);
}

fn micros(time: std::time::Duration) -> Option<Micros> {
    i64::try_from(time.as_micros()).ok().map(Micros)
}

/// What each portal shows of one unit.
struct View<'a> {
    visit: &'a Visit,
    /// Whether the portal lists the unit; missing where its list is not known.
    listed: Option<bool>,
    seen: Answer<&'a Seen>,
}

impl View<'_> {
    fn present(&self) -> Option<bool> {
        match (self.listed, self.seen.as_ref().ok().and_then(|seen| seen.exists())) {
            (_, Some(false)) | (Some(false), None) => Some(false),
            (_, Some(true)) | (Some(true), None) => Some(true),
            (None, None) => None,
        }
    }
}

fn views(number: Number, visits: &[Visit]) -> Vec<View<'_>> {
    let mut views = Vec::new();
    for visit in visits {
        let (listed, seen) = match &visit.entered {
            // A portal that nobody planned and that does not let us in is a matter of the portal, not of its units.
            Err(_) if !visit.planned => continue,
            Err(failure) => (None, Err(failure.clone())),
            Ok(entered) => {
                let listed = match &entered.list {
                    Ok(list) if list.luns.contains(&number) => Some(true),
                    Ok(list) if list.is_complete() => Some(false),
                    _ => None,
                };
                let seen = entered.units.get(&number).ok_or_else(|| match (&entered.list, listed) {
                    (_, Some(false)) => Failure::new(GapReason::NotCollected, "the portal does not list it"),
                    (Err(failure), _) => failure.clone(),
                    _ => Failure::new(
                        GapReason::NotCollected,
                        format!("only {MOST_UNITS} logical units are inspected"),
                    ),
                });
                (listed, seen)
            }
        };
        views.push(View { visit, listed, seen });
    }
    views
}

fn units(planned: &Target, root: &str, visits: &[Visit], notes: &mut Notes) -> Vec<Lun> {
    let mut out: Vec<Lun> = planned.luns.clone().unwrap_or_default();
    let planned_numbers: Vec<Option<i64>> = out.iter().map(|lun| lun.number).collect();
    let mut others: BTreeSet<Number> = BTreeSet::new();
    for entered in visits.iter().filter_map(|visit| visit.entered.as_ref().ok()) {
        for (number, seen) in &entered.units {
            let is_planned =
                number.number().is_some_and(|number| planned_numbers.contains(&Some(number.into())));
            // Controllers, enclosures and the like are no units that a cluster could use, and of those that are not there
            // nothing need be said.
            let of_interest =
                seen.inquiry.as_ref().map_or(true, |inquiry| inquiry.exists() && inquiry.device_type == 0);
            if !is_planned && of_interest {
                others.insert(*number);
            }
        }
    }
    for number in others {
        let mut name = format!("lun-{number}");
        while out.iter().any(|lun| lun.name == name) {
            name.push_str("-unplanned");
        }
        let known = number.number().map(i64::from);
        if known.is_none() {
            notes.gap(
                format!("{root}.luns[{name}].number"),
                &Failure::new(GapReason::NotSupported, "its address is not that of a single level"),
            );
        }
        let mut lun = Lun {
            name,
            number: known,
            role: Some(LunRole::Unplanned),
            test: Some(LunTest::None),
            conformance: Conformance::not_asked(),
            ..Lun::default()
        };
        fill_unit(&mut lun, number, planned, root, visits, notes);
        out.push(lun);
    }
    for lun in &mut out[..planned_numbers.len()] {
        match lun.number.and_then(|number| u32::try_from(number).ok()) {
            Some(number) => fill_unit(lun, Number::new(number), planned, root, visits, notes),
            None => notes.gap(
                format!("{root}.luns[{}]", lun.name),
                &Failure::new(GapReason::NotDeclared, "the plan gives it no number"),
            ),
        }
    }
    out
}

fn fill_unit(
    lun: &mut Lun,
    number: Number,
    planned: &Target,
    root: &str,
    visits: &[Visit],
    notes: &mut Notes,
) {
    let path = format!("{root}.luns[{}]", lun.name);
    let views = views(number, visits);
    lun.target = Some(planned.name.clone());
    lun.present = if views.iter().any(|view| view.present() == Some(true)) {
        Some(true)
    } else if !views.is_empty() && views.iter().all(|view| view.present() == Some(false)) {
        Some(false)
    } else {
        None
    };
    let chosen = views.iter().find(|view| {
        view.present() == Some(true) && view.seen.as_ref().is_ok_and(|seen| seen.inquiry.is_ok())
    });
    let chosen =
        chosen.or_else(|| views.iter().find(|view| view.present() == Some(true) && view.seen.is_ok()));
    match chosen.and_then(|view| view.seen.as_ref().ok().map(|seen| (view, seen))) {
        Some((view, seen)) => {
            let through = format!("LUN {number} through {}", view.visit.portal);
            Filling { path: &path, place: &through, group: false, notes }.unit(lun, seen);
        }
        None => notes.gap(path.clone(), &why_nothing(lun.present, &views)),
    }
    let paths = views
        .iter()
        .map(|view| unit_path(view, number, &format!("{path}.paths[{}]", view.visit.portal), notes));
    lun.paths = Some(paths.collect());
}

fn why_nothing(present: Option<bool>, views: &[View<'_>]) -> Failure {
    if present == Some(false) {
        return Failure::new(GapReason::NotCollected, "the target has no such logical unit");
    }
    let unknown = views.iter().filter(|view| view.present().is_none());
    unknown
        .chain(views)
        .find_map(|view| view.seen.as_ref().err().cloned())
        .unwrap_or_else(|| Failure::new(GapReason::Unreachable, "no portal of the target could be asked"))
}

fn unit_path(view: &View<'_>, number: Number, path: &str, notes: &mut Notes) -> LunPath {
    let mut out =
        LunPath { portal: view.visit.portal.to_string(), present: view.present(), ..LunPath::default() };
    let seen = match &view.seen {
        Ok(seen) if out.present != Some(false) => seen,
        Ok(_) => {
            notes.gap(path.to_owned(), &Failure::new(GapReason::NotCollected, "the portal does not show it"));
            return out;
        }
        Err(failure) => {
            notes.gap(path.to_owned(), failure);
            return out;
        }
    };
    let place = format!("LUN {number} through {}", view.visit.portal);
    notes.source(path.to_owned(), &place, "VPD 83, VPD 80, READ CAPACITY, PERSISTENT RESERVE IN");
    let mut filling = Filling { path, place: &place, group: true, notes };
    out.identity = filling.identity(seen);
    out.serial = filling.serial(seen);
    if let Some(size) = filling.field("size_bytes", &seen.capacity, "READ CAPACITY") {
        out.size_bytes = size.capacity.size_bytes().map(Bytes);
        out.logical_block_bytes = Some(Bytes(size.capacity.block_bytes.into()));
    } else if let Err(failure) = &seen.capacity {
        filling.missing("logical_block_bytes", failure);
    }
    (out.keys, out.generation) = filling.keys(seen);
    let (_, kind, key) = filling.reservation(seen);
    (out.reservation, out.reservation_key) = (kind, key);
    out.alua_state = filling.alua(seen);
    out
}

/// Fills facts from what one portal showed, and notes where each comes from or why it is missing.
struct Filling<'a> {
    path: &'a str,
    place: &'a str,
    /// True where one source was noted for the whole group.
    group: bool,
    notes: &'a mut Notes,
}

impl Filling<'_> {
    fn missing(&mut self, field: &str, failure: &Failure) {
        self.notes.gap(format!("{}.{field}", self.path), failure);
    }

    fn from(&mut self, field: &str, item: &str) {
        if self.group {
            return;
        }
        self.notes.source(format!("{}.{field}", self.path), self.place, item);
    }

    /// The answer that a field comes from, with its source; without it a gap.
    fn field<'b, T>(&mut self, field: &str, answer: &'b Answer<T>, item: &str) -> Option<&'b T> {
        let path = self.path;
        let value = self.notes.take(|| format!("{path}.{field}"), answer)?;
        self.from(field, item);
        Some(value)
    }

    fn unit(mut self, lun: &mut Lun, seen: &Seen) {
        self.notes.source(self.path.to_owned(), self.place, "INQUIRY");
        match &seen.inquiry {
            Ok(inquiry) => {
                lun.vendor = Some(inquiry.vendor.clone());
                lun.product = Some(inquiry.product.clone());
                lun.revision = Some(inquiry.revision.clone());
                lun.spc = Some(match inquiry.version {
                    0 => String::new(),
                    3..=7 => inquiry.version_name().to_owned(),
                    other => format!("version {other}"),
                });
                lun.device_type = Some(inquiry.device_type.into());
                lun.removable = Some(inquiry.removable);
            }
            Err(failure) => {
                for field in ["vendor", "product", "revision", "spc", "device_type", "removable"] {
                    self.missing(field, failure);
                }
            }
        }
        lun.identity = self.identity(seen);
        lun.serial = self.serial(seen);
        lun.ready = self.field("ready", &seen.ready, "TEST UNIT READY").copied();
        self.size(lun, seen);
        lun.write_protected =
            self.field("write_protected", &seen.mode, "MODE SENSE").map(|mode| mode.write_protected);
        lun.rotational = match self.field("rotational", &seen.medium, "VPD B1").map(|medium| medium.rotates())
        {
            Some(None) => {
                self.missing(
                    "rotational",
                    &Failure::new(GapReason::NotSupported, "VPD page B1 does not tell"),
                );
                None
            }
            told => told.flatten(),
        };
        lun.compare_and_write_blocks = match &seen.limits {
            // A unit without the page has no COMPARE AND WRITE to speak of.
            Err(failure) if failure.unsupported => {
                self.from("compare_and_write_blocks", "VPD 00");
                Some(0)
            }
            limits => self
                .field("compare_and_write_blocks", limits, "VPD B0")
                .map(|limits| limits.max_compare_and_write.into()),
        };
        self.reservations(&mut lun.reservations, seen);
    }

    fn size(&mut self, lun: &mut Lun, seen: &Seen) {
        let size = match &seen.capacity {
            Ok(size) => size,
            Err(failure) => {
                for field in ["size_bytes", "logical_block_bytes", "physical_block_bytes", "thin"] {
                    self.missing(field, failure);
                }
                return;
            }
        };
        let item = if size.long { "READ CAPACITY (16)" } else { "READ CAPACITY (10)" };
        lun.size_bytes = size.capacity.size_bytes().map(Bytes);
        lun.logical_block_bytes = Some(Bytes(size.capacity.block_bytes.into()));
        self.from("size_bytes", item);
        self.from("logical_block_bytes", item);
        if lun.size_bytes.is_none() {
            self.missing(
                "size_bytes",
                &Failure::new(GapReason::CommandFailed, "the size does not fit 64 bits"),
            );
        }
        if !size.long {
            let short = Failure::new(GapReason::NotSupported, "READ CAPACITY (16) is not supported");
            self.missing("physical_block_bytes", &short);
            self.missing("thin", &short);
            return;
        }
        self.from("physical_block_bytes", item);
        lun.physical_block_bytes = size.capacity.physical_block_bytes().map(|bytes| Bytes(bytes.into()));
        if lun.physical_block_bytes.is_none() {
            self.missing(
                "physical_block_bytes",
                &Failure::new(GapReason::CommandFailed, "the block size is absurd"),
            );
        }
        lun.thin = match &seen.provisioning {
            Ok(page) => {
                self.from("thin", "VPD B2");
                match page.provisioning {
                    ProvisioningType::Thin => Some(true),
                    ProvisioningType::Resource => Some(false),
                    ProvisioningType::Unknown | ProvisioningType::Other(_) => {
                        Some(size.capacity.provisioning_managed)
                    }
                }
            }
            // Without managed provisioning there is nothing that the page could add.
            Err(_) if !size.capacity.provisioning_managed => {
                self.from("thin", item);
                Some(false)
            }
            Err(failure) => {
                self.missing("thin", failure);
                None
            }
        };
    }

    /// The identity; empty where the unit says that it has none, which is known.
    fn identity(&mut self, seen: &Seen) -> Option<String> {
        match &seen.identification {
            Err(failure) if failure.unsupported => {
                self.from("identity", "VPD 83");
                Some(String::new())
            }
            answer => Some(self.field("identity", answer, "VPD 83")?.identity().unwrap_or_default()),
        }
    }

    fn serial(&mut self, seen: &Seen) -> Option<String> {
        self.field("serial", &seen.serial, "VPD 80").map(|serial| serial.0.clone())
    }

    /// Keys and generation. A list that was cut gives neither.
    fn keys(&mut self, seen: &Seen) -> (Option<Vec<String>>, Option<i64>) {
        match &seen.keys {
            Ok(list) if list.is_complete() => {
                self.from("keys", "PERSISTENT RESERVE IN (READ KEYS)");
                self.from("generation", "PERSISTENT RESERVE IN (READ KEYS)");
                let mut keys: Vec<String> = list.keys.iter().map(ToString::to_string).collect();
                keys.sort();
                (Some(keys), Some(list.generation.into()))
            }
            Ok(list) => {
                let why =
                    format!("the list has {} bytes, {} keys of it came", list.list_bytes, list.keys.len());
                self.missing("keys", &Failure::new(GapReason::CommandFailed, why));
                self.from("generation", "PERSISTENT RESERVE IN (READ KEYS)");
                (None, Some(list.generation.into()))
            }
            Err(failure) => {
                self.missing("keys", failure);
                self.missing("generation", failure);
                (None, None)
            }
        }
    }

    /// Whether there is a reservation, its type and its key.
    fn reservation(&mut self, seen: &Seen) -> (Option<bool>, Option<String>, Option<String>) {
        let item = "PERSISTENT RESERVE IN (READ RESERVATION)";
        let Some(reservation) = self.field("reservation", &seen.reservation, item) else {
            if let Err(failure) = &seen.reservation {
                self.missing("reservation_key", failure);
            }
            return (None, None, None);
        };
        self.from("reservation_key", item);
        match reservation.holder {
            None => (Some(false), Some(String::new()), Some(String::new())),
            Some(holder) => {
                let kind = holder
                    .reservation_type()
                    .map_or_else(|| format!("type {:x}h", holder.kind), |kind| kind.id().to_owned());
                (Some(true), Some(kind), Some(holder.key.to_string()))
            }
        }
    }

    fn alua(&mut self, seen: &Seen) -> Option<String> {
        if let Ok(inquiry) = &seen.inquiry
            && inquiry.tpgs == 0
        {
            self.from("alua_state", "INQUIRY");
            return Some(String::new());
        }
        let groups = self.field("alua_state", &seen.groups, "REPORT TARGET PORT GROUPS")?;
        let port = seen.identification.as_ref().ok();
        let by_port = port.and_then(|page| page.relative_port()).and_then(|port| groups.of_port(port));
        let group = by_port.or_else(|| {
            let group = port.and_then(|page| page.port_group())?;
            groups.0.iter().find(|candidate| candidate.group == group)
        });
        if group.is_none() {
            let unknown = "the port that answered is in none of the target port groups";
            self.missing("alua_state", &Failure::new(GapReason::NotSupported, unknown));
        }
        group.map(|group| group.state.to_string())
    }

    fn reservations(&mut self, out: &mut Reservations, seen: &Seen) {
        let path = format!("{}.reservations", self.path);
        self.from("reservations", "PERSISTENT RESERVE IN");
        let mut filling = Filling { path: &path, place: self.place, group: true, notes: self.notes };
        out.supported = match &seen.keys {
            Ok(_) => Some(true),
            Err(failure) if failure.unsupported => Some(false),
            // Something was answered that no target without the command would answer.
            Err(failure) if failure.malformed => Some(true),
            Err(failure) => {
                filling.missing("supported", failure);
                None
            }
        };
        if out.supported.is_some() {
            filling.from("supported", "PERSISTENT RESERVE IN (READ KEYS)");
        }
        (out.keys, out.generation) = filling.keys(seen);
        (out.held, out.reservation, out.reservation_key) = filling.reservation(seen);
        match &seen.reservation {
            Ok(_) => {}
            // What has no persistent reservations holds none.
            Err(failure) if failure.unsupported && out.supported == Some(false) => out.held = Some(false),
            Err(failure) => filling.missing("held", failure),
        }
        filling.capabilities(out, seen);
        filling.full_status(out, seen);
    }

    fn capabilities(&mut self, out: &mut Reservations, seen: &Seen) {
        const FIELDS: [&str; 7] = [
            "type_mask_valid",
            "types",
            "ptpl_capable",
            "ptpl_active",
            "all_target_ports_capable",
            "specify_initiator_ports_capable",
            "compatible_reservation_handling",
        ];
        let item = "PERSISTENT RESERVE IN (REPORT CAPABILITIES)";
        match &seen.capabilities {
            Ok(capabilities) => {
                out.capabilities_reported = Some(true);
                out.type_mask_valid = Some(capabilities.types.is_some());
                out.types = capabilities.types.map(|mask| mask.types().into_iter().map(fact_type).collect());
                out.ptpl_capable = Some(capabilities.persist_through_power_loss);
                out.ptpl_active = Some(capabilities.persist_through_power_loss_active);
                out.all_target_ports_capable = Some(capabilities.all_target_ports);
                out.specify_initiator_ports_capable = Some(capabilities.specify_initiator_ports);
                out.compatible_reservation_handling = Some(capabilities.compatible_reservation_handling);
                for field in FIELDS.into_iter().chain(["capabilities_reported"]) {
                    self.from(field, item);
                }
                if out.types.is_none() {
                    let invalid = "the target says that its mask of types is not valid (TMV is 0)";
                    self.missing("types", &Failure::new(GapReason::NotSupported, invalid));
                }
            }
            Err(failure) => {
                if failure.unsupported {
                    out.capabilities_reported = Some(false);
                    self.from("capabilities_reported", item);
                } else {
                    self.missing("capabilities_reported", failure);
                }
                for field in FIELDS {
                    self.missing(field, failure);
                }
            }
        }
    }

    fn full_status(&mut self, out: &mut Reservations, seen: &Seen) {
        let item = "PERSISTENT RESERVE IN (READ FULL STATUS)";
        match &seen.full_status {
            Ok(status) => {
                out.full_status_supported = Some(true);
                self.from("full_status_supported", item);
                if status.is_complete() {
                    self.from("registrants", item);
                    out.registrants = Some(status.registrants.iter().map(registrant).collect());
                } else {
                    let why = format!("the list has {} bytes, not all of it came", status.list_bytes);
                    self.missing("registrants", &Failure::new(GapReason::CommandFailed, why));
                }
            }
            Err(failure) => {
                if failure.unsupported || failure.malformed {
                    out.full_status_supported = Some(false);
                    self.from("full_status_supported", item);
                } else {
                    self.missing("full_status_supported", failure);
                }
                self.missing("registrants", failure);
            }
        }
    }
}

fn registrant(registrant: &reservation::Registrant) -> Registrant {
    Registrant {
        key: Some(registrant.key.to_string()),
        initiator: Some(registrant.transport_id.to_string()),
        relative_port: Some(registrant.relative_port.into()),
        holder: Some(registrant.holds.is_some()),
    }
}

fn fact_type(kind: reservation::ReservationType) -> ReservationType {
    use reservation::ReservationType as Wire;
    match kind {
        Wire::WriteExclusive => ReservationType::WriteExclusive,
        Wire::ExclusiveAccess => ReservationType::ExclusiveAccess,
        Wire::WriteExclusiveRegistrantsOnly => ReservationType::WriteExclusiveRegistrantsOnly,
        Wire::ExclusiveAccessRegistrantsOnly => ReservationType::ExclusiveAccessRegistrantsOnly,
        Wire::WriteExclusiveAllRegistrants => ReservationType::WriteExclusiveAllRegistrants,
        Wire::ExclusiveAccessAllRegistrants => ReservationType::ExclusiveAccessAllRegistrants,
    }
}
