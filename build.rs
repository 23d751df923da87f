//! Lists the shipped rule packs, profiles and requirements, so that a file dropped into their folders is part of the
//! program.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=rules");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut text = String::new();
    list(&root, "rules", "PACKS", "The shipped rule packs: name and text.", &mut text)?;
    bare(&root, &out, &mut text)?;
    list(&root, "rules/profiles", "PROFILES", "The shipped profiles: name and text.", &mut text)?;
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

/// Writes the rule packs once more without their examples, which judging does not need; every other line stays where it
/// is, so that places stay right.
fn bare(root: &Path, out: &Path, text: &mut String) -> io::Result<()> {
    let folder = out.join("bare");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("rules"))?;
    for entry in fs::read_dir(root.join("rules"))? {
        let path = entry?.path();
        let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|end| end == "toml"))
        else {
            continue;
        };
        fs::write(folder.join("rules").join(name), without_examples(&fs::read_to_string(&path)?))?;
    }
    list(&folder, "rules", "BARE_PACKS", "The same without the examples of the rules.", text)
}

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

/// Writes a constant that holds name and text of every TOML file of a folder, sorted by name.
fn list(root: &Path, folder: &str, constant: &str, doc: &str, out: &mut String) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml")
            && let Some(name) = path.file_name().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    writeln!(out, "/// {doc}\npub const {constant}: &[(&str, &str)] = &[").expect("a string takes all");
    for name in names {
        let path = root.join(folder).join(&name);
        let path = path.to_str().expect("cargo builds in folders with names of text");
        writeln!(out, "    ({:?}, include_str!({path:?})),", format!("{folder}/{name}"))
            .expect("a string takes all");
    }
    out.push_str("];\n");
    Ok(())
}
