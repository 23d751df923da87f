//! The embedded target against an initiator of others: libiscsi and its test suite `iscsi-test-cu`.

use crate::peers::{off, program};
use quorate::iscsi::chap::Credentials;
use quorate::simtarget::config::DEMO_TARGET;
use quorate::simtarget::{Config, FaultSet, SimTarget};
use std::process::Command;

/// Runs a program of libiscsi with a time limit, since some of them wait for ever; gives what it printed.
fn libiscsi(name: &str, args: &[&str]) -> String {
    let output = Command::new(program("timeout", "coreutils"))
        .arg("60")
        .arg(program(name, "libiscsi-bin"))
        .args(args)
        .output()
        .expect("it runs");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The LUNs of the demonstration target as libiscsi names them.
fn url(target: &SimTarget, portal: usize, credentials: &str, options: &str) -> String {
    format!("iscsi://{credentials}{}/{DEMO_TARGET}/1{options}", target.portals()[portal])
}

/// Total, passed and failed of a line of the test suite's summary.
fn summary(output: &str, what: &str) -> (u32, u32, u32) {
    let line = output.lines().find(|line| line.trim_start().starts_with(what));
    let numbers: Vec<u32> = line
        .unwrap_or_else(|| panic!("no summary of {what} in:\n{output}"))
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    (numbers[0], numbers[2], numbers[3])
}

#[test]
fn libiscsi_test_suite_passes_on_the_clean_target() {
    if off() {
        return;
    }
    let target = SimTarget::start(Config::demo(FaultSet::NONE)).expect("free ports");
    let (first, second) = (url(&target, 0, "", ""), url(&target, 1, "", ""));
    for (tests, urls, least) in [
        ("SCSI.Prin*", &[&first][..], 4),
        ("SCSI.Prout*", &[&first], 16),
        ("SCSI.Read*", &[&first], 20),
        ("SCSI.Write1*", &[&first], 15),
        ("SCSI.WriteSame*", &[&first], 18),
        ("SCSI.Reserve6.Simple", &[&first], 1),
        ("SCSI.Reserve6.2Initiators", &[&first], 1),
        ("SCSI.CompareAndWrite", &[&first], 5),
        ("SCSI.Unmap", &[&first], 3),
        ("SCSI.Inquiry", &[&first], 7),
        ("SCSI.ModeSense6", &[&first], 5),
        ("SCSI.TestUnitReady", &[&first], 1),
        ("ALL.MultipathIO", &[&first, &second], 4),
        ("iSCSI.iSCSIdatasn", &[&first], 1),
        ("iSCSI.iSCSIResiduals", &[&first], 10),
        ("iSCSI.iSCSITMF", &[&first], 2),
    ] {
        let mut args = vec!["--dataloss", "--allow-sanitize", "-n", "--test", tests];
        args.extend(urls.iter().map(|url| url.as_str()));
        let output = libiscsi("iscsi-test-cu", &args);
        let (total, passed, failed) = summary(&output, "tests");
        assert!(total >= least && passed == total && failed == 0, "{tests}: {passed} of {total}\n{output}");
    }
    let left = target.lun(1).expect("LUN 1").reservations();
    assert!(left.registrations.is_empty() && left.held.is_none(), "{left:?}");
}

#[test]
fn libiscsi_logs_in_with_chap_and_digests() {
    if off() {
        return;
    }
    let host = Credentials::new("host", "hostsecret1234".to_owned().into());
    let array = Credentials::new("array", "arraysecret1234".to_owned().into());
    let config = Config::demo(FaultSet::NONE).with_chap(host, Some(array));
    let target = SimTarget::start(config).expect("free ports");
    let inquire = |credentials: &str, options: &str| {
        libiscsi("iscsi-inq", &[&url(&target, 0, credentials, options)]).contains("Product:DEMO DISK")
    };
    assert!(inquire("host%hostsecret1234@", ""), "one-way");
    assert!(inquire("host%hostsecret1234@", "?header_digest=crc32c"), "header digest");
    assert!(inquire("host%hostsecret1234@", "?target_user=array&target_password=arraysecret1234"), "mutual");
    assert!(!inquire("host%wrong@", ""), "wrong secret");
    assert!(!inquire("", ""), "no credentials");
    assert!(!inquire("host%hostsecret1234@", "?target_user=array&target_password=wrong"), "wrong target");
}
