//! Logs, for those who look for a mistake in this program or its surroundings: `QUORATE_LOG=debug`.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Writes logs to standard error when `QUORATE_LOG` asks for them, as `quorate::probe=debug` or just `debug`.
pub(super) fn install() {
    let Some(wanted) = std::env::var("QUORATE_LOG").ok().filter(|text| !text.is_empty()) else { return };
    let filter = EnvFilter::builder().parse_lossy(&wanted);
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    // A second logger in one process is a test's; the first one stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .without_time()
        .try_init();
}
