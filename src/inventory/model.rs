//! The validated inventory: plain values, each that a finding may point at with its place.

use super::identity::Identity;
use super::raw::{ChapAlgorithm, SeverityWord};
use super::secret::Secret;
use crate::facts::{Bytes, Document, LunRole, LunTest, NetworkRole, Node, Platform, Seconds};
use crate::iscsi::Portal;
use crate::scsi::range::BlockRange;
use crate::source::{Item, Place, SourceFile, Span, Spanned, Text};
use ipnet::IpNet;
use jiff::civil::Date;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a `cluster.toml` says, validated.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The file.
    pub file: Arc<SourceFile>,
    /// Directory that paths in the file are relative to.
    pub directory: PathBuf,
    /// The cluster as a whole.
    pub cluster: ClusterPlan,
    /// How to probe.
    pub probe: ProbeSettings,
    /// The members of the cluster, at least one, with names of their own.
    pub nodes: Vec<NodePlan>,
    /// The networks, with names of their own. Their subnets may overlap; a rule judges that.
    pub networks: Vec<NetworkPlan>,
    /// The storage targets, with names of their own.
    pub targets: Vec<TargetPlan>,
    /// What gives the odd vote; none when the file says nothing of it.
    pub witness: Option<WitnessPlan>,
    /// What the cluster carries.
    pub carried: CarriedPlan,
    /// Parameters of rules, not yet checked against the rules.
    pub params: Vec<(Text, Item)>,
    /// Severities of rules, not yet checked against the rules.
    pub severity: Vec<(Text, Spanned<SeverityWord>)>,
    /// Which rules to apply.
    pub rules: RuleChoice,
    /// What the cluster is meant to survive.
    pub intent: IntentPlan,
    /// What somebody vouches for, with subjects of their own.
    pub attestations: Vec<AttestationPlan>,
    /// Findings that are accepted for a time, not yet checked against the rules.
    pub waivers: Vec<Waiver>,
}

/// The cluster as a whole.
#[derive(Clone, Debug)]
pub struct ClusterPlan {
    /// Its name.
    pub name: String,
    /// Its platform.
    pub platform: Platform,
    /// Where the platform stands.
    pub platform_span: Span,
    /// Release of the platform.
    pub release: Option<String>,
    /// Edition of the platform.
    pub edition: Option<String>,
    /// Profile of rules, not yet checked against the profiles that there are.
    pub profile: Option<Text>,
    /// Where its table stands.
    pub place: Place,
}

/// How to probe. Flags of the command line come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeSettings {
    /// How many hosts and portals are probed at the same time; 1 to 1024.
    pub parallel: usize,
    /// How long one host may take.
    pub host_timeout: Duration,
    /// How long everything may take.
    pub deadline: Duration,
    /// How long ssh connections stay open for the next run; none when they are closed.
    pub ssh_persist: Option<Duration>,
    /// Whether the ways between hosts are measured.
    pub mesh: bool,
}

impl Default for ProbeSettings {
    fn default() -> Self {
        ProbeSettings {
            parallel: 32,
            host_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(300),
            ssh_persist: None,
            mesh: true,
        }
    }
}

/// A member of the cluster.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Its name: letters, digits, `.`, `-` and `_`, not beginning with `-`.
    pub name: String,
    /// How to probe it.
    pub probe: ProbeMethod,
    /// Where that stands.
    pub probe_span: Span,
    /// Whether what needs root is run through sudo; only where a script is run at all.
    pub sudo: bool,
    /// Site it stands in.
    pub site: Option<String>,
    /// Physical host that carries it.
    pub physical_host: Option<String>,
    /// Planned facts. Only what is declared is there; not its name, site or physical host.
    pub declared: Node,
    /// Where each declared fact stands, by its path below the node: `os.build`, `nics[eth0].switch_name`.
    pub declared_places: Vec<(String, Place)>,
    /// Where its table stands.
    pub place: Place,
}

/// How to probe a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeMethod {
    /// It is this machine.
    Local,
    /// Through the OpenSSH client.
    Ssh(SshTarget),
    /// From a recording; the path is relative to the working directory, or absolute.
    Facts(PathBuf),
    /// Not at all.
    None,
}

/// Where ssh connects to. None of its parts begins with `-` or holds blanks or control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshTarget {
    /// User; none leaves it to ssh's configuration.
    pub user: Option<String>,
    /// Host name, alias of ssh's configuration, or address without brackets.
    pub host: String,
    /// Port; none leaves it to ssh's configuration.
    pub port: Option<u16>,
}

impl fmt::Display for SshTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ssh://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// A network that joins the nodes.
#[derive(Clone, Debug)]
pub struct NetworkPlan {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: NetworkRole,
    /// Its subnets, at least one, without host bits.
    pub subnets: Vec<IpNet>,
    /// MTU that it should have.
    pub mtu: Option<i64>,
    /// Switches that carry it; none when the file says nothing of them.
    pub switches: Option<Vec<String>>,
    /// Where its table stands.
    pub place: Place,
}

/// An iSCSI target.
#[derive(Clone, Debug)]
pub struct TargetPlan {
    /// Its iSCSI name, as it is written.
    pub name: String,
    /// Its portals, at least one, none twice.
    pub portals: Vec<PortalPlan>,
    /// Whether to ask for CRC32C over headers.
    pub header_digest: Option<bool>,
    /// Whether to ask for CRC32C over data.
    pub data_digest: Option<bool>,
    /// Initiator name to log in under.
    pub initiator_name: Option<String>,
    /// How to log in with CHAP.
    pub chap: Option<ChapPlan>,
    /// Its logical units, with numbers and names of their own.
    pub luns: Vec<LunPlan>,
    /// Where its table stands.
    pub place: Place,
}

/// A portal of a target.
#[derive(Clone, Debug)]
pub struct PortalPlan {
    /// Host and port.
    pub portal: Portal,
    /// Where it stands.
    pub place: Place,
}

/// How to log in with CHAP.
#[derive(Clone, Debug)]
pub struct ChapPlan {
    /// User that we are to the target.
    pub user: String,
    /// Secret that we are known by.
    pub secret: Secret,
    /// User and secret of the target, for mutual CHAP.
    pub mutual: Option<(String, Secret)>,
    /// Hashes to offer, the best first, at least one.
    pub algorithms: Vec<ChapAlgorithm>,
    /// Where its table stands.
    pub place: Place,
}

/// A logical unit of a target.
#[derive(Clone, Debug)]
pub struct LunPlan {
    /// Its number, at most 16383.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// What it is for: witness or data.
    pub role: LunRole,
    /// Identity it must have.
    pub identity: Option<Identity>,
    /// Size it must have.
    pub size: Option<Bytes>,
    /// How it may be tested; none when the file does not allow it.
    pub test: Option<TestPlan>,
    /// Its table.
    pub span: Span,
}

/// How a LUN may be tested. Where there is one, the LUN has an identity and a size.
#[derive(Clone, Debug)]
pub struct TestPlan {
    /// How far the test may go; never [`LunTest::None`].
    pub mode: LunTest,
    /// The blocks that it may write to; none for those in the middle.
    pub range: Option<BlockRange>,
    /// Signatures that may be on it, not yet checked against those that there are.
    pub allow_nonblank: Vec<Text>,
    /// Where the file allows it.
    pub span: Span,
}

/// What gives the odd vote.
#[derive(Clone, Debug)]
pub struct WitnessPlan {
    /// Where it is.
    pub at: WitnessPlace,
    /// Site it stands in.
    pub site: Option<String>,
    /// Free space on it.
    pub free: Option<Bytes>,
    /// Where its table stands.
    pub place: Place,
}

/// Where a witness is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessPlace {
    /// There is none, on purpose.
    None,
    /// On a LUN.
    Disk(LunName),
    /// On a volume of the plan, by name. It exists.
    Volume(String),
    /// On a file share.
    FileShare(Share),
    /// In a cloud, at an `https` URL without user, query or fragment.
    Cloud(String),
    /// On a Corosync quorum device.
    Qdevice(Portal),
    /// STONITH block device on a LUN.
    Sbd(LunName),
}

/// A LUN of the inventory, by name. It exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LunName {
    /// iSCSI name of its target.
    pub target: String,
    /// Its own name.
    pub lun: String,
}

impl fmt::Display for LunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.target, self.lun)
    }
}

/// A file share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Host name or address of the server.
    pub server: String,
    /// Share, and directory below it.
    pub path: String,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "//{}/{}", self.server, self.path)
    }
}

/// Which rules to apply.
#[derive(Clone, Debug, Default)]
pub struct RuleChoice {
    /// Directories with rules, relative to the working directory or absolute.
    pub directories: Vec<Spanned<PathBuf>>,
    /// Categories or rules to add to the profile's.
    pub select: Vec<Text>,
    /// Categories or rules to leave out.
    pub ignore: Vec<Text>,
}

/// Planned facts of the cluster as a whole and of what it carries.
#[derive(Clone, Debug, Default)]
pub struct CarriedPlan {
    /// The facts: `cluster` without what `[cluster]` says itself, `vms`, `hosts`, `volumes`, `groups`, `placements`, and nothing
    /// else. Lists of which the plan says nothing are missing.
    pub facts: Document,
    /// Where each stands, by its path in the document: `cluster.layout`, `vms[web1].memory_bytes`.
    pub places: Vec<(String, Place)>,
}

/// What the cluster is meant to survive.
#[derive(Clone, Debug, Default)]
pub struct IntentPlan {
    /// Nodes that may fail at the same time.
    pub survive_nodes: Option<i64>,
    /// Whether the loss of any one network must be survived.
    pub survive_network: Option<bool>,
    /// Whether the loss of any one storage path must be survived.
    pub survive_path: Option<bool>,
    /// Whether the loss of any one site must be survived.
    pub survive_site: Option<bool>,
    /// Whether the loss of the physical host of any virtual node must be survived.
    pub survive_host: Option<bool>,
    /// Whether a failure of the application alone must be acted on.
    pub application_failover: Option<bool>,
    /// Whether every virtual machine must be able to move without the others.
    pub independent_vms: Option<bool>,
    /// Longest interruption that a planned move may bring.
    pub planned_interruption_s: Option<Seconds>,
    /// Longest interruption that a failure may bring.
    pub interruption_s: Option<Seconds>,
    /// Whether the service keeps state that a failover must find again.
    pub stateful: Option<bool>,
    /// Where its table stands; none when the file has none.
    pub place: Option<Place>,
}

/// Something that somebody vouches for.
#[derive(Clone, Debug)]
pub struct AttestationPlan {
    /// What.
    pub subject: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub on: Option<Date>,
    /// Last day it holds, in UTC.
    pub until: Date,
    /// Why it may be believed.
    pub reason: Option<String>,
    /// Where its table stands.
    pub place: Place,
}

/// A finding that is accepted for a time.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// The rule, not yet checked against the rules that there are.
    pub rule: Text,
    /// Element it is accepted for; none for all.
    pub subject: Option<Text>,
    /// Why.
    pub reason: String,
    /// Who accepts it.
    pub owner: String,
    /// First day it is accepted, in UTC; at once where there is none.
    pub from: Option<Date>,
    /// Last day it is accepted, in UTC.
    pub until: Date,
    /// Where its table stands.
    pub place: Place,
    /// Whether that is in a plan, and not in the copy that a recording carries.
    pub in_plan: bool,
}

impl Waiver {
    /// Whether there is a day on which both accept.
    pub fn meets(&self, other: &Waiver) -> bool {
        self.from.is_none_or(|from| from <= other.until) && other.from.is_none_or(|from| from <= self.until)
    }
}
