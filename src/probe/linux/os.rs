//! The operating system: `/etc/os-release` (any account), `uname -srm` (any account).

use super::text::unquote;
use crate::facts::{Os, OsFamily};

/// Reads os-release(5). What the file does not say has the default of that manual or is empty.
pub fn os_release(text: &str) -> Os {
    let mut os = Os {
        family: Some(OsFamily::Linux),
        id: Some("linux".to_owned()),
        name: Some("Linux".to_owned()),
        release: Some(String::new()),
        build: Some(String::new()),
        edition: Some(String::new()),
        service_pack: Some(0),
        install_type: Some(String::new()),
        ..Os::default()
    };
    let mut pretty = None;
    for (key, value) in text.lines().filter_map(|line| line.trim().split_once('=')) {
        let value = unquote(value);
        match key {
            "ID" => os.id = Some(value),
            "NAME" => os.name = Some(value),
            "PRETTY_NAME" => pretty = Some(value),
            "VERSION_ID" => os.release = Some(value),
            "BUILD_ID" => os.build = Some(value),
            "VARIANT_ID" => os.install_type = Some(value),
            _ => {}
        }
    }
    os.name = pretty.filter(|name| !name.is_empty()).or(os.name);
    // SUSE numbers its service packs behind the dot: 15.5 is SLES 15 SP5.
    let is_suse = os.id.as_deref().is_some_and(|id| id.starts_with("sle"));
    if let Some((_, pack)) =
        os.release.as_deref().and_then(|release| release.split_once('.')).filter(|_| is_suse)
    {
        os.service_pack = pack.parse().ok();
    }
    os
}

/// Reads `uname -srm`: kernel release and architecture.
pub fn uname(text: &str) -> Os {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [system, release, machine] = words.as_slice() else { return Os::default() };
    let family = if *system == "Linux" { OsFamily::Linux } else { OsFamily::Other };
    Os {
        family: Some(family),
        kernel: Some((*release).to_owned()),
        architecture: Some((*machine).to_owned()),
        ..Os::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debian_is_read() {
        let os = os_release(include_str!("../../../fixtures/linux/os-release.debian12"));
        assert_eq!(os.id.as_deref(), Some("debian"));
        assert_eq!(os.name.as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
        assert_eq!(os.release.as_deref(), Some("12"));
        assert_eq!(os.service_pack, Some(0));
        assert_eq!(os.build.as_deref(), Some(""), "the file says nothing: there is none");
    }

    #[test]
    fn a_suse_counts_service_packs() {
        let os = os_release(
            "NAME=\"SLES\"\nID=\"sles\"\nVERSION_ID=\"15.5\"\nPRETTY_NAME='SUSE Linux Enterprise Server 15 SP5'\n",
        );
        assert_eq!((os.release.as_deref(), os.service_pack), (Some("15.5"), Some(5)));
    }

    #[test]
    fn uname_is_read_or_nothing_is_said() {
        let os = uname("Linux 5.14.21-150500.55-default x86_64\n");
        assert_eq!(os.kernel.as_deref(), Some("5.14.21-150500.55-default"));
        assert_eq!(os.architecture.as_deref(), Some("x86_64"));
        assert_eq!(uname("Linux"), Os::default());
    }
}
