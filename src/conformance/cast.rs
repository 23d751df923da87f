//! The simulated nodes: their names, identifiers and keys, and their sessions, opened side by side and kept.
//!
//! Always holds: names, identifiers and keys bear the run's mark; no node ever has the name of a live host.

use std::thread;
use std::time::Duration;

use super::key::{self, RunId};
use super::oracle::Node;
use super::plan::Plan;
use crate::iscsi::{Error, Isid, Session, Timeouts};
use crate::scsi::Sense;
use crate::scsi::reservation::Key;

/// Node A, through the first portal.
pub const A: Node = Node(0);
/// Node B, through the first portal.
pub const B: Node = Node(1);
/// Node C, through the first portal.
pub const C: Node = Node(2);
/// The second session of A through the first portal.
pub const A2: Node = Node(3);

/// Nodes beyond A, B and C that race.
const RACERS: u8 = 6;

/// The number that paths through the second and later portals begin with.
const FIRST_PATH: u8 = 2;

/// The path number of [`A2`].
const SAME_PORTAL: u8 = 0xf0;

/// The path number of A after a restart of its host.
const REBORN: u8 = 0xf1;

/// The first node number of the crowd that fills the table of registrations.
const CROWD: u8 = 0x40;

/// A nexus of the run: who it is on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nexus {
    /// What it is called in reports.
    pub label: String,
    /// iSCSI name of the initiator.
    pub initiator: String,
    /// ISID of the session.
    pub isid: Isid,
    /// The portal, by its place in the plan.
    pub portal: usize,
    /// The key under which it registers.
    pub key: Key,
}

/// A nexus with its session.
#[derive(Debug)]
pub struct Actor {
    /// Who it is.
    pub nexus: Nexus,
    /// Its session, where it has one.
    pub session: Option<Session>,
    /// Why it has none.
    pub absent: Option<String>,
    /// How its first login failed, where it did: it never comes back then.
    pub refused: Option<Error>,
    /// Unit attentions that it met since they were last looked at.
    pub seen: Vec<Sense>,
}

/// Who the nexuses of a run are, in the order of the cast: A, B, C, A's second session, A through each further portal, then
/// those that only race.
pub fn nexuses(run: RunId, portals: usize) -> Vec<Nexus> {
    let nexus = |label: String, node: u8, path: u8, portal: usize| Nexus {
        label,
        initiator: key::initiator_name(run, node),
        isid: key::isid(run, node, path),
        portal,
        key: key::key(run, node, 1),
    };
    let mut all = vec![
        nexus("A".into(), 1, 1, 0),
        nexus("B".into(), 2, 1, 0),
        nexus("C".into(), 3, 1, 0),
        Nexus { isid: twin(key::isid(run, 1, 1)), ..nexus("A (second session)".into(), 1, SAME_PORTAL, 0) },
    ];
    for (portal, path) in (1..portals).zip(FIRST_PATH..SAME_PORTAL) {
        all.push(nexus(format!("A (portal {})", portal + 1), 1, path, portal));
    }
    for node in 4..4 + RACERS {
        all.push(nexus(char::from(b'A' + node - 1).to_string(), node, 1, 0));
    }
    all
}

/// An ISID that differs in its last byte only: some targets look at the first bytes alone, and hosts do use such twins.
fn twin(isid: Isid) -> Isid {
    let mut bytes = isid.0;
    bytes[5] = SAME_PORTAL;
    Isid(bytes)
}

/// A after a restart of its host: the same name, another ISID than it has `now`. As with open-iscsi, which counts, only its
/// end differs. Two of them take turns, so that all are known beforehand.
pub fn reborn(run: RunId, now: Isid) -> Isid {
    let first = key::isid(run, 1, 1);
    let mut bytes = first.0;
    bytes[5] = REBORN;
    if now == first { Isid(bytes) } else { first }
}

/// Another ISID of the same node, for a nexus that was never registered.
pub fn anew(isid: Isid) -> Isid {
    let mut bytes = isid.0;
    bytes[5] = bytes[5].wrapping_add(0x40);
    Isid(bytes)
}

/// A member of the crowd that fills the table of registrations, 0 to 63.
pub fn crowd(run: RunId, number: u8) -> Nexus {
    let node = CROWD + number % 0x40;
    Nexus {
        label: format!("node {node}"),
        initiator: key::initiator_name(run, node),
        isid: key::isid(run, node, 1),
        portal: 0,
        key: key::key(run, node, 1),
    }
}

/// Where the crowd stands in records: behind every cast.
const BEHIND: usize = 1000;

/// The place of a member of the crowd in records.
pub fn member(number: usize) -> Node {
    Node(BEHIND + number)
}

/// What a nexus outside the cast is called.
pub fn member_label(run: RunId, node: Node) -> String {
    let number = node.0.checked_sub(BEHIND).and_then(|number| u8::try_from(number).ok());
    number.map_or_else(|| format!("node {}", node.0), |number| crowd(run, number).label)
}

/// Key that bears the mark of the run and is nobody's.
pub fn nobodys_key(run: RunId) -> Key {
    key::key(run, 0xf0, 1)
}

/// The most data that goes out unasked with a command of this node; `None` for what is usual. The writes of A wait to be asked
/// for their data, so that they can be kept under way.
pub fn burst(node: Node) -> Option<u32> {
    (node == A).then_some(512)
}

/// Opens a session of a nexus. `burst` is the most data that goes out unasked with a command.
pub fn open(plan: &Plan, nexus: &Nexus, burst: Option<u32>) -> Result<Session, Error> {
    let portal = plan
        .subject
        .portals
        .get(nexus.portal)
        .ok_or_else(|| Error::Usage(format!("there is no portal {}", nexus.portal + 1)))?;
    let mut login = plan.subject.access.login(&nexus.initiator, &plan.subject.target, nexus.isid);
    if let Some(burst) = burst {
        login.first_burst = burst;
    }
    Session::connect(portal, &login, timeouts(plan))
}

fn timeouts(plan: &Plan) -> Timeouts {
    let usual = Timeouts::default();
    Timeouts { command: plan.command_timeout, login: usual.login.max(plan.command_timeout), ..usual }
}

/// Opens sessions of many nexuses side by side; the results are in their order.
pub fn open_all(plan: &Plan, nexuses: &[(Nexus, Option<u32>)]) -> Vec<Result<Session, Error>> {
    thread::scope(|scope| {
        let opening: Vec<_> =
            nexuses.iter().map(|(nexus, burst)| scope.spawn(move || open(plan, nexus, *burst))).collect();
        opening
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Error::Usage("the thread that logged in panicked".into())))
            })
            .collect()
    })
}

impl Actor {
    /// A nexus without a session yet.
    pub fn new(nexus: Nexus) -> Self {
        Self { nexus, session: None, absent: None, refused: None, seen: Vec::new() }
    }

    /// Takes what came of opening a session.
    pub fn enter(&mut self, opened: Result<Session, Error>) {
        match opened {
            Ok(session) => (self.session, self.absent) = (Some(session), None),
            Err(error) => {
                (self.session, self.absent) = (None, Some(error.to_string()));
                self.refused = Some(error);
            }
        }
    }

    /// The time from the first packet to the end of the login.
    pub fn login_time(&self) -> Option<Duration> {
        self.session.as_ref().map(|session| session.connect_time() + session.login_time())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_host_that_restarts_twice_is_another_initiator_port_each_time() {
        let run = RunId::new(7).unwrap();
        let first = nexuses(run, 1)[A.0].isid;
        let second = reborn(run, first);
        let third = reborn(run, second);
        assert!(first != second && second != third);
        assert!([first, second].contains(&third), "the run file knows all of them");
    }

    #[test]
    fn every_nexus_is_another_one_and_bears_the_mark() {
        let run = RunId::new(7).unwrap();
        let mut all = nexuses(run, 4);
        all.extend((0..64).map(|number| crowd(run, number)));
        all.push(Nexus { isid: reborn(run, all[A.0].isid), ..all[A.0].clone() });
        let ports: BTreeSet<_> =
            all.iter().map(|nexus| (nexus.initiator.clone(), nexus.isid, nexus.portal)).collect();
        assert_eq!(ports.len(), all.len());
        assert!(all.iter().all(|nexus| key::Mark::is_of(nexus.key, run)));
        assert!(all.iter().all(|nexus| key::run_of_name(&nexus.initiator) == Some(run)));
        assert!(all.iter().all(|nexus| nexus.key != nobodys_key(run)));
        let keys: BTreeSet<_> = all.iter().map(|nexus| nexus.key).collect();
        assert_eq!(keys.len(), 9 + 64, "the paths of A share its key");
        assert_eq!(all[A.0].isid.0[..4], all[A2.0].isid.0[..4]);
        assert_ne!(all[A.0].isid.0[..4], all[4].isid.0[..4]);
    }
}
