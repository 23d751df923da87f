//! A witness in a cloud, by HTTPS HEAD: any answer over a connection whose certificate is in order will do, since nobody
//! logs in.

use super::step;
use reqwest::blocking::Client;
use reqwest::tls::Certificate;
use std::error::Error;
use std::sync::Once;
use std::time::Instant;

/// Asks. `trusted` is a certificate to trust besides those of this machine.
///
/// # Errors
/// What stood in the way.
pub(super) fn ask(url: &str, end: Instant, trusted: Option<Certificate>) -> Result<String, String> {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Only the first provider of a process counts; another one is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let time = step(end)?;
    let mut client = Client::builder()
        .timeout(time)
        .connect_timeout(time)
        .redirect(reqwest::redirect::Policy::none())
        .https_only(true)
        .user_agent(concat!("quorate/", env!("CARGO_PKG_VERSION")));
    if let Some(trusted) = trusted {
        client = client.tls_certs_merge([trusted]);
    }
    let client = client.build().map_err(|error| told(&error))?;
    let answer = client.head(url).send().map_err(|error| told(&error))?;
    let status = answer.status();
    Ok(format!(
        "HTTP {}",
        status
            .canonical_reason()
            .map_or(status.as_u16().to_string(), |reason| format!("{} {reason}", status.as_u16()))
    ))
}

/// The reason underneath, which is what a person can do something about.
fn told(error: &reqwest::Error) -> String {
    let mut words = Vec::new();
    let mut at: Option<&dyn Error> = error.source();
    while let Some(inner) = at {
        words.push(inner.to_string());
        at = inner.source();
    }
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    if let Some(certificate) = words.iter().rev().find(|text| text.contains("certificate")) {
        return format!("its certificate is not in order: {certificate}");
    }
    words.pop().unwrap_or_else(|| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::time::Duration;

    const CERTIFICATE: &str = include_str!("../../../fixtures/https/certificate.pem");
    const KEY: &str = include_str!("../../../fixtures/https/key.pem");

    /// A server that answers each connection alike.
    fn server(answer: &'static str) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap(),
            )
            .unwrap();
        let config = Arc::new(config);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut tls = rustls::ServerConnection::new(config.clone()).unwrap();
                let mut tls = rustls::Stream::new(&mut tls, &mut stream);
                let mut heard = [0; 1024];
                if tls.read(&mut heard).is_ok() {
                    let _ = tls.write_all(answer.as_bytes());
                }
            }
        });
        port
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    #[test]
    fn any_status_over_a_good_certificate_is_an_answer() {
        let port = server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let trusted = Certificate::from_pem(CERTIFICATE.as_bytes()).unwrap();
        let answer = ask(&format!("https://localhost:{port}/"), soon(), Some(trusted));
        assert_eq!(answer.as_deref(), Ok("HTTP 400 Bad Request"));
    }

    #[test]
    fn a_certificate_that_nobody_vouches_for_is_named() {
        let port = server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let words = ask(&format!("https://localhost:{port}/"), soon(), None).unwrap_err();
        assert!(words.contains("certificate is not in order"), "{words}");
    }

    #[test]
    fn what_does_not_answer_is_named() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let words = ask(&format!("https://127.0.0.1:{port}/"), soon(), None).unwrap_err();
        assert!(words.contains("refused"), "{words}");
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = silent.local_addr().unwrap().port();
        let words =
            ask(&format!("https://127.0.0.1:{port}/"), Instant::now() + Duration::from_millis(300), None);
        assert_eq!(words, Err("no answer in time".to_owned()));
    }
}
