//! Mandatory access control: `/sys/fs/selinux/enforce`, `/etc/selinux/config`, `/sys/module/apparmor` (any account); in
//! support bundles `sestatus` and `apparmor_status`.

use super::text::filled;
use crate::facts::Security;
use crate::probe::answer::{Answer, Status};

/// Reads what the answer holds.
pub fn read(answer: &Answer) -> Security {
    let mut security = Security::default();
    let config = answer.section("selinux-config");
    let absent = config.is_some_and(|section| section.status == Status::Absent);
    if absent {
        security.selinux_configured = Some(String::new());
        security.selinux_policy = Some(String::new());
    } else if let Some(text) = answer.text("selinux-config") {
        // A word that selinux(8) does not know leaves SELinux as the kernel starts it.
        security.selinux_configured = setting(&text, "SELINUX").map(|word| word.to_ascii_lowercase());
        security.selinux_policy = setting(&text, "SELINUXTYPE").or_else(|| Some("targeted".to_owned()));
    }
    if let Some(section) = answer.section("security").filter(|one| matches!(one.status, Status::Exit(0..=2)))
    {
        let text = section.text();
        let value = |path: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(path)?.strip_prefix(':'));
            line.and_then(filled)
        };
        security.selinux = match value("/sys/fs/selinux/enforce").as_deref() {
            Some("1") => Some("enforcing".to_owned()),
            Some("0") => Some("permissive".to_owned()),
            Some(_) => None,
            // Without the file SELinux is off; where there is no configuration either, nobody has it.
            None if absent => Some(String::new()),
            None => config.map(|_| "disabled".to_owned()),
        };
        security.apparmor = match value("/sys/module/apparmor/parameters/enabled").as_deref() {
            Some("Y") => Some(true),
            Some("N") | None => Some(false),
            Some(_) => None,
        };
    }
    if let Some(text) = answer.text("sestatus") {
        let told = sestatus(&text);
        security.selinux = security.selinux.or(told.selinux);
        security.selinux_configured = security.selinux_configured.or(told.selinux_configured);
        security.selinux_policy = security.selinux_policy.or(told.selinux_policy);
    }
    if let Some(text) = answer.text("apparmor-status") {
        let line = |words: &str| text.lines().any(|line| line.trim().trim_end_matches('.') == words);
        let told = line("apparmor module is loaded").then_some(true);
        security.apparmor =
            security.apparmor.or(told).or_else(|| line("apparmor module is not loaded").then_some(false));
    }
    security
}

/// The value of a setting: the last that counts.
fn setting(text: &str, key: &str) -> Option<String> {
    let values =
        text.lines().filter_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='));
    values.filter_map(filled).next_back()
}

/// Reads `sestatus`.
fn sestatus(text: &str) -> Security {
    let get = |key: &str| text.lines().find_map(|line| filled(line.strip_prefix(key)?.strip_prefix(':')?));
    let mode = |word: String| match word.as_str() {
        "enforcing" | "permissive" | "disabled" => Some(word),
        _ => None,
    };
    Security {
        selinux: match get("SELinux status").as_deref() {
            Some("disabled") => Some("disabled".to_owned()),
            Some("enabled") => get("Current mode").and_then(mode),
            _ => None,
        },
        selinux_configured: get("Mode from config file").and_then(mode),
        selinux_policy: get("Loaded policy name").or_else(|| get("Policy from config file")),
        apparmor: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(outputs: &[(&str, &str)]) -> Answer {
        Answer::of_outputs(
            outputs.iter().map(|(name, text)| ((*name).into(), String::new(), text.as_bytes().to_vec())),
        )
    }

    const CONFIG: &str = "# This file controls the state of SELinux\n# SELINUX= can take one of\nSELINUX=enforcing\nSELINUXTYPE=targeted\n";

    #[test]
    fn selinux_is_read() {
        let on = read(&answer(&[("security", "/sys/fs/selinux/enforce:0\n"), ("selinux-config", CONFIG)]));
        assert_eq!(
            (on.selinux.as_deref(), on.selinux_configured.as_deref()),
            (Some("permissive"), Some("enforcing"))
        );
        assert_eq!((on.selinux_policy.as_deref(), on.apparmor), (Some("targeted"), Some(false)));
        let off = read(&answer(&[
            ("security", "/sys/module/apparmor/parameters/enabled:Y\n"),
            ("selinux-config", CONFIG),
        ]));
        assert_eq!((off.selinux.as_deref(), off.apparmor), (Some("disabled"), Some(true)));
        assert_eq!(read(&Answer::default()), Security::default());
    }

    #[test]
    fn a_system_that_never_had_it_says_so() {
        let mut debian = answer(&[("security", "")]);
        debian.sections.extend(answer(&[("selinux-config", "")]).sections);
        debian.sections[0].status = Status::Exit(2);
        debian.sections[1].status = Status::Absent;
        let read = read(&debian);
        assert_eq!((read.selinux.as_deref(), read.selinux_configured.as_deref()), (Some(""), Some("")));
    }

    #[test]
    fn status_of_bundles_is_read() {
        let text = "SELinux status:                 enabled\nSELinuxfs mount:                /sys/fs/selinux\nLoaded policy name:             targeted\nCurrent mode:                   enforcing\nMode from config file:          permissive\n";
        let on = read(&answer(&[("sestatus", text), ("apparmor-status", "apparmor module is loaded.\n")]));
        assert_eq!(
            (on.selinux.as_deref(), on.selinux_configured.as_deref()),
            (Some("enforcing"), Some("permissive"))
        );
        assert_eq!(on.apparmor, Some(true));
        let off = read(&answer(&[("sestatus", "SELinux status:                 disabled\n")]));
        assert_eq!((off.selinux.as_deref(), off.selinux_configured), (Some("disabled"), None));
        assert_eq!(read(&answer(&[("sestatus", "sestatus: command not found\n")])), Security::default());
    }
}
