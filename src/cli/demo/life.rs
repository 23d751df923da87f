//! The life of the demonstration's cluster: its recorded nodes register their keys with the embedded target and reserve
//! its LUNs, as they would if they ran, so that a target which loses or muddles that can be seen.
//!
//! It speaks to the target inside this process and to nothing else.

use super::recorded::RECORDED;
use crate::iscsi::login::LoginConfig;
use crate::iscsi::{Error, Isid, Portal, Session, Timeouts};
use crate::scsi::Lun;
use crate::scsi::cdb::PrOut;
use crate::scsi::reservation::{Key, PrParameters, ReservationType};
use crate::simtarget::config::DEMO_TARGET;
use crate::simtarget::{Config, FaultSet, SimTarget};
use std::time::Duration;

/// The nodes' sessions, in the order of nodes and then of portals. They last as long as this does.
pub(super) struct Life {
    portals: Vec<Portal>,
    sessions: Vec<Option<Session>>,
}

impl Life {
    /// Every recorded node logs in through every portal and registers on every LUN; the first one reserves.
    pub fn begin(target: &SimTarget) -> Result<Self, Error> {
        let portals: Vec<Portal> =
            target.portals().iter().map(|at| Portal::new(at.ip().to_string(), at.port())).collect();
        let mut life = Life { portals, sessions: Vec::new() };
        for node in 0..RECORDED.len() {
            for at in 0..life.portals.len() {
                let mut session = life.log_in(node, at)?;
                for lun in luns() {
                    register(&mut session, PrOut::Register, lun, key(node))?;
                    if (node, at) == (0, 0) {
                        let parameters = PrParameters::new(key(node), Key::default());
                        let kind = Some(ReservationType::WriteExclusiveRegistrantsOnly);
                        session.unit(lun).reserve_out(PrOut::Reserve, kind, &parameters)?;
                    }
                }
                life.sessions.push(Some(session));
            }
        }
        Ok(life)
    }

    /// The last node loses its sessions, logs in again and registers anew, as after its network was away for a moment.
    /// Where the target does not let it in, it stays out.
    pub fn reconnect_last_node(&mut self) {
        let node = RECORDED.len() - 1;
        for at in 0..self.portals.len() {
            let place = node * self.portals.len() + at;
            if let Some(session) = self.sessions[place].take() {
                let _ = session.logout();
            }
            self.sessions[place] = self.log_in(node, at).ok();
            for lun in luns() {
                if let Some(session) = &mut self.sessions[place] {
                    let _ = register(session, PrOut::RegisterAndIgnoreExistingKey, lun, key(node));
                }
            }
        }
    }

    fn log_in(&self, node: usize, at: usize) -> Result<Session, Error> {
        let name = format!("iqn.2026-01.com.example:{}", RECORDED[node].name);
        // The same identifier at every login: it is the same initiator port that comes back.
        let isid = Isid([0x80, 0x71, 0x75, 0x6f, number(node), number(at)]);
        let mut session = Session::connect(
            &self.portals[at],
            &LoginConfig::new(name, DEMO_TARGET, isid),
            Timeouts { connect: SHORT, login: SHORT, command: SHORT },
        )?;
        for lun in luns() {
            session.drain_attentions(lun)?;
        }
        Ok(session)
    }
}

/// Longest that the nodes wait for a target that has a fault.
const SHORT: Duration = Duration::from_millis(1500);

fn luns() -> impl Iterator<Item = Lun> {
    let units = Config::demo(FaultSet::NONE).targets.into_iter().flat_map(|target| target.units);
    units.map(|unit| Lun::new(unit.lun.into()))
}

fn register(session: &mut Session, how: PrOut, lun: Lun, key: Key) -> Result<(), Error> {
    let parameters = PrParameters::new(Key::default(), key);
    session.unit(lun).reserve_out(how, None, &parameters).map(|_| ())
}

/// The key of a node: one for all its paths.
fn key(node: usize) -> Key {
    Key(0x7175_6f72_0000_0000 | u64::from(number(node)))
}

fn number(at: usize) -> u8 {
    u8::try_from(at + 1).unwrap_or(u8::MAX)
}
