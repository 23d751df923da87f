//! Profiles: which rules a platform calls for, with which limits and severities.
//!
//! A profile is never guessed: where platform and release do not lead to exactly one, that is an error which says
//! what there is. A pattern that means no rule is an error too.

use super::Severity;
use super::params::{self, Param, ParamOrigin, ParamSetting};
use super::pattern::{RulePattern, means_rule};
use super::raw::{RawLimit, RawProfile};
use crate::facts::Platform;
use crate::source::{Entries, Problem, Problems, Span, Spanned, Text, did_you_mean, suggest};

/// A checked profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, which is that of its file.
    pub name: String,
    /// What it is for.
    pub title: String,
    /// The profile whose choices it starts from.
    pub extends: Option<Text>,
    /// The platform that it is taken for.
    pub platform: Option<Platform>,
    /// The releases of that platform; empty for all of them.
    pub releases: Vec<String>,
    /// Where it stands.
    pub span: Span,
    /// Whether what it refers to need not be checked. See [`RuleSources::to_judge`](super::RuleSources::to_judge).
    pub(super) taken_as_sound: bool,
    select: Vec<Text>,
    ignore: Vec<Text>,
    params: Vec<(Text, RawLimit)>,
    severity: Vec<(Text, Spanned<Severity>)>,
}

impl Profile {
    /// Takes over what was read. `stem` is the name of the file without folder and ending.
    pub(super) fn new(stem: &str, raw: RawProfile, damaged: bool, problems: &mut Problems) -> Self {
        if let Some(name) = raw.name.as_ref().filter(|name| name.value != stem) {
            problems.push(
                name.problem(format!("profile `{name}` stands in a file of another name"), "another name")
                    .help(format!("call it `{stem}`, or the file `{name}.toml`")),
            );
        }
        if let (None, Some(releases)) = (&raw.platform, raw.releases.as_ref().and_then(|all| all.first())) {
            problems.push(
                releases
                    .problem("`releases` without `platform`", "releases of what?")
                    .help("name the platform as well, or leave `releases` out"),
            );
        }
        if raw.select.is_none() && raw.extends.is_none() && !damaged {
            problems.push(
                raw.span
                    .problem(format!("profile `{stem}` selects no rule"), "no `select` and no `extends`")
                    .help("select = [\"node\", \"network\"]"),
            );
        }
        Profile {
            name: stem.to_owned(),
            title: raw.title.map(|title| title.value).unwrap_or_default(),
            extends: raw.extends,
            platform: raw.platform.map(|platform| platform.value),
            releases: raw.releases.unwrap_or_default().into_iter().map(|release| release.value).collect(),
            span: raw.span,
            taken_as_sound: false,
            select: raw.select.unwrap_or_default(),
            ignore: raw.ignore.unwrap_or_default(),
            params: raw.params.map(|Entries(all)| all).unwrap_or_default(),
            severity: raw.severity.map(|Entries(all)| all).unwrap_or_default(),
        }
    }

    /// Whether it is for that release.
    pub(super) fn serves(&self, release: &str) -> bool {
        self.releases.iter().any(|own| own.eq_ignore_ascii_case(release.trim()))
    }
}

/// All profiles, with every reference between them checked.
#[derive(Clone, Debug, Default)]
pub struct Profiles(Vec<Profile>);

impl Profiles {
    /// Checks profiles against each other, the rules and the parameters.
    pub(super) fn check(
        all: Vec<Profile>,
        ids: &[&str],
        declared: &[Param],
        problems: &mut Problems,
    ) -> Self {
        let profiles = Profiles(all);
        for (at, profile) in profiles.0.iter().enumerate() {
            if let Some(first) = profiles.0[..at].iter().find(|other| other.name == profile.name) {
                problems.push(
                    profile
                        .span
                        .problem(format!("there are two profiles `{}`", profile.name), "the second")
                        .label(&first.span, "the first"),
                );
            }
            if profile.taken_as_sound {
                continue;
            }
            profiles.check_extends(profile, problems);
            for pattern in profile.select.iter().chain(&profile.ignore) {
                check_pattern(pattern, ids, problems);
            }
            for (pattern, _) in &profile.severity {
                check_pattern(pattern, ids, problems);
            }
            // Values are checked here and taken over when the profile is chosen.
            profile.apply_params(&mut params::defaults(declared), declared, problems);
        }
        profiles
    }

    fn check_extends(&self, profile: &Profile, problems: &mut Problems) {
        let Some(extends) = &profile.extends else { return };
        if self.find(extends).is_none() {
            problems.push(
                extends
                    .problem(format!("there is no profile `{extends}`"), "unknown profile")
                    .help_if(did_you_mean(extends, self.names())),
            );
            return;
        }
        let chain = self.chain(profile);
        if chain
            .first()
            .is_some_and(|root| root.extends.as_ref().is_some_and(|above| self.find(above).is_some()))
        {
            problems.push(extends.problem(
                format!("profile `{}` extends itself, by way of `{extends}`", profile.name),
                "leads back here",
            ));
        }
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.iter()
    }

    /// The one of that name.
    pub fn find(&self, name: &str) -> Option<&Profile> {
        self.0.iter().find(|profile| profile.name == name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|profile| profile.name.as_str())
    }

    /// The profiles that one builds on, the first of them first, itself last. Ends where it would come round.
    pub fn chain<'p>(&'p self, profile: &'p Profile) -> Vec<&'p Profile> {
        let mut chain = vec![profile];
        let mut next = profile.extends.as_ref();
        while let Some(above) = next.and_then(|name| self.find(name)) {
            if chain.iter().any(|seen| seen.name == above.name) {
                break;
            }
            chain.push(above);
            next = above.extends.as_ref();
        }
        chain.reverse();
        chain
    }

    /// The profile of that name, with its place in the configuration.
    pub(super) fn named(&self, name: &Text) -> Result<&Profile, Problem> {
        self.find(name).ok_or_else(|| {
            name.problem(format!("there is no profile `{name}`"), "unknown profile").help(
                did_you_mean(name, self.names())
                    .unwrap_or_else(|| format!("there are {}", quoted(self.names()))),
            )
        })
    }

    /// The one profile for a platform and a release; `at` is where the configuration names them.
    pub(super) fn choose(
        &self,
        platform: Option<Platform>,
        release: Option<&str>,
        at: Option<&Span>,
    ) -> Result<&Profile, Problem> {
        let problem = |message: String, help: String| {
            match at {
                Some(span) => span.problem(message, "no profile follows from this"),
                None => Problem::new(message),
            }
            .help(help)
        };
        let Some(platform) = platform else {
            return Err(problem(
                "no platform is known, so no profile can be chosen".to_owned(),
                format!("name a platform, or a profile: {}", quoted(self.names())),
            ));
        };
        let of_platform: Vec<&Profile> =
            self.0.iter().filter(|profile| profile.platform == Some(platform)).collect();
        if of_platform.is_empty() {
            return Err(problem(
                format!("there is no profile for platform `{platform}`"),
                format!("name the one to check by: {}", quoted(self.names())),
            ));
        }
        // A profile for just this release knows more than one for all releases.
        let just: Vec<&Profile> = of_platform
            .iter()
            .copied()
            .filter(|profile| release.is_some_and(|release| profile.serves(release)))
            .collect();
        let all: Vec<&Profile> =
            of_platform.iter().copied().filter(|profile| profile.releases.is_empty()).collect();
        match (just.as_slice(), all.as_slice()) {
            ([one], _) | ([], [one]) => Ok(one),
            ([], []) => {
                let releases = of_platform.iter().flat_map(|profile| &profile.releases).map(String::as_str);
                let named = quoted(of_platform.iter().map(|profile| profile.name.as_str()));
                Err(match release {
                    Some(release) => problem(
                        format!("there is no profile for release `{release}` of platform `{platform}`"),
                        format!(
                            "releases with a profile: {}; or name the profile: {named}",
                            quoted(releases)
                        ),
                    ),
                    None => problem(
                        format!(
                            "platform `{platform}` has a profile for each release, and no release is known"
                        ),
                        format!("name the release: {}; or the profile: {named}", quoted(releases)),
                    ),
                })
            }
            (several, _) if several.len() > 1 => Err(ambiguous(several, &problem)),
            (_, several) => Err(ambiguous(several, &problem)),
        }
    }
}

fn ambiguous(several: &[&Profile], problem: &dyn Fn(String, String) -> Problem) -> Problem {
    let names = quoted(several.iter().map(|profile| profile.name.as_str()));
    problem(
        "more than one profile is meant for this platform and release".to_owned(),
        format!("name one of {names}"),
    )
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Reports a pattern that means no rule.
pub(super) fn check_pattern(pattern: &Text, ids: &[&str], problems: &mut Problems) {
    if ids.iter().any(|id| means_rule(pattern, id)) {
        return;
    }
    let mut categories: Vec<&str> = ids.iter().filter_map(|id| id.split('/').next()).collect();
    categories.dedup();
    // The right name in the wrong category is nearer than any other.
    let elsewhere = pattern.split_once('/').and_then(|(_, wanted)| {
        ids.iter().copied().find(|id| id.split_once('/').is_some_and(|(_, name)| name == wanted))
    });
    let near = elsewhere.or_else(|| suggest(pattern, ids.iter().chain(&categories).copied()));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are the categories {}", quoted(categories.into_iter())),
    };
    problems.push(pattern.problem(format!("`{pattern}` means no rule"), "no rule is called so").help(help));
}

impl Profile {
    /// Marks the rules that it selects and takes away.
    pub(super) fn apply_choice(&self, ids: &[&str], chosen: &mut [bool]) {
        for (pattern, choice) in self
            .select
            .iter()
            .map(|pattern| (pattern, true))
            .chain(self.ignore.iter().map(|pattern| (pattern, false)))
        {
            let pattern = RulePattern::new(pattern);
            for (id, chosen) in ids.iter().zip(chosen.iter_mut()) {
                if pattern.means(id) {
                    *chosen = choice;
                }
            }
        }
    }

    /// Sets the severities that it changes.
    pub(super) fn apply_severity(&self, ids: &[&str], severities: &mut [Severity]) {
        apply_severity(&self.severity, ids, severities);
    }

    /// Sets the parameters that it changes.
    pub(super) fn apply_params(
        &self,
        settings: &mut [ParamSetting],
        declared: &[Param],
        problems: &mut Problems,
    ) {
        let values = self.params.iter().map(|(name, limit)| {
            let source = limit.source.as_ref().map(|source| source.value.clone());
            (name, &limit.value, ParamOrigin::Profile { profile: self.name.clone(), source })
        });
        params::apply(settings, declared, values, problems);
    }

    /// The limits that it sets without naming the document they stand in.
    pub fn limits_without_source(&self) -> impl Iterator<Item = &Text> {
        self.params.iter().filter(|(_, limit)| limit.source.is_none()).map(|(name, _)| name)
    }
}

/// Sets severities by pattern; a later pattern wins.
pub(super) fn apply_severity(
    by_pattern: &[(Text, Spanned<Severity>)],
    ids: &[&str],
    severities: &mut [Severity],
) {
    for (pattern, severity) in by_pattern {
        let pattern = RulePattern::new(pattern);
        for (id, own) in ids.iter().zip(severities.iter_mut()) {
            if pattern.means(id) {
                *own = severity.value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{SourceFile, Table};

    const IDS: [&str; 4] = ["node/same-build", "node/same-os", "network/redundant-paths", "network/same-mtu"];

    fn params() -> Vec<Param> {
        vec![Param {
            name: "max_nodes".into(),
            ty: crate::facts::Type::Int,
            default: params::ParamValue::Int(64),
            doc: "Most nodes.".into(),
            span: Span::new(&SourceFile::new("node.toml", ""), 0..0),
        }]
    }

    fn check(files: &[(&str, &str)]) -> (Profiles, Problems) {
        let mut problems = Problems::new();
        let all = files
            .iter()
            .map(|(stem, text)| {
                let file = SourceFile::new(format!("{stem}.toml"), *text);
                let raw = RawProfile::from_table(Table::parse(&file, &mut problems), &mut problems);
                Profile::new(stem, raw, false, &mut problems)
            })
            .collect();
        let profiles = Profiles::check(all, &IDS, &params(), &mut problems);
        (profiles, problems)
    }

    fn sound(files: &[(&str, &str)]) -> Profiles {
        let (profiles, problems) = check(files);
        assert!(problems.is_empty(), "{problems}");
        profiles
    }

    fn windows() -> Profiles {
        sound(&[
            ("generic", "title = 'g'\nplatform = 'generic'\nselect = ['node', 'network']"),
            (
                "wsfc",
                "title = 'w'\nextends = 'generic'\n[params]\nmax_nodes = { value = 64, source = 'doc' }",
            ),
            (
                "wsfc-2008",
                "title = 'w8'\nextends = 'wsfc'\nplatform = 'wsfc'\nreleases = ['2008', '2008 R2']\nignore = ['network/same-*']\n[params]\nmax_nodes = 16",
            ),
            (
                "wsfc-2012",
                "title = 'w12'\nextends = 'wsfc'\nplatform = 'wsfc'\nreleases = ['2012']\n[severity]\nnode = 'warn'",
            ),
        ])
    }

    #[test]
    fn a_profile_is_chosen_by_platform_and_release_and_never_guessed() {
        let profiles = windows();
        let choose = |platform, release: Option<&str>| {
            profiles
                .choose(platform, release, None)
                .map(|profile| profile.name.as_str())
                .map_err(|e| format!("{e:?}"))
        };
        assert_eq!(choose(Some(Platform::Generic), None), Ok("generic"));
        assert_eq!(choose(Some(Platform::Generic), Some("7")), Ok("generic"));
        assert_eq!(choose(Some(Platform::Wsfc), Some("2008 r2")), Ok("wsfc-2008"));
        let unknown = choose(Some(Platform::Wsfc), Some("2031")).expect_err("no such release");
        assert!(unknown.contains("`2031`") && unknown.contains("`2008 R2`, `2012`"), "{unknown}");
        let none = choose(Some(Platform::Wsfc), None).expect_err("no release");
        assert!(none.contains("no release is known") && none.contains("`wsfc-2012`"), "{none}");
        let other = choose(Some(Platform::Vcs), None).expect_err("no profile");
        assert!(other.contains("no profile for platform `vcs`"), "{other}");
        assert!(choose(None, Some("2012")).expect_err("no platform").contains("no platform is known"));
    }

    #[test]
    fn two_profiles_for_one_release_are_an_error() {
        let profiles = sound(&[
            ("a", "title = 'a'\nplatform = 'pacemaker'\nselect = ['node']"),
            ("b", "title = 'b'\nplatform = 'pacemaker'\nselect = ['node']"),
        ]);
        let error = profiles.choose(Some(Platform::Pacemaker), None, None).expect_err("ambiguous");
        assert_eq!(error.advice(), Some("name one of `a`, `b`"));
    }

    #[test]
    fn what_a_profile_builds_on_comes_first() {
        let profiles = windows();
        let chain = profiles.chain(profiles.find("wsfc-2008").expect("there"));
        assert_eq!(
            chain.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(),
            ["generic", "wsfc", "wsfc-2008"]
        );
        let mut chosen = [false; 4];
        let mut settings = params::defaults(&params());
        let mut problems = Problems::new();
        for profile in chain {
            profile.apply_choice(&IDS, &mut chosen);
            profile.apply_params(&mut settings, &params(), &mut problems);
        }
        assert_eq!(chosen, [true, true, true, false]);
        assert_eq!(settings[0].value, params::ParamValue::Int(16));
        assert_eq!(settings[0].origin.to_string(), "profile wsfc-2008");
        let mut severities = [Severity::Fail; 4];
        profiles.find("wsfc-2012").expect("there").apply_severity(&IDS, &mut severities);
        assert_eq!(severities, [Severity::Warn, Severity::Warn, Severity::Fail, Severity::Fail]);
    }

    #[test]
    fn every_wrong_reference_is_reported() {
        let (_, problems) = check(&[
            (
                "a",
                "title = 'a'\nname = 'b'\nextends = 'c'\nselect = ['netwrok', 'node/same-mtu', 'x/*']\n[params]\nmax_node = 3",
            ),
            (
                "c",
                "title = 'c'\nextends = 'a'\nreleases = ['1']\n[params]\nmax_nodes = 'many'\n[severity]\n'node/*' = 'warning'",
            ),
            ("d", "title = 'd'\nextends = 'e'"),
            ("f", "title = 'f'"),
        ]);
        insta::assert_snapshot!(problems.to_string());
    }
}
