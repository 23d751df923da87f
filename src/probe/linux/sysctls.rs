//! Settings of the kernel: `/proc/sys` (any account); in support bundles `sysctl -a`.

use super::text::unique_by_key;
use crate::facts::Sysctl;

/// Settings that clusters care for; `*` stands for the name of an interface.
const NAMES: [&str; 14] = [
    "kernel.panic",
    "kernel.panic_on_oops",
    "kernel.softlockup_panic",
    "kernel.hung_task_panic",
    "kernel.sysrq",
    "net.ipv4.tcp_retries2",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv4.conf.*.rp_filter",
    "net.ipv4.conf.*.arp_ignore",
    "net.ipv4.conf.*.arp_announce",
    "vm.dirty_ratio",
    "vm.dirty_background_ratio",
    "vm.dirty_bytes",
    "vm.dirty_background_bytes",
];

/// At most so many settings are kept.
const MOST: usize = 512;

/// Reads `PATH:LINE` of files below `/proc/sys`. In a name, `.` parts what `/` parts in the path; a dot in the name of an
/// interface becomes a slash, as sysctl(8) writes it.
pub fn files(text: &str) -> Vec<Sysctl> {
    gather(text.lines().filter_map(|line| {
        let (path, value) = line.strip_prefix("/proc/sys/")?.split_once(':')?;
        let name: Vec<String> = path.split('/').map(|part| part.replace('.', "/")).collect();
        Some((name.join("."), value))
    }))
}

/// Reads `sysctl -a`: `NAME = VALUE`.
pub fn all(text: &str) -> Vec<Sysctl> {
    gather(text.lines().filter_map(|line| {
        let (name, value) = line.split_once(" = ").or_else(|| line.split_once('='))?;
        Some((name.trim().to_owned(), value))
    }))
}

fn gather<'a>(pairs: impl Iterator<Item = (String, &'a str)>) -> Vec<Sysctl> {
    let wanted = pairs.filter(|(name, _)| NAMES.iter().any(|pattern| fits(name, pattern))).take(MOST);
    let mut out: Vec<Sysctl> = wanted
        .map(|(name, value)| Sysctl {
            name,
            value: Some(value.split_whitespace().collect::<Vec<_>>().join(" ")),
        })
        .collect();
    unique_by_key(&mut out, |one| &one.name);
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}

fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, end)) => {
            let middle = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
            middle.is_some_and(|interface| !interface.is_empty() && !interface.contains('.'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_alike() {
        let live = files(
            "/proc/sys/net/ipv4/tcp_retries2:15\n/proc/sys/net/ipv4/conf/bond0.20/rp_filter:1\n/proc/sys/kernel/panic:0\n/proc/sys/kernel/hostname:x\n/etc/passwd:x\n",
        );
        let bundle = all(
            "abi.vsyscall32 = 1\nkernel.panic = 0\nnet.ipv4.conf.bond0/20.rp_filter = 1\nnet.ipv4.tcp_retries2 = 15\nnet.ipv4.tcp_rmem = 4096\t131072\t6291456\n",
        );
        assert_eq!(live, bundle);
        let names: Vec<_> =
            live.iter().map(|one| (one.name.as_str(), one.value.as_deref().unwrap())).collect();
        assert_eq!(
            names,
            [
                ("kernel.panic", "0"),
                ("net.ipv4.conf.bond0/20.rp_filter", "1"),
                ("net.ipv4.tcp_retries2", "15")
            ]
        );
        assert!(all("sysctl: permission denied on key 'kernel.panic'\n").is_empty());
    }

    #[test]
    fn the_script_asks_for_the_same_settings() {
        let script = crate::probe::script::SCRIPT;
        for name in NAMES {
            let path = name.replace('.', "/");
            let (parent, leaf) = path.rsplit_once('/').unwrap();
            assert!(script.contains(&format!("/{leaf}")), "{parent}/{leaf}");
        }
    }
}
