//! Clock and time source: `date '+%s.%N %z'`, `chronyc -n tracking`, `chronyc -n sources`, `timedatectl show-timesync --all`,
//! `ntpq -p -n`; in support bundles also `timedatectl` (any account).

use crate::facts::{Micros, Time};

/// The time of a host since 1970, and how coarse it is, both in nanoseconds. busybox knows no fractions of a second.
pub fn date(text: &str) -> Option<(i128, i128)> {
    let stamp = text.split_whitespace().next()?;
    let (seconds, fraction) = stamp.split_once('.').unwrap_or((stamp, ""));
    let seconds: i128 = i128::from(seconds.parse::<i64>().ok()?) * 1_000_000_000;
    if fraction.len() == 9 && fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        Some((seconds + fraction.parse::<i128>().ok()?, 0))
    } else {
        // Somewhere in that second: its middle, half a second off at most.
        Some((seconds + 500_000_000, 500_000_000))
    }
}

/// Reads `chronyc -n tracking` and `chronyc -n sources`.
pub fn chrony(tracking: Option<&str>, sources: Option<&str>) -> Time {
    let mut time = Time { service: Some("chrony".to_owned()), ..Time::default() };
    let mut reference = None;
    let mut leap = None;
    for (key, value) in tracking.into_iter().flat_map(str::lines).filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        match key.trim() {
            "Reference ID" => reference = value.split_whitespace().next().map(str::to_owned),
            "Leap status" => leap = Some(value.to_owned()),
            "System time" => {
                let seconds = value.split_whitespace().next().and_then(|number| number.parse::<f64>().ok());
                let sign = if value.contains("slow of") { -1.0 } else { 1.0 };
                time.offset_us = seconds.and_then(|seconds| micros(seconds * sign * 1e6));
            }
            _ => {}
        }
    }
    // 7F7F0101 is the machine's own clock: in step with itself only.
    time.synchronised = leap.zip(reference).map(|(leap, reference)| {
        leap != "Not synchronised" && reference != "7F7F0101" && reference != "00000000"
    });
    if time.synchronised == Some(false) {
        time.offset_us = None;
    }
    if let Some(sources) = sources {
        let mut all = Vec::new();
        let mut selected = String::new();
        let is_table = sources.lines().any(|line| line.starts_with("MS "));
        for line in sources.lines() {
            let mut words = line.split_whitespace();
            let (Some(mark), Some(name)) = (words.next(), words.next()) else { continue };
            let mark = mark.as_bytes();
            if mark.len() != 2 || !matches!(mark[0], b'^' | b'=' | b'#') || !b"*+-?x~".contains(&mark[1]) {
                continue;
            }
            if mark[1] == b'*' {
                name.clone_into(&mut selected);
            }
            all.push(name.to_owned());
        }
        all.sort();
        all.dedup();
        if is_table || !all.is_empty() {
            time.source = Some(selected);
            time.sources = Some(all);
        }
    }
    time
}

#[allow(clippy::cast_possible_truncation)] // checked against the range before
fn micros(value: f64) -> Option<Micros> {
    (value.is_finite() && value.abs() < 1e15).then(|| Micros(value.round() as i64))
}

/// Reads `timedatectl show-timesync --all`. `flag` is whether systemd-timesyncd has left its mark that it has set the
/// clock.
pub fn timesync(text: &str, flag: Option<bool>) -> Time {
    let get =
        |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(str::trim);
    let words = |key: &str| get(key).into_iter().flat_map(str::split_whitespace).map(str::to_owned);
    let mut sources: Vec<String> =
        ["LinkNTPServers", "SystemNTPServers", "RuntimeNTPServers"].into_iter().flat_map(words).collect();
    if sources.is_empty() {
        sources = words("FallbackNTPServers").collect();
    }
    sources.sort();
    sources.dedup();
    let answered = get("NTPMessage").is_some();
    let known = !text.trim().is_empty();
    Time {
        service: Some("systemd-timesyncd".to_owned()),
        synchronised: flag,
        source: known.then(|| get("ServerName").filter(|_| answered).unwrap_or_default().to_owned()),
        sources: known.then_some(sources),
        ..Time::default()
    }
}

/// Reads `timedatectl` for the time zone, and for whether the clock is in step where no service said so.
pub fn timedatectl(text: &str, time: Time) -> Time {
    let get = |keys: &[&str]| {
        let fields = text.lines().filter_map(|line| line.trim().split_once(": "));
        fields.filter(|(key, _)| keys.contains(key)).map(|(_, value)| value.trim()).next()
    };
    let zone = get(&["Time zone", "Timezone"]).and_then(|zone| zone.split_whitespace().next());
    let flag = match get(&["System clock synchronized", "NTP synchronized"]) {
        Some("yes") => Some(true),
        Some("no") => Some(false),
        _ => None,
    };
    Time {
        timezone: time.timezone.or_else(|| zone.map(str::to_owned)),
        synchronised: time.synchronised.or(flag),
        ..time
    }
}

/// Reads `ntpq -p -n`: the selected peer bears a `*` (or `o` for a pulse), its offset in milliseconds says how far it is
/// ahead of this clock.
pub fn ntpq(text: &str) -> Time {
    let mut time = Time { service: Some("ntpd".to_owned()), ..Time::default() };
    let mut rows = text.lines().skip_while(|line| !line.starts_with('='));
    if rows.next().is_none() {
        return time;
    }
    let mut sources = Vec::new();
    let mut selected = None;
    for row in rows {
        let (Some(mark), words) = (row.chars().next(), row.get(1..).unwrap_or_default()) else { continue };
        let words: Vec<&str> = words.split_whitespace().collect();
        let Some(name) = words.first() else { continue };
        sources.push((*name).to_owned());
        if matches!(mark, '*' | 'o') {
            selected = Some((*name).to_owned());
            let offset = words.get(8).and_then(|offset| offset.parse::<f64>().ok());
            time.offset_us = offset.and_then(|milliseconds| micros(-milliseconds * 1000.0));
        }
    }
    sources.sort();
    sources.dedup();
    time.synchronised = Some(selected.is_some());
    time.source = Some(selected.unwrap_or_default());
    time.sources = Some(sources);
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_fine_as_they_are() {
        assert_eq!(date("1795225517.258623077 +0000\n"), Some((1_795_225_517_258_623_077, 0)));
        assert_eq!(date("1795225517.%N +0000\n"), Some((1_795_225_517_500_000_000, 500_000_000)));
        assert_eq!(date("1795225517\n"), Some((1_795_225_517_500_000_000, 500_000_000)));
        assert_eq!(date("Fri Nov 21"), None);
    }

    #[test]
    fn chrony_is_read() {
        let time = chrony(
            Some(include_str!("../../../fixtures/linux/chronyc-tracking")),
            Some(include_str!("../../../fixtures/linux/chronyc-sources")),
        );
        assert_eq!(time.synchronised, Some(true));
        assert_eq!(time.source.as_deref(), Some("192.0.2.21"));
        assert_eq!(time.sources, Some(vec!["192.0.2.21".into(), "192.0.2.22".into(), "2001:db8::23".into()]));
        assert_eq!(time.offset_us, Some(Micros(-124)), "slow is behind");
    }

    #[test]
    fn a_clock_in_step_with_itself_is_not_in_step() {
        let local = "Reference ID    : 7F7F0101 ()\nSystem time     : 0.000000000 seconds fast of NTP time\nLeap status     : Normal\n";
        assert_eq!(chrony(Some(local), None).synchronised, Some(false));
        let lost = "Reference ID    : 00000000 ()\nLeap status     : Not synchronised\n";
        assert_eq!(chrony(Some(lost), None).synchronised, Some(false));
        assert_eq!(chrony(Some("506 Cannot talk to daemon\n"), None).synchronised, None);
        assert_eq!(chrony(None, Some("506 Cannot talk to daemon\n")).sources, None);
        assert_eq!(
            chrony(None, Some("MS Name/IP address         Stratum Poll Reach\n====\n")).sources,
            Some(Vec::new())
        );
    }

    #[test]
    fn timesyncd_is_read() {
        let text = "LinkNTPServers=\nSystemNTPServers=ntp1.example.net ntp2.example.net\nFallbackNTPServers=0.debian.pool.ntp.org\nServerName=ntp1.example.net\nServerAddress=192.0.2.21\nRootDistanceMaxUSec=5s\nPollIntervalMaxUSec=34min 8s\nNTPMessage={ Leap=0, Version=4, Mode=4, Stratum=2, Ignored=no, PacketCount=12, Jitter=196us }\nFrequency=539969\n";
        let time = timesync(text, Some(true));
        assert_eq!((time.synchronised, time.source.as_deref()), (Some(true), Some("ntp1.example.net")));
        assert_eq!(time.sources.as_ref().map(Vec::len), Some(2));
        assert_eq!(timesync("", None).sources, None);
        let silent = timesync("FallbackNTPServers=a b\nServerName=a\n", Some(false));
        assert_eq!((silent.source.as_deref(), silent.sources.map(|all| all.len())), (Some(""), Some(2)));
    }

    #[test]
    fn the_machine_says_its_time_zone() {
        let text = "               Local time: Fri 2026-11-21 10:40:33 CET\n                Time zone: Europe/Berlin (CET, +0100)\nSystem clock synchronized: yes\n              NTP service: active\n";
        let time = timedatectl(text, Time::default());
        assert_eq!((time.timezone.as_deref(), time.synchronised), (Some("Europe/Berlin"), Some(true)));
        let known = Time { synchronised: Some(false), ..Time::default() };
        assert_eq!(timedatectl(text, known).synchronised, Some(false), "the service knows better");
        assert_eq!(timedatectl("timedatectl: not found\n", Time::default()), Time::default());
    }

    #[test]
    fn ntpd_is_read() {
        let text = "     remote           refid      st t when poll reach   delay   offset  jitter\n==============================================================================\n*192.0.2.21      .GPS.            1 u   33   64  377    0.512   -0.013   0.021\n+192.0.2.22      192.0.2.21       2 u   12   64  377    0.733    0.054   0.033\n";
        let time = ntpq(text);
        assert_eq!((time.synchronised, time.source.as_deref()), (Some(true), Some("192.0.2.21")));
        assert_eq!(time.offset_us, Some(Micros(13)), "the peer is behind, so this clock is ahead");
        assert_eq!(ntpq("ntpq: read: Connection refused\n").synchronised, None);
        assert_eq!(
            ntpq("header\n====\n 192.0.2.9 .INIT. 16 u - 64 0 0.0 0.0 0.0\n").synchronised,
            Some(false)
        );
    }
}
