//! Operational keys of a login, answered as RFC 7143 section 13 has them.
//!
//! Pure: proposals in, answers out, and what holds afterwards. A proposal that makes no sense is answered `Reject` and
//! changes nothing.

use super::config::Negotiation;
use crate::iscsi::Digests;
use crate::iscsi::frame::LONGEST_SEGMENT;
use crate::iscsi::text::Keys;

/// What a peer that declares nothing accepts.
const DEFAULT_SEGMENT: u32 = 8192;
/// Largest data segment that is sent, whatever the initiator accepts.
const MOST_SENT: u32 = 256 * 1024;

/// What holds in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub digests: Digests,
    /// The largest data segment that the initiator accepts.
    pub initiator_segment: u32,
    pub immediate_data: bool,
    pub initial_r2t: bool,
    pub first_burst: u32,
    pub max_burst: u32,
}

impl Default for Terms {
    /// The defaults of RFC 7143, which hold where a login skips the operational stage.
    fn default() -> Self {
        Self {
            digests: Digests::default(),
            initiator_segment: DEFAULT_SEGMENT,
            immediate_data: true,
            initial_r2t: true,
            first_burst: 64 * 1024,
            max_burst: 256 * 1024,
        }
    }
}

impl Terms {
    /// Answers all keys of one message. `discovery` makes keys irrelevant that concern commands.
    pub fn negotiate(&mut self, offer: &Negotiation, keys: &Keys, discovery: bool) -> Keys {
        let mut answers = Keys::new();
        // A first burst must not be longer than any burst, whatever the order of the keys.
        if let Some(value) = keys.get("MaxBurstLength").filter(|_| !discovery) {
            self.answer(offer, "MaxBurstLength", value, discovery);
        }
        for (key, value) in keys.iter() {
            if let Some(answer) = self.answer(offer, key, value, discovery) {
                answers.push(key, answer);
            }
        }
        self.first_burst = self.first_burst.min(self.max_burst);
        answers
    }

    fn answer(&mut self, offer: &Negotiation, key: &str, value: &str, discovery: bool) -> Option<String> {
        // A value that is itself an answer ends the negotiation of its key.
        if matches!(value, "Reject" | "Irrelevant" | "NotUnderstood") {
            return None;
        }
        let rejected = || Some("Reject".to_owned());
        let concerns_commands = matches!(
            key,
            "MaxConnections"
                | "InitialR2T"
                | "ImmediateData"
                | "MaxBurstLength"
                | "FirstBurstLength"
                | "MaxOutstandingR2T"
                | "DataPDUInOrder"
                | "DataSequenceInOrder"
        );
        if discovery && concerns_commands {
            return Some("Irrelevant".to_owned());
        }
        let number =
            |least: u32, most: u32| parse_number(value).filter(|number| (least..=most).contains(number));
        let boolean = || match value {
            "Yes" => Some(true),
            "No" => Some(false),
            _ => None,
        };
        let yes_no = |on: bool| Some(if on { "Yes" } else { "No" }.to_owned());
        match key {
            // Declared, not negotiated.
            "InitiatorName" | "InitiatorAlias" | "TargetName" | "SessionType" | "AuthMethod" => None,
            _ if key.starts_with("CHAP_") => None,
            "MaxRecvDataSegmentLength" => match number(512, LONGEST_SEGMENT) {
                Some(length) => {
                    self.initiator_segment = length.min(MOST_SENT);
                    None
                }
                None => rejected(),
            },
            "HeaderDigest" => match digest(value, offer.header_digest) {
                Some(on) => {
                    self.digests.header = on;
                    Some(if on { "CRC32C" } else { "None" }.to_owned())
                }
                None => rejected(),
            },
            "DataDigest" => match digest(value, offer.data_digest) {
                Some(on) => {
                    self.digests.data = on;
                    Some(if on { "CRC32C" } else { "None" }.to_owned())
                }
                None => rejected(),
            },
            "InitialR2T" => {
                let Some(theirs) = boolean() else { return rejected() };
                self.initial_r2t = theirs || offer.initial_r2t;
                yes_no(self.initial_r2t)
            }
            "ImmediateData" => {
                let Some(theirs) = boolean() else { return rejected() };
                self.immediate_data = theirs && offer.immediate_data;
                yes_no(self.immediate_data)
            }
            "DataPDUInOrder" | "DataSequenceInOrder" => {
                if boolean().is_none() {
                    return rejected();
                }
                yes_no(true)
            }
            "MaxBurstLength" => {
                let Some(theirs) = number(512, LONGEST_SEGMENT) else { return rejected() };
                self.max_burst = theirs.min(offer.max_burst_length);
                Some(self.max_burst.to_string())
            }
            "FirstBurstLength" => {
                let Some(theirs) = number(512, LONGEST_SEGMENT) else { return rejected() };
                self.first_burst = theirs.min(offer.first_burst_length).min(self.max_burst);
                Some(self.first_burst.to_string())
            }
            "MaxOutstandingR2T" => {
                let Some(theirs) = number(1, 65_535) else { return rejected() };
                Some(theirs.min(u32::from(offer.max_outstanding_r2t)).to_string())
            }
            "MaxConnections" => number(1, 65_535).map(|_| "1".to_owned()).or_else(rejected),
            // The greater of both, ours being 0.
            "DefaultTime2Wait" => number(0, 3600).map(|theirs| theirs.to_string()).or_else(rejected),
            "DefaultTime2Retain" => number(0, 3600).map(|_| "0".to_owned()).or_else(rejected),
            "ErrorRecoveryLevel" => number(0, 2).map(|_| "0".to_owned()).or_else(rejected),
            "iSCSIProtocolLevel" => number(0, 31).map(|theirs| theirs.min(1).to_string()).or_else(rejected),
            "TaskReporting" => Some("RFC3720".to_owned()),
            // Markers are gone in RFC 7143.
            "IFMarker" | "OFMarker" => Some("No".to_owned()),
            "IFMarkInt" | "OFMarkInt" => Some("Irrelevant".to_owned()),
            _ => Some("NotUnderstood".to_owned()),
        }
    }
}

/// Whether CRC32C is chosen from a list; `None` where nothing in it can be.
fn digest(list: &str, offered: bool) -> Option<bool> {
    list.split(',').find_map(|choice| match choice {
        "CRC32C" if offered => Some(true),
        "None" => Some(false),
        _ => None,
    })
}

/// A number as key values have it: decimal, or hexadecimal after `0x`.
pub(super) fn parse_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            u32::from_str_radix(digits, 16).ok()
        }
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiate(pairs: &[(&str, &str)], discovery: bool) -> (Terms, Vec<(String, String)>) {
        let mut terms = Terms::default();
        let keys = pairs.iter().copied().collect();
        let answers = terms.negotiate(&Negotiation::default(), &keys, discovery);
        (terms, answers.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn each_key_follows_its_rule() {
        let (terms, answers) = negotiate(
            &[
                ("HeaderDigest", "CRC32C,None"),
                ("DataDigest", "None"),
                ("MaxRecvDataSegmentLength", "0x10000"),
                ("InitialR2T", "No"),
                ("ImmediateData", "Yes"),
                ("FirstBurstLength", "262144"),
                ("MaxBurstLength", "32768"),
                ("DefaultTime2Wait", "2"),
                ("DefaultTime2Retain", "20"),
                ("MaxConnections", "8"),
                ("ErrorRecoveryLevel", "2"),
                ("IFMarker", "Yes"),
                ("X-com.example.key", "1"),
                ("InitiatorName", "iqn.2026-01.test:a"),
            ],
            false,
        );
        assert_eq!(terms.digests, Digests { header: true, data: false });
        assert_eq!((terms.initiator_segment, terms.initial_r2t, terms.immediate_data), (65_536, false, true));
        assert_eq!((terms.first_burst, terms.max_burst), (32_768, 32_768));
        let answer =
            |key: &str| answers.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        for (key, value) in [
            ("HeaderDigest", "CRC32C"),
            ("DataDigest", "None"),
            ("InitialR2T", "No"),
            ("ImmediateData", "Yes"),
            ("MaxBurstLength", "32768"),
            ("FirstBurstLength", "32768"),
            ("DefaultTime2Wait", "2"),
            ("DefaultTime2Retain", "0"),
            ("MaxConnections", "1"),
            ("ErrorRecoveryLevel", "0"),
            ("IFMarker", "No"),
            ("X-com.example.key", "NotUnderstood"),
        ] {
            assert_eq!(answer(key), Some(value), "{key}");
        }
        assert_eq!(answer("InitiatorName"), None);
        assert_eq!(answer("MaxRecvDataSegmentLength"), None);
    }

    #[test]
    fn nonsense_is_rejected_and_changes_nothing() {
        for (key, value) in [
            ("MaxRecvDataSegmentLength", "511"),
            ("MaxRecvDataSegmentLength", "16777216"),
            ("MaxBurstLength", "-1"),
            ("FirstBurstLength", "99999999999999999999"),
            ("InitialR2T", "maybe"),
            ("HeaderDigest", "CRC64"),
            ("MaxConnections", "0x"),
            ("MaxOutstandingR2T", ""),
        ] {
            let (terms, answers) = negotiate(&[(key, value)], false);
            assert_eq!(terms, Terms::default(), "{key}={value}");
            assert_eq!(answers, [(key.to_owned(), "Reject".to_owned())], "{key}={value}");
        }
    }

    #[test]
    fn what_concerns_commands_is_irrelevant_to_discovery() {
        let (terms, answers) = negotiate(&[("ImmediateData", "No"), ("DataDigest", "CRC32C")], true);
        assert!(terms.immediate_data && terms.digests.data);
        assert_eq!(answers[0].1, "Irrelevant");
    }
}
