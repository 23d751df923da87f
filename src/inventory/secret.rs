//! Secrets: where they are to be found, and fetching them when they are needed.
//!
//! A secret is never written in `cluster.toml`, never part of an argument, a fact, a log or a message; errors name
//! where it should have come from. It is fetched once, at the first use, and kept in memory that is wiped.

use crate::source::{FromItem, Item, Kind, Place, Problem, Problems, Span, Spanned, Text, did_you_mean};
use secrecy::SecretString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{env, fmt, thread};

/// Longest secret in bytes; CHAP secrets have at most 255 (RFC 7143, section 12.1.4 has no bound of its own).
const MAX_SECRET_BYTES: u64 = 4096;

/// How long a command may take to give a secret; it may ask somebody for a passphrase.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// Where a secret is to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// In a variable of the environment.
    Env(String),
    /// In a file that only its owner can read; one line end at its end does not count.
    File(PathBuf),
    /// On the first line that a command writes; program and arguments, no shell.
    Command(Vec<String>),
    /// Somebody types it at the terminal.
    Prompt,
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::Env(name) => write!(f, "environment variable {name}"),
            SecretSource::File(path) => write!(f, "file {}", path.display()),
            SecretSource::Command(words) => write!(f, "command {}", words.first().map_or("", String::as_str)),
            SecretSource::Prompt => f.write_str("the prompt"),
        }
    }
}

/// A secret that is fetched at the first use; copies share it.
#[derive(Clone)]
pub struct Secret {
    source: SecretSource,
    purpose: String,
    span: Span,
    fetched: Arc<Mutex<Option<Result<SecretString, SecretError>>>>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, {})", self.source, self.span.place())
    }
}

/// Why a secret could not be had. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: the {purpose} cannot be had from {source_name}: {why}")]
pub struct SecretError {
    place: Place,
    purpose: String,
    source_name: String,
    why: String,
}

impl Secret {
    /// A secret to be found somewhere. `purpose` says what it is for, as in `the CHAP secret of user "hv"`.
    pub fn new(source: SecretSource, purpose: impl Into<String>, span: Span) -> Self {
        Secret { source, purpose: purpose.into(), span, fetched: Arc::default() }
    }

    /// Where it is to be found.
    pub fn source(&self) -> &SecretSource {
        &self.source
    }

    /// Where the inventory says so.
    pub fn place(&self) -> Place {
        self.span.place()
    }

    /// Whether it could be had, as far as that can be seen without fetching it: the variable is set, the file is there
    /// and nobody else's to read.
    pub fn check(&self, problems: &mut Problems) {
        let why = match &self.source {
            SecretSource::Env(name) => from_env(name).err(),
            SecretSource::File(path) => check_file(path).err(),
            SecretSource::Command(_) | SecretSource::Prompt => None,
        };
        if let Some(why) = why {
            let message = format!("the {} cannot be had from {}: {why}", self.purpose, self.source);
            problems.push(self.span.problem(message, "looked for here"));
        }
    }

    /// The secret. Fetched at the first call, which may ask at the terminal; later calls give the same answer.
    ///
    /// # Errors
    /// The source has none, an empty one, one of more than 4096 bytes or that is not UTF-8, a file that others can
    /// read, a command that fails, no terminal. The message names the source.
    pub fn resolve(&self) -> Result<SecretString, SecretError> {
        let mut fetched = self.fetched.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        fetched.get_or_insert_with(|| self.fetch()).clone()
    }

    fn fetch(&self) -> Result<SecretString, SecretError> {
        let text = match &self.source {
            SecretSource::Env(name) => from_env(name),
            SecretSource::File(path) => from_file(path),
            SecretSource::Command(words) => from_command(words),
            SecretSource::Prompt => from_prompt(&self.purpose),
        };
        let why = match text {
            Ok(text) if text.is_empty() => "it is empty".to_owned(),
            Ok(text) => return Ok(SecretString::from(text)),
            Err(why) => why,
        };
        Err(SecretError {
            place: self.place(),
            purpose: self.purpose.clone(),
            source_name: self.source.to_string(),
            why,
        })
    }
}

fn from_env(name: &str) -> Result<String, String> {
    env::var(name).map_err(|error| match error {
        env::VarError::NotPresent => "it is not set".to_owned(),
        env::VarError::NotUnicode(_) => "it is not UTF-8".to_owned(),
    })
}

fn from_file(path: &Path) -> Result<String, String> {
    check_file(path)?;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_SECRET_BYTES + 2).read_to_end(&mut bytes))
        .map_err(|error| error.to_string())?;
    let text = utf8(bytes)?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(line.to_owned())
}

/// Whether a secret may be taken from a file: a file, and nobody else's to read.
fn check_file(path: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(format!(
                "others may read or write it (mode {mode:03o}); run: chmod 600 {}",
                path.display()
            ));
        }
    }
    Ok(())
}

fn from_command(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("it is empty")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it cannot be started: {error}"))?;
    let stdout = child.stdout.take().ok_or("its output cannot be read")?;
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout.take(MAX_SECRET_BYTES + 2).read_to_end(&mut bytes).map(|_| bytes)
    });
    let deadline = Instant::now() + COMMAND_TIMEOUT;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let _ = child.kill().and_then(|()| child.wait());
                return Err(format!("it did not end within {} s", COMMAND_TIMEOUT.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    let bytes = reader.join().map_err(|_| "its output cannot be read")?.map_err(|error| error.to_string())?;
    // A command that writes on and on ends when we no longer listen: that is no failure of its own.
    if !status.success() && bytes.len() as u64 <= MAX_SECRET_BYTES {
        return Err(format!("it failed ({status}); run it by hand to see why"));
    }
    Ok(utf8(bytes)?.lines().next().unwrap_or_default().to_owned())
}

/// One prompt at a time, whatever asks.
static TERMINAL: Mutex<()> = Mutex::new(());

fn from_prompt(purpose: &str) -> Result<String, String> {
    let _turn = TERMINAL.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    rpassword::prompt_password(format!("{purpose}: "))
        .map_err(|error| format!("there is no terminal to ask at ({error}); give it by env, file or command"))
}

fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > MAX_SECRET_BYTES {
        return Err(format!("it is longer than {MAX_SECRET_BYTES} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// A secret as `cluster.toml` gives it: a table that says where it is to be found.
#[derive(Clone, Debug)]
pub struct RawSecret {
    /// Where it is to be found; paths as they are written. None when that was reported as wrong.
    pub source: Option<SecretSource>,
    /// Where the table stands.
    pub span: Span,
}

const HELP: &str = "say where it is to be found: { env = \"NAME\" }, { file = \"path\" }, \
                    { command = [\"pass\", \"storage/chap\"] } or { prompt = true }";

impl FromItem for RawSecret {
    fn read(item: Item, problems: &mut Problems) -> Option<Self> {
        let span = item.span.clone();
        Some(RawSecret { source: read_secret(item, problems), span })
    }

    fn schema() -> serde_json::Value {
        let text = || serde_json::json!({ "type": "string", "minLength": 1 });
        serde_json::json!({
            "type": "object",
            "properties": {
                "env": with_description(text(), "Variable of the environment that holds it."),
                "file": with_description(text(), "File that holds it, relative to this file; only its owner may read it."),
                "command": with_description(
                    serde_json::json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
                    "Program and arguments; the first line it writes is the secret.",
                ),
                "prompt": with_description(serde_json::json!({ "type": "boolean", "const": true }), "Ask at the terminal."),
            },
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
        })
    }
}

fn with_description(mut schema: serde_json::Value, text: &str) -> serde_json::Value {
    schema["description"] = text.into();
    schema
}

fn read_secret(item: Item, problems: &mut Problems) -> Option<SecretSource> {
    let span = item.span.clone();
    let Kind::Table(mut table) = item.kind else {
        problems.mask(&span);
        let message = format!("`{}` must not be written here", item.key);
        problems.push(span.problem(message, "a secret in plain text").help(HELP));
        return None;
    };
    let before = problems.len();
    let env: Option<Text> = table.get("env", problems);
    let file: Option<Text> = table.get("file", problems);
    let command: Option<Vec<Text>> = table.get("command", problems);
    let prompt: Option<Spanned<bool>> = table.get("prompt", problems);
    let unknown: Vec<_> = table.unknown().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in unknown {
        // It may be the secret itself.
        problems.mask(&value);
        let near = did_you_mean(&key, ["env", "file", "command", "prompt"]).unwrap_or_default();
        problems.push(
            key.problem(format!("there is no key `{key}` in `{}`", item.key), "unknown key")
                .help(format!("{near}; {HELP}")),
        );
    }
    if problems.len() > before {
        return None;
    }
    let given = [env.is_some(), file.is_some(), command.is_some(), prompt.is_some()];
    if given.into_iter().filter(|given| *given).count() != 1 {
        let what = if given.contains(&true) { "is given more than once" } else { "has no source" };
        problems.push(span.problem(format!("`{}` {what}", item.key), "one source is wanted").help(HELP));
        return None;
    }
    read_source(env, file, command, prompt.map(|prompt| prompt.value), &span, problems)
}

fn read_source(
    env: Option<Text>,
    file: Option<Text>,
    command: Option<Vec<Text>>,
    prompt: Option<bool>,
    span: &Span,
    problems: &mut Problems,
) -> Option<SecretSource> {
    let problem: Problem = match (env, file, command) {
        (Some(name), ..)
            if name.is_empty() || name.contains(['=', '\0']) || name.contains(char::is_whitespace) =>
        {
            name.problem("this is no name of an environment variable", "letters, digits and `_`")
        }
        (Some(name), ..) => return Some(SecretSource::Env(name.value)),
        (_, Some(path), _) if path.is_empty() || path.contains('\0') => {
            path.problem("this is no path", "a file")
        }
        (_, Some(path), _) => return Some(SecretSource::File(PathBuf::from(path.value))),
        (_, _, Some(words))
            if words.first().is_none_or(|word| word.is_empty())
                || words.iter().any(|word| word.contains('\0')) =>
        {
            span.problem("the command is empty", "program and arguments are wanted")
        }
        (_, _, Some(words)) => {
            return Some(SecretSource::Command(words.into_iter().map(|word| word.value).collect()));
        }
        _ if prompt == Some(true) => return Some(SecretSource::Prompt),
        _ => span.problem("`prompt` can only be true", "give another source, or `prompt = true`"),
    };
    problems.push(problem);
    None
}
