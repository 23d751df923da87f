//! The catalogue of requirements: what articles, vendors and Microsoft's validation ask of a cluster, in words of our own.
//!
//! It is read out of `docs/requirements/*.toml`, which are part of the program. Ids are unique over all files. Whether a
//! requirement is decided by rules, and by which, is told by the rules themselves (`covers`), and for the tests of
//! Microsoft's validation by [`known_tests`](crate::validation::known_tests).

use crate::source::did_you_mean;
use crate::validation::test_of_id;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::LazyLock;

mod shipped {
    include!(concat!(env!("OUT_DIR"), "/requirements.rs"));
}

/// How bad it is when a requirement is not met, as its document says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// A requirement, a hard limit, or a layout that is not supported.
    Fail,
    /// A recommendation, or a layout that works and loses protection.
    Warn,
    /// A limit of what a layout can do, or a choice to confirm.
    Info,
}

impl Weight {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Weight::Fail => "fail",
            Weight::Warn => "warn",
            Weight::Info => "info",
        }
    }
}

/// How it is known whether a requirement is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Known {
    /// A probe can tell.
    Collected,
    /// Only the plan can tell.
    Declared,
    /// Somebody must vouch for it.
    Attested,
}

impl Known {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Known::Collected => "collected",
            Known::Declared => "declared",
            Known::Attested => "attested",
        }
    }
}

/// A requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Its id: `R2-08`.
    pub id: String,
    /// The platform that it is of: the title of its file.
    #[serde(default)]
    pub platform: String,
    /// What it is about.
    pub subject: String,
    /// What must hold of that.
    pub condition: String,
    /// How bad it is when that does not hold.
    pub severity: Weight,
    /// How it is known, at least one way.
    pub known: Vec<Known>,
    /// The documents that it stands in: title and date.
    pub source: Vec<String>,
    /// Why no rule can decide it; none where rules do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_rule: Option<String>,
    /// Id of the conflict of sources that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<String>,
}

/// Two sources that disagree, and which profile follows which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conflict {
    /// Its id: `C1`.
    pub id: String,
    /// What it is about.
    pub subject: String,
    /// Who says the one; a published article where it is left out.
    #[serde(default = "article")]
    pub article: String,
    /// What the published article, or the one document, says.
    pub said_by_article: String,
    /// Who says the other; the vendor where it is left out.
    #[serde(default = "vendor")]
    pub vendor: String,
    /// What the vendor, or the other document, says.
    pub said_by_vendor: String,
    /// What is made of it.
    pub resolution: String,
    /// Profile that follows the vendor, or the other document; none where no limit hangs on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Profile that follows the article, or the one document; none where both can be followed at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternative: Option<String>,
    /// Rules that decide differently by it.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The documents.
    pub source: Vec<String>,
}

fn article() -> String {
    "the article".to_owned()
}

fn vendor() -> String {
    "the vendor".to_owned()
}

/// All requirements and all conflicts of their sources.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    requirements: Vec<Requirement>,
    conflicts: Vec<Conflict>,
    by_id: HashMap<String, usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: String,
    #[serde(default)]
    requirement: Vec<Requirement>,
    #[serde(default)]
    conflict: Vec<Conflict>,
}

/// The catalogue that is part of the program.
pub fn catalogue() -> &'static Catalogue {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
        Catalogue::read(shipped::REQUIREMENTS)
            .expect("the catalogue is part of the program, and a test reads it")
    });
    &CATALOGUE
}

impl Catalogue {
    /// Reads files, each with its name and text.
    ///
    /// # Errors
    /// The first file that is no catalogue, or the first requirement that makes no sense, by name.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, String> {
        let mut out = Catalogue::default();
        for (name, text) in files {
            let file: File = toml::from_str(text).map_err(|error| format!("{name}: {error}"))?;
            out.conflicts.extend(file.conflict);
            for mut requirement in file.requirement {
                requirement.platform.clone_from(&file.title);
                if requirement.known.is_empty() || requirement.source.is_empty() {
                    return Err(format!(
                        "{name}: {} does not say how it is known, or where it stands",
                        requirement.id
                    ));
                }
                let at = out.requirements.len();
                if out.by_id.insert(requirement.id.clone(), at).is_some() {
                    return Err(format!("{name}: there are two of {}", requirement.id));
                }
                out.requirements.push(requirement);
            }
        }
        for requirement in &out.requirements {
            if let Some(conflict) = &requirement.conflict
                && !out.conflicts.iter().any(|known| known.id == *conflict)
            {
                return Err(format!("{}: there is no conflict {conflict}", requirement.id));
            }
        }
        Ok(out)
    }

    /// All requirements, by file and in the order of the file.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// All conflicts of sources.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// The requirement of that id.
    pub fn find(&self, id: &str) -> Option<&Requirement> {
        self.by_id.get(id).map(|at| &self.requirements[*at])
    }

    /// ``did you mean `R2-08`?`` for an id that is none.
    pub fn meant(&self, id: &str) -> Option<String> {
        did_you_mean(id, self.requirements.iter().map(|requirement| requirement.id.as_str()))
    }

    /// The conflicts in which a rule that covers these requirements takes part: those that name it. A conflict that names
    /// no rule is one of all rules that cover its requirements.
    pub fn conflicts_of(&self, rule: &str, covers: &[String]) -> Vec<&Conflict> {
        let of_requirement = |conflict: &Conflict| {
            let mut covered = covers.iter().filter_map(|id| self.find(id));
            conflict.rules.is_empty()
                && covered.any(|requirement| requirement.conflict.as_ref() == Some(&conflict.id))
        };
        let named = |conflict: &Conflict| conflict.rules.iter().any(|named| named == rule);
        self.conflicts.iter().filter(|conflict| named(conflict) || of_requirement(conflict)).collect()
    }
}

/// A requirement, and what decides it.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage<'a> {
    /// The requirement.
    #[serde(flatten)]
    pub requirement: &'a Requirement,
    /// Ids of the rules that decide it.
    pub rules: Vec<&'a str>,
    /// Why no rule can; none where rules do, or where nothing is said.
    pub reason: Option<&'a str>,
}

impl Coverage<'_> {
    /// Whether neither a rule decides it nor a reason is given.
    pub fn is_open(&self) -> bool {
        self.rules.is_empty() && self.reason.is_none()
    }
}

/// What decides each requirement, given the rules with the ids that they cover.
pub fn coverage<'a>(
    catalogue: &'a Catalogue,
    rules: impl Iterator<Item = (&'a str, Vec<&'a str>)>,
) -> Vec<Coverage<'a>> {
    let mut by_requirement: HashMap<&str, Vec<&str>> = HashMap::new();
    for (rule, covers) in rules {
        for id in covers {
            by_requirement.entry(id).or_default().push(rule);
        }
    }
    let decide = |requirement: &'a Requirement| {
        let mut rules = by_requirement.remove(requirement.id.as_str()).unwrap_or_default();
        let test = test_of_id(&requirement.id);
        rules.extend(test.into_iter().flat_map(|test| test.rules.iter().map(String::as_str)));
        let undecided = test.and_then(|test| test.undecided.as_deref()).filter(|_| rules.is_empty());
        let reason = requirement.without_rule.as_deref().or(undecided);
        Coverage { requirement, rules, reason }
    };
    catalogue.requirements.iter().map(decide).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::Selection;
    use crate::rule::{RuleSources, Ruleset};
    use crate::source::{SourceFile, Span, Text};
    use std::collections::BTreeSet;

    #[test]
    fn what_the_catalogue_holds_is_whole() {
        let all = catalogue();
        let count = |prefix: &str| {
            let of = |id: &str| {
                id.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-') && rest.len() == 3)
            };
            all.requirements().iter().filter(|requirement| of(&requirement.id)).count()
        };
        let articles = [
            ("VS", 12),
            ("GS", 6),
            ("HC", 22),
            ("GI", 11),
            ("PF", 4),
            ("VM6", 4),
            ("ESX", 18),
            ("MV", 8),
            ("NP", 5),
            ("W8", 7),
            ("HG", 10),
            ("HH", 7),
            ("R2", 32),
            ("VC", 3),
            ("OT", 4),
        ];
        for (prefix, wanted) in articles {
            assert_eq!(count(prefix), wanted, "{prefix}");
        }
        assert_eq!(articles.iter().map(|(_, wanted)| wanted).sum::<usize>(), 153);
        let tests = all.requirements().iter().filter(|requirement| test_of_id(&requirement.id).is_some());
        assert_eq!(tests.count(), 38, "tests of Microsoft's validation that facts can decide");
        assert_eq!(all.conflicts().len(), 24);
    }

    #[test]
    fn every_requirement_has_rules_or_a_reason_and_not_both() {
        let rules = Ruleset::load(&RuleSources::default()).expect("the rules are sound");
        let covered = coverage(catalogue(), rules.covers());
        let open: Vec<&str> = covered
            .iter()
            .filter(|coverage| coverage.is_open())
            .map(|coverage| coverage.requirement.id.as_str())
            .collect();
        assert!(open.is_empty(), "neither a rule nor a reason: {}", open.join(" "));
        for coverage in &covered {
            assert!(
                coverage.rules.is_empty() || coverage.requirement.without_rule.is_none(),
                "{} has a rule, and a reason for having none",
                coverage.requirement.id
            );
        }
    }

    #[test]
    fn conflicts_name_rules_and_profiles_that_there_are() {
        let rules = Ruleset::load(&RuleSources::default()).expect("the rules are sound");
        let profiles: BTreeSet<&str> = rules.profiles().iter().map(|profile| profile.name.as_str()).collect();
        for conflict in catalogue().conflicts() {
            for rule in &conflict.rules {
                assert!(rules.rule(rule).is_some(), "{}: {rule}", conflict.id);
            }
            for profile in [&conflict.default, &conflict.alternative].into_iter().flatten() {
                assert!(profiles.contains(profile.as_str()), "{}: {profile}", conflict.id);
            }
        }
    }

    /// Both sides of a conflict can be had: the vendor's by default, the article's by a profile whose rules decide otherwise.
    #[test]
    fn each_side_of_a_conflict_has_a_profile_that_decides_so() {
        let rules = Ruleset::load(&RuleSources::default()).expect("the rules are sound");
        let decides = |conflict: &Conflict, profile: &String| -> Vec<String> {
            let file = SourceFile::new("test", profile.as_str());
            let name = Text { value: profile.clone(), span: Span::new(&file, 0..profile.len()) };
            let selection = Selection { profile: Some(name), ..Selection::default() };
            let resolved = rules.resolve(&selection).expect("a sound profile");
            let of_rule = |rule: &String| {
                let chosen = resolved.rules().iter().find(|chosen| chosen.rule.id == *rule)?;
                let reads = chosen.rule.params_read();
                let limits = resolved.params().filter(|(param, _)| reads.contains(&param.name.as_str()));
                let limits: Vec<String> =
                    limits.map(|(param, set)| format!("{} = {}", param.name, set.value)).collect();
                Some(format!("{rule} {}: {}", chosen.severity, limits.join(", ")))
            };
            conflict.rules.iter().filter_map(of_rule).collect()
        };
        for conflict in catalogue().conflicts() {
            let id = conflict.id.as_str();
            // Between vendors there is no default where neither is the other's authority.
            if !id.starts_with("CN") {
                // Names of features, which nothing hangs on.
                assert_eq!(conflict.default.is_none(), id == "C10", "{id}");
                // An article that asks for nothing is followed by leaving the rules out.
                assert_eq!(conflict.alternative.is_none(), ["C10", "C11"].contains(&id), "{id}");
            }
            let Some(vendor) = &conflict.default else { continue };
            let vendor = decides(conflict, vendor);
            match &conflict.alternative {
                Some(article) => assert_ne!(vendor, decides(conflict, article), "{id}: both decide the same"),
                None => assert!(!vendor.is_empty(), "{id}: no rule of {:?}", conflict.rules),
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_catalogue_is_said() {
        let entry = |id: &str, more: &str| {
            format!(
                "[[requirement]]\nid='{id}'\nsubject='s'\ncondition='c'\nseverity='fail'\nknown=['declared']\nsource=['d']\n{more}"
            )
        };
        let wrong = |text: &str| Catalogue::read(&[("x.toml", text)]).expect_err(text);
        let sound = format!("title='T'\n{}", entry("A-01", "without_rule='r'"));
        let read = Catalogue::read(&[("x.toml", &sound)]).expect("sound");
        assert_eq!(read.find("A-01").map(|requirement| requirement.platform.as_str()), Some("T"));
        assert_eq!(read.meant("A-10").as_deref(), Some("did you mean `A-01`?"));
        assert!(wrong(&format!("{sound}\n{}", entry("A-01", ""))).contains("two of A-01"));
        assert!(wrong(&sound.replace("['declared']", "[]")).contains("how it is known"));
        assert!(wrong(&sound.replace("'fail'", "'bad'")).contains("x.toml"));
        assert!(wrong(&sound.replace("without_rule", "conflict")).contains("no conflict r"));
        assert!(wrong(&sound.replace("without_rule", "whithout_rule")).contains("whithout_rule"));
        let covered = coverage(&read, [("t/a", vec!["A-01"])].into_iter());
        assert_eq!((covered[0].rules.as_slice(), covered[0].is_open()), (&["t/a"][..], false));
        assert!(coverage(&read, std::iter::empty()).iter().all(|coverage| !coverage.is_open()));
    }
}
