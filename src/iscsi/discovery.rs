//! Discovery by `SendTargets=All` in a discovery session (RFC 7143 appendix C).
//!
//! Never in a normal session: targets in use reset the connection there.

use super::error::Error;
use super::login::{LoginConfig, check_name};
use super::portal::Portal;
use super::session::{Session, Timeouts};
use super::text::Keys;

/// A portal as a target advertises it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AdvertisedPortal {
    /// Where. It may be an address that cannot be reached from here.
    pub portal: Portal,
    /// The target portal group tag, where the target told it.
    pub portal_group: Option<u16>,
}

/// A target that a portal offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveredTarget {
    /// The iSCSI name.
    pub name: String,
    /// The portals that the answer lists for it; where it lists none, the portal that was asked (appendix C).
    pub portals: Vec<AdvertisedPortal>,
}

/// Asks a portal which targets it offers to this initiator, and logs out again. `login` must be that of a discovery
/// session ([`LoginConfig::discovery`]).
pub fn discover(
    portal: &Portal,
    login: &LoginConfig,
    timeouts: Timeouts,
) -> Result<Vec<DiscoveredTarget>, Error> {
    if login.target_name.is_some() {
        return Err(Error::Usage("discovery needs a discovery session".into()));
    }
    let mut session = Session::connect(portal, login, timeouts)?;
    let asked = session.portal().clone();
    let answer = session.text(&Keys::new().with("SendTargets", "All"))?;
    let targets = read(&answer, &asked)?;
    // The answer is complete; a target that does not like to be left changes nothing in it.
    let _ = session.logout();
    Ok(targets)
}

fn read(answer: &Keys, asked: &Portal) -> Result<Vec<DiscoveredTarget>, Error> {
    let mut targets: Vec<DiscoveredTarget> = Vec::new();
    for (key, value) in answer.iter() {
        match key {
            "TargetName" => {
                check_name(value).map_err(|error| Error::Protocol(format!("SendTargets: {error}")))?;
                targets.push(DiscoveredTarget { name: value.to_owned(), portals: Vec::new() });
            }
            "TargetAddress" => {
                let (portal, portal_group) = Portal::parse_address(value)
                    .map_err(|error| Error::Protocol(format!("SendTargets: {error}")))?;
                let Some(target) = targets.last_mut() else {
                    return Err(Error::Protocol("SendTargets: a TargetAddress before any TargetName".into()));
                };
                target.portals.push(AdvertisedPortal { portal, portal_group });
            }
            "SendTargets" => {
                let refused =
                    format!("SendTargets answered with `{}`", value.chars().take(40).collect::<String>());
                return Err(Error::Protocol(refused));
            }
            _ => {}
        }
    }
    for target in &mut targets {
        if target.portals.is_empty() {
            target.portals.push(AdvertisedPortal { portal: asked.clone(), portal_group: None });
        }
    }
    Ok(targets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_and_their_portals() {
        let asked = Portal::new("10.0.0.1", 3260);
        let answer = Keys::new()
            .with("TargetName", "iqn.2026-01.test:a")
            .with("TargetAddress", "10.0.0.1:3260,1")
            .with("TargetAddress", "[2001:db8::1]:3261,2")
            .with("TargetName", "iqn.2026-01.test:b");
        let targets = read(&answer, &asked).unwrap();
        assert_eq!(targets.len(), 2);
        assert_eq!(
            targets[0].portals[1],
            AdvertisedPortal { portal: Portal::new("2001:db8::1", 3261), portal_group: Some(2) }
        );
        assert_eq!(targets[1].portals, [AdvertisedPortal { portal: asked.clone(), portal_group: None }]);
        assert!(read(&Keys::new(), &asked).unwrap().is_empty());
    }

    #[test]
    fn answers_that_make_no_sense() {
        let asked = Portal::new("10.0.0.1", 3260);
        for answer in [
            Keys::new().with("TargetAddress", "10.0.0.1"),
            Keys::new().with("TargetName", "no name"),
            Keys::new().with("TargetName", "iqn.2026-01.test:a").with("TargetAddress", "[x]"),
            Keys::new().with("SendTargets", "Reject"),
        ] {
            assert!(matches!(read(&answer, &asked), Err(Error::Protocol(_))));
        }
    }
}
