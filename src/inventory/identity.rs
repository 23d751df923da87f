//! Names of SCSI devices and iSCSI nodes: their syntax, and what to say of one that is wrong.

use std::fmt;

/// Identity of a logical unit in the spelling of [`Lun::identity`](crate::facts::Lun): `naa.` or `eui.` and
/// lower-case hexadecimal digits, or `t10.` and text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity(String);

/// What is wrong with a name, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl NameError {
    fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        NameError { what: what.into(), help: Some(help.into()) }
    }
}

impl Identity {
    /// Reads an identity.
    ///
    /// # Errors
    /// It has another form; the spellings of Linux tools (`3600...`, `0x600...`, `wwn-0x600...`) are recognised in
    /// the help.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let lower = text.to_ascii_lowercase();
        if let Some(digits) = lower.strip_prefix("naa.") {
            return match (hex(digits), digits.len(), digits.as_bytes().first()) {
                (true, 32, Some(b'6')) | (true, 16, Some(b'2' | b'3' | b'5')) => Ok(Identity(lower)),
                (true, _, _) => Err(NameError::new(
                    format!("an NAA identity does not have {} digits that begin like this", digits.len()),
                    "one that begins with 6 has 32 hexadecimal digits, one with 2, 3 or 5 has 16",
                )),
                _ => Err(NameError::new(
                    "`naa.` must be followed by hexadecimal digits",
                    "write naa.6001405...",
                )),
            };
        }
        if let Some(digits) = lower.strip_prefix("eui.") {
            return match (hex(digits), digits.len()) {
                (true, 16 | 24 | 32) => Ok(Identity(lower)),
                _ => Err(NameError::new(
                    "`eui.` must be followed by 16, 24 or 32 hexadecimal digits",
                    "write it as the device reports it in VPD page 83",
                )),
            };
        }
        if lower.starts_with("t10.") {
            let rest = &text[4..];
            if rest.is_empty() || rest.chars().any(|c| c.is_control() || c.is_whitespace()) {
                return Err(NameError::new(
                    "`t10.` must be followed by text without blanks",
                    "write each run of blanks as one underscore, as Linux does",
                ));
            }
            return Ok(Identity(format!("t10.{rest}")));
        }
        let bare = lower.strip_prefix("wwn-").unwrap_or(&lower);
        let bare = bare.strip_prefix("0x").unwrap_or(bare);
        let digits = match bare.strip_prefix('3') {
            // scsi_id and multipath put the type of the designator in front.
            Some(rest) if hex(rest) && (rest.len() == 32 || rest.len() == 16) => Some(rest),
            _ if hex(bare) && (bare.len() == 32 || bare.len() == 16) => Some(bare),
            _ => None,
        };
        let help = match digits {
            Some(digits) => format!("write naa.{digits}"),
            None => "write naa.6001405..., eui.... or t10...., as VPD page 83 has it".to_owned(),
        };
        Err(NameError::new("an identity begins with `naa.`, `eui.` or `t10.`", help))
    }

    /// The identity as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Longest iSCSI name in bytes (RFC 7143, section 4.2.7.2).
pub const MAX_ISCSI_NAME_BYTES: usize = 223;

/// Checks an iSCSI name (RFC 7143, sections 4.2.7.3 to 4.2.7.6): `iqn.`, `eui.` or `naa.`.
///
/// Upper case is let through, and the name used as it is written: RFC 3722 folds it, but targets in the field do not.
///
/// # Errors
/// What is wrong with it.
pub fn check_iscsi_name(text: &str) -> Result<(), NameError> {
    let name = text.to_lowercase();
    if name.len() > MAX_ISCSI_NAME_BYTES {
        return Err(NameError {
            what: format!("an iSCSI name has at most {MAX_ISCSI_NAME_BYTES} bytes, not {}", name.len()),
            help: None,
        });
    }
    if let Some(rest) = name.strip_prefix("iqn.") {
        return check_iqn(rest);
    }
    for (prefix, lengths) in [("eui.", &[16_usize][..]), ("naa.", &[16, 32])] {
        if let Some(digits) = name.strip_prefix(prefix) {
            let sound =
                digits.bytes().all(|byte| byte.is_ascii_hexdigit()) && lengths.contains(&digits.len());
            let lengths = lengths.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
            return if sound {
                Ok(())
            } else {
                Err(NameError {
                    what: format!("`{prefix}` must be followed by {lengths} hexadecimal digits"),
                    help: None,
                })
            };
        }
    }
    Err(NameError::new(
        "an iSCSI name begins with `iqn.`, `eui.` or `naa.`",
        "write it as the target shows it: iqn.2001-05.com.example:storage",
    ))
}

/// `yyyy-mm.reversed.domain[:text]`
fn check_iqn(rest: &str) -> Result<(), NameError> {
    const HELP: &str = "write iqn.YEAR-MONTH.REVERSED.DOMAIN:NAME, as in iqn.2001-05.com.example:storage";
    let (date, after) =
        rest.split_once('.').ok_or_else(|| NameError::new("it names no domain after its date", HELP))?;
    let digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let sound_date = date.split_once('-').is_some_and(|(year, month)| {
        digits(year, 4) && digits(month, 2) && month.parse().is_ok_and(|month: u8| (1..=12).contains(&month))
    });
    if !sound_date {
        return Err(NameError::new(format!("`{date}` is no year and month"), HELP));
    }
    let domain = after.split(':').next().unwrap_or_default();
    let sound_domain = !domain.is_empty()
        && domain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
    if !sound_domain {
        return Err(NameError::new(format!("`{domain}` is no reversed domain name"), HELP));
    }
    // RFC 3722 allows letters, digits, `-`, `.` and `:`; targets in the field also have `_` and `/`.
    match after.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '-' | '.' | ':' | '_' | '/'))) {
        Some(c) => Err(NameError::new(
            format!(
                "{} cannot be part of it",
                if c.is_whitespace() { "a blank".to_owned() } else { format!("`{c}`") }
            ),
            HELP,
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iscsi_names() {
        for name in [
            "iqn.2001-05.com.example:storage",
            "iqn.1991-05.com.microsoft:HV1.example.com",
            "iqn.2003-01.org.linux-iscsi.host.x8664:sn.42d4b7aee3e1",
            "iqn.1992-08.com.netapp:sn.33612311:vs.3",
            "iqn.2001-04.com.example",
            "eui.02004567A425678D",
            "naa.52004567BA64678D",
            "naa.62004567BA64678D0123456789ABCDEF",
        ] {
            assert_eq!(check_iscsi_name(name), Ok(()), "{name}");
        }
        for (name, what) in [
            ("iqn:2001-05.com.example", "begins with"),
            ("iqn.2001-5.com.example:x", "`2001-5` is no year and month"),
            ("iqn.2001-13.com.example:x", "`2001-13` is no year and month"),
            ("iqn.2001-05", "no domain"),
            ("iqn.2001-05.:x", "no reversed domain"),
            ("iqn.2001-05.com..x", "no reversed domain"),
            ("iqn.2001-05.com.example:a b", "a blank cannot"),
            ("iqn.2001-05.com.example:a,1", "`,` cannot"),
            ("eui.0200", "16 hexadecimal digits"),
            ("naa.52004567BA64678", "16 or 32"),
            ("", "begins with"),
        ] {
            let error = check_iscsi_name(name).expect_err(name);
            assert!(error.what.contains(what), "{name}: {error:?}");
        }
        assert!(check_iscsi_name(&format!("iqn.2001-05.com.example:{}", "x".repeat(200))).is_err());
    }

    #[test]
    fn identities() {
        let sound = |text: &str| Identity::parse(text).map(|identity| identity.to_string());
        assert_eq!(
            sound("naa.6001405ABCDEF01234567890ABCDEF01").as_deref(),
            Ok("naa.6001405abcdef01234567890abcdef01")
        );
        assert_eq!(sound("naa.5000c500a1b2c3d4").as_deref(), Ok("naa.5000c500a1b2c3d4"));
        assert_eq!(sound("eui.0025385b71b00000").as_deref(), Ok("eui.0025385b71b00000"));
        assert_eq!(sound("T10.IET_00010001").as_deref(), Ok("t10.IET_00010001"));
        let help = |text: &str| sound(text).expect_err(text).help.unwrap_or_default();
        let wwid = "6001405abcdef01234567890abcdef01";
        for text in [format!("3{wwid}"), format!("0x{wwid}"), format!("wwn-0x{wwid}"), wwid.to_owned()] {
            assert_eq!(help(&text), format!("write naa.{wwid}"));
        }
        for text in
            ["", "naa.", "naa.600", "naa.xyz", "eui.12", "t10.", "t10.a b", "uuid", "naa.4000c500a1b2c3d4"]
        {
            assert!(sound(text).is_err(), "{text}");
        }
    }
}
