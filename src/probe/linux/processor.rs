//! Processors and memory: `lscpu`, `/proc/cpuinfo`, `/proc/meminfo` (any account).

use super::text::filled;
use crate::facts::{Bytes, Cpu, Memory};

/// Reads `lscpu`, as text or as JSON (`-J`); with it, the vendor of the hypervisor where it sees one.
pub fn lscpu(text: &str) -> (Cpu, Option<String>) {
    let fields = if text.trim_start().starts_with('{') { json_fields(text) } else { text_fields(text) };
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let number = |name: &str| get(name).and_then(|value| value.parse::<i64>().ok());
    // On s390x sockets are counted by book and drawer, on some ARM machines there are clusters instead.
    let sockets = number("Socket(s)").or_else(|| {
        let per_book = number("Socket(s) per book")?;
        Some(per_book * number("Book(s) per drawer").unwrap_or(1) * number("Drawer(s)").unwrap_or(1))
    });
    let clusters = number("Cluster(s)").zip(number("Core(s) per cluster"));
    let cores = sockets.zip(number("Core(s) per socket")).or(clusters).and_then(|(a, b)| a.checked_mul(b));
    let cpu = flagged(Cpu {
        vendor: get("Vendor ID").and_then(filled),
        model: get("Model name").and_then(filled),
        family: number("CPU family"),
        model_number: number("Model"),
        stepping: number("Stepping"),
        sockets: sockets.or_else(|| clusters.map(|_| 1)),
        cores,
        threads: get("On-line CPU(s) list").and_then(count_list).or_else(|| number("CPU(s)")),
        features: get("Flags").map(sorted),
        ..Cpu::default()
    });
    (cpu, get("Hypervisor vendor").and_then(filled))
}

fn sorted(flags: &str) -> Vec<String> {
    let mut features: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
    features.sort();
    features.dedup();
    features
}

/// What the flags of an x86 processor tell; Linux takes away those that the firmware has switched off.
fn flagged(cpu: Cpu) -> Cpu {
    let x86 = matches!(cpu.vendor.as_deref(), Some("GenuineIntel" | "AuthenticAMD" | "HygonGenuine"));
    let has = |flags: &[&str]| {
        let features = cpu.features.as_ref().filter(|_| x86)?;
        Some(features.iter().any(|feature| flags.contains(&feature.as_str())))
    };
    Cpu { virtualisation: has(&["vmx", "svm"]), execute_disable: has(&["nx"]), ..cpu }
}

fn text_fields(text: &str) -> Vec<(String, String)> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

/// The fields of `lscpu -J`, which nests them by subject with `--hierarchic` and in newer versions.
fn json_fields(text: &str) -> Vec<(String, String)> {
    fn walk(value: &serde_json::Value, out: &mut Vec<(String, String)>) {
        for entry in value.as_array().into_iter().flatten() {
            if let (Some(key), Some(data)) = (entry["field"].as_str(), entry["data"].as_str()) {
                out.push((key.trim_end_matches(':').to_owned(), data.to_owned()));
            }
            walk(&entry["children"], out);
        }
    }
    let mut out = Vec::new();
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
        walk(&value["lscpu"], &mut out);
    }
    out
}

/// How many numbers a list such as `0-3,8,10-11` names.
fn count_list(list: &str) -> Option<i64> {
    list.split(',').try_fold(0i64, |sum, part| {
        let (from, to) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        let (from, to): (i64, i64) = (from.parse().ok()?, to.parse().ok()?);
        sum.checked_add(to.checked_sub(from)?.checked_add(1).filter(|count| *count > 0)?)
    })
}

/// Reads the first processor of `/proc/cpuinfo`; it does not tell how many there are.
pub fn cpuinfo(text: &str) -> Cpu {
    let first = text.split("\n\n").next().unwrap_or_default();
    let fields = text_fields(first);
    let get = |name: &str| fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let number = |name: &str| get(name).and_then(|value| value.parse::<i64>().ok());
    let flags = get("flags").or_else(|| get("Features"));
    flagged(Cpu {
        vendor: get("vendor_id").and_then(filled),
        model: get("model name").and_then(filled),
        family: number("cpu family"),
        model_number: number("model"),
        stepping: number("stepping"),
        features: flags.map(sorted),
        microcode: get("microcode").and_then(filled),
        ..Cpu::default()
    })
}

/// Reads `/proc/meminfo`.
pub fn meminfo(text: &str) -> Memory {
    let fields = text_fields(text);
    let bytes = |name: &str| {
        let value = &fields.iter().find(|(key, _)| key == name)?.1;
        let kib: u64 = value.strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024).map(Bytes)
    };
    Memory { total_bytes: bytes("MemTotal"), swap_bytes: bytes("SwapTotal") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_machine_is_read() {
        let (cpu, hypervisor) = lscpu(include_str!("../../../fixtures/linux/lscpu.kvm"));
        assert_eq!(cpu.vendor.as_deref(), Some("AuthenticAMD"));
        assert_eq!((cpu.family, cpu.model_number, cpu.stepping), (Some(25), Some(1), Some(1)));
        assert_eq!((cpu.sockets, cpu.cores, cpu.threads), (Some(1), Some(2), Some(2)));
        assert_eq!(hypervisor.as_deref(), Some("KVM"));
        let features = cpu.features.unwrap();
        assert!(features.is_sorted() && features.contains(&"avx2".to_owned()));
        let first = cpuinfo(include_str!("../../../fixtures/linux/cpuinfo.kvm"));
        assert_eq!(first.microcode.as_deref(), Some("0x1000065"));
        assert_eq!(first.features, Some(features));
        assert_eq!((cpu.virtualisation, cpu.execute_disable), (Some(false), Some(true)));
        assert_eq!((first.virtualisation, first.execute_disable), (Some(false), Some(true)));
    }

    #[test]
    fn what_flags_would_tell_of_an_x86_is_not_told_of_others() {
        let of = |text: &str| {
            let (cpu, _) = lscpu(text);
            (cpu.virtualisation, cpu.execute_disable)
        };
        assert_eq!(of("Vendor ID: GenuineIntel\nFlags: vmx nx\n"), (Some(true), Some(true)));
        assert_eq!(of("Vendor ID: AuthenticAMD\nFlags: lm\n"), (Some(false), Some(false)));
        assert_eq!(of("Vendor ID: GenuineIntel\n"), (None, None));
        assert_eq!(of("Vendor ID: ARM\nFlags: fp asimd\n"), (None, None));
    }

    #[test]
    fn hardware_threads_and_offline_processors_are_told_apart() {
        let text = "CPU(s): 8\nOn-line CPU(s) list: 0-5,7\nOff-line CPU(s) list: 6\nThread(s) per core: 2\nCore(s) per socket: 2\nSocket(s): 2\n";
        let (cpu, _) = lscpu(text);
        assert_eq!((cpu.sockets, cpu.cores, cpu.threads), (Some(2), Some(4), Some(7)));
        let (arm, _) = lscpu("Core(s) per cluster: 4\nSocket(s): -\nCluster(s): 1\nCPU(s): 4\n");
        assert_eq!((arm.sockets, arm.cores, arm.threads), (Some(1), Some(4), Some(4)));
    }

    #[test]
    fn json_reads_like_text() {
        let nested = r#"{"lscpu":[{"field":"CPU(s):","data":"4","children":[{"field":"On-line CPU(s) list:","data":"0-3"}]},
            {"field":"Vendor ID:","data":"GenuineIntel"}]}"#;
        let (cpu, _) = lscpu(nested);
        assert_eq!((cpu.threads, cpu.vendor.as_deref()), (Some(4), Some("GenuineIntel")));
    }

    #[test]
    fn memory_is_whole_bytes() {
        let memory = meminfo("MemTotal:       24684096 kB\nSwapTotal:             0 kB\n");
        assert_eq!(memory.total_bytes, Some(Bytes(24_684_096 * 1024)));
        assert_eq!(memory.swap_bytes, Some(Bytes(0)));
        assert_eq!(meminfo("MemTotal: 99999999999999999999 kB"), Memory::default());
    }

    #[test]
    fn hostile_lists_say_nothing() {
        assert_eq!(count_list("0-3,8"), Some(5));
        assert_eq!(count_list("5-1"), None);
        assert_eq!(count_list("-9223372036854775808-9223372036854775807"), None);
        assert_eq!(lscpu("Socket(s): 9223372036854775807\nCore(s) per socket: 9\n").0.cores, None);
    }

    #[test]
    fn the_public_samples_are_read() {
        if let Some(text) =
            crate::probe::linux::sample("hotsos-openstack-sosreport/sos_commands/processor/lscpu")
        {
            let (cpu, hypervisor) = lscpu(&text);
            assert_eq!((cpu.threads, hypervisor.as_deref()), (Some(2), Some("KVM")));
        }
        if let Some(text) = crate::probe::linux::sample("generated-here/lscpu-J.json") {
            let (cpu, _) = lscpu(&text);
            assert_eq!((cpu.threads, cpu.cores), (Some(8), Some(4)));
            assert!(
                cpu.sockets.zip(cpu.cores).is_some_and(|(sockets, cores)| sockets > 0 && cores >= sockets)
            );
        }
    }
}
