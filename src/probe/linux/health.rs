//! How a node stands: `/proc/uptime`, `/proc/loadavg`, `df -P -T -l` (any account); in support bundles `uptime` and `df`.

use super::text::unique_by_key;
use crate::facts::{FilesystemUse, Health, Seconds};
use crate::probe::answer::Answer;

/// File systems that are full by their nature, or that hold no data.
const LEFT_OUT: [&str; 17] = [
    "tmpfs", "devtmpfs", "squashfs", "iso9660", "udf", "overlay", "efivarfs", "ramfs", "proc", "sysfs",
    "cgroup", "cgroup2", "debugfs", "tracefs", "fuse", "autofs", "none",
];

/// Reads what the answer holds.
pub fn read(answer: &Answer) -> Health {
    let mut health = answer.any_text("health").map(|text| proc(&text)).unwrap_or_default();
    if let Some(text) = answer.text("uptime") {
        let told = uptime(&text);
        health.uptime_s = health.uptime_s.or(told.uptime_s);
        health.load_15 = health.load_15.or(told.load_15);
    }
    // It ends with 1 where one of the mounts cannot be asked.
    health.filesystems = answer.any_text("df").and_then(|text| filesystems(&text));
    health
}

/// Reads `PATH:LINE` of `/proc/uptime` and `/proc/loadavg`.
fn proc(text: &str) -> Health {
    let words = |path: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(path)?.strip_prefix(':'));
        line.map(|line| line.split_whitespace().collect::<Vec<_>>()).unwrap_or_default()
    };
    let whole = |word: &&str| word.split('.').next().and_then(|seconds| seconds.parse().ok());
    Health {
        uptime_s: words("/proc/uptime").first().and_then(whole).map(Seconds),
        load_15: words("/proc/loadavg").get(2).and_then(|load| hundredths(load)),
        filesystems: None,
    }
}

/// `0.42` as 42.
fn hundredths(text: &str) -> Option<i64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part: i64 = format!("{part:0<2}").get(..2)?.parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(part)
}

/// Reads `uptime`: `15:08:32 up 3 days, 4:07, 1 user, load average: 0.00, 0.01, 0.05`.
fn uptime(text: &str) -> Health {
    let Some(line) = text.lines().find(|line| line.contains("load average: ")) else {
        return Health::default();
    };
    let load = line.split_once("load average: ").and_then(|(_, loads)| loads.split(',').nth(2));
    let spent = line.split_once(" up ").and_then(|(_, rest)| {
        let mut sum: Option<i64> = None;
        for part in rest.split(',').map(str::trim) {
            let words: Vec<&str> = part.split_whitespace().collect();
            let seconds: i64 = match words.as_slice() {
                [_, user] if user.starts_with("user") => break,
                [number, unit] => number.parse::<i64>().ok()?.checked_mul(match *unit {
                    "day" | "days" => 86400,
                    "hour" | "hours" | "hr" | "hrs" => 3600,
                    "min" | "mins" | "minute" | "minutes" => 60,
                    "sec" | "secs" | "second" | "seconds" => 1,
                    _ => return None,
                })?,
                [clock] => {
                    let (hours, minutes) = clock.split_once(':')?;
                    hours
                        .parse::<i64>()
                        .ok()?
                        .checked_mul(3600)?
                        .checked_add(minutes.parse::<i64>().ok()?.checked_mul(60)?)?
                }
                _ => break,
            };
            sum = Some(sum.unwrap_or(0).checked_add(seconds)?);
        }
        sum
    });
    Health {
        uptime_s: spent.map(Seconds),
        load_15: load.and_then(|load| hundredths(load.trim())),
        filesystems: None,
    }
}

/// Reads `df`, with or without `-T`, in whatever unit. A long name of a device may stand on a line of its own.
fn filesystems(text: &str) -> Option<Vec<FilesystemUse>> {
    let mut lines = text
        .lines()
        .skip_while(|line| !(line.starts_with("Filesystem ") && line.contains('%') || is_posix(line)));
    let with_type = lines.next()?.split_whitespace().nth(1) == Some("Type");
    let mut out = Vec::new();
    let mut device: Option<&str> = None;
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if let (Some(name), true) = (device.take(), line.starts_with(' ')) {
            words.insert(0, name);
        }
        if let [name] = words.as_slice() {
            device = Some(name);
            continue;
        }
        let Some(at) =
            words.iter().position(|word| word.strip_suffix('%').is_some_and(|n| n.parse::<u8>().is_ok()))
        else {
            continue;
        };
        let mount = words[at + 1..].join(" ");
        let kind = with_type.then(|| words[1].to_owned());
        let name = kind.as_deref().unwrap_or(words[0]);
        // Without a type, what is no device is left out; so are images that a loop device shows.
        let data = if with_type {
            !LEFT_OUT.contains(&name) && !name.starts_with("fuse.")
        } else {
            name.contains('/')
        };
        if data && mount.starts_with('/') && !words[0].starts_with("/dev/loop") {
            let used = words[at].trim_end_matches('%').parse().ok();
            out.push(FilesystemUse { mount, used_percent: used, filesystem: kind });
        }
    }
    unique_by_key(&mut out, |one| &one.mount);
    Some(out)
}

/// The heading of `df -P`.
fn is_posix(line: &str) -> bool {
    line.starts_with("Filesystem ") && line.contains(" Capacity ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn uptime_and_load_are_read() {
        let live = proc("/proc/uptime:34065.81 67811.11\n/proc/loadavg:4.60 6.30 7.12 3/420 123\n");
        assert_eq!((live.uptime_s, live.load_15), (Some(Seconds(34065)), Some(712)));
        let of = |text: &str| uptime(text).uptime_s;
        assert_eq!(
            of(" 15:08:32  up   4:07,  1 user,  load average: 0.00, 0.00, 0.05"),
            Some(Seconds(4 * 3600 + 7 * 60))
        );
        assert_eq!(
            of("15:08:32 up 3 days, 10 min,  2 users,  load average: 0.00, 0.00, 0.5"),
            Some(Seconds(3 * 86400 + 600))
        );
        assert_eq!(
            of("15:08:32 up 120 days,  1:02,  load average: 0.00, 0.00, 0.5"),
            Some(Seconds(120 * 86400 + 3720))
        );
        assert_eq!(uptime("x up 1 min, load average: 0.00, 0.00, 0.5").load_15, Some(50));
        assert_eq!(uptime("bash: uptime: command not found\n"), Health::default());
    }

    #[test]
    fn full_file_systems_are_told() {
        let text = "Filesystem              Type     1024-blocks     Used Available Capacity Mounted on\ndevtmpfs                devtmpfs    12334524        0  12334524       0% /dev\n/dev/vda                ext4       264212084 62211984  33073904      66% /\n/dev/mapper/vg-lv       xfs        264212084 62211984  33073904      93% /srv/my files\n/dev/loop0 squashfs 1 1 0 100% /snap/x\n";
        let all = filesystems(text).unwrap();
        let told: Vec<_> = all.iter().map(|one| (one.mount.as_str(), one.used_percent)).collect();
        assert_eq!(told, [("/", Some(66)), ("/srv/my files", Some(93))]);
        assert_eq!(all[0].filesystem.as_deref(), Some("ext4"));
        let old = "Filesystem            Size  Used Avail Use% Mounted on\n/dev/mapper/VolGroup-lv_root\n                       50G   48G  2.0G  97% /\ntmpfs                 7.8G     0  7.8G   0% /dev/shm\n";
        let all = filesystems(old).unwrap();
        assert_eq!(
            (all.len(), all[0].mount.as_str(), all[0].used_percent, &all[0].filesystem),
            (1, "/", Some(97), &None)
        );
        assert_eq!(filesystems("df: command not found\n"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn hostile_text_is_survived(text in ".{0,200}", words in "[a-z0-9%/ \n,:.]{0,200}") {
            filesystems(&format!("Filesystem Type Use% Mounted\n{text}\n{words}"));
            uptime(&format!("x up {words} load average: {text}"));
            proc(&format!("/proc/uptime:{words}\n/proc/loadavg:{text}"));
        }
    }
}
