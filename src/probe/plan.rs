//! What a run would do, without doing it: for `--dry-run`.

use super::progress::{Subject, SubjectKind};
use super::run::ProbeOptions;
use super::{run, script};
use crate::inventory::{Inventory, ProbeMethod};

/// One thing that would be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What.
    pub subject: Subject,
    /// How, as a person would do it: the command line of a host, the protocol of an endpoint.
    pub action: String,
}

/// What a run would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DryRun {
    /// The script that hosts run, with the names that they look up and the word `NONCE` where each run has a random one.
    pub script: String,
    /// What would be asked, in the order in which asking begins.
    pub steps: Vec<Step>,
}

/// What [`run`](super::run::run) would do.
pub fn plan(inventory: &Inventory, options: &ProbeOptions) -> DryRun {
    let names = script::host_names(inventory.nodes.iter().map(|node| node.name.as_str()));
    let ssh = options.ssh();
    let steps = run::subjects(inventory)
        .map(|(subject, node)| {
            let action = match (subject.kind, node.map(|node| &node.probe)) {
                (SubjectKind::Node, Some(ProbeMethod::Local)) => "sh -s < SCRIPT".to_owned(),
                (SubjectKind::Node, Some(ProbeMethod::Ssh(target))) => {
                    format!("{} < SCRIPT", ssh.shown(target, options.host_timeout.min(run::LONGEST_CONNECT)))
                }
                (SubjectKind::Node, Some(ProbeMethod::Facts(path))) => format!("read {}", path.display()),
                (SubjectKind::Node, _) => "nothing: only what the plan declares".to_owned(),
                (SubjectKind::Target, _) => format!(
                    "iSCSI: discovery, login to {}, INQUIRY, READ CAPACITY, PERSISTENT RESERVE IN; nothing is written",
                    subject.how
                ),
                (SubjectKind::Witness | SubjectKind::Lun, _) => subject.how.clone(),
            };
            Step { subject, action }
        })
        .collect();
    DryRun { script: script::render("NONCE", &names), steps }
}
