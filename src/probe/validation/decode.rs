//! Bytes of a report to text: UTF-8 or UTF-16, bare or in a web archive (`.mht`, RFC 2557), as each release writes it.

use super::ReportError;
use mail_parser::{MessageParser, PartType};
use std::borrow::Cow;

/// How much of a file tells what it is.
pub(super) const HEAD_BYTES: usize = 4096;

/// Whether a file that begins so is HTML, or a web archive that may hold HTML. What kind of HTML is not told.
pub(super) fn is_markup(head: &[u8]) -> bool {
    if is_archive(head) {
        return true;
    }
    let text = decode(&head[..head.len() & !1]);
    text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']).starts_with('<')
}

/// A web archive begins with mail headers, and says `multipart/related` in them.
fn is_archive(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&head[..head.len().min(HEAD_BYTES)]).to_ascii_lowercase();
    let first = text.trim_start_matches(['\u{feff}', '\r', '\n']).lines().next().unwrap_or_default();
    let is_header = first.split_once(':').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    });
    is_header && text.contains("mime-version") && text.contains("multipart/related")
}

/// The HTML of a report.
///
/// # Errors
/// [`ReportError::Archive`] for a web archive that holds no HTML.
pub(super) fn html<'a>(bytes: &'a [u8], file: &str) -> Result<Cow<'a, str>, ReportError> {
    if !is_archive(&bytes[..bytes.len().min(HEAD_BYTES)]) {
        return Ok(decode(bytes));
    }
    let archive = || ReportError::Archive { file: file.to_owned() };
    let message = MessageParser::default().parse(bytes).ok_or_else(archive)?;
    let html = message.parts.iter().find_map(|part| match &part.body {
        // A part in UTF-16 has been taken for text of another kind where its header does not say so.
        PartType::Html(_) if part.contents().contains(&0) => Some(decode(part.contents()).into_owned()),
        PartType::Html(text) => Some(text.trim_start_matches('\u{feff}').to_owned()),
        _ => None,
    });
    html.map(Cow::Owned).ok_or_else(archive)
}

/// Text of UTF-8 or UTF-16; what is neither becomes U+FFFD.
fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| -> Cow<'static, str> {
        let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
        Cow::Owned(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<' | b' ' | b'\r' | b'\n', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'<' | b' ' | b'\r' | b'\n', ..] => utf16(bytes, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "<html><p>Überprüfung 検証 🖧";
        let little = utf16(text, u16::to_le_bytes);
        let big = utf16(text, u16::to_be_bytes);
        let with = |mark: &[u8], rest: &[u8]| [mark, rest].concat();
        for bytes in [
            text.as_bytes().to_vec(),
            with(&[0xef, 0xbb, 0xbf], text.as_bytes()),
            little.clone(),
            with(&[0xff, 0xfe], &little),
            big.clone(),
            with(&[0xfe, 0xff], &big),
        ] {
            assert!(is_markup(&bytes));
            assert_eq!(html(&bytes, "x").unwrap(), text);
        }
        assert!(
            !is_markup(b"{\"schema\": \"quorate/1\"}")
                && !is_markup(b"[cluster]\nname = 'x'")
                && !is_markup(b"")
        );
    }

    #[test]
    fn a_web_archive_holds_the_page() {
        let archive = "From: <Saved by Test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=\"=_b\"; type=\"text/html\"\r\n\r\n\
            --=_b\r\nContent-Type: text/html; charset=\"utf-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            <html><h2 id=3D\"3\">Pr=C3=BCfung</h2></html>\r\n--=_b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBO\r\n--=_b--\r\n";
        assert!(is_markup(archive.as_bytes()));
        assert_eq!(html(archive.as_bytes(), "x").unwrap().trim(), "<html><h2 id=\"3\">Prüfung</h2></html>");
        let none = archive.replace("text/html; charset", "image/png; charset");
        assert!(matches!(html(none.as_bytes(), "x"), Err(ReportError::Archive { .. })));
    }
}
