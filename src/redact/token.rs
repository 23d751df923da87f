//! Tokens: what stands for a name, a serial number, an identity, a key.

use super::address::Addresses;
use super::fields::Class;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};

/// Fewest bytes of a salt that somebody gives.
pub const LEAST_SALT: usize = 16;

/// Longest text, in bytes, that is looked for inside others.
const LONGEST_WORD: usize = 256;

/// What makes tokens differ from one recording to the next, unless it is given again. It enters no document.
#[derive(Clone)]
pub struct Salt([u8; 32]);

impl Salt {
    /// A new one.
    ///
    /// # Errors
    /// The operating system gave no random bytes.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Salt(bytes))
    }

    /// One out of a text that is kept; none where it has fewer than [`LEAST_SALT`] bytes.
    pub fn new(text: &[u8]) -> Option<Self> {
        let text = text.trim_ascii();
        (text.len() >= LEAST_SALT).then(|| Salt(Sha256::digest(text).into()))
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt")
    }
}

/// A function that nobody without the salt can compute.
#[derive(Clone)]
pub(super) struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// Bytes that stand for some others. `what` keeps kinds apart.
    pub fn bytes(&self, what: &str, of: &[u8]) -> [u8; 32] {
        // The length of the first part is part of the text, and the key stands at both ends.
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update([u8::try_from(what.len()).unwrap_or(u8::MAX)]);
        hash.update(what.as_bytes());
        hash.update(of);
        hash.update(self.0);
        hash.finalize().into()
    }
}

/// Names that are nobody's.
const NOBODY: &[&str] = &[
    "localhost",
    "localhost.localdomain",
    "localdomain",
    "localhost4",
    "localhost4.localdomain4",
    "localhost6",
    "localhost6.localdomain6",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-localnet",
    "ip6-mcastprefix",
    "broadcasthost",
    "none",
    "unknown",
    "(cut)",
    "root",
    "hacluster",
    "haclient",
    "localsystem",
    "system",
    "administrator",
    "local",
];

/// What firmware says instead of a serial number.
const PLACEHOLDERS: &[&str] = &[
    "none",
    "unknown",
    "not specified",
    "not available",
    "not applicable",
    "n/a",
    "default string",
    "system serial number",
    "to be filled by o.e.m.",
    "to be filled by oem",
    "0123456789",
    "1234567890",
    "no asset tag",
    "no asset information",
    "asset tag",
    // The clouds that are known by the tag that they give to every chassis.
    "7783-7084-3265-9085-8269-3286-77",
    "amazon ec2",
];

/// Domains that are everybody's.
const PUBLIC: &[&str] = &[
    "core.windows.net",
    "core.usgovcloudapi.net",
    "core.chinacloudapi.cn",
    "windows.com",
    "microsoft.com",
    "ntp.org",
    "amazonaws.com",
    "google.com",
    "googleapis.com",
    "debian.org",
    "ubuntu.com",
    "redhat.com",
    "suse.com",
];

/// Everything that is replaced, and by what.
#[derive(Clone, Debug)]
pub(super) struct Tokens {
    secret: Secret,
    pub addresses: Addresses,
    /// By the text in small letters.
    words: HashMap<String, String>,
    /// Tokens that are taken.
    used: HashSet<String>,
    /// Bytes of the longest text.
    pub longest: usize,
}

impl Tokens {
    pub fn new(salt: &Salt) -> Self {
        let secret = Secret(salt.0);
        Tokens {
            addresses: Addresses::new(secret.clone()),
            secret,
            words: HashMap::new(),
            used: HashSet::new(),
            longest: 0,
        }
    }

    /// How many tokens there are, addresses not counted.
    pub fn count(&self) -> usize {
        self.used.len()
    }

    pub fn originals(&self) -> impl Iterator<Item = &str> {
        self.words.keys().map(String::as_str)
    }

    /// What stands for a text, in its letters.
    pub fn known(&self, text: &str) -> Option<String> {
        let token = self.words.get(&text.to_ascii_lowercase())?;
        Some(in_letters_of(text, token))
    }

    fn keep(&mut self, text: &str, token: String) {
        let text = text.to_ascii_lowercase();
        self.longest = self.longest.max(text.len());
        self.words.entry(text).or_insert(token);
    }

    /// A token that nothing else has, and that is no text itself: the first of those that `make` gives for 0, 1, 2 ...
    fn fresh(&mut self, text: &str, make: impl Fn(&Secret, u32) -> String) -> String {
        let mut round = 0;
        loop {
            let token = make(&self.secret, round);
            let free = !self.used.contains(&token)
                && !self.words.contains_key(&token)
                && !token.eq_ignore_ascii_case(text);
            if free {
                self.used.insert(token.clone());
                return token;
            }
            round += 1;
            if round > 4096 {
                // There are too few texts of that form: one that is longer is free.
                let token = format!("{token}-{}", self.used.len());
                self.used.insert(token.clone());
                return token;
            }
        }
    }

    /// Takes note of a text that will be replaced.
    pub fn learn(&mut self, class: Class, text: &str) {
        let text = text.trim();
        if text.is_empty() || self.words.contains_key(&text.to_ascii_lowercase()) {
            return;
        }
        match class {
            Class::Name(kind) => self.learn_name(kind, text),
            Class::Domain => self.learn_domain(text),
            Class::User => self.learn_word("user", text),
            Class::Account => self.learn_account(text),
            Class::Endpoint => self.learn_name("host", host_of(text)),
            // Short ones are replaced where they stand, not in other texts, where they may mean anything.
            Class::Serial if text.len() >= 6 => {
                self.serial(text);
            }
            Class::Serial => {}
            Class::Identity => self.learn_identity(text),
            Class::Key => self.learn_key(text),
            Class::Iqn => self.learn_iqn(text),
            Class::Keep | Class::Text | Class::Path | Class::Settings => {}
        }
    }

    fn learn_word(&mut self, kind: &str, text: &str) {
        let lower = text.to_ascii_lowercase();
        let number = text.chars().all(|c| c.is_ascii_digit());
        if number
            || NOBODY.contains(&lower.as_str())
            || self.words.contains_key(&lower)
            || self.is_pattern(text)
        {
            return;
        }
        let token = self.fresh(&lower, |secret, round| {
            let told = secret.bytes("word", format!("{round} {lower}").as_bytes());
            format!("{kind}-{}", hex::encode(&told[..3]))
        });
        self.keep(&lower, token);
    }

    /// A host name, with its domain where it has one.
    fn learn_name(&mut self, kind: &str, text: &str) {
        match split_domain(text) {
            Some((host, domain)) if !self.is_pattern(text) => {
                self.learn_word(kind, host);
                self.learn_domain(domain);
                if let Some(host) = self.known(&host.to_ascii_lowercase()) {
                    let token = format!("{host}.{}", self.domain(domain));
                    self.keep(text, token);
                }
            }
            _ => self.learn_word(kind, text),
        }
    }

    fn learn_domain(&mut self, text: &str) {
        let text = text.trim_end_matches('.');
        let lower = text.to_ascii_lowercase();
        if !lower.contains('.')
            || is_public(&lower)
            || NOBODY.contains(&lower.as_str())
            || self.is_pattern(text)
        {
            return;
        }
        // The first label alone is the domain's short name on Windows.
        if let Some(first) = lower.split('.').next() {
            self.learn_word("dom", first);
        }
        let token = self.domain(&lower);
        self.keep(&lower, token);
    }

    /// What stands for a domain: label by label, so that a domain below another stays below it. Its end is one that is
    /// reserved (RFC 2606).
    pub fn domain(&self, domain: &str) -> String {
        let lower = domain.to_ascii_lowercase();
        if is_public(&lower) || NOBODY.contains(&lower.as_str()) {
            return lower;
        }
        let labels: Vec<&str> = lower.split('.').collect();
        let Some((_, below)) = labels.split_last() else { return lower };
        let mut out: Vec<String> = below
            .iter()
            .map(|label| match self.words.get(*label) {
                Some(known) => known.clone(),
                None => format!("dom-{}", hex::encode(&self.secret.bytes("label", label.as_bytes())[..3])),
            })
            .collect();
        out.push("example".to_owned());
        out.join(".")
    }

    fn learn_account(&mut self, text: &str) {
        if let Some((domain, user)) = text.split_once('\\') {
            if !matches!(
                domain.to_ascii_lowercase().as_str(),
                "" | "." | "nt authority" | "nt service" | "builtin"
            ) {
                self.learn_word("dom", domain);
                self.learn_word("user", user);
                let part =
                    |word: &str| self.known(&word.to_ascii_lowercase()).unwrap_or_else(|| word.to_owned());
                let token = format!("{}\\{}", part(domain), part(user));
                self.keep(text, token.to_ascii_lowercase());
            }
        } else if let Some((user, domain)) = text.split_once('@') {
            self.learn_word("user", user);
            self.learn_domain(domain);
        } else {
            self.learn_word("user", text);
        }
    }

    /// What stands for a serial number, UUID or hash: of the same form.
    pub fn serial(&mut self, text: &str) -> String {
        if let Some(known) = self.known(text) {
            return known;
        }
        let lower = text.to_ascii_lowercase();
        let first = lower.chars().find(char::is_ascii_alphanumeric);
        let one = lower.chars().filter(char::is_ascii_alphanumeric).all(|c| Some(c) == first);
        if one || PLACEHOLDERS.contains(&lower.as_str()) {
            return text.to_owned();
        }
        // What tells that it is a number, or the SID of a machine.
        let kind =
            ["0x", "s-1-5-21-"].iter().find(|kind| lower.starts_with(**kind)).map_or(0, |kind| kind.len());
        let (prefix, rest) = lower.split_at(kind);
        let token = self.fresh(&lower, |secret, round| format!("{prefix}{}", shape(secret, rest, round)));
        self.words.insert(lower.clone(), token.clone());
        if lower.len() <= LONGEST_WORD {
            self.longest = self.longest.max(lower.len());
        }
        in_letters_of(text, &token)
    }

    fn learn_identity(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        let (scheme, rest) = match lower.split_once('.') {
            Some((scheme @ ("naa" | "eui" | "t10" | "scsi_name" | "uuid"), rest)) => (scheme, rest),
            _ => ("", lower.as_str()),
        };
        if scheme == "scsi_name" || rest.starts_with("iqn.") {
            self.learn_iqn(rest);
            return;
        }
        // The first digit tells which kind of number it is (SPC-4, 7.8.6.6).
        let (kind, number) = if scheme == "naa" && rest.is_char_boundary(1) && !rest.is_empty() {
            rest.split_at(1)
        } else {
            ("", rest)
        };
        if number.is_empty() {
            return;
        }
        let told = self.fresh(number, |secret, round| shape(secret, number, round));
        if !scheme.is_empty() {
            self.keep(&lower, format!("{scheme}.{kind}{told}"));
        }
        if rest.len() >= 8 {
            self.keep(rest, format!("{kind}{told}"));
            // As multipath and udev write them: the type of the designator before it.
            for code in ["1", "2", "3", "8", "0x"] {
                self.keep(&format!("{code}{rest}"), format!("{code}{kind}{told}"));
            }
        } else {
            self.keep(
                &lower,
                format!(
                    "{}{kind}{told}",
                    if scheme.is_empty() { String::new() } else { format!("{scheme}.") }
                ),
            );
        }
    }

    fn learn_key(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        let (key, flag) =
            lower.split_once(':').map_or((lower.as_str(), None), |(key, flag)| (key, Some(flag)));
        let digits = key.strip_prefix("0x").unwrap_or(key);
        let number = digits.trim_start_matches('0');
        if number.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return;
        }
        // One number is one key, however many zeros stand before it.
        let zeros = &digits[..digits.len() - number.len()];
        let bare = format!("key {number}");
        let told = match self.words.get(&bare) {
            Some(known) => known.clone(),
            None => {
                let told = self.fresh(number, |secret, round| {
                    let told = shape(secret, number, round);
                    told.strip_prefix('0').map_or_else(|| told.clone(), |rest| format!("1{rest}"))
                });
                self.words.insert(bare, told.clone());
                told
            }
        };
        let prefix = if key.starts_with("0x") { "0x" } else { "" };
        let token = format!("{prefix}{zeros}{told}");
        if !prefix.is_empty() || digits.len() >= 8 {
            self.keep(key, token.clone());
        }
        if let Some(flag) = flag {
            self.keep(&lower, format!("{token}:{flag}"));
        }
    }

    /// An iSCSI name of the same type (RFC 7143, section 4.2.7).
    fn learn_iqn(&mut self, text: &str) {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("naa.") || lower.starts_with("eui.") {
            self.learn_identity(text);
        } else if lower.starts_with("iqn.") {
            let token = self.iqn(&lower);
            self.keep(&lower, token);
        } else {
            self.learn_word("target", text);
        }
    }

    /// What stands for an iSCSI name in small letters.
    pub fn iqn(&self, lower: &str) -> String {
        match self.words.get(lower) {
            Some(known) => known.clone(),
            None => format!(
                "iqn.2001-04.com.example:{}",
                hex::encode(&self.secret.bytes("iqn", lower.as_bytes())[..8])
            ),
        }
    }

    /// What stands for a text of a form that is seen in free text only.
    pub fn shaped(&self, lower: &str) -> String {
        match self.words.get(lower) {
            Some(known) => known.clone(),
            None => shape(&self.secret, lower, 0),
        }
    }

    /// What stands for a user that is seen in free text only.
    pub fn user(&self, user: &str) -> String {
        let lower = user.to_ascii_lowercase();
        if NOBODY.contains(&lower.as_str()) {
            return user.to_owned();
        }
        match self.words.get(&lower) {
            Some(known) => in_letters_of(user, known),
            None => format!(
                "user-{}",
                hex::encode(&self.secret.bytes("word", format!("0 {lower}").as_bytes())[..3])
            ),
        }
    }

    /// What is to stand in the place of a text of a class.
    pub fn write(&mut self, class: Class, text: &str) -> String {
        match class {
            Class::Keep | Class::Path | Class::Settings => text.to_owned(),
            Class::Serial if !text.trim().is_empty() => self.serial(text),
            _ => self.text(text),
        }
    }
}

/// A host name and its domain.
fn split_domain(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_end_matches('.');
    let (host, domain) = text.split_once('.')?;
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let end = domain.rsplit('.').next()?;
    (label(host) && domain.split('.').all(label) && end.bytes().any(|byte| byte.is_ascii_alphabetic()))
        .then_some((host, domain))
}

fn is_public(domain: &str) -> bool {
    PUBLIC.iter().any(|public| {
        domain.strip_suffix(public).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

/// The host of `host:port`, `//host/share`, `\\host\share` or `https://host/path`.
fn host_of(text: &str) -> &str {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest).trim_start_matches(['/', '\\']);
    let rest = rest.split(['/', '\\']).next().unwrap_or(rest);
    match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => match rest.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) => {
                host
            }
            _ => rest,
        },
    }
}

/// A text of the same form: digits for digits, letters for letters, hexadecimal for hexadecimal, all else as it is.
fn shape(secret: &Secret, text: &str, round: u32) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric();
    let hexadecimal = text.chars().filter(|c| plain(*c)).all(|c| c.is_ascii_hexdigit())
        && text.chars().any(|c| c.is_ascii_digit())
        && text.chars().filter(|c| plain(*c)).count() >= 8;
    let mut told = Vec::new();
    let mut block = 0_u32;
    let mut next = || {
        if told.is_empty() {
            told = secret.bytes("shape", format!("{round} {block} {text}").as_bytes()).to_vec();
            block += 1;
        }
        told.pop().unwrap_or_default()
    };
    text.chars()
        .map(|c| match c {
            c if hexadecimal && c.is_ascii_hexdigit() => {
                char::from(b"0123456789abcdef"[usize::from(next() & 15)])
            }
            c if c.is_ascii_digit() => char::from(b'0' + next() % 10),
            c if c.is_ascii_alphabetic() => char::from(b'a' + next() % 26),
            c if c.is_alphabetic() => char::from(b'a' + next() % 26),
            c => c,
        })
        .collect()
}

/// A token in capitals where a text is, with a capital where it has some, else in small letters.
fn in_letters_of(text: &str, token: &str) -> String {
    let (upper, lower) = (
        text.bytes().any(|byte| byte.is_ascii_uppercase()),
        text.bytes().any(|byte| byte.is_ascii_lowercase()),
    );
    match (upper, lower) {
        (true, false) => token.to_ascii_uppercase(),
        (true, true) => {
            let mut out = token.to_owned();
            if let Some(at) = out.find(|c: char| c.is_ascii_lowercase()) {
                out[at..=at].make_ascii_uppercase();
            }
            out
        }
        _ => token.to_owned(),
    }
}
