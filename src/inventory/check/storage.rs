//! The storage targets: names, portals, CHAP, logical units.

use super::words::{Twice, amount, filled, label, portal_word};
use crate::facts::{Bytes, LunRole, LunTest};
use crate::inventory::identity::{Identity, NameError, check_iscsi_name};
use crate::inventory::model::{ChapPlan, LunPlan, PortalPlan, TargetPlan, TestPlan};
use crate::inventory::raw::{ChapAlgorithm, LunUse, RawChap, RawLun, RawTarget, TestWord};
use crate::inventory::secret::{RawSecret, Secret, SecretSource};
use crate::iscsi::Portal;
use crate::scsi::range::BlockRange;
use crate::source::{Problem, Problems, Spanned, Text};
use std::path::Path;

/// Largest number that the flat space addressing method of SAM has.
const LARGEST_LUN: i64 = 16_383;

pub fn targets(list: Vec<RawTarget>, directory: &Path, problems: &mut Problems) -> Vec<TargetPlan> {
    let mut twice = Twice::new("target");
    let mut out = Vec::new();
    for raw in list {
        let name = raw.name.and_then(|name| iscsi_name(name, problems));
        if let Some(name) = &name {
            twice.check(name.to_lowercase(), &name.inner(), problems);
        }
        if raw.portals.as_ref().is_some_and(Vec::is_empty) {
            problems.push(raw.span.problem("the target has no portal", "`portals` is empty"));
        }
        let portals = raw.portals.map(|portals| portals_of(portals, problems));
        let initiator_name = raw.initiator_name.and_then(|name| iscsi_name(name, problems));
        let chap_given = raw.chap.is_some();
        let chap = raw.chap.and_then(|chap| chap_of(chap, directory, problems));
        let luns = luns_of(raw.lun.unwrap_or_default(), problems);
        let (Some(name), Some(portals)) = (name, portals) else { continue };
        if chap_given && chap.is_none() {
            continue;
        }
        out.push(TargetPlan {
            name: name.value,
            portals,
            header_digest: raw.header_digest.map(|digest| digest.value),
            data_digest: raw.data_digest.map(|digest| digest.value),
            initiator_name: initiator_name.map(|name| name.value),
            chap,
            luns,
            place: raw.span.place(),
        });
    }
    out
}

fn wrong_name(text: &Text, kind: &str, error: NameError) -> Problem {
    text.problem(format!("`{text}` is no {kind}: {}", error.what), "cannot be read").help_if(error.help)
}

fn iscsi_name(text: Text, problems: &mut Problems) -> Option<Text> {
    match check_iscsi_name(&text) {
        Ok(()) => Some(text),
        Err(error) => {
            problems.push(wrong_name(&text, "iSCSI name", error));
            None
        }
    }
}

fn portals_of(list: Vec<Text>, problems: &mut Problems) -> Vec<PortalPlan> {
    let mut twice = Twice::new("portal");
    let mut out = Vec::new();
    for text in list {
        if let Some(portal) = portal_of(&text, crate::iscsi::DEFAULT_PORT, problems)
            && twice.check(portal.to_string(), &text.inner(), problems)
        {
            out.push(PortalPlan { portal, place: text.place() });
        }
    }
    out
}

/// A host and port; what is wrong is reported.
pub(super) fn portal_of(text: &Text, default_port: u16, problems: &mut Problems) -> Option<Portal> {
    match portal_word(text, default_port) {
        Ok(portal) => Some(portal),
        Err(why) => {
            let help = format!("write host:{default_port}, or [address]:{default_port} for IPv6");
            problems.push(
                text.problem(format!("`{text}` is no host and port: {why}"), "cannot be read").help(help),
            );
            None
        }
    }
}

fn chap_of(raw: RawChap, directory: &Path, problems: &mut Problems) -> Option<ChapPlan> {
    let place = raw.span.place();
    let user = raw.user.and_then(|user| filled(user, problems));
    match (&raw.mutual_user, &raw.mutual_secret) {
        (Some(user), None) => {
            let message = "mutual CHAP needs `mutual_secret` as well";
            problems.push(user.problem(message, "only the user is given"));
        }
        (None, Some(secret)) => {
            let message = "mutual CHAP needs `mutual_user` as well";
            problems.push(secret.span.problem(message, "only the secret is given"));
        }
        _ => {}
    }
    let mutual_user = raw.mutual_user.and_then(|user| filled(user, problems));
    if let (Some(one), Some(other)) = (&raw.secret, &raw.mutual_secret)
        && one.source.is_some()
        && one.source == other.source
        && one.source != Some(SecretSource::Prompt)
    {
        problems.push(
            other
                .span
                .problem("the secrets of both directions are the same", "the same source")
                .label(&one.span, "as here")
                .help("RFC 7143, section 9.2.1: a secret must not serve both directions"),
        );
    }
    let algorithms = algorithms_of(raw.algorithms, problems);
    let (Some(user), Some(secret)) = (user, raw.secret) else { return None };
    let own = secret_of(secret, directory, format!("CHAP secret of user {}", user.value))?;
    let mutual = match (mutual_user, raw.mutual_secret) {
        (Some(user), Some(secret)) => {
            let purpose = format!("CHAP secret of target user {}", user.value);
            Some((user.value, secret_of(secret, directory, purpose)?))
        }
        (None, None) => None,
        _ => return None,
    };
    Some(ChapPlan { user: user.value, secret: own, mutual, algorithms, place })
}

fn algorithms_of(list: Option<Vec<Spanned<ChapAlgorithm>>>, problems: &mut Problems) -> Vec<ChapAlgorithm> {
    let Some(list) = list.filter(|list| !list.is_empty()) else {
        return vec![ChapAlgorithm::Sha256, ChapAlgorithm::Md5];
    };
    let mut twice = Twice::new("algorithm");
    for algorithm in &list {
        twice.check(algorithm.word().to_owned(), &algorithm.span, problems);
    }
    list.into_iter().map(|algorithm| algorithm.value).collect()
}

fn secret_of(raw: RawSecret, directory: &Path, purpose: String) -> Option<Secret> {
    let source = match raw.source? {
        SecretSource::File(path) => SecretSource::File(directory.join(path)),
        other => other,
    };
    Some(Secret::new(source, purpose, raw.span))
}

fn luns_of(list: Vec<RawLun>, problems: &mut Problems) -> Vec<LunPlan> {
    let mut numbers = Twice::new("LUN");
    let mut names = Twice::new("LUN name");
    let mut identities = Twice::new("identity");
    let mut out = Vec::new();
    for mut raw in list {
        let testing = Testing::take(&mut raw);
        let number = raw.lun.and_then(|number| {
            if (0..=LARGEST_LUN).contains(&number.value) {
                numbers.check(number.value.to_string(), &number.span, problems);
                return u16::try_from(number.value).ok();
            }
            let message = format!("a logical unit number is from 0 to {LARGEST_LUN}");
            problems.push(number.span.problem(message, "out of this range"));
            None
        });
        let name_given = raw.name.is_some();
        let name = raw.name.and_then(|name| label(name, problems));
        let name_span = name.as_ref().map_or_else(|| raw.span.clone(), Text::inner);
        testing.check_needs(raw.identity.is_some(), raw.size.is_some(), problems);
        let identity = raw.identity.and_then(|text| match Identity::parse(&text) {
            Ok(identity) => {
                identities.check(identity.to_string(), &text.inner(), problems);
                Some(identity)
            }
            Err(error) => {
                problems.push(wrong_name(&text, "identity of a LUN", error));
                None
            }
        });
        let size = raw.size.and_then(|size| amount::size(&size, problems));
        let role = raw.role.map(|role| match role.value {
            LunUse::Witness => LunRole::Witness,
            LunUse::Data => LunRole::Data,
        });
        let test = testing.plan(size, problems);
        let (Some(number), Some(role)) = (number, role) else { continue };
        let name = match name {
            Some(name) => name.value,
            None if name_given => continue,
            None => format!("lun-{number}"),
        };
        names.check(name.clone(), &name_span, problems);
        out.push(LunPlan { number, name, role, identity, size, test, span: raw.span });
    }
    out
}

/// What a LUN's table says of testing it.
struct Testing {
    test: Option<Spanned<TestWord>>,
    range: Option<Text>,
    allow_nonblank: Option<Vec<Text>>,
}

impl Testing {
    fn take(raw: &mut RawLun) -> Self {
        Self {
            test: raw.test.take(),
            range: raw.test_range.take(),
            allow_nonblank: raw.allow_nonblank.take(),
        }
    }

    /// A test without knowing which LUN it should meet could meet another one.
    fn check_needs(&self, identity: bool, size: bool, problems: &mut Problems) {
        let Some(test) = &self.test else { return };
        let missing = match (identity, size) {
            (true, true) => return,
            (false, true) => "`identity`",
            (true, false) => "`size`",
            (false, false) => "`identity` and `size`",
        };
        problems.push(
            test.span
                .problem(format!("`test` needs {missing}"), format!("{missing} missing beside it"))
                .help("a LUN is tested only when it is surely the one that is meant; `quorate init --from-target` writes both"),
        );
    }

    fn plan(self, size: Option<Bytes>, problems: &mut Problems) -> Option<TestPlan> {
        let mode = self.test.as_ref().map(|test| test.value);
        if let Some(range) = &self.range
            && mode != Some(TestWord::PrWrite)
        {
            let mut problem = range.problem("only `test = \"pr-write\"` writes to blocks", "of no use here");
            if let Some(test) = &self.test {
                problem = problem.label(&test.span, "writes nothing");
            }
            problems.push(problem);
        }
        if let (None, Some(first)) = (mode, self.allow_nonblank.iter().flatten().next()) {
            let message = "`allow_nonblank` is about a test, and there is none";
            problems
                .push(first.problem(message, "of no use here").help("add `test = \"pr\"`, or leave it out"));
        }
        let mut twice = Twice::new("signature");
        let mut allowed = Vec::new();
        for name in self.allow_nonblank.unwrap_or_default() {
            if let Some(name) = filled(name, problems) {
                twice.check(name.value.clone(), &name.inner(), problems);
                allowed.push(name);
            }
        }
        let range = self.range.and_then(|range| blocks_of(&range, size, problems));
        let test = self.test?;
        let mode = match test.value {
            TestWord::Inspect => LunTest::Inspect,
            TestWord::Pr => LunTest::Pr,
            TestWord::PrWrite => LunTest::PrWrite,
        };
        Some(TestPlan { mode, range, allow_nonblank: allowed, span: test.span })
    }
}

/// The smallest logical block that a disk has, in bytes.
const SMALLEST_BLOCK: u64 = 512;

/// A first block and a count, `20480+64`.
fn blocks_of(text: &Text, size: Option<Bytes>, problems: &mut Problems) -> Option<BlockRange> {
    let range: BlockRange = match text.parse() {
        Ok(range) => range,
        Err(error) => {
            problems.push(text.problem(error.to_string(), "cannot be taken"));
            return None;
        }
    };
    let blocks = size.map(|size| size.0 / SMALLEST_BLOCK);
    if blocks.is_some_and(|blocks| !range.fits(blocks)) {
        problems.push(text.problem("the blocks lie behind the end of the LUN", "its `size` is smaller"));
        return None;
    }
    Some(range)
}
