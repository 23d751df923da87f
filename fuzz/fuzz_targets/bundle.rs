//! Support bundles: whatever an archive holds, it becomes facts that can be recorded, or is refused with words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::facts::Document;
use quorate::probe::bundle;

/// Names that something looks at, and some that nothing may follow.
const NAMES: &[&str] = &[
    "s/sos_commands/multipath/multipath_-ll",
    "s/sos_commands/iscsi/iscsiadm_-m_session_-P_3",
    "s/sos_commands/pacemaker/crm_report/a/cib.xml.live",
    "s/sos_commands/pacemaker/crm_report/a/sysinfo.txt",
    "s/sos_reports/manifest.json",
    "s/etc/corosync/corosync.conf",
    "s/etc/corosync/authkey",
    "r/analysis.txt",
    "r/sysinfo.txt",
    "r/corosync.conf",
    "r/a/sysstats.txt",
    "r/a/cib.xml",
    "r/b/corosync.conf",
    "r/b/sbd.txt",
    "r/b/crm_mon.txt",
    "c/basic-environment.txt",
    "c/ha.txt",
    "c/network.txt",
    "../escape",
    "/absolute",
];

/// An archive out of the fuzzer's bytes: for each member its name, its kind, its size and its content.
fn archive(mut bytes: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    while let [name, kind, low, high, rest @ ..] = bytes {
        let size = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
        let mut header = tar::Header::new_gnu();
        let name = NAMES[usize::from(*name) % NAMES.len()];
        let target = NAMES[usize::from(*kind) / 8 % NAMES.len()];
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        let kind = match kind % 8 {
            0 => tar::EntryType::Symlink,
            1 => tar::EntryType::Link,
            2 => tar::EntryType::Char,
            _ => tar::EntryType::Regular,
        };
        let size = if kind == tar::EntryType::Regular { size } else { 0 };
        if size == 0 {
            old.linkname[..target.len()].copy_from_slice(target.as_bytes());
        }
        header.set_entry_type(kind);
        header.set_size(size as u64);
        header.set_cksum();
        let _ = builder.append(&header, &rest[..size]);
        bytes = &rest[size..];
    }
    builder.into_inner().unwrap_or_default()
}

fuzz_target!(|bytes: &[u8]| {
    for archive in [bytes.to_vec(), archive(bytes)] {
        match bundle::parse(&archive, "fuzz.tar") {
            Ok(gathered) => {
                let text = gathered.document.to_json();
                assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
                assert!(Document::parse(text.as_bytes(), "fuzz.json").is_ok());
            }
            Err(error) => assert!(error.to_string().contains("fuzz.tar")),
        }
    }
});
