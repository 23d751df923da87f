//! Reports of Microsoft's validation: judged, compared test by test, and refused where they are none.

use crate::support::{Folder, fixture};
use quorate::facts::Document;
use quorate::probe::validation;
use quorate::report::{Agreement, ComparedTest, FailOn, Ours, Report, Validated};
use quorate::rule::{RuleSources, Ruleset, Selection};
use std::path::{Path, PathBuf};

const REPORT: &str = "Validation Report.htm";

fn english() -> String {
    fixture("windows/report-2022-en.htm")
}

/// The comparison of a report with the rules, as `check` makes it.
fn compared(mut document: Document) -> (Report, Validated) {
    quorate::derive::complete(&mut document);
    let rules = Ruleset::load(&RuleSources::default()).expect("sound");
    let resolved = rules.resolve(&Selection::of_document(&document)).expect("a profile");
    let judgement = resolved.judge(&document, &[], jiff::civil::date(2026, 3, 9));
    let report = Report::new(&document, judgement, FailOn::default(), false);
    let validated = report.validation.clone().expect("it holds one");
    (report, validated)
}

fn of_text(text: &str) -> Validated {
    compared(validation::parse(text.as_bytes(), REPORT).expect("a report")).1
}

fn test<'v>(validated: &'v Validated, id: &str) -> &'v ComparedTest {
    validated.tests.iter().find(|test| test.id == id).unwrap_or_else(|| panic!("no test {id}"))
}

#[test]
fn a_healthy_report_agrees_with_the_rules() {
    let validated = of_text(&english());
    assert_eq!(validated.differ, 0, "{validated:#?}");
    assert!(validated.agree >= 20, "{} agree", validated.agree);
    let ip = test(&validated, "validate-ip-configuration");
    assert_eq!((ip.ours, ip.agreement), (Ours::Partly, Agreement::Agree));
    assert!(ip.why.contains("network/default-gateway"), "what is not known is named: {}", ip.why);
}

/// What is changed in the healthy report, and the test that must then differ, with what is said of it.
#[test]
fn one_wrong_thing_differs_in_the_test_that_is_about_it() {
    let once = |from: &str, to: &str| {
        let text = english();
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let address = english().replace("<td>10.40.11.22</td>", "<td>10.40.11.21</td>");
    let version = english().replacen("<td>10.0.20348</td>", "<td>10.0.17763</td>", 1).replacen(
        "<td>20348</td>",
        "<td>17763</td>",
        1,
    );
    let unsigned = {
        let text = english();
        let section = text.find(">List Unsigned Drivers</h2>").expect("a section");
        let (before, after) = text.split_at(section);
        let table =
            "</div><table><thead><tr><th>Name</th></tr></thead><tbody><tr><td>mlx5</td></tr></tbody></table>";
        format!("{before}{}", after.replacen("None found...</div>", table, 1))
    };
    for (text, id, said) in [
        (address, "validate-ip-configuration", "10.40.11.21"),
        (version, "validate-operating-system-version", "10.0.17763"),
        (unsigned, "validate-all-drivers-signed", "mlx5"),
        (once("<td>C:</td>", "<td>D:</td>"), "validate-system-drive-variable", "D:"),
        (once("'Kernel Memory Dump'", "'Small Memory Dump'"), "validate-memory-dump-settings", "small"),
        (
            once("<td>'guests'</td>", "<td>'Guests 2'</td>"),
            "validate-hyper-v-network-resource-pool-and-virtual-switch-compatibility",
            "Guests 2",
        ),
        (once("<td>5011048</td>", "<td>5099999</td>"), "validate-software-update-levels", "KB5099999"),
        (
            once("<td>Member Server</td>", "<td>Primary Domain Controller</td>"),
            "validate-active-directory-configuration",
            "kiel1",
        ),
        (once("Core Install", "Full Install"), "validate-operating-system-installation-option", "kiel1"),
        (
            once("<td>RpcSs</td>\n<td>Running</td>", "<td>RpcSs</td>\n<td>Stopped</td>"),
            "validate-required-services",
            "RpcSs",
        ),
        (
            once("<td>6589CFC000000C2B3D4E5F60718293A4</td>", "<td>6589CFC000000B1A2C3D4E5F60718293</td>"),
            "validate-scsi-device-vital-product-data-vpd",
            "Disk",
        ),
    ] {
        let validated = of_text(&text);
        let found = test(&validated, id);
        assert_eq!(found.agreement, Agreement::Differ, "{id}: {found:#?}");
        assert!(found.why.contains(said), "{id}: {}", found.why);
        assert_eq!(found.microsoft.as_deref(), Some("success"));
    }
}

#[test]
fn what_microsoft_objects_to_is_held_against_the_rules() {
    let warns = |id: &str, text: &str| {
        let anchor =
            text.split("<h2 id=\"").find(|part| part.contains(&format!("\">{id}</h2>"))).expect("a section");
        let number = anchor.split('"').next().expect("a number").to_owned();
        let row = text.find(&format!("#{number}\">{id}")).expect("a row");
        let picture = row + text[row..].find("SuccessImg").expect("a picture");
        format!("{}WarningImg{}", &text[..picture], &text[picture + "SuccessImg".len()..]).replace(
            &format!("\">{id}</h2></span><ul>"),
            &format!("\">{id}</h2></span><ul><div class=\"warn\">Something is odd.</div>"),
        )
    };
    let alone = of_text(&warns("Validate System Drive Variable", &english()));
    let found = test(&alone, "validate-system-drive-variable");
    assert_eq!((found.ours, found.agreement), (Ours::Success, Agreement::Differ));
    assert!(found.why.contains("Something is odd."), "{}", found.why);
    let both = of_text(&warns(
        "Validate System Drive Variable",
        &english().replacen("<td>C:</td>", "<td>D:</td>", 1),
    ));
    let found = test(&both, "validate-system-drive-variable");
    assert_eq!((found.ours, found.agreement), (Ours::Failed, Agreement::Agree));
    let unknown = of_text(&warns("Validate Software Update Levels", &english()));
    assert_eq!(
        test(&unknown, "validate-software-update-levels").agreement,
        Agreement::Undecided,
        "a restart may be pending"
    );
}

#[test]
fn a_report_is_known_by_what_it_holds() {
    let folder = Folder::new();
    folder.write("report", english());
    folder.write("facts.txt", std::fs::read(windows("report-2022-de.htm")).expect("readable"));
    folder.write("old.bin", std::fs::read(windows("report-2008r2-en.mht")).expect("readable"));
    for (file, release) in [("report", "2022"), ("facts.txt", "2022"), ("old.bin", "2008 R2")] {
        let answer = folder.run(&["check", file, "--format", "json"]);
        let report = answer.json();
        assert_eq!(report["cluster"]["release"], release, "{file}");
        assert_ne!(report["verdict"], "clean", "{file}: what a report does not hold is not fine");
        assert!(report["validation"]["tests"].as_array().is_some_and(|tests| !tests.is_empty()));
    }
    let piped = folder.quorate(&["check", "-", "--format", "json"]).stdin(english()).end();
    assert_eq!(piped.json()["cluster"]["profile"], "wsfc-2022");
}

fn windows(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/windows").join(name)
}

#[test]
fn the_comparison_is_a_table() {
    let folder = Folder::new();
    folder.write(
        REPORT,
        english().replacen("<td>C:</td>", "<td>D:\u{1b}[31m</td>", 1).replacen(
            "<td>C:</td>",
            "<td>E:</td>",
            1,
        ),
    );
    let wide = folder.quorate(&["check", REPORT, "--compare"]).env("COLUMNS", "160").end();
    assert!(
        wide.out.contains("Microsoft's validation, 39 tests") && wide.out.contains("differ"),
        "{}",
        wide.text()
    );
    assert!(
        wide.out.contains("windows/same-system-drive") && !wide.out.contains('\u{1b}'),
        "{}",
        wide.text()
    );
    assert!(wide.out.contains("Not found in the report: 42 of the 81 known tests"), "{}", wide.text());
    let narrow = folder.quorate(&["check", REPORT, "--compare"]).env("COLUMNS", "40").end();
    assert!(narrow.out.lines().all(|line| line.chars().count() <= 40), "{}", narrow.text());
    let report = folder.quorate(&["check", REPORT]).env("COLUMNS", "160").end();
    assert!(
        report.out.contains("Validate System Drive Variable"),
        "what differs stands in the report: {}",
        report.text()
    );
    assert!(!report.out.contains("List BIOS Information"), "and nothing else: {}", report.text());
    folder.write("facts.json", fixture("clusters/pacemaker-3-iscsi.json"));
    folder.run(&["check", "facts.json", "--compare"]).ends_with(2).complains("nothing to compare");
}

#[test]
fn a_plan_and_a_profile_go_with_a_report() {
    let folder = Folder::new();
    folder.write(REPORT, english());
    let wrong = folder.run(&["check", REPORT, "--profile", "wsfc-2008r2", "--format", "json"]);
    let report = wrong.ends_with(1).json();
    let findings = report["findings"].as_array().expect("findings");
    let fits = findings.iter().find(|finding| finding["rule"] == "profile/fits").expect("it is said");
    assert_eq!(
        fits["message"],
        "profile wsfc-2008r2 is for 2008 R2, but kiel1 runs 2022, kiel2 runs 2022, kiel3 runs 2022"
    );
    folder.run(&["check", REPORT, "--profile", "wsfc-2099"]).ends_with(2).complains("wsfc-2099");
    folder.write(
        "cluster.toml",
        "[cluster]\nname = \"kiel\"\nplatform = \"wsfc\"\nrelease = \"2022\"\n[[node]]\nname = \"kiel1\"\nprobe = \"none\"\n[severity]\n\"node/hardware-certified\" = \"info\"\n",
    );
    let planned = folder.run(&["check", REPORT, "--plan", "cluster.toml", "--format", "json"]);
    assert_eq!(planned.json()["cluster"]["profile"], "wsfc-2022");
}

#[test]
fn what_is_no_report_is_said_with_what_to_do() {
    let folder = Folder::new();
    folder.write("other.htm", "<!DOCTYPE html><html><head><title>Cluster report</title></head><body><h2 id=\"1\">Nodes</h2><script>alert(1)</script></body></html>");
    folder
        .run(&["check", "other.htm"])
        .ends_with(2)
        .complains("no report of Microsoft's cluster validation")
        .complains("Test-Cluster");
    folder.write(
        "Validation Data.xml",
        "<?xml version=\"1.0\"?><Report><Channel Type=\"Summary\"></Channel></Report>",
    );
    folder
        .run(&["check", "Validation Data.xml"])
        .ends_with(2)
        .complains("this is the data of a validation, not its report");
    let english = english();
    folder.write("cut.htm", &english[..english.len() / 2]);
    let cut = folder.run(&["check", "cut.htm", "--format", "json"]);
    assert_eq!(cut.json()["coverage"]["run_complete"], false, "{}", cut.text());
    folder.write("huge.htm", vec![b'<'; 65 * 1024 * 1024]);
    folder.run(&["check", "huge.htm"]).ends_with(2).complains("larger than 64 MiB");
}

/// On real reports every test that the rules decide comes out as Microsoft has it.
#[test]
fn public_samples_agree() {
    let Some(samples) = std::env::var_os("QUORATE_SAMPLES") else { return };
    let mut seen = 0;
    for entry in std::fs::read_dir(Path::new(&samples).join("windows")).expect("readable") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|ending| ending != "htm") {
            continue;
        }
        seen += 1;
        let (report, validated) = compared(validation::read(&path).expect("a report"));
        let differ: Vec<_> =
            validated.tests.iter().filter(|test| test.agreement == Agreement::Differ).collect();
        assert!(differ.is_empty(), "{}: {differ:#?}", path.display());
        assert!(validated.agree >= 20, "{}: {} agree", path.display(), validated.agree);
        let unknown: Vec<_> = validated.tests.iter().filter(|test| test.id.starts_with("section-")).collect();
        assert!(unknown.is_empty(), "{}: {unknown:#?}", path.display());
        assert_eq!(report.summary.fail, 0, "{}", path.display());
        let decided: Vec<&str> = validated
            .tests
            .iter()
            .filter(|test| !test.rules.is_empty() && test.agreement != Agreement::Agree)
            .map(|test| test.id.as_str())
            .collect();
        // Both reports are of nodes without shared disks, so that what is about their paths has nothing to look at.
        let known = ["validate-microsoft-mpio-based-disks", "validate-service-pack-levels"];
        assert!(decided.iter().all(|id| known.contains(id)), "{}: {decided:?}", path.display());
    }
    assert!(seen >= 2, "{seen} reports");
}
