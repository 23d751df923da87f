//! Key lists of a login and the state machine that reads them: a hostile target gets no further than an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quorate::iscsi::chap::{Chap, Credentials, decode_binary};
use quorate::iscsi::login::{Login, LoginConfig, Step};
use quorate::iscsi::pdu::LoginResponse;
use quorate::iscsi::text::Keys;
use quorate::iscsi::{Isid, Portal};

fuzz_target!(|input: (bool, Vec<(u8, Vec<u8>)>)| {
    let (mutual, script) = input;
    for (_, text) in &script {
        if let Ok(keys) = Keys::decode(text) {
            assert_eq!(Keys::decode(&keys.encode()), Ok(keys.clone()));
            for (_, value) in keys.iter() {
                let _ = decode_binary("CHAP_C", value);
                let _ = Portal::parse_address(value);
            }
        }
    }
    let isid = Isid([0x80, 0, 0, 0, 0, 1]);
    let mut config = LoginConfig::new("iqn.2026-01.test:node", "iqn.2026-01.test:disk", isid);
    let ours = Credentials::new("us", "our-own-secret".to_owned().into());
    let theirs = Credentials::new("them", "their-secret-1".to_owned().into());
    config.chap = mutual.then(|| Chap::mutual(ours, theirs).expect("two secrets"));
    let (mut login, mut request) = Login::start(config, [7; 17]).expect("sound names");
    for (status_sn, (flags, text)) in (0..).zip(script) {
        let honest = flags & 0x04 == 0;
        let response = LoginResponse {
            transit: flags & 0x01 != 0,
            continued: flags & 0x02 != 0,
            current_stage: if honest { request.current_stage } else { (flags >> 3) & 3 },
            next_stage: if honest { request.next_stage } else { (flags >> 5) & 3 },
            status_class: if flags == 0xff { 1 } else { 0 },
            isid: isid.bytes(),
            status_sn,
            data: text,
            ..LoginResponse::default()
        };
        match login.advance(&response) {
            Ok(Step::Send(next)) => request = next,
            Ok(Step::Done(negotiated)) => {
                assert!(negotiated.target_segment >= 512 && negotiated.max_burst >= 512);
                break;
            }
            _ => break,
        }
    }
});
