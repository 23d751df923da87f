//! Network portals as `SendTargets`, redirections and people write them: `host[:port][,tag]`, IPv6 in brackets.

use std::fmt;
use std::str::FromStr;

use super::DEFAULT_PORT;

/// An address and port at which a target listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Portal {
    /// Host name or IP address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Text that is no portal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no portal: {why}")]
pub struct PortalError {
    text: String,
    why: &'static str,
}

impl Portal {
    /// A portal at this host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    /// Reads a `TargetAddress` value: a portal and, after a comma, its target portal group tag.
    pub fn parse_address(text: &str) -> Result<(Self, Option<u16>), PortalError> {
        match text.rsplit_once(',') {
            Some((portal, tag)) => {
                let tag = tag
                    .trim()
                    .parse()
                    .map_err(|_| PortalError::new(text, "the portal group tag is no number up to 65535"))?;
                Ok((portal.parse()?, Some(tag)))
            }
            None => Ok((text.parse()?, None)),
        }
    }
}

impl PortalError {
    fn new(text: &str, why: &'static str) -> Self {
        // The text may come from a peer: bounded, and no control characters.
        Self { text: text.chars().take(300).map(|c| if c.is_control() { '?' } else { c }).collect(), why }
    }
}

impl FromStr for Portal {
    type Err = PortalError;

    fn from_str(text: &str) -> Result<Self, PortalError> {
        let trimmed = text.trim();
        let wrong = |why| PortalError::new(text, why);
        let (host, port) = if let Some(rest) = trimmed.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or_else(|| wrong("the bracket is not closed"))?;
            if host.split('%').next().is_none_or(|ip| ip.parse::<std::net::Ipv6Addr>().is_err()) {
                return Err(wrong("what stands in brackets is no IPv6 address"));
            }
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(wrong("after the bracket only `:port` may stand")),
            }
        } else if trimmed.parse::<std::net::Ipv6Addr>().is_ok() {
            (trimmed, None)
        } else {
            match trimmed.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return Err(wrong("an IPv6 address with a port needs brackets"));
                }
                Some((host, port)) => (host, Some(port)),
                None => (trimmed, None),
            }
        };
        if host.is_empty() || host.len() > 255 || host.starts_with('-') {
            return Err(wrong("the host is empty, too long or begins with `-`"));
        }
        if !host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%')) {
            return Err(wrong("the host holds characters that neither a name nor an address has"));
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
                _ => return Err(wrong("the port is no number from 1 to 65535")),
            },
        };
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, shown) in [
            ("10.0.0.1", "10.0.0.1:3260"),
            ("10.0.0.1:3261", "10.0.0.1:3261"),
            ("san.example.org:860", "san.example.org:860"),
            ("[2001:db8::1]:3261", "[2001:db8::1]:3261"),
            ("[fe80::1%eth0]", "[fe80::1%eth0]:3260"),
            ("2001:db8::1", "[2001:db8::1]:3260"),
        ] {
            let portal: Portal = text.parse().unwrap();
            assert_eq!(portal.to_string(), shown);
            assert_eq!(portal.to_string().parse(), Ok(portal));
        }
        assert_eq!(Portal::parse_address("[::1]:3260,1"), Ok((Portal::new("::1", 3260), Some(1))));
        assert_eq!(Portal::parse_address("host,0"), Ok((Portal::new("host", 3260), Some(0))));
    }

    #[test]
    fn what_is_no_portal() {
        for text in [
            "",
            ":3260",
            "host:",
            "host:0",
            "host:65536",
            "host:+80",
            "[::1",
            "[::1]x",
            "[host]:1",
            "a b",
            "::1:zz:3260",
        ] {
            assert!(text.parse::<Portal>().is_err(), "{text}");
        }
        assert!(Portal::parse_address("host,x").is_err());
        let hostile = "\u{1b}[2J:x".parse::<Portal>().unwrap_err();
        assert!(!hostile.to_string().contains('\u{1b}'));
    }
}
