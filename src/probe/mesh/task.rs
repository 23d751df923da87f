//! One measurement of one node, and the script that does them.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

/// The script as it stands, without the two variables that go before it.
pub const SCRIPT: &str = include_str!("script.sh");

/// One measurement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// Position of the way among those of the plan.
    pub link: usize,
    /// When it starts, after the start of the round.
    pub start: Duration,
    /// What is done.
    pub what: What,
}

/// What is done to measure a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Packets are sent.
    Way {
        /// Address that they start at.
        source: IpAddr,
        /// Address that they go to.
        destination: IpAddr,
        /// Sizes that are tried without fragments, the largest first; none where the MTU is not known.
        sizes: Vec<u64>,
    },
    /// A connection is opened and closed.
    Port {
        /// An address, or a name that fits into a script.
        host: String,
        /// The port.
        port: u16,
    },
}

/// The script for the work of one node, in the order of time. `nonce` marks its frames; the position of a task is its id.
pub(super) fn render(nonce: &str, work: &[Task]) -> String {
    let mut lines = String::new();
    let mut now = Duration::ZERO;
    for (id, task) in work.iter().enumerate() {
        let delay = task.start.saturating_sub(now);
        // Shorter pauses than a process takes to start are none.
        let delay = if delay < Duration::from_millis(5) { Duration::ZERO } else { delay };
        now += delay;
        let delay = match delay.as_millis() {
            0 => "0".to_owned(),
            millis => format!("{}.{:03}", millis / 1000, millis % 1000),
        };
        // Writing to a string cannot fail.
        let _ = match &task.what {
            What::Way { source, destination, sizes } => {
                let headers = if destination.is_ipv6() { 48 } else { 28 };
                let sizes: String = sizes.iter().map(|size| format!(" {size}")).collect();
                writeln!(lines, "{id} {delay} w {source} {destination} {headers}{sizes}")
            }
            What::Port { host, port } => writeln!(lines, "{id} {delay} t {host} {port}"),
        };
    }
    format!("N='{nonce}' TASKS='{lines}'\n{SCRIPT}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_stands_before_the_script() {
        let way = |start, destination: &str| Task {
            link: 0,
            start: Duration::from_millis(start),
            what: What::Way {
                source: "10.0.0.1".parse().unwrap(),
                destination: destination.parse().unwrap(),
                sizes: vec![1500, 1400],
            },
        };
        let port = |start| Task {
            link: 1,
            start: Duration::from_millis(start),
            what: What::Port { host: "hv2.example".into(), port: 2224 },
        };
        let text = render("00ff", &[way(0, "10.0.0.2"), port(3), way(250, "fd00::2")]);
        let wanted = "N='00ff' TASKS='0 0 w 10.0.0.1 10.0.0.2 28 1500 1400\n1 0 t hv2.example 2224\n2 0.250 w 10.0.0.1 fd00::2 48 1500 1400\n'\n# The second round";
        assert!(text.starts_with(wanted), "{}", &text[..200]);
    }
}
