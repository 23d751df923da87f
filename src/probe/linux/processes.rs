//! Processes as a support bundle lists them: `ps axf`, `ps auxwww`, `ps axwwo ...,cmd`.

use super::text::base_name;

/// Interpreters that stand before the program that they run.
const INTERPRETERS: [&str; 6] = ["python", "python2", "python3", "perl", "ruby", "platform-python"];

/// The names of the processes in a listing, a line for each, cut at 15 characters as the kernel does; missing where the
/// listing cannot be read. It begins with a heading of which the last word is `COMMAND` or `CMD`, and the first process of
/// the machine must be in it: else it is not whole, and what is not in it may run all the same.
pub fn names(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !is_heading(line));
    let before = lines.next()?.split_whitespace().count() - 1;
    let mut names: Vec<String> =
        lines.take_while(|line| !line.trim().is_empty()).filter_map(|line| name(line, before)).collect();
    let first = ["systemd", "init"];
    names.iter().any(|name| first.contains(&name.as_str())).then(|| {
        names.sort();
        names.dedup();
        names.join("\n")
    })
}

fn is_heading(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    words.contains(&"PID") && matches!(words.last(), Some(&"COMMAND" | &"CMD"))
}

/// The name of the process on a line whose command comes after so many words.
fn name(line: &str, before: usize) -> Option<String> {
    let mut words = line.split_whitespace().skip(before).skip_while(|word| matches!(*word, "\\_" | "|"));
    let first = words.next().filter(|word| !word.starts_with('['))?;
    let mut program = base_name(first.trim_end_matches(':'));
    let bare = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if INTERPRETERS.contains(&program) || INTERPRETERS.contains(&bare) {
        program = words.find(|word| word.starts_with('/')).map_or(program, base_name);
    }
    Some(program.chars().take(15).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "  PID TTY      STAT   TIME COMMAND\n    2 ?        S      0:00 [kthreadd]\n    4 ?        S<     0:00  \\_ [kworker/0:0H]\n    1 ?        Ss     0:43 /usr/lib/systemd/systemd --switched-root --system\n 1614 ?        SLsl   1:35 corosync\n 1734 ?        SL     0:01 sbd: inquisitor\n 1738 ?        SL     0:10  \\_ sbd: watcher: Pacemaker\n 1800 ?        Ss     0:10 /usr/bin/python3 -s /usr/sbin/firewalld --nofork --nopid\n 1801 ?        Ss     0:10 /usr/lib/systemd/systemd-timesyncd\n 1802 ?        S+     0:00  |   \\_ grep chronyd\n";

    #[test]
    fn programs_are_named_and_their_arguments_are_not() {
        let names = names(TREE).unwrap();
        let all: Vec<&str> = names.lines().collect();
        assert_eq!(all, ["corosync", "firewalld", "grep", "sbd", "systemd", "systemd-timesyn"]);
    }

    #[test]
    fn a_listing_without_the_first_process_tells_nothing() {
        assert_eq!(names("  PID TTY TIME CMD\n 17 pts/0 00:00:00 bash\n"), None);
        assert_eq!(names("ps: command not found\n"), None);
        assert_eq!(names(""), None);
        let wide = "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND\nroot 1 0.2 0.9 7 9 ? Ss 11:01 0:43 /sbin/init splash\nchrony 9 0.2 0.9 7 9 ? Ss 11:01 0:43 /usr/sbin/chronyd\n";
        assert_eq!(names(wide).as_deref(), Some("chronyd\ninit"));
    }

    #[test]
    fn the_public_sample_is_read() {
        let Some(text) = crate::probe::linux::sample("crmsh-hb_report/15sp1-1/sysstats.txt") else { return };
        let at = text.find("##### run \"ps auxw\"").unwrap();
        let names = names(&text[at..]).unwrap();
        for one in ["corosync", "pacemakerd", "sbd", "iscsid", "sshd"] {
            assert!(names.lines().any(|name| name == one), "{one} in {names}");
        }
        assert!(!names.lines().any(|name| name == "chronyd"));
    }
}
