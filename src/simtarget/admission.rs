//! The login of one connection: requests in, responses out, until both sides agree or part.
//!
//! Always holds: the time for a login is bounded, and nothing but login requests is listened to.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::chaos::{Dice, Mishap};
use super::fault::Fault;
use super::inlet::Inlet;
use super::login::{Login, Reply, target_error};
use super::negotiate::Terms;
use super::outbox::{Numbers, Outbox, Window, transmit};
use super::reservations::Nexus;
use super::server::Shared;
use super::state::SessionId;
use crate::iscsi::pdu::{LoginRequest, LoginResponse};
use crate::iscsi::text::{KeyBuffer, Keys};
use crate::iscsi::{Digests, FrameReader, Pdu};

/// Delay of a login under the fault `slow-login`.
const SLOW_LOGIN: Duration = Duration::from_secs(1);

/// What a login came to.
pub(super) struct Agreed {
    /// `None` in a discovery session.
    pub session: Option<SessionId>,
    pub connection: u16,
    pub terms: Terms,
    pub window: Arc<Window>,
    pub outbox: Outbox,
    pub numbers: Numbers,
}

/// Logs an initiator in; `None` where the connection is to be closed.
pub(super) fn log_in(
    shared: &Arc<Shared>,
    portal: usize,
    local: SocketAddr,
    reader: &mut FrameReader<Inlet>,
    stream: &Arc<TcpStream>,
    dice: &mut Dice,
) -> Option<Agreed> {
    let deadline = Instant::now() + shared.config.limits.login_timeout;
    reader.get_mut().end_at(deadline);
    let faults = shared.faults();
    let mut login = Login::new(&shared.config, faults, portal, local);
    let mut incoming = KeyBuffer::default();
    let mut started: Option<(Numbers, Arc<Window>)> = None;
    loop {
        let frame = match reader.read() {
            Ok(frame) => frame,
            Err(error) if error.is_timeout() && Instant::now() < deadline && !shared.is_stopping() => {
                continue;
            }
            Err(_) => return None,
        };
        // Before the login nothing else is understood, and nothing is answered.
        let Ok(Pdu::LoginRequest(request)) = Pdu::decode(frame) else { return None };
        let (numbers, _) = started.get_or_insert_with(|| {
            let window = Arc::new(Window::new(request.command_sn, shared.config.negotiation.queue_depth));
            (Numbers::new(1, Arc::clone(&window)), window)
        });
        let mut send = |response: LoginResponse, numbers: &mut Numbers| {
            let mishap = dice.roll(shared.chaos());
            let mut pdu = Pdu::LoginResponse(response);
            numbers.number(&mut pdu, mishap == Mishap::Reorder);
            let mut bytes = Vec::new();
            pdu.into_frame().write_to(Digests::default(), &mut bytes).is_ok()
                && transmit(stream, bytes, mishap, shared).is_ok()
        };
        let (Ok(Some(reply)) | Err(reply)) = take(&mut login, &mut incoming, &request) else {
            if !send(answer(&request, &Keys::new(), false), numbers) {
                return None;
            }
            continue;
        };
        match reply {
            Reply::Close => return None,
            Reply::Refuse { status, keys } => {
                shared.state().stats.refused_logins += 1;
                send(refusal(&request, status, &keys), numbers);
                return None;
            }
            Reply::Continue { keys, transit } => {
                if !send(answer(&request, &keys, transit), numbers) {
                    return None;
                }
            }
            Reply::Finish { keys } => {
                if faults.has(Fault::SlowLogin) && shared.sleep(SLOW_LOGIN) {
                    return None;
                }
                let outbox = Outbox::new(Arc::clone(stream));
                let session = match login.target {
                    None => None,
                    Some(target) => {
                        let tag = shared.config.portals.get(portal).map_or(1, |portal| portal.tag);
                        let nexus = Nexus { name: Arc::clone(&login.initiator), isid: login.isid, port: tag };
                        let opened = shared.state().open(target, nexus, outbox.clone());
                        match opened {
                            Ok(session) => Some(session),
                            Err(status) => {
                                shared.state().stats.refused_logins += 1;
                                send(refusal(&request, status, &Keys::new()), numbers);
                                return None;
                            }
                        }
                    }
                };
                let mut response = answer(&request, &keys, true);
                // TSIH: never 0, which means a new session.
                response.session =
                    session.map_or(1, |session| u16::try_from(session % 0xffff + 1).unwrap_or(1));
                let sent = send(response, numbers);
                shared.state().stats.logins += 1;
                if !sent {
                    if let Some(session) = session {
                        shared.state().close(session, false);
                    }
                    return None;
                }
                let (numbers, window) = started?;
                return Some(Agreed {
                    session,
                    connection: login.connection,
                    terms: login.terms,
                    window,
                    outbox,
                    numbers,
                });
            }
        }
    }
}

/// Adds a request to the key list it belongs to; a reply once that list is complete.
fn take(
    login: &mut Login<'_>,
    incoming: &mut KeyBuffer,
    request: &LoginRequest,
) -> Result<Option<Reply>, Reply> {
    login.check(request)?;
    let unreadable = |_| Reply::Refuse { status: (2, 0), keys: Keys::new() };
    incoming.push(&request.data).map_err(unreadable)?;
    if request.continued {
        return Ok(None);
    }
    let keys = incoming.finish().map_err(unreadable)?;
    let mut random = [0; 17];
    getrandom::fill(&mut random).map_err(|_| target_error())?;
    Ok(Some(login.step(request, &keys, random)))
}

fn answer(request: &LoginRequest, keys: &Keys, transit: bool) -> LoginResponse {
    LoginResponse {
        transit,
        current_stage: request.current_stage,
        next_stage: if transit { request.next_stage } else { 0 },
        isid: request.isid,
        tag: request.tag,
        data: keys.encode(),
        ..LoginResponse::default()
    }
}

fn refusal(request: &LoginRequest, (status_class, status_detail): (u8, u8), keys: &Keys) -> LoginResponse {
    LoginResponse { status_class, status_detail, ..answer(request, keys, false) }
}
