//! Fetching secrets: from each source, and what is said when one has none.

use super::*;
use secrecy::ExposeSecret;

fn secret(source: SecretSource) -> Secret {
    let file = SourceFile::new("cluster.toml", "\n\n\n\n\n\nsecret");
    Secret::new(source, "CHAP secret of user u", Span::new(&file, 6..12))
}

fn value(source: SecretSource) -> String {
    secret(source).resolve().expect("it can be had").expose_secret().to_owned()
}

fn refused(source: SecretSource) -> String {
    let error = secret(source).resolve().expect_err("it cannot be had").to_string();
    assert!(error.starts_with("cluster.toml:7: the CHAP secret of user u cannot be had from "), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
    error
}

fn command(words: &[&str]) -> SecretSource {
    SecretSource::Command(words.iter().map(|word| (*word).to_owned()).collect())
}

#[test]
fn an_environment_variable() {
    let name = std::env::vars().find(|(_, value)| !value.is_empty()).expect("one is set");
    assert_eq!(value(SecretSource::Env(name.0)), name.1);
    assert!(
        refused(SecretSource::Env("QUORATE_TEST_IS_NOT_SET".into()))
            .ends_with("QUORATE_TEST_IS_NOT_SET: it is not set")
    );
}

#[cfg(unix)]
#[test]
fn a_file_that_only_its_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("secret");
    let put = |text: &[u8], mode: u32| {
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("set");
        SecretSource::File(path.clone())
    };
    assert_eq!(value(put(b"hunter2\n", 0o600)), "hunter2");
    assert_eq!(value(put(b" hunter2 \r\n", 0o400)), " hunter2 ");
    let open = refused(put(b"hunter2", 0o640));
    assert!(open.contains("mode 640") && open.contains("chmod 600"), "{open}");
    assert!(refused(put(b"\n", 0o600)).ends_with("it is empty"));
    assert!(refused(put(b"hunter2\xff", 0o600)).ends_with("it is not UTF-8"));
    assert!(refused(put(&[b'x'; 5000], 0o600)).contains("longer than 4096 bytes"));
    assert!(refused(SecretSource::File(directory.path().to_owned())).contains("no regular file"));
    assert!(refused(SecretSource::File(directory.path().join("absent"))).contains("No such file"));
}

#[cfg(unix)]
#[test]
fn a_command() {
    assert_eq!(value(command(&["printf", "hunter2\\nuser: u\\n"])), "hunter2");
    assert!(refused(command(&["false"])).contains("it failed (exit status: 1); run it by hand"));
    assert!(refused(command(&["quorate-no-such-program"])).contains("cannot be started"));
    assert!(refused(command(&["true"])).ends_with("it is empty"));
    assert!(refused(command(&["head", "-c", "100000", "/dev/zero"])).contains("longer than 4096 bytes"));
}

#[cfg(unix)]
#[test]
fn it_is_fetched_once_and_never_shown() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let marker = directory.path().join("runs");
    let script = format!("echo x >> '{}'; echo hunter2", marker.display());
    let one = secret(command(&["sh", "-c", &script]));
    let other = one.clone();
    assert!(!marker.exists(), "nothing is fetched before it is needed");
    for secret in [&one, &other, &one] {
        assert_eq!(secret.resolve().expect("it can be had").expose_secret(), "hunter2");
    }
    assert_eq!(std::fs::read_to_string(&marker).expect("it ran"), "x\n");
    assert!(!format!("{one:?} {:?}", one.resolve()).contains("hunter2"));
}
