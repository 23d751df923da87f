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

/// A page of a cluster with names that are hard to draw: wide letters, other scripts, long ones, two interfaces that are down.
fn page_of_strange_names(folder: &Path) -> PathBuf {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/clusters/pacemaker-3-iscsi.json");
    let mut text = std::fs::read_to_string(text).expect("a recording");
    let names = [
        ("db1", "WWWWWWWW-WWWWWWWW-WWWWWWWW.example.org"),
        ("db2", "節点の名前はとても長いです一二三"),
        ("db3", "Щёголь-база-данных-Ю﷽عقدة"),
        ("\"eno1\"", "\"enp129s0f1np1-WWWW\""),
        ("\"ens3f0\"", "\"ネットワークアダプター二\""),
        ("\"pgdata\"", "\"PGDATA WWWWWWWWWWWW MMMMMMMMMM @@@@@@\""),
        ("10.31.16.5:3260", "[2001:db8:dddd:dddd:dddd:dddd:dddd:dddd]:3260"),
    ];
    for (plain, strange) in names {
        let changed = text.replace(plain, strange);
        assert_ne!(changed, text, "{plain} is in the recording");
        text = changed;
    }
    let mut facts: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let nodes = facts["nodes"].as_array_mut().expect("nodes");
    for nic in nodes[0]["nics"].as_array_mut().expect("interfaces") {
        nic["link_up"] = false.into();
    }
    for at in 0..3 {
        let mut node = nodes[0].clone();
        node["name"] = format!("MMMMMMMMMMMMMM{at}").into();
        nodes.push(node);
    }
    let file = folder.join("strange.json");
    std::fs::write(&file, facts.to_string()).expect("written");
    let page = folder.join("strange.html");
    let out = Command::new(QUORATE)
        .arg("check")
        .arg(&file)
        .args(["--format", "html", "-o"])
        .arg(&page)
        .output()
        .expect("quorate");
    assert!(page.is_file(), "{}", String::from_utf8_lossy(&out.stderr));
    page
}

/// Says of each word of the drawing whether it stays where it belongs: in its box, or beside all of them and in its picture.
const HOLD_WORDS: &str = "<script>
const said = [];
let held = 0;
for (const svg of document.querySelectorAll('svg')) {
  if (!svg.getBoundingClientRect().width) continue;
  const boxes = [...svg.querySelectorAll('rect')].map(rect => rect.getBBox());
  const { width, height } = svg.viewBox.baseVal;
  for (const text of svg.querySelectorAll('text')) {
    const b = text.getBBox(), x = b.x + b.width / 2, y = b.y + b.height / 2;
    const inside = r => r.x <= x && x <= r.x + r.width && r.y <= y && y <= r.y + r.height;
    const own = boxes.find(inside) || { x: 0, y: 0, width, height };
    const over = r => r !== own && b.x < r.x + r.width && r.x < b.x + b.width && b.y < r.y + r.height && r.y < b.y + b.height;
    if (b.x < own.x || b.x + b.width > own.x + own.width || b.y < own.y || b.y + b.height > own.y + own.height || boxes.some(over))
      said.push(text.textContent);
    held += 1;
  }
}
const out = document.createElement('output');
out.textContent = 'held ' + held + '; over the edge ' + said.length + ': ' + said.join(' | ');
document.body.append(out);
</script>";

/// How many words the drawing has, and those that do not stay where they belong.
fn words_over_the_edge(folder: &Path, page: &str) -> (usize, String) {
    let tried = folder.join("tried.html");
    // The page forbids itself all scripts, so the trial takes that line out.
    let start = page.find("<meta http-equiv=\"Content-Security-Policy\"").expect("a policy");
    let end = start + page[start..].find('>').expect("its end") + 1;
    let text = format!("{}{}{HOLD_WORDS}", &page[..start], &page[end..]);
    std::fs::write(&tried, text).expect("written");
    let shown = look(folder, &tried, &["--dump-dom", "--window-size=1280,900"]);
    let dom = String::from_utf8_lossy(&shown.stdout);
    let (_, said) = dom.split_once("<output>held ").expect("the script ran");
    let (held, said) = said.split_once("; over the edge ").expect("both");
    let (said, _) = said.split_once("</output>").expect("its end");
    (held.parse().expect("a number"), said.to_owned())
}

#[test]
fn words_of_the_drawing_stay_in_their_boxes() {
    if off() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary directory");
    let page = std::fs::read_to_string(page_of_strange_names(folder.path())).expect("written");
    assert!(page.contains(">✗ down enp12"), "interfaces are down");
    let (held, over) = words_over_the_edge(folder.path(), &page);
    assert!(held > 60 && over.starts_with("0:"), "{held}; {over}");
    // What would be found if one did not.
    let wide = page.replace(">✗ down enp12", ">✗ down WWWWWWWWWWenp12");
    let (all, over) = words_over_the_edge(folder.path(), &wide);
    assert!(all == held && over.contains(": ✗ down WWWWWWWWWW"), "{all}; {over}");
}

#[test]
fn what_is_too_wide_for_a_sheet_is_printed_in_parts() {
    if off() {
        return;
    }
    let folder = tempfile::tempdir().expect("temporary directory");
    let page = std::fs::read_to_string(page_of_strange_names(folder.path())).expect("written");
    // Rules for paper, held on the screen: the browser shows what it would print.
    let paper = folder.path().join("paper.html");
    let style = page.replace("@media print {", "@media all {");
    assert_ne!(style, page);
    std::fs::write(&paper, &style).expect("written");
    let (held, over) = words_over_the_edge(folder.path(), &style);
    assert!(held > 60 && over.starts_with("0:"), "{held}; {over}");
}
