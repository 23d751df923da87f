//! Starting and ending the real peers.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Whether the lab is switched off. A test returns at once when it is, having said so.
#[allow(clippy::print_stdout)] // what a test says belongs there
pub fn off() -> bool {
    let off = std::env::var("QUORATE_LAB").is_ok_and(|value| value == "off");
    if off {
        println!("QUORATE_LAB=off: not run");
    }
    off
}

/// The place of a program a peer needs, or a panic with the one line that says what to install.
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
        .unwrap_or_else(|| {
            panic!("the lab needs `{name}`: apt-get install {package} (or set QUORATE_LAB=off)")
        })
}

/// A port on an address that nothing listens on. Ports are handed out once per run, below the ephemeral range.
pub fn free_port(address: &str) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let base = 20_000 + u16::try_from(std::process::id() % 50).unwrap_or(0) * 200;
    for _ in 0..2_000 {
        let port = base + NEXT.fetch_add(1, Ordering::Relaxed) % 10_000;
        if TcpListener::bind((address, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port on {address}");
}

/// A daemon that is ended by its pid, and waited for, when the test ends.
#[derive(Debug)]
struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it so that it dies with this process should this process be killed.
    fn start(program: &Path, args: &[&str], envs: &[(&str, &str)], log: PathBuf) -> Self {
        let out = fs::File::create(&log).expect("log file");
        let setpriv = self::program("setpriv", "util-linux");
        let child = Command::new(setpriv)
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(args)
            .envs(envs.iter().copied())
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("log file"))
            .stderr(out)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Daemon { child, log }
    }

    fn wait_for(&mut self, what: &str, mut ready: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !ready() {
            let ended = self.child.try_wait().expect("own child");
            if ended.is_some() || Instant::now() > deadline {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                panic!("{what} did not come up ({ended:?}):\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answers(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
}

/// The CHAP names and secrets that the lab's targets with authentication use.
pub const CHAP_USER: &str = "labuser";
/// See [`CHAP_USER`].
pub const CHAP_SECRET: &str = "labsecret1234";
/// See [`CHAP_USER`].
pub const MUTUAL_USER: &str = "tgtuser";
/// See [`CHAP_USER`].
pub const MUTUAL_SECRET: &str = "tgtsecret1234";

/// A real `tgtd` with two portals.
pub struct Tgt {
    /// `ADDRESS:PORT` of the portals.
    pub portals: [SocketAddr; 2],
    control: String,
    dir: TempDir,
    daemon: Daemon,
}

impl Tgt {
    /// Starts it without a target.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let portals = ["127.0.0.1", "127.0.0.2"]
            .map(|address| SocketAddr::new(address.parse().expect("address"), free_port(address)));
        let control = portals[0].port().to_string();
        let portal_list = format!("portal={},portal={}", portals[0], portals[1]);
        let daemon = Daemon::start(
            &program("tgtd", "tgt"),
            &["-f", "-C", &control, "--iscsi", &portal_list],
            &[],
            dir.path().join("log"),
        );
        let mut tgt = Tgt { portals, control, dir, daemon };
        let admin = program("tgtadm", "tgt");
        let control = tgt.control.clone();
        tgt.daemon.wait_for("tgtd", || {
            Command::new(&admin)
                .args(["-C", &control, "--op", "show", "--mode", "system"])
                .output()
                .is_ok_and(|output| output.status.success())
                && portals.iter().all(|portal| answers(*portal))
        });
        tgt
    }

    fn admin(&self, args: &[&str]) {
        let output = Command::new(program("tgtadm", "tgt"))
            .args(["-C", &self.control, "--lld", "iscsi"])
            .args(args)
            .output()
            .expect("tgtadm");
        assert!(output.status.success(), "tgtadm {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Adds a target that anybody may log in to, with `luns` disks of 32 MiB (LUN 1 and on; LUN 0 is tgt's controller).
    pub fn target(&self, tid: u32, iqn: &str, luns: u32) {
        let tid_text = tid.to_string();
        self.admin(&["--op", "new", "--mode", "target", "--tid", &tid_text, "-T", iqn]);
        for lun in 1..=luns {
            let image = self.dir.path().join(format!("t{tid}-l{lun}.img"));
            fs::File::create(&image).and_then(|file| file.set_len(32 << 20)).expect("image");
            let lun_text = lun.to_string();
            let image = image.to_str().expect("plain path");
            let identity =
                format!("vendor_id=LAB,product_id=disk{lun},scsi_sn=LABT{tid}L{lun},scsi_id=LABT{tid}L{lun}");
            let unit = ["--mode", "logicalunit", "--tid", &tid_text, "--lun", &lun_text];
            self.admin(
                &[&["--op", "new"], &unit[..], &["--bstype", "rdwr", "-b", image, "-Y", "disk"]].concat(),
            );
            self.admin(&[&["--op", "update"], &unit[..], &["--params", &identity]].concat());
        }
        self.admin(&["--op", "bind", "--mode", "target", "--tid", &tid_text, "-I", "ALL"]);
    }

    /// Makes a disk of a target read-only.
    pub fn write_protect(&self, tid: u32, lun: u32) {
        let (tid, lun) = (tid.to_string(), lun.to_string());
        self.admin(&[
            "--op",
            "update",
            "--mode",
            "logicalunit",
            "--tid",
            &tid,
            "--lun",
            &lun,
            "--params",
            "readonly=1",
        ]);
    }

    /// Asks for CHAP, one-way or mutual, before anybody may log in to a target.
    pub fn chap(&self, tid: u32, mutual: bool) {
        let tid = tid.to_string();
        let account = |user: &str, secret: &str| {
            self.admin(&["--op", "new", "--mode", "account", "--user", user, "--password", secret]);
        };
        account(CHAP_USER, CHAP_SECRET);
        self.admin(&["--op", "bind", "--mode", "account", "--tid", &tid, "--user", CHAP_USER]);
        if mutual {
            account(MUTUAL_USER, MUTUAL_SECRET);
            self.admin(&[
                "--op",
                "bind",
                "--mode",
                "account",
                "--tid",
                &tid,
                "--user",
                MUTUAL_USER,
                "--outgoing",
            ]);
        }
    }
}

/// A real `istgt` with two portals: `iqn.2024-01.lab:open` (two LUNs) and `iqn.2024-01.lab:chap` (one LUN, mutual CHAP).
pub struct Istgt {
    /// `ADDRESS:PORT` of the portals.
    pub portals: [SocketAddr; 2],
    _dir: TempDir,
    _daemon: Daemon,
}

impl Istgt {
    /// Starts it.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        let [a, b, control] = ["127.0.0.1", "127.0.0.2", "127.0.0.1"]
            .map(|address| SocketAddr::new(address.parse().expect("address"), free_port(address)));
        let path = |name: &str| dir.path().join(name).to_str().expect("plain path").to_owned();
        for image in ["a.img", "b.img", "c.img"] {
            fs::File::create(path(image)).and_then(|file| file.set_len(64 << 20)).expect("image");
        }
        let secrets = format!(
            "[AuthGroup1]\n  Auth \"{CHAP_USER}\" \"{CHAP_SECRET}\" \"{MUTUAL_USER}\" \"{MUTUAL_SECRET}\"\n"
        );
        fs::write(path("auth.conf"), secrets).expect("auth.conf");
        set_mode(Path::new(&path("auth.conf")), 0o600);
        let config = format!(
            "[Global]\n  NodeBase \"iqn.2024-01.lab\"\n  PidFile {pid}\n  AuthFile {auth}\n  LogFacility \"local7\"\n  \
             Timeout 30\n  NopInInterval 20\n  DiscoveryAuthMethod Auto\n  MaxSessions 64\n  MaxConnections 4\n  \
             MaxR2T 32\n  MaxOutstandingR2T 16\n  DefaultTime2Wait 2\n  DefaultTime2Retain 60\n  \
             FirstBurstLength 262144\n  MaxBurstLength 1048576\n  MaxRecvDataSegmentLength 262144\n  InitialR2T Yes\n  \
             ImmediateData Yes\n  DataPDUInOrder Yes\n  DataSequenceInOrder Yes\n  ErrorRecoveryLevel 0\n\
             [UnitControl]\n  AuthMethod None\n  Portal UC1 {control}\n  Netmask 127.0.0.1\n\
             [PortalGroup1]\n  Portal DA1 {a}\n  Portal DA2 {b}\n\
             [InitiatorGroup1]\n  InitiatorName \"ALL\"\n  Netmask ALL\n\
             [LogicalUnit1]\n  TargetName open\n  Mapping PortalGroup1 InitiatorGroup1\n  AuthMethod None\n  \
             UnitType Disk\n  UnitInquiry \"LAB\" \"istgt\" \"0001\" \"ISTGT0001\"\n  QueueDepth 32\n  \
             LUN0 Storage {img_a} Auto\n  LUN1 Storage {img_b} Auto\n\
             [LogicalUnit2]\n  TargetName chap\n  Mapping PortalGroup1 InitiatorGroup1\n  AuthMethod CHAP\n  \
             AuthGroup AuthGroup1\n  UnitType Disk\n  UnitInquiry \"LAB\" \"istgt\" \"0001\" \"ISTGT0002\"\n  \
             LUN0 Storage {img_c} Auto\n",
            pid = path("istgt.pid"),
            auth = path("auth.conf"),
            img_a = path("a.img"),
            img_b = path("b.img"),
            img_c = path("c.img"),
        );
        fs::write(path("istgt.conf"), config).expect("istgt.conf");
        let conf = path("istgt.conf");
        let mut daemon =
            Daemon::start(&program("istgt", "istgt"), &["-D", "-c", &conf], &[], dir.path().join("log"));
        daemon.wait_for("istgt", || answers(a) && answers(b));
        Istgt { portals: [a, b], _dir: dir, _daemon: daemon }
    }
}

/// A real `sshd` for this user on loopback, with a client configuration that reaches it.
pub struct Sshd {
    /// Port on 127.0.0.1.
    pub port: u16,
    /// Client configuration: key, known hosts, strict host-key checking.
    pub config: PathBuf,
    dir: TempDir,
    _daemon: Daemon,
}

impl Sshd {
    /// Starts it; `options` are lines of `sshd_config`.
    pub fn start(options: &str) -> Self {
        let dir = tempfile::tempdir().expect("temporary directory");
        set_mode(dir.path(), 0o700);
        let sshd = program("sshd", "openssh-server");
        let keygen = program("ssh-keygen", "openssh-client");
        let path = |name: &str| dir.path().join(name).to_str().expect("plain path").to_owned();
        for key in ["host", "user"] {
            let output = Command::new(&keygen)
                .args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)])
                .output()
                .expect("ssh-keygen");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        // Debian's sshd insists on its privilege separation directory even where it starts as root in a container.
        let _ = fs::create_dir_all("/run/sshd");
        let port = free_port("127.0.0.1");
        let server = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {host}\nPidFile none\nUsePAM no\nStrictModes no\n\
             AuthorizedKeysFile {keys}\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nUseDNS no\n{options}\n",
            host = path("host"),
            keys = path("user.pub"),
        );
        fs::write(path("sshd_config"), server).expect("sshd_config");
        let host_key = fs::read_to_string(path("host.pub")).expect("host key");
        fs::write(path("known_hosts"), format!("[127.0.0.1]:{port} {host_key}")).expect("known_hosts");
        let client = format!(
            "Host *\n  IdentityFile {key}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n  \
             GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n",
            key = path("user"),
            known = path("known_hosts"),
        );
        let config = dir.path().join("ssh_config");
        fs::write(&config, client).expect("ssh_config");
        let conf = path("sshd_config");
        let mut daemon = Daemon::start(&sshd, &["-D", "-e", "-f", &conf], &[], dir.path().join("log"));
        let address = SocketAddr::new("127.0.0.1".parse().expect("address"), port);
        daemon.wait_for("sshd", || answers(address));
        Sshd { port, config, dir, _daemon: daemon }
    }

    /// A directory to put first in `PATH`: its `ssh` is the system's with this lab's client configuration, as a user
    /// who has it in `~/.ssh/config` would run it.
    pub fn client_path(&self) -> PathBuf {
        let bin = self.dir.path().join("bin");
        fs::create_dir_all(&bin).expect("bin");
        let ssh = program("ssh", "openssh-client");
        let script = format!("#!/bin/sh\nexec {} -F {} \"$@\"\n", ssh.display(), self.config.display());
        fs::write(bin.join("ssh"), script).expect("ssh");
        set_mode(&bin.join("ssh"), 0o755);
        bin
    }
}

/// Sets the permissions of a file.
pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
}
