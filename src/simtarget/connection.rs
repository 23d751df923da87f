//! One connection of a simulated target, from the first byte to the last: login, then the full feature phase.
//!
//! Always holds: whatever the initiator sends, the connection's thread ends without a panic and takes its session with it;
//! an initiator that breaks the protocol is answered where RFC 7143 has an answer, and disconnected otherwise.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::admission::log_in;
use super::chaos::{Dice, Loss};
use super::command::Answer;
use super::discovery::{Scope, send_targets};
use super::fault::Fault;
use super::inlet::Inlet;
use super::negotiate::Terms;
use super::outbox::{Gone, Outbox, Window, Writer};
use super::server::Shared;
use super::state::{Ended, SessionId, Step};
use crate::iscsi::pdu::{
    AsyncMessage, DataIn, DataOut, LogoutRequest, LogoutResponse, NopIn, NopOut, Reject, ScsiCommand,
    ScsiResponse, TaskRequest, TaskResponse, TextRequest, TextResponse,
};
use crate::iscsi::text::{KeyBuffer, Keys, segments};
use crate::iscsi::{FrameError, FrameReader, NO_TAG, Pdu, serial_less};
use crate::scsi::Status;
use crate::scsi::sense::SenseFormat;

/// How often a waiting reader looks at its clocks.
const TICK: Duration = Duration::from_millis(250);
/// Delay of a command under the fault `slow`.
const SLOW_COMMAND: Duration = Duration::from_millis(250);
/// Commands after which `drops-connection` closes and `asks-for-logout` asks.
const FEW_COMMANDS: u64 = 12;
/// Text longer than this in one request is no discovery.
const SEGMENT_IN_LOGIN: u32 = 64 * 1024;

/// Reasons of a Reject (RFC 7143 section 11.17.1).
mod reason {
    pub const DATA_DIGEST: u8 = 0x02;
    pub const SNACK: u8 = 0x03;
    pub const PROTOCOL: u8 = 0x04;
    pub const UNSUPPORTED: u8 = 0x05;
    pub const INVALID_FIELD: u8 = 0x09;
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The initiator went away, or somebody else ended the session.
    Gone,
    /// After a logout; what is queued still goes out.
    Logout,
    /// The target closes, by a reset or a fault; what is queued still goes out.
    Closed,
    /// The initiator broke the protocol.
    Violation,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// Serves a connection until it ends. `number` counts connections, `portal` is the index of the portal.
pub(super) fn serve(shared: &Arc<Shared>, portal: usize, number: u64, stream: TcpStream) {
    let limits = shared.config.limits;
    let prepared = stream
        .set_nodelay(true)
        .and_then(|()| stream.set_read_timeout(Some(TICK)))
        .and_then(|()| stream.set_write_timeout(Some(limits.pdu_timeout)))
        .and_then(|()| stream.local_addr())
        .and_then(|local| stream.try_clone().map(|clone| (local, clone)));
    let Ok((local, reading)) = prepared else { return };
    let stream = Arc::new(stream);
    let mut reader = FrameReader::new(Inlet::new(reading, limits.pdu_timeout), SEGMENT_IN_LOGIN);
    let mut dice = Dice::sending(number);
    let Some(agreed) = log_in(shared, portal, local, &mut reader, &stream, &mut dice) else {
        let _ = stream.shutdown(std::net::Shutdown::Both);
        return;
    };
    reader.set_digests(agreed.terms.digests);
    reader.set_limit(shared.config.negotiation.max_recv_data_segment_length);
    let writer = Writer {
        outbox: agreed.outbox.clone(),
        numbers: agreed.numbers,
        digests: agreed.terms.digests,
        initiator_segment: agreed.terms.initiator_segment,
        dice,
        shared: Arc::clone(shared),
    };
    let writing = thread::Builder::new().name("simtarget-send".into()).spawn(move || writer.run());
    let mut connection = Connection {
        shared: Arc::clone(shared),
        session: agreed.session,
        id: agreed.connection,
        local,
        terms: agreed.terms,
        window: agreed.window,
        outbox: agreed.outbox,
        commands: 0,
        text: None,
        incoming: KeyBuffer::default(),
        ping: None,
        dice: Dice::receiving(number),
    };
    let end = if writing.is_ok() { connection.run(&mut reader) } else { End::Gone };
    if end == End::Violation {
        shared.state().stats.violations += 1;
    }
    if end == End::Gone {
        connection.outbox.close();
    } else {
        connection.outbox.finish();
    }
    if let Some(session) = connection.session {
        shared.state().close(session, false);
    }
    if let Ok(writing) = writing
        && writing.join().is_err()
    {
        shared.note_panic();
    }
    connection.outbox.close();
}

/// A connection in full feature phase.
struct Connection {
    shared: Arc<Shared>,
    session: Option<SessionId>,
    /// CID.
    id: u16,
    local: SocketAddr,
    terms: Terms,
    window: Arc<Window>,
    outbox: Outbox,
    commands: u64,
    /// Rest of a text answer, with its target transfer tag.
    text: Option<(u32, Vec<Vec<u8>>)>,
    incoming: KeyBuffer,
    /// When a ping was sent that is not answered yet.
    ping: Option<Instant>,
    /// What happens to requests.
    dice: Dice,
}

impl Connection {
    fn run(&mut self, reader: &mut FrameReader<Inlet>) -> End {
        let mut heard = Instant::now();
        let more = reader.buffered() > 0;
        reader.get_mut().next(more);
        loop {
            let frame = match reader.read() {
                Ok(frame) => frame,
                Err(error) if error.is_timeout() => {
                    if self.shared.is_stopping() {
                        return End::Gone;
                    }
                    if reader.get_ref().is_overdue() {
                        return End::Violation;
                    }
                    if self.keep_alive(heard).is_err() {
                        return End::Gone;
                    }
                    continue;
                }
                Err(FrameError::DataDigest { .. }) => {
                    // The header that belongs to the damaged data is lost with it, so there is nothing to quote.
                    let _ = self.reject(reason::DATA_DIGEST, Vec::new());
                    return End::Violation;
                }
                Err(FrameError::HeaderDigest { .. } | FrameError::TooLong { .. }) => return End::Violation,
                Err(_) => return End::Gone,
            };
            heard = Instant::now();
            let more = reader.buffered() > 0;
            reader.get_mut().next(more);
            match self.dice.roll_request(self.shared.chaos()) {
                Loss::Close => return End::Gone,
                Loss::Delay(time) if self.shared.sleep(time) => return End::Gone,
                _ => {}
            }
            let header = frame.header;
            let handled = match Pdu::decode(frame) {
                Ok(pdu) => self.handle(pdu, &header),
                Err(_) => self.reject(reason::UNSUPPORTED, header.to_vec()).map_err(End::from),
            };
            if let Err(end) = handled {
                return end;
            }
        }
    }

    /// Sends a ping after a silence, and gives up when one stays unanswered for as long again.
    fn keep_alive(&mut self, heard: Instant) -> Result<(), Gone> {
        let Some(interval) = self.shared.config.negotiation.nop_interval else { return Ok(()) };
        match self.ping {
            Some(sent) if sent.elapsed() > interval => Err(Gone),
            None if heard.elapsed() > interval => {
                self.ping = Some(Instant::now());
                self.outbox.send(NopIn { tag: NO_TAG, transfer_tag: 1, ..NopIn::default() })
            }
            _ => Ok(()),
        }
    }

    fn reject(&self, reason: u8, data: Vec<u8>) -> Result<(), Gone> {
        self.outbox.send(Reject { reason, tag: NO_TAG, data, ..Reject::default() })
    }

    /// Whether a request is the next in order. One that lies outside the window, or is a duplicate, is ignored; a gap can
    /// never be filled on a single connection.
    fn in_order(&self, immediate: bool, command_sn: u32) -> Result<bool, End> {
        let (expected, last) = (self.window.expected(), self.window.last());
        if immediate {
            return Ok(true);
        }
        if command_sn == expected {
            self.window.advance();
            return Ok(true);
        }
        if serial_less(command_sn, expected) || serial_less(last, command_sn) {
            return Ok(false);
        }
        Err(End::Violation)
    }

    fn handle(&mut self, pdu: Pdu, header: &[u8; 48]) -> Result<(), End> {
        let order = match &pdu {
            Pdu::NopOut(pdu) => Some((pdu.immediate, pdu.command_sn)),
            Pdu::ScsiCommand(pdu) => Some((pdu.immediate, pdu.command_sn)),
            Pdu::TaskRequest(pdu) => Some((pdu.immediate, pdu.command_sn)),
            Pdu::TextRequest(pdu) => Some((pdu.immediate, pdu.command_sn)),
            Pdu::LogoutRequest(pdu) => Some((pdu.immediate, pdu.command_sn)),
            _ => None,
        };
        if let Some((immediate, command_sn)) = order
            && !self.in_order(immediate, command_sn)?
        {
            return Ok(());
        }
        match pdu {
            Pdu::NopOut(pdu) => self.nop(pdu),
            Pdu::TextRequest(pdu) => self.text(&pdu, header),
            Pdu::LogoutRequest(pdu) => self.logout(&pdu),
            Pdu::ScsiCommand(pdu) if self.session.is_some() => self.scsi(&pdu, header),
            Pdu::DataOut(pdu) if self.session.is_some() => self.data_out(&pdu, header),
            Pdu::TaskRequest(pdu) if self.session.is_some() => self.task_management(&pdu),
            // At error recovery level 0 nothing is sent twice.
            Pdu::SnackRequest(_) => Ok(self.reject(reason::SNACK, header.to_vec())?),
            // A discovery session knows text and logout only; a login is over; the rest is for an initiator to receive.
            _ => {
                self.reject(reason::PROTOCOL, header.to_vec())?;
                Err(End::Violation)
            }
        }
    }

    fn nop(&mut self, pdu: NopOut) -> Result<(), End> {
        if pdu.transfer_tag != NO_TAG {
            self.ping = None;
        }
        if pdu.tag == NO_TAG {
            return Ok(());
        }
        let mut data = pdu.data;
        data.truncate(self.terms.initiator_segment as usize);
        Ok(self.outbox.send(NopIn {
            lun: pdu.lun,
            tag: pdu.tag,
            transfer_tag: NO_TAG,
            data,
            ..NopIn::default()
        })?)
    }

    fn scsi(&mut self, pdu: &ScsiCommand, header: &[u8; 48]) -> Result<(), End> {
        let Some(session) = self.session else { return Err(End::Gone) };
        let faults = self.shared.faults();
        self.commands += 1;
        if faults.has(Fault::Slow) && self.shared.sleep(SLOW_COMMAND) {
            return Err(End::Gone);
        }
        if faults.has(Fault::Hangs) {
            return Ok(());
        }
        let refused = if self.commands.is_multiple_of(2) {
            [(Fault::TaskSetFull, Status::TaskSetFull), (Fault::Busy, Status::Busy)]
                .into_iter()
                .find(|(fault, _)| faults.has(*fault))
                .map(|(_, status)| status)
        } else {
            None
        };
        let step = match refused {
            Some(status) => Step::Ended(Box::new(Ended {
                answer: Answer::status(status),
                needed: 0,
                expected: pdu.expected_bytes,
                requests: 0,
                descriptor_sense: false,
            })),
            None => self.shared.state().command(session, pdu, self.terms),
        };
        self.follow(step, pdu.tag, pdu.read, header)?;
        if faults.has(Fault::DropsConnection) && self.commands >= FEW_COMMANDS {
            return Err(End::Closed);
        }
        if faults.has(Fault::AsksForLogout) {
            if self.commands == FEW_COMMANDS {
                let request =
                    AsyncMessage { tag: NO_TAG, event: 1, parameter3: 3, ..AsyncMessage::default() };
                self.outbox.send(request)?;
            } else if self.commands >= 2 * FEW_COMMANDS {
                return Err(End::Closed);
            }
        }
        Ok(())
    }

    fn data_out(&mut self, pdu: &DataOut, header: &[u8; 48]) -> Result<(), End> {
        let Some(session) = self.session else { return Err(End::Gone) };
        let step = self.shared.state().data_out(session, pdu);
        self.follow(step, pdu.tag, false, header)
    }

    fn follow(&mut self, step: Step, tag: u32, read: bool, header: &[u8; 48]) -> Result<(), End> {
        match step {
            Step::Wait => Ok(()),
            Step::Gone => Err(End::Gone),
            Step::Broken => {
                self.reject(reason::PROTOCOL, header.to_vec())?;
                Err(End::Violation)
            }
            Step::Ended(ended) => Ok(self.respond(*ended, tag, read)?),
        }
    }

    /// Sends data and status of a command (RFC 7143 sections 11.4 and 11.7).
    fn respond(&self, ended: Ended, tag: u32, read: bool) -> Result<(), Gone> {
        let Ended { answer, needed, expected, requests, descriptor_sense } = ended;
        let status = answer.status.to_byte();
        let room = if read { expected as usize } else { 0 };
        let moved = if answer.data.is_empty() { needed } else { answer.data.len() as u64 };
        // What a command did not come to move is left over whole.
        let moved = if answer.status == Status::Good { moved } else { 0 };
        let left = u64::from(expected).saturating_sub(moved);
        let over = moved.saturating_sub(u64::from(if read || needed > 0 { expected } else { 0 }));
        let underflow = left > 0 && over == 0;
        let overflow = over > 0;
        let residual = u32::try_from(if overflow { over } else { left }).unwrap_or(u32::MAX);
        let sent = &answer.data[..answer.data.len().min(room)];
        let segment = self.terms.initiator_segment.min(self.terms.max_burst).max(1) as usize;
        let mut in_burst = 0;
        let pieces = sent.len().div_ceil(segment);
        for (number, piece) in sent.chunks(segment).enumerate() {
            let last = number + 1 == pieces;
            in_burst += piece.len();
            let burst_full = in_burst + segment > self.terms.max_burst as usize;
            if burst_full {
                in_burst = 0;
            }
            self.outbox.send(DataIn {
                is_final: last || burst_full,
                overflow: last && overflow,
                underflow: last && underflow,
                has_status: last,
                status: if last { status } else { 0 },
                tag,
                transfer_tag: NO_TAG,
                data_sn: u32::try_from(number).unwrap_or(u32::MAX),
                offset: u32::try_from(number * segment).unwrap_or(u32::MAX),
                residual: if last { residual } else { 0 },
                data: piece.to_vec(),
                ..DataIn::default()
            })?;
        }
        if pieces > 0 {
            return Ok(());
        }
        let mut response = ScsiResponse {
            overflow,
            underflow,
            status,
            tag,
            expected_data_sn: requests,
            residual,
            ..ScsiResponse::default()
        };
        if let Some(mut sense) = answer.sense
            && !self.shared.faults().has(Fault::CheckWithoutSense)
        {
            if descriptor_sense {
                sense.format = SenseFormat::Descriptor;
            }
            response.set_sense(&sense.encode());
        }
        self.outbox.send(response)
    }

    fn task_management(&mut self, pdu: &TaskRequest) -> Result<(), End> {
        let Some(session) = self.session else { return Err(End::Gone) };
        let managed = self.shared.state().manage(session, pdu);
        self.outbox.send(TaskResponse {
            response: managed.response,
            tag: pdu.tag,
            ..TaskResponse::default()
        })?;
        if managed.drops_sessions {
            self.shared.state().drop_sessions(session);
            return Err(End::Closed);
        }
        Ok(())
    }

    fn logout(&mut self, pdu: &LogoutRequest) -> Result<(), End> {
        /// Close the session; close a connection; remove a connection for recovery.
        const SESSION: u8 = 0;
        const CONNECTION: u8 = 1;
        let response = match pdu.reason {
            SESSION => 0,
            CONNECTION if pdu.connection == self.id => 0,
            // CID not found; connection recovery not supported.
            CONNECTION => 1,
            _ => 2,
        };
        if response == 0
            && let Some(session) = self.session.take()
        {
            // Before the answer, so that a login that follows at once does not find the session still there.
            self.shared.state().close(session, true);
        }
        self.outbox.send(LogoutResponse { response, tag: pdu.tag, ..LogoutResponse::default() })?;
        if response == 0 { Err(End::Logout) } else { Ok(()) }
    }

    fn text(&mut self, pdu: &TextRequest, header: &[u8; 48]) -> Result<(), End> {
        if pdu.transfer_tag != NO_TAG {
            return self.more_text(pdu, header);
        }
        self.text = None;
        if self.incoming.push(&pdu.data).is_err() {
            return Err(End::Violation);
        }
        if pdu.continued {
            let response = TextResponse { tag: pdu.tag, transfer_tag: 1, ..TextResponse::default() };
            self.text = Some((1, Vec::new()));
            return Ok(self.outbox.send(response)?);
        }
        self.answer_text(pdu.tag, header)
    }

    /// The rest of an answer, or of a request that the initiator continues.
    fn more_text(&mut self, pdu: &TextRequest, header: &[u8; 48]) -> Result<(), End> {
        let Some((tag, rest)) = self.text.take().filter(|(tag, _)| *tag == pdu.transfer_tag) else {
            return Ok(self.reject(reason::INVALID_FIELD, header.to_vec())?);
        };
        if !pdu.data.is_empty() {
            if self.incoming.push(&pdu.data).is_err() {
                return Err(End::Violation);
            }
            if !pdu.continued {
                return self.answer_text(pdu.tag, header);
            }
        }
        Ok(self.send_text(pdu.tag, tag, rest)?)
    }

    fn answer_text(&mut self, tag: u32, header: &[u8; 48]) -> Result<(), End> {
        let Ok(keys) = self.incoming.finish() else {
            return Ok(self.reject(reason::INVALID_FIELD, header.to_vec())?);
        };
        let mut answers = Keys::new();
        for (key, value) in keys.iter() {
            if key == "SendTargets" {
                match self.send_targets(value) {
                    Some(found) => found.iter().for_each(|(key, value)| answers.push(key, value)),
                    None => answers.push(key, "Reject"),
                }
            } else if key != "MaxRecvDataSegmentLength" {
                answers.push(key, "NotUnderstood");
            }
        }
        let rest = segments(&answers.encode(), self.terms.initiator_segment as usize);
        Ok(self.send_text(tag, 1, rest)?)
    }

    fn send_targets(&self, value: &str) -> Option<Keys> {
        let own = self
            .session
            .and_then(|session| self.shared.state().target_of(session))
            .and_then(|index| self.shared.config.targets.get(index))
            .map(|target| target.name.as_str());
        let scope = match (value, own) {
            ("All", None) => Scope::All,
            ("", Some(own)) => Scope::One(own),
            // Outside discovery a session may ask for its own target only.
            (name, Some(own)) if name == own => Scope::One(own),
            (_, Some(_)) | ("", None) => return None,
            (name, None) => Scope::One(name),
        };
        let config = &self.shared.config;
        Some(send_targets(config, self.shared.faults(), self.shared.bound(), self.local, scope))
    }

    fn send_text(&mut self, tag: u32, transfer_tag: u32, mut rest: Vec<Vec<u8>>) -> Result<(), Gone> {
        let endless = self.shared.faults().has(Fault::EndlessText);
        let data = if rest.is_empty() { Vec::new() } else { rest.remove(0) };
        let more = endless || !rest.is_empty();
        if endless {
            rest = vec![b"TargetName=iqn.2026-01.org.quorate.demo:endless\0".to_vec()];
        }
        let response = TextResponse {
            is_final: !more,
            continued: more,
            tag,
            transfer_tag: if more { transfer_tag.wrapping_add(1) & 0x7fff_ffff } else { NO_TAG },
            data,
            ..TextResponse::default()
        };
        self.text = more.then_some((response.transfer_tag, rest));
        self.outbox.send(response)
    }
}
