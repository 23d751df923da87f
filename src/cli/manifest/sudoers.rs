//! The sudoers fragment: exactly the commands that the script runs through sudo, by absolute path and with every argument.
//!
//! No wildcard stands for more than one letter or digit of a device's name, and none may change the command or add an
//! argument. See sudoers(5).

use super::{Hosts, Manifest};
use crate::probe::collectors::reads_a_file;
use crate::source::{Problem, Problems};
use std::fmt::Write;

/// How the script limits the time of a command; it stands before each.
const LIMIT: &str = "/usr/bin/timeout -k 1 8";

/// Folders in which the script looks for a command that it runs through sudo, in its order.
const FOLDERS: [&str; 2] = ["/usr/bin", "/usr/sbin"];

impl Manifest {
    /// The fragment for an account.
    ///
    /// # Errors
    /// Nothing is run on the hosts, or nothing of it needs root.
    pub fn sudoers(&self, user: &str) -> Result<String, Problems> {
        if self.hosts != Hosts::Script {
            return Err(Problem::new("nothing is run on the nodes, so nothing is run through sudo there")
                .help("--format text tells where their facts come from")
                .into());
        }
        let mut out = format!(
            "# What quorate runs as root on a node with `sudo = true` in cluster.toml, and nothing else. Each command only reads.\n\
             # For {}{}.\n\
             # On every node: check this file with `visudo -cf FILE`, then install it as /etc/sudoers.d/quorate, mode 0440.\n\
             # What the script asks beyond that is refused by sudo, and is unknown in the report, as permission-denied.\n\
             # A command that lies elsewhere on a node needs its path here: the script looks in {}.\n",
            crate::report::count(self.rules.len(), "rules"),
            self.profile.as_ref().map_or(String::new(), |name| format!(" of profile {name}")),
            FOLDERS.join(", then "),
        );
        let mut aliases = Vec::new();
        for ask in self.asks.iter().filter(|ask| ask.needs_root) {
            let _ = write!(out, "\n# {}: {}\n", ask.id, crate::report::printable(&ask.what));
            let (known, unknown): (Vec<&str>, Vec<&str>) = ask
                .sudo
                .iter()
                .copied()
                .partition(|grant| !grant.contains("DEVICE") && !grant.contains("NAME"));
            if ask.sudo.is_empty() {
                out.push_str("# No exact command could be granted for it; it stays unknown without root.\n");
            }
            if ask.id.starts_with("cib") {
                out.push_str("# The account could read with it what the CIB holds, passwords of fence devices among it.\n");
            }
            for grant in unknown {
                let _ = writeln!(
                    out,
                    "# Only the node knows which: write a line for each, as {user} ALL=(root) NOPASSWD: {}",
                    paths(grant).join(", ")
                );
            }
            if known.is_empty() {
                continue;
            }
            let alias = format!("QUORATE_{}", ask.id.to_uppercase().replace(['-', '.'], "_"));
            let commands: Vec<String> = known.into_iter().flat_map(paths).collect();
            let _ = writeln!(out, "Cmnd_Alias {alias} = \\\n    {}", commands.join(", \\\n    "));
            aliases.push(alias);
        }
        if aliases.is_empty() {
            return Err(Problem::new("nothing that these rules need can be granted through sudo")
                .help("--format text tells what they need")
                .into());
        }
        let _ = writeln!(out, "\n{user} ALL=(root) NOPASSWD: {}", aliases.join(", \\\n    "));
        Ok(out)
    }
}

/// A grant as it stands in sudoers, for each folder that the command may be in.
fn paths(grant: &str) -> Vec<String> {
    let (command, arguments) = grant.split_once(' ').map_or((grant, ""), |(command, rest)| (command, rest));
    // Programs that read a file are in one place everywhere. Their brackets are text, those of devices patterns.
    let reads = reads_a_file(command);
    let arguments = escaped(arguments, reads);
    let folders = if reads { &FOLDERS[..1] } else { &FOLDERS[..] };
    folders
        .iter()
        .map(|folder| format!("{LIMIT} {folder}/{command} {arguments}").trim_end().to_owned())
        .collect()
}

/// Arguments with a backslash before what sudoers would take for something else.
fn escaped(arguments: &str, brackets: bool) -> String {
    let mut out = String::with_capacity(arguments.len() + 8);
    for c in arguments.chars() {
        let special = matches!(c, ',' | ':' | '=' | '\\' | '*' | '?' | '!' | '#' | '"');
        if special || brackets && matches!(c, '[' | ']') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::collectors::COLLECTORS;

    #[test]
    fn a_grant_is_exact() {
        assert_eq!(
            paths("multipathd show config"),
            [
                "/usr/bin/timeout -k 1 8 /usr/bin/multipathd show config",
                "/usr/bin/timeout -k 1 8 /usr/sbin/multipathd show config"
            ]
        );
        assert_eq!(
            paths("sed -e /^[[:space:]]*#/d /etc/x"),
            ["/usr/bin/timeout -k 1 8 /usr/bin/sed -e /^\\[\\[\\:space\\:\\]\\]\\*\\#/d /etc/x"]
        );
        assert_eq!(
            paths("sg_persist -d /dev/sd[a-z]")[0],
            "/usr/bin/timeout -k 1 8 /usr/bin/sg_persist -d /dev/sd[a-z]"
        );
        assert_eq!(paths("iptables-save")[1], "/usr/bin/timeout -k 1 8 /usr/sbin/iptables-save");
    }

    #[test]
    fn no_grant_lets_more_through() {
        for collector in COLLECTORS {
            for grant in collector.sudo {
                assert!(collector.needs_root, "{grant} needs no root");
                let patterns = grant.replace("[a-z]", "").replace("[0-9]", "");
                let reads = reads_a_file(grant.split(' ').next().unwrap_or_default());
                assert!(reads || !patterns.contains(['*', '?', '[', ']']), "{grant}");
                assert!(
                    !grant.starts_with('/') && !grant.contains("  ") && grant.trim() == *grant,
                    "{grant}"
                );
            }
        }
    }
}
