use super::*;
use crate::iscsi::chap::Credentials;

const INITIATOR: &str = "iqn.2026-01.test:node";
const TARGET: &str = "iqn.2026-01.test:disk";

fn isid() -> Isid {
    Isid([0x80, 1, 2, 3, 0, 1])
}

fn config() -> LoginConfig {
    LoginConfig::new(INITIATOR, TARGET, isid())
}

fn start(config: LoginConfig) -> (Login, LoginRequest) {
    Login::start(config, *b"our own challenge").unwrap()
}

fn keys(pairs: &[(&str, &str)]) -> Vec<u8> {
    pairs.iter().copied().collect::<Keys>().encode()
}

/// A well-behaved answer to `request` with these keys.
fn reply(request: &LoginRequest, status_sn: u32, pairs: &[(&str, &str)]) -> LoginResponse {
    LoginResponse {
        transit: request.transit,
        current_stage: request.current_stage,
        next_stage: request.next_stage,
        isid: request.isid,
        session: 7,
        tag: request.tag,
        status_sn,
        expected_command_sn: request.command_sn,
        max_command_sn: request.command_sn + 31,
        data: keys(pairs),
        ..LoginResponse::default()
    }
}

fn sent(step: Result<Step, LoginError>) -> LoginRequest {
    match step.unwrap() {
        Step::Send(request) => request,
        other => panic!("{other:?}"),
    }
}

fn text(request: &LoginRequest) -> Keys {
    Keys::decode(&request.data).unwrap()
}

fn done(step: Result<Step, LoginError>) -> Negotiated {
    match step.unwrap() {
        Step::Done(negotiated) => *negotiated,
        other => panic!("{other:?}"),
    }
}

/// Through the security stage without authentication.
fn at_operational(config: LoginConfig) -> (Login, LoginRequest) {
    let (mut login, request) = start(config);
    let answer = reply(&request, 1, &[("TargetPortalGroupTag", "1"), ("AuthMethod", "None")]);
    let request = sent(login.advance(&answer));
    (login, request)
}

#[test]
fn without_authentication() {
    let (mut login, first) = start(config());
    assert!(first.transit);
    assert_eq!((first.current_stage, first.next_stage), (0, 1));
    assert_eq!(text(&first).get("AuthMethod"), Some("None"));
    assert_eq!(text(&first).get("TargetName"), Some(TARGET));
    let second =
        sent(login.advance(&reply(&first, 5, &[("TargetPortalGroupTag", "3"), ("AuthMethod", "None")])));
    assert_eq!((second.current_stage, second.next_stage, second.expected_status_sn), (1, 3, 6));
    let answer = reply(
        &second,
        6,
        &[
            ("HeaderDigest", "None"),
            ("DataDigest", "None"),
            ("MaxRecvDataSegmentLength", "65536"),
            ("ImmediateData", "No"),
            ("FirstBurstLength", "4096"),
            ("MaxBurstLength", "16776192"),
            ("ErrorRecoveryLevel", "0"),
        ],
    );
    let negotiated = done(login.advance(&answer));
    assert_eq!(negotiated.portal_group, Some(3));
    assert_eq!(negotiated.target_segment, 65_536);
    assert!(!negotiated.immediate_data);
    assert_eq!((negotiated.first_burst, negotiated.max_burst), (4096, 256 * 1024));
    assert_eq!((negotiated.session, negotiated.expected_status_sn), (7, 7));
    assert_eq!(negotiated.max_command_sn, negotiated.command_sn + 31);
    assert_eq!(negotiated.authentication, Authentication::None);
}

#[test]
fn a_target_that_declares_no_segment_length_gets_8192() {
    let (mut login, request) = at_operational(config());
    let negotiated = done(login.advance(&reply(&request, 2, &[])));
    assert_eq!((negotiated.target_segment, negotiated.target_segment_declared), (8192, false));
}

#[test]
fn discovery_offers_no_keys_of_data_transfer() {
    let (mut login, first) = start(LoginConfig::discovery(INITIATOR, isid()));
    assert_eq!(text(&first).get("SessionType"), Some("Discovery"));
    assert_eq!(text(&first).get("TargetName"), None);
    let second = sent(login.advance(&reply(&first, 1, &[("AuthMethod", "None")])));
    assert_eq!(text(&second).get("MaxBurstLength"), None);
    assert!(text(&second).get("MaxRecvDataSegmentLength").is_some());
}

fn mutual() -> LoginConfig {
    let ours = Credentials::new("labuser", "labsecret1234".to_owned().into());
    let theirs = Credentials::new("tgtuser", "tgtsecret1234".to_owned().into());
    let chap =
        Chap::mutual(ours, theirs).unwrap().with_algorithms(vec![Algorithm::Sha256, Algorithm::Md5]).unwrap();
    LoginConfig { chap: Some(chap), ..config() }
}

/// A target that knows both secrets plays its part up to our response; gives the login and our response.
fn at_response(config: LoginConfig, challenge: &[u8]) -> Result<(Login, LoginRequest), LoginError> {
    let (mut login, first) = start(config);
    let offer =
        sent(login.advance(&reply(&LoginRequest { transit: false, ..first }, 1, &[("AuthMethod", "CHAP")])));
    assert_eq!(text(&offer).get("CHAP_A"), Some("7,5"));
    let challenge = encode_binary(challenge);
    let answer = reply(&offer, 2, &[("CHAP_A", "5"), ("CHAP_I", "9"), ("CHAP_C", &challenge)]);
    match login.advance(&answer)? {
        Step::Send(request) => Ok((login, request)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn mutual_chap() {
    let (mut login, response) = at_response(mutual(), b"challenge of the target").unwrap();
    let said = text(&response);
    assert_eq!(said.get("CHAP_N"), Some("labuser"));
    let ours = decode_binary("CHAP_R", said.get("CHAP_R").unwrap()).unwrap();
    assert!(Algorithm::Md5.verify(9, &"labsecret1234".to_owned().into(), b"challenge of the target", &ours));
    let identifier: u8 = said.get("CHAP_I").unwrap().parse().unwrap();
    let challenge = decode_binary("CHAP_C", said.get("CHAP_C").unwrap()).unwrap();
    let theirs = Algorithm::Md5.response(identifier, &"tgtsecret1234".to_owned().into(), &challenge);
    let theirs = encode_binary(&theirs);
    let good = reply(&response, 3, &[("CHAP_N", "tgtuser"), ("CHAP_R", &theirs)]);
    let operational = sent(login.advance(&good));
    let negotiated = done(login.advance(&reply(&operational, 4, &[])));
    assert_eq!(negotiated.authentication, Authentication::Mutual(Algorithm::Md5));
    assert!(negotiated.answers.iter().all(|(key, _)| !key.starts_with("CHAP_")));

    // the same with a wrong name, a wrong response, no response
    for (pairs, expected) in [
        (vec![("CHAP_N", "other"), ("CHAP_R", theirs.as_str())], "calls itself `other`"),
        (
            vec![("CHAP_N", "tgtuser"), ("CHAP_R", "0x00112233445566778899aabbccddeeff")],
            "failed to authenticate",
        ),
        (vec![], "no `CHAP_N`"),
    ] {
        let (mut login, response) = at_response(mutual(), b"challenge of the target").unwrap();
        let error = login.advance(&reply(&response, 3, &pairs)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn reflection_is_refused() {
    assert_eq!(
        at_response(mutual(), b"our own challeng").unwrap_err(),
        LoginError::Chap(ChapError::Reflection)
    );
}

#[test]
fn a_target_may_not_talk_mutual_chap_down() {
    let (mut login, first) = start(mutual());
    assert_eq!(text(&first).get("AuthMethod"), Some("CHAP"));
    let error = login.advance(&reply(&first, 1, &[("AuthMethod", "None")])).unwrap_err();
    assert!(matches!(error, LoginError::AuthMethod { offered: "CHAP", .. }), "{error}");
}

#[test]
fn one_way_chap_tells_when_the_target_did_not_want_it() {
    let chap = Chap::one_way(Credentials::new("u", "secret-secret".to_owned().into()));
    let (mut login, first) = start(LoginConfig { chap: Some(chap), ..config() });
    assert_eq!(text(&first).get("AuthMethod"), Some("CHAP,None"));
    let second = sent(login.advance(&reply(&first, 1, &[("AuthMethod", "None")])));
    let negotiated = done(login.advance(&reply(&second, 2, &[])));
    assert_eq!(negotiated.authentication, Authentication::None);
}

#[test]
fn chap_that_is_not_configured() {
    let (mut login, first) = start(config());
    let error = login
        .advance(&reply(&LoginRequest { transit: false, ..first }, 1, &[("AuthMethod", "CHAP")]))
        .unwrap_err();
    assert!(matches!(error, LoginError::AuthMethod { offered: "None", .. }), "{error}");
    assert!(error.likely_cause().is_some());
}

#[test]
fn statuses_say_what_and_why() {
    for (class, detail, what) in [
        (2, 1, "authentication failure"),
        (2, 2, "authorization failure"),
        (2, 3, "target not found"),
        (3, 1, "service unavailable"),
    ] {
        let (mut login, first) = start(config());
        let mut answer = reply(&first, 1, &[]);
        (answer.status_class, answer.status_detail) = (class, detail);
        let error = login.advance(&answer).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
        assert!(error.likely_cause().is_some());
    }
}

#[test]
fn redirections() {
    let (mut login, first) = start(config());
    let mut answer = reply(&first, 1, &[("TargetAddress", "[2001:db8::7]:3261,1")]);
    (answer.status_class, answer.status_detail) = (1, 1);
    assert_eq!(
        login.advance(&answer),
        Ok(Step::Redirected { portal: Portal::new("2001:db8::7", 3261), permanent: false })
    );
    for data in [keys(&[]), keys(&[("TargetAddress", "[")])] {
        answer.data = data;
        assert!(matches!(login.advance(&answer), Err(LoginError::Redirect(_))));
    }
}

#[test]
fn a_login_without_end_ends() {
    let (mut login, mut request) = start(config());
    let mut requests = 1;
    let error = loop {
        let answer = reply(&LoginRequest { transit: false, ..request }, requests, &[("AuthMethod", "None")]);
        match login.advance(&answer) {
            Ok(Step::Send(next)) => request = next,
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
        requests += 1;
    };
    assert_eq!((error, requests), (LoginError::TooManyRounds, ROUNDS));
}

#[test]
fn keys_of_the_target_in_pieces() {
    let (mut login, request) = at_operational(config());
    let text = keys(&[("MaxRecvDataSegmentLength", "65536"), ("HeaderDigest", "None")]);
    let mut first = reply(&LoginRequest { transit: false, ..request }, 2, &[]);
    first.continued = true;
    first.data = text[..20].to_vec();
    let empty = sent(login.advance(&first));
    assert!(empty.data.is_empty() && !empty.transit);
    let mut second = reply(&empty, 3, &[]);
    second.data = text[20..].to_vec();
    let asking = sent(login.advance(&second));
    assert!(asking.transit);
    assert_eq!(done(login.advance(&reply(&asking, 4, &[]))).target_segment, 65_536);
}

#[test]
fn required_digests_must_be_granted() {
    let strict = LoginConfig { header_digest: DigestPolicy::Require, ..config() };
    for answer in [Some("None"), Some("Reject"), Some("NotUnderstood"), None] {
        let (mut login, request) = at_operational(strict.clone());
        let pairs: Vec<_> = answer.map(|value| ("HeaderDigest", value)).into_iter().collect();
        let error = login.advance(&reply(&request, 2, &pairs)).unwrap_err();
        assert!(matches!(error, LoginError::Answer { .. }), "{answer:?} {error}");
    }
    let (mut login, request) = at_operational(strict);
    assert!(done(login.advance(&reply(&request, 2, &[("HeaderDigest", "CRC32C")]))).digests.header);
    let (mut login, request) = at_operational(config());
    assert!(login.advance(&reply(&request, 2, &[("HeaderDigest", "CRC32C")])).is_err());
}

#[test]
fn keys_that_the_target_brings_up() {
    let (mut login, request) = at_operational(config());
    let answer = reply(
        &LoginRequest { transit: false, ..request },
        2,
        &[("IFMarker", "Yes"), ("X-com.example.Thing", "1"), ("MaxRecvDataSegmentLength", "8192")],
    );
    let answers = text(&sent(login.advance(&answer)));
    assert_eq!(answers.get("IFMarker"), Some("No"));
    assert_eq!(answers.get("X-com.example.Thing"), Some("NotUnderstood"));
    assert_eq!(answers.len(), 2);
}

#[test]
fn broken_targets_are_told() {
    type Damage = fn(&mut LoginResponse);
    let cases: [(Damage, &str); 8] = [
        (|r| r.tag = 9, "task tag"),
        (|r| r.isid[1] = 0xff, "ISID"),
        (|r| r.version_active = 1, "version"),
        (|r| r.status_sn = 77, "StatSN 77"),
        (|r| r.current_stage = 0, "stage"),
        (|r| r.next_stage = 1, "stage 1 granted"),
        (|r| r.continued = true, "continued"),
        (|r| r.data = b"garbage".to_vec(), "key=value"),
    ];
    for (damage, expected) in cases {
        let (mut login, request) = at_operational(config());
        let mut answer = reply(&request, 2, &[]);
        damage(&mut answer);
        let error = login.advance(&answer).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
    for (key, value) in [
        ("MaxRecvDataSegmentLength", "100"),
        ("MaxRecvDataSegmentLength", "99999999999999999999"),
        ("MaxBurstLength", "-1"),
        ("ImmediateData", "maybe"),
        ("ErrorRecoveryLevel", "2"),
        ("TargetPortalGroupTag", "70000"),
    ] {
        let (mut login, request) = at_operational(config());
        let error = login.advance(&reply(&request, 2, &[(key, value)])).unwrap_err();
        assert!(matches!(error, LoginError::Answer { .. }), "{error}");
    }
    // a stage that was not asked for
    let (mut login, _) = start(mutual());
    let early = LoginResponse {
        transit: true,
        next_stage: 1,
        isid: isid().bytes(),
        data: keys(&[("AuthMethod", "CHAP")]),
        ..LoginResponse::default()
    };
    assert!(matches!(login.advance(&early), Err(LoginError::Protocol(_))));
}

#[test]
fn names_have_a_form() {
    for name in
        ["", "iqn.", "node1", "iqn.2026-01.test:a b", "iqn.2026-01.test:a\u{1b}", "iqn.2026-01.test:a,i"]
    {
        assert!(check_name(name).is_err(), "{name}");
    }
    assert!(check_name(&format!("iqn.{}", "a".repeat(LONGEST_NAME))).is_err());
    assert!(check_name("eui.02004567A425678D").is_ok());
}

#[test]
fn long_names_go_out_in_one_piece_or_several() {
    let long = LoginConfig { target_name: Some(format!("iqn.{}", "a".repeat(200))), ..config() };
    let (_, request) = start(long);
    assert!(!request.continued && request.data.len() < 8192);
}

proptest::proptest! {
    #[test]
    fn no_sequence_of_answers_panics(script in proptest::collection::vec(
        (proptest::prelude::any::<[bool; 2]>(), 0..4u8, 0..4u8, proptest::collection::vec(
            (proptest::sample::select(vec!["AuthMethod", "CHAP_A", "CHAP_I", "CHAP_C", "CHAP_N", "CHAP_R", "HeaderDigest", "MaxBurstLength", "Other"]),
             proptest::sample::select(vec!["None", "CHAP", "5", "0x00", "0x112233", "Yes", "Reject", "CRC32C", "65536"])), 0..5)), 0..14)) {
        for config in [config(), mutual()] {
            let (mut login, mut request) = start(config);
            for (sn, ([transit, continued], stage, next, pairs)) in script.iter().enumerate() {
                let mut answer = reply(&request, u32::try_from(sn).unwrap(), pairs);
                (answer.transit, answer.continued) = (*transit, *continued);
                if *stage < 2 {
                    answer.current_stage = request.current_stage;
                    answer.next_stage = request.next_stage;
                } else {
                    (answer.current_stage, answer.next_stage) = (*stage, *next);
                }
                match login.advance(&answer) {
                    Ok(Step::Send(next)) => request = next,
                    _ => break,
                }
            }
        }
    }
}
