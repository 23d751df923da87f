//! The book holds: what its examples show is what the program answers, its files are ones that the program takes, and its
//! links lead somewhere.
//!
//! On a page, ```console is run, line by line behind `$ `, in one folder for the page; what follows a command is its answer,
//! where `...` stands for lines and `[..]` for a part of one. A command that ends with anything but 0 is followed by `$ echo $?`.
//! ```sh is not run, but the program must know every command and option in it. `<!-- file: NAME -->` before a block writes it to
//! a file, `<!-- copy: PATH as NAME -->` brings something out of this repository. ```toml is loaded, ```yaml and ```json parsed.

use crate::support::{Folder, scrub};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use yaml_rust2::YamlLoader;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Pages that people wrote and that have examples.
fn pages() -> Vec<PathBuf> {
    let mut all = vec![root().join("README.md")];
    all.extend(markdown("docs"));
    all
}

/// The Markdown files of a folder.
fn markdown(folder: &str) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(root().join(folder))
        .expect("a folder")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    all.sort();
    all
}

fn name(page: &Path) -> String {
    page.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned()
}

/// A fenced block: what it is in, the line it begins on, its text, and the directive before it.
struct Block {
    language: String,
    line: usize,
    text: String,
    directive: Option<String>,
}

/// Something that a page asks for, in its order.
enum Part {
    Block(Block),
    Copy(usize, String, String),
}

fn parts(page: &str) -> Vec<Part> {
    let mut out = Vec::new();
    let mut directive = None;
    let mut lines = page.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        if let Some(said) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
            if let Some((from, to)) = said.strip_prefix("copy: ").and_then(|rest| rest.split_once(" as ")) {
                out.push(Part::Copy(at + 1, from.to_owned(), to.to_owned()));
            } else {
                directive = Some(said.to_owned());
            }
        } else if let Some(language) = line.strip_prefix("```") {
            let mut text = String::new();
            for (_, line) in lines.by_ref().take_while(|(_, line)| !line.starts_with("```")) {
                text.push_str(line);
                text.push('\n');
            }
            let language = language.trim().to_owned();
            out.push(Part::Block(Block { language, line: at + 1, text, directive: directive.take() }));
        }
    }
    out
}

/// A page's folder, and what its last command ended with.
struct Shell {
    folder: Folder,
    code: i32,
}

impl Shell {
    /// Runs a command as the page's reader would, and gives what it says.
    fn run(&mut self, command: &str) -> String {
        let binary = Path::new(env!("CARGO_BIN_EXE_quorate")).parent().expect("it lies in a folder");
        let path = std::env::join_paths(
            [binary.to_owned()]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").expect("set"))),
        );
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n(exit {})\n{command}", self.code)])
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", path.expect("sound"))
            .env("HOME", self.folder.path())
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "100")
            .output()
            .expect("sh is there");
        self.code = output.status.code().unwrap_or(-1);
        scrub(&String::from_utf8_lossy(&output.stdout), self.folder.path())
    }
}

/// Whether a text is of a shape: `[..]` stands for any part of a line.
fn like(shape: &str, line: &str) -> bool {
    let mut pieces = shape.split("[..]");
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return rest.is_empty() };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// Whether lines are of the shape of others: `...` stands for any lines.
fn alike(shape: &[&str], lines: &[&str]) -> bool {
    match shape.split_first() {
        None => lines.is_empty(),
        Some((&"...", rest)) => (0..=lines.len()).any(|skipped| alike(rest, &lines[skipped..])),
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, below)| like(first.trim_end(), line.trim_end()) && alike(rest, below)),
    }
}

/// Runs the commands of a block. Gives what does not hold, with its line.
fn console(shell: &mut Shell, block: &Block, wrong: &mut Vec<(usize, String)>) {
    let mut lines = block.text.lines().zip(block.line + 1..).peekable();
    let mut checked_code = true;
    while let Some((line, at)) = lines.next() {
        let Some(command) = line.strip_prefix("$ ") else {
            wrong.push((at, "an answer without a command: commands begin with `$ `".to_owned()));
            continue;
        };
        if !checked_code && command != "echo $?" {
            wrong.push((at - 1, format!("the command before ends with {}, and nothing says so", shell.code)));
        }
        let mut wanted = Vec::new();
        while let Some((line, _)) = lines.next_if(|(line, _)| !line.starts_with("$ ")) {
            wanted.push(line);
        }
        let answer = shell.run(command);
        checked_code = shell.code == 0;
        if !alike(&wanted, &answer.lines().collect::<Vec<_>>()) {
            let (lines, most) = (answer.lines().count(), 60);
            let shown: Vec<&str> = answer.lines().take(most).collect();
            let more = if lines > most { "and more\n" } else { "" };
            wrong.push((at, format!("`{command}` answers\n{}\n{more}", shown.join("\n"))));
        }
    }
    if !checked_code {
        wrong.push((block.line, format!("the last command ends with {}, and nothing says so", shell.code)));
    }
}

/// Whether the program knows the commands and options of a block that is not run.
fn commands(shell: &mut Shell, block: &Block, wrong: &mut Vec<(usize, String)>) {
    for (line, at) in block.text.lines().zip(block.line + 1..) {
        // What stands behind the call is the shell's, and a comment.
        let call = line.split(['#', '|', '>', ';']).next().unwrap_or_default().trim();
        let Some(rest) = call.strip_prefix("quorate") else { continue };
        shell.code = 0;
        let answer = shell.run(&format!("quorate{rest} --help"));
        if shell.code != 0 {
            wrong.push((at, format!("`{call}` is not known\n{answer}")));
        }
    }
    shell.code = 0;
}

/// Loads a block of TOML as what it is.
fn load(shell: &mut Shell, block: &Block, base: &mut Option<String>, wrong: &mut Vec<(usize, String)>) {
    let file = block.directive.as_deref().and_then(|said| said.strip_prefix("file: "));
    let (file, wanted) =
        match file.map(|file| file.split_once(", wrong").map_or((file, 0), |(file, _)| (file, 2))) {
            Some((file, wanted)) => (Some(file), wanted),
            None => (None, 0),
        };
    let has = |start: &str| block.text.lines().any(|line| line.trim_start().starts_with(start));
    let (check, text) = if has("[[rule]]") || has("[param.") {
        (
            "quorate rules lint --rules \"$(dirname FILE)\" && quorate rules test --rules \"$(dirname FILE)\"",
            block.text.clone(),
        )
    } else if has("extends =") || has("title =") {
        ("quorate rules lint --rules \"$(dirname \"$(dirname FILE)\")\"", block.text.clone())
    } else {
        let text = if has("[cluster]") {
            block.text.clone()
        } else {
            let base = base.clone().unwrap_or_else(|| BASE.to_owned());
            format!("{base}\n{}", block.text)
        };
        if has("[cluster]") && wanted == 0 {
            *base = Some(text.clone());
        }
        (
            "quorate check --plan FILE > loaded.txt 2>&1; code=$?; [ $code != 2 ] || { cat loaded.txt; exit 2; }",
            text,
        )
    };
    let file = file.map_or_else(|| format!("example-{}/rules/example.toml", block.line), str::to_owned);
    shell.folder.write(&file, text);
    let answer = shell.run(&check.replace("FILE", &file));
    if shell.code != wanted {
        wrong.push((block.line, format!("it is loaded with exit code {}\n{answer}", shell.code)));
    }
    shell.code = 0;
}

/// What a part of a `cluster.toml` is taken to be a part of.
const BASE: &str =
    "[cluster]\nname = \"x\"\nplatform = \"generic\"\n[[node]]\nname = \"a\"\nprobe = \"none\"\n";

/// What does not hold on a page, each with its place, and how many examples it has.
fn checked(page: &Path) -> (String, usize) {
    let text = std::fs::read_to_string(page).expect("readable");
    let mut shell = Shell { folder: Folder::new(), code: 0 };
    let mut base = None;
    let mut wrong = Vec::new();
    let mut seen = 0;
    for part in parts(&text) {
        let block = match part {
            Part::Copy(line, from, to) => {
                let from = root().join(from);
                let answer = shell.run(&format!("cp -r '{}' '{to}'", from.display()));
                if shell.code != 0 {
                    wrong.push((line, answer));
                }
                continue;
            }
            Part::Block(block) => block,
        };
        seen += usize::from(block.language != "text");
        let at = |error: String| (block.line, error);
        match block.language.as_str() {
            "console" => console(&mut shell, &block, &mut wrong),
            "sh" => commands(&mut shell, &block, &mut wrong),
            "toml" => load(&mut shell, &block, &mut base, &mut wrong),
            "yaml" => wrong.extend(YamlLoader::load_from_str(&block.text).err().map(|e| at(e.to_string()))),
            "json" => wrong.extend(
                serde_json::from_str::<serde_json::Value>(&block.text).err().map(|e| at(e.to_string())),
            ),
            "text" => {}
            other => wrong.push((block.line, format!("what is a block in `{other}`?"))),
        }
    }
    let told = wrong.into_iter().fold(String::new(), |mut told, (line, what)| {
        let _ = writeln!(told, "{}:{line}: {what}", name(page));
        told
    });
    (told, seen)
}

#[test]
fn examples_hold() {
    let pages = pages();
    let checked: Vec<(String, usize)> = std::thread::scope(|scope| {
        let running: Vec<_> = pages.iter().map(|page| scope.spawn(|| checked(page))).collect();
        running.into_iter().map(|page| page.join().expect("it does not panic")).collect()
    });
    let told: String = checked.iter().map(|(told, _)| told.as_str()).collect();
    assert!(told.is_empty(), "{told}");
    let seen: usize = checked.iter().map(|(_, seen)| seen).sum();
    assert!(seen > 30, "{seen} examples");
}

#[test]
fn shapes_fit_what_they_should() {
    assert!(like("a[..]c", "abc") && like("[..]", "") && like("a", "a") && like("[..]b[..]", "abc"));
    assert!(!like("a", "ab") && !like("a[..]d", "abc") && !like("[..]x[..]", "abc"));
    assert!(alike(&["...", "b", "..."], &["a", "b"]) && alike(&["..."], &[]));
    assert!(!alike(&["...", "c"], &["a", "b"]) && !alike(&[], &["a"]) && !alike(&["a"], &[]));
}

/// The links of a page, with their lines; those in code are none.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut out = Vec::new();
    let mut fenced = false;
    for (line, at) in text.lines().zip(1..) {
        fenced ^= line.starts_with("```");
        if fenced || line.starts_with("```") {
            continue;
        }
        let spoken: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        for rest in spoken.split("](").skip(1) {
            out.extend(rest.split(')').next().map(|target| (at, target.to_owned())));
        }
    }
    out
}

/// The anchors of a page.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let mut all = pages();
    for more in ["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "fuzz/README.md"] {
        all.push(root().join(more));
    }
    all.extend(markdown("docs/rules"));
    all.extend(markdown("docs/requirements"));
    let contents = std::fs::read_to_string(root().join("docs/SUMMARY.md")).expect("the contents are there");
    let listed: BTreeSet<String> =
        links(&contents).into_iter().map(|(_, target)| format!("docs/{target}")).collect();
    let mut told = String::new();
    let mut seen = 0;
    for page in &all {
        let text = std::fs::read_to_string(page).expect("readable");
        let own = name(page);
        if own.starts_with("docs/") && own != "docs/SUMMARY.md" && !listed.contains(&own) {
            let _ = writeln!(told, "{own} does not stand in docs/SUMMARY.md: run 'make generate'");
        }
        for (line, target) in links(&text) {
            if target.starts_with("https://") {
                continue;
            }
            seen += 1;
            let (file, anchor) =
                target.split_once('#').map_or((target.as_str(), None), |(f, a)| (f, Some(a)));
            let to = if file.is_empty() { page.clone() } else { page.parent().expect("a folder").join(file) };
            let Ok(to) = to.canonicalize() else {
                let _ = writeln!(told, "{own}:{line}: {target} is not there");
                continue;
            };
            let inside = to.starts_with(root().join("docs").canonicalize().expect("it is there"));
            if own.starts_with("docs/") && !inside {
                let _ = writeln!(told, "{own}:{line}: {target} leads out of the book");
            }
            let anchored =
                |anchor| anchors(&std::fs::read_to_string(&to).unwrap_or_default()).contains(anchor);
            if anchor.is_some_and(|anchor| !anchored(anchor)) {
                let _ = writeln!(told, "{own}:{line}: {target}: there is no such heading");
            }
        }
    }
    assert!(told.is_empty(), "{told}");
    assert!(seen > 500 && listed.len() > 400, "{seen} links, {} pages", listed.len());
}
