//! Bundles that are damaged at any place: what comes of them can be recorded, or they are refused with words.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

/// Members of the fixtures: name below the bundle's folder, content.
static BUNDLES: LazyLock<Vec<Vec<(String, Vec<u8>)>>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/bundles");
    ["sosreport/kiel1", "supportconfig/kiel1", "crm-report/kiel"]
        .iter()
        .map(|bundle| {
            let mut waiting = vec![root.join(bundle)];
            let mut out = Vec::new();
            while let Some(folder) = waiting.pop() {
                for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
                    let path = entry.path();
                    if path.is_dir() {
                        waiting.push(path);
                    } else {
                        let name = path.strip_prefix(&root).expect("below").to_string_lossy().into_owned();
                        out.push((name, std::fs::read(&path).expect("a file")));
                    }
                }
            }
            out.sort();
            out
        })
        .collect()
});

/// One thing that is done to a member.
#[derive(Clone, Debug)]
enum Harm {
    /// A piece of it is replaced.
    Noise(usize, usize, Vec<u8>),
    /// It ends early.
    Cut(usize),
    /// A piece stands in it many times over.
    Repeated(usize, usize),
    /// It is a link to another, or to nowhere.
    Link(String),
    /// Another stands under its name too.
    Other(usize),
    /// It is not there.
    Gone,
}

fn harm() -> impl Strategy<Value = Harm> {
    let noise = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[<>/\"'= a-z0-9:{}\\[\\],;#\n\t-]{0,40}".prop_map(String::into_bytes),
        prop_oneof![
            "999999999999999999999",
            "-9223372036854775808",
            "1e400",
            "\u{202e}",
            "4294967296",
            "0/0",
            ",,,"
        ]
        .prop_map(String::into_bytes),
    ];
    prop_oneof![
        4 => (any::<usize>(), 0usize..200, noise).prop_map(|(at, length, noise)| Harm::Noise(at, length, noise)),
        1 => any::<usize>().prop_map(Harm::Cut),
        1 => (any::<usize>(), 1usize..80).prop_map(|(at, length)| Harm::Repeated(at, length)),
        1 => "(\\.\\./){0,4}[a-z.]{0,12}".prop_map(Harm::Link),
        1 => any::<usize>().prop_map(Harm::Other),
        1 => Just(Harm::Gone),
    ]
}

fn add(builder: &mut tar::Builder<Vec<u8>>, name: &str, kind: tar::EntryType, link: &str, content: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    let link = &link.as_bytes()[..link.len().min(99)];
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    builder.append_data(&mut header, name, content).expect("written to memory");
}

/// An archive of a fixture with those of its members harmed.
fn archive(members: &[(String, Vec<u8>)], harms: &[(usize, Harm)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (at, (name, content)) in members.iter().enumerate() {
        let mut content = content.clone();
        let mut link = None;
        let mut gone = false;
        for (_, harm) in harms.iter().filter(|(member, _)| member % members.len() == at) {
            let size = content.len();
            let piece = |at: usize, length: usize| {
                let start = at % (size + 1);
                start..(start + length).min(size)
            };
            match harm {
                Harm::Noise(at, length, noise) => {
                    content.splice(piece(*at, *length), noise.iter().copied());
                }
                Harm::Cut(at) => content.truncate(at % (size + 1)),
                Harm::Repeated(at, length) => {
                    let range = piece(*at, *length);
                    let many = content[range.clone()].repeat(300);
                    content.splice(range, many);
                }
                Harm::Link(target) => link = Some(target),
                Harm::Other(other) => {
                    content.extend_from_slice(&members[other % members.len()].1);
                }
                Harm::Gone => gone = true,
            }
        }
        match link {
            _ if gone => {}
            Some(target) => add(&mut builder, name, tar::EntryType::Symlink, target, b""),
            None => add(&mut builder, name, tar::EntryType::Regular, "", &content),
        }
    }
    builder.into_inner().expect("written to memory")
}

/// Holds what came of an archive against what must hold of anything that was read.
fn holds(archive: &[u8]) -> Result<bool, TestCaseError> {
    match parse(archive, "harmed.tar") {
        Ok(gathered) => {
            let text = gathered.document.to_json();
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
            let back = Document::parse(text.as_bytes(), "harmed.json");
            prop_assert!(back.is_ok(), "{:?}", back.err());
            prop_assert!(gathered.notes.iter().all(|note| !note.contains(char::is_control)));
            Ok(true)
        }
        Err(error) => {
            prop_assert!(error.to_string().contains("harmed.tar"));
            prop_assert!(!error.to_string().contains(char::is_control), "{error:?}");
            Ok(false)
        }
    }
}

#[test]
fn the_fixtures_are_read_whole() {
    for members in BUNDLES.iter() {
        assert!(holds(&archive(members, &[])).expect("it holds"), "{}", members[0].0);
    }
}

#[test]
fn what_an_unpacker_says_of_an_archive_is_harmless() {
    let whole = archive(&BUNDLES[0], &[]);
    for block in (0..whole.len() - 512).step_by(512).take(64) {
        let mut bytes = whole.clone();
        bytes[block..block + 4].copy_from_slice(b"\x00\x1b[3");
        bytes[block + 148..block + 153].copy_from_slice(b"\x1b[31m");
        holds(&bytes).expect("it holds");
    }
}

/// How many are tried: as many as `PROPTEST_CASES` says, for a long search.
fn cases() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(24), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_harmed_bundle_is_read_or_refused(bundle in 0usize..3, harms in proptest::collection::vec((any::<usize>(), harm()), 1..6)) {
        holds(&archive(&BUNDLES[bundle], &harms))?;
    }

    #[test]
    fn an_archive_that_is_harmed_itself_is_read_or_refused(
        bundle in 0usize..3,
        at in any::<usize>(),
        noise in proptest::collection::vec(any::<u8>(), 1..8),
        cut in any::<Option<usize>>(),
    ) {
        let mut bytes = archive(&BUNDLES[bundle], &[]);
        let start = at % bytes.len();
        let end = (start + noise.len()).min(bytes.len());
        bytes.splice(start..end, noise);
        if let Some(cut) = cut {
            bytes.truncate(cut % bytes.len());
        }
        holds(&bytes)?;
    }
}
