//! What Pacemaker's own check complains of: `crm_verify -L -V` (root or the group `haclient`), with a last line
//! `exit STATUS`.

use crate::probe::answer::shorten;

/// At most so many complaints are kept.
const MESSAGES: usize = 100;

/// Reads its status and its messages. Without the line of the status, as in a support bundle, only a verdict in words tells it.
pub fn parse(text: &str) -> (Option<i64>, Vec<String>) {
    let mut status = None;
    let mut messages = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(number) = line.strip_prefix("exit ").and_then(|number| number.parse().ok()) {
            status = Some(number);
            continue;
        }
        if line.contains("config not valid") || line.contains("configuration invalid") {
            status = status.or(Some(78));
        }
        if messages.len() < MESSAGES {
            let plain: Vec<&str> = line.split_whitespace().collect();
            messages.push(shorten(&plain.join(" "), 300));
        }
    }
    (status, messages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn complaints_are_read() {
        let (status, messages) = parse(include_str!("../../../fixtures/linux/crm-verify"));
        assert_eq!((status, messages.len()), (Some(78), 4));
        assert!(messages[0].starts_with("(unpack_resources) error: Resource start-up disabled"));
        assert_eq!(parse("exit 0\n"), (Some(0), vec![]));
        assert_eq!(parse("").0, None, "silence is no verdict");
        assert_eq!(parse("crm_verify: Errors found during check: config not valid\n").0, Some(78));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_text_can_be_read(text in "(?s).{0,300}") {
            parse(&text);
        }
    }
}
