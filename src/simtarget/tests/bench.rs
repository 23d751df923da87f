//! Nodes that log in to a simulated target with the project's own initiator.

use std::time::Duration;

use crate::iscsi::error::Error;
use crate::iscsi::login::LoginConfig;
use crate::iscsi::session::{Response, Session, Timeouts, Transfer};
use crate::iscsi::{Isid, Portal};
use crate::scsi::cdb::{Form, PrOut};
use crate::scsi::reservation::{Key, PrParameters, ReservationType};
use crate::scsi::{Cdb, Lun, Status};
use crate::simtarget::config::DEMO_TARGET;
use crate::simtarget::{Config, FaultSet, SimTarget};

pub(super) const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(5),
    login: Duration::from_secs(5),
    command: Duration::from_secs(5),
};

/// A simulated target and a way to reach it as several nodes.
pub(super) struct Bench {
    pub target: SimTarget,
    timeouts: Timeouts,
}

/// ISID of a path of a node; all are random-format ones that differ in every part.
pub(super) fn isid(name: char, path: u8) -> Isid {
    Isid([0x80, name as u8, path, 1, 0, path])
}

pub(super) fn initiator(name: char) -> String {
    format!("iqn.2026-01.test:{name}")
}

impl Bench {
    pub fn new(config: Config) -> Self {
        Self { target: SimTarget::start(config).unwrap(), timeouts: TIMEOUTS }
    }

    pub fn demo(faults: impl Into<FaultSet>) -> Self {
        Self::new(Config::demo(faults.into()))
    }

    pub fn patient(mut self, command: Duration) -> Self {
        self.timeouts.command = command;
        self
    }

    pub fn portal(&self, index: usize) -> Portal {
        let address = self.target.portals()[index];
        Portal::new(address.ip().to_string(), address.port())
    }

    #[allow(clippy::unused_self, reason = "a login is for this bench, whose target has the one name")]
    pub fn login(&self, name: char, path: u8) -> LoginConfig {
        LoginConfig::new(initiator(name), DEMO_TARGET, isid(name, path))
    }

    pub fn connect(&self, login: &LoginConfig, portal: usize) -> Result<Node, Error> {
        let session = Session::connect(&self.portal(portal), login, self.timeouts)?;
        Ok(Node { session, lun: Lun::new(1) })
    }

    /// Logs in; the unit attentions that greet a session are drained.
    pub fn node_at(&self, name: char, path: u8, portal: usize) -> Node {
        let mut node = self.connect(&self.login(name, path), portal).unwrap();
        node.session.drain_attentions(node.lun).unwrap();
        node
    }

    pub fn node(&self, name: char) -> Node {
        self.node_at(name, 0, 0)
    }
}

/// A node's session, looking at LUN 1.
pub(super) struct Node {
    pub session: Session,
    pub lun: Lun,
}

impl Node {
    pub fn execute(&mut self, cdb: impl Into<[u8; 16]>, transfer: Transfer) -> Result<Response, Error> {
        self.session.execute(self.lun, cdb, transfer)
    }

    /// Sends a command and gives its end in short: `good`, `conflict`, `5/24/00`, `gone`.
    pub fn end(&mut self, cdb: impl Into<[u8; 16]>, transfer: Transfer) -> String {
        shown(&self.execute(cdb, transfer))
    }

    pub fn write(&mut self, lba: u64) -> String {
        let cdb = Cdb::Write { form: Form::Ten, lba, blocks: 1, fua: true };
        self.end(cdb, Transfer::Write(vec![0x5a; 512]))
    }

    pub fn read(&mut self, lba: u64) -> String {
        self.end(Cdb::Read { form: Form::Ten, lba, blocks: 1, fua: false }, Transfer::Read(512))
    }

    pub fn ready(&mut self) -> String {
        self.end(Cdb::TestUnitReady, Transfer::None)
    }

    pub fn out(&mut self, action: PrOut, kind: ReservationType, parameters: &PrParameters) -> String {
        shown(&self.session.unit(self.lun).reserve_out(action, Some(kind), parameters))
    }

    pub fn simple(&mut self, action: PrOut, key: u64, action_key: u64) -> String {
        let kind = ReservationType::WriteExclusiveRegistrantsOnly;
        self.out(action, kind, &PrParameters::new(Key(key), Key(action_key)))
    }

    pub fn register(&mut self, key: u64) -> String {
        self.simple(PrOut::Register, 0, key)
    }

    pub fn reserve(&mut self, key: u64, kind: ReservationType) -> String {
        self.out(PrOut::Reserve, kind, &PrParameters::new(Key(key), Key(0)))
    }

    /// Keys as READ KEYS lists them, with PRGENERATION in front.
    pub fn keys(&mut self) -> String {
        match self.session.unit(self.lun).read_keys() {
            Ok(keys) => {
                let mut list: Vec<u64> = keys.keys.iter().map(|key| key.0).collect();
                list.sort_unstable();
                format!("{} {list:x?}", keys.generation)
            }
            Err(error) => format!("{error}"),
        }
    }

    /// The reservation as READ RESERVATION shows it.
    pub fn held(&mut self) -> String {
        match self.session.unit(self.lun).read_reservation() {
            Ok(reservation) => reservation.holder.map_or_else(
                || "free".to_owned(),
                |holder| format!("{:x} type {}", holder.key.0, holder.kind),
            ),
            Err(error) => format!("{error}"),
        }
    }

    /// Unit attentions that wait, in short.
    pub fn attentions(&mut self) -> String {
        match self.session.drain_attentions(self.lun) {
            Ok(list) => list.iter().map(|sense| sense.codes()).collect::<Vec<_>>().join(" "),
            Err(error) => format!("{error}"),
        }
    }
}

pub(super) fn shown(outcome: &Result<Response, Error>) -> String {
    match outcome {
        Ok(response) => match (response.status, response.sense) {
            (Status::Good, _) => "good".to_owned(),
            (Status::ReservationConflict, _) => "conflict".to_owned(),
            (Status::CheckCondition, Some(sense)) => sense.codes(),
            (status, _) => status.to_string(),
        },
        Err(error) if error.is_timeout() => "no answer".to_owned(),
        Err(_) => "gone".to_owned(),
    }
}
