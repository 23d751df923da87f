//! `--redact`: a recording without names, written only once it is proved that rules say the same of it.
//!
//! Both documents are judged by every rule that there is, under the profile of the recording, and compared finding by
//! finding. Where one differs nothing is written.

use super::args::RuleOptions;
use super::{check, recording, rulebook};
use crate::derive;
use crate::facts::Document;
use crate::inventory::Inventory;
use crate::redact::{LEAST_SALT, Redacted, Salt, redact};
use crate::report::{count, printable};
use crate::rule::{Finding, Ruleset, Selection};
use crate::source::{Problem, Problems};
use std::path::{Path, PathBuf};

/// Most differences that are told of one by one.
const MOST_TOLD: usize = 8;

/// Whether and how names are replaced.
#[derive(clap::Args, Default)]
#[command(next_help_heading = "Privacy")]
pub(super) struct RedactOptions {
    /// Replace names of hosts, domains and users, addresses, serial numbers, identities of LUNs and keys by tokens; nothing
    /// is written where a rule would say something else of the result
    #[arg(long, env = "QUORATE_REDACT", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(hide_env_values = true)]
    pub redact: bool,
    /// File with a secret of 16 bytes or more, for the same tokens in several recordings; by default each has its own
    #[arg(long, value_name = "FILE", env = "QUORATE_REDACT_SALT")]
    pub redact_salt: Option<PathBuf>,
}

impl RedactOptions {
    /// The salt, where names are to be replaced.
    pub fn salt(&self) -> Result<Option<Salt>, Problems> {
        match (&self.redact_salt, self.redact) {
            (None, false) => Ok(None),
            (Some(_), false) => Err(Problem::new("a salt is given, and nothing is redacted")
                .help("add --redact, or leave --redact-salt and QUORATE_REDACT_SALT out")
                .into()),
            (None, true) => Salt::random().map(Some).map_err(|error| {
                Problem::new(format!("this machine gives no random numbers: {error}"))
                    .help("--redact-salt names a file with a secret")
                    .into()
            }),
            (Some(path), true) => read_salt(path).map(Some),
        }
    }
}

fn read_salt(path: &Path) -> Result<Salt, Problems> {
    let text = std::fs::read(path)
        .map_err(|error| Problem::new(format!("{} cannot be read: {error}", path.display())))?;
    Salt::new(&text).ok_or_else(|| {
        Problem::new(format!("{} holds fewer than {LEAST_SALT} bytes, which can be guessed", path.display()))
            .help("`head -c 32 /dev/urandom | base64 > FILE` makes one; keep it where only you can read it")
            .into()
    })
}

/// The facts without names.
///
/// # Errors
/// They cannot be redacted, or rules would say something else of the result.
pub(super) fn proved(document: &Document, salt: &Salt) -> Result<Redacted, Problems> {
    let plan = settings(document)?;
    let ruleset = rulebook::load_to_judge(&RuleOptions::default(), plan.as_ref())?;
    proved_by(&ruleset, document, plan.as_ref(), salt)
}

fn settings(document: &Document) -> Result<Option<Inventory>, Problems> {
    recording::settings(document, Path::new("the recording"), &[])
}

fn proved_by(
    ruleset: &Ruleset,
    document: &Document,
    plan: Option<&Inventory>,
    salt: &Salt,
) -> Result<Redacted, Problems> {
    let redacted = redact(document, salt).map_err(|error| Problem::new(error.to_string()))?;
    let redacted_plan = settings(&redacted.document)?;
    let before = findings(document, plan, ruleset)?;
    let after = findings(&redacted.document, redacted_plan.as_ref(), ruleset)?;
    let differences = differences(&before, &after, &redacted);
    if differences.is_empty() {
        return Ok(redacted);
    }
    let mut problems = Problems::new();
    for one in differences.iter().take(MOST_TOLD) {
        problems.push(Problem::new(one.clone()));
    }
    problems.push(
        Problem::new(format!(
            "{} would change, so nothing was written",
            count(differences.len(), "verdicts")
        ))
        .help("rules that compare names with words of their own tell names apart; another salt may help"),
    );
    Err(problems)
}

/// What every rule says of a document, under the profile that fits it.
fn findings(
    document: &Document,
    plan: Option<&Inventory>,
    ruleset: &Ruleset,
) -> Result<Vec<Finding>, Problems> {
    let mut document = document.clone();
    let today = check::day_of(&document);
    derive::complete_on(&mut document, Some(today));
    let all = || vec![rulebook::text("--redact", "*/*")];
    let own = plan.map_or_else(|| Selection::of_document(&document), Selection::of_inventory);
    let resolved =
        ruleset.resolve(&Selection { add: all(), ignore: Vec::new(), ..own }).or_else(|problems| {
            // Facts that no profile is meant for are judged all the same.
            let profile = Some(rulebook::text("--profile", "generic"));
            if plan.is_some() {
                Err(problems)
            } else {
                ruleset.resolve(&Selection { profile, add: all(), ..Selection::default() })
            }
        })?;
    let waivers = plan.map(|plan| plan.waivers.as_slice()).unwrap_or_default();
    Ok(resolved.judge(&document, waivers, today).findings)
}

/// Where findings differ, in words.
fn differences(before: &[Finding], after: &[Finding], redacted: &Redacted) -> Vec<String> {
    let mut out = Vec::new();
    for (one, other) in before.iter().zip(after) {
        let same = one.rule == other.rule
            && one.status == other.status
            && one.severity == other.severity
            && one.subjects == other.subjects
            && one.waiver.is_some() == other.waiver.is_some()
            && redacted.path(&one.path) == other.path;
        if !same {
            out.push(format!(
                "{}: it says `{}` of {}, and of the redacted facts `{}` of {} ({})",
                one.rule,
                one.status,
                printable(&one.subject),
                other.status,
                printable(&other.subject),
                other.rule,
            ));
        }
    }
    if before.len() != after.len() {
        out.push(format!("{} findings became {}", before.len(), after.len()));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::texts;
    use rayon::prelude::*;

    /// Every recording, validation report, bundle and plan that is part of the sources.
    fn recordings() -> Vec<(String, Document)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut out = Vec::new();
        for folder in ["clusters", "windows", "bundles", "plans"] {
            for entry in std::fs::read_dir(root.join(folder)).expect("listed") {
                let path = entry.expect("read").path();
                let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
                let document = match (folder, ending) {
                    ("clusters", "json") => Document::read(&path).expect("sound"),
                    ("plans", "toml") => Inventory::load(&path).expect("sound").into_plan_alone(),
                    // Some of these are none on purpose.
                    ("windows", _) if path.is_file() => match crate::probe::validation::read(&path) {
                        Ok(document) => document,
                        Err(_) => continue,
                    },
                    ("bundles", _) => match crate::probe::bundle::read(std::slice::from_ref(&path)) {
                        Ok(found) => found.document,
                        Err(_) => continue,
                    },
                    _ => continue,
                };
                out.push((path.display().to_string(), document));
            }
        }
        out.sort_by(|a, b| a.0.cmp(&b.0));
        assert!(out.len() > 30, "{}", out.len());
        out
    }

    fn salt() -> Salt {
        Salt::new(b"a salt for tests only").expect("long enough")
    }

    /// A text that stands alone somewhere in another.
    fn stands_in(word: &str, text: &str) -> bool {
        let joined = |c: char| c.is_ascii_alphanumeric();
        text.match_indices(word)
            .any(|(at, _)| !text[..at].ends_with(joined) && !text[at + word.len()..].starts_with(joined))
    }

    #[test]
    fn no_verdict_on_any_recording_changes_and_no_name_is_left() {
        let addresses = regex::Regex::new(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|iqn\.[0-9-]+\.[a-z0-9.:-]+|(?:naa|eui)\.[0-9a-f]+").expect("sound");
        let stays = |text: &str| {
            ["0.", "127.", "224.", "255.", "169.254.0.0", "10.0.0.0", "172.16.0.0", "192.168.0.0"]
                .iter()
                .any(|begin| text.starts_with(begin))
                || text == "00:00:00:00:00:00"
                || text == "ff:ff:ff:ff:ff:ff"
        };
        let ruleset = rulebook::load_to_judge(&RuleOptions::default(), None).expect("sound");
        let trouble = |(name, document): &(String, Document)| {
            let plan = settings(document).expect("sound");
            let redacted = match proved_by(&ruleset, document, plan.as_ref(), &salt()) {
                Ok(redacted) => redacted,
                Err(problems) => return Some(format!("{name}: {problems}")),
            };
            // A name that is a word of the field besides stays where it is that word.
            let lower = texts(&redacted.document).to_lowercase();
            let original = document.to_json();
            let names = redacted.originals().filter(|word| !word.starts_with("key ") && word.len() > 2);
            let forms =
                addresses.find_iter(&original).map(|found| found.as_str()).filter(|found| !stays(found));
            let mut left: Vec<&str> =
                names.chain(forms).filter(|word| stands_in(&word.to_lowercase(), &lower)).collect();
            left.sort_unstable();
            left.dedup();
            if !left.is_empty() {
                return Some(format!("{name}: {left:?} are left"));
            }
            let again = redact(document, &salt()).expect("again").document;
            (again != redacted.document).then(|| format!("{name}: the same salt makes other tokens"))
        };
        let wrong: Vec<String> = recordings().par_iter().filter_map(trouble).collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn a_changed_verdict_is_named_and_nothing_comes_out() {
        let (_, document) = recordings().swap_remove(0);
        let redacted = redact(&document, &salt()).expect("sound");
        let ruleset = rulebook::load_to_judge(&RuleOptions::default(), None).expect("sound");
        let before = findings(&document, None, &ruleset).expect("judged");
        let mut after = findings(&redacted.document, None, &ruleset).expect("judged");
        assert_eq!(differences(&before, &after, &redacted), Vec::<String>::new());
        let at =
            after.iter().position(|finding| finding.status == crate::rule::Status::Pass).expect("one passes");
        after[at].status = crate::rule::Status::Fail;
        let told = differences(&before, &after, &redacted);
        assert!(told.len() == 1 && told[0].starts_with(&before[at].rule), "{told:?}");
        after.pop();
        assert_eq!(differences(&before, &after, &redacted).len(), 2);
    }

    #[test]
    fn a_salt_that_can_be_guessed_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("salt");
        std::fs::write(&path, "short\n").expect("written");
        assert!(read_salt(&path).expect_err("short").to_string().contains("fewer than 16 bytes"));
        std::fs::write(&path, "0123456789abcdef\n").expect("written");
        assert!(read_salt(&path).is_ok());
        let alone = RedactOptions { redact: false, redact_salt: Some(path) };
        assert!(alone.salt().expect_err("no --redact").to_string().contains("nothing is redacted"));
        assert!(RedactOptions::default().salt().expect("none").is_none());
    }
}
