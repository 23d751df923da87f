//! What a node's `ping`, `bash` or `nc` said, read into the ways that it measured.
//!
//! The words are those of programs on a host, so they are hostile input: a line that does not fit is as good as none, an
//! attempt counts once, and a node tells of its own ways only. What was not said is a gap, never a way that works.

use super::task::{Task, What};
use crate::facts::{Gap, GapReason, Link, Micros};
use crate::probe::answer::{Answer, shorten};
use std::collections::HashMap;

/// Name of the section.
const SECTION: &str = "ways";

/// Longest words of a tool that are kept.
const WORDS: usize = 120;

/// What ping or the kernel says where there is no way.
const NO_WAY: &[&str] = &[
    "Network is unreachable",
    "No route to host",
    "Host is unreachable",
    "Destination Host Unreachable",
    "Destination Net Unreachable",
    "Destination Port Unreachable",
    "Host is down",
    "Network is down",
];

/// What the shell says of a port that does not answer.
const NO_CONNECTION: &[&str] = &[
    "Connection refused",
    "No route to host",
    "Network is unreachable",
    "Connection timed out",
    "Connection reset by peer",
    "Host is unreachable",
    "Host is down",
];

/// What was said of one task.
#[derive(Debug, Default)]
struct Said {
    packets: Option<(i32, String)>,
    sizes: Vec<(u64, i32, String)>,
    connection: Option<(i32, String)>,
}

/// Fills the ways of one node by its answer, and gives the gaps of what it did not tell. `missing` is why an attempt may
/// not have been told of.
pub(super) fn read(
    answer: &Answer,
    work: &[Task],
    links: &mut [Link],
    missing: &(GapReason, String),
) -> Vec<Gap> {
    let said = collect(answer, work);
    let mut gaps = Vec::new();
    for (id, task) in work.iter().enumerate() {
        let Some(link) = links.get_mut(task.link) else { continue };
        let nothing = Said::default();
        let said = said.get(&id).unwrap_or(&nothing);
        match &task.what {
            What::Way { .. } => way(link, said, missing, &mut gaps),
            What::Port { host, .. } => port(link, said, host, missing, &mut gaps),
        }
    }
    gaps
}

/// The lines by task; of two of a kind the first counts.
fn collect(answer: &Answer, work: &[Task]) -> HashMap<usize, Said> {
    let mut out: HashMap<usize, Said> = HashMap::new();
    let Some(section) = answer.section(SECTION) else { return out };
    for line in section.text().lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(id), Some(kind), rest) = (parts.next(), parts.next(), parts.next().unwrap_or_default())
        else {
            continue;
        };
        let Some(task) = id.parse().ok().and_then(|id: usize| Some((id, work.get(id)?))) else { continue };
        let (id, what) = (task.0, &task.1.what);
        let status = |text: &str| -> Option<(i32, String)> {
            let (status, words) = text.split_once(' ').unwrap_or((text, ""));
            Some((status.parse().ok()?, words.trim().to_owned()))
        };
        let said = out.entry(id).or_default();
        match (kind, what) {
            ("r", What::Way { .. }) if said.packets.is_none() => said.packets = status(rest),
            ("m", What::Way { sizes, .. }) => {
                let (size, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let largest = sizes.first().copied().unwrap_or(0);
                let size = size.parse().ok().filter(|size| *size <= largest);
                if let (Some(size), Some((status, words))) = (size, status(rest))
                    && said.sizes.len() <= sizes.len() * 2
                    && said.sizes.iter().all(|(known, ..)| *known != size)
                {
                    said.sizes.push((size, status, words));
                }
            }
            ("t", What::Port { .. }) if said.connection.is_none() => said.connection = status(rest),
            _ => {}
        }
    }
    out
}

fn gap(link: &Link, field: &str, reason: GapReason, detail: String) -> Gap {
    let path = if field.is_empty() {
        format!("links[{}]", link.name)
    } else {
        format!("links[{}].{field}", link.name)
    };
    Gap { path, reason: Some(reason), detail: Some(detail) }
}

/// Packets: loss, round trip, and the largest that comes through.
fn way(link: &mut Link, said: &Said, missing: &(GapReason, String), gaps: &mut Vec<Gap>) {
    let Some((status, words)) = &said.packets else {
        gaps.push(gap(link, "", missing.0, missing.1.clone()));
        return;
    };
    let from = link.from.clone().unwrap_or_default();
    let Some((sent, received)) = counts(words).filter(|(sent, _)| *sent > 0) else {
        if let Some(no_way) = NO_WAY.iter().find(|no_way| words.contains(**no_way)) {
            link.reachable = Some(false);
            link.trouble = Some((*no_way).to_owned());
            let detail = || "no packet could be sent".to_owned();
            gaps.extend(
                ["sent", "lost", "round_trip_us", "longest_round_trip_us", "path_mtu"]
                    .map(|field| gap(link, field, GapReason::NotSupported, detail())),
            );
            return;
        }
        let (reason, detail) = match status {
            127 => (GapReason::CommandAbsent, format!("nothing on {from} can send packets of ICMP (ping)")),
            _ if words.contains("not permitted") || words.contains("ermission denied") => {
                (GapReason::PermissionDenied, format!("ping on {from}: {}", shorten(words, WORDS)))
            }
            _ => (
                GapReason::CommandFailed,
                format!("ping on {from} ended with {status}: {}", shorten(words, WORDS)),
            ),
        };
        gaps.push(gap(link, "", reason, detail));
        return;
    };
    (link.sent, link.lost) = (Some(sent), Some(sent - received));
    link.reachable = Some(received > 0);
    let mut times = times(words);
    times.sort_unstable();
    if received == 0 {
        let said = NO_WAY.iter().find(|no_way| words.contains(**no_way));
        let said = said.map_or_else(|| "no answer".to_owned(), |said| (*said).to_owned());
        link.trouble = Some(if words.contains("not permitted") {
            format!("{said}; sending was not permitted")
        } else {
            said
        });
        let detail = || "nothing came back".to_owned();
        gaps.extend(
            ["round_trip_us", "longest_round_trip_us", "path_mtu"]
                .map(|field| gap(link, field, GapReason::NotSupported, detail())),
        );
        return;
    }
    link.trouble = Some(String::new());
    // The upper of two in the middle: rather too long than too short.
    link.round_trip_us = times.get(times.len() / 2).copied();
    link.longest_round_trip_us = times.last().copied();
    if times.is_empty() {
        let detail = || format!("ping on {from} told no times");
        gaps.extend(
            ["round_trip_us", "longest_round_trip_us"]
                .map(|field| gap(link, field, GapReason::CommandFailed, detail())),
        );
    }
    path_mtu(link, said, missing, gaps);
}

fn path_mtu(link: &mut Link, said: &Said, missing: &(GapReason, String), gaps: &mut Vec<Gap>) {
    let from = link.from.clone().unwrap_or_default();
    let through = |words: &str| counts(words).is_some_and(|(_, received)| received > 0);
    if let Some((size, ..)) = said.sizes.iter().find(|(_, _, words)| through(words)) {
        link.path_mtu = i64::try_from(*size).ok();
        return;
    }
    // That nothing came through is known only where all that was tried was told of.
    let refused = |status: i32, words: &str| status == 127 || counts(words).is_none();
    let (reason, detail) = match said.sizes.last() {
        None if link.interface_mtu.is_none() => {
            (GapReason::NotCollected, format!("the MTU of the interface of {from} is not known"))
        }
        None => missing.clone(),
        Some((_, status, words)) if refused(*status, words) => match status {
            127 => (GapReason::CommandAbsent, format!("ping on {from} cannot forbid fragments")),
            _ => (
                GapReason::CommandFailed,
                format!("ping on {from} ended with {status}: {}", shorten(words, WORDS)),
            ),
        },
        Some(_) => {
            link.path_mtu = Some(0);
            return;
        }
    };
    gaps.push(gap(link, "path_mtu", reason, detail));
}

/// A port: whether it took the connection.
fn port(link: &mut Link, said: &Said, host: &str, missing: &(GapReason, String), gaps: &mut Vec<Gap>) {
    let from = link.from.clone().unwrap_or_default();
    let Some((status, words)) = &said.connection else {
        gaps.push(gap(link, "", missing.0, missing.1.clone()));
        return;
    };
    let refused = NO_CONNECTION
        .iter()
        .find(|refused| words.to_ascii_lowercase().contains(&refused.to_ascii_lowercase()));
    let unresolved = ["not known", "resolve", "name resolution", "No address associated"];
    match (status, refused) {
        (0, _) => {
            link.reachable = Some(true);
            link.trouble = Some(String::new());
            link.round_trip_us = between(words);
        }
        (127, _) => gaps.push(gap(
            link,
            "",
            GapReason::CommandAbsent,
            format!("nothing on {from} can open a connection (bash with timeout, nc)"),
        )),
        (_, Some(refused)) => {
            link.reachable = Some(false);
            link.trouble = Some((*refused).to_owned());
        }
        // `timeout` ends with 124; nc says nothing when its time is up.
        (124 | 1, None) if *status == 124 || words.is_empty() || words.contains("timed out") => {
            link.reachable = Some(false);
            link.trouble = Some("no answer".to_owned());
        }
        (_, None) if unresolved.iter().any(|said| words.contains(said)) => {
            link.reachable = Some(false);
            link.trouble = Some(format!("`{host}` does not resolve"));
        }
        _ => gaps.push(gap(
            link,
            "",
            GapReason::CommandFailed,
            format!("{from}: the connection ended with {status}: {}", shorten(words, WORDS)),
        )),
    }
}

/// Packets sent and answered, by the line that ping ends with: `10 packets transmitted, 9 received, ...`, or
/// `... 9 packets received` of BusyBox. Duplicates count once.
fn counts(words: &str) -> Option<(i64, i64)> {
    let (before, after) = words.split_once(" packets transmitted, ")?;
    let sent: i64 = before.rsplit(' ').next()?.parse().ok()?;
    let received: i64 = after.split(' ').next()?.parse().ok()?;
    (0..=1000).contains(&sent).then_some(())?;
    (0..=sent).contains(&received).then_some((sent, received))
}

/// Round trips: `time=0.037 ms`.
fn times(words: &str) -> Vec<Micros> {
    let after = words.split(" time=").skip(1);
    after.filter_map(|rest| milliseconds(rest.split(' ').next()?)).take(1000).collect()
}

/// Milliseconds with a fraction, in microseconds.
fn milliseconds(text: &str) -> Option<Micros> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || fraction.len() > 9 || !digits(whole) || !digits(fraction) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    Some(Micros(whole.parse::<i64>().ok()? * 1000 + micros))
}

/// The time between two clocks of bash: `1763722559.123456 1763722559.123789`; none where it has no such clock.
fn between(words: &str) -> Option<Micros> {
    let micros = |text: &str| -> Option<i64> {
        let (seconds, fraction) = text.split_once('.')?;
        (fraction.len() == 6 && seconds.len() <= 12).then_some(())?;
        seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction.parse().ok()?)
    };
    let (before, after) = words.split_once(' ')?;
    let took = micros(after)?.checked_sub(micros(before)?)?;
    (0..=10_000_000).contains(&took).then_some(Micros(took))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::LinkKind;
    use crate::probe::answer::Reader;
    use proptest::prelude::*;
    use std::time::Duration;

    fn tasks() -> (Vec<Task>, Vec<Link>) {
        let way = What::Way {
            source: "10.77.2.1".parse().unwrap(),
            destination: "10.77.2.3".parse().unwrap(),
            sizes: vec![1500, 1400, 1280, 576],
        };
        let what = [way, What::Port { host: "10.77.2.3".into(), port: 2224 }];
        let work =
            what.into_iter().enumerate().map(|(link, what)| Task { link, start: Duration::ZERO, what });
        let link = |name: &str, kind| Link {
            name: name.into(),
            kind: Some(kind),
            from: Some("n1".into()),
            interface_mtu: Some(1500),
            ..Link::default()
        };
        (work.collect(), vec![link("w", LinkKind::Icmp), link("p", LinkKind::Tcp)])
    }

    fn missing() -> (GapReason, String) {
        (GapReason::TimedOut, "too slow".into())
    }

    fn said(lines: &str) -> (Vec<Link>, Vec<Gap>) {
        let mut reader = Reader::new("n");
        reader.output(format!("#n hello 1\n\n#n b ways \n{lines}\n#n e 0\n\n#n bye\n").as_bytes()).unwrap();
        let (work, mut links) = tasks();
        let gaps = read(&reader.finish(), &work, &mut links, &missing());
        (links, gaps)
    }

    const THREE: &str = "PING 10.77.2.3 (10.77.2.3) from 10.77.2.1 : 56(84) bytes of data. 64 bytes from 10.77.2.3: icmp_seq=1 ttl=64 time=0.236 ms 64 bytes from 10.77.2.3: icmp_seq=2 ttl=64 time=0.1 ms 64 bytes from 10.77.2.3: icmp_seq=3 ttl=64 time=12 ms --- 10.77.2.3 ping statistics --- 4 packets transmitted, 3 received, 25% packet loss, time 565ms rtt min/avg/max/mdev = 0.040/0.075/0.236/0.057 ms";
    const ONE: &str = "PING 10.77.2.3 (10.77.2.3) from 10.77.2.1 : 1372(1400) bytes of data. 1380 bytes from 10.77.2.3: icmp_seq=1 ttl=64 time=0.026 ms --- 10.77.2.3 ping statistics --- 1 packets transmitted, 1 received, 0% packet loss, time 0ms rtt min/avg/max/mdev = 0.026/0.026/0.026/0.000 ms";
    const NONE: &str = "PING 10.77.2.3 (10.77.2.3) from 10.77.2.1 : 1472(1500) bytes of data. --- 10.77.2.3 ping statistics --- 2 packets transmitted, 0 received, 100% packet loss, time 1008ms";
    const TOO_LONG: &str = "ping: local error: message too long, mtu=1400 PING 10.77.2.1 (10.77.2.1) from 10.77.2.3 : 1472(1500) bytes of data. --- 10.77.2.1 ping statistics --- 1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms";

    #[test]
    fn packets_are_counted_and_timed_and_the_largest_size_is_found() {
        let (links, gaps) = said(&format!(
            "0 r 0 {THREE}\n0 m 1500 1 {NONE}\n0 m 1400 0 {ONE}\n1 t 0 1763722559.999900 1763722560.000300\n"
        ));
        let way = &links[0];
        assert_eq!((way.reachable, way.sent, way.lost), (Some(true), Some(4), Some(1)));
        assert_eq!((way.round_trip_us, way.longest_round_trip_us), (Some(Micros(236)), Some(Micros(12_000))));
        assert_eq!((way.path_mtu, way.trouble.as_deref()), (Some(1400), Some("")));
        assert_eq!((links[1].reachable, links[1].round_trip_us), (Some(true), Some(Micros(400))));
        assert_eq!(gaps, []);
        let (links, gaps) =
            said(&format!("0 r 0 {THREE}\n0 m 1500 1 {TOO_LONG}\n0 m 576 1 {NONE}\n1 t 0 \n"));
        assert_eq!((links[0].path_mtu, gaps.len()), (Some(0), 0), "nothing that was tried came through");
    }

    #[test]
    fn the_words_of_busybox_are_read() {
        let words = "PING 10.0.0.2 (10.0.0.2): 56 data bytes 64 bytes from 10.0.0.2: seq=0 ttl=64 time=0.123 ms --- 10.0.0.2 ping statistics --- 3 packets transmitted, 1 packets received, 66% packet loss round-trip min/avg/max = 0.123/0.123/0.123 ms";
        let (links, gaps) =
            said(&format!("0 r 0 {words}\n0 m 1500 127 this ping cannot forbid fragments\n1 t 1 \n"));
        assert_eq!((links[0].sent, links[0].lost, links[0].path_mtu), (Some(3), Some(2), None));
        assert_eq!(gaps.len(), 1);
        assert_eq!(
            (gaps[0].path.as_str(), gaps[0].reason),
            ("links[w].path_mtu", Some(GapReason::CommandAbsent))
        );
        assert_eq!((links[1].reachable, links[1].trouble.as_deref()), (Some(false), Some("no answer")));
    }

    #[test]
    fn what_does_not_come_through_is_told_from_what_could_not_be_tried() {
        let of = |line: &str| {
            let (links, gaps) = said(line);
            let reason = gaps.iter().find(|gap| gap.path == "links[w]").and_then(|gap| gap.reason);
            (links[0].reachable, links[0].trouble.clone(), reason)
        };
        let no = |words: &str| (Some(false), Some(words.to_owned()), None);
        assert_eq!(of(&format!("0 r 1 {NONE}")), no("no answer"));
        assert_eq!(
            of(
                "0 r 1 From 10.0.0.1 icmp_seq=1 Destination Host Unreachable 2 packets transmitted, 0 received"
            ),
            no("Destination Host Unreachable")
        );
        assert_eq!(of("0 r 2 ping: connect: Network is unreachable"), no("Network is unreachable"));
        assert_eq!(of("0 r 127 ping: not found"), (None, None, Some(GapReason::CommandAbsent)));
        assert_eq!(
            of("0 r 2 ping: bind: Cannot assign requested address"),
            (None, None, Some(GapReason::CommandFailed))
        );
        assert_eq!(
            of("0 r 2 ping: socket: Operation not permitted"),
            (None, None, Some(GapReason::PermissionDenied))
        );
        assert_eq!(
            of("0 r 0 3 packets transmitted, 4 received"),
            (None, None, Some(GapReason::CommandFailed)),
            "more than were sent"
        );
        assert_eq!(
            of("0 r 0 0 packets transmitted, 0 received"),
            (None, None, Some(GapReason::CommandFailed))
        );
        assert_eq!(of(""), (None, None, Some(GapReason::TimedOut)));
        assert_eq!(
            of("1 r 0 1 packets transmitted, 1 received\n9 r 0 x\n-1 r 0 x\n0 q 0 x"),
            (None, None, Some(GapReason::TimedOut))
        );
    }

    #[test]
    fn ports_answer_refuse_or_are_silent() {
        let of = |line: &str| {
            let (links, gaps) = said(line);
            let reason = gaps.iter().find(|gap| gap.path == "links[p]").and_then(|gap| gap.reason);
            (links[1].reachable, links[1].trouble.clone().unwrap_or_default(), reason)
        };
        let no = |words: &str| (Some(false), words.to_owned(), None);
        assert_eq!(
            of(
                "1 t 1 bash: connect: Connection refused bash: line 1: /dev/tcp/10.77.2.3/2224: Connection refused"
            ),
            no("Connection refused")
        );
        assert_eq!(of("1 t 124 "), no("no answer"));
        assert_eq!(
            of("1 t 1 bash: qnet: Name or service not known bash: /dev/tcp/qnet/5403: Invalid argument"),
            no("`10.77.2.3` does not resolve")
        );
        assert_eq!(
            of("1 t 1 nc: connect to 10.0.0.1 port 1 (tcp) failed: No route to host"),
            no("No route to host")
        );
        let unknown = |reason| (None, String::new(), Some(reason));
        assert_eq!(
            of("1 t 1 bash: /dev/tcp/10.77.2.3/2224: No such file or directory"),
            unknown(GapReason::CommandFailed)
        );
        assert_eq!(of("1 t 1 nc: invalid option -- 'z'"), unknown(GapReason::CommandFailed));
        assert_eq!(of("1 t 127 neither"), unknown(GapReason::CommandAbsent));
        assert_eq!(of("1 t 126 bash: Permission denied"), unknown(GapReason::CommandFailed));
        assert_eq!(of("1 t"), unknown(GapReason::TimedOut));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn any_words_are_read_and_nothing_is_taken_for_an_answer(lines in proptest::collection::vec("[01] [rmt] [0-9]{0,5} ?[ -~]{0,60}", 0..6)) {
            let (links, gaps) = said(&lines.join("\n"));
            for link in &links {
                let covered = gaps.iter().any(|gap| gap.path == format!("links[{}]", link.name));
                prop_assert_eq!(link.reachable.is_none(), covered);
            }
        }
    }
}
