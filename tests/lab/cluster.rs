//! Three nodes in namespaces with Debian's own Corosync and Pacemaker: each with a host name, a root file system, two
//! networks and an sshd of its own.
//!
//! Nothing of it is seen outside: no address, no daemon, no file. All of it ends with this process, even one that is killed.
//! The program under test runs in the namespace that holds both networks.

use crate::peers::{program, set_mode};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The first three numbers of both networks.
pub const NETWORKS: [&str; 2] = ["10.77.1", "10.77.2"];

/// Names of the nodes; the last character is their number.
pub const NODES: [&str; 3] = ["node1", "node2", "node3"];

/// Where commands of a node are found.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Programs that the lab needs, with their packages.
const NEEDED: &[(&str, &str)] = &[
    ("corosync", "corosync"),
    ("corosync-keygen", "corosync"),
    ("pacemakerd", "pacemaker"),
    ("crm_mon", "pacemaker-cli-utils"),
    ("crm_attribute", "pacemaker"),
    ("ping", "iputils-ping"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("sshd", "openssh-server"),
    ("ssh", "openssh-client"),
];

/// A process that ends with this one.
struct Tied(Child);

impl Tied {
    fn start(arguments: &[&str], log: &Path) -> Self {
        let log = fs::File::create(log).expect("log file");
        let child = Command::new(program("setpriv", "util-linux"))
            .args(["--pdeathsig", "KILL", "--"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log file"))
            .stderr(log)
            .spawn()
            .expect("setpriv");
        Tied(child)
    }
}

impl Drop for Tied {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lab, up until it is dropped.
pub struct Lab {
    dir: TempDir,
    switch: Tied,
    nodes: Vec<(Tied, u32)>,
}

fn until(what: &str, longest: Duration, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + longest;
    while !ready() {
        assert!(Instant::now() < deadline, "{what}: not within {longest:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn number(node: &str) -> &str {
    node.trim_start_matches("node")
}

impl Lab {
    /// Starts the nodes without a cluster on them.
    ///
    /// # Errors
    /// One line that says why there can be none here: root, or the right to make namespaces, is missing.
    ///
    /// # Panics
    /// With one line that says what to install.
    pub fn start() -> Result<Self, String> {
        for (name, package) in NEEDED {
            program(name, package);
        }
        if !rustix::process::geteuid().is_root() {
            return Err("the cluster lab needs root to make namespaces (or set QUORATE_LAB=off)".to_owned());
        }
        let trial = Command::new(program("unshare", "util-linux"))
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "sh", "-c"])
            .arg("mount -t tmpfs tmpfs /mnt && ip link add q0 type veth peer name q1")
            .output()
            .expect("unshare");
        if !trial.status.success() {
            let said = text(&trial);
            let said = said.lines().last().unwrap_or_default();
            return Err(format!(
                "the cluster lab cannot make namespaces here ({said}); set QUORATE_LAB=off to leave it out"
            ));
        }
        let dir = tempfile::tempdir().expect("temporary directory");
        set_mode(dir.path(), 0o755);
        let path = |name: &str| dir.path().join(name);
        let keygen = |file: &Path| {
            let output = Command::new(program("ssh-keygen", "openssh-client"))
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(file)
                .output()
                .expect("ssh-keygen");
            assert!(output.status.success(), "{}", text(&output));
        };
        keygen(&path("id"));
        let switch =
            Tied::start(&["unshare", "--net", "sh", "-c", "echo up; exec sleep 86400"], &path("switch.log"));
        until("the network", Duration::from_secs(10), || {
            fs::read_to_string(path("switch.log")).is_ok_and(|log| log.contains("up"))
        });
        let mut lab = Lab { dir, switch, nodes: Vec::new() };
        let mut bridges = "ip link set lo up".to_owned();
        for (bridge, network) in ["br0", "br1"].iter().zip(NETWORKS) {
            bridges += &format!(
                " && ip link add {bridge} type bridge forward_delay 0 && ip addr add {network}.254/24 dev {bridge} \
                 && ip link set {bridge} up"
            );
        }
        lab.switch(&bridges);
        let mut config = String::new();
        let mut known = String::new();
        for node in NODES {
            let own = lab.dir.path().join(node);
            lab.prepare(&own, node);
            keygen(&own.join("etc/ssh/hostkey"));
            let key = fs::read_to_string(own.join("etc/ssh/hostkey.pub")).expect("host key");
            let address = format!("{}.{}", NETWORKS[0], number(node));
            known += &format!("{node},{address} {key}");
            config += &format!("Host {node}\n  HostName {address}\n");
            lab.boot(&own, node);
        }
        config += &format!(
            "Host *\n  User root\n  IdentityFile {id}\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n  \
             GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n",
            id = lab.dir.path().join("id").display(),
            known = lab.dir.path().join("known_hosts").display(),
        );
        fs::write(lab.dir.path().join("ssh_config"), config).expect("ssh_config");
        fs::write(lab.dir.path().join("known_hosts"), known).expect("known_hosts");
        let bin = lab.dir.path().join("bin");
        fs::create_dir(&bin).expect("bin");
        let ssh = program("ssh", "openssh-client");
        let script =
            format!("#!/bin/sh\nexec {} -F {}/ssh_config \"$@\"\n", ssh.display(), lab.dir.path().display());
        fs::write(bin.join("ssh"), script).expect("ssh");
        set_mode(&bin.join("ssh"), 0o755);
        for (at, node) in NODES.iter().enumerate() {
            let pid = lab.nodes[at].1;
            let log = lab.dir.path().join(node).join("init.log");
            let deadline = Instant::now() + Duration::from_secs(20);
            while !Path::new(&format!("/proc/{pid}/root/run/ready")).exists() {
                let said = fs::read_to_string(&log).unwrap_or_default();
                assert!(Instant::now() < deadline, "{node} did not come up:\n{said}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(lab)
    }

    /// The files of a node that differ from this machine's.
    fn prepare(&self, own: &Path, node: &str) {
        for folder in ["fs", "etc/ssh", "etc/iscsi", "etc/corosync", "sbin"] {
            fs::create_dir_all(own.join(folder)).expect("folder");
        }
        let put = |name: &str, content: String| fs::write(own.join(name), content).expect("file");
        let mut hosts = "127.0.0.1 localhost\n".to_owned();
        for other in NODES {
            hosts += &format!("{}.{} {other}\n", NETWORKS[0], number(other));
        }
        put("etc/hosts", hosts);
        put("etc/hostname", format!("{node}\n"));
        put("etc/machine-id", format!("{:032x}\n", 0x00c0_ffee_0000 + number(node).len() * 16 + at(node)));
        put("etc/iscsi/initiatorname.iscsi", format!("InitiatorName={}\n", initiator(node)));
        fs::copy(self.dir.path().join("id.pub"), own.join("authorized_keys")).expect("key");
        put(
            "etc/ssh/sshd_config.lab",
            "Port 22\nHostKey /etc/ssh/hostkey\nPidFile none\nUsePAM no\nPasswordAuthentication no\n\
             PermitRootLogin prohibit-password\nUseDNS no\nMaxStartups 100\n"
                .to_owned(),
        );
        let agent = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/scripts/fence_lab");
        fs::copy(agent, own.join("sbin/fence_lab")).expect("fence agent");
        set_mode(&own.join("sbin/fence_lab"), 0o755);
        // A node without an initiator has no initiator name; this one has none of the tool's sessions.
        put("sbin/iscsiadm", "#!/bin/sh\necho 'iscsiadm: No active sessions.' >&2\nexit 21\n".to_owned());
        set_mode(&own.join("sbin/iscsiadm"), 0o755);
    }

    fn boot(&mut self, own: &Path, node: &str) {
        let init = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/scripts/node-init");
        let (init, own_text) = (init.to_string_lossy(), own.to_string_lossy());
        let flags = ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child=KILL"];
        let arguments = ["bash", &init, node, number(node), &own_text, NETWORKS[0], NETWORKS[1]];
        let tied = Tied::start(&[&flags[..], &arguments[..]].concat(), &own.join("init.log"));
        let children = format!("/proc/{0}/task/{0}/children", tied.0.id());
        let mut pid = None;
        until("PID 1 of a node", Duration::from_secs(10), || {
            let found = fs::read_to_string(&children).unwrap_or_default();
            pid = found.split_whitespace().next().and_then(|pid| pid.parse().ok());
            pid.is_some()
        });
        let pid: u32 = pid.expect("it was waited for");
        for (at, bridge) in ["br0", "br1"].iter().enumerate() {
            let port = format!("{bridge}-{}", number(node));
            self.switch(&format!(
                "ip link add {port} type veth peer name eth{at} netns {pid} && ip link set {port} master {bridge} up"
            ));
        }
        self.nodes.push((tied, pid));
    }

    /// Runs a command of the shell where both networks meet.
    pub fn switch(&self, command: &str) {
        let output = self.outside("sh").args(["-c", command]).output().expect("nsenter");
        assert!(output.status.success(), "{command}: {}", text(&output));
    }

    /// A command where both networks meet, ready to be run.
    fn outside(&self, name: &str) -> Command {
        let mut command = Command::new(program("nsenter", "util-linux"));
        command.args(["-t", &self.switch.0.id().to_string(), "-n", "--", name]);
        command
    }

    fn inside(&self, node: &str) -> Command {
        let pid = self.nodes[at(node)].1.to_string();
        let mut command = Command::new(program("nsenter", "util-linux"));
        command.args(["-t", &pid, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--", "env", "-i"]);
        command.args([&format!("PATH={PATH}"), "HOME=/root", "LC_ALL=C.UTF-8", "sh", "-c"]);
        command
    }

    /// Runs a command of the shell on a node; what it said, and whether it succeeded.
    pub fn try_run(&self, node: &str, command: &str) -> (bool, String) {
        let output = self.inside(node).arg(command).stdin(Stdio::null()).output().expect("nsenter");
        (output.status.success(), text(&output))
    }

    /// Runs a command of the shell on a node, which must succeed.
    pub fn run(&self, node: &str, command: &str) -> String {
        let (well, said) = self.try_run(node, command);
        assert!(well, "{node}: {command}: {said}");
        said
    }

    /// Writes a file on a node; an old one is taken away first.
    pub fn write(&self, node: &str, path: &str, mode: &str, content: &[u8]) {
        let command =
            format!("mkdir -p $(dirname {path}); rm -f {path}; cat > {path} && chmod {mode} {path}");
        let mut child = self.inside(node).arg(&command).stdin(Stdio::piped()).spawn().expect("nsenter");
        child.stdin.take().expect("piped").write_all(content).expect("written");
        assert!(child.wait().expect("own child").success(), "{node}: {path}");
    }

    /// The program under test, in a folder of its own, with the lab's ssh first in `PATH`.
    pub fn quorate(&self, folder: &Path, arguments: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        self.outside(env!("CARGO_BIN_EXE_quorate"))
            .args(arguments)
            .current_dir(folder)
            .env("NO_COLOR", "1")
            .env("PATH", format!("{}:{path}", self.dir.path().join("bin").display()))
            .output()
            .expect("quorate")
    }

    /// A file of the lab's own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the files of a cluster, starts it on these nodes, and waits until all of them are online and linked.
    pub fn start_cluster(&self, nodes: &[&str], quorum: &str) {
        let key = self.file("authkey");
        let output = Command::new(program("corosync-keygen", "corosync"))
            .args(["-l", "-k"])
            .arg(&key)
            .output()
            .expect("corosync-keygen");
        assert!(output.status.success(), "{}", text(&output));
        let key = fs::read(&key).expect("key");
        for &node in nodes {
            self.run(node, "mkdir -p /var/log/corosync /var/log/pacemaker; rm -rf /var/lib/corosync/* /var/lib/pacemaker/cib/*");
            self.write(node, "/etc/corosync/corosync.conf", "644", corosync_conf(nodes, quorum).as_bytes());
            self.write(node, "/etc/corosync/authkey", "400", &key);
            self.write(node, "/var/lib/pacemaker/cib/cib.xml", "600", CIB.as_bytes());
            self.run(node, "chown hacluster:haclient /var/lib/pacemaker/cib/cib.xml");
        }
        for node in nodes {
            self.start_daemons(node);
        }
        self.wait_online(nodes);
        self.wait_linked(nodes);
    }

    /// Starts Corosync and Pacemaker on a node.
    pub fn start_daemons(&self, node: &str) {
        self.run(node, "setsid corosync >/dev/null 2>&1");
        self.run(node, "setsid sh -c 'exec pacemakerd >/dev/null 2>&1 </dev/null &'");
    }

    /// Ends Corosync and Pacemaker on a node, whatever is left of them.
    pub fn stop_daemons(&self, node: &str) {
        self.run(
            node,
            "for d in pacemakerd corosync; do
                p=$(pidof $d) || continue
                kill $p 2>/dev/null
                for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
                    pidof $d >/dev/null || break
                    sleep 0.2
                done
                p=$(pidof $d) && kill -9 $p 2>/dev/null
             done
             for d in pacemaker-based pacemaker-fenced pacemaker-execd pacemaker-attrd pacemaker-schedulerd pacemaker-controld; do
                p=$(pidof $d) && kill -9 $p 2>/dev/null
             done; true",
        );
    }

    /// Waits until exactly these nodes are online in the eyes of the first, and Pacemaker has nothing left to do.
    pub fn wait_online(&self, nodes: &[&str]) {
        until(&format!("{nodes:?} online"), Duration::from_secs(60), || {
            let (_, said) = self.try_run(nodes[0], "crm_mon -1X");
            let online = said
                .lines()
                .filter(|line| line.contains("<node name=") && line.contains("online=\"true\""))
                .filter(|line| line.contains("type=\"member\"") && !line.contains("pending=\"true\""))
                .count();
            online == nodes.len() && self.is_idle(nodes[0])
        });
    }

    /// Whether the controller waits for nothing and the links are what they are.
    fn is_idle(&self, node: &str) -> bool {
        let dc = self.try_run(node, "crmadmin -D -q 2>/dev/null").1;
        let dc = dc.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        NODES.contains(&dc.as_str()) && self.try_run(node, &format!("crmadmin -S {dc}")).1.contains("S_IDLE")
    }

    /// Waits until every link of every node reaches every other of these.
    pub fn wait_linked(&self, nodes: &[&str]) {
        until("links", Duration::from_secs(30), || {
            nodes.iter().all(|node| {
                let (_, said) = self.try_run(node, "corosync-cfgtool -s");
                said.matches("connected").count() >= NETWORKS.len() * (nodes.len() - 1)
                    && !said.contains("disconnected")
            })
        });
    }
}

/// Place of a node.
fn at(node: &str) -> usize {
    NODES.iter().position(|name| *name == node).expect("a node of the lab")
}

/// The initiator name of a node.
pub fn initiator(node: &str) -> String {
    format!("iqn.2024-01.example.lab:{node}")
}

/// The plan of the lab, or of some of its nodes.
pub fn plan(nodes: &[&str]) -> String {
    let mut plan = "[cluster]\nname = \"lab\"\nplatform = \"pacemaker\"\n[witness]\nkind = \"none\"\n\
                    [params]\nadvised_ring_latency = \"1 s\"\nmax_ring_latency = \"1 s\"\n"
        .to_owned();
    for node in nodes {
        plan += &format!("[[node]]\nname = \"{node}\"\nprobe = \"ssh://{node}\"\n");
    }
    for (at, network) in NETWORKS.iter().enumerate() {
        plan += &format!(
            "[[network]]\nname = \"ring{at}\"\nrole = \"cluster\"\nsubnets = [\"{network}.0/24\"]\n"
        );
    }
    plan
}

/// The file of Corosync for some nodes, with what its section `quorum` says beside the provider.
pub fn corosync_conf(nodes: &[&str], quorum: &str) -> String {
    let mut conf =
        "totem {\n  version: 2\n  cluster_name: lab\n  config_version: 1\n  transport: knet\n  \
         crypto_cipher: aes256\n  crypto_hash: sha256\n  token: 3000\n  link_mode: passive\n  knet_pmtud_interval: 1\n}\nnodelist {\n"
        .to_owned();
    for node in nodes {
        let number = number(node);
        conf += &format!(
            "  node {{\n    name: {node}\n    nodeid: {number}\n    ring0_addr: {}.{number}\n    ring1_addr: {}.{number}\n  }}\n",
            NETWORKS[0], NETWORKS[1]
        );
    }
    conf + "}\nquorum {\n  provider: corosync_votequorum\n"
        + quorum
        + "}\nlogging {\n  to_logfile: yes\n  \
            logfile: /var/log/corosync/corosync.log\n  to_syslog: no\n  timestamp: on\n}\n"
}

/// The first configuration of Pacemaker: a short wait for the first election, and a device that fences.
const CIB: &str = r#"<cib epoch="1" num_updates="0" admin_epoch="0" validate-with="pacemaker-3.9"><configuration>
<crm_config><cluster_property_set id="cib-bootstrap-options">
<nvpair id="o1" name="dc-deadtime" value="2s"/><nvpair id="o2" name="stonith-enabled" value="true"/>
</cluster_property_set></crm_config>
<nodes/><resources><primitive id="fence-lab" class="stonith" type="fence_lab"><instance_attributes id="fence-lab-ia">
<nvpair id="fence-lab-h" name="pcmk_host_list" value="node1 node2 node3"/></instance_attributes>
<operations><op id="fence-lab-m" name="monitor" interval="60s" timeout="20s"/></operations></primitive></resources><constraints/>
</configuration><status/></cib>
"#;
