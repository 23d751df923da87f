//! Whole reports: what is read of each form, and that nothing but facts comes out of what is broken or hostile.

use super::*;
use crate::facts::{DiskTransport, GapReason, NetworkRole, NicKind, Node, Places, Startup, ValidationTest};

const ENGLISH: &str = include_str!("../../../fixtures/windows/report-2022-en.htm");
const GERMAN: &[u8] = include_bytes!("../../../fixtures/windows/report-2022-de.htm");
const OLD: &[u8] = include_bytes!("../../../fixtures/windows/report-2008r2-en.mht");

fn english(text: &str) -> Document {
    parse(text.as_bytes(), "report.htm").expect("a report")
}

fn node<'d>(document: &'d Document, name: &str) -> &'d Node {
    document.nodes.iter().find(|node| node.name == name).unwrap_or_else(|| panic!("no node {name}"))
}

fn test<'d>(document: &'d Document, id: &str) -> &'d ValidationTest {
    let tests = document.cluster.validation.tests.as_ref().expect("tests");
    tests.iter().find(|test| test.id == id).unwrap_or_else(|| panic!("no test {id}"))
}

fn gap(document: &Document, path: &str) -> String {
    let gap = Places::new(document).gap(path).unwrap_or_else(|| panic!("no gap at {path}"));
    assert_eq!(gap.reason, Some(GapReason::NotCollected));
    gap.detail.clone().unwrap_or_default()
}

#[test]
fn a_report_of_2022_becomes_facts() {
    let document = english(ENGLISH);
    assert_eq!(
        document.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(),
        ["kiel1", "kiel2", "kiel3"]
    );
    assert_eq!(document.cluster.release.as_deref(), Some("2022"));
    assert_eq!(document.run.started.as_deref(), Some("2026-03-09T10:15:02Z"));
    assert_eq!(
        (document.run.complete, document.cluster.wsfc.validation.as_deref()),
        (Some(true), Some("passed"))
    );
    let kiel2 = node(&document, "kiel2");
    let os = &kiel2.os;
    assert_eq!(
        [
            &os.release,
            &os.edition,
            &os.version,
            &os.install_type,
            &os.system_drive,
            &os.memory_dump,
            &os.architecture
        ]
        .map(|value| value.as_deref().unwrap_or_default()),
        ["2022", "datacenter", "10.0.20348", "core", "C:", "kernel", "x86_64"]
    );
    assert_eq!(os.build, None, "the revision is not in the report");
    assert!(gap(&document, "nodes[kiel2].os.build").contains("10.0.20348"));
    assert_eq!(kiel2.hardware.model.as_deref(), Some("NW 380 G11"));
    assert_eq!((kiel2.hardware.virtual_machine, kiel2.cpu.sockets), (Some(false), Some(2)));
    assert_eq!(kiel2.cpu.vendor.as_deref(), Some("AuthenticAMD"));
    assert_eq!(kiel2.memory.total_bytes.map(|bytes| bytes.0), Some(512 << 30));
    assert_eq!(kiel2.firmware.version.as_deref(), Some("U46 v2.10"));
    assert_eq!(kiel2.domain.name.as_deref(), Some("nord.example"));
    assert_eq!(kiel2.domain.controller, Some(false));
    assert_eq!(kiel2.updates.as_deref(), Some(&["KB5011048".to_owned(), "KB5034129".to_owned()][..]));
    assert_eq!(kiel2.hbas.as_deref(), Some(&[][..]));
    assert_eq!(kiel2.firewall.cluster_allowed, Some(true));
    assert_eq!(kiel2.hypervisor.product.as_deref(), Some("hyper-v"));
    assert_eq!(kiel2.hypervisor.switches.as_ref().map(|all| all[0].name.as_str()), Some("guests"));
    assert_eq!(kiel2.hyper_v.memory_pools.as_deref(), Some(&[][..]));
}

#[test]
fn interfaces_and_networks_are_read() {
    let document = english(ENGLISH);
    let nics = node(&document, "kiel1").nics.as_ref().expect("known");
    let names: Vec<&str> = nics.iter().map(|nic| nic.name.as_str()).collect();
    assert_eq!(
        names,
        ["Management", "Cluster", "Live Migration", "Storage A", "Storage B"],
        "none that Windows hides"
    );
    let nic = &nics[1];
    assert_eq!(nic.kind, Some(NicKind::Physical));
    assert_eq!(nic.mac.as_deref(), Some("02:20:26:01:00:02"));
    assert_eq!((nic.link_up, nic.speed_bps.map(|speed| speed.0)), (Some(true), Some(10_000_000_000)));
    let address = nic.addresses.iter().flatten().find(|address| address.scope.as_deref() == Some("global"));
    let address = address.expect("one");
    assert_eq!(
        (address.address.as_str(), address.prefix, address.dynamic),
        ("10.40.11.21", Some(24), Some(false))
    );
    assert_eq!(nic.mtu, None);
    let resolver = &node(&document, "kiel1").resolver;
    assert_eq!(resolver.servers.as_deref(), Some(&["10.40.10.2".to_owned(), "10.40.10.3".to_owned()][..]));
    let networks: Vec<_> = document
        .networks
        .iter()
        .map(|network| {
            (network.name.as_str(), network.role, network.subnets.as_ref().map(|all| all[0].as_str()))
        })
        .collect();
    assert_eq!(networks[0], ("Cluster Network 1", Some(NetworkRole::Client), Some("10.40.10.0/24")));
    assert_eq!(networks[1], ("Cluster Network 2", Some(NetworkRole::Cluster), Some("10.40.11.0/24")));
    assert_eq!(networks[3], ("Cluster Network 4", Some(NetworkRole::Storage), Some("10.40.13.0/24")));
    assert_eq!(networks.len(), 5);
}

#[test]
fn disks_services_and_drivers_are_read() {
    let document = english(ENGLISH);
    let kiel3 = node(&document, "kiel3");
    let disks = kiel3.disks.as_ref().expect("known");
    assert_eq!(disks.len(), 3);
    let shared = &disks[1];
    assert_eq!(shared.identity.as_deref(), Some("naa.6589cfc000000b1a2c3d4e5f60718293"));
    assert_eq!((shared.transport, shared.eligible), (Some(DiskTransport::Iscsi), Some(true)));
    assert_eq!((disks[0].eligible, shared.hctl.as_deref()), (Some(false), Some("2:0:0:0")));
    let services = kiel3.services.as_ref().expect("known");
    let service = |name: &str| services.iter().find(|service| service.name == name).expect("one");
    assert_eq!(service("MSiSCSI").startup, Some(Startup::Automatic));
    assert_eq!((service("RemoteRegistry").active, service("Winmgmt").active), (Some(false), Some(true)));
    assert_eq!(service("BFE").installed, Some(false), "a whole list without it says that it is not there");
    let drivers = kiel3.drivers.as_ref().expect("known");
    assert!(drivers.iter().all(|driver| driver.signed == Some(true) && driver.version.is_some()));
    assert!(
        drivers.iter().any(|driver| driver.name == "mlx5")
            && !drivers.iter().any(|driver| driver.name == "cdfs")
    );
}

#[test]
fn every_fact_says_where_it_comes_from_and_every_gap_why() {
    let document = english(ENGLISH);
    let places = Places::new(&document);
    for (path, section) in [
        ("nodes[kiel1].os.release", "List Operating System Information"),
        ("nodes[kiel1].nics", "Validate IP Configuration"),
        ("nodes[kiel1].disks[Disk 1].identity", "List Disks"),
        ("networks", "Validate Cluster Network Configuration"),
    ] {
        let source = places.source(path).unwrap_or_else(|| panic!("no source of {path}"));
        assert_eq!(
            (source.place.as_deref(), source.item.as_deref()),
            (Some("report.htm"), Some(section)),
            "{path}"
        );
    }
    assert_eq!(gap(&document, "nodes[kiel1].routes"), "the report does not hold it");
    assert!(gap(&document, "nodes[kiel1].spaces_direct").contains("Validate Storage Spaces Direct Support"));
    assert!(gap(&document, "witness.kind").contains("quorum"));
    assert!(Document::parse(document.to_json().as_bytes(), "x").is_ok(), "it can be recorded");
}

#[test]
fn a_report_in_another_language_is_read_by_shape() {
    let document = parse(GERMAN, "bericht.htm").expect("a report");
    assert_eq!(document.cluster.validation.language.as_deref(), Some("de-DE"));
    assert_eq!(document.run.started.as_deref(), Some("2026-03-09T10:15:02Z"));
    let ulm1 = node(&document, "ulm1");
    assert_eq!((ulm1.os.release.as_deref(), ulm1.os.version.as_deref()), (Some("2022"), Some("10.0.20348")));
    assert_eq!(ulm1.hardware.manufacturer.as_deref(), Some("Nordwind Systems"), "by the order of the rows");
    assert_eq!(ulm1.memory.total_bytes.map(|bytes| bytes.0), Some(512 << 30), "with a comma");
    assert_eq!(ulm1.firmware.version.as_deref(), Some("U46 v2.10"));
    assert_eq!(ulm1.services.as_ref().map(Vec::len), Some(16));
    assert_eq!(
        ulm1.disks.as_ref().expect("known")[1].identity.as_deref(),
        Some("naa.6589cfc000000b1a2c3d4e5f60718293")
    );
    let nic = &ulm1.nics.as_ref().expect("known")[1];
    assert_eq!(nic.addresses.as_ref().expect("known")[1].address, "10.60.11.21");
    assert_eq!(
        test(&document, "validate-ip-configuration").title.as_deref(),
        Some("IP-Konfiguration überprüfen")
    );
    assert!(test(&document, "validate-active-directory-configuration").result.is_some());
}

#[test]
fn words_of_another_language_are_gaps_and_never_passes() {
    let document = parse(GERMAN, "bericht.htm").expect("a report");
    let ulm1 = node(&document, "ulm1");
    let nic = &ulm1.nics.as_ref().expect("known")[1];
    assert_eq!((nic.link_up, nic.kind), (None, None), "`Betriebsbereit`, `Nein`");
    assert!(gap(&document, "nodes[ulm1].nics[Cluster].kind").contains("de-DE"));
    assert_eq!((ulm1.domain.controller, ulm1.firewall.cluster_allowed), (None, None));
    assert_eq!((&ulm1.os.install_type, &ulm1.os.memory_dump, &ulm1.hbas), (&None, &None, &None));
    assert!(ulm1.drivers.as_ref().expect("known").iter().all(|driver| driver.signed.is_none()));
    assert!(ulm1.disks.as_ref().expect("known").iter().all(|disk| disk.eligible.is_none()));
    assert!(gap(&document, "nodes[ulm1].os.memory_dump").contains("Speicherabbildeinstellungen"));
    let unknown =
        document.cluster.validation.tests.iter().flatten().filter(|test| test.id.starts_with("section-"));
    assert!(unknown.count() > 10, "names that no document confirms are not guessed");
}

#[test]
fn a_web_archive_of_2008_r2_is_read() {
    let document = parse(OLD, "report.mht").expect("a report");
    assert_eq!(document.cluster.release.as_deref(), Some("2008 R2"));
    assert_eq!(document.run.started, None, "whether 5/4 is in May or in April is not told");
    let erle1 = node(&document, "erle1");
    assert_eq!((erle1.os.edition.as_deref(), erle1.os.service_pack), (Some("enterprise"), Some(1)));
    let names: Vec<&str> = erle1.nics.iter().flatten().map(|nic| nic.name.as_str()).collect();
    assert_eq!(names, ["Public", "Private"], "tunnels are left out");
    assert_eq!(erle1.disks.as_ref().expect("known")[1].transport, Some(DiskTransport::Fc));
    assert_eq!(document.networks.len(), 2, "made of the subnets, where the report has no section of them");
    assert_eq!(document.cluster.wsfc.validation.as_deref(), Some("failed"));
    let quorum = test(&document, "validate-quorum-configuration");
    assert_eq!(quorum.result, Some(ValidationResult::Warning));
    assert_eq!(quorum.messages.as_ref().map(Vec::len), Some(1));
    assert_eq!(test(&document, "list-disks").title.as_deref(), Some("List All Disks"), "its older name");
    assert_eq!(test(&document, "validate-disk-failover").result, Some(ValidationResult::Failed));
}

#[test]
fn a_report_that_is_cut_off_says_so() {
    let at = ENGLISH.find("Live Migration").expect("it is there");
    let document = english(&ENGLISH[..at]);
    assert_eq!(document.run.complete, Some(false));
    assert_eq!(document.cluster.wsfc.validation, None);
    let lists: Vec<_> = document.cluster.validation.tests.iter().flatten().collect();
    assert!(lists.len() > 30 && lists.iter().all(|test| !test.id.starts_with("section-")));
    assert!(gap(&document, "nodes[kiel1].nics").contains("cut off"));
    let early = ENGLISH.find("kiel1").expect("it is there");
    assert!(matches!(parse(&ENGLISH.as_bytes()[..early], "x"), Err(ReportError::Other { .. })));
    for at in (0..ENGLISH.len()).step_by(2999) {
        let _ = parse(&ENGLISH.as_bytes()[..at], "x");
    }
}

#[test]
fn what_is_no_report_is_refused_with_advice() {
    let refused = |text: &str| parse(text.as_bytes(), "page.htm").expect_err("no report");
    for text in [
        "<html><body><h2 id=\"1\">System report</h2><table><tr><td>Host<td>x</table></body></html>",
        "<",
        "<html>",
    ] {
        let error = refused(text);
        assert!(matches!(error, ReportError::Other { .. }), "{text}: {error}");
        assert!(error.to_string().contains("page.htm") && error.help().contains("Test-Cluster"));
    }
    let data = refused("<?xml version=\"1.0\"?><Report><Channel Type=\"Summary\"/></Report>");
    assert!(matches!(data, ReportError::Data { .. }), "{data}");
    let missing = read(Path::new("/nowhere/report.htm")).expect_err("no file");
    assert!(matches!(missing, ReportError::Io { .. }));
}

#[test]
fn script_and_control_characters_stay_out_of_the_facts() {
    let hostile = ENGLISH
        .replace("<td>NW 380 G11</td>", "<td>NW<script>alert('x')</script> 380\u{1b}[2J\u{202e}</td>")
        .replace("<title>", "<script>document.write('<h2 id=\"7\">List Disks</h2>')</script><title>");
    let document = english(&hostile);
    assert_eq!(node(&document, "kiel1").hardware.model.as_deref(), Some("NW 380\u{fffd}[2J\u{fffd}"));
    let json = document.to_json();
    assert!(!json.contains("alert") && !json.contains('\u{1b}') && !json.contains('\u{202e}'));
}

#[test]
fn deep_nesting_and_long_lines_cost_no_more_than_their_length() {
    let deep = ENGLISH.replace("<h2 id=", &format!("{}<h2 id=", "<div><table><tr><td><b>".repeat(2000)));
    assert_eq!(english(&deep).nodes.len(), 3);
    let long = format!("{}<h3>{}</h3>{}", ENGLISH, "x".repeat(1 << 20), "<td>".repeat(100_000));
    assert_eq!(english(&long).nodes.len(), 3);
}

#[test]
fn one_odd_value_is_one_odd_fact() {
    let document = english(&ENGLISH.replacen("<td>10.40.11.22</td>", "<td>10.40.11.21</td>", 2));
    let of = |name: &str| {
        let nics = node(&document, name).nics.as_ref().expect("known");
        nics[1].addresses.as_ref().expect("known").iter().map(|address| address.address.clone()).next_back()
    };
    assert_eq!(of("kiel1"), of("kiel2"));
    let none = ENGLISH.replacen("None found...", "The list could not be made.", 9);
    let document = english(&none);
    assert_eq!(node(&document, "kiel1").hbas, None, "a failure to read is not an empty list");
}

#[test]
fn two_nodes_of_one_name_in_two_domains_stay_apart() {
    let document = english(&ENGLISH.replace("kiel2.nord.example", "kiel1.sued.example"));
    let names: Vec<&str> = document.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["kiel1.nord.example", "kiel1.sued.example", "kiel3"]);
    assert!(document.nodes.iter().all(|node| node.os.version.is_some() && node.nics.is_some()));
}

/// Reports in which anything is put out of place.
mod laws {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_damaged_report_is_read_or_refused(cut in 0usize..ENGLISH.len(), length in 0usize..4000, junk in "[<>&\"'/a-z0-9 =\\x00-\\x1f]{0,40}") {
            let bytes = ENGLISH.as_bytes();
            let damaged = [&bytes[..cut], junk.as_bytes(), &bytes[(cut + length).min(bytes.len())..]].concat();
            if let Ok(document) = parse(&damaged, "x") {
                prop_assert!(document.nodes.len() <= MOST_NODES);
                let text = document.to_json();
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
                prop_assert!(Document::parse(text.as_bytes(), "x").is_ok());
            }
        }

        #[test]
        fn a_table_in_another_order_of_columns_is_read_alike(swap in 0usize..7) {
            // Columns are found by their names, not by where they stand.
            let rows = |text: &str| text.replace("<th align=\"left\">Model</th>\n<th align=\"left\">Bus Type</th>", "<th align=\"left\">Bus Type</th>\n<th align=\"left\">Model</th>");
            let text = if swap % 2 == 0 { ENGLISH.to_owned() } else {
                rows(ENGLISH)
                    .replace("<td>NORDAN SV-2400 Multi-Path Disk Device</td>\n<td>iSCSI</td>", "<td>iSCSI</td>\n<td>NORDAN SV-2400 Multi-Path Disk Device</td>")
                    .replace("<td>NW MR408i</td>\n<td>RAID</td>", "<td>RAID</td>\n<td>NW MR408i</td>")
            };
            let document = english(&text);
            let disk = &node(&document, "kiel1").disks.as_ref().expect("known")[1];
            prop_assert_eq!(disk.model.as_deref(), Some("NORDAN SV-2400 Multi-Path Disk Device"));
            prop_assert_eq!(disk.transport, Some(DiskTransport::Iscsi));
        }
    }
}
