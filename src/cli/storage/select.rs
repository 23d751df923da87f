//! Which LUN is meant: one of a `cluster.toml`, or a target, a number and portals on the command line.

use crate::conformance::content;
use crate::conformance::plan::{Access, BlockRange, Mode, Subject};
use crate::facts::{LunTest, parse_size};
use crate::inventory::{self, Inventory, LunPlan, Secret, SecretSource, TargetPlan};
use crate::iscsi::chap::{Chap, Credentials};
use crate::iscsi::{Portal, Tap};
use crate::probe::target;
use crate::scsi::Lun;
use crate::source::{Problem, Problems, SourceFile, Span};
use std::path::{Path, PathBuf};

/// Which LUN, and how to get at it.
#[derive(clap::Args)]
pub(super) struct UnitOptions {
    /// A cluster.toml, or the iSCSI name of a target; by default the nearest cluster.toml
    #[arg(value_name = "FILE|TARGET")]
    pub subject: Option<String>,
    /// Number of the LUN, after the name of a target
    #[arg(value_name = "LUN", requires = "subject", value_parser = clap::value_parser!(u32).range(0..=16383))]
    pub number: Option<u32>,
    /// Only this LUN of cluster.toml, by name or TARGET/NAME
    #[arg(long, value_name = "NAME", env = "QUORATE_LUN", help_heading = "LUN")]
    pub lun: Option<String>,
    /// Portal of the target, HOST or HOST:PORT; may be given several times
    #[arg(long = "portal", value_name = "HOST:PORT", env = "QUORATE_PORTAL", value_delimiter = ',')]
    #[arg(help_heading = "LUN")]
    pub portals: Vec<Portal>,
    /// Identity that the LUN must have: naa.6001405..., eui...., t10...., or its serial number
    #[arg(long, value_name = "ID", env = "QUORATE_IDENTITY", help_heading = "LUN")]
    pub identity: Option<String>,
    /// Size that the LUN must have: 1GiB, or a number of bytes
    #[arg(long, value_name = "SIZE", env = "QUORATE_SIZE", help_heading = "LUN", value_parser = size)]
    pub size: Option<u64>,
    /// CHAP user; the secret comes from --chap-secret-file, else from QUORATE_CHAP_SECRET, else it is asked for
    #[arg(long, value_name = "USER", env = "QUORATE_CHAP_USER", help_heading = "LUN")]
    pub chap_user: Option<String>,
    /// File with the CHAP secret, readable by its owner alone
    #[arg(
        long,
        value_name = "FILE",
        env = "QUORATE_CHAP_SECRET_FILE",
        help_heading = "LUN",
        requires = "chap_user"
    )]
    pub chap_secret_file: Option<PathBuf>,
}

/// Where the CHAP secret is looked for without a file.
const SECRET: &str = "QUORATE_CHAP_SECRET";

/// A size in bytes.
fn size(text: &str) -> Result<u64, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| "it is larger than any LUN".to_owned());
    }
    let bytes = parse_size(text).map_err(|error| error.to_string())?;
    u64::try_from(bytes).map_err(|_| "it is less than none".to_owned())
}

/// A LUN that is meant.
pub(super) struct Chosen {
    /// The LUN, and how to log in.
    pub subject: Subject,
    /// How far a test of it may go, and why, where that is bounded.
    pub most: Option<(Mode, String)>,
    /// The blocks that a test may write to.
    pub range: Option<BlockRange>,
    /// Signatures that may be on it.
    pub allow_nonblank: Vec<String>,
    /// Nodes of the cluster.
    pub nodes: Option<u32>,
}

impl UnitOptions {
    /// True when a target is named on the command line.
    pub fn names_target(&self) -> bool {
        self.subject.as_deref().is_some_and(|text| {
            let lower = text.to_ascii_lowercase();
            ["iqn.", "eui.", "naa."].iter().any(|prefix| lower.starts_with(prefix))
                && !Path::new(text).exists()
        })
    }

    /// The LUNs that are meant: the one on the command line, or those of `cluster.toml`. `marked` asks for those alone that
    /// the file lets be tested, where none is named.
    pub fn choose(&self, marked: bool, tap: &Tap) -> Result<Vec<Chosen>, Problems> {
        if self.names_target() {
            return Ok(vec![self.on_the_command_line(tap)?]);
        }
        let of_a_target = [
            (self.number.is_some(), "the number of a LUN"),
            (!self.portals.is_empty(), "--portal"),
            (self.identity.is_some(), "--identity"),
            (self.size.is_some(), "--size"),
            (self.chap_user.is_some(), "--chap-user"),
        ];
        if let Some((_, what)) = of_a_target.iter().find(|(given, _)| *given) {
            let problem = Problem::new(format!("{what} goes with the name of a target, and there is none"));
            return Err(problem
                .help("write TARGET LUN --portal HOST:PORT, or --lun NAME for one of cluster.toml")
                .into());
        }
        self.of_the_file(marked, tap)
    }

    /// How to log in to a target that a run file names.
    pub fn access_to(&self, name: &str, tap: &Tap) -> Result<Access, Problems> {
        if let Some(access) = self.access(tap)? {
            return Ok(access);
        }
        if self.subject.is_none() {
            return Ok(Access { tap: tap.clone(), ..Access::default() });
        }
        let inventory = self.load()?;
        match inventory.targets.iter().find(|target| target.name == name) {
            Some(target) => access_of(target, tap),
            None => {
                Err(Problem::new(format!("cluster.toml has no target {name}, which the run file names"))
                    .into())
            }
        }
    }

    fn load(&self) -> Result<Inventory, Problems> {
        let inventory = Inventory::load(&inventory::locate(self.subject.as_deref().map(Path::new))?)?;
        inventory.check_references()?;
        Ok(inventory)
    }

    fn on_the_command_line(&self, tap: &Tap) -> Result<Chosen, Problems> {
        let target = self.subject.clone().unwrap_or_default();
        let mut problems = Problems::new();
        if let Err(error) = inventory::check_iscsi_name(&target) {
            problems.push(
                Problem::new(format!("`{target}` is no iSCSI name: {}", error.what)).help_if(error.help),
            );
        }
        if self.lun.is_some() {
            problems.push(Problem::new("--lun names a LUN of cluster.toml, and a target is named instead"));
        }
        if self.number.is_none() {
            problems.push(Problem::new("the number of the LUN is missing").help("write TARGET LUN"));
        }
        if self.portals.is_empty() {
            problems.push(Problem::new("no portal is given").help("name each with --portal HOST:PORT"));
        }
        let access = match self.access(tap) {
            Ok(access) => access.unwrap_or(Access { tap: tap.clone(), ..Access::default() }),
            Err(more) => {
                problems.extend(more);
                Access::default()
            }
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let number = self.number.unwrap_or_default();
        let subject = Subject {
            target,
            portals: once(&self.portals),
            lun: Lun::new(number),
            name: String::new(),
            identity: self.identity.clone(),
            size_bytes: self.size,
            access,
        };
        Ok(Chosen { subject, most: None, range: None, allow_nonblank: Vec::new(), nodes: None })
    }

    /// CHAP as the command line has it.
    fn access(&self, tap: &Tap) -> Result<Option<Access>, Problems> {
        let Some(user) = &self.chap_user else { return Ok(None) };
        let source = match &self.chap_secret_file {
            Some(file) => SecretSource::File(file.clone()),
            None if std::env::var_os(SECRET).is_some() => SecretSource::Env(SECRET.to_owned()),
            None => SecretSource::Prompt,
        };
        let place = Span::new(&SourceFile::new("the command line", ""), 0..0);
        let secret = Secret::new(source, format!("CHAP secret of user `{user}`"), place);
        let secret = secret.resolve().map_err(|error| Problem::new(error.to_string()))?;
        let chap = Chap::one_way(Credentials::new(user, secret));
        Ok(Some(Access { chap: Some(chap), tap: tap.clone(), ..Access::default() }))
    }

    fn of_the_file(&self, marked: bool, tap: &Tap) -> Result<Vec<Chosen>, Problems> {
        let inventory = self.load()?;
        let all =
            inventory.targets.iter().flat_map(|target| target.luns.iter().map(move |lun| (target, lun)));
        let named = |target: &TargetPlan, lun: &LunPlan| match &self.lun {
            Some(name) => *name == lun.name || *name == format!("{}/{}", target.name, lun.name),
            None => !marked || lun.test.is_some(),
        };
        let chosen: Vec<_> = all.clone().filter(|(target, lun)| named(target, lun)).collect();
        if let (Some(name), true) = (&self.lun, chosen.len() > 1) {
            let problem = Problem::new(format!("several targets have a LUN `{name}`"));
            return Err(problem.help("write --lun TARGET/NAME").into());
        }
        if chosen.is_empty() {
            let names: Vec<String> = all.map(|(_, lun)| lun.name.clone()).collect();
            return Err(match &self.lun {
                Some(name) => Problem::new(format!("cluster.toml has no LUN `{name}`"))
                    .help(format!("it has {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") })),
                None => Problem::new("cluster.toml lets no LUN be tested")
                    .help("write test = \"pr\" in the [[target.lun]] that may be, or name one to look at with --lun"),
            }
            .into());
        }
        let nodes = u32::try_from(inventory.nodes.len()).ok().filter(|nodes| *nodes > 0);
        chosen.into_iter().map(|(target, lun)| self.planned(target, lun, nodes, tap)).collect()
    }

    fn planned(
        &self,
        target: &TargetPlan,
        lun: &LunPlan,
        nodes: Option<u32>,
        tap: &Tap,
    ) -> Result<Chosen, Problems> {
        let subject = Subject {
            target: target.name.clone(),
            portals: target.portals.iter().map(|portal| portal.portal.clone()).collect(),
            lun: Lun::new(lun.number.into()),
            name: lun.name.clone(),
            identity: lun.identity.as_ref().map(|identity| identity.as_str().to_owned()),
            size_bytes: lun.size.map(|size| size.0),
            access: access_of(target, tap)?,
        };
        let place = lun.span.place();
        let most = match lun.test.as_ref().map(|test| test.mode) {
            None | Some(LunTest::None) => {
                (Mode::Inspect, format!("{place}: the LUN is not marked with `test`"))
            }
            Some(LunTest::Inspect) => (Mode::Inspect, format!("{place}: the LUN has test = \"inspect\"")),
            Some(LunTest::Pr) => (Mode::Pr, format!("{place}: the LUN has test = \"pr\"")),
            Some(LunTest::PrWrite) => (Mode::PrWrite, format!("{place}: the LUN has test = \"pr-write\"")),
        };
        let allowed = lun.test.iter().flat_map(|test| &test.allow_nonblank).map(|text| text.value.clone());
        let allow_nonblank: Vec<String> = allowed.collect();
        check_signatures(&allow_nonblank)?;
        let range = lun
            .test
            .as_ref()
            .and_then(|test| test.range)
            .map(|range| BlockRange { lba: range.lba, blocks: range.blocks });
        Ok(Chosen { subject, most: Some(most), range, allow_nonblank, nodes })
    }
}

/// Names of signatures that there are.
pub(super) fn check_signatures(names: &[String]) -> Result<(), Problems> {
    match names.iter().find(|name| !content::names().any(|known| known == **name)) {
        None => Ok(()),
        Some(name) => {
            let near = content::names()
                .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
            let problem = Problem::new(format!("nothing that can stand on a LUN goes by the name `{name}`"));
            Err(problem.help_if(near.map(|near| format!("did you mean `{near}`?"))).into())
        }
    }
}

fn once(portals: &[Portal]) -> Vec<Portal> {
    let mut out: Vec<Portal> = Vec::new();
    for portal in portals {
        if !out.contains(portal) {
            out.push(portal.clone());
        }
    }
    out
}

fn access_of(target: &TargetPlan, tap: &Tap) -> Result<Access, Problems> {
    let access = target::Access::of_plan(target).map_err(|error| Problem::new(error.to_string()))?;
    Ok(Access {
        chap: access.chap,
        header_digest: access.header_digest,
        data_digest: access.data_digest,
        tap: tap.clone(),
    })
}
