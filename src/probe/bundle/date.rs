//! Dates as bundles write them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

/// The first date in a text of a few lines: as `date` writes it (`Fri Mar 22 15:08:45 CST 2019`, with AM and PM or without),
/// as `timedatectl` does (`Local time: Fri 2019-03-22 15:08:45 CST`), or as ISO 8601 has it. A zone that is not UTC is not
/// known: the time is then local time taken for UTC, since it is the day that counts.
pub fn parse(text: &str) -> Option<Timestamp> {
    let universal = text.lines().find(|line| line.trim_start().starts_with("Universal time:"));
    universal.into_iter().chain(text.lines().take(40)).find_map(line)
}

fn line(text: &str) -> Option<Timestamp> {
    let words: Vec<&str> = text.split([' ', 'T', '\t']).filter(|word| !word.is_empty()).collect();
    let time_at = words.iter().position(|word| time(word).is_some())?;
    let (mut hour, minute, second) = time(words[time_at])?;
    let afternoon = words.get(time_at + 1).map(|word| word.to_ascii_uppercase());
    match afternoon.as_deref() {
        Some("PM") if hour < 12 => hour += 12,
        Some("AM") if hour == 12 => hour = 0,
        _ => {}
    }
    let date = iso(&words).or_else(|| of_date(&words))?;
    let time = jiff::civil::Time::new(hour, minute, second, 0).ok()?;
    DateTime::from_parts(date, time).to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn time(word: &str) -> Option<(i8, i8, i8)> {
    let mut parts = word.trim_end_matches(['Z', ',']).split(':');
    let hour = parts.next()?.parse().ok()?;
    let minute = parts.next()?.parse().ok()?;
    let second = parts.next()?.split('.').next()?.parse().ok()?;
    parts.next().is_none().then_some((hour, minute, second))
}

fn iso(words: &[&str]) -> Option<Date> {
    words.iter().find_map(|word| word.parse().ok().filter(|_| word.len() == 10))
}

/// Weekday, month, day, time, zone and year in the order of any locale that names months in English.
fn of_date(words: &[&str]) -> Option<Date> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let month_at = words.iter().position(|word| {
        word.get(..3).is_some_and(|start| MONTHS.contains(&start.to_ascii_lowercase().as_str()))
    })?;
    let start = words[month_at].get(..3)?.to_ascii_lowercase();
    let month = MONTHS.iter().position(|known| *known == start)? + 1;
    let number = |at: usize| words.get(at)?.trim_end_matches([',', '.']).parse::<i16>().ok();
    let day = number(month_at + 1)
        .filter(|day| (1..=31).contains(day))
        .or_else(|| number(month_at.checked_sub(1)?).filter(|day| (1..=31).contains(day)))?;
    let year = words
        .iter()
        .filter_map(|word| word.trim_end_matches(',').parse::<i16>().ok())
        .find(|year| *year > 1990)?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_of_bundles_are_read() {
        for (text, expected) in [
            ("Fri Mar 22 15:08:45 CST 2019\n", "2019-03-22T15:08:45Z"),
            ("Thu 10 Feb 2022 04:19:17 PM UTC\n", "2022-02-10T16:19:17Z"),
            ("Date: Fri Mar 22 12:08:45 AM CST 2019\n", "2019-03-22T00:08:45Z"),
            (
                "               Local time: Mon 2024-05-06 10:11:12 CEST\n           Universal time: Mon 2024-05-06 08:11:12 UTC\n",
                "2024-05-06T08:11:12Z",
            ),
            ("2024-05-06T08:11:12Z", "2024-05-06T08:11:12Z"),
        ] {
            assert_eq!(parse(text).map(|time| time.to_string()).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(parse("nothing 12:00:00 at all"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_does_no_harm(text in "(Mar|PM|[0-9:T -]{1,12}|.{0,4}| ){0,20}") {
            let _ = parse(&text);
        }
    }
}
