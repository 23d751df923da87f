//! A sosreport of 200 MB, judged by the whole program, against unpacking it and throwing it away.

use crate::{QUORATE, millis, pairs, peak_memory, say};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bytes that the report unpacks to.
const SIZE: u64 = 200_000_000;

/// Lines of a system's log, as their kinds follow each other; what changes is a number here and there.
const KINDS: &[&str] = &[
    "systemd[1]: Started Session {} of User root.",
    "corosync[1822]:   [TOTEM ] Token has not been received in {} ms",
    "pacemaker-controld[1903]:  notice: State transition S_IDLE -> S_POLICY_ENGINE",
    "pacemaker-schedulerd[1902]:  notice: Calculated transition {}, saving inputs in /var/lib/pacemaker/pengine/pe-input-{}.bz2",
    "kernel: sd 7:0:0:{}: [sdb] Synchronizing SCSI cache",
    "multipathd[921]: mpatha: sdc - tur checker reports path is up",
    "iscsid[1011]: connection1:0 is operational after recovery ({} attempts)",
    "chronyd[812]: Selected source 10.40.0.1",
    "sshd[{}]: Accepted publickey for root from 10.40.0.7 port {} ssh2",
    "pacemaker-attrd[1901]:  notice: Setting pingd[kiel1] in instance_attributes: {} -> 1000",
    "dbus-daemon[733]: [system] Successfully activated service 'org.freedesktop.hostname1'",
    "CROND[{}]: (root) CMD (/usr/lib64/sa/sa1 1 1)",
];

/// Writes the fixture and logs besides as one archive, packed by `xz`.
fn large(dir: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles/sosreport/kiel1");
    let path = dir.join("sosreport-kiel1.tar.xz");
    let out = std::fs::File::create(&path).expect("file");
    let mut xz =
        Command::new("xz").args(["-2", "-T0"]).stdin(Stdio::piped()).stdout(out).spawn().expect("xz");
    let mut tar = tar::Builder::new(xz.stdin.take().expect("piped"));
    tar.append_dir_all("sosreport-kiel1", root).expect("the fixture");
    // One generator of numbers for all, so that every run has the same report.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut number = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut written = 0;
    for file in 0..20 {
        let mut log = String::new();
        let mut second = 0;
        while (log.len() as u64) < SIZE / 20 {
            let kind = KINDS[usize::try_from(number() % KINDS.len() as u64).expect("small")];
            second += number() % 3;
            log.push_str(&format!(
                "May  6 {:02}:{:02}:{:02} kiel1 ",
                second / 3600 % 24,
                second / 60 % 60,
                second % 60
            ));
            for (at, part) in kind.split("{}").enumerate() {
                if at > 0 {
                    log.push_str(&(number() % 30_000).to_string());
                }
                log.push_str(part);
            }
            log.push('\n');
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(log.len() as u64);
        header.set_mode(0o644);
        let name = format!("sosreport-kiel1/var/log/messages-{file}");
        tar.append_data(&mut header, name, log.as_bytes()).expect("written");
        written += log.len() as u64;
    }
    assert!(written >= SIZE);
    drop(tar.into_inner().expect("written"));
    assert!(xz.wait().expect("own child").success());
    path
}

/// Judges it.
pub fn sosreport(dir: &Path) {
    if Command::new("xz").arg("--version").output().is_err() {
        say("`quorate check` of a sosreport of 200 MB", "not measured: xz is not installed", "below 2 s");
        return;
    }
    let path = large(dir);
    let check = || {
        let mut command = Command::new(QUORATE);
        command.args(["check", "--quiet", "--format", "json"]).arg(&path).stdout(Stdio::null());
        command
    };
    let peak = peak_memory(check().spawn().expect("quorate"));
    let (judge, unpack, ratio) = pairs(
        5,
        || {
            let status = check().status().expect("quorate");
            assert!(matches!(status.code(), Some(1 | 3)), "{status}");
        },
        || {
            let status = Command::new("tar").arg("-xOJf").arg(&path).stdout(Stdio::null()).status();
            assert!(status.expect("tar").success());
        },
    );
    let packed = std::fs::metadata(&path).expect("file").len() / 1_000_000;
    say(
        &format!("`quorate check` of a sosreport of 200 MB ({packed} MB as xz) / `tar -xOJf`"),
        &format!("{ratio:.2} ({} / {}), {} MB", millis(judge), millis(unpack), peak / 1024),
        "below 2 s and 100 MB",
    );
}
