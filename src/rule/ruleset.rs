//! All rules, parameters and profiles: loaded, checked, and chosen from.
//!
//! Loading reports every mistake of every file at once; what is loaded is sound. Resolving reports every mistake of
//! the choice at once; what is resolved can only be judged by.

use super::checked::{Body, Checker, Rule, is_name};
use super::pack::{RuleFile, RuleFiles, RuleSources};
use super::params::{self, Param, ParamOrigin, ParamSetting};
use super::pattern::means_rule;
use super::profile::{Profile, Profiles, apply_severity, check_pattern};
use super::raw::{RawPack, RawProfile, RawRule};
use super::{Override, Severity};
use crate::expr::Env;
use crate::facts::{Cluster, Document, Platform, Type};
use crate::inventory::{Inventory, SeverityWord};
use crate::source::{Entries, Item, Problems, SourceFile, Span, Spanned, Text};
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// All rules, parameters and profiles.
#[derive(Debug)]
pub struct Ruleset {
    rules: Vec<Rule>,
    params: Vec<Param>,
    profiles: Profiles,
    /// The names that expressions may use.
    env: Env,
}

/// What to judge by.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The profile; where there is none, it follows from platform and release.
    pub profile: Option<Text>,
    /// The platform.
    pub platform: Option<Platform>,
    /// The release of the platform.
    pub release: Option<String>,
    /// Where `cluster.toml` names platform and release.
    pub named: Option<Span>,
    /// Values of parameters.
    pub params: Vec<(Text, Item)>,
    /// Severities by category, id or pattern.
    pub severity: Vec<(Text, Spanned<Severity>)>,
    /// Rules beside those of the profile, by category, id or pattern.
    pub add: Vec<Text>,
    /// Only these of all that; a rule named by its whole id is one of them whatever the profile says. Empty for all.
    pub only: Vec<Text>,
    /// Not these.
    pub ignore: Vec<Text>,
}

impl Selection {
    /// What a document says of itself, for a recording without `cluster.toml`.
    pub fn of_document(document: &Document) -> Self {
        let Cluster { platform, release, .. } = &document.cluster;
        Selection { platform: *platform, release: release.clone(), ..Selection::default() }
    }

    /// What a `cluster.toml` says.
    pub fn of_inventory(inventory: &Inventory) -> Self {
        let severity = |word: &Spanned<SeverityWord>| Spanned {
            value: match word.value {
                SeverityWord::Fail => Severity::Fail,
                SeverityWord::Warn => Severity::Warn,
                SeverityWord::Info => Severity::Info,
            },
            span: word.span.clone(),
        };
        Selection {
            profile: inventory.cluster.profile.clone(),
            platform: Some(inventory.cluster.platform),
            release: inventory.cluster.release.clone(),
            named: Some(inventory.cluster.platform_span.clone()),
            params: inventory.params.clone(),
            severity: inventory.severity.iter().map(|(id, word)| (id.clone(), severity(word))).collect(),
            add: inventory.rules.select.clone(),
            only: Vec::new(),
            ignore: inventory.rules.ignore.clone(),
        }
    }
}

/// The rules that were chosen, with their severities and parameters.
#[derive(Debug)]
pub struct ResolvedRules<'r> {
    pub(super) ruleset: &'r Ruleset,
    pub(super) profile: &'r Profile,
    pub(super) chosen: Vec<Chosen<'r>>,
    pub(super) params: Vec<ParamSetting>,
    pub(super) overrides: Vec<Override>,
}

/// A rule that was chosen.
#[derive(Clone, Copy, Debug)]
pub struct Chosen<'r> {
    /// The rule.
    pub rule: &'r Rule,
    /// How bad it is when it does not hold, after profile and configuration.
    pub severity: Severity,
    /// Its checked expressions.
    pub(super) body: &'r Body,
}

impl Ruleset {
    /// The rules with the ids of the requirements that each covers.
    pub fn covers(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.rules.iter().map(|rule| (rule.id.as_str(), rule.covers.iter().map(|id| id.as_str()).collect()))
    }

    /// Loads all rules.
    ///
    /// # Errors
    /// Every mistake of every file, each at its place.
    pub fn load(sources: &RuleSources) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let files = RuleFiles::read(sources, &mut problems);
        Self::check(files, problems)
    }

    /// Checks rules and profiles that are in memory. The name of each file, without folder and ending, is that of the
    /// category or profile.
    ///
    /// # Errors
    /// Every mistake of every file, each at its place.
    pub fn from_files(packs: &[Arc<SourceFile>], profiles: &[Arc<SourceFile>]) -> Result<Self, Problems> {
        let all = |files: &[Arc<SourceFile>]| files.iter().cloned().map(RuleFile::in_memory).collect();
        Self::check(RuleFiles { packs: all(packs), profiles: all(profiles) }, Problems::new())
    }

    /// Checks files; `problems` are those of reading them.
    fn check(files: RuleFiles, mut problems: Problems) -> Result<Self, Problems> {
        // Each file, and then each rule, is looked at on its own; mistakes are put together in the order of the files.
        let packs: Vec<(RuleFile, RawPack, bool, Problems)> = files
            .packs
            .into_par_iter()
            .map(|file| {
                let mut problems = Problems::new();
                let table = file.table(&mut problems);
                let damaged = table.is_damaged();
                let pack = RawPack::from_table(table, &mut problems);
                (file, pack, damaged, problems)
            })
            .collect();
        let mut params: Vec<Param> = Vec::new();
        let mut raws: Vec<(RuleFile, Vec<RawRule>, bool)> = Vec::new();
        for (file, pack, damaged, found) in packs {
            problems.extend(found);
            if !is_name(&file.stem) {
                let start = Span::new(&file.file, 0..0);
                problems.push(
                    start
                        .problem(
                            format!("`{}` is no name for a category of rules", file.stem),
                            "name of the file",
                        )
                        .help("a name has small letters, digits and `-`, and begins with a letter"),
                );
            }
            for (name, raw) in pack.params.map(|Entries(all)| all).unwrap_or_default() {
                if let Some(first) = params.iter().find(|param| param.name == name.value) {
                    problems.push(
                        name.problem(format!("parameter `{name}` is declared twice"), "the second")
                            .label(&first.span, "the first"),
                    );
                } else {
                    params.extend(Param::check(name, raw, &mut problems));
                }
            }
            raws.push((file, pack.rules.unwrap_or_default(), damaged));
        }
        let env = params_env(&params);
        let mut seen: HashMap<String, Span> = HashMap::new();
        for (file, raws, _) in &raws {
            for name in raws.iter().filter_map(|raw| raw.name.as_ref()) {
                let id = format!("{}/{name}", file.stem);
                if let Some(first) = seen.get(&id) {
                    problems.push(
                        name.problem(format!("there are two rules `{id}`"), "the second")
                            .label(first, "the first"),
                    );
                } else {
                    seen.insert(id, name.span.clone());
                }
            }
        }
        let checked: Vec<(Option<Rule>, Problems)> = raws
            .par_iter_mut()
            .flat_map(|(file, raws, damaged)| {
                let checker = Checker { file, damaged: *damaged, env: &env };
                raws.par_drain(..).map(move |raw| {
                    let mut problems = Problems::new();
                    (checker.check(raw, &mut problems), problems)
                })
            })
            .collect();
        let mut rules: Vec<Rule> = Vec::new();
        for (rule, found) in checked {
            problems.extend(found);
            rules.extend(rule);
        }
        let ids: Vec<&str> = seen.keys().map(String::as_str).collect();
        let profiles = load_profiles(files.profiles, &ids, &params, &mut problems);
        problems.or(Ruleset { rules, params, profiles, env })
    }

    /// All rules, in the order in which they are reported.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of that id.
    pub fn rule(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.id == id)
    }

    /// All parameters.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// All profiles.
    pub fn profiles(&self) -> &Profiles {
        &self.profiles
    }

    pub(super) fn ids(&self) -> Vec<&str> {
        self.rules.iter().map(|rule| rule.id.as_str()).collect()
    }

    /// The chosen rules with their severities and their expressions, which are checked now if they were not before.
    fn check_bodies(
        &self,
        severities: Vec<Severity>,
        chosen: Vec<bool>,
    ) -> Result<Vec<Chosen<'_>>, Problems> {
        let chosen: Vec<(&Rule, Severity)> = self
            .rules
            .iter()
            .zip(severities)
            .zip(chosen)
            .filter_map(|(rule, chosen)| chosen.then_some(rule))
            .collect();
        let checked: Vec<Result<Chosen<'_>, Problems>> = chosen
            .into_par_iter()
            .map(|(rule, severity)| Ok(Chosen { rule, severity, body: rule.check_body(&self.env)? }))
            .collect();
        let mut problems = Problems::new();
        let mut chosen = Vec::with_capacity(checked.len());
        for one in checked {
            match one {
                Ok(one) => chosen.push(one),
                Err(found) => problems.extend(found),
            }
        }
        problems.or(chosen)
    }

    /// Chooses the rules to judge by.
    ///
    /// # Errors
    /// Every mistake of the choice: no profile or more than one for platform and release, patterns that mean no rule,
    /// parameters that do not exist or have another type.
    pub fn resolve(&self, selection: &Selection) -> Result<ResolvedRules<'_>, Problems> {
        let mut problems = Problems::new();
        let profile = match &selection.profile {
            Some(name) => self.profiles.named(name),
            None => self.profiles.choose(
                selection.platform,
                selection.release.as_deref(),
                selection.named.as_ref(),
            ),
        };
        let profile = profile.map_err(|problem| problems.push(problem)).ok();
        let ids = self.ids();
        // A rule of the user's own is meant, whether a profile knows it or not.
        let mut chosen: Vec<bool> = self.rules.iter().map(|rule| !rule.shipped).collect();
        let mut severities: Vec<Severity> = self.rules.iter().map(|rule| rule.severity).collect();
        let mut settings = params::defaults(&self.params);
        for profile in profile.map(|profile| self.profiles.chain(profile)).unwrap_or_default() {
            profile.apply_choice(&ids, &mut chosen);
            profile.apply_severity(&ids, &mut severities);
            profile.apply_params(&mut settings, &self.params, &mut problems);
        }
        for pattern in selection.add.iter().chain(&selection.only).chain(&selection.ignore) {
            check_pattern(pattern, &ids, &mut problems);
        }
        for (pattern, _) in &selection.severity {
            check_pattern(pattern, &ids, &mut problems);
        }
        for (id, chosen) in ids.iter().zip(&mut chosen) {
            *chosen |= selection.add.iter().any(|pattern| means_rule(pattern, id));
        }
        narrow(&selection.only, profile, &ids, &mut chosen, &mut problems);
        for (id, chosen) in ids.iter().zip(&mut chosen) {
            *chosen &= !selection.ignore.iter().any(|pattern| means_rule(pattern, id));
        }
        apply_severity(&selection.severity, &ids, &mut severities);
        let profiled = settings.clone();
        let values = selection
            .params
            .iter()
            .map(|(name, item)| (name, item, ParamOrigin::Set { place: name.place() }));
        params::apply(&mut settings, &self.params, values, &mut problems);
        let overrides = overrides(&self.params, &profiled, &settings);
        let Some(profile) = profile.filter(|_| problems.is_empty()) else { return Err(problems) };
        let chosen = self.check_bodies(severities, chosen)?;
        Ok(ResolvedRules { ruleset: self, profile, chosen, params: settings, overrides })
    }
}

/// The names that every expression may use: facts and parameters.
fn params_env(params: &[Param]) -> Env {
    let types: Vec<(String, Type)> =
        params.iter().map(|param| (param.name.clone(), param.ty.clone())).collect();
    Env::facts().params(&types)
}

fn load_profiles(files: Vec<RuleFile>, ids: &[&str], params: &[Param], problems: &mut Problems) -> Profiles {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let read: Vec<_> = files
        .into_par_iter()
        .map(|file| {
            let mut problems = Problems::new();
            let table = file.table(&mut problems);
            let damaged = table.is_damaged();
            let raw = RawProfile::from_table(table, &mut problems);
            let mut profile = Profile::new(&file.stem, raw, damaged, &mut problems);
            profile.taken_as_sound = file.to_judge;
            (profile, problems)
        })
        .collect();
    let mut profiles = Vec::with_capacity(read.len());
    for (profile, found) in read {
        problems.extend(found);
        profiles.push(profile);
    }
    Profiles::check(profiles, &ids, params, problems)
}

/// Narrows the choice down to what the patterns mean.
fn narrow(
    patterns: &[Text],
    profile: Option<&Profile>,
    ids: &[&str],
    chosen: &mut [bool],
    problems: &mut Problems,
) {
    if patterns.is_empty() {
        return;
    }
    for pattern in patterns {
        let mut meant = ids.iter().zip(chosen.iter()).filter(|(id, _)| means_rule(pattern, id)).peekable();
        let known = meant.peek().is_some();
        if let Some(profile) = profile
            && known
            && !meant.any(|(id, chosen)| *chosen || pattern.value == **id)
        {
            problems.push(
                pattern
                    .problem(
                        format!(
                            "profile `{}` selects none of the rules that `{pattern}` means",
                            profile.name
                        ),
                        "nothing would be checked",
                    )
                    .help("name a rule by its whole id to check it nevertheless, or choose another profile"),
            );
        }
    }
    for (id, chosen) in ids.iter().zip(chosen.iter_mut()) {
        *chosen = patterns.iter().any(|pattern| pattern.value == *id || *chosen && means_rule(pattern, id));
    }
}

/// The parameters that the configuration sets to another value than the profile does.
fn overrides(params: &[Param], profiled: &[ParamSetting], settings: &[ParamSetting]) -> Vec<Override> {
    params
        .iter()
        .zip(profiled.iter().zip(settings))
        .filter(|(_, (profiled, setting))| profiled.value != setting.value)
        .map(|(param, (profiled, setting))| Override {
            param: param.name.clone(),
            value: setting.value.to_string(),
            instead_of: profiled.value.to_string(),
            limit_from: profiled.origin.to_string(),
            set_at: setting.origin.to_string(),
        })
        .collect()
}

impl<'r> ResolvedRules<'r> {
    /// The rules that were chosen, in the order in which they are reported.
    pub fn rules(&self) -> &[Chosen<'r>] {
        &self.chosen
    }

    /// The profile that chose them.
    pub fn profile(&self) -> &'r Profile {
        self.profile
    }

    /// The parameters and their values.
    pub fn params(&self) -> impl Iterator<Item = (&'r Param, &ParamSetting)> {
        self.ruleset.params.iter().zip(&self.params)
    }

    /// The parameters that the configuration sets to another value than the profile does.
    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }
}
