//! `--active`: the LUNs that `cluster.toml` marks with `test` are tested, and what is found becomes facts of them.
//!
//! Everything that can be wrong with the plan is told before anything is contacted. The targets are tested side by side,
//! the LUNs of one target one after another. Each test has a run file of its own, which stays where something may be left.

use super::interrupt::Interrupt;
use super::storage::play;
use super::trace::TraceFile;
use crate::conformance::content;
use crate::conformance::facts::{Told, mode_allowed, tell, tell_not_begun};
use crate::conformance::gate::RefusalKind;
use crate::conformance::journal::Journal;
use crate::conformance::outcome::StepOutcome;
use crate::conformance::plan::{Access, Plan, Subject};
use crate::conformance::run::{RunError, Watch};
use crate::conformance::step::Step;
use crate::facts::{Conformance, Document, GapReason, LunTest};
use crate::inventory::{Inventory, LunPlan, TargetPlan, TestPlan};
use crate::probe::{self, Finish, Progress, SubjectKind, target};
use crate::scsi::Lun;
use crate::source::{Problem, Problems, suggest};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where run files go, beside `cluster.toml`.
const FOLDER: &str = ".quorate";

/// Whether and how LUNs are tested.
#[derive(clap::Args, Clone, Default)]
#[command(next_help_heading = "Active tests")]
pub(super) struct ActiveOptions {
    /// Also test the LUNs that cluster.toml marks with `test`: play several nodes that register, reserve and take over.
    /// A LUN that anybody uses is refused; what is changed is undone
    #[arg(long, env = "QUORATE_ACTIVE", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(hide_env_values = true)]
    pub active: bool,
    /// Folder for the run files, by which a test that was cut off is undone; by default .quorate beside cluster.toml
    #[arg(long, value_name = "DIR", env = "QUORATE_RUN_DIR")]
    pub run_dir: Option<PathBuf>,
    /// Let the tests reset the LUNs (step P35)
    #[arg(long, env = "QUORATE_LUN_RESET", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(hide_env_values = true)]
    pub lun_reset: bool,
    /// Let the tests register 64 initiators at once (part of step P40)
    #[arg(long, env = "QUORATE_FILL_TABLE", value_parser = clap::builder::FalseyValueParser::new())]
    #[arg(hide_env_values = true)]
    pub fill_table: bool,
}

/// A LUN that is to be tested.
struct Marked<'a> {
    target: &'a TargetPlan,
    lun: &'a LunPlan,
    test: &'a TestPlan,
}

/// The LUNs that the plan marks, in its order.
fn marked(inventory: &Inventory) -> impl Iterator<Item = Marked<'_>> {
    inventory.targets.iter().flat_map(|target| {
        target.luns.iter().filter_map(move |lun| Some(Marked { target, lun, test: lun.test.as_ref()? }))
    })
}

/// Checks what only the tests know: the names of signatures.
pub(super) fn check(inventory: &Inventory) -> Result<(), Problems> {
    let mut problems = Problems::new();
    for name in marked(inventory).flat_map(|marked| &marked.test.allow_nonblank) {
        if !content::names().any(|known| known == name.value) {
            let near = suggest(&name.value, content::names());
            problems.push(
                name.problem(
                    format!("nothing that can stand on a LUN goes by the name `{name}`"),
                    "not a signature",
                )
                .help_if(near.map(|near| format!("did you mean `{near}`?"))),
            );
        }
    }
    problems.or(())
}

/// What a dry run says of the tests.
pub(super) fn dry_run(inventory: &Inventory, options: &ActiveOptions) -> String {
    let line = |marked: Marked<'_>| {
        format!(
            "# active test of LUN {} of {}: mode {}, run file in {}\n",
            marked.lun.name,
            marked.target.name,
            marked.test.mode,
            options.folder(inventory).display()
        )
    };
    if options.active { marked(inventory).map(line).collect() } else { String::new() }
}

impl ActiveOptions {
    fn folder(&self, inventory: &Inventory) -> PathBuf {
        self.run_dir.clone().unwrap_or_else(|| inventory.directory.join(FOLDER))
    }
}

/// The tests of a run, ready to begin.
pub(super) struct Tests<'a> {
    inventory: &'a Inventory,
    options: &'a ActiveOptions,
    folder: PathBuf,
    ends: Instant,
}

/// What came of a LUN.
struct Tested {
    target: String,
    lun: String,
    told: Told,
}

impl<'a> Tests<'a> {
    /// Prepares the tests; none where they were not asked for.
    pub fn new(
        inventory: &'a Inventory,
        options: &'a ActiveOptions,
        deadline: Duration,
    ) -> Result<Option<Self>, Problems> {
        if !options.active {
            return Ok(None);
        }
        if marked(inventory).next().is_none() {
            return Err(Problem::new(format!("{} lets no LUN be tested", inventory.file.name()))
                .help("write `test = \"pr\"` in the [[target.lun]] that may be, with its identity and size")
                .into());
        }
        let folder = options.folder(inventory);
        make_private(&folder).map_err(|error| {
            Problem::new(format!("the folder {} for run files cannot be used: {error}", folder.display()))
                .help(
                    "no LUN is tested without a run file to undo the test by; --run-dir names another folder",
                )
        })?;
        let ends = Instant::now()
            .checked_add(deadline)
            .unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
        Ok(Some(Self { inventory, options, folder, ends }))
    }

    /// How many LUNs there are to test.
    pub fn number(&self) -> usize {
        marked(self.inventory).count()
    }

    /// Tests every marked LUN and writes what is found into the document.
    pub fn run(
        &self,
        document: &mut Document,
        progress: &dyn Progress,
        interrupt: &Interrupt,
        trace: &TraceFile,
    ) {
        let all = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for target in &self.inventory.targets {
                let all = &all;
                let test = move || {
                    for marked in marked(self.inventory).filter(|marked| marked.target.name == target.name) {
                        let tested = self.one(&marked, progress, interrupt, trace);
                        all.lock().unwrap_or_else(PoisonError::into_inner).push(tested);
                    }
                };
                let builder = std::thread::Builder::new().name("active".to_owned());
                // Without a thread this one tests.
                if builder.spawn_scoped(scope, test).is_err() {
                    test();
                }
            }
        });
        for tested in all.into_inner().unwrap_or_else(PoisonError::into_inner) {
            put(document, tested);
        }
        // An empty folder of our own making is of no use to anybody; one with files is not removed.
        let _ = std::fs::remove_dir(&self.folder);
    }

    fn one(
        &self,
        marked: &Marked<'_>,
        progress: &dyn Progress,
        interrupt: &Interrupt,
        trace: &TraceFile,
    ) -> Tested {
        let (target, lun) = (marked.target.name.clone(), marked.lun.name.clone());
        let path = format!("targets[{target}].luns[{lun}]");
        let subject = probe::Subject {
            kind: SubjectKind::Lun,
            name: lun.clone(),
            how: format!("of {target}, mode {}", marked.test.mode),
        };
        let not_begun = |why: &str, reason| tell_not_begun(why, reason, marked.test.mode, &path);
        if interrupt.came() {
            return Tested {
                told: not_begun("the run was interrupted", GapReason::Interrupted),
                target,
                lun,
            };
        }
        if Instant::now() >= self.ends {
            let why = "the run's deadline passed before it was tested; --deadline gives more time";
            return Tested { told: not_begun(why, GapReason::TimedOut), target, lun };
        }
        let began = Instant::now();
        progress.started(&subject);
        let told = match self.plan(marked, trace) {
            Ok(plan) => {
                let watching = Watching { subject: &subject, progress, interrupt, trace, ends: self.ends };
                self.play(&plan, &path, &watching)
            }
            Err(why) => not_begun(&why, GapReason::NotCollected),
        };
        progress.finished(&subject, &Finish::Answered, began.elapsed());
        Tested { target, lun, told }
    }

    fn plan(&self, marked: &Marked<'_>, trace: &TraceFile) -> Result<Plan, String> {
        let access = target::Access::of_plan(marked.target).map_err(|error| error.to_string())?;
        let subject = Subject {
            target: marked.target.name.clone(),
            portals: marked.target.portals.iter().map(|plan| plan.portal.clone()).collect(),
            lun: Lun::new(marked.lun.number.into()),
            name: marked.lun.name.clone(),
            identity: marked.lun.identity.as_ref().map(|identity| identity.as_str().to_owned()),
            size_bytes: marked.lun.size.map(|size| size.0),
            access: Access {
                chap: access.chap,
                header_digest: access.header_digest,
                data_digest: access.data_digest,
                tap: trace.tap(),
            },
        };
        let plan = Plan::new(subject);
        Ok(Plan {
            mode: mode_allowed(marked.test.mode).ok_or("the plan allows no test")?,
            range: marked.test.range,
            lun_reset: self.options.lun_reset,
            fill_table: self.options.fill_table,
            allow_nonblank: marked.test.allow_nonblank.iter().map(|name| name.value.clone()).collect(),
            nodes: u32::try_from(self.inventory.nodes.len()).unwrap_or(u32::MAX).max(plan.nodes.min(1)),
            ..plan
        })
    }

    fn play(&self, plan: &Plan, path: &str, watching: &Watching<'_>) -> Told {
        let started = jiff::Timestamp::now();
        let file = self.folder.join(file_name(&plan.subject.name, started));
        let shown = started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let mode = crate::conformance::facts::mode_of(plan.mode);
        match catch_unwind(AssertUnwindSafe(|| play(plan, &file, watching))) {
            Ok(Ok(outcome)) => {
                let clean = outcome.residue.is_clean();
                if clean {
                    // A file that stays does no harm: a cleanup by it finds nothing.
                    let _ = std::fs::remove_file(&file);
                }
                tell(&outcome, path, &shown, (!clean).then_some(file.as_path()))
            }
            Ok(Err(error)) => {
                let reason = match &error {
                    RunError::Refused(refusal) => reason_of(refusal.kind),
                    _ => GapReason::NotCollected,
                };
                tell_not_begun(&error.to_string(), reason, mode, path)
            }
            Err(_) => broken(&file, mode, path),
        }
    }
}

/// What is told of a test that broke: unless its run file says that all was undone, something may be left.
fn broken(file: &Path, mode: LunTest, path: &str) -> Told {
    let undone = match Journal::open(file) {
        Ok(journal) => journal.record().finished,
        // No run file, no change.
        Err(_) => !file.exists(),
    };
    let mut told =
        tell_not_begun("the test broke; this is a defect of quorate", GapReason::CommandFailed, mode, path);
    told.facts.stopped = told.facts.refused.replace(String::new());
    if !undone {
        told.facts.residue =
            Some(vec!["keys, a reservation or written blocks of the test that broke".to_owned()]);
        told.facts.run_file = Some(file.display().to_string());
    }
    told
}

fn reason_of(kind: RefusalKind) -> GapReason {
    match kind {
        RefusalKind::Unreachable => GapReason::Unreachable,
        RefusalKind::Authentication | RefusalKind::Login | RefusalKind::NoTarget => GapReason::LoginRefused,
        RefusalKind::Interrupted => GapReason::Interrupted,
        _ => GapReason::NotCollected,
    }
}

/// A name that no other run has. Names of LUNs have no characters that a file's name could not.
fn file_name(lun: &str, started: jiff::Timestamp) -> String {
    format!("{lun}-{}-{}.json", started.strftime("%Y%m%dT%H%M%S%3fZ"), std::process::id())
}

/// Makes the folder where it is not there, for its owner alone, and tries whether files can be made in it.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    tempfile::Builder::new().prefix(".quorate-").tempfile_in(folder).map(drop)
}

/// Lays what was found of a LUN into the document.
fn put(document: &mut Document, tested: Tested) {
    let Tested { target, lun, told } = tested;
    let luns = document
        .targets
        .iter_mut()
        .filter(|one| one.name == target)
        .flat_map(|one| one.luns.iter_mut().flatten());
    for found in luns.filter(|one| one.name == lun) {
        found.conformance = Conformance::clone(&told.facts);
    }
    document.gaps.extend(told.gaps);
    document.sources.extend(told.sources);
}

/// Passes on what a test does, and the wish to end it.
struct Watching<'a> {
    subject: &'a probe::Subject,
    progress: &'a dyn Progress,
    interrupt: &'a Interrupt,
    trace: &'a TraceFile,
    ends: Instant,
}

impl Watch for Watching<'_> {
    fn step_begins(&self, step: &Step) {
        self.progress.waiting(self.subject, &format!("{}, {}", step.id, step.title));
        self.trace.remark(&format!("LUN {}: {}, {}", self.subject.name, step.id, step.title));
    }

    fn step_ended(&self, _: &StepOutcome) {}

    fn interrupted(&self) -> bool {
        self.interrupt.came() || Instant::now() >= self.ends
    }
}
