//! The answer to `SendTargets` (RFC 7143 appendix C), and the faults that bend it.

use std::net::{IpAddr, SocketAddr};

use super::config::{Config, Portal, Target};
use super::fault::{Fault, FaultSet};
use crate::iscsi::text::Keys;

/// Port 1 (tcpmux) of a portal's address: nothing listens there.
const DEAD_PORT: u16 = 1;

/// Which targets are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope<'a> {
    All,
    One(&'a str),
}

/// Names and addresses. `bound` are the addresses of the portals, `local` is where this connection arrived.
pub(super) fn send_targets(
    config: &Config,
    faults: FaultSet,
    bound: &[SocketAddr],
    local: SocketAddr,
    scope: Scope<'_>,
) -> Keys {
    let mut keys = Keys::new();
    for target in &config.targets {
        if matches!(scope, Scope::One(name) if name != target.name) {
            continue;
        }
        keys.push("TargetName", &target.name);
        for (portal, address) in offered(config, target).map(|(index, portal)| (portal, bound.get(index))) {
            let shown = match (&portal.advertise, address) {
                _ if faults.has(Fault::AdvertisesWrongPort) => local.to_string(),
                (Some(text), _) => text.clone(),
                (None, Some(address)) => {
                    SocketAddr::new(reachable(address.ip(), local), address.port()).to_string()
                }
                (None, None) => continue,
            };
            keys.push("TargetAddress", format!("{shown},{}", portal.tag));
        }
        if faults.has(Fault::AdvertisesUnreachablePortal)
            && let Some((_, portal)) = offered(config, target).last()
        {
            let dead = SocketAddr::new(local.ip(), DEAD_PORT);
            keys.push("TargetAddress", format!("{dead},{}", portal.tag));
        }
    }
    keys
}

fn offered<'a>(config: &'a Config, target: &'a Target) -> impl Iterator<Item = (usize, &'a Portal)> {
    config
        .portals
        .iter()
        .enumerate()
        .filter(|(index, _)| target.portals.is_empty() || target.portals.contains(index))
}

/// A portal bound to all addresses is shown with the one that the asker reached.
fn reachable(bound: IpAddr, local: SocketAddr) -> IpAddr {
    if bound.is_unspecified() { local.ip() } else { bound }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(faults: FaultSet, scope: Scope<'_>) -> Vec<String> {
        let mut config = Config::demo(faults);
        config.portals[1].bind = ([0, 0, 0, 0], 0).into();
        let bound = [([127, 0, 0, 1], 3260).into(), ([0, 0, 0, 0], 3261).into()];
        let local = ([127, 0, 0, 9], 3260).into();
        let keys = send_targets(&config, faults, &bound, local, scope);
        keys.iter().map(|(_, value)| value.to_owned()).collect()
    }

    #[test]
    fn each_portal_is_shown_where_it_can_be_reached() {
        let name = "iqn.2026-01.org.quorate.demo:storage";
        let expected = [name, "127.0.0.1:3260,1", "127.0.0.9:3261,2"];
        assert_eq!(ask(FaultSet::NONE, Scope::All), expected);
        assert_eq!(ask(FaultSet::NONE, Scope::One(name)), expected);
        assert!(ask(FaultSet::NONE, Scope::One("iqn.2026-01.test:none")).is_empty());
    }

    #[test]
    fn faults_advertise_what_is_not_there() {
        let dead = ask(Fault::AdvertisesUnreachablePortal.into(), Scope::All);
        assert_eq!(dead.last().unwrap(), "127.0.0.9:1,2");
        let wrong = ask(Fault::AdvertisesWrongPort.into(), Scope::All);
        assert_eq!(wrong[1..], ["127.0.0.9:3260,1", "127.0.0.9:3260,2"]);
    }
}
