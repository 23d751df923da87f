//! What a run would do, without doing it: for `--dry-run`.

use super::progress::{Subject, SubjectKind};
use super::run::ProbeOptions;
use super::{mesh, run, script};
use crate::inventory::{Inventory, NodePlan, ProbeMethod};

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
    /// The script that hosts run in the second round, with what is known of it before the first; none where there is none.
    pub mesh: Option<String>,
    /// What would be asked, in the order in which asking begins.
    pub steps: Vec<Step>,
}

/// What [`run`](super::run::run) would do.
pub fn plan(inventory: &Inventory, options: &ProbeOptions) -> DryRun {
    let names = script::host_names(inventory.nodes.iter().map(|node| node.name.as_str()));
    let ssh = options.ssh();
    let sudo = inventory.nodes.iter().any(|node| node.sudo);
    let command = |node: &NodePlan, script: &str| match &node.probe {
        ProbeMethod::Ssh(target) => {
            let connect = options.host_timeout.min(run::LONGEST_CONNECT);
            format!("{} < {script}", ssh.shown(target, connect))
        }
        _ => format!("sh -s < {script}"),
    };
    let mut steps: Vec<Step> = run::subjects(inventory)
        .map(|(subject, node)| {
            let action = match (subject.kind, node) {
                (SubjectKind::Node, Some(node)) => match &node.probe {
                    ProbeMethod::Facts(path) => format!("read {}", path.display()),
                    ProbeMethod::None => "nothing: only what the plan declares".to_owned(),
                    ProbeMethod::Local | ProbeMethod::Ssh(_) if node.sudo => {
                        format!("{}, which asks through sudo what S names", command(node, "SCRIPT"))
                    }
                    ProbeMethod::Local | ProbeMethod::Ssh(_) if sudo => {
                        format!("{}, with an empty S", command(node, "SCRIPT"))
                    }
                    ProbeMethod::Local | ProbeMethod::Ssh(_) => command(node, "SCRIPT"),
                },
                (SubjectKind::Target, _) => format!(
                    "iSCSI: discovery, login to {}, INQUIRY, READ CAPACITY, PERSISTENT RESERVE IN; nothing is written",
                    subject.how
                ),
                _ => subject.how.clone(),
            };
            Step { subject, action }
        })
        .collect();
    steps.extend(mesh::subjects(inventory, options).map(|(subject, node)| {
        let action = format!("once all have answered: {}", command(node, "MESH SCRIPT"));
        Step { subject, action }
    }));
    let mesh = mesh::script_beforehand(inventory, options);
    DryRun { mesh, script: script::render("NONCE", &names, sudo), steps }
}
