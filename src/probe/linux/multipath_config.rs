//! Settings of multipathing: `multipathd show config` (root), else `/etc/multipath.conf` and `/etc/multipath/conf.d` over
//! the defaults of multipath.conf(5) (any account).
//!
//! Only the sections `defaults` and `overrides` are read: what a section for one kind of array says is seen in the maps.

use crate::facts::{MultipathSettings, Seconds};
use std::collections::HashMap;

/// The settings of one section, the last word for each.
type Settings = HashMap<String, String>;

/// Reads `multipathd show config`: every setting has its value in it, except where it has none.
pub fn running(text: &str) -> Option<MultipathSettings> {
    let (defaults, overrides) = sections(&[text])?;
    let settings = read(&defaults, &overrides);
    Some(MultipathSettings {
        reservation_key: settings.reservation_key.or_else(|| Some(String::new())),
        ..settings
    })
}

/// Reads the configuration files in their order; no file at all means that the defaults of the program apply. The default
/// of `find_multipaths` differs between distributions, and that of `no_path_retry` between arrays: they stay missing.
pub fn files(texts: &[&str]) -> MultipathSettings {
    let (mut defaults, overrides) = sections(texts).unwrap_or_default();
    let interval: Option<i64> = match defaults.get("polling_interval") {
        Some(value) => value.parse().ok(),
        None => Some(5),
    };
    let mut default = |name: &str, value: String| {
        defaults.entry(name.to_owned()).or_insert(value);
    };
    default("user_friendly_names", "no".to_owned());
    default("polling_interval", "5".to_owned());
    if let Some(longest) = interval.and_then(|interval| interval.checked_mul(4)) {
        default("max_polling_interval", longest.to_string());
    }
    default("fast_io_fail_tmo", "5".to_owned());
    default("dev_loss_tmo", "600".to_owned());
    default("reservation_key", String::new());
    read(&defaults, &overrides)
}

fn read(defaults: &Settings, overrides: &Settings) -> MultipathSettings {
    let global = |name: &str| defaults.get(name).cloned();
    let of_devices = |name: &str| overrides.get(name).or_else(|| defaults.get(name)).cloned();
    let seconds = |name: &str| global(name).and_then(|value| value.parse().ok()).map(Seconds);
    MultipathSettings {
        user_friendly_names: of_devices("user_friendly_names").and_then(|word| truth(&word)),
        find_multipaths: global("find_multipaths").map(|word| match word.as_str() {
            "on" | "1" => "yes".to_owned(),
            "off" | "0" => "no".to_owned(),
            _ => word,
        }),
        no_path_retry: of_devices("no_path_retry").and_then(|word| match word.as_str() {
            "0" => Some("fail".to_owned()),
            "fail" | "queue" => Some(word),
            number => number.parse::<u32>().ok().map(|checks| checks.to_string()),
        }),
        polling_interval_s: seconds("polling_interval"),
        max_polling_interval_s: seconds("max_polling_interval"),
        fast_io_fail_tmo: of_devices("fast_io_fail_tmo").filter(|word| word == "off" || is_number(word)),
        dev_loss_tmo: of_devices("dev_loss_tmo").filter(|word| word == "infinity" || is_number(word)),
        reservation_key: global("reservation_key"),
    }
}

fn is_number(word: &str) -> bool {
    word.parse::<u32>().is_ok()
}

fn truth(word: &str) -> Option<bool> {
    match word {
        "yes" | "on" | "1" => Some(true),
        "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// The sections `defaults` and `overrides` of the texts; `None` where there is no section at all.
fn sections(texts: &[&str]) -> Option<(Settings, Settings)> {
    let (mut defaults, mut overrides) = (Settings::new(), Settings::new());
    let mut any = false;
    for text in texts {
        let mut open: Vec<String> = Vec::new();
        let mut waiting = String::new();
        for line in text.lines() {
            let line = line.split(['#', '!']).next().unwrap_or_default().trim();
            if line == "}" {
                open.pop();
            } else if let Some(name) = line.strip_suffix('{') {
                let name = name.trim();
                open.push(if name.is_empty() { std::mem::take(&mut waiting) } else { name.to_owned() });
                any = true;
            } else if let Some((key, value)) = line.split_once(char::is_whitespace) {
                let section = match open.as_slice() {
                    [name] if name == "defaults" => &mut defaults,
                    [name] if name == "overrides" => &mut overrides,
                    _ => continue,
                };
                section.insert(key.to_owned(), value.trim().trim_matches('"').to_owned());
            } else if !line.is_empty() {
                // The brace of an old file may stand on the next line.
                line.clone_into(&mut waiting);
            }
        }
    }
    any.then_some((defaults, overrides))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_runs_is_read() {
        let settings = running(include_str!("../../../fixtures/linux/multipathd-show-config")).unwrap();
        assert_eq!(settings.user_friendly_names, Some(true));
        assert_eq!(settings.find_multipaths.as_deref(), Some("yes"));
        assert_eq!(settings.no_path_retry.as_deref(), Some("12"), "overrides go before defaults");
        assert_eq!(
            (settings.polling_interval_s, settings.max_polling_interval_s),
            (Some(Seconds(5)), Some(Seconds(20)))
        );
        assert_eq!(settings.fast_io_fail_tmo.as_deref(), Some("5"));
        assert_eq!(settings.dev_loss_tmo.as_deref(), Some("infinity"));
        assert_eq!(settings.reservation_key.as_deref(), Some("file"));
        assert_eq!(running("timeout\n"), None);
    }

    #[test]
    fn files_stand_over_the_defaults() {
        let none = files(&[]);
        assert_eq!(none.user_friendly_names, Some(false));
        assert_eq!(
            (none.polling_interval_s, none.max_polling_interval_s),
            (Some(Seconds(5)), Some(Seconds(20)))
        );
        assert_eq!((none.find_multipaths, none.no_path_retry), (None, None), "they differ");
        assert_eq!(none.reservation_key.as_deref(), Some(""));
        let two = files(&[
            "defaults\n{\n  polling_interval 10 # x\n  user_friendly_names \"yes\"\n  no_path_retry fail\n}\nmultipaths {\n multipath {\n  reservation_key 0x1\n  no_path_retry queue\n }\n}\n",
            "overrides {\n  protocol {\n    fast_io_fail_tmo 99\n  }\n no_path_retry 0\n dev_loss_tmo soon\n}\n",
        ]);
        assert_eq!((two.user_friendly_names, two.max_polling_interval_s), (Some(true), Some(Seconds(40))));
        assert_eq!(two.no_path_retry.as_deref(), Some("fail"));
        assert_eq!(two.fast_io_fail_tmo.as_deref(), Some("5"), "of one protocol only");
        assert_eq!(two.dev_loss_tmo, None, "a misspelt value is not known");
        assert_eq!(two.reservation_key.as_deref(), Some(""), "of one map only");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn hostile_text_is_survived(text in "[a-z{} \n\"#0-9_]{0,300}", other in ".{0,100}") {
            running(&text);
            files(&[&text, &other]);
        }
    }
}
