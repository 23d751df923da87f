//! Persistent reservations as a node reads them: `sg_persist -n -y -i -k`, `-r` and `-c` on each map and each disk without
//! one (root). Reading keys is no change and meets no reservation conflict (SPC-5, 6.15).

use super::text::unique_by_key;
use crate::facts::{Disk, DiskReservation};
use crate::probe::answer::{Answer, Section, Status};
use crate::scsi::reservation::ReservationType;

/// Sections and what they were asked for.
const KEYS: &str = "pr-keys";
const HOLDER: &str = "pr-reservation";
const TYPES: &str = "pr-capabilities";

/// The reservations of all devices that were asked; `None` where none was asked. `disks` tell whose LUN a device is.
pub fn read(answer: &Answer, disks: Option<&[Disk]>) -> Option<Vec<DiskReservation>> {
    // The one section without a device says that there was none to ask.
    let skipped = answer.section(KEYS).is_some_and(|section| section.status == Status::Skipped);
    let mut out: Vec<DiskReservation> = Vec::new();
    for section in answer.items(KEYS).filter(|section| !section.item.is_empty()) {
        let mut one = DiskReservation { device: section.item.clone(), ..DiskReservation::default() };
        let of = |name| answer.items(name).find(|other| other.item == section.item);
        one.supported = match section.status {
            Status::Exit(0) => keys(&section.text(), &mut one).then_some(true),
            _ if is_refused(section) => Some(false),
            _ => None,
        };
        if let Some(section) = of(HOLDER).filter(|section| section.is_whole()) {
            holder(&section.text(), &mut one);
        }
        if let Some(section) = of(TYPES).filter(|section| section.is_whole()) {
            one.supported_types = types(&section.text());
        }
        if one.supported == Some(false) {
            (one.keys, one.holder) = (Some(Vec::new()), Some(String::new()));
            (one.reservation_type, one.supported_types) = (Some(String::new()), Some(Vec::new()));
        }
        let disk = disks.into_iter().flatten().find(|disk| disk.name == one.device);
        one.identity = disk.and_then(|disk| disk.identity.clone()).filter(|identity| !identity.is_empty());
        out.push(one);
    }
    unique_by_key(&mut out, |one| &one.device);
    (skipped || !out.is_empty()).then_some(out)
}

/// Whether the device says that it does not know the command: `sg_persist` then ends with 9.
fn is_refused(section: &Section) -> bool {
    let said = format!("{}\n{}", section.errors, section.text()).to_ascii_lowercase();
    section.status == Status::Exit(9)
        || said.contains("invalid opcode")
        || said.contains("command not supported")
}

/// Reads the answer to READ KEYS: a key for each I_T nexus that registered one. Whether it is such an answer.
fn keys(text: &str, out: &mut DiskReservation) -> bool {
    let Some(number) = generation(text) else { return false };
    out.generation = Some(number);
    let told: Option<usize> = text.lines().find_map(|line| {
        let (_, rest) = line.split_once("PR generation=0x")?;
        let words = rest.split_once(", ")?.1;
        if words.starts_with("there are NO registered reservation keys") {
            return Some(0);
        }
        words.contains("registered reservation key").then(|| words.split(' ').next()?.parse().ok()).flatten()
    });
    let found: Vec<String> = text.lines().filter_map(|line| key(line.trim())).collect();
    // A list that breaks off is no list.
    out.keys = (told == Some(found.len())).then_some(found);
    out.keys.is_some()
}

/// Reads the answer to READ RESERVATION.
fn holder(text: &str, out: &mut DiskReservation) {
    if generation(text).is_none() {
        return;
    }
    if text.contains("there is NO reservation held") {
        (out.holder, out.reservation_type) = (Some(String::new()), Some(String::new()));
        return;
    }
    out.holder = text.lines().find_map(|line| key(line.trim().strip_prefix("Key=")?));
    out.reservation_type = text
        .lines()
        .find_map(|line| line.split_once("type:"))
        .and_then(|(_, word)| kind(word))
        .map(|kind| kind.id().to_owned());
}

/// Reads the answer to REPORT CAPABILITIES; `None` where it says nothing of types.
fn types(text: &str) -> Option<Vec<String>> {
    if !text.lines().any(|line| line.trim() == "Type Mask Valid(TMV): 1") {
        return None;
    }
    let flags = text.lines().filter_map(|line| {
        let (name, flag) = line.rsplit_once(':')?;
        (flag.trim() == "1").then(|| kind(name)).flatten().map(|kind| kind.id().to_owned())
    });
    let mut all: Vec<String> = flags.collect();
    all.sort();
    Some(all)
}

fn generation(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once("PR generation=0x")?;
    let digits: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    i64::from_str_radix(&digits, 16).ok()
}

/// `0x1b6e0000`, as the tool writes it.
fn key(word: &str) -> Option<String> {
    let digits = word.strip_prefix("0x")?;
    u64::from_str_radix(digits, 16).ok().map(|number| format!("{number:#x}"))
}

/// The type that the tool calls `Write Exclusive, registrants only`.
fn kind(words: &str) -> Option<ReservationType> {
    let words = words.trim().to_ascii_lowercase();
    [
        ReservationType::WriteExclusive,
        ReservationType::ExclusiveAccess,
        ReservationType::WriteExclusiveRegistrantsOnly,
        ReservationType::ExclusiveAccessRegistrantsOnly,
        ReservationType::WriteExclusiveAllRegistrants,
        ReservationType::ExclusiveAccessAllRegistrants,
    ]
    .into_iter()
    .find(|kind| kind.to_string().to_ascii_lowercase() == words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CAPABILITIES: &str = "Report capabilities response:\n  Replace Lost Reservation Capable(RLR_C): 0\n  Compatible Reservation Handling(CRH): 1\n  Type Mask Valid(TMV): 1\n  Allow Commands: 1\n  Persist Through Power Loss Active(PTPL_A): 0\n    Support indicated in Type mask:\n      Write Exclusive, all registrants: 1\n      Exclusive Access, registrants only: 0\n      Write Exclusive, registrants only: 1\n      Exclusive Access: 1\n      Write Exclusive: 1\n      Exclusive Access, all registrants: 0\n";

    fn answer(sections: &[(&str, &str, Status, &str, &str)]) -> Answer {
        let sections = sections.iter().map(|(name, item, status, output, errors)| Section {
            name: (*name).to_owned(),
            item: (*item).to_owned(),
            status: *status,
            output: output.as_bytes().to_vec(),
            errors: (*errors).to_owned(),
            truncated: false,
        });
        Answer { sections: sections.collect(), ..Answer::default() }
    }

    #[test]
    fn keys_holder_and_types_are_read() {
        let ok = Status::Exit(0);
        let answer = answer(&[
            (
                KEYS,
                "dm-2",
                ok,
                "  PR generation=0xc2, 4 registered reservation keys follow:\n    0xfdfe0001\n    0xfdfe0001\n    0xfdfe0000\n    0xfdfe0000\n",
                "",
            ),
            (
                HOLDER,
                "dm-2",
                ok,
                "  PR generation=0xc2, Reservation follows:\n    Key=0xfdfe0000\n    scope: LU_SCOPE,  type: Write Exclusive, registrants only\n",
                "",
            ),
            (TYPES, "dm-2", ok, CAPABILITIES, ""),
            (KEYS, "sdb", ok, "  PR generation=0x0, there are NO registered reservation keys\n", ""),
            (HOLDER, "sdb", ok, "  PR generation=0x0, there is NO reservation held\n", ""),
            (TYPES, "sdb", Status::Exit(5), "", "PR in (Report capabilities): bad field in cdb"),
            (KEYS, "sdc", Status::Exit(9), "", "PR in (Read keys): command not supported"),
            (KEYS, "sdd", Status::Exit(124), "", ""),
            (KEYS, "sde", ok, "  PR generation=0x1, 1 registered reservation key follows:\n", ""),
        ]);
        let disks = [Disk { name: "dm-2".into(), identity: Some("naa.6001405".into()), ..Disk::default() }];
        let all = read(&answer, Some(&disks)).unwrap();
        assert_eq!(all[0].keys.as_ref().map(Vec::len), Some(4));
        assert_eq!((all[0].generation, all[0].holder.as_deref()), (Some(0xc2), Some("0xfdfe0000")));
        assert_eq!(all[0].reservation_type.as_deref(), Some("write-exclusive-registrants-only"));
        assert_eq!((all[0].supported, all[0].identity.as_deref()), (Some(true), Some("naa.6001405")));
        let types = all[0].supported_types.as_deref().unwrap();
        assert_eq!(
            types,
            [
                "exclusive-access",
                "write-exclusive",
                "write-exclusive-all-registrants",
                "write-exclusive-registrants-only"
            ]
        );
        assert_eq!((all[1].keys.as_deref(), all[1].holder.as_deref()), (Some(&[][..]), Some("")));
        assert_eq!(all[1].supported_types, None, "the device does not say");
        assert_eq!(all[2].supported, Some(false));
        assert_eq!((all[3].supported, &all[3].keys), (None, &None), "it gave no answer");
        assert_eq!((all[4].supported, &all[4].keys), (None, &None), "the list breaks off");
    }

    #[test]
    fn nothing_to_ask_is_known_and_nothing_asked_is_not() {
        assert_eq!(read(&Answer::default(), None), None);
        let none = answer(&[(KEYS, "", Status::Skipped, "no disk on a storage network", "")]);
        assert_eq!(read(&none, None), Some(Vec::new()));
        assert_eq!(read(&answer(&[(KEYS, "", Status::Exit(127), "", "not found")]), None), None);
    }

    #[test]
    fn the_public_sample_is_read() {
        let Some(text) = crate::probe::linux::sample("insights-core/sg_persist-keys.from-watchdog-log.txt")
        else {
            return;
        };
        let mut one = DiskReservation::default();
        assert!(keys(&text, &mut one));
        assert_eq!(one.keys.unwrap(), ["0xfdfe0001", "0xfdfe0001", "0xfdfe0000", "0xfdfe0000"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn hostile_text_is_survived(text in ".{0,200}", number in "[0-9a-fx]{0,20}") {
            let mut one = DiskReservation::default();
            keys(&format!("PR generation=0x{number}, {number} registered reservation keys follow:\n0x{number}\n{text}"), &mut one);
            holder(&format!("PR generation=0x{number}, {text}\nKey=0x{number}\ntype:{text}"), &mut one);
            types(&text);
        }
    }
}
