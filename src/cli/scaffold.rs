//! `quorate rules new`: a rule of one's own to begin with, with examples that run.
//!
//! What is written is loaded and tested before it is written; nothing that is there is lost.

use super::Outcome;
use super::args::PATH_LIST;
use super::rulebook;
use super::schema;
use super::terminal::Terminal;
use super::write::to_file;
use crate::facts::{Choice, Platform};
use crate::report::ExitCode;
use crate::rule::{Each, RuleFolder, RuleSources, Ruleset, Severity, Sketch, rule_id};
use crate::source::{Problem, Problems};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use std::path::{Path, PathBuf};

/// Folder of rules where the command line names none; that of the examples in `cluster.toml`.
const FOLDER: &str = "my-rules";

/// Write a rule of your own to begin with, with examples that run at once
#[derive(clap::Args)]
pub(super) struct NewArgs {
    /// Its id: CATEGORY/NAME; the file is named by the category
    #[arg(value_name = "ID")]
    id: String,
    /// Folder of your rules, made where it is not there [default: my-rules]
    #[arg(long = "rules", value_name = "DIR", env = "QUORATE_RULES", value_delimiter = PATH_LIST)]
    directories: Vec<PathBuf>,
    /// List whose elements get a verdict each: nodes, nodes.nics; by default the rule speaks of the cluster
    #[arg(long, value_name = "LIST", env = "QUORATE_EACH")]
    each: Option<String>,
    /// How bad it is when the rule does not hold
    #[arg(long, value_name = "SEVERITY", default_value = "fail", env = "QUORATE_SEVERITY")]
    #[arg(value_parser = word::<Severity>(), hide_env_values = true)]
    severity: Severity,
    /// Only platform on which it has something to say
    #[arg(long, value_name = "PLATFORM", env = "QUORATE_PLATFORM", value_parser = word::<Platform>())]
    platform: Option<Platform>,
    /// Add it to the file of its category, where that is there
    #[arg(long, env = "QUORATE_APPEND", value_parser = clap::builder::FalseyValueParser::new(), hide_env_values = true)]
    append: bool,
}

/// A parser of one of a closed list of words.
pub(super) fn word<T: Choice + Send + Sync + 'static>() -> impl TypedValueParser<Value = T> {
    let words = T::choice_type().words.iter().map(|(word, doc)| PossibleValue::new(*word).help(doc.trim()));
    PossibleValuesParser::new(words).map(|word| {
        word.parse().unwrap_or_else(|_| unreachable!("the parser before lets through only words of the list"))
    })
}

pub(super) fn new(args: NewArgs, terminal: &Terminal) -> Outcome {
    let (category, name) =
        rule_id(&args.id).map_err(|why| Problem::new(why).help("quorate rules new own/same-site"))?;
    let folder = match args.directories.as_slice() {
        [] => PathBuf::from(FOLDER),
        [one] => one.clone(),
        _ => {
            return Err(Problem::new("the rule can go into one folder only")
                .help("name one with --rules")
                .into());
        }
    };
    let each = args.each.as_deref().map(parse_each).transpose()?;
    let path = folder.join(format!("{category}.toml"));
    let there = path.symlink_metadata().is_ok();
    refuse_known(&args.id, &folder)?;
    if there && !args.append {
        return Err(Problem::new(format!("{} is there already", path.display()))
            .help("--append adds the rule to it; or choose another category")
            .into());
    }
    let sketch =
        Sketch { category, name, severity: args.severity, each: each.as_ref(), platform: args.platform };
    let Some(tables) = sketch.text() else {
        let list = args.each.as_deref().unwrap_or("cluster");
        return Err(Problem::new(format!(
            "the elements of `{list}` have no fact that a rule could begin with"
        ))
        .help("begin with a list above it, then edit `each`")
        .into());
    };
    let text = if there {
        let old = std::fs::read_to_string(&path)
            .map_err(|error| Problem::new(format!("{} cannot be read: {error}", path.display())))?;
        format!("{}\n\n{tables}", old.trim_end())
    } else {
        format!("{}{tables}", head(&args.id, &folder))
    };
    test(&args.id, &folder, &path, &text)?;
    std::fs::create_dir_all(&folder)
        .map_err(|error| Problem::new(format!("{} cannot be made: {error}", folder.display())))?;
    to_file(&path, &text)?;
    if !there {
        schema::beside(&folder, schema::Kind::Rules, false)?;
    }
    let (path, folder) = (path.display(), folder.display());
    terminal.note(&format!(
        "Wrote {} to {path}. Edit what is marked EDIT, then run `quorate rules test --rules {folder}`.\n\
         A cluster is checked by it with --rules {folder}, or with [rules] directories = [\"{folder}\"] in cluster.toml.",
        args.id
    ));
    Ok(ExitCode::Clean)
}

fn parse_each(text: &str) -> Result<Each, Problems> {
    Each::parse(text).map_err(|error| {
        let place = rulebook::text("--each", text);
        let problem = if text.is_empty() {
            place.problem("`--each` names no list", "empty")
        } else {
            place.within(error.range).problem(error.message, "not a list of the facts")
        };
        problem.help_if(error.help).into()
    })
}

fn head(id: &str, folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "#:schema ./{}\n\
         # Rules of your own; the name of this file is the category of their ids.\n\
         #   quorate rules test --rules {folder}      runs the examples\n\
         #   quorate rules lint --rules {folder}      shows mistakes at their place, and what should be better\n\
         #   quorate explain {id} --rules {folder}    shows what users of the rule will read\n\n",
        schema::Kind::Rules.file_name()
    )
}

/// Refuses an id that a rule has already. Mistakes in the folder come first: with them, nothing can be said of it.
fn refuse_known(id: &str, folder: &Path) -> Result<(), Problems> {
    let folders = if holds_rules(folder) { vec![RuleFolder::new(folder)] } else { Vec::new() };
    let ruleset = Ruleset::load(&RuleSources { folders, ..RuleSources::default() })?;
    if !ruleset.all_ids().any(|known| known == id) {
        return Ok(());
    }
    let place =
        ruleset.rule(id).filter(|rule| !rule.shipped).map(|rule| format!(", at {}", rule.span.place()));
    Err(Problem::new(format!("there is a rule `{id}` already{}", place.unwrap_or_default()))
        .help(format!("choose another name; `quorate explain {id}` shows that rule"))
        .into())
}

fn holds_rules(folder: &Path) -> bool {
    folder.join("profiles").is_dir()
        || std::fs::read_dir(folder).is_ok_and(|mut entries| {
            entries.any(|entry| {
                entry.is_ok_and(|entry| entry.path().extension().is_some_and(|ending| ending == "toml"))
            })
        })
}

/// Loads the folder as it would be, and runs the examples of the new rule.
fn test(id: &str, folder: &Path, path: &Path, text: &str) -> Result<(), Problems> {
    let cannot = |error: std::io::Error| Problem::new(format!("the rule cannot be tried out: {error}"));
    let trial = tempfile::tempdir().map_err(cannot)?;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let from = entry.path();
        if from.is_file() && from.extension().is_some_and(|ending| ending == "toml") {
            std::fs::copy(&from, trial.path().join(entry.file_name())).map_err(cannot)?;
        }
    }
    std::fs::write(trial.path().join(path.file_name().unwrap_or_default()), text).map_err(cannot)?;
    let folders = vec![RuleFolder::new(trial.path())];
    let wrong = match Ruleset::load(&RuleSources { folders, ..RuleSources::default() }) {
        Ok(ruleset) => {
            let results = ruleset.test_examples(|rule| rule.id == id);
            if !results.is_empty() && results.iter().all(|result| result.is_right()) {
                return Ok(());
            }
            "its examples do not say what they should".to_owned()
        }
        Err(problems) => problems.iter().next().map(|first| first.message().to_owned()).unwrap_or_default(),
    };
    Err(Problem::new(format!("the rule cannot be added to {}: {wrong}", path.display()))
        .help("choose another category, which has a file of its own")
        .into())
}
