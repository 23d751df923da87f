//! The commented file filled with answers: as they were given, so that the reader of `cluster.toml` is who checks them.

use super::{DiscoveredTarget, HEAD, TAIL, TARGET, quoted, write_target};
use std::fmt::Write;

/// What is known of a cluster before its file is written. Nothing of it is checked; the file it makes is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// Its name.
    pub name: Option<String>,
    /// Its platform.
    pub platform: Option<String>,
    /// Release of the platform.
    pub release: Option<String>,
    /// Profile of rules, where it does not follow from platform and release.
    pub profile: Option<String>,
    /// Its nodes: name, and how to probe it. Where there are none, one is written that is this machine.
    pub nodes: Vec<(String, String)>,
    /// Its networks.
    pub networks: Vec<SketchedNetwork>,
    /// Its targets, as discovery found them; none where nobody looked.
    pub targets: Option<Vec<DiscoveredTarget>>,
    /// What gives the odd vote: kind, and where it is.
    pub witness: Option<(String, Option<String>)>,
}

/// A network of a [`Sketch`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SketchedNetwork {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: String,
    /// Its subnets.
    pub subnets: Vec<String>,
}

/// The key that says where a witness of a kind is; none where it is nowhere, or the kind is not known.
pub fn witness_key(kind: &str) -> Option<&'static str> {
    match kind {
        "disk" | "sbd" => Some("lun"),
        "file-share" => Some("share"),
        "cloud" => Some("url"),
        "qdevice" => Some("host"),
        _ => None,
    }
}

/// A commented file with all that a sketch says; what it does not say stands there as an example.
pub fn sketched(sketch: &Sketch) -> String {
    let mut head = HEAD.to_owned();
    let mut put = |place: &str, text: Option<String>| {
        if let Some(text) = text {
            head = head.replacen(place, &text, 1);
        }
    };
    let line = |key: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!("{key} = {}\n", quoted(value)))
    };
    put(NAME, line("name", &sketch.name));
    put(PLATFORM, line("platform", &sketch.platform));
    put(RELEASE, line("release", &sketch.release));
    put(PROFILE, line("profile", &sketch.profile));
    put(NODE, (!sketch.nodes.is_empty()).then(|| nodes(&sketch.nodes)));
    put(NETWORK, (!sketch.networks.is_empty()).then(|| networks(&sketch.networks) + "\n" + NETWORK));
    let targets = match &sketch.targets {
        None => TARGET.to_owned(),
        Some(targets) => found(targets, sketch.witness.as_ref()),
    };
    let tail = match &sketch.witness {
        None => TAIL.to_owned(),
        Some((kind, at)) => TAIL.replacen(WITNESS, &witness(kind, at.as_deref()), 1),
    };
    [head, targets, tail].concat()
}

const NAME: &str = "name = \"my-cluster\"\n";
const PLATFORM: &str = "platform = \"generic\"\n";
const RELEASE: &str = "#release = \"2022\"\n";
const PROFILE: &str = "#profile = \"generic\"\n";
const NODE: &str = "[[node]]\nname = \"node1\"\nprobe = \"local\"\n";
const NETWORK: &str = "#[[network]]\n#name = \"cluster\"\n";
const WITNESS: &str = "#[witness]\n#kind = \"disk\"\n#lun = \"witness\"\n";

fn nodes(nodes: &[(String, String)]) -> String {
    let mut out = String::new();
    for (at, (name, probe)) in nodes.iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        let _ = write!(out, "{gap}[[node]]\nname = {}\nprobe = {}\n", quoted(name), quoted(probe));
    }
    out
}

fn networks(networks: &[SketchedNetwork]) -> String {
    let mut out = String::new();
    for (at, network) in networks.iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        let subnets: Vec<String> = network.subnets.iter().map(|subnet| quoted(subnet)).collect();
        let _ = write!(
            out,
            "{gap}[[network]]\nname = {}\nrole = {}\nsubnets = [{}]\n",
            quoted(&network.name),
            quoted(&network.role),
            subnets.join(", ")
        );
    }
    out
}

/// What discovery found; the LUN that the witness is on is there for it.
fn found(targets: &[DiscoveredTarget], witness: Option<&(String, Option<String>)>) -> String {
    let mut out = String::from("# The iSCSI targets with shared storage, as discovery found them.\n");
    let lun = witness.filter(|(kind, _)| witness_key(kind) == Some("lun")).and_then(|(_, at)| at.as_deref());
    let mut any = false;
    for target in targets {
        any |= write_target(&mut out, target, lun);
    }
    if !any {
        out.push_str("# It found none that can be used.\n");
    }
    out.push('\n');
    out
}

fn witness(kind: &str, at: Option<&str>) -> String {
    let mut out = format!("[witness]\nkind = {}\n", quoted(kind));
    if let (Some(key), Some(at)) = (witness_key(kind), at) {
        let _ = writeln!(out, "{key} = {}", quoted(at));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_to_fill_is_there_once() {
        for place in [NAME, PLATFORM, RELEASE, PROFILE, NODE, NETWORK] {
            assert_eq!(HEAD.matches(place).count(), 1, "{place}");
        }
        assert_eq!(TAIL.matches(WITNESS).count(), 1);
    }
}
