//! Values as a report writes them: sizes, addresses, times, yes and no.
//!
//! What does not read as what it should be is missing, never a guess. Numbers are read with the comma or the point of
//! any language; words are known in English only, and those of .NET and WMI (`True`, `Running`, `Auto`), which no
//! language changes.

use jiff::civil::DateTime;
use regex::Regex;
use std::net::IpAddr;
use std::sync::LazyLock;

/// How the report writes that there is no value.
const NONE: [&str; 4] = ["Value Not Found", "<Unknown>", "Unknown", "N/A"];

/// Text that says something.
pub(super) fn known(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty() && !NONE.iter().any(|none| none.eq_ignore_ascii_case(text))).then_some(text)
}

/// `True`, `Yes` and their opposites.
pub(super) fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" => Some(false),
        _ => None,
    }
}

/// `4.00 GB`, `4,00 GB`: bytes; units are powers of 1024 and the number is rounded to three digits.
pub(super) fn size(text: &str) -> Option<u64> {
    static SIZE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\d+)(?:[.,](\d{1,3}))?\s?([KMGTP]?)B$"));
    let found = SIZE.captures(text.trim())?;
    let power = match &found[3] {
        "" => 0,
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => 5,
    };
    let unit = 1024_u128.pow(power);
    let whole: u128 = found[1].parse().ok()?;
    let part = match found.get(2) {
        Some(digits) => {
            let below = 10_u128.pow(u32::try_from(digits.len()).ok()?);
            digits.as_str().parse::<u128>().ok()?.checked_mul(unit)? / below
        }
        None => 0,
    };
    u64::try_from(whole.checked_mul(unit)?.checked_add(part)?).ok()
}

/// `10 Gbit/s`, `2,5 Gbps`: bits per second.
pub(super) fn rate(text: &str) -> Option<u64> {
    static RATE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(\d+)(?:[.,](\d))?\s?([KMGT]?)(?:bit/s|bps|bits/s|b/s)$"));
    let found = RATE.captures(text.trim())?;
    let unit: u64 = match found[3].to_ascii_uppercase().as_str() {
        "" => 1,
        "K" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => 1_000_000_000_000,
    };
    let tenths = found.get(2).map_or(Some(0), |digit| digit.as_str().parse::<u64>().ok())?;
    found[1].parse::<u64>().ok()?.checked_mul(unit)?.checked_add(tenths * (unit / 10))
}

/// `00-15-5D-01-20-66` as `00:15:5d:01:20:66`. Addresses of tunnels, which have eight parts, are none.
pub(super) fn mac(text: &str) -> Option<String> {
    static MAC: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[0-9A-Fa-f]{2}(?:[-:][0-9A-Fa-f]{2}){5}$"));
    let text = text.trim();
    MAC.is_match(text).then(|| text.replace('-', ":").to_ascii_lowercase())
}

/// Whether it is a hardware address of any length.
pub(super) fn is_hardware_address(text: &str) -> bool {
    static ANY: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[0-9A-Fa-f]{2}(?:[-:][0-9A-Fa-f]{2}){5,19}$"));
    ANY.is_match(text.trim())
}

/// An address without its zone.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    text.split_once('%').map_or(text, |(address, _)| address).parse().ok()
}

/// A prefix length, or a mask.
pub(super) fn prefix(text: &str, address: IpAddr) -> Option<i64> {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let text = text.trim();
    if let Ok(length) = text.parse::<i64>() {
        return (0..=longest).contains(&length).then_some(length);
    }
    let mask: IpAddr = text.parse().ok()?;
    ipnet::ip_mask_to_prefix(mask).ok().map(i64::from)
}

/// Words parted by commas, semicolons or spaces.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split([',', ';', ' ']).map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// `'vSwitch', 'Backup'`: the names, sorted.
pub(super) fn quoted_list(text: &str) -> Option<Vec<String>> {
    if text.trim().is_empty() {
        return Some(Vec::new());
    }
    static QUOTED: LazyLock<Regex> = LazyLock::new(|| pattern(r"'([^']*)'"));
    let mut names: Vec<String> =
        QUOTED.captures_iter(text).map(|found| found[1].to_owned()).filter(|name| !name.is_empty()).collect();
    names.sort();
    (!names.is_empty()).then_some(names)
}

/// A local time, in the form of the report's language.
pub(super) fn time(text: &str, language: Option<&str>) -> Option<DateTime> {
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^(\d{1,4})[-./](\d{1,2})[-./](\d{1,4})[, ]+(\d{1,2})[:.](\d{2})[:.](\d{2})(?:\s?([AaPp])[Mm])?$",
        )
    });
    let found = TIME.captures(text.trim())?;
    let number = |at: usize| found[at].parse::<i16>().ok();
    let (first, second, third) = (number(1)?, number(2)?, number(3)?);
    let language = language.unwrap_or_default().to_ascii_lowercase();
    let (year, month, day) = if first > 31 {
        (first, second, third)
    } else if language == "en-us" {
        (third, first, second)
    } else if text.contains('.') || second <= 12 && first > 12 {
        // Days come first wherever points part them; a number above twelve is no month.
        (third, second, first)
    } else if ["en-gb", "en-au", "fr-", "it-", "es-", "pt-"].iter().any(|known| language.starts_with(known)) {
        (third, second, first)
    } else {
        return None;
    };
    let hour = match (number(4)?, found.get(7).map(|half| half.as_str().to_ascii_lowercase())) {
        (hour @ 0..=23, None) => hour,
        (12, Some(half)) if half == "a" => 0,
        (12, Some(_)) => 12,
        (hour @ 0..=11, Some(half)) => hour + if half == "p" { 12 } else { 0 },
        _ => return None,
    };
    let small = |number: i16| i8::try_from(number).ok();
    DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(number(5)?)?, small(number(6)?)?, 0)
        .ok()
}

/// A pattern that is part of the program.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is part of the program, and tests use it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_any_language() {
        assert_eq!(size("4.00 GB"), Some(4 << 30));
        assert_eq!(size("4,50 GB"), Some(9 << 29));
        assert_eq!(size("60.0 GB"), Some(60 << 30));
        assert_eq!(size("512 B"), Some(512));
        assert_eq!(size("4.00 Go"), None);
        assert_eq!(size("99999999999999999999 TB"), None);
        assert_eq!(rate("10 Gbit/s"), Some(10_000_000_000));
        assert_eq!(rate("2,5 Gbit/s"), Some(2_500_000_000));
        assert_eq!(rate("fast"), None);
    }

    #[test]
    fn addresses_are_read() {
        assert_eq!(mac("00-15-5D-01-20-66").as_deref(), Some("00:15:5d:01:20:66"));
        assert_eq!(mac("00-00-00-00-00-00-00-E0"), None);
        assert!(is_hardware_address("00-00-00-00-00-00-00-E0"));
        assert_eq!(address("fe80::1%10"), "fe80::1".parse().ok());
        let four: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(prefix("24", four), Some(24));
        assert_eq!(prefix("255.255.254.0", four), Some(23));
        assert_eq!(prefix("64", four), None);
    }

    #[test]
    fn times_are_read_where_their_order_is_known() {
        let day = |text, language| time(text, language).map(|time| time.to_string());
        assert_eq!(day("7/14/2020 3:16:35 PM", Some("en-US")).as_deref(), Some("2020-07-14T15:16:35"));
        assert_eq!(day("14.07.2020 15:16:35", Some("de-DE")).as_deref(), Some("2020-07-14T15:16:35"));
        assert_eq!(day("2020/07/14 15:16:35", Some("ja-JP")).as_deref(), Some("2020-07-14T15:16:35"));
        assert_eq!(day("1/2/2020 12:00:01 AM", Some("en-US")).as_deref(), Some("2020-01-02T00:00:01"));
        assert_eq!(day("1/2/2020 3:00:00 PM", None), None, "day or month?");
        assert_eq!(day("99/99/2020 3:00:00 PM", Some("en-US")), None);
        assert_eq!(day("yesterday", None), None);
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(quoted_list("'b', 'a'"), Some(vec!["a".into(), "b".into()]));
        assert_eq!(quoted_list(" "), Some(vec![]));
        assert_eq!(quoted_list("b a"), None);
        assert_eq!(list("10.0.0.1, 10.0.0.2"), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(known("Value Not Found"), None);
    }
}
