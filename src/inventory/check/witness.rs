//! The witness: each kind with the keys that it needs and no others.

use super::storage::portal_of;
use super::words::{amount, filled, host_word};
use crate::facts::{LunRole, Volume, WitnessKind};
use crate::inventory::model::{LunName, LunPlan, Share, TargetPlan, WitnessPlace, WitnessPlan};
use crate::inventory::raw::RawWitness;
use crate::source::{Problems, Text, did_you_mean};

/// Port of a Corosync quorum device (corosync-qnetd(8)).
const QDEVICE_PORT: u16 = 5403;

/// Reads the witness. `unsure` says that targets or LUNs were reported as wrong, so that references may fail for that.
pub fn witness(
    raw: Option<RawWitness>,
    targets: &[TargetPlan],
    damaged: bool,
    unsure: bool,
    problems: &mut Problems,
) -> Option<WitnessPlan> {
    let Some(mut raw) = raw else {
        if !unsure {
            unused_lun(targets, None, problems);
        }
        return None;
    };
    let site = raw.site.take().and_then(|site| filled(site, problems)).map(|site| site.value);
    let free = raw.free.take().and_then(|free| amount::size(&free, problems));
    let kind = raw.kind.take()?;
    let place = raw.span.place();
    let mut keys = Keys { raw, kind: kind.value, damaged, problems };
    let at = match kind.value {
        WitnessKind::None => Some(WitnessPlace::None),
        WitnessKind::Disk if keys.raw.lun.is_none() && keys.raw.volume.is_some() => {
            let volume = keys.raw.volume.take().and_then(|volume| filled(volume, keys.problems));
            volume.map(|volume| WitnessPlace::Volume(volume.value))
        }
        WitnessKind::Disk => keys.lun(targets, unsure).map(WitnessPlace::Disk),
        WitnessKind::Sbd => keys.lun(targets, unsure).map(WitnessPlace::Sbd),
        WitnessKind::FileShare => keys.share().map(WitnessPlace::FileShare),
        WitnessKind::Cloud => keys.url().map(WitnessPlace::Cloud),
        WitnessKind::Qdevice => keys.host().map(WitnessPlace::Qdevice),
    };
    keys.refuse_others();
    let on_lun = matches!(kind.value, WitnessKind::Disk | WitnessKind::Sbd)
        && !matches!(at, Some(WitnessPlace::Volume(_)));
    if !unsure && !on_lun {
        unused_lun(targets, Some(kind.value), problems);
    }
    Some(WitnessPlan { at: at?, site, free, place })
}

/// Whether the volume that the witness is on is one of the plan's. `written` is the name as it stands there.
pub fn known_volume(
    plan: Option<WitnessPlan>,
    written: Option<&Text>,
    volumes: Option<&[Volume]>,
    problems: &mut Problems,
) -> Option<WitnessPlan> {
    let (Some(WitnessPlace::Volume(name)), Some(written)) = (plan.as_ref().map(|plan| &plan.at), written)
    else {
        return plan;
    };
    let names = || volumes.into_iter().flatten().map(|volume| volume.name.as_str());
    if names().any(|known| known == name) {
        return plan;
    }
    let help = did_you_mean(name, names()).unwrap_or_else(|| "write a `[[volume]]` for it".into());
    problems.push(written.problem(format!("there is no volume `{name}`"), "not known").help(help));
    None
}

/// A LUN for the witness that no witness uses is a contradiction.
fn unused_lun(targets: &[TargetPlan], kind: Option<WitnessKind>, problems: &mut Problems) {
    let of_witness = |lun: &&LunPlan| lun.role == LunRole::Witness;
    if let Some(lun) = targets.iter().flat_map(|target| &target.luns).find(of_witness) {
        let message = match kind {
            Some(kind) => {
                format!("the LUN `{}` is for the witness, but the witness is of kind `{kind}`", lun.name)
            }
            None => format!("the LUN `{}` is for the witness, but there is no `[witness]`", lun.name),
        };
        let help = format!(
            "write `[witness]` with `kind = \"disk\"` and `lun = \"{}\"`, or give the LUN the role `data`",
            lun.name
        );
        problems.push(lun.span.problem(message, "a LUN for the witness").help(help));
    }
}

struct Keys<'a> {
    raw: RawWitness,
    kind: WitnessKind,
    /// Whether something of the table may be lost to a mistake of syntax.
    damaged: bool,
    problems: &'a mut Problems,
}

impl Keys<'_> {
    /// The value of the key that this kind needs.
    fn needed(&mut self, key: &str, value: Option<Text>) -> Option<Text> {
        if value.is_none() && !self.damaged {
            let message = format!("a witness of kind `{}` needs `{key}`", self.kind);
            self.problems.push(self.raw.span.problem(message, format!("has no `{key}`")));
        }
        filled(value?, self.problems)
    }

    fn refuse_others(&mut self) {
        let left = [
            ("lun", self.raw.lun.take()),
            ("volume", self.raw.volume.take()),
            ("share", self.raw.share.take()),
            ("url", self.raw.url.take()),
            ("host", self.raw.host.take()),
        ];
        for (key, value) in left {
            if let Some(value) = value {
                let message = format!("a witness of kind `{}` has no `{key}`", self.kind);
                self.problems.push(value.problem(message, "leave it out, or change the kind"));
            }
        }
    }

    fn lun(&mut self, targets: &[TargetPlan], unsure: bool) -> Option<LunName> {
        let value = self.raw.lun.take();
        let text = self.needed("lun", value)?;
        let (target, name) = match text.rsplit_once('/') {
            Some((target, name)) => (Some(target), name),
            None => (None, text.as_str()),
        };
        let all = || targets.iter().flat_map(|target| target.luns.iter().map(move |lun| (target, lun)));
        let found: Vec<_> = all()
            .filter(|(of, lun)| lun.name == name && target.is_none_or(|target| of.name == target))
            .collect();
        match found[..] {
            [(of, lun)] => {
                if lun.role != LunRole::Witness {
                    self.problems.push(
                        text.problem(
                            format!("the LUN `{text}` is for {}, not for the witness", lun.role),
                            "named here",
                        )
                        .help("give the LUN `role = \"witness\"`"),
                    );
                    return None;
                }
                Some(LunName { target: of.name.clone(), lun: lun.name.clone() })
            }
            [] => {
                if !unsure {
                    let names = all().map(|(_, lun)| lun.name.as_str());
                    let help =
                        did_you_mean(name, names).unwrap_or_else(|| "write a `[[target.lun]]` for it".into());
                    self.problems
                        .push(text.problem(format!("there is no LUN `{text}`"), "not known").help(help));
                }
                None
            }
            _ => {
                let names: Vec<_> =
                    found.iter().map(|(of, lun)| format!("\"{}/{}\"", of.name, lun.name)).collect();
                self.problems.push(
                    text.problem(format!("several targets have a LUN `{text}`"), "which one?")
                        .help(format!("write one of {}", names.join(", "))),
                );
                None
            }
        }
    }

    fn share(&mut self) -> Option<Share> {
        let value = self.raw.share.take();
        let text = self.needed("share", value)?;
        let path = text.replace('\\', "/");
        let parts = path.strip_prefix("//").and_then(|rest| rest.split_once('/'));
        if let Some((server, path)) = parts
            && host_word(server).is_ok()
            && !path.trim_matches('/').is_empty()
        {
            return Some(Share { server: server.to_owned(), path: path.trim_matches('/').to_owned() });
        }
        self.problems.push(
            text.problem(format!("`{text}` is no file share"), "cannot be read")
                .help("write it as \"//server/share\""),
        );
        None
    }

    fn url(&mut self) -> Option<String> {
        let value = self.raw.url.take();
        let text = self.needed("url", value)?;
        let Some(rest) = text.strip_prefix("https://") else {
            self.problems.push(
                text.problem(format!("`{text}` is no https address"), "cannot be read")
                    .help("write it as \"https://account.blob.core.windows.net\""),
            );
            return None;
        };
        let start = text.len() - rest.len();
        // A query is where a shared access signature stands, and before an @ a password.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if let Some(at) = authority.rfind('@') {
            let span = text.within(start..start + at);
            self.problems.mask(&span);
            self.problems.push(span.problem("a user or password cannot be given here", "leave it out"));
            return None;
        }
        if let Some(at) = rest.find(['?', '#']) {
            let span = text.within(start + at..text.len());
            self.problems.mask(&span);
            self.problems.push(
                span.problem("a query cannot be given here", "leave it out")
                    .help("it may hold a secret, and is not needed"),
            );
            return None;
        }
        let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let sound_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        if host_word(host).is_err() || !sound_port || rest.contains(char::is_whitespace) {
            self.problems.push(text.problem(format!("`{text}` is no https address"), "cannot be read"));
            return None;
        }
        Some(text.value)
    }

    fn host(&mut self) -> Option<crate::iscsi::Portal> {
        let value = self.raw.host.take();
        let text = self.needed("host", value)?;
        portal_of(&text, QDEVICE_PORT, self.problems)
    }
}
