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
