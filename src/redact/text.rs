//! Free text: names that are known, and what has the form of an address, a name of iSCSI, an identity, a UUID, a mail
//! address or a home directory.

use super::token::Tokens;
use regex::Regex;
use std::net::IpAddr;
use std::sync::LazyLock;

/// Forms by which a text is known; the first that fits counts.
static FORMS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi)
        (?P<mail> [a-z0-9._%+-]+ @ [a-z0-9] (?:[a-z0-9.-]* [a-z0-9])? )
        | (?P<iqn> iqn\.\d{4}-\d{2}\.[a-z0-9] [a-z0-9.:_-]* )
        | (?P<number> (?:naa|eui)\.[0-9a-f]{8,32} )
        | (?P<uuid> [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12} )
        | (?P<mac> [0-9a-f]{2}(?: :[0-9a-f]{2}){5,19} | [0-9a-f]{2}(?: -[0-9a-f]{2}){5,19} )
        | (?P<v6> [0-9a-f]{0,4} (?: :[0-9a-f]{0,4}){2,7} (?: \.\d{1,3}){0,3} ) (?P<length6> /\d{1,3} )?
        | (?P<v4> \d{1,3}(?: \.\d{1,3}){3} ) (?P<length4> /\d{1,2} )?
        | (?P<home> (?: /home/ | [a-z]:\\Users\\ ) [^/\\\s"':,;]+ )
        "#,
    )
    .expect("the expression is part of the program, and tests run it")
});

/// A piece that is replaced: where it stands, and by what.
struct Piece {
    start: usize,
    end: usize,
    token: String,
}

impl Tokens {
    /// Whether the whole of a text has the form of an address or of an identity, so that it is no name.
    pub fn is_pattern(&self, text: &str) -> bool {
        let whole = |found: regex::Match<'_>| found.start() == 0 && found.end() == text.len();
        text.parse::<IpAddr>().is_ok()
            || text.parse::<ipnet::IpNet>().is_ok()
            || FORMS.find(text).is_some_and(|found| whole(found) && !text.starts_with(['/', '\\']))
    }

    /// A text with every name and address in it replaced.
    pub fn text(&self, text: &str) -> String {
        if let Some(known) = self.known(text) {
            return known;
        }
        let mut out = String::with_capacity(text.len() + 16);
        let mut at = 0;
        let mut form = self.form(text, 0);
        let mut word = self.word(text, 0);
        loop {
            if form.as_ref().is_some_and(|piece| piece.start < at) {
                form = self.form(text, at);
            }
            if word.as_ref().is_some_and(|piece| piece.start < at) {
                word = self.word(text, at);
            }
            let next = match (&form, &word) {
                (None, None) => break,
                (Some(form), None) => form,
                (None, Some(word)) => word,
                // The one that begins first, of two the longer one; a word inside of what a form covers is part of it.
                (Some(form), Some(word)) if form.start < word.start => form,
                (Some(form), Some(word)) if form.start == word.start && form.end > word.end => form,
                (_, Some(word)) => word,
            };
            out.push_str(&text[at..next.start]);
            out.push_str(&next.token);
            at = next.end;
        }
        out.push_str(&text[at..]);
        out
    }

    /// Takes note of every address in a text.
    pub fn learn_addresses(&mut self, text: &str) {
        for found in FORMS.captures_iter(text) {
            let named = |name: &str| found.name(name).map(|found| found.as_str());
            let (address, length) = match (named("v4"), named("v6")) {
                (Some(address), _) => (address, named("length4")),
                (_, Some(address)) => (address, named("length6")),
                _ => continue,
            };
            if let Ok(address) = address.parse::<IpAddr>() {
                self.addresses.learn(address, length.and_then(|length| length[1..].parse().ok()));
            }
        }
    }

    /// The next known name from a place on.
    fn word(&self, text: &str, from: usize) -> Option<Piece> {
        let bytes = text.as_bytes();
        let part =
            |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
        let mut at = from;
        while at < bytes.len() {
            if !text.is_char_boundary(at) || !part(at) || at > 0 && part(at - 1) {
                at += 1;
                continue;
            }
            // Every end of a word is tried, the farthest first.
            let limit = bytes.len().min(at + self.longest);
            for end in (at + 1..=limit).rev() {
                // What ends in a sign ends there too: `Disk (1)`.
                if !text.is_char_boundary(end) || part(end - 1) && part(end) {
                    continue;
                }
                if let Some(token) = self.known(&text[at..end]) {
                    let (end, token) = self.with_domain(text, end, token);
                    return Some(Piece { start: at, end, token });
                }
            }
            at += 1;
        }
        None
    }

    /// A name with the domain that follows it: `hv1.corp.example.com`.
    fn with_domain(&self, text: &str, end: usize, token: String) -> (usize, String) {
        const FILES: &[&str] = &[
            "json", "toml", "xml", "log", "txt", "tar", "xz", "gz", "bz2", "zst", "zip", "htm", "html",
            "mht", "conf", "cfg", "service", "socket", "target", "pcapng", "res", "csv", "vhd", "vhdx",
            "vmdk", "vmx", "vmcx", "vbs", "ps1", "sh", "exe", "dll", "sys", "cab",
        ];
        let rest = &text[end..];
        let length = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
            .count();
        let domain = rest[..length].trim_end_matches(['.', '-']);
        let Some(labels) = domain.strip_prefix('.') else { return (end, token) };
        let last = labels.rsplit('.').next().unwrap_or_default();
        let sound = labels.split('.').all(|label| !label.is_empty())
            && last.bytes().all(|byte| byte.is_ascii_alphabetic())
            && last.len() > 1
            && !FILES.contains(&last.to_ascii_lowercase().as_str())
            && !token.contains(':');
        if sound { (end + domain.len(), format!("{token}.{}", self.domain(labels))) } else { (end, token) }
    }

    /// The next text of a known form from a place on.
    fn form(&self, text: &str, from: usize) -> Option<Piece> {
        let mut from = from;
        while let Some(found) = FORMS.captures_at(text, from) {
            let whole = found.get(0)?;
            if let Some(piece) = self.piece(text, &found) {
                return Some(piece);
            }
            // Behind a text that only looks like one a real one may begin.
            from = whole.start() + text[whole.start()..].chars().next().map_or(1, char::len_utf8);
            let bytes = text.as_bytes();
            while from < bytes.len()
                && (!text.is_char_boundary(from)
                    || bytes[from - 1].is_ascii_alphanumeric() && bytes[from].is_ascii_alphanumeric())
            {
                from += 1;
            }
        }
        None
    }

    fn piece(&self, text: &str, found: &regex::Captures<'_>) -> Option<Piece> {
        let whole = found.get(0)?;
        let (start, mut end) = (whole.start(), whole.end());
        let bytes = text.as_bytes();
        let joined = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let free = |start: usize, end: usize| {
            (start == 0 || !joined(bytes[start - 1])) && bytes.get(end).is_none_or(|byte| !joined(*byte))
        };
        let piece = |end, token| Some(Piece { start, end, token });
        if let Some(mail) = found.name("mail") {
            let (user, host) = mail.as_str().split_once('@')?;
            let host = match self.known(host) {
                Some(known) => known,
                None if host.parse::<IpAddr>().is_ok() || !host.contains('.') => self.text(host),
                None => self.domain(host),
            };
            return piece(end, format!("{}@{host}", self.user(user)));
        }
        if let Some(home) = found.name("home") {
            let text = home.as_str();
            let at = text.rfind(['/', '\\'])? + 1;
            return piece(end, format!("{}{}", &text[..at], self.user(&text[at..])));
        }
        if let Some(name) = found.name("iqn") {
            let name = name.as_str().trim_end_matches(['.', ':', '-', '_']);
            end = start + name.len();
            return free(start, end)
                .then(|| self.iqn(&name.to_ascii_lowercase()))
                .and_then(|token| piece(end, token));
        }
        if !free(start, end) {
            return None;
        }
        if let Some(number) = found.name("number") {
            let lower = number.as_str().to_ascii_lowercase();
            if let Some(known) = self.known(&lower) {
                return piece(end, known);
            }
            let (scheme, number) = lower.split_at(4);
            // The first digit of an NAA number tells its kind.
            let kept = usize::from(scheme == "naa.");
            return piece(end, format!("{scheme}{}{}", &number[..kept], self.shaped(&number[kept..])));
        }
        if let Some(uuid) = found.name("uuid") {
            let lower = uuid.as_str().to_ascii_lowercase();
            if lower.bytes().all(|byte| matches!(byte, b'0' | b'-')) {
                return None;
            }
            let token = self.shaped(&lower);
            let upper = uuid.as_str().bytes().any(|byte| byte.is_ascii_uppercase());
            return piece(end, if upper { token.to_ascii_uppercase() } else { token });
        }
        if let Some(mac) = found.name("mac") {
            return self.mac(mac.as_str()).and_then(|token| piece(end, token));
        }
        if let Some(address) = found.name("v6") {
            return self
                .ip(address.as_str(), found.name("length6").map(|found| found.as_str()))
                .and_then(|token| piece(end, token));
        }
        let address = found.name("v4")?;
        // A version has more numbers before or behind.
        let dotted = |at: Option<usize>, next: Option<usize>| {
            at.and_then(|at| bytes.get(at)).is_some_and(|byte| *byte == b'.')
                && next.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit)
        };
        if dotted(start.checked_sub(1), start.checked_sub(2)) || dotted(Some(end), Some(end + 1)) {
            return None;
        }
        self.ip(address.as_str(), found.name("length4").map(|found| found.as_str()))
            .and_then(|token| piece(end, token))
    }

    fn ip(&self, address: &str, length: Option<&str>) -> Option<String> {
        let parsed: IpAddr = address.parse().ok()?;
        let bits: Option<u8> = length.and_then(|length| length[1..].parse().ok());
        let mapped = self.addresses.ip(parsed, bits);
        if mapped == parsed {
            return Some(format!("{address}{}", length.unwrap_or_default()));
        }
        Some(format!("{mapped}{}", length.unwrap_or_default()))
    }

    fn mac(&self, text: &str) -> Option<String> {
        let separator = text.chars().nth(2)?;
        let bytes: Option<Vec<u8>> =
            text.split(separator).map(|pair| u8::from_str_radix(pair, 16).ok()).collect();
        let bytes = bytes?;
        let told = match <[u8; 6]>::try_from(bytes.as_slice()) {
            Ok(mac) => self.addresses.mac(mac).to_vec(),
            Err(_) if matches!(bytes.len(), 8 | 20) => self.addresses.wide(&bytes),
            Err(_) => return None,
        };
        let upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
        let pairs: Vec<String> = told
            .iter()
            .map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") })
            .collect();
        Some(pairs.join(&separator.to_string()))
    }
}
