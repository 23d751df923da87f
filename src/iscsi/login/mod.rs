//! The login phase as a pure state machine: a response in, a request out (RFC 7143 sections 6 and 11.12).
//!
//! No socket and no clock, so that every path can be tested. Bounded: at most [`ROUNDS`] requests, key lists of at most
//! 64 KiB. Values that a target may not choose are refused, never silently taken.

mod config;
mod failure;

pub use config::{Authentication, DigestPolicy, LONGEST_NAME, LoginConfig, Negotiated, check_name};
pub use failure::{LoginError, status_text};

use super::chap::{Algorithm, Chap, ChapError, decode_binary, encode_binary};
use super::pdu::{LoginRequest, LoginResponse};
use super::portal::Portal;
use super::text::{KeyBuffer, Keys, segments};
use super::{Digests, Isid};

/// The most login requests of one login.
pub const ROUNDS: u32 = 12;

/// What a data segment may hold during login, and what a peer that declares nothing accepts afterwards.
pub const DEFAULT_SEGMENT: u32 = 8192;

const SECURITY: u8 = 0;
const OPERATIONAL: u8 = 1;
const FULL_FEATURE: u8 = 3;

/// What to do after a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Send this and wait for the next response.
    Send(LoginRequest),
    /// Full feature phase.
    Done(Box<Negotiated>),
    /// Log in at another portal.
    Redirected {
        /// Where.
        portal: Portal,
        /// True for status 01/02.
        permanent: bool,
    },
}

/// How far the authentication has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    MethodOffered,
    AlgorithmOffered,
    Answered(Algorithm),
    Finished,
}

/// A login under way.
#[derive(Debug)]
pub struct Login {
    config: LoginConfig,
    challenge: [u8; 16],
    identifier: u8,
    progress: Progress,
    stage: u8,
    /// Whether the message under way ends with the wish for the next stage.
    transit: bool,
    /// Whether the last request expressed it.
    asked: bool,
    rounds: u32,
    expected_status_sn: Option<u32>,
    /// Data segments of our message that wait for the target's leave to go on.
    outgoing: Vec<Vec<u8>>,
    incoming: KeyBuffer,
    offered: Vec<String>,
    result: Negotiated,
}

impl Login {
    /// Starts a login. `random` must be fresh random bytes: sixteen of challenge for mutual CHAP and its identifier.
    pub fn start(config: LoginConfig, random: [u8; 17]) -> Result<(Self, LoginRequest), LoginError> {
        check_name(&config.initiator_name)?;
        if let Some(target) = &config.target_name {
            check_name(target)?;
        }
        let [challenge @ .., identifier] = random;
        let result = Negotiated {
            session: 0,
            portal_group: None,
            alias: None,
            authentication: Authentication::None,
            digests: Digests::default(),
            target_segment: DEFAULT_SEGMENT,
            target_segment_declared: false,
            immediate_data: true,
            first_burst: config.first_burst.min(64 * 1024),
            max_burst: config.max_burst.min(256 * 1024),
            command_sn: config.command_sn,
            expected_status_sn: 0,
            expected_command_sn: config.command_sn,
            max_command_sn: config.command_sn,
            answers: Keys::new(),
        };
        let mut login = Self {
            challenge,
            identifier,
            progress: Progress::MethodOffered,
            stage: SECURITY,
            transit: false,
            asked: false,
            rounds: 0,
            expected_status_sn: None,
            outgoing: Vec::new(),
            incoming: KeyBuffer::default(),
            offered: Vec::new(),
            result,
            config,
        };
        let mut keys = Keys::new().with("InitiatorName", &login.config.initiator_name);
        match &login.config.target_name {
            Some(target) => {
                keys.push("TargetName", target);
                keys.push("SessionType", "Normal");
            }
            None => keys.push("SessionType", "Discovery"),
        }
        keys.push("AuthMethod", login.methods());
        // Asking for the next stage at once is right only where the exchange may be over with the answer.
        let transit = login.methods() != "CHAP";
        let request = login.say(&keys, transit)?;
        Ok((login, request))
    }

    /// The stage, in words.
    pub fn stage_name(&self) -> &'static str {
        if self.stage == SECURITY { "security negotiation" } else { "operational negotiation" }
    }

    fn methods(&self) -> &'static str {
        match &self.config.chap {
            None => "None",
            Some(chap) if chap.is_mutual() => "CHAP",
            Some(_) => "CHAP,None",
        }
    }

    /// Takes the target's response and says what is next.
    pub fn advance(&mut self, response: &LoginResponse) -> Result<Step, LoginError> {
        match response.status_class {
            0 => {}
            1 => return self.redirected(response),
            class => return Err(LoginError::Refused { class, detail: response.status_detail }),
        }
        self.check(response)?;
        self.expected_status_sn = Some(response.status_sn.wrapping_add(1));
        self.result.expected_command_sn = response.expected_command_sn;
        self.result.max_command_sn = response.max_command_sn;
        self.incoming.push(&response.data)?;
        if response.continued {
            if response.transit {
                return Err(protocol("a continued key list with the transit bit"));
            }
            let request = self.request(Vec::new(), false, false)?;
            return Ok(Step::Send(request));
        }
        if !self.outgoing.is_empty() {
            let segment = self.outgoing.remove(0);
            let more = !self.outgoing.is_empty();
            let request = self.request(segment, more, self.transit && !more)?;
            return Ok(Step::Send(request));
        }
        let keys = self.incoming.finish()?;
        for (key, value) in keys.iter().filter(|(key, _)| !key.starts_with("CHAP_")) {
            self.result.answers.push(key, value);
        }
        if self.stage == SECURITY {
            self.security(&keys, response)
        } else {
            self.operational(&keys, response)
        }
    }

    fn check(&self, response: &LoginResponse) -> Result<(), LoginError> {
        if response.tag != 0 {
            return Err(protocol(format!(
                "a response with task tag {:08x}h, sent was 00000000h",
                response.tag
            )));
        }
        if response.isid != self.config.isid.bytes() {
            let got = Isid(response.isid);
            return Err(protocol(format!("a response for ISID {got}, ours is {}", self.config.isid)));
        }
        if response.version_active != 0 {
            return Err(protocol(format!("version {} where only 0 exists", response.version_active)));
        }
        if let Some(expected) = self.expected_status_sn
            && response.status_sn != expected
        {
            return Err(protocol(format!("StatSN {} where {expected} is next", response.status_sn)));
        }
        if response.current_stage != self.stage {
            return Err(protocol(format!(
                "stage {} where {} is under way",
                response.current_stage, self.stage
            )));
        }
        if response.transit {
            let next = self.next_stage();
            if !self.asked {
                return Err(protocol("the next stage granted before it was asked for"));
            }
            if response.next_stage != next {
                return Err(protocol(format!("stage {} granted, {next} was asked for", response.next_stage)));
            }
        }
        Ok(())
    }

    fn next_stage(&self) -> u8 {
        if self.stage == SECURITY { OPERATIONAL } else { FULL_FEATURE }
    }

    fn redirected(&mut self, response: &LoginResponse) -> Result<Step, LoginError> {
        self.incoming.push(&response.data)?;
        let keys = self.incoming.finish()?;
        let address =
            keys.get("TargetAddress").ok_or_else(|| LoginError::Redirect("sends no TargetAddress".into()))?;
        let (portal, _) =
            Portal::parse_address(address).map_err(|error| LoginError::Redirect(error.to_string()))?;
        Ok(Step::Redirected { portal, permanent: response.status_detail == 2 })
    }

    fn security(&mut self, keys: &Keys, response: &LoginResponse) -> Result<Step, LoginError> {
        self.declarations(keys)?;
        match self.progress {
            Progress::MethodOffered => match keys.get("AuthMethod") {
                Some("CHAP") if self.config.chap.is_some() => {
                    if response.transit {
                        return Err(protocol("CHAP chosen and left in one step"));
                    }
                    self.progress = Progress::AlgorithmOffered;
                    let offer = self.config.chap.as_ref().map(Chap::offer).unwrap_or_default();
                    let request = self.say(&Keys::new().with("CHAP_A", offer), false)?;
                    return Ok(Step::Send(request));
                }
                // Some targets leave the answer out where only one method was offered.
                Some("None") | None if self.methods() != "CHAP" => self.progress = Progress::Finished,
                answer => {
                    let answer = answer.unwrap_or("nothing").chars().take(80).collect();
                    return Err(LoginError::AuthMethod { offered: self.methods(), answer });
                }
            },
            Progress::AlgorithmOffered => {
                if response.transit {
                    return Err(protocol("the security stage left before CHAP was done"));
                }
                let request = self.answer_challenge(keys)?;
                return Ok(Step::Send(request));
            }
            Progress::Answered(algorithm) => {
                self.verify(algorithm, keys, response.transit)?;
            }
            Progress::Finished => {}
        }
        if response.transit {
            self.stage = OPERATIONAL;
            let keys = self.offers();
            let request = self.say(&keys, true)?;
            Ok(Step::Send(request))
        } else {
            let request = self.say(&Keys::new(), true)?;
            Ok(Step::Send(request))
        }
    }

    fn answer_challenge(&mut self, keys: &Keys) -> Result<LoginRequest, LoginError> {
        let Some(chap) = &self.config.chap else { return Err(protocol("CHAP keys without CHAP")) };
        let algorithm = chap.chosen(keys.get("CHAP_A").ok_or(ChapError::Missing("CHAP_A"))?)?;
        let identifier = keys.get("CHAP_I").ok_or(ChapError::Missing("CHAP_I"))?;
        let identifier: u8 = parse_number(identifier)
            .and_then(|number| u8::try_from(number).ok())
            .ok_or(ChapError::Value { key: "CHAP_I", why: "no number from 0 to 255" })?;
        let challenge = decode_binary("CHAP_C", keys.get("CHAP_C").ok_or(ChapError::Missing("CHAP_C"))?)?;
        if challenge == self.challenge {
            return Err(ChapError::Reflection.into());
        }
        let response = algorithm.response(identifier, &chap.initiator().secret, &challenge);
        let mut answer =
            Keys::new().with("CHAP_N", &chap.initiator().user).with("CHAP_R", encode_binary(&response));
        if chap.is_mutual() {
            answer.push("CHAP_I", self.identifier.to_string());
            answer.push("CHAP_C", encode_binary(&self.challenge));
        }
        self.progress = Progress::Answered(algorithm);
        self.say(&answer, true)
    }

    fn verify(&mut self, algorithm: Algorithm, keys: &Keys, transit: bool) -> Result<(), LoginError> {
        let Some(chap) = &self.config.chap else { return Err(protocol("CHAP keys without CHAP")) };
        if chap.is_mutual() {
            let (name, response) = match (keys.get("CHAP_N"), keys.get("CHAP_R")) {
                (Some(name), Some(response)) => (name, decode_binary("CHAP_R", response)?),
                // A target may take another round before it answers, but not leave the stage without.
                (None, None) if !transit => return Ok(()),
                (None, _) => return Err(ChapError::Missing("CHAP_N").into()),
                (_, None) => return Err(ChapError::Missing("CHAP_R").into()),
            };
            chap.verify_target(algorithm, self.identifier, &self.challenge, name, &response)?;
            self.result.authentication = Authentication::Mutual(algorithm);
        } else {
            self.result.authentication = Authentication::OneWay(algorithm);
        }
        self.progress = Progress::Finished;
        Ok(())
    }

    fn offers(&mut self) -> Keys {
        let config = &self.config;
        let mut keys = Keys::new()
            .with("HeaderDigest", config.header_digest.offer())
            .with("DataDigest", config.data_digest.offer())
            .with("MaxRecvDataSegmentLength", config.max_segment.to_string())
            .with("DefaultTime2Wait", "0")
            .with("DefaultTime2Retain", "0")
            .with("ErrorRecoveryLevel", "0");
        if config.target_name.is_some() {
            for (key, value) in [
                ("InitialR2T", "Yes".to_owned()),
                ("ImmediateData", "Yes".to_owned()),
                ("MaxBurstLength", config.max_burst.to_string()),
                ("FirstBurstLength", config.first_burst.to_string()),
                ("MaxOutstandingR2T", "1".to_owned()),
                ("MaxConnections", "1".to_owned()),
                ("DataPDUInOrder", "Yes".to_owned()),
                ("DataSequenceInOrder", "Yes".to_owned()),
            ] {
                keys.push(key, value);
            }
        }
        self.offered = keys.iter().map(|(key, _)| key.to_owned()).collect();
        keys
    }

    fn operational(&mut self, keys: &Keys, response: &LoginResponse) -> Result<Step, LoginError> {
        self.declarations(keys)?;
        let mut answers = Keys::new();
        for (key, value) in keys.iter() {
            if matches!(value, "NotUnderstood" | "Irrelevant" | "Reject") {
                self.not_taken(key, value)?;
            } else if self.offered.iter().any(|offered| offered == key) {
                self.take(key, value)?;
            } else if let Some(answer) = unasked(key) {
                answers.push(key, answer);
            }
        }
        if response.transit {
            if !answers.is_empty() {
                return Err(protocol("the login ended with a key that still wants an answer"));
            }
            // What is required must have been answered: silence is no consent.
            for (key, policy, on) in [
                ("HeaderDigest", self.config.header_digest, self.result.digests.header),
                ("DataDigest", self.config.data_digest, self.result.digests.data),
            ] {
                if policy == DigestPolicy::Require && !on {
                    return Err(answer(key, keys.get(key).unwrap_or(""), "CRC32C is required"));
                }
            }
            self.result.session = response.session;
            self.result.expected_status_sn = response.status_sn.wrapping_add(1);
            return Ok(Step::Done(Box::new(self.result.clone())));
        }
        let request = self.say(&answers, true)?;
        Ok(Step::Send(request))
    }

    /// Keys that a target declares in either stage.
    fn declarations(&mut self, keys: &Keys) -> Result<(), LoginError> {
        if let Some(value) = keys.get("TargetPortalGroupTag") {
            let tag = parse_number(value).and_then(|tag| u16::try_from(tag).ok());
            self.result.portal_group =
                Some(tag.ok_or_else(|| {
                    answer("TargetPortalGroupTag", value, "which is no number up to 65535")
                })?);
        }
        if let Some(value) = keys.get("TargetAlias") {
            self.result.alias = Some(value.chars().take(255).collect());
        }
        if let Some(value) = keys.get("MaxRecvDataSegmentLength") {
            self.result.target_segment = number("MaxRecvDataSegmentLength", value, 512, 0x00ff_ffff)?;
            self.result.target_segment_declared = true;
        }
        Ok(())
    }

    fn not_taken(&self, key: &str, value: &str) -> Result<(), LoginError> {
        let required = match key {
            "HeaderDigest" => self.config.header_digest == DigestPolicy::Require,
            "DataDigest" => self.config.data_digest == DigestPolicy::Require,
            _ => false,
        };
        if required { Err(answer(key, value, "but CRC32C is required")) } else { Ok(()) }
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), LoginError> {
        match key {
            "HeaderDigest" => self.result.digests.header = digest(key, value, self.config.header_digest)?,
            "DataDigest" => self.result.digests.data = digest(key, value, self.config.data_digest)?,
            "ImmediateData" => self.result.immediate_data = boolean(key, value)?,
            // We ask for Yes, which wins whatever the target says; an answer must still be a boolean.
            "InitialR2T" | "DataPDUInOrder" | "DataSequenceInOrder" => {
                boolean(key, value)?;
            }
            "MaxBurstLength" => {
                self.result.max_burst = number(key, value, 512, 0x00ff_ffff)?.min(self.config.max_burst);
            }
            "FirstBurstLength" => {
                self.result.first_burst = number(key, value, 512, 0x00ff_ffff)?.min(self.config.first_burst);
            }
            // Zero was offered and the smaller number wins.
            "ErrorRecoveryLevel" => {
                number(key, value, 0, 0)?;
            }
            "MaxOutstandingR2T" | "MaxConnections" => {
                number(key, value, 1, 65_535)?;
            }
            "DefaultTime2Wait" | "DefaultTime2Retain" => {
                number(key, value, 0, 3600)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// A message of this key list: its first request now, the others as the target lets them.
    fn say(&mut self, keys: &Keys, transit: bool) -> Result<LoginRequest, LoginError> {
        let limit = usize::try_from(DEFAULT_SEGMENT).unwrap_or(usize::MAX);
        self.outgoing = segments(&keys.encode(), limit);
        self.transit = transit;
        let first = self.outgoing.remove(0);
        let more = !self.outgoing.is_empty();
        self.request(first, more, transit && !more)
    }

    fn request(&mut self, data: Vec<u8>, continued: bool, transit: bool) -> Result<LoginRequest, LoginError> {
        self.rounds += 1;
        if self.rounds > ROUNDS {
            return Err(LoginError::TooManyRounds);
        }
        self.asked = transit;
        Ok(LoginRequest {
            transit,
            continued,
            current_stage: self.stage,
            next_stage: if transit { self.next_stage() } else { 0 },
            isid: self.config.isid.bytes(),
            session: self.config.session,
            tag: 0,
            connection: self.config.connection,
            command_sn: self.config.command_sn,
            expected_status_sn: self.expected_status_sn.unwrap_or(0),
            data,
            ..LoginRequest::default()
        })
    }
}

fn protocol(what: impl Into<String>) -> LoginError {
    LoginError::Protocol(what.into())
}

fn answer(key: &str, value: &str, why: &'static str) -> LoginError {
    LoginError::Answer { key: key.to_owned(), value: value.chars().take(80).collect(), why }
}

/// The answer to a key that the target brings up itself; `None` where it only declares something.
fn unasked(key: &str) -> Option<&'static str> {
    match key {
        "TargetPortalGroupTag"
        | "TargetAlias"
        | "MaxRecvDataSegmentLength"
        | "TargetAddress"
        | "TargetName"
        | "AuthMethod" => None,
        "IFMarker" | "OFMarker" => Some("No"),
        "IFMarkInt" | "OFMarkInt" => Some("Irrelevant"),
        _ => Some("NotUnderstood"),
    }
}

/// A number as RFC 7143 section 6.1 writes it, decimal or `0x`.
fn parse_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(digits, 16).ok(),
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    }
}

fn number(key: &str, value: &str, least: u32, most: u32) -> Result<u32, LoginError> {
    parse_number(value)
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| answer(key, value, "which is no number that this key may have"))
}

fn boolean(key: &str, value: &str) -> Result<bool, LoginError> {
    match value {
        "Yes" => Ok(true),
        "No" => Ok(false),
        _ => Err(answer(key, value, "which is neither Yes nor No")),
    }
}

fn digest(key: &str, value: &str, policy: DigestPolicy) -> Result<bool, LoginError> {
    match (value, policy) {
        ("None", DigestPolicy::Off | DigestPolicy::Prefer) => Ok(false),
        ("CRC32C", DigestPolicy::Prefer | DigestPolicy::Require) => Ok(true),
        ("None", DigestPolicy::Require) => Err(answer(key, value, "but CRC32C is required")),
        _ => Err(answer(key, value, "which was not offered")),
    }
}

#[cfg(test)]
mod tests;
