//! What is left on a unit after a run: keys and reservation through each portal, and the commands that remove by hand what
//! is ours.
//!
//! Always holds: what could not be seen counts as left.

use super::gate::reserved;
use super::key::{self, Mark, RunId};
use super::outcome::{PortalState, Residue};
use crate::iscsi::{CommandError, Unit};
use crate::scsi::reservation::{Holder, Key};

/// Whose marks are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Those of one run. Those of other runs are strangers.
    Run(RunId),
    /// Those of any run of this program.
    Any,
}

impl Whose {
    /// True for a key of ours.
    pub fn is_ours(self, key: Key) -> bool {
        match self {
            Self::Run(run) => Mark::is_of(key, run),
            Self::Any => Mark::of(key).is_some(),
        }
    }
}

/// Keys and reservation of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// PRGENERATION.
    pub generation: u32,
    /// The keys, one for each nexus.
    pub keys: Vec<Key>,
    /// The reservation.
    pub holder: Option<Holder>,
}

/// Who holds the reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Nobody.
    Free,
    /// One of ours.
    Ours,
    /// Somebody else, or all registrants while somebody else is one.
    Strangers,
}

impl State {
    /// Reads it. A unit that never knew persistent reservations has nothing; one that knew them (`known`) and says that it
    /// does not may well have, hidden.
    ///
    /// # Errors
    /// A command that was not answered as it should be; a list of keys that is not whole.
    pub fn read(unit: &mut Unit<'_>, known: bool) -> Result<Self, String> {
        let absent = |error: &CommandError| {
            matches!(error, CommandError::Status { sense: Some(_), .. }) && error.is_unsupported()
        };
        let keys = match unit.read_keys() {
            Ok(keys) => keys,
            Err(error) if absent(&error) && !known => return Ok(Self::default()),
            Err(error) => return Err(error.to_string()),
        };
        if !keys.is_complete() {
            return Err(format!(
                "READ KEYS tells of {} bytes of keys and shows {}",
                keys.list_bytes,
                keys.keys.len() * 8
            ));
        }
        let reservation = unit.read_reservation().map_err(|error| error.to_string())?;
        Ok(Self { generation: keys.generation, keys: keys.keys, holder: reservation.holder })
    }

    /// The distinct keys of ours, in order.
    pub fn ours(&self, whose: Whose) -> Vec<Key> {
        let mut ours: Vec<Key> = self.keys.iter().copied().filter(|key| whose.is_ours(*key)).collect();
        ours.sort_unstable();
        ours.dedup();
        ours
    }

    /// The distinct keys of others, in order.
    pub fn strangers(&self, whose: Whose) -> Vec<Key> {
        let mut others: Vec<Key> = self.keys.iter().copied().filter(|key| !whose.is_ours(*key)).collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// Who holds the reservation.
    pub fn held(&self, whose: Whose) -> Held {
        let Some(holder) = self.holder else { return Held::Free };
        let all = holder.reservation_type().is_some_and(|kind| kind.is_all_registrants());
        if whose.is_ours(holder.key) {
            return Held::Ours;
        }
        // Types 7 and 8 show no key: those hold it who are registered.
        if all && !self.keys.is_empty() && self.strangers(whose).is_empty() {
            return Held::Ours;
        }
        Held::Strangers
    }

    /// True when nothing of ours is there.
    pub fn is_clean(&self, whose: Whose) -> bool {
        self.ours(whose).is_empty() && self.held(whose) != Held::Ours
    }

    /// What of ours is there, in words.
    pub fn left(&self, whose: Whose) -> Vec<String> {
        let mut left: Vec<String> = self.ours(whose).iter().map(|key| format!("key {key}")).collect();
        if let (Some(holder), Held::Ours) = (self.holder, self.held(whose)) {
            left.push(format!("reservation {}", reserved(&holder)));
        }
        left
    }

    /// How a report shows it.
    pub fn shown(&self, portal: &str) -> PortalState {
        PortalState {
            portal: portal.to_owned(),
            keys: self.keys.iter().map(ToString::to_string).collect(),
            reservation: self.holder.as_ref().map(reserved),
            unknown: None,
        }
    }
}

/// A portal through which nothing could be seen.
pub fn unseen(portal: &str, why: &str) -> PortalState {
    PortalState {
        portal: portal.to_owned(),
        keys: Vec::new(),
        reservation: None,
        unknown: Some(why.to_owned()),
    }
}

/// The residue that the last look through each portal shows.
pub fn residue(looks: &[(String, Result<State, String>)], whose: Whose, identity: Option<&str>) -> Residue {
    let mut residue = Residue { touched: true, ..Residue::default() };
    let mut last = None;
    for (portal, look) in looks {
        match look {
            Ok(state) => {
                residue.portals.push(state.shown(portal));
                for left in state.left(whose) {
                    if !residue.left.contains(&left) {
                        residue.left.push(left);
                    }
                }
                if !state.is_clean(whose) {
                    last.get_or_insert(state);
                }
            }
            Err(why) => {
                residue.portals.push(unseen(portal, why));
                residue
                    .left
                    .push(format!("perhaps something that could not be seen through {portal}: {why}"));
            }
        }
    }
    match last {
        Some(state) => residue.commands = commands(state, whose, identity),
        // Nothing is known: what removes keys is only said of keys that were seen.
        None if !residue.left.is_empty() => residue.commands = looking(identity),
        None => {}
    }
    residue
}

/// The `sg_persist` lines that show what is on the unit, for a host that sees it.
fn looking(identity: Option<&str>) -> Vec<String> {
    let device = device(identity);
    ["--read-keys", "--read-reservation"].map(|what| format!("sg_persist --in {what} {device}")).to_vec()
}

/// The `sg_persist` lines that remove what is ours, for a host that sees the unit. Where strangers are registered they take
/// away our keys one by one; otherwise they clear.
pub fn commands(state: &State, whose: Whose, identity: Option<&str>) -> Vec<String> {
    let device = device(identity);
    let ours = state.ours(whose);
    let run = ours.first().or(state.holder.as_ref().map(|holder| &holder.key)).and_then(|key| Mark::of(*key));
    let run = match (whose, run) {
        (Whose::Run(run), _) => run,
        (Whose::Any, Some(mark)) => mark.run,
        (Whose::Any, None) => return Vec::new(),
    };
    let hand = key::key(run, key::CLEANER, 0xff);
    let line = |rest: String| format!("sg_persist --out {rest} {device}");
    let mut lines = vec![line(format!("--register-ignore --param-sark={hand}"))];
    if state.strangers(whose).is_empty() && state.held(whose) != Held::Strangers {
        lines.push(line(format!("--clear --param-rk={hand}")));
        return lines;
    }
    let kind = state.holder.map_or(5, |holder| holder.kind);
    for victim in ours {
        lines.push(line(format!("--preempt --param-rk={hand} --param-sark={victim} --prout-type={kind}")));
    }
    if state.held(whose) == Held::Ours {
        lines.push(line(format!("--release --param-rk={hand} --prout-type={kind}")));
    }
    lines.push(line(format!("--register --param-rk={hand} --param-sark=0")));
    lines
}

/// The device's name on a Linux host, as far as the identity tells it.
fn device(identity: Option<&str>) -> String {
    let safe = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match identity.and_then(|identity| identity.split_once('.')) {
        Some(("naa", digits)) if safe(digits) => format!("/dev/disk/by-id/wwn-0x{digits}"),
        Some(("eui", digits)) if safe(digits) => format!("/dev/disk/by-id/scsi-2{digits}"),
        _ => "/dev/sdX".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunId {
        RunId::new(0x0102_0304).unwrap()
    }

    fn state(keys: &[u64], holder: Option<(u64, u8)>) -> State {
        let holder = holder.map(|(key, kind)| Holder { key: Key(key), scope: 0, kind });
        State { generation: 3, keys: keys.iter().copied().map(Key).collect(), holder }
    }

    #[test]
    fn who_holds() {
        let (whose, mine) = (Whose::Run(run()), key::key(run(), 1, 1).0);
        let other = key::key(RunId::new(9).unwrap(), 1, 1).0;
        for (state, held) in [
            (state(&[], None), Held::Free),
            (state(&[mine], Some((mine, 5))), Held::Ours),
            (state(&[], Some((mine, 5))), Held::Ours),
            (state(&[mine], Some((0, 7))), Held::Ours),
            (state(&[mine, 5], Some((0, 7))), Held::Strangers),
            (state(&[mine, 5], Some((mine, 5))), Held::Ours),
            (state(&[mine, 5], Some((5, 5))), Held::Strangers),
            (state(&[], Some((0, 7))), Held::Strangers),
            (state(&[other], Some((other, 5))), Held::Strangers),
        ] {
            assert_eq!(state.held(whose), held, "{state:?}");
        }
        assert!(!state(&[other], None).is_clean(Whose::Any));
        assert!(state(&[other], None).is_clean(whose));
        assert_eq!(state(&[mine, mine, other], None).strangers(whose), [Key(other)]);
    }

    #[test]
    fn lines_to_remove_by_hand() {
        let mine = key::key(run(), 1, 1).0;
        let naa = Some("naa.6001405000000000000000000000000a");
        let lines = commands(&state(&[mine], Some((mine, 5))), Whose::Any, naa);
        assert_eq!(
            lines,
            [
                "sg_persist --out --register-ignore --param-sark=0x717501020304ffff \
                 /dev/disk/by-id/wwn-0x6001405000000000000000000000000a",
                "sg_persist --out --clear --param-rk=0x717501020304ffff \
                 /dev/disk/by-id/wwn-0x6001405000000000000000000000000a",
            ]
        );
        let lines = commands(&state(&[mine, 5], Some((mine, 1))), Whose::Run(run()), Some("naa.x; rm"));
        assert_eq!(lines.len(), 4);
        assert!(lines.iter().all(|line| line.ends_with(" /dev/sdX") && !line.contains("--clear")));
        assert!(lines[1].contains("--preempt") && lines[1].contains("0x7175010203040101 --prout-type=1"));
    }

    #[test]
    fn what_was_not_seen_may_be_left() {
        let looks = [("a:1".to_owned(), Ok(state(&[], None))), ("b:2".to_owned(), Err("gone".to_owned()))];
        let residue = residue(&looks, Whose::Run(run()), None);
        assert!(!residue.is_clean() && residue.left[0].contains("b:2: gone"));
        assert!(super::residue(&looks[..1], Whose::Run(run()), None).is_clean());
    }
}
