//! The HTML report in a real browser: it opens, holds what the findings say, asks nobody for anything and logs no mistake.

use crate::peers::off;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const QUORATE: &str = env!("CARGO_BIN_EXE_quorate");

/// Longest time for one look at a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser, or a panic with the line that says what to install.
fn browser() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let files = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    files.into_iter().find(|file| file.is_file()).unwrap_or_else(|| {
        panic!("the lab needs `chromium`: apt-get install chromium (or set QUORATE_LAB=off)")
    })
}

/// Looks at a page, and ends the browser when it does not end by itself.
fn look(folder: &Path, page: &Path, more: &[&str]) -> Output {
    let log = folder.join("browser.log");
    let out = folder.join("browser.out");
    let mut child = Command::new(browser())
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ])
        .args(["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr"])
        // The browser's own errands end here.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!("--user-data-dir={}", folder.join("profile").display()))
        .args(more)
        .arg(format!("file://{}", page.display()))
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out).expect("a file"))
        .stderr(std::fs::File::create(&log).expect("a file"))
        .spawn()
        .expect("the browser starts");
    let until = Instant::now() + PATIENCE;
    let status = loop {
        if let Some(status) = child.try_wait().expect("own child") {
            break status;
        }
        if Instant::now() > until {
            child.kill().expect("own child");
            child.wait().expect("own child");
            panic!("the browser did not end: {}", std::fs::read_to_string(&log).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let read = |file: &Path| std::fs::read(file).expect("written");
    Output { status, stdout: read(&out), stderr: read(&log) }
}

/// How many requests the page made, in the browser's own record of its network. Those of the browser itself have no page's origin;
/// a page from a file has the origin `null`.
fn asked(record: &Path) -> usize {
    let text = std::fs::read_to_string(record).expect("a record");
    assert!(text.contains("\"constants\""), "it is a record");
    text.matches("\"initiator\":\"null\"").count() + text.matches("\"initiator\":\"file:").count()
}

#[test]
fn a_page_opens_in_a_browser_as_it_was_written() {
    if off() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary directory");
    let healthy = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters/wsfc-2022-disk-witness.json");
    let healthy = std::fs::read_to_string(healthy).expect("a recording");
    let broken = healthy.replacen("\"link_up\": true", "\"link_up\": false", 1);
    assert_ne!(healthy, broken, "a link is down");
    let facts = folder.path().join("facts.json");
    std::fs::write(&facts, broken).expect("written");
    let page = folder.path().join("report.html");
    let status = Command::new(QUORATE)
        .arg("check")
        .arg(&facts)
        .args(["--format", "html", "-o"])
        .arg(&page)
        .stderr(Stdio::null())
        .status()
        .expect("quorate");
    assert!(status.code().is_some_and(|code| code != 2), "{status}");
    let written = std::fs::read_to_string(&page).expect("written");

    let network = folder.path().join("network.json");
    let record = format!("--log-net-log={}", network.display());
    let shown = look(folder.path(), &page, &["--dump-dom", &record]);
    let dom = String::from_utf8_lossy(&shown.stdout);
    let log = String::from_utf8_lossy(&shown.stderr);
    assert!(shown.status.success(), "{log}");
    assert!(!log.contains("CONSOLE"), "the page logs a mistake: {log}");
    for (name, least) in [("<article", 1), ("<table", 2), ("<section", 3), ("<svg", 0)] {
        let number = |text: &str| text.matches(name).count();
        assert_eq!(number(&dom), number(&written), "{name}: what is read is what was written");
        assert!(number(&dom) >= least, "{name}");
    }
    assert_eq!(asked(&network), 0, "the page asks for nothing");

    // What would be found if it did.
    let other = folder.path().join("other.html");
    std::fs::write(
        &other,
        "<!doctype html><img src=\"http://page.invalid/x\"><script>console.error('x')</script>",
    )
    .expect("written");
    let shown = look(folder.path(), &other, &["--dump-dom", &record]);
    assert!(String::from_utf8_lossy(&shown.stderr).contains("CONSOLE") && asked(&network) > 0);

    let picture = folder.path().join("page.png");
    let save = format!("--screenshot={}", picture.display());
    let shown = look(folder.path(), &page, &[&save, "--window-size=1280,2000"]);
    assert!(shown.status.success(), "{}", String::from_utf8_lossy(&shown.stderr));
    let picture = std::fs::read(&picture).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 20_000, "{} bytes", picture.len());
}
