//! Serves the demonstration target for other initiators, by hand:
//! `QUORATE_SIMTARGET_PORT=3360 cargo test --lib simtarget::tests::serve -- --ignored --nocapture`.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::simtarget::config::DEMO_TARGET;
use crate::simtarget::{Config, Fault, FaultSet, SimTarget};

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Two portals at `QUORATE_SIMTARGET_PORT` and the next port for `QUORATE_SIMTARGET_SECONDS` (60), with the faults of
/// `QUORATE_SIMTARGET_FAULTS` (names, separated by commas).
#[test]
#[ignore = "serves until its time is over, for initiators started by hand"]
fn for_other_initiators() {
    let number = |name, default: u64| variable(name).map_or(default, |text| text.parse().expect("a number"));
    let port = u16::try_from(number("QUORATE_SIMTARGET_PORT", 3360)).expect("a port");
    let faults: FaultSet = variable("QUORATE_SIMTARGET_FAULTS")
        .iter()
        .flat_map(|list| list.split(','))
        .map(|name| name.parse::<Fault>().unwrap_or_else(|error| panic!("{error}")))
        .collect();
    let addresses = [port, port + 1].map(|port| (Ipv4Addr::LOCALHOST, port).into());
    let target = SimTarget::start(Config::demo_at(&addresses, faults)).expect("ports are free");
    println!("{DEMO_TARGET} at {:?}, {faults:?}", target.portals());
    std::thread::sleep(Duration::from_secs(number("QUORATE_SIMTARGET_SECONDS", 60)));
    println!("{:#?}", target.stats());
}
