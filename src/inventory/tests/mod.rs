use super::*;
use crate::facts::{Bytes, LunRole, NetworkRole, Platform};
use crate::source::Look;
use std::time::Duration;

mod mistakes;
mod planned;
mod reference;
mod secrets;
mod templates;

const FULL: &str = include_str!("full.toml");

fn read(text: &str) -> Result<Inventory, Problems> {
    Inventory::parse(&SourceFile::new("cluster.toml", text))
}

fn full() -> Inventory {
    read(FULL).unwrap_or_else(|problems| panic!("{}", problems.render(Look::Plain { width: 100 })))
}

#[test]
fn everything_that_can_be_written_is_read() {
    let inventory = full();
    assert_eq!(inventory.cluster.name, "hv-cluster");
    assert_eq!(inventory.cluster.platform, Platform::Wsfc);
    assert_eq!(inventory.cluster.profile.as_deref(), Some("wsfc-2012"));
    assert_eq!(
        inventory.probe,
        ProbeSettings {
            parallel: 16,
            host_timeout: Duration::from_secs(20),
            deadline: Duration::from_mins(2),
            ssh_persist: Some(Duration::from_mins(1)),
            mesh: false,
        }
    );
    let probes: Vec<_> = inventory.nodes.iter().map(|node| node.probe.clone()).collect();
    let ssh = SshTarget { user: Some("admin".into()), host: "fd00::2".into(), port: Some(2222) };
    assert_eq!(ssh.to_string(), "ssh://admin@[fd00::2]:2222");
    assert_eq!(
        probes,
        [
            ProbeMethod::Local,
            ProbeMethod::Ssh(ssh),
            ProbeMethod::Facts(PathBuf::from("recorded/hv3.json")),
            ProbeMethod::None
        ]
    );
    assert_eq!(inventory.nodes[1].place.to_string(), "cluster.toml:20");
    assert_eq!(inventory.networks[0].role, NetworkRole::Cluster);
    assert_eq!(inventory.networks[0].subnets[1].to_string(), "fd00::/64");
    let target = &inventory.targets[0];
    let portals: Vec<_> = target.portals.iter().map(|portal| portal.portal.to_string()).collect();
    assert_eq!(portals, ["10.0.1.10:3260", "[fd00::10]:3261", "san.example.com:860"]);
    assert_eq!((target.header_digest, target.data_digest), (Some(true), None));
    let chap = target.chap.as_ref().expect("there is CHAP");
    assert_eq!(chap.secret.source(), &SecretSource::Env("CHAP".into()));
    assert_eq!(chap.algorithms, [ChapAlgorithm::Md5]);
    assert!(chap.mutual.as_ref().is_some_and(|(user, _)| user == "storage"));
    assert_eq!(
        target.luns[0].identity.as_ref().map(Identity::as_str),
        Some("naa.6001405abcdef01234567890abcdef01")
    );
    assert_eq!(target.luns[0].size, Some(Bytes(1 << 30)));
    assert_eq!((target.luns[1].name.as_str(), target.luns[1].role), ("lun-1", LunRole::Data));
    let name = LunName { target: target.name.clone(), lun: "witness".into() };
    assert_eq!(inventory.witness.as_ref().map(|witness| &witness.at), Some(&WitnessPlace::Disk(name)));
    assert_eq!(
        inventory.params.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["min_cluster_networks", "limits"]
    );
    assert_eq!(inventory.severity[0].1.value, SeverityWord::Warn);
    assert_eq!(inventory.rules.directories[0].value, PathBuf::from("my-rules"));
    assert_eq!(inventory.intent.survive_nodes, Some(1));
    assert_eq!(inventory.waivers[0].from.map(|from| from.to_string()).as_deref(), Some("2027-01-01"));
    assert_eq!(inventory.waivers[0].until.to_string(), "2027-03-31");
    assert_eq!(inventory.waivers[0].rule.place().line, 119);
}

#[test]
fn paths_are_relative_to_the_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("cluster.toml");
    let text = FULL.replace("{ env = \"CHAP\" }", "{ file = \"chap.txt\" }");
    std::fs::write(&path, text).expect("written");
    let inventory = Inventory::load(&path).expect("sound");
    assert_eq!(inventory.nodes[2].probe, ProbeMethod::Facts(directory.path().join("recorded/hv3.json")));
    assert_eq!(inventory.rules.directories[0].value, directory.path().join("my-rules"));
    let chap = inventory.targets[0].chap.as_ref().expect("there is CHAP");
    assert_eq!(chap.secret.source(), &SecretSource::File(directory.path().join("chap.txt")));
}

#[test]
fn what_the_file_refers_to_is_looked_for_before_a_probe() {
    let text = FULL.replace("{ env = \"CHAP\" }", "{ env = \"QUORATE_TEST_IS_NOT_SET\" }");
    let problems = read(&text).expect("sound").check_references().expect_err("nothing is there");
    insta::assert_snapshot!(problems.to_string());
}

#[test]
fn severity_words_are_those_of_findings() {
    use crate::rule::Severity;
    let of_findings = [Severity::Fail, Severity::Warn, Severity::Info].map(Severity::word);
    assert_eq!(SeverityWord::ALL.iter().map(|word| word.word()).collect::<Vec<_>>(), of_findings);
}

#[test]
fn declared_facts_have_their_types_units_and_places() {
    let node = &full().nodes[1];
    assert_eq!(node.declared.os.build.as_deref(), Some("10.0.20348.2527"));
    assert_eq!(node.declared.cpu.cores, Some(16));
    assert_eq!(node.declared.memory.total_bytes, Some(Bytes(64 << 30)));
    assert_eq!(node.declared.time.skew_ms.map(|skew| skew.0), Some(-5));
    let nics = node.declared.nics.as_ref().expect("declared");
    assert_eq!(nics[0].speed_bps.map(|speed| speed.0), Some(10_000_000_000));
    let line = |path: &str| {
        node.declared_places.iter().find(|(other, _)| other == path).map(|(_, place)| place.line)
    };
    assert_eq!(line("os.build"), Some(25));
    assert_eq!(line("cpu.vendor"), Some(27));
    assert_eq!(line("nics[eth0].switch_name"), Some(33));
    assert_eq!(line("nics[eth0].addresses[10.0.0.12].dynamic"), Some(38));
    assert_eq!(line("nics[eth1].kind"), Some(41));
}
