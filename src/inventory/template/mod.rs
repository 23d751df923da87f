//! Commented `cluster.toml` files to begin with: empty, filled by discovery, and the demonstration's.
//!
//! Each loads without a mistake. Whatever comes from a target is quoted, or left out where it could not be read back.

mod sketch;

pub use sketch::{Sketch, SketchedNetwork, sketched, witness_key};

use super::check::portal_word;
use super::identity::{Identity, check_iscsi_name};
use crate::facts::{LunRole, NetworkRole};
use crate::iscsi::DEFAULT_PORT;
use crate::source::printable;
use ipnet::IpNet;
use std::fmt::Write;

const HEAD: &str = include_str!("head.toml");
const TARGET: &str = include_str!("target.toml");
const TAIL: &str = include_str!("tail.toml");

/// A file with one node, this machine, and an example of everything that can be written.
pub fn blank() -> String {
    sketched(&Sketch::default())
}

/// A target as discovery found it. None of it is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscoveredTarget {
    /// Its iSCSI name.
    pub name: String,
    /// Its portals: `10.0.1.10:3260`.
    pub portals: Vec<String>,
    /// Its logical units; empty when it did not let us in.
    pub luns: Vec<DiscoveredLun>,
}

/// A logical unit as discovery found it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscoveredLun {
    /// Its number.
    pub number: u64,
    /// Its identity: `naa.6001405...`.
    pub identity: Option<String>,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// Vendor and product, for the reader.
    pub model: Option<String>,
}

/// A file filled with the targets that discovery found. What each LUN is for is left to the reader, except that all
/// are called data until then.
pub fn from_discovery(targets: &[DiscoveredTarget]) -> String {
    sketched(&Sketch { targets: Some(targets.to_vec()), ..Sketch::default() })
}

/// Name that a LUN has where the file gives it none.
pub fn lun_name(number: u64) -> String {
    format!("lun-{number}")
}

/// Writes a target, or a comment that says why it is left out. `witness` is the LUN that gives a vote.
fn write_target(out: &mut String, target: &DiscoveredTarget, witness: Option<&str>) -> bool {
    let portals = target.portals.iter().filter_map(|text| portal_word(text, DEFAULT_PORT).ok());
    let mut portals: Vec<String> = portals.map(|portal| portal.to_string()).collect();
    portals.sort();
    portals.dedup();
    if check_iscsi_name(&target.name).is_err() || portals.is_empty() {
        let _ =
            writeln!(out, "# Left out, since it has no iSCSI name or no portal: {}", comment(&target.name));
        return false;
    }
    let _ = write!(out, "[[target]]\nname = {}\nportals = [\n", quoted(&target.name));
    for portal in &portals {
        let _ = writeln!(out, "  {},", quoted(portal));
    }
    out.push_str("]\n");
    if target.luns.is_empty() {
        out.push_str("# It showed no LUN. Where it asks for CHAP:\n#[target.chap]\n#user = \"quorate\"\n#secret = { env = \"QUORATE_CHAP_SECRET\" }\n");
    }
    let mut identities: Vec<String> = Vec::new();
    let mut numbers = Vec::new();
    for (position, lun) in target.luns.iter().enumerate() {
        if lun.number > 16_383 || numbers.contains(&lun.number) {
            continue;
        }
        numbers.push(lun.number);
        if let Some(model) = lun.model.as_deref().map(comment).filter(|model| !model.is_empty()) {
            let _ = writeln!(out, "# {model}");
        }
        let name = lun_name(lun.number);
        let votes =
            witness.is_some_and(|witness| witness == name || witness == format!("{}/{name}", target.name));
        let (role, hint) = match (votes, witness) {
            (true, _) => ("witness", ""),
            (false, None) if position == 0 => ("data", "  # or \"witness\", for the one that gives a vote"),
            _ => ("data", ""),
        };
        let _ = write!(out, "[[target.lun]]\nlun = {}\nrole = \"{role}\"{hint}\n", lun.number);
        let identity = lun.identity.as_deref().and_then(|text| Identity::parse(text).ok());
        if let Some(identity) = identity.map(|identity| identity.to_string())
            && !identities.contains(&identity)
        {
            let _ = writeln!(out, "identity = {}", quoted(&identity));
            identities.push(identity);
        }
        if let Some(size) = lun.size_bytes.filter(|size| (1..=i64::MAX.unsigned_abs()).contains(size)) {
            let _ = writeln!(out, "size = {}", quoted(&size_text(size)));
        }
    }
    true
}

/// What the demonstration's file is made of.
#[derive(Clone, Debug)]
pub struct Demo {
    /// Name of the node that this machine is.
    pub local: String,
    /// Names of the recorded nodes, with their recordings, relative to the file.
    pub recorded: Vec<(String, String)>,
    /// The networks: name, role, subnets.
    pub networks: Vec<(String, NetworkRole, Vec<IpNet>)>,
    /// iSCSI name of the embedded target.
    pub target: String,
    /// Its portals: `127.0.0.1:3260`.
    pub portals: Vec<String>,
    /// User of its CHAP login, and the environment variable that holds the secret.
    pub chap: Option<(String, String)>,
    /// Its LUNs.
    pub luns: Vec<DemoLun>,
}

/// A LUN of the demonstration.
#[derive(Clone, Debug)]
pub struct DemoLun {
    /// Its number.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: LunRole,
    /// Identity that it should have.
    pub identity: Option<String>,
    /// Size that it should have.
    pub size_bytes: Option<u64>,
}

/// The demonstration's file: this machine and recorded nodes at an embedded target.
pub fn demo(demo: &Demo) -> String {
    let mut out = String::from(
        "#:schema ./cluster.schema.json\n\
         # The demonstration's cluster: this machine, recorded nodes, and an iSCSI target that `quorate demo` runs inside\n\
         # itself for as long as it takes. Change something and run `quorate demo` again; write a file for a cluster of\n\
         # your own with `quorate init`.\n\n\
         [cluster]\nname = \"demo\"\nplatform = \"generic\"\n\n\
         # The other nodes are recordings: nobody answers at their addresses, so no ways to them are measured or judged.\n\
         [probe]\nmesh = false\n[rules]\nignore = [\"links\"]\n\n\
         # This machine, probed by one read-only script that runs here.\n",
    );
    let _ = write!(out, "[[node]]\nname = {}\nprobe = \"local\"\n", quoted(&demo.local));
    if !demo.recorded.is_empty() {
        out.push_str("\n# Nodes that were recorded elsewhere, as `quorate probe -o FILE` does it.\n");
    }
    for (name, file) in &demo.recorded {
        let _ =
            write!(out, "[[node]]\nname = {}\nprobe = {}\n", quoted(name), quoted(&format!("facts:{file}")));
    }
    if !demo.networks.is_empty() {
        out.push_str("\n# An interface is on a network when it has an address in one of its subnets.\n");
    }
    for (name, role, subnets) in &demo.networks {
        let subnets: Vec<_> = subnets.iter().map(|subnet| quoted(&subnet.to_string())).collect();
        let subnets = subnets.join(", ");
        let _ =
            write!(out, "[[network]]\nname = {}\nrole = \"{role}\"\nsubnets = [{subnets}]\n", quoted(name));
    }
    let portals: Vec<_> = demo.portals.iter().map(|portal| quoted(portal)).collect();
    let _ = write!(
        out,
        "\n# The embedded target. It keeps its LUNs in memory and lives only while `quorate demo` runs.\n\
         [[target]]\nname = {}\nportals = [{}]\n",
        quoted(&demo.target),
        portals.join(", ")
    );
    if let Some((user, variable)) = &demo.chap {
        let _ = write!(
            out,
            "# Secrets are never written here, only where they are to be found.\n\
             [target.chap]\nuser = {}\nsecret = {{ env = {} }}\n",
            quoted(user),
            quoted(variable)
        );
    }
    for lun in &demo.luns {
        let _ = write!(
            out,
            "[[target.lun]]\nlun = {}\nname = {}\nrole = \"{}\"\n",
            lun.number,
            quoted(&lun.name),
            lun.role
        );
        if let Some(identity) = &lun.identity {
            let _ = writeln!(out, "identity = {}", quoted(identity));
        }
        if let Some(size) = lun.size_bytes {
            let _ = writeln!(out, "size = {}", quoted(&size_text(size)));
        }
    }
    match demo.luns.iter().find(|lun| lun.role == LunRole::Witness) {
        Some(lun) => {
            let _ = write!(
                out,
                "\n# What gives the odd vote when half of the nodes are lost.\n[witness]\nkind = \"disk\"\nlun = {}\n",
                quoted(&lun.name)
            );
        }
        None => out.push_str(
            "\n# Nothing gives the odd vote when half of the nodes are lost.\n[witness]\nkind = \"none\"\n",
        ),
    }
    out.push_str(
        "\n# What the cluster is meant to survive; rules measure it by that.\n\
         [intent]\nsurvive_nodes = 1\nsurvive_network = true\nsurvive_path = true\n\n\
         # To accept a finding for a time, name it with a reason and an owner. It stays in the report.\n\
         #[[waive]]\n#rule = \"network/redundant-paths\"\n#reason = \"the demonstration has one network\"\n\
         #owner = \"you\"\n#until = \"2027-12-31\"\n",
    );
    out
}

/// A size in the largest unit that leaves no remainder.
fn size_text(bytes: u64) -> String {
    const UNITS: [(&str, u32); 5] = [("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let unit = UNITS.into_iter().find(|(_, shift)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    unit.map_or_else(|| format!("{bytes} bytes"), |(name, shift)| format!("{} {name}", bytes >> shift))
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Text for the rest of a comment line.
fn comment(text: &str) -> String {
    let line: String = text.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
    printable(line.trim()).into_owned()
}
