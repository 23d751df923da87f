//! Support bundles: every kind in every packing, several nodes at once, and archives that mean harm.

use crate::support::{Answer, Folder};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// A bundle of `fixtures/bundles`.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles").join(name)
}

/// All files below a folder, by their path in it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in std::fs::read_dir(&at).expect("a folder").flatten() {
            if entry.path().is_dir() {
                waiting.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).expect("below").to_string_lossy().into_owned();
                out.push((name, std::fs::read(entry.path()).expect("a file")));
            }
        }
    }
    out.sort();
    out
}

/// An archive that is being made.
struct Archive(Builder<Vec<u8>>);

impl Archive {
    fn new() -> Self {
        Archive(Builder::new(Vec::new()))
    }

    /// A bundle of `fixtures/bundles` below a folder of that name.
    fn of(bundle: &str, root: &str) -> Self {
        let mut archive = Archive::new();
        for (name, text) in files(&fixture(bundle)) {
            archive = archive.file(&format!("{root}/{name}"), &text);
        }
        archive
    }

    fn entry(mut self, name: &str, kind: EntryType, target: &str, text: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_714_990_272);
        // Names that a well-meant archive would not have.
        let old = header.as_old_mut();
        old.name[..name.len().min(100)].copy_from_slice(&name.as_bytes()[..name.len().min(100)]);
        old.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        if name.len() > 100 {
            self.0.append_data(&mut header, name, text).expect("written");
        } else {
            self.0.append(&header, text).expect("written");
        }
        self
    }

    fn file(self, name: &str, text: &[u8]) -> Self {
        self.entry(name, EntryType::Regular, "", text)
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.entry(name, EntryType::Symlink, target, b"")
    }

    fn tar(self) -> Vec<u8> {
        self.0.into_inner().expect("written")
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).expect("options");
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// The facts that `quorate probe` records of bundles.
fn facts(folder: &Folder, paths: &[&str]) -> Value {
    let mut args = vec!["probe", "-o", "-"];
    args.extend(paths);
    let answer = folder.run(&args);
    assert!(matches!(answer.code, Some(0 | 3)), "{}", answer.text());
    answer.json()
}

fn of_fixture(folder: &Folder, name: &str) -> Value {
    facts(folder, &[&fixture(name).to_string_lossy()])
}

fn node<'a>(facts: &'a Value, name: &str) -> &'a Value {
    let all = facts["nodes"].as_array().expect("nodes");
    all.iter().find(|node| node["name"] == name).unwrap_or_else(|| panic!("no {name} in {all:#?}"))
}

/// Reason and detail of the gap that covers a path.
fn gap(facts: &Value, path: &str) -> (String, String) {
    let gaps = facts["gaps"].as_array().expect("gaps");
    let covers = |gap: &&Value| {
        let at = gap["path"].as_str().expect("a path");
        path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let gap = gaps.iter().filter(covers).max_by_key(|gap| gap["path"].as_str().map(str::len));
    let gap = gap.unwrap_or_else(|| panic!("no gap for {path} in {gaps:#?}"));
    let word = |name: &str| gap[name].as_str().unwrap_or_default().to_owned();
    (word("reason"), word("detail"))
}

fn source(facts: &Value, path: &str) -> (String, String, String) {
    let all = facts["sources"].as_array().expect("sources");
    let source = all.iter().find(|source| source["path"] == path);
    let source = source.unwrap_or_else(|| panic!("no source {path} in {all:#?}"));
    let word = |name: &str| source[name].as_str().unwrap_or_default().to_owned();
    (word("kind"), word("place"), word("item"))
}

#[test]
fn a_sosreport_tells_of_its_node() {
    let folder = Folder::new();
    let facts = of_fixture(&folder, "sosreport/kiel1");
    assert_eq!(facts["run"]["started"], "2024-05-06T10:11:12Z");
    assert_eq!(
        (&facts["cluster"]["name"], &facts["cluster"]["platform"]),
        (&"kiel".into(), &"pacemaker".into())
    );
    let one = node(&facts, "kiel1");
    assert_eq!((&one["reached"], &one["probe"]), (&true.into(), &"facts".into()));
    assert_eq!(one["os"]["kernel"], "5.14.0-362.8.1.el9_3.x86_64");
    assert_eq!(one["iscsi"]["initiator_name"], "iqn.1994-05.com.redhat:kiel1");
    assert_eq!(one["iscsi"]["sessions"], Value::Array(vec![]), "it says itself that there are none");
    assert_eq!(one["corosync"]["links"], 2);
    assert_eq!(one["multipath"]["maps"][0]["name"], "mpatha");
    assert_eq!(one["time"]["synchronised"], true);
    let (kind, place, item) = source(&facts, "nodes[kiel1].multipath.maps");
    assert_eq!(kind, "bundle");
    assert!(
        place.ends_with("sosreport/kiel1") && item == "sos_commands/multipath/multipath_-ll",
        "{place} {item}"
    );
    let networks: Vec<_> =
        facts["networks"].as_array().expect("networks").iter().map(|one| &one["name"]).collect();
    assert_eq!(networks, ["link 0", "link 1"]);
    // What it does not hold is not guessed.
    assert_eq!(gap(&facts, "nodes[kiel1].disks").0, "not-collected");
    assert!(gap(&facts, "nodes[kiel1].disks").1.contains("a sosreport does not hold lsblk"));
    assert_eq!(gap(&facts, "nodes[kiel1].time.skew_ms").0, "not-collected");
    assert_eq!(gap(&facts, "links").0, "not-collected");
    // The other member is known, and nothing of it.
    assert_eq!(node(&facts, "kiel2")["reached"], false);
    assert!(gap(&facts, "nodes[kiel2]").1.contains("no bundle of it"));
}

#[test]
fn a_sosreport_tells_of_the_cluster() {
    let folder = Folder::new();
    let facts = facts(
        &folder,
        &["kiel1", "kiel2"]
            .map(|name| fixture(&format!("sosreport/{name}")).to_string_lossy().into_owned())
            .each_ref()
            .map(String::as_str),
    );
    let pacemaker = &facts["cluster"]["pacemaker"];
    assert_eq!(pacemaker["cib_version"], "0.41.7", "the live copy counts before the one on disk");
    assert_eq!(
        (&pacemaker["fencing_enabled"], &pacemaker["schema"]),
        (&true.into(), &"pacemaker-3.8".into())
    );
    let (kind, place, item) = source(&facts, "cluster.pacemaker");
    assert_eq!(
        (kind.as_str(), item.as_str()),
        ("bundle", "sos_commands/pacemaker/crm_report/kiel1/cib.xml.live")
    );
    assert!(place.ends_with("sosreport/kiel1"), "{place}");
    let (reason, detail) = gap(&facts, "cluster.pacemaker.failures");
    assert!(reason == "not-collected" && detail.contains("a sosreport does not hold the status"), "{detail}");
    let key = |name: &str| node(&facts, name)["corosync"]["authkey_sha256"].as_str().map(str::to_owned);
    assert!(key("kiel1").is_some_and(|hash| hash.len() == 64) && key("kiel1") == key("kiel2"));
    assert_eq!(node(&facts, "kiel1")["corosync"]["link_states"].as_array().map(Vec::len), Some(2));
    assert_eq!(node(&facts, "kiel2")["pacemaker"]["cib_version"], "0.41.7");
}

#[test]
fn a_cib_of_the_future_is_read_as_far_as_it_is_known() {
    let folder = Folder::new();
    let at = "sos_commands/pacemaker/crm_report/kiel1/cib.xml.live";
    let cib =
        String::from_utf8(std::fs::read(fixture("sosreport/kiel1").join(at)).expect("a file")).expect("text");
    let cib = cib
        .replace("pacemaker-3.8", "pacemaker-9.9")
        .replace("crm_feature_set=\"3.16.2\"", "crm_feature_set=\"9.1.0\" quantum=\"yes\"")
        .replace(
            "<constraints/>",
            "<constraints><entangle id=\"e\"><with id=\"f\"/></entangle></constraints><later/>",
        );
    folder.write("s.tar", Archive::of("sosreport/kiel1", "s").file(&format!("s/{at}"), cib.as_bytes()).tar());
    let facts = facts(&folder, &["s.tar"]);
    let pacemaker = &facts["cluster"]["pacemaker"];
    assert_eq!(
        (&pacemaker["schema"], &pacemaker["fencing_enabled"]),
        (&"pacemaker-9.9".into(), &true.into())
    );
    let broken = cib.replace("</cib>", "");
    folder.write(
        "b.tar",
        Archive::of("sosreport/kiel1", "s")
            .file(&format!("s/{at}"), broken.as_bytes())
            .file(&format!("s/{}", at.trim_end_matches(".live")), b"<cib")
            .tar(),
    );
    let facts = self::facts(&folder, &["b.tar"]);
    assert_eq!(facts["cluster"]["pacemaker"]["fencing_enabled"], Value::Null);
    assert_eq!(gap(&facts, "cluster.pacemaker.fencing_enabled").0, "command-failed");
}

#[test]
fn a_key_in_a_bundle_is_told_and_kept_out() {
    let folder = Folder::new();
    let answer = folder.run(&["probe", "-o", "f.json", &fixture("sosreport/kiel1").to_string_lossy()]);
    answer.complains("the bundle holds the cluster's key (etc/corosync/authkey, 68 bytes)");
    assert!(!folder.read("f.json").contains("not a real key"));
    let answer = folder.run(&["probe", "-o", "g.json", &fixture("supportconfig/kiel1").to_string_lossy()]);
    answer.complains("the bundle holds passwords of fence devices or resources (ha.txt)");
    assert!(!folder.read("g.json").contains("hunter2") && !answer.err.contains("hunter2"));
}

#[test]
fn every_packing_tells_the_same() {
    let folder = Folder::new();
    let tar = Archive::of("sosreport/kiel1", "sosreport-kiel1-2024-05-06-abcdefg").tar();
    let packed = [
        ("s.tar", tar.clone()),
        ("s.tar.gz", gzip(&tar)),
        ("s.tar.bz2", bzip2(&tar)),
        ("s.tar.xz", xz(&tar)),
        ("s.tar.zst", zstd(&tar)),
        // The name decides nothing.
        ("report", xz(&tar)),
        ("two-streams.gz", [gzip(&tar[..5000]), gzip(&tar[5000..])].concat()),
        ("two-frames.zst", [zstd(&tar[..5000]), zstd(&tar[5000..])].concat()),
    ];
    let bare = |mut facts: Value| {
        facts["sources"].take();
        facts["gaps"].take();
        facts
    };
    let mut first = None;
    for (name, bytes) in packed {
        folder.write(name, bytes);
        let facts = bare(facts(&folder, &[name]));
        assert_eq!(facts["nodes"][0]["name"], "kiel1", "{name}");
        let first = first.get_or_insert_with(|| facts.clone());
        assert_eq!(*first, facts, "{name}");
    }
}

#[test]
fn a_supportconfig_tells_of_its_node() {
    let folder = Folder::new();
    folder.write(
        "scc_kiel1_240506_1011.txz",
        xz(&Archive::of("supportconfig/kiel1", "scc_kiel1_240506_1011").tar()),
    );
    let facts = facts(&folder, &["scc_kiel1_240506_1011.txz"]);
    let one = node(&facts, "kiel1");
    assert_eq!(facts["run"]["started"], "2024-05-06T10:11:12Z");
    assert_eq!(one["os"]["kernel"], "5.14.21-150500.55.44-default");
    assert_eq!(one["corosync"]["cluster_name"], "kiel");
    let packages = one["packages"].as_array().expect("packages");
    assert!(
        packages.iter().any(|package| package["name"] == "sbd" && package["version"] == "1.5.2-150500.1.2")
    );
    assert_eq!(
        source(&facts, "nodes[kiel1].packages").2,
        "scc_kiel1_240506_1011/rpm.txt",
        "the member is named"
    );
    assert!(gap(&facts, "nodes[kiel1].iscsi.records").1.contains("a supportconfig does not hold"));
    assert!(
        gap(&facts, "nodes[kiel1].corosync.runtime.token_ms").1.contains("does not hold corosync-cmapctl")
    );
    assert_eq!(gap(&facts, "nodes[kiel1].corosync.link_states").0, "command-absent", "it says so itself");
    assert_eq!(
        (&one["sbd"]["start_mode"], &one["sbd"]["devices"][2]),
        (&"clean".into(), &"/dev/disk/by-id/scsi-3".into())
    );
    assert_eq!(facts["cluster"]["pacemaker"]["cib_version"], "0.41.7");
}

/// A crm report as it is packed: equal files once, with links from the nodes' folders.
fn crm_report(nodes: &[&str]) -> Archive {
    let mut archive = Archive::new();
    for (name, text) in files(&fixture("crm-report/kiel")) {
        let of = name.split('/').next().unwrap_or_default().to_owned();
        if !name.contains('/') || nodes.contains(&of.as_str()) {
            archive = archive.file(&format!("kiel/{name}"), &text);
        }
    }
    for node in nodes {
        for file in ["corosync.conf", "cib.xml", "sysinfo.txt", "members.txt"] {
            archive = archive.link(&format!("kiel/{node}/{file}"), &format!("../{file}"));
        }
    }
    archive
}

#[test]
fn a_crm_report_tells_of_all_its_nodes_and_what_it_proves_of_them() {
    let folder = Folder::new();
    folder.write("kiel.tar.bz2", bzip2(&crm_report(&["kiel1", "kiel2"]).tar()));
    let facts = facts(&folder, &["kiel.tar.bz2"]);
    let version = |name: &str| -> String {
        let all = node(&facts, name)["packages"].as_array().expect("packages");
        let sbd = all.iter().find(|package| package["name"] == "sbd").expect("sbd");
        sbd["version"].as_str().expect("a version").to_owned()
    };
    // The one copy at the top is the first node's; what its analysis tells gives the other's.
    assert_eq!((version("kiel1"), version("kiel2")), ("1.4.2-1.2".to_owned(), "1.4.1-3.1".to_owned()));
    assert_eq!(node(&facts, "kiel2")["corosync"]["two_node"], true, "equal by the analysis");
    let (_, _, item) = source(&facts, "nodes[kiel2].corosync");
    assert!(item.contains("equal by kiel/analysis.txt"), "{item}");
    let (_, _, item) = source(&facts, "nodes[kiel1].packages");
    assert!(item.contains("not proven equal"), "{item}");
}

#[test]
fn a_copy_for_all_nodes_is_no_proof_without_analysis() {
    let folder = Folder::new();
    let archive = crm_report(&["kiel1", "kiel2"]).file("kiel/analysis.txt", b"");
    folder.write("kiel.tar", archive.tar());
    let facts = facts(&folder, &["kiel.tar"]);
    assert_eq!(node(&facts, "kiel1")["corosync"]["two_node"], true);
    assert_eq!(node(&facts, "kiel2")["corosync"]["two_node"], Value::Null);
    let (reason, detail) = gap(&facts, "nodes[kiel2].corosync.two_node");
    assert_eq!(reason, "not-collected");
    assert!(detail.contains("kiel/corosync.conf is one copy for all nodes"), "{detail}");
}

#[test]
fn several_bundles_make_one_cluster() {
    let folder = Folder::new();
    for name in ["kiel1", "kiel2"] {
        folder.write(
            &format!("all/{name}.tar.gz"),
            gzip(&Archive::of(&format!("sosreport/{name}"), name).tar()),
        );
    }
    for paths in [&["all/kiel2.tar.gz", "all/kiel1.tar.gz"][..], &["all"]] {
        let facts = facts(&folder, paths);
        assert_eq!(facts["nodes"].as_array().map(Vec::len), Some(2));
        assert!(["kiel1", "kiel2"].iter().all(|name| node(&facts, name)["reached"] == true));
        assert_eq!(facts["run"]["complete"], true);
    }
    let answer = folder.run(&["check", "all", "--format", "json"]);
    let report = answer.json();
    assert_eq!(report["coverage"]["nodes"]["reached"], 2);
    let same = |rule: &str| {
        let all = report["findings"].as_array().expect("findings");
        all.iter().find(|one| one["rule"] == rule).map(|one| one["status"].clone())
    };
    assert_eq!(same("node/same-os"), Some("pass".into()), "{}", answer.text());
    assert_ne!(answer.code, Some(0), "much is not known");
}

#[test]
fn of_two_bundles_of_a_node_the_newer_counts() {
    let folder = Folder::new();
    folder.write("new.tar", Archive::of("sosreport/kiel1", "a").tar());
    let old = Archive::of("sosreport/kiel1", "b")
        .file("b/date", b"Mon Jan  1 10:11:12 UTC 2024\n")
        .file("b/etc/machine-id", b"4f2c0000000000000000000000000bad\n");
    folder.write("old.tar", old.tar());
    let answer = folder.run(&["probe", "-o", "f.json", "old.tar", "new.tar"]);
    answer.complains("new.tar (a sosreport, made 2024-05-06 10:11) counts, old.tar (a sosreport, made 2024-01-01 10:11) does not");
    assert!(folder.read("f.json").contains("4f2c00000000000000000000000000a1"));
    assert!(folder.read("f.json").contains("it counts before old.tar, made 2024-01-01 10:11"));
}

#[test]
fn another_cluster_is_left_out_and_told() {
    let folder = Folder::new();
    for name in ["kiel1", "kiel2"] {
        folder.write(&format!("{name}.tar"), Archive::of(&format!("sosreport/{name}"), name).tar());
    }
    let conf = String::from_utf8(
        std::fs::read(fixture("sosreport/kiel1/etc/corosync/corosync.conf")).expect("a file"),
    );
    let conf = conf.expect("text").replace("kiel", "bonn");
    let mut other = Archive::of("sosreport/kiel1", "x")
        .file("x/etc/corosync/corosync.conf", conf.as_bytes())
        .file("x/sos_commands/host/hostname", b"bonn1\n");
    for file in ["cib.xml", "cib.xml.live"] {
        let name = format!("sos_commands/pacemaker/crm_report/kiel1/{file}");
        let text = std::fs::read_to_string(fixture("sosreport/kiel1").join(&name)).expect("a file");
        other = other.file(&format!("x/{name}"), text.replace("kiel", "bonn").as_bytes());
    }
    folder.write("bonn1.tar", other.tar());
    let answer = folder.run(&["check", "kiel1.tar", "bonn1.tar", "kiel2.tar", "--format", "json"]);
    answer.complains("bonn1: left out, its bundle bonn1.tar is of another cluster (bonn)");
    let report = answer.json();
    let missing = &report["coverage"]["nodes"]["not_reached"][0];
    assert_eq!(missing["name"], "bonn1");
    assert!(missing["reason"].as_str().is_some_and(|reason| reason.contains("another cluster")));
    assert_ne!(answer.code, Some(0));
}

#[test]
fn a_stopped_plugin_makes_its_facts_unknown() {
    let folder = Folder::new();
    let manifest = String::from_utf8(
        std::fs::read(fixture("sosreport/kiel1/sos_reports/manifest.json")).expect("a file"),
    );
    let manifest = manifest.expect("text").replacen("\"timeout_hit\":false", "\"timeout_hit\":true", 1);
    let archive =
        Archive::of("sosreport/kiel1", "s").file("s/sos_reports/manifest.json", manifest.as_bytes());
    folder.write("s.tar", archive.tar());
    let facts = facts(&folder, &["s.tar"]);
    assert_eq!(node(&facts, "kiel1")["multipath"]["maps"], Value::Null);
    let (reason, detail) = gap(&facts, "nodes[kiel1].multipath.maps");
    assert_eq!(reason, "timed-out");
    assert!(detail.contains("the plugin multipath of sos was stopped"), "{detail}");
}

#[test]
fn latin_1_and_millions_of_log_lines_do_no_harm() {
    let folder = Folder::new();
    let mut log = Vec::new();
    for line in 0..1_000_000 {
        writeln!(
            log,
            "May  6 10:{:02}:{:02} kiel1 corosync[{}]: line {line}",
            line / 60 % 60,
            line % 60,
            line % 977
        )
        .expect("text");
    }
    let archive = Archive::of("sosreport/kiel1", "s")
        .file("s/var/log/messages", &log)
        .file("s/etc/hosts", b"10.40.1.1 kiel1 # B\xfcro\n");
    folder.write("s.tar.gz", gzip(&archive.tar()));
    let facts = facts(&folder, &["s.tar.gz"]);
    assert_eq!(node(&facts, "kiel1")["corosync"]["cluster_name"], "kiel");
    assert_eq!(node(&facts, "kiel1")["hosts_file"][0]["address"], "10.40.1.1");
}

/// Checks what a bundle that could not be read to its end came to.
fn is_partial(answer: &Answer, why: &str) {
    answer.complains("not read to its end").complains(why);
    assert!(matches!(answer.code, Some(1 | 3)), "{}", answer.text());
    assert_eq!(answer.json()["coverage"]["run_complete"], false);
}

#[test]
fn archives_that_end_early_are_judged_as_far_as_they_go() {
    let folder = Folder::new();
    // What does not shrink comes last, so that the cut is in it whatever the packing.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let noise: Vec<u8> = (0..2 << 20).map(|_| noise()).collect();
    let tar = Archive::of("sosreport/kiel1", "s").file("s/var/log/noise", &noise).tar();
    let cut = |packed: Vec<u8>, part: usize| packed[..packed.len() * part / 8].to_vec();
    for (name, bytes) in
        [("cut.tar", cut(tar.clone(), 6)), ("cut.gz", cut(gzip(&tar), 7)), ("cut.xz", cut(xz(&tar), 7))]
    {
        folder.write(name, bytes);
        let answer = folder.run(&["check", name, "--format", "json"]);
        is_partial(&answer, "it is");
    }
}

#[test]
fn a_bomb_is_put_out() {
    let folder = Folder::new();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&Archive::of("sosreport/kiel1", "s").tar()[..]).expect("written");
    // The end of the archive is taken for nothing by the reader; a member that follows is what swells.
    let tar = Archive::of("sosreport/kiel1", "s").tar();
    let open = &tar[..tar.len() - 1024];
    let mut header = Header::new_gnu();
    header.set_path("s/var/log/lastlog").expect("a name");
    header.set_size(600 << 20);
    header.set_cksum();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(open).expect("written");
    encoder.write_all(header.as_bytes()).expect("written");
    let zeros = vec![0; 1 << 20];
    for _ in 0..600 {
        encoder.write_all(&zeros).expect("written");
    }
    let bomb = encoder.finish().expect("written");
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    folder.write("bomb.tar.gz", bomb);
    let answer = folder.run(&["check", "bomb.tar.gz", "--format", "json"]);
    is_partial(&answer, "it unpacks to more than 500 times its size");
}

#[test]
fn a_million_members_end_at_a_bound() {
    let folder = Folder::new();
    let tar = Archive::of("sosreport/kiel1", "s").tar();
    let empty = Archive::new().file("s/proc/1/nothing", b"").tar();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&tar[..tar.len() - 1024]).expect("written");
    let many = empty[..512].repeat(10_000);
    for _ in 0..100 {
        encoder.write_all(&many).expect("written");
    }
    folder.write("many.tar.gz", encoder.finish().expect("written"));
    let answer = folder.run(&["check", "many.tar.gz", "--format", "json"]);
    is_partial(&answer, "it has more than 500000 members");
}

#[test]
fn nothing_leads_out_of_a_bundle() {
    let folder = Folder::new();
    folder.write("secret/corosync.conf", "totem {\n cluster_name: stolen\n}\n");
    let secret = folder.file("secret/corosync.conf").to_string_lossy().into_owned();
    let archive = Archive::of("sosreport/kiel1", "s")
        .file("../escaped.txt", b"x")
        .file("/tmp/escaped.txt", b"x")
        .link("s/etc/machine-id", &secret)
        .link("s/etc/fstab", "../../../../../../etc/fstab")
        .link("s/etc/hosts", "resolv.conf")
        .link("s/etc/resolv.conf", "hosts")
        .entry("s/etc/multipath.conf", EntryType::Link, "../../etc/shadow", b"")
        .entry("s/proc/kmsg", EntryType::Char, "", b"")
        .entry("s/run/initctl", EntryType::Fifo, "", b"");
    folder.write("s.tar", archive.tar());
    let answer = folder.run(&["probe", "-o", "f.json", "s.tar"]);
    answer.complains("7 of its members were refused: ../escaped.txt: its name leads out of the bundle");
    assert!(!folder.read("f.json").contains("stolen"));
    assert!(
        !folder.file("escaped.txt").exists()
            && !folder.path().parent().expect("above").join("escaped.txt").exists()
    );
    // The same in a folder: a link is never followed out of it.
    for (name, text) in files(&fixture("sosreport/kiel1")) {
        folder.write(&format!("s/{name}"), text);
    }
    std::fs::remove_file(folder.file("s/etc/corosync/corosync.conf")).expect("there");
    std::os::unix::fs::symlink(&secret, folder.file("s/etc/corosync/corosync.conf")).expect("made");
    std::os::unix::fs::symlink("../../secret/corosync.conf", folder.file("s/etc/iscsi/iscsid.conf"))
        .expect("made");
    let answer = folder.run(&["probe", "-o", "g.json", "s"]);
    answer.complains("its members were refused");
    assert!(!folder.read("g.json").contains("stolen"), "{}", folder.read("g.json"));
}

#[test]
fn what_is_no_bundle_is_refused() {
    let folder = Folder::new();
    folder.write("a.zip", b"PK\x03\x04rest");
    folder.write("a.gpg", b"-----BEGIN PGP MESSAGE-----\n");
    folder.write("photos/cat.jpg", "x");
    folder.write("photos.tar", Archive::new().file("photos/cat.jpg", b"x").tar());
    folder.write("empty.tar.gz", gzip(&[0; 1024]));
    folder.write("noise.tar.xz", [xz(b"x")[..12].to_vec(), vec![7; 400]].concat());
    std::fs::create_dir(folder.file("nothing")).expect("made");
    for (name, words) in [
        ("a.zip", "this is a zip archive"),
        ("a.gpg", "decrypt it first"),
        ("photos", "at its top stand photos/cat.jpg"),
        ("photos.tar", "at its top stand photos/cat.jpg"),
        ("empty.tar.gz", "no bundle that is known"),
        ("noise.tar.xz", "no bundle that is known"),
        ("nothing", "it is empty"),
    ] {
        // A folder shows what is in it without its own name.
        let words = if name == "photos" { "at its top stand cat.jpg" } else { words };
        folder.run(&["check", name]).ends_with(2).complains(words);
    }
    folder.write("k.tar", Archive::of("sosreport/kiel1", "k").tar());
    folder.write("cluster.toml", "[cluster]\nname = \"x\"\nplatform = \"pacemaker\"\n");
    folder.run(&["check", "k.tar", "cluster.toml"]).ends_with(2).complains("give the plan with --plan");
    folder.run(&["check", "k.tar", "gone.tar"]).ends_with(2).complains("gone.tar: entity not found");
    folder.run(&["check", "k.tar", "--active"]).ends_with(2).complains("there is nothing to test");
}

#[test]
fn a_folder_of_recordings_is_one_cluster() {
    let folder = Folder::new();
    for name in ["kiel1", "kiel2"] {
        let out = format!("records/{name}.json");
        folder.write(&out, "");
        folder.run(&["probe", "-o", &out, &fixture(&format!("sosreport/{name}")).to_string_lossy()]);
    }
    let facts = facts(&folder, &["records"]);
    assert!(["kiel1", "kiel2"].iter().all(|name| node(&facts, name)["reached"] == true), "{facts:#}");
    assert!(facts["gaps"].as_array().expect("gaps").iter().all(|gap| gap["path"] != "nodes[kiel2]"));
}

#[test]
fn public_samples_are_read() {
    let Some(samples) = std::env::var_os("QUORATE_SAMPLES") else { return };
    let folder = Folder::new();
    let of = |name: &str| facts(&folder, &[&Path::new(&samples).join("linux").join(name).to_string_lossy()]);
    let report = of("crmsh-hb_report");
    assert_eq!(report["run"]["started"], "2019-03-22T15:08:35Z");
    let glue = |name: &str| {
        let all = node(&report, name)["packages"].as_array().expect("packages").clone();
        all.into_iter().find(|package| package["name"] == "cluster-glue").expect("there")["version"].clone()
    };
    assert_ne!(glue("15sp1-1"), glue("15sp1-2"), "the analysis tells that they differ");
    assert_eq!(node(&report, "15sp1-1")["corosync"]["two_node"], true);
    let sos = of("hotsos-openstack-sosreport");
    assert_eq!(sos["nodes"][0]["cpu"]["vendor"], "GenuineIntel");
    assert!(sos["nodes"][0]["disks"].as_array().is_some_and(|disks| !disks.is_empty()));
}
