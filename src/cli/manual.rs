//! `quorate man`: the manual as pages of man(7), one for each subcommand.

use super::Outcome;
use super::args::Cli;
use super::write::{to_file, to_stdout};
use crate::report::ExitCode;
use crate::source::{Problem, Problems};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::path::PathBuf;

/// Write the manual: pages for man(1), into a folder or to standard output
#[derive(clap::Args)]
pub(super) struct ManArgs {
    /// Folder for a page of each subcommand, made where it is not there; without one, the page of quorate itself is
    /// printed
    #[arg(value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    folder: Option<PathBuf>,
}

pub(super) fn run(args: ManArgs) -> Outcome {
    // The exit codes get a section of their own, on every page.
    let mut command = Cli::command().after_help("").disable_help_subcommand(true);
    command.build();
    let Some(folder) = args.folder else {
        to_stdout(&page(&command)?)?;
        return Ok(ExitCode::Clean);
    };
    std::fs::create_dir_all(&folder)
        .map_err(|error| Problem::new(format!("{} cannot be made: {error}", folder.display())))?;
    for command in pages(&command) {
        to_file(
            &folder.join(format!("{}.1", command.get_display_name().unwrap_or("quorate"))),
            &page(command)?,
        )?;
    }
    Ok(ExitCode::Clean)
}

/// A command and all below it that are shown.
fn pages(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().filter(|below| !below.is_hide_set());
    std::iter::once(command).chain(below.flat_map(pages)).collect()
}

fn page(command: &Command) -> Result<String, Problems> {
    let man = Man::new(command.clone());
    let mut out = Vec::new();
    let written = man
        .render_title(&mut out)
        .and_then(|()| man.render_name_section(&mut out))
        .and_then(|()| man.render_synopsis_section(&mut out))
        .and_then(|()| man.render_description_section(&mut out))
        .and_then(|()| man.render_options_section(&mut out))
        .and_then(
            |()| if command.has_subcommands() { man.render_subcommands_section(&mut out) } else { Ok(()) },
        )
        .and_then(|()| rest(command).to_writer(&mut out));
    written.map_err(|error| Problem::new(format!("the page cannot be written: {error}")))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The sections that are the same for all, and where to read on.
fn rest(command: &Command) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for code in ExitCode::ALL {
        roff.control("TP", []).text([bold(code.code().to_string())]).text([roman(code.meaning())]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let name = command.get_display_name().unwrap_or("quorate");
    let mut others: Vec<String> = name
        .rsplit_once('-')
        .map(|(above, _)| above.to_owned())
        .into_iter()
        .chain(
            command
                .get_subcommands()
                .filter(|one| !one.is_hide_set())
                .filter_map(|one| Some(one.get_display_name()?.to_owned())),
        )
        .collect();
    if others.is_empty() {
        others.push("quorate".to_owned());
    }
    let last = others.len() - 1;
    let words = others
        .iter()
        .enumerate()
        .flat_map(|(at, other)| [bold(other.as_str()), roman(if at == last { "(1)" } else { "(1), " })]);
    roff.text(words.collect::<Vec<_>>());
    roff
}
