//! `quorate storage`: active tests of single LUNs, and undoing what a test that was cut off left.

mod answer;
mod cleanup;
mod guard;
mod list;
mod select;
mod test;
mod watch;

pub(super) use answer::storage_json_schema;
pub(super) use test::play;

use super::Outcome;
use super::terminal::Terminal;

/// Try on a LUN what failover relies on, and undo it; a LUN that anybody uses is refused
///
/// Plays several cluster nodes at once against an iSCSI LUN, under names of its own, without a node, a driver or root.
/// Reads only unless --mode says more.
#[derive(clap::Args)]
pub(super) struct StorageArgs {
    #[command(subcommand)]
    command: StorageCommand,
}

#[derive(clap::Subcommand)]
enum StorageCommand {
    Test(Box<test::TestArgs>),
    Cleanup(Box<cleanup::CleanupArgs>),
    #[command(hide = true)]
    Guard(guard::GuardArgs),
}

pub(super) fn run(args: StorageArgs, terminal: &Terminal) -> Outcome {
    match args.command {
        StorageCommand::Test(args) => test::run(*args, terminal),
        StorageCommand::Cleanup(args) => cleanup::run(*args, terminal),
        StorageCommand::Guard(args) => guard::run(&args),
    }
}
