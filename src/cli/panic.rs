//! A panic is a defect of this program: it says so briefly, and shows nothing that a host or a file said.

use std::io::Write;

/// Replaces the message of panics.
pub(super) fn install() {
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
        return;
    }
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        let _ = writeln!(
            std::io::stderr(),
            "quorate {}: internal error{place}\n\
             This is a defect of quorate, not of your cluster. Please report it with the command line you gave.\n\
             RUST_BACKTRACE=1 shows more; look for secrets before you pass that on.",
            env!("CARGO_PKG_VERSION")
        );
    }));
}
