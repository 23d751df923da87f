//! The read-only script that gathers a host's facts, ready to be sent.

use super::collectors;

/// The script as it stands, without the three variables that go before it.
pub const SCRIPT: &str = include_str!("script.sh");

/// Most names of nodes that one host is asked to look up.
const NAMES: usize = 256;

/// The script for one run: `nonce` marks its frames; `names` are the host names that it looks up; with `sudo` it asks
/// through sudo what needs root. Names that are no host names are left out.
pub fn render(nonce: &str, names: &[String], sudo: bool) -> String {
    let names = host_names(names.iter().map(String::as_str));
    let asked = if sudo { collectors::through_sudo().join(" ") } else { String::new() };
    format!("N='{nonce}' NAMES='{}' S='{asked}'\n{SCRIPT}", names.join(" "))
}

/// Those of the names that may stand in the script, each once.
pub fn host_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in names.filter(|name| is_host_name(name)).take(NAMES) {
        if !out.iter().any(|known| known == name) {
            out.push(name.to_owned());
        }
    }
    out
}

/// A random word that no output of a host can hold.
///
/// # Errors
/// The operating system gave no random bytes.
pub fn nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}

/// Whether a name may stand in the script: letters, digits, `.`, `-`, `_`, and neither empty nor an option.
pub fn is_host_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= 253 && !name.starts_with('-') && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_names_reach_the_shell() {
        let names = ["hv1", "hv2.example.com", "-x", "a'; reboot #", "", "a b"].map(str::to_owned);
        let script = render("00ff", &names, false);
        assert!(script.starts_with("N='00ff' NAMES='hv1 hv2.example.com' S=''\n# The collector"));
        let first = render("00ff", &names, true).lines().next().unwrap_or_default().to_owned();
        assert!(first.contains(" multipathd ") && first.contains("/etc/corosync/authkey "), "{first}");
        assert_eq!(first.matches('\'').count(), 6, "{first}");
    }

    #[test]
    fn nonces_differ() {
        let (a, b) = (nonce().unwrap(), nonce().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.len(), 32);
    }
}
