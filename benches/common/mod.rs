//! A large cluster, generated: 64 nodes with 8 network interfaces and 32 disks each, in good order.

use quorate::facts::{
    Address, AddressFamily, BitsPerSecond, Bond, BondMember, Bytes, Cluster, Disk, Document, IscsiRecord,
    IscsiSession, Link, LinkKind, Lun, LunPath, LunRole, Micros, Millis, MultipathMap, MultipathPath,
    Network, NetworkRole, Nic, NicKind, Node, OsFamily, Package, Platform, Portal, ProbeKind,
    ReservationType, Route, Run, Seconds, Service, Startup, Target, Witness, WitnessKind,
};

const GIB: u64 = 1 << 30;

/// Size of a generated cluster.
#[derive(Clone, Copy)]
pub struct Shape {
    /// Nodes.
    pub nodes: usize,
    /// Network interfaces of each node.
    pub nics: usize,
    /// Disks of each node: a quarter of them LUNs, two disks each, one behind each portal.
    pub disks: usize,
}

impl Shape {
    fn luns(self) -> usize {
        self.disks / 8
    }
}

/// The cluster that the speed goals speak of.
pub const LARGE: Shape = Shape { nodes: 64, nics: 8, disks: 32 };

/// A cluster of that shape, as probes would have found it: nothing derived yet.
pub fn cluster(shape: Shape) -> Document {
    let luns = shape.luns();
    Document {
        run: Run {
            tool: Some("quorate 0.1.0".into()),
            started: Some("2026-11-20T09:30:00Z".into()),
            elapsed_us: None,
            complete: Some(true),
            ..Run::default()
        },
        cluster: Cluster {
            name: Some("large".into()),
            platform: Some(Platform::Generic),
            release: Some("1".into()),
            votes: i64::try_from(shape.nodes + 1).ok(),
            ..Cluster::default()
        },
        nodes: (0..shape.nodes).map(|number| node(number, shape)).collect(),
        networks: (0..4).map(network).collect(),
        targets: vec![target(luns)],
        witness: Witness {
            kind: Some(WitnessKind::Disk),
            lun: Some(format!("{}/witness", target_name())),
            ..Witness::default()
        },
        links: Some((0..shape.nodes).map(link).collect()),
        ..Document::empty()
    }
}

fn target_name() -> String {
    "iqn.2026-11.example:array".to_owned()
}

fn network(number: usize) -> Network {
    let (name, role) = [
        ("heartbeat", NetworkRole::Cluster),
        ("clients", NetworkRole::Client),
        ("storage-a", NetworkRole::Storage),
        ("storage-b", NetworkRole::Storage),
    ][number];
    Network {
        name: name.into(),
        role: Some(role),
        subnets: Some(vec![format!("10.{number}.0.0/16")]),
        expected_mtu: Some(1500),
        ..Network::default()
    }
}

fn portal(path: usize) -> String {
    format!("10.{}.255.10:3260", path + 2)
}

fn identity(lun: usize) -> String {
    format!("naa.500140500000{lun:04x}")
}

fn lun_name(lun: usize) -> String {
    if lun == 0 { "witness".to_owned() } else { format!("data-{lun}") }
}

fn lun_size(lun: usize) -> Bytes {
    Bytes(if lun == 0 { GIB } else { 512 * GIB })
}

fn target(luns: usize) -> Target {
    Target {
        name: target_name(),
        discovered: Some(true),
        portals: Some(
            (0..2)
                .map(|path| Portal {
                    address: portal(path),
                    planned: Some(true),
                    advertised: Some(true),
                    reachable: Some(true),
                    login: Some(true),
                    error: Some(String::new()),
                    tpgt: Some(1),
                    advertised_tpgt: Some(1),
                    authentication: Some("chap".into()),
                    header_digest: Some("None".into()),
                    data_digest: Some("None".into()),
                    ..Portal::default()
                })
                .collect(),
        ),
        luns: Some((0..luns).map(lun).collect()),
    }
}

fn lun(number: usize) -> Lun {
    let mut lun = Lun {
        name: lun_name(number),
        number: i64::try_from(number).ok(),
        target: Some(target_name()),
        role: Some(if number == 0 { LunRole::Witness } else { LunRole::Data }),
        present: Some(true),
        expected_identity: Some(identity(number)),
        identity: Some(identity(number)),
        serial: Some(format!("lun{number:04}")),
        vendor: Some("EXAMPLE".into()),
        product: Some("ARRAY".into()),
        revision: Some("0001".into()),
        spc: Some("SPC-4".into()),
        device_type: Some(0),
        ready: Some(true),
        size_bytes: Some(lun_size(number)),
        logical_block_bytes: Some(Bytes(512)),
        physical_block_bytes: Some(Bytes(4096)),
        thin: Some(false),
        write_protected: Some(false),
        removable: Some(false),
        paths: Some(
            (0..2)
                .map(|path| LunPath {
                    portal: portal(path),
                    present: Some(true),
                    identity: Some(identity(number)),
                    serial: Some(format!("lun{number:04}")),
                    size_bytes: Some(lun_size(number)),
                    logical_block_bytes: Some(Bytes(512)),
                    keys: Some(Vec::new()),
                    generation: Some(0),
                    reservation: Some(String::new()),
                    reservation_key: Some(String::new()),
                    alua_state: Some(String::new()),
                })
                .collect(),
        ),
        ..Lun::default()
    };
    let reservations = &mut lun.reservations;
    reservations.supported = Some(true);
    reservations.capabilities_reported = Some(true);
    reservations.type_mask_valid = Some(true);
    reservations.types = Some(ReservationType::ALL.to_vec());
    reservations.ptpl_capable = Some(true);
    reservations.ptpl_active = Some(false);
    reservations.full_status_supported = Some(true);
    reservations.keys = Some(Vec::new());
    reservations.held = Some(false);
    reservations.registrants = Some(Vec::new());
    lun
}

/// The way from a node to the other of its pair, so that each has its way back.
fn link(number: usize) -> Link {
    let peer = number ^ 1;
    let (from, to) = (node_name(number), node_name(peer));
    Link {
        name: format!("{from} > {to} heartbeat"),
        from: Some(from),
        to: Some(to),
        kind: Some(LinkKind::Icmp),
        to_kind: Some("node".into()),
        network: Some("heartbeat".into()),
        address: Some(heartbeat_address(peer)),
        port: Some(0),
        reachable: Some(true),
        sent: Some(10),
        lost: Some(0),
        round_trip_us: Some(Micros(200)),
        interface_mtu: Some(1500),
        path_mtu: Some(1500),
        trouble: Some(String::new()),
        ..Link::default()
    }
}

fn heartbeat_address(node: usize) -> String {
    format!("10.0.{}.{}", node / 200, node % 200 + 1)
}

fn node_name(number: usize) -> String {
    format!("hv{:02}", number + 1)
}

fn node(number: usize, shape: Shape) -> Node {
    let luns = shape.luns();
    let mut node = Node {
        name: node_name(number),
        probe: Some(ProbeKind::Ssh),
        reached: Some(true),
        privileged: Some(true),
        hostname: Some(node_name(number)),
        machine_id: Some(format!("{number:032x}")),
        nics: Some((0..shape.nics).map(|port| nic(number, port)).collect()),
        bonds: Some(vec![Bond {
            name: "bond0".into(),
            mode: Some("active-backup".into()),
            members: Some(["eth6", "eth7"].into_iter().map(member).collect()),
            active: Some("eth6".into()),
            miimon_ms: Some(Millis(100)),
            ..Bond::default()
        }]),
        routes: Some(vec![Route {
            destination: Some("default".into()),
            gateway: Some("10.1.255.1".into()),
            device: Some("eth1".into()),
            metric: Some(0),
        }]),
        disks: Some((0..shape.disks).map(|number| disk(number, luns)).collect()),
        mounts: Some(Vec::new()),
        hbas: Some(Vec::new()),
        services: Some(["iscsi", "multipathd"].into_iter().map(service).collect()),
        packages: Some(["kernel", "open-iscsi"].into_iter().map(package).collect()),
        updates: Some(Vec::new()),
        features: Some(Vec::new()),
        reboot_pending: Some(false),
        ..Node::default()
    };
    node.os.family = Some(OsFamily::Linux);
    node.os.id = Some("debian".into());
    node.os.name = Some("Debian GNU/Linux 13 (trixie)".into());
    node.os.release = Some("13".into());
    node.os.architecture = Some("x86_64".into());
    node.os.kernel = Some("6.12.48+deb13-amd64".into());
    node.hardware.manufacturer = Some("Example Inc.".into());
    node.hardware.model = Some("R100".into());
    node.hardware.serial = Some(format!("SN{number:06}"));
    node.hardware.virtual_machine = Some(false);
    node.cpu.vendor = Some("GenuineIntel".into());
    node.cpu.model = Some("Intel(R) Xeon(R) Gold 6430".into());
    node.cpu.family = Some(6);
    node.cpu.cores = Some(32);
    node.cpu.features = Some(["aes", "avx2", "nx", "sse4_2", "vmx"].map(str::to_owned).to_vec());
    node.memory.total_bytes = Some(Bytes(256 * GIB));
    node.firmware.vendor = Some("Example".into());
    node.firmware.version = Some("2.4.1".into());
    node.firmware.uefi = Some(true);
    node.multipath.installed = Some(true);
    node.multipath.active = Some(true);
    node.multipath.maps = Some((0..luns).map(map).collect());
    node.multipath.version = Some("0.11".into());
    node.multipath.config_sha256 = Some("5e88".into());
    node.firewall.active = Some(false);
    node.time.sources = Some(vec!["10.1.255.123".into()]);
    node.time.timezone = Some("UTC".into());
    node.corosync.present = Some(false);
    node.resolver.search = Some(Vec::new());
    node.drivers = Some(Vec::new());
    node.iscsi.installed = Some(true);
    node.iscsi.initiator_name = Some(initiator(number));
    node.iscsi.sessions = Some((0..2).map(|path| session(number, path)).collect());
    node.iscsi.records = Some((0..2).map(record).collect());
    node.iscsi.default_startup = Some(Startup::Automatic);
    node.iscsi.replacement_timeout_s = Some(Seconds(15));
    node.time.service = Some("chrony".into());
    node.time.synchronised = Some(true);
    node.time.skew_ms = Some(Millis(1));
    node.time.skew_error_ms = Some(Millis(2));
    node.domain.name = Some("example.com".into());
    node.resolver.servers = Some(vec!["10.1.255.53".into()]);
    node
}

fn initiator(node: usize) -> String {
    format!("iqn.1993-08.org.debian:01:{node:012x}")
}

fn nic(node: usize, port: usize) -> Nic {
    let (host, low) = (node / 200, node % 200 + 1);
    Nic {
        name: format!("eth{port}"),
        kind: Some(NicKind::Physical),
        mac: Some(format!("02:00:00:{:02x}:{:02x}:{port:02x}", node / 256, node % 256)),
        mtu: Some(1500),
        link_up: Some(true),
        speed_bps: Some(BitsPerSecond(25_000_000_000)),
        model: Some(if port.is_multiple_of(2) { "E810".into() } else { "CX6".into() }),
        driver: Some(if port.is_multiple_of(2) { "ice".into() } else { "mlx5_core".into() }),
        driver_version: Some("6.12".into()),
        firmware: Some("4.40".into()),
        bus: Some(format!("0000:{:02x}:00.0", 0x3b + port)),
        master: Some(if port >= 6 { "bond0".into() } else { String::new() }),
        addresses: Some(if port < 4 { vec![address(format!("10.{port}.{host}.{low}"))] } else { Vec::new() }),
        switch_name: Some(format!("sw{}", port % 2 + 1)),
        ..Nic::default()
    }
}

fn address(address: String) -> Address {
    Address {
        address,
        family: Some(AddressFamily::Inet),
        prefix: Some(16),
        dynamic: Some(false),
        scope: None,
    }
}

fn member(name: &str) -> BondMember {
    BondMember { name: name.into(), link_up: Some(true), ..BondMember::default() }
}

fn disk(number: usize, luns: usize) -> Disk {
    let lun = number / 2;
    let plain = Disk { name: format!("sd{}", letters(number)), kind: Some("disk".into()), ..Disk::default() };
    if lun >= luns {
        return Disk { identity: Some(format!("t10.{number}")), ..plain };
    }
    Disk {
        size_bytes: Some(lun_size(lun)),
        identity: Some(identity(lun)),
        logical_block_bytes: Some(Bytes(512)),
        filesystem: Some(String::new()),
        timeout_s: Some(Seconds(30)),
        mountpoints: Some(Vec::new()),
        ..plain
    }
}

fn letters(number: usize) -> String {
    let letter = |at: usize| char::from(b"abcdefghijklmnopqrstuvwxyz"[at % 26]);
    if number < 26 {
        letter(number).to_string()
    } else {
        format!("{}{}", letter(number / 26 - 1), letter(number))
    }
}

fn map(lun: usize) -> MultipathMap {
    MultipathMap {
        name: format!("mpath{}", letters(lun)),
        identity: Some(identity(lun)),
        device: Some(format!("dm-{lun}")),
        queues_without_path: Some(false),
        size_bytes: None,
        paths: Some(
            (0..2)
                .map(|path| MultipathPath {
                    device: format!("sd{}", letters(lun * 2 + path)),
                    dm_state: Some("active".into()),
                    checker_state: Some("ready".into()),
                    ..MultipathPath::default()
                })
                .collect(),
        ),
        ..MultipathMap::default()
    }
}

fn session(node: usize, path: usize) -> IscsiSession {
    IscsiSession {
        id: (path + 1).to_string(),
        target: Some(target_name()),
        portal: Some(portal(path)),
        tpgt: Some(1),
        state: Some("LOGGED_IN".into()),
        logged_in: Some(true),
        source_address: Some(format!("10.{}.0.{}", path + 2, node + 1)),
        initiator_name: Some(initiator(node)),
        replacement_timeout_s: Some(Seconds(15)),
        header_digest: Some("None".into()),
        data_digest: Some("None".into()),
        ..IscsiSession::default()
    }
}

fn record(path: usize) -> IscsiRecord {
    IscsiRecord {
        target: Some(target_name()),
        portal: Some(portal(path)),
        tpgt: Some(1),
        startup: Some(Startup::Automatic),
        replacement_timeout_s: Some(Seconds(15)),
        noop_out_interval_s: Some(Seconds(5)),
        noop_out_timeout_s: Some(Seconds(5)),
        auth_method: Some("CHAP".into()),
        ..IscsiRecord::default()
    }
}

fn service(name: &str) -> Service {
    Service {
        depends_on: None,
        name: name.into(),
        installed: Some(true),
        startup: Some(Startup::Automatic),
        active: Some(true),
    }
}

fn package(name: &str) -> Package {
    Package { name: name.into(), version: Some("1.0-1".into()), architecture: None }
}

/// A plan of hosts that carry virtual machines, in good order: each machine has a disk and a network adapter, and the
/// hosts have room for those of one that fails.
#[allow(dead_code)] // not every bench judges a plan
pub fn plan(nodes: usize, vms: usize) -> String {
    use std::fmt::Write as _;
    let mut plan = String::from(
        "[cluster]\nname = \"large\"\nplatform = \"wsfc\"\nrelease = \"2022\"\nedition = \"datacenter\"\n\
         [cluster.declare]\nlayout = \"host\"\ntransport = \"fc\"\n[intent]\nsurvive_nodes = 1\nsurvive_host = true\n\
         [witness]\nkind = \"file-share\"\nshare = \"//fs1/witness\"\nfree = \"1 GiB\"\n",
    );
    for node in 0..nodes {
        let name = node_name(node);
        writeln!(
            plan,
            "[[node]]\nname = \"{name}\"\nprobe = \"none\"\n[node.declare]\nos.release = \"2022\"\n\
             os.edition = \"datacenter\"\nmemory.total_bytes = \"1 TiB\"\nhypervisor.product = \"hyper-v\"\n\
             hypervisor.reserve_bytes = \"16 GiB\"\ncpu.cores = 128\nfeatures = [\"Failover-Clustering\", \"Hyper-V\"]"
        )
        .expect("text");
    }
    for volume in 0..nodes {
        writeln!(
            plan,
            "[[volume]]\nname = \"csv{volume}\"\nkind = \"csv\"\nrole = \"data\"\nfilesystem = \"ReFS\"\n\
             path = 'C:\\ClusterStorage\\Volume{volume}'\nsize_bytes = \"64 TiB\"\ntransport = \"fc\""
        )
        .expect("text");
    }
    for vm in 0..vms {
        writeln!(
            plan,
            "[[vm]]\nname = \"vm{vm:05}\"\nhost = \"{}\"\nprotected = true\nvcpus = 2\nmemory_bytes = \"4 GiB\"\n\
             guest_os = \"Windows Server 2022\"\nguest_release = \"2022\"\nlive_migration = true\n\
             config_volume = \"csv{volume}\"\n\
             disks = [{{ name = \"disk 0\", format = \"vhdx\", volume = \"csv{volume}\", size_bytes = \"80 GiB\" }}]\n\
             nics = [{{ name = \"nic 0\", kind = \"synthetic\", switch_name = \"clients\" }}]",
            node_name(vm % nodes),
            volume = vm % nodes,
        )
        .expect("text");
    }
    plan
}
