//! `cluster.toml` as it is written: its tables and keys, declared once for the reader and the schema.

use super::declare::{Declared, DeclaredList, WholeSeconds};
use super::secret::RawSecret;
use crate::facts::{
    ChoiceType, Cluster, Fact, Group, Host, NetworkRole, Node, Placement, Platform, Type, Value, Vm, Volume,
    WitnessKind,
};
use crate::source::{Entries, Item, Spanned, Text};
use crate::{choices, sections};
use jiff::civil::Date;

choices! {
    /// Hash of a CHAP login (RFC 7143, section 12.1.3 names MD5; IANA's registry adds SHA-256).
    ChapAlgorithm {
        /// MD5, which every target has.
        Md5 = "md5",
        /// SHA-256.
        Sha256 = "sha256",
    }

    /// What a planned LUN is for.
    LunUse {
        /// It gives a vote.
        Witness = "witness",
        /// It carries the data of the services.
        Data = "data",
    }

    /// How far an active test of a LUN may go.
    TestWord {
        /// It reads only.
        Inspect = "inspect",
        /// It registers and reserves, and writes no block.
        Pr = "pr",
        /// It also writes to a range, whose content it puts back.
        PrWrite = "pr-write",
    }

    /// How bad it is when a rule does not hold.
    SeverityWord {
        /// The cluster will not fail over when it has to, or is not supported.
        Fail = "fail",
        /// The cluster works, but less well or less surely than it should.
        Warn = "warn",
        /// Worth knowing; never decides a verdict.
        Info = "info",
    }
}

sections! {
    /// A failover cluster as it should be: what `quorate check` probes and judges.
    RawInventory {
        /// The cluster as a whole.
        cluster: RawCluster = needed,
        /// How to probe; flags of the command line override it.
        probe: RawProbe,
        /// The members of the cluster, one table each.
        node: Vec<RawNode> = needed,
        /// The networks that join them, one table each.
        network: Vec<RawNetwork>,
        /// The iSCSI targets with shared storage, one table each.
        target: Vec<RawTarget>,
        /// What gives the odd vote.
        witness: RawWitness,
        /// The virtual machines that the cluster carries, or of which it is made, one table each.
        vm: DeclaredList<Vm>,
        /// The hosts of virtual machines where the nodes are such machines themselves, one table each.
        host: DeclaredList<Host>,
        /// The volumes with files, one table each: cluster disks, Cluster Shared Volumes, datastores, repositories, shares.
        volume: DeclaredList<Volume>,
        /// The groups of resources that move between nodes, one table each.
        group: DeclaredList<Group>,
        /// The platform's rules about where virtual machines run, one table each.
        placement: DeclaredList<Placement>,
        /// Parameters of rules, by name. `quorate rules list` and `quorate explain RULE` show them with their defaults.
        params: Entries<Item>,
        /// Severities of rules that differ from those of the profile: `"network/same-mtu" = "warn"`.
        severity: Entries<Spanned<SeverityWord>>,
        /// Which rules to apply.
        rules: RawRules,
        /// What the cluster is meant to survive.
        intent: RawIntent,
        /// What no probe can see and somebody vouches for, one table each.
        attest: Vec<RawAttestation>,
        /// Findings that are accepted for a time, one table each. They stay visible.
        waive: Vec<RawWaiver>,
    }

    /// The cluster as a whole.
    RawCluster {
        /// Its name.
        name: Text = needed,
        /// Its platform.
        platform: Spanned<Platform> = needed,
        /// Release of the platform: `"2022"` or `"2012 R2"` for Windows Server, `"9"` or `"15.5"` for a Linux distribution.
        release: Text,
        /// Edition of the platform: `"datacenter"`.
        edition: Text,
        /// Profile of rules; by default the one for platform and release.
        profile: Text,
        /// Facts of the cluster that are planned, with the names of the facts: `layout = "host"`, `ha.enabled = true`.
        /// They hold until a probe finds another value, which is then shown as drift.
        declare: Declared<Cluster>,
    }

    /// How to probe; flags of the command line override it.
    RawProbe {
        /// How many hosts and portals are probed at the same time, from 1 to 1024. Default: 32.
        parallel: Spanned<i64>,
        /// How long one host may take: `"30s"`, which is the default.
        host_timeout: Text,
        /// How long everything may take: `"5m"`, which is the default.
        deadline: Text,
        /// Keep ssh connections open for the next run, for this long: `"60s"`. Default: they are closed.
        ssh_persist: Text,
        /// Measure the ways between hosts once they have answered. Default: true.
        mesh: Spanned<bool>,
    }

    /// A member of the cluster.
    RawNode {
        /// Name, as the cluster and its reports call it.
        name: Text = needed,
        /// How to probe it: `"local"` for this machine, `"ssh://[user@]host[:port]"`, `"facts:FILE"` for a recording
        /// (relative to this file), or `"none"` when only what is declared here is known of it.
        probe: Text = needed,
        /// Whether to run through `sudo -n` what needs root and the account has not; `quorate manifest --format sudoers` writes
        /// the rules for it. Default: false.
        sudo: Spanned<bool>,
        /// Site or fire compartment it stands in.
        site: Text,
        /// Physical host that carries it, where it is a virtual machine.
        physical_host: Text,
        /// Facts of it that are planned, with the names of the facts: `os.build = "..."`. They hold until a probe finds
        /// another value, which is then shown as drift.
        declare: Declared<Node>,
    }

    /// A network that joins the nodes.
    RawNetwork {
        /// Name.
        name: Text = needed,
        /// What it is for.
        role: Spanned<NetworkRole> = needed,
        /// Its subnets: `["10.0.0.0/24"]`. An interface is on the network when it has an address in one of them.
        subnets: Vec<Text> = needed,
        /// MTU that every interface on it should have.
        mtu: Spanned<i64>,
        /// Switches that carry it, where no LLDP tells.
        switches: Vec<Text>,
    }

    /// An iSCSI target with shared storage.
    RawTarget {
        /// Its iSCSI name: `"iqn.2001-05.com.example:storage"` (RFC 7143, section 4.2.7).
        name: Text = needed,
        /// Its portals: `["10.0.1.10:3260", "[fd00::10]:3260"]`. The port is 3260 where it is left out.
        portals: Vec<Text> = needed,
        /// Whether to ask for CRC32C over headers. Default: as the target wants it.
        header_digest: Spanned<bool>,
        /// Whether to ask for CRC32C over data. Default: as the target wants it.
        data_digest: Spanned<bool>,
        /// Initiator name under which to log in. Default: one of quorate's own, which the target must let in.
        initiator_name: Text,
        /// How to log in with CHAP; left out, the login is without authentication.
        chap: RawChap,
        /// Its logical units that the cluster uses, one table each.
        lun: Vec<RawLun>,
    }

    /// How to log in with CHAP. Secrets are never written here, only where they are to be found.
    RawChap {
        /// User that we are to the target.
        user: Text = needed,
        /// Secret that we are known by.
        secret: RawSecret = needed,
        /// User that the target is to us, for mutual CHAP.
        mutual_user: Text,
        /// Secret that the target must know, for mutual CHAP; another than `secret` (RFC 7143, section 9.2.1).
        mutual_secret: RawSecret,
        /// Hashes to offer, the best first. Default: `["sha256", "md5"]`.
        algorithms: Vec<Spanned<ChapAlgorithm>>,
    }

    /// A logical unit of a target.
    RawLun {
        /// Logical unit number.
        lun: Spanned<i64> = needed,
        /// Name for it here and in reports. Default: `lun-N`.
        name: Text,
        /// What it is for.
        role: Spanned<LunUse> = needed,
        /// Identity it must have on every path, as `quorate init --from-target` writes it: `"naa.6001405..."`.
        identity: Text,
        /// Size it must have: `"1 GiB"`.
        size: Text,
        /// How far `quorate check --active` and `quorate storage test` may go on it. Default: it is not tested. Needs
        /// `identity` and `size`, so that no other LUN is ever tested in its place.
        test: Spanned<TestWord>,
        /// Blocks that `test = "pr-write"` may write to, first and count: `"20480+64"`. Default: 64 in the middle.
        test_range: Text,
        /// Signatures that may be on a LUN that is tested, by the names that the refusal gives them. Default: the LUN must
        /// be blank.
        allow_nonblank: Vec<Text>,
    }

    /// What gives the odd vote.
    RawWitness {
        /// Kind. `disk` needs `lun` or `volume`, `sbd` needs `lun`, `file-share` needs `share`, `cloud` needs `url`, `qdevice` needs `host`.
        kind: Spanned<WitnessKind> = needed,
        /// Name of the LUN it is on; where two targets have a LUN of that name, `"target-name/lun-name"`.
        lun: Text,
        /// Name of the `[[volume]]` it is on, for a disk that comes by no iSCSI target: over Fibre Channel, SAS, a virtual bus.
        volume: Text,
        /// File share it is on: `"//fs1/witness"`.
        share: Text,
        /// Address of the cloud storage: `"https://account.blob.core.windows.net"`.
        url: Text,
        /// Host of the Corosync quorum device: `"qd1:5403"`. The port is 5403 where it is left out.
        host: Text,
        /// Site it stands in.
        site: Text,
        /// Free space on it: `"10 GiB"`.
        free: Text,
    }

    /// Which rules to apply.
    RawRules {
        /// Directories with rules of your own, relative to this file.
        directories: Vec<Text>,
        /// Categories or rules to apply on top of the profile's: `["node", "network/redundant-paths"]`.
        select: Vec<Text>,
        /// Categories or rules not to apply.
        ignore: Vec<Text>,
    }

    /// What the cluster is meant to survive.
    RawIntent {
        /// Nodes that may fail at the same time.
        survive_nodes: Spanned<i64>,
        /// Whether the loss of any one network must be survived.
        survive_network: Spanned<bool>,
        /// Whether the loss of any one storage path must be survived.
        survive_path: Spanned<bool>,
        /// Whether the loss of any one site must be survived.
        survive_site: Spanned<bool>,
        /// Whether the loss of the physical host of any virtual node must be survived.
        survive_host: Spanned<bool>,
        /// Whether a failure of the application alone must be acted on.
        application_failover: Spanned<bool>,
        /// Whether every virtual machine must be able to move without the others.
        independent_vms: Spanned<bool>,
        /// Longest interruption that a planned move may bring: `30` or `"30s"`; 0 for none at all.
        planned_interruption_s: WholeSeconds,
        /// Longest interruption that a failure may bring: `300` or `"5m"`; 0 for none at all.
        interruption_s: WholeSeconds,
        /// Whether the service keeps state that a failover must find again.
        stateful: Spanned<bool>,
    }

    /// Something that no probe can see and that somebody vouches for.
    RawAttestation {
        /// What is vouched for: `"hardware-certified"`.
        subject: Text = needed,
        /// Who vouches.
        by: Text = needed,
        /// Since when: `"2026-01-31"`.
        on: Spanned<Date>,
        /// Last day it holds: `"2027-01-31"`.
        until: Spanned<Date> = needed,
        /// Why it may be believed.
        reason: Text,
    }

    /// A finding that is accepted for a time.
    RawWaiver {
        /// The rule: `"network/same-mtu"`.
        rule: Text = needed,
        /// Element it is accepted for, as the report names it; `*` stands for any characters, `?` for one. Default: all.
        subject: Text,
        /// Why it is accepted.
        reason: Text = needed,
        /// Who accepts it.
        owner: Text = needed,
        /// First day it is accepted, in UTC: `"2027-01-01"`. Default: at once.
        from: Spanned<Date>,
        /// Last day it is accepted, to its end in UTC: `"2027-01-31"`.
        until: Spanned<Date> = needed,
    }
}
