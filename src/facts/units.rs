//! Amounts with a unit: plain whole numbers in JSON (the unit is in the field's name), apart in expressions; and their
//! text form for people (`512 MiB`, `3 s`, `10 Gbit/s`), read and written.
//!
//! What is written is read back as the same amount, unless it was rounded for reading (see [`SizeText`]).

use super::meta::{Fact, Type, Value};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! unit {
    ($(#[doc = $doc:literal])+ $name:ident($inner:ty) => $kind:ident, $factor:expr) => {
        $(#[doc = $doc])+
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl Fact for $name {
            fn fact_type() -> Type {
                Type::$kind
            }
            fn value(&self) -> Value<'_> {
                // No cluster has a LUN of 8 EiB or a time-out of 290 years; a hostile number saturates.
                Value::$kind(i64::try_from(self.0).unwrap_or(i64::MAX).saturating_mul($factor))
            }
        }
    };
}

unit! {
    /// Bytes, in fields that end in `_bytes`.
    Bytes(u64) => Size, 1
}
unit! {
    /// Nanoseconds, in fields that end in `_ns`.
    Nanos(i64) => Duration, 1
}
unit! {
    /// Microseconds, in fields that end in `_us`.
    Micros(i64) => Duration, 1_000
}
unit! {
    /// Milliseconds, in fields that end in `_ms`.
    Millis(i64) => Duration, 1_000_000
}
unit! {
    /// Seconds, in fields that end in `_s`.
    Seconds(i64) => Duration, 1_000_000_000
}
unit! {
    /// Bits per second, in fields that end in `_bps`.
    BitsPerSecond(u64) => Rate, 1
}

/// Why a text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UnitError {
    /// What is wrong, with the text.
    pub message: String,
    /// How it is written.
    pub help: String,
}

/// A unit by its spellings, the first of them the one to write.
type Unit = (&'static [&'static str], i64);

const SIZES: &[Unit] = &[
    (&["PiB"], 1 << 50),
    (&["TiB"], 1 << 40),
    (&["GiB"], 1 << 30),
    (&["MiB"], 1 << 20),
    (&["KiB"], 1 << 10),
    (&["PB"], 1_000_000_000_000_000),
    (&["TB"], 1_000_000_000_000),
    (&["GB"], 1_000_000_000),
    (&["MB"], 1_000_000),
    (&["kB", "KB"], 1_000),
    (&["bytes", "byte", "B"], 1),
];

const DURATIONS: &[Unit] = &[
    (&["d"], 86_400_000_000_000),
    (&["h"], 3_600_000_000_000),
    (&["min", "m"], 60_000_000_000),
    (&["s"], 1_000_000_000),
    (&["ms"], 1_000_000),
    (&["us", "µs", "μs"], 1_000),
    (&["ns"], 1),
];

const RATES: &[Unit] = &[
    (&["Tbit/s", "Tbps"], 1_000_000_000_000),
    (&["Gbit/s", "Gbps"], 1_000_000_000),
    (&["Mbit/s", "Mbps"], 1_000_000),
    (&["kbit/s", "kbps"], 1_000),
    (&["bit/s", "bps"], 1),
];

const SIZE_HELP: &str =
    "write a number and a unit: `512 MiB` (KiB, MiB, GiB, TiB count by 1024; kB, MB, GB, TB by 1000)";
const DURATION_HELP: &str =
    "write a number and a unit: `3s`, `500ms`, `5m`, `1h30m` (ns, us, ms, s, m, h, d)";
const RATE_HELP: &str = "write a number and a unit: `10 Gbit/s` (bit/s, kbit/s, Mbit/s, Gbit/s, Tbit/s)";

/// Reads an amount of storage or memory, such as `512 MiB` or `1.5TB`, as whole bytes.
///
/// # Errors
/// No number, no unit or an unknown one, no whole number of bytes, or more than 8 EiB.
pub fn parse_size(text: &str) -> Result<i64, UnitError> {
    let error = |message: String| UnitError { message, help: SIZE_HELP.to_owned() };
    one(text, SIZES, "size", "bytes").map_err(error)
}

/// Reads a length of time, such as `3s`, `500 ms` or `1h30m`, as whole nanoseconds. It may be negative.
///
/// # Errors
/// No number, no unit or an unknown one, no whole number of nanoseconds, or more than 292 years.
pub fn parse_duration(text: &str) -> Result<i64, UnitError> {
    let error = |message: String| UnitError { message, help: DURATION_HELP.to_owned() };
    let trimmed = text.trim();
    let (negative, mut rest) = trimmed.strip_prefix('-').map_or((false, trimmed), |rest| (true, rest));
    let mut sum: i64 = 0;
    let mut above = i64::MAX;
    loop {
        let end = amount_end(rest);
        let part;
        (part, rest) = rest.split_at(end);
        let factor = unit_of(part, DURATIONS).map_err(|unit| error(no_unit(text, unit, "duration")))?;
        if factor >= above {
            return Err(error(format!("`{text}` is no duration: its units do not go from large to small")));
        }
        above = factor;
        let amount = amount(number_of(part), factor)
            .map_err(|why| error(why.tell(text, "duration", "nanoseconds")))?;
        sum = sum.checked_add(amount).ok_or_else(|| error(Wrong::Large.tell(text, "duration", "")))?;
        if rest.is_empty() {
            return Ok(if negative { -sum } else { sum });
        }
    }
}

/// Reads a speed, such as `10 Gbit/s`, as whole bits per second.
///
/// # Errors
/// No number, no unit or an unknown one, no whole number of bits, or more than 9.2 Ebit/s.
pub fn parse_rate(text: &str) -> Result<i64, UnitError> {
    let error = |message: String| UnitError { message, help: RATE_HELP.to_owned() };
    one(text, RATES, "rate", "bits per second").map_err(error)
}

/// Reads one number with its unit.
fn one(text: &str, units: &[Unit], kind: &str, base: &str) -> Result<i64, String> {
    let trimmed = text.trim();
    let factor = unit_of(trimmed, units).map_err(|unit| no_unit(text, unit, kind))?;
    amount(number_of(trimmed), factor).map_err(|why| why.tell(text, kind, base))
}

fn no_unit(text: &str, unit: &str, kind: &str) -> String {
    if unit.is_empty() {
        format!("`{text}` is no {kind}: it has no unit")
    } else {
        format!("`{text}` is no {kind}: `{unit}` is no unit of one")
    }
}

fn number_of(text: &str) -> &str {
    &text[..number_end(text)]
}

fn number_end(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len())
}

/// Where the first number with its unit ends.
fn amount_end(text: &str) -> usize {
    let number = number_end(text);
    text[number..].find(|c: char| c.is_ascii_digit() || c == '.').map_or(text.len(), |at| number + at)
}

fn unit_of<'t>(text: &'t str, units: &[Unit]) -> Result<i64, &'t str> {
    let unit = text[number_end(text)..].trim();
    units.iter().find(|(names, _)| names.contains(&unit)).map(|(_, factor)| *factor).ok_or(unit)
}

/// What is wrong with a number.
enum Wrong {
    /// It is none.
    NoNumber,
    /// With its unit it is no whole number of the base unit.
    Fraction,
    /// It does not fit.
    Large,
}

impl Wrong {
    fn tell(&self, text: &str, kind: &str, base: &str) -> String {
        match self {
            Wrong::NoNumber => format!("`{text}` is no {kind}: it does not begin with a number"),
            Wrong::Fraction => format!("`{text}` is no whole number of {base}"),
            Wrong::Large => format!("`{text}` is too large for a {kind}"),
        }
    }
}

/// A decimal number times a whole factor, exactly.
fn amount(number: &str, factor: i64) -> Result<i64, Wrong> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(Wrong::NoNumber);
    }
    let whole: i64 = whole.parse().map_err(|_| Wrong::Large)?;
    let whole = whole.checked_mul(factor).ok_or(Wrong::Large)?;
    let fraction = fraction.trim_end_matches('0');
    // Eighteen digits behind the point times the largest factor still fit.
    let scale = u32::try_from(fraction.len()).ok().filter(|length| *length <= 18).ok_or(Wrong::Fraction)?;
    let fraction: i128 =
        if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| Wrong::Fraction)? };
    let parts = fraction * i128::from(factor);
    let scale = 10_i128.pow(scale);
    if parts % scale != 0 {
        return Err(Wrong::Fraction);
    }
    let fraction = i64::try_from(parts / scale).map_err(|_| Wrong::Large)?;
    whole.checked_add(fraction).ok_or(Wrong::Large)
}

/// Writes bytes for people: `512 MiB`, `1.5 GiB`; `503.69 GiB` where two digits do not hold all of it (cut, not rounded,
/// so that a size never looks larger than it is).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeText(pub i64);

/// Writes nanoseconds for people: `200 ms`, `3 s`, `90 s`, `1 h`. Nothing is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationText(pub i64);

/// Writes bits per second for people: `10 Gbit/s`, `2.5 Gbit/s`. Cut behind the second digit like [`SizeText`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateText(pub i64);

impl fmt::Display for SizeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: &[(&str, u64)] =
            &[("PiB", 1 << 50), ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        write_amount(f, self.0, UNITS, "bytes")
    }
}

impl fmt::Display for RateText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: &[(&str, u64)] = &[
            ("Tbit/s", 1_000_000_000_000),
            ("Gbit/s", 1_000_000_000),
            ("Mbit/s", 1_000_000),
            ("kbit/s", 1_000),
        ];
        write_amount(f, self.0, UNITS, "bit/s")
    }
}

fn write_amount(f: &mut fmt::Formatter<'_>, amount: i64, units: &[(&str, u64)], base: &str) -> fmt::Result {
    let sign = if amount < 0 { "-" } else { "" };
    let amount = amount.unsigned_abs();
    let Some((name, factor)) = units.iter().find(|(_, factor)| amount >= *factor) else {
        return write!(f, "{sign}{amount} {base}");
    };
    let (whole, rest) = (amount / factor, amount % factor);
    if rest == 0 {
        return write!(f, "{sign}{whole} {name}");
    }
    let scaled = u128::from(rest) * 100;
    let hundredths = scaled / u128::from(*factor);
    if scaled.is_multiple_of(u128::from(*factor)) && hundredths.is_multiple_of(10) {
        write!(f, "{sign}{whole}.{} {name}", hundredths / 10)
    } else {
        write!(f, "{sign}{whole}.{hundredths:02} {name}")
    }
}

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 1_000_000_000;
        // Time-outs are spoken of in seconds; larger units only where they are exact and the number has grown long.
        const UNITS: &[(&str, u64, u64)] = &[
            ("d", 86_400 * SECOND, 86_400 * SECOND),
            ("h", 3_600 * SECOND, 3_600 * SECOND),
            ("min", 60 * SECOND, 600 * SECOND),
        ];
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        if let Some((name, factor, _)) =
            UNITS.iter().find(|(_, factor, from)| amount >= *from && amount.is_multiple_of(*factor))
        {
            return write!(f, "{sign}{} {name}", amount / factor);
        }
        let (name, factor, width) = match amount {
            SECOND.. => ("s", SECOND, 9),
            1_000_000.. => ("ms", 1_000_000, 6),
            1_000.. => ("us", 1_000, 3),
            0 => return f.write_str("0 s"),
            _ => ("ns", 1, 0),
        };
        let (whole, rest) = (amount / factor, amount % factor);
        if rest == 0 {
            return write!(f, "{sign}{whole} {name}");
        }
        let digits = format!("{rest:0width$}");
        write!(f, "{sign}{whole}.{} {name}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("512 MiB", 512 << 20),
            ("512MiB", 512 << 20),
            (" 1 GiB ", 1 << 30),
            ("1.5 GiB", 3 << 29),
            ("1 GB", 1_000_000_000),
            ("4 kB", 4_000),
            ("4 KB", 4_000),
            ("512 bytes", 512),
            ("1 byte", 1),
            ("0 B", 0),
            ("0.5 KiB", 512),
            ("1.50 KiB", 1536),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_why() {
        for (text, why) in [
            ("512", "no unit"),
            ("", "no unit"),
            ("MiB", "does not begin with a number"),
            ("512 Mib", "`Mib` is no unit"),
            ("512 M", "`M` is no unit"),
            ("-1 MiB", "is no unit"),
            ("0.3 B", "no whole number of bytes"),
            ("1.2.3 MiB", "does not begin with a number"),
            (". MiB", "does not begin with a number"),
            ("9999999 PiB", "too large"),
            ("99999999999999999999999 B", "too large"),
            ("1e3 MiB", "is no unit"),
        ] {
            let error = parse_size(text).expect_err(text);
            assert!(error.message.contains(why), "{text}: {error}");
            assert!(error.help.contains("512 MiB"));
        }
    }

    #[test]
    fn durations_are_read() {
        const S: i64 = 1_000_000_000;
        for (text, nanos) in [
            ("3s", 3 * S),
            ("3 s", 3 * S),
            ("500ms", S / 2),
            ("1.5s", 3 * S / 2),
            ("5m", 300 * S),
            ("5 min", 300 * S),
            ("1h30m", 5400 * S),
            ("1d", 86_400 * S),
            ("-2s", -2 * S),
            ("0s", 0),
            ("10us", 10_000),
            ("10µs", 10_000),
            ("1m0.5s", 60 * S + S / 2),
        ] {
            assert_eq!(parse_duration(text), Ok(nanos), "{text}");
        }
        for text in ["", "3", "s", "30m1h", "1s1s", "0.3ns", "3 sec", "999999999999h", "--3s", "1h 30"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_read() {
        assert_eq!(parse_rate("10 Gbit/s"), Ok(10_000_000_000));
        assert_eq!(parse_rate("2.5Gbps"), Ok(2_500_000_000));
        assert_eq!(parse_rate("100 Mbit/s"), Ok(100_000_000));
        assert!(parse_rate("10 GB/s").is_err());
        assert!(parse_rate("10").is_err());
    }

    #[test]
    fn amounts_are_written_for_people() {
        let size = |bytes| SizeText(bytes).to_string();
        assert_eq!(size(512 << 20), "512 MiB");
        assert_eq!(size(3 << 29), "1.5 GiB");
        assert_eq!(size(5 << 28), "1.25 GiB");
        assert_eq!(size((512 << 20) - 1), "511.99 MiB");
        assert_eq!(size((512 << 20) + 1), "512.00 MiB");
        assert_eq!(size(512), "512 bytes");
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(-(1 << 30)), "-1 GiB");
        let time = |nanos| DurationText(nanos).to_string();
        assert_eq!(time(3_000_000_000), "3 s");
        assert_eq!(time(1_500_000_000), "1.5 s");
        assert_eq!(time(120_000_000_000), "120 s");
        assert_eq!(time(900_000_000_000), "15 min");
        assert_eq!(time(3_600_000_000_000), "1 h");
        assert_eq!(time(3_601_000_000_000), "3601 s");
        assert_eq!(time(200_000_000), "200 ms");
        assert_eq!(time(1_234), "1.234 us");
        assert_eq!(time(0), "0 s");
        assert_eq!(time(-5_000_000), "-5 ms");
        let rate = |bits| RateText(bits).to_string();
        assert_eq!(rate(10_000_000_000), "10 Gbit/s");
        assert_eq!(rate(2_500_000_000), "2.5 Gbit/s");
        assert_eq!(rate(100_000_000), "100 Mbit/s");
        assert_eq!(rate(0), "0 bit/s");
        assert_eq!(size(i64::MIN), "-8192 PiB");
    }

    proptest! {
        #[test]
        fn durations_survive_the_round_trip(nanos in any::<i64>()) {
            prop_assume!(nanos != i64::MIN);
            prop_assert_eq!(parse_duration(&DurationText(nanos).to_string()), Ok(nanos));
        }

        #[test]
        fn whole_sizes_survive_the_round_trip(amount in 0_i64..1000, shift in 0_u32..50) {
            let bytes = amount << shift;
            let text = SizeText(bytes).to_string();
            prop_assert!(text.contains('.') || parse_size(&text) == Ok(bytes), "{}", text);
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}") {
            let _ = (parse_size(&text), parse_duration(&text), parse_rate(&text));
        }
    }
}
