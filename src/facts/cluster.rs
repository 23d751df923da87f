//! Facts of the cluster as a whole: what it is meant to be, its witness, what is intended, what was attested.

use super::meta::{ChoiceType, Fact, FieldType, Record, RecordType, Type, Value};
use super::network::{Link, Network, NodePair};
use super::node::Node;
use super::pacemaker::Pacemaker;
use super::platform::{HighAvailability, Vcs, Wsfc};
use super::provenance::{Drift, Gap, Source};
use super::service::{Capacity, Group, Host, Placement, Vm, Volume};
use super::storage::{DiskTransport, Target};
use super::units::{Bytes, Micros, Seconds};
use crate::{choices, records};

choices! {
    /// Platform of a cluster.
    Platform {
        /// None in particular.
        Generic = "generic",
        /// Windows Server Failover Clustering.
        Wsfc = "wsfc",
        /// Pacemaker and Corosync.
        Pacemaker = "pacemaker",
        /// VMware vSphere HA.
        Vsphere = "vsphere",
        /// Proxmox VE.
        Proxmox = "proxmox",
        /// XenServer or XCP-ng.
        Xenserver = "xenserver",
        /// Veritas Cluster Server.
        Vcs = "vcs",
        /// Virtual Iron.
        VirtualIron = "virtual-iron",
    }

    /// How cluster and virtual machines stand to each other.
    Layout {
        /// Nodes are machines, and no virtual machine plays a part.
        Physical = "physical",
        /// Nodes are hosts, and what fails over are virtual machines.
        Host = "host",
        /// Nodes are virtual machines.
        Guest = "guest",
        /// Some nodes are machines and some are virtual machines, as one virtualised standby for N machines (N+1).
        Mixed = "mixed",
    }

    /// Kind of a witness.
    WitnessKind {
        /// None.
        None = "none",
        /// A LUN with a vote (disk witness, quorum disk).
        Disk = "disk",
        /// A file share.
        FileShare = "file-share",
        /// A blob in a cloud.
        Cloud = "cloud",
        /// A Corosync quorum device.
        Qdevice = "qdevice",
        /// STONITH block devices.
        Sbd = "sbd",
    }

    /// What Microsoft's cluster validation says of one of its tests.
    ValidationResult {
        /// It found nothing.
        Success = "success",
        /// It warns.
        Warning = "warning",
        /// It failed.
        Failed = "failed",
        /// It was broken off.
        Canceled = "canceled",
        /// It had nothing to look at.
        NotApplicable = "not-applicable",
        /// It was not run.
        NotRun = "not-run",
    }
}

records! {
    /// The facts document: all that is known of one cluster at one time.
    Document {
        /// Version of this document: `quorate/1`.
        schema: String,
        /// The run that gathered it.
        run: Run,
        /// The cluster as a whole.
        cluster: Cluster,
        /// Its members, reached or not.
        nodes: Vec<Node>,
        /// The networks of the plan.
        networks: Vec<Network>,
        /// The storage targets of the plan.
        targets: Vec<Target>,
        /// What gives the odd vote.
        witness: Witness,
        /// Hosts of virtual machines.
        hosts: Option<Vec<Host>>,
        /// Virtual machines that it carries, or of which it is made.
        vms: Option<Vec<Vm>>,
        /// Volumes with files.
        volumes: Option<Vec<Volume>>,
        /// Groups of resources.
        groups: Option<Vec<Group>>,
        /// Rules of the platform about where virtual machines run.
        placements: Option<Vec<Placement>>,
        /// What is left when nodes fail.
        capacity: Capacity,
        /// Ways that were measured.
        links: Option<Vec<Link>>,
        /// What the cluster is meant to survive.
        intent: Intent,
        /// What somebody vouches for.
        attestations: Vec<Attestation>,
        /// Derived: every two nodes and what joins them.
        pairs: Option<Vec<NodePair>>,
        /// Where the plan and what was found differ.
        drifts: Vec<Drift>,
        /// What is not known, and why.
        gaps: Vec<Gap>,
        /// Where what is known comes from.
        sources: Vec<Source>,
    }

    /// The run that gathered the facts.
    Run {
        /// Program and version that wrote it.
        tool: Option<String>,
        /// When it began, RFC 3339 in UTC.
        started: Option<String>,
        /// How long it took.
        elapsed_us: Option<Micros>,
        /// Whether it came to its end; false after an interruption or the run's deadline.
        complete: Option<bool>,
        /// What the plan says of judging (profile, parameters, severities, choice of rules, waivers), as a
        /// `cluster.toml`, so that a recording is judged as the live run was.
        settings: Option<String>,
    }

    /// The cluster as a whole.
    Cluster {
        /// Its name.
        name: Option<String>,
        /// Its platform.
        platform: Option<Platform>,
        /// Release of the platform: `2012 R2`, `2022`, `8`.
        release: Option<String>,
        /// Edition of the platform.
        edition: Option<String>,
        /// How it and virtual machines stand to each other.
        layout: Option<Layout>,
        /// How shared disks are attached, for limits that depend on it.
        transport: Option<DiskTransport>,
        /// Virtual machines of the hosts' hypervisor on which a cluster of guests runs: `hyper-v`, `esx`, `virtual-server`,
        /// `vmware-server`, `gsx`; empty for none.
        hypervisor: Option<String>,
        /// Release of that hypervisor: `2005 R2`, `3.5`, `6.7`.
        hypervisor_release: Option<String>,
        /// Names of add-ons that make it what it is: `vm6`.
        addons: Option<Vec<String>>,
        /// Licences for guest operating systems that are held.
        guest_licences: Option<i64>,
        /// Start of virtual machines after a failure, for platforms that restart them.
        ha: HighAvailability,
        /// What is particular to a Windows failover cluster.
        wsfc: Wsfc,
        /// What is particular to Veritas Cluster Server.
        vcs: Vcs,
        /// What Pacemaker's cluster information base (CIB) says, the newest copy that was read.
        pacemaker: Pacemaker,
        /// Cloud that it runs in, for time-outs that depend on it: `azure`, `aws`, `gcp`; empty for none.
        cloud: Option<String>,
        /// Votes: nodes that vote and the witness, where the plan has one.
        votes: Option<i64>,
        /// Microsoft's validation of it, where a report was read.
        validation: Validation,
    }

    /// What Microsoft's cluster validation (the wizard, or `Test-Cluster`) reported.
    Validation {
        /// What wrote the report.
        tool: Option<String>,
        /// Language of the report, as a tag: `en-US`.
        language: Option<String>,
        /// When it began, as the report writes it, in the time zone of the node that ran it.
        started: Option<String>,
        /// When it ended, as the report writes it.
        completed: Option<String>,
        /// Its tests, in the order of the report.
        tests: Option<Vec<ValidationTest>>,
    }

    /// A test of Microsoft's cluster validation.
    ValidationTest key id {
        /// Its id, made of its English name: `validate-ip-configuration`; `section-12` for a test that is not known.
        id: String,
        /// Its name, as the report writes it.
        title: Option<String>,
        /// Category, as the report writes it.
        category: Option<String>,
        /// What it came to.
        result: Option<ValidationResult>,
        /// Warnings and errors, as the report writes them.
        messages: Option<Vec<String>>,
    }

    /// What gives the odd vote.
    Witness {
        /// Kind.
        kind: Option<WitnessKind>,
        /// LUN it is on, for a disk or SBD: target and LUN name joined by `/`.
        lun: Option<String>,
        /// Volume it is on, for a disk that comes by no target of the plan; empty for the others.
        volume: Option<String>,
        /// Share, URL or host it is at, for the others.
        endpoint: Option<String>,
        /// Whether that place answered from here in its own protocol.
        reachable: Option<bool>,
        /// What it answered: SMB dialect, HTTP status, or what went wrong.
        answer: Option<String>,
        /// How long the answer took.
        latency_us: Option<Micros>,
        /// Free space that is declared for it.
        free_bytes: Option<Bytes>,
        /// Site it stands in (declared).
        site: Option<String>,
    }

    /// What the cluster is meant to survive.
    Intent {
        /// Nodes that may fail at the same time without loss of service.
        survive_nodes: Option<i64>,
        /// Whether the loss of any one network must be survived.
        survive_network: Option<bool>,
        /// Whether the loss of any one storage path must be survived.
        survive_path: Option<bool>,
        /// Whether the loss of any one site must be survived.
        survive_site: Option<bool>,
        /// Whether the loss of the physical host of any virtual node must be survived.
        survive_host: Option<bool>,
        /// Whether a failure of the application alone must be acted on.
        application_failover: Option<bool>,
        /// Whether every virtual machine must be able to move without the others.
        independent_vms: Option<bool>,
        /// Longest interruption that a planned move may bring; 0 for none at all.
        planned_interruption_s: Option<Seconds>,
        /// Longest interruption that a failure may bring; 0 for none at all.
        interruption_s: Option<Seconds>,
        /// Whether the service keeps state that a failover must find again.
        stateful: Option<bool>,
    }

    /// Something that no probe can see and that somebody vouches for.
    Attestation key subject {
        /// What is vouched for: `hardware-certified`, `cable-independence`.
        subject: String,
        /// Who vouches.
        by: Option<String>,
        /// Since when, as a date.
        on: Option<String>,
        /// Until when, as a date in UTC.
        until: Option<String>,
        /// Why it may be believed.
        reason: Option<String>,
        /// Derived: whether `until` has not passed when the facts were gathered.
        valid: Option<bool>,
    }
}

impl Document {
    /// The day on which the facts were gathered, in UTC; none where the document does not say.
    pub fn day(&self) -> Option<jiff::civil::Date> {
        let started = self.run.started.as_deref()?;
        let utc = |time: jiff::Timestamp| time.to_zoned(jiff::tz::TimeZone::UTC).date();
        // A time with another zone may lie on another day there than in UTC; a bare date is taken as it is.
        started.parse().map(utc).or_else(|_| started.parse()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_that_of_utc() {
        let day = |started: &str| {
            let run = Run { started: Some(started.to_owned()), ..Run::default() };
            Document { run, ..Document::default() }.day().map(|day| day.to_string())
        };
        assert_eq!(day("2026-05-01T23:30:00Z").as_deref(), Some("2026-05-01"));
        assert_eq!(day("2026-05-01T23:30:00-05:00").as_deref(), Some("2026-05-02"));
        assert_eq!(day("2026-05-01").as_deref(), Some("2026-05-01"));
        assert_eq!(day("yesterday"), None);
        assert_eq!(Document::default().day(), None);
    }
}
