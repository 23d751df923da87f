//! Whether a restart is pending: the flag files of the distribution, the kernels that are installed, and with rpm the times
//! at which packages were installed that only a restart brings into use (any account).

use std::cmp::Ordering;

/// Reads the section `reboot`: lines of `flag PATH` (a restart is asked for), `mechanism PATH` (something is installed
/// that would ask), `kernel NAME` (a kernel is installed). `running` is the release of the kernel that runs.
///
/// It is known to be pending when a flag says so or a newer kernel of the same flavour waits; it is known not to be when
/// something would have asked, or the newest kernel runs. Else it is missing.
pub fn pending(text: &str, running: Option<&str>) -> Option<bool> {
    let mut mechanism = false;
    let mut kernels = Vec::new();
    let mut boot = None;
    let mut installed = None;
    for (word, value) in text.lines().filter_map(|line| line.split_once(' ')) {
        match word {
            "flag" => return Some(true),
            "mechanism" => mechanism = true,
            "kernel" => {
                let release = value
                    .strip_prefix("vmlinuz-")
                    .or_else(|| value.strip_prefix("vmlinux-"))
                    .unwrap_or(value);
                kernels.push(release.trim());
            }
            "boot" => boot = value.trim().parse::<u64>().ok(),
            "installed" => {
                let time = value.split(' ').next().and_then(|time| time.parse::<u64>().ok());
                installed = installed.max(time);
            }
            _ => {}
        }
    }
    if boot.zip(installed).is_some_and(|(boot, installed)| installed > boot) {
        return Some(true);
    }
    let running = running?;
    if kernels.contains(&running) {
        let newer = |kernel: &&str| {
            flavour(kernel) == flavour(running) && compare(kernel, running) == Ordering::Greater
        };
        return Some(kernels.iter().any(newer));
    }
    mechanism.then_some(false)
}

/// The letters at the end of a release, without its version: `amd64`, `default`, `x86_64`.
fn flavour(release: &str) -> &str {
    let end = release.rfind(['-', '.', '+']).map_or(0, |at| at + 1);
    if release[end..].starts_with(|c: char| c.is_ascii_alphabetic()) { &release[end..] } else { "" }
}

/// Compares releases as package managers do: runs of digits as numbers, the rest as text.
fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (parts(a), parts(b));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => {
                let order = match (a.parse::<u64>(), b.parse::<u64>()) {
                    (Ok(a), Ok(b)) => a.cmp(&b),
                    (Ok(_), Err(_)) => Ordering::Greater,
                    (Err(_), Ok(_)) => Ordering::Less,
                    (Err(_), Err(_)) => a.cmp(b),
                };
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(['.', '-', '_', '+', '~']).flat_map(|word| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let digits = rest.chars().next()?.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
            let (part, left) = rest.split_at(end);
            rest = left;
            Some(part)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_kernel_waits() {
        let text = "kernel 6.1.0-9-amd64\nkernel vmlinuz-6.1.0-25-amd64\nkernel 6.12.0-1-rt-amd64-dbg\n";
        assert_eq!(pending(text, Some("6.1.0-9-amd64")), Some(true));
        assert_eq!(pending(text, Some("6.1.0-25-amd64")), Some(false));
        assert_eq!(pending(text, Some("6.6.0-custom")), None, "a kernel that is not installed tells nothing");
        assert_eq!(
            pending(
                "kernel 5.14.0-427.el9.x86_64\nkernel 5.14.0-70.el9.x86_64\n",
                Some("5.14.0-70.el9.x86_64")
            ),
            Some(true)
        );
    }

    #[test]
    fn flags_and_mechanisms_tell() {
        assert_eq!(pending("flag /run/reboot-required\nmechanism /usr/x\n", None), Some(true));
        assert_eq!(pending("mechanism /usr/x\n", Some("6.1.0-25-amd64")), Some(false));
        assert_eq!(pending("", Some("6.1.0-25-amd64")), None, "nobody would have asked");
        let rpm = "kernel 5.14.0-70.el9.x86_64\nboot 1795220000\ninstalled 1795000000 glibc\ninstalled 1795230000 systemd\n";
        assert_eq!(pending(rpm, Some("5.14.0-70.el9.x86_64")), Some(true));
        assert_eq!(
            pending(&rpm.replace("1795230000", "1795210000"), Some("5.14.0-70.el9.x86_64")),
            Some(false)
        );
    }

    #[test]
    fn numbers_compare_as_numbers() {
        assert_eq!(compare("6.1.0-9-amd64", "6.1.0-25-amd64"), Ordering::Less);
        assert_eq!(compare("5.14.21-150500.55.7-default", "5.14.21-150500.55.7-default"), Ordering::Equal);
        assert_eq!(compare("6.2rc1", "6.2"), Ordering::Greater);
    }
}
