//! Which `cluster.toml` is meant: the one that is named, or the nearest.

use crate::source::Problem;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Name of the file that is looked for.
pub const FILE_NAME: &str = "cluster.toml";

/// Variable of the environment that names the file.
pub const FILE_VARIABLE: &str = "QUORATE_CONFIG";

/// Finds the file: the one named explicitly, else the one that the environment names, else `cluster.toml` in the
/// working directory or the nearest directory above it, up to the root of a repository or the home directory.
///
/// # Errors
/// There is none.
pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, Problem> {
    let directory = std::env::current_dir()
        .map_err(|error| Problem::new(format!("the working directory cannot be read: {error}")))?;
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
    locate_from(explicit, std::env::var_os(FILE_VARIABLE), &directory, home.as_deref())
}

fn locate_from(
    explicit: Option<&Path>,
    variable: Option<OsString>,
    directory: &Path,
    home: Option<&Path>,
) -> Result<PathBuf, Problem> {
    if let Some(path) = explicit {
        return Ok(path.to_owned());
    }
    if let Some(path) = variable.filter(|path| !path.is_empty()).map(PathBuf::from) {
        if directory.join(&path).is_file() {
            return Ok(path);
        }
        return Err(Problem::new(format!("{FILE_VARIABLE} names {}, which is no file", path.display())));
    }
    // Messages name the file as it is seen from the working directory.
    let mut shown = PathBuf::new();
    for at in directory.ancestors() {
        if at.join(FILE_NAME).is_file() {
            return Ok(shown.join(FILE_NAME));
        }
        if at.join(".git").exists() || Some(at) == home {
            break;
        }
        shown.push("..");
    }
    Err(Problem::new(format!("there is no {FILE_NAME} in this directory or above it"))
        .help("write one with `quorate init`, name one as an argument, or see `quorate demo`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_nearest_file_is_found_up_to_the_repository() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let deep = root.path().join("repository/a/b");
        fs::create_dir_all(&deep).expect("made");
        let find = || locate_from(None, None, &deep, Some(root.path()));
        assert!(find().expect_err("none yet").message().contains("no cluster.toml"));
        fs::write(root.path().join("cluster.toml"), "").expect("written");
        assert_eq!(find().ok(), Some(PathBuf::from("../../../cluster.toml")), "the home directory counts");
        fs::create_dir(root.path().join("repository/.git")).expect("made");
        assert!(find().is_err(), "nothing above the repository counts");
        fs::write(root.path().join("repository/cluster.toml"), "").expect("written");
        assert_eq!(find().ok(), Some(PathBuf::from("../../cluster.toml")));
        fs::write(deep.join("cluster.toml"), "").expect("written");
        assert_eq!(find().ok(), Some(PathBuf::from("cluster.toml")));
        let named = |path: &str| locate_from(None, Some(path.into()), &deep, None);
        assert_eq!(named("../../cluster.toml").ok(), Some(PathBuf::from("../../cluster.toml")));
        assert!(
            named("absent.toml").expect_err("absent").message().contains("QUORATE_CONFIG names absent.toml")
        );
        assert_eq!(named("").ok(), Some(PathBuf::from("cluster.toml")));
        let explicit = locate_from(Some(Path::new("x.toml")), Some("y.toml".into()), &deep, None);
        assert_eq!(explicit.ok(), Some(PathBuf::from("x.toml")));
    }
}
