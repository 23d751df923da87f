//! Where reports go and in which format: one to standard output or a file, others beside it, all of the same findings.

use super::args::PATH_LIST;
use super::hyperlinks::linked;
use super::terminal::Terminal;
use super::write::{append_to_file, check_writable, json_to_stdout, resolved, to_file, to_stdout};
use crate::report::{
    Look, Report, to_comparison, to_github, to_gitlab, to_html, to_json_lines, to_junit, to_markdown,
    to_prometheus, to_sarif, to_table,
};
use crate::source::{Problem, Problems};
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// A format of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people, in a terminal
    #[default]
    Table,
    /// For programs; `quorate schema report` describes it
    Json,
    /// The same, a line for each finding
    JsonLines,
    /// For a pull request, a ticket or a wiki
    Markdown,
    /// One page that needs no network and no script
    Html,
    /// JUnit XML, for what shows tests
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions, and the step summary where there is one
    Github,
    /// Code Quality of GitLab
    Gitlab,
    /// Metrics for the textfile collector of Prometheus
    Prometheus,
}

/// How and where reports are written.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputOptions {
    /// How to write the report
    #[arg(
        long,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        env = "QUORATE_FORMAT",
        hide_env_values = true
    )]
    pub format: ReportFormat,
    /// Write the report to a file, whole or not at all
    #[arg(short, long, value_name = "FILE", env = "QUORATE_OUTPUT", hide_env_values = true)]
    pub output: Option<PathBuf>,
    /// Write it once more to a file in another format: sarif=out.sarif; may be given several times
    #[arg(long, value_name = "FORMAT=FILE", env = "QUORATE_OUTPUT_FILE", hide_env_values = true)]
    #[arg(value_delimiter = PATH_LIST, value_parser = output_file)]
    pub output_file: Vec<OutputFile>,
    /// In a table, say under each finding why its rule is there, what to do, the sources, and the line that declares it
    #[arg(long, env = "QUORATE_EXPLAIN", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    pub explain: bool,
}

/// A format and the file for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutputFile {
    format: ReportFormat,
    path: PathBuf,
}

fn output_file(text: &str) -> Result<OutputFile, String> {
    let (format, path) = text.split_once('=').ok_or("it is written FORMAT=FILE, as sarif=out.sarif")?;
    let format = ReportFormat::from_str(format, true).map_err(|_| {
        let known: Vec<String> = ReportFormat::value_variants()
            .iter()
            .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
            .collect();
        format!("there is no format `{format}`, only {}", known.join(", "))
    })?;
    match path {
        "" => Err("there is no file after the `=`".to_owned()),
        "-" => Err("standard output takes the report of --format; name a file here".to_owned()),
        path => Ok(OutputFile { format, path: path.into() }),
    }
}

/// What is written for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Findings, then what they come to.
    Report,
    /// Microsoft's validation beside the rules, test by test.
    Comparison,
}

impl OutputOptions {
    /// Mistakes that can be told before anything is asked: two reports for one file, a report that would replace what it is
    /// made from, a file that cannot be written. All of them are told at once.
    pub(super) fn check<'a>(&self, inputs: impl IntoIterator<Item = &'a Path>) -> Result<(), Problems> {
        let inputs: Vec<PathBuf> = inputs.into_iter().map(resolved).collect();
        let mut seen: Vec<PathBuf> = Vec::new();
        let mut problems = Problems::new();
        for path in self.output_file.iter().map(|file| &file.path).chain(self.file()) {
            let place = resolved(path);
            if inputs.contains(&place) {
                let what = format!("the report would replace {}, which it is made from", path.display());
                problems.push(Problem::new(what).help("name another file for the report"));
            } else if seen.contains(&place) {
                let what = format!("two reports go to {}", path.display());
                problems.push(Problem::new(what).help("name a file for each"));
            } else if let Err(problem) = check_writable(path) {
                problems.extend(problem);
            }
            seen.push(place);
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Whether a format is wanted that shows or holds what pictures show.
    pub(super) fn show_pictures(&self) -> bool {
        let mut formats = self.output_file.iter().map(|file| file.format).chain([self.format]);
        formats
            .any(|format| matches!(format, ReportFormat::Json | ReportFormat::JsonLines | ReportFormat::Html))
    }

    fn file(&self) -> Option<&PathBuf> {
        self.output.as_ref().filter(|path| path.as_path() != Path::new("-"))
    }

    /// Writes a report wherever it is wanted. One file that cannot be written does not keep the others from being written.
    pub(super) fn write(&self, report: &Report, shown: Shown, terminal: &Terminal) -> Result<(), Problems> {
        let look = |look: Look| Look { explain: self.explain, ..look };
        let in_file = look(terminal.look_in_file());
        let mut problems: Option<Problems> = None;
        let mut note = |result: Result<(), Problems>| match (result, &mut problems) {
            (Ok(()), _) => {}
            (Err(new), Some(all)) => all.extend(new),
            (Err(new), none) => *none = Some(new),
        };
        for file in &self.output_file {
            note(to_file(&file.path, &render(report, shown, file.format, in_file)));
        }
        match self.file() {
            Some(path) => note(to_file(path, &render(report, shown, self.format, in_file))),
            None if self.format == ReportFormat::Json => note(json_to_stdout(report)),
            None => {
                let text = render(report, shown, self.format, look(terminal.look()));
                let links = self.format == ReportFormat::Table && terminal.hyperlinks();
                note(to_stdout(&if links { linked(&text, report) } else { text }));
            }
        }
        let to_github = self.format == ReportFormat::Github
            || self.output_file.iter().any(|file| file.format == ReportFormat::Github);
        let summary = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|path| to_github && !path.is_empty());
        if let Some(path) = summary {
            note(append_to_file(Path::new(&path), &to_markdown(report)));
        }
        problems.map_or(Ok(()), Err)
    }
}

/// A report in a format.
fn render(report: &Report, shown: Shown, format: ReportFormat, look: Look) -> String {
    match format {
        ReportFormat::Table => match shown {
            Shown::Report => to_table(report, look),
            Shown::Comparison => to_comparison(report, look),
        },
        ReportFormat::Json => report.to_json(),
        ReportFormat::JsonLines => to_json_lines(report),
        ReportFormat::Markdown => to_markdown(report),
        ReportFormat::Html => to_html(report),
        ReportFormat::Junit => to_junit(report),
        ReportFormat::Sarif => to_sarif(report),
        ReportFormat::Github => to_github(report),
        ReportFormat::Gitlab => to_gitlab(report),
        ReportFormat::Prometheus => to_prometheus(report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_and_its_file() {
        let file = output_file("sarif=a=b.sarif").expect("sound");
        assert_eq!((file.format, file.path.as_path()), (ReportFormat::Sarif, Path::new("a=b.sarif")));
        assert!(output_file("junit").expect_err("no file").contains("FORMAT=FILE"));
        assert!(output_file("xml=a").expect_err("no format").contains("junit"));
        assert!(output_file("json=-").is_err() && output_file("json=").is_err());
    }
}
