//! Values as Pacemaker writes them: switches, lengths of time, scores; and which of them may be secret.

use std::time::Duration;

/// What stands in place of a secret.
pub(in super::super) const CUT: &str = "(cut)";

/// `INFINITY`.
pub(super) const INFINITY: i64 = 1_000_000;

/// A switch: `true`, `on`, `yes`, `y`, `1` and their opposites, in any case.
pub(in super::super) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "y" | "1" => Some(true),
        "false" | "off" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// A length of time in milliseconds: a whole number with `ms`, `msec`, `us`, `usec`, `s`, `sec`, `m`, `min`, `h`, `hr` or
/// nothing, which is seconds; or a duration of ISO 8601 (`PT5M`, `P1D`). See Pacemaker Explained, "Duration".
pub(super) fn milliseconds(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.starts_with(['P', 'p']) {
        return iso_duration(text);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '+').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: i64 = number.parse().ok()?;
    match unit.trim().to_ascii_lowercase().as_str() {
        "us" | "usec" => Some(number / 1000),
        "ms" | "msec" => Some(number),
        "" | "s" | "sec" => number.checked_mul(1000),
        "m" | "min" => number.checked_mul(60_000),
        "h" | "hr" => number.checked_mul(3_600_000),
        _ => None,
    }
}

/// `P[nD][T[nH][nM][nS]]`; months and years have no fixed length.
fn iso_duration(text: &str) -> Option<i64> {
    let upper = text.to_ascii_uppercase();
    let body = upper.strip_prefix('P')?;
    let (days, time) = body.split_once('T').map_or((body, None), |(days, time)| (days, Some(time)));
    let days: u64 = if days.is_empty() { 0 } else { days.strip_suffix('D')?.parse().ok()? };
    let time = match time {
        Some(time) => format!("PT{time}").parse::<jiff::SignedDuration>().ok()?,
        None if days == 0 => return None,
        None => jiff::SignedDuration::ZERO,
    };
    let whole = Duration::from_secs(days.checked_mul(86_400)?).checked_add(Duration::try_from(time).ok()?)?;
    i64::try_from(whole.as_millis()).ok()
}

/// A score: a whole number within `INFINITY`, or that word with a sign.
pub(super) fn score(text: &str) -> Option<i64> {
    match text.trim() {
        word if word.eq_ignore_ascii_case("INFINITY") || word.eq_ignore_ascii_case("+INFINITY") => {
            Some(INFINITY)
        }
        word if word.eq_ignore_ascii_case("-INFINITY") => Some(-INFINITY),
        number => number.parse::<i64>().ok().map(|number| number.clamp(-INFINITY, INFINITY)),
    }
}

/// Whether a value of that name may be secret. Keys of reservations (`key` of fence_mpath), paths of files and what
/// Pacemaker itself reads (`pcmk_...`) are not.
pub(in super::super) fn is_secret(name: &str, value: &str) -> bool {
    const WORDS: [&str; 7] = ["passw", "secret", "token", "key", "community", "login", "credential"];
    let name = name.to_ascii_lowercase();
    if !WORDS.iter().any(|word| name.contains(word)) || name.starts_with("pcmk_") {
        return false;
    }
    let reservation = matches!(name.as_str(), "key" | "key_value") && {
        let digits = value.strip_prefix("0x").unwrap_or(value);
        !digits.is_empty() && digits.len() <= 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let path = name.ends_with("file") && value.starts_with('/');
    // How fence_scsi makes its keys, which is none.
    let way = name == "key_value" && matches!(value, "id" | "hash");
    !(reservation || path || way)
}

/// The value, or what stands in its place where it may be secret.
pub(in super::super) fn shown(name: &str, value: &str) -> String {
    if is_secret(name, value) { CUT.to_owned() } else { value.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_units() {
        let cases = [
            ("60", 60_000),
            ("60s", 60_000),
            ("1min", 60_000),
            ("2 m", 120_000),
            ("250ms", 250),
            ("4000us", 4),
            ("1h", 3_600_000),
            ("1hr", 3_600_000),
            ("-1", -1000),
            ("PT5M", 300_000),
            ("P1D", 86_400_000),
            ("P1DT1S", 86_401_000),
        ];
        for (text, wanted) in cases {
            assert_eq!(milliseconds(text), Some(wanted), "{text}");
        }
        for text in
            ["", "soon", "5 parsecs", "1.5s", "P1Y", "PT", "99999999999999999999", "9223372036854775807h"]
        {
            assert_eq!(milliseconds(text), None, "{text}");
        }
    }

    #[test]
    fn switches_and_scores_are_read() {
        assert_eq!((boolean("True"), boolean("OFF"), boolean("maybe")), (Some(true), Some(false), None));
        assert_eq!(
            (score("INFINITY"), score("-infinity"), score("9999999")),
            (Some(INFINITY), Some(-INFINITY), Some(INFINITY))
        );
        assert_eq!((score("100"), score("many")), (Some(100), None));
    }

    #[test]
    fn secrets_are_cut_and_what_rules_read_is_not() {
        for name in ["passwd", "password", "ssh_key", "secret_key", "token", "snmp_community", "login", "key"]
        {
            assert_eq!(shown(name, "hunter-2"), CUT, "{name}");
        }
        for (name, value) in [
            ("key", "0x1a"),
            ("key_value", "1b6e0000"),
            ("pcmk_host_map", "a:1"),
            ("identity_file", "/root/.ssh/id"),
            ("ip", "10.0.0.1"),
        ] {
            assert_eq!(shown(name, value), value, "{name}");
        }
    }
}
