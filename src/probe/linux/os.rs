//! The operating system: `/etc/os-release` (any account), `uname -srm`, in support bundles `uname -a` (any account).

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

/// Reads `uname -a`: system, host name, kernel release, its version of several words, then architecture, on some systems
/// once or twice more, and the name of the operating system.
pub fn uname_all(text: &str) -> Os {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [system, _, release, rest @ ..] = words.as_slice() else { return Os::default() };
    let rest = if let [rest @ .., "GNU/Linux" | "Linux"] = rest { rest } else { rest };
    // The version ends with a year; what stands behind it is the machine.
    let year =
        |word: &&str| word.len() == 4 && word.starts_with("20") && word.bytes().all(|b| b.is_ascii_digit());
    let machine = match rest.iter().position(year) {
        Some(at) => rest.get(at + 1),
        None => rest.last(),
    };
    // Debian writes its own version as `(2024-10-16)` behind a shorter one.
    let machine = machine.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic())).or(rest.last());
    let Some(machine) = machine else { return Os::default() };
    uname(&format!("{system} {release} {machine}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_uname_is_read() {
        let of = |text: &str| {
            let os = uname_all(text);
            (os.kernel.unwrap_or_default(), os.architecture.unwrap_or_default())
        };
        let rhel = "Linux n1.example.net 5.14.0-362.8.1.el9_3.x86_64 #1 SMP PREEMPT_DYNAMIC Tue Oct 3 11:12:36 EDT 2023 x86_64 x86_64 x86_64 GNU/Linux\n";
        assert_eq!(of(rhel), ("5.14.0-362.8.1.el9_3.x86_64".into(), "x86_64".into()));
        let debian =
            "Linux n1 6.1.0-25-amd64 #1 SMP PREEMPT_DYNAMIC Debian 6.1.106-3 (2024-08-26) x86_64 GNU/Linux\n";
        assert_eq!(of(debian), ("6.1.0-25-amd64".into(), "x86_64".into()));
        let suse = "Linux n1 5.14.21-150500.55.19-default #1 SMP PREEMPT_DYNAMIC Tue Aug 8 22:15:01 UTC 2023 (9908c29) s390x s390x s390x GNU/Linux\n";
        assert_eq!(of(suse), ("5.14.21-150500.55.19-default".into(), "s390x".into()));
        assert_eq!(uname_all("uname: not found\n").kernel, None);
    }

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
