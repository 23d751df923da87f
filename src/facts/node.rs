//! Facts of one node: what it is, what it is made of, how it reaches networks and storage.

use super::meta::{ChoiceType, Fact, FieldType, Record, RecordType, Type, Value};
use super::units::{BitsPerSecond, Bytes, Micros, Millis, Seconds};
use crate::facts::corosync::Corosync;
use crate::facts::fencing::{DiskReservation, Sbd, Watchdog};
use crate::facts::linux::{Dlm, Drbd, Health, HostsEntry, KernelModules, Lvm, Security, Sysctl};
use crate::facts::network::NetworkRole;
use crate::facts::pacemaker::PacemakerNode;
use crate::facts::storage::DiskTransport;
use crate::{choices, records};

choices! {
    /// Family of an operating system.
    OsFamily {
        /// Any Linux distribution.
        Linux = "linux",
        /// Microsoft Windows.
        Windows = "windows",
        /// VMware ESX or ESXi.
        Esxi = "esxi",
        /// XenServer or XCP-ng.
        Xenserver = "xenserver",
        /// Something else.
        Other = "other",
    }

    /// How a node is probed.
    ProbeKind {
        /// This machine itself.
        Local = "local",
        /// Through the OpenSSH client.
        Ssh = "ssh",
        /// From recorded facts.
        Facts = "facts",
        /// Not at all: only what the plan declares is known.
        None = "none",
    }

    /// Kind of a network interface.
    NicKind {
        /// A port of a card, or a virtual machine's network device.
        Physical = "physical",
        /// A bond, or a Windows team.
        Bond = "bond",
        /// A software team (teamd, LBFO).
        Team = "team",
        /// A bridge or virtual switch.
        Bridge = "bridge",
        /// A VLAN on another interface.
        Vlan = "vlan",
        /// The loopback interface.
        Loopback = "loopback",
        /// A tunnel, a tap, a veth or another virtual device.
        Virtual = "virtual",
    }

    /// Family of an IP address.
    AddressFamily {
        /// IPv4.
        Inet = "inet",
        /// IPv6.
        Inet6 = "inet6",
    }

    /// When an iSCSI login or a service starts.
    Startup {
        /// When the machine starts.
        Automatic = "automatic",
        /// In the initial RAM disk.
        Onboot = "onboot",
        /// When somebody asks for it.
        Manual = "manual",
        /// Never.
        Disabled = "disabled",
    }

    /// Kind of a host bus adapter.
    HbaKind {
        /// Fibre Channel.
        FibreChannel = "fc",
        /// SAS.
        Sas = "sas",
        /// iSCSI in hardware.
        Iscsi = "iscsi",
    }
}

records! {
    /// One member of the cluster.
    Node key name {
        /// Name the plan gives it.
        name: String,
        /// How it was probed.
        probe: Option<ProbeKind>,
        /// Whether the probe got an answer.
        reached: Option<bool>,
        /// Whether the probe had the rights of the administrator.
        privileged: Option<bool>,
        /// Host name that it gives itself, without domain.
        hostname: Option<String>,
        /// Identity of the installation: `/etc/machine-id` on Linux, the machine SID on Windows. A clone shares it.
        machine_id: Option<String>,
        /// Operating system.
        os: Os,
        /// Chassis or virtual machine.
        hardware: Hardware,
        /// Processors.
        cpu: Cpu,
        /// Memory.
        memory: Memory,
        /// BIOS or UEFI.
        firmware: Firmware,
        /// Network interfaces, without loopback.
        nics: Option<Vec<Nic>>,
        /// Bonds and teams.
        bonds: Option<Vec<Bond>>,
        /// Routes of the main table.
        routes: Option<Vec<Route>>,
        /// Block devices, without partitions' contents.
        disks: Option<Vec<Disk>>,
        /// Mounts that the boot configuration asks for (`/etc/fstab`).
        mounts: Option<Vec<Mount>>,
        /// Multipathing (dm-multipath, MPIO).
        multipath: Multipath,
        /// iSCSI initiator.
        iscsi: Iscsi,
        /// Fibre Channel and SAS adapters.
        hbas: Option<Vec<Hba>>,
        /// Services that a cluster relies on.
        services: Option<Vec<Service>>,
        /// Packages of the cluster stack and the kernel.
        packages: Option<Vec<Package>>,
        /// Updates installed, by their own id (`KB5031364`), where the system counts them so.
        updates: Option<Vec<String>>,
        /// Drivers of storage and network devices, by name.
        drivers: Option<Vec<Driver>>,
        /// Roles and features installed, by their own id (`Failover-Clustering`).
        features: Option<Vec<String>>,
        /// Packet filter.
        firewall: Firewall,
        /// Clock and time source.
        time: Time,
        /// Directory domain.
        domain: Domain,
        /// Name resolution.
        resolver: Resolver,
        /// What the names of the cluster's nodes resolve to here.
        names: Option<Vec<NameLookup>>,
        /// Corosync: its file, what runs, and what it sees of the others.
        corosync: Corosync,
        /// Pacemaker as this node has it.
        pacemaker: PacemakerNode,
        /// STONITH block devices (SBD).
        sbd: Sbd,
        /// Watchdog devices.
        watchdogs: Option<Vec<Watchdog>>,
        /// Kernel modules that the boot configuration loads, and those that it forbids.
        modules: KernelModules,
        /// Persistent reservations on its disks, as it reads them.
        reservations: Option<Vec<DiskReservation>>,
        /// DRBD.
        drbd: Drbd,
        /// Distributed lock manager.
        dlm: Dlm,
        /// Logical volumes.
        lvm: Lvm,
        /// `/etc/hosts`.
        hosts_file: Option<Vec<HostsEntry>>,
        /// Settings of the kernel that clusters care for.
        sysctls: Option<Vec<Sysctl>>,
        /// SELinux and AppArmor.
        security: Security,
        /// How it stands at this moment.
        health: Health,
        /// Resource pools of Hyper-V, on Windows.
        hyper_v: HyperV,
        /// Storage Spaces Direct, on Windows.
        spaces_direct: StorageSpacesDirect,
        /// Whether a restart is pending.
        reboot_pending: Option<bool>,
        /// Whether a new volume is mounted by itself (`mountvol`, `NoAutoMount` on Windows).
        automount: Option<bool>,
        /// Interfaces in the order in which Windows up to 2012 R2 uses them (binding order), the first first.
        binding_order: Option<Vec<String>>,
        /// Folders, files and processes that the antivirus software leaves out.
        antivirus_exclusions: Option<Vec<String>>,
        /// The hypervisor on it, where it is a host of virtual machines.
        hypervisor: Hypervisor,
        /// Its part in a Windows failover cluster.
        membership: Membership,
        /// Its private links in Veritas Cluster Server (LLT).
        llt: Option<Vec<LltLink>>,
        /// Ports of Group Membership Services (GAB) that are open: `a`, `b`, `h`.
        gab_ports: Option<Vec<String>>,
        /// Derived: names of the virtual machines on it.
        vms: Option<Vec<String>>,
        /// Derived: memory that the virtual machines on it need.
        vm_memory_bytes: Option<Bytes>,
        /// Physical host that carries it, where it is a virtual machine (declared).
        physical_host: Option<String>,
        /// Site or fire compartment it stands in (declared).
        site: Option<String>,
        /// Derived: its place on each network of the plan.
        networks: Option<Vec<NodeNetwork>>,
        /// Derived: what its paths to the other nodes run through.
        redundancy: Redundancy,
    }

    /// Operating system of a node.
    Os {
        /// Family.
        family: Option<OsFamily>,
        /// Short id, as `ID` of os-release: `debian`, `sles`, `windows`.
        id: Option<String>,
        /// Full name, as `PRETTY_NAME` of os-release or the caption on Windows.
        name: Option<String>,
        /// Release, as `VERSION_ID` of os-release (`15.5`) or `2019` on Windows.
        release: Option<String>,
        /// Build: kernel build on Linux where the distribution counts so, `10.0.17763.5329` on Windows.
        build: Option<String>,
        /// Edition: `datacenter`, `standard`, `enterprise`.
        edition: Option<String>,
        /// Service pack or update level, 0 where there is none.
        service_pack: Option<i64>,
        /// Machine architecture as `uname -m` says it: `x86_64`, `aarch64`.
        architecture: Option<String>,
        /// `core` or `full` on Windows, the variant of os-release elsewhere.
        install_type: Option<String>,
        /// Kernel release, as `uname -r` says it.
        kernel: Option<String>,
        /// Version of Windows without the revision of its updates: `10.0.20348`.
        version: Option<String>,
        /// Drive that Windows is on: `C:`.
        system_drive: Option<String>,
        /// What Windows writes when it stops: `none`, `small`, `kernel`, `complete`, `automatic`, `active`.
        memory_dump: Option<String>,
    }

    /// Resource pools of Hyper-V on a Windows node.
    HyperV {
        /// Names of its network resource pools, sorted.
        network_pools: Option<Vec<String>>,
        /// Names of its memory resource pools, sorted.
        memory_pools: Option<Vec<String>>,
        /// Names of its processor resource pools, sorted.
        processor_pools: Option<Vec<String>>,
        /// Names of its storage resource pools, sorted.
        storage_pools: Option<Vec<String>>,
        /// Names of its virtual Fibre Channel SANs, sorted.
        fibre_channel_sans: Option<Vec<String>>,
    }

    /// What Storage Spaces Direct asks of a Windows node.
    StorageSpacesDirect {
        /// Whether the edition holds it.
        edition_supported: Option<bool>,
        /// Whether the features that it needs are installed.
        feature_installed: Option<bool>,
        /// Whether the system supports its cache.
        cache_supported: Option<bool>,
    }

    /// Chassis or virtual machine.
    Hardware {
        /// Manufacturer, from DMI.
        manufacturer: Option<String>,
        /// Model, from DMI.
        model: Option<String>,
        /// Serial number, from DMI.
        serial: Option<String>,
        /// UUID of the system, from DMI.
        uuid: Option<String>,
        /// Asset tag of the chassis, from DMI, empty for none; some clouds are known by it.
        asset_tag: Option<String>,
        /// Whether it is a virtual machine.
        virtual_machine: Option<bool>,
        /// Hypervisor it runs on, empty on bare metal.
        hypervisor: Option<String>,
        /// Power supplies that it has.
        power_supplies: Option<i64>,
        /// Whether it runs on when one power supply fails.
        redundant_power: Option<bool>,
        /// Whether it runs on when one fan fails.
        redundant_cooling: Option<bool>,
        /// Whether its memory corrects errors (ECC), or is mirrored.
        ecc_memory: Option<bool>,
        /// Version of its TPM: `1.2`, `2.0`; empty for none.
        tpm: Option<String>,
    }

    /// The hypervisor on a host of virtual machines.
    Hypervisor {
        /// Product: `hyper-v`, `virtual-server`, `esx`, `vmware-server`, `gsx`, `xenserver`, `kvm`; empty for none.
        product: Option<String>,
        /// Version or release of it: `2005 R2`, `3.5`, `8.0.2`.
        version: Option<String>,
        /// Whether the host is itself a node of a cluster.
        clustered: Option<bool>,
        /// Whether virtual machines can be moved between it and the others while they run.
        live_migration: Option<bool>,
        /// Whether it is kept free of virtual machines for maintenance.
        maintenance: Option<bool>,
        /// Memory that it keeps for itself.
        reserve_bytes: Option<Bytes>,
        /// Its virtual switches.
        switches: Option<Vec<VirtualSwitch>>,
        /// Names of the networks that virtual machines find on it.
        networks: Option<Vec<String>>,
        /// Physical disks with its operating system.
        system_disks: Option<Vec<String>>,
        /// Physical disks with a page file.
        page_file_disks: Option<Vec<String>>,
        /// Policy over paths to shared disks: `round-robin`, `fixed`, `mru`.
        path_policy: Option<String>,
        /// Whether it can give virtual machines queues of a network adapter (VMQ).
        vmq: Option<bool>,
        /// Whether it can give virtual machines functions of a network adapter (SR-IOV).
        sriov: Option<bool>,
    }

    /// A virtual switch of a host.
    VirtualSwitch key name {
        /// Its name.
        name: String,
        /// Interfaces of the host by which it leaves the host; empty for none.
        uplinks: Option<Vec<String>>,
        /// What it is for: `iscsi`, `management`, `migration`, `client` ...
        purpose: Option<String>,
        /// How its uplinks share the work: `active-standby`, `active-active`, `set`, `lacp`; empty for one.
        teaming: Option<String>,
        /// Whether traffic goes back to an uplink that has come back.
        failback: Option<bool>,
    }

    /// Part of a node in its cluster.
    Membership {
        /// Name of the cluster that it is in, where the document is about several, as with N+1; empty for none.
        cluster: Option<String>,
        /// State: `up`, `down`, `paused`, `joining`, `isolated`, `quarantined`.
        state: Option<String>,
        /// Votes that it was given.
        vote: Option<i64>,
        /// Votes that it has now (dynamic quorum).
        dynamic_vote: Option<i64>,
        /// Account that the cluster service runs under: `LocalSystem`, `EXAMPLE\cluster`.
        service_account: Option<String>,
    }

    /// A link of Low Latency Transport.
    LltLink key nic {
        /// Interface that it runs over.
        nic: String,
        /// Whether it is used only when the others fail (link-lowpri).
        low_priority: Option<bool>,
        /// Whether its interface has an address of its own.
        addressed: Option<bool>,
        /// Speed.
        speed_bps: Option<BitsPerSecond>,
        /// Switch or hub that it is plugged into.
        switch_name: Option<String>,
        /// Whether it is up.
        up: Option<bool>,
    }

    /// Processors of a node.
    Cpu {
        /// Vendor id: `GenuineIntel`, `AuthenticAMD`.
        vendor: Option<String>,
        /// Model name.
        model: Option<String>,
        /// Family number.
        family: Option<i64>,
        /// Model number.
        model_number: Option<i64>,
        /// Stepping.
        stepping: Option<i64>,
        /// Sockets.
        sockets: Option<i64>,
        /// Cores over all sockets.
        cores: Option<i64>,
        /// Hardware threads that are on line.
        threads: Option<i64>,
        /// Feature flags, sorted.
        features: Option<Vec<String>>,
        /// Microcode revision.
        microcode: Option<String>,
        /// Whether virtualisation by the processor (VT-x, AMD-V) is switched on.
        virtualisation: Option<bool>,
        /// Whether data execution prevention by the processor (XD, NX) is switched on.
        execute_disable: Option<bool>,
    }

    /// Memory of a node.
    Memory {
        /// Memory that the operating system sees.
        total_bytes: Option<Bytes>,
        /// Swap or page file.
        swap_bytes: Option<Bytes>,
    }

    /// BIOS or UEFI of a node.
    Firmware {
        /// Vendor.
        vendor: Option<String>,
        /// Version.
        version: Option<String>,
        /// Release date as the firmware writes it.
        date: Option<String>,
        /// Whether the machine was started through UEFI.
        uefi: Option<bool>,
        /// Whether Secure Boot is on.
        secure_boot: Option<bool>,
    }

    /// A network interface.
    Nic key name {
        /// Name: `eth0`, `ens1f0`, `Ethernet 2`.
        name: String,
        /// Kind.
        kind: Option<NicKind>,
        /// Address in use, lower case with colons.
        mac: Option<String>,
        /// Address burnt into the card; empty where it has none of its own.
        permanent_mac: Option<String>,
        /// Largest packet in bytes.
        mtu: Option<i64>,
        /// Whether it is switched on.
        admin_up: Option<bool>,
        /// Whether it has carrier.
        link_up: Option<bool>,
        /// Speed; missing where the device states none (virtual, link down).
        speed_bps: Option<BitsPerSecond>,
        /// `full` or `half`.
        duplex: Option<String>,
        /// Driver.
        driver: Option<String>,
        /// Version of the driver.
        driver_version: Option<String>,
        /// Version of the card's firmware.
        firmware: Option<String>,
        /// Card, as vendor and device id or name.
        model: Option<String>,
        /// Place on the bus: `0000:3b:00.0`. Ports of one card differ only behind the dot.
        bus: Option<String>,
        /// Bond, team or bridge that it is a member of; empty for none.
        master: Option<String>,
        /// Interface it sits on, for a VLAN; empty for none.
        parent: Option<String>,
        /// VLAN id, 0 for none.
        vlan: Option<i64>,
        /// Addresses.
        addresses: Option<Vec<Address>>,
        /// Switch at the other end, by LLDP or declared.
        switch_name: Option<String>,
        /// Port of that switch.
        switch_port: Option<String>,
        /// Packets that it received and threw away, since the start.
        receive_discards: Option<i64>,
        /// Derived: networks of the plan that it has an address on.
        networks: Option<Vec<String>>,
    }

    /// An address of an interface.
    Address key address {
        /// The address without prefix length: `10.0.0.11`.
        address: String,
        /// Family.
        family: Option<AddressFamily>,
        /// Prefix length.
        prefix: Option<i64>,
        /// Whether it came from DHCP or router advertisement.
        dynamic: Option<bool>,
        /// `global`, `link`, `host`.
        scope: Option<String>,
    }

    /// A bond or team.
    Bond key name {
        /// Name of its interface.
        name: String,
        /// Mode: `active-backup`, `802.3ad`, `balance-rr` ...
        mode: Option<String>,
        /// Members.
        members: Option<Vec<BondMember>>,
        /// Member that carries traffic, for active-backup.
        active: Option<String>,
        /// How often the link is looked at; 0 is never.
        miimon_ms: Option<Millis>,
        /// How often 802.3ad partners speak: `slow`, `fast`; empty for the other modes.
        lacp_rate: Option<String>,
        /// Members in the aggregator that carries traffic, for 802.3ad; 0 for the other modes.
        ports: Option<i64>,
    }

    /// A member of a bond.
    BondMember key name {
        /// Name of its interface.
        name: String,
        /// Whether the bond takes it for up.
        link_up: Option<bool>,
        /// How often it failed since the bond came up.
        failures: Option<i64>,
        /// 802.3ad aggregator it is in.
        aggregator: Option<i64>,
    }

    /// A route.
    Route {
        /// `default` or a prefix.
        destination: Option<String>,
        /// Next hop, empty for a connected network.
        gateway: Option<String>,
        /// Interface.
        device: Option<String>,
        /// Metric; 0 is the default.
        metric: Option<i64>,
    }

    /// A block device as a node sees it.
    Disk key name {
        /// Kernel name or number: `sda`, `dm-3`, `Disk 2`.
        name: String,
        /// Name in device-mapper, as it stands under `/dev/mapper`; empty for none.
        mapper_name: Option<String>,
        /// `disk`, `part`, `mpath`, `lvm`, `crypt`, `raid1`, `rom` ... as lsblk says it.
        kind: Option<String>,
        /// Size.
        size_bytes: Option<Bytes>,
        /// Vendor out of INQUIRY.
        vendor: Option<String>,
        /// Product out of INQUIRY.
        model: Option<String>,
        /// Revision of its firmware, out of INQUIRY.
        firmware: Option<String>,
        /// Whether Windows would let a cluster have it.
        eligible: Option<bool>,
        /// Unit serial number (VPD 80).
        serial: Option<String>,
        /// Identity out of VPD 83 in the form `naa.6001405...`, `eui....`, `t10....`.
        identity: Option<String>,
        /// How it is attached.
        transport: Option<DiskTransport>,
        /// SCSI address `host:channel:target:lun`.
        hctl: Option<String>,
        /// Logical block size.
        logical_block_bytes: Option<Bytes>,
        /// Physical block size.
        physical_block_bytes: Option<Bytes>,
        /// Whether it is write protected.
        read_only: Option<bool>,
        /// Whether it is removable.
        removable: Option<bool>,
        /// File system or signature on it, empty for none.
        filesystem: Option<String>,
        /// Where it, or a part of it, is mounted.
        mountpoints: Option<Vec<String>>,
        /// Devices it is made of.
        parents: Option<Vec<String>>,
        /// Driver of its adapter.
        driver: Option<String>,
        /// Command time-out.
        timeout_s: Option<Seconds>,
        /// UUID of the file system on it, empty for none.
        filesystem_uuid: Option<String>,
        /// Label of the file system on it, empty for none.
        filesystem_label: Option<String>,
        /// Whether the node starts from it.
        boot: Option<bool>,
        /// Partition table: `mbr`, `gpt`, `raw` for none.
        partition_style: Option<String>,
        /// What it stores on: `hdd`, `ssd`, `scm`.
        media: Option<String>,
        /// Its part in a pool of Storage Spaces Direct: `cache`, `capacity`; empty for none.
        pool_role: Option<String>,
        /// Whether what it has acknowledged outlives a loss of power (`IsPowerProtected`).
        power_protected: Option<bool>,
        /// Derived: the plan's LUN that it is, or lies on, as target and LUN name joined by `/`; empty for none.
        lun: Option<String>,
    }

    /// A line of `/etc/fstab`.
    Mount key target {
        /// Device, label or UUID.
        source: Option<String>,
        /// Mount point.
        target: String,
        /// File system type.
        filesystem: Option<String>,
        /// Options.
        options: Option<Vec<String>>,
        /// Derived: the plan's LUN underneath, as target and LUN name joined by `/`; empty for none.
        lun: Option<String>,
    }

    /// Multipathing of a node.
    Multipath {
        /// Whether the software is there.
        installed: Option<bool>,
        /// Whether its daemon runs.
        active: Option<bool>,
        /// Version of the tools.
        version: Option<String>,
        /// SHA-256 over the normalised configuration, without `reservation_key`, which differs by right.
        config_sha256: Option<String>,
        /// Settings in force (`multipathd show config`, else the file over its defaults).
        settings: MultipathSettings,
        /// Maps.
        maps: Option<Vec<MultipathMap>>,
    }

    /// Settings of multipathing, see multipath.conf(5).
    MultipathSettings {
        /// Whether maps are named `mpatha` instead of by their identity.
        user_friendly_names: Option<bool>,
        /// Which devices get a map: `strict`, `no`, `yes`, `greedy`, `smart`.
        find_multipaths: Option<String>,
        /// What becomes of input and output without a path: `fail`, `queue`, or a number of checks.
        no_path_retry: Option<String>,
        /// Time between two checks of a path.
        polling_interval_s: Option<Seconds>,
        /// Longest time between two checks of a path.
        max_polling_interval_s: Option<Seconds>,
        /// Time until input and output to a port that is gone fail: a number of seconds, or `off`.
        fast_io_fail_tmo: Option<String>,
        /// Time until a port that is gone is removed: a number of seconds, or `infinity`.
        dev_loss_tmo: Option<String>,
        /// Key for persistent reservations: `0x123abc`, `file`; empty for none.
        reservation_key: Option<String>,
    }

    /// A multipath map.
    MultipathMap key name {
        /// Name: `mpatha` or the identity.
        name: String,
        /// Identity of the LUN, as in [`Disk::identity`].
        identity: Option<String>,
        /// Kernel name: `dm-0`.
        device: Option<String>,
        /// Size.
        size_bytes: Option<Bytes>,
        /// Whether input and output wait when no path is left.
        queues_without_path: Option<bool>,
        /// Hardware handler: `1 alua`; empty for none.
        hardware_handler: Option<String>,
        /// Paths.
        paths: Option<Vec<MultipathPath>>,
    }

    /// A path of a multipath map.
    MultipathPath key device {
        /// Kernel name: `sdb`.
        device: String,
        /// SCSI address.
        hctl: Option<String>,
        /// State in device-mapper: `active`, `failed`.
        dm_state: Option<String>,
        /// State of the checker: `ready`, `faulty`, `ghost`.
        checker_state: Option<String>,
        /// State of the device: `running`, `offline`.
        device_state: Option<String>,
    }

    /// iSCSI initiator of a node.
    Iscsi {
        /// Whether an initiator is installed.
        installed: Option<bool>,
        /// Its name.
        initiator_name: Option<String>,
        /// Live sessions.
        sessions: Option<Vec<IscsiSession>>,
        /// Logins recorded for the next start: open-iscsi node records, persistent targets on Windows.
        records: Option<Vec<IscsiRecord>>,
        /// When logins start that have no setting of their own (`node.startup` of iscsid.conf).
        default_startup: Option<Startup>,
        /// How long input and output wait for a lost session by default (`replacement_timeout`).
        replacement_timeout_s: Option<Seconds>,
        /// How often the connection is asked whether it lives; 0 is never (`noop_out_interval`).
        noop_out_interval_s: Option<Seconds>,
        /// How long that answer may take (`noop_out_timeout`).
        noop_out_timeout_s: Option<Seconds>,
        /// How long a login may take (`login_timeout`).
        login_timeout_s: Option<Seconds>,
        /// Version of the initiator: `2.08`.
        version: Option<String>,
        /// Volumes that Windows binds before services start.
        bound_volumes: Option<Vec<String>>,
    }

    /// A live iSCSI session.
    IscsiSession key id {
        /// Number of the session on its node.
        id: String,
        /// Target.
        target: Option<String>,
        /// Portal it is connected to: `10.0.1.10:3260`.
        portal: Option<String>,
        /// Target portal group tag.
        tpgt: Option<i64>,
        /// State as the initiator says it: `LOGGED_IN`.
        state: Option<String>,
        /// Whether it is logged in, and its connection too where that is told.
        logged_in: Option<bool>,
        /// State of its connection as the initiator says it: `LOGGED IN`, `TRANSPORT WAIT`.
        connection_state: Option<String>,
        /// Whether its connection is logged in.
        connection_up: Option<bool>,
        /// Transport: `tcp`, `iser`, `bnx2i`.
        transport: Option<String>,
        /// Interface record: `default`, or one bound to a NIC.
        iface: Option<String>,
        /// Initiator name it logged in under.
        initiator_name: Option<String>,
        /// Address it comes from.
        source_address: Option<String>,
        /// How long input and output wait when it is lost.
        replacement_timeout_s: Option<Seconds>,
        /// Digest over headers: `None`, `CRC32C`.
        header_digest: Option<String>,
        /// Digest over data: `None`, `CRC32C`.
        data_digest: Option<String>,
        /// Most data of a command that may be sent unasked, as negotiated (`FirstBurstLength`).
        first_burst_bytes: Option<Bytes>,
        /// Most data of one sequence, as negotiated (`MaxBurstLength`).
        max_burst_bytes: Option<Bytes>,
        /// Most data that the node takes in one PDU (`MaxRecvDataSegmentLength`).
        max_receive_bytes: Option<Bytes>,
        /// Most data that the target takes in one PDU (`MaxXmitDataSegmentLength`).
        max_send_bytes: Option<Bytes>,
        /// Disks that came by it.
        disks: Option<Vec<String>>,
    }

    /// A login recorded for the next start.
    IscsiRecord {
        /// Target.
        target: Option<String>,
        /// Portal: `10.0.1.10:3260`.
        portal: Option<String>,
        /// Target portal group tag.
        tpgt: Option<i64>,
        /// Interface record.
        iface: Option<String>,
        /// When it logs in.
        startup: Option<Startup>,
        /// How long input and output wait when the session is lost.
        replacement_timeout_s: Option<Seconds>,
        /// How often the connection is asked whether it lives; 0 is never.
        noop_out_interval_s: Option<Seconds>,
        /// How long that answer may take.
        noop_out_timeout_s: Option<Seconds>,
        /// How the target is convinced: `None`, `CHAP`.
        auth_method: Option<String>,
    }

    /// A host bus adapter.
    Hba key name {
        /// Name: `host3`.
        name: String,
        /// Kind.
        kind: Option<HbaKind>,
        /// Model.
        model: Option<String>,
        /// Driver.
        driver: Option<String>,
        /// Version of the driver.
        driver_version: Option<String>,
        /// Version of the firmware.
        firmware: Option<String>,
        /// World wide port name or SAS address.
        port_name: Option<String>,
        /// State: `Online`, `Linkdown`.
        state: Option<String>,
        /// Speed.
        speed_bps: Option<BitsPerSecond>,
    }

    /// A service.
    Service key name {
        /// Name without suffix: `corosync`, `iscsid`, `MSiSCSI`.
        name: String,
        /// Whether it exists on the node.
        installed: Option<bool>,
        /// When it starts.
        startup: Option<Startup>,
        /// Whether it runs now.
        active: Option<bool>,
        /// Services that it starts after.
        depends_on: Option<Vec<String>>,
    }

    /// A package.
    Package key name {
        /// Name.
        name: String,
        /// Version with release, as the package manager writes it.
        version: Option<String>,
        /// Architecture.
        architecture: Option<String>,
    }

    /// A driver.
    Driver key name {
        /// Name.
        name: String,
        /// Version.
        version: Option<String>,
        /// Whether it is signed, where the system asks for it.
        signed: Option<bool>,
    }

    /// Packet filter of a node.
    Firewall {
        /// What manages it: `firewalld`, `ufw`, `nftables`, `iptables`, `windows`; empty for none.
        manager: Option<String>,
        /// Whether it filters.
        active: Option<bool>,
        /// SHA-256 over the normalised rules.
        rules_sha256: Option<String>,
        /// Whether it lets the cluster's own traffic through, where the system can tell (Windows).
        cluster_allowed: Option<bool>,
        /// Ports that it lets in from everywhere, as `udp/5405`, `tcp/5900-5910`, sorted; missing where its rules cannot be
        /// reduced to such a list. Services of firewalld are spelt out.
        open_ports: Option<Vec<String>>,
        /// Derived: ports that other nodes use on this one (Corosync, pcsd, DLM, DRBD ...) and that it does not let in, sorted.
        shut: Option<Vec<String>>,
    }

    /// Clock of a node.
    Time {
        /// What keeps it: `chrony`, `systemd-timesyncd`, `ntpd`, `w32time`; empty for none.
        service: Option<String>,
        /// Whether that service says that the clock is in step.
        synchronised: Option<bool>,
        /// Source in use.
        source: Option<String>,
        /// Sources configured, sorted.
        sources: Option<Vec<String>>,
        /// How far the clock is ahead of its source, by that service's own word.
        offset_us: Option<Micros>,
        /// How far the clock is ahead of the clock of the machine that probed, at half of the round trip.
        skew_ms: Option<Millis>,
        /// How uncertain `skew_ms` is: half of the round trip.
        skew_error_ms: Option<Millis>,
        /// Time zone.
        timezone: Option<String>,
    }

    /// Directory domain of a node.
    Domain {
        /// Name, empty for none.
        name: Option<String>,
        /// Whether it is a controller of that domain.
        controller: Option<bool>,
        /// Whether NTLM is restricted on it (`RestrictReceivingNTLMTraffic`, `RestrictSendingNTLMTraffic`).
        ntlm_restricted: Option<bool>,
    }

    /// Name resolution of a node.
    Resolver {
        /// Name servers, in order.
        servers: Option<Vec<String>>,
        /// Search list.
        search: Option<Vec<String>>,
    }

    /// What one name resolves to on a node.
    NameLookup key name {
        /// The name.
        name: String,
        /// Addresses, sorted; empty when it does not resolve.
        addresses: Option<Vec<String>>,
    }

    /// Derived: a node's place on one network of the plan.
    NodeNetwork key network {
        /// Name of the network.
        network: String,
        /// What the network is for.
        role: Option<NetworkRole>,
        /// Interfaces with an address on it.
        nics: Option<Vec<String>>,
        /// Addresses on it.
        addresses: Option<Vec<String>>,
        /// Whether one of those interfaces is up.
        up: Option<bool>,
        /// Physical interfaces underneath.
        physical_nics: Option<Vec<String>>,
        /// Cards underneath: places on the bus without the function.
        cards: Option<Vec<String>>,
        /// Switches underneath, by LLDP or declared.
        switches: Option<Vec<String>>,
        /// Drivers underneath.
        drivers: Option<Vec<String>>,
        /// Whether it runs over a bond or team.
        bonded: Option<bool>,
        /// Whether it runs over a software team.
        teamed: Option<bool>,
        /// Smallest MTU on the way.
        mtu: Option<i64>,
        /// Sum of the speeds of the members that are up.
        speed_bps: Option<BitsPerSecond>,
        /// Whether an address on it is dynamic.
        dynamic: Option<bool>,
    }

    /// Derived: what a node's paths to the other nodes run through, over all networks but those for storage.
    Redundancy {
        /// Networks with an interface that is up.
        networks: Option<Vec<String>>,
        /// Physical interfaces underneath, all of them up.
        nics: Option<Vec<String>>,
        /// Cards underneath.
        cards: Option<Vec<String>>,
        /// Switches underneath.
        switches: Option<Vec<String>>,
        /// Drivers underneath.
        drivers: Option<Vec<String>>,
    }
}
