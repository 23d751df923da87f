//! Facts of what a cluster carries: virtual machines, volumes, groups of resources, and rules about their placement.

use super::meta::{ChoiceType, Fact, FieldType, Record, RecordType, Type, Value};
use super::node::{Hardware, Hypervisor, Memory, Os};
use super::storage::DiskTransport;
use super::units::{BitsPerSecond, Bytes};
use crate::{choices, records};
use std::sync::Arc;

choices! {
    /// What a volume is.
    VolumeKind {
        /// A disk that one node at a time owns, with a file system on it.
        Disk = "disk",
        /// A Cluster Shared Volume.
        Csv = "csv",
        /// A VMFS datastore.
        Vmfs = "vmfs",
        /// A directory over NFS.
        Nfs = "nfs",
        /// A share over SMB.
        Smb = "smb",
        /// A vSphere Virtual Volumes datastore.
        Vvol = "vvol",
        /// A vSAN datastore.
        Vsan = "vsan",
        /// A XenServer storage repository on a block device.
        Sr = "sr",
        /// A volume of Storage Spaces Direct.
        S2d = "s2d",
        /// A Ceph pool.
        Ceph = "ceph",
        /// Something else.
        Other = "other",
    }

    /// What a volume is for.
    VolumeRole {
        /// It gives a vote.
        Witness = "witness",
        /// It carries the files of virtual machines or services.
        Data = "data",
        /// It carries the operating system of a node or host.
        System = "system",
        /// It carries heartbeats or the state file of high availability.
        Heartbeat = "heartbeat",
    }

    /// How the space of a virtual disk is given out.
    Provisioning {
        /// All of it at once, without zeroing (a fixed VHD, a lazily zeroed thick VMDK).
        Fixed = "fixed",
        /// All of it at once, zeroed (an eager-zeroed thick VMDK).
        EagerZeroed = "eager-zeroed",
        /// As it is written (a dynamic VHD, a thin VMDK).
        Dynamic = "dynamic",
        /// Differences to a parent.
        Differencing = "differencing",
    }

    /// What a virtual disk is made of.
    VmDiskFormat {
        /// A VHD file.
        Vhd = "vhd",
        /// A VHDX file.
        Vhdx = "vhdx",
        /// A VHD Set.
        Vhds = "vhds",
        /// A VMDK file.
        Vmdk = "vmdk",
        /// A raw device mapping in physical compatibility mode.
        RdmPhysical = "rdm-physical",
        /// A raw device mapping in virtual compatibility mode.
        RdmVirtual = "rdm-virtual",
        /// A vVol.
        Vvol = "vvol",
        /// A physical disk passed through.
        PassThrough = "pass-through",
        /// Something else: qcow2, raw, a logical volume.
        Other = "other",
    }

    /// Whether a virtual disk controller lets virtual machines share its disks (VMware: `sharedBus`).
    BusSharing {
        /// No.
        None = "none",
        /// Among virtual machines of one host.
        Virtual = "virtual",
        /// Across hosts.
        Physical = "physical",
    }

    /// What a rule about placement asks.
    PlacementKind {
        /// The virtual machines stay together.
        Affinity = "affinity",
        /// The virtual machines stay apart.
        AntiAffinity = "anti-affinity",
        /// The virtual machines run on these hosts.
        Hosts = "hosts",
        /// The virtual machines do not run on these hosts.
        NotHosts = "not-hosts",
    }
}

records! {
    /// A host of virtual machines. Where the nodes are hosts these are the nodes, derived; where they are virtual machines, the
    /// hosts below them are declared.
    Host key name {
        /// Its name.
        name: String,
        /// Operating system.
        os: Os,
        /// Chassis.
        hardware: Hardware,
        /// Memory.
        memory: Memory,
        /// The hypervisor on it.
        hypervisor: Hypervisor,
        /// Its addresses, without prefix length.
        addresses: Option<Vec<String>>,
    }

    /// A virtual machine that the cluster carries, or that is a node of a cluster of virtual machines.
    Vm key name {
        /// Its name.
        name: String,
        /// Node or host that it runs on, or is planned on.
        host: Option<String>,
        /// Whether it runs.
        running: Option<bool>,
        /// Whether it is started again after a failure of its host: highly available, protected, a cluster role.
        protected: Option<bool>,
        /// Group of resources that it is in, where it is one; empty for none.
        group: Option<String>,
        /// Name of the cluster of which it is a node; empty for none.
        node_of: Option<String>,
        /// Guest operating system: `Windows Server 2003 R2`, `Debian 12`.
        guest_os: Option<String>,
        /// Release of a Windows guest: `2003`, `2008 R2`, `2022`; empty for another system.
        guest_release: Option<String>,
        /// Service pack of a Windows guest; 0 for none.
        guest_service_pack: Option<i64>,
        /// Edition of a Windows guest: `enterprise`.
        guest_edition: Option<String>,
        /// Architecture of the guest: `x86`, `x86_64`.
        guest_architecture: Option<String>,
        /// Virtual processors.
        vcpus: Option<i64>,
        /// Memory.
        memory_bytes: Option<Bytes>,
        /// Part of the memory that is reserved for it on its host.
        reserved_bytes: Option<Bytes>,
        /// Version of its virtual hardware; VMware: `11` for vmx-11.
        hardware_version: Option<i64>,
        /// Whether it can be moved while it runs.
        live_migration: Option<bool>,
        /// Whether it is shown only what the processors of all generations have, so that it can be moved between them
        /// (Hyper-V: CompatibilityForMigrationEnabled).
        processor_compatibility: Option<bool>,
        /// What its host does with it when the host starts: `nothing`, `start-if-running`, `start`.
        start_action: Option<String>,
        /// How the scheduler of its platform moves it: `manual`, `partially-automated`, `fully-automated`, `disabled`.
        automation: Option<String>,
        /// Order in which it is started again: `high`, `medium`, `low`, `disabled`, or a platform's own word.
        restart_priority: Option<String>,
        /// Hosts that it can run on; all of them where it is known to be bound to none.
        possible_hosts: Option<Vec<String>>,
        /// Classes of virtual machines to be kept apart (AntiAffinityClassNames).
        anti_affinity: Option<Vec<String>>,
        /// What ties it to its host: a drive of the host, a device passed through, a local disk.
        local_devices: Option<Vec<String>>,
        /// Whether the tools of the platform run in it (VMware Tools, integration services).
        tools_running: Option<bool>,
        /// Whether these tools are of the version that the host has.
        tools_current: Option<bool>,
        /// Whether the tools set its clock.
        tools_time_sync: Option<bool>,
        /// Whether processors, memory or controllers can be added while it runs.
        hot_add: Option<bool>,
        /// Whether a second copy runs in step with it (Fault Tolerance).
        fault_tolerance: Option<bool>,
        /// Snapshots it has.
        snapshots: Option<i64>,
        /// Agents of high availability in the guest, by name: `vcs`, `mscs`.
        agents: Option<Vec<String>>,
        /// File of its configuration.
        config_path: Option<String>,
        /// Volume that the configuration is on.
        config_volume: Option<String>,
        /// Its disks.
        disks: Option<Vec<VmDisk>>,
        /// Its disk controllers.
        controllers: Option<Vec<VmController>>,
        /// Its network adapters.
        nics: Option<Vec<VmNic>>,
        /// Derived: names of the volumes that its configuration and its disks are on.
        volumes: Option<Vec<String>>,
        /// Derived: other nodes that could carry it should its host fail, with memory for it left beside what they carry.
        fits_on: Option<Arc<Vec<String>>>,
    }

    /// A disk of a virtual machine.
    VmDisk key name {
        /// Its name in the virtual machine: `scsi0:0`, `Hard disk 1`.
        name: String,
        /// What it is made of.
        format: Option<VmDiskFormat>,
        /// File or device behind it.
        path: Option<String>,
        /// Volume that the file is on; empty where no volume is in between.
        volume: Option<String>,
        /// Identity or name of the LUN behind it, where it is a whole one; empty for none.
        lun: Option<String>,
        /// Size.
        size_bytes: Option<Bytes>,
        /// How its space is given out.
        provisioning: Option<Provisioning>,
        /// Controller that it is on.
        controller: Option<String>,
        /// Its place on the controller, the SCSI target.
        unit: Option<i64>,
        /// Whether the guest boots from it.
        boot: Option<bool>,
        /// Whether other virtual machines use it at the same time.
        shared: Option<bool>,
        /// Physical disks of the host that the file is on.
        physical_disks: Option<Vec<String>>,
    }

    /// A disk controller of a virtual machine.
    VmController key name {
        /// Its name: `scsi0`, `SCSI controller 1`.
        name: String,
        /// Its kind: `lsi-parallel`, `lsi-sas`, `pvscsi`, `nvme`, `ide`, `synthetic-scsi`, `virtual-fc`.
        kind: Option<String>,
        /// Whether its disks can be shared.
        sharing: Option<BusSharing>,
    }

    /// A network adapter of a virtual machine.
    VmNic key name {
        /// Its name: `eth0`, `Network Adapter 1`.
        name: String,
        /// Its kind: `vmxnet3`, `e1000`, `synthetic`, `legacy`.
        kind: Option<String>,
        /// Network of the plan or port group that it is on.
        network: Option<String>,
        /// Virtual switch that it is on.
        switch_name: Option<String>,
        /// What its network is for: `iscsi`, `heartbeat`, `client` ...
        purpose: Option<String>,
    }

    /// A volume with files: a cluster disk, a Cluster Shared Volume, a datastore, a storage repository, a share.
    Volume key name {
        /// Its name: `Cluster Disk 2`, `datastore1`.
        name: String,
        /// What it is.
        kind: Option<VolumeKind>,
        /// What it is for.
        role: Option<VolumeRole>,
        /// Where nodes find it: `C:\ClusterStorage\Volume1`, `/vmfs/volumes/ds1`, `\\sofs\vms`.
        path: Option<String>,
        /// Drive letter or mount point by which its owner finds it; empty for none.
        letter: Option<String>,
        /// File system: `NTFS`, `CSVFS_ReFS`, `VMFS`.
        filesystem: Option<String>,
        /// Version of the file system or of its protocol: `6`, `3.1.1`.
        version: Option<String>,
        /// Size.
        size_bytes: Option<Bytes>,
        /// Free space.
        free_bytes: Option<Bytes>,
        /// Identities or names of the LUNs that it is on.
        luns: Option<Vec<String>>,
        /// How its disks are attached.
        transport: Option<DiskTransport>,
        /// Whether its target asks for CHAP.
        chap: Option<bool>,
        /// Whether only one host can reach it.
        local: Option<bool>,
        /// Nodes that reach it.
        nodes: Option<Vec<String>>,
        /// Nodes that own it; one of them, unless all use it at the same time.
        owners: Option<Vec<String>>,
        /// Redundancy of the disks under it: `none`, `raid1`, `raid5`, `raid10`, `mirror`, `parity` ...
        redundancy: Option<String>,
        /// Size of a logical block of the disks under it.
        logical_block_bytes: Option<Bytes>,
        /// Whether its disks are dynamic disks of Windows.
        dynamic_disk: Option<bool>,
        /// Whether its files are compressed.
        compressed: Option<bool>,
        /// How fast a node reads from it, measured or declared.
        read_bps: Option<BitsPerSecond>,
        /// How fast a node writes to it, measured or declared.
        write_bps: Option<BitsPerSecond>,
        /// Fewest paths that a node has to it.
        paths: Option<i64>,
        /// Policy over these paths: `round-robin`, `fixed`, `mru`.
        path_policy: Option<String>,
        /// Whether it is marked perennially reserved on every host that sees it.
        perennially_reserved: Option<bool>,
        /// Whether clustered VMDKs are allowed on it.
        clustered_vmdk: Option<bool>,
        /// Whether persistent reservations of SCSI-3 are supported under it.
        persistent_reservations: Option<bool>,
        /// Whether nothing else is on the disks under it.
        alone: Option<bool>,
        /// Derived: names of the virtual machines with files on it.
        vms: Option<Vec<String>>,
    }

    /// A group of resources that moves between nodes as one: a cluster role, a service group.
    Group key name {
        /// Its name.
        name: String,
        /// Its kind: `Virtual Machine`, `Cluster Group`, `failover`, `parallel`.
        kind: Option<String>,
        /// Whether it is online.
        online: Option<bool>,
        /// Node that owns it; empty for none.
        owner: Option<String>,
        /// Nodes that it prefers, the best first.
        preferred_owners: Option<Vec<String>>,
        /// Whether it goes back to a preferred owner: `prevent`, `immediate`, `window`.
        failback: Option<String>,
        /// Its resources.
        resources: Option<Vec<Resource>>,
        /// Derived: kinds of its resources, each once.
        kinds: Option<Vec<String>>,
    }

    /// A resource of a group.
    Resource key name {
        /// Its name.
        name: String,
        /// Its type: `Physical Disk`, `Generic Script`, `Virtual Machine`, `IP Address`.
        kind: Option<String>,
        /// Whether it is online.
        online: Option<bool>,
        /// Names of the resources that it depends on.
        depends_on: Option<Vec<String>>,
        /// Nodes that can own it.
        possible_owners: Option<Vec<String>>,
        /// Volume that it brings online, for a disk; empty for none.
        volume: Option<String>,
        /// Script that it runs, for a script; empty for none.
        script: Option<String>,
        /// Copies of that script, one for each node that has it.
        script_copies: Option<Vec<ScriptCopy>>,
    }

    /// A script of a resource as one node has it.
    ScriptCopy key node {
        /// Name of the node.
        node: String,
        /// SHA-256 of the file.
        sha256: Option<String>,
    }

    /// A rule of the platform about where virtual machines run.
    Placement key name {
        /// Its name.
        name: String,
        /// What it asks.
        kind: Option<PlacementKind>,
        /// Virtual machines that it is about.
        vms: Option<Vec<String>>,
        /// Hosts that it is about.
        hosts: Option<Vec<String>>,
        /// Whether it must hold, or should.
        mandatory: Option<bool>,
        /// Whether it is in force.
        enabled: Option<bool>,
    }

    /// What is left when nodes fail, as `intent` has it, at least one; the largest of them.
    Capacity {
        /// Derived: nodes that fail.
        failed_nodes: Option<i64>,
        /// Derived: memory that virtual machines need: of those that run or are protected.
        needed_bytes: Option<Bytes>,
        /// Derived: memory that the remaining nodes have for virtual machines, their own need taken off.
        left_bytes: Option<Bytes>,
        /// Derived: virtual processors that virtual machines need.
        needed_vcpus: Option<i64>,
        /// Derived: cores that the remaining nodes have.
        left_cores: Option<i64>,
        /// Derived: protected virtual machines that fit on no other node when their host fails.
        stranded: Option<Vec<String>>,
        /// Derived: most virtual machines that the failure of one node stops.
        most_hit: Option<i64>,
    }
}
