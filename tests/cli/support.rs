//! Running the program in a folder of its own, with a clean environment and comparable answers.

use assert_cmd::Command;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file of `fixtures/`.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A folder with files, in which the program runs.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Folder(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and the folders it stands in.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        std::fs::create_dir_all(path.parent().expect("it stands in the folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program, ready to run here.
    pub fn quorate(&self, args: &[&str]) -> Run {
        let mut command = Command::cargo_bin("quorate").expect("the binary is built");
        command.current_dir(self.path()).args(args).timeout(Duration::from_secs(60));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let kept = ["PATH", "LD_LIBRARY_PATH", "TMPDIR", "LLVM_PROFILE_FILE"].contains(&name.as_str());
            if !kept {
                command.env_remove(&name);
            }
        }
        command.env("HOME", self.path()).env("LC_ALL", "C.UTF-8");
        Run { command, folder: self.path().to_owned() }
    }

    /// Runs it and gives the answer.
    pub fn run(&self, args: &[&str]) -> Answer {
        self.quorate(args).end()
    }
}

/// A run that is being prepared.
pub struct Run {
    command: Command,
    folder: PathBuf,
}

impl Run {
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.command.write_stdin(text);
        self
    }

    pub fn end(mut self) -> Answer {
        let output = self.command.output().expect("it runs");
        let text = |bytes: &[u8]| scrub(&String::from_utf8_lossy(bytes), &self.folder);
        Answer { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

/// What a run said, with what changes from run to run replaced.
pub struct Answer {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Answer {
    /// The answer as it is kept in snapshots.
    pub fn text(&self) -> String {
        let code = self.code.map_or("killed".to_owned(), |code| code.to_string());
        format!("exit code {code}\n--- stdout\n{}--- stderr\n{}", self.out, self.err)
    }

    /// Checks the exit code, and that nothing panicked.
    #[track_caller]
    pub fn ends_with(&self, code: i32) -> &Self {
        assert!(!self.err.contains("internal error") && !self.err.contains("panicked"), "{}", self.text());
        assert_eq!(self.code, Some(code), "{}", self.text());
        self
    }

    /// Checks that standard error says something.
    #[track_caller]
    pub fn complains(&self, words: &str) -> &Self {
        // Long lines are folded; what is said counts, not where it is folded.
        let flat =
            |text: &str| text.replace(['│', '·'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat(&self.err).contains(words), "{words:?} is not said in\n{}", self.text());
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Replaces what changes from run to run.
pub fn scrub(text: &str, folder: &Path) -> String {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mut text = text.replace(&*real.to_string_lossy(), "[FOLDER]");
    text = text.replace(&*folder.to_string_lossy(), "[FOLDER]");
    text.replace(concat!("quorate ", env!("CARGO_PKG_VERSION")), "quorate [VERSION]")
}
