//! Lists the shipped rule packs, profiles and requirements, so that a file dropped into their folders is part of the
//! program, and parses what every run reads, so that no run has to.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::{env, fs, io};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=rules");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut text = String::new();
    list(&root, "rules", "PACKS", "The shipped rule packs: name and text.", &mut text)?;
    list(&root, "rules/profiles", "PROFILES", "The shipped profiles: name and text.", &mut text)?;
    let folder = out.join("prepared");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("rules/profiles"))?;
    prepare(&root, &folder, "rules", "PREPARED_PACKS", without_examples, &mut text)?;
    prepare(&root, &folder, "rules/profiles", "PREPARED_PROFILES", str::to_owned, &mut text)?;
    fs::write(out.join("shipped.rs"), text)?;
    println!("cargo:rerun-if-changed=docs/requirements");
    let mut text = String::new();
    list(
        &root,
        "docs/requirements",
        "REQUIREMENTS",
        "The catalogue of requirements: name and text.",
        &mut text,
    )?;
    fs::write(out.join("requirements.rs"), text)
}

/// A rule pack without its examples, which judging does not need; every other line stays where it is, so that places stay
/// right.
fn without_examples(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut in_example = false;
    for line in text.lines() {
        if line.starts_with("[[rule.example]]") {
            in_example = true;
        } else if line.starts_with("[[rule]]") || line.starts_with("[param.") {
            in_example = false;
        }
        if !in_example {
            bare.push_str(line);
        }
        bare.push('\n');
    }
    bare
}

/// The TOML files of a folder, sorted by name.
fn files(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Writes a constant that holds name and text of every TOML file of a folder, sorted by name.
fn list(root: &Path, folder: &str, constant: &str, doc: &str, out: &mut String) -> io::Result<()> {
    writeln!(out, "/// {doc}\npub const {constant}: &[(&str, &str)] = &[").expect("a string takes all");
    for name in files(&root.join(folder))? {
        let path = root.join(folder).join(&name);
        writeln!(out, "    ({:?}, include_str!({:?})),", format!("{folder}/{name}"), utf8(&path))
            .expect("a string takes all");
    }
    out.push_str("];\n");
    Ok(())
}

/// Writes a constant that holds every TOML file of a folder, parsed, sorted by name. The form is told in
/// `src/source/prepared.rs`.
fn prepare(
    root: &Path,
    to: &Path,
    folder: &str,
    constant: &str,
    edit: fn(&str) -> String,
    out: &mut String,
) -> io::Result<()> {
    writeln!(out, "/// Files of `{folder}`, parsed.\npub const {constant}: &[crate::source::Prepared] = &[")
        .expect("a string takes all");
    for name in files(&root.join(folder))? {
        let text = edit(&fs::read_to_string(root.join(folder).join(&name))?);
        // What has a mistake is parsed when it is read, which tells the mistake.
        let (tree, extra) = Tree::of(&text).unwrap_or_default();
        let at = |ending: &str| to.join(folder).join(&name).with_extension(ending);
        fs::write(at("toml"), &text)?;
        fs::write(at("extra"), extra)?;
        fs::write(at("tree"), tree)?;
        writeln!(
            out,
            "    crate::source::Prepared {{ name: {:?}, text: include_str!({:?}), extra: include_str!({:?}), \
             tree: include_bytes!({:?}) }},",
            format!("{folder}/{name}"),
            utf8(&at("toml")),
            utf8(&at("extra")),
            utf8(&at("tree")),
        )
        .expect("a string takes all");
    }
    out.push_str("];\n");
    Ok(())
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("cargo builds in folders with names of text")
}

/// The tree of a file while it is written.
struct Tree<'t> {
    text: &'t str,
    extra: String,
    words: Vec<u8>,
}

impl Tree<'_> {
    /// The tree and what it needs besides the text. None where it cannot be written.
    fn of(text: &str) -> Option<(Vec<u8>, String)> {
        let root = DeTable::parse(text).ok()?;
        let mut out = Tree { text, extra: String::new(), words: Vec::new() };
        out.table(root.get_ref())?;
        Some((out.words, out.extra))
    }

    fn word(&mut self, number: usize) -> Option<()> {
        self.words.extend(u32::try_from(number).ok()?.to_le_bytes());
        Some(())
    }

    fn place(&mut self, span: Range<usize>) -> Option<()> {
        self.word(span.start)?;
        self.word(span.end)
    }

    /// A text that stands at a place: where its value is.
    fn text(&mut self, value: &str, span: Range<usize>) -> Option<()> {
        self.place(span.clone())?;
        let from = match self.text.get(span.clone())?.find(value) {
            Some(at) => span.start + at,
            None => {
                self.extra.push_str(value);
                self.text.len() + self.extra.len() - value.len()
            }
        };
        self.place(from..from + value.len())
    }

    fn table(&mut self, table: &DeTable<'_>) -> Option<()> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        self.word(entries.len())?;
        for (name, value) in entries {
            self.text(name.get_ref(), name.span())?;
            self.item(value)?;
        }
        Some(())
    }

    fn item(&mut self, value: &Spanned<DeValue<'_>>) -> Option<()> {
        let span = value.span();
        match value.get_ref() {
            DeValue::String(text) => {
                self.word(0)?;
                self.text(text, span)
            }
            DeValue::Integer(number) => {
                let number = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
                self.word(1)?;
                self.place(span)?;
                self.words.extend(number.to_le_bytes());
                Some(())
            }
            DeValue::Boolean(value) => {
                self.word(2)?;
                self.place(span)?;
                self.word(usize::from(*value))
            }
            DeValue::Array(items) => {
                self.word(3)?;
                self.place(span)?;
                self.word(items.len())?;
                items.iter().try_for_each(|item| self.item(item))
            }
            DeValue::Table(table) => {
                self.word(4)?;
                self.place(span)?;
                self.table(table)
            }
            DeValue::Float(_) | DeValue::Datetime(_) => None,
        }
    }
}
