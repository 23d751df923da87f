//! CHAP as iSCSI uses it (RFC 7143 section 12.1.3, RFC 1994): MD5, which every peer has to support, and SHA-256.
//!
//! Secrets are never shown and wiped when dropped. Responses are compared in constant time. A target that sends our own challenge
//! back, or shares one secret between both directions, is refused: both let it answer without knowing a secret.

use std::fmt;

use md5::Md5;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The longest challenge or response that is accepted, in bytes (RFC 7143 section 12.1.3).
pub const LONGEST_BINARY: usize = 1024;

/// Secrets shorter than this many bytes are weak (RFC 7143 section 9.2.1: 96 bits).
pub const SHORTEST_STRONG_SECRET: usize = 12;

/// A hash algorithm of CHAP, by its IANA number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Algorithm {
    /// 5, MD5.
    Md5 = 5,
    /// 7, SHA-256.
    Sha256 = 7,
}

impl Algorithm {
    /// The algorithm with this number, where it is one of the supported.
    pub fn from_code(code: u32) -> Option<Self> {
        match code {
            5 => Some(Self::Md5),
            7 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// The number on the wire.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The usual name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The response to a challenge: hash of identifier, secret and challenge.
    pub fn response(self, identifier: u8, secret: &SecretString, challenge: &[u8]) -> Vec<u8> {
        let secret = secret.expose_secret().as_bytes();
        match self {
            Self::Md5 => Md5::new()
                .chain_update([identifier])
                .chain_update(secret)
                .chain_update(challenge)
                .finalize()
                .to_vec(),
            Self::Sha256 => Sha256::new()
                .chain_update([identifier])
                .chain_update(secret)
                .chain_update(challenge)
                .finalize()
                .to_vec(),
        }
    }

    /// True when `response` answers the challenge; compared in constant time.
    pub fn verify(self, identifier: u8, secret: &SecretString, challenge: &[u8], response: &[u8]) -> bool {
        self.response(identifier, secret, challenge).ct_eq(response).into()
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name and the secret that goes with it. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// CHAP_N.
    pub user: String,
    /// The secret.
    pub secret: SecretString,
}

impl Credentials {
    /// Credentials of these two texts.
    pub fn new(user: impl Into<String>, secret: SecretString) -> Self {
        Self { user: user.into(), secret }
    }

    /// True when the secret is shorter than RFC 7143 wants where no IPsec protects the connection.
    pub fn is_weak(&self) -> bool {
        self.secret.expose_secret().len() < SHORTEST_STRONG_SECRET
    }
}

/// What the initiator needs to log in with CHAP.
#[derive(Debug, Clone)]
pub struct Chap {
    initiator: Credentials,
    target: Option<Credentials>,
    algorithms: Vec<Algorithm>,
}

/// Why an exchange of CHAP failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChapError {
    /// Both directions have the same secret, so that the target could answer with our own words.
    #[error("the secrets of initiator and target are equal; mutual CHAP needs two different ones")]
    EqualSecrets,
    /// Nothing to offer.
    #[error("no CHAP algorithm is chosen")]
    NoAlgorithm,
    /// The target left a key out.
    #[error("the target sent no `{0}`")]
    Missing(&'static str),
    /// The target chose an algorithm that was not offered.
    #[error("the target chose CHAP algorithm {chosen}, offered were {offered}")]
    Algorithm {
        /// What it answered.
        chosen: String,
        /// What was offered.
        offered: String,
    },
    /// A value is not what its key needs.
    #[error("the target's `{key}` is {why}")]
    Value {
        /// The key.
        key: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// The target challenged us with our own challenge.
    #[error("the target sent our own challenge back, which is an attack or a grave defect")]
    Reflection,
    /// The target named itself otherwise than configured.
    #[error("the target calls itself `{got}` in CHAP, `{expected}` is configured")]
    Name {
        /// What it sent.
        got: String,
        /// What is configured.
        expected: String,
    },
    /// The target does not know its secret.
    #[error("the target failed to authenticate itself: its CHAP response is wrong")]
    Response,
}

impl Chap {
    /// One-way CHAP with MD5: the target learns who we are.
    pub fn one_way(initiator: Credentials) -> Self {
        Self { initiator, target: None, algorithms: vec![Algorithm::Md5] }
    }

    /// Mutual CHAP with MD5: the target must authenticate itself too. Refuses equal secrets.
    pub fn mutual(initiator: Credentials, target: Credentials) -> Result<Self, ChapError> {
        let ours = initiator.secret.expose_secret().as_bytes();
        if ours.ct_eq(target.secret.expose_secret().as_bytes()).into() {
            return Err(ChapError::EqualSecrets);
        }
        Ok(Self { initiator, target: Some(target), algorithms: vec![Algorithm::Md5] })
    }

    /// Offers these algorithms instead, best first. Some targets refuse a list with numbers they do not know.
    pub fn with_algorithms(mut self, algorithms: Vec<Algorithm>) -> Result<Self, ChapError> {
        if algorithms.is_empty() {
            return Err(ChapError::NoAlgorithm);
        }
        self.algorithms = algorithms;
        Ok(self)
    }

    /// The same without the target's part, for a session in which it need not authenticate itself.
    #[must_use]
    pub fn without_target(&self) -> Self {
        Self { target: None, ..self.clone() }
    }

    /// The same with MD5 as the only offer, where it is one of several.
    pub fn md5_alone(&self) -> Option<Self> {
        (self.algorithms.len() > 1 && self.algorithms.contains(&Algorithm::Md5))
            .then(|| Self { algorithms: vec![Algorithm::Md5], ..self.clone() })
    }

    /// True when the target must authenticate itself.
    pub fn is_mutual(&self) -> bool {
        self.target.is_some()
    }

    /// Our name and secret.
    pub fn initiator(&self) -> &Credentials {
        &self.initiator
    }

    /// The target's name and secret, where it must authenticate itself.
    pub fn target(&self) -> Option<&Credentials> {
        self.target.as_ref()
    }

    /// What is offered, best first.
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// The value of CHAP_A.
    pub fn offer(&self) -> String {
        self.algorithms.iter().map(|algorithm| algorithm.code().to_string()).collect::<Vec<_>>().join(",")
    }

    /// The algorithm that the target chose from our offer.
    pub fn chosen(&self, value: &str) -> Result<Algorithm, ChapError> {
        value
            .trim()
            .parse()
            .ok()
            .and_then(Algorithm::from_code)
            .filter(|algorithm| self.algorithms.contains(algorithm))
            .ok_or_else(|| ChapError::Algorithm {
                chosen: value.chars().take(40).collect(),
                offered: self.offer(),
            })
    }

    /// Checks the target's name and response to our challenge. Without mutual CHAP there is nothing to check.
    pub fn verify_target(
        &self,
        algorithm: Algorithm,
        identifier: u8,
        challenge: &[u8],
        name: &str,
        response: &[u8],
    ) -> Result<(), ChapError> {
        let Some(target) = &self.target else { return Ok(()) };
        if !algorithm.verify(identifier, &target.secret, challenge, response) {
            return Err(ChapError::Response);
        }
        if name != target.user {
            return Err(ChapError::Name {
                got: name.chars().take(255).collect(),
                expected: target.user.clone(),
            });
        }
        Ok(())
    }
}

/// Reads a binary value: `0x` and hexadecimal digits, or `0b` and base64 (RFC 7143 section 6.1).
pub fn decode_binary(key: &'static str, text: &str) -> Result<Vec<u8>, ChapError> {
    let wrong = |why| ChapError::Value { key, why };
    let bytes = match text.get(..2) {
        Some("0x" | "0X") => {
            let digits = &text[2..];
            // An odd number of digits stands for a number with a leading zero.
            let even = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("0{digits}") };
            hex::decode(even).map_err(|_| wrong("not hexadecimal"))?
        }
        Some("0b" | "0B") => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(&text[2..]).map_err(|_| wrong("not base64"))?
        }
        _ => return Err(wrong("neither `0x` nor `0b`")),
    };
    match bytes.len() {
        0 => Err(wrong("empty")),
        1..=LONGEST_BINARY => Ok(bytes),
        _ => Err(wrong("longer than 1024 bytes")),
    }
}

/// A binary value in the form every peer reads.
pub fn encode_binary(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[test]
    fn responses_of_both_algorithms() {
        // printf '\x01secretsecret12\xaa\xbb' | md5sum, sha256sum
        let challenge = [0xaa, 0xbb];
        let md5 = Algorithm::Md5.response(1, &secret("secretsecret12"), &challenge);
        assert_eq!(hex::encode(&md5), "735ac0490515b1aa18742215d64d4022");
        let sha = Algorithm::Sha256.response(1, &secret("secretsecret12"), &challenge);
        assert_eq!(hex::encode(&sha), "dedd7b5d45d0e7819fb2b203d6bfb692574ac033d0e6c227920c851337993f53");
        assert!(Algorithm::Md5.verify(1, &secret("secretsecret12"), &challenge, &md5));
        assert!(!Algorithm::Md5.verify(2, &secret("secretsecret12"), &challenge, &md5));
        assert!(!Algorithm::Md5.verify(1, &secret("secretsecret12"), &challenge, &md5[..15]));
    }

    #[test]
    fn equal_secrets_are_refused() {
        let ours = Credentials::new("a", secret("samesamesame1"));
        let theirs = Credentials::new("b", secret("samesamesame1"));
        assert_eq!(Chap::mutual(ours, theirs).unwrap_err(), ChapError::EqualSecrets);
    }

    #[test]
    fn only_what_was_offered_may_be_chosen() {
        let chap = Chap::one_way(Credentials::new("a", secret("x")))
            .with_algorithms(vec![Algorithm::Sha256])
            .unwrap();
        assert_eq!(chap.offer(), "7");
        assert_eq!(chap.chosen("7"), Ok(Algorithm::Sha256));
        for value in ["5", "6", "8", "", "7,5", "x"] {
            assert!(matches!(chap.chosen(value), Err(ChapError::Algorithm { .. })), "{value}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let chap = Chap::one_way(Credentials::new("user", secret("hidden-secret")));
        assert!(!format!("{chap:?}").contains("hidden-secret"));
        assert!(Credentials::new("u", secret("short")).is_weak());
    }

    #[test]
    fn binary_values() {
        assert_eq!(decode_binary("CHAP_C", "0x0AfF"), Ok(vec![0x0a, 0xff]));
        assert_eq!(decode_binary("CHAP_C", "0xaff"), Ok(vec![0x0a, 0xff]));
        assert_eq!(decode_binary("CHAP_C", "0bCv8="), Ok(vec![0x0a, 0xff]));
        for text in ["", "0", "0x", "0xzz", "12", "0b!", "ä0"] {
            assert!(decode_binary("CHAP_C", text).is_err(), "{text}");
        }
        assert!(decode_binary("CHAP_C", &encode_binary(&[0; 1024])).is_ok());
        assert!(decode_binary("CHAP_C", &encode_binary(&[0; 1025])).is_err());
    }
}
