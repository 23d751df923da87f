//! What is asked of a cluster, in which order, and with what for a default.
//!
//! An answer is laid into the file that the answers make so far, and that is read: what is wrong with the file then is
//! wrong with the answer.

use super::dialogue::Dialogue;
use crate::cli::rulebook;
use crate::facts::{NetworkRole, Platform, SizeText, WitnessKind};
use crate::inventory::Inventory;
use crate::inventory::template::{
    DiscoveredTarget, Sketch, SketchedNetwork, lun_name, sketched, witness_key,
};
use crate::iscsi::Portal;
use crate::report::count;
use crate::rule::{Ruleset, Selection};
use crate::source::{Problem, Problems, SourceFile};
use std::io::{BufRead, Write};

/// How a portal's targets are found.
pub(super) type Discover<'d> = &'d mut dyn FnMut(&Portal) -> Result<Vec<DiscoveredTarget>, Problems>;

/// The answers so far. They always make a file without a mistake.
pub(super) struct Answers<'r> {
    sketch: Sketch,
    ruleset: &'r Ruleset,
}

/// How a node is probed where nobody says: over ssh by its name, unless it is this machine.
pub(super) fn probe_of(node: &str, machine: Option<&str>) -> String {
    if machine == Some(node) { "local".to_owned() } else { format!("ssh://{node}") }
}

fn read(sketch: &Sketch) -> Result<Inventory, Problems> {
    Inventory::parse(&SourceFile::new("cluster.toml", sketched(sketch)))
}

fn words<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

impl<'r> Answers<'r> {
    pub(super) fn new(ruleset: &'r Ruleset) -> Self {
        Answers { sketch: Sketch::default(), ruleset }
    }

    pub(super) fn sketch(&self) -> &Sketch {
        &self.sketch
    }

    /// Lays an answer in, if the file still has no mistake then.
    fn set(&mut self, answer: impl FnOnce(&mut Sketch)) -> Result<(), Problems> {
        let mut sketch = self.sketch.clone();
        answer(&mut sketch);
        read(&sketch)?;
        self.sketch = sketch;
        Ok(())
    }

    /// The same for an option; mistakes are shown in it.
    pub(super) fn take(
        &mut self,
        option: &str,
        text: &str,
        answer: impl FnOnce(&mut Sketch),
    ) -> Result<(), Problems> {
        self.set(answer).map_err(|wrong| {
            let mut problems = Problems::new();
            for problem in wrong.iter() {
                let place = rulebook::text(option, text);
                let at_option = place.problem(problem.message(), "given here");
                problems.push(at_option.help_if(problem.advice().map(str::to_owned)));
            }
            problems
        })
    }

    /// Whether a profile follows from the answers.
    pub(super) fn check_profile(&self) -> Result<(), Problems> {
        self.profile_of(&self.sketch)
    }

    fn profile_of(&self, sketch: &Sketch) -> Result<(), Problems> {
        let selection = Selection { named: None, ..Selection::of_inventory(&read(sketch)?) };
        self.ruleset.resolve(&selection).map(|_| ())
    }

    /// Asks all that is not known yet.
    ///
    /// # Errors
    /// There are no more answers.
    pub(super) fn ask<R: BufRead, W: Write>(
        &mut self,
        dialogue: &mut Dialogue<R, W>,
        machine: Option<&str>,
        discover: Discover<'_>,
    ) -> Result<(), Problems> {
        dialogue.say("Enter takes what stands in brackets. Nothing is written before the last answer.");
        self.ask_cluster(dialogue)?;
        if self.sketch.nodes.is_empty() {
            self.ask_nodes(dialogue, machine)?;
        }
        if self.sketch.networks.is_empty() {
            self.ask_networks(dialogue)?;
        }
        if self.sketch.targets.is_none() {
            self.ask_targets(dialogue, discover)?;
        }
        if self.sketch.witness.is_none() {
            self.ask_witness(dialogue)?;
        }
        Ok(())
    }

    fn ask_cluster<R: BufRead, W: Write>(&mut self, dialogue: &mut Dialogue<R, W>) -> Result<(), Problems> {
        if self.sketch.name.is_none() {
            dialogue.ask("Name of the cluster", "my-cluster", |answer| {
                self.set(|sketch| sketch.name = Some(answer.to_owned()))
            })?;
        }
        if self.sketch.platform.is_none() {
            let all = words(Platform::ALL.iter().map(|platform| platform.word()));
            dialogue.ask(&format!("Platform ({all})"), Platform::Generic.word(), |answer| {
                self.set(|sketch| sketch.platform = Some(answer.to_owned()))
            })?;
        }
        if self.sketch.profile.is_some() {
            return Ok(());
        }
        if self.sketch.release.is_none() {
            self.ask_release(dialogue)?;
        }
        if self.check_profile().is_err() {
            let names = self.profiles();
            let default = names.first().cloned().unwrap_or_default();
            let question = format!("Profile of rules ({})", names.join(", "));
            dialogue.ask(&question, &default, |answer| {
                let sketch = Sketch { profile: Some(answer.to_owned()), ..self.sketch.clone() };
                self.profile_of(&sketch)?;
                self.set(|sketch| sketch.profile = Some(answer.to_owned()))
            })?;
        }
        Ok(())
    }

    /// The release, where the platform has profiles for some: needed where it has none for all of them.
    fn ask_release<R: BufRead, W: Write>(&mut self, dialogue: &mut Dialogue<R, W>) -> Result<(), Problems> {
        let platform = self.sketch.platform.clone().unwrap_or_default();
        let of_platform = self
            .ruleset
            .profiles()
            .iter()
            .filter(|profile| profile.platform.is_some_and(|own| own.word() == platform));
        let mut releases: Vec<String> = of_platform.flat_map(|profile| profile.releases.clone()).collect();
        releases.sort();
        releases.dedup();
        if releases.is_empty() {
            return Ok(());
        }
        let needed = self.check_profile().is_err();
        let default = releases.last().filter(|_| needed).cloned().unwrap_or_default();
        let or_none = if needed { "" } else { ", or enter for none of them" };
        dialogue.ask(
            &format!("Release of {platform} ({}{or_none})", releases.join(", ")),
            &default,
            |answer| {
                if answer.is_empty() && !needed {
                    return Ok(());
                }
                let sketch = Sketch { release: Some(answer.to_owned()), ..self.sketch.clone() };
                self.profile_of(&sketch)?;
                self.set(|sketch| sketch.release = Some(answer.to_owned()))
            },
        )
    }

    /// The profiles that can be meant: those of the platform, else all of them.
    fn profiles(&self) -> Vec<String> {
        let platform = self.sketch.platform.as_deref();
        let of_platform = |own: Option<Platform>| own.map(Platform::word) == platform;
        let all = || self.ruleset.profiles().iter();
        let mut names: Vec<String> = all()
            .filter(|profile| of_platform(profile.platform))
            .map(|profile| profile.name.clone())
            .collect();
        if names.is_empty() {
            names = all().map(|profile| profile.name.clone()).collect();
        }
        names
    }

    fn ask_nodes<R: BufRead, W: Write>(
        &mut self,
        dialogue: &mut Dialogue<R, W>,
        machine: Option<&str>,
    ) -> Result<(), Problems> {
        let default = machine.unwrap_or("node1");
        dialogue.ask("Nodes, with blanks between them", default, |answer| {
            let named = |name: &str| (name.to_owned(), probe_of(name, machine));
            let nodes: Vec<_> =
                answer.split([' ', ',', '\t']).filter(|name| !name.is_empty()).map(named).collect();
            if nodes.is_empty() {
                return Err(Problem::new("a cluster has nodes").into());
            }
            self.set(|sketch| sketch.nodes = nodes)
        })?;
        for at in 0..self.sketch.nodes.len() {
            let (name, probe) = self.sketch.nodes[at].clone();
            let question = format!("  Probe {name} by (local, ssh://[user@]host[:port], facts:FILE, none)");
            dialogue.ask(&question, &probe, |answer| {
                self.set(|sketch| answer.clone_into(&mut sketch.nodes[at].1))
            })?;
        }
        Ok(())
    }

    fn ask_networks<R: BufRead, W: Write>(&mut self, dialogue: &mut Dialogue<R, W>) -> Result<(), Problems> {
        let roles = words(NetworkRole::ALL.iter().map(|role| role.word()));
        loop {
            let another = if self.sketch.networks.is_empty() { "A network" } else { "Another network" };
            // A network without subnets is a mistake, so name and role are tried with one of those kept for documents.
            let trial = |name: &str, role: &str| SketchedNetwork {
                name: name.to_owned(),
                role: role.to_owned(),
                subnets: vec!["192.0.2.0/24".to_owned()],
            };
            let tried = |sketch: &Sketch, network: SketchedNetwork| {
                let mut sketch = sketch.clone();
                sketch.networks.push(network);
                read(&sketch).map(|_| ())
            };
            let name = dialogue.ask(
                &format!("{another} that joins them (a name, or enter for none)"),
                "",
                |answer| {
                    if !answer.is_empty() {
                        tried(&self.sketch, trial(answer, "cluster"))?;
                    }
                    Ok(answer.to_owned())
                },
            )?;
            if name.is_empty() {
                return Ok(());
            }
            let usual = NetworkRole::ALL.iter().map(|role| role.word()).find(|role| name.contains(role));
            let role = dialogue.ask(
                &format!("  Role of {name} ({roles})"),
                usual.unwrap_or("cluster"),
                |answer| tried(&self.sketch, trial(&name, answer)).map(|()| answer.to_owned()),
            )?;
            dialogue.ask(&format!("  Subnets of {name}, such as 10.0.0.0/24"), "", |answer| {
                let subnets = answer.split([' ', ',', '\t']).filter(|subnet| !subnet.is_empty());
                let network =
                    SketchedNetwork { subnets: subnets.map(str::to_owned).collect(), ..trial(&name, &role) };
                self.set(|sketch| sketch.networks.push(network))
            })?;
        }
    }

    fn ask_targets<R: BufRead, W: Write>(
        &mut self,
        dialogue: &mut Dialogue<R, W>,
        discover: Discover<'_>,
    ) -> Result<(), Problems> {
        let question = "iSCSI portal to discover targets and LUNs at (HOST[:PORT], or enter for none)";
        let shown = dialogue.ask(question, "", |answer| {
            if answer.is_empty() {
                return Ok(None);
            }
            let portal: Portal = answer.parse().map_err(|error| Problem::new(format!("{error}")))?;
            let targets = discover(&portal)?;
            let luns = targets.iter().map(|target| target.luns.len()).sum();
            let shown =
                format!("  It shows {} with {}.", count(targets.len(), "targets"), count(luns, "LUNs"));
            self.set(|sketch| sketch.targets = Some(targets))?;
            Ok(Some(shown))
        })?;
        if let Some(shown) = shown {
            dialogue.say(&shown);
        }
        Ok(())
    }

    fn ask_witness<R: BufRead, W: Write>(&mut self, dialogue: &mut Dialogue<R, W>) -> Result<(), Problems> {
        let kinds = words(WitnessKind::ALL.iter().map(|kind| kind.word()));
        let luns = self.luns();
        let kind = dialogue.ask(&format!("Witness ({kinds}, or enter to leave it open)"), "", |answer| {
            if witness_key(answer) == Some("lun") && luns.is_empty() {
                return Err(Problem::new(format!("no LUN is known for a witness of kind `{answer}`"))
                    .help("leave it open, and write [[target]] and [witness] into the file")
                    .into());
            }
            if answer.is_empty() || witness_key(answer).is_some() {
                return Ok(answer.to_owned());
            }
            self.set(|sketch| sketch.witness = Some((answer.to_owned(), None)))?;
            Ok(String::new())
        })?;
        let (question, default) = match witness_key(&kind) {
            Some("lun") => {
                let all: Vec<String> = luns.iter().map(|(name, size)| format!("{name}{size}")).collect();
                let first = luns.first().map(|(name, _)| name.clone()).unwrap_or_default();
                (format!("  LUN of the witness ({})", all.join(", ")), first)
            }
            Some("share") => ("  Share of the witness (//server/share)".to_owned(), String::new()),
            Some("url") => {
                ("  Address of the witness (https://account.blob.core.windows.net)".to_owned(), String::new())
            }
            Some("host") => ("  Host of the quorum device (host[:port])".to_owned(), String::new()),
            _ => return Ok(()),
        };
        dialogue.ask(&question, &default, |answer| {
            self.set(|sketch| sketch.witness = Some((kind.clone(), Some(answer.to_owned()))))
        })
    }

    /// The LUNs that were discovered, as a witness names them, with their sizes for the reader.
    fn luns(&self) -> Vec<(String, String)> {
        let targets = self.sketch.targets.as_deref().unwrap_or_default();
        let several = targets.len() > 1;
        let luns = targets.iter().flat_map(|target| target.luns.iter().map(move |lun| (target, lun)));
        luns.map(|(target, lun)| {
            let name = lun_name(lun.number);
            let name = if several { format!("{}/{name}", target.name) } else { name };
            let size = lun.size_bytes.and_then(|size| i64::try_from(size).ok());
            (name, size.map(|size| format!(", {}", SizeText(size))).unwrap_or_default())
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::LunRole;
    use crate::inventory::template::DiscoveredLun;
    use crate::inventory::{ProbeMethod, WitnessPlace};
    use crate::rule::RuleSources;

    fn ruleset() -> Ruleset {
        Ruleset::load(&RuleSources { to_judge: true, ..RuleSources::default() }).expect("the shipped rules")
    }

    fn shown(_: &Portal) -> Result<Vec<DiscoveredTarget>, Problems> {
        let lun = |number, size| DiscoveredLun { number, size_bytes: Some(size), ..DiscoveredLun::default() };
        Ok(vec![DiscoveredTarget {
            name: "iqn.2001-05.com.example:storage".into(),
            portals: vec!["10.0.1.10:3260".into()],
            luns: vec![lun(0, 1 << 40), lun(1, 1 << 30)],
        }])
    }

    /// The file that answers make, and all that was said.
    fn answered(lines: &str) -> (Result<Inventory, Problems>, String) {
        let ruleset = ruleset();
        let mut answers = Answers::new(&ruleset);
        let mut said = Vec::new();
        let asked = {
            let mut dialogue = Dialogue::new(lines.as_bytes(), &mut said);
            answers.ask(&mut dialogue, Some("jump"), &mut shown)
        };
        let said = String::from_utf8(said).expect("text");
        (asked.map(|()| read(answers.sketch()).expect("answers make a sound file")), said)
    }

    #[test]
    fn enter_takes_every_default() {
        let (inventory, said) = answered(&"\n".repeat(8));
        let inventory = inventory.unwrap_or_else(|problems| panic!("{problems}\n{said}"));
        assert_eq!(
            (inventory.cluster.name.as_str(), inventory.cluster.platform),
            ("my-cluster", Platform::Generic)
        );
        assert_eq!(
            (inventory.nodes[0].name.as_str(), &inventory.nodes[0].probe),
            ("jump", &ProbeMethod::Local)
        );
        assert!(inventory.networks.is_empty() && inventory.targets.is_empty() && inventory.witness.is_none());
    }

    #[test]
    fn answers_fill_the_file() {
        let lines = "prod\nwsfc\n2022\nhv1 hv2\n\nssh://admin@hv2\nstorage\n\n10.0.1.0/24 10.0.2.0/24\nlan\nclient\n10.0.0.0/24\n\n10.0.1.10\ndisk\nlun-1\n";
        let (inventory, said) = answered(lines);
        let inventory = inventory.unwrap_or_else(|problems| panic!("{problems}\n{said}"));
        assert_eq!(inventory.cluster.release.as_deref(), Some("2022"));
        assert_eq!(inventory.nodes.len(), 2);
        assert_eq!(inventory.networks[0].role, NetworkRole::Storage);
        assert_eq!(inventory.networks[0].subnets.len(), 2);
        assert_eq!(inventory.targets[0].luns[1].role, LunRole::Witness);
        assert!(
            matches!(inventory.witness.map(|witness| witness.at), Some(WitnessPlace::Disk(lun)) if lun.lun == "lun-1")
        );
        assert!(said.contains("It shows 1 target with 2 LUNs."), "{said}");
    }

    #[test]
    fn a_wrong_answer_is_said_and_asked_again() {
        let lines = "\nwsfcc\nwsfc\n2022\nhv1 hv1\n-x\nhv1\nssh:/hv1\nlocal\nstorage\nstorrage\nstorage\n10.0.1.5/24\n10.0.1.0/24\nstorage\n\n\ndisk\nfile-share\nfs1\n//fs1/witness\n";
        let (inventory, said) = answered(lines);
        let inventory = inventory.unwrap_or_else(|problems| panic!("{problems}\n{said}"));
        assert_eq!((inventory.nodes.len(), inventory.networks.len()), (1, 1));
        for words in [
            "did you mean `wsfc`",
            "two of the node `hv1`",
            "not beginning with `-`",
            "is no way to probe a node",
            "did you mean `storage`",
            "did you mean \"10.0.1.0/24\"",
            "two of the network `storage`",
            "no LUN is known",
            "`fs1` is no file share",
        ] {
            assert!(said.contains(words), "{words}:\n{said}");
        }
    }

    #[test]
    fn answers_that_end_early_write_nothing() {
        let (inventory, _) = answered("prod\nwsfc\n");
        assert!(inventory.expect_err("no more answers").to_string().contains("nothing was written"));
    }

    #[test]
    fn every_platform_can_be_answered_for_with_its_defaults() {
        for platform in Platform::ALL {
            let lines = format!("\n{platform}\n{}", "\n".repeat(9));
            let (inventory, said) = answered(&lines);
            let inventory = inventory.unwrap_or_else(|problems| panic!("{platform}: {problems}\n{said}"));
            assert_eq!(inventory.cluster.platform, *platform);
        }
    }
}
