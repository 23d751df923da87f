//! A validation report of five megabytes, read into facts, and the whole check of it.

use crate::{QUORATE, median, millis, say, time};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const SIZE: usize = 5_000_000;
const BOUND: Duration = Duration::from_millis(500);

/// The fixture of three nodes, with as many more drivers in the first node's list as make it five megabytes.
fn large() -> String {
    let small = include_str!("../../fixtures/windows/report-2022-en.htm");
    let row = "<tr bgcolor=\"#F1F1F1\" valign=\"Top\">\n<td>ClusDisk</td>";
    let at = small.find(row).expect("the fixture lists drivers");
    let (before, after) = small.split_at(at);
    let mut text = before.to_owned();
    let mut number = 0;
    while text.len() + after.len() < SIZE {
        let cells = [
            format!("drv{number}"),
            format!("Driver {number} &amp; more"),
            format!("C:\\Windows\\system32\\drivers\\drv{number}.sys"),
            format!("10.0.20348.{number}"),
        ];
        text.push_str("<tr bgcolor=\"#F1F1F1\" valign=\"Top\">\n");
        for cell in cells.iter().map(String::as_str).chain(["Kernel Driver", "True", "Manual", "Running"]) {
            let _ = writeln!(text, "            <td>{cell}</td>");
        }
        text.push_str("</tr>\n");
        number += 1;
    }
    text + after
}

/// Reads it, and judges it by the whole program.
pub fn validation_report(dir: &Path) {
    let text = large();
    let path = dir.join("Validation Report.htm");
    std::fs::write(&path, &text).expect("written");
    let read = || time(|| drop(quorate::probe::validation::read(&path).expect("a report")));
    let read = median((0..11).map(|_| read()).collect());
    let what = format!("validation report of {} KB to facts", text.len() / 1000);
    say(&what, &millis(read), "below 500 ms");
    let check = || {
        time(|| {
            let status = Command::new(QUORATE).arg("check").arg(&path).stdout(Stdio::null()).status();
            assert_eq!(status.expect("quorate").code(), Some(3), "what the report does not hold is unknown");
        })
    };
    let check = median((0..7).map(|_| check()).collect());
    say("process `quorate check` of that report", &millis(check), "");
    assert!(read < BOUND, "a report of 5 MB took {}", millis(read));
}
