//! The target's side of a login, as a pure state machine (RFC 7143 sections 6 and 11.12): one complete key list of the
//! initiator in, one answer out.
//!
//! Always holds: nobody reaches the full feature phase of a target that demands CHAP without having answered a fresh
//! challenge, and the number of rounds is bounded.

use std::net::SocketAddr;
use std::sync::Arc;

use super::config::{Algorithm, Config, Target};
use super::fault::{Fault, FaultSet};
use super::negotiate::{Terms, parse_number};
use crate::iscsi::chap::{decode_binary, encode_binary};
use crate::iscsi::pdu::LoginRequest;
use crate::iscsi::text::Keys;

/// Login requests of one login at most.
const MOST_ROUNDS: u32 = 64;

const SECURITY: u8 = 0;
const OPERATIONAL: u8 = 1;
const FULL_FEATURE: u8 = 3;

/// Status-Class and Status-Detail of a refused login (RFC 7143 section 11.13.5).
pub(super) type Status = (u8, u8);
const INITIATOR_ERROR: Status = (2, 0);
const AUTHENTICATION_FAILED: Status = (2, 1);
const NOT_ALLOWED: Status = (2, 2);
const TARGET_NOT_FOUND: Status = (2, 3);
const UNSUPPORTED_VERSION: Status = (2, 5);
const MISSING_PARAMETER: Status = (2, 7);
const SESSION_TYPE: Status = (2, 9);
const NO_SUCH_SESSION: Status = (2, 0x0a);
const INVALID_DURING_LOGIN: Status = (2, 0x0b);
const TARGET_ERROR: Status = (3, 0);
const UNAVAILABLE: Status = (3, 1);
/// More sessions than there is room for.
pub(super) const OUT_OF_RESOURCES: Status = (3, 2);
const MOVED: Status = (1, 1);

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// Go on; `transit` grants the stage that was asked for.
    Continue { keys: Keys, transit: bool },
    /// The login is over: full feature phase.
    Finish { keys: Keys },
    /// Refuse and close.
    Refuse { status: Status, keys: Keys },
    /// Close without a word.
    Close,
}

fn refuse(status: Status) -> Reply {
    Reply::Refuse { status, keys: Keys::new() }
}

/// How far authentication has come.
#[derive(Debug)]
enum Security {
    Open,
    /// AuthMethod=CHAP is agreed on.
    ChapChosen,
    Challenged {
        algorithm: Algorithm,
        identifier: u8,
        challenge: Vec<u8>,
    },
    Done,
}

/// A login under way at one portal.
#[derive(Debug)]
pub(super) struct Login<'a> {
    config: &'a Config,
    faults: FaultSet,
    /// Index of the portal.
    portal: usize,
    local: SocketAddr,
    rounds: u32,
    /// The stage, `None` before the first request.
    stage: Option<u8>,
    security: Security,
    announced: bool,
    declared: bool,
    /// Name of the initiator, lower case.
    pub initiator: Arc<str>,
    pub isid: [u8; 6],
    pub connection: u16,
    /// Index of the target; `None` in a discovery session.
    pub target: Option<usize>,
    pub terms: Terms,
}

impl<'a> Login<'a> {
    pub fn new(config: &'a Config, faults: FaultSet, portal: usize, local: SocketAddr) -> Self {
        Self {
            config,
            faults,
            portal,
            local,
            rounds: 0,
            stage: None,
            security: Security::Open,
            announced: false,
            declared: false,
            initiator: Arc::from(""),
            isid: [0; 6],
            connection: 0,
            target: None,
            terms: Terms::default(),
        }
    }

    fn tag(&self) -> u16 {
        self.config.portals.get(self.portal).map_or(0, |portal| portal.tag)
    }

    fn chosen(&self) -> Option<&'a Target> {
        self.target.and_then(|index| self.config.targets.get(index))
    }

    /// Checks what every request of the login must keep to, whether its key list is complete or not.
    pub fn check(&mut self, request: &LoginRequest) -> Result<(), Reply> {
        self.rounds += 1;
        if self.rounds > MOST_ROUNDS {
            return Err(refuse(INITIATOR_ERROR));
        }
        if request.version_min > 0 {
            return Err(refuse(UNSUPPORTED_VERSION));
        }
        if request.session != 0 {
            // Sessions have one connection, so there is none to join.
            return Err(refuse(NO_SUCH_SESSION));
        }
        match self.stage {
            None => {
                self.isid = request.isid;
                self.connection = request.connection;
                if request.current_stage != SECURITY && request.current_stage != OPERATIONAL {
                    return Err(refuse(INVALID_DURING_LOGIN));
                }
            }
            Some(stage) => {
                if request.isid != self.isid || request.current_stage != stage {
                    return Err(refuse(INVALID_DURING_LOGIN));
                }
            }
        }
        if request.continued && request.transit {
            return Err(refuse(INVALID_DURING_LOGIN));
        }
        let ahead = request.next_stage > request.current_stage
            && matches!(request.next_stage, OPERATIONAL | FULL_FEATURE);
        if request.transit && !ahead {
            return Err(refuse(INVALID_DURING_LOGIN));
        }
        Ok(())
    }

    /// Takes a complete key list with the last request that carried it. `random` is fresh: an identifier and a challenge.
    pub fn step(&mut self, request: &LoginRequest, keys: &Keys, random: [u8; 17]) -> Reply {
        let first = self.stage.is_none();
        if first {
            self.stage = Some(request.current_stage);
            if let Err(reply) = self.introduce(keys) {
                return reply;
            }
        }
        let mut answers = Keys::new();
        if let Some(target) = self.chosen()
            && !self.announced
        {
            answers.push("TargetPortalGroupTag", self.tag().to_string());
            if let Some(alias) = &target.alias {
                answers.push("TargetAlias", alias);
            }
            self.announced = true;
        }
        if request.current_stage == SECURITY {
            match self.authenticate(keys, random) {
                Ok(more) => more.iter().for_each(|(key, value)| answers.push(key, value)),
                Err(reply) => return reply,
            }
        } else {
            let negotiated = self.terms.negotiate(&self.config.negotiation, keys, self.target.is_none());
            negotiated.iter().for_each(|(key, value)| answers.push(key, value));
            if !self.declared {
                let length = self.config.negotiation.max_recv_data_segment_length;
                answers.push("MaxRecvDataSegmentLength", length.to_string());
                self.declared = true;
            }
        }
        let leaves = request.transit && !self.faults.has(Fault::EndlessLogin);
        if !leaves || matches!(self.security, Security::ChapChosen | Security::Challenged { .. }) {
            return Reply::Continue { keys: answers, transit: false };
        }
        if self.demands_chap() && !matches!(self.security, Security::Done) {
            return refuse(AUTHENTICATION_FAILED);
        }
        if request.next_stage == FULL_FEATURE {
            return Reply::Finish { keys: answers };
        }
        self.stage = Some(request.next_stage);
        Reply::Continue { keys: answers, transit: true }
    }

    fn demands_chap(&self) -> bool {
        self.chosen().is_some_and(|target| target.chap.is_some())
    }

    /// Who wants what: the keys of the first request.
    fn introduce(&mut self, keys: &Keys) -> Result<(), Reply> {
        let name = keys.get("InitiatorName").unwrap_or("");
        if name.is_empty() {
            return Err(refuse(MISSING_PARAMETER));
        }
        if name.len() > 223 {
            return Err(refuse(INITIATOR_ERROR));
        }
        self.initiator = name.to_lowercase().into();
        match keys.get("SessionType") {
            None | Some("Normal") => {}
            Some("Discovery") => return Ok(()),
            Some(_) => return Err(refuse(SESSION_TYPE)),
        }
        let Some(wanted) = keys.get("TargetName").map(str::to_lowercase) else {
            return Err(refuse(MISSING_PARAMETER));
        };
        if self.faults.has(Fault::ClosesAtLogin) {
            return Err(Reply::Close);
        }
        for (fault, status) in [
            (Fault::ChapRefused, AUTHENTICATION_FAILED),
            (Fault::TargetUnknown, TARGET_NOT_FOUND),
            (Fault::ServiceUnavailable, UNAVAILABLE),
        ] {
            if self.faults.has(fault) {
                return Err(refuse(status));
            }
        }
        let offered = |target: &Target| target.portals.is_empty() || target.portals.contains(&self.portal);
        let index = self
            .config
            .targets
            .iter()
            .position(|target| target.name == wanted && offered(target))
            .ok_or_else(|| refuse(TARGET_NOT_FOUND))?;
        let target = &self.config.targets[index];
        if !target.initiators.is_empty() && !target.initiators.iter().any(|name| **name == *self.initiator) {
            return Err(refuse(NOT_ALLOWED));
        }
        if self.faults.has(Fault::RedirectLoop) {
            let keys = Keys::new().with("TargetAddress", self.local.to_string());
            return Err(Reply::Refuse { status: MOVED, keys });
        }
        self.target = Some(index);
        Ok(())
    }

    fn authenticate(&mut self, keys: &Keys, random: [u8; 17]) -> Result<Keys, Reply> {
        let failed = || refuse(AUTHENTICATION_FAILED);
        let mut answers = Keys::new();
        if let Some(methods) = keys.get("AuthMethod") {
            if !matches!(self.security, Security::Open) {
                return Err(refuse(INVALID_DURING_LOGIN));
            }
            let wanted = if self.demands_chap() { "CHAP" } else { "None" };
            if !methods.split(',').any(|method| method == wanted) {
                return Err(failed());
            }
            answers.push("AuthMethod", wanted);
            self.security = if wanted == "CHAP" { Security::ChapChosen } else { Security::Done };
        }
        let Some(chap) = self.chosen().and_then(|target| target.chap.as_ref()) else { return Ok(answers) };
        if let (Security::ChapChosen, Some(offer)) = (&self.security, keys.get("CHAP_A")) {
            let algorithm = offer
                .split(',')
                .filter_map(|code| parse_number(code.trim()).and_then(Algorithm::from_code))
                .find(|algorithm| chap.algorithms.contains(algorithm))
                .ok_or_else(failed)?;
            let [identifier, challenge @ ..] = random;
            answers.push("CHAP_A", algorithm.code().to_string());
            answers.push("CHAP_I", identifier.to_string());
            answers.push("CHAP_C", encode_binary(&challenge));
            self.security = Security::Challenged { algorithm, identifier, challenge: challenge.to_vec() };
            return Ok(answers);
        }
        let Some(response) = keys.get("CHAP_R") else { return Ok(answers) };
        // The challenge is used up, whatever comes of it.
        let Security::Challenged { algorithm, identifier, challenge } =
            std::mem::replace(&mut self.security, Security::Open)
        else {
            return Err(refuse(INVALID_DURING_LOGIN));
        };
        let response = decode_binary("CHAP_R", response).map_err(|_| failed())?;
        let known = keys.get("CHAP_N") == Some(chap.initiator.user.as_str());
        let right = algorithm.verify(identifier, &chap.initiator.secret, &challenge, &response);
        if !(known && right) {
            return Err(failed());
        }
        if let Some(theirs) = keys.get("CHAP_C") {
            let theirs = decode_binary("CHAP_C", theirs).map_err(|_| failed())?;
            let identifier = keys
                .get("CHAP_I")
                .and_then(parse_number)
                .and_then(|number| u8::try_from(number).ok())
                .ok_or_else(failed)?;
            let own = chap.target.as_ref().filter(|_| theirs != challenge).ok_or_else(failed)?;
            answers.push("CHAP_N", &own.user);
            answers.push("CHAP_R", encode_binary(&algorithm.response(identifier, &own.secret, &theirs)));
        }
        self.security = Security::Done;
        Ok(answers)
    }
}

/// Refusal where the target itself fails.
pub(super) fn target_error() -> Reply {
    refuse(TARGET_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simtarget::config::{Credentials, DEMO_TARGET};

    const RANDOM: [u8; 17] = [9; 17];

    fn request(stage: u8, next: Option<u8>) -> LoginRequest {
        LoginRequest {
            current_stage: stage,
            next_stage: next.unwrap_or(0),
            transit: next.is_some(),
            ..LoginRequest::default()
        }
    }

    fn hello() -> Keys {
        Keys::new()
            .with("InitiatorName", "iqn.2026-01.test:A")
            .with("TargetName", DEMO_TARGET)
            .with("SessionType", "Normal")
    }

    fn secret(text: &str) -> Credentials {
        Credentials::new(text, format!("{text}-secretsecret").into())
    }

    fn talk(config: &Config, faults: FaultSet, messages: &[(LoginRequest, Keys)]) -> Vec<Reply> {
        let mut login = Login::new(config, faults, 0, ([127, 0, 0, 1], 3260).into());
        messages
            .iter()
            .map(|(request, keys)| match login.check(request) {
                Ok(()) => login.step(request, keys, RANDOM),
                Err(reply) => reply,
            })
            .collect()
    }

    #[test]
    fn plain_login_announces_the_portal_group() {
        let config = Config::demo(FaultSet::NONE);
        let replies = talk(
            &config,
            FaultSet::NONE,
            &[
                (request(0, Some(1)), hello().with("AuthMethod", "CHAP,None")),
                (request(1, Some(3)), Keys::new().with("HeaderDigest", "None")),
            ],
        );
        let Reply::Continue { keys, transit: true } = &replies[0] else { panic!("{replies:?}") };
        assert_eq!((keys.get("AuthMethod"), keys.get("TargetPortalGroupTag")), (Some("None"), Some("1")));
        let Reply::Finish { keys } = &replies[1] else { panic!("{replies:?}") };
        assert_eq!(keys.get("MaxRecvDataSegmentLength"), Some("262144"));
        let direct = talk(&config, FaultSet::NONE, &[(request(1, Some(3)), hello())]);
        assert!(matches!(direct[0], Reply::Finish { .. }), "the security stage may be left out");
    }

    #[test]
    fn chap_must_be_answered_rightly() {
        let config = Config::demo(FaultSet::NONE).with_chap(secret("host"), Some(secret("array")));
        let right = Algorithm::Sha256.response(9, &secret("host").secret, &[9; 16]);
        let answer = |user: &str, response: &[u8]| {
            Keys::new().with("CHAP_N", user).with("CHAP_R", encode_binary(response))
        };
        let last = |keys: Keys| {
            let opening = hello().with("AuthMethod", "CHAP,None");
            let messages = [
                (request(0, None), opening),
                (request(0, None), Keys::new().with("CHAP_A", "8,7,5")),
                (request(0, Some(1)), keys),
            ];
            talk(&config, FaultSet::NONE, &messages).remove(2)
        };
        assert!(matches!(last(answer("host", &right)), Reply::Continue { transit: true, .. }));
        let mutual = answer("host", &right).with("CHAP_I", "3").with("CHAP_C", "0x0102030405");
        let Reply::Continue { keys, transit: true } = last(mutual) else { panic!() };
        let own = Algorithm::Sha256.response(3, &secret("array").secret, &[1, 2, 3, 4, 5]);
        assert_eq!(
            (keys.get("CHAP_N"), keys.get("CHAP_R")),
            (Some("array"), Some(encode_binary(&own).as_str()))
        );
        let reflected = answer("host", &right).with("CHAP_I", "3").with("CHAP_C", encode_binary(&[9; 16]));
        for bad in [
            answer("host", &[0; 32]),
            answer("hosts", &right),
            answer("host", &right[..31]),
            Keys::new(),
            reflected,
        ] {
            let reply = last(bad.clone());
            assert!(
                matches!(
                    reply,
                    Reply::Refuse { status: (2, 1), .. } | Reply::Continue { transit: false, .. }
                ),
                "{bad:?}: {reply:?}"
            );
        }
        for messages in [
            vec![(request(0, Some(1)), hello().with("AuthMethod", "None"))],
            vec![(request(0, Some(1)), hello())],
            vec![(request(0, Some(3)), hello())],
            vec![(request(1, Some(3)), hello())],
        ] {
            let replies = talk(&config, FaultSet::NONE, &messages);
            assert_eq!(replies[0], refuse(AUTHENTICATION_FAILED), "{messages:?}");
        }
    }

    #[test]
    fn refusals_say_why() {
        let mut config = Config::demo(FaultSet::NONE);
        let first = |config: &Config, faults: FaultSet, request: LoginRequest, keys: Keys| {
            talk(config, faults, &[(request, keys)]).remove(0)
        };
        let none = FaultSet::NONE;
        let security = || request(0, Some(1));
        assert_eq!(first(&config, none, security(), Keys::new()), refuse(MISSING_PARAMETER));
        let nameless = Keys::new().with("InitiatorName", "iqn.x");
        assert_eq!(first(&config, none, security(), nameless.clone()), refuse(MISSING_PARAMETER));
        let absent = nameless.with("TargetName", "iqn.2026-01.test:none");
        assert_eq!(first(&config, none, security(), absent), refuse(TARGET_NOT_FOUND));
        let newer = LoginRequest { version_min: 1, ..security() };
        assert_eq!(first(&config, none, newer, hello()), refuse(UNSUPPORTED_VERSION));
        let joins = LoginRequest { session: 7, ..security() };
        assert_eq!(first(&config, none, joins, hello()), refuse(NO_SUCH_SESSION));
        for odd in [request(3, None), request(1, Some(1)), request(0, Some(2)), request(2, Some(3))] {
            assert_eq!(first(&config, none, odd, hello()), refuse(INVALID_DURING_LOGIN));
        }
        assert_eq!(first(&config, Fault::ChapRefused.into(), security(), hello()), refuse((2, 1)));
        assert_eq!(first(&config, Fault::ClosesAtLogin.into(), security(), hello()), Reply::Close);
        let Reply::Refuse { status: (1, 1), keys } =
            first(&config, Fault::RedirectLoop.into(), security(), hello())
        else {
            panic!()
        };
        assert_eq!(keys.get("TargetAddress"), Some("127.0.0.1:3260"));
        config.targets[0].initiators = vec!["iqn.2026-01.test:b".into()];
        assert_eq!(first(&config, none, security(), hello()), refuse(NOT_ALLOWED));
        config.targets[0].portals = vec![1];
        assert_eq!(first(&config, none, security(), hello()), refuse(TARGET_NOT_FOUND));
    }

    #[test]
    fn endless_login_is_ended_by_the_target_too() {
        let config = Config::demo(FaultSet::NONE);
        let messages: Vec<_> = (0..70).map(|_| (request(0, Some(1)), hello())).collect();
        let replies = talk(&config, Fault::EndlessLogin.into(), &messages);
        assert!(matches!(replies[1], Reply::Continue { transit: false, .. }));
        assert!(matches!(replies[69], Reply::Refuse { .. }));
    }
}
